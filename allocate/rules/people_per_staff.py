"""The most people that the staff of a site can serve."""

from collections.abc import Iterator
from fractions import Fraction
from typing import ClassVar

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.layout import Layout
from allocate.rows import Breach, Key, Number, Row, Strength, serves
from allocate.rules.amounts import Name, has, terms
from allocate.rules.base import STRICT, Rule, Wants
from allocate.units import exact
from allocate.words import say


@dataclass(frozen=True, kw_only=True, config=STRICT)
class PeoplePerStaff(Rule):
    """A site of these `kinds` serves at most `people` for each of a `resource` that works there in that year.

    Instead of people, `visits` that one can give in a year may stand, with the `visits_per_person` that people make.
    """

    formula: ClassVar[str] = r"\sum_i x_{ijt} \le \kappa\, a_{rjt} \quad \forall j, t"
    after: ClassVar[str] = "Sridharan 1995, European Journal of Operational Research 87(2)"
    unit: ClassVar[str] = "persons"
    indicator: ClassVar[str] = "indicator.people_per_staff"
    is_physics: ClassVar[bool] = True
    measured_in: ClassVar[str] = "persons"
    wants: ClassVar[Wants] = "at_most"
    # (A site has staff for so many people, wherever they come from.)
    sees_places: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"siting", "staff"})

    strength: Strength = Strength.PHYSICS
    kinds: tuple[str, ...] = pydantic.Field(min_length=1)
    resource: Name
    people: int | None = pydantic.Field(default=None, gt=0, le=1_000_000)
    visits: int | None = pydantic.Field(default=None, gt=0, le=1_000_000)
    visits_per_person: float | None = pydantic.Field(default=None, gt=0, le=1000)

    def __post_init__(self) -> None:
        by_visits = self.visits is not None and self.visits_per_person is not None
        if self.years or (self.people is None) != by_visits or (self.people is not None and self.visits is not None):
            raise ValueError(say("reason.people_or_visits"))
        if self.most < 1:
            raise ValueError(say("reason.people_or_visits"))

    @property
    def resources(self) -> tuple[str, ...]:
        """Return the resource whose number limits the people."""
        return (self.resource,)

    @property
    def most(self) -> int:
        """Return the most people that one can serve [persons]; visits are rounded down to whole people."""
        if self.people is not None:
            return self.people
        return int(Fraction(self.visits or 0) / exact(self.visits_per_person or 1))

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield one row per site and year."""
        for t in self.when(case):
            for j, site in enumerate(case.sites):
                if site.kind in self.kinds and case.places_of[j]:
                    load: dict[Key, Number] = {serves(i, j, t): 1 for i in case.places_of[j]}
                    load |= terms(case, self.resource, t, -self.most, sites=(j,))
                    yield Row((site.id, case.years[t]), load, "<=", 0, self.most)

    def breaches(self, case: Case, layout: Layout) -> Iterator[Breach]:
        """Yield each site and year with more people than its staff can serve."""
        for t in self.when(case):
            for j, site in enumerate(case.sites):
                load = layout.load.get((j, t), 0)
                room = self.most * has(case, layout, self.resource, j, t)
                if site.kind in self.kinds and load > room:
                    details = {"site": site.name, "people": load, "room": room}
                    yield Breach((site.id, case.years[t]), load - room, self.most, "breach.capacity", details)

    def measure(self, case: Case, layout: Layout, t: int) -> tuple[Number, Number]:
        """Return the people for each of the resource where they are most, and how many there may be."""
        found: list[Number] = []
        for j, site in enumerate(case.sites):
            if site.kind in self.kinds and (load := layout.load.get((j, t), 0)):
                found.append(Fraction(load) / max(has(case, layout, self.resource, j, t), 1))
        return max(found, default=0), self.most
