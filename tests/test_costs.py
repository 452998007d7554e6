"""What a plan costs, worked out twice: from the terms of the solver, and from what is open and who is employed."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_functions import equipped
from tiny import ability, able, breached, leading, lives, make, missed, resource, rule, site, staffed, value_in

from allocate.case import Case
from allocate.costs import (
    CONSORTIA,
    FUNCTIONS,
    NATURES,
    SITES,
    Nature,
    charges,
    new_charges,
    newly_spent,
    spent,
    standing_pay,
    whole_cost,
)
from allocate.decisions import consortia, functions
from allocate.goals import Cost
from allocate.greedy import greedy
from allocate.layout import Layout
from allocate.posts import staff
from allocate.resources import JOINED, flow
from allocate.rows import LEADS, Key, Number

SLOWLY = settings(max_examples=80, deadline=None)


@st.composite
def layouts(draw: st.DrawFn, case: Case) -> Layout:
    """Draw a layout whose sites live as they may, with any number of everything everywhere, right or wrong."""
    amounts: dict[tuple[str, int, int], Number] = {}
    whats = [*case.resources, *(flow(name, JOINED) for name in case.employed)]
    for what in draw(st.lists(st.sampled_from(whats), max_size=6)):
        # (Only an employer takes somebody on, and only sites with posts have anything.)
        where = [e for e, team in case.teams_of.items() if any(case.posts(what.split(".")[0], j) for j in team)]
        where = where if what.endswith(JOINED) else list(case.holders(what)[1])
        if where and not (what in case.resources and case.resources[what].sum_of):
            amounts[what, draw(st.sampled_from(where)), draw(st.sampled_from(case.periods))] = draw(st.integers(0, 3))
    return Layout(draw(st.sampled_from(list(lives(case)))), {}, amounts)


@given(data=st.data())
@SLOWLY
def test_charges_add_up_to_what_is_spent_by_nature_by_thing_and_by_place(data: st.DataObject) -> None:
    case, _ = data.draw(staffed(years=(2025, 2027, 2030)))
    layout = data.draw(layouts(case))
    value = value_in(layout)
    for t in case.periods:
        sums: dict[tuple[Nature, str, int], Number] = {}
        for charge in charges(case, t):
            about = charge.nature, charge.what, charge.at
            assert about not in sums, "every charge is yielded once"
            sums[about] = charge.constant + sum(times * value(key) for key, times in charge.terms.items())
        for nature in NATURES:
            for what in (SITES, *case.resources):
                for j in range(len(case.sites)):
                    found = spent(case, layout, t, lambda *about, one=(nature, what, j): about == one)
                    assert sum(found.values()) == found[nature] == sums.get((nature, what, j), 0)
            assert spent(case, layout, t)[nature] == sum(n for about, n in sums.items() if about[0] == nature)


@given(data=st.data())
@SLOWLY
def test_what_the_solver_makes_small_is_the_cost_without_the_pay_that_nothing_changes(data: st.DataObject) -> None:
    case, _ = data.draw(staffed(years=(2025, 2027, 2030)))
    layout = data.draw(layouts(case))
    value, this = value_in(layout), Cost()
    terms = sum((times * value(key) for key, times in this.terms(case).items()), 0)
    assert this.constant(case) + terms == this.value(case, layout) == whole_cost(case, layout) - standing_pay(case)


@given(data=st.data())
@SLOWLY
def test_what_a_year_may_cost_is_the_same_for_the_solver_and_the_recheck(data: st.DataObject) -> None:
    case, _ = data.draw(staffed())
    layout = data.draw(layouts(case))
    limit, of = data.draw(st.integers(0, 12)), data.draw(st.sampled_from(("all", *NATURES)))
    this = rule("spending", at_most=limit, of=of)
    assert missed(this.rows(case), layout) == breached(this.breaches(case, layout))


@given(drawn=staffed())
@SLOWLY
def test_pay_follows_from_who_is_employed_and_not_from_where_they_work(drawn: tuple[Case, Any]) -> None:
    case, rules = drawn
    layout = staff(case, rules, greedy(case, rules))
    idle = {about: n for about, n in layout.amounts.items() if about[0].endswith(f".{JOINED}")}
    formed = {about: n for about, n in layout.amounts.items() if about[0] == "teams"}
    assert whole_cost(case, replace(layout, amounts=idle | formed)) == whole_cost(case, layout)


@given(drawn=equipped())
@settings(max_examples=150, deadline=None)
def test_functions_and_consortia_cost_the_same_for_the_solver_and_the_recheck(drawn: tuple[Case, Layout]) -> None:
    # (What is had or led must stay, unless its site closes: else there would be something to be paid back.)
    case, layout = drawn
    lost = {str(breach.about[0]) for breach in functions.breaches(case, layout)}
    assume(lost.isdisjoint({"kept", "at"}))
    plain = value_in(layout)

    def value(key: Key) -> Number:
        match key:
            case ("begins", str(name), int(j), int(t)):
                before = layout.has(name, j, t - 1) if t else (name, j) in case.had
                return int(layout.has(name, j, t) and not before)
        return plain(key)

    for t in case.periods:
        found: dict[tuple[Nature, str, int], Number] = {}
        for charge in charges(case, t):
            about = charge.nature, charge.what, charge.at
            assert about not in found, "every charge is yielded once"
            found[about] = charge.constant + sum(times * value(key) for key, times in charge.terms.items())
        for nature in NATURES:
            for what in (SITES, FUNCTIONS, CONSORTIA):
                for j in range(len(case.sites)):
                    money = spent(case, layout, t, lambda *about, one=(nature, what, j): about == one)
                    assert money[nature] == found.get((nature, what, j), 0)
        new = sum(
            charge.constant + sum(times * value(key) for key, times in charge.terms.items())
            for charge in new_charges(case, t)
        )
        assert new == newly_spent(case, layout, t)


def test_a_hub_pays_once_for_what_it_sets_up_and_nothing_for_what_it_has_today() -> None:
    # The hub has imaging from hospital G today, for 5 a year; from 2027 on it has a chest-pain unit, 80 once and 10 a
    # year. The clinic K, which may close, has its corner from 2025 on, 9 once and 1 a year, and closes in 2030.
    # G leads from 2025 on, for 100 once and 20 a year; its own imaging, of today, costs 30 a year.
    sites = [
        site("G", kind="hospital", exists=True),
        site("U", kind="township_hospital", exists=True),
        site("K", exists=True, closable=True),
    ]
    abilities = {
        "imaging": ability(
            "imaging", at=["hospital"], serves=["township_hospital"], yearly=30, linking=7, linked_yearly=5
        ),
        "chest": ability("chest", opening=80, yearly=10),
        "corner": ability("corner", at=["clinic"], opening=9, yearly=1),
    }
    case = able(
        make([[1, 1, 1]], sites, {}, years=(2025, 2027, 2030)),
        abilities,
        had={("imaging", 0): -1, ("imaging", 1): 0},
        leading=leading({(1, 0): 60}, opening=100, yearly=20),
    )
    layout = Layout(
        frozenset({(j, t) for j in (0, 1) for t in range(3)} | {(2, 0), (2, 1)}),
        amounts={("imaging", j, t): 1 for j in (0, 1) for t in range(3)}
        | {("chest", 1, t): 1 for t in (1, 2)}
        | {("corner", 2, t): 1 for t in (0, 1)}
        | {(LEADS, 0, t): 1 for t in range(3)},
        members=frozenset((1, 0, t) for t in range(3)),
        links=frozenset(("imaging", 1, 0, t) for t in range(3)),
    )
    assert not [*functions.breaches(case, layout), *consortia.breaches(case, layout)]
    # 2025: 9 for the corner and 100 for the consortium; 30 + 5 for imaging, 1 for the corner and 20 for the consortium.
    assert spent(case, layout, 0) == {"capital": 109, "recurrent": 56}
    # 2027: 80; 10 more. 2030: nothing once, and 1 less.
    assert spent(case, layout, 1) == {"capital": 80, "recurrent": 66}
    assert spent(case, layout, 2) == {"capital": 0, "recurrent": 65}
    # New is all but the 35 of today's imaging.
    assert [newly_spent(case, layout, t) for t in range(3)] == [109 + 21, 80 + 31, 30]
    # Two years, three and one: 109 + 2 × 56 + 80 + 3 × 66 + 65.
    assert whole_cost(case, layout) == 564


def hospital(**numbers: Any) -> Case:
    """Return a hospital with ten nurses today, in 2025, 2027 and 2030; the plan's day lies in 2024."""
    nurses = resource(**{"at": {"hospital": 20}, "yearly": 120_000, "adding": 10_000, "leaves": 0.1} | numbers)
    return make(
        [[1, 1, 1]],
        [site("H", kind="hospital", exists=True, yearly=5_000)],
        {},
        years=(2025, 2027, 2030),
        resources={"nurses": nurses},
        stock={("nurses", 0): 10},
    )


