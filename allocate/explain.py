"""Says which clauses cannot all hold and what would help; and of a finished plan, what each of its clauses costs."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from allocate.candidates import make_case
from allocate.case import Case
from allocate.conflicts import Clock, Conflicts, Core, Question
from allocate.district import District
from allocate.errors import NoPlanError
from allocate.gaps import HOLD_ABSOLUTE, HOLD_RELATIVE, relative_gap
from allocate.layout import Layout
from allocate.model import Model, model_of
from allocate.names import PLAN_FILE
from allocate.plans import district_of, inputs_of, layout_of
from allocate.program import Options
from allocate.read import is_file
from allocate.repairs import Repair, Repairer
from allocate.rows import POLICY, Strength
from allocate.rules import Rule
from allocate.scorecard import names_of
from allocate.search import Listener, lay_out
from allocate.stages import clause_values

# Conflicts are named up to this number.
MOST_CONFLICTS = 10
# Of the time for a model, so much goes into finding conflicts; the rest into ways out.
_FINDING = 0.5
# A search for a plan without a clause is not begun in less time [s].
_LEAST_SECONDS = 1.0

Effect = Literal["costs", "free", "open"]


@dataclass(frozen=True)
class Explained:
    """A conflict with the ways out of it."""

    core: Core
    repairs: tuple[Repair, ...]


@dataclass(frozen=True)
class Explanation:
    """Whether clauses can all hold together.

    Attributes
    ----------
    clauses
        The clauses that were asked.
    passed_over
        Clauses of these strengths that no plan decides yet, or whose years have passed.
    holds
        True: a layout that was rechecked keeps them all. False: some conflict. None: neither was found in time.
    undecided
        Sets of clauses of which neither was found in time.
    is_complete
        Whether every irreducible conflict was found.
    names
        Names of places, towns and sites by id.
    """

    clauses: tuple[str, ...]
    passed_over: tuple[str, ...]
    holds: bool | None
    conflicts: tuple[Explained, ...] = ()
    undecided: tuple[frozenset[str], ...] = ()
    is_complete: bool = True
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Price:
    """What a clause costs: the first goal without it.

    Attributes
    ----------
    value, bound, gap
        The first goal of the plan that was found without the clause, and what is proven about the best one.
    least, most
        What the clause costs at least and at most, by the bounds of both plans; None where the two do not compare,
        because without the clause others are missed by more or by less.
    effect
        Whether it is proven to cost something; whether no cheaper plan was found within the gap; or neither.
    reached
        Year, value and target of the plan where it comes nearest to missing the clause.
    """

    rule: str
    value: float
    bound: float
    gap: float
    least: float | None
    most: float | None
    effect: Effect
    reached: tuple[int, float, float] | None


@dataclass(frozen=True)
class Prices:
    """What the clauses of a plan cost.

    Attributes
    ----------
    goal, unit, value, bound, gap
        The plan's first goal.
    unreached
        Clauses for which the time did not suffice.
    """

    goal: str
    unit: str
    value: float
    bound: float
    gap: float
    prices: tuple[Price, ...]
    unreached: tuple[str, ...]


def is_plan(path: str) -> bool:
    """Tell whether a name is a finished plan's: its folder, or its plan.json."""
    given = Path(path)
    return given.suffix == ".json" or is_file(given / PLAN_FILE)


def model_in(content: Mapping[str, Any]) -> Model:
    """Return the model that a plan carries in it."""
    return model_of(content["settings"], content["model"], PLAN_FILE, inputs_of(content, "model"))


def explain(
    district: District,
    model: Model,
    options: Options,
    *,
    strength: Strength = Strength.MUST,
    layout: Layout | None = None,
) -> Explanation:
    """Say whether the clauses of a strength and of all stronger ones can hold together, and if not, what would help.

    `options.seconds` bounds all of it; a `layout` that is known already may settle the question at once.
    """
    strengths = POLICY[: POLICY.index(strength) + 1]
    planned = model.planned()
    rules = {name: rule for name, rule in planned.items() if rule.strength in strengths}
    passed = tuple(name for name, rule in model.rules.items() if rule.strength in strengths and name not in planned)
    laws = {name: rule for name, rule in planned.items() if rule.strength is Strength.PHYSICS}
    case = make_case(district, model)
    if not rules or (layout is not None and not _missed(case, rules, layout)):
        return Explanation(tuple(rules), passed, holds=True)
    clock = Clock.of(options.seconds)
    question = Question(case, rules, laws, options)
    found = question.conflicts(Clock.of(options.seconds * _FINDING), MOST_CONFLICTS)
    explained = []
    for number, core in enumerate(found.cores):
        share = clock.left() / (len(found.cores) - number)
        repairer = Repairer(district, model, case, core, options)
        explained.append(Explained(core, repairer.repairs(Clock.of(share))))
    names = names_of(district, model, case)
    return Explanation(tuple(rules), passed, _holds(found), tuple(explained), found.undecided, found.complete, names)


