"""Processes beside a worker of a cluster: each reads what is common once, and does one job after the other."""

import os
import pickle
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, BinaryIO

from allocate.crews import Failure, attempt
from allocate.versions import deciding_versions, differing
from allocate.words import language, say, speaking

# How often it is asked whether a job is still wanted [s].
_WANTED_SECONDS = 0.5


def packed(do: Callable[..., Any], shared: Any, versions: Mapping[str, str]) -> bytes:
    """Return what all jobs have in common, ready to travel; who reads it must have the same versions."""
    return pickle.dumps((language(), dict(versions), pickle.dumps((do, shared))))


class Common:
    """What all jobs have in common, on a worker, and the processes there that have read it.

    It travels once to every worker, as bytes that no worker unpacks. Its processes end when the worker drops it, or
    ends itself.
    """

    def __init__(self, content: bytes) -> None:
        self.content = content
        self._idle: list[_Hand] = []
        self._all: list[_Hand] = []
        self._lock = threading.Lock()
        weakref.finalize(self, _end, self._all)

    def __reduce__(self) -> tuple[type["Common"], tuple[bytes]]:
        return Common, (self.content,)

    def do(self, job: bytes, is_wanted: Callable[[], bool]) -> bytes | None:
        """Do a packed job and return its packed result; nothing where its process was lost, or nobody waits for it.

        A worker may do several at once, in as many threads: each has a process of its own. (A worker that Dask's
        nanny looks after may start no children by itself; programs it may.)
        """
        with self._lock:
            hand = self._idle.pop() if self._idle else None
            if hand is None:
                hand = _Hand(self.content)
                self._all.append(hand)
        result = hand.do(job, is_wanted)
        with self._lock:
            if result is None:
                self._all.remove(hand)
            else:
                self._idle.append(hand)
        return result


class _Hand:
    """A process that does jobs, as the worker sees it."""

    def __init__(self, content: bytes) -> None:
        self._process = subprocess.Popen(
            # (It finds its modules where this process does, wherever that was started.)
            [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # Ctrl-C in the worker's terminal is the worker's affair, which takes this process along.
            start_new_session=True,
        )
        self._results: SimpleQueue[bytes | None] = SimpleQueue()
        threading.Thread(target=self._hear, daemon=True).start()
        self._tell(content)

    def do(self, job: bytes, is_wanted: Callable[[], bool]) -> bytes | None:
        """Return the packed result of a job; nothing where the process is gone, or was ended as nobody waits."""
        self._tell(job)
        while True:
            try:
                result = self._results.get(timeout=_WANTED_SECONDS)
            except Empty:
                if not is_wanted():
                    self.end()
                continue
            if result is None:
                self.end()
            return result

    def end(self) -> None:
        """End the process, and what it has started ends with it."""
        with suppress(OSError):
            self._process.kill()

    def _tell(self, content: bytes) -> None:
        # (One that is gone says so by its silence.)
        with suppress(OSError, ValueError):
            _write(self._process.stdin, content)

    def _hear(self) -> None:
        """Pass on what the process writes, until it is gone; then leave nothing of it behind."""
        while (result := _read(self._process.stdout)) is not None:
            self._results.put(result)
        self.end()
        with suppress(OSError), self._process:
            pass
        self._results.put(None)


def _end(hands: list[_Hand]) -> None:
    for hand in hands:
        hand.end()


def _write(stream: BinaryIO | Any, content: bytes) -> None:
    pickle.dump(content, stream)
    stream.flush()


def _read(stream: BinaryIO | Any) -> bytes | None:
    """Return what was written as a whole; nothing where the writer is gone."""
    try:
        content: bytes = pickle.load(stream)
    except (EOFError, OSError, ValueError, pickle.UnpicklingError):
        return None
    return content


def serve() -> None:
    """Do one job after the other: the whole life of the process beside a worker."""
    # What a library prints must not stand among the results.
    results = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    jobs: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_receive, args=(sys.stdin.buffer, jobs), daemon=True).start()
    spoken, versions, content = pickle.loads(jobs.get())
    with speaking(spoken):
        common, failure = _unpacked(content, versions)
        while True:
            job = jobs.get()
            result = attempt(*common, pickle.loads(job)) if common else failure
            try:
                answer = pickle.dumps(result)
            except Exception as error:
                answer = pickle.dumps(Failure(f"{type(error).__name__}: {error}"))
            _write(results, answer)


def _receive(stream: BinaryIO, jobs: SimpleQueue[bytes]) -> None:
    """Pass on jobs; when the worker is gone, however it ended, go too, with all that was started here."""
    while (content := _read(stream)) is not None:
        jobs.put(content)
    if sys.platform != "win32":
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


def _unpacked(content: bytes, versions: Mapping[str, str]) -> tuple[tuple[Any, Any] | None, Failure | None]:
    """Return what is common, or why this process cannot do what is asked: a worker may have come later than all."""
    unlike = differing(versions, deciding_versions())
    if unlike is not None:
        return None, Failure(say("cluster.version_here", name=unlike[0], ours=unlike[1], theirs=unlike[2]))
    try:
        do, shared = pickle.loads(content)
    except Exception as error:
        return None, Failure(f"{type(error).__name__}: {error}")
    return (do, shared), None
