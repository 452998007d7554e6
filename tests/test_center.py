"""The p-center problem against every choice of sites, one by one."""

import importlib
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from allocate.classics.record import Proof, Record
from allocate.reduce import rows_of

center = importlib.import_module("allocate.classics.center")
Floats = NDArray[np.float64]


def _brute(distance: Floats, p: int, standing: tuple[int, ...]) -> float:
    free = [j for j in range(distance.shape[1]) if j not in standing]
    best = math.inf
    for chosen in itertools.combinations(free, min(p, len(free))):
        sites = [*standing, *chosen]
        if sites:
            best = min(best, float(distance[:, sites].min(axis=1).max()))
    return best


def _locate(distance: Floats, p: int, seconds: float = 60, **options: object) -> tuple[bool, Record]:
    record = Record("min", seconds=seconds)
    return center.locate_centers(distance, p, record, **options), record


def _value(distance: Floats, record: Record, standing: tuple[int, ...] = ()) -> float:
    assert record.sites is not None
    return float(distance[:, [*standing, *record.sites]].min(axis=1).max())


@settings(deadline=None, max_examples=250)
@given(
    st.integers(1, 8).flatmap(
        lambda n: st.integers(1, 6).flatmap(
            lambda m: st.lists(
                st.lists(st.sampled_from([0.0, 1.0, 1.5, 2.0, 3.0, 4.0, 7.0, math.inf]), min_size=m, max_size=m),
                min_size=n,
                max_size=n,
            )
        )
    ),
    st.integers(0, 4),
    st.booleans(),
)
def test_the_answer_is_the_best_of_all_choices(rows: list[list[float]], p: int, stands: bool) -> None:
    distance = np.array(rows)
    standing = (0,) if stands else ()
    best = _brute(distance, p, standing)
    found, record = _locate(distance, p, standing=standing)
    assert found == math.isfinite(best)
    if found:
        assert record.value == best
        assert record.gap == 0
        assert record.sites is not None
        assert len(record.sites) <= p
        assert _value(distance, record, standing) == best
    else:
        assert record.value is None


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 4))
def test_people_weigh_distances(seed: int, p: int) -> None:
    numbers = np.random.default_rng(seed)
    distance = numbers.random((9, 6))
    people = numbers.integers(0, 5, 9).astype(float)
    found, record = _locate(distance, p, weight=people)
    assert found
    assert record.value == _brute(distance * people[:, None], p, ())


def _plain(distance: Floats, p: int) -> float:
    """Return the optimum of the textbook's program, by SciPy."""
    from scipy import sparse
    from scipy.optimize import Bounds, LinearConstraint, milp

    points, sites = distance.shape
    pairs = points * sites
    each = sparse.kron(sparse.eye_array(points), np.ones((1, sites)))
    zero = sparse.csr_array((points, sites))
    linked = sparse.hstack(
        [-sparse.eye_array(pairs), sparse.vstack([sparse.eye_array(sites)] * points), sparse.csr_array((pairs, 1))]
    )
    far = sparse.block_diag([sparse.coo_array(row[None]) for row in distance])
    found = milp(
        np.append(np.zeros(pairs + sites), 1.0),
        integrality=np.concatenate([np.zeros(pairs), np.ones(sites), [0]]),
        bounds=Bounds(0, np.append(np.ones(pairs + sites), np.inf)),
        constraints=[
            LinearConstraint(sparse.hstack([each, zero, sparse.csr_array((points, 1))]), 1, 1),
            LinearConstraint(linked, 0, np.inf),
            LinearConstraint(sparse.hstack([-far, zero, np.ones((points, 1))]), 0, np.inf),
            LinearConstraint(np.concatenate([np.zeros(pairs), np.ones(sites), [0]])[None], 0, p),
        ],
    )
    assert found.status == 0
    return float(found.fun)


@pytest.mark.parametrize(("seed", "p"), [(1, 3), (2, 5)])
def test_a_town_is_served_as_the_textbook_says(seed: int, p: int) -> None:
    numbers = np.random.default_rng(seed)
    homes, places = numbers.random((30, 2)), numbers.random((12, 2))
    distance = np.hypot(*(homes[:, None] - places).transpose(2, 0, 1))
    found, record = _locate(distance, p)
    assert found
    assert record.gap == 0
    assert record.proof is Proof.THRESHOLD
    assert record.value == pytest.approx(_plain(distance, p), abs=1e-6)


def test_equal_distances_everywhere_need_one_site() -> None:
    found, record = _locate(np.full((5, 4), 3.0), 1)
    assert found
    assert record.value == 3.0
    assert record.gap == 0


def test_homes_at_the_sites_have_no_way_to_go() -> None:
    found, record = _locate(np.array([[0.0, 5.0], [5.0, 0.0]]), 2)
    assert found
    assert record.value == 0.0
    assert record.gap == 0


