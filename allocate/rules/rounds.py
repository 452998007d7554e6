"""How often rounds come to a village or a town."""

from collections.abc import Iterator
from typing import ClassVar, Literal

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.layout import Layout
from allocate.rows import Breach, Key, Number, Row, amount, opened
from allocate.rules.base import STRICT, Rule
from allocate.tables import INSTITUTION_KINDS


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Rounds(Rule):
    """Rounds come at least `times` a week or a month to each village without a clinic of its own, or to each town.

    A village is without one when no site of the kinds in `unless` is open in it; with none of them named, every
    village counts. Only rounds of `half_days` or more count.
    """

    formula: ClassVar[str] = r"r_{it} + n \sum_{j \in i} y_{jt} \ge n \quad \forall i, t"
    after: ClassVar[str] = "Hodgson, Laporte & Semet 1998, Journal of Regional Science 38(4)"
    unit: ClassVar[str] = "sessions"
    indicator: ClassVar[str] = "indicator.rounds"
    measured_in: ClassVar[str] = "sessions"
    needs: ClassVar[frozenset[str]] = frozenset({"siting", "rounds"})

    to: Literal["village", "town"] = "village"
    times: int = pydantic.Field(gt=0)
    per: Literal["week", "month"] = "week"
    half_days: int = pydantic.Field(default=0, ge=0)
    unless: tuple[Literal[INSTITUTION_KINDS], ...] = ("clinic",)  # type: ignore[valid-type]

    def asks(self) -> Number:
        """Return the sessions asked for."""
        return self.times

    def stops(self, case: Case) -> Iterator[tuple[str, int, tuple[int, ...]]]:
        """Yield the id and the index of each village or town, and the sites that spare it the rounds."""
        if self.to == "town":
            for k, town in enumerate(case.towns):
                yield town, k, ()
        else:
            for i, kind in enumerate(case.place_kinds):
                if kind == "village":
                    yield case.places[i], i, tuple(j for j in case.sites_in[i] if case.sites[j].kind in self.unless)

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield one row per village or town and year."""
        for t in self.when(case):
            for name, stop, sparing in self.stops(case):
                terms: dict[Key, Number] = {amount(self._what, stop, t): 1}
                terms |= {opened(j, t): self.times for j in sparing}
                yield Row((name, case.years[t]), terms, ">=", self.times, self.times, case.repeats[t])

    def missing(self, case: Case, layout: Layout, t: int) -> Iterator[tuple[str, Number]]:
        """Yield each village or town to which rounds should come, and the sessions that it lacks."""
        for name, stop, sparing in self.stops(case):
            if not any((j, t) in layout.open for j in sparing):
                yield name, max(0, self.times - layout.amounts.get((self._what, stop, t), 0))

    def breaches(self, case: Case, layout: Layout) -> Iterator[Breach]:
        """Yield each village or town and year with too few."""
        for t in self.when(case):
            for name, lacks in self.missing(case, layout, t):
                if lacks:
                    details = {"number": self.times - lacks, "target": self.times}
                    yield Breach((name, case.years[t]), lacks, self.times, "breach.rounds", details)

    def measure(self, case: Case, layout: Layout, t: int) -> tuple[Number, Number]:
        """Return the sessions where they are fewest, never more than asked for, and the sessions asked for."""
        return self.times - max((lacks for _, lacks in self.missing(case, layout, t)), default=0), self.times

    @property
    def _what(self) -> str:
        return f"rounds:{self.per}"
