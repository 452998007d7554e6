"""Which functions every site has in every year: set up there, or provided by a centre that it is linked to."""

from collections.abc import Iterator
from dataclasses import replace

from allocate.abilities import Ability
from allocate.case import Case
from allocate.decisions.consortia import in_consortium, member_terms, stays
from allocate.decisions.posting import pairs as tour_pairs
from allocate.layout import Layout
from allocate.rows import Breach, Column, Key, Number, Row, amount, begins, linked, opened, tours


def columns(case: Case) -> Iterator[Column]:
    """Yield the variables: who has what (0 or 1), which centre provides it, and what begins where sites may close."""
    for name, ability in case.abilities.items():
        for t in case.periods:
            for j in case.havers[name]:
                yield Column(amount(name, j, t), whole=True)
                if case.sites[j].closable and ability.costs_once:
                    yield Column(begins(name, j, t))
            yield from (Column(linked(name, j, k, t), whole=True) for j, k in sorted(case.centres.get(name, {})))


def is_always(case: Case, name: str, j: int) -> bool:
    """Tell whether a site has a function whenever it is open."""
    return case.sites[j].kind in case.abilities[name].always_at and case.makes(name, j)


def begun(case: Case, name: str, j: int, t: int) -> dict[Key, Number]:
    """Return the sum that is 1 in the year in which a site comes by a function that it has not today, and else 0."""
    if case.sites[j].closable:
        return {begins(name, j, t): 1}
    if t:
        return {amount(name, j, t): 1, amount(name, j, t - 1): -1}
    return {} if (name, j) in case.had else {amount(name, j, t): 1}


def asks_consortium(case: Case, name: str, j: int, k: int) -> bool:
    """Tell whether a site must be in the consortium of a centre to be linked to it; who is linked today need not."""
    return case.abilities[name].within == "consortium" and case.leading is not None and case.had.get((name, j), -1) != k


def most_linked(case: Case, name: str, k: int) -> int | None:
    """Return the most sites that may be linked to a centre: never fewer than are today; None: any number."""
    most = case.abilities[name].members
    return None if most is None else max(most, sum(what == name and its == k for (what, _), its in case.had.items()))


def rows(case: Case) -> Iterator[Row]:
    """Yield the physics: at open sites only, kept once had, after what it needs, with staff, linked to one centre."""
    for name, ability in case.abilities.items():
        for t in case.periods:
            for j in case.havers[name]:
                yield from _at(case, name, ability, j, t)
            if ability.serves:
                yield from _linked(case, name, t)
    for what, functions in case.brought.items():
        for t in case.periods:
            for j in case.holders(what)[1]:
                terms: dict[Key, Number] = {
                    amount(name, j, t): -number for name, number in functions.items() if case.counted_at(name, j)
                }
                about = ("brings", what, case.sites[j].id, case.years[t])
                yield Row(about, {amount(what, j, t): 1} | terms, "<=", 0)


def _at(case: Case, name: str, ability: Ability, j: int, t: int) -> Iterator[Row]:
    """Yield what holds for a function at a site in a year."""
    site, year, here = case.sites[j], case.years[t], amount(name, j, t)
    about = (name, site.id, year)
    if not site.is_fixed:
        yield Row(("at", *about), {here: 1, opened(j, t): -1}, "<=", 0)
    if is_always(case, name, j):
        yield Row(("always", *about), {here: 1, opened(j, t): -1}, ">=", 0)
    if ability.posted_by:
        sent: dict[Key, Number] = {
            tours(p, months, j, t): -1
            for p, months, k in tour_pairs(case)
            if k == j and case.sends_as(p, ability.posted_by, j)
        }
        yield Row(("posted", *about), {here: 1} | sent, "<=", 0)
        return
    if t:
        yield stays(case, ("kept", *about), here, amount(name, j, t - 1), j, t)
    elif (name, j) in case.had:
        yield stays(case, ("kept", *about), here, None, j, t)
    if case.sites[j].closable and ability.costs_once:
        terms: dict[Key, Number] = {begins(name, j, t): 1, here: -1}
        terms |= {amount(name, j, t - 1): 1} if t else {}
        yield Row(("begins", *about), terms, ">=", -1 if not t and (name, j) in case.had else 0)
    if (name, j) in case.had or not case.makes(name, j):
        # (What stands today stands, whatever it lacks.)
        return
    for other, years in ability.needs.items():
        before = case.had_by(other, j, years, t)
        if before is None:
            continue
        after: dict[Key, Number] = {here: 1}
        if before >= 0 and case.counted_at(other, j):
            after[amount(other, j, before)] = -1
        yield Row(("after", name, other, site.id, year), after, "<=", 0)
    for what, number in ability.staff.items():
        yield Row(("staffed", name, what, site.id, year), {amount(what, j, t): 1, here: -number}, ">=", 0)


