"""Pages on runs and answers: what is under way, and what came of it."""

import mimetypes
import re
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from allocate.names import PLAN_FILE
from allocate.serve import run_api
from allocate.serve.asking import language_of, page, said, served
from allocate.serve.guard import APART
from allocate.serve.home import OUT, Home, Outside
from allocate.serve.run_api import runs_of, shown_run
from allocate.serve.runs import MOST_WAITING, STATES
from allocate.words import Language, catalogue, visible

# What the folder of an answer holds for whoever reads it: a page, a workbook, tables.
_ANSWER = re.compile(r"[a-z_]+(?:-[a-z0-9_]+)?\.(?:html|xlsx|csv|json)")
_PAGE, _DOWNLOADS = ".html", (".xlsx", ".csv", ".html", ".json")


def routes() -> list[BaseRoute]:
    """Return the addresses, with what answers each."""
    return [
        *run_api.routes(),
        Route("/runs", _list),
        Route("/runs/{id}", _run),
        Route("/answers/{name}", _answer),
        Route("/answers/{name}/page/{file}", _answer_page),
        Route("/answers/{name}/files/{file}", _answer_file),
    ]


async def _list(request: Request) -> Response:
    data = {"states": list(STATES)}
    return page(request, "runs.html", title=said(request, "serve.runs"), data=data, most=MOST_WAITING)


async def _run(request: Request) -> Response:
    """Show a run: how far it is, what it says, what came of it."""
    runs, spoken = runs_of(request), language_of(request)
    run = shown_run(runs, runs.one(request.path_params["id"]), spoken)
    data = {"run": run, "stages": _texts("stage", spoken)}
    changed = [(key, called, run["before"].get(key, "—"), value) for key, (called, value) in run["called"].items()]
    return page(request, "run.html", title=run["title"], data=data, run=run, changed=changed)


def _texts(section: str, spoken: Language) -> dict[str, str]:
    """Return the texts of a section of the catalogue by their names."""
    head = f"{section}."
    return {key.removeprefix(head): texts[spoken] for key, texts in catalogue().items() if key.startswith(head)}


async def _answer(request: Request) -> Response:
    """Show an answer's own page, in a frame that reaches nothing else."""
    home, name = served(request).home, request.path_params["name"]
    files = answer_files(home, name)
    pages = [file for file in files if file.suffix == _PAGE]
    if not pages:
        raise Outside(name)
    wanted = request.query_params.get("kind", "")
    shown = next((file for file in pages if file.stem == wanted), pages[0])
    downloads = [file.name for file in files if file.suffix in _DOWNLOADS]
    plans = [one for one in home.plans() if one.startswith(f"{name}/")]
    title = visible(name)
    return page(
        request, "answer.html", title=title, name=name, shown=shown.name, stem=shown.stem,
        pages=[file.stem for file in pages], downloads=downloads, plans=plans,
    )  # fmt: skip


async def _answer_page(request: Request) -> Response:
    file = _file(request, (_PAGE,))
    return FileResponse(file, media_type="text/html", headers={"content-security-policy": APART})


async def _answer_file(request: Request) -> Response:
    file = _file(request, _DOWNLOADS)
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return FileResponse(file, media_type=kind, filename=f"{request.path_params['name']}-{file.name}")


def _file(request: Request, kinds: tuple[str, ...]) -> Path:
    name, wanted = request.path_params["name"], request.path_params["file"]
    for file in answer_files(served(request).home, name):
        if file.name == wanted and file.suffix in kinds:
            return file
    raise Outside(wanted)


def answer_files(home: Home, name: str) -> list[Path]:
    """Return what the folder of an answer holds for its reader.

    Raises
    ------
    Outside
        When there is no such folder.
    """
    folder = home.inside(OUT, name)
    # (A plan has a page of its own, and its files are no answers.)
    if not folder.is_dir() or (folder / PLAN_FILE).exists():
        raise Outside(name)
    found = [file for file in sorted(folder.iterdir()) if _ANSWER.fullmatch(file.name) and file.is_file()]
    return [file for file in found if file.resolve().is_relative_to(home.path)]
