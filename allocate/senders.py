"""Makes the pools of experts and the ways of outreach of a case: who sends, to where, and how long the way is."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from allocate.case import Site
from allocate.district import District
from allocate.errors import Problem
from allocate.model import Model
from allocate.outreach import Outreach, Way
from allocate.postings import Pool, Release
from allocate.tables import HUB_KINDS
from allocate.travel import Mode
from allocate.units import exact

# A town may be visited by so many of the nearest hospitals.
_NEAREST = 4


def pools(district: District, model: Model) -> tuple[Pool, ...]:
    """Return the pools that the model speaks of, one for every hospital named."""
    if model.postings is None:
        return ()
    index = {one.id: j for j, one in enumerate(district.institutions)}
    shortest = min(model.postings.months)
    return tuple(
        Pool(
            sender=sender,
            hospital=index.get(sender, -1),
            sends_as=model.supporters[sender].sends_as if sender in model.supporters else "",
            specialty=release.specialty,
            rank=release.rank,
            away=release.away,
            tours=_most_tours(release, shortest),
            months=frozenset(release.months),
            days_per_week=exact(release.days_per_week),
            resource=release.resource if sender in index else "",
            basis=release.basis,
        )
        for release in model.pools.values()
        for sender in release.hospitals
    )


def _most_tours(release: Release, shortest: int) -> int:
    # (More than these do not fit in the months in which its posts may be away.)
    fitting = release.away * len(release.months) // shortest
    return fitting if release.tours is None else min(release.tours, fitting)


def unknown_senders(district: District, model: Model) -> Iterator[Problem]:
    """Yield the hospitals of pools that are neither in the district nor supporters of it."""
    hospitals = [one.id for one in district.institutions if one.kind == "hospital"]
    choices = {"choices": ", ".join((*hospitals, *model.supporters))}
    for name, release in model.pools.items():
        for sender in release.hospitals:
            if sender not in hospitals and sender not in model.supporters:
                column = f"pools.{name}.hospitals"
                yield Problem("problem.choice", f"{model.id}.toml", column=column, value=sender, details=choices)


def ways(
    district: District,
    model: Model,
    sites: Sequence[Site],
    spots: NDArray[np.float64],
    places: NDArray[np.float64],
    towns: NDArray[np.float64],
) -> dict[str, Way]:
    """Return the ways of outreach, each with the pairs that are near enough.

    `spots`, `places` and `towns` are positions [m]. A hub visits the villages of its town; where a town has none, the
    nearest hub does. Hospitals visit towns, at the hub there.
    """
    found = {}
    for name, plan in model.outreach.items():
        if plan.to == "village":
            ends = {i: places[i] for i, place in enumerate(district.places) if place.kind == "village"}
            pairs = dict(_villages(district, plan, sites, spots, ends, model))
        else:
            ends = dict(_hubs_of_towns(district, sites, spots, towns))
            pairs = dict(_towns(plan, sites, spots, ends, model))
        exact_ends = {stop: (float(x), float(y)) for stop, (x, y) in ends.items()}
        found[name] = Way(plan, pairs, exact_ends, model.modes[plan.mode])
    return found


def _bases(plan: Outreach, sites: Sequence[Site], model: Model) -> list[int]:
    """Return the sites that exist and may have the staff that goes."""
    posts = model.resources[plan.resource].at
    return [j for j, site in enumerate(sites) if site.exists and site.kind in plan.by and site.kind in posts]


def _villages(
    district: District,
    plan: Outreach,
    sites: Sequence[Site],
    spots: NDArray[np.float64],
    ends: Mapping[int, NDArray[np.float64]],
    model: Model,
) -> Iterator[tuple[tuple[int, int], int]]:
    bases = _bases(plan, sites, model)
    inside: dict[str, list[int]] = {}
    for j in bases:
        inside.setdefault(sites[j].town, []).append(j)
    mode = model.modes[plan.mode]
    for i, end in ends.items():
        near = inside.get(district.places[i].town) or sorted(bases, key=lambda j: (_metres(spots[j], end), j))[:1]
        yield from _near_enough(plan, mode, i, end, near, spots)


def _hubs_of_towns(
    district: District, sites: Sequence[Site], spots: NDArray[np.float64], towns: NDArray[np.float64]
) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Yield where a town is visited: at its first hub, else in its middle."""
    hubs = {site.town: j for j, site in reversed(list(enumerate(sites))) if site.exists and site.kind in HUB_KINDS}
    for k, town in enumerate(district.towns):
        yield k, spots[hubs[town.id]] if town.id in hubs else towns[k]


def _towns(
    plan: Outreach,
    sites: Sequence[Site],
    spots: NDArray[np.float64],
    ends: Mapping[int, NDArray[np.float64]],
    model: Model,
) -> Iterator[tuple[tuple[int, int], int]]:
    bases, mode = _bases(plan, sites, model), model.modes[plan.mode]
    for k, end in ends.items():
        near = sorted(bases, key=lambda j: (_metres(spots[j], end), j))[:_NEAREST]
        yield from _near_enough(plan, mode, k, end, near, spots)


def _near_enough(
    plan: Outreach, mode: Mode, stop: int, end: NDArray[np.float64], bases: Sequence[int], spots: NDArray[np.float64]
) -> Iterator[tuple[tuple[int, int], int]]:
    for j in bases:
        seconds = int(mode.seconds(_metres(spots[j], end)))
        if seconds <= plan.minutes * 60:
            yield (stop, j), seconds


def _metres(a: NDArray[np.float64], b: NDArray[np.float64]) -> int:
    return round(float(np.hypot(*(a - b))))
