"""One ledger: what stands in every file of a plan, read back by other means, is what plan.json says."""

import copy
import csv
import io
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas
import pytest
from belonging import with_belonging
from python_calamine import CalamineWorkbook
from sending import with_sending

from allocate.draw.pack import unpack_content
from allocate.names import PLAN_FILE
from allocate.outputs import (
    CALENDARS,
    CARDS,
    EXPORTS,
    FILES,
    FRONT_FILE,
    LOG_FILE,
    PICTURES,
    REPORT_FILE,
    SITES_FILE,
    TIMETABLE_FILE,
    export,
    write_plan,
)
from allocate.plans import Plan
from allocate.report.comma import sites_csv
from allocate.words import LANGUAGES, Language, say_in, speaking

# A figure, after what it is about: people by scope, year and status, yuan by site and by year.
Line = tuple[tuple[Any, ...], Any]
Row = Mapping[str, Any]
Content = dict[str, Any]

PARTS = ("served", "no_capacity", "rounds", "posted", "out_of_range")
MONEY = ("opening", "yearly", "total")
# Beside them, where a plan decides postings and rounds.
SENDING_MONEY = ("postings", "outreach", "capital", "recurrent")
# And where it decides consortia and functions.
BELONGING_MONEY = ("functions", "functions_yearly", "consortia", "consortia_yearly")
# The plan years of the small district.
YEARS = (2025, 2027)
MONTHS = tuple(f"month_{month}" for month in range(1, 13))
DAYS = ("mon", "tue", "wed", "thu", "fri")
FORMS = ("html", "xlsx", "gpkg", "csv", "geojson")
TEXTS = {
    *("id", "town_id", "status", "served_by", "preset", "hub_id", "sender_id", "way_id", "base_id", "rule"),
    *("lead_id", "function_id", "centre_id", "resource_id"),
    *("change", "paid_for", "item_id", "today_figure"),
    *(*MONTHS, *DAYS),
}
# Columns of codes, which tables with headings in words say in words too.
CODES = ("status", "change", "paid_for")
# The columns by which a table is read back where columns have headings in words.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "years": ("year", "people", *PARTS, *MONEY),
    "towns": ("year", "town_id", "people", *PARTS),
    "ages": ("year", "town_id", "people", *PARTS),
    "places": ("year", "id", "town_id", "residents", "status", "part", "served_by"),
    "sites": ("id", "cost"),
    "budget": ("year", *MONEY),
    "coverage": ("year", "preset", "town_id", "covered"),
    "worth": ("id", "cost_more", "spots_tried"),
    "change_log": ("year", "change", "id", "concerned", "once", "each_year_more", "paid_for"),
    "today_and_planned": ("item_id", "town_id", "today_figure"),
}
# Beside them, columns of every year.
YEARLY: Mapping[str, tuple[str, ...]] = {
    "sites": ("serves",), "worth": ("nearest_to", "fewer_served"), "today_and_planned": ("figure_in",),
}  # fmt: skip
# What is paid for, and where the budget has it: once, and in each year.
PAID: Mapping[str, tuple[str, str]] = {
    "sites": ("opening", "yearly"), "functions": ("functions", "functions_yearly"),
    "consortia": ("consortia", "consortia_yearly"), "postings": ("", "postings"), "outreach": ("", "outreach"),
}  # fmt: skip
SENDING: Mapping[str, tuple[str, ...]] = {
    "care": ("year", "id", "people", "next_cost"),
    "postings_by_hub": ("year", "hub_id", "sender_id", "month_count"),
    "postings_by_hospital": ("year", "hub_id", "sender_id", "month_count"),
    "roster": ("year", "hub_id", *MONTHS),
    "fits": ("year", "hub_id", "month_count"),
    "rounds": ("year", "way_id", "base_id", "id", "town_id", "people", "times", "one_way"),
    "timetable": ("year", "way_id", "base_id", "team"),
    "timetable_by_team": ("year", "way_id", "base_id", "team", *DAYS),
    "readings": ("year", "rule", "villages", "visited", "teams_needed"),
}
BELONGING: Mapping[str, tuple[str, ...]] = {
    "consortia": ("year", "lead_id", "members", "people", "once", "each_year"),
    "members": ("year", "id", "lead_id", "people", "to_lead"),
    "centres": ("year", "function_id", "id", "linked"),
    "functions": ("function_id", "id", "centre_id", "since", "last_year", "once", "each_year"),
    "function_matrix": ("id", "functions_had"),
    "function_shares": ("year", "function_id", "having"),
    "reserves": ("year", "id", "resource_id", "whole_number", "held_back"),
}
LAYERS = ("towns", "places", "sites", "links")
# What each table says something about; a layer of towns has no line for the district.
HOLDS: Mapping[str, set[str]] = {
    "years": {"district", "money"},
    "towns": {"district", "town"},
    "ages": {"district", "town"},
    "towns drawn": {"town"},
    "places": {"district", "town", "place", "residents", "site"},
    "links": {"site"},
    "sites": {"site", "cost", "cost in all"},
    "budget": {"money"},
    "coverage": {"within", "within a town"},
    "care": {"cared for", "next best"},
    "postings_by_hub": {"posted months"},
    "postings_by_hospital": {"posted months"},
    # (From outside the district there is no line.)
    "postings": {"posted months"},
    "roster": {"months there"},
    "fits": {"months that fit"},
    "rounds": {"visits", "visited", "minutes"},
    "timetable": {"half-days"},
    "timetable_by_team": {"half-days"},
    "readings": {"villages", "visited villages", "teams needed"},
    "consortia": {"led", "led people", "once for consortia", "yearly for consortia"},
    "members": {"led", "led people", "to lead"},
    "centres": {"linked"},
    "functions": {"has", "linked", "once for functions", "yearly for functions"},
    "centre_links": {"linked"},
    "function_matrix": {"has at the end"},
    "function_shares": {"has"},
    "reserves": {"there", "held back"},
    "worth": {"nearest", "fewer without", "cost without", "tried"},
    "change_log": {"newly open", "closing", "paid once", "paid more"},
    "today_and_planned": {"planned", "today", "planned within", "today within", "standing", "standing today", "has"},
    "page": {"district", "town", "place", "residents", "site", "cost", "cost in all", "within"},
    "page of postings": {"posted months", "months there"},
    "page of rounds": {"visits", "minutes", "half-days", "next best"},
    "page of money": {"money"},
    "page of today": {"today by status", "today in all"},
    "page of worth": {"nearest", "fewer without", "cost without", "tried", "served at the end", "cost elsewhere"},
}
# Files that tests of their own read back: what each of them holds, and where that is seen.
ELSEWHERE: Mapping[str, str] = {
    PLAN_FILE: "test_ledger", LOG_FILE: "test_outputs", FRONT_FILE: "test_front", CALENDARS: "test_calendars",
    TIMETABLE_FILE: "test_timetable_page", PICTURES: "test_picture", REPORT_FILE: "test_ledger_of_documents",
    "report.pdf": "test_ledger_of_documents", CARDS: "test_ledger_of_cards",
}  # fmt: skip


