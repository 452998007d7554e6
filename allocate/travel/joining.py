"""Joins lines of roads to a network: where they meet, and where one only passes over the other.

Every line is taken apart into straight pieces, so that neither the order of lines, nor their direction, nor whether a
line is one or several at a vertex changes anything. Pieces meet where they have a vertex in common, and where a vertex
of one lies on another. Where two cross and neither has a vertex there, one is taken to pass over the other, as layers
of roads are drawn, unless `meet` says that the layer was drawn otherwise.

Bridges, tunnels, other layers and motorways meet what is on another level only where they end: a vertex above a road is
no junction. What is on which level is known only where the layer says so.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from allocate.travel.network import CLOSED_TO, ROAD_CLASSES, Flags, RoadNetwork, Shapes, bits_of
from allocate.travel.points import Integers, Metric

# What is this near is the same spot [m]: what digitising and rounding (0.1 m at six decimals of a degree) leave between
# ends that are meant to meet, and far below the width of a lane, so that no two roads side by side become one.
TOLERANCE_M = 0.5
# More pieces, junctions or crossings than the roads of a city of twenty million have: what is drawn so is no road.
MOST = 4_000_000
# How finely vertices are told apart [m].
_GRAIN_M = 0.001
# A vertex with more neighbours than this on average lies in a heap, which is thinned first.
_HEAP = 20
_CHUNK = 100_000
_MOTORWAY, _FERRY = (ROAD_CLASSES.index(name) for name in ("motorway", "ferry"))
# (A layer says nothing of who may use a single road.)
_CLOSED = np.array([bits_of(CLOSED_TO.get(name, ())) for name in ROAD_CLASSES], dtype=np.uint8)

_Flags = NDArray[np.bool_]


class TooManyPieces(ValueError):
    """Roads have more pieces or crossings than any district's."""


@dataclass(frozen=True)
class RoadLines:
    """Lines of roads as they are drawn.

    Attributes
    ----------
    lines
        Lines in a metric reference system [m].
    classes
        Class of every line, as an index into `ROAD_CLASSES`.
    one_way
        1 where cars go along a line only, -1 where they go against it only, 0 where they go both ways.
    levels
        0 on the ground; bridges above, tunnels below.
    """

    lines: Shapes
    classes: Flags
    one_way: NDArray[np.int8]
    levels: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.lines)


@dataclass(frozen=True)
class Joined:
    """Lines as a network.

    Attributes
    ----------
    empty
        How many lines have no length, or no position.
    twice
        What was drawn twice and counts once [m].
    """

    network: RoadNetwork
    empty: int
    twice: float


@dataclass
class _Pieces:
    """Straight pieces between spots; what they carry is looked up by their line."""

    spots: Metric
    starts: Integers
    ends: Integers
    line: Integers

    def chained(self, piece: Integers, share: Metric, spot: Integers) -> "_Pieces":
        """Return pieces split at spots, each at its share of the way from start to end."""
        if not len(piece):
            return self
        n = len(self.starts)
        of = np.concatenate([np.arange(n), np.arange(n), piece])
        way = np.concatenate([np.zeros(n), np.ones(n), share])
        at = np.concatenate([self.starts, self.ends, spot])
        # (A start comes first and an end last, whatever rounding does to what lies between.)
        rank = np.concatenate([np.zeros(n), np.full(n, 2), np.ones(len(piece))])
        order = np.lexsort((at, way, rank, of))
        of, at = of[order], at[order]
        same = of[1:] == of[:-1]
        return _Pieces(self.spots, at[:-1][same], at[1:][same], self.line[of[:-1][same]])


def join(drawn: RoadLines, *, meet: bool = False) -> Joined:
    """Return lines as a network.

    Parameters
    ----------
    meet
        Whether lines meet that cross without a vertex, unless one is on another level or a motorway.

    Raises
    ------
    TooManyPieces
        When there are more pieces or crossings than any district has.
    """
    pieces, empty = _straight(drawn.lines)
    motorway = drawn.classes == _MOTORWAY
    _, level = np.unique(2 * drawn.levels.astype(np.int64) + motorway, return_inverse=True)
    if meet:
        pieces = _crossed(pieces, level, motorway)
    nodes, pieces = _together(pieces)
    nodes, pieces = _levelled(nodes, pieces, level)
    pieces = _touching(nodes, pieces, level)
    return _network(drawn, nodes, pieces, empty)


