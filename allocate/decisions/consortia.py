"""Which consortium every hub is in, and which hospitals lead one."""

from collections.abc import Iterator

from allocate.case import Case
from allocate.consortia import Leading
from allocate.layout import Layout
from allocate.rows import LEADS, Breach, Column, Key, Number, Row, amount, joins, opened


def in_consortium(leading: Leading, j: int, k: int, t: int) -> Key | None:
    """Return the variable that says whether a site is in a hospital's consortium; None where it cannot be.

    Whoever leads a consortium is in it.
    """
    if j == k:
        return amount(LEADS, k, t)
    return joins(j, k, t) if (j, k) in leading.pairs else None


def may_be_together(case: Case, j: int, k: int) -> bool:
    """Tell whether two sites may be in the same consortium."""
    told = case.leading
    return told is not None and any(
        in_consortium(told, j, lead, 0) and in_consortium(told, k, lead, 0) for lead in told.leads
    )


def member_terms(case: Case, j: int, t: int) -> list[Key]:
    """Return the variables of which one is 1 where a site is in a consortium."""
    if case.leading is None:
        return []
    inside = (in_consortium(case.leading, j, k, t) for k in case.leading.leads)
    return [key for key in inside if key is not None]


def stays(case: Case, about: Key, now: Key, before: Key | None, j: int, t: int) -> Row:
    """Return: what was so a year before (None: today) still is, unless the site closes."""
    terms: dict[Key, Number] = {now: 1} if before is None else {now: 1, before: -1}
    bound = 1 if before is None else 0
    if case.sites[j].closable:
        terms[opened(j, t)] = -1
        bound -= 1
    return Row(about, terms, ">=", bound)


def _flows(leading: Leading, k: int) -> Iterator[tuple[int, int]]:
    """Yield the ways by which what a hospital sends out can reach its members: over towns that adjoin."""
    mine = {*leading.members_of(k), k}
    yield from sorted((a, b) for a, b in leading.borders if a in mine and b in mine and b != k)


def _flow(k: int, a: int, b: int, t: int) -> Key:
    return ("passes", k, a, b, t)


def columns(case: Case) -> Iterator[Column]:
    """Yield the variables: who joins whom, who leads; where members must adjoin, what passes from one to the next."""
    leading = case.leading
    if leading is None:
        return
    for t in case.periods:
        yield from (Column(amount(LEADS, k, t), whole=True) for k in leading.leads)
        yield from (Column(joins(j, k, t), whole=True) for j, k in sorted(leading.pairs))
        for k in leading.leads if leading.plan.contiguous else ():
            most = len(leading.members_of(k))
            yield from (Column(_flow(k, a, b, t), high=most) for a, b in _flows(leading, k))


def rows(case: Case) -> Iterator[Row]:
    """Yield the physics: in one consortium at most, of a hospital that leads; a consortium once formed stays.

    Where members must adjoin, a lead sends one out for each of them, which only members pass on (Shirabe 2005,
    Geographical Analysis 37(1)).
    """
    leading = case.leading
    if leading is None:
        return
    for t in case.periods:
        year = case.years[t]
        for j in leading.joiners:
            site = case.sites[j]
            inside: dict[Key, Number] = {joins(j, k, t): 1 for k in leading.leads_of(j)}
            if j in leading.leads:
                inside[amount(LEADS, j, t)] = 1
            terms = inside if site.is_fixed else inside | {opened(j, t): -1}
            yield Row(("one", site.id, year), terms, "<=", int(site.is_fixed))
        for j, k in sorted(leading.pairs):
            about = (case.sites[j].id, case.sites[k].id, year)
            yield Row(("led", *about), {joins(j, k, t): 1, amount(LEADS, k, t): -1}, "<=", 0)
            if t:
                yield stays(case, ("stays", *about), joins(j, k, t), joins(j, k, t - 1), j, t)
        for k in leading.leads:
            about_lead = (case.sites[k].id, year)
            if k in leading.given:
                # (It leads, even where nobody joins.)
                yield Row(("given", *about_lead), {amount(LEADS, k, t): 1}, ">=", 1)
                continue
            members: dict[Key, Number] = {joins(j, k, t): -1 for j in leading.members_of(k)}
            yield Row(("empty", *about_lead), {amount(LEADS, k, t): 1} | members, "<=", 0)
        if leading.plan.contiguous:
            yield from _adjoining(case, leading, t)


