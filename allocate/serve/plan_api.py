"""What scripts of the pages on plans ask for: tables, cards, rechecks, comparisons; and new names."""

import re
from typing import Any, Literal
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from allocate.errors import Problem, UsageError
from allocate.serve.asking import answer, body_of, language_of, served
from allocate.serve.home import OUT, Outside
from allocate.serve.rechecks import Rechecks
from allocate.serve.zips import home_members

Work = Literal[
    "head", "tables", "table", "card", "drawn", "held", "removed", "renamed", "joint", "compared", "compared_page",
    "listed", "spots",
]  # fmt: skip
FEWEST, MOST = 2, 6  # plans side by side
# A name of a folder that every disk takes, and that is no way out of its own.
_NAME = re.compile(r"(?!\.)[^\x00-\x1f\x7f/\\:*?\"<>|]{1,60}(?<![. ])")
_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


def routes() -> list[BaseRoute]:
    """Return the addresses, with what answers each."""
    return [
        Route("/api/plans", _plans),
        Route("/api/compare", _compared),
        Route("/api/home/size", _size),
        Route("/api/plans/{name:path}/tables/{table}", _table),
        Route("/api/plans/{name:path}/tables", _tables),
        Route("/api/plans/{name:path}/site", _card),
        Route("/api/plans/{name:path}/spots", _spots),
        Route("/api/plans/{name:path}/files", _files),
        Route("/api/plans/{name:path}/recheck", _recheck),
        Route("/api/plans/{name:path}/rename", _rename, methods=["POST"]),
        Route("/api/plans/{name:path}/remove", _remove, methods=["POST"]),
    ]


def work(name: Work, *given: Any) -> Any:
    """Do a piece of work on plans, in the process beside: only there are its modules read."""
    from allocate.serve import plan_work

    return getattr(plan_work, name)(*given)


async def worked(request: Request, name: Work, *given: Any) -> Any:
    """Return what a piece of work on plans comes to."""
    return await served(request).beside.call(work, name, *given, language=language_of(request))


def _folder(request: Request) -> str:
    return str(served(request).home.plan(str(request.path_params["name"])))


def _json(content: bytes) -> Response:
    return Response(content, media_type="application/json")


async def _plans(request: Request) -> Response:
    """List the plans of the folder with a few figures of each."""
    home = served(request).home
    names = home.plans()
    return answer({"plans": await worked(request, "listed", [str(home.plan(name)) for name in names], names)})


async def _tables(request: Request) -> Response:
    return _json(await worked(request, "tables", _folder(request)))


async def _table(request: Request) -> Response:
    found = await worked(request, "table", _folder(request), str(request.path_params["table"]))
    if found is None:
        raise Outside(str(request.path_params["table"]))
    return _json(found)


async def _card(request: Request) -> Response:
    site = request.query_params.get("id", "")
    found = await worked(request, "card", _folder(request), site)
    if found is None:
        raise Outside(site)
    return answer(found)


async def _spots(request: Request) -> Response:
    """List the spots at which a site may be asked to stand, and those at which none can, with why."""
    return _json(await worked(request, "spots", _folder(request)))


async def _files(request: Request) -> Response:
    return answer({"files": await worked(request, "held", _folder(request))})


async def _size(request: Request) -> Response:
    """Say how large the planner's folder is, before it is sent."""
    home = served(request).home
    told = {}
    for name, runs in (("without", False), ("with", True)):
        members = await run_in_threadpool(home_members, home, runs=runs)
        told[name] = {"files": len(members), "bytes": sum(member.size for member in members)}
    return answer(told)


async def _recheck(request: Request) -> Response:
    """Say whether a plan passes its recheck, or that it is being looked at: ask again."""
    home, name = served(request).home, str(request.path_params["name"])
    home.plan(name)
    return answer(Rechecks.of(request.app.state, home).found(name, language_of(request)))


def plans_asked(request: Request) -> tuple[list[str], list[str]]:
    """Return the plans that an address names, and their folders.

    Raises
    ------
    UsageError
        When there are too few or too many.
    """
    names = list(dict.fromkeys(request.query_params.getlist("plan")))
    if not FEWEST <= len(names) <= MOST:
        raise UsageError([Problem("serve_plans.compare_number", details={"least": FEWEST, "most": MOST})])
    home = served(request).home
    return names, [str(home.plan(name)) for name in names]


async def _compared(request: Request) -> Response:
    names, folders = plans_asked(request)
    return _json(await worked(request, "compared", folders, names))


async def _rename(request: Request) -> Response:
    """Give a plan's folder another name beside it."""
    home, name = served(request).home, str(request.path_params["name"])
    wanted = (await body_of(request)).get("to")
    if not isinstance(wanted, str) or not _NAME.fullmatch(wanted) or _DEVICES.fullmatch(wanted):
        raise UsageError([Problem("serve_plans.bad_name", value=str(wanted))])
    folder = home.plan(name)
    within = name.rpartition("/")[0]
    target = home.inside(OUT, *([within] if within else []), wanted)
    await worked(request, "renamed", str(folder), str(target))
    to = target.relative_to(home.path / OUT).as_posix()
    return answer({"name": to, "way": f"/plans/{quote(to)}"})


async def _remove(request: Request) -> Response:
    """Remove a plan's folder; whoever asks says its name once more, so that no other one goes."""
    home, name = served(request).home, str(request.path_params["name"])
    if (await body_of(request)).get("name") != name:
        raise UsageError([Problem("serve_plans.other_name", value=name)])
    await worked(request, "removed", str(home.plan(name)))
    return answer({"removed": name})
