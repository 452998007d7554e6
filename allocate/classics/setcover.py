"""The cheapest cover of what reductions leave: local search for answers; cuts, fixing and HiGHS for the proof."""

import itertools
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from allocate.classics.arrays import APART_NONZEROS
from allocate.classics.lagrange import Both
from allocate.classics.record import Proof, Record
from allocate.classics.weighing import cover_cheaper
from allocate.covers import Covers
from allocate.program import WHOLE_DISTANCE, Instance, branch
from allocate.reduce import Floats, Int64s, Mask, Rows, merge_rows, parts, runs, shrink_cover, take_rows, take_sites

# What sums of floats may lose, as a share of what is summed.
_NOISE = 1e-10
# Steps of local search at first, once the linear program is solved, at most in one go before branching, and after it.
_FIRST_STEPS, _MORE_STEPS, _MOST_STEPS, _LONG_STEPS = 500, 2000, 4000, 20_000
# Steps are for so many sites; more where there are more, fewer where there are fewer, down to a share.
_SITES, _LEAST_SHARE = 400, 0.05
# Up to how many sites are looked at for each site that moves where lists are used, and how many steps of those take as
# long as one with arrays.
_FEW_CHANGED, _LISTED = 600, 4
# How often cuts are looked for, by how much they have to be violated, and by how much one round has to help, as a
# share of what lies between the bound and the best answer.
_CUT_TURNS, _VIOLATED, _WORTH_A_TURN = 12, 0.02, 0.03
# In how many new cuts a row may be, how many rows are put together by threes, and how many cuts are enough.
_USES, _MOST_ROWS, _ENOUGH = 5, 4000, 1 << 18
# How many triples are looked at on the whole.
_LOOKED_AT = 1 << 25
# A row is left out of the cuts where the sites cover it by so much more than once.
_LOOSE = 0.3
# Steps between two looks at the clock.
_LOOK = 64
# What is nearer to a bound of a variable than this is at it.
_AT = 1e-6
# Columns are taken out once they are so large a share of what is left.
_SHARE_TO_SHRINK = 0.02


def locate_set_cover(covers: Covers, cost: Floats, record: Record, *, threads: int = 1, seed: int = 1) -> None:
    """Cover every row at the least cost (Toregas, Swain, ReVelle & Bergman 1971, Operations Research 19(6)).

    The reductions of full covering first; what they leave falls into parts, each solved on its own, small ones first.
    """
    shrunk = shrink_cover(covers.matrix, cost)
    matrix = shrunk.matrix
    record.said("shrink", f"{matrix.shape[0]} x {matrix.shape[1]}")
    left, fixed = cost[shrunk.sites], float(cost[shrunk.chosen].sum())
    if not matrix.shape[0]:
        record.better(fixed, shrunk.chosen)
        record.bounded(fixed, Proof.REDUCTION)
        return
    labels = parts(matrix)
    whole = record.whole and bool((cost == np.round(cost)).all())
    inner: list[Record] = []

    def tell() -> None:
        """Add the parts up, once all of them have an answer."""
        known = [part for part in inner if part.value is not None and part.sites is not None]
        if len(known) < labels.count:
            return
        opened = [shrunk.sites[part.sites] for part in known]
        record.better(fixed + sum(part.value or 0.0 for part in known), np.concatenate([shrunk.chosen, *opened]))
        # (What a proven part's bound misses by rounding must not add up.)
        bounds = [part.value if part.gap == 0 else part.bound for part in known]
        record.bounded(fixed + sum(bound or 0.0 for bound in bounds), max((part.proof for part in known), key=_rank))

    for part in np.argsort(np.bincount(labels.sites, minlength=labels.count), kind="stable"):
        inside = labels.sites == part
        some = take_sites(take_rows(matrix, np.flatnonzero(labels.rows == part)), inside)
        inner.append(Record("min", seconds=record.left, whole=whole, listen=lambda _: tell()))
        names = np.flatnonzero(inside)
        cover_all(some, left[inside], inner[-1], threads=threads, seed=seed, names=names)
        for step in inner[-1].steps:
            record.said(step[0], step[2])
    tell()


