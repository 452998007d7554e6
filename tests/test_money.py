"""Money with staff in it: what a plan year may cost, and where what is newly spent goes."""

import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from conftest import Tiny
from tiny import breached, every_point, layout_at, make, missed, rule, site

from allocate.bundle import bundled
from allocate.candidates import make_case
from allocate.card import sentence
from allocate.case import Case
from allocate.consistency import findings
from allocate.costs import charges, new_charges, newly_spent, spent
from allocate.errors import ModelError
from allocate.layout import Layout
from allocate.model import read_model
from allocate.read import read_district
from allocate.resources import Resource
from allocate.rows import Number
from allocate.words import LANGUAGES, speaking

PRIMARY = ("township_hospital", "community_centre", "station", "clinic")


def resource(**numbers: Any) -> Resource:
    return Resource(basis="assumed", source="a toy", **numbers)


def staffed(
    resources: dict[str, Resource], stock: dict[tuple[str, int], int] | None = None, intervals: tuple[int, ...] = (1, 2)
) -> Case:
    """Return a hospital H, a township hospital G and a clinic X below it that may open, in 2025 and 2027."""
    sites = [
        site("H", kind="hospital", exists=True),
        site("G", kind="township_hospital", exists=True),
        site("X", opening=150_000, yearly=60_000),
    ]
    case = make([[1000, 1000]], sites, {(0, 2): 60}, years=(2025, 2027))
    return replace(case, parents=(-1, 0, 1), resources=resources, stock=stock or {}, intervals=intervals)


def clinic_and_nurses() -> tuple[Case, Layout]:
    """Return the district of the worked example, and its plan.

    Today H has 10 nurses and G has 2; one in ten leaves in each calendar year. Of H's, 9 stay in 2025 (10 × 0.9) and
    7 in 2027 (10 × 0.9³ = 7.29); of G's, 1 stays in both (2 × 0.9 = 1.8; 2 × 0.9³ = 1.458). Until 2025, 2 join G;
    until 2027, 3 join G and 1 joins H. The clinic opens in 2027.
    """
    nurses = resource(
        at={"hospital": 12, "township_hospital": 6, "clinic": 2}, yearly=120_000, adding=10_000, leaves=0.1
    )
    case = staffed({"nurses": nurses}, {("nurses", 0): 10, ("nurses", 1): 2})
    amounts: dict[tuple[str, int, int], Number] = {
        ("nurses.joined", 1, 0): 2,
        ("nurses.joined", 1, 1): 3,
        ("nurses.joined", 0, 1): 1,
        ("nurses", 0, 0): 9,
        ("nurses", 1, 0): 3,
        ("nurses", 0, 1): 8,
        ("nurses", 1, 1): 3,
        ("nurses", 2, 1): 1,
    }
    return case, Layout(frozenset({(0, 0), (0, 1), (1, 0), (1, 1), (2, 1)}), {}, amounts)


@pytest.mark.parametrize(
    ("of", "values"),
    [
        # 2025: 2 × 10,000 for those who join. 2027: 150,000 for the clinic, and 2 more × 10,000.
        ("capital", [20_000, 170_000]),
        # One calendar year. 2025: 9 + 1 + 2 = 12 nurses × 120,000. 2027: 7 + 1 + 4 = 12, and the clinic's 60,000.
        ("recurrent", [1_440_000, 1_500_000]),
        ("all", [1_460_000, 1_670_000]),
    ],
)
def test_a_plan_year_costs_what_it_opens_and_adds_and_one_year_of_all_staff(of: str, values: list[int]) -> None:
    case, layout = clinic_and_nurses()
    this = rule("spending", at_most=max(values), of=of)
    assert [this.measure(case, layout, t)[0] for t in case.periods] == values
    assert list(this.breaches(case, layout)) == []
    (breach,) = rule("spending", at_most=max(values) - 1, of=of).breaches(case, layout)
    assert (breach.about, breach.shortfall, breach.target) == ((2027,), 1, max(values) - 1)


