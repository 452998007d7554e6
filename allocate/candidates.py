"""Makes the case of a district and a model: existing sites, candidates, people by year, links within a circle."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allocate import affiliations, care_homes, standing
from allocate.affiliations import centres, had, hub_people, leading, makers
from allocate.calibration import calibrations, corrected
from allocate.care_homes import contracting
from allocate.case import Case, Site
from allocate.district import District
from allocate.errors import InputError, ModelError, Problem
from allocate.estimate import redraw
from allocate.goals import Match, TailCoverage
from allocate.goals.match import AGES
from allocate.model import Model
from allocate.population import Population, faults, project, registered_share
from allocate.possible import Possible
from allocate.road_times import observed_times, times_in_circle, times_of
from allocate.rules import FunctionReach, Named
from allocate.senders import carried, pools, ways
from allocate.senders import faults as unfit
from allocate.shares import spread
from allocate.siting_candidates import FIRM, sited
from allocate.tables import BELOW_HUBS, FIELDS, HUB_KINDS, OBSERVED, STAFF, TRAVEL
from allocate.travel import Circle, Journeys, Links, Mode, Spots, Times, links, metric
from allocate.travel.adjoining import adjoining
from allocate.travel.circles import Level
from allocate.travel.links import own_seconds
from allocate.units import Basis, exact

# How far apart adjoining places may lie where the planned circle does not say it.
ADJOINING_METRES = 3_000


def make_case(district: District, model: Model, circle: str = "") -> Case:
    """Return the case that a model makes of a district, for one of the model's circles.

    Raises
    ------
    ModelError
        When a rule names a site or a village that there is not, or a pool a hospital.
    InputError
        When travel.csv names a way to travel that the model does not know, or the people of the plan years cannot be
        worked out as the model says, or who goes where is not as model and tables together can have it; it lists all
        of it.
    """
    ring = model.circles[circle or model.circle]
    people = _people_of(district, model)
    town_ids = tuple(town.id for town in district.towns)
    places = Spots(
        tuple(place.id for place in district.places),
        metric([(p.lon or 0.0, p.lat or 0.0) for p in district.places], district.datum, district.epsg),
        np.arange(len(district.places)),
    )

    def within(among: Sequence[Site], ring: Circle, modes: Mapping[str, Mode], roads: Times | None) -> Links:
        there = links(places, _spots(district, among), ring, modes, district.travel, roads)
        return _suitable(there, district, model, among, ring.kinds)

    def reach(among: Sequence[Site]) -> Links:
        # (Candidates are made for the planned circle, whichever one is looked at.)
        modes = corrected(model, calibrations(district, model, observed_times(district, model))).modes
        roads = times_in_circle(district, model, modes, places.metres, _spots(district, among).metres)
        found = within(among, model.circles[model.circle], modes, roads)
        # (Nor do they count as reached from where only some people can go.)
        return found.only(found.levels == 0) if found.levels.any() else found

    made = sited(district, model, places.metres, people.people[:, 0], reach)
    sites = made.sites
    spots = _spots(district, sites)
    towns = metric([(town.lon or 0.0, town.lat or 0.0) for town in district.towns], district.datum, district.epsg)
    roads = times_of(district, model, places.metres, sites, spots.metres)
    model = corrected(model, calibrations(district, model, roads))
    journeys = Journeys(model.modes, roads)
    near = within(sites, ring, model.modes, roads)
    listed = {one.id: one.parent for one in district.institutions if one.parent}
    bases = {one.id: one.parent_basis for one in district.institutions if one.parent_basis}
    today = had(district, model, sites)
    making = makers(model, sites, today)
    case = Case(
        years=model.years,
        spans=spans(model.years),
        repeats=(1,) * len(model.years),
        places=places.ids,
        towns=town_ids,
        town_of=tuple(town_ids.index(place.town) for place in district.places),
        people=people.people,
        ages=people.ages,
        registered_share=registered_share(district),
        sites=sites,
        links=near,
        levels=_levels(ring),
        spots=spots.metres,
        place_kinds=tuple(place.kind for place in district.places),
        place_settings=tuple(place.setting for place in district.places),
        neighbours=(beside := _neighbours(places, model.circles[model.circle].adjoining_metres or ADJOINING_METRES)),
        parents=(parents := _parents(sites, spots.metres, listed)),
        parent_bases=tuple(
            "" if above < 0 else str(bases.get(site.id, Basis.ASSUMED))
            for above, site in zip(parents, sites, strict=True)
        ),
        moves=tuple(_moves(sites, spots.metres, model)),
        resources=model.resources,
        postings=model.postings,
        pools=pools(district, model),
        carried=carried(district, model),
        ways=ways(district, model, sites, spots.metres, places.metres, towns, journeys),
        stock=stock(district, model, sites),
        intervals=intervals(model.as_of.year, model.years),
        modes=model.modes,
        roads=roads,
        fields=_fields(district, sites),
        abilities=model.functions,
        makers=making,
        centres=centres(model, sites, spots.metres, making, today, journeys),
        had=today,
        leading=leading(district, model, sites, spots.metres, beside, journeys),
        hub_people=hub_people(
            sites, spots.metres, places.metres, [place.town for place in district.places], people.people
        )
        if model.consortia
        else {},
        place_spots=places.metres,
        own_seconds={
            mode: own_seconds(places, spots, (mode,), district.travel)
            for mode in sorted(_listed_modes(district, model))
        },
        contracting=contracting(district, model, sites, spots.metres, journeys),
        dropped=made.dropped,
        generated=made.generated,
    )
    if ring is model.circles[model.circle]:
        # (A circle that is only compared may leave out the kind of a site that a rule names.)
        _check_named(case, model)
    wanted = [goal for goal in model.goals.values() if isinstance(goal, TailCoverage)]
    if not wanted:
        return case
    if not district.has_estimates:
        return replace(case, possible=(case.as_given,))
    return replace(case, possible=possible_districts(district, model, case, fitted_seeds(model, wanted[0]), circle))


def fitted_seeds(model: Model, goal: TailCoverage) -> range:
    """Return the seeds of the possible districts that a goal looks at."""
    first = model.seed if goal.seed is None else goal.seed
    return range(first, first + goal.draws)


def possible_districts(
    district: District, model: Model, case: Case, seeds: Iterable[int], circle: str = ""
) -> tuple[Possible, ...]:
    """Return who could go to which sites of a case in the districts of some seeds.

    A candidate of a place stands wherever that then lies, an institution where the estimate has it, and what the
    planner listed or was generated stays. Roads are left out: nobody knows on which one an estimated village lies.
    """
    ring = model.circles[circle or model.circle]
    found = []
    for seed in seeds:
        drawn = redraw(district, seed)
        homes = metric([(p.lon or 0.0, p.lat or 0.0) for p in drawn.places], drawn.datum, drawn.epsg)
        places = Spots(case.places, homes, np.arange(len(case.places)))
        index = {code: i for i, code in enumerate(case.places)}
        there = {one.id: (one.lon or 0.0, one.lat or 0.0, index.get(one.place, -1)) for one in drawn.institutions}
        there |= {
            site.id: (drawn.places[site.place].lon or 0.0, drawn.places[site.place].lat or 0.0, site.place)
            for site in case.sites
            if site.origin == "places"
        }
        moved = [
            replace(site, lon=lon, lat=lat, place=place)
            for site in case.sites
            for lon, lat, place in [there.get(site.id, (site.lon, site.lat, site.place))]
        ]
        near = links(places, _spots(drawn, moved), ring, case.modes, drawn.travel)
        pairs = _suitable(near, drawn, model, moved, ring.kinds)
        people = project(drawn, model.population, model.years).people
        found.append(replace(replace(case, people=people, links=pairs).as_given, seed=seed))
    return tuple(found)


def seen_in(district: District, model: Model, case: Case, circle: str, speed: Fraction = Fraction(1)) -> Case:
    """Return a case as one of the model's circles sees it, at the speeds of the case times a factor."""
    ring = model.circles[circle]
    places = Spots(case.places, case.place_spots, np.arange(len(case.places)))
    modes = {name: mode.slowed(1 / speed) for name, mode in case.modes.items()}
    pairs = links(places, _spots(district, case.sites), ring, modes, district.travel, case.roads)
    near = _suitable(pairs, district, model, case.sites, ring.kinds)
    return replace(case, links=near, levels=_levels(ring))


