"""Lines of the change log on staff and beds, postings, rounds and contracts."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from allocate.report.away import sender_name, way_name
from allocate.report.change_lines import Line, Log, Rule, contract_price
from allocate.report.known_today import is_unknown
from allocate.report.summary import is_assumed
from allocate.report.table import DISTRICT
from allocate.rules.amounts import unit_of
from allocate.words import term

# Which rules speak of a resource: by the keys that name it.
_NAMED = ("resource", "to", "of", "resources")


def staff(log: Log) -> Iterator[Line]:
    """Yield how the numbers of every employer change, and of what nobody employs those of every site."""
    yield from _of_employers(log)
    yield from _of_sites(log)


def _of_employers(log: Log) -> Iterator[Line]:
    flows = log.content.get("staff_flows", ())
    nothing = {"today": 0, "staying": 0, "joined": 0, "lent": 0, "borrowed": 0, "spare": 0}
    rows = {(row["id"], row["resource"], row["year"]): row for row in flows}
    for code, resource in sorted({(row["id"], row["resource"]) for row in flows}):
        today = rows.get((code, resource, log.source.years[0]), nothing)["today"]
        then = nothing | {"today": today, "staying": today}
        for year in log.source.years:
            now = rows.get((code, resource, year), nothing)
            joined, gone = now["joined"] - then["joined"], then["staying"] - now["staying"]
            parts = [
                *(
                    log.source.word(f"change.{which}", number=n)
                    for which, n in (("joined", joined), ("gone", gone))
                    if n
                ),
                *(
                    log.source.word(f"change.{which}", number=now[which], then=then[which])
                    for which in ("lent", "borrowed")
                    if now[which] or then[which]
                ),
            ]
            has, had = (row["staying"] + row["joined"] for row in (now, then))
            if joined or gone or any(now[which] != then[which] for which in ("lent", "borrowed")):
                yield _numbers(log, code, resource, year, had, has, parts, joined)
            then = now


def _of_sites(log: Log) -> Iterator[Line]:
    """Yield how the numbers of beds, and of all else that nobody employs, change at every site."""
    employed = {row["resource"] for row in log.content.get("staff_flows", ())}
    for resource in log.source.resources:
        table = log.settings["resources"][resource]
        if resource in employed or table.get("sum_of"):
            continue
        at = log.source.stock.get(resource, {}).get("at", {})
        codes = {code for (code, _), there in log.source.working.items() if there.get(resource)}
        for code in sorted(codes | set(at)):
            had = at.get(code, 0)
            for year in log.source.years:
                has = log.source.working.get((code, year), {}).get(resource, 0)
                if has != had:
                    yield _numbers(log, code, resource, year, had, has, [], 0)
                had = has


def _numbers(log: Log, code: str, resource: str, year: int, had: int, has: int, parts: list[str], joined: int) -> Line:
    """Return the line of one resource of an institution in a year: how many it had and has, and why."""
    word, table = log.source.word, log.settings["resources"][resource]
    kind, unit = log.source.standing_at[code]["kind"], unit_of(resource)
    first = log.is_first(year)
    unknown = first and is_unknown(log.source, resource)
    stock = log.source.stock.get(resource)
    basis = stock["basis"] if stock and stock["number"] is not None else None
    assumed = stock is not None and is_assumed(stock) and not is_unknown(log.source, resource)
    whole = table.get("part_of")

    def is_on(rule: Rule) -> bool:
        # (Who goes on rounds, or what is held back of what, has keys of other meanings.)
        if rule.get("rule") in ("posting", "rounds", "function", "contracts", "spending", "spending_share"):
            return False
        named = (rule.get(key) for key in _NAMED)
        is_named = any(resource == one or (isinstance(one, list | tuple) and resource in one) for one in named)
        return is_named and kind in (rule.get("kinds") or (kind,))

    return log.at(code) | {
        "year": year,
        "change": "staff_changes",
        "item": term(resource, log.source.language),
        "item_id": resource,
        "before": word("change.unknown") if unknown else log.counted(had, unit),
        "after": log.counted(has, unit),
        "difference": None if unknown else has - had,
        "concerned": log.serves.get((code, year)) or None,
        "once": joined * int(table.get("adding", 0)),
        "each_year_more": (has - had) * int(table.get("yearly", 0)),
        "paid_for": "staff",
        "clauses_on": log.clauses(year, is_on),
        "remark": log.joined(
            *parts,
            word("change.part_of", whole=term(whole, log.source.language)) if whole else None,
            word("change.nothing_known") if unknown else None,
            word("change.assumed_today") if assumed else None,
        ),
        "basis": basis,
    }


def postings(log: Log) -> Iterator[Line]:
    """Yield where experts of a sender and specialty begin or cease to be posted, or are for other months."""
    prices = log.settings.get("postings") or {}
    months: Counter[tuple[str, str, str, int]] = Counter()
    cost: Counter[tuple[str, str, str, int]] = Counter()
    bases: dict[tuple[str, str, str], str | None] = {}
    for row in log.content.get("postings", ()):
        key = row["to"], row["from"], row.get("specialty") or "", row["year"]
        months[key] += row["tours"] * row["months"]
        cost[key] += row["tours"] * int(prices.get("handover", 0) + row["months"] * prices.get("monthly", 0))
        bases[key[:3]] = row.get("basis")
    # (Who is away when the plan begins is asked for only where its first year does not repeat.)
    listed = bool(log.source.district.get("tours")) and not prices.get("cyclic", True)
    word = log.source.word
    for to, sender, specialty in sorted(bases):
        is_on = _on_posting(log, to, sender)
        for year in log.source.years:
            now, then = (to, sender, specialty, year), (to, sender, specialty, log.before.get(year, 0))
            if months[now] == months[then] and cost[now] == cost[then]:
                continue
            first = log.is_first(year)
            yield log.at(to) | {
                "year": year,
                "change": _turn(months[then], months[now], "posting_begins", "posting_changes", "posting_ends"),
                "item": word(
                    "change.posting",
                    sender=sender_name(log.content, sender, log.source.language),
                    specialty=term(specialty, log.source.language),
                ),
                "item_id": specialty or None,
                "other_id": sender,
                "before": (_away(log, to, sender, specialty) if listed else word("change.unknown"))
                if first
                else _months(log, months[then]),
                "after": _months(log, months[now]),
                "difference": None if first else months[now] - months[then],
                "concerned": log.serves.get((to, year)) or None,
                "each_year_more": cost[now] - cost[then],
                "paid_for": "postings",
                "clauses_on": log.clauses(year, is_on),
                "remark": word("change.nothing_known") if first and not listed else None,
                "basis": bases[to, sender, specialty],
            }


def _on_posting(log: Log, to: str, sender: str) -> Callable[[Rule], bool]:
    """Return what tells whether a rule is on what a sender posts to a hub."""
    kind = log.source.standing_at[to]["kind"]
    supporter = (log.settings.get("supporters") or {}).get(sender)
    sent_by = (supporter.get("sends_as"),) if supporter else ("district", "lead_hospital")
    return lambda rule: rule.get("rule") == "posting" and kind in rule.get("to", ()) and rule.get("sent_by") in sent_by


def _away(log: Log, to: str, sender: str, specialty: str) -> str:
    """Say how many are posted today."""
    tours = log.source.district.get("tours", ())
    posted = ((one["hub"], one["hospital"], one["specialty"]) for one in tours)
    return log.source.word("change.away", number=sum(one == (to, sender, specialty) for one in posted))


def _months(log: Log, number: int) -> str:
    return log.counted(number, "post-months") if number else log.source.word("change.none")


def _turn(then: object, now: object, begins: str, changes: str, ends: str) -> str:
    """Return whether something begins, changes or ends."""
    return changes if now and then else begins if now else ends


def rounds(log: Log) -> Iterator[Line]:
    """Yield which villages and towns get, lose or see others come on rounds, or a doctor posted there."""
    rows = {(row["way"], row["to"], row["year"]): row for row in log.content.get("rounds", ())}
    word, places, people = log.source.word, log.source.places, _residents(log)
    for way, stop in sorted({(way, stop) for way, stop, _ in rows}):
        is_place = stop in places
        town = places[stop]["town"] if is_place else stop
        is_on = _on_rounds(way, stop, "village" if is_place else "town")
        for year in log.source.years:
            now, then = rows.get((way, stop, year)), rows.get((way, stop, log.before.get(year, 0)))
            what = ("by", "times", "per")
            if [now and now[key] for key in what] == [then and then[key] for key in what]:
                continue
            yield {
                "year": year,
                "change": _turn(then, now, "rounds_begin", "rounds_change", "rounds_end"),
                "id": stop if is_place else None,
                "name": places[stop]["name"] if is_place else log.source.towns[town],
                "kind": places[stop]["kind"] if is_place else None,
                "town": log.source.towns[town],
                "town_id": town,
                "item": way_name(log.content, way, log.source.language),
                "item_id": way,
                "before": word("change.unknown") if log.is_first(year) else _visited(log, then),
                "after": _visited(log, now),
                "concerned": people[stop, year],
                "clauses_on": log.clauses(year, is_on),
                "remark": word("change.paid_together"),
                "basis": (now or then or {}).get("basis"),
                "other_id": (now or then or {}).get("by"),
            }


def _residents(log: Log) -> Counter[tuple[str, int]]:
    """Return the people of every place and town by year [persons]."""
    people: Counter[tuple[str, int]] = Counter()
    for row in log.content["places"]:
        people[row["id"], row["year"]] += row["people"]
    for row in log.content["ledger"]:
        if row["scope"] != DISTRICT:
            people[row["scope"], row["year"]] = row["people"]
    return people


def _on_rounds(way: str, stop: str, to: str) -> Callable[[Rule], bool]:
    """Return what tells whether a rule is on the visits of a way to a village or town."""

    def is_on(rule: Rule) -> bool:
        visits = rule.get("rule") == "rounds" and rule.get("to", "village") == to
        visits = visits and (rule.get("where") != "listed" or stop in rule.get("listed", ()))
        return visits or (rule.get("rule") == "reach" and way in (rule.get("or_by") or ()))

    return is_on


def _visited(log: Log, row: Mapping[str, Any] | None) -> str:
    """Say who visits, and how often."""
    if row is None:
        return log.source.word("change.none")
    per = term(row["per"], log.source.language)
    return log.source.word("change.visited", by=log.source.site(row["by"]), times=row["times"], per=per)


def contracts(log: Log) -> Iterator[Line]:
    """Yield which care homes get a contract, get it with somebody else, or lose it."""
    prices = log.settings.get("contracts") or {}
    rows = {(row["home"], row["year"]): row for row in log.content.get("contracts", ())}
    homes = {home["id"]: home for home in log.source.district.get("care_homes", ())}
    word = log.source.word
    for code in sorted({home for home, _ in rows}):
        home = homes[code]
        for year in log.source.years:
            first = log.is_first(year)
            row = rows.get((code, year))
            earlier = rows.get((code, log.before.get(year, 0)))
            now = row["id"] if row else None
            then = (row["before"] if row else None) if first else (earlier["id"] if earlier else None)
            if row is None or now == then:
                continue
            yield {
                "year": year,
                "change": _turn(then, now, "contract_begins", "contract_changes", "contract_ends"),
                "id": code,
                "name": home["name"],
                "town": log.source.towns[home["town"]],
                "town_id": home["town"],
                "before": log.source.site(then) or word(f"change.{'none_listed' if first else 'none'}"),
                "after": log.source.site(now) or word("change.none"),
                "once": 0,
                "each_year_more": contract_price(prices, row) * (bool(now) - bool(then)),
                "paid_for": "contracts",
                "clauses_on": log.clauses(year, lambda rule: rule.get("rule") == "contracts"),
                "remark": log.counted(row["beds"], "beds"),
                "basis": home["basis"],
                "other_id": now or then,
            }