@dataclass(frozen=True)
class Files:
    """All files of one plan, as far as they have a language in that one."""

    content: Content
    folder: Path
    language: Language


def write_all(content: Content, folder: Path, language: Language) -> Files:
    """Write a plan's folder and the exports of tables into it."""
    with speaking(language):
        write_plan(Plan(content), folder)
    for form in ("csv", "geojson"):
        export(content, form, folder / form, language)
    return Files(content, folder, language)


def write_tables(content: Content, folder: Path, language: Language) -> Files:
    """Write only what `READERS` read: a plan's folder has pictures and documents besides, which take longer."""
    for form in ("html", "xlsx", "gpkg", "csv", "geojson"):
        export(content, form, folder / EXPORTS[form], language)
    (folder / SITES_FILE).write_text(sites_csv(content), encoding="utf-8-sig", newline="")
    return Files(content, folder, language)


def expected(content: Content) -> dict[tuple[Any, ...], int]:
    """Return every figure that files share, from plan.json alone."""
    found: Counter[tuple[Any, ...]] = Counter()
    for row in content["ledger"]:
        scope = ("district",) if row["scope"] == "district" else ("town", row["scope"])
        found.update({(*scope, row["year"], part): row[part] for part in ("people", *PARTS)})
    for row in content["places"]:
        found["place", row["id"], row["year"], row["status"]] += row["people"]
    for year in content["years"]:
        found.update(
            {("residents", place["id"], year): place["people"] for place in content["district_data"]["places"]}
        )
        for site in content["sites"]:
            found["site", site["id"], year] += site["people"].get(str(year), 0)
    for site in content["sites"]:
        found["cost", site["id"]] += site["cost"]
        found["cost in all",] += site["cost"]
    for row in content["budget"]:
        found.update({("money", row["year"], name): row[name] for name in money_of(content)})
    for row in content["coverage"]:
        found[within(row["preset"], row["scope"], row["year"])] += row["covered"]
    if content.get("roster"):
        found.update(sending(content))
    found.update(belonging(content))
    found.update(beside_today(content))
    found.update(worth(content))
    found.update(changes(content))
    return dict(found)


def beside_today(content: Content) -> Counter[tuple[Any, ...]]:
    """Return who is served and where sites stand, today and in every year, from plan.json alone."""
    found: Counter[tuple[Any, ...]] = Counter()
    for row in content["ledger"]:
        found.update({("planned", part, row["scope"], row["year"]): row[part] for part in ("people", "served")})
    for row in content["today"]:
        found.update({("today", part, row["scope"]): row[part] for part in ("people", "served")})
        for status in PARTS:
            found["today by status", row["scope"], status] += row[status]
            found["today in all", row["scope"], status] += row[status]
    for row in content["coverage"]:
        if row["preset"] == content["settings"]["circle"]:
            found["planned within", row["scope"], row["year"]] += row["covered"]
            if row["year"] == content["years"][0]:
                found["today within", row["scope"]] += row["today"]["covered"]
    for one in content["district_data"]["institutions"]:
        for scope in ("district", one["town"]):
            found["standing today", scope, one["kind"]] += 1
    for year in content["years"]:
        for one in by_id([site for site in content["sites"] if str(year) in site["people"]]):
            for scope in ("district", one["town"]):
                found["standing", scope, year, one["kind"]] += 1
    return found


def worth(content: Content) -> Counter[tuple[Any, ...]]:
    """Return what every decided site is worth, from plan.json alone."""
    found: Counter[tuple[Any, ...]] = Counter()
    for row in content["worth"]:
        code, dropped = row["id"], row["dropped"]
        found.update({("nearest", code, int(year)): people for year, people in row["nearest"].items()})
        found.update({("fewer without", code, int(year)): people for year, people in dropped["unserved"].items()})
        found.update({("cost without", code): dropped["cost"], ("tried", code): row["tried"]})
        found["cost elsewhere", code] += sum(other["cost"] for other in row["others"])
        people: Counter[int] = Counter()
        for place in content["places"]:
            people[place["year"]] += place["people"] if place["served_by"] == code else 0
        found["served at the end", code] += people[max(year for year in people if people[year])]
    return found


def changes(content: Content) -> Counter[tuple[Any, ...]]:
    """Return who is served where sites open, where they close, and what the budget has more, from plan.json alone."""
    found: Counter[tuple[Any, ...]] = Counter()
    for site in content["sites"]:
        if site["action"] == "open":
            found["newly open", site["year"], site["id"]] += site["people"].get(str(site["year"]), 0)
        found["closing", site["year"], site["id"]] += site["action"] == "close"
    for before, row in zip((None, *content["budget"]), content["budget"], strict=False):
        for what, (once, each) in PAID.items():
            found["paid once", row["year"], what] += row.get(once, 0)
            # (What is paid today stands in no line of the budget.)
            if before is not None:
                found["paid more", row["year"], what] += row.get(each, 0) - before.get(each, 0)
    return found


