"""Times along roads between many positions: snapped to the roads, searched in windows, in whole milliseconds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import cKDTree

from allocate.travel.circles import OnRoads
from allocate.travel.network import ROAD_CLASSES, TRAVELLERS, RoadNetwork
from allocate.travel.points import Integers, Metric

# Times are added up in whole milliseconds, so that sums do not depend on their order.
_MS_PER_S = 1000
_MS_PER_METRE_AT_1_KMH = 3600.0
# A part of the roads that is shorter than this share of the longest part is no way out: nobody gets on there.
SMALL_PART = 0.01
# What is nearer to a node than this is at the node [m].
_AT_NODE = 0.01
# Sources searched together, and the size of the square that they come from, as a share of how far they get.
_BATCH = 64
_TILE = 0.5


@dataclass(frozen=True)
class Snapped:
    """Where positions get on the roads.

    Attributes
    ----------
    pieces
        Index of the piece of road; -1 where the position is off the network.
    along
        How far along the piece, from 0 at its start to 1 at its end.
    legs
        Time of the straight line to the road [ms].
    """

    pieces: Integers
    along: Metric
    legs: Integers

    @property
    def on(self) -> NDArray[np.bool_]:
        """Tell of every position whether it is on the network."""
        return self.pieces >= 0


@dataclass(frozen=True)
class Pairs:
    """Times between positions, as far as they were asked for; ordered by start, then end.

    Attributes
    ----------
    starts, ends
        Indices of positions.
    milliseconds
        Time of the quickest way [ms].
    """

    starts: Integers
    ends: Integers
    milliseconds: Integers


def usable(network: RoadNetwork, on_roads: OnRoads) -> NDArray[np.bool_]:
    """Tell of every piece of road whether a way to travel uses it."""
    speeds = _speeds(on_roads)
    closed = network.closed >> TRAVELLERS.index(on_roads.goes_as) & 1
    found: NDArray[np.bool_] = (speeds[network.classes] > 0) & (closed == 0)
    return found


def _speeds(on_roads: OnRoads) -> Metric:
    """Return the speed on every class of road [km/h]; 0 where it is not used."""
    return np.array([on_roads.speeds.get(name, 0.0) for name in ROAD_CLASSES])


def snap(network: RoadNetwork, on_roads: OnRoads, positions: Metric) -> Snapped:
    """Find where positions get on the roads: at the nearest point that no barrier keeps them from.

    Only pieces that the way to travel uses count, and only those in parts of the roads that lead anywhere (see
    `SMALL_PART`). The straight line to the road crosses no barrier.
    """
    count = len(positions)
    found = Snapped(np.full(count, -1), np.zeros(count), np.zeros(count, dtype=np.int64))
    pieces = np.flatnonzero(usable(network, on_roads) & _leads_on(network, usable(network, on_roads)))
    if not count or not len(pieces):
        return found
    a, b = network.nodes[network.starts[pieces]], network.nodes[network.ends[pieces]]
    lines: Any = shapely.linestrings(np.stack([a, b], axis=1))
    tree = shapely.STRtree(lines)
    points: Any = shapely.points(positions)
    (at, near), _ = tree.query_nearest(
        points, max_distance=on_roads.access_metres, all_matches=False, return_distance=True
    )
    walls = shapely.STRtree(network.barriers)
    blocked = at[_crosses(walls, positions[at], _foot(a, b, positions[at], near)[0])]
    clear = ~np.isin(at, blocked)
    chosen = dict(zip(at[clear].tolist(), near[clear].tolist(), strict=True))
    for i in blocked.tolist():
        around = tree.query(points[i], predicate="dwithin", distance=on_roads.access_metres)
        feet, _ = _foot(a, b, positions[np.full(len(around), i)], around)
        free = ~_is_crossed(walls, positions[np.full(len(around), i)], feet)
        if free.any():
            lengths = np.hypot(*(feet - positions[i]).T)
            chosen[i] = int(around[free][np.lexsort((around[free], lengths[free]))[0]])
    where = np.array(sorted(chosen), dtype=np.int64)
    which = np.array([chosen[i] for i in where.tolist()], dtype=np.int64)
    feet, along = _foot(a, b, positions[where], which)
    found.pieces[where] = pieces[which]
    found.along[where] = along
    lengths = np.hypot(*(feet - positions[where]).T)
    found.legs[where] = np.rint(lengths * _MS_PER_METRE_AT_1_KMH / on_roads.access_kmh).astype(np.int64)
    return found


def _foot(a: Metric, b: Metric, positions: Metric, pieces: Integers) -> tuple[Metric, Metric]:
    """Return the nearest point of a piece to each position [m], and how far along the piece it is."""
    start, along = a[pieces], b[pieces] - a[pieces]
    square = (along**2).sum(axis=1)
    share = ((positions - start) * along).sum(axis=1) / np.where(square > 0, square, 1)
    share = np.clip(share, 0, 1)
    return start + along * share[:, None], share


def _is_crossed(walls: shapely.STRtree, starts: Metric, ends: Metric) -> NDArray[np.bool_]:
    found = np.zeros(len(starts), dtype=bool)
    found[_crosses(walls, starts, ends)] = True
    return found


def _crosses(walls: shapely.STRtree, starts: Metric, ends: Metric) -> Integers:
    """Return the indices of the straight lines that a barrier crosses."""
    if not len(walls.geometries) or not len(starts):
        return np.zeros(0, dtype=np.int64)
    lines = shapely.linestrings(np.stack([starts, ends], axis=1))
    return np.unique(walls.query(lines, predicate="intersects")[0])


def _leads_on(network: RoadNetwork, used: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell of every used piece whether its part of the roads is large enough to lead anywhere."""
    if not used.any():
        return used
    count = len(network.nodes)
    ones = np.ones(int(used.sum()), dtype=np.int8)
    graph = sparse.coo_array((ones, (network.starts[used], network.ends[used])), shape=(count, count))
    part = connected_components(graph, directed=False)[1][network.starts]
    lengths = np.bincount(part[used], weights=network.metres[used], minlength=int(part.max()) + 1)
    found: NDArray[np.bool_] = used & (lengths[part] >= SMALL_PART * lengths.max())
    return found