def test_a_budget_below_the_pay_of_today_s_staff_is_short_by_it_whatever_is_decided() -> None:
    # Nobody joins and nothing opens: 10 nurses × 120,000 stay in 2025, 8 in 2027.
    case, _ = clinic_and_nurses()
    idle = Layout(frozenset({(0, 0), (0, 1), (1, 0), (1, 1)}))
    found = [breach.shortfall for breach in rule("spending", at_most=900_000, of="recurrent").breaches(case, idle)]
    assert found == [300_000, 60_000]
    # The solver sees that too: its rows ask for less than nothing.
    assert [row.bound for row in rule("spending", at_most=900_000, of="recurrent").rows(case)] == [-300_000, -60_000]
    # Nothing is paid once.
    assert list(rule("spending", at_most=0, of="capital").breaches(case, idle)) == []


def test_four_fifths_of_what_is_newly_spent_go_to_primary_care() -> None:
    case, layout = clinic_and_nurses()
    # 2025: all new money is G's: 2 × 10,000 + 2 × 120,000 = 260,000.
    # 2027: the clinic 150,000 + 60,000, G's nurses 1 × 10,000 + 3 × 120,000: 580,000 for primary care; H's nurse
    # 10,000 + 120,000 = 130,000. Together 710,000: 58/71 or 81.7 % of it goes to primary care.
    this = rule("spending_share", share=0.8, kinds=PRIMARY)
    assert [this.spent(case, layout, t) for t in case.periods] == [(260_000, 260_000), (580_000, 710_000)]  # type: ignore[attr-defined]
    assert [this.measure(case, layout, t)[0] for t in case.periods] == [1, Fraction(58, 71)]
    assert list(this.breaches(case, layout)) == []
    # 90 % of 710,000 are 639,000, 59,000 more. The scale is 90 % of 100 yuan for each of 1,000 residents: 90,000.
    (breach,) = rule("spending_share", share=0.9, kinds=PRIMARY).breaches(case, layout)
    assert (breach.about, breach.shortfall, breach.target) == ((2027,), 59_000, 90_000)
    assert dict(breach.details) == {"spent": 580_000, "whole": 710_000, "share": "90"}


def test_money_for_a_kind_of_site_or_for_a_field_counts_once() -> None:
    # The nurses, wherever they are: 2027: 20,000 + 4 × 120,000 = 500,000 of 710,000. With the clinic 710,000.
    case, layout = clinic_and_nurses()
    of = {"share": 0.5, "resources": ("nurses",)}
    assert rule("spending_share", **of).measure(case, layout, 1)[0] == Fraction(50, 71)
    # (The pay of a clinic's nurse is the hub's, and she is one of the nurses.)
    assert rule("spending_share", **of, kinds=("clinic",)).measure(case, layout, 1)[0] == 1
    assert rule("spending_share", share=0.5, kinds=("clinic",)).measure(case, layout, 1)[0] == Fraction(21, 71)


def test_where_nothing_is_newly_spent_nothing_is_asked_for() -> None:
    case, _ = clinic_and_nurses()
    idle = Layout(frozenset({(0, 0), (0, 1), (1, 0), (1, 1)}))
    this = rule("spending_share", share=0.9, kinds=PRIMARY)
    assert list(this.breaches(case, idle)) == []
    assert this.measure(case, idle, 0) == (Fraction(9, 10), Fraction(9, 10))


def test_teams_beyond_today_s_are_new() -> None:
    # 3 teams of 2 nurses at G, 50,000 a year each; one stands today.
    teams = resource(at={"township_hospital": 4}, yearly=50_000, needs={"nurses": 2})
    nurses = resource(at={"township_hospital": 8})
    case = staffed({"nurses": nurses, "teams": teams}, {("teams", 1): 1, ("nurses", 1): 8})
    layout = Layout(frozenset({(0, 0), (1, 0)}), {}, {("teams", 1, 0): 3, ("nurses", 1, 0): 8})
    assert newly_spent(case, layout, 0) == 100_000
    assert rule("spending", at_most=0, of="recurrent").measure(case, layout, 0)[0] == 150_000


