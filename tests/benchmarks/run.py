"""Measures what the README claims of Baodi, each figure beside a peer in the same run: `make bench`.

Nothing here is a test: no figure is checked, and nothing runs in the test suite.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from allocate import read_district, read_model, two_steps
from allocate.candidates import make_case
from allocate.case import Case
from allocate.decisions import siting, staffing
from allocate.draws import look
from allocate.errors import NoPlanError
from allocate.goals import Goal
from allocate.greedy import greedy
from allocate.merging import Reduced, stand_for_later
from allocate.posts import staff
from allocate.program import Objective, Options, Program, relative_gap
from allocate.rows import POLICY, Key
from allocate.rules import Rule
from allocate.stages import clause_values

SECONDS = 60.0
Rules = Mapping[str, Rule]


def whole_program(case: Case, rules: Rules, *, pairs: bool) -> Program:
    """Return sites, staff and all years in one program, the clauses held at zero shortfall."""
    program = Program("bench")
    program.add_columns(siting.columns(case))
    program.add_rows("siting", (row for row in siting.rows(case) if pairs or not row.implied))
    program.add_columns(staffing.columns(case))
    program.add_rows("staff", staffing.rows(case))
    two_steps.add_rules(program, case, rules, two_steps.rows_of(case, rules))
    for strength in POLICY:
        for objective in program.clause_objectives(strength):
            program.hold(objective, 0)
    return program


def timed[T](work: Callable[[], T]) -> tuple[T, float]:
    """Return what a piece of work gives, and its seconds."""
    began = time.monotonic()
    result = work()
    return result, time.monotonic() - began


def show(name: str, value: float | None, bound: float, seconds: float) -> None:
    """Print one line of the table."""
    told = ("nothing found", "") if value is None else (f"{value:,.0f}", f"{100 * relative_gap(value, bound):.2f} %")
    print(f"{name:58s} {told[0]:>16s} {told[1]:>10s} {seconds:>8.1f} s", flush=True)


def as_a_whole(case: Case, rules: Rules, goal: Goal, *, start: Mapping[Key, float] | None, pairs: bool) -> None:
    """Search one program for everything, and print what came of it in the time."""
    name = f"one program, {'greedy start' if start else 'cold'}, {'a row for every pair' if pairs else 'cover rows'}"
    program = whole_program(case, rules, pairs=pairs)
    objective = Objective("cost", goal.terms(case), goal.constant(case), sees_links=pairs)
    try:
        found, seconds = timed(partial(program.solve, objective, Options(seconds=SECONDS, gap=0.01), start))
    except NoPlanError:
        show(name, None, 0.0, SECONDS)
        return
    show(name, found.objective, found.bound, seconds)


def in_two_steps(case: Case, rules: Rules, goals: Mapping[str, Goal], name: str) -> None:
    """Search sites first and staff second, and print what both prove."""
    found, seconds = timed(lambda: two_steps.in_two_steps(case, rules, goals, None, Options(seconds=2 * SECONDS)))
    missed = any(clause_values(case, rules, found.layout).values())
    value = float(goals["cost"].value(case, found.layout))
    show(name + (" (a clause is missed)" if missed else ""), value, found.bounds.get("cost", 0.0), seconds)


def main() -> None:
    """Print the table."""
    district, model = read_district("baodi"), read_model("baodi")
    case, preparing = timed(lambda: make_case(district, model))
    rules, goal = model.planned(), model.goals["cost"]
    sited = stand_for_later(case, two_steps.of_sites(case, rules).values())
    print(f"case of {len(case.places)} places, {len(case.sites)} sites, {len(case.links)} pairs: {preparing:.2f} s")
    print(f"years {case.years}; for sites, {sited.case.years} stand for all\n")
    print(f"{'cost stage of Baodi: sites, staff, beds, four years':58s} {'yuan':>16s} {'gap':>10s} {'time':>10s}")
    first, seconds = timed(lambda: staff(case, rules.values(), greedy(case, rules.values())))
    start = two_steps.start_of(case, two_steps.rows_of(case, rules), rules, first)[0]
    cost = {"cost": replace(goal, gap=0.01)}
    in_two_steps(case, rules, cost, "as `allocate plan` does it: two steps")
    kept = two_steps.stand_for_later
    two_steps.stand_for_later = lambda case, rules: Reduced(case, tuple(case.periods))  # type: ignore[assignment]
    in_two_steps(case, rules, cost, "  the same, every year says who goes where")
    two_steps.stand_for_later = kept
    near, siting.neighbourhoods = siting.neighbourhoods, lambda case: []  # type: ignore[assignment]
    in_two_steps(case, rules, cost, "  the same, branch and bound for neighbourhoods")
    siting.neighbourhoods = near
    as_a_whole(case, rules, goal, start=start, pairs=False)
    as_a_whole(case, rules, goal, start=None, pairs=False)
    as_a_whole(case, rules, goal, start=None, pairs=True)
    program = whole_program(case, rules, pairs=False)
    objective = Objective("cost", goal.terms(case), goal.constant(case))
    bound = program.prove(objective, Options(seconds=SECONDS)) or 0.0
    show("greedy sites and staff alone", float(goal.value(case, first)), bound, seconds)
    looks = [timed(partial(look, district, model, Options(), seed)) for seed in (1, 2, 3)]
    print(f"\none possible district: median {np.median([s for _, s in looks]):.1f} s, gaps", end=" ")
    print(", ".join(f"{100 * draw['gap']:.1f} %" for draw, _ in looks))


if __name__ == "__main__":
    main()
