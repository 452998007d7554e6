"""A process beside the server for what is heavy or reads files of others: models, districts, plans.

The server itself imports nothing that takes time, so that it answers at once; and what brings a reader down, a hostile
file or want of memory, brings down that process and not the page.
"""

import asyncio
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

from allocate.errors import AllocateError, Problem, UsageError
from allocate.processes import without_main
from allocate.words import Language, speaking

SECONDS = 120.0


@dataclass(frozen=True)
class _Refusal:
    """What a function raised on purpose, as it can be handed from one process to another."""

    text: str
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


class Refused(AllocateError):
    """What a function beside the server raised on purpose, in the language of whoever asked.

    Attributes
    ----------
    problems, warnings
        One by one, where it lists them.
    """

    def __init__(self, what: _Refusal) -> None:
        super().__init__(what.text)
        self.problems, self.warnings = what.problems, what.warnings


class Beside:
    """Runs functions in a process of their own, one after the other, in the language of whoever asks.

    Each function stands at the top of a module, and takes and returns plain data.
    """

    def __init__(self, warm: tuple[str, ...] = ()) -> None:
        self._warm = warm
        self._pool: ProcessPoolExecutor | None = None

    def start(self) -> None:
        """Start the process and let it load what it will need, while the page is answered already."""
        with without_main():
            self._running().submit(_load, self._warm)

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        pool, self._pool = self._pool, None
        if pool is not None:
            _end(pool)

    async def call[R](self, do: Callable[..., R], *given: Any, language: Language, seconds: float = SECONDS) -> R:
        """Return what a function returns.

        Raises
        ------
        Refused
            What the function raised on purpose.
        UsageError
            When it took too long, or the process was ended.
        """
        pool = self._running()
        try:
            with without_main():
                future = asyncio.wrap_future(pool.submit(_speaking, language, do, given))
            outcome = await asyncio.wait_for(asyncio.shield(future), seconds)
        except TimeoutError:
            # (Nobody waits for it any more: how it ends is of no interest.)
            future.add_done_callback(lambda lost: lost.cancelled() or lost.exception())
            self._lose(pool)
            with speaking(language):
                raise UsageError([Problem("serve.took_too_long", details={"seconds": round(seconds)})]) from None
        except BrokenProcessPool:
            self._lose(pool)
            with speaking(language):
                raise UsageError([Problem("serve.reader_lost")]) from None
        if isinstance(outcome, _Refusal):
            raise Refused(outcome)
        result: R = outcome
        return result

    def _running(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
        return self._pool

    def _lose(self, pool: ProcessPoolExecutor) -> None:
        if self._pool is pool:
            self._pool = None
        _end(pool)


def _end(pool: ProcessPoolExecutor) -> None:
    for process in list((getattr(pool, "_processes", None) or {}).values()):
        process.kill()
    pool.shutdown(wait=False, cancel_futures=True)


def _load(modules: tuple[str, ...]) -> None:
    for name in modules:
        __import__(name)


def _speaking(language: Language, do: Callable[..., Any], given: tuple[Any, ...]) -> Any:
    with speaking(language):
        try:
            return do(*given)
        except AllocateError as error:
            return _Refusal(str(error), getattr(error, "problems", ()), getattr(error, "warnings", ()))
