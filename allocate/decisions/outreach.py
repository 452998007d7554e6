"""Which villages and towns every hub or hospital visits, in every year."""

from collections.abc import Iterator

from allocate.case import Case
from allocate.layout import Layout
from allocate.outreach import DAYS, HALVES
from allocate.rows import Breach, Column, Key, Number, Row, amount, opened, visits

# The helper variable of cuts: there are more teams than those for which the cut was found (0 or 1).
ENOUGH = "enough"


def columns(case: Case) -> Iterator[Column]:
    """Yield the variables: whether a village or town is visited by a site (0 or 1)."""
    for name, way in case.ways.items():
        for stop, j in sorted(way.pairs):
            for t in case.periods:
                yield Column(visits(name, stop, j, t), whole=True)
    yield from (
        Column(key, whole=True) for key in dict.fromkeys(k for row in case.cuts for k in row.terms if k[0] == ENOUGH)
    )


def rows(case: Case) -> Iterator[Row]:
    """Yield the physics: visited by one site, which is open; half-days, journeys and vehicles of those who go.

    Which weekdays they go is worked out afterwards (`timetable`); what is found there comes back as `Case.cuts`.
    """
    for name, way in case.ways.items():
        plan = way.plan
        for t in case.periods:
            year = case.years[t]
            for stop, bases in way.bases_of.items():
                if len(bases) > 1:
                    once: dict[Key, Number] = {visits(name, stop, j, t): 1 for j in bases}
                    yield Row(("once", name, stop, year), once, "<=", 1)
            for j, stops in way.stops_of.items():
                site = case.sites[j]
                load: dict[Key, Number] = {visits(name, stop, j, t): plan.load for stop in stops}
                for what, room in ((plan.resource, plan.room), (plan.vehicles, DAYS * HALVES * plan.weeks)):
                    if what:
                        about = ("half days", name, what, site.id, year)
                        yield Row(about, load | {amount(what, j, t): -room}, "<=", 0)
                if plan.day_minutes is not None:
                    road: dict[Key, Number] = {
                        visits(name, stop, j, t): journeys(case, name, stop, j) for stop in stops
                    }
                    most = plan.day_minutes * 60 * DAYS * plan.weeks
                    yield Row(("road", name, site.id, year), road | {amount(plan.resource, j, t): -most}, "<=", 0)
                if not site.exists or site.closable:
                    for stop in stops:
                        here: dict[Key, Number] = {visits(name, stop, j, t): 1, opened(j, t): -1}
                        yield Row(("visits", name, stop, site.id, year), here, "<=", 0)
    yield from case.cuts


def journeys(case: Case, name: str, stop: int, j: int) -> int:
    """Return how long one is on the road in a period who goes to a stop and back for every day of its visits [s]."""
    way = case.ways[name]
    days = -(-way.plan.half_days // HALVES)
    return 2 * way.pairs[stop, j] * way.plan.times * days


def stop_id(case: Case, name: str, stop: int) -> str:
    """Return the id of a village or town that is visited; of what a way does not know, its number."""
    way = case.ways.get(name)
    ids = () if way is None else case.places if way.plan.to == "village" else case.towns
    return ids[stop] if 0 <= stop < len(ids) else str(stop)


def breaches(case: Case, layout: Layout) -> Iterator[Breach]:
    """Yield everything about visits in a finished plan that cannot be: the same sentences as `rows`."""
    loads: dict[tuple[str, int, int], list[int]] = {}
    seen: set[tuple[str, int, int]] = set()
    for name, stop, j, t in sorted(layout.visits):
        way, site, year = case.ways.get(name), case.sites[j], case.years[t]
        called = name if way is None else way.plan.name
        details: dict[str, object] = {"site": site.name, "year": year, "way": called, "stop": stop_id(case, name, stop)}
        if way is None or (stop, j) not in way.pairs:
            yield Breach(("visit", name, stop, site.id, year), 1, 1, "breach.visit_none", details)
            continue
        if (j, t) not in layout.open:
            yield Breach(("visits", name, stop, site.id, year), 1, 1, "breach.visit_closed", details)
        if (name, stop, t) in seen:
            yield Breach(("once", name, stop, year), 1, 1, "breach.visit_twice", details)
        seen.add((name, stop, t))
        loads.setdefault((name, j, t), []).append(stop)
    for (name, j, t), stops in loads.items():
        plan, site, year = case.ways[name].plan, case.sites[j], case.years[t]
        load = len(stops) * plan.load
        details = {"site": site.name, "year": year, "way": plan.name}
        for what, room in ((plan.resource, plan.room), (plan.vehicles, DAYS * HALVES * plan.weeks)):
            there = room * layout.amounts.get((what, j, t), 0)
            if what and load > there:
                more: dict[str, object] = {"number": load, "limit": there, "resource": what}
                about = ("half days", name, what, site.id, year)
                yield Breach(about, load - there, 1, "breach.visit_half_days", details | more)
        if plan.day_minutes is not None:
            road = sum(journeys(case, name, stop, j) for stop in stops)
            most = plan.day_minutes * 60 * DAYS * plan.weeks * layout.amounts.get((plan.resource, j, t), 0)
            if road > most:
                more = {"number": road // 60, "limit": most // 60}
                yield Breach(("road", name, site.id, year), road - most, 60, "breach.visit_road", details | more)
