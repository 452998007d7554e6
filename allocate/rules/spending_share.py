"""How much of what is newly spent goes to primary care, or to fields that lack staff and beds."""

from collections.abc import Iterator
from fractions import Fraction
from typing import ClassVar

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.costs import new_charges, newly_spent
from allocate.layout import Layout
from allocate.rows import Breach, Key, Number, Row, added
from allocate.rules.amounts import Name
from allocate.rules.base import STRICT, Rule
from allocate.units import exact
from allocate.words import say

# What a shortfall is divided by, for each resident [yuan]. How much is newly spent, the plan decides, and a shortfall
# must be divided by a number that it does not: a round one, which only weighs clauses of one strength.
_YUAN_A_HEAD = 100


@dataclass(frozen=True, kw_only=True, config=STRICT)
class SpendingShare(Rule):
    """At least a `share` of what a plan year newly spends goes to sites of these `kinds`, or to these `resources`.

    Newly spent is what today does not cost: opening and one calendar year of new sites, adding and one year's pay of
    those who join. What stands today, and the pay of those of today's staff who stay, count nowhere. Staff count at
    who pays them: those of stations and clinics at the hub above. A part of another resource counts with what it
    costs beyond that one. Where nothing is newly spent, nothing is asked for.
    """

    formula: ClassVar[str] = r"\sum_{k \in K} \Delta_{kt} \ge \alpha \sum_k \Delta_{kt} \quad \forall t"
    after: ClassVar[str] = "Charnes & Cooper 1962, Naval Research Logistics Quarterly 9(3-4)"
    unit: ClassVar[str] = "yuan"
    indicator: ClassVar[str] = "indicator.spending_share"
    measured_in: ClassVar[str] = "share"
    sees_changes: ClassVar[bool] = True
    sees_places: ClassVar[bool] = False

    share: float = pydantic.Field(gt=0, le=1)
    kinds: tuple[str, ...] = ()
    resources: tuple[Name, ...] = ()

    def __post_init__(self) -> None:
        if not (self.kinds or self.resources):
            raise ValueError(say("reason.no_favoured"))

    def favours(self, case: Case, what: str, at: int) -> bool:
        """Tell whether money for a resource (or `sites`) at a site or employer counts."""
        return what in self.resources or case.sites[at].kind in self.kinds

    def target(self, case: Case, t: int) -> Fraction:
        """Return what a shortfall is divided by: the share of a round sum for each resident, 1 at least [yuan]."""
        return max(Fraction(1), exact(self.share) * _YUAN_A_HEAD * case.total(t))

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield one row per year."""
        for t in self.when(case):
            parts: list[dict[Key, Number]] = []
            least = Fraction(0)
            for charge in new_charges(case, t):
                weight = int(self.favours(case, charge.what, charge.at)) - exact(self.share)
                parts.append({key: weight * cost for key, cost in charge.terms.items()})
                least -= weight * charge.constant
            terms = {key: cost for key, cost in added(*parts).items() if cost}
            yield Row((case.years[t],), terms, ">=", least, self.target(case, t))

    def spent(self, case: Case, layout: Layout, t: int) -> tuple[int, int]:
        """Return what is newly spent in a year on what is favoured, and on everything [yuan]."""
        favoured = newly_spent(case, layout, t, lambda what, at: self.favours(case, what, at))
        return favoured, newly_spent(case, layout, t)

    def breaches(self, case: Case, layout: Layout) -> Iterator[Breach]:
        """Yield each year in which too little goes there."""
        for t in self.when(case):
            favoured, whole = self.spent(case, layout, t)
            short = exact(self.share) * whole - favoured
            if short > 0:
                details = {"spent": favoured, "whole": whole, "share": f"{100 * self.share:g}"}
                yield Breach((case.years[t],), short, self.target(case, t), "breach.spending_share", details)

    def measure(self, case: Case, layout: Layout, t: int) -> tuple[Number, Number]:
        """Return the share of what is newly spent that goes there, and the share asked for."""
        asked = exact(self.share)
        favoured, whole = self.spent(case, layout, t)
        if whole > 0:
            return Fraction(favoured, whole), asked
        return asked if favoured >= asked * whole else Fraction(0), asked

    def asks(self) -> Number:
        """Return the share asked for."""
        return exact(self.share)
