"""How far hubs are from the hospital that leads them, how much changes, and how alike consortia are."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import ClassVar

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.consortia import Leading
from allocate.goals.base import Beside, Goal
from allocate.layout import Layout
from allocate.rows import LEADS, Column, Key, Number, Row, amount, joins, opened
from allocate.rules.base import STRICT
from allocate.units import SECONDS_PER_MINUTE, Basis


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Districting(Goal):
    """Hubs join consortia whose leads are near, as much as can be those above them today, and of about the same size.

    Every person of a hub (each place belongs to the nearest hub of its town) counts the minutes from the hub to its
    lead, one way, and `change_minutes` besides where the lead is not the hospital above the hub today. A person whose
    hub is in no consortium counts `outside_minutes`, so that leaving hubs out never pays. Every person by whom the
    largest consortium is larger than the smallest counts `balance_minutes`. The sum is over the plan years.
    """

    formula: ClassVar[str] = (
        r"\min \sum_t \Big( \sum_{jk} p_{jt} (d_{jk} + c\,[k \ne e_j])\, m_{jkt}"
        r" + \sum_j p_{jt} (D + c\,[e_j])\, o_{jt} + b\,(g_t - s_t) \Big): \; o_{jt} + \sum_k m_{jkt} \ge y_{jt},"
        r" \; g_t \ge \sum_j p_{jt} m_{jkt}, \; s_t \le \sum_j p_{jt} m_{jkt} + P_t (1 - l_{kt}), \; s_t \le g_t"
        r" \quad \forall k, t"
    )
    after: ClassVar[str] = "Hess, Weaver, Siegfeldt, Whelan & Zitlau 1965, Operations Research 13(6)"
    unit: ClassVar[str] = "person-minutes"
    sees_people: ClassVar[bool] = False
    sees_places: ClassVar[bool] = False
    beside: ClassVar[Beside] = "consortia"

    change_minutes: int = pydantic.Field(default=0, ge=0, le=1440)
    balance_minutes: int = pydantic.Field(default=0, ge=0, le=1440)
    outside_minutes: int = pydantic.Field(gt=0, le=1440)
    basis: Basis
    source: str = pydantic.Field(min_length=2)

    def columns(self, case: Case) -> Iterator[Column]:
        """Yield whether a hub is in no consortium (0 to 1), and the largest and the smallest consortium [persons]."""
        for t, _, hubs in self._years(case):
            yield from (Column(_outside(j, t)) for j in hubs)
            if self.balance_minutes:
                yield from (Column(key, high=sum(hubs.values())) for key in (_largest(t), _smallest(t)))

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield: an open hub is in a consortium or in none; no consortium is larger, or smaller, than those."""
        for t, leading, hubs in self._years(case):
            year = case.years[t]
            for j in hubs:
                site = case.sites[j]
                inside: dict[Key, Number] = {joins(j, k, t): 1 for k in leading.leads_of(j)}
                inside[_outside(j, t)] = 1
                terms = inside if site.is_fixed else inside | {opened(j, t): -1}
                yield Row(("outside", site.id, year), terms, ">=", int(site.is_fixed))
            if not self.balance_minutes:
                continue
            whole = sum(hubs.values())
            for k in leading.leads:
                size: dict[Key, Number] = {joins(j, k, t): hubs[j] for j in leading.members_of(k) if j in hubs}
                smaller = {key: -people for key, people in size.items()}
                yield Row(("largest", case.sites[k].id, year), {_largest(t): 1} | smaller, ">=", 0)
                # (Who leads none has no size: its row asks for nothing.)
                least = size | {amount(LEADS, k, t): -whole, _smallest(t): -1}
                yield Row(("smallest", case.sites[k].id, year), least, ">=", -whole)
            yield Row(("apart", year), {_largest(t): 1, _smallest(t): -1}, ">=", 0)

    def terms(self, case: Case) -> Mapping[Key, Number]:
        """Return what the people of every hub count with each lead, and what consortia that differ do [minutes]."""
        terms: dict[Key, Number] = {}
        for t, leading, hubs in self._years(case):
            for j, people in hubs.items():
                for k in leading.leads_of(j):
                    terms[joins(j, k, t)] = case.repeats[t] * people * self._minutes(leading, j, k)
                terms[_outside(j, t)] = case.repeats[t] * people * self._minutes(leading, j, None)
            if self.balance_minutes:
                apart = case.repeats[t] * self.balance_minutes
                terms |= {_largest(t): apart, _smallest(t): -apart}
        return {key: minutes for key, minutes in terms.items() if minutes}

    def value(self, case: Case, layout: Layout) -> Fraction:
        """Return the minutes of everybody's hub to its lead, with what changes and what differs [person-minutes]."""
        counted = Fraction(0)
        for t, leading, hubs in self._years(case):
            sizes = dict.fromkeys(layout.leads_in(t), 0)
            mine = Fraction(0)
            for j, people in hubs.items():
                lead = layout.lead_of.get((j, t))
                if (j, t) in layout.open:
                    mine += people * self._minutes(leading, j, lead)
                if lead in sizes:
                    sizes[lead] += people
            if sizes:
                mine += self.balance_minutes * (max(sizes.values()) - min(sizes.values()))
            counted += case.repeats[t] * mine
        return counted

    def _years(self, case: Case) -> Iterator[tuple[int, Leading, dict[int, int]]]:
        """Yield every year, how consortia may be formed, and the people of every hub that may join one."""
        if case.leading is None:
            return
        for t in case.periods:
            people = {j: case.people_of_hub(j, t) for j in case.leading.joiners}
            yield t, case.leading, {j: number for j, number in people.items() if number}

    def _minutes(self, leading: Leading, j: int, lead: int | None) -> Fraction:
        """Return what each person of a hub counts with a lead, or with none [minutes]."""
        seconds = None if lead is None else leading.pairs.get((j, lead))
        way = Fraction(self.outside_minutes) if seconds is None else Fraction(seconds, SECONDS_PER_MINUTE)
        return way + (self.change_minutes if leading.existing.get(j, lead) != lead else 0)


def _outside(j: int, t: int) -> Key:
    return ("outside", j, t)


def _largest(t: int) -> Key:
    return ("largest consortium", t)


def _smallest(t: int) -> Key:
    return ("smallest consortium", t)
