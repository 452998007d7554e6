"""The scorecard: every clause in force has its line, with its own words, its status and why it has it."""

import copy
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from conftest import Tiny
from tiny import valley

from allocate.layout import Layout
from allocate.model import Model, read_model
from allocate.plans import Plan
from allocate.report.clauses import clause_lines, status_lines
from allocate.report.sheets import changed_strength, sheets, why_status
from allocate.report.summary import summary
from allocate.rows import Strength
from allocate.rules.count import Count
from allocate.scorecard import _sense, outlook
from allocate.units import Basis
from allocate.words import LANGUAGES, say_in, speaking

Content = dict[str, Any]
Line = Mapping[str, Any]


def with_documents(tiny: Tiny) -> None:
    """Put the tiny district under Baodi's document and the city's draft, and one of its rules under a clause."""
    tiny.edit(
        "tiny.toml",
        "draws = 3",
        'policies = ["baodi", "tianjin"]\nadopt = ["ST-28"]\nregime = "farming_district"\ndraws = 3',
    )
    tiny.edit("tiny.toml", 'quote = "服务覆盖七成居民"', 'clause = "BD-T13"')
    tiny.edit("tiny.toml", 'share = 0.70\nscope = "district"\nyears = [2025]\nstrength = "must"', _WEAKER)


_WEAKER = 'share = 0.70\nscope = "district"\nyears = [2025]\nstrength = "strive"'


@pytest.fixture
def model(tiny: Tiny) -> Model:
    with_documents(tiny)
    return read_model(tiny.model)


@pytest.fixture
def content(tiny_plan: Plan, model: Model) -> Content:
    """Return the tiny plan with the lines of the clauses that the documents add."""
    made = copy.deepcopy(dict(tiny_plan.content))
    known = {row["rule"] for row in made["scorecard"]}
    made["scorecard"] += [row for row in outlook(model) if row["rule"] not in known]
    return made


def line(rows: list[dict[str, Any]], clause: str) -> Line:
    (found,) = [row for row in rows if row["clause"] == clause]
    return found


def test_every_clause_in_force_has_its_line_before_a_plan_is_made(model: Model) -> None:
    rows = outlook(model)
    assert {row["clause"] for row in rows} >= set(model.clauses)
    assert Counter(row["clause"] for row in rows)["BD-T13"] == 1, "cited by a rule of the model, it stands in no second"
    assert line(rows, "BD-T13")["status"] == "planned"
    assert {row["status"] for row in rows} == {"planned", "undecided", "reported", "not_applicable"}


def test_a_clause_that_no_plan_decides_yet_says_its_number_and_why(model: Model) -> None:
    nurses = line(outlook(model), "ST-28")
    assert (nurses["status"], nurses["why"], nurses["target"]) == ("undecided", "clause.undecided_yet", 3.8)
    assert (nurses["value"], nurses["today"], nurses["shortfall"]) == (None, None, None)
    assert nurses["document_name"]["en"] == "National and municipal standards, as editable defaults"


def test_a_document_of_another_regime_does_not_apply(tiny: Tiny) -> None:
    with_documents(tiny)
    tiny.edit("tiny.toml", '"baodi", "tianjin"', '"baodi", "nankai"')
    rows = outlook(read_model(tiny.model))
    nankai = [row for row in rows if row["clause"].startswith("NK-")]
    assert nankai
    assert {(row["status"], row["why"]) for row in nankai} == {("not_applicable", "clause.other_regime")}


def test_a_clause_that_was_switched_off_or_lies_beyond_the_plan_says_so(tiny: Tiny) -> None:
    with_documents(tiny)
    tiny.edit("tiny.toml", "[siting.clinic]", "[clauses.BD-T15]\non = false\n\n[siting.clinic]")
    tiny.edit("tiny.toml", 'adopt = ["ST-28"]', 'adopt = ["ST-27"]')
    rows = outlook(read_model(tiny.model))
    # (ST-27 is for 2030; the tiny plan ends in 2027.)
    assert [line(rows, code)["why"] for code in ("BD-T15", "ST-27")] == ["clause.off", "clause.beyond"]
    assert {line(rows, code)["status"] for code in ("BD-T15", "ST-27")} == {"not_applicable"}


def test_a_strength_that_the_model_changed_is_said_with_the_documents(model: Model) -> None:
    rows = outlook(model)
    assert changed_strength(line(rows, "BD-T13"), "en") == "changed from the document's “must”"
    assert changed_strength(line(rows, "BD-T13"), "zh") == "文件为“必须”，模型已改"
    assert changed_strength(line(rows, "BD-T01"), "en") is None, "as the document has it"


