"""The card of a model: every rule in force as a readable page, in Chinese and English."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import partial
from typing import Any

from allocate.abilities import Ability
from allocate.consortia import Consortia
from allocate.goals import GOALS, Districting, Goal, Match, TailCoverage
from allocate.model import Candidates, Enlarging, Model, Moving
from allocate.outreach import Outreach
from allocate.policies import Clause
from allocate.postings import MONTHS, Postings, Release, Supporter
from allocate.resources import Resource, is_employed
from allocate.rows import Strength
from allocate.rules import (
    RULES,
    ConsortiumSize,
    Contracts,
    Function,
    FunctionReach,
    NamedSites,
    PeoplePerSite,
    PeoplePerStaff,
    Rounds,
    Rule,
    SpendingShare,
)
from allocate.settings import ways
from allocate.travel.circles import OnRoads
from allocate.travel.network import ROAD_CLASSES
from allocate.units import Basis
from allocate.words import LANGUAGES, Language, both, catalogue, say_in, term, visible

# What every rule has says no number of its own.
_COMMON = {field.name for field in fields(Rule)}
_SHARES = ("share", "tail")
_EXTRAS = ("setting", "types", "rank", "months", "days_per_week", "half_days", "from_people", "below_people", "or_by")
# Signs that Markdown would take for marks; a text of a model stands as it was written.
_MARKS = re.compile(r"[\\`*\[\]|#$<>]|\b_|_\b")
_GUESSED = (Basis.ESTIMATED, Basis.ASSUMED)


def card(model: Model) -> str:
    """Return the page of a model in Markdown: what is asked, and what there is to meet it with, source by source."""
    blocks = [
        *_head(model),
        *_rules(model),
        *_others(model),
        *_goals(model),
        *_population(model),
        *_circles(model),
        *_siting(model),
        *_resources(model),
        *_postings(model),
        *_outreach(model),
        *_consortia(model),
        *_functions(model),
        *_scenarios(model),
        *_assumptions(model),
    ]
    return "\n\n".join(blocks) + "\n"


def sentence(rule: Rule, language: Language, called: Mapping[str, str] | None = None) -> str:
    """Say a rule in a language with its numbers filled in; functions by their names in the model, where given."""
    name = _name_of(RULES, rule)
    words = {key: _word(value, key, language) for key, value in _values(rule).items()}
    for key in ("function", "functions") if called else ():
        codes = _values(rule).get(key) or ()
        listed = [codes] if isinstance(codes, str) else codes
        if listed:
            words[key] = say_in(language, "summary.comma").join(_called(one, called or {}, language) for one in listed)
    words["limit"] = _limit(rule, language)
    if isinstance(rule, PeoplePerStaff):
        # (A rule in visits says them among its numbers.)
        words["people"] = f"{rule.most:,}"
    if isinstance(rule, FunctionReach):
        words["within"] = _near(rule, language)
    if isinstance(rule, SpendingShare):
        words["favoured"] = _word((*rule.kinds, *rule.resources), "favoured", language)
    if isinstance(rule, Rounds) and rule.to == "village":
        words["to"] = say_in(language, "card.each_village")
    if isinstance(rule, ConsortiumSize):
        words["of"] = say_in(language, f"card.size_{rule.of}")
    if isinstance(rule, Function) and rule.types:
        words["types"] = _types(rule.types, language)
    if isinstance(rule, Contracts):
        words["of"] = say_in(language, f"card.contracts_{rule.of}")
    if isinstance(rule, NamedSites):
        words["since"] = "" if rule.year is None else say_in(language, "card.since_year", year=rule.year)
        name += "" if rule.stands else "_not"
    text = say_in(language, f"card.rule_{name}", **words)
    if isinstance(rule, Rounds) and rule.to == "village":
        text += say_in(language, f"card.where_{rule.where}", **{**words, "kinds": _spared_by(rule, language)})
    named = [*_EXTRAS, *(["function"] if isinstance(rule, PeoplePerSite) else [])]
    extras = (say_in(language, f"card.with_{key}", **{key: words[key]}) for key in named if _values(rule).get(key))
    said = text + "".join(extras)
    return said[:1].upper() + said[1:]


def _called(code: str, called: Mapping[str, str], language: Language) -> str:
    """Return what a function is called: the model's name, else the word for its code, else the code."""
    return visible(called[code]) if code in called else _word(code, "", language)


def goal_sentence(goal: Goal, language: Language) -> str:
    """Say a goal in a language with its numbers filled in."""
    return say_in(language, f"card.goal_{_name_of(GOALS, goal)}", **_goal(goal, language))


