"""Makes the case of a district and a model: existing sites, candidates, people by year, links within a circle."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from allocate.case import Case, Site
from allocate.district import District
from allocate.errors import InputError, ModelError, Problem
from allocate.model import Model
from allocate.population import faults, project, registered_share
from allocate.rules import Capacity, Forbid, Keep
from allocate.tables import TRAVEL
from allocate.travel import Links, Spots, links, metric
from allocate.travel.links import adjoining
from allocate.units import Basis
from allocate.words import say_in

# Kinds that a plan may close: hubs and hospitals are not for siting to take away.
CLOSABLE = ("station", "clinic")
# How far apart adjoining places may lie where the planned circle does not say it.
ADJOINING_METRES = 3_000


def make_case(district: District, model: Model, circle: str = "") -> Case:
    """Return the case that a model makes of a district, for one of the model's circles.

    Raises
    ------
    ModelError
        When a rule names a site that there is not.
    InputError
        When travel.csv names a way to travel that the model does not know, or the people of the plan years cannot be
        worked out as the model says; it lists all of it.
    """
    ring = model.circles[circle or model.circle]
    wrong = [*_unknown_modes(district, model), *faults(district, model.population, model.years)]
    if wrong:
        raise InputError(wrong)
    town_ids = tuple(town.id for town in district.towns)
    place_index = {place.id: i for i, place in enumerate(district.places)}
    places = Spots(
        tuple(place_index),
        metric([(p.lon or 0.0, p.lat or 0.0) for p in district.places], district.datum, district.epsg),
        np.arange(len(place_index)),
    )
    sites = tuple(site for site in _sites(district, model, place_index) if site.kind in ring.kinds)
    spots = Spots(
        tuple(_travel_id(site, district) for site in sites),
        metric([(site.lon, site.lat) for site in sites], district.datum, district.epsg),
        np.array([site.place for site in sites], dtype=np.int64),
    )
    people = project(district, model.population, model.years)
    case = Case(
        years=model.years,
        spans=spans(model.years),
        repeats=(1,) * len(model.years),
        places=tuple(place_index),
        towns=town_ids,
        town_of=tuple(town_ids.index(place.town) for place in district.places),
        people=people.people,
        ages=people.ages,
        registered_share=registered_share(district),
        sites=sites,
        links=_suitable(links(places, spots, ring, model.modes, district.travel), district, model, sites),
        spots=spots.metres,
        place_kinds=tuple(place.kind for place in district.places),
        place_settings=tuple(place.setting for place in district.places),
        neighbours=_neighbours(places, model.circles[model.circle].adjoining_metres or ADJOINING_METRES),
    )
    if ring is model.circles[model.circle]:
        # (A circle that is only compared may leave out the kind of a site that a rule names.)
        _check_named_sites(case, model)
    return case


def _unknown_modes(district: District, model: Model) -> list[Problem]:
    """Blame a way to travel that the model does not know: its times would be passed over without a word."""
    unknown = sorted({mode for _, _, mode in district.travel} - model.modes.keys())
    details = {"choices": ", ".join(sorted(model.modes))}
    what, file = "problem.choice", TRAVEL.file
    return [Problem(what, file, column="mode", value=mode, details=details) for mode in unknown]


def spans(years: Sequence[int]) -> tuple[int, ...]:
    """Return the calendar years that each plan year stands for: until the next, and one for the last.

    >>> spans([2025, 2027, 2030, 2035])
    (2, 3, 5, 1)
    """
    return (*(after - year for year, after in pairwise(years)), 1)


def _neighbours(places: Spots, longest: int) -> tuple[tuple[int, ...], ...]:
    beside: list[list[int]] = [[] for _ in places.ids]
    for i, k in sorted(adjoining(places.metres, longest)):
        beside[i].append(k)
    return tuple(tuple(group) for group in beside)


def _sites(district: District, model: Model, place_index: dict[str, int]) -> list[Site]:
    room = _rooms(model)
    sites = []
    standing = set()
    for institution in district.institutions:
        costs = model.siting.get(institution.kind)
        home = place_index.get(institution.place, -1)
        standing.add((institution.kind, home))
        sites.append(
            Site(
                id=institution.id,
                name=institution.name,
                kind=institution.kind,
                town=institution.town,
                place=home,
                lon=institution.lon,
                lat=institution.lat,
                basis=institution.position_basis,
                exists=True,
                closable=institution.kind in CLOSABLE,
                yearly=costs.yearly if costs else 0,
                capacity=room.get(institution.kind),
            )
        )
    for kind, candidates in sorted(model.siting.items()):
        for i, place in enumerate(district.places):
            if place.kind not in candidates.stands_in or (kind, i) in standing:
                continue
            sites.append(
                Site(
                    id=f"{kind}-{place.id}",
                    # A facility is named in the language of its district, whoever reads the plan.
                    name=say_in("zh", f"site.{kind}", place=place.short_name or place.name),
                    kind=kind,
                    town=place.town,
                    place=i,
                    lon=place.lon or 0.0,
                    lat=place.lat or 0.0,
                    basis=place.position_basis or Basis.ASSUMED,
                    opening=candidates.opening,
                    yearly=candidates.yearly,
                    capacity=room.get(kind),
                )
            )
    return sites


def _suitable(pairs: Links, district: District, model: Model, sites: Sequence[Site]) -> Links:
    """Return the pairs in which the kind of site serves the kind of place."""
    served = {kind: set(candidates.serves) for kind, candidates in model.siting.items()}
    kinds = sorted({place.kind for place in district.places})
    # Whether a site serves a kind of place, a row per site: few kinds stand for many places.
    serves = np.array(
        [[site.kind not in served or kind in served[site.kind] for kind in kinds] for site in sites], dtype=bool
    ).reshape(len(sites), len(kinds))
    kind_of = np.array([kinds.index(place.kind) for place in district.places], dtype=np.int64)
    kept = serves[pairs.sites, kind_of[pairs.places]]
    return Links(pairs.places[kept], pairs.sites[kept], pairs.seconds[kept])


def _rooms(model: Model) -> dict[str, int]:
    """Return the room of each kind of site [persons] where a rule limits it in every year."""
    rooms: dict[str, int] = {}
    for rule in model.rules.values():
        if isinstance(rule, Capacity) and not rule.years:
            for kind in rule.kinds:
                rooms[kind] = min(rule.people, rooms.get(kind, rule.people))
    return rooms


def _travel_id(site: Site, district: District) -> str:
    """Return the id by which the planner's own travel table knows a site."""
    return site.id if site.exists or site.place < 0 else district.places[site.place].id


def _check_named_sites(case: Case, model: Model) -> None:
    example = next((site.id for site in case.sites if not site.exists), "clinic-…")
    problems = [
        Problem(
            "problem.site_unknown",
            f"{model.id}.toml",
            column=f"rules.{name}.sites",
            value=site,
            details={"example": example},
        )
        for name, rule in model.rules.items()
        if isinstance(rule, Keep | Forbid)
        for site in rule.sites
        if site not in case.site_index
    ]
    if problems:
        raise ModelError(problems)
