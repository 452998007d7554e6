"""Who is posted where fits what hubs need: value, terms and proof, on districts of two towns."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_goals import least
from tiny import make, matches_golden, render, render_columns, render_sum, rule, site

from allocate import decisions
from allocate.beside import bounds_beside
from allocate.case import Case
from allocate.goals import GOALS, Cost, Goal, Match
from allocate.goals.match import Fit, fits
from allocate.layout import Layout
from allocate.population import AGED_65
from allocate.postings import Pool, Postings
from allocate.program import Objective, Options, Program
from allocate.rows import Column, Row, amount, tours
from allocate.rules import Rule
from allocate.search import _as_a_whole
from allocate.stages import clause_values
from allocate.travel import Mode
from allocate.two_steps import in_two_steps
from allocate.units import Basis

EXACT = Options(seconds=20, gap=0.0, threads=1, quick=True)
CAR = Mode(name={"zh": "车", "en": "car"}, speed_kmh=30, detour=1, basis=Basis.ASSUMED, source="a toy")
WEIGHTS: dict[str, dict[str, float]] = {"medicine": {"people": 1}, "geriatrics": {"people_65": 3}}
# Indices of the sites: two hubs, the hospital that sends, and another one.
A, B, SENDER, OTHER = 0, 1, 2, 3


def goal(**numbers: Any) -> Match:
    told: dict[str, Any] = {"specialties": WEIGHTS, "mode": "car", "basis": "assumed", "source": "a toy", "gap": 0.0}
    return Match(**(told | numbers))


def pool(specialty: str, *, hospital: int = SENDER, away: int = 2, **numbers: Any) -> Pool:
    told: dict[str, Any] = {
        "sender": f"S{hospital}",
        "hospital": hospital,
        "sends_as": "" if hospital >= 0 else "tertiary_hospital",
        "specialty": specialty,
        "rank": "attending",
        "away": away,
        "tours": 2 * away,
        "months": frozenset(range(1, 13)),
        "days_per_week": Fraction(5),
        "resource": "",
        "basis": Basis.ASSUMED,
    }
    return Pool(**(told | numbers))


def towns(pools: Sequence[Pool], *, years: Sequence[int] = (2025,), **changes: Any) -> Case:
    """Return two towns with a hub each: 8 people in T1, 4 of them aged 65; 6 in T2, one of them.

    The hospital stands beside hub A; hub B is 30 km away, an hour by car.
    """
    sites = [
        site("A", kind="township_hospital", town="T1", exists=True),
        site("B", kind="township_hospital", town="T2", place=1, exists=True),
        site("S2", kind="hospital", town="T1", exists=True),
        site("S3", kind="hospital", town="T2", place=1, exists=True),
    ]
    spots = [(0, 0), (30_000, 0), (0, 0), (30_000, 0)]
    people = [[8] * len(years), [6] * len(years)]
    case = make(people, sites, {}, years=years, town_of=(0, 1), spots=spots, parents=(SENDER, SENDER, -1, -1))
    posted = Postings(months=(6, 12), basis=Basis.ASSUMED, source="a toy")
    old = np.array([[4] * len(years), [1] * len(years)], dtype=np.int64)
    told = {"pools": tuple(pools), "postings": posted, "modes": {"car": CAR}, "ages": {AGED_65: old}}
    return replace(case, **(told | changes))


def layout(case: Case, **sent: int) -> Layout:
    """Return what is sent: `p0_12_A=1` is one tour of twelve months from the first pool to hub A, every year."""
    found = {}
    for name, number in sent.items():
        p, months, at = name.split("_")
        for t in case.periods:
            found[int(p[1:]), int(months), {"A": A, "B": B, "other": OTHER}[at], t] = number
    return Layout(frozenset((j, t) for j in range(len(case.sites)) for t in case.periods), tours=found)


def test_post_months_are_lost_where_a_hub_needs_another_field_more() -> None:
    # T1 needs medicine 8 × 1 and geriatrics 4 × 3 = 12: shares 0.666 (8/12 in whole thousandths) and 1.
    # T2 needs medicine 6 and geriatrics 1 × 3: shares 1 and 0.5.
    case, this = towns([pool("medicine"), pool("geriatrics")]), goal()
    assert this.needs(case, 0)[A] == {"medicine": Fraction(666, 1000), "geriatrics": 1}
    assert this.needs(case, 0)[B] == {"medicine": 1, "geriatrics": Fraction(1, 2)}
    # Geriatrics to A: nothing but half a month of handing over. Medicine to B: that, and 0.1 for the hour's way.
    assert this.value(case, layout(case, p1_12_A=1, p0_12_B=1)) == Fraction(5, 10) + Fraction(6, 10)
    # The other way round: 12 × 0.334 + 0.5 = 4.508, and 12 × 0.5 + 0.6 = 6.6.
    assert this.value(case, layout(case, p0_12_A=1, p1_12_B=1)) == Fraction(11_108, 1000)


def test_every_plan_year_has_its_roster() -> None:
    pools = [pool("medicine"), pool("geriatrics")]
    case = towns(pools, years=(2025, 2027), repeats=(1, 3))
    assert goal().value(case, layout(case, p1_12_A=1)) == (1 + 3) * Fraction(1, 2)


def test_two_tours_of_half_a_year_lose_a_handover_more_than_one_of_a_year() -> None:
    case, this = towns([pool("medicine")]), goal(handover_months=0.75)
    # At B medicine fits: only handing over and the way there count, 0.75 + 0.1 each.
    assert this.value(case, layout(case, p0_12_B=1)) == Fraction(85, 100)
    assert this.value(case, layout(case, p0_6_B=2)) == Fraction(170, 100)


def test_a_second_post_of_the_same_field_at_a_hub_is_lost_whoever_sends_it() -> None:
    case = towns([pool("medicine"), pool("medicine", hospital=-1)])
    # 24 months of medicine at B, twelve of which fit; two handovers, and one way of an hour (the other pool is of
    # outside, whose way nobody knows).
    assert goal().value(case, layout(case, p0_12_B=1, p1_12_B=1)) == 12 + 2 * Fraction(1, 2) + Fraction(1, 10)


def test_what_a_hub_lacks_counts_twice_and_what_it_has_half() -> None:
    case = towns([pool("medicine")], fields={(A, "medicine"): False, (A, "geriatrics"): True, (B, "medicine"): True})
    # T1: medicine 8 × 2 = 16, geriatrics 12 / 2 = 6. T2: medicine 6 / 2 = 3, as much as geriatrics.
    assert goal().needs(case, 0)[A] == {"medicine": 1, "geriatrics": Fraction(375, 1000)}
    assert goal().needs(case, 0)[B] == {"medicine": 1, "geriatrics": 1}
    # Four times: 32 against 3, which is 0.09375 or 93 thousandths.
    assert goal(missing=4).needs(case, 0)[A]["geriatrics"] == Fraction(93, 1000)


def test_a_field_that_nobody_weighs_is_not_needed_and_a_hospital_serves_the_whole_district() -> None:
    # (The other hospital leads B, so that experts from outside may come to it.)
    case = towns([pool("surgery"), pool("geriatrics", hospital=-1)], parents=(SENDER, OTHER, -1, -1))
    # 14 people, 5 of them aged 65: geriatrics 15 is what the other hospital needs most, and medicine 14 of 15.
    assert goal().needs(case, 0)[OTHER] == {"medicine": Fraction(933, 1000), "geriatrics": 1}
    assert goal().value(case, layout(case, p0_12_A=1)) == 12 + Fraction(1, 2)
    assert goal().value(case, layout(case, p1_12_other=1)) == Fraction(1, 2)


def test_where_nobody_lives_nothing_is_needed() -> None:
    case = towns([pool("medicine")])
    empty = replace(case, people=np.zeros_like(case.people), ages={AGED_65: np.zeros_like(case.people)})
    assert goal().needs(empty, 0)[A] == {"medicine": 0, "geriatrics": 0}
    assert goal().value(empty, layout(empty, p0_6_A=1)) == Fraction(65, 10)


def test_the_table_of_a_hub_shows_its_needs_the_greatest_first_and_who_comes() -> None:
    pools = [pool("medicine"), pool("surgery"), pool("geriatrics", hospital=-1)]
    case = towns(pools, parents=(SENDER, OTHER, -1, -1))
    sent = layout(case, p0_6_B=2, p1_12_B=1, p2_12_other=1)
    assert fits(case, sent, goal(), 0) == [
        Fit("A", "geriatrics", Fraction(1), 0),
        Fit("A", "medicine", Fraction(666, 1000), 0),
        Fit("B", "medicine", Fraction(1), 12),
        Fit("B", "geriatrics", Fraction(1, 2), 0),
        Fit("B", "surgery", Fraction(0), 12),
        # A hospital stands there only where somebody is posted to it.
        Fit("S3", "geriatrics", Fraction(1), 12),
        Fit("S3", "medicine", Fraction(933, 1000), 0),
    ]


def test_the_sum_of_the_goal_reads_as_it_did() -> None:
    case, this = towns([pool("medicine", away=2), pool("geriatrics", away=1)], repeats=(2,)), goal()
    shown = [f"minimise: {render_sum(this.terms(case))}", render_columns(this.columns(case))]
    matches_golden("match", "\n".join([*shown, render("match", this.rows(case))]))


@st.composite
def districts(draw: st.DrawFn, *, years: Sequence[int] = (2025, 2027), most_away: int = 2) -> Case:
    """Draw the two towns with other people, pools, distances and fields."""
    fields = ("medicine", "geriatrics", "surgery")
    case = towns(
        [
            pool(
                draw(st.sampled_from(fields)),
                hospital=draw(st.sampled_from([SENDER, OTHER, -1])),
                away=draw(st.integers(1, most_away)),
            )
            for _ in range(draw(st.integers(1, 2)))
        ],
        years=years,
    )
    people = np.array([[draw(st.integers(0, 9)) for _ in years] for _ in range(2)], dtype=np.int64)
    known = draw(st.dictionaries(st.tuples(st.sampled_from([A, B]), st.sampled_from(fields)), st.booleans()))
    spots = np.array([(draw(st.integers(0, 60_000)), 0.0) for _ in case.sites])
    return replace(case, people=people, ages={AGED_65: people // 2}, fields=known, spots=spots)


def rosters(case: Case, t: int) -> Iterator[dict[tuple[int, int, int, int], int]]:
    """Yield everything that the pools can send to the two hubs in a year, at most one post-year beyond what fits."""
    keys = [(p, months, j) for p in range(len(case.pools)) for months in (6, 12) for j in (A, B)]
    ranges = [range(min(case.pools[p].tours, 36 // months) + 1) for p, months, _ in keys]
    for numbers in product(*ranges):
        sent = dict(zip(keys, numbers, strict=True))
        if all(
            sum(months * n for (q, months, _), n in sent.items() if q == p) <= one.post_months
            and sum(n for (q, _, _), n in sent.items() if q == p) <= one.tours
            for p, one in enumerate(case.pools)
        ):
            yield {(*key, t): n for key, n in sent.items() if n}


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_what_the_solver_adds_up_is_the_value_of_the_roster(data: st.DataObject) -> None:
    case = data.draw(districts())
    sent = {}
    for p, one in enumerate(case.pools):
        for t in case.periods:
            left = one.post_months
            for months in (12, 6):
                for j in case.receivers[p]:
                    number = data.draw(st.integers(0, left // months))
                    sent[p, months, j, t] = number
                    left -= months * number
    found = Layout(frozenset(), tours={key: n for key, n in sent.items() if n})
    assert least(goal(), case, found) == goal().value(case, found)


def asked(data: st.DataObject) -> dict[str, Rule]:
    sender = data.draw(st.sampled_from(["district", "lead_hospital", "tertiary_hospital"]))
    scope = data.draw(st.sampled_from(["site", "town", "district"]))
    return {"posts": rule("posting", to=["township_hospital"], sent_by=sender, scope=scope)}


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_the_roster_that_is_found_loses_as_little_as_the_best_of_all_and_the_proof_no_more(data: st.DataObject) -> None:
    case = data.draw(districts(years=(2025,), most_away=1))
    rules, this = asked(data), goal()
    is_open = frozenset((j, 0) for j in range(len(case.sites)))
    every = [Layout(is_open, tours=sent) for sent in rosters(case, 0)]

    def worth(one: Layout) -> tuple[Fraction, Fraction, Fraction]:
        values = clause_values(case, rules, one)
        return Fraction(values["must.worst"]), Fraction(values["must.sum"]), this.value(case, one)

    best = min(map(worth, every))
    found = _as_a_whole(case, rules, {"match": this}, 0.0, EXACT, None)
    assert list(decisions.breaches(case, found.layout)) == []
    mine = worth(found.layout)
    # (A stage may give way by a thousandth for the next ones.)
    assert [float(one) for one in mine] == pytest.approx([float(one) for one in best], abs=2e-3)
    assert found.bounds["match"] <= float(best[2]) + 1e-6
    if best[0] == 0:
        proven = bounds_beside(case, rules, {"match": this}, EXACT)["match"]
        assert proven <= float(best[2]) + 1e-6


def test_the_proof_by_the_postings_alone_is_tight_where_each_hub_wants_one_post() -> None:
    case = towns([pool("medicine", away=1), pool("geriatrics", away=1)])
    rules: dict[str, Rule] = {"posts": rule("posting", to=["township_hospital"], sent_by="district")}
    goals: dict[str, Goal] = {"match": goal()}
    # Geriatrics to A and medicine to B: 0.5 + 0.6, as worked out above.
    assert bounds_beside(case, rules, goals, EXACT)["match"] == pytest.approx(1.1)
    assert bounds_beside(case, rules, {"cost": Cost()}, EXACT) == {}
    assert bounds_beside(replace(case, pools=()), rules, goals, EXACT) == {}


def test_two_steps_and_the_whole_post_alike_whatever_comes_first() -> None:
    # A tour costs money and none is asked for beyond one per hub, so cost and fit do not quarrel.
    case = towns([pool("medicine", away=1), pool("geriatrics", away=1)], years=(2025, 2027))
    posted = Postings(months=(6, 12), monthly=100, handover=10, basis=Basis.ASSUMED, source="a toy")
    case = replace(case, postings=posted)
    rules: dict[str, Rule] = {"posts": rule("posting", to=["township_hospital"], sent_by="district")}
    best = {(1, 12, A, t): 1 for t in case.periods} | {(0, 12, B, t): 1 for t in case.periods}
    for goals in ({"cost": Cost(), "match": goal()}, {"match": goal(), "cost": Cost()}):
        found = in_two_steps(case, rules, goals, 0.0, EXACT)
        assert found.layout.tours == best
        # 0.5 + 0.6 in each of two years.
        assert found.bounds["match"] == pytest.approx(2.2)
        assert _as_a_whole(case, rules, goals, 0.0, EXACT, None).layout.tours == best


def test_a_clause_that_cannot_be_kept_leaves_the_goal_without_that_proof() -> None:
    # One post for two hubs: what is proven of plans that miss nothing is no bound of this one.
    case = towns([pool("medicine", away=1, tours=1)])
    rules: dict[str, Rule] = {"posts": rule("posting", to=["township_hospital"], sent_by="district")}
    found = in_two_steps(case, rules, {"match": goal()}, 0.0, EXACT)
    values = clause_values(case, rules, found.layout)
    assert values["must.sum"] > 0
    assert found.bounds.get("match", 0.0) <= float(goal().value(case, found.layout))
    whole = _as_a_whole(case, rules, {"match": goal()}, 0.0, EXACT, None)
    assert whole.bounds["match"] <= float(goal().value(case, whole.layout)) + 1e-6


def test_some_variables_are_solved_for_first_and_all_others_stay_where_they_start() -> None:
    # x + y ≥ 2; x is dearer. Only y may move at first, and the bound given is reached by it: x stays at 1.
    x, y, z = tours(0, 6, 0, 0), tours(1, 6, 0, 0), amount("nurses", 0, 0)
    program = Program("toy")
    program.add_columns([Column(x, high=3, whole=True), Column(y, high=3, whole=True), Column(z, high=3, whole=True)])
    program.add_rows("least", [Row((), {x: 1, y: 1}, ">=", 2)])
    this, start = Objective("toy", {x: 3, y: 2, z: 1}), {x: 1, y: 3, z: 2}
    found = program.solve(this, EXACT, start, only=[y], known=7.0)
    assert [found.values[program.keys[key]] for key in (x, y, z)] == [1, 1, 2]
    assert (found.objective, found.bound) == pytest.approx((7, 7))
    # Where nothing is known, or less, the search goes on: two of y and nothing else.
    for known in (float("-inf"), 3.0):
        found = program.solve(this, EXACT, start, only=[y], known=known)
        assert [found.values[program.keys[key]] for key in (x, y, z)] == [0, 2, 0]


def test_no_other_goal_looks_at_postings_alone() -> None:
    assert [name for name, kind in GOALS.items() if kind.beside == "postings"] == ["match"]