def belonging(content: Content) -> Counter[tuple[Any, ...]]:
    """Return every figure of consortia, functions and reserves, from plan.json alone; their money from the budget."""
    found: Counter[tuple[Any, ...]] = Counter()
    for row in content.get("consortia", ()):
        if row["id"] != row["lead"]:
            found["led", row["year"], row["lead"]] += 1
            found["led people", row["year"], row["lead"]] += row["people"]
            found["to lead", row["year"], row["id"]] += row["minutes"]
    kinds = {site["id"]: site["kind"] for site in content["sites"]}
    for row in content.get("functions", ()):
        for year in YEARS:
            if (row["since"] or 0) <= year <= (row["until"] or 9999):
                found["has", year, row["function"]] += 1
                found["linked", year, row["function"], row["centre"]] += 1 if row["centre"] else 0
                if year == YEARS[-1] and kinds[row["id"]] not in ("clinic", "station"):
                    found["has at the end", row["id"]] += 1
    for row in content.get("reserves", ()):
        key = row["year"], row["id"], row["resource"]
        found.update({("there", *key): row["number"], ("held back", *key): row["reserved"]})
    for row in content["budget"] if content.get("functions") else ():
        for what in ("functions", "consortia"):
            found[f"once for {what}", row["year"]] += row[what]
            found[f"yearly for {what}", row["year"]] += row[f"{what}_yearly"]
    return found


def money_of(content: Row) -> tuple[str, ...]:
    belonging = BELONGING_MONEY if content.get("functions") else ()
    return (*MONEY, *SENDING_MONEY, *belonging) if content.get("roster") else MONEY


def sending(content: Content) -> Counter[tuple[Any, ...]]:
    """Return every figure of postings and rounds, from plan.json alone."""
    found: Counter[tuple[Any, ...]] = Counter()
    people: Counter[tuple[Any, ...]] = Counter()
    for row in (*content["places"], *content["ledger"]):
        people[row.get("id") or row["scope"], row["year"]] += row["people"]
    for row in content["postings"]:
        found["posted months", row["year"], row["from"], row["to"]] += row["months"] * row["tours"]
    for row in content["roster"]:
        found["posted months", row["year"], row["from"], row["to"]] += row["months"] if row["carried"] else 0
        found["months there", row["year"], row["to"]] += row["months"]
    for row in content["rounds"]:
        key = row["year"], row["way"], row["by"], row["to"]
        found["visits", *key] += row["times"]
        found["visited", *key] += people[row["to"], row["year"]]
        found["minutes", *key] += row["minutes"]
    for row in content["timetable"]:
        found["half-days", row["year"], row["way"], row["by"], row["team"]] += 1
    for row in content["care"]:
        found["cared for", row["id"], row["year"]] += people[row["id"], row["year"]]
        found["next best", row["id"], row["year"]] += row["next_cost"] or 0
    for row in content["readings"]:
        key = row["year"], row["rule"]
        found.update({("villages", *key): row["villages"], ("visited villages", *key): row["visited"]})
        found["teams needed", *key] += row["teams_needed"]
    for row in content["fits"]:
        found["months that fit", row["year"], row["hub"]] += row["months"]
    return found


def within(preset: str, scope: str, year: int) -> tuple[Any, ...]:
    return ("within", preset, year) if scope == "district" else ("within a town", preset, scope, year)


def of_ledger(row: Row) -> Iterator[Line]:
    scope = ("town", row["town_id"]) if row.get("town_id") else ("district",)
    yield from (((*scope, row["year"], part), row[part]) for part in ("people", *PARTS))


def of_money(row: Row) -> Iterator[Line]:
    yield from (
        (("money", row["year"], name), row[name]) for name in (*MONEY, *SENDING_MONEY, *BELONGING_MONEY) if name in row
    )


def of_posting(row: Row) -> Iterator[Line]:
    # (A hub where nobody is has a line that says so.)
    if row["sender_id"]:
        yield ("posted months", row["year"], row["sender_id"], row["hub_id"]), row["month_count"]


def of_roster(row: Row) -> Iterator[Line]:
    yield ("months there", row["year"], row["hub_id"]), sum(bool(row[month]) for month in MONTHS)


def of_round(row: Row) -> Iterator[Line]:
    key = row["year"], row["way_id"], row["base_id"], row["id"] or row["town_id"]
    yield ("visits", *key), row["times"]
    yield ("visited", *key), row["people"]
    yield ("minutes", *key), row["one_way"]


def of_half_day(row: Row) -> Iterator[Line]:
    yield ("half-days", row["year"], row["way_id"], row["base_id"], row["team"]), 1


def of_week(row: Row) -> Iterator[Line]:
    key = row["year"], row["way_id"], row["base_id"], row["team"]
    yield ("half-days", *key), sum(bool(row[day]) for day in DAYS)


def of_care(row: Row) -> Iterator[Line]:
    yield ("cared for", row["id"], row["year"]), row["people"]
    yield ("next best", row["id"], row["year"]), row["next_cost"] or 0


def of_reading(row: Row) -> Iterator[Line]:
    for what, name in (("villages", "villages"), ("visited villages", "visited"), ("teams needed", "teams_needed")):
        yield (what, row["year"], row["rule"]), row[name]


def of_fit(row: Row) -> Iterator[Line]:
    yield ("months that fit", row["year"], row["hub_id"]), row["month_count"]


def of_consortium(row: Row) -> Iterator[Line]:
    yield ("led", row["year"], row["lead_id"]), row["members"]
    yield ("led people", row["year"], row["lead_id"]), row["people"]
    yield ("once for consortia", row["year"]), row["once"]
    yield ("yearly for consortia", row["year"]), row["each_year"]


def of_member(row: Row) -> Iterator[Line]:
    # (A hub in no consortium has a line that says so.)
    if row["lead_id"]:
        yield ("led", row["year"], row["lead_id"]), 1
        yield ("led people", row["year"], row["lead_id"]), row["people"]
        yield ("to lead", row["year"], row["id"]), row["to_lead"]


def of_centre(row: Row) -> Iterator[Line]:
    yield ("linked", row["year"], row["function_id"], row["id"]), row["linked"]


