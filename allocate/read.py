"""Reads a district folder into a District, and names every fault of every file at once."""

import gc
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pydantic
import pyproj
import shapely
from shapely.geometry.base import BaseGeometry

from allocate import datum, tables
from allocate.bundle import bundled
from allocate.datum import DatumError
from allocate.datum_check import warn_of_misfits
from allocate.district import (
    CareHome,
    Department,
    District,
    Fact,
    FieldThere,
    FunctionThere,
    Growth,
    Institution,
    Listed,
    NoRounds,
    Observed,
    Origin,
    Place,
    PlaceYear,
    Staffing,
    Standing,
    Town,
)
from allocate.drawn import shape_of
from allocate.errors import InputError, Problem, UsageError
from allocate.fault_kinds import FaultKind
from allocate.faults import reason
from allocate.files.database import Connection, is_name
from allocate.files.finding import Shelf, TableSource, table_names
from allocate.files.layers import outline
from allocate.files.sheet import Unreadable
from allocate.files.written import parse_toml
from allocate.folder import Folder
from allocate.layers import LayerSource, read_layers, warn_of_sites
from allocate.names import CARD
from allocate.postings import months_of
from allocate.road_checks import warn_of_roads
from allocate.road_reading import RoadsSaid, around, read_barriers, read_roads
from allocate.row_checks import check_rows, read_names
from allocate.synonyms import BOUNDARY as BOUNDARY_TABLE
from allocate.synonyms import DRAWN
from allocate.table_reading import read_table
from allocate.tables import INSTITUTION_KINDS, Table
from allocate.travel.circles import Text
from allocate.travel.points import metric
from allocate.values import Cell
from allocate.words import say

BOUNDARY = "boundary.geojson"
# What a place or town needs for planning, and `estimate` can fill in.
_ESTIMATED = ("people", "lon", "lat")
# What an institution lacks that is known by its number alone.
_NOWHERE: Mapping[str, str | None] = {"town": "", "lon": None, "lat": None, "position_basis": None}
# What a length in the district's metric system may differ from the one on the ground, as a share of it.
_LENGTH_ERROR = 0.01
# The datums that a district is planned in; what is given in another one is converted to the first.
_PLANNED = ("wgs84", "cgcs2000")


