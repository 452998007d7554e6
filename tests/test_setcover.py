"""The cheapest cover is found and proven, whatever it takes: search, cuts, fixing or branching."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocate.classics import setcover
from allocate.classics.lagrange import Both
from allocate.classics.record import Record
from allocate.classics.setcover import cover_all
from allocate.program import branch
from allocate.reduce import Floats, Mask, rows_of

SLOWLY = settings(max_examples=60, deadline=None)


@st.composite
def tables(draw: st.DrawFn) -> Mask:
    """Draw who reaches whom: every row has a site."""
    sites = draw(st.integers(1, 9))
    row = st.lists(st.booleans(), min_size=sites, max_size=sites).filter(any)
    return np.array(draw(st.lists(row, min_size=1, max_size=14)), dtype=np.bool_)


def town(seed: int, points: int, sites: int, reach: float) -> Mask:
    """Return who reaches whom on a square."""
    random = np.random.default_rng(seed)
    away = random.random((points, 1, 2)) - random.random((1, sites, 2))
    table: Mask = (away**2).sum(axis=2) <= reach**2
    return table[table.any(axis=1)]


def least_cost(table: Mask, cost: Floats) -> float:
    """Return the cost of the cheapest cover, all being looked at."""
    count = table.shape[1]
    every = (np.array([number >> site & 1 for site in range(count)], dtype=bool) for number in range(1 << count))
    return min(float(cost[opened].sum()) for opened in every if (table & opened).any(axis=1).all())


def cheapest_by_solver(table: Mask, cost: Floats) -> float:
    """Return the cost of the cheapest cover of the plain model."""
    instance = setcover._instance(rows_of(table), np.ones(len(table)), cost, whole=True)
    found = branch(instance, seconds=60)
    assert found.finished
    assert found.values is not None
    return float(cost[found.values > 0.5].sum())


def solved(table: Mask, cost: Floats, *, whole: bool = True, seconds: float = 60.0, fixed: float = 0.0) -> Record:
    record = Record("min", seconds=seconds, whole=whole)
    cover_all(rows_of(table), cost, record, fixed=fixed)
    assert record.sites is not None
    assert record.value == pytest.approx(fixed + cost[record.sites].sum())
    assert table[:, record.sites].any(axis=1).all()
    return record


@given(tables(), st.data())
@SLOWLY
def test_a_small_cover_costs_the_least_of_all(table: Mask, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["one", "whole", "any"]))
    cost = np.ones(table.shape[1])
    if kind != "one":
        prices = data.draw(st.lists(st.integers(1, 6), min_size=len(cost), max_size=len(cost)))
        cost = np.array(prices) * (1.0 if kind == "whole" else 0.37)
    record = solved(table, cost, whole=kind != "any", fixed=3.0)
    assert record.value == pytest.approx(3.0 + least_cost(table, cost))
    assert record.gap == 0


@pytest.mark.parametrize(("seed", "reach"), [(1, 0.12), (2, 0.16), (3, 0.22)])
@pytest.mark.parametrize("even", [True, False])
def test_a_town_is_covered_as_the_plain_model_covers_it(seed: int, reach: float, even: bool) -> None:
    table = town(seed, 400, 90, reach)
    cost = np.ones(90) if even else np.random.default_rng(seed).integers(2, 9, 90).astype(float)
    record = solved(table, cost)
    assert record.value == cheapest_by_solver(table, cost)
    assert record.gap == 0


def test_lists_and_arrays_come_to_the_same_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    table = town(7, 300, 80, 0.15)
    by_lists = solved(table, np.ones(80))
    monkeypatch.setattr(setcover, "_FEW_CHANGED", 0)
    assert solved(table, np.ones(80)).value == by_lists.value


@given(st.integers(0, 30))
@settings(max_examples=15, deadline=None)
def test_no_cover_is_cut_off(seed: int) -> None:
    random = np.random.default_rng(seed)
    table = random.random((18, 9)) < 0.3
    table = table[table.any(axis=1)]
    values = random.integers(1, 7, 9) / 10
    cuts = setcover._cuts(rows_of(table), values).toarray()
    for number in range(1 << 9):
        opened = np.array([number >> site & 1 for site in range(9)], dtype=bool)
        if (table & opened).any(axis=1).all():
            assert (cuts @ opened >= 2).all()


def test_every_violated_triple_of_rows_is_found() -> None:
    random = np.random.default_rng(4)
    pairs = [np.isin(np.arange(8), pair) for pair in combinations(range(8), 2)]
    table = np.array([*pairs, *(random.random((20, 8)) < 0.4)])
    table = np.unique(table[table.sum(axis=1) >= 2], axis=0)
    values = random.uniform(0.45, 0.6, size=8)
    expected = set()
    for three in combinations(range(len(table)), 3):
        sides = np.ceil(table[list(three)].sum(axis=0) / 2) @ values
        if sides < 2 - setcover._VIOLATED:
            expected.add(three)
    found = setcover._violated(rows_of(table), values)
    assert {tuple(three) for three in found.tolist()} == expected
    assert expected


def test_cuts_close_the_gap_of_a_triangle_without_branching(monkeypatch: pytest.MonkeyPatch) -> None:
    # Each two of three sites share a row: half of each is enough for the linear program, and two are needed.
    table = np.kron(np.eye(4, dtype=bool), np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1]], dtype=bool))
    monkeypatch.setattr(setcover._Covering, "_branched", lambda *_: pytest.fail("nothing is left to branch on"))
    record = solved(table, np.ones(12))
    assert (record.value, record.bound) == (8, 8)


def test_without_time_there_is_an_answer_and_no_claim() -> None:
    record = solved(town(3, 500, 100, 0.15), np.ones(100), seconds=0.0)
    assert record.gap > 0


def test_nothing_to_cover_costs_what_is_fixed() -> None:
    record = Record("min", seconds=1.0)
    cover_all(rows_of(np.zeros((0, 3))), np.ones(3), record, fixed=2.0)
    assert record.value == 2.0
    assert record.gap == 0
    assert record.sites is not None
    assert not len(record.sites)


def test_answers_are_told_by_the_names_of_the_sites() -> None:
    record = Record("min", seconds=10.0, whole=True)
    cover_all(rows_of(np.array([[1, 0, 1], [0, 1, 0]])), np.ones(3), record, names=np.array([4, 7, 9]))
    assert record.sites is not None
    assert record.sites.tolist() in ([4, 7], [7, 9])


def test_the_same_question_gets_the_same_answer() -> None:
    table = town(9, 400, 90, 0.14)
    first, second = solved(table, np.ones(90)), solved(table, np.ones(90))
    assert first.sites is not None
    assert second.sites is not None
    assert first.sites.tolist() == second.sites.tolist()


def test_a_greedy_cover_has_no_site_that_nobody_needs() -> None:
    table = town(5, 300, 60, 0.2)
    cost = np.random.default_rng(5).integers(1, 5, 60).astype(float)
    chosen = setcover._greedy(Both(rows_of(table)), cost)
    assert table[:, chosen].any(axis=1).all()
    for site in chosen:
        assert not table[:, np.setdiff1d(chosen, site)].any(axis=1).all()