def of_centre_link(row: Row) -> Iterator[Line]:
    for year in YEARS:
        if (row["since"] or 0) <= year <= (row["last_year"] or 9999):
            yield ("linked", year, row["function_id"], row["centre_id"] or None), 1 if row["centre_id"] else 0


def of_function(row: Row) -> Iterator[Line]:
    yield from of_centre_link(row)
    for year in YEARS:
        if (row["since"] or 0) <= year <= (row["last_year"] or 9999):
            yield ("has", year, row["function_id"]), 1
            yield ("yearly for functions", year), row["each_year"]
    yield ("once for functions", int(row["since"] or 0)), row["once"]


def of_matrix(row: Row) -> Iterator[Line]:
    yield ("has at the end", row["id"]), row["functions_had"]


def of_share(row: Row) -> Iterator[Line]:
    yield ("has", row["year"], row["function_id"]), row["having"]


def of_reserve(row: Row) -> Iterator[Line]:
    key = row["year"], row["id"], row["resource_id"]
    yield ("there", *key), row["whole_number"]
    yield ("held back", *key), row["held_back"]


def of_place(row: Row) -> Iterator[Line]:
    year, part = row["year"], row["part"]
    for scope in (("district",), ("town", row["town_id"])):
        yield (*scope, year, row["status"]), part
        yield (*scope, year, "people"), part
    yield ("place", row["id"], year, row["status"]), part
    if row["served_by"]:
        yield from of_link(row)


def of_link(row: Row) -> Iterator[Line]:
    yield ("site", row["served_by"], row["year"]), row["part"]


def of_site(row: Row) -> Iterator[Line]:
    yield from ((("site", row["id"], int(name[-4:])), row[name]) for name in row if name.startswith("serves_"))
    # (What a hub costs is not counted: its cell is blank.)
    yield ("cost", row["id"]), row["cost"] or 0
    yield ("cost in all",), row["cost"] or 0


def of_coverage(row: Row) -> Iterator[Line]:
    yield within(row["preset"], row["town_id"] or "district", row["year"]), row["covered"]


def of_worth(row: Row) -> Iterator[Line]:
    for year in YEARS:
        yield ("nearest", row["id"], year), row[f"nearest_to_{year}"]
        yield ("fewer without", row["id"], year), row[f"fewer_served_{year}"]
    yield ("cost without", row["id"]), row["cost_more"]
    yield ("tried", row["id"]), row["spots_tried"]


def of_change(row: Row) -> Iterator[Line]:
    year = int(row["year"])
    if row["change"] == "open":
        yield ("newly open", year, row["id"]), row["concerned"]
    yield ("closing", year, row["id"]), 1 if row["change"] == "close" else 0
    if row["paid_for"]:
        yield ("paid once", year, row["paid_for"]), row["once"]
        if year > YEARS[0]:
            yield ("paid more", year, row["paid_for"]), row["each_year_more"]


def of_compared(row: Row) -> Iterator[Line]:
    item, scope = row["item_id"], row["town_id"] or "district"
    today = row["today_figure"]
    is_known = str(today).replace(".", "").isdigit()
    if item in ("people", "served"):
        yield from ((("planned", item, scope, year), row[f"figure_in_{year}"]) for year in YEARS)
        yield ("today", item, scope), float(today)
    elif item == "covered":
        yield from ((("planned within", scope, year), row[f"figure_in_{year}"]) for year in YEARS)
        yield ("today within", scope), float(today)
    elif item.startswith("open_"):
        kind = item.removeprefix("open_")
        yield from ((("standing", scope, year, kind), row[f"figure_in_{year}"]) for year in YEARS)
        if is_known:
            yield ("standing today", scope, kind), float(today)
    elif not item.endswith("_share") and scope == "district":
        yield from ((("has", year, item), row[f"figure_in_{year}"]) for year in YEARS)


SAY: Mapping[str, Sequence[Callable[[Row], Iterator[Line]]]] = {
    "years": (of_ledger, of_money),
    "towns": (of_ledger,),
    "ages": (of_ledger,),
    "towns drawn": (of_ledger,),
    "places": (of_place,),
    "links": (of_link,),
    "sites": (of_site,),
    "budget": (of_money,),
    "coverage": (of_coverage,),
    "care": (of_care,),
    "postings_by_hub": (of_posting,),
    "postings_by_hospital": (of_posting,),
    "postings": (of_posting,),
    "roster": (of_roster,),
    "fits": (of_fit,),
    "rounds": (of_round,),
    "timetable": (of_half_day,),
    "timetable_by_team": (of_week,),
    "readings": (of_reading,),
    "consortia": (of_consortium,),
    "members": (of_member,),
    "centres": (of_centre,),
    "functions": (of_function,),
    "centre_links": (of_centre_link,),
    "function_matrix": (of_matrix,),
    "function_shares": (of_share,),
    "reserves": (of_reserve,),
    "worth": (of_worth,),
    "change_log": (of_change,),
    "today_and_planned": (of_compared,),
}


def figures(tables: Mapping[str, Sequence[Row]]) -> dict[str, dict[tuple[Any, ...], int]]:
    """Return what the rows of tables say, added up."""
    found = {}
    for name, rows in tables.items():
        lines = [line for row in rows for of in SAY[name] for line in of(row)]
        # Every line of a place repeats how many live there.
        lines += {("residents", row["id"], row["year"]): row["residents"] for row in rows if "residents" in row}.items()
        found[name] = add_up(lines)
    return found


def add_up(lines: Iterable[Line]) -> dict[tuple[Any, ...], int]:
    found: Counter[tuple[Any, ...]] = Counter()
    for about, figure in lines:
        assert figure == int(figure), f"{about}: {figure} is no whole number of persons or yuan"
        found[about] += int(figure)
    return dict(found)


