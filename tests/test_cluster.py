"""The same jobs on a Dask cluster, a real one of this machine, whose processes die, leave, and never were there."""

import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from clusters import (
    HERE,
    PATIENCE,
    Counted,
    Local,
    deadly,
    is_kept_from_children,
    killed,
    local_cluster,
    looked,
    planned,
    slow,
    times,
    until,
    whoever,
    with_children,
)
from conftest import Tiny, call_allocate, one_year
from villages import model, road

from allocate import cluster as of_cluster
from allocate.cluster import check_versions, on_cluster, versions_on
from allocate.crews import RETRIES, Crew, Failure, Processes
from allocate.errors import AllocateError, UsageError
from allocate.hands import packed
from allocate.model import Model
from allocate.versions import deciding_versions
from allocate.words import LANGUAGES, Language, say, speaking

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ends processes as only POSIX can")


def joined(local: Local) -> Crew:
    """Return the crew as soon as all that was started is there."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return on_cluster(local.address)
        except UsageError:
            assert time.monotonic() < deadline, "no worker came"


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    with local_cluster(tmp_path_factory.mktemp("cluster"), workers=2, SCHEDULER__ALLOWED_FAILURES=0) as made:
        yield made


@pytest.fixture(scope="module")
def crew(local: Local) -> Crew:
    return joined(local)


def is_there(process: int) -> bool:
    """Tell whether a process runs. (One that has ended may wait to be noticed.)"""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_every_job_has_its_result_and_one_that_fails_says_why(crew: Crew) -> None:
    found = dict(crew.work(times, 7, {str(n): n for n in range(40)}))
    assert found == dict(Processes(1).work(times, 7, {str(n): n for n in range(40)}))
    assert found["12"] == 84
    assert found["14"] == Failure("ZeroDivisionError: by nobody")
    assert isinstance(found["13"], Failure)
    assert "--set" in found["13"].reason
    assert dict(crew.work(times, 2, {})) == {}


def test_a_job_fails_in_the_language_of_who_asked(crew: Crew) -> None:
    reasons = []
    for language in LANGUAGES:
        with speaking(language):
            (failure,) = dict(crew.work(times, 7, {"13": 13})).values()
        assert isinstance(failure, Failure)
        reasons.append(failure.reason)
    assert "无法执行" in reasons[0]
    assert "This cannot be done" in reasons[1]


def village_models() -> dict[int, Model]:
    """Return models of some villages on a road that may have so many clinics in two years."""
    reach = {"rule": "reach", "share": 1.0, "scope": "district", "strength": "strive"}
    few = {"rule": "count", "kinds": ["clinic"], "strength": "must"}
    return {most: model({"circle": reach, "few": few | {"at_most": most}}, years=(2025, 2027)) for most in (1, 2, 3)}


VILLAGES = {"A": (0.0, 1500), "B": (1.2, 700), "C": (4.0, 900), "D": (9.0, 400)}


def test_looks_are_the_same_on_the_cluster_as_here(crew: Crew) -> None:
    common = road(VILLAGES), village_models()
    there = dict(crew.work(looked, common, {str(most): most for most in common[1]}))
    here = {str(most): looked(common, most) for most in common[1]}
    assert there == here
    assert len({str(figures["served"]) for figures in here.values()}) == 3


def test_a_sweep_on_the_cluster_writes_the_same_tables_as_here(local: Local, crew: Crew, tiny: Tiny) -> None:
    one_year(tiny)
    home = tiny.folder.parent
    words = ("--language", "en", "sweep", tiny.model, "--vary", "rules.few_new.at_most=3,5")
    for name, more in {"there": ("--scheduler", local.address), "here": ()}.items():
        done = call_allocate(home, *words, *more, "--out", name)
        assert done.returncode == 0, done.stderr
    files = {
        str(path.relative_to(home / "here")): path.read_bytes()
        for path in (home / "here").rglob("*")
        if path.is_file() and path.name != "log.txt"
    }
    assert "runs.csv" in files
    assert files == {name: (home / "there" / name).read_bytes() for name in files}


@pytest.mark.parametrize("verb", [("sweep", "--vary", "seed=1,2"), ("scenarios",)])
def test_a_verb_whose_scheduler_is_not_there_writes_nothing(tiny: Tiny, verb: tuple[str, ...], free: str) -> None:
    home = tiny.folder.parent
    more = (
        '[scenarios.more]\ntitle = { zh = "多", en = "More" }\nset = { "rules.few_new.at_most" = 7 }\n\n[rules.few_new]'
    )
    tiny.edit("tiny.toml", "[rules.few_new]", more)
    done = call_allocate(home, verb[0], tiny.model, *verb[1:], "--scheduler", free, "--out", "nothing")
    assert done.returncode == 2
    assert "--scheduler" in done.stderr
    assert len(done.stderr.splitlines()) == 2
    assert not (home / "nothing").exists()


def test_a_whole_plan_starts_processes_beside_a_worker_that_may_start_none(crew: Crew) -> None:
    common = road(VILLAGES), village_models()
    found = dict(crew.work(planned, common, {"plan": 2}))
    assert found == {"plan": planned(common, 2)}
    with crew.connected() as client:  # type: ignore[attr-defined]
        assert all(client.run(is_kept_from_children).values())
    assert dict(crew.work(with_children, 3, {"four": 4})) == {"four": [3, 6, 9, 12]}


def test_what_is_common_is_sent_to_each_worker_once(crew: Crew, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    jobs = {str(n): n for n in range(60)}
    assert dict(crew.work(whoever, Counted(notes), jobs)) == jobs
    lines = notes.read_text().split("\n")[:-1]
    assert len(lines) == len(set(lines)) == 2
    assert len({line.split()[1] for line in lines}) == 2
    # And when all is done, none of the processes beside the workers is left.
    until(lambda: not any(is_there(int(line.split()[0])) for line in lines))


def test_a_job_whose_process_is_killed_is_tried_again_and_given_up_in_the_end(crew: Crew, tmp_path: Path) -> None:
    names = ["a", "once", "b", "always", "c", "d"]
    found = dict(crew.work(killed, str(tmp_path), {name: name for name in names}))
    failure = found.pop("always")
    assert found == {n: n for n in names if n != "always"}
    assert isinstance(failure, Failure)
    assert failure.lost
    assert str(RETRIES + 1) in failure.reason
    assert len((tmp_path / "always").read_text()) == RETRIES + 1


def test_no_job_is_lost_when_a_worker_is_killed(crew: Crew, tmp_path: Path) -> None:
    names = [f"job{n}" for n in range(12)]
    results = crew.work(slow, tmp_path, {name: name for name in names})
    found: dict[str, Any] = {}
    thread = threading.Thread(target=lambda: found.update(results))
    thread.start()
    until(lambda: len(list(tmp_path.glob("job*"))) == 2)
    process, worker = map(int, next(tmp_path.glob("job*")).read_text().split())
    os.kill(worker, signal.SIGKILL)
    # What worked beside it goes with it.
    until(lambda: not is_there(process))
    (tmp_path / "go on").touch()
    thread.join(PATIENCE)
    assert found == {name: name for name in names}


def test_a_job_that_kills_its_worker_each_time_is_given_up_and_no_other_is(crew: Crew, tmp_path: Path) -> None:
    names = ["a", "b", "always", "c", "d", "e"]
    found = dict(crew.work(deadly, str(tmp_path), {name: name for name in names}))
    failure = found.pop("always")
    assert found == {n: n for n in names if n != "always"}
    assert isinstance(failure, Failure)
    assert failure.lost
    assert RETRIES < len((tmp_path / "always").read_text()) < 10


def test_who_stops_waiting_leaves_nothing_running(crew: Crew, tmp_path: Path) -> None:
    results = crew.work(slow, tmp_path, {f"job{n}": f"job{n}" for n in range(9)})
    thread = threading.Thread(target=lambda: next(results))
    thread.start()
    until(lambda: len(list(tmp_path.glob("job*"))) == 2)
    (tmp_path / "go on").touch()
    thread.join(PATIENCE)
    (tmp_path / "go on").unlink()
    results.close()  # type: ignore[attr-defined]
    begun = [int(file.read_text().split()[0]) for file in tmp_path.glob("job*") if file.read_text()]
    until(lambda: not any(map(is_there, begun)))
    assert len(list(tmp_path.glob("job*"))) < 9
    # The cluster is as good as before.
    assert dict(crew.work(times, 3, {"1": 1})) == {"1": 3}


@pytest.mark.parametrize(("with_what", "says"), [(signal.SIGINT, "stopped"), (signal.SIGKILL, "")])
def test_ctrl_c_takes_back_what_the_workers_do_and_so_does_a_kill(
    crew: Crew, local: Local, tmp_path: Path, with_what: signal.Signals, says: str
) -> None:
    script = (
        "import signal; from pathlib import Path; from allocate.cluster import on_cluster; from clusters import slow\n"
        # (Whoever runs the tests in the background may have Ctrl-C ignored, and what they start inherits that.)
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "try:\n"
        f"    list(on_cluster({local.address!r}).work(slow, Path({str(tmp_path)!r}), dict(job0='job0', job1='job1')))\n"
        "except KeyboardInterrupt:\n"
        "    print('stopped', end='')\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(HERE.parent), str(HERE)))}
    with subprocess.Popen(
        [sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        until(lambda: len(list(tmp_path.glob("job*"))) == 2)
        begun = [int(file.read_text().split()[0]) for file in tmp_path.glob("job*")]
        process.send_signal(with_what)
        assert process.communicate(timeout=PATIENCE) == (says, "")
    until(lambda: not any(map(is_there, begun)))


def test_a_cluster_that_loses_its_only_worker_goes_on_when_another_comes(tmp_path: Path) -> None:
    with local_cluster(tmp_path, workers=0) as local:
        only = local.work(threads=2, nanny=False)
        results = joined(local).work(slow, tmp_path, {f"job{n}": f"job{n}" for n in range(5)})
        found: dict[str, Any] = {}
        thread = threading.Thread(target=lambda: found.update(results))
        thread.start()
        # (Two threads of a worker do two jobs at once.)
        until(lambda: len(list(tmp_path.glob("job*"))) == 2)
        only.kill()
        local.work(threads=2, nanny=False)
        (tmp_path / "go on").touch()
        thread.join(PATIENCE)
        assert found == {f"job{n}": f"job{n}" for n in range(5)}


def test_a_cluster_that_goes_away_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_cluster, "PATIENCE", 1.0)
    for ends in ("worker", "scheduler"):
        folder = tmp_path / ends
        folder.mkdir()
        with local_cluster(folder, workers=0) as local:
            worker = local.work(nanny=False)
            results = joined(local).work(slow, folder, {"job0": "job0", "job1": "job1"})
            errors: list[BaseException] = []

            def listen(results: Iterator[Any] = results, errors: list[BaseException] = errors) -> None:
                try:
                    list(results)
                except AllocateError as error:
                    errors.append(error)

            thread = threading.Thread(target=listen)
            thread.start()
            until((folder / "job0").exists)
            (worker if ends == "worker" else local.started[0]).kill()
            thread.join(PATIENCE)
            key, details = ("deserted", {"seconds": 1}) if ends == "worker" else ("lost", {})
            assert list(map(str, errors)) == [say(f"cluster.{key}", address=local.address, **details)]


@pytest.fixture
def free() -> str:
    """Return an address at which nobody listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return f"tcp://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def strangers(free: str) -> Iterator[dict[str, str]]:
    """Listen as those do who are no scheduler: one says nothing, one speaks another language, one hangs up."""
    open_ones: list[socket.socket] = []
    addresses = {}

    def answer(listener: socket.socket, kind: str) -> None:
        with suppress(OSError):
            while True:
                caller, _ = listener.accept()
                open_ones.append(caller)
                if kind == "another":
                    caller.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
                if kind != "silent":
                    caller.close()

    for kind in ("silent", "another", "rude"):
        listener = socket.create_server(("127.0.0.1", 0))
        open_ones.append(listener)
        addresses[kind] = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        threading.Thread(target=answer, args=(listener, kind), daemon=True).start()
    addresses["absent"] = free
    yield addresses
    for each in open_ones:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()


