"""Scenarios: small changes of a model, side by side with the model as it is and with today."""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Tiny, call_allocate, one_year
from hypothesis import given
from hypothesis import strategies as st

from allocate.bundle import bundled
from allocate.candidates import make_case
from allocate.checking import check_all
from allocate.comparing import compare
from allocate.crews import Processes
from allocate.errors import ModelError, UsageError
from allocate.model import read_model
from allocate.plans import nothing_changes, standing_today, to_json
from allocate.read import read_district
from allocate.report.scenarios_page import against_said, blocks, lines, sheets
from allocate.scenario_tables import Scenario
from allocate.scenarios import Asked, Compared, compare_scenarios
from allocate.settings import put, ways
from allocate.verification import verify
from allocate.words import LANGUAGES, Language, speaking

SCENARIOS = """
[scenarios.more]
title = { zh = "多开两处", en = "Two more" }
source = "the mayor's letter"
[scenarios.more.set]
rules.few_new.at_most = 7

[scenarios.dear]
title = { zh = "更贵", en = "Dearer" }
from = "more"
basis = "estimated"
[scenarios.dear.set]
"siting.clinic.yearly" = 70_000
rules.few_new.at_most = 6

[scenario_sets]
money = ["dear"]
"""


def with_scenarios(tiny: Tiny, text: str = SCENARIOS) -> Tiny:
    tiny.model.write_text(tiny.model.read_text(encoding="utf-8") + text, encoding="utf-8")
    return tiny


def problems(tiny: Tiny) -> list[tuple[str, str]]:
    with pytest.raises(ModelError) as caught:
        read_model(tiny.model)
    assert "tiny.toml" in str(caught.value)
    return [(problem.what, problem.column) for problem in caught.value.problems]


# ---- in the model ----


def test_a_scenario_changes_what_it_says_and_what_the_one_below_it_says(tiny: Tiny) -> None:
    with_scenarios(tiny)
    base, more, dear = (read_model(tiny.model, None, name) for name in ("", "more", "dear"))
    limits = [model.settings["rules"]["few_new"]["at_most"] for model in (base, more, dear)]
    assert limits == [5, 7, 6]
    assert [model.siting["clinic"].yearly for model in (base, more, dear)] == [60_000, 60_000, 70_000]
    assert [model.scenario for model in (base, more, dear)] == ["", "more", "dear"]
    assert read_model(tiny.model, None, "base").settings == base.settings


def test_set_comes_on_top_of_a_scenario(tiny: Tiny) -> None:
    with_scenarios(tiny)
    model = read_model(tiny.model, {"rules.few_new.at_most": "2"}, "dear")
    assert model.settings["rules"]["few_new"]["at_most"] == 2
    assert model.siting["clinic"].yearly == 70_000


def test_no_source_stands_beside_a_number_that_is_not_its_own(tiny: Tiny) -> None:
    tiny.edit("tiny.toml", 'basis = "assumed"\nsource = "made up, page 3"', 'basis = "official"\nsource = "a decree"')
    dear = read_model(with_scenarios(tiny).model, None, "dear")
    rule = dear.rules["few_new"]
    assert rule.basis == "assumed"  # the weakest of all who changed it
    assert "dear" in rule.source
    assert "the mayor's letter" in rule.source
    assert "a decree" in rule.source
    assert dear.siting["clinic"].source.startswith("情景 dear 所改：推算")
    assert read_model(tiny.model).rules["few_new"].source == "a decree"


def test_a_scenario_stands_in_the_title_and_in_the_settings_of_its_model(tiny: Tiny) -> None:
    dear = read_model(with_scenarios(tiny).model, None, "dear")
    assert dear.title == {
        "zh": "示例区方案（情景：更贵）",
        "en": "Plan of the example district (scenario: Dearer)",
    }
    assert dear.settings["scenario"] == "dear"
    assert dear.settings["title"] == read_model(tiny.model).settings["title"]


