"""What a plan changes, line by line and year by year, and today beside every plan year."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Literal

from allocate.report.away import sender_name, way_name
from allocate.report.belonging import ability_of, fresh, function_name, functions_in_order, holds, planned_rules, price
from allocate.report.summary import is_assumed
from allocate.report.table import DISTRICT, Cell, Field, Sheet, Source, clean, make_sheet
from allocate.rules.amounts import unit_of
from allocate.tables import BASES, ENDS, HUB_KINDS, INSTITUTION_KINDS, NOT_GONE_TO
from allocate.words import term

# Both of them, in the order in which a planner reads them.
CHANGE_SHEETS = ("change_log", "today_and_planned")
Paid = Literal["sites", "staff", "postings", "outreach", "functions", "consortia", "contracts"]
# What is paid for, and where the budget of a year has it: once, and in each calendar year.
BUDGET: Mapping[Paid, tuple[str, str]] = {
    "sites": ("opening", "yearly"),
    "staff": ("adding", "pay"),
    "postings": ("", "postings"),
    "outreach": ("", "outreach"),
    "functions": ("functions", "functions_yearly"),
    "consortia": ("consortia", "consortia_yearly"),
    "contracts": ("", "contracts_yearly"),
}
# Every kind of change, in the order in which those of one site are told.
CHANGES = (
    "open", "move", "merge", "close", "upgrade", "consortium_forms", "consortium_ends", "joins", "lead_changes",
    "leaves", "function_begins", "function_changes", "function_ends", "staff_changes", "posting_begins",
    "posting_changes", "posting_ends", "rounds_begin", "rounds_change", "rounds_end", "contract_begins",
    "contract_changes", "contract_ends", "rest",
)  # fmt: skip
# Which rules speak of a resource: by the keys that name it.
_NAMED = ("resource", "to", "of", "resources")
_LINE: dict[str, Any] = dict.fromkeys(
    (
        *("id", "other_id", "item_id", "town_id", "name", "kind", "town", "item", "before", "after", "difference"),
        *("concerned", "once", "each_year_more", "paid_for", "clauses_on", "remark", "basis"),
    )
)
# Who is near to people: every town may have some of them.
_NEAR = {*HUB_KINDS, "station", "clinic", "ems_station"}
_DIGITS = 9  # of a difference of shares: what lies beyond comes from the arithmetic


def change_log(source: Source) -> Sheet:
    """Return a line for everything that changes in a plan year: by year and town, from what to what, and its cost."""
    fields = [
        Field("year", "year"), Field("change", "code", "changed"), Field("name", "text"), Field("kind", "code", "kind"),
        Field("town", "text"), Field("item", "text"), Field("before", "text"), Field("after", "text"),
        Field("difference", "whole"), Field("concerned", "whole"), Field("once", "yuan"),
        Field("each_year_more", "yuan"), Field("paid_for", "code", "paid_for"), Field("clauses_on", "text"),
        Field("remark", "text"), Field("basis", "code", "basis"), Field("id", "id"), Field("town_id", "id"),
        Field("other_id", "id"), Field("item_id", "id"),
    ]  # fmt: skip
    return make_sheet("change_log", fields, _Log(source).lines())


def today_and_planned(source: Source, tables: Mapping[str, Sheet]) -> Sheet:
    """Return the district and its towns, the worst served first, with today's figures beside those of every plan year.

    `tables` holds the sheets of the same plan: what stands in one of them is taken from there.
    """
    years = source.years
    fields = [
        Field("town", "text"), Field("item", "text"), Field("unit", "code", "unit"),
        Field("today_figure", "measure", blank="change.unknown"),
        *(Field(f"figure_in_{year}", "measure", year=year) for year in years),
        Field("figure_more", "measure"), Field("today_basis", "code", "basis"), Field("town_id", "id"),
        Field("item_id", "id"),
    ]  # fmt: skip
    return make_sheet("today_and_planned", fields, _Comparison(source, tables).lines())


def is_unknown(source: Source, resource: str) -> bool:
    """Tell whether nobody says how many of a resource there are today: what is merely counted as none is not known."""
    counted = source.counted(resource)[0]
    stock = source.stock.get(counted)
    return stock is None or stock["number"] is None or (is_assumed(stock) and not stock["number"])


def is_listed(source: Source, kind: str) -> bool:
    """Tell whether the district lists any institution of a kind: else it is unknown where they stand today."""
    return any(one["kind"] == kind for one in source.district["institutions"])


def unlisted(source: Source) -> list[str]:
    """Return the kinds that the plan sites and people go to of which nobody lists any: unknown, and counted as none."""
    siting = source.content["settings"]["siting"]
    return [kind for kind in siting if kind not in NOT_GONE_TO and not is_listed(source, kind)]


def paid_today(source: Source) -> dict[Paid, int]:
    """Return what today's sites, staff, functions and contracts cost in a calendar year: no line has it [yuan]."""
    content, settings = source.content, source.content["settings"]
    siting, contracts = settings["siting"], settings.get("contracts") or {}
    resources = settings.get("resources") or {}
    flows = content.get("staff_flows", ())
    employed = {row["resource"] for row in flows}
    pay = sum(
        row["today"] * _yearly(resources, row["resource"]) for row in flows if row["year"] == source.years[0]
    ) + sum(
        _yearly(resources, name) * sum(row["at"].values())
        for name, row in source.stock.items()
        if name not in employed and not (resources.get(name) or {}).get("sum_of")
    )
    signed = [row for row in content.get("contracts", ()) if row["year"] == source.years[0] and row["before"]]
    return {
        "sites": sum(siting[one["kind"]]["yearly"] for one in source.district["institutions"] if one["kind"] in siting),
        "staff": pay,
        "postings": 0,
        "outreach": 0,
        "functions": sum(price(content, row)[1] for row in had_today(source)),
        "consortia": 0,
        "contracts": sum(_contract_price(contracts, row) for row in signed),
    }