def test_what_stands_can_be_enough() -> None:
    distance = np.array([[1.0, 9.0], [2.0, 0.5]])
    found, record = _locate(distance, 0, standing=(0,))
    assert found
    assert record.sites is not None
    assert not len(record.sites)
    assert record.value == 2.0


def test_a_point_without_a_way_is_proven_impossible() -> None:
    assert not _locate(np.array([[1.0, 2.0], [math.inf, math.inf]]), 2)[0]


def test_two_islands_need_two_sites() -> None:
    distance = np.array([[1.0, math.inf], [math.inf, 2.0]])
    assert not _locate(distance, 1)[0]
    found, record = _locate(distance, 2)
    assert found
    assert record.value == 2.0


def test_no_points_need_nothing() -> None:
    found, record = _locate(np.zeros((0, 3)), 1)
    assert found
    assert record.value == 0.0
    assert record.gap == 0


def test_without_time_nothing_false_is_said() -> None:
    numbers = np.random.default_rng(3)
    distance = numbers.random((40, 15))
    best = _locate(distance, 4)[1].value
    found, record = _locate(distance, 4, seconds=0.0)
    assert found
    assert best is not None
    assert record.value is None or record.value >= best
    assert record.bound is None or record.bound <= best


# Seven points and seven sites, each site reaching three points, any two of them one together: three sites at least.
_FANO = np.zeros((7, 7))
for _line, _points in enumerate(["012", "034", "056", "135", "146", "236", "245"]):
    _FANO[_line, [int(_point) for _point in _points]] = 1.0


def test_weights_say_no_where_parts_of_sites_are_not_enough() -> None:
    # Seven thirds of a site cover everybody; two sites do not.
    record = Record("min", seconds=60)
    assert center._by_weights(rows_of(_FANO), 2, record) is False
    assert center._by_relaxation(rows_of(_FANO), 2, record) is False


def test_weights_never_say_no_where_the_answer_is_yes() -> None:
    record = Record("min", seconds=60)
    answer = center._by_weights(rows_of(_FANO), 3, record)
    assert isinstance(answer, np.ndarray)
    assert (_FANO[:, answer].sum(axis=1) >= 1).all()
    assert center._by_relaxation(rows_of(_FANO), 3, record) is None


def _needs_the_solver(seed: int) -> tuple[Floats, int]:
    """Return steps between five homes on a ring, three times over, so that parts of sites promise too much."""
    ring = np.full((15, 15), 9.0)
    for island in range(3):
        for i in range(5):
            for j in (i, (i + 1) % 5):
                ring[5 * island + i, 5 * island + j] = 1.0
    order = np.random.default_rng(seed).permutation(15)
    return ring[order], 8


def test_where_neither_greed_nor_weights_decide_the_solver_does() -> None:
    # Each ring of five needs 3 sites (parts: 2.5 each, 7.5 in all), so that 8 are too few and 9 enough.
    distance, p = _needs_the_solver(1)
    record = Record("min", seconds=60)
    near = rows_of(distance <= 1)
    assert center._by_weights(near, p, record) is None
    assert center._by_relaxation(near, p, record) is None
    assert center._by_exchange(near, p, 200, 1) is None
    assert _locate(distance, p)[1].value == 9.0
    assert _locate(distance, p + 1)[1].value == 1.0


def test_exchanges_find_what_a_first_choice_misses() -> None:
    # The site of four looks best, but only the two of three cover everybody.
    table = np.array([[1, 0, 1], [1, 0, 1], [1, 0, 0], [0, 1, 1], [0, 1, 1], [0, 1, 0]])
    found = center._by_exchange(rows_of(table), 2, 50, 1)
    assert found is not None
    assert found.tolist() == [0, 1]


@settings(deadline=None, max_examples=8)
@given(st.integers(0, 10_000))
def test_many_points_are_asked_about_a_few_at_a_time(seed: int) -> None:
    numbers = np.random.default_rng(seed)
    distance = np.abs(numbers.random(2_500)[:, None] - numbers.random(6)).round(3)
    found, record = _locate(distance, 3)
    assert found
    assert record.value == _brute(distance, 3, ())
    assert record.gap == 0


@pytest.mark.parametrize("seed", [1718, 2])
def test_distances_without_any_order_are_searched_as_well(seed: int) -> None:
    distance = np.random.default_rng(seed).integers(1, 60, (2_500, 6)).astype(float)
    found, record = _locate(distance, 3)
    assert found
    assert record.value == _brute(distance, 3, ())
    assert record.gap == 0


def test_the_same_input_gives_the_same_answer() -> None:
    distance = np.random.default_rng(5).random((60, 20))
    (_, one), (_, two) = _locate(distance, 5), _locate(distance, 5)
    assert one.sites is not None
    assert two.sites is not None
    assert one.sites.tolist() == two.sites.tolist()
    assert [m.bound for m in one.trace] == [m.bound for m in two.trace]
