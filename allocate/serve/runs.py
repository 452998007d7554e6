"""Runs: a queue of commands, each a process of its own, kept as files so that it outlives tabs and servers."""

import asyncio
import json
import logging
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from allocate.errors import Problem, UsageError
from allocate.names import KEPT_FILE, PLAN_FILE
from allocate.replacing import disk
from allocate.serve.alive import Lock, is_held
from allocate.serve.commands import RUN, Command, command_of
from allocate.serve.home import OUT, RUNS, Home, Outside
from allocate.serve.worker import ALIVE, ENDED, FAULT, STOP, now, put
from allocate.words import Language

_log = logging.getLogger("allocate.serve")
# (With -P, nothing that lies in the planner's folder passes for a module of ours.)
WORKER = (sys.executable, "-P", "-m", "allocate.serve.worker")
STATE, EVENTS, PRINTED, SAID = "run.json", "events.jsonl", "stdout.txt", "stderr.txt"
WAITING, RUNNING, STOPPING = "waiting", "running", "stopping"
FINISHED, STOPPED, FAILED, KILLED = "finished", "stopped", "failed", "killed"
LIVE, ENDED_STATES = (RUNNING, STOPPING), (FINISHED, STOPPED, FAILED, KILLED)
STATES = (WAITING, *LIVE, *ENDED_STATES)
MOST_WAITING = 20
# How often runs are looked at: while one is under way, and while none is [s].
_OFTEN, _SELDOM = 0.2, 1.0
# How long a process has to begin, and to end once it was told to, before it is made to [s].
_BEGINNING, _ENDING = 15.0, 3.0
# How much is read of what a run says [bytes].
MOST_READ = 256 * 1024
_RECENT, _WHOLE = 64 * 1024, 8 * 2**20
_MOST_STATE = 4 * 2**20
_GONE = ".removed-"
_NO_PLAN = 3
# How often a run is told to stop until it is to end at once, with what it has found or without.
_AT_ONCE = 2


class NoRun(Outside):
    """There is no run of this name."""


@dataclass(frozen=True)
class Run:
    """What is known of a run, as its file holds it.

    Attributes
    ----------
    created, started, ended
        ISO 8601; empty: not yet.
    target
        The folder below maps/out that it writes; empty: none.
    changes, before
        Values that it changes by their keys, and what stood in the model's file.
    pid
        Its process, and the group of all that it began; 0: none.
    stops
        How often it was told to stop.
    note
        What is to be said of how it ended: a key of the catalogue and its values.
    progress
        What it said last, once it has ended.
    asked
        What was asked for, to ask for it again.
    """

    id: str
    verb: str
    words: tuple[str, ...]
    who: str
    language: Language
    created: str
    state: str = WAITING
    started: str = ""
    ended: str = ""
    pid: int = 0
    code: int | None = None
    stops: int = 0
    model: str = ""
    plan: str = ""
    plans: tuple[str, ...] = ()
    target: str = ""
    changes: Mapping[str, str] | None = None
    before: Mapping[str, Any] | None = None
    hears: bool = False
    note: tuple[str, Mapping[str, Any]] | None = None
    progress: Mapping[str, Any] | None = None
    result: Mapping[str, Any] | None = None
    asked: Mapping[str, Any] | None = None

    def seconds(self) -> float | None:
        """Return for how long it has run, or ran [s]; None: it has not begun."""
        if not self.started:
            return None
        end = datetime.fromisoformat(self.ended) if self.ended else datetime.now(UTC)
        return max(0.0, (end - datetime.fromisoformat(self.started)).total_seconds())


