"""How much of a resource every open site has."""

from collections.abc import Iterator
from typing import ClassVar

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.gaps import shown_number
from allocate.layout import Layout
from allocate.rows import Breach, Key, Number, Row, opened
from allocate.rules.amounts import Name, has, sites_of, terms, unit_of
from allocate.rules.base import STRICT, Rule
from allocate.units import exact


@dataclass(frozen=True, kw_only=True, config=STRICT)
class SiteMinimum(Rule):
    """Every open site of these `kinds` has at least `at_least` of a `resource`."""

    formula: ClassVar[str] = r"a_{rjt} \ge m\, y_{jt} \quad \forall j, t"
    after: ClassVar[str] = "Sridharan 1995, European Journal of Operational Research 87(2)"
    indicator: ClassVar[str] = "indicator.site_minimum"
    sees_places: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"siting", "staff"})

    resource: Name
    kinds: tuple[str, ...] = pydantic.Field(min_length=1)
    at_least: float = pydantic.Field(gt=0)

    @property
    def unit(self) -> str:  # type: ignore[override]
        """Return what the resource is counted in."""
        return unit_of(self.resource)

    @property
    def measured_in(self) -> str:  # type: ignore[override]
        """Return what the resource is counted in."""
        return unit_of(self.resource)

    @property
    def resources(self) -> tuple[str, ...]:
        """Return the resource that is counted."""
        return (self.resource,)

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield one row per site and year."""
        least = exact(self.at_least)
        for t in self.when(case):
            for j in sites_of(case, self.kinds):
                parts: dict[Key, Number] = terms(case, self.resource, t, sites=(j,)) | {opened(j, t): -least}
                yield Row((case.sites[j].id, case.years[t]), parts, ">=", 0, least, case.repeats[t])

    def breaches(self, case: Case, layout: Layout) -> Iterator[Breach]:
        """Yield each open site and year with too little."""
        least = exact(self.at_least)
        for t in self.when(case):
            for j, site in enumerate(case.sites):
                there = has(case, layout, self.resource, j, t)
                if site.kind in self.kinds and (j, t) in layout.open and there < least:
                    about = (site.id, case.years[t])
                    details = {"site": site.name, "amount": shown_number(there), "limit": shown_number(least)}
                    yield Breach(about, least - there, least, "breach.amount_at_site", details)

    def measure(self, case: Case, layout: Layout, t: int) -> tuple[Number, Number]:
        """Return what the open site with least has, and what every one should have."""
        least = exact(self.at_least)
        there = [
            has(case, layout, self.resource, j, t)
            for j, site in enumerate(case.sites)
            if site.kind in self.kinds and (j, t) in layout.open
        ]
        return min(there, default=least), least

    def asks(self) -> Number:
        """Return what every site should have."""
        return exact(self.at_least)
