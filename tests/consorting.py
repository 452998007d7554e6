"""Cases and districts of a few hubs and hospitals: every way to form consortia can be looked at."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from tiny import make, site
from villages import LAT, lon, model, road

from allocate.case import Case
from allocate.consortia import Consortia, Leading
from allocate.district import District, Institution, Place, Town
from allocate.layout import Layout
from allocate.model import Model
from allocate.rows import LEADS, Number
from allocate.units import Basis

NO_WAY = 0


def consorting(
    minutes: Sequence[Sequence[int]],
    people: Sequence[int],
    *,
    existing: Mapping[int, int] | None = None,
    given: Sequence[int] = (),
    borders: Sequence[tuple[int, int]] = (),
    years: Sequence[int] = (2025,),
    repeats: Sequence[int] | None = None,
    later: Sequence[int] = (),
    **plan: Any,
) -> Case:
    """Return hubs H1, H2, … and hospitals S1, S2, …: `minutes` has a row per hub and a column per hospital.

    `NO_WAY` stands for no way; `existing`, `given` and `borders` count hubs from 0, and hospitals on from them. All
    hubs and hospitals exist; `people` are those of the first year, `later` those of the others.
    """
    count, leads = len(minutes), len(minutes[0])
    sites = [
        site(f"H{j + 1}", kind="township_hospital", town=f"T{j + 1}", place=j, exists=True) for j in range(count)
    ] + [site(f"S{k + 1}", kind="hospital", exists=True) for k in range(leads)]
    columns = [people, *([later or people] * (len(years) - 1))]
    rows = [[column[j] for column in columns] for j in range(count)]
    told = Consortia.model_validate({"mode": "car", "basis": "assumed", "source": "a toy", **plan})
    leading = Leading(
        told,
        {(j, count + k): 60 * way for j, row in enumerate(minutes) for k, way in enumerate(row) if way != NO_WAY},
        frozenset(given),
        existing or {},
        frozenset({(a, b) for pair in borders for a, b in (pair, pair[::-1])}),
    )
    case = make(rows, sites, {}, years=years, repeats=repeats, town_of=range(count))
    return replace(case, leading=leading, hub_people={j: tuple(row) for j, row in enumerate(rows)})


def grouped(case: Case, leads: Sequence[Mapping[int, int]]) -> Layout:
    """Return the layout in which hubs have these leads, a mapping for each year; who has a member leads, or must."""
    is_open = frozenset((j, t) for j in range(len(case.sites)) for t in case.periods)
    members = frozenset((j, k, t) for t, led in enumerate(leads) for j, k in led.items())
    given = () if case.leading is None else case.leading.given
    amounts: dict[tuple[str, int, int], Number] = {(LEADS, k, t): 1 for _, k, t in members}
    amounts |= {(LEADS, k, t): 1 for k in given for t in case.periods}
    return Layout(is_open, amounts=amounts, members=members)


def groupings(case: Case) -> Iterator[Layout]:
    """Yield every way to give each hub one of its leads, or none, in every year."""
    assert case.leading is not None
    hubs = case.leading.joiners
    choices = [[None, *case.leading.leads_of(j)] for j in hubs] * len(case.years)
    for chosen in product(*choices):
        years = [chosen[t * len(hubs) : (t + 1) * len(hubs)] for t in case.periods]
        yield grouped(case, [{j: k for j, k in zip(hubs, led, strict=True) if k is not None} for led in years])


def district(
    hubs: Mapping[str, tuple[float, int]], hospitals: Mapping[str, tuple[float, Mapping[str, Any]]], **kinds: str
) -> District:
    """Return hubs with their kilometre on a road and the people of their towns, and hospitals with what they are.

    Every hub has a town of its own, with one village where it stands; a hospital stands in the nearest hub's town. Hubs
    are township hospitals unless `kinds` say otherwise. What is said of a hospital may be said of a hub too.
    """
    towns = {name: f"town-{name}" for name in hubs}
    told = {"position_basis": Basis.SURVEYED, "source": "made up"}
    institutions = [
        Institution(name, name, kinds.get(name, "township_hospital"), towns[name], Basis.SURVEYED, lon(at), LAT, **told)
        for name, (at, _) in hubs.items()
    ]
    for name, (at, profile) in hospitals.items():
        near = min(hubs, key=lambda hub: (abs(hubs[hub][0] - at), hub))
        usual: dict[str, Any] = {"level": 2, "type": "general", "ownership": "public", "profile_basis": Basis.SURVEYED}
        here = (name, name, "hospital", towns[near], Basis.SURVEYED, lon(at), LAT)
        institutions.append(Institution(*here, **told, **(usual | profile)))
    return replace(
        road(hubs),
        places=tuple(
            Place(
                f"village-{name}",
                name,
                "village",
                towns[name],
                people=people,
                people_basis=Basis.SURVEYED,
                lon=lon(at),
                lat=LAT,
                position_basis=Basis.SURVEYED,
                short_name=name,
            )
            for name, (at, people) in hubs.items()
        ),
        towns=tuple(Town(town, town, "town", lon(hubs[name][0]), LAT, Basis.SURVEYED) for name, town in towns.items()),
        institutions=tuple(institutions),
    )


def consorting_model(
    consortia: Mapping[str, Any] | None, rules: Mapping[str, Mapping[str, Any]] | None = None, **more: Any
) -> Model:
    """Return a model that forms consortia, by car at a kilometre a minute, with the goal on them unless told others.

    (The road is a hair longer on the map, and the car as much faster.)
    """
    told = {"basis": "assumed", "source": "made up"}
    members = {
        "rule": "membership",
        "kinds": list((consortia or {}).get("members", ["township_hospital"])),
        "strength": "must",
    }
    car = {"name": {"zh": "车", "en": "car"}, "speed_kmh": 60.3, "detour": 1.0, **told}
    walk = {"name": {"zh": "步行", "en": "walk"}, "speed_kmh": 4.0, "detour": 1.0, **told}
    numbers: dict[str, Any] = {
        "modes": {"car": car, "walk": walk},
        "goals": [{"goal": "districting", "outside_minutes": 900, **told}],
    }
    if consortia is not None:
        numbers["consortia"] = {"mode": "car", **told, **consortia}
    return model(rules if rules is not None else {"members": members}, **(numbers | more))
