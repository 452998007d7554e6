"""A plan as the page reads it: columns instead of rows, positions in lists instead of ids."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import shapely

from allocate.areas import Areas
from allocate.compared import BEST_FIRST
from allocate.draw.belonging import belong, belonging
from allocate.draw.cells import (
    BASES,
    Columns,
    Index,
    Row,
    append_row,
    as_basis,
    as_number,
    as_plain,
    as_text,
    as_whole,
    by_text,
    in_both,
    in_words,
    rows_of,
)
from allocate.draw.figures import figures
from allocate.draw.sending import Known, called, sending
from allocate.draw.spots import signers, spots
from allocate.draw.today import TODAY, today
from allocate.draw.worth import worth
from allocate.report.candidate_tables import layer_names, say_reasons
from allocate.report.sheets import REASONED
from allocate.report.summary import from_openstreetmap, say_grounds
from allocate.travel.circles import Doubt
from allocate.travel.links import HOW
from allocate.units import FIRM
from allocate.words import LANGUAGES

# From best to worst: a place in several states is drawn in the last of them.
STATUSES = (*BEST_FIRST, "unknown")
# Among the rows of one site and year, the last one says how the site is drawn.
ACTIONS = ("keep", "move", "upgrade", "open", "merge", "close")

DEGREE_DIGITS = 5  # about a metre
# How much of a line may be straightened [°]: some tens of metres, less than is seen at the nearest zoom of a district.
TOWN_TOLERANCE, REACH_TOLERANCE = 0.0006, 0.0003
# …and of areas along roads, where the other bank of a river is near [°].
ROAD_TOLERANCE = 0.0001
LEAST_HOLE = 2e-6  # [° × °]: some 140 m wide; a smaller one would be a speck
# What areas follow from: a plan that lacks any of it is drawn without them.
NEEDED = ("years", "places", "sites", "settings")
NEEDED_OF_DISTRICT = ("epsg", "boundary", "places", "towns")
WHOLE_DISTRICT = ("", "district", "all", "total")


def compact(plan: Row) -> dict[str, Any]:
    """Return what the page needs of a plan, in a form whose JSON depends on nothing but the plan."""
    district: Row = plan.get("district_data") or {}
    years = sorted({number for year in plan.get("years") or () if (number := as_whole(year)) is not None})
    towns, places, marks = Index(), Index(), Index()
    town_columns = _towns(district, towns)
    place_columns = _places(district, places, towns)
    mark_columns = _marks(plan, district, marks, towns)
    rows = _rows(plan, places, marks, years)
    resources = Index()
    staff = _staff(plan, marks, resources)
    known = Known(places, towns, marks, resources)
    sent, belongs = sending(plan, years, known), belonging(plan, years, known)
    for unnamed in list(places.position)[len(place_columns["id"]) :]:
        append_row(place_columns, _place({"id": unnamed, "town": None}, towns))
    for code in list(towns.position)[len(town_columns["name"]) :]:
        append_row(town_columns, {"name": code, "lon": None, "lat": None})
    return {
        "model": as_text(plan.get("model")),
        "title": in_both(plan.get("title") or plan.get("model")),
        "district": in_both(district.get("name") or plan.get("district")),
        "datum": as_text(district.get("datum")),
        "as_of": as_text(plan.get("as_of")),
        "approval": as_text(plan.get("map_approval_number")),
        "years": years,
        "outcome": as_text(plan.get("outcome")),
        "gap": as_number(plan.get("gap")),
        "stages": _stages(plan),
        "statuses": list(STATUSES),
        "bases": [str(basis) for basis in BASES],
        "boundary": _boundary(district.get("boundary")),
        "areas": _areas(plan, district, towns),
        "circle": in_both(_circle(plan, as_text((plan.get("settings") or {}).get("circle")))),
        "by_road": bool(plan.get("isochrones")),
        **_reach_by(plan),
        "cost_basis": _cost_basis(plan),
        "towns": town_columns,
        "places": place_columns,
        "marks": mark_columns,
        # Why new sites may stand where they do, by mark; nothing of those that just stand in the middle of a place.
        "kept": _kept(plan, district, marks),
        # Kinds that the plan sites, which draws count; without them, nobody knows which sites are hubs.
        "siting": _siting(plan),
        # What everybody's and everything's count is called, and whether today's was assumed; who works where by year.
        "resources": [_resource(name, plan) for name in resources.position],
        "staff": staff,
        "rows": rows,
        "today": today(plan, towns, STATUSES),
        # Who would lose without a site, and where else it could stand.
        **worth(plan, known),
        **sent,
        **belongs,
        **spots(plan, years, known),
        **figures(plan, years, towns),
        "expected": _expected(plan, district, years),
        "coverage": _coverage(plan, district, years),
        "doubt": _doubt(plan),
        "clauses": _clauses(plan),
        "draws": _draws(plan, years, towns),
        "estimates": _estimates(district, plan, place_columns),
        "ways_by": _ways_by(plan, years),
        "openstreetmap": from_openstreetmap(plan),
    }


def centre(boundary: Any, places: Columns) -> tuple[float, float]:
    """Return a latitude and longitude [°] in the middle of what is drawn."""
    polygons = boundary["coordinates"] if boundary else []
    spots = [spot for rings in polygons for ring in rings for spot in ring] or [
        [lon, lat] for lon, lat in zip(places["lon"], places["lat"], strict=True) if lon is not None
    ]
    if not spots:
        return 39.3, 117.3
    lons, lats = [spot[0] for spot in spots], [spot[1] for spot in spots]
    return (min(lats) + max(lats)) / 2, (min(lons) + max(lons)) / 2


def _towns(district: Row, towns: Index) -> Columns:
    columns: Columns = {"name": [], "lon": [], "lat": []}
    for town in rows_of(district.get("towns")):
        known = len(towns.position)
        if towns.of(town.get("id")) == known:
            append_row(columns, {"name": as_text(town.get("name")), **_position(town)})
    return columns


def _place(place: Row, towns: Index) -> dict[str, Any]:
    return {
        "id": as_text(place.get("id")),
        "name": as_text(place.get("name") or place.get("short_name") or place.get("id")),
        "kind": as_text(place.get("kind")),
        "town": towns.of(place["town"]) if place.get("town") is not None else -1,
        "people": as_whole(place.get("people")),
        "people_basis": as_basis(place.get("people_basis")),
        "position_basis": as_basis(place.get("position_basis")),
        **_position(place),
    }


def _places(district: Row, places: Index, towns: Index) -> Columns:
    columns: Columns = {key: [] for key in _place({"id": "", "town": None}, towns)}
    for place in rows_of(district.get("places")):
        known = len(places.position)
        if places.of(place.get("id")) == known:
            append_row(columns, _place(place, towns))
    return columns


def _marks(plan: Row, district: Row, marks: Index, towns: Index) -> Columns:
    """Return sites of the plan, then the other institutions, each once, with its actions by year."""
    actions: dict[int, list[Row]] = defaultdict(list)
    institutions = {as_text(row.get("id")): row for row in rows_of(district.get("institutions"))}
    for site in rows_of(plan.get("sites")):
        actions[marks.of(site.get("id"))].append(site)
    planned = len(marks.position)
    others = [row["served_by"] for row in rows_of(plan.get("places")) if row.get("served_by") is not None]
    for code in (*institutions, *others, *called(plan), *belong(plan), *signers(plan)):
        marks.of(code)
    columns: Columns = {key: [] for key in ("id", "name", "kind", "town", "lon", "lat", "basis", "source", "actions")}
    for code, at in marks.position.items():
        rows, known = sorted(actions[at], key=_moment), institutions.get(code, {})
        row = rows[-1] if rows else known
        name = row.get("name") or known.get("name") or code
        town = row.get("town", known.get("town"))
        mark = {
            "id": code,
            "name": as_text(name),
            "kind": as_text(row.get("kind")),
            "town": towns.of(town) if town is not None else -1,
            "basis": as_basis(row.get("basis") or row.get("position_basis")),
            "source": as_text(known.get("source")),
            "actions": [_action(step, marks) for step in rows] if at < planned else None,
            **_position(row),
        }
        append_row(columns, mark)
    return columns


def _kept(plan: Row, district: Row, marks: Index) -> dict[str, dict[str, str]]:
    """Return where new sites come from and why they may stand there, in both languages, by position of the mark."""
    places = {as_text(row.get("id")): as_text(row.get("name")) for row in rows_of(district.get("places"))}
    layers = rows_of(district.get("layers"))
    found: dict[str, dict[str, str]] = {}
    for row in rows_of(plan.get("candidates")):
        at, reasons = marks.known(row.get("id")), rows_of(row.get("kept"))
        # (A plan that somebody wrote may give reasons that nobody knows.)
        with suppress(LookupError, TypeError, ValueError):
            if at >= 0 and any(reason["code"] != "place" for reason in reasons):
                found[str(at)] = {
                    language: say_reasons(reasons, layer_names(layers, language), places, language)
                    for language in LANGUAGES
                }
    return found


def _moment(site: Row) -> tuple[int, int]:
    action = as_text(site.get("action"))
    rank = ACTIONS.index(action) if action in ACTIONS else 0
    return as_whole(site.get("year")) or 0, rank


def _action(site: Row, marks: Index) -> dict[str, Any]:
    return {
        "year": as_whole(site.get("year")),
        "action": as_text(site.get("action")),
        # A parent that is no mark is shown by the text that names it.
        "parent": at if (at := marks.known(site.get("parent"))) >= 0 else as_text(site.get("parent")),
        # People by year who would have no other open site within their circle.
        "alone": {
            as_text(year): as_whole(people) for year, people in sorted(by_text(site.get("only_site_of")).items())
        },
        "cost": as_plain(site.get("cost")),
        **_position(site),
    }


def _staff(plan: Row, marks: Index, resources: Index) -> dict[str, dict[str, list[list[Any]]]]:
    """Return, by position of the site and by year, how many of each resource it has, in the order of the model."""
    for row in rows_of(plan.get("stock")):
        resources.of(row.get("resource"))
    found: dict[str, dict[str, list[list[Any]]]] = {}
    for site in rows_of(plan.get("sites")):
        at = str(marks.of(site.get("id")))
        for year, there in sorted(by_text(site.get("staff")).items()):
            if numbers := by_text(there):
                found.setdefault(at, {})[year] = sorted(
                    [resources.of(name), as_plain(n)] for name, n in numbers.items()
                )
    return found


def _resource(name: str, plan: Row) -> list[Any]:
    """Return what a resource is called, and whether the plan assumes how many there are today."""
    rows = (row for row in rows_of(plan.get("stock")) if as_text(row.get("resource")) == name)
    is_assumed = any(row.get("basis") == "assumed" and row.get("number") is not None for row in rows)
    return [in_words("term", name), is_assumed]


def _rows(plan: Row, places: Index, marks: Index, years: Sequence[int]) -> dict[str, Columns]:
    """Return how every place is served by year, and, where the plan says so, by what stands today."""
    keys = ("place", "status", "people", "mark", "minutes")
    before = rows_of(plan.get("places_today")) if years else []
    names = [*map(str, years), *([TODAY] if before else [])]
    rows: dict[str, Columns] = {name: {key: [] for key in keys} for name in names}
    told = [(str(as_whole(row.get("year"))), row) for row in rows_of(plan.get("places"))]
    for name, row in (*told, *((TODAY, row) for row in before)):
        columns = rows.get(name)
        if columns is None:
            continue
        status = as_text(row.get("status"))
        minutes = as_number(row.get("minutes"))
        columns["place"].append(places.of(row.get("id")))
        columns["status"].append(STATUSES.index(status if status in STATUSES else "unknown"))
        columns["people"].append(as_whole(row.get("people")) or 0)
        columns["mark"].append(marks.known(row.get("served_by")))
        columns["minutes"].append(None if minutes is None else round(minutes, 1))
    return rows


def _expected(plan: Row, district: Row, years: Sequence[int]) -> dict[str, int | None]:
    """Return the residents that the rows of a year must add up to: the ledger's, else the district's."""
    everybody = [as_whole(place.get("people")) for place in rows_of(district.get("places"))]
    known = [people for people in everybody if people is not None]
    expected: dict[str, int | None] = {str(year): sum(known) if known else None for year in years}
    for line in rows_of(plan.get("ledger")):
        year = str(as_whole(line.get("year")))
        if year in expected and _whole_district(line, plan, district):
            expected[year] = as_whole(line.get("people"))
    return expected


def _whole_district(line: Row, plan: Row, district: Row) -> bool:
    names = (*WHOLE_DISTRICT, as_text(plan.get("district")), as_text(district.get("id")))
    return as_text(line.get("scope")) in names


def _coverage(plan: Row, district: Row, years: Sequence[int]) -> dict[str, list[list[Any]]]:
    found: dict[str, list[list[Any]]] = {str(year): [] for year in years}
    for line in rows_of(plan.get("coverage")):
        year = str(as_whole(line.get("year")))
        if year in found and _whole_district(line, plan, district):
            numbers = [as_number(line.get(key)) for key in ("people", "covered", "share")]
            before = line.get("today")
            today = None
            if isinstance(before, Mapping):
                today = [*(as_number(before.get(key)) for key in ("covered", "share")), _range(before)]
            found[year].append([in_both(_circle(plan, as_text(line.get("preset")))), *numbers, today, _range(line)])
    return found


def _doubt(plan: Row) -> float:
    """Return by which share speeds may be lower or higher."""
    settings = plan.get("settings")
    travel = settings.get("travel") if isinstance(settings, Mapping) else None
    doubt = as_number(travel.get("doubt")) if isinstance(travel, Mapping) else None
    return Doubt().doubt if doubt is None else doubt


def _range(part: Row) -> list[Any] | None:
    """Return how many people a circle covers at lower and at higher speeds; nothing where that is the same."""
    ends = [part.get(how) for how in ("slower", "faster")]
    numbers = [as_number(end.get("covered")) for end in ends if isinstance(end, Mapping)]
    return numbers if len(set(numbers)) == len(ends) else None


def _stages(plan: Row) -> list[list[Any]]:
    """Return the gap of every stage by its name; the two stages of a strength count as one, by their larger gap."""
    gaps: dict[str, float] = {}
    for line in rows_of(plan.get("stages")):
        name, gap = as_text(line.get("name")).split(".")[0], as_number(line.get("gap"))
        if gap is not None:
            gaps[name] = max(gap, gaps.get(name, 0.0))
    return [[in_words("stage", name), gap] for name, gap in gaps.items()]


def _circle(plan: Row, preset: str) -> Any:
    """Return a circle's name, or its code where the plan does not name it."""
    circles = (plan.get("settings") or {}).get("circles") or {}
    circle = circles.get(preset) or {}
    return circle.get("name") or preset


