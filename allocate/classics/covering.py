"""Exact covering: reduced, bounded by prices, sites fixed by the bound, and HiGHS for what remains."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allocate.classics.arrays import APART_NONZEROS, arrays_of
from allocate.classics.lagrange import (
    NOISE,
    Both,
    Bounded,
    Budget,
    Gains,
    Paid,
    Picked,
    Problem,
    RowSide,
    SiteSide,
    Wanted,
    bound_at,
    bounded_plainly,
    descend,
)
from allocate.classics.record import Moment, Proof, Record
from allocate.classics.saturated import tighten
from allocate.classics.setcover import cover_all
from allocate.classics.swaps import improve
from allocate.covers import Covers
from allocate.program import WHOLE_DISTANCE, Instance, branch
from allocate.reduce import (
    Floats,
    Int64s,
    Mask,
    Rows,
    fix_by_bound,
    shrink_cover,
    take_rows,
)

# Prices move so often before sites are fixed by them, and as long as they narrow the gap by such a share.
_PRICE_TURNS = 6
_WORTH_GOING_ON = 0.1
# How many coefficients prices may look at in a turn.
_PRICE_WORK = 400_000_000
# Rounds of prices where nothing but prices can lower the bound.
_LONG_ROUNDS = 400
# So many sites are free when what is all but as good as the bound is looked for, and twice as many every time.
_FEW = 60
# Gaps above which a good answer is looked for longer, and very long.
_WIDE, _SATURATED = 0.002, 0.004
# HiGHS is asked first where there are fewer coefficients than that.
_SMALL = 20_000
# How often a partial covering is made cheaper in one go.
_TURNS_FOR_LESS = 50
# The shares of the time left in which a covering that the budget allows is looked for, if there is none at once.
_COVER_SHARES = (0.7, 1.0)
# Passes of swaps between an open and a closed site where second covers count.
_PASSES = 10
# Beyond so many coefficients there is no use in branching.
_SEARCHABLE = 3_000_000


def locate_partial_cover(
    covers: Covers, cost: Floats, wanted: float, record: Record, *, threads: int = 1, seed: int = 1
) -> None:
    """Cover rows of so much weight at the least cost (Daskin & Owen 1999, Geographical Analysis 31(3))."""
    if wanted <= 0:
        record.better(0.0, [])
        record.bounded(0.0, Proof.REDUCTION)
        return
    kept = covers.weight > 0
    matrix = take_rows(covers.matrix, np.flatnonzero(kept)) if not kept.all() else covers.matrix
    weight = covers.weight[kept]
    both = Both(matrix)
    names, nothing = np.arange(matrix.shape[1]), np.zeros(0, dtype=np.int64)
    problem = Problem(both, Wanted(weight, wanted), Paid(cost), names, nothing, np.zeros(len(weight)))
    _Search(problem, record).run(threads, seed)


def locate_max_cover(
    covers: Covers, cost: Floats, budget: float, record: Record, *, threads: int = 1, seed: int = 1
) -> None:
    """Cover as much weight as the budget allows (Church & ReVelle 1974, Papers of the Regional Science Association 32).

    Bound and prices as in Galvão & ReVelle (1996, European Journal of Operational Research 88(1)): what a row is worth
    is shared out among the sites that reach it.
    """
    able = cost <= budget * (1 + NOISE) + NOISE
    matrix, weight = covers.matrix, covers.weight
    kept = weight > 0
    if not kept.all():
        matrix, weight = take_rows(matrix, np.flatnonzero(kept)), weight[kept]
    gains = Gains(weight)
    names, nothing = np.arange(matrix.shape[1]), np.zeros(0, dtype=np.int64)
    problem = Problem(Both(matrix), gains, Budget(cost, budget), names, nothing, np.zeros(len(weight)))
    if not able.all():
        problem = problem.without(~able, np.zeros(len(cost), dtype=bool))
    _Search(problem, record).run(threads, seed)


def locate_backup(
    covers: Covers,
    have: NDArray[np.integer[Any]],
    cost: Floats,
    budget: float,
    first: float,
    every: bool,
    record: Record,
    *,
    threads: int = 1,
    seed: int = 1,
) -> bool:
    """Cover rows once, and a second time in case a site is busy (Hogan & ReVelle 1986, Management Science 32(11)).

    The value is what is gained beside what stands already: `first` of the weight of each row that was not reached and
    is, and the rest of the weight of each that comes to be reached twice. With `every`, each row has to be reached.

    Returns
    -------
    False only where it is proven that no sites within the budget reach every row, as `every` asks.
    """
    degree = np.diff(covers.matrix.indptr)
    once, twice = first * covers.weight, (1 - first) * covers.weight
    # A row that one standing site reaches gains by its first new one what others gain by the second.
    stands = have >= 1
    gain = np.where(stands, np.where(have == 1, twice, 0.0), once)
    second = np.where(stands | (degree < 2), 0.0, twice)
    must = ~stands if every else None
    names, nothing = np.arange(covers.matrix.shape[1]), np.zeros(0, dtype=np.int64)
    rows = Gains(gain, second, must)
    problem = Problem(Both(covers.matrix), rows, Budget(cost, budget), names, nothing, np.zeros(len(gain)))
    able = cost <= budget * (1 + NOISE) + NOISE
    if not able.all():
        problem = problem.without(~able, np.zeros(len(cost), dtype=bool))
    if problem.is_hopeless:
        return False
    search = _Search(problem, record)
    # (Whoever proves that a covering is the cheapest one may forget that it is cheap enough: not all the time is his.)
    for share in _COVER_SHARES:
        if record.value is None and not search.reach_every(share * record.left, threads, seed):
            return False
        seed += 1
    if record.value is not None:
        search.run(threads, seed)
    return True


class _Enough(Record):
    """A record of a search that may end as soon as something costs no more than the budget, or nothing can."""

    def __init__(self, budget: float, *, seconds: float, whole: bool, listen: Callable[[Moment], None]) -> None:
        super().__init__("min", seconds=seconds, whole=whole, listen=listen)
        self._budget = budget

    @property
    def is_enough(self) -> bool:
        """Tell whether something was found."""
        return self.value is not None and self.value <= self._budget

    @property
    def is_refuted(self) -> bool:
        """Tell whether it is proven that there is nothing."""
        return self.bound is not None and self.bound > self._budget

    @property
    def is_proven(self) -> bool:
        """Tell whether there is no more to know."""
        return self.is_enough or self.is_refuted or super().is_proven


class _Search[R: RowSide, S: SiteSide]:
    """The search for the best sites of one problem.

    Inside, more is better: where the cost is to be small, its negative is the value.
    """

    def __init__(self, problem: Problem[R, S], record: Record) -> None:
        self.problem, self.record = problem, record
        self._place = np.full(int(problem.names.max(initial=-1)) + 1, -1, dtype=np.int64)
        self._place[problem.names] = np.arange(len(problem.names))
        self._sign = 1.0 if isinstance(problem.rows, Gains) else -1.0
        # Whether HiGHS has come to an end with nothing better than what is known left out.
        self._has_ended = False
        self.start()

    def start(self) -> None:
        """Take the greedy answer, and say what is plain to see."""
        self.tell(self.problem.names[_greedy(self.problem)])
        self._say_what_is_plain()

    def _say_what_is_plain(self) -> None:
        """Tell what everything together is worth; where the answer is that much, nothing was left to decide.

        Nothing is worth more than all rows, each covered as often as it counts and can be, nor than all sites where
        the budget buys them all; nothing that covers anything costs less than the cheapest site.
        """
        rows, sites, record = self.problem.rows, self.problem.sites, self.record
        if isinstance(rows, Gains):
            assert isinstance(sites, Budget)
            most = rows.base + float(rows.first.sum())
            if rows.second is not None:
                # (A row of a single site has no second cover.)
                most += float(rows.second[self.problem.both.degree > 1].sum())
            if sites.affords(float(sites.cost.sum())):
                self.tell(self.problem.names)
                most = min(most, self.known) if self.known > -math.inf else most
        else:
            most = -float(sites.cost.min(initial=math.inf))
        if math.isfinite(most):
            bounded_plainly(record, self._sign * max(most, self.known))

    def reach_every(self, seconds: float, threads: int, seed: int) -> bool:
        """Look for sites within the budget that cover every row that has to be; False if there are none, proven.

        The cheapest cover of these rows alone: a greedy one without what it does not need, made cheaper by local
        search, then bounds, cuts and HiGHS, until it costs no more than the budget or is proven to. What is left of
        the budget goes where it gains most.
        """
        problem, record = self.problem, self.record
        rows, sites = problem.rows, problem.sites
        if not isinstance(rows, Gains) or not isinstance(sites, Budget) or rows.must is None or not rows.must.any():
            return True
        matrix = take_rows(problem.both.by_row, np.flatnonzero(rows.must))
        budget = sites.budget * (1 + NOISE) + NOISE

        def filled(places: Int64s) -> None:
            if float(sites.cost[places].sum()) <= budget:
                self.tell(problem.names[_greedy(problem, places)])

        whole = bool((sites.cost == np.round(sites.cost)).all())
        inner = _Enough(budget, seconds=seconds, whole=whole, listen=lambda _: filled(_sites_of(inner)))
        self._cover_within(matrix, budget, inner, threads, seed)
        record.said("every", "" if inner.value is None else f"{inner.value:g}")
        return not inner.is_refuted

    def _cover_within(self, matrix: Rows, budget: float, inner: "_Enough", threads: int, seed: int) -> None:
        """Cover all rows of a matrix, as cheaply as the record wants to know."""
        cost = self.problem.sites.cost
        both = Both(matrix)
        empty = np.zeros(0, dtype=np.int64)
        ones = np.ones(matrix.shape[0])
        every = Problem(both, Wanted(ones, float(len(ones))), Paid(cost), empty, empty, np.zeros(len(ones)))
        chosen = _greedy(every)
        inner.better(float(cost[chosen].sum()), chosen)
        if inner.is_over:
            return
        shrunk = shrink_cover(matrix, cost)
        fixed = float(cost[shrunk.chosen].sum())
        inner.bounded(fixed, Proof.REDUCTION)
        if not shrunk.matrix.shape[0]:
            inner.better(fixed, shrunk.chosen)
            inner.bounded(fixed, Proof.REDUCTION)
            return

        def heard(moment: Moment) -> None:
            if part.sites is not None and part.value is not None:
                inner.better(fixed + part.value, np.append(shrunk.chosen, shrunk.sites[part.sites]))
            if moment.bound is not None:
                inner.bounded(fixed + moment.bound, part.proof)

        part = _Enough(budget - fixed, seconds=inner.left, whole=inner.whole, listen=heard)
        cover_all(shrunk.matrix, cost[shrunk.sites], part, threads=threads, seed=seed)

    @property
    def known(self) -> float:
        """Return the best value so far, more being better."""
        return -math.inf if self.record.value is None else self._sign * self.record.value

    def tell(self, names: Int64s) -> None:
        """Tell the record of an answer, worked out from its sites alone; what is none is not told."""
        value = self._worth(names)
        if value > -math.inf:
            self.record.better(self._sign * value, names)

    def _worth(self, names: Int64s) -> float:
        problem = self.problem
        places = self._place[names]
        rows, sites = problem.rows, problem.sites
        price = float(sites.cost[places].sum())
        counts = problem.both.counts(places)
        if isinstance(rows, Gains):
            assert isinstance(sites, Budget)
            return rows.worth(counts) if sites.affords(price) else -math.inf
        covered = counts > 0
        enough = covered.all() if not isinstance(rows, Wanted) else rows.weight[covered].sum() >= rows.wanted
        return -price if enough else -math.inf

    def bounded(self, bound: float, proof: Proof) -> None:
        """Tell the record that nothing is better than this or what is known."""
        self.record.bounded(self._sign * max(bound, self.known), proof)

    def run(self, threads: int, seed: int, told: Callable[[], None] = lambda: None) -> None:
        """Search until it is proven or out of time."""
        record = self.record
        if self._is_settled(self.problem):
            return
        self._improve(seed, rounds=0)
        problem = self._first_prices()
        step = 1.0
        for turn in range(_PRICE_TURNS):
            room = record.gap
            found = self._descend(problem, self._rounds(problem, turn), step, told)
            problem = self._fixed(replace(problem, prices=found.prices), found, self.known)
            record.said("prices", f"{problem.both.by_row.shape[0]} x {len(problem.names)}")
            if self._is_settled(problem) or record.is_over:
                return
            if turn == 0:
                self._improve(seed, rounds=1)
            elif record.gap > (1 - _WORTH_GOING_ON) * room:
                break
            step = 0.3
        size = problem.both.by_row.nnz
        if record.gap > _WIDE and size > _SMALL:
            self._improve(seed, rounds=2)
        if record.gap > _SATURATED and size > _SEARCHABLE:
            found = self._descend(problem, _LONG_ROUNDS, 0.3, told)
            problem = replace(problem, prices=found.prices)
            record.said("prices", f"{problem.both.by_row.shape[0]} x {len(problem.names)}")
        if record.gap > _SATURATED and size > 10 * _SMALL:
            self._improve(seed + 1, rounds=4)
            self._tighten(problem, threads, seed)
        problem = self._fixed(problem, bound_at(problem, problem.prices), self.known)
        if self._is_settled(problem):
            return
        problem = self._narrow(problem, threads, seed, told)
        self._persist(problem, threads, seed + 2, told)

    def _persist(self, problem: Problem[R, S], threads: int, seed: int, told: Callable[[], None]) -> None:
        """Use what time is left where all that is quick has been done."""
        record = self.record
        if record.is_over or self._has_ended:
            return
        self._improve(seed, rounds=4)
        told()
        self._tighten(problem, threads, seed)
        if problem.both.by_row.nnz <= _SEARCHABLE and not record.is_over:
            self._branch(problem, self.known, record.left, threads, seed, told)
        while not record.is_over and not self._has_ended and self._can_improve:
            seed += 1
            self._improve(seed, rounds=4)
            told()

    @property
    def _can_improve(self) -> bool:
        """Tell whether there is a search for better answers that goes on for as long as there is time."""
        rows = self.problem.rows
        return isinstance(rows, Gains) and rows.is_plain

    def _tighten(self, problem: Problem[R, S], threads: int, seed: int) -> None:
        """Look for a bound below what prices can prove, if maximal covering is what is asked."""
        rows, sites = problem.rows, problem.sites
        if not isinstance(rows, Gains) or not rows.is_plain or self.record.is_over:
            return
        assert isinstance(sites, Budget)

        def heard(moment: Moment) -> None:
            if moment.bound is not None:
                self.bounded(moment.bound, inner.proof)

        covers = Covers(problem.both.by_row, rows.first, np.zeros(0, dtype=np.int32))
        prices, record = problem.prices, self.record
        # (It may go on for long, and answers have to become better as well.)
        inner = Record("max", seconds=record.left / 2, gap=record.gap_wanted, whole=record.whole, listen=heard)
        inner.better(self.known, record.sites)
        tighten(covers, sites.cost, sites.budget, inner, threads=threads, seed=seed, prices=prices, gained=rows.base)
        record.said("sweep")

    def _rounds(self, problem: Problem[R, S], turn: int) -> int:
        """Return how many rounds of prices pay: many where they are cheap."""
        return int(np.clip(_PRICE_WORK / max(1, problem.both.by_row.nnz), *((100, 200) if not turn else (100, 1000))))

    def _improve(self, seed: int, *, rounds: int) -> None:
        """Look for a better answer near the best one; the more rounds, the longer."""
        rows, sites, record = self.problem.rows, self.problem.sites, self.record
        if record.is_over or record.sites is None:
            return
        chosen = self._place[record.sites]
        if isinstance(rows, Wanted):
            self._cover_for_less(rows, seed, rounds)
        elif isinstance(rows, Gains) and not rows.is_plain:
            self._swap(chosen)
        elif isinstance(rows, Gains):
            assert isinstance(sites, Budget)
            inner = Record("max", seconds=record.left, listen=lambda moment: self._tell_places(inner.sites))
            inner.bounded(float(rows.first.sum()), Proof.REDUCTION)
            self.tell(self._swapped(rows.first, sites.budget, chosen, inner, seed, rounds))

    def _swap(self, chosen: Int64s) -> None:
        """Swap one site for another while that gains more and keeps covered what has to be."""
        rows, sites, both = self.problem.rows, self.problem.sites, self.problem.both
        assert isinstance(rows, Gains)
        assert isinstance(sites, Budget)
        small = NOISE * (1.0 + float(rows.first.sum()))
        second = np.zeros(len(rows.first)) if rows.second is None else rows.second
        is_open = np.zeros(len(sites.cost), dtype=bool)
        is_open[chosen] = True
        counts = both.counts(chosen)
        for _ in range(_PASSES):
            moved = False
            for site in np.flatnonzero(is_open):
                if self.record.is_over:
                    return
                touched = both.rows_of(np.array([site]))
                counts[touched] -= 1
                now = np.where(counts == 0, rows.first, np.where(counts == 1, second, 0.0))
                gain = both.site_sums(now)
                able = ~is_open & (sites.cost <= sites.budget * (1 + NOISE) + NOISE - self._price(is_open, site))
                bare = np.zeros(len(counts)) if rows.must is None else (rows.must & (counts == 0)).astype(float)
                if bare.any():
                    able &= both.site_sums(bare) >= bare.sum() - 0.5
                able[site] = True
                best = int(np.argmax(np.where(able, gain, -math.inf)))
                if gain[best] > gain[site] + small:
                    is_open[site], is_open[best] = False, True
                    counts[both.rows_of(np.array([best]))] += 1
                    moved = True
                else:
                    counts[touched] += 1
            self.tell(self.problem.names[np.flatnonzero(is_open)])
            if not moved:
                return

    def _price(self, is_open: Mask, without: Any) -> float:
        """Return what the open sites but one cost."""
        cost = self.problem.sites.cost
        return float(cost[is_open].sum() - cost[without])

    def _tell_places(self, places: Int64s | None) -> None:
        if places is not None:
            self.tell(self.problem.names[places])

    def _cover_for_less(self, rows: Wanted, seed: int, rounds: int) -> None:
        """Cover as much as the best answer less one site's cost allows, as long as that is enough."""
        total, cost = float(rows.weight.sum()), self.problem.sites.cost
        for turn in range(_TURNS_FOR_LESS):
            if self.record.is_over or self.record.sites is None:
                return
            chosen, spent = self._place[self.record.sites], self.record.value
            assert spent is not None
            inner = Record("max", seconds=self.record.left, gap=total / rows.wanted - 1.0)
            inner.bounded(total, Proof.REDUCTION)
            budget = spent - (1.0 if self.record.whole else 1e-6 * float(cost.min()))
            # The site that leaves is the one whose rows weigh least beside the others.
            counts = self.problem.both.counts(chosen)
            alone = self.problem.both.site_sums(np.where(counts == 1, rows.weight, 0.0))
            order = np.argsort(-alone[chosen] / cost[chosen], kind="stable")
            kept = chosen[order][np.cumsum(cost[chosen][order]) <= budget]
            self.tell(self._swapped(rows.weight, budget, kept, inner, seed + turn, rounds))
            if self.record.value is None or self.record.value >= spent:
                return

    def _swapped(self, weight: Floats, budget: float, chosen: Int64s, inner: Record, seed: int, rounds: int) -> Int64s:
        covers = Covers(self.problem.both.by_row, weight, np.zeros(0, dtype=np.int32))
        places = improve(covers, self.problem.sites.cost, budget, inner, seed=seed, rounds=rounds, chosen=chosen)
        return self.problem.names[places]

    def _is_settled(self, problem: Problem[R, S]) -> bool:
        """Tell whether nothing is left to decide, and say so."""
        if not problem.is_hopeless and len(problem.names) and problem.both.by_row.shape[0]:
            return False
        self._nothing_left(problem)
        return True

    def _narrow(self, problem: Problem[R, S], threads: int, seed: int, told: Callable[[], None]) -> Problem[R, S]:
        """Search among few sites first: those that an answer needs that is all but as good as the bound.

        Every answer better than a level is found among the sites that the bound does not fix at that level. If the
        best one there reaches the level, it is the best of all; if not, the level is a bound, and the next is lower.
        Where the gap is wide, a level has only a share of the time. What is left in the end is returned.
        """
        record = self.record
        free = _FEW
        while not record.is_over:
            found = bound_at(problem, problem.prices)
            self.bounded(found.bound, Proof.LAGRANGIAN)
            known = self.known
            level = known
            if free < len(problem.names) and known > -math.inf:
                level = max(known, self._level(found.bound - float(np.partition(found.loss, free)[free])))
            some = self._fixed(problem, found, level) if level > known else problem
            if level > known and some.both.by_row.shape[0] and len(some.names) and not some.is_hopeless:
                found = self._descend(some, self._rounds(some, 1), 0.1, told, level)
                some = self._fixed(replace(some, prices=found.prices), found, level)
            if some.both.by_row.nnz > _SEARCHABLE:
                break
            hurried = record.gap > _WIDE and (isinstance(problem.rows, Gains) or some.both.by_row.nnz > _SMALL)
            seconds = record.left / 3 if hurried else record.left
            finished = self._branch(some, level, seconds, threads, seed, told)
            if level <= known or not finished:
                break
            if self.known > known:
                problem = self._fixed(problem, bound_at(problem, problem.prices), self.known)
                if self._is_settled(problem):
                    break
            free *= 2
        return problem

    def _nothing_left(self, problem: Problem[R, S]) -> None:
        if not problem.is_hopeless:
            self.tell(problem.chosen)
        if self.record.value is not None:
            self.bounded(-math.inf, Proof.LAGRANGIAN)

    def _first_prices(self) -> Problem[R, S]:
        """Share out what each row is worth among the sites of the start that reach it."""
        problem = self.problem
        ceiling = problem.rows.ceiling()
        if ceiling is not None:
            assert self.record.sites is not None
            counts = problem.both.counts(self._place[self.record.sites])
            return replace(problem, prices=ceiling / np.maximum(counts, 1))
        # What the cheapest site of a row costs for each of its rows.
        each = problem.sites.cost / np.maximum(1.0, np.diff(problem.both.by_site.indptr))
        matrix = problem.both.by_row
        return replace(problem, prices=np.minimum.reduceat(each[matrix.indices], matrix.indptr[:-1]))

    def _descend(
        self,
        problem: Problem[R, S],
        rounds: int,
        step: float,
        told: Callable[[], None],
        level: float = -math.inf,
    ) -> Bounded:
        """Move prices; with a level, only what is better than it is looked for."""
        turn = 0

        def hear(value: float, picked: Picked, covered: Any) -> bool:
            nonlocal turn
            turn += 1
            self.bounded(max(value, level), Proof.LAGRANGIAN)
            if isinstance(problem.rows, Gains) and problem.rows.must is None:
                if len(picked.share) and picked.share[-1] < 1:
                    sites = picked.sites[picked.share == 1]
                    covered = problem.both.counts(sites)
                else:
                    sites = picked.sites
                if problem.rows.worth(covered) > self.known:
                    self.tell(np.concatenate([problem.chosen, problem.names[sites]]))
            elif turn % 20 == 0:
                self.tell(np.concatenate([problem.chosen, problem.names[_greedy(problem, picked.sites)]]))
            told()
            return not self.record.is_over and value > level

        def target(bound: float) -> float:
            if level > -math.inf:
                return level
            return self.known if self.known > -math.inf else bound - 0.05 * abs(bound)

        return descend(problem, target, rounds=rounds, hear=hear, step=step)

    def _fixed(self, problem: Problem[R, S], found: Bounded, known: float) -> Problem[R, S]:
        """Take out the sites that every answer better than what is known opens, or none does."""
        if known == -math.inf:
            return problem
        step = 1.0 if self.record.whole else 0.0
        rows, sites = problem.rows, problem.sites
        if isinstance(sites, Budget):
            sums = problem.both.site_sums(found.prices)
            rest = rows.reply(found.prices).value
            fixed = fix_by_bound(sums, sites.budget, known, rest=rest, cost=sites.cost, step=step)
            opened, closed = fixed.opened, fixed.closed
        else:
            reach = known + 0.5 * step - NOISE * (abs(known) + float(found.prices.sum()) + abs(found.bound))
            decided = found.bound - found.loss <= reach
            opened, closed = decided & found.picked, decided & ~found.picked
        if (opened & closed).any():
            return replace(problem, is_hopeless=True)
        if not (opened | closed).any():
            return problem
        return problem.without(closed, opened)

    def _level(self, value: float) -> float:
        """Return a level: what is better than it is so by a whole number, where every value is whole."""
        return float(math.floor(value)) if self.record.whole and math.isfinite(value) else value

    def _branch(
        self,
        problem: Problem[R, S],
        level: float,
        seconds: float,
        threads: int,
        seed: int,
        told: Callable[[], None],
    ) -> bool:
        """Hand what remains to HiGHS; tell whether it came to an end.

        All that is better than the level is among what remains.
        """
        record = self.record
        if problem.is_hopeless or not len(problem.names) or not problem.both.by_row.shape[0]:
            if not problem.is_hopeless:
                self.tell(problem.chosen)
            self.bounded(level, Proof.LAGRANGIAN)
            return True
        room = bound_at(problem, problem.prices).bound - level
        instance, follow = arrays_of(problem, room - (0.5 if record.whole else 0.0))
        size = _size(self.known) if not record.whole else 1.0
        instance = replace(instance, cost=instance.cost * size, offset=instance.offset * size)
        record.said("branch", f"{len(instance.row_low)} x {len(instance.low)}")
        count = len(problem.names)

        def read(values: Floats) -> None:
            self.tell(np.concatenate([problem.chosen, problem.names[values[:count] > 0.5]]))
            told()

        def bounded(bound: float) -> None:
            self.bounded(max(level, -bound / size), Proof.SOLVER)
            told()

        found = branch(
            instance,
            seconds=min(seconds, record.left),
            gap=record.gap_wanted,
            distance=WHOLE_DISTANCE if record.whole else 0.0,
            threads=threads,
            seed=seed,
            # (Where all has to be covered HiGHS finds something still; where weights are added up, nothing.)
            presolve=not isinstance(problem.rows, Gains),
            start=_start(problem, instance, follow, record),
            better=read,
            bounded=bounded,
            apart=instance.matrix.nnz > APART_NONZEROS,
        )
        if found.values is not None:
            read(found.values)
        if found.finished or math.isfinite(found.bound):
            bounded(found.bound)
        self._has_ended = found.finished and level <= self.known
        return found.finished


