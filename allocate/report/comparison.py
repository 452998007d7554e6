"""Plans beside the first of them: as tables for workbook and page, and as lines for a terminal."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Any, Literal, get_args

from allocate.comparing import (
    FELT_MINUTES,
    Amount,
    Comparison,
    Line,
    Pair,
    Setting,
    SiteChange,
    SiteDifference,
    Stage,
    Standing,
    Town,
)
from allocate.report.away import way_name
from allocate.report.belonging import function_name
from allocate.report.summary import assumed_stock, percent, percent_up, say_grounds, stage_key
from allocate.report.table import DISTRICT, Content, Field, Sheet, Source, make_sheet, share_of
from allocate.tables import BASES
from allocate.units import SOFT
from allocate.words import Language, few, language, say, say_in, speaking, term, visible

# Every table by its name, in the order in which a planner reads them.
COMPARISON_SHEETS = (
    "compare_plans", "compare_proof", "compare_clauses", "compare_money", "compare_people", "compare_towns",
    "compare_sites", "compare_amounts", "compare_places", "compare_settings",
)  # fmt: skip
CHANGES: tuple[SiteChange, ...] = get_args(SiteChange)
_WITH = Field("compared_with", "text")
_TOLD = 4  # settings, clauses, towns and numbers that a line of the terminal names
# What of the budget a line of the terminal leaves out: sums of other columns.
_SUMS = ("capital", "recurrent", "total")


@dataclass(frozen=True)
class Side(Field):
    """A column of the first plan, of the other one, or of the difference between them."""

    side: Literal["first", "other", "difference"] = "first"

    @property
    def word(self) -> str:
        """Return the name without its side."""
        return self.name.removesuffix(f"_{self.side}")

    def heading(self, language: Language) -> str:
        """Return the heading in a language, with the side."""
        return say_in(language, f"compare.of_{self.side}", what=super().heading(language))


def comparison_sheets(made: Comparison, contents: Sequence[Content], language: Language) -> dict[str, Sheet]:
    """Return every table of a comparison by its name; `contents` are those of the plans, in their order."""
    first, *others = (Source(content, language) for content in contents)
    pairs = [_Both(pair, first, other) for pair, other in zip(made.pairs, others, strict=True)]
    makers: tuple[Callable[[Sequence[_Both]], Sheet], ...] = (
        _proof, _clauses, _money, _people, _towns, _sites, _amounts, _places, _settings,
    )  # fmt: skip
    tables = (_plans(made, language), *(make(pairs) for make in makers))
    return {table.name: table for table in tables}


@dataclass(frozen=True)
class _Both:
    """A pair of plans with what names their towns, places, sites and numbers."""

    pair: Pair
    first: Source
    other: Source

    @property
    def language(self) -> Language:
        return self.first.language

    def word(self, key: str, **values: object) -> str:
        return self.first.word(key, **values)

    def town(self, scope: str) -> str:
        if scope == DISTRICT:
            return self.word("sheet.whole_district")
        return self.other.towns.get(scope) or self.first.towns.get(scope) or scope

    def place(self, code: str) -> Content:
        place: Content = self.other.places.get(code) or self.first.places[code]
        return place

    def site(self, code: str | None) -> str | None:
        return None if code is None else self.other.site_names.get(code) or self.first.site_names.get(code, code)

    def basis(self, amount: Amount) -> str | None:
        """Return the weakest basis of an amount in any of both plans: of prices, or of how many there are today."""
        found: set[str] = set()
        for content in (self.first.content, self.other.content):
            if amount.group == "money":
                found |= {row["basis"] for row in content["budget"] if amount.year in (None, row["year"])}
            elif amount.group == "staff":
                rows = (row for row in content.get("stock", ()) if row["resource"] == amount.item)
                found |= {row["basis"] for row in rows if row["number"] is not None}
        return max(found, key=BASES.index, default=None)

    def grounds(self, line: Line) -> str | None:
        """Say what the figures of a clause rest on in any of both plans that is assumed."""
        rows = (*self.first.content["scorecard"], *self.other.content["scorecard"])
        grounds = [
            one
            for row in rows
            if (row["rule"], row["year"]) == (line.rule, line.year)
            for one in row.get("rests_on") or ()
        ]
        return say_grounds({"rests_on": list(dict.fromkeys(grounds))}, self.language) or None

    def item(self, amount: Amount) -> str:
        """Return what an amount is of, in words."""
        match amount.group:
            case "money":
                return Field(amount.item, "yuan").heading(self.language)
            case "open":
                return self.word("compare.item_open", kind=self.word(f"kind.{amount.item}"))
            case "staff":
                return self.first.term(amount.item)
            case "postings":
                field = term(amount.item, self.language) if amount.item else self.word("compare.item_any")
                return self.word("compare.item_postings", field=field)
            case "rounds":
                return self.word("compare.item_rounds", way=self._named(way_name, amount.item))
            case "functions":
                return self.word("compare.item_functions", function=self._named(function_name, amount.item))
            case _:
                return self.word("compare.item_consortia")

    def _named(self, name: Callable[[Content, str, Language], str], code: str) -> str:
        """Return the name that one of the plans has for a code; the first one's, where it has any."""
        found = (name(source.content, code, self.language) for source in (self.first, self.other))
        return next((told for told in found if told != code), code)


