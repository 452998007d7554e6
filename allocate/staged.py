"""One search, stage by stage: clauses by strength, then goals in order, each held while the next is made small."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from types import MappingProxyType

from allocate import stopping
from allocate.beside import variables_of
from allocate.case import Case
from allocate.errors import NoPlanError
from allocate.goals import Goal
from allocate.layout import Layout
from allocate.program import Objective, Options, Program, Progress
from allocate.rows import POLICY, Key, Number
from allocate.units import exact

Listener = Callable[[Progress], None]
# What comes to a plan of the whole district, in whole people: a way to look up a program's variables.
Planned = Callable[[Callable[[Key], float]], Layout]
Value = Callable[[Key], float]
CLAUSE_GAP = 0.005
# What a stage may take of the time that is left, unless it is the last.
_STAGE_SHARE = 0.6
# What of all the time a stage may take that is only to be improved, with nothing to tell when it is good.
_IMPROVING_SHARE = 0.1


def as_plans(listen: Listener | None, planned: Planned) -> Listener | None:
    """Return who listens to a program's answers and hears what plans they come to: see `Progress.plan`."""
    if listen is None:
        return None

    def hear(progress: Progress) -> None:
        plan = None if progress.value is None else partial(planned, progress.value)
        listen(replace(progress, value=None, plan=plan))

    return hear


def as_numbers(listen: Listener | None) -> Listener | None:
    """Return who listens to how a search stands, of whose answers no plan is worked out."""
    return None if listen is None else lambda progress: listen(replace(progress, value=None))


def tell_plan(listen: Listener | None, stage: str, layout: Layout) -> None:
    """Let whoever listens know of a plan of the whole district."""
    if listen is not None:
        listen(Progress(stage, None, None, None, 0.0, plan=lambda: layout))


def _as_it_is(terms: Mapping[Key, Number]) -> Mapping[Key, Number]:
    return terms


def no_helpers(value: Value) -> Mapping[Key, Number]:
    """Return no variables: of a goal that has no whole ones of its own, or of which nothing can be told."""
    del value
    return {}


@dataclass(frozen=True)
class Stage:
    """What is made small, and how hard to try: the gap, and the nodes of branch and bound, at which it ends.

    Where it is only to be improved, it needs no bound: `prove` is False. `helpers` returns the goal's own whole
    variables as they are best for a plan, whose variables can be looked up. Of the neighbourhoods, each `every`-th one
    is searched. Where it speaks of a few variables only, they are searched first, all others held: `only`. `bound` is
    what was proven of it elsewhere, of plans that miss no clause. A plan that comes to no more than is `enough` needs
    no search, and the next stages may use up what it leaves.
    """

    objective: Objective
    gap: float
    nodes: int
    prove: bool = True
    helpers: Callable[[Value], Mapping[Key, Number]] = no_helpers
    every: int = 1
    only: tuple[Key, ...] = ()
    bound: float = float("-inf")
    is_clause: bool = False
    enough: float | None = None

    @property
    def name(self) -> str:
        """Return its name in plan.json."""
        return self.objective.name


@dataclass
class Staged:
    """What a search found.

    Attributes
    ----------
    values
        The solver's number of every variable; None where no stage had to be searched.
    bounds
        What no plan that keeps the earlier stages can fall below, by stage.
    held
        What each stage might come to in the next ones, by stage; the last is not held.
    seconds
        Length of the search, by stage [s].
    logs
        What the solver printed.
    left
        Time that is left [s].
    stopped
        Whether a person ended it.
    """

    values: Value | None = None
    bounds: dict[str, float] = field(default_factory=dict)
    held: dict[str, Number] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    logs: list[str] = field(default_factory=list)
    left: float = 0.0
    stopped: bool = False


def stages(
    program: Program,
    goals: Mapping[str, Goal],
    case: Case,
    gap: float | None,
    see: Callable[[Mapping[Key, Number]], Mapping[Key, Number]] = _as_it_is,
    bounds: Mapping[str, float] = MappingProxyType({}),
) -> Iterator[Stage]:
    """Yield the stages of a program, as far as it has the variables that they speak of; `see` changes the goals'.

    `bounds` are what is proven of goals by themselves, of plans that miss no clause.
    """
    for strength in POLICY:
        for objective in program.clause_objectives(strength):
            least = CLAUSE_GAP if gap is None else min(gap, CLAUSE_GAP)
            yield Stage(objective, least, Options.search_nodes, is_clause=True)
    for name, goal in goals.items():
        terms = {key: times for key, times in see(goal.terms(case)).items() if key in program.keys}
        objective = Objective(name, terms, goal.constant(case), sees_links=goal.sees_links)
        yield Stage(
            objective,
            goal.gap if gap is None else gap,
            goal.nodes,
            helpers=partial(goal.start, case),
            only=variables_of(goal, case, program.keys),
            bound=bounds.get(name, float("-inf")),
            enough=goal.enough,
        )


