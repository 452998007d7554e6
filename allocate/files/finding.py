"""Which file of a district's folder holds which table, and nothing outside of it."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath, PureWindowsPath

import pydantic

from allocate import synonyms
from allocate.errors import Value
from allocate.fault_kinds import FaultKind
from allocate.files.database import Connection, read_relation
from allocate.files.layers import LAYER_SUFFIXES, Layers, open_layers
from allocate.files.osm import OSM_SUFFIXES
from allocate.files.sheet import Grid, Sheet, Unreadable
from allocate.files.spreadsheets import Workbook, open_workbook
from allocate.files.text import check_own, grid, read_bytes
from allocate.tables import TABLES
from allocate.words import say

TEXT = (".csv",)
WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".ods")
_PACKED = ".kmz"
# (What is packed is seen, to say what to do with it.)
_KNOWN = (*TEXT, *WORKBOOKS, *LAYER_SUFFIXES, _PACKED)
# What holds several tables.
SEVERAL = (*WORKBOOKS, ".gpkg")
FORMATS = (
    "CSV",
    "XLSX",
    "XLS",
    "ODS",
    "GeoJSON",
    "GeoPackage",
    "Shapefile",
    "FlatGeobuf",
    "KML",
    "GeoParquet",
    "OSM PBF",
)
# What may be called after a table and is none, whatever lies beside it.
_NO_TABLE = (".md", ".toml")
_ADDRESS = re.compile(r"^\s*([a-z][a-z0-9+.-]+:|/vsi|\\\\|//|<)", re.IGNORECASE)
_KEY_VALUE = re.compile(r"\b(dbname|host|user|password|service)\s*=", re.IGNORECASE)


class TableSource(pydantic.BaseModel):
    """Where one table of a district is, as [tables.<name>] of district.toml says."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    file: str = ""
    part: str = ""
    encoding: str = ""
    datum: str = ""
    database: str = ""
    relation: str = ""
    columns: dict[str, str] = {}


def is_extract(path: Path) -> bool:
    """Tell whether a file is an extract of OpenStreetMap, of which only roads and what bars the way are read."""
    return path.name.lower().endswith(OSM_SUFFIXES)


def _is_known(path: Path) -> bool:
    return path.suffix.lower() in _KNOWN or is_extract(path)


@dataclass(frozen=True)
class Found:
    """Where a table was found.

    Attributes
    ----------
    table
        Which table it is.
    name
        How it is called in messages: the file, and the sheet or layer in it.
    path
        The file; None for a table of a database.
    part
        Its sheet or layer; empty where the file has only one.
    """

    table: str
    name: str
    path: Path | None = None
    part: str = ""
    said: TableSource = field(default_factory=TableSource)


