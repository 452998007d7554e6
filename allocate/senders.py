"""Makes the pools of experts and the ways of outreach of a case: who sends, to where, and how long the way is."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from allocate.case import Site
from allocate.district import Department, District
from allocate.errors import Problem, Value
from allocate.model import Model
from allocate.outreach import DAYS, HALVES, End, HalfDay, Outreach, Way, half_days_of
from allocate.postings import MONTHS, Carried, Pool, Release, wrong_resource
from allocate.rules import Rounds
from allocate.tables import HUB_KINDS, POOLS, SESSIONS, TOURS
from allocate.travel import Journeys, metres
from allocate.units import exact
from allocate.words import LANGUAGES, say_in

# A town may be visited by so many of the nearest hospitals.
_NEAREST = 4


@dataclass(frozen=True)
class _Told:
    """Whom one hospital can let go, as the model or pools.csv says it, and where that stands."""

    sender: str
    release: Release | Department
    file: str
    row: int | None
    table: str

    def fault(self, what: str, column: str, value: Value, **details: Value) -> Problem:
        """Return what is wrong in a column of the row, or under a key of the model's table."""
        where = column if self.row is not None else ".".join(filter(None, (self.table, column)))
        return Problem(what, self.file, self.row, where, value, details)

    @property
    def name(self) -> tuple[str, str, str]:
        return self.sender, self.release.specialty, self.release.rank


def _told(district: District, model: Model) -> list[_Told]:
    """Return whom every hospital can let go: as pools.csv says where it is there, else as the model says."""
    if model.postings is None:
        return []
    if district.pools:
        return [_Told(row.hospital, row, POOLS.file, row.row, "") for row in district.pools]
    return [
        _Told(sender, release, f"{model.id}.toml", None, f"pools.{name}")
        for name, release in model.pools.items()
        for sender in release.hospitals
    ]


@dataclass(frozen=True)
class Origin:
    """Where a planner changes the numbers of a pool: in a table of the model, or in a row of pools.csv."""

    name: str
    row: int | None
    release: Release | Department

    def change(self, **numbers: int) -> Mapping[str, str]:
        """Say in each language how numbers of it are changed: as options of `--set`, or as cells of the row."""
        if self.row is None:
            line = " ".join(f"--set pools.{self.name}.{key}={number}" for key, number in numbers.items())
            return dict.fromkeys(LANGUAGES, line)
        cells = ", ".join(f"{key} = {number}" for key, number in numbers.items())
        return {chosen: say_in(chosen, "finding.pools_row", row=self.row, cells=cells) for chosen in LANGUAGES}


def origins(district: District, model: Model) -> list[Origin]:
    """Return where each of `pools` is told, in the same order."""
    return [Origin(one.table.removeprefix("pools."), one.row, one.release) for one in _told(district, model)]


def pools(district: District, model: Model) -> tuple[Pool, ...]:
    """Return the pools that are spoken of, one for every hospital named."""
    if model.postings is None:
        return ()
    index = {one.id: j for j, one in enumerate(district.institutions)}
    shortest = min(model.postings.months)
    return tuple(
        Pool(
            sender=one.sender,
            hospital=index.get(one.sender, -1),
            sends_as=model.supporters[one.sender].sends_as if one.sender in model.supporters else "",
            specialty=one.release.specialty,
            rank=one.release.rank,
            away=one.release.away,
            tours=_most_tours(one.release, shortest),
            months=_months(one.release),
            days_per_week=exact(one.release.days_per_week),
            resource=one.release.resource if one.sender in index else "",
            basis=one.release.basis,
        )
        for one in _told(district, model)
    )


def _months(release: Release | Department) -> frozenset[int]:
    return frozenset(release.months or range(1, MONTHS + 1))


def _most_tours(release: Release | Department, shortest: int) -> int:
    # (More than these do not fit in the months in which its posts may be away.)
    fitting = release.away * len(_months(release)) // shortest
    return fitting if release.tours is None else min(release.tours, fitting)


