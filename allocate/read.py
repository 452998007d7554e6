"""Reads a district folder into a District, and names every fault of every file at once."""

import csv
import hashlib
import io
import json
import math
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pydantic
import pyproj
import shapely
from shapely.geometry import shape

from allocate import tables
from allocate.bundle import bundled
from allocate.district import (
    CareHome,
    Department,
    District,
    Fact,
    FieldThere,
    FunctionThere,
    Growth,
    Institution,
    NoRounds,
    Place,
    PlaceYear,
    Staffing,
    Standing,
    Town,
)
from allocate.errors import InputError, Problem, UsageError
from allocate.faults import reason
from allocate.postings import is_specialty, months_of
from allocate.tables import Column, Table
from allocate.travel.circles import Text
from allocate.units import Basis
from allocate.words import say, unit_of_column

Cell = str | int | float | None
Row = dict[str, Cell]

CARD, BOUNDARY = "district.toml", "boundary.geojson"
BLANK = ("", "-", "—", "无", "NA", "N/A", "nan", "NaN", "NULL", "null", "None")
# What Amap and Baidu give: sound positions, but displaced on purpose.
_SHIFTED = ("gcj02", "bd09")
# What a spreadsheet makes of a code when it takes it for a number: 1.20115E+11, 120115001001.0. A code such as 12E3,
# without sign and point, may be one.
_AS_NUMBER = re.compile(r"[+-]?\d+([.,]\d*E[+-]?\d+|E[+-]\d+|\.0*)", re.ASCII | re.IGNORECASE)
# What stands between cells where a spreadsheet, or a hand, put no comma.
_SEPARATORS = (";", "\t", "|", "，", "；")
# What a place or town needs for planning, and `estimate` can fill in.
_ESTIMATED = ("people", "lon", "lat")
# What a length in the district's metric system may differ from the one on the ground, as a share of it.
_LENGTH_ERROR = 0.01


class _Card(pydantic.BaseModel):
    """What district.toml says."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: Text
    code: str
    datum: Literal["wgs84", "cgcs2000"]
    epsg: int = pydantic.Field(ge=1024, le=32767)

    @pydantic.field_validator("datum", mode="before")
    @classmethod
    def _shifted(cls, datum: object) -> object:
        name = datum.lower().replace("-", "").replace("_", "") if isinstance(datum, str) else ""
        if name.startswith(_SHIFTED):
            msg = say("reason.shifted_datum")
            raise ValueError(msg)
        return datum


@dataclass
class _Folder:
    """A district folder being read: collects problems, warnings and the checksum of every file."""

    path: Path
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    inputs: dict[str, str] = field(default_factory=dict)

    def blame(
        self,
        what: str,
        file: str,
        *,
        row: int | None = None,
        column: str = "",
        value: Cell = None,
        **details: Cell,
    ) -> None:
        self.problems.append(Problem(what, file, row, column, value, details))

    def warn(self, what: str, file: str, *, row: int | None = None, value: Cell = None, **details: Cell) -> None:
        self.warnings.append(Problem(what, file, row, "", value, details))

    def text(self, file: str) -> str | None:
        """Return a file's text, BOM or UTF-8 or GB18030; None and a problem where that fails."""
        try:
            raw = (self.path / file).read_bytes()
        except OSError:
            self.blame("problem.file_missing", file)
            return None
        self.inputs[file] = hashlib.sha256(raw).hexdigest()
        for encoding in ("utf-8-sig", "gb18030"):
            try:
                return raw.decode(encoding)
            except UnicodeDecodeError:
                continue
        self.blame("problem.file_encoding", file)
        return None


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
    return _read(Path(folder) if isinstance(folder, Path) else find_district(folder), tables.PLACES, tables.TOWNS)


def read_list(folder: str | Path) -> District:
    """Read a district whose places may lack people and positions, as `estimate` takes it.

    Raises
    ------
    InputError
        When any file has a fault; it lists all of them.
    """
    path = Path(folder) if isinstance(folder, Path) else find_district(folder)
    return _read(path, tables.PLACES_TO_ESTIMATE, tables.TOWNS_TO_ESTIMATE)


