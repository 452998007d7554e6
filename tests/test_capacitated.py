"""Capacitated location against every set of sites, one by one."""

import importlib
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

from allocate.classics.record import Proof, Record

capacitated = importlib.import_module("allocate.classics.capacitated")
Floats = NDArray[np.float64]
Case = tuple[Floats, Floats, Floats, Floats]


def _cheapest_shares(case: Case, sites: tuple[int, ...]) -> float:
    """Return what a set costs when points may be shared, by a plain linear program."""
    assign, demand, capacity, cost = case
    points, many = len(demand), len(sites)
    if not points:
        return float(cost[list(sites)].sum())
    if not sites:
        return math.inf
    part = assign[:, list(sites)]
    finite = np.isfinite(part)
    equal = sparse.kron(sparse.eye_array(points), np.ones((1, many)))
    below = sparse.hstack([sparse.diags_array(np.full(many, d)) for d in demand])
    found = linprog(
        np.where(finite, part, 0.0).ravel(),
        A_ub=below,
        b_ub=capacity[list(sites)],
        A_eq=equal,
        b_eq=np.ones(points),
        bounds=[(0, 1 if ok else 0) for ok in finite.ravel()],
    )
    return float(found.fun + cost[list(sites)].sum()) if found.status == 0 else math.inf


def _cheapest_single(case: Case, sites: tuple[int, ...]) -> float:
    """Return what a set costs when every point has one site, by trying all of them."""
    assign, demand, capacity, cost = case
    best = math.inf
    for given_sites in itertools.product(sites, repeat=len(demand)):
        loads = np.bincount(np.array(given_sites, dtype=int), weights=demand, minlength=len(capacity))
        if (loads <= capacity + 1e-9).all():
            best = min(best, sum(assign[i, j] for i, j in enumerate(given_sites)) + cost[list(sites)].sum())
    return float(best)


def _brute(case: Case, *, p: int | None, single: bool, standing: tuple[int, ...] = ()) -> float:
    sites = range(len(case[3]))
    most = len(case[3]) if p is None else p
    best = math.inf
    for many in range(len(case[3]) + 1):
        for chosen in itertools.combinations(sites, many):
            if set(standing) <= set(chosen) and many - len(standing) <= most:
                best = min(best, (_cheapest_single if single else _cheapest_shares)(case, chosen))
    return best


def _locate(case: Case, seconds: float = 60, gap: float = 0.0, **options: object) -> tuple[bool, Record]:
    record = Record("min", seconds=seconds, gap=gap)
    return capacitated.locate_capacitated(*case, record, **options), record


def _check(case: Case, record: Record, *, single: bool) -> None:
    """Work out the record's answer again from what was given."""
    assign, demand, capacity, cost = case
    assert record.sites is not None
    assert record.value is not None
    if single:
        shares = np.zeros(assign.shape)
        shares[np.arange(len(demand)), record.assigned] = 1.0
    else:
        shares = record.assigned.toarray()
    assert shares.min(initial=0) >= 0
    assert shares.sum(axis=1) == pytest.approx(np.ones(len(demand)))
    assert (demand @ shares <= capacity * (1 + 1e-6) + 1e-6).all()
    assert set(np.flatnonzero(shares.any(axis=0))) <= set(record.sites)
    used = shares > 0
    value = (shares[used] * assign[used]).sum() + cost[record.sites].sum()
    assert record.value == pytest.approx(value, rel=1e-9, abs=1e-9)


@st.composite
def _cases(draw: st.DrawFn, points: int, sites: int) -> Case:
    n, m = draw(st.integers(1, points)), draw(st.integers(1, sites))
    prices = st.sampled_from([0.0, 1.0, 2.0, 5.0, 7.5, 11.0, math.inf])
    assign = np.array(draw(st.lists(prices, min_size=n * m, max_size=n * m))).reshape(n, m)
    demand = np.array(draw(st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0, 5.0]), min_size=n, max_size=n)))
    capacity = np.array(draw(st.lists(st.sampled_from([0.0, 2.0, 4.0, 6.0, 20.0]), min_size=m, max_size=m)))
    cost = np.array(draw(st.lists(st.sampled_from([0.0, 1.0, 4.0, 9.0]), min_size=m, max_size=m)))
    return assign, demand, capacity, cost


