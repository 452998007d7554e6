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
from allocate.files.marks import ERRORS
from allocate.files.sheet import Raw
from allocate.files.text import HAN
from allocate.tables import Column
from allocate.words import unit_of_column

type Cell = str | int | float | None

BLANK = ("", "-", "—", "无", "NA", "N/A", "nan", "NaN", "NULL", "null", "None")
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
# (What parts thousands is one sign throughout.)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}([,'\s])\d{3}(\1\d{3})*(\.\d*)?", re.ASCII)
# A whole number that may have points between its thousands, as much of Europe writes: 1.200 is one, or 1200.
_POINTS = re.compile(r"[+-]?\d{1,3}(\.\d{3})+", re.ASCII)
_SIXTY = 60
# Rates a year below this [%] are so small that they may be shares: a spreadsheet holds 1.2 % as 0.012.
_SMALL_RATE = 0.1
# How many letters that were decoded wrongly make sure that no name is meant.
_SURE_LETTERS = 2
_TWICE = re.compile(rb"(?:[\xe4-\xe9][\x80-\xbf]{2}){2}")
# How a letter of UTF-8 begins that was taken for two or three of Windows' western ones.
_LEADS = re.compile("[\u00e4-\u00e9][\u0080-\u00bf\u0152-\u0192\u02c6\u02dc\u2010-\u2122]")
_WESTERN = re.compile("[\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff]")
_ASKED = re.compile(r"[?？\s]*[?？]{2}[?？\s]*")
# With all that may stand around it; patterns would take their time over more.
_LONGEST_NUMBER = 200


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
    blanks
        Position of the first number that is left out by a dash or a word, what stands there, and how many there are.
    """

    values: list[Cell]
    faults: list[tuple[int, FaultKind, Value, Mapping[str, Value]]] = field(default_factory=list)
    understood: tuple[int, FaultKind, Value, str] | None = None
    count: int = 0
    blanks: tuple[int, str, int] | None = None

    def blame(self, i: int, what: FaultKind, value: Value = None, **details: Value) -> None:
        """Note a fault of a cell."""
        self.faults.append((i, what, value, details))

    def blank(self, i: int, text: str) -> None:
        """Note that a word or a dash was taken for a number that nobody knows."""
        first, shown, count = self.blanks or (i, text, 0)
        self.blanks = first, shown, count + 1

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
    """Tell whether any cell may hold an error of a formula, or letters that were lost or decoded wrongly."""
    whole = "\n".join(cell for cell in cells if isinstance(cell, str))
    if "#" in whole or "??" in whole or "？？" in whole:
        return True
    if whole.isascii():
        return False
    return any(sign in whole for sign in synonyms.written("broken")) or garbled(whole)


def _spoilt(text: str) -> tuple[FaultKind, Mapping[str, Value]] | None:
    if text in ERRORS:
        return FaultKind.CELL_ERROR, {}
    if any(sign in text for sign in synonyms.written("broken")) or _ASKED.fullmatch(text):
        return FaultKind.TEXT_BROKEN, {}
    if text.isascii():
        return None
    meant = meant_by(text)
    if meant:
        return FaultKind.TEXT_GARBLED, {"meant": meant}
    return (FaultKind.TEXT_BROKEN, {}) if len(_LEADS.findall(text)) >= _SURE_LETTERS else None


def garbled(text: str) -> bool:
    """Tell whether a long text may hold Chinese that was decoded wrongly; `meant_by` makes sure of each cell."""
    # (The bytes of sound Chinese in GB18030 hold next to no letters of UTF-8, and never two in a row.)
    return bool(_TWICE.search(text.encode("gb18030", "ignore")) or _WESTERN.search(text))


def meant_by(text: str) -> str:
    """Return what a text was before it was decoded wrongly, as far as that can be told; empty where it is sound.

    >>> meant_by("鏉戝簞"), meant_by("´åÃû"), meant_by("æ\x9d\x91åº\x84"), meant_by("石幢南社区居委会")
    ('村庄', '村名', '村庄', '')
    """
    for wrong, right in (("gb18030", "utf-8"), ("cp1252", "utf-8"), ("cp1252", "gb18030"), ("latin-1", "utf-8")):
        try:
            raw = text.encode(wrong)
        except UnicodeEncodeError:
            continue
        # (Of an odd number of letters the last one was lost: a question mark, or what is left of it.)
        for cut in range(3):
            try:
                found = raw.rstrip(b"?")[: len(raw) - cut].decode(right)
                found.encode("gb2312")
            except UnicodeError:
                continue
            letters = _chinese(found)
            if letters >= _SURE_LETTERS and letters >= _chinese(text) // 2:
                return found
    return ""


def _chinese(text: str) -> int:
    return sum(ord(sign) in HAN for sign in text)


def _texts(column: Column, cells: Sequence[Raw], times: Decimal) -> Cells:
    del times
    found = Cells([_text(cell) or None for cell in cells])
    if column.filled:
        # (Where something must be said, a dash says nothing.)
        found.values = [None if value in BLANK else value for value in found.values]
    _drop_spoilt(found, cells)
    return found


def _drop_spoilt(found: Cells, cells: Sequence[Raw]) -> None:
    if not _odd(cells):
        return
    told = {cell: _spoilt(cell.strip()) for cell in set(cells) if isinstance(cell, str)}
    for i, cell in enumerate(cells):
        spoilt = told.get(cell) if isinstance(cell, str) else None
        if spoilt is not None:
            found.values[i] = None
            found.blame(i, spoilt[0], _text(cell), **spoilt[1])


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
    named = {code: synonyms.choice_called(column.name, code, "zh") for code in column.choices}
    choices = ", ".join(code if name == code else f"{code} ({name})" for code, name in named.items())
    for i, cell in enumerate(cells) if unknown else ():
        if cell in unknown:
            text = _text(cell)
            found.faults.append((i, *_said_wrongly(text, choices)))
    return found


def _said_wrongly(text: str, choices: str) -> tuple[FaultKind, Value, Mapping[str, Value]]:
    what, details = _spoilt(text) or (FaultKind.CHOICE, {"choices": choices})
    return what, text, details


def _choice(column: Column, text: str) -> str | None:
    if text in column.choices:
        return text
    codes = [code for code in synonyms.choices_of(column.name).get(synonyms.fold(text), ()) if code in column.choices]
    return codes[0] if len(codes) == 1 else None


def _numbers(column: Column, cells: Sequence[Raw], times: Decimal) -> Cells:
    whole = column.kind == "whole"
    plain: Sequence[float | None] = _all_plain(cells, whole=whole) or [_plain(cell, whole=whole) for cell in cells]
    found = Cells([None] * len(cells))
    odd = [i for i, value in enumerate(plain) if value is None]
    values = np.array([math.nan if value is None else value for value in plain])
    if times != 1:
        # (A decimal number times a thousand is a decimal number: no binary rounding.)
        values = np.array([float(Decimal(repr(v)) * times) if math.isfinite(v) else v for v in values.tolist()])
    # (What is written the same way is read once: people of villages repeat.)
    said: dict[str, float | _Bad] = {}
    for i in odd:
        text = _text(cells[i])
        if text in BLANK:
            if text and not column.filled:
                found.blank(i, text)
            continue
        if text not in said:
            said[text] = _written(column, text, times)
        read = said[text]
        if isinstance(read, _Bad):
            found.blame(i, read.what, text, **read.details)
        else:
            found.read_as(i, FaultKind.NUMBER_READ, text, f"{read:.12g}")
            values[i] = read
    with np.errstate(invalid="ignore"):
        fine = (values >= column.low) & (values <= column.high)
        if whole:
            fine &= values == np.floor(values)
    good = values.tolist()
    _blame_shares(column, cells, times, good, found)
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


def _blame_shares(column: Column, cells: Sequence[Raw], times: Decimal, values: Sequence[float], found: Cells) -> None:
    """Blame rates that are all so small that they must be shares, or should say that they are not."""
    rates = [i for i, value in enumerate(values) if value and math.isfinite(value)]
    if column.unit != "%" or times != 1 or not rates or max(abs(values[i]) for i in rates) >= _SMALL_RATE:
        return
    for i in rates:
        if isinstance(cells[i], float) or (isinstance(cells[i], str) and _plain(cells[i], whole=False) is not None):
            found.blame(i, FaultKind.SHARE, _text(cells[i]), percent=f"{100 * values[i]:.6g}")


def _all_plain(cells: Sequence[Raw], *, whole: bool) -> list[float] | None:
    """Return the numbers of a column whose every cell is one in plain digits, as most are; None for any other."""
    try:
        values = list(map(float, cells))  # type: ignore[arg-type]
        text = "".join(cells)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    if not text.isascii() or "_" in text or (whole and not text.isdecimal() and not _ordinary(text)):
        return None
    return values if all(map(math.isfinite, values)) else None


def _ordinary(text: str) -> bool:
    """Tell whether numbers have neither a point, of which nobody knows what it parts, nor a power of ten."""
    return "." not in text and "e" not in text and "E" not in text


def _plain(cell: Raw, *, whole: bool) -> float | None:
    """Return the number of a cell that is one, or a text in plain digits; None for all else."""
    if isinstance(cell, str):
        if not cell.isascii() or "_" in cell or (whole and (_POINTS.fullmatch(cell.strip()) or "e" in cell.lower())):
            return None
        try:
            value = float(cell)
        except ValueError:
            return None
        return value if math.isfinite(value) else None
    return None if cell is None else float(cell)


def _written(column: Column, text: str, times: Decimal) -> "float | _Bad":
    """Return the number that a text writes in another way than plain digits; or what is wrong with it."""
    if len(text) > _LONGEST_NUMBER:
        return _Bad(FaultKind.NOT_NUMBER)
    spoilt = _spoilt(text)
    if spoilt:
        return _Bad(*spoilt)
    codes = synonyms.choices_of(column.name).get(synonyms.fold(text), ())
    if len(codes) == 1:
        return float(codes[0])
    degrees = _degrees(text) if column.unit == "°" else None
    return _number(column, text, times) if degrees is None else degrees


def _degrees(text: str) -> float | None:
    """Return degrees written with minutes and seconds."""
    found = _sexagesimal().fullmatch(_without_side(text))
    if found is None:
        return None
    minutes, seconds = Decimal(found["m"]), Decimal(found["s"] or 0)
    if minutes >= _SIXTY or seconds >= _SIXTY:
        return None
    return float(round(int(found["d"]) + minutes / _SIXTY + seconds / _SIXTY**2, 9))


def _folded_degrees(text: str) -> str:
    """Return a coordinate in plain signs; blanks stay only between digits, where they part something."""
    folded = re.sub(r"(?<!\d)\s+|\s+(?!\d)", "", unicodedata.normalize("NFKC", text).casefold())
    # (The sign of seconds is two of minutes, once its width is folded.)
    return folded.replace("′′", "″").replace("’’", "″").replace("’", "'").replace("”", '"')


def _without_side(text: str) -> str:
    """Return a coordinate without “east” or “north” before or behind it."""
    folded = _folded_degrees(text)
    for side in synonyms.written("sides"):
        folded = folded.removeprefix(side).removesuffix(side)
    return folded


@dataclass(frozen=True)
class _Bad:
    what: FaultKind
    details: Mapping[str, Value] = field(default_factory=dict)


def _number(column: Column, text: str, times: Decimal) -> "float | _Bad":
    """Return the number in a text with thousands, double width or a unit; or what is wrong with it."""
    if any(unicodedata.category(sign) == "No" for sign in text):
        # (5² is no 52, and ① seldom a number of people.)
        return _Bad(FaultKind.NOT_NUMBER)
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
    if column.kind == "whole" and not behind and times == 1 and _POINTS.fullmatch(digits):
        return _Bad(FaultKind.NUMBER_POINT)
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
    except ArithmeticError:
        return _Bad(FaultKind.NOT_NUMBER)
    return number if math.isfinite(number) else _Bad(FaultKind.NOT_NUMBER)


def alike(values: Sequence[Cell]) -> Iterator[tuple[int, int]]:
    """Yield pairs of positions of codes that are not the same, and differ only by case, width, blanks or noughts.

    A spreadsheet drops the noughts in front of a code that it takes for a number.
    """
    first: dict[str, int] = {}
    for i, value in enumerate(values):
        if not isinstance(value, str):
            continue
        j = first.setdefault((value if value.isdecimal() and value.isascii() else synonyms.fold(value)).lstrip("0"), i)
        if values[j] != value:
            yield i, j