def had_today(source: Source) -> list[Mapping[str, Any]]:
    """Return the functions of today that the plan decides on, in the form of its own lines: listed, or kept by it."""
    had = {(row["function"], row["id"]): row for row in source.content.get("functions", ()) if row["since"] is None}
    listed = (row for row in source.district.get("functions", ()) if ability_of(source.content, row["function"]))
    for row in listed:
        key = row["function"], row["institution"]
        about = {"function": key[0], "id": key[1], "since": None, "until": None, "centre": row.get("centre") or None}
        had.setdefault(key, about)
    return list(had.values())


def _yearly(resources: Mapping[str, Any], name: str) -> int:
    return int((resources.get(name) or {}).get("yearly", 0))


def _contract_price(contracts: Mapping[str, Any], row: Mapping[str, Any]) -> int:
    """Return what a contract with a care home costs in a calendar year [yuan]."""
    return int(contracts.get("yearly", 0) + contracts.get("yearly_per_bed", 0) * row["beds"])


class _Log:
    """The lines of the change log, by what they are about."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.content = source.content
        self.settings = source.content["settings"]
        self.before = dict(zip(source.years[1:], source.years, strict=False))
        self.standing = {one["id"] for one in source.district["institutions"]}
        self.rules = list(planned_rules(source.content))
        self.serves = {
            (site["id"], int(year)): people for site in self.content["sites"] for year, people in site["people"].items()
        }

    def lines(self) -> list[dict[str, Any]]:
        """Return all lines in order, and for every year and kind of cost what none of them has."""
        makers: tuple[Callable[[], Iterator[dict[str, Any]]], ...] = (
            self._sites, self._consortia, self._members, self._functions, self._staff, self._postings, self._rounds,
            self._contracts,
        )  # fmt: skip
        found = [_LINE | line for make in makers for line in make()]
        found += [_LINE | line for line in self._rest(found)]
        return sorted(found, key=self._order)

    def _order(self, line: Mapping[str, Any]) -> tuple[Any, ...]:
        kind = line["kind"]
        rank = INSTITUTION_KINDS.index(kind) if kind in INSTITUTION_KINDS else len(INSTITUTION_KINDS)
        return (
            line["year"], line["town_id"] or "", rank, line["id"] or "", CHANGES.index(line["change"]),
            line["item_id"] or "", line["other_id"] or "",
        )  # fmt: skip

    def _at(self, code: str) -> dict[str, Any]:
        """Return the cells that say which site it is, and where."""
        site = self.source.standing_at[code]
        town = site["town"]
        return {
            "id": code,
            "name": site["name"],
            "kind": site["kind"],
            "town": self.source.towns[town],
            "town_id": town,
        }

    def _clauses(self, year: int, wanted: Callable[[Mapping[str, Any]], bool]) -> str | None:
        """Return the clauses, or else the rules, on a matter that hold in a year."""
        names = (rule.get("clause") or name for name, rule in self.rules if year in rule["when"] and wanted(rule))
        return self.source.word("summary.comma").join(dict.fromkeys(names)) or None

    def _joined(self, *parts: str | None) -> str | None:
        return self.source.word("summary.semicolon").join(part for part in parts if part) or None

    def _counted(self, number: int, unit: str) -> str:
        return self.source.word("change.counted", number=number, unit=self.source.word(f"unit.{unit}"))

    @cached_property
    def _prices(self) -> Mapping[str, tuple[int, int, int | None]]:
        """Return what every site costs once and in a calendar year, and once where another one moves there [yuan]."""
        own = {row["id"]: row for row in self.content.get("candidates", ())}
        found = {}
        for site in (*self.source.district["institutions"], *self.content["sites"]):
            told = self.settings["siting"].get(site["kind"])
            if told is None:
                found[site["id"]] = (0, 0, None)
                continue
            listed = own.get(site["id"], told)
            moving = (told.get("move") or {}).get("opening")
            if moving is not None and moving > listed["opening"]:
                moving = None
            found[site["id"]] = (listed["opening"], listed["yearly"], moving)
        return found

    def _sites(self) -> Iterator[dict[str, Any]]:
        """Yield what opens, moves, is merged, closes or is enlarged; a move is one line, of the new site."""
        moving = {row["from"]: row["id"] for row in self.content["sites"] if row.get("from")}
        word = self.source.word
        for row in self.content["sites"]:
            action, year, code = row["action"], row["year"], row["id"]
            if action == "keep" or (action == "move" and code in moving):
                continue
            once, yearly, moved = self._prices[code]
            old = row.get("from")
            line = self._at(code) | {"year": year, "change": action, "paid_for": "sites", "basis": row["basis"]}
            if action not in ENDS:
                line["clauses_on"] = self._clauses(year, lambda rule: rule.get("rule") == "reach")
            if action == "open":
                unknown = not is_listed(self.source, row["kind"])
                line |= {
                    "change": "move" if old else "open",
                    "before": self.source.site(old) if old else word(f"change.{'unknown' if unknown else 'none'}"),
                    "after": row["name"] if old else word("change.is_open"),
                    "concerned": row["people"].get(str(year)),
                    "once": moved if old and moved is not None else once,
                    "each_year_more": yearly - (self._prices[old][1] if old else 0),
                    "other_id": old,
                    "remark": word("change.nothing_known") if unknown and not old else None,
                }
            elif action == "upgrade":
                larger = self.settings["siting"][row["kind"]].get("upgrade") or {}
                line |= {
                    "before": word("change.as_it_was"),
                    "after": word("change.enlarged"),
                    "concerned": self.serves.get((code, year)),
                    "once": larger.get("opening", 0),
                    "each_year_more": larger.get("yearly", 0),
                }
            elif action in ENDS:
                alone = row["only_site_of"].get(str(year), 0)
                into = row.get("into")
                line |= {
                    "before": word("change.is_open"),
                    "after": word("change.merged_into", site=self.source.site(into)) if into else word("action.close"),
                    "concerned": self.serves.get((code, self.before.get(year, 0))),
                    "once": 0,
                    "each_year_more": -yearly,
                    "other_id": into,
                    "remark": word("sites.closed_alone", year=year, alone=alone) if alone else None,
                }
            yield line

    def _consortia(self) -> Iterator[dict[str, Any]]:
        """Yield which hospitals begin or cease to lead a consortium."""
        plan = self.settings.get("consortia") or {}
        members: Counter[tuple[int, str]] = Counter()
        for row in self.content.get("consortia", ()):
            members[row["year"], row["lead"]] += row["id"] != row["lead"]
        word = self.source.word
        for year in self.source.years:
            for lead in sorted({lead for _, lead in members}):
                now, then = ((of, lead) in members for of in (year, self.before.get(year, 0)))
                if now == then:
                    continue
                size = word("change.members", number=members[(year if now else self.before[year]), lead])
                yield self._at(lead) | {
                    "year": year,
                    "change": "consortium_forms" if now else "consortium_ends",
                    "before": (word("change.unknown") if year == self.source.years[0] else word("change.none"))
                    if now
                    else size,
                    "after": size if now else word("change.none"),
                    "once": plan.get("opening", 0) if now else 0,
                    "each_year_more": plan.get("yearly", 0) * (1 if now else -1),
                    "paid_for": "consortia",
                    "clauses_on": self._clauses(
                        year, lambda rule: rule.get("rule") in ("membership", "consortium_size")
                    ),
                    "basis": plan.get("basis"),
                }

    def _members(self) -> Iterator[dict[str, Any]]:
        """Yield which hubs join, change or leave a lead; one that stays under the hospital of today has no line."""
        joined = {(row["year"], row["id"]): row for row in self.content.get("consortia", ())}
        leads = {(row["year"], row["lead"]) for row in joined.values()}
        word = self.source.word
        for year in self.source.years:
            first = year == self.source.years[0]
            for code in sorted({code for _, code in joined}):
                row, earlier = joined.get((year, code)), joined.get((self.before.get(year, 0), code))
                now = row["lead"] if row else None
                then = (row["before"] if row else None) if first else (earlier["lead"] if earlier else None)
                if now == then or (year, code) in leads or (row is None and code not in self._open_in(year)):
                    continue
                change = "leaves" if row is None else "joins" if then is None else "lead_changes"
                nobody = "unknown" if first and code in self.standing else "none"
                people = row or earlier
                yield self._at(code) | {
                    "year": year,
                    "change": change,
                    "before": self.source.site(then) or word(f"change.{nobody}"),
                    "after": self.source.site(now) or word("change.none"),
                    "concerned": people and people["people"],
                    "remark": word("change.no_lead_listed") if first and then is None and nobody == "unknown" else None,
                    "clauses_on": self._clauses(year, lambda rule: rule.get("rule") == "membership"),
                    "basis": (self.settings.get("consortia") or {}).get("basis"),
                    "other_id": now,
                }

    def _open_in(self, year: int) -> set[str]:
        return {site["id"] for site in self.source.open_sites(year)}

    def _functions(self) -> Iterator[dict[str, Any]]:
        """Yield which functions begin, end, or are provided by another centre."""
        rows = self.content.get("functions", ())
        afresh = {(row["function"], row["id"], row["since"]) for row in fresh(self.content)}
        after = {year: later for later, year in self.before.items()}
        ended = {(row["function"], row["id"], after.get(row["until"])): row for row in rows if row["until"] is not None}
        begun = {(row["function"], row["id"], row["since"]) for row in rows}
        listed = {row["function"] for row in self.source.district.get("functions", ())}
        word = self.source.word

        def how(row: Mapping[str, Any]) -> str:
            if ability_of(self.content, row["function"]).get("posted_by"):
                return word("having.posted")
            centre = self.source.site(row["centre"])
            return word("change.own") if centre is None else word("change.by_centre", site=centre)

        def about(row: Mapping[str, Any], year: int) -> dict[str, Any]:
            function, kind = row["function"], self.source.standing_at[row["id"]]["kind"]
            ability = ability_of(self.content, function)

            def is_on(rule: Mapping[str, Any]) -> bool:
                asks = rule.get("rule") in ("function", "function_reach")
                named = {*rule.get("functions", ()), rule.get("function")}
                # (A centre is set up for those whom it serves.)
                kinds = (*(rule.get("kinds") or (kind,)), *(ability.get("at", ()) if ability.get("serves") else ()))
                return asks and function in named and kind in kinds

            return self._at(row["id"]) | {
                "year": year,
                "item": function_name(self.content, function, self.source.language),
                "item_id": function,
                "other_id": row["centre"],
                "concerned": self.serves.get((row["id"], year)) or None,
                "paid_for": "functions",
                "clauses_on": self._clauses(year, is_on),
                "basis": ability.get("basis"),
            }

        for row in rows:
            key = row["function"], row["id"], row["since"]
            if row["since"] is None:
                continue
            once, yearly = price(self.content, row)
            old = ended.get(key)
            first = row["since"] == self.source.years[0] and row["id"] in self.standing
            unknown = first and row["function"] not in listed
            none = "unknown" if unknown else "none_listed" if first else "none"
            yield about(row, row["since"]) | {
                "change": "function_begins" if old is None else "function_changes",
                "before": word(f"change.{none}") if old is None else how(old),
                "after": how(row),
                "once": once if key in afresh else 0,
                "each_year_more": yearly - (price(self.content, old)[1] if old else 0),
                "remark": word("change.nothing_known") if unknown and old is None else None,
            }
        # (What an institution has today and in no plan year ends with the first one.)
        kept = {(row["function"], row["id"]) for row in rows if row["since"] is None}
        lost = [row for row in had_today(self.source) if (row["function"], row["id"]) not in kept]
        ended |= {(row["function"], row["id"], self.source.years[0]): row for row in lost}
        for (function, code, year), row in ended.items():
            if year is not None and (function, code, year) not in begun:
                yield about(row, year) | {
                    "change": "function_ends",
                    "before": how(row),
                    "after": word("change.none"),
                    "once": 0,
                    "each_year_more": -price(self.content, row)[1],
                }

    def _staff(self) -> Iterator[dict[str, Any]]:
        """Yield how the numbers of every employer change, and of what nobody employs those of every site."""
        flows = self.content.get("staff_flows", ())
        nothing = {"today": 0, "staying": 0, "joined": 0, "lent": 0, "borrowed": 0, "spare": 0}
        rows = {(row["id"], row["resource"], row["year"]): row for row in flows}
        employed = {row["resource"] for row in flows}
        for code, resource in sorted({(row["id"], row["resource"]) for row in flows}):
            today = rows.get((code, resource, self.source.years[0]), nothing)["today"]
            then = nothing | {"today": today, "staying": today}
            for year in self.source.years:
                now = rows.get((code, resource, year), nothing)
                joined, gone = now["joined"] - then["joined"], then["staying"] - now["staying"]
                parts = [
                    *(
                        self.source.word(f"change.{which}", number=n)
                        for which, n in (("joined", joined), ("gone", gone))
                        if n
                    ),
                    *(
                        self.source.word(f"change.{which}", number=now[which], then=then[which])
                        for which in ("lent", "borrowed")
                        if now[which] or then[which]
                    ),
                ]
                has, had = (row["staying"] + row["joined"] for row in (now, then))
                if joined or gone or any(now[which] != then[which] for which in ("lent", "borrowed")):
                    yield self._numbers(code, resource, year, had, has, parts, joined)
                then = now
        for resource in self.source.resources:
            table = self.settings["resources"][resource]
            if resource in employed or table.get("sum_of"):
                continue
            at = self.source.stock.get(resource, {}).get("at", {})
            codes = {code for (code, _), there in self.source.working.items() if there.get(resource)}
            for code in sorted(codes | set(at)):
                had = at.get(code, 0)
                for year in self.source.years:
                    has = self.source.working.get((code, year), {}).get(resource, 0)
                    if has != had:
                        yield self._numbers(code, resource, year, had, has, [], 0)
                    had = has

    def _numbers(
        self, code: str, resource: str, year: int, had: int, has: int, parts: list[str], joined: int
    ) -> dict[str, Any]:
        """Return the line of one resource of an institution in a year: how many it had and has, and why."""
        word, table = self.source.word, self.settings["resources"][resource]
        kind, unit = self.source.standing_at[code]["kind"], unit_of(resource)
        first = year == self.source.years[0]
        unknown = first and is_unknown(self.source, resource)
        stock = self.source.stock.get(resource)
        basis = stock["basis"] if stock and stock["number"] is not None else None
        assumed = stock is not None and is_assumed(stock) and not is_unknown(self.source, resource)
        whole = table.get("part_of")

        def is_on(rule: Mapping[str, Any]) -> bool:
            # (Who goes on rounds, or what is held back of what, has keys of other meanings.)
            if rule.get("rule") in ("posting", "rounds", "function", "contracts", "spending", "spending_share"):
                return False
            named = (rule.get(key) for key in _NAMED)
            is_named = any(resource == one or (isinstance(one, list | tuple) and resource in one) for one in named)
            return is_named and kind in (rule.get("kinds") or (kind,))

        return self._at(code) | {
            "year": year,
            "change": "staff_changes",
            "item": term(resource, self.source.language),
            "item_id": resource,
            "before": word("change.unknown") if unknown else self._counted(had, unit),
            "after": self._counted(has, unit),
            "difference": None if unknown else has - had,
            "concerned": self.serves.get((code, year)) or None,
            "once": joined * int(table.get("adding", 0)),
            "each_year_more": (has - had) * int(table.get("yearly", 0)),
            "paid_for": "staff",
            "clauses_on": self._clauses(year, is_on),
            "remark": self._joined(
                *parts,
                word("change.part_of", whole=term(whole, self.source.language)) if whole else None,
                word("change.nothing_known") if unknown else None,
                word("change.assumed_today") if assumed else None,
            ),
            "basis": basis,
        }

    def _postings(self) -> Iterator[dict[str, Any]]:
        """Yield where experts of a sender and specialty begin or cease to be posted, or are for other months."""
        prices = self.settings.get("postings") or {}
        months: Counter[tuple[str, str, str, int]] = Counter()
        cost: Counter[tuple[str, str, str, int]] = Counter()
        bases: dict[tuple[str, str, str], str | None] = {}
        for row in self.content.get("postings", ()):
            key = row["to"], row["from"], row.get("specialty") or "", row["year"]
            months[key] += row["tours"] * row["months"]
            cost[key] += row["tours"] * int(prices.get("handover", 0) + row["months"] * prices.get("monthly", 0))
            bases[key[:3]] = row.get("basis")
        # (Who is away when the plan begins is asked for only where its first year does not repeat.)
        listed = bool(self.source.district.get("tours")) and not prices.get("cyclic", True)
        word = self.source.word
        for to, sender, specialty in sorted(bases):
            kind = self.source.standing_at[to]["kind"]
            supporter = (self.settings.get("supporters") or {}).get(sender)
            sent_by = (supporter.get("sends_as"),) if supporter else ("district", "lead_hospital")

            def is_on(rule: Mapping[str, Any], kind: str = kind, sent_by: tuple[str | None, ...] = sent_by) -> bool:
                asks = rule.get("rule") == "posting" and kind in rule.get("to", ())
                return asks and rule.get("sent_by") in sent_by

            for year in self.source.years:
                now, then = (to, sender, specialty, year), (to, sender, specialty, self.before.get(year, 0))
                if months[now] == months[then] and cost[now] == cost[then]:
                    continue
                first = year == self.source.years[0]
                away = sum(
                    (one["hub"], one["hospital"], one["specialty"]) == (to, sender, specialty)
                    for one in self.source.district.get("tours", ())
                )
                said = word("change.away", number=away) if listed else word("change.unknown")
                said = said if first else self._counted(months[then], "post-months")
                if not first and not months[then]:
                    said = word("change.none")
                yield self._at(to) | {
                    "year": year,
                    "change": "posting_changes"
                    if months[then] and months[now]
                    else "posting_begins"
                    if months[now]
                    else "posting_ends",
                    "item": word(
                        "change.posting",
                        sender=sender_name(self.content, sender, self.source.language),
                        specialty=term(specialty, self.source.language),
                    ),
                    "item_id": specialty or None,
                    "other_id": sender,
                    "before": said,
                    "after": self._counted(months[now], "post-months") if months[now] else word("change.none"),
                    "difference": None if first else months[now] - months[then],
                    "concerned": self.serves.get((to, year)) or None,
                    "each_year_more": cost[now] - cost[then],
                    "paid_for": "postings",
                    "clauses_on": self._clauses(year, is_on),
                    "remark": word("change.nothing_known") if first and not listed else None,
                    "basis": bases[to, sender, specialty],
                }

    def _rounds(self) -> Iterator[dict[str, Any]]:
        """Yield which villages and towns get, lose or see others come on rounds, or a doctor posted there."""
        rows = {(row["way"], row["to"], row["year"]): row for row in self.content.get("rounds", ())}
        word = self.source.word
        places = self.source.places
        people: Counter[tuple[str, int]] = Counter()
        for row in self.content["places"]:
            people[row["id"], row["year"]] += row["people"]
        for row in self.content["ledger"]:
            if row["scope"] != DISTRICT:
                people[row["scope"], row["year"]] = row["people"]

        def said(row: Mapping[str, Any] | None) -> str:
            if row is None:
                return word("change.none")
            per = term(row["per"], self.source.language)
            return word("change.visited", by=self.source.site(row["by"]), times=row["times"], per=per)

        for way, stop in sorted({(way, stop) for way, stop, _ in rows}):
            is_place = stop in places
            town = places[stop]["town"] if is_place else stop
            to = "village" if is_place else "town"
            for year in self.source.years:
                now, then = rows.get((way, stop, year)), rows.get((way, stop, self.before.get(year, 0)))
                what = ("by", "times", "per")
                if [now and now[key] for key in what] == [then and then[key] for key in what]:
                    continue
                first = year == self.source.years[0]

                def is_on(rule: Mapping[str, Any], to: str = to, way: str = way, stop: str = stop) -> bool:
                    visits = rule.get("rule") == "rounds" and rule.get("to", "village") == to
                    visits = visits and (rule.get("where") != "listed" or stop in rule.get("listed", ()))
                    return visits or (rule.get("rule") == "reach" and way in (rule.get("or_by") or ()))

                yield {
                    "year": year,
                    "change": "rounds_change" if now and then else "rounds_begin" if now else "rounds_end",
                    "id": stop if is_place else None,
                    "name": places[stop]["name"] if is_place else self.source.towns[town],
                    "kind": places[stop]["kind"] if is_place else None,
                    "town": self.source.towns[town],
                    "town_id": town,
                    "item": way_name(self.content, way, self.source.language),
                    "item_id": way,
                    "before": word("change.unknown") if first else said(then),
                    "after": said(now),
                    "concerned": people[stop, year],
                    "clauses_on": self._clauses(year, is_on),
                    "remark": word("change.paid_together"),
                    "basis": (now or then or {}).get("basis"),
                    "other_id": (now or then or {}).get("by"),
                }

    def _contracts(self) -> Iterator[dict[str, Any]]:
        """Yield which care homes get a contract, get it with somebody else, or lose it."""
        prices = self.settings.get("contracts") or {}
        rows = {(row["home"], row["year"]): row for row in self.content.get("contracts", ())}
        homes = {home["id"]: home for home in self.source.district.get("care_homes", ())}
        word = self.source.word
        for code in sorted({home for home, _ in rows}):
            home = homes[code]
            for year in self.source.years:
                first = year == self.source.years[0]
                row = rows.get((code, year))
                earlier = rows.get((code, self.before.get(year, 0)))
                now = row["id"] if row else None
                then = (row["before"] if row else None) if first else (earlier["id"] if earlier else None)
                if row is None or now == then:
                    continue
                yield {
                    "year": year,
                    "change": "contract_changes" if now and then else "contract_begins" if now else "contract_ends",
                    "id": code,
                    "name": home["name"],
                    "town": self.source.towns[home["town"]],
                    "town_id": home["town"],
                    "before": self.source.site(then) or word(f"change.{'none_listed' if first else 'none'}"),
                    "after": self.source.site(now) or word("change.none"),
                    "once": 0,
                    "each_year_more": _contract_price(prices, row) * (bool(now) - bool(then)),
                    "paid_for": "contracts",
                    "clauses_on": self._clauses(year, lambda rule: rule.get("rule") == "contracts"),
                    "remark": self._counted(row["beds"], "beds"),
                    "basis": home["basis"],
                    "other_id": now or then,
                }

    def _rest(self, lines: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield, for every year and kind of cost, what the budget has more or less than all lines together.

        Visits are paid by the way that they take, to the second: that is known for all of them together only.
        """
        once: Counter[tuple[int, str]] = Counter()
        yearly: Counter[tuple[int, str]] = Counter()
        for line in lines:
            if line["paid_for"]:
                once[line["year"], line["paid_for"]] += line["once"] or 0
                yearly[line["year"], line["paid_for"]] += line["each_year_more"] or 0
        earlier = paid_today(self.source)
        for row in self.content["budget"]:
            year = row["year"]
            for kind, (first, each) in BUDGET.items():
                spent, running = row.get(first, 0), row.get(each, 0)
                capital, recurrent = spent - once[year, kind], running - earlier[kind] - yearly[year, kind]
                earlier[kind] = running
                if capital or recurrent:
                    yield {
                        "year": year,
                        "change": "rest",
                        "name": self.source.word("sheet.whole_district"),
                        "once": capital,
                        "each_year_more": recurrent,
                        "paid_for": kind,
                        "remark": self.source.word(f"change.rest_{'outreach' if kind == 'outreach' else 'other'}"),
                        "basis": row.get("basis"),
                    }


