"""Many jobs, worked out by processes: what is common is read once, a job that fails is its own affair."""

from pathlib import Path

import pytest
from clusters import Unreadable, killed, times

from allocate.crews import RETRIES, Failure, Processes


@pytest.mark.parametrize("processes", [1, 3])
def test_every_job_has_its_result_whoever_did_it(processes: int) -> None:
    found = dict(Processes(processes).work(times, 7, {str(n): n for n in range(12)}))
    assert found == {str(n): 7 * n for n in range(12)}


def test_a_job_that_fails_says_why_and_the_others_finish() -> None:
    found = dict(Processes(2).work(times, 2, {str(n): n for n in (12, 13, 14, 15)}))
    assert (found["12"], found["15"]) == (24, 30)
    assert isinstance(found["13"], Failure)
    assert "--set" in found["13"].reason
    assert isinstance(found["14"], Failure)
    assert found["14"].reason == "ZeroDivisionError: by nobody"


def test_what_no_process_can_read_is_said_of_every_job() -> None:
    found = dict(Processes(2).work(times, Unreadable(), {"1": 1, "2": 2}))
    assert found == dict.fromkeys(("1", "2"), Failure("ZeroDivisionError: in another process"))


def test_no_jobs_are_no_work() -> None:
    assert dict(Processes(2).work(times, 2, {})) == {}


@pytest.mark.parametrize("processes", [1, 2])
def test_a_job_whose_process_is_killed_is_tried_again_and_given_up_in_the_end(processes: int, tmp_path: Path) -> None:
    names = ["a", "once", "b", "always", "c", "d"]
    found = dict(Processes(processes).work(killed, str(tmp_path), {name: name for name in names}))
    assert {name: result for name, result in found.items() if name != "always"} == {
        n: n for n in names if n != "always"
    }
    assert isinstance(found["always"], Failure)
    assert found["always"].lost
    assert str(RETRIES + 1) in found["always"].reason
    assert len((tmp_path / "always").read_text()) >= RETRIES + 1