def carried(district: District, model: Model) -> tuple[Carried, ...]:
    """Return who is away already when the first plan year begins."""
    known = {pool.name: p for p, pool in enumerate(pools(district, model))}
    index = {one.id: j for j, one in enumerate(district.institutions)}
    return tuple(
        Carried(known[row.hospital, row.specialty, row.rank], index[row.hub], row.until)
        for row in district.tours
        if known
    )


def faults(district: District, model: Model) -> list[Problem]:
    """Return what district and model say of postings and rounds that does not fit together; rows as in the file."""
    return [
        *_wrong_pools(district, model),
        *_wrong_supporters(district, model),
        *_wrong_tours(district, model),
        *_wrong_sessions(district, model),
        *_unlisted(district, model),
        *_wrong_bases(district, model),
    ]


def _wrong_pools(district: District, model: Model) -> Iterator[Problem]:
    """Yield hospitals that are none, staff that there is not, the same experts twice, and months without a tour."""
    if model.postings is None:
        return
    shortest = min(model.postings.months)
    kinds = {one.id: one.kind for one in district.institutions}
    choices = ", ".join((*(one for one, kind in kinds.items() if kind == "hospital"), *model.supporters))
    seen: set[tuple[str, str, str]] = set()
    for one in _told(district, model):
        kind, release = kinds.get(one.sender), one.release
        column = "hospitals" if one.row is None else "hospital"
        if kind is None and one.sender not in model.supporters:
            yield one.fault("problem.no_sender", column, one.sender, choices=choices)
        elif kind not in ("hospital", None):
            yield one.fault("problem.no_hospital", column, one.sender, kind=kind, choices=choices)
        if one.row is not None:
            wrong = wrong_resource(release.resource, model.resources, is_outside=one.sender in model.supporters)
            if wrong is not None:
                yield one.fault(wrong.what, "resource", wrong.value, **wrong.details)
        elif one.name in seen:
            # (Two rows of the table have been blamed when it was read.)
            yield one.fault("problem.pool_again", "", " · ".join(one.name))
        seen.add(one.name)
        months = _months(release)
        if shortest > _longest_run(months, cyclic=model.postings.cyclic):
            yield one.fault("problem.pool_months", "months", ", ".join(map(str, sorted(months))), months=shortest)


def _longest_run(months: Collection[int], *, cyclic: bool) -> int:
    """Return the most months in a row; where years repeat, January follows December.

    >>> _longest_run({1, 2, 11, 12}, cyclic=True), _longest_run({1, 2, 11, 12}, cyclic=False)
    (4, 2)
    """
    longest = run = 0
    for m in range(2 * MONTHS if cyclic else MONTHS):
        run = run + 1 if m % MONTHS + 1 in months else 0
        longest = max(longest, min(run, MONTHS))
    return longest


def _wrong_supporters(district: District, model: Model) -> Iterator[Problem]:
    """Yield supporters that bear the id of an institution, or that send nobody."""
    if model.postings is None:
        return
    there = {one.id for one in district.institutions}
    senders = {one.sender for one in _told(district, model)}
    for name in model.supporters:
        what = "problem.supporter_id" if name in there else "problem.supporter_idle" if name not in senders else ""
        if what:
            yield Problem(what, f"{model.id}.toml", column=f"supporters.{name}", value=name)