@dataclass(frozen=True)
class Graph:
    """The roads as one way to travel sees them, with a node for every position that is on them.

    Attributes
    ----------
    times
        Time from node to node [ms].
    metres
        Position of every node [m].
    node_of
        Node at which each position gets on; -1 where it is off the network.
    snapped
        Where positions get on.
    positions
        The positions [m].
    fastest
        The highest speed on any road [m/ms].
    """

    times: Any
    metres: Metric
    node_of: Integers
    snapped: Snapped
    positions: Metric
    fastest: float


def graph_of(network: RoadNetwork, on_roads: OnRoads, positions: Metric) -> Graph:
    """Make the graph of a way to travel, in which every position is a node of its own, and bends are none."""
    snapped = snap(network, on_roads, positions)
    speeds = _speeds(on_roads)
    used = usable(network, on_roads)
    nodes, (starts, ends, lengths, parents), node_of = _split(network, used, snapped)
    time = np.rint(lengths * _MS_PER_METRE_AT_1_KMH / speeds[network.classes[parents]]).astype(np.int64)
    one_way = network.one_way[parents] if on_roads.goes_as == "car" else np.zeros(len(parents), dtype=bool)
    kept = np.zeros(len(nodes), dtype=bool)
    kept[node_of[node_of >= 0]] = True
    starts, ends, time, one_way = _without_bends(len(nodes), starts, ends, time, one_way, kept)
    there = starts != ends
    both = there & ~one_way
    rows = np.concatenate([starts[there], ends[both]])
    columns = np.concatenate([ends[there], starts[both]])
    weights = np.concatenate([time[there], time[both]])
    # (Of two pieces between the same nodes the quicker one counts; a sparse array would add them up.)
    order = np.lexsort((weights, columns, rows))
    rows, columns, weights = rows[order], columns[order], weights[order]
    first = np.ones(len(rows), dtype=bool)
    first[1:] = (rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1])
    # Nodes that nothing is left of are dropped.
    live = np.unique(np.concatenate([rows, columns, node_of[node_of >= 0]]))
    number = np.full(len(nodes), -1)
    number[live] = np.arange(len(live))
    times = sparse.csr_array(
        (weights[first].astype(np.float64), (number[rows[first]], number[columns[first]])), shape=(len(live), len(live))
    )
    at = np.where(node_of >= 0, number[node_of], -1)
    return Graph(times, nodes[live], at, snapped, positions, float(speeds.max()) / _MS_PER_METRE_AT_1_KMH)


