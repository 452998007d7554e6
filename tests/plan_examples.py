"""Synthetic plans: the content of a plan.json that no solver has seen."""

import copy
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

YEARS = (2025, 2030)
# Status of each place by year: enough of each kind to tell them apart on the map.
_STATUS_BY_TURN = (
    ("served", "served"),
    ("out_of_range", "served"),
    ("rounds", "served"),
    ("no_capacity", "served"),
    ("served", "served"),
    ("out_of_range", "rounds"),
    ("served", "served"),
    ("posted", "out_of_range"),
)

# What a text may hold that a page must show and never obey.
HOSTILE_TEXTS = (
    "{{7*191}}",
    "{% x %}{# y #}",
    "<img src=x onerror=window.PWN=1>",
    "</script><script>window.PWN=1</script>",
    "<!--<script>window.PWN=1//",
    "${window.PWN=1}",
    "`${window.PWN=1}`",
    "\"'><svg onload=window.PWN=1>",
    "';window.PWN=1;//",
    "&lt;img src=x onerror=window.PWN=1&gt; &amp;",
    "javascript:window.PWN=1",
    "\u202eright to left\u202c \u200f\u2066marks\u2069",
    "line\u2028and\u2029paragraph\nbreak\ttab",
    "half a character \ud83d and a zero \x00 byte",
    "]]>--><base href=//example.invalid><link rel=stylesheet href=//example.invalid>",
    "__proto__",
    "{year} {title} {name} \\1 \\g<0> $&",
    "长" * 40_000,
)


def small_plan() -> dict[str, Any]:
    """Return a plan of a district with three towns, forty places and nine sites, for two years."""
    towns = [_town(number) for number in range(3)]
    places = [_place(number, towns) for number in range(40)]
    sites, hubs = _sites(towns), _institutions(towns)
    rows = [row for year in YEARS for place in places for row in _rows(place, year, sites)]
    people = sum(place["people"] for place in places)
    rounds = [row for year in YEARS for row in _rounds(rows, year)]
    return {
        "model": "example",
        "district": "example",
        "title": {"zh": "示例区卫生服务点布局规划", "en": "Layout of health sites in the example district"},
        "as_of": "2024-12-26",
        "years": list(YEARS),
        "outcome": "feasible",
        "gap": 0.0123,
        "stages": [
            {"name": "must", "value": 0.0, "bound": 0.0, "gap": 0.0, "tolerance": 1e-6, "unit": "share"},
            {"name": "cost", "value": 100.0, "bound": 98.8, "gap": 0.0123, "tolerance": 0.1, "unit": "yuan"},
        ],
        "draws": [_draw(seed, towns) for seed in range(20)],
        "scorecard": _scorecard(),
        "places": rows,
        "sites": sites,
        "ledger": [{"scope": "district", "year": year, "people": people, **_by_status(rows, year)} for year in YEARS],
        "coverage": [_coverage(rows, year) for year in YEARS],
        "stock": [
            {"resource": "gps", "number": 4, "basis": "surveyed", "at": {}},
            {"resource": "nurses", "number": 6, "basis": "assumed", "at": {}},
        ],
        "settings": _settings(),
        **_postings(),
        **_belonging(),
        "rounds": rounds,
        "timetable": _half_days(rounds),
        "care": [_care(place, year) for year in YEARS for place in places],
        "assumptions": [
            {"table": "places.csv position", "basis": "estimated", "rows": 30},
            {"table": "costs.toml", "basis": "assumed", "rows": 4},
        ],
        "district_data": {
            "id": "example",
            "name": {"zh": "示例区", "en": "Example District"},
            "code": "120199",
            "datum": "wgs84",
            "epsg": 4548,
            "boundary": _boundary(),
            "places": places,
            "towns": towns,
            "institutions": hubs,
        },
    }


