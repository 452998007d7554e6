"""How much may change from one plan year to the next."""

from collections.abc import Iterator
from typing import ClassVar

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.layout import Layout
from allocate.rows import Breach, Key, Number, Row, opened, opens
from allocate.rules.base import STRICT, Rule, Wants


@dataclass(frozen=True, kw_only=True, config=STRICT)
class ChangeLimit(Rule):
    """At most `at_most` sites of these `kinds` are opened or closed in a plan year; moving one is two changes, and
    enlarging one is none.

    In the first plan year what stands today is what was open before.
    """

    formula: ClassVar[str] = (
        r"\sum_{j \in \text{new}} (y_{jt} - y_{j,t-1}) + \sum_{j \in \text{old}} (y_{j,t-1} - y_{jt}) \le n "
        r"\quad \forall t"
    )
    after: ClassVar[str] = "Wang, Batta, Bhadury & Rump 2003, Computers & Operations Research 30(14)"
    unit: ClassVar[str] = "sites"
    indicator: ClassVar[str] = "indicator.change_limit"
    measured_in: ClassVar[str] = "sites"
    wants: ClassVar[Wants] = "at_most"
    sees_changes: ClassVar[bool] = True
    sees_places: ClassVar[bool] = False

    kinds: tuple[str, ...] = pydantic.Field(min_length=1)
    at_most: int = pydantic.Field(ge=0)

    def asks(self) -> Number:
        """Return the most changes."""
        return self.at_most

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield one row per year."""
        for t in self.when(case):
            terms: dict[Key, Number] = {}
            limit = self.at_most
            for j, site in enumerate(case.sites):
                if site.kind not in self.kinds:
                    continue
                if site.closable and not site.exists:
                    # Opened and closed: twice what opens, less the difference of what is open.
                    terms[opens(j, t)] = 2
                    terms[opened(j, t)] = -1
                    if t:
                        terms[opened(j, t - 1)] = 1
                    continue
                # What stands can only close, and any other candidate can only open.
                sign = -1 if site.exists else 1
                terms[opened(j, t)] = sign
                if t:
                    terms[opened(j, t - 1)] = -sign
                elif site.exists:
                    limit -= 1
            yield Row((case.years[t],), terms, "<=", limit, max(self.at_most, 1))

    def number(self, case: Case, layout: Layout, t: int) -> int:
        """Return how many sites are opened or closed in a year."""
        changes = 0
        for j, site in enumerate(case.sites):
            if site.kind in self.kinds:
                before = (j, t - 1) in layout.open if t else site.exists
                change = int((j, t) in layout.open) - int(before)
                if site.closable and not site.exists:
                    change = abs(change)
                changes += -change if site.exists else change
        return changes

    def breaches(self, case: Case, layout: Layout) -> Iterator[Breach]:
        """Yield each year with too many changes."""
        for t in self.when(case):
            number = self.number(case, layout, t)
            if number > self.at_most:
                details = {"number": number, "limit": self.at_most}
                excess = number - self.at_most
                yield Breach((case.years[t],), excess, max(self.at_most, 1), "breach.change_limit", details)

    def causes(self, case: Case, layout: Layout, t: int) -> list[tuple[tuple[str, ...], Number]]:
        """Return the sites opened or closed in a year with too many."""
        if not any(case.years[t] in breach.about for breach in self.breaches(case, layout)):
            return []
        return [
            ((site.id,), 1)
            for j, site in sorted(enumerate(case.sites), key=lambda one: one[1].id)
            if site.kind in self.kinds and ((j, t) in layout.open) != ((j, t - 1) in layout.open if t else site.exists)
        ]

    def measure(self, case: Case, layout: Layout, t: int) -> tuple[Number, Number]:
        """Return how many sites are opened or closed, and how many may be."""
        return self.number(case, layout, t), self.at_most
