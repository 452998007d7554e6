"""Greedy, swaps and sweeps: never above what is possible, never below what is proven."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocate.classics.record import Proof, Record
from allocate.classics.saturated import tighten
from allocate.classics.swaps import BySite, _Table, greedy_cover, improve, reached
from allocate.covers import Covers, covers_of, covers_within


def best_of_all(covers: Covers, cost: Any, budget: float) -> float:
    table = covers.matrix.toarray().astype(bool)
    sets = itertools.chain.from_iterable(itertools.combinations(range(len(cost)), k) for k in range(len(cost) + 1))
    return max(value_of(table, covers, some) for some in sets if cost[list(some)].sum() <= budget * (1 + 1e-12))


def value_of(table: Any, covers: Covers, sites: Any) -> float:
    return float(covers.weight[table[:, list(sites)].any(axis=1)].sum())


def crowded(seed: int, points: int = 3000, sites: int = 60, radius: float = 0.16) -> Covers:
    rng = np.random.default_rng(seed)
    return covers_within(rng.random((points, 2)), rng.random((sites, 2)), radius, rng.integers(1, 101, points))


@st.composite
def problems(draw: st.DrawFn) -> tuple[Covers, Any, float]:
    rng = np.random.default_rng(draw(st.integers(0, 1 << 30)))
    sites, points = draw(st.integers(1, 8)), draw(st.integers(1, 40))
    if draw(st.booleans()):
        reach = rng.random((points, sites)) < draw(st.floats(0.05, 0.7))
    else:
        place, stand = rng.random((points, 1, 2)) * [3, 1], rng.random((1, sites, 2)) * [3, 1]
        reach = ((place - stand) ** 2).sum(axis=2) < draw(st.floats(0.1, 0.8)) ** 2
    reach[0, 0] = True
    weight = rng.integers(0, 9, points).astype(float) if draw(st.booleans()) else rng.random(points)
    equal = draw(st.booleans())
    cost = np.full(sites, 0.1) if equal else rng.uniform(0.5, 2.0, sites)
    budget = 0.1 * draw(st.integers(0, sites)) if equal else draw(st.floats(0.0, 6.0))
    return covers_of(reach, weight), cost, budget


@settings(max_examples=150, deadline=None)
@given(problems())
def test_greedy_keeps_the_budget_and_its_guarantee(problem: tuple[Covers, Any, float]) -> None:
    covers, cost, budget = problem
    chosen = greedy_cover(covers, cost, budget)
    assert len(set(chosen.tolist())) == len(chosen)
    assert cost[chosen].sum() <= budget * (1 + 1e-9)
    table = covers.matrix.toarray().astype(bool)
    # Of greedy by value and greedy by value per cost the better one has at least (1 - 1/√e) of the best.
    share = 1 - np.exp(-1) if np.ptp(cost) == 0 else 1 - np.exp(-0.5)
    assert value_of(table, covers, chosen) >= share * best_of_all(covers, cost, budget) - 1e-9


@settings(max_examples=40, deadline=None)
@given(problems(), st.integers(0, 1))
def test_a_search_tells_what_its_sites_cover_and_no_bound_is_below_the_best(
    problem: tuple[Covers, Any, float], rounds: int
) -> None:
    covers, cost, budget = problem
    record = Record("max", seconds=30)
    chosen = improve(covers, cost, budget, record, rounds=rounds)
    table = covers.matrix.toarray().astype(bool)
    assert cost[chosen].sum() <= budget * (1 + 1e-9)
    assert record.value == pytest.approx(value_of(table, covers, chosen), abs=1e-9)
    assert value_of(table, covers, chosen) >= value_of(table, covers, greedy_cover(covers, cost, budget)) - 1e-9
    assert record.value is not None
    tighten(covers, cost, budget, record)
    best = best_of_all(covers, cost, budget)
    assert record.value <= best + 1e-9
    assert record.bound is None or record.bound >= best - 1e-9


@settings(max_examples=60, deadline=None)
@given(problems(), st.integers(0, 1 << 30))
def test_the_table_of_swaps_is_what_opening_and_closing_change(problem: tuple[Covers, Any, float], seed: int) -> None:
    covers, cost, _ = problem
    table = _Table(covers, BySite.of(covers.matrix))
    rng = np.random.default_rng(seed)
    reach, opened = covers.matrix.toarray().astype(bool), set()
    for site in rng.integers(0, len(cost), 12).tolist():
        if site in opened:
            table.close(site)
            opened.discard(site)
        else:
            table.open(site)
            opened.add(site)
    value = value_of(reach, covers, opened)
    assert table.exact() == pytest.approx(value)
    assert table.value == pytest.approx(value)
    for site in range(len(cost)):
        assert table.gain[site] == pytest.approx(value_of(reach, covers, opened | {site}) - value, abs=1e-9)
    for site in opened:
        assert table.loss(site) == pytest.approx(value - value_of(reach, covers, opened - {site}), abs=1e-9)
        for near, only in zip(table.near(site).tolist(), table.only[site].tolist(), strict=True):
            swapped = value_of(reach, covers, (opened - {site}) | {near})
            assert swapped - value == pytest.approx(table.gain[near] - table.loss(site) + only, abs=1e-9)


@settings(max_examples=150, deadline=None)
@given(problems(), st.integers(0, 1 << 30))
def test_no_bound_of_a_sweep_is_below_the_best_whatever_the_prices(
    problem: tuple[Covers, Any, float], seed: int
) -> None:
    covers, cost, budget = problem
    best = best_of_all(covers, cost, budget)
    rng = np.random.default_rng(seed)
    # Any prices are allowed; poor ones leave much waste to be found.
    prices = rng.random(len(covers.weight)) * covers.weight
    for known in (best, 0.7 * best):
        record = Record("max", seconds=60)
        record.better(7.0 + known, [])
        tighten(covers, cost, budget, record, prices=prices, gained=7.0)
        assert record.bound is not None
        assert 7.0 + best - 1e-9 <= record.bound
        assert record.bound <= 7.0 + covers.weight.sum() + (prices @ covers.matrix).max() / cost.min() * budget + 1e-6


def test_weights_are_summed_block_by_block_as_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    covers = crowded(1)
    at_once = covers.matrix.T.astype(float) @ covers.weight
    monkeypatch.setattr("allocate.classics.swaps._BLOCK", 50)
    np.testing.assert_allclose(reached(covers.matrix, covers.weight), at_once)


def test_few_overlaps_kept_lead_to_the_same_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    covers, cost = crowded(2), np.ones(60)
    answers = []
    for kept in (1 << 24, 100):
        monkeypatch.setattr("allocate.classics.swaps._KEPT", kept)
        answers.append(improve(covers, cost, 8, Record("max", seconds=60), rounds=1).tolist())
    assert answers[0] == answers[1]


def test_the_same_seed_gives_the_same_answer() -> None:
    covers, cost = crowded(3), np.random.default_rng(3).uniform(0.5, 2, 60)
    first, second = (improve(covers, cost, 8, Record("max", seconds=60), seed=5, rounds=1).tolist() for _ in range(2))
    assert first == second


def test_annealing_betters_what_swaps_leave() -> None:
    covers, cost = crowded(4), np.ones(60)
    values: list[float] = []
    for rounds in (0, 2):
        record = Record("max", seconds=60)
        improve(covers, cost, 9, record, rounds=rounds)
        values.append(record.value or 0.0)
    assert values[1] > values[0]


def test_a_search_without_time_still_has_the_sites_it_was_given() -> None:
    covers = crowded(5)
    record = Record("max", seconds=0)
    assert improve(covers, np.ones(60), 3, record, chosen=[4, 8, 15]).tolist() == [4, 8, 15]
    assert record.value == value_of(covers.matrix.toarray().astype(bool), covers, [4, 8, 15])


def test_a_search_begins_with_given_sites_and_fills_the_budget() -> None:
    covers = crowded(6)
    record = Record("max", seconds=60)
    chosen = improve(covers, np.ones(60), 5, record, rounds=0, chosen=[0])
    assert len(chosen) == 5
    assert record.value is not None
    assert record.value >= value_of(covers.matrix.toarray().astype(bool), covers, greedy_cover(covers, np.ones(60), 4))


def test_a_sweep_proves_what_prices_cannot() -> None:
    covers, cost = crowded(7, sites=25, radius=0.2), np.ones(25)
    record = Record("max", seconds=60, whole=True)
    improve(covers, cost, 4, record, rounds=1)
    tighten(covers, cost, 4, record)
    by_prices = next(moment.bound for moment in record.trace if moment.bound is not None)
    best = max(
        value_of(covers.matrix.toarray().astype(bool), covers, some) for some in itertools.combinations(range(25), 4)
    )
    assert record.value == best
    assert record.bound is not None
    assert best <= record.bound < by_prices
    assert record.proof is Proof.BRANCHING