def going_out(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of the small district's plan with experts posted, rounds to a village and a town, and a post.

    No solver has seen them, and no recheck either. One tour runs over December, where the next begins.
    """
    made: dict[str, Any] = copy.deepcopy(dict(content))
    ways = {
        "rounds": ("T2014", "hub-2", "week", ((1, 2, "am"), (1, 4, "pm")), 1),
        "posts": ("T3027", "hub-3", "week", ((1, 1, "am"), (1, 1, "pm")), 2),
        "town_rounds": ("T2", "hospital-1", "month", ((3, 5, "pm"),), 1),
    }
    named = {"zh": "市级医院", "en": "a hospital of the city"}
    made["settings"] |= {
        "supporters": {"city": {"name": named, "sends_as": "tertiary_hospital"}},
        "outreach": {
            way: {"name": {"zh": f"方式{n}", "en": f"way {n}"}, "per": per, "is_post": way == "posts"}
            | ({"to": "town"} if per == "month" else {})
            for n, (way, (_, _, per, _, _)) in enumerate(ways.items())
        },
    }
    made |= {name: [] for name in ("postings", "roster", "rounds", "timetable")}
    for year in made["years"]:
        for way, (to, by, per, slots, half_days) in ways.items():
            about = {"year": year, "way": way, "by": by, "to": to}
            times = len(slots) // half_days
            made["rounds"].append(
                about | {"times": times, "per": per, "half_days": half_days, "minutes": 9, "basis": "assumed"}
            )
            made["timetable"] += [
                about | {"team": 1, "week": week, "day": day, "half": half} for week, day, half in slots
            ]
        for pool, (sender, to, first, months) in enumerate(
            (("hospital-1", "hub-2", 10, 6), ("hospital-1", "hub-3", 4, 6), ("city", "hub-2", 1, 12))
        ):
            about = {"year": year, "from": sender, "specialty": "internal_medicine", "pool": pool, "to": to}
            rank = "attending" if pool else "senior"
            made["postings"].append(about | {"rank": rank, "months": months, "tours": 1, "basis": "assumed"})
            made["roster"].append(
                about | {"post": 1, "first_month": first, "months": months, "carried": False, "of": None}
            )
    return made


def hostile_plan() -> dict[str, Any]:
    """Return the small plan with a hostile text in every field that holds text, ids included."""
    plan = small_plan()
    plan["map_approval_number"] = "GS"
    names = iter(range(10**9))
    kept = {
        ("boundary", "type"),  # the page draws only what GeoJSON calls a polygon
        ("", "outcome"),
        ("scorecard", "status"),
        ("sites", "action"),
        ("places", "status"),
        ("ledger", "scope"),
        ("coverage", "scope"),
        ("timetable", "half"),  # the page draws only what a day has
        ("outreach", "per"),
        ("care", "next"),
    }
    ids: dict[str, str] = {}

    def poison(value: Any, path: str, key: str) -> Any:
        if isinstance(value, dict):
            return {name: poison(inner, key, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [poison(inner, path, key) for inner in value]
        if not isinstance(value, str) or (path, key) in kept or key.endswith("basis"):
            return value
        if key in {"id", "town", "served_by", "parent", "by", "to", "from", "next_by", "with"} | _BELONGING:
            return ids.setdefault(value, f"{HOSTILE_TEXTS[len(ids) % 17]} {len(ids)}")
        return HOSTILE_TEXTS[next(names) % len(HOSTILE_TEXTS)]

    poisoned: dict[str, Any] = poison(plan, "", "")
    for draw in poisoned["draws"]:
        draw["sites_by_town"] = {ids.get(town, town): counts for town, counts in draw["sites_by_town"].items()}
    abilities = poisoned["settings"]["functions"]
    poisoned["settings"]["functions"] = {ids.get(code, code): one for code, one in abilities.items()}
    places = poisoned["district_data"]["places"]
    for number, text in enumerate(HOSTILE_TEXTS):
        places[number]["name"] = text
        poisoned["sites"][number % len(poisoned["sites"])]["staff"][str(YEARS[-1])][text] = number
        poisoned["sites"][number % len(poisoned["sites"])]["name"] = text
    return poisoned


def large_plan(count: int, *, of_site: int = 25) -> dict[str, Any]:
    """Return a plan with many places and a clinic for every few of them, as a large district has, for measuring."""
    plan = small_plan()
    towns = plan["district_data"]["towns"]
    places = [_place(number, towns, of=count) for number in range(count)]
    hosts = places[::of_site]
    clinics = [
        plan["sites"][5] | {"id": f"L{at:05d}", "name": f"{host['name']}卫生室", "lon": host["lon"], "lat": host["lat"]}
        for at, host in enumerate(hosts)
    ]
    served_by = {place["id"]: clinics[at // of_site]["id"] for at, place in enumerate(places)}
    rows = [row for year in YEARS for place in places for row in _rows(place, year, plan["sites"])]
    for row in rows:
        if row["status"] == "served":
            row |= {"served_by": served_by[row["id"]], "minutes": round(1 + 13.9 * (7 * row["people"] % 97) / 97, 1)}
    visits = [row for year in YEARS for row in _rounds(rows, year)]
    plan["rounds"] = [row | {"by": served_by.get(row["to"], row["by"])} for row in visits]
    plan["timetable"] = _half_days(plan["rounds"])
    plan["care"] = [_care(place, year) for year in YEARS for place in places]
    plan["district_data"]["places"] = places
    plan["sites"] += clinics
    plan["places"] = rows
    plan["ledger"] = []
    return plan


def _town(number: int) -> dict[str, Any]:
    return {
        "id": f"12019900{number + 1}",
        "name": ("东河镇", "西河镇", "南苑街道")[number],
        "kind": ("town", "town", "street")[number],
        "lon": (117.42, 117.22, 117.33)[number],
        "lat": (39.72, 39.70, 39.58)[number],
        "position_basis": "surveyed",
        "hosts": "",
    }


def _place(number: int, towns: list[dict[str, Any]], of: int = 40) -> dict[str, Any]:
    town = towns[number % 3]
    # A sunflower's arrangement: even, without a random number.
    reach, turn = 0.085 * math.sqrt((number + 0.5) / of), 2.399963 * number
    return {
        "id": f"{town['id']}{200 + number}",
        "name": f"{'甲乙丙丁戊己庚辛壬癸'[number % 10]}{'家庄台屯'[number // 10 % 4]}村{number + 1}",
        "short_name": "",
        "kind": "community" if number % 3 == 2 else "village",
        "town": town["id"],
        "zone": "",
        "setting": "urban" if number % 3 == 2 else "rural",
        "people": 420 + 137 * (number % 9) + (2600 if number % 3 == 2 else 0),
        "people_basis": "official" if number % 4 == 0 else "estimated",
        "people_65": 90,
        "lon": round(town["lon"] + reach * math.cos(turn), 5),
        "lat": round(town["lat"] + 0.78 * reach * math.sin(turn), 5),
        "position_basis": "surveyed" if number % 4 == 1 else "estimated",
    }


def _sites(towns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    def site(number: int, kind: str, action: str, year: int, basis: str = "estimated") -> dict[str, Any]:
        town = towns[number % 3]
        label = {"clinic": "村卫生室", "station": "社区卫生服务站", "township_hospital": "卫生院"}[kind]
        return {
            "id": f"S{number:02d}",
            "name": f"{town['name']}{label}{number}",
            "kind": kind,
            "town": town["id"],
            "lon": round(town["lon"] + 0.05 * math.cos(1.1 * number) * (kind != "township_hospital"), 5),
            "lat": round(town["lat"] + 0.04 * math.sin(1.1 * number) * (kind != "township_hospital"), 5),
            "basis": basis,
            "year": year,
            "action": action,
            "parent": f"S{number % 3:02d}" if number >= 3 else None,
            "staff": {str(one): {"gps": 2, "nurses": 3 + (one == YEARS[-1])} for one in YEARS if one >= year},
            "cost": 350_000 if action == "open" else 80_000,
        }

    return [
        site(0, "township_hospital", "keep", 2025, "surveyed"),
        site(0, "township_hospital", "upgrade", 2030, "surveyed"),
        site(1, "township_hospital", "keep", 2025, "surveyed"),
        site(2, "township_hospital", "keep", 2025, "surveyed"),
        site(3, "clinic", "keep", 2025, "surveyed"),
        site(4, "clinic", "open", 2025),
        site(5, "station", "open", 2025),
        site(6, "clinic", "open", 2030),
        site(7, "clinic", "open", 2030),
        site(8, "station", "keep", 2025, "surveyed"),
        site(8, "station", "close", 2030, "surveyed"),
    ]


def _institutions(towns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "id": "H1",
            "name": "示例区人民医院",
            "kind": "hospital",
            "town": towns[2]["id"],
            "lon": 117.345,
            "lat": 39.600,
            "position_basis": "surveyed",
            "name_basis": "official",
            "source": "示例目录，第 1 页",
        },
        {
            "id": "S00",
            "name": "东河镇卫生院",
            "kind": "township_hospital",
            "town": towns[0]["id"],
            "lon": 117.42,
            "lat": 39.72,
            "position_basis": "surveyed",
            "name_basis": "official",
            "source": "示例目录，第 2 页",
        },
    ]


def _rows(place: dict[str, Any], year: int, sites: list[dict[str, Any]]) -> list[dict[str, Any]]:
    number = int(place["id"][9:]) - 200
    status = _STATUS_BY_TURN[number % len(_STATUS_BY_TURN)][YEARS.index(year)]
    town = number % 3
    choices = {2025: (0 + town, 3 + town, (3, 4, 8)[town]), 2030: (0 + town, 3 + town, (6, 7, 5)[town])}[year]
    served_by = f"S{choices[number // 3 % 3]:02d}" if status == "served" else None
    row = {
        "id": place["id"],
        "year": year,
        "people": place["people"],
        "status": status,
        "served_by": served_by,
        "minutes": round(3 + 1.7 * (number % 11), 1) if served_by else None,
        "basis": "estimated",
    }
    if number % 13 != 6 or status != "served":
        return [row]
    # Shared: the site takes what it can, the rest waits.
    taken = place["people"] * 2 // 3
    rest = {"people": place["people"] - taken, "status": "no_capacity", "served_by": None, "minutes": None}
    return [row | {"people": taken}, row | rest]


def _settings() -> dict[str, Any]:
    """Return what the model says of those who go out: teams, posts in villages, town rounds, and who sends experts."""
    rounds = {"name": {"zh": "村级巡诊", "en": "village rounds"}, "half_days_each": 8, "per": "week"}
    posts = {"name": {"zh": "派人驻村", "en": "posts in villages"}, "is_post": True, "per": "week"}
    towns = {"name": {"zh": "镇级巡回", "en": "town rounds"}, "to": "town", "per": "month"}
    return {
        "outreach": {
            "rounds": rounds | {"resource": "round_teams"},
            "posts": posts | {"resource": "posted"},
            "towns": towns | {"resource": "town_teams"},
        },
        "supporters": {"city": {"name": {"zh": "市级医院", "en": "a hospital of the city"}}},
        "postings": {"cyclic": True},
        "functions": {
            "imaging": {
                "name": {"zh": "影像中心", "en": "imaging centre"},
                "at": ["hospital"],
                "serves": ["township_hospital"],
            },
            "laboratory": {
                "name": {"zh": "检验中心", "en": "laboratory"},
                "at": ["hospital"],
                "serves": ["township_hospital"],
            },
            "tcm_hall": {"name": {"zh": "中医馆", "en": "TCM hall"}, "at": ["township_hospital"]},
            "ems": {"name": {"zh": "院前急救站点", "en": "ambulance station"}, "at": ["hospital", "township_hospital"]},
            "tcm_corner": {"name": {"zh": "中医阁", "en": "TCM corner"}, "at": ["station", "clinic"]},
        },
    }


# What names a site or a function in the tables of consortia and functions.
_BELONGING = {"lead", "before", "function", "centre"}


def _belonging() -> dict[str, Any]:
    """Return consortia, functions and reserves: one consortium at first, then a second one led from outside."""

    def member(year: int, lead: str, code: str, before: str | None = None) -> dict[str, Any]:
        people, minutes = (0, 0) if lead == code else (20_000 + int(code[1:]), 17)
        return {"year": year, "lead": lead, "id": code, "people": people, "minutes": minutes, "before": before}

    def has(
        function: str, code: str, since: int | None, until: int | None = None, centre: str | None = None
    ) -> dict[str, Any]:
        return {"function": function, "id": code, "since": since, "until": until, "centre": centre}

    first, last = YEARS
    return {
        "consortia": [
            *(member(first, "H1", code) for code in ("H1", "S00", "S01", "S02")),
            *(member(last, "H1", code) for code in ("H1", "S00", "S01")),
            member(last, "H2", "H2"),
            member(last, "H2", "S02", "H1"),
        ],
        "functions": [
            has("imaging", "H1", first),
            has("imaging", "S00", first, None, "H1"),
            has("imaging", "S01", last, None, "H1"),
            has("tcm_hall", "S00", None),
            has("tcm_hall", "S01", first, first),
            has("ems", "S01", last),
            has("tcm_corner", "S03", None, first),
            has("tcm_corner", "S05", last),
            *(has(f"more_{number:02d}", "S00", first) for number in range(15)),
        ],
        "reserves": [
            {"year": year, "id": "H1", "resource": what, "number": number, "reserved": reserved}
            for year in YEARS
            for what, number, reserved in (("beds", 35, 7), ("slots", 1084, 217))
        ],
    }


def _rounds(rows: list[dict[str, Any]], year: int) -> list[dict[str, Any]]:
    """Return who visits whom in a year: hubs the villages of their town, the hospital every town."""
    found = []
    for row in rows:
        if row["year"] == year and row["status"] in ("rounds", "posted"):
            way, times, half_days = ("posts", 3, 2) if row["status"] == "posted" else ("rounds", 2, 1)
            hub = f"S0{int(row['id'][8]) - 1}"
            visit = {"year": year, "way": way, "by": hub, "to": row["id"], "times": times, "per": "week"}
            found.append(visit | {"half_days": half_days, "minutes": 5 + int(row["id"][9:]) % 20, "basis": "assumed"})
    for number in (1, 2, 3):
        visit = {"year": year, "way": "towns", "by": "H1", "to": f"12019900{number}", "times": 1, "per": "month"}
        found.append(visit | {"half_days": 1, "minutes": 12 * number, "basis": "assumed"})
    return found


def _half_days(rounds: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the half-days of all visits: the first of a base on Monday and Wednesday morning, the next one in the
    afternoon, and so on; whoever stays in a village is there for whole days.
    """
    found, visited = [], Counter[tuple[Any, ...]]()
    for row in rounds:
        base = row["year"], row["way"], row["by"]
        at = visited[base]
        visited[base] += 1
        day, half = 1 + at // 2 % 2, ("am", "pm")[at % 2]
        slots = {
            "rounds": [(1, day, half), (1, day + 2, half)],
            "posts": [(1, day, half) for day in (1, 3, 5) for half in ("am", "pm")],
            "towns": [(2, 1 + at, "pm")],
        }[row["way"]]
        out = {key: row[key] for key in ("year", "way", "by", "to")} | {"team": 1 + at // 4}
        found += [out | {"week": week, "day": day, "half": half} for week, day, half in slots]
    return found


def _postings() -> dict[str, Any]:
    """Return who is posted where: at the first hub two tours one after the other, the first of them begun before the
    year, and a nurse of the city; at the second one who comes in October and stays until March; at the third none. The
    hospital has a nurse too.
    """

    def tour(year: int, pool: int, to: str, first: int, months: int, *, carried: bool = False) -> dict[str, Any]:
        at = {"year": year, "from": ("H1", "city")[pool], "specialty": ("surgery", "nursing")[pool], "pool": pool}
        return at | {"post": 1, "to": to, "first_month": first, "months": months, "carried": carried, "of": None}

    roster = [
        one
        for year in YEARS
        for one in (
            tour(year, 0, "S00", 1, 3, carried=True), tour(year, 0, "S00", 4, 6),
            tour(year, 1, "S00", 1, 12), tour(year, 0, "S01", 10, 6), tour(year, 1, "H1", 1, 12),
        )
    ]  # fmt: skip
    posted = [
        {key: one[key] for key in ("year", "from", "specialty", "pool", "to", "months")}
        | {"rank": "attending", "tours": 1, "basis": "assumed"}
        for one in roster
        if not one["carried"]
    ]
    remote = [{"year": year, "rule": "experts", "id": "S02", "with": "teams"} for year in YEARS]
    return {"postings": posted, "roster": roster, "remote": remote}


def _care(place: dict[str, Any], year: int) -> dict[str, Any]:
    """Return what would be the next best for a place: a site of its own."""
    number = int(place["id"][9:]) - 200
    how = "own" if _STATUS_BY_TURN[number % len(_STATUS_BY_TURN)][YEARS.index(year)] == "served" else "rounds"
    care = {"id": place["id"], "year": year, "how": how, "by": "S00", "why": "care.why_clause"}
    more = {
        "details": {"clause": "CL-7"},
        "next": "own",
        "next_by": "S04",
        "next_cost": 1_000 + 7919 * number % 800_000,
    }
    return care | more | {"basis": "assumed"}


def _by_status(rows: list[dict[str, Any]], year: int) -> dict[str, int]:
    found = dict.fromkeys(("served", "posted", "rounds", "no_capacity", "out_of_range"), 0)
    for row in rows:
        if row["year"] == year:
            found[row["status"]] += row["people"]
    return found


def _coverage(rows: list[dict[str, Any]], year: int) -> dict[str, Any]:
    by_status = _by_status(rows, year)
    people, covered = sum(by_status.values()), by_status["served"]
    return {
        "year": year,
        "scope": "district",
        "preset": "15 分钟步行圈",
        "people": people,
        "covered": covered,
        "share": covered / people,
    }


def _draw(seed: int, towns: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "seed": seed,
        "sites": {str(year): 7 + seed % 4 for year in YEARS},
        "sites_by_town": {town["id"]: {str(year): 2 + seed % 3 for year in YEARS} for town in towns},
        "coverage": {"2025": 0.48 + 0.005 * (seed % 7), "2030": 0.8 + 0.004 * (seed % 9)},
        "cost": 2_100_000 + 15_000 * seed,
        "gap": 0.0123,
    }


def _scorecard() -> list[dict[str, Any]]:
    decided = [
        {
            "rule": indicator,
            "clause": "第 4 条",
            "document": "示例实施方案",
            "year": year,
            "indicator": indicator,
            "target": target,
            "today": None,
            "value": value,
            "unit": unit,
            "strength": strength,
            "status": "met" if value >= target else "missed",
            "shortfall": max(0, round(target - value, 2)),
            "causes": [] if value >= target else ["乙家村2", "己台村26"],
            "quote": "示例原文",
        }
        for year in YEARS
        for indicator, target, value, unit, strength in (
            ("15 分钟可达人口", 90, 84.1 if year == 2030 else 51.0, "%", "must"),
            ("每千人口护士", 4.0, 4.1, "人/千人", "strive"),
            ("乡镇卫生院", 3, 3, "所", "in_principle"),
        )
    ]
    others = (("SL-T01", "undecided"), ("SL-T02", "reported"), ("SL-T03", "not_applicable"))
    return [*decided, *(_clause(code, status) for code, status in others)]


def _clause(code: str, status: str) -> dict[str, Any]:
    """Return the line of a clause of a draft that no plan decides."""
    stock = status != "undecided"
    return {
        "rule": code,
        "clause": code,
        "document": "示例征求意见稿",
        "document_name": {"zh": "示例征求意见稿", "en": "Draft of the example"},
        "document_status": "draft",
        "year": 2024,
        "indicator": None if stock else "巡诊次数",
        "target": None if stock else 2,
        "today": None,
        "value": 60 if stock else None,
        "unit": "percent" if stock else "次",
        "strength": "strive",
        "document_strength": "must",
        "status": status,
        "shortfall": None,
        "shortfall_unit": None,
        "causes": [],
        "quote": f"{code} 的原文",
        "at": "附件第 2 项",
        "says": {"zh": f"{code} 的大意", "en": f"What {code} says"},
        "why": "clause.undecided_yet" if status == "undecided" else "clause.indicator",
        "reason": {"zh": f"{code} 的理由", "en": f"Why {code}"} if stock else None,
        "note": {"zh": f"{code} 的读法", "en": f"How {code} was read"},
    }


def _boundary() -> dict[str, Any]:
    ring = [
        [
            round(117.325 + (0.23 + 0.018 * math.sin(5 * turn)) * math.cos(turn), 5),
            round(39.655 + (0.165 + 0.014 * math.cos(4 * turn)) * math.sin(turn), 5),
        ]
        for turn in (math.tau * step / 72 for step in range(72))
    ]
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
