"""The map page as text: self-contained, the same for the same plan, and only our scripts run in it."""

import base64
import copy
import hashlib
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_examples import HOSTILE_TEXTS, YEARS, hostile_plan, large_plan, small_plan

from allocate.areas import Areas
from allocate.bundle import bundled
from allocate.draw import map_page, page
from allocate.draw.compact import STATUSES, compact
from allocate.draw.pack import pack, pack_content, unpack, unpack_content
from allocate.draw.tiles import tiles_of
from allocate.plans import Plan
from allocate.words import LANGUAGES, catalogue

LEAFLET = bundled() / "maps" / "vendor" / "leaflet-1.9.4"
UPSTREAM_LEAFLET = "db49d009c841f5ca34a888c96511ae936fd9f5533e90d8b2c4d57596f4e5641a"
SOURCE_MAP_LINE = b"\n//# sourceMappingURL=leaflet.js.map"


class Tags(HTMLParser):
    """Every tag of a page, and what stands inside its scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] == "script":
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)

    def handle_endtag(self, tag: str) -> None:
        self.tags.append((f"/{tag}", {}))


@pytest.fixture(scope="module", params=["small", "hostile"])
def html(request: pytest.FixtureRequest) -> str:
    return map_page(small_plan() if request.param == "small" else hostile_plan())


def island(html: str, name: str) -> Any:
    (text,) = [text for attributes, text in Tags(html).scripts if attributes.get("id") == name]
    return json.loads(text)


def policy(html: str) -> dict[str, list[str]]:
    (content,) = [
        attributes["content"] or ""
        for tag, attributes in Tags(html).tags
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    parts = [part.split() for part in content.split(";")]
    return {name: values for name, *values in parts}


def test_the_vendored_leaflet_is_what_its_list_of_hashes_says() -> None:
    listed = dict(reversed(line.split("  ")) for line in (LEAFLET / "SHA256SUMS").read_text("ascii").splitlines())
    found = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in LEAFLET.iterdir()
        if file.name != "SHA256SUMS"
    }
    assert found == listed
    assert set(found) == {"leaflet.js", "leaflet.css", "LICENSE"}


def test_the_vendored_script_is_the_published_one_without_its_source_map_line() -> None:
    script = (LEAFLET / "leaflet.js").read_bytes()
    assert b"sourceMappingURL" not in script
    assert hashlib.sha256(script + SOURCE_MAP_LINE).hexdigest() == UPSTREAM_LEAFLET


def test_no_tag_of_the_page_fetches_anything(html: str) -> None:
    tags = Tags(html).tags
    fetching = {"src", "href", "srcset", "action", "data", "poster", "background"}
    assert [(tag, attributes) for tag, attributes in tags if fetching & set(attributes)] == []
    assert {tag for tag, _ in tags} & {"link", "img", "iframe", "object", "embed", "base", "form"} == set()
    styles = "".join(re.findall(r"<style>(.*?)</style>", html, flags=re.DOTALL))
    assert "leaflet-container" in styles
    assert "url(" not in styles
    assert "@import" not in styles


def test_a_template_that_would_fetch_is_refused() -> None:
    for bad in (
        '<script src="https://cdn.example.invalid/x.js"></script>',
        '<link rel="stylesheet" href="style.css">',
        '<img src="http://example.invalid/x.png">',
        "<style>@import 'https://example.invalid/x.css';</style>",
        "<style>p { background: url(//example.invalid/x.png); }</style>",
    ):
        with pytest.raises(AssertionError, match="would fetch"):
            page.refuse_requests(f"<html><head></head><body>{bad}</body></html>")


def test_the_policy_names_exactly_the_scripts_of_the_page(html: str) -> None:
    scripts = [text for attributes, text in Tags(html).scripts if attributes.get("type") != "application/json"]
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in scripts]
    rules = policy(html)
    assert len(scripts) == 4
    assert rules["script-src"] == hashes
    assert rules["default-src"] == ["'none'"]
    assert rules["img-src"] == ["data:"]
    assert rules["style-src"] == ["'unsafe-inline'"]


def test_hostile_text_adds_no_tag_to_the_page() -> None:
    assert Tags(map_page(hostile_plan())).tags == Tags(map_page(small_plan())).tags


def test_hostile_text_comes_back_from_the_page_letter_by_letter() -> None:
    html = map_page(hostile_plan())
    html.encode("utf-8")
    names = unpack_content(island(html, "plan"))["places"]["name"]
    assert names[: len(HOSTILE_TEXTS)] == list(HOSTILE_TEXTS)


def test_no_text_of_the_plan_reaches_folium(monkeypatch: pytest.MonkeyPatch) -> None:
    import folium

    given: list[Any] = []
    build = folium.Map.__init__

    def watched(self: Any, **options: Any) -> None:
        given.append(options)
        build(self, **options)

    monkeypatch.setattr(folium.Map, "__init__", watched)
    map_page(hostile_plan())
    assert len(given) == 1
    assert all(isinstance(degrees, float) for degrees in given[0].pop("location"))
    assert given[0] == {"tiles": None, "zoom_start": 10, "zoom_control": False, "prefer_canvas": True}


def test_the_page_has_one_container_and_nothing_random_in_it(html: str) -> None:
    assert [attributes for tag, attributes in Tags(html).tags if attributes.get("id") == "map"] == [
        {"class": "folium-map", "id": "map"}
    ]
    assert re.search(r"map_[0-9a-f]{32}", html) is None


def test_the_same_plan_gives_the_same_bytes(html: str) -> None:
    plans = (small_plan(), hostile_plan())
    assert html in [map_page(copy.deepcopy(plan)) for plan in plans]


def test_a_plan_read_back_from_its_file_gives_the_same_bytes() -> None:
    plan = small_plan()
    assert map_page(json.loads(json.dumps(plan, sort_keys=True))) == map_page(plan)


def test_the_bytes_do_not_depend_on_the_hash_seed() -> None:
    code = (
        "import hashlib; from plan_examples import hostile_plan; from allocate.draw import map_page; "
        "print(hashlib.sha256(map_page(hostile_plan()).encode()).hexdigest())"
    )
    here = Path(__file__).resolve().parent
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join([str(here), str(here.parent)])},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "977")
    }
    assert digests == {hashlib.sha256(map_page(hostile_plan()).encode()).hexdigest() + "\n"}


def test_every_word_that_the_page_asks_for_is_in_the_catalogue_in_both_languages() -> None:
    folder = bundled() / "maps"
    scripts = [path for path in sorted(folder.glob("*.js")) if path.name != "comparison.js"]
    source = "".join(path.read_text("utf-8") for path in (*scripts, folder / "template.html"))
    words = island(map_page(small_plan(), tiles_of("tianditu")), "words")
    asked = set(re.findall(r'(?:say|sentence)\(\s*"(\w+)"', source))
    asked |= set(re.findall(r'data-(?:word|label)="(\w+)"', source))
    asked |= set(re.findall(r'\[\s*"(card_\w+)"', source)) | set(re.findall(r'heading\("(\w+)"\)', source))
    assert len(asked) > 50
    assert asked - set(words) == set()
    for texts in words.values():
        assert set(texts) == set(LANGUAGES)
        filled = [sorted(re.findall(r"\{\w+\}", texts[language])) for language in LANGUAGES]
        assert filled[0] == filled[1]
    assert {f"map.{key}" for key in words} >= {key for key in catalogue() if key.startswith("map.")}


def test_the_page_holds_every_clause_once_with_its_texts_in_both_languages() -> None:
    plan = small_plan()
    clauses = compact(plan)["clauses"]
    assert [(one["clause"], one["year"]) for one in clauses] == [(r["clause"], r["year"]) for r in plan["scorecard"]]
    undecided = next(one for one in clauses if one["status"] == "undecided")
    assert undecided["says"] == {"zh": "SL-T01 的大意", "en": "What SL-T01 says"}
    assert undecided["why"] == dict(catalogue()["clause.undecided_yet"])
    assert (undecided["draft"], undecided["strength"], undecided["changed"]) == (True, "strive", "must")
    reported = next(one for one in clauses if one["status"] == "reported")
    assert (reported["why"]["en"], reported["value"], reported["unit"]["en"]) == ("Why SL-T02", 60, "%")
    decided = clauses[0]
    assert (decided["draft"], decided["changed"], decided["why"]["zh"]) == (False, "", "")


@pytest.mark.parametrize("code", ["action_merge", "basis_unknown", "clause_undecided", "kind_zone", "strength_must"])
def test_the_page_says_codes_in_the_words_of_every_other_output(code: str) -> None:
    assert island(map_page(small_plan()), "words")[code] == dict(catalogue()[code.replace("_", ".", 1)])


def test_the_script_of_the_page_writes_no_markup() -> None:
    source = "".join(path.read_text("utf-8") for path in (bundled() / "maps").glob("*.js"))
    for sink in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "bindPopup",
        "Function(",
    ):
        assert sink not in source
    assert "</script" not in source.lower()
    assert "<!--" not in source


def test_people_of_every_status_add_up_to_the_district() -> None:
    plan = small_plan()
    content = compact(plan)
    everybody = sum(place["people"] for place in plan["district_data"]["places"])
    for year in YEARS:
        rows = content["rows"][str(year)]
        by_status = dict.fromkeys(STATUSES, 0)
        for status, people in zip(rows["status"], rows["people"], strict=True):
            by_status[STATUSES[status]] += people
        assert sum(by_status.values()) == everybody == content["expected"][str(year)]
        line = next(line for line in plan["ledger"] if line["year"] == year)
        assert by_status == {"unknown": 0} | {status: line.get(status, 0) for status in STATUSES[:-1]}


def test_a_ledger_for_a_year_replaces_the_people_of_today() -> None:
    plan = small_plan()
    plan["ledger"] = [{"scope": "district", "year": 2030, "people": 80_000}]
    expected = compact(plan)["expected"]
    assert expected["2030"] == 80_000
    assert expected["2025"] == sum(place["people"] for place in plan["district_data"]["places"])


def test_positions_without_a_stated_basis_count_as_estimates() -> None:
    plan = small_plan()
    before = compact(plan)["estimates"]["positions"]
    firm = next(p for p in plan["district_data"]["places"] if p["position_basis"] == "surveyed")
    del firm["position_basis"]
    assert before == [30, 40]
    assert compact(plan)["estimates"]["positions"] == [31, 40]


def test_a_boundary_keeps_its_holes_and_parts() -> None:
    outer, hole, island_ring = (
        [[117 + at, 39 + at], [117 + at + size, 39 + at], [117 + at, 39 + at + size], [117 + at, 39 + at]]
        for at, size in ((0, 0.5), (0.1, 0.1), (0.7, 0.1))
    )
    plan = small_plan()
    plan["district_data"]["boundary"] = {
        "type": "MultiPolygon",
        "coordinates": [[outer, hole], [island_ring]],
    }
    drawn = compact(plan)["boundary"]
    assert [len(rings) for rings in drawn["coordinates"]] == [2, 1]
    plan["district_data"]["boundary"] = {"type": "Polygon", "coordinates": [outer, hole]}
    assert [len(rings) for rings in compact(plan)["boundary"]["coordinates"]] == [2]


def test_a_place_without_a_position_is_counted_though_not_drawn() -> None:
    plan = small_plan()
    place = plan["district_data"]["places"][0]
    place["lon"], place["lat"] = float("nan"), None
    content = compact(plan)
    assert content["places"]["lon"][0] is None
    assert content["estimates"]["missing"] == 1
    assert 0 in content["rows"]["2025"]["place"]
    map_page(plan)


def test_a_site_that_only_a_place_names_is_still_shown_as_its_server() -> None:
    plan = small_plan()
    plan["places"][0]["served_by"] = "a hub elsewhere"
    content = compact(plan)
    mark = content["rows"]["2025"]["mark"][0]
    assert content["marks"]["name"][mark] == "a hub elsewhere"
    assert content["marks"]["actions"][mark] is None


@pytest.mark.parametrize("missing", sorted(set(small_plan()) - {"years"}))
def test_a_plan_that_lacks_a_part_still_gives_a_page(missing: str) -> None:
    plan = small_plan()
    del plan[missing]
    assert island(map_page(plan), "plan")["years"] == list(YEARS)


def test_an_empty_plan_gives_a_page() -> None:
    assert island(map_page({}), "plan")["years"] == []


def test_the_page_names_the_gap_of_every_stage_and_the_larger_one_of_a_strength() -> None:
    plan = small_plan()
    plan["stages"] = [
        {"name": "must.worst", "gap": 0.0},
        {"name": "must.sum", "gap": 0.002},
        {"name": "cost", "gap": 0.01},
    ]
    stages = compact(plan)["stages"]
    assert [gap for _, gap in stages] == [0.002, 0.01]
    assert stages[1][0]["zh"] == "费用"


def stop_of(content: dict[str, Any], plan: dict[str, Any], stop: int) -> str:
    """Return the id of a village or town by its position on the page."""
    if stop >= 0:
        return str(content["places"]["id"][stop])
    return str(plan["district_data"]["towns"][-1 - stop]["id"])


def lines_of(columns: dict[str, list[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


@pytest.fixture(params=["small", pytest.param("tiny", marks=pytest.mark.xdist_group("sent"))])
def sending_plan(request: pytest.FixtureRequest) -> dict[str, Any]:
    return small_plan() if request.param == "small" else dict(request.getfixturevalue("sent_plan").content)


def test_the_page_holds_every_visit_and_half_day_of_the_plan(sending_plan: dict[str, Any]) -> None:
    content = unpack_content(json.loads(json.dumps(pack_content(compact(sending_plan)))))
    ways = sorted(sending_plan["settings"]["outreach"])
    rounds = [
        {
            "year": row["year"], "way": ways[row["way"]], "by": content["marks"]["id"][row["mark"]],
            "to": stop_of(content, sending_plan, row["stop"]), "times": row["times"], "half_days": row["half_days"],
            "minutes": row["minutes"], "basis": content["bases"][row["basis"]],
        }
        for row in lines_of(content["rounds"])
    ]  # fmt: skip
    assert rounds == [{key: row[key] for key in rounds[0]} for row in sending_plan["rounds"]] != []
    half_days = [
        {key: rounds[row["round"]][key] for key in ("year", "way", "by", "to")}
        | {"team": row["team"], "week": row["week"]}
        | {"day": 1 + row["slot"] // 2, "half": ("am", "pm")[row["slot"] % 2]}
        for row in lines_of(content["visits"])
    ]
    assert half_days == sending_plan["timetable"] != []


def test_the_page_holds_every_tour_of_the_plan_with_its_months(sending_plan: dict[str, Any]) -> None:
    content = compact(sending_plan)
    rank_of = {row["pool"]: row["rank"] for row in sending_plan["postings"]}
    tours = [
        (
            row["year"], row["post"], row["first"], row["months"], bool(row["carried"]),
            content["marks"]["id"][row["mark"]], content["specialties"][row["specialty"]],
            content["ranks"][row["rank"]], content["senders"][row["sender"]],
        )
        for row in lines_of(content["tours"])
    ]  # fmt: skip

    def sender(code: str) -> list[Any]:
        supporter = sending_plan["settings"]["supporters"].get(code)
        return [supporter["name"], -1] if supporter else [{"zh": "", "en": ""}, content["marks"]["id"].index(code)]

    assert tours == [
        (
            row["year"], row["post"], row["first_month"], row["months"], row["carried"], row["to"],
            dict(catalogue()[f"term.{row['specialty']}"]), dict(catalogue()[f"rank.{rank_of[row['pool']]}"]),
            sender(row["from"]),
        )
        for row in sending_plan["roster"]
    ]  # fmt: skip


def test_a_tour_over_december_stands_in_the_first_months_of_its_year_too() -> None:
    content = compact(small_plan())
    # January to March, April to September, all the year, and October to March: bit 0 is January.
    there = content["tours"]["there"][:4]
    assert there == [0b000000000111, 0b000111111000, 0b111111111111, 0b111000000111]
    # At the first hub somebody is there all the year, at the second half of it; at the third never, but from afar.
    hubs = [content["marks"]["id"].index(hub) for hub in ("S00", "S01", "S02")]
    assert [content["support"]["2025"][str(hub)] for hub in hubs] == ["resident", "part", "remote"]


def test_a_tour_that_the_roster_has_no_months_for_is_shown_without_them() -> None:
    plan = small_plan()
    plan["roster"] = plan["roster"][:1]
    tours = lines_of(compact(plan)["tours"])
    assert [(tour["first"], tour["months"], tour["there"]) for tour in tours[:5]] == [
        (1, 3, 0b111),
        (None, 6, 0),
        (None, 12, 0),
        (None, 6, 0),
        (None, 12, 0),
    ]
    assert len(tours) == 1 + len(plan["postings"])


def test_rows_of_postings_and_rounds_that_lack_what_they_are_about_are_left_out() -> None:
    plan = small_plan()
    before = compact(plan)
    for table in ("postings", "roster", "remote", "rounds", "timetable", "care"):
        for key in list(plan[table][0]):
            plan[table].append({name: value for name, value in plan[table][0].items() if name != key})
        plan[table] += [None, {}, {"year": 1999}]
    after = compact(plan)
    assert after["visits"]["team"][: len(before["visits"]["team"])] == before["visits"]["team"]
    assert set(after["tours"]["year"]) == set(after["rounds"]["year"]) == set(YEARS)
    map_page(plan)


def test_in_a_crowd_the_next_best_is_said_for_those_whom_no_site_serves() -> None:
    plan = large_plan(10_100)
    care = compact(plan)["care"]
    unserved = [row for row in plan["care"] if row["how"] == "rounds"]
    assert len(plan["care"]) == 20_200
    assert care["cost"] == [row["next_cost"] for row in unserved]
    assert len(compact(small_plan())["care"]["cost"]) == len(small_plan()["care"])


@pytest.fixture(params=["small", pytest.param("tiny", marks=pytest.mark.xdist_group("hubs"))])
def belonging_plan(request: pytest.FixtureRequest) -> dict[str, Any]:
    return small_plan() if request.param == "small" else dict(request.getfixturevalue("hubs_plan").content)


def test_the_page_holds_every_member_function_and_reserve_of_the_plan(belonging_plan: dict[str, Any]) -> None:
    content = unpack_content(json.loads(json.dumps(pack_content(compact(belonging_plan)))))
    codes = [one["code"] for one in content["abilities"]]

    def site(at: int) -> str | None:
        return content["marks"]["id"][at] if at >= 0 else None

    members = [
        row | {"lead": site(row["lead"]), "id": site(row.pop("mark")), "before": site(row["before"])}
        for row in lines_of(content["consortia"])
    ]
    # (The workbook says what the minutes rest on.)
    told = [{key: value for key, value in row.items() if key != "how"} for row in belonging_plan["consortia"]]
    assert members == told != []
    functions = [
        row | {"function": codes[row.pop("ability")], "id": site(row.pop("mark")), "centre": site(row["centre"])}
        for row in lines_of(content["functions"])
    ]
    assert functions == belonging_plan["functions"] != []
    reserves = [
        row | {"id": site(row.pop("mark")), "resource": content["held"][row["resource"]]}
        for row in lines_of(content["reserves"])
    ]
    said = {"beds": dict(catalogue()["term.beds"]), "slots": dict(catalogue()["term.slots"])}
    assert reserves == [row | {"resource": said[row["resource"]]} for row in belonging_plan["reserves"]] != []


def test_a_function_bears_the_name_that_the_model_gives_it_else_its_code() -> None:
    plan = small_plan()
    abilities = {one["code"]: one for one in compact(plan)["abilities"]}
    assert abilities["imaging"]["name"] == {"zh": "影像中心", "en": "imaging centre"}
    assert abilities["imaging"]["kinds"] == ["hospital", "township_hospital"]
    assert [code for code, one in abilities.items() if one["centre"]] == ["imaging", "laboratory"]
    assert abilities["laboratory"]["code"] not in {row["function"] for row in plan["functions"]}
    assert abilities["more_03"]["name"] == {"zh": "more_03", "en": "more_03"}


def test_rows_of_consortia_and_functions_that_lack_what_they_are_about_are_left_out() -> None:
    plan = small_plan()
    before = compact(plan)
    for table in ("consortia", "functions", "reserves"):
        plan[table] += [None, {}, {"year": 1999}, {"year": YEARS[0], "function": "imaging"}, {"id": "S00"}]
    after = compact(plan)
    assert {name: after[name] for name in ("consortia", "functions", "reserves", "abilities")} == {
        name: before[name] for name in ("consortia", "functions", "reserves", "abilities")
    }


def test_the_functions_of_many_clinics_take_little_room() -> None:
    plan = small_plan()
    clinics = [plan["sites"][5] | {"id": f"C{number:03d}"} for number in range(170)]
    plan["sites"] += clinics
    without = len(map_page(plan).encode())
    # Every third clinic gets each of six functions, in one of three years: what a large district has.
    plan["functions"] += [
        {
            "function": f"function_{name}",
            "id": f"C{at:03d}",
            "since": 2025 + (name + at) % 3,
            "until": None,
            "centre": None,
        }
        for name in range(6)
        for at in range(170)
        if (7 * at + name) % 3
    ]
    rows = sum(row["id"].startswith("C") for row in plan["functions"])
    assert rows == 680
    assert len(map_page(plan).encode()) - without < 5 * rows


def test_no_text_of_our_scripts_goes_over_several_lines() -> None:
    # (Their lines lose the blanks before them, and remarks, on their way into the page.)
    for path in (bundled() / "maps").glob("*.js"):
        source = path.read_text("utf-8")
        assert [line for line in source.splitlines() if line.count("`") % 2] == []
        kept = page._without_remarks(source).splitlines()
        code = [line.strip() for line in source.splitlines()]
        assert kept == [line for line in code if line and not line.startswith(("//", "/*"))]


numbers = st.one_of(
    st.none(),
    st.integers(),
    st.integers(-50, 50),
    st.decimals(-200, 200, places=5).map(float),
    st.decimals(0, 60, places=1).map(float),
    st.floats(allow_nan=False, allow_infinity=False),
)
columns = st.one_of(
    st.lists(numbers),
    st.lists(st.integers(0, 3), min_size=20),
    st.lists(st.text(st.characters(exclude_categories=()))),
    st.lists(st.sampled_from(HOSTILE_TEXTS[:16])),
    st.lists(st.one_of(st.booleans(), st.text(), st.integers())),
)


def halves(value: Any) -> Any:
    """Return a text as the halves of characters that a browser sees, anything else as it is."""
    return value.encode("utf-16-le", "surrogatepass") if isinstance(value, str) else value


@given(columns, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_a_packed_column_comes_back_as_it_was(column: list[Any], chance: Any) -> None:
    known = [chance.choice([None, value, 7, 0.25, 1e300]) for value in column]
    known = [value if isinstance(value, int | float) and not isinstance(value, bool) else None for value in known]
    for helped in (None, known):
        through_the_page = json.loads(json.dumps(pack(column, helped)))
        back = unpack(through_the_page, helped)
        assert [halves(value) for value in back] == [halves(value) for value in column]


@pytest.mark.parametrize("make", [small_plan, hostile_plan, lambda: large_plan(500)])
def test_a_packed_plan_comes_back_as_it_was(make: Any) -> None:
    content = compact(make())
    assert unpack_content(json.loads(json.dumps(pack_content(content)))) == json.loads(json.dumps(content))


def test_numbers_that_follow_from_what_is_known_take_no_room() -> None:
    assert len(pack(list(range(10_000)))["numbers"]) < 10
    assert len(pack([3.7] * 10_000)["numbers"]) < 10
    people = [(7919 * at) % 5000 for at in range(10_000)]
    assert len(pack(people, people)["numbers"]) < 10 < len(pack(people)["numbers"])


def test_fifty_thousand_places_take_at_most_three_megabytes_beside_a_page_of_a_third() -> None:
    page_alone = len(map_page({}).encode())
    assert page_alone <= 335_000
    assert len(map_page(large_plan(50_000)).encode()) - page_alone <= 3_000_000


def test_towns_of_a_real_plan_are_drawn_with_the_borders_that_they_have(tiny_plan: Plan) -> None:
    content, known = compact(tiny_plan.content), Areas(tiny_plan.content).towns()
    drawn = content["areas"]["towns"]
    codes = [town["id"] for town in tiny_plan.content["district_data"]["towns"]]
    assert {codes[int(at)] for at in drawn} == {code for code, area in known.items() if not area.is_empty}
    shapes = {codes[int(at)]: polygon(area) for at, area in drawn.items()}
    for code, shape in shapes.items():
        assert shape.symmetric_difference(known[code]).area < 0.1 * known[code].area
    total = sum(shape.area for shape in shapes.values())
    assert shapely.union_all(list(shapes.values())).area == pytest.approx(total, rel=1e-3)  # none lies on another


def test_every_year_has_its_reach_and_a_year_like_the_one_before_is_not_told_twice(tiny_plan: Plan) -> None:
    drawn = compact(tiny_plan.content)["areas"]["reach"]
    before = None
    for year, area in sorted(Areas(tiny_plan.content).reach().items()):
        before = drawn.get(str(year), before)
        assert before is not None
        assert polygon(before).symmetric_difference(area).area < 0.02 * area.area
    again = [drawn[year] for year in sorted(drawn)]
    assert all(one != other for one, other in pairwise(again))


def polygon(area: dict[str, list[float]]) -> Any:
    """Return an area as its rings say: what lies within an odd number of them."""
    spots, found = list(zip(area["lon"], area["lat"], strict=True)), shapely.Polygon()
    for count in area["corners"]:
        found = found.symmetric_difference(shapely.Polygon(spots[:count]).buffer(0))
        spots = spots[count:]
    assert spots == []
    return found


@pytest.mark.parametrize("missing", ["settings", "district_data", "sites", "places", "years"])
def test_a_real_plan_that_lacks_a_part_is_drawn_without_areas(tiny_plan: Plan, missing: str) -> None:
    plan = {key: value for key, value in tiny_plan.content.items() if key != missing}
    assert compact(plan)["areas"] == {"towns": {}, "reach": {}}
    map_page(plan)


@pytest.mark.parametrize("missing", ["boundary", "epsg", "places", "towns"])
def test_a_real_plan_whose_district_lacks_a_part_is_drawn_without_areas(tiny_plan: Plan, missing: str) -> None:
    district = {key: value for key, value in tiny_plan.content["district_data"].items() if key != missing}
    assert compact({**tiny_plan.content, "district_data": district})["areas"] == {"towns": {}, "reach": {}}
