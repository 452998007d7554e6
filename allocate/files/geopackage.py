"""GeoPackage, read as the SQLite base that it is: GDAL cannot be stopped in a base that has no end."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from allocate.fault_kinds import FaultKind
from allocate.files.features import Features, Opened, cell, day, limit_cells
from allocate.files.shapes import crs_of, from_wkb
from allocate.files.sheet import Raw, Spotted, Unreadable

_MAGIC = b"SQLite format 3\0"
# Of their own for styles and metadata, not tables of a planner.
_HIDDEN = ("layer_styles", "qgis_projects")
_OWN_KEYS = ("fid", "ogc_fid", "objectid")
# How many steps of SQLite's machine a question may take: some seconds; 50,000 rows of 20 columns take two millions.
_STEP, _MOST_STEPS = 1_000_000, 1_000
_LONGEST = 64_000_000  # bytes of one row
# Bytes of the box that stands before the shape, by its kind.
_BOX = {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}


def open_geopackage(path: Path, encoding: str) -> Opened:
    """Return the layers of a GeoPackage, with those that have no shapes.

    Raises
    ------
    Unreadable
        When it is none, or another program still holds changes to it.
    """
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise Unreadable(FaultKind.FILE_CONTENT, format="GeoPackage")
    for end in ("-wal", "-journal"):
        beside = path.with_name(path.name + end)
        if beside.is_file() and beside.stat().st_size:
            raise Unreadable(FaultKind.FILE_IN_USE, beside=beside.name)
    with _base(path) as base:
        if not _is_table(base, "gpkg_contents"):
            raise Unreadable(FaultKind.FILE_CONTENT, format="GeoPackage")
        layers = _rows(
            base,
            path,
            "SELECT table_name FROM gpkg_contents WHERE data_type IN ('features', 'attributes') ORDER BY rowid",
        )
        names = tuple(str(name) for (name,) in layers if name not in _HIDDEN)
    return names, lambda name: _features(path, name)


@contextmanager
def _base(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a base that nobody trusts: nothing is written, nothing in it is run, and no question goes on for ever."""
    address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(address, uri=True)) as base:
        base.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)
        base.setconfig(sqlite3.SQLITE_DBCONFIG_TRUSTED_SCHEMA, False)
        base.setconfig(sqlite3.SQLITE_DBCONFIG_ENABLE_VIEW, False)
        base.setconfig(sqlite3.SQLITE_DBCONFIG_ENABLE_TRIGGER, False)
        base.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
        base.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        base.text_factory = lambda raw: raw.decode("utf-8", "replace")
        steps = iter(range(_MOST_STEPS))
        base.set_progress_handler(lambda: next(steps, None) is None, _STEP)
        yield base


def _rows(base: sqlite3.Connection, path: Path, question: str, *values: object) -> Iterator[tuple[Any, ...]]:
    """Yield rows as long as they are no more than an honest file of this size can hold."""
    left = 4 * path.stat().st_size
    for row in base.execute(question, values):
        left -= 2 + sum(len(value) for value in row if isinstance(value, str | bytes))
        if left < 0:
            raise Unreadable(FaultKind.FILE_CONTENT, format="GeoPackage")
        yield row


def _is_table(base: sqlite3.Connection, name: str) -> bool:
    """Whether there is a table of this name that holds its rows itself, and is neither a view nor made by a program."""
    found = base.execute("SELECT type, sql FROM sqlite_master WHERE lower(name) = lower(?)", [name]).fetchall()
    return [kind for kind, _ in found] == ["table"] and not str(found[0][1]).upper().startswith("CREATE VIRTUAL")


def _features(path: Path, name: str) -> Features:
    with _base(path) as base:
        if not _is_table(base, name):
            raise Unreadable(FaultKind.LAYER_VIEW, value=name)
        shape, srs = _geometry_column(base, path, name)
        columns = [
            (str(column), str(kind).upper(), bool(key))
            for _, column, kind, _, _, key in base.execute(f"PRAGMA table_info({_quoted(name)})")
        ]
        wanted = [
            (column, kind) for column, kind, key in columns
            if column.lower() == shape.lower() or not (kind.startswith("BLOB") or (key and column.lower() in _OWN_KEYS))
        ]  # fmt: skip
        asked = ", ".join(_quoted(column) for column, _ in wanted) or "rowid"
        rows = list(_rows(base, path, f"SELECT {asked} FROM {_quoted(name)}"))
        limit_cells(len(rows), len(wanted))
        crs, spotted = _crs(base, path, srs)
    cells = list(zip(*rows, strict=True)) if rows else [() for _ in wanted]
    at = next((number for number, (column, _) in enumerate(wanted) if column.lower() == shape.lower()), None)
    shapes = None
    if at is not None:
        blobs, odd = _unwrapped(cells[at])
        shapes, broken = from_wkb(blobs)
        spotted = (*broken, *odd, *spotted)
    kept = [number for number in range(len(wanted)) if number != at]
    return Features(
        tuple(wanted[number][0].strip() for number in kept),
        tuple(_column(cells[number], wanted[number][1]) for number in kept),
        len(rows), shapes, crs, spotted,
    )  # fmt: skip


def _geometry_column(base: sqlite3.Connection, path: Path, name: str) -> tuple[str, int]:
    """Return the column of shapes and the number of their coordinates; empty where a layer has none."""
    if not _is_table(base, "gpkg_geometry_columns"):
        return "", 0
    question = "SELECT column_name, srs_id FROM gpkg_geometry_columns WHERE lower(table_name) = lower(?)"
    column, srs = next(_rows(base, path, question, name), ("", 0))
    return str(column), srs if isinstance(srs, int) else 0


def _crs(base: sqlite3.Connection, path: Path, srs: int) -> tuple[str, tuple[Spotted, ...]]:
    """Return what the base says of a number of coordinates; 0 and -1 stand for none."""
    if srs <= 0 or not _is_table(base, "gpkg_spatial_ref_sys"):
        return "", ()
    question = "SELECT organization, organization_coordsys_id, definition FROM gpkg_spatial_ref_sys WHERE srs_id = ?"
    organization, number, definition = next(_rows(base, path, question, srs), ("", 0, ""))
    if str(organization).upper() == "EPSG":
        return crs_of(f"EPSG:{number}")
    return crs_of("" if str(definition) == "undefined" else str(definition))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _column(cells: Sequence[Any], kind: str) -> Sequence[Raw]:
    """Return a column as it is declared; a base may hold other values all the same."""
    if kind.startswith("BOOL"):
        return [cell(bool(value) if value in (0, 1) else value) for value in cells]
    if kind.startswith("DATETIME"):
        return [day(value) if isinstance(value, str) else cell(value) for value in cells]
    return [cell(value) for value in cells]


def _unwrapped(cells: Sequence[Any]) -> tuple[list[bytes | None], list[Spotted]]:
    """Return the well-known binary of each shape, without the head that GeoPackage puts before it."""
    blobs: list[bytes | None] = []
    odd = []
    for row, blob in enumerate(cells, 1):
        start = None
        if isinstance(blob, bytes) and len(blob) > 8 and blob[:2] == b"GP":
            start = _BOX.get(blob[3] >> 1 & 7)
        if start is None and blob is not None:
            odd.append(Spotted(FaultKind.GEOMETRY_BROKEN, row))
        blobs.append(None if start is None else blob[8 + start :])
    return blobs, odd