def _read(path: Path, places_table: Table, towns_table: Table) -> District:
    folder = _Folder(path)
    card = _read_card(folder)
    places = _read_table(folder, places_table)
    towns = _read_table(folder, towns_table)
    institutions = _read_table(folder, tables.INSTITUTIONS)
    facts = _read_table(folder, tables.FACTS)
    travel = _read_table(folder, tables.TRAVEL)
    staff = _read_table(folder, tables.STAFF)
    fields = _read_table(folder, tables.FIELDS)
    growth = _read_table(folder, tables.GROWTH)
    by_year = _read_table(folder, tables.PEOPLE_BY_YEAR)
    pools = _read_table(folder, tables.POOLS)
    tours = _read_table(folder, tables.TOURS)
    sessions = _read_table(folder, tables.SESSIONS)
    functions = _read_table(folder, tables.FUNCTIONS)
    homes = _read_table(folder, tables.CARE_HOMES)
    boundary = _read_boundary(folder)
    if card is not None and boundary is not None and not _measures_well(card.epsg, boundary):
        folder.blame("estimate.epsg", CARD, column="epsg", value=card.epsg)
    _check_links(folder, places, towns, institutions, travel, staff, growth, by_year, tours, functions, homes)
    for table, rows in (
        (places_table, places),
        (towns_table, towns),
        (tables.INSTITUTIONS, institutions),
        (tables.CARE_HOMES, homes),
    ):
        _check_positions(folder, table.file, rows, boundary)
    totals = {str(row["indicator"]): row for _, row in facts}
    _check_people(folder, places, totals)
    _check_fields(folder, fields, institutions)
    _check_growth(folder, growth)
    _check_by_year(folder, by_year)
    _check_experts(folder, pools, tours)
    _check_sessions(folder, sessions, (places, towns, institutions))
    _point_to_estimate(folder, places_table, towns_table)
    if folder.problems or card is None or boundary is None:
        raise InputError(folder.problems)
    return District(
        id=path.resolve().name,
        name=card.name,
        code=card.code,
        datum=card.datum,
        epsg=card.epsg,
        places=tuple(_record(Place, row) for _, row in places),
        towns=tuple(_record(Town, row) for _, row in towns),
        institutions=tuple(_record(Institution, row) for _, row in institutions),
        facts={name: _record(Fact, row) for name, row in totals.items()},
        boundary=dict(shapely.geometry.mapping(boundary)),  # type: ignore[arg-type]
        travel={(str(row["from"]), str(row["to"]), str(row["mode"])): float(row["minutes"] or 0) for _, row in travel},
        growth=tuple(_record(Growth, row | {"row": number}) for number, row in growth),
        people_by_year=tuple(_record(PlaceYear, row) for _, row in by_year),
        inputs=dict(sorted(folder.inputs.items())),
        warnings=tuple(folder.warnings),
        staff=tuple(_record(Staffing, {**row, "row": number}) for number, row in staff),
        pools=tuple(
            _record(Department, {**row, "months": months_of(str(row["months"] or "")), "row": number})
            for number, row in pools
        ),
        tours=tuple(_record(Standing, {**row, "row": number}) for number, row in tours),
        sessions=tuple(_record(NoRounds, {**row, "row": number}) for number, row in sessions),
        fields=tuple(_record(FieldThere, {**row, "row": number}) for number, row in fields),
        functions=tuple(_record(FunctionThere, {**row, "row": number}) for number, row in functions),
        care_homes=tuple(_record(CareHome, {**row, "row": number}) for number, row in homes),
    )


def _point_to_estimate(folder: _Folder, *wanted: Table) -> None:
    """Say what fills the gaps of a village list that nobody has positions or people for."""
    needs = {(table.file, name) for table in wanted for name in _ESTIMATED if _is_filled(table, name)}
    gaps = [
        problem
        for problem in folder.problems
        if problem.what in ("problem.blank", "problem.column_missing") and (problem.file, problem.column) in needs
    ]
    if gaps:
        folder.blame("problem.estimate_first", gaps[0].file, gaps=len(gaps), folder=str(folder.path))


def _is_filled(table: Table, name: str) -> bool:
    return any(column.name == name and column.filled for column in table.columns)


def _record[T](kind: Callable[..., T], row: Mapping[str, Cell | tuple[int, ...]]) -> T:
    """Make a record of a row; cells that hold nothing keep the record's default."""
    values: dict[str, Any] = {
        name: Basis(str(value)) if name == "basis" or name.endswith("_basis") else value
        for name, value in row.items()
        if value is not None
    }
    return kind(**values)


