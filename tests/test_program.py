"""Programs: what is found is feasible, what is proven is true, and nothing found is lost."""

import ast
import importlib
import itertools
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from allocate import program as module
from allocate.errors import AllocateError, NoPlanError, SolverMissingError
from allocate.processes import without_main
from allocate.program import (
    Found,
    Instance,
    Objective,
    Options,
    Program,
    Progress,
    cbc_path,
    relative_gap,
)
from allocate.rows import Column, Key, Number, Row, Strength
from allocate.words import speaking

ROOT = Path(__file__).parents[1]
EXACT = Options(seconds=30, gap=0.0, threads=1)
needs_cbc = pytest.mark.skipif(cbc_path() is None, reason="CBC is not installed")


@pytest.fixture
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do the whole search, without a process of its own: many small problems in little time."""

    def run(self: Any, job: Any) -> Found:
        module._Solver(job, lambda what, number=0.0, content=None: self._take((what, number, content))).run()
        return self._found()

    monkeypatch.setattr(module._Search, "run", run)


def x(i: int) -> Key:
    return ("x", i)


def ring(count: int) -> tuple[Program, Objective]:
    """Return: villages on a ring, a site in each serves the two roads beside it, every road needs one."""
    program = Program("ring")
    program.add_columns(Column(x(i), whole=True) for i in range(count))
    program.add_rows("road", (Row((i,), {x(i): 1, x((i + 1) % count): 1}, ">=", 1) for i in range(count)))
    return program, Objective("sites", {x(i): 1 for i in range(count)})


def market_shares() -> np.ndarray[Any, Any]:
    return np.random.default_rng(3).integers(0, 100, (4, 30))


def market() -> tuple[Program, Objective, dict[Key, Number]]:
    """Return a market split, which branch and bound cannot finish in minutes, and a start for it.

    After Cornuéjols and Dawande 1998: shares of every product are to be halved between two divisions.
    """
    shares = market_shares()
    rows, columns = shares.shape
    program = Program("market")
    program.add_columns(Column(x(i), whole=True) for i in range(columns))
    terms: dict[Key, Number] = {}
    for r in range(rows):
        half, total = int(shares[r].sum()) // 2, int(shares[r].sum())
        over, under = ("over", r), ("under", r)
        program.add_columns([Column(over, high=total), Column(under, high=total)])
        split = {x(i): int(share) for i, share in enumerate(shares[r])} | {over: -1, under: 1}
        program.add_rows("split", [Row((r,), split, "==", half)])
        terms |= {over: 1, under: 1}
    return program, Objective("imbalance", terms), {x(i): i % 2 for i in range(columns)}


# --- small problems whose answer is known ---------------------------------------------------------------


def test_a_ring_of_five_needs_three_sites_and_that_is_proven() -> None:
    # Two roads for each site, five roads: two sites are too few. The relaxation says 2.5, so this takes branching.
    program, objective = ring(5)
    found = program.solve(objective, EXACT)
    assert found.objective == pytest.approx(3)
    assert found.bound == pytest.approx(3)
    assert found.gap == 0
    assert not found.stopped
    assert sorted(found.values) == [0, 0, 1, 1, 1]
    assert all(found.values[i] + found.values[(i + 1) % 5] >= 1 for i in range(5))


def test_a_program_without_variables_has_its_constant_as_value() -> None:
    found = Program("nothing").solve(Objective("cost", {}, -5), EXACT)
    assert (found.objective, found.bound, found.gap) == (-5, -5, 0)


def test_a_variable_that_nothing_speaks_of_does_no_harm(at_home: None) -> None:
    # PuLP leaves such a variable out, so that the solver's answer is shorter than the question, and shifted.
    program = Program("idle")
    program.add_columns([Column(("idle",), low=1, high=4, whole=True)])
    program.add_columns(Column(x(i), whole=True) for i in range(5))
    program.add_rows("road", (Row((i,), {x(i): 1, x((i + 1) % 5): 1}, ">=", 1) for i in range(5)))
    found = program.solve(Objective("sites", {x(i): 1 + i for i in range(5)}), EXACT)
    # By hand: sites 0, 1 and 3 cover every road.
    assert found.values.tolist() == [1, 1, 1, 0, 1, 0]
    assert found.objective == pytest.approx(1 + 2 + 4)


def test_a_program_that_nothing_can_meet_has_no_plan(at_home: None) -> None:
    program = Program("impossible")
    program.add_columns([Column(x(0), whole=True)])
    program.add_rows("r", [Row((0,), {x(0): 2}, "==", 1)])
    with pytest.raises(NoPlanError):
        program.solve(Objective("o", {x(0): 1}), EXACT)


def test_a_row_without_variables_that_asks_for_something_has_no_plan(at_home: None) -> None:
    program = Program("impossible")
    program.add_columns([Column(x(0), whole=True)])
    program.add_rows("r", [Row((0,), {}, ">=", 1)])
    with pytest.raises(NoPlanError):
        program.solve(Objective("o", {x(0): 1}), EXACT, {x(0): 1})


# --- every answer against all answers -------------------------------------------------------------------


@dataclass(frozen=True)
class Clauses:
    """A random problem: hard rows, soft rows of two strengths, and prices, over a few 0/1 variables."""

    points: np.ndarray[Any, Any]
    program: Program
    cost: Objective
    shares: dict[Strength, np.ndarray[Any, Any]]
    weights: dict[Strength, list[float]]

    def prices(self) -> np.ndarray[Any, Any]:
        coefficients = np.array([float(self.cost.terms[x(i)]) for i in range(self.points.shape[1])])
        return self.points @ coefficients + float(self.cost.constant)


def clauses(seed: int) -> Clauses:
    random = np.random.default_rng(seed)
    count = int(random.integers(4, 8))
    points = np.array(list(itertools.product((0, 1), repeat=count)))
    program = Program("clauses")
    program.add_columns(Column(x(i), whole=True) for i in range(count))
    weights = random.integers(1, 9, count)
    limit = int(weights.sum() * 0.6)
    program.add_rows("budget", [Row((), {x(i): int(w) for i, w in enumerate(weights)}, "<=", limit)])
    points = points[points @ weights <= limit]
    shares: dict[Strength, np.ndarray[Any, Any]] = {}
    weight_of: dict[Strength, list[float]] = {}
    for strength in (Strength.MUST, Strength.STRIVE):
        missing, weight_of[strength] = [], []
        for rule in range(2):
            weight = float(random.choice([0.5, 1.0, 3.0]))
            rows = []
            for r in range(2):
                row = random.integers(0, 6, count)
                sense, bound = (">=", int(row.sum())) if random.random() < 0.7 else ("<=", int(random.integers(0, 4)))
                target = max(1, bound)
                terms: dict[Key, Number] = {x(i): int(a) for i, a in enumerate(row)}
                times = int(random.integers(1, 3))
                rows.append(Row((r,), terms, sense, bound, target, times))  # type: ignore[arg-type]
                short = bound - points @ row if sense == ">=" else points @ row - bound
                missing.append(np.maximum(short, 0) / target)
                weight_of[strength].append(weight * times)
            program.add_rule(f"{strength}{rule}", rows, strength, weight)
        shares[strength] = np.array(missing).T
    prices = random.integers(-9, 30, count)
    cost = Objective("cost", {x(i): int(c) for i, c in enumerate(prices)}, int(random.integers(-20, 200)))
    return Clauses(points, program, cost, shares, weight_of)


@pytest.mark.parametrize("seed", range(20))
def test_stage_after_stage_finds_the_best_of_all_points(seed: int, at_home: None) -> None:
    problem = clauses(seed)
    program, left = problem.program, np.ones(len(problem.points), dtype=bool)
    for strength in (Strength.MUST, Strength.STRIVE):
        shares = problem.shares[strength]
        worst, total = program.clause_objectives(strength)
        for objective, values in (
            (worst, shares.max(axis=1)),
            (total, shares @ np.array(problem.weights[strength])),
        ):
            best = values[left].min()
            found = program.solve(objective, EXACT)
            assert found.objective == pytest.approx(best, abs=1e-6), objective.name
            assert found.bound <= best + 1e-6
            assert found.gap == pytest.approx(0, abs=2e-6)
            program.hold(objective, Fraction(found.objective) if best else 0, most=found.bound)
            # Nothing more is given away than was proven (`most`), but for rounding.
            left &= values <= best + 1e-5
    found = program.solve(problem.cost, EXACT)
    assert found.objective == pytest.approx(problem.prices()[left].min(), abs=1e-4)
    point = found.values[[program.keys[x(i)] for i in range(problem.points.shape[1])]]
    assert (np.abs(problem.points[left] - point).max(axis=1) <= 1e-6).any()


def test_without_a_proven_value_a_thousandth_may_be_given_away(at_home: None) -> None:
    program = Program("give")
    program.add_columns([Column(("people",), high=10_000)])
    program.add_rows("least", [Row((), {("people",): 1}, ">=", 1_000)])
    few, many = Objective("few", {("people",): 3}, 500), Objective("many", {("people",): -1})
    found = program.solve(few, EXACT)
    assert found.objective == pytest.approx(3_500)
    program.hold(few, 3_500)
    # The thousandth is one of the value that people see: 3.5, constant included.
    assert program.solve(many, EXACT).objective == pytest.approx(-(1_000 + 3.5 / 3))


@pytest.mark.parametrize(("most", "people"), [(3_501.5, 1_000.5), (3_400.0, 1_000.0)])
def test_what_was_proven_stays_so(most: float, people: float, at_home: None) -> None:
    program = Program("proven")
    program.add_columns([Column(("people",), high=10_000)])
    program.add_rows("least", [Row((), {("people",): 1}, ">=", 1_000)])
    program.hold(Objective("few", {("people",): 3}, 500), 3_500, most=most)
    # (A bound below the value cannot shut out the very plan that has this value.)
    found = program.solve(Objective("many", {("people",): -1}), EXACT)
    assert found.objective == pytest.approx(-people, rel=1e-6)
    assert -found.objective >= 1_000


def test_where_nothing_is_missing_nothing_may_be_missing_later(at_home: None) -> None:
    program = Program("zero")
    program.add_columns([Column(x(0), whole=True), Column(x(1), whole=True)])
    program.add_rule("both", [Row((i,), {x(i): 1}, ">=", 1) for i in range(2)], Strength.MUST)
    for objective in program.clause_objectives(Strength.MUST):
        program.hold(objective, 0)
    found = program.solve(Objective("cost", {x(0): 1, x(1): 1}), EXACT)
    assert found.objective == pytest.approx(2)


def test_a_clause_has_no_equality() -> None:
    # Its shortfall would count what is too much, and forget what is too little.
    program = Program("equal")
    program.add_columns([Column(x(0), whole=True)])
    with pytest.raises(AllocateError, match="equality"):
        program.add_rule("equal", [Row((), {x(0): 1}, "==", 1)], Strength.MUST)


def test_physics_gets_no_shortfall() -> None:
    program = Program("physics")
    program.add_columns([Column(x(0), whole=True)])
    program.add_rule("room", [Row((), {x(0): 1}, ">=", 1)], Strength.PHYSICS)
    assert list(program.keys) == [x(0)]
    assert program.clause_objectives(Strength.PHYSICS) == []


# --- what is not a program ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high"), [(0, float("inf")), (float("-inf"), 0), (0, float("nan")), (float("nan"), 1), (2, 1)]
)
def test_a_variable_needs_a_finite_range(low: float, high: float) -> None:
    with pytest.raises(AllocateError, match="range"):
        Program("p").add_columns([Column(x(0), low, high)])  # type: ignore[arg-type]


def test_a_variable_is_added_once() -> None:
    program = Program("p")
    program.add_columns([Column(x(0))])
    with pytest.raises(AllocateError, match="there already"):
        program.add_columns([Column(x(0))])


def test_a_row_is_added_once() -> None:
    program, _ = ring(3)
    with pytest.raises(AllocateError, match="there already"):
        program.add_rows("road", [Row((0,), {x(0): 1}, ">=", 0)])


def test_a_misspelt_option_is_refused() -> None:
    with pytest.raises(TypeError, match="thread"):
        Options(thread=2)  # type: ignore[call-arg]


def test_the_solver_knows_every_option_that_it_may_be_given() -> None:
    # It says nothing when it does not.
    highs = importlib.import_module("highspy")
    solver = highs.Highs()
    solver.setOptionValue("output_flag", False)
    for name in module._HIGHS_OPTIONS:
        status, _ = solver.getOptionValue(name)
        assert status == highs.HighsStatus.kOk, name


# --- starts ---------------------------------------------------------------------------------------------

STARTS: dict[str, dict[Key, Number]] = {
    "breaks every row": {x(i): 0 for i in range(5)},
    "breaks one row": {x(0): 1, x(1): 0, x(2): 0, x(3): 1, x(4): 1},
    "is partial": {x(1): 1},
    "is empty": {},
    "is out of range": {x(i): 7 for i in range(5)},
    "knows other variables": {("other",): 1, x(0): 1},
    "is not whole": {x(i): Fraction(1, 2) for i in range(5)},
    "is dear": {x(i): 1 for i in range(5)},
}


@pytest.mark.parametrize("what", STARTS)
@pytest.mark.parametrize("solver", ["highs", pytest.param("cbc", marks=needs_cbc)])
def test_a_start_that(what: str, solver: str, at_home: None) -> None:
    """A start, however bad, changes nothing: not the value, not the proof, and no row is broken."""
    program, objective = ring(5)
    found = program.solve(objective, replace(EXACT, solver=solver), STARTS[what])  # type: ignore[arg-type]
    assert found.objective == pytest.approx(3)
    assert found.bound == pytest.approx(3)
    assert all(found.values[i] + found.values[(i + 1) % 5] >= 1 for i in range(5))


def test_a_start_below_the_range_of_a_variable_is_not_an_answer(at_home: None) -> None:
    program = Program("stands")
    program.add_columns([Column(x(0), low=1, whole=True), Column(x(1), whole=True), Column(("people",), high=9)])
    program.add_rows("one", [Row((), {x(0): 1, x(1): 1, ("people",): 1}, ">=", 1)])
    found = program.solve(Objective("sites", {x(0): 1, x(1): 1}), EXACT, {x(0): 0, x(1): 0})
    assert found.values[0] == 1
    assert found.objective == pytest.approx(1)


@pytest.mark.parametrize("seconds", [0.0, 1.0])
def test_a_good_start_is_not_lost_however_short_the_time(seconds: float) -> None:
    program, objective, start = market()
    shares = market_shares()
    dealt = shares @ [int(start[x(i)]) for i in range(shares.shape[1])]
    imbalance = np.abs(dealt - shares.sum(axis=1) // 2).sum()
    found = program.solve(objective, Options(seconds=seconds, threads=1), start)
    assert found.objective <= imbalance + 1e-6
    assert 0 <= found.bound <= found.objective
    assert found.gap == relative_gap(found.objective, found.bound)
    assert found.stopped == (found.gap > 0.005)


# --- the child process ----------------------------------------------------------------------------------


def kill_children(progress: Progress) -> None:
    for child in multiprocessing.active_children():
        child.terminate()


def test_a_killed_child_keeps_its_best_answer(caplog: pytest.LogCaptureFixture) -> None:
    program, objective, start = market()
    heard: list[Progress] = []

    def listen(progress: Progress) -> None:
        heard.append(progress)
        if progress.incumbent is not None:
            kill_children(progress)

    found = program.solve(objective, Options(seconds=60, threads=1), start, listen=listen)
    assert found.stopped
    assert found.gap > 0.005
    known = [progress.incumbent for progress in heard if progress.incumbent is not None]
    assert found.objective == min(known)
    assert "ended early" in caplog.text
    assert not multiprocessing.active_children()


def test_a_child_killed_before_it_found_anything_leaves_no_plan(caplog: pytest.LogCaptureFixture) -> None:
    # The same shares halved exactly, which nobody can: however late this process hears of the child on a busy machine,
    # it has found nothing, and to prove that there is nothing to find takes it minutes.
    shares = market_shares()
    program = Program("exact market")
    program.add_columns(Column(x(i), whole=True) for i in range(shares.shape[1]))
    for r, row in enumerate(shares):
        terms = {x(i): int(share) for i, share in enumerate(row)}
        program.add_rows("split", [Row((r,), terms, "==", int(row.sum()) // 2)])
    objective = Objective("first division", {x(i): 1 for i in range(shares.shape[1])})
    with pytest.raises(NoPlanError):
        program.solve(objective, Options(seconds=60, threads=1), listen=kill_children)
    assert "ended early" in caplog.text
    assert not multiprocessing.active_children()


def test_the_time_limit_ends_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    # No time at all, and no grace: the parent does not wait for a child that is still starting.
    monkeypatch.setattr(module, "_GRACE_SECONDS", 0.0)
    program, objective, start = market()
    with pytest.raises(NoPlanError):
        program.solve(objective, Options(seconds=0), start)
    assert not multiprocessing.active_children()


def test_stopping_by_hand_keeps_the_best_answer_and_leaves_no_process() -> None:
    program, objective, start = market()

    def listen(progress: Progress) -> None:
        if progress.incumbent is not None:
            raise KeyboardInterrupt

    found = program.solve(objective, Options(seconds=60, threads=1), start, listen=listen)
    assert found.stopped
    assert not multiprocessing.active_children()


def test_a_listener_that_fails_leaves_no_process() -> None:
    program, objective, start = market()

    def listen(progress: Progress) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        program.solve(objective, Options(seconds=60, threads=1), start, listen=listen)
    assert not multiprocessing.active_children()


class Wire:
    """A connection that says what a test wants said."""

    def __init__(self, *messages: Any) -> None:
        self.messages = list(messages)

    def poll(self, seconds: float) -> bool:
        return True

    def recv(self) -> Any:
        message = self.messages.pop(0)
        if isinstance(message, BaseException):
            raise message
        return message


def hearing(monkeypatch: pytest.MonkeyPatch, *messages: Any) -> Found:
    """Return what the parent makes of a child that says these things about `ring(5)`."""

    @contextmanager
    def child(job: Any) -> Iterator[Wire]:
        yield Wire(*messages)

    monkeypatch.setattr(module, "_child", child)
    program, objective = ring(5)
    return program.solve(objective, EXACT)


GOOD = ("better", 4.0, np.array([1.0, 1.0, 1.0, 1.0, 0.0]))
FLOOR = ("bound", 0.0, None)


@pytest.mark.parametrize(
    "end",
    [
        EOFError(),
        OSError("got end of file during message"),
        ConnectionResetError(),
        KeyboardInterrupt(),
        ("failed", 0.0, "MemoryError: "),
    ],
    ids=["silence", "half a message", "reset", "Ctrl-C", "an error"],
)
def test_however_a_child_ends_its_answer_stays(end: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    found = hearing(monkeypatch, FLOOR, GOOD, ("bound", 3.0, None), end)
    assert (found.objective, found.bound, found.gap) == (4, 3, 0.25)
    assert found.stopped


def test_an_error_in_a_child_that_found_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AllocateError, match="too big"):
        hearing(monkeypatch, FLOOR, ("failed", 0.0, "MemoryError: too big"))


def test_a_worse_answer_does_not_replace_a_better_one(monkeypatch: pytest.MonkeyPatch) -> None:
    worse = ("better", 5.0, np.ones(5))
    found = hearing(monkeypatch, FLOOR, GOOD, worse, ("bound", 3.0, None), ("bound", 2.0, None), ("done", 0.0, None))
    assert (found.objective, found.bound) == (4, 3)
    assert found.values.tolist() == [1, 1, 1, 1, 0]


def test_a_bound_above_a_plan_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    # Otherwise a solver that is wrong would make any plan look proven.
    found = hearing(monkeypatch, FLOOR, GOOD, ("bound", 4.5, None), ("done", 0.0, None))
    assert (found.objective, found.bound, found.gap) == (4, 0, 1)
    assert found.stopped


def test_a_script_without_a_guard_is_not_run_again(tmp_path: Path) -> None:
    script = tmp_path / "plain script.py"
    script.write_text(
        "from allocate.program import Objective, Options, Program\n"
        "from allocate.rows import Column, Row\n"
        "print('begun')\n"
        "program = Program('p')\n"
        "program.add_columns(Column(('x', i), whole=True) for i in range(3))\n"
        "program.add_rows('r', (Row((i,), {('x', i): 1, ('x', (i + 1) % 3): 1}, '>=', 1) for i in range(3)))\n"
        "objective = Objective('o', {('x', i): 1 for i in range(3)})\n"
        "print(round(program.solve(objective, Options(gap=0.0)).objective), __file__.endswith('script.py'))\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, script.name], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n") == ["begun", "2 True", ""]


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}


def test_the_script_is_hidden_until_the_last_one_is_done() -> None:
    main = sys.modules["__main__"]
    before = {name: vars(main).get(name) for name in ("__file__", "__spec__")}
    first, second = without_main(), without_main()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert "__file__" not in vars(main)
    assert main.__spec__ is None
    second.__exit__(None, None, None)
    assert {name: vars(main).get(name) for name in ("__file__", "__spec__")} == before


def test_the_number_of_threads_may_change_within_one_process(at_home: None) -> None:
    # HiGHS keeps the threads of its first solve, and then does nothing, silently.
    values = []
    for threads in (1, 2, 1, 3):
        program, objective = ring(9)
        found = program.solve(objective, replace(EXACT, threads=threads))
        values.append((round(found.objective), round(found.bound)))
    assert values == [(5, 5)] * 4


def test_a_quick_look_needs_no_other_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_child", lambda job: pytest.fail("a process was started"))
    program, objective = ring(5)
    found = program.solve(objective, replace(EXACT, quick=True, search_nodes=0), {x(i): 1 for i in range(5)})
    assert found.objective <= 5
    # Without branching, the relaxation's 2.5 is all that is proven, and that is what it says.
    assert found.bound == pytest.approx(2.5)
    assert found.stopped


def test_the_same_question_twice_has_the_same_answer(at_home: None) -> None:
    answers = []
    for _ in range(2):
        problem = clauses(5)
        answers.append(problem.program.solve(problem.cost, EXACT).values.tobytes())
    assert answers[0] == answers[1]


# --- what the solver says, and what it is worth ---------------------------------------------------------


def heard_from_highs(monkeypatch: pytest.MonkeyPatch, *, status: str, primal: int, whole: bool = False) -> Any:
    """Return what is made of a HiGHS that stops like this, holding zeros that keep no row."""
    pulp = importlib.import_module("pulp")
    program, objective = ring(5)
    instance, _ = program.instance(objective)
    instance = instance if whole else replace(instance, whole=np.zeros(5, dtype=bool))
    info = SimpleNamespace(primal_solution_status=primal, objective_function_value=0.0, mip_dual_bound=-np.inf)
    solver = SimpleNamespace(getInfo=lambda: info, getSolution=lambda: SimpleNamespace(col_value=[0.0] * 5))

    def solve(self: Any, with_: Any) -> Any:
        self.solverModel = solver
        return SimpleNamespace(status=pulp.LpSolveStatus[status], has_solution=True)

    monkeypatch.setattr(pulp.LpProblem, "solve", solve)
    return module._run(instance, EXACT, seconds=1.0, relax=not whole)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("primal", [0, 1])
def test_a_solution_that_is_claimed_but_not_feasible_is_none(
    primal: int, whole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # PuLP says `has_solution` of a linear program that the clock stopped; HiGHS's own word is 2 or nothing.
    answer = heard_from_highs(monkeypatch, status="TimeLimit", primal=primal, whole=whole)
    assert answer.values is None
    assert answer.bound is None


def test_a_linear_program_that_was_stopped_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = heard_from_highs(monkeypatch, status="TimeLimit", primal=2)
    assert answer.values is not None
    assert answer.bound is None


def test_an_answer_that_breaks_a_row_is_not_kept_whoever_claims_it(monkeypatch: pytest.MonkeyPatch) -> None:
    program, objective = ring(5)
    instance, _ = program.instance(objective)
    job = module._Job(instance, None, EXACT, None, [], np.zeros(0, dtype=np.int64))
    said: list[tuple[str, float]] = []
    solver = module._Solver(job, lambda what, number=0.0, content=None: said.append((what, number)))
    for wrong in ([0, 0, 0, 0, 0], [0.5] * 5, [1, 1, 0, 1, -1], [2, 1, 1, 1, 1]):
        solver._better(np.array(wrong, dtype=float))
    assert said == []
    solver._better(np.array([1, 1 - 1e-9, 0, 1, 1e-8]))
    assert said == [("better", 3.0)]
    assert solver.values is not None
    assert solver.values.tolist() == [1, 1, 0, 1, 0]


def test_noise_in_an_answer_does_not_shut_out_what_is_near_it() -> None:
    # What is held falls short of a row by the solver's own tolerance: the rest must stay possible.
    program = Program("noise")
    program.add_columns([Column(("held",), high=10), Column(("free",), high=10)])
    program.add_rows("r", [Row((), {("held",): 1, ("free",): 1}, "==", 12)])
    program.add_rows("s", [Row((), {("held",): 1, ("free",): -1}, "==", 8)])
    instance, _ = program.instance(Objective("o", {("free",): 1}))
    values = np.array([10 - 9e-7, 2.0])
    inner = instance.fixed(np.array([1]), values)
    assert module._run(inner, EXACT, seconds=5).values is not None
    far = instance.fixed(np.array([1]), np.array([9.9, 2.0]))
    assert module._run(far, EXACT, seconds=5).values is None


@pytest.mark.parametrize(
    ("value", "bound", "gap"),
    [(100, 98, 0.02), (-100, -102, 0.02), (5, 5, 0), (5, 6, 0), (0, 0, 0), (1e-7, 0, 0), (2, -2, 2)],
)
def test_a_gap_is_a_share_of_the_value(value: float, bound: float, gap: float) -> None:
    assert relative_gap(value, bound) == pytest.approx(gap)


def test_a_value_of_zero_with_a_bound_below_is_not_proven() -> None:
    assert relative_gap(0.0, -1.0) == float("inf")


def knapsack_cover(seed: int) -> tuple[Program, Objective, float]:
    """Return a random covering problem with a constant, and its optimum by looking at all points."""
    random = np.random.default_rng(seed)
    count, rows = int(random.integers(6, 11)), int(random.integers(4, 10))
    matrix = random.integers(0, 4, (rows, count)) * (random.random((rows, count)) < 0.6)
    need = np.minimum(matrix.sum(axis=1), random.integers(1, 6, rows))
    price = random.integers(-6 if seed % 3 == 0 else 1, 400, count)
    points = np.array(list(itertools.product((0, 1), repeat=count)))
    best = int((points @ price)[(points @ matrix.T >= need).all(axis=1)].min())
    # Far above the prices, far below them, and such that almost nothing is left of the value.
    constant = (0, 100_000, -50, -100_000, 1 - best, -best - 3)[seed % 6]
    program = Program("cover")
    program.add_columns(Column(x(i), whole=True) for i in range(count))
    for r in range(rows):
        terms = {x(i): int(a) for i, a in enumerate(matrix[r])}
        program.add_rows("need", [Row((r,), terms, ">=", int(need[r]))])
    return program, Objective("price", {x(i): int(c) for i, c in enumerate(price)}, constant), best + constant


@pytest.mark.parametrize("gap", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("solver", ["highs", pytest.param("cbc", marks=needs_cbc)])
def test_no_bound_is_ever_above_the_optimum(gap: float, solver: str, at_home: None) -> None:
    for seed in range(18):
        program, objective, best = knapsack_cover(seed)
        for nodes in (1, 1_000_000):
            options = replace(EXACT, solver=solver, gap=gap, search_nodes=nodes, nodes=nodes)  # type: ignore[arg-type]
            found = program.solve(objective, options)
            assert found.bound <= best + 1e-6 * max(1, abs(best)), seed
            assert found.objective >= best - 1e-6 * max(1, abs(best)), seed
            assert found.gap == relative_gap(found.objective, found.bound)
            worth = float(objective.constant) + sum(
                float(c) * found.values[program.keys[key]] for key, c in objective.terms.items()
            )
            assert found.objective == pytest.approx(worth, abs=1e-6)
            if nodes > 1:
                # The gap that was asked for is one of the value that people see, constant and all.
                assert not found.stopped, seed
                assert found.objective - best <= gap * abs(found.objective) + 1e-6, seed


@pytest.mark.parametrize("seed", range(6))
def test_implied_rows_change_nothing_but_the_effort(seed: int, at_home: None) -> None:
    found = {}
    for sees_links in (False, True):
        program, objective, best = clinics(seed)
        found[sees_links] = program.solve(replace(objective, sees_links=sees_links), EXACT)
        assert found[sees_links].objective == pytest.approx(best, rel=1e-7)
        assert found[sees_links].bound == pytest.approx(best, rel=1e-7)


def clinics(seed: int) -> tuple[Program, Objective, float]:
    """Return: open clinics and send people to them (Balinski 1965), and the optimum by looking at all points."""
    random = np.random.default_rng(seed)
    places, sites = 6, 5
    seconds = random.integers(60, 900, (places, sites))
    people, price = random.integers(1, 30, places), random.integers(500, 9000, sites)
    program = Program("clinics")
    terms: dict[Key, Number] = {}
    for j in range(sites):
        program.add_columns([Column(("open", j), whole=True)])
        terms["open", j] = int(price[j])
    for i in range(places):
        for j in range(sites):
            program.add_columns([Column(("serve", i, j), high=int(people[i]))])
            terms["serve", i, j] = int(seconds[i, j])
            pair: dict[Key, Number] = {("serve", i, j): 1, ("open", j): -int(people[i])}
            program.add_rows("pair", [Row((i, j), pair, "<=", 0, implied=True)])
        program.add_rows("once", [Row((i,), {("serve", i, j): 1 for j in range(sites)}, "==", int(people[i]))])
    for j in range(sites):
        load: dict[Key, Number] = {("serve", i, j): 1 for i in range(places)} | {("open", j): -int(people.sum())}
        program.add_rows("open", [Row((j,), load, "<=", 0)])
    best = min(
        sum(price[j] for j in chosen) + sum(people[i] * min(seconds[i, j] for j in chosen) for i in range(places))
        for size in range(1, sites + 1)
        for chosen in itertools.combinations(range(sites), size)
    )
    return program, Objective("cost", terms), float(best)


def test_neighbourhoods_never_make_an_answer_worse(at_home: None) -> None:
    for seed in range(4):
        program, objective, best = clinics(seed)
        keys = [[("open", j)] + [("serve", i, j) for i in range(6)] for j in range(5)]
        near = [keys[j] + keys[(j + 1) % 5] for j in range(5)]
        start: dict[Key, Number] = {("open", j): 1 for j in range(5)}
        objective = replace(objective, sees_links=True)
        alone = program.solve(objective, replace(EXACT, search_nodes=1), start)
        helped = program.solve(objective, EXACT, start, near)
        assert helped.objective == pytest.approx(best, rel=1e-7)
        assert helped.bound <= best * (1 + 1e-7)
        assert alone.objective >= best * (1 - 1e-7)


# --- CBC ------------------------------------------------------------------------------------------------


@needs_cbc
def test_cbc_finds_the_same_optimum() -> None:
    program, objective = ring(5)
    found = program.solve(objective, replace(EXACT, solver="cbc"))
    assert (round(found.objective, 6), round(found.bound, 6), found.gap) == (3, 3, 0)


@pytest.mark.parametrize("quick", [False, True])
def test_without_cbc_it_says_how_to_install_it(quick: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "cbcbox", None)
    program, objective = ring(5)
    with speaking("en"), pytest.raises(SolverMissingError, match=r"pip install 'allocate\[cbc\]'"):
        program.solve(objective, replace(EXACT, solver="cbc", quick=quick), {x(i): 1 for i in range(5)})


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")
def test_a_solver_that_a_child_started_ends_with_the_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stuck, told = tmp_path / "cbc", tmp_path / "pid"
    stuck.write_text(f"#!/bin/sh\necho $$ > {told}.new\nmv {told}.new {told}\nexec sleep 600\n", encoding="ascii")
    stuck.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    program, objective = ring(5)

    def listen(progress: Progress) -> None:
        if told.exists():
            raise KeyboardInterrupt

    with pytest.raises(NoPlanError):
        program.solve(objective, Options(seconds=60, solver="cbc"), listen=listen)
    number = int(told.read_text(encoding="ascii"))
    try:
        assert wait_until(lambda: not runs(number)), "the solver runs on"
    finally:
        if runs(number):
            os.kill(number, signal.SIGKILL)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")
def test_a_child_ends_when_its_parent_is_killed() -> None:
    code = (
        "import multiprocessing, sys\n"
        "sys.path.insert(0, 'tests')\n"
        "from test_program import market, Options\n"
        "program, objective, start = market()\n"
        "def listen(progress):\n"
        "    if progress.incumbent is not None:\n"
        "        print(multiprocessing.active_children()[0].pid, flush=True)\n"
        "program.solve(objective, Options(seconds=60, threads=1), start, listen=listen)\n"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        number = int(parent.stdout.readline())
        assert runs(number)
        parent.kill()
        parent.stdout.read()
    try:
        assert wait_until(lambda: not runs(number)), "the child runs on"
    finally:
        if runs(number):
            os.kill(number, signal.SIGKILL)


def runs(number: int) -> bool:
    try:
        state = Path(f"/proc/{number}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def wait_until(done: Callable[[], bool]) -> bool:
    return any(done() or time.sleep(0.05) for _ in range(100))


# --- who may know the solver ----------------------------------------------------------------------------


def test_rechecking_a_plan_needs_no_solver() -> None:
    code = (
        "import sys, allocate.verification, allocate.plans, allocate.candidates, allocate.program\n"
        "print([name for name in ('pulp', 'highspy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_one_module_alone_talks_to_the_solver() -> None:
    talkers = {path.name for path in (ROOT / "allocate").rglob("*.py") if {"pulp", "highspy"} & set(imports(path))}
    assert talkers == {"program.py"}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def test_an_instance_is_checked_as_it_was_asked() -> None:
    program, objective = ring(5)
    instance: Instance = program.instance(objective)[0]
    assert instance.holds(np.array([1, 0, 1, 0, 1.0]))
    assert not instance.holds(np.array([1, 0, 1, 0, 0.0]))
    assert not instance.holds(np.array([1, 0, 1, 0.5, 0.5]))
