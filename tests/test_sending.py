"""Postings and rounds where planners look: every line of the tables counted by hand, in words that people use."""

import copy
import io
import re
import sqlite3
import zipfile
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from conftest import copy_tiny
from hypothesis import given
from hypothesis import strategies as st
from sending import with_sending
from staffed import staffed_content

from allocate.plans import Plan
from allocate.report.away import months_there, say_months, supported
from allocate.report.frames import LAYERS, SENDING_LAYERS, frame, layers
from allocate.report.geopackage import geopackage
from allocate.report.sending import SENDING_SHEETS
from allocate.report.sheets import SHEETS, STATUSES, sheets
from allocate.report.summary import summary
from allocate.report.table import Cell, Sheet
from allocate.report.workbook import workbook
from allocate.words import LANGUAGES, Language, catalogue, speaking

Content = dict[str, Any]


@pytest.fixture
def content(tiny_plan: Plan) -> Content:
    return with_sending(tiny_plan.content)


@pytest.fixture
def tables(content: Content) -> dict[str, Sheet]:
    return sheets(content, "en")


def said(sheet: Sheet, *columns: str, language: Language = "en", **where: Cell) -> list[tuple[Cell, ...]]:
    """Return some cells of the lines that hold others, as people read them."""
    fields = {field.name: field for field in sheet.fields}
    rows = [row for row in sheet.records() if all(row[name] == cell for name, cell in where.items())]
    return [tuple(fields[name].say(row[name], language) for name in columns) for row in rows]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_plan_with_postings_and_rounds_has_their_tables_between_the_towns_and_the_places(
    content: Content, language: Language
) -> None:
    made = sheets(content, language)
    assert tuple(made) == (*SHEETS[:7], *SENDING_SHEETS, *SHEETS[7:])
    for sheet in made.values():
        headings = [field.heading(language) for field in sheet.fields]
        assert len(set(headings)) == len(headings), sheet.name
        for field in sheet.fields:
            codes = {cell for cell in sheet.column(field.name) if cell is not None} if field.kind == "code" else set()
            assert not [code for code in codes if f"{field.group}.{code}" not in catalogue()]


def test_a_plan_that_decides_neither_has_no_table_and_no_column_of_them(tiny_plan: Plan) -> None:
    made = sheets(tiny_plan.content, "en")
    assert tuple(made) == SHEETS
    assert "postings" not in {field.name for field in made["budget"].fields}
    assert tuple(layers(tiny_plan.content)) == LAYERS


def test_a_plan_of_an_earlier_version_has_nobody_posted_in_its_tables(tiny_plan: Plan) -> None:
    content = copy.deepcopy(dict(tiny_plan.content))
    for key in ("postings", "roster", "remote", "rounds", "timetable"):
        content.pop(key, None)
    for row in (*content["ledger"], *content["ledger_by_age"]):
        del row["posted"]
    made = sheets(content, "en")
    assert {cell for name in ("years", "towns", "ages") for cell in made[name].column("posted")} == {0}


def test_a_plan_that_only_says_how_it_would_post_has_empty_tables(content: Content) -> None:
    for key in ("postings", "roster", "remote", "rounds", "timetable", "readings", "care", "fits"):
        del content[key]
    made = sheets(content, "en")
    assert {name for name in SENDING_SHEETS if name in made} == {
        "postings_by_hub", "postings_by_hospital", "roster", "rounds", "timetable", "timetable_by_team",
    }  # fmt: skip
    # (Every hub has a line that says that nobody is there.)
    assert {*made["postings_by_hub"].column("support")} == {"none"}
    assert not [name for name in ("roster", "rounds", "timetable_by_team") if made[name].rows]
    assert {name: len(layer) for name, layer in layers(content).items() if name in SENDING_LAYERS} == {
        "postings": 0, "rounds": 0,
    }  # fmt: skip
    with speaking("en"):
        text = summary(content)
    assert [line for line in text if line.startswith(("postings", "rounds"))] == [
        "postings  nobody is posted",
        "rounds    nobody is visited",
    ]
    assert workbook(content, "zh")


