"""Functions: who has what, and from whom, said twice; after what, with whom, and at what cost."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import Any

import pytest
from agreement import agreed, agrees
from conftest import DATA
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import ability, able, leading, lives, make, pool, resource, rule, site

from allocate.abilities import Ability
from allocate.case import Case
from allocate.costs import whole_cost
from allocate.decisions import consortia, functions
from allocate.equip import equip
from allocate.goals import Cost
from allocate.layout import Layout
from allocate.model import Model, read_model
from allocate.program import Options
from allocate.rows import LEADS, Key, amount, joins, linked, opened, tours
from allocate.rules import Rule
from allocate.search import lay_out

QUICK = Options(seconds=20, gap=0.0, threads=1, quick=True)
MODEL = read_model(DATA / "tiny.toml")


def planned(case: Case, **rules: Rule) -> Layout:
    """Return the cheapest plan that keeps some rules."""
    plan = None if case.leading is None else case.leading.plan
    decided = {"years": case.years, "resources": case.resources, "functions": case.abilities, "consortia": plan}
    model: Model = replace(MODEL, rules=rules, goals={"cost": replace(Cost(), gap=0.0)}, **decided)
    return lay_out(case, model, QUICK, gap=0.0).layout


def concerns(key: Key) -> bool:
    """Tell whether a variable is one of the functions of these tests, or of links to a centre."""
    return key[0] == "linked" or (key[0] == "amount" and key[1] in ("f", "g", "imaging", "expert"))


def test_a_function_comes_after_what_it_needs_with_staff_and_stays_while_its_site_is_open() -> None:
    # The hub has g today, which the clinic K, which may close, has not; f needs g for two years and one nurse. 2025
    # lies a year after the plan's day, 2027 three years.
    sites = [site("U", kind="township_hospital", exists=True), site("K", exists=True, closable=True)]
    kinds = ["township_hospital", "clinic"]
    case = able(
        make([[1, 1]], sites, {}, years=(2025, 2027), resources={"nurses": resource(at=dict.fromkeys(kinds, 2))}),
        {
            "f": ability("f", at=kinds, needs={"g": 2}, staff={"nurses": 1}, opening=5),
            "g": ability("g", at=kinds, yearly=1),
        },
        had={("g", 0): -1},
    )
    ranges: dict[Key, Sequence[int]] = {opened(0, t): (1,) for t in (0, 1)} | {opened(1, t): range(2) for t in (0, 1)}
    ranges |= {amount(name, j, t): range(2) for name in "fg" for j in (0, 1) for t in (0, 1)}
    ranges |= {amount("nurses", 0, 1): range(2), amount("nurses", 1, 1): range(3)}
    ranges |= {amount("nurses", 0, 0): (1,), amount("nurses", 1, 0): (1,)}
    wrong = agrees(functions, case, ranges, concerns)
    assert wrong == {"lawful", "at", "kept", "after", "staffed"}


def test_nobody_has_half_a_function_nor_one_that_its_kind_may_not_have() -> None:
    sites = [site("U", kind="township_hospital", exists=True), site("K", exists=True)]
    case = able(make([[1]], sites, {}), {"f": ability("f")})
    ranges: dict[Key, Sequence[int]] = {opened(0, 0): (1,), opened(1, 0): (1,)}
    ranges |= {amount("f", 0, 0): range(-1, 3), amount("f", 1, 0): range(2)}
    assert agrees(functions, case, ranges, concerns) == {"lawful", "has"}


def hospitals_and_hubs(
    years: Sequence[int] = (2025,), had: Mapping[tuple[str, int], int] | None = None, **numbers: object
) -> Case:
    """Return hospitals G and H, either of which may lead hubs U and V and be their centre for imaging."""
    sites = [site(name, kind="hospital", exists=True) for name in "GH"]
    sites += [site(name, kind="township_hospital", exists=True) for name in "UV"]
    imaging = ability("imaging", at=["hospital"], serves=["township_hospital"], **numbers)
    ways = {(j, k): 60 for j in (2, 3) for k in (0, 1)}
    case = make([[1] * len(years)], sites, {}, years=years)
    return able(case, {"imaging": imaging}, had=had, leading=leading(ways))


def test_a_centre_serves_one_hub_of_its_own_consortium_where_it_has_room_for_one() -> None:
    case = hospitals_and_hubs(within="consortium", members=1)
    ranges: dict[Key, Sequence[int]] = {opened(j, 0): (1,) for j in range(4)}
    ranges |= {amount(LEADS, k, 0): range(2) for k in (0, 1)}
    ranges |= {joins(j, k, 0): range(2) for j in (2, 3) for k in (0, 1)}
    ranges |= {amount("imaging", j, 0): range(2) for j in range(4)}
    ranges |= {linked("imaging", j, k, 0): range(2) for j in (2, 3) for k in (0, 1)}

    def is_grouped(layout: Layout) -> bool:
        return not any(consortia.breaches(case, layout))

    wrong = agrees(functions, case, ranges, concerns, is_grouped)
    assert wrong == {"lawful", "linked", "centre", "members", "within"}


def test_a_hub_that_is_linked_today_stays_linked_wherever_it_belongs_and_however_full_its_centre_is() -> None:
    # Both hubs are linked to H today, which has room for one; U joins G. A new link would have to be within G's.
    had = {("imaging", 1): -1, ("imaging", 2): 1, ("imaging", 3): 1}
    case = hospitals_and_hubs((2025, 2027), had, within="consortium", members=1)
    ranges: dict[Key, Sequence[int]] = {opened(j, t): (1,) for j in range(4) for t in (0, 1)}
    ranges |= {amount(LEADS, k, t): (int(not k),) for k in (0, 1) for t in (0, 1)}
    ranges |= {joins(2, 0, t): (1,) for t in (0, 1)}
    ranges |= {amount("imaging", 0, t): range(2) for t in (0, 1)} | {amount("imaging", 1, t): (1,) for t in (0, 1)}
    ranges |= {amount("imaging", 2, t): range(2) for t in (0, 1)} | {amount("imaging", 3, t): (1,) for t in (0, 1)}
    ranges |= {linked("imaging", 2, k, t): range(2) for k in (0, 1) for t in (0, 1)}
    ranges |= {linked("imaging", 3, 1, t): (1,) for t in (0, 1)}
    wrong = agrees(functions, case, ranges, concerns)
    assert wrong == {"lawful", "kept", "linked", "centre", "link stays", "link today"}


def test_a_link_is_to_a_centre_that_may_serve_the_site() -> None:
    sites = [site(name, kind="hospital", exists=True) for name in "GH"]
    sites += [site("U", kind="township_hospital", exists=True)]
    imaging = ability("imaging", at=["hospital"], serves=["township_hospital"], mode="car", minutes=10)
    # (H is too far.)
    case = able(make([[1]], sites, {}), {"imaging": imaging}, seconds={(2, 0): 500})
    ranges: dict[Key, Sequence[int]] = {opened(j, 0): (1,) for j in range(3)}
    ranges |= {amount("imaging", j, 0): range(2) for j in range(3)}
    ranges |= {linked("imaging", 2, k, 0): range(2) for k in (0, 1)} | {linked("imaging", 0, 1, 0): range(2)}
    assert agrees(functions, case, ranges, concerns) == {"lawful", "link", "linked", "centre"}


def test_there_are_no_more_scanners_than_imaging_brings() -> None:
    sites = [site("G", kind="hospital", exists=True)]
    case = able(
        make([[1]], sites, {}, resources={"scanners": resource(at={"hospital": 4})}),
        {
            "imaging": ability("imaging", at=["hospital"], brings={"scanners": 2}),
            "f": ability("f", at=["hospital"], brings={"scanners": 1}),
        },
    )
    ranges: dict[Key, Sequence[int]] = {opened(0, 0): (1,), amount("scanners", 0, 0): range(5)}
    ranges |= {amount("imaging", 0, 0): range(2), amount("f", 0, 0): range(2)}
    assert agrees(functions, case, ranges, concerns) == {"lawful", "brings"}


def test_a_function_that_comes_with_an_expert_is_only_where_one_of_that_sender_is_posted() -> None:
    sites = [site("U", kind="township_hospital", exists=True), site("V", kind="township_hospital")]
    sites += [site("G", kind="hospital", exists=True)]
    case = able(
        make([[1]], sites, {}, pools=[pool("G", 2), pool("north")], months=(12,)),
        {"expert": ability("expert", posted_by="district")},
    )
    ranges: dict[Key, Sequence[int]] = {opened(0, 0): (1,), opened(1, 0): range(2), opened(2, 0): (1,)}
    ranges |= {amount("expert", j, 0): range(2) for j in (0, 1)}
    ranges |= {tours(p, 12, j, 0): range(2) for p in (0, 1) for j in (0, 1)}
    assert agrees(functions, case, ranges, concerns) == {"lawful", "at", "posted"}


@st.composite
def equipped(draw: st.DrawFn) -> tuple[Case, Layout]:
    """Draw a case of two hospitals, hubs and clinics with two functions and a shared one, and a layout of it.

    Some clinics may close, others open. What they have, and who is linked where, is as it may be, or nearly so.
    """
    kinds = ["hospital", "hospital", *(["township_hospital"] * 2), "clinic", "clinic"]
    sites = [site(f"S{j}", kind=kind, exists=True) for j, kind in enumerate(kinds[:4])]
    sites += [site(f"S{j}", exists=draw(st.booleans()), closable=draw(st.booleans())) for j in (4, 5)]
    years = (2025, 2026, 2028)
    some = st.sampled_from(({}, {"f": 0}, {"f": 1}, {"f": 3}))
    abilities = {
        "f": ability(
            "f",
            at=kinds[2:5],
            opening=draw(st.integers(0, 1)),
            yearly=draw(st.integers(0, 1)),
            staff=draw(st.sampled_from(({}, {"nurses": 1}))),
        ),
        "g": ability("g", at=kinds[2:4], needs=draw(some)),
        "imaging": ability(
            "imaging",
            at=["hospital"],
            serves=["township_hospital", "clinic"],
            within=draw(st.sampled_from(("district", "consortium"))),
            members=draw(st.sampled_from((None, 1, 2))),
            linking=draw(st.integers(0, 1)),
            yearly=2,
            linked_yearly=draw(st.integers(0, 1)),
        ),
    }
    nurses = resource(at=dict.fromkeys(kinds[2:], 2))
    bare = make([[1] * 3], sites, {}, years=years, resources={"nurses": nurses})
    had = {("imaging", 0): -1} if draw(st.booleans()) else {}
    standing = [j for j in range(2, 6) if sites[j].exists]
    had |= {(name, j): -1 for name in "fg" for j in (2, 3) if not draw(st.integers(0, 2))}
    had |= {("imaging", j): 0 for j in standing if had.get(("imaging", 0)) and draw(st.booleans())}
    ways = {(j, k): 60 for j in range(2, 6) for k in (0, 1)}
    case = able(bare, abilities, had=had, leading=leading(ways, opening=draw(st.integers(0, 3)), yearly=2))
    is_open = draw(st.sampled_from(list(lives(case))))
    leads = {j: draw(st.sampled_from((0, 1))) for j in range(2, 6)}
    amounts: dict[tuple[str, int, int], int] = {}
    links: set[tuple[str, int, int, int]] = set()
    for name in abilities:
        for j in case.havers[name]:
            usual = (0, 0, 1, 3) if j < 2 else (0, 1, 3, 3)
            centre, own = had.get((name, j), leads.get(j, 0)), j in case.makers[name]
            for t in range(0 if (name, j) in had else draw(st.sampled_from(usual)), 3):
                if (j, t) in is_open and (own or (name, centre, t) in amounts):
                    amounts[name, j, t] = 1
                    links |= set() if own else {(name, j, centre, t)}
    has = sorted({(name, j, t) for name in abilities for j in case.havers[name] for t in range(3)})
    for about in draw(st.lists(st.sampled_from(has), max_size=1)):
        amounts[about] = 1 - amounts.get(about, 0)
    every = sorted({(name, *pair, t) for name, pairs in case.centres.items() for pair in pairs for t in range(3)})
    links ^= draw(st.sets(st.sampled_from(every), max_size=1))
    few = not draw(st.integers(0, 4))
    amounts |= {("nurses", j, t): int(not few or j > 2) for j in range(2, 6) for t in range(3) if (j, t) in is_open}
    members = {(j, k, t) for j, k in leads.items() for t in range(3) if (j, t) in is_open}
    amounts |= {(LEADS, k, t): 1 for _, k, t in members}
    return case, Layout(is_open, amounts=amounts, members=frozenset(members), links=frozenset(links))


@given(drawn=equipped())
@settings(max_examples=150, deadline=None)
def test_rows_and_check_of_functions_agree_whatever_they_need(drawn: tuple[Case, Layout]) -> None:
    case, layout = drawn
    agreed(functions, case, layout, list(functions.rows(case)), list(functions.columns(case)), concerns)


def chain(had: Mapping[tuple[str, int], int] | None = None) -> Case:
    """Return a hub where A needs B for two calendar years and B needs C for one; the plan's day lies in 2024."""
    needs = {"a": {"b": 2}, "b": {"c": 1}, "c": {}}
    abilities: dict[str, Ability] = {name: ability(name, needs=others) for name, others in needs.items()}
    hub = [site("U", kind="township_hospital", exists=True)]
    return able(make([[1] * 4], hub, {}, years=(2025, 2026, 2027, 2029)), abilities, had=had)


