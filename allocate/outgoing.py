"""Rosters and timetables of a plan: what is asked of them, what is wrong in them, and their rows in plan.json."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import floor
from typing import Any

from allocate.case import Case
from allocate.decisions.outreach import stop_id
from allocate.decisions.posting import home_staff, pairs
from allocate.layout import Layout
from allocate.outreach import HalfDay, Way
from allocate.rows import Breach
from allocate.rules import Posting, Rule
from allocate.sessions import Base, Slot, Stop, Timetable, Visit, journey
from allocate.sessions import faults as timetable_faults
from allocate.tables import HALF_NAMES
from allocate.tours import Release, Roster, Sent, Staff, Tour, Wanted, gaps_of
from allocate.tours import faults as roster_faults
from allocate.words import term

Plain = dict[str, Any]


def releases(case: Case) -> tuple[Release, ...]:
    """Return what every pool can let go."""
    return tuple(Release(pool.away, pool.tours, pool.months) for pool in case.pools)


def staff(case: Case, layout: Layout, t: int) -> tuple[Staff, ...]:
    """Return which pools send of the same staff in a year, and how many of it are in no team at home."""
    return tuple(
        Staff(
            frozenset(one.pools),
            max(0, int(one.free(case, lambda what, j: layout.amounts.get((what, j, t), 0)))),
        )
        for one in home_staff(case)
    )


def sent(layout: Layout, t: int) -> tuple[Sent, ...]:
    """Return the tours that a year has."""
    found = ((p, j, months, n) for (p, months, j, u), n in layout.tours.items() if u == t and n)
    return tuple(Sent(*one) for one in sorted(found))


def wanted(case: Case, rules: Iterable[Rule], layout: Layout, t: int) -> tuple[Wanted, ...]:
    """Return how many experts every site must have in every month, for the clauses to be met as far as the plan can.

    Half a person all the year round is nobody at all times: what is counted is rounded down.
    """
    found: dict[tuple[int, frozenset[tuple[int, int]]], int] = {}
    able: dict[int, list[tuple[int, int]]] = {}
    for p, months, j in pairs(case):
        able.setdefault(j, []).append((p, months))
    for rule in rules:
        if not isinstance(rule, Posting) or t not in rule.when(case):
            continue
        for _, inside, sender in rule.parts(case):
            for j in inside:
                counts = frozenset(one for one in able.get(j, ()) if rule.counts(case, *one, j, sender))
                number = floor(rule.posted(case, layout, (j,), sender, t))
                if rule.scope == "site":
                    number = min(number, rule.at_least)
                if number:
                    key = j, counts
                    found[key] = max(number, found.get(key, 0))
    return tuple(Wanted(j, number, counts) for (j, counts), number in sorted(found.items(), key=_want_order))


def _want_order(want: tuple[tuple[int, frozenset[tuple[int, int]]], int]) -> tuple[int, list[tuple[int, int]]]:
    (j, counts), _ = want
    return j, sorted(counts)


def carried(case: Case, t: int) -> tuple[Tour, ...]:
    """Return the tours that the first year takes over from the year before; posts are numbered in the table's order."""
    numbers: dict[int, int] = {}
    found = []
    for one in case.carried if t == 0 else ():
        numbers[one.pool] = numbers.get(one.pool, 0) + 1
        found.append(Tour(one.pool, numbers[one.pool], one.hub, 1, one.until, carried=True))
    return tuple(found)


def is_cyclic(case: Case, t: int) -> bool:
    """Tell whether the roster of a year repeats: the first one does not where it takes over who is away already."""
    return t > 0 or ((case.postings is None or case.postings.cyclic) and not carried(case, t))


def base(case: Case, layout: Layout, name: str, j: int, t: int) -> Base:
    """Return what a site has for a way of outreach in a year."""
    plan = case.ways[name].plan
    vehicles = int(layout.amounts.get((plan.vehicles, j, t), 0)) if plan.vehicles else None
    return Base(
        teams=int(layout.amounts.get((plan.resource, j, t), 0)),
        half_days=plan.half_days_each,
        vehicles=vehicles,
        apart=plan.apart,
        weeks=plan.weeks,
        closed=_slots(case.ways[name].closed.get(("base", j), plan.closed_half_days)),
        travel_minutes=plan.day_minutes,
    )


def _slots(half_days: Iterable[HalfDay]) -> frozenset[Slot]:
    """Return half-days of every week."""
    return frozenset(Slot(0, day, half) for day, half in half_days)


