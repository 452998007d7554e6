"""What a large problem needs: arrays instead of PuLP, bounds from weighted rows, and only columns that can move."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import highspy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from tiny import cases, optional_years, rule

from allocate import program as module
from allocate.case import Case
from allocate.decisions import siting
from allocate.greedy import greedy
from allocate.program import Instance, Objective, Options, Program
from allocate.rows import Column, Key, Number, Row
from allocate.rules import Rule
from allocate.two_steps import rows_of, start_of

SLOWLY = settings(max_examples=60, deadline=None)
EXACT = Options(seconds=30, gap=0.0, threads=1, quick=True)


@pytest.fixture
def as_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat every problem as a large one."""
    monkeypatch.setattr(module, "_DIRECT_NONZEROS", -1)


def clinics(seed: int) -> tuple[Program, Objective, float, list[list[Key]]]:
    """Return: open clinics and send people to them, the optimum by looking at all points, and neighbourhoods.

    A clinic has room for 20 people; whoever is sent nowhere counts 1,000 (Sridharan 1995, European Journal of
    Operational Research 87(2)). Every place has 10 people and every trip of a pair the same price, so that each clinic
    is filled best by whole places.
    """
    random = np.random.default_rng(seed)
    places, sites = 4, 4
    price = random.integers(10, 900, sites).tolist()
    reach = random.random((places, sites)) < 0.6
    program = Program("clinics")
    program.add_columns(Column(("open", j), whole=True) for j in range(sites))
    program.add_columns(Column(("serve", i, j), high=10) for i, j in zip(*np.nonzero(reach), strict=True))
    for i in range(places):
        program.add_rows("once", [Row((i,), {("serve", i, j): 1 for j in np.flatnonzero(reach[i])}, "<=", 10)])
    for j in range(sites):
        load: dict[Key, Number] = {("serve", i, j): 1 for i in np.flatnonzero(reach[:, j])}
        program.add_rows("room", [Row((j,), load | {("open", j): -20}, "<=", 0)])
    terms: dict[Key, Number] = {("open", j): price[j] for j in range(sites)}
    terms |= {("serve", i, j): -100 for i, j in zip(*np.nonzero(reach), strict=True)}

    def served(chosen: Sequence[int]) -> int:
        """Return how many places can be served: every site takes two."""
        seats = [j for j in chosen for _ in range(2)] + [-1] * places
        return max(
            sum(j >= 0 and bool(reach[i, j]) for i, j in enumerate(taken))
            for taken in itertools.permutations(seats, places)
        )

    best = min(
        sum(price[j] for j in chosen) - 1000 * served(chosen)
        for size in range(sites + 1)
        for chosen in itertools.combinations(range(sites), size)
    )
    near: list[list[Key]] = [
        [("open", j), *(("serve", i, j) for i in np.flatnonzero(reach[:, j]))] for j in range(sites)
    ]
    return program, Objective("cost", terms, 4000), float(best + 4000), near


@pytest.mark.parametrize("seed", range(8))
def test_arrays_lead_to_the_same_optimum(seed: int, as_arrays: None) -> None:
    program, objective, best, near = clinics(seed)
    start: dict[Key, Number] = {("open", j): 1 for j in range(4)}
    for begin, neighbourhoods in ((None, ()), (start, near)):
        found = program.solve(objective, EXACT, begin, neighbourhoods)
        assert found.objective == pytest.approx(best, rel=1e-7)
        assert found.bound == pytest.approx(best, rel=1e-7)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[object]]:
    """Return what HiGHS is told from now on: every value of every option."""
    said: dict[str, set[object]] = {}
    plain = highspy.Highs.setOptionValue

    def noting(solver: highspy.Highs, name: str, value: object) -> object:
        said.setdefault(name, set()).add(value)
        return plain(solver, name, value)

    monkeypatch.setattr(highspy.Highs, "setOptionValue", noting)
    return said