def _near(rule: FunctionReach, language: Language) -> str:
    """Return how near is near enough, in urban and in rural places."""
    limits, key = (rule.metres, "near_metres") if rule.metres else (rule.minutes or {}, "near_minutes")
    parts = (
        say_in(language, f"card.{key}", setting=say_in(language, f"term.{setting}"), number=_word(number, "", language))
        for setting, number in limits.items()
    )
    return say_in(language, "summary.comma").join(parts)


def _types(types: Iterable[str], language: Language) -> str:
    """Return the types of hospital in words."""
    return say_in(language, "summary.comma").join(say_in(language, f"hospital.{one}") for one in types)


def _spared_by(rule: Rounds, language: Language) -> str:
    """Return the kinds of site that spare a village the rounds."""
    own = rule.unless or ("clinic",)
    if rule.where == "out_of_reach" and not rule.unless:
        return say_in(language, "card.any_site")
    return _word(own, "kinds", language)


def _head(model: Model) -> Iterator[str]:
    yield f"# {_two(model.title)}"
    yield both("card.page", name=model.id, file=f"models/{model.id}.md")
    circle = model.circles[model.circle].name
    years = ", ".join(map(str, model.years))
    told = (
        say_in(
            language,
            "card.head",
            district=_text(model.district),
            as_of=model.as_of.isoformat(),
            years=years,
            circle=_text(circle[language]),
        )
        for language in LANGUAGES
    )
    yield "  \n".join(told)


def _scenarios(model: Model) -> Iterator[str]:
    """Yield what the scenarios of a model change, and the sets of them."""
    if not model.scenarios:
        return
    yield f"## {both('scenarios.card_heading')}"
    yield both("scenarios.card_about")
    for name, scenario in model.scenarios.items():
        yield f"### {_text(name)} {_two(scenario.title)}"
        lines = [both("scenarios.card_from", name=_text(scenario.parent))] if scenario.parent else []
        # (Without its names of tables, a value stands as it does in the file.)
        for way, value in ways(scenario.set, model.settings):
            lines.append(f"`{_code('.'.join(way))}` = `{_code(json.dumps(value, ensure_ascii=False, default=str))}`")
        about = [_text(text) for text in (scenario.note, scenario.source) if text]
        lines.append(f"{both(f'basis.{scenario.basis}')}{': ' if about else ''}{'; '.join(about)}")
        yield "\n".join(f"- {line}" for line in lines)
    sets = [
        both("scenarios.card_set", name=_text(name), members=", ".join(map(_text, members)))
        for name, members in model.scenario_sets.items()
    ]
    if sets:
        yield "\n".join(f"- {line}" for line in sets)


def _code(text: str) -> str:
    """Return a text between two marks of code, on one line."""
    return visible(text).replace("`", "'")


def _rules(model: Model) -> Iterator[str]:
    yield f"## {both('card.rules')}"
    for name, rule in model.rules.items():
        clause = model.clauses.get(rule.clause)
        where = f" · {_text(clause.id)} {_text(clause.at)}".rstrip() if clause and name != clause.id else ""
        at = f" {_text(clause.at)}" if clause and name == clause.id and clause.at else ""
        yield f"### {_text(name)}{at}{where}"
        if clause:
            yield _lines(clause.says)
        yield _lines({language: sentence(rule, language) for language in LANGUAGES})
        if rule.quote:
            yield f"> {_text(rule.quote)}"
        yield f"$$\n{rule.formula}\n$$"
        yield _list(_facts(model, rule, clause))


def _facts(model: Model, rule: Rule, clause: Clause | None) -> Iterator[tuple[str, str]]:
    """Yield what stands under a rule: its numbers, where they come from, how strongly and when it holds."""
    yield "card.numbers", _numbers(rule)
    yield "card.after", _text(rule.after)
    strength = both(f"strength.{rule.strength}") if rule.strength is not Strength.PHYSICS else both("card.physics")
    if clause and clause.strength and clause.strength != rule.strength:
        changed = [
            say_in(one, "card.changed", strength=say_in(one, f"strength.{clause.strength}")) for one in LANGUAGES
        ]
        strength += f" ({' · '.join(changed)})"
    if rule.weight != 1:
        strength += f", {both('card.weight', weight=f'{rule.weight:g}')}"
    yield "field.strength", strength
    if clause and clause.label:
        yield "field.label", _text(clause.label)
    yield "field.year", _years(rule)
    document = model.document_of(rule.clause)
    if document:
        yield "field.document", f"{_two(document.title)} ({both(f'document.{document.status}')})"
    elif rule.document:
        status = f"document.{rule.status}"
        yield "field.document", _text(rule.document) + (f" ({both(status)})" if status in catalogue() else "")
    yield "field.source", _text(rule.source)
    yield "field.basis", both(f"basis.{rule.basis}")
    if clause and clause.note:
        yield "field.reading", _two(clause.note)
    yield "field.status", _decided(model, rule)


