"""Who is posted to which institution."""

from collections.abc import Iterator
from typing import ClassVar, Literal

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.layout import Layout
from allocate.rows import Breach, Key, Number, Row, amount, opened
from allocate.rules.base import STRICT, Rule
from allocate.rules.scopes import site_parts
from allocate.tables import INSTITUTION_KINDS


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Posting(Rule):
    """At least `at_least` persons of a sender are posted to each open site of the kinds in `to`.

    `scope` says where they are counted: at each site, in each town or in the district for every open site there; or
    for each supporter, whatever sites it sends them to. A district is taken to have one supporter of a kind.
    Only persons of the `rank` or above count, who stay for `months` or more and are there on `days_per_week` or more.
    """

    formula: ClassVar[str] = r"\sum_{j \in S} w_{jt} \ge n \sum_{j \in S} y_{jt} \quad \forall S, t"
    after: ClassVar[str] = "Church & ReVelle 1974, Papers of the Regional Science Association 32(1)"
    unit: ClassVar[str] = "persons"
    indicator: ClassVar[str] = "indicator.posting"
    measured_in: ClassVar[str] = "persons"
    needs: ClassVar[frozenset[str]] = frozenset({"siting", "postings"})

    to: tuple[Literal[INSTITUTION_KINDS], ...] = pydantic.Field(min_length=1)  # type: ignore[valid-type]
    sent_by: Literal["district", "lead_hospital", "tertiary_hospital", "city_group"]
    at_least: int = pydantic.Field(default=1, gt=0)
    scope: Literal["site", "town", "district", "supporter"] = "site"
    rank: Literal["", "resident", "attending", "associate_senior", "senior"] = ""
    months: int = pydantic.Field(default=0, ge=0)
    days_per_week: float = pydantic.Field(default=0, ge=0, le=7)

    def asks(self) -> Number:
        """Return the persons asked for."""
        return self.at_least

    def parts(self, case: Case) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Yield each part in which persons are counted, and its sites."""
        found: list[tuple[str, tuple[int, ...]]]
        if self.scope == "site":
            found = [(site.id, (j,)) for j, site in enumerate(case.sites)]
        else:
            found = list(site_parts(case, "town" if self.scope == "town" else "district"))
        for part, members in found:
            inside = tuple(j for j in members if case.sites[j].kind in self.to)
            if inside:
                yield part, inside

    def posted(self, layout: Layout, inside: tuple[int, ...], t: int) -> Number:
        """Return the persons posted to some sites in a year."""
        return sum(layout.amounts.get((self._what, j, t), 0) for j in inside)

    def wanted(self, layout: Layout, inside: tuple[int, ...], t: int) -> int:
        """Return the persons whom some sites need in a year."""
        if self.scope == "supporter":
            return self.at_least
        return self.at_least * sum((j, t) in layout.open for j in inside)

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield one row per part and year; a closed site needs nobody."""
        for t in self.when(case):
            for part, inside in self.parts(case):
                terms: dict[Key, Number] = {amount(self._what, j, t): 1 for j in inside}
                one = self.scope == "supporter"
                if not one:
                    terms |= {opened(j, t): -self.at_least for j in inside}
                target = self.at_least if one else self.at_least * len(inside)
                bound = self.at_least if one else 0
                yield Row((part, case.years[t]), terms, ">=", bound, target, case.repeats[t])

    def breaches(self, case: Case, layout: Layout) -> Iterator[Breach]:
        """Yield each part and year with too few."""
        for t in self.when(case):
            for part, inside in self.parts(case):
                number, wanted = self.posted(layout, inside, t), self.wanted(layout, inside, t)
                if number < wanted:
                    target = self.at_least * (1 if self.scope == "supporter" else len(inside))
                    details = {"number": number, "target": wanted}
                    yield Breach((part, case.years[t]), wanted - number, target, "breach.posting", details)

    def measure(self, case: Case, layout: Layout, t: int) -> tuple[Number, Number]:
        """Return the persons posted to the part that is farthest off, and how many it needs."""
        numbers = [(self.posted(layout, inside, t), self.wanted(layout, inside, t)) for _, inside in self.parts(case)]
        return min(numbers, key=lambda one: (one[0] - one[1], one[0]), default=(0, 0))

    @property
    def _what(self) -> str:
        return f"posted:{self.sent_by}"