def _sides(name: str, kind: Any, group: str = "") -> tuple[Side, Side]:
    return Side(f"{name}_first", kind, group, side="first"), Side(f"{name}_other", kind, group, side="other")


def _difference(name: str, kind: Any) -> Side:
    return Side(f"{name}_difference", kind, side="difference")


def _plans(made: Comparison, language: Language) -> Sheet:
    fields = [
        Field("plan_name", "text"), Field("model_id", "text"), Field("date", "text"), Field("plan_years", "text"),
        Field("outcome_said", "text"), Field("gap", "gap"), Field("clauses_met", "whole"),
        Field("clauses_missed", "whole"), Field("people_last", "whole"), Field("served_last", "whole"),
        Field("served_share", "share"), Field("whole_cost", "yuan"), Field("program_version", "text"),
    ]  # fmt: skip

    def record(plan: Any) -> dict[str, Any]:
        return {
            "plan_name": plan.plan,
            "model_id": plan.model,
            "date": plan.as_of,
            "plan_years": _said_years(plan.years, language),
            "outcome_said": _said_outcome(plan, language),
            "gap": plan.gap,
            "clauses_met": plan.met,
            "clauses_missed": plan.missed,
            "people_last": plan.people,
            "served_last": plan.served,
            "served_share": share_of(plan.served, plan.people),
            "whole_cost": plan.cost,
            "program_version": plan.version,
        }

    return make_sheet("compare_plans", fields, map(record, made.plans))


def _said_years(years: Iterable[int], language: Language) -> str:
    return say_in(language, "summary.comma").join(map(str, years))


def _said_outcome(plan: Any, language: Language) -> str:
    return say_in(language, f"compare.gap_{plan.outcome}", gap=percent_up(plan.gap))


def _rows(pairs: Iterable[_Both], table: Callable[[_Both], Iterable[Mapping[str, Any]]]) -> Iterator[dict[str, Any]]:
    """Yield the lines of all pairs, each with the plan that it is about."""
    return ({"compared_with": both.pair.other, **row} for both in pairs for row in table(both))


def _settings(pairs: Sequence[_Both]) -> Sheet:
    fields = [
        _WITH, Field("what_differs", "code", "differing"), Field("item", "text"), Field("clause", "text"),
        *_sides("setting_value", "text"),
    ]  # fmt: skip

    def rows(both: _Both) -> Iterator[dict[str, Any]]:
        for row in both.pair.settings:
            yield {
                "what_differs": row.what,
                "item": row.item,
                "clause": row.clause or None,
                "setting_value_first": row.first,
                "setting_value_other": row.other,
            }

    return make_sheet("compare_settings", fields, _rows(pairs, rows))