def test_those_who_stay_are_paid_and_those_who_join_cost_once_and_every_year() -> None:
    # Of ten nurses 10 × 0.9 = 9 stay in 2025, 10 × 0.9³ = 7.29 in 2027: 7, and 10 × 0.9⁶ = 5.31 in 2030: 5.
    case = hospital()
    assert [case.staying("nurses", 0, t) for t in case.periods] == [9, 7, 5]
    # Two join in 2027, one more in 2030.
    layout = Layout(
        frozenset((0, t) for t in case.periods), {}, {("nurses.joined", 0, 1): 2, ("nurses.joined", 0, 2): 3}
    )
    # 2025: 9 × 120,000 + 5,000 for the site itself.
    assert spent(case, layout, 0) == {"capital": 0, "recurrent": 1_085_000}
    # 2027: 2 × 10,000 once; (7 + 2) × 120,000 + 5,000.
    assert spent(case, layout, 1) == {"capital": 20_000, "recurrent": 1_085_000}
    # 2030: one more, 10,000; (5 + 3) × 120,000 + 5,000.
    assert spent(case, layout, 2) == {"capital": 10_000, "recurrent": 965_000}
    # 2025 and 2026, then 2027 to 2029, then 2030: 2 × 1,085,000 + 20,000 + 3 × 1,085,000 + 10,000 + 965,000.
    assert whole_cost(case, layout) == 6_420_000
    # Of today's: (2 × 9 + 3 × 7 + 1 × 5) × 120,000 = 44 × 120,000.
    assert standing_pay(case) == 5_280_000
    # So the goal sees 1,140,000: 30,000 for joining, 9 nurse-years of those who joined (3 × 2 + 1 × 3) at 120,000,
    # and six years of the site at 5,000.
    assert Cost().value(case, layout) == 30_000 + 9 * 120_000 + 6 * 5_000