class Runs:
    """The runs of a folder. Of several servers of one folder, one starts and ends them; all may ask for them.

    Parameters
    ----------
    at_once
        How many run at a time.
    worker
        What runs a command: followed by the run's folder and the words after `allocate`.
    """

    def __init__(self, home: Home, *, at_once: int = 1, worker: Sequence[str] = ()) -> None:
        self.home, self.at_once, self.worker = home, at_once, tuple(worker or WORKER)
        self.folder = home.path / RUNS
        self._keeps: Lock | None = None
        self._own: dict[str, subprocess.Popen[bytes]] = {}
        self._to_end: dict[str, float] = {}
        self._read: dict[str, tuple[tuple[int, int], Run]] = {}
        # What the disk did not take yet; it is written as soon as it does.
        self._unwritten: dict[str, Run] = {}
        self._task: asyncio.Task[None] | None = None
        self._woken = asyncio.Event()

    # What is asked for.

    def add(self, command: Command, who: str, language: Language) -> Run:
        """Put a command into the queue and return its run.

        Raises
        ------
        UsageError
            When too many wait, another run is to write the same folder, or the disk refuses it.
        """
        unfinished = [run for run in self.all() if run.state not in ENDED_STATES]
        if len(unfinished) >= MOST_WAITING + self.at_once:
            raise UsageError([Problem("serve_runs.too_many", details={"most": MOST_WAITING})])
        if command.target and any(_meet(command.target, run.target) for run in unfinished if run.target):
            raise UsageError([Problem("serve_runs.target_taken", column="name", value=command.target)])
        with disk(self.folder):
            self._make()
            folder = self._new_folder()
            run = Run(
                folder.name, command.verb, words_of(command, folder.name), who, language, now(),
                model=command.model, plan=command.plan, plans=command.plans, target=command.target,
                changes=command.changes, before=command.before, hears=command.hears, asked=command.asked,
            )  # fmt: skip
            try:
                put(folder / STATE, _as_json(run))
            except OSError:
                shutil.rmtree(folder, ignore_errors=True)
                raise
        self._wake()
        return run

    def cancel(self, id: str) -> Run:
        """Tell a run to stop: once, so that it ends with what it has found; once more, so that it ends at once.

        Raises
        ------
        UsageError
            When it has ended, or the disk refuses it.
        """
        run = self.one(id)
        if run.state in ENDED_STATES:
            raise UsageError([Problem("serve_runs.has_ended")])
        stop = self.folder / id / STOP
        with disk(stop):
            put(stop, min(_AT_ONCE, self._stops(id) + 1))
        self._wake()
        return self.one(id)

    def remove(self, id: str) -> None:
        """Remove what is kept of a run; what it wrote elsewhere stays.

        Raises
        ------
        UsageError
            When it has not ended, or the disk refuses it.
        """
        run = self.one(id)
        if run.state not in ENDED_STATES:
            raise UsageError([Problem("serve_runs.not_ended")])
        folder = self.folder / id
        with disk(folder):
            gone = folder.with_name(f"{_GONE}{id}")
            folder.rename(gone)
            shutil.rmtree(gone)
        for known in (self._read, self._unwritten):
            known.pop(id, None)

    def all(self) -> list[Run]:
        """Return every run, the newest first."""
        found = [run for id in self._ids() if (run := self._run(id)) is not None]
        return sorted(found, key=lambda run: (run.created, run.id), reverse=True)

    def one(self, id: str) -> Run:
        """Return a run.

        Raises
        ------
        NoRun
            When there is none of this name.
        """
        run = self._run(id) if RUN.fullmatch(id) and not (self.folder / id).is_symlink() else None
        if run is None:
            raise NoRun(id)
        return run

    def place(self, run: Run) -> int:
        """Return how many runs come before one that waits, and one more."""
        waiting = [other for other in self.all() if other.state == WAITING]
        return sum((other.created, other.id) <= (run.created, run.id) for other in waiting)

    # How they are kept going.

    async def start(self) -> None:
        """Keep runs going from now on."""
        self._look()
        self._task = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """End what is under way, as whoever ends the server means to, and say so; what waits goes on waiting."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        if self._keeps is None:
            return
        # (What ended by itself since it was looked at last, did so, and was not ended with the page.)
        for run in self.all():
            self._note_end(run)
        live = [run for run in self.all() if run.state in LIVE]
        for run in live:
            _signal(run, signal.SIGTERM)
        until = time.monotonic() + _ENDING
        while time.monotonic() < until and not all(map(self._has_ended, live)):
            await asyncio.sleep(0.05)
        for run in live:
            _signal(run, getattr(signal, "SIGKILL", signal.SIGTERM))
            self._reap(run)
            outcome = self._outcome(run)
            is_done = outcome.state == FINISHED
            self._write(outcome if is_done else self._ended(run, KILLED, None, ("serve_runs.note_closed", {})))
        self._keeps.release()
        self._keeps = None

    async def _keep(self) -> None:
        while True:
            busy = False
            try:
                busy = self._look()
            except Exception:
                # (What nobody foresaw of one run may not keep all others waiting for ever.)
                _log.exception("runs")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), _OFTEN if busy else _SELDOM)
            self._woken.clear()

    def _wake(self) -> None:
        """Let what was asked for be done now, and not only when runs are looked at next."""
        if self._task is not None:
            self._look()
            self._woken.set()

    def _look(self) -> bool:
        """Look at every run once: what has ended, is to stop, or is to begin; return whether one is under way."""
        if not self._is_keeper():
            return False
        for run in list(self._unwritten.values()):
            self._write(run)
        runs = [run for run in reversed(self.all()) if run.state not in ENDED_STATES]
        for run in runs:
            if not self._note_end(run) and ((asked := self._stops(run.id)) > run.stops or asked >= _AT_ONCE):
                self._stop(run, asked)
        # (Whoever removes one by hand meanwhile removes it for us too.)
        runs = [found for run in runs if (found := self._run(run.id)) is not None]
        live = sum(run.state in LIVE for run in runs)
        for run in [run for run in runs if run.state == WAITING][: max(0, self.at_once - live)]:
            self._begin(run)
            live += 1
        return live > 0

    def _is_keeper(self) -> bool:
        if self._keeps is None:
            if not self._is_own():
                return False
            lock = Lock(self.folder / ".lock")
            with suppress(OSError):
                self._keeps = lock if lock.take() else None
            if self._keeps is not None:
                for gone in self.folder.glob(f"{_GONE}*"):
                    shutil.rmtree(gone, ignore_errors=True)
        return self._keeps is not None

    def _begin(self, run: Run) -> None:
        """Start the process of a run that waited."""
        folder = self.folder / run.id
        try:
            self._insist(run)
            # (What stands there already, and be it a link, is nothing that this run wrote.)
            for name in (PRINTED, SAID, EVENTS, KEPT_FILE, ALIVE, ENDED, FAULT):
                (folder / name).unlink(missing_ok=True)
            # (Said before there is a process: a server that ends in between does not start it a second time.)
            begun = self._write(replace(run, state=RUNNING, started=now()), insists=True)
            with (folder / PRINTED).open("wb") as out, (folder / SAID).open("wb") as said:
                process = subprocess.Popen(
                    [*self.worker, f"{RUNS}/{run.id}", *run.words],
                    cwd=self.home.path,
                    env=environment(run.language),
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=said,
                    **_ALONE,
                )
        except UsageError:
            self._write(self._ended(run, FAILED, None, ("serve_runs.note_not_asked", {})))
            return
        except OSError as error:
            ended = replace(run, started=run.started or now())
            note = ("serve_runs.note_cannot_start", {"reason": error.strerror or str(error)})
            self._write(self._ended(ended, FAILED, None, note))
            return
        self._own[run.id] = process
        self._write(replace(begun, pid=process.pid))

    def _insist(self, run: Run) -> None:
        """Refuse a run that the page itself would not have put into the queue: its file may come from anywhere.

        Raises
        ------
        UsageError
            When its command is not the one that does what it says was asked for.
        """
        command = command_of(self.home, run.asked or {})
        if run.words != words_of(command, run.id) or run.target != command.target:
            raise UsageError([Problem("serve_runs.note_not_asked")])

    def _stop(self, run: Run, asked: int) -> None:
        """Tell a run to stop as often as was asked for, and make it stop when it does not."""
        if run.state == WAITING:
            self._write(self._ended(replace(run, stops=asked), STOPPED, None, ("serve_runs.note_never_began", {})))
            return
        begun_to_end = self._to_end.get(run.id)
        if begun_to_end is not None:
            if time.monotonic() - begun_to_end > _ENDING:
                _signal(run, getattr(signal, "SIGKILL", signal.SIGTERM))
            return
        if asked >= _AT_ONCE:
            self._to_end[run.id] = time.monotonic()
            _signal(run, signal.SIGTERM)
        elif os.name != "nt":
            _signal(run, signal.SIGINT)
        self._write(replace(run, state=STOPPING, stops=asked))

    def _stops(self, id: str) -> int:
        content = _content(self.folder / id / STOP)
        return content if isinstance(content, int) and 0 <= content <= _AT_ONCE else 0

    def _has_ended(self, run: Run) -> bool:
        """Tell whether the process of a run has ended, whoever started it."""
        process = self._own.get(run.id)
        if process is None:
            alive = self.folder / run.id / ALIVE
            # (One that a server had just started as it was killed may not have said yet that it lives.)
            # (Nor may it be waited for whose start, by the clock, is still to come.)
            return not is_held(alive) and (alive.is_file() or not _has_just(run.started))
        if process.returncode is not None or not hasattr(os, "waitid"):
            return process.poll() is not None
        try:
            found = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return True
        return found is not None

    def _note_end(self, run: Run) -> bool:
        """Write down what came of a run whose process has ended; tell whether it has."""
        has_ended = run.state in LIVE and self._has_ended(run)
        if has_ended:
            self._reap(run)
            self._write(self._outcome(run))
        return has_ended

    def _reap(self, run: Run) -> None:
        """End what a process left behind, as long as nobody else can have its number."""
        process = self._own.get(run.id)
        if process is not None and process.returncode is None:
            _signal(run, getattr(signal, "SIGKILL", signal.SIGTERM))
            with suppress(subprocess.TimeoutExpired):
                process.wait(_ENDING)

    def _outcome(self, run: Run) -> Run:
        """Return a run whose process has ended, and what came of it."""
        process = self._own.pop(run.id, None)
        self._to_end.pop(run.id, None)
        said = _content(self.folder / run.id / ENDED)
        said = said if isinstance(said, dict) else {}
        code = said.get("code") if isinstance(said.get("code"), int) else process.returncode if process else None
        stopped = run.stops > 0 or self._stops(run.id) > 0
        run = replace(run, ended=said["ended"]) if _is_time(said.get("ended")) else run
        last = last_progress(self.folder / run.id) or {}
        if code == 0:
            early = stopped and last.get("stopped") is True
            if early:
                return self._ended(run, STOPPED, code, ("serve_runs.note_stopped", {}))
            return self._ended(run, FINISHED, code, None)
        if stopped:
            kept = "serve_runs.note_ended_kept" if self.keeps(run) else "serve_runs.note_ended"
            return self._ended(run, STOPPED, code, (kept, {}))
        if code is None or code < 0:
            return self._ended(run, KILLED, code, _why_killed(code, self.home.path))
        if code == 1 and run.verb == "verify":
            return self._ended(run, FINISHED, code, ("serve_runs.note_not_sound", {}))
        told = _tail(self.folder / run.id / SAID)
        why = "serve_runs.note_failed" if told else "serve_runs.note_silent"
        return self._ended(run, FAILED, code, ("serve_runs.note_no_plan" if code == _NO_PLAN else why, {}))

    def _ended(self, run: Run, state: str, code: int | None, note: tuple[str, Mapping[str, Any]] | None) -> Run:
        ended = replace(
            run, state=state, code=code, note=note, ended=run.ended or now(),
            progress=last_progress(self.folder / run.id, _WHOLE),
        )  # fmt: skip
        return replace(ended, result=self._result(ended) if code == 0 or (code == 1 and state == FINISHED) else {})

    def _result(self, run: Run) -> dict[str, Any]:
        """Return where what came of a run is found."""
        if not run.target:
            return {"plan": run.plan} if run.verb == "export" else {}
        folder = self.home.path / OUT / run.target
        if run.verb == "plan" and (folder / PLAN_FILE).is_file():
            return {"plan": run.target}
        kind = "joint" if run.verb == "plan" else run.verb
        return {"answer": [run.target, kind]} if (folder / f"{kind}.html").is_file() else {}

    def keeps(self, run: Run) -> bool:
        """Tell whether a run kept the best that it had found, to go on from there."""
        return (self.folder / run.id / KEPT_FILE).is_file()

    def lines(self, run: Run) -> tuple[list[str], list[str]]:
        """Return the last lines that a run printed, and those that it said besides (progress, what went wrong)."""
        folder = self.folder / run.id
        return _tail(folder / PRINTED), _tail(folder / SAID)

    # Its files.

    def _make(self) -> None:
        path = self.home.inside(*RUNS.split("/"))
        path.mkdir(parents=True, exist_ok=True)

    def _new_folder(self) -> Path:
        while True:
            folder = self.folder / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
            with suppress(FileExistsError):
                folder.mkdir()
                return folder

    def _is_own(self) -> bool:
        """Tell whether runs are kept in the planner's folder, and not where a link leads."""
        return self.folder.is_dir() and self.folder.resolve().is_relative_to(self.home.path)

    def _ids(self) -> Iterator[str]:
        if not self._is_own():
            return
        try:
            with os.scandir(self.folder) as found:
                yield from (item.name for item in found if RUN.fullmatch(item.name) and not item.is_symlink())
        except OSError:
            return

    def _run(self, id: str) -> Run | None:
        """Return what the file of a run holds; None where it cannot be read."""
        if id in self._unwritten:
            return self._unwritten[id]
        file = self.folder / id / STATE
        try:
            there = file.stat()
        except OSError:
            return None
        mark = (there.st_mtime_ns, there.st_ino)
        known = self._read.get(id)
        if known is None or known[0] != mark:
            run = _of_json(id, _content(file)) if there.st_size <= _MOST_STATE else None
            if run is None:
                return None
            self._read[id] = known = (mark, run)
        return known[1]

    def _write(self, run: Run, *, insists: bool = False) -> Run:
        """Write what is known of a run; what the disk refuses is kept, and written when it can be."""
        try:
            put(self.folder / run.id / STATE, _as_json(run))
        except OSError:
            if insists:
                raise
            # (Without a folder there is nothing left to say it of: somebody removed it.)
            if (self.folder / run.id).is_dir():
                self._unwritten[run.id] = run
            return run
        self._unwritten.pop(run.id, None)
        return run


