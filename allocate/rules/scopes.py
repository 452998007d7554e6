"""The parts of a district that a rule may speak of: the whole, each town, or each place."""

from collections.abc import Iterator
from typing import Literal

from allocate.case import Case

Scope = Literal["district", "town", "place"]


def parts(case: Case, scope: Scope) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield each part's id and the indices of its places; the whole district has the empty id."""
    match scope:
        case "district":
            yield "", tuple(range(len(case.places)))
        case "town":
            for k, town in enumerate(case.towns):
                yield town, tuple(i for i, home in enumerate(case.town_of) if home == k)
        case "place":
            for i, place in enumerate(case.places):
                yield place, (i,)


def site_parts(case: Case, scope: Scope) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield each part's id and the indices of the sites in it."""
    match scope:
        case "district":
            yield "", tuple(range(len(case.sites)))
        case "town":
            for town in case.towns:
                yield town, tuple(j for j, site in enumerate(case.sites) if site.town == town)
        case "place":
            for i, place in enumerate(case.places):
                yield place, tuple(j for j, site in enumerate(case.sites) if site.place == i)
