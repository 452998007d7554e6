"""Whether primary care could take the share of visits that should be made there: told, and never met or missed."""

import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from conftest import Tiny
from forgery import Forgery
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import make, site

from allocate.case import Case
from allocate.errors import ModelError
from allocate.layout import Layout
from allocate.model import read_model
from allocate.plans import Plan, district_of, to_json
from allocate.primary_capacity import answer, primary_capacity
from allocate.report.sheets import sheets
from allocate.report.summary import summary
from allocate.scorecard import outlook, scorecard
from allocate.verification import verify
from allocate.visits import Visits
from allocate.words import LANGUAGES, speaking


def visits(**numbers: Any) -> Visits:
    usual = {"per_resident": 5, "share": 0.6, "per_staff": {"physicians": 100}, "source": "a toy", "basis": "assumed"}
    return Visits.model_validate(usual | numbers)


def two_towns() -> Case:
    """Return 60 people in T1 with a hub and a clinic, 40 people in T2 with a hub, and a hospital in T1."""
    sites = [
        site("hub-1", "township_hospital", exists=True),
        site("clinic-1", exists=True),
        site("hub-2", "township_hospital", "T2", 1, exists=True),
        site("H", "hospital", exists=True),
    ]
    return make([[60], [40]], sites, {}, town_of=(0, 1))


def staffed(**numbers: int) -> Layout:
    """Return a layout with so many physicians at hub 1, clinic 1, hub 2 and the hospital."""
    at = {"hub_1": 0, "clinic_1": 1, "hub_2": 2, "hospital": 3}
    return Layout(
        frozenset((j, 0) for j in range(4)), {}, {("physicians", at[name], 0): n for name, n in numbers.items()}
    )


def test_a_hundred_people_who_go_five_times_a_year_need_three_physicians_at_primary_care() -> None:
    # 100 people × 5 visits = 500, of which 60 % are 300; T1 has 60 % of the people: 180 of 300, T2 120.
    # A physician takes 100 visits. Two in T1 and one in T2 take 300: enough for the district and for T1 (200 ≥ 180),
    # and 120 - 100 = 20 too few in T2, where one more physician would do.
    district, first, second = primary_capacity(visits(), two_towns(), staffed(hub_1=1, clinic_1=1, hub_2=1))
    assert district == {
        "year": 2025,
        "scope": "district",
        "people": 100,
        "visits": 500,
        "expected": 300,
        "capacity": 300,
        "share": 0.6,
        "short": 0,
        "staff": {"physicians": 3},
        "more": {},
    }
    assert (first["scope"], first["expected"], first["capacity"], first["short"]) == ("T1", 180, 200, 0)
    assert (second["scope"], second["expected"], second["capacity"], second["short"]) == ("T2", 120, 100, 20)
    assert second["more"] == {"physicians": 1}


def test_who_works_at_the_hospital_takes_no_visits_of_primary_care() -> None:
    district, *_ = primary_capacity(visits(), two_towns(), staffed(hospital=50, hub_1=1))
    assert (district["staff"], district["capacity"]) == ({"physicians": 1}, 100)
    # 300 - 100 = 200 visits short: two physicians more.
    assert (district["short"], district["more"]) == (200, {"physicians": 2})
    # Where hubs alone are meant, the clinic's physician does not count either.
    hubs = visits(at=["township_hospital"])
    district, *_ = primary_capacity(hubs, two_towns(), staffed(hub_1=1, clinic_1=4))
    assert district["capacity"] == 100


def test_each_kind_of_staff_takes_as_many_as_the_model_says() -> None:
    # One physician (100) and two village doctors (2 × 40 = 80) take 180 of 300 visits; 120 are missing: that is two
    # physicians (200), or three village doctors (120).
    both = visits(per_staff={"physicians": 100, "village_doctors": 40})
    layout = staffed(hub_1=1)
    layout = replace(layout, amounts={**layout.amounts, ("village_doctors", 1, 0): 2})
    district, *_ = primary_capacity(both, two_towns(), layout)
    assert (district["capacity"], district["short"]) == (180, 120)
    assert district["more"] == {"physicians": 2, "village_doctors": 3}
    assert answer(both, two_towns(), layout, 0) == (Fraction(180, 500), Fraction(3, 5))


def test_part_of_a_visit_is_a_visit() -> None:
    # 101 people × 5.5 = 555.5 visits, 60 % of them 333.3: 556 and 334 in whole visits.
    case = make([[101]], [site("A", "township_hospital", exists=True)], {})
    district, _ = primary_capacity(visits(per_resident=5.5), case, Layout(frozenset({(0, 0)})))
    assert (district["visits"], district["expected"], district["short"]) == (556, 334, 334)
    # 334 ÷ 100 = 3.34: four physicians.
    assert district["more"] == {"physicians": 4}


