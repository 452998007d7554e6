"""The addresses of the page, by what they are about: one module each."""

from starlette.routing import BaseRoute

from allocate.serve import data_pages, model_pages, plan_pages, run_pages


def routes() -> list[BaseRoute]:
    """Return every address, with what answers it."""
    return [
        *data_pages.routes(),
        *model_pages.routes(),
        *run_pages.routes(),
        *plan_pages.routes(),
    ]
