"""How the worst-off town fares."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import ClassVar

from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.goals.base import Goal
from allocate.layout import Layout
from allocate.rows import Column, Key, Number, Row, served
from allocate.rules.base import STRICT
from allocate.rules.scopes import parts

_WORST: Key = ("worst_town",)


@dataclass(frozen=True, kw_only=True, config=STRICT)
class WorstTown(Goal):
    """The greatest share of people without a site, of any town in any plan year, is as small as it can be."""

    formula: ClassVar[str] = (
        r"\min w: \; \sum_{i \in S} z_{it} + w \sum_{i \in S} p_{it} \ge \sum_{i \in S} p_{it} \quad \forall S, t"
    )
    after: ClassVar[str] = "Rawls 1971; Ogryczak 1997, Annals of Operations Research 167"
    unit: ClassVar[str] = "share"

    def columns(self, case: Case) -> Iterator[Column]:
        """Yield the share of people without a site in the worst-off town."""
        del case
        yield Column(_WORST)

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield one row per town and year."""
        for t in case.periods:
            for town, members in parts(case, "town"):
                people = sum(int(case.people[i, t]) for i in members)
                if people:
                    terms: dict[Key, Number] = {served(i, t): 1 for i in members}
                    terms[_WORST] = people
                    yield Row((town, case.years[t]), terms, ">=", people)

    def tells_apart(self, case: Case, i: int) -> Key:
        """Return the town."""
        return (case.town_of[i],)

    def terms(self, case: Case) -> Mapping[Key, Number]:
        """Return the helper variable."""
        del case
        return {_WORST: 1}

    def value(self, case: Case, layout: Layout) -> Fraction:
        """Return the greatest share of people without a site in any town and year."""
        worst = Fraction(0)
        for t in case.periods:
            for _, members in parts(case, "town"):
                people = sum(int(case.people[i, t]) for i in members)
                reached = sum(layout.served.get((i, t), 0) for i in members)
                if people:
                    worst = max(worst, Fraction(people - reached, people))
        return worst