def _rank(proof: Proof) -> int:
    return list(Proof).index(proof)


def cover_all(
    matrix: Rows,
    cost: Floats,
    record: Record,
    *,
    threads: int = 1,
    seed: int = 1,
    fixed: float = 0.0,
    names: Int64s | None = None,
) -> None:
    """Cover every row at the least cost, where reductions find nothing more.

    A greedy cover is made cheaper by local search. The linear program gives a bound, and is made tighter by cuts on
    three rows: any site in one or two of them counts once and any in all three twice, and all of them together count
    at least twice (half the sum of the three rows, coefficients and right-hand side rounded up: Chvátal 1973, Discrete
    Mathematics 4(4); Caprara & Fischetti 1996, Mathematical Programming 74(3)). Whatever the bound says of a site by
    its reduced cost is fixed, and what remains is reduced again; HiGHS branches in the end, beginning with the best
    answer known.

    Proof that fixing loses nothing better than what is known: for any y >= 0 on the rows a_i x >= b_i, all of which
    hold for every cover, an answer costs at least y b + Σ_j (c_j - y a_j) x_j. So it costs that sum with all negative
    terms at least, more by c_j - y a_j > 0 if it opens j, and more by y a_j - c_j > 0 if it does not. What y is does
    not matter: rounding in the linear program can make the bound worse, never wrong.

    Parameters
    ----------
    matrix
        Rows x sites; every row has a site.
    cost
        Of each site, above 0.
    record
        Is told answers and bounds as they are found.
    threads, seed
        For HiGHS, and for local search.
    fixed
        The cost of sites that are open already, part of all values told.
    names
        What each site is called in the answers told; its number in the matrix if not given.
    """
    names = np.arange(matrix.shape[1]) if names is None else names
    _Covering(matrix, np.asarray(cost, dtype=np.float64), record, threads, seed, fixed, names).run()


@dataclass(frozen=True)
class _Left:
    """What is left to decide: cover all rows, and keep to the cuts, which every cover does.

    Attributes
    ----------
    matrix
        Rows x sites that are left.
    sites
        Their numbers in the matrix that was given.
    cuts, least
        Cuts x sites that are left, and what each cut asks for.
    opened
        The sites that are open already.
    """

    matrix: Rows
    sites: Int64s
    cuts: Any
    least: Floats
    opened: Int64s

    @property
    def everything(self) -> tuple[Any, Floats]:
        """Return rows and cuts as one matrix, and what each line asks for."""
        rows = _floats(self.matrix)
        if not len(self.least):
            return rows, np.ones(rows.shape[0])
        return sparse.vstack([rows, self.cuts], format="csr"), np.append(np.ones(rows.shape[0]), self.least)

    def with_cuts(self, kept: Mask, cuts: Any, least: Floats) -> "_Left":
        """Return the same with some of its cuts and with new ones."""
        every = sparse.vstack([self.cuts[np.flatnonzero(kept)], cuts], format="csr")
        return replace(self, cuts=every, least=np.append(self.least[kept], least))

    def without(self, closed: Mask, opened: Mask, cost: Floats) -> "_Left | None":
        """Return the same without some sites, reduced again; None if a row is left without a site."""
        covered = np.zeros(self.matrix.shape[0], dtype=bool)
        covered[_rows_with(self.matrix, opened)] = True
        matrix = take_sites(take_rows(self.matrix, np.flatnonzero(~covered)), ~closed & ~opened)
        if not np.diff(matrix.indptr).all():
            return None
        free = np.flatnonzero(~closed & ~opened)
        shrunk = shrink_cover(matrix, cost[self.sites[free]])
        kept, chosen = free[shrunk.sites], np.append(np.flatnonzero(opened), free[shrunk.chosen])
        least = self.least - np.asarray(self.cuts[:, chosen].sum(axis=1)).ravel()
        cuts = self.cuts[:, kept]
        some = least > _AT
        sites = self.sites[kept]
        return _Left(
            shrunk.matrix, sites, cuts[np.flatnonzero(some)], least[some], np.append(self.opened, self.sites[chosen])
        )


