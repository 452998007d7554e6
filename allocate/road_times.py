"""Which times by road a model asks for in a district: only those that something in it looks at."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from allocate.calibration import asked_of, calibrations, corrected
from allocate.case import Site
from allocate.district import District
from allocate.goals import Match
from allocate.model import Model
from allocate.rules import FunctionReach
from allocate.travel import Mode, Times, metric
from allocate.travel.dijkstra import snap
from allocate.travel.points import Metric
from allocate.travel.times import LONGEST, ROUNDED, Asked, times_by_road
from allocate.units import SECONDS_PER_MINUTE, exact

# How much farther is searched than the factors say that were found first.
_HAIR = Fraction(101, 100)


def times_of(district: District, model: Model, places: Metric, sites: Sequence[Site], spots: Metric) -> Times | None:
    """Return the times by road between the places, sites and care homes of a district; None where it has no roads.

    They are at the speeds of the model, which observed times have not corrected. A district that a finished plan
    carries has the times of that plan.
    """
    if district.times is not None or district.roads is None:
        return district.times
    asked = (
        *_of_circles(district, model, places, spots),
        *_of_rules(model, places, spots),
        *_of_sites(district, model, places, sites, spots),
    )
    # (Roads are searched at the speeds of the model; what they say is made longer after. Where more positions get on
    # the roads, lengths round to other milliseconds: the factor may come out differently by a hair.)
    modes = corrected(model, calibrations(district, model, observed_times(district, model))).modes
    searched = [replace(one, limit=_searched(one.limit, modes[one.mode])) for one in asked]
    return times_by_road(district.roads, model.modes, [*asked_of(district, model), *searched])


def observed_times(district: District, model: Model) -> Times | None:
    """Return the times by road of the ways that somebody observed; None where there are no roads, or nobody did."""
    told = list(asked_of(district, model))
    if district.times is not None or district.roads is None or not told:
        return district.times
    return times_by_road(district.roads, model.modes, told)


def modes_by_road(district: District, model: Model) -> frozenset[str]:
    """Return the ways to travel whose times within the circles of a model are by road, in a district with roads."""
    rings = [model.circles[name] for name in (model.circle, *model.compare)]
    used = {mode for ring in rings if ring.seconds is not None for mode in ring.modes}
    return frozenset(mode for mode in used - district.listed_modes if model.modes[mode].roads is not None)


def _searched(limit: int, mode: Mode) -> int:
    """Return how far roads are searched at the speeds of the model for what takes so long at corrected ones [s]."""
    return math.ceil(limit / mode.slowness * _HAIR)


def times_in_circle(
    district: District, model: Model, modes: Mapping[str, Mode], places: Metric, spots: Metric
) -> Times | None:
    """Return the times by road from places to spots within the planned circle; None where there are no roads.

    They are at the speeds of the model; `modes` are the corrected ways to travel, for how far to look.
    """
    ring = model.circles[model.circle]
    if district.roads is None or ring.seconds is None:
        return None
    used = [mode for mode in ring.modes if mode not in district.listed_modes]
    asked = [Asked(mode, places, spots, _searched(ring.seconds, modes[mode])) for mode in used]
    return times_by_road(district.roads, model.modes, asked)


def off_roads(district: District, model: Model, spots: Metric) -> NDArray[np.bool_]:
    """Tell which spots are too far from any road that a way to travel of the planned circle goes by."""
    found = np.zeros(len(spots), dtype=bool)
    ring = model.circles[model.circle]
    if district.roads is None or ring.seconds is None:
        return found
    for name in ring.modes:
        on_roads = model.modes[name].roads
        if name not in district.listed_modes and on_roads is not None:
            found |= ~snap(district.roads, on_roads, spots.round(ROUNDED)).on
    return found


def _of_circles(district: District, model: Model, places: Metric, spots: Metric) -> Iterator[Asked]:
    """Yield: from places to sites, as far as a circle goes, and as far as it would go at higher speeds."""
    for name in dict.fromkeys((model.circle, *model.compare)):
        ring = model.circles[name]
        if ring.seconds is not None:
            limit = math.ceil(ring.seconds * (1 + exact(model.travel.doubt)))
            yield from (Asked(mode, places, spots, limit) for mode in ring.modes if mode not in district.listed_modes)


def _of_rules(model: Model, places: Metric, spots: Metric) -> Iterator[Asked]:
    """Yield: from places to sites, as far as a rule on functions looks."""
    for rule in model.rules.values():
        if isinstance(rule, FunctionReach) and rule.mode:
            yield Asked(rule.mode, places, spots, max(rule.limits().values()))


def _of_sites(
    district: District, model: Model, places: Metric, sites: Sequence[Site], spots: Metric
) -> Iterator[Asked]:
    """Yield: from those who go out to where they go, from members to centres and leads, from care homes to sites."""
    standing = spots[[j for j, site in enumerate(sites) if site.exists]]
    towns = metric([(town.lon or 0.0, town.lat or 0.0) for town in district.towns], district.datum, district.epsg)
    villages = places[[i for i, place in enumerate(district.places) if place.kind == "village"]]
    for plan in model.outreach.values():
        stops = villages if plan.to == "village" else np.vstack([standing, towns])
        limit = plan.minutes * SECONDS_PER_MINUTE
        yield Asked(plan.mode, standing, stops, limit)
        # (Two stops of one base are no farther apart than there and back.)
        yield Asked(plan.mode, stops, stops, 2 * limit)
    for ability in model.functions.values():
        if ability.mode and ability.serves:
            takers = spots[[j for j, site in enumerate(sites) if site.kind in ability.serves]]
            makers = spots[[j for j, site in enumerate(sites) if site.kind in ability.at]]
            # (Who is linked today stays linked, however far it is; and what would help may lie beyond the limit.)
            yield Asked(ability.mode, takers, makers, LONGEST)
    if model.consortia is not None:
        members = spots[[j for j, site in enumerate(sites) if site.kind in model.consortia.members]]
        yield Asked(model.consortia.mode, members, standing, LONGEST)
    if model.contracts is not None and district.care_homes:
        homes = metric([(home.lon, home.lat) for home in district.care_homes], district.datum, district.epsg)
        able = spots[[j for j, site in enumerate(sites) if site.kind in model.contracts.by]]
        yield Asked(model.contracts.mode, able, homes, LONGEST)
    for goal in model.goals.values():
        if isinstance(goal, Match):
            yield Asked(goal.mode, standing, standing, LONGEST)
