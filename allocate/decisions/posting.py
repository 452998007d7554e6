"""How many tours of experts every pool sends to every hub in every year."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from allocate.case import Case
from allocate.layout import Layout
from allocate.rows import LEADS, Breach, Column, Key, Number, Row, amount, opened, tours

# The helper variable of cuts: a site claims fewer experts than those for whom the cut was found (0 or 1).
FEWER = "fewer"


@dataclass(frozen=True)
class HomeStaff:
    """Staff of a resource at a hospital, of whom all pools of it send.

    Attributes
    ----------
    resource, hospital
        Name under which they are counted, and index of the hospital.
    pools
        Indices of the pools whose experts are such staff, or part of it.
    months
        Months of the year in which some of them may be away.
    """

    resource: str
    hospital: int
    pools: tuple[int, ...]
    months: int

    def free(self, case: Case, number: Callable[[str, int], Number]) -> Number:
        """Return how many of them are in no team there; `number` tells how many of a resource a site has."""
        teams = case.claims(self.resource, self.hospital)
        claimed = sum(times * number(team, self.hospital) for team, times in teams.items())
        return number(self.resource, self.hospital) - claimed


def home_staff(case: Case) -> tuple[HomeStaff, ...]:
    """Return the staff of hospitals that pools send from: nobody is away and in a team at home, or away from two."""
    found: dict[tuple[str, int], list[int]] = {}
    for p, pool in enumerate(case.pools):
        counted = case.counted_at(pool.resource, pool.hospital) if pool.resource and pool.hospital >= 0 else None
        if counted is not None:
            whole = case.resources[counted].part_of if counted in case.resources else ""
            for name in filter(None, (counted, whole)):
                found.setdefault((name, pool.hospital), []).append(p)
    return tuple(
        HomeStaff(name, j, tuple(group), len(frozenset[int]().union(*(case.pools[p].months for p in group))))
        for (name, j), group in found.items()
    )


def pairs(case: Case) -> Iterator[tuple[int, int, int]]:
    """Yield what may be sent: pool, months of the tour, site."""
    if case.postings is None:
        return
    for p, pool in enumerate(case.pools):
        for months in case.postings.months:
            if pool.tours and months <= pool.post_months:
                for j in case.receivers[p]:
                    yield p, months, j


def receives(case: Case, layout: Layout, j: int, t: int) -> bool:
    """Tell whether anybody may be posted to a site in a year: it is open, and a hospital leads where some do."""
    return (j, t) in layout.open and (not _must_lead(case, j) or bool(layout.amounts.get((LEADS, j, t))))


def _must_lead(case: Case, j: int) -> bool:
    """Tell whether a site only receives experts while it leads a consortium: a hospital that may."""
    return case.leading is not None and j in case.leading.leads


def columns(case: Case) -> Iterator[Column]:
    """Yield the variables: tours."""
    for p, months, j in pairs(case):
        pool = case.pools[p]
        most = min(pool.tours, pool.post_months // months)
        for t in case.periods:
            yield Column(tours(p, months, j, t), high=most, whole=True)


def rows(case: Case) -> Iterator[Row]:
    """Yield the physics: what departments can let go; who is away is employed and in no team; nobody at a closed site.

    Where consortia are formed, nobody goes to a hospital that leads none.

    Which months they go is worked out afterwards (`roster`); what is found there comes back as `Case.cuts`.
    """
    sent: dict[int, list[tuple[int, int]]] = {}
    for p, months, j in pairs(case):
        sent.setdefault(p, []).append((months, j))
    staff = home_staff(case)
    for t in case.periods:
        year = case.years[t]
        for p, group in sent.items():
            pool = case.pools[p]
            times: dict[Key, Number] = {tours(p, months, j, t): months for months, j in group}
            yield Row(("away", p, year), times, "<=", pool.post_months)
            yield Row(("tours", p, year), dict.fromkeys(times, 1), "<=", pool.tours)
        for one in staff:
            away: dict[Key, Number] = {
                tours(p, months, j, t): months for p in one.pools for months, j in sent.get(p, ())
            }
            # (Post-months of a year, against those of everybody who works there and is in no team.)
            there: dict[Key, Number] = {amount(one.resource, one.hospital, t): -one.months}
            for team, times_each in case.claims(one.resource, one.hospital).items():
                there[amount(team, one.hospital, t)] = one.months * times_each
            if away:
                yield Row(("staff away", one.resource, case.sites[one.hospital].id, year), away | there, "<=", 0)
        for p, months, j in pairs(case):
            site = case.sites[j]
            if not site.is_fixed:
                most = case.pools[p].tours
                here: dict[Key, Number] = {tours(p, months, j, t): 1, opened(j, t): -most}
                yield Row(("posted", p, months, site.id, year), here, "<=", 0)
            if _must_lead(case, j):
                led: dict[Key, Number] = {tours(p, months, j, t): 1, amount(LEADS, j, t): -case.pools[p].tours}
                yield Row(("led", p, months, site.id, year), led, "<=", 0)


def breaches(case: Case, layout: Layout) -> Iterator[Breach]:
    """Yield everything about postings in a finished plan that cannot be: the same sentences as `rows`."""
    known = set(pairs(case))
    for (p, months, j, t), number in sorted(layout.tours.items()):
        about = (p, months, case.sites[j].id, case.years[t])
        details: dict[str, object] = {"site": case.sites[j].name, "year": case.years[t], "number": number}
        if (p, months, j) not in known or number < 0:
            yield Breach(("tours", *about), abs(number), 1, "breach.posting_none", details)
        elif (j, t) not in layout.open:
            yield Breach(("posted", *about), number, 1, "breach.posting_closed", details)
        elif number and not receives(case, layout, j, t):
            yield Breach(("led", *about), number, 1, "breach.posting_unled", details)
    for t in case.periods:
        year = case.years[t]
        gone = [0] * len(case.pools)
        for p, pool in enumerate(case.pools):
            mine = [(months, n) for (q, months, _, u), n in layout.tours.items() if (q, u) == (p, t)]
            post_months, number = sum(months * n for months, n in mine), sum(n for _, n in mine)
            sender = case.sites[pool.hospital].name if pool.hospital >= 0 else pool.sender
            details = {"sender": sender, "specialty": pool.specialty, "year": year}
            if post_months > pool.post_months:
                more: dict[str, object] = {"number": post_months, "limit": pool.post_months}
                excess = post_months - pool.post_months
                yield Breach(("away", p, year), excess, 1, "breach.posting_away", details | more)
            if number > pool.tours:
                more = {"number": number, "limit": pool.tours}
                yield Breach(("tours", p, year), number - pool.tours, 1, "breach.posting_tours", details | more)
            gone[p] = post_months
        for one in home_staff(case):
            away = sum(gone[p] for p in one.pools)
            there = one.months * one.free(case, lambda what, j, t=t: layout.amounts.get((what, j, t), 0))  # type: ignore[misc]
            if away > there:
                site = case.sites[one.hospital]
                more = {
                    "site": site.name,
                    "resource": one.resource,
                    "year": year,
                    "number": away,
                    "limit": max(0, there),
                }
                whose = ("staff away", one.resource, site.id, year)
                yield Breach(whose, away - there, 1, "breach.posting_staff", more)
