"""Arrays handed straight to HiGHS: the same best values, bounds that hold, and nothing lost however it ends."""

import os
import signal
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from allocate import program
from allocate.program import Branched, Instance, branch


def covering(points: int, sites: int, p: int, seed: int = 1) -> Instance:
    """Make a maximal covering problem, as a thing to be made small."""
    rng = np.random.default_rng(seed)
    at, stand = rng.random((points, 2)), rng.random((sites, 2))
    reach = sparse.csr_array((((at[:, None] - stand) ** 2).sum(axis=2) < 0.02).astype(float))
    weight = rng.integers(1, 100, points).astype(float)
    links = sparse.hstack([reach, -sparse.eye_array(points)])
    number = sparse.csr_array(np.append(np.ones(sites), np.zeros(points))[None])
    return Instance(
        "covering",
        np.append(np.zeros(sites), -weight),
        0.0,
        np.zeros(sites + points),
        np.ones(sites + points),
        np.append(np.ones(sites, dtype=bool), np.zeros(points, dtype=bool)),
        sparse.csr_array(sparse.vstack([links, number])),
        np.append(np.zeros(points), -np.inf),
        np.append(np.full(points, np.inf), p),
        [],
        [],
    )


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("presolve", [False, True])
def test_a_problem_has_one_best_value_wherever_it_is_searched(apart: bool, presolve: bool) -> None:
    instance = covering(300, 30, 5)
    told: list[float] = []
    bounds: list[float] = []
    found = branch(
        instance, seconds=60, presolve=presolve, apart=apart,
        better=lambda values: told.append(instance.value(values)), bounded=bounds.append,
    )  # fmt: skip
    assert found.finished
    assert found.values is not None
    assert instance.holds(found.values)
    best = branch(instance, seconds=60, apart=False)
    assert best.values is not None
    assert instance.value(found.values) == instance.value(best.values) == pytest.approx(found.bound)
    assert min(told, default=found.bound) == pytest.approx(found.bound)
    assert all(bound <= found.bound + 1e-6 for bound in bounds)


def test_a_start_is_taken_and_never_made_worse() -> None:
    instance = covering(200, 20, 4)
    best = branch(instance, seconds=60, apart=False).values
    assert best is not None
    again = branch(instance, seconds=60, start=best, nodes=0, apart=False)
    assert again.values is not None
    assert instance.value(again.values) == instance.value(best)


def test_the_relaxation_says_what_its_rows_and_columns_are_worth() -> None:
    instance = covering(200, 20, 4)
    relaxed = branch(instance, seconds=60, relax=True)
    best = branch(instance, seconds=60)
    assert relaxed.finished
    assert best.values is not None
    assert relaxed.bound <= instance.value(best.values) + 1e-6
    assert relaxed.row_weights is not None
    assert relaxed.reduced is not None
    # The dual value from the weights alone: rows at their ends, columns where their range is best.
    ends = np.where(relaxed.row_weights > 0, instance.row_low, instance.row_high)
    used = relaxed.row_weights != 0
    value = relaxed.row_weights[used] @ ends[used] + np.minimum(relaxed.reduced, 0) @ instance.high
    assert value == pytest.approx(relaxed.bound)


def test_what_cannot_hold_is_said_to_be_impossible() -> None:
    instance = covering(20, 5, 2)
    instance.row_low[-1], instance.row_high[-1] = 9, 9
    assert branch(instance, seconds=60, apart=False) == Branched(None, float("inf"), finished=True)


def test_nothing_to_decide_is_decided() -> None:
    none = np.zeros(0)
    empty = Instance("none", none, 3.0, none, none, none.astype(bool), sparse.csr_array((0, 0)), none, none, [], [])
    found = branch(empty, seconds=1)
    assert (found.bound, found.finished) == (3.0, True)


def test_a_process_that_is_killed_loses_nothing_that_it_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    instance = covering(3000, 150, 12)
    started: list[int] = []
    context = program.afresh()
    start = context.Process.start

    def remember(self: Any) -> None:
        start(self)
        started.append(self.pid)

    monkeypatch.setattr(context.Process, "start", remember)
    told: list[float] = []

    def kill(values: Any) -> None:
        told.append(instance.value(values))
        os.kill(started[0], signal.SIGKILL)

    found = branch(instance, seconds=60, apart=True, better=kill)
    assert not found.finished
    assert found.values is not None
    assert instance.value(found.values) == min(told)
    assert "kept" in caplog.text


def test_the_time_is_kept_whatever_the_solver_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "_GRACE_SHARE", 0.0)
    instance = covering(5000, 400, 30)
    found = branch(instance, seconds=0.0, apart=True)
    assert not found.finished


def test_an_option_that_highs_does_not_take_is_said() -> None:
    with pytest.raises(program.AllocateError, match="mip_rel_gap"):
        branch(covering(20, 5, 2), seconds=1, gap=-1.0, apart=False)
