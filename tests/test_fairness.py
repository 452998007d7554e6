"""How fairly a plan serves people and towns: figures worked out by hand, and what they can never be."""

import copy
from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import Tiny
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tiny import cases, lawful_layouts, make, site

from allocate import fairness as figures
from allocate.case import Case
from allocate.district import District, Place
from allocate.fairness import deviation, fairness, gini, worst_tenth, worst_town
from allocate.goals import Deviation, WorstTenth
from allocate.layout import Layout
from allocate.model import read_model
from allocate.planning import plan
from allocate.plans import Plan
from allocate.read import read_district
from allocate.report.sheets import sheets
from allocate.report.summary import summary
from allocate.units import Basis
from allocate.verification import verify
from allocate.words import LANGUAGES, speaking

SLOWLY = settings(max_examples=100, deadline=None)
VALUES = st.lists(st.tuples(st.integers(0, 30) | st.fractions(0, 30), st.integers(1, 9)), min_size=1, max_size=8)


def three_villages() -> tuple[Case, Layout]:
    """Return three villages, each a town of its own, and a layout that splits the second.

    P1 has 10 people, 2 min from A. P2 has 6: 4 go to A (6 min), 2 to B (12 min). P3 has 4, and nobody serves them.
    """
    sites = [site("A"), site("B", town="T2", place=1), site("H", kind="hospital")]
    case = make([[10], [6], [4]], sites, {(0, 0): 120, (1, 0): 360, (1, 1): 720}, town_of=(0, 1, 2))
    return case, Layout(frozenset({(0, 0), (1, 0)}), {(0, 0, 0): 10, (1, 0, 0): 4, (1, 1, 0): 2})


def district_of(case: Case, *bases: Basis) -> District:
    """Return a district of the same places; their people and positions have these bases, one place after the other."""
    places = tuple(
        Place(place, place, "village", "T1", people_basis=bases[n % len(bases)], position_basis=Basis.OFFICIAL)
        for n, place in enumerate(case.places)
    )
    return SimpleNamespace(places=places)  # type: ignore[return-value]


def only(case: Case, layout: Layout) -> dict[str, Any]:
    """Return the figures of the only year."""
    (row,) = fairness(district_of(case, Basis.OFFICIAL), case, layout)
    return row


def test_the_gini_of_three_villages_is_that_of_the_hand() -> None:
    # Nurses per 1,000: 2 in a village of 1,000, 4 in one of 2,000, 8 in one of 1,000; the mean is 18 / 4 = 4.5.
    # Pairs (in thousands of people, both ways): 1·2·|2−4| + 1·1·|2−8| + 2·1·|4−8| = 4 + 6 + 8 = 18, twice is 36.
    # Divided by 2 · 4² · 4.5 = 144: 0.25.
    assert gini([(2, 1000), (4, 2000), (8, 1000)]) == Fraction(1, 4)


def test_all_alike_is_zero_and_one_who_has_all_is_nearly_one() -> None:
    assert gini([(7, 3), (7, 5)]) == 0
    assert gini([(0, 4)]) == 0
    # 99 have nothing, one has all: 1 − 1/100.
    assert gini([(0, 99), (5, 1)]) == Fraction(99, 100)
    assert gini([]) is None


def test_the_worst_tenth_of_a_split_village_takes_the_longest_way_first() -> None:
    # 20 people without the third village's: make them served by nobody, and the tenth is 2 people, both unserved.
    case, layout = three_villages()
    assert worst_tenth(case, layout, 0) == (1, None)
    # Without the third village: 16 people, the tenth is 1.6, all of the 2 who go to B: 12 min.
    alone = replace(case, people=np.array([[10], [6], [0]]))
    assert worst_tenth(alone, layout, 0) == (0, 720)
    # One of the two goes to A instead: 1 at 12 min and 0.6 at 6 min make (720 + 0.6 · 360) / 1.6 = 585 s.
    mixed = Layout(layout.open, {(0, 0, 0): 10, (1, 0, 0): 5, (1, 1, 0): 1})
    assert worst_tenth(alone, mixed, 0) == (0, 585)
    # And one of the village is not served: of 1.6 people 1 has no service; the other 0.6 is a person at B, 12 min.
    less = Layout(layout.open, {(0, 0, 0): 10, (1, 0, 0): 4, (1, 1, 0): 1})
    assert worst_tenth(alone, less, 0) == (Fraction(1, Fraction(16, 10)), 720)


