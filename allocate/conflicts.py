"""Finds which clauses cannot all hold: small sets of them that conflict, each with its proof.

Every clause may fall short, at a price. Clauses conflict when the least total shortfall is above zero; they hold
together when a plan shows it. The linear relaxation proves most conflicts, and the weights of its rows say which
clauses take part; what only whole sites make impossible is left to branch and bound. Then one clause after the other
is left out to see whether the rest still conflicts (the deletion filter of Chinneck & Dravnieks 1991, ORSA Journal on
Computing 3(2)).
"""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import chain
from typing import Literal

import numpy as np

from allocate import decisions
from allocate.case import Case
from allocate.errors import NoPlanError
from allocate.greedy import greedy
from allocate.layout import Layout
from allocate.merging import merge_years
from allocate.posts import staff
from allocate.program import Floats, Found, Objective, Options, Program
from allocate.rows import Column, Key, Number, Row, opened
from allocate.rules import Named, Rule
from allocate.settle import settle
from allocate.travel import Links

Names = frozenset[str]
Proof = Literal["relaxation", "search"]
# A proven least shortfall, as a share of the target, above which clauses conflict: the solver's tolerance is less.
NOISE = 1e-6
# A search that tells whether anything is missing may stop as soon as its bound is half of what it found.
_TELLING_GAP = 0.5
# Up to so many pairs of place and site a search is over before a process of its own has started.
_SMALL = 5_000
# The share of the time left that one search may take.
_SHARE = 0.4
# Weights below this are the solver's noise; a bound that loses less than this share of itself stays what it was; and
# so many groups of rows are left out on trial.
_LIGHT, _SAME, _MOST_TRIES = 1e-12, 1e-3, 40
# Up to so many rows are left out on trial by solving again, each in so many seconds at most.
_FEW, _IDLE_SECONDS = 6, 2.0
# Whose rows they are that no clause asks for: what a plan can be at all.
_GROUND = ""
# Sets of clauses that are looked at in all, so that the list of conflicts ends.
_MOST_SETS = 300


@dataclass(frozen=True)
class Clock:
    """When to stop."""

    ends: float

    @classmethod
    def of(cls, seconds: float) -> "Clock":
        """Return a clock that runs from now [s]."""
        return cls(time.monotonic() + seconds)

    def left(self) -> float:
        """Return the time that is left [s]."""
        return max(0.0, self.ends - time.monotonic())


@dataclass(frozen=True)
class Part:
    """A row of a clause that takes part in a conflict: the parts of the district it speaks of, and the year."""

    rule: str
    ids: tuple[str, ...]
    year: int


@dataclass(frozen=True)
class Verdict:
    """Whether clauses hold together.

    Attributes
    ----------
    holds
        True: a layout shows it. False: it is proven that none can. None: neither was found in time.
    layout
        The layout that shows it; where they conflict, the one that misses least, if one was found.
    core
        Clauses that are proven to conflict: all of them, or fewer.
    bound
        The least total shortfall that is proven, each as a share of its target.
    parts, physics
        Rows and physical rules that the proof weighs, heaviest first.
    """

    holds: bool | None
    layout: Layout | None = None
    core: Names = frozenset()
    proof: Proof = "relaxation"
    bound: float = 0.0
    parts: tuple[Part, ...] = ()
    physics: tuple[str, ...] = ()
    # Who proved it, and with which weights of its rows.
    asked: "Question | None" = field(default=None, compare=False, repr=False)
    weights: Floats | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Core:
    """A set of clauses that conflict.

    Attributes
    ----------
    irreducible
        Whether it is shown of every clause that the others hold together without it.
    without
        The layout of all plan years that shows it, by the clause left out.
    """

    names: Names
    verdict: Verdict
    irreducible: bool
    without: Mapping[str, Layout] = field(default_factory=dict)


@dataclass(frozen=True)
class Conflicts:
    """All conflicts that were found.

    Attributes
    ----------
    undecided
        Sets of clauses of which neither a plan nor a conflict was found in time.
    complete
        Whether there is no other irreducible set.
    """

    cores: tuple[Core, ...]
    undecided: tuple[Names, ...]
    complete: bool


