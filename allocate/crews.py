"""Who works out many jobs: processes of this machine, each of which reads what is common once."""

import pickle
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, Protocol

from allocate.errors import AllocateError
from allocate.processes import end_quietly, without_main
from allocate.program import afresh
from allocate.words import say

# A job whose process is lost while it is alone is tried so many times more before it is given up.
RETRIES = 2


@dataclass(frozen=True)
class Failure:
    """Why a job came to nothing, in one line of the planner's language; `lost` where its process was."""

    reason: str
    lost: bool = False


class Crew(Protocol):
    """Whoever can work out jobs: see `Processes` and, on a cluster, `allocate.cluster`."""

    def work[S, J, R](
        self, do: Callable[[S, J], R], shared: S, jobs: Mapping[str, J]
    ) -> Iterator[tuple[str, R | Failure]]:
        """Yield the result of every job by its name, or why there is none, in the order in which they come.

        `do` is a function of a module, `shared` is sent to every worker once. What a job raises on purpose is a
        failure of that job alone.
        """
        ...


_shared: dict[str, Any] = {}


def _begin(content: bytes) -> None:
    """Keep what is common, in a process that has just begun.

    Where it cannot be read, every job says so.
    """
    end_quietly()
    try:
        _shared["do"], _shared["shared"] = pickle.loads(content)
    except Exception as error:
        _shared["failure"] = Failure(f"{type(error).__name__}: {error}")


def _job(job: Any) -> Any:
    if "failure" in _shared:
        return _shared["failure"]
    return attempt(_shared["do"], _shared["shared"], job)


def attempt[S, J, R](do: Callable[[S, J], R], shared: S, job: J) -> R | Failure:
    """Do a job; what it raises on purpose is a failure with its reason, what nobody foresaw one with its kind."""
    try:
        return do(shared, job)
    except AllocateError as error:
        return Failure(str(error))
    except Exception as error:
        return Failure(f"{type(error).__name__}: {error}")


@dataclass(frozen=True)
class Processes:
    """Processes of this machine, at most `most` at a time; with one, the jobs are done in a single process beside it.

    Jobs never depend on which process does them, or in which order: 1 and 4 processes give the same results.
    """

    most: int = 1

    def work[S, J, R](
        self, do: Callable[[S, J], R], shared: S, jobs: Mapping[str, J]
    ) -> Iterator[tuple[str, R | Failure]]:
        """Yield the result of every job by its name; a job whose process was ended is tried again."""
        content = pickle.dumps((do, shared))
        left, alone = dict.fromkeys(jobs, RETRIES + 1), set[str]()
        while left:
            # (When one process is lost, so is the whole pool. Who brought it down is not known: each that was under
            # way is then tried alone, so that none is blamed for another.)
            batch = [name for name in left if name not in alone] or [next(iter(left))]
            for name, result in self._batch(content, {name: jobs[name] for name in batch}):
                is_lost = isinstance(result, Failure) and result.lost
                if is_lost and name not in alone:
                    alone.add(name)
                    continue
                left[name] -= 1
                if is_lost and left[name]:
                    continue
                del left[name]
                yield name, Failure(say("crews.lost", tries=RETRIES + 1), lost=True) if is_lost else result

    def _batch[J](self, content: bytes, jobs: Mapping[str, J]) -> Iterator[tuple[str, Any]]:
        """Yield the results of some jobs; those under way or waiting when a process is lost are failures."""
        with without_main():
            pool = ProcessPoolExecutor(max(1, min(self.most, len(jobs))), afresh(), _begin, (content,))
        waiting: dict[Future[Any], str] = {}
        names = iter(jobs)
        try:
            with without_main():
                _fill(pool, waiting, names, jobs, self.most)
            while waiting:
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                lost: list[str] = []
                for future in sorted(done, key=lambda one: waiting[one]):
                    name = waiting.pop(future)
                    error = future.exception()
                    if isinstance(error, BrokenProcessPool):
                        lost.append(name)
                    elif error is not None and not isinstance(error, Exception):
                        raise error  # (Ctrl-C reaches all processes of a terminal: that is no failure of the job.)
                    elif error is not None:
                        yield name, Failure(f"{type(error).__name__}: {error}")
                    else:
                        yield name, future.result()
                if lost:
                    # (Those that wait in the pool were never begun, or were lost with it: no result is known of them.)
                    yield from ((name, Failure("", lost=True)) for name in (*lost, *waiting.values()))
                    return
                with without_main():
                    _fill(pool, waiting, names, jobs, self.most)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _fill(
    pool: ProcessPoolExecutor, waiting: dict[Future[Any], str], names: Iterator[str], jobs: Mapping[str, Any], most: int
) -> None:
    """Hand out jobs until every process has one to do and one in hand."""
    while len(waiting) < 2 * most:
        name = next(names, None)
        if name is None:
            return
        try:
            waiting[pool.submit(_job, jobs[name])] = name
        except BrokenProcessPool:
            lost: Future[Any] = Future()
            lost.set_exception(BrokenProcessPool())
            waiting[lost] = name
            return