class _Comparison:
    """The lines that set today beside every plan year."""

    def __init__(self, source: Source, tables: Mapping[str, Sheet]) -> None:
        self.source = source
        self.tables = tables

    def lines(self) -> Iterator[dict[str, Any]]:
        first = (row for row in self.tables["towns"].records() if row["year"] == self.source.years[0])
        scopes = [row["town_id"] for row in first]
        makers = (self._people, self._sites, self._resources, self._functions)
        found: dict[Cell, list[dict[str, Any]]] = {scope: [] for scope in scopes}
        for make in makers:
            for line in make():
                found[line["town_id"]].append(line)
        return (line for scope in scopes for line in found[scope])

    def _line(
        self, scope: Cell, item: tuple[str, str], unit: str, today: Any, planned: list[Any], basis: str | None = None
    ) -> dict[str, Any]:
        last = planned[-1]
        more = None if today is None or last is None else last - today
        return {
            "town": self.source.scope(DISTRICT if scope is None else str(scope)),
            "town_id": scope,
            "item": item[0],
            "item_id": item[1],
            "unit": unit,
            "today_figure": today,
            **{f"figure_in_{year}": figure for year, figure in zip(self.source.years, planned, strict=True)},
            "figure_more": round(more, _DIGITS) if isinstance(more, float) else more,
            "today_basis": basis,
        }

    def _people(self) -> Iterator[dict[str, Any]]:
        """Yield residents, who is served and who lives within the circle; today's are those of the first year."""
        rows = {(row["town_id"], row["year"]): row for row in self.tables["towns"].records()}
        circle = self.source.content["settings"]["circle"]
        inside = {
            (row["town_id"], row["year"]): row
            for row in self.tables["coverage"].records()
            if row["preset"] == clean(circle)
        }
        first = self.source.years[0]
        measures: tuple[tuple[str, str, Any, str, str], ...] = (
            ("people", "persons", rows, "people", "people"),
            ("served", "persons", rows, "today_served", "served"),
            ("served_share", "ratio", rows, "today_share", "served_share"),
            ("covered", "persons", inside, "today_covered", "covered"),
            ("covered_share", "ratio", inside, "today_covered_share", "covered_share"),
        )
        for scope in dict.fromkeys(scope for scope, _ in rows):
            for name, unit, of, today, planned in measures:
                if (scope, first) not in of or not rows[scope, first]["people"]:
                    continue
                figures = [of[scope, year][planned] if (scope, year) in of else None for year in self.source.years]
                item = self.source.word(f"compared.{name}"), name
                yield self._line(scope, item, unit, of[scope, first][today], figures)

    def _scopes(self) -> tuple[str | None, ...]:
        return None, *(clean(town) for town in self.source.towns)

    def _sites(self) -> Iterator[dict[str, Any]]:
        """Yield how many sites of every kind stand; of a kind of which none is listed, today's are unknown."""
        sites = self.source.content["sites"]
        here = self.source.district["institutions"]
        kinds = [kind for kind in INSTITUTION_KINDS if any(site["kind"] == kind for site in (*sites, *here))]
        standing = {year: self.source.open_sites(year) for year in self.source.years}
        for scope in self._scopes():
            for kind in kinds:

                def number(found: Iterable[Mapping[str, Any]], scope: str | None = scope, kind: str = kind) -> int:
                    return sum(one["kind"] == kind and scope in (None, clean(one["town"])) for one in found)

                today = number(here) if is_listed(self.source, kind) else None
                bases = [
                    str(one["name_basis"])
                    for one in here
                    if one["kind"] == kind and scope in (None, clean(one["town"])) and one.get("name_basis")
                ]
                item = self.source.word(f"field.open_{kind}"), f"open_{kind}"
                basis = max(bases, key=BASES.index, default=None)
                yield self._line(scope, item, "sites", today, [number(standing[year]) for year in standing], basis)

    def _resources(self) -> Iterator[dict[str, Any]]:
        """Yield staff and beds for 1,000 people, and how many of all else, as the table of staff by town has them.

        What hospitals alone may have stands with the district: a town's figure would say where the hospital is.
        """
        if "staff_by_town" not in self.tables:
            return
        found: dict[tuple[Cell, Cell], dict[Cell, dict[str, Cell]]] = {}
        for row in self.tables["staff_by_town"].records():
            found.setdefault((row["town_id"], row["resource_id"]), {})[row["year"]] = row
        names = {clean(name): name for name in self.source.resources}
        for (scope, resource), by_year in found.items():
            first = by_year[self.source.years[0]]
            if not first["people"] or (scope is not None and not self._is_near(names[str(resource)])):
                continue
            unknown, unit = is_unknown(self.source, names[str(resource)]), unit_of(names[str(resource)])
            by_people = unit in ("persons", "beds")
            today, planned = ("today_per_1000", "per_1000") if by_people else ("today_number", "number")
            what = str(first["resource"])
            yield self._line(
                scope,
                (self.source.word("compared.per_1000", what=what) if by_people else what, str(resource)),
                "per_1000" if by_people else unit,
                None if unknown else first[today],
                [by_year[year][planned] for year in self.source.years],
                None if unknown else str(first["stock_basis"]),
            )

    def _is_near(self, resource: str) -> bool:
        """Tell whether others than hospitals may have a resource."""
        table = self.source.content["settings"]["resources"][resource]
        kinds = table.get("kinds") or self.source.content["settings"]["resources"][
            self.source.counted(resource)[0]
        ].get("at", ())
        return bool(_NEAR & set(kinds)) or not kinds

    def _functions(self) -> Iterator[dict[str, Any]]:
        """Yield how many open sites have each function; in towns only of those that hubs, stations or clinics may have.

        Where the district lists nobody that has a function, it is unknown who has it today.
        """
        content = self.source.content
        rows, at = content.get("functions", ()), self.source.standing_at
        told: dict[str, list[str]] = {}
        for row in self.source.district.get("functions", ()):
            told.setdefault(row["function"], []).append(str(row["basis"]))
        standing = {year: {site["id"] for site in self.source.open_sites(year)} for year in self.source.years}
        had = {row["function"] for row in rows}
        for scope in self._scopes():
            for function in functions_in_order(content):
                ability = ability_of(content, function)
                own = [
                    row for row in rows if row["function"] == function and scope in (None, clean(at[row["id"]]["town"]))
                ]
                in_towns = _NEAR & {*ability.get("at", ()), *ability.get("serves", ())}
                if function not in had or (scope is not None and not own and not in_towns):
                    continue
                today = (
                    sum(
                        row["function"] == function and scope in (None, clean(at[row["id"]]["town"]))
                        for row in had_today(self.source)
                    )
                    if function in told
                    else None
                )
                planned = [
                    sum(holds(row, year) and row["id"] in standing[year] for row in own) for year in self.source.years
                ]
                name = function_name(content, function, self.source.language)
                item = self.source.word("compared.having", what=name), function
                basis = max(told.get(function, ()), key=BASES.index, default=None)
                yield self._line(scope, item, "sites", today, planned, basis)
