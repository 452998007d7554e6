"""How well a plan survives what is uncertain, as tables and as a page: what holds, what to survey, what hurts most."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from allocate.answer import Answer
from allocate.card import sentence
from allocate.model import Model, model_of
from allocate.plans import inputs_of
from allocate.report.blocks import (
    Axis,
    Card,
    Cards,
    Chart,
    Heading,
    PageBlock,
    Paragraph,
    Series,
    Sign,
    SiteClass,
)
from allocate.report.hedged_blocks import HEDGED_SHEETS, hedged_blocks, hedged_sheets
from allocate.report.page_parts import classed_map, grid_of
from allocate.report.summary import percent, percent_up
from allocate.report.table import DISTRICT, Field, Sheet, clean, make_sheet, share_of
from allocate.robust import NAMED
from allocate.words import Language, catalogue, say_in, term

ROBUST_SHEETS = (
    "robust_coverage", "robust_clauses", "robust_sites", "robust_survey", "robust_closures", "robust_shortages",
    "robust_changes", "robust_anew", "robust_draws", *HEDGED_SHEETS,
)  # fmt: skip
CLASSES = ("firm", "depends", "doubtful")
# Letter, colour and sign of each class on the map, from the one to look at first.
_SIGNS: dict[str, tuple[str, str, Sign]] = {
    "doubtful": ("C", "#d55e00", "triangle"),
    "depends": ("B", "#e69f00", "square"),
    "firm": ("A", "#0072b2", "circle"),
}
# What is said of a site when one points at it, and the columns of the first tables.
_OF_SITE = ("stands", "anew", "idle", "draws", "people")
_SPREAD = ("town", "share_planned", "share_low", "share_median", "share_high", "share_worst", "worst_seed")
_SURVEY = (
    "survey_rank", "name", "town", "people", "site_people", "changes_expected", "changes_own", "changes_others",
    "won_by_knowing", "cumulated_share",
)  # fmt: skip
# Lines of a table on the page, where it is shown in part; the workbook has all of them.
_SHOWN = 10
# What is known in the draws that show what surveying helps.
_KNOWN = ("none", "first", "last")
_FEWER, _SHARE, _SERVED = "fewer_served", "robust_share", "robust_served"


class Told:
    """An answer with what several of its tables ask of it."""

    def __init__(self, answer: Answer, language: Language) -> None:
        self.content, self.language = answer.content, language
        self.years: list[int] = self.content["years"]
        self.last = str(self.years[-1])
        self.towns = {town["id"]: str(town["name"]) for town in self.content["district_data"]["towns"]}

    def word(self, key: str, **values: object) -> str:
        """Return the text of a key of the catalogue, filled in."""
        return say_in(self.language, key, **values)

    def scope(self, scope: str) -> str:
        """Return the name of a town by its id, or of the whole district."""
        return self.word("sheet.whole_district") if scope == DISTRICT else self.towns.get(scope, scope)

    @cached_property
    def model(self) -> Model:
        """Return the model of the plan."""
        return model_of(self.content["settings"], self.content["model"], "settings", inputs_of(self.content, "model"))

    def rule(self, name: str) -> str:
        """Return what a rule asks for."""
        return sentence(self.model.rules[name], self.language) if name in self.model.rules else name

    def missed(self, rules: Mapping[str, Sequence[int]]) -> str | None:
        """Return rules that are missed, with their years; None where there are none."""
        told = (self.word("robust.missed", rule=name, years=self.list(years)) for name, years in rules.items())
        return self.word("summary.semicolon").join(told) or None

    def list(self, items: Iterable[object]) -> str:
        """Return some things as a list."""
        return self.word("summary.comma").join(map(str, items))

    def joined(self, sentences: Sequence[str]) -> str:
        """Return sentences as one paragraph."""
        return ("" if self.language == "zh" else " ").join(sentences)


def sheets(answer: Answer, language: Language) -> list[Sheet]:
    """Return every table of the answer that has lines."""
    told = Told(answer, language)
    made: tuple[Callable[[Told], Sheet], ...] = (
        _coverage, _clauses, _sites, _survey, _closures, _shortages, _changes, _anew, _draws,
    )  # fmt: skip
    found = [sheet for make in made if (sheet := make(told)).rows]
    return [*found, *(hedged_sheets(told.content["hedged"], language) if told.content["hedged"] else ())]


def _coverage(told: Told) -> Sheet:
    fields = [
        Field("town", "text"), Field("year", "year"), Field("share_planned", "share"), Field("share_low", "share"),
        Field("share_median", "share"), Field("share_high", "share"), Field("share_worst", "share"),
        Field("worst_seed", "id"), Field("of_draws", "whole"), Field("town_id", "id"),
    ]  # fmt: skip

    def record(row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "town": told.scope(row["scope"]),
            "year": row["year"],
            **{f"share_{name}": row[name] for name in ("planned", "low", "median", "high", "worst")},
            "worst_seed": None if row["worst_seed"] is None else str(row["worst_seed"]),
            "of_draws": row["draws"],
            "town_id": None if row["scope"] == DISTRICT else row["scope"],
        }

    return make_sheet("robust_coverage", fields, map(record, told.content["coverage"]))


def _clauses(told: Told) -> Sheet:
    fields = [
        Field("rule", "text"), Field("clause", "text"), Field("says", "text"), Field("strength", "code", "strength"),
        Field("year", "year"), Field("kept_as_planned", "mark"), Field("draws_kept", "whole"),
        Field("of_draws", "whole"), Field("share_kept", "share"),
    ]  # fmt: skip

    def record(row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **{name: row[name] for name in ("rule", "strength", "year")},
            "clause": row["clause"] or None,
            "says": told.rule(row["rule"]),
            "kept_as_planned": "●" if row["kept_as_planned"] else None,
            "draws_kept": row["kept"],
            "of_draws": row["draws"],
            "share_kept": share_of(row["kept"], row["draws"]),
        }

    return make_sheet("robust_clauses", fields, map(record, told.content["clauses"]))


def _sites(told: Told) -> Sheet:
    fields = [
        Field("name", "text"), Field("kind", "code", "kind"), Field("town", "text"),
        Field("stability", "code", "stability"), Field("people_planned", "whole"), Field("stands_anew", "whole"),
        Field("of_anew", "whole"), Field("idle_draws", "whole"), Field("of_draws", "whole"),
        Field("basis", "code", "basis"), Field("id", "id"), Field("town_id", "id"),
    ]  # fmt: skip

    def record(row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **{name: row[name] for name in ("id", "name", "kind", "basis")},
            "town": told.scope(row["town"]),
            "town_id": row["town"],
            "stability": row["class"],
            "people_planned": row["people"],
            "stands_anew": row["stands"] if row["anew"] else None,
            "of_anew": row["anew"],
            "idle_draws": row["idle"],
            "of_draws": row["draws"],
        }

    return make_sheet("robust_sites", fields, map(record, told.content["sites"]))


def _survey(told: Told) -> Sheet:
    fields = [
        Field("survey_rank", "whole"), Field("name", "text"), Field("town", "text"), Field("people", "whole"),
        Field("sites_in_it", "text"), Field("site_people", "whole"), Field("changes_expected", "whole"),
        Field("changes_own", "whole"), Field("changes_others", "whole"), Field("won_by_knowing", "whole"),
        Field("cumulated_share", "share"), Field("position_basis", "code", "basis"),
        Field("people_basis", "code", "basis"), Field("id", "id"), Field("town_id", "id"),
    ]  # fmt: skip

    def record(row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **{name: row[name] for name in ("id", "name", "people", "site_people", "position_basis", "people_basis")},
            "survey_rank": row["rank"],
            "town": told.scope(row["town"]),
            "town_id": row["town"],
            "sites_in_it": told.list(row["sites"]) or None,
            "changes_expected": round(row["changes"]),
            "changes_own": round(row["own"]),
            "changes_others": round(row["others"]),
            "won_by_knowing": round(row["won"]),
            "cumulated_share": row["cumulated"],
        }

    return make_sheet("robust_survey", fields, map(record, told.content["surveying"]["places"]))


def _closures(told: Told) -> Sheet:
    fields = [
        Field("name", "text"), Field("kind", "code", "kind"), Field("town", "text"),
        *(Field(f"{_FEWER}_{year}", "whole", year=year) for year in told.years), Field("visits_fewer", "whole"),
        Field("missed_then", "text"), Field("basis", "code", "basis"), Field("id", "id"), Field("town_id", "id"),
    ]  # fmt: skip

    def record(row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **{name: row[name] for name in ("id", "name", "kind", "basis")},
            "town": told.scope(row["town"]),
            "town_id": row["town"],
            **_by_year(_FEWER, row["fewer"]),
            "visits_fewer": row["visits_lost"],
            "missed_then": told.missed(row["missed"]),
        }

    return make_sheet("robust_closures", fields, map(record, told.content["closures"]))


def _shortages(told: Told) -> Sheet:
    fields = [
        Field("resource", "text"), Field("cut_share", "share"), Field("number_planned", "whole"),
        Field("number_left", "whole"), *(Field(f"{_FEWER}_{year}", "whole", year=year) for year in told.years),
        Field("visits_fewer", "whole"), Field("missed_then", "text"),
    ]  # fmt: skip

    def record(row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "resource": clean(term(row["resource"], told.language)),
            "cut_share": row["cut"],
            "number_planned": row["planned"],
            "number_left": row["left"],
            **_by_year(_FEWER, row["fewer"]),
            "visits_fewer": row["visits_lost"],
            "missed_then": told.missed(row["missed"]),
        }

    return make_sheet("robust_shortages", fields, map(record, told.content["shortages"]))


def _changes(told: Told) -> Sheet:
    fields = [
        Field("speeds_times", "measure"), Field("growth_more", "measure"),
        *(Field(f"{_SERVED}_{year}", "whole", year=year) for year in told.years),
        *(Field(f"{_SHARE}_{year}", "share", year=year) for year in told.years), Field("missed_then", "text"),
    ]  # fmt: skip
    rows = [{"speed": 1.0, "growth": 0.0, **told.content["nominal"]}, *told.content["changes"]]
    return make_sheet("robust_changes", fields, (_drawn(told, row) for row in rows))


def _drawn(told: Told, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a draw, or a change by itself, comes to."""
    shares = {year: share_of(row["served"][year], row["people"][year]) for year in row["served"]}
    return {
        "seed": str(row.get("seed", "")) or None,
        "speeds_times": row["speed"],
        "growth_more": round(100 * row["growth"], 3),
        **_by_year(_SERVED, row["served"]),
        **_by_year(_SHARE, shares),
        "visits_fewer": row.get("visits_lost"),
        "sites_idle": len(row.get("idle", ())),
        "missed_then": told.missed({name: years for name, years in row["missed"].items() if years}),
    }


