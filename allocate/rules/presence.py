"""Which places have a site of their own, or one next door."""

from collections.abc import Iterator
from fractions import Fraction
from math import ceil
from typing import ClassVar, Literal

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.layout import Layout
from allocate.rows import Breach, Column, Key, Number, Row, opened
from allocate.rules.base import STRICT, Rule
from allocate.tables import PLACE_KINDS
from allocate.units import exact

Within = Literal["own", "adjoining"]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Presence(Rule):
    """At least a `share` of the `places` of these kinds have an open site of these `kinds`, their own or a neighbour's.

    Adjoining places are those between which no third one lies (Gabriel and Sokal 1969, Systematic Zoology 18(3)), up
    to the longest distance of the planned circle, or 3,000 m. Places count, and not their people: a small village
    counts as much as a large one.
    """

    formula: ClassVar[str] = (
        r"\sum_{i \in V} q_{it} \ge \lceil \alpha |V| \rceil, \quad q_{it} \le \sum_{j \in N_i} y_{jt}, "
        r"\quad q_{it} \le 1 \quad \forall i \in V, t"
    )
    after: ClassVar[str] = "Toregas, Swain, ReVelle & Bergman 1971, Operations Research 19(6)"
    unit: ClassVar[str] = "places"
    indicator: ClassVar[str] = "indicator.presence"
    measured_in: ClassVar[str] = "share"
    # (It counts places and looks at the sites near them, and never at their people.)
    sees_places: ClassVar[bool] = False

    kinds: tuple[str, ...] = pydantic.Field(min_length=1)
    places: tuple[Literal[PLACE_KINDS], ...] = pydantic.Field(min_length=1)  # type: ignore[valid-type]
    within: Within = "own"
    share: float = pydantic.Field(default=1.0, gt=0, le=1)

    def asks(self) -> Number:
        """Return the share of places asked for."""
        return exact(self.share)

    def members(self, case: Case) -> tuple[int, ...]:
        """Return the places that the rule speaks of."""
        return tuple(i for i, kind in enumerate(case.place_kinds) if kind in self.places)

    def near(self, case: Case, i: int) -> tuple[int, ...]:
        """Return the sites that would do for a place, wherever people may travel."""
        there = {i, *case.neighbours[i]} if self.within == "adjoining" else {i}
        return tuple(j for k in sorted(there) for j in case.sites_in[k] if case.sites[j].kind in self.kinds)

    def target(self, case: Case) -> int:
        """Return how many places must have a site."""
        return ceil(exact(self.share) * len(self.members(case)))

    def columns(self, case: Case) -> Iterator[Column]:
        """Yield whether a place has a site; whole of itself, as soon as what is open is whole."""
        for t in self.when(case):
            for i in self.members(case):
                yield Column(self._has(i, t))

    def ties(self, case: Case) -> Iterator[Row]:
        """Yield: only what is open counts."""
        for t in self.when(case):
            for i in self.members(case):
                terms: dict[Key, Number] = {opened(j, t): 1 for j in self.near(case, i)}
                terms[self._has(i, t)] = -1
                yield Row((case.places[i], case.years[t]), terms, ">=", 0)

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield one row per year; a district without such places needs none."""
        target = self.target(case)
        for t in self.when(case) if target else ():
            terms = {self._has(i, t): 1 for i in self.members(case)}
            yield Row((case.years[t],), terms, ">=", target, target, case.repeats[t])

    def lacking(self, case: Case, layout: Layout, t: int) -> list[int]:
        """Return the places that have no site in a year."""
        return [i for i in self.members(case) if not any((j, t) in layout.open for j in self.near(case, i))]

    def breaches(self, case: Case, layout: Layout) -> Iterator[Breach]:
        """Yield each year in which too few places have a site."""
        target, count = self.target(case), len(self.members(case))
        for t in self.when(case):
            number = count - len(self.lacking(case, layout, t))
            if number < target:
                details = {"number": number, "target": target, "count": count}
                yield Breach((case.years[t],), target - number, target, "breach.presence", details)

    def causes(self, case: Case, layout: Layout, t: int) -> list[tuple[tuple[str, ...], Number]]:
        """Return the places without a site, those with most people first; each counts as one."""
        if not any(case.years[t] in breach.about for breach in self.breaches(case, layout)):
            return []
        lacking = sorted(self.lacking(case, layout, t), key=lambda i: (-int(case.people[i, t]), case.places[i]))
        return [((case.places[i],), 1) for i in lacking]

    def measure(self, case: Case, layout: Layout, t: int) -> tuple[Number, Number]:
        """Return the share of places with a site, and the share asked for."""
        count = len(self.members(case))
        return Fraction(count - len(self.lacking(case, layout, t)), count) if count else Fraction(1), exact(self.share)

    def _has(self, i: int, t: int) -> Key:
        # Two rules that ask the same of the same sites share the variable.
        return ("present", "+".join(sorted(set(self.kinds))), self.within, i, t)
