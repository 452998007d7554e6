"""The recommendation that a plan comes to, as the document that a health commission puts before its leaders."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any

from allocate.report.away import posts_away, visits_made
from allocate.report.belonging import forms_consortia, sets_up_functions
from allocate.report.blocks import Contents, Document, Drawer, NewPage
from allocate.report.drafting import Draft, shown, whole
from allocate.report.known_today import unlisted
from allocate.report.paper_annexes import write_annexes
from allocate.report.paper_people import write_care, write_consortia, write_postings, write_rounds, write_staff
from allocate.report.paper_proof import standing_of, write_missed, write_money, write_proof, write_risks
from allocate.report.paper_siting import (
    ANSWERED,
    write_basis,
    write_targets,
    write_today,
    write_towns,
    write_years,
)
from allocate.report.summary import assumed_stock, percent_up, placed_by_estimate, stage_key
from allocate.report.table import Content
from allocate.rows import POLICY
from allocate.tables import NOT_GONE_TO
from allocate.units import SOFT
from allocate.words import Language, speaking

_LONGEST_FOOT = 70  # characters of a title at the foot of every page


def recommendation(content: Content, language: Language, *, pictures: Drawer | None = None) -> Document:
    """Return the recommendation document of a plan in one language; what the plan does not decide has no part in it.

    Parameters
    ----------
    pictures
        Draws the maps; without it there are none.
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
        write_annexes(draft)
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
    content = draft.content
    draft.plain_heading(draft.word("paper.summary"))
    records = list(draft.tables["budget"].records())
    last = draft.by_year[draft.last]
    kinds = [kind for kind in content["settings"]["siting"] if f"open_{kind}" in last]
    draft.say(
        "paper.asks",
        first=draft.first,
        last=draft.last,
        what=draft.listed(_decided(draft)),
        sites=draft.listed(draft.sites(kind, whole(last[f"open_{kind}"])) for kind in kinds)
        or draft.word("paper.none"),
        served=draft.people(whole(last["served"])),
        share=draft.share(whole(last["served"]), whole(last["people"])),
        total=draft.money(total := sum(whole(record["total"]) for record in records)),
        standing=draft.word("paper.asks_standing", new=draft.money(total - standing))
        if (standing := standing_of(records))
        else "",
    )
    money = {record["year"]: record for record in records}
    once, yearly = ("capital", "recurrent") if "recurrent" in records[0] else ("opening", "yearly")

    def standing_of_kinds(some: Sequence[str]) -> Callable[[Any], str]:
        return lambda record: f"{sum(record[f'open_{kind}'] for kind in some):,}"

    near = [kind for kind in kinds if kind not in NOT_GONE_TO]
    lines: list[tuple[str, Callable[[Any], str]]] = [
        ("field.people", lambda record: f"{record['people']:,}"),
        ("paper.served", lambda record: f"{record['served']:,}"),
        ("field.served_share", lambda record: draft.share(record["served"], record["people"])),
        *(
            [(f"field.open_{near[0]}" if len(near) == 1 else "paper.sites_of_kinds", standing_of_kinds(near))]
            if near
            else []
        ),
        *((f"field.open_{kind}", standing_of_kinds([kind])) for kind in kinds if kind in NOT_GONE_TO),
        (f"paper.budget_{once}", lambda record: draft.in_tables(whole(money[record["year"]][once]))),
        (f"paper.budget_{yearly}", lambda record: draft.in_tables(whole(money[record["year"]][yearly]))),
    ]
    draft.grid(
        "paper.table_main",
        [draft.word("paper.item"), *map(str, draft.years)],
        [[draft.word(key), *(say(record) for record in draft.by_year.values())] for key, say in lines],
        numbers=range(1, len(draft.years) + 1),
        widths=(22, *([15] * len(draft.years))),
        unit=draft.word("paper.money_unit"),
    )
    draft.say("paper.must_know")
    draft.points(_must_know(draft))


def _decided(draft: Draft) -> Iterator[str]:
    """Yield what the plan decides."""
    content = draft.content
    for key, is_there in (
        ("paper.decides_sites", bool(content["settings"]["siting"])),
        ("paper.decides_staff", bool(draft.source.resources)),
        ("paper.decides_postings", posts_away(content)),
        ("paper.decides_rounds", visits_made(content)),
        ("paper.decides_consortia", forms_consortia(content)),
        ("paper.decides_functions", sets_up_functions(content)),
    ):
        if is_there:
            yield draft.word(key)


def _must_know(draft: Draft) -> Iterator[str]:
    """Yield what leaders must know before they decide: what is missed, what is assumed, how far from the best."""
    content = draft.content
    statuses = [row["status"] for row in content["scorecard"]]
    missed, answered = statuses.count("missed"), sum(status in ANSWERED for status in statuses)
    key = "paper.know_missed" if missed else "paper.know_met" if answered else "paper.know_none"
    known = [draft.word(key, count=answered, missed=missed)]
    # (The first year in which anybody is left out, and the last.)
    short = [record for record in draft.by_year.values() if record["people"] != record["served"]]
    for record in {whole(one["year"]): one for one in (*short[:1], *short[-1:])}.values():
        unserved = whole(record["people"]) - whole(record["served"])
        share = draft.share(unserved, whole(record["people"]))
        year = whole(record["year"])
        known.append(draft.word("paper.know_unserved", year=year, people=draft.people(unserved), share=share))
    yield draft.sentence(draft.word("summary.semicolon").join(known))
    places = content["district_data"]["places"]
    soft = sum(place["position_basis"] in SOFT for place in places)
    if soft:
        yield draft.word("paper.know_estimated", places=len(places), positions=soft)
    placed = placed_by_estimate(content)
    if placed:
        yield draft.sentence(draft.word("paper.know_placed", count=placed.total()))
    lacking = draft.listed(draft.word(f"field.open_{kind}") for kind in unlisted(draft.source))
    unknown = []
    if not content.get("today"):
        partial = any(one["kind"] in unlisted(draft.source) for one in content["district_data"]["institutions"])
        unknown.append(draft.word("paper.know_partial" if partial else "paper.know_today", kinds=lacking))
    elif lacking:
        unknown.append(draft.word("paper.know_unlisted", kinds=lacking))
    staff = assumed_stock(content, draft.source.resources)
    if staff:
        unknown.append(draft.word("paper.know_staff", count=len(staff)))
    if content["budget"][0]["basis"] in SOFT:
        unknown.append(draft.word("paper.know_prices"))
    if unknown:
        yield draft.sentence(draft.word("summary.semicolon").join(unknown))
    yield from _saved_at_most(draft)


def _saved_at_most(draft: Draft) -> Iterator[str]:
    """Say how much of the cost could still be saved: no plan that reaches less in a stage before is looked at."""
    stages = draft.content["stages"]
    at = next((at for at, row in enumerate(stages) if row["name"] == "cost"), None)
    if at is None:
        return
    keys = dict.fromkeys(stage_key(row["name"]) for row in stages[:at])
    before = draft.listed(map(draft.word, keys))
    # (A gap is a share of what the plan costs.)
    key = "paper.know_gap" if before else "paper.know_gap_first"
    if keys and all(one.removeprefix("stage.") in POLICY for one in keys):
        key = "paper.know_gap_clauses"
    # (What today's staff and beds cost is no part of what is searched for.)
    cost = "paper.know_cost_new" if standing_of(draft.tables["budget"].records()) else "paper.know_cost"
    yield draft.word(key, cost=draft.word(cost), gap=percent_up(stages[at]["gap"]), before=before)
