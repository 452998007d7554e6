"""How much of a resource there is for every 1,000 or 10,000 people."""

from collections.abc import Iterator
from fractions import Fraction
from math import ceil, floor
from typing import ClassVar, Literal

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.gaps import shown_number
from allocate.layout import Layout
from allocate.rows import Breach, Number, Row
from allocate.rules.amounts import Name, terms, unit_of
from allocate.rules.base import STRICT, Rule, Wants, refuse_limits, wants_of
from allocate.units import exact

PER = (1_000, 10_000, 100_000)


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Rate(Rule):
    """The district has at least `at_least` and at most `at_most` of a `resource` for every `per` people.

    Staff, beds and teams come whole: the lower limit is rounded up, the upper one down. The people are the district's
    residents of the year. Where a document counts registered people (`denominator = "registered"`) they are as many
    for every resident as the published totals say; where there is no such total, or the document does not say whom it
    counts (`"unstated"`), the residents stand in for them.
    """

    formula: ClassVar[str] = (
        r"\left\lceil \tfrac{l}{q} \sum_i p_{it} \right\rceil \le \sum_j a_{rjt}"
        r" \le \left\lfloor \tfrac{u}{q} \sum_i p_{it} \right\rfloor \quad \forall t"
    )
    after: ClassVar[str] = "Hall & Mejía 1978, Health Manpower Planning, World Health Organization"
    indicator: ClassVar[str] = "indicator.rate"
    needs: ClassVar[frozenset[str]] = frozenset({"staff"})

    resource: Name
    per: Literal[PER]  # type: ignore[valid-type]
    at_least: float | None = pydantic.Field(default=None, gt=0)
    at_most: float | None = pydantic.Field(default=None, ge=0)
    denominator: Literal["resident", "registered", "unstated"] = "resident"

    def __post_init__(self) -> None:
        refuse_limits(self.at_least, self.at_most)

    @property
    def unit(self) -> str:  # type: ignore[override]
        """Return what the resource is counted in."""
        return unit_of(self.resource)

    @property
    def measured_in(self) -> str:  # type: ignore[override]
        """Return for how many people the resource is counted."""
        return f"per_{self.per}"

    def people(self, case: Case, t: int) -> Fraction:
        """Return the people that are counted in a year [persons]."""
        share = case.registered_share if self.denominator == "registered" else None
        return case.total(t) * (Fraction(1) if share is None else share)

    def limits(self, case: Case, t: int) -> tuple[int | None, int | None]:
        """Return the least and the most of the resource in a year, in whole units."""
        groups = self.people(case, t) / self.per
        least = None if self.at_least is None else ceil(exact(self.at_least) * groups)
        most = None if self.at_most is None else floor(exact(self.at_most) * groups)
        return least, most

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield a row per limit and year; without people there is nothing that the lower one asks for."""
        for t in self.when(case):
            least, most = self.limits(case, t)
            year, times = case.years[t], case.repeats[t]
            held = terms(range(len(case.sites)), self.resource, t)
            if least:
                yield Row((year, "least"), held, ">=", least, least, times)
            if most is not None:
                yield Row((year, "most"), held, "<=", most, max(most, 1), times)

    def breaches(self, case: Case, layout: Layout) -> Iterator[Breach]:
        """Yield each year with too little or too much of the resource."""
        for t in self.when(case):
            least, most = self.limits(case, t)
            held, year = layout.totals.get((self.resource, t), 0), case.years[t]
            if least is not None and held < least:
                details = {"amount": shown_number(held), "limit": least}
                yield Breach((year, "least"), least - held, least, "breach.amount_few", details)
            if most is not None and held > most:
                details = {"amount": shown_number(held), "limit": most}
                yield Breach((year, "most"), held - most, max(most, 1), "breach.amount_many", details)

    def sense(self) -> Wants | None:
        """Say which limit a year that keeps the rule shows: the lower one where there are two."""
        return wants_of(self.at_least, self.at_most)

    def measure(self, case: Case, layout: Layout, t: int) -> tuple[Number, Number]:
        """Return how much there is for `per` people, and the limit: the upper one where it is passed."""
        least, most = exact(self.at_least or 0), exact(self.at_most or 0)
        people = self.people(case, t)
        rate = Fraction(layout.totals.get((self.resource, t), 0)) * self.per / people if people else least
        return rate, most if self.at_least is None or (self.at_most is not None and rate > most) else least

    def asks(self) -> Number:
        """Return how much is asked for `per` people: the lower limit where there are two."""
        return exact(self.at_least or self.at_most or 0)