def _proof(pairs: Sequence[_Both]) -> Sheet:
    fields = [
        _WITH, Field("stage", "text"), Field("verdict", "code", "verdict"), Field("cannot_tell", "code", "cannot_tell"),
        *_sides("stage_worth", "measure"), _difference("stage_worth", "measure"), Field("span_low", "measure"),
        Field("span_high", "measure"), Field("unit", "code", "unit"), *_sides("bound", "measure"),
        *_sides("gap", "gap"), Field("given_before", "mark"),
    ]  # fmt: skip

    def rows(both: _Both) -> Iterator[dict[str, Any]]:
        for stage in both.pair.stages:
            yield {
                "stage": _said_stage(stage.stage, both.language),
                "verdict": stage.verdict,
                "cannot_tell": stage.why or None,
                "stage_worth_first": stage.first,
                "stage_worth_other": stage.other,
                "stage_worth_difference": stage.difference,
                "span_low": stage.low,
                "span_high": stage.high,
                "unit": "ratio" if stage.unit == "share" else stage.unit,
                "bound_first": stage.first_bound,
                "bound_other": stage.other_bound,
                "gap_first": stage.first_gap,
                "gap_other": stage.other_gap,
                "given_before": "●" if stage.given else None,
            }

    return make_sheet("compare_proof", fields, _rows(pairs, rows))


def _said_stage(name: str, language: Language) -> str:
    stage, dot, step = name.partition(".")
    said = say_in(language, stage_key(stage))
    return f"{said} · {say_in(language, f'step.{step}')}" if dot else said


def _clauses(pairs: Sequence[_Both]) -> Sheet:
    fields = [
        _WITH, Field("verdict", "code", "verdict"), Field("rule", "text"), Field("clause", "text"),
        Field("year", "year"), Field("strength", "code", "strength"), Field("indicator", "text"),
        *_sides("status", "code", "clause"), *_sides("target", "measure"), *_sides("value", "measure"),
        Field("unit", "code", "unit"), *_sides("shortfall", "measure"), Field("shortfall_unit", "code", "unit"),
        Field("rests_on", "text"),
    ]  # fmt: skip

    def rows(both: _Both) -> Iterator[dict[str, Any]]:
        for line in both.pair.scorecard:
            indicator = line.indicator
            yield {
                **{side: getattr(line, side) for side in ("verdict", "rule", "year", "strength")},
                "clause": line.clause or None,
                "indicator": both.first.known(indicator, indicator) if indicator else None,
                **{
                    f"{name}_{side}": getattr(line, f"{side}_{name}")
                    for name in ("status", "target", "value", "shortfall")
                    for side in ("first", "other")
                },
                "unit": "ratio" if line.unit == "share" else line.unit,
                "rests_on": both.grounds(line),
                "shortfall_unit": "ratio" if line.shortfall_unit == "share" else line.shortfall_unit,
            }

    return make_sheet("compare_clauses", fields, _rows(pairs, rows))


def _money(pairs: Sequence[_Both]) -> Sheet:
    fields = [
        _WITH, Field("year", "year"), Field("item", "text"), *_sides("amount", "yuan"), _difference("amount", "yuan"),
        Field("basis", "code", "basis"),
    ]  # fmt: skip

    def rows(both: _Both) -> Iterator[dict[str, Any]]:
        for amount in both.pair.money:
            item = both.item(amount)
            item = item if amount.year is not None else f"{item} · {both.word('compare.all_years')}"
            yield {"year": amount.year, "item": item, "basis": both.basis(amount), **_of_amount(amount)}

    return make_sheet("compare_money", fields, _rows(pairs, rows))


def _of_amount(amount: Amount) -> dict[str, Any]:
    return {"amount_first": amount.first, "amount_other": amount.other, "amount_difference": amount.difference}


