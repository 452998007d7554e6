"""A picture of a plan in the making: what is drawn in it, where, in which sizes and colours."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import shapely

from allocate.draw.canvas import INK, Point
from allocate.draw.lettering import Lettering, plain
from allocate.draw.pictured import STEPS, Pictured, Site, Spot, rank
from allocate.report.blocks import What
from allocate.tables import HUB_KINDS
from allocate.travel.points import metric
from allocate.words import Language, say_in

# The picture whose sizes are told below [px].
USUAL = 1600
# The colours and shapes of the page (maps/page.js): Okabe & Ito's, told apart with any colour vision.
COLOURS = {
    "served": "#009e73", "posted": "#cc79a7", "rounds": "#56b4e9", "no_capacity": "#e69f00", "out_of_range": "#d55e00",
    "unknown": "#777777",
}  # fmt: skip
SHAPES = {
    "served": "circle", "posted": "plus", "rounds": "barred", "no_capacity": "triangle", "out_of_range": "diamond",
}  # fmt: skip
SIZES = {
    "clinic": 8.5, "station": 9.5, "ems_station": 9.0, **dict.fromkeys(HUB_KINDS, 11.0), "hospital": 14.0,
    "hospital_site": 14.0,
}  # fmt: skip
# ColorBrewer's Purples, one for each of `STEPS`: the fewer are served, the darker.
STEP_COLOURS = ("#756bb1", "#9e9ac8", "#bcbddc", "#dadaeb", "#f6f4fa")
GROUND, PAPER_WHITE, TOWN_LINE, EDGE, QUIET, DOT = "#eef1f3", "#ffffff", "#b9c0c8", "#59636d", "#4d5761", "#aab2ba"
LARGE = (*HUB_KINDS, "hospital", "hospital_site")
CROWD, MANY_SITES = 3000, 600
# A picture of one spot shows so much round it [m], and beyond the boundary it shows such a share of the district.
_AROUND, _BEYOND = 1000.0, 0.25
# A name in the map is cut at such a share of its breadth; on one spot so many sites stand side by side.
_LONGEST = 30  # letters of a name of a district in a title
NAME, ABREAST = 0.24, 6


@dataclass(frozen=True)
class View:
    """Where positions stand in the picture.

    Attributes
    ----------
    west, north
        The upper left corner of the map [m].
    metres
        Of a point of the picture [m/px].
    left, top, wide, high
        The frame of the map [px].
    datum, epsg
        Datum and metric reference system.
    """

    west: float
    north: float
    metres: float
    left: int
    top: int
    wide: int
    high: int
    datum: str
    epsg: int

    def at(self, spots: Sequence[tuple[float, float]]) -> list[Point]:
        """Return where positions [°] stand in the map, from its upper left corner [px]."""
        found = metric(spots, self.datum, self.epsg)
        return [((x - self.west) / self.metres, (self.north - y) / self.metres) for x, y in found.tolist()]

    def shows(self, at: Point) -> bool:
        """Tell whether a position lies within the map."""
        return 0 <= at[0] <= self.wide and 0 <= at[1] <= self.high


@dataclass(frozen=True)
class Plate:
    """One picture in the making: its parts and their sizes.

    Attributes
    ----------
    pictured
        What is drawn.
    year, what
        Of which year, and which sort.
    width
        How broad the picture is [px].
    """

    pictured: Pictured
    year: int
    what: What
    width: int

    @property
    def unit(self) -> float:
        """Return how much larger it is than the usual one."""
        return self.width / USUAL

    def px(self, size: float) -> int:
        """Return a size of the usual picture in this one [px]."""
        return max(1, round(size * self.unit))

    def text(self, size: float, colour: str = INK, bold: float = 0) -> Lettering:
        """Return letters of a size of the usual picture."""
        return Lettering(max(8, self.px(size)), colour, bold * self.unit)

    def say(self, key: str, **values: object) -> str:
        """Return a text in the language of the picture."""
        return say_in(self.pictured.language, key, **values)

    @cached_property
    def spots(self) -> list[Spot]:
        """Return the places, the largest first, so that small ones stay in sight, and the worst served last."""
        found = self.pictured.places(self.year)
        return sorted(found, key=lambda spot: (rank(spot.status), -spot.people, spot.lon, spot.lat))

    @cached_property
    def sites(self) -> list[Site]:
        """Return the sites, the large kinds last."""
        found = self.pictured.sites(self.year, since_today=self.what == "change")
        if self.what == "coverage":
            found = [site for site in found if site.kind in LARGE and site.state != "closed"]
        late = ("other", "kept", "upgraded", "opened", "moved", "closed")

        def order(site: Site) -> tuple[float, int, float, float]:
            return SIZES.get(site.kind, 9.0), late.index(site.state), site.lon or 0, site.lat or 0

        return sorted(found, key=order)

    @cached_property
    def line(self) -> dict[str, Any]:
        """Return the line of the year: people by status, open sites by kind."""
        return self.pictured.of_year(self.year)

    @cached_property
    def stood(self) -> list[tuple[Site, Point, Point | None]]:
        """Return the sites with where they stand in the map, and where they came from [px]; few on one spot abreast."""
        located = [site for site in self.sites if None not in (site.lon, site.lat)]
        at = self.view.at([(site.lon, site.lat) for site in located])
        for together in self._together(located, at):
            if 1 < len(together) <= ABREAST:
                wide = [2.3 * self.size_of(located[n]) for n in together]
                left = at[together[0]][0] - sum(wide) / 2
                for n, room in zip(together, wide, strict=True):
                    at[n] = left + room / 2, at[together[0]][1]
                    left += room
        return [
            (site, where, None if site.came_from is None else self.view.at([site.came_from])[0])
            for site, where in zip(located, at, strict=True)
        ]

    def _together(self, sites: Sequence[Site], at: Sequence[Point]) -> list[list[int]]:
        """Return the positions in a list of sites that stand on one spot; hubs and hospitals, where they would hide."""
        of_spot: dict[Point, list[int]] = {}
        for n, spot in enumerate(at):
            key = round(spot[0], 1), round(spot[1], 1)
            if sites[n].kind in LARGE:
                near = (of for of in of_spot if math.dist(of, key) < self.size_of(sites[n]))
                key = next(near, key)
            of_spot.setdefault(key, []).append(n)
        return list(of_spot.values())

    @cached_property
    def is_abreast(self) -> bool:
        """Tell whether sites stand side by side that would lie on one another."""
        located = [site for site, _, _ in self.stood]
        at = self.view.at([(site.lon, site.lat) for site in located])
        return any(1 < len(found) <= ABREAST for found in self._together(located, at))

    @cached_property
    def _crowded(self) -> bool:
        return len(self.sites) > MANY_SITES

    def size_of(self, site: Site) -> float:
        """Return how large a site is drawn, from its middle to its edge [px]."""
        faint = self.what == "change" and site.state in ("kept", "other")
        return self.unit * SIZES.get(site.kind, 9.0) * (0.7 if self._crowded else 1.0) * (0.75 if faint else 1.0)

    @cached_property
    def middles(self) -> dict[str, Point]:
        """Return where each town's name stands best in the map [px], by the town's id; towns nowhere left out."""
        spots = {town: shape.representative_point().coords[0] for town, shape in self.pictured.towns.items()}
        for town in self.pictured.district["towns"]:
            if None not in (town.get("lon"), town.get("lat")):
                spots.setdefault(town["id"], (town["lon"], town["lat"]))
        places: dict[str, list[tuple[float, float]]] = {}
        for place in self.pictured.district["places"]:
            if None not in (place["lon"], place["lat"]):
                places.setdefault(place["town"], []).append((place["lon"], place["lat"]))
        for town, found in places.items():
            spots.setdefault(town, tuple(np.mean(found, axis=0).tolist()))
        return dict(zip(spots, self.view.at(list(spots.values())), strict=True))

    @property
    def missing(self) -> int:
        """Return how many points that would be drawn have no position."""
        counted = 0 if self.what != "sites" else sum(self.pictured.by_status(self.year).values()) - len(self.spots)
        return counted + len(self.sites) - len(self.stood)

    @property
    def outside(self) -> int:
        """Return how many points lie outside the map."""
        spots = self.spots if self.what != "coverage" else []
        at = [*self.view.at([(spot.lon, spot.lat) for spot in spots]), *(at for _, at, _ in self.stood)]
        return sum(not self.view.shows(spot) for spot in at)

    @cached_property
    def view(self) -> View:
        """Return where the map stands: on the left, as high as the district is, within limits."""
        datum, epsg = self.pictured.district["datum"], self.pictured.district["epsg"]
        west, south, east, north = _extent(self, datum, epsg)
        left, wide = self.px(24), self.px(1120)
        margin = 1.06
        high = round(min(1.5, max(0.75, (north - south) / (east - west))) * wide)
        metres = max(margin * (east - west) / wide, margin * (north - south) / high)
        return View(
            (west + east) / 2 - metres * wide / 2,
            (north + south) / 2 + metres * high / 2,
            metres, left, self.px(136), wide, high, datum, epsg,
        )  # fmt: skip


def _extent(plate: Plate, datum: str, epsg: int) -> tuple[float, float, float, float]:
    """Return west, south, east and north of what is shown [m]: the district, and what stands not far beyond it."""
    spots = [(spot.lon, spot.lat) for spot in plate.spots]
    spots += [(site.lon, site.lat) for site in plate.sites if None not in (site.lon, site.lat)]
    found = metric(spots, datum, epsg)
    found = found[np.isfinite(found).all(axis=1)]
    boundary = plate.pictured.areas.boundary
    if not boundary.is_empty:
        box = shapely.get_coordinates(boundary)
        edge = metric([tuple(spot) for spot in box.tolist()], datum, epsg)
        low, high = edge.min(axis=0), edge.max(axis=0)
        beyond = _BEYOND * (high - low).max()
        near = ((found >= low - beyond) & (found <= high + beyond)).all(axis=1)
        found = np.concatenate([edge, found[near]])
    if not len(found):
        found = np.zeros((1, 2))
    low, high = found.min(axis=0), found.max(axis=0)
    middle, half = (low + high) / 2, np.maximum((high - low) / 2, _AROUND)
    west, south = (middle - half).tolist()
    east, north = (middle + half).tolist()
    return west, south, east, north


def district_name(pictured: Pictured) -> str:
    """Return what the district is called."""
    name = pictured.district["name"]
    told = plain(str(name[pictured.language] if isinstance(name, Mapping) else name))
    return told if len(told) <= _LONGEST else told[:_LONGEST] + "…"


def steps_of(counts: Mapping[int | None, int]) -> list[int | None]:
    """Return the steps that towns are in, the best first, and last those without people."""
    steps: list[int | None] = [step for step in reversed(range(len(STEPS))) if counts.get(step)]
    return [*steps, *([None] if counts.get(None) else [])]


def say_step(language: Language, step: int | None) -> str:
    """Return a step in words."""
    if step is None:
        return say_in(language, "picture.step_nobody")
    if step == len(STEPS) - 1:
        return say_in(language, "picture.step_all")
    low, high = (f"{100 * share:.0f}" for share in STEPS[step : step + 2])
    return say_in(language, "picture.step_from" if step else "picture.step_under", low=low, high=high)
