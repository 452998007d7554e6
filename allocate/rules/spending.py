"""How much a plan year may cost."""

from collections.abc import Iterator
from typing import ClassVar

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.layout import Layout
from allocate.rows import Breach, Key, Number, Row, opened
from allocate.rules.base import STRICT, Rule, Wants


def spent(case: Case, layout: Layout, t: int) -> int:
    """Return what a plan year costs [yuan]: the openings of that year, and one year of everything open."""
    return sum(
        site.yearly * ((j, t) in layout.open) + (0 if site.exists else site.opening * layout.change(j, t))
        for j, site in enumerate(case.sites)
    )


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Spending(Rule):
    """A plan year costs at most `at_most` yuan: the openings of that year, and one year of everything open."""

    formula: ClassVar[str] = r"\sum_j c_j\, y_{jt} + f_j (y_{jt} - y_{j,t-1}) \le B \quad \forall t"
    after: ClassVar[str] = "Schilling 1980, Geographical Analysis 12(2)"
    unit: ClassVar[str] = "yuan"
    indicator: ClassVar[str] = "indicator.spending"
    measured_in: ClassVar[str] = "yuan"
    wants: ClassVar[Wants] = "at_most"
    sees_changes: ClassVar[bool] = True
    sees_places: ClassVar[bool] = False

    at_most: int = pydantic.Field(ge=0)

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield one row per year."""
        for t in self.when(case):
            terms: dict[Key, Number] = {}
            for j, site in enumerate(case.sites):
                # An existing site never opens: only candidates pay for opening.
                opening = 0 if site.exists else site.opening
                if site.yearly + opening:
                    terms[opened(j, t)] = site.yearly + opening
                if t and opening:
                    terms[opened(j, t - 1)] = -opening
            yield Row((case.years[t],), terms, "<=", self.at_most, max(self.at_most, 1))

    def breaches(self, case: Case, layout: Layout) -> Iterator[Breach]:
        """Yield each year that costs too much."""
        for t in self.when(case):
            cost = spent(case, layout, t)
            if cost > self.at_most:
                details = {"cost": cost, "limit": self.at_most}
                excess = cost - self.at_most
                yield Breach((case.years[t],), excess, max(self.at_most, 1), "breach.spending", details)

    def measure(self, case: Case, layout: Layout, t: int) -> tuple[Number, Number]:
        """Return what the year costs, and the limit [yuan]."""
        return spent(case, layout, t), self.at_most
