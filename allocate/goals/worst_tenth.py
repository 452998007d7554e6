"""How far the worst-off tenth of people travel."""

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from itertools import pairwise
from typing import ClassVar

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.goals.base import Goal
from allocate.layout import Layout
from allocate.rows import Column, Key, Number, Row, served, serves
from allocate.rules.base import STRICT
from allocate.units import SECONDS_PER_MINUTE, exact

# People beyond a time are counted in parts of the worst-off share, this many of them: as persons, their price in the
# objective would be less than what a solver takes for nothing (1e-7 of the largest).
_PARTS = 100


@dataclass(frozen=True, kw_only=True, config=STRICT)
class WorstTenth(Goal):
    """The worst-off `share` of people travel as little as can be, one way, on the mean of the plan years.

    A person whom nobody serves counts `unserved_minutes`. Each part of a place that goes to a site of its own is as
    many people with the time to that site, so the mean is exact over people and not over places.

    Let m = β P people be the worst-off share of P, and N(v) those who travel longer than v. The m longest times add up
    to the integral of min(m, N(v)) over v: at each v the people of the worst-off share who travel longer are N(v), or
    all m. Times are those of the pairs, so this is a sum over the steps between one time and the next. The minimum of
    the two is m b + g with a whole number b (0 or 1) and g ≥ N − P b, g ≥ 0: b = 1 gives m, because N ≤ P, and b = 0
    gives N. N falls with v, so b may be asked to fall as well. Every N follows from the next one and the people with
    the time in between: each flow stands in one row, whatever the number of times.

    Whole numbers cannot be spared: the mean of the worst-off is concave in the flows (a minimum over the threshold η
    of sums that are linear in them: Rockafellar & Uryasev's formula), and a linear program makes only convex functions
    small. Where b may be a fraction, all that remains is the mean of everybody. What is convex is the mean of the
    worst-off if the people of each place shared its mean time, and it is never more (Jensen's inequality): with an
    excess over η for every place it is a floor under the goal, which no plan feels and the relaxation rests on.
    """

    formula: ClassVar[str] = (
        r"\min \sum_t \sum_v (v' - v) \left( b_{vt} + \frac{g_{vt}}{\beta P_t} \right): \; "
        r"g_{vt} \ge N_{vt} - P_t b_{vt}, \; N_{vt} = \sum_{ij: d_{ij} > v} x_{ijt} + \sum_i (p_{it} - z_{it})"
        r" \quad \forall v < D, t"
    )
    after: ClassVar[str] = (
        "Rockafellar & Uryasev 2000, Journal of Risk 2(3); Ogryczak & Zawadzki 2002, Annals of Operations Research 110"
    )
    unit: ClassVar[str] = "minutes"
    sees_links: ClassVar[bool] = True

    share: float = pydantic.Field(default=0.1, gt=0, le=1)
    unserved_minutes: int = pydantic.Field(gt=0, le=1440)
    source: str = pydantic.Field(min_length=2)

    def columns(self, case: Case) -> Iterator[Column]:
        """Yield, by time and year, N and g [hundredths of the worst-off] and b; η and the excess of places [min]."""
        longest = Fraction(max(self._times(case)), SECONDS_PER_MINUTE)
        for t in self._years(case):
            for v, _ in pairwise(self._times(case)):
                yield Column(_key("beyond", v, t), high=_PARTS / exact(self.share))
                yield Column(_key("among", v, t), high=_PARTS / exact(self.share))
                yield Column(_key("all", v, t), whole=True)
            yield Column(_key("threshold", t), high=longest)
            for i in _homes(case, t):
                yield Column(_key("excess", i, t), high=longest)

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield: who travels longer than each time, who of them are the worst off, and what is less than their mean."""
        for t in self._years(case):
            yield from self._counts(case, t)
            yield from self._means(case, t)

    def _counts(self, case: Case, t: int) -> Iterator[Row]:
        """Yield N, g and the order of b, from the longest time down."""
        year, times, everybody = case.years[t], self._times(case), _PARTS / exact(self.share)
        person = everybody / case.total(t)
        flows: dict[int, dict[Key, Number]] = {}
        for (i, j), seconds in case.seconds.items():
            flows.setdefault(seconds, {})[serves(i, j, t)] = -person
        beyond: dict[int, Key] = {v: _key("beyond", v, t) for v in times[:-1]}
        for v, after in pairwise(times):
            terms: dict[Key, Number] = {beyond[v]: 1, **flows.get(after, {})}
            if after in beyond:
                terms[beyond[after]] = -1
                order: dict[Key, Number] = {_key("all", v, t): 1, _key("all", after, t): -1}
                yield Row(("order", v, year), order, ">=", 0)
            unserved = after == self._penalty
            if unserved:
                terms |= {served(i, t): person for i in _homes(case, t)}
            yield Row(("beyond", v, year), terms, ">=", everybody if unserved else 0)
            among: dict[Key, Number] = {_key("among", v, t): 1, beyond[v]: -1, _key("all", v, t): everybody}
            yield Row(("among", v, year), among, ">=", 0)

    def _means(self, case: Case, t: int) -> Iterator[Row]:
        """Yield: the goal is no less than if the people of each place shared its mean time [min]."""
        year, worst = case.years[t], exact(self.share) * case.total(t)
        terms: dict[Key, Number] = {**self._year(case, t)}
        terms[_key("threshold", t)] = -1
        for i in _homes(case, t):
            people = int(case.people[i, t])
            terms[_key("excess", i, t)] = -people / worst
            mean: dict[Key, Number] = {_key("excess", i, t): 1, _key("threshold", t): 1}
            for j in case.sites_of[i]:
                mean[serves(i, j, t)] = -Fraction(case.seconds[i, j], SECONDS_PER_MINUTE * people)
            mean[served(i, t)] = Fraction(self.unserved_minutes, people)
            yield Row(("mean", case.places[i], year), mean, ">=", self.unserved_minutes)
        yield Row(("means", year), terms, ">=", 0)

    def tells_apart(self, case: Case, i: int) -> Key:
        """Return the time to every site within its circle [s]."""
        return tuple(case.seconds[i, j] for j in sorted(case.sites_of[i]))

    def terms(self, case: Case) -> Mapping[Key, Number]:
        """Return what every step of time adds to the mean of the plan years [min]."""
        repeats = sum(case.repeats[t] for t in self._years(case))
        return {
            key: minutes * Fraction(case.repeats[t], repeats)
            for t in self._years(case)
            for key, minutes in self._year(case, t).items()
        }

    def value(self, case: Case, layout: Layout) -> Fraction:
        """Return the mean time of the worst-off, on the mean of the plan years in which anybody lives [min]."""
        total = Fraction(0)
        for t in self._years(case):
            times = times_of_people(case, layout, t)
            unserved = max(0, case.total(t) - sum(times.values()))
            times[self._penalty] = times.get(self._penalty, 0) + unserved
            total += case.repeats[t] * mean_of_worst(times, exact(self.share) * case.total(t))
        years = sum(case.repeats[t] for t in self._years(case))
        return total / max(1, years) / SECONDS_PER_MINUTE

    def start(self, case: Case, value: Callable[[Key], float]) -> Mapping[Key, Number]:
        """Return every b that is best for a plan: whether more people travel longer than the worst-off share counts."""
        found: dict[Key, Number] = {}
        for t in self._years(case):
            people = dict.fromkeys(self._times(case), 0.0)
            for (i, j), seconds in case.seconds.items():
                people[seconds] += value(serves(i, j, t))
            people[self._penalty] += case.total(t) - sum(value(served(i, t)) for i in _homes(case, t))
            worst, longer = float(exact(self.share) * case.total(t)), 0.0
            for v, after in reversed(list(pairwise(self._times(case)))):
                longer += people[after]
                found[_key("all", v, t)] = int(longer > worst)
        return found

    @property
    def _penalty(self) -> int:
        """Return the time of a person whom nobody serves [s]."""
        return self.unserved_minutes * SECONDS_PER_MINUTE

    def _times(self, case: Case) -> list[int]:
        """Return every time that a person can have, and 0, in ascending order [s]."""
        return sorted({0, self._penalty, *case.seconds.values()})

    def _years(self, case: Case) -> list[int]:
        """Return the years in which anybody lives."""
        return [t for t in case.periods if case.total(t)]

    def _year(self, case: Case, t: int) -> dict[Key, Fraction]:
        """Return what every step of time adds to the mean of a year [min]."""
        found: dict[Key, Fraction] = {}
        for v, after in pairwise(self._times(case)):
            minutes = Fraction(after - v, SECONDS_PER_MINUTE)
            found[_key("all", v, t)] = minutes
            found[_key("among", v, t)] = minutes / _PARTS
        return found


def times_of_people(case: Case, layout: Layout, t: int) -> dict[int, int]:
    """Return how many people have each one-way time in a year [persons, by s]; only people who are served."""
    found: dict[int, int] = {}
    for (i, j, year), people in layout.serve.items():
        if year == t and (i, j) in case.seconds:
            seconds = case.seconds[i, j]
            found[seconds] = found.get(seconds, 0) + people
    return found


def mean_of_worst(times: Mapping[int, int], worst: Fraction) -> Fraction:
    """Return the mean of the longest times of as many people as `worst`, the last of them in part [s].

    >>> mean_of_worst({60: 3, 600: 1}, Fraction(2))
    Fraction(330, 1)
    """
    left, total = worst, Fraction(0)
    for seconds, people in sorted(times.items(), reverse=True):
        taken = min(left, Fraction(people))
        total += seconds * taken
        left -= taken
    return total / worst if worst else Fraction(0)


def _homes(case: Case, t: int) -> list[int]:
    """Return the places where anybody lives."""
    return [i for i in range(len(case.places)) if case.people[i, t]]


def _key(*parts: str | int) -> Key:
    return ("worst_tenth", *parts)
