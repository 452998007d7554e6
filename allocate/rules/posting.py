"""Who is posted to which institution."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import floor
from typing import ClassVar, Literal

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.decisions.posting import pairs
from allocate.layout import Layout
from allocate.postings import MONTHS, SENDERS
from allocate.rows import Breach, Column, Key, Number, Row, amount, joins, opened, tours
from allocate.rules.base import STRICT, Rule
from allocate.rules.scopes import site_parts
from allocate.tables import INSTITUTION_KINDS, RANKS
from allocate.units import exact
from allocate.words import say

# A part in which persons are counted: its name, its sites, and who sends (empty: whoever the rule names).
Part = tuple[str, tuple[int, ...], str]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Posting(Rule):
    """At least `at_least` persons of a sender are posted to each open site of the kinds in `to`, all the year round.

    `scope` says where they are counted: at each site, in each town or in the district for every open site there; or
    for each supporter, whatever sites it sends them to.
    Only persons of the `rank` or above count, whose tour is of `months` or more and who are there on `days_per_week`
    or more. A tour of half a year counts as half a person: two of them, one after the other, are one at all times.

    `or_remote` names equipment (a resource) by which a site can consult them from afar. Where it is named, such a site
    counts one person more, at as many sites as the pools that count cannot reach, and no more: remote consultation
    stands in where nobody can be had, and never where somebody is merely not sent.
    """

    formula: ClassVar[str] = (
        r"\sum_{j \in S} \sum_{p,m} \tfrac{m}{12} w_{pmjt} \ge n \sum_{j \in S} y_{jt} \quad \forall S, t"
    )
    after: ClassVar[str] = "Church & ReVelle 1974, Papers of the Regional Science Association 32(1)"
    unit: ClassVar[str] = "persons"
    indicator: ClassVar[str] = "indicator.posting"
    measured_in: ClassVar[str] = "persons"
    needs: ClassVar[frozenset[str]] = frozenset({"siting", "postings"})
    sees_places: ClassVar[bool] = False

    to: tuple[Literal[INSTITUTION_KINDS], ...] = pydantic.Field(min_length=1)  # type: ignore[valid-type]
    sent_by: Literal[SENDERS]  # type: ignore[valid-type]
    at_least: int = pydantic.Field(default=1, gt=0)
    scope: Literal["site", "town", "district", "supporter"] = "site"
    rank: Literal["", *RANKS] = ""  # type: ignore[valid-type]
    months: int = pydantic.Field(default=0, ge=0)
    days_per_week: float = pydantic.Field(default=0, ge=0, le=7)
    or_remote: str = ""

    def __post_init__(self) -> None:
        """Refuse remote consultation where persons are not counted site by site.

        Raises
        ------
        ValueError
            When it is named with another scope.
        """
        if self.or_remote and self.scope != "site":
            raise ValueError(say("reason.or_remote_site"))

    @property
    def resources(self) -> tuple[str, ...]:
        """Return the equipment for remote consultation, where it counts."""
        return (self.or_remote,) if self.or_remote else ()

    def asks(self) -> Number:
        """Return the persons asked for."""
        return self.at_least

    def parts(self, case: Case) -> Iterator[Part]:
        """Yield each part in which persons are counted; where nobody is a supporter, one without a sender."""
        if self.scope == "supporter":
            everywhere = tuple(j for j, site in enumerate(case.sites) if site.kind in self.to)
            senders = dict.fromkeys(
                pool.sender
                for p, pool in enumerate(case.pools)
                if any(case.sends_as(p, self.sent_by, j) for j in everywhere)
            )
            yield from ((sender, everywhere, sender) for sender in senders or (self.sent_by,))
            return
        found: list[tuple[str, tuple[int, ...]]]
        if self.scope == "site":
            found = [(site.id, (j,)) for j, site in enumerate(case.sites)]
        else:
            found = list(site_parts(case, "town" if self.scope == "town" else "district"))
        for part, members in found:
            inside = tuple(j for j in members if case.sites[j].kind in self.to)
            if inside:
                yield part, inside, ""

    def counts(self, case: Case, pool: int, months: int, j: int, sender: str = "") -> bool:
        """Tell whether a tour of a pool at a site counts, for one sender where that is asked."""
        one = case.pools[pool]
        return (
            case.sends_as(pool, self.sent_by, j)
            and (not self.rank or RANKS.index(one.rank) >= RANKS.index(self.rank))
            and months >= self.months
            and one.days_per_week >= exact(self.days_per_week)
            and sender in ("", one.sender)
        )

    def looks_at(self, case: Case, pool: int) -> bool:
        """Tell whether any tour of a pool may count somewhere."""
        lengths = case.postings.months if case.postings else ()
        return any(
            self.counts(case, pool, months, j)
            for j in case.receivers[pool]
            if case.sites[j].kind in self.to
            for months in lengths
        )

    def terms(self, case: Case, inside: tuple[int, ...], sender: str, t: int) -> dict[Key, Number]:
        """Return the persons posted to some sites in a year, as a sum of variables."""
        if self.by_lead(case):
            hospitals = {pool.hospital for pool in case.pools if sender in ("", pool.sender)}
            return {self._led(j, k, t): 1 for j, k in self._leading(case) if j in inside and k in hospitals}
        return {
            tours(p, months, j, t): Fraction(months, MONTHS)
            for p, months, j in sorted(pairs(case))
            if j in inside and self.counts(case, p, months, j, sender)
        }

    def posted(self, case: Case, layout: Layout, inside: tuple[int, ...], sender: str, t: int) -> Number:
        """Return the persons posted to some sites in a year: those of half a year count half."""
        return sum(
            (
                Fraction(months * number, MONTHS)
                for (p, months, j, u), number in layout.tours.items()
                if u == t and j in inside and self.counts(case, p, months, j, sender)
                if not self.by_lead(case) or layout.lead_of.get((j, t)) == case.pools[p].hospital
            ),
            Fraction(0),
        )

    def by_lead(self, case: Case) -> bool:
        """Tell whether only those count whom the lead of a site's consortium sends, and the plan says who that is."""
        return self.sent_by == "lead_hospital" and case.leading is not None

    def _leading(self, case: Case) -> list[tuple[int, int]]:
        """Return the pairs of a site and a hospital that may lead it."""
        return sorted((j, k) for j, k in case.leading.pairs if case.sites[j].kind in self.to) if case.leading else []

    def _led(self, j: int, k: int, t: int) -> Key:
        """Return the helper variable: persons whom hospital `k` sends to site `j`, whose consortium it leads."""
        return ("led", self.rank, self.months, str(self.days_per_week), j, k, t)

    def _from_lead(self, case: Case) -> Iterator[tuple[int, int, int, Mapping[tuple[int, int], int], int]]:
        """Yield year, site and lead, the tours that count by pool and months, and the most persons that they can be."""
        sent: dict[tuple[int, int], dict[tuple[int, int], int]] = {}
        for p, months, j in pairs(case):
            if self.counts(case, p, months, j):
                sent.setdefault((j, case.pools[p].hospital), {})[p, months] = months
        for t in self.when(case) if self.by_lead(case) else ():
            for j, k in self._leading(case):
                counted = sent.get((j, k), {})
                yield t, j, k, counted, sum(case.pools[p].away for p in {p for p, _ in counted})

    def wanted(self, layout: Layout, inside: tuple[int, ...], t: int) -> int:
        """Return the persons whom some sites need in a year."""
        if self.scope == "supporter":
            return self.at_least
        return self.at_least * sum((j, t) in layout.open for j in inside)

    def out_of_reach(self, case: Case) -> int:
        """Return at how many sites nobody can be had, however the pools that count are shared out."""
        count = sum(site.kind in self.to for site in case.sites)
        longest = max(case.postings.months) if case.postings else 0
        able = sum(
            (
                Fraction(min(pool.post_months, pool.tours * longest), MONTHS)
                for p, pool in enumerate(case.pools)
                if self.looks_at(case, p)
            ),
            Fraction(0),
        )
        return max(0, count - floor(able / self.at_least))

    def columns(self, case: Case) -> Iterator[Column]:
        """Yield whether a site is supported from afar where nobody can be had (0 or 1), and whom its lead sends."""
        for t, j, k, _, most in self._from_lead(case):
            yield Column(self._led(j, k, t), high=most)
        for t in self.when(case) if self.or_remote else ():
            yield from (Column(self._remote(j, t), whole=True) for j in self._equipped(case))

    def ties(self, case: Case) -> Iterator[Row]:
        """Yield: from afar only where there is the equipment, and at no more sites than the pools leave out.

        From a lead only those whom it sends, and only to members of its consortium.
        """
        for t, j, k, counted, most in self._from_lead(case):
            about = (case.sites[j].id, case.sites[k].id, case.years[t])
            here = self._led(j, k, t)
            sent: dict[Key, Number] = {tours(p, months, j, t): -Fraction(months, MONTHS) for p, months in counted}
            yield Row(("sent", *about), {here: 1} | sent, "<=", 0)
            yield Row(("led", *about), {here: 1, joins(j, k, t): -most}, "<=", 0)
        for t in self.when(case) if self.or_remote else ():
            there = self._equipped(case)
            for j in there:
                terms: dict[Key, Number] = {self._remote(j, t): 1, amount(self.or_remote, j, t): -1}
                yield Row(("remote", case.sites[j].id, case.years[t]), terms, "<=", 0)
            every: dict[Key, Number] = {self._remote(j, t): 1 for j in there}
            if every:
                yield Row(("remote", case.years[t]), every, "<=", self.out_of_reach(case))

    def remote(self, case: Case, layout: Layout, t: int) -> frozenset[int]:
        """Return the sites that count as supported from afar in a year: those that lack most come first."""
        if not self.or_remote:
            return frozenset()
        lacking = [
            (-lacks, j)
            for j in self._equipped(case)
            if (j, t) in layout.open
            and layout.amounts.get((self.or_remote, j, t), 0)
            and (lacks := self.at_least - self.posted(case, layout, (j,), "", t)) > 0
        ]
        return frozenset(j for _, j in sorted(lacking)[: self.out_of_reach(case)])

    def _equipped(self, case: Case) -> list[int]:
        """Return the sites that may have the equipment."""
        return [j for j in case.holders(self.or_remote)[1] if case.sites[j].kind in self.to]

    def _remote(self, j: int, t: int) -> Key:
        # Two rules that ask the same of the same senders share the variable.
        about = (self.or_remote, self.sent_by, self.rank, self.months, str(self.days_per_week), self.at_least)
        return ("remote", *about, j, t)

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield one row per part and year; a closed site needs nobody."""
        for t in self.when(case):
            equipped = self._equipped(case) if self.or_remote else []
            for part, inside, sender in self.parts(case):
                terms = self.terms(case, inside, sender, t)
                terms |= {self._remote(j, t): 1 for j in inside if j in equipped}
                bound = self.at_least
                if self.scope != "supporter":
                    terms |= {opened(j, t): -self.at_least for j in inside}
                    bound = 0
                yield Row((part, case.years[t]), terms, ">=", bound, self._target(inside), case.repeats[t])

    def breaches(self, case: Case, layout: Layout) -> Iterator[Breach]:
        """Yield each part and year with too few."""
        for t in self.when(case):
            for part, inside, number, wanted in self._numbers(case, layout, t):
                if number < wanted:
                    details = {"number": number, "target": wanted}
                    about = (part, case.years[t])
                    yield Breach(about, wanted - number, self._target(inside), "breach.posting", details)

    def measure(self, case: Case, layout: Layout, t: int) -> tuple[Number, Number]:
        """Return the persons posted to the part that is farthest off, and how many it needs."""
        numbers = [(number, wanted) for _, _, number, wanted in self._numbers(case, layout, t)]
        return min(numbers, key=lambda one: (one[0] - one[1], one[0]), default=(0, 0))

    def _numbers(self, case: Case, layout: Layout, t: int) -> Iterator[tuple[str, tuple[int, ...], Number, int]]:
        """Yield each part and its sites, the persons posted there or standing in from afar, and those wanted."""
        remote = self.remote(case, layout, t)
        for part, inside, sender in self.parts(case):
            number = self.posted(case, layout, inside, sender, t) + len(remote.intersection(inside))
            yield part, inside, number, self.wanted(layout, inside, t)

    def _target(self, inside: tuple[int, ...]) -> int:
        """Return the persons whom some sites need when all of them are open."""
        return self.at_least if self.scope == "supporter" else self.at_least * len(inside)
