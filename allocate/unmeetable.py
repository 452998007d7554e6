"""Finds clauses that no plan can meet, whatever the money: nobody in reach, too little room, too few sites."""

from collections.abc import Iterable, Iterator, Mapping
from math import ceil

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from allocate.case import Case
from allocate.costs import charges
from allocate.findings import Book, Finding, Value, listed
from allocate.implied import Limit, limits
from allocate.outsiders import memberships
from allocate.rules import Contracts, Function, FunctionReach, Presence, Reach, Spending, to_go
from allocate.rules.scopes import parts
from allocate.shortages import has_time, shortages
from allocate.unequipped import unequipped


def unmeetable(book: Book) -> Iterator[Finding]:
    """Yield the clauses that stay unmet although every site is open that may be."""
    own = (_reach, _function_reach, _presence, _numbers, _budgets, _contracts)
    for look in (*own, memberships, shortages, unequipped):
        yield from look(book)


def _reach(book: Book) -> Iterator[Finding]:
    """Yield the shares that no plan can reach: places without any site in their circle, or too little room."""
    for name, rule in book.planned.items():
        if not isinstance(rule, Reach):
            continue
        for t in rule.when(book.case):
            finding = _beyond_reach(book, name, rule, t) or _no_room(book, name, rule, t)
            if finding is not None:
                yield finding
                break


def _beyond_reach(book: Book, name: str, rule: Reach, t: int) -> Finding | None:
    case, banned = book.case, book.forbidden[t]
    visited = _visited(case, rule)
    for without in ({}, banned) if banned else ({},):
        beyond = {
            i: int(case.people[i, t]) - case.able_to_go(i, t, (j for j in reach if j not in without))
            for i, reach in enumerate(case.sites_of)
            if i not in visited
        }
        beyond = {i: people for i, people in beyond.items() if people}
        short = _left_out(case, rule, t, beyond)
        if short:
            details = _whom(book, name, short, t)
            details["people"] = f"{sum(beyond[i] for i in short):,}"
            if not without:
                return Finding("unmeetable", (name,), "finding.out_of_reach", details)
            behind = _behind(banned, (j for i in short for j in case.sites_of[i]))
            details["second"] = book.cite_all(behind)
            return Finding("contradiction", (name, *behind), "finding.reach_forbidden", details)
    return None


def _function_reach(book: Book) -> Iterator[Finding]:
    """Yield the shares of people near a function that no plan can reach: nothing near enough may have it."""
    case = book.case
    for name, rule in book.planned.items():
        if not isinstance(rule, FunctionReach):
            continue
        near = rule.near(case)
        for t in rule.when(case):
            beyond = {i: int(case.people[i, t]) for i, sites in enumerate(near) if not sites and case.people[i, t]}
            short = _left_out(case, rule, t, beyond)
            if short:
                yield Finding("unmeetable", (name,), "finding.no_function_near", _whom(book, name, short, t))
                break


def _left_out(case: Case, rule: Reach | FunctionReach, t: int, beyond: Mapping[int, int]) -> list[int]:
    """Return the places with people beyond reach [persons], in the parts of the district that fall short without."""
    short: list[int] = []
    for _, members in parts(case, rule.scope):
        out = [i for i in members if i in beyond]
        reached = sum(int(case.people[i, t]) - beyond.get(i, 0) for i in members)
        short += out if reached < rule.target(case, members, t) else []
    return short


def _whom(book: Book, name: str, places: list[int], t: int) -> dict[str, Value]:
    """Return what a finding says of the places that a clause leaves out."""
    return {
        "clause": book.cite(name),
        "year": book.case.years[t],
        "count": len(places),
        "people": f"{sum(int(book.case.people[i, t]) for i in places):,}",
        "places": book.places(places, t),
    }


def _visited(case: Case, rule: Reach) -> frozenset[int]:
    """Return the places that may be visited instead of served."""
    return frozenset(i for name in rule.ways(case) for i, j in case.ways[name].pairs if has_time(case, name, i, j))


def _budgets(book: Book) -> Iterator[Finding]:
    """Yield budgets that do not even pay those of today's staff who stay, whatever is decided."""
    case = book.case
    for name, rule in book.planned.items():
        if not isinstance(rule, Spending):
            continue
        for t in rule.when(case):
            pay = int(sum(charge.constant for charge in charges(case, t) if charge.nature in rule.natures))
            if pay > rule.at_most:
                details: dict[str, Value] = {
                    "clause": book.cite(name),
                    "year": case.years[t],
                    "low": f"{pay:,}",
                    "high": f"{rule.at_most:,}",
                }
                yield Finding("unmeetable", (name,), "finding.pay_beyond", details)
                break