@settings(deadline=None, max_examples=60)
@given(_cases(5, 4), st.one_of(st.none(), st.integers(1, 3)), st.booleans())
def test_shared_points_cost_what_the_best_of_all_sets_costs(case: Case, p: int | None, stands: bool) -> None:
    standing = (0,) if stands else ()
    best = _brute(case, p=p, single=False, standing=standing)
    found, record = _locate(case, p=p, standing=standing)
    assert found == math.isfinite(best)
    if found:
        assert record.value == pytest.approx(best, rel=1e-7, abs=1e-7)
        assert record.gap == 0
        _check(case, record, single=False)
    else:
        assert record.value is None


@settings(deadline=None, max_examples=60)
@given(_cases(4, 4), st.one_of(st.none(), st.integers(1, 3)), st.booleans())
def test_undivided_points_cost_what_the_best_of_all_answers_costs(case: Case, p: int | None, stands: bool) -> None:
    standing = (0,) if stands else ()
    best = _brute(case, p=p, single=True, standing=standing)
    found, record = _locate(case, p=p, single=True, standing=standing)
    assert found == math.isfinite(best)
    if found:
        assert record.value == pytest.approx(best, rel=1e-7, abs=1e-7)
        assert record.gap == 0
        _check(case, record, single=True)
    else:
        assert record.value is None


def _town(seed: int, points: int, sites: int, room: float) -> Case:
    """Return a square with homes and places for clinics that can carry `room` times all demand."""
    numbers = np.random.default_rng(seed)
    homes, places = numbers.random((points, 2)), numbers.random((sites, 2))
    demand = numbers.uniform(5, 35, points)
    capacity = numbers.uniform(10, 160, sites)
    capacity *= room * demand.sum() / capacity.sum()
    cost = numbers.uniform(0, 90, sites) + numbers.uniform(100, 110, sites) * np.sqrt(capacity)
    distance = np.hypot(*(homes[:, None] - places).transpose(2, 0, 1))
    return 10 * distance * demand[:, None], demand, capacity, cost


