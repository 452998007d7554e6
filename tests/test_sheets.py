"""The tables of a plan: what their lines say, in what order, and what stands blank because nobody knows it."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from allocate.candidates import make_case
from allocate.model import model_of
from allocate.plans import Plan, district_of, inputs_of, standing_today
from allocate.report.reasons import reason
from allocate.report.sheets import sheets
from allocate.report.table import Cell, Sheet, clean
from allocate.words import LANGUAGES, Language, catalogue, say_in

Content = dict[str, Any]
NAMES = (
    *(
        "years",
        "scorecard",
        "sites",
        "worth",
        "change_log",
        "towns",
        "today_and_planned",
        "places",
        "budget",
        "coverage",
        "ages",
        "fairness",
        "proof",
        "nesting",
    ),
    *("draws", "front", "assumptions", "problems", "sources"),
)


@pytest.fixture
def content(tiny_plan: Plan) -> Content:
    return copy.deepcopy(dict(tiny_plan.content))


@pytest.fixture
def tables(content: Content) -> dict[str, Sheet]:
    return sheets(content, "en")


def lines(sheet: Sheet, **where: Cell) -> list[dict[str, Cell]]:
    """Return the lines of a sheet that hold some cells."""
    return [row for row in sheet.records() if all(row[name] == cell for name, cell in where.items())]


def draw(seed: int, **sites_by_town: int) -> Mapping[str, Any]:
    """Return what one possible district came to, with as many sites in 2027 as in 2025."""
    sites = {town: {"2025": number, "2027": number} for town, number in sites_by_town.items()}
    every = sum(sites_by_town.values())
    return {
        "seed": seed,
        "sites": {"2025": every, "2027": every},
        "sites_by_town": sites,
        "served": {"2025": 27_000 + seed, "2027": 31_000 + seed},
        "coverage": {"2025": 0.7762, "2027": 0.8912},
        "goal": "cost",
        "value": 3_900_000.0,
        "bound": 3_800_000.0,
        "gap": 0.025641026,
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_column_has_a_heading_and_no_two_of_a_sheet_have_the_same(content: Content, language: Language) -> None:
    content["draws"] = [draw(1, T1=1)]
    made = sheets(content, language)
    assert tuple(made) == NAMES
    for sheet in made.values():
        headings = [field.heading(language) for field in sheet.fields]
        assert all(headings)
        assert len(set(headings)) == len(headings), sheet.name
        assert len({field.name for field in sheet.fields}) == len(headings)
        assert all(field.name.isascii() and field.name.isidentifier() for field in sheet.fields)
        assert not [text for text in headings + [field.note(language) for field in sheet.fields] if "{" in text]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_of_every_sheet_has_a_word(content: Content, language: Language) -> None:
    met = set()
    for sheet in sheets(content, language).values():
        for field in sheet.fields:
            if field.kind != "code":
                continue
            for cell in sheet.column(field.name):
                assert cell is None or f"{field.group}.{cell}" in catalogue()
                met |= {field.group} if cell is not None else set()
    assert met == {
        "clause",
        "strength",
        "sense",
        "unit",
        "basis",
        "action",
        "kind",
        "status",
        "sheet",
        "projection",
        "age",
        "way_by",
        "changed",
        "paid_for",
    }


def test_a_code_without_a_word_stands_as_it_is(content: Content) -> None:
    content["scorecard"][0].update(unit="hats per head", document_status="draft")
    sheet = sheets(content, "en")["scorecard"]
    said = {field.name: [field.say(cell, "en") for cell in sheet.column(field.name)] for field in sheet.fields}
    assert said["unit"].count("hats per head") == 1
    assert said["document_status"].count("draft") == 1


def test_both_languages_hold_the_same_figures(content: Content) -> None:
    chinese, english = (sheets(content, language) for language in LANGUAGES)
    for name in NAMES:
        numbers = [field.name for field in english[name].fields if field.is_number]
        assert [chinese[name].column(number) for number in numbers] == [english[name].column(n) for n in numbers]


def test_a_year_says_people_sites_open_by_kind_and_money(tables: dict[str, Sheet]) -> None:
    (row,) = lines(tables["years"], year=2027)
    # The hospital, two township hospitals, one centre and the old station were there; the old clinic closed; ten
    # clinics opened.
    kinds = ("hospital", "township_hospital", "community_centre", "station", "clinic")
    assert [row[f"open_{kind}"] for kind in kinds] == [1, 2, 1, 1, 10]
    assert row["served_share"] == 31_370 / 34_781
    # Five clinics at 150,000; the station at 400,000 and ten clinics at 60,000 a year, for one year.
    assert (row["opening"], row["yearly"], row["total"]) == (750_000, 1_000_000, 1_750_000)
    assert row["open_hospital"] == 1, "the plan says what works there"
    assert "pay" not in row, "the plan decides nothing about staff"


def test_what_is_missed_is_read_first_and_the_order_of_the_model_stays(content: Content) -> None:
    sheet = sheets(content, "en")["scorecard"]
    assert sheet.column("status") == ["missed", *["met"] * (len(sheet.rows) - 1)]
    (missed,) = lines(sheet, status="missed")
    assert (missed["rule"], missed["year"], missed["shortfall"], missed["unit"]) == ("every_place", 2027, 3411, "ratio")
    assert str(missed["causes"]).startswith("杨园社区居委会 2,292; 谢庄村委会 371; ")
    in_the_model = [row["rule"] for row in content["scorecard"] if row["status"] != "missed"]
    assert sheet.column("rule")[1:] == in_the_model


def test_a_clause_whose_deadline_has_passed_is_reported_with_nothing_known(content: Content) -> None:
    blank = dict.fromkeys(("target", "today", "value", "shortfall"))
    content["scorecard"].append(content["scorecard"][0] | blank | {"year": 2024, "status": "reported"})
    (row,) = lines(sheets(content, "en")["scorecard"], year=2024)
    assert blank.items() <= row.items()


def test_the_district_comes_first_in_every_year_and_then_the_town_worst_served(tables: dict[str, Sheet]) -> None:
    towns = tables["towns"]
    assert list(zip(towns.column("year"), towns.column("town_id"), strict=True)) == [
        (2025, None), (2025, "T1"), (2025, "T3"), (2025, "T2"), (2027, None), (2027, "T1"), (2027, "T2"), (2027, "T3"),
    ]  # fmt: skip
    # 11,000 of 16,480; 7,577 of 8,968; 8,962 of 9,333 people.
    assert towns.column("served_share")[1:4] == [11_000 / 16_480, 7_577 / 8_968, 8_962 / 9_333]
    assert towns.column("town")[0] == "whole district"


def test_a_town_where_nobody_lives_has_no_share_and_comes_last(content: Content) -> None:
    for row in content["ledger"]:
        if row["scope"] == "T1":
            row.update(dict.fromkeys(("people", "served", "no_capacity", "out_of_range"), 0))
    first_year = lines(sheets(content, "en")["towns"], year=2025)
    assert (first_year[-1]["town_id"], first_year[-1]["served_share"]) == ("T1", None)


def test_known_stock_fills_today_with_what_stands_today(content: Content, tables: dict[str, Sheet]) -> None:
    district = district_of(content)
    case = make_case(district, model_of(content["settings"], "tiny", "settings", inputs_of(content, "model")))
    served = standing_today(case).served
    for town in ("T1", "T2", "T3"):
        members = [i for i, place in enumerate(district.places) if place.town == town]
        people = sum(served.get((i, 0), 0) for i in members)
        assert people > 0
        for row in lines(tables["towns"], town_id=town):
            assert row["today_served"] == people
            assert row["today_share"] == people / sum(district.places[i].people for i in members)
    everybody = sum(people for (_, t), people in served.items() if t == 0)
    assert {row["today_served"] for row in lines(tables["towns"], town_id=None)} == {everybody}
    assert None not in tables["scorecard"].column("today")


def test_unknown_stock_leaves_today_blank(content: Content) -> None:
    content["today"] = []
    for row in content["scorecard"]:
        row["today"] = None
    made = sheets(content, "en")
    for name in ("today_served", "today_share"):
        assert set(made["towns"].column(name)) == {None}
    assert set(made["scorecard"].column("today")) == {None}


def test_a_plan_of_an_earlier_version_has_no_today_and_no_problems(content: Content) -> None:
    del content["today"], content["problems"]
    made = sheets(content, "en")
    assert set(made["towns"].column("today_served")) == {None}
    assert not made["problems"].rows


def test_only_clinics_and_stations_count_as_sited(tables: dict[str, Sheet]) -> None:
    # In 2025 the old station and five clinics; the three hubs are no choice of the plan.
    assert [row["sited"] for row in lines(tables["towns"], year=2025)] == [6, 1, 2, 3]


def test_the_range_over_the_draws_is_the_fewest_and_the_most_sites_of_each_town(content: Content) -> None:
    # Towns T1, T2, T3; the second draw has none in T1.
    content["draws"] = [draw(5, T1=2, T2=3, T3=2), draw(6, T2=4, T3=4), draw(7, T1=1, T2=3, T3=2)]
    made = sheets(content, "en")
    found = {row["town_id"]: (row["draws_low"], row["draws_high"]) for row in lines(made["towns"], year=2025)}
    assert found == {None: (6, 8), "T1": (0, 2), "T2": (3, 4), "T3": (2, 4)}
    assert made["draws"].column("seed") == [5, 6, 7]
    assert made["draws"].column("reached_2027") == [31_005, 31_006, 31_007]
    assert made["draws"].column("goal") == ["cost"] * 3


def test_without_estimates_there_are_no_draws_and_no_range(tables: dict[str, Sheet]) -> None:
    assert not tables["draws"].rows
    assert {*tables["towns"].column("draws_low"), *tables["towns"].column("draws_high")} == {None}


def test_the_circle_of_the_plan_is_the_one_of_the_towns(content: Content, tables: dict[str, Sheet]) -> None:
    (district,) = lines(tables["towns"], year=2025, town_id=None)
    assert (district["covered"], district["covered_share"]) == (29_875, 0.858945976)
    assert set(tables["coverage"].column("preset")) == {"eight_minutes", "walk_15"}
    assert lines(tables["coverage"], preset="eight_minutes", year=2025, town_id=None)[0]["covered"] == 29_875


def test_known_stock_tells_who_is_within_each_reading_of_the_circle_today(
    content: Content, tables: dict[str, Sheet]
) -> None:
    district = district_of(content)
    model = model_of(content["settings"], "tiny", "settings", inputs_of(content, "model"))
    shares = set()
    for preset in ("eight_minutes", "walk_15"):
        case = make_case(district, model, preset)
        inside = [any(case.sites[j].exists for j in sites) for sites in case.sites_of]
        for town in (None, "T1", "T2", "T3"):
            members = [i for i, place in enumerate(district.places) if town in (None, place.town)]
            people = [district.places[i].people or 0 for i in members]
            covered = sum(number for i, number in zip(members, people, strict=True) if inside[i])
            for row in lines(tables["coverage"], preset=preset, town_id=town):
                assert row["today_covered"] == covered
                assert row["today_covered_share"] == pytest.approx(covered / sum(people), abs=1e-9)
            shares.add(covered / sum(people))
    assert len(shares) > 2, "the readings and the towns differ"
    assert {row["share_asked"] for row in lines(tables["coverage"], preset="walk_15")} == {0.8}
    assert {row["share_asked"] for row in lines(tables["coverage"], preset="eight_minutes")} == {None}


def test_unknown_stock_leaves_the_coverage_of_today_blank(content: Content) -> None:
    for row in content["coverage"]:
        row["today"] = None
    del content["coverage"][0]["today"]  # (a plan of an earlier version)
    coverage = sheets(content, "en")["coverage"]
    assert {*coverage.column("today_covered"), *coverage.column("today_covered_share")} == {None}


def test_an_open_site_says_whom_it_serves_and_who_has_no_other(content: Content, tables: dict[str, Sheet]) -> None:
    (row,) = lines(tables["sites"], id="clinic-T2015")
    assert row["reason"] == "serves 2,500 people in 2027; 1,861 people have no other site within their circle"
    (site,) = [site for site in content["sites"] if site["id"] == "clinic-T2015"]
    assert reason(site, content["years"], "zh") == "2027年服务2,500人；圈内有1,861人只有这一处可去"
    assert row["parent"] == "杨林镇卫生院", "the hub's name, not its id"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_closed_site_says_why_and_serves_nobody(content: Content, language: Language) -> None:
    (row,) = lines(sheets(content, language)["sites"], action="close")
    assert row["reason"] == say_in(language, "sites.closed", year=2027)
    content["sites"] = [
        site | {"only_site_of": {"2027": 850}} for site in content["sites"] if site["action"] == "close"
    ]
    (row,) = lines(sheets(content, language)["sites"], action="close")
    assert row["reason"] == say_in(language, "sites.closed_alone", year=2027, alone=850)
    assert [row[f"serves_{year}"] for year in (2025, 2027)] == [0, 0]
    assert row["cost"] == 0


def test_a_site_that_opens_later_serves_nobody_before(tables: dict[str, Sheet]) -> None:
    (row,) = lines(tables["sites"], id="clinic-T1009")
    assert (row["year"], row["action"], row["serves_2025"], row["serves_2027"]) == (2027, "open", 0, 396)
    assert row["until"] is None


def test_a_site_that_is_kept_and_closed_later_says_until_when_in_both_lines(content: Content) -> None:
    (closed,) = [site for site in content["sites"] if site["action"] == "close"]
    kept = closed | {"action": "keep", "people": {"2025": 0}, "only_site_of": {"2025": 0}}
    closed["year"] = 2027
    content["sites"].append(kept)
    rows = lines(sheets(content, "en")["sites"], id="old-clinic")
    assert [(row["year"], row["action"], row["until"]) for row in rows] == [(2025, "keep", 2027), (2027, "close", 2027)]


def test_a_place_shared_by_two_sites_has_a_line_for_each_that_add_up(
    content: Content, tables: dict[str, Sheet]
) -> None:
    shared = lines(tables["places"], id="T1002", year=2025)
    assert [(row["part"], row["residents"]) for row in shared] == [(1_070, 1_208), (138, 1_208)]
    assert [row["served_by_name"] for row in shared] == ["柳河街道社区卫生服务中心", "园东社区卫生服务站"]
    for place in content["district_data"]["places"]:
        for year in content["years"]:
            rows = lines(tables["places"], id=place["id"], year=year)
            assert sum(int(str(row["part"])) for row in rows) == place["people"] == rows[0]["residents"]


def test_a_place_without_a_site_in_reach_has_neither_site_nor_minutes(tables: dict[str, Sheet]) -> None:
    outside = lines(tables["places"], status="out_of_range")
    assert outside
    assert {(row["served_by"], row["served_by_name"], row["minutes"]) for row in outside} == {(None, None, None)}


def test_stages_say_their_share_as_a_fraction_and_their_gap(tables: dict[str, Sheet]) -> None:
    proof = {row["stage"]: row for row in tables["proof"].records()}
    assert proof["clauses in principle · sum of shortfalls"] == {
        "stage": "clauses in principle · sum of shortfalls", "stage_value": 4.910060946, "bound": 4.905075552,
        "gap": 0.001015343, "tolerance": 0.004910061, "unit": "ratio",
    }  # fmt: skip
    assert proof["cost"]["unit"] == "yuan"


def test_what_is_odd_in_the_data_is_told_in_words(tables: dict[str, Sheet]) -> None:
    (row,) = tables["problems"].records()
    assert (row["file"], row["row"], row["found"]) == ("places.csv", None, "T3040")
    assert "苇荡区" in str(row["advice"])
    assert "95" in str(row["advice"])


def test_assumptions_and_sources_name_what_the_plan_rests_on(content: Content, tables: dict[str, Sheet]) -> None:
    assert sum(int(str(cell)) for cell in tables["assumptions"].column("cells")) == sum(
        row["rows"] for row in content["assumptions"]
    )
    found = {(row["source_kind"], row["item"]): row for row in tables["sources"].records()}
    assert found["fact", "residents"]["figure"] == "34,781 people"
    assert {item for kind, item in found if kind == "file"} == {row["path"] for row in content["inputs"]}
    assert found["program", "allocate"]["figure"] == content["versions"]["allocate"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("村\n屯\t镇", "村\n屯\t镇"),
        ("a\x00b\x0bc\rd\x1be", "a␀b␋c␍d␛e"),
        ("\x7f", "␡"),
        ("half \ud83d of", "half \ufffd of"),
        ("no \ufffe \uffff", "no \ufffd \ufffd"),
        ("whole 😀 𠮷", "whole 😀 𠮷"),
        ("\u202eleft", "\u202eleft"),
    ],
)
def test_a_character_that_no_file_can_hold_is_shown_as_its_picture(text: str, shown: str) -> None:
    assert clean(text) == shown


def rename_place(content: Content, text: str) -> None:
    content["district_data"]["places"][0]["name"] = text


def rename_town(content: Content, text: str) -> None:
    content["district_data"]["towns"][0]["name"] = text


def rename_site(content: Content, text: str) -> None:
    content["sites"][0]["name"] = text


def requote(content: Content, text: str) -> None:
    content["scorecard"][0]["quote"] = text


def rename_circle(content: Content, text: str) -> None:
    content["settings"]["circles"]["eight_minutes"]["name"]["en"] = text


@pytest.mark.parametrize("rename", [rename_place, rename_town, rename_site, requote, rename_circle])
def test_every_text_of_every_sheet_is_one_that_files_can_hold(
    content: Content, rename: Callable[[Content, str], None]
) -> None:
    rename(content, "bell\x07")
    cells = [str(cell) for sheet in sheets(content, "en").values() for row in sheet.rows for cell in row]
    assert [cell for cell in cells if "bell␇" in cell]
    assert not [cell for cell in cells if "\x07" in cell]
