"""The tables of consortia, shared centres, functions and reserves: for those who lead, who join and who pay."""

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from allocate.report.belonging import (
    ability_of,
    forms_consortia,
    fresh,
    function_name,
    function_rules,
    functions_in_order,
    holds,
    holds_back,
    members_of,
    price,
    sets_up_functions,
)
from allocate.report.summary import percent_exact
from allocate.report.table import DISTRICT, Field, Sheet, Source, clean, make_sheet, share_of
from allocate.tables import HUB_KINDS, INSTITUTION_KINDS

# All of them, in the order in which a planner reads them.
BELONGING_SHEETS = (
    "consortia", "members", "centres", "functions", "function_matrix", "function_shares", "reserves",
)  # fmt: skip
# What a plan has besides where a clause says how far a function should reach.
REACH_SHEETS = ("function_reach",)
# Who stands in the matrix of functions: of village clinics and stations there are too many.
_IN_MATRIX = ("hospital", *HUB_KINDS)
_SITE = (Field("name", "text"), Field("kind", "code", "kind"), Field("town", "text"))
_IDS = (Field("id", "id"), Field("town_id", "id"))
_COSTS = (Field("once", "yuan"), Field("each_year", "yuan"))


def belonging_sheets(source: Source) -> Iterator[Sheet]:
    """Yield the tables of consortia, functions and reserves that a plan has: one that decides none has none."""
    forms, sets_up = forms_consortia(source.content), sets_up_functions(source.content)
    makers: tuple[tuple[Callable[[Source], Sheet], bool], ...] = (
        (_consortia, forms),
        (_members, forms),
        (_centres, sets_up),
        (_functions, sets_up),
        (_matrix, sets_up),
        (_shares, sets_up),
        (_reach, bool(source.content.get("function_reach"))),
        (_reserves, holds_back(source.content)),
    )
    return (make(source) for make, is_there in makers if is_there)


def _site(source: Source, code: str) -> dict[str, Any]:
    """Return the cells that say which site it is, and where."""
    site = source.standing_at[code]
    return {
        "id": code,
        "name": source.site(code),
        "kind": site["kind"],
        "town": source.towns[site["town"]],
        "town_id": site["town"],
    }


def _in_order(source: Source, code: str) -> tuple[str, int, str]:
    site = source.standing_at[code]
    return site["town"], INSTITUTION_KINDS.index(site["kind"]), code


def _having(source: Source, function: str, year: int) -> set[str]:
    """Return the ids of the sites that have a function in a year."""
    rows = source.content.get("functions", ())
    return {row["id"] for row in rows if row["function"] == function and holds(row, year)}


def _columns(source: Source, name: str, functions: list[str], kind: Any) -> list[Field]:
    """Return a column for each of some functions, headed by what the model calls it."""
    titles = {one: clean(function_name(source.content, one, source.language)) for one in functions}
    return [Field(f"{name}_{one}", kind, resource=one, title=titles[one]) for one in functions]


def _consortia(source: Source) -> Sheet:
    """Return every consortium by year: who leads it, its members and their people, how far they are, what it costs.

    Where a rule asks for a share of the sites of each consortium, it has a column of how many have the function.
    """
    content = source.content
    kinds_of: dict[str, set[str]] = {}
    for _, rule in function_rules(content):
        if rule.get("scope") == "consortium":
            for function in rule["functions"]:
                kinds_of.setdefault(function, set()).update(rule["kinds"])
    asked = {function: kinds_of[function] for function in functions_in_order(content) if function in kinds_of}
    fields = [
        Field("year", "year"), Field("lead", "text"), Field("town", "text"), Field("members", "whole"),
        Field("people", "whole"), Field("farthest", "minutes"), Field("farthest_name", "text"), *_COSTS,
        *_columns(source, "linked_to", list(asked), "whole"), *_columns(source, "linked_share", list(asked), "share"),
        Field("basis", "code", "basis"), Field("lead_id", "id"), Field("town_id", "id"),
    ]  # fmt: skip
    plan = content["settings"].get("consortia") or {}
    led = members_of(content)
    before = dict(zip(content["years"][1:], content["years"], strict=False))

    def record(year: int, lead: str) -> dict[str, Any]:
        members, site = led[year, lead], _site(source, lead)
        far = max(members, key=lambda row: (row["minutes"], row["id"]), default=None)
        counted = {
            function: {
                code for code in (lead, *(row["id"] for row in members)) if source.standing_at[code]["kind"] in kinds
            }
            for function, kinds in asked.items()
        }
        linked = {function: len(_having(source, function, year) & there) for function, there in counted.items()}
        return {
            **site,
            "year": year,
            "lead": site["name"],
            "lead_id": lead,
            "members": len(members),
            "people": sum(row["people"] for row in members),
            "farthest": far and far["minutes"],
            "farthest_name": far and source.site(far["id"]),
            "once": 0 if (before.get(year), lead) in led else plan.get("opening", 0),
            "each_year": plan.get("yearly", 0),
            "basis": plan.get("basis"),
            **{f"linked_to_{function}": number for function, number in linked.items()},
            **{
                f"linked_share_{function}": share_of(number, len(counted[function]))
                for function, number in linked.items()
            },
        }

    return make_sheet("consortia", fields, (record(*key) for key in sorted(led)))


