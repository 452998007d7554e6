"""Reads one table of a district's folder, whatever file holds it, into checked rows; every fault is noted."""

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import compress, islice, takewhile

import numpy as np
from numpy.typing import NDArray

from allocate import datum, synonyms
from allocate.datum import Datum, DatumError
from allocate.district import Origin
from allocate.errors import Value
from allocate.fault_kinds import FaultKind
from allocate.files.finding import Found
from allocate.files.marks import letters
from allocate.files.sheet import Grid, Raw, Sheet, Spotted, Unreadable
from allocate.folder import Folder
from allocate.tables import BASES, DATUM, Column, Table
from allocate.units import Basis
from allocate.values import Cell, Cells, alike, own_unit, read_cells
from allocate.words import LANGUAGES, unit_of_column

Row = dict[str, Cell]
Rows = list[tuple[int, Row]]

# In which columns a row of totals says so.
_LABELS = ("id", "name", "town", "place", "institution")
# Of how many needed columns a row fills at least two.
_FEW_COLUMNS = 3
# Among how many rows at the head of a sheet the headings are looked for, below a title and remarks.
_HEAD = 20
# (Every heading is compared with every other.)
_MOST_COLUMNS = 1_000
_LON, _LAT = "lon", "lat"
_MERGED = (FaultKind.CELLS_MERGED, FaultKind.NUMBER_MERGED)
# Numbers that many rows share, so that a merged cell says what it seems to say.
_REPEATED = ("year", "from_year", "to_year", "level")
_BASES: Mapping[Cell, Basis] = {basis.value: basis for basis in Basis}
_SPOT = (_LON, _LAT)
# How far a file's geometry may lie from what its columns say before it is another place [m].
_SAME_SPOT = 1.0
_METRES_PER_DEGREE = 111_320.0
# What is said of a geometry that gives no position.
_NO_SHAPE = (FaultKind.GEOMETRY_BROKEN, FaultKind.GEOMETRY_LINE, FaultKind.COORDINATE_INFINITE)


def read_table(folder: Folder, table: Table) -> Rows:
    """Return the rows of a table with their row numbers; a table that is not needed may be absent."""
    try:
        found = folder.shelf.find(table.name)
        if found is None:
            if table.needed:
                folder.blame(FaultKind.FILE_MISSING, table)
                folder.lose(table)
            return []
    except Unreadable as error:
        folder.refuse(error, table)
        folder.lose(table)
        return []
    folder.origins[table.name] = Origin(found.name)
    try:
        sheet, name = _open(folder, table, found)
    except Unreadable as error:
        folder.refuse(error, table)
        folder.lose(table)
        return []
    folder.origins[table.name] = Origin(name)
    return _read(folder, table, found, sheet)


def _open(folder: Folder, table: Table, found: Found) -> tuple[Sheet, str]:
    if found.path is None:
        sheet, digest = folder.shelf.relation(found)
        folder.inputs[found.name] = digest
        return sheet, found.name

    def known(heading: str) -> bool:
        return bool(synonyms.column_called(table, heading))

    opened = folder.shelf.sheet(found, lambda grid: headed(grid, table, found.said.columns), known)
    width = sum(map(bool, opened[0].heading))
    if width > _MOST_COLUMNS:
        raise Unreadable(FaultKind.COLUMNS_MANY, found=width, most=_MOST_COLUMNS)
    folder.sign(found.path)
    return opened


def headed(grid: Grid, table: Table, named: Mapping[str, str]) -> Sheet:
    """Return the table below the row of headings: the row at the head that says the most of them, else the first.

    Raises
    ------
    Unreadable
        When nothing is there.
    """
    own = set(named.values())

    def made_out(row: Sequence[Raw]) -> int:
        known = (
            _label(cell) in own or bool(synonyms.column_called(table, _label(cell))) for cell in row[:_MOST_COLUMNS]
        )
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
                yield Spotted(FaultKind.UNIT_ABOVE, number, value=_label(cell), details={"unit": unit})


def _label(cell: Raw) -> str:
    return " ".join(str(cell).split()) if cell is not None else ""


def _says(line: Sequence[Raw]) -> bool:
    """Tell whether any cell of a line holds something."""
    # (Most lines begin with something.)
    return bool(line) and (bool(_label(line[0])) or any(_label(cell) for cell in line))


