"""A map of classed sites as SVG: each class has its colour, its sign and its letter, over places and towns."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import shapely

from allocate.areas import Areas
from allocate.draw.boxes import Box, box_around, meet
from allocate.draw.svg import GREY, INK, Pair, breadth, element, outline, px, scale_bar, short
from allocate.report.blocks import ClassedMap, ClassedSite, Grid, SiteClass
from allocate.report.table import seen
from allocate.travel.points import Metric, metric, metric_shape
from allocate.words import Language, say_in

_WIDE = 1000  # the map [pixels]
_LOW, _TALL = 0.6, 1.35  # how high it is for its breadth, at least and at most
_EDGE = 16
_AROUND = 1_000.0  # it shows so much round a single spot [m]
_BEYOND = 0.25  # and so much beyond the boundary, of the breadth of the district
_STRAIGHTENED = 0.7  # how far an outline may be straightened [pixels]
_LARGE, _SMALL = 8.5, 6.2  # a sign, from its middle to its edge, of few sites and of many [pixels]
_MANY = 250
_ABREAST = 6  # so many sites on one spot stand side by side
_LETTER = 13.0  # of town names
_LONGEST = 14  # characters of a town's name
_ROWS = 2_000  # of the table
_FACTORS = {"square": 0.9, "triangle": 1.18, "down": 1.18, "diamond": 1.2, "cross": 1.0}


@dataclass(frozen=True)
class Drawn:
    """A map, and what is to be said of it."""

    svg: ET.Element
    notes: tuple[str, ...]


def classed_picture(block: ClassedMap, language: Language, mark: str) -> Drawn:
    """Return a map of classed sites as an SVG element, with what it does not show in words.

    Every sign says the site, its town and its class when one points at it, and bears its id and the key of its class.
    """
    return _Map(block, language, mark).drawn()


def counted(block: ClassedMap, language: Language) -> Iterator[tuple[SiteClass, str]]:
    """Yield every class with its name, and how many sites it has, of which so many at estimated positions."""
    numbers = Counter(site.group for site in block.sites)
    estimated = Counter(site.group for site in block.sites if not site.is_firm)
    for group in block.classes:
        key = "classed.with_estimated" if estimated[group.key] else "classed.with_count"
        told = {"letter": group.letter, "what": group.name, "count": numbers[group.key]}
        yield group, say_in(language, key, **told, estimated=estimated[group.key])


def classed_table(block: ClassedMap, language: Language) -> Grid:
    """Return the sites of a map with their classes as a table, the classes to look at first on top."""
    order = {group.key: at for at, group in enumerate(block.classes)}
    names = {group.key: f"{group.letter} {group.name}" for group in block.classes}
    sites = sorted(block.sites, key=lambda site: (order[site.group], site.town, site.name, site.id))
    heads = [say_in(language, f"classed.{name}") for name in ("site", "id", "town", "group", "position", "note")]
    rows: list[tuple[str, ...]] = [
        (site.name, site.id, site.town, names[site.group], _position(site, language), site.note)
        for site in sites[:_ROWS]
    ]
    if not any(site.note for site in sites):
        heads, rows = heads[:-1], [row[:-1] for row in rows]
    note = say_in(language, "answer.rows_left", shown=_ROWS, rows=len(sites)) if len(sites) > _ROWS else ""
    return Grid(block.caption, tuple(heads), tuple(rows), (1.0,) * len(heads), note=note)


def class_sign(group: SiteClass) -> ET.Element:
    """Return the sign of a class for a legend."""
    svg = element(None, "svg", viewBox="-10 -10 20 20", aria_hidden="true")
    _sign(svg, group, (0.0, 0.0), 8.0, is_hollow=False)
    return svg


def _position(site: ClassedSite, language: Language) -> str:
    if site.lon is None or site.lat is None:
        return say_in(language, "classed.nowhere")
    return say_in(language, "classed.firm" if site.is_firm else "classed.estimated")


class _Map:
    """One map in the making."""

    def __init__(self, block: ClassedMap, language: Language, mark: str) -> None:
        self.block, self.language, self.mark = block, language, mark
        district = block.ground["district_data"]
        self.system = (district["datum"], district["epsg"])
        self.district = district
        self.areas = Areas(block.ground)
        self.groups = {group.key: group for group in block.classes}
        self.sites = [site for site in block.sites if None not in (site.lon, site.lat)]
        self.boundary = metric_shape(self.areas.boundary, *self.system)
        self.places = [place for place in district["places"] if None not in (place["lon"], place["lat"])]
        self.spots = self._metres([(site.lon, site.lat) for site in self.sites])
        self.ground = self._metres([(place["lon"], place["lat"]) for place in self.places])
        self._view()

    def _metres(self, spots: Sequence[Any]) -> Metric:
        return metric(spots, *self.system) if len(spots) else np.zeros((0, 2))

    def _view(self) -> None:
        found = np.concatenate([self.spots, self.ground])
        if not self.boundary.is_empty:
            west, south, east, north = self.boundary.bounds
            beyond = _BEYOND * max(east - west, north - south)
            box = (np.array((west, south)) - beyond, np.array((east, north)) + beyond)
            near = ((found >= box[0]) & (found <= box[1])).all(axis=1)
            found = np.concatenate([found[near], ((west, south), (east, north))])
        if not len(found):
            found = np.zeros((1, 2))
        low, high = found.min(axis=0), found.max(axis=0)
        self.middle = (low + high) / 2
        span = np.maximum(high - low, 2 * _AROUND)
        self.high = round(_WIDE * min(_TALL, max(_LOW, span[1] / span[0])))
        self.scale = float(min((_WIDE - 2 * _EDGE) / span[0], (self.high - 2 * _EDGE) / span[1]))

    def at(self, spot: Metric) -> Pair:
        x, y = (spot - self.middle) * self.scale
        return float(_WIDE / 2 + x), float(self.high / 2 - y)

    def drawn(self) -> Drawn:
        svg = element(None, "svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {_WIDE} {self.high}", role="img")
        svg.set("class", "map")
        svg.set("font-family", "sans-serif")
        svg.set("aria-labelledby", f"{self.mark}-title")
        element(svg, "title", id=f"{self.mark}-title").text = self._says()
        element(svg, "rect", width=_WIDE, height=self.high, fill="#eef1f3")
        self._ground(svg)
        stood, is_abreast = self._stood()
        self._signs(svg, stood)
        left_out = self._names(svg, stood)
        self._around(svg)
        return Drawn(svg, tuple(self._notes(stood, is_abreast=is_abreast, left_out=left_out)))

    def _says(self) -> str:
        told = [words for _, words in counted(self.block, self.language)]
        return seen(say_in(self.language, "classed.words", caption=self.block.caption, told="; ".join(told)))

    def _notes(self, stood: Sequence[Pair], *, is_abreast: bool, left_out: int) -> Iterator[str]:
        if any(not site.is_firm for site in self.block.sites):
            yield say_in(self.language, "picture.hollow")
        missing = len(self.block.sites) - len(self.sites)
        outside = sum(not (0 <= x <= _WIDE and 0 <= y <= self.high) for x, y in stood)
        for key, count in (("missing", missing), ("outside", outside), ("unnamed", left_out)):
            if count:
                yield say_in(self.language, f"picture.{key}", count=count)
        if is_abreast:
            yield say_in(self.language, "picture.beside")
        if not self.boundary.is_empty:
            yield say_in(self.language, "classed.towns")
        number = self.block.ground.get("map_approval_number")
        key = "map.approval_given" if number else "map.approval_missing"
        yield say_in(self.language, key, number=number)

    # ---- the ground ----

    def _ground(self, svg: ET.Element) -> None:
        self._area(svg, self.boundary, fill="#fff", stroke="none")
        for shape in self._towns().values():
            self._area(svg, shape, fill="none", stroke="#c9d0d6", stroke_width=1)
        self._area(svg, self.boundary, fill="none", stroke=GREY, stroke_width=1.8)
        places = element(svg, "g", class_="places", fill="#b7bfc6")
        names = {town["id"]: str(town["name"]) for town in self.district["towns"]}
        for place, spot in zip(self.places, self.ground, strict=True):
            x, y = self.at(spot)
            dot = element(places, "circle", cx=px(x), cy=px(y), r="2")
            told = (str(place["name"]), names.get(place["town"], ""))
            element(dot, "title").text = " · ".join(short(seen(part), 80) for part in told if part)

    def _towns(self) -> dict[str, Any]:
        if self.boundary.is_empty:
            return {}
        found = self.areas.towns()
        return {town: metric_shape(shape, *self.system) for town, shape in found.items() if not shape.is_empty}

    def _area(self, svg: ET.Element, shape: Any, **look: object) -> None:
        path = outline(shapely.simplify(shape, _STRAIGHTENED / self.scale), self.at)
        if path:
            element(svg, "path", d=path, fill_rule="evenodd", **look)

    # ---- the sites ----

    @property
    def size(self) -> float:
        return _SMALL if len(self.sites) > _MANY else _LARGE

    def _stood(self) -> tuple[list[Pair], bool]:
        """Return where the sites stand [pixels], few on one spot side by side, and whether any do."""
        stood = [self.at(spot) for spot in self.spots]
        of_spot: dict[Pair, list[int]] = {}
        for number, (x, y) in enumerate(stood):
            of_spot.setdefault((round(x / 2), round(y / 2)), []).append(number)
        crowds = [found for found in of_spot.values() if 1 < len(found) <= _ABREAST]
        for found in crowds:
            for place, number in enumerate(found):
                x, y = stood[number]
                stood[number] = x + 2.1 * self.size * (place - (len(found) - 1) / 2), y
        return stood, bool(crowds)

    def _signs(self, svg: ET.Element, stood: Sequence[Pair]) -> None:
        """Draw the sites, those of the first class last, so that no other hides them."""
        order = {group.key: at for at, group in enumerate(self.block.classes)}
        pairs = sorted(zip(self.sites, stood, strict=True), key=lambda pair: (-order[pair[0].group], pair[0].id))
        layer = element(svg, "g", class_="sites")
        for site, at in pairs:
            group = self.groups[site.group]
            made = element(layer, "g", data_id=seen(site.id), data_class=group.key)
            if not site.is_firm:
                made.set("data-estimated", "yes")
            told = (site.name, site.town, group.name, _position(site, self.language), site.note)
            element(made, "title").text = " · ".join(short(seen(part), 200) for part in told if part)
            _sign(made, group, at, self.size, is_hollow=not site.is_firm)

    # ---- names, scale, north ----

    def _names(self, svg: ET.Element, stood: Sequence[Pair]) -> int:
        """Write the names of the towns where they fit, and return how many do not."""
        taken: list[Box] = []
        signs = [box_around(at, self.size) for at in stood]
        written = 0
        names = self._named()
        for name, middle in names:
            x, y = middle
            wide = breadth(name, _LETTER)
            boxes = [
                (left, base - _LETTER, left + wide, base + 3)
                for aside, down in _AROUND_NAME
                for left, base in ((x - wide / 2 + aside, y + 5 + down),)
            ]
            free = [
                box
                for box in boxes
                if box[0] > 2
                and box[2] < _WIDE - 2
                and box[1] > 2
                and box[3] < self.high - 2
                and not any(meet(box, other) for other in taken)
            ]
            if not free:
                continue
            box = min(free, key=lambda box: (sum(meet(box, sign) for sign in signs), boxes.index(box)))
            taken.append(box)
            look = {"paint_order": "stroke", "stroke": "#fff", "stroke_width": 3.5, "stroke_linejoin": "round"}
            made = element(
                svg, "text", x=px(box[0]), y=px(box[3] - 3), font_size=_LETTER, font_weight="bold", fill="#2b333b",
                pointer_events="none", **look,
            )  # fmt: skip
            made.text = name
            written += 1
        return len(names) - written

    def _named(self) -> list[tuple[str, Pair]]:
        """Return the names of the towns with where they stand best."""
        shapes = self._towns()
        found = []
        for town in self.district["towns"]:
            shape = shapes.get(town["id"])
            members = [at for at, place in enumerate(self.places) if place["town"] == town["id"]]
            if shape is not None:
                spot = np.array(shape.representative_point().coords[0])
            elif members:
                spot = self.ground[members].mean(axis=0)
            else:
                continue
            found.append((short(seen(str(town["name"])), _LONGEST), self.at(spot)))
        return found

    def _around(self, svg: ET.Element) -> None:
        box = {"x": 0, "y": self.high - 26, "width": 190, "height": 26, "fill": "#fff", "fill_opacity": ".85"}
        element(svg, "rect", **box)
        scale_bar(svg, self.scale, (12.0, self.high - 9.0), _WIDE / 8)
        north = element(svg, "g", transform=f"translate({_WIDE - 24} 12)")
        element(north, "path", d="M0 0l6 18h-12z", fill=INK)
        told = say_in(self.language, "map.north")
        element(north, "text", x=0, y=32, text_anchor="middle", font_size=12, fill=INK).text = told


# Where a town's name may stand, aside from its best spot and below it [pixels].
_AROUND_NAME = tuple((aside, down) for down in (0, -18, 18, -34, 34, -50, 50) for aside in (0, -30, 30))


def _sign(above: ET.Element, group: SiteClass, at: Pair, r: float, *, is_hollow: bool) -> None:
    """Draw the sign of a class with its letter: hollow where the position is estimated."""
    x, y = at
    fill, ink = ("#fff", group.colour) if is_hollow else (group.colour, _on(group.colour))
    look = {"fill": fill, "stroke": group.colour if is_hollow else "#fff", "stroke_width": 1.6 if is_hollow else 0.8}
    corners = _CORNERS.get(group.sign)
    if corners is None:
        element(above, "circle", cx=px(x), cy=px(y), r=px(r), **look)
    else:
        wide = r * _FACTORS[group.sign]
        points = " ".join(f"{px(x + wide * a)},{px(y + wide * b)}" for a, b in corners)
        element(above, "polygon", points=points, **look)
    down = {"triangle": 0.56, "down": 0.2}.get(group.sign, 0.38)
    size = r * (1.05 if group.sign in ("triangle", "down", "diamond") else 1.25)
    letter = element(
        above, "text", x=px(x), y=px(y + down * r), text_anchor="middle", font_size=px(size), font_weight="bold",
        fill=INK if is_hollow else ink, pointer_events="none",
    )  # fmt: skip
    letter.text = group.letter


_CORNERS: Mapping[str, tuple[Pair, ...]] = {
    "square": ((-1, -1), (1, -1), (1, 1), (-1, 1)),
    "triangle": ((0, -1.1), (1.05, 0.8), (-1.05, 0.8)),
    "down": ((0, 1.1), (1.05, -0.8), (-1.05, -0.8)),
    "diamond": ((0, -1), (1, 0), (0, 1), (-1, 0)),
    "cross": (
        (-0.4, -1.1), (0.4, -1.1), (0.4, -0.4), (1.1, -0.4), (1.1, 0.4), (0.4, 0.4), (0.4, 1.1), (-0.4, 1.1),
        (-0.4, 0.4), (-1.1, 0.4), (-1.1, -0.4), (-0.4, -0.4),
    ),
}  # fmt: skip


def _on(colour: str) -> str:
    """Return the colour of letters that read on a colour: white on what is dark.

    >>> _on("#0072b2"), _on("#f0e442")
    ('#ffffff', '#1d2329')
    """
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return "#ffffff" if 0.299 * red + 0.587 * green + 0.114 * blue < 150 else INK
