"""How far people travel."""

from collections.abc import Mapping
from typing import ClassVar

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.goals.base import Goal
from allocate.layout import Layout
from allocate.rows import Key, Number, served, serves
from allocate.rules.base import STRICT


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Travel(Goal):
    """People travel as little as can be, one way, added up over people and plan years.

    A person whom nobody serves counts `unserved_minutes`, so that dropping people never pays.
    """

    formula: ClassVar[str] = r"\min \sum_t \sum_{ij} d_{ij} x_{ijt} + D \sum_i (p_{it} - z_{it})"
    after: ClassVar[str] = "Hakimi 1964, Operations Research 12(3)"
    unit: ClassVar[str] = "person-seconds"
    sees_links: ClassVar[bool] = True

    unserved_minutes: int = pydantic.Field(gt=0, le=1440)
    source: str = pydantic.Field(min_length=2)

    def terms(self, case: Case) -> Mapping[Key, Number]:
        """Return the seconds of every pair, and minus the penalty for every person served."""
        terms: dict[Key, Number] = {}
        for t in case.periods:
            for (i, j), seconds in case.seconds.items():
                terms[serves(i, j, t)] = seconds * case.repeats[t]
            for i in range(len(case.places)):
                terms[served(i, t)] = -self.unserved_minutes * 60 * case.repeats[t]
        return terms

    def tells_apart(self, case: Case, i: int) -> Key:
        """Return the time to every site within its circle [s]."""
        return tuple(case.seconds[i, j] for j in sorted(case.sites_of[i]))

    def constant(self, case: Case) -> int:
        """Return the penalty as if nobody were served [person-seconds]."""
        return sum(case.total(t) * case.repeats[t] for t in case.periods) * self.unserved_minutes * 60

    def value(self, case: Case, layout: Layout) -> int:
        """Return the travel of everybody one way [person-seconds]."""
        penalty = self.unserved_minutes * 60
        travelled = sum(
            (case.seconds.get((i, j), penalty) - penalty) * people * case.repeats[t]
            for (i, j, t), people in layout.serve.items()
        )
        return self.constant(case) + travelled