def tables_of(content: Content) -> Mapping[str, tuple[str, ...]]:
    """Return the tables that a plan has, and the columns by which they are read back."""
    if not content.get("roster"):
        return COLUMNS
    if not content.get("functions"):
        return {**COLUMNS, **{name: (*COLUMNS[name], *SENDING_MONEY) for name in ("years", "budget")}, **SENDING}
    money = {name: (*COLUMNS[name], *SENDING_MONEY, *BELONGING_MONEY) for name in ("years", "budget")}
    return {**COLUMNS, **money, **SENDING, **BELONGING}


def by_columns(
    table: str, columns: Sequence[str], cells: Sequence[Sequence[Any]], language: Language, years: Sequence[int]
) -> list[Row]:
    """Return the rows below a line of headings by their columns, statuses as codes."""
    names = {say_in(language, f"field.{name}"): name for name in columns}
    for name in YEARLY.get(table, ()):
        names |= {say_in(language, f"field.{name}", year=year): f"{name}_{year}" for year in years}
    codes = {say_in(language, f"status.{code}"): code for code in PARTS}
    codes |= {say_in(language, f"changed.{code}"): code for code in ("open", "close")}
    codes |= {say_in(language, f"paid_for.{code}"): code for code in PAID} if table == "change_log" else {}
    headings, *lines = cells
    assert names.keys() <= set(headings), table
    rows = []
    for line in lines:
        by_name = {names[heading]: cell for heading, cell in zip(headings, line, strict=True) if heading in names}
        row = {name: cell if name in TEXTS else float(cell or 0) for name, cell in by_name.items()}
        rows.append(row | {name: codes.get(row[name], row[name]) for name in CODES if name in row})
    return rows


def read_workbook(files: Files) -> dict[str, Any]:
    book = CalamineWorkbook.from_path(files.folder / "plan.xlsx")
    tables = {}
    for table, columns in tables_of(files.content).items():
        name = "summary" if table == "years" else table
        sheet = book.get_sheet_by_name(say_in(files.language, f"sheet.{name}")).to_python(skip_empty_area=False)
        # What a sheet is about stands above its headings; below its last row there is nothing.
        first = say_in(files.language, f"field.{columns[0]}")
        top = next(at for at, line in enumerate(sheet) if first in line)
        cells = [line for line in sheet[top:] if any(cell != "" for cell in line)]
        if table == "years" and files.content.get("roster"):
            # What of the money is for what stands in a second table below.
            cells = side_by_side(cells, len(files.content["years"]))
        tables[table] = by_columns(table, columns, cells, files.language, files.content["years"])
    return figures(tables)


def side_by_side(cells: Sequence[Sequence[Any]], years: int) -> list[list[Any]]:
    """Return two tables of the same years, one below the other, as one."""
    upper, lower = cells[: 1 + years], cells[1 + years :]
    assert [row[0] for row in upper] == [row[0] for row in lower]
    return [[*one, *other[1:]] for one, other in zip(upper, lower, strict=True)]


def cells_of(file: Path) -> list[list[str]]:
    """Return the cells of a CSV, without the apostrophe before a text that a spreadsheet would compute."""
    lines = csv.reader(io.StringIO(file.read_bytes().decode("utf-8-sig"), newline=""))
    return [[re.sub("^'(?=[-=])", "", cell) for cell in line] for line in lines]


def read_csv(files: Files) -> dict[str, Any]:
    years = files.content["years"]
    return figures(
        {
            table: by_columns(table, columns, cells_of(files.folder / "csv" / f"{table}.csv"), files.language, years)
            for table, columns in tables_of(files.content).items()
        }
    )


def read_table_of_sites(files: Files) -> dict[str, Any]:
    headings, *lines = cells_of(files.folder / "sites.csv")
    chinese = [heading.split(" · ")[0] for heading in headings]
    return figures({"sites": by_columns("sites", COLUMNS["sites"], [chinese, *lines], "zh", files.content["years"])})


def drawn(layers: Mapping[str, Sequence[Row]]) -> dict[str, Any]:
    return figures({"towns drawn" if name == "towns" else name: rows for name, rows in layers.items()})


def all_layers(files: Files) -> tuple[str, ...]:
    """Return the layers and tables of the GeoPackage that hold figures."""
    if not files.content.get("functions"):
        return (*LAYERS, "postings", *SENDING) if files.content.get("roster") else LAYERS
    return (*LAYERS, "postings", "centre_links", *SENDING, *BELONGING)


def read_geopackage(files: Files) -> dict[str, Any]:
    """Read the layers by SQLite: as they are stored."""
    base = sqlite3.connect(files.folder / "plan.gpkg")
    base.row_factory = sqlite3.Row
    layers = {name: [dict(row) for row in base.execute(f'SELECT * FROM "{name}"')] for name in all_layers(files)}
    base.close()
    return drawn(layers)


def read_layers(files: Files) -> dict[str, Any]:
    """Read the layers by GDAL: as a GIS shows them."""
    layers = {}
    for name in all_layers(files):
        layer = geopandas.read_file(files.folder / "plan.gpkg", layer=name, engine="pyogrio")
        plain = layer.drop(columns="geometry", errors="ignore").astype(object)
        layers[name] = plain.where(plain.notna(), None).to_dict("records")
    return drawn(layers)


def read_geojson(files: Files) -> dict[str, Any]:
    names = (*LAYERS, "postings", "rounds") if files.content.get("roster") else LAYERS
    names = (*names, "consortia", "members", "centre_links") if files.content.get("functions") else names
    texts = {name: (files.folder / "geojson" / f"{name}.geojson").read_text(encoding="utf-8") for name in names}
    return drawn(
        {name: [feature["properties"] for feature in json.loads(text)["features"]] for name, text in texts.items()}
    )


