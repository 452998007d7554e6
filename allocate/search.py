"""Solves a case stage by stage: clauses by strength, then goals in order, each held for the next."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from allocate.case import Case
from allocate.decisions import siting
from allocate.greedy import greedy
from allocate.layout import Layout
from allocate.model import Model
from allocate.program import Objective, Options, Program, Progress
from allocate.reduce import merge_years
from allocate.rows import POLICY, Key, Number, opened
from allocate.settle import settle
from allocate.stages import clause_values

Listener = Callable[[Progress], None]
CLAUSE_GAP = 0.005
# What a stage may take of the time that is left, unless it is the last.
_STAGE_SHARE = 0.6


@dataclass(frozen=True)
class Layouts:
    """A layout with the bound that each stage proved.

    Attributes
    ----------
    bounds
        What no plan can fall below, by stage.
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
    case = reduced.case
    program = Program(model.id)
    program.add_columns(siting.columns(case))
    program.add_rows("siting", siting.rows(case))
    for name, rule in rules.items():
        program.add_rule(name, rule.rows(case), rule.strength, rule.weight)
    for name, goal in model.goals.items():
        program.add_columns(goal.columns(case))
        program.add_rows(name, goal.rows(case))
    layout = greedy(case, rules.values())
    start: dict[Key, Number] = {
        opened(j, t): int((j, t) in layout.open) for j in range(len(case.sites)) for t in case.periods
    }
    stages = list(_stages(program, model, case, gap, first_goals))
    bounds: dict[str, float] = {}
    seconds: dict[str, float] = {}
    logs: list[str] = []
    left = options.seconds
    near = siting.neighbourhoods(case)
    missing: Mapping[str, Number] = clause_values(case, rules, layout)
    values: Callable[[Key], float] | None = None
    for number, (objective, stage_gap, nodes) in enumerate(stages):
        known = missing.get(objective.name) if values is None else _held(objective, values, 1.0)
        if known == 0 and objective.name in missing:
            # Nothing is missing in the plan at hand: there is nothing to make smaller.
            bounds[objective.name], seconds[objective.name] = 0.0, 0.0
            program.hold(objective, 0)
            continue
        share = left if number + 1 == len(stages) else left * _STAGE_SHARE
        found = program.solve(
            objective,
            replace(options, seconds=share, gap=stage_gap, search_nodes=nodes),
            start,
            near if objective.sees_links else (),
            listen,
        )
        left = max(1.0, left - found.seconds)
        bounds[objective.name], seconds[objective.name] = found.bound, found.seconds
        logs.append(found.log)
        position = program.keys

        def value(key: Key, at: Any = found.values, where: Mapping[Key, int] = position) -> float:
            return float(at[where[key]])

        values = value
        start = {key: round(value(key)) for key in start}
        program.hold(objective, _held(objective, value, found.objective), most=found.bound / (1 - stage_gap))
    layout = settle(case, values, replace(options, seconds=max(left, 30.0))) if values else layout
    return Layouts(reduced.expand(layout), bounds, seconds, "".join(logs))


def _held(objective: Objective, value: Callable[[Key], float], found: float) -> Number:
    """Return the value to hold: zero where the solver's number is zero but for noise."""
    if objective.constant == 0 and all(abs(value(key)) <= 1e-9 for key in objective.terms):
        return 0
    return Fraction(found)


def _stages(
    program: Program, model: Model, case: Case, gap: float | None, first_goals: int | None
) -> Iterator[tuple[Objective, float, int]]:
    for strength in POLICY:
        for objective in program.clause_objectives(strength):
            yield objective, CLAUSE_GAP if gap is None else min(gap, CLAUSE_GAP), Options.search_nodes
    for name, goal in list(model.goals.items())[:first_goals]:
        objective = Objective(name, goal.terms(case), goal.constant(case), sees_links=goal.sees_links)
        yield objective, goal.gap if gap is None else gap, goal.nodes
