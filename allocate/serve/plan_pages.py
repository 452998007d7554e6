"""Plans: the map, what is asked of them, and what they are exported as."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from allocate.errors import Problem, UsageError
from allocate.serve import plan_api
from allocate.serve.asking import language_of, page, said, served
from allocate.serve.guard import APART
from allocate.serve.home import MODELS, OUT, Home, Outside
from allocate.serve.plan_api import plans_asked, worked
from allocate.serve.rechecks import Rechecks
from allocate.serve.zips import home_members, members_of, zipped

JOINT, ANSWERS = "joint.html", ("joint", "scenarios")
# What of a plan's folder is shown as it lies there, to be printed.
_PRINTED = re.compile(r"cards/[\w-]+\.html|timetable\.html|joint\.html")


def routes() -> list[BaseRoute]:
    """Return the addresses, with what answers each."""
    return [
        Route("/compare", _compare),
        Route("/compare/page.html", _compared_page),
        Route("/home.zip", _whole_home),
        *plan_api.routes(),
        Route("/plans/{name:path}/files/{file:path}", _file),
        Route("/plans/{name:path}/shown/{file:path}", _shown),
        Route("/plans/{name:path}/map.html", _map),
        Route("/plans/{name:path}/all.zip", _whole_plan),
        Route("/plans/{name:path}", _plan),
    ]


async def _plan(request: Request) -> Response:
    """Show a plan, or the plans of several districts together."""
    home, name = served(request).home, str(request.path_params["name"])
    if _is_joint(home, name):
        return await _joint(request, home, name)
    folder = home.plan(name)
    told = await worked(request, "head", str(folder), str(home.path / MODELS))
    models = home.models()
    data = {
        "name": name,
        "years": told["years"],
        "model": told["model"] if told["model"] in models else "",
        "scenario": told["scenario"]["name"],
        "siting": told["siting"],
        "plans": home.plans(),
        "map": f"/plans/{quote(name)}/map.html",
        "api": f"/api/plans/{quote(name)}",
        "way": f"/plans/{quote(name)}",
    }
    within = name.rpartition("/")[0]
    return page(
        request,
        "plan.html",
        title=told["title"],
        plan=told,
        name=name,
        data=data,
        around=within if within and _is_joint(home, within) else "",
        has_model=bool(data["model"]),
    )


def _is_joint(home: Home, name: str) -> bool:
    folder = home.inside(OUT, name)
    return (folder / "joint.json").is_file() and not (folder / "plan.json").is_file()


async def _joint(request: Request, home: Home, name: str) -> Response:
    told = await worked(request, "joint", str(home.inside(OUT, name)))
    found = home.plans()
    planned = [
        {**one, "way": f"/plans/{quote(name)}/{quote(one['name'])}"}
        for one in told["districts"]
        if f"{name}/{one['name']}" in found
    ]
    folder = home.inside(OUT, name)
    files = sorted(file.name for file in folder.iterdir() if file.is_file() and not file.is_symlink())
    data = {"name": name, "tables": told["tables"], "way": f"/plans/{quote(name)}", "api": f"/api/plans/{quote(name)}"}
    ways = [one["name"] for one in planned]
    compare = "/compare?" + "&".join(f"plan={quote(f'{name}/{one}')}" for one in ways)
    return page(
        request, "joint.html", title=told["title"], plan=told, name=name, planned=planned, files=files, data=data,
        has_page=(folder / JOINT).is_file(), compare=compare,
    )  # fmt: skip


async def _map(request: Request) -> Response:
    """Return the map of a plan, drawn anew in the language of whoever asks, for a frame of no origin."""
    folder = served(request).home.plan(str(request.path_params["name"]))
    drawn = await worked(request, "drawn", str(folder))
    return Response(drawn, media_type="text/html; charset=utf-8", headers={"content-security-policy": APART})


async def _shown(request: Request) -> Response:
    """Show a page of a plan's folder, to be read or printed, where it reaches nobody."""
    file = str(request.path_params["file"])
    path = _within(served(request).home, str(request.path_params["name"]), file)
    if not _PRINTED.fullmatch(file):
        raise Outside(file)
    return Response(
        path.read_bytes(), media_type="text/html; charset=utf-8", headers={"content-security-policy": APART}
    )


def _within(home: Home, name: str, file: str) -> Path:
    """Return a file of the folder of a plan, or of the plans of several districts.

    Raises
    ------
    Outside
        When there is none of this name, or it is a link.
    """
    if not _is_joint(home, name):
        home.plan(name)
    path = home.inside(OUT, name, file)
    if not path.is_file() or path.is_symlink():
        raise Outside(file)
    return path


async def _file(request: Request) -> Response:
    """Send a file of a plan's folder, to be saved; of a folder in it, all of it as a zip."""
    home, name, file = served(request).home, *(str(request.path_params[key]) for key in ("name", "file"))
    folder = home.inside(OUT, name, file)
    if folder.is_dir() and not folder.is_symlink() and "/" not in file:
        home.plan(name)
        members = members_of(folder, file)
        return _sent(zip_name(name, file), members, folder)
    path = _within(home, name, file)
    called = f"{name.replace('/', '-')}-{path.name}"
    return FileResponse(path, media_type="application/octet-stream", filename=called)


async def _whole_plan(request: Request) -> Response:
    """Send the folder of a plan as a zip."""
    home, name = served(request).home, str(request.path_params["name"])
    folder = home.inside(OUT, name)
    if not _is_joint(home, name):
        home.plan(name)
    return _sent(zip_name(name), members_of(folder, name.replace("/", "-")), folder)


async def _whole_home(request: Request) -> Response:
    """Send the planner's folder as a zip, with what runs left behind where that is asked for."""
    home = served(request).home
    members = home_members(home, runs=request.query_params.get("runs") == "1")
    return _sent(zip_name(home.path.name or "allocate"), members, None)


def zip_name(*parts: str) -> str:
    """Return what a zip is called when it is saved."""
    return "-".join(part.replace("/", "-") for part in parts) + ".zip"


def _sent(called: str, members: Any, whole: Path | None) -> Response:
    plain = re.sub(r"[^\w.-]", "_", called, flags=re.ASCII)
    headers = {"content-disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(called, safe='')}"}
    return StreamingResponse(zipped(members, whole), media_type="application/zip", headers=headers)


async def _compare(request: Request) -> Response:
    """Let plans be chosen, and show them side by side."""
    home = served(request).home
    asked = [name for name in request.query_params.getlist("plan") if name in home.plans()]
    answers = [(folder, kind) for folder, kind in home.answers() if kind in ANSWERS]
    return page(
        request,
        "compare.html",
        title=said(request, "serve_plans.compare_title"),
        models=home.models(),
        answers=answers,
        data={"asked": asked, "language": language_of(request)},
    )


async def _compared_page(request: Request) -> Response:
    """Return the page that a comparison writes, for a frame of no origin."""
    names, folders = plans_asked(request)
    # (It says of itself that all have passed their recheck.)
    rechecks = Rechecks.of(request.app.state, served(request).home)
    waiting = [name for name in names if rechecks.found(name, language_of(request))["state"] != "sound"]
    if waiting:
        raise UsageError([Problem("serve_plans.not_rechecked", details={"name": name}) for name in waiting])
    drawn = await worked(request, "compared_page", folders, names)
    return Response(drawn, media_type="text/html; charset=utf-8", headers={"content-security-policy": APART})