def _anew(told: Told) -> Sheet:
    fields = [
        Field("seed", "id"), Field("kept_served", "whole"), Field("anew_served", "whole"),
        Field("kept_cost", "yuan"), Field("anew_cost", "yuan"), Field("goal", "text"), Field("anew_value", "measure"),
        Field("anew_bound", "measure"), Field("gap", "gap"), Field("kept_value", "measure"),
        Field("is_comparable", "mark"), Field("kept_missed", "text"), Field("anew_missed", "text"),
    ]  # fmt: skip
    comparable = {row["seed"]: row["comparable"] for row in (told.content["regret"] or {"rows": ()})["rows"]}

    def record(row: Mapping[str, Any]) -> dict[str, Any]:
        kept, found = row["kept"], row["found"]
        return {
            "seed": str(row["seed"]),
            "kept_served": kept["served"][told.last],
            "anew_served": found["served"][told.last],
            "kept_cost": kept["cost"],
            "anew_cost": found["cost"],
            "goal": _goal(told, row["goal"]),
            "anew_value": found["value"],
            "anew_bound": found["bound"],
            "gap": found["gap"],
            "kept_value": kept["value"],
            "is_comparable": "●" if comparable[row["seed"]] else None,
            "kept_missed": told.list(kept["missed"]) or None,
            "anew_missed": told.list(found["missed"]) or None,
        }

    return make_sheet("robust_anew", fields, map(record, told.content["anew"]))


