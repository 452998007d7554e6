"""A plan against the documents, clause by clause: what is asked, what stands today, what the plan reaches."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from allocate.case import Case
from allocate.district import District
from allocate.gaps import shown_number
from allocate.layout import Layout
from allocate.model import Model
from allocate.policies import Clause, prefix_of, year_of
from allocate.primary_capacity import answer
from allocate.reliance import rests_on, visits_rest_on
from allocate.rows import Breach, Number, Strength
from allocate.rules import (
    Count,
    Function,
    PeoplePerSite,
    Posting,
    Rate,
    Ratio,
    Reach,
    Rule,
    SiteMinimum,
    Spending,
    Total,
)
from allocate.rules.base import Wants

# The places that fall short most are named; a plan names no more of them than this for a rule and year.
_CAUSES = 10
_STATUS_OF_ROLE = {"input": "reported", "indicator": "reported", "out_of_scope": "not_applicable"}


def names_of(district: District, model: Model, case: Case) -> dict[str, str]:
    """Return what towns, places, sites, care homes and supporters are called, by id: supporters in both languages."""
    return (
        {home.id: home.name for home in district.care_homes}
        | dict(district.town_names())
        | {place.id: place.name for place in district.places}
        | {site.id: site.name for site in case.sites}
        | {code: " · ".join(dict.fromkeys(one.name.values())) for code, one in model.supporters.items()}
    )


def scorecard(
    district: District, model: Model, case: Case, layout: Layout, today: Layout | None, unlisted: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Return one line per rule and year, then one per clause that is no rule: every clause in force has its answer.

    Parameters
    ----------
    today
        What stands today; None where no figure of today is asked for.
    unlisted
        Kinds of site of which nobody knows how many stand today: figures that rest on them are unknown.
    """
    names = names_of(district, model, case)
    planned = model.planned()

    def decided(name: str, rule: Rule) -> Iterable[dict[str, Any]]:
        known = today if _is_known_today(district, case, rule, unlisted) else None
        return _decided(district, model, name, rule, case, layout, known, names, is_planned=name in planned)

    return _lines(model, decided, _capacity(district, model, case, layout))


def outlook(model: Model) -> list[dict[str, Any]]:
    """Return the same lines before a plan is made: what it will decide is `planned`, and no figure is known."""
    planned = model.planned()

    def decided(name: str, rule: Rule) -> Iterable[dict[str, Any]]:
        told = {"status": "planned", "why": None} if name in planned else {"status": "reported", "why": "clause.past"}
        return (_line(model, name, rule, year) | told for year in rule.years or (None,))

    return _lines(model, decided)


def _capacity(district: District, model: Model, case: Case, layout: Layout) -> dict[str, dict[str, Any]]:
    """Return what primary care could take of all visits, for the clauses that ask what residents should do.

    It is told and nothing more: where they go is no decision, so such a clause is neither met nor missed.
    """
    told: dict[str, dict[str, Any]] = {}
    if model.visits is None:
        return told
    for code in model.visits.clauses:
        clause = model.clauses[code]
        year = year_of(clause.years[-1], case.years, model.as_of.year) if clause.years else case.years[-1]
        if year in case.years and not model.is_foreign(code) and code not in model.silent:
            share, wanted = answer(model.visits, case, layout, case.years.index(year))
            told[code] = {
                "indicator": "indicator.primary_capacity",
                "sense": "at_least",
                "target": shown_number(wanted),
                "value": None if share is None else shown_number(share),
                "unit": "share",
                "rests_on": visits_rest_on(district, model, case),
            }
    return told