def _read_card(folder: _Folder) -> _Card | None:
    text = folder.text(CARD)
    if text is None:
        return None
    try:
        return _Card.model_validate(tomllib.loads(text))
    except pydantic.ValidationError as error:
        for fault in error.errors():
            key = ".".join(str(part) for part in fault["loc"])
            folder.blame("problem.card", CARD, column=key, reason=reason(fault))
    except (ValueError, RecursionError) as error:
        # Besides its own error, tomllib lets through those of endless numbers and of brackets nested too deep.
        folder.blame("problem.not_toml", CARD, reason=str(error))
    return None


def _read_boundary(folder: _Folder) -> shapely.Geometry | None:
    text = folder.text(BOUNDARY)
    if text is None:
        return None
    try:
        content = json.loads(text)
        if content.get("type") == "FeatureCollection":
            shapes = [shape(feature["geometry"]) for feature in content["features"]]
            found = shapely.union_all(shapes)
        else:
            found = shape(content.get("geometry", content))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, shapely.errors.ShapelyError):
        folder.blame("problem.not_geojson", BOUNDARY)
        return None
    west, south, east, north = found.bounds if not found.is_empty else (math.nan,) * 4
    inside = (
        tables.LON_RANGE[0] <= west <= east <= tables.LON_RANGE[1]
        and tables.LAT_RANGE[0] <= south <= north <= tables.LAT_RANGE[1]
    )
    if not inside or found.geom_type not in ("Polygon", "MultiPolygon") or not found.is_valid:
        folder.blame("problem.boundary_shape", BOUNDARY)
        return None
    return found


@cache
def _projection(epsg: int) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs("EPSG:4326", epsg, always_xy=True)


def _measures_well(epsg: int, boundary: shapely.Geometry) -> bool:
    """Tell whether lengths in a metric system are those on the ground, across the district."""
    west, south, east, north = shapely.bounds(boundary).tolist()
    try:
        x, y = _projection(epsg).transform((west, east, west, east), (south, north, north, south))
    except pyproj.exceptions.ProjError:
        return False
    ground = pyproj.Geod(ellps="WGS84")
    pairs = ((0, 1), (2, 3), (0, 2), (0, 3))
    lon, lat = (west, east, west, east), (south, north, north, south)
    true = [ground.inv(lon[a], lat[a], lon[b], lat[b])[2] for a, b in pairs]
    flat = [math.hypot(x[b] - x[a], y[b] - y[a]) for a, b in pairs]
    return all(abs(mine - right) <= _LENGTH_ERROR * right for mine, right in zip(flat, true, strict=True))


def _read_table(folder: _Folder, table: Table) -> list[tuple[int, Row]]:
    """Return the rows of a table with their row numbers; a table that is not needed may be absent."""
    if not table.needed and not (folder.path / table.file).exists():
        return []
    text = folder.text(table.file)
    if text is None:
        return []
    if "\0" in text:
        folder.blame("problem.file_encoding", table.file)
        return []
    separator = _separator(table, text.partition("\n")[0])
    if separator != ",":
        shown = "Tab" if separator == "\t" else separator
        folder.blame("problem.separator", table.file, row=1, separator=shown)
        return []
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        folder.blame("problem.not_csv", table.file, reason=str(error))
        return []
    if not lines or not any(cell.strip() for cell in lines[0]):
        folder.blame("problem.empty", table.file)
        return []
    heading = [cell.strip() for cell in lines[0]]
    if not _check_heading(folder, table, heading):
        return []
    rows: list[tuple[int, Row]] = []
    for number, line in enumerate(lines[1:], start=2):
        if not any(cell.strip() for cell in line):
            continue
        if len(line) != len(heading):
            folder.blame("problem.cells", table.file, row=number, found=len(line), wanted=len(heading))
            continue
        cells = dict(zip(heading, line, strict=True))
        rows.append((number, _read_row(folder, table, number, cells)))
    if not rows and table.needed:
        folder.blame("problem.empty", table.file)
    _check_unique(folder, table, rows)
    return rows