def _straight(lines: Shapes) -> tuple[_Pieces, int]:
    """Return the straight pieces of lines, to the millimetre, and how many lines have none."""
    coordinates, line = shapely.get_coordinates(lines, return_index=True)
    line = line.astype(np.int64)
    starts = np.flatnonzero(line[1:] == line[:-1]) if len(line) else np.zeros(0, dtype=np.int64)
    if len(starts) > MOST:
        raise TooManyPieces
    spots = np.round(coordinates / _GRAIN_M) * _GRAIN_M
    good = np.isfinite(spots).all(axis=1)
    good = good[starts] & good[starts + 1]
    good[good] = (spots[starts[good]] != spots[starts[good] + 1]).any(axis=1)
    starts = starts[good]
    pieces = _Pieces(spots, starts, starts + 1, line[starts])
    return pieces, len(lines) - len(np.unique(pieces.line))


def _segments(spots: Metric, starts: Integers, ends: Integers) -> Any:
    return shapely.linestrings(np.stack([spots[starts], spots[ends]], axis=1))


def _crossed(pieces: _Pieces, level: Integers, motorway: _Flags) -> _Pieces:
    """Return pieces with a spot wherever two of a level cross; those that merely touch are left to `_touching`."""
    there = np.flatnonzero(~motorway[pieces.line])
    if not len(there):
        return pieces
    segments = _segments(pieces.spots, pieces.starts[there], pieces.ends[there])
    tree = shapely.STRtree(segments)
    first, second = [], []
    total = 0
    for at in range(0, len(there), _CHUNK):
        one, other = tree.query(segments[at : at + _CHUNK])
        one, other = there[one + at], there[other]
        kept = (one < other) & (level[pieces.line[one]] == level[pieces.line[other]])
        first.append(one[kept])
        second.append(other[kept])
        total += int(kept.sum())
        if total > MOST:
            raise TooManyPieces
    i, j = np.concatenate(first), np.concatenate(second)
    a, b = pieces.spots[pieces.starts[i]], pieces.spots[pieces.starts[j]]
    u, v = pieces.spots[pieces.ends[i]] - a, pieces.spots[pieces.ends[j]] - b
    cross = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    gap = b - a
    with np.errstate(divide="ignore", invalid="ignore"):
        along = (gap[:, 0] * v[:, 1] - gap[:, 1] * v[:, 0]) / cross
        beside = (gap[:, 0] * u[:, 1] - gap[:, 1] * u[:, 0]) / cross
        inside = (along > 0) & (along < 1) & (beside > 0) & (beside < 1)
    i, j, along, beside = i[inside], j[inside], along[inside], beside[inside]
    spots = np.round((a[inside] + along[:, None] * u[inside]) / _GRAIN_M) * _GRAIN_M
    new = len(pieces.spots) + np.arange(len(i))
    pieces = _Pieces(np.vstack([pieces.spots, spots]), pieces.starts, pieces.ends, pieces.line)
    return pieces.chained(np.concatenate([i, j]), np.concatenate([along, beside]), np.concatenate([new, new]))


def _together(pieces: _Pieces) -> tuple[Metric, _Pieces]:
    """Return one node for all vertices at the same spot, and the pieces between nodes; those of no length are gone."""
    used, at = np.unique(np.concatenate([pieces.starts, pieces.ends]), return_inverse=True)
    if not len(used):
        return np.zeros((0, 2)), pieces
    spots, spot = _distinct(pieces.spots[used])
    node = _clusters(spots)
    count = int(node.max()) + 1
    nodes = np.column_stack([np.bincount(node, weights=spots[:, axis], minlength=count) for axis in (0, 1)])
    nodes /= np.bincount(node, minlength=count)[:, None]
    starts, ends = np.split(node[spot][at], 2)
    kept = starts != ends
    return nodes, _Pieces(nodes, starts[kept], ends[kept], pieces.line[kept])


def _distinct(spots: Metric) -> tuple[Metric, Integers]:
    """Return different spots, in an order of their own, and which of them each is."""
    order = np.lexsort((spots[:, 1], spots[:, 0]))
    sorted_ = spots[order]
    new = np.concatenate([[True], (sorted_[1:] != sorted_[:-1]).any(axis=1)])
    which = np.empty(len(spots), dtype=np.int64)
    which[order] = np.cumsum(new) - 1
    return sorted_[new], which


