"""Many jobs, worked out by processes: what is common is read once, a job that fails is its own affair."""

import os
import subprocess
import sys
import time
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


def asleep(folder: str, name: str) -> str:
    (Path(folder) / name).write_text(str(os.getpid()))
    time.sleep(300)
    return name


def test_workers_whose_parent_is_killed_end_too(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import sys\n"
        "from allocate.crews import Processes\n"
        "from test_crews import asleep\n"
        "if __name__ == '__main__':\n"
        "    dict(Processes(2).work(asleep, sys.argv[1], {'a': 'a', 'b': 'b'}))\n"
    )
    here = Path(__file__).resolve().parent
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(here.parent), str(here)))}
    parent = subprocess.Popen([sys.executable, str(script), str(tmp_path)], env=environment)
    names, deadline = [tmp_path / "a", tmp_path / "b"], time.monotonic() + 120
    while not all(name.exists() and name.read_text() for name in names):
        assert time.monotonic() < deadline
        assert parent.poll() is None
        time.sleep(0.05)
    workers = [int(name.read_text()) for name in names]
    parent.kill()
    parent.wait()
    while any(map(is_alive, workers)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
