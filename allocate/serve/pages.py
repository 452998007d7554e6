"""The addresses of the page, by what they are about: one module each."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from allocate.serve import data_pages, model_pages, plan_pages, run_pages
from allocate.serve.asking import page, served


def routes() -> list[BaseRoute]:
    """Return every address, with what answers it."""
    return [
        Route("/", _home),
        *data_pages.routes(),
        *model_pages.routes(),
        *run_pages.routes(),
        *plan_pages.routes(),
    ]


async def _home(request: Request) -> Response:
    """Show what the folder holds: districts, models, plans."""
    home = served(request).home
    return page(
        request,
        "home.html",
        districts=home.districts(),
        models=home.models(),
        plans=home.plans(),
        answers=list(home.answers()),
        folder=str(home.path),
    )
