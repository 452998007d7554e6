"""The same jobs on a Dask cluster: its workers read what is common once, and a job whose worker dies is tried again."""

import asyncio
import logging
import pickle
import re
import socket
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pkgutil import resolve_name
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from allocate import __version__
from allocate.crews import RETRIES, Crew, Failure
from allocate.errors import AllocateError, Problem, UsageError
from allocate.hands import Common, packed
from allocate.versions import deciding_versions, differing
from allocate.words import few, say

if TYPE_CHECKING:
    from distributed import Client, Future

OPTION = "--scheduler"
# How long it may take to reach a computer, to be answered, to be let in, and until a worker comes [s]: 14 s in all.
_REACH_SECONDS, _ANSWER_SECONDS, _CONNECT_SECONDS, _WORKER_SECONDS = 3.0, 3.0, 3.0, 5.0
# How long a cluster that has lost all its workers may take until it has one again [s].
PATIENCE = 120.0
# How often the workers are counted, and how long is waited for a job that has ended to say how [s].
_COUNT_SECONDS, _RESULT_SECONDS = 2.0, 300.0
_ADDRESS = re.compile(r"(?:(?P<scheme>tcp|tls)://)?(?P<host>\[[0-9A-Fa-f:.]+\]|[\w.-]+):(?P<port>\d{1,5})/?", re.ASCII)


def on_cluster(address: str) -> Crew:
    """Return the workers of a cluster whose scheduler listens at an address, such as `tcp://10.0.0.5:8786`.

    Raises
    ------
    UsageError
        When nobody listens there, when it has no workers, or when they have other versions.
    """
    found = _ADDRESS.fullmatch(address.strip())
    if found is None or not 0 < int(found["port"]) < 65536:
        raise _refused("address", address)
    cluster = Cluster(f"{found['scheme'] or 'tcp'}://{found['host']}:{found['port']}")
    with cluster.connected():
        return cluster


def _refused(kind: str, address: str, **details: str | int) -> UsageError:
    return UsageError([Problem(f"cluster.{kind}", column=OPTION, value=address, details=details)])


@dataclass(frozen=True)
class Cluster:
    """The workers of a Dask cluster, as many as there are at any moment."""

    address: str

    def work[S, J, R](
        self, do: Callable[[S, J], R], shared: S, jobs: Mapping[str, J]
    ) -> Iterator[tuple[str, R | Failure]]:
        """Yield the result of every job by its name; a job whose process or worker was lost is tried again.

        Raises
        ------
        AllocateError
            When the cluster goes away, or all its workers do: what was yielded before stands.
        """
        if not jobs:
            return
        with self.connected() as client:
            flight = _Flight(self.address, client, packed(do, shared, deciding_versions()), jobs)
            try:
                yield from flight.results()
            finally:
                flight.cancel()

    @contextmanager
    def connected(self) -> Iterator["Client"]:
        """Connect to the scheduler without a word of Dask's, and see that workers are there who can do the work."""
        try:
            from distributed import Client
        except ImportError:
            raise _refused("missing", self.address) from None
        with _silent():
            self._ask()
            try:
                with _unwarned():
                    client = Client(self.address, timeout=_CONNECT_SECONDS, set_as_default=False)
            except Exception as error:
                raise self._unusable(error) from None
            try:
                self._check(client)
                yield client
            finally:
                with suppress(Exception):
                    client.close(timeout=_CONNECT_SECONDS)

    def _ask(self) -> None:
        """Ask whoever listens there what it is. (Dask itself would wait for a stranger's answer for ever.)"""
        from distributed.security import Security

        is_encrypted = self.address.startswith("tls")
        if is_encrypted and Security().get_connection_args("client").get("ssl_context") is None:
            raise _refused("certificates", self.address)
        with ThreadPoolExecutor(1) as thread:
            try:
                kind = thread.submit(asyncio.run, _kind(self.address)).result()
            except (OSError, TimeoutError) as error:
                raise self._unusable(error) from None
            except Exception as error:
                raise _refused("other", self.address, reason=f"{type(error).__name__}: {error}") from None
        if kind != "Scheduler":
            raise _refused("other", self.address, reason=kind)

    def _unusable(self, error: Exception) -> UsageError:
        """Say why there is no connection: nobody is there, or somebody who speaks another language."""
        from distributed.comm.core import CommClosedError

        reason = f"{type(error).__name__}: {error}"
        if isinstance(error, OSError) and not isinstance(error, CommClosedError | _Silence):
            return _refused("absent", self.address, reason=_why(error.__cause__ or error) or reason)
        return _refused("other", self.address, reason=_why(error) or reason)

    def _check(self, client: "Client") -> None:
        """See that there is a worker, and that all have the versions that this process has."""
        try:
            client.wait_for_workers(1, timeout=_WORKER_SECONDS)
        except TimeoutError:
            raise _refused("no_workers", self.address) from None
        try:
            theirs = versions_on(client)
        except OSError as error:
            raise self._unusable(error) from None
        check_versions(self.address, deciding_versions(), theirs)


