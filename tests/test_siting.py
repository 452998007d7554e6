"""Physics, said twice: as ranges and rows for the solver, and as a check of a finished plan."""

from collections import Counter
from collections.abc import Iterator
from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import (
    cases,
    layout_at,
    lives,
    make,
    matches_golden,
    nearest,
    render,
    render_columns,
    rule,
    site,
    valley,
    value_in,
    violation,
)

from allocate.case import Case
from allocate.decisions import siting
from allocate.layout import Layout
from allocate.rows import Key, Row, opened, served, serves
from allocate.words import catalogue

SLOWLY = settings(max_examples=60, deadline=None)


def holds(case: Case, layout: Layout, rows: list[Row]) -> bool:
    """Tell whether a layout lies within every range and meets every row."""
    value = value_in(layout)
    return all(column.low <= value(column.key) <= column.high for column in siting.columns(case)) and not any(
        violation(row, value) for row in rows
    )


def found(case: Case, layout: Layout) -> set[str]:
    return {str(breach.about[0]) for breach in siting.breaches(case, layout)}


def hill(**numbers: Any) -> Case:
    """Return two places and three sites: X may be closed, Y may not, and Z is a candidate that nobody reaches.

    P1 (2 people) reaches X and Y, P2 (1 person) reaches Y.
    """
    sites = [
        site("X", exists=True, closable=True, **numbers),
        site("Y", kind="station", exists=True, **numbers),
        site("Z"),
    ]
    return make([[2], [1]], sites, {(0, 0): 60, (0, 1): 90, (1, 1): 30})


def every_layout(case: Case) -> Iterator[Layout]:
    """Yield every layout of the box, with one person too many or one below none on any pair."""
    keys: list[Key] = [opened(j, t) for t in case.periods for j in range(len(case.sites))]
    keys += [serves(i, j, t) for t in case.periods for i, j in case.seconds]
    ranges = [range(2) if key[0] == "open" else range(-1, case.people[key[1], key[3]] + 2) for key in keys]
    for point in product(*ranges):
        yield layout_at(dict(zip(keys, point, strict=True)))


def test_one_year_rows_and_check_agree_on_every_layout_right_or_wrong() -> None:
    case = hill()
    rows = list(siting.rows(case))
    needed = [row for row in rows if not row.implied]
    seen: Counter[str] = Counter()
    for layout in every_layout(case):
        wrong = found(case, layout)
        assert holds(case, layout, rows) == (not wrong), (layout, wrong)
        # What is called implied says nothing new, whatever is whole.
        assert holds(case, layout, needed) == (not wrong), (layout, wrong)
        seen.update(wrong or {"lawful"})
    assert set(seen) == {"lawful", "stands", "negative", "open", "once"}


def test_where_rooms_are_limited_physics_is_the_rows_with_those_of_the_capacity_rule() -> None:
    case = hill(capacity=1)
    room = rule("capacity", kinds=("clinic", "station"), people=1)
    rows = [*siting.rows(case), *room.rows(case)]
    needed = [row for row in rows if not row.implied]
    verdicts = Counter()
    for layout in every_layout(case):
        wrong = found(case, layout) or {breach.words for breach in room.breaches(case, layout)}
        assert holds(case, layout, rows) == (not wrong), (layout, wrong)
        assert holds(case, layout, needed) == (not wrong), (layout, wrong)
        verdicts[not wrong] += 1
    assert len(verdicts) == 2


def test_over_the_years_rows_and_check_agree_on_every_way_to_open_and_close() -> None:
    sites = [site("X", exists=True, closable=True), site("Y", exists=True), site("Z")]
    case = make([[1, 1, 1]], sites, {(0, 0): 60}, years=(2025, 2027, 2030))
    rows = list(siting.rows(case))
    pairs = list(product(range(3), case.periods))
    lawful = set()
    for point in product((False, True), repeat=len(pairs)):
        layout = Layout(frozenset(pair for pair, on in zip(pairs, point, strict=True) if on))
        wrong = found(case, layout)
        assert holds(case, layout, rows) == (not wrong), (layout, wrong)
        if not wrong:
            lawful.add(layout.open)
    # X closes in one of three years or never, Y stays, Z opens in one of three years or never.
    assert lawful == set(lives(case))
    assert len(lawful) == 4 * 1 * 4