def _years(rule: Rule) -> str:
    """Return the years in which a rule holds."""
    if isinstance(rule, NamedSites) and rule.year is not None:
        return both("card.from_year", year=rule.year)
    return ", ".join(map(str, rule.years)) or both("card.every_year")


def _decided(model: Model, rule: Rule) -> str:
    if model.is_foreign(rule.clause):
        return both("card.other_regime")
    if rule.years and all(model.has_passed(year) for year in rule.years):
        return both("card.past")
    if not model.settles(rule):
        lacking = sorted(rule.needs - model.decided) or sorted(set(rule.resources) - set(model.resources))
        return both("card.undecided", needs=", ".join(lacking))
    return both("card.decided")


def _others(model: Model) -> Iterator[str]:
    """Yield the clauses in force that are no rule, each with what it is here."""
    answered = {rule.clause for rule in model.rules.values()}
    clauses = [clause for code, clause in model.clauses.items() if code not in answered]
    if not clauses:
        return
    yield f"## {both('card.others')}"
    rows = [f"| {both('field.clause')} | {both('field.says')} | {both('field.why')} |", "|---|---|---|"]
    rows += [
        f"| {_text(f'{clause.id} {clause.at}'.strip())} | {_two(clause.says)} | {_why(model, clause)} |"
        for clause in clauses
    ]
    yield "\n".join(rows)


def _why(model: Model, clause: Clause) -> str:
    if clause.id in model.silent:
        return both(model.silent[clause.id])
    if clause.role == "decision":
        return both("clause.decided_here" if model.decides(clause) else "clause.undecided_yet")
    told = both(f"clause.{clause.role}")
    return f"{told}: {_two(clause.reason)}" if clause.reason else told


def _goals(model: Model) -> Iterator[str]:
    yield f"## {both('card.goals')}"
    yield both("card.about_goals")
    for n, (name, goal) in enumerate(model.goals.items(), start=1):
        yield f"### {n}. {_text(name)}"
        yield _lines({language: goal_sentence(goal, language) for language in LANGUAGES})
        yield f"$$\n{goal.formula}\n$$"
        source = getattr(goal, "source", "")
        facts = [("card.numbers", _numbers(goal)), ("card.after", _text(goal.after))]
        if source:
            facts.append(("field.source", _text(source)))
        if isinstance(goal, Match | Districting):
            facts.append(("field.basis", both(f"basis.{goal.basis}")))
        yield _list(facts)


def _goal(goal: Goal, language: Language) -> dict[str, Any]:
    """Return what a goal's sentence fills in, as people read it."""
    words = {name: _word(value, name, language) for name, value in _values(goal).items()}
    if isinstance(goal, TailCoverage):
        words["year"] = say_in(language, "outing.all_years") if goal.year is None else str(goal.year)
    return words


def _population(model: Model) -> Iterator[str]:
    """Yield how the people of the plan years are worked out."""
    yield f"## {both('card.population')}"
    yield both("card.about_population")
    told = model.population
    method = both(f"projection.{told.method if told else 'held'}")
    where = f"{both(f'basis.{told.basis}')}: {_text(told.source)}" if told else both(f"basis.{Basis.ASSUMED}")
    yield f"- {method} ({where})"
    if told and told.towns:
        rates = ", ".join(f"{_text(town)} {rate:+g} %" for town, rate in sorted(told.towns.items()))
        yield f"- {both('card.population_towns', rates=rates)}"