def _clusters(spots: Metric) -> Integers:
    """Return which spots are one: all that a chain of steps below the tolerance joins, unless it is drawn out.

    Vertices drawn closer than the tolerance along a road would make it one spot: such a chain is parted by a grid.
    """
    tree = cKDTree(spots)
    if tree.count_neighbors(tree, TOLERANCE_M) > _HEAP * len(spots):
        return _distinct(np.floor(spots / TOLERANCE_M))[1]
    pairs = tree.query_pairs(TOLERANCE_M, output_type="ndarray")
    n = len(spots)
    links = coo_array((np.ones(len(pairs), dtype=bool), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    found = connected_components(links, directed=False)[1].astype(np.int64)
    low, high = np.full((n, 2), np.inf), np.full((n, 2), -np.inf)
    np.minimum.at(low, found, spots)
    np.maximum.at(high, found, spots)
    long = (high - low > 2 * TOLERANCE_M).any(axis=1)[found]
    if long.any():
        cells = np.floor(spots[long] / TOLERANCE_M)
        cells = np.column_stack([_distinct(cells)[1], found[long]])
        found[long] = n + _distinct(cells.astype(float))[1]
        found = np.unique(found, return_inverse=True)[1].astype(np.int64)
    return found


def _levelled(nodes: Metric, pieces: _Pieces, level: Integers) -> tuple[Metric, _Pieces]:
    """Return nodes parted by levels where all that come together pass through: there one is above the other."""
    levels = int(level.max()) + 1 if len(level) else 0
    if levels < 2 or not len(nodes):
        return nodes, pieces
    at = np.concatenate([pieces.starts, pieces.ends])
    keys, which, ends = np.unique(at * levels + np.tile(level[pieces.line], 2), return_inverse=True, return_counts=True)
    there = keys // levels
    fewest = np.full(len(nodes), np.iinfo(np.int64).max)
    np.minimum.at(fewest, there, ends)
    # (Where one of them ends, it comes up or down there.)
    parted = (np.bincount(there, minlength=len(nodes)) > 1) & (fewest > 1)
    named = np.where(parted[there], len(nodes) + np.arange(len(keys)), there)
    own, which_node = np.unique(named, return_inverse=True)
    first = np.zeros(len(own), dtype=np.int64)
    first[which_node] = there
    starts, ends_ = np.split(which_node[which].astype(np.int64), 2)
    return nodes[first], _Pieces(nodes[first], starts, ends_, pieces.line)


def _touching(nodes: Metric, pieces: _Pieces, level: Integers) -> _Pieces:
    """Return pieces split where a node of another lies on them: of the same level, or where the other ends."""
    if not len(pieces.starts):
        return pieces
    tree = shapely.STRtree(_segments(nodes, pieces.starts, pieces.ends))
    spots: Any = shapely.points(nodes)
    found = []
    total = 0
    for at in range(0, len(spots), _CHUNK):
        node, piece = tree.query(spots[at : at + _CHUNK], predicate="dwithin", distance=TOLERANCE_M)
        node = node + at
        kept = (pieces.starts[piece] != node) & (pieces.ends[piece] != node)
        found.append(np.stack([node[kept], piece[kept]]))
        total += int(kept.sum())
        if total > MOST:
            raise TooManyPieces
    node, piece = np.concatenate(found, axis=1)
    levels = int(level.max()) + 1
    ends = np.concatenate([pieces.starts, pieces.ends])
    own = np.unique(ends * levels + np.tile(level[pieces.line], 2))
    same = np.isin(node * levels + level[pieces.line[piece]], own)
    same |= np.bincount(ends, minlength=len(nodes))[node] == 1
    node, piece = node[same], piece[same]
    a = nodes[pieces.starts[piece]]
    u = nodes[pieces.ends[piece]] - a
    share = ((nodes[node] - a) * u).sum(axis=1) / (u**2).sum(axis=1)
    inside = (share > 0) & (share < 1)
    return pieces.chained(piece[inside], share[inside], node[inside])


def _network(drawn: RoadLines, nodes: Metric, pieces: _Pieces, empty: int) -> Joined:
    """Return pieces as a network, each once, and only the nodes that they have."""
    classes, way = drawn.classes[pieces.line], drawn.one_way[pieces.line]
    starts, ends = np.where(way < 0, pieces.ends, pieces.starts), np.where(way < 0, pieces.starts, pieces.ends)
    one_way = way != 0
    turned = (starts > ends) & ~one_way
    starts, ends = np.where(turned, ends, starts), np.where(turned, starts, ends)
    # (Whoever lives below a viaduct or beside a motorway gets on where it ends, or where a slip road leads to it.)
    sealed = (drawn.levels[pieces.line] != 0) | (classes == _MOTORWAY) | (classes == _FERRY)
    keys = (((starts * len(nodes) + ends) * len(ROAD_CLASSES) + classes) * 2 + one_way) * 2 + sealed
    once = np.unique(keys, return_index=True)[1]
    lengths = np.hypot(*(nodes[ends] - nodes[starts]).T)
    twice = float(lengths.sum() - lengths[once].sum())
    starts, ends, classes = starts[once], ends[once], classes[once]
    used, renamed = np.unique(np.concatenate([starts, ends]), return_inverse=True)
    starts, ends = np.split(renamed.astype(np.int64), 2)
    network = RoadNetwork(nodes[used], starts, ends, classes, one_way[once], _CLOSED[classes], sealed=sealed[once])
    return Joined(network, empty, twice if twice > _GRAIN_M else 0.0)