def _below(grid: Grid, at: int) -> Sheet:
    heading = [_label(cell) for cell in grid.cells[at]]
    while heading and not heading[-1]:
        heading.pop()
    width = len(heading)
    spotted = list(grid.spotted)
    kept, rows = [], []
    for number, line in enumerate(grid.cells[at + 1 :], start=at + 2):
        if not _says(line):
            continue
        if len(line) != width:
            beyond = [cell for cell in line[width:] if _label(cell)]
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


@dataclass(frozen=True)
class _Headings:
    """Which column of a sheet is which: position by name, and what its numbers are multiplied with."""

    at: Mapping[str, int]
    times: Mapping[str, Decimal]
    said: Mapping[str, str]
    unread: tuple[str, ...]


def _read(folder: Folder, table: Table, found: Found, sheet: Sheet) -> Rows:
    before = len(folder.problems)
    headings = _headings(folder, table, found, sheet)
    # (What was found at the head is said in the planner's words.)
    origin = replace(folder.origins[table.name], headings=headings.said, unread=headings.unread)
    folder.origins[table.name] = origin
    folder.problems[before:] = [replace(p, file=origin.file) for p in folder.problems[before:]]
    uncomputed = {}
    for spotted in _of_columns(table, sheet, headings):
        folder.note(spotted, table)
        if spotted.what is FaultKind.FORMULA_BLANK:
            uncomputed[spotted.column] = int(spotted.details["count"] or 0)
    folder.lose(table, sum(spotted.what is FaultKind.CELLS for spotted in sheet.spotted))
    kept = _kept(folder, table, sheet, headings)
    rows = list(compress(sheet.rows, kept))
    if not rows:
        if table.needed and len(folder.problems) == before:
            folder.blame(FaultKind.EMPTY, table)
        if len(folder.problems) > before:
            folder.lose(table)
        return []
    cells = {name: list(compress(sheet.columns[at], kept)) for name, at in headings.at.items()}
    points = sheet.points[np.array(kept)] if sheet.points is not None else None
    values = _values(folder, table, rows, cells, headings.times, uncomputed)
    lacking = [name for name in _SPOT if name in values and name not in headings.at and table.column(name).needed]
    if lacking and sheet.points is None:
        # (Without one of the two columns nothing can be said of positions.)
        values |= {name: [None] * len(rows) for name in _SPOT}
    elif _LON in values:
        _place(folder, table, found, rows, values, cells, (points, sheet.crs))
    values.pop(DATUM, None)
    names = list(values)
    read = [
        (row, dict(zip(names, line, strict=True)))
        for row, line in zip(rows, zip(*values.values(), strict=True), strict=True)
    ]
    folder.origins[table.name] = replace(folder.origins[table.name], rows=len(read))
    _check_unique(folder, table, read)
    return read


def _of_columns(table: Table, sheet: Sheet, headings: _Headings) -> Iterator[Spotted]:
    """Yield what was found while the file was opened, by the names of columns; not what is in columns nobody reads."""
    names = {n: name for name, n in headings.at.items()}
    called = range(len(sheet.heading))
    for spotted in sheet.spotted:
        # (A layer says the heading, a spreadsheet the letter above the column.)
        n = next((n for n in called if spotted.column in (sheet.heading[n], letters(n))), None)
        name = names.get(n, "") if n is not None else ""
        if not spotted.column:
            yield spotted
        elif name and spotted.what in _MERGED:
            # (A code or year that is a number is still that of every row; a count is not, even where it is text.)
            counted = table.column(name).kind in ("whole", "number") and name not in _REPEATED
            what = FaultKind.NUMBER_MERGED if counted else FaultKind.CELLS_MERGED
            yield replace(spotted, what=what, column=name, fault=counted)
        elif name:
            yield replace(spotted, column=name)