def test_all_that_is_wrong_with_scenarios_stands_in_one_message(tiny: Tiny) -> None:
    with_scenarios(
        tiny,
        """
[scenarios.today]
title = { zh = "一", en = "one" }
set = { draws = 1 }
[scenarios."a/b"]
title = { zh = "二", en = "two" }
set = { draws = 1 }
[scenarios.round]
title = { zh = "三", en = "three" }
from = "about"
set = { draws = 1 }
[scenarios.about]
title = { zh = "四", en = "four" }
from = "round"
set = { draws = 1 }
[scenarios.orphan]
title = { zh = "五", en = "five" }
from = "nobody"
set = { draws = 1 }
[scenarios.lost]
title = { zh = "六", en = "six" }
[scenarios.lost.set]
rules.few_new.at_mots = 3
rules.few_newer.at_most = 3
[scenarios.twice]
title = { zh = "七", en = "seven" }
[scenarios.twice.set]
rules.few_new.at_most = 3
"rules.few_new.at_most" = 4
[scenarios.Twice]
title = { zh = "八", en = "eight" }
set = { scenarios = 1 }
[scenarios.empty]
title = { zh = "九", en = "nine" }
frm = "twice"
set = {}
[scenario_sets]
base = ["lost"]
none = []
some = ["lost", "found", "lost"]
""",
    )
    found = problems(tiny)
    assert set(found) >= {
        ("scenarios.reserved", "scenarios.today"),
        ("scenarios.name", "scenarios.a/b"),
        ("problem.set_key", "scenarios.lost.set"),
        ("scenarios.key_twice", "scenarios.twice.set"),
        ("scenarios.of_scenarios", "scenarios.Twice.set"),
        ("problem.key_unknown", "scenarios.empty.frm"),
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_parents_and_sets_that_do_not_hold_together_are_named(tiny: Tiny, language: Language) -> None:
    with_scenarios(
        tiny,
        """
[scenarios.round]
title = { zh = "三", en = "three" }
from = "about"
set = { draws = 1 }
[scenarios.about]
title = { zh = "四", en = "four" }
from = "round"
set = { draws = 1 }
[scenarios.self]
title = { zh = "自", en = "self" }
from = "self"
set = { draws = 1 }
[scenarios.orphan]
title = { zh = "五", en = "five" }
from = "nobody"
set = { draws = 1 }
[scenarios.Orphan]
title = { zh = "六", en = "six" }
set = { draws = 1 }
[scenario_sets]
base = ["round"]
none = []
some = ["round", "found", "round"]
""",
    )
    with speaking(language):
        assert problems(tiny) == [
            ("scenarios.twice", "scenarios.Orphan"),
            ("scenarios.reserved", "scenario_sets.base"),
            ("scenarios.circle", "scenarios.round.from"),
            ("scenarios.circle", "scenarios.about.from"),
            ("scenarios.circle", "scenarios.self.from"),
            ("problem.choice", "scenarios.orphan.from"),
            ("scenarios.empty_set", "scenario_sets.none"),
            ("scenarios.member_twice", "scenario_sets.some"),
            ("problem.choice", "scenario_sets.some"),
        ]
        with pytest.raises(ModelError) as caught:
            read_model(tiny.model)
    assert "{" not in str(caught.value)


@pytest.mark.parametrize("name", ["today", "nobody", "money"])
def test_no_plan_is_made_of_today_or_of_a_scenario_that_is_not_there(tiny: Tiny, name: str) -> None:
    with_scenarios(tiny)
    with pytest.raises(UsageError) as caught:
        read_model(tiny.model, None, name)
    assert name in str(caught.value)
    assert call_allocate(tiny.folder.parent, "plan", tiny.model, "--scenario", name).returncode == 2
    assert not (tiny.folder.parent / "maps").exists()


def test_scenarios_are_not_changed_from_the_command_line(tiny: Tiny) -> None:
    with_scenarios(tiny)
    for key in ("scenario", "scenarios.more.set.draws"):
        with pytest.raises(UsageError):
            read_model(tiny.model, {key: "1"})


@given(st.dictionaries(st.sampled_from("abc"), st.dictionaries(st.sampled_from("xyz"), st.integers(), min_size=1)))
def test_nested_keys_and_keys_with_dots_change_the_same(tables: dict[str, dict[str, int]]) -> None:
    content: dict[str, Any] = {name: {"x": 0, "y": 0, "z": 0} for name in "abc"}
    dotted = {f"{name}.{key}": value for name, table in tables.items() for key, value in table.items()}
    changed = []
    for changes in (tables, dotted):
        own = json.loads(json.dumps(content))
        for way, value in ways(changes, own):
            put(own, way, value, ())
        changed.append(own)
    assert changed[0] == changed[1]
    assert all(changed[0][name][key] == value for name, table in tables.items() for key, value in table.items())


def test_every_key_of_a_scenario_stands_in_the_guide() -> None:
    guide = (bundled() / "models" / "README.md").read_text(encoding="utf-8")
    (row,) = [text for text in guide.splitlines() if text.startswith("| `[scenarios.NAME]` | `title`")]
    assert [name for name, key in Scenario.model_fields.items() if f"`{key.alias or name}`" not in row] == []
    assert "| `decides` |" in guide


# ---- check and card ----


def test_check_tries_every_scenario_and_says_what_each_changes(tiny: Tiny) -> None:
    with_scenarios(one_year(tiny))
    with speaking("en"):
        said = list(check_all(str(tiny.model), {}))
    assert "scenario more (Two more): 1 change(s), can be planned: rules.few_new.at_most: 5 → 7" in said
    assert any(line.startswith("set of scenarios money: dear") for line in said)


def test_check_names_every_scenario_that_the_model_refuses(tiny: Tiny) -> None:
    text = SCENARIOS.replace("= 7", "= -7").replace("= 70_000", '= "much"')
    with_scenarios(one_year(tiny), text)
    with pytest.raises(ModelError) as caught:
        list(check_all(str(tiny.model), {}))
    message = str(caught.value)
    assert "情景 more" in message
    assert "情景 dear" in message
    assert "siting.clinic.yearly" in message


def test_the_card_shows_scenarios_and_takes_no_text_for_marks(tiny: Tiny) -> None:
    with_scenarios(tiny, SCENARIOS.replace('"Two more"', '"<b>|Two`"').replace("the mayor's letter", "![x](y)"))
    page = call_allocate(tiny.folder.parent, "card", tiny.model).stdout
    assert "`rules.few_new.at_most` = `7`" in page
    assert "on top of scenario more" in page
    assert "<b>|" not in page
    assert "![x](y)" not in page


# ---- side by side ----


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tiny, Compared]:
    from conftest import copy_tiny

    tiny = with_scenarios(one_year(copy_tiny(tmp_path_factory.mktemp("scenarios"))))
    return tiny, compare_scenarios(Asked(str(tiny.model)), Processes(1))


