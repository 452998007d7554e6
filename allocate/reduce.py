"""Reductions that lose nothing: a covering problem made smaller with the same best answers, each with its proof."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

type Rows = csr_array[Any, tuple[int, int]]
type Floats = NDArray[np.float64]
type Int32s = NDArray[np.int32]
type Int64s = NDArray[np.int64]
type Mask = NDArray[np.bool_]

# How many entries of a matrix are looked at together: few enough for the cache, many enough for NumPy.
_BLOCK = 1 << 20
# How large a table of bits may be [bytes].
_TABLE = 1 << 27
# How many rows at least are looked for in longer ones together.
_FEW = 128
# How many pairs of rows are compared before the rest is left as it is.
_PAIRS = 1 << 28
# Sets are compared word by word where all of them together have no more bits than this, and as many members each as
# that, or are so few.
_WORDS, _LONG, _SMALL = 1 << 26, 24, 4096
# With no more members than that, all words of a set laid over each other still tell it from others.
_FOLDED = 32
# What sums of floats may have lost, as a share.
_SLACK = 1e-11


def rows_of(matrix: Any) -> Rows:
    """Return a dense or sparse matrix as rows of sorted sites: uint8 ones wherever it is not zero, int32 indices."""
    rows = csr_array(matrix)
    if not rows.has_canonical_format:
        # Wide enough for sums of entries that were given in parts.
        rows = rows.astype(np.float64)
        rows.sum_duplicates()
    kept = rows.data != 0
    if kept.all():
        return rows_from(rows.indices, rows.indptr, rows.shape[1])
    return rows_from(rows.indices[kept], ends_of(kept)[rows.indptr], rows.shape[1])


def rows_from(indices: NDArray[Any], indptr: NDArray[Any], sites: int) -> Rows:
    """Return rows of ones from the sorted sites of each and where each begins."""
    width = np.int32 if len(indices) < np.iinfo(np.int32).max else np.int64
    parts = (
        np.ones(len(indices), dtype=np.uint8),
        indices.astype(width, copy=False),
        indptr.astype(width, copy=False),
    )
    rows: Rows = csr_array(parts, shape=(len(indptr) - 1, sites))
    # They are; SciPy would otherwise look at all of them to find out.
    rows.has_sorted_indices = True
    rows.has_canonical_format = True
    return rows


def take_rows(matrix: Rows, rows: NDArray[Any]) -> Rows:
    """Return some rows of a matrix, in the order given."""
    begins = matrix.indptr[rows].astype(np.int64)
    lengths = matrix.indptr[1:][rows] - begins
    ends = ends_of(lengths)
    indices = np.empty(ends[-1], dtype=matrix.indices.dtype)
    for block in blocks_of(lengths):
        part = runs(begins[block], lengths[block])
        np.take(matrix.indices, part, out=indices[ends[block.start] : ends[block.stop]], mode="wrap")
    return rows_from(indices, ends, matrix.shape[1])


def take_sites(matrix: Rows, sites: Mask) -> Rows:
    """Return a matrix without the sites that the mask leaves out."""
    keep = sites[matrix.indices]
    number = np.cumsum(sites, dtype=np.int32) - 1
    return rows_from(number[matrix.indices[keep]], ends_of(keep)[matrix.indptr], int(sites.sum()))


def ends_of(lengths: NDArray[Any]) -> Int64s:
    """Return where runs of the given lengths begin, one after another, and where the last one ends."""
    ends = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=ends[1:])
    return ends


def runs(begins: NDArray[Any], lengths: NDArray[Any]) -> Int64s:
    """Return the numbers of many runs, one after another: begin, begin + 1, … for each."""
    ends = ends_of(lengths)
    return np.arange(ends[-1]) + np.repeat(begins - ends[:-1], lengths)


def merge_rows(matrix: Rows, weight: Floats) -> tuple[Rows, Floats, Int32s]:
    """Merge the rows that the same sites reach, and drop those that no site reaches.

    Proof that nothing is lost: whether a row is covered, and how often, is a function of its set of sites and of the
    sites opened. Rows with equal sets are covered together in every answer, so one row with the sum of their weights
    gives every answer the same value. (Prior art: Lv et al. 2025, European Journal of Operational Research 327(2).)

    Equal sets are found by a sum of random 64-bit keys, one key per site, and then verified: every row is compared,
    site by site, with the first of its group; those that differ are grouped anew among themselves. Rows equal to one
    that differs have its sum and differ as well, so no two equal rows are ever parted, whatever the keys.

    Returns
    -------
    The merged rows in the order of their first members, the weight of each, and for every row of the matrix the
    number of its merged row (-1: no site reaches it).

    >>> matrix, weight, group_of = merge_rows(rows_of([[1, 0], [0, 0], [1, 0], [1, 1]]), np.array([2.0, 4.0, 8.0, 1.0]))
    >>> matrix.toarray().tolist(), weight.tolist(), group_of.tolist()
    ([[1, 0], [1, 1]], [10.0, 1.0], [0, -1, 0, 1])
    """
    lengths = np.diff(matrix.indptr)
    reached = np.flatnonzero(lengths)
    group_of = np.full(len(lengths), -1, dtype=np.int32)
    if not len(reached):
        return take_rows(matrix, reached), np.zeros(0), group_of
    first, groups = _equal_rows(matrix, reached)
    group_of[reached] = groups
    if len(first) == len(lengths):
        return matrix, np.array(weight, dtype=np.float64), group_of
    merged = np.bincount(groups, weights=weight[reached], minlength=len(first))
    return take_rows(matrix, first), merged, group_of


def _equal_rows(matrix: Rows, rows: Int64s) -> tuple[Int64s, Int32s]:
    """Return the first row of each group of equal rows, ascending, and the group of each row; no row is empty."""
    group_of = np.empty(len(rows), dtype=np.int32)
    firsts: list[Int64s] = []
    count, pending, attempt = 0, np.arange(len(rows)), 0
    while len(pending):
        first, groups = same_values(_hashes(matrix, rows[pending], _keys(matrix.shape[1], attempt)))
        group_of[pending] = groups + count
        firsts.append(pending[first])
        count += len(first)
        pending = pending[_differing(matrix, rows[pending], rows[pending[first]][groups])]
        attempt += 1
    if len(firsts) == 1:
        return rows[firsts[0]], group_of
    first = np.concatenate(firsts)
    order = np.argsort(first)
    place = np.empty(count, dtype=np.int32)
    place[order] = np.arange(count, dtype=np.int32)
    return rows[first[order]], place[group_of]


def _keys(sites: int, attempt: int) -> NDArray[np.uint64]:
    return np.random.default_rng(attempt).integers(1, 2**64, size=sites, dtype=np.uint64, endpoint=False)


def same_values(values: NDArray[Any]) -> tuple[Int64s, Int32s]:
    """Return where each distinct value stands first, ascending, and for every value the number of its group."""
    order = np.argsort(values)
    ranked = values[order]
    begins = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1])))
    # Which of the equal ones comes first in `order` is up to the processor; the smallest is not.
    first = np.minimum.reduceat(order, begins)
    by_first = np.argsort(first)
    place = np.empty(len(first), dtype=np.int32)
    place[by_first] = np.arange(len(first), dtype=np.int32)
    group_of = np.empty(len(values), dtype=np.int32)
    group_of[order] = np.repeat(place, np.diff(begins, append=len(values)))
    return first[by_first], group_of


def blocks_of(lengths: NDArray[Any], size: int = 0) -> Iterator[slice]:
    """Yield slices of consecutive rows that hold about a block's entries together."""
    ends = ends_of(lengths)
    begin = 0
    while begin < len(lengths):
        end = max(begin + 1, int(np.searchsorted(ends, ends[begin] + (size or _BLOCK), side="right")) - 1)
        yield slice(begin, end)
        begin = end


