"""What becomes of sites, said twice: rows and checks agree on every way to open, enlarge, move and close them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import layout_at, make, matches_golden, render, render_columns, render_sum, rule, site, violation

from allocate.alone import case_of, layout_of
from allocate.case import Case, Upgrade
from allocate.costs import Charge, charges, new_charges, newly_spent, spent, whole_cost
from allocate.decisions import siting, staffing
from allocate.layout import Layout
from allocate.life import merged, moved
from allocate.resources import Resource
from allocate.rows import UPGRADED, Key, Number, Row, amount, moves, opened, opens, serves
from allocate.units import Basis

SLOWLY = settings(max_examples=80, deadline=None)
YEARS = (2025, 2027, 2030)


def values(case: Case, point: Mapping[Key, int]) -> Iterator[dict[Key, Number]]:
    """Yield a point of the decisions with every 0 or 1 that the helper variables of openings and moves can be."""
    helpers = [column.key for column in siting.columns(case) if column.key[0] in ("opens", "moves")]
    sums: dict[Key, int] = {}
    for (name, *about), people in point.items():
        if name == "serve":
            i, _, t = about
            sums["served", i, t] = sums.get(("served", i, t), 0) + people
    for chosen in product((0, 1), repeat=len(helpers)):
        yield {**point, **sums, **dict(zip(helpers, chosen, strict=True))}


def holds(rows: Iterable[Row], value: Mapping[Key, Number]) -> bool:
    return not any(violation(row, lambda key: value.get(key, 0)) for row in rows)


def within(case: Case, value: Mapping[Key, Number]) -> bool:
    columns = [*siting.columns(case), *staffing.columns(case)]
    return all(column.low <= value.get(column.key, 0) <= column.high for column in columns)


def points(ranges: Mapping[Key, range]) -> Iterator[dict[Key, int]]:
    for chosen in product(*ranges.values()):
        yield dict(zip(ranges, chosen, strict=True))


def every_life(case: Case, most_upgraded: int = 1) -> Iterator[dict[Key, int]]:
    """Yield every way, right or wrong, to open, close and enlarge the sites."""
    ranges: dict[Key, range] = {opened(j, t): range(2) for j in range(len(case.sites)) for t in case.periods}
    for j, at in enumerate(case.sites):
        if at.upgrade is not None:
            ranges |= {amount(UPGRADED, j, t): range(most_upgraded + 1) for t in case.periods}
    return points(ranges)


# ---- stability ----


def test_what_may_close_again_opens_once_and_the_rows_know_when() -> None:
    case = make([[1, 1, 1]], [site("Z", closable=True)], {(0, 0): 60}, years=YEARS)
    rows = list(siting.rows(case))
    lawful = set()
    for point in every_life(case):
        layout = layout_at(point)
        found = [value for value in values(case, point) if holds(rows, value)]
        assert bool(found) == (not list(siting.breaches(case, layout))), layout
        if found:
            # Nothing but the real openings fits.
            (value,) = found
            assert [value[opens(0, t)] for t in case.periods] == [layout.opens(case, 0, t) for t in case.periods]
            lawful.add("".join(str(point[opened(0, t)]) for t in case.periods))
    assert lawful == {"000", "001", "010", "100", "011", "110", "111"}


def test_a_site_that_closes_again_is_paid_for_once_and_changes_twice() -> None:
    case = make([[1, 1, 1]], [site("Z", closable=True, opening=50, yearly=7)], {(0, 0): 60}, years=YEARS)
    limit = rule("change_limit", kinds=("clinic",), at_most=0)
    new = rule("count", kinds=("clinic",), counts="new", at_most=0)
    layout = layout_at({opened(0, 0): 1, opened(0, 1): 1})
    assert [spent(case, layout, t) for t in case.periods] == [
        {"capital": 50, "recurrent": 7},
        {"capital": 0, "recurrent": 7},
        {"capital": 0, "recurrent": 0},
    ]
    assert [limit.measure(case, layout, t)[0] for t in case.periods] == [1, 0, 1]
    assert [new.measure(case, layout, t)[0] for t in case.periods] == [1, 0, 0]


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("change_limit", {"kinds": ("clinic",), "at_most": 1}),
        ("count", {"kinds": ("clinic",), "counts": "new", "at_least": 1, "at_most": 1, "years": (2027,)}),
        ("spending", {"at_most": 60}),
    ],
)
def test_rules_on_changes_agree_with_their_rows_where_sites_may_close_again(name: str, numbers: dict[str, Any]) -> None:
    sites = [
        site("X", exists=True, closable=True, yearly=5),
        site("Z", closable=True, opening=50, yearly=7, upgrade=Upgrade(20, 3, people=1)),
    ]
    case = make([[1, 1, 1]], sites, {(0, 1): 60}, years=YEARS)
    this = rule(name, **numbers)
    rows, physics = list(this.rows(case)), list(siting.rows(case))
    verdicts = set()
    for point in every_life(case):
        layout = layout_at(point)
        if list(siting.breaches(case, layout)):
            continue
        (value,) = [one for one in values(case, point) if holds(physics, one)]
        missed = {row.about: v for row in rows if (v := violation(row, lambda key: value.get(key, 0)))}  # noqa: B023
        found = {breach.about: breach.shortfall for breach in this.breaches(case, layout)}
        assert missed == found, layout
        verdicts.add(not found)
    assert verdicts == {True, False}


# ---- enlarging ----


def test_a_site_is_enlarged_while_it_is_open_once_and_for_good() -> None:
    larger = Upgrade(10, 1, people=1)
    sites = [site("X", exists=True, closable=True, upgrade=larger), site("Z", upgrade=larger)]
    case = make([[1, 1]], sites, {(0, 1): 60}, years=(2025, 2027))
    rows = list(siting.rows(case))
    seen: Counter[str] = Counter()
    for point in every_life(case, most_upgraded=2):
        layout = layout_at(point)
        wrong = {str(breach.about[0]) for breach in siting.breaches(case, layout)}
        assert (within(case, point) and holds(rows, point)) == (not wrong), (layout, wrong)
        seen.update(wrong or {"lawful"})
    assert set(seen) == {"lawful", "stays", "upgrade", "upgraded", "stays upgraded"}
    # X closes in one of two years or never: enlarged never, or from any year to the end if it never closes: 3 + 2.
    # Z opens in one of two years or never, and is enlarged from then on, later, or never: 1 + 2 + 3.
    assert seen["lawful"] == 5 * 6


def test_what_no_model_lets_grow_is_not_enlarged() -> None:
    case = make([[1]], [site("X", exists=True)], {(0, 0): 60})
    layout = Layout(frozenset({(0, 0)}), {}, {(UPGRADED, 0, 0): 1})
    assert [breach.words for breach in siting.breaches(case, layout)] == ["breach.upgrade_none"]


def test_an_enlarged_site_has_room_for_more_and_the_rule_on_room_agrees_everywhere() -> None:
    sites = [site("Z", capacity=2, upgrade=Upgrade(10, 1, people=1, capacity=3)), site("Y", capacity=2)]
    case = make([[5]], sites, {(0, 0): 60, (0, 1): 60})
    room = rule("capacity", kinds=("clinic",), people=2)
    rows = list(room.rows(case))
    ranges: dict[Key, range] = {opened(j, 0): range(2) for j in range(2)} | {amount(UPGRADED, 0, 0): range(2)}
    ranges |= {serves(0, j, 0): range(5) for j in range(2)}
    verdicts = set()
    for point in points(ranges):
        layout = layout_at(point)
        found = {breach.about: breach.shortfall for breach in room.breaches(case, layout)}
        missed = {row.about: v for row in rows if (v := violation(row, lambda key: point.get(key, 0)))}  # noqa: B023
        assert missed == found, layout
        verdicts.add(not found)
    assert verdicts == {True, False}
    enlarged = Layout(frozenset({(0, 0), (1, 0)}), {}, {(UPGRADED, 0, 0): 1})
    assert [enlarged.room(case, j, 0) for j in range(2)] == [3, 2]
    # Nobody could ever be sent to Y as one of three, and to Z as one of four.
    assert [case.most(0, j, 0) for j in range(2)] == [3, 2]


def test_posts_of_an_enlarged_site_agree_with_their_rows() -> None:
    doctors = Resource(at={"clinic": 1}, basis=Basis.ASSUMED, source="a toy")
    larger = Upgrade(10, 1, posts={"doctors": 2}, capacity=6)
    at = site("Z", closable=True, exists=True, capacity=2, per_staff=(("doctors", 2),), upgrade=larger)
    case = replace(make([[9]], [at], {(0, 0): 60}), resources={"doctors": doctors}, intervals=(1,))
    rows = [*siting.rows(case), *staffing.rows(case)]
    ranges: dict[Key, range] = {opened(0, 0): range(2), amount(UPGRADED, 0, 0): range(2)}
    ranges |= {amount("doctors", 0, 0): range(5), amount("doctors.joined", 0, 0): range(5)}
    seen = Counter()
    for point in points(ranges):
        layout = layout_at(point)
        wrong = [*siting.breaches(case, layout), *staffing.breaches(case, layout)]
        assert (within(case, point) and holds(rows, point)) == (not wrong), (layout, wrong)
        if not wrong:
            seen[point[opened(0, 0)], point[amount(UPGRADED, 0, 0)]] += 1
            assert layout.room(case, 0, 0) == min(2 * point[amount("doctors", 0, 0)], 6)
    # Closed: nobody. Open: up to one doctor. Enlarged: up to three. (Nobody is spare here.)
    assert seen == {(0, 0): 1, (1, 0): 2, (1, 1): 4}


# ---- moving ----


def street(**numbers: Any) -> Case:
    """Return two clinics that exist, X at 0 m and Y at 300 m, and two candidates, V at 100 m and W at 1,000 m.

    X may move to V and W, Y to V.
    """
    old, new = {"exists": True, "closable": True, "yearly": 5}, {"opening": 50, "yearly": 7, "moving": 20}
    sites = [site("X", **old), site("Y", **old), site("V", **new), site("W", **new)]
    spots = [(0.0, 0.0), (300.0, 0.0), (100.0, 0.0), (1000.0, 0.0)]
    case = make([[1, 1]], sites, {(0, j): 60 + j for j in range(4)}, years=(2025, 2027), spots=spots, **numbers)
    return replace(case, moves=((0, 2), (0, 3), (1, 2)))


def test_as_many_as_can_move_are_said_to_move_and_then_the_shortest_way() -> None:
    case = street()
    # Both close, both candidates open: X could go to V, 100 m, but then Y could not move at all.
    assert moved(case, Layout(frozenset({(2, 0), (3, 0)})), 0) == {0: 3, 1: 2}
    # Only V opens: X is nearer to it than Y, 100 m against 200 m.
    assert moved(case, Layout(frozenset({(2, 0)})), 0) == {0: 2}
    # Only Y closes, and only W opens: they are no pair.
    assert moved(case, Layout(frozenset({(0, 0), (3, 0)})), 0) == {}
    # X closes in the first year and V opens in the second.
    assert moved(case, Layout(frozenset({(1, 0), (1, 1), (2, 1)})), 1) == {}


def test_rows_let_as_many_move_as_there_are_moves_and_no_more() -> None:
    case = street()
    rows, limit = list(siting.rows(case)), rule("spending", at_most=45)
    budget = list(limit.rows(case))
    verdicts = set()
    for point in every_life(case):
        layout = layout_at(point)
        physical = not list(siting.breaches(case, layout))
        lawful = [value for value in values(case, point) if holds(rows, value)]
        assert physical == bool(lawful), layout
        if not physical:
            continue
        for t, row in zip(case.periods, budget, strict=True):
            most = max(sum(value[moves(*pair, t)] for pair in case.moves) for value in lawful)
            assert most == len(moved(case, layout, t)), layout
            best = min(violation(row, lambda key: value.get(key, 0)) for value in lawful)  # noqa: B023
            found = {breach.about: breach.shortfall for breach in limit.breaches(case, layout)}
            assert best == found.get(row.about, 0), layout
            verdicts.add(not best)
    assert verdicts == {True, False}


def test_moving_costs_what_the_model_says_and_counts_as_two_changes() -> None:
    case = street()
    layout = Layout(frozenset({(1, 0), (1, 1), (2, 0), (2, 1)}))
    assert moved(case, layout, 0) == {0: 2}
    assert spent(case, layout, 0) == {"capital": 20, "recurrent": 5 + 7}
    # Years stand for two and one calendar years.
    assert whole_cost(case, layout) == 20 + 3 * (5 + 7)
    assert rule("change_limit", kinds=("clinic",), at_most=1).measure(case, layout, 0) == (2, 1)


@given(data=st.data())
@SLOWLY
def test_charges_and_what_is_spent_agree_whatever_is_enlarged_or_moved(data: st.DataObject) -> None:
    case = street()
    larger = Upgrade(data.draw(st.integers(0, 9)), data.draw(st.integers(0, 9)), people=1)
    sites = [replace(one, upgrade=larger if data.draw(st.booleans()) else None) for one in case.sites]
    case = replace(case, sites=tuple(sites))
    lives = [point for point in every_life(street()) if not list(siting.breaches(street(), layout_at(point)))]
    point = dict(data.draw(st.sampled_from(lives)))
    for j, one in enumerate(case.sites):
        if one.upgrade is not None and point[opened(j, 1)]:
            start = data.draw(st.integers(0, 2))
            point |= {amount(UPGRADED, j, t): int(t >= start and bool(point[opened(j, t)])) for t in case.periods}
    layout = layout_at(point)
    assert not list(siting.breaches(case, layout))
    lawful = [value for value in values(case, point) if holds(siting.rows(case), value)]

    def least(told: Iterable[Charge]) -> Number:
        every = list(told)
        return min(
            sum(one.constant + sum(times * value.get(key, 0) for key, times in one.terms.items()) for one in every)
            for value in lawful
        )

    for t in case.periods:
        assert least(charges(case, t)) == sum(spent(case, layout, t).values())
        assert least(new_charges(case, t)) == newly_spent(case, layout, t)


def test_enlarging_what_stands_is_new_spending_and_running_it_as_it_stands_is_not() -> None:
    # A stands today at 20 a year. Enlarged in 2027, it costs 50 once and 7 a year more, and goes on doing so in 2030.
    here = site("A", exists=True, yearly=20, upgrade=Upgrade(50, 7, people=1))
    case = make([[10, 10, 10]], [here], {(0, 0): 60}, years=YEARS)
    layout = Layout(frozenset((0, t) for t in case.periods), {}, {(UPGRADED, 0, 1): 1, (UPGRADED, 0, 2): 1})
    assert [newly_spent(case, layout, t) for t in case.periods] == [0, 57, 7]
    assert [newly_spent(case, layout, t, lambda what, at: at != 0) for t in case.periods] == [0, 0, 0]


def test_rows_of_a_sites_life_read_as_they_did() -> None:
    # X may move to V; V may be enlarged, W may close again.
    sites = [
        site("X", exists=True, closable=True),
        site("V", opening=50, moving=20, upgrade=Upgrade(40, 5, people=1)),
        site("W", closable=True),
    ]
    case = replace(make([[1, 1]], sites, {}, years=(2025, 2027)), moves=((0, 1), (0, 2)))
    costs = "\n".join(
        f"{case.years[t]} {charge.nature}[{case.sites[charge.at].id}]: {render_sum(charge.terms)}"
        for t in case.periods
        for charge in charges(case, t)
    )
    text = [render_columns(siting.columns(case)), render("siting", siting.rows(case)), costs]
    matches_golden("siting_life", "\n\n".join(text))


# ---- merging ----


def test_a_site_is_merged_only_where_one_other_serves_all_who_were_its_own() -> None:
    # P1 (2 people) and P2 (3) have X nearest, P3 (1) has Y nearest; all reach Y, and P1 and P2 reach V.
    sites = [site("X", exists=True, closable=True), site("Y", exists=True, closable=True), site("V")]
    seconds = {(0, 0): 10, (1, 0): 10, (2, 0): 90, (0, 1): 60, (1, 1): 60, (2, 1): 20, (0, 2): 70, (1, 2): 70}
    case = make([[2], [3], [1]], sites, seconds)
    both = frozenset({(1, 0), (2, 0)})
    assert merged(case, Layout(both, {(0, 1, 0): 2, (1, 1, 0): 3}), 0, 0) == 1
    assert merged(case, Layout(both, {(0, 2, 0): 2, (1, 2, 0): 3, (2, 1, 0): 1}), 0, 0) == 2
    # Shared out among two, or one person without any.
    assert merged(case, Layout(both, {(0, 1, 0): 2, (1, 2, 0): 3}), 0, 0) is None
    assert merged(case, Layout(both, {(0, 1, 0): 2, (1, 1, 0): 2}), 0, 0) is None
    # Whoever stays is not merged.
    assert merged(case, Layout(frozenset({(0, 0)}), {(0, 0, 0): 2, (1, 0, 0): 3}), 0, 0) is None


def test_a_site_without_people_of_its_own_just_closes() -> None:
    sites = [site("X", exists=True, closable=True), site("Y", exists=True, closable=True)]
    case = make([[2]], sites, {(0, 0): 60, (0, 1): 10})
    assert merged(case, Layout(frozenset({(1, 0)}), {(0, 1, 0): 2}), 0, 0) is None


# ---- a year by itself ----


def test_a_year_by_itself_has_its_own_people_calendar_years_and_layout() -> None:
    case = replace(make([[1, 2, 3]], [site("Z", opening=50, yearly=7)], {(0, 0): 60}, years=YEARS), intervals=(1, 2, 3))
    alone = case_of(case, 1)
    assert (alone.years, alone.spans, alone.repeats, alone.intervals) == ((2027,), (3,), (1,), (3,))
    assert alone.people.tolist() == [[2]]
    layout = Layout(frozenset({(0, 0), (0, 1), (0, 2)}), {(0, 0, 1): 2, (0, 0, 2): 3}, {(UPGRADED, 0, 1): 1})
    assert layout_of(layout, 1) == Layout(frozenset({(0, 0)}), {(0, 0, 0): 2}, {(UPGRADED, 0, 0): 1})
    # What was opened in 2025 is opened in 2027 where that is the only year.
    assert spent(alone, layout_of(layout, 1), 0) == {"capital": 50, "recurrent": 7}
