"""Physics of staff, said twice: as ranges and rows for the solver, and as a check of a finished plan."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import (
    layout_at,
    make,
    matches_golden,
    render,
    render_columns,
    resource,
    site,
    staffed,
    value_in,
    violation,
)

from allocate.case import Case
from allocate.decisions import staffing
from allocate.greedy import greedy
from allocate.layout import Layout
from allocate.posts import staff
from allocate.resources import BORROWED, FLOWS, JOINED, LENT, SPARE, flow
from allocate.rows import Key, Number, Row, amount, opened
from allocate.rules import Rule
from allocate.words import catalogue

SLOWLY = settings(max_examples=80, deadline=None)
Ranges = Mapping[Key, Sequence[int]]


def holds(case: Case, layout: Layout, rows: Sequence[Row]) -> bool:
    """Tell whether a layout has what there are variables for, each within its range, and meets every row."""
    value, ranges = value_in(layout), {column.key: column for column in staffing.columns(case)}
    told = {("amount", *about) for about, number in layout.amounts.items() if number}
    return (
        told <= set(ranges)
        and all(column.low <= value(key) <= column.high for key, column in ranges.items())
        and not any(violation(row, value) for row in rows)
    )


def found(case: Case, layout: Layout) -> set[str]:
    return {str(breach.about[0]) for breach in staffing.breaches(case, layout)}


def every_layout(ranges: Ranges) -> Iterator[Layout]:
    for point in product(*ranges.values()):
        yield layout_at(dict(zip(ranges, point, strict=True)))


def agrees(case: Case, ranges: Ranges) -> set[str]:
    """Check that rows and breaches agree at every point of a box, and return what is wrong in it somewhere."""
    rows, seen = list(staffing.rows(case)), Counter[str]()
    for layout in every_layout(ranges):
        wrong = found(case, layout)
        assert holds(case, layout, rows) == (not wrong), (layout, wrong)
        seen.update(wrong or {"lawful"})
    return set(seen)


def flows(name: str, which: str, employers: Sequence[int], t: int, values: Sequence[int]) -> Ranges:
    return {amount(flow(name, which), e, t): values for e in employers}


def village(**numbers: Any) -> Case:
    """Return a hub with two doctors of today, of whom half leave every year, and its clinic, which may open."""
    sites = [site("HUB", kind="township_hospital", exists=True), site("K")]
    doctors = {"at": {"township_hospital": 1, "clinic": 1}, "leaves": 0.5} | numbers
    return make(
        [[5, 5]],
        sites,
        {(0, 0): 60, (0, 1): 30},
        years=(2025, 2026),
        parents=(-1, 0),
        resources={"doctors": resource(**doctors)},
        stock={("doctors", 0): 2},
    )


def test_over_the_years_a_hub_s_staff_joins_leaves_and_works_in_its_clinic() -> None:
    # Of two doctors, one stays in 2025, and in 2026 a quarter of two: nobody.
    case = village(per_year=1)
    assert [case.staying("doctors", 0, t) for t in case.periods] == [1, 0]
    assert case.teams_of == {0: (0, 1)}
    ranges: dict[Key, Sequence[int]] = {}
    for t in case.periods:
        ranges |= {opened(0, t): (1,), opened(1, t): range(2)}
        ranges |= {amount("doctors", j, t): range(3) for j in range(2)}
        ranges |= flows("doctors", JOINED, [0], t, range(4)) | flows("doctors", SPARE, [0], t, range(4))
    assert agrees(case, ranges) == {"lawful", "posts", "conserved", "joined stay", "market", "flow"}


def test_whoever_is_lent_is_borrowed_and_a_part_is_lent_with_its_whole() -> None:
    sites = [site("H", kind="hospital", exists=True), site("HUB", kind="community_centre", exists=True)]
    at = {"hospital": 1, "community_centre": 1}
    resources = {
        "doctors": resource(at=at, lent=True),
        "gps": resource(at=at, part_of="doctors", lent=True),
    }
    case = make([[5]], sites, {(0, 1): 60}, parents=(-1, 0), resources=resources, stock={("doctors", 0): 1})
    ranges: dict[Key, Sequence[int]] = {opened(0, 0): (1,), opened(1, 0): (1,)}
    for name in ("doctors", "gps"):
        ranges |= {amount(name, j, 0): range(2) for j in range(2)}
        ranges |= flows(name, LENT, [0, 1], 0, range(2)) | flows(name, BORROWED, [0, 1], 0, range(2))
    ranges |= flows("doctors", JOINED, [1], 0, range(2)) | flows("doctors", SPARE, [0], 0, range(2))
    ranges |= flows("gps", JOINED, [0], 0, range(2))
    assert agrees(case, ranges) == {"lawful", "conserved", "part", "lent", "borrowed", "flow"}


def test_nobody_borrows_where_nobody_can_lend() -> None:
    # The hospital has no posts for doctors, and so none to lend.
    sites = [site("H", kind="hospital", exists=True), site("HUB", kind="community_centre", exists=True)]
    resources = {"doctors": resource(at={"community_centre": 1}, lent=True)}
    case = make([[5]], sites, {(0, 1): 60}, parents=(-1, 0), resources=resources)
    ranges: dict[Key, Sequence[int]] = {amount("doctors", 1, 0): range(2), opened(0, 0): (1,), opened(1, 0): (1,)}
    ranges |= flows("doctors", LENT, [0, 1], 0, range(2)) | flows("doctors", BORROWED, [0, 1], 0, range(2))
    ranges |= flows("doctors", JOINED, [1], 0, range(2))
    assert agrees(case, ranges) == {"lawful", "conserved", "flow", "lent"}


def test_teams_are_made_of_people_at_their_own_site_and_none_is_at_a_closed_one() -> None:
    sites = [site("S", kind="station", exists=True, closable=True)]
    resources = {
        "doctors": resource(at={"station": 2}),
        "nurses": resource(at={"station": 2}),
        "teams": resource(at={"station": 2}, needs={"doctors": 1, "nurses": 2}),
    }
    stock = {("doctors", 0): 2, ("nurses", 0): 2}
    case = make([[5]], sites, {(0, 0): 60}, resources=resources, stock=stock)
    ranges: dict[Key, Sequence[int]] = {opened(0, 0): range(2), amount("teams", 0, 0): range(-1, 4)}
    for name in ("doctors", "nurses"):
        ranges |= {amount(name, 0, 0): range(4)} | flows(name, SPARE, [0], 0, range(4))
    assert agrees(case, ranges) == {"lawful", "whole", "posts", "needs", "conserved"}


@given(data=st.data())
@SLOWLY
def test_rows_and_check_agree_on_random_cases_and_on_layouts_with_one_number_amiss(data: st.DataObject) -> None:
    case, rules = data.draw(staffed())
    rows = list(staffing.rows(case))
    layout = staff(case, rules, greedy(case, rules))
    assert holds(case, layout, rows)
    whats = [*case.resources, *(flow(name, which) for name in case.employed for which in FLOWS)]
    about = (
        data.draw(st.sampled_from(whats)),
        data.draw(st.integers(0, len(case.sites) - 1)),
        data.draw(st.sampled_from(case.periods)),
    )
    number = layout.amounts.get(about, 0) + data.draw(st.integers(-3, 3))
    amiss = replace(layout, amounts={**layout.amounts, about: number})
    assert holds(case, amiss, rows) == (not found(case, amiss))


def case_of_everything() -> Case:
    """Return a hospital that lends, a hub with a clinic that may open, and a resource of every sort."""
    sites = [
        site("H", kind="hospital", exists=True),
        site("HUB", kind="township_hospital", exists=True),
        site("K"),
    ]
    at = {"hospital": 3, "township_hospital": 2, "clinic": 1}
    resources = {
        "doctors": resource(at=at, leaves=0.1, per_year=4, lent=True),
        "gps": resource(at={"township_hospital": 2, "clinic": 1}, part_of="doctors"),
        "teams": resource(at={"township_hospital": 2}, needs={"gps": 1}),
        "hub_gps": resource(sum_of="gps", kinds=("township_hospital",)),
    }
    stock = {("doctors", 0): 10, ("doctors", 1): 1, ("gps", 1): 1}
    return make(
        [[5, 5]],
        sites,
        {(0, 1): 60, (0, 2): 30},
        years=(2025, 2027),
        parents=(-1, 0, 1),
        resources=resources,
        stock=stock,
    )


def test_ranges_and_rows_of_staff_read_as_they_did() -> None:
    case = case_of_everything()
    matches_golden("staffing", f"{render_columns(staffing.columns(case))}\n\n{render('staff', staffing.rows(case))}")


@given(drawn=staffed())
@SLOWLY
def test_every_variable_is_declared_once_and_every_row_is_about_something_else(drawn: tuple[Case, list[Rule]]) -> None:
    case, _ = drawn
    keys = [column.key for column in staffing.columns(case)]
    abouts = [row.about for row in staffing.rows(case)]
    assert len(set(keys)) == len(keys)
    assert len(set(abouts)) == len(abouts)
    spoken = {key for row in staffing.rows(case) for key in row.terms if key[0] == "amount"}
    assert spoken <= set(keys)


AMISS: list[tuple[str, dict[tuple[str, int, int], Number]]] = [
    ("whole", {("doctors", 1, 0): -1}),
    ("posts", {("doctors", 2, 0): 1}),
    ("posts", {("hub_gps", 1, 0): 1}),
    ("part", {("gps", 1, 0): 2}),
    ("needs", {("teams", 1, 0): 1}),
    ("flow", {("gps.lent", 0, 0): 1}),
    ("flow", {("doctors.lent", 1, 0): 1}),
    ("flow", {("doctors.borrowed", 0, 0): 1}),
    ("flow", {("doctors.joined", 2, 0): 1}),
    ("flow", {("doctors.gone", 0, 0): 1}),
    ("flow", {("doctors.joined", 1, 0): 4}),
    ("lent", {("doctors.lent", 0, 0): 1}),
    ("lent", {("doctors.borrowed", 1, 0): 1}),
    ("conserved", {("doctors", 0, 0): 1}),
    ("joined stay", {("doctors.joined", 0, 0): 1}),
    ("market", {("doctors.joined", 0, 0): 3, ("doctors.joined", 1, 0): 2}),
]


@pytest.mark.parametrize(("about", "amounts"), AMISS)
def test_what_was_wrong_is_said_in_words_that_fill_in(about: str, amounts: dict[tuple[str, int, int], Number]) -> None:
    case = case_of_everything()
    open_ = frozenset((j, t) for j in range(2) for t in case.periods)
    wrong = list(staffing.breaches(case, Layout(open_, {}, amounts)))
    assert about in {breach.about[0] for breach in wrong}
    for breach in wrong:
        assert breach.shortfall > 0
        for text in catalogue()[breach.words].values():
            assert "{" not in text.format(**breach.details)
