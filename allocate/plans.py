"""A finished plan as plain data: how plan.json is made of decisions, and read back."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from allocate.alone import nesting
from allocate.belonging import (
    belonging_of,
    consortia_rows,
    contract_rows,
    contracts_of,
    function_rows,
    reach_rows,
    reserve_rows,
)
from allocate.calibration import calibration_rows, calibrations
from allocate.candidates import seen_in
from allocate.care import care, unserved, visited_how
from allocate.case import Case, Site
from allocate.changes import AsPlanned
from allocate.costs import CONSORTIA, CONTRACTS, FUNCTIONS, OUTREACH, POSTINGS, SITES, charges, spent
from allocate.data_problems import data_problems
from allocate.decisions.consortia import hospital_above
from allocate.district import (
    CareHome,
    Department,
    District,
    Fact,
    FieldThere,
    FunctionThere,
    Growth,
    Institution,
    Layer,
    Listed,
    NoRounds,
    Observed,
    Origin,
    Place,
    PlaceYear,
    Staffing,
    Standing,
    Town,
)
from allocate.errors import AllocateError, InputError, Problem
from allocate.fairness import fairness
from allocate.files.sheet import Unreadable
from allocate.files.text import read_bytes
from allocate.gaps import DIGITS, HOLD_ABSOLUTE, HOLD_RELATIVE, OPTIMAL_GAP, shown_bound, shown_gap, shown_number
from allocate.goals import Match
from allocate.goals.match import fits
from allocate.layout import Layout, send_nearest
from allocate.life import merged, moved
from allocate.model import Model
from allocate.names import KEPT_FILE, PLAN_FILE
from allocate.outgoing import going_out_of, postings_rows, remote_rows, roster_rows, rounds_rows, timetable_rows
from allocate.population import AGED_0_14, AGED_65, Population, project
from allocate.primary_capacity import primary_capacity
from allocate.readings import readings
from allocate.reliance import price_bases, stock_rows
from allocate.resources import FLOWS, flow
from allocate.rows import UPGRADED, Number
from allocate.rules import Rounds
from allocate.rules.scopes import Scope, parts
from allocate.scenario_tables import chain, changes_in
from allocate.scorecard import scorecard
from allocate.settings import looked_up
from allocate.shares import Integers, in_proportion
from allocate.stages import stage_values
from allocate.tables import ENDS, KINDS_ABOVE, MEASURES, NOT_GONE_TO, TOTALS
from allocate.travel import Times
from allocate.units import Basis, exact, minutes, weakest
from allocate.versions import library_versions as library_versions
from allocate.words import say
from allocate.worth import worth

SCHEMA = 1
# The key by which a plan says that a person stopped the search, where one did.
STOPPED = "stopped"
# Tables on candidates, which a plan carries so that it can be checked without the areas of layers, or roads.
MADE = ("candidates", "dropped", "generated")
# The best plan so far of a run that is not finished, and what it says of itself.
KEPT = "kept"
_MOST_BYTES = 1_000_000_000
_SCOPES: tuple[Scope, ...] = ("district", "town")
# How people fare whom no site serves, in the order of the ledger.
_NOT_SERVED = ("no_capacity", "rounds", "posted", "out_of_range")
# Keys of places and towns that are there only where a list says them.
_WHERE_SAID_OF_PLACES = (*MEASURES, "people_source", "position_source")
_WHERE_SAID_OF_TOWNS = tuple(key for column in TOTALS for key in (column, f"{column}_basis"))


@dataclass(frozen=True)
class Plan:
    """A plan, with what is known about how it was made.

    Attributes
    ----------
    content
        What plan.json says.
    phases
        Seconds by phase [s]; they go to the log, so that the same inputs give the same plan.json.
    log
        What the solver printed.
    """

    content: Mapping[str, Any]
    phases: Mapping[str, float] = field(default_factory=dict)
    log: str = ""


def assemble(
    district: District,
    model: Model,
    case: Case,
    layout: Layout,
    bounds: Mapping[str, float],
    draws: Sequence[Mapping[str, Any]],
    years_alone: Sequence[Mapping[str, Any]] = (),
    versions: Mapping[str, str] | None = None,
    front: Sequence[Mapping[str, Any]] = (),
    reached: Sequence[Mapping[str, Any]] = (),
    *,
    stopped: bool = False,
) -> dict[str, Any]:
    """Return what plan.json says about a layout: everything else in it follows from these arguments.

    Where a person `stopped` the search, it says so: what comes after the search was not looked at then.
    """
    stages = _stages(model, case, layout, bounds)
    gap = max((stage["gap"] for stage in stages), default=0.0)
    today = standing_today(case) if stock_is_known(district, model) else None
    planned = AsPlanned(case, layout, model.planned())
    return {
        "schema": SCHEMA,
        "model": model.id,
        "title": dict(model.title),
        "district": district.id,
        "as_of": model.as_of.isoformat(),
        "years": list(case.years),
        "outcome": "optimal" if gap <= OPTIMAL_GAP else "feasible",
        "gap": gap,
        **({STOPPED: True} if stopped else {}),
        "stages": stages,
        "draws": [dict(draw) for draw in draws],
        "front": [dict(point) for point in front],
        "nesting": nesting(model, case, layout, years_alone),
        "scorecard": scorecard(district, model, case, layout, standing_today(case), unlisted_kinds(district, model)),
        "places": _places(district, case, layout),
        "sites": _sites(case, layout),
        **candidate_tables(district, case),
        "population": _population(district, model, case),
        "ledger": _ledger(case, layout),
        "ledger_by_age": ledger_by_age(case, layout),
        "today": _today(case, today),
        **_places_today(district, case, today),
        "stock": stock_rows(district, case),
        "staff": _staff(case, layout),
        "staff_flows": _staff_flows(case, layout),
        "postings": postings_rows(case, layout),
        "roster": roster_rows(case, layout),
        "remote": remote_rows(case, model.planned(), layout),
        "rounds": rounds_rows(case, layout),
        "timetable": timetable_rows(case, layout),
        "readings": _readings(model, case, layout),
        "fits": _fits(model, case, layout),
        "care": care(district, model, planned),
        "worth": worth(model, planned, draws),
        "consortia": consortia_rows(case, layout),
        "functions": function_rows(case, layout),
        "reserves": reserve_rows(model.planned(), case, layout),
        "function_reach": reach_rows(model.planned(), case, layout),
        "contracts": contract_rows(case, layout),
        "primary_capacity": primary_capacity(model.visits, case, layout),
        "budget": _budget(model, case, layout),
        "coverage": _coverage(district, model, case, layout, today),
        "calibration": calibration_rows(calibrations(district, model, case.roads)),
        "fairness": fairness(district, case, layout),
        "settings": model.settings,
        **_scenario(model),
        "assumptions": assumptions(district, model),
        "problems": [asdict(problem) for problem in data_problems(district, model, case)],
        "inputs": [
            {"of": part, "path": path, "sha256": digest}
            for part, files in (("district", district.inputs), ("model", model.inputs))
            for path, digest in sorted(files.items())
        ],
        "versions": dict(versions) if versions is not None else library_versions(),
        "district_data": district_data(district),
        "road_times": None if case.roads is None else case.roads.plain(),
        "isochrones": [dict(area) for area in reached],
    }


def _scenario(model: Model) -> dict[str, Any]:
    """Return which scenario is in force and what it changes; no key where none is."""
    if not model.scenario:
        return {}
    return {"scenario": scenario_of(model)}


def scenario_of(model: Model) -> dict[str, Any]:
    """Return the scenario in force with every key that it changes and the value that the key has now."""
    told = model.scenarios[model.scenario]
    return {
        "name": model.scenario,
        "title": dict(told.title),
        "line": chain(model.scenarios, model.scenario),
        "changes": [
            {"key": ".".join(way), "value": looked_up(model.settings, way)}
            for way in changes_in(model.scenarios, model.scenario, model.settings)
        ],
        "note": told.note,
        "source": told.source,
        "basis": str(told.basis),
    }


def candidate_tables(district: District, case: Case) -> dict[str, Any]:
    """Return where sites may be opened and why, what was dropped and why, and what came of generating candidates."""
    candidates = [
        {
            "id": site.id,
            "kind": site.kind,
            "name": site.name,
            "town": site.town,
            "place": district.places[site.place].id if site.place >= 0 else None,
            "lon": site.lon,
            "lat": site.lat,
            "basis": str(site.basis),
            "from": site.origin,
            "opening": site.opening,
            "yearly": site.yearly,
            "kept": [dict(reason) for reason in site.kept],
        }
        for site in case.sites
        if not site.exists
    ]
    dropped = [
        {
            "id": one.id,
            "kind": one.kind,
            "name": one.name,
            "town": one.town,
            "lon": one.lon,
            "lat": one.lat,
            "from": one.origin,
            "why": dict(one.why),
        }
        for one in case.dropped
    ]
    return {"candidates": candidates, "dropped": dropped, "generated": [asdict(one) for one in case.generated]}


def district_data(district: District) -> dict[str, Any]:
    """Return the district as it was read, so that a plan can be checked and drawn without its inputs."""
    plain: dict[str, Any] = json.loads(json.dumps(_district_data(district)))
    return plain


def _district_data(district: District) -> dict[str, Any]:
    return {
        "id": district.id,
        "name": dict(district.name),
        "code": district.code,
        "datum": district.datum,
        "epsg": district.epsg,
        **({"partial": list(district.partial)} if district.partial else {}),
        "boundary": district.boundary,
        "places": [_told(place, _WHERE_SAID_OF_PLACES) for place in district.places],
        "towns": [_told(town, _WHERE_SAID_OF_TOWNS) for town in district.towns],
        "institutions": [asdict(institution) for institution in district.institutions],
        "staff": [asdict(row) for row in district.staff],
        "fields": [asdict(row) for row in district.fields],
        "facts": [asdict(fact) for fact in district.facts.values()],
        "travel": [[*pair, time] for pair, time in sorted(district.travel.items())],
        "growth": [asdict(row) for row in district.growth],
        "people_by_year": [asdict(row) for row in district.people_by_year],
        "pools": [asdict(row) for row in district.pools],
        "tours": [asdict(row) for row in district.tours],
        "sessions": [asdict(row) for row in district.sessions],
        "functions": [asdict(row) for row in district.functions],
        "care_homes": [asdict(row) for row in district.care_homes],
        "candidates": [asdict(row) for row in district.candidates],
        "layers": [
            {
                "id": layer.id,
                "name": dict(layer.name),
                "keeps": layer.keeps,
                "file": layer.file,
                "kinds": list(layer.kinds),
                "buffer_metres": layer.buffer_metres,
                "areas": layer.areas,
                "hectares": layer.hectares,
            }
            for layer in district.layers
        ],
        "observed": [asdict(row) for row in district.observed],
        "warnings": [asdict(warning) for warning in district.warnings],
        "origins": {table: asdict(origin) for table, origin in sorted(district.origins.items())},
    }


def _told(row: Place | Town, where_said: Collection[str]) -> dict[str, Any]:
    """Return what is known of a place or a town, without the keys that few lists fill and that it leaves blank."""
    return {key: value for key, value in asdict(row).items() if key not in where_said or value not in (None, "")}


def district_of(content: Mapping[str, Any]) -> District:
    """Return the district that a plan carries in it."""
    data = content["district_data"]

    def records[T](kind: type[T], rows: Iterable[Mapping[str, Any]]) -> tuple[T, ...]:
        return tuple(kind(**{name: of_cell(name, value) for name, value in row.items()}) for row in rows)

    def of_cell(name: str, value: Any) -> Any:
        if name.endswith("basis") and value is not None:
            return Basis(value)
        return tuple(value) if isinstance(value, list) else value

    return District(
        id=data["id"],
        name=data["name"],
        code=data["code"],
        datum=data["datum"],
        epsg=data["epsg"],
        partial=tuple(data.get("partial", ())),
        places=records(Place, data["places"]),
        towns=records(Town, data["towns"]),
        institutions=records(Institution, data["institutions"]),
        staff=records(Staffing, data.get("staff", ())),
        fields=records(FieldThere, data.get("fields", ())),
        facts={fact.indicator: fact for fact in records(Fact, data["facts"])},
        boundary=data["boundary"],
        travel={(row[0], row[1], row[2]): row[3] for row in data["travel"]},
        growth=records(Growth, data.get("growth", ())),
        people_by_year=records(PlaceYear, data.get("people_by_year", ())),
        pools=records(Department, data.get("pools", ())),
        tours=records(Standing, data.get("tours", ())),
        sessions=records(NoRounds, data.get("sessions", ())),
        functions=records(FunctionThere, data.get("functions", ())),
        care_homes=records(CareHome, data.get("care_homes", ())),
        candidates=records(Listed, data.get("candidates", ())),
        layers=records(Layer, data.get("layers", ())),
        made={name: content.get(name, ()) for name in MADE} if "candidates" in content else None,
        observed=records(Observed, data.get("observed", ())),
        inputs=inputs_of(content, "district"),
        times=Times.of_plain(content["road_times"]) if content.get("road_times") else None,
        origins={
            table: Origin(**{**row, "unread": tuple(row["unread"])}) for table, row in data.get("origins", {}).items()
        },
        warnings=tuple(Problem(**row) for row in data.get("warnings", ())),
    )


def inputs_of(content: Mapping[str, Any], part: str) -> dict[str, str]:
    """Return the checksums of the files that the district, or the model, was read from."""
    return {row["path"]: row["sha256"] for row in content["inputs"] if row["of"] == part}


def layout_of(content: Mapping[str, Any], case: Case) -> Layout:
    """Return the decisions that a plan states: its sites, its places and its staff, and who is sent where."""
    year_index = {year: t for t, year in enumerate(case.years)}
    place_index = {place: i for i, place in enumerate(case.places)}
    is_open: set[tuple[int, int]] = set()
    upgraded: dict[tuple[str, int, int], Number] = {}
    for row in content["sites"]:
        j, t = case.site_index[row["id"]], year_index[row["year"]]
        later = {(j, u) for u in case.periods if u >= t}
        if row["action"] == "upgrade":
            upgraded |= {(UPGRADED, *pair): 1 for pair in later}
        else:
            is_open = is_open - later if row["action"] in ENDS else is_open | later
    serve: dict[tuple[int, int, int], int] = {}
    for row in content["places"]:
        if row["status"] == "served" and row["people"]:
            key = place_index[row["id"]], case.site_index[row["served_by"]], year_index[row["year"]]
            serve[key] = serve.get(key, 0) + row["people"]
    amounts: dict[tuple[str, int, int], Number] = upgraded | {
        (row["resource"], case.site_index[row["id"]], year_index[row["year"]]): row["number"]
        for row in content["staff"]
        if row["number"]
    }
    for row in content.get("staff_flows", ()):
        employer, t = case.site_index[row["id"]], year_index[row["year"]]
        for which in FLOWS:
            if row[which]:
                amounts[flow(row["resource"], which), employer, t] = row[which]
    has, members, links = belonging_of(content, case)
    return Layout(
        frozenset(is_open),
        serve,
        amounts | has,
        **going_out_of(content, case),
        members=members,
        links=links,
        contracts=contracts_of(content, case),
    )


def read_plan(path: str | Path) -> dict[str, Any]:
    """Read a plan from its folder or its plan.json.

    Raises
    ------
    InputError
        When there is no plan, or it cannot be read.
    """
    return _json(Path(path), PLAN_FILE, "schema", SCHEMA, "problem.not_plan")


def read_answer(path: str | Path, kind: str) -> dict[str, Any]:
    """Read an answer of a kind from its folder or its JSON.

    Raises
    ------
    InputError
        When there is none, or it cannot be read.
    """
    return _json(Path(path), f"{kind}.json", "kind", kind, "problem.not_answer")


def read_kept(path: str | Path) -> dict[str, Any]:
    """Read the best plan of a run that was not finished, from its folder or its JSON.

    Raises
    ------
    InputError
        When there is none, or it cannot be read.
    """
    return _json(Path(path), KEPT_FILE, "kind", KEPT, "resolve.not_kept")


def _json(file: Path, name: str, key: str, value: object, fault: str) -> dict[str, Any]:
    """Return what a file, or that of a name in a folder, holds, where it says of itself what it is."""
    try:
        file = file / name if file.is_dir() else file
        content = json.loads(read_bytes(file, _MOST_BYTES).decode("utf-8"))
    except OSError:
        raise InputError([Problem("problem.file_missing", str(file))]) from None
    except Unreadable as error:
        raise InputError([Problem(error.what, str(file), details=error.details)]) from None
    except (ValueError, RecursionError):
        raise InputError([Problem(fault, str(file))]) from None
    if not isinstance(content, dict) or content.get(key) != value:
        raise InputError([Problem(fault, str(file))])
    return content


def to_json(content: Mapping[str, Any]) -> str:
    """Return plan.json, one entry of a list per line, so that two plans can be compared by eye."""
    lines = []
    for key, value in content.items():
        if isinstance(value, list) and value:
            rows = ",\n".join("    " + json.dumps(row, ensure_ascii=False, allow_nan=False) for row in value)
            lines.append(f"  {json.dumps(key)}: [\n{rows}\n  ]")
        else:
            lines.append(f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False, allow_nan=False)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, DIGITS) if whole else None


def _stages(model: Model, case: Case, layout: Layout, bounds: Mapping[str, float]) -> list[dict[str, Any]]:
    values = stage_values(case, model.planned(), model.goals, layout)
    rows = []
    for name, found in values.items():
        value = shown_number(found)
        # A stage that was not reached has the bound of all: nothing falls below 0.
        proven = bounds.get(name, 0.0)
        if proven > float(value) + 1e-6 * max(1.0, abs(proven)):
            raise AllocateError(say("verify.above_bound", stage=name, value=value, bound=proven))
        bound = shown_bound(proven, float(value))
        goal = model.goals.get(name)
        rows.append(
            {
                "name": name,
                "value": value,
                "bound": bound,
                "gap": shown_gap(float(value), bound),
                "tolerance": round(max(HOLD_ABSOLUTE, float(HOLD_RELATIVE) * abs(float(value))), DIGITS),
                "unit": goal.unit if goal else "share",
            }
        )
    return rows


def _open(case: Case, layout: Layout, t: int) -> list[int]:
    return [j for j in range(len(case.sites)) if (j, t) in layout.open]


def stock_is_known(district: District, model: Model) -> bool:
    """Tell whether the district lists any institution of the kinds that the model sites and people go to.

    A kind of which it lists some only is not known: what these serve is less than what there is.
    """
    sited = {kind for kind in model.siting if kind not in NOT_GONE_TO}
    return sited.isdisjoint(district.partial) and any(one.kind in sited for one in district.institutions)


def unlisted_kinds(district: District, model: Model) -> tuple[str, ...]:
    """Return the kinds that the model sites and people go to, where it is unknown how many of them stand today."""
    return () if stock_is_known(district, model) else tuple(kind for kind in model.siting if kind not in NOT_GONE_TO)


def _today(case: Case, today: Layout | None) -> list[dict[str, Any]]:
    """Return the ledger of what stands today, for the people of the first year; nothing where the stock is unknown."""
    return [row for row in _ledger(case, today) if row["year"] == case.years[0]] if today else []


def _places_today(district: District, case: Case, today: Layout | None) -> dict[str, Any]:
    """Return how every place is served by what stands today, for the people of the first year; no key where unknown."""
    rows = _places(district, case, today) if today else []
    return {"places_today": [row for row in rows if row["year"] == case.years[0]]} if today else {}


def standing_today(case: Case) -> Layout:
    """Return today's stock as a layout: what exists is open with what it has, and people go to the nearest with room.

    Staff of which nothing is known, neither listed nor assumed, limits nobody: unknown is not none.
    """
    return _standing(case, {(name, j, t): number for (name, j), number in case.stock.items() for t in case.periods})


def nothing_changes(case: Case) -> Layout:
    """Return what becomes of today's stock if nobody acts: what stands stays open, who retires is not replaced."""
    amounts = {(name, j, t): number for (name, j), number in case.stock.items() for t in case.periods}
    for name in case.employed:
        for employer, team in case.teams_of.items():
            there = np.array([[case.stock.get((name, j), 0)] for j in team], dtype=np.int64)
            for t in case.periods:
                left = in_proportion(np.array([case.staying(name, employer, t)]), there)
                amounts |= {(name, j, t): int(left[n, 0]) for n, j in enumerate(team) if there[n, 0]}
    return _standing(case, amounts)


