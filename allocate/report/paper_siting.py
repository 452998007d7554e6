"""The parts of the recommendation on documents, on today, on targets, and on places and sites year by year."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from allocate.report.blocks import Drawer, What
from allocate.report.clauses import indicator_of
from allocate.report.drafting import Draft, Record, whole
from allocate.report.known_today import unlisted
from allocate.report.sheets import STATUSES
from allocate.report.summary import doubt_of, percent_exact, placed_by_estimate
from allocate.report.table import Cell, Content
from allocate.tables import ENDS, INSTITUTION_KINDS
from allocate.units import SOFT

# How much of the width of a page a map takes: of coverage two stand on one.
_SHARES = {"sites": 1.0, "coverage": 0.62}
ANSWERED = ("met", "missed")


def write_basis(draft: Draft) -> None:
    """Write which documents the plan rests on, what they are, and how many of their clauses it takes in."""
    draft.heading("paper.basis")
    documents = draft.content["settings"].get("documents") or {}
    if not documents:
        draft.say("paper.basis_none")
        return
    drafts = [one["document"] for one in documents.values() if one["document"]["status"] == "draft"]
    draft.say("paper.basis_documents", count=len(documents))
    if drafts:
        names = draft.listed(_title(draft, one) for one in drafts)
        draft.say("paper.basis_drafts", "warning", names=names)
    planned: Counter[str] = Counter()
    others: Counter[str] = Counter()
    where = {clause["id"]: code for code, one in documents.items() for clause in one["clauses"]}
    status: dict[str, set[str]] = {}
    for row in draft.content["scorecard"]:
        if row["clause"] in where:
            status.setdefault(row["clause"], set()).add(row["status"])
    for clause, found in status.items():
        (planned if found & set(ANSWERED) else others)[where[clause]] += 1
    draft.grid(
        "paper.table_documents",
        [draft.word(f"paper.{head}") for head in ("document", "issuer_of", "status", "day", "planned", "told")],
        [
            [
                str(one["document"]["title"][draft.language]),
                str(one["document"]["issuer"][draft.language]),
                draft.word(f"document.{one['document']['status']}"),
                str(one["document"]["as_of"]),
                str(planned[code]),
                str(others[code]),
            ]
            for code, one in documents.items()
        ],
        numbers=(4, 5),
        widths=(26, 18, 9, 11, 8, 8),
        note=draft.word("paper.planned_means"),
    )
    notes = [one["document"].get("note") for one in documents.values()]
    for document, note in zip(documents.values(), notes, strict=True):
        if note:
            draft.say("paper.document_note", title=_title(draft, document["document"]), note=note[draft.language])


def _title(draft: Draft, document: Content) -> str:
    return draft.word("paper.titled", title=document["title"][draft.language])


def write_today(draft: Draft) -> None:
    """Write what is known of today, and what is not: that stays unknown."""
    draft.heading("paper.today")
    content, language = draft.content, draft.language
    first, last = draft.by_year[draft.first], draft.by_year[draft.last]
    draft.say(
        "paper.today_people",
        district=content["district_data"]["name"][language],
        towns=len(content["district_data"]["towns"]),
        places=len(content["district_data"]["places"]),
        first=draft.first,
        people=draft.people(whole(first["people"])),
        last=draft.last,
        later=draft.people(whole(last["people"])),
        method=draft.word(f"projection.{first['method']}") if first["method"] else draft.word("card.unknown"),
        basis=draft.word(f"basis.{first['people_basis'] or 'unknown'}"),
    )
    kinds = Counter(one["kind"] for one in content["district_data"]["institutions"])
    listed = draft.listed(draft.sites(kind, kinds[kind]) for kind in INSTITUTION_KINDS if kinds[kind])
    if listed:
        draft.say("paper.today_sites", sites=listed)
    today = next((row for row in draft.tables["towns"].records() if row["town_id"] is None), None)
    if today is not None and today["today_served"] is not None:
        draft.say(
            "paper.today_served",
            people=draft.people(whole(today["today_served"])),
            share=draft.share(float(str(today["today_share"])), 1),
        )
        if lacking := unlisted(draft.source):
            names = draft.listed(draft.word(f"field.open_{kind}") for kind in lacking)
            draft.say("paper.today_unlisted", "warning", kinds=names)
    else:
        lacking = unlisted(draft.source)
        names = draft.listed(draft.word(f"field.open_{kind}") for kind in lacking)
        if count := sum(kinds[kind] for kind in lacking):
            draft.say("paper.today_partial", "warning", kinds=names, count=count)
        else:
            draft.say("paper.today_unknown", "warning", kinds=names)
    placed = placed_by_estimate(content)
    if placed:
        names = draft.listed(draft.sites(kind, number) for kind, number in placed.items())
        draft.say("paper.today_placed", "warning", count=placed.total(), kinds=names)
    if draft.source.resources:
        draft.say("paper.today_staff")
    soft = [record for record in draft.tables["assumptions"].records() if record["basis"] in SOFT]
    if soft:
        draft.say("paper.today_lacking", "warning", kinds=len(soft))


def write_targets(draft: Draft) -> None:
    """Write the clauses that the plan was made for, document by document, in their own words, with their targets."""
    draft.heading("paper.targets")
    lines: dict[str, list[Mapping[str, Any]]] = {}
    for row in draft.content["scorecard"]:
        if row["status"] in ANSWERED:
            name = row.get("document_name")
            lines.setdefault(str(name[draft.language] if name else row["document"]), []).append(row)
    if not lines:
        draft.say("paper.targets_none")
        return
    draft.say("paper.targets_intro", count=len({row["rule"] for rows in lines.values() for row in rows}))
    for document in sorted(lines, key=lambda name: not name):
        if document:
            draft.heading("paper.targets_of", 2, title=document)
        else:
            draft.heading("paper.targets_own", 2)
        draft.grid(
            "paper.table_targets" if document else "paper.table_own",
            [
                draft.word(f"paper.{head}")
                for head in ("clause", "asked" if document else "asked_own", "target", "by_years", "strength")
            ],
            [*_targets(draft, lines[document])],
            widths=(13, 40, 15, 13, 9),
            title=document,
        )


def _targets(draft: Draft, rows: list[Mapping[str, Any]]) -> Iterator[list[str]]:
    """Yield a line per rule: years that ask for the same stand together."""
    by_rule: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_rule.setdefault(row["rule"], []).append(row)
    for lines in by_rule.values():
        one = lines[0]
        same: dict[str, list[int]] = {}
        for row in lines:
            same.setdefault(target_of(draft, row), []).append(row["year"])
        yield [
            stands_in(draft, one),
            asked_of(draft, one),
            "\n".join(same),
            "\n".join(map(draft.span, same.values())),
            draft.word(f"strength.{one['strength']}"),
        ]


def named(draft: Draft, row: Mapping[str, Any]) -> str:
    """Return the clause that a line of the scorecard is about; of a rule that cites none, whose it is."""
    return row["clause"] or draft.word("paper.own_rule")


def stands_in(draft: Draft, row: Mapping[str, Any]) -> str:
    """Return the clause of a line, and where it stands in its document."""
    return "\n".join(filter(None, (named(draft, row), row["at"])))


def asked_of(draft: Draft, row: Mapping[str, Any]) -> str:
    """Return what a line of the scorecard asks for: the words of its document, else of its model."""
    says = str(row["says"][draft.language]) if row["says"] else ""
    if row["quote"]:
        # (Its words are Chinese: whoever reads English is told what they say.)
        quote = draft.word("paper.quoted", quote=row["quote"])
        return "\n".join(filter(None, (says, quote))) if draft.language == "en" else quote
    if says:
        return says
    source = draft.of_source(str(row["source"]))
    rule = (draft.content["settings"].get("rules") or {}).get(row["rule"]) or {}
    functions = draft.listed(map(draft.source.term, rule.get("functions") or ()))
    asked = indicator_of(row)
    if functions:
        asked = draft.word("paper.asked_functions", indicator=asked, functions=functions)
    return f"{asked}\n{source}" if source else asked


def target_of(draft: Draft, row: Mapping[str, Any]) -> str:
    """Return the target of a line, and whether it is the least or the most."""
    if row["target"] is None:
        return ""
    least = draft.word(f"sense.{row['sense']}") if row.get("sense") else ""
    said = draft.amount(row["target"], row["unit"])
    return f"{least} {said}".strip() if draft.language == "en" else f"{least}{said}"


def write_years(draft: Draft) -> None:
    """Write the plan year by year: people by how they are served, sites by kind, and what becomes of sites."""
    draft.heading("paper.years")
    for year, record in draft.by_year.items():
        draft.heading("paper.year", 2, year=year)
        people = whole(record["people"])
        numbers = {status: whole(record[status]) for status in STATUSES}
        draft.say(
            "paper.year_people",
            people=draft.people(people),
            served=draft.people(numbers["served"]),
            share=draft.share(numbers["served"], people),
            others=draft.listed(
                draft.word(f"paper.also_{status}", people=draft.people(numbers[status]))
                for status in STATUSES[1:]
                if numbers[status]
            )
            or draft.word("paper.also_nobody"),
        )
        kinds = [kind for kind in INSTITUTION_KINDS if record.get(f"open_{kind}")]
        sites = draft.listed(draft.sites(kind, whole(record[f"open_{kind}"])) for kind in kinds)
        draft.say("paper.year_sites" if sites else "paper.year_no_sites", year=year, sites=sites)
        draft.write(_changes(draft, year))
    _years_table(draft)


def _changes(draft: Draft, year: int) -> str:
    """Say what opens, closes, moves and is enlarged in a year."""
    sited = set(draft.content["settings"]["siting"])
    counts: Counter[tuple[str, str]] = Counter(
        (str(record["action"]), str(record["kind"]))
        for record in draft.tables["sites"].records()
        if record["year"] == year and record["kind"] in sited
    )
    said = [
        draft.word("paper.action", action=draft.word(f"action.{action}"), sites=draft.sites(kind, number))
        for (action, kind), number in sorted(counts.items())
    ]
    return draft.word("paper.changes", text=draft.listed(said)) if said else draft.word("paper.no_changes")


def _years_table(draft: Draft) -> None:
    """Write all years side by side."""
    kinds = [kind for kind in INSTITUTION_KINDS if f"open_{kind}" in draft.by_year[draft.first]]
    lines: list[tuple[str, str]] = [("people", draft.word("field.people"))]
    lines += [(status, draft.word(f"field.{status}")) for status in STATUSES]
    lines += [(f"open_{kind}", draft.word(f"field.open_{kind}")) for kind in kinds]
    rows = [
        [head, *(f"{record[name]:,}" for record in draft.by_year.values())]
        for name, head in lines
        if name not in STATUSES[1:] or any(record[name] for record in draft.by_year.values())
    ]
    shares = [draft.share(whole(r["served"]), whole(r["people"])) for r in draft.by_year.values()]
    rows.insert(2, [draft.word("field.served_share"), *shares])
    draft.grid(
        "paper.table_years",
        [draft.word("paper.item"), *map(str, draft.years)],
        rows,
        numbers=range(1, len(draft.years) + 1),
        widths=(20, *([12] * len(draft.years))),
        note=draft.word("paper.statuses_mean"),
    )


def write_towns(draft: Draft, pictures: Drawer | None) -> None:
    """Write where sites stand, town by town, from today to the last year, with maps."""
    draft.heading("paper.siting")
    content = draft.content
    records = list(draft.tables["towns"].records())
    draft.write(_worst(draft, records))
    if content["draws"]:
        draft.say("paper.siting_draws", count=len(content["draws"]))
    if any(place["position_basis"] in SOFT for place in content["district_data"]["places"]):
        draft.say("paper.siting_examples", "warning")
    _circles(draft)
    _towns_table(draft, records)
    if pictures is not None:
        _maps(draft, pictures)


def _towns_table(draft: Draft, records: list[dict[str, Cell]]) -> None:
    """Write the sites of every town from today to the last year, and the share of its people who are served."""
    ends = tuple(dict.fromkeys((draft.first, draft.last)))
    by_town: dict[str, dict[int, Record]] = {}
    for record in records:
        by_town.setdefault(str(record["town_id"] or ""), {})[whole(record["year"])] = record
    today = _today_by_town(draft)
    ranged = any(record["draws_low"] is not None for record in records)
    heads = [
        draft.word("field.town"), draft.word("paper.people_in", year=draft.last),
        draft.word("paper.sited_today"), *(draft.word("paper.sited_in", year=year) for year in draft.years),
        *([draft.word("paper.range")] if ranged else []),
        *(draft.word("paper.share_in", year=year) for year in ends),
    ]  # fmt: skip
    rows = []
    for town, years in by_town.items():
        end = years[draft.last]
        span = [f"{end['draws_low']}—{end['draws_high']}"] if ranged else []
        rows.append(
            [
                str(end["town"]),
                f"{end['people']:,}",
                draft.word("card.unknown") if today[town] is None else f"{today[town]:,}",
                *(f"{years[year]['sited']:,}" for year in draft.years),
                *span,
                *(draft.share(whole(years[year]["served"]), whole(years[year]["people"])) for year in ends),
            ]
        )
    draft.grid(
        "paper.table_towns",
        heads,
        rows,
        numbers=range(1, len(heads)),
        strong=[at for at, town in enumerate(by_town) if not town],
        note=draft.word(
            "paper.towns_mean",
            year=draft.last,
            kinds=draft.listed(draft.word(f"field.open_{kind}") for kind in draft.content["settings"]["siting"]),
        ),
    )


def _maps(draft: Draft, pictures: Drawer) -> None:
    """Put the map of the last year's sites, and those of coverage at first and in the end."""
    wanted: tuple[tuple[What, int], ...] = (("sites", draft.last), ("coverage", draft.first), ("coverage", draft.last))
    for what, year in dict.fromkeys(wanted):
        png, words = pictures(year, what)
        draft.picture(draft.word(f"paper.picture_{what}", year=year), png, words, _SHARES[what])


