"""How much of a resource is held back for those whom family doctors refer."""

from collections.abc import Iterator
from fractions import Fraction
from typing import ClassVar

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.gaps import shown_number
from allocate.layout import Layout
from allocate.rows import Breach, Number, Row
from allocate.rules.amounts import Name, has, held, refuse_twice, scale, sites_of, terms
from allocate.rules.base import STRICT, Rule
from allocate.units import exact


def reserved(what: str) -> str:
    """Return the name of the part of a resource that is held back.

    >>> reserved("beds")
    'reserved_beds'
    """
    return f"reserved_{what}"


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Reserve(Rule):
    """Of each of these resources, the sites of these `kinds` together hold back at least a `share` for those referred.

    How much there is of each, the plan decides, so that a shortfall is divided by a fixed number: the share of one for
    every 1,000 residents, and at least 1.
    """

    formula: ClassVar[str] = r"\sum_{j \in K} a_{r'jt} \ge \alpha \sum_{j \in K} a_{rjt} \quad \forall r, t"
    after: ClassVar[str] = "Gerchak, Gupta & Henig 1996, Management Science 42(3)"
    unit: ClassVar[str] = "units"
    indicator: ClassVar[str] = "indicator.reserve"
    measured_in: ClassVar[str] = "share"
    needs: ClassVar[frozenset[str]] = frozenset({"staff"})
    sees_places: ClassVar[bool] = False

    of: tuple[Name, ...] = pydantic.Field(min_length=1)
    share: float = pydantic.Field(gt=0, le=1)
    kinds: tuple[str, ...] = pydantic.Field(default=("hospital",), min_length=1)

    def __post_init__(self) -> None:
        refuse_twice(self.of)

    @property
    def resources(self) -> tuple[str, ...]:
        """Return what is counted: all of it, and the part that is held back."""
        return (*self.of, *map(reserved, self.of))

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield one row per resource and year; a district without such sites needs none."""
        share, sites = exact(self.share), sites_of(case, self.kinds)
        for t in self.when(case) if sites else ():
            for what in self.of:
                both = terms(case, reserved(what), t, sites=sites) | terms(case, what, t, -share, sites=sites)
                yield Row((what, case.years[t]), both, ">=", 0, scale(case, share, t), case.repeats[t])

    def breaches(self, case: Case, layout: Layout) -> Iterator[Breach]:
        """Yield each resource and year of which too little is held back."""
        share = exact(self.share)
        for t in self.when(case):
            for what in self.of:
                kept, asked = self._sum(case, layout, reserved(what), t), share * self._sum(case, layout, what, t)
                if kept < asked:
                    about = (what, case.years[t])
                    details = {"amount": shown_number(kept), "limit": shown_number(asked)}
                    yield Breach(about, asked - kept, scale(case, share, t), "breach.amount_few", details)

    def causes(self, case: Case, layout: Layout, t: int) -> list[tuple[tuple[str, ...], Number]]:
        """Return the sites that hold back less than the share, with how much less in units of all that fall short."""
        share = exact(self.share)
        short = [str(breach.about[0]) for breach in self.breaches(case, layout) if breach.about[1] == case.years[t]]
        found: list[tuple[tuple[str, ...], Number]] = []
        for j, site in enumerate(case.sites):
            lacks = [share * has(case, layout, what, j, t) - has(case, layout, reserved(what), j, t) for what in short]
            missing = sum((lack for lack in lacks if lack > 0), Fraction(0))
            if site.kind in self.kinds and missing:
                found.append(((site.id,), missing))
        return sorted(found, key=lambda cause: (-cause[1], cause[0]))

    def measure(self, case: Case, layout: Layout, t: int) -> tuple[Number, Number]:
        """Return the share that is held back of the resource where it is least, and the share asked for."""
        share = exact(self.share)
        parts = [
            Fraction(self._sum(case, layout, reserved(what), t)) / whole
            for what in self.of
            if (whole := self._sum(case, layout, what, t))
        ]
        return min(parts, default=share), share

    def asks(self) -> Number:
        """Return the share that is asked for."""
        return exact(self.share)

    def _sum(self, case: Case, layout: Layout, what: str, t: int) -> Number:
        return held(case, layout, what, t, sites_of(case, self.kinds))
