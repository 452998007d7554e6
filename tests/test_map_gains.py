"""What the map page gained: today beside the plan, a picture, base map tiles, budget, contracts, what was dropped."""

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import call_allocate
from plan_examples import YEARS, hostile_plan, small_plan
from test_map import Tags, island, policy

from allocate.datum import convert
from allocate.draw import map_page, page
from allocate.draw.compact import STATUSES, compact
from allocate.draw.pack import pack_content, unpack_content
from allocate.draw.tiles import AMAP, KEY_VARIABLE, PROVIDERS, TIANDITU, tiles_asked, tiles_of
from allocate.errors import UsageError
from allocate.names import PLAN_FILE
from allocate.plans import Plan, to_json
from allocate.report.sheets import sheets
from allocate.verification import verify
from allocate.words import say_in


def test_today_is_told_by_place_and_adds_up_to_its_ledger(tiny_plan: Plan) -> None:
    content = tiny_plan.content
    sums = dict.fromkeys(STATUSES[:-1], 0)
    for row in content["places_today"]:
        sums[row["status"]] += row["people"]
    (ledger,) = [row for row in content["today"] if row["scope"] == "district"]
    assert sums == {status: ledger[status] for status in sums}
    today = compact(content)["today"]
    assert today["known"] is True
    assert today["people"][""] == [ledger[status] if status != "unknown" else 0 for status in STATUSES]
    assert today["unlisted"] == []
    assert today["year"] == content["years"][0]


def test_today_follows_from_the_inputs_and_a_wrong_row_is_found(tiny_plan: Plan) -> None:
    content = copy.deepcopy(dict(tiny_plan.content))
    row = next(row for row in content["places_today"] if row["status"] == "served")
    row["minutes"] += 1
    assert [finding.where for finding in verify(content).findings] == [
        f"places_today[{content['places_today'].index(row)}].minutes"
    ]


def test_rows_of_today_come_out_of_the_page_as_they_went_in(tiny_plan: Plan) -> None:
    made = compact(tiny_plan.content)
    assert len(made["rows"]["today"]["place"]) == len(tiny_plan.content["places_today"])
    assert unpack_content(json.loads(json.dumps(pack_content(made)))) == json.loads(json.dumps(made))


def test_today_is_unknown_where_nobody_lists_a_site_of_the_kinds_that_are_sited(tiny_plan: Plan) -> None:
    content = copy.deepcopy(dict(tiny_plan.content))
    kept = [one for one in content["district_data"]["institutions"] if one["kind"] not in content["settings"]["siting"]]
    content["district_data"]["institutions"] = kept
    content["today"] = []
    del content["places_today"]
    today = compact(content)["today"]
    assert today["known"] is False
    assert today["unlisted"] == ["clinic", "station"]
    assert today["people"] == {}
    assert "today" not in compact(content)["rows"]


def test_a_plan_of_an_earlier_version_says_nothing_of_today() -> None:
    assert compact(small_plan())["today"]["known"] is None


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ('const a = [1, "b, c : d"]; // why\n', 'const a=[1,"b, c : d"];'),
        ("  x = y + -1 - z;\n", "x=y+ -1-z;"),
        ("say(`{a} : {b}`, { a, b : c });\n", "say(`{a} : {b}`,{a,b:c});"),
        ("s.replace(/[ ,] + : /g, 'a , b');\n", "s.replace(/[ ,] + : /g,'a , b');"),
        ("if (a in b) return c === d ? e : f;\n", "if(a in b)return c===d?e:f;"),
        ("const f = () => {\n  g()\n}\nh()\n", "const f=()=>{g()}\nh()\n"),
        ("  /* only for people */\n\n  // and this\n", ""),
    ],
)
def test_a_script_loses_blanks_and_remarks_but_nothing_of_its_texts(line: str, kept: str) -> None:
    assert page._tightened(line) == kept


def test_the_parts_of_the_script_stand_in_the_page_once() -> None:
    html = map_page(small_plan())
    assert html.count("function savePicture()") == html.count("function drawToday()") == 1
    assert "/* parts */" not in html


def test_no_id_stands_twice_in_the_page() -> None:
    named = [attributes["id"] for _, attributes in Tags(map_page(hostile_plan())).tags if "id" in attributes]
    assert len(named) == len(set(named)) > 20


