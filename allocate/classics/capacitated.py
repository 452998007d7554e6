"""Capacitated location: which sites to open, and how much of each point they serve, where every site has a limit.

The p-median with capacities and the capacitated warehouse problem are one problem here: a cost for opening a site, a
cost for serving a point from it, a capacity per site and, where wanted, a largest number of sites.

How it is solved. A first answer comes from sites added one by one, and points that choose among them. A price is put
on serving every point (Beasley 1988, European Journal of Operational Research 33(3)). What remains falls apart by site:
a continuous knapsack each, which a sort solves; and one choice of sites that together can carry everything. The prices
are improved by the volume algorithm (Barahona and Anbil 2000, Mathematical Programming 87(3)), which gives an average
of the sites chosen as well. Every price vector bounds every set of sites
(a Benders cut), so that a local search over sets has to work out few of them in full. Prices that are good enough
close or open sites for good; a branch and bound on the rest, with the same prices, ends the search. Where every point
is served by one site, the same prices leave out sites and pairs, and HiGHS decides on what is left.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from allocate.classics.lagrange import bounded_plainly
from allocate.classics.record import Proof, Record
from allocate.program import Instance, branch

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Single = NDArray[np.float32]

# What a sum of demands may pass a sum of capacities by, as a share: noise of floats, never a person.
_NOISE = 1e-9
# Rounds of the volume algorithm: at the root, from when on its sites are tried, and at a node, whose prices are good.
_ROOT_ROUNDS, _ROOT_BLOCK, _SETTLED, _NODE_ROUNDS, _NODE_BLOCK = 1_200, 100, 300, 120, 30
# A block of rounds has to close so much of the gap, or it is the last: at the root, and at a node.
_ROOT_GAIN, _NODE_GAIN = 2e-3, 0.1
# The volume algorithm's numbers, near those its authors gave: length of the first step, how it changes, after how many
# rounds without gain, and the share of a round in the average.
_FIRST_STEP, _NODE_STEP, _SHORTER, _LONGER, _PATIENCE = 0.1, 0.02, 0.66, 1.1, 20
_FIRST_SHARE, _NODE_SHARE, _LEAST_SHARE = 0.1, 0.05, 1e-3
# How far above its price the cost of serving a point may be for a site to list it.
_MARGIN = 0.2
# Sets worked out in the local search: after the root, and after every better answer.
_ROOT_SETS, _NODE_SETS = 100, 30
# How often it may move, and how large its table of pairs may be.
_MOVES, _PAIRS = 100, 200_000
# Numbers of pairs, sites x points, and of points at least, that sites of the first answer are chosen by.
_SKETCH, _LEAST_SKETCH = 60_000, 60
# Pairs, sites of a set x points, beyond which points choose among the sites before the best shares are worked out.
_PAIRS_AT_ONCE = 50_000
# Pairs, sites x points, beyond which a block of rounds takes seconds, and rounds between two answers then.
_SLOW, _SLOW_BLOCK = 300_000, 20
# How often the first answer may open one more site, or try an order of its own, before it is given up.
_QUICK_TRIES = 12
# Steps of the local search over who serves whom, and up to how many points it compares in pairs.
_SWAPS, _SWAP_POINTS = 500, 3_000


class _State(IntEnum):
    FREE = -1
    CLOSED = 0
    OPEN = 1


@dataclass(frozen=True)
class _Problem:
    """What is given: sites in rows, points in columns.

    Attributes
    ----------
    serve
        Cost of all of a point's demand from a site; infinite where it may not be served.
    demand, capacity
        Of every point and site; no capacity passes the sum of demands.
    cost
        Of opening a site.
    most
        How many sites may be open.
    ceiling
        More than any answer costs.
    usual
        A small cost, to measure others by.
    """

    serve: Floats
    demand: Floats
    capacity: Floats
    cost: Floats
    most: int
    ceiling: float
    usual: float

    @property
    def total(self) -> float:
        """Return the demand of all points, less what floats may have added."""
        return float(self.demand.sum()) * (1 - _NOISE)


def locate_capacitated(
    assign: Floats,
    demand: Floats,
    capacity: Floats,
    cost: Floats,
    record: Record,
    *,
    p: int | None = None,
    single: bool = False,
    standing: Any = (),
    threads: int = 1,
    seed: int = 1,
) -> bool:
    """Choose sites and who serves whom at the least cost, no site above its capacity; False where it cannot be done.

    Parameters
    ----------
    assign
        Cost of serving all of a point's demand from a site (points x sites); infinite where it may not.
    demand, capacity
        Of every point and of every site, in one unit.
    cost
        Of opening every site.
    record
        Is told every better answer (the open sites, and the shares points x sites, or every point's site where
        `single`) and every better bound, and says how long the search may run.
    p
        The largest number of open sites, those standing not counted.
    single
        Every point is served by one site.
    standing
        Sites that are open in any case [index]; their cost counts.
    threads, seed
        For the solver.

    Returns
    -------
    False only where it is proven that no set of sites serves everybody.
    """
    standing = np.unique(np.asarray(standing, dtype=np.int64))
    problem = _problem(assign, demand, capacity, cost, p, len(standing), single=single)
    if not len(demand):
        return _serve_nobody(problem, standing, record, single=single)
    if not np.isfinite(problem.serve).any(axis=0).all():
        return False
    return _Search(problem, standing, record, single=single, threads=threads, seed=seed).run()


def _problem(
    assign: Floats, demand: Floats, capacity: Floats, cost: Floats, p: int | None, standing: int, *, single: bool
) -> _Problem:
    """Return what is given, turned, and with what no answer can use left out."""
    serve = np.ascontiguousarray(np.asarray(assign, dtype=np.float64).T)
    demand = np.asarray(demand, dtype=np.float64)
    cost = np.asarray(cost, dtype=np.float64)
    # More than everything is never used.
    capacity = np.minimum(np.asarray(capacity, dtype=np.float64), demand.sum())
    if single:
        serve = np.where(demand > (capacity * (1 + _NOISE))[:, None], np.inf, serve)
    dearest = np.where(np.isfinite(serve), serve, -np.inf).max(axis=0, initial=-np.inf)
    worst = float(dearest.sum()) if np.isfinite(dearest).all() else 0.0
    ceiling = worst + float(np.maximum(cost, 0.0).sum())
    ceiling += 1e-6 * (abs(ceiling) + 1.0)
    most = len(cost) if p is None else min(p + standing, len(cost))
    # (Where serving costs nothing, prices are of the size of what opening does.)
    usual = 1e-3 * abs(worst or float(np.maximum(cost, 0.0).sum())) / max(1, len(demand))
    return _Problem(serve, demand, capacity, cost, most, ceiling, usual)


def _serve_nobody(problem: _Problem, standing: Ints, record: Record, *, single: bool) -> bool:
    """Open what stands, and what costs less than nothing."""
    others = np.setdiff1d(np.flatnonzero(problem.cost < 0), standing)
    others = others[np.argsort(problem.cost[others], kind="stable")][: problem.most - len(standing)]
    sites = np.union1d(standing, others)
    value = float(problem.cost[sites].sum())
    shares: Any = np.zeros(0, dtype=np.int64) if single else sparse.csr_array((0, len(problem.cost)))
    record.better(value, sites, shares)
    _exhausted(record, Proof.REDUCTION)
    return True


def _exhausted(record: Record, proof: Proof) -> None:
    """Say that nothing better than the value is left: a bound a little above it, which the record cuts to it."""
    if record.value is not None:
        record.bounded(record.value + 1e-10 * max(1.0, abs(record.value)), proof)


@dataclass(frozen=True)
class _Knapsacks:
    """What every site would earn at some prices.

    Attributes
    ----------
    worth
        The most that a site can earn by serving points.
    shares
        What it serves then: sites x points.
    rent
        What one more unit of its capacity would earn.
    """

    worth: Floats
    shares: Floats
    rent: Floats


def _knapsacks(serve: Floats, demand: Floats, capacity: Floats, prices: Floats) -> _Knapsacks:
    """Fill every site with what earns most at the prices: a continuous knapsack each (Dantzig 1957).

    A point earns its price less the cost of serving it; by size, the best come first, the last one in part. What the
    last one earns by size is the rent of the site's capacity. By duality the site's worth is at most capacity x rent
    + Σ max(0, earned - rent x demand), whatever the rent: this is what is returned, so that a bound built on it holds
    in spite of ties and of how sums were rounded.
    """
    earned = prices - serve
    shares = (earned > 0).astype(np.float64)
    np.maximum(earned, 0.0, out=earned)
    worth = earned.sum(axis=1)
    rent = np.zeros(len(capacity))
    tight = np.flatnonzero(_loads(shares, demand) > capacity)
    if not len(tight):
        return _Knapsacks(worth, shares, rent)
    earned, room = earned[tight], capacity[tight]
    if demand.ndim == 2:
        demand = demand[tight]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        by_size = np.where(earned > 0, earned / demand, 0.0).astype(np.float32)
    price = _rents(by_size, demand, room)[:, None]
    rent[tight] = price[:, 0]
    full = (by_size > price).astype(np.float64)
    edge = ((by_size == price) & (by_size > 0)).astype(np.float64)
    sizes, left = _loads(edge, demand), room - _loads(full, demand)
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(sizes > 0, np.clip(left / sizes, 0.0, 1.0), 0.0)
    full += edge * part[:, None]
    shares[tight] = full
    earned -= rent[tight][:, None] * demand
    worth[tight] = room * rent[tight] + np.maximum(earned, 0.0).sum(axis=1)
    return _Knapsacks(worth, shares, rent)


def _loads(shares: Floats, demand: Floats) -> Floats:
    """Return the demand served by every site; `demand` is the same for all sites, or a row for each."""
    if demand.ndim == 1:
        return np.asarray(shares @ demand)
    return np.asarray(np.einsum("jk,jk->j", shares, demand))


def _rents(by_size: Single, demand: Floats, room: Floats) -> Single:
    """Return what the last point that has room in every site earns by size.

    Sorting dominates the search. Numbers of 0 or more sort like their bits, so that one sort of 64-bit words, earnings
    above and demands below, gives both in order. Single precision will do: every rent gives a bound.
    """
    words = np.left_shift(by_size.view(np.int32).astype(np.int64), 32)
    words |= np.broadcast_to(demand, by_size.shape).astype(np.float32).view(np.int32)
    words.sort(axis=1)
    words = words[:, ::-1]
    sizes = (words & 0xFFFFFFFF).astype(np.int32).view(np.float32)
    heaped = np.cumsum(sizes, axis=1, dtype=np.float64)
    last = np.minimum((heaped <= room[:, None]).sum(axis=1), by_size.shape[1] - 1)
    found = (words[np.arange(len(words)), last] >> 32).astype(np.int32).view(np.float32)
    return np.where(np.isfinite(found), found, np.float32(0.0))


@dataclass(frozen=True)
class _Choice:
    """The cheapest sites that can carry everything: value, share of each, and what each one's opening changes."""

    value: float
    share: Floats
    reduced: Floats


