"""Plans for the worst of many possible districts cost what they may, keep the clauses, and are worth what they say."""

from collections.abc import Mapping
from copy import deepcopy
from fractions import Fraction
from typing import Any

import pytest
from test_tail_coverage import estimated

from allocate import plan as plan_district
from allocate import read_model, verify
from allocate.errors import UsageError
from allocate.hedging import Asked, Hedged, at_prices, hedge
from allocate.outputs import write_plan
from allocate.plans import Plan, read_plan
from allocate.report.blocks import Grid, Heading, Paragraph
from allocate.report.hedged_blocks import hedged_blocks, hedged_headline, hedged_sheets
from allocate.words import LANGUAGES


@pytest.fixture(scope="module")
def hedged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Mapping[str, Any], Hedged]:
    """Return a plan of the small district whose villages are anywhere, and its counterparts for the worst cases."""
    from conftest import copy_tiny, in_one_year

    tiny = in_one_year(copy_tiny(tmp_path_factory.mktemp("hedged")), 2025)
    goals = tiny.model.read_text(encoding="utf-8").index("[[goals]]")
    text = tiny.model.read_text(encoding="utf-8")[:goals] + '[[goals]]\ngoal = "cost"\n'
    tiny.model.write_text(text.replace("draws = 3", "draws = 1"), encoding="utf-8")
    content = plan_district(estimated(tiny), read_model(tiny.model)).content
    return content, hedge(content, Asked(draws=4, fresh=5, prices=(0.0, 0.15)))


def test_every_plan_costs_no_more_than_it_may_and_is_better_than_the_cheaper_one(hedged: Any) -> None:
    _, found = hedged
    nominal, plans = found.content["nominal"], found.content["plans"]
    assert nominal["more"] == 0
    assert [row["price"] for row in plans] == [0.0, 0.15]
    for row in plans:
        assert row["cost"] <= row["limit"] == int(nominal["cost"] * (1 + Fraction(str(row["price"]))))
        assert row["more"] == row["cost"] - nominal["cost"]
    values = [nominal["value"], *(row["value"] for row in plans)]
    assert values == sorted(values, reverse=True)
    assert values[-1] < values[0], "no money makes the worst districts better"


def test_every_plan_is_whole_and_sound(hedged: Any, tmp_path: Any) -> None:
    content, found = hedged
    for price, plan in found.plans.items():
        assert verify(plan).sound
        stages = {row["name"]: row for row in plan["stages"]}
        told = next(row for row in found.content["plans"] if row["price"] == price)
        assert stages["tail_coverage"]["value"] == told["value"]
        assert stages["cost"]["value"] == told["cost"]
        before = {row["name"]: row["value"] for row in content["stages"]}
        for name, row in stages.items():
            if "." in name:
                assert row["value"] <= before[name] + 1e-3 * before[name]
    write_plan(Plan(found.plans[0.15]), tmp_path / "hedged")
    assert verify(tmp_path / "hedged").sound
    assert read_plan(tmp_path / "hedged")["settings"]["goals"][1]["goal"] == "tail_coverage"


def test_coverage_is_told_of_districts_that_the_plans_were_made_for_and_of_others(hedged: Any) -> None:
    _, found = hedged
    assert not set(found.content["draws"]) & set(found.content["fresh"])
    assert (len(found.content["draws"]), len(found.content["fresh"])) == (4, 5)
    for row in (found.content["nominal"], *found.content["plans"]):
        for told in (row["fitted"], row["fresh"]):
            assert 0 <= told["worst"] <= told["tail"] <= told["mean"] <= 1
        assert row["fitted"]["tail"] == pytest.approx(1 - row["value"])


def test_sites_that_differ_are_named(hedged: Any) -> None:
    content, found = hedged
    candidates = {row["id"] for row in content["candidates"]}
    for row in found.content["plans"]:
        assert set(row["opened"]) <= candidates
        assert not set(row["opened"]) & set(row["dropped"])
    assert any(row["opened"] for row in found.content["plans"])


