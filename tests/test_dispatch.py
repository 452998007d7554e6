"""The first postings and visits, without a solver: always possible, and as many as the pools and the teams can do."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import make, pool, resource, rule, site, way

from allocate import decisions
from allocate.case import Case
from allocate.dispatch import post, visit
from allocate.greedy import greedy
from allocate.layout import Layout
from allocate.posts import staff
from allocate.rules import Rule

EXPERT = rule("posting", to=("township_hospital",), sent_by="lead_hospital")


@st.composite
def scarce(draw: st.DrawFn) -> tuple[Case, list[Rule]]:
    """Draw a district of two hubs and a hospital in which staff, pools, cars and time may be too few."""
    years, few = (2025, 2027), st.integers(0, 2)
    sites = [
        site("A", "township_hospital", place=-1, exists=True, closable=draw(st.booleans())),
        site("B", "township_hospital", place=-1, exists=True),
        site("H", "hospital", place=-1, exists=True),
        site("K", place=0, opening=1),
    ]
    market = draw(st.none() | few)
    hub = {"township_hospital": draw(st.integers(1, 2))}
    resources = {
        "doctors": resource(at=hub | {"hospital": draw(st.integers(1, 2))}, per_year=market),
        "gps": resource(at=hub, part_of="doctors", per_year=draw(st.none() | few)),
        "teams": resource(at={"township_hospital": 2}, needs={draw(st.sampled_from(("doctors", "gps"))): 1}),
        "families": resource(at={"township_hospital": 1}, needs={"gps": 1}),
        "cars": resource(at=hub, per_year=draw(st.none() | few)),
        "sitters": resource(at=hub),
    }
    seconds = st.sampled_from((0, 600, 3600))
    pairs = {(i, j): draw(seconds) for i in range(3) for j in draw(st.sets(st.integers(0, 1)))}
    least = draw(st.integers(1, 2))
    rounds = way(
        pairs,
        times=least,
        half_days_each=draw(st.sampled_from((least, 4))),
        vehicles=draw(st.sampled_from(("", "cars"))),
        day_minutes=draw(st.none() | st.sampled_from((1, 30, 240))),
    )
    # (Those who sit in villages may need the same cars, and be the same people, as those who make rounds.)
    others, cars = draw(st.sampled_from(("sitters", "teams"))), draw(st.sampled_from(("", "cars")))
    posts = way(pairs, times=5, half_days=2, is_post=True, resource=others, vehicles=cars)
    pools = [
        pool("H", 2, away=draw(few), tours=draw(few), resource=draw(st.sampled_from(("", "doctors")))),
        pool("H", 2, away=draw(few), months=frozenset(range(1, 8)), resource="doctors"),
        pool("north", away=draw(few)),
    ]
    people = [[draw(st.integers(0, 3)) for _ in years] for _ in range(3)]
    case = make(
        people,
        sites,
        {(0, 3): 60, (1, 3): 300},
        years=years,
        parents=(2, 2, -1, 0),
        resources=resources,
        stock={("doctors", 2): draw(few), ("doctors", 1): draw(few)},
        pools=pools,
        ways={"rounds": rounds, "posts": posts},
    )
    rules = [
        EXPERT,
        rule("posting", to=("hospital", "township_hospital"), sent_by="tertiary_hospital", scope="supporter"),
        rule("posting", to=("township_hospital",), sent_by="district", scope="district", at_least=2),
        rule("rounds", times=2, where=draw(st.sampled_from(("out_of_reach", "without_own", "every")))),
        rule("rounds", times=5, half_days=2, from_people=3),
        rule("reach", share=1.0, scope="place", or_by=("rounds", "posts")),
        rule("total", resource="families", at_least=2),
        rule("rate", resource="doctors", per=1000, at_least=1000),
    ]
    return case, draw(st.lists(st.sampled_from(rules), unique_by=id, min_size=1))


@settings(max_examples=150, deadline=None)
@given(scarce())
def test_the_first_plan_is_possible_however_little_there_is(drawn: tuple[Case, list[Rule]]) -> None:
    case, rules = drawn
    first = staff(case, rules, greedy(case, rules))
    assert [breach.about for breach in decisions.breaches(case, first)] == []


def hubs(count: int, surgeons: int, **numbers: int) -> Case:
    """Return hubs below a hospital with so many surgeons of today, of whom some may be away."""
    sites = [site(f"hub {n}", "township_hospital", exists=True) for n in range(count)]
    sites.append(site("H", "hospital", exists=True))
    return make(
        [[1]],
        sites,
        {},
        parents=(*[count] * count, -1),
        resources={"surgeons": resource(at={"hospital": 9}, per_year=numbers.pop("per_year", 0))},
        stock={("surgeons", count): surgeons},
        pools=[pool("H", count, resource="surgeons", **numbers)],
    )


def first_tours(case: Case) -> dict[tuple[int, int, int, int], int]:
    return dict(staff(case, [EXPERT], greedy(case, [EXPERT])).tours)


def test_experts_go_for_as_long_as_they_can() -> None:
    # Two hubs, two surgeons, both of whom may be away all the year: one tour of twelve months to each.
    assert first_tours(hubs(2, 2, away=2)) == {(0, 12, 0, 0): 1, (0, 12, 1, 0): 1}


def test_what_is_left_of_a_pool_goes_for_six_months() -> None:
    # Three may be away for six months of the year: three tours of six, two for the first hub and one for the second.
    case = hubs(2, 3, away=3)
    half = replace(case, pools=(replace(case.pools[0], months=frozenset(range(1, 7)), tours=3),))
    assert first_tours(half) == {(0, 12, 0, 0): 1, (0, 6, 1, 0): 1}


def test_nobody_goes_whom_the_hospital_does_not_have() -> None:
    # Three may be away and one surgeon works there: one hub of three. Where two more may join, they do.
    assert first_tours(hubs(3, 1, away=3)) == {(0, 12, 0, 0): 1}
    assert len(first_tours(hubs(3, 1, away=3, per_year=2))) == 3


def test_a_clause_that_few_can_meet_comes_before_one_that_many_can() -> None:
    # The only attending surgeon of the lead hospital meets both clauses; whoever comes first, one tour is enough.
    case = hubs(1, 1, away=1)
    anybody = rule("posting", to=("township_hospital",), sent_by="district")
    for rules in ([EXPERT, anybody], [anybody, EXPERT]):
        assert dict(staff(case, rules, greedy(case, rules)).tours) == {(0, 12, 0, 0): 1}


def test_the_nearest_hub_visits_until_its_teams_are_out_of_time() -> None:
    # A team has time for two villages. Hub A is nearer to all three and may have one team: the third is hub B's.
    sites = [site(name, "township_hospital", exists=True) for name in "AB"]
    teams = resource(at={"township_hospital": 1})
    rounds = way({(i, j): 600 + 600 * j for i in range(3) for j in (0, 1)}, times=2, half_days_each=4)
    case = make([[1]] * 3, sites, {}, resources={"teams": teams}, ways={"rounds": rounds})
    wanted = [rule("rounds", times=2)]
    first = staff(case, wanted, greedy(case, wanted))
    assert first.visits == {("rounds", 0, 0, 0), ("rounds", 1, 0, 0), ("rounds", 2, 1, 0)}
    assert {j: first.amounts["teams", j, 0] for j in (0, 1)} == {0: 1, 1: 1}


def test_a_village_that_some_clinic_serves_is_not_visited_unless_a_clause_says_so() -> None:
    clinic = site("K", place=0, exists=True)
    hub = site("A", "township_hospital", place=-1, exists=True)
    case = make([[1], [1]], [clinic, hub], {(0, 0): 60}, ways={"rounds": way({(0, 1): 600, (1, 1): 600})})
    layout = Layout(frozenset({(0, 0), (1, 0)}), {(0, 0, 0): 1})

    def visited(this: Rule) -> set[int]:
        return {
            stop for _, stop, _, _ in visit(case, [this], layout, 0, lambda _what, _j: 9, lambda _what, _j: True).visits
        }

    assert visited(rule("reach", share=1.0, scope="place", or_by=("rounds",))) == {1}
    assert visited(rule("rounds", times=2)) == {1}
    assert visited(rule("rounds", times=2, where="every")) == {0, 1}


def test_where_the_model_posts_nobody_nothing_is_posted() -> None:
    case = make([[1]], [site("A", "township_hospital", exists=True)], {})
    layout = Layout(frozenset({(0, 0)}))
    assert post(case, [EXPERT], layout, 0, lambda _what, _j: 0, lambda _what, _j: True) == layout