class _Card(pydantic.BaseModel):
    """What district.toml says."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: Text
    code: str = pydantic.Field(min_length=1)
    datum: str
    epsg: int = pydantic.Field(ge=1024, le=32767)
    tables: dict[str, TableSource] = {}
    databases: dict[str, Connection] = {}
    roads: RoadsSaid = RoadsSaid()
    layers: dict[str, LayerSource] = {}
    partial: tuple[Literal[INSTITUTION_KINDS], ...] = ()  # type: ignore[valid-type]

    @pydantic.field_validator("name")
    @classmethod
    def _said(cls, name: dict[str, str]) -> dict[str, str]:
        if not all(text.strip() for text in name.values()):
            raise ValueError(say("reason.too_short"))
        return name

    @pydantic.field_validator("datum")
    @classmethod
    def _known(cls, said: str) -> str:
        try:
            return datum.parse(said).name
        except DatumError as error:
            raise ValueError(say(error.what, **dict(error.details))) from None

    @pydantic.field_validator("databases")
    @classmethod
    def _named(cls, said: dict[str, Connection]) -> dict[str, Connection]:
        if not all(map(is_name, said)):
            raise ValueError(say("reason.database_name"))
        return said

    @property
    def planned(self) -> str:
        """The datum that the district is planned in."""
        return self.datum if self.datum in _PLANNED else _PLANNED[0]


# What stands for the keys of a card that are missing or wrong, so that the others can be taken.
_STAND_IN = {"name": {"zh": "—", "en": "—"}, "code": "—", "datum": _PLANNED[0], "epsg": 4548}


def is_file(path: Path) -> bool:
    """Tell whether a file is there; a name that the disk cannot even hold is none.

    >>> is_file(Path("x" * 5000))
    False
    """
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def find_district(name: str, home: Path | None = None, model: str = "") -> Path:
    """Return the folder of a district: a path, or a name in data/, or the name of a bundled one.

    `home` is where the model lies that asks, and `model` its file. A planner's own model takes the district that lies
    beside it or beside its folder before one of the same name here; for a bundled model it is the other way round.
    Without a model, a folder whose data/ holds one district is taken for that district.

    Raises
    ------
    UsageError
        When there is none, or when the folder holds several.
    """
    here, supplied = Path(), bundled()
    near = [] if home is None else [home, home.parent]
    homes = [here, *near] if home == supplied / "models" else [*near, here]
    folders = [place / part for place in homes for part in ("", "data")] + [supplied / "data"]
    for path in (folder / name for folder in folders):
        if _is_district(path):
            return path
    if not model:
        inside = _districts_in(Path(name))
        if len(inside) > 1:
            listed = {"names": ", ".join(path.name for path in inside), "example": str(inside[0])}
            raise UsageError([Problem("problem.several_districts", value=name, details=listed)])
        if inside:
            return inside[0]
    names = ", ".join(sorted(p.parent.name for p in (supplied / "data").glob(f"*/{CARD}")))
    if not model:
        raise UsageError([Problem("problem.no_district", value=name, details={"names": names})])
    # (Of a whole path there is only one place to look.)
    looked = dict.fromkeys(str((folder / name).parent.absolute()) for folder in folders)
    details = {"names": names, "looked": ", ".join(looked)}
    raise UsageError([Problem("problem.model_district", model, column="district", value=name, details=details)])


def _is_district(folder: Path) -> bool:
    return is_file(folder / CARD) or is_file(folder / tables.PLACES.file)


def _districts_in(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in (folder / "data").iterdir() if _is_district(path))
    except (OSError, ValueError):
        return []


def read_district(folder: str | Path) -> District:
    """Read a district that is ready to be planned: every place has people and a position.

    Raises
    ------
    InputError
        When any file has a fault; it lists all of them.
    """
    path = Path(folder) if isinstance(folder, Path) else find_district(folder)
    return _read(path, tables.PLACES, tables.TOWNS, tables.INSTITUTIONS)


def read_list(folder: str | Path) -> District:
    """Read a district whose places may lack people and positions, and institutions where they are, for `estimate`.

    Raises
    ------
    InputError
        When any file has a fault; it lists all of them.
    """
    path = Path(folder) if isinstance(folder, Path) else find_district(folder)
    return _read(path, tables.PLACES_TO_ESTIMATE, tables.TOWNS_TO_ESTIMATE, tables.INSTITUTIONS_TO_ESTIMATE)


def _read(path: Path, *wanted: Table) -> District:
    with _uncollected():
        return _read_all(Folder(path, Shelf(path)), *wanted)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Collect no garbage for a while.

    Cells are many and hold no circles: a collector that went through them again and again would take a third of the
    time.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


@dataclass(frozen=True)
class Look:
    """What a folder says, whether it can be planned or not.

    Attributes
    ----------
    problems, warnings
        What must be mended, and what is only odd.
    origins
        Where every table was read from, by its name.
    heads
        In which row the headings of a table stand, and in which column of the sheet each column, by the table's name.
    bases
        How many rows of a table rest on what, by the table's name and its column of bases.
    """

    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    origins: Mapping[str, Origin]
    heads: Mapping[str, tuple[int, Mapping[str, int]]]
    bases: Mapping[str, Mapping[str, Mapping[str, int]]]


def look_at(folder: Path) -> Look:
    """Return what the reader finds in a folder that may be faulty, as `read_district` reads it."""
    found = Folder(folder, Shelf(folder))
    with suppress(InputError), _uncollected():
        _read_all(found, tables.PLACES, tables.TOWNS, tables.INSTITUTIONS)
    return Look(tuple(found.problems), tuple(found.warnings), found.origins, found.heads, found.bases)


def _read_all(folder: Folder, *wanted: Table) -> District:
    path = folder.path
    card, epsg = _read_card(folder)
    asked = {table.name: table for table in (*tables.TABLES, *wanted)}
    rows = {name: read_table(folder, table) for name, table in asked.items()}
    boundary = _read_boundary(folder)
    place = None
    if epsg is not None and boundary is not None:
        if _measures_well(epsg, boundary):
            place = around(boundary, folder.planned, epsg)
        else:
            folder.blame(FaultKind.EPSG, CARD, column="epsg", value=epsg)
    roads = read_roads(folder, card.roads if card else RoadsSaid(), place)
    barriers = read_barriers(folder, place)
    layers = read_layers(folder, card.layers if card else {}, boundary, epsg)
    _check_sources(folder)
    read_names(folder, rows)
    check_rows(folder, rows, boundary)
    warn_of_sites(folder, layers, rows[tables.INSTITUTIONS.name], epsg)
    warn_of_misfits(folder, rows, boundary, roads.degrees)
    warn_of_roads(folder, rows, roads, place)
    _say_unread(folder)
    _point_to_estimate(folder, *wanted)
    if folder.problems or card is None or boundary is None:
        raise InputError(folder.problems, folder.warnings)

    def records[T](table: Table, kind: Callable[..., T]) -> tuple[T, ...]:
        return tuple([_record(kind, row) for _, row in rows[table.name]])

    def numbered[T](table: Table, kind: Callable[..., T]) -> tuple[T, ...]:
        return tuple(_record(kind, {**row, "row": number}) for number, row in rows[table.name])

    travel = rows[tables.TRAVEL.name]
    return District(
        id=path.resolve().name,
        name=card.name,
        code=card.code,
        datum=card.planned,
        epsg=card.epsg,
        partial=card.partial,
        places=records(tables.PLACES, Place),
        towns=records(tables.TOWNS, Town),
        institutions=records(tables.INSTITUTIONS, _institution),
        facts={fact.indicator: fact for fact in records(tables.FACTS, Fact)},
        boundary=dict(shapely.geometry.mapping(boundary)),
        travel={(str(row["from"]), str(row["to"]), str(row["mode"])): float(row["minutes"] or 0) for _, row in travel},
        growth=numbered(tables.GROWTH, Growth),
        people_by_year=records(tables.PEOPLE_BY_YEAR, PlaceYear),
        inputs=dict(sorted(folder.inputs.items())),
        institution_rows={str(row["id"]): number for number, row in rows[tables.INSTITUTIONS.name]},
        origins=dict(folder.origins),
        warnings=tuple(folder.warnings),
        staff=numbered(tables.STAFF, Staffing),
        pools=tuple(
            _record(Department, {**row, "months": months_of(str(row["months"] or "")), "row": number})
            for number, row in rows[tables.POOLS.name]
        ),
        tours=numbered(tables.TOURS, Standing),
        sessions=numbered(tables.SESSIONS, NoRounds),
        fields=numbered(tables.FIELDS, FieldThere),
        functions=numbered(tables.FUNCTIONS, FunctionThere),
        care_homes=numbered(tables.CARE_HOMES, CareHome),
        roads=None if roads.network is None else roads.network.barred(barriers),
        candidates=numbered(tables.CANDIDATES, Listed),
        layers=layers,
        observed=tuple(
            _record(
                Observed,
                {
                    **{name: cell for name, cell in row.items() if name not in ("from", "to")},
                    "start": row["from"],
                    "end": row["to"],
                    "minutes": float(row["minutes"] or 0),
                    "row": number,
                },
            )
            for number, row in rows[tables.OBSERVED.name]
        ),
    )


def _say_unread(folder: Folder) -> None:
    """Say which files could not be opened to see what they hold, and which sheets are hidden."""
    blamed = {problem.file for problem in folder.problems}
    for name, what, details in folder.shelf.left_aside():
        if name not in blamed:
            folder.put(what, name, None, "", None, details, fault=False)
    for name, error in folder.shelf.refused.items():
        if not any(file == name or file.startswith(f"{name} · ") for file in blamed):
            why = say(error.what, **error.details)
            folder.warn(FaultKind.FILE_UNREAD, name, reason=why)


def _check_sources(folder: Folder) -> None:
    """Blame what the card says of tables and does nothing: whoever wrote it thinks that it does."""
    for table in folder.shelf.said:
        try:
            found = folder.shelf.find(table)
        except Unreadable:
            continue
        if found is None:
            folder.blame(FaultKind.CARD_NO_FILE, CARD, column=f"tables.{table}")
            continue
        drawn = table in DRAWN
        idle = folder.shelf.idle_keys(found)
        for key in (*(("database",) if drawn and found.path is None else ()), *idle):
            folder.blame(FaultKind.CARD_IDLE, CARD, column=f"tables.{table}.{key}", file=found.name)


def _point_to_estimate(folder: Folder, *wanted: Table) -> None:
    """Say what fills the gaps of a village list that nobody has positions or people for."""
    needs = {(folder.called(table), name): table for table in wanted for name in _ESTIMATED if _is_filled(table, name)}
    gaps = [
        problem
        for problem in folder.problems
        if problem.what in (FaultKind.BLANK, FaultKind.COLUMN_MISSING) and (problem.file, problem.column) in needs
    ]
    if gaps:
        folder.blame(FaultKind.ESTIMATE_FIRST, gaps[0].file, folder=str(folder.path))


def _is_filled(table: Table, name: str) -> bool:
    return any(column.name == name and column.filled for column in table.columns)


def _record[T](kind: Callable[..., T], row: Mapping[str, Cell | tuple[int, ...]]) -> T:
    """Make a record of a row; cells that hold nothing keep the record's default."""
    return kind(**{name: value for name, value in row.items() if value is not None})