class Question:
    """Clauses of a case, to be asked which of them hold together. It remembers every layout that it has seen."""

    def __init__(self, full: Case, rules: Mapping[str, Rule], physics: Mapping[str, Rule], options: Options) -> None:
        self.full = full
        self.reduced = merge_years(full, [*rules.values(), *physics.values()])
        self.case = self.reduced.case
        self.rules = dict(rules)
        self.physics = dict(physics)
        self.options = replace(options, quick=len(full.links.places) * len(self.case.years) <= _SMALL)
        self._known: list[tuple[Layout, Names]] = []
        self._elastic: tuple[Program, list[tuple[str, Row]]] | None = None
        self._shorter: list[Question] | None = None
        self._bare: Question | None = None

    def expand(self, layout: Layout) -> Layout:
        """Return a layout of the merged years as one of all plan years."""
        return self.reduced.expand(layout)

    def remember(self, full: Layout) -> None:
        """Take note of a layout of all plan years."""
        self._remember(self.reduced.first(full))

    def missed(self, layout: Layout) -> Names:
        """Return the clauses that a layout misses, in exact numbers."""
        return frozenset(name for name, rule in self.rules.items() if any(rule.breaches(self.case, layout)))

    def is_possible(self, layout: Layout) -> bool:
        """Tell whether a layout keeps the physics."""
        laws = [rule.breaches(self.case, layout) for rule in self.physics.values()]
        laws.append(decisions.breaches(self.case, layout))
        return not any(map(any, laws))

    def judge(self, names: Names, clock: Clock) -> Verdict:
        """Tell whether clauses hold together: by a known layout, by a greedy one, by the relaxation, by a search."""
        known = self._layout_for(names)
        if known is not None:
            return Verdict(True, known)
        found = self._without_people(names, clock)
        if found is not None:
            return found
        asked = [rule for name, rule in self.rules.items() if name in names]
        first = staff(self.case, asked, greedy(self.case, asked))
        self._remember(first)
        known = self._layout_for(names)
        if known is not None:
            return Verdict(True, known)
        questions = [*self._beginnings(), self]
        for question in questions:
            found = question._by_relaxation(names, clock)
            if found is not None:
                return found
        for question in reversed(questions):
            found = question._by_search(names, first if question is self else None, clock)
            if question is self and found.holds is not None:
                return found
            if found.holds is False:
                return replace(found, layout=None)
        return Verdict(None)

    def _without_people(self, names: Names, clock: Clock) -> Verdict | None:
        """Return what can be told of the clauses that only ask which sites are open, by leaving out who is served.

        Nothing is lost: whatever is open, nobody need be served.
        """
        if self._bare is None:
            speak = {name for name, rule in self.rules.items() if _sees_people(rule, self.case)}
            rules = {name: rule for name, rule in self.rules.items() if name not in speak}
            nobody = Links(*(np.zeros(0, dtype=np.int64) for _ in range(3)))
            self._bare = Question(replace(self.case, links=nobody), rules, {}, self.options)
        mine = names & frozenset(self._bare.rules)
        if not mine or not len(self.case.links.places):
            return None
        found = self._bare._by_relaxation(mine, clock)
        if found is not None or mine != names:
            return found
        found = self._bare._by_search(mine, None, clock)
        if found.layout is not None:
            self._remember(self._bare.expand(found.layout))
        known = self._layout_for(names)
        if known is not None:
            return Verdict(True, known)
        return replace(found, layout=None) if found.holds is False else None

    def _beginnings(self) -> "list[Question]":
        """Return the question for the first years alone: what cannot hold there cannot hold in all of them.

        (Whatever is laid out in all years is laid out in the first ones, and no rule looks ahead.) They are smaller,
        and tell when the conflict begins.
        """
        if self._shorter is None:
            self._shorter = [
                Question(_beginning(self.case, count), self.rules, self.physics, self.options)
                for count in range(1, len(self.case.years))
            ]
        return self._shorter

    def shrink(self, verdict: Verdict, clock: Clock) -> Core:
        """Leave out one clause after the other as long as the rest conflicts."""
        irreducible = True
        without: dict[str, Layout] = {}
        for name in sorted(verdict.core, reverse=True):
            if name not in verdict.core:
                continue
            less = self.judge(verdict.core - {name}, clock) if clock.left() else Verdict(None)
            if less.holds is False:
                verdict = less
            elif less.layout is not None and less.holds:
                without[name] = less.layout
            else:
                irreducible = False
        if verdict.asked is not None:
            verdict = verdict.asked._pruned(verdict)
        kept = {name: self.expand(layout) for name, layout in without.items() if name in verdict.core}
        return Core(verdict.core, verdict, irreducible and kept.keys() == verdict.core, kept)

    def conflicts(self, clock: Clock, most: int) -> Conflicts:
        """Return conflicts: first such that share no clause, then others.

        Whatever conflicts within a set of clauses is found by leaving out, in turn, every clause of a conflict in it
        (Reiter 1987, Artificial Intelligence 32(1)).
        """
        cores: list[Core] = []
        undecided: list[Names] = []
        waiting = deque([frozenset(self.rules)])
        seen: set[Names] = set()
        while waiting and len(cores) < most and len(seen) < _MOST_SETS and clock.left():
            names = waiting.popleft()
            if names in seen or not names:
                continue
            seen.add(names)
            core = next((core for core in cores if core.names <= names), None)
            if core is None:
                verdict = self.judge(names, clock)
                if verdict.holds is None:
                    undecided.append(names)
                if verdict.holds is not False:
                    continue
                core = self.shrink(verdict, clock)
                cores.append(core)
            waiting.appendleft(names - core.names)
            waiting.extend(names - {name} for name in sorted(core.names))
        finished = not (waiting and any(names not in seen and names for names in waiting))
        return Conflicts(tuple(cores), tuple(undecided), finished and not undecided)

    def least(self, name: str, others: Names, clock: Clock) -> tuple[Layout, float] | None:
        """Return the layout that misses one clause least while others hold, and the least miss that is proven.

        A miss is the worst shortfall as a share of its target; of a clause about named sites it is their number.
        """
        program = Program("least")
        ranges = _lay_ground(program, self.case, {**self.rules, **self.physics}, self.physics)[1]
        for other in sorted(others - {name}):
            program.add_rows(other, self.rules[other].rows(self.case))
        rows = list(_elastic_rows(name, self.rules[name], self.case, ranges))
        shortfalls = [column.key for column, _ in rows]
        program.add_columns(column for column, _ in rows)
        program.add_rows(name, (row for _, row in rows))
        objective = Objective("least", dict.fromkeys(shortfalls, 1))
        if not isinstance(self.rules[name], Named):
            worst: Key = ("most",)
            program.add_columns([Column(worst, high=max((column.high for column, _ in rows), default=0))])
            program.add_rows("most", (Row(key, {worst: 1, key: -1}, ">=", 0) for key in shortfalls))
            objective = Objective("least", {worst: 1})
        self._remember(greedy(self.case, self.rules.values()))
        starts = [layout for layout, missed in self._known if not missed & (others - {name})]
        start = min(starts, key=lambda layout: _worst(self.rules[name], self.case, layout), default=None)
        found = self._solve(program, objective, start, 0.0, clock.left())
        layout = None if found is None else self._settled(program, found)
        if found is None or layout is None:
            return None
        self._remember(layout)
        return layout, max(0.0, found.bound)

    def _layout_for(self, names: Names) -> Layout | None:
        return next((layout for layout, missed in self._known if not missed & names), None)

    def _remember(self, layout: Layout) -> None:
        if self.is_possible(layout):
            self._known.append((layout, self.missed(layout)))

    def _program(self) -> tuple[Program, list[tuple[str, Row]]]:
        """Return the program in which every clause may fall short, and its rows in order; it is built once."""
        if self._elastic is None:
            program = Program("conflicts")
            told, ranges = _lay_ground(program, self.case, {**self.rules, **self.physics}, self.physics)
            for name, rule in self.rules.items():
                for column, row in _elastic_rows(name, rule, self.case, ranges):
                    program.add_columns([column])
                    program.add_rows(name, [row])
                    told.append((name, row))
            self._elastic = program, told
        return self._elastic

    def _objective(self, names: Iterable[str], program: Program) -> Objective:
        wanted = set(names)
        return Objective("conflict", {key: 1 for key in program.keys if key[0] == "short" and key[1] in wanted})

    def _by_relaxation(self, names: Names, clock: Clock) -> Verdict | None:
        """Return the conflict that the linear relaxation proves, if it does; the proof is worked out again here."""
        program, told = self._program()
        objective = self._objective(names, program)
        if not objective.terms:
            return None
        weights = program.weigh_rows(objective, replace(self.options, seconds=max(1.0, clock.left())))
        if weights is None:
            return None
        owners = np.array([name for name, _ in told])
        weighed = np.abs(weights) > _LIGHT
        core = frozenset(map(str, owners[weighed])) & names
        # The rest of the weights must do by themselves, without the clauses that weigh nothing.
        kept = np.isin(owners, sorted({*core, _GROUND, *self.physics}))
        weights = np.where(kept & weighed, weights, 0.0)
        bound = program.bound_by(self._objective(core, program), weights)
        if bound <= NOISE:
            return None
        return self._weighed(Verdict(False, core=core, bound=bound, asked=self, weights=weights))

    def _weighed(self, verdict: Verdict) -> Verdict:
        """Return a verdict with the parts and the physics that its weights name, heaviest first."""
        assert verdict.weights is not None
        _, told = self._program()
        # A row weighs as much as missing it by its target does.
        sizes = np.abs(verdict.weights) * np.array([float(row.target) for _, row in told])
        heavy = [told[r] for r in np.argsort(-sizes, kind="stable") if verdict.weights[r]]
        parts = tuple(self._part(name, row) for name, row in heavy if name in verdict.core)
        physics = tuple(dict.fromkeys(name for name, _ in heavy if name in self.physics))
        return replace(verdict, parts=parts, physics=physics)

    def _pruned(self, verdict: Verdict) -> Verdict:
        """Return a verdict without the rows that its proof can do without: the relaxation may weigh some in vain."""
        return self._weighed(self._halved(self._without_idle(self._halved(verdict))))

    def _halved(self, verdict: Verdict) -> Verdict:
        """Leave out rows by halves as long as the bound stays what it was."""
        assert verdict.weights is not None
        program, told = self._program()
        objective = self._objective(verdict.core, program)
        owners = [name for name, _ in told]
        used = np.flatnonzero(verdict.weights)
        groups = [np.array([r for r in used if owners[r] == name]) for name in self.physics]
        groups += [np.array([r for r in used if owners[r] in verdict.core])]
        weights, tries = verdict.weights, 0
        while groups and tries < _MOST_TRIES:
            group = groups.pop(0)
            if not len(group):
                continue
            tries += 1
            less = weights.copy()
            less[group] = 0.0
            if program.bound_by(objective, less) >= verdict.bound * (1 - _SAME):
                weights = less
            elif len(group) > 1 and owners[group[0]] in verdict.core:
                groups += [group[: len(group) // 2], group[len(group) // 2 :]]
        return replace(verdict, weights=weights)

    def _without_idle(self, verdict: Verdict) -> Verdict:
        """Return a verdict without the clauses' rows that a new relaxation can do without, where they are few.

        (A row may be weighed in vain together with rows that always hold: leaving out it alone would not show that.)
        """
        program, told = self._program()
        assert verdict.weights is not None
        weights = verdict.weights
        rows = [r for r in np.flatnonzero(weights) if told[r][0] in verdict.core]
        terms = {("short", told[r][0], *told[r][1].about): 1 for r in rows}
        for row in rows if 1 < len(rows) <= _FEW else ():
            name, idle = told[row]
            fewer = {key: one for key, one in terms.items() if key != ("short", name, *idle.about)}
            objective = Objective("conflict", fewer)
            again = program.weigh_rows(objective, replace(self.options, seconds=_IDLE_SECONDS)) if fewer else None
            if again is None:
                continue
            again = np.where(np.abs(again) > _LIGHT, again, 0.0)
            if program.bound_by(objective, again) >= verdict.bound * (1 - _SAME):
                weights, terms = again, fewer
        return replace(verdict, weights=weights)

    def _by_search(self, names: Names, start: Layout | None, clock: Clock) -> Verdict:
        program, _ = self._program()
        objective = self._objective(names, program)
        found = self._solve(program, objective, start, _TELLING_GAP, clock.left() * _SHARE)
        if found is None:
            return Verdict(None)
        layout = self._settled(program, found)
        if layout is not None:
            self._remember(layout)
            if not self.missed(layout) & names and self.is_possible(layout):
                return Verdict(True, layout)
        if found.bound <= NOISE:
            return Verdict(None, layout)
        missed = (
            []
            if layout is None
            else [
                self._part(name, breach.about)
                for name in sorted(names)
                for breach in self.rules[name].breaches(self.case, layout)
            ]
        )
        return Verdict(False, layout, names, "search", found.bound, tuple(missed), tuple(self.physics))

    def _solve(
        self, program: Program, objective: Objective, start: Layout | None, gap: float, seconds: float
    ) -> Found | None:
        begin: dict[Key, Number] | None = None
        if start is not None:
            begin = {
                opened(j, t): int((j, t) in start.open) for j in range(len(self.case.sites)) for t in self.case.periods
            }
        try:
            return program.solve(objective, replace(self.options, seconds=max(1.0, seconds), gap=gap), begin)
        except NoPlanError:
            return None

    def _settled(self, program: Program, found: Found) -> Layout | None:
        """Return what the solver found in whole people."""
        keys = program.keys
        options = replace(self.options, seconds=30.0)
        return settle(self.case, lambda key: float(found.values[keys[key]]), options, keys)

    def _part(self, name: str, row: Row | Key) -> Part:
        about = row.about if isinstance(row, Row) else row
        ids = tuple(part for part in about if isinstance(part, str) and part not in ("", "least", "most"))
        year = next((part for part in about if isinstance(part, int)), self.case.years[0])
        return Part(name, ids, year)


def _sees_people(rule: Rule, case: Case) -> bool:
    """Tell whether a clause speaks of who is served, and not only of what is open."""
    rows = chain(rule.rows(case), rule.ties(case))
    return any(key[0] in ("serve", "served") for row in rows for key in row.terms)


def _worst(rule: Rule, case: Case, layout: Layout) -> Fraction:
    return max((breach.share for breach in rule.breaches(case, layout)), default=Fraction(0))


def _beginning(case: Case, count: int) -> Case:
    """Return a case of the first years alone."""
    return replace(
        case,
        years=case.years[:count],
        spans=case.spans[:count],
        repeats=case.repeats[:count],
        people=case.people[:, :count],
    )


def _lay_ground(
    program: Program, case: Case, rules: Mapping[str, Rule], physics: Mapping[str, Rule]
) -> tuple[list[tuple[str, Row]], dict[Key, tuple[float, float]]]:
    """Add what always holds; return whose rows these are, in order, and the ranges of all variables."""
    columns = {column.key: column for column in decisions.columns(case)}
    columns |= {column.key: column for rule in rules.values() for column in rule.columns(case)}
    program.add_columns(columns.values())
    told: list[tuple[str, Row]] = []

    def add(owner: str, family: str, rows: Iterable[Row]) -> None:
        kept = list(rows)
        program.add_rows(family, kept)
        told.extend((owner, row) for row in kept)

    add(_GROUND, "siting", decisions.siting.rows(case))
    add(_GROUND, "beside sites", decisions.rows_beside_sites(case))
    for name, rule in rules.items():
        add(_GROUND, f"{name} tie", rule.ties(case))
    for name, rule in physics.items():
        add(name, name, rule.rows(case))
    return told, {key: (float(column.low), float(column.high)) for key, column in columns.items()}


def _elastic_rows(
    name: str, rule: Rule, case: Case, ranges: Mapping[Key, tuple[float, float]]
) -> Iterator[tuple[Column, Row]]:
    """Yield the rows of a clause, each with a variable that says by which share of its target it falls short.

    A share, and not persons or yuan: so all prices are alike, and no solver takes a small one for none.
    """
    for row in rule.rows(case):
        ends = [(float(c) * ranges[key][0], float(c) * ranges[key][1]) for key, c in row.terms.items()]
        if row.sense == ">=":
            room = float(row.bound) - sum(min(pair) for pair in ends)
        else:
            room = sum(max(pair) for pair in ends) - float(row.bound)
        target = Fraction(row.target)
        key: Key = ("short", name, *row.about)
        yield (
            Column(key, high=Fraction(max(0.0, room)) / target),
            replace(row, terms={**row.terms, key: target if row.sense == ">=" else -target}),
        )
