"""How many of each resource work at every site in every year, and how its employer comes by them."""

from collections.abc import Iterator

from allocate.case import Case
from allocate.layout import Layout
from allocate.resources import BORROWED, JOINED, LENT, SPARE, flow
from allocate.rows import UPGRADED, Breach, Column, Key, Number, Row, amount, opened


def columns(case: Case) -> Iterator[Column]:
    """Yield the variables: what every site has of every resource, and how every employer comes by its own."""
    for name, resource in case.resources.items():
        if resource.sum_of:
            continue
        for t in case.periods:
            for j in case.holders(name)[1]:
                yield Column(amount(name, j, t), high=case.most_posts(name, j), whole=True)
    for name in case.employed:
        for employer in case.teams_of:
            for t in case.periods:
                for which, most in _ranges(case, name, employer, t):
                    yield Column(amount(flow(name, which), employer, t), high=most, whole=True)


def _ranges(case: Case, name: str, employer: int, t: int) -> Iterator[tuple[str, int]]:
    """Yield the flows of an employer, and the most that each can be: nobody joins, or is borrowed, beyond all posts."""
    posts = sum(case.most_posts(name, j) for j in case.teams_of[employer])
    staying = case.staying(name, employer, t)
    lends, borrows = case.lending[name]
    if posts or staying:
        yield JOINED, posts
        yield SPARE, staying + posts
    if employer in lends:
        yield LENT, staying + posts
    if employer in borrows:
        yield BORROWED, posts


def most_of(case: Case, what: str, employer: int, t: int) -> int:
    """Return the most that a flow of an employer can be; `what` names it, such as `nurses.joined`."""
    name, _, which = what.partition(".")
    return dict(_ranges(case, name, employer, t)).get(which, 0)


def rows(case: Case) -> Iterator[Row]:
    """Yield the physics: posts at open sites only, parts within their whole, teams made of people, staff conserved."""
    for name, resource in case.resources.items():
        if resource.sum_of:
            continue
        for t in case.periods:
            year = case.years[t]
            for j in case.holders(name)[1]:
                site, here = case.sites[j], amount(name, j, t)
                if not site.is_fixed or case.more_posts(name, j):
                    posts: dict[Key, Number] = {here: 1, opened(j, t): -case.posts(name, j)}
                    if case.more_posts(name, j):
                        posts[amount(UPGRADED, j, t)] = -case.more_posts(name, j)
                    yield Row(("posts", name, site.id, year), posts, "<=", 0)
                if resource.part_of:
                    yield Row(("part", name, site.id, year), {here: 1, amount(resource.part_of, j, t): -1}, "<=", 0)
                claims = {amount(team, j, t): times for team, times in case.claims(name, j).items()}
                if claims:
                    yield Row(("needs", name, site.id, year), claims | {here: -1}, "<=", 0)
    for name in case.employed:
        yield from _conserved(case, name)


def _conserved(case: Case, name: str) -> Iterator[Row]:
    """Yield: whoever stays or joined works at a site of the employer, is lent, or is spare; lent is borrowed."""
    whole = case.resources[name].part_of
    for t in case.periods:
        year = case.years[t]
        joining: dict[Key, Number] = {}
        moved: dict[Key, Number] = {}
        for employer, team in case.teams_of.items():
            terms: dict[Key, Number] = {amount(name, j, t): 1 for j in team if case.posts(name, j)}
            flows = {which for which, _ in _ranges(case, name, employer, t)}
            for which, sign in ((JOINED, -1), (SPARE, 1), (LENT, 1), (BORROWED, -1)):
                if which in flows:
                    terms[amount(flow(name, which), employer, t)] = sign
            about = case.sites[employer].id
            if terms:
                yield Row(("conserved", name, about, year), terms, "==", case.staying(name, employer, t))
            if JOINED in flows:
                now, before = amount(flow(name, JOINED), employer, t), amount(flow(name, JOINED), employer, t - 1)
                joining[now] = 1
                if t:
                    joining[before] = -1
                    yield Row(("joined stay", name, about, year), {now: 1, before: -1}, ">=", 0)
            for which, sign in ((LENT, 1), (BORROWED, -1)):
                if which in flows:
                    moved[amount(flow(name, which), employer, t)] = sign
                    if whole and case.resources[whole].lent:
                        part = {amount(flow(name, which), employer, t): 1, amount(flow(whole, which), employer, t): -1}
                        yield Row((which, name, about, year), part, "<=", 0)
        if moved:
            yield Row(("lent", name, year), moved, "==", 0)
        per_year = case.resources[name].per_year
        if per_year is not None and joining:
            yield Row(("market", name, year), joining, "<=", per_year * case.intervals[t])


