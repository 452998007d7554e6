"""Bounds by prices: what every covered row is worth is shared out to the sites that cover it, as well as can be."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from allocate.classics.record import Proof, Record
from allocate.reduce import Floats, Int32s, Int64s, Mask, Rows, merge_rows, runs, take_rows, take_sites

# What sums of floats may lose, as a share of what is summed: nothing is decided by less.
NOISE = 1e-10
# What is added to a bound, as a share of all prices, for what their sums may lose.
_LOST = 1e-13
# How much of the last direction stays in the next one, and the share of the first step that the last one has.
_MEMORY, _LAST_STEP = 0.8, 1e-3


def bounded_plainly(record: Record, bound: float) -> None:
    """Tell a record a bound that is plain to see, and name the proof of one that was told before and says no more."""
    record.bounded(bound, Proof.REDUCTION)
    if record.proof is not Proof.NONE or record.bound is None:
        return
    tighter = bound - record.bound if record.sense == "max" else record.bound - bound
    if tighter <= NOISE * max(1.0, abs(bound)):
        record.proof = Proof.REDUCTION


class Both:
    """A matrix rows × sites, kept by rows and by sites."""

    def __init__(self, matrix: Rows) -> None:
        self.by_row = matrix
        turned = csr_array(matrix.T)
        # (SciPy multiplies floats with floats; ones of another type would be copied every time.)
        self.by_site = csr_array((np.ones(turned.nnz), turned.indices, turned.indptr), shape=turned.shape)
        self.degree = np.diff(matrix.indptr).astype(np.float64)

    def site_sums(self, of_row: Floats) -> Floats:
        """Return the sum over the rows of every site."""
        return np.asarray(self.by_site @ of_row)

    def rows_of(self, sites: NDArray[np.integer]) -> NDArray[np.integer]:
        """Return the rows of some sites, one site after another."""
        begins = self.by_site.indptr[sites].astype(np.int64)
        return self.by_site.indices[runs(begins, self.by_site.indptr[1:][sites] - begins)]

    def counts(self, sites: NDArray[np.integer]) -> Int64s:
        """Return how many of some sites every row has."""
        return np.bincount(self.rows_of(sites), minlength=self.by_row.shape[0])


@dataclass(frozen=True)
class Picked:
    """What the sites answer to prices.

    Attributes
    ----------
    value
        The most that sites can take together.
    sites, share
        The sites that do it, and how much of each (1, but for one where the money runs out).
    loss
        By how much the value falls at least if a site is on the other side: open where it was not picked, or closed.
    """

    value: float
    sites: Int64s
    share: Floats
    loss: Floats


class SiteSide(Protocol):
    """What limits the sites."""

    @property
    def cost(self) -> Floats:
        """Return what every site costs."""
        ...

    def pick(self, sums: Floats) -> Picked:
        """Return the best sites for what they take."""
        ...

    def without(self, chosen: Mask, kept: Mask) -> "SiteSide":
        """Return the same once some sites are chosen and only some kept."""
        ...


@dataclass(frozen=True)
class Budget:
    """Sites may cost so much together.

    The relaxation allows a part of a site, which is a bound (Dantzig 1957, Operations Research 5(2)). Weak duality
    gives the loss: with the price θ of money, the value is θ · budget plus the sum of what each site takes above
    θ · cost; to open a site that takes less, or to close one that takes more, loses that difference in every answer.
    Where all cost the same, θ may be anything between the last site picked and the first one not picked.
    """

    cost: Floats
    budget: float

    @property
    def even(self) -> int | None:
        """Return how many sites can be paid where all cost the same, else None."""
        if not len(self.cost):
            return 0
        if not (self.cost == self.cost[0]).all():
            return None
        return min(len(self.cost), math.floor(self.budget / float(self.cost[0]) * (1 + NOISE) + NOISE))

    def affords(self, cost: float) -> bool:
        """Tell whether a sum of costs can be paid, but for what floats lose."""
        return cost <= self.budget * (1 + NOISE) + NOISE

    def pick(self, sums: Floats) -> Picked:
        """Return the sites that take most for the money, the last one in part."""
        count = self.even
        if count is not None:
            return self._pick_even(sums, count)
        order = np.argsort(-sums / self.cost, kind="stable")
        spent = np.cumsum(self.cost[order])
        whole = int(np.searchsorted(spent, self.budget, side="right"))
        sites, share, price = order[:whole], np.ones(whole), 0.0
        if whole < len(order):
            last = order[whole]
            price = float(sums[last] / self.cost[last])
            rest = max(0.0, self.budget - (float(spent[whole - 1]) if whole else 0.0)) / self.cost[last]
            sites, share = order[: whole + 1], np.append(share, rest)
        return Picked(float(sums[sites] @ share), sites, share, np.abs(sums - price * self.cost))

    def _pick_even(self, sums: Floats, count: int) -> Picked:
        total = len(sums)
        if count >= total:
            every = np.arange(total)
            return Picked(float(sums.sum()), every, np.ones(total), sums)
        if count <= 0:
            return Picked(0.0, np.zeros(0, dtype=np.int64), np.zeros(0), np.full(total, np.inf))
        order = np.argpartition(sums, (total - count - 1, total - count))
        sites = order[total - count :]
        least, next_best = sums[order[total - count]], sums[order[total - count - 1]]
        loss = least - sums
        loss[sites] = sums[sites] - next_best
        return Picked(float(sums[sites].sum()), sites, np.ones(count), loss)

    def without(self, chosen: Mask, kept: Mask) -> "Budget":
        """Return what is left to spend on the sites that are kept."""
        return Budget(self.cost[kept], self.budget - float(self.cost[chosen].sum()))


@dataclass(frozen=True)
class Paid:
    """Every site is paid for, and the less the better: it is picked where it takes more than it costs."""

    cost: Floats
    spent: float = 0.0

    def pick(self, sums: Floats) -> Picked:
        """Return the sites that take more than they cost."""
        profit = sums - self.cost
        sites = np.flatnonzero(profit > 0)
        return Picked(float(profit[sites].sum()) - self.spent, sites, np.ones(len(sites)), np.abs(profit))

    def without(self, chosen: Mask, kept: Mask) -> "Paid":
        """Return the same for the sites that are kept, the chosen ones paid."""
        return Paid(self.cost[kept], self.spent + float(self.cost[chosen].sum()))


@dataclass(frozen=True)
class Replied:
    """What the rows answer to prices: the most that they are worth less what they pay, and how often each buys."""

    value: float
    counts: Floats


class RowSide(Protocol):
    """What covering rows is worth."""

    def reply(self, prices: Floats) -> Replied:
        """Return what the rows buy at these prices."""
        ...

    def ceiling(self) -> Floats | None:
        """Return the price above which no row buys; None where there is none."""
        ...

    def sizes(self, prices: Floats) -> Floats:
        """Return how much the price of a row may move, in proportion."""
        ...

    def without(self, counts: Int64s) -> tuple["RowSide", Mask]:
        """Return the same once the rows are covered so often, all of them still, and which are still of interest."""
        ...

    def misses(self, lost: Mask) -> bool:
        """Tell whether what has to be covered cannot be any more once some rows are lost."""
        ...

    def merged(self, rows: Mask, group_of: Int32s, degree: NDArray[np.integer]) -> "RowSide":
        """Return the same for the rows that are kept, merged; `degree`: the sites of each merged row."""
        ...


def _summed(of_row: Floats, rows: Mask, group_of: Int32s, count: int) -> Floats:
    return np.bincount(group_of, weights=of_row[rows], minlength=count)


@dataclass(frozen=True)
class Gains:
    """A row is worth something when it is covered, and more when it is covered twice.

    Attributes
    ----------
    first, second
        What the first and the second cover of a row are worth.
    must
        The rows that have to be covered.
    base
        What is gained already.
    """

    first: Floats
    second: Floats | None = None
    must: Mask | None = None
    base: float = 0.0

    @property
    def is_plain(self) -> bool:
        """Tell whether only first covers count, and none has to be."""
        return self.second is None and self.must is None

    def reply(self, prices: Floats) -> Replied:
        """Return how often rows buy a cover at these prices."""
        if self.is_plain:
            # (No price is above what the row is worth.)
            return Replied(self.base + float((self.first - prices).sum()), np.ones(len(prices)))
        once = self.first - prices
        twice = once if self.second is None else once + self.second - prices
        counts = np.where(twice > once, 2.0, 1.0)
        best = np.maximum(once, twice)
        never = best < 0
        if self.must is not None:
            never &= ~self.must
        counts[never] = 0.0
        return Replied(self.base + float(best[~never].sum()), counts)

    def ceiling(self) -> Floats | None:
        """Return the price above which no row buys; None where some have to."""
        if self.must is not None and self.must.any():
            return None
        return self.first if self.second is None else np.maximum(self.first, (self.first + self.second) / 2)

    def sizes(self, prices: Floats) -> Floats:
        """Return what covering each row is worth, and more where it has to be covered."""
        worth = self.first if self.second is None else np.maximum(self.first, (self.first + self.second) / 2)
        return worth if self.must is None else worth + self.must * (1.0 + float(worth.mean()))

    def worth(self, counts: NDArray[np.integer]) -> float:
        """Return the value when the rows are covered so often; minus infinity where one is not that has to be."""
        if self.must is not None and (counts[self.must] == 0).any():
            return -math.inf
        value = self.base + float(self.first[counts > 0].sum())
        return value if self.second is None else value + float(self.second[counts > 1].sum())

    def without(self, counts: Int64s) -> tuple["Gains", Mask]:
        """Return what more covers are worth."""
        once = counts == 1
        base = self.base + float(self.first[counts > 0].sum())
        first = np.where(counts == 0, self.first, 0.0)
        second = self.second
        if second is not None:
            base += float(second[counts > 1].sum())
            first = np.where(once, second, first)
            second = np.where(counts == 0, second, 0.0)
        must = self.must & (counts == 0) if self.must is not None else None
        kept = counts == 0 if self.second is None else (counts == 0) | (once & (self.second > 0))
        return Gains(first, second, must, base), kept

    def misses(self, lost: Mask) -> bool:
        """Tell whether a row is lost that has to be covered."""
        return self.must is not None and bool((self.must & lost).any())

    def merged(self, rows: Mask, group_of: Int32s, degree: NDArray[np.integer]) -> "Gains":
        """Return the gains of merged rows: rows of the same sites are covered equally often, so gains add up.

        A row with a single site cannot be covered twice.
        """
        count = len(degree)
        return replace(
            self,
            first=_summed(self.first, rows, group_of, count),
            second=None if self.second is None else _summed(self.second, rows, group_of, count) * (degree > 1),
            must=None if self.must is None else _summed(self.must.astype(float), rows, group_of, count) > 0,
        )


@dataclass(frozen=True)
class Wanted:
    """Rows of so much weight have to be covered: those that pay least for their weight, the last one in part.

    Attributes
    ----------
    weight
        Of each row.
    wanted
        How much of it has to be covered.
    """

    weight: Floats
    wanted: float

    def reply(self, prices: Floats) -> Replied:
        """Return which rows buy: enough of them, as cheaply as can be (a knapsack, relaxed: Dantzig 1957)."""
        counts = np.zeros(len(prices))
        if self.wanted <= 0:
            return Replied(0.0, counts)
        heavy = np.flatnonzero(self.weight > 0)
        order = heavy[np.argsort(prices[heavy] / self.weight[heavy], kind="stable")]
        held = np.cumsum(self.weight[order])
        whole = int(np.searchsorted(held, self.wanted, side="right"))
        counts[order[:whole]] = 1.0
        if whole < len(order):
            before = float(held[whole - 1]) if whole else 0.0
            counts[order[whole]] = max(0.0, self.wanted - before) / self.weight[order[whole]]
        return Replied(-float(prices @ counts), counts)

    def ceiling(self) -> Floats | None:
        """Return that there is none."""
        return None

    def sizes(self, prices: Floats) -> Floats:
        """Return what each row pays, or all pay on average."""
        return np.maximum(prices, prices.mean())

    def without(self, counts: Int64s) -> tuple["Wanted", Mask]:
        """Return how much is wanted still."""
        covered = counts > 0
        weight = np.where(covered, 0.0, self.weight)
        return Wanted(weight, self.wanted - float(self.weight[covered].sum())), ~covered

    def misses(self, lost: Mask) -> bool:
        """Tell whether too much is lost."""
        left = float(self.weight[~lost].sum())
        return left * (1 + NOISE) + NOISE < self.wanted

    def merged(self, rows: Mask, group_of: Int32s, degree: NDArray[np.integer]) -> "Wanted":
        """Return the same for merged rows."""
        return replace(self, weight=_summed(self.weight, rows, group_of, len(degree)))


@dataclass(frozen=True)
class Problem[R: RowSide, S: SiteSide]:
    """What is left to decide: as much as possible of what the rows are worth, less what the sites cost.

    Attributes
    ----------
    both
        Rows × sites.
    rows, sites
        What covering is worth, and what limits the sites.
    names
        Which site each column was in the beginning [index].
    chosen
        The sites that are open in any case [index].
    prices
        What each row pays for a cover.
    is_hopeless
        Whether what has to be covered no longer can be.
    """

    both: Both
    rows: R
    sites: S
    names: Int64s
    chosen: Int64s
    prices: Floats
    is_hopeless: bool = False

    def without(self, closed: Mask, opened: Mask) -> "Problem[R, S]":
        """Return what is left once some sites are closed and some opened; rows that become equal are merged.

        Prices of merged rows add up, so that no site takes another sum than before.
        """
        kept = ~(closed | opened)
        rows, of_interest = self.rows.without(self.both.counts(np.flatnonzero(opened)))
        matrix = self.both.by_row
        if not of_interest.all():
            matrix = take_rows(matrix, np.flatnonzero(of_interest))
        matrix, _, group_of = merge_rows(take_sites(matrix, kept), np.zeros(int(of_interest.sum())))
        reached = of_interest.copy()
        reached[of_interest] = group_of >= 0
        group_of = group_of[group_of >= 0]
        merged = rows.merged(reached, group_of, np.diff(matrix.indptr))
        return Problem(
            Both(matrix),
            merged,  # type: ignore[arg-type]
            self.sites.without(opened, kept),  # type: ignore[arg-type]
            self.names[kept],
            np.concatenate([self.chosen, self.names[opened]]),
            _summed(self.prices, reached, group_of, matrix.shape[0]),
            self.is_hopeless or rows.misses(of_interest & ~reached),
        )


@dataclass(frozen=True)
class Bounded:
    """The best bound of a descent.

    Attributes
    ----------
    bound
        What no answer can better.
    prices
        Those that prove it.
    picked
        Whether the relaxation picked a site.
    loss
        By how much the bound falls at least where a site is on the other side.
    """

    bound: float
    prices: Floats
    picked: Mask
    loss: Floats
    rounds: int


def bound_at[R: RowSide, S: SiteSide](problem: Problem[R, S], prices: Floats) -> Bounded:
    """Return the bound that prices prove."""
    picked = problem.sites.pick(problem.both.site_sums(prices))
    inside = np.zeros(len(problem.names), dtype=bool)
    inside[picked.sites] = True
    value = picked.value + problem.rows.reply(prices).value + _LOST * float(prices.sum())
    return Bounded(value, prices, inside, picked.loss, 1)


def descend[R: RowSide, S: SiteSide](
    problem: Problem[R, S],
    target: Callable[[float], float],
    *,
    rounds: int,
    hear: Callable[[float, Picked, NDArray[Any]], bool],
    step: float = 1.0,
) -> Bounded:
    """Lower the bound by moving prices: up where a row is covered less often than it buys, down where more often.

    Any prices give a bound, as nothing is asked of them but to be at least 0 (and no more than the ceiling): every
    answer covers each row at least as often as it counts it, so what rows pay never exceeds what sites take. The step
    is a share of Polyak's (1969, USSR Computational Mathematics and Mathematical Physics 9(3)) towards a value that is
    thought possible, a share that falls a thousandfold until the last round. Each row moves in proportion to what it
    is worth and against the number of its sites, and along a mean of the last directions (Brännlund 1995; Barahona &
    Anbil 2000, Mathematical Programming 87(3)).

    `hear` is told the bound, what was picked and the covers of each row, and says whether to go on.
    """
    both, ceiling = problem.both, problem.rows.ceiling()
    prices = problem.prices
    scale = problem.rows.sizes(prices) / both.degree
    best: Bounded | None = None
    direction: Floats | None = None
    turn = 0
    for turn in range(rounds):
        picked = problem.sites.pick(both.site_sums(prices))
        replied = problem.rows.reply(prices)
        value = picked.value + replied.value + _LOST * float(prices.sum())
        covered = np.bincount(
            both.rows_of(picked.sites),
            weights=None if (picked.share == 1).all() else np.repeat(picked.share, _lengths(both, picked.sites)),
            minlength=len(prices),
        )
        if best is None or value < best.bound:
            inside = np.zeros(len(problem.names), dtype=bool)
            inside[picked.sites] = True
            best = Bounded(value, prices, inside, picked.loss, turn + 1)
        if not hear(value, picked, covered):
            break
        gradient = covered - replied.counts
        gradient[(prices <= 0) & (gradient > 0)] = 0.0
        if ceiling is not None:
            gradient[(prices >= ceiling) & (gradient < 0)] = 0.0
        direction = gradient if direction is None else _MEMORY * direction + (1 - _MEMORY) * gradient
        move = direction * scale
        # (Not as a product of vectors: libraries that share that out to threads take far longer where cores are busy.)
        size = float((direction * move).sum())
        if size <= 0:
            break
        length = step * _LAST_STEP ** (turn / rounds) * max(0.0, value - target(best.bound)) / size
        if not math.isfinite(length * float(np.abs(move).max())):
            break
        prices = np.maximum(prices - length * move, 0.0)
        if ceiling is not None:
            prices = np.minimum(prices, ceiling)
    assert best is not None
    return replace(best, rounds=turn + 1)


def _lengths(both: Both, sites: Int64s) -> NDArray[np.integer]:
    return both.by_site.indptr[1:][sites] - both.by_site.indptr[sites]
