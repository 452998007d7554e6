"""Lines of the change log on sites, consortia and functions."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from allocate.report.belonging import ability_of, fresh, function_name, price
from allocate.report.change_lines import Line, Log, Rule
from allocate.report.known_today import had_today, is_listed
from allocate.tables import ENDS


def sites(log: Log) -> Iterator[Line]:
    """Yield what opens, moves, is merged, closes or is enlarged; a move is one line, of the new site."""
    moving = {row["from"]: row["id"] for row in log.content["sites"] if row.get("from")}
    word, prices = log.source.word, _prices(log)
    for row in log.content["sites"]:
        action, year, code = row["action"], row["year"], row["id"]
        if action == "keep" or (action == "move" and code in moving):
            continue
        once, yearly, moved = prices[code]
        old = row.get("from")
        line = log.at(code) | {"year": year, "change": action, "paid_for": "sites", "basis": row["basis"]}
        if action not in ENDS:
            line["clauses_on"] = log.clauses(year, lambda rule: rule.get("rule") == "reach")
        if action == "open":
            unknown = not is_listed(log.source, row["kind"])
            line |= {
                "change": "move" if old else "open",
                "before": log.source.site(old) if old else word(f"change.{'unknown' if unknown else 'none'}"),
                "after": row["name"] if old else word("change.is_open"),
                "concerned": row["people"].get(str(year)),
                "once": moved if old and moved is not None else once,
                "each_year_more": yearly - (prices[old][1] if old else 0),
                "other_id": old,
                "remark": word("change.nothing_known") if unknown and not old else None,
            }
        elif action == "upgrade":
            larger = log.settings["siting"][row["kind"]].get("upgrade") or {}
            line |= {
                "before": word("change.as_it_was"),
                "after": word("change.enlarged"),
                "concerned": log.serves.get((code, year)),
                "once": larger.get("opening", 0),
                "each_year_more": larger.get("yearly", 0),
            }
        elif action in ENDS:
            alone = row["only_site_of"].get(str(year), 0)
            into = row.get("into")
            line |= {
                "before": word("change.is_open"),
                "after": word("change.merged_into", site=log.source.site(into)) if into else word("action.close"),
                "concerned": log.serves.get((code, log.before.get(year, 0))),
                "once": 0,
                "each_year_more": -yearly,
                "other_id": into,
                "remark": word("sites.closed_alone", year=year, alone=alone) if alone else None,
            }
        yield line


def _prices(log: Log) -> Mapping[str, tuple[int, int, int | None]]:
    """Return what every site costs once and in a calendar year, and once where another one moves there [yuan]."""
    own = {row["id"]: row for row in log.content.get("candidates", ())}
    found = {}
    for site in (*log.source.district["institutions"], *log.content["sites"]):
        told = log.settings["siting"].get(site["kind"])
        if told is None:
            found[site["id"]] = (0, 0, None)
            continue
        listed = own.get(site["id"], told)
        moving = (told.get("move") or {}).get("opening")
        if moving is not None and moving > listed["opening"]:
            moving = None
        found[site["id"]] = (listed["opening"], listed["yearly"], moving)
    return found


def consortia(log: Log) -> Iterator[Line]:
    """Yield which hospitals begin or cease to lead a consortium."""
    plan = log.settings.get("consortia") or {}
    members: Counter[tuple[int, str]] = Counter()
    for row in log.content.get("consortia", ()):
        members[row["year"], row["lead"]] += row["id"] != row["lead"]
    word = log.source.word
    for year in log.source.years:
        for lead in sorted({lead for _, lead in members}):
            now, then = ((of, lead) in members for of in (year, log.before.get(year, 0)))
            if now == then:
                continue
            size = word("change.members", number=members[(year if now else log.before[year]), lead])
            yield log.at(lead) | {
                "year": year,
                "change": "consortium_forms" if now else "consortium_ends",
                "before": (word("change.unknown") if log.is_first(year) else word("change.none")) if now else size,
                "after": size if now else word("change.none"),
                "once": plan.get("opening", 0) if now else 0,
                "each_year_more": plan.get("yearly", 0) * (1 if now else -1),
                "paid_for": "consortia",
                "clauses_on": log.clauses(year, lambda rule: rule.get("rule") in ("membership", "consortium_size")),
                "basis": plan.get("basis"),
            }


def members(log: Log) -> Iterator[Line]:
    """Yield which hubs join, change or leave a lead; one that stays under the hospital of today has no line."""
    joined = {(row["year"], row["id"]): row for row in log.content.get("consortia", ())}
    leads = {(row["year"], row["lead"]) for row in joined.values()}
    word = log.source.word
    standing = {year: {site["id"] for site in log.source.open_sites(year)} for year in log.source.years}
    for year in log.source.years:
        first = log.is_first(year)
        for code in sorted({code for _, code in joined}):
            row, earlier = joined.get((year, code)), joined.get((log.before.get(year, 0), code))
            now = row["lead"] if row else None
            then = (row["before"] if row else None) if first else (earlier["lead"] if earlier else None)
            if now == then or (year, code) in leads or (row is None and code not in standing[year]):
                continue
            change = "leaves" if row is None else "joins" if then is None else "lead_changes"
            nobody = "unknown" if first and code in log.standing else "none"
            people = row or earlier
            yield log.at(code) | {
                "year": year,
                "change": change,
                "before": log.source.site(then) or word(f"change.{nobody}"),
                "after": log.source.site(now) or word("change.none"),
                "concerned": people and people["people"],
                "remark": word("change.no_lead_listed") if first and then is None and nobody == "unknown" else None,
                "clauses_on": log.clauses(year, lambda rule: rule.get("rule") == "membership"),
                "basis": (log.settings.get("consortia") or {}).get("basis"),
                "other_id": now,
            }


def functions(log: Log) -> Iterator[Line]:
    """Yield which functions begin, end, or are provided by another centre."""
    rows = log.content.get("functions", ())
    after = {year: later for later, year in log.before.items()}
    ended = {(row["function"], row["id"], after.get(row["until"])): row for row in rows if row["until"] is not None}
    yield from _functions_begun(log, ended)
    # (What an institution has today and in no plan year ends with the first one.)
    kept = {(row["function"], row["id"]) for row in rows if row["since"] is None}
    lost = [row for row in had_today(log.source) if (row["function"], row["id"]) not in kept]
    ended |= {(row["function"], row["id"], log.source.years[0]): row for row in lost}
    begun = {(row["function"], row["id"], row["since"]) for row in rows}
    for (function, code, year), row in ended.items():
        if year is not None and (function, code, year) not in begun:
            yield _about_function(log, row, year) | {
                "change": "function_ends",
                "before": _how(log, row),
                "after": log.source.word("change.none"),
                "once": 0,
                "each_year_more": -price(log.content, row)[1],
            }


def _functions_begun(log: Log, ended: Mapping[tuple[str, str, int | None], Mapping[str, Any]]) -> Iterator[Line]:
    """Yield which functions begin, or are provided by another centre: those that end where they begin."""
    word = log.source.word
    afresh = {(row["function"], row["id"], row["since"]) for row in fresh(log.content)}
    listed = {row["function"] for row in log.source.district.get("functions", ())}
    for row in log.content.get("functions", ()):
        key = row["function"], row["id"], row["since"]
        if row["since"] is None:
            continue
        once, yearly = price(log.content, row)
        old = ended.get(key)
        first = log.is_first(row["since"]) and row["id"] in log.standing
        unknown = first and row["function"] not in listed
        none = "unknown" if unknown else "none_listed" if first else "none"
        yield _about_function(log, row, row["since"]) | {
            "change": "function_begins" if old is None else "function_changes",
            "before": word(f"change.{none}") if old is None else _how(log, old),
            "after": _how(log, row),
            "once": once if key in afresh else 0,
            "each_year_more": yearly - (price(log.content, old)[1] if old else 0),
            "remark": word("change.nothing_known") if unknown and old is None else None,
        }


def _how(log: Log, row: Mapping[str, Any]) -> str:
    """Say how a site has a function: by its own means, by a centre, or by those who are posted there."""
    if ability_of(log.content, row["function"]).get("posted_by"):
        return log.source.word("having.posted")
    centre = log.source.site(row["centre"])
    return log.source.word("change.own") if centre is None else log.source.word("change.by_centre", site=centre)


def _about_function(log: Log, row: Mapping[str, Any], year: int) -> Line:
    """Return the cells that say which function of which site it is, and which clauses are on it."""
    function, kind = row["function"], log.source.standing_at[row["id"]]["kind"]
    ability = ability_of(log.content, function)

    def is_on(rule: Rule) -> bool:
        asks = rule.get("rule") in ("function", "function_reach")
        named = {*rule.get("functions", ()), rule.get("function")}
        # (A centre is set up for those whom it serves.)
        kinds = (*(rule.get("kinds") or (kind,)), *(ability.get("at", ()) if ability.get("serves") else ()))
        return asks and function in named and kind in kinds

    return log.at(row["id"]) | {
        "year": year,
        "item": function_name(log.content, function, log.source.language),
        "item_id": function,
        "other_id": row["centre"],
        "concerned": log.serves.get((row["id"], year)) or None,
        "paid_for": "functions",
        "clauses_on": log.clauses(year, is_on),
        "basis": ability.get("basis"),
    }