def breaches(case: Case, layout: Layout) -> Iterator[Breach]:
    """Yield everything about staff in a finished plan that cannot be: the same sentences as `rows`, from plain data."""
    known = set(case.resources)
    for (what, j, t), number in sorted(layout.amounts.items(), key=str):
        base, _, which = what.partition(".")
        if base not in known:
            continue
        site = case.sites[j]
        details: dict[str, object] = {"site": site.name, "resource": base, "year": case.years[t]}
        if number < 0 or number != int(number):
            yield Breach(
                ("whole", what, site.id, case.years[t]), max(number, -number), 1, "breach.staff_whole", details
            )
        if which:
            continue
        most = layout.posts(case, what, j, t)
        if number > most:
            about = ("posts", what, site.id, case.years[t])
            excess = number - most
            yield Breach(about, excess, 1, "breach.staff_posts", details | {"number": number, "posts": most})
        whole = case.resources[what].part_of
        there = layout.amounts.get((whole, j, t), 0)
        if whole and number > there:
            more = {"number": number, "made_of": whole, "there": there}
            about = ("part", what, site.id, case.years[t])
            yield Breach(about, number - there, 1, "breach.staff_part", details | more)
    yield from _claimed_twice(case, layout)
    for name in case.employed:
        yield from _unaccounted(case, layout, name)


def _claimed_twice(case: Case, layout: Layout) -> Iterator[Breach]:
    """Yield where the teams of a site need more people than work there."""
    for name, resource in case.resources.items():
        for j in () if resource.sum_of else case.holders(name)[1]:
            claims = case.claims(name, j)
            for t in case.periods if claims else ():
                number = sum(times * layout.amounts.get((team, j, t), 0) for team, times in claims.items())
                there = layout.amounts.get((name, j, t), 0)
                if number > there:
                    site, year = case.sites[j], case.years[t]
                    details = {"site": site.name, "resource": "+".join(claims), "year": year}
                    more = {"number": number, "made_of": name, "there": there}
                    yield Breach(("needs", name, site.id, year), number - there, 1, "breach.staff_part", details | more)


def _unaccounted(case: Case, layout: Layout, name: str) -> Iterator[Breach]:
    whole = case.resources[name].part_of

    def of(which: str, employer: int, t: int, what: str = name) -> int:
        return int(layout.amounts.get((flow(what, which), employer, t), 0))

    for (what, employer, t), number in sorted(layout.amounts.items(), key=str):
        # Flows of those who employ nobody, of what may not be lent, and beyond all posts of the employer.
        base, _, which = what.partition(".")
        if base != name or not which:
            continue
        ranges = dict(_ranges(case, name, employer, t)) if employer in case.teams_of else {}
        excess = number - ranges.get(which, 0)
        if excess > 0:
            details = {"site": case.sites[employer].name, "resource": name, "year": case.years[t]}
            about = ("flow", what, case.sites[employer].id, case.years[t])
            yield Breach(about, excess, 1, "breach.staff_flow", details)
    for t in case.periods:
        year = case.years[t]
        for employer, team in case.teams_of.items():
            site = case.sites[employer]
            details = {"site": site.name, "resource": name, "year": year}
            there = case.staying(name, employer, t) + of(JOINED, employer, t) + of(BORROWED, employer, t)
            works = sum(int(layout.amounts.get((name, j, t), 0)) for j in team)
            gone = works + of(LENT, employer, t) + of(SPARE, employer, t)
            if there != gone:
                more = {"there": there, "works": gone}
                yield Breach(
                    ("conserved", name, site.id, year), abs(there - gone), 1, "breach.staff_sum", details | more
                )
            if t and of(JOINED, employer, t) < of(JOINED, employer, t - 1):
                fewer = of(JOINED, employer, t - 1) - of(JOINED, employer, t)
                yield Breach(("joined stay", name, site.id, year), fewer, 1, "breach.staff_left", details)
            for which in (LENT, BORROWED) if whole and case.resources[whole].lent else ():
                if (excess := of(which, employer, t) - of(which, employer, t, whole)) > 0:
                    yield Breach((which, name, site.id, year), excess, 1, "breach.staff_flow", details)
        lent, borrowed = (sum((of(which, e, t) for e in case.teams_of), 0) for which in (LENT, BORROWED))
        if lent != borrowed:
            details = {"resource": name, "year": year, "lent": lent, "borrowed": borrowed}
            yield Breach(("lent", name, year), abs(lent - borrowed), 1, "breach.staff_lent", details)
        per_year = case.resources[name].per_year
        if per_year is not None:
            joined = sum((of(JOINED, e, t) - (of(JOINED, e, t - 1) if t else 0) for e in case.teams_of), 0)
            most = per_year * case.intervals[t]
            if joined > most:
                details = {"resource": name, "year": year, "number": joined, "limit": most}
                yield Breach(("market", name, year), joined - most, 1, "breach.staff_market", details)
