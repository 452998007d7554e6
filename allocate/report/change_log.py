"""What a plan changes, line by line and year by year, and what of the budget no line has."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

from allocate.report.belonging import price
from allocate.report.change_lines import Line, Log, contract_price
from allocate.report.changed_people import contracts, postings, rounds, staff
from allocate.report.changed_sites import consortia, functions, members, sites
from allocate.report.known_today import had_today
from allocate.report.table import Field, Sheet, Source, make_sheet
from allocate.tables import INSTITUTION_KINDS

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
_MAKERS: tuple[Callable[[Log], Iterator[Line]], ...] = (
    sites, consortia, members, functions, staff, postings, rounds, contracts,
)  # fmt: skip
_LINE: Line = dict.fromkeys(
    (
        *("id", "other_id", "item_id", "town_id", "name", "kind", "town", "item", "before", "after", "difference"),
        *("concerned", "once", "each_year_more", "paid_for", "clauses_on", "remark", "basis"),
    )
)


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
    return make_sheet("change_log", fields, _lines(Log(source)))


def paid_today(source: Source) -> dict[Paid, int]:
    """Return what today's sites, staff, functions and contracts cost in a calendar year: no line has it [yuan]."""
    content, settings = source.content, source.content["settings"]
    siting, prices = settings["siting"], settings.get("contracts") or {}
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
        "contracts": sum(contract_price(prices, row) for row in signed),
    }


def _yearly(resources: Mapping[str, Any], name: str) -> int:
    return int((resources.get(name) or {}).get("yearly", 0))


def _lines(log: Log) -> list[Line]:
    """Return all lines in order, and for every year and kind of cost what none of them has."""
    found = [_LINE | line for make in _MAKERS for line in make(log)]
    found += [_LINE | line for line in _rest(log, found)]
    return sorted(found, key=_order)


def _order(line: Line) -> tuple[Any, ...]:
    kind = line["kind"]
    rank = INSTITUTION_KINDS.index(kind) if kind in INSTITUTION_KINDS else len(INSTITUTION_KINDS)
    return (
        line["year"], line["town_id"] or "", rank, line["id"] or "", CHANGES.index(line["change"]),
        line["item_id"] or "", line["other_id"] or "",
    )  # fmt: skip


def _rest(log: Log, lines: Iterable[Line]) -> Iterator[Line]:
    """Yield, for every year and kind of cost, what the budget has more or less than all lines together.

    Visits are paid by the way that they take, to the second: that is known for all of them together only.
    """
    once: Counter[tuple[int, str]] = Counter()
    yearly: Counter[tuple[int, str]] = Counter()
    for line in lines:
        if line["paid_for"]:
            once[line["year"], line["paid_for"]] += line["once"] or 0
            yearly[line["year"], line["paid_for"]] += line["each_year_more"] or 0
    earlier = paid_today(log.source)
    for row in log.content["budget"]:
        year = row["year"]
        for kind, (first, each) in BUDGET.items():
            spent, running = row.get(first, 0), row.get(each, 0)
            capital, recurrent = spent - once[year, kind], running - earlier[kind] - yearly[year, kind]
            earlier[kind] = running
            if capital or recurrent:
                yield {
                    "year": year,
                    "change": "rest",
                    "name": log.source.word("sheet.whole_district"),
                    "once": capital,
                    "each_year_more": recurrent,
                    "paid_for": kind,
                    "remark": log.source.word(f"change.rest_{'outreach' if kind == 'outreach' else 'other'}"),
                    "basis": row.get("basis"),
                }
