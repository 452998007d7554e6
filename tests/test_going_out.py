"""Physics of postings, visits and teams, said twice: as ranges and rows for the solver, and as a check of a plan."""

from collections.abc import Sequence
from typing import Any

from agreement import agrees, of
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import make, pool, resource, site, way

from allocate.case import Case
from allocate.decisions import outreach, posting, staffing
from allocate.layout import Layout
from allocate.rows import Key, amount, opened, tours, visits


def hospital_and_hubs(**changes: Any) -> Case:
    """Return a hub that stays, one that may close, and the hospital above both, whose surgeons are physicians."""
    sites = [
        site("STAYS", "township_hospital", exists=True),
        site("CLOSES", "township_hospital", exists=True, closable=True),
        site("H", "hospital", exists=True),
    ]
    resources = {"physicians": resource(at={"hospital": 3})}
    return make([[1]], sites, {}, parents=(2, 2, -1), **({"resources": resources} | changes))


def test_no_more_are_away_than_a_department_lets_go_nor_than_work_at_the_hospital() -> None:
    # The surgeon can be away for twelve months of a year in two tours at most; the physicians for all but two months,
    # in one tour. With one of them left at work, twelve months of both together are all that can be.
    case = hospital_and_hubs(
        pools=[
            pool("H", 2, resource="physicians"),
            pool("H", 2, resource="physicians", months=frozenset(range(1, 11)), tours=1),
        ]
    )
    ranges: dict[Key, Sequence[int]] = {opened(0, 0): (1,), opened(1, 0): range(2), opened(2, 0): (1,)}
    ranges |= {amount("physicians", 2, 0): range(3)}
    ranges |= {tours(0, 6, j, 0): range(4) for j in (0, 1)} | {tours(0, 12, 0, 0): range(2)}
    # (Ten months have no room for a tour of twelve, and nobody is posted to a hospital of the district.)
    ranges |= {tours(1, 6, 1, 0): range(3), tours(1, 12, 0, 0): range(2), tours(0, 6, 2, 0): range(-1, 2)}
    wrong = agrees(posting, case, ranges, of("tours"))
    assert wrong == {"lawful", "tours", "away", "posted", "staff away"}


def test_who_is_away_is_in_no_team_at_home_and_leaves_in_the_months_of_the_pool_only() -> None:
    # The pool may be away for half a year, so that each physician who is in no team can give six months. A general
    # practitioner is a physician, and a team takes one.
    case = hospital_and_hubs(
        pools=[
            pool("H", 2, away=3, resource="physicians", months=frozenset(range(1, 7))),
            pool("H", 2, away=3, resource="gps", months=frozenset(range(1, 7))),
        ],
        resources={
            "physicians": resource(at={"hospital": 3}),
            "gps": resource(at={"hospital": 3}, part_of="physicians"),
            "teams": resource(at={"hospital": 2}, needs={"gps": 1}),
        },
        months=(6,),
    )
    ranges: dict[Key, Sequence[int]] = {opened(0, 0): (1,), opened(1, 0): (1,), opened(2, 0): (1,)}
    ranges |= {amount("physicians", 2, 0): range(4), amount("gps", 2, 0): range(3), amount("teams", 2, 0): range(3)}
    ranges |= {tours(0, 6, 0, 0): range(3), tours(1, 6, 1, 0): range(3)}
    assert agrees(posting, case, ranges, of("tours")) == {"lawful", "staff away"}


def test_experts_from_outside_go_to_hospitals_too_and_need_nobody_here() -> None:
    case = hospital_and_hubs(pools=[pool("north", away=1, tours=1)], months=(6,))
    ranges: dict[Key, Sequence[int]] = {opened(0, 0): (1,), opened(1, 0): range(2), opened(2, 0): (1,)}
    ranges |= {tours(0, 6, j, 0): range(-1, 3) for j in range(3)}
    assert agrees(posting, case, ranges, of("tours")) == {"lawful", "tours", "away", "posted"}


def test_a_pool_whose_staff_the_hospital_cannot_have_is_not_asked_for_them() -> None:
    case = hospital_and_hubs(pools=[pool("H", 2, resource="physicians")], resources={"physicians": hub_doctors()})
    ranges: dict[Key, Sequence[int]] = {opened(0, 0): (1,), opened(1, 0): (1,), opened(2, 0): (1,)}
    ranges |= {tours(0, 12, 0, 0): range(3)}
    assert agrees(posting, case, ranges, of("tours")) == {"lawful", "away"}