def sites_that_move(case: Case, i: int) -> tuple[int, ...]:
    """Return the sites that stand where a place is thought to lie: its candidates, and what nobody saw stand there."""

    def goes_along(site: Site) -> bool:
        return site.origin == "places" or (site.exists and site.basis in (Basis.ASSUMED, Basis.ESTIMATED))

    return tuple(j for j in case.sites_in[i] if goes_along(case.sites[j]))


def links_after_move(district: District, model: Model, case: Case, moved: int, to: NDArray[np.float64]) -> Links:
    """Return the pairs within the planned circle that a place, or a site in it, is part of once the place lies at `to`.

    Everything else stays where it is [m]. A site that goes with the place (`sites_that_move`) keeps its way from it.
    """
    ring = model.circles[model.circle]
    metres, spots = case.place_spots.copy(), case.spots.copy()
    inside = np.array(sites_that_move(case, moved), dtype=np.int64)
    spots[inside] += to - metres[moved]
    metres[moved] = to
    # (Of places that adjoin, whoever could lie between them lies no farther away than they do from each other.)
    radius = max(ring.radius(dict(case.modes)), ring.adjoining_metres or 0) + 1
    near = np.union1d(np.flatnonzero(np.hypot(*(metres - to).T) <= radius), [moved])
    by = np.union1d(np.flatnonzero(np.hypot(*(spots - to).T) <= 2 * radius), inside)
    index = np.full(len(metres) + 1, -1)
    index[near] = np.arange(len(near))
    homes = np.array([case.sites[j].place for j in by.tolist()], dtype=np.int64)
    found = links(
        Spots(tuple(case.places[i] for i in near.tolist()), metres[near], np.arange(len(near))),
        Spots(tuple(_travel_id(case.sites[j], district) for j in by.tolist()), spots[by], index[homes]),
        ring,
        case.modes,
        district.travel,
        case.roads,
    )
    there = Links(near[found.places], by[found.sites], found.seconds, found.how, found.levels)
    its_own = there.only((there.places == moved) | np.isin(there.sites, inside))
    return _suitable(its_own, district, model, case.sites, ring.kinds)


