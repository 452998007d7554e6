"""The tables of a plan: every output is written from these, so that a figure is the same wherever it stands."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from allocate.population import AGES
from allocate.report.away import posts_away, visits_made
from allocate.report.belonging import forms_consortia, sets_up_functions
from allocate.report.belonging_tables import belonging_sheets
from allocate.report.calibrated import calibration_sheets
from allocate.report.candidate_tables import candidate_sheets, say_kept
from allocate.report.care_tables import care_sheets
from allocate.report.change_log import change_log
from allocate.report.reasons import reason
from allocate.report.sending import sending_sheets
from allocate.report.summary import assumed_stock, from_openstreetmap, say_grounds, stage_key
from allocate.report.table import DISTRICT, Content, Field, Sheet, Source, make_sheet, share_of
from allocate.report.today_and_planned import today_and_planned
from allocate.report.worth_tables import worth_sheets
from allocate.synonyms import ROADS, title_of
from allocate.tables import BASES, ENDS, INSTITUTION_KINDS
from allocate.words import Language, catalogue, say_in

# Every table by its name, in the order in which a planner reads them.
SHEETS = (
    "years", "scorecard", "sites", "worth", "change_log", "towns", "today_and_planned", "places", "budget", "coverage",
    "ages", "fairness", "proof", "nesting", "draws", "front", "assumptions", "problems", "sources",
)  # fmt: skip
# Those that only a plan that decides staff has: after the towns.
STAFF_SHEETS = ("staffing", "staff_flows", "staff_by_town")
# The columns that there are for every resource: its name follows.
_NUMBER, _PER = "number_of", "per_one"
# Of whom it is told how many people one serves, whether or not a rule limits them.
_SERVING = ("gps", "village_doctors")
# Why a clause is no rule, where the clause itself gives the reason.
REASONED = ("clause.indicator", "clause.out_of_scope")
STATUSES = ("served", "no_capacity", "rounds", "posted", "out_of_range")
# What a clause can be, in the order in which a planner reads them.
CLAUSE_STATUSES = ("missed", "met", "undecided", "reported", "not_applicable")


def sheets(content: Content, language: Language) -> dict[str, Sheet]:
    """Return every table of a plan by its name, in the order in which a planner reads them."""
    first: tuple[Callable[[Source], Sheet], ...] = (_years, _scorecard, _sites, change_log, _towns)
    covered: tuple[Callable[[Source], Sheet], ...] = (_places, _budget, _coverage)
    last: tuple[Callable[[Source], Sheet], ...] = (
        _ages, _fairness, _proof, _nesting, _draws, _front, _assumptions, _problems, _sources,
    )  # fmt: skip
    source = Source(content, language)
    if source.resources:
        first += (_staffing, _staff_flows, _staff_by_town)
    made = (
        *(make(source) for make in first),
        *belonging_sheets(source),
        *care_sheets(source),
        *candidate_sheets(source),
        *sending_sheets(source),
        *(make(source) for make in covered),
        *calibration_sheets(source),
        *(make(source) for make in last),
    )
    tables = {sheet.name: sheet for sheet in made}
    compared = today_and_planned(source, tables)
    worths = tuple(worth_sheets(source))
    # (It is made of the others, and read after the towns; what sites are worth, after the sites.)
    return {
        sheet.name: sheet
        for name, table in tables.items()
        for sheet in ((table, compared) if name == "towns" else (table, *worths) if name == "sites" else (table,))
    }


def sites_sheet(content: Content, language: Language) -> Sheet:
    """Return the table of sites alone, as it stands among all tables of a plan."""
    return _sites(Source(content, language))


def people_sheets(content: Content, language: Language) -> dict[str, Sheet]:
    """Return the tables of a plan that say who is served where, and by how many sites: all that a map needs."""
    source = Source(content, language)
    return {sheet.name: sheet for sheet in (_years(source), _towns(source), _places(source))}


# A plan of an earlier version does not name every status, and has nobody in those.
_NOBODY = dict.fromkeys(STATUSES, 0)
_PEOPLE = (Field("people", "whole"), *(Field(status, "whole") for status in STATUSES), Field("served_share", "share"))


def _by_year(name: str, years: Iterable[int], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a figure of every year by the name of its column; a year that has none counts 0."""
    return {f"{name}_{year}": values.get(str(year), 0) for year in years}