def test_the_reason_of_a_clause_stands_for_ours_and_another_regime_for_both(model: Model) -> None:
    visits = line(outlook(model), "BD-T03")
    assert str(why_status(visits, "en")).startswith("Where residents seek care is behaviour")
    elsewhere = dict(visits) | {"why": "clause.other_regime"}
    assert why_status(elsewhere, "en") == say_in("en", "clause.other_regime")


def test_the_summary_counts_what_was_planned_and_says_the_rest_apart(content: Content, tiny_plan: Plan) -> None:
    planned = [row for row in tiny_plan.content["scorecard"] if row["status"] in ("met", "missed")]
    counts = {
        status: len({row["rule"] for row in content["scorecard"] if row["status"] == status})
        for status in ("undecided", "reported", "not_applicable")
    }
    assert min(counts.values()) > 0
    with speaking("en"):
        text = summary(content)[3]
        before = summary(tiny_plan.content)[3]
    assert f" of {len(planned)} met; " in text
    assert text.endswith(
        f"; besides, {counts['undecided']} undecided, {counts['reported']} only reported, "
        f"{counts['not_applicable']} not applicable"
    )
    assert "besides" not in before, "without documents there is nothing besides"
    with speaking("zh"):
        assert f"另有 {counts['undecided']} 项尚无法判断、{counts['reported']} 项仅报告" in summary(content)[3]


def test_a_clause_of_several_years_is_counted_once_among_the_undecided(content: Content) -> None:
    two_years = next(row for row in content["scorecard"] if row["status"] == "undecided")
    with speaking("en"):
        before = summary(content)[3]
        content["scorecard"].append(dict(two_years) | {"year": 2027})
        assert summary(content)[3] == before


def test_the_readings_say_what_is_covered_today_where_the_stock_is_known(tiny_plan: Plan) -> None:
    content = copy.deepcopy(dict(tiny_plan.content))
    with speaking("en"):
        known = summary(content)[5]
        for row in content["coverage"]:
            row["today"] = None
        unknown = summary(content)[5]
    assert known.count("(today ") == 2
    assert "today unknown" not in known
    assert unknown.endswith("; today unknown")
    assert "(today " not in unknown


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sheet_holds_every_line_in_the_language_with_its_own_words(content: Content, language: str) -> None:
    sheet = sheets(content, language)["scorecard"]  # type: ignore[arg-type]
    assert len(sheet.rows) == len(content["scorecard"])
    rows = {row["clause"]: row for row in sheet.records() if row["clause"]}
    imaging = rows["TJ-T05"]
    clause = line(content["scorecard"], "TJ-T05")
    assert (imaging["quote"], imaging["says"]) == (clause["quote"], clause["says"][language])
    assert (imaging["at"], imaging["document_status"]) == (clause["at"], "draft")
    assert imaging["document"] == clause["document_name"][language]
    assert imaging["why"] == say_in(language, "clause.past")  # type: ignore[arg-type]
    assert imaging["value"] is None


def test_the_sheet_groups_by_status_with_what_is_missed_first(content: Content) -> None:
    found = sheets(content, "en")["scorecard"].column("status")
    order = list(dict.fromkeys(found))
    assert order == ["missed", "met", "undecided", "reported", "not_applicable"]
    assert found == [status for status in order for _ in range(found.count(status))]


def test_the_terminal_shows_every_clause_with_figures_causes_and_quotation(content: Content) -> None:
    with speaking("en"):
        lines = list(clause_lines(content["scorecard"]))
    assert lines[0] == "missed (1 lines)"
    text = "\n".join(lines)
    for row in content["scorecard"]:
        assert (row["clause"] or row["rule"]) in text
        assert row["quote"] in text
    assert "where it falls short: 杨园社区居委会 2,292; 谢庄村委会 371" in text
    assert "target at least 100 %" in text
    assert "short by 3,411 people" in text
    assert "BD-T02 二 · 2025 · must · By the end of 2025 every township hospital has an expert" in text
    assert "TJ-T05 二（一）；附件第5项 (draft) · " in text


def test_why_is_said_once_where_it_is_the_same_for_all(content: Content) -> None:
    with speaking("en"):
        lines = list(clause_lines(content["scorecard"]))
        why = say_in("en", "clause.undecided_yet")
    assert [text for text in lines if why in text] == [text for text in lines if text.startswith("undecided (")]


def test_a_check_tells_the_status_of_every_clause_on_one_line(model: Model) -> None:
    with speaking("en"):
        lines = list(status_lines(outlook(model)))
    assert len(lines) == len(outlook(model))
    (circle,) = [text for text in lines if text.startswith("BD-T13")]
    assert "changed from the document's “must”" in circle
    assert circle.endswith(" · to be planned for")


