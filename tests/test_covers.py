"""Covers say of every point which sites reach it, however the points come and wherever they are."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array, csr_array

from allocate import covers
from allocate.covers import Covers, covers_of, covers_of_times, covers_within
from allocate.reduce import Floats, Mask

SLOWLY = settings(max_examples=80, deadline=None)
# On a lattice many points lie exactly on a circle: 3, 4, 5 and 5, 12, 13.
LATTICE = st.integers(-13, 13).map(float)
ANYWHERE = st.floats(-20, 20, allow_subnormal=False)
RADII = st.sampled_from([0.0, 0.5, 1.0, 5.0, 13.0, 40.0]) | st.floats(0.01, 30)
# The side of a cell as a share of the radius; 0: every point is tried with the sites near it.
SIDES = (0.0, 1.0, 0.3, 0.05)


def spots(most: int, least: int = 0) -> st.SearchStrategy[Floats]:
    """Draw coordinates, some twice and some all in one place."""
    several = st.lists(st.tuples(LATTICE, LATTICE) | st.tuples(ANYWHERE, ANYWHERE), min_size=least, max_size=most)
    heap = st.builds(lambda spot, times: [spot] * times, st.tuples(LATTICE, LATTICE), st.integers(least, most))
    return (several | heap).map(lambda rows: np.array(rows, dtype=float).reshape(-1, 2))


def reached(points: Floats, sites: Floats, radius: float) -> Mask:
    across, along = points[:, :1] - sites[:, 0], points[:, 1:] - sites[:, 1]
    return across * across + along * along <= radius * radius if radius else (across == 0) & (along == 0)


def agree(found: Covers, table: Mask, weight: Floats) -> None:
    """Check covers against the whole table points × sites."""
    matrix = found.matrix.toarray().astype(np.bool_)
    inside = found.group_of >= 0
    assert len(found.group_of) == len(table)
    assert (matrix[found.group_of[inside]] == table[inside]).all()
    assert not table[~inside].any()
    assert matrix.any(axis=1).all()
    assert len(np.unique(matrix, axis=0)) == len(matrix)
    assert found.weight.tolist() == np.bincount(found.group_of[inside], weight[inside], len(matrix)).tolist()
    assert (found.matrix.dtype, found.matrix.indices.dtype, found.weight.dtype, found.group_of.dtype) == (
        np.uint8, np.int32, np.float64, np.int32,
    )  # fmt: skip
    assert (np.diff(found.matrix.indices.astype(int) + 10**6 * np.repeat(range(len(matrix)), matrix.sum(1))) > 0).all()


def take_sides_of(monkeypatch: pytest.MonkeyPatch, side: float) -> None:
    """Lay a grid of a given side wherever a grid can be laid."""

    def expected(discs: Any, box: Any, points: Any, count: int) -> Any:
        able = covers._Grid.cells(box, side * discs.radius) < 1e6
        return covers._Work(side * discs.radius if able else 0.0, 1.0)

    monkeypatch.setattr(covers._Work, "expected", expected)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("crossing", [1, 8])
def test_every_point_is_reached_by_the_sites_that_its_distance_says(side: float, crossing: int) -> None:
    @given(spots(30), spots(12, 1), RADII)
    @SLOWLY
    def check(points: Floats, sites: Floats, radius: float) -> None:
        weight = np.arange(len(points), dtype=float)
        agree(covers_within(points, sites, radius, weight), reached(points, sites, radius), weight)

    with pytest.MonkeyPatch.context() as patch:
        take_sides_of(patch, side)
        patch.setattr(covers, "_CROSSING", crossing)
        check()


@pytest.mark.parametrize("side", SIDES)
def test_points_may_come_in_blocks(side: float) -> None:
    random = np.random.default_rng(8)
    points, sites, weight = random.random((500, 2)), random.random((20, 2)), random.integers(0, 9, 500).astype(float)

    def blocks() -> Iterator[tuple[Floats, Floats]]:
        for begin in range(0, 500, 7):
            yield points[begin : begin + 7], weight[begin : begin + 7]

    with pytest.MonkeyPatch.context() as patch:
        take_sides_of(patch, side)
        patch.setattr(covers, "_BATCH", 64)
        patch.setattr(covers, "_CHUNK", 4)
        patch.setattr(covers, "_HELD", 20)
        patch.setattr(covers, "_CODES", 400)
        agree(covers_within(blocks(), sites, 0.2), reached(points, sites, 0.2), weight)
        agree(covers_within(points, sites, 0.2, weight), reached(points, sites, 0.2), weight)
        alone = covers_within(iter([(points, None)]), sites, 0.2)
        agree(alone, reached(points, sites, 0.2), np.ones(500))


@pytest.mark.parametrize(
    ("scale", "away"), [(1.0, 0.0), (1e-6, 0.0), (1e5, 4e6), (1e-3, 1e5), (1e-9, 1e6), (1e90, 0.0)]
)
@pytest.mark.parametrize("radius", [0.05, 0.2, 3.0])
def test_many_points_are_reached_as_few_are(scale: float, away: float, radius: float) -> None:
    random = np.random.default_rng(9)
    points, sites = scale * random.random((30_000, 2)) + away, scale * random.random((40, 2)) + away
    weight = random.integers(1, 101, 30_000).astype(float)
    agree(covers_within(points, sites, scale * radius, weight), reached(points, sites, scale * radius), weight)


def test_coordinates_and_weights_may_take_less_room() -> None:
    random = np.random.default_rng(10)
    points, sites = random.random((20_000, 2)).astype(np.float32), random.random((40, 2))
    weight = random.integers(1, 101, 20_000).astype(np.int16)
    table = reached(points.astype(np.float64), sites, 0.2)
    agree(covers_within(points, sites, 0.2, weight), table, weight.astype(float))


def test_a_grid_is_laid_where_points_are_many_and_not_where_they_are_few() -> None:
    random = np.random.default_rng(1)
    points, sites = random.random((100_000, 2)), random.random((100, 2))
    discs = covers._Discs.of(sites, 0.1)
    assert covers._Work.expected(discs, discs.box(), points, 10_000_000).side > 0
    assert covers._Work.expected(discs, discs.box(), points, 100).side == 0


def test_towns_far_apart_have_points_reached_as_anywhere() -> None:
    random = np.random.default_rng(2)
    towns = random.random((5, 2)) * 1e4
    points = np.concatenate([town + random.normal(size=(6000, 2)) for town in towns])
    sites = np.concatenate([town + random.normal(size=(15, 2)) for town in towns])
    agree(covers_within(points, sites, 0.4), reached(points, sites, 0.4), np.ones(30_000))


@pytest.mark.parametrize("side", SIDES)
def test_sites_beyond_all_points_reach_nobody_and_points_beyond_all_sites_are_reached_by_nobody(side: float) -> None:
    points = np.array([[0.0, 0.0], [1.0, 0.0], [1e300, -1e300], [-1e308, 0.0], [7e9, 7e9]])
    sites = np.array([[0.5, 0.0], [0.0, 5.0], [7e9, -7e9], [1e98, 0.0]])
    table = np.array([[1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]], dtype=np.bool_)
    with pytest.MonkeyPatch.context() as patch:
        take_sides_of(patch, side)
        agree(covers_within(points, sites, 0.75), table, np.ones(5))
        agree(covers_within(points[:2], sites[:3], 0.75), table[:2, :3], np.ones(2))
        agree(covers_within(points[2:], sites, 0.75), table[2:], np.ones(3))


@pytest.mark.parametrize("power", [-1074, -1030, -700, -300, 400, 1000, 1020])
def test_units_at_the_ends_of_what_floats_hold_change_nothing(power: int) -> None:
    unit = 2.0**power
    points = np.array([[3.0, 4.0], [4.0, 4.0], [0.0, 0.0], [-5.0, 0.0], [0.0, 6.0], [-9.0, 0.0]])
    sites = np.array([[0.0, 0.0], [8.0, 8.0]])
    agree(covers_within(unit * points, unit * sites, 5 * unit), reached(points, sites, 5.0), np.ones(6))


def test_radius_zero_reaches_the_same_spot_and_no_other() -> None:
    spots_close = np.array([[0.0, 0.0], [5e-324, 0.0], [1.0, 1.0], [1.0, 1.0], [1.0, 1.0 + 3e-16], [-0.0, 0.0]])
    found = covers_within(spots_close, spots_close[:3], 0.0)
    assert found.group_of.tolist() == [0, 1, 2, 2, -1, 0]


def test_without_points_or_sites_there_are_no_rows() -> None:
    for found in (
        covers_within(np.zeros((0, 2)), np.zeros((3, 2)), 1.0),
        covers_within(iter([]), np.zeros((3, 2)), 1.0),
        covers_of(np.zeros((0, 3))),
        covers_of(csr_array((0, 3))),
    ):
        assert found.matrix.shape == (0, 3)
        assert len(found.weight) == len(found.group_of) == 0
    for found in (covers_within(np.zeros((4, 2)), np.zeros((0, 2)), 1.0), covers_of(np.zeros((4, 0)))):
        assert found.matrix.shape == (0, 0)
        assert found.group_of.tolist() == [-1] * 4


@given(st.data())
@SLOWLY
def test_a_table_says_the_same_dense_sparse_and_as_times(data: st.DataObject) -> None:
    points, sites = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 5))
    times = np.array(data.draw(st.lists(st.integers(0, 4), min_size=points * sites, max_size=points * sites)))
    times = times.reshape(points, sites).astype(float)
    weight = np.array(data.draw(st.lists(st.integers(0, 9), min_size=points, max_size=points)))
    table = times <= 2
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(covers, "_PAIRS", data.draw(st.sampled_from([1, 4, 1 << 20])))
        patch.setattr(covers, "_BATCH", data.draw(st.sampled_from([1, 4, 1 << 20])))
        for found in (
            covers_of(table, weight),
            covers_of(3.5 * table, weight),
            covers_of(coo_array(table), weight),
            covers_of_times(times, 2, weight),
            covers_of_times(times.astype(np.float32), 2, weight),
        ):
            agree(found, table, weight.astype(float))


def test_where_there_is_no_way_nobody_is_reached() -> None:
    found = covers_of_times(np.array([[np.nan, 3.0], [np.inf, np.nan]]), 5.0)
    assert found.matrix.toarray().tolist() == [[0, 1]]
    assert found.group_of.tolist() == [0, -1]


def test_the_same_points_give_the_same_covers() -> None:
    random = np.random.default_rng(4)
    points, sites = random.random((50_000, 2)), random.random((60, 2))
    first, second = (covers_within(points, sites, 0.1) for _ in range(2))
    assert (first.group_of == second.group_of).all()
    assert (first.matrix.indices == second.matrix.indices).all()


@given(spots(40, least=1), spots(8, least=1), RADII, st.booleans())
@SLOWLY
def test_sites_of_a_point_kept_as_bits_are_those_that_its_distance_says(
    points: Floats, sites: Floats, radius: float, alike: bool
) -> None:
    # (More than a word of sites, and cells of a few points.)
    sites = np.concatenate((sites, sites + 0.5, *([sites * 0.25] * 8)))
    weight = np.arange(1.0, len(points) + 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(covers, "_is_dense", lambda sites, reached: True)
        patch.setattr(covers, "_CELL_WORK", 2)
        patch.setattr(covers, "_PAIRS", 256)
        patch.setattr(covers, "_BITS", 100)
        if alike:
            patch.setattr(covers, "_sums", lambda words: np.zeros(len(words), dtype=np.uint64))
        take_sides_of(patch, 0.0)
        found = covers_within(points, sites, radius, weight)
    agree(found, reached(points, sites, radius), weight)


def test_where_many_sites_reach_a_point_they_are_kept_as_bits_with_the_same_result() -> None:
    random = np.random.default_rng(8)
    sites = random.random((130, 2))
    for points in (random.random((3000, 2)), random.integers(0, 11, (3000, 2)) / 10):
        points[:3] = [[1e300, -1e300], [40.0, 0.5], [-1e308, 1e308]]
        found = covers_within(points, sites, 0.5)
        with np.errstate(over="ignore"):
            agree(found, reached(points, sites, 0.5), np.ones(len(points)))
