"""What changes, line by line: worked by hand, held against the budget to the yuan, and today beside planned."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from allocate.plans import Plan
from allocate.report.change_log import BUDGET, CHANGE_SHEETS, CHANGES, paid_today
from allocate.report.comma import csv_files
from allocate.report.sheets import sheets
from allocate.report.table import Cell, Sheet, Source
from allocate.report.workbook import workbook
from allocate.words import LANGUAGES, Language, catalogue, say_in

Content = dict[str, Any]


@pytest.fixture
def tiny(tiny_plan: Plan) -> Content:
    return copy.deepcopy(dict(tiny_plan.content))


@pytest.fixture
def staffed(staffed_plan: Plan) -> Content:
    return copy.deepcopy(dict(staffed_plan.content))


@pytest.fixture
def sent(sent_plan: Plan) -> Content:
    return copy.deepcopy(dict(sent_plan.content))


@pytest.fixture
def hubs(hubs_plan: Plan) -> Content:
    return copy.deepcopy(dict(hubs_plan.content))


def lines(content: Content, language: Language = "en", **where: Cell) -> list[dict[str, Cell]]:
    """Return the lines of the change log that hold some cells."""
    return found(sheets(content, language)["change_log"], **where)


def found(sheet: Sheet, **where: Cell) -> list[dict[str, Cell]]:
    return [row for row in sheet.records() if all(row[name] == cell for name, cell in where.items())]


def pick(row: dict[str, Cell], *names: str) -> tuple[Cell, ...]:
    return tuple(row[name] for name in names)


def reconcile(content: Content) -> dict[str, set[str]]:
    """Hold the sums of the lines against the budget, and return which kinds of cost have a line of what is left."""
    source = Source(content, "en")
    told = list(sheets(content, "en")["change_log"].records())
    running: dict[str, int] = {**paid_today(source)}
    for row in content["budget"]:
        for kind, (once, each) in BUDGET.items():
            own = [line for line in told if (line["year"], line["paid_for"]) == (row["year"], kind)]
            assert sum(int(line["once"] or 0) for line in own) == row.get(once, 0), (row["year"], kind)
            running[kind] += sum(int(line["each_year_more"] or 0) for line in own)
            assert running[kind] == row.get(each, 0), (row["year"], kind)
    return {"rest": {str(line["paid_for"]) for line in told if line["change"] == "rest"}}


def check_plan(content: Content, *, left: set[str]) -> None:
    assert reconcile(content)["rest"] == left


def test_a_site_that_opens_is_a_line_with_what_it_costs(tiny: Content) -> None:
    (row,) = lines(tiny, id="clinic-T2026")
    # 150,000 yuan once and 60,000 in a year for a clinic (tiny.toml); it serves 1,935 people from 2025 on.
    assert pick(row, "year", "change", "kind", "town", "before", "after") == (
        2025, "open", "clinic", "杨林镇", "none", "open",
    )  # fmt: skip
    assert pick(row, "concerned", "once", "each_year_more", "paid_for") == (1935, 150_000, 60_000, "sites")
    # Of the rules on reach, the one of 2025 asks; that of every place holds from 2027 on.
    assert row["clauses_on"] == "most_people"
    (later,) = lines(tiny, id="clinic-T1009")
    assert pick(later, "year", "clauses_on") == (2027, "every_place")


def test_a_site_that_closes_costs_less_and_names_nobody_whom_nobody_counted(tiny: Content) -> None:
    (row,) = lines(tiny, id="old-clinic")
    assert pick(row, "change", "before", "after", "once", "each_year_more") == ("close", "open", "close", 0, -60_000)
    assert row["concerned"] is None, "how many it serves today is not in the plan"


def test_a_move_is_one_line_of_the_new_site_and_costs_what_moving_costs(tiny: Content) -> None:
    tiny["settings"]["siting"]["clinic"]["move"] = {"opening": 40_000}
    rows = {row["id"]: row for row in tiny["sites"]}
    rows["clinic-T2026"]["from"] = "old-clinic"
    rows["old-clinic"] |= {"action": "move", "into": "clinic-T2026"}
    tiny["budget"][0]["opening"] -= 110_000
    (row,) = lines(tiny, change="move")
    assert pick(row, "id", "other_id", "before", "after") == (
        "clinic-T2026", "old-clinic", rows["old-clinic"]["name"], rows["clinic-T2026"]["name"],
    )  # fmt: skip
    assert pick(row, "once", "each_year_more") == (40_000, 0), "one clinic runs in the place of the other"
    check_plan(tiny, left=set())


def test_a_site_that_is_merged_names_the_other_and_an_upgrade_costs_what_it_costs(tiny: Content) -> None:
    tiny["settings"]["siting"]["clinic"]["upgrade"] = {"opening": 70_000, "yearly": 5_000}
    rows = {row["id"]: row for row in tiny["sites"]}
    rows["old-clinic"] |= {"action": "merge", "into": "clinic-T2017"}
    bigger = rows["clinic-T2015"] | {"year": 2027, "action": "upgrade", "people": {}}
    tiny["sites"].append(bigger)
    tiny["budget"][1]["opening"] += 70_000
    tiny["budget"][1]["yearly"] += 5_000
    (merged,) = lines(tiny, change="merge")
    assert merged["after"] == f"merged into {rows['clinic-T2017']['name']}"
    (upgraded,) = lines(tiny, change="upgrade")
    assert pick(upgraded, "year", "concerned", "once", "each_year_more") == (2027, 2500, 70_000, 5_000)
    check_plan(tiny, left=set())


def test_the_numbers_of_an_institution_change_by_those_who_join_and_leave(staffed: Content) -> None:
    flows = {
        (row["id"], row["resource"], row["year"]): row
        for row in staffed["staff_flows"]
        if (row["id"], row["resource"]) == ("hub-1", "doctors")
    }
    # Today 4; by hand: 3 join in 2025, nobody leaves; by 2027 another joins and one leaves.
    for year, staying, joined in ((2025, 4, 3), (2027, 3, 4), (2030, 3, 4)):
        flows["hub-1", "doctors", year] |= {"today": 4, "staying": staying, "joined": joined, "lent": 0, "borrowed": 0}
    first, second = lines(staffed, id="hub-1", item_id="doctors")
    assert pick(first, "year", "before", "after", "difference", "remark") == (2025, "4 units", "7 units", 3, "3 join")
    # 20,000 yuan for each who joins, and 150,000 yuan a year (resources.toml).
    assert pick(first, "once", "each_year_more", "paid_for") == (60_000, 450_000, "staff")
    assert pick(second, "year", "before", "after", "difference") == (2027, "7 units", "7 units", 0)
    assert second["remark"] == "1 join; 1 leave"
    assert pick(second, "once", "each_year_more") == (20_000, 0)


def test_the_lines_add_up_to_the_budget_to_the_yuan(tiny: Content) -> None:
    check_plan(tiny, left=set())


def test_those_of_a_plan_with_staff_do_too(staffed: Content) -> None:
    check_plan(staffed, left=set())


def test_those_of_a_plan_that_sends_people_out_leave_visits_to_one_line_a_year(sent: Content) -> None:
    check_plan(sent, left={"outreach"})


def test_those_of_a_plan_with_hubs_do_too(hubs: Content) -> None:
    check_plan(hubs, left={"outreach"})
    rest = lines(hubs, change="rest")
    assert [row["name"] for row in rest] == ["whole district"] * len(rest)
    assert rest[0]["each_year_more"] == hubs["budget"][0]["outreach"]


def test_what_a_budget_has_beside_all_lines_is_a_line_of_its_own(tiny: Content) -> None:
    tiny["budget"][0]["opening"] += 1
    tiny["budget"][1]["yearly"] -= 2
    check_plan(tiny, left={"sites"})
    assert [pick(row, "year", "once", "each_year_more") for row in lines(tiny, change="rest")] == [
        (2025, 1, 0),
        (2027, 0, -2),
    ]


def test_where_nobody_lists_clinics_a_new_one_stands_against_nothing_known(tiny: Content) -> None:
    institutions = tiny["district_data"]["institutions"]
    tiny["district_data"]["institutions"] = [one for one in institutions if one["kind"] != "clinic"]
    tiny["sites"] = [row for row in tiny["sites"] if row["id"] != "old-clinic"]
    row = next(iter(lines(tiny, "zh", change="open", kind="clinic")))
    assert pick(row, "before", "remark") == ("未知", "现状未知，按没有计")
    compared = sheets(tiny, "zh")["today_and_planned"]
    (clinics,) = found(compared, town_id=None, item_id="open_clinic")
    assert pick(clinics, "today_figure", "figure_in_2025", "figure_more") == (None, 5, None)
    text = csv_files(tiny, "zh")["today_and_planned"]
    assert "全区,村卫生室,个,未知,5,10," in text


def test_teams_that_nobody_counts_are_unknown_and_assumed_beds_say_so(staffed: Content) -> None:
    teams = [row for row in lines(staffed, item_id="teams") if row["year"] == 2025 or row["before"] == "unknown"]
    assert {row["before"] for row in teams} <= {"unknown"}
    assert all(row["difference"] is None for row in teams)
    stock = {row["resource"]: row for row in staffed["stock"]}
    assert (stock["teams"]["number"], stock["beds"]["basis"]) == (None, "assumed")
    compared = sheets(staffed, "en")["today_and_planned"]
    for name in ("teams", "beds"):
        (row,) = found(compared, town_id=None, item_id=name)
        assert (row["today_figure"] is None) is (name == "teams")
        assert row["today_basis"] == (None if name == "teams" else "assumed")
    flow = next(row for row in staffed["staff_flows"] if row["resource"] == "beds" and row["today"])
    flow["joined"] += 1
    told = [row for row in lines(staffed, item_id="beds", id=flow["id"]) if row["year"] == flow["year"]]
    assert [("assumed" in str(row["remark"]), row["basis"]) for row in told] == [(True, "assumed")]


def test_staff_counted_as_none_for_want_of_any_number_are_unknown(staffed: Content) -> None:
    for row in staffed["stock"]:
        if row["resource"] == "nurses":
            row |= {"number": 0, "basis": "assumed", "at": {}}
    first = [row for row in lines(staffed, item_id="nurses") if row["year"] == 2025]
    assert first
    assert {pick(row, "before", "difference") for row in first} == {("unknown", None)}
    assert all("counted as none" in str(row["remark"]) for row in first)


def test_what_a_site_of_today_had_and_no_plan_year_has_ends(hubs: Content) -> None:
    (row,) = lines(hubs, change="function_ends", id="old-clinic")
    assert pick(row, "year", "item", "before", "after", "each_year_more") == (
        2025,
        "TCM corner",
        "its own",
        "none",
        -1000,
    )


def test_functions_leads_postings_visits_and_contracts_have_lines(hubs: Content) -> None:
    met = {row["change"] for row in lines(hubs)}
    assert (
        {
            *(
                "open",
                "consortium_forms",
                "joins",
                "function_begins",
                "staff_changes",
                "posting_begins",
                "rounds_begin",
            ),
            *("contract_begins", "rest"),
        }
        <= met
        <= set(CHANGES)
    )
    (forms,) = lines(hubs, change="consortium_forms")
    assert pick(forms, "id", "once", "each_year_more", "after") == ("hospital-1", 100_000, 20_000, "3 members")
    imaging = lines(hubs, item_id="imaging", id="hub-2")
    # Linked to the hospital from 2025 on: 30,000 once and 5,000 a year (hubs.toml); others are listed, this one is not.
    assert [pick(row, "year", "before", "once", "each_year_more", "other_id") for row in imaging] == [
        (2025, "none listed", 30_000, 5_000, "hospital-1")
    ]
    home = lines(hubs, id="home-2")
    # 2,000 and 100 for each of its 80 beds in a year.
    assert [pick(row, "year", "change", "each_year_more") for row in home] == [(2025, "contract_begins", 10_000)]
    assert not lines(hubs, id="home-1"), "its contract of today goes on"


def test_a_hub_that_changes_its_lead_says_from_whom_to_whom(hubs: Content) -> None:
    for row in hubs["consortia"]:
        if row["id"] == "hub-3":
            row["before"] = "hospital-1"
            if row["year"] != 2025:
                row["lead"] = "hospital-2"
    rows = [row for row in lines(hubs, id="hub-3") if row["change"] in ("joins", "lead_changes", "leaves")]
    names = {site["id"]: site["name"] for site in hubs["sites"]}
    assert [pick(row, "year", "change", "before", "after") for row in rows] == [
        (2027, "lead_changes", names["hospital-1"], names["hospital-2"])
    ], "it was under the first one before, so nothing changes in 2025"


def test_a_posting_that_begins_says_who_sends_and_what_months_cost(hubs: Content) -> None:
    rows = lines(hubs, change="posting_begins", id="hub-1", year=2025)
    # 800 yuan for the tour and 1,500 for each of 12 months.
    assert (rows[0]["after"], rows[0]["each_year_more"], rows[0]["before"]) == ("12 post-months", 18_800, "unknown")
    assert not [row for row in lines(hubs, id="hub-1") if row["change"] == "posting_ends"]
    hubs["postings"] = [row for row in hubs["postings"] if (row["to"], row["year"]) != ("hub-1", 2030)]
    ended = lines(hubs, change="posting_ends", id="hub-1")
    assert [pick(row, "year", "after", "difference") for row in ended] == [(2030, "none", -12)]


def test_lines_stand_by_year_and_town(hubs: Content) -> None:
    keys = [(row["year"], row["town_id"] or "") for row in lines(hubs)]
    assert keys == sorted(keys, key=lambda key: (int(str(key[0])), str(key[1])))


def test_today_stands_beside_every_year_as_the_other_sheets_have_it(staffed: Content) -> None:
    made = sheets(staffed, "en")
    compared = made["today_and_planned"]
    for row in made["towns"].records():
        scope, year = row["town_id"], row["year"]
        (served,) = found(compared, town_id=scope, item_id="served")
        (first,) = found(made["towns"], town_id=scope, year=2025)
        assert served["today_figure"] == first["today_served"]
        assert served[f"figure_in_{year}"] == row["served"]
    for row in found(made["staff_by_town"], resource_id="nurses"):
        (nurses,) = found(compared, town_id=row["town_id"], item_id="nurses")
        assert nurses[f"figure_in_{row['year']}"] == row["per_1000"]
        assert nurses["today_figure"] is None or nurses["unit"] == "per_1000"
    scopes = list(dict.fromkeys(compared.column("town_id")))
    order = [row["town_id"] for row in found(made["towns"], year=2025)]
    assert scopes == order, "the district, then the worst served"


def test_sites_by_kind_of_the_towns_add_up_to_the_district(tiny: Content) -> None:
    compared = sheets(tiny, "en")["today_and_planned"]
    for kind, today, planned in (("clinic", 1, (5, 10)), ("station", 1, (1, 1)), ("township_hospital", 2, (2, 2))):
        rows = found(compared, item_id=f"open_{kind}")
        whole, *towns = rows
        assert pick(whole, "today_figure", "figure_in_2025", "figure_in_2027") == (today, *planned)
        for name in ("today_figure", "figure_in_2025", "figure_in_2027", "figure_more"):
            assert sum(int(row[name] or 0) for row in towns) == whole[name]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_cell_has_words_and_both_languages_the_same_figures(hubs: Content, language: Language) -> None:
    made, other = sheets(hubs, language), sheets(hubs, "en" if language == "zh" else "zh")
    for name in CHANGE_SHEETS:
        for field in made[name].fields:
            if field.kind == "code":
                told = {cell for cell in made[name].column(field.name) if cell is not None}
                assert not [cell for cell in told if f"{field.group}.{cell}" not in catalogue()], field.name
            if field.is_number:
                assert made[name].column(field.name) == other[name].column(field.name)
        assert f"sheet.about_{name}" in catalogue()
    before = [str(cell) for cell in made["change_log"].column("before")]
    assert say_in(language, "change.unknown") in before


HOSTILE = "=1+1<b>{{7*7}}{0}\x00\u202e" + "长" * 40_000


def test_hostile_names_are_text(hubs: Content) -> None:
    for site in (*hubs["sites"], *hubs["district_data"]["institutions"]):
        site["name"] = HOSTILE
    for row in (
        *hubs["district_data"]["places"],
        *hubs["district_data"]["towns"],
        *hubs["district_data"]["care_homes"],
    ):
        row["name"] = HOSTILE
    hubs["settings"]["functions"]["imaging"]["name"] = {"zh": HOSTILE, "en": HOSTILE}
    hubs["settings"]["outreach"]["rounds"]["name"] = {"zh": HOSTILE, "en": HOSTILE}
    row = lines(hubs, change="posting_begins", id="hub-1")[0]
    assert str(row["name"]).startswith("=1+1<b>{{7*7}}{0}␀\u202e")
    assert "\x00" not in "".join(str(cell) for line in lines(hubs) for cell in line.values())
    assert workbook(hubs, "zh") == workbook(hubs, "zh")
    assert all(
        not line.startswith(("=", "+", "@"))
        for line in csv_files(hubs, "zh")["change_log"].removeprefix("\ufeff").split("\r\n")
    )


@pytest.mark.parametrize(
    "lost",
    [
        ("candidates", "dropped", "generated", "contracts", "primary_capacity", "care", "fits"),
        ("today", "postings", "rounds", "consortia", "functions", "reserves", "staff_flows", "stock"),
    ],
)
def test_a_plan_of_an_earlier_version_still_has_its_sheets(lost: tuple[str, ...], hubs: Content) -> None:
    """Earlier versions had no such keys; and settings without what they decided."""
    for key in lost:
        del hubs[key]
    if "stock" in lost:
        hubs["staff"] = []
        hubs["roster"] = hubs["timetable"] = []
        for key in ("resources", "postings", "outreach", "consortia", "functions", "contracts"):
            hubs["settings"].pop(key, None)
        hubs["district_data"].pop("functions")
        hubs["coverage"] = [{**row, "today": None} for row in hubs["coverage"]]
    made = sheets(hubs, "en")
    assert set(CHANGE_SHEETS) <= set(made)
    reconcile(hubs)
    if "today" in lost:
        (served,) = found(made["today_and_planned"], town_id=None, item_id="served")
        assert served["today_figure"] is None


def test_the_sheets_name_no_column_twice(hubs: Content) -> None:
    headings: Callable[[Sheet], list[str]] = lambda sheet: [field.heading("zh") for field in sheet.fields]  # noqa: E731
    for name in CHANGE_SHEETS:
        told = headings(sheets(hubs, "zh")[name])
        assert len(set(told)) == len(told)
