"""How much of one resource there is for each of another."""

from collections.abc import Iterator
from fractions import Fraction
from typing import ClassVar

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.gaps import shown_number
from allocate.layout import Layout
from allocate.rows import Breach, Number, Row, added
from allocate.rules.amounts import Name, held, refuse_twice, scale, terms, unit_of
from allocate.rules.base import STRICT, Rule
from allocate.units import exact


def meant(number: float) -> Fraction:
    """Return the ratio that a person meant: a plain fraction where the number written is nearest to one.

    >>> meant(0.6666666666666666), meant(1.15), meant(0.6667)
    (Fraction(2, 3), Fraction(23, 20), Fraction(6667, 10000))
    """
    plain = Fraction(number).limit_denominator(1000)
    return plain if float(plain) == number else exact(number)


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Ratio(Rule):
    """The district has at least `at_least` of a `resource` for each of another one, `to`.

    How much there is of the other one, the plan decides, so that a shortfall is divided by a fixed number: what one of
    it for every 1,000 residents would ask for, and at least 1.
    """

    formula: ClassVar[str] = r"\sum_j a_{rjt} \ge \rho \sum_j a_{sjt} \quad \forall t"
    after: ClassVar[str] = "Charnes, Cooper & Ferguson 1955, Management Science 1(2)"
    indicator: ClassVar[str] = "indicator.ratio"
    measured_in: ClassVar[str] = "to_one"
    sees_places: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"staff"})

    resource: Name
    to: Name
    at_least: float = pydantic.Field(gt=0)

    def __post_init__(self) -> None:
        refuse_twice((self.resource, self.to))

    @property
    def unit(self) -> str:  # type: ignore[override]
        """Return what the resource is counted in."""
        return unit_of(self.resource)

    @property
    def resources(self) -> tuple[str, ...]:
        """Return the two resources that are counted."""
        return self.resource, self.to

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield one row per year."""
        ratio = meant(self.at_least)
        for t in self.when(case):
            parts = added(terms(case, self.resource, t), terms(case, self.to, t, -ratio))
            yield Row((case.years[t],), parts, ">=", 0, scale(case, ratio, t), case.repeats[t])

    def breaches(self, case: Case, layout: Layout) -> Iterator[Breach]:
        """Yield each year with too little of the resource."""
        ratio = meant(self.at_least)
        for t in self.when(case):
            there = held(case, layout, self.resource, t)
            asked = ratio * held(case, layout, self.to, t)
            if there < asked:
                details = {"amount": shown_number(there), "limit": shown_number(asked)}
                yield Breach((case.years[t],), asked - there, scale(case, ratio, t), "breach.amount_few", details)

    def measure(self, case: Case, layout: Layout, t: int) -> tuple[Number, Number]:
        """Return how much there is for each of the other, and how much is asked for; nothing is owed to nothing."""
        ratio, other = meant(self.at_least), held(case, layout, self.to, t)
        return Fraction(held(case, layout, self.resource, t)) / other if other else ratio, ratio

    def asks(self) -> Number:
        """Return how much is asked for each of the other."""
        return meant(self.at_least)