def _standing(case: Case, staff: Mapping[tuple[str, int, int], int]) -> Layout:
    known = {name for name, _ in case.stock}
    seen = replace(case, sites=tuple(_limited_by(site, known) for site in case.sites))
    amounts: dict[tuple[str, int, int], Number] = dict(staff)
    amounts |= {(name, j, t): 1 for name, j in case.had for t in case.periods}
    links = frozenset((name, j, k, t) for (name, j), k in case.had.items() if k >= 0 for t in case.periods)
    is_open = frozenset((j, t) for j, site in enumerate(case.sites) if site.exists for t in case.periods)
    existing = {} if case.contracting is None else case.contracting.existing
    contracts = frozenset((h, j, t) for h, j in existing.items() for t in case.periods)
    standing = Layout(is_open, {}, amounts, links=links, contracts=contracts)
    return send_nearest(case, standing, partial(standing.room, seen))


def _limited_by(site: Site, staff: Collection[str]) -> Site:
    """Return a site whose people only these resources limit, beside its capacity."""
    return replace(site, per_staff=tuple(limit for limit in site.per_staff if limit[0] in staff))


def _places(district: District, case: Case, layout: Layout) -> list[dict[str, Any]]:
    served_by: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for (i, j, t), people in layout.serve.items():
        served_by.setdefault((i, t), []).append((j, people))
    rows = []
    for t, year in enumerate(case.years):
        for i, place in enumerate(district.places):
            basis = str(place.position_basis)
            visits = sorted((case.seconds.get((i, j), 0), j, people) for j, people in served_by.get((i, t), []))
            residents = int(case.people[i, t])
            left = residents - sum(people for _, _, people in visits)
            for seconds, j, people in visits:
                how = case.how.get((i, j))
                row = _place_row(place.id, year, people, "served", case.sites[j].id, minutes(seconds), basis, how)
                rows.append(row | _modes(case, i, j))
            if not left and residents:
                continue
            # (The nearest of those that most people can go to.)
            open_now = (j for j in case.sites_of[i] if (j, t) in layout.open)
            near = min(open_now, key=lambda j: case.level.get((i, j), 0), default=None)
            others = {"served" if near is not None else visited_how(case, layout, i, t) or "out_of_range": 0}
            if residents:
                others = {status: people for status, people in unserved(case, layout, i, t).items() if people}
            for status, people in others.items():
                # (Who has no way to travel to any open site has no nearest one.)
                by = None if status == "out_of_range" else near
                site = case.sites[by].id if by is not None and status == "served" else None
                time, how = (None, None) if by is None else (minutes(case.seconds[i, by]), case.how[i, by])
                row = _place_row(place.id, year, people, status, site, time, basis, how)
                rows.append(row | _modes(case, i, by))
    return rows


