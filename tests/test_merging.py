"""Merging years or places that are alike loses nothing: the best plan of the smaller case is one of the whole."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import cases, lawful_layouts, lives, make, nearest, optional_years, rule, site, valley, weigh

from allocate.case import Case
from allocate.decisions import siting
from allocate.goals import Cost, Goal, PeopleReached, Travel, WorstTown
from allocate.layout import Layout
from allocate.merging import merge_places, merge_years
from allocate.rows import Number, opened, serves
from allocate.rules import Rule

SLOWLY = settings(max_examples=60, deadline=None)
YEARS = (2025, 2027, 2030)
Score = tuple[Number, ...]
TRAVEL = Travel(unserved_minutes=60, source="a toy")
ORDERS: list[tuple[Goal, ...]] = [
    (Cost(),),
    (PeopleReached(), Cost()),
    (WorstTown(), Cost(), TRAVEL),
    (TRAVEL, PeopleReached()),
]


def groups(case: Case, rules: Sequence[Rule] = ()) -> tuple[int, ...]:
    return merge_years(case, rules).year_of


def score(case: Case, rules: Sequence[Rule], goals: Sequence[Goal], layout: Layout) -> Score:
    """Return what the stages of a plan are worth, most important first."""
    return *weigh(case, rules, layout), *(goal.value(case, layout) for goal in goals)


def best(case: Case, worth: Callable[[Layout], Score]) -> Score:
    """Return the least score, by looking at every way to open and close sites."""
    return min(worth(nearest(case, is_open)) for is_open in lives(case))


@st.composite
def alike(draw: st.DrawFn) -> Case:
    """Draw a case of three years, of which neighbours have the same people, and without capacities."""
    case = draw(cases(years=YEARS, capacities=False, most_places=3, least_sites=2, most_sites=3))
    first, last = case.people[:, 0].tolist(), case.people[:, 2].tolist()
    middle = draw(st.sampled_from([first, last]))
    people = list(zip(first, middle, last, strict=True))
    return make(people, case.sites, case.seconds, years=YEARS, town_of=case.town_of, spots=case.spots.tolist())


@st.composite
def rule_lists(draw: st.DrawFn, case: Case) -> list[Rule]:
    """Draw up to three rules, each for some of the years, or all for the last one, which strains that year."""
    kinds = ("clinic", "station")
    names = st.lists(st.sampled_from([at.id for at in case.sites]), min_size=1, max_size=2, unique=True)
    scopes = st.sampled_from(["district", "town", "place"])
    options: dict[str, dict[str, st.SearchStrategy[Any]]] = {
        "reach": {"share": st.sampled_from([0.3, 0.5, 0.9, 1.0]), "scope": scopes},
        "count": {
            "kinds": st.just(kinds),
            "counts": st.sampled_from(["open", "new"]),
            "at_most": st.integers(0, 2),
            "scope": st.sampled_from(["district", "town"]),
        },
        "spending": {"at_most": st.integers(0, 8)},
        "keep": {"sites": names},
        "forbid": {"sites": names},
        "spacing": {"kinds": st.just(kinds), "metres": st.sampled_from([200, 600, 1000])},
        "presence": {
            "kinds": st.just(kinds),
            "places": st.just(("village",)),
            "within": st.sampled_from(["own", "adjoining"]),
            "share": st.sampled_from([0.5, 1.0]),
        },
        "people_per_site": {"kinds": st.just(kinds), "at_most": st.integers(1, 4), "at_least": st.none() | st.just(1)},
        "change_limit": {"kinds": st.just(kinds), "at_most": st.integers(0, 2)},
    }
    years = st.just(case.years[-1:]) if draw(st.booleans()) else optional_years(case)
    found = []
    for name in draw(st.lists(st.sampled_from(sorted(options)), max_size=3, unique=True)):
        numbers = {key: draw(values) for key, values in options[name].items()}
        weight = draw(st.sampled_from([1.0, 2.5]))
        found.append(rule(name, years=draw(years), weight=weight, **numbers))
    return found


@given(data=st.data(), goals=st.sampled_from(ORDERS))
@SLOWLY
def test_the_best_plan_is_as_good_with_merged_years_as_without(data: st.DataObject, goals: tuple[Goal, ...]) -> None:
    case = data.draw(alike())
    rules = data.draw(rule_lists(case))
    reduced = merge_years(case, rules)
    whole = best(case, lambda layout: score(case, rules, goals, layout))
    merged = best(reduced.case, lambda layout: score(reduced.case, rules, goals, layout))
    given_back = best(reduced.case, lambda layout: score(case, rules, goals, reduced.expand(layout)))
    assert merged == whole
    assert given_back == whole


@given(data=st.data(), goals=st.sampled_from(ORDERS))
@SLOWLY
def test_every_plan_is_worth_the_same_in_merged_years_as_in_the_years_they_stand_for(
    data: st.DataObject, goals: tuple[Goal, ...]
) -> None:
    case = data.draw(alike())
    rules = data.draw(rule_lists(case))
    reduced = merge_years(case, rules)
    for is_open in lives(reduced.case):
        layout = nearest(reduced.case, is_open)
        expanded = reduced.expand(layout)
        assert score(reduced.case, rules, goals, layout) == score(case, rules, goals, expanded)


def calm(years: Sequence[int] = YEARS) -> Case:
    """Return a case in which nothing changes from year to year."""
    sites = [site("X", opening=5, yearly=1), site("Y", opening=5, yearly=1)]
    seconds = {(0, 0): 60, (1, 1): 60}
    return make([[2] * len(years), [1] * len(years)], sites, seconds, years=years)


def test_years_in_which_nothing_changes_become_one() -> None:
    reduced = merge_years(calm(), [rule("reach", share=0.9)])
    assert reduced.year_of == (0, 0, 0)
    assert reduced.case.years == (2025,)
    # 2025 to 2026, 2027 to 2029 and 2030 alone: six calendar years, three plan years.
    assert reduced.case.spans == (6,)
    assert reduced.case.repeats == (3,)
    assert reduced.case.people.tolist() == [[2], [1]]


def test_years_with_other_people_stay_apart() -> None:
    # P3 has 2 people, later 1.
    assert groups(valley()) == (0, 1)


def test_only_neighbours_merge() -> None:
    case = make([[2, 1, 2]], [site("X")], {(0, 0): 60}, years=YEARS)
    assert groups(case) == (0, 1, 2)


def test_years_stay_apart_when_a_rule_holds_in_one_of_them_only() -> None:
    assert groups(calm(), [rule("reach", share=0.9, years=(2025,))]) == (0, 1, 1)
    assert groups(calm(), [rule("keep", sites=("X",), years=(2027, 2030))]) == (0, 1, 1)
    assert groups(calm(), [rule("forbid", sites=("X",), years=(2027,))]) == (0, 1, 2)


@pytest.mark.parametrize(
    ("name", "numbers"),
    [("spending", {"at_most": 9}), ("count", {"kinds": ("clinic",), "counts": "new", "at_most": 1})],
)
def test_years_stay_apart_where_a_rule_sees_changes(name: str, numbers: dict[str, Any]) -> None:
    years = (2025, 2027, 2030, 2035, 2040)
    assert groups(calm(), [rule(name, **numbers)]) == (0, 1, 2)
    # What changes into a year is what differs from the year before it: that year, too, is not like its neighbours.
    assert groups(calm(years), [rule(name, years=(2035,), **numbers)]) == (0, 0, 1, 2, 3)
    assert groups(calm(years), [rule(name, years=(2025,), **numbers)]) == (0, 1, 1, 1, 1)


def test_a_number_of_open_sites_is_no_change() -> None:
    assert groups(calm(), [rule("count", kinds=("clinic",), at_most=1)]) == (0, 0, 0)


def test_a_site_opens_early_where_only_one_may_open_in_the_last_year() -> None:
    # Both must be open in 2030, when one at most may open: so one opens in 2027, and not in 2025, which costs more.
    rules = [
        rule("keep", sites=("X", "Y"), years=(2030,)),
        rule("count", kinds=("clinic",), counts="new", at_most=1, years=(2030,)),
    ]
    reduced = merge_years(calm(), rules)
    found = best(reduced.case, lambda layout: score(reduced.case, rules, [Cost()], layout))
    # Two openings for 5 each; one site for the years 2027 to 2030 (3 + 1), the other for 2030 alone.
    assert found == (0, 0, 2 * 5 + 4 + 1)


def test_every_original_year_gets_its_answer_back() -> None:
    case = make([[2, 2, 1]], [site("X"), site("Y")], {(0, 0): 60, (0, 1): 90}, years=YEARS)
    reduced = merge_years(case, [])
    assert reduced.year_of == (0, 0, 1)
    layout = Layout(frozenset({(0, 0), (0, 1), (1, 1)}), {(0, 0, 0): 2, (0, 1, 1): 1})
    expanded = reduced.expand(layout)
    assert expanded.open == {(0, 0), (0, 1), (0, 2), (1, 2)}
    assert expanded.serve == {(0, 0, 0): 2, (0, 0, 1): 2, (0, 1, 2): 1}


def test_merging_what_is_merged_already_keeps_count() -> None:
    once = merge_years(calm(), [rule("keep", sites=("X",), years=(2030,))]).case
    assert (once.spans, once.repeats) == ((5, 1), (2, 1))
    twice = merge_years(once, []).case
    assert (twice.spans, twice.repeats) == ((6,), (3,))


@st.composite
def crowded(draw: st.DrawFn, *, capacities: bool) -> Case:
    """Draw a case in which some places are within reach of the same sites, at the same or at other times."""
    case = draw(cases(capacities=capacities, most_places=3, least_sites=2, most_sites=3))
    copied = draw(st.lists(st.integers(0, len(case.places) - 1), min_size=1, max_size=2))
    later = draw(st.integers(0, 1))
    seconds = dict(case.seconds)
    people, town_of = case.people.tolist(), list(case.town_of)
    for i in copied:
        seconds |= {(len(people), j): case.seconds[i, j] + later for j in case.sites_of[i]}
        people.append(draw(st.lists(st.integers(0, 3), min_size=2, max_size=2)))
        town_of.append(draw(st.sampled_from([town_of[i], 0])))
    return make(people, case.sites, seconds, years=case.years, town_of=town_of, spots=case.spots.tolist())


@given(data=st.data(), goals=st.sampled_from(ORDERS))
@SLOWLY
def test_the_best_plan_is_as_good_with_merged_places_as_without(data: st.DataObject, goals: tuple[Goal, ...]) -> None:
    case = data.draw(crowded(capacities=False))
    rules = data.draw(rule_lists(case))
    gathered = merge_places(case, rules, goals)
    for is_open in lives(case):
        # Without capacities everybody goes to the nearest site, so the plans of the two cases come in pairs.
        whole = score(case, rules, goals, nearest(case, is_open))
        layout = nearest(gathered.case, is_open)
        assert score(gathered.case, rules, goals, layout) == whole
        assert score(case, rules, goals, gathered.expand(layout)) == whole


@given(data=st.data(), goals=st.sampled_from(ORDERS[:2]))
@SLOWLY
def test_every_plan_for_merged_places_is_worth_the_same_for_the_places_they_stand_for(
    data: st.DataObject, goals: tuple[Goal, ...]
) -> None:
    case = data.draw(crowded(capacities=True))
    rules = data.draw(rule_lists(case))
    gathered = merge_places(case, rules, goals)
    layout = data.draw(lawful_layouts(gathered.case))
    expanded = gathered.expand(layout)
    assert list(siting.breaches(case, expanded)) == []
    assert all(isinstance(people, int) and people > 0 for people in expanded.serve.values())
    assert expanded.load == layout.load
    assert score(case, rules, goals, expanded) == score(gathered.case, rules, goals, layout)


@given(data=st.data())
@SLOWLY
def test_shares_of_people_are_given_back_as_whole_people_are(data: st.DataObject) -> None:
    case = data.draw(crowded(capacities=True))
    gathered = merge_places(case, [], [])
    layout = data.draw(lawful_layouts(gathered.case))
    half = {serves(*flow): people / 2 for flow, people in layout.serve.items()}
    value = gathered.spread(lambda key: half.get(key, 0.0) if key[0] == "serve" else 0.25)
    assert value(opened(0, 0)) == 0.25
    for t in case.periods:
        for j in range(len(case.sites)):
            load = sum(value(serves(i, j, t)) for i in case.places_of[j])
            assert load == layout.load.get((j, t), 0) / 2
        for i, sites in enumerate(case.sites_of):
            assert 0 <= sum(value(serves(i, j, t)) for j in sites) <= case.people[i, t]


def hamlets(seconds: int = 60) -> Case:
    """Return three hamlets in two towns that reach sites X and Y, the third in other times, and one that reaches Y."""
    times = {(i, j): 60 for i in range(3) for j in range(2)} | {(2, 1): seconds, (3, 1): 60}
    return make([[2], [3], [4], [5]], [site("X"), site("Y", place=1)], times, town_of=(0, 0, 1, 1))


def merged_into(case: Case, rules: Sequence[Rule] = (), goals: Sequence[Goal] = ()) -> list[tuple[int, ...]]:
    return list(merge_places(case, rules, goals).members.values())


def test_people_of_places_that_reach_the_same_sites_are_gathered_in_the_first_of_them() -> None:
    gathered = merge_places(hamlets(), [], [Cost()])
    assert gathered.members == {0: (0, 1, 2)}
    assert gathered.case.people.tolist() == [[9], [0], [0], [5]]
    assert gathered.case.places == hamlets().places
    assert gathered.case.seconds == {(0, 0): 60, (0, 1): 60, (3, 1): 60}


def test_places_stay_apart_where_a_rule_or_a_goal_tells_them_apart() -> None:
    room = rule("capacity", kinds=("clinic",), people=5)
    assert merged_into(hamlets(), [rule("reach", share=0.9), room]) == [(0, 1, 2)]
    assert merged_into(hamlets(), [rule("reach", share=0.9, scope="town"), room]) == [(0, 1)]
    assert merged_into(hamlets(), [], [WorstTown(), Cost()]) == [(0, 1)]
    assert merged_into(hamlets(), [rule("reach", share=0.9, scope="place")]) == []


def test_places_stay_apart_where_travel_counts_and_their_times_differ() -> None:
    assert merged_into(hamlets(), [], [TRAVEL]) == [(0, 1, 2)]
    assert merged_into(hamlets(seconds=61), [], [TRAVEL]) == [(0, 1)]
    assert merged_into(hamlets(seconds=61), [], [Cost()]) == [(0, 1, 2)]


def test_a_rule_that_says_nothing_of_places_sees_each_by_itself() -> None:
    # (Rounds go to villages, so that the rule looks at each.)
    assert merged_into(hamlets(), [rule("rounds", times=2, per="week")]) == []
    # What the district has altogether says nothing of places.
    assert merged_into(hamlets(), [rule("total", resource="nurses", at_least=2)]) == [(0, 1, 2)]


def test_people_whom_nobody_reaches_stay_where_they_are() -> None:
    case = make([[2], [3]], [site("X")], {})
    assert merge_places(case, [], []).case is case


def test_every_merged_place_gets_its_people_back_the_first_place_and_the_first_site_first() -> None:
    gathered = merge_places(hamlets(), [], [])
    layout = Layout(frozenset({(0, 0), (1, 0)}), {(0, 0, 0): 4, (0, 1, 0): 3, (3, 1, 0): 5})
    # Of 2, 3 and 4 people X serves the first 2 and 2 of the next 3; Y serves 3 more, and 2 of the last are left over.
    assert gathered.expand(layout).serve == {
        (0, 0, 0): 2,
        (1, 0, 0): 2,
        (1, 1, 0): 1,
        (2, 1, 0): 2,
        (3, 1, 0): 5,
    }
