"""What the map page gained: today beside the plan, the map as a picture, and base map tiles where asked for."""

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
from allocate.plans import PLAN_FILE, Plan, to_json
from allocate.verification import verify


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
