"""Runs for scripts: ask for one, look at it, hear of it, stop it, remove it."""

import os
import shlex
import subprocess
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from allocate.errors import AllocateError, Problem, UsageError
from allocate.serve import history
from allocate.serve.asking import answer, asker, body_of, language_of, served
from allocate.serve.commands import VERBS, command_of, key_said, value_said
from allocate.serve.history import Change
from allocate.serve.run_events import MOST_STREAMS, stream
from allocate.serve.runs import ENDED_STATES, WAITING, Run, Runs, last_progress
from allocate.words import Language, say_in, speaking, visible

# How many runs a list shows, the newest; a folder may keep more.
MOST_LISTED = 300


def routes() -> list[BaseRoute]:
    """Return the addresses, with what answers each."""
    return [
        Route("/api/runs", _add, methods=["POST"]),
        Route("/api/runs", _all),
        Route("/api/runs/{id}", _one),
        Route("/api/runs/{id}/events", _events),
        Route("/api/runs/{id}/cancel", _cancel, methods=["POST"]),
        Route("/api/runs/{id}/remove", _remove, methods=["POST"]),
    ]


def runs_of(request: Request) -> Runs:
    """Return the runs of the folder that is served."""
    found: Runs = request.app.state.runs
    return found


async def _add(request: Request) -> Response:
    asked = await body_of(request)
    spoken = language_of(request)
    runs, home, who = runs_of(request), served(request).home, asker(request)
    with speaking(spoken):
        command = command_of(home, asked)
        run = runs.add(command, who, spoken)
    changes = [Change(tuple(key.split(".")), command.before.get(key), value) for key, value in command.changes.items()]
    # (The run is under way: that its line is missing from the history is no reason to say that it is not.)
    with suppress(AllocateError, OSError), speaking(spoken):
        told = {"run": run.id, "verb": run.verb}
        history.add(home, who=who, what="run", of=_about(run), changes=changes, told=told)
    return answer({"id": run.id, "way": f"/runs/{run.id}"})


async def _all(request: Request) -> Response:
    runs = runs_of(request)
    found = runs.all()
    shown = [shown_run(runs, run, language_of(request), lines=False) for run in found[:MOST_LISTED]]
    return answer({"runs": shown, "count": len(found)})


async def _one(request: Request) -> Response:
    runs = runs_of(request)
    return answer(shown_run(runs, runs.one(request.path_params["id"]), language_of(request)))


async def _cancel(request: Request) -> Response:
    runs, spoken = runs_of(request), language_of(request)
    with speaking(spoken):
        run = runs.cancel(request.path_params["id"])
    return answer(shown_run(runs, run, spoken))


async def _remove(request: Request) -> Response:
    with speaking(language_of(request)):
        runs_of(request).remove(request.path_params["id"])
    return answer({})


async def _events(request: Request) -> Response:
    """Say what happens in a run as it happens; a browser that was cut off goes on where it was."""
    runs, spoken, about = runs_of(request), language_of(request), served(request)
    id = request.path_params["id"]
    runs.one(id)
    state = request.app.state
    if state.streams >= MOST_STREAMS:
        with speaking(spoken):
            raise UsageError([Problem("serve_runs.too_many_streams", details={"most": MOST_STREAMS})])
    # (A browser says by itself where it was; a page that begins to listen again says so in the address.)
    since = request.headers.get("last-event-id") or request.query_params.get("since", "")

    async def events() -> AsyncIterator[str]:
        state.streams += 1
        try:
            async for event in stream(
                runs,
                id,
                since,
                lambda: shown_run(runs, runs.one(id), spoken, lines=False, progress=False),
                about.is_closing,
            ):
                yield event
        finally:
            state.streams -= 1

    return StreamingResponse(events(), media_type="text/event-stream", headers={"x-accel-buffering": "no"})


def shown_run(runs: Runs, run: Run, spoken: Language, *, lines: bool = True, progress: bool = True) -> dict[str, Any]:
    """Return what the page shows of a run: what it is about, how far it is, and what came of it.

    Parameters
    ----------
    lines, progress
        Whether what it printed, and how far it is, are read as well.
    """
    has_ended = run.state in ENDED_STATES
    result = dict(run.result or {})
    shown = {
        "id": run.id,
        "verb": run.verb,
        "title": title_of(run, spoken),
        "who": run.who,
        "model": run.model,
        "plan": run.plan,
        "plans": list(run.plans),
        "name": run.target,
        "command": command_line(run),
        "changes": dict(run.changes or {}),
        "before": dict(run.before or {}),
        "called": {key: [key_said(key, spoken), value_said(value)] for key, value in (run.changes or {}).items()},
        "state": run.state,
        "created": run.created,
        "started": run.started or None,
        "ended": run.ended or None,
        "seconds": run.seconds(),
        "code": run.code,
        "progress": run.progress if has_ended else last_progress(runs.folder / run.id) if progress else None,
        "result": result,
        "note": said_note(run, spoken),
        "kept": runs.keeps(run),
        "place": runs.place(run) if run.state == WAITING else None,
        "asked": dict(run.asked or {}),
    }
    if lines:
        printed, said = runs.lines(run)
        shown["result"] = {**result, "lines": [visible(line) for line in printed]}
        shown["said"] = [visible(line) for line in said]
    return shown


def title_of(run: Run, spoken: Language) -> str:
    """Return what a run does, and of what."""
    of = _about(run)
    what = say_in(spoken, f"serve_runs.verb_{run.verb}") if run.verb in VERBS else run.verb
    # (A plan that is called after its model need not say so twice.)
    name = run.target if run.verb == "plan" and run.target != run.model else ""
    return say_in(spoken, "serve_runs.title_to" if name else "serve_runs.title", what=what, of=of, name=name)


def said_note(run: Run, spoken: Language) -> str:
    """Return what is to be said of how a run ended, and what to do."""
    if run.note is None:
        return ""
    key, values = run.note
    with suppress(KeyError, IndexError, ValueError):
        return say_in(spoken, key, **{name: visible(str(value)) for name, value in values.items()})
    return ""


def command_line(run: Run) -> str:
    """Return what one types in a terminal to have the same done; what tells the page how far it is, is left out."""
    words = ["allocate", *(word for word in run.words if not word.startswith("--progress="))]
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def _about(run: Run) -> str:
    return run.model or run.plan or " · ".join(run.plans)
