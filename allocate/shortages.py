"""Finds clauses on postings and rounds for which pools and posts are too small whatever the plan, and what would do."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from allocate.case import Case
from allocate.findings import Book, Finding, Value, listed, shown
from allocate.layout import Layout
from allocate.outgoing import base
from allocate.outgoing import stops as visited_by
from allocate.outreach import DAYS, HALVES, Outreach
from allocate.postings import MONTHS
from allocate.rules import Posting, Rounds
from allocate.senders import origins
from allocate.sessions import most_visits
from allocate.words import LANGUAGES, say_in


def shortages(book: Book) -> Iterator[Finding]:
    """Yield the clauses that want more persons, or more rounds, than all pools and all posts can give."""
    for name, rule in book.planned.items():
        if isinstance(rule, Posting) and not rule.or_remote and book.case.postings is not None:
            yield from _too_few_experts(book, name, rule)
        if isinstance(rule, Rounds) and book.case.ways:
            yield from _too_few_teams(book, name, rule)


@dataclass(frozen=True)
class Group:
    """Persons who are wanted in any plan, and the pools that can send them.

    Attributes
    ----------
    where
        Who sends, as an id; empty where everybody may.
    wanted
        At all times [persons].
    pools
        Indices of the pools that count.
    """

    where: str
    wanted: int
    pools: tuple[int, ...]


def groups(rule: Posting, case: Case) -> Iterator[Group]:
    """Yield the sites that are open in every plan, by who can send somebody there, and the persons they want."""
    stand = [j for j, site in enumerate(case.sites) if site.kind in rule.to and site.is_fixed]
    everybody = [p for p in range(len(case.pools)) if rule.looks_at(case, p)]
    if rule.scope == "supporter":
        for part, _, sender in rule.parts(case):
            yield Group(part, rule.at_least, tuple(p for p in everybody if case.pools[p].sender == sender))
    elif rule.sent_by == "lead_hospital":
        # (Whom some hospitals only may lead, their pools only can supply, whichever of them it will be. Who has no
        # lead to choose is told apart: see `_unled`.)
        led = [leads for j in stand if (leads := leads_of(case, j)) or case.leading is None]
        for leads in sorted({*led, frozenset[int]().union(*led)} if case.leading else {*led}, key=sorted):
            below = sum(own <= leads for own in led)
            where = case.sites[min(leads)].id if len(leads) == 1 else ""
            inside = tuple(p for p in everybody if case.pools[p].hospital in leads)
            yield Group(where, rule.at_least * below, inside)
    elif stand:
        yield Group("", rule.at_least * len(stand), tuple(everybody))


def leads_of(case: Case, j: int) -> frozenset[int]:
    """Return the hospitals that lead a site, or may where the plan forms consortia; none where nobody does."""
    if case.leading is not None:
        return frozenset(k for k in case.leading.leads if j in case.leading.in_reach_of(k))
    return frozenset({case.hospital_of(j)} - {-1})


def most_away(rule: Posting, case: Case, pool: int, more: int = 0) -> Fraction:
    """Return the most persons whom a pool can have away at all times, were so many `more` to be let go [persons].

    Nobody goes for longer than the longest tour, and no more tours begin than may.
    """
    one = case.pools[pool]
    lengths = [months for months in (case.postings.months if case.postings else ()) if months >= rule.months]
    post_months = (one.away + more) * len(one.months)
    able = [months for months in lengths if months <= post_months]
    if not able:
        return Fraction(0)
    # (Where tours are counted as many as fit, more persons make room for more.)
    shortest = min(case.postings.months) if case.postings else 1
    is_limited = one.tours < one.post_months // shortest
    tours = one.tours if is_limited else post_months // shortest
    return Fraction(min(post_months, tours * max(able)), MONTHS)


def _too_few_experts(book: Book, name: str, rule: Posting) -> Iterator[Finding]:
    case = book.case
    years = rule.when(case)
    if not years:
        return
    if rule.by_lead(case) and rule.scope != "supporter":
        yield from _unled(book, name, rule)
    for group in groups(rule, case):
        able = sum((most_away(rule, case, p) for p in group.pools), Fraction(0))
        short = group.wanted - able
        if short <= 0:
            continue
        index, supporter = case.site_index.get(group.where), book.model.supporters.get(group.where)
        where = case.sites[index].name if index is not None else group.where
        called = {chosen: supporter.name[chosen] if supporter else where for chosen in LANGUAGES}
        details: dict[str, Value] = {
            "clause": book.cite(name),
            "year": case.years[years[0]],
            "where": {
                chosen: say_in(chosen, "finding.pools_at", where=called[chosen]) if where else ""
                for chosen in LANGUAGES
            },
            "wanted": group.wanted,
            "able": shown(able),
            "short": shown(short),
        }
        cure = _cheapest(book, rule, group, short)
        if cure is None:
            yield Finding("unmeetable", (name,), "finding.pools_none", details)
        else:
            yield Finding("unmeetable", (name,), "finding.pools_short", details | {"cure": cure})


def _unled(book: Book, name: str, rule: Posting) -> Iterator[Finding]:
    """Yield the sites that want somebody from their lead, and that no hospital can lead."""
    stand = [j for j, site in enumerate(book.case.sites) if site.kind in rule.to and site.is_fixed]
    alone = [j for j in stand if not leads_of(book.case, j)]
    if alone:
        details: dict[str, Value] = {"clause": book.cite(name), "count": len(alone), "sites": book.sites(alone)}
        yield Finding("unmeetable", (name,), "finding.posting_unled", details)


def _cheapest(book: Book, rule: Posting, group: Group, short: Fraction) -> Mapping[str, str] | None:
    """Return the pool that needs fewest more persons for what is short, as a planner changes it."""
    case = book.case
    told = origins(book.district, book.model)
    inside: dict[tuple[int, str], list[int]] = {}
    for p in group.pools:
        inside.setdefault((told[p].row or 0, told[p].name), []).append(p)
    found: list[tuple[int, tuple[int, str], int]] = []
    for name, pools in inside.items():
        before = sum(most_away(rule, case, p) for p in pools)
        # (Beyond this, what may be away is limited by something else: the tours.)
        for more in range(1, MONTHS * (int(short) + 2)):
            if sum(most_away(rule, case, p, more) for p in pools) - before >= short:
                found.append((more * len(pools), name, more))
                break
    if not found:
        return _more_tours(book, rule, inside, short)
    _, name, more = min(found)
    origin = told[inside[name][0]]
    return origin.change(away=origin.release.away + more)


def _more_tours(
    book: Book, rule: Posting, inside: Mapping[tuple[int, str], Sequence[int]], short: Fraction
) -> Mapping[str, str] | None:
    """Return how many more may be away, and how many tours begin, in the pool with most persons."""
    if not inside:
        return None
    pools = inside[min(inside, key=lambda one: (-len(inside[one]), one))]
    longest = max(book.case.postings.months if book.case.postings else (MONTHS,))
    if longest < rule.months:
        return None
    origin, one = origins(book.district, book.model)[pools[0]], book.case.pools[pools[0]]
    each = sum((most_away(rule, book.case, p) for p in pools), short) / len(pools)
    away = max(one.away, -(-each * MONTHS // len(one.months)))
    return origin.change(away=away, tours=max(-(-each * MONTHS // longest), origin.release.tours or 0))


def _too_few_teams(book: Book, name: str, rule: Rounds) -> Iterator[Finding]:
    """Yield villages or towns that nobody can visit, and hubs that have more of them than their posts allow."""
    case = book.case
    ways = list(rule.ways(case))
    for t in rule.when(case):
        # (Whoever has a site that spares it, or may get one, need not be visited.)
        stops = [(ident, stop) for ident, stop, sparing in rule.stops(case, t) if not sparing]
        within = {stop: {(way, j) for way in ways for j in case.ways[way].bases_of.get(stop, ())} for _, stop in stops}
        bases = {stop: {j for way, j in able if has_time(case, way, stop, j)} for stop, able in within.items()}
        nowhere = [ident for ident, stop in stops if not within[stop]]
        never = [ident for ident, stop in stops if within[stop] and not bases[stop]]
        details: dict[str, Value] = {"clause": book.cite(name), "year": case.years[t]}
        for words, those in (("finding.rounds_nowhere", nowhere), ("finding.rounds_never", never)):
            if those:
                more: dict[str, Value] = {"count": len(those), "places": listed(_called(book, those))}
                yield Finding("unmeetable", (name,), words, details | more)
        crowded: list[str] = []
        cures: list[tuple[str, int]] = []
        for j in sorted({j for near in bases.values() if len(near) == 1 for j in near}):
            count = sum(near == {j} for near in bases.values())
            room = sum(most_stops(case, case.ways[way].plan, j) for way in ways if j in case.ways[way].stops_of)
            if count > room:
                crowded.append(f"{case.sites[j].name} {count} > {room}")
                cures += _more_posts(case, ways, j, count - room)
        if crowded:
            most: dict[str, int] = {}
            for key, number in cures:
                most[key] = max(most.get(key, 0), number)
            cure = " ".join(f"--set {key}={number}" for key, number in most.items())
            more = {"where": listed(crowded), "cure": cure}
            yield Finding("unmeetable", (name,), "finding.teams_short", details | more)
        if nowhere or never or crowded:
            return


def has_time(case: Case, name: str, stop: int, j: int) -> bool:
    """Tell whether enough half-days are open for a site to visit a village or town in a way, with teams enough."""
    alone = Layout(frozenset(), visits=frozenset({(name, stop, j, 0)}))
    (visited,) = visited_by(case, alone, name, j, 0)
    return most_visits(base(case, alone, name, j, 0), replace(visited, index=0, people=1)) >= visited.sessions


def most_stops(case: Case, plan: Outreach, j: int) -> int:
    """Return the most villages or towns that a site can visit in a way with all posts of those who go, and cars."""
    rooms = {plan.resource: plan.room, plan.vehicles: DAYS * HALVES * plan.weeks}
    return min(case.most_posts(what, j) * room // plan.load for what, room in rooms.items() if what)


def _more_posts(case: Case, ways: list[str], j: int, stops: int) -> Iterator[tuple[str, int]]:
    """Yield the posts with which a site could visit so many more, in the way that takes fewest people."""
    able = [case.ways[way].plan for way in ways if j in case.ways[way].stops_of]
    plan = min(able, key=lambda plan: (Fraction(plan.load, plan.room), plan.resource))
    stops += most_stops(case, plan, j)
    for what, room in ((plan.resource, plan.room), (plan.vehicles, DAYS * HALVES * plan.weeks)):
        if what:
            number = -(-stops * plan.load // room)
            if number > case.posts(what, j):
                yield f"resources.{what}.at.{case.sites[j].kind}", number


def _called(book: Book, ids: list[str]) -> list[str]:
    names = {**{place.id: place.name for place in book.district.places}, **book.district.town_names()}
    return [f"{names.get(one, one)} {one}" for one in ids]
