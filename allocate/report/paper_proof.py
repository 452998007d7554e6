"""The parts of the recommendation on money, on clauses that are missed, on how sure the plan is, and on its risks."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from allocate.report.clauses import indicator_of
from allocate.report.drafting import Draft, Record, whole
from allocate.report.known_today import unlisted
from allocate.report.paper_siting import ANSWERED, asked_of, named, stands_in, target_of
from allocate.report.sheets import why_status
from allocate.report.summary import assumed_stock, say_grounds
from allocate.units import SOFT
from allocate.words import catalogue

# What is paid once, and what in each calendar year, in the order in which a planner reads them.
_ONCE = ("opening", "adding", "functions", "consortia", "capital")
_YEARLY = ("yearly", "pay", "standing_pay", "postings", "outreach", "functions_yearly", "consortia_yearly")
_SUMS = ("capital", "recurrent", "total")


def write_money(draft: Draft) -> None:
    """Write what the plan costs by year and kind, and what the prices rest on."""
    draft.heading("paper.money_head")
    records = list(draft.tables["budget"].records())
    total = sum(whole(record["total"]) for record in records)
    last = records[-1]
    basis = draft.word(f"basis.{draft.content['budget'][0]['basis']}")
    standing = standing_of(records)
    draft.say(
        "paper.money_all",
        first=draft.first,
        last=draft.last,
        total=draft.money(total),
        basis=basis,
        standing=draft.word("paper.asks_standing", new=draft.money(total - standing)) if standing else "",
    )
    if "recurrent" in last:
        draft.say(
            "paper.money_parts",
            capital=draft.money(sum(whole(record["capital"]) for record in records)),
            first=draft.first,
            low=draft.money(whole(records[0]["recurrent"])),
            last=draft.last,
            high=draft.money(whole(last["recurrent"])),
        )
        yearly = whole(last.get("standing_pay"))
        if yearly:
            draft.say("paper.money_standing", last=draft.last, standing=draft.money(yearly))
    draft.say("paper.money_rest")
    _budget(draft, records, total)
    _prices(draft)


def _budget(draft: Draft, records: list[dict[str, Any]], total: int) -> None:
    """Write the budget year by year: what is paid once, what in each calendar year, and all years together [yuan]."""
    fields = {field.name: field for field in draft.tables["budget"].fields}
    names = [name for name in (*_ONCE, *_YEARLY, "contracts_yearly", "recurrent", "total") if name in fields]
    rows = [
        [
            draft.word(f"paper.budget_{name}"),
            *(draft.in_tables(whole(record[name])) for record in records),
            draft.in_tables(total) if name == "total" else _over_years(draft, name, records),
        ]
        for name in names
    ]
    rows.insert(0, [draft.word("field.calendar_years"), *(str(record["calendar_years"]) for record in records), ""])
    draft.grid(
        "paper.table_budget",
        [draft.word("paper.item"), *map(str, draft.years), draft.word("paper.all_years")],
        rows,
        numbers=range(1, len(draft.years) + 2),
        strong=[at for at, name in enumerate(names, start=1) if name in _SUMS],
        widths=(24, *([12] * len(draft.years)), 14),
        note=draft.word("paper.budget_note"),
        unit=draft.word("paper.money_unit"),
    )


def _prices(draft: Draft) -> None:
    """Write what sites, staff and beds cost, and who says so."""
    settings = draft.content["settings"]

    def line(what: str, table: Mapping[str, Any], once: str) -> list[str]:
        return [
            what,
            f"{table.get(once, 0):,}",
            f"{table.get('yearly', 0):,}",
            draft.word(f"basis.{table['basis']}"),
            draft.of_source(table["source"]),
        ]

    draft.grid(
        "paper.table_prices",
        [draft.word(f"paper.{head}") for head in ("price_of", "price_once", "price_yearly", "price_basis", "source")],
        [
            *(line(draft.word(f"kind.{kind}"), table, "opening") for kind, table in settings["siting"].items()),
            *(
                line(draft.source.term(name), table, "adding")
                for name, table in ((name, settings["resources"][name]) for name in draft.source.resources)
                if table.get("adding") or table.get("yearly")
            ),
        ],
        numbers=(1, 2),
        widths=(14, 11, 11, 7, 36),
    )


def standing_of(records: Iterable[Record]) -> int:
    """Return what staff and beds of today cost over all calendar years [yuan]: it is paid whatever is decided."""
    return sum(whole(record.get("standing_pay")) * whole(record["calendar_years"]) for record in records)


def _over_years(draft: Draft, name: str, records: list[dict[str, Any]]) -> str:
    """Return what is paid once over all years; of what is paid every year, every calendar year counts."""
    once = name in _ONCE
    return draft.in_tables(sum(record[name] * (1 if once else record["calendar_years"]) for record in records))


def write_missed(draft: Draft) -> None:
    """Write which clauses are missed, by how much and why; and which are neither met nor missed."""
    draft.heading("paper.missed")
    rows = draft.content["scorecard"]
    missed = [row for row in rows if row["status"] == "missed"]
    answered = sum(row["status"] in ANSWERED for row in rows)
    if missed:
        draft.say("paper.missed_some", "warning", count=answered, missed=len(missed))
        draft.grid(
            "paper.table_missed",
            [draft.word(f"paper.{head}") for head in ("clause", "asked", "year_of", "target", "reached", "short")],
            [
                [
                    stands_in(draft, row),
                    asked_of(draft, row),
                    str(row["year"] or ""),
                    target_of(draft, row),
                    draft.amount(row["value"], row["unit"], row["target"]),
                    draft.amount(row["shortfall"], row["shortfall_unit"]),
                ]
                for row in missed
            ],
            widths=(10, 30, 6, 11, 11, 11),
        )
        draft.say("paper.missed_why")
        draft.points(_reasons(draft, missed))
        draft.say("paper.missed_cure")
    else:
        draft.say("paper.missed_none", count=answered)
    others: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        if row["status"] not in ANSWERED:
            why = why_status(row, draft.language) or ""
            others.setdefault((row["status"], why), set()).add(named(draft, row))
    if others:
        draft.say("paper.missed_others", count=len(set().union(*others.values())))
        draft.grid(
            "paper.table_others",
            [draft.word(f"paper.{head}") for head in ("status_of", "why", "clauses")],
            [
                [draft.word(f"clause.{status}"), why, draft.listed(sorted(names))]
                for (status, why), names in sorted(others.items())
            ],
            widths=(10, 34, 30),
        )


def _reasons(draft: Draft, missed: list[Mapping[str, Any]]) -> Iterator[str]:
    """Yield what each missed clause lacks, where, and what its figures rest on."""
    for row in missed:
        where = draft.listed(
            draft.word("paper.cause", name=cause["name"], short=f"{cause['shortfall']:,}") for cause in row["causes"]
        )
        yield draft.word(
            "paper.missed_one",
            clause=named(draft, row),
            year=row["year"],
            indicator=indicator_of(row),
            short=draft.amount(row["shortfall"], row["shortfall_unit"]),
            where=draft.word("paper.missed_where", text=where) if where else "",
            rests=draft.word("paper.missed_rests", text=grounds)
            if (grounds := say_grounds(row, draft.language))
            else "",
        )


def write_proof(draft: Draft) -> None:
    """Write how far the plan may be from the best, how much it would differ in other districts, and how fair it is."""
    draft.heading("paper.proof")
    draft.heading("paper.proof_gaps", 2)
    draft.write(draft.topic("proof"))
    draft.sheet("paper.table_proof", "proof", ("stage", "stage_value", "bound", "gap", "unit"))
    if draft.content.get("nesting"):
        draft.sheet(
            "paper.table_nesting",
            "nesting",
            ("year", "sited", "sited_alone", "stage_value", "value_alone", "gap_alone", "nesting_most"),
            note=draft.word("paper.nesting_means") if draft.content["nesting"][0]["goal"] == "cost" else "",
        )
    draft.heading("paper.proof_draws", 2)
    draft.write(draft.topic("draws"))
    draft.heading("paper.proof_times", 2)
    draft.write(draft.topic("times"))
    draft.write(draft.topic("calibration") or draft.word("paper.not_calibrated"))
    if draft.tables["fairness"].rows:
        draft.heading("paper.proof_fairness", 2)
        draft.sheet(
            "paper.table_fairness",
            "fairness",
            (
                *("year", "worst_town", "worst_town_share", "worst_tenth_unserved", "worst_tenth_minutes"),
                *("gini_minutes", "share_65", "share_all", "basis"),
            ),
        )
    draft.heading("paper.proof_checked", 2)
    draft.say("paper.checked")


def write_risks(draft: Draft) -> None:
    """Write what the plan assumes, what its figures rest on, and what is odd in the data."""
    draft.heading("paper.risks")
    draft.write(draft.topic("basis"))
    assumed = assumed_stock(draft.content, draft.source.resources)
    if assumed:
        draft.say("paper.staff_assumed", "warning", names=draft.source.terms(assumed))
    draft.points(_risks(draft))
    draft.sheet("paper.table_assumptions", "assumptions", ("of", "basis", "cells"))
    if draft.tables["problems"].rows:
        draft.say("paper.problems")
        draft.sheet("paper.table_problems", "problems", ("file", "row", "column", "found", "advice"), most=60)


def _risks(draft: Draft) -> Iterator[str]:
    """Yield what may turn out otherwise, of what this plan rests on."""
    content = draft.content
    documents = (content["settings"].get("documents") or {}).values()
    if any(one["document"]["status"] == "draft" for one in documents):
        yield draft.word("paper.risk_drafts")
    if draft.by_year[draft.last]["people_basis"] in SOFT:
        yield draft.word("paper.risk_people", last=draft.last)
    if not content.get("today") or unlisted(draft.source):
        yield draft.word("paper.risk_today")
    if content["budget"][0]["basis"] in SOFT:
        yield draft.word("paper.risk_prices")
    if content["outcome"] != "optimal":
        yield draft.word("paper.risk_gap")
    if "paper.risk_map" in catalogue() and not content.get("map_approval_number"):
        yield draft.word("paper.risk_map")