def read_page(files: Files) -> dict[str, Any]:
    """Read what the script of the page draws."""
    html = (files.folder / "map.html").read_text(encoding="utf-8")
    (island,) = re.findall(r'<script type="application/json" id="plan">(.*?)</script>', html, re.DOTALL)
    page = unpack_content(json.loads(island))
    places, marks = page["places"], page["marks"]
    # The page knows towns and circles by their names: in these plans no two are alike.
    towns = {town["name"]: town["id"] for town in files.content["district_data"]["towns"]}
    presets = {circle["name"]["zh"]: preset for preset, circle in files.content["settings"]["circles"].items()}
    lines: list[Line] = []
    for year in map(str, files.content["years"]):
        columns = page["rows"][year]
        for at, people, status, mark in zip(*map(columns.get, ("place", "people", "status", "mark")), strict=True):
            row = {
                "year": int(year), "id": places["id"][at], "part": people, "status": page["statuses"][status],
                "town_id": towns[page["towns"]["name"][places["town"][at]]],
                "served_by": None if mark < 0 else marks["id"][mark],
            }  # fmt: skip
            lines += of_place(row)
        everybody = zip(places["id"], places["people"], strict=True)
        lines += [(("residents", place, int(year)), people) for place, people in everybody]
        lines += [
            (("within", presets[circle["zh"]], int(year)), covered) for circle, _, covered, *_ in page["coverage"][year]
        ]
    for mark, actions in zip(marks["id"], marks["actions"], strict=True):
        # (An institution on which the plan decides nothing has no actions and no cost.)
        lines += [line for action in actions or () for line in of_site({"id": mark, "cost": action["cost"]})]
    found = {"page": add_up(lines)}
    found["page of money"] = add_up(of_page_money(page, files.content))
    found["page of today"] = add_up(of_page_today(page, files.content))
    found["page of worth"] = add_up(of_page_worth(page))
    if files.content.get("roster"):
        found["page of postings"] = add_up(of_page_tours(page, files.content))
        found["page of rounds"] = add_up(of_page_rounds(page, files.content))
    return found


def of_columns(columns: Mapping[str, Sequence[Any]]) -> Iterator[Row]:
    return (dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True))


def of_page_money(page: Row, content: Content) -> Iterator[Line]:
    names = {say_in("zh", f"field.{name}").removesuffix("（元）"): name for name in money_of(content)}
    for line in page["budget"]:
        name = names.get(line["name"]["zh"])
        if name:
            yield from ((("money", year, name), yuan) for year, yuan in zip(page["years"], line["yuan"], strict=True))


def of_page_today(page: Row, content: Content) -> Iterator[Line]:
    towns = [town["id"] for town in content["district_data"]["towns"]]
    for at, people, status in zip(*map(page["rows"]["today"].get, ("place", "people", "status")), strict=True):
        for scope in ("district", towns[page["places"]["town"][at]]):
            yield ("today by status", scope, page["statuses"][status]), people
    for scope, numbers in page["today"]["people"].items():
        for status, people in zip(page["statuses"], numbers, strict=True):
            if status in PARTS:
                yield ("today in all", towns[int(scope)] if scope else "district", status), people


def of_page_worth(page: Row) -> Iterator[Line]:
    codes = [page["marks"]["id"][mark] for mark in page["worth"]["mark"]]
    for code, row in zip(codes, of_columns(page["worth"]), strict=True):
        yield ("cost without", code), row["cost"]
        yield ("tried", code), row["tried"]
    for row in of_columns(page["worth_years"]):
        yield ("nearest", codes[row["row"]], row["year"]), row["nearest"]
        yield ("fewer without", codes[row["row"]], row["year"]), row["fewer"]
    yield from ((("served at the end", codes[row["row"]]), row["people"]) for row in of_columns(page["worth_ways"]))
    yield from ((("cost elsewhere", codes[row["row"]]), row["cost"]) for row in of_columns(page["worth_spots"]))


def of_page_tours(page: Row, content: Content) -> Iterator[Line]:
    supporters = {row["name"]["zh"]: code for code, row in content["settings"]["supporters"].items()}
    marks = page["marks"]["id"]
    for tour in of_columns(page["tours"]):
        name, mark = page["senders"][tour["sender"]]
        hub = marks[tour["mark"]]
        yield ("posted months", tour["year"], marks[mark] if mark >= 0 else supporters[name["zh"]], hub), tour["months"]
        yield ("months there", tour["year"], hub), tour["there"].bit_count()


def of_page_rounds(page: Row, content: Content) -> Iterator[Line]:
    ways, marks, places = sorted(content["settings"]["outreach"]), page["marks"]["id"], page["places"]["id"]
    towns = [town["id"] for town in content["district_data"]["towns"]]
    rounds = list(of_columns(page["rounds"]))
    for row in rounds:
        stop = places[row["stop"]] if row["stop"] >= 0 else towns[-1 - row["stop"]]
        key = row["year"], ways[row["way"]], marks[row["mark"]], stop
        yield ("visits", *key), row["times"]
        yield ("minutes", *key), row["minutes"]
    for visit in of_columns(page["visits"]):
        row = rounds[visit["round"]]
        yield ("half-days", row["year"], ways[row["way"]], marks[row["mark"]], visit["team"]), 1
    for row in of_columns({key: page["care"][key] for key in ("year", "place", "cost")}):
        yield ("next best", places[row["place"]], row["year"]), row["cost"] or 0


READERS: Mapping[str, Callable[[Files], dict[str, Any]]] = {
    "plan.xlsx": read_workbook,
    "csv": read_csv,
    "sites.csv": read_table_of_sites,
    "plan.gpkg": read_geopackage,
    "plan.gpkg by GDAL": read_layers,
    "geojson": read_geojson,
    "map.html": read_page,
}


def differing(found: Mapping[str, Any], content: Content) -> dict[str, Any]:
    """Return the figures of each table that are not those of a plan: what it should say and what it says."""
    right = expected(content)
    wrong = {}
    for table, said in found.items():
        should = {about: figure for about, figure in right.items() if about[0] in HOLDS[table]}
        if table == "postings":
            inside = {site["id"] for site in content["sites"]}
            should = {about: figure for about, figure in should.items() if about[2] in inside}
        wrong[table] = {
            about: (should.get(about, 0), said.get(about, 0))
            for about in should | said
            if should.get(about, 0) != said.get(about, 0)
        }
    return {table: figures for table, figures in wrong.items() if figures}


