"""How well those who are posted fit what each hub needs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass as plain
from fractions import Fraction
from typing import Annotated, ClassVar, Literal

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.decisions.posting import pairs
from allocate.goals.base import Beside, Goal
from allocate.layout import Layout
from allocate.population import COLUMNS
from allocate.postings import MONTHS, SPECIALTY
from allocate.rows import Column, Key, Number, Row, tours
from allocate.rules.base import STRICT
from allocate.tables import HUB_KINDS
from allocate.units import SECONDS_PER_MINUTE, Basis, exact

EVERYBODY = "people"
# The age groups of a case, by the column of the tables that gives them.
AGES = {column: group for group, column in COLUMNS.items()}
Group = Literal[EVERYBODY, *AGES]  # type: ignore[valid-type]
Weight = Annotated[float, pydantic.Field(gt=0, le=1000)]
Specialty = Annotated[str, pydantic.Field(pattern=SPECIALTY)]
# Needs are compared in thousandths: a finer one would be a price that a solver takes for nothing.
_PARTS = 1000
_SECONDS_PER_HOUR = 60 * SECONDS_PER_MINUTE


@plain(frozen=True)
class Fit:
    """How much a hub needs of a specialty, and who comes.

    Attributes
    ----------
    hub
        Id of the hub.
    need
        Its need as a share of what the hub needs most.
    months
        Post-months there in the year.
    """

    hub: str
    specialty: str
    need: Fraction
    months: int


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Match(Goal):
    """Who is posted where fits what each hub needs, with short ways and few handovers: few post-months are lost.

    A hub needs of each specialty the sum of its weights times the people of these groups in the hub's town, in that
    year (a hospital that receives somebody: in the district); what it is known to lack counts `missing` times, what it
    is known to have is divided by that (fields.csv). What it needs most is its measure: of each month there, need ÷
    greatest need fits (in whole thousandths), and the rest is lost. Twelve post-months of a specialty fit at a hub in
    a year; more of them are lost. Every tour costs `handover_months` besides, and, from a hospital of the district,
    `months_per_hour` for each hour of the way there, one way. The sum is over the rosters of the plan years.
    """

    formula: ClassVar[str] = (
        r"\min \sum_{p,m,j,t} \Big( m \big(1 - \tfrac{n_{jst}}{\max_r n_{jrt}}\big) + h + g\, d_{pj} \Big) w_{pmjt} + "
        r"\sum_{j,s,t} \tfrac{n_{jst}}{\max_r n_{jrt}}\, v_{jst}: \; "
        r"v_{jst} \ge \sum_{p \in s, m} m\, w_{pmjt} - 12, \; v_{jst} \ge 0"
    )
    after: ClassVar[str] = "Hitchcock 1941, Journal of Mathematics and Physics 20"
    unit: ClassVar[str] = "post-months"
    sees_people: ClassVar[bool] = False
    beside: ClassVar[Beside] = "postings"

    specialties: dict[Specialty, dict[Group, Weight]] = pydantic.Field(min_length=1)
    missing: float = pydantic.Field(default=2.0, ge=1, le=1000)
    handover_months: float = pydantic.Field(default=0.5, ge=0, le=12)
    months_per_hour: float = pydantic.Field(default=0.1, ge=0, le=12)
    mode: str
    basis: Basis
    source: str = pydantic.Field(min_length=2)

    @property
    def groups(self) -> frozenset[str]:
        """Return the groups of people that some specialty looks at."""
        return frozenset(group for weights in self.specialties.values() for group in weights)

    def columns(self, case: Case) -> Iterator[Column]:
        """Yield the post-months of a specialty at a hub that are more than twelve."""
        for (j, specialty, t), sent in self._sent(case).items():
            most = sum(case.pools[p].post_months for p in {p for p, _ in sent})
            yield Column(_more(j, specialty, t), high=most - MONTHS)

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield one row per hub, specialty and year."""
        for (j, specialty, t), sent in self._sent(case).items():
            terms: dict[Key, Number] = {tours(p, months, j, t): -months for p, months in sent}
            terms[_more(j, specialty, t)] = 1
            yield Row((case.sites[j].id, specialty, case.years[t]), terms, ">=", -MONTHS)

    def terms(self, case: Case) -> Mapping[Key, Number]:
        """Return what every tour loses, and what every month beyond twelve of its specialty loses besides [months]."""
        terms: dict[Key, Number] = {}
        needs = [self.needs(case, t) for t in case.periods]
        for t in case.periods:
            for p, months, j in pairs(case):
                fitting = months * needs[t][j].get(case.pools[p].specialty, Fraction(0))
                terms[tours(p, months, j, t)] = case.repeats[t] * (months - fitting + self._tour(case, p, j))
        for j, specialty, t in self._sent(case):
            terms[_more(j, specialty, t)] = case.repeats[t] * needs[t][j][specialty]
        return {key: lost for key, lost in terms.items() if lost}

    def value(self, case: Case, layout: Layout) -> Fraction:
        """Return the post-months that are lost, over the rosters of the plan years [months]."""
        lost = Fraction(0)
        for t in case.periods:
            gone = Fraction(0)
            for (p, months, j, u), number in layout.tours.items():
                if u == t:
                    gone += number * (months + self._tour(case, p, j))
            fitting = (one.need * min(one.months, MONTHS) for one in fits(case, layout, self, t))
            lost += case.repeats[t] * (gone - sum(fitting))
        return lost

    def tells_apart(self, case: Case, i: int) -> Key:
        """Return the town."""
        return (case.town_of[i],)

    def needs(self, case: Case, t: int) -> Mapping[int, Mapping[str, Fraction]]:
        """Return, for every site that receives anybody, its need of each specialty as a share of its greatest."""
        sites = sorted({j for inside in case.receivers for j in inside})
        return {j: _shares({name: self._need(case, j, name, t) for name in self.specialties}) for j in sites}

    def _need(self, case: Case, j: int, specialty: str, t: int) -> Fraction:
        """Return what a site needs of a specialty [people, weighed]."""
        site = case.sites[j]
        is_whole = site.kind not in HUB_KINDS
        inside = [i for i, k in enumerate(case.town_of) if is_whole or case.towns[k] == site.town]
        need = Fraction(0)
        for group, weight in self.specialties[specialty].items():
            people = case.people if group == EVERYBODY else case.ages[AGES[group]]
            need += exact(weight) * int(people[inside, t].sum())
        is_there = case.fields.get((j, specialty))
        if is_there is None:
            return need
        return need / exact(self.missing) if is_there else need * exact(self.missing)

    def _tour(self, case: Case, p: int, j: int) -> Fraction:
        """Return what a tour loses however long it is: in handing over, and on the way [months]."""
        hospital = case.pools[p].hospital
        seconds = case.way(self.mode, hospital, j) if hospital >= 0 else 0
        return exact(self.handover_months) + exact(self.months_per_hour) * Fraction(seconds, _SECONDS_PER_HOUR)

    def _sent(self, case: Case) -> dict[tuple[int, str, int], list[tuple[int, int]]]:
        """Return the pools and months of tours, by hub, specialty and year in which more than twelve months may fit."""
        found: dict[tuple[int, str, int], list[tuple[int, int]]] = {}
        for t in case.periods:
            needs = self.needs(case, t)
            for p, months, j in pairs(case):
                specialty = case.pools[p].specialty
                if needs[j].get(specialty):
                    found.setdefault((j, specialty, t), []).append((p, months))
        return {
            about: sent
            for about, sent in found.items()
            if sum(case.pools[p].post_months for p in {p for p, _ in sent}) > MONTHS
        }


