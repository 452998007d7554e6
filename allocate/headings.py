"""Finds the headings of a table among its cells, and which column each of them means."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice

from allocate import datum, synonyms
from allocate.datum import DatumError
from allocate.errors import Value
from allocate.fault_kinds import FaultKind
from allocate.files.finding import Found
from allocate.files.marks import letters
from allocate.files.sheet import Grid, Raw, Sheet, Spotted, Unreadable
from allocate.folder import Folder
from allocate.tables import DATUM, Table
from allocate.values import own_unit
from allocate.words import LANGUAGES

# The columns of a position.
LON, LAT = SPOT = ("lon", "lat")
# Among how many rows at the head of a sheet the headings are looked for, below a title and remarks.
_HEAD = 20
# (Every heading is compared with every other.)
MOST_COLUMNS = 1_000


@dataclass(frozen=True)
class Headings:
    """Which column of a sheet is which: position by name, and what its numbers are multiplied with."""

    at: Mapping[str, int]
    times: Mapping[str, Decimal]
    said: Mapping[str, str]
    unread: tuple[str, ...]


def headed(grid: Grid, table: Table, named: Mapping[str, str]) -> Sheet:
    """Return the table below the row of headings: the row at the head that says the most of them, else the first.

    Raises
    ------
    Unreadable
        When nothing is there.
    """
    own = set(named.values())

    def made_out(row: Sequence[Raw]) -> int:
        known = (label(cell) in own or bool(synonyms.column_called(table, label(cell))) for cell in row[:MOST_COLUMNS])
        return sum(known)

    filled = list(islice((n for n, row in enumerate(grid.cells) if _says(row)), _HEAD))
    if not filled:
        raise Unreadable(FaultKind.EMPTY)
    # (The first of equals; a single name in a line above the table proves nothing.)
    best = max(filled, key=lambda n: made_out(grid.cells[n]))
    at = best if made_out(grid.cells[best]) > 1 else filled[0]
    sheet = _below(grid, at)
    return replace(sheet, spotted=(*sheet.spotted, *_units_above(grid.cells[:at])))


def _units_above(lines: Sequence[Sequence[Raw]]) -> Iterator[Spotted]:
    """Yield the units of large numbers that stand above a table, such as “单位：万人”: of which columns is not said."""
    for number, line in enumerate(lines, start=1):
        for cell in line:
            unit = synonyms.large_unit(cell) if isinstance(cell, str) else ""
            if unit:
                yield Spotted(FaultKind.UNIT_ABOVE, number, value=label(cell), details={"unit": unit})


def label(cell: Raw) -> str:
    """Return what a cell says, its blanks made single."""
    return " ".join(str(cell).split()) if cell is not None else ""


def _says(line: Sequence[Raw]) -> bool:
    """Tell whether any cell of a line holds something."""
    # (Most lines begin with something.)
    return bool(line) and (bool(label(line[0])) or any(label(cell) for cell in line))


def _below(grid: Grid, at: int) -> Sheet:
    heading = [label(cell) for cell in grid.cells[at]]
    while heading and not heading[-1]:
        heading.pop()
    width = len(heading)
    spotted = list(grid.spotted)
    kept, rows = [], []
    for number, line in enumerate(grid.cells[at + 1 :], start=at + 2):
        if not _says(line):
            continue
        if len(line) != width:
            beyond = [cell for cell in line[width:] if label(cell)]
            if grid.even and (len(line) < width or beyond):
                details: dict[str, Value] = {"found": len(line), "wanted": width}
                spotted.append(Spotted(FaultKind.CELLS, number, details=details))
                continue
        kept.append(line)
        rows.append(number)
    widest = max((len(line) for line in kept), default=width) if not grid.even else width
    padded = [line if len(line) == widest else (*line[:widest], *(None,) * (widest - len(line))) for line in kept]
    columns: tuple[Sequence[Raw], ...] = tuple(zip(*padded, strict=True)) if padded else ((),) * widest
    heading += [""] * (widest - width)
    # (A spreadsheet names columns by letters, and a planner by what stands above them.)
    called = {letters(n): name for n, name in enumerate(heading) if name}
    spotted = [replace(one, column=called.get(one.column, one.column)) for one in spotted]
    return Sheet(tuple(heading), columns, rows, at + 1, spotted=tuple(spotted))


def read_headings(folder: Folder, table: Table, found: Found, sheet: Sheet) -> Headings:
    """Find out which heading is which column, and note every heading that is none, or means what another does."""
    at = _named(folder, table, found.said.columns, sheet)
    spare = _called(folder, table, sheet, at, found.said.columns)
    times, refused = _units(folder, table, found, sheet, at)
    given = {*at, *(SPOT if sheet.points is not None else ())}
    unread = _unknown(folder, table, sheet, spare, given)
    for column in table.columns:
        if column.needed and column.name not in given:
            words = _words(table, column.name)
            folder.blame(FaultKind.COLUMN_MISSING, table, row=_row(sheet), column=column.name, **words)
    kept = {name: n for name, n in at.items() if name not in refused}
    said = {name: sheet.heading[n] for name, n in kept.items() if sheet.heading[n] != name}
    return Headings(kept, times, said, unread)


def _row(sheet: Sheet) -> int | None:
    """Return the row of headings; None where a format keeps headings apart from rows."""
    return sheet.heading_row or None


def _named(folder: Folder, table: Table, named: Mapping[str, str], sheet: Sheet) -> dict[str, int]:
    """Return which columns district.toml names, by their names, and note what it names wrongly."""
    row = _row(sheet)
    columns = {column.name for column in table.columns}
    at: dict[str, int] = {}
    for name, wanted in named.items():
        if name not in columns or label(wanted) not in sheet.heading:
            listed = ", ".join(filter(None, sheet.heading))
            folder.blame(FaultKind.COLUMN_NAMED, table, row=row, value=wanted, name=name, heading=listed)
            continue
        n = sheet.heading.index(label(wanted))
        other = next((one for one, where in at.items() if where == n), "")
        if sheet.heading.count(label(wanted)) > 1:
            folder.blame(FaultKind.COLUMN_TWICE, table, row=row, column=wanted)
        elif other:
            folder.blame(FaultKind.NAMED_TWICE, table, row=row, column=wanted, name=name, other=other)
        at[name] = n
    return at


def _called(folder: Folder, table: Table, sheet: Sheet, at: dict[str, int], named: Collection[str]) -> list[int]:
    """Add to `at` the columns that headings themselves tell; return those whose heading is none."""
    row = _row(sheet)
    spare = []
    taken = set(at.values())
    for n, heading in enumerate(sheet.heading):
        if n in taken:
            continue
        name = synonyms.column_called(table, heading) if heading else ""
        if not heading:
            count = sum(1 for cell in sheet.columns[n] if label(cell))
            if count:
                folder.warn(FaultKind.COLUMN_NAMELESS, table, row=row, column=letters(n), count=count)
        elif sheet.heading.count(heading) > 1 and name:
            if sheet.heading.index(heading) == n:
                folder.blame(FaultKind.COLUMN_TWICE, table, row=row, column=heading)
                at.setdefault(name, n)
        elif not name:
            spare.append(n)
        elif name in at:
            if name not in named:
                other = sheet.heading[at[name]]
                folder.blame(FaultKind.COLUMN_SAME, table, row=row, column=heading, other=other, name=name)
        else:
            at[name] = n
    for n in list(spare):
        # (Beside a column of codes one of names is of no use; alone it says as much.)
        name = synonyms.column_named(table, sheet.heading[n])
        if name and name not in at:
            at[name] = n
            spare.remove(n)
    return spare


def _units(
    folder: Folder, table: Table, found: Found, sheet: Sheet, at: Mapping[str, int]
) -> tuple[dict[str, Decimal], set[str]]:
    """Return what numbers are multiplied with, as units behind headings say, and the columns of units of other kinds.

    (In whatever the numbers of those are, they are not those of the column.)
    """
    row = _row(sheet)
    times: dict[str, Decimal] = {}
    refused: set[str] = set()
    for name, n in at.items():
        heading, column = sheet.heading[n], table.column(name)
        unit = synonyms.remark_of(table, heading)
        if not unit:
            continue
        if column.kind in ("whole", "number"):
            factor = synonyms.factor(column.unit, unit)
            if factor is not None:
                times[name] = factor
                if factor != 1:
                    told: dict[str, Value] = {"unit": unit, "times": f"{factor:f}"}
                    folder.warn(FaultKind.HEADING_TIMES, table, row=row, column=heading, **told)
                continue
            if name in SPOT and _is_datum(unit):
                _check_datum(folder, table, found, sheet, n, DATUM in at)
                continue
            if synonyms.is_unit(unit):
                folder.blame(FaultKind.HEADING_UNIT, table, row=row, column=heading, unit=unit, wanted=own_unit(column))
                refused.add(name)
                continue
            doubtful = not synonyms.is_harmless(unit)
        else:
            doubtful = synonyms.is_doubtful(unit)
        if doubtful and name not in found.said.columns:
            folder.warn(FaultKind.HEADING_REMARK, table, row=row, column=heading, name=name, remark=unit)
    return times, refused


def _is_datum(text: str) -> bool:
    try:
        datum.parse(text)
    except DatumError:
        return False
    return True


def _check_datum(folder: Folder, table: Table, found: Found, sheet: Sheet, n: int, own: bool) -> None:
    """Blame a heading of positions that names another datum than the one they are declared in."""
    written = datum.parse(synonyms.split_unit(sheet.heading[n])[1])
    declared = folder.declared(found.said.datum, sheet.crs)
    if own or not _is_datum(declared):
        return
    said = datum.parse(declared)
    if said != written and not (said.plain and written.plain):
        details: dict[str, Value] = {"written": written.name, "declared": said.name, "table": table.name}
        folder.put(FaultKind.DATUM_HEADING, table, _row(sheet), sheet.heading[n], None, details, fault=True)


def _unknown(
    folder: Folder, table: Table, sheet: Sheet, spare: Sequence[int], given: Collection[str]
) -> tuple[str, ...]:
    """Answer headings that are no column: with the column that they may mean, else say that they were not read."""
    free = [column.name for column in table.columns if column.name not in given]
    missing = [column.name for column in table.columns if column.needed and column.name in free]
    unread, strange = [], []
    for n in spare:
        heading = sheet.heading[n]
        if synonyms.is_unread(heading):
            unread.append(heading)
            continue
        near = synonyms.nearest(table, heading, free)
        if near:
            details = {"near": near, "of": table.name, "heading": heading, **_words(table, near)}
            folder.blame(FaultKind.COLUMN_UNKNOWN, table, row=_row(sheet), column=heading, **details)
        elif missing:
            strange.append(heading)
        else:
            unread.append(heading)
            known = ", ".join(free) or "—"
            folder.warn(FaultKind.COLUMN_IDLE, table, row=_row(sheet), column=heading, known=known)
    if strange:
        # (Where a needed column is missing, any strange heading may be it.)
        details = {"missing": ", ".join(missing), "first": missing[0], "of": table.name, "heading": strange[0]}
        folder.blame(FaultKind.COLUMN_STRANGE, table, row=_row(sheet), column=", ".join(strange), **details)
    return tuple(unread)


def _words(table: Table, column: str) -> dict[str, Value]:
    """Return the headings that the templates give a column, by language: what a planner is told to write."""
    return {language: synonyms.heading_of(table, column, language) for language in LANGUAGES}