def test_the_page_knows_what_its_picture_is_called() -> None:
    made: Any = island(map_page(small_plan()), "plan")
    assert (made["model"], made["years"]) == ("example", list(YEARS))


def test_the_budget_of_the_page_is_that_of_the_table(hubs_plan: Plan) -> None:
    made = compact(hubs_plan.content)
    table = sheets(hubs_plan.content, "en")["budget"]
    lines = {line["name"]["en"]: line for line in made["budget"]}
    for field in table.fields:
        heading = say_in("en", f"field.{field.name}")
        numbers = table.column(field.name)
        if heading.endswith(" (yuan)") and any(numbers) and field.name != "standing_pay":
            assert lines.pop(heading.removesuffix(" (yuan)"))["yuan"] == numbers
    assert lines == {}
    sums = [line["name"]["zh"] for line in made["budget"] if line["sum"]]
    assert sums == ["一次性合计", "每年合计", "到下一规划年合计"]


def test_the_staffing_of_the_page_is_that_of_the_table(hubs_plan: Plan) -> None:
    made = compact(hubs_plan.content)
    table = sheets(hubs_plan.content, "zh")["years"]
    stock = {row["resource"]: row for row in hubs_plan.content["stock"]}
    assert len(made["staffing"]) == len(stock) > 5
    for line, (name, row) in zip(made["staffing"], stock.items(), strict=True):
        assert line["numbers"] == table.column(f"number_of_{name}")
        assert line["today"] == row["number"]
        assert line["assumed"] == (row["basis"] == "assumed")


def test_the_page_holds_every_care_home_and_contract(hubs_plan: Plan) -> None:
    made = compact(hubs_plan.content)
    homes, marks, contracts = made["homes"], made["marks"]["id"], made["contracts"]
    listed = hubs_plan.content["district_data"]["care_homes"]
    assert homes["name"] == [one["name"] for one in listed]
    assert homes["beds"] == [one["beds"] for one in listed]

    def named(at: int) -> str | None:
        return marks[at] if at >= 0 else None

    found = [
        (year, listed[home]["id"], named(mark), minutes, named(before))
        for year, home, mark, minutes, before in zip(
            *(contracts[key] for key in ("year", "home", "mark", "minutes", "before")), strict=True
        )
    ]
    wanted = hubs_plan.content["contracts"]
    assert found == [tuple(row[key] for key in ("year", "home", "id", "minutes", "before")) for row in wanted]


def with_homes(plan: dict[str, Any]) -> dict[str, Any]:
    """Return a plan with three care homes, one without a contract, a budget, and staff of which some is unknown."""
    town = plan["district_data"]["towns"][1]["id"]
    plan["district_data"]["care_homes"] = [
        {"id": f"home-{n}", "name": f"养老院{n}", "town": town, "beds": 40 + n, "lon": 117.24 + n / 50, "lat": 39.66}
        | {"position_basis": "surveyed", "source": "名册"}
        for n in range(3)
    ]
    plan["settings"]["resources"] = {"gps": {}, "nurses": {}, "rounds_teams": {}}
    plan["stock"] += [{"resource": "rounds_teams", "number": None, "basis": "assumed", "at": {}}]
    working = {"gps": 2, "nurses": 3, "rounds_teams": 1}
    return plan | {
        "contracts": [
            {"year": year, "home": f"home-{n}", "id": ("S00", "S01", None)[n], "minutes": (4, 12, None)[n]}
            | {"before": "H1" if n == 1 else None}
            for year in YEARS
            for n in range(3)
        ],
        "budget": [
            {"year": year, "calendar_years": 5, "opening": 1_234_000, "yearly": 400, "capital": 1_234_000}
            | {"pay": 0, "recurrent": 400, "total": 1_236_000, "basis": "assumed"}
            for year in YEARS
        ],
        "staff": [
            {"id": "S00", "year": year, "resource": name, "number": n} for year in YEARS for name, n in working.items()
        ],
    }


def with_reach(plan: dict[str, Any]) -> dict[str, Any]:
    """Return a plan with two rules on the reach of a function, of which one binds in the last year only."""
    towns = [town["id"] for town in plan["district_data"]["towns"]]
    rows = [
        {"rule": rule, "function": "ems", "year": year, "scope": scope, "people": 1000, "covered": 990 - 100 * n}
        for rule, years in (("near", plan["years"]), ("nearer", plan["years"][-1:]))
        for year in years
        for n, scope in enumerate(("district", *towns))
    ]
    return plan | {"function_reach": rows}