def _amounts(pairs: Sequence[_Both]) -> Sheet:
    fields = [
        _WITH, Field("what_differs", "code", "differing"), Field("item", "text"), Field("year", "year"),
        *_sides("amount", "whole"), _difference("amount", "whole"), Field("stock_basis", "code", "basis"),
    ]  # fmt: skip

    def rows(both: _Both) -> Iterator[dict[str, Any]]:
        for amount in both.pair.amounts:
            yield {
                "what_differs": amount.group,
                "item": both.item(amount),
                "year": amount.year,
                "stock_basis": both.basis(amount),
                **_of_amount(amount),
            }

    return make_sheet("compare_amounts", fields, _rows(pairs, rows))


def _sites(pairs: Sequence[_Both]) -> Sheet:
    fields = [
        _WITH, Field("site_change", "code", "site_change"), Field("name", "text"), Field("town", "text"),
        *_sides("kind", "code", "kind"), *_sides("open_years", "text"), *_sides("done", "text"),
        *_sides("serves_last", "whole"), Field("basis", "code", "basis"), Field("lon", "degrees"),
        Field("lat", "degrees"), *_sides("id", "id"), Field("town_id", "id"),
    ]  # fmt: skip

    def rows(both: _Both) -> Iterator[dict[str, Any]]:
        order = {change: at for at, change in enumerate(CHANGES)}
        for site in sorted(both.pair.sites, key=lambda one: (order[one.change], _any(one).town, _any(one).id)):
            some = _any(site)
            yield {
                "site_change": site.change,
                "name": some.name,
                "town": both.town(some.town),
                "basis": some.basis,
                "lon": some.lon,
                "lat": some.lat,
                "town_id": some.town,
                **_standing(site.first, "first", both.language),
                **_standing(site.other, "other", both.language),
            }

    return make_sheet("compare_sites", fields, _rows(pairs, rows))


def _any(site: SiteDifference) -> Standing:
    """Return the site as the other plan knows it, else as the first does."""
    found = site.other or site.first
    assert found is not None  # (It stands in one of them.)
    return found


def _standing(site: Standing | None, side: str, language: Language) -> dict[str, Any]:
    if site is None:
        return dict.fromkeys(f"{name}_{side}" for name in ("kind", "open_years", "done", "serves_last", "id"))
    steps = [
        say_in(language, "compare.stands", year=year, action=say_in(language, f"action.{action}"))
        for year, action in site.actions
    ]
    return {
        f"kind_{side}": site.kind,
        f"open_years_{side}": _said_years(site.years, language) or None,
        f"done_{side}": say_in(language, "summary.comma").join(steps) or None,
        f"serves_last_{side}": site.people if site.years else None,
        f"id_{side}": site.id,
    }


def _towns(pairs: Sequence[_Both]) -> Sheet:
    fields = [
        _WITH, Field("year", "year"), Field("town", "text"), *_sides("served", "whole"),
        _difference("served", "whole"), *_sides("served_share", "share"), *_sides("people", "whole"),
        *_sides("covered", "whole"), Field("town_id", "id"),
    ]  # fmt: skip

    def rows(both: _Both) -> Iterator[dict[str, Any]]:
        for town in both.pair.towns:
            yield {
                "year": town.year,
                "town": both.town(town.scope),
                "served_first": town.first_served,
                "served_other": town.other_served,
                "served_difference": town.more,
                "served_share_first": share_of(town.first_served, town.first_people),
                "served_share_other": share_of(town.other_served, town.other_people),
                "people_first": town.first_people,
                "people_other": town.other_people,
                "covered_first": town.first_covered,
                "covered_other": town.other_covered,
                "town_id": None if town.scope == DISTRICT else town.scope,
            }

    return make_sheet("compare_towns", fields, _rows(pairs, rows))