def _linked(case: Case, name: str, t: int) -> Iterator[Row]:
    """Yield: linked to one centre, which is one; no more than it can serve; in one's own consortium where so asked."""
    year, pairs = case.years[t], case.centres[name]
    loads: dict[int, dict[Key, Number]] = {}
    for j, k in sorted(pairs):
        link = linked(name, j, k, t)
        loads.setdefault(k, {})[link] = 1
        about = (name, case.sites[j].id, case.sites[k].id, year)
        yield Row(("centre", *about), {link: 1, amount(name, k, t): -1}, "<=", 0)
        if t or case.had.get((name, j)) == k:
            yield stays(case, ("link stays", *about), link, linked(name, j, k, t - 1) if t else None, j, t)
        if asks_consortium(case, name, j, k) and case.leading is not None:
            for lead in case.leading.leads:
                mine, its = (in_consortium(case.leading, one, lead, t) for one in (j, k))
                if mine is not None:
                    terms: dict[Key, Number] = {link: 1, mine: 1}
                    yield Row(
                        ("within", name, case.sites[j].id, case.sites[k].id, case.sites[lead].id, year),
                        terms | ({} if its is None else {its: -1}),
                        "<=",
                        1,
                    )
            # (Whoever is in no consortium is served by none.)
            members: dict[Key, Number] = dict.fromkeys(member_terms(case, j, t), -1)
            yield Row(("joined", *about), {link: 1} | members, "<=", 0)
    for (function, j), centres in case.centres_of.items():
        if function == name:
            whole: dict[Key, Number] = {linked(name, j, k, t): 1 for k in centres}
            yield Row(("linked", name, case.sites[j].id, year), whole | {amount(name, j, t): -1}, "==", 0)
    for k, load in loads.items():
        most = most_linked(case, name, k)
        if most is not None and len(load) > most:
            full = load | {amount(name, k, t): -most}
            yield Row(("members", name, case.sites[k].id, year), full, "<=", 0)


def breaches(case: Case, layout: Layout) -> Iterator[Breach]:
    """Yield everything about functions in a finished plan that cannot be: the same sentences as `rows`."""
    for (name, j, t), number in sorted(layout.amounts.items(), key=str):
        ability = case.abilities.get(name)
        if ability is None:
            continue
        site, year = case.sites[j], case.years[t]
        details: dict[str, object] = {"site": site.name, "function": ability.name, "year": year}
        about = (name, site.id, year)
        if number not in (0, 1) or case.counted_at(name, j) is None:
            yield Breach(("has", *about), 1, 1, "breach.function_none", details)
        elif number:
            yield from _wrong_at(case, layout, name, ability, j, t, details)
    for name, ability in case.abilities.items():
        for j in case.havers[name] if not ability.posted_by else ():
            for t in case.periods:
                if is_always(case, name, j) and (j, t) in layout.open and not layout.has(name, j, t):
                    details = {"site": case.sites[j].name, "function": ability.name, "year": case.years[t]}
                    where = ("always", name, case.sites[j].id, case.years[t])
                    yield Breach(where, 1, 1, "breach.function_always", details)
                before = layout.has(name, j, t - 1) if t else (name, j) in case.had
                stood = (j, t - 1) in layout.open if t else True
                if before and stood and (j, t) in layout.open and not layout.has(name, j, t):
                    details = {"site": case.sites[j].name, "function": ability.name, "year": case.years[t]}
                    yield Breach(("kept", name, case.sites[j].id, case.years[t]), 1, 1, "breach.function_lost", details)
    yield from _wrong_links(case, layout)
    for what in case.brought:
        for j in case.holders(what)[1]:
            for t in case.periods:
                number, most = layout.amounts.get((what, j, t), 0), layout.brought(case, what, j, t) or 0
                if number > most:
                    details = {"site": case.sites[j].name, "resource": what, "year": case.years[t]}
                    more = {"number": number, "posts": most}
                    where = ("brings", what, case.sites[j].id, case.years[t])
                    yield Breach(where, number - most, 1, "breach.function_brings", details | more)