def test_the_page_holds_who_lives_within_reach_of_a_function_by_rule_year_and_town() -> None:
    near, nearer = compact(with_reach(small_plan()))["near"]
    assert list(near["by"]) == [str(year) for year in YEARS]
    assert list(nearer["by"]) == [str(YEARS[-1])]
    assert near["by"][str(YEARS[0])] == {"": [1000, 990], "0": [1000, 890], "1": [1000, 790], "2": [1000, 690]}


def with_dropped(plan: dict[str, Any]) -> dict[str, Any]:
    """Return a plan with candidates that a layer and other things kept out."""
    plan["district_data"]["layers"] = [{"id": "water", "name": {"zh": "水系", "en": "Water"}, "keeps": "out"}]
    about = {"kind": "clinic", "town": plan["district_data"]["towns"][0]["id"], "from": "list"}
    whys: list[dict[str, Any]] = [
        {"code": "excluded", "layer": "water"},
        {"code": "too_near_layer", "layer": "water", "metres": 40, "buffer": 100},
        {"code": "reaches_nobody"},
        {"code": "of a later version"},
    ]
    spots = [{"lon": 117.30 + n / 100, "lat": 39.62} for n in range(4)]
    named = [about | {"id": f"D{n}", "name": f"候选{n}", "why": why} for n, why in enumerate(whys)]
    return plan | {"dropped": [one | spot for one, spot in zip(named, spots, strict=True)]}


def test_dropped_candidates_are_grouped_by_what_kept_them_out() -> None:
    made = compact(with_dropped(small_plan()))
    assert made["dropped"]["name"] == ["候选0", "候选1", "候选2"]
    assert [made["drop_groups"][at]["en"] for at in made["dropped"]["group"]] == [
        "Water",
        "Water",
        "reach nobody who has nothing else",
    ]
    assert [made["drop_reasons"][at]["zh"] for at in made["dropped"]["why"]] == [
        "在禁建图层“水系”里",
        "离禁建图层“水系”40米，不足100米",
        "圈内没有无站点可去的人",
    ]


def test_what_the_page_gained_comes_out_of_it_as_it_went_in(hubs_plan: Plan) -> None:
    for content in (hubs_plan.content, with_dropped(with_reach(with_homes(small_plan()))), hostile_plan(), {}):
        made = compact(content)
        assert unpack_content(json.loads(json.dumps(pack_content(made)))) == json.loads(json.dumps(made))


KEY = "0123456789abcdef0123456789abcdef"


def test_a_page_without_tiles_holds_no_address_to_ask() -> None:
    html = map_page(small_plan())
    assert policy(html)["img-src"] == ["data:"]
    own = page._tightened(page._own_script()) + json.dumps(island(html, "plan")) + json.dumps(island(html, "words"))
    for sign in ("http", "tianditu", "autonavi", "tileLayer"):
        assert sign not in own


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_page_with_tiles_may_fetch_pictures_of_exactly_its_hosts(name: str) -> None:
    tiles = tiles_of(name)
    rules = policy(map_page(small_plan(), tiles))
    assert rules["img-src"] == ["data:", *tiles.hosts]
    assert rules["default-src"] == ["'none'"]
    assert all(host.startswith("https://") for host in tiles.hosts)
    reached = {address.split("/")[2].format(s=at) for address in tiles.addresses for at in tiles.subdomains}
    assert reached == {host.removeprefix("https://") for host in tiles.hosts}


def test_tianditu_has_roads_and_names_at_the_positions_of_the_plan() -> None:
    tiles = tiles_of(TIANDITU)
    assert [address.split("/")[3] for address in tiles.addresses] == ["vec_w", "cva_w"]
    made = island(map_page(small_plan(), tiles), "plan")
    assert made.pop("tiles") == tiles.plain()
    assert made == island(map_page(small_plan()), "plan")


