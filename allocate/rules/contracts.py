"""Which share of care homes has a contract with a health institution."""

from collections.abc import Iterator
from fractions import Fraction
from typing import ClassVar, Literal

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.layout import Layout
from allocate.rows import Breach, Key, Number, Row, contract
from allocate.rules.base import STRICT, Rule
from allocate.units import exact


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Contracts(Rule):
    """At least a `share` of the care homes, or of their beds (`of`), have a contract with a health institution."""

    formula: ClassVar[str] = r"\sum_h w_h \sum_j c_{hjt} \ge \alpha \sum_h w_h \quad \forall t"
    after: ClassVar[str] = "Ross & Soland 1975, Mathematical Programming 8"
    indicator: ClassVar[str] = "indicator.contracts"
    measured_in: ClassVar[str] = "share"
    sees_places: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"contracts"})

    share: float = pydantic.Field(default=1.0, gt=0, le=1)
    of: Literal["homes", "beds"] = "homes"

    @property
    def unit(self) -> str:  # type: ignore[override]
        """Return the unit of a shortfall: homes, or their beds."""
        return "beds" if self.of == "beds" else "care_homes"

    def asks(self) -> Number:
        """Return the share asked for."""
        return exact(self.share)

    def weights(self, case: Case) -> dict[int, int]:
        """Return what each care home counts: 1, or its beds."""
        homes = () if case.contracting is None else case.contracting.homes
        return {h: home.beds if self.of == "beds" else 1 for h, home in enumerate(homes)}

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield one row per year; a district without care homes needs none."""
        weights = self.weights(case)
        whole = sum(weights.values())
        pairs = () if case.contracting is None else sorted(case.contracting.pairs)
        for t in self.when(case) if whole else ():
            terms: dict[Key, Number] = {contract(h, j, t): weights[h] for h, j in pairs}
            yield Row((case.years[t],), terms, ">=", exact(self.share) * whole, whole, case.repeats[t])

    def counted(self, case: Case, layout: Layout, t: int) -> tuple[int, int]:
        """Return how many homes, or beds, have a contract in a year, and how many there are."""
        weights = self.weights(case)
        return sum(weights.get(h, 0) for h, _, u in layout.contracts if u == t), sum(weights.values())

    def breaches(self, case: Case, layout: Layout) -> Iterator[Breach]:
        """Yield each year with too few contracts."""
        for t in self.when(case):
            have, whole = self.counted(case, layout, t)
            missing = exact(self.share) * whole - have
            if missing > 0:
                words = f"breach.contracts_{self.of}"
                yield Breach((case.years[t],), missing, whole, words, {"number": have, "count": whole})

    def causes(self, case: Case, layout: Layout, t: int) -> list[tuple[tuple[str, ...], Number]]:
        """Return the care homes without a contract, in a year with too few; the largest first where beds count."""
        if case.contracting is None or not any(case.years[t] in breach.about for breach in self.breaches(case, layout)):
            return []
        weights, homes = self.weights(case), case.contracting.homes
        without = [(weights[h], home.id) for h, home in enumerate(homes) if (h, t) not in layout.contract_of]
        return [((code,), weight) for weight, code in sorted(without, key=lambda one: (-one[0], one[1]))]

    def measure(self, case: Case, layout: Layout, t: int) -> tuple[Number, Number]:
        """Return the share that has a contract, and the share asked for."""
        have, whole = self.counted(case, layout, t)
        return Fraction(have, whole) if whole else Fraction(1), exact(self.share)
