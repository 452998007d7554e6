"""Plans: the map, what is asked of them, and what they are exported as."""

from starlette.routing import BaseRoute


def routes() -> list[BaseRoute]:
    """Return the addresses, with what answers each."""
    return []