def search_stages(
    program: Program,
    wanted: Iterable[Stage],
    start: Mapping[Key, float],
    known: Mapping[str, tuple[Number, float]],
    options: Options,
    near: Iterable[Iterable[Key]] = (),
    listen: Listener | None = None,
) -> Staged:
    """Search a program stage by stage from a start.

    `known` are the values of the start and bounds that were proven elsewhere, by stage: while the start stands and
    its value is within the stage's gap of the bound, there is nothing to search.

    Raises
    ------
    NoPlanError
        When nothing was found in the time given.
    """
    wanted, near = list(wanted), list(near)
    found = Staged(left=options.seconds)
    values = dict(start)
    for number, stage in enumerate(wanted):
        if stopping.is_asked():
            found.stopped = True
            break
        objective, last = stage.objective, number + 1 == len(wanted)
        value, bound = known.get(stage.name, (None, 0.0))
        if found.values is not None:
            # The start is gone: of what came of it, only nothing at all needs no proof.
            is_met = value is not None and _held(objective, found.values, 1.0) == 0
            value, bound = (0 if is_met else None), 0.0
            if stage.enough is not None:
                value = _worth(objective, found.values)
        if value is not None and (
            value == 0 or is_enough(value, stage.enough) or within(float(value), bound, stage.gap)
        ):
            # Nothing is missing in the plan at hand, or next to nothing can be: there is nothing to make smaller.
            found.bounds[stage.name], found.seconds[stage.name] = min(bound, float(value)), 0.0
            found.held[stage.name] = _hold(program, stage, value, bound)
            continue
        share = found.left if last else found.left * _STAGE_SHARE
        if not stage.prove and (found.values is not None or stage.name in known):
            share = min(share, options.seconds * _IMPROVING_SHARE)
        nodes = min(stage.nodes, options.search_nodes)
        asked = replace(options, seconds=share, gap=stage.gap, search_nodes=nodes, prove=stage.prove)
        try:
            begin = {**values, **stage.helpers(partial(_looked_up, values))}
            # (A clause that is missed was kept as well as it could be, which may take fewer postings than it asks for.)
            is_kept = all(found.held.get(one.name) == 0 for one in wanted[:number] if one.is_clause)
            told = stage.bound if is_kept else float("-inf")
            near_by = near[:: stage.every]
            answer = program.solve(objective, asked, begin, near_by, listen, only=stage.only, known=told)
        except NoPlanError:
            if found.values is None and not stopping.is_asked():
                raise
            # The stages before have a plan, which is worth more than none.
            break
        found.left = max(1.0, found.left - answer.seconds)
        found.bounds[stage.name], found.seconds[stage.name] = max(answer.bound, bound), answer.seconds
        found.logs.append(answer.log)
        found.values = _reader(program.keys, answer.values.tolist())
        values = dict(zip(program.keys, answer.values.tolist(), strict=True))
        if answer.interrupted:
            found.stopped = True
            break
        if not last:
            held = _held(objective, found.values, answer.objective)
            found.held[stage.name] = _hold(program, stage, held, answer.bound)
    return found


def proven(found: Staged, values: Mapping[str, Number]) -> dict[str, float]:
    """Return the bounds that hold for a plan that came of a search, whose stages have these values.

    What was proven of a stage was proven of plans that keep the stages before as well as the search did. Whole people,
    and staff that was summed up, may cost the plan more than that: of the stages after, nothing is proven then.
    """
    return {name: min(bound, float(values[name])) for name, bound in still_proven(found, values).items()}


def still_proven(found: Staged, values: Mapping[str, Number], tolerance: Fraction = Fraction(0)) -> dict[str, float]:
    """Return the bounds of the stages up to the first one that is worth more in the plan than the search held.

    `tolerance` is what a stage may give way, as a share of its value: whole people may take as much as later stages.
    """
    bounds: dict[str, float] = {}
    for name, value in values.items():
        if name in found.bounds:
            bounds[name] = found.bounds[name]
        if value * (1 - tolerance) > found.held.get(name, value):
            break
    return bounds


def within(value: float, bound: float, gap: float) -> bool:
    """Tell whether a value is within a relative gap of a bound."""
    return value - bound <= gap * abs(value) + 1e-9


def is_enough(value: Number, enough: float | None) -> bool:
    """Tell whether a value is as good as is asked for."""
    return enough is not None and value <= exact(enough)


def _hold(program: Program, stage: Stage, value: Number, bound: float) -> Number:
    """Hold what a stage came to, or what is enough, and return what it may come to in the next ones."""
    if stage.enough is not None and is_enough(value, stage.enough):
        return program.hold(stage.objective, exact(stage.enough), most=stage.enough)
    return program.hold(stage.objective, value, most=most_within(bound, stage.gap))


def most_within(bound: float, gap: float) -> float:
    """Return the greatest value that is still within a gap of a bound."""
    return bound / (1 - gap) if gap < 1 and bound >= 0 else float("inf")


def _reader(keys: Mapping[Key, int], values: list[float]) -> Value:
    """Return a way to look up the solver's number of a variable."""
    return lambda key: values[keys[key]]


def _looked_up(values: Mapping[Key, float], key: Key) -> float:
    """Return a variable of a start; what it does not name is 0."""
    return values.get(key, 0.0)


def _worth(objective: Objective, value: Value) -> Fraction:
    """Return what an objective comes to."""
    return Fraction(sum(float(times) * value(key) for key, times in objective.terms.items())) + objective.constant


def _held(objective: Objective, value: Value, found: float) -> Number:
    """Return the value to hold: zero where the solver's number is zero but for noise."""
    if objective.constant == 0 and all(abs(value(key)) <= 1e-9 for key in objective.terms):
        return 0
    return Fraction(found)
