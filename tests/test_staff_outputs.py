"""Staff, beds and money where planners look: every figure counted by hand, and what is assumed says so everywhere."""

import copy
import csv
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyogrio
import pytest
from conftest import copy_tiny
from python_calamine import CalamineWorkbook
from staffed import SERVED_PEOPLE, staffed_content, with_staff

from allocate.bundle import bundled
from allocate.card import card, sentence
from allocate.checking import check_all
from allocate.draw.compact import compact
from allocate.model import read_model
from allocate.outreach import Outreach
from allocate.plans import Plan
from allocate.postings import Postings, Release, Supporter
from allocate.report.clauses import clause_lines
from allocate.report.comma import csv_files
from allocate.report.geopackage import geopackage
from allocate.report.sheets import SHEETS, STAFF_SHEETS, sheets
from allocate.report.summary import summary
from allocate.report.table import Cell, Sheet
from allocate.report.workbook import workbook
from allocate.resources import Resource
from allocate.rows import Breach
from allocate.rules import RULES
from allocate.verification import verify
from allocate.words import LANGUAGES, Language, say_in, speaking

Content = dict[str, Any]
# Of these nobody has listed how many there are today.
ASSUMED = ("physicians", "gps", "night_porters")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Content:
    return staffed_content(copy_tiny(tmp_path_factory.mktemp("staffed")))


@pytest.fixture
def content(made: Content) -> Content:
    return copy.deepcopy(made)


@pytest.fixture(scope="module")
def tables(made: Content) -> dict[str, Sheet]:
    return sheets(made, "en")


def line(sheet: Sheet, **where: Cell) -> dict[str, Cell]:
    """Return the only line of a sheet that holds some cells."""
    (found,) = [row for row in sheet.records() if all(row[name] == cell for name, cell in where.items())]
    return found


def numbers(row: Mapping[str, Cell], *names: str) -> list[Cell]:
    return [row[name] for name in names]


def test_the_plan_written_by_hand_is_one_that_can_be(content: Content) -> None:
    assert verify(content).findings == ()


def test_a_year_says_who_works_and_what_of_the_money_is_for_staff(tables: dict[str, Sheet]) -> None:
    first, last = (line(tables["years"], year=year) for year in (2025, 2027))
    # Nurses in 2025: 78 + 16 + 1 + 12 + 3; in 2027: 65 + 17 + 1 + 14 + 6.
    assert numbers(first, "number_of_nurses", "number_of_physicians", "number_of_gps") == [110, 35, 3]
    assert numbers(last, "number_of_nurses", "number_of_physicians", "number_of_gps") == [103, 35, 3]
    assert numbers(last, "number_of_beds", "number_of_township_beds", "number_of_teams") == [12, 12, 2]
    # Paid once in 2025: 3 general practitioners at 30,000 and 5 nurses at 10,000.
    assert numbers(first, "opening", "adding", "capital") == [0, 140_000, 140_000]
    # Each year: 35 physicians at 150,000; 81 + 18 + 7 nurses who stayed and 5 who joined at 100,000; a station and a
    # clinic that stand. Those lent and the one without a post are paid too.
    assert numbers(first, "yearly", "pay", "recurrent") == [460_000, 5_250_000 + 11_100_000, 16_810_000]
    assert first["standing_pay"] == 5_250_000 + 10_600_000
    # 2025 stands for two years.
    assert first["total"] == 140_000 + 2 * 16_810_000
    # In 2027, 4 + 3 + 6 more nurses; 66 + 14 + 6 stayed and 18 have joined.
    assert numbers(last, "adding", "pay", "standing_pay") == [130_000, 5_250_000 + 10_400_000, 5_250_000 + 8_600_000]
    budget = line(tables["budget"], year=2027)
    assert {name: budget[name] for name in ("capital", "recurrent", "total")} == {
        name: last[name] for name in ("capital", "recurrent", "total")
    }


