"""What fits on a page, judged by the letters of a text: sizes of tables, rows that may break, words that must."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from allocate.report.blocks import Grid, Turn
from allocate.words import Language

_POINTS = 72 / 25.4  # in a millimetre
_PAPER = (210.0, 297.0)
# Top, right, bottom and left [mm]: after GB/T 9704, in English as letters are set; broad tables have more room.
_MARGINS: dict[tuple[Language, Turn], tuple[float, float, float, float]] = {
    ("zh", "portrait"): (37, 26, 35, 28),
    ("en", "portrait"): (25, 25, 25, 25),
    ("zh", "landscape"): (26, 22, 24, 22),
    ("en", "landscape"): (22, 22, 22, 22),
}
# Letters of a table by its columns: up to so many, of this size [points].
_SIZES: dict[Turn, tuple[tuple[int, float], ...]] = {
    "portrait": ((6, 10.5), (9, 9)),
    "landscape": ((6, 10.5), (13, 9)),
}
_SMALLEST, _LEAST = 7.5, 6.0
_STEP = 0.5
# From line to line of a table, and the room beside a text in its cell [sizes of its letters].
TABLE_LINE, TABLE_INSET = 1.35, 0.4
# How broad letters are beside a Chinese one; most others than Chinese ones take less.
_NARROW = 0.6
# A row that is higher than this may break, and a heading row is not repeated [heights of the page].
_HIGH_ROW, _HIGH_HEAD = 0.4, 0.25
# The longest word that a table gives way to, and the parts of one that is longer [letters].
_LONGEST_WORD, _PART = 16, 12
# Signs within a word after which it rather comes apart.
_JOINTS = "_/\\.,;:=&?"
# Words: what stands between two places where a line may end. (It may end beside every Chinese letter, and after “-”.)
_WORD = re.compile(r"[^\s\-\u2e80-\ud7a3\uf900-\ufaff\ufe30-\uffef\U0001f000-\U0003ffff]+")


@dataclass(frozen=True)
class Room:
    """What a page holds between its margins, [points]; these from the top as a clock goes [mm]."""

    width: float
    height: float
    margins: tuple[float, float, float, float]

    @classmethod
    def of(cls, language: Language, turn: Turn) -> "Room":
        """Return the room of a page that lies like this."""
        top, right, bottom, left = margins = _MARGINS[language, turn]
        across, down = _PAPER if turn == "portrait" else _PAPER[::-1]
        return cls((across - left - right) * _POINTS, (down - top - bottom) * _POINTS, margins)


def breadth(text: str) -> float:
    """Return about how broad a text is, and rather more [widths of a Chinese letter].

    >>> breadth("区ab")
    2.2
    """
    wide = sum(unicodedata.east_asian_width(letter) in "WFA" for letter in text)
    return wide + _NARROW * (len(text) - wide)


def fitting(text: str, room: float) -> str:
    """Return a text on one line, cut where it has no room [widths of a Chinese letter].

    >>> fitting("一二三四五六", 4)
    '一二三…'
    """
    text = " ".join(text.split())
    # (Nothing is narrower than nothing: what takes no room is cut as well.)
    if len(text) <= 3 * room and breadth(text) <= room:
        return text
    held = 0.0
    for at, letter in enumerate(text):
        held += breadth(letter)
        if held > room - 1 or at > 3 * room:
            return text[:at] + "…"
    return text


def in_parts(text: str, room: float, size: float) -> str | list[str]:
    """Return a text, in parts where it has words that are too long for a line: between them the line may end.

    `room` is that of the line, `size` that of the letters [points].

    >>> in_parts("up_to_standard", 60, 10), in_parts("区 ab", 60, 10)
    (['up_', 'to_', 'standard'], '区 ab')
    """
    most = max(1, int(room / size / _NARROW))
    words = [found.span() for found in _WORD.finditer(text) if found.end() - found.start() > most]
    if not words:
        return text
    starts = [0, *(at for first, last in words for at in _starts(text, first, last, min(most, _PART)))]
    return [text[a:b] for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]


def _starts(text: str, first: int, last: int, most: int) -> Iterator[int]:
    """Yield where the parts of a word begin, but for the first one."""
    begun = first
    for at in range(first + 1, last):
        if (at - begun >= most or text[at - 1] in _JOINTS) and _stands(text[at]):
            yield at
            begun = at


def _stands(letter: str) -> bool:
    """Tell whether a letter stands by itself, and not on the one before it."""
    return unicodedata.category(letter) not in ("Mn", "Me", "Mc", "Cf")


@dataclass(frozen=True)
class Fit:
    """How a table fits its page.

    Attributes
    ----------
    size
        Of its letters [points].
    rooms
        Of the texts in each column [points].
    loose
        Rows that are so high that they may break.
    repeats
        Whether the heading row stands again on every page.
    """

    size: float
    rooms: tuple[float, ...]
    loose: tuple[int, ...]
    repeats: bool


def fit(grid: Grid, room: Room, turn: Turn) -> Fit:
    """Return how a table fits: smaller letters the more columns it has, and where a figure would not fit its column."""
    size = next((size for most, size in _SIZES[turn] if len(grid.heads) <= most), _SMALLEST)
    whole = sum(grid.widths)
    columns = [room.width * width / whole for width in grid.widths]
    # (Other words than figures and headings come in parts where they do not fit.)
    whole_words = [(head, *(row[at] for row in grid.rows if at in grid.numbers)) for at, head in enumerate(grid.heads)]
    longest = [max(map(_longest, texts)) for texts in whole_words]

    def rooms(size: float) -> list[float]:
        return [max(column - 2 * TABLE_INSET * size, size) for column in columns]

    def fits(size: float) -> bool:
        return all(word * _NARROW * size <= inner for word, inner in zip(longest, rooms(size), strict=True))

    while size > _LEAST and not fits(size):
        size -= _STEP
    inner = rooms(size)

    def high(texts: Sequence[str], share: float) -> bool:
        lines = max(map(_lines, texts, inner, [size] * len(inner)), default=0)
        return lines * size * TABLE_LINE > share * room.height

    loose = tuple(at for at, row in enumerate(grid.rows) if high(row, _HIGH_ROW))
    return Fit(size, tuple(inner), loose, not high(grid.heads, _HIGH_HEAD))


def _longest(text: str) -> int:
    """Return the length of the longest word of a text, but for words that are longer than any that is meant."""
    return max((length for length in _words(text) if length <= _LONGEST_WORD), default=0)


def _words(text: str) -> Iterator[int]:
    return (found.end() - found.start() for found in _WORD.finditer(text))


def _lines(text: str, room: float, size: float) -> int:
    """Return about how many lines a text takes, and rather more."""
    if len(text) * size <= room and "\n" not in text:
        return 1
    # (Where a word does not fit any more, the rest of its line stays empty.)
    return sum(ceil(1.2 * breadth(line) * size / room) or 1 for line in text.split("\n"))