def test_a_hub_says_who_is_there_and_when_and_what_supports_it(tables: dict[str, Sheet]) -> None:
    columns = ("hub_id", "support", "sender", "specialty", "rank", "post", "months", "carried", "remote_for")
    hubs = tables["postings_by_hub"]
    assert said(hubs, *columns, year=2025) == [
        ("hub-1", "all the year", "柳河医院", "internal medicine", "attending physician", 1, "Jan–Dec", "no", None),
        ("hub-2", "all the year", "柳河医院", "internal medicine", "attending physician", 2, "Jan–Jun", "no", None),
        ("hub-2", "all the year", "柳河医院", "internal medicine", "attending physician", 2, "Jul–Dec", "no", None),
        ("hub-3", "in some months", "a tertiary hospital", "Chinese medicine", "associate-senior", 1, "Apr–Sep", "no",
         None),
    ]  # fmt: skip
    # In 2027 hub-2 has Oct–Mar, and Jan–Mar of one from the year before: seven months are empty.
    assert said(hubs, *columns, year=2027)[1:] == [
        ("hub-2", "in some months", "a tertiary hospital", "Chinese medicine", "associate-senior", 1, "Jan–Mar", "yes",
         None),
        ("hub-2", "in some months", "a tertiary hospital", "Chinese medicine", "associate-senior", None, None, "no",
         None),
        ("hub-2", "in some months", "柳河医院", "internal medicine", "attending physician", 2,
         "Oct–Mar of the next year", "no", None),
        ("hub-3", "remote consultation", None, None, None, None, None, None, "an_expert (nurses)"),
    ]  # fmt: skip


def test_a_hospital_finds_the_same_tours_by_its_posts(tables: dict[str, Sheet]) -> None:
    hospital = said(tables["postings_by_hospital"], "post", "months", "hub_id", sender_id="hospital-1", year=2025)
    assert hospital == [(1, "Jan–Dec", "hub-1"), (2, "Jan–Jun", "hub-2"), (2, "Jul–Dec", "hub-2")]
    by_hub = Counter(row for row in said(tables["postings_by_hub"], "year", "hub_id", "sender_id", "months") if row[2])
    assert by_hub == Counter(said(tables["postings_by_hospital"], "year", "hub_id", "sender_id", "months"))


def test_the_roster_shows_the_months_of_every_post_and_who_was_there_before(tables: dict[str, Sheet]) -> None:
    roster = tables["roster"]
    months = [f"month_{month}" for month in range(1, 13)]
    found = {
        (row["year"], row["hub_id"], row["specialty"]): "".join(str(row[month] or "-") for month in months)
        for row in roster.records()
        if row["year"] == 2027
    }
    # The tour from October on stands in January to March of the same year: years repeat.
    assert found == {
        (2027, "hub-1", "internal_medicine"): "●●●●●●●●●●●●",
        (2027, "hub-2", "internal_medicine"): "●●●------●●●",
        (2027, "hub-2", "tcm"): "○○○---------",
    }
    assert [field.heading("zh") for field in roster.fields if field.kind == "mark"][:2] == ["1月", "2月"]


def test_a_first_year_that_does_not_repeat_ends_in_december(content: Content) -> None:
    content["settings"]["postings"]["cyclic"] = False
    tour = content["roster"][3] | {"first_month": 10}
    assert months_there(content, tour) == (10, 11, 12)
    assert months_there(content, tour | {"year": 2027}) == (10, 11, 12, 1, 2, 3)


@given(first=st.integers(1, 12), months=st.integers(1, 12))
def test_a_span_of_months_names_its_first_and_its_last(first: int, months: int) -> None:
    names = [say_months(month, 1, "en") for month in range(1, 13)]
    text = say_months(first, months, "en")
    assert text.startswith(names[first - 1])
    assert ("next year" in text) == (first + months > 13)
    assert text.split("–")[-1].split(" ")[0] == names[(first + months - 2) % 12]


def test_remote_consultation_counts_only_where_nobody_is_all_the_year(content: Content) -> None:
    content["remote"].append({"year": 2025, "rule": "x", "id": "hub-1", "with": "nurses"})
    found = supported(content)
    assert found == {
        ("hub-1", 2025): "resident", ("hub-2", 2025): "resident", ("hub-3", 2025): "part",
        ("hub-1", 2027): "resident", ("hub-2", 2027): "part", ("hub-3", 2027): "remote",
    }  # fmt: skip
    # (What it stands in for is told all the same.)
    rows = said(sheets(content, "en")["postings_by_hub"], "remote_for", hub_id="hub-1", year=2025)
    assert rows == [("x (nurses)",)]