# A process whose Ctrl-C and whose end are its own, with all that it begins.
_ALONE: dict[str, Any] = {"creationflags": 0x00000200 | 0x08000000} if os.name == "nt" else {"start_new_session": True}


def words_of(command: Command, id: str) -> tuple[str, ...]:
    """Return what follows `allocate` where the run of this name does what was asked for."""
    return (*command.words, *([f"--progress={RUNS}/{id}"] if command.hears else []))


def environment(language: Language) -> dict[str, str]:
    """Return the environment of a command that is run for whoever asks."""
    token = "ALLOCATE_SERVE_TOKEN"
    own = {"ALLOCATE_LANGUAGE": language, "PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}
    # (Wide, so that no line is broken where a terminal would end; and the page's key is no business of a run.)
    return {name: value for name, value in os.environ.items() if name != token} | own | {"COLUMNS": "4000"}


def _signal(run: Run, what: int) -> None:
    """Send a signal to a run's process and to all that it began."""
    if run.pid <= 0:
        return
    with suppress(OSError):
        if os.name == "nt":
            subprocess.run(["taskkill", "/T", "/F", "/PID", str(run.pid)], capture_output=True, check=False)
        else:
            os.killpg(run.pid, what)


def _why_killed(code: int | None, home: Path) -> tuple[str, dict[str, Any]]:
    if code is None:
        return "serve_runs.note_lost", {}
    if -code == getattr(signal, "SIGKILL", 9):
        return "serve_runs.note_memory", {}
    with suppress(ValueError):
        return "serve_runs.note_crashed", {"signal": signal.Signals(-code).name}
    return "serve_runs.note_crashed", {"signal": str(-code)}


def _meet(one: str, other: str) -> bool:
    """Tell whether two folders are the same, or one lies in the other."""
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def _is_time(text: object) -> bool:
    with suppress(ValueError, TypeError):
        return isinstance(text, str) and datetime.fromisoformat(text).tzinfo is not None
    return False


def _has_just(begun: str) -> bool:
    """Tell whether a process that was started then may not have come so far as to say that it lives."""
    if not begun:
        return False
    passed = (datetime.now(UTC) - datetime.fromisoformat(begun)).total_seconds()
    return -1.0 < passed <= _BEGINNING


def _content(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def _as_json(run: Run) -> dict[str, Any]:
    return {name: value for name, value in vars(run).items() if value not in (None, "", (), {})}


def _of_json(id: str, content: Any) -> Run | None:
    """Return the run of a file that a person may have written in; None where it cannot be one."""
    if not isinstance(content, dict):
        return None
    kinds: dict[str, Any] = {
        **dict.fromkeys(("verb", "who", "created", "state"), str),
        "words": list,
        "language": str,
        **dict.fromkeys(("started", "ended", "model", "plan", "target"), str),
        **dict.fromkeys(("pid", "code", "stops"), int),
        "plans": list,
        **dict.fromkeys(("changes", "before", "progress", "result", "asked"), dict),
        "hears": bool,
        "note": list,
    }
    given = {key: value for key, value in content.items() if key in kinds and isinstance(value, kinds[key])}
    times = (given.get(key, "") for key in ("created", "started", "ended"))
    if not all(key in given for key in ("verb", "words", "created", "state")) or given["state"] not in STATES:
        return None
    if not all(not when or _is_time(when) for when in times):
        return None
    note = given.pop("note", None)
    if note and len(note) == 2 and isinstance(note[0], str) and isinstance(note[1], dict):
        given["note"] = (note[0], note[1])
    given |= {key: tuple(map(str, given.get(key, ()))) for key in ("words", "plans")}
    given |= {"language": "en" if given.get("language") == "en" else "zh", "who": given.get("who", "")}
    return Run(id, **given)


def _tail(file: Path) -> list[str]:
    """Return the last lines of a file that may be large."""
    try:
        with file.open("rb") as source:
            size = source.seek(0, os.SEEK_END)
            source.seek(max(0, size - MOST_READ))
            text = source.read(MOST_READ).decode(errors="replace")
    except OSError:
        return []
    lines = text.splitlines()
    return lines[1:] if size > MOST_READ else lines


def progress_lines(folder: Path, most: int) -> Iterator[dict[str, Any]]:
    """Yield what a run says of how far it is, the oldest first; what is no such line is left out."""
    try:
        with (folder / EVENTS).open("rb") as source:
            size = source.seek(0, os.SEEK_END)
            source.seek(max(0, size - most))
            for line in source.read(most).split(b"\n"):
                said = progress_of(line)
                if said is not None:
                    yield said
    except OSError:
        return


def progress_of(line: bytes) -> dict[str, Any] | None:
    """Return what a line says of how far a run is; None where it is no such line."""
    with suppress(ValueError, RecursionError):
        said = json.loads(line) if line.strip() else None
        return said if isinstance(said, dict) else None
    return None


def last_progress(folder: Path, most: int = _RECENT) -> dict[str, Any] | None:
    """Return what a run said last of how far it is, with what it said of people, and of each stage's gap, before."""
    last: dict[str, Any] = {}
    people: Any = None
    gaps: dict[str, float] = {}
    for said in progress_lines(folder, most):
        last, people = said, said.get("people") or people
        gap = said.get("gap")
        if isinstance(said.get("stage"), str) and isinstance(gap, int | float):
            gaps[said["stage"]] = gap
        if isinstance(said.get("proof"), list):
            # (What is proven in the end, and not what was known while it was looked for.)
            proof = [one for one in said["proof"] if isinstance(one, dict) and isinstance(one.get("gap"), int | float)]
            gaps = {str(one.get("stage")): one["gap"] for one in proof}
    more = {"people": people, "gaps": gaps}
    return last | {key: found for key, found in more.items() if found} or None