def _institution(**cells: Any) -> Institution:
    """Make an institution of its cells; what an estimate can fill in may be missing."""
    return Institution(**{**_NOWHERE, **cells})


def _read_card(folder: Folder) -> tuple[_Card | None, int | None]:
    """Return what the card says, and the metric system that it gives; None where they cannot be used.

    Where only some of its keys are wrong, something stands for them: without what it says of datum, files and databases
    nothing else of the folder can be read.
    """
    text = folder.text(CARD)
    if text is None:
        return None, None
    try:
        content = parse_toml(text)
    except ValueError as error:
        folder.blame(FaultKind.NOT_TOML, CARD, reason=str(error))
        return None, None
    for name in _drop_unknown_tables(content):
        folder.blame(FaultKind.CARD_TABLE, CARD, column=f"tables.{name}", tables=", ".join(table_names()))
    card, faults = _card_of(content)
    for fault in faults:
        key = ".".join(str(part) for part in fault["loc"])
        folder.blame(FaultKind.CARD, CARD, column=key, reason=reason(fault))
        _drop(content, fault["loc"])
    if card is None:
        card, _ = _card_of({**_STAND_IN, **content})
    if card is None:
        return None, None
    folder.shelf = Shelf(folder.path, card.tables, card.databases)
    folder.given, folder.planned = card.datum, card.planned
    return card, card.epsg if "epsg" in content else None


