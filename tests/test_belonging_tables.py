"""Consortia, centres, functions and reserves where planners look: every line counted by hand, in words people use."""

import io
import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from belonging import MONEY, with_belonging
from conftest import ROOT
from python_calamine import CalamineWorkbook

from allocate.outputs import export
from allocate.plans import Plan
from allocate.report.belonging_tables import BELONGING_SHEETS
from allocate.report.frames import BELONGING_LAYERS, LAYERS, layers
from allocate.report.geopackage import geopackage
from allocate.report.sheets import SHEETS, sheets
from allocate.report.summary import summary
from allocate.report.table import Cell, Sheet
from allocate.report.workbook import workbook
from allocate.words import LANGUAGES, Language, catalogue, say_in, speaking

Content = dict[str, Any]
HUB_1, HUB_2, HUB_3 = "柳河街道社区卫生服务中心", "杨林镇卫生院", "石桥镇卫生院"


@pytest.fixture
def content(tiny_plan: Plan) -> Content:
    return with_belonging(tiny_plan.content)


@pytest.fixture
def tables(content: Content) -> dict[str, Sheet]:
    return sheets(content, "zh")


def said(sheet: Sheet, *columns: str, language: Language = "zh", **where: Cell) -> list[tuple[Cell, ...]]:
    """Return some cells of the lines that hold others, as people read them."""
    fields = {field.name: field for field in sheet.fields}
    rows = [row for row in sheet.records() if all(row[name] == cell for name, cell in where.items())]
    return [tuple(fields[name].say(row[name], language) for name in columns) for row in rows]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_plan_with_consortia_has_their_tables_after_the_towns_with_headings_of_its_own(
    content: Content, language: Language
) -> None:
    made = sheets(content, language)
    assert tuple(made) == (*SHEETS[:7], *BELONGING_SHEETS, *SHEETS[7:])
    for sheet in made.values():
        headings = [field.heading(language) for field in sheet.fields]
        assert len(set(headings)) == len(headings), sheet.name
        assert all(field.name.isascii() and field.name.isidentifier() for field in sheet.fields)
        assert not [text for text in (*headings, *(field.note(language) for field in sheet.fields)) if "{" in text]
        for field in sheet.fields:
            codes = {cell for cell in sheet.column(field.name) if cell is not None} if field.kind == "code" else set()
            assert not [code for code in codes if f"{field.group}.{code}" not in catalogue()]


def test_a_plan_that_decides_none_of_it_has_no_table_no_column_and_no_line_of_it(tiny_plan: Plan) -> None:
    made = sheets(tiny_plan.content, "en")
    assert tuple(made) == SHEETS
    assert not {field.name for field in made["budget"].fields} & {"functions", "consortia", "capital"}
    assert tuple(layers(tiny_plan.content)) == LAYERS


def test_a_consortium_says_who_leads_it_how_large_and_wide_it_is_and_how_many_reach_imaging(
    tables: dict[str, Sheet],
) -> None:
    columns = ("year", "lead_id", "members", "people", "farthest", "farthest_name", "once", "each_year")
    # A lead of its own is no member. What is formed costs once in the year in which it is formed.
    assert said(tables["consortia"], *columns) == [
        (2025, "hospital-1", 2, 25_813, 19, HUB_2, 100_000, 20_000),
        (2027, "hospital-1", 2, 25_813, 19, HUB_2, 0, 20_000),
        (2027, "hospital-2", 1, 8_968, 2, HUB_3, 100_000, 20_000),
    ]
    # The clause counts township hospitals: hub-2 is linked, hub-3 is not; hub-1 is a community centre.
    assert said(tables["consortia"], "linked_to_imaging", "linked_share_imaging") == [(1, 1.0), (1, 1.0), (0, 0.0)]
    headings = {field.name: field.heading("zh") for field in tables["consortia"].fields}
    assert headings["linked_to_imaging"] == "其中有影像中心"


