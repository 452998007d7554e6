"""How many people go without service in the worst of many possible districts."""

from collections.abc import Collection, Iterator, Mapping
from fractions import Fraction
from typing import ClassVar

import numpy as np
import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.goals.base import Goal
from allocate.layout import Layout
from allocate.possible import NO_LIMIT, Integers, Possible
from allocate.rows import UPGRADED, Column, Key, Number, Row, amount, opened, possibly
from allocate.rules.base import STRICT
from allocate.units import exact


@dataclass(frozen=True, kw_only=True, config=STRICT)
class TailCoverage(Goal):
    """The mean share of people without service over the worst `tail` of many possible districts is small.

    Where positions and people are estimates, each of `draws` seeds gives one possible district. What is open stands
    in all of them, each site where its village, or itself, then is; who goes where follows in each by itself. Served
    is whoever finds room at an open site within the circle, as many as can at once: the greatest flow. A site has the
    room that it has with all its posts filled (staff come when it is known where people are); ways by road are taken
    as straight lines with the detour of their mode, since nobody knows on which road an estimated village lies.

    Of D districts the worst m = max(1, tail · D) count, the last of them in part: a tail of 1 is the mean of all, one
    of 0 the worst alone. In `year` only, or in all plan years together, every person of every year alike. A district
    in which nothing is estimated is its only possible one.

    The mean of the worst m is convex in the shares (Rockafellar & Uryasev's formula), and each share is a linear
    program in what is open, so the only whole numbers are those of the sites.
    """

    formula: ClassVar[str] = (
        r"\min \eta + \frac{1}{m} \sum_d e_d: \; e_d \ge 1 - \frac{\sum_{gj} x_{dgj}}{\sum_g p_{dg}} - \eta, \; "
        r"\sum_j x_{dgj} \le p_{dg}, \; \sum_g x_{dgj} \le C_j y_j, \; e_d \ge 0 \quad \forall d, g, j"
    )
    after: ClassVar[str] = (
        "Rockafellar & Uryasev 2000, Journal of Risk 2(3); Noyan 2012, Computers & Operations Research 39(3)"
    )
    unit: ClassVar[str] = "share"
    # (Of the case it sees only what is open: the people are those of the possible districts.)
    sees_places: ClassVar[bool] = False

    draws: int = pydantic.Field(default=12, ge=1, le=200)
    tail: float = pydantic.Field(default=0.25, ge=0, le=1)
    year: int | None = None
    seed: int | None = pydantic.Field(default=None, ge=0, le=2**31 - 1)

    def columns(self, case: Case) -> Iterator[Column]:
        """Yield the threshold, each district's excess over it [share], and who goes where in each [persons]."""
        yield Column(_THRESHOLD)
        for d, district in enumerate(case.outlooks):
            yield Column(_excess(d))
            for t in self.years(case):
                for g, sites, people in _open_groups(case, district, t):
                    for j in sites:
                        yield Column(possibly(d, g, j, t), high=_most(case, j, people))

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield: who is not served is in the excess; who is served is counted once, at an open site, with room."""
        for d, district in enumerate(case.outlooks):
            everybody = self._everybody(case, district)
            counted: dict[Key, Number] = {_THRESHOLD: everybody, _excess(d): everybody}
            missing = everybody
            for t in self.years(case):
                sure = int(district.people[district.surely(_fixed(case), t), t].sum())
                missing -= sure * case.repeats[t]
                for g, sites, _ in _open_groups(case, district, t):
                    counted |= {possibly(d, g, j, t): case.repeats[t] for j in sites}
                yield from self._flows(case, d, district, t)
            yield Row(("district", d), counted, ">=", missing)

    def _flows(self, case: Case, d: int, district: Possible, t: int) -> Iterator[Row]:
        """Yield the physics of a year in a possible district."""
        loads: dict[int, dict[Key, Number]] = {}
        wanted: dict[int, int] = {}
        for g, sites, people in _open_groups(case, district, t):
            about = (d, g, case.years[t])
            going: dict[Key, Number] = {possibly(d, g, j, t): -1 for j in sites}
            if len(sites) > 1:
                yield Row(("once", *about), going, ">=", -people)
            # (Implied by what each site has room for once sites are whole, and without that nearly all there is.)
            if not any(case.sites[j].is_fixed and _most(case, j, people) == people for j in sites):
                cover = {opened(j, t): _most(case, j, people) for j in sites}
                yield Row(("covered", *about), going | cover, ">=", 0)
            for j in sites:
                loads.setdefault(j, {})[possibly(d, g, j, t)] = -1
                wanted[j] = wanted.get(j, 0) + people
        for j, load in loads.items():
            site = case.sites[j]
            load[opened(j, t)] = room = wanted[j] if site.capacity is None else site.capacity
            if site.upgrade is not None and site.most != site.capacity:
                load[amount(UPGRADED, j, t)] = max(0, (wanted[j] if site.most is None else site.most) - room)
            yield Row(("room", d, site.id, case.years[t]), load, ">=", 0)

    def terms(self, case: Case) -> Mapping[Key, Number]:
        """Return what the threshold and every excess count for."""
        counted = self._counted(case)
        return {_THRESHOLD: 1} | {_excess(d): 1 / counted for d in range(len(case.outlooks))}

    def value(self, case: Case, layout: Layout) -> Fraction:
        """Return the mean share of people without service over the worst of the possible districts."""
        return mean_of_worst(self.shares(case, layout, case.outlooks), self._counted(case))

    def shares(self, case: Case, layout: Layout, districts: Collection[Possible]) -> list[Fraction]:
        """Return the share of people without service in each of some possible districts."""
        served = dict.fromkeys(range(len(districts)), 0)
        for t in self.years(case):
            rooms = rooms_of(case, layout, t)
            for d, district in enumerate(districts):
                served[d] += case.repeats[t] * district.served(rooms, t)
        return [
            1 - Fraction(served[d], everybody) if (everybody := self._everybody(case, district)) else Fraction(0)
            for d, district in enumerate(districts)
        ]

    def years(self, case: Case) -> list[int]:
        """Return the indices of the years that count; where years were merged, of the one that stands for `year`."""
        if self.year is None:
            return list(case.periods)
        return [max((t for t in case.periods if case.years[t] <= self.year), default=0)]

    def _everybody(self, case: Case, district: Possible) -> int:
        return sum(district.totals[t] * case.repeats[t] for t in self.years(case))

    def _counted(self, case: Case) -> Fraction:
        """Return how many of the possible districts count."""
        return max(Fraction(1), exact(self.tail) * len(case.outlooks))


def mean_of_worst(shares: Collection[Fraction], count: Fraction) -> Fraction:
    """Return the mean of the greatest shares, so many of them, the last in part.

    >>> mean_of_worst([Fraction(1, 10), Fraction(3, 10), Fraction(2, 10)], Fraction(3, 2))
    Fraction(4, 15)
    """
    left, total = count, Fraction(0)
    for share in sorted(shares, reverse=True):
        part = min(left, Fraction(1))
        total += part * share
        left -= part
    return total / count


def rooms_of(case: Case, layout: Layout, t: int) -> Integers:
    """Return how many people every site could serve in a year with all its posts filled [persons]; closed, none."""
    rooms = np.zeros(len(case.sites), dtype=np.int64)
    for j, site in enumerate(case.sites):
        if (j, t) in layout.open:
            room = site.most if layout.is_upgraded(j, t) else site.capacity
            rooms[j] = NO_LIMIT if room is None else room
    return rooms


def _fixed(case: Case) -> Integers:
    """Return the room of the sites that are there whatever is decided [persons]."""
    return rooms_of(case, Layout(frozenset((j, 0) for j, site in enumerate(case.sites) if site.is_fixed)), 0)


def _open_groups(case: Case, district: Possible, t: int) -> Iterator[tuple[int, list[int], int]]:
    """Yield the groups of whom it is open whether they are served in a year, with their sites and people."""
    people = district.people[:, t]
    kept = ~district.surely(_fixed(case), t) & (people > 0)
    ends = np.searchsorted(district.groups, np.arange(len(people) + 1)).tolist()
    for g in np.flatnonzero(kept).tolist():
        yield g, district.sites[ends[g] : ends[g + 1]].tolist(), int(people[g])


def _most(case: Case, j: int, people: int) -> int:
    """Return the most people of a group whom a site could serve [persons]."""
    most = case.sites[j].most
    return people if most is None else min(people, most)


def _excess(d: int) -> Key:
    return ("tail_excess", d)


_THRESHOLD: Key = ("tail_threshold",)
