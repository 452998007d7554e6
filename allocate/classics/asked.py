"""What a classic model is asked, made small before the search and answered in full, for every point, after it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from allocate.classics.answers import Answer, Outcome, Step
from allocate.classics.how import Search
from allocate.classics.inputs import (
    Faults,
    Floats,
    Ints,
    Plane,
    Sites,
    Travel,
    covers_from,
    distances_of,
    new_sites,
    numbers,
    of_sites,
    people_of,
    shape_of,
    sites_of,
    tidied,
)
from allocate.classics.record import Proof, Record
from allocate.covers import Covers
from allocate.errors import AllocateError, NoPlanError
from allocate.reduce import merge_rows
from allocate.words import say

# What two sums of the same numbers in another order may differ by, as a share.
SUM_NOISE = 1e-9


@dataclass(frozen=True)
class Core:
    """What is left to decide once the sites that are open in any case, or in none, are taken out.

    Attributes
    ----------
    covers
        The rows that are not covered yet, by the sites that may be opened.
    columns
        Which site each column is [index].
    cost
        What each column costs.
    fixed
        The sites that are open whatever is decided [index].
    base, twice
        The people whom they cover, and cover by two or more.
    have
        How many of them reach each row of `covers`; where a second site counts only.
    stranded
        Whether some row that a site may reach is reached by none that can be paid.
    """

    covers: Covers
    columns: Ints
    cost: Floats
    fixed: Ints
    base: float
    twice: float
    have: Ints
    stranded: bool

    @property
    def needs_nothing(self) -> bool:
        """Tell whether nothing is left to decide."""
        return not len(self.covers.weight) or not len(self.columns)


@dataclass(frozen=True)
class AskedCover:
    """A question about who reaches whom; `left` is what there is to spend beside the mandatory sites."""

    model: str
    covers: Covers
    sites: Sites
    people_sum: float
    left: float

    @classmethod
    def read(
        cls,
        model: str,
        travel: Travel,
        limit: float | None,
        people: Any,
        faults: Faults,
        cost: Any,
        search: Search,
        spend: Callable[[Sites], float] | None = None,
    ) -> "AskedCover":
        """Return a question that was looked at.

        Raises
        ------
        UsageError
            When something that was given cannot be used.
        """
        travel, points, sites = _looked_at(travel, search, faults, cost)
        weight = people_of(people, points, travel, faults)
        left = math.inf if spend is None else spend(sites)
        covers = covers_from(travel, limit, weight, faults)
        if weight is None:
            assert isinstance(travel, Plane)
            assert travel.blocks is not None
            total = travel.blocks.people
        else:
            total = float(weight.sum())
        return cls(model, covers, sites, total, left)

    def core(self, *, afford: float, twice: bool = False) -> Core:
        """Return what is left to decide with so much money; `twice` keeps rows that one fixed site covers."""
        matrix, sites = self.covers.matrix, self.sites
        reaches = np.diff(sparse.csc_array(matrix).indptr) > 0 if (sites.cost == 0).any() else None
        # What costs nothing is opened at once, unless it reaches nobody.
        fixed = sites.fixed if reaches is None else sites.fixed & (reaches | sites.existing | sites.mandatory)
        have = _row_counts(matrix, fixed)
        free = ~fixed & ~sites.forbidden & (sites.cost > 0) & (sites.cost <= afford)
        rows = have < (2 if twice else 1)
        base, doubly = (float(self.covers.weight[have > least].sum()) for least in (0, 1))
        chosen = np.flatnonzero(fixed)
        if rows.all() and free.all():
            return Core(self.covers, np.arange(len(free)), sites.cost, chosen, base, doubly, have, stranded=False)
        left = sparse.csr_array(matrix[rows][:, free])
        reached = np.diff(left.indptr) > 0
        allowed = _row_counts(matrix, ~sites.forbidden) > 0
        stranded = bool((allowed[rows] & ~reached & (have[rows] == 0)).any())
        weight, have = self.covers.weight[rows][reached], have[rows][reached]
        left = sparse.csr_array(left[reached])
        if twice:
            covers = Covers(left, weight, np.arange(len(weight), dtype=np.int32))
        else:
            covers = Covers(*merge_rows(left, weight))
            have = np.zeros(len(covers.weight), dtype=np.int64)
        columns = np.flatnonzero(free)
        return Core(covers, columns, sites.cost[columns], chosen, base, doubly, have, stranded=stranded)

    def reachable(self) -> NDArray[np.bool_]:
        """Return which rows some site may cover."""
        if not self.sites.forbidden.any():
            return np.ones(len(self.covers.weight), dtype=bool)
        return _row_counts(self.covers.matrix, ~self.sites.forbidden) > 0

    def answer(
        self, core: Core, record: Record, worth: Callable[[Ints, Ints], float], *, wanted: float = 0.0
    ) -> Answer:
        """Return the full answer, worked out again from the sites alone.

        `worth` gives the value of numbers of open sites per row and the open sites; `wanted` people have to be covered.

        Raises
        ------
        NoPlanError
            When nothing was found in the time given.
        AllocateError
            When the search claims what the sites do not give.
        """
        if record.sites is None or record.value is None or record.bound is None:
            raise NoPlanError(nothing(record))
        sites = np.union1d(core.fixed, core.columns[record.sites])
        is_open = np.zeros(len(self.sites.cost), dtype=bool)
        is_open[sites] = True
        matrix = self.covers.matrix
        count = _row_counts(matrix, is_open)
        value = worth(count, sites)
        covered = float(self.covers.weight[count > 0].sum())
        check(value, record.value + record.offset)
        if covered < wanted or (is_open & self.sites.forbidden).any():
            raise AllocateError(say("classics.wrong", claimed=wanted, found=covered))
        reachable = self.reachable()
        of_row = self.covers.group_of
        unreachable = np.flatnonzero(~np.append(reachable, False)[of_row])
        return _finished(
            self.model, sites, np.setdiff1d(sites, np.flatnonzero(self.sites.existing)), value, record, unreachable,
            _site=_first_open(matrix, is_open), _count=count, _row_of=of_row,
        )  # fmt: skip


@dataclass(frozen=True)
class AskedNear:
    """A question about how far it is to the nearest.

    Attributes
    ----------
    distance
        Of every pair that is left: points with people whom some site may serve x sites that may be open.
    people
        Of those points; above 0.
    columns, rows
        Which site and which point each is [index].
    standing
        The columns that are open whatever is decided [index].
    left
        How many others may be opened.
    """

    model: str
    distance: Floats
    people: Floats
    columns: Ints
    rows: Ints
    standing: Ints
    left: int
    everything: Floats
    sites: Sites
    unreachable: Ints

    @classmethod
    def read(
        cls,
        model: str,
        travel: Travel,
        p: int,
        people: Any,
        faults: Faults,
        search: Search,
    ) -> "AskedNear":
        """Return a question that was looked at.

        Raises
        ------
        UsageError
            When something that was given cannot be used.
        """
        travel, points, sites = _looked_at(travel, search, faults)
        weight = people_of(people, points, travel, faults) if points is not None else None
        left = new_sites(p, sites, faults)
        everything = distances_of(travel, faults)
        assert weight is not None
        allowed = ~sites.forbidden
        distance = everything if allowed.all() else everything[:, allowed]
        reached = np.isfinite(distance).any(axis=1)
        kept = reached & (weight > 0)
        distance = distance if kept.all() else distance[kept]
        columns = np.flatnonzero(allowed)
        standing = np.flatnonzero((sites.existing | sites.mandatory)[columns])
        rows = np.flatnonzero(kept)
        return cls(
            model,
            distance,
            weight[rows],
            columns,
            rows,
            standing,
            left,
            everything,
            sites,
            np.flatnonzero(~reached),
        )

    def nearest(self, open_columns: Ints) -> Floats:
        """Return the distance of every point that is left to its nearest open site; infinity where there is none."""
        if not len(open_columns):
            return np.full(len(self.rows), np.inf)
        return np.asarray(self.distance[:, open_columns].min(axis=1))

    def is_decided(self, record: Record, worth: Callable[[Floats], float]) -> bool:
        """Settle what needs no search: nobody to serve, nothing to open, or everything may be opened."""
        free = np.setdiff1d(np.arange(len(self.columns)), self.standing)
        if len(self.rows) and 0 < self.left < len(free):
            return False
        opened = free[: 0 if not len(self.rows) else self.left]
        value = worth(self.nearest(np.union1d(self.standing, opened))) if len(self.rows) else 0.0
        if math.isfinite(value):
            record.better(value, opened)
            record.bounded(value, Proof.REDUCTION)
        return True

    def answer(self, record: Record, worth: Callable[[Floats], float]) -> Answer:
        """Return the full answer, worked out again from the sites alone.

        Raises
        ------
        NoPlanError
            When nothing was found in the time given, or nothing exists.
        AllocateError
            When the search claims what the sites do not give.
        """
        if record.sites is None or record.value is None or record.bound is None:
            raise NoPlanError(nothing(record))
        inside = np.union1d(self.standing, record.sites)
        value = worth(self.nearest(inside)) if len(self.rows) else 0.0
        check(value, record.value + record.offset)
        sites = self.columns[inside]
        nearest = self.everything[:, sites]
        which = nearest.argmin(axis=1) if len(sites) else np.zeros(len(nearest), dtype=np.int64)
        site = np.full(len(nearest), -1, dtype=np.int64)
        if len(sites):
            served = np.isfinite(nearest[np.arange(len(nearest)), which])
            site[served] = sites[which[served]]
        opened = np.setdiff1d(sites, np.flatnonzero(self.sites.existing))
        return _finished(self.model, sites, opened, value, record, self.unreachable, _site=site)


@dataclass(frozen=True)
class AskedRoom:
    """A question about who is served where when room is limited.

    Attributes
    ----------
    assign
        Cost of serving all people of a point from a site: points with people whom some site may serve x allowed sites.
    people, capacity
        Of those points and sites.
    cost
        Of opening; nothing for what is open whatever is decided.
    rows, columns
        Which point and which site each is [index].
    standing
        The columns that are open whatever is decided [index].
    left
        How many others may be opened; None for any number.
    """

    assign: Floats
    people: Floats
    capacity: Floats
    cost: Floats
    rows: Ints
    columns: Ints
    standing: Ints
    left: int | None
    everything: Floats
    sites: Sites
    unreachable: Ints

    @classmethod
    def read(
        cls, travel: Travel, capacity: Any, p: int | None, people: Any, faults: Faults,
        cost: Any, search: Search,
    ) -> "AskedRoom":  # fmt: skip
        """Return a question that was looked at.

        Raises
        ------
        UsageError
            When something that was given cannot be used.
        """
        travel, points, sites = _looked_at(travel, search, faults, cost, np.zeros)
        room = numbers(capacity, "capacity", len(sites.cost), faults, *of_sites(travel))
        weight = people_of(people, points, travel, faults) if points is not None else None
        left = None if p is None else new_sites(p, sites, faults)
        everything = distances_of(travel, faults)
        assert weight is not None
        allowed = np.flatnonzero(~sites.forbidden)
        reached = np.isfinite(everything[:, allowed]).any(axis=1)
        rows = np.flatnonzero(reached & (weight > 0))
        standing = sites.existing | sites.mandatory
        return cls(
            everything[np.ix_(rows, allowed)] * weight[rows, None],
            weight[rows],
            room[allowed],
            np.where(standing, 0.0, sites.cost)[allowed],
            rows,
            allowed,
            np.flatnonzero(standing[allowed]),
            left,
            everything,
            sites,
            np.flatnonzero(~reached),
        )

    def answer(self, record: Record) -> Answer:
        """Return the full answer, worked out again from sites and shares alone.

        Raises
        ------
        NoPlanError
            When nothing was found in the time given.
        AllocateError
            When the search claims what sites and shares do not give.
        """
        if record.sites is None or record.value is None or record.bound is None:
            raise NoPlanError(nothing(record))
        inside = np.union1d(self.standing, record.sites)
        shares = record.assigned
        if not sparse.issparse(shares):
            # One site per point.
            shape = (len(self.rows), len(self.columns))
            shares = sparse.csr_array((np.ones(shape[0]), (np.arange(shape[0]), shares)), shape=shape)
        shares = sparse.csr_array(shares)
        pairs = shares.tocoo()
        value = float(self.cost[inside].sum() + (self.assign[pairs.row, pairs.col] * pairs.data).sum())
        check(value, record.value)
        used = np.bincount(pairs.col, weights=pairs.data * self.people[pairs.row], minlength=len(self.columns))
        whole = np.bincount(pairs.row, weights=pairs.data, minlength=len(self.rows))
        spare = self.capacity * (1 + SUM_NOISE) + SUM_NOISE - used
        if (spare < 0).any() or np.abs(whole - 1).max(initial=0) > SUM_NOISE or not set(pairs.col) <= set(inside):
            raise AllocateError(say("classics.wrong", claimed=record.value, found=float(used.sum())))
        sites = self.columns[inside]
        site = np.full(len(self.everything), -1, dtype=np.int64)
        if len(sites):
            # Who counts for nobody goes to the nearest; who counts, where most of them go.
            which = self.everything[:, sites].argmin(axis=1)
            served = np.isfinite(self.everything[np.arange(len(site)), sites[which]])
            site[served] = sites[which[served]]
        if len(self.rows):
            site[self.rows] = self.columns[np.asarray(shares.argmax(axis=1)).ravel()]
        every = sparse.csr_array(
            (pairs.data, (self.rows[pairs.row], self.columns[pairs.col])), shape=self.everything.shape
        )
        opened = np.setdiff1d(sites, np.flatnonzero(self.sites.existing))
        total = value + record.offset
        return _finished("capacitated", sites, opened, total, record, self.unreachable, shares=every, _site=site)


def _looked_at(
    travel: Travel, search: Search, faults: Faults, cost: Any = None, otherwise: Callable[[int], Floats] = np.ones
) -> tuple[Travel, int | None, Sites]:
    """Return travel, the number of points (None where they come in blocks), and what is known of the sites."""
    travel = tidied(travel, faults)
    points, count = shape_of(travel, faults)
    columns, labels = of_sites(travel)
    prices = otherwise(count) if cost is None else cost
    return travel, points, sites_of(count, faults, *search.roles, cost=prices, columns=columns, labels=labels)


def nothing(record: Record) -> str:
    """Say why there is no answer: a search that ended by itself has looked everywhere."""
    if record.left > 0 and not record.is_interrupted:
        return say("classics.impossible")
    return say("classics.nothing_found", seconds=round(record.seconds, 1))


def check(found: float, claimed: float) -> None:
    """Compare what the sites give with what the search claims.

    Raises
    ------
    AllocateError
        When they differ by more than the order of a sum may.
    """
    if not abs(found - claimed) <= SUM_NOISE * max(1.0, abs(found)):
        raise AllocateError(say("classics.wrong", claimed=claimed, found=found))


def _finished(
    model: str, sites: Ints, opened: Ints, value: float, record: Record, unreachable: Ints, **more: Any
) -> Answer:
    assert record.bound is not None
    proven = record.gap == 0
    bound = value if proven else record.bound + record.offset
    return Answer(
        model,
        sites,
        opened,
        value,
        bound,
        record.gap,
        Outcome.OPTIMAL if proven else Outcome.FEASIBLE,
        Proof.REDUCTION if proven and record.proof is Proof.NONE else record.proof,
        unreachable,
        record.seconds,
        tuple(record.trace),
        tuple(Step(*step) for step in record.steps),
        **more,
    )


def _row_counts(matrix: sparse.csr_array, chosen: NDArray[np.bool_]) -> Ints:
    """Return how many of the chosen columns every row has."""
    if not chosen.any():
        return np.zeros(matrix.shape[0], dtype=np.int64)
    places = np.flatnonzero(chosen[matrix.indices])
    return np.diff(np.searchsorted(places, matrix.indptr))


def _first_open(matrix: sparse.csr_array, is_open: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return the first open column of every row; -1 where there is none."""
    places = np.flatnonzero(is_open[matrix.indices])
    # The next open place at or after the beginning of a row is its first, if it comes before the end.
    nth = np.searchsorted(places, matrix.indptr[:-1])
    inside = nth < len(places)
    found = np.full(matrix.shape[0], -1, dtype=np.int32)
    at = places[nth[inside]]
    good = at < matrix.indptr[1:][inside]
    rows = np.flatnonzero(inside)[good]
    found[rows] = matrix.indices[at[good]]
    return found