@pytest.mark.parametrize(
    ("had", "earliest"),
    [
        # C in 2025, B a year later in 2026, A two years after that in 2028, which is no plan year: 2029.
        ({}, {"c": 2025, "b": 2026, "a": 2029}),
        # C has been there since 2024 at the latest, so B in 2025 and A in 2027.
        ({("c", 0): -1}, {"c": 2025, "b": 2025, "a": 2027}),
        # B too, so that A comes in 2026.
        ({("c", 0): -1, ("b", 0): -1}, {"c": 2025, "b": 2025, "a": 2026}),
    ],
)
def test_a_chain_of_prerequisites_takes_its_calendar_years(
    had: dict[tuple[str, int], int], earliest: dict[str, int]
) -> None:
    case = chain(had)
    lawful = []
    # (Once there it stays, so that the first years say everything: 4 for never.)
    for firsts in product(range(5), repeat=3):
        amounts = {(name, 0, t): 1 for name, first in zip("abc", firsts, strict=True) for t in range(first, 4)}
        layout = Layout(frozenset((0, t) for t in range(4)), amounts=amounts)
        if not any(functions.breaches(case, layout)):
            lawful.append(firsts)
    found = {name: case.years[min(firsts[n] for firsts in lawful)] for n, name in enumerate("abc")}
    assert found == earliest
    # The first staffing sets them up in time for a clause that asks for A in 2029, and no later one is needed.
    asked = rule("function", functions=("a",), kinds=("township_hospital",), share=1.0, years=(2029,))
    first = equip(case, [asked], Layout(frozenset((0, t) for t in range(4))))
    assert list(asked.breaches(case, first)) == list(functions.breaches(case, first)) == []
    # And the solver, that it is there every year from the earliest one on, and in no earlier one.
    every = rule("function", functions=("a",), kinds=("township_hospital",), share=1.0)
    plan = planned(case, a=every)
    assert [plan.has("a", 0, t) for t in range(4)] == [year >= earliest["a"] for year in case.years]


