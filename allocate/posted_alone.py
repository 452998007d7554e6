"""Proves what goals on postings cannot fall below, from the postings by themselves: a program of a few thousand tours.

All else is left out: sites, who goes where, money. Leaving rows out is a relaxation, so what cannot be reached here
cannot be reached in the whole either. What remains is nearly a transport problem (Hitchcock 1941): its linear
relaxation is as good as tight, and solved in no time.
"""

from collections.abc import Mapping

from allocate import decisions
from allocate.case import Case
from allocate.decisions import posting
from allocate.goals import Goal
from allocate.program import Objective, Options, Program
from allocate.rows import Key
from allocate.rules import Rule


def bounds_of_postings(
    case: Case, rules: Mapping[str, Rule], goals: Mapping[str, Goal], options: Options
) -> dict[str, float]:
    """Return what no plan that misses no clause falls below, of every goal that looks at nothing but postings."""
    found: dict[str, float] = {}
    mine = of_postings(goals)
    if not mine or not any(True for _ in posting.columns(case)):
        return found
    program = Program("postings")
    families = {"posting": list(posting.rows(case))}
    for name, rule in rules.items():
        families[name] = [row for row in rule.rows(case) if _is_of_postings(row.terms)]
    spoken = {key for rows in families.values() for row in rows for key in row.terms}
    program.add_columns(one for one in decisions.columns(case) if one.key in spoken or one.key[0] == "tours")
    for family, rows in families.items():
        program.add_rows(family, rows)
    for name, goal in mine.items():
        program.add_columns(goal.columns(case))
        program.add_rows(name, goal.rows(case))
        bound = program.prove(Objective(name, goal.terms(case), goal.constant(case)), options)
        if bound is not None:
            found[name] = bound
    return found


def of_postings(goals: Mapping[str, Goal]) -> dict[str, Goal]:
    """Return the goals that look at nothing but who is posted where."""
    return {name: goal for name, goal in goals.items() if goal.is_of_postings}


def _is_of_postings(terms: Mapping[Key, object]) -> bool:
    """Tell whether a row speaks of tours, and of nothing else but which sites are open."""
    heads = {key[0] for key in terms}
    return "tours" in heads and heads <= {"tours", "open"}