def _circles(model: Model) -> Iterator[str]:
    yield f"## {both('card.circles')}"
    yield both("card.about_circles")
    heads = ("field.circle", "field.status", "card.limits", "field.kind", "field.share_asked", "field.basis")
    rows = [" | ".join(["", *map(both, heads), both("field.source"), ""]).strip(), "|---" * (len(heads) + 1) + "|"]
    for name, circle in model.circles.items():
        use = "card.planned" if name == model.circle else "card.compared" if name in model.compare else "card.unused"
        share = f"{100 * circle.share:g} %" if circle.share else "–"
        kinds = ", ".join(both(f"kind.{kind}") for kind in circle.kinds)
        cells = (f"{_text(name)}: {_two(circle.name)}", both(use), _reach(model, name), kinds, share)
        rows.append(f"| {' | '.join(cells)} | {both(f'basis.{circle.basis}')} | {_text(circle.source)} |")
    yield "\n".join(rows)
    yield f"### {both('card.modes')}"
    lines = []
    for mode in model.modes.values():
        lines.append(
            f"- {both('card.speed', mode=_two(mode.name), speed=f'{mode.speed_kmh:g}', detour=f'{mode.detour:g}')} "
            f"({both(f'basis.{mode.basis}')}: {_text(mode.source)})"
        )
        if mode.roads is not None:
            told = " · ".join(_on_roads(mode.roads, language) for language in LANGUAGES)
            lines.append(f"  - {told} ({both(f'basis.{mode.roads.basis}')}: {_text(mode.roads.source)})")
    yield "\n".join(lines)
    if model.travel.speed_factor != 1:
        yield both("card.speed_factor", factor=f"{model.travel.speed_factor:g}")


def _on_roads(roads: OnRoads, language: Language) -> str:
    """Say how a way to travel uses roads: classes of the same speed together, in the order of the classes."""
    alike: dict[float, list[str]] = {}
    for name in ROAD_CLASSES:
        if name in roads.speeds:
            alike.setdefault(roads.speeds[name], []).append(say_in(language, f"road_class.{name}"))
    comma, semicolon = say_in(language, "summary.comma"), say_in(language, "summary.semicolon")
    speeds = semicolon.join(
        say_in(language, "card.on_class", road=comma.join(names), speed=f"{speed:g}") for speed, names in alike.items()
    )
    return say_in(
        language,
        "card.on_roads",
        goes_as=say_in(language, f"goes_as.{roads.goes_as}"),
        speeds=speeds,
        access=f"{roads.access_kmh:g}",
        metres=f"{roads.access_metres:,}",
    )


def _reach(model: Model, name: str) -> str:
    """Return how far a circle reaches and by which ways to travel."""
    circle = model.circles[name]
    parts = []
    if circle.adjoining_metres:
        parts.append(both("card.in_adjoining", metres=f"{circle.adjoining_metres:,}"))
    if circle.minutes:
        have = {mode: f" ({both('card.have', share=f'{100 * share:g}')})" for mode, share in circle.shares.items()}
        modes = ", ".join(f"{_two(model.modes[mode].name)}{have.get(mode, '')}" for mode in circle.modes)
        parts.append(f"{modes} {both('card.in_minutes', minutes=f'{circle.minutes:g}')}")
    if circle.metres:
        parts.append(both("card.in_metres", metres=f"{circle.metres:,}"))
    if circle.shares:
        basis = both(f"basis.{circle.shares_basis}")
        parts.append(f"{both('card.shares_nested')} ({basis}: {_text(circle.shares_source)})")
    return "; ".join(parts)


def _siting(model: Model) -> Iterator[str]:
    yield f"## {both('card.siting')}"
    lines = []
    for kind, candidates in sorted(model.siting.items()):
        places = {
            key: {one: _kinds(getattr(candidates, key), one) for one in LANGUAGES} for key in ("stands_in", "serves")
        }
        told = (
            say_in(
                language,
                "card.stands",
                stands_in=places["stands_in"][language],
                serves=places["serves"][language],
                opening=f"{candidates.opening:,}",
                yearly=f"{candidates.yearly:,}",
            )
            for language in LANGUAGES
        )
        lines.append(
            f"- **{both(f'kind.{kind}')}**: {' · '.join(told)} "
            f"({both(f'basis.{candidates.basis}')}: {_text(candidates.source)})"
        )
        lines += [
            f"  - {' · '.join(both_said)}"
            for both_said in zip(*(_life(candidates, one) for one in LANGUAGES), strict=True)
        ]
        lines += [
            f"  - {' · '.join(both_said)}"
            for both_said in zip(*(_origins(candidates, one) for one in LANGUAGES), strict=True)
        ]
    yield "\n".join(lines)


def _origins(candidates: Candidates, language: Language) -> Iterator[str]:
    """Yield where candidates come from where a model says it, and how some are generated."""
    if "candidates" in candidates.model_fields_set:
        comma = say_in(language, "summary.comma")
        origins = comma.join(say_in(language, f"origin.{origin}") for origin in candidates.candidates)
        yield say_in(language, "card.candidates", origins=origins)
    told = candidates.generate
    if told is not None and "generated" in candidates.candidates:
        parts = [say_in(language, f"card.generate_{told.beyond}", how=say_in(language, f"generating.{told.how}"))]
        numbers = {
            "number": told.number or 0,
            "grid": told.grid_metres if told.how != "clusters" else 0,
            "spacing": told.spacing_metres,
            "move": told.move_metres,
        }
        parts += [say_in(language, f"card.generate_{name}", metres=f"{n:,}") for name, n in numbers.items() if n]
        basis = say_in(language, f"basis.{told.basis}")
        yield f"{say_in(language, 'summary.comma').join(parts)} ({basis}: {_text(told.source)})"