def _modes(case: Case, i: int, j: int | None) -> dict[str, list[str] | None]:
    """Return the ways to travel that bring a site into the circle of a place, where not everybody has all of them."""
    if not case.levels:
        return {}
    return {"modes": None if j is None else list(case.levels[case.level.get((i, j), 0)].modes)}


def _place_row(
    place: str,
    year: int,
    people: int,
    status: str,
    site: str | None,
    time: float | None,
    basis: str,
    how: str | None,
) -> dict[str, Any]:
    return {
        "id": place,
        "year": year,
        "people": people,
        "status": status,
        "served_by": site,
        "minutes": time,
        "how": how,
        "basis": basis,
    }


def _sites(case: Case, layout: Layout) -> list[dict[str, Any]]:
    """Return what becomes of every site: a row per action, in the order of its years."""
    into = {(old, t): new for t in case.periods for old, new in moved(case, layout, t).items()}
    origin = {(new, t): old for (old, t), new in into.items()}
    rows = []
    for j, site in enumerate(case.sites):
        years = [t for t in case.periods if (j, t) in layout.open]
        closed = [t for t in case.periods if t not in years and (site.exists or (years and t > years[0]))]
        if not years and not closed:
            continue
        shared = {
            "id": site.id,
            "name": site.name,
            "kind": site.kind,
            "town": site.town,
            "lon": site.lon,
            "lat": site.lat,
            "basis": str(site.basis),
        }
        above, hospital = case.above(j), hospital_above(case, layout, j)
        rest: dict[str, Any] = {
            "parent": case.sites[above].id if above >= 0 else None,
            "parent_basis": case.parent_bases[j] if above >= 0 else None,
            "hospital": case.sites[hospital].id if hospital >= 0 else None,
            "staff": {str(case.years[t]): working for t in case.periods if (working := _working(case, layout, j, t))},
        }
        alone = {str(case.years[t]): _alone(case, layout, j, t) for t in years}
        if years:
            people = {str(case.years[t]): layout.load.get((j, t), 0) for t in years}
            cost = sum(site.yearly * case.spans[t] for t in years)
            fresh: dict[str, Any] = {"year": case.years[years[0]], "action": "keep" if site.exists else "open"}
            old = origin.get((j, years[0]))
            if old is not None:
                fresh["from"] = case.sites[old].id
            if not site.exists:
                cost += site.opening if old is None or site.moving is None else site.moving
            rows.append(shared | fresh | rest | {"cost": cost, "people": people, "only_site_of": alone})
        enlarged = [t for t in case.periods if layout.is_upgraded(j, t)]
        if enlarged and site.upgrade is not None:
            # (Whom it serves stands in the row that opens or keeps it: nobody is counted twice.)
            cost = site.upgrade.opening + site.upgrade.yearly * sum(case.spans[t] for t in enlarged)
            bigger = {"year": case.years[enlarged[0]], "action": "upgrade"}
            rows.append(shared | bigger | rest | {"cost": cost, "people": {}, "only_site_of": alone})
        if closed:
            left = {str(case.years[t]): _alone(case, layout, j, t) for t in closed}
            ending = {"year": case.years[closed[0]], **_ending(case, layout, j, closed[0], into)}
            rows.append(shared | ending | rest | {"cost": 0, "people": {}, "only_site_of": left})
    return rows