def _behind(banned: Mapping[int, tuple[str, ...]], sites: Iterable[int]) -> tuple[str, ...]:
    """Return the rules that forbid some of these sites."""
    return tuple(dict.fromkeys(name for j in sorted(set(sites)) for name in banned.get(j, ())))


def _no_room(book: Book, name: str, rule: Reach, t: int) -> Finding | None:
    """Return where all sites together, every one open, have too little room for the people to be served."""
    case = book.case
    if all(site.most is None for site in case.sites):
        return None
    visited = _visited(case, rule)
    inside = (members for _, members in parts(case, rule.scope) if not visited.intersection(members))
    groups = [(members, rule.target(case, members, t)) for members in inside]
    asked = sum(target for _, target in groups)
    served, crowded = _most_served(case, groups, t)
    if served >= asked:
        return None
    details: dict[str, Value] = {
        "clause": book.cite(name),
        "year": case.years[t],
        "asked": f"{asked:,}",
        "served": f"{served:,}",
        "places": book.places(crowded, t),
    }
    return Finding("unmeetable", (name,), "finding.no_room", details)


def _most_served(case: Case, groups: list[tuple[tuple[int, ...], int]], t: int) -> tuple[int, list[int]]:
    """Return how many of the people asked for can be served with every site open, and the places that are too many.

    It is the greatest flow from each part of the district to its places, from these to the sites that they reach, and
    through the room of the sites; the places on the near side of the least cut do not fit into what they reach
    (Ford and Fulkerson 1956, Canadian Journal of Mathematics 8).
    """
    first_place, first_site = 1 + len(groups), 1 + len(groups) + len(case.places)
    end = first_site + len(case.sites)
    rows: list[int] = []
    columns: list[int] = []
    room: list[int] = []

    def pipe(a: int, b: int, most: int) -> None:
        if most:
            rows.append(a)
            columns.append(b)
            room.append(most)

    for k, (members, target) in enumerate(groups):
        pipe(0, 1 + k, target)
        for i in members:
            pipe(1 + k, first_place + i, int(case.people[i, t]))
    total = case.total(t)
    last = end
    for i, reach in enumerate(case.sites_of):
        # (Who can go where only some can is a part of those who can go where more can, and so on.)
        nodes, nearest = {0: first_place + i}, first_place + i
        for n in case.rare_sites_of.get(i, {}):
            last += 1
            pipe(nearest, last, int(case.able[n, i, t]))
            nodes[n] = nearest = last
        for j in reach:
            pipe(nodes[case.level.get((i, j), 0)], first_site + j, int(case.people[i, t]))
    for j, site in enumerate(case.sites):
        pipe(first_site + j, end, total if site.most is None else min(site.most, total))
    shape = (last + 1, last + 1)
    graph = csr_array((np.array(room, dtype=np.int32), (rows, columns)), shape=shape)
    flow = maximum_flow(graph, 0, end)
    left = csr_array(graph - flow.flow)
    left.data = np.maximum(left.data, 0)
    left.eliminate_zeros()
    near = {int(node) for node in breadth_first_order(left, 0, return_predecessors=False)}
    return int(flow.flow_value), [i for i in range(len(case.places)) if first_place + i in near and case.people[i, t]]


def _presence(book: Book) -> Iterator[Finding]:
    """Yield the shares of places with a site that no plan can reach."""
    case = book.case
    for name, rule in book.planned.items():
        if not isinstance(rule, Presence):
            continue
        for t in rule.when(case):
            banned = book.forbidden[t]
            members, target = rule.members(case), rule.target(case)
            finding = None
            for without in ({}, banned) if banned else ({},):
                lacking = [i for i in members if all(j in without for j in rule.near(case, i))]
                if len(members) - len(lacking) < target:
                    details: dict[str, Value] = {
                        "clause": book.cite(name),
                        "year": case.years[t],
                        "count": len(lacking),
                        "people": f"{sum(int(case.people[i, t]) for i in lacking):,}",
                        "places": book.places(lacking, t),
                    }
                    finding = Finding("unmeetable", (name,), "finding.no_site", details)
                    if without:
                        behind = _behind(banned, (j for i in lacking for j in rule.near(case, i)))
                        details["second"] = book.cite_all(behind)
                        finding = Finding("contradiction", (name, *behind), "finding.reach_forbidden", details)
                    break
            if finding is not None:
                yield finding
                break