def _resources(model: Model) -> Iterator[str]:
    """Yield the staff, beds and teams that a model decides: where, at most how many, the cost, and how many today."""
    if not model.resources:
        return
    yield f"## {both('card.resources')}"
    yield both("card.about_resources")
    for name, resource in model.resources.items():
        named: dict[str, str] = {language: term(name, language) for language in LANGUAGES}
        yield f"### {_text(name)}" + (f" {_two(named)}" if named["zh"] != name else "")
        yield _joined(partial(_says, model, name))
        yield _sourced(resource)


def _says(model: Model, name: str, language: Language) -> Iterator[str]:
    """Yield what a model says of a resource, in a language."""
    resource = model.resources[name]

    def word(key: str, **values: object) -> str:
        return say_in(language, f"card.{key}", **values)

    def by_kind(numbers: Mapping[str, str]) -> str:
        parts = (f"{say_in(language, f'kind.{kind}')} {number}" for kind, number in numbers.items())
        return say_in(language, "summary.comma").join(parts)

    if resource.sum_of:
        yield word("sum_of", whole=term(resource.sum_of, language), kinds=_kinds(resource.kinds, language))
        return
    yield word("posts", posts=by_kind({kind: f"{number:,}" for kind, number in resource.at.items()}))
    if resource.part_of:
        yield word("part_of", whole=term(resource.part_of, language))
    if resource.held_back:
        yield word("held_back")
    if resource.needs:
        parts = (f"{term(other, language)} {times}" for other, times in resource.needs.items())
        yield word("made_of", parts=say_in(language, "summary.comma").join(parts))
    if resource.yearly or resource.adding:
        yield word("costs", yearly=f"{resource.yearly:,}", adding=f"{resource.adding:,}")
    if resource.today:
        shares = {kind: f"{100 * share:g} %" for kind, share in resource.today_at.items()}
        yield word("today_known", today=f"{resource.today:g}", today_at=by_kind(shares))
    elif is_employed(model.resources, name):
        yield word("today_none")
    if resource.leaves:
        yield word("leaves", share=f"{100 * resource.leaves:g}")
    if resource.per_year is not None:
        yield word("per_year", number=f"{resource.per_year:,}")
    if resource.lent:
        yield word("lent")


def _postings(model: Model) -> Iterator[str]:
    """Yield how experts are posted, who sends some from outside, and whom departments can let go."""
    told = model.postings
    if told is None:
        return
    yield f"## {both('card.postings')}"
    yield both("card.about_postings")
    tours = {
        language: say_in(
            language,
            "card.tours",
            months=say_in(language, "card.or").join(map(str, told.months)),
            monthly=f"{told.monthly:,}",
            handover=f"{told.handover:,}",
            year=say_in(language, "card.year_repeats" if told.cyclic else "card.year_begins"),
        )
        for language in LANGUAGES
    }
    yield _lines(tours)
    yield _sourced(told)
    for name, supporter in model.supporters.items():
        yield f"### {_text(name)}: {_two(supporter.name)}"
        yield _lines({one: say_in(one, "card.sends_as", sender=term(supporter.sends_as, one)) for one in LANGUAGES})
        yield _sourced(supporter)
    for name, release in model.pools.items():
        yield f"### {_text(name)}"
        yield _joined(partial(_lets_go, model, release))
        yield _sourced(release)


def _lets_go(model: Model, release: Release, language: Language) -> Iterator[str]:
    """Yield what a model says of those whom departments can let go, in a language."""

    def word(key: str, **values: object) -> str:
        return say_in(language, f"card.{key}", **values)

    outside = {name: supporter.name[language] for name, supporter in model.supporters.items()}
    hospitals = say_in(language, "summary.comma").join(outside.get(one, one) for one in release.hospitals)
    rank = say_in(language, f"rank.{release.rank}")
    yield word("lets_go", hospitals=hospitals, specialty=term(release.specialty, language), rank=rank)
    yield word("away", number=f"{release.away:,}")
    if release.tours is not None:
        yield word("tours_begin", number=f"{release.tours:,}")
    if len(release.months) < MONTHS:
        months = say_in(language, "summary.comma").join(map(str, sorted(release.months)))
        yield word("in_months", months=months)
    yield word("at_hub", days=f"{release.days_per_week:g}")
    if release.resource:
        yield word("among_staff", resource=term(release.resource, language))


