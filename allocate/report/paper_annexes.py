"""The annexes of the recommendation: every clause, every site, who works, is posted and goes round where."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import batched
from typing import Any

from allocate.report.away import posts_away, visits_made
from allocate.report.belonging import sets_up_functions
from allocate.report.drafting import Draft
from allocate.report.paper_siting import asked_of, stands_in, target_of, write_town_lists
from allocate.report.sheets import by_status, why_status
from allocate.report.site_cards import SiteCard, site_cards

# Rows that an annex prints at most: about forty pages of them; the rest stands in the workbook.
_PORTRAIT, _LANDSCAPE = 1_200, 800
_RESOURCES = 9  # columns of staff in one table
_FUNCTIONS = 7  # columns of functions in one table
_CARDS = 300  # site cards: some forty pages
# Parts of a card that say why a site is there, who would lose, and where else it could stand; how broad each is.
_OF_CARDS = {"gain": 40, "without": 27, "others": 27}


def write_annexes(draft: Draft) -> None:
    """Write all annexes."""
    _clauses(draft)
    _sites(draft)
    _cards(draft)
    _staffing(draft)
    _postings(draft)
    _rounds(draft)
    _functions(draft)
    _places(draft)
    _sources(draft)


def _clauses(draft: Draft) -> None:
    """Write every clause with what it asks for, what is reached, and why it has its status."""
    draft.annex("paper.annex_clauses", "landscape")
    draft.say("paper.annex_clauses_about", "note")
    by_rule: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in by_status(draft.content["scorecard"]):
        by_rule.setdefault((row["status"], row["rule"]), []).append(row)
    heads = ("status_of", "clause", "asked", "strength", "year_of", "target", "today_of", "reached", "why_or_reading")
    draft.grid(
        "paper.table_clauses",
        [draft.word(f"paper.{head}") for head in heads],
        [_clause(draft, lines) for lines in by_rule.values()],
        widths=(8, 10, 32, 8, 7, 19, 9, 18, 26),
    )


def _clause(draft: Draft, lines: Sequence[Mapping[str, Any]]) -> list[str]:
    one = lines[0]
    note, why = one.get("note"), why_status(one, draft.language)
    asks = any(row["target"] is not None or row["value"] is not None for row in lines)

    def each(texts: Iterator[str]) -> str:
        return "\n".join(texts) if asks else ""

    return [
        draft.word(f"clause.{one['status']}"),
        stands_in(draft, one),
        asked_of(draft, one),
        draft.word(f"strength.{one['strength']}") if one["strength"] else "",
        "\n".join(str(row["year"] or "") for row in lines),
        each(target_of(draft, row) for row in lines),
        each(draft.amount(row["today"], row["unit"], row["target"]) for row in lines),
        each(draft.amount(row["value"], row["unit"], row["target"]) for row in lines),
        "\n".join(filter(None, (why, note[draft.language] if note else ""))),
    ]


def _sites(draft: Draft) -> None:
    """Write every site that is opened, kept, moved, enlarged or closed."""
    draft.annex("paper.annex_sites")
    draft.say("paper.annex_sites_about", "note")
    write_town_lists(draft)
    draft.sheet(
        "paper.table_sites",
        "sites",
        ("town", "name", "kind", "action", "year", f"serves_{draft.last}", "parent", "basis"),
        most=_PORTRAIT,
    )


def _cards(draft: Draft) -> None:
    """Write why each site that the plan decides is there, who would lose without it, and where else it could stand."""
    kinds = {draft.word(f"kind.{kind}") for kind in draft.content["settings"]["siting"]}
    cards = [card for card in site_cards(draft.content, draft.language).values() if card.kind in kinds]
    parts = [name for name in _OF_CARDS if any(card.part(name) for card in cards)]
    if not cards or not parts:
        return
    draft.annex("paper.annex_cards", "landscape")
    draft.say("paper.annex_cards_about", "note")
    told = cards[:_CARDS]
    left = draft.word("paper.cards_left", shown=len(told), cards=len(cards)) if len(told) < len(cards) else ""
    draft.grid(
        "paper.table_cards",
        [draft.word("paper.site_of"), *(draft.word(f"paper.card_{name}") for name in parts)],
        [
            [f"{card.name}\n{card.town}\n{card.headline}", *(_of_card(draft, card, name) for name in parts)]
            for card in told
        ],
        widths=(17, *(_OF_CARDS[name] for name in parts)),
        note=left,
    )


def _of_card(draft: Draft, card: SiteCard, name: str) -> str:
    """Return a part of a card in one paragraph; what is true of every card stands above the table."""
    part = card.part(name)
    labelled = [line for line in part.lines if line.label] if part else []
    lines = (labelled or part.lines) if part else ()
    mark = draft.word("map.colon")
    said = (f"{line.label}{mark}{line.text}" if line.label else line.text for line in lines)
    return draft.word("summary.semicolon").join(said)


def _staffing(draft: Draft) -> None:
    """Write who works where in the last year."""
    table = draft.tables.get("staffing")
    if table is None or not table.rows:
        return
    last = draft.last
    had = [
        name
        for name in draft.source.resources
        if any(record["year"] == last and record[f"number_of_{name}"] for record in table.records())
    ]
    draft.annex("paper.annex_staffing", "landscape", year=last)
    draft.say("paper.annex_staffing_about", "note", sheet=draft.word("sheet.staffing"))
    for columns in batched((f"number_of_{name}" for name in had), _RESOURCES):
        draft.of_last_year(
            "paper.table_staffing",
            "staffing",
            ("name", "kind", "town", *columns),
            where=lambda record, columns=columns: any(record[name] for name in columns),  # type: ignore[misc]
            most=_LANDSCAPE,
        )


def _postings(draft: Draft) -> None:
    """Write the roster of those who are posted, month by month."""
    table = draft.tables.get("roster")
    if not posts_away(draft.content) or table is None or not table.rows:
        return
    draft.annex("paper.annex_roster", "landscape")
    draft.write(draft.word("sheet.about_roster"), "note")
    months = [f"month_{month}" for month in range(1, 13)]
    _by_year(draft, "paper.table_roster", "roster", ("hub", "sender", "specialty", "post", *months))


def _rounds(draft: Draft) -> None:
    """Write the week of every team, and who visits whom."""
    if not visits_made(draft.content):
        return
    table = draft.tables.get("timetable_by_team")
    if table is None or not table.rows:
        return
    draft.annex("paper.annex_rounds", "landscape")
    draft.write(draft.word("sheet.about_timetable"), "note")
    columns = ("way", "base", "team", "week", "half", "mon", "tue", "wed", "thu", "fri")
    _by_year(draft, "paper.table_teams", "timetable_by_team", columns)


def _by_year(draft: Draft, key: str, name: str, columns: Sequence[str]) -> None:
    """Write a table for each year that may be printed, and which years stand in the workbook alone."""
    years = _years_within(draft, name, _LANDSCAPE)
    for year in years:
        draft.sheet(
            key,
            name,
            columns,
            where=lambda record, year=year: record["year"] == year,  # type: ignore[misc]
            year=year,
            most=_LANDSCAPE,
        )
    left = [str(year) for year in draft.years if year not in years]
    if left:
        draft.say("paper.years_left", "note", years=draft.listed(left), sheet=draft.word(f"sheet.{name}"))


def _years_within(draft: Draft, name: str, most: int) -> list[int]:
    """Return the years of a table that may be printed: all, or the first few that fit; at least one."""
    years: list[int] = []
    printed = 0
    column = draft.tables[name].column("year")
    for year in draft.years:
        printed += column.count(year)
        if not years or printed <= most:
            years.append(year)
    return years


def _functions(draft: Draft) -> None:
    """Write which hospital and hub has which functions since when."""
    table = draft.tables.get("function_matrix")
    if not sets_up_functions(draft.content) or table is None or not table.rows:
        return
    draft.annex("paper.annex_functions", "landscape")
    draft.write(draft.word("sheet.about_function_matrix"), "note")
    columns = [field.name for field in table.fields if field.word == "since_of"]
    for some in batched(columns, _FUNCTIONS):
        draft.sheet("paper.table_function_matrix", "function_matrix", ("name", *some), most=_LANDSCAPE)


def _places(draft: Draft) -> None:
    """Write how the places of every town are served, and where the list of all places stands."""
    draft.annex("paper.annex_places")
    draft.say(
        "paper.annex_places_about",
        "note",
        places=len(draft.source.places),
        sheet=draft.word("sheet.places"),
        care=draft.word("sheet.care"),
    )
    draft.of_last_year(
        "paper.table_ledger",
        "towns",
        ("town", "people", "served", "no_capacity", "rounds", "posted", "out_of_range", "served_share"),
        most=None,
    )
    if draft.source.resources:
        columns = ("town", "people", "number", "per_1000", "district_per_1000", "today_per_1000")
        for name in _rated(draft):
            draft.of_last_year(
                "paper.table_staff_by_town",
                "staff_by_town",
                columns,
                where=lambda record, name=name: record["resource_id"] == name,  # type: ignore[misc]
                unknown=("today_per_1000",),
                most=None,
                resource=draft.source.term(name),
            )


def _rated(draft: Draft) -> list[str]:
    """Return the resources of which a clause says how many there should be for some people."""
    rules = draft.content["settings"].get("rules", {}).values()
    clauses = (
        clause.get("rule") or {}
        for one in (draft.content["settings"].get("documents") or {}).values()
        for clause in one["clauses"]
    )
    asked = {rule.get("resource") for rule in (*rules, *clauses) if rule.get("rule") == "rate"}
    return [name for name in draft.source.resources if name in asked]


def _sources(draft: Draft) -> None:
    """Write published totals, the files that were read with their checksums, and the programs."""
    draft.annex("paper.annex_sources")
    draft.sheet(
        "paper.table_sources", "sources", ("source_kind", "item", "figure", "date", "basis", "source"), most=_PORTRAIT
    )
