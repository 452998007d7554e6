"""The page as an application: every address, and what becomes of errors."""

import mimetypes
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from allocate.errors import AllocateError
from allocate.serve import asking, pages
from allocate.serve.asking import LANGUAGE_COOKIE, STATIC, Served, fault_page, language_of, page, refusal, wants_json
from allocate.serve.guard import Guard, TooLarge
from allocate.serve.home import Outside
from allocate.serve.runs import Runs
from allocate.words import LANGUAGES, Language

# Nobody has to send more: the largest list of villages is a tenth of it.
MOST_BYTES = 64 * 2**20
_A_YEAR = 365 * 24 * 3600


def make_app(
    served: Served, *, token: str, port: int, hosts: Iterable[str] | None = None, most_bytes: int = MOST_BYTES
) -> Guard:
    """Return the page of a folder; `hosts` are those that it answers under, those of this machine unless told."""

    runs = Runs(served.home, at_once=served.runs_at_once)

    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        served.beside.start()
        await runs.start()
        try:
            yield
        finally:
            await runs.stop()
            served.beside.stop()

    app = Starlette(
        routes=[*_routes(), *pages.routes()],
        lifespan=life,
        exception_handlers={
            AllocateError: _refused,
            Outside: _missing,
            HTTPException: _missing,
            TooLarge: partial(_failed, status=413, key="serve.too_large"),
            # (It is raised again after that: the guard tells the terminal.)
            Exception: partial(_failed, status=500, key="serve.failed"),
        },
    )
    # (Where there is nothing, there is nothing: no way is made out of another one.)
    app.router.redirect_slashes = False
    app.state.served, app.state.runs, app.state.streams = served, runs, 0
    own = (f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))
    return Guard(
        app,
        token=token,
        cookie=f"allocate-{port}",
        hosts=own if hosts is None else hosts,
        most_bytes=most_bytes,
        refuse=lambda status, key, scope: _refusal_of(status, key, scope, served.spoken),
    )


def _routes() -> list[BaseRoute]:
    return [
        Route("/static/{name}", _static),
        Route("/language/{language}", _choose_language, methods=["POST"]),
    ]


async def _static(request: Request) -> Response:
    """Return a style or a script of the page."""
    name = request.path_params["name"]
    path = STATIC / name
    if name not in {file.name for file in STATIC.iterdir()}:
        raise Outside(name)
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    is_kept = request.query_params.get("v") == asking.static_version(name)
    headers = {"cache-control": f"private, max-age={_A_YEAR}, immutable"} if is_kept else {}
    return Response(path.read_bytes(), media_type=kind, headers=headers)


async def _choose_language(request: Request) -> Response:
    """Answer in another language from now on, and go back to the page."""
    chosen = request.path_params["language"]
    if chosen not in LANGUAGES:
        raise Outside(chosen)
    back = request.query_params.get("back", "/")
    # (Only a way on this page: two slashes would lead to another host.)
    back = back if back.startswith("/") and not back.startswith(("//", "/\\")) else "/"
    response = RedirectResponse(back, 303)
    response.set_cookie(LANGUAGE_COOKIE, chosen, max_age=_A_YEAR, httponly=True, samesite="strict")
    return response


async def _refused(request: Request, error: Exception) -> Response:
    """Say what was raised on purpose: to a script as JSON, to a person as a page."""
    assert isinstance(error, AllocateError)
    if wants_json(request):
        return refusal(error, request)
    spoken = language_of(request)
    problems = asking.told(tuple(getattr(error, "problems", ())), spoken)
    return page(request, "fault.html", 422, text=asking.text_of(error, spoken), problems=problems)


async def _missing(request: Request, error: Exception) -> Response:
    """Say that there is nothing at an address, or that nothing can be done there."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    key = "serve.not_found" if status == 404 else "serve.not_allowed"
    body, kind = fault_page(status, key, language_of(request), as_json=wants_json(request))
    return Response(body, status, media_type=kind)


async def _failed(request: Request, error: Exception, *, status: int, key: str) -> Response:
    """Say that something went wrong, and nothing of what."""
    body, kind = fault_page(status, key, language_of(request), as_json=wants_json(request))
    return Response(body, status, media_type=kind)


def _refusal_of(status: int, key: str, scope: Scope, spoken: Language) -> tuple[bytes, str]:
    chosen = Request(scope).cookies.get(LANGUAGE_COOKIE)
    return fault_page(status, key, chosen if chosen in LANGUAGES else spoken, as_json=scope["path"].startswith("/api/"))