def _outreach(model: Model) -> Iterator[str]:
    """Yield the ways in which staff goes to villages and towns."""
    if not model.outreach:
        return
    yield f"## {both('card.outreach')}"
    yield both("card.about_outreach")
    for name, plan in model.outreach.items():
        yield f"### {_text(name)}: {_two(plan.name)}"
        yield _joined(partial(_goes, model, plan))
        yield _sourced(plan)


def _goes(model: Model, plan: Outreach, language: Language) -> Iterator[str]:
    """Yield what a model says of a way of outreach, in a language."""

    def word(key: str, **values: object) -> str:
        return say_in(language, f"card.{key}", **values)

    yield word(
        "goes_post" if plan.is_post else "goes_round",
        by=_kinds(plan.by, language),
        to=word(f"to_{plan.to}"),
        times=plan.times,
        per=term(plan.per, language),
        half_days=plan.half_days,
    )
    yield word("goes_staff", resource=term(plan.resource, language), half_days=plan.half_days_each)
    if plan.only:
        yield word("goes_only", only=say_in(language, "summary.comma").join(plan.only))
    if plan.vehicles:
        yield word("goes_vehicles", vehicles=term(plan.vehicles, language))
    yield word("goes_by", mode=model.modes[plan.mode].name[language], minutes=plan.minutes)
    if plan.below_people is not None:
        yield word("goes_below", people=f"{plan.below_people:,}")
    if plan.day_minutes is not None:
        yield word("goes_day", minutes=plan.day_minutes)
    if plan.apart > 1:
        yield word("goes_apart", days=plan.apart)
    if plan.closed:
        yield word("goes_closed", closed=say_in(language, "summary.comma").join(plan.closed))
    if plan.per_visit or plan.per_hour:
        yield word("goes_costs", per_visit=f"{plan.per_visit:,}", per_hour=f"{plan.per_hour:,}")


def _joined(said: Callable[[Language], Iterator[str]]) -> str:
    """Return what is said in each language, its parts as one sentence, one language under the other."""
    return _lines({language: say_in(language, "summary.semicolon").join(said(language)) for language in LANGUAGES})


def _sourced(told: Postings | Supporter | Release | Outreach | Resource | Consortia) -> str:
    """Return where the numbers of a table come from, as a list."""
    return _list([("field.source", _text(told.source)), ("field.basis", both(f"basis.{told.basis}"))])


def _life(candidates: Candidates, language: Language) -> Iterator[str]:
    """Yield what may become of sites of a kind once they are open."""
    if candidates.may_close:
        yield say_in(language, "card.may_close")
    move, upgrade = candidates.move, candidates.upgrade
    if move is not None:
        yield say_in(
            language, "card.moves", metres=f"{move.metres:,}", opening=f"{move.opening:,}", **_source(move, language)
        )
    if upgrade is not None:
        brings = [
            say_in(language, "card.more_posts", resource=_text(name), number=f"{number:,}")
            for name, number in upgrade.posts.items()
        ]
        if upgrade.people:
            brings.append(say_in(language, "card.more_people", number=f"{upgrade.people:,}"))
        costs = {"opening": f"{upgrade.opening:,}", "yearly": f"{upgrade.yearly:,}"}
        joined = say_in(language, "summary.comma").join(brings)
        yield say_in(language, "card.upgrades", brings=joined, **costs, **_source(upgrade, language))


def _source(told: Enlarging | Moving, language: Language) -> dict[str, str]:
    """Return where the numbers of a table come from, as its sentence fills it in."""
    return {"basis": say_in(language, f"basis.{told.basis}"), "source": _text(told.source)}


def _consortia(model: Model) -> Iterator[str]:
    """Yield how hubs are grouped into consortia."""
    if model.consortia is None:
        return
    yield f"## {both('card.consortia')}"
    yield both("card.about_consortia")
    yield _joined(partial(_groups, model, model.consortia))
    yield _sourced(model.consortia)


