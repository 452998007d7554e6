"""How many sites there may or must be."""

from collections.abc import Iterator
from typing import ClassVar, Literal

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.layout import Layout
from allocate.life import opening_terms
from allocate.rows import Breach, Key, Number, Row, opened
from allocate.rules.base import STRICT, Rule, Wants, refuse_limits, wants_of
from allocate.rules.scopes import site_parts


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Count(Rule):
    """There are at least `at_least` and at most `at_most` sites of these `kinds`: open, or newly opened, in a year."""

    formula: ClassVar[str] = r"l \le \sum_{j \in S} (y_{jt} - [\text{new}]\, y_{j,t-1}) \le u \quad \forall S, t"
    after: ClassVar[str] = "ReVelle & Swain 1970, Geographical Analysis 2(1)"
    unit: ClassVar[str] = "sites"
    indicator: ClassVar[str] = "indicator.count"
    measured_in: ClassVar[str] = "sites"
    sees_places: ClassVar[bool] = False

    kinds: tuple[str, ...] = pydantic.Field(min_length=1)
    counts: Literal["open", "new"] = "open"
    at_least: int | None = pydantic.Field(default=None, ge=0)
    at_most: int | None = pydantic.Field(default=None, ge=0)
    scope: Literal["district", "town"] = "district"

    def __post_init__(self) -> None:
        refuse_limits(self.at_least, self.at_most)

    @property
    def sees_changes(self) -> bool:  # type: ignore[override]
        """Tell whether it counts openings, which belong to one year."""
        return self.counts == "new"

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield a row per limit, part and year."""
        for t in self.when(case):
            for part, members in site_parts(case, self.scope):
                terms: dict[Key, Number] = {}
                for j in members:
                    site = case.sites[j]
                    if site.kind not in self.kinds or (self.counts == "new" and site.exists):
                        continue
                    terms |= opening_terms(case, j, t) if self.counts == "new" else {opened(j, t): 1}
                year = case.years[t]
                if self.at_least is not None:
                    yield Row(
                        (part, year, "least"),
                        terms,
                        ">=",
                        self.at_least,
                        max(self.at_least, 1),
                        case.repeats[t],
                    )
                if self.at_most is not None:
                    yield Row((part, year, "most"), terms, "<=", self.at_most, max(self.at_most, 1), case.repeats[t])

    def number(self, case: Case, layout: Layout, members: tuple[int, ...], t: int) -> int:
        """Return how many sites count in a part and year."""
        return sum(
            layout.opens(case, j, t) if self.counts == "new" else (j, t) in layout.open
            for j in members
            if case.sites[j].kind in self.kinds and not (self.counts == "new" and case.sites[j].exists)
        )

    def breaches(self, case: Case, layout: Layout) -> Iterator[Breach]:
        """Yield each part and year with too few or too many."""
        for t in self.when(case):
            for part, members in site_parts(case, self.scope):
                number = self.number(case, layout, members, t)
                year = case.years[t]
                if self.at_least is not None and number < self.at_least:
                    details = {"number": number, "limit": self.at_least}
                    missing = self.at_least - number
                    yield Breach((part, year, "least"), missing, max(self.at_least, 1), "breach.count_few", details)
                if self.at_most is not None and number > self.at_most:
                    details = {"number": number, "limit": self.at_most}
                    excess = number - self.at_most
                    yield Breach((part, year, "most"), excess, max(self.at_most, 1), "breach.count_many", details)

    def sense(self) -> Wants | None:
        """Say which limit a year that keeps the rule shows: the upper one where there are two."""
        if self.at_most is None or self.at_least == self.at_most:
            return wants_of(self.at_least, self.at_most)
        return "at_most"

    def measure(self, case: Case, layout: Layout, t: int) -> tuple[Number, Number]:
        """Return the number in the part that is farthest off, and its limit: of two, the missed or the upper one."""
        numbers = [self.number(case, layout, members, t) for _, members in site_parts(case, self.scope)]
        fewest, most = min(numbers, default=0), max(numbers, default=0)
        if self.at_most is None or (most <= self.at_most and fewest < (self.at_least or 0)):
            return fewest, self.at_least or 0
        return most, self.at_most
