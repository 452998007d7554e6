"""Times along roads between many positions: snapped to the roads, searched in windows, in whole milliseconds."""

import multiprocessing
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import cKDTree

from allocate.processes import end_quietly, without_main
from allocate.travel.circles import OnRoads
from allocate.travel.network import ROAD_CLASSES, TRAVELLERS, RoadNetwork
from allocate.travel.points import Integers, Metric

# Times are added up in whole milliseconds, so that sums do not depend on their order.
_MS_PER_S = 1000
_MS_PER_METRE_AT_1_KMH = 3600.0
# A part of the roads that is shorter than this share of the longest part is no way out: nobody gets on there.
SMALL_PART = 0.01
# What is nearer to a node than this is at the node [m]. Spots are rounded to a decimetre: who stands at a corner must
# not land on a one-way street a hand's breadth behind it, and drive round the block.
_AT_NODE = 1.0
# Sources searched together.
_BATCH = 64
# Most times that one search holds at once: sources times nodes of the window.
_CELLS = 2_000_000
# A process begins in about a second and is given the roads: it is worth its start where it has so much to do, in nodes
# in the windows of all its sources.
_WORTH_A_PROCESS = 200_000_000
# How many processes search at most where nobody says.
PROCESSES = min(4, os.cpu_count() or 1)


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
    `SMALL_PART`), where one gets on between their ends. The straight line to the road crosses no barrier.
    """
    count = len(positions)
    found = Snapped(np.full(count, -1), np.zeros(count), np.zeros(count, dtype=np.int64))
    pieces = np.flatnonzero(_leads_on(network, usable(network, on_roads)) & ~network.sealed)
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
    blocked = at[_is_crossed(walls, positions[at], _foot(a, b, positions[at], near)[0])]
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
    found.legs[where] = _off_road(np.hypot(*(feet - positions[where]).T), on_roads)
    return found


def _foot(a: Metric, b: Metric, positions: Metric, pieces: Integers) -> tuple[Metric, Metric]:
    """Return the nearest point of a piece to each position [m], and how far along the piece it is."""
    start, along = a[pieces], b[pieces] - a[pieces]
    square = (along**2).sum(axis=1)
    share = ((positions - start) * along).sum(axis=1) / np.where(square > 0, square, 1)
    share = np.clip(share, 0, 1)
    return start + along * share[:, None], share


def _is_crossed(walls: shapely.STRtree, starts: Metric, ends: Metric) -> NDArray[np.bool_]:
    """Tell of every straight line whether a barrier crosses it."""
    found = np.zeros(len(starts), dtype=bool)
    if len(walls.geometries) and len(starts):
        lines = shapely.linestrings(np.stack([starts, ends], axis=1))
        found[walls.query(lines, predicate="intersects")[0]] = True
    return found


def _off_road(lengths: Metric, on_roads: OnRoads) -> Integers:
    """Return the time of straight lines off the roads [ms]."""
    return np.rint(lengths * _MS_PER_METRE_AT_1_KMH / on_roads.access_kmh).astype(np.int64)


def _leads_on(network: RoadNetwork, used: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell of every used piece whether its part of the roads is large enough to lead anywhere."""
    if not used.any():
        return used
    part, lengths = network.parts(used)
    found: NDArray[np.bool_] = used & (lengths[part[network.starts]] >= SMALL_PART * lengths.max())
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
    """

    times: Any
    metres: Metric
    node_of: Integers
    snapped: Snapped
    positions: Metric

    def reach(self, limit: int) -> float:
        """Return a straight line that nobody gets farther along in some time [ms] than [m].

        (Rounded times make a very short piece quicker than its road: those that take none at all count as a whole.)
        """
        starts = np.repeat(np.arange(len(self.metres)), np.diff(self.times.indptr))
        lengths = np.hypot(*(self.metres[starts] - self.metres[self.times.indices]).T)
        timed = self.times.data > 0
        fastest = (lengths[timed] / self.times.data[timed]).max(initial=0.0)
        return float(fastest * limit * (1 + 1e-9) + lengths[~timed].sum() + 1)


@dataclass(frozen=True)
class Parts:
    """What a way to travel uses of the roads, cut where positions get on.

    Attributes
    ----------
    starts, ends
        Nodes of every part.
    times
        Time along every part [ms].
    one_way
        Whether it leads from its start to its end only.
    sealed
        Whether nobody gets on or off between its ends.
    """

    starts: Integers
    ends: Integers
    times: Integers
    one_way: NDArray[np.bool_]
    sealed: NDArray[np.bool_]


def parts_of(network: RoadNetwork, on_roads: OnRoads, snapped: Snapped) -> tuple[Metric, Parts, Integers]:
    """Return the nodes [m], what leads from one to another, and where positions get on: -1 where they do not."""
    speeds = _speeds(on_roads)
    nodes, (starts, ends, parents, low, high), node_of = _split(network, usable(network, on_roads), snapped)
    whole = np.rint(network.metres[parents] * _MS_PER_METRE_AT_1_KMH / speeds[network.classes[parents]])
    # The parts of a piece take as long as the piece: it does not matter for others who gets on where.
    times = (np.rint(high * whole) - np.rint(low * whole)).astype(np.int64)
    one_way = network.one_way[parents] if on_roads.goes_as == "car" else np.zeros(len(parents), dtype=bool)
    return nodes, Parts(starts, ends, times, one_way, network.sealed[parents]), node_of


def graph_of(network: RoadNetwork, on_roads: OnRoads, positions: Metric) -> Graph:
    """Make the graph of a way to travel, in which every position is a node of its own, and bends are none."""
    snapped = snap(network, on_roads, positions)
    nodes, parts, node_of = parts_of(network, on_roads, snapped)
    starts, ends, time, one_way = parts.starts, parts.ends, parts.times, parts.one_way
    kept = np.zeros(len(nodes), dtype=bool)
    kept[node_of[node_of >= 0]] = True
    starts, ends, time, one_way = _without_bends(len(nodes), starts, ends, time, one_way, kept)
    there = starts != ends
    both = there & ~one_way
    rows = np.concatenate([starts[there], ends[both]])
    columns = np.concatenate([ends[there], starts[both]])
    weights = np.concatenate([time[there], time[both]])
    rows, columns, weights = quickest(rows, columns, weights)
    # Nodes that nothing is left of are dropped.
    live = np.unique(np.concatenate([rows, columns, node_of[node_of >= 0]]))
    number = np.full(len(nodes), -1)
    number[live] = np.arange(len(live))
    times = sparse.csr_array(
        (weights.astype(np.float64), (number[rows], number[columns])), shape=(len(live), len(live))
    )
    at = np.where(node_of >= 0, number[node_of], -1)
    return Graph(times, nodes[live], at, snapped, positions)


def quickest(rows: Integers, columns: Integers, weights: Integers) -> tuple[Integers, Integers, Integers]:
    """Return every way once, where several lead from one node to another: a sparse array would add them up."""
    order = np.lexsort((weights, columns, rows))
    rows, columns, weights = rows[order], columns[order], weights[order]
    first = np.ones(len(rows), dtype=bool)
    first[1:] = (rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1])
    return rows[first], columns[first], weights[first]


def _split(
    network: RoadNetwork, used: NDArray[np.bool_], snapped: Snapped
) -> tuple[Metric, tuple[Integers, Integers, Integers, Metric, Metric], Integers]:
    """Cut the pieces where positions get on.

    Returns the nodes [m]; of every part its nodes, the piece that it was cut from, and from where to where on it, as
    shares; and the node at which each position gets on, -1 where none.
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
    uncut = np.flatnonzero(whole)
    parts = (
        np.concatenate([network.starts[whole], network.starts[pieces[opens]], new]),
        np.concatenate([network.ends[whole], new[opens], ends]),
        np.concatenate([uncut, pieces[opens], pieces]),
        np.concatenate([np.zeros(len(uncut) + int(opens.sum())), along]),
        np.concatenate([np.ones(len(uncut)), along[opens], until]),
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


def times_within(graph: Graph, starts: Integers, ends: Integers, limit: int, processes: int = 1) -> Pairs:
    """Return the times from some positions to others that take no longer than a limit [ms].

    Sources are taken square by square: the search of a square sees only the window of the roads that anybody could
    get to from it in time (Dijkstra 1959, Numerische Mathematik 1, with a limit). Where there are fewer ends than
    starts, the search goes back from the ends. Neither changes what is found.
    """
    starts, ends = np.unique(starts[graph.node_of[starts] >= 0]), np.unique(ends[graph.node_of[ends] >= 0])
    if not len(starts) or not len(ends):
        return Pairs(*_none())
    back = len(ends) < len(starts)
    squares = _Squares.of(graph, *((ends, starts) if back else (starts, ends)), limit, back=back)
    found = list(_searched(squares, processes))
    first, second, spent = (np.concatenate(parts) for parts in zip(_none(), *found, strict=True))
    if back:
        first, second = second, first
    order = np.lexsort((second, first))
    return Pairs(first[order], second[order], spent[order])


def _none() -> tuple[Integers, Integers, Integers]:
    return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class _Squares:
    """The roads node by node in the order of the squares of a grid, so that a window is three runs of nodes.

    A square is as wide as anybody gets: the window of those who start in it is the square and the eight around it.

    Attributes
    ----------
    times
        Time from node to node [ms].
    keys
        Square of every node: column times `width` plus row.
    width
        What the number of a column is worth.
    sources, targets
        Positions, in the order of their nodes: what they are numbered, at which node, and how long the way between
        them and the road takes [ms].
    limit
        Longest time [ms].
    """

    times: Any
    keys: Integers
    width: int
    sources: tuple[Integers, Integers, Integers]
    targets: tuple[Integers, Integers, Integers]
    limit: int

    @classmethod
    def of(cls, graph: Graph, sources: Integers, targets: Integers, limit: int, *, back: bool) -> "_Squares":
        """Sort the roads for searches between some positions, along the roads or back."""
        cells = np.floor(graph.metres / graph.reach(limit)).astype(np.int64)
        cells -= cells.min(axis=0)
        # (Room beyond the last row, so that a window does not run into the next column.)
        width = int(cells[:, 1].max()) + 3
        keys = cells[:, 0] * width + cells[:, 1]
        order = np.argsort(keys, kind="stable")
        number = np.empty_like(order)
        number[order] = np.arange(len(order))
        ways = graph.times.T.tocsr() if back else graph.times

        def at_nodes(positions: Integers) -> tuple[Integers, Integers, Integers]:
            nodes = number[graph.node_of[positions]]
            by_node = np.argsort(nodes, kind="stable")
            return positions[by_node], nodes[by_node], graph.snapped.legs[positions[by_node]]

        return cls(ways[order][:, order], keys[order], width, at_nodes(sources), at_nodes(targets), limit)

    def batches(self) -> Iterator[tuple[int, int]]:
        """Yield runs of sources, each in one square."""
        nodes = self.sources[1]
        cuts = np.flatnonzero(np.diff(self.keys[nodes])) + 1
        for low, high in pairwise([0, *cuts.tolist(), len(nodes)]):
            yield from ((n, min(n + _BATCH, high)) for n in range(low, high, _BATCH))

    def _runs(self, source: int) -> Integers:
        """Return the first nodes, and the ends, of the runs that make the window of a source."""
        columns = self.keys[self.sources[1][source]] + self.width * np.arange(-1, 2)
        found: Integers = np.searchsorted(self.keys, [columns - 1, columns + 2])
        return found

    def work(self, batches: Iterable[tuple[int, int]]) -> int:
        """Return how many nodes there are in the windows of all sources together."""
        return sum((high - low) * int(np.diff(self._runs(low), axis=0).sum()) for low, high in batches)

    def search(self, low: int, high: int) -> tuple[Integers, Integers, Integers]:
        """Return the times from a run of sources [ms]."""
        (sources, leave), nodes = (part[low:high] for part in self.sources[::2]), self.sources[1][low:high]
        runs = self._runs(low)
        near = _joined(*np.searchsorted(self.targets[1], runs))
        if not len(near):
            return _none()
        targets, arrive = self.targets[0][near], self.targets[2][near]
        times = _window(self.times, runs)
        at, to = _numbered(runs, nodes), _numbered(runs, self.targets[1][near])
        found = [_none()]
        step = max(1, _CELLS // times.shape[0])
        for n in range(0, len(nodes), step):
            spent = dijkstra(times, indices=at[n : n + step], limit=float(self.limit))[:, to]
            spent += leave[n : n + step, None] + arrive
            which, of = np.nonzero(spent <= self.limit)
            found.append((sources[n + which], targets[of], spent[which, of].astype(np.int64)))
        first, second, whole = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return first, second, whole


def _joined(lows: Integers, highs: Integers) -> Integers:
    """Return the numbers of some runs, one after the other."""
    lengths = highs - lows
    return np.repeat(highs - np.cumsum(lengths), lengths) + np.arange(lengths.sum())


def _numbered(runs: Integers, nodes: Integers) -> Integers:
    """Return which of the numbers of some runs each node is; -1 where it is none of them."""
    lows, highs = runs
    run = np.searchsorted(lows, nodes, side="right") - 1
    before = np.append(0, np.cumsum(highs - lows)[:-1])
    return np.where((run >= 0) & (nodes < highs[run]), nodes + (before - lows)[run], -1)


def _window(times: Any, runs: Integers) -> Any:
    """Return the ways between the nodes of some runs alone."""
    nodes, entries = _joined(*runs), _joined(*times.indptr[runs])
    columns = _numbered(runs, times.indices[entries])
    kept = columns >= 0
    owners = np.repeat(np.arange(len(nodes)), times.indptr[nodes + 1] - times.indptr[nodes])[kept]
    starts = np.append(0, np.cumsum(np.bincount(owners, minlength=len(nodes))))
    return sparse.csr_array((times.data[entries[kept]], columns[kept], starts), shape=(len(nodes),) * 2)


# What the processes that search look at, each for itself: the same for all batches.
_SHARED: list[_Squares] = []


def _share(squares: _Squares) -> None:
    end_quietly()
    _SHARED[:] = [squares]


def _search(batch: tuple[int, int]) -> tuple[Integers, Integers, Integers]:
    return _SHARED[0].search(*batch)


def _searched(squares: _Squares, processes: int) -> Iterator[tuple[Integers, Integers, Integers]]:
    """Yield what every batch finds, in their order; with several processes where that is worth their start."""
    batches = list(squares.batches())
    processes = min(processes, len(batches), squares.work(batches) // _WORTH_A_PROCESS)
    if processes < 2:
        yield from (squares.search(*batch) for batch in batches)
        return
    context = multiprocessing.get_context("spawn")
    with without_main(), ProcessPoolExecutor(processes, context, _share, (squares,)) as pool:
        yield from pool.map(_search, batches)


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
    return Pairs(i, j, _off_road(np.hypot(*(starts[i] - ends[j]).T), on_roads))


def seconds(milliseconds: Integers) -> Integers:
    """Return whole seconds, rounded up: nobody is nearer than they are [s]."""
    found: Integers = -(-milliseconds // _MS_PER_S)
    return found


def milliseconds(whole_seconds: int) -> int:
    """Return a time in milliseconds [ms]."""
    return whole_seconds * _MS_PER_S
