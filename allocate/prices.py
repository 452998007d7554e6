"""What every clause and every yuan costs: curves over targets, the front of money, and break-even prices."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any, Literal

from allocate.alone import first_goal
from allocate.answer import Answer, head_of
from allocate.candidates import make_case
from allocate.case import Case
from allocate.costs import whole_cost
from allocate.crews import Crew, Failure
from allocate.district import District
from allocate.errors import AllocateError, NoPlanError, Problem, UsageError
from allocate.front import check_count, look_at_front
from allocate.gaps import HOLD_ABSOLUTE, OPTIMAL_GAP, apart, shown_bound, shown_gap, shown_number
from allocate.layout import Layout
from allocate.looking import GAP, SECONDS, Figures, look, quick
from allocate.model import Model, changed
from allocate.plans import library_versions
from allocate.program import Options
from allocate.rows import Strength
from allocate.rules import PeoplePerSite, Rule
from allocate.stages import clause_values
from allocate.units import exact
from allocate.words import LANGUAGES, Language, language, say_in, speaking

FEWEST, MOST = 2, 21  # points of a curve
# How far the points of a curve lie apart: shares by so much of the whole, all else by a part of the present number.
SHARE_STEP, PART_STEP = Fraction(5, 100), Fraction(1, 10)
# Numbers of a rule that a target can be, and whether more of it asks for more (1) or for less (-1).
_KNOBS: Mapping[str, Literal[1, -1]] = {
    "share": 1, "at_least": 1, "at_most": -1, "metres": 1, "times": 1, "minutes": -1,
}  # fmt: skip
# Unit prices of a model, by table, and by key within it.
_PRICES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "siting": (("opening",), ("yearly",), ("upgrade", "opening"), ("upgrade", "yearly")),
    "resources": (("yearly",), ("adding",)),
    "outreach": (("per_visit",),),
    "functions": (("opening",), ("yearly",), ("linking",), ("linked_yearly",)),
}
_OWN_PRICES = {"postings": ("monthly", "handover"), "consortia": ("opening", "yearly")}
# The plan of the model as it is.
PRESENT = "present"
Hear = Callable[[int, int], None]


@dataclass(frozen=True)
class Knob:
    """A number of a rule that can be turned.

    Attributes
    ----------
    tighter
        1 where more of it asks for more, -1 where less of it does.
    is_share
        Whether it is a fraction of 1; else a number in the rule's own unit.
    is_whole
        Whether it must be a whole number.
    """

    rule: str
    key: str
    present: Fraction
    tighter: Literal[1, -1]
    is_share: bool
    is_whole: bool

    @property
    def name(self) -> str:
        """Return how it is called in the answer."""
        return f"{self.rule}.{self.key}"


@dataclass(frozen=True)
class _Job:
    """A look at the model with one number turned; None: as it is."""

    knob: Knob | None
    target: Fraction


@dataclass(frozen=True)
class _Shared:
    district: District
    model: Model
    options: Options
    language: Language


@dataclass(frozen=True)
class _Found:
    """What a look came to, with its layout."""

    row: Figures
    layout: Layout


def knobs(model: Model, names: Sequence[str] = ()) -> list[Knob]:
    """Return the numbers that can be turned of the rules that the plan decides, or of some of them.

    Raises
    ------
    UsageError
        When a name is none of a rule that has a number, or of a clause that one answers.
    """
    found: list[Knob] = []
    known: dict[str, list[Knob]] = {}
    for name, rule in model.planned().items():
        if rule.strength is Strength.PHYSICS:
            continue
        own = [_knob(name, rule, one.name) for one in fields(rule) if one.name in _KNOBS and _is_number(rule, one.name)]
        found += own
        for code in {name, rule.clause} - {""} if own else ():
            known.setdefault(code, []).extend(own)
    problems = [
        Problem("problem.choice", column="--clause", value=name, details={"choices": ", ".join(known)})
        for name in names
        if name not in known
    ]
    if problems:
        raise UsageError(problems)
    return found if not names else [knob for knob in found if any(knob in known[name] for name in names)]


def _is_number(rule: Rule, key: str) -> bool:
    value = getattr(rule, key)
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _knob(name: str, rule: Rule, key: str) -> Knob:
    value = getattr(rule, key)
    return Knob(name, key, exact(value), _KNOBS[key], is_share=key == "share", is_whole=isinstance(value, int))


def targets(knob: Knob, points: int) -> list[Fraction]:
    """Return the targets at which a curve is looked at, loosest first, the present one among them.

    A share by five points of a hundred each, up to 1; any other number by a tenth of the present one each, and a whole
    one by 1 at least. As many looser as tighter, of an even number one more tighter; where a share would leave its
    limits, it stays there once.
    """
    looser = (points - 1) // 2
    step = SHARE_STEP if knob.is_share else knob.present * PART_STEP
    if knob.is_whole:
        step = Fraction(max(1, round(step)))
    found = {knob.present + knob.tighter * n * step for n in range(-looser, points - looser)}
    if knob.is_share:
        found = {min(Fraction(1), max(Fraction(1, 100), target)) for target in found}
    return sorted((target for target in found if target > 0), key=lambda target: knob.tighter * target)


def turned(model: Model, knob: Knob, target: Fraction) -> Model:
    """Return a model with one number of one rule turned."""
    rule = model.rules[knob.rule]
    number = int(target) if knob.is_whole else float(target)
    changes: dict[str, Any] = {knob.key: number}
    return replace(model, rules={**model.rules, knob.rule: replace(rule, **changes)})


def price(
    district: District,
    model: Model,
    crew: Crew,
    *,
    clauses: Sequence[str] = (),
    points: int = 5,
    front: int = 8,
    processes: int = 1,
    seconds: float = SECONDS,
    hear: Hear | None = None,
) -> Answer:
    """Return what clauses and money cost in a district; see the module's parts.

    Raises
    ------
    UsageError
        When a number of points, or the name of a clause, cannot be used.
    """
    if not FEWEST <= points <= MOST:
        details: dict[str, str | int] = {"low": FEWEST, "high": MOST, "unit": ""}
        raise UsageError([Problem("problem.range", column="--points", value=points, details={**details})])
    if front:
        check_count(front)
    chosen = knobs(model, clauses)
    options = Options(seconds=seconds, threads=1, seed=model.seed)
    jobs = {PRESENT: _Job(None, Fraction(0))} | {
        f"{knob.name}={target}": _Job(knob, target)
        for knob in chosen
        for target in targets(knob, points)
        if target != knob.present
    }
    found: dict[str, _Found | Failure] = {}
    for name, result in crew.work(_look, _Shared(district, model, options, language()), jobs):
        found[name] = result
        if hear is not None:
            hear(len(found), len(jobs) + (front + 1 if front else 0))
    curves = [_curve(model, knob, points, found) for knob in chosen]
    case = make_case(district, model)
    edge, failure = _front(case, model, options, front, processes) if front else ([], "")
    if hear is not None and front:
        hear(len(jobs) + front + 1, len(jobs) + front + 1)
    layouts = {name: result.layout for name, result in found.items() if isinstance(result, _Found)}
    layouts |= {f"front={point['point']}": point.pop("layout") for point in edge}
    goal, told = first_goal(model)
    content = {
        **head_of("prices", model, district),
        "goal": goal,
        "unit": told.unit,
        "present": _row_of(found[PRESENT]),
        "curves": curves,
        "front": edge,
        "front_failed": failure,
        "front_without": list(edge[0]["without"]) if edge else [],
        "knee": knee(edge, case.spans),
        **break_even(district, model, case, layouts),
        "settings": model.settings,
        "seeds": [model.seed],
        "method": {one: say_in(one, "prices.method", points=points, front=front) for one in LANGUAGES}
        | {"points": points, "front": front, "clauses": list(clauses), "seconds": seconds},
        "inputs": [
            {"of": part, "path": path, "sha256": digest}
            for part, files in (("district", district.inputs), ("model", model.inputs))
            for path, digest in sorted(files.items())
        ],
        "versions": library_versions(),
    }
    return Answer("prices", content)


def _row_of(result: _Found | Failure) -> Figures:
    return {"status": "failed", "reason": result.reason} if isinstance(result, Failure) else result.row


# ---- curves ----


def _look(shared: _Shared, job: _Job) -> _Found:
    """Return what the model comes to with one number turned."""
    with speaking(shared.language):
        model = shared.model if job.knob is None else turned(shared.model, job.knob, job.target)
        looked = look(shared.district, model, shared.options)
        values = clause_values(looked.case, model.planned(), looked.layout)
        bounds = {stage: shown_bound(looked.bounds.get(stage, 0.0), float(value)) for stage, value in values.items()}
        told = looked.figures
        row = {
            "status": "found",
            "reason": "",
            **{key: told[key] for key in ("value", "bound", "gap", "people", "served", "coverage", "sites", "missed")},
            "cost": whole_cost(looked.case, looked.layout),
            "stages": {stage: shown_number(value) for stage, value in values.items()},
            "proven": all(shown_gap(float(value), bounds[stage]) <= OPTIMAL_GAP for stage, value in values.items()),
        }
        return _Found(row, looked.layout)


def _curve(model: Model, knob: Knob, points: int, found: Mapping[str, _Found | Failure]) -> Figures:
    """Return the points of a curve, loosest first, and what each step from one to the next costs."""
    rule = model.rules[knob.rule]
    rows = []
    for target in targets(knob, points):
        name = PRESENT if target == knob.present else f"{knob.name}={target}"
        rows.append({"target": float(target), "is_present": target == knob.present, **_row_of(found[name])})
    share_bounds(rows)
    return {
        "rule": knob.rule,
        "clause": rule.clause,
        "key": knob.key,
        "strength": str(rule.strength),
        "is_share": knob.is_share,
        "unit": _unit(knob, rule),
        "present": float(knob.present),
        "source": rule.source,
        "basis": str(rule.basis),
        "points": rows,
        "steps": [_step(knob, first, other) for first, other in pairwise(rows)],
    }


def _unit(knob: Knob, rule: Rule) -> str:
    """Return what a number of a rule is counted in."""
    if isinstance(rule, PeoplePerSite):
        return "persons"
    return knob.key if knob.key in ("share", "metres", "minutes") else rule.measured_in


def share_bounds(rows: Sequence[Figures]) -> None:
    """Let points of a curve, loosest first, learn from each other: `least` and `most` are what its best plan is worth.

    A plan that keeps all clauses at a tighter target keeps them at a looser one too: so what was found there is worth
    as much here, and what was proven here holds there. That is so only among points at which every clause is kept.
    """
    whole = [row for row in rows if row["status"] == "found" and _keeps_all(row)]
    for row in rows:
        if row["status"] == "found":
            row |= {"least": row["bound"], "most": row["value"]}
    least = float("-inf")
    for row in whole:
        least = max(least, row["bound"])
        row["least"] = min(least, row["value"])
    most = float("inf")
    for row in reversed(whole):
        most = min(most, row["value"])
        row["most"] = most
    for row in whole:
        row["least"] = min(row["least"], row["most"])


def _keeps_all(row: Figures) -> bool:
    return all(abs(value) <= HOLD_ABSOLUTE for value in row["stages"].values())


def _step(knob: Knob, first: Figures, other: Figures) -> Figures:
    """Return what it costs to go from one target to the next tighter one: for a point of a hundred, or for one more.

    The price lies between `low` and `high`, which the bounds of both points prove; None where the two do not keep
    their clauses alike, and so do not compare.
    """
    size = abs(exact(other["target"]) - exact(first["target"])) * (100 if knob.is_share else 1)
    step = {"from": first["target"], "to": other["target"], "low": None, "high": None, "verdict": "unknown"}
    if "failed" in (first["status"], other["status"]):
        return step | {"given": "failed"}
    if first["stages"] != other["stages"]:
        return step | {"given": "other_clauses"}
    lies = apart(first["most"], first["least"], other["most"], other["least"])
    # (Where every clause is kept at both, asking for more can only cost more.)
    low = max(Fraction(0), lies.low) if _keeps_all(first) else lies.low
    given = "" if _keeps_all(first) or (first["proven"] and other["proven"]) else "unproven"
    return step | {
        "low": shown_number(low / size),
        "high": shown_number(lies.high / size),
        "verdict": lies.verdict,
        "given": given,
    }


# ---- the front ----


def _front(case: Case, model: Model, options: Options, points: int, processes: int) -> tuple[list[Figures], str]:
    try:
        found = look_at_front(case, model, options, points, processes, gap=GAP, with_layouts=True, asked=quick(options))
    except AllocateError as error:
        return [], str(error)
    # (Nothing was found in time.)
    return found, "" if found else str(NoPlanError())


def person_years(point: Figures, spans: Sequence[int]) -> int:
    """Return the people served, each plan year counted as often as the calendar years that it stands for."""
    return sum(number * span for number, span in zip(point["served"].values(), spans, strict=True))


def knee(points: Sequence[Figures], spans: Sequence[int]) -> Figures | None:
    """Return the point of a front, cheapest first, after which a yuan buys so many fewer people; None if there is none.

    Between two points next to each other a yuan buys so many more people served (person-years by yuan). The knee is
    the point at which that falls most, as a difference.
    """
    slopes = [
        Fraction(person_years(other, spans) - person_years(one, spans), other["cost"] - one["cost"])
        for one, other in pairwise(points)
    ]
    drops = [before - after for before, after in pairwise(slopes)]
    if not drops or max(drops) <= 0:
        return None
    at = drops.index(max(drops))
    return {
        "point": points[at + 1]["point"],
        "cost": points[at + 1]["cost"],
        "share": points[at + 1]["share"],
        "before": float(slopes[at]),
        "after": float(slopes[at + 1]),
    }


# ---- break-even prices ----


def unit_prices(model: Model) -> Iterator[tuple[str, int]]:
    """Yield the unit prices of what the plan decides, by their keys in the model, as whole yuan."""
    for table, keys in _PRICES.items():
        for name, one in getattr(model, table).items():
            for key in keys:
                value: Any = one
                for part in key:
                    value = getattr(value, part, None)
                if isinstance(value, int) and value > 0:
                    yield ".".join((table, name, *key)), value
    for table, own in _OWN_PRICES.items():
        one = getattr(model, table)
        for single in own if one is not None else ():
            value = getattr(one, single, None)
            if isinstance(value, int) and value > 0:
                yield f"{table}.{single}", value


def quantities(
    district: District, model: Model, case: Case, layouts: Iterable[Layout]
) -> dict[str, tuple[int, list[int]]]:
    """Return for every unit price how much of it each layout pays for: what its cost grows by with one yuan more.

    Prices that the cost does not follow in a straight line are left out.
    """
    plans = list(layouts)
    costs = [whole_cost(case, layout) for layout in plans]
    found = {}
    for key, present in unit_prices(model):
        grown = []
        for more in (1, 2):
            dearer = make_case(district, changed(model, {key: str(present + more)}))
            grown.append([whole_cost(dearer, layout) - cost for layout, cost in zip(plans, costs, strict=True)])
        once, twice = grown
        if [2 * number for number in once] == twice:
            found[key] = present, once
    return found


def break_even(district: District, model: Model, case: Case, layouts: Mapping[str, Layout]) -> Figures:
    """Return at which unit price another plan that was found becomes the cheapest, one price changing at a time.

    Compared are the plans that keep every clause which the plan of the model as it is keeps; the cheapest of them at
    present prices is the one to beat. Nothing is said of plans that were not found.
    """
    if PRESENT not in layouts:
        return {"plans": [], "break_even": []}
    rules = model.planned()

    def missed(layout: Layout) -> dict[str, Fraction]:
        return {
            name: sum((Fraction(one.shortfall) for one in rule.breaches(case, layout)), Fraction(0))
            for name, rule in rules.items()
        }

    wanted = missed(layouts[PRESENT])
    alike = {
        name: layout
        for name, layout in layouts.items()
        if all(short <= wanted[rule] for rule, short in missed(layout).items())
    }
    names = sorted(alike, key=lambda name: (whole_cost(case, alike[name]), name != PRESENT, name))
    costs = [whole_cost(case, alike[name]) for name in names]
    amounts = quantities(district, model, case, [alike[name] for name in names])
    rows = []
    for key, (present, bought) in amounts.items():
        for up in (True, False):
            best = nearest(present, costs, bought, up=up)
            if best is not None:
                at, other = best
                rows.append(
                    {
                        "key": key,
                        "present": present,
                        "at": f"{at.numerator}/{at.denominator}" if at.denominator > 1 else str(at.numerator),
                        "price": shown_number(at),
                        "change": shown_number(at / present - 1),
                        "from": names[0],
                        "to": names[other],
                        "from_quantity": bought[0],
                        "to_quantity": bought[other],
                        "from_cost": costs[0],
                        "to_cost": costs[other],
                    }
                )
    plans = [
        {"plan": name, "cost": cost, "served": {str(case.years[t]): alike[name].served_in(t) for t in case.periods}}
        for name, cost in zip(names, costs, strict=True)
    ]
    return {"plans": plans, "break_even": rows}


def nearest(present: int, costs: Sequence[int], bought: Sequence[int], *, up: bool) -> tuple[Fraction, int] | None:
    """Return the price nearest to the present one, above or below it, at which another plan costs no more.

    `costs` are those at the present price, `bought` how much of what is priced each plan pays for. With the price x
    instead of p, plan A costs A + (x - p)·a: two are even where (x - p)·(a - b) = B - A.
    """
    best: tuple[Fraction, int] | None = None
    for other in range(1, len(costs)):
        saved = bought[0] - bought[other]
        if not saved or costs[other] == costs[0]:
            continue
        at = present + Fraction(costs[other] - costs[0], saved)
        if at < 0 or (at > present) != up:
            continue
        if best is None or abs(at - present) < abs(best[0] - present):
            best = at, other
    return best
