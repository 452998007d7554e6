"""What a site is worth: who would lose without it, and which other spot would do, checked by hand and on any plan."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from test_care import BUILDING, DOCTOR, EVERYBODY, missed, plans, three_villages
from tiny import rule, site

from allocate import decisions
from allocate.case import Case
from allocate.changes import AsPlanned, Change
from allocate.costs import whole_cost
from allocate.goals import GOALS, Goal
from allocate.layout import Layout
from allocate.plans import Plan
from allocate.rules import Rule
from allocate.verification import _Counter, _standing, verify
from allocate.worth import WITHIN, Worth

COST: Mapping[str, Goal] = {"cost": GOALS["cost"]()}
TRAVEL: Mapping[str, Goal] = {"travel": GOALS["travel"](unserved_minutes=60, source="a toy")}


def worths(
    case: Case,
    layout: Layout,
    rules: Mapping[str, Rule] | None = None,
    goals: Mapping[str, Goal] = COST,
    draws: tuple[Mapping[str, Any], ...] = (),
) -> dict[str, dict[str, Any]]:
    asked = Worth(AsPlanned(case, layout, rules or {}), ("clinic",), goals, draws)
    return {row["id"]: row for row in asked.rows()}


def test_the_only_clinic_near_is_worth_all_whom_it_serves() -> None:
    case, layout = three_villages()
    (clinic,) = worths(case, layout, EVERYBODY).values()
    # P1 (900 people) and P2 (300) have no other open clinic; its building and two doctors are saved.
    assert clinic["nearest"] == {"2025": 1_200}
    assert clinic["longer"] == {"2025": 0}
    saved = -(BUILDING + 2 * DOCTOR)
    dropped = {"unserved": {"2025": 1_200}, "cost": saved, "goals": {"cost": saved}, "clauses": ["everybody"]}
    assert clinic["dropped"] == dropped


def test_without_a_clinic_its_people_go_to_the_next_one_that_has_room() -> None:
    # B stands as well, with room for 500: P2 is served there, 7 minutes nearer, and of P1 the first 200.
    case, layout = three_villages()
    small = (case.sites[0], replace(case.sites[1], capacity=500), *case.sites[2:])
    case = replace(case, sites=small)
    layout = replace(
        layout,
        open=layout.open | {(1, 0)},
        serve={(0, 0, 0): 900, (1, 1, 0): 300},
        amounts={
            **layout.amounts,
            ("village_doctors", 0, 0): 1,
            ("village_doctors", 1, 0): 1,
        },
    )
    assert list(decisions.breaches(case, layout)) == []
    found = worths(case, layout)
    # Whose nearest clinic is A: P1, and the next is 6 minutes farther for its 900 people.
    assert (found["A"]["nearest"], found["A"]["longer"]) == ({"2025": 900}, {"2025": 900 * 6})
    assert found["A"]["dropped"]["unserved"] == {"2025": 700}
    # One doctor serves 500 people at B, too.
    assert found["A"]["dropped"]["cost"] == -(BUILDING + DOCTOR)
    assert found["B"]["dropped"] == {
        "unserved": {"2025": 0},
        # (A has 1,200 people then, and takes the doctor of B.)
        "cost": -BUILDING,
        "goals": {"cost": -BUILDING},
        "clauses": [],
    }


def test_the_next_village_would_do_as_well_where_only_money_counts() -> None:
    case, layout = three_villages()
    # B serves P1 and P2 as A does; C reaches neither.
    (clinic,) = worths(case, layout, EVERYBODY).values()
    assert clinic["tried"] == 1
    assert clinic["others"] == [
        {"id": "B", "unserved": {"2025": 0}, "cost": 0, "goals": {"cost": 0}, "clauses": []},
    ]
    # 900 people would travel 6 minutes more and 300 so much less: 3,600 person-minutes of 15,000 are not within 1 %.
    (clinic,) = worths(case, layout, EVERYBODY, TRAVEL).values()
    assert TRAVEL["travel"].value(case, layout) == 60 * (900 * 1 + 300 * 7 + 200 * 60)
    assert (clinic["tried"], clinic["others"]) == (1, [])


def test_a_spot_with_which_a_clause_is_missed_is_no_alternative() -> None:
    case, layout = three_villages()
    dear = (*case.sites[:1], replace(case.sites[1], opening=150_001), *case.sites[2:])
    money = rule("spending", at_most=0).measure(case, layout, 0)[0]
    limit = {"money": rule("spending", at_most=int(money))}
    (clinic,) = worths(replace(case, sites=dear), layout, limit).values()
    assert (clinic["tried"], clinic["others"]) == (1, [])
    (clinic,) = worths(replace(case, sites=dear), layout).values()
    assert [(one["id"], one["cost"]) for one in clinic["others"]] == [("B", 1)]


def test_what_hangs_on_a_site_stands_against_dropping_it() -> None:
    case, layout = three_villages()
    based = replace(layout, visits=frozenset({("rounds", 2, 0, 0)}))
    (clinic,) = worths(case, based).values()
    assert (clinic["dropped"], clinic["others"], clinic["tried"]) == ({"hindrance": "visits"}, [], 0)


def test_draws_that_say_nothing_of_sites_count_for_nothing() -> None:
    case, layout = three_villages()
    assert worths(case, layout, draws=({"seed": 1},))["A"]["draws"] is None
    drawn = ({"standing": ["A", "B"]}, {"standing": ["B"]}, {"standing": ["A"]})
    assert worths(case, layout, draws=drawn)["A"]["draws"] == 2


def test_a_hub_that_nobody_decides_on_has_no_worth() -> None:
    case, layout = three_villages()
    fixed = replace(case, sites=(site("A", place=0, exists=True), *case.sites[1:]))
    assert worths(fixed, layout) == {}


@given(drawn=plans())
@settings(max_examples=60, deadline=None)
def test_every_change_can_be_and_costs_what_the_changed_plan_costs(
    drawn: tuple[Case, list[Rule], dict[str, Rule], Layout],
) -> None:
    case, laws, rules, layout = drawn
    goals = {**COST, **TRAVEL, "reached": GOALS["people_reached"]()}
    asked = Worth(AsPlanned(case, layout, rules), ("clinic", "station"), goals)
    before, values = missed(case, rules, layout), {name: goal.value(case, layout) for name, goal in goals.items()}
    told = {row["id"]: row for row in asked.rows()}
    for j in asked.decided:
        code, changes = case.sites[j].id, dict[str, Change]()
        if (dropped := None if asked.hindrance(j) else asked.drop(j)) is not None:
            changes["dropped"] = dropped
            assert not any(site == j for site, _ in dropped.layout().open)
        for k in [] if asked.hindrance(j) else range(len(case.sites)):
            if k in asked._empty and case.sites[k].kind == case.sites[j].kind:
                swapped = asked.swap(j, k)
                if swapped is not None:
                    changes[case.sites[k].id] = swapped
        for name, change in changes.items():
            changed = change.layout()
            assert list(decisions.breaches(case, changed)) == []
            assert [breach for law in laws for breach in law.breaches(case, changed)] == []
            assert change.cost() == whole_cost(case, changed) - whole_cost(case, layout)
            fewer = {t: layout.served_in(t) - changed.served_in(t) for t in case.periods}
            found = asked._told(j, change)
            assert found["unserved"] == {str(case.years[t]): fewer[t] for t in case.periods if (j, t) in layout.open}
            # Who is served elsewhere stays there: only the site's own people move.
            others = {about: n for about, n in layout.serve.items() if about[1] != j}
            assert all(changed.serve.get(about, 0) >= n for about, n in others.items())
            for goal, more in found["goals"].items():
                wanted = Fraction(goals[goal].value(case, changed)) - Fraction(values[goal])
                assert Fraction(str(more)) == pytest.approx(wanted, abs=1e-9)
            after = missed(case, rules, changed)
            worse = {about[0] for about, more in after.items() if more > before.get(about, 0)}
            assert set(found["clauses"]) == worse
            if name == "dropped":
                assert told[code]["dropped"] == found
        for one in told[code]["others"]:
            assert one == {"id": one["id"]} | asked._told(j, changes[one["id"]])
            assert one["clauses"] == []
            assert all(
                Fraction(str(one["goals"][g])) <= abs(Fraction(values[g])) * Fraction(str(WITHIN)) for g in goals
            )


def test_a_plan_says_it_of_every_site_that_it_decides(tiny_plan: Plan) -> None:
    content = tiny_plan.content
    siting = content["settings"]["siting"]
    standing = {row["id"] for row in content["sites"] if row["kind"] in siting and row["people"]}
    assert {row["id"] for row in content["worth"]} <= standing
    assert content["worth"]
    for row in content["worth"]:
        # (Nothing of the small district is estimated, so nothing is drawn.)
        assert row["draws"] is None
        # Nobody's nearest site is one that serves fewer people than have no other.
        (alone,) = [one["only_site_of"] for one in content["sites"] if one["id"] == row["id"] and one["people"]]
        assert all(row["nearest"][year] >= alone[year] for year in row["nearest"])


def test_another_worth_is_found_by_the_recheck(tiny_plan: Plan) -> None:
    content = dict(tiny_plan.content)
    content["worth"] = [dict(row) for row in content["worth"]]
    content["worth"][0]["tried"] += 1
    assert [finding.where for finding in verify(content).findings] == ["worth[0].tried"]


@pytest.mark.parametrize(
    ("standing", "is_sound"), [(["A", "B"], True), (["A"], False), (["B", "A"], False), (["A", "A"], False)]
)
def test_a_draw_names_each_of_its_sites_once(standing: list[str], *, is_sound: bool) -> None:
    draw = {"sites": {"2025": 9, "2027": 2}, "standing": standing}
    assert (list(_standing(draw, "draws[0].standing", "2027", _Counter())) == []) == is_sound