def refused(address: str) -> str:
    """Return the one message with which an address is refused, soon."""
    begun = time.monotonic()
    with pytest.raises(UsageError) as refusal:
        on_cluster(address)
    assert time.monotonic() - begun < 15
    assert len(refusal.value.problems) == 1
    return str(refusal.value)


@pytest.mark.parametrize(
    ("kind", "key", "language"),
    [
        ("absent", "absent", "zh"),
        ("absent", "absent", "en"),
        ("another", "other", "zh"),
        ("rude", "other", "en"),
        ("silent", "other", "zh"),
    ],
)
def test_a_scheduler_that_is_none_is_one_message_soon(
    strangers: dict[str, str], kind: str, key: str, language: Language, capfd: pytest.CaptureFixture[str]
) -> None:
    with speaking(language):
        message = refused(strangers[kind])
        start, end = re.split(r"\{reason\}", say(f"cluster.{key}", reason="{reason}"))
    assert strangers[kind] in message
    assert "--scheduler" in message
    assert start in message
    assert end in message
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "address",
    ["", "nowhere", "http://127.0.0.1:80", "tcp://", "tcp://a:0", "tcp://a:99999", "tcp://a b:1", "inproc://x/1"],
)
def test_what_is_no_address_is_said_before_anybody_is_called(address: str) -> None:
    assert say("cluster.address") in refused(address)