def _choose(price: Floats, capacity: Floats, need: float, most: int) -> _Choice | None:
    """Choose sites of least price with enough capacity, at most so many; None where there are none.

    Two relaxations bound it: sites in parts, by price per capacity; and as many whole sites as the largest capacities
    need at least. The better one counts. `reduced` are the prices less what the relaxed row pays: where `share` is 0
    (or 1), opening (or closing) the site costs at least so much more, by duality.
    """
    count = len(price)
    fewest = 0
    if need > 0:
        heaped = np.cumsum(-np.sort(-capacity))
        fewest = int(np.searchsorted(heaped, need)) + 1
    if most < 0 or fewest > min(most, count):
        return None
    order = np.argsort(price, kind="stable")
    negative = int((price < 0).sum())
    taken = min(negative, most)
    share = np.zeros(count)
    share[order[:taken]] = 1.0
    reduced = price - price[order[most]] if negative > most else price
    best = _Choice(float(price[order[:taken]].sum()), share, reduced)
    if taken < fewest:
        share = np.zeros(count)
        share[order[:fewest]] = 1.0
        best = _Choice(float(price[order[:fewest]].sum()), share, price - price[order[fewest - 1]])
    if need > 0 and share @ capacity < need:
        parts = _choose_parts(price, capacity, need, most)
        if parts.value > best.value:
            return parts
    return best


