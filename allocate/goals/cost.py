"""What the plan costs."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.goals.base import Goal
from allocate.layout import Layout
from allocate.rows import Key, Number, opened
from allocate.rules.base import STRICT


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Cost(Goal):
    """The plan costs as little as it can: openings, and every calendar year of everything open."""

    formula: ClassVar[str] = r"\min \sum_t \sum_j f_j (y_{jt} - y_{j,t-1}) + s_t c_j\, y_{jt}"
    after: ClassVar[str] = "Balinski 1965, Management Science 12(3)"
    unit: ClassVar[str] = "yuan"
    sees_places: ClassVar[bool] = False

    def terms(self, case: Case) -> Mapping[Key, Number]:
        """Return what a site costs by being open in a year [yuan]."""
        terms: dict[Key, Number] = {}
        for j, site in enumerate(case.sites):
            for t in case.periods:
                cost = site.yearly * case.spans[t]
                if not site.exists and t == case.periods[-1]:
                    # A candidate stays open once opened, so the last year tells whether it was paid for.
                    cost += site.opening
                if cost:
                    terms[opened(j, t)] = cost
        return terms

    def value(self, case: Case, layout: Layout) -> int:
        """Return the cost of the whole plan [yuan]."""
        return sum(
            site.yearly * case.spans[t] * ((j, t) in layout.open)
            + (0 if site.exists else site.opening * layout.change(j, t))
            for t in case.periods
            for j, site in enumerate(case.sites)
        )