def _wrong_tours(district: District, model: Model) -> Iterator[Problem]:
    """Yield who is away already, and cannot be."""
    if model.postings is None or not district.tours:
        return
    if model.postings.cyclic:
        yield Problem("problem.tours_cyclic", TOURS.file, details={"file": f"{model.id}.toml"})
    kinds = {one.id: one.kind for one in district.institutions}
    away = {one.name: one.release.away for one in _told(district, model)}
    released = {one.name: _months(one.release) for one in _told(district, model)}
    longest, sent = max(model.postings.months), Counter[tuple[str, str, str]]()
    for row in district.tours:
        whose = row.hospital, row.specialty, row.rank
        sent[whose] += 1
        if whose not in away:
            known = "; ".join(" · ".join(name) for name in away)
            shown = " · ".join(whose)
            yield Problem("problem.tour_pool", TOURS.file, row.row, "hospital", shown, {"choices": known})
        elif sent[whose] > away[whose]:
            details = {"number": sent[whose], "away": away[whose]}
            yield Problem("problem.tour_away", TOURS.file, row.row, value=" · ".join(whose), details=details)
        closed = [m for m in range(1, row.until + 1) if m not in released.get(whose, range(1, MONTHS + 1))]
        if closed:
            met = {"pool": " · ".join(whose), "months": ", ".join(map(str, closed))}
            yield Problem("problem.tour_closed", TOURS.file, row.row, "until", row.until, met)
        hubs = (*HUB_KINDS, "hospital") if row.hospital in model.supporters else HUB_KINDS
        if kinds[row.hub] not in hubs:
            told = {"kind": kinds[row.hub], "hubs": ", ".join(hubs)}
            yield Problem("problem.no_hub", TOURS.file, row.row, "hub", row.hub, told)
        if row.until > longest:
            yield Problem("problem.tour_long", TOURS.file, row.row, "until", row.until, {"months": longest})


def _wrong_sessions(district: District, model: Model) -> Iterator[Problem]:
    """Yield where sessions.csv and the model together leave no half-day of the week."""
    barred = _barred(district)
    town_of = {place.id: place.town for place in district.places}
    last = {row.where: row.row for row in district.sessions}
    for where, row in last.items():
        closed = barred[where] | barred.get(town_of.get(where, ""), frozenset())
        for name, plan in model.outreach.items():
            if len(closed | plan.closed_half_days) == DAYS * HALVES:
                yield Problem("problem.sessions_none_left", SESSIONS.file, row, "where", where, {"way": name})
                break


def _barred(district: District) -> dict[str, frozenset[HalfDay]]:
    """Return the half-days of the week that sessions.csv closes, by what its rows name."""
    barred: dict[str, frozenset[HalfDay]] = {}
    for row in district.sessions:
        barred[row.where] = barred.get(row.where, frozenset()) | half_days_of(row.day, row.half)
    return barred


def _unlisted(district: District, model: Model) -> Iterator[Problem]:
    """Yield what rules list as villages for rounds and is none."""
    villages = [place.id for place in district.places if place.kind == "village"]
    known = set(villages)
    for name, rule in model.rules.items():
        for place in rule.listed if isinstance(rule, Rounds) else ():
            if place not in known:
                details = {"example": villages[0] if villages else "–"}
                column = f"{'clauses' if name in model.clauses else 'rules'}.{name}.listed"
                yield Problem("problem.no_village", f"{model.id}.toml", column=column, value=place, details=details)


def _wrong_bases(district: District, model: Model) -> Iterator[Problem]:
    """Yield the institutions that a way of outreach names and that there are not, or that are of no kind that sends."""
    for name, plan in model.outreach.items():
        able = [one.id for one in district.institutions if one.kind in plan.by]
        for one in plan.only:
            if one not in able:
                column = f"outreach.{name}.only"
                yield Problem(
                    "problem.choice", f"{model.id}.toml", column=column, value=one, details={"choices": ", ".join(able)}
                )