@dataclass(frozen=True)
class _Relaxed:
    """What the linear program says.

    Attributes
    ----------
    bound
        What every answer costs at least, but for what is open already.
    values
        How much of each site it opens.
    reduced
        By how much an answer costs more if it opens a site; if negative, by how much more if it does not.
    """

    bound: float
    values: Floats
    reduced: Floats


class _Covering:
    """The search for the cheapest cover."""

    def __init__(
        self, matrix: Rows, cost: Floats, record: Record, threads: int, seed: int, fixed: float, names: Int64s
    ) -> None:
        self._matrix, self._cost, self._record = matrix, cost, record
        self._threads, self._seed, self._fixed, self._names = threads, seed, fixed, names
        self._both = Both(matrix)
        self._apart = matrix.nnz > APART_NONZEROS
        self._whole = record.whole and bool((cost == np.round(cost)).all())
        self._best = np.zeros(0, dtype=np.int64)
        self._known = math.inf
        # (Where few rows and sites meet, lists are several times faster than arrays.)
        changed = matrix.nnz / max(1, matrix.shape[0]) * matrix.nnz / max(1, matrix.shape[1])
        self._lists = _Lists(self._both) if changed <= _FEW_CHANGED and (cost == cost[0]).all() else None

    def run(self) -> None:
        """Search until it is proven or out of time."""
        record = self._record
        if not self._matrix.shape[0]:
            self._tell(self._best)
            self._bounded(0.0, Proof.REDUCTION)
            return
        self._tell(_greedy(self._both, self._cost))
        self._search(_FIRST_STEPS)
        nothing = sparse.csr_array((0, self._matrix.shape[1]))
        every = np.arange(self._matrix.shape[1])
        left: _Left | None = _Left(self._matrix, every, nothing, np.zeros(0), every[:0])
        assert left is not None
        left = self._tightened(left, _CUT_TURNS)
        steps = _MORE_STEPS
        while left is not None and not record.is_over and not self._is_close and steps <= _MOST_STEPS:
            known = self._known
            self._search(steps)
            if self._known < known:
                left = self._tightened(left, 1 if self._is_close else _CUT_TURNS)
            steps *= 2
        if left is not None and self._whole and not record.is_over:
            left = self._refuted(left)
        if left is None or record.is_over:
            return
        record.said("cuts", f"{left.matrix.shape[0]} + {len(left.least)} x {len(left.sites)}")
        finished = self._branched(left)
        while not finished and not record.is_over:
            self._search(_LONG_STEPS)

    def _tell(self, sites: Int64s) -> None:
        """Take a cover, if it is one."""
        if not self._both.counts(sites).all():
            return
        price = float(self._cost[sites].sum())
        if price < self._known:
            self._known, self._best = price, np.sort(sites)
            self._record.better(self._fixed + price, self._names[self._best])

    def _bounded(self, bound: float, proof: Proof) -> None:
        self._record.bounded(self._fixed + min(bound, self._known), proof)

    def _search(self, steps: int) -> None:
        """Look for a cheaper cover near the best one, the longer the more sites there are."""
        if self._record.is_over:
            return
        steps = math.ceil(steps * max(_LEAST_SHARE, len(self._cost) / _SITES))
        if self._lists is not None:
            self._lists.fewer(self._best, self._seed, _LISTED * steps, self._tell, self._record)
        else:
            self._tell(cover_cheaper(self._both, self._cost, self._best, self._record, seed=self._seed, steps=steps))
        self._seed += 1

    def _relax(self, left: _Left) -> _Relaxed | None:
        """Solve the linear program; None if there was no time."""
        rows, least = left.everything
        cost = self._cost[left.sites]
        instance = _instance(rows, least, cost, whole=False)
        found = branch(instance, seconds=self._record.left, threads=1, presolve=False, relax=True, apart=self._apart)
        if found.values is None or found.row_weights is None:
            return None
        weights = np.maximum(found.row_weights, 0.0)
        reduced = cost - rows.T @ weights
        bound = float(weights @ least + np.minimum(reduced, 0.0).sum())
        lost = _NOISE * (float(weights @ least) + float(np.abs(reduced).sum()))
        return _Relaxed(bound - lost, found.values, reduced)

    @property
    def _is_close(self) -> bool:
        """Tell whether the bound is but one step from the best answer known."""
        bound = self._record.bound
        return self._whole and bound is not None and self._fixed + self._known - bound < 1.5

    def _tightened(self, left: _Left, turns: int) -> _Left | None:
        """Add cuts and fix sites as long as that helps; None if nothing better is left."""
        before = -math.inf
        for turn in range(turns):
            if self._record.is_over:
                return left
            if not left.matrix.shape[0]:
                self._tell(left.opened)
                self._bounded(math.inf, Proof.RELAXATION)
                return None
            found = self._relax(left)
            if found is None:
                return left
            paid = float(self._cost[left.opened].sum())
            self._bounded(paid + found.bound, Proof.RELAXATION)
            self._tell(_rounded(self._both, self._cost, left, found.values))
            if self._record.is_over:
                return left
            room = self._room(paid + found.bound)
            smaller = self._fixed_by(left, found, room)
            if smaller is None:
                self._bounded(math.inf, Proof.RELAXATION)
                return None
            if smaller is not left:
                left, before = smaller, paid + found.bound
                continue
            if turn == turns - 1 or paid + found.bound - before < _WORTH_A_TURN * max(room, 0.1 * self._step):
                break
            before = paid + found.bound
            cuts = _cuts(left.matrix, found.values)
            if not cuts.shape[0]:
                break
            slack = left.cuts @ found.values - left.least
            left = left.with_cuts(slack < _AT, cuts, np.full(cuts.shape[0], 2.0))
        return left

    @property
    def _step(self) -> float:
        """Return by how much something better is better at least."""
        return 1.0 if self._whole else 0.0

    def _room(self, bound: float) -> float:
        """Return by how much an answer may cost more than the bound and still be better than what is known."""
        if self._whole:
            return self._known - 1.0 - bound + 1e-6
        return self._known - bound

    def _fixed_by(self, left: _Left, found: _Relaxed, room: float) -> _Left | None:
        """Return what is left once sites are fixed by their reduced costs, if they are some."""
        closed, opened = found.reduced > room, -found.reduced > room
        if closed.sum() + opened.sum() <= _SHARE_TO_SHRINK * len(left.sites):
            return left
        return left.without(closed, opened, self._cost)

    def _refuted(self, left: _Left) -> _Left | None:
        """Look for an answer as good as the bound allows, among the few sites that such an answer can have.

        If there is one it is the best, and if not, the bound moves by one.
        """
        found = self._relax(left)
        if found is None:
            return left
        paid = float(self._cost[left.opened].sum())
        level = math.ceil(paid + found.bound - 1e-6)
        if level >= self._known - 1:
            # (That is looked for in any case.)
            return left
        few = self._fixed_by(left, found, level - paid - found.bound + 1e-6)
        if few is left:
            return left
        if few is not None and few.matrix.shape[0]:
            self._record.said("level", f"{few.matrix.shape[0]} + {len(few.least)} x {len(few.sites)}")
            if not self._branched(few, level):
                return left
        elif few is not None:
            self._tell(few.opened)
        self._bounded(level + 1.0, Proof.SOLVER)
        return left

    def _branched(self, left: _Left, level: float | None = None) -> bool:
        """Hand what is left to HiGHS; tell whether it came to an end.

        With a level, only answers that cost no more are looked for, and all of them are among what is left.
        """
        rows, least = left.everything
        cost, paid = self._cost[left.sites], float(self._cost[left.opened].sum())
        instance = _instance(rows, least, cost, whole=True)
        inside = np.isin(self._best, np.append(left.sites, left.opened)).all()
        start: Floats | None = np.isin(left.sites, self._best).astype(float)
        assert start is not None
        if level is not None or not inside or not instance.holds(start):
            start = None
            if self._whole:
                # Nothing but what is better is looked for.
                most = (self._known - 1.0 if level is None else level) - paid + 1e-6
                instance = replace(
                    instance,
                    matrix=sparse.vstack([rows, sparse.csr_array(cost[None, :])], format="csr"),
                    row_low=np.append(least, -math.inf),
                    row_high=np.append(instance.row_high, most),
                )

        def read(values: Floats) -> None:
            self._tell(np.append(left.opened, left.sites[values > 0.5]))

        def bounded(bound: float) -> None:
            self._bounded(min(paid + bound, math.inf if level is None else level + 1.0), Proof.SOLVER)

        found = branch(
            instance,
            seconds=self._record.left,
            gap=self._record.gap_wanted,
            distance=WHOLE_DISTANCE if self._whole else 0.0,
            threads=self._threads,
            seed=self._seed,
            start=start,
            better=read,
            bounded=bounded,
            apart=self._apart,
        )
        if found.values is not None:
            read(found.values)
        if found.finished or math.isfinite(found.bound):
            bounded(found.bound)
        return found.finished


