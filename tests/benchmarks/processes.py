"""One process per measurement: started, watched, ended in time."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, Self

import numpy as np
from tasks import Result, Task, begun

HERE = Path(__file__).resolve().parent
PEERS = HERE.parents[1] / ".venv-peers"
PEERS_PYTHON = PEERS / "bin" / "python"
OURS = "allocate"

_EVERY = 0.05
_READY = 120.0  # by when libraries are imported and arrays read, before anybody's clock starts [s]
_SHORT = 10.0


@dataclass(frozen=True)
class Measured:
    """What one task took.

    Attributes
    ----------
    who
        Who did it.
    result
        What came out; empty where it was ended or failed.
    process
        From the start of Python to its end [s].
    ended
        The seconds after which it was ended; 0 where it ended by itself [s].
    """

    who: str
    result: Result
    process: float
    ended: float = 0.0

    @property
    def seconds(self) -> float:
        """Return what it took from arrays to answer, or at least took [s]."""
        return self.ended or self.result.seconds

    @property
    def value(self) -> float | None:
        """Return its value."""
        return self.result.value


class Processes:
    """Runs tasks in processes of their own, in a folder that goes when all is done."""

    def __init__(self, *, threads: int = 2, peer_seconds: float = 420.0, tries: int = 3) -> None:
        self.threads, self.peer_seconds, self.tries = threads, peer_seconds, tries
        self._folder = tempfile.TemporaryDirectory(prefix="bench-")
        self.folder = Path(self._folder.name)

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *error: object) -> None:
        """Remove the folder."""
        self._folder.cleanup()

    def arrays(self, name: str, **arrays: Any) -> str:
        """Write arrays for all who measure on them; return the file."""
        file = self.folder / f"{name}.npz"
        if not file.exists():
            np.savez(file, **arrays)
        return str(file)

    def has(self, who: str) -> bool:
        """Tell whether somebody can be measured here."""
        if who == "spopt":
            return (PEERS / ".ready").exists()  # (the last thing that get-peers.sh makes)
        return "cbc" not in who or shutil.which("cbc") is not None

    def run(self, who: str, task: Task, *, at_most: float | None = None) -> Measured:
        """Measure one task; what is short several times, of which the median counts."""
        task = replace(task, threads=self.threads)
        first = self._once(who, task, at_most)
        if first.ended or first.result.value is None or first.seconds > _SHORT or first.seconds > 0.5 * task.seconds:
            return first
        others = [self._once(who, task, at_most) for _ in range(self.tries - 1)]
        tries = sorted([first, *others], key=lambda tried: tried.seconds)
        middle, most = tries[len(tries) // 2], max(tried.result.bytes for tried in tries)
        return replace(
            middle,
            process=median(tried.process for tried in tries),
            result=replace(middle.result, bytes=most),
        )

    def _once(self, who: str, task: Task, at_most: float | None) -> Measured:
        files = [self.folder / name for name in ("task.json", "result.json")]
        for stale in (files[1], begun(files[1])):
            stale.unlink(missing_ok=True)
        task.write(files[0])
        # (A search that keeps its time still has to build, and to say what it found.)
        limit = at_most if at_most is not None else 3 * task.seconds + 60
        environment = {**os.environ, "OMP_NUM_THREADS": str(task.threads), "OPENBLAS_NUM_THREADS": str(task.threads)}
        with (self.folder / "said.txt").open("w+b") as said:
            began = time.monotonic()
            process = subprocess.Popen(
                [*_command(who), *map(str, files)],
                cwd=HERE,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
            seen = _watch(process, limit, begun(files[1]))
            took = time.monotonic() - began
            said.seek(0)
            words = said.read().decode(errors="replace").strip().splitlines()
        if seen.ended or not files[1].exists():
            note = "" if seen.ended else f"failed: {words[-1] if words else process.returncode}"
            return Measured(
                who, Result(cpu=seen.worked, bytes=seen.most, note=note), took, limit if seen.ended else 0.0
            )
        result = Result.read(files[1])
        return Measured(who, replace(result, bytes=max(result.bytes, seen.most)), took)


def _command(who: str) -> list[str]:
    if who == OURS:
        return [sys.executable, "ours.py"]
    if who == "grasp":
        return [sys.executable, "grasp.py"]
    return [str(PEERS_PYTHON) if who == "spopt" else sys.executable, "peers.py", who]


@dataclass(frozen=True)
class Seen:
    """What was seen of a process and its children from outside.

    Attributes
    ----------
    most
        The most memory that they held at once [bytes].
    worked
        What processors worked for them after the clock started [s].
    ended
        Whether they had to be ended.
    """

    most: int
    worked: float
    ended: bool


def _watch(process: "subprocess.Popen[bytes]", limit: float, clock: Path) -> Seen:
    """Watch a process until it ends, or end it `limit` seconds after its clock started."""
    most, before, worked, running = 0, 0.0, 0.0, False
    deadline = time.monotonic() + _READY + limit
    try:
        while time.monotonic() <= deadline:
            try:
                process.wait(_EVERY)
            except subprocess.TimeoutExpired:
                most, worked = max(most, _memory(process.pid)), max(worked, _worked(process.pid))
            else:
                return Seen(most, worked - before, ended=False)
            if not running and clock.exists():
                running, before, deadline = True, worked, time.monotonic() + limit
        return Seen(most, worked - before, ended=True)
    finally:
        if process.poll() is None:
            # It leads a session of its own: what it started ends with it, and nothing else.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _memory(process: int) -> int:
    """Return what a process and its children hold [bytes]; 0 where the system does not tell."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") + sum(map(_memory, _children(process)))
    except (OSError, IndexError):
        return 0


def _worked(process: int) -> float:
    """Return what processors worked for a process and its children [s]; 0 where the system does not tell."""
    try:
        # (After the name, which stands in brackets and may hold anything, the 12th to the 15th: own, and of children
        # that have ended.)
        words = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        ticks = sum(map(int, words[11:15]))
        return ticks / os.sysconf("SC_CLK_TCK") + sum(map(_worked, _children(process)))
    except (OSError, ValueError):
        return 0.0


def _children(process: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()]