def _adjoining(case: Case, leading: Leading, t: int) -> Iterator[Row]:
    for k in leading.leads:
        members, flows = leading.members_of(k), list(_flows(leading, k))
        for j in members:
            about = (case.sites[j].id, case.sites[k].id, case.years[t])
            into: dict[Key, Number] = {_flow(k, a, b, t): 1 for a, b in flows if b == j}
            out: dict[Key, Number] = {_flow(k, a, b, t): -1 for a, b in flows if a == j}
            yield Row(("passes", *about), into | out | {joins(j, k, t): -1}, "==", 0)
            yield Row(("passes on", *about), into | {joins(j, k, t): -len(members)}, "<=", 0)


def hospital_above(case: Case, layout: Layout, j: int) -> int:
    """Return the index of the hospital above a site in a plan; -1 without one.

    Where the plan forms consortia, that is the lead of the one that the site, or the hub above it, is in: once in it,
    it stays. Else it is that of today.
    """
    if case.leading is None:
        return case.hospital_of(j)
    chain = (j, case.above(j))
    leads = (layout.lead_of.get((k, t), -1) for k in chain if k >= 0 for t in reversed(case.periods))
    return next((lead for lead in leads if lead not in (-1, j)), -1)


def apart(case: Case, layout: Layout, k: int, t: int) -> list[int]:
    """Return the members that border neither on their lead's town nor on a member that does, and so on."""
    if case.leading is None:
        return []
    members = frozenset(layout.members_of(k, t)) - {k}
    return sorted(members - case.leading.linked(k, members))


def breaches(case: Case, layout: Layout) -> Iterator[Breach]:
    """Yield everything about consortia in a finished plan that cannot be: the same sentences as `rows`."""
    leading = case.leading
    leads = {(k, t) for (what, k, t), number in layout.amounts.items() if what == LEADS and number}
    seen: dict[tuple[int, int], int] = {(k, t): k for k, t in leads}
    for (what, k, t), number in sorted(layout.amounts.items(), key=str):
        if what == LEADS and (number not in (0, 1) or leading is None or k not in leading.leads):
            details: dict[str, object] = {"lead": case.sites[k].name, "year": case.years[t]}
            yield Breach(("leads", case.sites[k].id, case.years[t]), 1, 1, "breach.lead_none", details)
    for j, k, t in sorted(layout.members):
        site, lead, year = case.sites[j], case.sites[k], case.years[t]
        details = {"site": site.name, "lead": lead.name, "year": year}
        about = (site.id, lead.id, year)
        if leading is None or (j, k) not in leading.pairs:
            yield Breach(("joins", *about), 1, 1, "breach.member_none", details)
            continue
        if (j, t) not in layout.open:
            yield Breach(("member", *about), 1, 1, "breach.member_closed", details)
        if (k, t) not in leads:
            yield Breach(("led", *about), 1, 1, "breach.member_unled", details)
        if (j, t) in seen:
            more = {"other": case.sites[seen[j, t]].name}
            yield Breach(("one", site.id, lead.id, year), 1, 1, "breach.member_twice", details | more)
        seen.setdefault((j, t), k)
        if t + 1 in case.periods and (j, t + 1) in layout.open and (j, k, t + 1) not in layout.members:
            yield Breach(("stays", *about), 1, 1, "breach.member_left", details)
    if leading is None:
        return
    for k in leading.leads:
        for t in case.periods:
            details = {"lead": case.sites[k].name, "year": case.years[t]}
            if k not in leading.given and (k, t) in leads and not layout.members_of(k, t):
                yield Breach(("empty", case.sites[k].id, case.years[t]), 1, 1, "breach.lead_empty", details)
            if k in leading.given and (k, t) not in leads:
                yield Breach(("given", case.sites[k].id, case.years[t]), 1, 1, "breach.lead_given", details)
            for j in apart(case, layout, k, t) if leading.plan.contiguous else ():
                more = {"site": case.sites[j].name}
                about = (case.sites[j].id, case.sites[k].id, case.years[t])
                yield Breach(("passes", *about), 1, 1, "breach.member_apart", details | more)