def ways(
    district: District,
    model: Model,
    sites: Sequence[Site],
    spots: NDArray[np.float64],
    places: NDArray[np.float64],
    towns: NDArray[np.float64],
    journeys: Journeys,
) -> dict[str, Way]:
    """Return the ways of outreach, each with the pairs that are near enough and the half-days in which nobody is out.

    `spots`, `places` and `towns` are positions [m], a row for each. A hub visits the villages of its town; where a town
    has none, the nearest hub does. Hospitals visit towns, at the hub there.
    """
    found = {}
    barred = _barred(district)
    villages = {i: places[i] for i, place in enumerate(district.places) if place.kind == "village"}
    hubs = dict(_hubs_of_towns(district, sites, spots, towns))
    for name, plan in model.outreach.items():
        ends = hubs
        if plan.to == "village":
            most = plan.below_people
            ends = {i: at for i, at in villages.items() if most is None or (district.places[i].people or 0) < most}
        near = list(_near(district, plan, _bases(plan, sites, model), sites, spots, ends))
        pairs = dict(_near_enough(plan, journeys, near, spots, ends))
        exact_ends = {stop: (float(x), float(y)) for stop, (x, y) in ends.items()}
        way = Way(plan, pairs, exact_ends, journeys)
        found[name] = replace(way, closed=dict(_closed(way, barred, district, sites)))
    return found


def _closed(
    way: Way, barred: Mapping[str, frozenset[HalfDay]], district: District, sites: Sequence[Site]
) -> Iterator[tuple[tuple[End, int], frozenset[HalfDay]]]:
    """Yield the half-days in which nobody is out, everywhere or as sessions.csv says, by the ends of a way."""
    is_village = way.plan.to == "village"
    names: dict[tuple[End, int], tuple[str, ...]] = {("base", j): (sites[j].id,) for j in way.stops_of}
    for stop in way.bases_of:
        place = district.places[stop] if is_village else None
        names["stop", stop] = (district.towns[stop].id,) if place is None else (place.id, place.town)
    for end, ids in names.items():
        closed = way.plan.closed_half_days.union(*(barred[one] for one in ids if one in barred))
        if closed:
            yield end, closed


def _bases(plan: Outreach, sites: Sequence[Site], model: Model) -> list[int]:
    """Return the sites that exist and may have the staff that goes."""
    posts = model.resources[plan.resource].at
    return [
        j
        for j, site in enumerate(sites)
        if site.exists and site.kind in plan.by and site.kind in posts and (not plan.only or site.id in plan.only)
    ]


def _hubs_of_towns(
    district: District, sites: Sequence[Site], spots: NDArray[np.float64], towns: NDArray[np.float64]
) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Yield where a town is visited: at its first hub, else in its middle."""
    hubs = {site.town: j for j, site in reversed(list(enumerate(sites))) if site.exists and site.kind in HUB_KINDS}
    for k, town in enumerate(district.towns):
        yield k, spots[hubs[town.id]] if town.id in hubs else towns[k]


def _near(
    district: District,
    plan: Outreach,
    bases: Sequence[int],
    sites: Sequence[Site],
    spots: NDArray[np.float64],
    ends: Mapping[int, NDArray[np.float64]],
) -> Iterator[tuple[int, int]]:
    """Yield which sites may visit which village or town, however far it is: its index, and that of the site."""
    inside: dict[str, list[int]] = {}
    for j in bases if plan.to == "village" else ():
        inside.setdefault(sites[j].town, []).append(j)
    most = 1 if plan.to == "village" else _NEAREST
    for stop, end in ends.items():
        own = inside.get(district.places[stop].town) if inside else None
        nearest = own or sorted(bases, key=lambda j: (metres(spots[j], end), j))[:most]
        yield from ((stop, j) for j in nearest)


def _near_enough(
    plan: Outreach,
    journeys: Journeys,
    near: Sequence[tuple[int, int]],
    spots: NDArray[np.float64],
    ends: Mapping[int, NDArray[np.float64]],
) -> Iterator[tuple[tuple[int, int], int]]:
    """Yield the pairs of village or town and site whose way is not too long, and how long it takes [s]."""
    if not near:
        return
    starts, there = (np.array(part) for part in ([spots[j] for _, j in near], [ends[stop] for stop, _ in near]))
    times = journeys.seconds(plan.mode, starts, there).tolist()
    for (stop, j), seconds in zip(near, times, strict=True):
        if seconds <= plan.minutes * 60:
            yield (stop, j), seconds
