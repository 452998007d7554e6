"""Care homes with their contracts, and candidates that were dropped, as the page reads them."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from allocate.draw.cells import Columns, Index, Row, append_row, as_basis, as_number, as_text, as_whole, rows_of
from allocate.draw.sending import Known
from allocate.report.candidate_tables import layer_names, say_reasons
from allocate.words import LANGUAGES, say_in

_DIGITS = 5  # of a degree: about a metre


def spots(plan: Row, years: Sequence[int], known: Known) -> dict[str, Any]:
    """Return care homes, contracts and dropped candidates in columns, and why they were dropped."""
    district: Row = plan.get("district_data") or {}
    homes = Index()
    reasons: dict[str, dict[str, str]] = {}
    groups: dict[str, dict[str, str]] = {}
    return {
        "homes": _homes(district, homes, known),
        "contracts": _contracts(plan, years, homes, known),
        "dropped": _dropped(plan, district, known, reasons, groups),
        "drop_reasons": list(reasons.values()),
        "drop_groups": list(groups.values()),
    }


def signers(plan: Row) -> list[Any]:
    """Return the ids of the sites that care homes have contracts with: some may stand in no other table."""
    found = [row.get(key) for row in rows_of(plan.get("contracts")) for key in ("id", "before")]
    return [code for code in found if code is not None]


def _position(row: Row) -> dict[str, float | None]:
    lon, lat = as_number(row.get("lon")), as_number(row.get("lat"))
    if lon is None or lat is None or abs(lon) > 180 or abs(lat) > 85:
        return {"lon": None, "lat": None}
    return {"lon": round(lon, _DIGITS), "lat": round(lat, _DIGITS)}


def _homes(district: Row, homes: Index, known: Known) -> Columns:
    columns: Columns = {key: [] for key in ("name", "town", "beds", "lon", "lat", "basis", "source")}
    for home in rows_of(district.get("care_homes")):
        count = len(homes.position)
        if homes.of(home.get("id")) == count:
            about = {
                "name": as_text(home.get("name") or home.get("id")),
                "town": known.towns.known(home.get("town")),
                "beds": as_whole(home.get("beds")),
                "basis": as_basis(home.get("position_basis")),
                "source": as_text(home.get("source")),
            }
            append_row(columns, about | _position(home))
    return columns


def _contracts(plan: Row, years: Sequence[int], homes: Index, known: Known) -> Columns:
    """Return with whom each home has a contract by year: -1 where with nobody."""
    columns: Columns = {key: [] for key in ("year", "home", "mark", "minutes", "before")}
    for row in rows_of(plan.get("contracts")):
        home = homes.known(row.get("home"))
        if home >= 0 and row.get("year") in years:
            ends = {"mark": known.marks.known(row.get("id")), "before": known.marks.known(row.get("before"))}
            append_row(columns, {"year": row["year"], "home": home, "minutes": as_number(row.get("minutes")), **ends})
    return columns


def _dropped(
    plan: Row, district: Row, known: Known, reasons: dict[str, dict[str, str]], groups: dict[str, dict[str, str]]
) -> Columns:
    """Return dropped candidates, filling in why, and by what: a layer, or one of the other reasons."""
    columns: Columns = {key: [] for key in ("name", "kind", "town", "lon", "lat", "why", "group")}
    places = {as_text(row.get("id")): as_text(row.get("name")) for row in rows_of(district.get("places"))}
    layers = rows_of(district.get("layers"))
    positions: tuple[dict[str, int], dict[str, int]] = ({}, {})
    for row in rows_of(plan.get("dropped")):
        # (A plan that somebody wrote may give reasons that nobody knows.)
        with suppress(LookupError, TypeError, ValueError):
            why: Row = row["why"]
            said: dict[str, str] = {}
            by: dict[str, str] = {}
            for code in LANGUAGES:
                names = layer_names(layers, code)
                said[code] = say_reasons([why], names, places, code)
                by[code] = names[why["layer"]] if "layer" in why else say_in(code, f"dropping.{why['code']}")
            at = []
            for words, all_words, position in ((said, reasons, positions[0]), (by, groups, positions[1])):
                all_words.setdefault(words["zh"], words)
                at.append(position.setdefault(words["zh"], len(position)))
            about = {
                "name": as_text(row.get("name") or row.get("id")),
                "kind": as_text(row.get("kind")),
                "town": known.towns.known(row.get("town")),
                "why": at[0],
                "group": at[1],
            }
            append_row(columns, about | _position(row))
    return columns
