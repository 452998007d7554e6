"""Circles in which not everybody has every way to travel: nobody is sent where they cannot go, and all are counted."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import riverside
from conftest import Tiny, copy_tiny
from forgery import Forgery, assert_found
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow
from tiny import breached, cases, lives, make, matches_golden, render, rule, site, value_in, violation

from allocate.areas import Areas
from allocate.candidates import make_case
from allocate.card import card
from allocate.care import Choices, unserved
from allocate.case import Case, Going
from allocate.changes import AsPlanned
from allocate.coarse import Coarse
from allocate.decisions import siting
from allocate.draw.compact import compact
from allocate.errors import ModelError
from allocate.goals import Goal, PeopleReached, Travel, WorstTenth
from allocate.goals.worst_tenth import mean_of_worst, times_of_people
from allocate.greedy import greedy
from allocate.layout import Layout, send_nearest
from allocate.life import merged
from allocate.merging import merge_places
from allocate.model import read_model
from allocate.planning import plan
from allocate.plans import _alone, _inside, layout_of, standing_today, to_json
from allocate.program import Options
from allocate.read import read_district
from allocate.report.sheets import sheets
from allocate.rows import Key, Number, opened, opens, served, serves
from allocate.rules import Rule
from allocate.search import _as_a_whole
from allocate.settle import settle
from allocate.travel import Circle, Links, Mode, Spots, links
from allocate.travel.circles import Level, levels_of
from allocate.travel.links import HOW
from allocate.travel.times import ByRoad, Times
from allocate.two_steps import in_two_steps
from allocate.unmeetable import _most_served
from allocate.verification import verify

SLOWLY = settings(max_examples=40, deadline=None)
EXACT = Options(seconds=20, gap=0.0, threads=1, quick=True)
HALF, FIFTH = Fraction(1, 2), Fraction(1, 5)
SHARES = ((Fraction(1), HALF), (Fraction(1), Fraction(4, 5), Fraction(3, 10)), (Fraction(1), Fraction(1, 3), FIFTH))
MIXED = """
[circles.mixed]
name = { zh = "各人所有的方式", en = "what each has" }
modes = ["walk", "e_bike", "car"]
minutes = 8
shares = { walk = 1.0, e_bike = 0.6, car = 0.25 }
shares_source = "made up"
kinds = ["clinic", "station", "township_hospital", "community_centre"]
basis = "assumed"
source = "made up"
"""


def mixed(case: Case, shares: Sequence[Fraction], level: Mapping[tuple[int, int], int]) -> Case:
    """Return a case in which only some can use some links."""
    found = case.links
    pairs = zip(found.places.tolist(), found.sites.tolist(), strict=True)
    levels = np.array([level.get(pair, 0) for pair in pairs], dtype=np.int64)
    return replace(
        case,
        links=Links(found.places, found.sites, found.seconds, found.how, levels),
        levels=tuple(Level((f"mode {n}",), share) for n, share in enumerate(shares)),
    )


@st.composite
def mixed_cases(draw: st.DrawFn, **numbers: Any) -> Case:
    """Draw a case of a few places and sites in which only some can use some links."""
    case = draw(cases(**numbers))
    # (With more people there are people of every kind.)
    case = replace(case, people=case.people * draw(st.integers(1, 4)))
    shares = draw(st.sampled_from(SHARES))
    level = {pair: draw(st.integers(0, len(shares) - 1)) for pair in case.seconds}
    return mixed(case, shares, level)


def village() -> Case:
    """Return a village of ten with three clinics: A is reached on foot, B by e-bike (6 have one), C by car (2).

    A has room for three, the others for everybody.
    """
    sites = [site("A", capacity=3), site("B", place=1), site("C", place=2)]
    case = make([[10], [0], [0]], sites, {(0, 0): 900, (0, 1): 600, (0, 2): 300})
    return mixed(case, (Fraction(1), Fraction(3, 5), FIFTH), {(0, 1): 1, (0, 2): 2})


def kinds_of_people(case: Case, i: int, t: int) -> list[int]:
    """Return, for every person of a place, the rarest level that they have: worked out apart from the program."""
    people, shares = int(case.people[i, t]), [level.share for level in case.levels] or [Fraction(1)]
    exact = [people * (share - rarer) for share, rarer in pairwise([*shares, Fraction(0)])]
    whole = [int(one) for one in exact]
    for n in sorted(range(len(exact)), key=lambda n: (whole[n] - exact[n], n))[: people - sum(whole)]:
        whole[n] += 1
    return [n for n, number in enumerate(whole) for _ in range(number)]


def most_served(
    case: Case, is_open: Collection[int], t: int, flows: Mapping[tuple[int, int], int] | None = None
) -> int:
    """Return how many people open sites can serve, person by person: a maximum flow. `flows` limit every pair."""
    people = [(i, kind) for i in range(len(case.places)) for kind in kinds_of_people(case, i, t)]
    pairs = list(case.seconds)
    first_pair, first_site = 2 + len(people), 2 + len(people) + len(pairs)
    edges = {(0, 2 + n): 1 for n in range(len(people))}
    for m, (i, j) in enumerate(pairs):
        level = case.level.get((i, j), 0)
        edges |= {(2 + n, first_pair + m): 1 for n, (home, kind) in enumerate(people) if home == i and kind >= level}
        edges[first_pair + m, first_site + j] = len(people) if flows is None else flows.get((i, j), 0)
    for j, at in enumerate(case.sites):
        edges[first_site + j, 1] = (len(people) if at.capacity is None else at.capacity) * (j in is_open)
    edges = {edge: room for edge, room in edges.items() if room}
    if not edges:
        return 0
    rows, columns = zip(*edges, strict=True)
    size = first_site + len(case.sites)
    graph = csr_array((np.array(list(edges.values()), dtype=np.int32), (rows, columns)), shape=(size, size))
    return int(maximum_flow(graph, 0, 1).flow_value)


def in_year(is_open: Collection[tuple[int, int]], t: int) -> set[int]:
    """Return the sites that are open in a year."""
    return {j for j, u in is_open if u == t}


def can_be(case: Case, layout: Layout) -> bool:
    """Tell whether everybody whom a layout serves can be told by name, each going where they can."""
    return all(
        most_served(case, range(len(case.sites)), t, {(i, j): n for (i, j, u), n in layout.serve.items() if u == t})
        == layout.served_in(t)
        for t in case.periods
    )


def wrong(case: Case, layout: Layout) -> set[str]:
    return {str(breach.about[0]) for breach in siting.breaches(case, layout)}


# ---- who has what ----


def test_ten_people_are_shared_out_among_those_who_have_each_way() -> None:
    # 100 %, 60 % and 20 % of ten: two have a car, four an e-bike and no car, four walk.
    case = village()
    assert case.able[:, 0, 0].tolist() == [10, 6, 2]
    assert kinds_of_people(case, 0, 0) == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2]
    assert [case.most(0, j, 0) for j in range(3)] == [3, 6, 2]


@given(people=st.integers(0, 500), shares=st.sampled_from(SHARES))
def test_people_of_all_kinds_add_up_and_who_has_the_rarer_way_has_the_common_one(
    people: int, shares: tuple[Fraction, ...]
) -> None:
    case = mixed(make([[people]], [site("A")], {(0, 0): 60}), shares, {})
    able = case.able[:, 0, 0].tolist()
    assert able == [sum(kind >= n for kind in kinds_of_people(case, 0, 0)) for n in range(len(shares))]
    assert able[0] == people
    assert all(common >= rare for common, rare in pairwise(able))
    # (Each kind of people is rounded by less than one person.)
    assert all(abs(number - people * share) < len(shares) for number, share in zip(able, shares, strict=True))


def test_ways_of_the_same_share_are_one_level() -> None:
    assert levels_of({"car": 0.25, "walk": 1.0, "bus": 1.0}) == (
        Level(("walk", "bus"), Fraction(1)),
        Level(("car",), Fraction(1, 4)),
    )


def _ring(**numbers: Any) -> Circle:
    usual: dict[str, Any] = {
        "name": {"zh": "圈", "en": "circle"},
        "modes": ("walk", "e_bike", "car"),
        "minutes": 15,
        "shares": {"walk": 1.0, "e_bike": 0.6, "car": 0.2},
        "shares_source": "made up",
        "kinds": ("clinic",),
        "basis": "assumed",
        "source": "made up",
    }
    return Circle.model_validate(usual | numbers)


def _modes(**speeds: float) -> dict[str, Mode]:
    told = {"detour": 1, "basis": "assumed", "source": "made up"}
    return {
        name: Mode.model_validate(told | {"name": {"zh": name, "en": name}, "speed_kmh": speed})
        for name, speed in speeds.items()
    }


def _spots(*metres: float) -> Spots:
    names = tuple(f"s{n}" for n in range(len(metres)))
    return Spots(names, np.array([(away, 0.0) for away in metres]), np.full(len(metres), -1))


def test_a_link_takes_the_time_of_the_most_common_way_that_gets_there() -> None:
    # On foot 4 km/h is 1,000 m in 15 minutes; by e-bike 15 km/h 3,750 m; by car 30 km/h 7,500 m.
    modes = _modes(walk=4.0, e_bike=15.0, car=30.0)
    home = Spots(("P",), np.zeros((1, 2)), np.array([0]))
    found = links(home, _spots(1000, 1001, 3750, 3751, 7500, 7501), _ring(), modes)
    told = zip(found.sites.tolist(), found.seconds.tolist(), found.levels.tolist(), strict=True)
    # 1,000 m on foot are 900 s; 1,001 m and 3,750 m by e-bike 241 s and 900 s; 3,751 m and 7,500 m by car 451 s, 900 s.
    assert sorted(told) == [(0, 900, 0), (1, 241, 1), (2, 900, 1), (3, 451, 2), (4, 900, 2)]
    # (Ordered by time: the quickest first, whoever can use it.)
    assert found.seconds.tolist() == sorted(found.seconds.tolist())


def test_what_is_adjoining_or_near_as_the_crow_flies_is_near_for_everybody() -> None:
    modes = _modes(walk=4.0, e_bike=15.0, car=30.0)
    home = Spots(("P",), np.zeros((1, 2)), np.array([0]))
    found = links(home, _spots(2000, 3000), _ring(metres=2000), modes)
    # 2,000 m on foot are 1,800 s, which is the time of those who walk; 3,000 m by e-bike are 720 s.
    told = sorted(zip(found.sites.tolist(), found.seconds.tolist(), found.levels.tolist(), strict=True))
    assert told == [(0, 1800, 0), (1, 720, 1)]


def test_where_the_table_lists_the_common_way_it_decides_for_those_who_have_no_other() -> None:
    modes = _modes(walk=4.0, e_bike=15.0, car=30.0)
    home = Spots(("P",), np.zeros((1, 2)), np.array([0]))
    # (A river: on foot it takes 40 minutes to the first, whatever the line says; the second is not listed.)
    table = {("P", "s0", "walk"): 40.0}
    found = links(home, _spots(900, 950), _ring(), modes, table)
    told = sorted(zip(found.sites.tolist(), found.seconds.tolist(), found.levels.tolist(), strict=True))
    assert told == [(0, 216, 1), (1, 228, 1)]


def test_a_car_goes_by_road_and_who_walks_goes_straight() -> None:
    modes = _modes(walk=4.0, car=30.0)
    home, sites = Spots(("P",), np.zeros((1, 2)), np.array([0])), _spots(900, 5000, 6000)
    # By road it takes 20 minutes to what is near on foot, and 10 to the second; to the third there is no road.
    spots = np.vstack([home.metres, sites.metres])
    by_road = ByRoad(np.array([0, 0]), np.array([1, 2]), np.array([1200, 600]))
    ring = _ring(modes=("walk", "car"), shares={"walk": 1.0, "car": 0.2})
    found = links(home, sites, ring, modes, roads=Times(spots, {"car": by_road}))
    told = zip(found.sites.tolist(), found.seconds.tolist(), found.how.tolist(), found.levels.tolist(), strict=True)
    # 900 m on foot are 810 s.
    assert sorted(told) == [(0, 810, HOW.index("line"), 0), (1, 600, HOW.index("network"), 1)]


def test_shares_of_one_for_all_change_nothing() -> None:
    modes = _modes(walk=4.0, car=30.0)
    places, sites = Spots(("P",), np.zeros((1, 2)), np.array([0])), _spots(500, 6000, 9000)
    plain = links(places, sites, _ring(modes=("walk", "car"), shares={}), modes)
    same = links(places, sites, _ring(modes=("walk", "car"), shares={"walk": 1.0, "car": 1.0}), modes)
    for name in ("places", "sites", "seconds", "how", "levels"):
        assert getattr(plain, name).tolist() == getattr(same, name).tolist()


@pytest.mark.parametrize(
    ("shares", "says"),
    [
        ("{ walk = 1.0, e_bike = 0.6 }", "walk, e_bike, car"),
        ("{ walk = 1.0, e_bike = 0.6, car = 0.2, bus = 0.5 }", "walk, e_bike, car"),
        ("{ walk = 0.9, e_bike = 0.6, car = 0.2 }", "1.0"),
        ("{ walk = 1.0, e_bike = 1.6, car = 0.2 }", "shares"),
        ("{ walk = 1.0, e_bike = 0.6, car = 0.0 }", "shares"),
    ],
)
def test_shares_that_cannot_be_are_refused(tiny: Tiny, shares: str, says: str) -> None:
    _mix(tiny)
    tiny.edit("tiny.toml", "{ walk = 1.0, e_bike = 0.6, car = 0.25 }", shares)
    with pytest.raises(ModelError, match=says):
        read_model(tiny.model)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('shares_source = "made up"\n', "", "shares_source"),
        ("minutes = 8\nshares", "metres = 500\nshares", "minutes"),
    ],
)
def test_shares_need_a_source_and_a_time(tiny: Tiny, old: str, new: str, says: str) -> None:
    _mix(tiny)
    tiny.edit("tiny.toml", old, new)
    with pytest.raises(ModelError, match=says):
        read_model(tiny.model)


# ---- physics ----


def test_rows_check_and_people_by_name_agree_on_every_layout_right_or_wrong() -> None:
    # Four people, of whom two have a bicycle, and one of these a car.
    sites = [site("A"), site("B"), site("C")]
    case = make([[4]], sites, {(0, 0): 900, (0, 1): 600, (0, 2): 300})
    case = mixed(case, (Fraction(1), HALF, Fraction(1, 4)), {(0, 1): 1, (0, 2): 2})
    rows, columns = list(siting.rows(case)), list(siting.columns(case))
    seen = set()
    everywhere = frozenset((j, 0) for j in range(3))
    for numbers in product(range(6), repeat=3):
        layout = Layout(everywhere, {(0, j, 0): n for j, n in enumerate(numbers) if n})
        value = value_in(layout)
        holds = all(column.low <= value(column.key) <= column.high for column in columns)
        holds &= not any(violation(row, value) for row in rows)
        told = wrong(case, layout)
        # Whatever a check does not blame, people can be named for; and it blames nothing else.
        assert holds == (not told) == can_be(case, layout), numbers
        seen |= told or {"lawful"}
    assert seen == {"lawful", "able", "once"}


@given(data=st.data())
@SLOWLY
def test_what_physics_allows_can_be_told_person_by_person(data: st.DataObject) -> None:
    case = data.draw(mixed_cases(years=(2025,), capacities=False))
    is_open = frozenset((j, 0) for j in range(len(case.sites)))
    flows = {(i, j, 0): data.draw(st.integers(0, int(case.people[i, 0]))) for i, j in case.seconds}
    layout = Layout(is_open, {flow: people for flow, people in flows.items() if people})
    assert (not wrong(case, layout) & {"able", "once"}) == can_be(case, layout)


def test_rows_on_who_can_go_where_read_as_they_should() -> None:
    case = village()
    rows = [row for row in siting.rows(case) if row.about[0] in ("able", "covered", "pair") and "P1" in row.about]
    matches_golden("ways_that_some_have", render("siting", rows))


def test_too_many_by_car_are_named_with_those_who_have_one() -> None:
    case = village()
    layout = Layout(frozenset({(1, 0), (2, 0)}), {(0, 2, 0): 3, (0, 1, 0): 4})
    # Three go by car and two have one; seven go by car or e-bike and six have either.
    assert breached(one for one in siting.breaches(case, layout) if one.about[0] == "able") == {
        ("able", "P1", 2, 2025): (1, 1),
        ("able", "P1", 1, 2025): (1, 1),
    }
    words = [breach.sentence() for breach in siting.breaches(case, layout) if breach.about[0] == "able"]
    assert any("20 %" in one and "2 " in one for one in words)


# ---- everybody who serves people by hand ----


@given(data=st.data())
@SLOWLY
def test_the_greedy_plan_and_the_nearest_sites_send_nobody_where_they_cannot_go(data: st.DataObject) -> None:
    case = data.draw(mixed_cases())
    asked = rule("reach", share=data.draw(st.sampled_from([0.5, 1.0])), scope="place")
    for layout in (
        greedy(case, [asked]),
        standing_today(case),
        send_nearest(case, Layout(data.draw(st.sampled_from(list(lives(case))))), lambda j, _: case.sites[j].capacity),
    ):
        assert wrong(case, layout) == set()
        assert can_be(case, layout)


@given(data=st.data())
@SLOWLY
def test_without_limits_of_room_the_nearest_sites_serve_all_who_can_get_to_one(data: st.DataObject) -> None:
    case = data.draw(mixed_cases(capacities=False))
    is_open = data.draw(st.sampled_from(list(lives(case))))
    layout = send_nearest(case, Layout(is_open), lambda *_: None)
    for t in case.periods:
        assert layout.served_in(t) == most_served(case, in_year(is_open, t), t)
        within = _inside(case, in_year(is_open, t), t)
        assert within == [layout.served.get((i, t), 0) for i in range(len(case.places))]


def test_the_greedy_plan_opens_what_is_left_for_those_who_walk() -> None:
    # A clinic by car is cheap and serves two of ten; the one on foot serves all.
    sites = [site("far", opening=1), site("near", opening=100)]
    case = mixed(make([[10]], sites, {(0, 0): 300, (0, 1): 800}), (Fraction(1), FIFTH), {(0, 0): 1})
    layout = greedy(case, [rule("reach", share=1.0, scope="place")])
    assert layout.served == {(0, 0): 10}
    assert wrong(case, layout) == set()


@given(data=st.data())
@SLOWLY
def test_settling_serves_as_many_as_person_by_person_and_drops_nobody(data: st.DataObject) -> None:
    case = data.draw(mixed_cases(years=(2025,)))
    is_open = data.draw(st.sampled_from(list(lives(case))))
    # A solver serves halves of what somebody could be served with.
    whole = send_nearest(case, Layout(is_open), lambda j, _: case.sites[j].capacity)
    part = data.draw(st.sampled_from([0.0, 0.5, 1.0]))

    def value(key: Any) -> float:
        if key[0] == "open":
            return float((key[1], key[2]) in is_open)
        return part * whole.serve.get(key[1:], 0)

    layout = settle(case, value, Options(quick=True, seconds=30, threads=1))
    assert wrong(case, layout) == set()
    assert can_be(case, layout)
    assert layout.served_in(0) == most_served(case, in_year(is_open, 0), 0)


@given(data=st.data())
@SLOWLY
def test_places_from_which_only_some_can_go_are_not_merged_and_others_are(data: st.DataObject) -> None:
    case = data.draw(mixed_cases(capacities=False))
    gathered = merge_places(case, [], [PeopleReached()])
    merged = {i for group in gathered.members.values() for i in group}
    assert merged.isdisjoint(case.rare_sites_of)
    # (A plan of the smaller case, everybody given back, sends nobody where they cannot go.)
    is_open = frozenset((j, t) for j in range(len(case.sites)) for t in case.periods)
    small = send_nearest(gathered.case, Layout(is_open), lambda *_: None)
    given_back = gathered.expand(small)
    assert not wrong(case, given_back) & {"able", "once", "reach"}
    assert [given_back.served_in(t) for t in case.periods] == [
        most_served(case, range(len(case.sites)), t) for t in case.periods
    ]


def test_two_villages_alike_are_one_where_all_can_go_and_two_where_some_can() -> None:
    alike = make([[3], [3]], [site("A")], {(0, 0): 60, (1, 0): 60})
    assert merge_places(alike, [], []).members == {0: (0, 1)}
    # A third of three has a car: one in each, and two of six.
    some = mixed(alike, (Fraction(1), Fraction(1, 3)), {(0, 0): 1, (1, 0): 1})
    assert merge_places(some, [], []).members == {}


@given(data=st.data())
@SLOWLY
def test_what_check_says_of_room_is_the_most_that_can_be_served(data: st.DataObject) -> None:
    case = data.draw(mixed_cases(years=(2025,)))
    groups = [((i,), int(case.people[i, 0])) for i in range(len(case.places))]
    served, _ = _most_served(case, groups, 0)
    assert served == most_served(case, range(len(case.sites)), 0)


@given(data=st.data())
@SLOWLY
def test_what_is_summed_up_lets_every_plan_through(data: st.DataObject) -> None:
    case = data.draw(mixed_cases(years=(2025, 2027), capacities=False))
    layout = send_nearest(case, Layout(data.draw(st.sampled_from(list(lives(case))))), lambda *_: None)
    coarse = Coarse(case, data.draw(st.frozensets(st.sampled_from(list(case.periods)))))
    ranges = {column.key: column for column in coarse.columns()}
    values: dict[Key, Number] = {opened(*pair): 1 for pair in layout.open}
    values |= {serves(*flow): people for flow, people in layout.serve.items()}
    values |= {served(*home): people for home, people in layout.served.items()}
    values |= {opens(j, t): layout.opens(case, j, t) for j in range(len(case.sites)) for t in case.periods}
    sums: dict[Key, Number] = {}
    for key, number in values.items():
        sums[coarse.key(key)] = sums.get(coarse.key(key), 0) + number
    assert all(number <= ranges[key].high for key, number in sums.items() if key in ranges)
    rows = list(coarse.rows(siting.rows(case)))
    assert [row.about for row in rows if violation(row, lambda key: sums.get(key, 0))] == []


# ---- searches ----


def roomy(case: Case, people: int | None) -> tuple[Case, dict[str, Rule]]:
    """Return a case in which every site has room for so many people, and the rule that says so."""
    if people is None:
        return case, {}
    room = rule("capacity", kinds=("clinic", "station"), people=people)
    return replace(case, sites=tuple(replace(at, capacity=people) for at in case.sites)), {"room": room}


@pytest.mark.parametrize("steps", [1, 2])
@given(data=st.data())
@settings(max_examples=5, deadline=None)
def test_a_search_finds_what_looking_at_every_plan_finds(steps: int, data: st.DataObject) -> None:
    drawn = data.draw(mixed_cases(capacities=False, most_places=3, most_sites=3))
    case, rules = roomy(drawn, data.draw(st.none() | st.integers(1, 4)))
    goals: dict[str, Goal] = {"people_reached": replace(PeopleReached(), gap=0.0)}
    best = min(
        sum(case.total(t) - most_served(case, in_year(is_open, t), t) for t in case.periods) for is_open in lives(case)
    )
    if steps == 1:
        whole = _as_a_whole(case, rules, goals, 0.0, EXACT, None)
        layout, bounds = whole.layout, whole.bounds
    else:
        parted = in_two_steps(case, rules, goals, 0.0, EXACT)
        layout, bounds = parted.layout, parted.bounds
    assert wrong(case, layout) == set()
    assert can_be(case, layout)
    assert goals["people_reached"].value(case, layout) == best
    assert bounds.get("people_reached", 0.0) <= best + 1e-6


def _flows_of(case: Case, is_open: frozenset[tuple[int, int]]) -> list[Layout]:
    """Return every lawful layout of one place in one year."""
    sites = [j for j in case.sites_of[0] if (j, 0) in is_open]
    people = int(case.people[0, 0])
    found = []
    for numbers in product(range(people + 1), repeat=len(sites)):
        layout = Layout(is_open, {(0, j, 0): n for j, n in zip(sites, numbers, strict=True) if n})
        fits = all(layout.load.get((j, 0), 0) <= (case.sites[j].capacity or people) for j in sites)
        if fits and not wrong(case, layout):
            found.append(layout)
    return found


@pytest.mark.parametrize(
    "goal",
    [
        Travel(unserved_minutes=60, source="a toy", gap=0.0),
        WorstTenth(share=0.3, unserved_minutes=60, source="a toy", gap=0.0),
    ],
    ids=["travel", "worst_tenth"],
)
def test_goals_that_look_at_travel_are_as_good_as_every_layout_allows(goal: Goal) -> None:
    # Five people: three have an e-bike, one of them a car; every clinic has room for one.
    base = village()
    case, rules = roomy(replace(base, people=base.people // 2), 1)
    is_open = frozenset((j, 0) for j in range(3))
    best: Number = min(goal.value(case, layout) for layout in _flows_of(case, is_open))
    found = _as_a_whole(case, rules, {"goal": goal}, 0.0, EXACT, None)
    assert wrong(case, found.layout) == set()
    assert float(goal.value(case, found.layout)) == pytest.approx(float(best), abs=1e-3)
    assert found.bounds["goal"] <= float(best) + 1e-3


def test_the_worst_off_are_those_who_walk() -> None:
    # One of five by car (300 s), two by e-bike (600 s), two on foot (900 s): worked out by hand.
    base = village()
    case = replace(base, people=base.people // 2)
    layout = send_nearest(case, Layout(frozenset((j, 0) for j in range(3))), lambda j, _: case.sites[j].capacity)
    assert times_of_people(case, layout, 0) == {300: 1, 600: 2, 900: 2}
    assert mean_of_worst(times_of_people(case, layout, 0), Fraction(5, 2)) == Fraction(2 * 900 * 2 + 600, 5)


# ---- what a plan says ----


def test_those_without_a_way_are_out_of_range_and_the_rest_lack_room() -> None:
    case = village()
    # Only the clinic on foot is open, with room for three: seven of ten find none.
    walk = send_nearest(case, Layout(frozenset({(0, 0)})), lambda j, _: case.sites[j].capacity)
    assert unserved(case, walk, 0, 0) == {"no_capacity": 7, "out_of_range": 0}
    # Only the one by e-bike is open: four of ten have none.
    ride = Layout(frozenset({(1, 0)}), {(0, 1, 0): 5})
    assert unserved(case, ride, 0, 0) == {"no_capacity": 1, "out_of_range": 4}
    assert _inside(case, {1}, 0) == [6, 0, 0]
    assert _inside(case, {1, 2}, 0) == [6, 0, 0]
    assert _inside(case, {2}, 0) == [2, 0, 0]


def test_who_loses_all_if_a_site_is_dropped_is_who_has_no_way_to_another() -> None:
    case = village()
    every = Layout(frozenset({(0, 0), (1, 0), (2, 0)}))
    # Without the clinic on foot, four have none; the others still have one by e-bike or car.
    assert [_alone(case, every, j, 0) for j in range(3)] == [4, 0, 0]
    rare = Layout(frozenset({(1, 0), (2, 0)}))
    assert [_alone(case, rare, j, 0) for j in (1, 2)] == [4, 0]


def test_rounds_come_where_only_some_can_go() -> None:
    case = village()
    asks = rule("rounds", to="village", where="out_of_reach", times=1, per="week", half_days=1)
    sparing = {name: near for name, _, near in asks.stops(case, 0)}  # type: ignore[attr-defined]
    assert sparing == {"P1": (0,)}


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_no_next_best_choice_sends_people_where_they_cannot_go(data: st.DataObject) -> None:
    case = data.draw(mixed_cases())
    layout = send_nearest(
        case, Layout(data.draw(st.sampled_from(list(lives(case))))), lambda j, _: case.sites[j].capacity
    )
    rules: dict[str, Rule] = {}
    choices = Choices(AsPlanned(case, layout, rules))
    for i, t in product(range(len(case.places)), case.periods):
        for choice in choices.of(i, t):
            assert not wrong(case, choice.change.layout()) & {"able", "once", "reach"}
            assert can_be(case, choice.change.layout())


def test_a_choice_that_most_people_cannot_use_is_none() -> None:
    # Five of ten go on foot to A; by car only two could go to C, in a village of its own.
    case = village()
    going = Going(case, 0, 0)
    going.take(2, 2)
    assert [going.most(j) for j in range(3)] == [8, 4, 0]
    layout = Layout(frozenset({(2, 0)}), {(0, 2, 0): 2})
    cares = {choice.care.by for choice in Choices(AsPlanned(case, layout, {})).of(0, 0)}
    assert 2 not in cares


def test_whoever_stays_where_they_were_still_has_the_way_to_get_there() -> None:
    # Ten people: eight at the clinic of their own village, two by car at C. B is reached by e-bike, which six have,
    # those with a car among them: where it serves all six, nobody is left who could drive to C.
    base = village()
    case = replace(base, sites=(site("A"), *base.sites[1:]))
    layout = Layout(frozenset((j, 0) for j in range(3)), {(0, 0, 0): 8, (0, 2, 0): 2})
    assert wrong(case, layout) == set()
    (other,) = [one for one in Choices(AsPlanned(case, layout, {})).of(0, 0) if one.care.by == 1]
    assert other.change.layout().serve == {(0, 0, 0): 4, (0, 1, 0): 6}


def test_a_clinic_merges_into_what_most_people_of_its_village_can_go_to() -> None:
    # A (on foot) closes; C (by car) is nearer for two of ten, and is not what it merges into: B opens to all.
    sites = [site("A", exists=True, closable=True), site("B"), site("C", exists=True, closable=True)]
    case = mixed(make([[10]], sites, {(0, 0): 900, (0, 1): 950, (0, 2): 300}), (Fraction(1), FIFTH), {(0, 2): 1})
    layout = Layout(frozenset({(1, 0), (2, 0)}), {(0, 1, 0): 10})
    assert merged(case, layout, 0, 0) == 1


# ---- end to end ----


def _mix(tiny: Tiny) -> None:
    text = tiny.model.read_text(encoding="utf-8")
    tiny.model.write_text(text + MIXED, encoding="utf-8")
    tiny.edit("tiny.toml", 'circle = "eight_minutes"', 'circle = "mixed"')
    tiny.edit("tiny.toml", "draws = 3", "draws = 0")
    # (Of the goals, two are enough.)
    for goal in ("cost", "worst_town"):
        tiny.edit("tiny.toml", f'[[goals]]\ngoal = "{goal}"\n', "")
    tiny.edit("tiny.toml", '"eight_minutes", "walk_15"', '"mixed", "eight_minutes", "walk_15", "mixed_15"')


@pytest.fixture(scope="module")
def mixed_home(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    tiny = copy_tiny(tmp_path_factory.mktemp("mixed"))
    _mix(tiny)
    return tiny


@pytest.fixture(scope="module")
def mixed_plan(mixed_home: Tiny) -> dict[str, Any]:
    made = plan(read_district(mixed_home.folder), read_model(mixed_home.model), gap=0.05)
    content: dict[str, Any] = json.loads(to_json(made.content))
    return content


def test_a_plan_for_mixed_ways_is_sound_and_everybody_is_counted_once(
    mixed_plan: dict[str, Any], mixed_home: Tiny
) -> None:
    assert verify(mixed_plan, mixed_home.folder).findings == ()
    people = {(row["id"], row["year"]): 0 for row in mixed_plan["places"]}
    statuses: dict[tuple[str, int], int] = {}
    for row in mixed_plan["places"]:
        people[row["id"], row["year"]] += row["people"]
        statuses[row["status"], row["year"]] = statuses.get((row["status"], row["year"]), 0) + row["people"]
    by_place = {place["id"]: place["people"] for place in mixed_plan["district_data"]["places"]}
    assert people == {(place, year): by_place[place] for place in by_place for year in mixed_plan["years"]}
    for row in mixed_plan["ledger"]:
        assert row["people"] == sum(row[key] for key in ("served", "no_capacity", "rounds", "posted", "out_of_range"))
        if row["scope"] == "district":
            assert row["out_of_range"] == statuses.get(("out_of_range", row["year"]), 0)
            assert row["served"] == statuses["served", row["year"]]
    # Who could never be served is named with how many of the place they are.
    left_out = [row for row in mixed_plan["problems"] if row["what"] == "check.unreachable_for_some"]
    ranges = [(row["details"]["beyond"], row["details"]["people"]) for row in left_out]
    assert all(0 < beyond < people for beyond, people in ranges)
    # Some go by what only some have, and some of the same village stay out of range.
    by_car = {(row["id"], row["year"]) for row in mixed_plan["places"] if row["modes"] in (["car"], ["e_bike"])}
    left = {(row["id"], row["year"]) for row in mixed_plan["places"] if row["status"] == "out_of_range"}
    assert by_car & left


def test_people_in_the_circle_are_those_who_have_a_way_to_an_open_site(
    mixed_plan: dict[str, Any], mixed_home: Tiny
) -> None:
    district, model = read_district(mixed_home.folder), read_model(mixed_home.model)
    ring = model.circles["mixed"]
    singles = {mode: ring.model_copy(update={"modes": (mode,), "shares": {}}) for mode in ring.modes}
    model = replace(model, circles={**model.circles, **singles})
    reach = [make_case(district, model, mode) for mode in ("walk", "e_bike", "car")]
    case = make_case(district, model)
    layout = layout_of(mixed_plan, case)
    for t, year in enumerate(case.years):
        covered = 0
        for i in range(len(case.places)):
            near = [any((j, t) in layout.open for j in one.sites_of[i]) for one in reach]
            covered += sum(any(near[: kind + 1]) for kind in kinds_of_people(case, i, t))
        told = [row for row in mixed_plan["coverage"] if (row["scope"], row["year"]) == ("district", year)]
        by_circle = {row["preset"]: row["covered"] for row in told}
        assert by_circle["mixed"] == covered
        assert by_circle["walk_15"] <= by_circle["mixed_15"]
        assert by_circle["mixed"] < by_circle["mixed_15"] < sum(case.people[:, t])


def test_a_forged_plan_in_which_too_many_go_by_car_is_found(mixed_plan: dict[str, Any], mixed_home: Tiny) -> None:
    forgery = Forgery.of(json.dumps(mixed_plan))
    case, layout = forgery.case, forgery.layout
    found = 0
    for (i, j), n in sorted(case.level.items()):
        if (j, 0) not in layout.open or case.able[n, i, 0] == case.people[i, 0]:
            continue
        # One person more than have the way to get there; nobody of the place goes anywhere else.
        serve = {flow: people for flow, people in layout.serve.items() if (flow[0], flow[2]) != (i, 0)}
        serve[i, j, 0] = int(case.able[n, i, 0]) + 1
        assert_found(
            forgery.put_together(replace(layout, serve=serve)), f"able·{case.places[i]}·{n}", mixed_home.folder
        )
        found += 1
        if found == 3:
            break
    assert found == 3


def test_a_plan_that_gives_more_people_a_car_than_its_model_is_found(
    mixed_plan: dict[str, Any], mixed_home: Tiny
) -> None:
    forged = json.loads(json.dumps(mixed_plan))
    forged["settings"]["circles"]["mixed"]["shares"]["car"] = 0.5
    assert not verify(forged, mixed_home.folder).sound


def test_the_map_draws_what_everybody_reaches_and_says_so(mixed_plan: dict[str, Any]) -> None:
    assert compact(mixed_plan)["reach_by"] == [{"zh": "步行", "en": "on foot"}]
    everybody = Areas(mixed_plan).reach()
    anybody = json.loads(json.dumps(mixed_plan))
    anybody["settings"]["circles"]["mixed"]["shares"] = {}
    assert "reach_by" not in compact(anybody)
    for year, area in Areas(anybody).reach().items():
        assert area.buffer(1e-9).contains(everybody[year])
        assert area.area > 2 * everybody[year].area


def test_the_workbook_says_by_which_way_people_get_there(mixed_plan: dict[str, Any]) -> None:
    places = sheets(mixed_plan, "en")["places"]
    column = [field.name for field in places.fields].index("by_modes")
    assert {row[column] for row in places.rows} >= {"on foot", "by e-bike", None}
    without = {**mixed_plan, "places": [{**row} for row in mixed_plan["places"]]}
    for row in without["places"]:
        del row["modes"]
    assert "by_modes" not in [field.name for field in sheets(without, "en")["places"].fields]


def test_card_and_assumptions_say_that_nobody_has_published_the_shares(
    mixed_plan: dict[str, Any], mixed_home: Tiny
) -> None:
    page = card(read_model(mixed_home.model))
    assert "60 % of people have it" in page
    assert "circles.mixed.shares" in page
    assert {"table": "model.circle_shares", "basis": "assumed", "rows": 1} in mixed_plan["assumptions"]


def test_over_a_far_bridge_only_those_with_a_car_come(tmp_path: Path) -> None:
    path = riverside.write(tmp_path / "district")
    text = path.read_text(encoding="utf-8")
    roads = text[text.index("[modes.walk.roads]") : text.index("[rules.everybody]")]
    car = text[text.index("[modes.walk]") : text.index("[modes.walk.roads]")].replace("modes.walk", "modes.car")
    car = car.replace("speed_kmh = 3.6", "speed_kmh = 36.0")
    driven = roads.replace("modes.walk", "modes.car").replace('"foot"', '"car"').replace("3.6,", "36.0,")
    driven = driven.replace("3.6 }", "36.0 }")
    only = '[rules.one]\nrule = "count"\nkinds = ["clinic"]\ncounts = "new"\nat_most = 1\nstrength = "must"\n'
    only += 'basis = "assumed"\nsource = "made up"\n\n'
    shares = 'modes = ["walk", "car"]\nshares = { walk = 1.0, car = 0.2 }\nshares_source = "made up"'
    text = text.replace('modes = ["walk"]', shares).replace(
        "[rules.everybody]", f"{car}{driven}{only}[rules.everybody]"
    )
    text = text.replace('scope = "place"\nstrength = "must"', 'scope = "district"\nstrength = "strive"')
    path.write_text(text, encoding="utf-8")
    made = plan(read_district(tmp_path / "district"), read_model(path))
    assert verify(made.content, tmp_path / "district").findings == ()
    names = {place["id"]: place["name"] for place in made.content["district_data"]["places"]}
    told = {(names[row["id"]], row["status"]): row for row in made.content["places"]}
    # One clinic stands on the north bank, in reach on foot of three villages there. From the south it takes 3,600 m to
    # the bridge, 400 m over it and 3,600 m back: 760 s at 10 m/s. Of 250 people, 50 have a car.
    (opened_at,) = [row["id"] for row in made.content["sites"] if row["action"] == "open"]
    assert opened_at == "clinic-" + next(key for key, name in names.items() if name == "北一村")
    south, left = told["南一村", "served"], told["南一村", "out_of_range"]
    assert (south["people"], south["modes"], south["how"], south["minutes"]) == (50, ["car"], "network", 12.7)
    assert (left["people"], left["modes"], left["minutes"]) == (200, None, None)
    assert told["北一村", "served"]["modes"] == told["北二村", "served"]["modes"] == ["walk"]