class _Lists:
    """Local search for fewer sites, all at the same cost, in plain lists.

    It is the search of `cover_cheaper` (Gao, Weise & Li 2015, European Journal of Operational Research 246(3)).
    """

    def __init__(self, both: Both) -> None:
        by_row, by_site = both.by_row, both.by_site
        self._sites = _split(by_row.indices, by_row.indptr)
        self._rows = _split(by_site.indices, by_site.indptr)

    def fewer(self, chosen: Int64s, seed: int, steps: int, tell: Callable[[Int64s], None], record: Record) -> None:
        """Tell of every cover with fewer sites that is found."""
        sites_of, rows_of = self._sites, self._rows
        draw = random.Random(seed).random
        weight = [1] * len(sites_of)
        counts = [0] * len(sites_of)
        # The sum of a row's open sites: the one that covers it, where only one does.
        owner = [0] * len(sites_of)
        score = [len(rows) for rows in rows_of]
        moved, able = [0] * len(rows_of), [True] * len(rows_of)
        opened: list[int] = []
        bare = list(range(len(sites_of)))
        place = list(bare)

        def open_site(site: int) -> None:
            gained = 0
            for row in rows_of[site]:
                many = counts[row]
                if many == 0:
                    heavy = weight[row]
                    gained += heavy
                    for other in sites_of[row]:
                        score[other] -= heavy
                        able[other] = True
                    last = bare[-1]
                    bare[place[row]] = last
                    place[last] = place[row]
                    bare.pop()
                else:
                    if many == 1:
                        score[owner[row]] -= weight[row]
                    for other in sites_of[row]:
                        able[other] = True
                counts[row] = many + 1
                owner[row] += site
            score[site] = gained
            opened.append(site)

        def close_site(site: int) -> None:
            opened.remove(site)
            for row in rows_of[site]:
                many = counts[row] - 1
                counts[row] = many
                owner[row] -= site
                if many == 0:
                    heavy = weight[row]
                    for other in sites_of[row]:
                        score[other] += heavy
                        able[other] = True
                    place[row] = len(bare)
                    bare.append(row)
                else:
                    if many == 1:
                        score[owner[row]] += weight[row]
                    for other in sites_of[row]:
                        able[other] = True
            # (Its own rows that nobody covers now were added above, to whatever stood there for an open site.)
            score[site] = sum(weight[row] for row in rows_of[site] if counts[row] == 0)
            able[site] = False

        def lightest(last: int) -> int:
            least = min(score[site] for site in opened if site != last)
            return min((site for site in opened if score[site] == least and site != last), key=moved.__getitem__)

        for site in chosen.tolist():
            open_site(site)
        last = -1
        for step in range(1, steps + 1):
            if step % _LOOK == 0 and record.is_over:
                return
            while not bare:
                tell(np.array(opened, dtype=np.int64))
                if len(opened) < 2 or record.is_over:
                    return
                close_site(lightest(-1))
            if len(opened) < 2:
                return
            site = lightest(last)
            close_site(site)
            moved[site] = step
            sites = sites_of[bare[int(draw() * len(bare))]]
            free = [site for site in sites if able[site]] or sites
            most = max(score[site] for site in free)
            last = min((site for site in free if score[site] == most), key=moved.__getitem__)
            open_site(last)
            moved[last] = step
            for row in bare:
                weight[row] += 1
                for other in sites_of[row]:
                    score[other] += 1


