"""Which institutions belong to a consortium."""

from collections.abc import Iterator
from fractions import Fraction
from typing import ClassVar

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.decisions.consortia import member_terms
from allocate.layout import Layout
from allocate.rows import Breach, Key, Number, Row, opened
from allocate.rules.base import STRICT, Rule
from allocate.units import exact


def _is_member(layout: Layout, j: int, t: int) -> bool:
    return (j, t) in layout.open and (j, t) in layout.lead_of


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Membership(Rule):
    """At least a `share` of the open sites of these `kinds` belong to a consortium; a hospital that leads one does.

    Privately run ones that do not want to join do not count.
    """

    formula: ClassVar[str] = r"\sum_j m_{jt} \ge \alpha \sum_j y_{jt} \quad \forall t"
    after: ClassVar[str] = "Hess, Weaver, Siegfeldt, Whelan & Zitlau 1965, Operations Research 13(6)"
    unit: ClassVar[str] = "sites"
    indicator: ClassVar[str] = "indicator.membership"
    measured_in: ClassVar[str] = "share"
    sees_places: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"siting", "consortia"})

    kinds: tuple[str, ...] = pydantic.Field(min_length=1)
    share: float = pydantic.Field(default=1.0, gt=0, le=1)

    def asks(self) -> Number:
        """Return the share asked for."""
        return exact(self.share)

    def sites(self, case: Case) -> list[int]:
        """Return the sites of these kinds that are asked to join."""
        unasked = frozenset[int]() if case.leading is None else case.leading.unasked
        return [j for j, site in enumerate(case.sites) if site.kind in self.kinds and j not in unasked]

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield one row per year; a district without such sites needs none."""
        sites = self.sites(case)
        for t in self.when(case) if sites else ():
            terms: dict[Key, Number] = {key: 1 for j in sites for key in member_terms(case, j, t)}
            terms |= {opened(j, t): -exact(self.share) for j in sites}
            yield Row((case.years[t],), terms, ">=", 0, len(sites), case.repeats[t])

    def members(self, case: Case, layout: Layout, t: int) -> tuple[Number, int]:
        """Return how many sites are members in a year, and how many are open."""
        sites = self.sites(case)
        return sum(_is_member(layout, j, t) for j in sites), sum((j, t) in layout.open for j in sites)

    def breaches(self, case: Case, layout: Layout) -> Iterator[Breach]:
        """Yield each year with too few members."""
        for t in self.when(case):
            inside, number = self.members(case, layout, t)
            missing = exact(self.share) * number - inside
            if missing > 0:
                details = {"number": inside, "count": number}
                yield Breach((case.years[t],), missing, len(self.sites(case)), "breach.membership", details)

    def causes(self, case: Case, layout: Layout, t: int) -> list[tuple[tuple[str, ...], Number]]:
        """Return the open sites that are no members, in a year with too few."""
        if not any(case.years[t] in breach.about for breach in self.breaches(case, layout)):
            return []
        outside = [j for j in self.sites(case) if (j, t) in layout.open and not _is_member(layout, j, t)]
        return sorted(((case.sites[j].id,), 1) for j in outside)

    def measure(self, case: Case, layout: Layout, t: int) -> tuple[Number, Number]:
        """Return the share of open sites that are members, and the share asked for."""
        inside, number = self.members(case, layout, t)
        return Fraction(inside) / number if number else Fraction(1), exact(self.share)