def _split(
    network: RoadNetwork, used: NDArray[np.bool_], snapped: Snapped
) -> tuple[Metric, tuple[Integers, Integers, Metric, Integers], Integers]:
    """Cut the pieces where positions get on.

    Returns the nodes [m]; of every piece its nodes, its length [m] and the piece that it was cut from; and the node at
    which each position gets on, -1 where none.
    """
    length = network.metres[snapped.pieces] * snapped.on
    node_of = np.full(len(snapped.pieces), -1)
    for at, share in ((network.starts, snapped.along), (network.ends, 1 - snapped.along)):
        # Whoever gets on at the end of a piece gets on at all the roads that meet there.
        there = snapped.on & (share * length <= _AT_NODE)
        node_of[there] = at[snapped.pieces[there]]
    on = np.flatnonzero(snapped.on & (node_of < 0))
    order = on[np.lexsort((snapped.along[on], snapped.pieces[on]))]
    pieces, along = snapped.pieces[order], snapped.along[order]
    first = len(network.nodes)
    start, end = network.nodes[network.starts[pieces]], network.nodes[network.ends[pieces]]
    nodes = np.vstack([network.nodes, start + (end - start) * along[:, None]])
    node_of[order] = first + np.arange(len(order))
    whole = used.copy()
    whole[pieces] = False
    # Every cut begins a part that runs to the next cut of the same piece, or to its end; the first parts begin at the
    # pieces' starts.
    opens = np.ones(len(order), dtype=bool)
    opens[1:] = pieces[1:] != pieces[:-1]
    closes = np.ones(len(order), dtype=bool)
    closes[:-1] = opens[1:]
    new = node_of[order]
    ends = np.where(closes, network.ends[pieces], np.append(new[1:], -1))
    until = np.where(closes, 1.0, np.append(along[1:], 1.0))
    metres = network.metres
    parts = (
        np.concatenate([network.starts[whole], network.starts[pieces[opens]], new]),
        np.concatenate([network.ends[whole], new[opens], ends]),
        np.concatenate([metres[whole], metres[pieces[opens]] * along[opens], metres[pieces] * (until - along)]),
        np.concatenate([np.flatnonzero(whole), pieces[opens], pieces]),
    )
    return nodes, parts, node_of


def _without_bends(
    count: int, starts: Integers, ends: Integers, time: Integers, one_way: NDArray[np.bool_], kept: NDArray[np.bool_]
) -> tuple[Integers, Integers, Integers, NDArray[np.bool_]]:
    """Join pieces at nodes where nothing else begins: most nodes of a road are its bends.

    A bend joins exactly two pieces, both two-way, that lead to different nodes. Neighbouring bends are one chain, and a
    chain becomes one piece that takes as long as its parts together. A ring of bends leads nowhere and is dropped.
    """
    degree = np.bincount(starts, minlength=count) + np.bincount(ends, minlength=count)
    bound = np.bincount(starts[one_way], minlength=count) + np.bincount(ends[one_way], minlength=count)
    bend = (degree == 2) & (bound == 0) & ~kept
    inner = bend[starts] & bend[ends]
    ones = np.ones(int(inner.sum()), dtype=np.int8)
    graph = sparse.coo_array((ones, (starts[inner], ends[inner])), shape=(count, count))
    chain = connected_components(graph, directed=False)[1]
    touches = bend[starts] | bend[ends]
    owner = np.where(bend[starts], chain[starts], chain[ends])[touches]
    sums = np.bincount(owner, weights=time[touches], minlength=count)
    # The outer node of every piece that leaves a chain: two of them to a chain, none to a ring.
    leaves = touches & ~inner
    out = np.where(bend[starts], ends, starts)[leaves]
    of = np.where(bend[starts], chain[starts], chain[ends])[leaves]
    order = np.argsort(of, kind="stable")
    of, out = of[order], out[order]
    tips = out.reshape(-1, 2)
    long = sums[of.reshape(-1, 2)[:, 0]].astype(np.int64)
    return (
        np.concatenate([starts[~touches], tips[:, 0]]),
        np.concatenate([ends[~touches], tips[:, 1]]),
        np.concatenate([time[~touches], long]),
        np.concatenate([one_way[~touches], np.zeros(len(tips), dtype=bool)]),
    )