def test_what_a_solver_proves_lies_under_every_plan(hedged: Any) -> None:
    _, found = hedged
    for row in found.content["plans"]:
        assert 0 <= row["bound"] <= row["value"]
    assert any(row["gap"] <= 0.02 for row in found.content["plans"]), "nothing is proven in a district so small"


def test_the_same_plan_has_the_same_counterparts(hedged: Any) -> None:
    content, found = hedged
    again = hedge(content, Asked(draws=4, fresh=5, prices=(0.0,)))
    assert again.content["plans"][0] == found.content["plans"][0]
    assert again.plans[0.0] == found.plans[0.0]


def test_the_worst_alone_is_no_worse_than_where_the_worst_quarter_counts(hedged: Any) -> None:
    content, found = hedged
    worst = hedge(content, Asked("worst", draws=4, fresh=2, prices=(0.15,)))
    assert worst.content["tail"] == 0
    (row,) = worst.content["plans"]
    assert row["value"] == pytest.approx(1 - row["fitted"]["worst"])
    assert row["fitted"]["worst"] >= found.content["nominal"]["fitted"]["worst"]


def test_a_plan_in_which_nothing_is_estimated_has_no_worst_case(tiny_plan: Plan) -> None:
    with pytest.raises(UsageError) as caught:
        hedge(tiny_plan.content)
    assert [one.what for one in caught.value.problems] == ["problem.hedge_surveyed"]


def test_a_year_beyond_the_plan_is_refused_in_one_message(hedged: Any) -> None:
    with pytest.raises(UsageError) as caught:
        hedge(hedged[0], Asked(year=2050))
    assert [(one.what, one.value) for one in caught.value.problems] == [("problem.year_outside", 2050)]


def test_the_plans_are_told_in_tables_and_on_the_page(hedged: Any) -> None:
    _, found = hedged
    told = found.content
    for language in LANGUAGES:
        plans, sites = hedged_sheets(told, language)
        assert plans.column("hedge_cost") == [row["cost"] for row in (told["nominal"], *told["plans"])]
        assert plans.column("fresh_tail") == [row["fresh"]["tail"] for row in (told["nominal"], *told["plans"])]
        assert len(sites.rows) == sum(len(row["opened"]) + len(row["dropped"]) for row in told["plans"])
        heading, first, grid, *_ = hedged_blocks(told, language)
        assert isinstance(heading, Heading)
        assert isinstance(grid, Grid)
        assert len(grid.rows) == 1 + len(told["plans"])
        assert isinstance(first, Paragraph)
        assert (
            f"{told['plans'][-1]['more']:,}" in first.text
            or told["plans"][-1]["fresh"]["tail"] <= told["nominal"]["fresh"]["tail"]
        )


def test_where_fresh_cases_gain_nothing_the_page_says_so(hedged: Any) -> None:
    told = deepcopy(hedged[1].content)
    told["plans"][-1]["fresh"] = told["nominal"]["fresh"]
    assert "not worth it" in hedged_headline(told, "en")
    told["plans"][-1]["fresh"] = dict.fromkeys(told["nominal"]["fresh"], 1.0)
    assert "to 100 %" in hedged_headline(told, "en")
    assert "由" in hedged_headline({**told, "how": "worst"}, "zh")


@pytest.mark.parametrize(
    ("how", "price", "wrong"),
    [
        ("mean", "1%", ["--hedge"]),
        ("tail", "a lot", ["--price"]),
        ("", "-1%", ["--hedge", "--price"]),
        ("worst", "nan", ["--price"]),
    ],
)
def test_what_nobody_can_hedge_is_refused_in_one_message(how: str, price: str, wrong: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        at_prices(how, price)
    assert [one.column for one in caught.value.problems] == wrong


def test_prices_are_read_as_people_write_them() -> None:
    assert at_prices("tail", "1.5%").prices == (0.0, 0.01, 0.015, 0.02, 0.05)
    assert at_prices("worst", "2").chosen == 0.02
    assert at_prices("worst", "３％").chosen == 0.03
