"""Ways out of a conflict: the number of a clause, a circle, room, pool or posts with which all the rest would hold.

A way out is offered only when it was verified: the model was read again with the change, and a layout was found that
keeps the physics and every clause of the conflict in it, in exact numbers.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from math import floor, inf, log10
from typing import Any, Literal

import pydantic

from allocate import decisions
from allocate.candidates import make_case
from allocate.case import Case
from allocate.conflicts import Clock, Core, Names, Question
from allocate.consortia import LONGEST
from allocate.district import District
from allocate.errors import AllocateError
from allocate.layout import Layout
from allocate.model import Model, changed
from allocate.program import Options
from allocate.rows import POLICY, Row, Strength
from allocate.rules import (
    Capacity,
    ConsortiumSize,
    Function,
    Membership,
    Named,
    NamedSites,
    Posting,
    Rounds,
    Rule,
    to_stand,
)
from allocate.senders import origins
from allocate.unequipped import loosenings
from allocate.units import exact

Kind = Literal[
    "number", "sites", "later", "circle", "room", "pool", "row", "posts", "way", "apart", "setting", "weaker"
]
# Numbers of a rule that may give way; others, such as “per 1,000”, only say what the number means.
_NUMBERS = ("share", "at_least", "at_most", "metres", "people", "times")
# A number is given to so many digits.
_DIGITS = 4
# The circle and the room of a site are not stretched beyond so many times what they are; a room grows by a fiftieth.
_LONGER, _ROOMIER, _STEPS = 2, 4, 50
# Of a pool that can let nobody go, so many may be let go at most.
_MORE = 4
# What one attempt may take of the time for all, at least and at most [s].
_LEAST_SECONDS, _MOST_SECONDS = 2.0, 20.0


@dataclass(frozen=True)
class Repair:
    """A change after which the clauses of a conflict hold together; verified by a layout that keeps them.

    Attributes
    ----------
    changes
        Keys of the model and their new values, as `--set` takes them; none where a row of pools.csv changes.
    before, after
        What the changed number was, and what it becomes; of a list of sites, those that are dropped.
    change
        How much that is of what it was; infinite where there is no number.
    is_least
        Whether it is proven that no smaller change of this number will do.
    where
        Where the clause falls short of what it was, worst first: ids of places, towns or sites.
    row
        Row of pools.csv that changes; None where the model does.
    """

    kind: Kind
    rule: str
    changes: Mapping[str, str]
    before: str
    after: str
    change: float
    is_least: bool
    where: tuple[str, ...] = ()
    row: int | None = None


class Repairer:
    """Looks for ways out of a conflict of a model."""

    def __init__(self, district: District, model: Model, case: Case, core: Core, options: Options) -> None:
        self.district = district
        self.model = model
        self.case = case
        self.core = core
        self.options = options
        # Fewer clauses tell fewer years apart: the question is smaller than the one that found the conflict.
        self.question = Question(case, {name: model.rules[name] for name in sorted(core.names)}, _laws(model), options)
        for layout in core.without.values():
            self.question.remember(layout)

    def repairs(self, clock: Clock) -> tuple[Repair, ...]:
        """Return the ways out of the conflict that were found and verified, smallest change first."""
        core = self.core
        tries: list[Callable[[Clock], Iterator[Repair]]] = []
        for name in sorted(core.names):
            tries += [_bound(self._loosened, core, name), _bound(self._later, core, name)]
            if isinstance(self.question.rules[name], Posting):
                tries += [_bound(self._shorter, core, name), _bound(self._more_experts, core, name)]
            if isinstance(self.question.rules[name], Rounds):
                tries += [_bound(self._shorter, core, name), _bound(self._more_teams, core, name)]
            if isinstance(self.question.rules[name], Function):
                tries += [_bound(self._more_able, core, name)]
            if isinstance(self.question.rules[name], Membership | ConsortiumSize | Posting):
                tries += [_bound(self._farther_leads, core, name), _bound(self._apart, core, name)]
        tries += [_bound(self._circle, core, "")]
        tries += [_bound(self._room, core, name) for name in core.verdict.physics]
        found: list[Repair] = []
        for number, attempt in enumerate(tries):
            share = clock.left() / (len(tries) - number)
            if not clock.left():
                break
            found += attempt(Clock.of(min(max(share, _LEAST_SECONDS), _MOST_SECONDS)))
        # Giving a clause up needs no search: that the others hold without it is known already.
        found += [repair for name in sorted(core.names) for repair in self._weaker(core, name)]
        return tuple(sorted(found, key=lambda repair: (repair.change, sorted(repair.changes.items()))))

    def _key(self, name: str) -> str:
        rules = self.model.settings.get("rules", {})
        return f"rules.{name}" if name in rules else f"clauses.{name}"

    def _loosened(self, core: Core, name: str, clock: Clock) -> Iterator[Repair]:
        """Yield the numbers of a clause that would just hold, as a layout shows that misses it least."""
        rule = self.question.rules[name]
        least = self.question.least(name, core.names, clock)
        if least is None:
            return
        layout, bound = least
        if self.question.missed(layout) & (core.names - {name}):
            return
        full = self.question.expand(layout)
        where = self._where(rule, full)
        if isinstance(rule, Named):
            yield from self._fewer_sites(core, name, rule, full, bound, where)
            return
        for field in fields(rule):
            value = getattr(rule, field.name)
            if field.name not in _NUMBERS or value is None:
                continue
            for direction in (-1, 1):
                number = _just_holding(rule, field.name, direction, self.case, full)
                if number is None:
                    continue
                changes = {f"{self._key(name)}.{field.name}": _toml(number)}
                if self._is_verified(core.names, changes, full):
                    step = _step(value)
                    nearer = _replaced(rule, field.name, _plain(exact(number) - direction * step, value))
                    yield Repair(
                        "number",
                        name,
                        changes,
                        _toml(value),
                        _toml(number),
                        _relative(value, number),
                        nearer is not None and _is_refuted(rule, nearer, self.question.case, bound),
                        where,
                    )

    def _fewer_sites(
        self, core: Core, name: str, rule: Named, full: Layout, bound: float, where: tuple[str, ...]
    ) -> Iterator[Repair]:
        """Yield the list of sites without those that must give way."""
        missed = {str(part) for breach in rule.breaches(self.case, full) for part in breach.about}
        kept = [site for site in rule.sites if site not in missed]
        dropped = [site for site in rule.sites if site in missed]
        changes = {f"{self._key(name)}.sites": _toml(kept)}
        if kept and dropped and self._is_verified(core.names, changes, full):
            # A site counts once in every year; no fewer sites than this can do.
            years = len(rule.when(self.question.case))
            is_least = bound > (len(dropped) - 1) * years + 1e-6
            share = len(dropped) / len(rule.sites)
            yield Repair("sites", name, changes, "", ", ".join(dropped), share, is_least, where)

    def _later(self, core: Core, name: str, clock: Clock) -> Iterator[Repair]:
        """Yield a later deadline for what a clause asks for."""
        rule = self.model.rules[name]
        years = [year for year in self.model.years if rule.holds_in(year)]
        if not _asks(rule):
            return
        is_least = True
        for start in years[1:]:
            changes = {f"{self._key(name)}.years": _toml([year for year in years if year >= start])}
            if isinstance(rule, NamedSites) and not rule.years:
                changes = {f"{self._key(name)}.year": _toml(start)}
            holds = self._try(core.names, changes, clock)
            if holds:
                horizon = max(1, self.model.years[-1] - self.model.as_of.year)
                share = (start - years[0]) / horizon
                yield Repair("later", name, changes, str(years[0]), str(start), share, is_least)
                return
            is_least = is_least and holds is False

    def _circle(self, core: Core, _: str, clock: Clock) -> Iterator[Repair]:
        """Yield the next longer circle within which the clauses hold."""
        ring = self.model.circles[self.model.circle]
        rows = (row for name in core.names for row in self.question.rules[name].rows(self.question.case))
        if not {key[0] for row in rows for key in row.terms} & {"served", "serve"}:
            return
        minutes, metres = ring.minutes, ring.metres
        field, value, step = ("metres", metres or 0, 100) if minutes is None else ("minutes", minutes, 1)
        choices = range(floor(value) + step, floor(value * _LONGER) + 1, step)
        key = f"circles.{self.model.circle}.{field}"
        yield from self._stretched("circle", core, "", key, value, choices, clock)

    def _room(self, core: Core, name: str, clock: Clock) -> Iterator[Repair]:
        """Yield the next larger room of a site with which the clauses hold."""
        rule = self.question.physics[name]
        if isinstance(rule, Capacity):
            step = max(1, rule.people // _STEPS)
            choices = range(rule.people + step, rule.people * _ROOMIER + 1, step)
            yield from self._stretched("room", core, name, f"{self._key(name)}.people", rule.people, choices, clock)

    def _shorter(self, core: Core, name: str, clock: Clock) -> Iterator[Repair]:
        """Yield the next shorter tours, fewer days a week or shorter visits, of those there are, that would do."""
        rule, case = self.question.rules[name], self.case
        there: dict[str, set[float]] = {}
        if isinstance(rule, Posting) and case.postings is not None:
            there["months"] = set(case.postings.months)
            there["days_per_week"] = {float(pool.days_per_week) for pool in case.pools}
        elif isinstance(rule, Rounds):
            there["half_days"] = {way.plan.half_days for way in case.ways.values()}
        for key, values in there.items():
            before, is_least = getattr(rule, key), True
            for value in sorted((one for one in values if one < before), reverse=True):
                changes = {f"{self._key(name)}.{key}": _toml(value)}
                holds = self._try(core.names, changes, clock)
                if holds:
                    change = _relative(before, value)
                    yield Repair("number", name, changes, _toml(before), _toml(value), change, is_least)
                    break
                is_least = is_least and holds is False

    def _more_experts(self, core: Core, name: str, clock: Clock) -> Iterator[Repair]:
        """Yield how many must be let go from each pool that counts for a clause."""
        rule = self.question.rules[name]
        told = origins(self.district, self.model)
        counted = [one for p, one in enumerate(told) if isinstance(rule, Posting) and rule.looks_at(self.case, p)]
        # (A table of the model speaks of every hospital that it names.)
        for (pool, row), origin in {(one.name, one.row): one for one in counted}.items():
            away = origin.release.away
            choices = range(away + 1, away * _ROOMIER + _MORE + 1)
            part = Clock.of(clock.left() / max(1, len(counted)))
            if row is None:
                yield from self._stretched("pool", core, name, f"pools.{pool}.away", away, choices, part)
            else:
                yield from self._stretched("row", core, name, "", away, choices, part, row=row)

    def _more_teams(self, core: Core, name: str, clock: Clock) -> Iterator[Repair]:
        """Yield how many posts for those who go, by kind of site, let a clause on rounds hold."""
        rule = self.question.rules[name]
        ways = rule.ways(self.case) if isinstance(rule, Rounds) else {}
        for resource in dict.fromkeys(self.case.ways[way].plan.resource for way in ways):
            for kind, posts in self.model.resources[resource].at.items():
                choices = range(posts + 1, posts * _ROOMIER + 1)
                part = Clock.of(clock.left() / max(1, len(ways)))
                yield from self._stretched("posts", core, name, f"resources.{resource}.at.{kind}", posts, choices, part)

    def _more_able(self, core: Core, name: str, clock: Clock) -> Iterator[Repair]:
        """Yield what could be changed in functions so that enough institutions have them in time."""
        looser = list(loosenings(self.model, self.district, self.case, self.question.rules[name]))
        for one in looser:
            part = Clock.of(clock.left() / len(looser))
            if isinstance(one.before, int):
                numbers = [value for value in one.values if isinstance(value, int)]
                yield from self._stretched("setting", core, name, one.key, one.before, numbers, part)
                continue
            for value in one.values:
                changes = {one.key: _toml(value)}
                if self._try(core.names, changes, part):
                    yield Repair("setting", name, changes, _toml(one.before), _toml(value), inf, is_least=False)

    def _farther_leads(self, core: Core, name: str, clock: Clock) -> Iterator[Repair]:
        """Yield the next longer way to a lead with which the clauses hold."""
        plan = self.model.consortia
        if plan is not None and plan.minutes is not None:
            choices = range(plan.minutes + 1, LONGEST + 1)
            yield from self._stretched("way", core, name, "consortia.minutes", plan.minutes, choices, clock)

    def _apart(self, core: Core, name: str, clock: Clock) -> Iterator[Repair]:
        """Yield consortia whose members need not adjoin, where the clauses hold with them."""
        plan, changes = self.model.consortia, {"consortia.contiguous": "false"}
        if plan is not None and plan.contiguous and self._try(core.names, changes, clock):
            yield Repair("apart", name, changes, "true", "false", inf, is_least=True)

    def _stretched(
        self,
        kind: Kind,
        core: Core,
        name: str,
        key: str,
        value: float,
        choices: Sequence[int],
        clock: Clock,
        *,
        row: int | None = None,
    ) -> Iterator[Repair]:
        """Yield the first of the choices, each weaker than the one before, with which the clauses hold.

        What changes is a key of the model, or how many a `row` of pools.csv lets go.
        """
        verdicts: dict[int, bool | None] = {}

        def changes(number: int) -> dict[str, str]:
            return {key: _toml(number)} if row is None else {}

        def holds(n: int) -> bool:
            if n not in verdicts:
                district = self.district if row is None else _letting_go(self.district, row, choices[n])
                verdicts[n] = self._try(core.names, changes(choices[n]), clock, district) if clock.left() else None
            return bool(verdicts[n])

        if not choices:
            return
        # From nearby outwards in growing steps, so that a small change is found soon; then back.
        last, low, high = len(choices) - 1, -1, 0
        while not holds(high):
            if high >= last or not clock.left():
                return
            low, high = high, min(2 * high + 1, last)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if holds(middle) else (middle, high)
        number = choices[high]
        # (Coarse steps say nothing about what lies between two of them.)
        is_fine = not isinstance(choices, range) or choices.step == 1
        is_least = is_fine and (low < 0 or verdicts.get(low) is False)
        yield Repair(
            kind,
            name,
            changes(number),
            f"{value:g}" if isinstance(value, float) else _toml(value),
            _toml(number),
            _relative(value, number),
            is_least,
            row=row,
        )

    def _weaker(self, core: Core, name: str) -> Iterator[Repair]:
        """Yield a strength weaker than that of all others in the conflict: the clause then gives way to them."""
        layout, rule = core.without.get(name), self.model.rules[name]
        others = [POLICY.index(self.model.rules[other].strength) for other in core.names - {name}]
        after = max([POLICY.index(rule.strength), *others]) + 1
        if layout is None or after >= len(POLICY):
            return
        changes = {f"{self._key(name)}.strength": str(POLICY[after])}
        if self._is_verified(core.names - {name}, changes, layout):
            yield Repair("weaker", name, changes, str(rule.strength), str(POLICY[after]), inf, False)

    def _where(self, rule: Rule, full: Layout) -> tuple[str, ...]:
        """Return where a layout falls short of a clause, worst first."""
        found: dict[str, Fraction] = {}
        for t in rule.when(self.case):
            for ids, amount in rule.causes(self.case, full, t):
                found[ids[0]] = max(found.get(ids[0], Fraction(0)), Fraction(amount))
        return tuple(sorted(found, key=lambda name: (-found[name], name)))

    def _try(
        self, names: Names, changes: Mapping[str, str], clock: Clock, district: District | None = None
    ) -> bool | None:
        """Tell whether clauses hold together in a changed model or district, by a layout that was checked in it."""
        try:
            model = changed(self.model, changes)
            case = make_case(district or self.district, model)
        except AllocateError:
            return None
        rules = {name: model.rules[name] for name in names}
        question = Question(case, rules, _laws(model), self.options)
        verdict = question.judge(names, clock)
        if verdict.holds and verdict.layout is not None:
            return _keeps(case, [*rules.values(), *_laws(model).values()], question.expand(verdict.layout)) or None
        return verdict.holds

    def _is_verified(self, names: Names, changes: Mapping[str, str], full: Layout) -> bool:
        """Tell whether a layout keeps the physics and the clauses of the model as it is read with a change."""
        try:
            model = changed(self.model, changes)
        except AllocateError:
            return False
        if not names <= model.rules.keys():
            return False
        rules = [model.rules[name] for name in sorted(names)]
        return _keeps(self.case, [*rules, *_laws(model).values()], full)


def _bound(
    attempt: Callable[[Core, str, Clock], Iterator[Repair]], core: Core, name: str
) -> Callable[[Clock], Iterator[Repair]]:
    return lambda clock: attempt(core, name, clock)


def _letting_go(district: District, row: int, away: int) -> District:
    """Return a district in which a row of pools.csv lets so many go at once."""
    return replace(district, pools=tuple(replace(one, away=away) if one.row == row else one for one in district.pools))


def _laws(model: Model) -> dict[str, Rule]:
    return {name: rule for name, rule in model.rules.items() if rule.strength is Strength.PHYSICS}


def _keeps(case: Case, rules: Sequence[Rule], layout: Layout) -> bool:
    return not any(decisions.breaches(case, layout)) and not any(any(rule.breaches(case, layout)) for rule in rules)


def _asks(rule: Rule) -> bool:
    """Tell whether a clause asks for something, which may come later, and does not only forbid."""
    return bool(to_stand(rule)) or (
        any(getattr(rule, name, None) is not None for name in ("share", "at_least"))
        and getattr(rule, "at_most", None) is None
    )


def _just_holding(rule: Rule, field: str, direction: int, case: Case, layout: Layout) -> int | float | None:
    """Return the number nearest to a rule's own, in one direction, with which a layout keeps it; None without one."""
    value = getattr(rule, field)
    step = _step(value)
    start = exact(value) / step
    first = floor(start) + 1 if direction > 0 else -floor(-start) - 1

    def keeps(n: int) -> bool:
        loose = _replaced(rule, field, _plain((first + direction * n) * step, value))
        return loose is not None and not any(loose.breaches(case, layout))

    last = first if direction < 0 else 2**40
    if direction < 0 and _replaced(rule, field, _plain(Fraction(0), value)) is None:
        last -= 1
    high = 0
    while not keeps(high):
        if high >= last:
            return None
        high = min(2 * high + 1, last)
    low = -1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if keeps(middle) else (middle, high)
    return _plain((first + direction * high) * step, value)