def _choose_parts(price: Floats, capacity: Floats, need: float, most: int) -> _Choice:
    """Choose parts of sites by a rent per unit of capacity; every rent gives a valid bound."""
    if most >= len(price):
        with np.errstate(divide="ignore", invalid="ignore"):
            by_size = np.where(capacity > 0, np.maximum(price, 0.0) / capacity, np.inf)
        order = np.argsort(by_size, kind="stable")
        heaped = np.cumsum(capacity[order])
        last = min(int(np.searchsorted(heaped, need)), len(order) - 1)
        share = np.zeros(len(price))
        share[order[:last]] = 1.0
        site = order[last]
        share[site] = min(1.0, (need - heaped[last] + capacity[site]) / capacity[site])
        reduced = price - by_size[site] * capacity
        return _Choice(by_size[site] * need + float(np.minimum(reduced, 0.0).sum()), share, reduced)

    def at(rent: float) -> tuple[float, Floats, Floats]:
        reduced = price - rent * capacity
        negative = np.flatnonzero(reduced < 0)
        if len(negative) > most:
            order = np.argsort(reduced, kind="stable")
            negative, reduced = order[:most], reduced - reduced[order[most]]
        share = np.zeros(len(price))
        share[negative] = 1.0
        value = rent * need + float((price[negative] - rent * capacity[negative]).sum())
        return value, share, reduced

    low, high = 0.0, 1.0 + float(np.abs(price).max()) / max(float(capacity.max()), 1e-300)
    while at(high)[1] @ capacity < need and high < 1e300:
        low, high = high, 2 * high
    for _ in range(50):
        middle = 0.5 * (low + high)
        if at(middle)[1] @ capacity < need:
            low = middle
        else:
            high = middle
    below, above = at(low), at(high)
    value, _, reduced = max(below, above, key=lambda found: found[0])
    less, more = float(below[1] @ capacity), float(above[1] @ capacity)
    mix = (need - less) / (more - less) if more > less else 1.0
    return _Choice(value, below[1] + min(1.0, mix) * (above[1] - below[1]), reduced)


@dataclass(frozen=True)
class _Node:
    """A part of the search.

    Attributes
    ----------
    status
        Which sites are open, closed or free.
    prices
        The best prices known for it, one per point.
    bound
        What no answer in it costs less than.
    average
        How open every site was in the rounds of the volume algorithm.
    """

    status: NDArray[np.int8]
    prices: Floats
    bound: float
    average: Floats


class _Volume:
    """The volume algorithm at a node: prices that get better, and the average of the sites they choose."""

    def __init__(self, problem: _Problem, node: _Node, *, step: float, share: float, short: bool) -> None:
        self._problem = problem
        self.status = node.status.copy()
        self.prices = node.prices
        self.average = node.average.copy()
        self.bound = -np.inf
        self.impossible = False
        self.rounds = 0
        self._step, self._share, self._bad, self._short = step, share, 0, short
        self._left: Floats | None = None
        self._gather()

    @property
    def free(self) -> Ints:
        """Return the sites that are neither open nor closed."""
        return np.flatnonzero(self.status == _State.FREE)

    def shorten(self) -> None:
        """Work with short lists of points from now on."""
        self._short = True
        self._gather()

    def _gather(self) -> None:
        """Collect what the status leaves, and evaluate the prices anew."""
        problem = self._problem
        self._alive = np.flatnonzero(self.status != _State.CLOSED)
        self._serve = problem.serve[self._alive]
        self._capacity, self._cost = problem.capacity[self._alive], problem.cost[self._alive]
        self._is_open = self.status[self._alive] == _State.OPEN
        self._free = np.flatnonzero(~self._is_open)
        self._need = problem.total - float(self._capacity[self._is_open].sum())
        self._most = problem.most - int(self._is_open.sum())
        self._lists: NDArray[np.intp] | None = None
        self._limits: Floats | None = None
        if self._short:
            self._list_points()
        self._evaluate(self.prices, first=True)

    def _list_points(self) -> None:
        """List for every site only the points that it may earn from while no price passes its limit.

        A point's limit is what the cheapest site costs that does not list it: up to there that site earns nothing from
        it, so that leaving it out changes nothing. Prices are cut to their limits; any prices give a bound.
        """
        problem = self._problem
        size = np.maximum(np.abs(self.prices), problem.usual)
        listed = self._serve < self.prices + _MARGIN * size
        longest = int(listed.sum(axis=1).max(initial=0))
        if not longest or longest > 0.7 * len(self.prices):
            return
        rows = np.arange(len(listed))[:, None]
        lists = np.argsort(~listed, axis=1, kind="stable")[:, :longest]
        self._lists = lists
        self._limits = np.where(listed, np.inf, self._serve).min(axis=0)
        self._short_serve = np.where(listed[rows, lists], self._serve[rows, lists], np.inf)
        self._short_demand = problem.demand[lists]

    def _fill(self, prices: Floats) -> _Knapsacks:
        if self._lists is None:
            return _knapsacks(self._serve, self._problem.demand, self._capacity, prices)
        return _knapsacks(self._short_serve, self._short_demand, self._capacity, prices[self._lists])

    def _unserved(self, share: Floats, shares: Floats) -> Floats:
        """Return how much of every point the sites leave; below 0 where several serve it."""
        if self._lists is None:
            return np.asarray(1.0 - share @ shares)
        served = share[:, None] * shares
        return 1.0 - np.bincount(self._lists.ravel(), weights=served.ravel(), minlength=len(self.prices))

    def _evaluate(self, prices: Floats, *, first: bool = False) -> tuple[Floats, Floats]:
        """Look at some prices; return what of every point is not served, and the share of every site chosen."""
        if self._limits is not None:
            prices = np.minimum(prices, self._limits)
        knapsacks = self._fill(prices)
        price = self._cost - knapsacks.worth
        choice = _choose(price[self._free], self._capacity[self._free], self._need, self._most)
        if choice is None:
            self.impossible = True
            return np.zeros(len(prices)), np.zeros(len(self._alive))
        share = self._is_open.astype(np.float64)
        share[self._free] = choice.share
        bound = float(prices.sum()) + float(price[self._is_open].sum()) + choice.value
        if first or bound > self.bound:
            self.bound, self.prices, self._choice = bound, prices, choice
        unserved = self._unserved(share, knapsacks.shares)
        if self._left is None:
            self._left = unserved
            self.average = np.zeros(len(self.status))
            self.average[self._alive] = share
        return unserved, share

    def run(self, rounds: int, target: float, record: Record) -> None:
        """Go on for some rounds, until the bound reaches the target or time is out."""
        for _ in range(rounds):
            if record.left <= 0 or self.impossible or self.bound >= target or self._left is None:
                return
            size = float(self._left @ self._left)
            if size < 1e-14 * len(self._left):
                return
            before = self.bound
            scale = max(abs(before), self._problem.usual)
            aim = max(min(target - before, 0.05 * scale), 1e-3 * scale)
            unserved, share = self._evaluate(self.prices + (self._step * aim / size) * self._left)
            # The mix of the average and this round that leaves least unserved.
            change = unserved - self._left
            length = float(change @ change)
            part = -float(self._left @ change) / length if length > 0 else self._share
            part = min(max(part, self._share / 10), self._share)
            self._left = self._left + part * change
            self.average[self._alive] += part * (share - self.average[self._alive])
            self._adapt(better=self.bound > before, forward=float(unserved @ self._left) >= 0)

    def _adapt(self, *, better: bool, forward: bool) -> None:
        """Make steps longer after a good one, shorter after many bad ones."""
        self.rounds += 1
        if better:
            self._bad = 0
            if forward:
                self._step = min(2.0, _LONGER * self._step)
        else:
            self._bad += 1
            if self._bad >= _PATIENCE:
                self._step, self._bad = _SHORTER * self._step, 0
        if self.rounds % 100 == 0:
            self._share = max(_LEAST_SHARE, self._share / 2)

    def fix(self, cut: float) -> None:
        """Open or close the free sites for which anything else would pass the cut.

        Proof that nothing below the cut is lost: the bound is the value of a linear program in the sites alone, and
        `reduced` are its reduced costs. A site at 0 that is opened, or one at 1 that is closed, moves its value up by
        at least the size of its reduced cost.
        """
        if self.impossible:
            return
        share, reduced = self._choice.share, self._choice.reduced
        moved = self.bound + np.abs(reduced) > cut + _NOISE * abs(cut)
        close = moved & (share <= 0) & (reduced > 0)
        opened = moved & (share >= 1) & (reduced < 0)
        sites = self._alive[self._free]
        if close.any() or opened.any():
            self.status[sites[close]] = _State.CLOSED
            self.status[sites[opened]] = _State.OPEN
            self.average[sites[close]] = 0.0
            self.average[sites[opened]] = 1.0
        if close.any() or opened.any() or self._lists is not None:
            self._gather()

    def pairs(self, cut: float) -> Flags:
        """Return which pairs, sites x points, an answer below the cut may use.

        A pair costs at least what its point's share in the site's knapsack earns less than the rent it takes, and
        what opening the site costs more: both are reduced costs, as in `fix`.
        """
        problem = self._problem
        prices = self.prices
        knapsacks = _knapsacks(self._serve, problem.demand, self._capacity, prices)
        opening = np.zeros(len(self._alive))
        opening[self._free] = np.where(self._choice.share <= 0, np.maximum(self._choice.reduced, 0.0), 0.0)
        lost = np.maximum(0.0, self._serve - prices + knapsacks.rent[:, None] * problem.demand)
        usable = np.zeros(problem.serve.shape, dtype=bool)
        usable[self._alive] = np.isfinite(self._serve) & (
            self.bound + opening[:, None] + lost <= cut + _NOISE * abs(cut)
        )
        return usable


