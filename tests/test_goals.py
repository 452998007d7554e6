"""Every goal says its value twice: as a sum that the solver makes small, and from plain data."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
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
from allocate.goals import GOALS, Goal
from allocate.layout import Layout
from allocate.rows import Number

EXAMPLES: dict[str, dict[str, Any]] = {
    "people_reached": {},
    "cost": {},
    "travel": {"unserved_minutes": 60, "source": "a toy"},
    "worst_town": {},
}
SLOWLY = settings(max_examples=60, deadline=None)


def goal(name: str) -> Goal:
    return GOALS[name](**EXAMPLES[name])


def least(this: Goal, case: Case, layout: Layout) -> Number:
    """Return the least that the terms of a goal can be at a layout: its helpers as small as its rows let them be."""
    value = value_in(layout)
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


def test_every_goal_has_an_example() -> None:
    assert set(EXAMPLES) == set(GOALS)


@pytest.mark.parametrize("name", GOALS)
@given(data=st.data())
@SLOWLY
def test_what_the_solver_adds_up_is_the_value_of_the_plan(name: str, data: st.DataObject) -> None:
    case = data.draw(cases(years=(2025, 2027, 2030)))
    layout = data.draw(lawful_layouts(case))
    assert least(goal(name), case, layout) == goal(name).value(case, layout)


@pytest.mark.parametrize("name", GOALS)
def test_the_two_agree_on_every_way_to_open_the_sites_of_the_valley(name: str) -> None:
    case = valley(repeats=(1, 2), spans=(2, 9))
    values = set()
    for is_open in lives(case):
        layout = nearest(case, is_open)
        assert least(goal(name), case, layout) == goal(name).value(case, layout)
        values.add(goal(name).value(case, layout))
    assert len(values) > 2, "the goal hardly tells plans apart"


@pytest.mark.parametrize("name", GOALS)
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


@given(data=st.data())
@SLOWLY
def test_serving_one_person_more_never_makes_people_reached_travel_or_the_worst_town_worse(
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
    assert goal("worst_town").value(case, more) <= goal("worst_town").value(case, layout)
