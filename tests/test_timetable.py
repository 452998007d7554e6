"""Timetables of rounds: worked examples by hand, the best of all small ones, and a recheck that sees every change."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise

import pytest
from conftest import ROOT, start_python
from hypothesis import given, settings
from hypothesis import strategies as st

from allocate.errors import AllocateError
from allocate.program import Options
from allocate.sessions import (
    DAYS,
    Base,
    Cut,
    Fault,
    Slot,
    Stop,
    Timetable,
    Visit,
    by_stop,
    by_team,
    date_of,
    faults,
    is_closed,
    journey,
    most_visits,
    slots_of,
    spans,
)
from allocate.timetable import cuts, make_timetable
from allocate.travel.times import NO_WAY
from allocate.units import whole_minutes
from allocate.words import LANGUAGES, speaking

MONDAY_MORNING = Slot(0, 1, 0)


@dataclass(frozen=True)
class Question:
    """A base, its stops and its roads."""

    base: Base
    stops: tuple[Stop, ...]
    to_base: Mapping[int, int]
    between: Callable[[int, int], int]

    def made(self, options: Options | None = None) -> Timetable:
        return make_timetable(self.base, self.stops, self.to_base, self.between, options)

    def checked(self) -> Timetable:
        """Return the timetable after its recheck."""
        timetable = self.made()
        assert self.faults(timetable) == []
        return timetable

    def faults(self, timetable: Timetable) -> list[Fault]:
        return faults(self.base, self.stops, timetable, self.to_base, self.between)

    def cuts(self) -> tuple[Cut, ...]:
        return cuts(self.base, self.stops, self.to_base, self.between)


def around(base: Base, stops: Sequence[Stop]) -> Question:
    """Return a base whose stops lie 10 minutes from it and 5 minutes from each other."""
    return Question(base, tuple(stops), {stop.index: 10 for stop in stops}, lambda a, b: 5)


def on_a_road(base: Base, stops: Sequence[Stop], at: Mapping[int, int]) -> Question:
    """Return a base on a straight road with stops at so many minutes from it, to either side."""
    return Question(base, tuple(stops), {i: abs(x) for i, x in at.items()}, lambda a, b: abs(at[a] - at[b]))


def villages(number: int) -> list[Stop]:
    return [Stop(i, 2) for i in range(number)]


def only_on(*days: int) -> frozenset[Slot]:
    """Close all days but these."""
    return frozenset(Slot(0, day, half) for day in range(1, DAYS + 1) if day not in days for half in (0, 1))


def dates(timetable: Timetable, stop: int) -> list[int]:
    return [date_of(visit.slots[0]) for visit in by_stop(timetable)[stop]]


def test_ten_half_days_serve_five_villages_twice() -> None:
    question = around(Base(1, 10), villages(5))
    timetable = question.checked()
    assert (timetable.left, timetable.is_proven) == ((), True)
    assert [slot for _, slot in by_team(timetable)] == slots_of(question.base)
    # Five days, each with one journey to two villages: 10 + 5 + 10 minutes.
    assert (timetable.minutes, timetable.bound) == (125, 125)
    assert question.cuts() == ()


def test_a_sixth_village_finds_no_room() -> None:
    question = around(Base(1, 10), villages(6))
    timetable = question.checked()
    assert (len(timetable.left), timetable.is_proven) == (1, True)
    assert question.cuts() == (Cut(frozenset(range(6)), teams=1, most=5),)


def test_with_monday_mornings_closed_it_is_four() -> None:
    # Nine half-days: four villages take eight, and a fifth would take ten.
    question = around(Base(1, 10, closed=frozenset({MONDAY_MORNING})), villages(5))
    timetable = question.checked()
    assert (len(timetable.left), timetable.minutes, timetable.is_proven) == (1, 4 * 25, True)
    assert question.cuts() == (Cut(frozenset(range(5)), teams=1, most=4),)


def test_with_nine_half_days_a_week_it_is_four() -> None:
    question = around(Base(1, 9), villages(5))
    assert len(question.checked().left) == 1


def test_the_village_with_most_people_is_not_left_out() -> None:
    stops = [Stop(i, 2, people=100 + i) for i in range(6)]
    question = Question(Base(1, 10), tuple(stops), {i: 10 + 30 * (i > 0) for i in range(6)}, lambda a, b: 5)
    # Village 0 is the nearest, and has the fewest people.
    assert question.checked().left == (0,)
    # A cut counts villages, however many live there.
    assert question.cuts() == (Cut(frozenset(range(6)), teams=1, most=5),)


def test_a_village_without_people_is_visited_where_there_is_room() -> None:
    assert around(Base(1, 10), [Stop(0, 2, people=0)]).checked().left == ()


def test_days_apart_are_counted_over_the_end_of_the_week() -> None:
    # Monday to Friday are four days, Friday to Monday three.
    open_then = only_on(1, 5)
    stop = Stop(7, 2, closed=open_then)
    assert dates(around(Base(1, 10, apart=3), [stop]).checked(), 7) == [0, 4]
    question = around(Base(1, 10, apart=4), [stop])
    assert (question.checked().left, question.cuts()) == ((7,), (Cut(frozenset({7}), 1, 0),))


def test_a_visit_every_week_is_not_twice_in_two_weeks_with_eight_days_between() -> None:
    # Two weeks have fourteen days: seven from one visit to the next, or less.
    assert around(Base(1, 10, weeks=2, apart=7), [Stop(0, 2)]).checked().left == ()
    assert around(Base(1, 10, weeks=2, apart=8), [Stop(0, 2)]).checked().left == (0,)
    assert around(Base(1, 10, apart=7), [Stop(0, 1)]).checked().left == ()
    assert around(Base(1, 10, apart=8), [Stop(0, 1)]).checked().left == (0,)


def test_two_visits_are_spread_over_the_week() -> None:
    first, second = dates(around(Base(1, 10), [Stop(0, 2)]).checked(), 0)
    # Three days and four: nothing is more even.
    assert second - first in {3, 4}


def test_four_visits_a_month_are_a_week_apart() -> None:
    for_a_month = dates(around(Base(1, 10, weeks=4), [Stop(0, 4)]).checked(), 0)
    assert [later - first for first, later in pairwise(for_a_month)] == [7, 7, 7]


def test_one_vehicle_for_two_teams_carries_one_team_at_a_time() -> None:
    # One vehicle goes out on ten half-days, two on twenty.
    assert len(around(Base(2, 10, vehicles=1), villages(6)).checked().left) == 1
    assert around(Base(2, 10, vehicles=2), villages(10)).checked().left == ()
    assert len(around(Base(2, 10, vehicles=0), villages(2)).checked().left) == 2


def test_who_knows_no_way_from_stop_to_stop_goes_by_the_base() -> None:
    assert journey(1, 2, {1: 10, 2: 25}, lambda a, b: whole_minutes(NO_WAY)) == 10 + 10 + 25 + 25
    assert journey(1, 2, {1: 10, 2: 25}, lambda a, b: 90) == 10 + 90 + 25


def test_two_villages_on_one_road_make_one_journey() -> None:
    question = on_a_road(Base(1, 10), [Stop(1, 1), Stop(2, 1)], {1: 20, 2: 30})
    timetable = question.checked()
    # 20 there, 10 on, 30 back; two journeys would take 40 and 60.
    assert (timetable.minutes, timetable.bound) == (60, 60)
    assert len({(slot.week, slot.day) for _, slot in by_team(timetable)}) == 1


def test_villages_are_paired_so_that_the_roads_are_shortest() -> None:
    # East at 20 and 30, west at 25: the two in the east share a journey of 60, the one in the west takes 50. East with
    # west would take 20 + 45 + 25 = 90 and 60.
    question = on_a_road(Base(1, 10), [Stop(1, 1), Stop(2, 1), Stop(3, 1)], {1: 20, 2: 30, 3: -25})
    assert question.checked().minutes == 110


def test_a_road_that_is_longer_one_way_is_gone_the_other_way() -> None:
    stops = (Stop(1, 1), Stop(2, 1))
    question = Question(Base(1, 10), stops, {1: 20, 2: 30}, lambda a, b: 5 if (a, b) == (2, 1) else 15)
    timetable = question.checked()
    assert (timetable.minutes, [visit.stop for visit in timetable.visits]) == (55, [2, 1])


def test_a_day_on_the_road_can_be_too_long() -> None:
    # Together they take 60 minutes, each by itself 40 and 60.
    at = {1: 20, 2: -30}
    question = on_a_road(Base(1, 10, travel_minutes=60), [Stop(1, 1), Stop(2, 1)], at)
    assert question.checked().minutes == 100
    short = on_a_road(Base(1, 10, travel_minutes=59), [Stop(1, 1), Stop(2, 1)], at)
    assert (short.checked().left, short.cuts()) == ((2,), (Cut(frozenset({2}), 1, 0),))


def test_a_post_of_five_whole_days_fills_a_team() -> None:
    post = Stop(0, 5, half_days=2)
    alone = around(Base(1, 10), [post]).checked()
    assert len(by_team(alone)) == 10
    # Five journeys there and back.
    assert alone.minutes == 5 * 20
    question = around(Base(1, 10), [post, Stop(1, 1)])
    assert len(question.checked().left) == 1
    assert question.cuts() == (Cut(frozenset({0, 1}), 1, 1),)
    assert around(Base(2, 10), [post, Stop(1, 1)]).checked().left == ()


def test_a_whole_day_is_the_morning_and_the_afternoon_of_one_day() -> None:
    closed = frozenset(Slot(0, day, day % 2) for day in range(1, 5))
    timetable = around(Base(1, 10), [Stop(0, 1, half_days=2, closed=closed)]).checked()
    assert [visit.slots for visit in timetable.visits] == [(Slot(1, 5, 0), Slot(1, 5, 1))]


def test_a_visit_of_three_half_days_goes_on_with_the_same_team() -> None:
    timetable = around(Base(2, 10), [Stop(0, 1, half_days=3, closed=only_on(2, 3))]).checked()
    (visit,) = timetable.visits
    assert [slot.day for slot in visit.slots] in ([2, 2, 3], [2, 3, 3])
    # Home for the night, and there again.
    assert timetable.minutes == 40


def test_a_visit_does_not_go_on_over_the_weekend() -> None:
    closed = only_on(1, 5) | {Slot(1, 1, half) for half in (0, 1)} | {Slot(2, 5, half) for half in (0, 1)}
    base = Base(1, 10, weeks=2, closed=closed)
    assert around(base, [Stop(0, 1, half_days=3)]).checked().left == (0,)
    assert around(base, [Stop(0, 1, half_days=2)]).checked().left == ()


def test_days_apart_are_counted_from_the_end_of_a_long_visit() -> None:
    # Two visits take two days each, and leave three of the week: two days on from one to the next, and three.
    twice = [Stop(0, 2, half_days=3)]
    assert around(Base(1, 10, apart=2), twice).checked().left == ()
    assert around(Base(1, 10, apart=3), twice).checked().left == (0,)


def test_teams_without_a_vehicle_of_their_own_take_turns_in_a_day() -> None:
    # 25 to the east and 25 to the west: too far for one team on one day, and the vehicle is back at noon.
    stops = [Stop(1, 1), Stop(2, 1)]
    base = Base(2, 10, vehicles=1, closed=only_on(1), travel_minutes=60)
    timetable = on_a_road(base, stops, {1: 25, 2: -25}).checked()
    assert (timetable.left, timetable.minutes) == ((), 100)
    assert sorted(slot.half for _, slot in by_team(timetable)) == [0, 1]


def test_a_long_visit_is_not_shared_by_two_teams() -> None:
    # At 0 from Monday morning to Tuesday morning, at 1 on Monday morning, at 2 on Monday afternoon. Two teams that both
    # went to 0 on Monday, one on to 2 and one from 1, would take 41 minutes each; but a visit is that of one team, so
    # all go alone on Monday. On Tuesday morning all three teams are out anyway: six journeys of 40.
    monday, tuesday = only_on(1), only_on(2) | {Slot(0, 2, 1)}
    stops = (
        Stop(0, 1, half_days=3, closed=only_on(1, 2) | {Slot(0, 2, 1)}),
        Stop(1, 1, closed=monday | {Slot(0, 1, 1)}),
        Stop(2, 1, closed=monday | {Slot(0, 1, 0)}),
        Stop(3, 1, closed=tuesday),
        Stop(4, 1, closed=tuesday),
    )
    question = Question(Base(3, 10), stops, dict.fromkeys(range(5), 20), lambda a, b: 1 if 0 in (a, b) else 100)
    timetable = question.checked()
    assert (timetable.left, timetable.minutes, timetable.bound) == ((), 240, 240)


def test_tours_without_a_team_for_them_are_made_in_another_way() -> None:
    # Two half-days for each of two teams. One team with both villages of Monday would be on the road for 25 minutes
    # only, but then the other one would have to be in two places on Tuesday morning. So all go alone.
    monday, tuesday = only_on(1), only_on(2) | {Slot(0, 2, 1)}
    stops = [
        Stop(0, 1, closed=monday),
        Stop(1, 1, closed=monday),
        Stop(2, 1, closed=tuesday),
        Stop(3, 1, closed=tuesday),
    ]
    timetable = around(Base(2, 2), stops).checked()
    assert (timetable.left, timetable.minutes, timetable.bound, timetable.is_proven) == ((), 80, 80, True)


def test_an_odd_number_of_half_days_leaves_one_over_from_whole_days() -> None:
    # Two teams with three half-days: each has room for one whole day, though six half-days would be three.
    question = around(Base(2, 3), [Stop(i, 1, half_days=2) for i in range(3)])
    assert len(question.checked().left) == 1
    assert question.cuts() == (Cut(frozenset({0, 1, 2}), 2, 2),)


def test_a_hospital_visits_each_town_once_a_month() -> None:
    # One half-day a week: a town in each of four weeks, and no fifth one.
    towns = [Stop(i, 1) for i in range(5)]
    timetable = around(Base(1, 1, weeks=4), towns[:4]).checked()
    assert sorted(slot.week for _, slot in by_team(timetable)) == [1, 2, 3, 4]
    assert len(around(Base(1, 1, weeks=4), towns).checked().left) == 1


def test_a_half_day_may_be_closed_in_one_week_only() -> None:
    closed = only_on(1) | {Slot(2, 1, 0), Slot(2, 1, 1)}
    timetable = around(Base(1, 10, weeks=2, closed=closed), [Stop(0, 1), Stop(1, 1)]).checked()
    assert {slot for _, slot in by_team(timetable)} == {Slot(1, 1, 0), Slot(1, 1, 1)}


def test_a_village_sees_the_same_team() -> None:
    # Two roads, so that each team keeps to its own.
    at = {0: 20, 1: 22, 2: -20, 3: -22}
    timetable = on_a_road(Base(2, 4), villages(4), at).checked()
    assert all(len({visit.team for visit in visits}) == 1 for visits in by_stop(timetable).values())
    assert {visit.team for visit in timetable.visits} == {1, 2}


def test_without_teams_or_half_days_everybody_is_left() -> None:
    for base in (Base(0, 10), Base(1, 0), Base(1, 10, closed=only_on())):
        question = around(base, villages(2))
        assert question.checked() == Timetable((), (0, 1), 0, 0, True)
        assert question.cuts() == (Cut(frozenset({0}), base.teams, 0), Cut(frozenset({1}), base.teams, 0))


def test_without_visits_there_is_nothing_to_do() -> None:
    assert around(Base(1, 10), []).checked() == Timetable((), (), 0, 0, True)
    assert around(Base(1, 10), [Stop(3, 0)]).checked() == Timetable((), (), 0, 0, True)


def test_what_makes_no_sense_is_refused() -> None:
    for wrong in ({"teams": -1}, {"half_days": -1}, {"vehicles": -1}, {"apart": 0}, {"weeks": 0}):
        with pytest.raises(AllocateError, match="wrong base"):
            Base(**{"teams": 1, "half_days": 10, **wrong})
    for wrong in ({"sessions": -1}, {"half_days": 0}, {"people": -1}):
        with pytest.raises(AllocateError, match="wrong stop"):
            Stop(**{"index": 1, "sessions": 2, **wrong})
    with pytest.raises(AllocateError, match="equal stops"):
        around(Base(1, 10), [Stop(1, 2), Stop(1, 1)]).made()


def test_lists_are_in_order() -> None:
    monday, tuesday = Slot(1, 1, 0), Slot(1, 2, 0)
    visits = (Visit(5, 2, (monday,)), Visit(9, 1, (tuesday,)), Visit(5, 1, (monday,)), Visit(9, 1, (monday,)))
    timetable = Timetable(visits[:2], (), 0, 0, True)
    assert list(by_team(timetable).items()) == [((1, tuesday), 9), ((2, monday), 5)]
    assert list(by_stop(replace(timetable, visits=visits[1:])).items()) == [
        (5, visits[2:3]),
        (9, (visits[3], visits[1])),
    ]


def test_the_same_question_is_answered_once_and_in_whatever_order_it_is_put() -> None:
    stops = [Stop(i, 2, closed=frozenset({Slot(0, 1 + i % 5, i % 2)})) for i in range(8)]
    question = on_a_road(Base(2, 10), stops, {i: 3 * i * (-1) ** i for i in range(8)})
    first = question.made()
    assert first is question.made()
    assert first is replace(question, stops=tuple(reversed(stops))).made()


def test_every_process_finds_the_same_timetable() -> None:
    code = (
        "from allocate.sessions import Base, Slot, Stop\n"
        "from allocate.timetable import make_timetable\n"
        "stops = [Stop(i, 2, 1, frozenset({Slot(0, 1 + i % 5, i % 2)})) for i in range(9)]\n"
        "at = {i: 3 * i * (-1) ** i for i in range(9)}\n"
        "home = {i: abs(x) for i, x in at.items()}\n"
        "print(make_timetable(Base(2, 9, apart=2), stops, home, lambda a, b: abs(at[a] - at[b])))\n"
    )
    done = [start_python(ROOT, "-c", code, PYTHONHASHSEED=seed) for seed in ("0", "4242")]
    assert [one.returncode for one in done] == [0, 0]
    assert done[0].stdout == done[1].stdout
    assert "Visit(" in done[0].stdout


def test_the_recheck_imports_no_solver() -> None:
    code = (
        "import sys\n"
        "import allocate.sessions\n"
        "print(sorted({'pulp', 'highspy', 'numpy', 'allocate.program'} & set(sys.modules)))\n"
    )
    assert start_python(ROOT, "-c", code).stdout == "[]\n"


def test_a_search_that_may_end_early_says_how_far_it_can_be() -> None:
    place = {i: ((17 * i) % 23 - 11, (29 * i) % 19 - 9) for i in range(5)}
    question = Question(
        Base(1, 10),
        tuple(villages(5)),
        {i: abs(x) + abs(y) for i, (x, y) in place.items()},
        lambda a, b: abs(place[a][0] - place[b][0]) + abs(place[a][1] - place[b][1]),
    )
    early = question.made(Options(gap=0.9))
    assert question.faults(early) == []
    assert early.bound <= question.checked().minutes <= early.minutes


def test_a_base_of_four_teams_is_solved_to_the_end() -> None:
    # (Not on a line: pairs are a matching in the plane.)
    place = {i: ((17 * i) % 23 - 11, (29 * i) % 19 - 9) for i in range(22)}
    closed = [frozenset({Slot(0, 1 + i % 5, i % 2)}) for i in range(22)]
    question = Question(
        Base(4, 10, apart=2),
        tuple(Stop(i, 2, closed=closed[i]) for i in place),
        {i: abs(x) + abs(y) for i, (x, y) in place.items()},
        lambda a, b: abs(place[a][0] - place[b][0]) + abs(place[a][1] - place[b][1]),
    )
    timetable = question.checked()
    # Forty half-days are twenty villages.
    assert (len(timetable.left), timetable.is_proven, timetable.bound) == (2, True, timetable.minutes)
    assert Counter(cut.most for cut in question.cuts() if len(cut.stops) == 22) == {20: 1}


@st.composite
def small(draw: st.DrawFn) -> Question:
    """Draw a base on a straight road with up to three stops, on few days."""
    days = draw(st.lists(st.integers(1, DAYS), min_size=1, max_size=3, unique=True))
    slots = st.builds(Slot, st.integers(0, 1), st.sampled_from(days), st.integers(0, 1))
    base = Base(
        teams=draw(st.integers(1, 2)),
        half_days=draw(st.sampled_from([1, 2, 3, 4, 10])),
        vehicles=draw(st.sampled_from([None, None, 0, 1])),
        apart=draw(st.integers(1, 3)),
        closed=only_on(*days),
        travel_minutes=draw(st.sampled_from([None, None, 40, 60])),
    )
    stops, at = [], {}
    for index in range(draw(st.integers(1, 3)), 0, -1):
        half_days = draw(st.sampled_from([1, 1, 1, 2, 3, 4]))
        often = draw(st.integers(0, 2 if half_days <= 2 else 1))
        closed = draw(st.frozensets(slots, max_size=2))
        stops.append(Stop(index, often, half_days, closed, draw(st.sampled_from([1, 1, 2, 5]))))
        at[index] = draw(st.integers(-30, 30))
    return on_a_road(base, stops, at)


def choices(question: Question, stop: Stop) -> Iterator[tuple[Visit, ...]]:
    """Yield nothing, and every set of visits to a stop that is large enough."""
    yield ()
    if stop.sessions:
        free = [
            span
            for span in spans(question.base, stop.half_days)
            if not any(is_closed(question.base, stop, slot) for slot in span)
        ]
        each = [Visit(stop.index, team, span) for span in free for team in range(1, question.base.teams + 1)]
        yield from combinations(each, stop.sessions)


def every_timetable(question: Question) -> Iterator[tuple[Visit, ...]]:
    """Yield every set of visits in which no team is in two places."""
    found: list[tuple[tuple[Visit, ...], frozenset[tuple[int, Slot]]]] = [((), frozenset())]
    for stop in question.stops:
        found = [
            (visits + more, taken | theirs)
            for visits, taken in found
            for more in choices(question, stop)
            if len(theirs := {(visit.team, slot) for visit in more for slot in visit.slots})
            == sum(len(visit.slots) for visit in more)
            and not theirs & taken
        ]
    yield from (visits for visits, _ in found)


def road(question: Question, visits: Sequence[Visit]) -> int:
    days: dict[tuple[int, int, int], dict[int, int]] = defaultdict(dict)
    for visit in visits:
        for slot in visit.slots:
            days[visit.team, slot.week, slot.day][slot.half] = visit.stop
    return sum(journey(at.get(0), at.get(1), question.to_base, question.between) for at in days.values())


def best(question: Question) -> tuple[int, int]:
    """Return the most people that can be visited, and the fewest minutes for that, negative: by trying everything."""
    found = (-1, 0)
    for visits in every_timetable(question):
        there = {visit.stop for visit in visits}
        minutes = road(question, visits)
        value = (sum(stop.people for stop in question.stops if stop.index in there), -minutes)
        left = sorted(stop.index for stop in question.stops if stop.sessions and stop.index not in there)
        if value > found and not question.faults(Timetable(visits, tuple(left), minutes, minutes, True)):
            found = value
    return found


@given(question=small())
@settings(max_examples=150, deadline=None)
def test_no_timetable_is_better(question: Question) -> None:
    timetable = question.checked()
    there = {visit.stop for visit in timetable.visits}
    people = sum(stop.people for stop in question.stops if stop.index in there)
    assert (people, -timetable.minutes) == best(question)
    assert timetable.is_proven
    assert timetable.bound == timetable.minutes


@given(question=small())
@settings(max_examples=100, deadline=None)
def test_a_stop_by_itself_is_visited_as_often_as_enough_half_days_are_open(question: Question) -> None:
    stop = question.stops[0]
    base = replace(question.base, teams=1, half_days=10, vehicles=None, travel_minutes=None)
    alone = Question(base, (stop,), {}, max)
    wrong = ("timetable.apart", "timetable.two_places")
    could = [
        number
        for number in range(1, DAYS + 1)
        for visits in choices(alone, replace(stop, sessions=number))
        if len(visits) == number
        and not any(fault.words in wrong for fault in alone.faults(Timetable(visits, (), 0, 0, True)))
    ]
    assert most_visits(base, stop) == max(could, default=0)


@given(question=small(), gap=st.sampled_from([0.1, 0.9]))
@settings(max_examples=30, deadline=None)
def test_what_is_said_about_a_search_that_ends_early_is_true(question: Question, gap: float) -> None:
    timetable, (people, minutes) = question.made(Options(gap=gap)), best(question)
    assert question.faults(replace(timetable, is_proven=timetable.is_proven or not timetable.left)) == []
    there = {visit.stop for visit in timetable.visits}
    reached = sum(stop.people for stop in question.stops if stop.index in there)
    assert reached <= people
    assert reached == people or not timetable.is_proven
    assert reached < people or timetable.bound <= -minutes <= timetable.minutes


@given(question=small(), data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_cut_holds_for_every_plan_and_forbids_no_more(question: Question, data: st.DataObject) -> None:
    found = question.cuts()
    alike = replace(question, stops=tuple(replace(stop, people=1) for stop in question.stops if stop.sessions))
    for cut in found:
        told = replace(alike, stops=tuple(stop for stop in alike.stops if stop.index in cut.stops))
        assert best(told)[0] == cut.most < len(cut.stops)
    # Whatever part of the stops another plan visits, with as many teams or fewer.
    teams = data.draw(st.integers(0, question.base.teams))
    chosen = [stop for stop in alike.stops if data.draw(st.booleans())]
    fewer = replace(alike, base=replace(question.base, teams=teams), stops=tuple(chosen))
    for visits in every_timetable(fewer):
        there = {visit.stop for visit in visits}
        if any(len(there & cut.stops) > cut.most for cut in found):
            minutes = road(fewer, visits)
            left = tuple(sorted(stop.index for stop in chosen if stop.index not in there))
            assert fewer.faults(Timetable(visits, left, minutes, minutes, True))
    # A plan that left somebody out is forbidden.
    if question.made().left:
        assert found


def changes(question: Question, right: Timetable) -> Iterator[Timetable]:
    """Yield every timetable that differs from a right one in a single thing."""
    for n, visit in enumerate(right.visits):
        rest = right.visits[:n] + right.visits[n + 1 :]
        yield replace(right, visits=rest)
        yield replace(right, visits=(*right.visits, visit))
        for stop in {-1, *(stop.index for stop in question.stops)} - {visit.stop}:
            yield replace(right, visits=(*rest, replace(visit, stop=stop)))
        for team in set(range(question.base.teams + 2)) - {visit.team}:
            yield replace(right, visits=(*rest, replace(visit, team=team)))
        for at, slot in enumerate(visit.slots):
            others = {*slots_of(question.base), Slot(0, 1, 0), Slot(question.base.weeks + 1, 1, 0), Slot(1, 6, 0)}
            yield replace(right, visits=(*rest, replace(visit, slots=visit.slots[:at] + visit.slots[at + 1 :])))
            for other in others - {slot}:
                slots = (*visit.slots[:at], other, *visit.slots[at + 1 :])
                yield replace(right, visits=(*rest, replace(visit, slots=slots)))
    for stop in question.stops:
        yield replace(right, left=(*right.left, stop.index))
    yield replace(right, left=(-1,))
    yield from (replace(right, minutes=right.minutes + more) for more in (-1, 1))
    yield replace(right, bound=right.minutes + 1)
    yield replace(right, is_proven=False)


# Timetables without any freedom: teams that are out all the time.
FULL = [
    around(Base(1, 10), villages(5)),
    around(Base(2, 10, closed=only_on(1, 3)), [*villages(2), Stop(8, 1, half_days=2), Stop(9, 1, half_days=2)]),
    around(Base(1, 10, closed=only_on(1, 2)), [Stop(0, 1, half_days=3), Stop(1, 1)]),
    around(Base(1, 10, weeks=2, apart=7, closed=only_on(4)), villages(2)),
]


@pytest.mark.parametrize("question", FULL)
def test_every_single_change_of_a_full_timetable_is_seen(question: Question) -> None:
    right = question.checked()
    assert right.left == ()
    wrong = list(changes(question, right))
    assert len(wrong) > 20
    assert [one for one in wrong if not question.faults(one)] == []


def test_a_village_that_is_left_and_not_told_is_seen() -> None:
    question = around(Base(1, 10), villages(6))
    right = question.checked()
    for left in ((), (*right.left, *right.left), (right.left[0], 99)):
        assert question.faults(replace(right, left=left))


MONDAY, TUESDAY, WEDNESDAY = ((Slot(1, day, 0), Slot(1, day, 1)) for day in (1, 2, 3))


@pytest.mark.parametrize(
    ("base", "stop", "visits", "word"),
    [
        (Base(1, 10), Stop(0, 1), [Visit(0, 2, MONDAY[:1])], "no_team"),
        (Base(1, 10), Stop(0, 0), [Visit(4, 1, MONDAY[:1])], "no_stop"),
        (Base(1, 10), Stop(0, 1, 2), [Visit(0, 1, (MONDAY[1], TUESDAY[0]))], "span"),
        (Base(1, 10), Stop(0, 1), [Visit(0, 1, (Slot(1, 6, 0),))], "span"),
        (Base(1, 10), Stop(0, 1, closed=frozenset({MONDAY_MORNING})), [Visit(0, 1, MONDAY[:1])], "closed"),
        (Base(1, 10, closed=frozenset({MONDAY[0]})), Stop(0, 1), [Visit(0, 1, MONDAY[:1])], "closed"),
        (Base(1, 10), Stop(0, 2), [Visit(0, 1, MONDAY[:1])], "times"),
        (Base(1, 10), Stop(0, 2), [Visit(0, 1, MONDAY[:1]), Visit(0, 1, MONDAY[1:])], "apart"),
        (Base(1, 10, apart=3), Stop(0, 2), [Visit(0, 1, MONDAY[:1]), Visit(0, 1, WEDNESDAY[:1])], "apart"),
        (Base(1, 10, apart=8), Stop(0, 1), [Visit(0, 1, MONDAY[:1])], "apart"),
        (Base(1, 10), Stop(0, 2), [Visit(0, 1, MONDAY[:1]), Visit(0, 1, MONDAY[:1])], "two_places"),
        (Base(1, 1), Stop(0, 2), [Visit(0, 1, MONDAY[:1]), Visit(0, 1, TUESDAY[:1])], "half_days"),
        (Base(1, 10, vehicles=0), Stop(0, 1), [Visit(0, 1, MONDAY[:1])], "vehicles"),
        (Base(1, 10, travel_minutes=19), Stop(0, 1), [Visit(0, 1, MONDAY[:1])], "road"),
    ],
)
def test_each_fault_is_told_by_its_name(base: Base, stop: Stop, visits: list[Visit], word: str) -> None:
    question = around(base, [stop])
    minutes = road(question, [visit for visit in visits if visit.stop == 0])
    found = question.faults(Timetable(tuple(visits), (), minutes, minutes, True))
    # (Twice in one half-day is too soon as well.)
    assert {fault.words.removeprefix("timetable.") for fault in found} - ({"apart"} - {word}) == {word}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"minutes": 1}, "minutes"),
        ({"bound": 1000}, "bound"),
        ({"is_proven": False}, "proven"),
        ({"left": (3, 3)}, "left"),
    ],
)
def test_each_wrong_figure_is_told_by_its_name(change: dict[str, object], word: str) -> None:
    question = around(Base(1, 10), villages(5))
    found = question.faults(replace(question.checked(), **change))  # type: ignore[arg-type]
    assert f"timetable.{word}" in {fault.words for fault in found}


def test_a_fault_names_village_and_half_day() -> None:
    fault = Fault("timetable.closed", {"stop": 4, "team": 2, "slot": Slot(3, 5, 1)})
    names = {4: "Xiaozhuang"}
    with speaking("en"):
        assert fault.sentence(names.__getitem__) == "team 2 goes to Xiaozhuang on Friday afternoon, which is closed"
        assert "Friday afternoon of week 3" in fault.sentence(names.__getitem__, weeks=4)
    with speaking("zh"):
        assert fault.sentence(lambda _: "小庄", weeks=4) == "第 2 巡诊队第 3 周周五下午到 小庄，这个半天不能安排"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("question", FULL)
def test_every_fault_can_be_said(question: Question, language: str) -> None:
    right = question.checked()
    with speaking(language):  # type: ignore[arg-type]
        for wrong in changes(question, right):
            assert all(fault.sentence(weeks=question.base.weeks) for fault in question.faults(wrong))