def _split(indices: NDArray[Any], indptr: NDArray[Any]) -> list[list[int]]:
    every, ends = indices.tolist(), indptr.tolist()
    return [every[begin:end] for begin, end in itertools.pairwise(ends)]


def _instance(rows: Any, least: Floats, cost: Floats, *, whole: bool) -> Instance:
    count = len(cost)
    return Instance(
        "set cover",
        cost,
        0.0,
        np.zeros(count),
        np.ones(count),
        np.full(count, whole),
        rows,
        least,
        np.full(len(least), math.inf),
        [],
        [],
    )


def _floats(matrix: Rows) -> Any:
    return sparse.csr_array((np.ones(matrix.nnz), matrix.indices, matrix.indptr), shape=matrix.shape)


def _rows_with(matrix: Rows, sites: Mask) -> Int64s:
    """Return the rows that have one of some sites."""
    places = np.flatnonzero(sites[matrix.indices])
    return np.unique(np.searchsorted(matrix.indptr, places, side="right") - 1)


def _greedy(both: Both, cost: Floats, opened: NDArray[np.integer[Any]] | None = None) -> Int64s:
    """Open the site that covers most for its cost, again and again; close the dearest that nobody needs."""
    matrix = both.by_row
    chosen = [] if opened is None else opened.tolist()
    counts = both.counts(np.array(chosen, dtype=np.int64))
    waits = counts == 0
    gain = both.site_sums(waits.astype(float))
    while waits.any():
        site = int((gain / cost).argmax())
        rows = both.rows_of(np.array([site]))
        new = rows[waits[rows]]
        waits[new] = False
        counts[rows] += 1
        begins = matrix.indptr[new].astype(np.int64)
        touched = matrix.indices[runs(begins, matrix.indptr[1:][new] - begins)]
        gain -= np.bincount(touched, minlength=len(gain))
        chosen.append(site)
    kept = []
    for site in sorted(chosen, key=lambda site: (-cost[site], site)):
        rows = both.rows_of(np.array([site]))
        if (counts[rows] > 1).all():
            counts[rows] -= 1
        else:
            kept.append(site)
    return np.array(sorted(kept), dtype=np.int64)


