"""The share of people who live near enough to a site that has a function."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import ceil
from typing import Annotated, ClassVar

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.layout import Layout
from allocate.rows import Breach, Column, Key, Number, Row, amount
from allocate.rules.amounts import Name
from allocate.rules.base import STRICT, Rule
from allocate.rules.scopes import Scope, parts
from allocate.tables import SETTINGS
from allocate.units import SECONDS_PER_MINUTE, exact
from allocate.words import say


def _for_every_setting[T](limits: dict[str, T] | None) -> dict[str, T] | None:
    if limits is not None and set(limits) != set(SETTINGS):
        raise ValueError(say("reason.by_setting", settings=", ".join(SETTINGS)))
    return limits


_Metres = Annotated[
    dict[str, Annotated[int, pydantic.Field(gt=0, le=200_000)]], pydantic.AfterValidator(_for_every_setting)
]
_Minutes = Annotated[
    dict[str, Annotated[float, pydantic.Field(gt=0, le=240)]], pydantic.AfterValidator(_for_every_setting)
]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class FunctionReach(Rule):
    """At least a `share` of the people live within so many `metres` of an open site with a `function`, or `minutes`.

    How far is said for urban and for rural places, each with all their people; a place of which it is not known which
    it is, counts by the shorter one. Metres are straight lines, minutes the way by a `mode`. Who goes to which clinic
    has nothing to do with it: an ambulance station reaches whoever lives near it, and has room for all of them.
    """

    formula: ClassVar[str] = (
        r"\sum_{i \in S} p_{it} c_{it} \ge \lceil \alpha \sum_{i \in S} p_{it} \rceil, \quad "
        r"c_{it} \le \sum_{j : d_{ij} \le D_i} a_{fjt}, \quad c_{it} \le 1 \quad \forall S, t"
    )
    after: ClassVar[str] = "Church & ReVelle 1974, Papers of the Regional Science Association 32(1)"
    unit: ClassVar[str] = "persons"
    indicator: ClassVar[str] = "indicator.function_reach"
    measured_in: ClassVar[str] = "share"
    needs: ClassVar[frozenset[str]] = frozenset({"siting", "functions"})

    function: Name
    share: float = pydantic.Field(gt=0, le=1)
    scope: Scope = "district"
    metres: _Metres | None = None
    minutes: _Minutes | None = None
    mode: str = ""

    def __post_init__(self) -> None:
        """Refuse both limits, or none, or a way to travel that says nothing.

        Raises
        ------
        ValueError
            When metres and minutes are given or neither is, or a mode without minutes or the other way round.
        """
        if (self.metres is None) == (self.minutes is None) or bool(self.mode) != (self.minutes is not None):
            raise ValueError(say("reason.metres_or_minutes"))

    @property
    def abilities(self) -> tuple[str, ...]:
        """Return the function that is counted."""
        return (self.function,)

    def asks(self) -> Number:
        """Return the share of people asked for."""
        return exact(self.share)

    def limits(self) -> Mapping[str, int]:
        """Return how far a site may be by setting of the place, in whole metres, or seconds of the way [m or s]."""
        if self.metres is not None:
            return self.metres
        return {setting: int(exact(time) * SECONDS_PER_MINUTE) for setting, time in (self.minutes or {}).items()}

    def near(self, case: Case) -> tuple[tuple[int, ...], ...]:
        """Return, for every place, the sites that may have the function and are near enough."""
        return case.near(self.function, self.limits(), self.mode)

    def tells_apart(self, case: Case, i: int) -> Key:
        """Return the part of the district that the place counts for, and what would reach it."""
        part: Key = {"district": (), "town": (case.town_of[i],), "place": (i,)}[self.scope]
        return (*part, _together(self.near(case)[i]))

    def target(self, case: Case, members: tuple[int, ...], t: int) -> int:
        """Return the people who must be reached in a part of the district in a year [persons]."""
        return ceil(exact(self.share) * sum(int(case.people[i, t]) for i in members))

    def columns(self, case: Case) -> Iterator[Column]:
        """Yield whether some of the sites near a place have the function; whole of itself, as soon as these are."""
        for t in self.when(case):
            yield from (Column(self._reached(sites, t)) for sites in dict.fromkeys(self.near(case)))

    def ties(self, case: Case) -> Iterator[Row]:
        """Yield: only where one of the sites has the function; places near the same sites have one row."""
        for t in self.when(case):
            for sites in dict.fromkeys(self.near(case)):
                terms: dict[Key, Number] = {amount(self.function, j, t): 1 for j in sites}
                terms[self._reached(sites, t)] = -1
                yield Row((self.function, _together(sites), case.years[t]), terms, ">=", 0)

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield one row per part and year; a part without people needs none."""
        near = self.near(case)
        for t in self.when(case):
            for part, members in parts(case, self.scope):
                target = self.target(case, members, t)
                terms: dict[Key, Number] = {}
                for i in members:
                    key = self._reached(near[i], t)
                    terms[key] = terms.get(key, 0) + int(case.people[i, t])
                if target:
                    yield Row((part, case.years[t]), terms, ">=", target, target, case.repeats[t])

    def reaches(self, case: Case, layout: Layout, t: int) -> list[bool]:
        """Tell of every place whether a site near enough has the function in a year."""
        having = {j for j in case.holders(self.function)[1] if layout.has(self.function, j, t)}
        return [not having.isdisjoint(sites) for sites in self.near(case)]

    def breaches(self, case: Case, layout: Layout) -> Iterator[Breach]:
        """Yield each part and year in which too few live near enough."""
        for t in self.when(case):
            reached = self.reaches(case, layout, t)
            for part, members in parts(case, self.scope):
                target = self.target(case, members, t)
                people = sum(int(case.people[i, t]) for i in members if reached[i])
                if people < target:
                    details = {"people": people, "target": target}
                    yield Breach((part, case.years[t]), target - people, target, "breach.function_reach", details)

    def causes(self, case: Case, layout: Layout, t: int) -> list[tuple[tuple[str, ...], Number]]:
        """Return the places out of reach in the parts that fall short, those with most people first."""
        short = {breach.about[0] for breach in self.breaches(case, layout) if breach.about[1] == case.years[t]}
        reached = self.reaches(case, layout, t)
        found: list[tuple[tuple[str, ...], Number]] = [
            ((case.places[i],), int(case.people[i, t]))
            for part, members in parts(case, self.scope)
            if part in short
            for i in members
            if not reached[i] and case.people[i, t]
        ]
        return sorted(found, key=lambda cause: (-cause[1], cause[0]))

    def measure(self, case: Case, layout: Layout, t: int) -> tuple[Number, Number]:
        """Return the share of people reached, in the part where it is least, and the share asked for."""
        least, reached = Fraction(1), self.reaches(case, layout, t)
        for _, members in parts(case, self.scope):
            people = sum(int(case.people[i, t]) for i in members)
            if people:
                least = min(least, Fraction(sum(int(case.people[i, t]) for i in members if reached[i]), people))
        return least, exact(self.share)

    def _reached(self, sites: tuple[int, ...], t: int) -> Key:
        # Two rules that ask the same of the same sites share the variable.
        return ("reached", self.function, _together(sites), t)


def _together(sites: tuple[int, ...]) -> str:
    return "+".join(map(str, sites))
