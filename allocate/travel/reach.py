"""From where roads lead to some positions in time, as an area: along the roads, and off them while time is left."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import sparse
from scipy.ndimage import distance_transform_edt
from scipy.sparse.csgraph import dijkstra

from allocate.travel.circles import OnRoads
from allocate.travel.dijkstra import Snapped, milliseconds, parts_of, quickest, snap
from allocate.travel.network import RoadNetwork, Shapes
from allocate.travel.points import Metric

# Sides of what stands for a disc: it lies around the circle, and is wider by half a percent at its corners.
_SIDES = 32
_WIDER = 1 / np.cos(np.pi / _SIDES)
# Squares of ground that is in reach for certain: so many to the farthest that one may live off a road.
_SQUARES = 8
# How far an area may be off once it is simplified [m], and the ground of a position that must not be lost by that [m].
TOLERANCE, _HELD = 5.0, 1.0
# A barrier is cut into parts of so many corners, so that each is looked at near itself only; it is as wide as this [m].
_CORNERS, _WALL = 16, 0.01
# Metres in a millisecond at 1 km/h, upside down; and what rounding may take from anybody [ms].
_KMH, _ROUNDING = 3600.0, 2


@dataclass(frozen=True)
class _Bits:
    """Bits of road in reach, and how far off them one may live at either end.

    Attributes
    ----------
    starts, ends
        Positions [m].
    near, far
        How far off the road at the start, and at the end [m].
    """

    starts: Metric
    ends: Metric
    near: Metric
    far: Metric

    def only(self, kept: NDArray[np.bool_]) -> "_Bits":
        """Return some of the bits."""
        return _Bits(self.starts[kept], self.ends[kept], self.near[kept], self.far[kept])


def area(
    network: RoadNetwork, on_roads: OnRoads, sites: Metric, seconds: int
) -> tuple[shapely.Geometry, NDArray[np.bool_]]:
    """Return from where one gets to a site within a time by road [m], and which sites are too far from any road.

    Every piece of road in reach, cut where the time is up, is as wide as what is left of the time allows at the speed
    off the roads, and never wider than `access_metres`; what lies beyond a barrier there is not filled. Everybody who
    is in reach by road lives inside. (The other way does not hold: who lives beside a road in reach, and nearer to
    another road that is not, is inside too.)
    """
    snapped = snap(network, on_roads, sites)
    if not snapped.on.any():
        return shapely.MultiPolygon(), ~snapped.on
    bits = _reached(network, on_roads, sites, snapped, milliseconds(seconds))
    walls = _walls(network.barriers)
    inner, bits = _inner(bits, float(on_roads.access_metres), walls)
    return shapely.union_all([*inner, _filled(bits, walls)]), ~snapped.on


def simplified(shape: shapely.Geometry, held: Metric) -> shapely.Geometry:
    """Return an area with fewer corners, off by `TOLERANCE` at most, that keeps some positions."""
    points: Any = shapely.points(held)
    drawn = shapely.simplify(shape, TOLERANCE)
    shapely.prepare(drawn)
    lost = points[~shapely.contains_properly(drawn, points)]
    lost = lost[shapely.distance(lost, shape) < _HELD] if len(lost) else lost
    if not len(lost):
        return drawn
    around = shapely.intersection(shapely.buffer(lost, 2 * TOLERANCE), shape)
    return shapely.union_all([drawn, *around, *shapely.buffer(lost, _HELD)])


def _reached(network: RoadNetwork, on_roads: OnRoads, sites: Metric, snapped: Snapped, limit: int) -> _Bits:
    nodes, parts, node_of = parts_of(network, on_roads, snapped)
    on = np.flatnonzero(snapped.on)
    # People go to the site: the search runs against the roads, from a node of its own that leads to every site.
    both = ~parts.one_way
    origin = len(nodes)
    rows, columns, weights = quickest(
        np.concatenate([parts.ends, parts.starts[both], np.full(len(on), origin)]),
        np.concatenate([parts.starts, parts.ends[both], node_of[on]]),
        np.concatenate([parts.times, parts.times[both], snapped.legs[on]]),
    )
    graph = sparse.csr_array((weights.astype(np.float64), (rows, columns)), shape=(origin + 1, origin + 1))
    left = limit + _ROUNDING - dijkstra(graph, indices=origin, limit=float(limit))
    a, b = nodes[parts.starts], nodes[parts.ends]
    times = np.maximum(parts.times, 1e-9)
    # What is left for those who leave a piece by its start, or by its end; below 0 where they cannot.
    by_start = np.where(both & np.isfinite(left[parts.starts]), left[parts.starts], -1.0)
    by_end = np.where(np.isfinite(left[parts.ends]), left[parts.ends], -1.0)
    # They part where it makes no difference.
    middle = np.clip((by_start - by_end + times) / (2 * times), 0, 1)
    middle = np.where(by_start < 0, 0.0, np.where(by_end < 0, 1.0, middle))
    to_start = np.minimum(middle, np.maximum(by_start, 0) / times)
    to_end = np.minimum(1 - middle, np.maximum(by_end, 0) / times)
    off = on_roads.access_kmh / _KMH
    most = float(on_roads.access_metres)
    found = []
    for here, there, time_left, share in ((a, b, by_start, to_start), (b, a, by_end, to_end)):
        # (Nobody lives off a road where nobody gets off it.)
        kept = (time_left >= 0) & ~parts.sealed
        p, q, rest, end, time = here[kept], there[kept], time_left[kept], share[kept], times[kept]
        # As wide as may be up to here; narrower from here on.
        wide = np.clip((rest - most / off) / time, 0, end)
        for low, high in ((np.zeros(len(end)), wide), (wide, end)):
            worth = (high > low) | ((low == 0) & (end == 0))
            span = (q - p)[worth]
            found.append(
                _Bits(
                    p[worth] + span * low[worth, None],
                    p[worth] + span * high[worth, None],
                    np.minimum(most, off * (rest - low * time)[worth]),
                    np.minimum(most, off * (rest - high * time)[worth]),
                )
            )
    # Whoever is as near as that needs no road.
    direct = np.full(len(on), min(most, off * limit))
    found.append(_Bits(sites[on], sites[on], direct, direct))
    return _Bits(*(np.concatenate([getattr(one, name) for one in found]) for name in ("starts", "ends", "near", "far")))


def _inner(bits: _Bits, most: float, walls: Shapes) -> tuple[Shapes, _Bits]:
    """Return ground that is in reach for certain, as oblongs, and the bits of road that reach beyond it.

    In the midst of roads most of them add nothing, and to join each of them takes many times as long.
    """
    side = most / _SQUARES
    low = np.floor((np.minimum(bits.starts, bits.ends).min(axis=0) - most * _WIDER) / side).astype(np.int64) - 1
    high = np.floor((np.maximum(bits.starts, bits.ends).max(axis=0) + most * _WIDER) / side).astype(np.int64) + 2
    middles, widths = (bits.starts + bits.ends) / 2, np.minimum(bits.near, bits.far)
    tree = shapely.STRtree(walls)
    sure = np.zeros(high - low, dtype=bool)
    for squares in range(2, _SQUARES + 1):
        # Whoever is so near to the middle of a bit that is at least so wide, both taken as squares, is in reach.
        wide = (widths >= squares * side) & (widths < (squares + 1) * side)
        seeds = np.unique(np.floor(middles[wide] / side).astype(np.int64), axis=0)
        if len(walls) and len(seeds):
            points: Any = shapely.points((seeds + 0.5) * side)
            near = tree.query(points, predicate="dwithin", distance=(squares + 1) * side)[0]
            seeds = np.delete(seeds, near, axis=0)
        if len(seeds):
            empty = np.ones(high - low, dtype=bool)
            empty[tuple((seeds - low).T)] = False
            sure |= distance_transform_edt(empty) <= squares - 2**0.5
    depth = distance_transform_edt(sure)[tuple((np.floor(middles / side).astype(np.int64) - low).T)]
    beyond = np.maximum(bits.near, bits.far) * _WIDER + np.hypot(*(bits.ends - bits.starts).T) / 2
    # Neighbouring squares of a column are one oblong.
    edges = np.diff(np.pad(sure.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    (column, first), (_, last) = np.nonzero(edges == 1), np.nonzero(edges == -1)
    left, bottom, top = ((low[0] + column) * side, (low[1] + first) * side, (low[1] + last) * side)
    inner: Shapes = np.array(shapely.box(left, bottom, left + side, top), dtype=object).reshape(-1)
    return inner, bits.only(depth < beyond / side + 2**0.5)


def _filled(bits: _Bits, walls: Shapes) -> shapely.Geometry:
    """Return the union of bits of road as wide as they are, each up to the barriers near it."""
    angles = np.arange(_SIDES) * (2 * np.pi / _SIDES)
    corners = np.column_stack([np.cos(angles), np.sin(angles)]) * _WIDER
    # (A disc that grows steadily along a line fills the hull of the first and the last.)
    rims = [
        spots[:, None, :] + np.maximum(width, _WALL)[:, None, None] * corners
        for spots, width in ((bits.starts, bits.near), (bits.ends, bits.far))
    ]
    shapes: Any = shapely.convex_hull(shapely.linestrings(np.concatenate(rims, axis=1)))
    if len(walls):
        tree = shapely.STRtree(walls)
        at, wall = tree.query(shapes, predicate="intersects")
        order = np.argsort(at, kind="stable")
        at, wall = at[order], wall[order]
        owners, first = np.unique(at, return_index=True)
        near = [shapely.union_all(walls[group]) for group in np.split(wall, first[1:]) if len(group)]
        if len(owners):
            roads: Any = shapely.linestrings(np.stack([bits.starts[owners], bits.ends[owners]], axis=1))
            pieces, of = shapely.get_parts(
                shapely.difference(shapes[owners], np.array(near, dtype=object)), return_index=True
            )
            # On a bit's own side of the barrier, or on both where it crosses.
            own = shapely.intersects(pieces, roads[of])
            shapes = np.concatenate([np.delete(shapes, owners), pieces[own]])
    return shapely.union_all(shapes)


def _walls(barriers: Shapes) -> Shapes:
    """Return barriers as thin areas of a few corners each."""
    chains = []
    for line in shapely.get_parts(shapely.get_parts(np.array([*barriers], dtype=object))):
        rings = shapely.get_rings(line) if line.geom_type == "Polygon" else [line]
        for ring in rings:
            spots = shapely.get_coordinates(ring)
            chains += [spots[n : n + _CORNERS + 1] for n in range(0, max(len(spots) - 1, 1), _CORNERS)]
    lines = [shapely.LineString(chain) for chain in chains if len(chain) > 1]
    found: Shapes = shapely.buffer(np.array(lines, dtype=object), _WALL, quad_segs=2)
    return found
