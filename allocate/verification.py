"""Rechecks a finished plan without a solver: from what it decides, everything else in it is worked out again."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry import shape

from allocate import __version__, decisions, outgoing
from allocate.candidates import make_case, spans
from allocate.case import Case
from allocate.decisions import functions
from allocate.district import District
from allocate.errors import AllocateError, InputError, UsageError
from allocate.estimate import redraw
from allocate.gaps import DIGITS, OPTIMAL_GAP, shown_gap
from allocate.isochrones import common_by_road, isochrones
from allocate.model import Model, model_of
from allocate.names import CARD
from allocate.plans import (
    MADE,
    STOPPED,
    assemble,
    candidate_tables,
    district_data,
    district_of,
    inputs_of,
    layout_of,
    read_plan,
)
from allocate.population import project
from allocate.read import BOUNDARY, find_district, is_file, read_district
from allocate.road_times import modes_by_road
from allocate.rows import Strength
from allocate.rules import Reach
from allocate.synonyms import BOUNDARY as BOUNDARY_TABLE
from allocate.tables import TABLES, TOTALS
from allocate.words import say, visible

_MOST = 50
# Edges of areas that are nearer to each other than this are the same [°].
_SAME_EDGE = 2e-4
# How much nearer to each other two who travel by road may seem than they are: whoever is so near to a corner is there
# [m], and pieces of road are rounded to milliseconds.
_AT_ENDS, _ROUNDED = 5.0, 0.95
# Keys that a person may add to plan.json: the approval number of the map (审图号).
_BY_HAND = ("map_approval_number",)
# Keys that earlier versions did not write, or not for every row.
_LATER = frozenset(
    {
        "places_today",
        *("today", "problems", "warnings", "only_site_of", "staff_flows", "staff", "population", "ledger_by_age"),
        *("people_0_14", "people_0_14_basis", "growth", "people_by_year", "fairness", "stock", "rests_on", "front"),
        *("pools", "tours", "sessions", "fields"),
        *("nesting", "parent", "parent_basis", "hospital", "into", "from"),
        *("adding", "pay", "standing_pay", "capital", "recurrent"),
        *("functions", "functions_yearly", "consortia", "consortia_yearly", "reserves", "function_reach"),
        *("level", "type", "ownership", "profile_basis", "town_basis", "place_basis"),
        *("contracts", "contracts_yearly", "care_homes", "primary_capacity"),
        *("origins", "heading", "road_times", "how", "isochrones"),
        *("candidates", "dropped", "generated", "layers"),
        *("worth", "standing"),
        # calibration and doubt
        *("observed", "calibration", "slower", "faster"),
        *("roster", "timetable", "remote", "posted", "postings", "outreach", "care", "fits", "readings"),
        *("role", "at", "says", "label", "sense", "document_strength", "document_name", "reason", "note", "why"),
    }
)
_LATER_TABLES = frozenset({"institutions.parent"})
# What every district is read from, whatever files hold it.
_DISTRICT_TABLES = (BOUNDARY_TABLE, *(table.name for table in TABLES if table.needed))

# Where plans of earlier versions had them from.
_CSV = {BOUNDARY_TABLE: BOUNDARY, **{table.name: table.file for table in TABLES}}


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong in a plan: where it stands, and what it says against what it should say."""

    where: str
    words: str


@dataclass(frozen=True)
class Verdict:
    """What a recheck found.

    Attributes
    ----------
    findings
        What is wrong; none in a sound plan.
    notes
        What could not be checked, such as inputs that have changed since.
    checked
        Figures that were worked out again and compared.
    """

    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    checked: int

    @property
    def sound(self) -> bool:
        """Tell whether nothing is wrong."""
        return not self.findings