def _members(source: Source) -> Sheet:
    """Return, by year, who leads every hub and since when; a hub in no consortium has a line that says so."""
    content = source.content
    fields = [
        Field("year", "year"), *_SITE, Field("lead", "text"), Field("since", "year"), Field("people", "whole"),
        Field("to_lead", "minutes"), Field("way_by", "code", "way_by"), Field("lead_before", "text"),
        Field("lead_changed", "code", "proven"), Field("basis", "code", "basis"), *_IDS, Field("lead_id", "id"),
        Field("lead_before_id", "id"),
    ]  # fmt: skip
    plan = content["settings"].get("consortia") or {}
    joined = {(row["year"], row["id"]): row for rows in members_of(content).values() for row in rows}
    leads = {(year, lead) for year, lead in members_of(content)}
    since: dict[tuple[int, str], int] = {}
    for before, year in zip((None, *content["years"]), content["years"], strict=False):
        for (of, code), row in joined.items():
            if of == year:
                earlier = joined.get((before, code)) if before is not None else None
                stays = before is not None and earlier is not None and earlier["lead"] == row["lead"]
                since[year, code] = since[before, code] if stays and before is not None else year

    def record(year: int, code: str) -> dict[str, Any]:
        row = joined.get((year, code), {})
        lead, before = row.get("lead"), row.get("before")
        changed = None if lead is None or before is None else "no" if lead == before else "yes"
        return {
            **_site(source, code),
            "year": year,
            "lead": source.site(lead),
            "lead_id": lead,
            "since": since.get((year, code)),
            "people": row.get("people"),
            "to_lead": row.get("minutes"),
            "way_by": row.get("how"),
            "lead_before": source.site(before),
            "lead_before_id": before,
            "lead_changed": changed,
            "basis": plan.get("basis"),
        }

    joining = set(plan.get("members") or HUB_KINDS)
    outside = {
        (year, site["id"])
        for year in content["years"]
        for site in source.open_sites(year)
        if site["kind"] in joining and (year, site["id"]) not in leads
    }
    keys = sorted({*joined, *outside}, key=lambda key: (key[0], _in_order(source, key[1])))
    return make_sheet("members", fields, (record(*key) for key in keys))


def _centres(source: Source) -> Sheet:
    """Return every shared centre by year: where it is, how many are linked to it, and what it costs with its links."""
    content = source.content
    fields = [
        Field("year", "year"), Field("function", "text"), *_SITE, Field("since", "year"),
        Field("within", "code", "within"), Field("linked", "whole"), *_COSTS, Field("basis", "code", "basis"),
        Field("function_id", "id"), *_IDS,
    ]  # fmt: skip
    rows, afresh = content.get("functions", ()), fresh(content)

    def record(year: int, own: Mapping[str, Any]) -> dict[str, Any]:
        function = own["function"]
        linked = [row for row in rows if (row["function"], row["centre"]) == (function, own["id"]) and holds(row, year)]
        every = [own, *linked]
        return {
            **_site(source, own["id"]),
            **_function(source, function),
            "year": year,
            "since": own["since"],
            "within": ability_of(content, function).get("within", "district"),
            "linked": len(linked),
            "once": sum(price(content, row)[0] for row in every if row["since"] == year and row in afresh),
            "each_year": sum(price(content, row)[1] for row in every),
        }

    lines = (
        record(year, row)
        for year in content["years"]
        for function in functions_in_order(content)
        for row in rows
        if row["function"] == function and row["centre"] is None and holds(row, year)
        if ability_of(content, function).get("serves")
    )
    return make_sheet("centres", fields, lines)


