"""What is odd in a district or a model although it can be planned: the planner should look at it."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from allocate.affiliations import leads_of
from allocate.calibration import LEAST, calibrations
from allocate.case import Case
from allocate.decisions.consortia import may_be_together
from allocate.district import District, FunctionThere
from allocate.errors import Problem, Value
from allocate.goals import Match
from allocate.model import Model
from allocate.synonyms import ROADS
from allocate.tables import (
    CANDIDATES,
    CARE_HOMES,
    FIELDS,
    FUNCTIONS,
    GROWTH,
    INSTITUTIONS,
    OBSERVED,
    PEOPLE_BY_YEAR,
    PLACES,
    POOLS,
    SESSIONS,
    TOURS,
    TOWNS,
    TRAVEL,
)
from allocate.travel import metric
from allocate.travel.times import NO_WAY
from allocate.units import whole_minutes
from allocate.words import few


def data_problems(district: District, model: Model, case: Case) -> list[Problem]:
    """Return everything odd: what reading found, deadlines that have passed, tables not used, places out of reach."""
    found = (
        *_past(model),
        *_unused(district, model),
        *_idle(district, model, case),
        *_observed(district, model, case),
        *_beyond(district, case),
        *_unmatched(model, case),
        *_unreachable(district, case),
        *_candidates(district, model, case),
        *_unused_roads(district, model, case),
        *_off_roads(district, model, case),
        *_no_way(model, case),
    )
    return [*district.warnings, *(district.in_its_words(one) for one in found)]


def _past(model: Model) -> Iterator[Problem]:
    for name, rule in model.rules.items():
        if rule.years and all(model.has_passed(year) for year in rule.years):
            details = {"rule": name, "as_of": model.as_of.isoformat()}
            yield Problem("check.past", f"{model.id}.toml", column=f"rules.{name}", details=details)


def _unused(district: District, model: Model) -> Iterator[Problem]:
    """Yield the tables that the model does not look at."""
    method = model.population.method if model.population else "held"
    for wanted, table, rows in (
        ("growth", GROWTH, district.growth),
        ("table", PEOPLE_BY_YEAR, district.people_by_year),
    ):
        if rows and method != wanted:
            yield Problem("check.unused", table.file, details={"method": method, "wanted": wanted})
    for told, wanted, table, lines in (
        (model.postings, "[postings]", POOLS, district.pools),
        (model.postings, "[postings]", TOURS, district.tours),
        (model.outreach, "[outreach.…]", SESSIONS, district.sessions),
        (model.contracts, "[contracts]", CARE_HOMES, district.care_homes),
        (model.functions, "[functions.…]", FUNCTIONS, district.functions),
    ):
        if lines and not told:
            yield Problem("check.unused_table", table.file, details={"wanted": wanted})
    if district.fields and not any(isinstance(goal, Match) for goal in model.goals.values()):
        yield Problem("check.unused_fields", FIELDS.file)


def _idle(district: District, model: Model, case: Case) -> Iterator[Problem]:
    """Yield postings that nobody can be sent for, ways that reach nobody, functions and leads that come to nothing."""
    if case.postings is not None and not any(pool.tours for pool in case.pools):
        yield Problem("check.idle_postings", f"{model.id}.toml", column="postings")
    for name, way in case.ways.items():
        if not way.pairs:
            yield Problem("check.idle_way", f"{model.id}.toml", column=f"outreach.{name}")
    for name, ability in case.abilities.items():
        if not case.makers[name]:
            yield Problem("check.idle_function", f"{model.id}.toml", column=f"functions.{name}")
        elif ability.serves and not case.centres[name]:
            yield Problem("check.idle_centre", f"{model.id}.toml", column=f"functions.{name}.serves")
    for one in leads_of(district, model.consortia) if model.consortia else ():
        if case.leading and case.site_index[one.id] not in case.leading.leads:
            yield Problem("check.idle_lead", f"{model.id}.toml", None, "consortia", one.id)


def _observed(district: District, model: Model, case: Case) -> Iterator[Problem]:
    """Yield what is odd about observed travel times, and which of them correct nothing."""
    for one in calibrations(district, model, case.roads):

        def problem(what: str, mode: str = one.mode, **details: Value) -> Problem:
            return Problem(f"check.observed_{what}", OBSERVED.file, column="mode", value=mode, details=details)

        if one.fit is not None:
            if one.status == "few":
                yield problem("few", pairs=len(one.fit.trips), least=LEAST)
            if one.is_odd:
                yield problem("absurd" if one.status == "absurd" else "odd", factor=f"{float(one.fit.factor):g}")
            if one.status == "applied" and not one.helps:
                yield problem("no_help", factor=f"{float(one.fit.factor):g}")
            trips = [trip for trip, is_out in zip(one.fit.trips, one.fit.outliers, strict=True) if is_out]
            if trips:
                yield problem("outlier", count=len(trips), names=_ways((trip.start, trip.end) for trip in trips))
        for why in dict.fromkeys(pair.why for pair in one.skipped):
            pairs = [(pair.start, pair.end) for pair in one.skipped if pair.why == why]
            yield problem(why, count=len(pairs), names=_ways(pairs))


def _ways(pairs: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{start} → {end}" for start, end in pairs)


def _beyond(district: District, case: Case) -> Iterator[Problem]:
    """Yield the links of today that the model would not make: they stay."""
    linked: dict[tuple[str, int], list[FunctionThere]] = {}
    for row in district.functions:
        if row.centre and row.function in case.abilities:
            linked.setdefault((row.function, case.site_index[row.centre]), []).append(row)
    for (name, k), rows in linked.items():
        ability = case.abilities[name]
        if ability.members is not None and len(rows) > ability.members:
            last = rows[-1]
            details: dict[str, Value] = {"function": name, "number": len(rows), "members": ability.members}
            yield Problem("check.full_centre", FUNCTIONS.file, last.row, "centre", last.centre, details)
        for row in rows if ability.within == "consortium" and case.leading else ():
            if not may_be_together(case, case.site_index[row.institution], k):
                details = {"function": name, "institution": row.institution}
                yield Problem("check.linked_apart", FUNCTIONS.file, row.row, "centre", row.centre, details)


def _unmatched(model: Model, case: Case) -> Iterator[Problem]:
    """Yield the specialties that a goal weighs and nobody sends, and those sent that it does not weigh."""
    sent = sorted({pool.specialty for pool in case.pools})
    for name, goal in model.goals.items():
        if isinstance(goal, Match):
            where = f"goals.{name}.specialties"
            for specialty in goal.specialties:
                if specialty not in sent:
                    details = {"choices": ", ".join(sent)}
                    yield Problem("check.match_unsent", f"{model.id}.toml", None, where, specialty, details)
            for specialty in sent:
                if specialty not in goal.specialties:
                    yield Problem("check.match_unweighed", f"{model.id}.toml", column=where, value=specialty)


def _unreachable(district: District, case: Case) -> Iterator[Problem]:
    """Yield the places that nobody could ever serve: no site and no candidate lies within their circle.

    So it may be for those of a place who have no rarer way to travel: how many they are at first is said.
    """
    for i, (place, sites) in enumerate(zip(district.places, case.sites_of, strict=True)):
        people = int(case.people[i, 0])
        beyond = people - case.able_to_go(i, 0, sites)
        if sites and beyond:
            details: dict[str, Value] = {"name": place.name, "people": people, "beyond": beyond}
            yield Problem("check.unreachable_for_some", PLACES.file, value=place.id, details=details)
        if not sites:
            yield Problem(
                "check.unreachable",
                PLACES.file,
                value=place.id,
                details={"name": place.name, "people": place.people or 0},
            )


def _candidates(district: District, model: Model, case: Case) -> Iterator[Problem]:
    """Yield rows of the list that nobody looks at, kinds of site that lost every candidate, and too few generated."""
    idle = [
        one.kind
        for one in district.candidates
        if one.kind not in model.siting or "list" not in model.siting[one.kind].candidates
    ]
    if idle:
        kinds = ", ".join(dict.fromkeys(idle))
        yield Problem("check.candidates_idle", CANDIDATES.file, details={"count": len(idle), "kinds": kinds})
    for kind in model.siting:
        out = [one for one in case.dropped if one.kind == kind]
        if out and not any(site.kind == kind and not site.exists for site in case.sites):
            layers = dict.fromkeys(str(one.why["layer"]) for one in out if "layer" in one.why)
            details: dict[str, Value] = {"kind": str(kind), "count": len(out), "layers": ", ".join(layers) or "—"}
            yield Problem("check.candidates_none", f"{model.id}.toml", column=f"siting.{kind}", details=details)
    for made in case.generated:
        if made.made < made.asked:
            few: dict[str, Value] = {"kind": made.kind, "asked": made.asked, "made": made.made}
            few["allowed"] = made.allowed
            column = f"siting.{made.kind}.generate"
            yield Problem("check.candidates_few", f"{model.id}.toml", column=column, details=few)


def _unused_roads(district: District, model: Model, case: Case) -> Iterator[Problem]:
    """Yield why roads, where there are any, say nothing about who is within the planned circle."""
    circle = model.circles[model.circle]
    if case.roads is None:
        return
    file = f"{ROADS}.geojson"
    if circle.seconds is None:
        yield Problem("check.roads_no_minutes", file, details={"circle": model.circle})
    elif any(mode in case.roads.modes for mode in circle.modes):
        return
    elif district.listed_modes.issuperset(circle.modes):
        yield Problem("check.roads_listed", file, details={"modes": ", ".join(circle.modes), "table": TRAVEL.file})
    else:
        lacking = ", ".join(mode for mode in circle.modes if mode not in district.listed_modes)
        yield Problem("check.roads_no_speeds", file, details={"modes": lacking})


def _no_way(model: Model, case: Case) -> Iterator[Problem]:
    """Yield the pairs that may belong together and that no road joins: a day stands for the time of their way."""
    names = [site.name for site in case.sites]
    groups: dict[str, Iterable[tuple[str, str]]] = {
        f"functions.{name}": ((names[j], names[k]) for (j, k), time in pairs.items() if time >= NO_WAY)
        for name, pairs in case.centres.items()
        if case.abilities[name].mode
    }
    if case.leading is not None:
        pairs = case.leading.pairs.items()
        groups["consortia"] = ((names[j], names[k]) for (j, k), time in pairs if time >= NO_WAY)
    if case.contracting is not None:
        homes = [home.name for home in case.contracting.homes]
        pairs = case.contracting.pairs.items()
        groups["contracts"] = ((names[j], homes[h]) for (h, j), time in pairs if time >= NO_WAY)
    for column, ways in groups.items():
        lost = [f"{start} → {end}" for start, end in ways]
        if lost:
            details: dict[str, Value] = {"number": len(lost), "minutes": whole_minutes(NO_WAY), "names": few(lost)}
            yield Problem("check.no_way", f"{model.id}.toml", column=column, details=details)


def _off_roads(district: District, model: Model, case: Case) -> Iterator[Problem]:
    """Yield what of each table is too far from any road, in one line each; generated candidates never are."""
    if case.roads is None:
        return
    groups: dict[str, Sequence[tuple[str, float | None, float | None]]] = {
        PLACES.file: [(one.name, one.lon, one.lat) for one in district.places],
        INSTITUTIONS.file: [(one.name, one.lon, one.lat) for one in district.institutions],
        TOWNS.file: [(one.name, one.lon, one.lat) for one in district.towns],
        CARE_HOMES.file: [(one.name, one.lon, one.lat) for one in district.care_homes],
        CANDIDATES.file: [(one.name, one.lon, one.lat) for one in case.sites if one.origin == "list"],
    }
    for file, rows in groups.items():
        at = metric([(lon or 0.0, lat or 0.0) for _, lon, lat in rows], district.datum, district.epsg)
        spots = case.roads.index(at)
        # Which ways to travel find the same ones too far away, by the same limit.
        alike: dict[tuple[float, tuple[int, ...]], list[str]] = {}
        for mode in case.roads.modes:
            off = np.flatnonzero((spots >= 0) & case.roads.is_off(mode, spots))
            on_roads = model.modes[mode].roads
            assert on_roads is not None
            alike.setdefault((on_roads.access_metres, tuple(off.tolist())), []).append(mode)
        for (metres, which), modes in alike.items():
            if which:
                details: dict[str, Value] = {
                    "number": len(which),
                    "of": len(rows),
                    "metres": metres,
                    "modes": ", ".join(modes),
                    "names": few([rows[i][0] for i in which]),
                }
                what = "check.off_roads" if file == PLACES.file else "check.off_roads_others"
                yield Problem(what, file, details=details)
