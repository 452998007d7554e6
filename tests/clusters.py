"""A real Dask cluster on this machine, on 127.0.0.1 alone, and jobs that its workers can import soon."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from operator import mul
from pathlib import Path
from typing import Any

from allocate.errors import Problem, UsageError

HERE = Path(__file__).parent
# Longest wait for what happens in another process [s].
PATIENCE = 60.0


def until(happens: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happens():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


@dataclass
class Local:
    """A scheduler and its workers; whoever starts it ends it."""

    folder: Path
    address: str = ""
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *words: object, **settings: object) -> subprocess.Popen[bytes]:
        """Start one of Dask's programs; it knows nothing of the settings of whoever runs the tests."""
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("DASK_")},
            "PYTHONPATH": os.pathsep.join(map(str, (HERE.parent, HERE, HERE / "benchmarks"))),
            "OMP_NUM_THREADS": "1",
            "DASK_CONFIG": str(self.folder / "no-settings"),
            **{f"DASK_DISTRIBUTED__{name}": str(value) for name, value in settings.items()},
        }
        kind, *options = map(str, words)
        log = (self.folder / f"{kind}-{len(self.started)}.log").open("wb")
        with log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{kind}", *options, "--no-dashboard"],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def schedule(self, **settings: object) -> str:
        """Start a scheduler and return its address."""
        file = self.folder / f"scheduler-{len(self.started)}.json"
        self.start("scheduler", "--host", "127.0.0.1", "--port", 0, "--scheduler-file", file, **settings)
        deadline = time.monotonic() + 30
        while not self.address:
            assert time.monotonic() < deadline, "the scheduler did not start"
            time.sleep(0.05)
            with suppress(OSError, ValueError, KeyError):
                self.address = json.loads(file.read_text())["address"]
        return self.address

    def work(self, *, workers: int = 1, threads: int = 1, nanny: bool = True) -> subprocess.Popen[bytes]:
        """Start workers."""
        options = ["--nworkers", workers, "--nthreads", threads, "--host", "127.0.0.1", "--death-timeout", 30]
        kind = "--nanny" if nanny else "--no-nanny"
        return self.start("worker", self.address, *options, kind, "--local-directory", self.folder, "--memory-limit", 0)

    def end(self) -> None:
        """End all, workers first."""
        for process in reversed(self.started):
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def local_cluster(folder: Path, *, workers: int, threads: int = 1, **settings: object) -> Iterator[Local]:
    """Start a scheduler and workers; end them on the way out."""
    local = Local(folder)
    try:
        local.schedule(**settings)
        if workers:
            local.work(workers=workers, threads=threads)
        yield local
    finally:
        local.end()


def times(factor: int, number: int) -> int:
    if number == 13:
        raise UsageError([Problem("problem.set_form", column="--set", value="13")])
    if number == 14:
        raise ZeroDivisionError("by nobody")
    return factor * number


def killed(folder: str, name: str) -> str:
    tries = Path(folder) / name
    tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
    if name == "always" or (name == "once" and tries.read_text() == "x"):
        os.kill(os.getpid(), signal.SIGKILL)
    return name


class Unreadable:
    """What is common to all jobs, and cannot be unpacked."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return _unreadable, ("in another process",)


def _unreadable(why: str) -> None:
    raise ZeroDivisionError(why)


class Counted:
    """What is common to all jobs; it notes who unpacks it."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        with self.file.open("a") as notes:
            notes.write(f"{os.getpid()} {os.getppid()}\n")


def whoever(_: Counted, number: int) -> int:
    time.sleep(0.02)
    return number


def slow(folder: Path, name: str) -> str:
    """Say that it has begun, and by whom, and take until it may end."""
    # (Whoever sees the file is to find both numbers in it.)
    (folder / f".{name}").write_text(f"{os.getpid()} {os.getppid()}")
    (folder / f".{name}").rename(folder / name)
    until((folder / "go on").exists)
    return name


def deadly(folder: str, name: str) -> str:
    """Kill the worker itself, each time."""
    if name == "always":
        with (Path(folder) / name).open("a") as notes:
            notes.write("x")
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(PATIENCE)
    return name


def looked(common: tuple[Any, Any], most: int) -> Any:
    from allocate.looking import look

    district, models = common
    return look(district, models[most]).figures


def planned(common: tuple[Any, Any], most: int) -> str:
    from allocate.planning import plan
    from allocate.plans import to_json

    district, models = common
    return to_json(plan(district, models[most]).content)


def with_children(factor: int, most: int) -> list[int]:
    """Let processes of its own do the work, as a whole plan does."""
    from allocate.program import workers

    with workers(2, most) as pool:
        return list(pool.map(partial(mul, factor), range(1, most + 1)))


def is_kept_from_children() -> bool:
    return multiprocessing.current_process().daemon
