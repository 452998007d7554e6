"""The columns of a page as short texts: a tenth of the room, and read back by `maps/unpack.js` letter by letter.

Numbers are whole multiples of a power of ten, each written as the difference from what was to be expected (nothing,
the number before, or a number that the reader knows already), in the base-64 digits of variable length that source
maps use: five bits and a sign for "more follows". Where numbers repeat, each is followed by the count of its repeats.
Texts stand in one long text; of each, only what differs from the beginning of the one before is written.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

# Tables whose columns are packed each by itself; `rows` are packed year by year, `areas` ring by ring.
TABLES = (
    "towns", "places", "marks", "rounds", "visits", "tours", "care", "consortia", "functions", "reserves",
    "homes", "contracts", "dropped",
    "worth", "worth_years", "worth_clauses", "worth_goals", "worth_spots", "worth_ways", "worth_visits",
)  # fmt: skip

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BITS = 5
_MORE = 1 << _BITS
_MOST_DIGITS = 5
_LARGEST = 2**45  # JavaScript counts exactly to 2^53
_NOTHING = 0  # the code of an empty cell; numbers follow it

Whole = npt.NDArray[np.int64]


def pack_content(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a page with its long columns packed."""
    packed = dict(content)
    for name in TABLES:
        packed[name] = _pack_table(content[name])
    packed["rows"] = {}
    for name, before in _with_before(content):
        rows = content["rows"][name]
        known = known_columns(
            rows["place"], content["places"]["people"], None if before is None else content["rows"][before]
        )
        packed["rows"][name] = {key: pack(values, known.get(key)) for key, values in rows.items()}
    packed["areas"] = {
        name: {key: _pack_table(area) for key, area in areas.items()} for name, areas in content["areas"].items()
    }
    return packed


