"""Areas for maps: the ground of every place and town, and from where an open site is within the circle."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from scipy.spatial import cKDTree
from shapely.geometry import MultiPolygon, shape

from allocate.calibration import slowness_of
from allocate.tables import ENDS
from allocate.thiessen import CRUMB, Array, Cells, Shapes, array, only, polygons, within
from allocate.travel import Circle, Mode, metric
from allocate.travel.points import degrees, metric_shape

# Sides of a quarter of a disc: its area falls short of the circle's by 0.6 %.
QUARTER_SIDES = 8


def boundary_of(content: Mapping[str, Any]) -> MultiPolygon:
    """Return the boundary of a plan's district, made valid [°]."""
    return Areas(content).boundary


def place_cells(content: Mapping[str, Any]) -> dict[str, MultiPolygon]:
    """Return the part of the district that lies nearest to each place, by the place's id [°]; see `Areas.places`."""
    return Areas(content).places()


def town_areas(content: Mapping[str, Any]) -> dict[str, MultiPolygon]:
    """Return the ground of every town that has places, by the town's id [°]; see `Areas.towns`."""
    return Areas(content).towns()


def reach_areas(content: Mapping[str, Any]) -> dict[int, MultiPolygon]:
    """Return from where an open site is within the planned circle, by plan year [°]; see `Areas.reach`."""
    return Areas(content).reach()


