"""Solves a case stage by stage: clauses by strength, then goals in order, each held for the next."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from allocate.case import Case
from allocate.decisions import siting
from allocate.errors import NoPlanError
from allocate.goals import Goal
from allocate.greedy import greedy
from allocate.layout import Layout
from allocate.merging import merge_places, merge_years
from allocate.model import Model
from allocate.program import Objective, Options, Program, Progress
from allocate.rows import POLICY, Key, Number, opened, served, serves
from allocate.rules import Rule
from allocate.settle import settle
from allocate.stages import clause_values

Listener = Callable[[Progress], None]
CLAUSE_GAP = 0.005
# What a stage may take of the time that is left, unless it is the last.
_STAGE_SHARE = 0.6
_SETTLE_SECONDS = 30.0


@dataclass(frozen=True)
class Layouts:
    """A layout with the bound that each stage proved.

    Attributes
    ----------
    bounds
        What no plan that keeps the earlier stages can fall below, by stage.
    seconds
        Length of the search, by stage [s].
    log
        What the solver printed.
    """

    layout: Layout
    bounds: Mapping[str, float]
    seconds: Mapping[str, float]
    log: str


def lay_out(
    full: Case,
    model: Model,
    options: Options,
    *,
    gap: float | None = None,
    first_goals: int | None = None,
    listen: Listener | None = None,
) -> Layouts:
    """Solve stage by stage: clauses by strength, then goals in order; each held while the next is made small."""
    rules = model.planned()
    reduced = merge_years(full, rules.values())
    # (A look at the first goals only has no use for what the others tell apart.)
    goals = dict(list(model.goals.items())[:first_goals])
    gathered = merge_places(reduced.case, rules.values(), goals.values())
    case = gathered.case
    program = Program(model.id)
    program.add_columns(siting.columns(case))
    # Implied rows help no goal but one that looks at links: without such a goal they are not worth their memory.
    sees_links = any(goal.sees_links for goal in goals.values())
    program.add_rows("siting", (row for row in siting.rows(case) if sees_links or not row.implied))
    helpers = {column.key: column for rule in rules.values() for column in rule.columns(case)}
    program.add_columns(helpers.values())
    for name, rule in rules.items():
        program.add_rows(f"{name} tie", rule.ties(case))
        program.add_rule(name, rule.rows(case), rule.strength, rule.weight)
    for name, goal in goals.items():
        program.add_columns(goal.columns(case))
        program.add_rows(name, goal.rows(case))
    layout = greedy(case, rules.values())
    start: Mapping[Key, float] = _start(case, rules, layout)
    stages = list(_stages(program, goals, case, gap))
    near = siting.neighbourhoods(case)
    missing: Mapping[str, Number] = clause_values(case, rules, layout)
    bounds: dict[str, float] = {}
    seconds: dict[str, float] = {}
    logs: list[str] = []
    values: Callable[[Key], float] | None = None
    left = options.seconds
    for number, (objective, stage_gap, nodes) in enumerate(stages):
        known = missing.get(objective.name) if values is None else _held(objective, values, 1.0)
        if known == 0 and objective.name in missing:
            # Nothing is missing in the plan at hand: there is nothing to make smaller.
            bounds[objective.name], seconds[objective.name] = 0.0, 0.0
            program.hold(objective, 0)
            continue
        share = left if number + 1 == len(stages) else left * _STAGE_SHARE
        asked = replace(options, seconds=share, gap=stage_gap, search_nodes=min(nodes, options.search_nodes))
        sought = goals.get(objective.name)
        begin = start if sought is None else {**start, **sought.start(case, _looker(start))}
        try:
            found = program.solve(objective, asked, begin, near, listen)
        except NoPlanError:
            if values is None:
                raise
            # The stages before have a plan, which is worth more than none.
            break
        left = max(1.0, left - found.seconds)
        bounds[objective.name], seconds[objective.name] = found.bound, found.seconds
        logs.append(found.log)
        values = _reader(program.keys, found.values)
        start = dict(zip(program.keys, found.values.tolist(), strict=True))
        if found.interrupted or number + 1 == len(stages):
            break
        program.hold(objective, _held(objective, values, found.objective), most=_most(found.bound, stage_gap))
    # Settling takes about a second; whatever the clock says, people must be whole.
    if values:
        in_time = replace(options, seconds=max(left, _SETTLE_SECONDS))
        layout = settle(gathered.full, gathered.spread(values), in_time)
    else:
        layout = gathered.expand(layout)
    return Layouts(reduced.expand(layout), bounds, seconds, "".join(logs))


def _start(case: Case, rules: Mapping[str, Rule], layout: Layout) -> dict[Key, float]:
    """Return what a layout makes of the variables; of flows and shortfalls, those that are not zero."""
    start: dict[Key, float] = {
        opened(j, t): int((j, t) in layout.open) for j in range(len(case.sites)) for t in case.periods
    }
    start |= {serves(i, j, t): people for (i, j, t), people in layout.serve.items()}
    start |= {served(i, t): people for (i, t), people in layout.served.items()}
    for name, rule in rules.items():
        for breach in rule.breaches(case, layout):
            worst: Key = ("worst", str(rule.strength))
            start["short", name, *breach.about] = float(breach.shortfall)
            start[worst] = max(float(breach.share), start.get(worst, 0.0))
    return start


def _reader(keys: Mapping[Key, int], values: NDArray[np.float64]) -> Callable[[Key], float]:
    """Return a way to look up the solver's number of a variable."""
    return lambda key: float(values[keys[key]])


def _looker(start: Mapping[Key, float]) -> Callable[[Key], float]:
    """Return a way to look up a variable of a start; what it does not name is 0."""
    return lambda key: start.get(key, 0.0)


def _most(bound: float, gap: float) -> float:
    """Return the greatest value that is still within a gap of a bound."""
    return bound / (1 - gap) if gap < 1 and bound >= 0 else float("inf")


def _held(objective: Objective, value: Callable[[Key], float], found: float) -> Number:
    """Return the value to hold: zero where the solver's number is zero but for noise."""
    if objective.constant == 0 and all(abs(value(key)) <= 1e-9 for key in objective.terms):
        return 0
    return Fraction(found)


def _stages(
    program: Program, goals: Mapping[str, Goal], case: Case, gap: float | None
) -> Iterator[tuple[Objective, float, int]]:
    for strength in POLICY:
        for objective in program.clause_objectives(strength):
            yield objective, CLAUSE_GAP if gap is None else min(gap, CLAUSE_GAP), Options.search_nodes
    for name, goal in goals.items():
        objective = Objective(name, goal.terms(case), goal.constant(case), sees_links=goal.sees_links)
        yield objective, goal.gap if gap is None else gap, goal.nodes
