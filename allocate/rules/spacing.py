"""How near to another site a new one may stand."""

from collections.abc import Iterator
from fractions import Fraction
from typing import ClassVar

import numpy as np
import pydantic
from pydantic.dataclasses import dataclass
from scipy.spatial import cKDTree

from allocate.case import Case
from allocate.layout import Layout
from allocate.rows import Breach, Number, Row, opened
from allocate.rules.base import STRICT, Rule, Wants


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Spacing(Rule):
    """No new site of these `kinds` stands nearer than `metres`, as the crow flies, to another site of these kinds.

    A pair too near counts in full when the two stand on one spot, and less the nearer it comes to the distance asked.
    """

    formula: ClassVar[str] = r"y_{jt} + y_{kt} \le 1 \quad \forall j, k: d_{jk} < D, t"
    after: ClassVar[str] = "Moon & Chaudhry 1984, Management Science 30(3)"
    unit: ClassVar[str] = "pairs"
    indicator: ClassVar[str] = "indicator.spacing"
    measured_in: ClassVar[str] = "pairs"
    wants: ClassVar[Wants] = "at_most"
    sees_places: ClassVar[bool] = False

    kinds: tuple[str, ...] = pydantic.Field(min_length=1)
    metres: int = pydantic.Field(gt=0, le=100_000)

    def pairs(self, case: Case) -> Iterator[tuple[int, int, int]]:
        """Yield each pair of sites that stand too near, with their distance [m]; two existing ones are left alone."""
        members = [j for j, site in enumerate(case.sites) if site.kind in self.kinds]
        if len(members) < 2:
            return
        spots = case.spots[members]
        for a, b in sorted(cKDTree(spots).query_pairs(self.metres)):
            j, k = members[a], members[b]
            apart = round(float(np.hypot(*(spots[a] - spots[b]))))
            if apart < self.metres and not (case.sites[j].exists and case.sites[k].exists):
                yield j, k, apart

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield one row per pair and year."""
        pairs = list(self.pairs(case))
        for t in self.when(case):
            for j, k, apart in pairs:
                about = (case.sites[j].id, case.sites[k].id, case.years[t])
                weight = Fraction(self.metres, self.metres - apart)
                yield Row(about, {opened(j, t): 1, opened(k, t): 1}, "<=", 1, weight, case.repeats[t])

    def breaches(self, case: Case, layout: Layout) -> Iterator[Breach]:
        """Yield each pair and year in which both are open."""
        pairs = list(self.pairs(case))
        for t in self.when(case):
            for j, k, apart in pairs:
                if (j, t) in layout.open and (k, t) in layout.open:
                    first, second = case.sites[j], case.sites[k]
                    about = (first.id, second.id, case.years[t])
                    weight = Fraction(self.metres, self.metres - apart)
                    details = {
                        "site": first.name,
                        "other": second.name,
                        "apart": apart,
                        "metres": self.metres,
                    }
                    yield Breach(about, 1, weight, "breach.spacing", details)

    def measure(self, case: Case, layout: Layout, t: int) -> tuple[Number, Number]:
        """Return how many pairs stand too near, and that none should."""
        pairs = self.pairs(case)
        return sum((j, t) in layout.open and (k, t) in layout.open for j, k, _ in pairs), 0