def awkward(content: Content) -> Content:
    """Return a plan with facts that trip programs: ids of digits, names like formulas, large sums, a site that closes
    later, two sites of one name, and a way of rounds whose code holds a quotation mark and braces.
    """
    text = json.dumps(content)
    for old, new in (
        ("T1001", "0012"),
        ("T1", "01"),
        ("hub-1", "1e5"),
        ("clinic-T2015", "-7"),
        ("clinic-T2017", "TRUE"),
        ("village_rounds", "o'clock {1}"),
    ):
        text = text.replace(json.dumps(old), json.dumps(new))
    awkward: Content = json.loads(text)
    district = awkward["district_data"]
    district["towns"][0]["name"] = '=1+1, "镇"\n第二行'
    district["places"][0]["name"] = "-张园"
    awkward["sites"][3]["name"] = awkward["sites"][4]["name"] = "2025-01-01"
    for site in awkward["sites"]:
        site["cost"] *= 10_007
        if site["action"] == "close":
            closed = site
    for row in awkward["budget"]:
        row.update({name: 10_007 * row[name] for name in money_of(content)})
    settings = awkward["settings"]
    for table in (settings["consortia"], *settings["functions"].values()):
        table.update({key: 10_007 * value for key, value in table.items() if isinstance(value, int)})
    kept = closed | {"action": "keep", "people": {"2025": 0}, "only_site_of": {"2025": 0}}
    closed["year"] = 2027
    awkward["sites"].append(kept)
    return awkward


@pytest.fixture(scope="module", params=["tiny", "full", "awkward"])
def content(request: pytest.FixtureRequest, tiny_plan: Plan) -> Content:
    plain = copy.deepcopy(dict(tiny_plan.content))
    if request.param == "tiny":
        return plain
    full = with_belonging(with_sending(plain))
    return full if request.param == "full" else awkward(full)


@pytest.fixture(scope="module", params=LANGUAGES)
def files(request: pytest.FixtureRequest, content: Content, tmp_path_factory: pytest.TempPathFactory) -> Files:
    return write_all(content, tmp_path_factory.mktemp("ledger") / "plan", request.param)


def test_the_plan_itself_adds_up(content: Content) -> None:
    right = expected(content)
    for row in content["ledger"]:
        assert sum(row[part] for part in PARTS) == row["people"] > 0
    for year in content["years"]:
        assert right["district", year, "served"] == sum(
            right["site", site["id"], year] for site in by_id(content["sites"])
        )
    # (What postings, rounds, functions and consortia cost is no site's.)
    yearly, once = ("postings", "outreach", "functions_yearly", "consortia_yearly"), ("functions", "consortia")
    others = sum(
        sum(row.get(name, 0) for name in once) + sum(row.get(name, 0) for name in yearly) * row["calendar_years"]
        for row in content["budget"]
    )
    assert right["cost in all",] == sum(right["money", year, "total"] for year in content["years"]) - others > 0


def by_id(sites: Sequence[Row]) -> list[Row]:
    return list({site["id"]: site for site in sites}.values())


def test_the_plan_reads_back_from_json_as_it_was(files: Files) -> None:
    assert json.loads((files.folder / "plan.json").read_text(encoding="utf-8")) == files.content


@pytest.mark.parametrize("file", READERS)
def test_every_figure_of_a_file_is_the_plan_s_to_the_person_and_the_yuan(file: str, files: Files) -> None:
    found = READERS[file](files)
    assert not differing(found, files.content)
    for table, said in found.items():
        undecided = set() if files.content.get("functions") else {"has"}
        assert {about[0] for about in said} == HOLDS[table] - undecided


@pytest.mark.parametrize("file", READERS)
def test_in_every_table_the_people_are_the_sum_of_the_statuses(file: str, files: Files) -> None:
    for table, said in READERS[file](files).items():
        wholes = {about: people for about, people in said.items() if about[-1] == "people"}
        assert bool(wholes) == bool(HOLDS[table] & {"district", "town"})
        for (*scope, _), people in wholes.items():
            assert people == sum(said.get((*scope, part), 0) for part in PARTS)


def test_every_csv_opens_in_a_spreadsheet_in_its_own_script(files: Files) -> None:
    tables = [files.folder / "sites.csv", *(files.folder / "csv").iterdir()]
    assert len(tables) == 20 + (len(SENDING) + len(BELONGING) if files.content.get("roster") else 0)
    for table in tables:
        text = table.read_bytes()
        assert text.startswith(b"\xef\xbb\xbf"), "the mark that tells Excel that it is UTF-8"
        assert text.endswith(b"\r\n")


def test_all_files_are_read(files: Files) -> None:
    there = {path.name for path in files.folder.iterdir()}
    assert there >= {*FILES, CARDS}
    assert there <= {name.removesuffix(" by GDAL") for name in READERS} | ELSEWHERE.keys()


def test_every_file_that_a_plan_can_have_is_read_back_by_a_test() -> None:
    read = {name.removesuffix(" by GDAL") for name in READERS}
    assert read | ELSEWHERE.keys() == {*FILES, *EXPORTS.values(), FRONT_FILE}
    for test in ELSEWHERE.values():
        assert (Path(__file__).parent / f"{test}.py").is_file()


def spoil_place(content: Content) -> None:
    next(row for row in content["places"] if row["served_by"])["people"] += 1


def spoil_status(content: Content) -> None:
    next(row for row in content["places"] if row["status"] == "no_capacity")["status"] = "out_of_range"


def spoil_link(content: Content) -> None:
    row = next(row for row in content["places"] if row["served_by"])
    row["served_by"] = next(site["id"] for site in content["sites"] if site["id"] != row["served_by"])


def spoil_ledger(content: Content) -> None:
    content["ledger"][0]["served"] += 1


def spoil_town(content: Content) -> None:
    content["ledger"][1]["out_of_range"] += 1


def spoil_people_of_site(content: Content) -> None:
    content["sites"][0]["people"][str(content["years"][0])] += 1


def spoil_cost(content: Content) -> None:
    next(site for site in reversed(content["sites"]) if site["cost"])["cost"] += 1


def spoil_budget(content: Content) -> None:
    content["budget"][-1]["total"] += 1