def test_a_village_finds_who_comes_how_often_and_when(content: Content, tables: dict[str, Sheet]) -> None:
    people = {row["id"]: row["people"] for row in content["places"] if row["year"] == 2027}
    (town,) = [row["people"] for row in content["ledger"] if (row["scope"], row["year"]) == ("T2", 2027)]
    rounds = said(tables["rounds"], "way", "base_id", "id", "people", "times", "per", "half_days", "one_way", year=2027)
    assert rounds == [
        ("village rounds", "hub-1", "T1012", people["T1012"], 2, "week", 1, 7),
        ("staff posted in villages", "hub-2", "T2024", people["T2024"], 5, "week", 2, 7),
        ("town rounds", "hospital-1", None, town, 1, "month", 1, 24),
    ]
    times = said(tables["timetable"], "week", "day", "half", "id", year=2027, way_id="village_rounds")
    assert times == [("every week", "Monday", "morning", "T1012"), ("every week", "Wednesday", "morning", "T1012")]
    assert said(tables["timetable"], "week", "day", "half", "town_id", year=2027, way_id="town_rounds") == [
        ("week 3", "Friday", "morning", "T2"),
    ]


def test_a_team_finds_its_week_in_two_lines(content: Content, tables: dict[str, Sheet]) -> None:
    names = {place["id"]: place["name"] for place in content["district_data"]["places"]}
    days = ("mon", "tue", "wed", "thu", "fri")
    rounds = said(tables["timetable_by_team"], "half", *days, year=2027, way_id="village_rounds")
    name = names["T1012"]
    assert rounds == [("morning", name, None, name, None, None), ("afternoon", *[None] * 5)]
    posts = said(tables["timetable_by_team"], *days, year=2027, way_id="village_posts")
    assert posts == [(names["T2024"],) * 5] * 2


def test_two_stops_in_one_half_day_are_both_shown(content: Content) -> None:
    row = content["timetable"][0]
    content["timetable"].append(row | {"to": "T1001"})
    names = {place["id"]: place["name"] for place in content["district_data"]["places"]}
    (line, _) = said(sheets(content, "en")["timetable_by_team"], "mon", year=2025, way_id="village_rounds")
    assert line == (f"{names[row['to']]}, {names['T1001']}",)


def test_every_reading_of_a_clause_is_told_and_the_one_that_is_planned(tables: dict[str, Sheet]) -> None:
    assert said(tables["readings"], "reading", "planned", "villages", "half_days_week", "teams_needed") == [
        ("villages out of reach of any site", "no", 3, 6, 1),
        ("villages without a site of their own", "no", 41, 82, 9),
        ("every village", "yes", 60, 120, 12),
        ("villages of a list", "no", 0, 0, 0),
    ]


def test_a_place_says_how_it_is_served_why_and_what_else_would_cost(content: Content, tables: dict[str, Sheet]) -> None:
    care = tables["care"]
    assert len(care.rows) == len({(row["id"], row["year"]) for row in content["places"]})
    assert said(care, "how", "by_id", id="T2024", year=2027) == [("staff posted there", "hub-2")]
    assert said(care, "how", "by_id", "next_by_name", id="T1012", year=2027)[0][:2] == ("rounds", "hub-1")
    first, second = said(care, "why_so", "next", "next_cost")[:2]
    assert first == ("enlarged from 2031 on; whom it serves stands in its other line", None, None)
    # (A reason that nobody wrote down stands as it is.)
    assert second == ("nobody knows", "rounds", 993)


def test_what_a_hub_needs_most_stands_first(tables: dict[str, Sheet]) -> None:
    assert said(tables["fits"], "specialty", "need", "month_count") == [
        ("paediatrics", 1.0, 0),
        ("Chinese medicine", 0.4, 6),
    ]


def test_the_money_of_postings_and_rounds_stands_beside_what_is_for_sites(tables: dict[str, Sheet]) -> None:
    for name in ("years", "budget"):
        rows = said(tables[name], "yearly", "postings", "outreach", "recurrent", "opening", "capital")
        for yearly, postings, outreach, recurrent, opening, capital in rows:
            assert recurrent == int(str(yearly)) + int(str(postings)) + int(str(outreach))
            assert capital == opening
        assert {row[1:3] for row in rows} == {(61_000, 8_230)}