def _separator(table: Table, heading: str) -> str:
    """Return what stands between the headings: the sign that makes out the most of them, the comma where none does."""
    known = {column.name for column in table.columns}

    def made_out(sign: str) -> int:
        return len(known & {cell.strip().strip('"').strip() for cell in heading.split(sign)})

    # (The first of equals, so that a comma is never doubted without need; one name alone proves nothing.)
    best = max((",", *_SEPARATORS), key=made_out)
    return best if made_out(best) > 1 else ","


def _check_heading(folder: _Folder, table: Table, heading: Sequence[str]) -> bool:
    known = [column.name for column in table.columns]
    sound = True
    for name, count in Counter(heading).items():
        if count > 1:
            folder.blame("problem.column_twice", table.file, row=1, column=name)
            sound = False
        if name not in known:
            near = get_close_matches(name, known, n=1)
            folder.blame(
                "problem.column_unknown",
                table.file,
                row=1,
                column=name,
                near=near[0] if near else ", ".join(known),
            )
            sound = False
    for column in table.columns:
        if column.needed and column.name not in heading:
            folder.blame("problem.column_missing", table.file, row=1, column=column.name, zh=column.zh, en=column.en)
            sound = False
    return sound


def _read_row(folder: _Folder, table: Table, number: int, cells: Mapping[str, str]) -> Row:
    row: Row = {}
    for column in table.columns:
        text = cells.get(column.name, "").strip()
        value: Cell = None
        if text == "" or (column.kind in ("whole", "number") and text in BLANK):
            if column.filled:
                folder.blame(
                    "problem.blank",
                    table.file,
                    row=number,
                    column=column.name,
                    value=text or None,
                    zh=column.zh,
                    en=column.en,
                )
        else:
            value = _read_cell(folder, table.file, number, column, text)
        row[column.name] = value
    return row


def _read_cell(folder: _Folder, file: str, number: int, column: Column, text: str) -> Cell:
    match column.kind:
        case "text":
            return text
        case "id":
            # (Full-width digits and signs as well.)
            if not _AS_NUMBER.fullmatch(unicodedata.normalize("NFKC", text)):
                return text
            folder.blame("problem.id_number", file, row=number, column=column.name, value=text)
            return None
        case "choice":
            if text in column.choices:
                return text
            choices = ", ".join(column.choices)
            folder.blame("problem.choice", file, row=number, column=column.name, value=text, choices=choices)
            return None
        case "whole" | "number":
            value = _number(text)
            if value is None:
                folder.blame("problem.not_number", file, row=number, column=column.name, value=text)
                return None
            if column.kind == "whole" and value != int(value):
                folder.blame("problem.not_whole", file, row=number, column=column.name, value=text)
                return None
            if not column.low <= value <= column.high:
                folder.blame(
                    "problem.range",
                    file,
                    row=number,
                    column=column.name,
                    value=text,
                    low=f"{column.low:.12g}",
                    high=f"{column.high:.12g}",
                    unit=unit_of_column(column.unit),
                )
                return None
            return int(value) if column.kind == "whole" else value


def _number(text: str) -> float | None:
    """Return the finite number that a text writes in plain ASCII digits, else None."""
    if not text.isascii() or "_" in text:
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _check_unique(folder: _Folder, table: Table, rows: Iterable[tuple[int, Row]]) -> None:
    rows = list(rows)
    for column in table.columns:
        if not column.unique:
            continue
        first: dict[Cell, int] = {}
        for number, row in rows:
            value = row[column.name]
            if value is None:
                continue
            if value in first:
                folder.blame(
                    "problem.twice",
                    table.file,
                    row=number,
                    column=column.name,
                    value=value,
                    first=first[value],
                )
            first.setdefault(value, number)


