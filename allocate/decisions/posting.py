"""How many tours of experts every pool sends to every hub in every year."""

from collections.abc import Iterator

from allocate.case import Case
from allocate.layout import Layout
from allocate.rows import Breach, Column, Key, Number, Row, amount, opened, tours

# The helper variable of cuts: a site claims fewer experts than those for whom the cut was found (0 or 1).
FEWER = "fewer"


def pairs(case: Case) -> Iterator[tuple[int, int, int]]:
    """Yield what may be sent: pool, months of the tour, site."""
    if case.postings is None:
        return
    for p, pool in enumerate(case.pools):
        for months in case.postings.months:
            if pool.tours and months <= pool.post_months:
                for j in case.receivers[p]:
                    yield p, months, j


def columns(case: Case) -> Iterator[Column]:
    """Yield the variables: tours."""
    for p, months, j in pairs(case):
        pool = case.pools[p]
        most = min(pool.tours, pool.post_months // months)
        for t in case.periods:
            yield Column(tours(p, months, j, t), high=most, whole=True)


def rows(case: Case) -> Iterator[Row]:
    """Yield the physics: what departments can let go; who is away works at the hospital; nobody at a closed site.

    Which months they go is worked out afterwards (`roster`); what is found there comes back as `Case.cuts`.
    """
    sent: dict[int, list[tuple[int, int]]] = {}
    for p, months, j in pairs(case):
        sent.setdefault(p, []).append((months, j))
    for t in case.periods:
        year = case.years[t]
        away: dict[tuple[str, int], dict[Key, Number]] = {}
        for p, group in sent.items():
            pool = case.pools[p]
            times: dict[Key, Number] = {tours(p, months, j, t): months for months, j in group}
            yield Row(("away", p, year), times, "<=", pool.post_months)
            yield Row(("tours", p, year), dict.fromkeys(times, 1), "<=", pool.tours)
            if pool.resource and pool.hospital >= 0:
                away.setdefault((pool.resource, pool.hospital), {}).update(times)
        for (name, hospital), terms in away.items():
            counted = case.counted_at(name, hospital)
            if counted is not None:
                # (Post-months of a year, against twelve for everybody who works there.)
                there: dict[Key, Number] = {amount(counted, hospital, t): -12}
                yield Row(("staff away", name, case.sites[hospital].id, year), terms | there, "<=", 0)
        for p, months, j in pairs(case):
            site = case.sites[j]
            if not site.exists or site.closable:
                most = case.pools[p].tours
                here: dict[Key, Number] = {tours(p, months, j, t): 1, opened(j, t): -most}
                yield Row(("posted", p, months, site.id, year), here, "<=", 0)


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
    for t in case.periods:
        year = case.years[t]
        away: dict[tuple[str, int], int] = {}
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
            if pool.resource and pool.hospital >= 0:
                key = (pool.resource, pool.hospital)
                away[key] = away.get(key, 0) + post_months
        for (name, hospital), post_months in away.items():
            counted = case.counted_at(name, hospital)
            there = 12 * (0 if counted is None else layout.amounts.get((counted, hospital, t), 0))
            if counted is not None and post_months > there:
                site = case.sites[hospital]
                more = {"site": site.name, "resource": name, "year": year, "number": post_months, "limit": there}
                whose = ("staff away", name, site.id, year)
                yield Breach(whose, post_months - there, 1, "breach.posting_staff", more)