def test_the_people_of_every_status_stand_in_the_lines_of_the_terminal(content: Content) -> None:
    with speaking("en"):
        lines = summary(content)
    (people,) = [line for line in lines if line.startswith("people")]
    row = next(row for row in content["ledger"] if (row["scope"], row["year"]) == ("district", 2027))
    assert f"rounds {row['rounds']:,}, posted staff {row['posted']:,}" in people
    assert sum(row[status] for status in STATUSES) == row["people"]
    # 2025: the posts 1 and 2 of the hospital and one of the city; 2027: the same. Two hubs have somebody all the year,
    # then one, while another has remote consultation.
    assert "postings  2025 3 posts away, 2 of 3 hubs have somebody posted all the year, 1 in some months; " in lines[7]
    assert "2027 3 posts away, 1 of 3 hubs have somebody posted all the year, 1 in some months, 1 by remote" in lines[7]
    assert lines[7].endswith("(basis: assumed)")
    # Twice a week a half-day; five days of two; once a month.
    assert lines[8].startswith(
        "rounds    2025 village rounds to 1 village(s), 1 team(s), 2 half-days a week, staff posted in villages to 1 "
        "village(s), 1 team(s), 10 half-days a week, town rounds to 1 towns, 1 team(s), 1 half-days a month"
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_money_of_a_plan_with_staff_says_what_is_for_postings_and_rounds(
    language: Language, tmp_path: Path
) -> None:
    content = with_sending(staffed_content(copy_tiny(tmp_path)))
    with speaking(language):
        (spent,) = [line for line in summary(content) if "0.06" in line]
    # 61,000 and 8,230 yuan.
    assert re.findall(r"\d+\.\d\d", spent)[-2:] == ["0.06", "0.01"]


def test_a_tour_and_a_way_are_drawn_from_where_they_begin(content: Content) -> None:
    made = layers(content, "en")
    stands = {site["id"]: (site["lon"], site["lat"]) for site in content["sites"]}
    ends = {row["id"]: (row["lon"], row["lat"]) for key in ("places", "towns") for row in content["district_data"][key]}
    assert tuple(made) == (*LAYERS[:4], *SENDING_LAYERS, *LAYERS[4:])
    # (From outside the district there is no line.)
    tours = frame(sheets(content, "en")["postings_by_hospital"])
    assert len(made["postings"]) == (tours["sender_id"] == "hospital-1").sum() > 0
    for row in made["postings"].itertuples():
        assert row.geometry.coords[:] == [stands[row.sender_id], stands[row.hub_id]]
    assert len(made["rounds"]) == len(content["rounds"])
    for row, visit in zip(made["rounds"].itertuples(), content["rounds"], strict=True):
        assert row.geometry.coords[:] == [stands[visit["by"]], ends[visit["to"]]]


def test_a_town_without_a_position_has_no_line(content: Content) -> None:
    content["district_data"]["towns"][1].update(lon=None, lat=None)
    assert set(layers(content)["rounds"]["way_id"]) == {"village_rounds", "village_posts"}


def test_qgis_draws_every_way_of_a_year_once_in_a_colour_of_its_own(content: Content, tmp_path: Path) -> None:
    odd = "it's {odd}"
    for row in (*content["rounds"], *content["timetable"]):
        row["way"] = row["way"].replace("village_rounds", odd)
    content["settings"]["outreach"][odd] = content["settings"]["outreach"].pop("village_rounds")
    file = tmp_path / "plan.gpkg"
    file.write_bytes(geopackage(content, "zh"))
    with closing(sqlite3.connect(file)) as base:
        styles = dict(base.execute("SELECT f_table_name, styleQML FROM layer_styles"))
        for layer in SENDING_LAYERS:
            style = ET.fromstring(styles[layer])
            drawn: list[int] = []
            for rule in style.findall("renderer-v2/rules/rule"):
                parts = [part.get("filter") for part in rule.findall("rule")]
                for part in parts:
                    where = f"({rule.get('filter')}) AND ({part})"
                    drawn += [row for (row,) in base.execute(f'SELECT fid FROM "{layer}" WHERE {where}')]
            assert sorted(drawn) == [row for (row,) in base.execute(f'SELECT fid FROM "{layer}" ORDER BY fid')] != []
        colours = {node.get("value") for node in ET.fromstring(styles["rounds"]).iter("Option")}
        assert len({colour for colour in colours if colour and colour.endswith(",220")}) == 3
        tables = {name for (name,) in base.execute("SELECT table_name FROM gpkg_contents WHERE data_type='attributes'")}
    assert tables - {"layer_styles"} == {*SENDING_SHEETS} - {"rounds"}


def test_a_text_beside_a_number_is_set_off_from_it(content: Content) -> None:
    # Otherwise post 1 from January on would read “11月”.
    with zipfile.ZipFile(io.BytesIO(workbook(content, "zh"))) as held:
        looks = ET.fromstring(held.read("xl/styles.xml"))
    main = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    assert [node for node in looks.iter(f"{main}alignment") if node.get("indent") == "1"]