def test_a_member_says_who_leads_it_since_when_and_whether_that_is_new(tables: dict[str, Sheet]) -> None:
    columns = ("id", "lead_id", "since", "people", "to_lead", "lead_before_id", "lead_changed")
    assert said(tables["members"], *columns, year=2025) == [
        ("hub-1", "hospital-1", 2025, 16_480, 1, "hospital-1", "否"),
        ("hub-2", "hospital-1", 2025, 9_333, 19, "hospital-2", "是"),
        # (Who is in none has a line that says so.)
        ("hub-3", None, None, None, None, None, None),
    ]
    assert said(tables["members"], *columns, year=2027)[1:] == [
        ("hub-2", "hospital-1", 2025, 9_333, 19, "hospital-2", "是"),
        ("hub-3", "hospital-2", 2027, 8_968, 2, None, None),
    ]


def test_a_hub_that_changes_its_consortium_is_a_member_since_then(content: Content) -> None:
    row = next(row for row in content["consortia"] if (row["year"], row["id"]) == (2027, "hub-2"))
    row["lead"] = "hospital-2"
    assert said(sheets(content, "zh")["members"], "year", "since", id="hub-2") == [(2025, 2025), (2027, 2027)]


def test_a_shared_centre_says_how_many_are_linked_and_what_that_costs(tables: dict[str, Sheet]) -> None:
    columns = ("year", "function", "id", "since", "within", "linked", "once", "each_year")
    # 2025: a new link; the centre and two links run. 2027: hub-1 goes over to the new centre without a cost.
    assert said(tables["centres"], *columns) == [
        (2025, "影像中心", "hospital-1", None, "本医共体", 2, 30_000, 110_000),
        (2027, "影像中心", "hospital-1", None, "本医共体", 1, 0, 105_000),
        (2027, "影像中心", "hospital-2", 2027, "本医共体", 1, 900_000, 105_000),
    ]


def test_a_function_says_whose_it_is_since_when_and_what_it_costs(tables: dict[str, Sheet]) -> None:
    columns = ("function", "id", "how_had", "since", "last_year", "centre_id", "once", "each_year", "basis")
    assert said(tables["functions"], *columns) == [
        ("影像中心", "hospital-1", "现有", None, None, None, 0, 100_000, "官方公布"),
        ("影像中心", "hub-1", "现有", None, 2025, "hospital-1", 0, 5_000, "假定"),
        ("影像中心", "hub-2", "接入共享中心", 2025, None, "hospital-1", 30_000, 5_000, "假定"),
        ("影像中心", "hub-1", "改由另一中心", 2027, None, "hospital-2", 0, 5_000, "假定"),
        ("影像中心", "hospital-2", "新设", 2027, None, None, 900_000, 100_000, "假定"),
        ("胸痛救治单元", "hub-2", "新设", 2027, None, None, 80_000, 10_000, "推算"),
        ("中医阁", "old-station", "新设", 2025, None, None, 9_000, 1_000, "假定"),
        ("全科医学科", "hospital-1", "现有", None, None, None, 0, 0, "假定"),
        ("有专家派驻", "hub-1", "有人派驻", 2025, 2025, None, 0, 0, "假定"),
    ]


def test_leaders_see_at_a_glance_which_hub_has_what_since_when(tables: dict[str, Sheet]) -> None:
    matrix = tables["function_matrix"]
    functions = ("since_of_imaging", "since_of_chest_pain_unit", "since_of_gp_department", "since_of_expert")
    assert said(matrix, "id", "functions_had", *functions) == [
        ("hospital-1", 2, "现有", None, "现有", None),
        ("hub-1", 1, "现有—2025（接入）、2027（接入）", None, None, "仅2025"),
        ("hub-2", 2, "2025（接入）", "2027", None, None),
        ("hospital-2", 1, "2027", None, None, None),
        ("hub-3", 0, None, None, None, None),
    ]
    # (What only village clinics and stations have has no column.)
    assert "since_of_tcm_corner" not in {field.name for field in matrix.fields}
    assert [field.heading("zh") for field in matrix.fields][4:6] == ["影像中心", "胸痛救治单元"]