def _ending(case: Case, layout: Layout, j: int, t: int, into: Mapping[tuple[int, int], int]) -> dict[str, str]:
    """Return how a site ends: it moves, or is merged into the one that serves all its people, or just closes."""
    if (j, t) in into:
        return {"action": "move", "into": case.sites[into[j, t]].id}
    taker = merged(case, layout, j, t)
    return {"action": "close"} if taker is None else {"action": "merge", "into": case.sites[taker].id}


def _working(case: Case, layout: Layout, j: int, t: int) -> dict[str, int]:
    """Return what a site has of every resource in a year, of which it has any."""
    found = {name: int(layout.amounts.get((name, j, t), 0)) for name in case.resources}
    return {name: number for name, number in found.items() if number}


def _staff(case: Case, layout: Layout) -> list[dict[str, Any]]:
    """Return who works where: a row per site, year and resource of which there is any."""
    return [
        {"id": site.id, "year": year, "resource": name, "number": number}
        for t, year in enumerate(case.years)
        for j, site in enumerate(case.sites)
        for name, number in _working(case, layout, j, t).items()
    ]


def _readings(model: Model, case: Case, layout: Layout) -> list[dict[str, Any]]:
    """Return what each reading of every planned clause on rounds to villages would take, and what the plan has."""
    return [
        {"rule": name, **row}
        for name, rule in model.planned().items()
        if isinstance(rule, Rounds)
        for row in readings(case, layout, rule)
    ]