def _contracts(book: Book) -> Iterator[Finding]:
    """Yield the shares of care homes under contract that no plan can reach: nobody near enough, or too little room."""
    case, contracting = book.case, book.case.contracting
    for name, rule in book.planned.items():
        if not isinstance(rule, Contracts) or contracting is None:
            continue
        weights = rule.weights(case)
        asked = rule.asks() * sum(weights.values())
        far = [h for h in weights if h not in contracting.sites_of]
        details: dict[str, Value] = {"clause": book.cite(name)}
        if sum(weights.values()) - sum(weights[h] for h in far) < asked:
            names = listed([f"{contracting.homes[h].name} ({contracting.homes[h].id})" for h in far])
            details |= {"count": len(far), "minutes": contracting.plan.minutes, "homes": names}
            yield Finding("unmeetable", (name,), "finding.homes_far", details)
            continue
        # (The smallest homes need the least room.)
        smallest = sorted(contracting.homes[h].beds for h in contracting.sites_of)
        beds = ceil(asked) if rule.of == "beds" else sum(smallest[: ceil(asked)])
        most = [contracting.most_beds(case.sites[j].kind) for j in contracting.homes_of]
        room = None if None in most else sum(number or 0 for number in most)
        if room is not None and room < beds:
            details |= {"beds": f"{beds:,}", "room": f"{room:,}"}
            yield Finding("unmeetable", (name,), "finding.homes_room", details)


def _numbers(book: Book) -> Iterator[Finding]:
    """Yield the numbers of sites that no plan can reach: too few there may be, or too many that none may close."""
    case = book.case
    for name, rule in book.planned.items():
        found = [one for one in (_number(book, name, limit) for limit in limits(rule, case)) if one is not None]
        local = [one for one in found if one[0]] or found
        if local:
            _, finding = local[0]
            where = book.towns(part for part, one in local if one.words == finding.words)
            yield Finding(finding.kind, finding.clauses, finding.words, {**finding.details, "where": where})
    for name, rule in book.rules.items():
        # (What is planned, `unequipped` looks at institution by institution.)
        if isinstance(rule, Function) and rule.at_least is not None and name not in book.planned:
            kinds = set(rule.kinds)
            may = sum(one.kind in kinds for one in book.district.institutions)
            may += sum(site.kind in kinds and not site.exists for site in case.sites)
            if 0 < may < rule.at_least:
                details: dict[str, Value] = {"clause": book.cite(name), "low": rule.at_least, "may": may}
                yield Finding("unmeetable", (name,), "finding.too_few_for_function", details)
    for name, rule in book.planned.items():
        stay = [case.site_index[site] for site in to_go(rule)]
        stay = [j for j in stay if case.sites[j].is_fixed]
        if stay:
            details = {"clause": book.cite(name), "sites": book.sites(stay)}
            yield Finding("unmeetable", (name,), "finding.never_closed", details)


def _number(book: Book, name: str, limit: Limit) -> tuple[str, Finding] | None:
    """Return where a limit lies beyond what can be open or opened in its part, and how."""
    case, banned = book.case, book.forbidden[limit.t]
    inside = [j for j, site in enumerate(case.sites) if site.kind in limit.kinds and limit.part in ("", site.town)]
    if limit.function:
        inside = [j for j in inside if case.counted_at(limit.function, j)]
    if limit.what == "new":
        inside = [j for j in inside if not case.sites[j].exists]
    details: dict[str, Value] = {
        "clause": book.cite(name),
        "year": case.years[limit.t],
        "low": limit.low,
        "may": len(inside),
    }
    if not inside and not any(kind in book.standing or kind in book.model.siting for kind in limit.kinds):
        # A kind that exists nowhere is said once, as an empty scope.
        return None
    if len(inside) < limit.low:
        return limit.part, Finding("unmeetable", (name,), "finding.too_few", details)
    left = [j for j in inside if j not in banned]
    if len(left) < limit.low:
        behind = _behind(banned, inside)
        details |= {"may": len(left), "second": book.cite_all(behind)}
        return limit.part, Finding("contradiction", (name, *behind), "finding.too_few_forbidden", details)
    stay = sum(case.sites[j].is_fixed for j in inside) if limit.what == "open" else 0
    if limit.high is not None and stay > limit.high:
        details |= {"low": limit.high, "may": stay}
        return limit.part, Finding("unmeetable", (name,), "finding.too_many", details)
    return None