def test_a_line_says_whether_its_target_is_the_least_or_the_most(tiny_plan: Plan) -> None:
    rows = {row["rule"]: row for row in tiny_plan.content["scorecard"]}
    assert (rows["few_new"]["sense"], rows["every_place"]["sense"]) == ("at_most", "at_least")
    with speaking("en"):
        text = "\n".join(clause_lines([rows["few_new"]]))
    assert "target at most 5 sites" in text
    lines = {str(row["rule"]): row for row in sheets(tiny_plan.content, "zh")["scorecard"].records()}
    assert lines["few_new"]["sense"] == "at_most"


def test_a_share_that_misses_its_target_is_never_shown_as_the_target(tiny_plan: Plan) -> None:
    row = copy.deepcopy(next(row for row in tiny_plan.content["scorecard"] if row["rule"] == "every_place"))
    with speaking("en"):
        for target, value, shown in ((1, 0.99998, "99.99 %"), (0.9, 0.899998, "89.9998 %"), (0.9, 0.9, "90 %")):
            row.update(target=target, value=value)
            assert f"plan {shown}" in "\n".join(clause_lines([row]))


def test_a_range_of_draws_ends_at_a_hundred_only_where_all_are_served(tiny_plan: Plan) -> None:
    content = copy.deepcopy(dict(tiny_plan.content))
    first = str(content["years"][0])
    sites = {str(year): 5 for year in content["years"]}
    content["draws"] = [{"sites": sites, "coverage": {first: share}, "gap": 0.0} for share in (0.9996, 0.5)]
    with speaking("en"):
        assert "50.0-99.9 % served" in summary(content)[9]
        content["draws"][0]["coverage"][first] = 1.0
        assert "50.0-100 % served" in summary(content)[9]


@pytest.mark.parametrize(
    ("at_least", "at_most", "shown"),
    [(3, 5, (2, 3, "at_least")), (None, 1, (2, 1, "at_most")), (1, 4, (2, 4, "at_most")), (2, 2, (2, 2, None))],
)
def test_a_count_with_two_limits_shows_the_missed_one_or_the_upper(
    at_least: int | None, at_most: int | None, shown: tuple[int, int, str | None]
) -> None:
    case = valley()
    two = Layout(frozenset({(0, 0), (1, 0)}))
    this = Count(
        strength=Strength.MUST, source="page 1", basis=Basis.ASSUMED, kinds=("clinic",), at_least=at_least,
        at_most=at_most,
    )  # fmt: skip
    value, target = this.measure(case, two, 0)
    missed = any(case.years[0] in breach.about for breach in this.breaches(case, two))
    assert (value, target, _sense(this, value, target) if missed else this.sense()) == shown


def spoil(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda row: row.update({key: value})


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        (spoil("unit", "hats per head"), "5 hats per head"),
        (spoil("value", None), "plan unknown"),
        (spoil("indicator", None), ": target "),
        (spoil("unit", None), "target at most 5 ·"),
    ],
)
def test_what_the_catalogue_does_not_know_stands_as_it_is(
    tiny_plan: Plan, change: Callable[[dict[str, Any]], None], shown: str
) -> None:
    row = copy.deepcopy(next(row for row in tiny_plan.content["scorecard"] if row["rule"] == "few_new"))
    change(row)
    with speaking("en"):
        assert shown in "\n".join(clause_lines([row]))


def test_the_sheet_shows_a_unit_that_nobody_knows_as_it_is(content: Content) -> None:
    content["scorecard"][0]["unit"] = "hats per head"
    sheet = sheets(content, "en")["scorecard"]
    field = next(field for field in sheet.fields if field.name == "unit")
    assert [field.say(cell, "en") for cell in sheet.column("unit")].count("hats per head") == 1


def test_a_clause_that_remote_consultation_fills_up_says_so(sent_plan: Plan) -> None:
    content = sent_plan.content
    filled = {(row["rule"], row["year"]) for row in content["remote"]}
    assert filled
    marked = {(row["rule"], row["year"]) for row in content["scorecard"] if row["why"] == "clause.remote"}
    assert marked == filled
    with speaking("en"):
        said = "\n".join(clause_lines(content["scorecard"]))
    assert "the plan's number counts remote consultation" in said


def test_the_range_of_draws_stands_beside_the_sites_of_the_plan_itself(tiny_plan: Plan) -> None:
    # The draws are quick looks: the plan's own number may lie outside their range, so it is said with it.
    content = copy.deepcopy(dict(tiny_plan.content))
    last = str(content["years"][-1])
    content["draws"] = [
        {"seed": n, "sites": {last: number}, "coverage": {str(content["years"][0]): 0.9}, "gap": 0.01}
        for n, number in enumerate((50, 60))
    ]
    own = {row["id"] for row in content["sites"] if last in row["people"]}
    sited = {row["id"] for row in content["sites"] if row["kind"] in content["settings"]["siting"]}
    with speaking("en"):
        (line,) = [line for line in summary(content) if line.startswith("range")]
    assert f"50-60 sites in {last} ({len(own & sited)} in this plan)" in line
