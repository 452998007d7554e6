"""What is known of today, and what nobody says: that is unknown, and not none."""

from collections.abc import Mapping
from typing import Any

from allocate.report.belonging import ability_of
from allocate.report.summary import is_assumed
from allocate.report.table import Source
from allocate.tables import NOT_GONE_TO


def is_unknown(source: Source, resource: str) -> bool:
    """Tell whether nobody says how many of a resource there are today: what is merely counted as none is not known."""
    counted = source.counted(resource)[0]
    stock = source.stock.get(counted)
    return stock is None or stock["number"] is None or (is_assumed(stock) and not stock["number"])


def is_listed(source: Source, kind: str) -> bool:
    """Tell whether the district lists the institutions of a kind: else it is unknown where they stand today."""
    return kind not in source.district.get("partial", ()) and any(
        one["kind"] == kind for one in source.district["institutions"]
    )


def unlisted(source: Source) -> list[str]:
    """Return the kinds that the plan sites and people go to of which nobody lists any, or not all: unknown."""
    siting = source.content["settings"]["siting"]
    return [kind for kind in siting if kind not in NOT_GONE_TO and not is_listed(source, kind)]


def had_today(source: Source) -> list[Mapping[str, Any]]:
    """Return the functions of today that the plan decides on, in the form of its own lines: listed, or kept by it."""
    had = {(row["function"], row["id"]): row for row in source.content.get("functions", ()) if row["since"] is None}
    listed = (row for row in source.district.get("functions", ()) if ability_of(source.content, row["function"]))
    for row in listed:
        key = row["function"], row["institution"]
        about = {"function": key[0], "id": key[1], "since": None, "until": None, "centre": row.get("centre") or None}
        had.setdefault(key, about)
    return list(had.values())