def _rounded(both: Both, cost: Floats, left: _Left, values: Floats) -> Int64s:
    """Return a cover that opens what the linear program opens for the most part."""
    return _greedy(both, cost, np.unique(np.append(left.opened, left.sites[values > 0.5])))


def _cuts(matrix: Rows, values: Floats) -> Any:
    """Return cuts on three rows that the values do not keep to, the worst first, each row in a few of them."""
    used = np.flatnonzero((values > _AT) & (values < 1 - _AT))
    sums = matrix @ values
    rows = np.flatnonzero(sums <= 1 + _LOOSE)
    some = np.zeros(len(values), dtype=bool)
    some[used] = True
    inside = take_sites(take_rows(matrix, rows), some)
    # Rows of the same sites, as far as these are opened in part, give the same cuts.
    merged, _, group_of = merge_rows(inside, np.ones(len(rows)))
    first = np.full(merged.shape[0], len(rows), dtype=np.int64)
    grouped = np.flatnonzero(group_of >= 0)
    np.minimum.at(first, group_of[grouped], grouped)
    rows = rows[first]
    if len(rows) > _MOST_ROWS:
        rows, merged = rows[:_MOST_ROWS], take_rows(merged, np.arange(_MOST_ROWS))
    triples = _violated(merged, values[used])
    uses = np.zeros(len(rows), dtype=np.int64)
    taken = []
    for number, triple in enumerate(triples):
        if uses[triple].max() < _USES:
            uses[triple] += 1
            taken.append(number)
    three = rows[triples[taken]]
    ones = (np.ones(three.size), (np.repeat(np.arange(len(three)), 3), three.ravel()))
    counts = sparse.csr_array(ones, shape=(len(three), matrix.shape[0])) @ _floats(matrix)
    counts.data = np.ceil(counts.data / 2)
    return sparse.csr_array(counts)