def _headings(folder: Folder, table: Table, found: Found, sheet: Sheet) -> _Headings:
    """Find out which heading is which column, and note every heading that is none, or means what another does."""
    columns = {column.name: column for column in table.columns}
    at: dict[str, int] = {}
    times: dict[str, Decimal] = {}
    row = sheet.heading_row or None
    spare: list[int] = []
    named = dict(found.said.columns)
    for name, wanted in named.items():
        if name not in columns or _label(wanted) not in sheet.heading:
            listed = ", ".join(filter(None, sheet.heading))
            folder.blame(FaultKind.COLUMN_NAMED, table, row=row, value=wanted, name=name, heading=listed)
            continue
        n = sheet.heading.index(_label(wanted))
        other = next((one for one, where in at.items() if where == n), "")
        if sheet.heading.count(_label(wanted)) > 1:
            folder.blame(FaultKind.COLUMN_TWICE, table, row=row, column=wanted)
        elif other:
            folder.blame(FaultKind.NAMED_TWICE, table, row=row, column=wanted, name=name, other=other)
        at[name] = n
    taken = set(at.values())
    for n, heading in enumerate(sheet.heading):
        if n in taken:
            continue
        name = synonyms.column_called(table, heading) if heading else ""
        if not heading:
            count = sum(1 for cell in sheet.columns[n] if _label(cell))
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
    given = {_LON, _LAT} if sheet.points is not None else set()
    for name, n in list(at.items()):
        unit = synonyms.remark_of(table, sheet.heading[n])
        column = columns[name]
        if unit and column.kind not in ("whole", "number"):
            if synonyms.is_doubtful(unit) and name not in named:
                folder.warn(FaultKind.HEADING_REMARK, table, row=row, column=sheet.heading[n], name=name, remark=unit)
        elif unit:
            factor = synonyms.factor(column.unit, unit)
            if factor is not None:
                times[name] = factor
                if factor != 1:
                    told: dict[str, Value] = {"unit": unit, "times": f"{factor:f}"}
                    folder.warn(FaultKind.HEADING_TIMES, table, row=row, column=sheet.heading[n], **told)
            elif name in _SPOT and _is_datum(unit):
                _check_datum(folder, table, found, sheet, n, DATUM in at)
            elif synonyms.is_unit(unit):
                folder.blame(
                    FaultKind.HEADING_UNIT, table, row=row, column=sheet.heading[n], unit=unit, wanted=own_unit(column)
                )
                # (In whatever its numbers are, they are not those of the column.)
                given.add(name)
                del at[name]
            elif name not in named and not synonyms.is_harmless(unit):
                folder.warn(FaultKind.HEADING_REMARK, table, row=row, column=sheet.heading[n], name=name, remark=unit)
    given |= set(at)
    unread = _unknown(folder, table, sheet, spare, given, row)
    for column in table.columns:
        if column.needed and column.name not in given:
            folder.blame(FaultKind.COLUMN_MISSING, table, row=row, column=column.name, **_called(table, column.name))
    said = {name: sheet.heading[n] for name, n in at.items() if sheet.heading[n] != name}
    return _Headings(at, times, said, unread)


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
        row = sheet.heading_row or None
        folder.put(FaultKind.DATUM_HEADING, table, row, sheet.heading[n], None, details, fault=True)