def small() -> Case:
    """Return a district so small that every number of staff can be looked at; one nurse stays at H, one at G."""
    nurses = resource(at={"hospital": 2, "township_hospital": 1}, yearly=100, adding=10)
    paediatricians = resource(at={"hospital": 1}, yearly=300, adding=50)
    return staffed({"nurses": nurses, "paediatricians": paediatricians}, {("nurses", 0): 1, ("nurses", 1): 1})


STAFFED = [
    ("spending", {"at_most": 1_000}),
    ("spending", {"at_most": 400, "of": "capital", "years": (2027,)}),
    ("spending", {"at_most": 500, "of": "recurrent"}),
    ("spending_share", {"share": 0.25, "kinds": ("township_hospital",)}),
    ("spending_share", {"share": 0.6, "resources": ("paediatricians",), "kinds": ("clinic",), "years": (2025,)}),
]


@pytest.mark.parametrize(("name", "numbers"), STAFFED)
def test_rows_and_check_agree_on_every_number_of_staff(name: str, numbers: dict[str, Any]) -> None:
    case, this = small(), rule(name, **numbers)
    rows = list(this.rows(case))
    verdicts = set()
    for point in every_point(case, rows):
        layout = layout_at(point)
        found = breached(this.breaches(case, layout))
        assert missed(rows, layout) == found, layout
        verdicts.add(not found)
    assert verdicts == {True, False}


def every_layout(case: Case) -> Iterator[Layout]:
    return map(layout_at, every_point(case, rule("spending", at_most=0).rows(case)))


def test_what_is_new_is_what_is_spent_less_today_s() -> None:
    # No site with a yearly cost stands today, so that what today costs is the pay of those who stay: 2 × 100.
    case = small()
    for layout in every_layout(case):
        for t in case.periods:
            assert newly_spent(case, layout, t) == sum(spent(case, layout, t).values()) - 200
    assert sum(charge.constant for charge in charges(case, 0)) == 200
    assert all(charge.constant == 0 for charge in new_charges(case, 0))


SHARE = """
[rules.lean]
rule = "spending_share"
share = 0.7
strength = "strive"
source = "a toy"
basis = "assumed"
"""
RESOURCES = """
[resources.nurses]
at = { township_hospital = 3 }
yearly = 100
basis = "assumed"
source = "a toy"

[resources.paediatricians]
at = { township_hospital = 3 }
basis = "assumed"
source = "a toy"
"""


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("key", "column", "value"),
    [
        ("", "rules.lean", ""),
        ('kinds = ["surgery"]', "rules.lean.kinds", "surgery"),
        ('resources = ["nurse"]', "rules.lean.resources", "nurse"),
        ('resources = ["nurses", "paediatricians"]', "rules.lean.resources", "paediatricians"),
        ('kinds = ["clinic"]\nshare = 70', "rules.lean.share", "70"),
    ],
)
def test_a_share_of_nothing_is_refused_with_its_key(
    tiny: Tiny, key: str, column: str, value: str, language: Any
) -> None:
    table = SHARE.replace("share = 0.7\n", "") if "share =" in key else SHARE
    tiny.edit("tiny.toml", "[rules.most_people]", f"{RESOURCES}{table}{key}\n\n[rules.most_people]")
    with speaking(language), pytest.raises(ModelError) as caught:
        read_model(tiny.model)
    (problem,) = caught.value.problems
    assert problem.column.startswith(column)
    assert value in str(problem.value)
    assert "{" not in problem.sentence()


