"""In which villages rounds are wanted, read in every way that a clause allows: what each takes, and what there is."""

from dataclasses import replace
from typing import Any, get_args

from allocate.case import Case
from allocate.layout import Layout
from allocate.outreach import WEEKS
from allocate.rules import Rounds
from allocate.rules.rounds import Where

READINGS: tuple[Where, ...] = get_args(Where)
Plain = dict[str, Any]


def readings(case: Case, layout: Layout, rule: Rounds) -> list[Plain]:
    """Return, for every year and reading of a rule on villages, what it would take and what the plan has.

    In each: `year`; `reading`; `is_rule` (whether it is the rule's own); `villages` that want rounds, of which
    `visited`, by ways that count for the rule as often as it asks, and among them `posted`, where somebody sits in the
    village on most days; `unserved`, the ids of the others; `out_of_range`, how many nobody can visit at all;
    `half_days`, what rounds as often as the rule asks would take in all the villages, in a week; `way`, by which;
    `teams_needed`, hub by hub, each rounded up to whole teams (the villages of a hub are those that it visits, and of
    the others, those to which it is nearest); `teams`, how many there are; `hubs`, the same for each hub.

    A rule on towns has no readings.
    """
    if rule.to != "village":
        return []
    name = usual_way(case, rule)
    found = []
    for reading in READINGS:
        if reading != "listed" or rule.listed:
            read = replace(rule, where=reading)
            found += [_row(case, layout, read, name, t) | {"is_rule": reading == rule.where} for t in rule.when(case)]
    return sorted(found, key=lambda row: (row["year"], READINGS.index(row["reading"])))


def usual_way(case: Case, rule: Rounds) -> str:
    """Return the way of outreach by which a rule is usually met; empty where none counts.

    It is no post in the village, comes as often as the rule asks, and takes the smallest part of a team.
    """
    often = rule.ways(case)
    able = [
        (case.ways[name].plan.is_post, times < rule.times, case.ways[name].plan.load / case.ways[name].plan.room, name)
        for name, times in often.items()
    ]
    return min(able)[-1] if able else ""


def base_of(case: Case, layout: Layout | None, name: str, stop: int, t: int) -> int | None:
    """Return the site that visits a village, or else the nearest that may; None where none may."""
    way = case.ways[name]
    there = None if layout is None else layout.visited.get((name, stop, t))
    able = [j for j in way.bases_of.get(stop, ()) if layout is None or (j, t) in layout.open]
    nearest = min(able, key=lambda j: (way.pairs[stop, j], j), default=None)
    return nearest if there is None else there


def _row(case: Case, layout: Layout, rule: Rounds, name: str, t: int) -> Plain:
    lacks = dict(rule.missing(case, layout, t))
    index = {place: i for place, i, _ in rule.stops(case, t)}
    ways = rule.ways(case)
    posted = [
        place
        for place in lacks
        if any(case.ways[one].plan.is_post and (one, index[place], t) in layout.visited for one in ways)
    ]
    stops: dict[int, int] = {}
    out_of_range = 0
    for place in lacks:
        j = base_of(case, layout, name, index[place], t) if name else None
        if j is None:
            out_of_range += 1
        else:
            stops[j] = stops.get(j, 0) + 1
    plan = case.ways[name].plan if name else None
    teams = {
        j: int(layout.amounts.get((plan.resource, j, t), 0)) if plan else 0
        for j in sorted({*stops, *(case.ways[name].stops_of if name else ())})
    }
    needed = {j: -(-count * plan.load // plan.room) if plan else 0 for j, count in stops.items()}
    return {
        "year": case.years[t],
        "reading": str(rule.where),
        "villages": len(lacks),
        "visited": sum(not missing for missing in lacks.values()),
        "posted": sum(not lacks[place] for place in posted),
        "unserved": sorted(place for place, missing in lacks.items() if missing),
        "out_of_range": out_of_range,
        "half_days": _half_days(rule, len(lacks)),
        "way": name,
        "teams_needed": sum(needed.values()),
        "teams": sum(teams.values()),
        "hubs": [
            {
                "site": case.sites[j].id,
                "villages": stops.get(j, 0),
                "teams_needed": needed.get(j, 0),
                "teams": there,
            }
            for j, there in teams.items()
            if there or stops.get(j, 0)
        ],
    }


def _half_days(rule: Rounds, villages: int) -> int:
    """Return the half-days in a week that rounds to so many villages take, rounded up; each is half a day at least."""
    return -(-villages * rule.times * max(1, rule.half_days) // WEEKS[rule.per])