def test_the_figures_of_three_villages_are_those_of_the_hand() -> None:
    # Served: 10 of 10, 6 of 6, 0 of 4: the worst is T3. The district's share is 16/20 = 0.8.
    # Deviation: (10 · 0.2 + 6 · 0.2 + 4 · 0.8) / 20 = 6.4 / 20 = 0.32.
    # Minutes of the 16 served: 10 at 2, 4 at 6, 2 at 12: 68 in all. Pairs: 10·4·4 + 10·2·10 + 4·2·6 = 408.
    # Gini: 408 / (16 · 68) = 0.375.
    case, layout = three_villages()
    assert only(case, layout) == {
        "year": 2025,
        "worst_town": "T3",
        "worst_town_share": 0,
        "deviation": 0.32,
        "worst_tenth_minutes": None,
        "worst_tenth_unserved": 1,
        "gini_minutes": 0.375,
        "gini_nurses": None,
        "share_65": None,
        "share_all": 0.8,
        "basis": "official",
    }


def test_nurses_count_where_they_work_and_those_of_hospitals_are_left_out() -> None:
    # T1: 10 people and 1 nurse, 100 per 1,000; T2: 6 people and 3 nurses, 500; T3: 4 people and none.
    # Pairs: 10·6·400 + 10·4·100 + 6·4·500 = 40,000; divided by 20 · 4,000: 0.5.
    case, layout = three_villages()
    nurses = {("nurses", 0, 0): 1, ("nurses", 1, 0): 3, ("nurses", 2, 0): 50, ("beds", 0, 0): 9}
    assert only(case, replace(layout, amounts=nurses))["gini_nurses"] == 0.5
    # No plan that decides staff says nothing, and nurses in the hospital alone say nothing either.
    assert only(case, replace(layout, amounts={("beds", 0, 0): 9}))["gini_nurses"] is None
    assert only(case, replace(layout, amounts={("nurses", 2, 0): 50}))["gini_nurses"] is None
    # The nurses of another year are no nurses of this one.
    assert only(case, replace(layout, amounts={("nurses", 0, 1): 50}))["gini_nurses"] is None


def test_the_elderly_are_served_as_all_of_their_place() -> None:
    # Elderly: 1 of 10, 4 of 6, 3 of 4; 10, 5 and 1 are served: (1 + 4 · 5/6 + 3 · 1/4) / 8 = 61/96.
    case, _ = three_villages()
    layout = Layout(frozenset({(0, 0)}), {(0, 0, 0): 10, (1, 0, 0): 5, (2, 0, 0): 1})
    assert figures.elderly_share(case, layout, 0) is None
    known = replace(case, ages={"aged_65": np.array([[1], [4], [3]])})
    assert figures.elderly_share(known, layout, 0) == Fraction(61, 96)
    nobody = replace(case, ages={"aged_65": np.array([[0], [0], [0]])})
    assert figures.elderly_share(nobody, layout, 0) is None


def test_results_are_as_weak_as_the_weakest_of_the_people_and_positions() -> None:
    case, layout = three_villages()
    bases = [
        (Basis.OFFICIAL, Basis.OFFICIAL),
        (Basis.OFFICIAL, Basis.ESTIMATED, Basis.SURVEYED),
        (Basis.ESTIMATED, Basis.ASSUMED),
    ]
    found = [fairness(district_of(case, *some), case, layout)[0]["basis"] for some in bases]
    assert found == ["official", "estimated", "assumed"]


def test_where_nobody_lives_nothing_is_said() -> None:
    case = make([[0]], [site("A")], {(0, 0): 60})
    row = only(case, Layout(frozenset({(0, 0)})))
    assert {key for key, value in row.items() if value is not None} == {"year", "basis"}


@given(VALUES)
@SLOWLY
def test_a_gini_is_never_below_0_nor_as_much_as_1(values: list[tuple[Fraction, int]]) -> None:
    found = gini(values)
    assert found is not None
    assert 0 <= found < 1
    assert (found == 0) == (len({value for value, _ in values}) == 1)