def _goal(told: Told, name: str) -> str:
    key = f"stage.{name}"
    return told.word(key) if key in catalogue() else name


def _draws(told: Told) -> Sheet:
    fields = [
        Field("seed", "id"), Field("speeds_times", "measure"), Field("growth_more", "measure"),
        *(Field(f"{_SERVED}_{year}", "whole", year=year) for year in told.years),
        *(Field(f"{_SHARE}_{year}", "share", year=year) for year in told.years), Field("visits_fewer", "whole"),
        Field("sites_idle", "whole"), Field("missed_then", "text"),
    ]  # fmt: skip
    return make_sheet("robust_draws", fields, (_drawn(told, row) for row in told.content["draws"]))


def _by_year(name: str, by: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{name}_{year}": number for year, number in by.items()}


# The page ------------------------------------------------------------------------------------------------------------


def blocks(answer: Answer, language: Language) -> list[PageBlock]:
    """Return the page: what holds, first of all in one paragraph; then each question with its table."""
    told = Told(answer, language)
    tables = {sheet.name: sheet for sheet in sheets(answer, language)}
    parts = (_begin, _spread, _stable, _surveyed, _hurts, _found_anew, _hedged)
    return [block for part in parts for block in part(told, tables)]


def _hedged(told: Told, tables: Mapping[str, Sheet]) -> Iterator[PageBlock]:
    """Yield what plans for the worst cases come to, where somebody asked for them."""
    del tables
    if told.content["hedged"]:
        yield from hedged_blocks(told.content["hedged"], told.language)


def headline(told: Told) -> str:
    """Return the answer in one paragraph for whoever reads no further."""
    content = told.content
    row = next(row for row in content["coverage"] if row["scope"] == DISTRICT and row["year"] == told.years[-1])
    parts = [
        told.word(
            "robust.head_coverage" if content["terms"]["estimates"] else "robust.head_surveyed",
            draws=row["draws"],
            year=told.last,
            seed="—" if row["worst_seed"] is None else row["worst_seed"],
            **{name: _percent(row[name]) for name in ("low", "high", "worst", "planned")},
        )
    ]
    if content["sites"]:
        parts.append(_classes_said(told))
    if content["surveying"]["whole"]:
        named = _first(told)
        parts.append(told.word("robust.head_survey", count=len(named), share=_percent(named[-1]["cumulated"])))
    worst = max(content["closures"], key=lambda one: int(one["fewer"][told.last]), default=None)
    if worst is not None and worst["fewer"][told.last]:
        people = f"{worst['fewer'][told.last]:,}"
        parts.append(told.word("robust.head_closure", name=clean(worst["name"]), people=people, year=told.last))
    return told.joined(parts)


def _classes_said(told: Told) -> str:
    counts = Counter(row["class"] for row in told.content["sites"])
    numbers = {name: counts[name] for name in CLASSES}
    said = told.word("robust.head_sites", count=len(told.content["sites"]), **numbers)
    return said if told.content["anew"] else told.joined([said, told.word("robust.head_none_anew")])


def _begin(told: Told, tables: Mapping[str, Sheet]) -> Iterator[PageBlock]:
    del tables
    content = told.content
    yield Paragraph(headline(told))
    row = next(row for row in content["coverage"] if row["scope"] == DISTRICT and row["year"] == told.years[-1])
    counts = Counter(site["class"] for site in content["sites"])
    figures = {
        "coverage": f"{_percent(row['low'])}%—{_percent(row['high'])}%",
        "worst": f"{_percent(row['worst'])}%",
        "firm": f"{counts['firm']:,} / {len(content['sites']):,}",
        "rests": f"{percent(*content['rests_on']['sites'])}%",
    }
    yield Cards(
        tuple(
            Card(told.word(f"robust.card_{name}"), figure, told.word(f"robust.card_{name}_note", year=told.last))
            for name, figure in figures.items()
        )
    )
    yield Paragraph(_rests_on(told))
    if content["failed"]:
        reasons = told.word("summary.semicolon").join(f"{row['job']}: {row['reason']}" for row in content["failed"])
        yield Paragraph(told.word("robust.failed", count=len(content["failed"]), reasons=clean(reasons)), "warning")


def _rests_on(told: Told) -> str:
    rests = told.content["rests_on"]
    shares = {name: percent(*rests[name]) for name in ("sites", "people", "yuan")}
    return told.word("robust.rests_on", year=told.last, **shares)


def _spread(told: Told, tables: Mapping[str, Sheet]) -> Iterator[PageBlock]:
    yield Heading(told.word("robust.spread"))
    yield _chart(told)
    sheet = tables["robust_coverage"]
    yield grid_of(
        sheet,
        told.language,
        columns=_SPREAD,
        rows=[n for n, year in enumerate(sheet.column("year")) if year == told.years[-1]],
        caption=told.word("robust.spread_caption", year=told.last),
    )
    if clauses := tables.get("robust_clauses"):
        wanted = ("rule", "says", "strength", "year", "kept_as_planned", "draws_kept", "of_draws", "share_kept")
        yield grid_of(clauses, told.language, columns=wanted, caption=told.word("robust.clauses_caption"))
    lines = ("speeds_times", "growth_more", *(f"{_SHARE}_{year}" for year in told.years), "missed_then")
    caption = told.word("robust.changes_caption")
    yield grid_of(tables["robust_changes"], told.language, columns=lines, caption=caption)


def _chart(told: Told) -> Chart:
    """Return how the share of people served is spread over the draws in every town, the worst town first."""
    rows = [row for row in told.content["coverage"] if row["year"] == told.years[-1] and row["median"] is not None]
    rows.sort(key=lambda row: (row["scope"] != DISTRICT, row["low"], row["scope"]))

    def every(name: str) -> tuple[float | None, ...]:
        return tuple(row[name] for row in rows)

    boxes = Series(
        told.word("robust.chart_series"),
        tuple(map(float, range(len(rows)))),
        every("median"),
        every("low"),
        every("high"),
        every("quarter"),
        every("three_quarters"),
    )
    return Chart(
        told.word("robust.chart_caption", year=told.last),
        "box",
        Axis(told.word("field.town"), names=tuple(clean(told.scope(row["scope"])) for row in rows)),
        Axis(told.word("robust.chart_share"), "share"),
        (boxes,),
        ranges=told.word("robust.chart_ranges"),
        note=told.word("robust.chart_note"),
    )


def _stable(told: Told, tables: Mapping[str, Sheet]) -> Iterator[PageBlock]:
    yield Heading(told.word("robust.stable"))
    sheet = tables.get("robust_sites")
    if sheet is None:
        yield Paragraph(told.word("robust.no_sites"))
        return
    terms = told.content["terms"]
    names = ("idle", "firm_stands", "firm_idle", "doubtful_stands", "doubtful_idle")
    yield Paragraph(told.word("robust.classes", **{name: f"{100 * terms[name]:g}" for name in names}), "note")
    sites = told.content["sites"]
    yield classed_map(
        told.content,
        {row["id"]: row["class"] for row in sites},
        tuple(SiteClass(key, told.word(f"stability.{key}"), *signs) for key, signs in _SIGNS.items()),
        caption=told.word("robust.map_caption"),
        notes={row["id"]: told.word("robust.map_note", **{n: row[n] for n in _OF_SITE}) for row in sites},
        ground={"district_data": told.content["district_data"]},
    )
    order = {name: n for n, name in enumerate(reversed(CLASSES))}
    rows = [n for n, row in enumerate(sites) if row["class"] != "firm"]
    rows.sort(key=lambda n: (order[sites[n]["class"]], sites[n]["stands"], -sites[n]["idle"], -sites[n]["people"]))
    if rows:
        wanted = ("name", "town", "stability", "people_planned", "stands_anew", "of_anew", "idle_draws", "basis")
        caption = told.word("robust.sites_caption")
        yield grid_of(sheet, told.language, columns=wanted, rows=rows, caption=caption, most=NAMED)


def _surveyed(told: Told, tables: Mapping[str, Sheet]) -> Iterator[PageBlock]:
    yield Heading(told.word("robust.survey"))
    found, terms = told.content["surveying"], told.content["terms"]
    if not found["whole"]:
        if not terms["estimates"]:
            yield Paragraph(told.word("robust.survey_none"))
        elif not terms["can_survey"]:
            yield Paragraph(told.word("robust.survey_roads"))
        else:
            yield Paragraph(told.word("robust.survey_nothing"))
        return
    first = _first(told)
    share = _percent(first[-1]["cumulated"])
    yield Paragraph(told.word("robust.survey_says", count=len(first), of=len(found["places"]), share=share))
    yield grid_of(
        tables["robust_survey"],
        told.language,
        columns=_SURVEY,
        rows=range(len(first)),
        caption=told.word("robust.survey_caption", count=len(first)),
    )
    checked = {row["known"]: row for row in found["check"]}
    if len(checked) == len(_KNOWN):
        offs = {name: f"{checked[name]['off']:,}" for name in _KNOWN}
        row = checked["first"]
        yield Paragraph(
            told.word("robust.survey_check", count=row["places"], draws=row["draws"], year=told.last, **offs)
        )
    yield Paragraph(told.word("robust.survey_method", draws=found["draws"], year=told.last), "note")


def _first(told: Told) -> list[Mapping[str, Any]]:
    """Return the villages to survey first: those that change anything, at most so many."""
    return [row for row in told.content["surveying"]["places"][:NAMED] if row["changes"]]


def _hurts(told: Told, tables: Mapping[str, Sheet]) -> Iterator[PageBlock]:
    yield Heading(told.word("robust.hurts"))
    fewer = tuple(f"{_FEWER}_{year}" for year in told.years)
    if closures := tables.get("robust_closures"):
        wanted = ("name", "kind", "town", *fewer, "visits_fewer", "missed_then")
        caption = told.word("robust.closures_caption")
        yield grid_of(closures, told.language, columns=wanted, caption=caption, most=_SHOWN)
    if shortages := tables.get("robust_shortages"):
        told_of = told.content["shortages"]
        rows = [n for n, row in enumerate(told_of) if row["missed"] or row["visits_lost"] or any(row["fewer"].values())]
        spared = {row["resource"] for row in told_of} - {told_of[n]["resource"] for n in rows}
        wanted = ("resource", "cut_share", "number_planned", "number_left", *fewer, "visits_fewer", "missed_then")
        if rows:
            caption = told.word("robust.shortages_caption")
            yield grid_of(shortages, told.language, columns=wanted, rows=rows, caption=caption)
        if spared:
            names = told.list(clean(term(name, told.language)) for name in sorted(spared))
            yield Paragraph(told.word("robust.spared", resources=names), "note")


def _found_anew(told: Told, tables: Mapping[str, Sheet]) -> Iterator[PageBlock]:
    yield Heading(told.word("robust.regret"))
    regret = told.content["regret"]
    if regret is None:
        yield Paragraph(told.word("robust.regret_none"))
        return
    yield Paragraph(
        told.word(
            "robust.regret_says",
            count=len(regret["rows"]),
            year=told.last,
            people=f"{regret['people']['median']:,}",
            most=f"{regret['people']['worst']:,}",
            yuan=f"{regret['yuan']['median']:,}",
            most_yuan=f"{regret['yuan']['worst']:,}",
            gap=percent_up(regret["gap"]),
            comparable=regret["comparable"],
        )
    )
    wanted = ("seed", "kept_served", "anew_served", "kept_cost", "anew_cost", "gap", "is_comparable", "kept_missed")
    caption = told.word("robust.anew_caption", year=told.last)
    yield grid_of(tables["robust_anew"], told.language, columns=wanted, caption=caption)


def _percent(share: float | None) -> str:
    return "—" if share is None else percent(share, 1)
