"""What is done another way where a district is large comes to the same as where it is small."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_resolving import COST, HARDLY, cheapest, faults, with_room
from tiny import cases, make, rule, site

from allocate import sites_reached
from allocate.case import Case
from allocate.merging import merge_years
from allocate.rows import Row, opened, served, serves
from allocate.rules import Rule
from allocate.sites_alone import SitesAlone, lay_out_sites
from allocate.sites_reached import Reached, are_mostly_full, lay_out_reached, program_of_reach, room_row, without_room
from allocate.travel.adjoining import adjoining
from allocate.travel.points import Metric

# Spots strewn anywhere, on the lines of a grid (where many stand on one circle), in clouds, and in one line.
SPOTS: Mapping[str, Callable[[Any, int], Metric]] = {
    "anywhere": lambda draw, count: draw.uniform(0, 4_000, (count, 2)),
    "grid": lambda draw, count: 100.0 * draw.integers(0, 9, (count, 2)) + (440_000, 4_380_000),
    "clouds": lambda draw, count: draw.normal(0, 200, (count, 2)) + 2_000 * draw.integers(0, 3, (count, 1)),
    "line": lambda draw, count: np.column_stack((draw.uniform(0, 4_000, count), np.zeros(count))),
}


def with_none_between(places: Metric, longest: int) -> set[tuple[int, int]]:
    """Return the pairs that adjoin, every place tried: the sentence as it stands, in whole metres where they are."""
    found = set()
    for a, here in enumerate(places):
        for b, there in enumerate(places):
            middle, half = (here + there) / 2, np.hypot(*(here - there)) / 2
            is_between = np.hypot(*(places - middle).T) < half - 1e-6 * (1 + half * 1e-3)
            if a != b and 2 * half <= longest and not is_between.any():
                found.add((a, b))
    return found


@pytest.mark.parametrize("how", SPOTS)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(2, 60), longest=st.sampled_from([150, 900, 20_000]))
def test_places_adjoin_that_have_none_between_however_they_stand(how: str, seed: int, count: int, longest: int) -> None:
    places: Metric = np.unique(SPOTS[how](np.random.default_rng(seed), count), axis=0).astype(np.float64)
    assert adjoining(places, longest) == with_none_between(places, longest)


def test_cells_of_a_grid_adjoin_those_beside_and_across_a_corner() -> None:
    side = 60
    lines = np.arange(side, dtype=np.float64)
    cells: Metric = 100.0 * np.stack(np.meshgrid(lines, lines), -1).reshape(-1, 2)
    found = adjoining(cells, 3_000)
    # Of side² cells, (side − 1) · side pairs stand side by side each way, and two pairs cross every corner.
    assert len(found) == 2 * (2 * (side - 1) * side + 2 * (side - 1) ** 2)
    assert {b for a, b in found if a == 0} == {1, side, side + 1}


# Who goes where is left out.


def lay_out(case: Case, rules: Mapping[str, Rule], pairs: int) -> SitesAlone:
    """Return the sites laid out, as where that is done without who goes where from so many pairs on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sites_reached, "MANY_PAIRS", pairs)
        patch.setattr(sites_reached, "are_mostly_full", lambda _: False)
        return lay_out_sites(case, rules, "cost", COST, gap=0.0, seconds=60.0)