def test_today_and_base_come_first_and_all_scenarios_follow(compared: tuple[Tiny, Compared]) -> None:
    rows = compared[1].answer.content["rows"]
    assert [(row["name"], row["status"]) for row in rows] == [
        ("today", "evaluated"), ("base", "found"), ("more", "found"), ("dear", "found")
    ]  # fmt: skip
    assert [row["changes"] for row in rows[:2]] == [[], []]
    assert rows[3]["changes"] == [
        {"key": "rules.few_new.at_most", "base": 5, "value": 6},
        {"key": "siting.clinic.yearly", "base": 60_000, "value": 70_000},
    ]


def test_today_is_what_stands_and_nothing_more(compared: tuple[Tiny, Compared]) -> None:
    tiny, made = compared
    today = made.answer.content["rows"][0]
    model, district = read_model(tiny.model), read_district(tiny.folder)
    stands = {one.id for one in district.institutions if one.kind in model.siting}
    assert set(today["standing"]) == stands
    layout = standing_today(make_case(district, model))
    assert today["served"] == {"2027": layout.served_in(0)}
    # One year stands for one calendar year: what stands costs its running cost, and nothing is opened.
    assert today["capital"] == {"2027": 0}
    assert today["cost"] == sum(model.siting[one.kind].yearly for one in district.institutions if one.id in stands)
    assert today["against"] is None


def test_looser_scenarios_are_never_proven_worse_and_their_figures_add_up(compared: tuple[Tiny, Compared]) -> None:
    today, base, more, dear = compared[1].answer.content["rows"]
    assert more["against"]["verdict"] in ("less", "unknown", "same")
    for row in (more, dear):
        sites = row["against"]
        assert sites["both"] + len(sites["only_here"]) == len(row["standing"])
        assert sites["both"] + len(sites["only_base"]) == len(base["standing"])
        assert sites["low"] <= sites["difference"] <= sites["high"]
        assert sites["cost"] == row["cost"] - base["cost"]
    for row in (today, base, more, dear):
        assert row["met"] + row["missed"] + row["undecided"] + row["unknown"] == len(row["clauses"])


def test_one_process_and_three_give_the_same_bytes(compared: tuple[Tiny, Compared]) -> None:
    tiny, made = compared
    again = compare_scenarios(Asked(str(tiny.model)), Processes(3))
    assert to_json(again.answer.content) == to_json(made.answer.content)


