"""How much a plan year may cost."""

from collections.abc import Iterator
from typing import ClassVar, Literal

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.costs import NATURES, Nature, charges, spent
from allocate.layout import Layout
from allocate.rows import Breach, Number, Row, added
from allocate.rules.base import STRICT, Rule, Wants


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Spending(Rule):
    """A plan year costs at most `at_most` yuan: what is opened or added in it, and one calendar year of everything.

    `of` counts only what is paid once (`capital`), or only what each calendar year costs (`recurrent`).
    """

    formula: ClassVar[str] = (
        r"\sum_j c_j\, y_{jt} + f_j (y_{jt} - y_{j,t-1}) + \sum_{r,e} s_r n_{ret} + h_r (n_{ret} - n_{re,t-1}) \le B"
        r" \quad \forall t"
    )
    after: ClassVar[str] = "Schilling 1980, Geographical Analysis 12(2)"
    unit: ClassVar[str] = "yuan"
    indicator: ClassVar[str] = "indicator.spending"
    measured_in: ClassVar[str] = "yuan"
    wants: ClassVar[Wants] = "at_most"
    sees_changes: ClassVar[bool] = True
    spends: ClassVar[bool] = True
    sees_places: ClassVar[bool] = False

    at_most: int = pydantic.Field(ge=0)
    of: Literal["all", "capital", "recurrent"] = "all"

    @property
    def natures(self) -> tuple[Nature, ...]:
        """Return what counts: what is paid once, what each calendar year costs, or both."""
        return NATURES if self.of == "all" else (self.of,)

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield one row per year."""
        for t in self.when(case):
            counted = [charge for charge in charges(case, t) if charge.nature in self.natures]
            limit = self.at_most - sum(charge.constant for charge in counted)
            terms = added(*(charge.terms for charge in counted))
            yield Row((case.years[t],), terms, "<=", limit, max(self.at_most, 1))

    def cost(self, case: Case, layout: Layout, t: int) -> int:
        """Return what counts of what a plan year costs [yuan]."""
        money = spent(case, layout, t)
        return sum(money[nature] for nature in self.natures)

    def breaches(self, case: Case, layout: Layout) -> Iterator[Breach]:
        """Yield each year that costs too much."""
        for t in self.when(case):
            cost = self.cost(case, layout, t)
            if cost > self.at_most:
                details = {"cost": cost, "limit": self.at_most}
                excess = cost - self.at_most
                yield Breach((case.years[t],), excess, max(self.at_most, 1), "breach.spending", details)

    def measure(self, case: Case, layout: Layout, t: int) -> tuple[Number, Number]:
        """Return what the year costs, and the limit [yuan]."""
        return self.cost(case, layout, t), self.at_most
