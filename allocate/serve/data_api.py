"""What scripts ask of districts: everything heavy is done beside the server."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from allocate.errors import Problem, UsageError
from allocate.replacing import disk
from allocate.serve import uploads
from allocate.serve.asking import answer, asker, body_of, language_of, refusal, served
from allocate.serve.beside import Refused
from allocate.serve.home import DATA
from allocate.words import say_in, speaking

_STALE = "serve_data.stale"
_CONFLICTS = (_STALE, "serve_data.undone")


def routes() -> list[BaseRoute]:
    """Return the addresses, with what answers each."""
    here = "/api/data/{name}"
    return [
        Route("/api/districts", _create, methods=["POST"]),
        Route(here, _look),
        Route(f"{here}/models", _models),
        Route(f"{here}/cells", _cells),
        Route(f"{here}/cells", _mend, methods=["POST"]),
        Route(f"{here}/alike", _alike),
        Route(f"{here}/files/{{file}}", _upload, methods=["PUT"]),
        Route(f"{here}/files/{{file}}/remove", _remove, methods=["POST"]),
        Route(f"{here}/uploads/{{upload}}", _take, methods=["POST"]),
        Route(f"{here}/uploads/{{upload}}/drop", _drop, methods=["POST"]),
        Route(f"{here}/card", _card, methods=["POST"]),
        Route(f"{here}/estimate", _estimate, methods=["POST"]),
        Route(f"{here}/undo", _undo, methods=["POST"]),
    ]


def run(what: str, *given: Any) -> Any:
    """Do some work on districts; the server itself never loads what does it."""
    from allocate.serve.data_work import WORK

    return WORK[what](*given)


async def work(request: Request, what: str, *given: Any) -> Any:
    """Do some work on districts beside the server, in the language of whoever asks."""
    return await served(request).beside.call(run, what, *given, language=language_of(request))


def _home(request: Request) -> str:
    return str(served(request).home.path)


def _district(request: Request) -> str:
    """Return the name of the district that is asked about, which is there."""
    name: str = request.path_params["name"]
    uploads.district_folder(served(request).home, name)
    return name


async def _answered(request: Request, what: str, *given: Any) -> Response:
    try:
        return answer(await work(request, what, *given))
    except Refused as error:
        is_stale = any(one.what in _CONFLICTS for one in error.problems)
        return refusal(error, request, 409 if is_stale else 422)


def _text(content: Mapping[str, Any], key: str, default: str = "") -> str:
    value = content.get(key, default)
    if not isinstance(value, str):
        raise UsageError([Problem("serve_data.asked", column=key)])
    return value


def _texts(content: Mapping[str, Any], key: str) -> dict[str, str]:
    value = content.get(key, {})
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in (*value, *value.values())):
        raise UsageError([Problem("serve_data.asked", column=key)])
    return value


def _names(content: Mapping[str, Any], key: str) -> list[str]:
    value = content.get(key, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise UsageError([Problem("serve_data.asked", column=key)])
    return [_checked(one) for one in value]


def _checked(file: str) -> str:
    return uploads.checked_name(file)


async def _create(request: Request) -> Response:
    content = await body_of(request)
    with speaking(language_of(request)):
        example = _text(content, "from", "empty")
        name = _text(content, "name").strip()
    form = "excel" if content.get("excel") is True else "files"
    example = "" if example == "empty" else example
    return await _answered(request, "create", _home(request), asker(request), name, example, form)


async def _look(request: Request) -> Response:
    return await _answered(request, "look", _home(request), _district(request))


async def _models(request: Request) -> Response:
    return await _answered(request, "models", _home(request), _district(request))


async def _cells(request: Request) -> Response:
    asked = request.query_params
    return await _answered(
        request,
        "cells",
        _home(request),
        _district(request),
        asked.get("file", ""),
        asked.get("sheet", ""),
        whole(asked.get("row", "")),
    )


def whole(text: str) -> int:
    """Return the number of a row that an address says; the first where it says none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 1


async def _mend(request: Request) -> Response:
    name, content = _district(request), await body_of(request)
    with speaking(language_of(request)):
        file, sheet, version = (_text(content, key) for key in ("file", "sheet", "version"))
        changes = content.get("changes")
        if not isinstance(changes, list) or not 0 < len(changes) <= 1000 or not all(map(_is_change, changes)):
            raise UsageError([Problem("serve_data.asked", column="changes")])
        count = content.get("alike")
        if count is not None and (type(count) is not int or len(changes) != 1):
            raise UsageError([Problem("serve_data.asked", column="alike")])
    given = (_home(request), name, asker(request), file, sheet, version, changes, count)
    return await _answered(request, "mend", *given)