def test_where_nobody_lives_nothing_is_short_and_no_share_is_told() -> None:
    case = make([[0]], [site("A", "township_hospital", exists=True)], {})
    district, town = primary_capacity(visits(), case, Layout(frozenset({(0, 0)})))
    assert [(row["visits"], row["short"], row["share"]) for row in (district, town)] == [(0, 0, None)] * 2
    assert answer(visits(), case, Layout(frozenset({(0, 0)})), 0) == (None, Fraction(3, 5))


def test_a_model_without_visits_says_nothing() -> None:
    assert primary_capacity(None, two_towns(), staffed()) == []


@given(
    st.lists(st.integers(0, 500), min_size=1, max_size=6),
    st.decimals("0.1", 20, places=2),
    st.decimals("0.01", 1, places=2),
    st.lists(st.integers(0, 5), min_size=6, max_size=6),
)
@settings(max_examples=60, deadline=None)
def test_the_towns_add_up_to_the_district_to_the_visit(people: Any, each: Any, share: Any, staff: list[int]) -> None:
    sites = [site(f"hub-{k}", "township_hospital", f"T{k + 1}", k, exists=True) for k in range(len(people))]
    case = make([[n] for n in people], sites, {}, town_of=tuple(range(len(people))))
    amounts = {("physicians", j, 0): staff[j] for j in range(len(people))}
    layout = Layout(frozenset((j, 0) for j in range(len(people))), {}, amounts)
    district, *towns = primary_capacity(visits(per_resident=float(each), share=float(share)), case, layout)
    for key in ("people", "visits", "expected", "capacity"):
        assert district[key] == sum(town[key] for town in towns)
    # What some towns are short of is never less than what the district is.
    assert sum(town["short"] for town in towns) >= district["short"]
    assert 0 <= district["visits"] - sum(people) * Fraction(str(each)) < 1
    for row in (district, *towns):
        assert row["short"] == max(0, row["expected"] - row["capacity"])
        assert all(100 * n >= row["short"] > 100 * (n - 1) for n in row["more"].values())


# ---- the small district ----

BEHAVIOUR = """
[document]
id = "XX"
title = { zh = "示例文件", en = "A made-up document" }
issuer = { zh = "示例", en = "made up" }
status = "issued"
as_of = 2024-01-01
regime = "city"
district = { zh = "示例区", en = "Example district" }

[[clauses]]
id = "XX-T01"
at = "一"
quote = "区内基层医疗卫生机构就诊率达到六成以上"
says = { zh = "六成就诊在基层。", en = "Six tenths of visits are made at primary care." }
years = [2027]
strength = "must"
is = "indicator"
reason = { zh = "居民到哪里就诊是行为。", en = "Where residents seek care is behaviour." }
"""


def with_clause(tiny: Tiny, per_resident: str = "5.5") -> Tiny:
    """Let the model cite a clause on what residents should do."""
    folder = tiny.model.parent / "policies"
    folder.mkdir()
    (folder / "own.toml").write_text(BEHAVIOUR, encoding="utf-8")
    tiny.edit("tiny.toml", "district = ", 'policies = ["own"]\ndistrict = ')
    tiny.edit("tiny.toml", "per_resident = 5.5", f'per_resident = {per_resident}\nclauses = ["XX-T01"]')
    return tiny


def answered(hubs_plan: Plan, tiny: Tiny) -> dict[str, Any]:
    """Return the line of the clause for the plan that was made without it: what residents do changes no plan."""
    forgery = Forgery.of(to_json(hubs_plan.content))
    lines = scorecard(district_of(forgery.content), read_model(tiny.model), forgery.case, forgery.layout, None)
    (line,) = [line for line in lines if line["clause"] == "XX-T01"]
    return line


@pytest.mark.parametrize(("per_resident", "is_enough"), [("0.1", True), ("99", False)])
def test_a_clause_on_what_residents_do_tells_what_could_be_taken_and_is_neither_met_nor_missed(
    per_resident: str, is_enough: bool, hubs_plan: Plan, hubs_tiny: Tiny
) -> None:
    tiny = with_clause(hubs_tiny, per_resident)
    line = answered(hubs_plan, tiny)
    assert (line["status"], line["why"], line["shortfall"]) == ("reported", "clause.indicator", None)
    assert (line["indicator"], line["unit"], line["year"]) == ("indicator.primary_capacity", "share", 2027)
    assert (line["target"], line["sense"]) == (0.6, "at_least")
    assert (line["value"] >= 0.6) == is_enough
    assert "model.visits" in line["rests_on"]
    # Before a plan is made nothing is known.
    (before,) = [one for one in outlook(read_model(tiny.model)) if one["clause"] == "XX-T01"]
    assert (before["status"], before["value"]) == ("reported", None)