@pytest.mark.parametrize("direct", [-1, 10**6])
@pytest.mark.parametrize("sees_links", [False, True])
def test_parts_of_a_wide_problem_are_searched_plainly_and_lead_to_the_same_optimum(
    sees_links: bool, direct: int, told: dict[str, set[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    # (With PuLP and without, each is asked to leave out searches of its own.)
    monkeypatch.setattr(module, "_DIRECT_IN_A_HURRY", direct)
    monkeypatch.setattr(module, "_EASY_NONZEROS", -1)
    monkeypatch.setattr(module, "_WIDE_NONZEROS", -1)
    for seed in range(4):
        program, objective, best, near = clinics(seed)
        start: dict[Key, Number] = {("open", j): 1 for j in range(4)}
        found = program.solve(replace(objective, sees_links=sees_links), EXACT, start, near)
        assert found.objective == pytest.approx(best, rel=1e-7)
        assert found.bound == pytest.approx(best, rel=1e-7)
    assert told["mip_heuristic_run_rins"] == told["mip_heuristic_run_root_reduced_cost"] == {False}
    # What was rounded by the relaxation already is not rounded by it once more.
    assert ("mip_heuristic_run_rens" in told) == sees_links


def hubs(number: int) -> tuple[Program, Objective, dict[Key, Number]]:
    """Return: open hubs with room for 80 for places with 10 people each, and a start."""
    random = np.random.default_rng(0)
    program = Program("hubs")
    program.add_columns(Column(("open", j), whole=True) for j in range(number))
    program.add_columns(Column(("serve", i, j), high=10) for i in range(number) for j in range(number))
    for i in range(number):
        program.add_rows("once", [Row((i,), {("serve", i, j): 1 for j in range(number)}, ">=", 10)])
    for j in range(number):
        load: dict[Key, Number] = {("serve", i, j): 1 for i in range(number)}
        program.add_rows("room", [Row((j,), load | {("open", j): -80}, "<=", 0)])
    terms: dict[Key, Number] = {("open", j): int(random.integers(10, 900)) for j in range(number)}
    start: dict[Key, Number] = {("open", j): 1 for j in range(number)}
    return program, Objective("cost", terms), start | {("serve", i, i): 10 for i in range(number)}


def test_a_proof_that_need_not_be_close_is_one_all_the_same() -> None:
    program, objective, _ = hubs(60)
    close, rough = (program.prove(objective, EXACT, gap=gap) for gap in (None, 0.05))
    assert close is not None
    assert rough is not None
    assert 0.95 * close <= rough < close


@pytest.mark.parametrize("gap", [0.0, 1e-11, 1e-6])
def test_a_gap_next_to_nothing_is_searched_for_all_the_same(gap: float, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_WIDE_NONZEROS", "_DIRECT_IN_A_HURRY", "_DIRECT_NONZEROS"):
        monkeypatch.setattr(module, name, -1)
    program, objective, start = hubs(20)
    found = program.solve(objective, replace(EXACT, gap=gap, quick=True), start, [[("open", j) for j in range(9)]])
    assert found.objective == pytest.approx(found.bound, rel=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_interior_points_bound_what_the_simplex_method_bounds(seed: int) -> None:
    instance, _ = clinics(seed)[0].instance(clinics(seed)[1])
    # (Only the sites have a price here, so that the large problem is left to interior points.)
    cost = np.where(instance.whole, instance.cost, 0.0)
    people = np.where(instance.whole, 0.0, 1.0)
    wanted = sparse.csr_array(sparse.vstack([instance.matrix, sparse.csr_array(people[None])]))
    most = float(module._run(replace(instance, cost=-people), EXACT, seconds=9, relax=True).bound or 0.0)
    asked = replace(
        instance,
        cost=cost,
        matrix=wanted,
        row_low=np.append(instance.row_low, -most / 2),
        row_high=np.append(instance.row_high, np.inf),
        row_names=[*instance.row_names, "wanted"],
    )
    simplex = module._run(asked, EXACT, seconds=9, relax=True)
    interior = module._run_arrays(asked, EXACT, 9, True, None, None, None, None, True, False)
    assert simplex.bound is not None
    assert interior.bound is not None
    assert interior.bound == pytest.approx(simplex.bound, abs=1e-5)
    assert interior.bound <= simplex.bound + 1e-9


def boxes() -> st.SearchStrategy[Instance]:
    """Return a strategy for problems of a few columns between 0 and 2 that hold at a point drawn with them."""
    numbers = st.integers(-3, 3)

    @st.composite
    def draw_one(draw: st.DrawFn) -> Instance:
        columns, rows = draw(st.integers(1, 4)), draw(st.integers(1, 4))
        matrix = np.array(draw(st.lists(numbers, min_size=columns * rows, max_size=columns * rows)), dtype=float)
        matrix = matrix.reshape(rows, columns)
        point = np.array(draw(st.lists(st.integers(0, 2), min_size=columns, max_size=columns)), dtype=float)
        room = np.array(draw(st.lists(st.sampled_from([0.0, 0.0, 1.0, np.inf]), min_size=2 * rows, max_size=2 * rows)))
        return Instance(
            "box",
            np.array(draw(st.lists(numbers, min_size=columns, max_size=columns)), dtype=float),
            1.0,
            np.zeros(columns),
            np.full(columns, 2.0),
            np.ones(columns, dtype=bool),
            sparse.csr_array(matrix),
            matrix @ point - room[:rows],
            matrix @ point + room[rows:],
            [f"c{c}" for c in range(columns)],
            [f"r{r}" for r in range(rows)],
        )

    return draw_one()


def points(instance: Instance) -> list[np.ndarray[Any, np.dtype[np.float64]]]:
    """Return every whole point of the box that keeps the rows."""
    box = itertools.product(*(range(int(high) + 1) for high in instance.high))
    return [point for point in map(np.array, box) if instance.holds(point.astype(float))]


@given(instance=boxes(), data=st.data())
@SLOWLY
def test_weighted_rows_prove_no_more_than_is_true(instance: Instance, data: st.DataObject) -> None:
    count = len(instance.row_low)
    weights = data.draw(st.lists(st.floats(-9, 9), min_size=count, max_size=count))
    best = min(instance.value(point.astype(float)) for point in points(instance))
    assert module._weighed(instance, np.array(weights)) <= best


def test_weights_that_are_next_to_nothing_prove_no_more_than_is_true_either() -> None:
    # The best is (0, 2, 2), −3·2 − 2 + 1 = −7; in floats, the costs that are left come to a hair more.
    instance = Instance(
        "box",
        np.array([0.0, -3.0, -1.0]),
        1.0,
        np.zeros(3),
        np.full(3, 2.0),
        np.ones(3, dtype=bool),
        sparse.csr_array(np.array([[-3.0, -3.0, 1.0]])),
        np.array([-4.0]),
        np.array([-4.0]),
        ["c0", "c1", "c2"],
        ["r0"],
    )
    for weight in (7e-9, 2e-9, -5e-9, 1e-16, 0.0):
        assert module._weighed(instance, np.array([weight])) <= -7.0


@given(instance=boxes(), data=st.data())
@SLOWLY
def test_columns_that_cannot_move_are_the_same_in_every_point_that_is_left(
    instance: Instance, data: st.DataObject
) -> None:
    feasible = points(instance)
    values = data.draw(st.sampled_from(feasible)).astype(float)
    free = np.array(sorted(data.draw(st.sets(st.integers(0, len(values) - 1)))), dtype=np.int64)
    loose = instance.loose(free, values)
    stuck = np.setdiff1d(free, loose)
    held = np.setdiff1d(np.arange(len(values)), free)
    assert set(loose.tolist()) <= set(free.tolist())
    for point in feasible:
        if (point[held] == values[held]).all():
            assert (point[stuck] == values[stuck]).all()


def test_whom_a_closed_site_would_serve_need_not_be_decided() -> None:
    program, objective, _, _ = clinics(0)
    instance, _ = program.instance(objective)
    keys = list(program.keys)
    values = np.array([float(key == ("open", 0)) for key in keys])
    flows = np.flatnonzero(~instance.whole)
    assert {keys[c] for c in instance.loose(flows, values)} == {
        key for key in keys if key[0] == "serve" and key[2] == 0
    }


@st.composite
def asked_of(draw: st.DrawFn, case: Case) -> list[Rule]:
    """Draw one to three clauses that a first plan may miss."""
    share = st.sampled_from([0.5, 1.0])
    found = [
        rule("reach", share=draw(share), scope=draw(st.sampled_from(["district", "town", "place"]))),
        rule("count", kinds=("clinic", "station"), at_most=draw(st.integers(0, 2)), years=draw(optional_years(case))),
        rule("keep", sites=(case.sites[0].id,), years=draw(optional_years(case))),
    ]
    return draw(st.lists(st.sampled_from(found), min_size=1, max_size=3, unique_by=id))


@given(data=st.data())
@SLOWLY
def test_a_first_plan_starts_the_search_as_it_stands_with_all_that_it_misses(data: st.DataObject) -> None:
    case = data.draw(cases())
    rules = {f"r{number}": each for number, each in enumerate(data.draw(asked_of(case)))}
    layout = greedy(case, rules.values())
    program = Program("start")
    program.add_columns(siting.columns(case))
    program.add_rows("siting", siting.rows(case))
    for name, each in rules.items():
        program.add_rule(name, each.rows(case), each.strength, each.weight)
    objectives = [
        each for strength in {r.strength for r in rules.values()} for each in program.clause_objectives(strength)
    ]
    start, _ = start_of(case, rows_of(case, rules), rules, layout)
    for objective in objectives:
        instance, _ = program.instance(objective)
        values = np.array([start.get(key, 0.0) for key in program.keys])
        assert instance.holds(values)
        # Shortfalls are no greater than they must be.
        smaller = np.where([key[0] == "short" for key in program.keys], values - 0.01, values)
        assert not values[[key[0] == "short" for key in program.keys]].any() or not instance.holds(
            np.maximum(smaller, 0)
        )


def test_a_start_that_is_a_plan_is_not_completed_where_nothing_else_has_a_price(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program, objective, _, _ = clinics(1)
    opens = replace(objective, terms={key: price for key, price in objective.terms.items() if key[0] == "open"})
    asked: list[int] = []
    run = module._run

    def noting(instance: Instance, *others: Any, **more: Any) -> Any:
        asked.append(len(instance.low))
        return run(instance, *others, **more)

    monkeypatch.setattr(module, "_run", noting)
    everything = dict.fromkeys(program.keys, 0)
    found = program.solve(opens, EXACT, everything)
    # The relaxation alone was solved, of all columns; nothing was searched, as nothing open costs nothing.
    assert asked == [len(program.keys)]
    assert found.objective == found.bound == opens.constant