# Imaging for half of the township hospitals of each consortium (TJ-T05). A hub is linked for 100 yuan.
HALF = rule("function", functions=("imaging",), kinds=("township_hospital",), share=0.5, scope="consortium")
ALL = rule("membership", kinds=("township_hospital",))


def eleven_hubs(reach: Sequence[Sequence[int]], **numbers: Any) -> Case:
    """Return eleven hubs, and as many hospitals as there are lists of the hubs that each can lead, all with imaging."""
    sites = [site(f"H{k}", kind="hospital", exists=True) for k in range(len(reach))]
    sites += [site(f"hub {n}", kind="township_hospital", exists=True) for n in range(11)]
    pairs = {(len(reach) + n, k): 60 for k, hubs in enumerate(reach) for n in hubs}
    imaging = ability("imaging", at=["hospital"], serves=["township_hospital"], within="consortium", linking=100)
    had = {("imaging", k): -1 for k in range(len(reach))}
    return able(make([[1]], sites, {}), {"imaging": imaging}, had=had, leading=leading(pairs, **numbers))


def sizes(case: Case, layout: Layout) -> list[tuple[int, int]]:
    """Return how many hubs every consortium has, and how many of them are linked, the largest first."""
    found = []
    for k in layout.leads_in(0):
        inside = [j for j, lead, _ in layout.members if lead == k]
        found.append((len(inside), sum(layout.has("imaging", j, 0) for j in inside)))
    return sorted(found, reverse=True)


