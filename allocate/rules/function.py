"""How many sites have a function, or are at a standard."""

from collections.abc import Iterator
from fractions import Fraction
from math import ceil
from typing import ClassVar, Literal

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.layout import Layout
from allocate.rows import Breach, Key, Number, Row, opened
from allocate.rules.amounts import Name, refuse_twice, sites_of, terms
from allocate.rules.base import STRICT, Rule
from allocate.units import exact
from allocate.words import say


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Function(Rule):
    """Each of these `functions` is had by a `share` of the open sites of these `kinds`, or by `at_least` of them.

    A function is whatever a site has or has not: a service, a department, a standard that it meets. Sites of all the
    kinds are counted together. A shortfall of a share is divided by the share of all sites of these kinds that may be
    open: how many are, the plan decides. Scope `consortium` means the sites of each consortium by themselves; until a
    plan forms consortia, the whole district stands in for them, and the rule stays undecided.
    """

    formula: ClassVar[str] = (
        r"\sum_{j \in K} a_{fjt} \ge \alpha \sum_{j \in K} y_{jt}"
        r" \quad\text{or}\quad \sum_{j \in K} a_{fjt} \ge n \qquad \forall f, t"
    )
    after: ClassVar[str] = "Moore & ReVelle 1982, Management Science 28(7)"
    unit: ClassVar[str] = "sites"
    indicator: ClassVar[str] = "indicator.function"

    functions: tuple[Name, ...] = pydantic.Field(min_length=1)
    kinds: tuple[str, ...] = pydantic.Field(min_length=1)
    share: float | None = pydantic.Field(default=None, gt=0, le=1)
    at_least: int | None = pydantic.Field(default=None, gt=0)
    scope: Literal["district", "consortium"] = "district"

    def __post_init__(self) -> None:
        refuse_twice(self.functions)
        if (self.share is None) == (self.at_least is None):
            raise ValueError(say("reason.share_or_count"))

    @property
    def needs(self) -> frozenset[str]:  # type: ignore[override]
        """Return the decisions that the rule speaks of."""
        return frozenset({"siting", "functions"} | ({"consortia"} if self.scope == "consortium" else set()))

    @property
    def measured_in(self) -> str:  # type: ignore[override]
        """Return whether sites are counted, or are a share of all."""
        return "sites" if self.share is None else "share"

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield one row per function and year; a share of no sites needs none."""
        sites = sites_of(case, self.kinds)
        for t in self.when(case):
            for function in self.functions:
                about, having = (function, case.years[t]), terms(case, function, t, sites=sites)
                if self.share is None:
                    count = self.at_least or 0
                    yield Row(about, having, ">=", count, count, case.repeats[t])
                elif sites:
                    share = exact(self.share)
                    asked: dict[Key, Number] = {opened(j, t): -share for j in sites}
                    yield Row(about, having | asked, ">=", 0, self._scale(case), case.repeats[t])

    def breaches(self, case: Case, layout: Layout) -> Iterator[Breach]:
        """Yield each function and year with too few sites that have it."""
        for t in self.when(case):
            for function in self.functions:
                number, asked = self._having(case, layout, function, t), self._asked(case, layout, t)
                if number < asked:
                    about = (function, case.years[t])
                    details = {"number": int(number), "limit": ceil(asked)}
                    yield Breach(about, asked - number, self._scale(case), "breach.count_few", details)

    def causes(self, case: Case, layout: Layout, t: int) -> list[tuple[tuple[str, ...], Number]]:
        """Return the open sites without the functions that fall short, with the number of these that each lacks.

        Where a number of sites is asked for, no single site is the cause.
        """
        if self.share is None:
            return []
        short = [b.about[0] for b in self.breaches(case, layout) if b.about[1] == case.years[t]]
        lacking: dict[str, int] = {}
        for j in self._open(case, layout, t):
            missing = sum(layout.amounts.get((str(function), j, t), 0) < 1 for function in short)
            if missing:
                lacking[case.sites[j].id] = missing
        return sorted((((site,), missing) for site, missing in lacking.items()), key=lambda one: (-one[1], one[0]))

    def measure(self, case: Case, layout: Layout, t: int) -> tuple[Number, Number]:
        """Return the share or the number of sites that have the function that fewest have, and what is asked for."""
        fewest = min(self._having(case, layout, function, t) for function in self.functions)
        if self.share is None:
            return fewest, self.asks()
        number = len(self._open(case, layout, t))
        return Fraction(fewest) / number if number else self.asks(), self.asks()

    def asks(self) -> Number:
        """Return the share or the number that is asked for."""
        return (self.at_least or 0) if self.share is None else exact(self.share)

    def _open(self, case: Case, layout: Layout, t: int) -> list[int]:
        return [j for j, site in enumerate(case.sites) if site.kind in self.kinds and (j, t) in layout.open]

    def _having(self, case: Case, layout: Layout, function: str, t: int) -> Number:
        return sum(
            layout.amounts.get((function, j, t), 0) for j, site in enumerate(case.sites) if site.kind in self.kinds
        )

    def _asked(self, case: Case, layout: Layout, t: int) -> Number:
        return self.asks() if self.share is None else self.asks() * len(self._open(case, layout, t))

    def _scale(self, case: Case) -> Number:
        return self.asks() if self.share is None else self.asks() * max(len(sites_of(case, self.kinds)), 1)
