"""The recommendation that a plan comes to, as the document that a health commission puts before its leaders."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from allocate.report.blocks import Block, Contents, Document, NewPage
from allocate.report.drafting import Draft, shown
from allocate.report.paper_annexes import write_annexes
from allocate.report.paper_people import write_care, write_consortia, write_postings, write_rounds, write_staff
from allocate.report.paper_proof import write_missed, write_money, write_proof, write_risks
from allocate.report.paper_siting import (
    ANSWERED,
    Content,
    Drawer,
    write_basis,
    write_targets,
    write_today,
    write_towns,
    write_years,
)
from allocate.report.summary import percent_up
from allocate.words import Language, speaking

# How a title ends that says already that it is a plan.
_LONGEST_FOOT = 40


def recommendation(
    content: Content, language: Language, *, pictures: Drawer | None = None, cards: Sequence[Block] = ()
) -> Document:
    """Return the recommendation document of a plan in one language; what the plan does not decide has no part in it.

    Parameters
    ----------
    pictures
        Draws the maps; without it there are none.
    cards
        Why each site is there, as an annex.
    """
    with speaking(language):
        draft = Draft(content, language)
        title = _title(draft)
        _first_page(draft)
        draft.blocks += [NewPage(), Contents(), NewPage()]
        parts: tuple[Callable[[Draft], None], ...] = (
            write_basis,
            write_today,
            write_targets,
            write_years,
            lambda draft: write_towns(draft, pictures),
            write_staff,
            write_postings,
            write_rounds,
            write_consortia,
            write_care,
            write_money,
            write_missed,
            write_proof,
            write_risks,
        )
        for write in parts:
            write(draft)
        write_annexes(draft, cards)
        day = date.fromisoformat(content["as_of"])
        district = content["district_data"]["name"][language]
        return Document(
            language,
            shown(title),
            shown(draft.word("paper.subtitle", first=draft.first, last=draft.last)),
            shown(draft.word("paper.issuer", district=district)),
            draft.word("paper.as_of", day=draft.day(day)),
            day,
            shown(title if len(title) <= _LONGEST_FOOT else title[:_LONGEST_FOOT] + draft.word("paper.ellipsis")),
            draft.blocks,
        )


def _title(draft: Draft) -> str:
    named = str(draft.content["title"][draft.language])
    plan = draft.word("paper.plan")
    return draft.word("paper.title", title=named.removesuffix(plan) if draft.language == "zh" else named)


def _first_page(draft: Draft) -> None:
    """Write what leaders read: what is asked of them, the main figures, and what they must know first."""
    content, rows = draft.content, draft.content["scorecard"]
    draft.plain_heading(draft.word("paper.summary"))
    records = list(draft.tables["budget"].records())
    first, last = draft.by_year[draft.first], draft.by_year[draft.last]
    kinds = [kind for kind in content["settings"]["siting"] if f"open_{kind}" in last]
    draft.say(
        "paper.asks",
        district=content["district_data"]["name"][draft.language],
        first=draft.first,
        last=draft.last,
        sites=draft.listed(draft.sites(kind, int(str(last[f"open_{kind}"]))) for kind in kinds) or draft.word("paper.none"),
        served=draft.people(int(str(last["served"]))),
        share=draft.share(int(str(last["served"])), int(str(last["people"]))),
        total=draft.money(sum(int(str(record["total"])) for record in records)),
    )
    lines: list[tuple[str, Callable[[Any], str]]] = [
        (draft.word("field.people"), lambda record: f"{record['people']:,}"),
        (draft.word("paper.served_and_share"), lambda record: _served(draft, record)),
        (draft.word("paper.sites_of_kinds"), lambda record: f"{sum(record[f'open_{kind}'] for kind in kinds):,}"),
    ]
    money = {int(str(record["year"])): record for record in records}
    if "recurrent" in records[0]:
        lines += [
            (draft.word("paper.budget_capital"), lambda record: draft.in_tables(money[record["year"]]["capital"])),
            (draft.word("paper.budget_recurrent"), lambda record: draft.in_tables(money[record["year"]]["recurrent"])),
        ]
    else:
        lines += [
            (draft.word("paper.budget_opening"), lambda record: draft.in_tables(money[record["year"]]["opening"])),
            (draft.word("paper.budget_yearly"), lambda record: draft.in_tables(money[record["year"]]["yearly"])),
        ]
    draft.grid(
        "paper.table_main",
        [draft.word("paper.item"), *map(str, draft.years)],
        [[head, *(say(record) for record in draft.by_year.values())] for head, say in lines],
        numbers=range(1, len(draft.years) + 1),
        widths=(22, *([15] * len(draft.years))),
        unit=draft.word("paper.money_unit"),
    )
    draft.say("paper.must_know")
    missed = [row for row in rows if row["status"] == "missed"]
    answered = sum(row["status"] in ANSWERED for row in rows)
    points = [
        draft.word("paper.know_missed", count=answered, missed=len(missed))
        if missed
        else draft.word("paper.know_met", count=answered)
    ]
    unserved = int(str(first["people"])) - int(str(first["served"]))
    if unserved:
        share = draft.share(unserved, int(str(first["people"])))
        points.append(draft.word("paper.know_unserved", year=draft.first, people=draft.people(unserved), share=share))
    points.append(_assumed(draft))
    if not content.get("today"):
        points.append(draft.word("paper.know_today"))
    gap = max((row["gap"] for row in content["stages"] if row["name"].split(".")[0] == "cost"), default=None)
    if gap is not None:
        points.append(draft.word("paper.know_gap", gap=percent_up(gap)))
    draft.points(points)
    draft.say("paper.decide")


def _served(draft: Draft, record: Any) -> str:
    return draft.word(
        "paper.number_and_share", number=f"{record['served']:,}", share=draft.share(record["served"], record["people"])
    )


def _assumed(draft: Draft) -> str:
    """Say what of the plan's inputs is estimated or assumed, for leaders."""
    records = [record for record in draft.tables["assumptions"].records() if record["basis"] in ("estimated", "assumed")]
    places = draft.content["district_data"]["places"]
    soft = sum(place["position_basis"] in ("estimated", "assumed") for place in places)
    key = "paper.know_estimated" if soft else "paper.know_assumed"
    return draft.word(key, places=len(places), positions=soft, kinds=len(records))
