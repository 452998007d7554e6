"""Who belongs to which consortium, what every site can do, and what it holds back, as the page reads it."""

from collections.abc import Sequence
from typing import Any

from allocate.draw.cells import (
    Columns,
    Index,
    Row,
    append_row,
    as_number,
    as_text,
    as_whole,
    by_text,
    in_both,
    in_words,
    rows_of,
)
from allocate.draw.sending import Known

# What of each table names a site.
_SITES = {"consortia": ("id", "lead", "before"), "functions": ("id", "centre"), "reserves": ("id",)}


def belong(plan: Row) -> list[Any]:
    """Return the ids of the sites that belong together or have a function: some may stand in no other table."""
    found = [row.get(key) for name, keys in _SITES.items() for row in rows_of(plan.get(name)) for key in keys]
    return [code for code in found if code is not None]


def belonging(plan: Row, years: Sequence[int], known: Known) -> dict[str, Any]:
    """Return consortia, functions and reserves in columns, and what functions are called."""
    settings = by_text(by_text(plan.get("settings")).get("functions"))
    codes, held = Index(), Index()
    functions = _functions(plan, codes, known)
    for code in sorted(settings):
        codes.of(code)
    reserves = _reserves(plan, years, held, known)
    return {
        "abilities": [_ability(code, settings.get(code)) for code in codes.position],
        "consortia": _consortia(plan, years, known),
        "functions": functions,
        # What is held back is called.
        "held": [in_words("term", code) for code in held.position],
        "reserves": reserves,
    }


def _ability(code: str, settings: Any) -> dict[str, Any]:
    """Return what a function is called, which kinds of site may have it, and which of them through a centre."""
    said = by_text(settings)
    name = said.get("name")
    return {
        "code": code,
        "name": in_both(name) if name else in_words("term", code),
        "kinds": [as_text(kind) for key in ("at", "serves") for kind in said.get(key) or ()],
        "centre": bool(said.get("serves")),
    }


def _consortia(plan: Row, years: Sequence[int], known: Known) -> Columns:
    """Return a row for every year and member; a lead is a member of its own."""
    columns: Columns = {key: [] for key in ("year", "lead", "mark", "people", "minutes", "before")}
    for row in rows_of(plan.get("consortia")):
        lead, mark = known.marks.known(row.get("lead")), known.marks.known(row.get("id"))
        if row.get("year") in years and lead >= 0 and mark >= 0:
            member = {
                "year": row["year"],
                "lead": lead,
                "mark": mark,
                "people": as_whole(row.get("people")),
                "minutes": as_number(row.get("minutes")),
                "before": known.marks.known(row.get("before")),
            }
            append_row(columns, member)
    return columns


def _functions(plan: Row, codes: Index, known: Known) -> Columns:
    """Return a row for every function that a site has: since when (or already today), until when, from which centre."""
    columns: Columns = {key: [] for key in ("ability", "mark", "since", "until", "centre")}
    for row in rows_of(plan.get("functions")):
        mark = known.marks.known(row.get("id"))
        if mark >= 0 and row.get("function") is not None:
            has = {
                "ability": codes.of(row["function"]),
                "mark": mark,
                "since": as_whole(row.get("since")),
                "until": as_whole(row.get("until")),
                "centre": known.marks.known(row.get("centre")),
            }
            append_row(columns, has)
    return columns


def _reserves(plan: Row, years: Sequence[int], resources: Index, known: Known) -> Columns:
    """Return how many of each resource a site holds back, and of how many, by year."""
    columns: Columns = {key: [] for key in ("year", "mark", "resource", "number", "reserved")}
    for row in rows_of(plan.get("reserves")):
        mark = known.marks.known(row.get("id"))
        if row.get("year") in years and mark >= 0 and row.get("resource") is not None:
            held = {
                "year": row["year"],
                "mark": mark,
                "resource": resources.of(row["resource"]),
                "number": as_number(row.get("number")),
                "reserved": as_number(row.get("reserved")),
            }
            append_row(columns, held)
    return columns
