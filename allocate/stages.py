"""What the stages of a plan are worth, from plain data: breaches by strength, then goals."""

from collections.abc import Mapping
from fractions import Fraction

from allocate.case import Case
from allocate.goals import Goal
from allocate.layout import Layout
from allocate.rows import POLICY, Number
from allocate.rules import Rule


def clause_values(case: Case, rules: Mapping[str, Rule], layout: Layout) -> dict[str, Number]:
    """Return the worst breach and the weighted sum of breaches of every strength that has a rule.

    A breach is a shortfall divided by its target.
    """
    values: dict[str, Number] = {}
    for strength in POLICY:
        mine = [rule for rule in rules.values() if rule.strength is strength]
        if not any(True for rule in mine for _ in rule.rows(case)):
            continue
        shares = [(b.share, Fraction(str(rule.weight))) for rule in mine for b in rule.breaches(case, layout)]
        values[f"{strength}.worst"] = max((share for share, _ in shares), default=Fraction(0))
        values[f"{strength}.sum"] = sum((share * weight for share, weight in shares), Fraction(0))
    return values


def goal_values(case: Case, goals: Mapping[str, Goal], layout: Layout) -> dict[str, Number]:
    """Return the value of every goal."""
    return {name: goal.value(case, layout) for name, goal in goals.items()}


def stage_values(case: Case, rules: Mapping[str, Rule], goals: Mapping[str, Goal], layout: Layout) -> dict[str, Number]:
    """Return what every stage is worth: plans are compared by it, clauses by strength first, then goals in order."""
    return clause_values(case, rules, layout) | goal_values(case, goals, layout)
