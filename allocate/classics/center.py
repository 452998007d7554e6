"""The p-center problem: sites such that the farthest point is as near as can be.

Whether p sites can serve everybody within a distance is a covering question (Minieka 1970, SIAM Review 12(1)); the
answer is the least of the distances that occur for which it is yes. They are searched by halving. A question is made
small by the reductions of full covering, then answered by whatever can: a greedy choice or exchanges of sites say yes;
weights on the points that no p sites can gather say no (surrogate relaxation; such weights exist whenever the linear
program says no); and where neither does, HiGHS decides. Questions that are easy come first, for they may answer the
hard ones. Of many points, only some are asked about; those that an answer leaves out are then asked about as well.
"""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from allocate.classics.record import Proof, Record
from allocate.program import Instance, branch
from allocate.reduce import Rows, merge_rows, rows_of, shrink_cover

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Single = NDArray[np.float32]

# Rounds in which weights look for a proof, and after how many of them a greedy choice by weight is tried.
_ROUNDS, _GREEDY_EVERY = 300, 50
# What the weights gather is moved towards this; the share of a round in the average slope.
_AIM, _SHARE = 0.97, 0.1
# What sums of weights may lose to rounding, as a share; a proof is worked out again in double precision.
_NOISE = 1e-9
# How many numbers are looked at together.
_BLOCK = 1 << 22
# About how many points are asked about first, and how many are added at a time.
_FIRST_POINTS, _MORE_POINTS = 1_000, 200
# Exchanges of sites, and seconds for the solver, with which a hard question is tried first.
_EXCHANGES, _SOLVER_SECONDS = 3_000, 2.0
# How many questions may stay open before all are asked with more effort.
_OPEN_ONES = 6


def locate_centers(
    distance: Floats,
    p: int,
    record: Record,
    *,
    standing: Any = (),
    weight: Floats | None = None,
    threads: int = 1,
    seed: int = 1,
) -> bool:
    """Open p sites so that the largest distance from a point to its nearest open site is least.

    Parameters
    ----------
    distance
        From every point to every site (points x sites); infinite where there is no way.
    p
        How many sites may be opened, those standing not counted.
    record
        Is told every better answer (the sites opened, without those standing) and every better bound, and says how
        long the search may run.
    standing
        Sites that are open in any case [index].
    weight
        By which the distances of every point are multiplied; 1 if not given.
    threads, seed
        For the solver.

    Returns
    -------
    False only where it is proven that p sites cannot serve every point.
    """
    search = _Search(distance, p, record, np.asarray(standing, dtype=np.int64), weight, threads, seed)
    return search.run()


