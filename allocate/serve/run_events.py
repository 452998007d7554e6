"""What happens in a run, as it happens: events that a browser takes up again where it was."""

import asyncio
import io
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from allocate.serve.runs import ENDED_STATES, EVENTS, PRINTED, SAID, NoRun, Runs, progress_of
from allocate.words import visible

# How often files are looked at, how long nothing may be said, and how long one stream lasts: a browser begins a new
# one by itself [s].
_BETWEEN, _HEARTBEAT, _LASTING = 0.25, 15.0, 600.0
_AGAIN = 1000  # ms
# How much of a file is told at once [bytes]: of what is longer, whoever comes late hears the end.
_AT_ONCE, _MOST_BEHIND, _LONGEST_LINE = 64 * 1024, 2 * 2**20, 4_000
MOST_STREAMS = 40


@dataclass
class _File:
    """A file that grows, and how far it was read."""

    path: Path
    event: str
    at: int

    def new_lines(self, *, last: bool) -> Iterator[bytes]:
        """Yield lines that are whole, and in the end the one that is not."""
        try:
            with self.path.open("rb") as source:
                size = source.seek(0, os.SEEK_END)
                if self.at > size or size - self.at > _MOST_BEHIND:
                    self.at = max(0, size - _MOST_BEHIND)
                source.seek(self.at)
                read = source.read(_AT_ONCE)
        except OSError:
            return
        is_end = last and len(read) < _AT_ONCE
        # (Nothing but the end of a line ends one: else what is told next would begin within another.)
        for line in io.BytesIO(read):
            if line.endswith(b"\n") or is_end or len(line) > _LONGEST_LINE:
                self.at += len(line)
                yield line


async def stream(
    runs: Runs, id: str, since: str, shown: Callable[[], dict[str, Any]], is_closing: Callable[[], bool]
) -> AsyncIterator[str]:
    """Yield events as a browser reads them, until the run has ended, the page closes or the stream lasted long enough.

    Parameters
    ----------
    since
        The id of the last event that was heard; empty: from the beginning.
    shown
        Returns what is known of the run, for people.
    """
    folder = runs.folder / id
    progress, printed, said = offsets_of(since)
    files = (
        _File(folder / EVENTS, "progress", progress),
        _File(folder / PRINTED, "line", printed),
        _File(folder / SAID, "line", said),
    )
    began = spoke = time.monotonic()
    told = ""
    yield f"retry: {_AGAIN}\n\n"
    while not is_closing() and time.monotonic() - began < _LASTING:
        try:
            ended = runs.one(id).state in ENDED_STATES
            state = json.dumps(_lasting(shown()), ensure_ascii=False)
        except NoRun:
            yield "event: gone\ndata: {}\n\n"
            return
        heard = False
        for file in files:
            for line in file.new_lines(last=ended):
                content = _told(file, line)
                if content is not None:
                    heard = True
                    at = "-".join(str(one.at) for one in files)
                    yield f"id: {at}\nevent: {file.event}\ndata: {json.dumps(content, ensure_ascii=False)}\n\n"
        if state != told:
            told, heard = state, True
            yield f"event: state\ndata: {state}\n\n"
        if heard:
            spoke = time.monotonic()
            continue
        if ended:
            yield "event: end\ndata: {}\n\n"
            return
        if time.monotonic() - spoke > _HEARTBEAT:
            spoke = time.monotonic()
            yield ": still here\n\n"
        await asyncio.sleep(_BETWEEN)


def offsets_of(since: str) -> tuple[int, int, int]:
    """Return how far each file was read when an event of this id was sent.

    >>> offsets_of("120-30-0"), offsets_of("forged")
    ((120, 30, 0), (0, 0, 0))
    """
    parts = since.split("-")
    if len(parts) == 3 and all(part.isascii() and part.isdecimal() and len(part) < 16 for part in parts):
        progress, printed, said = map(int, parts)
        return progress, printed, said
    return 0, 0, 0


def _told(file: _File, line: bytes) -> dict[str, Any] | None:
    if file.event == "progress":
        return progress_of(line)
    text = visible(line.decode(errors="replace").rstrip("\r\n"))[:_LONGEST_LINE]
    return {"text": text, "said": file.path.name == SAID}


def _lasting(shown: dict[str, Any]) -> dict[str, Any]:
    """Leave out what changes all the time and is told as progress."""
    return {key: value for key, value in shown.items() if key not in ("seconds", "progress")}
