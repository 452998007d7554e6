"""The first page, and districts: what each holds, its faults, and its tables cell by cell."""

import json
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from allocate.bundle import bundled
from allocate.names import CARD, MOST_WRITTEN, PLAN_FILE
from allocate.serve import data_api, uploads
from allocate.serve.asking import language_of, page, served
from allocate.serve.home import DATA, MODELS, OUT, Home, Outside
from allocate.words import Language

# How much of a plan says what it is a plan of [bytes].
_HEAD = 16_384
_EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def routes() -> list[BaseRoute]:
    """Return the addresses, with what answers each."""
    return [
        Route("/", _first),
        Route("/data/{name}", _district),
        Route("/data/{name}/tables/{file}", _table),
        Route("/data/{name}/files/{file}", _download),
        Route("/data/{name}/template", _template),
        *data_api.routes(),
    ]


async def _first(request: Request) -> Response:
    """Show what the folder holds: districts, their models, and the plans of these."""
    home, spoken = served(request).home, language_of(request)
    models = {name: _model_head(home, name) for name in home.models()}
    plans = {name: _plan_head(home.path / OUT / name) for name in home.plans()}
    districts = []
    for name in home.districts():
        own = [model for model, head in models.items() if head.get("district") == name]
        districts.append(
            {"name": name, "title": _title(_card(home.path / DATA / name), "name", name, spoken), "models": own}
        )
    known = {model for one in districts for model in one["models"]}
    supplied, taken = _examples(spoken), {*home.districts(), *models}
    return page(
        request,
        "home.html",
        folder=str(home.path),
        districts=districts,
        models={name: {"title": _title(head, "title", name, spoken)} for name, head in models.items()},
        others=[name for name in models if name not in known],
        plans=[{"name": name, **_shown(head, name, spoken)} for name, head in plans.items()],
        answers=list(home.answers()),
        examples=[one for one in (*supplied, *_joint_examples(spoken)) if one["name"] not in taken],
        supplied=supplied,
        data={"taken": uploads.TAKEN},
    )


def _examples(spoken: Language) -> list[dict[str, Any]]:
    """Return the bundled districts that have a model."""
    supplied = bundled()
    return [
        {"name": card.parent.name, "title": _title(_card(card.parent), "name", card.parent.name, spoken), "there": []}
        for card in sorted((supplied / DATA).glob(f"*/{CARD}"))
        if (supplied / MODELS / f"{card.parent.name}.toml").is_file()
    ]


def _joint_examples(spoken: Language) -> list[dict[str, Any]]:
    """Return the bundled models of several districts: which of these are bundled too, and which are not."""
    supplied = {one["name"]: one["title"] for one in _examples(spoken)}
    found = []
    for file in sorted((bundled() / MODELS).glob("*.toml")):
        head = _toml(file)
        listed = head.get("districts")
        if isinstance(listed, dict):
            lacks = [_title(told, "name", name, spoken) for name, told in listed.items() if name not in supplied]
            there = [supplied[name] for name in listed if name in supplied]
            title = _title(head, "title", file.stem, spoken)
            found.append({"name": file.stem, "title": title, "there": there, "lacks": lacks})
    return found


def _card(folder: Path) -> dict[str, Any]:
    return _toml(folder / CARD)


def _toml(path: Path) -> dict[str, Any]:
    """Return what a file of a planner says; nothing where it is none, or too large to be written by hand."""
    with suppress(OSError, ValueError, RecursionError):
        if path.stat().st_size <= MOST_WRITTEN:
            return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    return {}


def _model_head(home: Home, name: str) -> dict[str, Any]:
    with suppress(Outside):
        return _toml(home.model(name))
    return {}


def _plan_head(folder: Path) -> dict[str, Any]:
    """Return what a plan says at its head: of which model and district it is, its years and its gap."""
    with suppress(OSError, ValueError, RecursionError):
        with (folder / PLAN_FILE).open("rb") as file:
            head = file.read(_HEAD).decode("utf-8", "ignore")
        content = json.loads(head.partition('"stages"')[0].rstrip().removesuffix(",") + "}")
        if isinstance(content, dict):
            return content
    return {}


def _title(content: dict[str, Any], key: str, name: str, spoken: Language) -> str:
    title = content.get(key)
    text = title.get(spoken) if isinstance(title, dict) else None
    return text if isinstance(text, str) and text.strip() else name


def _shown(head: dict[str, Any], name: str, spoken: Language) -> dict[str, Any]:
    years = head.get("years")
    told = [str(year) for year in years] if isinstance(years, list) else []
    model, district = (head.get(key) if isinstance(head.get(key), str) else "" for key in ("model", "district"))
    return {"model": model, "district": district, "title": _title(head, "title", name, spoken), "years": told}


async def _district(request: Request) -> Response:
    """Show a district; what takes time to read is fetched by its script."""
    home, name, spoken = served(request).home, request.path_params["name"], language_of(request)
    folder = uploads.district_folder(home, name)
    own = [model for model in home.models() if _model_head(home, model).get("district") == name]
    title = _title(_card(folder), "name", name, spoken)
    data = {"name": name, "taken": uploads.TAKEN, "most": uploads.MOST_AT_ONCE}
    return page(request, "district.html", title=title, name=name, models=own, data=data)


async def _table(request: Request) -> Response:
    """Show the cells of a table around a row."""
    name, file, asked = request.path_params["name"], request.path_params["file"], request.query_params
    home = served(request).home
    uploads.district_folder(home, name)
    row = data_api.whole(asked.get("row", ""))
    found = await data_api.work(request, "cells", str(home.path), name, file, asked.get("sheet", ""), row)
    column = asked.get("column", "")
    at = {
        "row": row if "row" in asked else None,
        "column": int(column) if column.isdigit() and len(column) < 6 else None,
    }
    data = {key: value for key, value in found.items() if key != "cells"}
    return page(
        request,
        "table.html",
        title=file,
        name=name,
        shown=found,
        marked=_marks(found),
        at=at,
        rows=uploads.ROWS,
        data={**data, "name": name, "at": at},
    )


def _marks(found: dict[str, Any]) -> dict[tuple[int, int | None], dict[str, Any]]:
    """Return what is found at each cell, and at rows as a whole, by row and column."""
    marks: dict[tuple[int, int | None], dict[str, Any]] = {}
    for one in found["findings"]:
        if one["row"] is not None:
            mark = marks.setdefault((one["row"], one["at"]), {"kind": "odd", "text": ""})
            mark["kind"] = "fault" if "fault" in (one["kind"], mark["kind"]) else "odd"
            mark["text"] = f"{mark['text']}\n{one['text']}".strip()
    return marks


async def _download(request: Request) -> Response:
    """Return a file of a district as it is, to be saved."""
    home, name, file = served(request).home, request.path_params["name"], request.path_params["file"]
    folder = uploads.district_folder(home, name)
    path = home.inside(DATA, name, file)
    if (
        "\\" in file
        or file.startswith(".")
        or not path.is_file()
        or not path.resolve().is_relative_to(folder.resolve())
    ):
        raise Outside(file)
    return FileResponse(path, media_type="application/octet-stream", headers=_saved(file))


def _saved(file: str) -> dict[str, str]:
    return {"content-disposition": f"attachment; filename*=utf-8''{quote(file, safe='')}"}


async def _template(request: Request) -> Response:
    """Return the empty workbook that a district can be filled into."""
    name, content = await data_api.work(request, "template_file")
    return Response(content, media_type=_EXCEL, headers=_saved(name))
