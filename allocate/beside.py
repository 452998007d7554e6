"""Proves what goals on postings or on consortia cannot fall below, from these by themselves.

All else is left out: sites, who goes where, money. Leaving rows out is a relaxation, so what cannot be reached here
cannot be reached in the whole either. Postings are nearly a transport problem (Hitchcock 1941): their linear
relaxation is as good as tight. That of consortia is not where they should be of one size, but they are few.
"""

from collections.abc import Iterable, Mapping
from types import ModuleType

from allocate import decisions
from allocate.case import Case
from allocate.decisions import consortia, posting
from allocate.goals import Goal
from allocate.goals.base import Beside
from allocate.program import Objective, Options, Program
from allocate.rows import LEADS, Key, Row
from allocate.rules import Rule

_PHYSICS: Mapping[Beside, ModuleType] = {"postings": posting, "consortia": consortia}
# Variables by which each decision is told, and those that hang on them: whom the lead sends, links to its centres.
_TOLD: Mapping[Beside, frozenset[str]] = {"postings": frozenset({"tours"}), "consortia": frozenset({"joins", LEADS})}
_FOLLOW: Mapping[Beside, frozenset[str]] = {
    "postings": frozenset({"led"}),
    "consortia": frozenset({"passes", "led", "tours", "linked", "begins"}),
}
# What rows on nothing but such a decision may name besides.
_MORE = frozenset({"open", "passes"})
# Nodes of branch and bound that a proof may take.
_NODES = 2_000


def bounds_beside(
    case: Case, rules: Mapping[str, Rule], goals: Mapping[str, Goal], options: Options
) -> dict[str, float]:
    """Return what no plan that misses no clause falls below, of every goal on one decision beside the sites."""
    found: dict[str, float] = {}
    for decision, physics in _PHYSICS.items():
        mine = {name: goal for name, goal in goals.items() if goal.beside == decision}
        if not mine or not any(True for _ in physics.columns(case)):
            continue
        program = Program(decision)
        families: dict[str, list[Row]] = {decision: list(physics.rows(case))}
        for name, rule in rules.items():
            families[name] = [row for row in rule.rows(case) if _speaks_of(decision, row.terms)]
        spoken = {key for rows in families.values() for row in rows for key in row.terms}
        told = (one for one in decisions.columns(case) if one.key in spoken or _head(one.key) in _TOLD[decision])
        program.add_columns(told)
        for family, rows in families.items():
            program.add_rows(family, rows)
        for name, goal in mine.items():
            program.add_columns(goal.columns(case))
            program.add_rows(name, goal.rows(case))
            objective = Objective(name, goal.terms(case), goal.constant(case))
            bound = program.prove(objective, options, nodes=_NODES if decision == "consortia" else 0)
            if bound is not None:
                found[name] = bound
    return found


def variables_of(goal: Goal, case: Case, keys: Iterable[Key]) -> tuple[Key, ...]:
    """Return the variables by which a goal on one decision is told, with all that hangs on them; of another, none."""
    if not goal.beside:
        return ()
    heads = _TOLD[goal.beside] | _FOLLOW[goal.beside]
    if goal.beside == "consortia":
        heads |= frozenset(case.abilities)
    own = {column.key for column in goal.columns(case)}
    return tuple(key for key in keys if _head(key) in heads or key in own)


def _speaks_of(decision: Beside, terms: Iterable[Key]) -> bool:
    """Tell whether a row speaks of a decision, and of nothing else but which sites are open."""
    heads = {_head(key) for key in terms}
    return not heads.isdisjoint(_TOLD[decision]) and heads <= _TOLD[decision] | _MORE


def _head(key: Key) -> str:
    """Return what a variable says: of an amount, of what."""
    return str(key[1] if key[0] == "amount" else key[0])