def test_a_site_says_who_works_there_whom_they_serve_and_what_of_it_is_assumed(tables: dict[str, Sheet]) -> None:
    centre = line(tables["staffing"], year=2025, id="hub-1")
    assert numbers(centre, "number_of_physicians", "number_of_gps", "number_of_nurses") == [5, 2, 16]
    assert numbers(centre, "number_of_teams", "number_of_night_porters") == [1, 0]
    # 1,563 people and 2 general practitioners.
    assert numbers(centre, "people_there", "per_one_gps") == [SERVED_PEOPLE, 781.5]
    assert numbers(centre, "stock_basis", "assumed_for") == ["assumed", "physicians, general practitioners"]
    assert (centre["kind"], centre["parent"]) == ("community_centre", "柳河医院")
    station = line(tables["staffing"], year=2027, id="old-station")
    assert (station["parent"], station["number_of_gps"]) == ("柳河街道社区卫生服务中心", 1)
    assert numbers(station, "people_there", "per_one_gps") == [0, None]
    beds = line(tables["staffing"], year=2027, id="hub-2")
    assert numbers(beds, "number_of_beds", "number_of_township_beds") == [12, 12]
    assert not [row for row in tables["staffing"].records() if row["id"] == "old-clinic"], "nobody works there"


def test_an_employer_says_who_stayed_left_joined_was_lent_and_works_where(tables: dict[str, Sheet]) -> None:
    names = ("today_number", "staying", "retired", "joined_now", "joined", "borrowed")
    where = ("here", "elsewhere", "lent", "spare")
    flows = tables["staff_flows"]

    def row(code: str, resource: str, year: int) -> tuple[list[Cell], list[Cell]]:
        found = line(flows, id=code, resource_id=resource, year=year)
        return numbers(found, *names), numbers(found, *where)

    assert row("hospital-1", "nurses", 2025) == ([90, 81, 9, 0, 0, 0], [78, 0, 3, 0])
    assert row("hub-1", "nurses", 2025) == ([20, 18, 2, 0, 0, 0], [16, 1, 0, 1])
    assert row("hub-1", "nurses", 2027) == ([20, 14, 6, 4, 4, 0], [17, 1, 0, 0])
    assert row("hospital-1", "nurses", 2027) == ([90, 66, 24, 0, 0, 0], [65, 0, 0, 1])
    assert row("hub-2", "nurses", 2027) == ([8, 6, 2, 3, 8, 0], [14, 0, 0, 0])
    assert row("hub-3", "nurses", 2025) == ([0, 0, 0, 0, 0, 3], [3, 0, 0, 0])
    assert row("hub-1", "gps", 2025) == ([0, 0, 0, 3, 3, 0], [2, 1, 0, 0])
    assert line(flows, id="hub-2", resource_id="beds", year=2027)["stock_basis"] == "official"
    # (The weakest of the rows of staff.csv, and assumed where there is none.)
    assert line(flows, id="hub-1", resource_id="nurses", year=2027)["stock_basis"] == "surveyed"
    assert line(flows, id="hub-1", resource_id="physicians", year=2027)["stock_basis"] == "assumed"
    for found in flows.records():
        came, went = (sum(int(str(found[name])) for name in part) for part in (("staying", *names[4:]), where))
        assert came == went
        assert int(str(found["retired"])) >= 0


def test_the_town_with_the_fewest_nurses_stands_first_beside_the_district(tables: dict[str, Sheet]) -> None:
    rows = [row for row in tables["staff_by_town"].records() if (row["year"], row["resource_id"]) == (2025, "nurses")]
    assert [row["town_id"] for row in rows] == [None, "T3", "T2", "T1"]
    # T3 has 3 for 8,968 people, T2 12 for 9,333, T1 (hospital, centre and station) 95 for 16,480.
    assert [row["per_1000"] for row in rows] == [110_000 / 34_781, 3_000 / 8_968, 12_000 / 9_333, 95_000 / 16_480]
    assert {row["district_per_1000"] for row in rows} == {110_000 / 34_781}
    assert [row["today_number"] for row in rows] == [118, 0, 8, 110]
    assert rows[2]["today_per_1000"] == 8_000 / 9_333
    teams = [row for row in tables["staff_by_town"].records() if row["resource_id"] == "teams"]
    assert {(row["today_number"], row["today_per_1000"], row["stock_basis"]) for row in teams} == {(None, None, None)}


