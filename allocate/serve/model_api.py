"""What scripts ask about models: what a page shows, changes of their files, undoing; each done beside the server."""

from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from allocate.errors import Problem, UsageError
from allocate.serve import history
from allocate.serve.asking import answer, asker, body_of, language_of, said, served
from allocate.serve.home import Home
from allocate.words import speaking

# How many entries of the history a page shows at a time.
_MOST_SHOWN = 100


def routes() -> list[BaseRoute]:
    """Return the addresses, with what answers each."""
    return [
        Route("/api/models/{name}", _model),
        Route("/api/models/{name}/findings", _findings),
        Route("/api/models/{name}/changes", _change, methods=["POST"]),
        Route("/api/models/{name}/rules", _rule_kinds),
        Route("/api/models/{name}/rules", _add_rule, methods=["POST"]),
        Route("/api/history", _history),
        Route("/api/history/{id}/undo", _undo, methods=["POST"]),
    ]


async def _beside(request: Request, work: str, *given: Any) -> dict[str, Any]:
    folder = str(served(request).home.path)
    found = await served(request).beside.call(_work, work, folder, *given, language=language_of(request))
    return dict(found)


def _work(what: str, *given: Any) -> dict[str, Any]:
    """Do what is heavy: only the process beside the server loads it."""
    from allocate.serve import model_work

    every = (
        model_work.view, model_work.findings, model_work.change, model_work.rule_kinds, model_work.rule_form,
        model_work.add_rule, model_work.undo,
    )  # fmt: skip
    return {work.__name__: work for work in every}[what](*given)


async def _model(request: Request) -> Response:
    """Return a model as rows and fields."""
    name = request.path_params["name"]
    served(request).home.model(name)
    return answer(await _beside(request, "view", name))


async def _findings(request: Request) -> Response:
    """Return what is odd about the clauses of a model."""
    name = request.path_params["name"]
    served(request).home.model(name)
    return answer(await _beside(request, "findings", name))


async def _change(request: Request) -> Response:
    """Change keys of a model's file, all or none."""
    name = request.path_params["name"]
    served(request).home.model(name)
    body = await body_of(request)
    version, changes = body.get("version"), body.get("changes")
    if (
        not isinstance(version, str)
        or not isinstance(changes, list)
        or not all(isinstance(one, dict) for one in changes)
    ):
        with speaking(language_of(request)):
            raise UsageError([Problem("serve_models.wrong_change")])
    return _written(request, await _beside(request, "change", name, version, changes, asker(request)))


async def _rule_kinds(request: Request) -> Response:
    """Return the kinds of rules that can be added, or what a rule of one kind takes."""
    name, kind = request.path_params["name"], request.query_params.get("kind", "")
    served(request).home.model(name)
    return answer(await (_beside(request, "rule_form", name, kind) if kind else _beside(request, "rule_kinds", name)))


async def _add_rule(request: Request) -> Response:
    """Add a rule to a model's file."""
    name = request.path_params["name"]
    served(request).home.model(name)
    body = await body_of(request)
    texts = [body.get(key) for key in ("version", "name", "kind")]
    values = body.get("values")
    if not all(isinstance(one, str) for one in texts) or not isinstance(values, dict):
        with speaking(language_of(request)):
            raise UsageError([Problem("serve_models.wrong_change")])
    return _written(request, await _beside(request, "add_rule", name, *texts, values, asker(request)))


async def _undo(request: Request) -> Response:
    """Undo an entry of the history."""
    return _written(request, await _beside(request, "undo", request.path_params["id"], asker(request)))


def _written(request: Request, outcome: dict[str, Any]) -> Response:
    """Return what a page shows after a change; one that met a file changed elsewhere changed nothing."""
    if outcome.get("conflict"):
        return answer({"error": said(request, "serve_models.elsewhere"), "version": outcome["version"]}, 409)
    return answer(outcome["view"])


async def _history(request: Request) -> Response:
    """Return who changed what, the newest first."""
    asked = request.query_params
    found = await served(request).beside.call(
        _entries,
        str(served(request).home.path),
        asked.get("of", ""),
        asked.get("what", ""),
        asked.get("before", ""),
        language=language_of(request),
    )
    return answer(found)


def _entries(folder: str, of: str, what: str, before: str) -> dict[str, Any]:
    home = Home(Path(folder))
    found = history.entries(home, _MOST_SHOWN + 1, of, what, before)
    gone = history.undone(home)
    from allocate.serve.model_work import told_entries

    told = told_entries(folder, found[:_MOST_SHOWN])
    return {"entries": [one | {"undone": one["id"] in gone} for one in told], "more": len(found) > _MOST_SHOWN}