def verify(plan: str | Path | Mapping[str, Any], data: str | Path | None = None) -> Verdict:
    """Recheck a plan: a folder, a plan.json, or its content.

    `data` is the district's folder; without it the district of the plan's name is compared, if there is one in the
    working folder that the plan lies in, in the one that the command runs in, or among the bundled ones.
    What no recheck can work out again is the solver's word: the bounds, what the draws and the front found, and
    what was found for single years.

    Raises
    ------
    InputError, UsageError
        When the plan, or the folder named, cannot be read at all.
    """
    content = plan if isinstance(plan, Mapping) else read_plan(plan)
    around = () if isinstance(plan, Mapping) else Path(plan).resolve().parents
    findings: list[Finding] = []
    counted = _Counter()
    model = None
    try:
        district = district_of(content)
        # Causes before effects: the list of findings is cut.
        findings += _people(district, counted)
        findings += _origin(content)
        model = model_of(content["settings"], str(content["model"]), "settings", inputs_of(content, "model"))
        findings += _decided(content, district, model, counted)
        findings += _draws(content, district, model, counted)
        findings += _front(content, model, counted)
        findings += _years_alone(content, model)
        findings += _reached(content, district, model, counted)
    except AllocateError as error:
        findings.append(Finding("settings", str(error)))
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        RuntimeError,
        StopIteration,
        TypeError,
        ValueError,
    ) as error:
        # Whatever is missing or of the wrong kind in the file is a fault of the file, never of the reader.
        findings.append(Finding("plan", say("verify.broken", reason=f"{type(error).__name__}: {error}")))
        return Verdict(tuple(findings), (), counted.number)
    wrong, notes = _against_files(content, district, model, data, around, counted)
    return Verdict(tuple(wrong + findings)[:_MOST], tuple(notes), counted.number)


def insist(content: Mapping[str, Any]) -> None:
    """Recheck a plan that was just made.

    Raises
    ------
    AllocateError
        When anything is wrong; the plan must not be shown.
    """
    verdict = verify(content)
    if not verdict.sound:
        lines = "\n".join(f"  * {visible(finding.where)}: {finding.words}" for finding in verdict.findings[:10])
        raise AllocateError(say("verify.not_sound", lines=lines))


class _Counter:
    """Counts the figures compared."""

    def __init__(self) -> None:
        self.number = 0