@given(data=st.data())
@SLOWLY
def test_rows_and_check_agree_on_random_cases_and_layouts(data: st.DataObject) -> None:
    case = data.draw(cases(capacities=False))
    is_open = data.draw(st.sampled_from(list(lives(case))))
    flip = st.sets(st.tuples(st.integers(0, len(case.sites) - 1), st.sampled_from(case.periods)), max_size=1)
    layout = nearest(case, is_open)
    amiss = {pair: people + data.draw(st.integers(-1, 1)) for pair, people in layout.serve.items() if pair[2] == 0}
    layout = Layout(is_open ^ data.draw(flip), {**layout.serve, **amiss})
    assert holds(case, layout, list(siting.rows(case))) == (not found(case, layout))


def test_people_who_are_served_from_beyond_the_circle_are_found() -> None:
    # The rows cannot say this: there is no variable for such a pair.
    case = hill()
    layout = Layout(frozenset({(0, 0), (1, 0)}), {(1, 0, 0): 1})
    assert found(case, layout) == {"reach"}
    assert serves(1, 0, 0) not in {column.key for column in siting.columns(case)}


def test_a_site_that_stands_may_be_closed_in_the_first_year_already() -> None:
    case = hill()
    assert found(case, Layout(frozenset({(1, 0)}))) == set()


def test_what_was_wrong_is_said_in_words_that_fill_in() -> None:
    case = make([[1, 1]], [site("X", exists=True), site("Z")], {(0, 0): 60}, years=(2025, 2027))
    layout = Layout(frozenset({(1, 0)}), {(0, 0, 0): 2, (0, 0, 1): -1, (0, 1, 1): 1})
    wrong = list(siting.breaches(case, layout))
    assert {breach.about[0] for breach in wrong} == {"stands", "stays", "open", "negative", "reach", "once"}
    for breach in wrong:
        for text in catalogue()[breach.words].values():
            assert "{" not in text.format(**breach.details)
        assert breach.shortfall > 0


def test_ranges_and_rows_of_physics_read_as_they_did() -> None:
    case = valley()
    matches_golden("siting", f"{render_columns(siting.columns(case))}\n\n{render('siting', siting.rows(case))}")


@given(case=cases())
@SLOWLY
def test_every_variable_is_declared_once_and_every_row_is_about_something_else(case: Case) -> None:
    keys = [column.key for column in siting.columns(case)]
    abouts = [row.about for row in siting.rows(case)]
    assert len(set(keys)) == len(keys)
    assert len(set(abouts)) == len(abouts)
    assert {key for row in siting.rows(case) for key in row.terms} <= set(keys)


def test_nobody_is_sent_where_the_kind_has_no_room_for_them() -> None:
    case = make([[5]], [site("X", capacity=3)], {(0, 0): 60})
    highs = {column.key: column.high for column in siting.columns(case)}
    assert (highs[serves(0, 0, 0)], highs[served(0, 0)]) == (3, 5)


def line_of_sites(count: int) -> Case:
    """Return sites 100 m apart in a row, each with one place at its door."""
    people = [[1, 1]] * count
    sites = [site(f"S{j}", place=j) for j in range(count)]
    spots = [(100.0 * j, 0.0) for j in range(count)]
    return make(people, sites, {(j, j): 0 for j in range(count)}, years=(2025, 2027), spots=spots)


def test_few_sites_are_one_neighbourhood_and_need_no_list() -> None:
    assert siting.neighbourhoods(line_of_sites(5)) == []


def test_a_neighbourhood_is_whole_with_the_sites_nearest_to_each_other_and_all_their_people() -> None:
    count = 200
    case = line_of_sites(count)
    known = {column.key for column in siting.columns(case)}
    inside = []
    for keys in siting.neighbourhoods(case):
        assert set(keys) <= known
        assert len(set(keys)) == len(keys)
        sites = sorted({int(key[1]) for key in keys if key[0] == "open"})
        assert sites == list(range(sites[0], sites[-1] + 1))
        assert len(sites) < count
        assert set(keys) == {
            key for j in sites for t in case.periods for key in (opened(j, t), served(j, t), serves(j, j, t))
        }
        inside.append(set(sites))
    # Centres lie far from each other: the two ends of the line are among them.
    assert any(0 in sites for sites in inside)
    assert any(count - 1 in sites for sites in inside)