async def _alike(request: Request) -> Response:
    """Say how many cells of a column would be changed with one of them."""
    asked = request.query_params
    row, column = (whole(asked.get(key, "")) for key in ("row", "column"))
    given = (_district(request), asked.get("file", ""), asked.get("sheet", ""), row, column, asked.get("to", ""))
    return await _answered(request, "alike", _home(request), *given)


def _is_change(one: Any) -> bool:
    return (
        isinstance(one, dict)
        and all(type(one.get(key)) is int for key in ("row", "column"))
        and isinstance(one.get("to"), str)
    )


async def _upload(request: Request) -> Response:
    """Hold a file; without the id of an upload it is judged, and taken, at once."""
    name, home = _district(request), served(request).home
    spoken, asked = language_of(request), request.query_params
    with speaking(spoken):
        file = _checked(request.path_params["file"])
    given = asked.get("upload", "")
    with speaking(spoken), disk(home.inside(DATA)):
        upload = uploads.hold(home, name) if given in ("", "new") else given
    folder = uploads.held_folder(home, name, upload)
    with speaking(spoken):
        if len(list(folder.iterdir())) >= uploads.MOST_AT_ONCE:
            raise UsageError([Problem("serve_data.many", details={"most": uploads.MOST_AT_ONCE})])
    failed: OSError | None = None
    try:
        with (folder / file).open("wb") as held:
            async for part in request.stream():
                held.write(part)
    except OSError as error:
        failed = error
    except BaseException:
        # (Half a file would be judged, and taken, as if it were whole.)
        if given in ("", "new"):
            uploads.drop(home, name, upload)
        else:
            (folder / file).unlink(missing_ok=True)
        raise
    if failed is not None:
        uploads.drop(home, name, upload)
        with speaking(spoken), disk(folder / file):
            raise failed
    if given:
        return answer({"upload": upload, "file": file, "bytes": (folder / file).stat().st_size})
    replace = {file: asked["replace"]} if "replace" in asked else {}
    try:
        return await _taken(request, name, upload, replace, [], asked.get("faults", ""))
    finally:
        if uploads.is_held(home, name, upload):
            uploads.drop(home, name, upload)


async def _taken(
    request: Request, name: str, upload: str, replace: Mapping[str, str], aside: list[str], faults: str
) -> Response:
    given = (_home(request), name, asker(request), upload, dict(replace), aside, faults)
    return await _result(request, "take", *given)


async def _result(request: Request, what: str, *given: Any) -> Response:
    """Do what may be refused for the faults that it would bring."""
    try:
        done = await work(request, what, *given)
    except Refused as error:
        is_stale = any(one.what in _CONFLICTS for one in error.problems)
        return refusal(error, request, 409 if is_stale else 422)
    if done["taken"]:
        return answer(done)
    text = say_in(language_of(request), f"serve_data.not_taken_{done['why']}")
    return answer({**done, "error": text, "problems": []}, 409 if done["why"] == "there" else 422)


async def _take(request: Request) -> Response:
    name, content = _district(request), await body_of(request)
    upload = request.path_params["upload"]
    uploads.held_folder(served(request).home, name, upload)
    with speaking(language_of(request)):
        replace, aside = _texts(content, "replace"), _names(content, "aside")
    faults = "taken" if content.get("faults") is True else ""
    return await _taken(request, name, upload, replace, aside, faults)


async def _drop(request: Request) -> Response:
    uploads.drop(served(request).home, _district(request), request.path_params["upload"])
    return answer({})


async def _remove(request: Request) -> Response:
    name, content = _district(request), await body_of(request)
    with speaking(language_of(request)):
        version = _text(content, "version")
    return await _answered(
        request, "remove", _home(request), name, asker(request), request.path_params["file"], version
    )


async def _card(request: Request) -> Response:
    name, content = _district(request), await body_of(request)
    changes = content.get("changes")
    with speaking(language_of(request)):
        version = _text(content, "version")
        if not isinstance(changes, dict):
            raise UsageError([Problem("serve_data.asked", column="changes")])
    faults = "taken" if content.get("faults") is True else ""
    return await _result(request, "change_card", _home(request), name, asker(request), version, changes, faults)


async def _estimate(request: Request) -> Response:
    return await _answered(request, "estimate", _home(request), _district(request))


async def _undo(request: Request) -> Response:
    name, content = _district(request), await body_of(request)
    with speaking(language_of(request)):
        entry = _text(content, "id")
    return await _answered(request, "undo", _home(request), name, asker(request), entry)
