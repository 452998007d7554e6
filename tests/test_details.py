"""Named months and weekdays of small plans: what no roster and no timetable can hold goes back into the plan."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from conftest import DATA
from tiny import make, pool, resource, rule, site, way

from allocate import decisions
from allocate.case import Case
from allocate.details import carry_out, in_detail
from allocate.goals import Cost
from allocate.layout import Layout
from allocate.model import Model, read_model
from allocate.outgoing import postings_rows, roster_rows, rounds_rows, timetable_rows, wrong
from allocate.outreach import DAYS, HALVES
from allocate.postings import Carried
from allocate.program import Options
from allocate.rules import Rule
from allocate.search import lay_out
from allocate.tours import Tour, months_of

QUICK = Options(seconds=20, gap=0.0, threads=1, quick=True)
MODEL = read_model(DATA / "tiny.toml")
EXPERT = {"expert": rule("posting", to=("township_hospital",), sent_by="lead_hospital")}
EVERY = {"rounds": rule("rounds", times=2, where="every")}
# Nobody is away in June, when the wheat is cut, and in September, when the maize is.
HARVEST = frozenset(range(1, 13)) - {6, 9}
FRIDAY = frozenset({(5, 0), (5, 1)})


def model_of(case: Case, rules: Mapping[str, Rule]) -> Model:
    return replace(
        MODEL,
        years=case.years,
        rules=rules,
        goals={"cost": replace(Cost(), gap=0.0)},
        resources=case.resources,
        postings=case.postings,
        outreach={name: each.plan for name, each in case.ways.items()},
    )


def carried_out(case: Case, rules: Mapping[str, Rule]) -> tuple[Layout, Layout]:
    """Return the plan by numbers alone, and the one that has months and weekdays, in which nothing is wrong."""
    model = model_of(case, rules)
    found = lay_out(case, model, QUICK, gap=0.0)
    done = carry_out(case, model, found, QUICK, 0.0).layout
    assert not any(decisions.breaches(case, done))
    assert list(wrong(case, list(rules.values()), done)) == []
    return found.layout, done


def shortfalls(case: Case, rules: Mapping[str, Rule], layout: Layout) -> list[float]:
    return [float(one.shortfall) for each in rules.values() for one in each.breaches(case, layout)]


def stand(layout: Layout, j: int, *, cyclic: bool = True) -> dict[int, int]:
    """Return how many stand at a site in each month of the first year."""
    months = [
        m
        for tour in layout.roster.get(0, ())
        if tour.to == j
        for m in months_of(tour.first, tour.months, cyclic=cyclic)
    ]
    return {m: months.count(m) for m in range(1, 13)}


def hub_and_hospital(*pools: Any, **changes: Any) -> Case:
    """Return a hub and its hospital, whose physicians are employed at 100 yuan a year; tours last six months."""
    sites = [site("hub", "township_hospital", exists=True), site("hospital", "hospital", exists=True)]
    physicians = resource(at={"hospital": 3}, yearly=100)
    numbers = {"people": [[1]], "parents": (1, -1), "months": (6,), "resources": {"physicians": physicians}}
    return make(sites=sites, seconds={}, pools=pools, **(numbers | changes))


def test_where_harvest_leaves_a_hub_without_its_expert_another_pool_takes_over() -> None:
    # Two surgeons can be away in ten months each: by numbers two tours of six months, all the year round, cost nothing.
    # But six months without June and September lie between October and May: June to September have nobody. An internist
    # may go at any time, and costs a physician's pay; one tour of each, or two of hers, is what can be done. Every tour
    # costs a yuan.
    surgery = pool("hospital", 1, away=2, months=HARVEST)
    medicine = pool("hospital", 1, away=1, specialty="internal_medicine", resource="physicians")
    case = hub_and_hospital(surgery, medicine, handover=1)
    numbers, done = carried_out(case, EXPERT)
    assert numbers.tours == {(0, 6, 0, 0): 2}
    assert shortfalls(case, EXPERT, done) == []
    assert min(stand(done, 0).values()) == 1
    assert Cost().value(case, done) - Cost().value(case, numbers) == 100
    assert sum(done.tours.values()) == 2, "no tour more than is needed"


@pytest.mark.parametrize("away", [1, 2])
def test_with_no_other_pool_half_a_person_is_missing_and_nothing_more_is_claimed(away: int) -> None:
    # One post makes one tour in its ten months. Two posts make two, which leave the same four months empty: the second
    # is no half of a person at all times, and is left out.
    case = hub_and_hospital(pool("hospital", 1, away=away, months=HARVEST))
    _, done = carried_out(case, EXPERT)
    assert done.tours == {(0, 6, 0, 0): 1}
    assert shortfalls(case, EXPERT, done) == [0.5]
    ((tour,),) = done.roster.values()
    assert set(months_of(tour.first, tour.months, cyclic=True)) <= HARVEST


def test_three_hubs_share_two_pools_as_far_as_their_months_go() -> None:
    # By numbers four tours of surgeons and two of internists serve three hubs. In June and September only internists
    # are there: two hubs have one of theirs, from April to September say, and a surgeon in the winter. The third has a
    # surgeon for half a year. No roster serves three, for then a third internist would be away in June.
    surgery = pool("hospital", 1, away=4, months=HARVEST)
    medicine = pool("hospital", 1, away=2, specialty="internal_medicine", tours=2)
    hubs = [site(f"hub {n}", "township_hospital", exists=True) for n in range(3)]
    sites = [hubs[0], site("hospital", "hospital", exists=True), *hubs[1:]]
    case = make([[1]], sites, {}, parents=(1, -1, 1, 1), pools=[surgery, medicine], months=(6,))
    _, done = carried_out(case, EXPERT)
    assert sorted(min(stand(done, j).values()) for j in (0, 2, 3)) == [0, 1, 1]
    assert sum(shortfalls(case, EXPERT, done)) == 0.5


def test_tours_that_are_under_way_are_ended_first_and_the_next_follow() -> None:
    # The expert at the hub stays until the end of March; the two tours of the year follow from April and October.
    case = hub_and_hospital(pool("hospital", 1))
    postings = case.postings
    assert postings is not None
    case = replace(case, postings=postings.model_copy(update={"cyclic": False}), carried=(Carried(0, 0, 3),))
    _, done = carried_out(case, EXPERT)
    before = Tour(0, 1, 0, 1, 3, carried=True)
    assert done.roster == {0: (before, Tour(0, 1, 0, 4, 6), Tour(0, 1, 0, 10, 6))}
    assert shortfalls(case, EXPERT, done) == []


def test_an_expert_who_is_still_elsewhere_is_not_claimed_to_be_here() -> None:
    # Until the end of March the only one is at the centre, where no clause wants anybody. The hub has nobody in these
    # months, so that of its two tours only one is claimed.
    case = hub_and_hospital(pool("hospital", 1))
    centre = site("centre", "community_centre", exists=True)
    postings = case.postings
    assert postings is not None
    case = replace(
        make([[1]], [*case.sites, centre], {}, parents=(1, -1, 1), pools=case.pools, months=(6,)),
        postings=postings.model_copy(update={"cyclic": False}),
        carried=(Carried(0, 2, 3),),
    )
    _, done = carried_out(case, EXPERT)
    assert stand(done, 2, cyclic=False) == {m: int(m <= 3) for m in range(1, 13)}
    assert all(tour.carried or tour.first > 3 for tour in done.roster[0])
    assert shortfalls(case, EXPERT, done) == [0.5]


def test_only_the_first_year_takes_over_who_is_away() -> None:
    # In 2027 nobody is known to be away; that year stands for those after it, so its tours may run over December.
    case = hub_and_hospital(pool("hospital", 1), people=[[1, 1]], years=(2025, 2027))
    postings = case.postings
    assert postings is not None
    case = replace(case, postings=postings.model_copy(update={"cyclic": False}), carried=(Carried(0, 0, 3),))
    _, done = carried_out(case, EXPERT)
    assert [tour.first for tour in done.roster[0]] == [1, 4, 10]
    assert [tour.first for tour in done.roster[1]] == [1, 7]
    assert shortfalls(case, EXPERT, done) == []


def hub_and_villages(count: int, teams: int, **numbers: Any) -> Case:
    """Return a hub that has posts for some teams at 100 yuan a year, and nobody out on Fridays; villages around it."""
    rounds = replace(way({(i, 0): 600 for i in range(count)}, times=2, **numbers), closed={("base", 0): FRIDAY})
    teams_of = {"teams": resource(at={"township_hospital": teams}, yearly=100)}
    hub = site("hub", "township_hospital", place=-1, exists=True)
    return make([[100 - i] for i in range(count)], [hub], {}, resources=teams_of, ways={"rounds": rounds})


def test_where_the_week_has_no_room_another_team_goes() -> None:
    # Five villages twice are ten half-days, as many as a team has by numbers. Without Friday it has eight.
    case = hub_and_villages(5, teams=2)
    numbers, done = carried_out(case, EVERY)
    assert [layout.amounts["teams", 0, 0] for layout in (numbers, done)] == [1, 2]
    assert shortfalls(case, EVERY, done) == []
    assert len(done.visits) == 5
    assert all(slot.day != 5 for visit in done.timetable["rounds", 0, 0] for slot in visit.slots)


def test_without_another_team_one_village_is_left_out_and_missed() -> None:
    case = hub_and_villages(5, teams=1)
    numbers, done = carried_out(case, EVERY)
    assert (len(numbers.visits), len(done.visits)) == (5, 4)
    assert shortfalls(case, EVERY, done) == [2.0]
    assert {visit.stop for visit in done.timetable["rounds", 0, 0]} == {stop for _, stop, _, _ in done.visits}


def test_a_village_that_is_open_on_one_day_only_is_missed_and_its_team_goes_elsewhere() -> None:
    # The first village can be visited on Wednesdays alone, and two visits are not on one day. The other four take the
    # eight half-days that the one team has.
    case = hub_and_villages(5, teams=1)
    week = frozenset((day, half) for day in range(1, DAYS + 1) for half in range(HALVES))
    closed = {**case.ways["rounds"].closed, ("stop", 0): week - {(3, 0), (3, 1)}}
    case = replace(case, ways={"rounds": replace(case.ways["rounds"], closed=closed)})
    _, done = carried_out(case, EVERY)
    assert {stop for _, stop, _, _ in done.visits} == {1, 2, 3, 4}
    assert shortfalls(case, EVERY, done) == [2.0]


def idle(case: Case, layout: Layout, rules: Mapping[str, Rule] | None = None) -> dict[tuple[str, int, int], Any]:
    """Return the teams that are left of a plan by hand."""
    return dict(in_detail(case, rules or {}, layout).layout.amounts)


def staffed_hub(**changes: Any) -> tuple[Case, Layout]:
    """Return a hub and a centre with four doctors and four teams of one doctor each; the hub visits five villages."""
    sites = [
        site("hub", "township_hospital", place=-1, exists=True),
        site("centre", "community_centre", place=-1, exists=True),
    ]
    at = {"township_hospital": 4, "community_centre": 4}
    resources = {"doctors": resource(at=at), "teams": resource(at=at, needs={"doctors": 1}, **changes)}
    rounds = way({(i, j): 600 for i in range(5) for j in (0, 1)}, times=2, by=["township_hospital", "community_centre"])
    case = make([[1]] * 5, sites, {}, resources=resources, ways={"rounds": rounds})
    amounts = {(what, j, 0): 4 for what in resources for j in (0, 1)}
    visits = frozenset(("rounds", i, 0, 0) for i in range(5))
    return case, Layout(frozenset({(0, 0), (1, 0)}), amounts=amounts, visits=visits)


def test_no_more_teams_go_out_than_the_timetable_takes() -> None:
    # Five villages twice are ten half-days: one team. The centre visits nobody. The doctors are employed anyway.
    case, layout = staffed_hub()
    doctors = {("doctors", j, 0): 4 for j in (0, 1)}
    assert idle(case, layout) == {**doctors, ("teams", 0, 0): 1}
    # Without Fridays, two.
    closed = replace(case.ways["rounds"], closed={("base", 0): FRIDAY})
    assert idle(replace(case, ways={"rounds": closed}), layout) == {**doctors, ("teams", 0, 0): 2}


def test_teams_that_cost_something_or_that_a_clause_counts_stay_as_they_are_decided() -> None:
    case, layout = staffed_hub(yearly=10)
    assert idle(case, layout) == layout.amounts
    case, layout = staffed_hub()
    counted: dict[str, Rule] = {
        "teams": rule("site_minimum", resource="teams", kinds=("township_hospital",), at_least=2)
    }
    assert idle(case, layout, counted) == layout.amounts


def test_the_same_plan_gets_the_same_months_and_weekdays_in_whatever_order_it_is_told() -> None:
    case = hub_and_villages(5, teams=2)
    hospital = site("hospital", "hospital", exists=True)
    pools = [pool("hospital", 1, away=2), pool("hospital", 1, specialty="internal_medicine")]
    case = replace(
        case,
        sites=(*case.sites, hospital),
        spots=make([[1]], [*case.sites, hospital], {}).spots,
        parents=(1, -1),
        pools=tuple(pools),
        postings=make([[1]], [], {}, pools=pools).postings,
    )
    rules = EXPERT | EVERY
    tours = {(0, 6, 0, 0): 2, (1, 6, 0, 0): 1, (0, 12, 0, 0): 1}
    layout = Layout(
        frozenset({(0, 0), (1, 0)}),
        amounts={("teams", 0, 0): 2},
        tours=tours,
        visits=frozenset(("rounds", i, 0, 0) for i in range(5)),
    )
    turned = replace(layout, tours=dict(reversed(tours.items())), visits=frozenset(sorted(layout.visits, reverse=True)))

    def rows(one: Layout) -> str:
        made = in_detail(case, rules, one).layout
        return repr([told(case, made) for told in (postings_rows, roster_rows, rounds_rows, timetable_rows)])

    assert rows(layout) == rows(turned)
    assert rows(layout).count("first_month") == 4