def _unknown(
    folder: Folder, table: Table, sheet: Sheet, spare: Sequence[int], given: Collection[str], row: int | None
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
            details = {"near": near, "of": table.name, "heading": heading, **_called(table, near)}
            folder.blame(FaultKind.COLUMN_UNKNOWN, table, row=row, column=heading, **details)
        elif missing:
            strange.append(heading)
        else:
            unread.append(heading)
            known = ", ".join(free) or "—"
            folder.warn(FaultKind.COLUMN_IDLE, table, row=row, column=heading, known=known)
    if strange:
        # (Where a needed column is missing, any strange heading may be it.)
        details = {"missing": ", ".join(missing), "first": missing[0], "of": table.name, "heading": strange[0]}
        folder.blame(FaultKind.COLUMN_STRANGE, table, row=row, column=", ".join(strange), **details)
    return tuple(unread)


def _called(table: Table, column: str) -> dict[str, Value]:
    """Return the headings that the templates give a column, by language: what a planner is told to write."""
    return {language: synonyms.heading_of(table, column, language) for language in LANGUAGES}


def _kept(folder: Folder, table: Table, sheet: Sheet, headings: _Headings) -> list[bool]:
    """Tell which rows are the table's own: neither an example, nor a row of totals, nor a note below them."""
    first = next((column for column in sheet.columns if any(_label(cell) for cell in column)), ())
    kept = [True] * len(sheet.rows)
    examples = {cell for cell in set(first) if isinstance(cell, str) and synonyms.is_example(cell)}
    for i, cell in enumerate(first) if examples else ():
        kept[i] = cell not in examples
    # (Whoever fills in an example and leaves its mark loses a row; those of the template itself are nobody's.)
    lost = [i for i, own in enumerate(kept) if not own and not synonyms.is_untouched(table, _label(first[i]))]
    if lost and any(kept):
        value = _label(first[lost[0]])
        folder.warn(FaultKind.EXAMPLE_ROW, table, row=sheet.rows[lost[0]], value=value, count=len(lost))
    # (Whoever adds up writes so in a column of names, or in one that nobody reads.)
    values = {n for name, n in headings.at.items() if name not in _LABELS}
    labels = [column for n, column in enumerate(sheet.columns) if n not in values]
    for column in (first, *labels):
        totals = {cell for cell in set(column) if isinstance(cell, str) and synonyms.is_total(cell)}
        for i, cell in enumerate(column) if totals else ():
            if kept[i] and cell in totals:
                kept[i] = False
                folder.blame(FaultKind.TOTAL_ROW, table, row=sheet.rows[i], value=cell)
    _leave_out_notes(folder, table, sheet, headings, kept)
    return kept


def _leave_out_notes(folder: Folder, table: Table, sheet: Sheet, headings: _Headings, kept: list[bool]) -> None:
    """Blame rows below a table that fill one of its columns at most: a note, a signature, a date."""
    read = [sheet.columns[n] for n in headings.at.values()]
    needed = sum(column.needed for column in table.columns if column.name in headings.at)
    if sheet.points is not None or needed < _FEW_COLUMNS:
        return
    # (What stands between other rows is a row in which something is missing.)
    own = (i for i in reversed(range(len(kept))) if kept[i])
    below = list(takewhile(lambda i: sum(bool(_label(column[i])) for column in read) <= 1, own))
    for i in reversed(below):
        kept[i] = False
        cell = next(_label(column[i]) for column in sheet.columns if _label(column[i]))
        folder.blame(FaultKind.NOTE_ROW, table, row=sheet.rows[i], value=cell)


def _values(
    folder: Folder,
    table: Table,
    rows: Sequence[int],
    cells: Mapping[str, Sequence[Raw]],
    times: Mapping[str, Decimal],
    uncomputed: Mapping[str, int],
) -> dict[str, list[Cell]]:
    """Read every column, and note what is wrong in its cells, and what was understood although written oddly.

    `uncomputed` counts the formulas without a result, by column: as many blanks are theirs.
    """
    values: dict[str, list[Cell]] = {}
    for column in table.columns:
        asked = column
        if column.name in (_LON, _LAT):
            # (Where they lie is known once the datum is: `_place` asks whether they lie in China, and are all there.)
            asked = replace(column, low=-math.inf, high=math.inf, filled=False)
        given = cells.get(column.name)
        if given is None:
            values[column.name] = [None] * len(rows)
            continue
        found = read_cells(asked, given, times.get(column.name, Decimal(1)))
        blanks = [fault for fault in found.faults if fault[1] is FaultKind.BLANK]
        if len(blanks) <= uncomputed.get(column.name, 0):
            found.faults = [fault for fault in found.faults if fault not in blanks]
        _tell(folder, table, rows, asked, found)
        values[column.name] = found.values
        if column.choices == BASES:
            values[column.name] = [None if value is None else _BASES[value] for value in found.values]
    return values


def _tell(folder: Folder, table: Table, rows: Sequence[int], column: Column, found: Cells) -> None:
    for i, what, value, details in found.faults:
        folder.put(what, table, rows[i], column.name, value, details, fault=True)
    if found.understood is not None:
        i, what, value, shown = found.understood
        key = "number" if what is FaultKind.NUMBER_READ else "code"
        told: dict[str, Value] = {key: shown, "count": found.count}
        folder.put(what, table, rows[i], column.name, value, told, fault=False)
    if found.blanks is not None:
        i, text, count = found.blanks
        folder.put(FaultKind.BLANK_READ, table, rows[i], column.name, text, {"count": count}, fault=False)


def _place(
    folder: Folder,
    table: Table,
    found: Found,
    rows: Sequence[int],
    values: dict[str, list[Cell]],
    cells: Mapping[str, Sequence[Raw]],
    sheet: tuple[NDArray[np.float64] | None, str],
) -> None:
    """Bring every position to degrees of the district's datum, and note what cannot be one."""
    points, crs = sheet
    given = np.array([[math.nan if v is None else v for v in values[name]] for name in _SPOT], dtype=float).T
    raw = given if points is None else np.where(np.isnan(given).all(axis=1)[:, None], points, given)
    own = values.get(DATUM, [None] * len(rows))
    general = folder.declared(found.said.datum, crs)
    if points is not None and not all(own):
        folder.doubt_label(table.name, folder.called(table), found.said.datum, crs)
    said = [str(value or general) for value in own]
    folder.datums[table.name] = said
    degrees = np.full_like(raw, math.nan)
    told = np.zeros(len(rows), dtype=bool)
    for name in sorted(set(said)):
        chosen = np.flatnonzero([one == name for one in said])
        try:
            system = datum.parse(name)
        except DatumError as error:
            told[chosen] = True
            where = next((i for i in chosen.tolist() if own[i]), None)
            row = None if where is None else rows[where]
            folder.put(error.what, table, row, DATUM, name, error.details, fault=True)
            continue
        for oddity in datum.looks_wrong(raw[chosen], system):
            first = rows[int(chosen[oddity.rows[0]])]
            details = {**oddity.details, "first": first}
            folder.put(oddity.what, table, first, ", ".join(_SPOT), None, details, fault=oddity.fault)
            told[chosen[oddity.rows]] |= oddity.fault
        degrees[chosen] = datum.to_degrees(raw[chosen], system, folder.planned)
        if points is not None:
            apart = _apart(given[chosen], points[chosen], system)
            for k in np.flatnonzero(apart > _SAME_SPOT).tolist()[:1]:
                metres = f"{apart[k]:.0f}"
                folder.blame(FaultKind.POSITION_TWICE, table, row=rows[chosen[k]], columns="lon, lat", metres=metres)
    degrees[told] = math.nan
    # (Half a position is not converted; whoever looks at rows says that it is half.)
    half = np.isnan(raw).sum(axis=1) == 1
    degrees[half] = raw[half]
    found_here = [p for p in folder.problems if p.file == folder.called(table)]
    blamed = {(p.row, p.column) for p in found_here}
    shapeless = {p.row for p in found_here if p.what in _NO_SHAPE}
    for k, name in enumerate(_SPOT):
        column = table.column(name)
        low, high, unit = f"{column.low:.12g}", f"{column.high:.12g}", unit_of_column(column.unit)
        for i in np.flatnonzero(~((degrees[:, k] >= column.low) & (degrees[:, k] <= column.high))).tolist():
            if told[i] or half[i] or (rows[i], name) in blamed or rows[i] in shapeless:
                continue
            if math.isnan(raw[i, k]):
                if column.filled:
                    text = str(cells[name][i]).strip() if name in cells and cells[name][i] is not None else ""
                    folder.blame(
                        FaultKind.BLANK, table, row=rows[i], column=name, value=text or None, zh=column.zh, en=column.en
                    )
                continue
            value = f"{raw[i, k]:.12g}" if name not in cells else str(cells[name][i]).strip()
            folder.blame(FaultKind.RANGE, table, row=rows[i], column=name, value=value, low=low, high=high, unit=unit)
            degrees[i, k] = math.nan
        values[name] = [None if v != v else v for v in degrees[:, k].tolist()]
    folder.origins[table.name] = replace(folder.origins[table.name], datum=", ".join(sorted(set(said))))


def _apart(given: NDArray[np.float64], points: NDArray[np.float64], system: Datum) -> NDArray[np.float64]:
    """Return how far the geometry of every row lies from what its columns say [m]; 0 where only one of them is."""
    one, other = (datum.to_degrees(xy, system, "wgs84") for xy in (given, points))
    east = (one[:, 0] - other[:, 0]) * np.cos(np.radians(one[:, 1]))
    return np.nan_to_num(np.hypot(east, one[:, 1] - other[:, 1]) * _METRES_PER_DEGREE)


def _check_unique(folder: Folder, table: Table, rows: Rows) -> None:
    for column in table.columns:
        if not column.unique:
            continue
        values = [row[column.name] for _, row in rows]
        if len(set(values)) < len(values):
            first: dict[Cell, int] = {}
            times = Counter(values)
            for (number, _), value in zip(rows, values, strict=True):
                if value is None or times[value] == 1:
                    continue
                if value in first:
                    folder.blame(
                        FaultKind.TWICE, table, row=number, column=column.name, value=value, first=first[value]
                    )
                first.setdefault(value, number)
        for i, j in alike(values):
            details: dict[str, Value] = {"first": rows[j][0], "other": values[j]}
            folder.blame(FaultKind.ID_ALIKE, table, row=rows[i][0], column=column.name, value=values[i], **details)