def _people(pairs: Sequence[_Both]) -> Sheet:
    fields = [
        _WITH, Field("year", "year"), Field("better", "whole"), Field("worse", "whole"), Field("unchanged", "whole"),
        Field("other_site_people", "whole"), *_sides("incomparable", "whole"), *_sides("people", "whole"),
    ]  # fmt: skip

    def rows(both: _Both) -> Iterator[dict[str, Any]]:
        for year in both.pair.people:
            yield {
                "year": year.year,
                "better": year.better,
                "worse": year.worse,
                "unchanged": year.same,
                "other_site_people": year.elsewhere,
                "incomparable_first": year.first_unknown,
                "incomparable_other": year.other_unknown,
                "people_first": year.first_people,
                "people_other": year.other_people,
            }

    return make_sheet("compare_people", fields, _rows(pairs, rows))


def _places(pairs: Sequence[_Both]) -> Sheet:
    fields = [
        _WITH, Field("year", "year"), Field("verdict", "code", "verdict"), Field("name", "text"),
        Field("town", "text"), Field("people_of_line", "whole"), Field("share_of_place", "share"),
        *_sides("status", "code", "status"), *_sides("site_name", "text"), *_sides("minutes", "minutes"),
        Field("position_basis", "code", "basis"), Field("people_basis", "code", "basis"), Field("id", "id"),
        Field("town_id", "id"),
    ]  # fmt: skip

    def rows(both: _Both) -> Iterator[dict[str, Any]]:
        for part in both.pair.parts:
            place = both.place(part.place)
            fares = {
                f"{name}_{side}": None if faring is None else value(faring)
                for side, faring in (("first", part.first), ("other", part.other))
                for name, value in (
                    ("status", lambda one: one.status),
                    ("site_name", lambda one: both.site(one.site)),
                    ("minutes", lambda one: one.minutes),
                )
            }
            yield {
                "year": part.year,
                "verdict": part.verdict,
                "name": place["name"],
                "town": both.town(place["town"]),
                "people_of_line": part.people,
                "share_of_place": float(part.share),
                **fares,
                "position_basis": place["position_basis"],
                "people_basis": place["people_basis"],
                "id": part.place,
                "town_id": place["town"],
            }

    return make_sheet("compare_places", fields, _rows(pairs, rows))


# ---- lines ----


def comparison_lines(made: Comparison, contents: Sequence[Content]) -> list[list[str]]:
    """Return some twenty lines for each of the plans beside the first one, in the language of the session."""
    first, *others = (Source(content, language()) for content in contents)
    return [
        [visible(line) for line in _lines(_Both(pair, first, other), made)]
        for pair, other in zip(made.pairs, others, strict=True)
    ]


def lines_in(made: Comparison, contents: Sequence[Content], chosen: Language) -> list[list[str]]:
    """Return the same lines in a named language."""
    with speaking(chosen):
        return comparison_lines(made, contents)


def _lines(both: _Both, made: Comparison) -> Iterator[str]:
    pair = both.pair
    yield say("compare.head", first=pair.first, other=pair.other, years=_said_years(pair.years, language()))
    if pair.is_same:
        yield say("compare.same")
        return
    if pair.first_years or pair.other_years:
        left = [_said_years(years, language()) or "—" for years in (pair.first_years, pair.other_years)]
        yield say("compare.years_left", first=left[0], other=left[1])
    yield _settings_line(pair.settings)
    one, two = (next(plan for plan in made.plans if plan.plan == name) for name in (pair.first, pair.other))
    gaps = [_said_outcome(plan, language()) for plan in (one, two)]
    yield say("compare.proof", first=pair.first, first_gap=gaps[0], other=pair.other, other_gap=gaps[1])
    yield _clauses_line(pair)
    yield from _money_lines(both)
    yield from _judged_lines(pair)
    yield from _sites_lines(both)
    yield from _amounts_lines(both)
    yield _towns_line(both)
    yield from _people_lines(pair)
    yield say("compare.people_means", minutes=FELT_MINUTES)
    if _is_soft(both):
        yield say("compare.estimated")
    assumed = [name for source in (both.first, both.other) for name in assumed_stock(source.content, source.resources)]
    if assumed:
        yield say("compare.assumed_stock", names=both.first.terms(dict.fromkeys(assumed)))