@dataclass(frozen=True)
class Areas:
    """The areas of one plan; whoever wants several asks one of these, and the cells are made once.

    All is worked out in the district's metric reference system and given in degrees of the district's datum.

    Attributes
    ----------
    content
        What plan.json says.
    """

    content: Mapping[str, Any]

    @cached_property
    def boundary(self) -> MultiPolygon:
        """Return the boundary, made valid [°]."""
        geometry = self.content["district_data"]["boundary"]
        return only(polygons([shape(geometry)] if geometry else []))

    def places(self) -> dict[str, MultiPolygon]:
        """Return each place's cell: what lies nearer to it than to any other place, cut off at the boundary [°].

        After Voronoi 1908 (Journal für die reine und angewandte Mathematik 134). Places on one spot share a cell:
        the first of them has it, the others have an empty one. So has a place far outside the boundary, and one that
        has no position.
        """
        cells = self._degrees(within(self._cells.shapes, self._ground))
        found = {place["id"]: MultiPolygon() for place in self.content["district_data"]["places"]}
        return found | {place: cells[spot] for place, spot in self._cells.owners.items()}

    def towns(self) -> dict[str, MultiPolygon]:
        """Return each town's area: the cells of its places, cut off at the boundary [°].

        Boundaries of towns are not published. These are an approximation, after Thiessen 1911 (Monthly Weather
        Review 39): ground belongs to the town of the nearest place. They do not overlap, and together they fill the
        boundary. A town without places is absent; one whose places share spots with those of others may be empty.
        """
        town_of = {place["id"]: place["town"] for place in self._places}
        spots: dict[str, list[int]] = {town_of[place]: [] for place in self._cells.spot_of}
        for place, spot in self._cells.owners.items():
            spots[town_of[place]].append(spot)
        towns = sorted(spots)
        unions = [shapely.union_all(self._cells.shapes[spots[town]]) for town in towns]
        return dict(zip(towns, self._degrees(within(array(unions), self._ground)), strict=True))

    def reach(self) -> dict[int, MultiPolygon]:
        """Return from where an open site is within the planned circle, by plan year [°].

        Discs around the open sites, as wide as the planned circle's straight lines; and the cells of the places that
        have a site in reach beyond these: in an adjoining place, in their own, or by the planner's own times. A mode
        that the planner's own times list uses no straight lines, so it draws no disc; one that goes by road has the
        area that the plan carries instead (`isochrones`). Where not everybody has every mode, only the ways to travel
        that everybody has count. Every place in the district with an open site in reach lies inside. The other way
        does not hold: a site may serve villages only, and a place of another kind beside it has none in reach.

        A plan that does not carry its settings says nothing of its circle: then there is no area at all.
        """
        settings = self.content.get("settings") or {}
        if not settings.get("circles"):
            return {}
        circle = Circle.model_validate(settings["circles"][settings["circle"]])
        radius = self._radius(circle, settings["modes"])
        in_reach = self._in_reach()
        made: dict[tuple[Any, ...], MultiPolygon] = {}
        found = {}
        for year in self.content["years"]:
            sites = self._open_sites(year, circle.kinds)
            spots = in_reach.get(year, frozenset())
            # Often nothing changes from one plan year to the next.
            by_road = self._by_road(year)
            key = sites, spots, by_road
            if key not in made:
                made[key] = self._reached(np.array(sites, dtype=np.float64).reshape(-1, 2), spots, radius, by_road)
            found[year] = made[key]
        return found

    @cached_property
    def _places(self) -> list[Mapping[str, Any]]:
        return [place for place in self.content["district_data"]["places"] if None not in (place["lon"], place["lat"])]

    @cached_property
    def _ground(self) -> MultiPolygon:
        """Return the boundary [m]."""
        return only(polygons([metric_shape(self.boundary, *self._system)], CRUMB))

    @cached_property
    def _cells(self) -> Cells:
        positions = np.array([(place["lon"], place["lat"]) for place in self._places], dtype=np.float64).reshape(-1, 2)
        return Cells.of([place["id"] for place in self._places], self._metres(positions), self._ground)

    @cached_property
    def _system(self) -> tuple[str, int]:
        """Return datum and metric reference system."""
        return self.content["district_data"]["datum"], self.content["district_data"]["epsg"]

    def _metres(self, spots: Array) -> Array:
        return metric(spots, *self._system)

    def _degrees(self, shapes: Shapes) -> Shapes:
        return polygons(shapely.transform(array(shapes), lambda spots: degrees(spots, *self._system)))

    def _radius(self, circle: Circle, modes: Mapping[str, Any]) -> int:
        """Return the longest straight line within a circle [m], adjoining places aside."""
        listed = {mode for _, _, mode, _ in self.content["district_data"].get("travel", ())}
        listed |= set((self.content.get("road_times") or {}).get("modes", ()))
        lines = [circle.metres or 0]
        if circle.seconds is not None:
            common = circle.levels[0].modes if circle.levels else circle.modes
            drawn = [name for name in common if name not in listed]
            slowed = [Mode.model_validate(modes[name]).slowed(slowness_of(self.content, name)) for name in drawn]
            lines += [int(circle.seconds / mode.seconds_per_metre) for mode in slowed]
        return max(lines)

    @cached_property
    def _shares(self) -> Mapping[str, float]:
        """Return the share of people who have each way to travel of the planned circle, where it says so."""
        settings = self.content["settings"]
        return settings["circles"][settings["circle"]].get("shares") or {}

    def _in_reach(self) -> dict[int, frozenset[int]]:
        """Return the spots with an open site in reach of everybody, by year: the plan states the minutes."""
        found: dict[int, set[int]] = {}
        for row in self.content["places"]:
            by_all = row.get("modes") is None or 1 in (self._shares.get(mode) for mode in row["modes"])
            if by_all and row["minutes"] is not None and row["id"] in self._cells.spot_of:
                found.setdefault(row["year"], set()).add(self._cells.spot_of[row["id"]])
        return {year: frozenset(spots) for year, spots in found.items()}

    def _by_road(self, year: int) -> tuple[int, ...]:
        """Return which of the plan's areas by road hold in a year: of every mode the last up to then."""
        latest = {
            row["mode"]: n
            for n, row in sorted(enumerate(self.content.get("isochrones", ())), key=lambda entry: entry[1]["year"])
            if row["year"] <= year
        }
        return tuple(sorted(latest.values()))

    def _open_sites(self, year: int, kinds: Sequence[str]) -> tuple[tuple[float, float], ...]:
        """Return where the sites of some kinds stand that are open in a year [°], in order."""
        rows = [row for row in self.content["sites"] if row["year"] <= year and row["kind"] in kinds]
        latest = {row["id"]: row for row in sorted(rows, key=lambda row: int(row["year"]))}
        return tuple(sorted({(row["lon"], row["lat"]) for row in latest.values() if row["action"] not in ENDS}))

    def _reached(self, sites: Array, spots: frozenset[int], radius: int, by_road: tuple[int, ...]) -> MultiPolygon:
        metres = self._metres(sites)
        beyond = sorted(spots)
        roads = polygons([shape(self.content["isochrones"][n]["geometry"]) for n in by_road])
        roads = array(shapely.transform(roads, self._metres))
        for area in roads:
            held = shapely.contains_xy(area, *self._cells.points[beyond].T)
            beyond = [spot for spot, inside in zip(beyond, held.tolist(), strict=True) if not inside]
        discs = array([])
        if radius and len(metres):
            centres = array([shapely.Point(x, y) for x, y in metres.tolist()])
            discs = shapely.buffer(centres, radius, quad_segs=QUARTER_SIDES)
            # Between a disc's sides and the circle there is room for a place: there too its cell is added.
            surely = max(0.0, radius * math.cos(math.pi / (4 * QUARTER_SIDES)) - 1)
            nearest = np.asarray(cKDTree(metres).query(self._cells.points[beyond])[0])
            beyond = np.array(beyond)[nearest > surely].tolist()
        whole = shapely.union_all(np.concatenate([discs, roads, self._cells.shapes[beyond]]))
        return only(self._degrees(within(array([whole]), self._ground)))
