"""Reads one table of a district's folder, whatever file holds it, into checked rows; every fault is noted."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import compress, takewhile

import numpy as np
from numpy.typing import NDArray

from allocate import datum, synonyms
from allocate.datum import Datum, DatumError
from allocate.district import Origin
from allocate.errors import Value
from allocate.fault_kinds import FaultKind
from allocate.files.finding import Found
from allocate.files.marks import letters
from allocate.files.sheet import Raw, Sheet, Spotted, Unreadable
from allocate.folder import Folder
from allocate.headings import LON, MOST_COLUMNS, SPOT, Headings, headed, label, read_headings
from allocate.tables import BASES, DATUM, Column, Table
from allocate.units import Basis
from allocate.values import Cell, Cells, alike, read_cells
from allocate.words import unit_of_column

Row = dict[str, Cell]
Rows = list[tuple[int, Row]]

# In which columns a row of totals says so.
_LABELS = ("id", "name", "town", "place", "institution")
# Of how many needed columns a row fills at least two.
_FEW_COLUMNS = 3
_MERGED = (FaultKind.CELLS_MERGED, FaultKind.NUMBER_MERGED)
# Numbers that many rows share, so that a merged cell says what it seems to say.
_REPEATED = ("year", "from_year", "to_year", "level")
_BASES: Mapping[Cell, Basis] = {basis.value: basis for basis in Basis}
# How far a file's geometry may lie from what its columns say before it is another place [m].
_SAME_SPOT = 1.0
# What is said of a geometry that gives no position.
_NO_SHAPE = (FaultKind.GEOMETRY_BROKEN, FaultKind.GEOMETRY_LINE, FaultKind.COORDINATE_INFINITE)


def read_table(folder: Folder, table: Table) -> Rows:
    """Return the rows of a table with their row numbers; a table that is not needed may be absent."""
    try:
        found = folder.shelf.find(table.name)
        if found is None:
            if table.needed:
                titles = synonyms.title_of(table.name, "zh"), synonyms.title_of(table.name, "en")
                folder.blame(FaultKind.TABLE_MISSING, table, key=table.name, zh=titles[0], en=titles[1])
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
    if width > MOST_COLUMNS:
        raise Unreadable(FaultKind.COLUMNS_MANY, found=width, most=MOST_COLUMNS)
    folder.sign(found.path)
    return opened


def _read(folder: Folder, table: Table, found: Found, sheet: Sheet) -> Rows:
    before = len(folder.problems)
    headings = read_headings(folder, table, found, sheet)
    # (What was found at the head is said in the planner's words.)
    origin = replace(folder.origins[table.name], headings=headings.said, unread=headings.unread)
    folder.origins[table.name] = origin
    folder.heads[table.name] = (sheet.heading_row, headings.at)
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
    lacking = [name for name in SPOT if name in values and name not in headings.at and table.column(name).needed]
    if lacking and sheet.points is None:
        # (Without one of the two columns nothing can be said of positions.)
        values |= {name: [None] * len(rows) for name in SPOT}
    elif LON in values:
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


def _of_columns(table: Table, sheet: Sheet, headings: Headings) -> Iterator[Spotted]:
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


def _kept(folder: Folder, table: Table, sheet: Sheet, headings: Headings) -> list[bool]:
    """Tell which rows are the table's own: neither an example, nor a row of totals, nor a note below them."""
    leftmost = next((n for n, column in enumerate(sheet.columns) if any(label(cell) for cell in column)), None)
    first = () if leftmost is None else sheet.columns[leftmost]
    kept = [True] * len(sheet.rows)
    examples = {cell for cell in set(first) if isinstance(cell, str) and synonyms.is_example(cell)}
    for i, cell in enumerate(first) if examples else ():
        kept[i] = cell not in examples
    # (Whoever fills in an example and leaves its mark loses a row; those of the template itself are nobody's.)
    lost = [i for i, own in enumerate(kept) if not own and not synonyms.is_untouched(table, label(first[i]))]
    if lost:
        value = label(first[lost[0]])
        folder.warn(FaultKind.EXAMPLE_ROW, table, row=sheet.rows[lost[0]], value=value, count=len(lost))
    # (Whoever adds up writes so in a column of names, or in one that nobody reads.)
    values = {n for name, n in headings.at.items() if name not in _LABELS}
    for column in (column for n, column in enumerate(sheet.columns) if n == leftmost or n not in values):
        totals = {cell for cell in set(column) if isinstance(cell, str) and synonyms.is_total(cell)}
        for i, cell in enumerate(column) if totals else ():
            if kept[i] and cell in totals:
                kept[i] = False
                folder.blame(FaultKind.TOTAL_ROW, table, row=sheet.rows[i], value=cell)
    _leave_out_notes(folder, table, sheet, headings, kept)
    return kept


