"""First consortia and functions without a solver: always possible, and what is asked for where it can be had."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_functions import planned
from tiny import ability, able, leading, make, pool, resource, rule, site

from allocate.case import Case
from allocate.decisions import consortia, functions, staffing
from allocate.greedy import greedy
from allocate.layout import Layout
from allocate.posts import employ_spare, staff
from allocate.rows import Breach
from allocate.rules import Rule

YEARS = (2025, 2026, 2029)
HUBS = ("township_hospital", "community_centre")


def impossible(case: Case, layout: Layout) -> list[Breach]:
    """Return what cannot be of consortia, functions and staff."""
    return [breach for one in (consortia, functions, staffing) for breach in one.breaches(case, layout)]


@st.composite
def wished(draw: st.DrawFn) -> tuple[Case, list[Rule]]:
    """Draw a case of hospitals, hubs and clinics in which functions need each other, staff and centres, and clauses."""
    leads = draw(st.integers(1, 3))
    sites = [site(f"H{k}", kind="hospital", exists=True) for k in range(leads)]
    sites += [site(f"U{n}", kind=HUBS[n % 2], exists=True) for n in range(draw(st.integers(1, 4)))]
    hubs = range(leads, len(sites))
    sites += [site(f"K{n}", exists=draw(st.booleans()), closable=draw(st.booleans())) for n in range(2)]
    few = st.integers(0, 3)
    nurses = resource(at={"hospital": 2, **dict.fromkeys(HUBS, 2), "clinic": 1}, per_year=draw(few), leaves=0.3)
    scanners = resource(at={"hospital": 3})
    # (Teams made of what comes with a function that takes staff.)
    kits, kit_teams = (resource(at=dict.fromkeys(HUBS, 2), **more) for more in ({}, {"needs": {"kits": 1}}))
    bare = make(
        [[1] * 3],
        sites,
        {(0, len(sites) - 1): 60},
        years=YEARS,
        parents=[-1] * leads + [0] * len(hubs) + [leads] * 2,
        resources={"nurses": nurses, "scanners": scanners, "kits": kits, "kit_teams": kit_teams},
        stock={("nurses", j): draw(few) for j in hubs},
        pools=[pool("north")],
    )
    abilities = {
        "imaging": ability(
            "imaging",
            at=["hospital"],
            serves=list(HUBS),
            within=draw(st.sampled_from(("district", "consortium"))),
            members=draw(st.sampled_from((None, 1, 2))),
            brings={"scanners": 2},
        ),
        "chest": ability(
            "chest",
            at=[*HUBS, "clinic"],
            needs=draw(st.sampled_from(({}, {"imaging": 1}, {"imaging": 0, "expert": 0}))),
            staff={"nurses": draw(st.integers(1, 2))},
        )
        if draw(st.booleans())
        else ability("chest", at=[*HUBS, "clinic"]),
        "trauma": ability(
            "trauma", at=list(HUBS), needs={"chest": draw(few)}, staff={"nurses": 1}, brings={"kits": draw(few) + 1}
        )
        if draw(st.booleans())
        else ability("trauma", at=list(HUBS), brings={"kits": 1}),
        "expert": ability("expert", at=list(HUBS), posted_by="tertiary_hospital"),
    }
    had: dict[tuple[str, int], int] = {("imaging", 0): -1} if draw(st.booleans()) else {}
    had |= {("imaging", j): 0 for j in hubs if had.get(("imaging", 0)) and not draw(few)}
    had |= {("trauma", j): -1 for j in hubs if not draw(few)} | {("expert", j): -1 for j in hubs if not draw(few)}
    ways = {(j, k): 60 * draw(st.integers(1, 5)) for j in hubs for k in range(leads) if draw(few)}
    borders = [(a, b) for a in range(len(sites)) for b in range(a) if draw(st.booleans())]
    given_leads = draw(st.sets(st.sampled_from(range(leads)), max_size=2))
    plan = leading(ways, given=given_leads, borders=borders, contiguous=draw(st.booleans()))
    case = able(bare, abilities, had=had, leading=plan, hub_people=dict.fromkeys(hubs, (1, 2, 3)))
    clause = st.fixed_dictionaries(
        {
            "functions": st.sampled_from([("imaging",), ("chest", "trauma"), ("trauma",), ("expert", "imaging")]),
            "kinds": st.sampled_from([HUBS, ("clinic",), ("hospital", *HUBS), HUBS[:1]]),
            "scope": st.sampled_from(["district", "consortium"]),
            "years": st.sets(st.sampled_from(YEARS)).map(lambda years: tuple(sorted(years))),
        }
    )
    much = st.sampled_from([{"share": 0.5}, {"share": 1.0}, {"at_least": 1}, {"at_least": 3}])
    rules = [rule("function", **draw(clause), **draw(much)) for _ in range(draw(st.integers(1, 3)))]
    rules += [rule("membership", kinds=HUBS)] if draw(st.booleans()) else []
    rules += [rule("consortium_size", of="consortia", at_least=draw(st.integers(1, 3)))] if draw(st.booleans()) else []
    rules += [rule("total", resource="scanners", at_least=draw(few) + 1), rule("total", resource="nurses", at_least=5)]
    rules += [rule("total", resource="kit_teams", at_least=draw(few) + 1)]
    return case, rules


@given(drawn=wished())
@settings(max_examples=150, deadline=None)
def test_whatever_is_wished_the_first_plan_is_possible(drawn: tuple[Case, list[Rule]]) -> None:
    case, rules = drawn
    first = staff(case, rules, greedy(case, rules))
    assert impossible(case, first) == []
    assert impossible(case, employ_spare(case, rules, first)) == []
    # And what today has, stays.
    for name, j in case.had:
        if not case.abilities[name].posted_by:
            assert all(first.has(name, j, t) for t in case.periods if (j, t) in first.open)


def hospitals_and_hubs(ways: Mapping[tuple[int, int], int], hospitals: int, hubs: int, **numbers: Any) -> Case:
    """Return a case of so many hospitals and hubs after them, in 2025 and 2027, and who may lead whom."""
    sites = [site(f"H{k}", kind="hospital", exists=True) for k in range(hospitals)]
    sites += [site(f"U{n}", kind="township_hospital", exists=True) for n in range(hubs)]
    case = make([[1, 1]], sites, {}, years=(2025, 2027))
    return able(case, {}, leading=leading(ways, **numbers))


def grouped(case: Case, *rules: Rule) -> list[list[int]]:
    """Return the members of each consortium of the first plan in its last year, by lead."""
    first = staff(case, rules, greedy(case, rules))
    assert impossible(case, first) == []
    return [first.members_of(k, 1) for k in first.leads_in(1)]


ALL = rule("membership", kinds=("township_hospital",))
THREE = rule("consortium_size", of="consortia", at_least=3)


def test_every_hub_joins_the_nearest_lead_and_a_further_lead_is_chosen_only_for_whom_none_reaches() -> None:
    # Hubs 3 and 4 reach hospitals 0 and 1, hub 5 only hospital 2.
    ways = {(3, 0): 60, (4, 0): 90, (3, 1): 90, (4, 1): 60, (5, 2): 60}
    case = hospitals_and_hubs(ways, 3, 3)
    assert grouped(case) == [[3, 4]]
    assert grouped(case, ALL) == [[3, 4], [5]]
    assert grouped(case, ALL, THREE) == [[3], [4], [5]]
    # More than two are not wanted: hub 5 is as good as another one alone.
    assert grouped(case, ALL, rule("consortium_size", of="consortia", at_most=1)) == [[3, 4]]


def test_three_consortia_are_formed_even_if_one_hospital_is_nearest_to_all() -> None:
    ways = {(j, k): 60 + 60 * k + j for j in (3, 4, 5) for k in range(3)}
    assert sorted(map(len, grouped(hospitals_and_hubs(ways, 3, 3), THREE))) == [1, 1, 1]
    # Two are named, and there is but one hub: the other one leads alone.
    assert sorted(map(len, grouped(hospitals_and_hubs({(2, 0): 60, (2, 1): 90}, 2, 1, given=[0, 1])))) == [0, 1]


def test_consortia_grow_from_town_to_town() -> None:
    # Hubs 2 to 5 in a row; hospital 0 borders on 2, hospital 1 on 5. All are nearest to 1, but 2, and 3 is cut off
    # from 1 only if 4 is not its member: 3 goes over 4.
    ways = {(j, 1): 60 for j in (3, 4, 5)} | {(2, 1): 90} | {(j, 0): 80 for j in (2, 3, 4, 5)}
    borders = [(0, 2), (2, 3), (3, 4), (4, 5), (5, 1)]
    case = hospitals_and_hubs(ways, 2, 4, given=[0, 1], borders=borders, contiguous=True)
    assert grouped(case) == [[2], [3, 4, 5]]


@pytest.mark.parametrize("order", [(2027, 2025), (2025, 2027)])
def test_who_is_linked_later_is_linked_to_one_and_the_same_centre_before(order: tuple[int, int]) -> None:
    # Each centre has room for one hub. Whatever clause comes first, both hubs have imaging in both years.
    case = hospitals_and_hubs({(j, k): 60 for j in (2, 3) for k in (0, 1)}, 2, 2)
    imaging = ability("imaging", at=["hospital"], serves=["township_hospital"], members=1)
    case = able(case, {"imaging": imaging})
    rules = [
        rule("function", functions=("imaging",), kinds=("township_hospital",), share=1.0, years=(year,))
        for year in order
    ]
    first = staff(case, rules, greedy(case, rules))
    assert impossible(case, first) == []
    assert [list(this.breaches(case, first)) for this in rules] == [[], []]


def test_a_chest_pain_unit_comes_with_its_nurse_and_the_imaging_that_it_needs() -> None:
    # Every hub has a chest-pain unit by 2027: it needs imaging for two years, so imaging comes in 2025, from the
    # centre that opens at the lead; and one nurse each, of whom there are two in all.
    case = hospitals_and_hubs({(1, 0): 60, (2, 0): 60}, 1, 2)
    case = able(
        make(
            [[1, 1]],
            case.sites,
            {},
            years=(2025, 2027),
            resources={"nurses": resource(at={"township_hospital": 2}, per_year=1)},
        ),
        {
            "imaging": ability("imaging", at=["hospital"], serves=["township_hospital"], within="consortium"),
            "chest": ability("chest", needs={"imaging": 2}, staff={"nurses": 1}),
        },
        leading=case.leading,
    )
    units = rule("function", functions=("chest",), kinds=("township_hospital",), share=1.0, years=(2027,))
    first = staff(case, [units], greedy(case, [units]))
    assert impossible(case, first) == list(units.breaches(case, first)) == []
    assert {(j, t) for name, j, t in first.amounts if name == "chest"} == {(1, 1), (2, 1)}
    assert {(j, t) for name, j, t in first.amounts if name == "imaging"} == {(j, t) for j in range(3) for t in (0, 1)}
    # In 2025, when one nurse can be had, nobody can have a unit: the solver knows no better.
    now = rule("function", functions=("chest",), kinds=("township_hospital",), share=1.0, years=(2025,))
    plan = planned(case, now=now)
    assert impossible(case, plan) == []
    assert now.measure(case, plan, 0) == now.measure(case, staff(case, [now], greedy(case, [now])), 0) == (0, 1)
    # Without the need for imaging there is one, the other hub having no nurse.
    alone = able(case, {"chest": ability("chest", staff={"nurses": 1})}, leading=case.leading)
    first = staff(alone, [now], greedy(alone, [now]))
    assert impossible(alone, first) == []
    assert now.measure(alone, first, 0) == (Fraction(1, 2), 1)