def _levels(ring: Circle) -> tuple[Level, ...]:
    return ring.levels if len(ring.levels) > 1 else ()


def _listed_modes(district: District, model: Model) -> set[str]:
    """Return the ways to travel that rules on functions ask for and that the district's own table lists."""
    asked = {rule.mode for rule in model.rules.values() if isinstance(rule, FunctionReach)}
    return asked & district.listed_modes


def _people_of(district: District, model: Model) -> Population:
    """Return the people of the plan years, once it is known that model and tables fit together.

    Raises
    ------
    ModelError, InputError
        When they do not: see `make_case`.
    """
    wrong = [
        *_unknown_modes(district, model),
        *_wrong_staff(district, model),
        *_idle_fields(district, model),
        *faults(district, model.population, model.years),
    ]
    misfits = [*unfit(district, model), *affiliations.faults(district, model), *care_homes.faults(district, model)]
    people = None if wrong else project(district, model.population, model.years)
    if people is not None:
        misfits += _unknown_ages(model, people.ages)
    if people is None or any(fault.file != f"{model.id}.toml" for fault in misfits):
        raise InputError([district.in_its_words(one) for one in (*wrong, *misfits)])
    if misfits:
        raise ModelError(misfits)
    return people


def _unknown_modes(district: District, model: Model) -> list[Problem]:
    """Blame a way to travel that the model does not know: its times would be passed over without a word."""
    told = ((TRAVEL.file, mode) for _, _, mode in district.travel)
    seen = ((OBSERVED.file, row.mode) for row in district.observed)
    details = {"choices": ", ".join(sorted(model.modes))}
    return [
        Problem("problem.choice", file, column="mode", value=mode, details=details)
        for file, mode in sorted({*told, *seen})
        if mode not in model.modes
    ]


def spans(years: Sequence[int]) -> tuple[int, ...]:
    """Return the calendar years that each plan year stands for: until the next, and one for the last.

    >>> spans([2025, 2027, 2030, 2035])
    (2, 3, 5, 1)
    """
    return (*(after - year for year, after in pairwise(years)), 1)


def intervals(today: int, years: Sequence[int]) -> tuple[int, ...]:
    """Return the calendar years before each plan year since the one before it; the first has one at least.

    >>> intervals(2024, [2025, 2027, 2030, 2035])
    (1, 2, 3, 5)
    """
    return (max(1, years[0] - today), *(after - year for year, after in pairwise(years)))


