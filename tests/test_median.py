"""The p-median core: equal to trying every plan, whatever stands, is far, or is tied; and honest when time is short."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.sparse.csgraph import shortest_path

import allocate.classics.median as median
from allocate.classics.median import locate_medians
from allocate.classics.record import Moment, Proof, Record
from allocate.program import Instance, branch

Situation = tuple[Any, Any, int, list[int]]


def solved(distance: Any, weight: Any, p: int, *, seconds: float = 30.0, **told: Any) -> Record:
    standing = told.pop("standing", ())
    record = Record("min", seconds=seconds, **told)
    locate_medians(np.asarray(distance, dtype=float), np.asarray(weight, dtype=float), p, record, standing=standing)
    return record


def cost_of(distance: Any, weight: Any, sites: Any) -> float:
    return float(weight @ distance[:, sorted(sites)].min(axis=1))


def best_of_all(distance: Any, weight: Any, p: int, standing: list[int]) -> float:
    """Try every plan."""
    free = [site for site in range(distance.shape[1]) if site not in standing]
    plans = combinations(free, min(p, len(free)))
    return min((cost_of(distance, weight, [*standing, *plan]) for plan in plans if standing or plan), default=np.inf)


@st.composite
def situations(draw: st.DrawFn, *, most_points: int = 9, most_sites: int = 7) -> Situation:
    """Draw points, sites, far pairs, ties, zero distances and equal points."""
    points, sites = draw(st.integers(1, most_points)), draw(st.integers(1, most_sites))
    steps = st.sampled_from([0.0, 1.0, 1.0, 2.0, 3.0, 5.0, 8.0, 8.5, 13.25, np.inf])
    distance = np.array(draw(st.lists(steps, min_size=points * sites, max_size=points * sites))).reshape(points, sites)
    weight = np.array(draw(st.lists(st.integers(1, 9), min_size=points, max_size=points)), dtype=float)
    again = draw(st.lists(st.integers(0, points - 1), max_size=3))
    distance, weight = np.vstack((distance, distance[again])), np.append(weight, np.full(len(again), 2.0))
    standing = draw(st.lists(st.integers(0, sites - 1), max_size=2, unique=True))
    return distance, weight, draw(st.integers(1, sites)), standing


@given(situations())
@settings(max_examples=300, deadline=None)
def test_the_plan_is_as_good_as_the_best_of_all_plans(situation: Situation) -> None:
    distance, weight, p, standing = situation
    best = best_of_all(distance, weight, p, standing)
    record = solved(distance, weight, p, standing=standing)
    if np.isinf(best):
        assert record.sites is None, "a plan was told that leaves a point out"
        return
    assert record.value == pytest.approx(best)
    assert record.is_proven
    assert record.sites is not None
    assert len(record.sites) <= p
    assert not set(record.sites) & set(standing)
    assert cost_of(distance, weight, {*record.sites, *standing}) == pytest.approx(best)


@given(situations(most_points=12, most_sites=9))
@settings(max_examples=150, deadline=None)
def test_whole_values_are_proven_sooner_but_not_otherwise(situation: Situation) -> None:
    distance, weight, p, standing = situation
    distance = np.ceil(distance)
    record = solved(distance, weight, p, standing=standing, whole=True)
    best = best_of_all(distance, weight, p, standing)
    if np.isfinite(best):
        assert (record.value, record.bound) == (best, best)
    else:
        assert record.value is None


@given(situations(), st.sampled_from([0.01, 0.1, 0.5]))
@settings(max_examples=100, deadline=None)
def test_a_gap_that_is_allowed_is_kept(situation: Situation, gap: float) -> None:
    distance, weight, p, standing = situation
    best = best_of_all(distance, weight, p, standing)
    record = solved(distance, weight, p, standing=standing, gap=gap)
    if np.isfinite(best):
        assert record.bound is not None
        assert record.value is not None
        assert record.bound <= best * (1 + 1e-9) <= record.value * (1 + 2e-9)
        assert record.gap <= gap


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_searching_on_finds_what_prices_alone_do_not_prove(seed: int) -> None:
    generator = np.random.default_rng(seed)
    distance = generator.integers(1, 100, (25, 12)).astype(float)
    weight = generator.integers(1, 20, 25).astype(float)
    for p in (2, 4):
        assert solved(distance, weight, p).value == best_of_all(distance, weight, p, [])


def random_graph(points: int, seed: int) -> Any:
    """Return the shortest ways in a random connected graph, like those of the OR-Library's p-median files."""
    generator = np.random.default_rng(seed)
    edges = points * points // 50
    order = generator.permutation(points)
    begin = np.concatenate((order[:-1], generator.integers(0, points, edges)))
    end = np.concatenate((order[1:], generator.integers(0, points, edges)))
    length = generator.integers(1, 101, len(begin)).astype(float)
    _, first = np.unique(np.minimum(begin, end) * points + np.maximum(begin, end), return_index=True)
    graph = sparse.coo_array((length[first], (begin[first], end[first])), shape=(points, points))
    return np.round(shortest_path(graph, directed=False))


