"""Models: clauses, numbers and goals, changed and put back; and who changed what."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from allocate.serve import model_api
from allocate.serve.asking import page, said, served


def routes() -> list[BaseRoute]:
    """Return the addresses, with what answers each."""
    return [
        Route("/models/{name}", _model),
        Route("/history", _history),
        *model_api.routes(),
    ]


async def _model(request: Request) -> Response:
    """Show the editor of a model at once; its tables follow."""
    name = request.path_params["name"]
    home = served(request).home
    home.model(name)
    title = said(request, "serve_models.title", name=name)
    return page(request, "model.html", title=title, data={"name": name, "districts": home.districts()})


async def _history(request: Request) -> Response:
    """Show who changed what number from what to what, and when."""
    home = served(request).home
    names = sorted({*home.models(), *home.districts()})
    return page(request, "history.html", title=said(request, "serve_models.history"), names=names, data={})