def _reach_by(plan: Row) -> dict[str, list[Any]]:
    """Return by which ways to travel the reach is drawn, where not everybody has all of the circle."""
    settings = by_text(plan.get("settings"))
    circle = by_text(by_text(settings.get("circles")).get(as_text(settings.get("circle"))))
    modes = by_text(settings.get("modes"))
    common = [mode for mode, share in by_text(circle.get("shares")).items() if share == 1]
    named = {mode: by_text(modes.get(mode)).get("name") or mode for mode in common}
    return {"reach_by": [in_both(name) for name in named.values()]} if named else {}


def _siting(plan: Row) -> list[str] | None:
    siting = (plan.get("settings") or {}).get("siting")
    return sorted(map(as_text, siting)) if siting else None


def _clauses(plan: Row) -> list[dict[str, Any]]:
    """Return the scorecard: each line with its year, or none, and its texts in both languages."""
    return [_clause(line) for line in rows_of(plan.get("scorecard"))]


def _clause(line: Row) -> dict[str, Any]:
    unit, short = as_text(line.get("unit")), as_text(line.get("shortfall_unit"))
    percent = 100 if unit == "share" else 1
    causes = line.get("causes") or ()
    asked, strength = as_text(line.get("document_strength")), as_text(line.get("strength"))
    return {
        **{key: as_text(line.get(key)) for key in ("rule", "clause", "at", "label", "sense", "status", "quote")},
        **{key: _times(as_plain(line.get(key)), percent) for key in ("target", "today", "value")},
        "year": as_whole(line.get("year")),
        "document": in_both(line.get("document_name") or line.get("document")),
        "draft": line.get("document_status") == "draft",
        "strength": strength,
        # The document's own strength, where the model gives another.
        "changed": asked if strength and asked != strength else "",
        "indicator": in_words("", as_text(line.get("indicator"))),
        "says": in_both(line.get("says")),
        "why": _why(line),
        "reading": in_both(line.get("note")),
        "unit": in_words("unit", unit),
        "shortfall": as_plain(line.get("shortfall")),
        "short_unit": in_words("unit", short or unit),
        "rests_on": {language: say_grounds(line, language) for language in LANGUAGES},
        "causes": [as_text(causes)] if isinstance(causes, str) else [_cause(cause) for cause in causes],
    }