def _function(source: Source, code: str) -> dict[str, Any]:
    """Return the cells that say which function it is."""
    return {
        "function": function_name(source.content, code, source.language),
        "function_id": code,
        "basis": ability_of(source.content, code).get("basis"),
    }


def _functions(source: Source) -> Sheet:
    """Return who has which function from when on: its own or a centre's, and what it costs."""
    content = source.content
    fields = [
        Field("function", "text"), *_SITE, Field("how_had", "code", "having"), Field("since", "year"),
        Field("last_year", "year"), Field("centre", "text"), *_COSTS, Field("basis", "code", "basis"),
        Field("function_id", "id"), *_IDS, Field("centre_id", "id"),
    ]  # fmt: skip
    afresh = fresh(content)
    today = {(row["function"], row["institution"]): row["basis"] for row in source.district.get("functions", ())}

    def how(row: Mapping[str, Any]) -> str:
        if row["since"] is None:
            return "today"
        if ability_of(content, row["function"]).get("posted_by"):
            return "posted"
        if row["centre"] is None:
            return "set_up"
        return "linked" if row in afresh else "other_centre"

    def record(row: Mapping[str, Any]) -> dict[str, Any]:
        once, yearly = price(content, row)
        about = _site(source, row["id"]) | _function(source, row["function"])
        basis = today.get((row["function"], row["id"])) if row["since"] is None else None
        return {
            **about,
            "how_had": how(row),
            "since": row["since"],
            "last_year": row["until"],
            "centre": source.site(row["centre"]),
            "centre_id": row["centre"],
            "once": once if row in afresh else 0,
            "each_year": yearly,
            "basis": basis or about["basis"],
        }

    order = {function: n for n, function in enumerate(functions_in_order(content))}
    lines = sorted(
        content.get("functions", ()),
        key=lambda row: (order[row["function"]], row["since"] or 0, _in_order(source, row["id"])),
    )
    return make_sheet("functions", fields, map(record, lines))


def _matrix(source: Source) -> Sheet:
    """Return hospitals and hubs with a column for every function that one of them has: since when; to be printed."""
    content = source.content
    rows = [row for row in content.get("functions", ()) if source.standing_at[row["id"]]["kind"] in _IN_MATRIX]
    had = {row["function"] for row in rows}
    functions = [function for function in functions_in_order(content) if function in had]
    fields = [
        Field("town", "text"), Field("name", "text"), Field("kind", "code", "kind"), Field("functions_had", "whole"),
        *_columns(source, "since_of", functions, "text"), *_IDS,
    ]  # fmt: skip
    last = content["years"][-1]

    def cell(code: str, function: str) -> str | None:
        spells = [row for row in rows if (row["function"], row["id"]) == (function, code)]
        spells.sort(key=lambda row: row["since"] or 0)
        return source.word("summary.comma").join(map(spell, spells)) or None

    def spell(row: Mapping[str, Any]) -> str:
        since = source.word("having.today") if row["since"] is None else str(row["since"])
        key = "having.only" if row["since"] == row["until"] else "roster.span"
        span = since if row["until"] is None else source.word(key, first=since, last=row["until"])
        return span if row["centre"] is None else source.word("having.by_centre", span=span)

    def record(code: str) -> dict[str, Any]:
        own = [row for row in rows if row["id"] == code and holds(row, last)]
        return {
            **_site(source, code),
            "functions_had": len(own),
            **{f"since_of_{function}": cell(code, function) for function in functions},
        }

    there = {site["id"] for site in content["sites"] if site["kind"] in _IN_MATRIX and site["people"]}
    codes = sorted({*there, *(row["id"] for row in rows)}, key=lambda code: _in_order(source, code))
    return make_sheet("function_matrix", fields, map(record, codes))


