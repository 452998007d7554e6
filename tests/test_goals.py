"""Every goal says its value twice: as a sum that the solver makes small, and from plain data."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp
from tiny import (
    cases,
    lawful_layouts,
    lives,
    make,
    matches_golden,
    nearest,
    render,
    render_columns,
    render_sum,
    site,
    valley,
    value_in,
)

from allocate.case import Case
from allocate.decisions import siting
from allocate.goals import GOALS, Goal, WorstTenth
from allocate.layout import Layout
from allocate.program import Objective, Options, Program
from allocate.rows import Number, Row, opened

EXAMPLES: dict[str, dict[str, Any]] = {
    "people_reached": {},
    "cost": {},
    "travel": {"unserved_minutes": 60, "source": "a toy"},
    "worst_town": {},
    "worst_tenth": {"share": 0.4, "unserved_minutes": 20, "source": "a toy"},
    "deviation": {"share": 0.8, "source": "a toy"},
    "districting": {"outside_minutes": 60, "basis": "assumed", "source": "a toy"},
    "tail_coverage": {"draws": 2, "tail": 0.5},
    "match": {"specialties": {"medicine": {"people": 1}}, "mode": "car", "basis": "assumed", "source": "a toy"},
}
# (Goals on postings and on consortia have tests of their own: see test_match and test_districting.)
OF_SITES = [name for name, kind in GOALS.items() if not kind.beside]
SLOWLY = settings(max_examples=60, deadline=None)


def goal(name: str) -> Goal:
    return GOALS[name](**EXAMPLES[name])


def least(this: Goal, case: Case, layout: Layout) -> Number:
    """Return the least that the terms of a goal can be at a layout: its helpers as small as its rows let them be."""
    value = value_in(layout)
    own = {column.key for column in this.columns(case)}
    if any(column.whole for column in this.columns(case)) or any(
        len(own & row.terms.keys()) > 1 for row in this.rows(case)
    ):
        return solved(this, case, layout)
    helpers: dict[Any, Number] = {column.key: column.low for column in this.columns(case)}
    for row in this.rows(case):
        (helper,) = helpers.keys() & row.terms.keys()
        rest = sum(coefficient * value(key) for key, coefficient in row.terms.items() if key != helper)
        assert row.sense == ">="
        assert row.terms[helper] > 0
        helpers[helper] = max(helpers[helper], Fraction(row.bound - rest) / row.terms[helper])
    for column in this.columns(case):
        assert helpers[column.key] <= column.high
    terms = this.terms(case)
    assert all(coefficient > 0 for key, coefficient in terms.items() if key in helpers)
    parts = (c * (helpers[key] if key in helpers else value(key)) for key, c in terms.items())
    return this.constant(case) + sum(parts)


def solved(this: Goal, case: Case, layout: Layout, *, whole: bool = True, leave_out: Sequence[str] = ()) -> float:
    """Return the same where helpers hang together and some are whole, from a solver that allocate does not use."""
    value = value_in(layout)
    columns = list(this.columns(case))
    if not columns:
        return float(this.constant(case))
    at = {column.key: n for n, column in enumerate(columns)}
    cost = np.zeros(len(columns))
    for key, coefficient in this.terms(case).items():
        cost[at[key]] = coefficient
    rows = [row for row in this.rows(case) if row.about[0] not in leave_out]
    matrix, least = np.zeros((len(rows), len(columns))), np.zeros(len(rows))
    for r, row in enumerate(rows):
        assert row.sense == ">="
        rest = Fraction(0)
        for key, coefficient in row.terms.items():
            if key in at:
                matrix[r, at[key]] = coefficient
            else:
                rest += coefficient * value(key)
        least[r] = row.bound - rest
    found = milp(
        cost,
        integrality=np.array([column.whole and whole for column in columns]),
        bounds=Bounds([float(c.low) for c in columns], [float(c.high) for c in columns]),
        constraints=LinearConstraint(matrix, least, np.inf) if rows else (),
    )
    assert found.success, found.message
    return float(found.fun) + this.constant(case)


def alike(left: Number | float, right: Number) -> bool:
    """Tell whether an exact number, or one of a solver, is the other one."""
    return abs(left - right) <= 1e-6 * max(1, abs(right)) if isinstance(left, float) else left == right


def test_every_goal_has_an_example() -> None:
    assert set(EXAMPLES) == set(GOALS)


@pytest.mark.parametrize("name", OF_SITES)
@given(data=st.data())
@SLOWLY
def test_what_the_solver_adds_up_is_the_value_of_the_plan(name: str, data: st.DataObject) -> None:
    case = data.draw(cases(years=(2025, 2027, 2030)))
    layout = data.draw(lawful_layouts(case))
    assert alike(least(goal(name), case, layout), goal(name).value(case, layout))


@pytest.mark.parametrize("name", OF_SITES)
def test_the_two_agree_on_every_way_to_open_the_sites_of_the_valley(name: str) -> None:
    case = valley(repeats=(1, 2), spans=(2, 9))
    values = set()
    for is_open in lives(case):
        layout = nearest(case, is_open)
        assert alike(least(goal(name), case, layout), goal(name).value(case, layout))
        values.add(goal(name).value(case, layout))
    assert len(values) > 2, "the goal hardly tells plans apart"


@pytest.mark.parametrize("name", OF_SITES)
def test_the_sum_of_a_goal_reads_as_it_did(name: str) -> None:
    case, this = valley(repeats=(1, 2), spans=(2, 9)), goal(name)
    shown = [f"minimise: {render_sum(this.terms(case))}", f"plus: {this.constant(case)}"]
    shown += [text for text in (render_columns(this.columns(case)), render(name, this.rows(case))) if text]
    matches_golden(name, "\n".join(shown))


def hamlet(**numbers: Any) -> tuple[Case, Layout]:
    """Return two towns in two years, and a layout that serves some of their people.

    P1 in T1 has 10 people, P2 in T2 has 4, then 5. Clinic X stands already; clinic Y opens in the second year.
    """
    sites = [
        site("X", exists=True, opening=999, yearly=60_000),
        site("Y", town="T2", place=1, opening=150_000, yearly=60_000),
        site("Z", opening=150_000, yearly=60_000),
    ]
    seconds = {(0, 0): 300, (1, 1): 600, (1, 0): 900}
    case = make([[10, 10], [4, 5]], sites, seconds, years=(2025, 2028), town_of=(0, 1), **numbers)
    is_open = frozenset({(0, 0), (0, 1), (1, 1)})
    return case, Layout(is_open, {(0, 0, 0): 8, (1, 0, 0): 1, (0, 0, 1): 10, (1, 1, 1): 2})


def test_people_without_a_site_are_counted_in_every_plan_year() -> None:
    # 2025: 14 people, 8 + 1 served: 5 are not. 2028: 15 people, 10 + 2 served: 3 are not.
    case, layout = hamlet()
    assert goal("people_reached").value(case, layout) == 5 + 3
    # Where the second year stands for two: 5 + 2 × 3.
    case, layout = hamlet(repeats=(1, 2))
    assert goal("people_reached").value(case, layout) == 11


def test_a_plan_costs_its_openings_once_and_every_calendar_year_of_what_is_open() -> None:
    # X: 60,000 in each of 2025, 2026, 2027 (the years until 2028) and 2028: 240,000; it stands, so opening is free.
    # Y: 150,000 and one year: 210,000. Z never opens. Together 450,000 yuan.
    case, layout = hamlet()
    assert case.spans == (3, 1)
    assert goal("cost").value(case, layout) == 450_000


def test_travel_adds_up_person_seconds_and_counts_an_hour_for_whom_nobody_serves() -> None:
    # 2025: 8 × 300 + 1 × 900 = 3,300, and 5 people without a site: 5 × 3,600 = 18,000.
    # 2028: 10 × 300 + 2 × 600 = 4,200, and 3 × 3,600 = 10,800. Together 36,300 person-seconds.
    case, layout = hamlet()
    assert goal("travel").value(case, layout) == 3_300 + 18_000 + 4_200 + 10_800


def test_the_worst_town_is_found_in_its_worst_year() -> None:
    # T1: 2 of 10, then nobody of 10 without a site. T2: 3 of 4, then 3 of 5. The worst is 3/4.
    case, layout = hamlet()
    assert goal("worst_town").value(case, layout) == Fraction(3, 4)


def test_a_town_where_nobody_lives_is_not_the_worst() -> None:
    case = make([[0], [2]], [site("X")], {(1, 0): 60}, town_of=(0, 1))
    this = goal("worst_town")
    assert [row.about for row in this.rows(case)] == [("T2", 2025)]
    assert this.value(case, Layout(frozenset({(0, 0)}), {(1, 0, 0): 2})) == 0


def test_the_worst_off_are_counted_person_by_person_and_the_last_in_part() -> None:
    # 40 % of 14 people in 2025: 5.6. Five are without a site (20 min), 0.6 travel 15 min: (100 + 9) / 5.6 = 109 / 5.6.
    # 40 % of 15 in 2028: 6. Three are without a site, two travel 10 min, one 5 min: (60 + 20 + 5) / 6 = 85 / 6.
    case, layout = hamlet()
    this = goal("worst_tenth")
    first, second = Fraction(1090, 56), Fraction(85, 6)
    assert this.value(case, layout) == (first + second) / 2
    # Where the second year stands for two, it counts twice.
    case, layout = hamlet(repeats=(1, 2))
    assert this.value(case, layout) == (first + 2 * second) / 3


def test_towns_are_behind_their_target_by_the_people_they_lack() -> None:
    # 80 % of T1 is 8 people in both years, 8 and 10 are served: none lacks. Of T2's 4 it is 3.2, and 1 is served: 2.2;
    # of 5 it is 4, and 2 are served: 2. Together 4.2 of 29 people.
    case, layout = hamlet()
    assert goal("deviation").value(case, layout) == Fraction(42, 290)
    # 2.2 + 2 · 2 of 14 + 2 · 15.
    case, layout = hamlet(repeats=(1, 2))
    assert goal("deviation").value(case, layout) == Fraction(62, 440)


@given(data=st.data())
@SLOWLY
def test_what_lies_under_the_worst_tenth_cuts_no_plan_off_and_lifts_the_relaxation(data: st.DataObject) -> None:
    case = data.draw(cases(years=(2025,)))
    layout = data.draw(lawful_layouts(case))
    this = goal("worst_tenth")
    under = ("mean", "means", "order")
    assert alike(solved(this, case, layout, leave_out=under), this.value(case, layout))
    with_all = solved(this, case, layout, whole=False)
    assert with_all >= solved(this, case, layout, whole=False, leave_out=under) - 1e-6
    assert with_all <= this.value(case, layout) + Fraction(1, 10**6)


def test_where_the_people_of_a_place_share_its_time_the_relaxation_is_the_value() -> None:
    # P1 has 6 people at 1 min, P2 has 4 at 10 min: the worst-off 40 % are P2. Without whole numbers nothing but the
    # mean of all remains: (6 + 40) / 10 = 4.6.
    case = make([[6], [4]], [site("X")], {(0, 0): 60, (1, 0): 600})
    layout, this = Layout(frozenset({(0, 0)}), {(0, 0, 0): 6, (1, 0, 0): 4}), goal("worst_tenth")
    assert this.value(case, layout) == 10
    assert solved(this, case, layout, whole=False) == pytest.approx(10)
    assert solved(this, case, layout, whole=False, leave_out=("mean", "means")) == pytest.approx(4.6)


@given(data=st.data())
@SLOWLY
def test_the_start_of_the_worst_tenth_is_the_best_for_its_plan(data: st.DataObject) -> None:
    case = data.draw(cases())
    layout = data.draw(lawful_layouts(case))
    this = goal("worst_tenth")
    value = value_in(layout)
    start = this.start(case, lambda key: float(value(key)))
    assert start.keys() == {column.key for column in this.columns(case) if column.whole}
    fixed = SimpleNamespace(
        columns=lambda case: [
            replace(column, low=start[column.key], high=start[column.key]) if column.whole else column
            for column in this.columns(case)
        ],
        terms=this.terms, rows=this.rows, constant=this.constant,
    )  # fmt: skip
    assert alike(solved(fixed, case, layout), this.value(case, layout))  # type: ignore[arg-type]


def test_a_goal_without_whole_helpers_needs_no_start() -> None:
    case, _ = hamlet()
    assert goal("worst_town").start(case, lambda key: 0.0) == {}


def test_people_count_for_the_solver_however_many_there_are() -> None:
    # HiGHS takes for nothing what is less than 1e-7 of the largest price.
    case = make([[1_000_000]], [site("X"), site("Y")], {(0, 0): 300, (0, 1): 301})
    prices = WorstTenth(unserved_minutes=60, source="a toy").terms(case).values()
    assert min(prices) / max(prices) > Fraction(1, 10**6)


@given(data=st.data())
@SLOWLY
def test_serving_one_person_more_never_makes_a_goal_but_the_cost_worse(
    data: st.DataObject,
) -> None:
    case = data.draw(cases(capacities=False))
    layout = data.draw(lawful_layouts(case))
    gaps = [
        (i, j, t)
        for j, t in sorted(layout.open)
        for i in case.places_of[j]
        if layout.served.get((i, t), 0) < case.people[i, t]
    ]
    assume(gaps)
    pair = data.draw(st.sampled_from(gaps))
    more = Layout(layout.open, {**layout.serve, pair: layout.serve.get(pair, 0) + 1})
    for name in ("people_reached", "travel"):
        assert goal(name).value(case, more) < goal(name).value(case, layout)
    for name in ("worst_town", "worst_tenth", "deviation"):
        assert goal(name).value(case, more) <= goal(name).value(case, layout)


@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_the_solver_finds_the_plan_in_which_the_worst_off_travel_least(data: st.DataObject) -> None:
    case = data.draw(cases(years=(2025,), capacities=False))
    assume(case.total(0))
    most, this = data.draw(st.integers(0, 2)), goal("worst_tenth")
    plans = [nearest(case, is_open) for is_open in lives(case) if len(is_open) <= most]
    assume(plans)
    program = Program("toy")
    program.add_columns(siting.columns(case))
    program.add_rows("siting", siting.rows(case))
    program.add_rows("most", [Row((2025,), {opened(j, 0): 1 for j in range(len(case.sites))}, "<=", most)])
    program.add_columns(this.columns(case))
    program.add_rows("worst_tenth", this.rows(case))
    objective = Objective("worst_tenth", this.terms(case), sees_links=this.sees_links)
    found = program.solve(objective, Options(quick=True, gap=0.0))
    assert alike(found.objective, min(this.value(case, plan) for plan in plans))