def _worst(draft: Draft, records: list[dict[str, Cell]]) -> str:
    """Say which town is served worst, in the first and the last year."""
    said = []
    for year in dict.fromkeys((draft.first, draft.last)):
        # (In each year the worst comes first.)
        towns = (one for one in records if one["year"] == year and one["town_id"] is not None and one["people"])
        for town in list(towns)[:1]:
            share = draft.share(whole(town["served"]), whole(town["people"]))
            said.append(draft.word("paper.worst_in", year=year, town=town["town"], share=share))
    return draft.word("paper.worst", text=draft.word("summary.semicolon").join(said)) if said else ""


def _circles(draft: Draft) -> None:
    """Write how many people live within the circle by each of its readings."""
    draft.of_last_year(
        "paper.table_circles",
        "coverage",
        (
            *("circle", "covered", "covered_share", "covered_slower_share", "covered_faster_share"),
            *("today_covered_share", "share_asked"),
        ),
        where=lambda record: record["town_id"] is None,
        unknown=("today_covered_share",),
        most=None,
        note=draft.word("paper.circles_mean", doubt=percent_exact(doubt_of(draft.content))),
    )


def _today_by_town(draft: Draft) -> dict[str, int | None]:
    """Return how many sites of the kinds that are sited each town has today; None where nobody knows."""
    kinds = {f"open_{kind}" for kind in draft.content["settings"]["siting"]}
    found: dict[str, int | None] = {}
    for record in draft.tables["today_and_planned"].records():
        if record["item_id"] in kinds:
            town, number = str(record["town_id"] or ""), record["today_figure"]
            before = found.get(town, 0)
            found[town] = None if before is None or number is None else before + whole(number)
    return {str(record["town_id"] or ""): None for record in draft.tables["towns"].records()} | found