def hub_doctors() -> Any:
    return resource(at={"township_hospital": 3})


def round_resources() -> dict[str, Any]:
    return {"teams": resource(at={"township_hospital": 4}), "cars": resource(at={"township_hospital": 4})}


def test_one_hub_that_is_open_visits_a_village_with_enough_teams_cars_and_time_on_the_road() -> None:
    # A team that may go out on two half-days a week makes the two visits to one village; a car has ten half-days.
    # The way to the second village takes an hour, there and back twice a week 240 minutes; 50 a day are 250.
    sites = [
        site("STAYS", "township_hospital", exists=True),
        site("CLOSES", "township_hospital", exists=True, closable=True),
    ]
    rounds = way(
        {(0, 0): 600, (0, 1): 900, (1, 0): 3600},
        times=2,
        half_days_each=2,
        vehicles="cars",
        day_minutes=50,
    )
    case = make([[1], [1]], sites, {}, resources=round_resources(), ways={"rounds": rounds})
    ranges: dict[Key, Sequence[int]] = {opened(0, 0): (1,), opened(1, 0): range(2)}
    ranges |= {amount(what, j, 0): range(3) for what in ("teams", "cars") for j in (0, 1)}
    # (The second hub is too far from the second village.)
    ranges |= {visits("rounds", stop, j, 0): range(2) for stop in (0, 1) for j in (0, 1)}
    wrong = agrees(outreach, case, ranges, of("visit"))
    assert wrong == {"lawful", "visit", "visits", "once", "half days", "road"}


def test_nobody_is_out_in_two_ways_at_once() -> None:
    # One nurse has ten half-days a week: three villages in rounds of two half-days and one in which she sits on two
    # whole days. 3 × 2 + 4 = 10 are just enough; her car makes monthly trips too, four half-days in 40 of four weeks.
    sites = [site("HUB", "township_hospital", exists=True)]
    pairs = {(i, 0): 600 for i in range(3)}
    ways = {
        "rounds": way(pairs, times=2, resource="teams", vehicles="cars"),
        "posts": way({(0, 0): 600, (1, 0): 600}, times=2, half_days=2, resource="teams"),
        "trips": way({(0, 0): 600}, times=4, per="month", resource="drivers", vehicles="cars"),
    }
    resources = {name: resource(at={"township_hospital": 2}) for name in ("teams", "cars", "drivers")}
    case = make([[1]] * 3, sites, {}, resources=resources, ways=ways)
    ranges: dict[Key, Sequence[int]] = {opened(0, 0): (1,)}
    ranges |= {amount("teams", 0, 0): range(3), amount("cars", 0, 0): range(2), amount("drivers", 0, 0): (1,)}
    ranges |= {visits(name, stop, 0, 0): range(2) for name, each in ways.items() for stop, _ in each.pairs}
    assert agrees(outreach, case, ranges, of("visit")) == {"lawful", "half days"}

    def is_possible(*out: tuple[str, int]) -> bool:
        amounts = {("teams", 0, 0): 1, ("cars", 0, 0): 1, ("drivers", 0, 0): 1}
        going = frozenset((name, stop, 0, 0) for name, stop in out)
        return not any(outreach.breaches(case, Layout(frozenset({(0, 0)}), amounts=amounts, visits=going)))

    three = [("rounds", stop) for stop in range(3)]
    assert is_possible(*three, ("posts", 0), ("trips", 0))
    assert not is_possible(*three, ("posts", 0), ("posts", 1))


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_rows_and_check_of_visits_agree_whatever_the_way_is_like(data: st.DataObject) -> None:
    draw = data.draw
    sites = [site(name, "township_hospital", exists=True, closable=draw(st.booleans())) for name in "AB"]
    pairs = draw(st.dictionaries(st.tuples(st.integers(0, 2), st.integers(0, 1)), st.integers(0, 3600), min_size=1))
    times, half_days = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    rounds = way(
        pairs,
        times=times,
        half_days=half_days,
        half_days_each=draw(st.integers(times * half_days, 10)),
        per=draw(st.sampled_from(("week", "month"))),
        vehicles=draw(st.sampled_from(("", "cars"))),
        day_minutes=draw(st.none() | st.integers(1, 240)),
    )
    case = make([[1]] * 3, sites, {}, resources=round_resources(), ways={"rounds": rounds})
    ranges: dict[Key, Sequence[int]] = {opened(j, 0): range(2) if sites[j].closable else (1,) for j in (0, 1)}
    ranges |= {
        amount(what, j, 0): draw(st.sampled_from(((0, 1), (1,), (0, 2)))) for what in ("teams", "cars") for j in (0, 1)
    }
    ranges |= {visits("rounds", stop, j, 0): range(2) for stop in range(3) for j in (0, 1)}
    assert "lawful" in agrees(outreach, case, ranges, of("visit"))


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_rows_and_check_of_postings_agree_whatever_the_pools_are_like(data: st.DataObject) -> None:
    draw = data.draw
    pools = [
        pool(
            "H",
            draw(st.sampled_from((2, -1))),
            away=draw(st.integers(0, 2)),
            tours=draw(st.integers(0, 3)),
            months=frozenset(draw(st.sets(st.integers(1, 12), min_size=1))),
            resource=draw(st.sampled_from(("", "physicians"))),
        )
        for _ in range(draw(st.integers(1, 2)))
    ]
    months = tuple(draw(st.sampled_from(((6,), (6, 12), (3, 6)))))
    case = hospital_and_hubs(pools=pools, months=months)
    ranges: dict[Key, Sequence[int]] = {opened(0, 0): (1,), opened(1, 0): range(2), opened(2, 0): (1,)}
    ranges |= {amount("physicians", 2, 0): range(3)}
    ranges |= {tours(p, m, p % 3, 0): range(3) for p in range(len(pools)) for m in months}
    ranges |= {tours(0, months[0], 1, 0): range(2)}
    assert "lawful" in agrees(posting, case, ranges, of("tours"))