def _settings_line(settings: Sequence[Setting]) -> str:
    said = {what: [row for row in settings if row.what == what] for what in ("setting", "input", "version")}
    absent = say("compare.absent")
    changes = [
        say(
            "compare.change",
            what=row.item,
            first=_short(absent if row.first is None else row.first),
            other=_short(absent if row.other is None else row.other),
        )
        for row in said["setting"]
    ]
    text = say("compare.settings_text", text=_some(changes)) if changes else ""
    for what, key in (("input", "compare.inputs"), ("version", "compare.versions")):
        if rows := said[what]:
            text += say(key, count=len(rows), names=few([row.item for row in rows], _TOLD))
    return say("compare.settings", count=len(changes), text=text)


def _short(text: str) -> str:
    return text if len(text) <= 30 else f"{text[:30]}…"


def _some(parts: Sequence[str], most: int = _TOLD) -> str:
    """Join the first of some parts, and say how many there are besides."""
    more = say("compare.more", count=len(parts) - most) if len(parts) > most else ""
    return say("summary.semicolon").join(parts[:most]) + more


def _clauses_line(pair: Pair) -> str:
    named = {
        verdict: [row for row in pair.scorecard if row.verdict == verdict]
        for verdict in ("better", "worse", "same", "unknown")
    }
    text = "".join(
        say(f"compare.clauses_{verdict}", names=few([f"{row.rule} {row.year or ''}".strip() for row in rows], _TOLD))
        for verdict in ("better", "worse")
        if (rows := named[verdict])
    )
    (met, its_met), (missed, its_missed) = pair.counts["met"], pair.counts["missed"]
    return say(
        "compare.clauses",
        met=met,
        its_met=its_met,
        missed=missed,
        its_missed=its_missed,
        better=len(named["better"]),
        worse=len(named["worse"]),
        others=len(named["same"]) + len(named["unknown"]),
        text=text,
    )


def _money_lines(both: _Both) -> Iterator[str]:
    pair = both.pair
    whole = next((row for row in pair.money if row.year is None), None)
    if whole is None:
        yield say("compare.money_none")
    else:
        years = f"{pair.years[0]}–{pair.years[-1]} " if len(pair.years) > 1 else f"{pair.years[0]} "
        yield say(
            "compare.money",
            years=years if language() == "zh" else years.strip(),
            first=whole.first,
            other=whole.other,
            difference=_signed(whole.difference or 0),
            basis=say(f"basis.{both.basis(whole)}"),
        )
    for year in pair.years:
        rows = [row for row in pair.money if row.year == year and row.item not in _SUMS and row.difference]
        parts = [
            say("compare.change", what=both.item(row), first=f"{row.first:,}", other=f"{row.other:,}") for row in rows
        ]
        if parts:
            yield say("compare.money_kinds", year=year, text=_some(parts))


def _signed(number: int) -> str:
    """Return a number with its sign, thousands apart."""
    return f"{number:+,}".replace("-", "−") if number else "0"


def cost_verdict(pair: Pair) -> str:
    """Say whether the difference in cost proves anything, in the language of the session."""
    stage = pair.cost
    if stage is None or stage.why == "absent":
        return say("compare.cost_absent")
    if stage.why == "years":
        return say("compare.cost_years")
    key = stage.why if stage.verdict == "unknown" else stage.verdict
    low, high = (_signed(whole) for whole in (floor(stage.low or 0), ceil(stage.high or 0)))
    return say(f"compare.cost_{key}", low=low, high=high) + (say("compare.given") if stage.given else "")


def _judged_lines(pair: Pair) -> Iterator[str]:
    yield say("compare.judged", text=cost_verdict(pair))
    others = [stage for stage in pair.stages if stage.stage != "cost" and stage.verdict != "same"]
    if others:
        text = _some([_judged(stage) for stage in others], 2 * _TOLD)
        yield say("compare.judged", text=text + (say("compare.given") if any(one.given for one in others) else ""))


