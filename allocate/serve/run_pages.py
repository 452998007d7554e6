"""Runs: what is under way, and what came of it."""

from starlette.routing import BaseRoute


def routes() -> list[BaseRoute]:
    """Return the addresses, with what answers each."""
    return []
