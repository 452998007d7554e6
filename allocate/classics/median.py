"""The p-median problem on arrays: prices give a bound, swaps a plan, and a small branch and bound closes the rest."""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import sparse

from allocate.classics.record import Proof, Record
from allocate.program import WHOLE_DISTANCE, Instance, branch
from allocate.reduce import Floats, Int64s, Mask, ends_of, runs, same_values

# Entries of the distances that are looked at together.
_BLOCK = 1 << 20
# Up to so many entries the greedy plan is finished even where time is out.
_QUICK = 1 << 24
# Up to so many points times open sites a plan is valued without a thought.
_QUICK_PLAN = 500_000
# Pairs of an open and a closed site that are weighed together, at most, when the best swap is sought.
_SWAPS = 1 << 22
# Below this share of everything a difference is noise of float sums.
_NOISE = 1e-12
# What a bound must rise, as a share of the gap, to count as progress.
_PROGRESS = 1e-3
# Where every value is a whole number, a better one is smaller by one; this much of it is left to rounding.
_WHOLE_NOISE = 1e-6
# How much of the direction before goes on into the next one: at first, and in the nodes of a search.
_MEMORY, _MEMORY_OF_NODES = 0.85, 0.5
# How far a price may rise within one climb, as a multiple of itself.
_HEADROOM = 1.5
# How many plans that the prices propose are improved by swaps, and how often shaken ones are, without success.
_ELITE, _SHAKES = 6, 12
# As often, where nothing else is left to do.
_LONG_SHAKES = 100
# Pairs that are kept at most: of one node (16 bytes each, and as much again while they are collected), and of all.
_MOST_PAIRS, _MOST_STORED = 40_000_000, 80_000_000
# What the first prices leave of the time for better plans, where they are slow, as a share.
_FOR_PLANS = 0.4
# How often prices should pick the site that is branched on: rather often than not, for then the first child is good.
_LIKELY = 0.65
# Work [pairs looked at] that the shaking of plans may cost.
_SHAKING_WORK = 30_000_000
# How many nodes our own search has before the solver is asked for help, and between two looks for better plans: at
# first, and at most.
_OWN_NODES, _NODES_BETWEEN, _MOST_BETWEEN = 3000, 32, 256
# The solver is asked where its problem has at most this many pairs, and for a share of the time left.
_SOLVER_PAIRS, _SOLVER_SHARE = 50_000, 0.4
# How far the solver's bounds may be off, as a share.
_SOLVER_NOISE = 1e-9


def locate_medians(
    distance: Floats,
    weight: Floats,
    p: int,
    record: Record,
    *,
    standing: Sequence[int] | Int64s = (),
    threads: int = 1,
    seed: int = 1,
) -> None:
    """Open at most p sites besides the standing ones so that the weighted distance to the nearest one is least.

    Points that are equally far from every site are made one. A plan comes from greedy choice, from the prices, and
    from swaps (Whitaker 1983, INFOR 21(2); Resende & Werneck 2007, European Journal of Operational Research 174(1)). A
    price per point bounds what a plan can save (Cornuéjols, Fisher & Nemhauser 1977, Management Science 23(8)); what
    the bound rules out is dropped: sites, and pairs of a point and a site. A branch and bound with the same prices
    ends the search; where it is long, HiGHS is asked in the radius form (Elloumi 2010, Journal of Combinatorial
    Optimization 19(1)) of what is left.

    Every answer and bound goes to the record at once. Where no plan serves every point it stays without an answer.

    Parameters
    ----------
    distance
        From every point to every site, points × sites; infinite where the site may not serve the point.
    weight
        People of each point, above 0.
    p
        How many sites may be opened.
    standing
        Sites that are open anyway, and not counted [index].
    threads
        From 2 on, HiGHS works beside our own search when that is long.
    seed
        Of everything drawn.
    """
    town = _Town.of(distance, weight, p, np.asarray(standing, dtype=np.int64), record)
    record.said("merged", f"{len(town.weight)} points")
    if town.p == 0 or not len(town.sites):
        if town.tell(town.sites[:0]):
            record.bounded(_just_above(town.best), Proof.REDUCTION)
        return
    start = _greedy(town)
    if len(town.sites) <= town.p:
        if np.isfinite(town.best):
            record.bounded(_just_above(town.best), Proof.REDUCTION)
        return
    if town.p == 1:
        _try_each(town)
        return
    near = _truncated(town, start)
    if near is None:
        # What everyone pays at the nearest site is all that is proven.
        record.bounded(sum(float(_nearest(town, block).sum()) for block in _blocks(town.distance)), Proof.REDUCTION)
        return
    shaker = _Shaker(town, near.pairs, np.random.default_rng(seed))
    shaker.improve(start)
    record.said("greedy, swaps")
    found = _Ascent(town, near, shaker).run(1000, step=1.5, patience=15, least_step=1e-3)
    record.bounded(near.bound, Proof.LAGRANGIAN)
    record.said("prices")
    if town.is_over:
        return
    shaker.shake(found.share)
    record.said("swaps after prices")
    if town.is_over:
        return
    core = _core(town, near, found)
    if core is None or not _Search(town, shaker, core, threads, seed).run():
        # There is no room for a search: the time left goes to better plans.
        shaker.shake(found.share, patience=_LONG_SHAKES)
        record.said("more swaps")


