"""What the plan costs."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.costs import charges, standing_pay, whole_cost
from allocate.goals.base import Goal
from allocate.layout import Layout
from allocate.rows import Key, Number, added
from allocate.rules.base import STRICT


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Cost(Goal):
    """The plan costs as little as it can: what is opened or added, and every calendar year of all sites and new staff.

    Those of today's staff who stay are paid whatever is decided: they stand in the budget, and not in this sum, so
    that its gap is measured against what the plan decides.
    """

    formula: ClassVar[str] = r"\min \sum_t \sum_j f_j (y_{jt} - y_{j,t-1}) + s_t c_j\, y_{jt}"
    after: ClassVar[str] = "Balinski 1965, Management Science 12(3)"
    unit: ClassVar[str] = "yuan"
    sees_places: ClassVar[bool] = False
    sees_people: ClassVar[bool] = False

    def terms(self, case: Case) -> Mapping[Key, Number]:
        """Return what a variable costs over the whole plan [yuan]."""
        weighed = (
            {key: cost * (case.spans[t] if charge.nature == "recurrent" else 1) for key, cost in charge.terms.items()}
            for t in case.periods
            for charge in charges(case, t)
        )
        return {key: cost for key, cost in added(*weighed).items() if cost}

    def value(self, case: Case, layout: Layout) -> int:
        """Return the cost of the whole plan, without the pay of today's staff [yuan]."""
        return whole_cost(case, layout) - standing_pay(case)
