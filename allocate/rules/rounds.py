"""How often rounds come to a village or a town."""

from collections.abc import Iterator
from typing import ClassVar, Literal

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.layout import Layout
from allocate.outreach import WEEKS
from allocate.rows import Breach, Key, Number, Row, opened, visits
from allocate.rules.base import STRICT, Rule
from allocate.tables import INSTITUTION_KINDS
from allocate.words import say

# A village or town: its id, its index, and the sites that spare it the rounds.
Stop = tuple[str, int, tuple[int, ...]]
# Which villages need rounds.
Where = Literal["out_of_reach", "without_own", "every", "listed"]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Rounds(Rule):
    """Rounds come at least `times` a week or a month to each village that needs them, or to each town.

    Which villages need them is a choice (`where`): those out of reach of every open site of the kinds in `unless`
    (within the circle; every kind that the circle counts, where none is named); those without an open site of these
    kinds of their own (a clinic, where none is named); every village; or those in `listed`. Of these, a village needs
    them in the years in which it has `from_people` or more, and fewer than `below_people`, where these are given. Staff
    posted in a village comes on most days, so it counts as rounds do. Only visits of `half_days` or more count.
    """

    formula: ClassVar[str] = r"\sum_w n_w v_{wit} + n \sum_{j \in N_i} y_{jt} \ge n \quad \forall i, t"
    after: ClassVar[str] = "Hodgson, Laporte & Semet 1998, Journal of Regional Science 38(4)"
    unit: ClassVar[str] = "sessions"
    indicator: ClassVar[str] = "indicator.rounds"
    measured_in: ClassVar[str] = "sessions"
    needs: ClassVar[frozenset[str]] = frozenset({"siting", "rounds"})

    to: Literal["village", "town"] = "village"
    times: int = pydantic.Field(gt=0)
    per: Literal["week", "month"] = "week"
    half_days: int = pydantic.Field(default=0, ge=0)
    where: Where = "out_of_reach"
    unless: tuple[Literal[INSTITUTION_KINDS], ...] = ()  # type: ignore[valid-type]
    listed: tuple[str, ...] = ()
    from_people: int = pydantic.Field(default=0, ge=0)
    below_people: int | None = pydantic.Field(default=None, gt=0)

    def __post_init__(self) -> None:
        """Refuse a list that is asked for and missing, and sizes that no village has.

        Raises
        ------
        ValueError
            When one of these is so.
        """
        if self.where == "listed" and not self.listed:
            raise ValueError(say("reason.rounds_listed"))
        if self.below_people is not None and self.below_people <= self.from_people:
            raise ValueError(say("reason.limits_cross"))

    def asks(self) -> Number:
        """Return the sessions asked for."""
        return self.times

    def stops(self, case: Case, t: int) -> Iterator[Stop]:
        """Yield the villages or towns that are looked at in a year; a village without people needs nobody."""
        if self.to == "town":
            yield from ((town, k, ()) for k, town in enumerate(case.towns))
            return
        for i, kind in enumerate(case.place_kinds):
            if kind != "village" or (self.where == "listed" and case.places[i] not in self.listed):
                continue
            people = int(case.people[i, t])
            if people and self.from_people <= people and (self.below_people is None or people < self.below_people):
                yield case.places[i], i, self._sparing(case, i)

    def _sparing(self, case: Case, i: int) -> tuple[int, ...]:
        match self.where:
            case "out_of_reach":
                # (What only some of the village can go to leaves the others out of reach.)
                near = case.sites_of_all[i]
                return tuple(j for j in near if case.sites[j].kind in self.unless) if self.unless else near
            case "without_own":
                kinds = self.unless or ("clinic",)
                return tuple(j for j in case.sites_in[i] if case.sites[j].kind in kinds)
        return ()

    def ways(self, case: Case) -> dict[str, int]:
        """Return the ways of outreach that count, and how often each comes in the rule's period."""
        found = {}
        for name, way in case.ways.items():
            plan = way.plan
            # (A month has four weeks at least; what comes once a month does not come every week.)
            periods = WEEKS[self.per] // WEEKS[plan.per]
            if plan.to == self.to and plan.half_days >= self.half_days and periods:
                found[name] = plan.times * periods
        return found

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield one row per village or town and year."""
        ways = self.ways(case)
        for t in self.when(case):
            for name, stop, sparing in self.stops(case, t):
                terms: dict[Key, Number] = {
                    visits(way, stop, j, t): often
                    for way, often in ways.items()
                    for j in case.ways[way].bases_of.get(stop, ())
                }
                terms |= {opened(j, t): self.times for j in sparing}
                yield Row((name, case.years[t]), terms, ">=", self.times, self.times, case.repeats[t])

    def missing(self, case: Case, layout: Layout, t: int) -> Iterator[tuple[str, int]]:
        """Yield each village or town to which rounds should come, and the sessions that it lacks."""
        ways = self.ways(case)
        for name, stop, sparing in self.stops(case, t):
            if not any((j, t) in layout.open for j in sparing):
                come = sum(often for way, often in ways.items() if (way, stop, t) in layout.visited)
                yield name, max(0, self.times - come)

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