def _fits(model: Model, case: Case, layout: Layout) -> list[dict[str, Any]]:
    """Return what every hub needs of each specialty, as a share of what it needs most, and the post-months there."""
    return [
        {
            "year": year,
            "hub": fit.hub,
            "specialty": fit.specialty,
            "need": shown_number(fit.need),
            "months": fit.months,
        }
        for goal in model.goals.values()
        if isinstance(goal, Match)
        for t, year in enumerate(case.years)
        for fit in fits(case, layout, goal, t)
    ]


def _staff_flows(case: Case, layout: Layout) -> list[dict[str, Any]]:
    """Return how every employer comes by its staff: of today's, those who stay; who joined since; lent and spare.

    `elsewhere` counts those who work at the employer's other sites: a hub's own people in the villages.
    """
    rows = []
    for t, year in enumerate(case.years):
        for name in case.employed:
            for employer, team in case.teams_of.items():
                today = sum(case.stock.get((name, j), 0) for j in team)
                flows = {which: int(layout.amounts.get((flow(name, which), employer, t), 0)) for which in FLOWS}
                works = {j: int(layout.amounts.get((name, j, t), 0)) for j in team}
                if today or any(flows.values()) or any(works.values()):
                    staying = case.staying(name, employer, t)
                    about = {"id": case.sites[employer].id, "year": year, "resource": name}
                    here = {"here": works.get(employer, 0), "elsewhere": sum(works.values()) - works.get(employer, 0)}
                    rows.append(about | {"today": today, "staying": staying} | flows | here)
    return rows


