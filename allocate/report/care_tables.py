"""The tables of contracts with care homes, and of the visits that primary care could take."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from allocate.report.table import DISTRICT, Field, Sheet, Source, make_sheet

# Both of them, in the order in which a planner reads them.
CARE_SHEETS = ("contracts", "primary_capacity")
# The columns that there are for every kind of staff: its name follows.
_NUMBER, _MORE = "number_of", "more_of"


def care_sheets(source: Source) -> Iterator[Sheet]:
    """Yield the tables that a plan has: one whose model says nothing of contracts or visits has none."""
    makers: tuple[Callable[[Source], Sheet], ...] = (_contracts, _primary_capacity)
    named = zip(CARE_SHEETS, makers, strict=True)
    return (make(source) for name, make in named if source.content.get(name))


def _contracts(source: Source) -> Sheet:
    """Return with whom each care home has a contract in every year; those without one come first."""
    fields = [
        Field("year", "year"), Field("care_home", "text"), Field("town", "text"), Field("care_beds", "whole"),
        Field("contract_with", "text"), Field("one_way", "minutes"), Field("way_by", "code", "way_by"),
        Field("contract_before", "text"), Field("basis", "code", "basis"), Field("care_home_id", "id"),
        Field("town_id", "id"), Field("id", "id"),
    ]  # fmt: skip
    homes = {home["id"]: home for home in source.district["care_homes"]}

    def record(row: Mapping[str, Any]) -> dict[str, Any]:
        home = homes[row["home"]]
        return {
            "year": row["year"],
            "care_home": home["name"],
            "town": source.towns[home["town"]],
            "care_beds": row["beds"],
            "contract_with": source.site(row["id"]),
            "one_way": row["minutes"],
            "way_by": row.get("how"),
            "contract_before": source.site(row["before"]),
            "basis": home["basis"],
            "care_home_id": row["home"],
            "town_id": home["town"],
            "id": row["id"],
        }

    rows = sorted(source.content["contracts"], key=lambda row: (row["year"], row["id"] is not None))
    return make_sheet("contracts", fields, map(record, rows))


def _primary_capacity(source: Source) -> Sheet:
    """Return visits against the staff of primary care: the district first, then the towns, those with least first."""
    rows = source.content["primary_capacity"]
    staff = list(rows[0]["staff"])
    fields = [
        Field("year", "year"), Field("name", "text"), Field("people", "whole"), Field("visits_all", "whole"),
        Field("visits_expected", "whole"), Field("visits_capacity", "whole"), Field("capacity_share", "share"),
        Field("visits_short", "whole"), *(Field(f"{_NUMBER}_{name}", "whole", resource=name) for name in staff),
        *(Field(f"{_MORE}_{name}", "whole", resource=name) for name in staff), Field("town_id", "id"),
    ]  # fmt: skip

    def record(row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "year": row["year"],
            "name": source.scope(row["scope"]),
            "people": row["people"],
            "visits_all": row["visits"],
            "visits_expected": row["expected"],
            "visits_capacity": row["capacity"],
            "capacity_share": row["share"],
            "visits_short": row["short"],
            **{f"{_NUMBER}_{name}": row["staff"][name] for name in staff},
            **{f"{_MORE}_{name}": row["more"].get(name, 0) for name in staff},
            "town_id": None if row["scope"] == DISTRICT else row["scope"],
        }

    def least_first(row: Mapping[str, Any]) -> tuple[int, bool, float]:
        return row["year"], row["scope"] != DISTRICT, 0.0 if row["share"] is None else row["share"]

    return make_sheet("primary_capacity", fields, map(record, sorted(rows, key=least_first)))