def by_reach(case: Case, rules: Mapping[str, Rule]) -> Reached | None:
    """Return what a search that leaves out who goes where comes to by itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sites_reached, "MANY_PAIRS", 0)
        patch.setattr(sites_reached, "are_mostly_full", lambda _: False)
        reduced = merge_years(case, rules.values())
        return lay_out_reached(case, reduced, reduced.case, rules, {"cost": COST}, gap=0.0, seconds=60.0, seed=1)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_without_who_goes_where_the_cheapest_plan_is_found_and_no_more_is_proven_than_is_true(
    data: st.DataObject,
) -> None:
    case, rules = with_room(data.draw(cases(capacities=False)), room := data.draw(st.integers(1, 6)))
    share = data.draw(st.sampled_from([0.5, 0.8, 1.0]))
    rules["reach"] = rule("reach", share=share)
    best, found = cheapest(case, room, share), lay_out(case, rules, 0)
    if best is None:
        assert not found.is_met
        assert found.bound == float("-inf")
        return
    assert found.is_met
    assert faults(case, rules, found.layout) == []
    assert COST.value(case, found.layout) == best
    assert best - HARDLY <= found.bound <= best + HARDLY
    reached = by_reach(case, rules)
    assert reached is not None
    assert reached.bound <= best + HARDLY


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_clauses_on_towns_and_places_come_to_the_same_with_and_without_who_goes_where(data: st.DataObject) -> None:
    case, rules = with_room(data.draw(cases(capacities=False)), data.draw(st.integers(1, 6)))
    for scope in data.draw(st.sets(st.sampled_from(["district", "town", "place"]), min_size=1)):
        rules[scope] = rule("reach", share=data.draw(st.sampled_from([0.5, 0.9])), scope=scope)
    plain, quick = lay_out(case, rules, 1_000_000), lay_out(case, rules, 0)
    assert plain.is_met == quick.is_met
    if plain.is_met:
        assert faults(case, rules, quick.layout) == []
        assert plain.values == quick.values
        assert plain.bound == pytest.approx(quick.bound)


def two_hills() -> tuple[Case, dict[str, Rule]]:
    """Return P1 and P2, 7 people each, whom X and Y reach; and P3, 10 people, at two stations that are there already.

    Every site has room for 10. In the district as a whole there would be room with X alone: 30 for 24 people.
    """
    stands: dict[str, Any] = {"exists": True, "closable": False}
    sites = [site("X", opening=5), site("Y", opening=6), site("E", "station", **stands), site("F", "station", **stands)]
    seconds = {(0, 0): 60, (1, 0): 60, (0, 1): 60, (1, 1): 60, (2, 2): 60, (2, 3): 60}
    case, rules = with_room(make([[7], [7], [10]], sites, seconds), 10)
    return case, rules | {"reach": rule("reach", share=1.0)}


def test_where_sites_have_too_little_room_a_row_says_so_and_another_one_opens() -> None:
    case, rules = two_hills()
    reached = by_reach(case, rules)
    assert reached is not None
    assert reached.layout is not None
    assert {case.sites[j].id for j, _ in reached.layout.open} == {"X", "Y", "E", "F"}
    assert sum(reached.layout.served.values()) == 24
    assert reached.bound == 11


def test_the_row_names_those_who_find_no_room_and_the_sites_in_their_reach() -> None:
    case, rules = two_hills()
    made = program_of_reach(case, rules, {"cost": COST})
    assert made is not None
    program, _ = made
    values = np.zeros(len(program.keys))
    for key, value in {opened(0, 0): 1, opened(2, 0): 1, opened(3, 0): 1}.items():
        values[program.keys[key]] = value
    for i, people in enumerate((7, 7, 10)):
        values[program.keys[served(i, 0)]] = people
    among = without_room(case, program, values, 0)
    assert among.tolist() == [True, True, False]
    row = room_row(case, among, 0, ("cut", 0))
    # Of 14 people 10 find room at X, and 10 at Y.
    assert row.terms == {opened(0, 0): 10, opened(1, 0): 10, served(0, 0): -1, served(1, 0): -1}
    assert (row.sense, row.bound) == (">=", 0)
    values[program.keys[opened(1, 0)]] = 1
    assert not without_room(case, program, values, 0).any()


def test_a_clause_on_who_goes_where_is_no_question_of_reach_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    case, rules = two_hills()
    at_least_one_goes = Row(("X",), {serves(0, 0, 0): 1}, ">=", 1, 1)
    monkeypatch.setattr(type(rules["reach"]), "rows", lambda *_: iter([at_least_one_goes]))
    assert by_reach(case, rules) is None


def test_with_few_pairs_everything_is_as_it_was() -> None:
    case, rules = two_hills()
    reduced = merge_years(case, rules.values())
    goals = {"cost": COST}
    assert lay_out_reached(case, reduced, reduced.case, rules, goals, gap=0.0, seconds=60.0, seed=1) is None


def test_where_most_sites_are_too_small_for_those_near_them_who_goes_where_is_asked_from_the_start() -> None:
    case, _ = two_hills()
    # X and Y have room for 10 of 14, E and F for all 10; with room for 9 all four are too small, with 14 none is.
    assert not are_mostly_full(case)
    assert are_mostly_full(with_room(case, 9)[0])
    assert not are_mostly_full(with_room(case, 14)[0])
