"""What documents and pages are made of, whatever program writes them down: headings, tables, charts, maps, pictures."""

import datetime
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from allocate.words import Language

# How a paragraph looks: running text, a remark in small type, words of a document quoted, or what is not met.
Look = Literal["body", "note", "quote", "warning"]
# How a page lies: tables with many columns stand across.
Turn = Literal["portrait", "landscape"]
# What a map in it shows: sites and places, towns by the share of people served, or what changes against today.
What = Literal["sites", "coverage", "change"]
# Draws a map of a year, and says what it shows: the bytes of a PNG, and words.
Drawer = Callable[[int, What], tuple[bytes, str]]
# How a chart shows its series: points joined, a value that holds until the next, bars (side by side, or one on the
# other), points alone, boxes, bars over the bins of a scale.
Shape = Literal["line", "steps", "bars", "stacked", "scatter", "box", "histogram"]
# How the numbers of an axis are written: to six figures, whole, in percent of 1, or as years.
Written = Literal["number", "whole", "share", "year"]
# What tells one class of sites from another in black and white.
Sign = Literal["circle", "square", "triangle", "diamond", "down", "cross"]
# More series than these nobody tells apart in black and white; more key figures are none.
MOST_SERIES, MOST_CARDS = 8, 6


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


@dataclass(frozen=True)
class Axis:
    """One axis of a chart.

    Attributes
    ----------
    title
        What it shows, with its unit.
    written
        How its numbers read; a share is a fraction of 1, and never reads 100 % where it is not all.
    names
        What stands at 0, 1, 2, … where it shows no numbers but names.
    is_log
        Whether equal steps are equal ratios; all that is shown is above 0 then.
    """

    title: str
    written: Written = "number"
    names: tuple[str, ...] = ()
    is_log: bool = False


@dataclass(frozen=True)
class Series:
    """What belongs together in a chart; whatever is unknown is None, and nothing is drawn there.

    Attributes
    ----------
    name
        What the legend calls it.
    x, y
        Where its points stand across and up. Of a histogram `x` holds the ends of the bins, one more than `y`.
    low, high
        The ends of the range of each point (a proven bound and a value; 5 % and 95 % of draws); none: ().
    box_low, box_high
        The ends of each box, within the range; of a chart of shape `box` alone.
    labels
        What each point is called when one points at it; none: ().
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float | None, ...]
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()
    box_low: tuple[float | None, ...] = ()
    box_high: tuple[float | None, ...] = ()
    labels: tuple[str, ...] = ()

    def numbers(self) -> Iterable[float]:
        """Return all numbers that stand up, whatever they mean."""
        parts = (self.y, self.low, self.high, self.box_low, self.box_high)
        return (number for part in parts for number in part if number is not None)


@dataclass(frozen=True)
class Mark:
    """A point to look at (a knee, the plan itself); with one of its numbers missing, a line (a target)."""

    label: str
    x: float | None = None
    y: float | None = None


@dataclass(frozen=True)
class Chart:
    """A chart as plain data; whoever draws it says the same numbers in a table.

    Attributes
    ----------
    caption
        What it shows.
    across, up
        Its axes. Bars and boxes of many names lie: then `across` runs down the side.
    ranges
        What the ranges of its points are; nothing where it has none.
    note
        What stands in small type below it.
    lies
        Whether bars or boxes lie even where their names would find room below them.
    """

    caption: str
    shape: Shape
    across: Axis
    up: Axis
    series: tuple[Series, ...]
    marks: tuple[Mark, ...] = ()
    ranges: str = ""
    note: str = ""
    lies: bool = False

    def __post_init__(self) -> None:
        more = 1 if self.shape == "histogram" else 0
        if len(self.series) > MOST_SERIES:
            raise ValueError(len(self.series))
        for series in self.series:
            parts = (series.low, series.high, series.box_low, series.box_high, series.labels)
            if len(series.x) != len(series.y) + more or any(part and len(part) != len(series.y) for part in parts):
                raise ValueError(series.name)
            if not all(map(math.isfinite, (*series.x, *series.numbers()))):
                raise ValueError(series.name)


@dataclass(frozen=True)
class Heat:
    """A table over two keys whose cells are shaded by their value, which stands in them.

    Attributes
    ----------
    across, down
        What the columns and the rows are.
    columns, rows
        Their headings.
    values
        The cells, row by row; None where nothing came of it.
    texts
        The same cells as they are to be read.
    best
        Cells to look at first, as row and column from 0.
    note
        What stands in small type below it.
    """

    caption: str
    across: str
    down: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    texts: tuple[tuple[str, ...], ...]
    best: frozenset[tuple[int, int]] = frozenset()
    note: str = ""


@dataclass(frozen=True)
class SiteClass:
    """A class of sites on a map: told by its colour, its sign and its letter, each of which is enough alone."""

    key: str
    name: str
    letter: str
    colour: str
    sign: Sign


@dataclass(frozen=True)
class ClassedSite:
    """A site with its class.

    Attributes
    ----------
    lon, lat
        Where it stands [°]; None where nobody knows: it is counted and not drawn.
    group
        The key of its class.
    is_firm
        Whether somebody has surveyed where it stands; else it is drawn hollow.
    note
        What is said besides when one points at it.
    """

    id: str
    name: str
    town: str
    lon: float | None
    lat: float | None
    group: str
    is_firm: bool
    note: str = ""


@dataclass(frozen=True)
class ClassedMap:
    """A map of classed sites over the places and towns of a district.

    Attributes
    ----------
    ground
        A plan's content, or of it what `page_parts.ground_of` keeps.
    classes
        From the one to look at first.
    """

    caption: str
    ground: Mapping[str, Any] = field(repr=False)
    classes: tuple[SiteClass, ...]
    sites: tuple[ClassedSite, ...]
    note: str = ""


@dataclass(frozen=True)
class Card:
    """A key figure: what it is, the figure with its unit, and what is to be known of it."""

    label: str
    figure: str
    note: str = ""


@dataclass(frozen=True)
class Cards:
    """Key figures in large type, at most six."""

    cards: tuple[Card, ...]

    def __post_init__(self) -> None:
        if len(self.cards) > MOST_CARDS:
            raise ValueError(len(self.cards))


Block = Heading | Paragraph | Bullets | Grid | Picture | NewPage | Contents
# What a page for the screen can hold besides.
PageBlock = Block | Chart | Heat | ClassedMap | Cards


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
