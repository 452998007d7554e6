"""The parts of the recommendation on staff and beds, postings, rounds, consortia and functions, and on care homes."""

from allocate.report.away import posts_away, visits_made
from allocate.report.belonging import forms_consortia, holds_back, sets_up_functions
from allocate.report.drafting import Draft, Record, whole
from allocate.report.known_today import is_unknown
from allocate.report.summary import assumed_stock, is_assumed


def write_staff(draft: Draft) -> None:
    """Write staff, beds and teams: today and in every year; what is assumed of today says so."""
    source = draft.source
    if not source.resources:
        return
    draft.heading("paper.staff")
    draft.say("paper.staff_intro")
    assumed = assumed_stock(draft.content, source.resources)
    if assumed:
        draft.say("paper.staff_assumed", "warning", names=source.terms(assumed))
    rows = []
    for name in source.resources:
        stock = source.stock[name]
        # (What is only counted as none is not known.)
        lacks = is_unknown(source, name)
        today = draft.word("card.unknown") if lacks else f"{stock['number']:,}"
        mark = draft.word("paper.assumed_mark") if is_assumed(stock) and not lacks else ""
        numbers = [f"{record[f'number_of_{name}']:,}" for record in draft.by_year.values()]
        rows.append([source.term(name), today + mark, *numbers])
    draft.grid(
        "paper.table_staff",
        [draft.word("field.resource"), draft.word("field.today"), *map(str, draft.years)],
        rows,
        numbers=range(1, len(draft.years) + 2),
        widths=(22, 13, *([10] * len(draft.years))),
        note=draft.word("paper.staff_note"),
    )


def write_postings(draft: Draft) -> None:
    """Write who is posted where: what hospitals must let go, and how every hub is supported."""
    if not posts_away(draft.content):
        return
    draft.heading("paper.postings")
    draft.topic_points("postings")
    sent: dict[tuple[str, str], dict[int, set[tuple[str, ...]]]] = {}
    for record in draft.tables["postings_by_hospital"].records():
        specialty = draft.source.term(str(record["specialty"])) if record["specialty"] else ""
        post = (str(record["post"]), str(record["rank"]), str(record["sender_id"]))
        key = (str(record["sender"]), specialty)
        sent.setdefault(key, {}).setdefault(whole(record["year"]), set()).add(post)
    if sent:
        draft.say("paper.postings_letting")
        draft.grid(
            "paper.table_senders",
            [draft.word("field.sender"), draft.word("field.specialty"), *map(str, draft.years)],
            [[*key, *(str(len(years.get(year, ()))) for year in draft.years)] for key, years in sorted(sent.items())],
            numbers=range(2, 2 + len(draft.years)),
            widths=(28, 18, *([9] * len(draft.years))),
            note=draft.word("paper.posts_mean"),
        )
        draft.of_last_year(
            "paper.table_postings",
            "postings_by_hub",
            ("hub", "support", "sender", "specialty", "rank", "months", "remote_for"),
        )
    draft.say("paper.postings_more")


def write_rounds(draft: Draft) -> None:
    """Write who visits whom, how often and with how many teams, and what other readings of the clause would take."""
    if not visits_made(draft.content):
        return
    draft.heading("paper.rounds")
    draft.topic_points("rounds")
    draft.of_last_year(
        "paper.table_rounds",
        "rounds",
        ("way", "base", "name", "town", "people", "times", "per", "one_way", "basis"),
    )
    if "readings" in draft.tables:
        draft.say("paper.readings")
        alike = _read_alike(draft)
        draft.sheet(
            "paper.table_readings",
            "readings",
            ("year", "rule", "reading", "planned", "villages", "visited", "half_days_week", "teams_needed", "teams"),
            where=lambda record: record["rule"] in alike,
            note="".join(
                draft.word("paper.read_alike", first=first, others=draft.listed(others))
                for first, others in alike.items()
                if others
            ),
        )


def _read_alike(draft: Draft) -> dict[str, list[str]]:
    """Return the clauses whose readings are told, each with those of which every figure is the same."""
    lines: dict[str, list[Record]] = {}
    for record in draft.tables["readings"].records():
        lines.setdefault(str(record["rule"]), []).append({**record, "rule": None})
    alike: dict[str, list[str]] = {}
    for rule, told in lines.items():
        same = next((first for first in alike if lines[first] == told), None)
        if same is None:
            alike[rule] = []
        else:
            alike[same].append(rule)
    return alike


def write_consortia(draft: Draft) -> None:
    """Write which consortia there are, which centres are shared, and who gets which functions."""
    content = draft.content
    if not (forms_consortia(content) or sets_up_functions(content)):
        return
    draft.heading("paper.consortia")
    if forms_consortia(content):
        draft.heading("paper.consortia_members", 2)
        draft.topic_points("consortia")
        draft.of_last_year(
            "paper.table_members",
            "members",
            ("lead", "name", "kind", "people", "to_lead", "since", "lead_changed"),
            unknown=("lead_changed",),
        )
    if sets_up_functions(content):
        draft.heading("paper.centres", 2)
        draft.write(draft.topic("centres") or draft.word("paper.no_centres"))
        draft.of_last_year(
            "paper.table_centres",
            "centres",
            ("function", "name", "since", "within", "linked", "each_year", "basis"),
            most=None,
        )
        draft.heading("paper.functions", 2)
        draft.topic_points("functions")
        draft.of_last_year(
            "paper.table_functions",
            "function_shares",
            ("function", "kind", "having", "open_sites", "having_share", "asked_by"),
        )


def write_care(draft: Draft) -> None:
    """Write with whom care homes have contracts, what hospitals hold back, and what primary care could take."""
    content = draft.content
    if not (content.get("contracts") or holds_back(content) or content.get("primary_capacity")):
        return
    draft.heading("paper.care")
    if content.get("contracts"):
        draft.heading("paper.contracts", 2)
        draft.topic_points("contracts")
        draft.of_last_year(
            "paper.table_contracts",
            "contracts",
            ("care_home", "care_beds", "contract_with", "one_way", "contract_before", "basis"),
        )
    if holds_back(content):
        draft.heading("paper.reserves", 2)
        draft.topic_points("reserves")
        draft.of_last_year(
            "paper.table_reserves",
            "reserves",
            ("name", "resource", "whole_number", "held_back", "held_back_share", "stock_basis"),
        )
    if content.get("primary_capacity"):
        draft.heading("paper.primary", 2)
        draft.topic_points("primary_capacity")
        draft.say("paper.primary_means")
        draft.of_last_year(
            "paper.table_primary",
            "primary_capacity",
            ("name", "people", "visits_expected", "visits_capacity", "capacity_share", "visits_short"),
            most=None,
        )
