"""How many of what there is in each year: sums of what a plan says, from plain data."""

from collections.abc import Iterable, Mapping
from typing import Any

Content = Mapping[str, Any]


def resources_of(content: Content) -> list[str]:
    """Return the staff, beds and teams that a plan decides, in its model's order: what is left open has no stock."""
    decided = {row["resource"] for row in content.get("stock", ())}
    return [name for name in content["settings"].get("resources") or () if name in decided]


def described(content: Content, decision: str, table: str) -> bool:
    """Tell whether a model describes a decision in a table of its own, and leaves it to the plan.

    >>> described({"settings": {"decides": ["siting"], "postings": {"months": 6}}}, "postings", "postings")
    False
    """
    settings = content["settings"]
    decided = settings.get("decides") or (decision,)
    return decision in decided and bool(settings.get(table))


def working_at(content: Content) -> dict[tuple[str, int], dict[str, int]]:
    """Return how many of every resource work at each site in each year, by the id of the site and the year."""
    found: dict[tuple[str, int], dict[str, int]] = {}
    for row in content["staff"]:
        found.setdefault((row["id"], row["year"]), {})[row["resource"]] = row["number"]
    return found


def counted_as(content: Content, resource: str) -> tuple[str, tuple[str, ...]]:
    """Return under which name a resource is counted, and at which kinds of site; at any kind where none is told."""
    table = content["settings"]["resources"][resource]
    return table.get("sum_of") or resource, tuple(table.get("kinds") or ())


def number_there(content: Content, resource: str, there: Mapping[str, int], kind: str) -> int:
    """Return how many of a resource a site of a kind has, of all that is there."""
    name, kinds = counted_as(content, resource)
    return there.get(name, 0) if not kinds or kind in kinds else 0


def totals(content: Content, resources: Iterable[str]) -> dict[tuple[str, int, str | None], int]:
    """Return how many of some resources every town, and the district (None), has in each year."""
    standing_at = {site["id"]: site for site in (*content["district_data"]["institutions"], *content["sites"])}
    sums: dict[tuple[str, int, str | None], int] = {}
    names = list(resources)
    for (site, year), there in working_at(content).items():
        at = standing_at[site]
        for resource in names:
            number = number_there(content, resource, there, at["kind"])
            for town in (None, at["town"]):
                sums[resource, year, town] = sums.get((resource, year, town), 0) + number
    return sums


def holds(row: Content, year: int) -> bool:
    """Tell whether a line of the plan's functions stands in a year.

    >>> holds({"since": 2027, "until": None}, 2025), holds({"since": None, "until": 2027}, 2027)
    (False, True)
    """
    since, until = row["since"], row["until"]
    return (since is None or since <= year) and (until is None or year <= until)