def _alone(case: Case, layout: Layout, j: int, t: int) -> int:
    """Return the people within whose circle no site but this one is open [persons].

    They lose all if it is dropped; where it is closed, they have lost all.
    """
    lost = 0
    for i in case.places_of[j]:
        others = [k for k in case.sites_of[i] if k != j and (k, t) in layout.open]
        lost += case.able_to_go(i, t, (j, *others)) - case.able_to_go(i, t, others)
    return lost


def _population(district: District, model: Model, case: Case) -> list[dict[str, Any]]:
    """Return who lives in the district in every year, how that was worked out, and what it rests on."""
    found = project(district, model.population, case.years)
    return [
        {
            "year": year,
            "people": found.total(t),
            AGED_65: found.in_group(AGED_65, t),
            AGED_0_14: found.in_group(AGED_0_14, t),
            "method": found.method,
            "basis": str(found.bases[t]),
        }
        for t, year in enumerate(case.years)
    ]


def _by_status(case: Case, layout: Layout, t: int) -> dict[str, Integers]:
    """Return the people of every place in a year by status [persons]: they add up to its people."""
    people = case.people[:, t]
    served = np.array([layout.served.get((i, t), 0) for i in range(len(case.places))], dtype=np.int64)
    left = people - served
    statuses = {status: np.zeros(len(case.places), dtype=np.int64) for status in _NOT_SERVED}
    for i in np.flatnonzero(left).tolist():
        for status, number in unserved(case, layout, i, t).items():
            statuses[status][i] = number
    return {"served": served, **statuses}


