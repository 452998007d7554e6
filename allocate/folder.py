"""A district's folder while it is read: it collects every fault, every warning, and the checksum of every file."""

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from allocate import datum
from allocate.datum import DatumError
from allocate.district import Origin
from allocate.errors import InputError, Problem, Value
from allocate.fault_kinds import FaultKind
from allocate.files.finding import Shelf
from allocate.files.shapefile import COMPANIONS
from allocate.files.sheet import Spotted, Unreadable
from allocate.files.text import decode, read_own
from allocate.names import MOST_WRITTEN
from allocate.tables import Table


def read_files(folder: Path, names: Iterable[str]) -> dict[str, bytes]:
    """Return what those of some files hold that are there; nothing that a link brings in from outside is among them.

    Raises
    ------
    InputError
        When one of them is no plain file of the folder itself.
    """
    found = {}
    problems = []
    for name in dict.fromkeys(names):
        try:
            if (folder / name).is_symlink() or (folder / name).exists():
                found[name] = read_own(folder, name)
        except Unreadable as error:
            problems.append(Problem(error.what, name, value=error.value, details=error.details))
    if problems:
        raise InputError(problems)
    return found


@dataclass
class Folder:
    """A district folder being read.

    Attributes
    ----------
    shelf
        Its files, and which table each holds.
    given
        The datum of every position that says no other.
    planned
        The datum that positions are brought to: wgs84 or cgcs2000.
    problems, warnings
        What must be mended, and what is only odd.
    inputs
        SHA-256 of every file that was read, by its name.
    origins
        Where every table was read from, by the table's name.
    lost
        How many rows of a table could not be read, by its name; infinite where none could.
    datums
        The datum of every row of a table with positions, by the table's name.
    heads
        In which row the headings of a table stand and in which column of the sheet each column, by the table's name.
    bases
        How many rows of a table rest on what, by the table's name and its column of bases.
    """

    path: Path
    shelf: Shelf
    given: str = "wgs84"
    planned: str = "wgs84"
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    inputs: dict[str, str] = field(default_factory=dict)
    origins: dict[str, Origin] = field(default_factory=dict)
    lost: dict[str, float] = field(default_factory=dict)
    datums: dict[str, list[str]] = field(default_factory=dict)
    heads: dict[str, tuple[int, Mapping[str, int]]] = field(default_factory=dict)
    bases: dict[str, dict[str, Mapping[str, int]]] = field(default_factory=dict)

    def lose(self, table: Table, rows: float = math.inf) -> None:
        """Note that rows of a table could not be read: what another table says of them is not asked."""
        self.lost[table.name] = self.lost.get(table.name, 0) + rows

    def blamed(self, table: Table) -> Callable[[int, str], bool]:
        """Return a function that tells whether something is wrong already with a cell, or with its whole column."""
        name = self.called(table)
        found = [p for p in self.problems if p.file == name]
        cells = {(p.row, p.column) for p in found}
        columns = {p.column for p in found if p.what == FaultKind.COLUMN_MISSING}
        return lambda row, column: column in columns or (row, column) in cells

    def called(self, table: Table | str) -> str:
        """Return what the planner's own file of a table is called."""
        if isinstance(table, str):
            return table
        origin = self.origins.get(table.name)
        return origin.file if origin else table.file

    def put(
        self,
        what: FaultKind,
        table: Table | str,
        row: int | None,
        column: str,
        value: Value,
        details: Mapping[str, Value],
        *,
        fault: bool,
    ) -> None:
        """Note a fault, or what is only odd."""
        origin = None if isinstance(table, str) else self.origins.get(table.name)
        heading = origin.headings.get(column, "") if origin else ""
        problem = Problem(what, self.called(table), row, column, value, details, heading)
        (self.problems if fault else self.warnings).append(problem)

    def blame(
        self,
        what: FaultKind,
        table: Table | str,
        *,
        row: int | None = None,
        column: str = "",
        value: Value = None,
        **details: Value,
    ) -> None:
        """Note a fault of a table, or of another file of the folder."""
        self.put(what, table, row, column, value, details, fault=True)

    def warn(
        self,
        what: FaultKind,
        table: Table | str,
        *,
        row: int | None = None,
        column: str = "",
        value: Value = None,
        **details: Value,
    ) -> None:
        """Note what is odd in a table, or in another file of the folder."""
        self.put(what, table, row, column, value, details, fault=False)

    def note(self, spotted: Spotted, table: Table | str) -> None:
        """Note what was found while a file was opened."""
        self.put(spotted.what, table, spotted.row, spotted.column, spotted.value, spotted.details, fault=spotted.fault)

    def refuse(self, error: Unreadable, table: Table | str) -> None:
        """Note that a file cannot be taken."""
        self.put(error.what, table, error.row, "", error.value, error.details, fault=True)

    def declared(self, said: str, crs: str) -> str:
        """Return the datum of a file's positions: the one said of it, else its own metres, else the district's.

        Degrees are labelled WGS-84 by habit, whatever they are: a file's own label of degrees tells nothing.
        """
        if said:
            return said
        try:
            return crs if crs and datum.parse(crs).epsg is not None else self.given
        except DatumError:
            return crs

    def doubt_label(self, table: str, file: str, said: str, crs: str) -> None:
        """Say that a map's degrees are read in the shifted datum of the district, and not as its file has them."""
        if not said and self.given in datum.SHIFTING and self.declared(said, crs) == self.given:
            details = {"datum": self.given, "crs": crs or "—", "table": table}
            self.put(FaultKind.DATUM_TAKEN, file, None, "", None, details, fault=False)

    def text(self, file: str) -> str | None:
        """Return the text of a file beside the tables; None and a fault where that fails."""
        try:
            raw = read_own(self.path, file, MOST_WRITTEN)
            self.inputs[file] = hashlib.sha256(raw).hexdigest()
            return decode(raw)
        except Unreadable as error:
            self.refuse(error, file)
            return None

    def sign(self, path: Path) -> None:
        """Note the checksum of a file that was read, and of the files that belong to it."""
        family = sorted(path.parent.glob(f"{_literal(path.stem)}.*")) if path.suffix.lower() == ".shp" else [path]
        for one in family:
            name = self.shelf.called(one)
            if name not in self.inputs and one.suffix.lower() in (path.suffix.lower(), *COMPANIONS):
                with one.open("rb") as file:
                    self.inputs[name] = hashlib.file_digest(file, "sha256").hexdigest()


def _literal(text: str) -> str:
    """Return a name as a pattern that means only itself."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in text)