class _Silence(OSError):
    """Somebody took the call and said nothing."""


def _why(error: BaseException) -> str:
    """Say in the planner's language why there was no connection; nothing where it is something else."""
    match error:
        case _Silence():
            return say("cluster.silent")
        case ConnectionRefusedError():
            return say("cluster.closed")
        case socket.gaierror():
            return say("cluster.unknown")
        case TimeoutError():
            return say("cluster.unreached")
    from distributed.comm.core import CommClosedError

    # (What is wrong with a certificate is said in its own words.)
    return say("cluster.rude") if isinstance(error, CommClosedError) and "SSL" not in str(error) else ""


async def _kind(address: str) -> str:
    """Return what listens at an address: a scheduler says that it is one."""
    from distributed.comm.core import connect
    from distributed.core import send_recv
    from distributed.security import Security

    # (Dask would try again and again; whoever is not there is not there.)
    host, port = address.rsplit("/", 1)[1].rsplit(":", 1)
    _, writer = await asyncio.wait_for(asyncio.open_connection(host.strip("[]"), int(port)), _REACH_SECONDS)
    writer.close()
    await writer.wait_closed()

    async def asked() -> str:
        comm = await connect(address, timeout=_ANSWER_SECONDS, **Security().get_connection_args("client"))
        try:
            answer = await send_recv(comm, op="identity")
        finally:
            comm.abort()
        return str(answer["type"])

    try:
        return await asyncio.wait_for(asked(), _ANSWER_SECONDS)
    except TimeoutError:
        raise _Silence from None


def versions_on(client: "Client") -> dict[str, dict[str, str]]:
    """Return the versions on the scheduler and on every worker, by its address; none where allocate is missing."""
    # (Where allocate is not installed, or is another one, none of its functions may be asked for.)
    name = "allocate:__version__"
    try:
        first: dict[str, Any] = {"scheduler": client.run_on_scheduler(resolve_name, name)}
    except ImportError:
        first = {"scheduler": None}
    first |= client.run(resolve_name, name, on_error="return")
    found = {where: {"allocate": version} if isinstance(version, str) else {} for where, version in first.items()}
    if all(versions == {"allocate": __version__} for versions in found.values()):
        found = {"scheduler": client.run_on_scheduler(deciding_versions), **client.run(deciding_versions)}
    return found


def check_versions(address: str, ours: Mapping[str, str], found: Mapping[str, Mapping[str, str]]) -> None:
    """See that the same versions are everywhere; one message names those who have others.

    Raises
    ------
    UsageError
        When a worker, or the scheduler, has another version of what decides a result.
    """
    unlike: dict[tuple[str, str, str], list[str]] = {}
    for where, theirs in found.items():
        other = differing(ours, theirs)
        if other is not None:
            unlike.setdefault(other, []).append(where)
    if unlike:
        raise UsageError(
            Problem(
                "cluster.version",
                column=OPTION,
                value=address,
                details={"where": few(where), "name": name, "ours": mine, "theirs": theirs},
            )
            for (name, mine, theirs), where in unlike.items()
        )