def test_the_plan_says_for_every_year_and_town_what_primary_care_could_take(hubs_plan: Plan) -> None:
    content = hubs_plan.content
    rows = content["primary_capacity"]
    towns = [town["id"] for town in content["district_data"]["towns"]]
    assert [(row["year"], row["scope"]) for row in rows] == [
        (year, scope) for year in content["years"] for scope in ("district", *towns)
    ]
    people = {(row["year"], row["scope"]): row["people"] for row in content["ledger"]}
    kinds = {row["id"]: row["kind"] for row in content["sites"]}
    for row in rows:
        assert row["people"] == people[row["year"], row["scope"]]
        if row["scope"] == "district":
            at_work = [
                one["number"] * {"doctors": 3000, "nurses": 500}[one["resource"]]
                for one in content["staff"]
                if one["year"] == row["year"] and one["resource"] in row["staff"] and kinds[one["id"]] != "hospital"
            ]
            assert row["capacity"] == sum(at_work) > 0
    assert {"model.visits"} <= {row["table"] for row in content["assumptions"]}


def test_a_changed_figure_of_what_could_be_taken_is_found(hubs_plan: Plan) -> None:
    text = to_json(hubs_plan.content)
    for key in ("capacity", "expected", "visits", "short", "people"):
        content = json.loads(text)
        content["primary_capacity"][0][key] += 1
        found = verify(content).findings
        assert any("primary_capacity" in one.where for one in found), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_tables_and_terminal_say_it_in_both_languages(language: Any, hubs_plan: Plan) -> None:
    content = hubs_plan.content
    made = sheets(content, language)
    signed, taken = made["contracts"], made["primary_capacity"]
    assert len(signed.rows) == 4 * len(content["years"])
    assert len(taken.rows) == len(content["primary_capacity"])
    # The district comes first in every year, and of the towns the one that could take least.
    for year in content["years"]:
        shares = [row["capacity_share"] for row in taken.records() if row["year"] == year and row["town_id"]]
        assert shares == sorted(shares, key=lambda share: -1 if share is None else share)
    for sheet in (signed, taken):
        headings = [field.heading(language) for field in sheet.fields]
        assert len(set(headings)) == len(headings)
        assert not [text for text in headings if "{" in text]
    assert "contracts_yearly" in [field.name for field in made["budget"].fields]
    with speaking(language):
        lines = summary(content)
    told = [line for line in lines if line.startswith(("签约", "homes", "接诊", "visits"))]
    assert len(told) == 2
    assert f"{content['primary_capacity'][0]['expected']:,}" in told[1]


# ---- bad input ----

FAULTS: dict[str, tuple[str, str, str, str]] = {
    "an unknown resource": ("doctors = 3_000", "dentists = 3_000", "choice", "visits.per_staff"),
    "a sum": ("doctors = 3_000", "township_beds = 3_000", "choice", "visits.per_staff"),
    "part of another": ("nurses = 500", "gps = 500", "visits_twice", "visits.per_staff"),
    "a team of some of them": ("nurses = 500", "nurses = 500, teams = 5", "visits_twice", "visits.per_staff"),
    "nobody at primary care": (
        "per_staff = {", 'at = ["clinic"]\nper_staff = {', "visits_nowhere", "visits.per_staff",
    ),
    "a share above all": ("share = 0.6\nper_staff", "share = 1.6\nper_staff", "key_value", "visits.share"),
    "no visits": ("per_resident = 5.5", "per_resident = 0", "key_value", "visits.per_resident"),
    "a clause that there is not": (
        "per_resident = 5.5", 'per_resident = 5.5\nclauses = ["BD-T03"]', "visits_clause", "visits.clauses",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_with_its_key_once(name: str, hubs_tiny: Tiny) -> None:
    old, new, what, column = FAULTS[name]
    hubs_tiny.edit("tiny.toml", old, new)
    with pytest.raises(ModelError) as caught:
        read_model(hubs_tiny.model)
    found = [(one.what, one.file, one.column) for one in caught.value.problems]
    assert found == [(f"problem.{what}", "tiny.toml", column)]