def _step(value: float) -> Fraction:
    """Return the step in which a number is changed: it keeps four digits, and a whole number stays whole."""
    if not value:
        return Fraction(1)
    step = Fraction(10) ** (floor(log10(abs(value))) + 1 - _DIGITS)
    return max(step, Fraction(1)) if isinstance(value, int) else step


def _plain(number: Fraction, like: float) -> int | float:
    return int(number) if isinstance(like, int) else float(number)


def _replaced(rule: Rule, field: str, value: object) -> Rule | None:
    try:
        changes: dict[str, Any] = {field: value}
        return replace(rule, **changes)
    except (pydantic.ValidationError, ValueError):
        return None


def _is_refuted(rule: Rule, nearer: Rule, case: Case, bound: float) -> bool:
    """Tell whether a bound on the worst shortfall of a clause shows that one a step nearer to it cannot hold either."""
    asked, told = list(rule.rows(case)), list(nearer.rows(case))
    return len(asked) == len(told) and all(_is_beyond(a, b, bound - 1e-6) for a, b in zip(asked, told, strict=True))


def _is_beyond(asked: Row, told: Row, bound: float) -> bool:
    if asked.about != told.about or asked.terms != told.terms:
        return False
    least = Fraction(asked.target) * Fraction(max(0.0, bound))
    if asked.sense == ">=":
        return told.bound > asked.bound - least
    return told.bound < asked.bound + least


def _relative(before: float, after: float) -> float:
    return abs(float(after) - float(before)) / (abs(float(before)) or 1.0)


def _toml(value: Any) -> str:
    """Write a value as TOML does."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(one) for one in value)}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else f"{value}"