def _entries(matrix: Rows, rows: Int64s) -> NDArray[Any]:
    """Return the sites of some rows, one row after another."""
    if len(rows) and rows[-1] - rows[0] == len(rows) - 1 and (np.diff(rows) == 1).all():
        return matrix.indices[matrix.indptr[rows[0]] : matrix.indptr[rows[-1] + 1]]
    begins = matrix.indptr[rows].astype(np.int64)
    return matrix.indices[runs(begins, matrix.indptr[1:][rows] - begins)]


def _hashes(matrix: Rows, rows: Int64s, keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    lengths = matrix.indptr[1:][rows] - matrix.indptr[rows]
    hashes = np.empty(len(rows), dtype=np.uint64)
    for block in blocks_of(lengths):
        begins = ends_of(lengths[block])[:-1]
        hashes[block] = np.add.reduceat(keys[_entries(matrix, rows[block])], begins)
    return hashes


def _differing(matrix: Rows, rows: Int64s, others: Int64s) -> Int64s:
    """Return the positions at which a row and the other row put beside it are not the same set."""
    lengths = matrix.indptr[1:][rows] - matrix.indptr[rows]
    differs = lengths != matrix.indptr[1:][others] - matrix.indptr[others]
    todo = np.flatnonzero((rows != others) & ~differs)
    for block in blocks_of(lengths[todo]):
        places = todo[block]
        unequal = _entries(matrix, rows[places]) != _entries(matrix, others[places])
        if unequal.any():
            ends = ends_of(lengths[places])
            differs[places[np.searchsorted(ends, np.flatnonzero(unequal), side="right") - 1]] = True
    return np.flatnonzero(differs)


class _Words:
    """Sets as bits, 64 members to a word: sets are compared by a few operations, however many members they have."""

    def __init__(self, indices: NDArray[Any], indptr: NDArray[Any], universe: int) -> None:
        lengths = np.diff(indptr)
        self._width = max(1, (universe + 63) // 64)
        words = np.empty((len(lengths), self._width), dtype=np.uint64)
        for block in blocks_of(np.full(len(lengths), 64 * self._width)):
            begin, end = indptr[block.start], indptr[block.stop]
            loose = np.zeros((block.stop - block.start) * 64 * self._width, dtype=np.uint8)
            offset = np.arange(block.stop - block.start, dtype=np.int64) * (64 * self._width)
            loose[np.repeat(offset, lengths[block]) + indices[begin:end]] = 1
            words[block] = np.packbits(loose).view(np.uint64).reshape(-1, self._width)
        # One word of all sets after another; before them, where sets are small, one that shows a bit of each of them.
        self._words = list(np.ascontiguousarray(words.T))
        if self._width > 1 and len(indices) <= _FOLDED * len(lengths):
            self._words.insert(0, np.bitwise_or.reduce(words, axis=1))

    @staticmethod
    def pay(sets: int, universe: int, entries: int) -> bool:
        """Tell whether sets are better compared this way."""
        return sets * universe <= _WORDS and (entries >= _LONG * sets or max(sets, universe) <= _SMALL)

    def inside(self, smaller: Int64s, larger: Int64s) -> tuple[Int64s, Int64s]:
        """Return the pairs in which the smaller set is inside the larger one, each with each."""
        word = self._words[0]
        loose = np.flatnonzero((word[smaller][:, None] & ~word[larger]) == 0)
        first, second = np.divmod(loose, max(1, len(larger)))
        first, second = smaller[first], larger[second]
        for word in self._words[1:]:
            left = np.flatnonzero((word[first] & ~word[second]) == 0)
            first, second = first[left], second[left]
        return first, second


class _Signatures:
    """Bits of every set that show of most pairs that one is no subset of the other."""

    def __init__(self, indices: NDArray[Any], indptr: NDArray[Any], universe: int) -> None:
        lengths = np.diff(indptr)
        some = np.flatnonzero(lengths)
        random = np.random.default_rng(0)
        # With more members to a word than this, most of its bits would be set and show nothing.
        most, mean = 24, len(indices) / max(1, len(some))
        self._words = np.zeros((min(max(int(mean / most), 1), 4), len(lengths)), dtype=np.uint64)
        for word in self._words:
            bits = np.uint64(1) << random.integers(0, 64, size=universe, dtype=np.uint64)
            bits[random.random(universe) * mean > most] = 0
            for block in blocks_of(lengths[some]):
                sets = some[block]
                begin, end = indptr[sets[0]], indptr[sets[-1] + 1]
                word[sets] = np.bitwise_or.reduceat(bits[indices[begin:end]], indptr[sets] - begin)

    def likely(self, smaller: Int64s, larger: Int64s) -> tuple[Int64s, Int64s]:
        """Return the pairs in which the smaller set may be a subset of the larger one."""
        for word in self._words:
            left = np.flatnonzero((word[smaller] & ~word[larger]) == 0)
            smaller, larger = smaller[left], larger[left]
        return smaller, larger


class _Members:
    """Tells whether a row has a site: by a table of bits where that is small, by halving where it is not."""

    def __init__(self, matrix: Rows) -> None:
        self._matrix = matrix
        self._bits: NDArray[np.uint8] | None = None
        rows, sites = matrix.shape
        self._width = (sites + 7) // 8
        if rows * self._width <= _TABLE and rows * self._width <= 32 * len(matrix.indices):
            self._bits = np.zeros(rows * self._width, dtype=np.uint8)
            for block in blocks_of(np.full(rows, 8 * self._width)):
                self._fill(self._bits, block)

    def _fill(self, bits: NDArray[np.uint8], block: slice) -> None:
        begins = self._matrix.indptr[block.start : block.stop + 1]
        row = np.repeat(np.arange(block.stop - block.start), np.diff(begins))
        loose = np.zeros(8 * self._width * (block.stop - block.start), dtype=np.uint8)
        loose[row * (8 * self._width) + self._matrix.indices[begins[0] : begins[-1]]] = 1
        bits[block.start * self._width : block.stop * self._width] = np.packbits(loose, bitorder="little")

    def has(self, rows: NDArray[Any], sites: NDArray[Any]) -> Mask:
        """Return whether each row has the site put beside it."""
        if self._bits is None:
            return self._halved(rows, sites)
        byte = self._bits[rows.astype(np.int64) * self._width + (sites >> 3)]
        found: Mask = (byte >> (sites & 7).astype(np.uint8)) & 1 == 1
        return found

    def _halved(self, rows: NDArray[Any], sites: NDArray[Any]) -> Mask:
        indices, indptr = self._matrix.indices, self._matrix.indptr
        low, end = indptr[rows], indptr[1:][rows]
        high, last = end, len(indices) - 1
        for _ in range(int((end - low).max(initial=0)).bit_length()):
            middle = (low + high) >> 1
            below = (low < high) & (indices[np.minimum(middle, last)] < sites)
            low = np.where(below, middle + 1, low)
            high = np.where(below, high, middle)
        found: Mask = (low < end) & (indices[np.minimum(low, last)] == sites)
        return found


def undominated_rows(matrix: Rows) -> Mask:
    """Return which rows are left to cover when all must be covered: those that contain no other row.

    Proof that nothing is lost: let the sites of row k be a subset of those of row i. An answer that covers k opens one
    of its sites, and that site covers i as well; so i asks for nothing more. Of equal rows the first is kept. A row
    that is left out is implied by one that is kept, for "contains it, or equals it and comes later" has no cycles.
    (Toregas and ReVelle 1972, Papers of the Regional Science Association 28.) It holds as well where every row must be
    covered b times, with one b for all. It does not hold where rows may stay uncovered. Rows without a site are kept.

    Shortest first: what is still kept then is kept for good, and leaves out the longer rows of its rarest site that
    contain it. The pairs compared are counted, so that a hard matrix costs time that is known; what is not compared is
    kept.
    """
    mask = np.zeros(matrix.shape[0], dtype=np.bool_)
    lengths = np.diff(matrix.indptr)
    reached = np.flatnonzero(lengths)
    mask[lengths == 0] = True
    if not len(reached):
        return mask
    if _Words.pay(len(lengths), matrix.shape[1], len(matrix.indices)):
        mask[_containing_none(matrix, reached)] = True
        return mask
    distinct, _ = _equal_rows(matrix, reached)
    mask[distinct] = True
    rows = matrix if len(distinct) == len(lengths) else take_rows(matrix, distinct)
    mask[distinct[~_containing(rows)]] = False
    return mask


def _containing_none(matrix: Rows, rows: Int64s) -> Int64s:
    """Return which of some rows contain no other, nor equal one before them; none is empty.

    What a row of the same batch leaves out may leave out others: whatever lies in it lies in them as well.
    """
    words, lengths = _Words(matrix.indices, matrix.indptr, matrix.shape[1]), np.diff(matrix.indptr)
    alive, kept, pairs = rows[np.argsort(lengths[rows], kind="stable")], [rows[:0]], 0
    place = np.empty(len(lengths), dtype=np.int64)
    while len(alive) and pairs <= _PAIRS:
        count = 1 + (_BLOCK // 8) // len(alive)
        batch = alive[:count]
        place[alive] = np.arange(len(alive))
        smaller, larger = words.inside(batch, alive)
        stays = np.ones(len(alive), dtype=np.bool_)
        stays[place[larger[place[smaller] < place[larger]]]] = False
        kept.append(batch[stays[:count]])
        alive = alive[count:][stays[count:]]
        pairs += count * len(alive)
    return np.concatenate([*kept, alive])


def _containing(matrix: Rows) -> Mask:
    """Return which rows contain no other; rows are distinct and not empty."""
    count, sites = matrix.shape
    lengths = np.diff(matrix.indptr)
    signatures = _Signatures(matrix.indices, matrix.indptr, sites)
    alive = np.ones(count, dtype=np.bool_)
    members = _Members(matrix)
    held, pairs = _Columns(matrix, np.arange(count)), 0
    by_length = np.argsort(lengths, kind="stable")
    # Rows of one length cannot contain each other; where they are few, several lengths at once cost less.
    ends = np.flatnonzero(np.diff(lengths[by_length], append=0))
    for batch in np.split(by_length, ends[np.diff(ends // _FEW, append=-1) != 0] + 1):
        rows = batch[alive[batch]]
        if not len(rows):
            continue
        if 4 * np.count_nonzero(alive) < 3 * len(held.rows):
            held = _Columns(matrix, np.flatnonzero(alive))
        begins, found = held.rarest(matrix, rows)
        for block in blocks_of(found, _BLOCK // 8):
            larger = held.members(begins[block], found[block])
            smaller = np.repeat(rows[block], found[block])
            pairs += len(larger)
            likely = np.flatnonzero(alive[larger] & (lengths[larger] > lengths[smaller]))
            smaller, larger = signatures.likely(smaller[likely], larger[likely])
            alive[_supersets(matrix, members, smaller, larger)] = False
            if pairs > _PAIRS:
                return alive
    return alive


class _Columns:
    """Which of some rows each site reaches."""

    def __init__(self, matrix: Rows, rows: Int64s) -> None:
        self.rows = rows
        columns = (matrix if len(rows) == matrix.shape[0] else take_rows(matrix, rows)).tocsc()
        self._begins, self._members = columns.indptr, columns.indices

    def rarest(self, matrix: Rows, rows: Int64s) -> tuple[Int64s, Int64s]:
        """Return where the members of the rarest site of each row begin, and how many they are."""
        sizes = np.diff(self._begins).astype(np.int64)
        begins = ends_of(matrix.indptr[1:][rows] - matrix.indptr[rows])[:-1]
        ranks = sizes * len(sizes) + np.arange(len(sizes))
        site = np.minimum.reduceat(ranks[_entries(matrix, rows)], begins) % len(sizes)
        return self._begins[site].astype(np.int64), sizes[site]

    def members(self, begins: Int64s, lengths: Int64s) -> Int64s:
        return self.rows[self._members[runs(begins, lengths)]]


def _supersets(matrix: Rows, members: _Members, smaller: Int64s, larger: Int64s) -> Int64s:
    """Return the larger rows that contain the smaller row put beside them."""
    begins = matrix.indptr[smaller].astype(np.int64)
    lengths = matrix.indptr[1:][smaller] - begins
    return larger[_throughout(begins, lengths, lambda pair, entry: members.has(larger[pair], matrix.indices[entry]))]


def undominated_sites(matrix: Rows, cost: Floats) -> Mask:
    """Return which sites are worth opening: those whose rows are not all reached by another that costs no more.

    Proof that nothing is lost: let every row of site j be a row of site k, and k cost no more than j. In an answer
    that opens j, open k instead (or, if k is open already, close j): every row stays covered at no more cost and with
    no more sites. Of sites with the same rows and cost the first is kept; a site that is left out is dominated by one
    that is kept, for "fewer rows, or the same rows and more cost, or both the same and later" has no cycles. A site
    that reaches nothing is left out: closing it changes no row. (Toregas and ReVelle 1972.) It holds for full, partial
    and maximal covering; it does not hold where being reached twice counts, nor for a site that is there already or
    must be opened.
    """
    count = matrix.shape[0]
    columns = matrix.tocsc()
    reached = np.diff(columns.indptr)
    mask = reached > 0
    if not mask.any():
        return mask
    if matrix.shape[1] <= _SMALL and _Words.pay(matrix.shape[1], count, len(matrix.indices)):
        words, some = _Words(columns.indices, columns.indptr, count), np.flatnonzero(mask)
        for block in blocks_of(np.full(len(some), len(some)), _BLOCK // 8):
            smaller, larger = words.inside(some[block], some)
            mask[smaller[_is_better(larger, smaller, reached, cost)]] = False
        return mask
    members, some = _Members(matrix), np.flatnonzero(mask)
    lengths = np.diff(matrix.indptr).astype(np.int64)
    signatures = _Signatures(columns.indices, columns.indptr, count)
    # Whoever reaches all rows of a site reaches the one that fewest reach.
    ranks, row = lengths * count + np.arange(count), np.empty(len(some), dtype=np.int64)
    for block in blocks_of(reached[some]):
        begins = columns.indptr[some[block]]
        entries = columns.indices[begins[0] : columns.indptr[some[block][-1] + 1]]
        row[block] = np.minimum.reduceat(ranks[entries], begins - begins[0]) % count
    for block in blocks_of(lengths[row]):
        smaller = np.repeat(some[block], lengths[row[block]])
        larger = _entries(matrix, row[block]).astype(np.int64)
        able = _is_better(larger, smaller, reached, cost)
        smaller, larger = signatures.likely(smaller[able], larger[able])
        mask[_subsets(members, columns, smaller, larger)] = False
    return mask


def _is_better(larger: Int64s, smaller: Int64s, reached: NDArray[Any], cost: Floats) -> Mask:
    """Return which sites could stand for the site put beside each, if they reach all of its rows."""
    able = (reached[larger] >= reached[smaller]) & (cost[larger] <= cost[smaller])
    same = (reached[larger] == reached[smaller]) & (cost[larger] == cost[smaller])
    better: Mask = able & (larger != smaller) & (~same | (larger < smaller))
    return better


def _subsets(members: _Members, columns: Any, smaller: Int64s, larger: Int64s) -> Int64s:
    """Return the smaller sites all of whose rows the larger site put beside them reaches."""
    begins = columns.indptr[smaller].astype(np.int64)
    lengths = columns.indptr[1:][smaller] - begins
    return smaller[_throughout(begins, lengths, lambda pair, entry: members.has(columns.indices[entry], larger[pair]))]


def _throughout(begins: Int64s, lengths: NDArray[Any], holds: Callable[[Int64s, Int64s], Mask]) -> Mask:
    """Return which runs of entries hold in every entry: asked a few at a time, so that most fail soon."""
    result = np.ones(len(begins), dtype=np.bool_)
    asked, done, step = np.arange(len(begins)), 0, 1
    while len(asked):
        share = np.minimum(lengths[asked] - done, step)
        pairs = np.repeat(asked, share)
        result[pairs[~holds(pairs, runs(begins[asked] + done, share))]] = False
        done += step
        asked = asked[result[asked] & (lengths[asked] > done)]
        step = max(1, min(2 * step, _BLOCK // max(1, len(asked))))
    return result


@dataclass(frozen=True)
class Shrunk:
    """What is left of a full covering after its reductions.

    Attributes
    ----------
    matrix
        Rows still to be covered × sites still worth opening.
    rows, sites
        Their numbers in the matrix that was given, ascending.
    chosen
        The sites that are opened in any case, ascending: with a best answer to what is left they are a best answer.
    """

    matrix: Rows
    rows: Int64s
    sites: Int64s
    chosen: Int64s


def shrink_cover(matrix: Rows, cost: Floats) -> Shrunk:
    """Reduce a full covering, where every row must be covered at least cost, until nothing changes any more.

    Proof that nothing is lost: a row that a single site reaches forces that site, and the rows it reaches are covered;
    the rest is `undominated_rows` and `undominated_sites`. Each step keeps at least one best answer, and any best
    answer to what is left, with the sites chosen, is a best answer to the whole. (Toregas and ReVelle 1972; Beasley
    1987, European Journal of Operational Research 31(1).)

    Every row has a site.

    >>> shrunk = shrink_cover(rows_of([[1, 0, 0], [1, 1, 0], [0, 1, 1]]), np.ones(3))
    >>> shrunk.chosen.tolist(), shrunk.matrix.shape
    ([0, 1], (0, 0))
    """
    rows, sites = np.arange(matrix.shape[0]), np.arange(matrix.shape[1])
    chosen = [sites[:0]]
    size = (-1, -1)
    while size != matrix.shape:
        size = matrix.shape
        alone = matrix.indptr[:-1][np.diff(matrix.indptr) == 1]
        if len(alone):
            forced = np.zeros(matrix.shape[1], dtype=np.bool_)
            forced[matrix.indices[alone]] = True
            chosen.append(sites[forced])
            covered = np.logical_or.reduceat(forced[matrix.indices], matrix.indptr[:-1])
            rows, matrix = rows[~covered], take_rows(matrix, np.flatnonzero(~covered))
            sites, matrix = sites[~forced], take_sites(matrix, ~forced)
        kept = undominated_rows(matrix)
        rows, matrix = rows[kept], take_rows(matrix, np.flatnonzero(kept))
        kept = undominated_sites(matrix, cost[sites])
        if kept.all():
            # With the same sites the rows that are left contain each other no more than before.
            break
        sites, matrix = sites[kept], take_sites(matrix, kept)
    return Shrunk(matrix, rows, sites, np.sort(np.concatenate(chosen)))


@dataclass(frozen=True)
class Parts:
    """The parts of a matrix that share neither row nor site.

    Attributes
    ----------
    count
        How many parts have a row.
    rows, sites
        The part of each row and of each site: 0, 1, … in the order of their first rows; -1 for a site without rows.
    """

    count: int
    rows: Int32s
    sites: Int32s


def parts(matrix: Rows) -> Parts:
    """Return the connected parts of a matrix whose rows all have a site.

    Proof that nothing is lost: no row is reached from another part, so what is opened in one part changes nothing in
    another. Where all rows must be covered, best answers to the parts are together a best answer to the whole; where
    sites are limited, the parts compete for them alone.
    """
    count = matrix.shape[0]
    if not count:
        return Parts(0, np.zeros(0, dtype=np.int32), np.full(matrix.shape[1], -1, dtype=np.int32))
    # One graph of rows and sites: its first lines are the rows, and sites are numbered after them.
    size = sum(matrix.shape)
    ends = np.append(matrix.indptr, np.full(matrix.shape[1], matrix.indptr[-1], dtype=matrix.indptr.dtype))
    graph = csr_array((matrix.data, matrix.indices + count, ends), shape=(size, size))
    _, labels = connected_components(graph, directed=False)
    first, of_rows = same_values(labels[:count])
    number = np.full(int(labels.max()) + 1, -1, dtype=np.int32)
    number[labels[:count][first]] = np.arange(len(first), dtype=np.int32)
    return Parts(len(first), of_rows, number[labels[count:]])


@dataclass(frozen=True)
class Fixed:
    """What anything better than the best known must have in common.

    Attributes
    ----------
    opened, closed
        The sites that every better answer opens, and those that none opens; a site that is both says that no answer
        is better.
    """

    opened: Mask
    closed: Mask


def fix_by_bound(
    profit: Floats,
    budget: float,
    best: float,
    *,
    rest: float = 0.0,
    cost: Floats | None = None,
    step: float = 0.0,
) -> Fixed:
    """Fix the sites that a Lagrangian bound decides, where the most is wanted for a number of sites or a budget.

    The bound is rest + f(budget), where f(b) is the most that Σ profit_j x_j reaches with Σ cost_j x_j <= b and
    0 <= x_j <= 1 (Dantzig 1957, Operations Research 5(2): the best profit per cost first).

    Proof that nothing better is lost: every answer is worth at most rest + Σ profit_j x_j over its sites. One that
    opens j spends at most budget - cost_j on the others, so it is worth at most rest + profit_j + f(budget - cost_j).
    One that leaves j closed could add j if it had cost_j more to spend, so its profits are at most
    f(budget + cost_j) - profit_j. If either is less than best + step, or no more than best, nothing better is among
    these answers. With cost 1 these are the well known differences to the p-th and (p+1)-th profit. Bounds are first
    moved up by more than sums of floats lose.

    Parameters
    ----------
    profit
        Reduced profit of each site (of those that are still free) [value].
    budget
        What may be spent on them; the number of sites where no cost is given [cost].
    best
        The best value known [value].
    rest
        What the bound holds beside the profits [value].
    cost
        Cost of each site, 0 or more; 1 each if not given [cost].
    step
        By how much anything better is better at least (1 where values are whole) [value].
    """
    cost = np.ones(len(profit)) if cost is None else cost
    size = abs(rest) + abs(best) + float(np.abs(profit).sum())
    # Something better is worth this at least; the slack counts against fixing.
    better = best + step - _SLACK * size
    spent, gained = _dantzig(profit, cost)
    left = budget - cost
    opening = rest + profit + np.interp(np.maximum(left, 0), spent, gained)
    opening[left < -_SLACK * (abs(budget) + cost)] = -np.inf
    closing = rest - profit + np.interp(budget + cost, spent, gained)
    return Fixed(opened=closing < better, closed=opening < better)


def _dantzig(profit: Floats, cost: Floats) -> tuple[Floats, Floats]:
    """Return the corners of the most profit for each amount spent."""
    useful = np.flatnonzero(profit > 0)
    with np.errstate(divide="ignore"):
        ratio = profit[useful] / cost[useful]
    order = useful[np.argsort(-ratio, kind="stable")]
    spent, gained = np.zeros(len(order) + 1), np.zeros(len(order) + 1)
    np.cumsum(cost[order], out=spent[1:])
    np.cumsum(profit[order], out=gained[1:])
    # What costs nothing is had at once.
    corner = np.append(spent[1:] > spent[:-1], True)
    return spent[corner], gained[corner]
