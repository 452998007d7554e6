"""Sites that must not be open."""

from collections.abc import Iterator
from typing import ClassVar

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.layout import Layout
from allocate.rows import Breach, Number, Row, opened
from allocate.rules.base import STRICT, Rule, Wants, insist_on_each_once


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Forbid(Rule):
    """The sites listed are not open: an existing one closes, a candidate is not opened."""

    formula: ClassVar[str] = r"y_{jt} \le 0 \quad \forall j \in F, t"
    after: ClassVar[str] = "Church & ReVelle 1974, Papers of the Regional Science Association 32(1)"
    unit: ClassVar[str] = "sites"
    indicator: ClassVar[str] = "indicator.forbid"
    measured_in: ClassVar[str] = "sites"
    wants: ClassVar[Wants] = "at_most"
    sees_places: ClassVar[bool] = False

    sites: tuple[str, ...] = pydantic.Field(min_length=1)

    def __post_init__(self) -> None:
        insist_on_each_once(self.sites)

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield one row per site and year."""
        for t in self.when(case):
            for name in self.sites:
                yield Row(
                    (name, case.years[t]),
                    {opened(case.site_index[name], t): 1},
                    "<=",
                    0,
                    times=case.repeats[t],
                )

    def breaches(self, case: Case, layout: Layout) -> Iterator[Breach]:
        """Yield each site and year in which it is open."""
        for t in self.when(case):
            for name in self.sites:
                if (case.site_index[name], t) in layout.open:
                    yield Breach(
                        (name, case.years[t]), 1, 1, "breach.forbid", {"site": case.sites[case.site_index[name]].name}
                    )

    def measure(self, case: Case, layout: Layout, t: int) -> tuple[Number, Number]:
        """Return how many of the sites listed are open, and that none should be."""
        return sum((case.site_index[name], t) in layout.open for name in self.sites), 0