def _why(line: Row) -> dict[str, str]:
    """Return why a line has its status: the clause's own reason, where it has one, stands for ours."""
    why = as_text(line.get("why"))
    own = line.get("reason") if why in REASONED else None
    return in_both(own) if own else in_words("", why)


def _times(value: Any, factor: int) -> Any:
    return value * factor if isinstance(value, int | float) and not isinstance(value, bool) else value


def _cause(cause: Any) -> str:
    return as_text(cause.get("name") or cause.get("id")) if isinstance(cause, Mapping) else as_text(cause)


def _draws(plan: Row, years: Sequence[int], towns: Index) -> dict[str, Any] | None:
    draws = rows_of(plan.get("draws"))
    if not draws:
        return None
    by_town: dict[str, dict[str, list[float]]] = {str(year): {} for year in years}
    for code in {as_text(town) for draw in draws for town in draw.get("sites_by_town") or {}}:
        at = towns.known(code)
        for year in by_town if at >= 0 else ():
            of_town = [by_text(draw.get("sites_by_town")).get(code) for draw in draws]
            if reach := _reach(_of_year(numbers, year) for numbers in of_town):
                by_town[year][str(at)] = reach
    return {
        "count": len(draws),
        "cost": _reach(draw.get("cost") for draw in draws),
        "sites": {str(y): _reach(_of_year(draw.get("sites"), str(y)) for draw in draws) for y in years},
        "coverage": {str(y): _reach(_of_year(draw.get("coverage"), str(y)) for draw in draws) for y in years},
        "towns": by_town,
    }