def _check_links(
    folder: _Folder,
    places: Sequence[tuple[int, Row]],
    towns: Sequence[tuple[int, Row]],
    institutions: Sequence[tuple[int, Row]],
    travel: Sequence[tuple[int, Row]],
    staff: Sequence[tuple[int, Row]],
    growth: Sequence[tuple[int, Row]],
    by_year: Sequence[tuple[int, Row]],
    tours: Sequence[tuple[int, Row]],
    functions: Sequence[tuple[int, Row]],
    homes: Sequence[tuple[int, Row]],
) -> None:
    """Blame every code that points to nothing."""
    spoilt = {p.file for p in folder.problems if (p.what, p.column) == ("problem.id_number", "id")}
    # Nothing can be looked up among codes that were lost.
    town_ids, place_ids, institution_ids = (
        set() if table.file in spoilt else {row["id"] for _, row in rows}
        for table, rows in ((tables.TOWNS, towns), (tables.PLACES, places), (tables.INSTITUTIONS, institutions))
    )
    lost = spoilt & {tables.PLACES.file, tables.INSTITUTIONS.file}
    site_ids = set() if lost else place_ids | institution_ids
    links: list[tuple[Table, Sequence[tuple[int, Row]], str, set[Cell], Table]] = [
        (tables.PLACES, places, "town", town_ids, tables.TOWNS),
        (tables.INSTITUTIONS, institutions, "town", town_ids, tables.TOWNS),
        (tables.INSTITUTIONS, institutions, "place", place_ids, tables.PLACES),
        (tables.INSTITUTIONS, institutions, "parent", institution_ids, tables.INSTITUTIONS),
        (tables.TOWNS, towns, "near", town_ids, tables.TOWNS),
        (tables.STAFF, staff, "institution", institution_ids, tables.INSTITUTIONS),
        (tables.TRAVEL, travel, "from", place_ids, tables.PLACES),
        (tables.TRAVEL, travel, "to", site_ids, tables.PLACES),
        (tables.TOURS, tours, "hub", institution_ids, tables.INSTITUTIONS),
        (tables.FUNCTIONS, functions, "institution", institution_ids, tables.INSTITUTIONS),
        (tables.FUNCTIONS, functions, "centre", institution_ids, tables.INSTITUTIONS),
        (tables.CARE_HOMES, homes, "town", town_ids, tables.TOWNS),
        (tables.CARE_HOMES, homes, "institution", institution_ids, tables.INSTITUTIONS),
        (tables.GROWTH, growth, "town", town_ids, tables.TOWNS),
        (tables.PEOPLE_BY_YEAR, by_year, "place", place_ids, tables.PLACES),
    ]
    for table, rows, column, known, target in links:
        if not known:
            continue
        for number, row in rows:
            value = row[column]
            if value is not None and value not in known:
                folder.blame(
                    "problem.unknown_code",
                    table.file,
                    row=number,
                    column=column,
                    value=value,
                    target=target.file,
                )
    _check_parents(folder, institutions)
    _check_twice(folder, tables.TRAVEL, travel, ("from", "to", "mode"), "problem.pair_twice", " → ")
    _check_twice(folder, tables.STAFF, staff, ("institution", "resource"), "problem.staff_twice")
    _check_twice(folder, tables.FUNCTIONS, functions, ("institution", "function"), "problem.function_twice")
    populated = {row["town"] for _, row in places}
    for number, row in towns:
        if places and row["id"] is not None and row["id"] not in populated:
            folder.warn("problem.town_empty", tables.TOWNS.file, row=number, value=row["name"])


def _check_twice(
    folder: _Folder,
    table: Table,
    rows: Sequence[tuple[int, Row]],
    columns: Sequence[str],
    what: str,
    between: str = " · ",
) -> None:
    """Blame, once, what stands in several rows of a table: the first of them."""
    abouts = [tuple(row[column] for column in columns) for _, row in rows]
    times = Counter(abouts)
    for (number, _), about in zip(rows, abouts, strict=True):
        if times[about] > 1:
            folder.blame(what, table.file, row=number, value=between.join(map(str, about)))
            times[about] = 0


def _check_parents(folder: _Folder, institutions: Sequence[tuple[int, Row]]) -> None:
    """Blame whoever stands above an institution without being of a kind that may; so no circle can arise."""
    kinds = {row["id"]: row["kind"] for _, row in institutions}
    for number, row in institutions:
        parent, file = row["parent"], tables.INSTITUTIONS.file
        if parent is None:
            continue
        if row["parent_basis"] is None:
            folder.blame("problem.parent_basis", file, row=number, column="parent_basis")
        above = tables.KINDS_ABOVE.get(str(row["kind"]), ())
        if row["kind"] is None or kinds.get(parent) is None:
            # (A kind or an id that cannot be read is blamed already.)
            continue
        if not above:
            folder.blame("problem.parent_none", file, row=number, column="parent", value=parent, kind=row["kind"])
        elif kinds[parent] not in above:
            details = {"kind": row["kind"], "above": ", ".join(above), "found": kinds[parent]}
            folder.blame("problem.parent_kind", file, row=number, column="parent", value=parent, **details)


