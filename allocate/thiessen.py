"""The ground nearest to each of some points (Thiessen cells), and shapes cut off at a boundary."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPoint, MultiPolygon

Array = NDArray[np.float64]
Shapes = NDArray[np.object_]

# Places nearer to one another than this stand on one spot [m, as decimals]; crumbs below this area are dropped [m²].
_SPOT_DECIMALS = 2
CRUMB = 1e-3


@dataclass(frozen=True)
class Cells:
    """The cells of places, not yet cut off at the boundary.

    Attributes
    ----------
    points
        Where places stand, every spot once [m].
    shapes
        The cell of every spot [m].
    spot_of
        Index of the spot on which a place stands, by the place's id.
    """

    points: Array
    shapes: Shapes
    spot_of: Mapping[str, int]

    @classmethod
    def of(cls, places: Sequence[str], metres: Array, ground: MultiPolygon) -> "Cells":
        """Return the cells of places that stand at some points [m]."""
        # The spots come sorted, so that the order of the places does not matter for the cells.
        points, spots = np.unique(metres.round(_SPOT_DECIMALS), axis=0, return_inverse=True)
        return cls(points, voronoi(points, ground), dict(zip(places, spots.ravel().tolist(), strict=True)))

    @property
    def owners(self) -> dict[str, int]:
        """Return the spot of every place that is the first on it."""
        first: dict[int, str] = {}
        for place, spot in self.spot_of.items():
            first.setdefault(spot, place)
        return {place: spot for spot, place in first.items()}


def voronoi(points: Array, ground: MultiPolygon) -> Shapes:
    """Return what lies nearer to each point than to any other, within and a good way around the ground."""
    if not len(points):
        return array([])
    west, south, east, north = shapely.total_bounds(array([ground, MultiPoint(points)])).tolist()
    # Four far points close every cell, even where there is one point only or all lie on a line. From a circle that
    # holds everything they are more than three radii away from its middle: nothing in it is nearest to them.
    far = 4 * max(east - west, north - south, 1000.0)
    middle = np.array([(west + east) / 2, (south + north) / 2])
    corners = middle + far * np.array([(-1, -1), (-1, 1), (1, -1), (1, 1)])
    cells = shapely.voronoi_polygons(MultiPoint(np.vstack([points, corners])), ordered=True)
    return array(shapely.get_parts(cells)[: len(points)])


def within(shapes: Shapes, ground: MultiPolygon) -> Shapes:
    """Return what of each shape lies on the ground, in parts that have an area."""
    shapely.prepare(ground)
    crossing = ~shapely.contains_properly(ground, shapes)
    cut = shapes.copy()
    cut[crossing] = shapely.intersection(shapes[crossing], ground)
    return polygons(cut, CRUMB)


def polygons(shapes: Sequence[shapely.Geometry] | Shapes, crumb: float = 0.0) -> Shapes:
    """Return each shape as a valid MultiPolygon in its normal form, without lines, points and crumbs."""
    valid = array(shapes)
    broken = ~shapely.is_valid(valid)
    valid[broken] = shapely.make_valid(valid[broken])
    # A collection may hold a MultiPolygon: its parts are parts of parts.
    parts, owners = shapely.get_parts(valid, return_index=True)
    parts, inner = shapely.get_parts(parts, return_index=True)
    owners = owners[inner]
    kept = (shapely.get_type_id(parts) == shapely.GeometryType.POLYGON) & (shapely.area(parts) > crumb)
    found = array([MultiPolygon()] * len(valid))
    shapely.multipolygons(parts[kept], indices=owners[kept], out=found)
    return array(shapely.normalize(found))


def only(shapes: Shapes) -> MultiPolygon:
    """Return the only shape, or an empty one where there is none."""
    first: MultiPolygon = shapes[0] if len(shapes) else MultiPolygon()
    return first


def array(shapes: Sequence[shapely.Geometry] | Shapes) -> Shapes:
    """Return shapes as an array of their own, even where there is none."""
    found = np.empty(len(shapes), dtype=object)
    found[:] = shapes
    return found