def _of_year(numbers: Any, year: str) -> Any:
    """Return a year's number; a plan in memory counts years as numbers, its JSON as text."""
    return by_text(numbers).get(year) if isinstance(numbers, Mapping) else None


def _reach(values: Iterable[Any]) -> list[float] | None:
    numbers = [number for value in values if (number := as_number(value)) is not None]
    return [min(numbers), max(numbers)] if numbers else None


def _estimates(district: Row, plan: Row, places: Columns) -> dict[str, Any]:
    """Return how many positions and people figures nobody has measured, of how many."""
    named = len(rows_of(district.get("places")))
    site_basis = {as_text(row.get("id")): as_basis(row.get("basis")) for row in rows_of(plan.get("sites"))}
    return {
        "positions": [_soft(places["position_basis"][:named]), named],
        "people": [_soft(places["people_basis"][:named]), named],
        "sites": [_soft(site_basis.values()), len(site_basis)],
        "missing": sum(lon is None for lon in places["lon"]),
        "tables": [
            [
                in_words("counted", as_text(line.get("table")).replace(".", "_")),
                as_basis(line.get("basis")),
                as_whole(line.get("rows")),
            ]
            for line in rows_of(plan.get("assumptions"))
        ],
    }


def _ways_by(plan: Row, years: list[int]) -> dict[str, Any]:
    """Return, for every year, what the times of how many people who are served were worked out from."""
    people: dict[int, Counter[str]] = {year: Counter() for year in years}
    for row in rows_of(plan.get("places")):
        number, how, year = as_whole(row.get("people")), as_text(row.get("how")), as_whole(row.get("year"))
        if row.get("status") == "served" and how in HOW and year in people:
            people[year][how] += number or 0
    return {str(year): [[how, counts[how]] for how in reversed(HOW) if counts[how]] for year, counts in people.items()}


