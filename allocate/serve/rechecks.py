"""Whether the plans of a folder pass their recheck, each worked out once in a process of its own."""

import asyncio
import sys
from contextlib import suppress
from typing import Any

from starlette.datastructures import State

from allocate.serve.home import OUT, Home
from allocate.serve.runs import environment
from allocate.words import Language, visible

_MOST = 64  # verdicts that are kept
_LINES = 12  # of what a recheck finds, that the page shows
_CHECKING = {"state": "checking", "lines": [], "more": 0}

_Key = tuple[str, Language, int, int]


class Rechecks:
    """Rechecks plans by their inputs, as `allocate verify` does: one after the other, since each takes a processor."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._one = asyncio.Semaphore(1)
        self._found: dict[_Key, dict[str, Any]] = {}
        self._under_way: dict[_Key, asyncio.Task[None]] = {}

    @classmethod
    def of(cls, state: State, home: Home) -> "Rechecks":
        """Return those of a page; it has one of them."""
        made: Rechecks | None = getattr(state, "rechecks", None)
        if made is None:
            made = state.rechecks = cls(home)
        return made

    def found(self, name: str, language: Language) -> dict[str, Any]:
        """Return what was found of a plan as it is now, `sound`, `wrong` or `failed`; or begin to look at it."""
        about = (self._home.plan(name) / "plan.json").stat()
        key = (name, language, about.st_mtime_ns, about.st_size)
        if key in self._found:
            return self._found[key]
        if key not in self._under_way:
            self._under_way[key] = asyncio.create_task(self._recheck(key))
        return _CHECKING

    async def _recheck(self, key: _Key) -> None:
        try:
            async with self._one:
                found = await self._verified(f"{OUT}/{key[0]}", key[1])
            while len(self._found) >= _MOST:
                del self._found[next(iter(self._found))]
            self._found[key] = found
        finally:
            del self._under_way[key]

    async def _verified(self, plan: str, language: Language) -> dict[str, Any]:
        # (With -P, nothing that lies in the planner's folder passes for a module of ours.)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "allocate", "verify", plan,
            cwd=self._home.path,
            env=environment(language) | {"OMP_NUM_THREADS": "1"},
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            said, _ = await process.communicate()
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            # (Its pipes close with it, while there is still a loop to close them in.)
            await process.wait()
        lines = [visible(line) for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
        state = {0: "sound", 1: "wrong"}.get(process.returncode or 0, "failed")
        return {"state": state, "lines": lines[:_LINES], "more": max(0, len(lines) - _LINES)}