def _plain(case: Case, *, single: bool, p: int | None = None) -> float:
    """Return the optimum of the whole mixed-integer program, by SciPy."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    assign, demand, capacity, cost = case
    points, sites = assign.shape
    pairs = points * sites
    each = sparse.hstack(
        [sparse.kron(sparse.eye_array(points), np.ones((1, sites))), sparse.csr_array((points, sites))]
    )
    carried = sparse.hstack(
        [sparse.hstack([sparse.diags_array(np.full(sites, d)) for d in demand]), -sparse.diags_array(capacity)]
    )
    number = np.concatenate([np.zeros(pairs), np.ones(sites)])
    found = milp(
        np.concatenate([assign.ravel(), cost]),
        integrality=np.concatenate([np.full(pairs, int(single)), np.ones(sites)]),
        bounds=Bounds(0, 1),
        constraints=[
            LinearConstraint(each, 1, 1),
            LinearConstraint(carried, -np.inf, 0),
            LinearConstraint(sparse.csr_array(number[None]), 0, sites if p is None else p),
        ],
        options={"mip_rel_gap": 1e-9},
    )
    assert found.status == 0
    return float(found.fun)


@pytest.mark.parametrize(("seed", "room"), [(1, 1.5), (2, 3.0), (3, 6.0)])
def test_a_town_costs_what_the_whole_program_says(seed: int, room: float) -> None:
    case = _town(seed, 40, 12, room)
    found, record = _locate(case)
    assert found
    assert record.gap == 0
    assert record.value == pytest.approx(_plain(case, single=False), rel=1e-7)
    _check(case, record, single=False)


def test_a_number_of_sites_can_bind() -> None:
    assign, demand, capacity, cost = _town(4, 30, 10, 6.0)
    case = assign, demand, capacity, 0 * cost
    found, record = _locate(case, p=3)
    assert found
    assert record.sites is not None
    assert len(record.sites) == 3
    assert record.value == pytest.approx(_plain(case, single=False, p=3), rel=1e-7)


def test_a_capacitated_p_median_with_one_site_per_point() -> None:
    assign, demand, _, cost = _town(5, 24, 8, 3.0)
    demand = np.ceil(demand)
    case = assign, demand, np.full(8, np.ceil(1.1 * demand.sum() / 3)), 0 * cost
    found, record = _locate(case, p=3, single=True)
    assert found
    assert record.gap == 0
    assert record.value == pytest.approx(_plain(case, single=True, p=3), rel=1e-7)
    _check(case, record, single=True)


def test_too_little_capacity_is_known_at_once() -> None:
    case = np.ones((3, 2)), np.array([4.0, 4.0, 4.0]), np.array([5.0, 5.0]), np.zeros(2)
    found, record = _locate(case)
    assert not found
    assert record.value is None


def test_too_few_sites_for_the_demand_is_known_at_once() -> None:
    case = np.ones((3, 3)), np.array([4.0, 4.0, 4.0]), np.array([6.0, 6.0, 6.0]), np.zeros(3)
    assert not _locate(case, p=1)[0]
    assert _locate(case, p=2)[0]


def test_what_fits_only_in_parts_cannot_be_done_with_one_site_each() -> None:
    case = np.ones((3, 2)), np.array([4.0, 4.0, 4.0]), np.array([6.0, 6.0]), np.zeros(2)
    assert _locate(case)[0]
    assert not _locate(case, single=True)[0]


def test_a_point_without_demand_goes_to_the_cheapest_open_site() -> None:
    case = np.array([[0.0, 9.0], [3.0, 1.0]]), np.array([5.0, 0.0]), np.array([5.0, 5.0]), np.array([1.0, 1.0])
    found, record = _locate(case)
    assert found
    # Site 0 alone: 0 + 3 + 1; with site 1 as well: 0 + 1 + 2.
    assert record.value == pytest.approx(3.0)


def test_nobody_to_serve_opens_only_what_stands() -> None:
    case = np.zeros((0, 3)), np.zeros(0), np.ones(3), np.array([2.0, 0.0, 5.0])
    found, record = _locate(case, standing=[2])
    assert found
    assert record.sites is not None
    assert record.sites.tolist() == [2]
    assert record.value == 5.0
    assert record.gap == 0


def test_without_time_a_bound_is_never_better_than_the_truth() -> None:
    case = _town(6, 40, 12, 3.0)
    best = _plain(case, single=False)
    found, record = _locate(case, seconds=0.0)
    assert found
    assert record.bound is None or record.bound <= best * (1 + 1e-9)
    assert record.value is None or record.value >= best * (1 - 1e-9)


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("gap", [0.002, 0.02, 0.1])
def test_a_gap_wanted_is_kept_and_claims_no_more(gap: float, single: bool) -> None:
    case = _town(7, 30, 10, 3.0)
    best = _plain(case, single=single)
    found, record = _locate(case, gap=gap, single=single)
    assert found
    assert record.is_proven
    assert record.value is not None
    assert record.bound is not None
    assert record.bound <= best * (1 + 1e-9)
    assert record.value >= best * (1 - 1e-9)


def test_every_bound_on_the_way_holds_and_is_told_with_its_proof() -> None:
    case = _town(8, 50, 14, 3.0)
    found, record = _locate(case)
    assert found
    assert record.value is not None
    assert record.proof in {Proof.LAGRANGIAN, Proof.BRANCHING}
    bounds = [moment.bound for moment in record.trace if moment.bound is not None]
    assert bounds == sorted(bounds)
    assert bounds[-1] <= record.value


def test_the_same_input_gives_the_same_answer() -> None:
    case = _town(9, 50, 14, 2.0)
    (_, one), (_, two) = _locate(case), _locate(case)
    assert one.value == two.value
    assert one.sites is not None
    assert two.sites is not None
    assert one.sites.tolist() == two.sites.tolist()
    assert [m.bound for m in one.trace] == [m.bound for m in two.trace]


@settings(deadline=None, max_examples=80)
@given(_cases(5, 4), st.one_of(st.none(), st.integers(1, 3)), st.booleans())
def test_without_time_whoever_may_go_anywhere_is_served_where_anybody_can_be(
    case: Case, p: int | None, stands: bool
) -> None:
    assign, demand, capacity, cost = case
    case = np.where(np.isfinite(assign), assign, 20.0), demand, capacity, cost
    standing = (0,) if stands else ()
    best = _brute(case, p=p, single=False, standing=standing)
    found, record = _locate(case, seconds=0.0, p=p, standing=standing)
    assert found == math.isfinite(best)
    assert (record.value is not None) == math.isfinite(best)
    if record.value is not None:
        assert record.value >= best - 1e-9
        assert record.sites is not None
        assert set(standing) <= set(record.sites)
        assert len(record.sites) <= (len(cost) if p is None else p + len(standing))
        _check(case, record, single=False)


@settings(deadline=None, max_examples=80)
@given(_cases(5, 4), st.one_of(st.none(), st.integers(1, 3)), st.booleans(), st.booleans())
def test_what_is_answered_without_time_keeps_to_what_was_given(
    case: Case, p: int | None, stands: bool, single: bool
) -> None:
    standing = (0,) if stands else ()
    found, record = _locate(case, seconds=0.0, p=p, single=single, standing=standing)
    best = _brute(case, p=p, single=single, standing=standing)
    assert found or math.isinf(best)
    if record.value is not None:
        assert record.value >= best - 1e-9
        assert record.sites is not None
        assert set(standing) <= set(record.sites)
        assert len(record.sites) <= (len(case[3]) if p is None else p + len(standing))
        _check(case, record, single=single)
    assert record.bound is None or record.bound <= best + 1e-9


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("p", [None, 8])
def test_thousands_of_points_are_served_without_time(single: bool, p: int | None) -> None:
    assign, demand, _, cost = _town(10, 3000, 40, 3.0)
    case = assign, demand, np.full(40, demand.sum() / 7), cost
    found, record = _locate(case, seconds=0.0, single=single, p=p)
    assert found
    assert record.sites is not None
    assert len(record.sites) <= (40 if p is None else p)
    _check(case, record, single=single)


def test_points_that_few_sites_may_serve_are_served_without_time() -> None:
    assign, demand, _, cost = _town(11, 1000, 40, 3.0)
    near = np.argsort(assign, axis=1)[:, :6]
    some = np.full(assign.shape, np.inf)
    np.put_along_axis(some, near, np.take_along_axis(assign, near, axis=1), axis=1)
    case = some, demand, np.full(40, demand.sum() / 15), cost
    for single in (False, True):
        found, record = _locate(case, seconds=0.0, single=single)
        assert found
        assert record.value is not None
        _check(case, record, single=single)


@pytest.mark.parametrize("single", [False, True])
def test_everybody_where_it_is_cheapest_is_proven_by_that(single: bool) -> None:
    assign, demand, _, cost = _town(12, 200, 10, 3.0)
    case = assign, demand, np.full(10, demand.sum()), 0 * cost
    record = Record("min", seconds=0.0)
    # A caller may have told the same bound without a name.
    record.bounded(float(assign.min(axis=1).sum()), Proof.NONE)
    assert capacitated.locate_capacitated(*case, record, single=single)
    assert record.gap == 0
    assert record.proof is Proof.REDUCTION