def _groups(model: Model, plan: Consortia, language: Language) -> Iterator[str]:
    """Yield what a model says of consortia, in a language."""

    def word(key: str, **values: object) -> str:
        return say_in(language, f"card.{key}", **values)

    comma = say_in(language, "summary.comma")
    yield word("joins", members=_kinds(plan.members, language))
    ownership = say_in(language, "card.or").join(say_in(language, f"ownership.{one}") for one in plan.ownership)
    yield word("qualified", level=plan.level, types=_types(plan.types, language), ownership=ownership)
    if plan.leads:
        yield word("leads_anyway", names=comma.join(plan.leads))
    if plan.may_lead:
        yield word("may_lead", names=comma.join(plan.may_lead))
    if plan.joining:
        yield word("joining", names=comma.join(plan.joining))
    if plan.minutes is not None:
        yield word("to_lead", mode=model.modes[plan.mode].name[language], minutes=plan.minutes)
    if plan.contiguous:
        yield word("contiguous")
    yield word("costs_each", opening=f"{plan.opening:,}", yearly=f"{plan.yearly:,}")
    if plan.clauses:
        yield word("answers", clauses=comma.join(plan.clauses))


def _functions(model: Model) -> Iterator[str]:
    """Yield the functions and standards that institutions may have: a row each."""
    if not model.functions:
        return
    yield f"## {both('card.functions')}"
    yield both("card.about_functions")
    heads = ("card.function", "card.where", "card.after_what", "card.price", "field.basis", "field.source")
    rows = [f"| {' | '.join(map(both, heads))} |", "|---" * len(heads) + "|"]
    for name, ability in model.functions.items():
        told = (_in_both(partial(say, model, ability)) for say in (_set_up, _asks_for, _costs))
        cells = (f"{_text(name)}: {_two(ability.name)}", *told, both(f"basis.{ability.basis}"), _text(ability.source))
        rows.append(f"| {' | '.join(cells)} |")
    yield "\n".join(rows)


def _in_both(said: Callable[[Language], Iterator[str]]) -> str:
    """Return what is said in both languages in the cell of a table; a dash where there is nothing to say."""
    parts = (say_in(one, "summary.semicolon").join(said(one)) for one in LANGUAGES)
    return " · ".join(filter(None, parts)) or "–"


def _set_up(model: Model, ability: Ability, language: Language) -> Iterator[str]:
    """Yield where a function may be, in a language."""

    def word(key: str, **values: object) -> str:
        return say_in(language, f"card.{key}", **values)

    comma = say_in(language, "summary.comma")
    kinds = _kinds(ability.at, language)
    if ability.posted_by:
        yield word("with_posted", kinds=kinds, sender=term(ability.posted_by, language))
        return
    yield word("set_up_at", kinds=kinds)
    if ability.only:
        yield word("only_these", names=comma.join(map(_text, ability.only)))
    if ability.types:
        yield word("of_types", types=_types(ability.types, language))
    if ability.always_at:
        yield word("always_at", kinds=_kinds(ability.always_at, language))
    if ability.serves:
        yield word(f"serves_{ability.within}", kinds=_kinds(ability.serves, language))
    if ability.members is not None:
        yield word("members", number=f"{ability.members:,}")
    if ability.minutes is not None:
        yield word("to_centre", mode=model.modes[ability.mode].name[language], minutes=ability.minutes)


def _asks_for(model: Model, ability: Ability, language: Language) -> Iterator[str]:
    """Yield what a function needs, and what may be where it is, in a language."""
    for other, years in ability.needs.items():
        key = "needs_years" if years else "needs_first"
        yield say_in(language, f"card.{key}", other=model.functions[other].name[language], years=years)
    for key, numbers in (("staffed", ability.staff), ("brings", ability.brings)):
        for what, number in numbers.items():
            yield say_in(language, f"card.{key}", resource=term(what, language), number=f"{number:,}")


def _costs(model: Model, ability: Ability, language: Language) -> Iterator[str]:
    """Yield what a function costs, in a language."""
    del model
    if ability.opening or ability.yearly:
        yield say_in(language, "card.costs_each", opening=f"{ability.opening:,}", yearly=f"{ability.yearly:,}")
    if ability.linking or ability.linked_yearly:
        linked = {"opening": f"{ability.linking:,}", "yearly": f"{ability.linked_yearly:,}"}
        yield say_in(language, "card.costs_linked", **linked)


