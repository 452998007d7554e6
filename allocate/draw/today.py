"""What stands today, and whom it serves, as the page reads it: only what is listed, and what nobody lists is said."""

from collections.abc import Sequence
from typing import Any

from allocate.draw.cells import Index, Row, as_text, as_whole, by_text, rows_of
from allocate.tables import NOT_GONE_TO

# The rows of today stand among those of the years, under this name.
TODAY = "today"


def today(plan: Row, towns: Index, statuses: Sequence[str]) -> dict[str, Any]:
    """Return whether the stock of today is known, and the people by status, of the district and of towns by position.

    `known` is None where the plan does not say: earlier versions did not.
    """
    ledger = rows_of(plan.get("today"))
    found: dict[str, list[int]] = {}
    for row in ledger:
        at = towns.known(row.get("scope"))
        found[str(at) if at >= 0 else ""] = [as_whole(row.get(status)) or 0 for status in statuses]
    known = bool(ledger) if TODAY in plan else None
    return {"known": known, "people": found, "unlisted": unlisted(plan), "year": _year(ledger)}


def unlisted(plan: Row) -> list[str]:
    """Return the kinds that the plan sites, and people go to, of which nobody has listed any, or not all."""
    district: Row = plan.get("district_data") or {}
    listed = {as_text(row.get("kind")) for row in rows_of(district.get("institutions"))}
    partial = district.get("partial")
    listed -= {as_text(kind) for kind in partial} if isinstance(partial, list | tuple) else set()
    siting = by_text(by_text(plan.get("settings")).get("siting"))
    return [kind for kind in siting if kind not in listed and kind not in NOT_GONE_TO]


def _year(ledger: Sequence[Row]) -> int | None:
    """Return the year whose residents they are."""
    return as_whole(ledger[0].get("year")) if ledger else None