def _ledger(case: Case, layout: Layout) -> list[dict[str, Any]]:
    rows = []
    for t, year in enumerate(case.years):
        statuses = {"people": case.people[:, t]} | _by_status(case, layout, t)
        for scope in _SCOPES:
            for part, members in parts(case, scope):
                sums = {status: int(people[list(members)].sum()) for status, people in statuses.items()}
                rows.append({"scope": part or "district", "year": year} | sums)
    return rows


def ledger_by_age(case: Case, layout: Layout) -> list[dict[str, Any]]:
    """Return the ledger by age group; nothing where the groups are not known.

    The model serves people whatever their age: those of a place in one status belong to its groups in proportion, by
    cumulative rounding, so that groups add up to the ledger and statuses to the people of the group, to the person.
    """
    rows: list[dict[str, Any]] = []
    for t, year in enumerate(case.years):
        left = np.array([people[:, t] for people in case.ages.values()], dtype=np.int64)
        if not left.size:
            continue
        figures = {"people": left}
        for status, people in _by_status(case, layout, t).items():
            figures[status] = in_proportion(people, left)
            left = left - figures[status]
        for scope in _SCOPES:
            for part, members in parts(case, scope):
                for n, group in enumerate(case.ages):
                    sums = {name: int(shares[n, list(members)].sum()) for name, shares in figures.items()}
                    rows.append({"scope": part or "district", "year": year, "group": group} | sums)
    return rows


def _budget(model: Model, case: Case, layout: Layout) -> list[dict[str, Any]]:
    """Return what every plan year costs; the basis is the weakest of the unit costs (where nothing costs, it is sure).

    Opening and yearly cost of the sites, then what staff and beds cost once and in each calendar year; of the last,
    `standing_pay` is that of today's who stay, whatever is decided.
    """
    basis = weakest(price_bases(model))
    rows = []
    for t, year in enumerate(case.years):
        sites = spent(case, layout, t, lambda nature, what, at: what == SITES)
        staff = spent(case, layout, t, lambda nature, what, at: what in case.resources)
        postings = spent(case, layout, t, lambda nature, what, at: what == POSTINGS)["recurrent"]
        outreach = spent(case, layout, t, lambda nature, what, at: what == OUTREACH)["recurrent"]
        functions = spent(case, layout, t, lambda nature, what, at: what == FUNCTIONS)
        consortia = spent(case, layout, t, lambda nature, what, at: what == CONSORTIA)
        contracts = spent(case, layout, t, lambda nature, what, at: what == CONTRACTS)
        parts = (sites, staff, functions, consortia, contracts)
        capital = sum(part["capital"] for part in parts)
        recurrent = sum(part["recurrent"] for part in parts) + postings + outreach
        rows.append(
            {
                "year": year,
                "calendar_years": case.spans[t],
                "opening": sites["capital"],
                "yearly": sites["recurrent"],
                "adding": staff["capital"],
                "pay": staff["recurrent"],
                "postings": postings,
                "outreach": outreach,
                "functions": functions["capital"],
                "functions_yearly": functions["recurrent"],
                "consortia": consortia["capital"],
                "consortia_yearly": consortia["recurrent"],
                "contracts_yearly": contracts["recurrent"],
                "standing_pay": int(sum(charge.constant for charge in charges(case, t))),
                "capital": capital,
                "recurrent": recurrent,
                "total": capital + recurrent * case.spans[t],
                "unit": "yuan",
                "basis": str(basis),
            }
        )
    return rows


def _coverage(
    district: District, model: Model, case: Case, layout: Layout, today: Layout | None
) -> list[dict[str, Any]]:
    """Return who lives within each circle of an open site, whether or not it has room; and of one that exists today."""
    rows = []
    doubt = exact(model.travel.doubt)
    speeds = {"slower": 1 - doubt, "faster": 1 + doubt} if doubt else {}
    for preset in model.compare or (model.circle,):
        cases = {"": case if preset == model.circle else seen_in(district, model, case, preset)}
        cases |= {how: seen_in(district, model, case, preset, speed) for how, speed in speeds.items()}
        for t, year in enumerate(case.years):
            inside, before = (
                {how: _inside(seen, set(_open(case, sites, t)), t) for how, seen in cases.items()}
                for sites in (layout, today or Layout(frozenset(), {}))
            )
            for scope in _SCOPES:
                for part, members in parts(case, scope):
                    people = sum(int(case.people[i, t]) for i in members)
                    row = {"year": year, "scope": part or "district", "preset": preset, "people": people}
                    standing = _covered(people, members, before) if today else None
                    rows.append(row | _covered(people, members, inside) | {"today": standing})
    return rows