def test_no_doctor_is_in_two_teams_nor_in_one_as_a_part_and_in_another_as_a_whole() -> None:
    # Family-doctor teams take a general practitioner, round teams any doctor: a GP is a doctor too. Two doctors, of
    # whom one is a GP, make one team of each kind, or two round teams, and never two of one and one of the other.
    resources = {
        "doctors": resource(at={"station": 2}),
        "gps": resource(at={"station": 2}, part_of="doctors"),
        "families": resource(at={"station": 2}, needs={"gps": 1}),
        "rounds": resource(at={"station": 2}, needs={"doctors": 1}),
    }
    case = make([[1]], [site("S", "station", exists=True)], {}, resources=resources, stock={("doctors", 0): 2})
    assert case.claims("doctors", 0) == {"families": 1, "rounds": 1}
    assert case.claims("gps", 0) == {"families": 1}
    ranges: dict[Key, Sequence[int]] = {opened(0, 0): (1,)}
    ranges |= {amount(name, 0, 0): range(3) for name in resources}
    ranges |= {amount(f"doctors.{which}", 0, 0): range(3) for which in ("joined", "spare")}
    ranges |= {amount("gps.joined", 0, 0): range(3)}
    wrong = agrees(staffing, case, ranges, of())
    assert wrong == {"lawful", "needs", "part", "conserved"}

    def is_possible(doctors: int, gps: int, families: int, rounds: int) -> bool:
        numbers = {"doctors": doctors, "gps": gps, "families": families, "rounds": rounds}
        amounts = {(name, 0, 0): number for name, number in numbers.items()}
        amounts |= {("gps.joined", 0, 0): gps}
        return not any(staffing.breaches(case, Layout(frozenset({(0, 0)}), amounts=amounts)))

    assert is_possible(2, 1, 1, 1)
    assert is_possible(2, 1, 0, 2)
    assert not is_possible(2, 1, 1, 2)
    assert not is_possible(2, 1, 2, 0)


def test_a_team_that_takes_two_of_the_same_claims_both() -> None:
    resources = {
        "doctors": resource(at={"hospital": 4}),
        "rounds": resource(at={"hospital": 2}, needs={"doctors": 2}),
        "posts": resource(at={"hospital": 2}, needs={"doctors": 1}),
    }
    case = make([[1]], [site("H", "hospital", exists=True)], {}, resources=resources)
    assert case.claims("doctors", 0) == {"rounds": 2, "posts": 1}
    ranges: dict[Key, Sequence[int]] = {opened(0, 0): (1,)} | {amount(name, 0, 0): range(4) for name in resources}
    ranges |= {amount("doctors.joined", 0, 0): range(4)}
    assert agrees(staffing, case, ranges, of()) == {"lawful", "needs", "posts", "conserved"}
