"""From where open sites are reached by road within the planned circle: areas, as plan.json carries them."""

from typing import Any

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, mapping, shape

from allocate.calibration import calibrations, corrected
from allocate.case import Case
from allocate.district import District
from allocate.errors import Problem, UsageError
from allocate.layout import Layout
from allocate.model import Model
from allocate.road_times import observed_times
from allocate.thiessen import only, polygons
from allocate.travel import Mode, metric
from allocate.travel.links import HOW
from allocate.travel.network import RoadNetwork
from allocate.travel.points import Integers, Metric, degrees
from allocate.travel.reach import area, simplified
from allocate.travel.times import ROUNDED
from allocate.units import SECONDS_PER_MINUTE

# Decimals of a degree: a tenth of a metre.
DIGITS = 6


def isochrones(district: District, model: Model, case: Case, layout: Layout) -> list[dict[str, Any]]:
    """Return from where an open site is within the planned circle by road, by mode and plan year.

    A year in which no site opens or closes has no entry: the one before still holds. People travel to the site, in
    the modes that everybody has. There is nothing where the planned circle has no minutes, or no mode that uses roads.
    """
    ring = model.circles[model.circle]
    if district.roads is None or ring.seconds is None:
        return []
    found = []
    for name in common_by_road(district, model, case):
        before: tuple[int, ...] | None = None
        for t, year in enumerate(case.years):
            sites = tuple(sorted(j for j, u in layout.open if u == t and case.sites[j].kind in ring.kinds))
            if sites != before:
                before = sites
                spots = case.spots[list(sites)]
                held = case.place_spots[_served_by_road(case, sites)]
                whole = _area(district.roads, case.modes[name], spots, ring.seconds, held)
                found.append({"year": year, "mode": name, "geometry": _plain(in_degrees(whole, district))})
    return found


def isochrone(district: District, model: Model, lon: float, lat: float, minutes: float, mode: str) -> MultiPolygon:
    """Return from where a spot is reached by road within some minutes, in degrees of the district's datum.

    People travel to the spot, which is an existing site, a candidate or any other position. Off the roads they get as
    far as the mode's `access_kmh` and `access_metres` allow, and across no barrier. What the area says is good to some
    ten metres. It is cut off at the boundary of the district. For an institution of the district:
    `isochrone(district, model, one.lon, one.lat, 15, "e_bike")`.

    Raises
    ------
    UsageError
        When the district has no roads, or the model has no such mode, or the mode uses no roads.
    """
    known = [name for name, one in model.modes.items() if one.roads is not None]
    if district.roads is None or mode not in known:
        raise UsageError([Problem("isochrone.none", details={"mode": mode, "modes": "、".join(known)})])
    spot = metric([(lon, lat)], district.datum, district.epsg)
    corrected_modes = corrected(model, calibrations(district, model, observed_times(district, model))).modes
    whole = _area(district.roads, corrected_modes[mode], spot, round(minutes * SECONDS_PER_MINUTE), np.zeros((0, 2)))
    return in_degrees(whole, district)


def common_by_road(district: District, model: Model, case: Case) -> list[str]:
    """Return the modes of the planned circle that everybody has and whose times come from roads."""
    ring = model.circles[model.circle]
    return [
        name
        for name in (ring.levels[0].modes if ring.levels else ring.modes)
        if name not in district.listed_modes and case.roads is not None and name in case.roads.modes
    ]


def _served_by_road(case: Case, sites: tuple[int, ...]) -> Integers:
    """Return the places that have one of some sites in reach by road."""
    by_road = (case.links.how == HOW.index("network")) & (case.links.levels == 0)
    kept = by_road & np.isin(case.links.sites, sites)
    return np.unique(case.links.places[kept])


def _area(network: RoadNetwork, mode: Mode, sites: Metric, seconds: int, held: Metric) -> shapely.Geometry:
    """Return the area of some sites [m]: by road, and around sites too far from any road along straight lines."""
    assert mode.roads is not None
    # (At the speeds of the mode: where it is slower than they say, it gets as far as they do in less time.)
    whole, off = area(network, mode.roads, sites.round(ROUNDED), int(seconds / mode.slowness))
    around: Any = shapely.buffer(shapely.points(sites[off]), int(seconds / mode.seconds_per_metre), quad_segs=8)
    return simplified(shapely.union_all([whole, *around]), held)


def in_degrees(whole: shapely.Geometry, district: District) -> MultiPolygon:
    """Return an area in degrees, on a grid of `DIGITS` decimals, cut off at the boundary."""
    grid = 10.0**-DIGITS
    turned = shapely.transform(whole, lambda spots: degrees(spots, district.datum, district.epsg))
    # (What was simplified may touch itself once it is turned and rounded: first the points, then the area is mended,
    # hole by hole, so that one that crosses the edge by a hair is not filled.)
    rounded = shapely.set_precision(turned, grid, mode="pointwise")
    found = only(polygons([shapely.make_valid(rounded, method="structure", keep_collapsed=False)]))
    if district.boundary:
        boundary = polygons([shape(dict(district.boundary))])[0]
        found = shapely.intersection(found, boundary, grid_size=grid)
    return only(polygons([found]))


def _plain(area: MultiPolygon) -> dict[str, Any]:
    """Return an area as GeoJSON has it, rounded."""
    parts: Any = mapping(area)["coordinates"]
    return {
        "type": "MultiPolygon",
        "coordinates": [[[[round(x, DIGITS), round(y, DIGITS)] for x, y in ring] for ring in rings] for rings in parts],
    }