def _judged(stage: Stage) -> str:
    verdict = say(f"verdict.{stage.verdict}")
    why = say("map.in_brackets", text=say(f"cannot_tell.{stage.why}")) if stage.why else ""
    return say("compare.judged_stage", stage=_said_stage(stage.stage, language()), verdict=verdict + why)


def _sites_lines(both: _Both) -> Iterator[str]:
    sites = both.pair.sites
    counts = {change: sum(site.change == change for site in sites) for change in CHANGES}
    told = [say("compare.number_of", what=say(f"site_change.{change}"), number=n) for change, n in counts.items() if n]
    yield say("compare.sites", text=say("summary.comma").join(told)) if told else say("compare.sites_same")
    parts = _changed(both, [row for row in both.pair.amounts if row.group == "open"])
    if parts:
        yield say("compare.sites_open", text=_some(parts))


def _changed(both: _Both, rows: Iterable[Amount]) -> list[str]:
    """Return what changes how much, one text per item with all of its years that differ."""
    found: dict[str, list[Amount]] = {}
    for row in rows:
        if row.first != row.other:
            found.setdefault(row.item, []).append(row)
    return [
        say(
            "compare.change_year",
            year=say("summary.comma").join(str(row.year) for row in some),
            text=say("compare.change", what=both.item(some[0]), first=_each(some, 0), other=_each(some, 1)),
        )
        for some in found.values()
    ]


def _each(rows: Sequence[Amount], at: int) -> str:
    numbers = [(row.first, row.other)[at] for row in rows]
    said = [say("compare.not_decided") if number is None else f"{number:,}" for number in numbers]
    return said[0] if len(set(said)) == 1 else "/".join(said)


def _amounts_lines(both: _Both) -> Iterator[str]:
    groups = [group for group in dict.fromkeys(row.group for row in both.pair.amounts) if group != "open"]
    if not groups:
        yield say("compare.amounts_none")
        return
    told = False
    for group in groups:
        parts = _changed(both, [row for row in both.pair.amounts if row.group == group])
        if parts:
            told = True
            yield say(f"compare.line_{group}", text=_some(parts))
    if not told:
        yield say("compare.amounts_same")


def _towns_line(both: _Both) -> str:
    year = both.pair.years[-1]
    towns = [town for town in both.pair.towns if town.year == year and town.scope != DISTRICT]
    more = [town for town in towns if town.more > 0]
    less = [town for town in reversed(towns) if town.more < 0]
    return say(
        "compare.towns",
        year=year,
        winners=say("compare.towns_more", count=len(more), text=_named_towns(both, more)),
        losers=say("compare.towns_less", count=len(less), text=_named_towns(both, less)),
    )


def _named_towns(both: _Both, towns: Sequence[Town]) -> str:
    named = [say("compare.number_of", what=both.town(town.scope), number=_signed(town.more)) for town in towns]
    return say("compare.towns_named", text=_some(named)) if named else ""


def _people_lines(pair: Pair) -> Iterator[str]:
    district = {town.year: town for town in pair.towns if town.scope == DISTRICT}
    for year in pair.people:
        told = {"year": year.year, "better": year.better, "worse": year.worse, "same": year.same}
        if year.first_unknown or year.other_unknown:
            whole = district[year.year]
            yield say(
                "compare.people_unknown",
                **told,
                first=year.first_unknown,
                other=year.other_unknown,
                share=percent(whole.first_served, whole.first_people),
                its_share=percent(whole.other_served, whole.other_people),
            )
        else:
            yield say("compare.people", **told, elsewhere=year.elsewhere, people=year.first_people)


def _is_soft(both: _Both) -> bool:
    """Tell whether positions or people of places are estimated or assumed."""
    places = (*both.first.places.values(), *both.other.places.values())
    return any(place[basis] in SOFT for place in places for basis in ("position_basis", "people_basis"))
