"""What a plan looks like whose worst possible districts are as well served as can be."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from conftest import Tiny
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_goals import alike, solved
from tiny import cases, lawful_layouts, lives, make, site
from villages import model, road

from allocate import plan as plan_district
from allocate import read_district, read_model, verify
from allocate.candidates import make_case, possible_districts
from allocate.case import Case, Upgrade
from allocate.decisions import siting
from allocate.district import District
from allocate.errors import ModelError
from allocate.goals import TailCoverage
from allocate.goals.tail_coverage import mean_of_worst, rooms_of
from allocate.layout import Layout
from allocate.merging import merge_years
from allocate.possible import NO_LIMIT, Possible, gathered
from allocate.program import Objective, Options, Program
from allocate.rows import Row, opened
from allocate.units import Basis

Group = tuple[tuple[int, ...], Sequence[int]]


def possible(seed: int, groups: Sequence[Group], nowhere: Sequence[int] = (0,)) -> Possible:
    """Return a possible district of groups: the sites that each can go to, and its people by year."""
    pairs = [(g, j) for g, (sites, _) in enumerate(groups) for j in sites]
    people = np.array([people for _, people in groups], dtype=np.int64)
    totals = tuple(int(sum(column)) + more for column, more in zip(people.T, nowhere, strict=True))
    return Possible(
        seed, np.array([g for g, _ in pairs]), np.array([j for _, j in pairs]), people, totals
    )  # fmt: skip


def three_ways() -> Case:
    """Return two clinics, X for six people and Y without a limit, and four possible districts of ten people each.

    1: eight can go to X, two to either. 2: four to X, six to Y. 3: ten to Y. 4: five to X, and five nowhere.
    """
    sites = [site("X", capacity=6), site("Y", place=1)]
    case = make([[5], [5]], sites, {(0, 0): 60, (1, 1): 60})
    return replace(
        case,
        possible=(
            possible(1, [((0,), [8]), ((0, 1), [2])]),
            possible(2, [((0,), [4]), ((1,), [6])]),
            possible(3, [((1,), [10])]),
            possible(4, [((0,), [5])], nowhere=[5]),
        ),
    )


OPEN_X = Layout(frozenset({(0, 0)}))
OPEN_Y = Layout(frozenset({(1, 0)}))
BOTH = Layout(frozenset({(0, 0), (1, 0)}))


def test_who_finds_room_is_served_and_the_worst_districts_count() -> None:
    # X alone: 6 of 10, 4, none, 5 are served: 0.4, 0.6, 1.0 and 0.5 are not. Y alone: 2, 6, 10, none.
    case = three_ways()
    goal = TailCoverage(tail=0.5)
    assert goal.shares(case, OPEN_X, case.possible) == [Fraction(n, 10) for n in (4, 6, 10, 5)]
    assert goal.shares(case, OPEN_Y, case.possible) == [Fraction(n, 10) for n in (8, 4, 0, 10)]
    # Both: six of the eight at X and two at Y; all; all; five. The worst two of four: (5 + 2) / 20.
    assert goal.shares(case, BOTH, case.possible) == [Fraction(n, 10) for n in (2, 0, 0, 5)]
    assert goal.value(case, OPEN_X) == Fraction(16, 20)
    assert goal.value(case, BOTH) == Fraction(7, 20)
    # Three eighths of four are one and a half: the second counts by half.
    assert TailCoverage(tail=0.375).value(case, BOTH) == Fraction(5 + 1, 15)
    assert TailCoverage(tail=0).value(case, BOTH) == Fraction(1, 2)
    assert TailCoverage(tail=1).value(case, BOTH) == Fraction(7, 40)


def test_an_enlarged_clinic_has_more_room() -> None:
    case = three_ways()
    larger = replace(case.sites[0], upgrade=Upgrade(people=1, capacity=7))
    case = replace(case, sites=(larger, case.sites[1]))
    enlarged = replace(OPEN_X, amounts={("upgraded", 0, 0): 1})
    assert TailCoverage().shares(case, enlarged, case.possible)[0] == Fraction(3, 10)


def test_a_year_that_is_named_is_the_only_one_that_counts() -> None:
    sites = [site("X")]
    case = make([[6, 4]], sites, {(0, 0): 60}, years=(2025, 2030))
    case = replace(case, possible=(possible(1, [((0,), [6, 1])], nowhere=[0, 3]),))
    later = Layout(frozenset({(0, 1)}))
    assert TailCoverage(year=2025).value(case, later) == 1
    assert TailCoverage(year=2030).value(case, later) == Fraction(3, 4)
    # Nine of the ten people of both years go without.
    assert TailCoverage().value(case, later) == Fraction(9, 10)
    assert TailCoverage(year=2030).value(case.in_groups([[0, 1]]), Layout(frozenset({(0, 0)}))) == 0


def test_years_in_which_possible_districts_differ_are_not_merged() -> None:
    case = make([[2, 2]], [site("X")], {(0, 0): 60}, years=(2025, 2030))
    same, other = possible(1, [((0,), [2, 2])], [0, 0]), possible(1, [((0,), [2, 1])], [0, 1])
    assert len(merge_years(replace(case, possible=(same,)), []).case.years) == 1
    assert merge_years(replace(case, possible=(same,)), []).case.possible[0].totals == (2,)
    assert len(merge_years(replace(case, possible=(same, other)), []).case.years) == 2


def test_only_some_of_a_village_go_where_only_some_can() -> None:
    # Ten people, of whom four have the rarer way, which alone leads to site 1.
    able = np.array([[[10]], [[4]]])
    found = gathered(7, np.array([0, 0]), np.array([0, 1]), np.array([0, 1]), able)
    assert found.totals == (10,)
    assert sorted(found.people[:, 0].tolist()) == [4, 6]
    assert found.served(np.array([0, NO_LIMIT]), 0) == 4
    assert found.served(np.array([3, NO_LIMIT]), 0) == 7


@st.composite
def outlooks(draw: st.DrawFn, case: Case) -> tuple[Possible, ...]:
    """Return up to four possible districts of a case."""
    reach = st.sets(st.integers(0, len(case.sites) - 1), min_size=1).map(lambda them: tuple(sorted(them)))
    people = st.lists(st.integers(0, 5), min_size=len(case.years), max_size=len(case.years))
    groups = st.dictionaries(reach, people, min_size=1, max_size=4).map(lambda told: list(told.items()))
    found = draw(st.lists(st.tuples(groups, people), min_size=1, max_size=4))
    return tuple(possible(n, told, nowhere) for n, (told, nowhere) in enumerate(found))


@given(data=st.data())
@settings(max_examples=80, deadline=None)
def test_what_the_solver_adds_up_is_the_value_in_many_districts(data: st.DataObject) -> None:
    case = data.draw(cases(years=(2025, 2027)))
    case = replace(case, possible=data.draw(outlooks(case)))
    layout = data.draw(lawful_layouts(case))
    goal = TailCoverage(
        tail=data.draw(st.sampled_from([0, 0.25, 0.4, 1])), year=data.draw(st.sampled_from([None, 2027]))
    )
    assert alike(solved(goal, case, layout), goal.value(case, layout))


def most_by_cuts(one: Possible, rooms: Sequence[int], t: int) -> int:
    """Return the most people served, by every set of groups: what its sites have room for, and all others."""
    groups = range(len(one.people))
    near = {g: set(one.sites[one.groups == g].tolist()) for g in groups}
    least = []
    for size in range(len(groups) + 1):
        for chosen in combinations(groups, size):
            ends = set().union(*(near[g] for g in chosen))
            rest = sum(int(one.people[g, t]) for g in groups if g not in chosen)
            least.append(rest + sum(rooms[j] for j in ends))
    return min(least)


@given(data=st.data())
@settings(max_examples=80, deadline=None)
def test_no_more_are_served_than_any_cut_lets_through_and_no_fewer(data: st.DataObject) -> None:
    case = data.draw(cases(years=(2025,)))
    (one, *_) = data.draw(outlooks(case))
    rooms = data.draw(st.lists(st.sampled_from([0, 1, 3, 100]), min_size=len(case.sites), max_size=len(case.sites)))
    assert one.served(np.array(rooms), 0) == most_by_cuts(one, rooms, 0)


@given(data=st.data())
@settings(max_examples=80, deadline=None)
def test_a_new_site_serves_more_only_where_somebody_waits(data: st.DataObject) -> None:
    case = data.draw(cases(years=(2025,)))
    (one, *_) = data.draw(outlooks(case))
    count = len(case.sites)
    rooms = np.array(data.draw(st.lists(st.sampled_from([0, 1, 3, 100]), min_size=count, max_size=count)))
    waiting = one.waiting(rooms, 0)
    for j in np.flatnonzero(rooms == 0).tolist():
        more = rooms.copy()
        more[j] = 100
        waits = bool(waiting[one.groups[one.sites == j]].any())
        assert (one.served(more, 0) > one.served(rooms, 0)) == waits


@given(shares=st.lists(st.fractions(0, 1), min_size=1, max_size=9), tail=st.fractions(0, 1))
def test_the_tail_lies_between_the_mean_and_the_worst(shares: list[Fraction], tail: Fraction) -> None:
    found = mean_of_worst(shares, max(Fraction(1), tail * len(shares)))
    assert sum(shares) / len(shares) <= found <= max(shares)
    assert mean_of_worst(shares, Fraction(len(shares))) == sum(shares) / len(shares)
    assert mean_of_worst(shares, Fraction(1)) == max(shares)


def cheapest(case: Case, goal: TailCoverage, most: int) -> tuple[float, float]:
    """Return the best value with so many sites that a solver finds, and the bound that it proves."""
    program = Program("toy")
    program.add_columns(siting.columns(case))
    program.add_rows("siting", siting.rows(case))
    program.add_rows("most", [Row((2025,), {opened(j, 0): 1 for j in range(len(case.sites))}, "<=", most)])
    program.add_columns(goal.columns(case))
    program.add_rows("tail", goal.rows(case))
    found = program.solve(Objective("tail", goal.terms(case)), Options(quick=True, gap=0.0))
    return found.objective, found.bound


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_the_solver_finds_the_best_of_all_plans(data: st.DataObject) -> None:
    case = data.draw(cases(years=(2025,), capacities=False))
    case = replace(case, possible=data.draw(outlooks(case)))
    most = data.draw(st.integers(0, 2))
    plans = [Layout(is_open) for is_open in lives(case) if len(is_open) <= most]
    assume(plans)
    goal = TailCoverage(tail=data.draw(st.sampled_from([0, 0.5, 1])))
    best = min(goal.value(case, plan) for plan in plans)
    value, bound = cheapest(case, goal, most)
    assert alike(value, best)
    assert bound <= best + Fraction(1, 10**6)


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_one_more_site_never_serves_fewer(data: st.DataObject) -> None:
    case = data.draw(cases(years=(2025,)))
    case = replace(case, possible=data.draw(outlooks(case)))
    layout = data.draw(lawful_layouts(case))
    more = replace(layout, open=layout.open | {(data.draw(st.integers(0, len(case.sites) - 1)), 0)})
    goal = TailCoverage(tail=0.3)
    assert goal.value(case, more) <= goal.value(case, layout)


def test_a_closed_site_has_no_room_and_one_without_a_limit_has_enough() -> None:
    case = three_ways()
    assert rooms_of(case, OPEN_Y, 0).tolist() == [0, NO_LIMIT]
    assert rooms_of(case, OPEN_X, 0).tolist() == [6, 0]


def surveyed() -> Any:
    """Return three villages a kilometre apart, of which only the middle one reaches both others."""
    return road({"V1": (0.0, 100), "V2": (1.0, 100), "V3": (2.0, 100)})


def test_a_district_without_estimates_is_its_only_possible_one() -> None:
    told = model({}, goals=[{"goal": "cost"}, {"goal": "tail_coverage"}])
    case = make_case(surveyed(), told)
    (one,) = case.possible
    assert one.totals == (300,)
    assert sorted(one.people[:, 0].tolist()) == [100, 100, 100]
    assert make_case(surveyed(), model({})).possible == ()


def test_money_that_is_enough_goes_into_what_comes_next() -> None:
    # One clinic in the middle reaches everybody for 120,000 yuan; nobody asks for any.
    goals = [{"goal": "cost", "enough": 130_000}, {"goal": "tail_coverage"}]
    planned = plan_district(surveyed(), model({}, goals=goals))
    cost, tail = planned.content["stages"]
    assert (cost["value"], cost["bound"]) == (120_000, 0)
    assert (tail["value"], tail["gap"]) == (0, 0)
    frugal = plan_district(surveyed(), model({}, goals=[{**goals[0], "enough": 110_000}, goals[1]]))
    assert [stage["value"] for stage in frugal.content["stages"]] == [0, 1]


def test_a_year_beyond_the_plan_is_refused() -> None:
    with pytest.raises(ModelError) as caught:
        model({}, goals=[{"goal": "tail_coverage", "year": 2031}])
    assert [(one.what, one.column, one.value) for one in caught.value.problems] == [
        ("problem.year_outside", "goals.tail_coverage.year", 2031)
    ]


def estimated(tiny: Tiny) -> District:
    """Return the small district as if nobody knew where its villages are."""
    district = read_district(tiny.folder)
    places = (replace(one, position_basis=Basis.ESTIMATED) if one.kind == "village" else one for one in district.places)
    return replace(district, places=tuple(places))


def test_a_plan_says_what_its_worst_districts_come_to_and_a_recheck_finds_it_again(tiny: Tiny) -> None:
    tiny.edit("tiny.toml", 'goal = "worst_town"', 'goal = "tail_coverage"\ndraws = 3\ntail = 0.5\nyear = 2027')
    tiny.edit("tiny.toml", "draws = 3\nseed", "draws = 0\nseed")
    told, district = read_model(tiny.model), estimated(tiny)
    case = make_case(district, told)
    assert [one.seed for one in case.possible] == [told.seed, told.seed + 1, told.seed + 2]
    assert (
        possible_districts(district, told, case, [told.seed + 1])[0].sites.tolist() == case.possible[1].sites.tolist()
    )
    assert len({tuple(one.sites.tolist()) for one in case.possible}) > 1, "the seeds give one and the same district"
    content = dict(plan_district(district, told).content)
    assert verify(content).sound
    (row,) = (stage for stage in content["stages"] if stage["name"] == "tail_coverage")
    assert row["unit"] == "share"
    assert 0 <= row["bound"] <= row["value"] <= 1
    wrong = {
        **content,
        "stages": [{**stage, **({"value": 0.0} if stage is row else {})} for stage in content["stages"]],
    }
    assert not verify(wrong).sound
