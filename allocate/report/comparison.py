"""Plans beside the first of them, as tables for workbook and page."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from allocate.compared import Amount, Comparison, Line, Pair, SiteChange, SiteDifference, Standing, Summary
from allocate.report.away import way_name
from allocate.report.belonging import function_name
from allocate.report.summary import percent_up, say_grounds, stage_key
from allocate.report.table import DISTRICT, Content, Field, Sheet, Source, make_sheet, share_of
from allocate.tables import BASES
from allocate.words import Language, say_in, term

# Every table by its name, in the order in which a planner reads them.
COMPARISON_SHEETS = (
    "compare_plans", "compare_proof", "compare_clauses", "compare_money", "compare_people", "compare_towns",
    "compare_sites", "compare_amounts", "compare_places", "compare_settings",
)  # fmt: skip
CHANGES: tuple[SiteChange, ...] = get_args(SiteChange)
_WITH = Field("compared_with", "text")


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
    pairs = [Both(pair, first, other) for pair, other in zip(made.pairs, others, strict=True)]
    makers: tuple[Callable[[Sequence[Both]], Sheet], ...] = (
        _proof, _clauses, _money, _people, _towns, _sites, _amounts, _places, _settings,
    )  # fmt: skip
    tables = (_plans(made, language), *(make(pairs) for make in makers))
    return {table.name: table for table in tables}


@dataclass(frozen=True)
class Both:
    """A pair of plans with what names their towns, places, sites and numbers."""

    pair: Pair
    first: Source
    other: Source

    @property
    def language(self) -> Language:
        """Return the language that both are told in."""
        return self.first.language

    def word(self, key: str, **values: object) -> str:
        """Return a text of the catalogue, filled in."""
        return self.first.word(key, **values)

    def town(self, scope: str) -> str:
        """Return the name of a town by its id, or of the whole district."""
        if scope == DISTRICT:
            return self.word("sheet.whole_district")
        return self.other.towns.get(scope) or self.first.towns.get(scope) or scope

    def place(self, code: str) -> Content:
        """Return a place by its id."""
        place: Content = self.other.places.get(code) or self.first.places[code]
        return place

    def site(self, code: str | None) -> str | None:
        """Return the name of a site by its id; what is in neither plan keeps its id."""
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

    def record(plan: Summary) -> dict[str, Any]:
        return {
            "plan_name": plan.plan,
            "model_id": plan.model,
            "date": plan.as_of,
            "plan_years": said_years(plan.years, language),
            "outcome_said": said_outcome(plan, language),
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


def said_years(years: Iterable[int], language: Language) -> str:
    """Return years as a list."""
    return say_in(language, "summary.comma").join(map(str, years))


def said_outcome(plan: Summary, language: Language) -> str:
    """Say how far a plan may be from the best one."""
    return say_in(language, f"compare.gap_{plan.outcome}", gap=percent_up(plan.gap))


def _rows(pairs: Iterable[Both], table: Callable[[Both], Iterable[Mapping[str, Any]]]) -> Iterator[dict[str, Any]]:
    """Yield the lines of all pairs, each with the plan that it is about."""
    return ({"compared_with": both.pair.other, **row} for both in pairs for row in table(both))


def _settings(pairs: Sequence[Both]) -> Sheet:
    fields = [
        _WITH, Field("what_differs", "code", "differing"), Field("item", "text"), Field("clause", "text"),
        *_sides("setting_value", "text"),
    ]  # fmt: skip

    def rows(both: Both) -> Iterator[dict[str, Any]]:
        for row in both.pair.settings:
            yield {
                "what_differs": row.what,
                "item": row.item,
                "clause": row.clause or None,
                "setting_value_first": row.first,
                "setting_value_other": row.other,
            }

    return make_sheet("compare_settings", fields, _rows(pairs, rows))


def _proof(pairs: Sequence[Both]) -> Sheet:
    fields = [
        _WITH, Field("stage", "text"), Field("verdict", "code", "verdict"), Field("cannot_tell", "code", "cannot_tell"),
        *_sides("stage_worth", "measure"), _difference("stage_worth", "measure"), Field("span_low", "measure"),
        Field("span_high", "measure"), Field("unit", "code", "unit"), *_sides("bound", "measure"),
        *_sides("gap", "gap"), Field("given_before", "mark"),
    ]  # fmt: skip

    def rows(both: Both) -> Iterator[dict[str, Any]]:
        for stage in both.pair.stages:
            yield {
                "stage": said_stage(stage.stage, both.language),
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


def said_stage(name: str, language: Language) -> str:
    """Return what a stage is called, with its step where it has several."""
    stage, dot, step = name.partition(".")
    said = say_in(language, stage_key(stage))
    return f"{said} · {say_in(language, f'step.{step}')}" if dot else said


def _clauses(pairs: Sequence[Both]) -> Sheet:
    fields = [
        _WITH, Field("verdict", "code", "verdict"), Field("rule", "text"), Field("clause", "text"),
        Field("year", "year"), Field("strength", "code", "strength"), Field("indicator", "text"),
        *_sides("status", "code", "clause"), *_sides("target", "measure"), *_sides("value", "measure"),
        Field("unit", "code", "unit"), *_sides("shortfall", "measure"), Field("shortfall_unit", "code", "unit"),
        Field("rests_on", "text"),
    ]  # fmt: skip

    def rows(both: Both) -> Iterator[dict[str, Any]]:
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


def _money(pairs: Sequence[Both]) -> Sheet:
    fields = [
        _WITH, Field("year", "year"), Field("item", "text"), *_sides("amount", "yuan"), _difference("amount", "yuan"),
        Field("basis", "code", "basis"),
    ]  # fmt: skip

    def rows(both: Both) -> Iterator[dict[str, Any]]:
        for amount in both.pair.money:
            item = both.item(amount)
            item = item if amount.year is not None else f"{item} · {both.word('compare.all_years')}"
            yield {"year": amount.year, "item": item, "basis": both.basis(amount), **_of_amount(amount)}

    return make_sheet("compare_money", fields, _rows(pairs, rows))


def _of_amount(amount: Amount) -> dict[str, Any]:
    return {"amount_first": amount.first, "amount_other": amount.other, "amount_difference": amount.difference}


def _amounts(pairs: Sequence[Both]) -> Sheet:
    fields = [
        _WITH, Field("what_differs", "code", "differing"), Field("item", "text"), Field("year", "year"),
        *_sides("amount", "whole"), _difference("amount", "whole"), Field("stock_basis", "code", "basis"),
    ]  # fmt: skip

    def rows(both: Both) -> Iterator[dict[str, Any]]:
        for amount in both.pair.amounts:
            yield {
                "what_differs": amount.group,
                "item": both.item(amount),
                "year": amount.year,
                "stock_basis": both.basis(amount),
                **_of_amount(amount),
            }

    return make_sheet("compare_amounts", fields, _rows(pairs, rows))


def _sites(pairs: Sequence[Both]) -> Sheet:
    fields = [
        _WITH, Field("site_change", "code", "site_change"), Field("name", "text"), Field("town", "text"),
        *_sides("kind", "code", "kind"), *_sides("open_years", "text"), *_sides("done", "text"),
        *_sides("serves_last", "whole"), Field("basis", "code", "basis"), Field("lon", "degrees"),
        Field("lat", "degrees"), *_sides("id", "id"), Field("town_id", "id"),
    ]  # fmt: skip

    def rows(both: Both) -> Iterator[dict[str, Any]]:
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
        f"open_years_{side}": said_years(site.years, language) or None,
        f"done_{side}": say_in(language, "summary.comma").join(steps) or None,
        f"serves_last_{side}": site.people if site.years else None,
        f"id_{side}": site.id,
    }


def _towns(pairs: Sequence[Both]) -> Sheet:
    fields = [
        _WITH, Field("year", "year"), Field("town", "text"), *_sides("served", "whole"),
        _difference("served", "whole"), *_sides("served_share", "share"), *_sides("people", "whole"),
        *_sides("covered", "whole"), Field("town_id", "id"),
    ]  # fmt: skip

    def rows(both: Both) -> Iterator[dict[str, Any]]:
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


def _people(pairs: Sequence[Both]) -> Sheet:
    fields = [
        _WITH, Field("year", "year"), Field("better", "whole"), Field("worse", "whole"), Field("unchanged", "whole"),
        Field("other_site_people", "whole"), *_sides("incomparable", "whole"), *_sides("people", "whole"),
    ]  # fmt: skip

    def rows(both: Both) -> Iterator[dict[str, Any]]:
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


def _places(pairs: Sequence[Both]) -> Sheet:
    fields = [
        _WITH, Field("year", "year"), Field("verdict", "code", "verdict"), Field("name", "text"),
        Field("town", "text"), Field("people_of_line", "whole"), Field("share_of_place", "share"),
        *_sides("status", "code", "status"), *_sides("site_name", "text"), *_sides("minutes", "minutes"),
        Field("position_basis", "code", "basis"), Field("people_basis", "code", "basis"), Field("id", "id"),
        Field("town_id", "id"),
    ]  # fmt: skip

    def rows(both: Both) -> Iterator[dict[str, Any]]:
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