@given(VALUES)
@SLOWLY
def test_a_gini_is_half_the_mean_difference_of_two_people_divided_by_the_mean(
    values: list[tuple[Fraction, int]],
) -> None:
    people = [value for value, count in values for _ in range(count)]
    total = sum(people)
    assume(total)
    differences = sum(abs(one - other) for one in people for other in people)
    assert gini(values) == Fraction(differences) / (2 * len(people) * total)


@given(data=st.data())
@SLOWLY
def test_a_place_split_in_two_changes_nothing(data: st.DataObject) -> None:
    case = data.draw(cases(capacities=False))
    layout = data.draw(lawful_layouts(case))
    # The people of the first place move out, into a new one beside it from where everything is as far; of those whom
    # a site serves, some go.
    moved = {
        (i, j, t): data.draw(st.integers(0, people)) if i == 0 else 0 for (i, j, t), people in layout.serve.items()
    }
    going = [
        data.draw(
            st.integers(
                served := sum(people for (_, _, year), people in moved.items() if year == t),
                served + int(case.people[0, t]) - layout.served.get((0, t), 0),
            )
        )
        for t in case.periods
    ]
    split = make(
        [case.people[0] - going, *case.people[1:], going],
        case.sites,
        case.seconds | {(len(case.places), j): seconds for (i, j), seconds in case.seconds.items() if i == 0},
        years=case.years,
        town_of=(*case.town_of, case.town_of[0]),
    )
    stay = {flow: people - moved[flow] for flow, people in layout.serve.items()}
    gone = {(len(case.places), j, t): people for (i, j, t), people in moved.items() if i == 0}
    parted = Layout(layout.open, stay | gone)
    district = district_of(case, Basis.ESTIMATED)
    assert fairness(district, split, parted) == fairness(district, case, layout)


@given(data=st.data())
@SLOWLY
def test_the_worst_tenth_travel_no_less_than_all_who_are_served(data: st.DataObject) -> None:
    case = data.draw(cases())
    layout = data.draw(lawful_layouts(case))
    for t in case.periods:
        unserved, seconds = worst_tenth(case, layout, t)
        if seconds is not None:
            served = sum(people for (_, _, year), people in layout.serve.items() if year == t)
            travelled = sum(case.seconds[i, j] * people for (i, j, year), people in layout.serve.items() if year == t)
            assert seconds >= Fraction(travelled, served)
        assert (unserved is None) == (case.total(t) == 0)


@given(data=st.data())
@SLOWLY
def test_the_goals_are_worth_what_the_figures_say(data: st.DataObject) -> None:
    case = data.draw(cases(years=(2025,)))
    layout = data.draw(lawful_layouts(case))
    assume(case.total(0))
    unserved, seconds = worst_tenth(case, layout, 0)
    assert unserved is not None
    goal = WorstTenth(unserved_minutes=20, source="a toy")
    assert goal.value(case, layout) == unserved * 20 + (1 - unserved) * (seconds or Fraction(0)) / 60
    # Behind the district's own share the towns are half as far as they are from it either way.
    share = Fraction(sum(layout.served.values()), case.total(0))
    assume(share)
    behind = sum(
        max(Fraction(0), share * people - reached)
        for people, reached in ((n, s * n) for _, n, s in figures._towns(case, layout, 0))
    )
    assert deviation(case, layout, 0) == 2 * behind / case.total(0)


def test_the_goal_of_deviation_is_half_the_figure_at_the_districts_own_share() -> None:
    # The district's share is 0.8: T3 is 0.8 below it with 4 of 20 people, 0.16; either way it is 0.32.
    case, layout = three_villages()
    assert Deviation(share=0.8, source="a toy").value(case, layout) == Fraction(16, 100)
    assert deviation(case, layout, 0) == Fraction(32, 100)


def test_of_two_towns_as_badly_off_the_first_is_named() -> None:
    case = make([[2], [2]], [site("A")], {(0, 0): 60, (1, 0): 60}, town_of=(0, 1))
    assert worst_town(case, Layout(frozenset({(0, 0)}), {(0, 0, 0): 1, (1, 0, 0): 1}), 0) == ("T1", Fraction(1, 2))