def _soft(bases: Iterable[int]) -> int:
    firm = {BASES.index(basis) for basis in FIRM}
    return sum(basis not in firm for basis in bases)


def _cost_basis(plan: Row) -> int:
    """Return the weakest basis among the lines of the budget, on which every site's cost rests as well."""
    return max((as_basis(line.get("basis")) for line in rows_of(plan.get("budget"))), default=BASES.index("unknown"))


def _areas(plan: Row, district: Row, towns: Index) -> dict[str, dict[str, Columns]]:
    """Return the areas of towns by position, and the reach of every year that differs from the year before.

    There is none where the plan lacks what they follow from.
    """
    of_plan = all(plan.get(key) for key in NEEDED) and plan["settings"].get("circles")
    if not of_plan or not all(district.get(key) for key in NEEDED_OF_DISTRICT):
        return {"towns": {}, "reach": {}}
    areas = Areas(plan)
    grounds = {code: shape for code, shape in areas.towns().items() if not shape.is_empty}
    # Neighbours are simplified together, so that they stay neighbours.
    drawn = shapely.coverage_simplify(list(grounds.values()), TOWN_TOLERANCE)
    tolerance = ROAD_TOLERANCE if plan.get("isochrones") else REACH_TOLERANCE
    reach: dict[str, Columns] = {}
    before: Columns | None = None
    for year, shape in sorted(areas.reach().items()):
        rings = _rings(shapely.simplify(shape, tolerance))
        if rings != before:
            reach[str(year)] = before = rings
    towns_drawn = {str(towns.known(code)): _rings(shape) for code, shape in zip(grounds, drawn, strict=True)}
    return {"towns": towns_drawn, "reach": reach}