@pytest.mark.parametrize(
    ("reach", "found"),
    [
        # One consortium: half of 11 is 5.5, so 6.
        ([range(11)], [(11, 6)]),
        # Three of 5, 5 and 1: 2.5, 2.5 and 0.5, so 3 + 3 + 1 = 7.
        ([range(5), range(5, 10), range(10, 11)], [(5, 3), (5, 3), (1, 1)]),
    ],
)
def test_imaging_for_half_of_the_hubs_is_rounded_up_in_every_consortium(
    reach: Sequence[Sequence[int]], found: list[tuple[int, int]]
) -> None:
    case = eleven_hubs(reach, given=range(len(reach)))
    plan = planned(case, half=HALF, all=ALL)
    assert sizes(case, plan) == found
    assert list(HALF.breaches(case, plan)) == list(ALL.breaches(case, plan)) == []
    # One link less is half a hub too few where the last one was only half needed.
    name, j, k, t = max(plan.links)
    less = replace(plan, links=plan.links - {(name, j, k, t)}, amounts={**plan.amounts, (name, j, t): 0})
    (breach,) = HALF.breaches(case, less)
    assert breach.shortfall == Fraction(1, 2)


def test_where_the_hubs_may_be_divided_otherwise_they_are_divided_so_that_six_links_do() -> None:
    # Three consortia of eleven hubs: each odd one rounds half a hub up, and of three that add up to eleven one or
    # three are odd. With one, (11 + 1) ÷ 2 = 6 links; with three, 5 + 5 + 1 say, (11 + 3) ÷ 2 = 7.
    case = eleven_hubs([range(11)] * 3)
    three = rule("consortium_size", of="consortia", at_least=3)
    plan = planned(case, half=HALF, all=ALL, three=three)
    found = sizes(case, plan)
    assert (len(found), sum(size for size, _ in found), sum(links for _, links in found)) == (3, 11, 6)
    assert sum(size % 2 for size, _ in found) == 1
    # Nobody asks for three: a consortium costs 50 yuan, so that there is one. With 5 of the hubs beyond its reach,
    # there are two, of 5 and 6: 3 + 3 links for 600 yuan, and 100 for the two.
    dear = eleven_hubs([range(11)] * 3, opening=50)
    assert sizes(dear, planned(dear, half=HALF, all=ALL)) == [(11, 6)]
    far = eleven_hubs([range(6), range(5, 11)], opening=50)
    plan = planned(far, half=HALF, all=ALL)
    assert sizes(far, plan) == [(6, 3), (5, 3)]
    assert whole_cost(far, plan) == 700


