"""Functions: who has what, and from whom, said twice; after what, with whom, and at what cost."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

import pytest
from agreement import agreed, agrees
from conftest import DATA
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import ability, able, leading, lives, make, pool, resource, rule, site

from allocate.abilities import Ability
from allocate.case import Case
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

    Some clinics may close, others open. What they have, and who is linked where, is mostly as it may be.
    """
    kinds = ["hospital", "hospital", *(["township_hospital"] * 2), "clinic", "clinic"]
    sites = [site(f"S{j}", kind=kind, exists=True) for j, kind in enumerate(kinds[:4])]
    sites += [site(f"S{j}", exists=draw(st.booleans()), closable=draw(st.booleans())) for j in (4, 5)]
    years = (2025, 2026, 2028)
    some = st.sampled_from(({}, {"f": 0}, {"f": 1}, {"f": 3}))
    abilities = {
        "f": ability(
            "f", at=kinds[2:5], opening=draw(st.integers(0, 1)), staff=draw(st.sampled_from(({}, {"nurses": 1})))
        ),
        "g": ability("g", at=kinds[2:4], needs=draw(some)),
        "imaging": ability(
            "imaging",
            at=["hospital"],
            serves=["township_hospital", "clinic"],
            within=draw(st.sampled_from(("district", "consortium"))),
            members=draw(st.sampled_from((None, 1, 2))),
            linking=draw(st.integers(0, 1)),
        ),
    }
    nurses = resource(at=dict.fromkeys(kinds[2:], 2))
    bare = make([[1] * 3], sites, {}, years=years, resources={"nurses": nurses})
    had = {("imaging", 0): -1} if draw(st.booleans()) else {}
    standing = [j for j in range(2, 6) if sites[j].exists]
    had |= {(name, j): -1 for name in "fg" for j in (2, 3) if not draw(st.integers(0, 2))}
    had |= {("imaging", j): 0 for j in standing if had.get(("imaging", 0)) and draw(st.booleans())}
    case = able(bare, abilities, had=had, leading=leading({(j, k): 60 for j in range(2, 6) for k in (0, 1)}))
    is_open = draw(st.sampled_from(list(lives(case))))
    leads = {j: draw(st.sampled_from((0, 1))) for j in range(2, 6)}
    amounts: dict[tuple[str, int, int], int] = {}
    links: set[tuple[str, int, int, int]] = set()
    for name in abilities:
        for j in case.havers[name]:
            first = 0 if (name, j) in had else draw(st.sampled_from((0, 1, 2, 3)))
            centre = had.get((name, j), draw(st.sampled_from((0, 1))))
            for t in range(first, 3):
                if ((j, t) in is_open) == bool(draw(st.integers(0, 19))):
                    amounts[name, j, t] = 1
                if j not in case.makers[name] and (name, j, t) in amounts and draw(st.integers(0, 19)):
                    links.add((name, j, centre, t))
    amounts |= {("nurses", j, t): draw(st.integers(0, 3)) for j in range(2, 6) for t in range(3) if (j, t) in is_open}
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
