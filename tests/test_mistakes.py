"""What planners mistype, and where they must not write: one message, before any work, and nothing is spoilt."""

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from conftest import ROOT

from allocate import alternatives as alternatives_module
from allocate.alternatives import alternatives, check_asked, share_of_text
from allocate.conflicts import Clock
from allocate.errors import UsageError
from allocate.names import PLAN_FILE
from allocate.outputs import MAP_FILE, answer_folder, check_answer_target, check_target
from allocate.plans import Plan
from allocate.prices import Knob, targets
from allocate.program import Options
from allocate.report.robust_page import Told, headline
from allocate.robust import Asked, kept_plan, robust
from allocate.words import speaking


@pytest.fixture
def plan_folder(tmp_path: Path) -> Path:
    """Return a folder with the names of a plan's."""
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in (PLAN_FILE, MAP_FILE):
        (folder / name).write_text("{}")
    return folder


@pytest.mark.parametrize(
    "text", ["1e400", "1e999999999", "-1e400", "nan", "inf", "abc", "", "%", "1/0", "1e9/3", "9" * 400 + "/3", "1%%"]
)
def test_a_share_that_is_no_number_is_refused_at_once(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        share_of_text(text)
    assert [problem.what for problem in refused.value.problems] == ["near.not_share"]


def test_a_share_outside_the_range_is_shown_as_a_share() -> None:
    with speaking("en"), pytest.raises(UsageError) as refused:
        check_asked([share_of_text("101%")], 5)
    assert "“101%”" in str(refused.value)


def test_draws_that_cannot_be_say_nothing_of_those_solved_again() -> None:
    for draws in (0, -1, 10**8):
        with pytest.raises(UsageError) as refused:
            Asked(draws, 8, 1).check()
        assert [problem.column for problem in refused.value.problems] == ["--draws"]


def test_no_site_is_called_firm_where_nothing_was_planned_anew(tiny_plan: Plan) -> None:
    answer = robust(tiny_plan.content, kept_plan(tiny_plan.content, Asked(2, 0, 1)))
    assert answer.content["sites"]
    assert "firm" not in {site["class"] for site in answer.content["sites"]}
    assert "none is called firm" in headline(Told(answer, "en"))


def test_where_time_ends_before_the_largest_share_it_is_not_proven_that_no_more_plans_lie_within_it(
    tiny_plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    def none_within(*given: object) -> tuple[None, bool]:
        asked.append(given[3])
        return None, True

    monkeypatch.setattr(alternatives_module, "_next", none_within)
    monkeypatch.setattr(Clock, "left", lambda _: 0.0 if asked else 100.0)
    found = alternatives(tiny_plan.content, Options(seconds=100), within=(0.01, 0.05))
    assert asked == [0.01]
    assert not found.answer.content["no_more_plans"]


def test_two_points_are_the_present_one_and_a_tighter_one() -> None:
    share = Knob("circle", "share", Fraction("0.7"), 1, is_share=True, is_whole=False)
    most = Knob("few_new", "at_most", Fraction(5), -1, is_share=False, is_whole=True)
    assert targets(share, 2) == [Fraction("0.7"), Fraction("0.75")]
    assert targets(most, 2) == [5, 4]
    # Of four, two are tighter, whichever way that is.
    assert targets(share, 4) == [Fraction("0.65"), Fraction("0.7"), Fraction("0.75"), Fraction("0.8")]
    assert targets(most, 4) == [6, 5, 4, 3]


def test_no_answer_is_written_into_a_plan_which_the_next_plan_could_not_replace(plan_folder: Path) -> None:
    with speaking("en"), pytest.raises(UsageError) as refused:
        check_answer_target(plan_folder / "robust", "robust")
    assert str(plan_folder.parent / "mine-robust-robust") in str(refused.value)
    check_target(plan_folder)


def test_where_others_left_files_in_a_plan_an_answer_does_no_more_harm(plan_folder: Path) -> None:
    (plan_folder / "notes.txt").write_text("mine")
    check_answer_target(plan_folder / "robust", "robust")


def test_the_answer_on_a_plan_within_an_answer_lies_beside_that_answer(tmp_path: Path) -> None:
    around = tmp_path / "near"
    plan = around / "plan-2"
    plan.mkdir(parents=True)
    for name in ("alternatives.json", "alternatives.html"):
        (around / name).write_text("{}")
    (plan / PLAN_FILE).write_text("{}")
    assert answer_folder(plan, "robust") == tmp_path / "near-plan-2-robust"
    with pytest.raises(UsageError) as refused:
        check_answer_target(around / "plan-2-robust", "robust")
    assert [problem.what for problem in refused.value.problems] == ["problem.answer_within"]
    # The answer itself can be made again.
    check_answer_target(around, "alternatives")


def test_the_answer_on_a_plan_by_itself_lies_beside_it(plan_folder: Path) -> None:
    assert answer_folder(plan_folder, "robust") == plan_folder.parent / "mine-robust"


# Ctrl-C reaches all processes of a terminal. What begins is to wait with it, and what works to end without a word.
MANY = """
import os, signal, sys, threading, time
from allocate.crews import Processes
from late import work

def stop():
    time.sleep(float(sys.argv[1]))
    os.killpg(os.getpgrp(), signal.SIGINT)

if __name__ == "__main__":
    # (Whoever runs the tests in the background may have Ctrl-C ignored, and what they start inherits that.)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=stop, daemon=True).start()
    try:
        list(Processes(2).work(work, 30.0, {str(n): n for n in range(4)}))
    except KeyboardInterrupt:
        print("stopped")
"""
LATE = """
import os, time

if os.getpid() != os.getpgrp():
    time.sleep({reads})

def work(seconds, job):
    time.sleep(seconds)
"""


@pytest.mark.skipif(os.name == "nt", reason="no groups of processes")
@pytest.mark.parametrize("reads", [0.0, 3.0])
def test_ctrl_c_ends_all_processes_at_once_and_none_prints_where_it_was(tmp_path: Path, reads: float) -> None:
    # (With 3 s the processes beside are still reading their modules by then.)
    (tmp_path / "late.py").write_text(LATE.format(reads=reads))
    (tmp_path / "many.py").write_text(MANY)
    called = subprocess.Popen(
        [sys.executable, "many.py", "2"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    out, err = called.communicate(timeout=60)
    assert (called.returncode, out, err) == (0, "stopped\n", "")
