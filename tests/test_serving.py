"""Who is served when everybody goes to the nearest site with room and gives way for others, on cases small enough."""

from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import make, site

from allocate.case import Case
from allocate.layout import Layout
from allocate.serving import crowd_of, rooms_of, send, serve_most
from allocate.travel import Links
from allocate.travel.circles import Level


def everything_open(case: Case) -> Layout:
    return Layout(frozenset((j, t) for j in range(len(case.sites)) for t in case.periods))


def test_people_give_way_where_that_serves_more() -> None:
    # Both live nearest to A, which has room for 100; P1 (100 people) could go to B as well, P2 (80) could not.
    sites = [site("A", capacity=100), site("B", capacity=100)]
    case = make([[100], [80]], sites, {(0, 0): 60, (0, 1): 300, (1, 0): 90})
    served = serve_most(case, everything_open(case))
    assert served.serve == {(0, 0, 0): 20, (0, 1, 0): 80, (1, 0, 0): 80}


def test_people_go_to_the_nearest_where_there_is_room() -> None:
    sites = [site("A"), site("B")]
    case = make([[100], [80]], sites, {(0, 0): 60, (0, 1): 300, (1, 0): 90, (1, 1): 30})
    assert serve_most(case, everything_open(case)).serve == {(0, 0, 0): 100, (1, 1, 0): 80}


def test_nobody_goes_to_a_site_that_is_closed_or_has_no_staff() -> None:
    sites = [site("A", per_staff=(("doctors", 50),)), site("B")]
    case = make([[100], [80]], sites, {(0, 0): 60, (1, 0): 90, (1, 1): 900})
    one_doctor = Layout(frozenset({(0, 0)}), amounts={("doctors", 0, 0): 1})
    assert serve_most(case, one_doctor).serve == {(0, 0, 0): 50}
    assert serve_most(case, replace(one_doctor, amounts={})).serve == {}


def test_only_those_who_have_a_way_to_travel_use_it() -> None:
    # Of 100 people 30 have a car. A is walked to and holds 50; B is driven to and holds everybody.
    case = make([[100]], [site("A", capacity=50), site("B")], {})
    links = Links(np.array([0, 0]), np.array([0, 1]), np.array([600, 300]), np.array([1, 1]), np.array([0, 1]))
    levels = (Level(("walk",), Fraction(1)), Level(("car",), Fraction(3, 10)))
    case = replace(case, links=links, levels=levels)
    assert serve_most(case, everything_open(case)).serve == {(0, 0, 0): 50, (0, 1, 0): 30}


def test_the_years_that_are_not_asked_for_stay_as_they_are() -> None:
    case = make([[10, 20]], [site("A")], {(0, 0): 60}, years=(2025, 2030))
    before = replace(everything_open(case), serve={(0, 0, 0): 3, (0, 0, 1): 4})
    assert serve_most(case, before, [1]).serve == {(0, 0, 0): 3, (0, 0, 1): 20}


@st.composite
def cases(draw: st.DrawFn) -> Case:
    places, count = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    people = [[draw(st.integers(0, 6))] for _ in range(places)]
    sites = [site(f"S{j}", capacity=draw(st.none() | st.integers(0, 8))) for j in range(count)]
    pairs = {(i, j): draw(st.integers(0, 9)) for i, j in product(range(places), range(count)) if draw(st.booleans())}
    return make(people, sites, pairs)


def most_served(case: Case) -> int:
    """Return the most people that can be served, by the least cut over all sets of places (Hall, with room)."""
    rooms = [case.total(0) if one.capacity is None else one.capacity for one in case.sites]
    cuts = []
    for stays in product((False, True), repeat=len(case.places)):
        inside = [i for i, one in enumerate(stays) if one]
        reached = {j for i in inside for j in case.sites_of[i]}
        outside = sum(int(case.people[i, 0]) for i in range(len(case.places)) if not stays[i])
        cuts.append(outside + sum(rooms[j] for j in reached))
    return min(cuts)


@given(cases())
@settings(max_examples=150, deadline=None)
def test_as_many_are_served_as_can_be_and_each_within_its_circle_and_room(case: Case) -> None:
    served = serve_most(case, everything_open(case))
    assert served.served_in(0) == most_served(case)
    assert all((i, j) in case.seconds and people > 0 for (i, j, _), people in served.serve.items())
    assert all(people <= case.people[i, t] for (i, t), people in served.served.items())
    rooms = rooms_of(case, served, 0)
    assert all(people <= rooms[j] for (j, _), people in served.load.items())


@given(cases(), st.data())
@settings(max_examples=100, deadline=None)
def test_who_is_served_stays_served_and_a_site_that_loses_room_sends_only_so_many_away(
    case: Case, data: st.DataObject
) -> None:
    layout = everything_open(case)
    crowd, room = crowd_of(case, 0), rooms_of(case, layout, 0)
    flow = send(crowd, room)
    assert (send(crowd, room, flow) == flow).all()
    less = np.array([data.draw(st.integers(0, int(most))) for most in room])
    after = send(crowd, less, flow)
    assert (np.bincount(crowd.sites, weights=after, minlength=len(room)) <= less).all()
    assert after.sum() == send(crowd, less).sum()