def _card_of(content: Mapping[str, Any]) -> tuple[_Card | None, list[Any]]:
    try:
        return _Card.model_validate(content), []
    except pydantic.ValidationError as error:
        return None, list(error.errors())


def _drop_unknown_tables(content: dict[str, Any]) -> list[str]:
    """Take the tables that no district has out of a card, and return their names."""
    said = content.get("tables")
    if not isinstance(said, dict):
        return []
    unknown = [name for name in said if name not in table_names()]
    content["tables"] = {name: table for name, table in said.items() if name not in unknown}
    return unknown


def _drop(content: dict[str, Any], where: Sequence[int | str]) -> None:
    """Take a key out of a card, by the way to it; one that is not there, or in no table, is left."""
    table: Any = content
    for part in where[:-1]:
        table = table.get(part) if isinstance(table, dict) else None
    if isinstance(table, dict):
        table.pop(where[-1], None)


def is_plain(card: str) -> bool:
    """Tell whether a card speaks of nothing but the district itself: not of where its tables are, or their datum."""
    content = parse_toml(card)
    return content.get("datum") in _PLANNED and not content.keys() & {"tables", "databases", "layers"}


def _read_boundary(folder: Folder) -> BaseGeometry | None:
    """Return the boundary in degrees of the district's datum."""
    shape = shape_of(folder, BOUNDARY_TABLE, BOUNDARY, outline)
    if shape is None:
        return None
    west, south, east, north = shape.bounds if not shape.is_empty else (math.nan,) * 4
    inside = (
        tables.LON_RANGE[0] <= west <= east <= tables.LON_RANGE[1]
        and tables.LAT_RANGE[0] <= south <= north <= tables.LAT_RANGE[1]
    )
    if not inside or shape.geom_type not in ("Polygon", "MultiPolygon") or not shape.is_valid:
        folder.blame(FaultKind.BOUNDARY_SHAPE, folder.origins[BOUNDARY_TABLE].file)
        return None
    return shape


def _measures_well(epsg: int, boundary: shapely.Geometry) -> bool:
    """Tell whether lengths in a metric system are those on the ground, across the district."""
    west, south, east, north = shapely.bounds(boundary).tolist()
    try:
        x, y = metric([(west, south), (east, north), (west, north), (east, south)], "wgs84", epsg).T.tolist()
    except pyproj.exceptions.ProjError:
        return False
    ground = pyproj.Geod(ellps="WGS84")
    pairs = ((0, 1), (2, 3), (0, 2), (0, 3))
    lon, lat = (west, east, west, east), (south, north, north, south)
    true = [ground.inv(lon[a], lat[a], lon[b], lat[b])[2] for a, b in pairs]
    flat = [math.hypot(x[b] - x[a], y[b] - y[a]) for a, b in pairs]
    return all(abs(mine - right) <= _LENGTH_ERROR * right for mine, right in zip(flat, true, strict=True))