def test_today_s_staff_stands_in_the_plan_with_its_basis(made: Content) -> None:
    found = {row["resource"]: (row["number"], row["basis"]) for row in made["stock"]}
    assert found == {
        "physicians": (35, "assumed"),
        "gps": (0, "assumed"),
        "nurses": (118, "surveyed"),
        "beds": (10, "official"),
        "township_beds": (10, "official"),
        "teams": (None, "assumed"),
        "night_porters": (0, "assumed"),
    }
    assert {row["resource"]: row["at"] for row in made["stock"]}["physicians"] == {
        "hospital-1": 21, "hub-1": 7, "hub-2": 4, "hub-3": 3,
    }  # fmt: skip


def test_a_line_of_the_scorecard_says_which_assumed_inputs_it_rests_on(made: Content) -> None:
    found = {row["rule"]: row["rests_on"] for row in made["scorecard"]}
    assert found["enough_nurses"] == [], "today's nurses are listed"
    # A team takes a general practitioner, who is a physician: nobody has listed either.
    assert found["eighty_teams"] == ["stock.physicians", "stock.gps"]
    # How many a centre serves depends on its general practitioners, and what a year costs on everybody paid.
    assert found["most_people"] == ["stock.physicians", "stock.gps"]
    assert found["budget"] == ["stock.physicians", "stock.gps", "model.siting", "model.resources"]
    assert found["apart"] == []


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("zh", "现有医师、全科医生、站点单价、人员和床位单价"),
        ("en", "today's physicians, general practitioners, unit costs of sites, unit costs of staff and beds"),
    ],
)
def test_every_output_of_the_scorecard_says_what_it_rests_on(language: Language, said: str, content: Content) -> None:
    assert line(sheets(content, language)["scorecard"], rule="budget", year=2025)["rests_on"] == said
    with speaking(language):
        shown = list(clause_lines(content["scorecard"]))
    assert say_in(language, "card.rests_on", names=said) in [text.strip() for text in shown]
    clauses = {one["rule"]: one["rests_on"] for one in compact(content)["clauses"]}
    assert clauses["budget"][language] == said
    assert clauses["apart"] == {"zh": "", "en": ""}