def test_with_amap_all_that_is_drawn_is_shifted_and_cards_tell_the_positions_of_the_plan(tiny_plan: Plan) -> None:
    plain = unpack_content(island(map_page(tiny_plan.content), "plan"))
    moved = unpack_content(island(map_page(tiny_plan.content, tiles_of(AMAP)), "plan"))

    def spots(table: dict[str, Any]) -> Any:
        return np.array([table["lon"], table["lat"]], dtype=float).T

    tables = [(plain[name], moved[name]) for name in ("places", "marks", "towns")]
    areas = [(kind, key) for kind in ("towns", "reach") for key in plain["areas"][kind]]
    assert len(areas) > 3
    tables += [(plain["areas"][kind][key], moved["areas"][kind][key]) for kind, key in areas]
    for before, after in tables:
        wanted = convert(spots(before), "wgs84", "gcj02")
        assert np.abs(spots(after) - wanted).max() < 6e-6
        assert np.abs(spots(after) - spots(before)).max() > 0.004  # some 500 m
    ring, shifted = (one["boundary"]["coordinates"][0][0] for one in (plain, moved))
    assert np.abs(np.array(shifted) - convert(np.array(ring), "wgs84", "gcj02")).max() < 6e-6
    for name in ("places", "marks"):
        assert moved[name]["told_lon"] == plain[name]["lon"]
        assert moved[name]["told_lat"] == plain[name]["lat"]
    steps = [
        (one, other) for one, other in zip(plain["marks"]["actions"], moved["marks"]["actions"], strict=True) if one
    ]
    assert all(one[0]["lon"] + 0.004 < other[0]["lon"] for one, other in steps)


def test_what_has_no_position_has_none_with_amap_either() -> None:
    plan = small_plan()
    plan["district_data"]["places"][3] |= {"lon": None, "lat": None}
    moved = unpack_content(island(map_page(plan, tiles_of(AMAP)), "plan"))["places"]
    assert (moved["lon"][3], moved["lat"][3]) == (None, None)
    plan["district_data"]["boundary"] = None
    map_page(plan, tiles_of(AMAP))
    map_page({}, tiles_of(AMAP))


@pytest.mark.parametrize(
    ("name", "key", "in_file", "fault"),
    [
        ("osm", None, False, "problem.choice"),
        (None, KEY, False, "problem.tiles_no_tiles"),
        (None, None, True, "problem.tiles_no_tiles"),
        (AMAP, KEY, False, "problem.tiles_no_key"),
        (TIANDITU, None, True, "problem.tiles_key_missing"),
        (TIANDITU, f"{KEY}&tk=", True, "problem.tiles_key_form"),
        (TIANDITU, "", False, "problem.tiles_key_form"),
        (KEY, None, False, "problem.choice"),
    ],
)
def test_options_of_tiles_that_do_not_fit_are_one_message_without_the_key(
    name: str | None, key: str | None, in_file: bool, fault: str
) -> None:
    with pytest.raises(UsageError) as raised:
        tiles_asked(name, key, "", in_file=in_file)
    assert [problem.what for problem in raised.value.problems] == [fault]
    assert KEY not in str(raised.value)


def test_the_key_of_the_environment_is_written_only_where_that_is_asked_for() -> None:
    asked, written = (tiles_asked(TIANDITU, None, KEY, in_file=in_file) for in_file in (False, True))
    assert asked
    assert written
    assert (asked.key, written.key) == ("", KEY)
    assert tiles_asked(None, None, KEY, in_file=False) is None


def test_the_key_stands_in_no_file_and_no_word_unless_asked_for(tiny_plan: Plan, tmp_path: Path) -> None:
    (tmp_path / PLAN_FILE).write_text(to_json(tiny_plan.content), encoding="utf-8")

    def drawn(*options: str, **environment: str) -> tuple[str, str]:
        made = call_allocate(tmp_path, "map", ".", *options, **environment)
        assert made.returncode == 0, made.stderr
        return made.stdout + made.stderr, (tmp_path / "map.html").read_text(encoding="utf-8")

    words, html = drawn("--tiles", TIANDITU, **{KEY_VARIABLE: KEY})
    assert KEY not in words + html
    assert "审图号" in words
    assert "底图密钥" in words
    words, html = drawn("--tiles", TIANDITU, "--tiles-key", KEY)
    assert KEY not in words + html
    words, html = drawn("--tiles", TIANDITU, "--tiles-key-in-file", **{KEY_VARIABLE: KEY})
    assert KEY not in words
    assert html.count(KEY) == 1
    assert "密钥已写进网页" in words
    words, html = drawn(**{KEY_VARIABLE: KEY})
    assert html == map_page(tiny_plan.content)
    assert [file.name for file in tmp_path.iterdir() if KEY in file.read_text(encoding="utf-8")] == []
    assert "审图号" not in words