def _parents(sites: Sequence[Site], metres: NDArray[np.float64], listed: Mapping[str, str]) -> tuple[int, ...]:
    """Return the site above each one: the one listed, else the nearest.

    Above a station or clinic that is a hub of its town, else of the district; above a hub, a hospital.
    """
    index = {site.id: j for j, site in enumerate(sites)}
    hubs = [j for j, site in enumerate(sites) if site.exists and site.kind in HUB_KINDS]
    hospitals = [j for j, site in enumerate(sites) if site.exists and site.kind == "hospital"]

    def nearest(j: int, among: Sequence[int]) -> int:
        return min(among, key=lambda k: (float(np.hypot(*(metres[k] - metres[j]))), k), default=-1)

    def above(j: int, site: Site) -> int:
        if site.id in listed:
            return index[listed[site.id]]
        if site.kind in BELOW_HUBS:
            return nearest(j, [k for k in hubs if sites[k].town == site.town] or hubs)
        return nearest(j, hospitals) if site.kind in HUB_KINDS else -1

    return tuple(above(j, site) for j, site in enumerate(sites))


def _moves(sites: Sequence[Site], metres: NDArray[np.float64], model: Model) -> Iterator[tuple[int, int]]:
    """Yield the pairs of an existing site that may close and a candidate that may be its new place."""
    candidates: dict[tuple[str, str], list[int]] = {}
    for j, site in enumerate(sites):
        if not site.exists:
            candidates.setdefault((site.kind, site.town), []).append(j)
    for old, site in enumerate(sites):
        costs = model.siting.get(site.kind)
        if site.exists and site.closable and costs is not None and costs.move is not None:
            for new in candidates.get((site.kind, site.town), ()):
                if float(np.hypot(*(metres[new] - metres[old]))) <= costs.move.metres:
                    yield old, new


def _wrong_staff(district: District, model: Model) -> list[Problem]:
    """Return the staff that the model knows nothing of, or has no posts for; rows count as in the file."""
    kinds = {one.id: one for one in district.institutions}
    problems = []
    numbers = {(row.institution, row.resource): row.number for row in district.staff}
    listed = {row.resource for row in district.staff}
    for row in district.staff:
        resource, at = model.resources.get(row.resource), kinds[row.institution]
        where: dict[str, Any] = {"file": STAFF.file, "row": row.row}
        if not model.resources:
            # (A model that decides no staff does not look at it.)
            continue
        if resource is None or resource.sum_of:
            choices = ", ".join(name for name, one in model.resources.items() if not one.sum_of)
            fault = Problem("problem.staff_resource", column="resource", value=row.resource, **where)
            problems.append(replace(fault, details={"choices": choices}))
            continue
        posts = resource.at.get(at.kind, 0)
        fault = Problem("problem.staff_posts", column="number", value=row.number, **where)
        if row.number > posts:
            problems.append(replace(fault, details={"name": at.name, "posts": posts, "resource": row.resource}))
        # (Of a resource that the table does not list at all, today's number is assumed, and blames nobody.)
        whole = numbers.get((row.institution, resource.part_of), 0)
        if resource.part_of in listed and row.number > whole:
            details: dict[str, Any] = {
                "name": at.name,
                "resource": row.resource,
                "whole": resource.part_of,
                "most": whole,
            }
            problems.append(replace(fault, what="problem.staff_part", details=details))
    return problems


def _idle_fields(district: District, model: Model) -> Iterator[Problem]:
    """Yield the fields of institutions of which the model's goal says nothing."""
    for goal in model.goals.values():
        if isinstance(goal, Match):
            for row in district.fields:
                if row.specialty not in goal.specialties:
                    details = {"choices": ", ".join(goal.specialties)}
                    yield Problem("problem.field_unknown", FIELDS.file, row.row, "specialty", row.specialty, details)


def _unknown_ages(model: Model, ages: Collection[str]) -> Iterator[Problem]:
    """Yield the age groups that a goal weighs and that are not known of every place."""
    for name, goal in model.goals.items():
        if isinstance(goal, Match):
            for column in sorted(goal.groups):
                if column in AGES and AGES[column] not in ages:
                    yield Problem(
                        "problem.age_unknown", f"{model.id}.toml", column=f"goals.{name}.specialties", value=column
                    )


def _fields(district: District, sites: Sequence[Site]) -> dict[tuple[int, str], bool]:
    """Return whether institutions have a specialty, by index of the site, where that is known."""
    index = {site.id: j for j, site in enumerate(sites) if site.exists}
    return {(index[row.hub], row.specialty): row.has == "yes" for row in district.fields}


