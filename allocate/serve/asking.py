"""What every request has: the folder, the language, who asks; and how an answer is written."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from allocate import __version__
from allocate.errors import AllocateError, Problem, UsageError
from allocate.serve.beside import Beside
from allocate.serve.home import Home
from allocate.words import LANGUAGES, Language, catalogue, say, say_in, speaking, visible

TEMPLATES, STATIC = (Path(__file__).parent / name for name in ("templates", "static"))
LANGUAGE_COOKIE, NAME_COOKIE = "language", "name"
LONGEST_NAME = 40


@dataclass
class Served:
    """What the page is about, the same for every request.

    Attributes
    ----------
    home
        The planner's folder.
    beside
        Where files are read and models worked on.
    spoken
        The language of whoever has chosen none.
    user
        Who changes things, unless told otherwise.
    runs_at_once
        How many runs are under way at a time.
    is_closing
        Tells whether the page is about to end: who still listens is sent away.
    """

    home: Home
    beside: Beside
    spoken: Language
    user: str
    runs_at_once: int = 1
    is_closing: Callable[[], bool] = lambda: False


def served(request: Request) -> Served:
    """Return what the page is about."""
    found: Served = request.app.state.served
    return found


def language_of(request: Request) -> Language:
    """Return the language in which a request is answered."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    return chosen if chosen in LANGUAGES else served(request).spoken


def asker(request: Request) -> str:
    """Return who asks, as they call themselves; names are for the history, and prove nothing."""
    said = visible(unquote(request.cookies.get(NAME_COOKIE, ""))).strip()[:LONGEST_NAME]
    return said or served(request).user


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def static_version(name: str) -> str:
    """Return the first signs of a file's checksum: a browser keeps it until it changes."""
    return sha256((STATIC / name).read_bytes()).hexdigest()[:12]


def page(request: Request, template: str, /, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a page of a template, in the language of whoever asks.

    A template has `say(key, **values)`, `language`, `data` (what its script reads, as JSON), and what is given.
    """
    spoken = language_of(request)
    html = _rendered(template, spoken, {"path": request.url.path, "who": asker(request), **values})
    return HTMLResponse(html, status)


def _rendered(template: str, spoken: Language, values: Mapping[str, Any]) -> str:
    told = {
        "say": lambda key, **given: say_in(spoken, key, **given),
        "language": spoken,
        "other": next(one for one in LANGUAGES if one != spoken),
        "static": lambda name: f"/static/{name}?v={static_version(name)}",
        "way": lambda text: quote(str(text), safe="/"),
        "words": script_words(spoken),
        "version": __version__,
        "data": None,
        "title": "",
        **values,
    }
    # (Whatever a template says is said in this language: nobody else speaks while it is rendered.)
    with speaking(spoken):
        return _environment().get_template(template).render(told)


def script_words(spoken: Language) -> dict[str, str]:
    """Return what scripts say: what stands in `serve_script` by its name, in `serve_script_runs` as `runs.name`."""
    head = "serve_script"
    return {
        key.removeprefix(head).removeprefix(".").removeprefix("_"): texts[spoken]
        for key, texts in catalogue().items()
        if key.startswith(head)
    }


def fault_page(status: int, key: str, spoken: Language, *, as_json: bool) -> tuple[bytes, str]:
    """Return the page, or the JSON, that says why a request is not answered, and its content type."""
    text = say_in(spoken, key)
    if as_json:
        return json.dumps({"error": text}, ensure_ascii=False).encode(), "application/json"
    html = _rendered("fault.html", spoken, {"path": "", "who": "", "text": text, "problems": ()})
    return html.encode(), "text/html; charset=utf-8"


def told(problems: tuple[Problem, ...], spoken: Language) -> list[dict[str, Any]]:
    """Return problems as plain data: where each stands, its sentence, and what it says where that is plain to see."""
    with speaking(spoken):
        return [
            {
                "file": one.file,
                "row": one.row,
                "column": one.column,
                "heading": one.heading,
                "value": one.value,
                "what": one.what,
                "text": one.sentence(),
                "said": one.told(),
            }
            for one in problems
        ]


def text_of(error: AllocateError, spoken: Language) -> str:
    """Return what was raised on purpose as one text, in a language, whoever else may speak another one."""
    with speaking(spoken):
        return error.sentence() if isinstance(error, UsageError) else str(error)


def refusal(error: AllocateError, request: Request, status: int = 422) -> JSONResponse:
    """Return what was raised on purpose, as JSON: one text, and each problem by itself with where it stands."""
    problems = tuple(getattr(error, "problems", ()))
    spoken = language_of(request)
    return JSONResponse({"error": text_of(error, spoken), "problems": told(problems, spoken)}, status)


def wants_json(request: Request) -> bool:
    """Tell whether a script asks, and not a person."""
    return request.url.path.startswith("/api/")


async def body_of(request: Request) -> dict[str, Any]:
    """Return the JSON that a script sends.

    Raises
    ------
    UsageError
        When it is none.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    try:
        content = json.loads(await request.body()) if kind == "application/json" else None
        # (What Python takes for JSON may hold half a character, or infinity: no file and no answer can.)
        json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        with speaking(language_of(request)):
            raise UsageError([Problem("serve.not_json")])
    return content


def answer(content: Mapping[str, Any], status: int = 200) -> Response:
    """Return plain data as JSON."""
    return JSONResponse(dict(content), status)


def said(request: Request, key: str, **values: object) -> str:
    """Return a text in the language of whoever asks."""
    with speaking(language_of(request)):
        return say(key, **values)