def plain_program(distance: Any, weight: Any, p: int) -> Instance:
    """Write the textbook's program: every point goes to one site, which is open."""
    points, sites = distance.shape
    x = sites + np.arange(points * sites)
    point, site = np.divmod(np.arange(points * sites), sites)
    once = sparse.coo_array((np.ones(len(x)), (point, x)), shape=(points, sites + len(x)))
    ties = sparse.coo_array(
        (np.repeat([1.0, -1.0], len(x)), (np.tile(np.arange(len(x)), 2), np.concatenate((site, x)))),
        shape=(len(x), sites + len(x)),
    )
    budget = sparse.coo_array(
        (np.ones(sites), (np.zeros(sites, dtype=int), np.arange(sites))), shape=(1, sites + len(x))
    )
    columns = sites + len(x)
    return Instance(
        "plain",
        np.concatenate((np.zeros(sites), (weight[:, None] * distance).ravel())),
        0.0,
        np.zeros(columns),
        np.ones(columns),
        np.arange(columns) < sites,
        sparse.csr_array(sparse.vstack((once, ties, budget))),
        np.concatenate((np.ones(points), np.zeros(len(x)), [0.0])),
        np.concatenate((np.ones(points), np.full(len(x), np.inf), [float(p)])),
        [],
        [],
    )


@pytest.mark.parametrize(("p", "seed"), [(3, 1), (6, 2), (12, 3)])
def test_a_random_graph_gives_what_the_plain_program_gives(p: int, seed: int) -> None:
    distance = random_graph(45, seed)
    weight = np.random.default_rng(seed).integers(1, 10, 45).astype(float)
    plain = plain_program(distance, weight, p)
    found = branch(plain, seconds=60, apart=False)
    assert found.finished
    assert found.values is not None
    record = solved(distance, weight, p, whole=True)
    assert record.value == pytest.approx(plain.value(found.values))
    assert record.is_proven


def test_what_is_left_is_the_same_problem_for_highs(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(5)
    distance = generator.integers(1, 100, (40, 18)).astype(float)
    distance[generator.random(distance.shape) < 0.2] = np.inf
    weight = generator.integers(1, 9, 40).astype(float)
    best = best_of_all(distance, weight, 4, [0])
    alone = solved(distance, weight, 4, standing=[0], whole=True)
    monkeypatch.setattr(median, "_OWN_NODES", 1)
    asked = solved(distance, weight, 4, standing=[0], whole=True)
    assert [step for step, _, _ in asked.steps].count("radius form") == 1
    assert alone.value == asked.value == best
    assert (alone.proof, asked.proof) == (Proof.BRANCHING, Proof.SOLVER)
    assert asked.bound == best


def greedy_value(distance: Any, weight: Any, p: int) -> float:
    """Open the site that helps most, p times."""
    chosen: list[int] = []
    for _ in range(p):
        values = [cost_of(distance, weight, {*chosen, site}) for site in range(distance.shape[1])]
        chosen.append(int(np.argmin(values)))
    return cost_of(distance, weight, chosen)


def test_out_of_time_at_once_a_plan_and_a_bound_that_holds_are_known() -> None:
    distance = random_graph(120, 4)
    weight = np.ones(120)
    proven = solved(distance, weight, 12, whole=True)
    hurried = solved(distance, weight, 12, seconds=0.0, whole=True)
    assert hurried.value is not None
    assert hurried.bound is not None
    assert proven.value is not None
    assert 0 < hurried.bound <= proven.value <= hurried.value
    assert hurried.sites is not None
    assert cost_of(distance, weight, hurried.sites) == hurried.value <= greedy_value(distance, weight, 12)


def test_at_every_moment_the_bound_is_below_the_best_plan_and_both_only_improve() -> None:
    moments: list[Moment] = []
    distance = random_graph(150, 6)
    record = solved(distance, np.ones(150), 8, whole=True, listen=moments.append)
    assert record.is_proven
    values = [moment.value for moment in moments if moment.value is not None]
    bounds = [moment.bound for moment in moments if moment.bound is not None]
    assert values == sorted(values, reverse=True)
    assert bounds == sorted(bounds)
    assert max(bounds) <= min(values)


def test_the_same_input_gives_the_same_plan() -> None:
    generator = np.random.default_rng(3)
    places, sites = generator.random((200, 2)), generator.random((60, 2))
    distance = np.hypot(*(places[:, None] - sites).transpose(2, 0, 1))
    weight = np.arange(1.0, 201.0)
    first, second = solved(distance, weight, 9), solved(distance, weight, 9)
    assert first.value == second.value
    assert first.sites is not None
    assert second.sites is not None
    assert first.sites.tolist() == second.sites.tolist()


def test_where_every_site_opens_everyone_goes_to_the_nearest() -> None:
    distance = np.random.default_rng(1).random((30, 5))
    record = solved(distance, np.ones(30), 9)
    assert record.value == pytest.approx(distance.min(axis=1).sum())
    assert record.sites is not None
    assert record.sites.tolist() == [0, 1, 2, 3, 4]
    assert record.is_proven


def test_without_sites_to_open_the_standing_ones_serve_everyone() -> None:
    distance = np.random.default_rng(1).random((30, 5))
    record = solved(distance, np.ones(30), 0, standing=[1, 3])
    assert record.value == pytest.approx(distance[:, [1, 3]].min(axis=1).sum())
    assert record.is_proven


def test_points_in_the_same_place_are_one() -> None:
    generator = np.random.default_rng(2)
    places = generator.random((20, 10))
    place = generator.integers(0, 20, 500)
    weight = generator.integers(1, 5, 500).astype(float)
    many = solved(places[place], weight, 3)
    few = solved(places, np.bincount(place, weight, minlength=20), 3)
    assert many.value == pytest.approx(few.value)
    assert many.steps[0][2] == "20 points"


def test_equal_hashes_of_different_points_do_not_make_them_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def all_the_same(values: Any) -> Any:
        return np.zeros(1, dtype=np.int64), np.zeros(len(values), dtype=np.int32)

    monkeypatch.setattr(median, "same_values", all_the_same)
    distance = np.random.default_rng(2).random((12, 6))
    record = solved(distance, np.ones(12), 2)
    assert record.value == pytest.approx(best_of_all(distance, np.ones(12), 2, []))