def _wrong_at(
    case: Case, layout: Layout, name: str, ability: Ability, j: int, t: int, details: dict[str, object]
) -> Iterator[Breach]:
    """Yield what is wrong with a function that a site has in a year."""
    site, year = case.sites[j], case.years[t]
    if (j, t) not in layout.open:
        yield Breach(("at", name, site.id, year), 1, 1, "breach.function_closed", details)
    if ability.posted_by:
        sent = any(
            n and k == j and u == t and case.sends_as(p, ability.posted_by, j)
            for (p, _, k, u), n in layout.tours.items()
        )
        if not sent:
            yield Breach(("posted", name, site.id, year), 1, 1, "breach.function_unposted", details)
        return
    if not case.makes(name, j) and (name, j, t) not in layout.centre_of:
        yield Breach(("linked", name, site.id, year), 1, 1, "breach.function_unlinked", details)
    if (name, j) in case.had or not case.makes(name, j):
        return
    for other, years in ability.needs.items():
        before = case.had_by(other, j, years, t)
        if before is not None and not (before >= 0 and layout.has(other, j, before)):
            more: dict[str, object] = {"other": case.abilities[other].name, "years": years}
            yield Breach(("after", name, other, site.id, year), 1, 1, "breach.function_after", details | more)
    for what, number in ability.staff.items():
        there = layout.amounts.get((what, j, t), 0)
        if there < number:
            more = {"resource": what, "there": there, "number": number}
            place = ("staffed", name, what, site.id, year)
            yield Breach(place, number - there, number, "breach.function_staff", details | more)


def _wrong_links(case: Case, layout: Layout) -> Iterator[Breach]:
    """Yield what is wrong with the links to centres."""
    for (name, j), k in case.had.items():
        if (j, k) in case.centres.get(name, {}) and (j, 0) in layout.open and (name, j, k, 0) not in layout.links:
            site, centre, year = case.sites[j], case.sites[k], case.years[0]
            told: dict[str, object] = {"site": site.name, "centre": centre.name, "function": case.abilities[name].name}
            place = ("link today", name, site.id, centre.id, year)
            yield Breach(place, 1, 1, "breach.link_today", told | {"year": year})
    loads: dict[tuple[str, int, int], int] = {}
    for name, j, k, t in sorted(layout.links):
        site, centre, year = case.sites[j], case.sites[k], case.years[t]
        ability = case.abilities.get(name)
        called: object = name if ability is None else ability.name
        details: dict[str, object] = {"site": site.name, "centre": centre.name, "function": called, "year": year}
        about = (name, site.id, centre.id, year)
        if ability is None or (j, k) not in case.centres.get(name, {}):
            yield Breach(("link", *about), 1, 1, "breach.link_none", details)
            continue
        loads[name, k, t] = loads.get((name, k, t), 0) + 1
        if not layout.has(name, k, t):
            yield Breach(("centre", *about), 1, 1, "breach.link_centre", details)
        if not layout.has(name, j, t) or layout.centre_of[name, j, t] != k:
            yield Breach(("linked", *about), 1, 1, "breach.link_twice", details)
        if t + 1 in case.periods and (j, t + 1) in layout.open and (name, j, k, t + 1) not in layout.links:
            yield Breach(("link stays", *about), 1, 1, "breach.link_left", details)
        if asks_consortium(case, name, j, k):
            mine = layout.lead_of.get((j, t))
            if mine is None or mine != layout.lead_of.get((k, t)):
                yield Breach(("within", *about), 1, 1, "breach.link_within", details)
    for (name, k, t), number in loads.items():
        most = most_linked(case, name, k)
        if most is not None and number > most:
            details = {"centre": case.sites[k].name, "function": case.abilities[name].name, "year": case.years[t]}
            more = {"number": number, "limit": most}
            about_centre = ("members", name, case.sites[k].id, case.years[t])
            yield Breach(about_centre, number - most, most, "breach.link_members", details | more)


def unsaid(case: Case, layout: Layout) -> Iterator[Breach]:
    """Yield where a function comes with an expert who is posted, and a finished plan does not say that it is there."""
    for name, j, t in sorted(follow_postings(case, layout).amounts.keys() - layout.amounts.keys()):
        site, year = case.sites[j], case.years[t]
        details = {"site": site.name, "function": case.abilities[name].name, "year": year}
        yield Breach(("unsaid", name, site.id, year), 1, 1, "breach.function_unsaid", details)


def follow_postings(case: Case, layout: Layout) -> Layout:
    """Return the layout in which a function that comes with an expert is wherever one is posted."""
    found: dict[tuple[str, int, int], Number] = {}
    for name, ability in case.abilities.items():
        if ability.posted_by:
            for (p, _, j, t), number in layout.tours.items():
                if number and j in case.havers[name] and case.sends_as(p, ability.posted_by, j):
                    found[name, j, t] = 1
    kept = {
        about: number
        for about, number in layout.amounts.items()
        if about[0] not in case.abilities or not case.abilities[about[0]].posted_by
    }
    return replace(layout, amounts=kept | found)