def test_what_a_line_rests_on_and_nobody_knows_stands_as_it_is(content: Content) -> None:
    content["scorecard"][0]["rests_on"] = ["stock.bath_attendants", "model.weather"]
    shown = sheets(content, "en")["scorecard"].column("rests_on")
    assert "today's bath_attendants, model.weather" in shown


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_summary_has_four_lines_more_and_marks_what_is_assumed(content: Content, language: Language) -> None:
    with speaking(language):
        lines = summary(content)
    assert len(lines) == 15
    text = "\n".join(lines)
    wanted = {
        "zh": ("医师现状 35*，2025 年 35、2027 年 35", "护士现状 118，2025 年 110、2027 年 103", "团队现状 未知"),
        "en": ("physicians 35* today, 35 in 2025, 35 in 2027", "nurses 118 today, 110 in 2025", "teams unknown today"),
    }[language]
    assert not [part for part in wanted if part not in text]
    # Once 0.14 + 0.13 million; each year 16.81 in 2025; in 2027 0.46 for sites and 15.65 for staff, 13.85 for today's.
    (spent,) = [one for one in lines if "16.81" in one]
    assert re.findall(r"\d+\.\d\d", spent) == ["0.27", "0.00", "0.27", "16.81", "16.11", "0.46", "15.65", "13.85"]
    assert say_in(language, "term.gps") in lines[-1]
    assert "night_porters" in lines[-1]
    assert say_in(language, "term.nurses") not in lines[-1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_name_of_the_planner_s_own_stands_as_it_is_and_the_known_ones_in_words(
    language: Language, content: Content
) -> None:
    headings = [field.heading(language) for field in sheets(content, language)["staffing"].fields]
    assert "night_porters" in headings
    assert say_in(language, "term.nurses") in headings
    assert len(set(headings)) == len(headings)
    assert "nurses" not in headings or language == "en"


def test_a_plan_without_staff_has_no_sheet_and_no_column_of_it(tiny_plan: Plan) -> None:
    made = sheets(tiny_plan.content, "en")
    assert tuple(made) == SHEETS
    assert [field.name for field in made["budget"].fields] == [
        "year", "calendar_years", "opening", "yearly", "total", "basis",
    ]  # fmt: skip
    assert tiny_plan.content["stock"] == []
    assert not [row for row in tiny_plan.content["scorecard"] if "stock." in "".join(row["rests_on"])]


def test_a_plan_of_an_earlier_version_without_stock_is_shown_without_staff(content: Content) -> None:
    del content["stock"]
    for row in content["scorecard"]:
        del row["rests_on"]
    assert tuple(sheets(content, "zh")) == SHEETS
    assert len(summary(content)) == 11


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_workbook_and_the_comma_tables_hold_the_staff(content: Content, language: Language) -> None:
    book = CalamineWorkbook.from_filelike(io.BytesIO(workbook(content, language)))
    texts, made = csv_files(content, language), sheets(content, language)
    for name in STAFF_SHEETS:
        title = say_in(language, f"sheet.{name}")
        _, headings, *rows = book.get_sheet_by_name(title).to_python(skip_empty_area=False)
        assert headings == [field.heading(language) for field in made[name].fields]
        assert len(rows) == len(made[name].rows) > 0
        table = list(csv.reader(io.StringIO(texts[name].removeprefix("\ufeff"), newline="")))
        assert table[0] == headings
        assert len(table) == 1 + len(rows)
    # The summary shows the years in two tables: people, sites and all the money; then what of it is for staff.
    rows = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    heads = [at for at, row in enumerate(rows) if row[0] == say_in(language, "field.year")]
    assert len(heads) == 2
    upper, lower = (dict(zip(rows[at], rows[at + 1], strict=True)) for at in heads)
    assert upper[say_in(language, "field.total")] == 33_760_000
    assert lower[say_in(language, "field.pay")] == 16_350_000
    assert lower[say_in(language, "term.nurses")] == 110
    assert say_in(language, "term.nurses") not in upper


def test_the_geopackage_holds_the_tables_of_staff_to_be_joined_to_its_sites(content: Content, tmp_path: Path) -> None:
    file = tmp_path / "plan.gpkg"
    file.write_bytes(geopackage(content, "en"))
    made = sheets(content, "en")
    kinds = {name: kind for name, kind in pyogrio.list_layers(file) if name in STAFF_SHEETS}
    assert kinds == dict.fromkeys(STAFF_SHEETS), "tables without shapes"
    sites = set(pyogrio.read_dataframe(file, layer="sites")["id"])
    for name in STAFF_SHEETS:
        table = pyogrio.read_dataframe(file, layer=name)
        assert list(table.columns) == [field.name for field in made[name].fields]
        assert len(table) == len(made[name].rows)
    staffing = pyogrio.read_dataframe(file, layer="staffing")
    assert set(staffing["id"]) <= sites
    assert staffing["number_of_nurses"].sum() == 110 + 103
    assert staffing.loc[staffing["id"] == "hub-1", "per_one_gps"].tolist() == [781.5, 781.5]


def test_the_map_knows_who_works_where_in_each_year_and_whose_today_is_assumed(content: Content) -> None:
    drawn = compact(content)
    names = [words["en"] for words, _ in drawn["resources"]]
    assert [names[at] for at, (_, is_assumed) in enumerate(drawn["resources"]) if is_assumed] == [
        "physicians", "general practitioners", "night_porters",
    ]  # fmt: skip
    mark = drawn["marks"]["id"].index("hub-1")
    by_year = drawn["staff"][str(mark)]
    assert {names[at]: number for at, number in by_year["2027"]} == {
        "physicians": 5, "general practitioners": 2, "nurses": 17, "family-doctor teams": 2,
    }  # fmt: skip
    assert str(drawn["marks"]["id"].index("old-clinic")) not in drawn["staff"]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("zh", "甲院：2025 年的家庭医生团队要全科医生 3，只有 2"),
        ("en", "甲院: its family-doctor teams of 2025 take 3 general practitioners, and there are 2"),
    ],
)
def test_a_breach_names_staff_in_words(language: Language, said: str) -> None:
    details = {"site": "甲院", "resource": "teams", "year": 2025, "number": 3, "made_of": "gps", "there": 2}
    with speaking(language):
        assert Breach((), 1, 1, "breach.staff_part", details).sentence() == said