def test_a_scenario_that_fails_is_a_row_with_its_reason(tiny: Tiny) -> None:
    # (A site to be kept that is not there: the model is well formed, and does not fit the district.)
    text = SCENARIOS.replace("rules.few_new.at_most = 6", 'rules.keep_station.sites = ["nowhere"]')
    with_scenarios(one_year(tiny), text)
    made = compare_scenarios(Asked(str(tiny.model)), Processes(1))
    row = made.answer.content["rows"][3]
    assert (row["name"], row["status"], row["met"]) == ("dear", "failed", None)
    assert "nowhere" in row["reason"]
    assert made.answer.content["rows"][2]["status"] == "found"
    for language in LANGUAGES:
        assert any("nowhere" in line for line in lines(made.answer, language))
        assert sheets(made.answer, language)[0].column("why_not")[3]


def test_where_nobody_lists_what_stands_today_is_unknown(tiny: Tiny) -> None:
    with_scenarios(one_year(tiny))
    path = tiny.folder / "institutions.csv"
    rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(row for row in rows if ",station," not in row and ",clinic," not in row), encoding="utf-8")
    tiny.edit(
        "tiny.toml",
        '[rules.keep_station]\nrule = "keep"\nsites = ["old-station"]',
        '[rules.keep_station]\nrule = "forbid"\nsites = ["clinic-T2016"]',
    )
    made = compare_scenarios(Asked(str(tiny.model), ["money"]), Processes(1))
    today = made.answer.content["rows"][0]
    assert (today["status"], today["cost"], today["coverage"], today["met"]) == ("unknown", None, None, None)
    assert [row["name"] for row in made.answer.content["rows"]] == ["today", "base", "dear"]
    with speaking("zh"):
        assert "未知" in next(iter(lines(made.answer, "zh")))
    first = next(block for block in blocks(made.answer, "zh") if hasattr(block, "rows"))
    assert first.rows[0].count("未知") >= 4
    assert "0" not in first.rows[0]


def test_nobody_is_hired_today_and_those_who_retire_are_not_replaced(staffed_tiny: Tiny) -> None:
    model, district = read_model(staffed_tiny.model), read_district(staffed_tiny.folder)
    case = make_case(district, model)
    layout = nothing_changes(case)
    checked = 0
    for name in case.employed:
        for t in case.periods:
            there = sum(layout.amounts.get((name, j, t), 0) for j in range(len(case.sites)))
            staying = sum(case.staying(name, employer, t) for employer in case.teams_of)
            assert there == staying
            checked += staying < sum(number for (what, _), number in case.stock.items() if what == name)
    assert checked, "nobody retires in this example"


def test_what_the_gaps_leave_open_reads_undecided(compared: tuple[Tiny, Compared]) -> None:
    row = dict(compared[1].answer.content["rows"][2])
    row |= {"unit": "yuan", "against": {"verdict": "unknown", "low": -2_000_000, "high": 1_000_000, "given": ""}}
    assert against_said(row, "en") == "undecided (-2.00 to +1.00 million yuan)"
    row["against"] = {"verdict": "more", "low": 1_000_000, "high": 2_000_000, "given": "unproven"}
    assert against_said(row, "zh").startswith("更高，+1.00 至 +2.00 百万元（已证明）；前提")


@pytest.mark.parametrize("language", LANGUAGES)
def test_tables_and_page_say_the_same(compared: tuple[Tiny, Compared], language: Language) -> None:
    answer = compared[1].answer
    table, changes, clauses, sites = sheets(answer, language)
    rows = answer.content["rows"]
    assert table.column("scenario_cost") == [row["cost"] for row in rows]
    assert table.column("coverage_share_2027") == [row["coverage"]["2027"] for row in rows]
    assert len(changes.rows) == sum(len(row["changes"]) for row in rows)
    assert len(sites.rows) == sum(len(row["against"][part]) for row in rows[2:] for part in ("only_base", "only_here"))
    for sheet in (table, changes, clauses, sites):
        assert all(field.heading(language) for field in sheet.fields)
    overview = next(block for block in blocks(answer, language) if hasattr(block, "rows"))
    assert [row[0] for row in overview.rows] == table.column("scenario")
    assert all("{" not in cell for row in overview.rows for cell in row)


