"""Scenarios side by side: their tables, their page, and the lines that a terminal shows."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from allocate.answer import Answer
from allocate.report.blocks import Block, Bullets, Grid, Heading, Paragraph
from allocate.report.summary import percent, percent_up
from allocate.report.table import Field, Sheet, clean, make_sheet
from allocate.scenario_tables import BASE, TODAY, say_value
from allocate.words import Language, catalogue, say_in, speaking

Row = Mapping[str, Any]
UNKNOWN = "change.unknown"
# So many changes are said one after the other in the table of scenarios.
_FEW = 2
# The tables of an answer, in their order.
SCENARIO_SHEETS = ("scenarios", "scenario_changes", "scenario_clauses", "scenario_sites")


def sheets(answer: Answer, language: Language) -> list[Sheet]:
    """Return the tables: scenarios, what each changes, which clauses it misses or meets instead, which sites differ."""
    rows, years = answer.content["rows"], years_of(answer)
    by_year = [
        *(Field(f"coverage_share_{year}", "share", year=year, blank=UNKNOWN) for year in years),
        *(Field(f"people_served_{year}", "whole", year=year, blank=UNKNOWN) for year in years),
        *(Field(f"sites_open_{year}", "whole", year=year, blank=UNKNOWN) for year in years),
    ]
    table = make_sheet(
        "scenarios",
        [
            Field("scenario", "text"), Field("scenario_id", "id"), Field("worked_out", "code", "worked_out"),
            Field("changes_said", "text"), Field("clauses_met", "whole", blank=UNKNOWN),
            Field("clauses_missed", "whole", blank=UNKNOWN), Field("clauses_undecided", "whole", blank=UNKNOWN),
            *by_year,
            Field("scenario_cost", "yuan", blank=UNKNOWN), Field("cost_against", "yuan"),
            Field("first_goal", "code", "stage"), Field("goal_value", "measure"), Field("goal_bound", "measure"),
            Field("unit", "code", "unit"), Field("gap", "gap"),
            Field("against_low", "measure"), Field("against_high", "measure"), Field("against", "code", "apart"),
            Field("against_given", "code", "apart_given"), Field("basis", "code", "basis"), Field("source", "text"),
            Field("why_not", "text"),
        ],
        (_scenario(row, years, language) for row in rows),
    )  # fmt: skip
    changes = make_sheet(
        "scenario_changes",
        [
            Field("scenario", "text"), Field("scenario_id", "id"), Field("model_key", "id"),
            Field("in_base", "text"), Field("in_scenario", "text"), Field("basis", "code", "basis"),
            Field("source", "text"), Field("remark", "text"),
        ],
        (line for row in rows for line in _changes(row, language)),
    )  # fmt: skip
    clauses = make_sheet(
        "scenario_clauses",
        [
            Field("scenario", "text"), Field("scenario_id", "id"), Field("rule", "id"), Field("clause", "id"),
            Field("year", "year"), Field("strength", "code", "strength"), Field("in_base_status", "code", "clause"),
            Field("in_scenario_status", "code", "clause"), Field("target", "measure"),
            Field("scenario_value", "measure"), Field("unit", "code", "unit"),
        ],
        (_clause(names(rows, language)[name], name, was, line) for name, was, line in changed_clauses(rows)),
    )  # fmt: skip
    sites = make_sheet(
        "scenario_sites",
        [
            Field("scenario", "text"), Field("scenario_id", "id"), Field("id", "id"),
            Field("stands_where", "code", "stands_where"),
        ],
        (line for row in rows for line in _sites(row, language)),
    )  # fmt: skip
    return [table, changes, clauses, sites]


def years_of(answer: Answer) -> list[int]:
    """Return all plan years of the scenarios, earliest first."""
    return sorted({int(year) for row in answer.content["rows"] for year in row.get("people") or ()})


def name_of(row: Row, language: Language) -> str:
    """Return what a scenario is called."""
    if row["title"]:
        return clean(str(row["title"][language]))
    return say_in(language, f"scenarios.{row['name']}")


def names(rows: list[Row], language: Language) -> dict[str, str]:
    """Return what every scenario is called, by its name in the model."""
    return {row["name"]: name_of(row, language) for row in rows}


def changes_said(row: Row, language: Language) -> str:
    """Return what a scenario changes, key by key."""
    with speaking(language):
        parts = [
            say_in(
                language, "scenarios.from_to", key=one["key"], old=say_value(one["base"]), new=say_value(one["value"])
            )
            for one in row["changes"]
        ]
    return clean(say_in(language, "summary.semicolon").join(parts)) or say_in(language, "scenarios.nothing")


def _scenario(row: Row, years: list[int], language: Language) -> dict[str, Any]:
    against = row["against"] or {}

    def in_years(name: str) -> dict[int, Any]:
        by = row.get(name) or {}
        return {year: by.get(str(year)) for year in years}

    return {
        "scenario": name_of(row, language),
        "scenario_id": row["name"],
        "worked_out": row["status"],
        "changes_said": changes_said(row, language),
        "clauses_met": row["met"],
        "clauses_missed": row["missed"],
        "clauses_undecided": None if row["met"] is None else row["undecided"] + row["unknown"],
        **{f"coverage_share_{year}": value for year, value in in_years("coverage").items()},
        **{f"people_served_{year}": value for year, value in in_years("served").items()},
        **{f"sites_open_{year}": value for year, value in in_years("sites").items()},
        "scenario_cost": row.get("cost"),
        "cost_against": against.get("cost"),
        "first_goal": row.get("goal"),
        "goal_value": row.get("value"),
        "goal_bound": row.get("bound"),
        "unit": row.get("unit"),
        "gap": row.get("gap"),
        "against_low": against.get("low"),
        "against_high": against.get("high"),
        "against": against.get("verdict"),
        "against_given": against.get("given") or None,
        "basis": row["basis"],
        "source": row["source"],
        "why_not": row["reason"] or None,
    }


def _changes(row: Row, language: Language) -> Iterator[dict[str, Any]]:
    for one in row["changes"]:
        with speaking(language):
            values = {"in_base": say_value(one["base"]), "in_scenario": say_value(one["value"])}
        yield {
            "scenario": name_of(row, language),
            "scenario_id": row["name"],
            "model_key": one["key"],
            **values,
            "basis": row["basis"],
            "source": row["source"],
            "remark": row["note"],
        }


def _clause(name: str, code: str, was: Row | None, line: Row) -> dict[str, Any]:
    about = {key: line[key] for key in ("rule", "clause", "year", "strength", "target", "unit")}
    return {
        "scenario": name,
        "scenario_id": code,
        **about,
        "in_base_status": was["status"] if was else None,
        "in_scenario_status": line["status"],
        "scenario_value": line["value"],
    }


def changed_clauses(rows: Sequence[Row]) -> Iterator[tuple[str, Row | None, Row]]:
    """Yield every line of a clause whose status in a scenario is not that of the model as it is."""
    base = next(row for row in rows if row["name"] == BASE)
    before = {(line["rule"], line["year"]): line for line in base.get("clauses", ())}
    for row in rows:
        for line in row.get("clauses", ()) if row["name"] not in (BASE, TODAY) else ():
            was = before.get((line["rule"], line["year"]))
            if was is None or was["status"] != line["status"]:
                yield row["name"], was, line


def _sites(row: Row, language: Language) -> Iterator[dict[str, Any]]:
    for code, sites in (("only_base", "only_base"), ("only_here", "only_here")):
        for site in (row["against"] or {}).get(sites, ()):
            told = {"scenario": name_of(row, language), "scenario_id": row["name"]}
            yield {**told, "id": site, "stands_where": code}


def blocks(answer: Answer, language: Language) -> list[Block]:
    """Return the page: what is compared and how, what it comes to, what each changes, and which clauses change."""
    content = answer.content
    rows = content["rows"]

    def word(key: str, **values: object) -> str:
        return say_in(language, f"scenarios.{key}", **values)

    on_top = "; ".join(f"{key}={value}" for key, value in content["changes"].items())
    made: list[Block] = [
        Heading(word("heading", district=clean(content["district_name"][language]))),
        Paragraph(word("about", title=clean(content["title"][language]), as_of=content["as_of"])),
        *([Paragraph(word("on_top", changes=clean(on_top)), "note")] if on_top else []),
        *_overview(answer, language),
    ]
    failed = [row for row in rows if row["status"] in ("failed", "unknown")]
    made += [Paragraph(f"{name_of(row, language)}{word('colon')}{clean(row['reason'])}", "warning") for row in failed]
    made.append(Heading(word("changes"), 2))
    heads = ("scenario", "model_key", "in_base", "in_scenario", "basis", "source")
    lines = tuple(
        (
            name_of(row, language),
            *(clean(str(line[key])) for key in ("model_key", "in_base", "in_scenario")),
            say_in(language, f"basis.{line['basis']}"),
            clean(str(line["source"])),
        )
        for row in rows
        for line in _changes(row, language)
    )
    made.append(Grid(word("changes_caption"), _heads(heads, language), lines, (2, 3, 2, 2, 1, 4)))
    made.append(Heading(word("clauses"), 2))
    changed = tuple(
        (
            names(rows, language)[name],
            clean(line["rule"]),
            clean(line["clause"] or ""),
            "" if line["year"] is None else str(line["year"]),
            say_in(language, f"clause.{was['status']}") if was else "—",
            _status(line["status"], language),
        )
        for name, was, line in changed_clauses(rows)
    )
    if changed:
        heads = ("scenario", "rule", "clause", "year", "in_base_status", "in_scenario_status")
        made.append(Grid(word("clauses_caption"), _heads(heads, language), changed, (2, 3, 2, 1, 1, 1)))
    else:
        made.append(Paragraph(word("clauses_none")))
    made.append(Heading(word("reading"), 2))
    made.append(Bullets(tuple(word(f"reading_{part}") for part in ("today", "against", "given", "clauses", "assumed"))))
    return made


def _heads(heads: tuple[str, ...], language: Language) -> tuple[str, ...]:
    return tuple(say_in(language, f"field.{head}") for head in heads)


def _status(status: str, language: Language) -> str:
    key = f"clause.{status}"
    return say_in(language, key if key in catalogue() else UNKNOWN)


def _overview(answer: Answer, language: Language) -> Iterator[Block]:
    """Yield the table of scenarios as people read it."""
    rows, years = answer.content["rows"], years_of(answer)
    last, ends = years[-1:], sorted({*years[:1], *years[-1:]})
    heads = (
        *_heads(("scenario", "changes_said", "clauses_met", "clauses_missed", "clauses_undecided"), language),
        *(say_in(language, "field.coverage_share", year=year, what="") for year in ends),
        *(say_in(language, "field.sites_open", year=year, what="") for year in last),
        *(say_in(language, f"scenarios.{head}") for head in ("cost_millions", "against", "gap")),
    )
    lines = tuple(_line(row, ends, last, language) for row in rows)
    places = range(2, len(heads))
    widths = (2.0, 4.0, 1.0, 1.0, 1.0, *(1.2 for _ in ends), *(1.0 for _ in last), 1.4, 3.0, 1.0)
    note = say_in(language, "scenarios.overview_note")
    yield Grid(
        say_in(language, "scenarios.overview"), heads, lines, widths,
        frozenset(n for n in places if n != len(heads) - 2), note=note,
    )  # fmt: skip


def _line(row: Row, years: list[int], last: list[int], language: Language) -> tuple[str, ...]:
    unknown = say_in(language, UNKNOWN) if row["status"] != "failed" else "—"

    def figure(number: Any) -> str:
        return unknown if number is None else f"{number:,}"

    coverage = row.get("coverage") or {}
    return (
        name_of(row, language),
        # (A long list would burst the table; it stands in the next one, key by key.)
        changes_said(row, language)
        if len(row["changes"]) <= _FEW
        else say_in(language, "scenarios.many", count=len(row["changes"])),
        figure(row["met"]),
        figure(row["missed"]),
        figure(None if row["met"] is None else row["undecided"] + row["unknown"]),
        *(unknown if str(year) not in coverage else f"{_covered(row, str(year))} %" for year in years),
        *(figure((row.get("sites") or {}).get(str(year))) for year in last),
        unknown if row.get("cost") is None else f"{row['cost'] / 1e6:,.2f}",
        against_said(row, language),
        f"{percent_up(row['gap'])} %" if row.get("gap") is not None else "—",
    )


def _covered(row: Row, year: str) -> str:
    return percent(row["served"][year], row["people"][year])


def against_said(row: Row, language: Language) -> str:
    """Say how the first goal of a scenario differs from that of the model as it is, and whether that is proven."""
    against = row["against"]
    if against is None:
        return "—"
    if against["low"] is None:
        return say_in(language, "scenarios.other_goal")
    is_money = row["unit"] == "yuan"
    scale = 1e6 if is_money else 1
    unit = say_in(language, "scenarios.millions") if is_money else say_in(language, f"unit.{row['unit']}")
    told = {"low": f"{against['low'] / scale:+,.2f}", "high": f"{against['high'] / scale:+,.2f}", "unit": unit}
    text = say_in(language, f"scenarios.against_{against['verdict']}", **told)
    given = against["given"]
    return text + (say_in(language, f"scenarios.given_{given}") if given else "")


def lines(answer: Answer, language: Language) -> Iterator[str]:
    """Yield a line per scenario for a terminal."""
    years = years_of(answer)
    for row in answer.content["rows"]:
        name = f"{name_of(row, language)} ({row['name']})"
        if row["status"] in ("failed", "unknown"):
            key = "line_failed" if row["status"] == "failed" else "line_unknown"
            yield say_in(language, f"scenarios.{key}", name=name, reason=clean(row["reason"]))
            continue
        told = [year for year in years if str(year) in row["coverage"]][-1]
        yield say_in(
            language,
            "scenarios.line",
            name=name,
            met=row["met"] or 0,
            missed=row["missed"] or 0,
            undecided=(row["undecided"] or 0) + (row["unknown"] or 0),
            year=told,
            share=_covered(row, str(told)),
            sites=row["sites"][str(told)],
            cost=f"{row['cost'] / 1e6:,.2f}",
        )
        if row["changes"]:
            yield say_in(language, "scenarios.line_changes", changes=changes_said(row, language))
        if row["against"]:
            yield say_in(language, "scenarios.line_against", against=against_said(row, language))
