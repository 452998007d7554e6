"""Makes the functions and consortia of a case: who may have what, from where; who may lead whom."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from allocate.abilities import Ability
from allocate.case import Site
from allocate.consortia import Consortia, Leading
from allocate.district import District, Institution
from allocate.errors import Problem, Value
from allocate.model import Model
from allocate.rules import Function, Membership
from allocate.tables import FUNCTIONS, HUB_KINDS, INSTITUTIONS
from allocate.travel import Journeys, metres
from allocate.units import whole_minutes

# Positions [m], one row each.
_Metres = NDArray[np.float64]


def makers(model: Model, sites: Sequence[Site], today: Mapping[tuple[str, int], int]) -> dict[str, tuple[int, ...]]:
    """Return the sites that may set each function up; those that have one of their own today are among them."""
    own = {about for about, centre in today.items() if centre < 0}
    return {
        name: tuple(j for j, site in enumerate(sites) if (name, j) in own or _may_make(ability, site))
        for name, ability in model.functions.items()
    }


def _may_make(ability: Ability, site: Site) -> bool:
    return site.kind in ability.at and (not ability.only or site.id in ability.only) and site.is_of(ability.types)


def had(district: District, model: Model, sites: Sequence[Site]) -> dict[tuple[str, int], int]:
    """Return the functions of today: index of the centre that provides each, -1 where it is the site's own.

    What always has a function has it today, whether a table says so or not.
    """
    index = {site.id: j for j, site in enumerate(sites) if site.exists}
    always = {
        (name, j): -1
        for name, ability in model.functions.items()
        for j in index.values()
        if sites[j].kind in ability.always_at and _may_make(ability, sites[j])
    }
    return always | {
        (row.function, index[row.institution]): index.get(row.centre, -1)
        for row in district.functions
        if row.function in model.functions
    }


def centres(
    model: Model,
    sites: Sequence[Site],
    spots: _Metres,
    made: Mapping[str, tuple[int, ...]],
    today: Mapping[tuple[str, int], int],
    journeys: Journeys,
) -> dict[str, dict[tuple[int, int], int]]:
    """Return the time of the way [s] from every site that may have a function from a centre to every such centre."""
    found: dict[str, dict[tuple[int, int], int]] = {}
    for name, ability in model.functions.items():
        if not ability.serves:
            continue
        takers = [j for j, site in enumerate(sites) if site.kind in ability.serves and j not in made[name]]
        pairs = found.setdefault(name, {})
        for j in takers:
            times = _ways(journeys, ability.mode, spots, j, made[name])
            for k, seconds in zip(made[name], times, strict=True):
                # (Who is linked today is linked, however far it is.)
                if ability.minutes is None or whole_minutes(seconds) <= ability.minutes or today.get((name, j)) == k:
                    pairs[j, k] = seconds
    return found


def _ways(journeys: Journeys, mode: str, spots: _Metres, j: int, others: Sequence[int]) -> list[int]:
    """Return how long the way from a site to others takes [s]; as the crow flies in metres where no mode is named."""
    if not mode:
        return [metres(spots[j], spots[k]) for k in others]
    ends = spots[list(others)]
    found: list[int] = journeys.seconds(mode, np.broadcast_to(spots[j], ends.shape), ends).tolist()
    return found


def leading(
    district: District,
    model: Model,
    sites: Sequence[Site],
    spots: _Metres,
    neighbours: Sequence[Sequence[int]],
    journeys: Journeys,
) -> Leading | None:
    """Return how consortia may be formed; None where the model forms none."""
    plan = model.consortia
    if plan is None:
        return None
    index = {site.id: j for j, site in enumerate(sites) if site.exists}
    told = {one.id: one for one in district.institutions}
    leads = [index[one.id] for one in leads_of(district, plan)]
    joiners = [
        j
        for j, site in enumerate(sites)
        if site.kind in plan.members and (not site.exists or _joins(plan, told[site.id]))
    ]
    ways = {
        (j, k): seconds
        for j in joiners
        for k, seconds in zip(leads, _ways(journeys, plan.mode, spots, j, leads), strict=True)
        if j != k
    }
    pairs = {
        pair: seconds
        for pair, seconds in ways.items()
        if plan.minutes is None or whole_minutes(seconds) <= plan.minutes
    }
    existing = {
        index[one.id]: index[one.parent]
        for one in district.institutions
        if one.parent and one.kind in plan.members and index[one.parent] in leads
    }
    beside = _adjoining_towns(district, neighbours)
    both = sorted({*joiners, *leads})
    borders = frozenset(
        (a, b)
        for a in both
        for b in both
        if a != b and (sites[a].town == sites[b].town or (sites[a].town, sites[b].town) in beside)
    )
    given = frozenset(index[one] for one in plan.leads if one in index)
    unasked = frozenset(index[one.id] for one in district.institutions if not _joins(plan, one))
    return Leading(plan, pairs, given, existing, borders, unasked)


def leads_of(district: District, plan: Consortia) -> list[Institution]:
    """Return the hospitals that lead a consortium or may: those named, else every qualified one."""
    named = (*plan.leads, *plan.may_lead)
    return [
        one
        for one in district.institutions
        if one.kind == "hospital" and (one.id in named if named else not lacks(plan, one))
    ]


def lacks(plan: Consortia, one: Institution) -> tuple[str, Value, str] | None:
    """Return the first thing that a hospital lacks to lead a consortium: column, what it says, what it should say."""
    if one.level is None or one.level < plan.level:
        return "level", one.level, f"≥ {plan.level}"
    if one.type not in plan.types:
        return "type", one.type, ", ".join(plan.types)
    if one.ownership not in plan.ownership:
        return "ownership", one.ownership, ", ".join(plan.ownership)
    return None


def _joins(plan: Consortia, one: Institution) -> bool:
    """Tell whether an institution joins: privately run ones only where they want to."""
    return one.ownership != "for_profit" or one.id in plan.joining


def _adjoining_towns(district: District, neighbours: Sequence[Sequence[int]]) -> frozenset[tuple[str, str]]:
    """Return the pairs of towns that adjoin, both ways: a place of one adjoins a place of the other."""
    towns = [place.town for place in district.places]
    return frozenset(
        (towns[i], towns[k]) for i, beside in enumerate(neighbours) for k in beside if towns[i] != towns[k]
    )


def hub_people(
    sites: Sequence[Site], spots: _Metres, homes: _Metres, town_of: Sequence[str], people: NDArray[np.int64]
) -> dict[int, tuple[int, ...]]:
    """Return the people of every hub by year [persons]: each place's go to the nearest of its town, or of all."""
    hubs = [j for j, site in enumerate(sites) if site.kind in HUB_KINDS]
    sums = {j: np.zeros(people.shape[1], dtype=np.int64) for j in hubs}
    for i, town in enumerate(town_of):
        near = [j for j in hubs if sites[j].town == town] or hubs
        if near:
            sums[min(near, key=lambda j: (float(np.hypot(*(spots[j] - homes[i]))), j))] += people[i]
    return {j: tuple(map(int, number)) for j, number in sums.items()}