class _Search:
    """The distances that may still be the answer: at least `low`, and below the value of the record."""

    def __init__(
        self,
        distance: Floats,
        p: int,
        record: Record,
        standing: Ints,
        weight: Floats | None,
        threads: int,
        seed: int,
    ) -> None:
        reached = np.asarray(distance, dtype=np.float64)
        if weight is not None:
            with np.errstate(invalid="ignore"):
                # Whom nobody counts is served anywhere, but served.
                reached = np.where(np.isfinite(reached), reached * weight[:, None], np.inf)
        self._reached, self._p, self._record, self._standing = reached, p, record, standing
        self._threads, self._seed = threads, seed
        points, sites = reached.shape
        self._at_standing = reached[:, standing].min(axis=1) if len(standing) else np.full(points, np.inf)
        self._free = np.setdiff1d(np.arange(sites), standing)
        # Points that are asked about: spread over all, where they are many.
        self._active = np.zeros(points, dtype=bool)
        self._active[:: max(1, points // _FIRST_POINTS)] = True
        self._asked = 0
        # No answer is nearer than every point's nearest site.
        self._low = float(reached.min(axis=1, initial=np.inf).max(initial=0.0)) if points else 0.0

    def run(self) -> bool:
        """Halve the distances until one is left or time is out."""
        record = self._record
        if not len(self._at_standing):
            record.better(0.0, self._standing[:0])
            record.bounded(1e-10, Proof.REDUCTION)
            return True
        if not np.isfinite(self._low):
            return False
        self._tell(self._farthest_first())
        effort = 0
        while not self._is_settled and not record.is_over:
            self._sweep(effort)
            effort += 1
        record.said("thresholds", f"{self._asked}")
        if not self._is_settled:
            return True
        if record.value is None:
            return False
        # What is left below the value is nothing; the record cuts the bound to the value.
        record.bounded(record.value + 1e-10 * max(1.0, abs(record.value)), Proof.THRESHOLD)
        return True

    @property
    def _high(self) -> float:
        return np.inf if self._record.value is None else self._record.value

    @property
    def _is_settled(self) -> bool:
        """Tell whether no distance below the value may still be the answer."""
        return self._low >= self._high

    def _sweep(self, effort: int) -> None:
        """Ask about the distances that are left, with so much effort: from the middle, around what stays unknown."""
        record = self._record
        unknown: tuple[float, float] | None = None
        open_ones = 0
        # Distances may lie as close together as floats do: after some that stay open, more effort is worth more.
        while not self._is_settled and open_ones < _OPEN_ONES:
            record.bounded(self._low, Proof.THRESHOLD)
            if record.is_over:
                return
            if unknown is None:
                radius = self._middle(self._low, self._high)
            else:
                radius = self._middle(np.nextafter(unknown[1], np.inf), self._high)
                if radius is None:
                    radius = self._middle(self._low, unknown[0])
            if radius is None:
                return
            self._asked += 1
            can = self._can_serve(radius, effort)
            if can is None:
                open_ones += 1
                unknown = (radius, radius) if unknown is None else (min(unknown[0], radius), max(unknown[1], radius))
                continue
            if not can:
                self._low = self._next_above(radius)
            if unknown is not None and (self._low > unknown[1] or self._high <= unknown[0]):
                unknown = None

    def _nearest(self, sites: Ints) -> Floats:
        """Return the distance of every point to the nearest of some sites or of those standing."""
        if not len(sites):
            return self._at_standing
        return np.minimum(self._at_standing, self._reached[:, sites].min(axis=1))

    def _tell(self, sites: Ints) -> None:
        value = float(self._nearest(sites).max())
        if np.isfinite(value):
            self._record.better(value, sites)

    def _farthest_first(self) -> Ints:
        """Open the nearest site of the farthest point until p are open (after Gonzalez 1985)."""
        nearest = self._at_standing.copy()
        chosen: list[int] = []
        while len(chosen) < min(self._p, len(self._free)):
            point = int(np.argmax(nearest))
            self._active[point] = True
            site = int(self._free[np.argmin(self._reached[point, self._free])])
            if site in chosen:
                break
            chosen.append(site)
            np.minimum(nearest, self._reached[:, site], out=nearest)
        return np.array(sorted(chosen), dtype=np.int64)

    def _blocks(self) -> Iterator[Floats]:
        """Yield all distances, block by block."""
        rows = max(1, _BLOCK // self._reached.shape[1])
        for begin in range(0, len(self._reached), rows):
            yield self._reached[begin : begin + rows]

    def _middle(self, low: float, high: float) -> float | None:
        """Return the distance in the middle of those from low to below high; None if there are none."""
        some = self._reached[self._active]
        left = some[(some >= low) & (some < high)]
        if not len(left):
            left = np.concatenate([block[(block >= low) & (block < high)] for block in self._blocks()])
        if not len(left):
            return None
        # Equal distances count once where they are few: halving is by distances, not by pairs.
        if len(left) <= _BLOCK:
            left = np.unique(left)
        middle = (len(left) - 1) // 2
        return float(np.partition(left, middle)[middle])

    def _next_above(self, radius: float) -> float:
        """Return the least distance above a radius."""
        return min(float(block.min(where=block > radius, initial=np.inf)) for block in self._blocks())

    def _can_serve(self, radius: float, effort: int) -> bool | None:
        """Tell whether p sites can serve everybody within a radius, and tell the record how; None if it stays open.

        A no for some points is a no for all. A yes is tried on all; where it fails, the points it leaves out farthest
        are asked about from then on.
        """
        while True:
            found = self._sites_within(radius, effort)
            if not isinstance(found, np.ndarray):
                return found
            self._tell(found)
            nearest = self._nearest(found)
            left_out = np.flatnonzero(nearest > radius)
            if not len(left_out):
                return True
            self._active[left_out[np.argsort(-nearest[left_out], kind="stable")[:_MORE_POINTS]]] = True
            if self._record.left <= 0:
                return None

    def _sites_within(self, radius: float, effort: int) -> Ints | Literal[False] | None:
        """Return at most p sites that serve the active points within a radius; False for none, None if open."""
        rest = np.flatnonzero(self._active & (self._at_standing > radius))
        if not len(rest):
            return self._free[:0]
        matrix = rows_of(self._reached[np.ix_(rest, self._free)] <= radius)
        if not np.diff(matrix.indptr).all():
            return False
        matrix = merge_rows(matrix, np.ones(len(rest)))[0]
        shrunk = shrink_cover(matrix, np.ones(len(self._free)))
        left = self._p - len(shrunk.chosen)
        if left < 0 or (not left and len(shrunk.rows)):
            return False
        found: Ints | Literal[False] | None = np.zeros(0, dtype=np.int64)
        if len(shrunk.rows):
            found = self._cover(shrunk.matrix, left, effort)
        if not isinstance(found, np.ndarray):
            return found
        sites: Ints = np.sort(self._free[np.concatenate([shrunk.chosen, shrunk.sites[found]])])
        return sites

    def _cover(self, matrix: Rows, most: int, effort: int) -> Ints | Literal[False] | None:
        """Return at most so many sites that cover every row; False if there are none, None if it stays open."""
        if not effort:
            found = _by_weights(matrix, most, self._record)
            if found is None:
                found = _by_relaxation(matrix, most, self._record)
            return found
        found = _by_exchange(matrix, most, _EXCHANGES * effort, self._seed)
        if found is None and self._record.left > 0:
            found = self._by_solver(matrix, most, _SOLVER_SECONDS * 4.0 ** (effort - 1))
        return found

    def _by_solver(self, matrix: Rows, most: int, seconds: float) -> Ints | Literal[False] | None:
        """Let HiGHS choose at most so many sites that cover every row; False for none, None if it stays open."""
        rows, sites = matrix.shape
        blocks: list[Any] = [matrix.astype(np.float64), np.ones((1, sites))]
        every: Any = sparse.vstack(blocks, format="csr")
        instance = Instance(
            "sites",
            np.ones(sites),
            0.0,
            np.zeros(sites),
            np.ones(sites),
            np.ones(sites, dtype=bool),
            sparse.csr_array(every),
            np.append(np.ones(rows), 0.0),
            np.append(np.full(rows, np.inf), float(most)),
            [],
            [],
        )
        # Any answer will do: a distance of p ends the search with the first one.
        found = branch(
            instance,
            seconds=min(seconds, self._record.left),
            distance=float(sites),
            threads=self._threads,
            seed=self._seed,
        )
        if found.values is not None:
            return np.flatnonzero(found.values > 0.5)
        return False if found.finished else None


def _by_weights(matrix: Rows, most: int, record: Record) -> Ints | Literal[False] | None:
    """Look for at most so many sites that cover every row, or for weights which say that there are none.

    Proof of a no: let rows have weights u >= 0. Sites that cover every row gather at least Σ u, each row's weight once
    or more, and so many sites gather no more than the sum of so many largest columns of u A. If that is less than Σ u,
    they cannot cover every row. The weights grow where the gathering sites leave a row out and shrink where several
    cover it, by the average of the rounds so far (the volume algorithm: Barahona and Anbil 2000, Mathematical
    Programming 87(3)). They are looked for in single precision; a proof is worked out again in double.
    """
    dense = np.asarray(matrix.toarray(), dtype=np.float32)
    if most >= dense.shape[1]:
        return np.arange(dense.shape[1])

    def gather(weights: Single) -> tuple[float, Single]:
        """Return what the best sites gather, and of every row one less the times they cover it."""
        gathered = weights @ dense
        top = np.argpartition(-gathered, most - 1)[:most]
        return float(gathered[top].sum()), 1 - dense[:, top].sum(axis=1)

    best = (1 / dense.sum(axis=1)).astype(np.float32)
    best /= best.sum()
    least, slope = gather(best)
    step, bad = 1.0, 0
    for round_ in range(_ROUNDS):
        if least < 1 - 1e-5 and _is_no(matrix, best, most):
            return False
        if round_ % _GREEDY_EVERY == 0:
            if record.left <= 0:
                return None
            for weights in (best, None):
                found = _greedy(dense, weights, most)
                if found is not None:
                    return found
        size = float(slope @ slope)
        if size == 0:
            break
        trial = np.maximum(best + np.float32(step * max(least - _AIM, 1 - _AIM) / size) * slope, 0)
        heap = trial.sum()
        if not heap > 0:
            # Too long a step: nothing weighs anything any more.
            step /= 2
            continue
        trial /= heap
        total, now = gather(trial)
        change = now - slope
        length = float(change @ change)
        part = -float(slope @ change) / length if length > 0 else _SHARE
        slope = slope + np.float32(min(max(part, _SHARE / 10), _SHARE)) * change
        if total < least:
            least, best, step, bad = total, trial, min(2.0, 1.1 * step), 0
        else:
            bad += 1
            if bad >= 20:
                step, bad = 0.7 * step, 0
    return None


def _by_relaxation(matrix: Rows, most: int, record: Record) -> Literal[False] | None:
    """Take the weights from the linear program, which has them if there are any; False if they say no."""
    rows, sites = matrix.shape
    instance = Instance(
        "parts",
        np.ones(sites),
        0.0,
        np.zeros(sites),
        np.full(sites, np.inf),
        np.zeros(sites, dtype=bool),
        sparse.csr_array(matrix.astype(np.float64)),
        np.ones(rows),
        np.full(rows, np.inf),
        [],
        [],
    )
    found = branch(instance, seconds=record.left, relax=True, presolve=False, apart=False)
    if found.row_weights is not None and _is_no(matrix, np.maximum(found.row_weights, 0.0), most):
        return False
    return None


def _is_no(matrix: Rows, weights: NDArray[Any], most: int) -> bool:
    """Work out in double precision whether weights prove that so many sites cannot cover every row."""
    exact = weights.astype(np.float64)
    gathered = np.sort(matrix.T.astype(np.float64) @ exact)[::-1]
    return bool(gathered[:most].sum() < exact.sum() * (1 - _NOISE))


def _greedy(dense: Single, weights: Single | None, most: int) -> Ints | None:
    """Choose the site that gathers most weight of what is not covered, again and again; None if too many are needed.

    Without weights, rows that few sites reach weigh more.
    """
    left = (1.0 / dense.sum(axis=1) if weights is None else weights + 1e-6).astype(np.float32)
    left = np.maximum(left, np.float32(1e-9))
    chosen: list[int] = []
    gathered = left @ dense
    while len(chosen) < most:
        site = int(np.argmax(gathered))
        chosen.append(site)
        newly = np.flatnonzero((dense[:, site] > 0) & (left > 0))
        gathered = gathered - left[newly] @ dense[newly]
        left[newly] = 0.0
        if not left.any():
            return np.array(chosen, dtype=np.int64)
    return None


def _by_exchange(matrix: Rows, most: int, rounds: int, seed: int) -> Ints | None:
    """Look for so many sites that cover every row by exchanging one at a time; None if none were found.

    A row that stays uncovered weighs more with every round, so that the search leaves where it is stuck (row weighting:
    Gao, Weise and Li 2014, IEEE Computational Intelligence Magazine 9(2)). A row left out is drawn, and the site of it
    that gathers most replaces the open one that is missed least; what was just closed is not opened, nor closed what
    was just opened.
    """
    dense = np.asarray(matrix.toarray(), dtype=np.float32)
    rows, sites = dense.shape
    if most >= sites:
        return np.arange(sites)
    numbers = np.random.default_rng(seed)
    weight = np.ones(rows, dtype=np.float32)
    chosen = _start(dense, most)
    covered = dense[:, chosen].sum(axis=1)
    opened = np.zeros(most, dtype=np.int64)
    closed = np.full(sites, -10, dtype=np.int64)
    for round_ in range(rounds):
        out = np.flatnonzero(covered == 0)
        if not len(out):
            return np.sort(chosen)
        alone = np.flatnonzero(covered == 1)
        missed = weight[alone] @ dense[np.ix_(alone, chosen)]
        place = int(np.argmin(np.where(opened >= round_ - 1, np.inf, missed) if most > 1 else missed))
        covered -= dense[:, chosen[place]]
        closed[chosen[place]] = round_
        out = np.flatnonzero(covered == 0)
        row = out[numbers.integers(len(out))]
        able = matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]]
        gathered = weight[out] @ dense[np.ix_(out, able)]
        site = int(able[np.argmax(np.where(closed[able] >= round_ - 1, -1.0, gathered))])
        chosen[place], opened[place] = site, round_
        covered += dense[:, site]
        weight[covered == 0] += 1.0
    return None


def _start(dense: Single, most: int) -> Ints:
    """Return so many sites, each the one that gathers most of what is left when it is chosen."""
    left = np.ones(len(dense), dtype=np.float32)
    chosen = np.zeros(most, dtype=np.int64)
    taken = np.zeros(dense.shape[1], dtype=np.float32)
    for k in range(most):
        chosen[k] = np.argmax(left @ dense - taken)
        taken[chosen[k]] = np.inf
        left[dense[:, chosen[k]] > 0] = 0.0
    return chosen