def spoil_coverage(content: Content) -> None:
    content["coverage"][0]["covered"] += 1


def spoil_tour(content: Content) -> None:
    content["postings"][0]["tours"] += 1


def spoil_month(content: Content) -> None:
    content["roster"][3]["months"] += 1


def spoil_visit(content: Content) -> None:
    content["rounds"][0]["times"] += 1


def spoil_way(content: Content) -> None:
    content["rounds"][-1]["minutes"] += 1


def spoil_half_day(content: Content) -> None:
    content["timetable"].pop()


def spoil_care(content: Content) -> None:
    content["care"][1]["next_cost"] += 1


def spoil_reading(content: Content) -> None:
    content["readings"][0]["villages"] += 1


def spoil_fit(content: Content) -> None:
    content["fits"][0]["months"] += 1


def spoil_outreach(content: Content) -> None:
    content["budget"][0]["outreach"] += 1


def spoil_member(content: Content) -> None:
    content["consortia"][1]["people"] += 1


def spoil_lead(content: Content) -> None:
    content["consortia"].pop()


def spoil_far(content: Content) -> None:
    content["consortia"][2]["minutes"] += 1


def spoil_function(content: Content) -> None:
    content["functions"][-1]["until"] = None


def spoil_centre(content: Content) -> None:
    content["functions"][4]["centre"] = "hospital-2"


def spoil_reserve(content: Content) -> None:
    content["reserves"][0]["reserved"] += 1


def spoil_price(content: Content) -> None:
    content["settings"]["functions"]["tcm_corner"]["yearly"] += 1


def spoil_forming(content: Content) -> None:
    content["settings"]["consortia"]["opening"] += 1


def spoil_setting_up(content: Content) -> None:
    content["budget"][0]["functions"] += 1


@pytest.mark.parametrize(
    ("spoil", "where"),
    [
        (spoil_place, {"places", "links", "page", "care"}),
        (spoil_status, {"places", "page"}),
        (spoil_link, {"places", "links", "page"}),
        (spoil_ledger, {"years", "towns", "today_and_planned"}),
        (spoil_town, {"towns", "towns drawn"}),
        (spoil_people_of_site, {"sites"}),
        (spoil_cost, {"sites", "page"}),
        (spoil_budget, {"years", "budget", "page of money"}),
        (spoil_coverage, {"coverage", "page", "today_and_planned"}),
        # (A tour that has no months has a line without them.)
        (spoil_tour, {"postings_by_hub", "postings_by_hospital", "postings", "page of postings"}),
        (spoil_month, {"roster", "postings_by_hub", "postings_by_hospital", "page of postings"}),
        (spoil_visit, {"rounds", "page of rounds"}),
        (spoil_way, {"rounds", "page of rounds"}),
        (spoil_half_day, {"timetable", "timetable_by_team", "page of rounds"}),
        (spoil_care, {"care", "page of rounds"}),
        (spoil_reading, {"readings"}),
        (spoil_fit, {"fits"}),
        (spoil_outreach, {"years", "budget", "change_log", "page of money"}),
        (spoil_member, {"consortia", "members"}),
        (spoil_lead, {"consortia", "members"}),
        (spoil_far, {"members"}),
        (spoil_function, {"functions", "function_shares", "function_matrix", "today_and_planned"}),
        (spoil_centre, {"functions", "centres", "centre_links"}),
        (spoil_reserve, {"reserves"}),
        # What functions and consortia cost is worked out by each file, and is what the budget says.
        (spoil_price, {"functions"}),
        (spoil_forming, {"consortia"}),
        (spoil_setting_up, {"years", "budget", "change_log", "page of money"}),
    ],
)
def test_one_figure_that_is_wrong_by_one_is_seen_wherever_it_stands(
    spoil: Callable[[Content], None], where: set[str], tiny_plan: Plan, tmp_path: Path
) -> None:
    right = with_belonging(with_sending(tiny_plan.content))
    wrong = copy.deepcopy(right)
    spoil(wrong)
    files = write_tables(wrong, tmp_path / "plan", "zh")
    seen = set()
    for read in READERS.values():
        found = read(files)
        assert differing(found, right).keys() == where & found.keys()
        seen |= where & found.keys()
    assert seen == where


def test_figures_of_today_of_changes_and_of_what_sites_are_worth_are_seen_too(tiny_plan: Plan, tmp_path: Path) -> None:
    right = with_belonging(with_sending(tiny_plan.content))
    wrong = copy.deepcopy(right)
    nearest, without, saved, *_ = wrong["worth"]
    nearest["nearest"]["2027"] += 1
    without["dropped"]["unserved"]["2027"] += 1
    saved["dropped"]["cost"] += 1
    next(row for row in wrong["worth"] if row["others"])["others"][0]["cost"] += 1
    wrong["today"][0]["served"] += 1
    wrong["places_today"][0]["people"] += 1
    circle = wrong["settings"]["circle"]
    next(row for row in wrong["coverage"] if row["preset"] == circle)["today"]["covered"] += 1
    wrong["district_data"]["institutions"].pop()
    opened = next(site for site in wrong["sites"] if (site["action"], site["year"]) == ("open", 2025))
    opened["people"]["2025"] += 1
    wrong["budget"][1]["opening"] += 1
    files = write_tables(wrong, tmp_path / "plan", "en")
    seen: dict[str, dict[str, int]] = {}
    for read in READERS.values():
        for table, figures in differing(read(files), right).items():
            seen[table] = dict(Counter(about[0] for about in figures))
    money = {"years": {"money": 1}, "budget": {"money": 1}, "page of money": {"money": 1}}
    # The place and the institution are of the district and of a town.
    assert seen == money | {
        "sites": {"site": 1},
        "worth": {"nearest": 1, "fewer without": 1, "cost without": 1},
        "page of worth": {"nearest": 1, "fewer without": 1, "cost without": 1, "cost elsewhere": 1},
        "change_log": {"newly open": 1, "paid once": 1},
        "today_and_planned": {"today": 1, "today within": 1, "standing today": 2},
        "page of today": {"today by status": 2, "today in all": 1},
    }