def faults(district: District, model: Model) -> list[Problem]:
    """Return what district and model say of functions and consortia that does not fit together; rows as in the file."""
    return [
        *_wrong_rows(district, model),
        *_wrong_names(district, model),
        *_wrong_leads(district, model),
        *_empty(district, model),
    ]


def _wrong_rows(district: District, model: Model) -> Iterator[Problem]:
    """Yield the functions of today that the model does not know, or that the institution cannot have."""
    kinds = {one.id: one.kind for one in district.institutions}
    own = {(row.function, row.institution) for row in district.functions if not row.centre}
    for row in district.functions if model.functions else ():
        ability = model.functions.get(row.function)
        if ability is None:
            details: dict[str, Value] = {"choices": ", ".join(model.functions)}
            yield Problem("problem.choice", FUNCTIONS.file, row.row, "function", row.function, details)
        elif ability.posted_by:
            details = {"sender": ability.posted_by}
            yield Problem("problem.function_posted", FUNCTIONS.file, row.row, "function", row.function, details)
        elif row.centre and (kinds[row.institution] not in ability.serves or (row.function, row.centre) not in own):
            details = {"function": row.function}
            yield Problem("problem.function_centre", FUNCTIONS.file, row.row, "centre", row.centre, details)
        elif not row.centre and kinds[row.institution] not in ability.at:
            details = {"kinds": ", ".join(ability.at), "function": row.function}
            yield Problem("problem.function_kind", FUNCTIONS.file, row.row, "institution", row.institution, details)


def _wrong_names(district: District, model: Model) -> Iterator[Problem]:
    """Yield the institutions that functions and consortia name and that there are not."""
    file = f"{model.id}.toml"
    for name, ability in model.functions.items():
        able = [one.id for one in district.institutions if one.kind in ability.at]
        able += [one.id for one in district.candidates if one.kind in ability.at]
        for one in ability.only:
            if one not in able:
                details: dict[str, Value] = {"choices": ", ".join(able)}
                yield Problem("problem.choice", file, column=f"functions.{name}.only", value=one, details=details)
    plan = model.consortia
    if plan is None:
        return
    hospitals = [one.id for one in district.institutions if one.kind == "hospital"]
    every = [one.id for one in district.institutions]
    for key, names, known in (
        ("leads", plan.leads, hospitals),
        ("may_lead", plan.may_lead, hospitals),
        ("joining", plan.joining, every),
    ):
        for one in names:
            if one not in known:
                details = {"choices": ", ".join(known)}
                yield Problem("problem.choice", file, column=f"consortia.{key}", value=one, details=details)


def _wrong_leads(district: District, model: Model) -> Iterator[Problem]:
    """Yield the hospitals that lead and are not qualified, and consortia that nobody can lead."""
    plan, file = model.consortia, INSTITUTIONS.file
    if plan is None:
        return
    for one in leads_of(district, plan):
        lacking = lacks(plan, one)
        if lacking is not None:
            column, found, wanted = lacking
            details: dict[str, Value] = {"name": one.name, "wanted": wanted}
            yield Problem(
                "problem.lead_unqualified",
                file,
                district.institution_rows.get(one.id),
                column,
                str(found or ""),
                details,
            )
    if not leads_of(district, plan) and not plan.leads and not plan.may_lead:
        details = {"level": plan.level, "types": ", ".join(plan.types), "ownership": ", ".join(plan.ownership)}
        yield Problem("problem.lead_nobody", f"{model.id}.toml", column="consortia", details=details)


def _empty(district: District, model: Model) -> Iterator[Problem]:
    """Yield shares over kinds of which the district has none and can have none."""
    there = {one.kind for one in district.institutions} | set(map(str, model.siting))
    for name, rule in model.planned().items():
        if isinstance(rule, Function | Membership) and rule.share is not None and there.isdisjoint(rule.kinds):
            table = "clauses" if name in model.clauses else "rules"
            details = {"kinds": ", ".join(rule.kinds), "there": ", ".join(sorted(there))}
            column = f"{table}.{name}.kinds"
            yield Problem(
                "problem.share_empty", f"{model.id}.toml", column=column, value=", ".join(rule.kinds), details=details
            )