def stops(case: Case, layout: Layout, name: str, j: int, t: int) -> tuple[Stop, ...]:
    """Return the villages or towns that a site visits in a year."""
    plan, closed = case.ways[name].plan, case.ways[name].closed
    mine = sorted(stop for way, stop, k, u in layout.visits if (way, k, u) == (name, j, t))
    people = {stop: int(case.people[stop, t]) if plan.to == "village" else 1 for stop in mine}
    return tuple(
        Stop(stop, plan.times, plan.half_days, _slots(closed.get(("stop", stop), ())), people[stop]) for stop in mine
    )


def bases(layout: Layout) -> list[tuple[str, int, int]]:
    """Return every (way of outreach, site that visits, year) of a plan."""
    return sorted({(way, j, t) for way, _, j, t in layout.visits})


def asked_of(case: Case, layout: Layout, name: str, j: int, t: int) -> tuple[Base, tuple[Stop, ...], dict[int, int]]:
    """Return what a timetable is made of: what the site has, whom it visits, and the way from each to it [min]."""
    visited = stops(case, layout, name, j, t)
    home = {stop.index: case.ways[name].minutes(stop.index, j) for stop in visited}
    return base(case, layout, name, j, t), visited, home


def on_the_road(visits: Iterable[Visit], way: Way, j: int) -> int:
    """Return how long those who go are on the road in a period, all together [min]."""
    days: dict[tuple[int, int, int], dict[int, int]] = {}
    for visit in visits:
        for slot in visit.slots:
            days.setdefault((visit.team, slot.week, slot.day), {})[slot.half] = visit.stop
    home = {stop: way.minutes(stop, j) for at in days.values() for stop in at.values()}
    return sum(journey(at.get(0), at.get(1), home, way.between) for at in days.values())


def wrong(case: Case, rules: Sequence[Rule], layout: Layout) -> Iterator[tuple[str, str]]:
    """Yield what is wrong in the rosters and timetables of a finished plan, worked out again without a solver.

    Where it is, and the sentence that says it in the language of the session.
    """
    for t in case.periods:
        for breach in _wrong_roster(case, rules, layout, t):
            yield "·".join(("roster", *map(str, breach.about), str(case.years[t]))), breach.sentence()
    for name, j, t in sorted({*bases(layout), *layout.timetable}):
        way, visits = case.ways[name], layout.timetable.get((name, j, t), ())
        there, mine, home = asked_of(case, layout, name, j, t)
        minutes = on_the_road((visit for visit in visits if (visit.stop, j) in way.pairs), way, j)
        made = Timetable(visits, (), minutes, minutes, True)
        where = f"timetable·{name}·{case.sites[j].id}·{case.years[t]}"
        for fault in timetable_faults(there, mine, made, home, way.between):
            yield where, fault.sentence(partial(stop_id, case, name), way.plan.weeks)


def _wrong_roster(case: Case, rules: Sequence[Rule], layout: Layout, t: int) -> Iterator[Breach]:
    tours, wants = layout.roster.get(t, ()), wanted(case, rules, layout, t)
    before, cyclic = carried(case, t), is_cyclic(case, t)
    gaps = gaps_of(wants, tours, cyclic=cyclic)
    told = Roster(tours, gaps, (), True)
    of_same = staff(case, layout, t)
    for breach in roster_faults(releases(case), sent(layout, t), wants, told, before, cyclic=cyclic, staff=of_same):
        details = dict(breach.details)
        for key, name in (("pool", partial(pool_name, case)), ("site", partial(_site_name, case))):
            match details.get(key):
                case int(index):
                    details[key] = name(index)
        yield replace(breach, details=details)
    for (n, month), number in gaps.items():
        about = {"site": _site_name(case, wants[n].to), "month": month, "number": number, "year": case.years[t]}
        yield Breach(("month", n, month), number, 1, "breach.posting_month", about)


def pool_name(case: Case, p: int) -> str:
    """Return what people call a pool: who sends, and the specialty."""
    if not 0 <= p < len(case.pools):
        return str(p)
    pool = case.pools[p]
    return f"{case.sites[pool.hospital].name if pool.hospital >= 0 else pool.sender} {term(pool.specialty)}"


def _site_name(case: Case, j: int) -> str:
    return case.sites[j].name if 0 <= j < len(case.sites) else str(j)


def postings_rows(case: Case, layout: Layout) -> list[Plain]:
    """Return the tours of every year, as plan.json has them."""
    return [
        {
            "year": case.years[t],
            "from": case.pools[p].sender,
            "specialty": case.pools[p].specialty,
            "rank": case.pools[p].rank,
            "pool": p,
            "to": case.sites[j].id,
            "months": months,
            "tours": number,
            "basis": str(case.pools[p].basis),
        }
        for (p, months, j, t), number in sorted(layout.tours.items(), key=lambda one: (one[0][3], one[0]))
        if number
    ]


