"""Which sites reach which points, with the points that the same sites reach merged into one row."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array

from allocate.reduce import (
    Floats,
    Int32s,
    Int64s,
    Mask,
    Rows,
    blocks_of,
    ends_of,
    merge_rows,
    rows_from,
    rows_of,
    runs,
    same_values,
)

type Blocks = Iterable[tuple[NDArray[Any], Any]]

# How many points wait together, and how many of them are looked at together: these fit a processor's cache.
_BATCH = 1 << 20
_CHUNK = 1 << 16
# How many entries of a table, or pairs of point and site, are looked at together, and how many stand in memory before
# they are merged.
_PAIRS = 1 << 20
_HELD = 1 << 26
# How many points to expect where they come in blocks and nobody says how many.
_MANY = 10_000_000
# How many circles may cross a cell of the grid before its points are tried one by one, how many sets of sites the
# cells may name together, and how many bits number the cells in a line of a tile.
_CROSSING = 8
_CODES = 1 << 24
_TILE_BITS = 3
# How many cells a grid may have, how many in tiles that are touched, how many pairs of a site and a cell that it
# touches; how many strips.
_GRID = 1 << 27
_CELLS = 1 << 23
_CELL_PAIRS = 1 << 24
_STRIPS = 1 << 14
# Where a point is reached by so many sites, and by so large a share of them, they are kept as bits; how many bytes of
# bits are kept together, how many pairs of point and site make a cell worth its while, and how many cells a side has
# at most.
_MANY_SITES, _LARGE_SHARE, _BITS, _CELL_WORK, _MOST_CELLS = 24, 1 / 32, 1 << 27, 10_000, 64
# By how much of its side a cell is taken to be larger than it is.
_MARGIN = 1e-6
# Between these, squares stay well inside float64's range.
_SMALL, _LARGE = 1e-100, 1e100


@dataclass(frozen=True)
class Covers:
    """Who is reached by which sites.

    Attributes
    ----------
    matrix
        Groups × sites: uint8 ones, sorted int32 indices. A row is a group of points that exactly the same sites
        reach; every row has a site, and no two rows are equal.
    weight
        Sum of the people merged into each row.
    group_of
        The row of every original point; -1 where no site reaches it.
    """

    matrix: Rows
    weight: Floats
    group_of: Int32s


def covers_of(matrix: Any, weight: Any = None) -> Covers:
    """Merge the points of a table points × sites that the same sites reach.

    Parameters
    ----------
    matrix
        Dense or sparse; a site reaches a point wherever it is not zero.
    weight
        People of each point; 1 each if not given.
    """
    if not isinstance(matrix, np.ndarray):
        rows = rows_of(matrix)
        return Covers(*merge_rows(rows, _weights(weight, rows.shape[0])))
    return _covers_of_blocks(matrix, _weights(weight, len(matrix)), lambda block: block != 0)


def covers_of_times(times: NDArray[Any], limit: float, weight: Any = None) -> Covers:
    """Merge the points that the same sites reach within a limit.

    Parameters
    ----------
    times
        From every point to every site [any unit]; NaN where there is no way.
    limit
        The longest that still reaches [same unit].
    weight
        People of each point; 1 each if not given.
    """
    return _covers_of_blocks(times, _weights(weight, len(times)), lambda block: block <= limit)


def _weights(weight: Any, count: int) -> Floats:
    return np.ones(count) if weight is None else np.asarray(weight, dtype=np.float64)


def _covers_of_blocks(table: NDArray[Any], weight: Floats, reaches: Callable[[NDArray[Any]], Mask]) -> Covers:
    points, sites = table.shape
    pool, groups = _Pool(sites), []
    step = max(1, 4 * _PAIRS // max(1, sites))
    for begin in range(0, points, step):
        block = reaches(table[begin : begin + step])
        indices = (np.flatnonzero(block) % max(1, sites)).astype(np.int32)
        rows = rows_from(indices, ends_of(np.count_nonzero(block, axis=1)), sites)
        groups.append(pool.add(rows, weight[begin : begin + step]))
    return pool.covers(groups)


class _Pool:
    """Rows that come block by block: each block is merged when it comes, all of them in the end."""

    def __init__(self, sites: int) -> None:
        self._sites = sites
        self._blocks: list[tuple[Rows, Floats]] = []
        self._count = 0

    def add(self, rows: Rows, weight: Floats) -> Int32s:
        """Take rows; return for each the number it has here, -1 where it has no site."""
        merged, weight, numbers = merge_rows(rows, weight)
        numbers[numbers >= 0] += self._count
        self._blocks.append((merged, weight))
        self._count += len(weight)
        return numbers

    def add_words(self, words: NDArray[np.uint64], weight: Floats) -> Int32s:
        """Take rows as bits, 64 sites to a word; return for each the number it has here, -1 where it has no site."""
        reached = np.flatnonzero(words.any(axis=1))
        numbers = np.full(len(words), -1, dtype=np.int32)
        if not len(reached):
            return numbers
        some = words if len(reached) == len(words) else words[reached]
        first, groups = same_values(_sums(some))
        if (some != some[first][groups]).any():
            # (Two sets have the same sum; site by site they are told apart.)
            return self.add(_rows_of_words(words, self._sites), weight)
        numbers[reached] = groups + np.int32(self._count)
        merged = np.bincount(groups, weights=weight[reached], minlength=len(first))
        self._blocks.append((_rows_of_words(some[first], self._sites), merged))
        self._count += len(first)
        return numbers

    def covers(self, numbers: list[Int32s]) -> Covers:
        """Return all rows merged; `numbers` are those of the points, part by part."""
        of_points = numbers[0] if len(numbers) == 1 else np.concatenate([np.zeros(0, dtype=np.int32), *numbers])
        if len(self._blocks) == 1:
            return Covers(*self._blocks[0], of_points)
        lengths = [np.zeros(0, dtype=np.int32), *(np.diff(rows.indptr) for rows, _ in self._blocks)]
        indices = [np.zeros(0, dtype=np.int32), *(rows.indices for rows, _ in self._blocks)]
        rows = rows_from(np.concatenate(indices), ends_of(np.concatenate(lengths)), self._sites)
        weight = np.concatenate([np.zeros(0), *(weight for _, weight in self._blocks)])
        self._blocks = []
        matrix, weight, group_of = merge_rows(rows, weight)
        _look_up(group_of, of_points)
        return Covers(matrix, weight, of_points)


def _look_up(table: Int32s, numbers: Int32s) -> None:
    """Put what a table says in place of its numbers; -1 stays -1."""
    table = np.append(table, np.int32(-1))
    for begin in range(0, len(numbers), _BATCH):
        part = numbers[begin : begin + _BATCH]
        np.take(table, part, out=part, mode="wrap")


def covers_within(points: NDArray[Any] | Blocks, sites: NDArray[Any], radius: float, weight: Any = None) -> Covers:
    """Merge the points that the same sites reach in a straight line.

    A site reaches a point if (x - x')² + (y - y')² <= radius², each operation rounded to float64 (with a radius near
    the ends of float64's range the differences are first multiplied by a power of two; with radius 0 they must be 0).

    Where points are many, a square grid is laid over them. A cell that lies wholly inside or wholly outside a site's
    circle says for all its points whether the site reaches them: for that it is taken to be larger than it is by a
    millionth of its side, which is more than the roundings of a point's cell and of the formula. Only the sites whose
    circles cross the cell are tried point by point. A point is then known by its cell and by which of the crossing
    sites reach it. That is exact; the sets so named are merged as `merge_rows` does. Where points are few, or too
    many circles cross a cell, every point is tried with the sites near it. The side is the one with which least work
    is expected from a sample of the points.

    Parameters
    ----------
    points
        Coordinates of every point (points × 2), or blocks of coordinates and weight (None: 1 each) that come one by
        one, so that all of them need never stand in memory.
    sites
        Coordinates of every site (sites × 2) [same unit].
    radius
        How far a site reaches [same unit].
    weight
        People of each point where points are one array; 1 each if not given.

    >>> found = covers_within(np.array([[0.0, 0.0], [9.0, 9.0], [3.0, 4.0]]), np.array([[0.0, 0.0], [3.0, 9.0]]), 5.0)
    >>> found.matrix.toarray().tolist(), found.group_of.tolist()
    ([[1, 0], [1, 1]], [0, -1, 1])
    """
    discs = _Discs.of(np.asarray(sites, dtype=np.float64).reshape(-1, 2), float(radius))
    pool = _Pool(len(discs.x))
    batches = _batches([(points, weight)] if isinstance(points, np.ndarray) else points)
    if not len(discs.x) or not discs.are_plain:
        return pool.covers([pool.add(_rows_tried(some, discs), people) for some, people in batches])
    box = discs.box()
    if isinstance(points, np.ndarray):
        box = box.cut(points)
        work = _Work.expected(discs, box, points, len(points))
    else:
        first = list(islice(batches, 2))
        # The first to come may all be from one corner; the sites show the rest.
        some = np.concatenate((first[0][0][:: 1 + len(first[0][0]) // 256], discs.places[:: 1 + len(discs.x) // 256]))
        work = _Work.expected(discs, box, some, _MANY if len(first) > 1 else len(first[0][0]))
        batches = chain(first, batches)
    if not work.side:
        return pool.covers([_tried(pool, discs, work.reached, some, people) for some, people in batches])
    cells = _Cells(discs, _Grid.over(box, work.side))
    return _covers_by_cells(cells, pool, discs, work, batches)


def _covers_by_cells(
    cells: "_Cells", pool: _Pool, discs: "_Discs", work: "_Work", batches: Iterable[tuple[Floats, Floats]]
) -> Covers:
    codes: list[Int32s] = []
    tried: list[tuple[int, Int64s, Int32s]] = []
    for some, people in batches:
        codes.append(cells.take(some, people))
        heavy = np.flatnonzero(cells.is_heavy(codes[-1]))
        if len(heavy):
            tried.append((len(codes) - 1, heavy, _tried(pool, discs, work.reached, some[heavy], people[heavy])))
    numbers = cells.numbers(pool)
    for part in codes:
        np.take(numbers, part, out=part, mode="wrap")
    for batch, heavy, found in tried:
        codes[batch][heavy] = found
    return pool.covers(codes)


def _batches(blocks: Blocks) -> Iterator[tuple[Floats, Floats]]:
    """Yield points and weights in batches of a good size, at least one."""
    waiting: list[tuple[Floats, Floats]] = []
    count, batches = 0, 0
    for points, weight in blocks:
        for begin in range(0, len(points), _BATCH):
            some = np.asarray(points[begin : begin + _BATCH], dtype=np.float64)
            people = _weights(None if weight is None else weight[begin : begin + _BATCH], len(some))
            waiting.append((some, people))
            count += len(some)
            if 2 * count >= _BATCH:
                yield _joined(waiting)
                waiting, count, batches = [], 0, batches + 1
    if waiting or not batches:
        yield _joined(waiting)


def _joined(batches: list[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    if len(batches) == 1:
        return batches[0]
    points = np.concatenate([np.zeros((0, 2)), *(points for points, _ in batches)])
    return points, np.concatenate([np.zeros(0), *(weight for _, weight in batches)])


@dataclass(frozen=True)
class _Box:
    """A rectangle; empty where its sides are negative."""

    left: float
    low: float
    right: float
    high: float

    def cut(self, points: NDArray[Any]) -> "_Box":
        """Return what it shares with the box of some points."""
        if not len(points):
            return self
        x, y = points[:, 0], points[:, 1]
        return _Box(
            max(self.left, float(x.min())),
            max(self.low, float(y.min())),
            min(self.right, float(x.max())),
            min(self.high, float(y.max())),
        )


@dataclass(frozen=True)
class _Discs:
    """What the sites reach.

    Attributes
    ----------
    x, y
        Where the sites are.
    radius
        How far they reach.
    factor, limit
        What differences are multiplied with, and what the sum of their squares may then be.
    """

    x: Floats
    y: Floats
    radius: float
    factor: float
    limit: float

    @classmethod
    def of(cls, sites: Floats, radius: float) -> "_Discs":
        factor = 1.0
        if 0 < radius < math.inf and not _SMALL < radius < _LARGE:
            factor = 2.0 ** -max(-1000, math.frexp(radius)[1])
        x, y = np.ascontiguousarray(sites[:, 0]), np.ascontiguousarray(sites[:, 1])
        scaled = radius * factor
        return cls(x, y, radius, factor, scaled * scaled)

    @property
    def places(self) -> Floats:
        return np.column_stack((self.x, self.y))

    @property
    def are_plain(self) -> bool:
        """Tell whether nothing of them comes near the ends of float64's range."""
        furthest = max(np.abs(self.x).max(initial=0.0), np.abs(self.y).max(initial=0.0))
        return bool((self.radius == 0 or _SMALL < self.radius < _LARGE) and furthest < _LARGE)

    def box(self) -> _Box:
        """Return a box that holds all discs, there being some."""
        left, low = float(self.x.min()), float(self.y.min())
        right, high = float(self.x.max()), float(self.y.max())
        wide = self.radius * (1 + _MARGIN) + 1e-12 * max(abs(left), abs(low), abs(right), abs(high))
        return _Box(left - wide, low - wide, right + wide, high + wide)

    def reach(self, dx: Floats, dy: Floats) -> Mask:
        """Return which differences are within reach; what is given is written over."""
        if self.radius == 0:
            same: Mask = (dx == 0) & (dy == 0)
            return same
        if self.factor != 1:
            dx *= self.factor
            dy *= self.factor
        dx *= dx
        dy *= dy
        dx += dy
        reached: Mask = dx <= self.limit
        return reached


@dataclass(frozen=True)
class _Work:
    """How the points are best taken.

    Attributes
    ----------
    side
        The side of a cell of the grid; 0 where every point is better tried with the sites near it.
    reached
        By how many sites a point is reached, by a sample.
    """

    side: float
    reached: float

    @classmethod
    def expected(cls, discs: _Discs, box: _Box, points: NDArray[Any], count: int) -> "_Work":
        """Return the side with which least work is expected for so many points."""
        sites = len(discs.x)
        size = min(max((1 << 20) // sites, 16), 512)
        some = np.asarray(points[:: max(1, len(points) // size)], dtype=np.float64)
        some = some[(np.abs(some) < _LARGE).all(axis=1)]
        if not len(some):
            return cls(0.0, 1.0)
        distance = np.hypot(some[:, :1] - discs.x, some[:, 1:] - discs.y)
        reached = float((distance <= discs.radius).sum(axis=1).mean())
        # Work in nanoseconds, as measured: what matters is that they are in proportion.
        trying = 300.0 + sites + 4.0 * reached if _is_dense(sites, reached) else 200.0 + 45.0 * reached
        least, best = count * trying, 0.0
        for step in range(17):
            side = discs.radius * 2.0 ** (-step / 2)
            cells = _Grid.cells(box, side)
            if math.isinf(cells):
                continue
            near = sites * math.pi * (discs.radius / side + 1) ** 2
            held = min(cells, sites * (2 * discs.radius / side + 2 * (1 << _TILE_BITS)) ** 2)
            pairs = min(near, cells * sites)
            laying = 60.0 * pairs + 10.0 * held
            if pairs > _CELL_PAIRS or held > _CELLS or count * 35.0 + laying > least:
                continue
            circles = (np.abs(distance - discs.radius) <= 0.65 * side).sum(axis=1)
            named = min(cells, near) * float((2.0 ** np.minimum(circles, _CROSSING)).mean())
            if named > _CODES:
                continue
            work = count * (35.0 + 25.0 * float(circles.mean()) + trying * float((circles > _CROSSING).mean()))
            work += laying + 40.0 * min(count, named) * (1 + reached)
            if work < least:
                least, best = work, side
        return cls(best, reached)


def _is_dense(sites: int, reached: float) -> bool:
    """Tell whether who reaches a point is better kept as bits, one for each site."""
    return reached >= max(_MANY_SITES, _LARGE_SHARE * sites)


def _tried(pool: _Pool, discs: _Discs, reached: float, points: Floats, weight: Floats) -> Int32s:
    """Try every point with the sites near it; return the numbers of their rows in the pool."""
    numbers = np.empty(len(points), dtype=np.int32)
    if _is_dense(len(discs.x), reached):
        step = max(1, 8 * _BITS // len(discs.x))
        for begin in range(0, len(points), step):
            words, order = _words_within(points[begin : begin + step], discs)
            order += begin
            numbers[order] = pool.add_words(words, weight[order])
        return numbers
    pieces = 1 + int(len(points) * reached / _HELD)
    step = max(1, -(-len(points) // pieces))
    todo = [(begin, min(begin + step, len(points))) for begin in range(0, len(points), step)][::-1]
    while todo:
        begin, end = todo.pop()
        result = _rows_within(points[begin:end], discs)
        if result is None:
            half = (begin + end) // 2
            todo += [(half, end), (begin, half)]
            continue
        rows, order = result
        order += begin
        numbers[order] = pool.add(rows, weight[order])
    return numbers


def _rows_tried(points: Floats, discs: _Discs) -> Rows:
    """Return which sites reach which points, each tried with all: for coordinates of any size."""
    sites = len(discs.x)
    indices, lengths = [np.zeros(0, dtype=np.int32)], [np.zeros(0, dtype=np.int64)]
    step = max(1, _PAIRS // max(1, sites))
    for begin in range(0, len(points), step):
        some = points[begin : begin + step]
        with np.errstate(over="ignore", under="ignore"):
            reached = discs.reach(some[:, :1] - discs.x, some[:, 1:] - discs.y)
        indices.append((np.flatnonzero(reached) % sites).astype(np.int32))
        lengths.append(np.count_nonzero(reached, axis=1))
    return rows_from(np.concatenate(indices), ends_of(np.concatenate(lengths)), sites)


def _rows_within(points: Floats, discs: _Discs) -> tuple[Rows, Int64s] | None:
    """Return which sites reach which points, and the point of each row; None if these points are too many at once.

    Points are put into strips, and in each strip in the order of x; of each strip a site is tried with those that are
    not further away in x than its disc is wide there.
    """
    sites = len(discs.x)
    box = discs.box()
    inside = (points[:, 0] >= box.left) & (points[:, 0] <= box.right)
    inside &= (points[:, 1] >= box.low) & (points[:, 1] <= box.high)
    near, outside = np.flatnonzero(inside), np.flatnonzero(~inside)
    if not len(near):
        return rows_from(np.zeros(0, dtype=np.int32), np.zeros(len(points) + 1, dtype=np.int64), sites), outside
    x, y = points[near, 0], points[near, 1]
    strips = _Strips.over(discs, x, y)
    places = strips.strip(y) + strips.along(x - strips.left)
    order = np.argsort(places)
    places, x, y = places[order], x[order], y[order]
    site, begins, lengths = strips.near(discs, places)
    if len(points) > _CHUNK and lengths.sum() > 2 * _HELD:
        return None
    found, counts = [np.zeros(0, dtype=np.int32)], np.zeros(sites, dtype=np.int64)
    for block in blocks_of(lengths):
        point = runs(begins[block], lengths[block])
        owner = np.repeat(site[block], lengths[block])
        reached = discs.reach(x[point] - discs.x[owner], y[point] - discs.y[owner])
        found.append(point[reached].astype(np.int32))
        counts += np.bincount(owner[reached], minlength=sites)
    return _turned(found, counts, len(points)), np.concatenate((near[order], outside))


def _words_within(points: Floats, discs: _Discs) -> tuple[NDArray[np.uint64], Int64s]:
    """Return which sites reach which points, as bits, and the point of each row.

    Points are put into cells. No rounding puts a larger number before a smaller one; so the difference from a site to
    any point lies, as computed, between those to the sides of the box of the cell's points, and so do the squares and
    their sum. The formula says for the nearest place of the box whether the site may reach any of its points, and for
    the furthest corner whether it reaches them all; only where it says neither, points are tried one by one.
    """
    sites, width = len(discs.x), (len(discs.x) + 63) // 64
    box = discs.box()
    inside = (points[:, 0] >= box.left) & (points[:, 0] <= box.right)
    inside &= (points[:, 1] >= box.low) & (points[:, 1] <= box.high)
    words = np.zeros((len(points), width), dtype=np.uint64)
    close, outside = np.flatnonzero(inside), np.flatnonzero(~inside)
    if not len(close):
        return words, outside
    x, y = points[close, 0], points[close, 1]
    side = int(min(max(1.0, np.cbrt(len(x) * sites / _CELL_WORK)), _MOST_CELLS))
    cell = _parts(x, side) * np.uint16(side) + _parts(y, side)
    order = np.argsort(cell, kind="stable")
    begins = np.flatnonzero(np.diff(cell[order], prepend=-1))
    x, y = x[order], y[order]
    sides = [(np.minimum.reduceat(along, begins), np.maximum.reduceat(along, begins)) for along in (x, y)]
    near, far = [], []
    for (low, high), site in zip(sides, (discs.x, discs.y), strict=True):
        above, below = low[:, None] - site, site - high[:, None]
        near.append(np.maximum(np.maximum(above, below), 0.0))
        far.append(np.maximum(np.abs(above), np.abs(below)))
    surely = discs.reach(*far)
    perhaps = discs.reach(*near) & ~surely
    ends = np.append(begins[1:], len(x))
    step = max(1, _PAIRS // (64 * width))
    loose = np.zeros((min(step, int((ends - begins).max())), 64 * width), dtype=np.bool_)
    for number, (begin, end) in enumerate(zip(begins.tolist(), ends.tolist(), strict=True)):
        crossing = np.flatnonzero(perhaps[number])
        for first in range(begin, end, step):
            some = slice(first, min(first + step, end))
            part = loose[: some.stop - first]
            part[:, :sites] = surely[number]
            part[:, crossing] = discs.reach(x[some, None] - discs.x[crossing], y[some, None] - discs.y[crossing])
            words[some] = np.packbits(part, axis=1, bitorder="little").view(np.uint64)
    return words, np.concatenate((close[order], outside))


def _parts(values: Floats, parts: int) -> NDArray[np.uint16]:
    """Return in which of so many equal parts of their range values lie."""
    low, high = float(values.min()), float(values.max())
    if not high - low > _SMALL:
        return np.zeros(len(values), dtype=np.uint16)
    return np.minimum((values - low) * (parts / (high - low)), parts - 1).astype(np.uint16)


def _sums(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return for each row of words a number that is the same where they are, and hardly ever where they are not."""
    keys = np.random.default_rng(0).integers(0, 2**63, size=(words.shape[1], 2), dtype=np.uint64) * 2 + 1
    total = np.zeros(len(words), dtype=np.uint64)
    half = np.uint64(32)
    for word, (first, second) in zip(words.T, keys, strict=True):
        # (A product keeps what is high in a word in a few bits only; so its halves are mixed before and after.)
        mixed = (word ^ (word >> half)) * first
        total += (mixed ^ (mixed >> half)) * second
    return total


def _rows_of_words(words: NDArray[np.uint64], sites: int) -> Rows:
    """Return rows that are given as bits."""
    count, width = words.shape
    lengths = np.bitwise_count(words).sum(axis=1, dtype=np.int64)
    ends = ends_of(lengths)
    indices = np.empty(ends[-1], dtype=np.int32)
    for block in blocks_of(np.full(count, 64 * width)):
        loose = np.unpackbits(words[block].view(np.uint8).ravel(), bitorder="little").view(np.bool_)
        number = np.arange(block.stop - block.start) * (64 * width)
        found = np.flatnonzero(loose) - np.repeat(number, lengths[block])
        indices[ends[block.start] : ends[block.stop]] = found
    return rows_from(indices, ends, sites)


def _turned(members: list[Int32s], counts: Int64s, rows: int) -> Rows:
    """Return the rows of columns that are given by their members, in parts, and how many each has."""
    indices = np.concatenate(members)
    # Whoever calls keeps no part of it, so that the members stand in memory once.
    members.clear()
    begins = ends_of(counts)
    ones = np.ones(len(indices), dtype=np.uint8)
    width: Any = np.int32 if len(indices) < np.iinfo(np.int32).max else np.int64
    turned = csc_array(
        (ones, indices.astype(width, copy=False), begins.astype(width)), shape=(rows, len(counts))
    ).tocsr()
    return rows_from(turned.indices, turned.indptr, len(counts))


@dataclass(frozen=True)
class _Strips:
    """A box of points cut into strips.

    The place of a point is the number of its strip and, behind the point, how far along x it is.
    """

    left: float
    low: float
    width: float
    height: float
    count: int

    @classmethod
    def over(cls, discs: _Discs, x: Floats, y: Floats) -> "_Strips":
        """Return strips as thin as pays: thinner ones fit the discs better and ask for more searches."""
        left, low = float(x.min()), float(y.min())
        width, height = float(x.max()) - left, float(y.max()) - low
        if not height > _SMALL:
            return cls(left, low, width, height, 1)
        share = min(1.0, discs.radius / height) * min(1.0, discs.radius / width if width > _SMALL else 1.0)
        thin = min(max(math.sqrt(math.pi * len(x) * share) / 5, 1.0), 16.0)
        most = min(float(_STRIPS), 1.0 + math.sqrt(len(x)))
        count = most if discs.radius * most < height * thin else height / discs.radius * thin
        return cls(left, low, width, height, max(1, int(count)))

    def strip(self, y: Floats) -> Floats:
        """Return the strip of each y."""
        if self.count == 1:
            return np.zeros(len(y))
        return np.clip(np.floor((y - self.low) * (self.count / self.height)), 0, self.count - 1)

    def along(self, x: Floats) -> Floats:
        """Return how far along each x, counted from the left, is: 1/4 to 3/4, so that none leaves its strip."""
        if not self.width > _SMALL:
            return np.full(len(x), 0.5)
        return 0.25 + 0.5 * np.clip(x / self.width, 0, 1)

    def near(self, discs: _Discs, places: Floats) -> tuple[Int32s, Int64s, Int64s]:
        """Return, site by site and strip by strip, where the points begin that may be reached, and how many.

        The disc is taken to be wider than it is by more than the roundings here and in the formula.
        """
        x, y, radius = discs.x - self.left, discs.y - self.low, discs.radius
        slack = 1e-12 * (radius + np.abs(y) + self.height)
        per = self.count / self.height if self.count > 1 else 0.0
        first = np.clip(np.floor((y - radius - slack) * per - 1e-9), 0, self.count)
        last = np.clip(np.floor((y + radius + slack) * per + 1e-9), -1, self.count - 1)
        number = np.maximum(last - first + 1, 0).astype(np.int64)
        site = np.repeat(np.arange(len(x), dtype=np.int32), number)
        strip = runs(first.astype(np.int64), number).astype(np.float64)
        x, y, slack = x[site], y[site], slack[site]
        high = self.height / self.count
        away = np.maximum(np.maximum(strip * high - y, y - (strip + 1) * high) - slack, 0)
        wide = np.sqrt(np.maximum(radius * radius - away * away, 0)) + 1e-12 * (radius + np.abs(x))
        able = (away <= radius) & (x + wide >= 0) & (x - wide <= self.width)
        site, strip, x, wide = site[able], strip[able], x[able], wide[able]
        begins = np.searchsorted(places, strip + self.along(x - wide) - 1e-9, side="left")
        ends = np.searchsorted(places, strip + self.along(x + wide) + 1e-9, side="right")
        return site, begins, ends - begins


@dataclass(frozen=True)
class _Grid:
    """Square cells over a box, with a ring of cells around it; tiles of 8 × 8 cells are numbered row by row."""

    left: float
    low: float
    side: float
    columns: int
    lines: int

    @classmethod
    def over(cls, box: _Box, side: float) -> "_Grid":
        columns, lines = (int(max(0.0, size) / side) + 4 for size in (box.right - box.left, box.high - box.low))
        return cls(box.left - 1.001 * side, box.low - 1.001 * side, side, columns, lines)

    @staticmethod
    def cells(box: _Box, side: float) -> float:
        """Return how many cells such a grid has; infinite where it cannot be laid."""
        far = max(abs(box.left), abs(box.low), abs(box.right), abs(box.high))
        if not side > 1e-11 * far:
            return math.inf
        cells = (max(0.0, box.right - box.left) / side + 4) * (max(0.0, box.high - box.low) / side + 4)
        return cells if cells < _GRID else math.inf

    @property
    def tiles_per_line(self) -> int:
        return (self.columns >> _TILE_BITS) + 1

    @property
    def tiles(self) -> int:
        return self.tiles_per_line * ((self.lines >> _TILE_BITS) + 1)

    def cell(self, column: NDArray[Any], line: NDArray[Any]) -> Int32s:
        """Return the number of cells: that of their tile, and behind it their place in it."""
        rest = (1 << _TILE_BITS) - 1
        tile = (line >> _TILE_BITS) * self.tiles_per_line + (column >> _TILE_BITS)
        cell: Int32s = (tile << 2 * _TILE_BITS) | ((line & rest) << _TILE_BITS) | (column & rest)
        return cell

    def of_points(self, x: Floats, y: Floats) -> Int32s:
        """Return the cell of each point; of those beyond the box one of the ring."""
        with np.errstate(over="ignore"):
            column, line = (x - self.left) * (1 / self.side), (y - self.low) * (1 / self.side)
        np.clip(column, 0, self.columns - 1, out=column)
        np.clip(line, 0, self.lines - 1, out=line)
        return self.cell(column.astype(np.int32), line.astype(np.int32))


@dataclass(frozen=True)
class _Bands:
    """Where each disc meets each line of cells.

    Attributes
    ----------
    site, line
        Which disc and which line.
    first, last
        The columns of the cells that the disc may touch.
    inner_first, inner_last
        The columns of those that lie wholly inside; none where the last is before the first.
    """

    site: Int32s
    line: Int64s
    first: Int64s
    last: Int64s
    inner_first: Int64s
    inner_last: Int64s

    @classmethod
    def of(cls, grid: _Grid, discs: _Discs) -> "_Bands":
        x, y = (discs.x - grid.left) / grid.side, (discs.y - grid.low) / grid.side
        radius = discs.radius / grid.side
        first = _whole(np.floor(y - radius - _MARGIN), 1, grid.lines)
        last = _whole(np.floor(y + radius + _MARGIN), 0, grid.lines - 2)
        number = np.maximum(last - first + 1, 0)
        site = np.repeat(np.arange(len(x), dtype=np.int32), number)
        line = runs(first, number)
        x, y = x[site], y[site]
        nearest = np.maximum(np.maximum(line - y, y - line - 1) - _MARGIN, 0)
        furthest = np.maximum(np.abs(line - y), np.abs(line + 1 - y)) + _MARGIN
        outer = np.sqrt(np.maximum(radius * radius - nearest * nearest, 0)) + _MARGIN
        inner = np.sqrt(np.maximum(radius * radius - furthest * furthest, 0)) - _MARGIN
        return cls(
            site,
            line,
            _whole(np.floor(x - outer), 1, grid.columns),
            _whole(np.floor(x + outer), 0, grid.columns - 2),
            _whole(np.ceil(x - inner), 0, grid.columns),
            _whole(np.where(furthest < radius, np.floor(x + inner) - 1, -1), -1, grid.columns),
        )


def _whole(values: Floats, least: int, most: int) -> Int64s:
    """Return whole numbers of any size as integers within limits."""
    whole: Int64s = np.clip(values, least, most).astype(np.int64)
    return whole


class _Cells:
    """The cells of a grid: who reaches all of each, and whose circles cross it; and the points put into them.

    A point has a code: its cell's first one plus a bit for each crossing site that reaches it. Code 0 is reached by
    nobody; the last code is for points of cells that too many circles cross.
    """

    def __init__(self, discs: _Discs, grid: _Grid) -> None:
        self._discs, self._grid = discs, grid
        bands = _Bands.of(grid, discs)
        members: tuple[list[Int32s], list[Int32s]] = ([np.zeros(0, dtype=np.int32)], [np.zeros(0, dtype=np.int32)])
        counts = np.zeros((2, len(discs.x)), dtype=np.int64)
        lengths = np.maximum(bands.last - bands.first + 1, 0)
        for block in blocks_of(lengths):
            band = np.repeat(np.arange(block.start, block.stop), lengths[block])
            column = runs(bands.first[block], lengths[block])
            cell = grid.cell(column, bands.line[band]).astype(np.int32)
            inside = (column >= bands.inner_first[band]) & (column <= bands.inner_last[band])
            for part, mask in enumerate((inside, ~inside)):
                members[part].append(cell[mask])
                counts[part] += np.bincount(bands.site[band[mask]], minlength=len(discs.x))
        touched = np.zeros(grid.tiles, dtype=np.bool_)
        for cells in chain(*members):
            touched[cells >> 2 * _TILE_BITS] = True
        # Tile 0 stands for all that no disc touches.
        self._tile = np.where(touched, np.cumsum(touched, dtype=np.int32), np.int32(0))
        size = (int(touched.sum()) + 1) << 2 * _TILE_BITS
        for cells_of_part in members:
            cells_of_part[:] = [self._numbered(cells) for cells in cells_of_part]
        self._inside, self._crossing = (_turned(part, count, size) for part, count in zip(members, counts, strict=True))
        self._set_codes()

    def _numbered(self, cells: Int32s) -> Int32s:
        """Return the numbers of cells among those of the tiles that a disc touches."""
        rest = (1 << 2 * _TILE_BITS) - 1
        numbered: Int32s = (self._tile[cells >> 2 * _TILE_BITS] << 2 * _TILE_BITS) | (cells & rest)
        return numbered

    def _set_codes(self) -> None:
        circles = np.diff(self._crossing.indptr)
        reached = np.diff(self._inside.indptr) + circles > 0
        most = _CROSSING
        while True:
            light = reached & (circles <= most)
            self._ends = 1 + ends_of(np.where(light, 1 << np.minimum(circles, most), 0))
            self._last = int(self._ends[-1])
            if self._last < _CODES or not most:
                break
            most -= 1
        self._first = np.where(light, self._ends[:-1], np.where(reached, self._last, 0)).astype(np.int32)
        self._circles = np.where(light, circles, 0).astype(np.uint8)
        self._people = np.zeros(self._last + 1)
        self._seen = np.zeros(self._last + 1, dtype=np.bool_)

    def take(self, points: Floats, weight: Floats) -> Int32s:
        """Take points; return their codes."""
        codes = np.empty(len(points), dtype=np.int32)
        for begin in range(0, len(points), _CHUNK):
            codes[begin : begin + _CHUNK] = self._codes(points[begin : begin + _CHUNK])
        self._seen[codes] = True
        self._people += np.bincount(codes, weights=weight, minlength=self._last + 1)
        return codes

    def _codes(self, points: Floats) -> Int32s:
        discs = self._discs
        x, y = np.ascontiguousarray(points[:, 0]), np.ascontiguousarray(points[:, 1])
        cell = self._numbered(self._grid.of_points(x, y))
        codes: Int32s = self._first[cell]
        circles = self._circles[cell]
        crossed = np.flatnonzero(circles)
        x, y, circles = x[crossed], y[crossed], circles[crossed]
        place = self._crossing.indptr[cell[crossed]]
        for bit in range(_CROSSING):
            if bit:
                more = np.flatnonzero(circles > bit)
                crossed, x, y, circles, place = crossed[more], x[more], y[more], circles[more], place[more]
            if not len(crossed):
                break
            site = self._crossing.indices[place + bit]
            reached = discs.reach(x - discs.x[site], y - discs.y[site])
            codes[crossed] += reached.astype(np.int32) << bit
        return codes

    def is_heavy(self, codes: Int32s) -> Mask:
        """Return which points must be tried with the sites near them."""
        heavy: Mask = codes == self._last
        return heavy

    def numbers(self, pool: _Pool) -> Int32s:
        """Put what the codes stand for into a pool; return the number that each code has there."""
        numbers = np.full(self._last + 1, -1, dtype=np.int32)
        used = np.flatnonzero(self._seen[1:-1]) + 1
        cell = np.searchsorted(self._ends, used, side="right") - 1
        lengths = np.diff(self._inside.indptr)[cell] + self._circles[cell]
        for block in blocks_of(lengths, _HELD // 8):
            rows = self._rows(cell[block], used[block] - self._ends[cell[block]])
            numbers[used[block]] = pool.add(rows, self._people[used[block]])
        return numbers

    def _rows(self, cell: Int64s, bits: Int64s) -> Rows:
        """Return the sites of some cells and, of those whose circles cross them, of the bits."""
        inside = np.diff(self._inside.indptr)[cell]
        begins = ends_of(inside + np.bitwise_count(bits))
        place = begins[:-1].copy()
        indices = np.empty(begins[-1], dtype=np.int32)
        indices[runs(place, inside)] = self._inside.indices[runs(self._inside.indptr[cell], inside)]
        place += inside
        for bit in range(_CROSSING):
            has = np.flatnonzero((bits >> bit) & 1)
            indices[place[has]] = self._crossing.indices[self._crossing.indptr[cell[has]] + bit]
            place[has] += 1
        rows = rows_from(indices, begins, len(self._discs.x))
        rows.has_sorted_indices = False
        rows.sort_indices()
        return rows