def times_within(graph: Graph, starts: Integers, ends: Integers, limit: int) -> Pairs:
    """Return the times from some positions to others that take no longer than a limit [ms].

    Sources are taken square by square: the search of a square sees only the window of the roads that anybody could
    get to from it in time (Dijkstra 1959, Numerische Mathematik 1, with a limit).
    """
    starts, ends = np.unique(starts[graph.node_of[starts] >= 0]), np.unique(ends[graph.node_of[ends] >= 0])
    found = [_none()]
    if len(starts) and len(ends):
        reach = graph.fastest * limit
        groups = _tiles(graph.positions[starts], max(reach * _TILE, 1.0))
        found += [_search(graph, starts[group], ends, limit, reach) for group in groups]
    joined = [np.concatenate(parts) for parts in zip(*found, strict=True)]
    order = np.lexsort((joined[1], joined[0]))
    return Pairs(*(part[order] for part in joined))


def _none() -> tuple[Integers, Integers, Integers]:
    return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)


def _tiles(positions: Metric, side: float) -> Iterator[Integers]:
    """Yield the positions of every square of a grid, in batches."""
    squares = np.floor(positions / side).astype(np.int64)
    order = np.lexsort((squares[:, 1], squares[:, 0]))
    cuts = np.flatnonzero((np.diff(squares[order], axis=0) != 0).any(axis=1)) + 1
    for group in np.split(order, cuts):
        yield from (group[n : n + _BATCH] for n in range(0, len(group), _BATCH))


def _search(
    graph: Graph, starts: Integers, ends: Integers, limit: int, reach: float
) -> tuple[Integers, Integers, Integers]:
    """Return the times from a few neighbouring positions [ms]."""
    at = graph.metres[graph.node_of[starts]]
    low, high = at.min(axis=0) - reach - 1, at.max(axis=0) + reach + 1
    inside = ((graph.metres >= low) & (graph.metres <= high)).all(axis=1)
    window = np.flatnonzero(inside)
    number = np.full(len(graph.metres), -1)
    number[window] = np.arange(len(window))
    times = graph.times[window][:, window]
    near = ends[inside[graph.node_of[ends]]]
    if not len(near):
        return _none()
    spent = dijkstra(times, indices=number[graph.node_of[starts]], limit=float(limit))
    whole = spent[:, number[graph.node_of[near]]] + graph.snapped.legs[starts][:, None] + graph.snapped.legs[near]
    which, of = np.nonzero(whole <= limit)
    return starts[which], near[of], whole[which, of].astype(np.int64)


def across(network: RoadNetwork, on_roads: OnRoads, starts: Metric, ends: Metric) -> Pairs:
    """Return the times of those who need no road [ms]: near enough to each other, and no barrier between them."""
    if not len(starts) or not len(ends):
        return Pairs(*_none())
    near: Sequence[list[int]] = cKDTree(ends).query_ball_point(  # type: ignore[assignment]
        starts, on_roads.access_metres, return_sorted=True
    )
    i = np.repeat(np.arange(len(starts)), [len(group) for group in near]).astype(np.int64)
    j = np.array([one for group in near for one in group], dtype=np.int64)
    free = ~_is_crossed(shapely.STRtree(network.barriers), starts[i], ends[j])
    i, j = i[free], j[free]
    lengths = np.hypot(*(starts[i] - ends[j]).T)
    return Pairs(i, j, np.rint(lengths * _MS_PER_METRE_AT_1_KMH / on_roads.access_kmh).astype(np.int64))


def seconds(milliseconds: Integers) -> Integers:
    """Return whole seconds, rounded up: nobody is nearer than they are [s]."""
    found: Integers = -(-milliseconds // _MS_PER_S)
    return found


def milliseconds(whole_seconds: int) -> int:
    """Return a time in milliseconds [ms]."""
    return whole_seconds * _MS_PER_S
