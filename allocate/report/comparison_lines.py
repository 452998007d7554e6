"""Plans beside the first of them, as some twenty lines for a terminal."""

from collections.abc import Iterable, Iterator, Sequence
from math import ceil, floor

from allocate.compared import FELT_MINUTES, Amount, Comparison, Pair, Setting, Stage, Town
from allocate.report.comparison import CHANGES, Both, said_outcome, said_stage, said_years
from allocate.report.summary import assumed_stock, percent
from allocate.report.table import DISTRICT, Content, Source
from allocate.units import SOFT
from allocate.words import Language, few, language, say, speaking, visible

_TOLD = 4  # settings, clauses, towns and numbers that a line of the terminal names
# What of the budget a line of the terminal leaves out: sums of other columns.
_SUMS = ("capital", "recurrent", "total")


def comparison_lines(made: Comparison, contents: Sequence[Content]) -> list[list[str]]:
    """Return some twenty lines for each of the plans beside the first one, in the language of the session."""
    first, *others = (Source(content, language()) for content in contents)
    return [
        [visible(line) for line in _lines(Both(pair, first, other), made)]
        for pair, other in zip(made.pairs, others, strict=True)
    ]


def lines_in(made: Comparison, contents: Sequence[Content], chosen: Language) -> list[list[str]]:
    """Return the same lines in a named language."""
    with speaking(chosen):
        return comparison_lines(made, contents)


def _lines(both: Both, made: Comparison) -> Iterator[str]:
    pair = both.pair
    yield say("compare.head", first=pair.first, other=pair.other, years=said_years(pair.years, language()))
    if pair.is_same:
        yield say("compare.same")
        return
    if pair.first_years or pair.other_years:
        left = [said_years(years, language()) or "—" for years in (pair.first_years, pair.other_years)]
        yield say("compare.years_left", first=left[0], other=left[1])
    yield _settings_line(pair.settings)
    one, two = (next(plan for plan in made.plans if plan.plan == name) for name in (pair.first, pair.other))
    gaps = [said_outcome(plan, language()) for plan in (one, two)]
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
            what=_item(row),
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


def _item(row: Setting) -> str:
    """Return what differs in words a planner knows, with the key that the model has for it."""
    if row.item == "draws":
        return say("compare.item_draws")
    return say("compare.item_of_clause", clause=row.clause, item=row.item) if row.clause else row.item


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


def _money_lines(both: Both) -> Iterator[str]:
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


def _cost_verdict(pair: Pair) -> str:
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
    yield say("compare.judged", text=_cost_verdict(pair))
    others = [stage for stage in pair.stages if stage.stage != "cost" and stage.verdict != "same"]
    if others:
        text = _some([_judged(stage) for stage in others], 2 * _TOLD)
        yield say("compare.judged", text=text + (say("compare.given") if any(one.given for one in others) else ""))


def _judged(stage: Stage) -> str:
    verdict = say(f"verdict.{stage.verdict}")
    why = say("map.in_brackets", text=say(f"cannot_tell.{stage.why}")) if stage.why else ""
    return say("compare.judged_stage", stage=said_stage(stage.stage, language()), verdict=verdict + why)


def _sites_lines(both: Both) -> Iterator[str]:
    sites = both.pair.sites
    counts = {change: sum(site.change == change for site in sites) for change in CHANGES}
    told = [say("compare.number_of", what=say(f"site_change.{change}"), number=n) for change, n in counts.items() if n]
    yield say("compare.sites", text=say("summary.comma").join(told)) if told else say("compare.sites_same")
    parts = _changed(both, [row for row in both.pair.amounts if row.group == "open"])
    if parts:
        yield say("compare.sites_open", text=_some(parts))


def _changed(both: Both, rows: Iterable[Amount]) -> list[str]:
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


def _amounts_lines(both: Both) -> Iterator[str]:
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


def _towns_line(both: Both) -> str:
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


def _named_towns(both: Both, towns: Sequence[Town]) -> str:
    named = [say("compare.number_of", what=both.town(town.scope), number=_signed(town.more)) for town in towns]
    return say("map.in_brackets", text=_some(named)) if named else ""


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


def _is_soft(both: Both) -> bool:
    """Tell whether positions or people of places are estimated or assumed."""
    places = (*both.first.places.values(), *both.other.places.values())
    return any(place[basis] in SOFT for place in places for basis in ("position_basis", "people_basis"))