def _lines(
    model: Model,
    decided: Callable[[str, Rule], Iterable[dict[str, Any]]],
    told: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> list[dict[str, Any]]:
    """Return the lines of all rules, then those of clauses that are none.

    `decided` yields those of decided rules; `told` says more of clauses that are none, by id.
    """
    rows: list[dict[str, Any]] = []
    for name, rule in model.rules.items():
        if rule.strength is Strength.PHYSICS:
            continue
        if model.is_foreign(rule.clause):
            rows.append(_line(model, name, rule, None) | {"status": "not_applicable", "why": "clause.other_regime"})
        elif model.settles(rule):
            rows += decided(name, rule)
        else:
            rows += _undecided(model, name, rule)
    answered = {rule.clause for rule in model.rules.values()}
    return rows + [
        _without_rule(model, clause) | dict(told.get(code, {}))
        for code, clause in model.clauses.items()
        if code not in answered
    ]


def _decided(
    district: District,
    model: Model,
    name: str,
    rule: Rule,
    case: Case,
    layout: Layout,
    today: Layout | None,
    names: Mapping[str, str],
    *,
    is_planned: bool,
) -> Iterator[dict[str, Any]]:
    grounds = rests_on(district, model, case, rule)
    missed: dict[int, list[Breach]] = {}
    for breach in rule.breaches(case, layout):
        missed.setdefault(_year(breach.about, case), []).append(breach)
    for year in rule.years:
        if year not in case.years:
            yield _line(model, name, rule, year)
    for t, year in enumerate(case.years):
        if not rule.holds_in(year):
            continue
        breaches = missed.get(year, [])
        value, target = rule.measure(case, layout, t)
        causes = rule.causes(case, layout, t)[:_CAUSES] if breaches else []
        line = _line(model, name, rule, year) | {
            "sense": _sense(rule, value, target) if breaches else rule.sense(),
            "target": shown_number(target),
            "today": shown_number(rule.measure(case, today, t)[0]) if today else None,
            "value": shown_number(value),
            "status": "missed" if breaches else "met" if is_planned else "reported",
            "shortfall": shown_number(sum((b.shortfall for b in breaches), Fraction(0))),
            "causes": [_cause(*cause, names) for cause in causes],
            "rests_on": grounds,
        }
        # (A number that remote consultation fills up is never shown as one of persons alone.)
        if isinstance(rule, Posting) and rule.remote(case, layout, t):
            line["why"] = "clause.remote"
        yield line


def _is_known_today(district: District, case: Case, rule: Rule, unlisted: Collection[str]) -> bool:
    """Tell whether a rule's figure of today is known: what it rests on is listed, and not of kinds that are `unlisted`.

    Staff that nobody lists is assumed: what there is of it today is unknown. So is who is posted, who goes round, and
    who is in which consortium; and a function that no institution is listed with.
    """
    counted = {*_counted_today(case, rule), *rule.abilities}
    functions = {name for name in counted if name in case.abilities}
    return (
        counted - functions <= {row.resource for row in district.staff}
        and functions <= {row.function for row in district.functions}
        and not any(case.abilities[name].posted_by for name in functions)
        and rule.needs.isdisjoint({"postings", "rounds", "consortia"})
        and not (isinstance(rule, Reach) and rule.or_by)
        and not (unlisted and _looks_at(rule, unlisted))
    )


def _looks_at(rule: Rule, kinds: Collection[str]) -> bool:
    """Tell whether a rule's figure may rest on sites of some kinds; those who work there are listed where employed."""
    match rule:
        case Count() | Function() | PeoplePerSite() | SiteMinimum():
            return not set(rule.kinds).isdisjoint(kinds)
        case Rate() | Ratio() | Total():
            return False
        case _:
            return True


def _counted_today(case: Case, rule: Rule) -> set[str]:
    """Return the resources of today that a rule's figure of today rests on: counted, serving people, or paid."""
    found = {case.holders(what)[0] for what in rule.resources}
    match rule:
        case Reach():
            found |= {name for site in case.sites for name, _ in site.per_staff}
        case Spending():
            found |= {name for name in case.employed if case.resources[name].yearly}
        case _:
            pass
    return found


def _undecided(model: Model, name: str, rule: Rule) -> Iterator[dict[str, Any]]:
    """Yield a line per year of a rule that no plan decides yet: what it asks for is said, what is reached is not."""
    asked = rule.asks()
    for year in rule.years or (None,):
        past = year is not None and model.has_passed(year)
        yield _line(model, name, rule, year) | {
            "sense": None if asked is None else rule.sense(),
            "target": None if asked is None else shown_number(asked),
            "status": "reported" if past else "undecided",
            "why": "clause.past" if past else "clause.undecided_yet",
        }


def _without_rule(model: Model, clause: Clause) -> dict[str, Any]:
    """Return the line of a clause that is no rule of the model."""
    if model.is_foreign(clause.id):
        status, why = "not_applicable", "clause.other_regime"
    elif clause.id in model.silent:
        status, why = "not_applicable", model.silent[clause.id]
    elif clause.role == "decision":
        here = model.decides(clause)
        status, why = ("reported", "clause.decided_here") if here else ("undecided", "clause.undecided_yet")
    else:
        status, why = _STATUS_OF_ROLE[clause.role], f"clause.{clause.role}"
    value, document = clause.value, model.documents[prefix_of(clause.id)]
    return _blank(model, clause) | {
        "rule": clause.id,
        "clause": clause.id,
        "document": document.title["zh"],
        "document_status": document.status,
        "year": clause.years[-1] if clause.years else None,
        "target": None,
        "value": None if value is None else shown_number(Fraction(str(value.amount))),
        "unit": None if value is None else value.unit,
        "strength": None if clause.strength is None else str(clause.strength),
        "status": status,
        "why": why,
        "quote": clause.quote,
        "source": clause.source,
        "basis": str(clause.basis),
    }


def _line(model: Model, name: str, rule: Rule, year: int | None) -> dict[str, Any]:
    """Return the line of a rule in a year of which nothing is known, such as one before the plan."""
    return _blank(model, model.clauses.get(rule.clause)) | {
        "rule": name,
        "clause": rule.clause,
        "document": rule.document,
        "document_status": rule.status,
        "year": year,
        "indicator": rule.indicator,
        "unit": rule.measured_in,
        "strength": str(rule.strength),
        "shortfall_unit": rule.unit,
        "quote": rule.quote,
        "source": rule.source,
        "basis": str(rule.basis),
    }


def _blank(model: Model, clause: Clause | None) -> dict[str, Any]:
    """Return a line with what its clause says, and nothing else."""
    return {
        "rule": "",
        "clause": "",
        "document": "",
        "document_status": "",
        "year": None,
        "indicator": None,
        "sense": None,
        "target": None,
        "today": None,
        "value": None,
        "unit": None,
        "strength": None,
        "status": "reported",
        "shortfall": None,
        "shortfall_unit": None,
        "causes": [],
        "quote": "",
        "source": "",
        "basis": None,
        "role": clause.role if clause else "rule",
        "at": clause.at if clause else "",
        "says": dict(clause.says) if clause else None,
        "label": clause.label if clause else "",
        "document_strength": str(clause.strength) if clause and clause.strength else None,
        "document_name": dict(model.documents[prefix_of(clause.id)].title) if clause else None,
        "reason": dict(clause.reason) if clause and clause.reason else None,
        "note": dict(clause.note) if clause and clause.note else None,
        "why": None,
        "rests_on": [],
    }


def _sense(rule: Rule, value: Number, target: Number) -> Wants | None:
    """Say whether a target that is missed is the least or the most: it lies on the other side of the value."""
    if value == target:
        return rule.sense()
    return "at_most" if value > target else "at_least"


def _year(about: tuple[str | int, ...], case: Case) -> int:
    return next(part for part in about if isinstance(part, int) and part in case.years)


def _cause(ids: tuple[str, ...], amount: Number, names: Mapping[str, str]) -> dict[str, Any]:
    return {"id": ids[0], "name": " – ".join(names.get(part, part) for part in ids), "shortfall": shown_number(amount)}