def _sites_of(record: Record) -> Int64s:
    """Return the best sites so far; none where nothing is known."""
    return np.zeros(0, dtype=np.int64) if record.sites is None else record.sites


def _size(value: float) -> float:
    """Return a power of two that makes a value large, so that what HiGHS takes for nothing is nothing beside it."""
    if not math.isfinite(value) or value == 0:
        return 1.0
    return float(2.0 ** round(20 - math.log2(abs(value))))


def _greedy(problem: Problem[Any, Any], chosen: NDArray[np.integer[Any]] | None = None) -> Int64s:
    """Open the site that gains most for its cost, again and again, and then close what is not needed.

    Gains fall as rows are covered; only those of sites that reach a row newly covered are worked out again.
    """
    both, rows, sites = problem.both, problem.rows, problem.sites
    cost = sites.cost
    budget = sites.budget * (1 + NOISE) + NOISE if isinstance(sites, Budget) else math.inf
    if isinstance(rows, Gains):
        first, second, wanted = rows.first, rows.second, math.inf
        if rows.must is not None:
            # What has to be covered comes before anything else.
            first = first + rows.must * (1.0 + float(rows.first.sum()) + float(0 if second is None else second.sum()))
    elif isinstance(rows, Wanted):
        first, second, wanted = rows.weight, None, rows.wanted
    else:
        first, second, wanted = np.ones(both.by_row.shape[0]), None, both.by_row.shape[0]
    now = first.copy()
    counts = np.zeros(len(now), dtype=np.int64)
    gain = both.site_sums(now)
    opened: list[int] = []
    spent = held = 0.0
    free = np.ones(len(cost), dtype=bool)
    waiting = [] if chosen is None else list(chosen[np.argsort(-gain[chosen] / cost[chosen], kind="stable")])
    while held < wanted:
        if waiting:
            site = int(waiting.pop(0))
            if gain[site] <= 0:
                continue
        else:
            ratio = np.where(free & (cost <= budget - spent), gain / cost, 0.0)
            site = int(ratio.argmax()) if len(ratio) else 0
            if not len(ratio) or ratio[site] <= 0:
                break
        opened.append(site)
        free[site] = False
        spent += float(cost[site])
        touched = both.rows_of(np.array([site]))
        counts[touched] += 1
        changed = touched[now[touched] > 0]
        held += float(now[changed].sum()) if not isinstance(rows, Gains) else 0.0
        after = np.zeros(len(changed))
        if second is not None:
            after = np.where(counts[changed] == 1, second[changed], 0.0)
        less = now[changed] - after
        now[changed] = after
        some = take_rows(both.by_row, changed)
        gain -= np.bincount(some.indices, np.repeat(less, np.diff(some.indptr)), minlength=len(gain))
        gain[site] = 0.0
        np.maximum(gain, 0.0, out=gain)
    if isinstance(rows, Gains):
        return np.array(opened, dtype=np.int64)
    return _needed(both, np.array(opened, dtype=np.int64), counts, cost, first, wanted)


def _needed(both: Both, opened: Int64s, counts: Int64s, cost: Floats, weight: Floats, wanted: float) -> Int64s:
    """Close sites, the dearest first, as long as enough stays covered."""
    held = float(weight[counts > 0].sum())
    keep = np.ones(len(opened), dtype=bool)
    for place in np.argsort(-cost[opened], kind="stable"):
        touched = both.rows_of(opened[place : place + 1])
        alone = float(weight[touched[counts[touched] == 1]].sum())
        if held - alone >= wanted:
            keep[place] = False
            counts[touched] -= 1
            held -= alone
    return opened[keep]


def _start(
    problem: Problem[Any, Any], instance: Instance, follow: Callable[[Int64s], Floats], record: Record
) -> Floats | None:
    """Return the values of the best answer so far, if it is among what remains."""
    if record.sites is None or not np.isin(problem.chosen, record.sites).all():
        return None
    chosen: Mask = np.isin(problem.names, record.sites)
    if int(chosen.sum()) + len(problem.chosen) != len(record.sites):
        return None
    counts = problem.both.counts(np.flatnonzero(chosen))
    values = np.concatenate([chosen.astype(float), follow(counts)])
    return values if instance.holds(values) else None