@dataclass
class Shelf:
    """The files of a folder; each is opened once.

    Attributes
    ----------
    folder
        The district's folder.
    said
        What district.toml says of tables.
    databases
        The databases that it names.
    """

    folder: Path
    said: Mapping[str, TableSource] = field(default_factory=dict)
    databases: Mapping[str, Connection] = field(default_factory=dict)
    _open: dict[Path, Workbook | Layers] = field(default_factory=dict)
    refused: dict[str, Unreadable] = field(default_factory=dict)
    _used: dict[str, set[str]] = field(default_factory=dict)

    def use(self, path: Path, part: str) -> None:
        """Note that a file is read for something else than a table: nobody needs to ask what it is."""
        self._used.setdefault(self.called(path), set()).add(part)

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """The files that may hold tables, by name; what other programs leave while they work is passed over."""
        return tuple(path for path in self._all if _is_known(path))

    @cached_property
    def _all(self) -> tuple[Path, ...]:
        try:
            found = sorted(self.folder.iterdir())
        except OSError:
            return ()
        return tuple(path for path in found if not path.name.startswith(("~$", ".")))

    def left_aside(self) -> Iterator[tuple[str, FaultKind, dict[str, Value]]]:
        """Yield the files, sheets and layers that no table was read from although they look as if they held one."""
        taken: dict[str, set[str]] = {}
        for found in (one for places in self.by_table.values() for one in places):
            taken.setdefault(found.path.name if found.path else "", set()).add(found.part)
        for said in self.said.values():
            taken.setdefault(said.file, set()).add(said.part)
        for name, parts in self._used.items():
            taken.setdefault(name, set()).update(parts)
        layers = {path.stem for path in self._all if path.suffix.lower() in LAYER_SUFFIXES}
        refused = say(FaultKind.FILE_FORMAT, formats=", ".join(FORMATS))
        for path in self._all:
            suffix = path.suffix.lower()
            if not _is_known(path):
                # (What is called like a layer is part of it, or of a program's work on it.)
                if synonyms.table_called(path.stem) and suffix not in _NO_TABLE and path.stem not in layers:
                    yield path.name, FaultKind.FILE_UNREAD, {"reason": refused}
            elif suffix not in SEVERAL:
                if path.name not in taken:
                    yield path.name, FaultKind.FILE_IDLE, {"file": path.name}
            elif path.name not in self.refused:
                yield from self._parts_aside(path, taken.get(path.name, set()))

    def _parts_aside(self, path: Path, taken: set[str]) -> Iterator[tuple[str, FaultKind, dict[str, Value]]]:
        try:
            self.check(path)
            opened = self._opened(path, "")
        except Unreadable:
            return
        hidden = [part for part in opened.hidden if synonyms.table_called(part)] if isinstance(opened, Workbook) else []
        if hidden:
            yield path.name, FaultKind.SHEET_HIDDEN, {"parts": ", ".join(hidden)}
        if "" in taken:
            # (The only sheet is the table, or nobody can tell which one is: that is said elsewhere.)
            return
        left = [part for part in opened.parts if part not in taken and not synonyms.is_no_table(part)]
        left = [part for part in left if not _is_empty(opened, part)]
        if left:
            yield path.name, FaultKind.PART_IDLE, {"parts": ", ".join(left), "file": path.name, "part": left[0]}

    @cached_property
    def by_table(self) -> Mapping[str, tuple[Found, ...]]:
        """Every table that the names of files, sheets and layers tell, with all that are called so."""
        found: dict[str, list[Found]] = {}
        for path in self.files:
            for table, part in self._told(path):
                name = f"{path.name} · {part}" if part else path.name
                found.setdefault(table, []).append(Found(table, name, path, part))
        return {table: tuple(places) for table, places in found.items()}

    def _told(self, path: Path) -> Iterator[tuple[str, str]]:
        """Yield the tables in a file, each with its sheet or layer."""
        # (An extract is called after its region, and can be nothing but roads.)
        table = synonyms.ROADS if is_extract(path) else synonyms.table_called(path.stem)
        if path.suffix.lower() not in SEVERAL:
            if table:
                yield table, ""
            return
        try:
            self.check(path)
            parts = self._opened(path, "").parts
        except Unreadable as error:
            self.refused[path.name] = error
            if table:
                yield table, ""
            return
        told = [(called, part) for part in parts if (called := synonyms.table_called(part))]
        # (No sheet draws a boundary, whatever its workbook is called.)
        drawn = table in synonyms.DRAWN and path.suffix.lower() in WORKBOOKS
        if table and table not in dict(told) and not drawn:
            # (A file that is called after a table and holds nothing else is that table.)
            told = [*told, (table, parts[0] if len(parts) == 1 else "")]
        yield from told

    def find(self, table: str) -> Found | None:
        """Return where a table is; None where it is nowhere.

        Raises
        ------
        Unreadable
            When there are several, or what district.toml says of it cannot be.
        """
        said = self.said.get(table, TableSource())
        if said.database or said.relation:
            return Found(table, f"{said.database} · {said.relation}", None, "", said)
        if said.file:
            path = self.named(said.file)
            part = said.part
            name = self.called(path)
            return Found(table, f"{name} · {part}" if part else name, path, part, said)
        places = self.by_table.get(table, ())
        if said.part:
            places = tuple(one for one in places if one.part == said.part) or places
        if len(places) > 1:
            raise Unreadable(FaultKind.FILE_TWICE, files=", ".join(one.name for one in places), table=table)
        return replace(places[0], part=said.part or places[0].part, said=said) if places else None

    def called(self, path: Path) -> str:
        """Return what a file is called: its path within the folder."""
        return path.relative_to(self.folder).as_posix()

    def named(self, file: str) -> Path:
        """Return the file of a name in district.toml, which can only be one in the folder itself."""
        if (_ADDRESS.match(file) and not PureWindowsPath(file).drive) or _KEY_VALUE.search(file):
            raise Unreadable(FaultKind.FILE_ADDRESS, value=file)
        pure, windows = PurePosixPath(file), PureWindowsPath(file)
        if pure.is_absolute() or windows.drive or windows.root or ".." in (*pure.parts, *windows.parts) or "\0" in file:
            raise Unreadable(FaultKind.FILE_OUTSIDE, value=file)
        return self.folder / file

    def idle_keys(self, found: Found) -> tuple[str, ...]:
        """Return what district.toml says of a table that does nothing where it was found."""
        said, drawn = found.said, found.table in synonyms.DRAWN
        suffix = found.path.suffix.lower() if found.path else ""
        extract = found.path is not None and is_extract(found.path)
        # (Of what is drawn, only roads are told apart by what their layer says of them.)
        unnamed = drawn and found.table != synonyms.ROADS
        placed = drawn or any(
            column.name == "lon" for table in TABLES if table.name == found.table for column in table.columns
        )
        idle = {
            "file": found.path is None,
            "part": found.path is None or suffix in TEXT or extract,
            "encoding": found.path is None or unnamed or suffix not in (*TEXT, ".shp"),
            "datum": not placed,
            "columns": unnamed or extract,
        }
        return tuple(key for key, does_nothing in idle.items() if does_nothing and getattr(said, key))

    def check(self, path: Path) -> None:
        """Refuse a file that is none, that lies outside, or of a kind that is not read.

        Raises
        ------
        Unreadable
            With the reason.
        """
        if path.suffix.lower() == _PACKED:
            raise Unreadable(FaultKind.FILE_PACKED)
        if not _is_known(path):
            raise Unreadable(FaultKind.FILE_FORMAT, formats=", ".join(FORMATS))
        check_own(path, self.folder)

    def _opened(self, path: Path, encoding: str) -> Workbook | Layers:
        if path not in self._open:
            if path.suffix.lower() in WORKBOOKS:
                self._open[path] = open_workbook(path)
            else:
                self._open[path] = open_layers(path, encoding)
        return self._open[path]

    def sheet(self, found: Found, headed: Callable[[Grid], Sheet], known: Callable[[str], bool]) -> tuple[Sheet, str]:
        """Return a table's cells, and its name in messages with the sheet or layer that was taken.

        `headed` finds the row of headings among cells, `known` tells whether the table may have a heading.

        Raises
        ------
        Unreadable
            When it cannot be opened.
        """
        path, said = found.path, found.said
        if path is None:
            raise AssertionError
        self.check(path)
        if path.suffix.lower() in TEXT:
            return headed(grid(read_bytes(path), said.encoding, known)), found.name
        opened = self._opened(path, said.encoding)
        if isinstance(opened, Workbook) and found.part in opened.hidden:
            raise Unreadable(FaultKind.SHEET_HIDDEN, parts=found.part)
        part = self._part(found, opened.parts)
        name = f"{self.called(path)} · {part}" if path.suffix.lower() in SEVERAL else self.called(path)
        return headed(opened.grid(part)) if isinstance(opened, Workbook) else opened.sheet(part), name

    def _part(self, found: Found, parts: tuple[str, ...]) -> str:
        listed = ", ".join(parts)
        if found.part:
            if found.part not in parts:
                raise Unreadable(FaultKind.PART_MISSING, value=found.part, parts=listed)
            return found.part
        if len(parts) == 1:
            return parts[0]
        raise Unreadable(FaultKind.PART_UNCLEAR, parts=listed, table=found.table)

    def relation(self, found: Found) -> tuple[Sheet, str]:
        """Return a table of a database, and the checksum of its rows.

        Raises
        ------
        Unreadable
            When the database is not named, or cannot be read.
        """
        said = found.said
        connection = self.databases.get(said.database)
        if connection is None or not said.relation:
            raise Unreadable(FaultKind.DATABASE_UNNAMED, value=said.database or said.relation)
        return read_relation(connection, said.relation)


def _is_empty(opened: Workbook | Layers, part: str) -> bool:
    """Tell whether a sheet holds nothing; a layer always counts as something."""
    if not isinstance(opened, Workbook):
        return False
    try:
        return not any(cell is not None for row in opened.grid(part).cells for cell in row)
    except Unreadable:
        return False


def table_names() -> tuple[str, ...]:
    """Return every table that district.toml may speak of."""
    return (*(table.name for table in TABLES), *synonyms.DRAWN)
