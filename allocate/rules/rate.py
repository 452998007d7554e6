"""How much of a resource there is for every 1,000 or 10,000 people, or 30,000 as ambulances are counted."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import ceil, floor
from typing import ClassVar, Literal

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.gaps import shown_number
from allocate.layout import Layout
from allocate.rows import Breach, Key, Number, Row
from allocate.rules.amounts import Name, held, terms, unit_of
from allocate.rules.base import STRICT, Rule, Wants, refuse_limits, wants_of
from allocate.rules.scopes import parts, site_parts
from allocate.tables import SETTINGS
from allocate.units import exact

PER = (1_000, 10_000, 30_000, 100_000)
_EVERYWHERE = ("", *SETTINGS)


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Rate(Rule):
    """The district, or each town, has at least `at_least` and at most `at_most` of a `resource` for every `per` people.

    Staff, beds and teams come whole: the lower limit is rounded up, the upper one down. The people are the residents
    of the year, those of urban or of rural places only where `setting` says so. Where a document counts registered
    people (`denominator = "registered"`) they are as many for every resident as the published totals say; where there
    is no such total, or the document does not say whom it counts (`"unstated"`), the residents stand in for them. A
    town has what its own sites have, so that an average cannot hide a town.
    """

    formula: ClassVar[str] = (
        r"\left\lceil \tfrac{l}{q} \sum_{i \in S} p_{it} \right\rceil \le \sum_{j \in S} a_{rjt}"
        r" \le \left\lfloor \tfrac{u}{q} \sum_{i \in S} p_{it} \right\rfloor \quad \forall S, t"
    )
    after: ClassVar[str] = "Hall & Mejía 1978, Health Manpower Planning, World Health Organization"
    indicator: ClassVar[str] = "indicator.rate"
    needs: ClassVar[frozenset[str]] = frozenset({"staff"})

    resource: Name
    per: Literal[PER]  # type: ignore[valid-type]
    at_least: float | None = pydantic.Field(default=None, gt=0)
    at_most: float | None = pydantic.Field(default=None, ge=0)
    denominator: Literal["resident", "registered", "unstated"] = "resident"
    scope: Literal["district", "town"] = "district"
    setting: Literal[_EVERYWHERE] = ""  # type: ignore[valid-type]

    def __post_init__(self) -> None:
        refuse_limits(self.at_least, self.at_most)

    @property
    def unit(self) -> str:  # type: ignore[override]
        """Return what the resource is counted in."""
        return unit_of(self.resource)

    @property
    def measured_in(self) -> str:  # type: ignore[override]
        """Return for how many people the resource is counted."""
        return f"per_{self.per}"

    @property
    def resources(self) -> tuple[str, ...]:
        """Return the resource that is counted."""
        return (self.resource,)

    def tells_apart(self, case: Case, i: int) -> Key:
        """Return the part of the district and the setting that its people count for."""
        part = case.town_of[i] if self.scope == "town" else ""
        return part, case.place_settings[i] if self.setting else ""

    def people(self, case: Case, t: int) -> Fraction:
        """Return the people of the district who are counted in a year [persons]."""
        return self._counted(case, range(len(case.places)), t)

    def _counted(self, case: Case, members: Iterable[int], t: int) -> Fraction:
        share = case.registered_share if self.denominator == "registered" else None
        inside = (i for i in members if not self.setting or case.place_settings[i] == self.setting)
        return sum(int(case.people[i, t]) for i in inside) * (Fraction(1) if share is None else share)

    def limits(self, case: Case, t: int) -> Iterator[tuple[str, tuple[int, ...], Fraction, int | None, int | None]]:
        """Yield each part, its sites, its people, and the least and the most of the resource there, in whole units.

        Where none of the people live that are counted, nothing is asked for and nothing is too much.
        """
        sites = dict(site_parts(case, self.scope))
        for part, members in parts(case, self.scope):
            people = self._counted(case, members, t)
            groups = people / self.per
            least = None if self.at_least is None or not people else ceil(exact(self.at_least) * groups)
            most = None if self.at_most is None or not people else floor(exact(self.at_most) * groups)
            yield part, sites[part], people, least, most

    def _about(self, part: str, *rest: str | int) -> Key:
        return (part, *rest) if self.scope == "town" else rest

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield a row per limit, part and year; without people there is nothing to ask for."""
        for t in self.when(case):
            year, times = case.years[t], case.repeats[t]
            for part, sites, _, least, most in self.limits(case, t):
                there = terms(case, self.resource, t, sites=sites)
                if least is not None:
                    yield Row(self._about(part, year, "least"), there, ">=", least, least, times)
                if most is not None:
                    yield Row(self._about(part, year, "most"), there, "<=", most, max(most, 1), times)

    def breaches(self, case: Case, layout: Layout) -> Iterator[Breach]:
        """Yield each part and year with too little or too much of the resource."""
        for t in self.when(case):
            year = case.years[t]
            for part, sites, _, least, most in self.limits(case, t):
                there = held(case, layout, self.resource, t, sites)
                if least is not None and there < least:
                    details = {"amount": shown_number(there), "limit": least}
                    about = self._about(part, year, "least")
                    yield Breach(about, least - there, least, "breach.amount_few", details)
                if most is not None and there > most:
                    details = {"amount": shown_number(there), "limit": most}
                    about = self._about(part, year, "most")
                    yield Breach(about, there - most, max(most, 1), "breach.amount_many", details)

    def sense(self) -> Wants | None:
        """Say which limit a year that keeps the rule shows: the lower one where there are two."""
        return wants_of(self.at_least, self.at_most)

    def measure(self, case: Case, layout: Layout, t: int) -> tuple[Number, Number]:
        """Return how much there is for `per` people, in the part that is farthest off, and the limit.

        The limit is the upper one where it is passed.
        """
        low, high = exact(self.at_least or 0), exact(self.at_most or 0)
        found: list[tuple[Fraction, Number, Number]] = []
        for _, sites, people, least, most in self.limits(case, t):
            if not people:
                continue
            there = Fraction(held(case, layout, self.resource, t, sites))
            rate = there * self.per / people
            if least is None or (most is not None and there > most):
                found.append(((there - (most or 0)) / max(most or 0, 1), rate, high))
            else:
                found.append(((least - there) / least, rate, low))
        nothing: Number = low if self.at_least is not None else 0
        _, rate, limit = max(found, key=lambda one: one[0], default=(0, nothing, low or high))
        return rate, limit

    def asks(self) -> Number:
        """Return how much is asked for `per` people: the lower limit where there are two."""
        return exact(self.at_least or self.at_most or 0)