def _check_positions(
    folder: _Folder, file: str, rows: Sequence[tuple[int, Row]], boundary: shapely.Geometry | None
) -> None:
    """Blame half a position, swapped axes and points outside the boundary."""
    spots: dict[tuple[float, float], int] = {}
    for number, row in rows:
        lon, lat = row["lon"], row["lat"]
        if (lon is None) != (lat is None):
            folder.blame("problem.half_position", file, row=number)
        if not isinstance(lon, float) or not isinstance(lat, float) or boundary is None:
            continue
        if not shapely.contains_xy(boundary, lon, lat):
            folder.blame("problem.outside", file, row=number, column="lon, lat", value=f"{lon}, {lat}")
        if file == tables.PLACES.file and (lon, lat) in spots:
            folder.warn("problem.same_spot", file, row=number, value=f"{lon}, {lat}", first=spots[lon, lat])
        spots.setdefault((lon, lat), number)
    # A longitude such as 39 in China fails the range first; say what it most likely is, once per file.
    found = [p for p in folder.problems if p.file == file and p.what == "problem.range" and p.column in ("lon", "lat")]
    swapped = [p for p in found if _looks_swapped(p, folder.problems)]
    if swapped:
        folder.blame("problem.swapped", file, rows=len({p.row for p in swapped}), first=swapped[0].row)


def _looks_swapped(problem: Problem, problems: Sequence[Problem]) -> bool:
    ranges = {"lon": tables.LAT_RANGE, "lat": tables.LON_RANGE}
    value = _number(str(problem.value))
    low, high = ranges[problem.column]
    return value is not None and low <= value <= high


def _check_people(folder: _Folder, places: Sequence[tuple[int, Row]], totals: Mapping[str, Row]) -> None:
    """Blame people who do not add up: to the published totals, and within a place."""
    for number, row in places:
        _check_ages(folder, tables.PLACES, number, row)
        for name in ("people", *tables.AGE_COLUMNS):
            if row[name] is not None and row[f"{name}_basis"] is None:
                folder.blame("problem.no_basis", tables.PLACES.file, row=number, column=f"{name}_basis")
    if not places or folder.problems:
        return
    for column, indicator in tables.TOTALS.items():
        values = [row[column] for _, row in places]
        known = [value for value in values if isinstance(value, int)]
        wanted = totals.get(indicator)
        if wanted is None or len(known) < len(values):
            continue
        if sum(known) != wanted["value"]:
            folder.blame(
                "problem.sum",
                tables.PLACES.file,
                column=column,
                value=sum(known),
                wanted=wanted["value"],
                indicator=indicator,
                target=tables.FACTS.file,
            )
    if (
        all(isinstance(row["people"], int) for _, row in places)
        and sum(int(row["people"] or 0) for _, row in places) == 0
    ):
        folder.blame("problem.nobody", tables.PLACES.file, column="people")


def _check_ages(folder: _Folder, table: Table, number: int, row: Row) -> None:
    """Blame age groups of a row that are more people than live there, each alone or both together."""
    people = row["people"]
    groups = {name: row[name] for name in tables.AGE_COLUMNS}
    numbers = [count for count in groups.values() if isinstance(count, int)]
    if not isinstance(people, int):
        return
    for name, count in groups.items():
        if isinstance(count, int) and count > people:
            folder.blame("problem.old_exceed", table.file, row=number, column=name, value=count, people=people)
    if sum(numbers) > people and all(count <= people for count in numbers):
        columns = ", ".join(groups)
        folder.blame("problem.ages_exceed", table.file, row=number, column=columns, value=sum(numbers), people=people)


