"""Where one site lies, as a small drawing: its town, whom it serves, the sites near it, the other spots for it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import shapely

from allocate.areas import Areas
from allocate.draw.boxes import Box, box_around, meet
from allocate.draw.svg import Pair, element, line, outline, px, scale_bar
from allocate.report.table import clean
from allocate.travel.points import Metric, metric, metric_shape
from allocate.units import FIRM
from allocate.words import Language, say_in

_WIDE, _HIGH = 460, 400  # the drawing [pixels]
_EDGE = 26  # what it shows stays so far from its rim [pixels]
_INSET, _INSET_MARGIN = 92, 6  # the district in a corner [pixels]
_LEAST = 1_500.0  # it shows so much ground at least [m]
_NEAR = 1.15  # and so much beyond what it is about
_SITES, _NAMES = 40, 14  # other sites, and names, at most
_LETTER = 11  # height of a letter [pixels]
_SHORT = 10  # characters of a name
_STRAIGHTENED = 0.8  # how far an outline may be straightened [pixels]
_INK, _QUIET, _BLUE, _GREEN, _RED = "#1d2329", "#59636d", "#0072b2", "#009e73", "#a8005c"


@dataclass(frozen=True)
class Drawn:
    """A drawing, and what its signs mean."""

    svg: ET.Element
    legend: tuple[str, ...]


class _View:
    """Turns metres into pixels of the drawing: the same scale both ways."""

    def __init__(self, spots: Metric) -> None:
        low, high = spots.min(axis=0), spots.max(axis=0)
        self.middle = (low + high) / 2
        span = np.maximum((high - low) * _NEAR, _LEAST)
        self.scale = min((_WIDE - 2 * _EDGE) / span[0], (_HIGH - 2 * _EDGE) / span[1])

    def at(self, spot: Metric) -> Pair:
        x, y = (spot - self.middle) * self.scale
        return float(_WIDE / 2 + x), float(_HIGH / 2 - y)

    @property
    def window(self) -> Box:
        reach = np.array((_WIDE, _HIGH)) / 2 / self.scale
        (west, south), (east, north) = self.middle - reach, self.middle + reach
        return float(west), float(south), float(east), float(north)


class Locator:
    """Draws where sites of one plan lie; what they have in common is worked out once."""

    def __init__(self, content: Mapping[str, Any], language: Language) -> None:
        self._content, self._language = content, language
        self._district = content["district_data"]
        self._system = (self._district["datum"], self._district["epsg"])
        self._places = {place["id"]: place for place in self._district["places"]}
        self._sites: dict[str, Mapping[str, Any]] = {}
        for row in content["sites"]:
            self._sites.setdefault(row["id"], row)
        self._candidates = {row["id"]: row for row in content.get("candidates", ())}
        self._worth = {row["id"]: row for row in content.get("worth", ())}
        self._served: dict[str, list[Mapping[str, Any]]] = {}
        for row in content["places"]:
            if row["status"] == "served" and row["served_by"] is not None:
                self._served.setdefault(row["served_by"], []).append(row)

    def picture(self, code: str) -> Drawn | None:
        """Return the drawing of a site; None where it has no position."""
        spot = self._spot(self._sites[code])
        if spot is None:
            return None
        served = self._served_last(code)
        others = [(row["id"], at) for row in self._others(code) if (at := self._spot(row)) is not None]
        shown = [spot, *(at for _, at in served), *(at for _, at in others)]
        view = _View(np.array(shown))
        near = list(self._near(code, spot, view))
        svg = element(None, "svg", viewBox=f"0 0 {_WIDE} {_HIGH}", role="img")
        element(svg, "rect", width=_WIDE, height=_HIGH, fill="#f4f6f7")
        self._ground(svg, view, self._sites[code]["town"])
        for _, at in served:
            line(svg, view.at(spot), view.at(at), stroke=_GREEN, **{"stroke-width": "1.3", "stroke-opacity": ".75"})
        for row, at in served:
            hollow = row["position_basis"] not in FIRM
            x, y = view.at(at)
            r = 3.5 + min(3.5, (row["people"] or 0) / 800)
            element(
                svg, "circle", cx=px(x), cy=px(y), r=px(r), fill="#fff" if hollow else _GREEN, stroke=_GREEN,
                **{"stroke-width": "1.8"},
            )  # fmt: skip
        for row, at in near:
            _house(svg, view.at(at), 5.5, _INK, is_hollow=row["basis"] not in FIRM)
        # (Beside a place that is drawn where the spot lies: neither hides the other.)
        drawn = [view.at(at) for at in (spot, *(at for _, at in (*served, *near)))]
        numbers = [_aside(view.at(at), drawn) for _, at in others]
        for number, beside in enumerate(numbers, start=1):
            _numbered(svg, beside, number)
        _house(svg, view.at(spot), 9, _BLUE, is_hollow=self._sites[code]["basis"] not in FIRM)
        x, y = view.at(spot)
        ring = {"fill": "none", "stroke": _BLUE, "stroke-width": "1.4"}
        element(svg, "circle", cx=px(x), cy=px(y), r="15", **ring)
        self._names(svg, view, spot, served, numbers, near)
        self._inset(svg, spot)
        scale_bar(svg, view.scale, (10.0, _HIGH - 10.0), _WIDE / 4)
        return Drawn(svg, tuple(self._legend(served, others, near)))

    def _legend(self, served: Sequence[Any], others: Sequence[Any], near: Sequence[Any]) -> Iterator[str]:
        yield self._word("map_this")
        for key, found in (("map_served", served), ("map_near", near), ("map_others", others)):
            if found:
                yield self._word(key, year=self._content["years"][-1])
        yield self._word("map_hollow")
        if self._towns:
            yield self._word("map_towns")

    def _word(self, key: str, **values: object) -> str:
        return say_in(self._language, f"site_page.{key}", **values)

    def _spot(self, row: Mapping[str, Any]) -> Metric | None:
        if row["lon"] is None or row["lat"] is None:
            return None
        spots: Metric = metric([(row["lon"], row["lat"])], *self._system)
        return np.asarray(spots[0])

    def _served_last(self, code: str) -> list[tuple[Mapping[str, Any], Metric]]:
        """Return the places that a site serves in the last of its years, with where they are, the most people first."""
        rows = self._served.get(code, [])
        last = max((row["year"] for row in rows), default=0)
        ids = dict.fromkeys(row["id"] for row in sorted(rows, key=lambda row: -row["people"]) if row["year"] == last)
        return [(self._places[code], at) for code in ids if (at := self._spot(self._places[code])) is not None]

    def _others(self, code: str) -> list[Mapping[str, Any]]:
        return [
            row
            for other in self._worth.get(code, {}).get("others", ())
            if (row := self._candidates.get(other["id"]) or self._sites.get(other["id"])) is not None
        ]

    @cached_property
    def _standing(self) -> tuple[list[Mapping[str, Any]], Metric]:
        """Return the sites that stand in the last year, and where they are [m]."""
        last = str(self._content["years"][-1])
        rows = [row for row in self._content["sites"] if last in row["people"] and None not in (row["lon"], row["lat"])]
        return rows, metric([(row["lon"], row["lat"]) for row in rows], *self._system)

    def _near(self, code: str, middle: Metric, view: _View) -> Iterator[tuple[Mapping[str, Any], Metric]]:
        """Yield the other sites that stand within the drawing, the nearest first."""
        rows, spots = self._standing
        west, south, east, north = view.window
        inside = (spots[:, 0] > west) & (spots[:, 0] < east) & (spots[:, 1] > south) & (spots[:, 1] < north)
        found = [at for at in np.flatnonzero(inside) if rows[at]["id"] != code]
        found.sort(key=lambda at: (float(np.hypot(*(spots[at] - middle))), rows[at]["id"]))
        return ((rows[at], spots[at]) for at in found[:_SITES])

    # ---- the ground ----

    @cached_property
    def _boundary(self) -> Any:
        return metric_shape(Areas(self._content).boundary, *self._system)

    @cached_property
    def _towns(self) -> dict[str, Any]:
        """Return the ground of every town [m]; nothing where the plan has no boundary to cut it off at."""
        if self._boundary.is_empty:
            return {}
        areas = Areas(self._content).towns()
        return {town: metric_shape(shape, *self._system) for town, shape in areas.items() if not shape.is_empty}

    def _ground(self, svg: ET.Element, view: _View, town: str) -> None:
        window = shapely.box(*view.window).buffer(4 / view.scale)
        district = shapely.intersection(self._boundary, window)
        self._area(svg, view, district, fill="#fff", stroke="none")
        for code, shape in sorted(self._towns.items(), key=lambda one: one[0] == town):
            part = shapely.intersection(shape, window) if shape.intersects(window) else None
            if part is not None:
                fill, stroke = ("#eef6fb", "#7aa9c9") if code == town else ("none", "#d3d9de")
                self._area(svg, view, part, fill=fill, stroke=stroke)
        self._area(svg, view, district, fill="none", stroke=_QUIET, **{"stroke-width": "1.6"})

    def _area(self, svg: ET.Element, view: _View, shape: Any, **look: str) -> None:
        path = outline(shapely.simplify(shape, _STRAIGHTENED / view.scale), view.at)
        if path:
            element(svg, "path", d=path, **{"fill-rule": "evenodd"}, **look)

    @cached_property
    def _small(self) -> tuple[str, Metric, float] | None:
        """Return the district as a path for the corner, its middle [m] and its scale [pixels per metre]."""
        if self._boundary.is_empty:
            return None
        west, south, east, north = self._boundary.bounds
        scale = (_INSET - 2 * _INSET_MARGIN) / max(east - west, north - south)
        middle = np.array(((west + east) / 2, (south + north) / 2))
        shape = shapely.simplify(self._boundary, 0.6 / scale)
        return outline(shape, lambda spot: _small_at(spot, middle, scale)), middle, scale

    def _inset(self, svg: ET.Element, spot: Metric) -> None:
        if self._small is None:
            return
        path, middle, scale = self._small
        corner = element(svg, "g", transform=f"translate({_WIDE - _INSET - 4} 4)")
        box = {"fill": "#fff", "fill-opacity": ".92", "stroke": "#c3cad0"}
        element(corner, "rect", width=_INSET, height=_INSET, **box)
        element(corner, "path", d=path, fill="#e3e8ec", stroke=_QUIET, **{"stroke-width": ".8"})
        x, y = _small_at(spot, middle, scale)
        element(corner, "circle", cx=px(x), cy=px(y), r="3", fill=_BLUE, stroke="#fff")

    # ---- names ----

    def _names(
        self,
        svg: ET.Element,
        view: _View,
        spot: Metric,
        served: Sequence[Any],
        others: Sequence[Pair],
        near: Sequence[Any],
    ) -> None:
        """Write the names of places, and of sites that stand near, where they hide nothing."""
        taken: list[Box] = [
            box_around(view.at(spot), 15),
            (_WIDE - _INSET - 6, 0, _WIDE, _INSET + 6),
            (0, _HIGH - 26, 150, _HIGH),
        ]
        taken += [box_around(at, 8) for at in others]
        taken += [box_around(view.at(at), 6) for _, at in (*served, *near)]
        written = 0
        rows = [(row, at, _INK) for row, at in served] + [(row, at, _QUIET) for row, at in near]
        for row, at, colour in rows:
            text = clean(str(row.get("short_name") or row["name"]))
            text = text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"
            wide = sum(_LETTER if ord(sign) > 0x2E7F else 0.62 * _LETTER for sign in text)
            x, y = view.at(at)
            for left, base in ((x + 8, y + 4), (x - 8 - wide, y + 4), (x - wide / 2, y - 9), (x - wide / 2, y + 18)):
                box = (left - 1, base - _LETTER, left + wide + 1, base + 3)
                fits = box[0] > 2 and box[2] < _WIDE - 2 and box[1] > 2 and box[3] < _HIGH - 2
                if fits and not any(meet(box, other) for other in taken):
                    taken.append(box)
                    look = {"font-size": str(_LETTER), "paint-order": "stroke", "stroke": "#fff", "stroke-width": "3"}
                    element(svg, "text", x=px(left), y=px(base), fill=colour, **look).text = text
                    written += 1
                    break
            if written >= _NAMES:
                return


def _house(svg: ET.Element, at: Pair, r: float, colour: str, *, is_hollow: bool) -> None:
    x, y = at
    corners = ((x - r, y - 0.1 * r), (x, y - r), (x + r, y - 0.1 * r), (x + r, y + 0.9 * r), (x - r, y + 0.9 * r))
    points = " ".join(f"{px(a)},{px(b)}" for a, b in corners)
    look = {"stroke-width": "2" if is_hollow else "1.2", "stroke": colour if is_hollow else "#fff"}
    element(svg, "polygon", points=points, fill="#fff" if is_hollow else colour, **look)


def _aside(at: Pair, drawn: Sequence[Pair]) -> Pair:
    x, y = at
    return (x + 11, y - 9) if any(abs(x - other) + abs(y - up) < 8 for other, up in drawn) else at


def _numbered(svg: ET.Element, at: Pair, number: int) -> None:
    x, y = at
    look = {"fill": "#fff", "stroke": _RED, "stroke-width": "1.6", "stroke-dasharray": "3 1.5"}
    element(svg, "circle", cx=px(x), cy=px(y), r="8", **look)
    look = {"font-size": "10", "text-anchor": "middle", "fill": _RED, "font-weight": "bold"}
    element(svg, "text", x=px(x), y=px(y + 3.6), **look).text = str(number)


def _small_at(spot: Metric, middle: Metric, scale: float) -> Pair:
    x, y = (spot - middle) * scale
    return float(_INSET / 2 + x), float(_INSET / 2 - y)