def test_the_examples_of_the_guide_are_read_and_said_on_the_card(tiny: Tiny) -> None:
    guide = (bundled() / "models" / "README.md").read_text(encoding="utf-8")
    for name in ("running_costs", "towards_primary_care"):
        (table,) = re.findall(rf"^\[rules\.{name}\]\n.*?\n\n", guide, flags=re.MULTILINE | re.DOTALL)
        tiny.edit("tiny.toml", "[rules.most_people]", f"{table}[rules.most_people]")
    rules = read_model(tiny.model).rules
    assert sentence(rules["running_costs"], "en") == (
        "A plan year costs at most 900,000,000 yuan, a calendar year's running cost and pay counted"
    )
    assert sentence(rules["running_costs"], "zh") == "每个规划年经常性支出不超过 900,000,000 元"
    assert sentence(rules["towards_primary_care"], "zh").startswith("每个规划年的新增支出中至少 70 % 用于：街镇卫生院")
    said = "At least 70 % of what a plan year newly spends goes to: township hospital"
    assert sentence(rules["towards_primary_care"], "en").startswith(said)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("of", "at_most", "cheapest"),
    # The small model: a clinic costs 150,000 and 60,000 a year, a station more. 2,000 is 20 million in 10,000 yuan.
    [("all", 2_000, "60,000"), ("capital", 149_999, "150,000"), ("recurrent", 59_999, "60,000")],
)
def test_a_budget_that_buys_nothing_at_all_is_not_in_yuan(
    tiny: Tiny, of: str, at_most: int, cheapest: str, language: Any
) -> None:
    tiny.edit("tiny.toml", "at_most = 2_800_000", f'of = "{of}"\nat_most = {at_most}')
    with speaking(language), pytest.raises(ModelError) as caught:
        read_model(tiny.model)
    (problem,) = caught.value.problems
    assert (problem.file, problem.column, problem.value) == ("tiny.toml", "rules.budget.at_most", at_most)
    with speaking(language):
        assert cheapest in problem.sentence()
        assert ("万元" if language == "zh" else "units of 10,000 yuan") in problem.sentence()


@pytest.mark.parametrize("at_most", [0, 60_000])
def test_a_budget_of_nothing_or_of_one_thing_is_a_budget(tiny: Tiny, at_most: int) -> None:
    tiny.edit("tiny.toml", "at_most = 2_800_000", f"at_most = {at_most}")
    assert read_model(tiny.model).rules["budget"].at_most == at_most  # type: ignore[attr-defined]


def test_a_budget_that_enlarges_one_clinic_is_a_budget(tiny: Tiny) -> None:
    # A clinic costs 150,000 once; to enlarge one costs 30,000.
    tiny.edit("tiny.toml", "at_most = 2_800_000", 'of = "capital"\nat_most = 30_000')
    larger = 'opening = 30_000\npeople = 500\nbasis = "assumed"\nsource = "a toy"\n'
    with tiny.model.open("a", encoding="utf-8") as file:
        file.write(f"\n[siting.clinic.upgrade]\n{larger}")
    assert read_model(tiny.model).rules["budget"].at_most == 30_000  # type: ignore[attr-defined]


STAFF = """
[resources.nurses]
at = { township_hospital = 90 }
today = 1.0
today_at = { township_hospital = 1.0 }
yearly = 100_000
basis = "assumed"
source = "a toy"
"""


@pytest.mark.parametrize(
    ("of", "at_most", "year"),
    # 34,781 people have 35 nurses today: 3,500,000 yuan in each calendar year.
    [("all", 3_499_999, 2025), ("recurrent", 3_499_999, 2025), ("recurrent", 3_500_000, None), ("capital", 0, None)],
)
def test_a_budget_below_the_pay_of_today_s_staff_is_said_before_planning(
    tiny: Tiny, of: str, at_most: int, year: int | None
) -> None:
    tiny.edit("tiny.toml", "[rules.most_people]", f"{STAFF}\n[rules.most_people]")
    tiny.edit("tiny.toml", "at_most = 2_800_000", f'of = "{of}"\nat_most = {at_most}')
    model, district = read_model(tiny.model), read_district(tiny.folder)
    found = [one for one in findings(model, district, make_case(district, model)) if one.words == "finding.pay_beyond"]
    assert [(one.kind, one.clauses, one.details["year"]) for one in found] == (
        [("unmeetable", ("budget",), year)] if year else []
    )
    for language in LANGUAGES:
        with speaking(language):
            assert all("3,500,000" in one.sentence() and "{" not in one.sentence() for one in found)