def _shares(source: Source) -> Sheet:
    """Return by year, function and kind how many open sites have it of how many, and what is asked by which clauses."""
    content = source.content
    fields = [
        Field("year", "year"), Field("function", "text"), Field("kind", "code", "kind"), Field("having", "whole"),
        Field("open_sites", "whole"), Field("having_share", "share"), Field("asked_by", "text"),
        Field("basis", "code", "basis"), Field("function_id", "id"),
    ]  # fmt: skip
    rules = list(function_rules(content))
    types = {one["id"]: one.get("type") for one in source.district["institutions"]}

    def counts(code: str, kind: str, function: str) -> bool:
        wanted = ability_of(content, function).get("types")
        return not wanted or kind != "hospital" or types.get(code) in wanted

    def record(year: int, function: str, kind: str, there: list[str]) -> dict[str, Any]:
        having = len(_having(source, function, year) & set(there))
        asked = (
            _asked(source, rule)
            for _, rule in rules
            if function in rule["functions"] and kind in rule["kinds"] and year in rule["when"]
        )
        return {
            **_function(source, function),
            "year": year,
            "kind": kind,
            "having": having,
            "open_sites": len(there),
            "having_share": share_of(having, len(there)),
            "asked_by": source.word("summary.semicolon").join(asked) or None,
        }

    def lines() -> Iterator[dict[str, Any]]:
        for year in content["years"]:
            standing = source.open_sites(year)
            for function in functions_in_order(content):
                ability = ability_of(content, function)
                for kind in INSTITUTION_KINDS:
                    there = [s["id"] for s in standing if s["kind"] == kind and counts(s["id"], kind, function)]
                    has_any = bool(_having(source, function, year) & set(there))
                    if has_any or (there and kind in (*ability.get("at", ()), *ability.get("serves", ()))):
                        yield record(year, function, kind, there)

    return make_sheet("function_shares", fields, lines())


def _reach(source: Source) -> Sheet:
    """Return by year, rule, and district or town how many people live near enough to a function, such as ambulances."""
    fields = [
        Field("year", "year"), Field("function", "text"), Field("asked_by", "text"), Field("town", "text"),
        Field("people", "whole"), Field("near_people", "whole"), Field("near_share", "share"),
        Field("function_id", "id"), Field("town_id", "id"),
    ]  # fmt: skip
    clauses = {row["rule"]: row["clause"] for row in source.content["scorecard"]}

    def record(row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **_function(source, row["function"]),
            "year": row["year"],
            "asked_by": clauses.get(row["rule"]) or source.word("paper.own_rule"),
            "town": source.scope(row["scope"]),
            "town_id": None if row["scope"] == DISTRICT else row["scope"],
            "people": row["people"],
            "near_people": row["covered"],
            "near_share": row["share"],
        }

    return make_sheet("function_reach", fields, map(record, source.content["function_reach"]))


def _asked(source: Source, rule: Mapping[str, Any]) -> str:
    """Return what a rule asks of a function, with the clause that it stands for, or that it is the model's own."""
    share, number = rule.get("share"), rule.get("at_least")
    kinds = source.word("summary.comma").join(source.known(f"kind.{kind}", kind) for kind in rule["kinds"])
    where = "consortium" if rule.get("scope") == "consortium" else "district"
    asks = {"share": percent_exact(float(share))} if share is not None else {"number": number}
    key = f"having.asked_{'share' if share is not None else 'number'}_{where}"
    return source.word(key, rule=rule.get("clause") or source.word("paper.own_rule"), kinds=kinds, **asks)


def _reserves(source: Source) -> Sheet:
    """Return what every hospital holds back of what it has for those whom family doctors refer, by year."""
    fields = [
        Field("year", "year"), *_SITE, Field("resource", "text"), Field("whole_number", "whole"),
        Field("held_back", "whole"), Field("held_back_share", "share"), Field("stock_basis", "code", "basis"),
        *_IDS, Field("resource_id", "id"),
    ]  # fmt: skip

    def record(row: Mapping[str, Any]) -> dict[str, Any]:
        whole, reserved = Fraction(str(row["number"])), Fraction(str(row["reserved"]))
        return {
            **_site(source, row["id"]),
            "year": row["year"],
            "resource": source.term(row["resource"]),
            "resource_id": row["resource"],
            "whole_number": row["number"],
            "held_back": row["reserved"],
            "held_back_share": float(reserved / whole) if whole else None,
            "stock_basis": source.stock.get(row["resource"], {}).get("basis"),
        }

    lines = sorted(
        source.content["reserves"], key=lambda row: (row["year"], row["resource"], _in_order(source, row["id"]))
    )
    return make_sheet("reserves", fields, map(record, lines))
