"""Charts of answers as SVG: told apart by colour, dash and sign alike, and the same numbers as a table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import floor, log10
from xml.etree import ElementTree as ET

from allocate.draw.boxes import Box, meet
from allocate.draw.svg import GREY, INK, LIGHT, Pair, breadth, element, line, px, short, ticks
from allocate.report.blocks import Axis, Chart, Grid, Mark, Series
from allocate.report.cells_said import number_said, share_said
from allocate.report.table import seen
from allocate.words import Language, say_in

WIDE = 760  # a chart [pixels]
_HIGH = 340  # the frame of one that stands
_LETTER, _SMALL = 13.0, 11.5  # heights of letters
_ROW = 26.0  # a name down the side
_EDGE = 14.0  # between the frame and the rim
_SIDE = 190.0  # names down the side take at most so much
# Okabe & Ito's colours, told apart with any colour vision; dashes, signs and hatchings differ as well.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#8a6d00", "#5b3a9e", "#4d5761")
_DASHES = ("", "7 3", "2 3", "9 3 2 3", "12 4", "4 2", "1 2", "9 3 2 3 2 3")
_HATCHED = (None, 45, 135, 0, 90, 45, 135, 0)
_MANY = 40  # from so many points on, ranges are drawn as a band and points without signs
_LONGEST = 36  # characters of a name in a chart
_LYING = ("bars", "stacked", "box")


def chart_picture(chart: Chart, language: Language, mark: str) -> ET.Element:
    """Return a chart as an SVG element.

    Every sign of a value bears the value itself (`data-x`, `data-y`, …), and says it when one points at it.

    Parameters
    ----------
    mark
        What the ids within it begin with: two charts of a page share none.
    """
    return _Drawing(chart, language, mark).svg


def chart_table(chart: Chart, language: Language) -> Grid:
    """Return the numbers of a chart as a table; what is unknown says so."""
    unknown = say_in(language, "chart.unknown")

    def said(number: float | None) -> str:
        return unknown if number is None else written(chart.up, number)

    has_ranges = any(series.low or series.high for series in chart.series)
    has_boxes = any(series.box_low for series in chart.series)
    heads = [say_in(language, "chart.series"), chart.across.title, chart.up.title]
    heads += [say_in(language, f"chart.{name}") for name in ("low", "high") if has_ranges]
    heads += [say_in(language, f"chart.{name}") for name in ("box_low", "box_high") if has_boxes]
    rows = []
    for series in chart.series:
        for at, value in enumerate(series.y):
            where = _said_across(chart, series, at)
            row = [series.name, f"{series.labels[at]} · {where}" if series.labels else where, said(value)]
            parts = [series.low, series.high] if has_ranges else []
            parts += [series.box_low, series.box_high] if has_boxes else []
            rows.append(tuple(row + [said(part[at]) if part else "" for part in parts]))
    for point in chart.marks:
        ends = [
            "" if number is None else written(axis, number)
            for axis, number in ((chart.across, point.x), (chart.up, point.y))
        ]
        rows.append((point.label, *ends, *("" for _ in heads[3:])))
    numbers = frozenset(range(2 if chart.across.names else 1, len(heads)))
    caption = say_in(language, "chart.numbers", what=chart.caption)
    return Grid(caption, tuple(heads), tuple(rows), (1.0,) * len(heads), numbers)


def written(axis: Axis, number: float) -> str:
    """Return a number as its axis writes it."""
    if axis.names:
        at = round(number)
        return axis.names[at] if 0 <= at < len(axis.names) else number_said(number)
    match axis.written:
        case "share":
            return share_said(number)
        case "year":
            return f"{number:.0f}"
        case "whole":
            return f"{number:,.0f}"
        case _:
            return number_said(number)


def _said_across(chart: Chart, series: Series, at: int) -> str:
    if chart.shape == "histogram":
        return f"{written(chart.across, series.x[at])} – {written(chart.across, series.x[at + 1])}"
    return written(chart.across, series.x[at])


@dataclass(frozen=True)
class _Scale:
    """Turns numbers of an axis into pixels."""

    axis: Axis
    ticks: tuple[float, ...]
    low: float
    high: float
    start: float
    end: float

    @classmethod
    def of(cls, axis: Axis, numbers: Sequence[float], start: float, end: float, about: int) -> "_Scale":
        low, high = min(numbers, default=0.0), max(numbers, default=1.0)
        if axis.names:
            return cls(axis, tuple(range(len(axis.names))), -0.5, len(axis.names) - 0.5, start, end)
        if axis.is_log:
            first, last = floor(log10(low)), floor(log10(high))
            found = [times * 10.0**power for power in range(first, last + 2) for times in (1, 2, 5)]
            found = found if last - first < 3 else found[::3]
            below = max((one for one in found if one <= low), default=found[0])
            above = min((one for one in found if one >= high and one > below), default=found[-1])
            kept = tuple(one for one in found if below <= one <= above)
            return cls(axis, kept, log10(kept[0]), log10(kept[-1]), start, end)
        if axis.written == "year":
            kept = tuple(sorted(set(numbers)))
            room = max((high - low) * 0.04, 0.5)
            return cls(axis, kept, low - room, high + room, start, end)
        found = ticks(low, high, about)
        if axis.written == "whole" and len(found) > 1 and found[1] - found[0] < 1:
            found = [float(one) for one in range(floor(low), floor(high) + 2)]
        # (There is no share above the whole, and none below nothing, where none is shown.)
        if axis.written == "share" and low >= 0 and high <= 1:
            found = [one for one in found if 0 <= one <= 1]
        return cls(axis, tuple(found), min(found[0], low), max(found[-1], high), start, end)

    def at(self, number: float) -> float:
        value = log10(number) if self.axis.is_log else number
        return self.start + (self.end - self.start) * (value - self.low) / (self.high - self.low)

    def said(self, number: float) -> str:
        if self.axis.written == "share":
            return f"{100 * number:.6g}%"
        return written(self.axis, number)


class _Drawing:
    """One chart in the making."""

    def __init__(self, chart: Chart, language: Language, mark: str) -> None:
        self.chart, self.language, self.mark = chart, language, mark
        self.lies = chart.shape in _LYING and bool(chart.across.names) and (chart.lies or self._is_crowded())
        names = [short(seen(series.name), _LONGEST) for series in chart.series]
        self.names = names if len(names) > 1 or (names and names[0]) else []
        legend = self._legend_rows()
        top = 10.0 + 20.0 * len(legend) + (8.0 if legend else 0.0) + (14.0 if chart.marks else 0.0)
        side, below = self._room()
        high = _ROW * max(1, len(chart.across.names)) * self._thickness() if self.lies else _HIGH
        # (The title of the axis that goes up stands above it, where it is read without turning the head.)
        top += 24.0
        self.frame: Box = (side, top, WIDE - _EDGE - 12, top + high)
        self.high = top + high + below
        self.svg = element(None, "svg", xmlns="http://www.w3.org/2000/svg")
        box = {"viewBox": f"0 0 {WIDE} {px(self.high)}", "width": str(WIDE), "height": px(self.high)}
        for name, told in (box | {"role": "img", "font-family": "sans-serif", "class": "chart"}).items():
            self.svg.set(name, told)
        element(self.svg, "title", id=f"{mark}-title").text = seen(chart.caption)
        self.svg.set("aria-labelledby", f"{mark}-title")
        element(self.svg, "rect", width=WIDE, height=px(self.high), fill="#fff")
        self._hatchings()
        left, upper, right, lower = self.frame
        across, up = self._numbers()
        ends = ((upper, lower), (left, right)) if self.lies else ((left, right), (lower, upper))
        self.x = _Scale.of(_possible(chart.across, across), across, *ends[0], 8)
        self.y = _Scale.of(_possible(chart.up, up), up, *ends[1], 5)
        self._axes()
        self._legend(legend)
        for number, series in enumerate(chart.series):
            self._series(number, series)
        self._marks()
        self._below()

    # ---- what there is room for ----

    def _is_crowded(self) -> bool:
        names = self.chart.across.names
        longest = max((breadth(short(seen(name), _LONGEST), _SMALL) for name in names), default=0)
        return bool(names) and len(names) * (longest + 10) > WIDE - 100

    def _thickness(self) -> float:
        beside = len(self.chart.series) if self.chart.shape in ("bars", "box") else 1
        return max(1.0, 0.55 * beside)

    def _room(self) -> Pair:
        """Return how much room numbers or names take at the side and below [pixels]."""
        below = 46.0
        if self.lies:
            names = [breadth(short(seen(name), _LONGEST), _SMALL) for name in self.chart.across.names]
            return min(_SIDE, max(names, default=0) + 16) + 8, below
        numbers = self._numbers()[1]
        scale = _Scale.of(_possible(self.chart.up, numbers), numbers, 0, 1, 5)
        broad = max((breadth(scale.said(tick), _SMALL) for tick in scale.ticks), default=0)
        return max(44.0, broad + 14) + 8, below

    def _numbers(self) -> tuple[list[float], list[float]]:
        """Return all that the axes must show."""
        chart = self.chart
        across = [at for series in chart.series for at in series.x]
        across += [mark.x for mark in chart.marks if mark.x is not None]
        up = [number for series in chart.series for number in series.numbers()]
        up += [mark.y for mark in chart.marks if mark.y is not None]
        if chart.shape == "stacked":
            for at in sorted(set(across)):
                parts = [self._value(series, at) for series in chart.series]
                up += [sum(part for part in parts if part > 0), sum(part for part in parts if part < 0)]
        if chart.shape in ("stacked", "histogram") or (chart.shape == "bars" and not chart.up.is_log):
            up.append(0.0)
        return across or [0.0], up or [0.0]

    @staticmethod
    def _value(series: Series, at: float) -> float:
        return sum(number for where, number in zip(series.x, series.y, strict=True) if where == at and number)

    # ---- frame, axes and legend ----

    def _text(
        self, text: str, at: Pair, *, anchor: str = "middle", size: float = _SMALL, fill: str = INK
    ) -> ET.Element:
        look = {"text_anchor": anchor, "font_size": px(size), "fill": fill}
        made = element(self.svg, "text", x=px(at[0]), y=px(at[1]), **look)
        made.text = seen(text)
        return made

    def _axes(self) -> None:
        left, upper, right, lower = self.frame
        flat, tall = (self.y, self.x) if self.lies else (self.x, self.y)
        last = -1e9
        for tick in flat.ticks:
            at = flat.at(tick)
            if not flat.axis.names:
                line(self.svg, (at, upper), (at, lower), stroke=LIGHT)
            told = short(flat.said(tick), _LONGEST)
            half = breadth(told, _SMALL) / 2
            if at - half > last + 6:
                self._text(told, (at, lower + 16))
                last = at + half
        for tick in tall.ticks:
            at = tall.at(tick)
            if not tall.axis.names:
                line(self.svg, (left, at), (right, at), stroke=LIGHT)
            told = tall.said(tick)
            while breadth(told, _SMALL) > left - 12 and len(told) > 2:
                told = f"{told[:-2]}…"
            self._text(told, (left - 7, at + 4), anchor="end")
        zero = self.y.at(0) if not self.y.axis.is_log and self.y.low <= 0 <= self.y.high else None
        if zero is not None:
            ends = ((zero, upper), (zero, lower)) if self.lies else ((left, zero), (right, zero))
            line(self.svg, *ends, stroke=GREY)
        element(
            self.svg, "rect", x=px(left), y=px(upper), width=px(right - left), height=px(lower - upper), fill="none",
            stroke="#aab4bd",
        )  # fmt: skip
        titles = [
            f"{short(seen(axis.title), 70)}{say_in(self.language, 'chart.log') if axis.is_log else ''}"
            for axis in (flat.axis, tall.axis)
        ]
        self._text(titles[0], ((left + right) / 2, lower + 36), size=_LETTER)
        self._text(titles[1], (10, upper - 13), anchor="start", size=_LETTER)

    def _hatchings(self) -> None:
        """Define the fills of bars: a light colour, and lines that lie another way for every series."""
        if self.chart.shape not in ("bars", "stacked", "histogram", "box"):
            return
        defined = element(self.svg, "defs")
        for number in range(len(self.chart.series)):
            turn = _HATCHED[number]
            if turn is None:
                continue
            pattern = element(
                defined, "pattern", id=f"{self.mark}-fill{number}", width=6, height=6, patternUnits="userSpaceOnUse",
                patternTransform=f"rotate({turn})",
            )  # fmt: skip
            element(pattern, "rect", width=6, height=6, fill=COLOURS[number], fill_opacity=".35")
            line(pattern, (0, 0), (0, 6), stroke=COLOURS[number], stroke_width=2.5)

    def _fill(self, number: int) -> str:
        return COLOURS[number] if _HATCHED[number] is None else f"url(#{self.mark}-fill{number})"

    def _legend_rows(self) -> list[list[tuple[int, str, float]]]:
        """Return the names of the series in rows: each with its number and how far from the left it stands."""
        if len(self.names) < 2:
            return []
        rows: list[list[tuple[int, str, float]]] = [[]]
        at = 10.0
        for number, name in enumerate(self.names):
            wide = 34 + breadth(name, _SMALL) + 18
            if at + wide > WIDE and rows[-1]:
                rows.append([])
                at = 10.0
            rows[-1].append((number, name, at))
            at += wide
        return rows

    def _legend(self, rows: Sequence[Sequence[tuple[int, str, float]]]) -> None:
        for down, row in enumerate(rows):
            base = 20.0 + 20.0 * down
            for number, name, at in row:
                if self.chart.shape in ("bars", "stacked", "histogram", "box"):
                    look = {"fill": self._fill(number), "stroke": COLOURS[number]}
                    element(self.svg, "rect", x=px(at), y=px(base - 10), width=24, height=12, **look)
                else:
                    if self.chart.shape != "scatter":
                        line(self.svg, (at, base - 4), (at + 26, base - 4), **self._stroke(number))
                    _sign(self.svg, number, (at + 13, base - 4))
                self._text(name, (at + 32, base), anchor="start")

    @staticmethod
    def _stroke(number: int) -> dict[str, object]:
        look: dict[str, object] = {"stroke": COLOURS[number], "stroke_width": 2, "fill": "none"}
        return look | ({"stroke_dasharray": _DASHES[number]} if _DASHES[number] else {})

    # ---- what it shows ----

    def _series(self, number: int, series: Series) -> None:
        group = element(self.svg, "g", class_="series")
        match self.chart.shape:
            case "line" | "steps" | "scatter":
                self._points(group, number, series)
            case "bars" | "stacked":
                self._bars(group, number, series)
            case "histogram":
                self._bins(group, number, series)
            case "box":
                self._boxes(group, number, series)

    def _points(self, group: ET.Element, number: int, series: Series) -> None:
        is_many = len(series.x) > _MANY and self.chart.shape != "scatter"
        if is_many and series.low and series.high:
            self._band(group, number, series)
        elif series.low or series.high:
            for at in range(len(series.y)):
                self._range(group, number, series, at, self.x.at(series.x[at]))
        if self.chart.shape != "scatter":
            for run in _runs(series):
                spots = [(self.x.at(x), self.y.at(y)) for x, y in run]
                if self.chart.shape == "steps":
                    spots = [
                        spot
                        for one, other in zip(spots, [*spots[1:], spots[-1]], strict=True)
                        for spot in (one, (other[0], one[1]))
                    ]
                path = " ".join(f"{px(x)},{px(y)}" for x, y in spots)
                element(group, "polyline", points=path, **self._stroke(number))
        for at, value in enumerate(series.y):
            if value is not None:
                place = self.x.at(series.x[at]), self.y.at(value)
                made = _sign(group, number, place, 2.2 if is_many else 4.5)
                self._tells(made, series, at)

    def _tells(self, made: ET.Element, series: Series, at: int) -> None:
        """Give a sign its values, and let it say them."""
        chart = self.chart
        made.set("data-x", repr(series.x[at]))
        made.set("data-y", repr(series.y[at]))
        for name, part in (("low", series.low), ("high", series.high)):
            if part and part[at] is not None:
                made.set(f"data-{name}", repr(part[at]))
        for name, part in (("box-low", series.box_low), ("box-high", series.box_high)):
            if part and part[at] is not None:
                made.set(f"data-{name}", repr(part[at]))
        if chart.shape == "histogram":
            made.set("data-end", repr(series.x[at + 1]))
        value = series.y[at]
        told = [series.name, series.labels[at] if series.labels else "", _said_across(chart, series, at)]
        told += [f"{chart.up.title}: {written(chart.up, value)}"] if value is not None else []
        ends = [part[at] for part in (series.low, series.high) if part]
        known = [written(chart.up, end) for end in ends if end is not None]
        told += [f"{chart.ranges}: {' – '.join(known)}"] if known else []
        element(made, "title").text = "\n".join(short(seen(part), 300) for part in told if part)

    def _range(self, group: ET.Element, number: int, series: Series, at: int, middle: float) -> None:
        """Draw the range of a point, with a bar at each end that is known."""
        value = series.y[at]
        low, high = (part[at] if part else None for part in (series.low, series.high))
        known = [one for one in (low, value, high) if one is not None]
        if len(known) < 2:
            return
        ends = self.y.at(min(known)), self.y.at(max(known))
        look = {"stroke": COLOURS[number], "stroke_width": 1.3}

        def along(one: Pair, other: Pair) -> None:
            if self.lies:
                one, other = (one[1], one[0]), (other[1], other[0])
            line(group, one, other, **look)

        along((middle, ends[0]), (middle, ends[1]))
        for end in (low, high):
            if end is not None and end != value:
                along((middle - 5, self.y.at(end)), (middle + 5, self.y.at(end)))

    def _band(self, group: ET.Element, number: int, series: Series) -> None:
        ends = [
            (self.x.at(x), self.y.at(low), self.y.at(high))
            for x, low, high in zip(series.x, series.low, series.high, strict=True)
            if low is not None and high is not None
        ]
        there = [f"{px(x)},{px(high)}" for x, _, high in ends]
        back = [f"{px(x)},{px(low)}" for x, low, _ in reversed(ends)]
        element(group, "polygon", points=" ".join([*there, *back]), fill=COLOURS[number], fill_opacity=".18")

    def _bars(self, group: ET.Element, number: int, series: Series) -> None:
        zero = self.y.at(0) if not self.y.axis.is_log else self.y.start
        for at, value in enumerate(series.y):
            if value is None:
                continue
            middle, half = self._slot(number, series.x[at])
            start, end = zero, self.y.at(value)
            if self.chart.shape == "stacked":
                before = [self._value(other, series.x[at]) for other in self.chart.series[:number]]
                floor_ = sum(part for part in before if (part > 0) == (value > 0))
                start, end = self.y.at(floor_), self.y.at(floor_ + value)
            made = self._box(group, (middle - half, start), (middle + half, end), fill=self._fill(number))
            made.set("stroke", COLOURS[number])
            self._tells(made, series, at)
            self._range(group, len(COLOURS) - 1, series, at, middle)

    def _slot(self, number: int, x: float) -> Pair:
        """Return the middle and half the breadth of a bar [pixels]."""
        count = len(self.chart.series) if self.chart.shape != "stacked" else 1
        places = sorted({at for series in self.chart.series for at in series.x})
        nearest = min((other - one for one, other in pairwise(places)), default=1.0)
        step = 1.0 if self.chart.across.names else nearest
        room = abs(self.x.at(x + step) - self.x.at(x)) * 0.8 if not self.x.axis.is_log else 30.0
        room = min(room, 90.0)
        beside = number if count > 1 else 0
        return self.x.at(x) - room / 2 + room * (beside + 0.5) / count, 0.45 * room / count

    def _box(self, group: ET.Element, one: Pair, other: Pair, **look: object) -> ET.Element:
        """Draw a rectangle between two corners, given as across and up."""
        if self.lies:
            one, other = (one[1], one[0]), (other[1], other[0])
        (left, right), (upper, lower) = (sorted(pair) for pair in zip(one, other, strict=True))
        sizes = {"x": px(left), "y": px(upper), "width": px(right - left), "height": px(lower - upper)}
        return element(group, "rect", **sizes, **look)

    def _bins(self, group: ET.Element, number: int, series: Series) -> None:
        zero = self.y.at(0)
        for at, value in enumerate(series.y):
            if value is not None:
                corners = (self.x.at(series.x[at]), zero), (self.x.at(series.x[at + 1]), self.y.at(value))
                made = self._box(group, *corners, fill=self._fill(number))
                made.set("stroke", "#fff" if _HATCHED[number] is None else COLOURS[number])
                self._tells(made, series, at)

    def _boxes(self, group: ET.Element, number: int, series: Series) -> None:
        for at, value in enumerate(series.y):
            if value is None:
                continue
            middle, half = self._slot(number, series.x[at])
            half = min(half, 11.0)
            self._range(group, number, series, at, middle)
            ends = [part[at] if part else None for part in (series.box_low, series.box_high)]
            low, high = (value if end is None else end for end in ends)
            corners = (middle - half, self.y.at(low)), (middle + half, self.y.at(high))
            made = self._box(group, *corners, fill=self._fill(number), stroke=COLOURS[number])
            # (The middle stands out from whatever the box is filled with.)
            one, other = (middle - half, self.y.at(value)), (middle + half, self.y.at(value))
            if self.lies:
                one, other = (one[1], one[0]), (other[1], other[0])
            line(group, one, other, stroke="#fff", stroke_width=5)
            line(group, one, other, stroke=INK, stroke_width=2.4)
            self._tells(made, series, at)

    # ---- marks ----

    def _marks(self) -> None:
        left, upper, right, _ = self.frame
        taken: list[Box] = []
        for mark in self.chart.marks:
            told = short(seen(mark.label), _LONGEST)
            wide = breadth(told, _SMALL)
            for middle, base in self._beside(mark, wide):
                box = (middle - wide / 2, base - _SMALL, middle + wide / 2, base + 3)
                fits = box[0] >= 2 and box[2] <= WIDE - 2 and box[1] >= upper - 44
                if fits and not any(meet(box, other) for other in taken):
                    break
            else:
                middle = min(max(middle, left + wide / 2), right - wide / 2)
                box = (middle - wide / 2, base - _SMALL, middle + wide / 2, base + 3)
            taken.append(box)
            made = self._mark(mark)
            element(made, "title").text = seen(mark.label)
            label = self._text(told, (middle, base), fill="#9c2a00")
            for name, value in (("paint-order", "stroke"), ("stroke", "#fff"), ("stroke-width", "3")):
                label.set(name, value)

    def _spot(self, mark: Mark) -> Pair:
        """Return where a mark stands; a line at its end."""
        _, upper, right, _ = self.frame
        if self.lies:
            across = self.y.at(mark.y) if mark.y is not None else right
            return across, (self.x.at(mark.x) if mark.x is not None else upper)
        return (
            self.x.at(mark.x) if mark.x is not None else right,
            self.y.at(mark.y) if mark.y is not None else upper,
        )

    def _beside(self, mark: Mark, wide: float) -> Iterator[Pair]:
        """Yield where its label may stand: middle and base."""
        x, y = self._spot(mark)
        left, upper, right, _ = self.frame
        if mark.x is not None and mark.y is not None:
            for left_out, down in ((12, 4), (-12, 4), (0, -12), (0, 20), (12, 18), (-12, 18), (12, -14), (-12, -14)):
                yield x + (left_out and (left_out + (wide / 2 if left_out > 0 else -wide / 2))), y + down
        elif (mark.x is None) != self.lies:
            for down in (-6, 14, -20, 28):
                yield right - wide / 2 - 4, y + down
        else:
            middle = min(max(x, left + wide / 2), right - wide / 2)
            for up in (-6, -20, -34):
                yield middle, upper + up

    def _mark(self, mark: Mark) -> ET.Element:
        left, upper, right, lower = self.frame
        x, y = self._spot(mark)
        look = {"stroke": "#9c2a00", "stroke_width": 1.6, "stroke_dasharray": "5 4"}
        if mark.x is None and mark.y is None:
            return element(self.svg, "g")
        if mark.x is not None and mark.y is not None:
            path = f"M{px(x)} {px(y - 8)}l8 8l-8 8l-8 -8z"
            made = element(self.svg, "path", d=path, fill="#9c2a00", stroke="#fff", stroke_width=1.5)
        elif (mark.x is None) != self.lies:
            made = line(self.svg, (left, y), (right, y), **look)
        else:
            made = line(self.svg, (x, upper), (x, lower), **look)
        made.set("class", "mark")
        for name, number in (("x", mark.x), ("y", mark.y)):
            if number is not None:
                made.set(f"data-{name}", repr(number))
        return made

    def _below(self) -> None:
        """Say in the drawing itself what cannot be drawn."""
        missing = sum(value is None for series in self.chart.series for value in series.y)
        if missing:
            left, upper, _, _ = self.frame
            self._text(say_in(self.language, "chart.missing", count=missing), (left + 6, upper + 15), anchor="start",
                       fill=GREY)  # fmt: skip


def _possible(axis: Axis, numbers: Sequence[float]) -> Axis:
    """Return an axis that can show some numbers: one of ratios knows none that is not above 0."""
    return replace(axis, is_log=False) if axis.is_log and min(numbers) <= 0 else axis


def _runs(series: Series) -> Iterator[list[Pair]]:
    """Yield the parts of a line between which something is unknown."""
    run: list[Pair] = []
    for x, y in zip(series.x, series.y, strict=True):
        if y is not None:
            run.append((x, y))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _sign(above: ET.Element, number: int, at: Pair, r: float = 4.5) -> ET.Element:
    """Draw the sign of a series' points: no two of eight look alike without their colour."""
    x, y = at
    shapes: tuple[Sequence[Pair], ...] = (
        (),
        ((-1, -1), (1, -1), (1, 1), (-1, 1)),
        ((0, -1.2), (1.15, 0.9), (-1.15, 0.9)),
        ((0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)),
    )
    corners = shapes[number % len(shapes)]
    hollow = number >= len(shapes)
    look = {"fill": "#fff" if hollow else COLOURS[number], "stroke": COLOURS[number], "stroke_width": 1.6}
    if not corners:
        return element(above, "circle", cx=px(x), cy=px(y), r=px(r), **look)
    points = " ".join(f"{px(x + r * a)},{px(y + r * b)}" for a, b in corners)
    return element(above, "polygon", points=points, **look)