def _leave_out_notes(folder: Folder, table: Table, sheet: Sheet, headings: Headings, kept: list[bool]) -> None:
    """Blame rows below a table that fill one of its columns at most: a note, a signature, a date."""
    read = [sheet.columns[n] for n in headings.at.values()]
    needed = sum(column.needed for column in table.columns if column.name in headings.at)
    if sheet.points is not None or needed < _FEW_COLUMNS:
        return
    # (What stands between other rows is a row in which something is missing.)
    own = (i for i in reversed(range(len(kept))) if kept[i])
    below = list(takewhile(lambda i: sum(bool(label(column[i])) for column in read) <= 1, own))
    for i in reversed(below):
        kept[i] = False
        cell = next(label(column[i]) for column in sheet.columns if label(column[i]))
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
        if column.name in SPOT:
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
            counts = Counter(str(value) for value in found.values if value is not None)
            folder.bases.setdefault(table.name, {})[column.name] = counts
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
    given = np.array([[math.nan if v is None else v for v in values[name]] for name in SPOT], dtype=float).T
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
            folder.put(oddity.what, table, first, ", ".join(SPOT), None, details, fault=oddity.fault)
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
    _blame_beyond(folder, table, rows, cells, raw, degrees, told | half)
    for k, name in enumerate(SPOT):
        values[name] = [None if v != v else v for v in degrees[:, k].tolist()]
    folder.origins[table.name] = replace(folder.origins[table.name], datum=", ".join(sorted(set(said))))


def _blame_beyond(
    folder: Folder,
    table: Table,
    rows: Sequence[int],
    cells: Mapping[str, Sequence[Raw]],
    raw: NDArray[np.float64],
    degrees: NDArray[np.float64],
    told: NDArray[np.bool_],
) -> None:
    """Blame every position that is blank, or beyond what a column allows, and blank it; not those told already."""
    found_here = [p for p in folder.problems if p.file == folder.called(table)]
    blamed = {(p.row, p.column) for p in found_here}
    shapeless = {p.row for p in found_here if p.what in _NO_SHAPE}
    for k, name in enumerate(SPOT):
        column = table.column(name)
        low, high, unit = f"{column.low:.12g}", f"{column.high:.12g}", unit_of_column(column.unit)
        for i in np.flatnonzero(~((degrees[:, k] >= column.low) & (degrees[:, k] <= column.high))).tolist():
            if told[i] or (rows[i], name) in blamed or rows[i] in shapeless:
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


def _apart(given: NDArray[np.float64], points: NDArray[np.float64], system: Datum) -> NDArray[np.float64]:
    """Return how far the geometry of every row lies from what its columns say [m]; 0 where only one of them is."""
    one, other = (datum.to_degrees(xy, system, "wgs84") for xy in (given, points))
    east = (one[:, 0] - other[:, 0]) * np.cos(np.radians(one[:, 1]))
    return np.nan_to_num(np.hypot(east, one[:, 1] - other[:, 1]) * datum.DEGREE_M)


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