def _assumptions(model: Model) -> Iterator[str]:
    """Yield which tables of the model hold numbers that nobody has published."""
    tables: list[tuple[str, Basis]] = [(f"rules.{name}", rule.basis) for name, rule in model.rules.items()]
    tables += [
        (f"goals.{name}", goal.basis) for name, goal in model.goals.items() if isinstance(goal, Match | Districting)
    ]
    tables += [(f"siting.{kind}", candidates.basis) for kind, candidates in model.siting.items()]
    tables += [(f"resources.{name}", resource.basis) for name, resource in model.resources.items()]
    tables += [("postings", model.postings.basis)] if model.postings else []
    tables += [(f"supporters.{name}", supporter.basis) for name, supporter in model.supporters.items()]
    tables += [(f"pools.{name}", release.basis) for name, release in model.pools.items()]
    tables += [(f"outreach.{name}", plan.basis) for name, plan in model.outreach.items()]
    tables += [("consortia", model.consortia.basis)] if model.consortia else []
    tables += [(f"functions.{name}", ability.basis) for name, ability in model.functions.items()]
    tables += [(f"circles.{name}", circle.basis) for name, circle in model.circles.items()]
    tables += [(f"circles.{name}.shares", one.shares_basis) for name, one in model.circles.items() if one.shares]
    tables += [(f"modes.{name}", mode.basis) for name, mode in model.modes.items()]
    tables += [(f"modes.{name}.roads", mode.roads.basis) for name, mode in model.modes.items() if mode.roads]
    tables += [("population", model.population.basis if model.population else Basis.ASSUMED)]
    guessed = [f"- {_text(table)}: {both(f'basis.{basis}')}" for table, basis in tables if basis in _GUESSED]
    if guessed:
        yield f"## {both('card.assumptions')}"
        yield both("card.about_assumptions")
        yield "\n".join(guessed)


def _name_of(registry: Mapping[str, type[Any]], one: Rule | Goal) -> str:
    return next(name for name, kind in registry.items() if type(one) is kind)


def _values(rule: Rule | Goal) -> dict[str, Any]:
    """Return the numbers of its own that a rule has, by key."""
    return {field.name: getattr(rule, field.name) for field in fields(rule) if field.name not in _COMMON}


def _numbers(one: Rule | Goal) -> str:
    """Return the numbers as the model file has them; what stands at its default goes unsaid."""
    numbers = {field.name: getattr(one, field.name) for field in fields(one) if field.name not in _COMMON}
    defaults = {field.name: field.default for field in fields(one)}
    kept = (f"`{key} = {_plain(value)}`" for key, value in numbers.items() if value not in (None, defaults[key]))
    return ", ".join(kept) or "–"


def _plain(value: Any) -> str:
    """Return a value as TOML writes it."""
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_plain, value))}]"
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{key} = {_plain(one)}' for key, one in value.items())} }}"
    if isinstance(value, str):
        return '"' + visible(value).replace("`", "'") + '"'
    return str(value).lower() if isinstance(value, bool) else str(value)


def _word(value: Any, key: str, language: Language) -> str:
    """Return a value as people read it: shares in percent, codes in words."""
    if isinstance(value, tuple | list):
        return say_in(language, "summary.comma").join(_word(one, key, language) for one in value)
    if key in _SHARES and isinstance(value, int | float):
        return f"{100 * value:g} %"
    if isinstance(value, str):
        sections = ("rank",) if key == "rank" else ("term", "kind")
        known = [f"{section}.{value}" for section in sections if f"{section}.{value}" in catalogue()]
        return say_in(language, known[0]) if known else _text(value)
    if isinstance(value, float) and value.is_integer():
        # Eighty teams are not 80.0.
        value = int(value)
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def _limit(rule: Rule, language: Language) -> str:
    """Return the limits of a rule in words: at least, at most, between, or a share."""
    values = _values(rule)
    share = values.get("share")
    least, most = (_word(values.get(key), key, language) for key in ("at_least", "at_most"))
    if share is not None:
        return say_in(language, "card.at_least", least=_word(share, "share", language))
    if values.get("at_least") is None:
        return say_in(language, "card.at_most", most=most)
    if values.get("at_most") is None:
        return say_in(language, "card.at_least", least=least)
    return say_in(language, "card.between", least=least, most=most)


def _kinds(kinds: Sequence[str], language: Language) -> str:
    return say_in(language, "summary.comma").join(say_in(language, f"kind.{kind}") for kind in kinds)


def _two(texts: Mapping[str, str]) -> str:
    """Return a text in both languages, one beside the other."""
    said = [_text(texts[language]) for language in LANGUAGES]
    return said[0] if said[0] == said[1] else " · ".join(said)


def _lines(texts: Mapping[str, str] | Mapping[Language, str]) -> str:
    """Return a text in both languages, one under the other."""
    return "  \n".join(_text(texts[language]) for language in LANGUAGES)


def _list(facts: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"- {both(key)}: {text}" for key, text in facts)


def _text(text: str) -> str:
    """Return a text of the model as Markdown shows it as it is, on one line."""
    return _MARKS.sub(r"\\\g<0>", visible(" ".join(text.split())))
