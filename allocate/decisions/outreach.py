"""Which villages and towns every hub or hospital visits, in every year."""

from collections.abc import Callable, Iterable, Iterator
from math import lcm

from allocate.case import Case
from allocate.decisions.posting import FEWER
from allocate.layout import Layout
from allocate.outreach import DAYS, HALVES
from allocate.rows import Breach, Column, Key, Number, Row, amount, opened, visits
from allocate.words import LANGUAGES, say_in

# The helper variable of cuts: there are more teams than those for which the cut was found (0 or 1).
ENOUGH = "enough"


def columns(case: Case) -> Iterator[Column]:
    """Yield the variables: whether a village or town is visited by a site (0 or 1)."""
    for name, way in case.ways.items():
        for stop, j in sorted(way.pairs):
            for t in case.periods:
                yield Column(visits(name, stop, j, t), whole=True)
    yield from (Column(key, whole=True) for key in _helpers(case))


def _helpers(case: Case) -> dict[Key, list[Row]]:
    """Return the helper variables of cuts, and the rows that say what each takes."""
    found: dict[Key, list[Row]] = {}
    for row in case.cuts:
        for key, times in row.terms.items():
            if key[0] in (ENOUGH, FEWER):
                found.setdefault(key, []).extend([row] if times > 0 else [])
    return found


def helpers(case: Case, value: Callable[[Key], Number]) -> dict[Key, int]:
    """Return the helper variables of cuts in a plan: each is 1 wherever it can be."""

    def can_be(key: Key, rows: list[Row]) -> bool:
        return all(
            sum(times * (1 if other == key else value(other)) for other, times in row.terms.items()) <= row.bound
            for row in rows
        )

    return {key: int(can_be(key, rows)) for key, rows in _helpers(case).items()}


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
                if plan.day_minutes is not None:
                    road: dict[Key, Number] = {
                        visits(name, stop, j, t): journeys(case, name, stop, j) for stop in stops
                    }
                    most = plan.day_minutes * 60 * DAYS * plan.weeks
                    yield Row(("road", name, site.id, year), road | {amount(plan.resource, j, t): -most}, "<=", 0)
                if not site.is_fixed:
                    for stop in stops:
                        here: dict[Key, Number] = {visits(name, stop, j, t): 1, opened(j, t): -1}
                        yield Row(("visits", name, stop, site.id, year), here, "<=", 0)
    for (what, j), names in _users(case).items():
        for t in case.periods:
            scale, loads = _shares(case, what, names)
            load: dict[Key, Number] = {
                visits(name, stop, j, t): loads[name] for name in names for stop in case.ways[name].stops_of[j]
            }
            about = ("half days", what, case.sites[j].id, case.years[t])
            yield Row(about, load | {amount(what, j, t): -scale}, "<=", 0)
    yield from case.cuts


def _users(case: Case) -> dict[tuple[str, int], tuple[str, ...]]:
    """Return the ways that use each resource of a site, which cannot be out in two of them at once."""
    found: dict[tuple[str, int], list[str]] = {}
    for name, way in case.ways.items():
        for j in way.stops_of:
            for what in dict.fromkeys((way.plan.resource, way.plan.vehicles)):
                if what:
                    found.setdefault((what, j), []).append(name)
    return {key: tuple(names) for key, names in found.items()}


def _shares(case: Case, what: str, names: Iterable[str]) -> tuple[int, dict[str, int]]:
    """Return the time of one of a resource, and what of it a stop of each way takes, all in one small unit.

    Where all ways are of the same period and have the same half-days for each of those who go, it is a half-day.
    """
    plans = {name: case.ways[name].plan for name in names}
    rooms = {name: plan.room if plan.resource == what else DAYS * HALVES * plan.weeks for name, plan in plans.items()}
    scale = lcm(*rooms.values())
    return scale, {name: plan.load * scale // rooms[name] for name, plan in plans.items()}


def journeys(case: Case, name: str, stop: int, j: int) -> int:
    """Return how long one is on the road in a period who goes to a stop and back for every day of its visits [s].

    0 where there is no way.
    """
    way = case.ways[name]
    days = -(-way.plan.half_days // HALVES)
    return 2 * way.pairs.get((stop, j), 0) * way.plan.times * days


def stop_id(case: Case, name: str, stop: int) -> str:
    """Return the id of a village or town that is visited; of what a way does not know, its number."""
    way = case.ways.get(name)
    ids = () if way is None else case.places if way.plan.to == "village" else case.towns
    return ids[stop] if 0 <= stop < len(ids) else str(stop)


def breaches(case: Case, layout: Layout) -> Iterator[Breach]:
    """Yield everything about visits in a finished plan that cannot be: the same sentences as `rows`."""
    found: dict[tuple[str, int, int], list[int]] = {}
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
        found.setdefault((name, j, t), []).append(stop)
    for (what, j), names in _users(case).items():
        scale, loads = _shares(case, what, names)
        for t in case.periods:
            load = sum(loads[name] * len(found.get((name, j, t), ())) for name in names)
            there = scale * layout.amounts.get((what, j, t), 0)
            if load > there:
                site, year = case.sites[j], case.years[t]
                out = [name for name in names if (name, j, t) in found]
                called = {
                    chosen: say_in(chosen, "summary.comma").join(case.ways[name].plan.name[chosen] for name in out)
                    for chosen in LANGUAGES
                }
                details = {"site": site.name, "year": year, "way": called, "resource": what}
                more: dict[str, object] = {"number": load, "limit": there}
                about = ("half days", what, site.id, year)
                yield Breach(about, load - there, 1, "breach.visit_half_days", details | more)
    for (name, j, t), stops in found.items():
        plan, site, year = case.ways[name].plan, case.sites[j], case.years[t]
        details = {"site": site.name, "year": year, "way": plan.name}
        if plan.day_minutes is not None:
            road = sum(journeys(case, name, stop, j) for stop in stops)
            most = plan.day_minutes * 60 * DAYS * plan.weeks * layout.amounts.get((plan.resource, j, t), 0)
            if road > most:
                more = {"number": road // 60, "limit": most // 60}
                yield Breach(("road", name, site.id, year), road - most, 60, "breach.visit_road", details | more)