def _violated(matrix: Rows, values: Floats) -> Int64s:
    """Return the triples of rows whose cut is violated, the worst first.

    Let g be what two rows share, and t what all three do. Then what counts is the sum of the three rows less their
    three g, plus 2 t: it can be less than 2 only where the g are large, and one of them is a third of their sum.
    """
    count = matrix.shape[0]
    if count < 3:
        return np.zeros((0, 3), dtype=np.int64)
    weighed: Any = sparse.csr_array((values[matrix.indices], matrix.indices, matrix.indptr), shape=matrix.shape)
    table = matrix.toarray().astype(np.bool_)
    shared = (weighed @ _floats(matrix).T.tocsr()).toarray()
    over: Floats = np.asarray(weighed.sum(axis=1)).ravel() - 1.0
    np.fill_diagonal(shared, 0.0)
    one, two = np.nonzero(np.triu(shared > (1.0 + _VIOLATED) / 3))
    if len(one) * count > _LOOKED_AT:
        # Where three rows each share half with either of the others, the cut is violated most.
        near = np.argsort(np.abs(shared[one, two] - 0.5), kind="stable")[: _LOOKED_AT // count]
        one, two = one[near], two[near]
    found, total = [np.zeros((0, 4))], 0
    step = max(1, (1 << 20) // count)
    for begin in range(0, len(one), step):
        i, k = one[begin : begin + step], two[begin : begin + step]
        able = shared[i] + shared[k]
        able -= over[None, :]
        need = 1.0 + _VIOLATED + over[i] + over[k] - shared[i, k]
        pair, third = np.nonzero(able > need[:, None])
        i, k = i[pair], k[pair]
        # Of the three pairs the one that shares most finds the triple.
        other = (third != i) & (third != k)
        most = np.maximum(shared[i, third], shared[k, third])
        other &= shared[i, k] >= most
        i, k, third = i[other], k[other], third[other]
        less = shared[i, k] + shared[i, third] + shared[k, third] - over[i] - over[k] - over[third] - 1.0
        lengths = (matrix.indptr[1:][i] - matrix.indptr[i]).astype(np.int64)
        owner = np.repeat(np.arange(len(i)), lengths)
        site = matrix.indices[runs(matrix.indptr[i].astype(np.int64), lengths)]
        both = table[k[owner], site] & table[third[owner], site]
        less -= 2 * np.bincount(owner[both], weights=values[site[both]], minlength=len(i))
        good = less > _VIOLATED
        triple = np.sort(np.column_stack((i, k, third))[good], axis=1)
        found.append(np.column_stack((-less[good], triple)))
        total += int(good.sum())
        if total > _ENOUGH:
            break
    every = np.concatenate(found)
    every[:, 0] = np.round(every[:, 0], 9)
    every = np.unique(every, axis=0)
    return every[:, 1:].astype(np.int64)
