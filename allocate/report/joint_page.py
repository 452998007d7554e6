"""Several districts planned together: the tables, the page, and the lines that a terminal shows."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from allocate.answer import Answer
from allocate.report.blocks import Bullets, Grid, Heading, PageBlock, Paragraph
from allocate.report.page_parts import grid_of
from allocate.report.summary import percent, percent_up
from allocate.report.table import Field, Sheet, clean, make_sheet, share_of
from allocate.words import Language, say_in

Row = Mapping[str, Any]
JOINT_SHEETS = ("joint_districts", "joint_goals", "joint_shares", "joint_clauses", "joint_circles", "joint_missing")
# What stands in the place of a district's id where all are meant.
ALL = "*"
_AWAY = "joint_away"
_STATUSES = ("met", "missed", "undecided")


def sheets(answer: Answer, language: Language) -> list[Sheet]:
    """Return the tables: districts and all of them, goals, shares of experts, clauses, circles, what is missing."""
    content, years = answer.content, answer.content["years"]
    which = [Field("joint_district", "text"), Field("joint_id", "id")]
    districts = make_sheet(
        "joint_districts",
        [
            *which, Field("worked_out", "code", "worked_out"), Field("clauses_met", "whole"),
            Field("clauses_missed", "whole"), Field("clauses_undecided", "whole"),
            *(
                field
                for year in years
                for field in (
                    Field(f"joint_people_{year}", "whole", year=year),
                    Field(f"people_served_{year}", "whole", year=year),
                    Field(f"joint_share_{year}", "share", year=year),
                    Field(f"sites_open_{year}", "whole", year=year),
                )
            ),
            Field("gap", "gap"), Field("why_not", "text"),
        ],
        (_district(row, years, language) for row in _with_total(content, language)),
    )  # fmt: skip
    goals = make_sheet(
        "joint_goals",
        [
            *which, Field("goal", "code", "stage"), Field("goal_value", "measure"), Field("goal_bound", "measure"),
            Field("unit", "code", "unit"), Field("gap", "gap"),
        ],
        (
            {
                **_which(row, language),
                "goal": goal["name"], "goal_value": goal["value"], "goal_bound": goal["bound"],
                "unit": goal["unit"], "gap": goal["gap"],
            }
            for row in _with_total(content, language)
            for goal in row.get("goals", ())
        ),
    )  # fmt: skip
    named = {row["name"]: clean(row["title"][language]) for row in content["districts"]}
    shares = make_sheet(
        "joint_shares",
        [
            Field("joint_pool", "id"), Field("joint_sender", "text"), Field("joint_experts", "whole"), *which,
            Field("joint_given", "whole"), Field("joint_asked", "whole"),
            *(Field(f"{_AWAY}_{year}", "whole", year=year) for year in years),
            Field("basis", "code", "basis"), Field("source", "text"),
        ],
        (
            {
                "joint_pool": row["pool"], "joint_sender": clean(row["sender_name"][language]),
                "joint_experts": row["experts"], "joint_district": named[row["district"]], "joint_id": row["district"],
                "joint_given": row["share"], "joint_asked": row["asked"],
                **{f"{_AWAY}_{year}": row["away"].get(str(year)) for year in years},
                "basis": row["basis"], "source": clean(row["source"]),
            }
            for row in content["shares"]
        ),
    )  # fmt: skip
    clauses = make_sheet(
        "joint_clauses",
        [
            Field("clause", "id"), Field("year", "year"), Field("strength", "code", "strength"),
            Field("says", "text"), *which, Field("status", "code", "clause"), Field("target", "measure"),
            Field("value", "measure"), Field("unit", "code", "unit"), Field("shortfall", "measure"),
            Field("shortfall_unit", "code", "unit"), Field("rule", "id"),
        ],
        (line for row in content["clauses"] for line in _clause(row, named, language)),
    )  # fmt: skip
    circles = make_sheet(
        "joint_circles",
        [
            *which, Field("circle", "text"), Field("preset", "id"), Field("joint_is_planned", "mark"),
            Field("year", "year"), Field("people", "whole"), Field("covered", "whole"),
            Field("joint_covered_share", "share"), Field("joint_today", "share", blank="change.unknown"),
        ],
        (
            {
                **_which(row, language),
                "circle": clean(row["circles"][line["preset"]][language]),
                "preset": line["preset"],
                "joint_is_planned": "✓" if line["preset"] == row["circle"] else None,
                "year": line["year"], "people": line["people"], "covered": line["covered"],
                "joint_covered_share": line["share"], "joint_today": line["today"],
            }
            for row in content["districts"]
            for line in row.get("coverage", ())
        ),
    )  # fmt: skip
    missing = make_sheet(
        "joint_missing",
        [*which, Field("joint_lacks", "code", "joint_lacks")],
        ({**_which(row, language), "joint_lacks": row["lacks"]} for row in content["missing"]),
    )
    return [districts, goals, shares, clauses, circles, missing]


def _which(row: Row, language: Language) -> dict[str, str]:
    return {"joint_district": clean(row["title"][language]), "joint_id": row["name"]}


def _with_total(content: Row, language: Language) -> Iterator[Row]:
    """Yield the districts, and the sum of them where all were planned and there are several."""
    yield from content["districts"]
    totals = content["totals"]
    if totals and len(content["districts"]) > 1:
        yield {
            "name": ALL,
            "title": {language: say_in(language, "joint.all")},
            "status": "planned",
            "reason": "",
            **totals,
        }


def _district(row: Row, years: list[int], language: Language) -> dict[str, Any]:
    by_year = {
        key: value
        for year in years
        for key, value in (
            (f"joint_people_{year}", _in(row, "people", year)),
            (f"people_served_{year}", _in(row, "served", year)),
            (f"joint_share_{year}", _served_share(row, year)),
            (f"sites_open_{year}", _sum(_in(row, "sites", year))),
        )
    }
    return {
        **_which(row, language),
        "worked_out": "found" if row["status"] == "planned" else "failed",
        **{f"clauses_{status}": row.get("clauses", {}).get(status) for status in _STATUSES},
        **by_year,
        # (Of all districts there is no gap but that of each goal: table of goals.)
        "gap": row.get("gap"),
        "why_not": clean(row["reason"]) or None,
    }


def _in(row: Row, figure: str, year: int) -> Any:
    """Return a figure of a year; None where there is no plan, or none of that year."""
    return row.get(figure, {}).get(str(year))


def _served_share(row: Row, year: int) -> float | None:
    people = _in(row, "people", year)
    return None if people is None else share_of(_in(row, "served", year), people)


def _sum(kinds: Mapping[str, int] | None) -> int | None:
    return None if kinds is None else sum(kinds.values())


def _clause(row: Row, named: Mapping[str, str], language: Language) -> Iterator[dict[str, Any]]:
    about = {key: row[key] for key in ("clause", "year", "strength")}
    # (As in the sheets of a plan: a share stands there as a fraction of 1, and its unit says so.)
    about["unit"] = "ratio" if row["unit"] == "share" else row["unit"]
    about["says"] = clean(row["says"][language]) if row["says"] else None
    for name, line in row["by_district"].items():
        yield {
            **about, "joint_district": named[name], "joint_id": name,
            **{key: line[key] for key in ("status", "target", "value", "shortfall", "shortfall_unit", "rule")},
        }  # fmt: skip
    if len(row["by_district"]) > 1:
        everywhere = {"joint_district": say_in(language, "joint.all"), "joint_id": ALL}
        blank = dict.fromkeys(("target", "value", "shortfall", "shortfall_unit", "rule"))
        yield {**about, **everywhere, "status": row["status"], **blank}


def blocks(answer: Answer, language: Language) -> list[PageBlock]:
    """Return the page: what was planned, district by district and in all, who has which experts, which clauses fail."""
    content = answer.content
    tables = {sheet.name: sheet for sheet in sheets(answer, language)}

    def word(key: str, **values: object) -> str:
        return say_in(language, f"joint.{key}", **values)

    documents = say_in(language, "summary.semicolon").join(
        clean(one["title"][language]) for one in content["documents"]
    )
    made: list[PageBlock] = [
        Paragraph(word("about", count=len(content["districts"]), documents=documents or "—")),
    ]
    if content["missing"]:
        made.append(Paragraph(_missing(content, language), "warning"))
    made += [
        Paragraph(word("failed", district=clean(row["title"][language]), reason=clean(row["reason"])), "warning")
        for row in content["districts"]
        if row["status"] == "failed"
    ]
    years = content["years"]
    ends = sorted({years[0], years[-1]})
    columns = [
        *("joint_district", "clauses_met", "clauses_missed", "clauses_undecided"),
        *(f"{name}_{year}" for year in ends for name in ("joint_people", "people_served", "joint_share", "sites_open")),
        "gap",
    ]
    rows = tables["joint_districts"]
    is_sum = {at for at, name in enumerate(rows.column("joint_id")) if name == ALL}
    made.append(Heading(word("districts")))
    made.append(_wide(grid_of(rows, language, columns=columns, strong=is_sum, note=word("districts_note")), 0))
    goals = tables["joint_goals"]
    if goals.rows:
        is_sum = {at for at, name in enumerate(goals.column("joint_id")) if name == ALL}
        made.append(
            grid_of(
                goals,
                language,
                columns=[field.name for field in goals.fields if field.name != "joint_id"],
                strong=is_sum,
                note=word("goals_note"),
            )
        )
    made.append(Heading(word("circles")))
    circles = tables["joint_circles"]
    last = [
        at for at, record in enumerate(circles.records()) if record["year"] == _last_year(content, record["joint_id"])
    ]
    made.append(
        grid_of(
            circles, language, rows=last,
            columns=["joint_district", "circle", "joint_is_planned", "year", "joint_today", "joint_covered_share"],
            note=word("circles_note"),
        )
    )  # fmt: skip
    if content["shares"]:
        shares = tables["joint_shares"]
        made.append(Heading(word("shares")))
        made.append(Paragraph(word("shares_about")))
        kept = [field.name for field in shares.fields if field.name not in ("joint_id", "source")]
        made.append(_wide(grid_of(shares, language, columns=kept), 0, 1, 3))
    made.append(Heading(word("clauses")))
    if content["clauses"]:
        clauses = tables["joint_clauses"]
        worst = [
            at for at, record in enumerate(clauses.records()) if record["status"] not in ("reported", "not_applicable")
        ]
        kept = ["clause", "year", "says", "joint_district", "status", "target", "value", "unit"]
        made.append(_wide(grid_of(clauses, language, rows=worst, columns=kept), 2))
    else:
        made.append(Paragraph(word("no_clauses")))
    made.append(Heading(word("reading")))
    made.append(Bullets(tuple(word(f"reading_{part}") for part in ("plans", "sums", "shares", "clauses"))))
    return made


def _wide(grid: Grid, *columns: int) -> Grid:
    """Return a table some of whose columns, by their place from 0, are twice as wide as the others."""
    return replace(grid, widths=tuple(2.0 if at in columns else 1.0 for at in range(len(grid.heads))))


def _last_year(content: Row, name: object) -> int:
    row = next(row for row in content["districts"] if row["name"] == name)
    return max(int(line["year"]) for line in row["coverage"])


def _missing(content: Row, language: Language) -> str:
    parts = [
        say_in(
            language,
            "joint.missing_part",
            district=clean(row["title"][language]),
            what=say_in(language, f"joint_lacks.{row['lacks']}"),
        )
        for row in content["missing"]
    ]
    return say_in(language, "joint.missing", count=len(parts), names=say_in(language, "summary.comma").join(parts))


def lines(answer: Answer, language: Language) -> Iterator[str]:
    """Yield the lines for a terminal: every district, all of them, shares of experts, what is missing."""
    content = answer.content

    def word(key: str, **values: object) -> str:
        return say_in(language, f"joint.{key}", **values)

    for row in _with_total(content, language):
        name = clean(row["title"][language])
        if row["status"] == "failed":
            yield word("failed", district=name, reason=clean(row["reason"]))
            continue
        year = max(row["people"], key=int)
        yield word(
            "line", district=name, **{status: row["clauses"][status] for status in _STATUSES}, year=year,
            people=row["people"][year], share=percent(row["served"][year], row["people"][year]),
            sites=sum(row["sites"][year].values()), goal=_first_goal(row, language),
        )  # fmt: skip
    for row in content["shares"]:
        away = max(row["away"].values(), default=0)
        yield word(
            "line_share",
            pool=row["pool"],
            district=_title(content, row["district"], language),
            share=row["share"],
            experts=row["experts"],
            away=away,
        )
    missed = [row for row in content["clauses"] if row["status"] == "missed"]
    for row in missed:
        names = [
            _title(content, name, language) for name, line in row["by_district"].items() if line["status"] == "missed"
        ]
        yield word(
            "line_missed",
            clause=row["clause"],
            year=row["year"] or "—",
            names=say_in(language, "summary.comma").join(names),
        )
    if content["missing"]:
        yield _missing(content, language)


def _title(content: Row, name: str, language: Language) -> str:
    return clean(next(row["title"][language] for row in content["districts"] if row["name"] == name))


def _first_goal(row: Row, language: Language) -> str:
    """Return the first goal that adds up, with its value and gap; nothing where there is none."""
    if not row["goals"]:
        return ""
    goal = row["goals"][0]
    told = {"goal": say_in(language, f"stage.{goal['name']}"), "value": _measured(goal, language)}
    return say_in(language, "joint.line_goal", **told, gap=percent_up(goal["gap"]))


def _measured(goal: Row, language: Language) -> str:
    if goal["unit"] == "yuan":
        return say_in(language, "joint.millions", number=f"{goal['value'] / 1e6:,.2f}")
    return f"{goal['value']:,.0f} {say_in(language, 'unit.' + goal['unit'])}"