def roster_rows(case: Case, layout: Layout) -> list[Plain]:
    """Return who is where in which months: posts, never persons."""
    return [
        {
            "year": case.years[t],
            "from": case.pools[tour.pool].sender,
            "specialty": case.pools[tour.pool].specialty,
            "pool": tour.pool,
            "post": tour.post,
            "to": case.sites[tour.to].id,
            "first_month": tour.first,
            "months": tour.months,
            "carried": tour.carried,
            "of": tour.of,
        }
        for t in sorted(layout.roster)
        for tour in layout.roster[t]
    ]


def remote_rows(case: Case, rules: Mapping[str, Rule], layout: Layout) -> list[Plain]:
    """Return where remote consultation stands in for an expert whom no pool has left, rule by rule: never silently."""
    return [
        {"year": case.years[t], "rule": name, "id": case.sites[j].id, "with": rule.or_remote}
        for name, rule in rules.items()
        if isinstance(rule, Posting)
        for t in rule.when(case)
        for j in sorted(rule.remote(case, layout, t))
    ]


def rounds_rows(case: Case, layout: Layout) -> list[Plain]:
    """Return who visits which village or town in every year, how often, and how long the way is."""
    rows = []
    for name, stop, j, t in sorted(layout.visits, key=lambda one: (one[3], one[0], one[2], one[1])):
        way = case.ways[name]
        rows.append(
            {
                "year": case.years[t],
                "way": name,
                "by": case.sites[j].id,
                "to": stop_id(case, name, stop),
                "times": way.plan.times,
                "per": way.plan.per,
                "half_days": way.plan.half_days,
                "minutes": way.minutes(stop, j),
                "how": way.how(stop, case.spots[j]),
                "basis": str(way.plan.basis),
            }
        )
    return rows


def timetable_rows(case: Case, layout: Layout) -> list[Plain]:
    """Return where every team is on which half-day: a row for every half-day that it is out."""
    return [
        {
            "year": case.years[t],
            "way": name,
            "by": case.sites[j].id,
            "team": visit.team,
            "week": slot.week,
            "day": slot.day,
            "half": HALF_NAMES[slot.half],
            "to": stop_id(case, name, visit.stop),
        }
        for name, j, t in sorted(layout.timetable, key=lambda one: (one[2], one[0], one[1]))
        for visit in layout.timetable[name, j, t]
        for slot in visit.slots
    ]


def going_out_of(content: Mapping[str, Any], case: Case) -> Plain:
    """Return the tours, visits, rosters and timetables that a plan states, as fields of a layout."""
    year_index = {year: t for t, year in enumerate(case.years)}
    tours: dict[tuple[int, int, int, int], int] = {}
    for row in content.get("postings", ()):
        key = row["pool"], row["months"], case.site_index[row["to"]], year_index[row["year"]]
        tours[key] = tours.get(key, 0) + row["tours"]
    roster: dict[int, list[Tour]] = {}
    for row in content.get("roster", ()):
        to = case.site_index[row["to"]]
        tour = Tour(row["pool"], row["post"], to, row["first_month"], row["months"], row["carried"], row["of"])
        roster.setdefault(year_index[row["year"]], []).append(tour)
    visits = {
        (row["way"], _stop(case, row), case.site_index[row["by"]], year_index[row["year"]])
        for row in content.get("rounds", ())
    }
    return {
        "tours": tours,
        "visits": frozenset(visits),
        "roster": {t: tuple(mine) for t, mine in roster.items()},
        "timetable": _timetable_of(content, case, year_index),
    }


def _stop(case: Case, row: Mapping[str, Any]) -> int:
    plan = case.ways[row["way"]].plan
    return (case.places if plan.to == "village" else case.towns).index(row["to"])


def _timetable_of(
    content: Mapping[str, Any], case: Case, year_index: Mapping[int, int]
) -> dict[tuple[str, int, int], tuple[Visit, ...]]:
    """Return the visits of every base: so many half-days of the same team in the same place, one after the other."""
    found: dict[tuple[str, int, int], list[Visit]] = {}
    waiting: dict[tuple[str, int, int, int, int], list[Slot]] = {}
    for row in content.get("timetable", ()):
        name, j, t, stop = row["way"], case.site_index[row["by"]], year_index[row["year"]], _stop(case, row)
        slots = waiting.setdefault((name, j, t, row["team"], stop), [])
        slots.append(Slot(row["week"], row["day"], HALF_NAMES.index(row["half"])))
        if len(slots) == case.ways[name].plan.half_days:
            found.setdefault((name, j, t), []).append(Visit(stop, row["team"], tuple(slots)))
            slots.clear()
    for (name, j, t, team, stop), slots in waiting.items():
        if slots:
            found.setdefault((name, j, t), []).append(Visit(stop, team, tuple(slots)))
    return {key: tuple(visits) for key, visits in found.items()}