def _covered(people: int, members: Sequence[int], inside: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """Return who of some places is within a circle, at the speeds of the model, and at lower and higher ones."""
    found: dict[str, Any] = {"slower": None, "faster": None}
    for how, within in inside.items():
        covered = sum(within[i] for i in members)
        shares = {"covered": covered, "share": _share(covered, people)}
        found |= {how: shares} if how else shares
    return {key: found[key] for key in ("covered", "share", "slower", "faster")}


def _inside(case: Case, is_open: Collection[int], t: int) -> list[int]:
    """Return the people of every place within whose circle one of these sites lies [persons]."""
    return [case.able_to_go(i, t, (j for j in sites if j in is_open)) for i, sites in enumerate(case.sites_of)]


def assumptions(district: District, model: Model) -> list[dict[str, Any]]:
    """Return counts of what rests on estimates and assumptions: cells of the tables, numbers of the model."""
    counts: dict[tuple[str, str], int] = {}

    def count(table: str, basis: Basis | str | None) -> None:
        if basis in (Basis.ESTIMATED, Basis.ASSUMED):
            counts[table, str(basis)] = counts.get((table, str(basis)), 0) + 1

    for place in district.places:
        count("places.position", place.position_basis)
        count("places.people", place.people_basis)
        count("places.people_65", place.people_65_basis)
        count("places.people_0_14", place.people_0_14_basis)
    for town in district.towns:
        count("towns.position", town.position_basis)
        for basis in (town.people_basis, town.people_65_basis, town.people_0_14_basis):
            count("towns.people", basis)
    for institution in district.institutions:
        count("institutions.position", institution.position_basis)
        count("institutions.name", institution.name_basis)
        if institution.kind in KINDS_ABOVE:
            # (Where it is not listed, the nearest one is taken.)
            count("institutions.parent", institution.parent_basis or Basis.ASSUMED)
        count("institutions.profile", institution.profile_basis)
    for rule in model.rules.values():
        count("model.rules", rule.basis)
    for one_listed in district.candidates:
        count("candidates", one_listed.basis)
    for candidates in model.siting.values():
        for basis in candidates.bases:
            count("model.siting", basis)
    for goal in model.goals.values():
        if isinstance(goal, Match):
            count("model.goals", goal.basis)
    for staffing in district.staff:
        count("staff", staffing.basis)
    for row in district.fields:
        count("fields", row.basis)
    for resource in model.resources.values():
        count("model.resources", resource.basis)
    for supporter in model.supporters.values():
        count("model.supporters", supporter.basis)
    # (Where pools.csv is there, it counts instead of the model's.)
    for release in () if district.pools else model.pools.values():
        count("model.pools", release.basis)
    for plan in model.outreach.values():
        count("model.outreach", plan.basis)
    for ability in model.functions.values():
        count("model.functions", ability.basis)
    count("model.consortia", model.consortia.basis if model.consortia else None)
    count("model.visits", model.visits.basis if model.visits else None)
    count("model.contracts", model.contracts.basis if model.contracts else None)
    for home in district.care_homes:
        count("care_homes.position", home.position_basis)
        count("care_homes", home.basis)
    for one in district.functions:
        count("functions", one.basis)
    for trip in district.observed:
        count("observed", trip.basis)
    count("model.postings", model.postings.basis if model.postings else None)
    for table, rows in (("pools", district.pools), ("tours", district.tours), ("sessions", district.sessions)):
        for line in rows:
            count(table, line.basis)
    ring = model.circles[model.circle]
    count("model.circle", ring.basis)
    if ring.shares:
        count("model.circle_shares", ring.shares_basis)
    for mode in ring.modes:
        count("model.modes", model.modes[mode].basis)
        roads = model.modes[mode].roads
        if roads is not None and (district.roads is not None or district.times is not None):
            count("model.modes", roads.basis)
    found = project(district, model.population, model.years)
    later = "people.later_years" if found.method == "held" else f"people.later_years_{found.method}"
    for basis in _bases_of_people(district, model, found):
        count(later, basis)
    if found.method != "held" and found.ages_held:
        counts["people.ages_held", str(Basis.ASSUMED)] = found.ages_held
    return [{"table": table, "basis": basis, "rows": rows} for (table, basis), rows in sorted(counts.items())]


def _bases_of_people(district: District, model: Model, found: Population) -> Iterator[Basis]:
    """Yield what the people of every place and plan year rest on."""
    if found.method == "table":
        # (Rows of other years are not used.)
        yield from (row.basis for row in district.people_by_year if row.year in model.years)
    else:
        yield from (basis for basis in found.bases for _ in district.places)