def test_a_plan_says_the_worst_town_of_its_ledger(tiny_plan: Plan) -> None:
    content = tiny_plan.content
    for row in content["fairness"]:
        ledger = [line for line in content["ledger"] if line["year"] == row["year"]]
        shares = {line["scope"]: line["served"] / line["people"] for line in ledger if line["people"]}
        assert row["share_all"] == pytest.approx(shares.pop("district"))
        assert row["worst_town_share"] == pytest.approx(min(shares.values()))
        assert shares[row["worst_town"]] == min(shares.values())
    assert [row["year"] for row in content["fairness"]] == content["years"]


def test_a_plan_says_how_many_of_the_elderly_are_served_wherever_it_knows_where_they_live(tiny_plan: Plan) -> None:
    # The ledger by age says it in whole persons, so the two shares agree but for rounding.
    content = tiny_plan.content
    ledger = [row for row in content["ledger_by_age"] if (row["scope"], row["group"]) == ("district", "aged_65")]
    assert len(ledger) == len(content["years"])
    for row, figure in zip(ledger, content["fairness"], strict=True):
        assert figure["share_65"] == pytest.approx(row["served"] / row["people"], abs=0.005)


def test_a_plan_of_an_earlier_version_need_not_say_how_fair_it_is(tiny_plan: Plan) -> None:
    content = copy.deepcopy(dict(tiny_plan.content))
    del content["fairness"]
    assert not verify(content).sound
    content["versions"]["allocate"] = "0.0.1"
    assert verify(content).sound
    assert sheets(content, "en")["fairness"].rows == ()
    assert len(summary(content)) == 11


def test_the_sheet_names_the_town_and_keeps_its_code(tiny_plan: Plan) -> None:
    rows = list(sheets(tiny_plan.content, "zh")["fairness"].records())
    names = {town["id"]: town["name"] for town in tiny_plan.content["district_data"]["towns"]}
    for row, figure in zip(rows, tiny_plan.content["fairness"], strict=True):
        assert row["worst_town"] == names[figure["worst_town"]]
        assert row["worst_town_id"] == figure["worst_town"]
        assert row["share_65"] == figure["share_65"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_summary_says_how_the_worst_tenth_fare_and_what_it_rests_on(language: Any, tiny_plan: Plan) -> None:
    content = copy.deepcopy(dict(tiny_plan.content))
    row = content["fairness"][0]
    with speaking(language):
        row |= {"worst_tenth_unserved": 0.25, "worst_tenth_minutes": 7.25, "basis": "estimated"}
        assert " 25.0 %" in summary(content)[4]
        row |= {"worst_tenth_unserved": 0, "gini_minutes": 0.31}
        line = summary(content)[4]
        assert " 7.2 " in line
        assert "0.31" in line
        assert ("推算" if language == "zh" else "estimated") in line


def test_a_plan_with_the_goals_of_fairness_is_made_and_keeps_its_recheck(tiny: Tiny) -> None:
    fair = (
        'goal = "worst_tenth"\nunserved_minutes = 30\nsource = "made up"\n\n'
        '[[goals]]\ngoal = "deviation"\nshare = 0.95\nsource = "made up"'
    )
    tiny.edit("tiny.toml", 'goal = "worst_town"', fair)
    content = plan(read_district(tiny.folder), read_model(tiny.model)).content
    assert verify(content).sound
    stages = {row["name"]: row for row in content["stages"]}
    # Both years count alike, and nobody travels as long as 30 min.
    worst = [
        30 * row["worst_tenth_unserved"] + (1 - row["worst_tenth_unserved"]) * (row["worst_tenth_minutes"] or 0)
        for row in content["fairness"]
    ]
    assert stages["worst_tenth"]["value"] == pytest.approx(sum(worst) / 2)
    # Behind its target a town lacks people; each counts among all people of both years.
    towns = [row for row in content["ledger"] if row["scope"] != "district"]
    lacking = sum(max(0, 0.95 * row["people"] - row["served"]) for row in towns)
    assert stages["deviation"]["value"] == pytest.approx(lacking / sum(row["people"] for row in towns))
    # (Clauses are missed here, and whole people miss them by a little more than the search held them at: in that case
    # nothing is proven of the goals.)
    assert all(0 <= stages[name]["bound"] <= stages[name]["value"] for name in ("worst_tenth", "deviation"))
