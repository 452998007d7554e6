"""Finds clauses on functions and consortia that no plan can meet, and a single change of the model that would do."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil

from allocate.affiliations import centres, lacks, leading, makers
from allocate.case import Case
from allocate.decisions.consortia import in_consortium, may_be_together
from allocate.district import District
from allocate.findings import Book, Finding, Value
from allocate.model import Model
from allocate.rules import ConsortiumSize, Function, Rule
from allocate.units import whole_minutes
from allocate.words import LANGUAGES, say_in

Affiliating = Function | ConsortiumSize
# A value of a model file that may be changed.
Setting = int | tuple[str, ...]


@dataclass(frozen=True)
class Looser:
    """A key of a model that limits who may have a function, or join a consortium.

    Attributes
    ----------
    key
        As `--set` takes it.
    before
        What it is.
    values
        What it could be instead, each looser than the one before.
    """

    key: str
    before: Setting
    values: Sequence[Setting]


def unequipped(book: Book) -> Iterator[Finding]:
    """Yield the clauses that too few institutions may meet in time, wherever they stand and whatever the money."""
    for name, rule in book.planned.items():
        if isinstance(rule, Function | ConsortiumSize):
            for t in rule.when(book.case):
                finding = _short_of(book, name, rule, t)
                if finding is not None:
                    yield finding
                    break


def _short_of(book: Book, name: str, rule: Affiliating, t: int) -> Finding | None:
    """Return what a rule is short of in a year, and the first single change that would do."""
    short = _shortfall(book.case, rule, t)
    if short is None:
        return None
    details: dict[str, Value] = {
        "clause": book.cite(name),
        "year": book.case.years[t],
        "low": short.asked,
        "may": short.able,
        "what": short.what,
        "sites": book.sites(short.sites) if short.sites else "–",
        "cure": _cure(book, rule, t),
    }
    return Finding("unmeetable", (name,), f"finding.{short.words}", details)


@dataclass(frozen=True)
class _Shortfall:
    """What falls short: how many are asked for at least, how many there can be at most, and who stands outside."""

    words: str
    asked: int
    able: int
    what: Mapping[str, str] | str
    sites: tuple[int, ...]


def _shortfall(case: Case, rule: Affiliating, t: int) -> _Shortfall | None:
    """Return what a rule is short of in a year; None where enough could be had."""
    match rule:
        case Function():
            return _few_can(case, rule, t)
        case ConsortiumSize():
            return _wrong_size(case, rule, t)


def _few_can(case: Case, rule: Function, t: int) -> _Shortfall | None:
    """Return the function that too few can have by a year; of consortia, only in those that there are in any case."""
    reach = Reach(case)
    leads = (-1,) if rule.scope == "district" else sorted(case.leading.given) if case.leading else ()
    for k in leads:
        # (Who joins a consortium is open: a share of its members says nothing before it is.)
        if k >= 0 and (rule.share is not None or case.leading is None):
            continue
        inside = [
            j for j in rule.sites(case) if k < 0 or (case.leading and in_consortium(case.leading, j, k, t) is not None)
        ]
        for name in rule.functions:
            able, without = reach.most(name, inside, t)
            stand = [j for j in without if case.sites[j].is_fixed]
            asked = rule.at_least or ceil(rule.asks() * (able + len(stand)))
            if able < asked:
                return _Shortfall("few_can", asked, able, case.abilities[name].name, tuple(without))
    return None


def _wrong_size(case: Case, rule: ConsortiumSize, t: int) -> _Shortfall | None:
    """Return where more consortia are given than may be, or one that is given can never be large enough.

    (How many there can be at most, and who can join none: see `outsiders`.)
    """
    if case.leading is None:
        return None
    given = tuple(sorted(case.leading.given))
    if rule.of == "consortia":
        too_many = rule.at_most is not None and len(given) > rule.at_most
        return _Shortfall("many_lead", rule.at_most or 0, len(given), "", given) if too_many else None
    for k in given:
        members = case.leading.in_reach_of(k)
        size = sum(case.people_of_hub(j, t) for j in members) if rule.of == "people" else len(members)
        if size < (rule.at_least or 0):
            return _Shortfall("small_lead", rule.at_least or 0, size, "", (k,))
    return None


@dataclass(frozen=True)
class Reach:
    """Which sites could have a function by a year, were all of them open and money no matter."""

    case: Case
    _known: dict[tuple[str, int, int], bool] = field(default_factory=dict)

    def could(self, name: str, j: int, t: int) -> bool:
        """Tell whether a site could have a function in a year: after all that it needs, or from a centre."""
        about = (name, j, t)
        if about not in self._known:
            # (No function needs itself, and no centre is linked to another one, so that this ends.)
            self._known[about] = self._could(name, j, t)
        return self._known[about]

    def _could(self, name: str, j: int, t: int) -> bool:
        case, ability = self.case, self.case.abilities[name]
        if case.counted_at(name, j) is None:
            return False
        if ability.posted_by:
            sends = (p for p, pool in enumerate(case.pools) if pool.tours and j in case.receivers[p])
            return any(case.sends_as(p, ability.posted_by, j) for p in sends)
        if (name, j) in case.had:
            return True
        if case.makes(name, j):
            return all(self._after(other, j, case.had_by(other, j, years, t)) for other, years in ability.needs.items())
        near = case.centres_of[name, j]
        return any(
            self.could(name, k, t) and (ability.within == "district" or may_be_together(case, j, k)) for k in near
        )

    def _after(self, other: str, j: int, before: int | None) -> bool:
        return before is None or (before >= 0 and self.could(other, j, before))

    def most(self, name: str, inside: Sequence[int], t: int) -> tuple[int, list[int]]:
        """Return how many of some sites could have a function in a year, and those that could not.

        Where centres have too little room, those linked to none are the last ones.
        """
        case, members = self.case, self.case.abilities[name].members
        able = [j for j in inside if self.could(name, j, t)]
        if members is not None:
            linked = [j for j in able if not case.makes(name, j)]
            centre = {k for j in linked for k in case.centres_of[name, j] if self.could(name, k, t)}
            room = sum(min(members, sum(k in case.centres_of[name, j] for j in linked)) for k in centre)
            able = [j for j in able if j not in linked[room:]]
        return len(able), [j for j in inside if j not in able]


def _cure(book: Book, rule: Affiliating, t: int) -> Mapping[str, str]:
    """Return the first single change of the model with which enough could, as a planner makes it."""
    for looser in loosenings(book.model, book.district, book.case, rule):
        for value in looser.values:
            model = with_setting(book.model, looser.key, value)
            if _shortfall(case_with(model, book.district, book.case), rule, t) is None:
                path = looser.key.split(".")[2:]
                needed = book.model.functions[path[1]].name if path[:1] == ["needs"] else None
                setting = f"--set {looser.key}={written(value)}"
                return {
                    chosen: say_in(chosen, "finding.set_or_row", setting=setting, needs=needed[chosen])
                    if needed
                    else say_in(chosen, "finding.set_would_do", setting=setting)
                    for chosen in LANGUAGES
                }
    return {chosen: say_in(chosen, "finding.none_would_do") for chosen in LANGUAGES}


def loosenings(model: Model, district: District, case: Case, rule: Rule) -> Iterator[Looser]:
    """Yield what could be changed so that more institutions meet a rule on functions or consortia."""
    names = _chain(model, rule.abilities)
    for name in names:
        yield from _of_function(model, district, case, name)
    plan, told = model.consortia, case.leading
    if plan is None or told is None:
        return
    if not rule.abilities or any(model.functions[name].within == "consortium" for name in names):
        yield from _of_consortia(model, district, case)


def _chain(model: Model, names: Sequence[str]) -> tuple[str, ...]:
    """Return functions with all that they need, and all that these need."""
    found = dict.fromkeys(name for name in names if name in model.functions)
    for name in (queue := list(found)):
        fresh = [other for other in model.functions[name].needs if other not in found]
        found |= dict.fromkeys(fresh)
        queue += fresh
    return tuple(found)


def _of_function(model: Model, district: District, case: Case, name: str) -> Iterator[Looser]:
    ability = model.functions[name]
    for other, years in ability.needs.items():
        if years:
            yield Looser(f"functions.{name}.needs.{other}", years, range(years - 1, -1, -1))
    if ability.members is not None:
        takers = len({j for j, _ in case.centres.get(name, {})})
        yield Looser(f"functions.{name}.members", ability.members, range(ability.members + 1, takers + 1))
    if ability.minutes is not None:
        free = replace(model, functions={**model.functions, name: ability.model_copy(update={"minutes": None})})
        ways = case_with(free, district, case).centres[name].values()
        yield Looser(f"functions.{name}.minutes", ability.minutes, _longer(ability.minutes, ways))
    if ability.only:
        yield Looser(f"functions.{name}.only", ability.only, [()])
    if ability.types:
        yield Looser(f"functions.{name}.types", ability.types, [()])


def _of_consortia(model: Model, district: District, case: Case) -> Iterator[Looser]:
    plan = model.consortia
    if plan is None:
        return
    if plan.minutes is not None:
        free = replace(model, consortia=plan.model_copy(update={"minutes": None}))
        told = case_with(free, district, case).leading
        ways = told.pairs.values() if told else ()
        yield Looser("consortia.minutes", plan.minutes, _longer(plan.minutes, ways))
    private = tuple(
        one.id for one in district.institutions if one.kind in plan.members and one.ownership == "for_profit"
    )
    if set(private) - set(plan.joining):
        yield Looser("consortia.joining", plan.joining, [tuple(dict.fromkeys((*plan.joining, *private)))])
    able = tuple(one.id for one in district.institutions if one.kind == "hospital" and lacks(plan, one) is None)
    more = tuple(one for one in able if one not in plan.leads)
    if set(more) - set(plan.may_lead) and (plan.leads or plan.may_lead):
        yield Looser("consortia.may_lead", plan.may_lead, [tuple(dict.fromkeys((*plan.may_lead, *more)))])


def _longer(minutes: int, ways: Iterable[int]) -> list[int]:
    """Return the minutes beyond some at which more is within reach, of ways in seconds."""
    found = {whole_minutes(seconds) for seconds in ways}
    return sorted(one for one in found if minutes < one <= 600)


def with_setting(model: Model, key: str, value: Setting) -> Model:
    """Return the model with a key of its functions or consortia changed."""
    table, *path = key.split(".")
    if table == "consortia" and model.consortia is not None:
        return replace(model, consortia=model.consortia.model_copy(update={path[0]: value}))
    name, *inner = path
    ability = model.functions[name]
    update = {inner[0]: value} if len(inner) == 1 else {inner[0]: {**getattr(ability, inner[0]), inner[1]: value}}
    return replace(model, functions={**model.functions, name: ability.model_copy(update=update)})


def case_with(model: Model, district: District, case: Case) -> Case:
    """Return the case with the functions and consortia of a model that is changed in nothing else."""
    made = makers(model, case.sites, case.had)
    return replace(
        case,
        abilities=model.functions,
        makers=made,
        centres=centres(model, case.sites, case.spots, made, case.had, case.journeys),
        leading=leading(district, model, case.sites, case.spots, case.neighbours, case.journeys),
    )


def written(value: Setting) -> str:
    """Return a value as the command line takes it."""
    return f"[{', '.join(repr(one) for one in value)}]" if isinstance(value, tuple) else str(value)