def test_hostile_titles_stay_text(tiny: Tiny) -> None:
    with_scenarios(one_year(tiny), SCENARIOS.replace("Two more", "{{7*7}}<script>=1+1\\u202e\\u0000"))
    made = compare_scenarios(Asked(str(tiny.model), ["more"]), Processes(1))
    assert "{{7*7}}<script>=1+1" in str(sheets(made.answer, "en")[0].column("scenario")[2])
    assert "\x00" not in str(sheets(made.answer, "en")[0].rows)


@pytest.mark.parametrize("names", [["nobody"], ["more", "nothing"]])
def test_names_that_are_no_scenario_are_refused_with_those_that_are(tiny: Tiny, names: list[str]) -> None:
    with_scenarios(tiny)
    done = call_allocate(tiny.folder.parent, "scenarios", tiny.model, *names)
    assert done.returncode == 2
    assert names[-1] in done.stderr
    assert "money" in done.stderr
    assert not (tiny.folder.parent / "maps").exists()


def test_a_model_without_scenarios_says_how_to_write_one(tiny: Tiny) -> None:
    done = call_allocate(tiny.folder.parent, "scenarios", tiny.model, ALLOCATE_LANGUAGE="en")
    assert (done.returncode, done.stdout) == (2, "")
    assert "[scenarios.NAME]" in done.stderr


# ---- plans ----


def test_the_plan_of_a_scenario_says_so_and_passes_its_recheck(tiny: Tiny, tmp_path: Path) -> None:
    with_scenarios(one_year(tiny))
    done = call_allocate(tmp_path, "plan", tiny.model, "--scenario", "dear", "--seconds", "30")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "maps" / "out" / "tiny-dear"
    content = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    assert content["scenario"]["name"] == "dear"
    assert content["scenario"]["line"] == ["more", "dear"]
    assert content["scenario"]["changes"] == [
        {"key": "rules.few_new.at_most", "value": 6},
        {"key": "siting.clinic.yearly", "value": 70_000},
    ]
    assert content["title"]["en"].endswith("(scenario: Dearer)")
    assert verify(folder).sound
    # A forged scenario is found out.
    content["scenario"]["changes"][0]["value"] = 5
    assert not verify(content).sound


def test_plans_of_the_same_model_have_no_scenario_among_their_settings(tiny_plan: Any) -> None:
    content = json.loads(to_json(tiny_plan.content))
    assert "scenario" not in content
    other = json.loads(to_json(tiny_plan.content))
    other["settings"]["scenarios"] = {"x": {"title": {"zh": "一", "en": "one"}, "set": {"draws": 1}}}
    (pair,) = compare([content, other], ["a", "b"]).pairs
    assert pair.settings == ()


def test_the_command_writes_a_page_and_tables_and_with_full_a_plan_of_each(tiny: Tiny, tmp_path: Path) -> None:
    with_scenarios(one_year(tiny))
    done = call_allocate(tmp_path, "scenarios", tiny.model, "more", ALLOCATE_LANGUAGE="en")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "maps" / "out" / "tiny-scenarios"
    content = json.loads((folder / "scenarios.json").read_text(encoding="utf-8"))
    assert [row["name"] for row in content["rows"]] == ["today", "base", "more"]
    page = (folder / "scenarios.html").read_text(encoding="utf-8")
    assert "rules.few_new.at_most" in page
    assert "Two more" in page
    assert "多开两处" in page
    assert "rules.few_new.at_most: 5 → 7" in done.stdout
    full = call_allocate(
        tmp_path, "scenarios", tiny.model, "more", "--full", "--processes", "2", ALLOCATE_LANGUAGE="en"
    )
    assert full.returncode == 0, full.stderr
    for name in ("base", "more"):
        assert verify(folder / name).sound
    plan = json.loads((folder / "more" / "plan.json").read_text(encoding="utf-8"))
    row = json.loads((folder / "scenarios.json").read_text(encoding="utf-8"))["rows"][2]
    assert row["value"] == next(one["value"] for one in plan["stages"] if one["name"] == row["goal"])
    assert (folder / "compare" / "compare.html").is_file()


def test_a_folder_of_others_is_not_touched(tiny: Tiny, tmp_path: Path) -> None:
    with_scenarios(tiny)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear", encoding="utf-8")
    done = call_allocate(tmp_path, "scenarios", tiny.model, "--out", "mine")
    assert done.returncode == 2
    assert [item.name for item in (tmp_path / "mine").iterdir()] == ["letter.txt"]