class _Flight[J]:
    """Jobs on their way through a cluster: some wait, some are there, some have come back."""

    def __init__(self, address: str, client: "Client", content: bytes, jobs: Mapping[str, J]) -> None:
        self.address, self.client, self.jobs = address, client, jobs
        self.content = content
        self.common: Future | None = None
        # How often each job that has no result yet was lost.
        self.lost = dict.fromkeys(jobs, 0)
        self.waiting = deque(jobs)
        # Jobs beside which a worker died. Who brought it down is not known: each is tried once more alone, when all
        # others are done, so that none is blamed for another.
        self.suspects: deque[str] = deque()
        self.alone: set[str] = set()
        self.there: dict[Any, tuple[str, Future]] = {}
        self.back: SimpleQueue[Future] = SimpleQueue()
        self.threads = 0
        self.counted = self.manned = time.monotonic()

    def results(self) -> Iterator[tuple[str, Any]]:
        """Yield the result of every job, or why there is none."""
        self._count()
        while self.lost:
            self._send()
            try:
                future = self.back.get(timeout=_COUNT_SECONDS)
            except Empty:
                self._watch()
                continue
            if time.monotonic() - self.counted > _COUNT_SECONDS:
                self._watch()
            # (What Dask sends back late, of a job that was settled otherwise, is no news.)
            if future.key in self.there:
                yield from self._settled(*self.there.pop(future.key))

    def cancel(self) -> None:
        """Take back what is still there; the workers end the processes that are at it."""
        if self.client.status == "running":
            with suppress(Exception):
                self.client.cancel([future for _, future in self.there.values()], asynchronous=False)

    def _send(self) -> None:
        """Hand out jobs until every thread of the cluster has one to do and one in hand."""
        while self.waiting and len(self.there) < 2 * self.threads:
            self._submit(self.waiting.popleft())
        if self.suspects and self.threads and not self.waiting and not self.there:
            self._submit(self.suspects.popleft())

    def _submit(self, name: str) -> None:
        job = pickle.dumps(self.jobs[name])
        with self._reaching(), _unwarned():
            if self.common is None or self.common.status in ("cancelled", "lost", "error"):
                self.common = self._shared()
            future = self.client.submit(_on_worker, self.common, job, pure=False)
        self.there[future.key] = name, future
        future.add_done_callback(self.back.put)

    def _shared(self) -> "Future":
        """Send what is common to all workers."""
        while True:
            try:
                shared: Future = self.client.scatter(Common(self.content), broadcast=True, hash=False)
                return shared
            except TimeoutError:
                # (No worker is left to whom it could be sent.)
                self._watch()

    def _settled(self, name: str, future: "Future") -> Iterator[tuple[str, Any]]:
        """Yield the result of a job that has come back, unless it is to be tried again."""
        from distributed import KilledWorker
        from distributed.client import FutureCancelledError

        # Whether it was its own process that was lost, and how often.
        is_blamed, tries = name in self.alone, 1
        try:
            answer = future.result(timeout=_RESULT_SECONDS)
        except KilledWorker as error:
            # (The scheduler gave it to one worker after the other, and each died.)
            answer, tries = None, error.allowed_failures + 1
        except (FutureCancelledError, asyncio.CancelledError, OSError, TimeoutError):
            # (What is common, or its result, was lost with the last worker that had it.)
            answer = None
        except Exception as error:
            answer = pickle.dumps(Failure(f"{type(error).__name__}: {error}"))
        else:
            is_blamed = True
        finally:
            future.release()
        if answer is not None:
            del self.lost[name]
            yield name, pickle.loads(answer)
            return
        self._watch()
        if is_blamed:
            self.lost[name] += tries
        if self.lost[name] > RETRIES:
            yield name, Failure(say("crews.lost", tries=self.lost.pop(name)), lost=True)
        elif is_blamed and name not in self.alone:
            self.waiting.append(name)
        else:
            self.alone.add(name)
            self.suspects.append(name)

    def _watch(self) -> None:
        """See that the cluster is still there, and how many threads it has."""
        if self.client.status != "running":
            raise AllocateError(say("cluster.lost", address=self.address))
        self._count()
        if not self.threads and time.monotonic() - self.manned > PATIENCE:
            raise AllocateError(say("cluster.deserted", address=self.address, seconds=round(PATIENCE)))

    def _count(self) -> None:
        with self._reaching():
            self.threads = sum(self.client.nthreads().values())
        self.counted = time.monotonic()
        if self.threads:
            self.manned = self.counted

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except (OSError, TimeoutError, RuntimeError, asyncio.CancelledError):
            raise AllocateError(say("cluster.lost", address=self.address)) from None


def _on_worker(common: Common, job: bytes) -> bytes | None:
    """Do a job in a process beside the worker that Dask gave it to."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def is_wanted() -> bool:
        task = worker.state.tasks.get(key)
        return task is not None and task.state != "cancelled"

    return common.do(job, is_wanted)


@contextmanager
def _unwarned() -> Iterator[None]:
    """Keep Dask from warning: versions are checked here, and what is large is sent once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _silent() -> Iterator[None]:
    """Keep Dask's log out of the planner's terminal: what matters is said in one message."""
    parts = ("distributed", "tornado", "asyncio")
    loggers = [
        each
        for name, each in list(logging.root.manager.loggerDict.items())
        if isinstance(each, logging.Logger) and not each.disabled and name.split(".")[0] in parts
    ]
    for each in loggers:
        each.disabled = True
    try:
        yield
    finally:
        for each in loggers:
            each.disabled = False
