"""How many people are served."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.goals.base import Goal
from allocate.layout import Layout
from allocate.rows import Key, Number, served
from allocate.rules.base import STRICT


@dataclass(frozen=True, kw_only=True, config=STRICT)
class PeopleReached(Goal):
    """As few people as can be remain without a site that serves them, added up over the plan years."""

    formula: ClassVar[str] = r"\min \sum_t \sum_i (p_{it} - z_{it})"
    after: ClassVar[str] = "Church & ReVelle 1974, Papers of the Regional Science Association 32(1)"
    unit: ClassVar[str] = "persons"
    # (People count alike, wherever they live.)
    sees_places: ClassVar[bool] = False

    def terms(self, case: Case) -> Mapping[Key, Number]:
        """Return minus one for every person served in a plan year."""
        return {served(i, t): -case.repeats[t] for t in case.periods for i in range(len(case.places))}

    def constant(self, case: Case) -> int:
        """Return all people of all plan years [persons]."""
        return sum(case.total(t) * case.repeats[t] for t in case.periods)

    def value(self, case: Case, layout: Layout) -> int:
        """Return the people without a site that serves them [persons]."""
        reached = sum(people * case.repeats[t] for (_, t), people in layout.served.items())
        return self.constant(case) - reached