def test_a_name_that_nobody_has_is_one_message() -> None:
    start, _ = say("cluster.absent", reason="|").split("|")
    assert start in refused("tcp://no-such-host.invalid:8786")


def test_certificates_that_are_not_there_are_said_so() -> None:
    assert say("cluster.certificates") in refused("tls://127.0.0.1:1")


def test_a_scheduler_without_workers_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_cluster, "_WORKER_SECONDS", 0.5)
    with local_cluster(tmp_path, workers=0) as local:
        assert say("cluster.no_workers") in refused(local.address)


def test_a_worker_is_no_scheduler(crew: Crew, local: Local) -> None:
    with crew.connected() as client:  # type: ignore[attr-defined]
        worker = next(iter(client.nthreads()))
    assert worker != local.address
    start, _ = say("cluster.other", reason="|").split("|")
    assert start in refused(worker)


@pytest.mark.parametrize("language", LANGUAGES)
def test_workers_with_other_versions_are_named_with_both(language: Language) -> None:
    ours = {"allocate": "0.11.0", "highspy": "1.15.1"}
    found = {
        "scheduler": ours,
        "tcp://a:1": ours | {"highspy": "1.14.0"},
        "tcp://b:2": {"allocate": "0.10.0"},
        "tcp://c:3": {},
    }
    with speaking(language), pytest.raises(UsageError) as refusal:
        check_versions("tcp://s:8786", ours, found)
    lines = str(refusal.value).splitlines()[1:]
    assert len(lines) == 3
    assert all(text in lines[0] for text in ("tcp://a:1", "highspy", "1.14.0", "1.15.1"))
    assert all(text in lines[1] for text in ("tcp://b:2", "allocate", "0.10.0", "0.11.0"))
    assert all(text in lines[2] for text in ("tcp://c:3", "allocate", "—", "0.11.0"))


