"""Build, share, post or visit: what the plan chooses is the cheapest of all layouts, to the yuan."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product

import pytest
from conftest import DATA
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import lives, make, nearest, pool, resource, rule, site, way

from allocate import decisions
from allocate.case import Case
from allocate.goals import Cost
from allocate.layout import Layout
from allocate.model import Model, read_model
from allocate.program import Options
from allocate.resources import JOINED, SPARE, flow
from allocate.rules import Rule
from allocate.search import lay_out

QUICK = Options(seconds=20, gap=0.0, threads=1, quick=True)
MODEL = read_model(DATA / "tiny.toml")
SERVED = {"everybody": rule("reach", share=1.0, scope="place", or_by=("rounds", "posts"))}


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


def planned(case: Case, rules: Mapping[str, Rule]) -> Layout:
    """Return the plan, which is possible and keeps every clause."""
    found = lay_out(case, model_of(case, rules), QUICK, gap=0.0).layout
    assert not any(decisions.breaches(case, found))
    assert not any(breach for one in rules.values() for breach in one.breaches(case, found))
    return found


def staffed(case: Case, layout: Layout) -> Layout:
    """Return the layout with the fewest staff: teams and doctors at the hub, doctors away at the hospital.

    Whoever joins stays, so nobody joins for a year and is gone in the next.
    """
    amounts: dict[tuple[str, int, int], int] = {}
    for what, pays in (("teams", "doctors"), ("sitters", "sitters"), ("surgeons", "surgeons")):
        for j, at in enumerate(case.sites):
            most = 0
            for t in case.periods:
                works = _needed(case, layout, what, j, t)
                most = max(most, works)
                if most and at.exists:
                    amounts |= {(what, j, t): works, (pays, j, t): works}
                    amounts |= {(flow(pays, JOINED), j, t): most, (flow(pays, SPARE), j, t): most - works}
    return replace(layout, amounts={key: number for key, number in amounts.items() if number})


def _needed(case: Case, layout: Layout, what: str, j: int, t: int) -> int:
    if what == "surgeons":
        months = sum(m * n for (p, m, _, u), n in layout.tours.items() if u == t and case.pools[p].hospital == j)
        return -(-months // 12)
    ways = {name: each.plan for name, each in case.ways.items() if each.plan.resource == what}
    return sum(
        -(-plan.load * sum((n, k, u) == (name, j, t) for n, _, k, u in layout.visits) // plan.room)
        for name, plan in ways.items()
    )


def every_layout(case: Case) -> Iterator[Layout]:
    """Yield every way to open sites and to visit villages, with the staff that it takes."""
    pairs = [(name, *pair, t) for name, each in case.ways.items() for pair in each.pairs for t in case.periods]
    for is_open in lives(case):
        bare = nearest(case, is_open)
        for on in product((False, True), repeat=len(pairs)):
            chosen = frozenset(pair for pair, yes in zip(pairs, on, strict=True) if yes)
            yield staffed(case, replace(bare, visits=chosen))


def least_cost(case: Case, rules: Mapping[str, Rule], layouts: Iterator[Layout]) -> int:
    """Return the cost of the cheapest layout that is possible and keeps every clause, by looking at all of them."""
    return min(
        Cost().value(case, layout)
        for layout in layouts
        if not any(one for each in rules.values() for one in each.breaches(case, layout))
        and not any(decisions.breaches(case, layout))
    )


def three_villages(*, clinic: int = 100_000, pay: int = 60_000) -> Case:
    """Return a hub and three villages in one year: two next to each other, ten minutes off, and one half an hour away.

    A clinic in any of them costs `clinic` once and 20,000 yuan a year; one in either of the two serves both. A doctor
    costs `pay` a year and 5,000 to recruit; a team is one doctor, and has time for one village.
    """
    sites = [site("hub", "township_hospital", place=-1, exists=True)]
    sites += [site(f"clinic {n + 1}", place=n, opening=clinic, yearly=20_000) for n in range(3)]
    reach = {(0, 1): 60, (1, 1): 600, (0, 2): 600, (1, 2): 60, (2, 3): 60}
    at = {"township_hospital": 3}
    resources = {
        "doctors": resource(at=at, yearly=pay, adding=5_000),
        "teams": resource(at=at, needs={"doctors": 1}),
    }
    rounds = way({(0, 0): 600, (1, 0): 600, (2, 0): 1800}, half_days_each=2, per_visit=50, per_hour=60)
    return make([[300], [200], [100]], sites, reach, resources=resources, ways={"rounds": rounds})


@pytest.mark.parametrize(
    ("prices", "opened", "visited", "cost"),
    [
        # A year of rounds is 2 × 52 = 104 visits. To the near villages each costs 50 yuan and 60 × 20/60 = 20 for the
        # way there and back: 104 × 70 = 7,280. To the far one it is 50 + 60 × 60/60: 104 × 110 = 11,440.
        # A team of its own costs 60,000 + 5,000, so a visited village 72,280 or 76,440; a clinic 120,000.
        # Two villages share one clinic: 120,000, less than 2 × 72,280 = 144,560. The far one is visited: 76,440.
        ({}, {"clinic 1"}, {2}, 196_440),
        # Doctors at 110,000: the far village costs 115,000 + 11,440 = 126,440 to visit, more than its clinic.
        ({"pay": 110_000}, {"clinic 1", "clinic 3"}, set(), 240_000),
        # Clinics at 130,000 + 20,000 = 150,000, more than 144,560: all are visited, 144,560 + 76,440.
        ({"clinic": 130_000}, set(), {0, 1, 2}, 221_000),
    ],
    ids=["one is shared and one visited", "doctors are dear", "clinics are dear"],
)
def test_of_three_villages_one_gets_a_clinic_one_shares_it_and_one_is_visited(
    prices: dict[str, int], opened: set[str], visited: set[int], cost: int
) -> None:
    case = three_villages(**prices)
    found = planned(case, SERVED)
    assert Cost().value(case, found) == cost == least_cost(case, SERVED, every_layout(case))
    # (Whether the first of the two has the clinic or the second makes no difference.)
    swap = {"clinic 2": "clinic 1"}
    assert {swap.get(case.sites[j].id, case.sites[j].id) for j, _ in found.open if j} == opened
    assert {stop for _, stop, _, _ in found.visits} == visited
    assert sum(found.amounts.get(("doctors", 0, t), 0) for t in case.periods) == len(visited)


def test_a_large_village_gets_somebody_posted_and_the_small_one_rounds() -> None:
    # ST-35. Somebody posted in a village costs 72,000 and 52 × 5 ways of 20 minutes at 60 yuan an hour: 5,200. One
    # round team, a doctor for 65,000, could visit both villages for 7,280 each, but twice a week are not five days.
    case = three_villages(clinic=10**6)
    sitter = resource(at={"township_hospital": 3}, yearly=72_000)
    posts = way({(0, 0): 600, (1, 0): 600}, times=5, half_days=2, is_post=True, resource="sitters", per_hour=60)
    rounds = replace(case.ways["rounds"], pairs={(0, 0): 600, (1, 0): 600})
    case = replace(
        case,
        people=case.people[:2],
        places=case.places[:2],
        town_of=case.town_of[:2],
        place_kinds=case.place_kinds[:2],
        place_settings=case.place_settings[:2],
        neighbours=((1,), (0,)),
        resources={**case.resources, "sitters": sitter},
        ways={"rounds": rounds, "posts": posts},
        sites=case.sites[:1],
        links=make([[1]], [], {}).links,
        spots=case.spots[:1],
    )
    rules = {
        "large": rule("rounds", times=5, half_days=2, from_people=250),
        "small": rule("rounds", times=2, half_days=1, below_people=250),
    }
    found = planned(case, rules)
    assert found.visits == {("posts", 0, 0, 0), ("rounds", 1, 0, 0)}
    assert Cost().value(case, found) == 72_000 + 5_200 + 65_000 + 7_280
    assert Cost().value(case, found) == least_cost(case, rules, every_layout(case))


@st.composite
def districts(draw: st.DrawFn) -> tuple[Case, dict[str, Rule]]:
    """Draw a district of a hub, its hospital, and villages of which some may get a clinic: build, visit and post."""
    years = draw(st.sampled_from(((2025,), (2025, 2027))))
    count = 3 if len(years) > 1 else 4
    hub, hospital = 0, 1
    sites = [
        site("hub", "township_hospital", place=-1, exists=True),
        site("hospital", "hospital", place=-1, exists=True),
    ]
    clinics = draw(st.lists(st.integers(0, count - 1), max_size=2, unique=True))
    prices = st.sampled_from((0, 30, 70, 110, 160))
    sites += [site(f"K{i}", place=i, opening=draw(prices), yearly=draw(prices)) for i in clinics]
    reach = {(i, n + 2): 60 for n, i in enumerate(clinics)}
    near = st.tuples(st.integers(0, count - 1), st.integers(0, len(clinics) - 1))
    reach |= {(i, n + 2): 600 for i, n in draw(st.sets(near, max_size=3)) if (i, n + 2) not in reach} if clinics else {}
    resources = {
        "doctors": resource(at={"township_hospital": 4}, yearly=draw(prices), adding=draw(prices)),
        "teams": resource(at={"township_hospital": 4}, needs={"doctors": 1}),
        "surgeons": resource(at={"hospital": 4}, yearly=draw(prices), adding=draw(prices)),
    }
    times = draw(st.integers(1, 2))
    pairs = {(i, hub): draw(st.sampled_from((0, 600, 1800))) for i in range(count)}
    room = draw(st.sampled_from((times, 2 * times, 10)))
    rounds = way(pairs, times=times, half_days_each=room, per_visit=draw(st.integers(0, 1)))
    people = [[draw(st.integers(0, 3)) for _ in years] for _ in range(count)]
    case = make(
        people,
        sites,
        reach,
        years=years,
        parents=(hospital, -1, *[hub] * len(clinics)),
        resources=resources,
        pools=[pool("hospital", hospital, away=1, resource="surgeons")],
        monthly=draw(st.integers(0, 3)),
        handover=draw(st.integers(0, 3)),
        ways={"rounds": rounds},
    )
    rules: dict[str, Rule] = dict(SERVED)
    if draw(st.booleans()):
        where = draw(st.sampled_from(("out_of_reach", "without_own", "every")))
        rules["rounds"] = rule("rounds", times=1, where=where)
    rules["expert"] = rule("posting", to=("township_hospital",), sent_by="lead_hospital")
    return case, rules


def every_roster(case: Case) -> Iterator[Layout]:
    """Yield every number of tours to the hub, with the surgeons that it takes; the sites are as they stand."""
    keys = [(0, months, 0, t) for months in (6, 12) for t in case.periods]
    is_open = frozenset((j, t) for j, at in enumerate(case.sites) if at.exists for t in case.periods)
    for numbers in product(range(3), repeat=len(keys)):
        yield staffed(case, Layout(is_open, tours=dict(zip(keys, numbers, strict=True))))


@settings(max_examples=20, deadline=None)
@given(districts())
def test_the_plan_is_as_cheap_as_the_cheapest_of_all_layouts(drawn: tuple[Case, dict[str, Rule]]) -> None:
    case, rules = drawn
    # Hub and hospital stay open: whom the hospital sends costs the same whatever is built and visited.
    going = {name: one for name, one in rules.items() if name != "expert"}
    best = least_cost(case, going, every_layout(case))
    best += least_cost(case, {"expert": rules["expert"]}, every_roster(case))
    found = planned(case, rules)
    assert Cost().value(case, found) == best
