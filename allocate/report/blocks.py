"""What a document is made of, whatever program writes it down: headings, paragraphs, tables and pictures."""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from allocate.words import Language

# How a paragraph looks: running text, a remark in small type, words of a document quoted, or what is not met.
Look = Literal["body", "note", "quote", "warning"]
# How a page lies: tables with many columns stand across.
Turn = Literal["portrait", "landscape"]
# What a map in it shows: sites and places, towns by the share of people served, or what changes against today.
What = Literal["sites", "coverage", "change"]
# Draws a map of a year, and says what it shows: the bytes of a PNG, and words.
Drawer = Callable[[int, What], tuple[bytes, str]]


@dataclass(frozen=True)
class Heading:
    """A heading with its number in its text; `level` counts from 1."""

    text: str
    level: int = 1


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; its text is plain, and no sign in it means anything to whoever writes it down."""

    text: str
    look: Look = "body"


@dataclass(frozen=True)
class Bullets:
    """Points one below the other."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """A table of texts as they are to be read; its heading row stands again on every page that it runs over.

    Attributes
    ----------
    caption
        What it shows, with its unit where all cells have one.
    heads
        The headings of the columns.
    rows
        The cells, row by row, as many as there are headings.
    widths
        How broad each column is beside the others.
    numbers
        Columns that hold figures, by their place from 0: they stand to the right.
    strong
        Rows that hold sums, by their place from 0.
    note
        What stands in small type below it.
    """

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[float, ...]
    numbers: frozenset[int] = frozenset()
    strong: frozenset[int] = frozenset()
    note: str = ""


@dataclass(frozen=True)
class Picture:
    """A picture as the bytes of a PNG file.

    Attributes
    ----------
    share
        How much of the width of the text it takes [0 to 1].
    alternative
        What it shows, for whoever cannot see it.
    """

    caption: str
    png: bytes = field(repr=False)
    alternative: str
    share: float = 1.0


@dataclass(frozen=True)
class NewPage:
    """What follows begins on a new page that lies like this."""

    turn: Turn = "portrait"


@dataclass(frozen=True)
class Contents:
    """The list of headings with their pages."""


Block = Heading | Paragraph | Bullets | Grid | Picture | NewPage | Contents


@dataclass(frozen=True)
class Document:
    """A document in one language.

    Attributes
    ----------
    title, subtitle
        What stands on its first page.
    issuer
        Who puts it forward.
    date
        The day that it speaks from, as it is written in its language.
    day
        The same day, for the properties of the file.
    footer
        What stands at the foot of every page beside its number.
    """

    language: Language
    title: str
    subtitle: str
    issuer: str
    date: str
    day: datetime.date
    footer: str
    blocks: Sequence[Block]