def _holds(found: Conflicts) -> bool | None:
    if found.cores:
        return False
    return True if found.complete else None


def _missed(case: Case, rules: Mapping[str, Rule], layout: Layout) -> bool:
    return any(True for rule in rules.values() for _ in rule.breaches(case, layout))


def explain_plan(
    content: Mapping[str, Any],
    options: Options,
    *,
    strength: Strength = Strength.MUST,
    listen: Listener | None = None,
) -> tuple[Explanation, Prices]:
    """Say of a finished plan why clauses are missed, and what each clause that it keeps to costs."""
    district, model = district_of(content), model_in(content)
    case = make_case(district, model)
    layout = layout_of(content, case)
    half = replace(options, seconds=options.seconds / 2)
    clock = Clock.of(options.seconds)
    explanation = explain(district, model, half, strength=strength, layout=layout)
    return explanation, _prices(content, model, case, layout, replace(options, seconds=clock.left()), listen)


def _prices(
    content: Mapping[str, Any],
    model: Model,
    case: Case,
    layout: Layout,
    options: Options,
    listen: Listener | None,
) -> Prices:
    name, goal = next(iter(model.goals.items()))
    stage = next(row for row in content["stages"] if row["name"] == name)
    clauses = [rule for rule, one in model.planned().items() if one.strength is not Strength.PHYSICS]
    clock = Clock.of(options.seconds)
    prices: list[Price] = []
    unreached: list[str] = []
    for number, rule in enumerate(clauses):
        share = clock.left() / (len(clauses) - number)
        price = None
        if share >= _LEAST_SECONDS:
            asked = replace(options, seconds=share)
            price = _price(content, model, case, layout, rule, stage, asked, listen)
        if price is None:
            unreached.append(rule)
        else:
            prices.append(price)
    return Prices(name, goal.unit, stage["value"], stage["bound"], stage["gap"], tuple(prices), tuple(unreached))


def _price(
    content: Mapping[str, Any],
    model: Model,
    case: Case,
    layout: Layout,
    rule: str,
    stage: Mapping[str, Any],
    options: Options,
    listen: Listener | None,
) -> Price | None:
    """Return what a clause costs; None where no plan without it was found in time."""
    name, goal = next(iter(model.goals.items()))
    without = replace(model, rules={key: one for key, one in model.rules.items() if key != rule})
    try:
        found = lay_out(case, without, options, first_goals=1, listen=listen)
    except NoPlanError:
        return None
    if name not in found.bounds:
        return None
    value, bound = float(goal.value(case, found.layout)), found.bounds[name]
    # The plan itself is one without the clause: it may be the better of the two.
    before = clause_values(case, without.planned(), layout)
    after = clause_values(case, without.planned(), found.layout)
    compares = all(_is_held(float(before[step]), float(after.get(step, 0))) for step in before)
    if compares:
        value = min(value, stage["value"])
    bound = min(bound, value)
    # What is less than the solver's noise is nothing.
    noise = HOLD_ABSOLUTE * max(1.0, abs(value))
    least, most = (gain if gain > noise else 0.0 for gain in (stage["bound"] - value, stage["value"] - bound))
    effect: Effect = "open"
    if compares and least:
        effect = "costs"
    elif compares and value >= stage["value"] * (1 - goal.gap):
        effect = "free"
    gap, reached = relative_gap(value, bound), _nearest(content, rule)
    if not compares:
        return Price(rule, value, bound, gap, None, None, effect, reached)
    return Price(rule, value, bound, gap, least, most, effect, reached)


def _is_held(before: float, after: float) -> bool:
    """Tell whether a stage is worth the same in two plans, within what a stage may give way."""
    return abs(after - before) <= max(HOLD_ABSOLUTE, float(HOLD_RELATIVE) * abs(before))


def _nearest(content: Mapping[str, Any], rule: str) -> tuple[int, float, float] | None:
    """Return where a plan comes nearest to missing a clause: year, value, target."""
    rows = [row for row in content["scorecard"] if row["rule"] == rule and row["status"] in ("met", "missed")]
    known = [(row["year"], row["value"], row["target"]) for row in rows if row["target"] is not None]
    return min(known, key=lambda one: (abs(one[1] - one[2]) / (abs(one[2]) or 1), one[0]), default=None)