def _number_of(resource: str) -> Field:
    return Field(f"{_NUMBER}_{resource}", "whole", resource=resource)


def _money(source: Source) -> tuple[Field, ...]:
    """Return the columns of money: for staff, postings, rounds, functions, consortia and contracts, where decided."""
    names = ["opening", "yearly"]
    names += ["adding", "pay", "standing_pay"] if source.resources else []
    names += ["postings"] if posts_away(source.content) else []
    names += ["outreach"] if visits_made(source.content) else []
    names += ["functions", "functions_yearly"] if sets_up_functions(source.content) else []
    names += ["consortia", "consortia_yearly"] if forms_consortia(source.content) else []
    names += ["contracts_yearly"] if source.content.get("contracts") else []
    names += ["capital", "recurrent"] if len(names) > len(("opening", "yearly")) else []
    return tuple(Field(name, "yuan") for name in (*names, "total"))


def _years(source: Source) -> Sheet:
    """Return the whole district by year: people in all and by age, sites open by kind, money, staff and beds."""
    content = source.content
    groups = [group for group in AGES if any(row["group"] == group for row in content.get("ledger_by_age", ()))]
    kinds = [kind for kind in INSTITUTION_KINDS if any(site["kind"] == kind for site in content["sites"])]
    fields = [
        Field("year", "year"), *_PEOPLE, *(Field(f"people_{group}", "whole") for group in groups),
        *(Field(f"open_{kind}", "whole") for kind in kinds), *_money(source),
        *map(_number_of, source.resources),
        Field("method", "code", "projection"), Field("people_basis", "code", "basis"),
    ]  # fmt: skip
    by_age = {
        (row["year"], row["group"]): row["people"]
        for row in content.get("ledger_by_age", ())
        if row["scope"] == DISTRICT
    }
    told = {row["year"]: row for row in content.get("population", ())}
    money = {row["year"]: row for row in content["budget"]}

    def record(row: Mapping[str, Any]) -> dict[str, Any]:
        standing = [site["kind"] for site in source.open_sites(row["year"])]
        return {
            **_NOBODY,
            **money[row["year"]],
            **row,
            "served_share": share_of(row["served"], row["people"]),
            **{f"people_{group}": by_age.get((row["year"], group)) for group in groups},
            "method": told.get(row["year"], {}).get("method"),
            "people_basis": told.get(row["year"], {}).get("basis"),
            **{f"open_{kind}": standing.count(kind) for kind in kinds},
            **{f"{_NUMBER}_{name}": source.total(name, row["year"]) for name in source.resources},
        }

    return make_sheet("years", fields, (record(row) for row in content["ledger"] if row["scope"] == DISTRICT))


def _scorecard(source: Source) -> Sheet:
    """Return a line per rule and year and per other clause: missed ones first, the order of the model within."""
    fields = [
        Field("status", "code", "clause"), Field("why", "text"), Field("strength", "code", "strength"),
        Field("changed", "text"), Field("clause", "text"), Field("at", "text"), Field("year", "year"),
        Field("says", "text"), Field("indicator", "text"), Field("sense", "code", "sense"),
        Field("target", "measure"), Field("today", "measure"), Field("value", "measure"), Field("unit", "code", "unit"),
        Field("shortfall", "measure"), Field("shortfall_unit", "code", "unit"), Field("causes", "text"),
        Field("rests_on", "text"), Field("quote", "text"), Field("document", "text"),
        Field("document_status", "code", "document"), Field("label", "text"), Field("reading", "text"),
        Field("source", "text"), Field("basis", "code", "basis"),
        Field("rule", "id"),
    ]  # fmt: skip

    def record(row: Mapping[str, Any]) -> dict[str, Any]:
        causes = [f"{cause['name']} {cause['shortfall']:,}" for cause in row["causes"]]
        name, says, note = row.get("document_name"), row.get("says"), row.get("note")
        return {
            **row,
            "sense": row.get("sense"),
            "why": why_status(row, source.language),
            "changed": changed_strength(row, source.language),
            "at": row.get("at") or None,
            "says": says[source.language] if says else None,
            "label": row.get("label") or None,
            "reading": note[source.language] if note else None,
            "document": name[source.language] if name else row["document"],
            "document_status": row["document_status"] or None,
            "indicator": source.known(row["indicator"], row["indicator"]) if row["indicator"] else None,
            "causes": source.word("summary.semicolon").join(causes),
            "rests_on": say_grounds(row, source.language) or None,
            "unit": _unit(row["unit"]),
            "shortfall_unit": _unit(row["shortfall_unit"]),
        }

    return make_sheet("scorecard", fields, map(record, by_status(source.content["scorecard"])))


