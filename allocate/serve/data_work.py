"""Works on districts, in the process beside the server: reads, judges, mends, takes files in, and puts them back."""

import hashlib
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from allocate import starting, synonyms
from allocate.errors import AllocateError, InputError, Problem, UsageError
from allocate.fault_kinds import FaultKind
from allocate.files.finding import SEVERAL, TEXT, WORKBOOKS, Shelf, TableSource, is_extract
from allocate.files.layers import LAYER_SUFFIXES, open_layers
from allocate.files.marks import letters
from allocate.files.mending import MENDED, NotMendedError, Written, bare_among, mend_text, mend_workbook
from allocate.files.shapefile import COMPANIONS
from allocate.files.sheet import Raw, Unreadable
from allocate.files.spreadsheets import open_workbook
from allocate.files.text import check_own, decode, grid, read_bytes
from allocate.names import CARD, is_plain
from allocate.read import BOUNDARY, Look, look_at
from allocate.replacing import disk, refuse_open, undo_among, write_among, write_folder
from allocate.serve import history
from allocate.serve.history import Change, Entry
from allocate.serve.home import Home, Outside
from allocate.serve.uploads import BEFORE, MOST_FILES, ROWS, district_folder, drop, held_folder, hold
from allocate.tables import PLACES, ROADS, TABLES
from allocate.words import language, say, visible

# What is shown of findings: so many of one kind in one column, and so many in all.
_ALIKE, _MOST = 100, 2_000
# The longest text of a cell that is shown whole and can be mended in its place [characters].
LONGEST_CELL = 500
# How many cells of a column are changed at once, and how many rows of them are named.
MOST_ALIKE, _FEW_ROWS = 5_000, 10
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
# A spreadsheet keeps fifteen digits of a number.
_DIGITS = 15
# Up to how many places a model is looked at while somebody waits.
_MOST_PLACES = 5_000
_CARD_KEYS = ("name.zh", "name.en", "code", "datum", "epsg")
_TABLES = {table.name: table for table in (*TABLES, ROADS)}
_STALE = "serve_data.stale"
# Nobody takes so long to give files other names [s].
_MOVING = 10.0

type Signature = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class _Seen:
    """A folder as the reader found it, and of which file and sheet each of its messages speaks."""

    look: Look
    findings: tuple[dict[str, Any], ...]


def create(home: str, who: str, name: str, example: str, form: str) -> dict[str, Any]:
    """Add a district and its model, or a bundled model of several districts with those that it needs.

    `form` is "excel" where the tables of a district are to come as one workbook.
    """
    place = Home.at(home)
    made = starting.add(place.path, name, example, excel=form == "excel")
    districts = {file.split("/")[1] for file in made.files if file.startswith("data/") and file.count("/") > 1}
    for one in sorted({name} if name in districts else {name, *districts}):
        source = one if one != name and example else example
        with suppress(AllocateError):
            history.add(place, who=who, what="data", of=one, changes=[Change((one,), None, source or "—")])
    return {"name": name, "model": name, "files": list(made.files)}


def template_file() -> tuple[str, bytes]:
    """Return the name and the content of the empty workbook."""
    from allocate.report.templates import template

    return starting.template_name(), template(language())


# ---- looking


def signature_of(folder: Path) -> Signature:
    """Return what tells whether anything in a folder has changed."""
    told = []
    for item in sorted(folder.iterdir()):
        with suppress(OSError):
            stat = item.stat()
            told.append((item.name, stat.st_size, stat.st_mtime_ns))
    return tuple(told)


def _seen(folder: Path) -> _Seen:
    with disk(folder):
        undo_among(folder, older=_MOVING)
        return _seen_once(folder, signature_of(folder), language())


@lru_cache(maxsize=4)
def _seen_once(folder: Path, signature: Signature, spoken: str) -> _Seen:
    return _see(folder)


def _see(folder: Path) -> _Seen:
    look = look_at(folder)
    told = [("fault", one) for one in look.problems] + [("odd", one) for one in look.warnings]
    return _Seen(look, tuple(_finding(kind, one, folder, look) for kind, one in told))


def _finding(kind: str, problem: Problem, folder: Path, look: Look | None) -> dict[str, Any]:
    """Return a message as plain data: what it says, and where that is shown."""
    file, sheet = _split(problem.file, folder)
    column = _column_of(problem, look)
    return {
        "kind": kind,
        "what": problem.what,
        "file": visible(file or problem.file),
        "there": file,
        "sheet": sheet,
        "row": problem.row,
        "column": visible(problem.column),
        "heading": visible(problem.heading),
        "title": _column_title(problem, look),
        "at": column,
        "letter": "" if column is None else letters(column),
        "value": None if problem.value is None else visible(str(problem.value))[:LONGEST_CELL],
        "text": problem.told(),
    }


def _split(called: str, folder: Path) -> tuple[str, str]:
    """Return the file that a message names, and the sheet or layer in it; nothing where there is no such file."""
    parts = called.split(" · ")
    for n in range(len(parts), 0, -1):
        name = " · ".join(parts[:n])
        if name and "/" not in name and "\0" not in name and len(name.encode()) < 256 and (folder / name).is_file():
            return name, " · ".join(parts[n:])
    return "", ""


def _column_of(problem: Problem, look: Look | None) -> int | None:
    """Return in which column of its sheet a message speaks of, from 0 on."""
    if look is None or problem.row is None:
        return None
    table = next((name for name, origin in look.origins.items() if origin.file == problem.file), "")
    _, at = look.heads.get(table, (0, {}))
    for name in problem.column.split(", "):
        if name in at:
            return at[name]
    return None