def _check_fields(folder: _Folder, fields: Sequence[tuple[int, Row]], institutions: Sequence[tuple[int, Row]]) -> None:
    """Blame fields of institutions that are not there or receive nobody, and a field that stands twice."""
    file = tables.FIELDS.file
    kinds = {row["id"]: row["kind"] for _, row in institutions}
    first: set[tuple[Cell, Cell]] = set()
    for number, row in fields:
        hub, about = row["hub"], (row["hub"], row["specialty"])
        # (Nothing can be looked up among ids that were lost, or kinds that cannot be read.)
        if hub is not None and None not in kinds and hub not in kinds:
            target = tables.INSTITUTIONS.file
            folder.blame("problem.unknown_code", file, row=number, column="hub", value=hub, target=target)
        kind = kinds.get(hub)
        if kind is not None and kind not in ("hospital", *tables.HUB_KINDS):
            folder.blame("problem.field_kind", file, row=number, column="hub", value=hub, kind=say(f"kind.{kind}"))
        if None not in about and about in first:
            folder.blame("problem.field_twice", file, row=number, value=" · ".join(map(str, about)))
        first.add(about)


def _check_growth(folder: _Folder, growth: Sequence[tuple[int, Row]]) -> None:
    """Blame rates that leave nobody, years in the wrong order, and two rates of a town for one year."""
    file = tables.GROWTH.file
    spans: dict[Cell, list[tuple[float, float, int]]] = {}
    for number, row in growth:
        percent, start, end, town = (row[name] for name in ("percent", "from_year", "to_year", "town"))
        if percent == tables.GROWTH.column("percent").low:
            folder.blame("problem.growth_all_leave", file, row=number, column="percent", value=percent)
        if isinstance(start, int) and isinstance(end, int) and start >= end:
            folder.blame("problem.growth_years", file, row=number, column="to_year", value=end, start=start)
            continue
        first, last = float(start or -math.inf), float(end or math.inf)
        overlapping = [other for low, high, other in spans.get(town, ()) if first < high and low < last]
        if town is not None and overlapping:
            folder.blame("problem.growth_overlap", file, row=number, column="town", value=town, first=overlapping[0])
        spans.setdefault(town, []).append((first, last, number))


def _check_by_year(folder: _Folder, by_year: Sequence[tuple[int, Row]]) -> None:
    """Blame two rows for one place and year, and age groups that are more people than live there."""
    file = tables.PEOPLE_BY_YEAR.file
    seen: dict[tuple[Cell, Cell], int] = {}
    for number, row in by_year:
        _check_ages(folder, tables.PEOPLE_BY_YEAR, number, row)
        pair = row["place"], row["year"]
        if None not in pair and pair in seen:
            shown = " · ".join(map(str, pair))
            folder.blame("problem.place_year_twice", file, row=number, value=shown, first=seen[pair])
        seen.setdefault(pair, number)


def _check_experts(folder: _Folder, pools: Sequence[tuple[int, Row]], tours: Sequence[tuple[int, Row]]) -> None:
    """Blame specialties that are no names, months outside the year, and two rows for the same experts.

    Whether a hospital can send them, the model says too: whoever makes the case of both looks at that.
    """
    for table, rows in ((tables.POOLS, pools), (tables.TOURS, tours)):
        for number, row in rows:
            name = row["specialty"]
            if name is not None and not is_specialty(str(name)):
                why = say("reason.amount_name")
                folder.blame("problem.key_value", table.file, row=number, column="specialty", value=name, reason=why)
    first: dict[tuple[Cell, ...], int] = {}
    for number, row in pools:
        months, whose = row["months"], tuple(row[name] for name in ("hospital", "specialty", "rank"))
        if months is not None and months_of(str(months)) is None:
            folder.blame("problem.months", tables.POOLS.file, row=number, column="months", value=months)
        if None not in whose and whose in first:
            shown = " · ".join(map(str, whose))
            folder.blame("problem.pool_twice", tables.POOLS.file, row=number, value=shown, first=first[whose])
        first.setdefault(whose, number)


def _check_sessions(
    folder: _Folder, sessions: Sequence[tuple[int, Row]], known: Iterable[Sequence[tuple[int, Row]]]
) -> None:
    """Blame half-days without rounds at what is neither a place, nor a town, nor an institution."""
    ids = {row["id"] for rows in known for _, row in rows}
    spoilt = any((p.what, p.column) == ("problem.id_number", "id") for p in folder.problems)
    files = ", ".join(table.file for table in (tables.PLACES, tables.TOWNS, tables.INSTITUTIONS))
    for number, row in sessions:
        where = row["where"]
        if where is not None and where not in ids and not spoilt:
            folder.blame(
                "problem.unknown_code", tables.SESSIONS.file, row=number, column="where", value=where, target=files
            )
