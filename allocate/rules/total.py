"""How much of a resource the district has."""

from collections.abc import Iterator
from typing import ClassVar

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.gaps import shown_number
from allocate.layout import Layout
from allocate.rows import Breach, Number, Row
from allocate.rules.amounts import Name, held, terms, unit_of
from allocate.rules.base import STRICT, Rule, Wants, refuse_limits, wants_of
from allocate.units import exact


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Total(Rule):
    """All sites together have at least `at_least` and at most `at_most` of a `resource`."""

    formula: ClassVar[str] = r"l \le \sum_j a_{rjt} \le u \quad \forall t"
    after: ClassVar[str] = "Dantzig 1963, Linear Programming and Extensions, Princeton University Press"
    indicator: ClassVar[str] = "indicator.total"
    sees_places: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"staff"})

    resource: Name
    at_least: float | None = pydantic.Field(default=None, gt=0)
    at_most: float | None = pydantic.Field(default=None, ge=0)

    def __post_init__(self) -> None:
        refuse_limits(self.at_least, self.at_most)

    @property
    def unit(self) -> str:  # type: ignore[override]
        """Return what the resource is counted in."""
        return unit_of(self.resource)

    @property
    def measured_in(self) -> str:  # type: ignore[override]
        """Return what the resource is counted in."""
        return unit_of(self.resource)

    @property
    def resources(self) -> tuple[str, ...]:
        """Return the resource that is counted."""
        return (self.resource,)

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield a row per limit and year."""
        for t in self.when(case):
            year, times = case.years[t], case.repeats[t]
            parts = terms(case, self.resource, t)
            if self.at_least is not None:
                least = exact(self.at_least)
                yield Row((year, "least"), parts, ">=", least, least, times)
            if self.at_most is not None:
                most = exact(self.at_most)
                yield Row((year, "most"), parts, "<=", most, most or 1, times)

    def breaches(self, case: Case, layout: Layout) -> Iterator[Breach]:
        """Yield each year with too little or too much of the resource."""
        for t in self.when(case):
            there, year = held(case, layout, self.resource, t), case.years[t]
            if self.at_least is not None and there < (least := exact(self.at_least)):
                details = {"amount": shown_number(there), "limit": shown_number(least)}
                yield Breach((year, "least"), least - there, least, "breach.amount_few", details)
            if self.at_most is not None and there > (most := exact(self.at_most)):
                details = {"amount": shown_number(there), "limit": shown_number(most)}
                yield Breach((year, "most"), there - most, most or 1, "breach.amount_many", details)

    def sense(self) -> Wants | None:
        """Say which limit a year that keeps the rule shows: the lower one where there are two."""
        return wants_of(self.at_least, self.at_most)

    def measure(self, case: Case, layout: Layout, t: int) -> tuple[Number, Number]:
        """Return how much there is, and the limit: the upper one where it is passed."""
        there = held(case, layout, self.resource, t)
        passed = self.at_most is not None and there > exact(self.at_most)
        return there, exact((self.at_most if passed or self.at_least is None else self.at_least) or 0)

    def asks(self) -> Number:
        """Return how much is asked for: the lower limit where there are two."""
        return exact(self.at_least or self.at_most or 0)
