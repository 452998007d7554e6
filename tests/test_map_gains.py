"""What the map page gained: today beside the plan, the map as a picture, and base map tiles where asked for."""

import copy
import json
from typing import Any

import pytest
from plan_examples import YEARS, hostile_plan, small_plan
from test_map import Tags, island

from allocate.draw import map_page, page
from allocate.draw.compact import STATUSES, compact
from allocate.draw.pack import pack_content, unpack_content
from allocate.plans import Plan
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
