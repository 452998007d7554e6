"""The first plan, made without a solver: it breaks no physics and no limit, and reaches whom it can."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import KINDS, breached, cases, make, optional_years, rule, site

from allocate.case import Case
from allocate.decisions import siting
from allocate.greedy import greedy
from allocate.layout import Layout
from allocate.rules import Rule

SLOWLY = settings(max_examples=60, deadline=None)
YEARS = (2025, 2027, 2030)
SCOPES = st.sampled_from(["district", "town", "place"])
SHARES = st.sampled_from([0.2, 0.5, 0.9, 1.0])


def some(case: Case) -> st.SearchStrategy[tuple[str, ...]]:
    """Return a strategy for names of sites."""
    names = [at.id for at in case.sites]
    return st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True).map(tuple)


@st.composite
def reaches(draw: st.DrawFn, case: Case) -> list[Rule]:
    """Draw what is wanted: one or two shares of people, in some of the years."""
    return [
        rule("reach", share=draw(SHARES), scope=draw(SCOPES), years=draw(optional_years(case)))
        for _ in range(draw(st.integers(1, 2)))
    ]


@st.composite
def caps(draw: st.DrawFn, case: Case) -> list[Rule]:
    """Draw one to three upper limits that hold in every year."""
    options: dict[str, dict[str, st.SearchStrategy[Any]]] = {
        "count": {
            "kinds": st.sampled_from([KINDS, ("clinic",)]),
            "counts": st.sampled_from(["open", "new"]),
            "at_most": st.integers(0, 2),
            "scope": st.sampled_from(["district", "town"]),
        },
        "spending": {"at_most": st.integers(0, 10)},
        "spacing": {"kinds": st.just(KINDS), "metres": st.sampled_from([200, 600, 1000])},
        "forbid": {"sites": some(case)},
        "change_limit": {"kinds": st.sampled_from([KINDS, ("clinic",)]), "at_most": st.integers(0, 2)},
        "people_per_site": {
            "kinds": st.sampled_from([KINDS, ("clinic",)]),
            "at_least": st.integers(1, 4),
            "scope": st.sampled_from(["district", "town"]),
        },
    }
    names = draw(st.lists(st.sampled_from(sorted(options)), min_size=1, max_size=3))
    return [rule(name, **{key: draw(values) for key, values in options[name].items()}) for name in names]


def stock(case: Case, rules: Sequence[Rule]) -> Layout:
    """Return the layout in which nothing opens: what stands, but for what is forbidden and may be closed."""
    closed = {name for each in rules for name in getattr(each, "sites", ())}
    stands = [j for j, at in enumerate(case.sites) if at.exists and not (at.closable and at.id in closed)]
    return Layout(frozenset((j, t) for j in stands for t in case.periods))


@given(data=st.data())
@SLOWLY
def test_a_first_plan_obeys_physics_whatever_the_rules(data: st.DataObject) -> None:
    case = data.draw(cases(years=YEARS))
    rules = data.draw(reaches(case)) + data.draw(caps(case))
    rules += [
        rule(name, sites=data.draw(some(case)), years=data.draw(optional_years(case)))
        for name in data.draw(st.sets(st.sampled_from(["keep", "forbid"])))
    ]
    layout = greedy(case, rules)
    # Among what this finds: people of a place who are counted twice.
    assert list(siting.breaches(case, layout)) == []
    for (j, _), people in layout.load.items():
        capacity = case.sites[j].capacity
        assert capacity is None or people <= capacity
    assert all(people > 0 for people in layout.serve.values())


@given(data=st.data())
@SLOWLY
def test_a_first_plan_breaks_no_limit_that_what_stands_does_not_break_already(data: st.DataObject) -> None:
    case = data.draw(cases(years=YEARS))
    limits = data.draw(caps(case))
    layout = greedy(case, data.draw(reaches(case)) + limits)
    for limit in limits:
        assert breached(limit.breaches(case, layout)) == breached(limit.breaches(case, stock(case, limits)))


@given(data=st.data())
@SLOWLY
def test_a_first_plan_reaches_every_share_that_can_be_reached_and_else_everybody_within_a_circle(
    data: st.DataObject,
) -> None:
    case = data.draw(cases(years=YEARS, capacities=False))
    wanted = data.draw(reaches(case))
    layout = greedy(case, wanted)
    everything_open = {(i, t): int(case.people[i, t]) for i in range(len(case.places)) for t in case.periods}
    reachable = Layout(
        layout.open,
        {(i, case.sites_of[i][0], t): n for (i, t), n in everything_open.items() if case.sites_of[i]},
    )
    for share in wanted:
        # Where a share is out of reach, nobody is left out who is not beyond every circle.
        assert breached(share.breaches(case, layout)) == breached(share.breaches(case, reachable))


@given(data=st.data())
@SLOWLY
def test_a_site_to_be_kept_is_open(data: st.DataObject) -> None:
    case = data.draw(cases(years=YEARS))
    kept = rule("keep", sites=data.draw(some(case)), years=data.draw(optional_years(case)))
    assert list(kept.breaches(case, greedy(case, [kept]))) == []


@given(case=cases(years=YEARS))
@SLOWLY
def test_without_a_clause_nothing_opens(case: Case) -> None:
    assert greedy(case, []).open == stock(case, []).open


@given(data=st.data())
@SLOWLY
def test_the_same_case_gives_the_same_plan(data: st.DataObject) -> None:
    case = data.draw(cases(years=YEARS))
    rules = data.draw(reaches(case))
    assert greedy(case, rules) == greedy(case, iter(rules))


def test_the_site_that_serves_most_people_for_its_money_opens_first() -> None:
    # X serves 4 people for 8 yuan, Y serves 3 for 3: Y opens. 40 % of 7 people are 3, and Y serves them; 70 % are 5,
    # so X opens as well.
    sites = [site("X", opening=8), site("Y", opening=3)]
    case = make([[4], [3]], sites, {(0, 0): 60, (1, 1): 60})
    assert greedy(case, [rule("reach", share=0.4)]).open == {(1, 0)}
    assert greedy(case, [rule("reach", share=0.7)]).open == {(0, 0), (1, 0)}


def test_nothing_opens_where_what_stands_is_enough() -> None:
    sites = [site("X", exists=True), site("Y")]
    case = make([[4]], sites, {(0, 0): 600, (0, 1): 60})
    assert greedy(case, [rule("reach", share=1.0)]) == Layout(frozenset({(0, 0)}), {(0, 0, 0): 4})


def test_a_full_site_leaves_people_to_the_next_one() -> None:
    sites = [site("X", capacity=3), site("Y", capacity=3)]
    case = make([[4]], sites, {(0, 0): 60, (0, 1): 90})
    assert greedy(case, [rule("reach", share=1.0)]).serve == {(0, 0, 0): 3, (0, 1, 0): 1}


def test_a_site_serves_the_nearest_people_and_no_more_than_it_has_room_for() -> None:
    # There is room for 3 of 6: for the 2 people of P2, who live nearest, and for 1 of P1, the next.
    case = make([[2], [2], [2]], [site("X", exists=True, capacity=3)], {(0, 0): 90, (1, 0): 60, (2, 0): 120})
    assert greedy(case, []).serve == {(1, 0, 0): 2, (0, 0, 0): 1}


def test_what_a_site_is_worth_shrinks_as_fewer_people_are_missing() -> None:
    # 6 of 11 people are wanted. X serves 5 for 1 yuan. Now 1 is missing: Y would serve 5 for 4 yuan, which was the
    # better bargain before; Z serves that 1 for 1 yuan.
    sites = [site("X", opening=1), site("Y", opening=4), site("Z", opening=1)]
    case = make([[5], [5], [1]], sites, {(0, 0): 60, (1, 1): 60, (2, 2): 60})
    assert greedy(case, [rule("reach", share=0.5)]).open == {(0, 0), (2, 0)}


def test_a_site_that_would_serve_nobody_new_stays_shut() -> None:
    # X serves P1 and P2. Y, nearly as good a bargain at first, serves P1 alone; P3 is left, and Z serves it.
    sites = [site("X", opening=1), site("Y", opening=1), site("Z", opening=9)]
    case = make([[3], [1], [1]], sites, {(0, 0): 60, (1, 0): 60, (0, 1): 30, (2, 2): 60})
    assert greedy(case, [rule("reach", share=1.0)]).open == {(0, 0), (2, 0)}


def test_what_opened_stays_open_and_serves_on_when_less_is_asked_later() -> None:
    case = make([[4, 4]], [site("X")], {(0, 0): 60}, years=(2025, 2027))
    layout = greedy(case, [rule("reach", share=1.0, years=(2025,))])
    assert layout.serve == {(0, 0, 0): 4, (0, 0, 1): 4}


def test_limits_stop_the_first_plan_short_of_what_is_wanted() -> None:
    sites = [site(name, place=i) for i, name in enumerate("XYZ")]
    spots = [(0, 0), (500, 0), (1000, 0)]
    case = make([[3], [2], [1]], sites, {(i, i): 60 for i in range(3)}, spots=spots)
    wanted = rule("reach", share=1.0)
    assert greedy(case, [wanted]).open == {(0, 0), (1, 0), (2, 0)}
    assert greedy(case, [wanted, rule("count", kinds=KINDS, at_most=2)]).open == {(0, 0), (1, 0)}
    assert greedy(case, [wanted, rule("spacing", kinds=KINDS, metres=600)]).open == {(0, 0), (2, 0)}
    assert greedy(case, [wanted, rule("forbid", sites=("X",))]).open == {(1, 0), (2, 0)}


def test_a_forbidden_site_closes_in_its_year_if_the_plan_may_close_it() -> None:
    sites = [site("X", exists=True, closable=True), site("Y", exists=True)]
    case = make([[1, 1]], sites, {(0, 0): 60}, years=(2025, 2027))
    forbidden = rule("forbid", sites=("X", "Y"), years=(2027,))
    assert greedy(case, [forbidden]).open == {(0, 0), (1, 0), (1, 1)}


def test_a_dear_site_gives_way_to_a_second_best_that_the_budget_allows() -> None:
    # X alone serves everybody at 10 yuan; at 4 yuan a year only Y fits, which serves 1 person.
    sites = [site("X", opening=10), site("Y", opening=4)]
    case = make([[9], [1]], sites, {(0, 0): 60, (1, 0): 60, (1, 1): 60})
    wanted = rule("reach", share=1.0)
    assert greedy(case, [wanted]).open == {(0, 0)}
    assert greedy(case, [wanted, rule("spending", at_most=4)]).open == {(1, 0)}


def toy_of_two_sites(rooms: int | None = None) -> Case:
    """Return one place of two people within the circle of two candidates, A and B."""
    sites = [site("A", capacity=rooms), site("B", capacity=rooms)]
    return make([[2, 2]], sites, {(0, 0): 60, (0, 1): 120}, years=(2025, 2027))


def test_what_a_later_year_forbids_is_not_opened_now() -> None:
    # Both sites reach the one place; A is forbidden from 2027 on, and could not be closed again.
    case = toy_of_two_sites()
    rules = [rule("reach", share=1.0), rule("forbid", sites=("A",), years=(2027,))]
    layout = greedy(case, rules)
    assert {case.sites[j].id for j, _ in layout.open} == {"B"}


def test_a_limit_of_a_later_year_is_kept_from_the_start() -> None:
    case = toy_of_two_sites(rooms=1)
    rules = [rule("reach", share=1.0), rule("count", kinds=("clinic",), at_most=1, years=(2027,))]
    layout = greedy(case, rules)
    assert not any(rules[1].breaches(case, layout))
