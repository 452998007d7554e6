"""What the cells of a column mean: ids, choices and numbers as planners write them, a whole column at a time."""

import math
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cache

import numpy as np

from allocate import synonyms
from allocate.errors import Value
from allocate.fault_kinds import FaultKind
from allocate.files.sheet import Raw
from allocate.tables import Column
from allocate.words import unit_of_column

type Cell = str | int | float | None

BLANK = ("", "-", "—", "无", "NA", "N/A", "nan", "NaN", "NULL", "null", "None")
# What a spreadsheet shows where a formula fails.
_ERRORS = ("#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!", "#GETTING_DATA")
# What a spreadsheet makes of a code when it takes it for a number: 1.20115E+11, 120115001001.0. A code such as 12E3,
# without sign and point, may be one.
_AS_NUMBER = re.compile(r"[+-]?\d+([.,]\d*E[+-]?\d+|E[+-]\d+|\.0*)", re.ASCII | re.IGNORECASE)
# A spreadsheet keeps fifteen digits of a number.
_DIGITS = 10**15
# Letters and digits of double width, and blanks that nobody sees, which make two of one code.
_WIDE = {code: chr(code - 0xFEE0) for code in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))}
_UNSEEN = dict.fromkeys((0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF))
_PLAIN = _WIDE | _UNSEEN
# A number with what may stand before and behind it.
_WRITTEN = re.compile(
    r"(?P<before>[^\d.+-]*)(?P<number>[+-]?(\d[\d,'\s]*)?(\.\d*)?(e[+-]?\d+)?)(?P<behind>.*)", re.ASCII
)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}([,'\s]\d{3})+(\.\d*)?", re.ASCII)
_SIXTY = 60


@cache
def _sexagesimal() -> re.Pattern[str]:
    """Return the pattern of degrees, minutes and seconds, such as 117°15'36.5\"."""
    signs = ["|".join(map(re.escape, synonyms.written(name))) for name in ("degrees", "minutes", "seconds")]
    number = r"\d{1,2}(?:\.\d+)?"
    return re.compile(
        rf"(?P<d>\d{{1,3}})(?:{signs[0]})(?P<m>{number})(?:{signs[1]})?(?:(?P<s>{number})(?:{signs[2]})?)?", re.ASCII
    )


@dataclass
class Cells:
    """A column as read.

    Attributes
    ----------
    values
        What each cell says; None where it is blank or cannot be used.
    faults
        What is wrong, by position in the column.
    understood
        Position of the first cell that was written otherwise than plainly, what kind of thing was read, and how it was
        read; none where there is no such cell.
    count
        How many cells were written so.
    """

    values: list[Cell]
    faults: list[tuple[int, FaultKind, Value, Mapping[str, Value]]] = field(default_factory=list)
    understood: tuple[int, FaultKind, Value, str] | None = None
    count: int = 0

    def blame(self, i: int, what: FaultKind, value: Value = None, **details: Value) -> None:
        """Note a fault of a cell."""
        self.faults.append((i, what, value, details))

    def read_as(self, i: int, what: FaultKind, raw: Value, shown: str) -> None:
        """Note that a cell was understood although it was not written plainly."""
        self.understood = self.understood or (i, what, raw, shown)
        self.count += 1


def read_cells(column: Column, cells: Sequence[Raw], times: Decimal = Decimal(1)) -> Cells:
    """Read a column; `times` is what its numbers are multiplied with, as the unit in its heading says."""
    read: Callable[[Column, Sequence[Raw], Decimal], Cells] = _numbers
    match column.kind:
        case "text":
            read = _texts
        case "id":
            read = _ids
        case "choice":
            read = _choices
    found = read(column, cells, times)
    if column.filled:
        blamed = {i for i, *_ in found.faults}
        for i, value in enumerate(found.values):
            if value is None and i not in blamed:
                text = _text(cells[i])
                found.blame(i, FaultKind.BLANK, text or None, zh=column.zh, en=column.en)
    return found


def own_unit(column: Column) -> str:
    """Return the unit of a column in brackets; nothing where it has none."""
    unit = unit_of_column(column.unit).strip()
    return f" ({unit})" if unit else ""


def _text(raw: Raw) -> str:
    """Return a cell as text, stripped: a whole number without a point."""
    if raw is None:
        return ""
    if isinstance(raw, str):
        return raw.strip()
    return str(int(raw)) if isinstance(raw, float) and raw.is_integer() and abs(raw) < _DIGITS else str(raw)


def _odd(cells: Sequence[Raw]) -> bool:
    """Tell whether any cell may hold an error of a formula or letters that were lost."""
    whole = "\n".join(cell for cell in cells if isinstance(cell, str))
    return "#" in whole or any(sign in whole for sign in synonyms.written("broken"))


def _spoilt(text: str) -> FaultKind | None:
    if text in _ERRORS:
        return FaultKind.CELL_ERROR
    return FaultKind.TEXT_BROKEN if any(sign in text for sign in synonyms.written("broken")) else None


def _texts(column: Column, cells: Sequence[Raw], times: Decimal) -> Cells:
    del column, times
    found = Cells([_text(cell) or None for cell in cells])
    _drop_spoilt(found, cells)
    return found


def _drop_spoilt(found: Cells, cells: Sequence[Raw]) -> None:
    if not _odd(cells):
        return
    for i, cell in enumerate(cells):
        what = _spoilt(_text(cell))
        if what is not None:
            found.values[i] = None
            found.blame(i, what, _text(cell))


def _ids(column: Column, cells: Sequence[Raw], times: Decimal) -> Cells:
    del times
    found = Cells([None] * len(cells))
    named = synonyms.choices_of(column.name)
    seen: dict[Raw, tuple[str | None, FaultKind | None, bool]] = {}
    for i, cell in enumerate(cells):
        known = seen.get(cell)
        if known is None:
            known = seen[cell] = _id(cell, named)
        value, fault, changed = known
        found.values[i] = value
        if fault is not None:
            found.blame(i, fault, _text(cell))
        elif changed:
            found.read_as(i, FaultKind.CODE_READ, str(cell), value or "")
    _drop_spoilt(found, cells)
    return found


def _id(cell: Raw, named: Mapping[str, tuple[str, ...]]) -> tuple[str | None, FaultKind | None, bool]:
    """Return the code in a cell, what is wrong with it, and whether it was written with other signs."""
    if cell is None:
        return None, None, False
    if isinstance(cell, int | float):
        if abs(cell) >= _DIGITS:
            return None, FaultKind.ID_DIGITS, False
        if isinstance(cell, float) and not cell.is_integer():
            return None, FaultKind.ID_NUMBER, False
        return str(int(cell)), None, False
    text = cell.strip()
    plain = text if text.isascii() else text.translate(_PLAIN).strip()
    # (Spreadsheets write an apostrophe before a number that is to stay text.)
    plain = plain[1:] if plain.startswith("'") and plain[1:2].isdigit() else plain
    if not plain:
        return None, None, False
    if _AS_NUMBER.fullmatch(plain if plain.isascii() else unicodedata.normalize("NFKC", plain)):
        return None, FaultKind.ID_NUMBER, False
    codes = named.get(synonyms.fold(plain)) if named else None
    if codes and len(codes) == 1:
        return codes[0], None, False
    return plain, None, plain != text


def _choices(column: Column, cells: Sequence[Raw], times: Decimal) -> Cells:
    del times
    meant = {cell: _choice(column, _text(cell)) for cell in set(cells)}
    found = Cells([meant[cell] for cell in cells])
    unknown = {cell for cell, value in meant.items() if value is None and _text(cell)}
    choices = ", ".join(column.choices)
    for i, cell in enumerate(cells) if unknown else ():
        if cell in unknown:
            text = _text(cell)
            spoilt = _spoilt(text)
            details = {} if spoilt else {"choices": choices}
            found.faults.append((i, spoilt or FaultKind.CHOICE, text, details))
    return found


def _choice(column: Column, text: str) -> str | None:
    if text in column.choices:
        return text
    codes = [code for code in synonyms.choices_of(column.name).get(synonyms.fold(text), ()) if code in column.choices]
    return codes[0] if len(codes) == 1 else None


def _numbers(column: Column, cells: Sequence[Raw], times: Decimal) -> Cells:
    plain: Sequence[float | None] = _all_plain(cells) or [_plain(cell) for cell in cells]
    found = Cells([None] * len(cells))
    odd = [i for i, value in enumerate(plain) if value is None]
    values = np.array([math.nan if value is None else value for value in plain])
    if times != 1:
        # (A decimal number times a thousand is a decimal number: no binary rounding.)
        values = np.array([float(Decimal(repr(v)) * times) if math.isfinite(v) else v for v in values.tolist()])
    for i in odd:
        values[i] = _written(column, i, _text(cells[i]), times, found)
    whole = column.kind == "whole"
    with np.errstate(invalid="ignore"):
        fine = (values >= column.low) & (values <= column.high)
        if whole:
            fine &= values == np.floor(values)
    good = values.tolist()
    blamed = {i for i, *_ in found.faults}
    for i in np.flatnonzero(~fine).tolist():
        value, text = good[i], _text(cells[i])
        good[i] = math.nan
        if i in blamed or text in BLANK or text == "":
            continue
        if math.isnan(value) or math.isinf(value):
            found.blame(i, FaultKind.NOT_NUMBER, text)
        elif whole and value != math.floor(value):
            found.blame(i, FaultKind.NOT_WHOLE, text)
        else:
            low, high, unit = f"{column.low:.12g}", f"{column.high:.12g}", unit_of_column(column.unit)
            found.blame(i, FaultKind.RANGE, text, low=low, high=high, unit=unit)
    found.values = [None if value != value else int(value) if whole else value for value in good]
    return found


def _all_plain(cells: Sequence[Raw]) -> list[float] | None:
    """Return the numbers of a column whose every cell is one in plain digits, as most are; None for any other."""
    try:
        values = list(map(float, cells))  # type: ignore[arg-type]
        text = "".join(cells)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return values if text.isascii() and "_" not in text and all(map(math.isfinite, values)) else None


def _plain(cell: Raw) -> float | None:
    """Return the number of a cell that is one, or a text in plain digits; None for all else."""
    if isinstance(cell, str):
        if not cell.isascii() or "_" in cell:
            return None
        try:
            value = float(cell)
        except ValueError:
            return None
        return value if math.isfinite(value) else None
    return None if cell is None else float(cell)


def _written(column: Column, i: int, text: str, times: Decimal, found: Cells) -> float:
    """Return the number that a text writes in another way, and note that; NaN and a fault where it writes none."""
    if text in BLANK:
        return math.nan
    spoilt = _spoilt(text)
    if spoilt:
        found.blame(i, spoilt, text)
        return math.nan
    codes = synonyms.choices_of(column.name).get(synonyms.fold(text), ())
    value = float(codes[0]) if len(codes) == 1 else None
    if value is None and column.unit == "°":
        value = _degrees(text)
    if value is None:
        number = _number(column, text, times)
        if isinstance(number, _Bad):
            found.blame(i, number.what, text, **number.details)
            return math.nan
        value = number
    found.read_as(i, FaultKind.NUMBER_READ, text, f"{value:.12g}")
    return value


def _degrees(text: str) -> float | None:
    """Return degrees written with minutes and seconds."""
    found = _sexagesimal().fullmatch(_without_side(text))
    if found is None:
        return None
    minutes, seconds = Decimal(found["m"]), Decimal(found["s"] or 0)
    if minutes >= _SIXTY or seconds >= _SIXTY:
        return None
    return float(round(int(found["d"]) + minutes / _SIXTY + seconds / _SIXTY**2, 9))


def _without_side(text: str) -> str:
    """Return a coordinate without “east” or “north” before or behind it."""
    folded = synonyms.fold(text).replace("’", "'").replace("”", '"')
    for side in synonyms.written("sides"):
        folded = folded.removeprefix(side).removesuffix(side)
    return folded


@dataclass(frozen=True)
class _Bad:
    what: FaultKind
    details: Mapping[str, Value] = field(default_factory=dict)


def _number(column: Column, text: str, times: Decimal) -> "float | _Bad":
    """Return the number in a text with thousands, double width or a unit; or what is wrong with it."""
    folded = unicodedata.normalize("NFKC", text).strip().casefold().replace("，", ",")
    if column.unit == "°":
        folded = _without_side(folded)
    found = _WRITTEN.fullmatch(folded)
    digits = found["number"].strip() if found else ""
    if found is None or not any(sign.isdigit() for sign in digits) or "_" in folded:
        return _Bad(FaultKind.NOT_NUMBER)
    before, behind = found["before"].strip(), found["behind"].strip()
    if any(sign in digits for sign in ",' "):
        mantissa = digits.partition("e")[0]
        if not _THOUSANDS.fullmatch(mantissa):
            return _Bad(FaultKind.NUMBER_UNCLEAR)
        digits = re.sub(r"[,'\s]", "", digits)
    try:
        value = Decimal(digits)
    except InvalidOperation:
        return _Bad(FaultKind.NOT_NUMBER)
    if before and before not in synonyms.written("about"):
        return _Bad(FaultKind.NOT_NUMBER)
    if behind:
        # (A unit in the cell says more than the one in the heading.)
        own = synonyms.factor(column.unit, behind)
        if own is None:
            wanted = own_unit(column)
            known = synonyms.is_unit(behind)
            return (
                _Bad(FaultKind.UNIT_OTHER, {"unit": behind, "wanted": wanted}) if known else _Bad(FaultKind.NOT_NUMBER)
            )
        times = own
    try:
        number = float(value * times)
    except (OverflowError, InvalidOperation):
        return _Bad(FaultKind.NOT_NUMBER)
    return number if math.isfinite(number) else _Bad(FaultKind.NOT_NUMBER)


def alike(values: Sequence[Cell]) -> Iterator[tuple[int, int]]:
    """Yield pairs of positions of codes that are not the same, and differ only by case, width or blanks."""
    first: dict[str, int] = {}
    for i, value in enumerate(values):
        if not isinstance(value, str):
            continue
        j = first.setdefault(value if value.isdecimal() and value.isascii() else synonyms.fold(value), i)
        if values[j] != value:
            yield i, j