def test_a_budget_for_running_costs_that_the_staff_of_today_already_exceeds_is_missed_by_the_rest() -> None:
    # 2025 costs 9 × 120,000 + 5,000 = 1,085,000 whatever is decided: 85,000 more than a million, 8.5 %.
    case = hospital()
    this = rule("spending", at_most=1_000_000, of="recurrent", years=(2025,))
    layout = Layout(frozenset((0, t) for t in case.periods))
    (breach,) = this.breaches(case, layout)
    assert (breach.shortfall, float(breach.share)) == (85_000, 0.085)
    (row,) = this.rows(case)
    # 5,000 if open + 120,000 for each who joins ≤ 1,000,000 − 1,080,000.
    assert row.bound == -80_000
    assert missed([row], layout) == {(2025,): (85_000, 1_000_000)}
    assert list(rule("spending", at_most=0, of="capital").breaches(case, layout)) == []


@pytest.mark.parametrize(("teams", "money"), [(0, 0), (3, 3 * 40_000)])
def test_a_team_is_paid_as_a_team_and_nobody_takes_it_on(teams: int, money: int) -> None:
    # What a team costs beside its people, such as its car: 40,000 a year; it joins from nowhere.
    resources = {
        "nurses": resource(at={"station": 5}),
        "teams": resource(at={"station": 5}, needs={"nurses": 1}, yearly=40_000, adding=7),
    }
    case = make([[1]], [site("S", kind="station", exists=True)], {}, resources=resources, stock={("nurses", 0): 5})
    layout = Layout(frozenset({(0, 0)}), {}, {("nurses", 0, 0): 5, ("teams", 0, 0): teams})
    assert spent(case, layout, 0) == {"capital": 0, "recurrent": money}
