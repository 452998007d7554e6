"""The most people that a site can serve."""

from collections.abc import Iterator
from fractions import Fraction
from typing import ClassVar

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.layout import Layout
from allocate.rows import UPGRADED, Breach, Number, Row, Strength, amount, opened, serves
from allocate.rules.base import STRICT, Rule, Wants
from allocate.words import say


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Capacity(Rule):
    """A site of these `kinds` serves at most `people` in a year, enlarged ones more, and nobody while closed."""

    formula: ClassVar[str] = r"\sum_i x_{ijt} \le C_j\, y_{jt} \quad \forall j, t"
    after: ClassVar[str] = "Sridharan 1995, European Journal of Operational Research 87(2)"
    unit: ClassVar[str] = "persons"
    indicator: ClassVar[str] = "indicator.capacity"
    is_physics: ClassVar[bool] = True
    measured_in: ClassVar[str] = "persons"
    wants: ClassVar[Wants] = "at_most"
    # (A site has room for so many people, wherever they come from.)
    sees_places: ClassVar[bool] = False

    strength: Strength = Strength.PHYSICS
    kinds: tuple[str, ...] = pydantic.Field(min_length=1)
    people: int = pydantic.Field(gt=0, le=10_000_000)

    def __post_init__(self) -> None:
        if self.years:
            msg = say("reason.room_years")
            raise ValueError(msg)

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield one row per site and year."""
        for t in self.when(case):
            for j, site in enumerate(case.sites):
                if site.kind in self.kinds and case.places_of[j]:
                    terms: dict[tuple[str | int, ...], Number] = {serves(i, j, t): 1 for i in case.places_of[j]}
                    terms[opened(j, t)] = -self.people
                    if site.upgrade is not None and site.upgrade.people:
                        terms[amount(UPGRADED, j, t)] = -site.upgrade.people
                    yield Row((site.id, case.years[t]), terms, "<=", 0, self.people)

    def breaches(self, case: Case, layout: Layout) -> Iterator[Breach]:
        """Yield each site and year with more people than room."""
        for t in self.when(case):
            for j, site in enumerate(case.sites):
                room = self._room(case, layout, j, t)
                load = layout.load.get((j, t), 0)
                if site.kind in self.kinds and load > room:
                    about = (site.id, case.years[t])
                    details = {"site": site.name, "people": load, "room": room}
                    yield Breach(about, load - room, self.people, "breach.capacity", details)

    def measure(self, case: Case, layout: Layout, t: int) -> tuple[Number, Number]:
        """Return the people at the fullest site, and its room."""
        rooms = (
            (Fraction(load, room), load, room)
            for j, site in enumerate(case.sites)
            if site.kind in self.kinds
            and (load := layout.load.get((j, t), 0))
            and (room := self._room(case, layout, j, t))
        )
        _, load, room = max(rooms, default=(0, 0, self.people))
        return load, room

    def _room(self, case: Case, layout: Layout, j: int, t: int) -> int:
        """Return the most people that a site may serve in a year [persons]."""
        upgrade = case.sites[j].upgrade
        more = upgrade.people if upgrade is not None and layout.is_upgraded(j, t) else 0
        return more + (self.people if (j, t) in layout.open else 0)