def _just_above(value: float) -> float:
    """Return a value moved by a tenth of what the record moves it back: a bound that equals its value stays proven."""
    return value + _NOISE * max(1.0, abs(value))


@dataclass
class _Town:
    """Points and sites, and the best plan so far.

    Attributes
    ----------
    distance
        Points × sites.
    sites
        Sites that may be opened; columns of `distance` [index].
    base
        What every point costs with the standing sites alone; infinite where they do not serve it.
    farthest
        The largest finite distance.
    far
        What stands for infinity in heuristics, so that serving one more point beats everything else [distance].
    p
        How many may be opened.
    best
        The value to beat; infinite as long as there is none.
    most
        More than any plan costs that serves every point.
    """

    distance: Floats
    weight: Floats
    sites: Int64s
    base: Floats
    farthest: float
    far: float
    most: float
    p: int
    record: Record
    best: float = np.inf
    plan: Int64s = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    @staticmethod
    def of(distance: Floats, weight: Floats, p: int, standing: Int64s, record: Record) -> "_Town":
        """Merge equal points, and separate the standing sites."""
        distance, weight = _merged(distance, weight)
        points, sites = distance.shape
        base = weight * distance[:, standing].min(axis=1) if len(standing) else np.full(points, np.inf)
        free = np.setdiff1d(np.arange(sites), standing)
        farthest = np.zeros(points)
        has_infinite = False
        for block in _blocks(distance):
            here = distance[block]
            finite = np.isfinite(here)
            has_infinite |= not finite.all()
            farthest[block] = np.where(finite, here, 0.0).max(axis=1, initial=0.0)
        most = float(weight @ farthest) * (1 + 1e-9) + 1.0
        largest = float(farthest.max(initial=0.0))
        far = largest + (most / float(weight.min()) if has_infinite else 0.0)
        best = np.inf if record.value is None else record.value
        return _Town(distance, weight, free, base, largest, far, most, min(p, len(free)), record, best)

    @property
    def cut(self) -> float:
        """Return what a plan must fall below to be worth finding."""
        if not np.isfinite(self.best):
            return self.most
        wanted = self.best - self._allowed
        if self.record.whole:
            wanted = min(wanted, self.best - 1 + _WHOLE_NOISE + 10 * _NOISE * abs(self.best))
        return wanted

    @property
    def _allowed(self) -> float:
        """Return how much below the best a plan may stay unfound; the record's own slack is taken off."""
        slack = 100 * _NOISE * max(1.0, abs(self.best))
        return max(0.0, self.record.gap_wanted * abs(self.best + self.record.offset) - slack)

    @property
    def closed(self) -> float:
        """Return the bound that holds once nothing below the cut is left."""
        return self.cut if self.cut < self.best else _just_above(self.best)

    @property
    def is_over(self) -> bool:
        """Tell whether the record can end."""
        return self.record.is_over

    @property
    def target(self) -> float:
        """Return a value that prices may aim at."""
        return self.best if np.isfinite(self.best) else self.most

    def column(self, site: int) -> Floats:
        """Return what every point costs at a site."""
        return self.weight * self.distance[:, site]

    def value(self, sites: Int64s) -> float:
        """Return what a plan costs."""
        served = self.base
        if len(sites):
            served = np.minimum(served, self.weight * self.distance[:, sites].min(axis=1))
        return float(served.sum())

    def tell(self, sites: Int64s) -> bool:
        """Take a plan if it is better than the best; it is filled up to p sites, which costs nothing."""
        if len(sites) < self.p:
            sites = np.concatenate((sites, np.setdiff1d(self.sites, sites)[: self.p - len(sites)]))
        value = self.value(sites)
        if value >= self.best:
            return False
        self.best, self.plan = value, sites
        self.record.better(value, sites)
        return True