def by_status(scorecard: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the lines of a scorecard in the order in which a planner reads them: what is missed comes first."""
    return sorted(scorecard, key=lambda row: CLAUSE_STATUSES.index(row["status"]))


def changed_strength(row: Mapping[str, Any], language: Language) -> str | None:
    """Say that a model gives a clause another strength than its document does, and which one that had."""
    wanted = row.get("document_strength")
    if not wanted or not row["strength"] or wanted == row["strength"]:
        return None
    return say_in(language, "card.changed", strength=say_in(language, f"strength.{wanted}"))


def why_status(row: Mapping[str, Any], language: Language) -> str | None:
    """Say why a line is neither met nor missed: the clause's own reason, where it has one."""
    why, reason = str(row.get("why")), row.get("reason")
    if reason and why in REASONED:
        return str(reason[language])
    return say_in(language, why) if why in catalogue() else None


def _unit(unit: str | None) -> str | None:
    """Return the unit of a measure: a share stands in the sheets as a fraction of 1, and its unit says so."""
    return "ratio" if unit == "share" else unit


def _sites(source: Source) -> Sheet:
    """Return one row per site and action, by year, town and id."""
    years = source.years
    fields = [
        Field("year", "year"), Field("action", "code", "action"), Field("name", "text"), Field("kind", "code", "kind"),
        Field("town", "text"), Field("until", "year"),
        *(Field(f"serves_{year}", "whole", year=year) for year in years),
        *(Field(f"only_site_of_{year}", "whole", year=year) for year in years),
        Field("cost", "yuan"), Field("other_site", "text"), Field("parent", "text"), Field("hospital", "text"),
        Field("reason", "text"), Field("basis", "code", "basis"),
        Field("lon", "degrees"), Field("lat", "degrees"), Field("id", "id"), Field("town_id", "id"),
    ]  # fmt: skip
    sited = source.content["settings"]["siting"]
    closing = {site["id"]: site["year"] for site in source.content["sites"] if site["action"] in ENDS}

    def record(site: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **site,
            "until": closing.get(site["id"]),
            # What a hub costs is not counted, which is not the same as nothing.
            "cost": site["cost"] if site["kind"] in sited else None,
            "town_id": site["town"],
            "town": source.towns[site["town"]],
            **_by_year("serves", years, site["people"]),
            **_by_year("only_site_of", years, site["only_site_of"]),
            "other_site": source.site(site.get("into") or site.get("from")),
            "parent": source.site(site["parent"]),
            "hospital": source.site(site.get("hospital")),
            "reason": _whole_reason(source, site),
        }

    lines = sorted(source.content["sites"], key=lambda site: (site["year"], site["town"], site["id"], site["action"]))
    return make_sheet("sites", fields, map(record, lines))


def _whole_reason(source: Source, site: Mapping[str, Any]) -> str:
    """Say why a site is in the plan, and of a new one that is not just in the middle of a place why it may stand."""
    said = [reason(site, source.years, source.language)]
    if site["action"] in ("open", "move"):
        said.append(say_kept(source, site["id"]))
    return source.word("summary.semicolon").join(filter(None, said))


def _towns(source: Source) -> Sheet:
    """Return the district and its towns by year, the worst-off town first."""
    content = source.content
    fields = [
        Field("year", "year"), Field("town", "text"), *_PEOPLE, Field("today_served", "whole"),
        Field("today_share", "share"), Field("covered", "whole"), Field("covered_share", "share"),
        Field("sited", "whole"), Field("draws_low", "whole"), Field("draws_high", "whole"), Field("town_id", "id"),
    ]  # fmt: skip
    circle, sited = content["settings"]["circle"], content["settings"]["siting"]
    covered = {(row["year"], row["scope"]): row for row in content["coverage"] if row["preset"] == circle}
    before = {row["scope"]: row for row in content.get("today", ())}

    def record(row: Mapping[str, Any]) -> dict[str, Any]:
        scope, year = row["scope"], row["year"]
        today, inside = before.get(scope), covered.get((year, scope))
        town_id = None if scope == DISTRICT else scope
        standing = [s for s in source.open_sites(year) if s["kind"] in sited and town_id in (None, s["town"])]
        low, high = _range(content["draws"], town_id, str(year))
        return {
            **_NOBODY,
            **row,
            "town_id": town_id,
            "town": source.scope(scope),
            "served_share": share_of(row["served"], row["people"]),
            "today_served": today["served"] if today else None,
            "today_share": share_of(today["served"], today["people"]) if today else None,
            "covered": inside["covered"] if inside else None,
            "covered_share": inside["share"] if inside else None,
            "sited": len(standing),
            "draws_low": low,
            "draws_high": high,
        }

    def order(row: Mapping[str, Any]) -> tuple[int, bool, float, str]:
        share = share_of(row["served"], row["people"])
        return row["year"], row["scope"] != DISTRICT, 2.0 if share is None else share, row["scope"]

    return make_sheet("towns", fields, map(record, sorted(content["ledger"], key=order)))


def _staffing(source: Source) -> Sheet:
    """Return one row per year and site that has anybody or anything: how many of each resource, and whom they serve."""
    fields = [
        Field("year", "year"), Field("name", "text"), Field("kind", "code", "kind"), Field("town", "text"),
        Field("parent", "text"), *map(_number_of, source.resources), Field("people_there", "whole"),
        *(Field(f"{_PER}_{name}", "rate", resource=name) for name in _serving(source)),
        Field("stock_basis", "code", "basis"), Field("assumed_for", "text"), Field("id", "id"), Field("town_id", "id"),
    ]  # fmt: skip
    sited = {site["id"]: site for site in source.content["sites"]}
    serves = {(site["id"], int(year)): n for site in source.content["sites"] for year, n in site["people"].items()}

    def record(key: tuple[str, int]) -> dict[str, Any]:
        code, year = key
        site, there, people = sited[code], source.working[key], serves.get(key, 0)
        numbers = {name: source.number(name, there, site["kind"]) for name in source.resources}
        return {
            **site,
            "year": year,
            "town": source.towns[site["town"]],
            "town_id": site["town"],
            "parent": source.site(site["parent"]),
            "people_there": people,
            **{f"{_NUMBER}_{name}": number for name, number in numbers.items()},
            **{f"{_PER}_{name}": share_of(people, numbers[name]) if people else None for name in _serving(source)},
            "stock_basis": _weakest(source, there),
            "assumed_for": source.terms(assumed_stock(source.content, there)) or None,
        }

    def order(key: tuple[str, int]) -> tuple[int, str, int, str]:
        site = sited[key[0]]
        return key[1], site["town"], INSTITUTION_KINDS.index(site["kind"]), key[0]

    return make_sheet("staffing", fields, map(record, sorted(source.working, key=order)))


def _serving(source: Source) -> list[str]:
    """Return the resources of which it matters how many people one serves."""
    rules = source.content["settings"].get("rules", {}).values()
    limited = {rule.get("resource") for rule in rules if rule.get("rule") == "people_per_staff"}
    return [name for name in source.resources if name in limited or name in _SERVING]


def _weakest(source: Source, resources: Iterable[str]) -> str | None:
    """Return the weakest basis of today's numbers of some resources; what is unknown has none."""
    rows = (source.stock[name] for name in resources if name in source.stock)
    bases = {str(row["basis"]) for row in rows if row["number"] is not None}
    return max(bases, key=BASES.index, default=None)


def _staff_flows(source: Source) -> Sheet:
    """Return how every employer comes by each resource from year to year, and where they work."""
    fields = [
        Field("name", "text"), Field("kind", "code", "kind"), Field("town", "text"), Field("resource", "text"),
        Field("year", "year"), Field("today_number", "whole"), Field("staying", "whole"), Field("retired", "whole"),
        Field("joined_now", "whole"), Field("joined", "whole"), Field("borrowed", "whole"), Field("here", "whole"),
        Field("elsewhere", "whole"), Field("lent", "whole"), Field("spare", "whole"),
        Field("stock_basis", "code", "basis"), Field("id", "id"), Field("town_id", "id"), Field("resource_id", "id"),
    ]  # fmt: skip
    order = {name: n for n, name in enumerate(source.resources)}
    joined = {(row["id"], row["resource"], row["year"]): row["joined"] for row in source.content["staff_flows"]}
    before = dict(zip(source.years[1:], source.years, strict=False))

    def record(row: Mapping[str, Any]) -> dict[str, Any]:
        site = source.standing_at[row["id"]]
        earlier = joined.get((row["id"], row["resource"], before.get(row["year"])), 0)
        return {
            **row,
            "name": site["name"],
            "kind": site["kind"],
            "town": source.towns[site["town"]],
            "town_id": site["town"],
            "resource": source.term(row["resource"]),
            "resource_id": row["resource"],
            "today_number": row["today"],
            "retired": row["today"] - row["staying"],
            "joined_now": row["joined"] - earlier,
            "stock_basis": _weakest(source, [row["resource"]]),
        }

    def place(row: Mapping[str, Any]) -> tuple[str, int, str, int, int]:
        site = source.standing_at[row["id"]]
        kind = INSTITUTION_KINDS.index(site["kind"])
        return site["town"], kind, row["id"], order[row["resource"]], row["year"]

    return make_sheet("staff_flows", fields, map(record, sorted(source.content["staff_flows"], key=place)))


def _staff_by_town(source: Source) -> Sheet:
    """Return, of every year and resource, the district and then its towns, the fewest for 1,000 people first."""
    fields = [
        Field("year", "year"), Field("resource", "text"), Field("town", "text"), Field("people", "whole"),
        Field("number", "whole"), Field("per_1000", "rate"), Field("district_per_1000", "rate"),
        Field("today_number", "whole"), Field("today_per_1000", "rate"), Field("stock_basis", "code", "basis"),
        Field("town_id", "id"), Field("resource_id", "id"),
    ]  # fmt: skip
    people = {(row["year"], row["scope"]): row["people"] for row in source.content["ledger"]}

    def block(year: int, resource: str) -> list[dict[str, Any]]:
        whole = _per_1000(source.total(resource, year), people[year, DISTRICT])
        lines = []
        for scope in (DISTRICT, *source.towns):
            town = None if scope == DISTRICT else scope
            number, today = source.total(resource, year, town), _today_at(source, resource, town)
            line = {
                "year": year,
                "resource": source.term(resource),
                "resource_id": resource,
                "town": source.scope(scope),
                "town_id": town,
                "people": people[year, scope],
                "number": number,
                "per_1000": _per_1000(number, people[year, scope]),
                "district_per_1000": whole,
                "today_number": today,
                "today_per_1000": _per_1000(today, people[source.years[0], scope]),
                "stock_basis": _weakest(source, [resource]),
            }
            lines.append(line)
        return sorted(lines, key=_worst_first)

    blocks = (block(year, resource) for year in source.years for resource in source.resources)
    return make_sheet("staff_by_town", fields, (line for lines in blocks for line in lines))


def _today_at(source: Source, resource: str, town: str | None) -> int | None:
    """Return how many of a resource a town, or the district, has before the plan begins; None where it is unknown."""
    there: Mapping[str, int] = source.stock[resource]["at"]
    if source.stock[resource]["number"] is None:
        return None
    return sum(number for site, number in there.items() if town in (None, source.standing_at[site]["town"]))


def _per_1000(number: int | None, people: int) -> float | None:
    return 1000 * number / people if people and number is not None else None


def _worst_first(line: Mapping[str, Any]) -> tuple[bool, bool, float, str]:
    rate = line["per_1000"]
    return line["town_id"] is not None, rate is None, rate or 0.0, line["town_id"] or ""


def _range(draws: Sequence[Mapping[str, Any]], town: str | None, year: str) -> tuple[int | None, int | None]:
    """Return the fewest and the most sites sited over the draws."""
    counts = [(draw["sites"] if town is None else draw["sites_by_town"].get(town, {})).get(year, 0) for draw in draws]
    return (min(counts), max(counts)) if counts else (None, None)


def _ages(source: Source) -> Sheet:
    """Return the ledger by age group, beside the share of everybody: the district first, then the towns."""
    content = source.content
    fields = [
        Field("year", "year"), Field("town", "text"), Field("group", "code", "age"), *_PEOPLE,
        Field("everyone_share", "share"), Field("town_id", "id"),
    ]  # fmt: skip
    everyone = {(row["year"], row["scope"]): share_of(row["served"], row["people"]) for row in content["ledger"]}

    def record(row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **_NOBODY,
            **row,
            "town_id": None if row["scope"] == DISTRICT else row["scope"],
            "town": source.scope(row["scope"]),
            "served_share": share_of(row["served"], row["people"]),
            "everyone_share": everyone.get((row["year"], row["scope"])),
        }

    return make_sheet("ages", fields, map(record, content.get("ledger_by_age", ())))


def _places(source: Source) -> Sheet:
    """Return one row per place, year and part of its people."""
    fields = [
        Field("year", "year"), Field("name", "text"), Field("kind", "code", "kind"), Field("town", "text"),
        Field("residents", "whole"), Field("status", "code", "status"), Field("part", "whole"),
        Field("served_by_name", "text"), Field("minutes", "minutes"), Field("way_by", "code", "way_by"),
        *([Field("by_modes", "text")] if any("modes" in row for row in source.content["places"]) else []),
        Field("position_basis", "code", "basis"),
        Field("people_basis", "code", "basis"), Field("lon", "degrees"), Field("lat", "degrees"), Field("id", "id"),
        Field("town_id", "id"), Field("served_by", "id"),
    ]  # fmt: skip
    everybody: dict[tuple[str, int], int] = {}
    for row in source.content["places"]:
        key = row["id"], row["year"]
        everybody[key] = everybody.get(key, 0) + row["people"]

    named = source.content["settings"].get("modes", {})

    def record(row: Mapping[str, Any]) -> dict[str, Any]:
        place = source.places[row["id"]]
        return {
            **place,
            **row,
            "town_id": place["town"],
            "town": source.towns[place["town"]],
            "residents": everybody[row["id"], row["year"]],
            "part": row["people"],
            "served_by_name": source.site_names.get(row["served_by"]),
            "way_by": row.get("how"),
            "by_modes": " / ".join(named[mode]["name"][source.language] for mode in row.get("modes") or ()) or None,
        }

    return make_sheet("places", fields, map(record, source.content["places"]))


def _budget(source: Source) -> Sheet:
    fields = [
        Field("year", "year"), Field("calendar_years", "whole"), *_money(source), Field("basis", "code", "basis"),
    ]  # fmt: skip
    return make_sheet("budget", fields, source.content["budget"])


def _coverage(source: Source) -> Sheet:
    """Return who lives within each reading of the circle, for the district and every town."""
    fields = [
        Field("year", "year"), Field("circle", "text"), Field("town_id", "id"), Field("town", "text"),
        Field("people", "whole"), Field("today_covered", "whole"), Field("today_covered_share", "share"),
        Field("covered", "whole"), Field("covered_share", "share"), Field("covered_slower", "whole"),
        Field("covered_slower_share", "share"), Field("covered_faster", "whole"),
        Field("covered_faster_share", "share"), Field("today_slower_share", "share"),
        Field("today_faster_share", "share"), Field("share_asked", "share"), Field("preset", "id"),
    ]  # fmt: skip
    circles = source.content["settings"]["circles"]

    def record(row: Mapping[str, Any]) -> dict[str, Any]:
        before = row.get("today")
        ranges: dict[str, Any] = {}
        for how in ("slower", "faster"):
            found, then = row.get(how), (before or {}).get(how)
            ranges |= {f"covered_{how}": found["covered"] if found else None}
            ranges |= {f"covered_{how}_share": found["share"] if found else None}
            ranges |= {f"today_{how}_share": then["share"] if then else None}
        return {
            **row,
            **ranges,
            "circle": circles[row["preset"]]["name"][source.language],
            "town_id": None if row["scope"] == DISTRICT else row["scope"],
            "town": source.scope(row["scope"]),
            "today_covered": before["covered"] if before else None,
            "today_covered_share": before["share"] if before else None,
            "covered_share": row["share"],
            "share_asked": circles[row["preset"]].get("share"),
        }

    return make_sheet("coverage", fields, map(record, source.content["coverage"]))


def _fairness(source: Source) -> Sheet:
    """Return how fairly people and towns are served, by year; a plan of an earlier version does not say."""
    fields = [
        Field("year", "year"), Field("worst_town", "text"), Field("worst_town_share", "share"),
        Field("deviation", "share"), Field("worst_tenth_unserved", "share"), Field("worst_tenth_minutes", "minutes"),
        Field("gini_minutes", "share"), Field("gini_nurses", "share"), Field("share_65", "share"),
        Field("share_all", "share"), Field("basis", "code", "basis"), Field("worst_town_id", "id"),
    ]  # fmt: skip

    def record(row: Mapping[str, Any]) -> dict[str, Any]:
        town = row["worst_town"]
        return {**row, "worst_town": None if town is None else source.towns[town], "worst_town_id": town}

    return make_sheet("fairness", fields, map(record, source.content.get("fairness", ())))


def _proof(source: Source) -> Sheet:
    """Return every stage with its value, its bound and the gap between them."""
    fields = [
        Field("stage", "text"), Field("stage_value", "measure"), Field("bound", "measure"), Field("gap", "gap"),
        Field("tolerance", "measure"), Field("unit", "code", "unit"),
    ]  # fmt: skip

    def record(row: Mapping[str, Any]) -> dict[str, Any]:
        stage = source.word(stage_key(row["name"]))
        _, dot, step = row["name"].partition(".")
        said = f"{stage} · {source.word(f'step.{step}')}" if dot else stage
        return {**row, "stage": said, "stage_value": row["value"], "unit": _unit(row["unit"])}

    return make_sheet("proof", fields, map(record, source.content["stages"]))


def _nesting(source: Source) -> Sheet:
    """Return every plan year as the plan has it beside the same year planned by itself."""
    fields = [
        Field("year", "year"), Field("sited", "whole"), Field("sited_alone", "whole"), Field("yearly_all", "yuan"),
        Field("yearly_alone", "yuan"), Field("goal", "text"), Field("stage_value", "measure"),
        Field("value_alone", "measure"), Field("bound_alone", "measure"), Field("gap_alone", "gap"),
        Field("nesting_most", "gap"), Field("unit", "code", "unit"),
    ]  # fmt: skip

    def record(row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **row,
            "sited": row["sites"],
            "sited_alone": row["sites_alone"],
            "yearly_all": row["yearly_cost"],
            "yearly_alone": row["yearly_cost_alone"],
            "goal": source.word(stage_key(row["goal"])),
            "stage_value": row["value"],
            "gap_alone": row["gap"],
            "nesting_most": row["most"],
            "unit": _unit(row["unit"]),
        }

    return make_sheet("nesting", fields, map(record, source.content.get("nesting", ())))


def _draws(source: Source) -> Sheet:
    """Return one line per possible district."""
    years = source.years
    fields = [
        Field("seed", "year"), *(Field(f"sited_in_{year}", "whole", year=year) for year in years),
        *(Field(f"reached_{year}", "whole", year=year) for year in years),
        *(Field(f"reached_share_{year}", "share", year=year) for year in years),
        Field("goal", "text"), Field("stage_value", "measure"), Field("bound", "measure"), Field("gap", "gap"),
    ]  # fmt: skip

    def record(draw: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **draw,
            **_by_year("sited_in", years, draw["sites"]),
            **_by_year("reached", years, draw["served"]),
            **_by_year("reached_share", years, draw["coverage"]),
            "goal": source.word(stage_key(draw["goal"])),
            "stage_value": draw["value"],
        }

    return make_sheet("draws", fields, map(record, source.content["draws"]))


def _front(source: Source) -> Sheet:
    """Return one line per plan between the cheapest and the one that serves most; none where nobody asked for them."""
    years = source.years
    fields = [
        Field("point", "whole"), Field("average_share", "share"), Field("cost_front", "yuan"), Field("bound", "yuan"),
        Field("gap", "gap"), Field("proven", "code", "proven"), Field("marginal", "yuan"), Field("sited", "whole"),
        *(Field(f"reached_{year}", "whole", year=year) for year in years),
        *(Field(f"reached_share_{year}", "share", year=year) for year in years),
        Field("missed", "text"), Field("without", "text"),
    ]  # fmt: skip
    points = source.content.get("front", ())
    spans = {str(row["year"]): row["calendar_years"] for row in source.content["budget"]}
    comma = source.word("summary.comma")

    def reached(point: Mapping[str, Any]) -> int:
        return int(sum(people * spans[year] for year, people in point["served"].items()))

    def record(point: Mapping[str, Any], before: Mapping[str, Any] | None) -> dict[str, Any]:
        shares = {year: share_of(served, point["people"][year]) for year, served in point["served"].items()}
        return {
            **point,
            "average_share": point["share"],
            "cost_front": point["cost"],
            "proven": "yes" if point["proven"] else "no",
            "marginal": before and round((point["cost"] - before["cost"]) / (reached(point) - reached(before))),
            "sited": point["sites"],
            **_by_year("reached", years, point["served"]),
            **_by_year("reached_share", years, shares),
            "missed": comma.join(point["missed"]) or None,
            "without": comma.join(point["without"]) or None,
        }

    return make_sheet("front", fields, map(record, points, [None, *points[:-1]]))


def _assumptions(source: Source) -> Sheet:
    fields = [Field("of", "text"), Field("basis", "code", "basis"), Field("cells", "whole")]
    lines = source.content["assumptions"]
    records = [{**row, "of": say_table(row["table"], source.language), "cells": row["rows"]} for row in lines]
    return make_sheet("assumptions", fields, records)


def say_table(table: str, language: Language) -> str:
    """Return what a line of the assumptions counts, in words."""
    return say_in(language, f"counted.{table.replace('.', '_')}")


def _problems(source: Source) -> Sheet:
    """Return what the check found odd in the data, in words."""
    fields = [
        Field("file", "id"), Field("row", "year"), Field("column", "id"), Field("found", "text"),
        Field("advice", "text"),
    ]  # fmt: skip

    def record(line: Mapping[str, Any]) -> dict[str, Any]:
        found = None if line["value"] is None else str(line["value"])
        heading, column = line.get("heading", ""), line["column"]
        return {
            **line,
            "column": f"{heading} ({column})" if heading else column,
            "found": found,
            "advice": source.word(line["what"], **line["details"]),
        }

    return make_sheet("problems", fields, map(record, source.content.get("problems", ())))


def _sources(source: Source) -> Sheet:
    """Return published totals with their sources, where tables and files came from, and the programs' versions."""
    fields = [
        Field("source_kind", "code", "sheet"), Field("item", "text"), Field("figure", "text"), Field("date", "text"),
        Field("basis", "code", "basis"), Field("source", "text"),
    ]  # fmt: skip
    blank = dict.fromkeys(("figure", "date", "basis", "source"))
    credit = source.word("map.roads_openstreetmap") if from_openstreetmap(source.content) else ""
    facts = [
        {
            **fact,
            "source_kind": "fact",
            "item": source.known(f"fact.{fact['indicator']}", fact["indicator"]),
            "figure": f"{fact['value']:,} {source.known(f'unit.{fact["unit"]}', fact['unit'])}",
        }
        for fact in source.district["facts"]
    ]
    origins = [
        {
            **blank,
            "source_kind": "table",
            "item": title_of(table, source.language),
            "figure": f"{origin['rows']:,}" if origin["rows"] else None,
            "source": " · ".join(filter(None, (origin["file"], origin["datum"], credit if table == ROADS else ""))),
        }
        for table, origin in source.district.get("origins", {}).items()
    ]
    files = [
        {**blank, "source_kind": "file", "item": line["path"], "source": f"sha256 {line['sha256']}"}
        for line in source.content["inputs"]
    ]
    programs = [
        {**blank, "source_kind": "program", "item": name, "figure": number}
        for name, number in source.content["versions"].items()
    ]
    return make_sheet("sources", fields, [*facts, *origins, *files, *programs])