def test_a_recheck_names_staff_in_words(content: Content) -> None:
    (nurses,) = [
        row for row in content["staff"] if (row["id"], row["year"], row["resource"]) == ("hub-3", 2025, "nurses")
    ]
    nurses["number"] = 31
    with speaking("zh"):
        found = [finding.words for finding in verify(content).findings]
    assert "石桥镇卫生院：2025 年有护士 31，岗位只有 30" in found
    assert "石桥镇卫生院：2025 年有护士 3，去向合计 31" in found
    assert not [words for words in found if "breach" in words]


@pytest.mark.parametrize(
    ("limits", "zh", "en"),
    [
        ({"people": 1000}, "村卫生室每名乡村医生最多服务 1,000 人", "village doctors serves at most 1,000 people"),
        # 6,000 visits at 3.5 for each person: 1,714 people and a part of one.
        (
            {"visits": 6_000, "visits_per_person": 3.5},
            "村卫生室每名乡村医生最多服务 1,714 人",
            "village doctors serves at most 1,714 people",
        ),
    ],
)
def test_the_card_says_how_many_one_of_the_staff_serves(limits: dict[str, Any], zh: str, en: str) -> None:
    rule = RULES["people_per_staff"](
        kinds=("clinic",), resource="village_doctors", source="made up", basis="assumed", **limits
    )
    assert sentence(rule, "zh") == zh
    assert sentence(rule, "en").endswith(en)


def test_the_card_has_a_section_on_staff_with_posts_costs_today_limits_and_source(tmp_path: Path) -> None:
    tiny = copy_tiny(tmp_path)
    with_staff(tiny)
    tiny.edit("tiny.toml", "leaves = 0.1", "leaves = 0.1\nper_year = 40")
    page = card(read_model(tiny.model))
    section = page.split("## 人员、床位和团队 · Staff, beds and teams")[1].split("\n## ")[0]
    parts = {part.split(maxsplit=1)[0]: part for part in section.split("\n### ")[1:]}
    assert list(parts) == ["physicians", "gps", "nurses", "beds", "township_beds", "teams", "night_porters"]
    assert "医院 150、街镇卫生院 30" in parts["nurses"]
    assert "100,000 yuan a year, 10,000 yuan once for each one more" in parts["nurses"]
    assert "10 % of today's leave each year" in parts["nurses"]
    assert "at most 40 join in a calendar year" in parts["nurses"]
    assert "hospitals may lend them to hubs" in parts["nurses"]
    assert "1 per 1,000 people, assumed (hospital 60 %, township hospital 20 %" in parts["physicians"]
    assert "each is one of the physicians too" in parts["gps"]
    assert "each takes general practitioners 1, nurses 1" in parts["teams"]
    assert "today" not in parts["teams"]
    assert "the sum of the beds of these sites: township hospital" in section
    assert section.count("- 来源 · source: made up") == len(parts)
    assert "- resources.nurses: 假定 · assumed" in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_check_says_of_whom_nobody_has_listed_how_many_there_are(language: Language, tmp_path: Path) -> None:
    tiny = copy_tiny(tmp_path)
    with_staff(tiny)
    with speaking(language):
        found = list(check_all(str(tiny.model), {}))
    wanted = [
        say_in(language, "check.stock", what=what, number=number)
        for what, number in (
            (say_in(language, "term.physicians"), 35),
            (say_in(language, "term.gps"), 0),
            ("night_porters", 0),
        )
    ]
    stock = say_in(language, "check.stock", what="|", number="|").split("|")[0]
    assert [text for text in found if text.startswith(stock) and "staff.csv" in text and "(" not in text[:20]] == wanted


