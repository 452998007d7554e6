"""Exact covering: nothing is better than what is called optimal, and no answer is lost when time is short."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from allocate.classics import covering
from allocate.classics.covering import locate_backup, locate_max_cover, locate_partial_cover
from allocate.classics.lagrange import Both, Budget, Gains, Paid, Problem, Wanted, bound_at, descend
from allocate.classics.record import Proof, Record
from allocate.classics.setcover import locate_set_cover
from allocate.classics.weighing import cover_cheaper
from allocate.covers import Covers, covers_of

Floats = NDArray[np.float64]
QUICK = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@st.composite
def small_covers(draw: Any) -> Covers:
    """Return who reaches whom among a few, some weights nothing, some fractions."""
    points, sites = draw(st.integers(1, 12)), draw(st.integers(1, 7))
    table = draw(st.lists(st.lists(st.booleans(), min_size=sites, max_size=sites), min_size=points, max_size=points))
    table[0][0] = True
    people = draw(st.lists(st.sampled_from([0, 1, 2, 7, 0.5, 1.25, 1 / 3]), min_size=points, max_size=points))
    return covers_of(np.array(table), np.array(people, dtype=float))


def costs(covers: Covers, kind: int) -> Floats:
    """Return equal costs, whole ones or fractions."""
    count = covers.matrix.shape[1]
    return [np.ones(count), 1.0 + np.arange(count) % 3, np.array([0.5, 1 / 3, 2.5, 1, 0.1, 0.2, 0.3])[:count]][kind]


def every_answer(covers: Covers, cost: Floats) -> list[tuple[NDArray[np.int64], float]]:
    """Return how often each row is covered and what it costs, for every set of sites."""
    count = covers.matrix.shape[1]
    dense = covers.matrix.toarray().astype(np.int64)
    masks = [np.array([mask >> j & 1 for j in range(count)]) for mask in range(1 << count)]
    return [(dense @ mask, float(cost @ mask)) for mask in masks]


def agrees(record: Record, best: float | None) -> None:
    """Hold a record against the best of all answers."""
    if best is None:
        assert record.value is None
        return
    assert record.value == pytest.approx(best, abs=1e-9)
    assert record.bound == pytest.approx(best, abs=1e-7)
    assert record.proof is not Proof.NONE
    better_side = record.bound - record.value if record.sense == "max" else record.value - record.bound
    assert better_side >= -1e-12


def uniform(points: int, sites: int, radius: float, seed: int = 1) -> Covers:
    """Return points and sites spread evenly on a square, with 1 to 100 people each."""
    draws = np.random.default_rng(seed)
    here, there = draws.random((points, 2)), draws.random((sites, 2))
    apart = ((here[:, None] - there[None]) ** 2).sum(axis=2)
    return covers_of(apart <= radius * radius, draws.integers(1, 101, points).astype(float))


@QUICK
@given(small_covers(), st.integers(0, 2))
def test_everybody_is_covered_at_the_least_cost(covers: Covers, kind: int) -> None:
    cost = costs(covers, kind)
    record = Record("min", seconds=30, whole=kind < 2)
    locate_set_cover(covers, cost, record)
    agrees(record, min(price for counts, price in every_answer(covers, cost) if (counts > 0).all()))


@QUICK
@given(small_covers(), st.integers(0, 2), st.sampled_from([0.0, 0.3, 0.7, 0.9, 1.0]))
def test_so_many_are_covered_at_the_least_cost(covers: Covers, kind: int, share: float) -> None:
    cost = costs(covers, kind)
    wanted = share * float(covers.weight.sum()) * (1 - 1e-12)
    record = Record("min", seconds=30, whole=kind < 2)
    locate_partial_cover(covers, cost, wanted, record)
    enough = [price for counts, price in every_answer(covers, cost) if covers.weight[counts > 0].sum() >= wanted]
    agrees(record, min(enough))


@QUICK
@given(small_covers(), st.integers(0, 2), st.sampled_from([0.05, 0.3, 1.0, 1.5, 2.0, 3.0, 100.0]))
def test_no_sites_within_the_budget_cover_more(covers: Covers, kind: int, budget: float) -> None:
    cost = costs(covers, kind)
    record = Record("max", seconds=30, whole=bool((covers.weight == np.round(covers.weight)).all()))
    locate_max_cover(covers, cost, budget, record)
    paid = [counts for counts, price in every_answer(covers, cost) if price <= budget + 1e-9]
    agrees(record, max(float(covers.weight[counts > 0].sum()) for counts in paid))
    assert record.sites is not None
    assert cost[record.sites].sum() <= budget + 1e-9


@pytest.mark.parametrize("few", [1, 2, 4])
@QUICK
@given(small_covers(), st.integers(0, 2), st.sampled_from([1.0, 2.0, 3.0]))
def test_looking_among_few_sites_first_loses_nothing(
    few: int, monkeypatch: pytest.MonkeyPatch, covers: Covers, kind: int, budget: float
) -> None:
    # Prices that hardly moved leave much to decide.
    monkeypatch.setattr(covering, "_FEW", few)
    monkeypatch.setattr(covering, "_PRICE_TURNS", 0)
    cost = costs(covers, kind)
    record = Record("max", seconds=30, whole=bool((covers.weight == np.round(covers.weight)).all()))
    locate_max_cover(covers, cost, budget, record)
    paid = [counts for counts, price in every_answer(covers, cost) if price <= budget + 1e-9]
    agrees(record, max(float(covers.weight[counts > 0].sum()) for counts in paid))
    record = Record("min", seconds=30, whole=kind < 2)
    locate_set_cover(covers, cost, record)
    agrees(record, min(price for counts, price in every_answer(covers, cost) if (counts > 0).all()))


@QUICK
@given(
    small_covers(),
    st.integers(0, 2),
    st.sampled_from([0.05, 1.0, 2.0, 3.0, 100.0]),
    st.sampled_from([0.0, 0.3, 0.5, 0.8, 1.0]),
    st.booleans(),
    st.integers(0, 2),
)
def test_no_sites_within_the_budget_give_more_first_and_second_covers(
    covers: Covers, kind: int, budget: float, first: float, every: bool, standing: int
) -> None:
    cost = costs(covers, kind)
    have = np.arange(len(covers.weight)) % 3 * (standing > 0) * standing // 2
    record = Record("max", seconds=30)
    locate_backup(covers, have, cost, budget, first, every, record)
    weight = covers.weight
    worth = [
        float(first * weight[(have == 0) & (counts > 0)].sum())
        + float((1 - first) * weight[(have < 2) & (have + counts > 1)].sum())
        for counts, price in every_answer(covers, cost)
        if price <= budget + 1e-9 and not (every and (have + counts == 0).any())
    ]
    agrees(record, max(worth, default=None))


@QUICK
@given(small_covers(), st.integers(0, 2), st.sampled_from([1.0, 2.0, 3.5]), st.integers(0, 10**6))
def test_any_prices_give_a_bound(covers: Covers, kind: int, budget: float, seed: int) -> None:
    cost = costs(covers, kind)
    draws = np.random.default_rng(seed)
    share = draws.random(len(covers.weight))
    names, nobody = np.arange(len(cost)), np.zeros(0, dtype=np.int64)
    both = Both(covers.matrix)
    answers = every_answer(covers, cost)
    half = float(covers.weight.sum()) / 2
    paid = max(float(covers.weight[counts > 0].sum()) for counts, price in answers if price <= budget)
    part = -min(price for counts, price in answers if covers.weight[counts > 0].sum() >= half)
    sides: list[tuple[Any, Any, Floats, float]] = [
        (Gains(covers.weight), Budget(cost, budget), share * covers.weight, paid),
        (Wanted(covers.weight, half), Paid(cost), share * covers.weight, part),
    ]
    for rows, sites, prices, best in sides:
        problem = Problem(both, rows, sites, names, nobody, prices)
        at_once = bound_at(problem, prices)
        assert at_once.bound >= best - 1e-9
        moved = descend(problem, lambda bound, best=best: best, rounds=30, hear=lambda *heard: True)
        assert best - 1e-9 <= moved.bound <= at_once.bound + 1e-9


@QUICK
@given(small_covers(), st.sampled_from([1.0, 2.0, 3.0]), st.data())
def test_what_is_left_once_sites_are_fixed_is_worth_the_same(covers: Covers, budget: float, data: Any) -> None:
    count = covers.matrix.shape[1]
    cost = np.ones(count)
    fate = np.array(data.draw(st.lists(st.sampled_from([0, 0, 1, 2]), min_size=count, max_size=count)))
    opened, closed = fate == 1, fate == 2
    second = covers.weight / 2
    rows = Gains(covers.weight, second, np.zeros(len(second), dtype=bool))
    names, nobody = np.arange(count), np.zeros(0, dtype=np.int64)
    problem = Problem(Both(covers.matrix), rows, Budget(cost, budget), names, nobody, np.zeros(len(second)))
    left = problem.without(closed, opened)
    for mask in range(1 << len(left.names)):
        some = np.array([j for j in range(len(left.names)) if mask >> j & 1], dtype=np.int64)
        together = np.concatenate([left.chosen, left.names[some]]).astype(np.int64)
        before = rows.worth(problem.both.counts(together))
        # A row that lost all but one of its sites has no second cover to gain.
        assert left.rows.worth(left.both.counts(some)) == pytest.approx(before)


@pytest.mark.parametrize("radius", [0.1, 0.2])
def test_a_thousand_points_are_covered_as_well_as_the_plain_model_says(radius: float) -> None:
    from scipy.optimize import LinearConstraint, milp
    from scipy.sparse import eye_array, hstack

    covers = uniform(1000, 40, radius)
    rows, sites = covers.matrix.shape
    record = Record("max", seconds=60, whole=True)
    locate_max_cover(covers, np.ones(sites), 6.0, record)
    plain = milp(
        np.concatenate([np.zeros(sites), -covers.weight]),
        integrality=np.concatenate([np.ones(sites), np.zeros(rows)]),
        bounds=(0, 1),
        constraints=[
            LinearConstraint(hstack([covers.matrix.astype(float), -eye_array(rows)]).tocsr(), 0, np.inf),
            LinearConstraint(np.concatenate([np.ones(sites), np.zeros(rows)]), -np.inf, 6),
        ],
    )
    assert record.value == record.bound == pytest.approx(-plain.fun)


SEARCHES: dict[str, Callable[[Covers, Floats, Record], None]] = {
    "set cover": locate_set_cover,
    "partial cover": lambda covers, cost, record: locate_partial_cover(
        covers, cost, 0.8 * float(covers.weight.sum()), record
    ),
    "max cover": lambda covers, cost, record: locate_max_cover(covers, cost, 12.0, record),
    "backup": lambda covers, cost, record: locate_backup(
        covers, np.zeros(len(covers.weight), dtype=np.int64), cost, 12.0, 0.5, False, record
    ),
}


SENSES: dict[str, Any] = {"set cover": "min", "partial cover": "min", "max cover": "max", "backup": "max"}


@pytest.mark.parametrize("name", SEARCHES)
def test_out_of_time_at_once_there_is_an_answer_still(name: str) -> None:
    covers = uniform(3000, 150, 0.1)
    record = Record(SENSES[name], seconds=0.0)
    SEARCHES[name](covers, np.ones(150), record)
    assert record.sites is not None
    counts = np.asarray(covers.matrix[:, record.sites].sum(axis=1)).ravel()
    covered = float(covers.weight[counts > 0].sum())
    if name == "set cover":
        assert (counts > 0).all()
        assert record.value == len(record.sites)
    elif name == "partial cover":
        assert covered >= 0.8 * covers.weight.sum()
        assert record.value == len(record.sites)
    else:
        assert len(record.sites) == 12
        twice = float(covers.weight[counts > 1].sum())
        assert record.value == pytest.approx(covered if name == "max cover" else (covered + twice) / 2)
        assert record.value >= greedily(covers, 12, 0.5 if name == "backup" else 1.0) - 1e-9


def greedily(covers: Covers, count: int, first: float) -> float:
    """Return what is gained by opening the site that gains most, again and again."""
    dense = covers.matrix.toarray().astype(np.int64)
    counts, value = np.zeros(len(dense), dtype=np.int64), 0.0
    for _ in range(count):
        now = covers.weight * np.where(counts == 0, first, np.where(counts == 1, 1 - first, 0.0))
        best = int((dense.T @ now).argmax())
        value += float(dense[:, best] @ now)
        counts += dense[:, best]
        # (Nobody opens a site twice.)
        dense[:, best] = 0
    return value


@pytest.mark.parametrize("name", SEARCHES)
def test_the_same_question_has_the_same_answer(name: str) -> None:
    covers = uniform(1500, 40, 0.15)
    answers = []
    for _ in range(2):
        record = Record(SENSES[name], seconds=60)
        SEARCHES[name](covers, np.ones(40), record)
        assert record.gap < 1e-9
        assert record.sites is not None
        answers.append((record.value, record.sites.tolist()))
    assert answers[0] == answers[1]


def test_no_moment_of_a_search_claims_what_is_not() -> None:
    covers = uniform(4000, 200, 0.06)
    record = Record("max", seconds=60, whole=True)
    locate_max_cover(covers, np.ones(200), 12.0, record)
    assert record.is_proven
    assert record.value is not None
    assert all(moment.bound >= record.value for moment in record.trace if moment.bound is not None)
    assert all(moment.value <= record.value for moment in record.trace if moment.value is not None)


def test_a_search_with_row_weights_finds_a_cheaper_covering() -> None:
    covers = uniform(2000, 120, 0.15)
    cost = 1.0 + np.arange(120) % 3
    every = np.arange(120)
    record = Record("min", seconds=60)
    found = cover_cheaper(Both(covers.matrix), cost, every, record, seed=1, steps=500)
    assert np.asarray(covers.matrix[:, found].sum(axis=1)).min() >= 1
    locate_set_cover(covers, cost, record)
    assert record.value is not None
    assert record.value <= cost[found].sum() <= 1.5 * record.value


def test_parts_are_covered_one_by_one() -> None:
    one = uniform(400, 30, 0.2, seed=3)
    dense = one.matrix.toarray()
    nothing = np.zeros_like(dense)
    two = covers_of(np.block([[dense, nothing], [nothing, dense]]))
    alone, both = Record("min", seconds=60, whole=True), Record("min", seconds=60, whole=True)
    locate_set_cover(one, np.ones(30), alone)
    locate_set_cover(two, np.ones(60), both)
    assert both.is_proven
    assert alone.value is not None
    assert both.value == 2 * alone.value


def test_a_budget_that_buys_nothing_covers_nobody() -> None:
    covers = uniform(50, 5, 0.3)
    record = Record("max", seconds=10)
    locate_max_cover(covers, np.full(5, 2.0), 1.0, record)
    assert (record.value, record.bound) == (0.0, pytest.approx(0.0, abs=1e-9))


def test_everybody_is_covered_where_the_budget_allows_it() -> None:
    covers = uniform(500, 20, 0.5)
    record = Record("max", seconds=10, whole=True)
    locate_max_cover(covers, np.ones(20), 20.0, record)
    assert record.value == record.bound == covers.weight.sum()


def locate_every(covers: Covers, budget: float, record: Record) -> bool:
    """Cover every row, and as many as can be a second time."""
    nobody = np.zeros(len(covers.weight), dtype=np.int64)
    return locate_backup(covers, nobody, np.ones(covers.matrix.shape[1]), budget, 0.5, True, record)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_row_is_covered_with_as_few_sites_as_can_be_and_with_fewer_it_is_impossible(seed: int) -> None:
    covers = uniform(1500, 60, 0.15, seed)
    cheapest = Record("min", seconds=60, whole=True)
    locate_set_cover(covers, np.ones(60), cheapest)
    assert cheapest.is_proven
    assert cheapest.value is not None
    record = Record("max", seconds=60)
    assert locate_every(covers, cheapest.value, record)
    assert record.is_proven
    assert record.sites is not None
    assert (np.asarray(covers.matrix[:, record.sites].sum(axis=1)) > 0).all()
    record = Record("max", seconds=60)
    assert not locate_every(covers, cheapest.value - 1, record)
    assert record.value is None


@QUICK
@given(small_covers(), st.integers(0, 2), st.sampled_from([0.05, 0.5, 1.0, 2.0, 3.0]), st.integers(0, 1))
def test_it_is_impossible_only_where_no_sites_reach_every_row(
    covers: Covers, kind: int, budget: float, standing: int
) -> None:
    cost = costs(covers, kind)
    have = standing * (np.arange(len(covers.weight)) % 2)
    able = any(price <= budget + 1e-9 and (have + counts > 0).all() for counts, price in every_answer(covers, cost))
    assert locate_backup(covers, have, cost, budget, 0.5, True, Record("max", seconds=30)) == able
    # Without time nothing is called impossible that is not.
    assert locate_backup(covers, have, cost, budget, 0.5, True, Record("max", seconds=0)) or not able


def test_no_swap_of_two_sites_makes_a_backup_better() -> None:
    covers = uniform(400, 30, 0.2)
    problem = Problem(
        Both(covers.matrix),
        Gains(covers.weight, covers.weight / 2, np.ones(len(covers.weight), dtype=bool)),
        Budget(np.ones(30), 20.0),
        np.arange(30),
        np.zeros(0, dtype=np.int64),
        np.zeros(len(covers.weight)),
    )
    record = Record("max", seconds=60)
    search = covering._Search(problem, record)
    search._improve(1, rounds=0)
    assert record.sites is not None
    assert record.value is not None
    for closed in record.sites:
        for opened in np.setdiff1d(np.arange(30), record.sites):
            other = np.append(np.setdiff1d(record.sites, closed), opened)
            assert problem.rows.worth(problem.both.counts(other)) <= record.value + 1e-6


@pytest.mark.parametrize("name", ["max cover", "backup", "every"])
def test_all_that_can_be_covered_is_proven_by_nothing_being_left(name: str) -> None:
    covers = uniform(300, 20, 0.5)
    record = Record("max", seconds=60)
    nobody = np.zeros(len(covers.weight), dtype=np.int64)
    # A caller may have told the same bound without a name.
    record.bounded(float(covers.weight.sum()), Proof.NONE)
    if name == "max cover":
        locate_max_cover(covers, np.ones(20), 20.0, record)
    else:
        locate_backup(covers, nobody, np.ones(20), 20.0, 0.5, name == "every", record)
    assert record.gap == 0
    assert record.proof is Proof.REDUCTION


def test_the_cheapest_site_is_proven_by_nothing_being_cheaper() -> None:
    covers = covers_of(np.array([[True, True], [True, False]]), np.array([3.0, 4.0]))
    record = Record("min", seconds=60)
    record.bounded(0.0, Proof.NONE)
    locate_partial_cover(covers, np.array([2.0, 5.0]), 7.0, record)
    assert (record.value, record.gap, record.proof) == (2.0, 0, Proof.REDUCTION)
