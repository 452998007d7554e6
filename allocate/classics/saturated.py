"""Bounds on maximal covering below the linear relaxation, where sites overlap or leave holes whatever is opened."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse
from scipy.sparse.csgraph import connected_components

from allocate.classics.lagrange import Both, Budget, Gains, Problem, descend
from allocate.classics.record import Proof, Record
from allocate.classics.swaps import reached
from allocate.covers import Covers
from allocate.reduce import Floats, Int64s, Rows, merge_rows, take_sites

# Numbers of sites.
_Number = np.int16
type _Sets = NDArray[np.int16]
# Sites above which the tables between every two of them are too large.
_SITES = 3000
# What two sites that share a row take to be summed, about [s].
_SECONDS_PER_PAIR = 5e-9
# Share of its weight that a row pays at first.
_SHARED_OUT = 0.9
# Rounds of prices, as work of so many non-zeros, and at most.
_PRICE_WORK, _PRICE_ROUNDS = 3_000_000_000, 1000
# The first waste asked for, as a share of bound less value, and how it grows.
_FIRST, _GROWTH = 0.1, 1.25
# States that are extended together, and that are kept at most.
_TOGETHER, _STATES = 2048, 20_000_000
# What is given away for what floats lose, as a share of the bound.
_LOST = 1e-10
# Directions in which the sites may be lined up.
_ANGLES = 16


def tighten(
    covers: Covers,
    cost: Floats,
    budget: float,
    record: Record,
    *,
    threads: int = 1,
    seed: int = 1,
    prices: Floats | None = None,
    gained: float = 0.0,
) -> None:
    """Lower the bound on maximal covering beyond what prices alone can prove, until the record is over.

    Waste. Let row r weigh w, let prices 0 <= l <= w, let a_j be the sum of l over the rows that site j reaches, and
    let θ be at least every a_j / cost_j. For any set S of sites within the budget, with c_r the number of sites of S
    that reach r, and L = Σ_r (w_r - l_r) + θ · budget,

        covered(S) = Σ_{c_r > 0} w_r <= L - waste(S),
        waste(S) = Σ_{j in S} (θ cost_j - a_j) + Σ_{c_r >= 2} l_r (c_r - 1) + Σ_{c_r = 0} (w_r - l_r),

    as Σ_{j in S} a_j = Σ_r l_r c_r and θ Σ_{j in S} cost_j <= θ budget. L is the Lagrangian bound; no term of the waste
    is below 0; so what every set wastes at least may be taken off the bound. Where the plane is nearly full no set
    is without waste: sites that stand in line overlap or leave holes, which no mixture of sets, as in the linear
    relaxation, shows.

    Sweep. Sites are lined up, and sets are built by adding sites in this order. What has been added matters for the
    rest only through the sites that share a row with one still to come, so that of two sets with the same such sites
    and the same last one only the less wasteful one is kept (dynamic programming over a path decomposition: Bellman
    1957; Robertson & Seymour 1983). Sets that waste as much as is asked for are dropped; if none is left, that much is
    wasted by every set. What is asked for then grows, and the sweep goes the other way: what the last sweep found to
    be wasted at least on the far side is added to what is wasted on the near side.

    The number of states grows with how many open sites stand across the line, so this is for some dozens of sites
    to open. It needs an answer in the record, and does nothing where more than a few thousand sites are worth opening.

    Parameters
    ----------
    cost
        Of each site, above 0.
    threads, seed
        As every search takes them; a sweep uses one thread and no chance.
    prices
        Of every row, near those of the best Lagrangian bound; worked out if not given.
    gained
        What the record counts beside these rows, whatever is opened.
    """
    del threads, seed
    if record.value is None or not covers.matrix.nnz or record.is_over:
        return
    if prices is None:
        prices = _prices(covers, cost, budget, record, gained)
    even = Budget(cost, budget).even
    if even is not None:
        # What is left over buys nothing.
        budget = even * float(cost[0])
    waste, theta = _Waste.of(covers.matrix, covers.weight, np.clip(prices, 0.0, covers.weight), cost)
    top = gained + float(waste.holes.sum()) + theta * budget
    top += _LOST * abs(top)
    record.bounded(top, Proof.LAGRANGIAN)
    # A set with any other site wastes so much that it is no better than what is known.
    useful = waste.base < top - record.value
    if record.is_over or not 0 < useful.sum() <= _SITES:
        return
    waste, lost = waste.among(useful)
    if waste.matrix.nnz and waste.overlap_seconds < record.left / 2:
        _sweep_to_and_fro(waste, top - lost, record)


def _sweep_to_and_fro(waste: "_Waste", top: float, record: Record) -> None:
    """Ask for more and more waste, from either end in turn."""
    assert record.value is not None
    order, pairs = _in_line(waste), waste.overlaps(waste.prices)
    forth, back = _Line(waste, pairs, order), _Line(waste, pairs, order[::-1])
    rest = np.zeros(waste.sites)
    wanted = _FIRST * (top - record.value)
    while not record.is_over and wanted > 0:
        wanted = min(wanted, top - record.value)
        swept = forth.sweep(wanted, rest, record)
        if swept is None:
            return
        record.bounded(top - swept.waste, Proof.BRANCHING)
        record.said("sweep", f"{swept.states} states")
        if swept.waste < wanted:
            return
        rest = forth.left_for_the_other(swept)
        forth, back = back, forth
        wanted *= _GROWTH


def _prices(covers: Covers, cost: Floats, budget: float, record: Record, gained: float) -> Floats:
    """Return prices whose bound is about that of the linear relaxation."""
    count = covers.matrix.shape[1]
    names, nothing = np.arange(count), np.zeros(0, dtype=np.int64)
    start = _SHARED_OUT * covers.weight
    problem = Problem(Both(covers.matrix), Gains(covers.weight), Budget(cost, budget), names, nothing, start)
    rounds = int(np.clip(_PRICE_WORK / covers.matrix.nnz, 100, _PRICE_ROUNDS))
    known = (record.value or 0.0) - gained
    found = descend(problem, lambda bound: 0.3 * bound + 0.7 * known, rounds=rounds, hear=lambda *_: record.left > 0)
    record.bounded(gained + found.bound, Proof.LAGRANGIAN)
    return found.prices


@dataclass(frozen=True)
class _Waste:
    """What is wasted by opening sites, by covering rows twice, and by not covering them.

    Attributes
    ----------
    matrix
        Rows × sites.
    prices, holes
        What each row wastes when it is covered once too often, and when it is not covered.
    base
        What each site wastes by being opened.
    """

    matrix: Rows
    prices: Floats
    holes: Floats
    base: Floats

    @staticmethod
    def of(matrix: Rows, weight: Floats, prices: Floats, cost: Floats) -> tuple["_Waste", float]:
        """Return what is wasted at some prices of rows, and the least price of money at which no site is a gain."""
        taken = reached(matrix, prices)
        theta = float((taken / cost).max())
        return _Waste(matrix, prices, weight - prices, np.maximum(0.0, theta * cost - taken)), theta

    def among(self, sites: NDArray[np.bool_]) -> tuple["_Waste", float]:
        """Return the same for some sites only, and what is wasted then by rows that none of them reaches."""
        matrix, holes, group_of = merge_rows(take_sites(self.matrix, sites), self.holes)
        reached = group_of >= 0
        prices = np.bincount(group_of[reached], self.prices[reached], minlength=len(holes))
        return _Waste(matrix, prices, holes, self.base[sites]), float(self.holes[~reached].sum())

    @property
    def sites(self) -> int:
        """Return how many sites there are."""
        return self.matrix.shape[1]

    @property
    def overlap_seconds(self) -> float:
        """Return how long it takes about to look at every two sites of every row, twice [s]."""
        degree = np.diff(self.matrix.indptr).astype(np.float64)
        return 2 * _SECONDS_PER_PAIR * float((degree**2).sum())

    def overlaps(self, of_row: Floats) -> Floats:
        """Return the sum over the rows that every two sites share."""
        degree = np.diff(self.matrix.indptr)
        parts = (np.repeat(of_row, degree), self.matrix.indices, self.matrix.indptr)
        valued = sparse.csr_array(parts, shape=self.matrix.shape)
        ones = sparse.csr_array((np.ones(len(valued.data)), *parts[1:]), shape=self.matrix.shape)
        return np.asarray((ones.T @ valued).toarray())


def _in_line(waste: _Waste) -> Int64s:
    """Line up sites so that few of those before any place share a row with any after it.

    The second and third eigenvectors of the graph of overlaps are like coordinates (Fiedler 1973; Hall 1970, Management
    Science 17(3)); of some directions between them the one with the fewest sites across the fullest place is taken.
    """
    shared = waste.overlaps(np.ones(len(waste.prices)))
    np.fill_diagonal(shared, 0.0)
    near = shared > 0
    count, labels = connected_components(sparse.csr_array(near.astype(np.float64)), directed=False)
    line: list[Int64s] = []
    for part in range(count):
        inside = np.flatnonzero(labels == part)
        if len(inside) < 4:
            line.append(inside)
            continue
        some = shared[np.ix_(inside, inside)]
        degree = 1 / np.sqrt(some.sum(axis=1))
        size = len(inside)
        _, vectors = linalg.eigh(degree[:, None] * some * degree, subset_by_index=[size - 3, size - 2])
        places = vectors * degree[:, None]
        places /= np.abs(places).max(axis=0)
        best: tuple[int, Int64s] | None = None
        for angle in np.pi * np.arange(_ANGLES) / _ANGLES:
            order = np.argsort(places @ np.array([np.cos(angle), np.sin(angle)]), kind="stable")
            across = _across(near[np.ix_(inside[order], inside[order])])
            if best is None or across < best[0]:
                best = across, inside[order]
        assert best is not None
        line.append(best[1])
    return np.concatenate(line)


def _across(near: NDArray[np.bool_]) -> int:
    """Return how many sites share a row with one after a place, at the fullest place."""
    count = len(near)
    reach = count - 1 - np.argmax(near[:, ::-1], axis=1)
    reach = np.maximum(reach, np.arange(count))
    ends = np.bincount(reach, minlength=count)
    return int((np.arange(1, count + 1) - np.cumsum(ends)).max())


@dataclass(frozen=True)
class _Swept:
    """What a sweep found.

    Attributes
    ----------
    waste
        What every set of sites wastes at least.
    so_far
        What sets that end at each place waste at least up to there.
    """

    waste: float
    so_far: Floats
    states: int


class _Line:
    """Sites in line, with what every two of them waste together.

    A state is a set of sites up to a place: the number of the last one, those before it that share a row with a later
    one, and its waste so far: of its sites, of what they cover twice, and of rows not covered whose last site comes
    before the place. Waste is never overestimated: rows of three sites would be counted thrice by pairs, so for every
    two sites that meet the new one the least of the three overlaps is given back; and a row is taken to be covered
    as often as sites reach it.
    """

    def __init__(self, waste: _Waste, pairs: Floats, order: Int64s) -> None:
        count = self.count = waste.sites
        rank = np.empty(count, dtype=np.int64)
        rank[order] = np.arange(count)
        degree = np.diff(waste.matrix.indptr)
        row_of = np.repeat(np.arange(len(degree)), degree)
        site = rank[waste.matrix.indices]
        last = np.maximum.reduceat(site, waste.matrix.indptr[:-1].astype(np.int64))
        self.base = waste.base[order]
        # The last row of each table stands for no site.
        self.pairs = np.zeros((count + 1, count + 1))
        self.pairs[:count, :count] = pairs[np.ix_(order, order)]
        filled = np.bincount(site * (count + 1) + last[row_of] + 1, waste.holes[row_of], minlength=count * (count + 1))
        # Weight of holes whose last site comes before a place: those that a site fills, and all.
        self.filled = np.zeros((count + 1, count + 1))
        np.cumsum(filled.reshape(count, count + 1), axis=1, out=self.filled[:count])
        self.holes = np.concatenate([[0.0], np.cumsum(np.bincount(last, waste.holes, minlength=count))])
        self.reach = np.full(count + 1, -1)
        np.maximum.at(self.reach, site, last[row_of])
        self.keys = np.random.default_rng(0).integers(0, 1 << 63, count + 1, dtype=np.uint64)
        self.keys[count] = 0

    def left_for_the_other(self, swept: _Swept) -> Floats:
        """Return what is wasted at least before each place, as the other direction counts places.

        Up to a site i of the other direction's sets, either nothing is opened, and every row with its last site before
        i is a hole; or the last site opened is some k before i, and the waste up to k is known. Neither counts what
        the other direction has counted: its own sites, what they share, and rows with their first site after i.
        """
        before = np.concatenate([[np.inf], np.minimum.accumulate(swept.so_far)[:-1]])
        left: Floats = np.minimum(before, self.holes[: self.count])[::-1].copy()
        return left

    def sweep(self, wanted: float, rest: Floats, record: Record) -> _Swept | None:
        """Return what is wasted at least, or `wanted` if that is less; None if time or memory is short.

        `rest` is what is wasted at least after each place. A set dropped at a place wastes at least `wanted - rest`
        up to there; so does, with the rest of its own place, each set that would have come from it: `rest` never falls
        from one place to a later one by more than opening the later site wastes, as it counts that site alone as well.
        """
        count = self.count
        waiting: list[list[tuple[_Sets, Floats]]] = [[] for _ in range(count)]
        so_far = wanted - rest
        first = self.holes[:count] + self.base
        for place in np.flatnonzero(first < so_far).tolist():
            waiting[place].append((np.zeros((1, 0), dtype=_Number), first[place : place + 1]))
        limit = so_far.copy()
        least = min(wanted, float(self.holes[count]))
        states = kept = 0
        for place in range(count):
            if not waiting[place]:
                continue
            sets, waste = self._merged(waiting[place])
            kept -= sum(len(waste) for _, waste in waiting[place])
            waiting[place] = []
            states += len(waste)
            so_far[place] = min(so_far[place], float(waste.min()))
            for begin in range(0, len(waste), _TOGETHER):
                if record.left <= 0 or kept > _STATES:
                    return None
                some, sum_ = sets[begin : begin + _TOGETHER], waste[begin : begin + _TOGETHER]
                with_last = np.concatenate([some, np.full((len(some), 1), place, dtype=_Number)], axis=1)
                least = min(least, self._end(with_last, sum_))
                for site, new, new_waste in self._extended(with_last, sum_, limit):
                    waiting[site].append((new, new_waste))
                    kept += len(new_waste)
        return _Swept(least, so_far, states)

    def _merged(self, waiting: list[tuple[_Sets, Floats]]) -> tuple[_Sets, Floats]:
        """Return the states of a place, the least wasteful of those with equal sites only."""
        width = max(sets.shape[1] for sets, _ in waiting)
        padded = [np.pad(sets, ((0, 0), (0, width - sets.shape[1])), constant_values=self.count) for sets, _ in waiting]
        sets, waste = np.concatenate(padded), np.concatenate([waste for _, waste in waiting])
        sums = self.keys[sets].sum(axis=1, dtype=np.uint64)
        order = np.lexsort((waste, sums))
        sets, waste, sums = sets[order], waste[order], sums[order]
        first = np.ones(len(waste), dtype=np.bool_)
        # (Sites are compared themselves, so that no two sets with the same sum by chance are taken for one.)
        first[1:] = (sums[1:] != sums[:-1]) | (sets[1:] != sets[:-1]).any(axis=1)
        return sets[first], waste[first]

    def _end(self, sets: _Sets, waste: Floats) -> float:
        """Return the least waste of sets to which no site is added."""
        place, count = int(sets[0, -1]), self.count
        filled = (self.filled[sets, count] - self.filled[sets, place + 1]).sum(axis=1)
        return float((waste + np.maximum(0.0, self.holes[count] - self.holes[place + 1] - filled)).min())

    def _extended(self, sets: _Sets, waste: Floats, limit: Floats) -> list[tuple[int, _Sets, Floats]]:
        """Return the sets with one more site that stay below the limit there, by that site."""
        place, count = int(sets[0, -1]), self.count
        begin = place + 1
        filled = (self.filled[sets, count] - self.filled[sets, begin]).sum(axis=1)
        # Too many holes beyond.
        most = float((limit.max() - waste + filled).max()) + self.holes[begin]
        end = min(count, int(np.searchsorted(self.holes[:count], most, side="right")))
        if end <= begin:
            return []
        alone = self.base[begin:end] + waste[:, None]
        overlap = np.zeros(alone.shape)
        holes = np.broadcast_to(self.holes[begin:end] - self.holes[begin], alone.shape).copy()
        pairs, fills = self.pairs[:, begin:end], self.filled[:, begin:end] - self.filled[:, begin : begin + 1]
        for k in range(sets.shape[1]):
            overlap += pairs[sets[:, k]]
            holes -= fills[sets[:, k]]
        alone += np.maximum(holes, 0.0)
        couples = [(x, y) for y in range(sets.shape[1]) for x in range(y)]
        between = [self.pairs[sets[:, x], sets[:, y]] for x, y in couples]
        back = np.sum(between, axis=0) if couples else np.zeros(len(sets))
        some, site = np.nonzero(alone + np.maximum(0.0, overlap - back[:, None]) < limit[begin:end])
        if not len(some):
            return []
        without, new = alone[some, site], overlap[some, site]
        site += begin
        for (x, y), shared in zip(couples, between, strict=True):
            meets = np.flatnonzero(shared[some])
            one, other = sets[some[meets], x], sets[some[meets], y]
            third = np.minimum(self.pairs[one, site[meets]], self.pairs[other, site[meets]])
            new[meets] -= np.minimum(shared[some[meets]], third)
        new_waste = without + np.maximum(0.0, new)
        good = new_waste < limit[site]
        some, site, new_waste = some[good], site[good], new_waste[good]
        order = np.argsort(site, kind="stable")
        some, site, new_waste = some[order], site[order], new_waste[order]
        taken = sets[some]
        taken = np.sort(np.where(self.reach[taken] > site[:, None], taken, count), axis=1).astype(_Number)
        bounds = np.concatenate([[0], np.flatnonzero(np.diff(site)) + 1, [len(site)]])
        found = []
        for low, high in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            if low < high:
                part = taken[low:high]
                width = int((part < count).sum(axis=1).max())
                found.append((int(site[low]), part[:, :width], new_waste[low:high]))
        return found