def write_town_lists(draft: Draft) -> None:
    """Write which sites every town has and what becomes of them."""
    closing = {str(row["id"]) for row in draft.content["sites"] if row["action"] in ENDS}
    sited = set(draft.content["settings"]["siting"])
    # (A site has a line for all that becomes of it, and what has ended is none.)
    at_the_end = {str(row["id"]) for row in draft.content["sites"] if str(draft.last) in row["people"]}
    standing: dict[str, set[str]] = {}
    lines: dict[str, list[str]] = {}
    for record in draft.tables["sites"].records():
        if record["kind"] in sited:
            name = str(record["name"])
            serves = record[f"serves_{draft.last}"] if str(record["id"]) not in closing else None
            key = "paper.site_serves" if serves else "paper.site"
            said = draft.word(
                key,
                name=name,
                year=record["year"],
                action=draft.word(f"action.{record['action']}"),
                people=draft.people(int(serves)) if isinstance(serves, int) else "",
            )
            lines.setdefault(str(record["town"]), []).append(said)
            there = standing.setdefault(str(record["town"]), set())
            if str(record["id"]) in at_the_end:
                there.add(str(record["id"]))
    draft.grid(
        "paper.table_town_sites",
        [draft.word("field.town"), draft.word("paper.sites_of_town", year=draft.last), draft.word("paper.which_sites")],
        [[town, str(len(standing[town])), draft.listed(names)] for town, names in lines.items()],
        numbers=(1,),
        widths=(13, 7, 66),
    )