def stock(district: District, model: Model, sites: Sequence[Site]) -> dict[tuple[str, int], int]:
    """Return the staff and beds of today, by resource and index of the site.

    What staff.csv does not list of a resource at all is assumed: so many for every 1,000 residents, shared out among
    kinds of site as the model says; among hubs by the people of their towns, among others evenly; in whole numbers by
    the largest remainders.
    """
    index = {site.id: j for j, site in enumerate(sites) if site.exists}
    listed = {row.resource for row in district.staff}
    found = {(row.resource, index[row.institution]): row.number for row in district.staff if row.number}
    people: dict[str, int] = {}
    for place in district.places:
        people[place.town] = people.get(place.town, 0) + (place.people or 0)
    for name, resource in model.resources.items():
        if name in listed or not resource.today:
            continue
        total = round(exact(resource.today) * district.people / 1000)
        weights: dict[int, Fraction] = {}
        for kind, share in resource.today_at.items():
            inside = [j for j, site in enumerate(sites) if site.exists and site.kind == kind]
            sizes = {j: people.get(sites[j].town, 0) if kind in HUB_KINDS else 1 for j in inside}
            whole = sum(sizes.values()) or 1
            weights |= {j: exact(share) * size / whole for j, size in sizes.items()}
        numbers = spread(total, list(weights.values())) if any(weights.values()) else []
        found |= {(name, j): number for j, number in zip(weights, numbers, strict=False) if number}
    return found


def _neighbours(places: Spots, longest: int) -> tuple[tuple[int, ...], ...]:
    beside: list[list[int]] = [[] for _ in places.ids]
    for i, k in sorted(adjoining(places.metres, longest)):
        beside[i].append(k)
    return tuple(tuple(group) for group in beside)


def _suitable(pairs: Links, district: District, model: Model, sites: Sequence[Site], counted: Collection[str]) -> Links:
    """Return the pairs in which the kind of site counts, and serves the kind of place."""
    served = {kind: set(candidates.serves) for kind, candidates in model.siting.items()}
    kinds = sorted({place.kind for place in district.places})
    (places, place_of), (among, site_of) = (
        np.unique(part, return_inverse=True) for part in (pairs.places, pairs.sites)
    )
    # Whether a site serves a kind of place, a row per site: few kinds stand for many places.
    serves = np.array(
        [
            [site.kind in counted and (site.kind not in served or kind in served[site.kind]) for kind in kinds]
            for site in (sites[j] for j in among.tolist())
        ],
        dtype=bool,
    ).reshape(len(among), len(kinds))
    kind_of = np.array([kinds.index(district.places[i].kind) for i in places.tolist()], dtype=np.int64)
    kept = serves[site_of, kind_of[place_of]]
    return pairs.only(kept)


def _spots(district: District, sites: Sequence[Site]) -> Spots:
    """Return where sites stand, under the ids by which the planner's own travel table knows them."""
    return Spots(
        tuple(_travel_id(site, district) for site in sites),
        metric([(site.lon, site.lat) for site in sites], district.datum, district.epsg),
        np.array([site.place for site in sites], dtype=np.int64),
    )


def _travel_id(site: Site, district: District) -> str:
    """Return the id by which the planner's own travel table knows a site."""
    return district.places[site.place].id if site.origin == "places" else site.id


# Sites that are named where an id is that of none.
_NEAREST = 3


def _like(case: Case, text: str) -> str:
    """Return the sites whose id, or name, is most like a text that is the id of none."""
    names = {name: site for site in reversed(case.sites) for name in (site.name, site.id)}
    found = {names[name].id: names[name].name for name in get_close_matches(text, names, n=_NEAREST)}
    return ", ".join(f"{code} ({name})" if name != code else code for code, name in found.items())


def _check_named(case: Case, model: Model) -> None:
    example = next((site.id for site in case.sites if not site.exists), "clinic-…")
    out = {one.id: str(one.why["code"]) for one in case.dropped}

    def fault(site: str, near: str) -> str:
        if out.get(site) in FIRM:
            return f"problem.site_{out[site]}"
        return "problem.site_dropped" if site in out else "problem.site_near" if near else "problem.site_unknown"

    problems = [
        Problem(
            fault(site, near),
            f"{model.id}.toml",
            column=f"rules.{name}.sites",
            value=site,
            details={"example": example, "near": near},
        )
        for name, rule in model.rules.items()
        if isinstance(rule, Named)
        for site in rule.sites
        if site not in case.site_index
        for near in (_like(case, site),)
    ]
    problems += standing.faults(case, f"{model.id}.toml")
    if problems:
        raise ModelError(problems)
