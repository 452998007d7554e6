"""The share of people who are served within the circle."""

from collections.abc import Collection, Iterator
from fractions import Fraction
from math import ceil
from typing import ClassVar

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.layout import Layout
from allocate.rows import Breach, Key, Number, Row, served, visits
from allocate.rules.base import STRICT, Rule
from allocate.rules.scopes import Scope, parts
from allocate.units import exact
from allocate.words import say


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Reach(Rule):
    """At least a `share` of the people of the district, of each town or of each place is served within the circle.

    A person is served when a site that counts is open within the circle and has room for them. Place by place, being
    visited in one of the ways of outreach named in `or_by` is as good.
    """

    formula: ClassVar[str] = r"\sum_{i \in S} z_{it} \ge \lceil \alpha \sum_{i \in S} p_{it} \rceil \quad \forall S, t"
    after: ClassVar[str] = "Church & ReVelle 1974, Papers of the Regional Science Association 32(1)"
    unit: ClassVar[str] = "persons"
    indicator: ClassVar[str] = "indicator.reach"
    measured_in: ClassVar[str] = "share"

    share: float = pydantic.Field(gt=0, le=1)
    scope: Scope = "district"
    or_by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what would count people twice.

        Raises
        ------
        ValueError
            When visits are to count, and people are not counted place by place.
        """
        if self.or_by and self.scope != "place":
            raise ValueError(say("reason.or_by_place"))

    def is_decided(
        self, decided: Collection[str], resources: Collection[str] = (), abilities: Collection[str] = ()
    ) -> bool:
        """Tell whether a plan decides all that it speaks of: visits too, where they count."""
        return super().is_decided(decided, resources, abilities) and (not self.or_by or "rounds" in decided)

    def tells_apart(self, case: Case, i: int) -> Key:
        """Return the part of the district that the place counts for."""
        match self.scope:
            case "district":
                return ()
            case "town":
                return (case.town_of[i],)
            case "place":
                return (i,)

    def target(self, case: Case, members: tuple[int, ...], t: int) -> int:
        """Return the people who must be served in a part of the district in a year [persons]."""
        people = sum(int(case.people[i, t]) for i in members)
        return ceil(exact(self.share) * people)

    def ways(self, case: Case) -> tuple[str, ...]:
        """Return the ways of outreach that count as served: those that go to villages."""
        return tuple(name for name in self.or_by if name in case.ways and case.ways[name].plan.to == "village")

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield one row per part and year; a part without people needs none."""
        for t in self.when(case):
            for part, members in parts(case, self.scope):
                target = self.target(case, members, t)
                if target:
                    terms: dict[Key, Number] = {served(i, t): 1 for i in members}
                    for name in self.ways(case):
                        for i in members:
                            # (A place by itself: its target is all that it can miss.)
                            terms |= {visits(name, i, j, t): target for j in case.ways[name].bases_of.get(i, ())}
                    yield Row((part, case.years[t]), terms, ">=", target, target, case.repeats[t])

    def breaches(self, case: Case, layout: Layout) -> Iterator[Breach]:
        """Yield each part and year in which too few are served."""
        for t in self.when(case):
            for part, members in parts(case, self.scope):
                target = self.target(case, members, t)
                people = self.reached(case, layout, members, t)
                if people < target:
                    about = (part, case.years[t])
                    details = {"people": people, "target": target}
                    yield Breach(about, target - people, target, "breach.reach", details)

    def reached(self, case: Case, layout: Layout, members: tuple[int, ...], t: int) -> int:
        """Return the people of a part of the district who are served in a year, or visited [persons]."""
        if any((name, i, t) in layout.visited for name in self.ways(case) for i in members):
            return sum(int(case.people[i, t]) for i in members)
        return sum(layout.served.get((i, t), 0) for i in members)

    def causes(self, case: Case, layout: Layout, t: int) -> list[tuple[tuple[str, ...], Number]]:
        """Return the places with most people unserved, in the parts that fall short."""
        short = {breach.about[0] for breach in self.breaches(case, layout) if breach.about[1] == case.years[t]}
        found: list[tuple[tuple[str, ...], Number]] = [
            ((case.places[i],), int(case.people[i, t]) - layout.served.get((i, t), 0))
            for part, members in parts(case, self.scope)
            if part in short
            for i in members
        ]
        return sorted((cause for cause in found if cause[1]), key=lambda cause: (-cause[1], cause[0]))

    def measure(self, case: Case, layout: Layout, t: int) -> tuple[Number, Number]:
        """Return the share of people served, in the part where it is least, and the share asked for."""
        least = Fraction(1)
        for _, members in parts(case, self.scope):
            people = sum(int(case.people[i, t]) for i in members)
            reached = self.reached(case, layout, members, t)
            if people:
                least = min(least, Fraction(reached, people))
        return least, exact(self.share)