def _blocks(distance: Floats) -> Iterator[slice]:
    """Yield slices of points that hold about a block's entries together."""
    points, sites = distance.shape
    size = max(1, _BLOCK // max(1, sites))
    for begin in range(0, points, size):
        yield slice(begin, min(points, begin + size))


def _merged(distance: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Make points one that are equally far from every site, their weights added.

    Whatever is open, such points go to the same site at the same distance, so every plan keeps its value. Rows are
    compared by a hash first and exactly then; points whose hashes are equal and whose rows are not stay apart.
    """
    points, sites = distance.shape
    if not points or not sites:
        return distance, weight
    keys = np.random.default_rng(1).integers(1, 2**63, size=sites, dtype=np.uint64) | np.uint64(1)
    hashes = np.empty(points, dtype=np.uint64)
    for block in _blocks(distance):
        bits = np.ascontiguousarray(distance[block] + 0.0).view(np.uint64)
        # (A product keeps the low bits low; shifted ones spread the high bits of a float over the sum.)
        hashes[block] = ((bits ^ (bits >> np.uint64(29))) * keys).sum(axis=1, dtype=np.uint64)
    first, group_of = same_values(hashes)
    # (Copies are worth their memory where they save some work.)
    if len(first) > 0.95 * points:
        return distance, weight
    group_of = group_of.astype(np.int64)
    different = np.zeros(points, dtype=bool)
    for block in _blocks(distance):
        different[block] = (distance[block] != distance[first[group_of[block]]]).any(axis=1)
    apart = np.flatnonzero(different)
    group_of[apart] = len(first) + np.arange(len(apart))
    chosen = np.concatenate((first, apart))
    return distance[chosen], np.bincount(group_of, weight, minlength=len(chosen))


@dataclass(frozen=True)
class _Pairs:
    """Points that sites may serve, site by site.

    Attributes
    ----------
    begins
        The pairs of site j are `begins[j]` to `begins[j + 1]`.
    point, cost
        Whom a pair serves, and at what cost.
    """

    begins: Int64s
    point: Int64s
    cost: Floats

    @property
    def lengths(self) -> Int64s:
        """Return how many points every site may serve."""
        return np.diff(self.begins)

    @property
    def site(self) -> Int64s:
        """Return the site of every pair."""
        return np.repeat(np.arange(len(self.begins) - 1), self.lengths)

    def sums(self, of_pair: Floats) -> Floats:
        """Return the sum over the pairs of every site."""
        sums = np.zeros(len(self.begins) - 1)
        some = np.flatnonzero(self.lengths)
        if len(some):
            sums[some] = np.add.reduceat(of_pair, self.begins[some])
        return sums


@dataclass
class _Node:
    """What is left of the problem once some sites are open and some shut.

    Attributes
    ----------
    sites
        Which sites are left, as columns of the distances; the sites of `pairs` in this order.
    base
        What a point costs at most, without any of the sites left; infinite where it needs one of them.
    constant
        What points cost that no site left can serve better.
    price
        Of every point: what being served is held to cost.
    p
        How many sites may still be opened.
    opened
        Sites that were opened.
    bound
        What no plan here falls below.
    """

    sites: Int64s
    pairs: _Pairs
    base: Floats
    constant: float
    price: Floats
    p: int
    opened: Int64s
    bound: float = 0.0


@dataclass(frozen=True)
class _Priced:
    """What the best prices say.

    Attributes
    ----------
    bound
        What they prove.
    profit
        Of every site: what its points save at these prices.
    picked
        Whether a site is among the p most profitable ones.
    inside, outside
        The least profit among those, and the most among all others.
    share
        How often each site was picked lately.
    """

    bound: float
    profit: Floats
    picked: Mask
    inside: float
    outside: float
    share: Floats


def _collected(
    town: _Town, sites: Int64s, ceiling: Floats, extra: Floats | None = None, limit: Floats | None = None
) -> _Pairs | None:
    """Collect the pairs of some sites that cost less than a ceiling per point; None where they are too many.

    With `extra` per site, they cost less than a limit per point together with that, too.
    """
    columns: slice | Int64s = sites
    if len(sites) and len(sites) == sites[-1] - sites[0] + 1:
        # (Neighbouring columns are a view and no copy.)
        columns = slice(int(sites[0]), int(sites[-1]) + 1)
    costs, places, counts = [], [], []
    size = 0
    for block in _blocks(town.distance):
        cost = town.distance[block][:, columns] * town.weight[block, None]
        inside = cost < ceiling[block, None]
        if extra is not None and limit is not None:
            inside &= cost + extra < limit[block, None]
        counts.append(inside.sum(axis=1))
        size += int(counts[-1].sum())
        if size > _MOST_PAIRS:
            return None
        places.append(np.nonzero(inside)[1].astype(np.int32))
        costs.append(cost[inside])
    by_point = sparse.csr_array(
        (np.concatenate(costs), np.concatenate(places), ends_of(np.concatenate(counts))),
        shape=(len(town.weight), len(sites)),
    )
    by_site = by_point.tocsc()
    return _Pairs(by_site.indptr.astype(np.int64), by_site.indices.astype(np.int64), by_site.data)


def _greedy(town: _Town) -> Int64s:
    """Choose sites one after another, each the one that saves most.

    What a site saves only falls while others open, so it is computed anew only when its last known saving is the
    largest (Minoux 1978, Optimization Techniques, Springer).
    """
    reached = np.minimum(town.base, town.weight * town.far)
    chosen: list[int] = []
    # (The first choice makes everything that was known useless: it is all computed anew at once.)
    for _ in range(min(2, town.p)):
        saved = _saved(town, reached)
        if chosen:
            saved[np.searchsorted(town.sites, chosen)] = -1.0
        chosen.append(int(town.sites[int(saved.argmax())]))
        reached = np.minimum(reached, town.column(chosen[-1]))
    waiting = [(-float(s), int(j)) for s, j in zip(saved, town.sites, strict=True) if j not in chosen]
    heapq.heapify(waiting)
    while len(chosen) < town.p and (town.record.left > 0 or town.distance.size <= _QUICK):
        while True:
            _, site = heapq.heappop(waiting)
            column = town.column(site)
            now = -float(np.maximum(reached - column, 0.0).sum())
            if not waiting or (now, site) <= waiting[0]:
                break
            heapq.heappush(waiting, (now, site))
        chosen.append(site)
        reached = np.minimum(reached, column)
    plan = np.array(chosen, dtype=np.int64)
    town.tell(plan)
    if len(plan) < town.p:
        plan = np.concatenate((plan, np.setdiff1d(town.sites, plan)[: town.p - len(plan)]))
    return plan


def _try_each(town: _Town) -> None:
    """Open the one site that is best: there are no more plans than sites."""
    total = np.zeros(len(town.sites))
    for block in _blocks(town.distance):
        cost = town.distance[block][:, town.sites] * town.weight[block, None]
        total += np.minimum(cost, town.base[block, None]).sum(axis=0)
    town.tell(town.sites[[int(total.argmin())]])
    if np.isfinite(town.best):
        town.record.bounded(_just_above(town.best), Proof.REDUCTION)


def _nearest(town: _Town, block: slice) -> Floats:
    """Return what some points cost at least."""
    return np.minimum(town.base[block], town.weight[block] * town.distance[block].min(axis=1))


def _saved(town: _Town, reached: Floats) -> Floats:
    """Return what every site that may be opened would save."""
    saved = np.zeros(town.distance.shape[1])
    for block in _blocks(town.distance):
        cost = town.distance[block] * town.weight[block, None]
        np.subtract(reached[block, None], cost, out=cost)
        np.maximum(cost, 0.0, out=cost)
        saved += cost.sum(axis=0)
    return saved[town.sites]


def _truncated(town: _Town, plan: Int64s) -> _Node | None:
    """Return the whole problem with near pairs only: those nearer than the third open site of a plan.

    Whoever goes farther is held to pay just that third distance. This can only make plans cheaper, so every bound of
    it holds for the problem itself; a price has no use for pairs beyond it. None where even these are too many.
    """
    limit = np.minimum(town.base, np.inf)
    if town.p >= 3:
        for block in _blocks(town.distance):
            open_cost = town.distance[block][:, plan] * town.weight[block, None]
            limit[block] = np.minimum(limit[block], np.partition(open_cost, 2, axis=1)[:, 2])
    pairs = _collected(town, town.sites, limit)
    if pairs is None:
        return None
    first, second, _ = _two_nearest(town, plan, np.arange(len(town.weight)))
    # What the second nearest site costs is a fair price; where there is none, what the nearest does.
    most = town.weight * town.farthest
    price = np.minimum(np.where(second <= most, second, np.where(first <= most, first, most)), limit)
    return _Node(town.sites, pairs, limit, 0.0, price, town.p, np.zeros(0, dtype=np.int64))


def _two_nearest(town: _Town, plan: Int64s, points: Int64s) -> tuple[Floats, Floats, Int64s]:
    """Return the least two costs of some points in a plan, and where in the plan the least is (p: a standing site)."""
    cost = np.empty((len(points), len(plan) + 1))
    np.multiply(town.distance[np.ix_(points, plan)], town.weight[points, None], out=cost[:, :-1])
    cost[:, -1] = town.base[points]
    np.minimum(cost, (town.weight[points] * town.far)[:, None], out=cost)
    slot = cost.argmin(axis=1)
    rows = np.arange(len(points))
    first = cost[rows, slot]
    cost[rows, slot] = np.inf
    return first, np.minimum(cost.min(axis=1), town.weight[points] * town.far), slot


class _Shaker:
    """Plans made better by swaps, and shaken to find better ones still."""

    def __init__(self, town: _Town, pairs: _Pairs, generator: np.random.Generator) -> None:
        self.town, self.pairs, self.generator = town, pairs, generator
        self._site = pairs.site
        # How likely each site is to be in a good plan.
        self._likely = np.ones(len(town.sites))
        self._proposed: dict[bytes, tuple[float, Int64s]] = {}

    def propose(self, sites: Int64s) -> None:
        """Keep a plan in mind, among the best few."""
        value = self.town.value(sites)
        if np.isfinite(value):
            if value < self.town.best:
                self.town.tell(sites)
            if len(sites) == self.town.p:
                plan = np.sort(sites)
                self._proposed[plan.tobytes()] = (value, plan)
                if len(self._proposed) > 4 * _ELITE:
                    self._forget()

    def _forget(self) -> None:
        best = sorted(self._proposed.items(), key=lambda item: (item[1][0], item[0]))
        self._proposed = dict(best[:_ELITE])

    def shake(self, share: Floats, patience: int | None = None) -> None:
        """Improve what was proposed; then replace some sites of the best plan by likely ones, and improve again.

        It ends when nothing has come of it a number of times; unless told, it is smaller where a look costs more.
        """
        self._forget()
        for _, plan in list(self._proposed.values()):
            if self.town.is_over:
                return
            self.improve(plan)
        self._proposed.clear()
        if patience is None:
            patience = min(_SHAKES, _SHAKING_WORK // (1 + 20 * len(self.pairs.cost)))
        self._likely = share + 0.01 * self.town.p / len(share)
        failed = 0
        while failed < patience and not self.town.is_over:
            before = self.town.best
            self.shake_once()
            failed = 0 if self.town.best < before else failed + 1

    def shake_once(self) -> None:
        """Replace some sites of the best plan by likely ones, and improve it."""
        self.improve(self._shaken())

    def _shaken(self) -> Int64s:
        """Return the best plan with about a fifth of its sites replaced."""
        town, likely = self.town, self._likely
        plan = town.plan if len(town.plan) == town.p else town.sites[np.argsort(-likely, kind="stable")[: town.p]]
        closed = ~np.isin(town.sites, plan)
        count = min(max(1, town.p // 5), int(closed.sum()))
        chance = np.where(closed, likely, 0.0)
        fresh = self.generator.choice(town.sites, size=count, replace=False, p=chance / chance.sum())
        kept = self.generator.permutation(len(plan))[count:]
        return np.concatenate((plan[kept], fresh))

    def improve(self, plan: Int64s) -> None:
        """Swap one open site for a closed one, the best swap each time, until none helps; tell the record.

        A swap's worth is the saving of the site that opens, less the loss of the one that closes, plus what the points
        of the latter save at the former (Resende & Werneck 2007): one pass over the pairs nearer than the second
        nearest open site gives it for all pairs of sites.
        """
        town, plan = self.town, plan.copy()
        everyone = np.arange(len(town.weight))
        first, second, slot = _two_nearest(town, plan, everyone)
        value = first.sum()
        for _ in range(20 + 2 * town.p):
            if town.record.left <= 0:
                break
            worth, leaves, comes = self._best_swap(plan, first, second, slot)
            if worth <= _NOISE * value:
                break
            column = np.minimum(town.column(comes), town.weight * town.far)
            # Whoever has the closed site first or second is looked at again, and whoever has the opened one now.
            gone = np.minimum(town.column(int(plan[leaves])), town.weight * town.far)
            touched = np.flatnonzero((gone <= second) | (column < second))
            before = plan[leaves]
            plan[leaves] = comes
            new_first, new_second, new_slot = _two_nearest(town, plan, touched)
            new_value = value - first[touched].sum() + new_first.sum()
            if new_value >= value:
                plan[leaves] = before
                break
            first[touched], second[touched], slot[touched] = new_first, new_second, new_slot
            value = new_value
        if value < town.best:
            town.tell(plan)

    def _best_swap(self, plan: Int64s, first: Floats, second: Floats, slot: Int64s) -> tuple[float, int, int]:
        """Return what the best swap saves, which place of the plan it empties, and the site that it opens."""
        town, pairs = self.town, self.pairs
        sites, p = len(town.sites), len(plan)
        point = pairs.point
        useful = np.flatnonzero(pairs.cost < second[point])
        point, cost, site = point[useful], pairs.cost[useful], self._site[useful]
        here = first[point]
        saving = np.bincount(site, np.maximum(here - cost, 0.0), minlength=sites)
        rescued = second[point] - np.maximum(cost, here)
        loss = np.bincount(slot, second - first, minlength=p + 1)[:p]
        candidates = np.setdiff1d(np.arange(sites), np.searchsorted(town.sites, plan))
        if p * len(candidates) > _SWAPS:
            hopes = saving + np.bincount(site, rescued, minlength=sites)
            best = np.argsort(-hopes[candidates], kind="stable")[: max(1, _SWAPS // p)]
            candidates = np.sort(candidates[best])
        number = np.full(sites, -1, dtype=np.int64)
        number[candidates] = np.arange(len(candidates))
        inside = (number[site] >= 0) & (slot[point] < p)
        together = slot[point[inside]] * len(candidates) + number[site[inside]]
        worth = np.bincount(together, rescued[inside], minlength=p * len(candidates))
        saved = worth.reshape(p, -1) + saving[candidates] - loss[:, None]
        leaves, comes = divmod(int(saved.argmax()), len(candidates))
        return float(saved[leaves, comes]), leaves, int(town.sites[candidates[comes]])


class _Ascent:
    """Prices that rise towards the best bound of a node.

    At prices u the problem falls apart: a site's profit is the sum of max(0, u - cost) over its points, and no plan is
    cheaper than the sum of prices less the p largest profits. A price above `base` never helps (lowering it to there
    loses nothing), so it is kept below. A step goes along the deflected subgradient (Camerini, Fratta & Maffioli 1975,
    Mathematical Programming Study 3), its length after Polyak 1969, larger for points with more people.
    """

    def __init__(self, town: _Town, node: _Node, shaker: _Shaker | None = None) -> None:
        self.town, self.node, self.shaker = town, node, shaker

    def run(self, steps: int, *, step: float, patience: int, least_step: float, memory: float = _MEMORY) -> _Priced:
        """Raise the node's bound, leave the best prices there, and return what they say."""
        town, node = self.town, self.node
        pairs, base, p = node.pairs, node.base, min(node.p, len(node.sites))
        begins, lengths, point, cost = pairs.begins, pairs.lengths, pairs.point, pairs.cost
        sites, points = len(node.sites), len(base)
        price = best_price = node.price
        # A price below a limit has no use for pairs beyond it; a point may pay half as much again as it does now.
        limit = np.minimum(base, _HEADROOM * price + 0.1 * price.mean())
        near = cost < limit[point]
        if near.sum() < 0.7 * len(cost):
            keep = np.flatnonzero(near)
            begins = ends_of(pairs.sums(near.astype(np.float64)).astype(np.int64))
            pairs = _Pairs(begins, point[keep], cost[keep])
            lengths, point, cost, base = pairs.lengths, pairs.point, pairs.cost, limit
        full = bool(lengths.all())
        best, profit, picked = -np.inf, np.zeros(sites), np.arange(p)
        direction, share, failed = np.zeros(points), np.zeros(sites), 0
        # Who pays more takes larger steps.
        pace = np.maximum(price, 0.1 * price.mean()) / max(float(price.mean()), 1e-300)
        saved = np.empty(len(cost))
        # Valuing a plan may take as long as a step.
        left_for_plans = _FOR_PLANS * town.record.left
        pause = 5 if points * p <= _QUICK_PLAN else 25
        for count in range(steps):
            # (The indices are known to be right: "clip" spares the check and the copy.)
            np.take(price, point, out=saved, mode="clip")
            np.subtract(saved, cost, out=saved)
            np.maximum(saved, 0.0, out=saved)
            now = np.add.reduceat(saved, begins[:-1]) if full else pairs.sums(saved)
            chosen = np.argpartition(now, sites - p)[sites - p :] if p < sites else np.arange(sites)
            bound = float(price.sum() - now[chosen].sum()) + node.constant
            share *= 0.9
            share[chosen] += 0.1
            failed += 1
            if bound > best:
                if bound > best + _PROGRESS * (town.target - best):
                    failed = 0
                best, best_price, profit, picked = bound, price, now, chosen
                if bound >= town.cut:
                    break
            if self.shaker is not None:
                if count % pause == 0:
                    self.shaker.propose(node.sites[chosen])
                if count % 20 == 0:
                    town.record.bounded(best, Proof.LAGRANGIAN)
                if town.is_over or town.record.left < left_for_plans:
                    break
            if failed >= patience:
                step, failed, price = step / 2, 0, best_price
                if step < least_step:
                    break
            of_chosen = runs(begins[chosen], lengths[chosen])
            served = np.bincount(point[of_chosen[saved[of_chosen] > 0]], minlength=points)
            direction = (1.0 - served) + memory * direction
            length = float((direction * pace * direction).sum())
            if length < _NOISE:
                break
            price = price + (step * (town.target - bound) / length) * (direction * pace)
            np.clip(price, 0.0, base, out=price)
        node.price, node.bound = best_price, max(node.bound, best)
        mask = np.zeros(sites, dtype=bool)
        mask[picked] = True
        inside = float(profit[mask].min(initial=np.inf))
        # Where fewer than p sites have any pairs, one more costs nothing.
        outside = float(profit[~mask].max(initial=0.0))
        return _Priced(best, profit, mask, inside, outside, share)


@dataclass(frozen=True)
class _Ruled:
    """What a bound rules out: nothing of it is in a plan below the cut.

    Attributes
    ----------
    shut, open
        Sites that are shut, and sites that are open, in every such plan.
    extra
        What opening a site adds to the bound.
    room
        How far the bound is from the cut.
    """

    shut: Mask
    open: Mask
    extra: Floats
    room: float


def _ruled(priced: _Priced, cut: float) -> _Ruled:
    """Rule out by reduced costs what would lift the bound by the room to the cut.

    Opening a site that was not picked displaces the least profitable picked one, so the bound rises by the difference;
    shutting a picked one brings in the best of the others. A point that goes to a site dearer than its price pays the
    difference on top. Where the bound would reach the cut, no plan below the cut does it.
    """
    room = cut - priced.bound
    extra = np.where(priced.picked, 0.0, np.maximum(0.0, priced.inside - priced.profit))
    shut = ~priced.picked & (extra >= room)
    forced = priced.picked & (priced.profit - priced.outside >= room)
    return _Ruled(shut, forced, extra, room)


def _core(town: _Town, near: _Node, priced: _Priced) -> _Node | None:
    """Return what the bound leaves of the whole problem, with every pair of it; None where that is too much."""
    ruled = _ruled(priced, town.cut)
    left, opened = np.flatnonzero(~ruled.shut & ~ruled.open), near.sites[ruled.open]
    base = town.base
    if len(opened):
        base = np.minimum(base, town.weight * town.distance[:, opened].min(axis=1))
    pairs = _collected(town, near.sites[left], base, ruled.extra[left], near.price + ruled.room)
    if pairs is None:
        return None
    # Whoever would pay more than the room above the price goes elsewhere in every plan that counts.
    base = np.where(base - near.price >= ruled.room, np.inf, base)
    node = _Node(near.sites[left], pairs, base, 0.0, near.price, town.p - len(opened), opened, near.bound)
    return _kept(node, np.ones(len(pairs.cost), dtype=bool), np.ones(len(left), dtype=bool))


def _reduced(node: _Node, priced: _Priced, cut: float) -> _Node:
    """Return a node without what its bound rules out."""
    pairs = node.pairs
    ruled = _ruled(priced, cut)
    usable = pairs.cost - node.price[pairs.point] + np.repeat(ruled.extra, pairs.lengths) < ruled.room
    node = replace(node, base=np.where(node.base - node.price >= ruled.room, np.inf, node.base))
    return _opened(node, np.flatnonzero(ruled.open), usable, ~ruled.shut & ~ruled.open)


def _opened(node: _Node, opened: Int64s, usable: Mask, free: Mask) -> _Node:
    """Return a node with some of its sites opened, its usable pairs, and of the other sites the free ones only."""
    pairs, base = node.pairs, node.base
    if len(opened):
        base = base.copy()
        served = runs(pairs.begins[opened], pairs.lengths[opened])
        served = served[usable[served]]
        np.minimum.at(base, pairs.point[served], pairs.cost[served])
        everything = np.concatenate((node.opened, node.sites[opened]))
        node = replace(node, base=base, p=node.p - len(opened), opened=everything)
        free = free.copy()
        free[opened] = False
    if node.p == 0:
        free = np.zeros(len(free), dtype=bool)
    return _kept(node, usable, free)


def _kept(node: _Node, pairs: Mask, sites: Mask) -> _Node:
    """Return a node with some pairs and sites only; points without pairs become a constant."""
    site = node.pairs.site
    keep = np.flatnonzero(pairs & sites[site] & (node.pairs.cost < node.base[node.pairs.point]))
    site, point, cost = site[keep], node.pairs.point[keep], node.pairs.cost[keep]
    counts = np.bincount(site, minlength=len(node.sites))
    some = counts > 0
    has = np.zeros(len(node.base), dtype=bool)
    has[point] = True
    number = np.cumsum(has) - 1
    base = node.base[has]
    return replace(
        node,
        sites=node.sites[some],
        pairs=_Pairs(ends_of(counts[some]), number[point], cost),
        base=base,
        constant=node.constant + float(node.base[~has].sum()),
        price=np.minimum(node.price[has], base),
    )


def _radius_form(node: _Node) -> Instance:
    """Write what is left as a program with a column per site, then one per point and radius without an open site.

    A radius is tied to the next smaller one (Elloumi 2010, Journal of Combinatorial Optimization 19(1)). A point pays
    its least cost, and for every radius without an open site the step to the next one. Points without a site within
    their last radius pay `base`; where that is infinite they must have one.
    """
    pairs, sites = node.pairs, len(node.sites)
    order = np.lexsort((pairs.cost, pairs.point))
    point, cost, site = pairs.point[order], pairs.cost[order], pairs.site[order]
    new_point = np.append(True, point[1:] != point[:-1])
    new_level = new_point | np.append(True, cost[1:] != cost[:-1])
    level = np.cumsum(new_level) - 1
    of_point, radius = point[new_level], cost[new_level]
    levels = len(radius)
    is_first = new_point[new_level]
    is_last = np.append(is_first[1:], True)
    following = np.where(is_last, node.base[of_point], np.append(radius[1:], 0.0))
    must = np.isinf(following)
    step = np.where(must, 0.0, following - radius)
    rows = np.arange(levels)
    inner = np.flatnonzero(~is_first)
    entries = [
        (level, site, np.ones(len(level))),
        (rows, sites + rows, np.ones(levels)),
        (inner, sites + inner - 1, -np.ones(len(inner))),
        (np.full(sites, levels), np.arange(sites), -np.ones(sites)),
    ]
    row, column, value = (np.concatenate(parts) for parts in zip(*entries, strict=True))
    return Instance(
        "medians",
        cost=np.concatenate((np.zeros(sites), step)),
        offset=node.constant + float(radius[is_first].sum()),
        low=np.zeros(sites + levels),
        high=np.concatenate((np.ones(sites), np.where(must, 0.0, 1.0))),
        whole=np.arange(sites + levels) < sites,
        matrix=sparse.csr_array((value, (row, column)), shape=(levels + 1, sites + levels)),
        row_low=np.concatenate((is_first.astype(np.float64), [-float(node.p)])),
        row_high=np.full(levels + 1, np.inf),
        column_names=[],
        row_names=[],
    )


class _Search:
    """Depth-first branch and bound on what the prices leave; HiGHS is asked once where it is long."""

    def __init__(self, town: _Town, shaker: _Shaker, core: _Node, threads: int, seed: int) -> None:
        self.town, self.shaker, self.core, self.threads, self.seed = town, shaker, core, threads, seed
        self.stack = [core]
        self.nodes = 0
        self._wait = self._next_look = _NODES_BETWEEN

    def run(self) -> bool:
        """Search until nothing below the cut is left, or the record is over; False where memory ends it before."""
        record = self.town.record
        size = f"{len(self.core.sites)} sites, {len(self.core.pairs.cost)} pairs"
        record.said("fixing", size)
        room = True
        while self.stack and room and not record.is_over:
            self._visit(self.stack.pop())
            self.nodes += 1
            if self.nodes % _NODES_BETWEEN == 0:
                self._tell()
            if self.nodes == _OWN_NODES and self.stack:
                self._ask()
            room = sum(len(node.pairs.cost) for node in self.stack) <= _MOST_STORED
        self._tell()
        record.said("branch and bound", f"{self.nodes} nodes")
        return room

    def _tell(self) -> None:
        """Tell what the open nodes prove, or that there are none."""
        if self.stack:
            least = min(node.bound for node in self.stack)
            self.town.record.bounded(min(self.town.cut, least), Proof.BRANCHING)
        elif np.isfinite(self.town.best):
            self.town.record.bounded(self.town.closed, Proof.BRANCHING)

    def _visit(self, node: _Node) -> None:
        """Bound a node, take the plan that its prices propose, and split it unless nothing below the cut is in it."""
        town = self.town
        if node.bound >= town.cut or not np.isfinite(node.constant):
            return
        if node.p == 0 or len(node.sites) <= node.p:
            town.tell(np.concatenate((node.opened, node.sites)) if node.p else node.opened)
            return
        is_first = self.nodes == 0
        ascent = _Ascent(town, node)
        if is_first:
            priced = ascent.run(300, step=1.0, patience=15, least_step=0.01)
        else:
            priced = ascent.run(40, step=1.5, patience=5, least_step=0.02, memory=_MEMORY_OF_NODES)
        if node.bound >= town.cut:
            return
        plan = np.concatenate((node.opened, node.sites[priced.picked]))
        town.tell(plan)
        if self.nodes >= self._next_look and len(plan) == town.p:
            self._look(plan)
        if node.bound < town.cut:
            left = _reduced(node, priced, town.cut)
            if is_first:
                self.core = left
            self._branch(left, priced, node.sites)

    def _look(self, plan: Int64s) -> None:
        """Improve a plan and shake the best one, the more seldom the longer nothing has come of it."""
        before = self.town.best
        self.shaker.improve(plan)
        self.shaker.shake_once()
        self._wait = _NODES_BETWEEN if self.town.best < before else min(2 * self._wait, _MOST_BETWEEN)
        self._next_look = self.nodes + self._wait

    def _branch(self, node: _Node, priced: _Priced, sites: Int64s) -> None:
        """Put the two children of a node on the stack: a site that prices pick most of the time is open, or shut."""
        if node.p <= 0 or len(node.sites) <= node.p:
            self.stack.append(node)
            return
        here = np.searchsorted(sites, node.sites)
        best = int(np.abs(priced.share[here] - _LIKELY).argmin())
        shut = np.ones(len(node.sites), dtype=bool)
        shut[best] = False
        everything = np.ones(len(node.pairs.cost), dtype=bool)
        # Where shutting it brings in the best of the others, that much is known already.
        rise = float(priced.profit[here[best]]) - priced.outside if priced.picked[here[best]] else 0.0
        without = _kept(node, everything, shut)
        without.bound = max(node.bound, priced.bound + rise)
        self.stack.append(without)
        self.stack.append(_opened(node, np.array([best]), everything, shut))

    def _ask(self) -> None:
        """Give what the first node left to HiGHS, for a share of the time left."""
        record, core = self.town.record, self.core
        if not 0 < len(core.pairs.cost) <= _SOLVER_PAIRS or not np.isfinite(core.constant):
            return
        instance = _radius_form(core)
        sites = len(core.sites)

        def better(values: Floats) -> None:
            self.town.tell(np.concatenate((core.opened, core.sites[values[:sites] > 0.5])))

        def bounded(bound: float) -> None:
            if np.isposinf(bound):
                # There is nothing below the cut.
                record.bounded(self.town.closed, Proof.SOLVER)
                return
            # (What the solver proves is true within its tolerances.)
            record.bounded(min(self.town.cut, bound - _SOLVER_NOISE * max(1.0, abs(bound))), Proof.SOLVER)

        found = branch(
            instance,
            seconds=_SOLVER_SHARE * record.left,
            gap=record.gap_wanted,
            distance=WHOLE_DISTANCE if record.whole else 0.0,
            threads=self.threads,
            seed=self.seed,
            better=better,
            bounded=bounded,
        )
        if found.values is not None:
            better(found.values)
        bounded(found.bound)
        record.said("radius form", f"{sites} sites, {len(core.pairs.cost)} pairs")