def _origin(content: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what is no checksum of an input, and what is no version of a library."""
    for n, row in enumerate(content["inputs"]):
        if not row["path"] or re.fullmatch("[0-9a-f]{64}", row["sha256"]) is None:
            yield Finding(f"inputs[{n}]", say("verify.broken", reason=repr(row)))
    named = inputs_of(content, "district")
    lacking = [f"district · {CARD}"] if CARD not in named else []
    origins = content["district_data"].get("origins") or {name: {"file": file} for name, file in _CSV.items()}
    for table in _DISTRICT_TABLES:
        # (The file, without the sheet or layer in it; a table of a database is named as a whole.)
        file = origins.get(table, {}).get("file", table)
        if file not in named and file.partition(" · ")[0] not in named:
            lacking.append(f"district · {file}")
    # (A model's files bear any name.)
    lacking += [] if inputs_of(content, "model") else ["model"]
    for file in lacking:
        yield Finding("inputs", say("verify.no_input", file=file))
    for name, number in content["versions"].items():
        if not (isinstance(number, str) and number):
            yield Finding(f"versions.{name}", say("verify.broken", reason=repr(number)))


def _decided(content: Mapping[str, Any], district: District, model: Model, counted: _Counter) -> Iterator[Finding]:
    """Yield what cannot be, and every figure that does not follow from the decisions."""
    case = make_case(district, model)
    yield from _by_road(district, model, case, counted)
    unnamed = _unnamed(content, case, model)
    kept = [{"id": site, "year": case.years[0], "action": "keep"} for site in unnamed]
    layout = layout_of({**content, "sites": [*content["sites"], *kept]}, case)
    for breach in (*decisions.breaches(case, layout), *functions.unsaid(case, layout)):
        yield Finding("·".join(map(str, breach.about)), breach.sentence())
    for where, words in outgoing.wrong(case, list(model.planned().values()), layout):
        yield Finding(where, words)
    # (A rule on staff says nothing where a model decides its sites only.)
    for name, rule in model.planned().items():
        if rule.strength is Strength.PHYSICS:
            for breach in rule.breaches(case, layout):
                yield Finding(f"{name}·{'·'.join(map(str, breach.about))}", breach.sentence())
    bounds = {row["name"]: row["bound"] for row in content["stages"]}
    drawn, years_alone, front = content["draws"], content.get("nesting", ()), content.get("front", ())
    reached = content.get("isochrones", ())
    is_stopped = content.get(STOPPED) is True
    versions = content["versions"]
    again = assemble(
        district, model, case, layout, bounds, drawn, years_alone, versions, front, reached, stopped=is_stopped
    )
    # What a person adds to a finished plan follows from nothing in it.
    again |= {key: content[key] for key in _BY_HAND if isinstance(content.get(key), str)}
    again["sites"] = [row for row in again["sites"] if row["id"] not in unnamed]
    if _may_lack(content):
        then = {row["table"] for row in content["assumptions"]}
        again["assumptions"] = [
            row for row in again["assumptions"] if row["table"] in then or row["table"] not in _LATER_TABLES
        ]
    yield from _differences(content, again, "", counted, _may_lack(content))


def _by_road(district: District, model: Model, case: Case, counted: _Counter) -> Iterator[Finding]:
    """Yield times by road that nobody could keep to, and whom a plan with roads lets go straight without a word."""
    times = district.times
    if times is None:
        return
    wanted = modes_by_road(district, model) if case.places and case.sites else frozenset()
    if lacking := sorted(wanted - times.modes.keys()):
        yield Finding("road_times.modes", say("verify.differs", found=sorted(times.modes), wanted=lacking))
    for name, one in times.modes.items():
        where, roads = f"road_times.modes.{name}", model.modes[name].roads
        counted.number += len(one.seconds)
        keys = one.starts * len(times.spots) + one.ends
        ends = np.concatenate([one.starts, one.ends, np.array(one.off, dtype=np.int64)])
        if roads is None or ((ends < 0) | (ends >= len(times.spots))).any() or (np.diff(keys) <= 0).any():
            yield Finding(where, say("verify.broken", reason=name))
            continue
        metres = np.hypot(*(times.spots[one.starts] - times.spots[one.ends]).T)
        fastest = max(*roads.speeds.values(), roads.access_kmh)
        for n in np.flatnonzero(one.seconds < (metres - _AT_ENDS) * _ROUNDED * 3.6 / fastest).tolist():
            line = {"seconds": int(one.seconds[n]), "metres": round(float(metres[n])), "fastest": f"{fastest:g}"}
            yield Finding(f"{where}.{one.starts[n]}-{one.ends[n]}", say("verify.too_quick", **line))
        lost = times.index(np.vstack([case.place_spots, case.spots])) < 0 if name in wanted else np.zeros(0)
        if lost.any():
            codes = [*case.places, *(site.id for site in case.sites)]
            yield Finding(where, say("verify.no_spot", name=codes[int(lost.argmax())], count=int(lost.sum())))


def _unnamed(content: Mapping[str, Any], case: Case, model: Model) -> frozenset[str]:
    """Return the institutions that a plan of an earlier version does not name: they served nobody, and stay open.

    Versions before staff were decided knew no site of a kind that the circle does not count, such as hospitals.
    """
    if not _may_lack(content):
        return frozenset()
    named = {row["id"] for row in content["sites"]}
    counted = {*model.circles[model.circle].kinds, *model.siting}
    return frozenset(site.id for site in case.sites if site.exists and site.kind not in counted) - named


def _may_lack(content: Mapping[str, Any]) -> frozenset[str]:
    """Return the keys that a plan need not have: one of an earlier version cannot be blamed for lacking later ones."""
    return frozenset() if content["versions"]["allocate"] == __version__ else _LATER


def _differences(
    found: Any, wanted: Any, where: str, counted: _Counter, may_lack: frozenset[str] = frozenset()
) -> Iterator[Finding]:
    """Yield every place where two JSON values differ."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for key in [*wanted, *(key for key in found if key not in wanted)]:
            place = f"{where}.{key}" if where else str(key)
            if key in may_lack and not found.get(key):
                continue
            if key not in wanted or key not in found:
                yield Finding(place, say("verify.only_one"))
            else:
                yield from _differences(found[key], wanted[key], place, counted, may_lack)
    elif isinstance(wanted, list | tuple) and isinstance(found, list | tuple):
        if len(wanted) != len(found):
            yield Finding(where, say("verify.length", found=len(found), wanted=len(wanted)))
        for n, (mine, right) in enumerate(zip(found, wanted, strict=False)):
            yield from _differences(mine, right, f"{where}[{n}]", counted, may_lack)
    else:
        counted.number += 1
        if (type(found) is not type(wanted) and not (_is_number(found) and _is_number(wanted))) or found != wanted:
            yield Finding(where, say("verify.differs", found=repr(found), wanted=repr(wanted)))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _draws(content: Mapping[str, Any], district: District, model: Model, counted: _Counter) -> Iterator[Finding]:
    """Yield every draw that contradicts itself; what it found cannot be worked out again without a solver."""
    for n, draw in enumerate(content["draws"]):
        where = f"draws[{n}]"
        totals = _totals(district, model, model.seed + n)
        if draw["seed"] != model.seed + n:
            yield Finding(f"{where}.seed", say("verify.differs", found=draw["seed"], wanted=model.seed + n))
        for year, people in totals.items():
            counted.number += 2
            towns = sum(numbers[year] for numbers in draw["sites_by_town"].values())
            if towns != draw["sites"][year]:
                yield Finding(f"{where}.sites.{year}", say("verify.differs", found=draw["sites"][year], wanted=towns))
            share = round(draw["served"][year] / people, DIGITS)
            if share != draw["coverage"][year] or draw["served"][year] > people:
                yield Finding(
                    f"{where}.coverage.{year}",
                    say("verify.differs", found=draw["coverage"][year], wanted=share),
                )
        yield from _standing(draw, f"{where}.standing", list(totals)[-1], counted)
        gap = shown_gap(draw["value"], draw["bound"])
        if gap != draw["gap"] or draw["bound"] > draw["value"]:
            yield Finding(f"{where}.gap", say("verify.differs", found=draw["gap"], wanted=gap))
    # (Who stopped the search wanted a plan soon: then there are none, and the plan says why.)
    wanted = model.draws if district.has_estimates else 0
    is_left_out = content.get(STOPPED) is True and not content["draws"]
    if len(content["draws"]) != wanted and not is_left_out:
        yield Finding("draws", say("verify.length", found=len(content["draws"]), wanted=wanted))


def _standing(draw: Mapping[str, Any], where: str, last: str, counted: _Counter) -> Iterator[Finding]:
    """Yield a list of sites that are not as many as the draw has in its last year, or one that names a site twice."""
    standing = draw.get("standing")
    if standing is not None:
        counted.number += 1
        if standing != sorted(set(standing)) or len(standing) != draw["sites"][last]:
            yield Finding(where, say("verify.length", found=len(standing), wanted=draw["sites"][last]))


def _totals(district: District, model: Model, seed: int) -> dict[str, int]:
    """Return the people of a draw's district by year [persons]."""
    # (Where towns grow at rates of their own, it matters in which of them people were drawn.)
    drawn = redraw(district, seed) if model.population and model.population.method == "growth" else district
    found = project(drawn, model.population, model.years)
    return {str(year): found.total(t) for t, year in enumerate(model.years)}


_POINT = {
    *("point", "points", "target", "cost", "bound", "gap", "proven", "people", "served", "share", "sites"),
    *("missed", "without"),
}


def _front(content: Mapping[str, Any], model: Model, counted: _Counter) -> Iterator[Finding]:
    """Yield every point of the front that contradicts itself, its neighbours or the plan."""
    ledger = [row for row in content["ledger"] if row["scope"] == "district"]
    people = {str(row["year"]): row["people"] for row in ledger}
    off = [name for name, rule in model.planned().items() if isinstance(rule, Reach)]
    front = content.get("front", ())
    for n, point in enumerate(front):
        where, before = f"front[{n}]", front[n - 1] if n else None
        for key in sorted(_POINT ^ set(point)):
            yield Finding(f"{where}.{key}", say("verify.only_one"))
        served, gap = point["served"], shown_gap(point["cost"], point["bound"])
        everybody, reached = (
            sum(numbers[year] * span for year, span in zip(people, spans(model.years), strict=True))
            for numbers in (people, served)
        )
        wanted: dict[str, Any] = {
            "people": people,
            "served": {year: min(served[year], most) for year, most in people.items()},
            "share": round(reached / everybody, DIGITS) if everybody else 0.0,
            "gap": gap,
            "proven": gap <= OPTIMAL_GAP,
            "points": front[0]["points"],
            "without": off,
            "missed": [name for name in point["missed"] if name in model.planned() and name not in off],
            "target": {year: min(max(point["target"][year], 0), 1) for year in people},
        }
        for key, right in wanted.items():
            counted.number += 1
            if point[key] != right:
                yield Finding(f"{where}.{key}", say("verify.differs", found=repr(point[key]), wanted=repr(right)))
        for key, low, high in (("point", 1, point["points"]), ("bound", 0, point["cost"])):
            if not low <= point[key] <= high:
                yield Finding(f"{where}.{key}", say("verify.differs", found=point[key], wanted=high))
        counts = {f"served.{year}": number for year, number in served.items()}
        for key, number in (counts | {key: point[key] for key in ("cost", "sites", "point")}).items():
            if type(number) is not int or number < 0:
                yield Finding(f"{where}.{key}", say("verify.differs", found=repr(number), wanted=0))
        # Each serves more than the one before and costs more: none is worse than another in both.
        for key in ("cost", "share", "point"):
            if before and point[key] <= before[key]:
                yield Finding(f"{where}.{key}", say("verify.not_rising", found=point[key], before=before[key]))


def _years_alone(content: Mapping[str, Any], model: Model) -> Iterator[Finding]:
    """Yield where what was found for the years by themselves contradicts itself; the rest is the solver's word."""
    rows = content.get("nesting", ())
    if not rows and ("nesting" in _may_lack(content) or content.get(STOPPED) is True):
        return
    wanted = list(model.years) if len(model.years) > 1 else []
    found = [row["year"] for row in rows]
    if found != wanted:
        yield Finding("nesting", say("verify.differs", found=found, wanted=wanted))
    for n, row in enumerate(rows):
        for key in ("sites_alone", "yearly_cost_alone"):
            if not isinstance(row[key], int) or isinstance(row[key], bool) or row[key] < 0:
                yield Finding(f"nesting[{n}].{key}", say("verify.broken", reason=repr(row[key])))
        if row["bound_alone"] > row["value_alone"]:
            reason = say("verify.differs", found=row["bound_alone"], wanted=row["value_alone"])
            yield Finding(f"nesting[{n}].bound_alone", reason)


def _reached(content: Mapping[str, Any], district: District, model: Model, counted: _Counter) -> Iterator[Finding]:
    """Yield areas by road that cannot be, or leave out a place that the plan says a road leads to in time."""
    rows, case = content.get("isochrones", ()), make_case(district, model)
    if not rows and "isochrones" in _may_lack(content):
        return
    modes = common_by_road(district, model, case) if model.circles[model.circle].seconds is not None else []
    if {row["mode"] for row in rows if row["year"] == case.years[0]} != set(modes):
        yield Finding("isochrones", say("verify.differs", found=sorted({row["mode"] for row in rows}), wanted=modes))
    if len({(row["mode"], row["year"]) for row in rows}) != len(rows):
        yield Finding("isochrones", say("verify.broken", reason="mode, year"))
    levels = model.circles[model.circle].levels
    # (Who has a rarer mode may get farther; the areas are everybody's.)
    common = list(levels[0].modes) if levels else None
    areas = {}
    for n, row in enumerate(rows):
        counted.number += 1
        areas[n] = shape(row["geometry"])
        sound = row["mode"] in modes and row["year"] in case.years and areas[n].geom_type == "MultiPolygon"
        if not (sound and areas[n].is_valid):
            yield Finding(f"isochrones[{n}]", say("verify.broken", reason=f"{row['mode']}, {row['year']}"))
    spots = {place.id: (place.lon or 0.0, place.lat or 0.0) for place in district.places}
    # (Areas end at the boundary, whoever lives beyond it.)
    ground = (
        shape(dict(district.boundary)).buffer(-_SAME_EDGE) if district.boundary else shapely.box(-180, -90, 180, 90)
    )
    for year in case.years:
        latest = {row["mode"]: n for n, row in enumerate(rows) if row["year"] <= year}
        whole = shapely.union_all([areas[n] for n in latest.values()])
        told = [row for row in content["places"] if row["year"] == year and row.get("how") == "network"]
        told = [row for row in told if row.get("modes") in (None, common)]
        told = [row for row in told if ground.contains(shapely.Point(spots[row["id"]]))]
        counted.number += len(told)
        inside = shapely.contains_xy(whole, np.array([spots[row["id"]] for row in told], dtype=float).reshape(-1, 2))
        for row in (row for row, held in zip(told, inside.tolist(), strict=True) if not held):
            yield Finding(f"isochrones.{year}", say("verify.not_in_reach", place=row["id"]))


def _people(district: District, counted: _Counter) -> Iterator[Finding]:
    """Yield totals that the places do not add up to; what some place does not know has no sum."""
    for column, indicator in TOTALS.items():
        fact = district.facts.get(indicator)
        numbers = [getattr(place, column) for place in district.places]
        counted.number += 1
        if fact is not None and None not in numbers and fact.value != sum(numbers):
            yield Finding(f"district_data.{indicator}", say("verify.differs", found=sum(numbers), wanted=fact.value))


def _against_files(
    content: Mapping[str, Any],
    district: District,
    model: Model | None,
    data: str | Path | None,
    around: Iterable[Path],
    counted: _Counter,
) -> tuple[list[Finding], list[str]]:
    """Compare the district that the plan carries with the files that it was read from.

    A folder that a person names is compared whatever has changed in it; one that only has the right name is compared
    where it is the one that the plan was made from.
    """
    if data is not None:
        now = read_district(data)
    else:
        found_now = list(_namesakes(str(district.id), around))
        if not found_now:
            return [], [say("verify.no_inputs", district=district.id)]
        same = [one for one in found_now if dict(one.inputs) == dict(district.inputs)]
        if not same:
            return [], [say("verify.inputs_changed", district=district.id)]
        now = same[0]
    wanted = district_data(now)
    found = list(_differences(content["district_data"], wanted, "district_data", counted, _may_lack(content)))
    found += _made_again(content, now, model, counted)
    # (A plan that was just made was made from these roads.)
    if not found and model is not None and (data is not None or around):
        found = list(_along_roads(content, now, model, counted))
    return found, []


def _made_again(content: Mapping[str, Any], now: District, model: Model | None, counted: _Counter) -> Iterator[Finding]:
    """Yield where candidates are not those that the files give: of layers and generated ones a plan says only what came
    of them, and nothing to work them out again from.
    """
    rows = content.get("candidates", ())
    if model is None or not (now.layers or content.get("dropped") or any(row["from"] != "places" for row in rows)):
        return
    try:
        made = candidate_tables(now, make_case(now, model))
    except AllocateError as error:
        yield Finding("candidates", str(error))
        return
    for name in MADE:
        wanted: Any = json.loads(json.dumps(made[name]))
        yield from _differences(content.get(name, []), wanted, name, counted)


def _along_roads(content: Mapping[str, Any], now: District, model: Model, counted: _Counter) -> Iterator[Finding]:
    """Yield times and areas by road that the roads do not give."""
    if now.roads is None or ("road_times" in _may_lack(content) and not content.get("road_times")):
        return
    case = make_case(now, model)
    wanted = None if case.roads is None else case.roads.plain()
    yield from _differences(content["road_times"], wanted, "road_times", counted)
    again = isochrones(now, model, case, layout_of(content, case))
    rows = content.get("isochrones", ())
    if [(row["mode"], row["year"]) for row in rows] != [(row["mode"], row["year"]) for row in again]:
        yield Finding("isochrones", say("verify.length", found=len(rows), wanted=len(again)))
        return
    for n, (row, right) in enumerate(zip(rows, again, strict=True)):
        counted.number += 1
        one, other = shape(row["geometry"]), shape(right["geometry"])
        # (Libraries of other versions round elsewhere: what is nearer than what simplifying may change is the same.)
        if not (one.buffer(_SAME_EDGE).covers(other) and other.buffer(_SAME_EDGE).covers(one)):
            yield Finding(f"isochrones[{n}]", say("verify.differs", found=one.area, wanted=other.area))


def _namesakes(name: str, around: Iterable[Path]) -> Iterator[District]:
    """Yield the districts of a name that can be read, those around a plan first, the nearest at the head."""
    folders = [folder / "data" / name for folder in around if is_file(folder / "data" / name / CARD)]
    with suppress(UsageError):
        folders.append(find_district(name))
    for folder in folders:
        try:
            yield read_district(folder)
        except InputError:
            continue