def test_every_example_of_the_guide_is_a_model_that_can_be_read(tmp_path: Path) -> None:
    tiny = copy_tiny(tmp_path)
    text = tiny.model.read_text(encoding="utf-8")
    # (Among the examples are goals: the model has those and none of its own.)
    head = text[: text.index("[rules.")]
    guide = (bundled() / "models" / "README.md").read_text(encoding="utf-8")
    # (That of several districts is a model of another kind.)
    examples = [one for one in re.findall(r"```toml\n(.*?)```", guide, flags=re.DOTALL) if "[districts." not in one]
    tiny.model.write_text("\n".join([head, *examples]), encoding="utf-8")
    model = read_model(tiny.model)
    assert set(model.resources) == {
        *("physicians", "gps", "nurses", "teams", "primary_nurses", "round_teams"),
        *("beds", "reserved_beds", "ambulances"),
    }
    assert (set(model.pools), set(model.supporters), set(model.outreach)) == (
        {"medicine", "city_nursing"},
        {"city_tertiary"},
        {"rounds"},
    )
    assert {"budget", "gps_serve", "no_town_without_nurses", "rural_gps", "pay"} <= set(model.rules)
    decided = {name for name, rule in model.rules.items() if rule.resources and model.settles(rule)}
    assert decided >= {"nurses", "no_town_without_nurses", "rural_gps"}
    assert sentence(model.rules["gps_serve"], "en").endswith("serves at most 2,000 people")


def test_every_key_of_a_resource_stands_in_the_guide() -> None:
    guide = (bundled() / "models" / "README.md").read_text(encoding="utf-8")
    section = guide.split("## Staff, beds and teams")[1].split("\n## ")[0]
    assert [key for key in Resource.model_fields if f"`{key}`" not in section] == []


@pytest.mark.parametrize(
    ("table", "keys"),
    [
        ("postings", Postings.model_fields),
        ("supporters.ID", Supporter.model_fields),
        ("pools.NAME", Release.model_fields),
        ("outreach.NAME", Outreach.model_fields),
    ],
)
def test_every_key_of_postings_and_rounds_stands_in_the_guide(table: str, keys: Mapping[str, object]) -> None:
    guide = (bundled() / "models" / "README.md").read_text(encoding="utf-8")
    (row,) = [text for text in guide.splitlines() if text.startswith(f"| `[{table}]` |")]
    assert [key for key in keys if f"`{key}`" not in row] == []


def test_every_key_of_the_plan_about_staff_stands_in_its_guide(made: Content) -> None:
    guide = (bundled() / "maps" / "README.md").read_text(encoding="utf-8")
    for key in ("stock", "staff", "staff_flows", "budget"):
        (row,) = [text for text in guide.splitlines() if text.startswith(f"| `{key}` | ") and "xlsx" not in text]
        for column in made[key][0]:
            assert f"`{column}`" in row, f"{key}.{column}"
    for name in STAFF_SHEETS:
        assert f"| `{name}` |" in guide