def unpack_content(packed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a page as it was before it was packed."""
    content = dict(packed)
    for name in TABLES:
        content[name] = _unpack_table(packed[name])
    content["rows"] = {}
    for name, before in _with_before(packed):
        columns = packed["rows"][name]
        place = unpack(columns["place"])
        known = known_columns(place, content["places"]["people"], None if before is None else content["rows"][before])
        content["rows"][name] = {key: unpack(column, known.get(key)) for key, column in columns.items()}
    content["areas"] = {
        name: {key: _unpack_table(area) for key, area in areas.items()} for name, areas in packed["areas"].items()
    }
    return content


def _with_before(content: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    """Return the years, each with the one before it, then what else has rows (today), with the first year."""
    years = [str(year) for year in content["years"]]
    others = sorted(content["rows"].keys() - set(years))
    return [*zip(years, (None, *years), strict=False), *((name, years[0]) for name in others)]


def known_columns(
    place: Sequence[int], people: Sequence[int | None], before: Mapping[str, Sequence[Any]] | None
) -> dict[str, list[Any]]:
    """Return what a year's rows are likely to say: everybody of the place, else what its first row said last year."""
    known: dict[str, list[Any]] = {"people": [people[at] for at in place]}
    if before is not None:
        first = {at: row for row, at in reversed(list(enumerate(before["place"])))}
        rows = [first.get(at) for at in place]
        for key in before.keys() - {"place", "people"}:
            known[key] = [None if row is None else before[key][row] for row in rows]
    return known


def pack(values: Sequence[Any], known: Sequence[Any] | None = None) -> Any:
    """Return a column in a shorter form, or as it is where no form is known for what it holds.

    Parameters
    ----------
    known
        Numbers that whoever unpacks the column has too, and that it may be equal to; one for each value.
    """
    kinds = set(map(type, values))
    if kinds <= {str}:
        return _pack_texts(values) if values else []
    if kinds <= {int, float, type(None)} and (scaled := _scaled(values)) is not None:
        return _pack_numbers(*scaled, None if known is None else _scaled_known(known, scaled[2]))
    return list(values)


def unpack(packed: Any, known: Sequence[Any] | None = None) -> list[Any]:
    """Return a packed column as it was."""
    if isinstance(packed, list):
        return list(packed)
    if "of" in packed:
        texts = unpack(packed["of"])
        return [texts[at] for at in unpack(packed["at"])]
    if "text" in packed:
        return _unpack_texts(packed)
    return _unpack_numbers(packed, known)


def _pack_table(columns: Mapping[str, Any]) -> dict[str, Any]:
    return {key: pack(values) for key, values in columns.items()}


def _unpack_table(columns: Mapping[str, Any]) -> dict[str, Any]:
    return {key: unpack(column) for key, column in columns.items()}


def _pack_texts(texts: Sequence[str]) -> dict[str, Any]:
    distinct = dict.fromkeys(texts)
    if len(distinct) * 2 < len(texts):
        position = {text: at for at, text in enumerate(distinct)}
        return {"of": pack(list(distinct)), "at": pack([position[text] for text in texts])}
    same = [_same(*pair) for pair in pairwise(("", *texts))]
    rest = [text[count:] for text, count in zip(texts, same, strict=True)]
    return {
        "text": "".join(rest),
        "same": pack([_units(text[:count]) for text, count in zip(texts, same, strict=True)]),
        "more": pack([_units(text) for text in rest]),
    }


def _unpack_texts(packed: Mapping[str, Any]) -> list[str]:
    # A browser counts in halves of a UTF-16 character.
    text = packed["text"].encode("utf-16-le", "surrogatepass")
    texts, last, start = [], b"", 0
    for same, more in zip(unpack(packed["same"]), unpack(packed["more"]), strict=True):
        last = last[: 2 * same] + text[start : start + 2 * more]
        start += 2 * more
        texts.append(last.decode("utf-16-le", "surrogatepass"))
    return texts


def _same(one: str, other: str) -> int:
    """Return how many characters two texts begin with together."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (mine, its) in pairs if mine != its), min(len(one), len(other)))


def _units(text: str) -> int:
    """Return the length of a text as a browser counts it."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _scaled(values: Sequence[float | None]) -> tuple[Whole, npt.NDArray[np.bool_], int] | None:
    """Return numbers as whole multiples of 10^-digits, which cells are empty, and the digits, if there are such."""
    empty = np.array([value is None for value in values], dtype=bool)
    try:
        numbers = np.array([0.0 if value is None else value for value in values], dtype=np.float64)
    except OverflowError:
        return None
    if not np.all(np.abs(numbers) < _LARGEST):
        return None
    for digits in range(_MOST_DIGITS + 1):
        scale = 10**digits
        whole = np.rint(numbers * scale)
        if np.array_equal(whole / scale, numbers) and np.all(np.abs(whole) < _LARGEST):
            return whole.astype(np.int64), empty, digits
    return None


def _scaled_known(known: Sequence[float | None], digits: int) -> Whole | None:
    """Return what is known in the same measure; None where there is a number that nobody can count with."""
    whole = [_rounded(value, digits) for value in known]
    return np.array(whole, dtype=np.int64) if all(abs(value) < _LARGEST for value in whole) else None


def _rounded(value: float | None, digits: int) -> int:
    # As a browser rounds: Python would take 2.5 down and 3.5 up.
    return 0 if value is None else math.floor(value * 10**digits + 0.5)


def _pack_numbers(whole: Whole, empty: npt.NDArray[np.bool_], digits: int, known: Whole | None) -> dict[str, Any]:
    # An empty cell leaves the number before it as it is.
    filled = whole.copy()
    if empty.any():
        last = np.maximum.accumulate(np.where(empty, -1, np.arange(len(whole))))
        filled = np.where(last < 0, 0, whole[last])
    expected = {"": np.zeros_like(whole), "before": np.concatenate(([0], filled[:-1]))[: len(whole)]}
    if known is not None:
        expected["known"] = known
    forms = []
    for name, numbers in expected.items():
        codes = _codes(whole - numbers, empty)
        forms += [(name, False, codes), (name, True, _with_repeats(codes))]
    name, repeats, codes = min(forms, key=lambda form: _length(form[2]))
    packed: dict[str, Any] = {"numbers": _written(codes)}
    if name:
        packed["from"] = name
    if repeats:
        packed["repeats"] = 1
    if digits:
        packed["digits"] = digits
    return packed


def _unpack_numbers(packed: Mapping[str, Any], known: Sequence[float | None] | None) -> list[float | None]:
    codes = _read(packed["numbers"])
    if packed.get("repeats"):
        codes = [code for code, more in zip(codes[::2], codes[1::2], strict=True) for _ in range(more + 1)]
    digits, last = packed.get("digits", 0), 0
    values: list[float | None] = []
    for at, code in enumerate(codes):
        if code == _NOTHING:
            values.append(None)
            continue
        step = -(code // 2) if code % 2 == 0 else code // 2
        match packed.get("from"):
            case "before":
                whole = last + step
            case "known":
                whole = _rounded(known[at] if known else None, digits) + step
            case _:
                whole = step
        last = whole
        values.append(whole / 10**digits if digits else whole)
    return values


def _codes(steps: Whole, empty: npt.NDArray[np.bool_]) -> Whole:
    """Return 0 for nothing, 1 for 0, 2 for -1, 3 for 1, and so on."""
    codes = np.where(steps < 0, -2 * steps, 2 * steps + 1)
    return np.where(empty, _NOTHING, codes)


def _with_repeats(codes: Whole) -> Whole:
    """Return each code once, followed by how many times more it comes."""
    if not len(codes):
        return codes
    starts = np.concatenate(([0], np.flatnonzero(np.diff(codes)) + 1))
    more = np.diff(np.concatenate((starts, [len(codes)]))) - 1
    return np.stack([codes[starts], more], axis=1).ravel()


def _length(codes: Whole) -> int:
    """Return how many letters codes take."""
    letters, rest = len(codes), codes >> _BITS
    while rest.any():
        letters += int(np.count_nonzero(rest))
        rest = rest >> _BITS
    return letters


def _written(codes: Whole) -> str:
    return "".join(map(_digits_of, codes.tolist()))


def _digits_of(code: int) -> str:
    written = ""
    while code >= _MORE:
        written += _LETTERS[code % _MORE + _MORE]
        code >>= _BITS
    return written + _LETTERS[code]


def _read(text: str) -> list[int]:
    value = {letter: at for at, letter in enumerate(_LETTERS)}
    codes, code, shift = [], 0, 0
    for letter in text:
        digit = value[letter]
        code |= (digit & (_MORE - 1)) << shift
        shift += _BITS
        if digit < _MORE:
            codes.append(code)
            code, shift = 0, 0
    return codes