def test_every_kind_says_how_many_of_how_many_have_a_function_and_who_asks(tables: dict[str, Sheet]) -> None:
    columns = ("kind", "having", "open_sites", "asked_by")
    shares = tables["function_shares"]
    assert said(shares, *columns, function_id="imaging", year=2027) == [
        ("医院", 2, 2, None),
        ("街镇卫生院", 1, 2, "模型自定：每个医共体的街镇卫生院 50 %"),
        ("社区卫生服务中心", 1, 1, None),
    ]
    units = "模型自定：社区卫生服务中心、街镇卫生院至少 1 家"
    assert said(shares, *columns, function_id="chest_pain_unit", year=2027) == [
        ("街镇卫生院", 1, 2, units),
        ("社区卫生服务中心", 0, 1, units),
    ]
    # The rule holds from 2027 on only. Of two hospitals, one is a general one.
    assert {row[0] for row in said(shares, "asked_by", function_id="chest_pain_unit", year=2025)} == {None}
    assert said(shares, *columns, "having_share", function_id="gp_department", year=2025) == [("医院", 1, 1, None, 1.0)]


def test_a_rule_asks_what_its_clause_asks_where_it_gives_no_number_of_its_own(content: Content) -> None:
    clause = {"id": "TJ-T05", "rule": {"rule": "function", "functions": ["imaging"], "share": 0.5}}
    clause["rule"] |= {"kinds": ["township_hospital"], "scope": "consortium"}
    other = {"id": "TJ-T06", "rule": {**clause["rule"], "share": 0.25, "scope": "district"}}
    content["settings"]["documents"] = {"tianjin": {"clauses": [clause, other, {"id": "TJ-T07"}]}}
    content["settings"]["rules"]["imaging_by_half"] = {"rule": "function", "clause": "TJ-T05", "share": 0.75}
    content["scorecard"].append(content["scorecard"][-1] | {"rule": "TJ-T06", "year": 2027})
    asked = said(
        sheets(content, "en")["function_shares"], "asked_by", kind="township_hospital", year=2027, language="en"
    )
    assert asked[0] == ("TJ-T06: 25 % (township hospital); TJ-T05: 75 % of each consortium (township hospital)",)


def test_a_hospital_says_what_it_holds_back_of_what(tables: dict[str, Sheet]) -> None:
    columns = ("id", "resource", "whole_number", "held_back", "held_back_share")
    assert said(tables["reserves"], *columns, year=2025) == [
        ("hospital-1", "床位", 35, 7, 0.2),
        ("hospital-2", "床位", 20, 3, 0.15),
    ]


def test_the_money_of_functions_and_consortia_is_the_sum_of_their_lines(
    content: Content, tables: dict[str, Sheet]
) -> None:
    check_money(content, tables)
    for name in ("years", "budget"):
        for row in tables[name].records():
            year = int(str(row["year"]))
            assert {key: row[key] for key in MONEY[year]} == MONEY[year]
            assert row["capital"] == sum(int(str(row[key])) for key in ("opening", "functions", "consortia"))


def check_money(content: Content, tables: dict[str, Sheet]) -> None:
    """Check that lines of functions and consortia add up to the budget of every year."""
    last = content["years"][-1]
    for money in content["budget"]:
        year = money["year"]
        rows = list(tables["functions"].records())
        held = [row for row in rows if (row["since"] or 0) <= year <= (row["last_year"] or last)]  # type: ignore[operator]
        assert sum(int(str(row["once"])) for row in rows if row["since"] == year) == money["functions"]
        assert sum(int(str(row["each_year"])) for row in held) == money["functions_yearly"]
        led = [row for row in tables["consortia"].records() if row["year"] == year]
        assert sum(int(str(row["once"])) for row in led) == money["consortia"]
        assert sum(int(str(row["each_year"])) for row in led) == money["consortia_yearly"]
        parts = ("opening", "yearly", "adding", "pay", "postings", "outreach", "contracts_yearly", *MONEY[2025])
        once = {"opening", "adding", "functions", "consortia"}
        capital = sum(money.get(part, 0) for part in parts if part in once)
        recurrent = sum(money.get(part, 0) for part in parts if part not in once)
        assert (capital, recurrent) == (money["capital"], money["recurrent"])
        assert capital + recurrent * money["calendar_years"] == money["total"]