def _rings(shape: Any) -> Columns:
    """Return every ring of an area: how many corners it has, and their positions one after another [°]."""
    polygons = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon"]
    rings = [ring for part in polygons for ring in (part.exterior, *filter(_is_seen, part.interiors))]
    spots = [spot for ring in rings for spot in list(ring.coords)[:-1]]
    return {
        "corners": [len(ring.coords) - 1 for ring in rings],
        "lon": [_degrees(spot[0]) for spot in spots],
        "lat": [_degrees(spot[1]) for spot in spots],
    }


def _is_seen(hole: shapely.LinearRing) -> bool:
    return bool(shapely.Polygon(hole).area > LEAST_HOLE)


def _boundary(geometry: Any) -> dict[str, Any] | None:
    """Return a polygon, or several, with rounded coordinates; None if there is none."""
    if not isinstance(geometry, Mapping) or geometry.get("type") not in ("Polygon", "MultiPolygon"):
        return None
    parts = geometry["coordinates"]
    polygons = [parts] if geometry["type"] == "Polygon" else parts
    rounded = [[[[_degrees(spot[0]), _degrees(spot[1])] for spot in ring] for ring in rings] for rings in polygons]
    return {"type": "MultiPolygon", "coordinates": rounded} if rounded else None


def _position(row: Row) -> dict[str, float | None]:
    lon, lat = as_number(row.get("lon")), as_number(row.get("lat"))
    if lon is None or lat is None or abs(lon) > 180 or abs(lat) > 85:
        return {"lon": None, "lat": None}
    return {"lon": _degrees(lon), "lat": _degrees(lat)}


def _degrees(value: float) -> float:
    return round(float(value), DEGREE_DIGITS)
