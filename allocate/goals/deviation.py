"""How far the towns stay behind a target."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import ClassVar

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.goals.base import Goal
from allocate.layout import Layout
from allocate.rows import Column, Key, Number, Row, served
from allocate.rules.base import STRICT
from allocate.rules.scopes import parts
from allocate.units import exact


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Deviation(Goal):
    """The towns stay behind a target share of people served as little as can be, on the mean of all people.

    The deviation of a town is how much its served share is below `share`; a town counts by its people, a plan year by
    all of them. Only what is below counts (the downward mean deviation): being above the target takes nothing from
    anybody, and an absolute deviation would have people dropped who could be served.
    """

    formula: ClassVar[str] = (
        r"\min \frac{\sum_t \sum_S v_{St}}{\sum_t \sum_i p_{it}}: \; "
        r"v_{St} + \sum_{i \in S} z_{it} \ge \alpha \sum_{i \in S} p_{it}, \; v_{St} \ge 0 \quad \forall S, t"
    )
    after: ClassVar[str] = (
        "Marsh & Schilling 1994, European Journal of Operational Research 74(1); "
        "Ogryczak & Ruszczyński 1999, European Journal of Operational Research 116(1)"
    )
    unit: ClassVar[str] = "share"

    share: float = pydantic.Field(gt=0, le=1)
    source: str = pydantic.Field(min_length=2)

    def columns(self, case: Case) -> Iterator[Column]:
        """Yield how many people each town lacks to its target in a year [persons]."""
        for k, t, members in self._towns(case):
            yield Column(_lacks(k, t), high=self._target(case, members, t))

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield one row per town and year."""
        for k, t, members in self._towns(case):
            terms: dict[Key, Number] = {served(i, t): 1 for i in members}
            terms[_lacks(k, t)] = 1
            yield Row((case.towns[k], case.years[t]), terms, ">=", self._target(case, members, t))

    def tells_apart(self, case: Case, i: int) -> Key:
        """Return the town."""
        return (case.town_of[i],)

    def terms(self, case: Case) -> Mapping[Key, Number]:
        """Return what a person whom a town lacks counts among all people of all plan years."""
        people = _people(case)
        return {_lacks(k, t): Fraction(case.repeats[t], people) for k, t, _ in self._towns(case)}

    def value(self, case: Case, layout: Layout) -> Fraction:
        """Return how far the towns are below the target, on the mean of all people of all plan years."""
        lacking = Fraction(0)
        for _, t, members in self._towns(case):
            reached = sum(layout.served.get((i, t), 0) for i in members)
            lacking += case.repeats[t] * max(Fraction(0), self._target(case, members, t) - reached)
        return lacking / max(1, _people(case))

    def _target(self, case: Case, members: tuple[int, ...], t: int) -> Fraction:
        return exact(self.share) * sum(int(case.people[i, t]) for i in members)

    def _towns(self, case: Case) -> Iterator[tuple[int, int, tuple[int, ...]]]:
        """Yield each town in which somebody lives, each year, and its places."""
        for t in case.periods:
            for k, (_, members) in enumerate(parts(case, "town")):
                if any(case.people[i, t] for i in members):
                    yield k, t, members


def _lacks(k: int, t: int) -> Key:
    return ("deviation", k, t)


def _people(case: Case) -> int:
    return sum(case.total(t) * case.repeats[t] for t in case.periods)