def test_the_versions_of_all_are_asked_for(crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    with crew.connected() as client:  # type: ignore[attr-defined]
        found = versions_on(client)
        monkeypatch.setattr(of_cluster, "__version__", "99.0")
        other = versions_on(client)
    assert len(found) == 3
    assert all(versions == deciding_versions() for versions in found.values())
    # (Nothing but its version is asked of another allocate.)
    assert all(versions == {"allocate": deciding_versions()["allocate"]} for versions in other.values())


def test_a_worker_that_comes_late_with_another_version_does_nothing(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = deciding_versions() | {"highspy": "99.0"}
    monkeypatch.setattr(of_cluster, "packed", lambda do, shared, versions: packed(do, shared, later))
    (failure,) = dict(crew.work(times, 1, {"1": 1})).values()
    theirs = deciding_versions()["highspy"]
    assert failure == Failure(say("cluster.version_here", name="highspy", ours="99.0", theirs=theirs))


def test_without_dask_the_part_to_add_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert "allocate[cluster]" in refused("tcp://127.0.0.1:1")


def test_the_log_of_others_is_as_it_was(crew: Crew) -> None:
    logger = logging.getLogger("distributed.client")
    before = logger.disabled
    dict(crew.work(times, 1, {"1": 1}))
    assert logger.disabled == before