def _column_title(problem: Problem, look: Look | None) -> str:
    """Return what the templates call the column that a message speaks of; empty where it is none of theirs."""
    origins = look.origins if look is not None else {}
    table = next((name for name, origin in origins.items() if origin.file == problem.file and name in _TABLES), "")
    known = {column.name for column in _TABLES[table].columns} if table else set()
    return _title(table, problem.column) if problem.column in known else ""


def look(home: str, name: str) -> dict[str, Any]:
    """Return everything that the page of a district shows."""
    place = Home.at(home)
    folder = district_folder(place, name)
    seen = _seen(folder)
    faults, odd = len(seen.look.problems), len(seen.look.warnings)
    shown, left = _few(seen.findings)
    return {
        "name": name,
        "files": _files(folder, seen.look),
        "tables": _tables(seen.look),
        "findings": shown,
        "left": left,
        "faults": faults,
        "odd": odd,
        "card": _card(folder),
        "estimate": any(one.what == FaultKind.ESTIMATE_FIRST for one in seen.look.problems),
    }


def _few(findings: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
    """Return what can be shown of many findings, of every kind some, and how many are left out."""
    counts: Counter[tuple[str, str, str]] = Counter()
    shown: list[dict[str, Any]] = []
    same = Counter(_same(one) for one in findings)
    for one in findings:
        kind = one["what"], one["file"], one["column"]
        counts[kind] += 1
        if counts[kind] <= _ALIKE and len(shown) < _MOST:
            shown.append({**one, "alike": same[_same(one)] if _can_be_mended(one) else 1})
    return shown, len(findings) - len(shown)


def _same(one: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what findings share that one change mends: the fault, the column, and what stands there."""
    return one["what"], one["there"], one["sheet"], one["at"], one["value"]


def _can_be_mended(one: Mapping[str, Any]) -> bool:
    return one["at"] is not None and one["value"] is not None and str(one["there"]).lower().endswith(MENDED)


def _files(folder: Path, seen: Look) -> list[dict[str, Any]]:
    """Return the files of a district, with what is read from each."""
    read: dict[str, list[str]] = {}
    for table, origin in seen.origins.items():
        file, _ = _split(origin.file, folder)
        read.setdefault(file, []).append(synonyms.title_of(table, language()))
    found = []
    for item in sorted(folder.iterdir()):
        if not item.name.startswith(".") and item.is_file():
            stat = item.stat()
            changed = datetime.fromtimestamp(stat.st_mtime).astimezone().strftime("%Y-%m-%d %H:%M")
            told = {"name": item.name, "bytes": stat.st_size, "changed": changed, "tables": read.get(item.name, [])}
            found.append({**told, "is_link": item.is_symlink(), "shown": item.suffix.lower() in _SHOWN})
    return found


_SHOWN = (*TEXT, *WORKBOOKS, *LAYER_SUFFIXES)


def _tables(seen: Look) -> list[dict[str, Any]]:
    """Return where every table came from, and what its rows rest on."""
    told = []
    for name in (*_TABLES, synonyms.BOUNDARY, synonyms.BARRIERS):
        origin = seen.origins.get(name)
        if origin is None:
            continue
        headings = [
            f"{said} → {_title(name, column)}"
            for column, said in origin.headings.items()
            if not synonyms.is_own(_TABLES[name], column, said)
        ]
        bases = [
            {"of": _title(name, column), "counts": {say(f"basis.{basis}"): n for basis, n in sorted(counts.items())}}
            for column, counts in seen.bases.get(name, {}).items()
            if counts
        ]
        table = synonyms.title_of(name, language())
        own = {"headings": [visible(one) for one in headings], "unread": [visible(one) for one in origin.unread]}
        told.append(
            {"table": table, "file": visible(origin.file), "rows": origin.rows, "datum": origin.datum, **own}
            | {"bases": bases}
        )
    return told


def _title(table: str, column: str) -> str:
    """Return what the templates call a column."""
    return synonyms.heading_of(_TABLES[table], column, language())


def models(home: str, name: str) -> dict[str, Any]:
    """Return the models of a district, and what is odd in the district for each of them, where both can be read."""
    from allocate.candidates import make_case
    from allocate.consistency import findings
    from allocate.data_problems import data_problems
    from allocate.model import district_of, read_model
    from allocate.read import read_district

    place = Home.at(home)
    folder = district_folder(place, name)
    found: list[dict[str, Any]] = []
    told: list[dict[str, Any]] = []
    seen = _seen(folder)
    rows = seen.look.origins[PLACES.name].rows if PLACES.name in seen.look.origins else 0
    # (Who reaches whom takes long to work out where places are very many: that is for a run of its own.)
    skipped = rows if rows > _MOST_PLACES else 0
    district = None if seen.look.problems or skipped else read_district(folder)
    for model in place.models():
        try:
            path = place.model(model)
            own = district_of(path)
            if own is None or own.resolve() != folder.resolve():
                continue
            read = read_model(path)
        except (UsageError, Outside):
            continue
        except AllocateError as error:
            found.append({"name": model, "faults": len(getattr(error, "problems", ())) or 1})
            continue
        found.append({"name": model, "faults": 0})
        if district is None:
            continue
        try:
            case = make_case(district, read)
            # (What reading found is said already, and a deadline that has passed is said with its clause.)
            odd = data_problems(district, read, case)[len(district.warnings) :]
            told += [
                {**_finding("odd", one, folder, seen.look), "model": model} for one in odd if one.what != "check.past"
            ]
            told += [{**_said(one.sentence()), "model": model} for one in findings(read, district, case)]
        except AllocateError as error:
            listed = getattr(error, "problems", ())
            told += [{**_finding("fault", one, folder, seen.look), "model": model} for one in listed]
    return {"models": found, "findings": told, "skipped": skipped}


def _said(text: str) -> dict[str, Any]:
    blank = dict.fromkeys(("file", "there", "sheet", "column", "heading", "title", "letter", "what"), "")
    return {"kind": "odd", **blank, "row": None, "at": None, "value": None, "text": text}


# ---- cells


def cells(home: str, name: str, file: str, sheet: str, first: int) -> dict[str, Any]:
    """Return some rows of a table as its file has them, with what is found in them."""
    folder = district_folder(Home.at(home), name)
    path = _own(folder, file)
    sheets, chosen, lines = _sheet_of(path, _encoding(folder, file), sheet)
    seen = _seen(folder)
    own = _found_in(seen, file, chosen)
    table = _table_at(seen.look, file, chosen)
    heading_row, at = seen.look.heads.get(table, (0, {}))
    last = len(lines)
    first = max(1, min(first, max(last, 1)))
    first -= (first - 1) % ROWS
    shown = lines[first - 1 : first - 1 + ROWS]
    # (One more, for a column that the list lacks.)
    width = max((len(line) for line in [*shown, *lines[:heading_row]]), default=0) + bool(lines)
    names = {n: column for column, n in at.items()}
    heading = lines[heading_row - 1] if 0 < heading_row <= last else ()
    columns = [
        {
            "letter": letters(n),
            "heading": visible(_text(heading[n])) if n < len(heading) else "",
            "title": _title(table, names[n]) if n in names else "",
        }
        for n in range(width)
    ]
    rows = [[_text(line[n]) if n < len(line) else "" for n in range(width)] for line in shown]
    return {
        "file": file,
        "sheet": chosen,
        "sheets": list(sheets) if path.suffix.lower() in SEVERAL else [],
        "rows": last,
        "first": first,
        "heading_row": heading_row,
        "columns": columns,
        "cells": [[cell[: LONGEST_CELL + 1] for cell in row] for row in rows],
        "findings": [one for one in own if one["row"] is None or first <= one["row"] < first + ROWS],
        "elsewhere": sum(one["row"] is not None for one in own),
        "others": sorted({one["row"] for one in own if one["row"] is not None})[:1000],
        "version": _version(path),
        "mended": path.suffix.lower() in MENDED,
    }


def _own(folder: Path, file: str) -> Path:
    """Return a file of a district.

    Raises
    ------
    Outside
        When there is none of this name.
    """
    path = folder / file
    if "/" in file or "\\" in file or file.startswith(".") or "\0" in file:
        raise _gone(file)
    try:
        check_own(path, folder)
    except Unreadable:
        raise _gone(file) from None
    return path


def _gone(file: str) -> UsageError:
    return UsageError([Problem("problem.file_missing", file)])


def _version(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _encoding(folder: Path, file: str) -> str:
    """Return the encoding that the card says of a file."""
    content: Any = {}
    with suppress(OSError, Unreadable, TOMLKitError):
        content = tomlkit.parse(decode((folder / CARD).read_bytes())).unwrap()
    said = content.get("tables", {})
    tables = said.values() if isinstance(said, dict) else ()
    found = (one.get("encoding", "") for one in tables if isinstance(one, dict) and one.get("file") == file)
    return next((one for one in found if isinstance(one, str)), "")


type _Lines = Sequence[Sequence[Raw]]


def _opened(path: Path, encoding: str) -> tuple[tuple[str, ...], Callable[[str], _Lines]]:
    """Return the sheets of a file, and what gives the cells of one."""
    stat = path.stat()
    return _opened_once(path, encoding, stat.st_size, stat.st_mtime_ns)


def _sheet_of(path: Path, encoding: str, sheet: str) -> tuple[tuple[str, ...], str, _Lines]:
    """Return the sheets of a file, the one that is asked for, or the first where there is none such, and its cells.

    Raises
    ------
    UsageError
        When it cannot be read.
    """
    try:
        sheets, lines_of = _opened(path, encoding)
        chosen = sheet if sheet in sheets else sheets[0]
        return sheets, chosen, lines_of(chosen)
    except Unreadable as error:
        raise _not_read(path.name, error) from None


def _not_read(file: str, error: Unreadable) -> UsageError:
    return UsageError([Problem(error.what, file, error.row, value=error.value, details=error.details)])


@lru_cache(maxsize=2)
def _opened_once(path: Path, encoding: str, size: int, changed: int) -> tuple[tuple[str, ...], Callable[[str], _Lines]]:
    suffix = path.suffix.lower()
    if suffix in TEXT:
        # (The separator is a matter of who reads it as a table.)
        lines = grid(read_bytes(path), encoding, lambda _: False).cells
        return ("",), lambda _: lines
    if suffix in WORKBOOKS:
        book = open_workbook(path)
        if not book.parts:
            raise Unreadable(FaultKind.EMPTY)
        return book.parts, lambda part: book.grid(part).cells
    layers = open_layers(path, encoding)

    def attributes(part: str) -> _Lines:
        # (Rows of a layer count from 1 on, and its headings stand apart.)
        return list(zip(*layers.sheet(part).columns, strict=True))

    return layers.parts, attributes


def _table_at(seen: Look, file: str, sheet: str) -> str:
    called = (file, f"{file} · {sheet}")
    return next((name for name, origin in seen.origins.items() if origin.file in called and name in _TABLES), "")


def _text(cell: Raw) -> str:
    """Return a cell as it is shown and typed."""
    return "" if cell is None else repr(cell) if isinstance(cell, float) else str(cell)


def mend(
    home: str,
    name: str,
    who: str,
    file: str,
    sheet: str,
    version: str,
    changes: Sequence[Mapping[str, Any]],
    count: int | None = None,
) -> dict[str, Any]:
    """Change cells of a file in its place, and return its new version.

    `changes` says row (from 1 on), column (from 0 on) and the new text of each. With a `count` it is one change, and
    all cells of its column that are `alike` are changed as it says, if they are so many: one entry of the history.

    Raises
    ------
    UsageError
        When the file has changed meanwhile, or they cannot be changed in its place; nothing is changed then.
    """
    place = Home.at(home)
    folder = district_folder(place, name)
    path = _own(folder, file)
    raw = read_bytes(path)
    _insist(file, hashlib.sha256(raw).hexdigest(), version)
    encoding = _encoding(folder, file)
    try:
        _, chosen, lines = _sheet_of(path, encoding, sheet)
        seen = _seen(folder)
        look = seen.look
        table = _table_at(look, file, chosen)
        wanted = {(int(one["row"]), int(one["column"])): str(one["to"]) for one in changes}
        _check_cells(wanted, lines, file)
        if count is not None:
            ((row, column), to) = next(iter(wanted.items()))
            wanted = _alike(_found_in(seen, file, chosen), lines, row, column, to)
            if len(wanted) != count:
                raise UsageError([Problem(_STALE, file)])
            _check_cells(wanted, lines, file)
        cells = _mended_cells(path, raw, encoding, lines, wanted, look.heads.get(table, (0, {}))[1], table)
        made = _mended(path, raw, encoding, chosen, {(one["row"], one["column"]): one["to"] for one in cells}, ())
    except Unreadable as error:
        raise _not_read(file, error) from None
    said = f"{file} · {chosen}" if chosen else file
    heading, _ = look.heads.get(table, (0, {}))
    above = lines[heading - 1] if 0 < heading <= len(lines) else ()
    told = [
        Change(
            (said, str(one["row"]), _text(above[one["column"]]) if one["column"] < len(above) else ""),
            one["from"],
            one["to"],
        )
        for one in cells
    ]
    if count is not None:
        # (One line of the history for all of them; what each cell held stands with it.)
        rows = _rows_said([one["row"] for one in cells])
        told = [Change((said, f"{rows} ({count})", told[0].key[2]), told[0].before, told[0].after)]
    entry = _put(
        place, name, who, {file: made}, (), {file: version}, told, {"file": file, "sheet": chosen, "cells": cells}
    )
    return {"version": hashlib.sha256(made).hexdigest(), "id": entry.id}


def _found_in(seen: _Seen, file: str, sheet: str) -> list[dict[str, Any]]:
    """Return what is found in a sheet of a file."""
    return [one for one in seen.findings if one["there"] == file and (not one["sheet"] or one["sheet"] == sheet)]


def _alike(
    findings: Sequence[Mapping[str, Any]], lines: _Lines, row: int, column: int, to: str
) -> dict[tuple[int, int], str]:
    """Return the cells of a column that have the same fault as one of them and hold the same, with their new texts.

    Where a unit behind a number is taken away, those that have the same unit behind another number are alike too: each
    keeps its number.
    """
    faults = {one["what"] for one in findings if (one["row"], one["at"]) == (row, column)}
    rows = sorted({one["row"] for one in findings if one["at"] == column and one["what"] in faults} - {None})

    def text_of(row: int) -> str:
        line = lines[row - 1] if 0 < row <= len(lines) else ()
        return _text(line[column]) if column < len(line) else ""

    text = text_of(row)
    unit = text.removeprefix(to).strip() if _NUMBER.fullmatch(to) and text.startswith(to) else ""
    if not unit or unit[0] in "0123456789.,":
        return {(one, column): to for one in rows if text_of(one) == text}
    found = {
        one: text_of(one).strip().removesuffix(unit).strip() for one in rows if text_of(one).strip().endswith(unit)
    }
    return {(one, column): number for one, number in found.items() if _NUMBER.fullmatch(number)}


def alike(home: str, name: str, file: str, sheet: str, row: int, column: int, to: str) -> dict[str, Any]:
    """Return how many cells of a column would be changed with one of them that has a fault, and in which rows."""
    folder = district_folder(Home.at(home), name)
    path = _own(folder, file)
    _, chosen, lines = _sheet_of(path, _encoding(folder, file), sheet)
    found = _alike(_found_in(_seen(folder), file, chosen), lines, row, column, to)
    if len(found) > MOST_ALIKE:
        raise UsageError(
            [Problem("serve_data.too_many_alike", file, details={"count": len(found), "most": MOST_ALIKE})]
        )
    same = len(set(found.values())) == 1
    return {
        "count": len(found),
        "rows": _rows_said([one for one, _ in found]),
        "same": same,
        "version": _version(path),
    }


def _rows_said(rows: Sequence[int]) -> str:
    """Return numbers of rows, the first of them where they are many.

    >>> _rows_said([3, 5, 9]), _rows_said(list(range(2, 99)))
    ('3, 5, 9', '2, 3, 4, 5, 6, 7, 8, 9, 10, 11, …')
    """
    return ", ".join([*map(str, rows[:_FEW_ROWS]), *(["…"] if len(rows) > _FEW_ROWS else [])])


def _check_cells(wanted: Mapping[tuple[int, int], str], lines: _Lines, file: str) -> None:
    width = max((len(line) for line in lines), default=0)
    for (row, column), text in wanted.items():
        if not (1 <= row <= len(lines) and 0 <= column <= width):
            raise UsageError([Problem("mending.row", file, row)])
        if len(text) > 10 * LONGEST_CELL or visible(text) != text or "\ufffe" in text or "\uffff" in text:
            raise UsageError([Problem("serve_data.cell_text", file, row, value=text)])


def _mended_cells(
    path: Path,
    raw: bytes,
    encoding: str,
    lines: _Lines,
    wanted: Mapping[tuple[int, int], str],
    at: Mapping[str, int],
    table: str,
) -> list[dict[str, Any]]:
    """Return what each cell held and will hold: text in a CSV, text or a number in a workbook."""
    names = {n: name for name, n in at.items()}
    made = []
    unquoted: set[tuple[int, int]] = set()
    is_text = path.suffix.lower() in TEXT
    if is_text:
        with suppress(NotMendedError):
            unquoted = bare_among(raw, encoding, wanted)
    for (row, column), text in wanted.items():
        line = lines[row - 1]
        before = line[column] if column < len(line) else None
        after: Written = text
        bare = (row, column) in unquoted
        if not is_text:
            known = _TABLES[table].columns if table else ()
            counted = any(one.kind in ("whole", "number") for one in known if one.name == names.get(column))
            after = _typed(text, is_number=counted or isinstance(before, int | float))
        made.append({"row": row, "column": column, "from": before, "to": after, "bare": bare})
    return made


def _typed(text: str, *, is_number: bool) -> Written:
    """Return what a workbook holds for what was typed: a number only where one is wanted and it is kept whole."""
    if not text:
        return None
    plain = text.removeprefix("-")
    digits = plain.replace(".", "", 1)
    whole = plain.partition(".")[0]
    if not is_number or not (digits.isascii() and digits.isdigit()) or len(digits) > _DIGITS or not whole:
        return text
    if len(whole) > 1 and whole.startswith("0"):
        return text
    return float(text) if "." in text else int(text)


def _mended(
    path: Path,
    raw: bytes,
    encoding: str,
    sheet: str,
    changes: Mapping[tuple[int, int], Written],
    bare: Collection[tuple[int, int]],
) -> bytes:
    suffix = path.suffix.lower()
    try:
        if suffix in TEXT:
            return mend_text(raw, encoding, {cell: _text(after) for cell, after in changes.items()}, bare)
        if suffix in MENDED:
            return mend_workbook(raw, sheet, changes)
        raise NotMendedError("mending.elsewhere")
    except NotMendedError as error:
        raise UsageError([Problem(error.what, path.name, details=error.details)]) from None


# ---- files in and out


def _insist(file: str, found: str, version: str) -> None:
    if found != version:
        raise UsageError([Problem(_STALE, file)])


def _put(
    home: Home,
    name: str,
    who: str,
    new: Mapping[str, bytes],
    gone: Collection[str],
    versions: Mapping[str, str],
    changes: Iterable[Change],
    told: Mapping[str, Any],
    undoes: str = "",
) -> Entry:
    """Write files into a district and take others out, whole or not at all, and say so in the history.

    `versions` are the checksums of what is replaced; empty where nothing may stand there.
    """
    folder = district_folder(home, name)

    def check() -> None:
        for file in (*new, *gone):
            path = folder / file
            if path.is_symlink() or path.is_dir():
                raise UsageError([Problem(FaultKind.FILE_PLAIN, file)])
            _insist(file, _version(path) if path.exists() else "", versions.get(file, ""))

    with disk(folder):
        refuse_open(folder, (*new, *gone))
        check()
        old = {file: (folder / file).read_bytes() for file in (*new, *gone) if (folder / file).exists()}
    write_among(folder, new, lambda item: item in gone, check)
    try:
        # (An undoing is a change of data like any other, and can be undone in the same way.)
        return history.add(home, who=who, what="data", of=name, changes=changes, undoes=undoes, told=told)
    except AllocateError:
        # (What nobody could undo later is undone now.)
        write_among(folder, old, lambda item: item in new and item not in old, lambda: None)
        raise


def _keep(home: Home, name: str, files: Collection[str]) -> str:
    """Keep copies of files that something else will take the place of, and return where: a name below maps/before."""
    folder = district_folder(home, name)
    with disk(folder):
        old = {file: (folder / file).read_bytes() for file in sorted(files) if (folder / file).is_file()}
    digest = hashlib.sha256(b"".join(hashlib.sha256(content).digest() for content in old.values())).hexdigest()
    own = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{digest[:8]}"
    if old:
        write_folder(home.inside(*BEFORE.split("/"), own), old, lambda: None)
    return own


def _told_files(before: str, old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, Any]:
    """Return what an entry says of files: where the old ones are kept, and what each was and became."""
    return {"before": before, "files": {file: [old.get(file, ""), new.get(file, "")] for file in sorted({*old, *new})}}


@contextmanager
def _staged(home: Home, name: str, new: Mapping[str, Path], gone: Collection[str]) -> Iterator[Path]:
    """Set up a copy of a district in which some files are others, or gone; it goes when it has been looked at."""
    folder = district_folder(home, name)
    with disk(folder):
        above = Path(tempfile.mkdtemp(prefix=".allocate-", dir=folder.parent))
    try:
        stage = above / name
        with disk(folder):
            stage.mkdir()
            for item in folder.iterdir():
                if item.is_file() and item.name not in new and item.name not in gone:
                    _linked(item, stage / item.name)
            for file, path in new.items():
                _linked(path, stage / file)
        yield stage
    finally:
        shutil.rmtree(above, ignore_errors=True)


def _linked(source: Path, target: Path) -> None:
    """Give a file a second name, where the disk can do that, or copy it; of a link, the link."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target, follow_symlinks=False)


@dataclass(frozen=True)
class _Judged:
    """What the reader finds in a district that some files would be put into.

    Attributes
    ----------
    brought
        Faults that were not there before, as messages of the page.
    twice
        Which files hold nothing but tables that the new ones hold too.
    """

    brought: tuple[dict[str, Any], ...]
    faults: tuple[Problem, ...]
    twice: tuple[str, ...]
    count: int


def _judge(home: Home, name: str, new: Mapping[str, Path], gone: Collection[str]) -> _Judged:
    """Look at a district as it would be.

    Raises
    ------
    InputError
        When a new file cannot be opened at all.
    """
    folder = district_folder(home, name)
    before = {_key(one) for one in _seen(folder).look.problems}
    with _staged(home, name, new, gone) as stage:
        refused = [problem for file in new for problem in _unopened(stage, file, _encoding(folder, file))]
        if refused:
            raise InputError(refused)
        seen = _see(stage)
        # (Where the copy stands is nobody's business.)
        twice = tuple(_twice(stage, new))
    pairs = list(zip(seen.look.problems, seen.findings, strict=False))
    brought = [(problem, told) for problem, told in pairs if _key(problem) not in before]
    return _Judged(
        tuple({**told, "text": _without(told["text"], stage, folder)} for _, told in brought),
        tuple(problem for problem, _ in brought),
        twice,
        len(seen.look.problems),
    )


def _without(text: str, stage: Path, folder: Path) -> str:
    return text.replace(str(stage), str(folder))


def _key(problem: Problem) -> tuple[str, str, int | None, str, str]:
    return problem.what, problem.file, problem.row, problem.column, str(problem.value)


def _unopened(stage: Path, file: str, encoding: str) -> Iterator[Problem]:
    """Yield why a file cannot be opened at all, if so."""
    path = stage / file
    suffix = path.suffix.lower()
    try:
        check_own(path, stage)
        if suffix in _SHOWN and not is_extract(path):
            sheets, lines_of = _opened(path, encoding)
            for sheet in sheets:
                lines_of(sheet)
        elif file.lower().endswith(".md"):
            decode(read_bytes(path, 1_000_000))
    except Unreadable as error:
        if error.what != FaultKind.EMPTY:
            yield Problem(error.what, file, error.row, value=error.value, details=error.details)


def _twice(stage: Path, new: Collection[str]) -> Iterator[str]:
    """Yield the files whose tables all stand in new ones as well."""
    card: Any = {}
    with suppress(OSError, Unreadable, TOMLKitError):
        card = tomlkit.parse(decode((stage / CARD).read_bytes())).unwrap()
    said = card.get("tables", {}) if isinstance(card.get("tables", {}), dict) else {}
    shelf = Shelf(
        stage, {key: TableSource(**one) for key, one in said.items() if isinstance(one, dict) and _plain(one)}
    )
    held: dict[str, set[str]] = {}
    for table, places in shelf.by_table.items():
        for one in places:
            if one.path is not None:
                held.setdefault(one.path.name, set()).add(table)
    fresh = {table for file in new for table in held.get(file, ())}
    yield from (file for file, tables in sorted(held.items()) if file not in new and tables and tables <= fresh)


def _plain(said: Mapping[str, Any]) -> bool:
    return all(isinstance(value, str) for key, value in said.items() if key != "columns") and not (
        set(said) - set(TableSource.model_fields)
    )


def take(
    home: str, name: str, who: str, upload: str, replace: Mapping[str, str], aside: Sequence[str], faults: str
) -> dict[str, Any]:
    """Take the files of an upload into a district, or say why not.

    Parameters
    ----------
    replace
        The checksum of every file that may be replaced, by its name.
    aside
        Files whose tables the new ones replace, which go.
    faults
        "taken" where new faults do not matter.
    """
    place = Home.at(home)
    folder = district_folder(place, name)
    stand = held_folder(place, name, upload)
    new = {item.name: item for item in sorted(stand.iterdir())}
    if not new:
        raise UsageError([Problem("serve_data.nothing")])
    there = {item.name.casefold(): item.name for item in folder.iterdir()}
    for file in new:
        other = there.get(file.casefold(), file)
        if other != file:
            raise UsageError([Problem("serve_data.other_case", file, value=other)])
    if len(set(there.values()) | set(new)) > MOST_FILES:
        raise UsageError([Problem("serve_data.many", details={"most": MOST_FILES})])
    old = {file: _version(folder / file) for file in (*new, *aside) if (folder / file).is_file()}
    asked = [{"file": file, "version": version} for file, version in old.items() if file in new and file not in replace]
    if asked:
        return {"taken": False, "why": "there", "there": asked}
    for file in new:
        _insist(file, old.get(file, ""), replace.get(file, ""))
    same = all((folder / file).is_file() and _version(path) == old.get(file) for file, path in new.items())
    judged = _judge(place, name, new, aside)
    if (judged.brought and faults != "taken") or (judged.twice and not aside and faults != "taken"):
        shown, left = _few(judged.brought)
        told = {"findings": shown, "left": left, "twice": list(judged.twice), "faults": judged.count}
        return {"taken": False, "why": "faults", **told}
    if same and not aside:
        drop(place, name, upload)
        return {"taken": True, "same": True, "files": sorted(new), "faults": judged.count}
    content = {file: path.read_bytes() for file, path in new.items()}
    kept = _keep(place, name, old)
    signed = {file: hashlib.sha256(raw).hexdigest() for file, raw in content.items()}
    versions = {file: old.get(file, "") for file in (*new, *aside)}
    told = _told_files(kept, old, signed)
    entry = _put(place, name, who, content, tuple(aside), versions, _file_changes(folder, content, aside), told)
    drop(place, name, upload)
    return {"taken": True, "files": sorted(new), "faults": judged.count, "id": entry.id}


def _file_changes(folder: Path, content: Mapping[str, bytes], gone: Collection[str]) -> list[Change]:
    def size(file: str) -> str | None:
        return f"{(folder / file).stat().st_size:,} B" if (folder / file).is_file() else None

    made = [Change((file,), size(file), f"{len(raw):,} B") for file, raw in content.items()]
    return [*made, *(Change((file,), size(file), None) for file in gone)]


def remove(home: str, name: str, who: str, file: str, version: str) -> dict[str, Any]:
    """Take a file out of a district; a copy is kept."""
    place = Home.at(home)
    folder = district_folder(place, name)
    _own(folder, file)
    if file == CARD:
        raise UsageError([Problem("serve_data.card_stays", file)])
    _insist(file, _version(folder / file), version or _version(folder / file))
    old = {file: _version(folder / file)}
    kept = _keep(place, name, old)
    changes = _file_changes(folder, {}, (file,))
    entry = _put(place, name, who, {}, (file,), old, changes, _told_files(kept, old, {}))
    return {"removed": file, "id": entry.id}


def undo(home: str, name: str, who: str, entry: str) -> dict[str, Any]:
    """Undo what an entry of the history did to a district's files; what has changed since stays, and is said."""
    place = Home.at(home)
    folder = district_folder(place, name)
    found = history.find(place, entry)
    if found is None or found.of != name or not ("cells" in found.told or "files" in found.told):
        raise UsageError([Problem("serve_data.no_undo", value=entry)])
    if found.id in history.undone(place):
        raise UsageError([Problem("serve_data.undone")])
    turned = [Change(one.key, one.after, one.before) for one in found.changes]
    if "cells" in found.told:
        return _undo_cells(place, folder, who, found, turned)
    files = _files_told(found)
    kept = place.inside(*BEFORE.split("/"), str(found.told.get("before", "")))
    versions = {file: after for file, (_, after) in files.items()}
    new: dict[str, bytes] = {}
    for file, (before, _) in files.items():
        _insist(file, _version(folder / file) if (folder / file).is_file() else "", versions[file])
        if before:
            source = kept / file
            if not source.is_file() or _version(source) != before:
                raise UsageError([Problem("serve_data.not_kept", file)])
            new[file] = source.read_bytes()
    gone = tuple(file for file, (before, _) in files.items() if not before)
    again = _keep(place, name, [file for file, after in versions.items() if after])
    told = _told_files(again, {f: v for f, v in versions.items() if v}, {f: b for f, (b, _) in files.items() if b})
    _put(place, name, who, new, gone, versions, turned, told, undoes=found.id)
    return {"undone": found.id, "files": sorted(files)}


def _files_told(found: Entry) -> dict[str, tuple[str, str]]:
    """Return what an entry says that files were and became, by their names: the history may come from anywhere.

    Raises
    ------
    UsageError
        When one of them would lie elsewhere than in a district's folder.
    """
    told = found.told["files"]
    files: dict[str, tuple[str, str]] = {}
    for file, marks in told.items() if isinstance(told, dict) else ():
        if (
            not is_plain(file)
            or file.startswith(".")
            or not isinstance(marks, list)
            or [type(one) for one in marks] != [str, str]
        ):
            raise UsageError([Problem("serve_data.no_undo", value=found.id)])
        files[file] = (marks[0], marks[1])
    return files


def _undo_cells(place: Home, folder: Path, who: str, found: Entry, turned: Sequence[Change]) -> dict[str, Any]:
    file, sheet = str(found.told["file"]), str(found.told["sheet"])
    path = _own(folder, file)
    raw = read_bytes(path)
    encoding = _encoding(folder, file)
    back: list[dict[str, Any]] = []
    try:
        sheets, grid_of = _opened(path, encoding)
        lines = grid_of(sheet) if sheet in sheets else ()
    except Unreadable as error:
        raise _not_read(file, error) from None
    for one in found.told["cells"]:
        row, column = int(one["row"]), int(one["column"])
        line = lines[row - 1] if row <= len(lines) else ()
        now = line[column] if column < len(line) else None
        if _text(now) != _text(one["to"]):
            raise UsageError([Problem(_STALE, file, row)])
        back.append(
            {"row": row, "column": column, "from": one["to"], "to": one["from"], "bare": one.get("bare", False)}
        )
    changes = {(one["row"], one["column"]): one["to"] for one in back}
    bare = {(one["row"], one["column"]) for one in back if one["bare"]}
    made = _mended(path, raw, encoding, sheet, changes, bare)
    version = hashlib.sha256(raw).hexdigest()
    told = {"file": file, "sheet": sheet, "cells": back}
    _put(place, folder.name, who, {file: made}, (), {file: version}, turned, told, undoes=found.id)
    return {"undone": found.id, "files": [file]}


# ---- the card


def _card(folder: Path) -> dict[str, Any]:
    """Return what the card says of the district itself, each as a text; nothing where it is no TOML."""
    try:
        raw = (folder / CARD).read_bytes()
        content = tomlkit.parse(decode(raw)).unwrap()
    except (OSError, Unreadable, TOMLKitError):
        return {"version": "", "values": {}}
    values = {}
    for key in _CARD_KEYS:
        value: Any = content
        for part in key.split("."):
            value = value.get(part, "") if isinstance(value, dict) else ""
        values[key] = value if isinstance(value, str | int) else ""
    return {"version": hashlib.sha256(raw).hexdigest(), "values": values}


def change_card(
    home: str, name: str, who: str, version: str, changes: Mapping[str, Any], faults: str
) -> dict[str, Any]:
    """Change what the card says of the district itself; comments and all else of the file stay."""
    place = Home.at(home)
    folder = district_folder(place, name)
    raw = read_bytes(folder / CARD)
    _insist(CARD, hashlib.sha256(raw).hexdigest(), version)
    before = _card(folder)["values"]
    try:
        document = tomlkit.parse(decode(raw))
    except TOMLKitError as error:
        raise UsageError([Problem("problem.not_toml", CARD, details={"reason": str(error)})]) from None
    made = []
    for key, value in changes.items():
        if key not in _CARD_KEYS or not isinstance(value, str | int):
            raise UsageError([Problem("serve_data.card_key", CARD, column=key)])
        after: Any = _typed(value, is_number=True) if key == "epsg" and isinstance(value, str) else value
        after = "" if after is None else after
        if before.get(key) == after:
            continue
        *tables, last = key.split(".")
        into: Any = document
        for part in tables:
            if part not in into:
                into[part] = tomlkit.table()
            into = into[part]
        into[last] = after
        made.append(Change((CARD, key), before.get(key), after))
    if not made:
        return {"taken": True, "version": version}
    content = tomlkit.dumps(document).encode()
    with tempfile.TemporaryDirectory() as beside:
        new = Path(beside) / CARD
        new.write_bytes(content)
        judged = _judge(place, name, {CARD: new}, ())
    # (A card that cannot be taken leaves nothing to be read.)
    own = [one for one in judged.faults if one.file == CARD]
    if own:
        raise InputError(own)
    if judged.brought and faults != "taken":
        shown, left = _few(judged.brought)
        return {"taken": False, "why": "faults", "findings": shown, "left": left, "twice": [], "faults": judged.count}
    old = {CARD: version}
    signed = {CARD: hashlib.sha256(content).hexdigest()}
    kept = _keep(place, name, old)
    entry = _put(place, name, who, {CARD: content}, (), old, made, _told_files(kept, old, signed))
    return {"taken": True, "version": signed[CARD], "id": entry.id}


# ---- what a list lacks


def estimate(home: str, name: str) -> dict[str, Any]:
    """Work out what the list of a district lacks, and hold the tables until somebody takes them."""
    from allocate.estimating import Asked, estimate_folder

    place = Home.at(home)
    folder = district_folder(place, name)
    upload = hold(place, name)
    try:
        stand = held_folder(place, name, upload)
        asked = Asked()
        made = estimate_folder(folder, stand, asked)
        if not made.written:
            raise UsageError([Problem("serve_data.nothing_lacks")])
        new = {item.name for item in stand.iterdir()}
        old = {item.name: _version(item) for item in folder.iterdir() if item.is_file() and item.name[0] != "."}
        aside = _replaced(folder, new, _seen(folder).look)
        for file in list(new):
            if old.get(file) == _version(stand / file):
                (stand / file).unlink()
                new.discard(file)
    except BaseException:
        drop(place, name, upload)
        raise
    return {
        "upload": upload,
        "places": made.places,
        "positions": made.positions,
        "people": made.people,
        "institutions": made.institutions,
        "seed": asked.seed,
        "warnings": [one.sentence() for one in made.district.warnings],
        "files": sorted(new),
        "replace": {file: old[file] for file in sorted(new) if file in old},
        "aside": aside,
    }


def _replaced(folder: Path, written: Collection[str], seen: Look) -> list[str]:
    """Return the files of which everything that was read stands in files of its own now: they would say it twice."""
    fresh: dict[str, list[bool]] = {}
    for table, origin in seen.origins.items():
        file, _ = _split(origin.file, folder)
        own = BOUNDARY if table == synonyms.BOUNDARY else f"{table}.csv"
        fresh.setdefault(file, []).append(own in written and file not in written)
    found = [file for file, tables in fresh.items() if file and all(tables)]
    shapes = [Path(file) for file in found if file.lower().endswith(".shp")]
    beside = (path.with_suffix(end).name for path in shapes for end in COMPANIONS)
    return sorted({*found, *(name for name in beside if (folder / name).is_file())})


WORK: Mapping[str, Callable[..., Any]] = {
    work.__name__: work
    for work in (create, template_file, look, models, cells, mend, alike, take, remove, undo, change_card, estimate)
}