def test_the_terminal_says_who_leads_what_is_shared_set_up_and_held_back(content: Content) -> None:
    with speaking("zh"):
        lines = summary(content)
    assert [line for line in lines if line.startswith(("医共体", "中心", "功能", "预留"))] == [
        "医共体　2025 年 1 个：柳河医院牵头 2 家（25,813 人，最远 19 分钟）；"
        "2027 年 2 个：柳河医院牵头 2 家（25,813 人，最远 19 分钟）、"
        "石桥中医医院牵头 1 家（8,968 人，最远 2 分钟）（依据：假定）",
        "中心　2027 年共享中心 2 个：影像中心（柳河医院，接入 1 家）、影像中心（石桥中医医院，接入 1 家）",
        # (Who is posted is said among the postings; who changes its centre has nothing new.)
        "功能　2025 年新设或接入 2 处（影像中心 1 处、中医阁 1 处）；"
        "2027 年新设或接入 2 处（胸痛救治单元 1 处、影像中心 1 处）",
        "预留　2025 年为转诊预留床位 10（2 家医院共 55，18.2 %）",
    ]
    with speaking("en"):
        lines = summary(content)
    assert [line for line in lines if line.startswith(("leads", "centres", "set up", "reserved"))][1:] == [
        "centres   shared centres in 2027: 2; imaging centre (柳河医院, 1 linked), "
        "imaging centre (石桥中医医院, 1 linked)",
        "set up    2025 2 set up or linked (imaging centre 1, TCM corner 1); "
        "2027 2 set up or linked (chest-pain unit 1, imaging centre 1)",
        "reserved  2025 10 of 55 beds at 2 hospitals (18.2 %)",
    ]


def test_the_terminal_names_the_three_functions_of_a_year_that_most_have(content: Content) -> None:
    for code in ("hub-1", "hub-3"):
        row = {"function": "chest_pain_unit", "id": code, "since": 2025, "until": None, "centre": None}
        content["functions"] += [row, row | {"function": "gp_department"}]
    content["functions"].append({"function": "tcm_hall", "id": "hub-3", "since": 2025, "until": None, "centre": None})
    with speaking("zh"):
        (line,) = [line for line in summary(content) if line.startswith("功能")]
    wanted = "2025 年新设或接入 7 处（胸痛救治单元 2 处、全科医学科 2 处、影像中心 1 处等 5 种）；"
    assert line.removeprefix("功能　").startswith(wanted)


def test_a_plan_that_forms_and_sets_up_nothing_says_so(content: Content) -> None:
    for key in ("consortia", "functions", "reserves"):
        content[key] = []
    made = sheets(content, "zh")
    assert "reserves" not in made
    assert {len(made[name].rows) for name in ("consortia", "centres", "functions")} == {0}
    # (Every hub has a line that says that it is in none.)
    assert {row[0] for row in said(made["members"], "lead_id")} == {None}
    with speaking("zh"):
        lines = summary(content)
    assert [line for line in lines if line.startswith(("医共体", "中心", "功能", "预留"))] == [
        "医共体　没有",
        "功能　没有新设的",
    ]
    assert {name: len(layer) for name, layer in layers(content).items() if name in BELONGING_LAYERS} == dict.fromkeys(
        BELONGING_LAYERS, 0
    )
    assert workbook(content, "en")


def test_consortia_stand_at_their_leads_and_lines_go_from_members_and_from_the_linked(content: Content) -> None:
    made = layers(content, "zh")
    stands = {site["id"]: (site["lon"], site["lat"]) for site in content["sites"]}
    assert tuple(made) == (*LAYERS[:4], *BELONGING_LAYERS, *LAYERS[4:])
    for row in made["consortia"].itertuples():
        assert row.geometry.coords[:] == [stands[row.lead_id]]
    # (Who is in no consortium has no line, and what is one's own has none.)
    assert len(made["members"]) == 5
    for row in made["members"].itertuples():
        assert row.geometry.coords[:] == [stands[row.id], stands[row.lead_id]]
    assert Counter(made["centre_links"]["centre_id"]) == {"hospital-1": 2, "hospital-2": 1}
    for row in made["centre_links"].itertuples():
        assert row.geometry.coords[:] == [stands[row.id], stands[row.centre_id]]