def fits(case: Case, layout: Layout, goal: Match, t: int) -> list[Fit]:
    """Return, for every hub, the specialties that it needs or has posted in a year: need, and post-months there.

    What it needs most comes first. A site that is no hub stands there if somebody is posted to it.
    """
    posted: dict[int, dict[str, int]] = {}
    for (p, months, j, u), number in layout.tours.items():
        if u == t:
            here, specialty = posted.setdefault(j, {}), case.pools[p].specialty
            here[specialty] = here.get(specialty, 0) + months * number
    rows = []
    for j, needs in goal.needs(case, t).items():
        here = posted.get(j, {})
        if here or (case.sites[j].kind in HUB_KINDS and (j, t) in layout.open):
            every = sorted({*needs, *here}, key=lambda name: (-needs.get(name, Fraction(0)), name))
            hub = case.sites[j].id
            rows += [Fit(hub, name, needs.get(name, Fraction(0)), here.get(name, 0)) for name in every]
    return rows


def _shares(needs: Mapping[str, Fraction]) -> dict[str, Fraction]:
    """Return needs as shares of the greatest, in whole thousandths."""
    greatest = max(needs.values())
    return {
        name: Fraction(_PARTS * need // greatest, _PARTS) if greatest else Fraction(0) for name, need in needs.items()
    }


def _more(j: int, specialty: str, t: int) -> Key:
    return ("more than twelve", specialty, j, t)