@dataclass(frozen=True)
class _Served:
    """How a set of open sites serves everybody at the least cost.

    Attributes
    ----------
    value
        With the cost of opening; infinite where the set cannot serve everybody.
    shares
        Of every point: sites of the set x points.
    prices
        What serving one more of every point would cost.
    """

    value: float
    shares: sparse.csr_array
    prices: Floats


class _Search:
    """The search, and what it has learned: the best sites, and a cut for every price vector worth keeping."""

    def __init__(
        self, problem: _Problem, standing: Ints, record: Record, *, single: bool, threads: int, seed: int
    ) -> None:
        self._problem, self._standing, self._record, self._single = problem, standing, record, single
        self._threads, self._seed = threads, seed
        self._known: set[bytes] = set()
        self._constants: list[float] = []
        self._prices: list[Floats] = []
        # The least bound of what was left undecided.
        self._undecided = np.inf

    @property
    def _cut(self) -> float:
        """Return what a bound must reach for a part of the search to be left alone."""
        value = self._record.value
        if value is None:
            return self._problem.ceiling
        return value - 0.999 * self._record.gap_wanted * abs(value)

    def run(self) -> bool:
        """Search until it is proven or out of time."""
        record = self._record
        self._begin()
        if record.is_proven:
            return True
        root = self._root()
        if record.value is None and (root.impossible or root.bound > self._problem.ceiling):
            return False
        if root.impossible:
            self._end(Proof.LAGRANGIAN)
            return True
        self._learn(root.prices)
        record.said("prices", f"{len(root.free)} sites")
        self._descend(root, _ROOT_SETS)
        root.fix(self._cut)
        if record.is_over:
            return True
        return self._solve(root) if self._single else self._branch(root)

    def _begin(self) -> None:
        """Tell what is plain to see, and a first answer if a quick one is found."""
        problem, record = self._problem, self._record
        # Everybody where it is cheapest, and only what has to be opened or costs less than nothing.
        opening = np.minimum(problem.cost, 0.0)
        opening[self._standing] = problem.cost[self._standing]
        plain = float(problem.serve.min(axis=0).sum()) + float(opening.sum())
        bounded_plainly(record, plain)
        shares = _quick(problem, self._standing, single=self._single, seed=self._seed)
        if shares is not None:
            self._tell_quick(shares)
        record.said("greedy", "" if record.sites is None else f"{len(record.sites)} sites")

    def _tell_quick(self, shares: "_Shares") -> None:
        """Tell the record of an answer given as pairs."""
        problem = self._problem
        if self._single:
            given = np.empty(len(problem.demand), dtype=np.int64)
            given[shares.point] = shares.site
            self._tell_single(given)
            return
        sites = self._needed(np.unique(shares.site))
        value = float(problem.serve[shares.site, shares.point] @ shares.part) + float(problem.cost[sites].sum())
        shape = (len(problem.demand), len(problem.cost))
        self._record.better(value, sites, sparse.csr_array((shares.part, (shares.point, shares.site)), shape=shape))

    def _needed(self, used: Ints) -> Ints:
        """Return the sites to open where some are used: those that stand, and what costs less than nothing."""
        problem = self._problem
        sites = np.union1d(used, self._standing)
        extra = np.setdiff1d(np.flatnonzero(problem.cost < 0), sites)
        extra = extra[np.argsort(problem.cost[extra], kind="stable")][: max(0, problem.most - len(sites))]
        return np.union1d(sites, extra)

    def _root(self) -> _Volume:
        """Find good prices for the whole problem, and first answers."""
        problem, record = self._problem, self._record
        status = np.full(len(problem.cost), _State.FREE, dtype=np.int8)
        status[self._standing] = _State.OPEN
        with np.errstate(divide="ignore", invalid="ignore"):
            # What a point costs at a site that is full, the cost of opening shared by size.
            rent = np.where(problem.capacity > 0, np.maximum(problem.cost, 0.0) / problem.capacity, np.inf)
            prices = (problem.serve + np.where(problem.demand > 0, problem.demand * rent[:, None], 0.0)).min(axis=0)
        prices = np.where(np.isfinite(prices), prices, 0.0)
        node = _Node(status, prices, -np.inf, np.zeros(len(status)))
        volume = _Volume(problem, node, step=_FIRST_STEP, share=_FIRST_SHARE, short=False)
        if not volume.impossible:
            record.bounded(min(volume.bound, self._cut), Proof.LAGRANGIAN)
        last = -np.inf
        while volume.rounds < _ROOT_ROUNDS and not volume.impossible and not record.is_over:
            rounds = volume.rounds
            self._run(volume)
            # Sites that were closed or opened leave out answers that cost the cut at least.
            record.bounded(min(volume.bound, self._cut), Proof.LAGRANGIAN)
            if volume.bound >= self._cut or volume.rounds == rounds:
                self._round(volume)
                break
            if volume.rounds < _SETTLED and self._known and record.value is not None:
                continue
            self._round(volume)
            volume.fix(self._cut)
            if volume.rounds >= _SETTLED:
                if volume.bound - last < _ROOT_GAIN * (self._cut - volume.bound):
                    break
                volume.shorten()
            last = volume.bound
        return volume

    def _run(self, volume: _Volume) -> None:
        """Improve prices for a block of rounds; where that takes seconds, let points choose among likely sites."""
        problem, record = self._problem, self._record
        if problem.serve.size <= _SLOW:
            volume.run(_ROOT_BLOCK, self._cut, record)
            return
        for _ in range(_ROOT_BLOCK // _SLOW_BLOCK):
            volume.run(_SLOW_BLOCK, self._cut, record)
            if record.is_over or volume.impossible:
                return
            record.bounded(min(volume.bound, self._cut), Proof.LAGRANGIAN)
            for sites in self._likely(volume):
                self._guess(sites)

    def _guess(self, sites: Ints) -> None:
        """Let points choose among the sites of a set, and tell the record."""
        shares, lost = _fill_up(self._problem, sites, single=self._single, by_size=False)
        if not len(lost):
            self._tell_quick(shares)

    def _learn(self, prices: Floats) -> None:
        """Keep prices as a cut: a constant and a number per site, whose sum over open sites bounds every set."""
        problem = self._problem
        self._constants.append(float(prices.sum()))
        self._prices.append(problem.cost - _knapsacks(problem.serve, problem.demand, problem.capacity, prices).worth)

    def _hope(self, sites: Ints) -> float:
        """Return what the cuts say a set costs at least."""
        return max(
            (
                constant + float(prices[sites].sum())
                for constant, prices in zip(self._constants, self._prices, strict=True)
            ),
            default=-np.inf,
        )

    def _round(self, volume: _Volume) -> None:
        """Work out the sets that the average of the chosen sites points to."""
        for sites in self._likely(volume):
            if self._hope(sites) < self._cut:
                self._try(sites)

    def _likely(self, volume: _Volume) -> Iterator[Ints]:
        """Yield the sets that the average of the chosen sites points to."""
        problem = self._problem
        average = volume.average.copy()
        average[volume.status == _State.OPEN] = 2.0
        average[volume.status == _State.CLOSED] = -1.0
        order = np.argsort(-average, kind="stable")
        least = int((volume.status == _State.OPEN).sum())
        fitting = max(least, int(np.searchsorted(np.cumsum(problem.capacity[order]), problem.total)) + 1)
        likely = max(fitting, int((average >= 0.5).sum()))
        for many in sorted({fitting, likely}):
            if many <= min(problem.most, len(order)) and average[order[many - 1]] >= 0:
                yield np.sort(order[:many])

    def _try(self, sites: Ints) -> bool:
        """Work out how a set serves everybody, and tell the record; return whether that is now known."""
        key = sites.tobytes()
        if key in self._known:
            return True
        problem, record = self._problem, self._record
        if len(sites) * len(problem.demand) > _PAIRS_AT_ONCE:
            # (The linear program takes seconds; something is known at once.)
            self._guess(sites)
        served = _transport(problem, sites, record.left)
        if served is None:
            return False
        self._known.add(key)
        if not np.isfinite(served.value):
            return True
        self._learn(served.prices)
        if not self._single:
            matrix = served.shares.tocoo()
            shape = (len(problem.demand), len(problem.cost))
            record.better(
                served.value, sites, sparse.csr_array((matrix.data, (matrix.col, sites[matrix.row])), shape=shape)
            )
        elif served.value < self._cut:
            given = _one_each(problem, sites, served.shares, record)
            if given is not None:
                self._tell_single(sites[given])
        return True

    def _tell_single(self, given: Ints) -> None:
        """Tell the record who serves whom; sites that serve nobody and need not be open are closed."""
        problem = self._problem
        loads = np.bincount(given, weights=problem.demand, minlength=len(problem.cost))
        if (loads > problem.capacity * (1 + _NOISE)).any():
            return
        sites = self._needed(np.unique(given))
        if len(sites) > problem.most:
            return
        value = float(problem.serve[given, np.arange(len(given))].sum()) + float(problem.cost[sites].sum())
        self._record.better(value, sites, given)

    def _descend(self, volume: _Volume, most: int) -> None:
        """Improve the best set by exchanging up to two sites, as long as the cuts leave hope."""
        record, problem = self._record, self._problem
        for _ in range(_MOVES):
            if record.sites is None or record.is_over:
                return
            before, best = record.value, record.sites
            near = _Near(best, volume, problem)
            hope = np.full(near.shape, -np.inf)
            hope[~near.able] = np.inf
            used = 0
            for _ in range(most):
                for k in range(used, len(self._constants)):
                    np.maximum(hope, near.bounds(self._constants[k], self._prices[k]), out=hope)
                used = len(self._constants)
                place = int(np.argmin(hope))
                if hope.flat[place] >= self._cut or record.is_over:
                    return
                if not self._try(near.sites(place)):
                    return
                hope.flat[place] = np.inf
                if record.value != before:
                    break
            else:
                return

    def _branch(self, root: _Volume) -> bool:
        """Search the sets that are left, the node with the lowest bound first."""
        record = self._record
        ticket = count()
        heap = [(root.bound, next(ticket), _Node(root.status, root.prices, root.bound, root.average))]
        nodes = 0
        while heap:
            bound, _, node = heapq.heappop(heap)
            # What was left alone costs the cut at least, which may be less than the value.
            record.bounded(min(bound, self._cut, self._undecided), Proof.BRANCHING)
            if bound >= self._cut:
                # The others are no lower.
                break
            if record.is_over:
                return True
            nodes += 1
            before = record.value
            for child in self._expand(node):
                heapq.heappush(heap, (child.bound, next(ticket), child))
            if record.value != before:
                self._descend(root, _NODE_SETS)
        record.said("branching", f"{nodes} nodes")
        if record.value is None:
            return bool(np.isfinite(self._undecided))
        if not np.isfinite(self._undecided):
            self._end(Proof.BRANCHING)
        return True

    def _end(self, proof: Proof) -> None:
        """Say that nothing is left that costs less than the cut."""
        if self._record.gap_wanted:
            self._record.bounded(self._cut, proof)
        else:
            _exhausted(self._record, proof)

    def _expand(self, node: _Node) -> Iterator[_Node]:
        """Improve the prices of a node, and yield its two parts, or settle it."""
        volume = _Volume(self._problem, node, step=_NODE_STEP, share=_NODE_SHARE, short=True)
        last = max(volume.bound, node.bound)
        while volume.rounds < _NODE_ROUNDS:
            rounds = volume.rounds
            volume.run(_NODE_BLOCK, self._cut, self._record)
            volume.fix(self._cut)
            bound = max(volume.bound, node.bound)
            if volume.impossible or bound >= self._cut:
                return
            if volume.rounds == rounds or self._record.left <= 0 or bound - last < _NODE_GAIN * (self._cut - bound):
                break
            last = bound
        bound = max(volume.bound, node.bound)
        free = volume.free
        if not len(free):
            if not self._try(np.flatnonzero(volume.status == _State.OPEN)):
                self._undecided = min(self._undecided, bound)
            return
        self._round(volume)
        if bound >= self._cut:
            return
        average = volume.average[free]
        # The largest of those that are neither quite open nor quite closed changes most.
        site = free[np.argmax((np.minimum(average, 1.0 - average) + 1e-6) * self._problem.capacity[free])]
        for state in (_State.OPEN, _State.CLOSED):
            status = volume.status.copy()
            status[site] = state
            yield _Node(status, volume.prices, bound, volume.average)

    def _solve(self, root: _Volume) -> bool:
        """Let HiGHS decide who serves whom, one site each, among the sites and pairs that are left."""
        record, problem = self._record, self._problem
        cut = self._cut
        usable = root.pairs(cut)
        site, point = np.nonzero(usable)
        alive = np.flatnonzero(root.status != _State.CLOSED)
        record.said("pairs", f"{len(site)}")
        instance = _one_each_program(problem, root.status, site, point)
        start = None
        if record.sites is not None:
            start = np.concatenate(
                [(record.assigned[point] == site).astype(np.float64), np.isin(alive, record.sites).astype(np.float64)]
            )

        def better(values: Floats) -> None:
            given = np.full(len(problem.demand), -1)
            used = values[: len(site)] > 0.5
            given[point[used]] = site[used]
            if (given >= 0).all():
                self._tell_single(given)

        def bounded(bound: float) -> None:
            # Answers that were left out cost the cut at least.
            record.bounded(min(bound, cut), Proof.SOLVER)

        found = branch(
            instance,
            seconds=record.left,
            gap=record.gap_wanted,
            threads=self._threads,
            seed=self._seed,
            start=start,
            better=better,
            bounded=bounded,
        )
        if found.values is not None:
            better(found.values)
        if not found.finished:
            bounded(found.bound)
            return True
        if record.value is None:
            return bool(np.isfinite(found.bound))
        if found.bound >= record.value - 1e-9 * abs(record.value):
            _exhausted(record, Proof.SOLVER)
        else:
            bounded(found.bound)
        return True


@dataclass(frozen=True)
class _Shares:
    """Who serves whom, pair by pair: site, point, and the part of the point's demand."""

    site: Ints
    point: Ints
    part: Floats


def _quick(problem: _Problem, standing: Ints, *, single: bool, seed: int) -> _Shares | None:
    """Return an answer that is found at once; None where none was.

    Sites are added one by one, and points choose among them. Where some points find no room, one more site is opened
    for them, or large points choose first.
    """
    sites = _quick_sites(problem, standing, seed)
    by_size = False
    for _ in range(_QUICK_TRIES):
        if sites is None:
            return None
        shares, lost = _fill_up(problem, sites, single=single, by_size=by_size)
        if not len(lost):
            return shares
        more = _one_more(problem, sites, lost) if len(sites) < problem.most else None
        if more is None:
            if by_size or not single:
                return None
            by_size = True
        else:
            sites = np.union1d(sites, more)
    return None


def _quick_sites(problem: _Problem, standing: Ints, seed: int) -> Ints | None:
    """Choose sites with room for everybody, one by one; None where so few sites have too little.

    The next site is the one with which some points, drawn to stand for all, save most: a knapsack each, as what is
    served already pays what it costs now, and what is not, more than anywhere. No site is taken that would leave too
    little room to the largest of the others that may still be opened.
    """
    capacity, cost, count = problem.capacity, problem.cost, len(problem.cost)
    if problem.most >= count and (cost <= 0).all():
        return np.arange(count)
    draws = np.random.default_rng(seed)
    many = min(len(problem.demand), max(_LEAST_SKETCH, _SKETCH // max(1, count)))
    some = np.sort(draws.choice(len(problem.demand), many, replace=False))
    demand = problem.demand[some]
    scale = float(problem.demand.sum()) / max(float(demand.sum()), 1e-300) if demand.any() else 1.0
    serve, demand = problem.serve[:, some] * scale, demand * scale
    is_open = np.zeros(count, dtype=bool)
    is_open[standing] = True
    with np.errstate(divide="ignore", invalid="ignore"):
        rent = np.where(capacity > 0, np.maximum(cost, 0.0) / capacity, np.inf).min(initial=np.inf)
    unserved = np.where(np.isfinite(serve), serve, 0.0).max(axis=0) + demand * (2 * rent if np.isfinite(rent) else 0.0)
    now = unserved + max(1.0, problem.usual) * (1e-6 + demand / max(1e-300, float(demand.max(initial=0.0))))
    for site in standing:
        now = _pay_less(serve, demand, capacity, now, site)
    while True:
        room = float(capacity[is_open].sum())
        left = problem.most - int(is_open.sum())
        enough = room >= problem.total
        if left <= 0 or is_open.all():
            return np.flatnonzero(is_open) if enough else None
        worth = _knapsacks(serve, demand, capacity, now).worth - cost
        worth[is_open] = -np.inf
        if not enough:
            able = room + capacity + _largest_others(capacity, is_open, left - 1) >= problem.total
            worth[~able] = -np.inf
            if not able.any():
                return None
        site = int(np.argmax(worth))
        if worth[site] == -np.inf or (enough and worth[site] <= 0):
            return np.flatnonzero(is_open) if enough else None
        is_open[site] = True
        now = _pay_less(serve, demand, capacity, now, site)


def _pay_less(serve: Floats, demand: Floats, capacity: Floats, now: Floats, site: Any) -> Floats:
    """Return what points pay once a site serves those that save most."""
    one = slice(int(site), int(site) + 1)
    shares = _knapsacks(serve[one], demand, capacity[one], now).shares[0]
    return np.asarray(now - shares * (now - np.where(shares > 0, serve[site], now)))


def _largest_others(capacity: Floats, is_open: Flags, many: int) -> Floats:
    """Return, for every site, the room of the largest closed sites beside it, so many of them."""
    order = np.argsort(np.where(is_open, -np.inf, capacity), kind="stable")[::-1][: int((~is_open).sum())]
    place = np.full(len(capacity), len(capacity))
    place[order] = np.arange(len(order))
    sums = np.append(0.0, np.cumsum(capacity[order]))
    inside = place < many
    many_sum, one_more = sums[min(many, len(order))], sums[min(many + 1, len(order))]
    return np.asarray(np.where(inside, one_more - capacity, many_sum))


def _one_more(problem: _Problem, sites: Ints, lost: Ints) -> int | None:
    """Return the closed site that has room for most of the demand of some points, by its cost; None where none has."""
    closed = np.setdiff1d(np.arange(len(problem.cost)), sites)
    if not len(closed):
        return None
    reach = np.isfinite(problem.serve[np.ix_(closed, lost)])
    held = np.minimum(reach @ problem.demand[lost], problem.capacity[closed])
    if not reach.any() or not held.any():
        return int(closed[np.argmax(reach.sum(axis=1))]) if reach.any() else None
    near = np.where(reach, problem.serve[np.ix_(closed, lost)], 0.0).sum(axis=1) / np.maximum(1, reach.sum(axis=1))
    return int(closed[np.lexsort((near, problem.cost[closed], -held))[0]])


def _fill_up(problem: _Problem, sites: Ints, *, single: bool, by_size: bool) -> tuple[_Shares, Ints]:
    """Let points choose among sites with room left; return who serves whom, and the points that found no room.

    Every point asks for its cheapest site with room left; a site that is asked for too much takes those that would
    lose most, by size, at their next site (the regret of Martello and Toth 1981), the others ask again.
    """
    serve, demand = problem.serve[sites], problem.demand
    room = problem.capacity[sites]
    # What sums of floats may lose; where points are shared no more, or an answer would cost less than it may.
    room = room * (1 + (0.5 * _NOISE if single else 1e-12))
    left = np.ones(len(demand))
    found: list[tuple[Ints, Ints, Floats]] = []
    asking = np.arange(len(demand))
    lost: list[Ints] = []
    size = np.where(demand > 0, demand, 1.0)
    while len(asking) and len(sites):
        able = room[:, None] >= demand[asking] if single else (room[:, None] > 0) | (demand[asking] == 0)
        price = np.where(able, serve[:, asking], np.inf)
        best = price.argmin(axis=0)
        columns = np.arange(len(asking))
        least = price[best, columns]
        price[best, columns] = np.inf
        homeless = np.isinf(least)
        if homeless.any():
            # (Nobody leaves a site again: they will find none later.)
            lost.append(asking[homeless])
        second = np.minimum(price.min(axis=0), problem.ceiling)
        with np.errstate(over="ignore"):
            regret = np.where(homeless, 0.0, second - np.where(homeless, 0.0, least)) / size[asking]
        first = -demand[asking] if by_size else -regret
        order = np.lexsort((columns, first, best))
        order = order[~homeless[order]]
        points, chosen = asking[order], best[order]
        wanted = left[points] * demand[points]
        heaped = np.cumsum(wanted)
        begins = np.searchsorted(chosen, np.arange(len(sites)))
        before = np.append(0.0, heaped)[begins][chosen]
        free = room[chosen] - (heaped - wanted - before)
        if single:
            taken = (wanted <= free * (1 + 1e-15)) | (wanted == 0)
            # (The first that does not fit ends the row, so that sums stay sums of those taken.)
            gone = np.cumsum(~taken)
            taken &= gone == np.append(0, gone)[begins][chosen]
            part = taken.astype(np.float64)
        else:
            with np.errstate(divide="ignore", invalid="ignore"):
                part = left[points] * np.where(wanted > 0, np.clip(free / wanted, 0.0, 1.0), 1.0)
        used = part > 0
        found.append((sites[chosen[used]], points[used], part[used]))
        room -= np.bincount(chosen, weights=part * demand[points], minlength=len(sites))
        if not single:
            asked = np.bincount(chosen, weights=wanted, minlength=len(sites))
            full = asked >= room + np.bincount(chosen, weights=part * demand[points], minlength=len(sites))
            room[full] = 0.0
        left[points] -= part
        left[left < 1e-12] = 0.0
        asking = np.sort(points[left[points] > 0])
    if len(asking):
        lost.append(asking)
    nobody = np.zeros(0, dtype=np.int64)
    site, point, part = (np.concatenate(parts) for parts in zip(*found, strict=True)) if found else (nobody,) * 3
    shares = _Shares(site, point, np.asarray(part, dtype=np.float64))
    return shares, np.concatenate(lost) if lost else nobody


class _Near:
    """The sets that differ from one by up to two sites closed and up to two opened, as a table."""

    def __init__(self, sites: Ints, volume: _Volume, problem: _Problem) -> None:
        self._best = sites
        inside = sites[volume.status[sites] != _State.OPEN]
        outside = np.setdiff1d(np.flatnonzero(volume.status != _State.CLOSED), sites)
        # Pairs are many: of the sites outside, only those that were likeliest.
        likely = outside[np.argsort(-volume.average[outside], kind="stable")]
        pairs = len(inside) * (len(inside) - 1) // 2
        while len(likely) > 2 and pairs * len(likely) ** 2 > 2 * _PAIRS:
            likely = likely[: int(0.8 * len(likely))]
        self._closed = _up_to_two(inside, inside if pairs * (len(outside) + 1) <= 10 * _PAIRS else inside[:0])
        self._opened = _up_to_two(outside, np.sort(likely))
        capacity = np.append(problem.capacity, 0.0)
        left = float(problem.capacity[sites].sum()) - capacity[self._closed].sum(axis=1)
        many = len(sites) - (self._closed >= 0).sum(axis=1)
        self.able = (left[:, None] + capacity[self._opened].sum(axis=1) >= problem.total) & (
            many[:, None] + (self._opened >= 0).sum(axis=1) <= problem.most
        )
        self.able[0, 0] = False
        self.shape = self.able.shape

    def bounds(self, constant: float, prices: Floats) -> Floats:
        """Return what a cut says of every set."""
        padded = np.append(prices, 0.0)
        base = constant + float(prices[self._best].sum())
        return np.asarray(np.add.outer(base - padded[self._closed].sum(axis=1), padded[self._opened].sum(axis=1)))

    def sites(self, place: int) -> Ints:
        """Return the set at a place of the table."""
        row, column = divmod(place, self.shape[1])
        return np.union1d(np.setdiff1d(self._best, self._closed[row]), self._opened[column][self._opened[column] >= 0])


def _up_to_two(ones: Ints, pairs: Ints) -> Ints:
    """Return no site, each of some alone, and each two of others; -1 stands for none."""
    i, j = np.triu_indices(len(pairs), 1)
    return np.concatenate(
        [
            np.full((1, 2), -1),
            np.column_stack([ones, np.full(len(ones), -1)]),
            np.column_stack([pairs[i], pairs[j]]),
        ]
    )


def _transport(problem: _Problem, sites: Ints, seconds: float) -> _Served | None:
    """Serve everybody from a set of sites at the least cost: a transportation problem; None where time was short."""
    serve, demand, capacity = problem.serve[sites], problem.demand, problem.capacity[sites]
    points = len(demand)
    nothing = _Served(np.inf, sparse.csr_array(serve.shape), np.zeros(points))
    site, point = np.nonzero(np.isfinite(serve))
    if len(np.unique(point)) < points:
        return nothing
    pairs = np.arange(len(site))
    matrix = sparse.csr_array(
        (
            np.concatenate([np.ones(len(site)), demand[point]]),
            (np.concatenate([point, points + site]), np.concatenate([pairs, pairs])),
        ),
        shape=(points + len(sites), len(site)),
    )
    instance = Instance(
        "transport",
        serve[site, point],
        0.0,
        np.zeros(len(site)),
        np.full(len(site), np.inf),
        np.zeros(len(site), dtype=bool),
        matrix,
        np.concatenate([np.ones(points), np.full(len(sites), -np.inf)]),
        np.concatenate([np.ones(points), capacity]),
        [],
        [],
    )
    # Kept in this process: the clock stops it well between two steps of the simplex.
    found = branch(instance, seconds=seconds, relax=True, presolve=False, apart=False)
    if not found.finished:
        return None
    if found.values is None or found.row_weights is None:
        return nothing
    values = np.maximum(found.values, 0.0)
    values /= np.bincount(point, weights=values, minlength=points)[point]
    used = values > 0
    value = float(problem.cost[sites].sum()) + float(values @ instance.cost)
    shares = sparse.csr_array((values[used], (site[used], point[used])), shape=serve.shape)
    return _Served(value, shares, found.row_weights[:points])


def _one_each(problem: _Problem, sites: Ints, shares: sparse.csr_array, record: Record) -> Ints | None:
    """Give every point to one site of a set [place in it], near to the shares given; None where none was found."""
    serve, demand = problem.serve[sites], problem.demand
    given = np.asarray(shares.toarray().argmax(axis=0), dtype=np.int64)
    room = problem.capacity[sites] * (1 + _NOISE) - np.bincount(given, weights=demand, minlength=len(sites))
    if not _repair(serve, demand, given, room):
        return None
    _improve(serve, demand, given, room, record)
    return given


def _repair(serve: Floats, demand: Floats, given: Ints, room: Floats) -> bool:
    """Move points out of sites above their capacity, the cheapest move by size first; return whether that worked."""
    for _ in range(len(given)):
        over = np.flatnonzero(room < 0)
        if not len(over):
            return True
        points = np.flatnonzero((room[given] < 0) & (demand > 0))
        more = serve[:, points] - serve[given[points], points]
        more = np.where(room[:, None] >= demand[points], more / demand[points], np.inf)
        best = int(np.argmin(more))
        site, place = divmod(best, len(points))
        if not np.isfinite(more[site, place]):
            return False
        _move(demand, given, room, points[place], site)
    return bool((room >= 0).all())


def _move(demand: Floats, given: Ints, room: Floats, point: Any, site: Any) -> None:
    room[given[point]] += demand[point]
    room[site] -= demand[point]
    given[point] = site


def _improve(serve: Floats, demand: Floats, given: Ints, room: Floats, record: Record) -> None:
    """Move one point, or exchange the sites of two, while that is cheaper."""
    points = np.arange(len(given))
    for _ in range(_SWAPS):
        if record.left <= 0:
            return
        now = serve[given, points]
        more = np.where(room[:, None] >= demand, serve - now, np.inf)
        site, point = divmod(int(np.argmin(more)), len(points))
        least = more[site, point]
        small = -1e-9 * max(1.0, float(np.abs(now).max()))
        if least < small:
            _move(demand, given, room, point, site)
            continue
        if len(points) > _SWAP_POINTS:
            return
        there = serve[given][:, points] - now
        change = there + there.T
        size = demand[:, None] - demand
        change[(size > room[given][None, :]) | (-size > room[given][:, None])] = np.inf
        one, two = divmod(int(np.argmin(change)), len(points))
        if not change[one, two] < 2 * small:
            return
        here, other = given[one], given[two]
        _move(demand, given, room, one, other)
        _move(demand, given, room, two, here)


def _one_each_program(problem: _Problem, status: NDArray[np.int8], site: Ints, point: Ints) -> Instance:
    """Return the program in which every point has one of the sites of its pairs."""
    points, pairs = len(problem.demand), len(site)
    alive = np.flatnonzero(status != _State.CLOSED)
    place = np.full(len(status), -1)
    place[alive] = np.arange(len(alive))
    opening = pairs + place[site]
    number = np.arange(pairs)
    open_ = pairs + np.arange(len(alive))
    first_link = points + len(alive) + 2
    many = first_link - 1
    matrix = sparse.csr_array(
        (
            np.concatenate(
                [
                    np.ones(pairs),
                    problem.demand[point],
                    -problem.capacity[alive],
                    problem.capacity[alive],
                    np.ones(len(alive) + pairs),
                    np.full(pairs, -1.0),
                ]
            ),
            (
                np.concatenate(
                    [
                        point,
                        points + place[site],
                        points + np.arange(len(alive)),
                        np.full(len(alive), points + len(alive)),
                        np.full(len(alive), many),
                        first_link + number,
                        first_link + number,
                    ]
                ),
                np.concatenate([number, number, open_, open_, open_, number, opening]),
            ),
        ),
        shape=(first_link + pairs, pairs + len(alive)),
    )
    infinite = np.inf
    low = np.zeros(pairs + len(alive))
    low[pairs:] = status[alive] == _State.OPEN
    return Instance(
        "one site each",
        np.concatenate([problem.serve[site, point], problem.cost[alive]]),
        0.0,
        low,
        np.ones(pairs + len(alive)),
        np.ones(pairs + len(alive), dtype=bool),
        matrix,
        np.concatenate(
            [np.ones(points), np.full(len(alive), -infinite), [problem.total, 0.0], np.full(pairs, -infinite)]
        ),
        np.concatenate([np.ones(points), np.zeros(len(alive)), [infinite, problem.most], np.zeros(pairs)]),
        [],
        [],
    )