def test_qgis_draws_every_consortium_and_link_of_a_year_once(content: Content, tmp_path: Path) -> None:
    file = tmp_path / "plan.gpkg"
    file.write_bytes(geopackage(content, "zh"))
    right = {
        "consortia": Counter({(2025, "hospital-1"): 1, (2027, "hospital-1"): 1, (2027, "hospital-2"): 1}),
        "members": Counter({(2025, "hospital-1"): 2, (2027, "hospital-1"): 2, (2027, "hospital-2"): 1}),
        "centre_links": Counter({(2025, "hospital-1"): 2, (2027, "hospital-1"): 1, (2027, "hospital-2"): 1}),
    }
    with closing(sqlite3.connect(file)) as base:
        styles = dict(base.execute("SELECT f_table_name, styleQML FROM layer_styles"))
        for layer in BELONGING_LAYERS:
            other = "centre_id" if layer == "centre_links" else "lead_id"
            drawn: Counter[tuple[int, str]] = Counter()
            for rule in ET.fromstring(styles[layer]).findall("renderer-v2/rules/rule"):
                for part in rule.findall("rule"):
                    where = f"({rule.get('filter')}) AND ({part.get('filter')})"
                    for (code,) in base.execute(f'SELECT {other} FROM "{layer}" WHERE {where}'):
                        drawn[int(str(rule.get("label"))), code] += 1
            assert drawn == right[layer]
        tables = {name for (name,) in base.execute("SELECT table_name FROM gpkg_contents WHERE data_type='attributes'")}
    assert tables - {"layer_styles"} == {*BELONGING_SHEETS} - {"consortia", "members"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_workbook_of_a_real_plan_opens_with_its_consortia_functions_and_reserves(
    hubs_plan: Plan, language: Language
) -> None:
    content = dict(hubs_plan.content)
    made = sheets(content, language)
    check_money(content, made)
    book = CalamineWorkbook.from_filelike(io.BytesIO(workbook(content, language)))
    for name in BELONGING_SHEETS:
        about, heading, *rows = book.get_sheet_by_name(say_in(language, f"sheet.{name}")).to_python(
            skip_empty_area=False
        )
        assert str(about[0]).startswith(say_in(language, f"sheet.{name}"))
        assert heading == [field.heading(language) for field in made[name].fields]
        names = [field.name for field in made[name].fields]
        wanted = [["" if cell is None else cell for cell in row] for row in said(made[name], *names, language=language)]
        assert rows == wanted != []
    # In this district hub-1 sends its images to hospital-1 today, which functions.csv says.
    today = said(made["functions"], "id", "centre_id", how_had="today", function_id="imaging")
    assert sorted(today, key=str) == [("hospital-1", None), ("hub-1", "hospital-1")]
    people = Counter({row["year"]: 0 for row in content["ledger"]})
    for year, number in said(made["consortia"], "year", "people"):
        people[year] += number  # type: ignore[operator]
    assert dict(people) == {row["year"]: row["people"] for row in content["ledger"] if row["scope"] == "district"}
    assert {row[0] for row in said(made["reserves"], "held_back_share")} == {0.2}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_plan_of_a_version_without_consortia_is_still_exported(language: Language, tmp_path: Path) -> None:
    content: Content = json.loads((ROOT / "tests/data/tiny-before-staff/plan.json").read_text(encoding="utf-8"))
    assert not [key for key in BELONGING_SHEETS if content.get(key)]
    for form, name in (("xlsx", "plan.xlsx"), ("gpkg", "plan.gpkg"), ("csv", "csv"), ("geojson", "geojson")):
        export(content, form, tmp_path / name, language)
    assert {path.name for path in (tmp_path / "geojson").iterdir()} == {f"{name}.geojson" for name in LAYERS}
    assert not set(sheets(content, language)) & set(BELONGING_SHEETS)
    with speaking(language):
        assert len(summary(content)) == 10
