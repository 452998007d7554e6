"""Measures what the README claims, each figure beside a peer in the same run: `make bench`.

Nothing here is a test: no figure is checked, and nothing runs in the test suite.
"""

import time
from collections.abc import Callable
from functools import partial

import numpy as np

from allocate import read_district, read_model
from allocate.candidates import make_case
from allocate.case import Case
from allocate.decisions import siting
from allocate.draws import look
from allocate.errors import NoPlanError
from allocate.greedy import greedy
from allocate.merging import merge_years
from allocate.model import Model
from allocate.program import Found, Objective, Options, Program, relative_gap
from allocate.rows import POLICY, opened

SECONDS = 60.0


def program_of(case: Case, model: Model) -> Program:
    """Return the clauses held at zero shortfall, which Baodi's cost stage starts from."""
    program = Program("bench")
    program.add_columns(siting.columns(case))
    program.add_rows("siting", siting.rows(case))
    for name, rule in model.planned().items():
        program.add_rule(name, rule.rows(case), rule.strength, rule.weight)
    for strength in POLICY:
        for objective in program.clause_objectives(strength):
            program.hold(objective, 0)
    return program


def timed[T](work: Callable[[], T]) -> tuple[T, float]:
    """Return what a piece of work gives, and its seconds."""
    began = time.monotonic()
    result = work()
    return result, time.monotonic() - began


def show(name: str, found: Found, seconds: float) -> None:
    """Print one line of the table."""
    print(f"{name:44s} {found.objective:>16,.0f} {100 * found.gap:>8.2f} % {seconds:>8.1f} s")


def main() -> None:
    """Print the table."""
    district, model = read_district("baodi"), read_model("baodi")
    full, preparing = timed(lambda: make_case(district, model))
    reduced = merge_years(full, model.planned().values())
    print(f"case of {len(full.places)} places, {len(full.sites)} sites, {len(full.links)} pairs: {preparing:.2f} s")
    print(f"years {full.years} merged to {reduced.case.years}\n")
    goal = model.goals["cost"]
    print(f"{'cost stage of Baodi':44s} {'yuan':>16s} {'gap':>10s} {'time':>10s}")
    for name, case, warm, implied in (
        ("merged years, cover rows, greedy start", reduced.case, True, False),
        ("the same, cold", reduced.case, False, False),
        ("all years, greedy start", full, True, False),
        ("all years, a row for every pair, cold", full, False, True),
    ):
        program = program_of(case, model)
        layout = greedy(case, model.planned().values())
        start = {opened(j, t): int((j, t) in layout.open) for j in range(len(case.sites)) for t in case.periods}
        objective = Objective("cost", goal.terms(case), goal.constant(case), sees_links=implied)
        options = Options(seconds=SECONDS, gap=0.01)
        try:
            found, seconds = timed(partial(program.solve, objective, options, start if warm else None))
        except NoPlanError:
            print(f"{name:44s} {'nothing found':>16s} {'':>10s} {SECONDS:>8.1f} s")
            continue
        show(name, found, seconds)
        if warm:
            first = goal.value(case, layout)
            print(f"{'  greedy alone':44s} {first:>16,.0f} {100 * relative_gap(float(first), found.bound):>8.2f} %")
    looks = [timed(partial(look, district, model, Options(), seed)) for seed in (1, 2, 3)]
    print(f"\none possible district: median {np.median([s for _, s in looks]):.1f} s, gaps", end=" ")
    print(", ".join(f"{100 * draw['gap']:.1f} %" for draw, _ in looks))


if __name__ == "__main__":
    main()