def test_forty_percent_of_seven_clinics_are_three() -> None:
    # BD-T14: 0.4 × 7 = 2.8, so 3 of 7 reach the standard, and 2 do not do. One of them does today.
    clinics = [site(f"K{n}", exists=True) for n in range(7)]
    standard = ability("clinic_standard", at=["clinic"], opening=10)
    case = able(make([[1]], clinics, {}), {"clinic_standard": standard}, had={("clinic_standard", 0): -1})
    forty = rule("function", functions=("clinic_standard",), kinds=("clinic",), share=0.4)
    plan = planned(case, forty=forty)
    assert sum(plan.has("clinic_standard", j, 0) for j in range(7)) == 3
    assert plan.has("clinic_standard", 0, 0)
    # Two more are set up, for 20 yuan.
    assert whole_cost(case, plan) == 20
    two = replace(plan, amounts={("clinic_standard", j, 0): 1 for j in range(2)})
    # 2.8 - 2 = 0.8 of a clinic.
    assert [breach.shortfall for breach in forty.breaches(case, two)] == [Fraction(4, 5)]
    assert dict(next(iter(forty.breaches(case, two))).details) == {"number": 2, "limit": 3}


def test_only_a_general_hospital_needs_a_department_of_general_practice() -> None:
    # TJ-U12: general hospitals only. Of a general, a TCM and a specialised hospital, that is 1 of 1.
    types = ("general", "tcm", "specialised")
    hospitals = [site(name, kind="hospital", exists=True, type=name) for name in types]
    case = able(make([[1]], hospitals, {}), {"gp_department": ability("gp_department", at=["hospital"], opening=7)})
    this = rule("function", functions=("gp_department",), kinds=("hospital",), types=("general",), share=1.0)
    plan = planned(case, this=this)
    assert [plan.has("gp_department", j, 0) for j in range(3)] == [True, False, False]
    assert this.measure(case, plan, 0) == (1, 1)
    # In all the others, and not in the general one, it is 0 of 1.
    others = replace(plan, amounts={("gp_department", j, 0): 1 for j in (1, 2)})
    assert this.measure(case, others, 0) == (0, 1)
    assert this.causes(case, others, 0) == [(("general",), 1)]
