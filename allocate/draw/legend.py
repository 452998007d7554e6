"""The legend of a picture, with counts, and the notes below it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from allocate.draw.canvas import Canvas, place_symbol, site_symbol
from allocate.draw.lettering import Lettering
from allocate.draw.pictured import STATES, State, by_state, kinds_of, people_by_status, rank
from allocate.draw.plate import (
    COLOURS,
    EDGE,
    PAPER_WHITE,
    SHAPES,
    SIZES,
    STEP_COLOURS,
    TOWN_LINE,
    Plate,
    say_step,
)
from allocate.report.summary import percent
from allocate.words import say_in

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

_OTHER: tuple[State, ...] = ("other",)
_ROW, _BETWEEN, _HEAD, _SYMBOL = 33, 9, 44, 50


@dataclass(frozen=True)
class _Entry:
    """A line of the legend.

    Attributes
    ----------
    text
        What it says.
    symbol
        What draws its symbol around a position; None for a heading or a plain line.
    heading
        Whether it is a heading.
    """

    text: str
    symbol: Callable[[Canvas, float, float], None] | None = None
    heading: bool = False


def _mostly_hollow(firm: Iterable[bool]) -> bool:
    """Tell whether most of what is drawn is hollow: then its symbol in the legend is so too."""
    found = list(firm)
    return sum(found) * 2 < len(found)


@dataclass(frozen=True)
class Legend:
    """The legend of a plate, on its right.

    Attributes
    ----------
    plate
        The picture.
    """

    plate: Plate

    @property
    def room(self) -> int:
        """Return how broad the legend is [px]."""
        view = self.plate.view
        return self.plate.width - view.left - view.wide - 2 * self.plate.px(24)

    @cached_property
    def lines(self) -> list[tuple[_Entry, list[str]]]:
        """Return the entries with their texts in lines."""
        found = []
        for entry in self._entries():
            beside = self.plate.px(_SYMBOL) if entry.symbol else 0
            found.append((entry, self._letters(entry).lines(entry.text, self.room - beside, 3)))
        return found

    @property
    def high(self) -> int:
        """Return how high the legend is [px]."""
        return round(sum(self._high(entry, lines) for entry, lines in self.lines))

    def _letters(self, entry: _Entry) -> Lettering:
        return self.plate.text(26, bold=0.5) if entry.heading else self.plate.text(25)

    def _high(self, entry: _Entry, lines: list[str]) -> int:
        return self.plate.px(_ROW) * len(lines) + self.plate.px(_BETWEEN + (14 if entry.heading else 0))

    def draw(self, canvas: Canvas, left: float, top: float) -> None:
        """Draw the symbols."""
        for entry, lines in self.lines:
            if entry.symbol:
                entry.symbol(canvas, left + self.plate.px(_SYMBOL) * 0.4, top + self.plate.px(_ROW) * 0.5)
            top += self._high(entry, lines)

    def write(self, pen: "ImageDraw", left: float, top: float) -> None:
        """Write the texts."""
        for entry, lines in self.lines:
            at = top + (self.plate.px(10) if entry.heading else 0)
            for n, line in enumerate(lines):
                foot = at + self.plate.px(_ROW) * n + self.plate.px(25)
                self._letters(entry).write(pen, (left + (self.plate.px(_SYMBOL) if entry.symbol else 0), foot), line)
            top += self._high(entry, lines)

    def _entries(self) -> Iterator[_Entry]:
        plate = self.plate
        if plate.what == "sites":
            yield from self._places()
        if plate.what == "coverage":
            yield from self._steps()
        if plate.what != "coverage":
            yield from self._changes()
        yield from self._kinds()
        yield from self._lines()

    def _places(self) -> Iterator[_Entry]:
        plate, line = self.plate, self.plate.line
        counts, people = plate.pictured.by_status(plate.year), people_by_status(line)
        yield _Entry(plate.say("map.legend_places"), heading=True)
        for status in sorted({*counts, *people}, key=rank):
            word = say_in(plate.pictured.language, f"status.{status}")
            told = plate.say(
                "picture.with_people", what=word, count=f"{counts[status]:,}", people=f"{people.get(status, 0):,}"
            )
            yield _Entry(told, self._place(status))
        yield _Entry(plate.say("picture.total", people=f"{line['people']:,}"))

    def _place(self, status: str) -> Callable[[Canvas, float, float], None]:
        colour, shape = COLOURS.get(status, COLOURS["unknown"]), SHAPES.get(status, "circle")
        hollow = _mostly_hollow(spot.firm for spot in self.plate.spots)
        return lambda canvas, x, y: place_symbol(canvas, (x, y), self.plate.px(10), shape, colour, hollow=hollow)

    def _steps(self) -> Iterator[_Entry]:
        plate = self.plate
        yield _Entry(plate.say("picture.towns"), heading=True)
        counts = plate.pictured.by_step(plate.year)
        for step in (*reversed(range(len(STEP_COLOURS))), *([None] if counts[None] else [])):
            word = say_step(plate.pictured.language, step)
            colour = PAPER_WHITE if step is None else STEP_COLOURS[step]
            yield _Entry(plate.say("picture.with_count", what=word, count=counts[step]), self._swatch(colour))
        yield _Entry(plate.say("picture.with_share", share=percent(plate.line["served"], plate.line["people"])))

    def _swatch(self, colour: str) -> Callable[[Canvas, float, float], None]:
        a, b, width = self.plate.px(17), self.plate.px(11), self.plate.unit

        def draw(canvas: Canvas, x: float, y: float) -> None:
            canvas.polygon([(x - a, y - b), (x + a, y - b), (x + a, y + b), (x - a, y + b)], colour, EDGE, 1.5 * width)

        return draw

    def _changes(self) -> Iterator[_Entry]:
        plate = self.plate
        since = plate.what == "change"
        counts = by_state(plate.sites)
        yield _Entry(
            plate.say("picture.sites_since" if since else "picture.sites_changed", year=plate.year), heading=True
        )
        kinds = [site.kind for site in plate.sites if site.kind in ("clinic", "station")]
        kind = kinds[0] if kinds else "clinic"
        drawn: list[State] = [*STATES, *(_OTHER if counts["other"] else ())]
        for state in drawn:
            if counts[state] or state in ("opened", "closed"):
                key = "picture.state_kept_since" if since and state == "kept" else f"picture.state_{state}"
                told = plate.say("picture.with_count", what=plate.say(key), count=f"{counts[state]:,}")
                yield _Entry(told, self._site(kind, state))

    def _site(self, kind: str, state: str) -> Callable[[Canvas, float, float], None]:
        r = self.plate.unit * SIZES.get(kind, 9.0)
        hollow = _mostly_hollow(site.firm for site in self.plate.sites if state in (site.state, "kept"))
        return lambda canvas, x, y: site_symbol(canvas, (x, y), r, kind, state, hollow=hollow)

    def _kinds(self) -> Iterator[_Entry]:
        plate = self.plate
        counts = kinds_of(plate.line)
        if counts:
            yield _Entry(plate.say("picture.sites_open", year=plate.year), heading=True)
        drawn = {site.kind for site in plate.sites}
        for kind, count in counts.items():
            told = plate.say(
                "picture.with_count", what=say_in(plate.pictured.language, f"kind.{kind}"), count=f"{count:,}"
            )
            yield _Entry(told, self._site(kind, "kept") if kind in drawn else None)

    def _lines(self) -> Iterator[_Entry]:
        plate = self.plate
        if plate.pictured.areas.boundary.is_empty:
            return
        yield _Entry("", heading=True)
        yield _Entry(plate.say("picture.boundary"), self._line(EDGE, 3))
        if plate.pictured.towns:
            yield _Entry(plate.say("picture.town_line"), self._line(TOWN_LINE, 1.6))

    def _line(self, colour: str, width: float) -> Callable[[Canvas, float, float], None]:
        a = self.plate.px(17)
        wide = width * self.plate.unit
        return lambda canvas, x, y: canvas.line([(x - a, y), (x + a, y)], colour, wide)
