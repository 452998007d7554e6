"""Solves a case stage by stage: in two steps where that is enough, and as a whole where it is not."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from allocate import decisions, stopping
from allocate.beside import bounds_beside
from allocate.case import Case
from allocate.decisions import siting
from allocate.gaps import HOLD_ABSOLUTE, HOLD_RELATIVE, relative_gap
from allocate.goals import Goal
from allocate.layout import Layout
from allocate.merging import merge_places, merge_years, stand_for_later
from allocate.model import Model
from allocate.posts import employ_spare
from allocate.program import Options, Progress
from allocate.rows import Number
from allocate.settle import settle
from allocate.sites_alone import decides_sites_alone, lay_out_sites
from allocate.staged import (
    CLAUSE_GAP,
    Listener,
    Value,
    as_plans,
    is_enough,
    search_stages,
    stages,
    still_proven,
    tell_plan,
    within,
)
from allocate.stages import stage_values
from allocate.two_steps import (
    PART_OF_GAP,
    Begun,
    Goals,
    Rules,
    first_plan,
    in_two_steps,
    open_sites,
    repaired,
    staffed,
    start_of,
    whole_program,
    whole_start,
)

__all__ = ["CLAUSE_GAP", "Layouts", "Listener", "lay_out"]
_SETTLE_SECONDS = 30.0
# What of the time a search by number may take, which as a rule takes seconds.
_BY_NUMBER_SHARE = 0.5


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
    only_look: bool = False,
    start: Layout | None = None,
) -> Layouts:
    """Solve stage by stage: clauses by strength, then goals in order; each held while the next is made small.

    A search that is `only_look`ing says how near two steps come, and leaves it at that. `start` is an earlier plan:
    where its sites do better than greedy ones, the search begins there, and as it stands it is what is given at least.
    """
    rules = model.planned()
    start = None if start is None else repaired(full, rules, start)
    # (A look at the first goals only has no use for what the others tell apart.)
    goals: Goals = dict(list(model.goals.items())[:first_goals])
    found = _searched(full, rules, goals, options, gap, listen, start, only_look=only_look)
    return found if start is None else _no_less_than(found, start, full, rules, goals)


def _no_less_than(found: Layouts, start: Layout, full: Case, rules: Rules, goals: Goals) -> Layouts:
    """Return what was found, or the plan that it began with where that is the better one and can be.

    What was proven holds for it: it keeps every stage before as well as the plan that was found.
    """
    wrong = [
        *decisions.breaches(full, start),
        *(b for r in rules.values() if r.is_physics for b in r.breaches(full, start)),
    ]
    before, now = (stage_values(full, rules, goals, one) for one in (start, found.layout))
    if wrong or full.cuts or tuple(now.values()) <= tuple(before.values()):
        return found
    bounds = {name: min(bound, float(before[name])) for name, bound in found.bounds.items()}
    return replace(found, layout=start, bounds=bounds)


def _searched(
    full: Case,
    rules: Rules,
    goals: Goals,
    options: Options,
    gap: float | None,
    listen: Listener | None,
    start: Layout | None,
    *,
    only_look: bool,
) -> Layouts:
    """Search in the way that suits the case."""
    alone = _by_number(full, rules, goals, gap, options, listen, start, only_look=only_look)
    if alone is not None and stopping.is_asked():
        return alone
    took = {} if alone is None else dict(alone.seconds)
    if alone is not None and len(goals) == 1:
        values = stage_values(full, rules, goals, alone.layout)
        if only_look or all(_is_done(name, values[name], alone.bounds[name], goals, gap) for name in values):
            return alone
    left = replace(options, seconds=max(1.0, options.seconds - sum(took.values())))
    if not full.resources and stand_for_later(full, rules.values()).case.years == full.years:
        if alone is None:
            return _as_a_whole(full, rules, goals, gap, left, listen, start=start)
        values = stage_values(full, rules, goals, alone.layout)
        known = {name: (value, alone.bounds.get(name, 0.0)) for name, value in values.items()}
        found = _as_a_whole(full, rules, goals, gap, left, listen, alone.layout, known)
        return replace(found, seconds=_added(took, found.seconds))
    begun = in_two_steps(
        full, rules, goals, gap, left, listen, start, _begun(alone, goals) or whole_start(full, rules, start)
    )
    known = {name: (value, begun.bounds.get(name, 0.0)) for name, value in begun.values.items()}
    took = _added(took, begun.seconds)
    if only_look or stopping.is_asked() or all(_is_done(name, *known[name], goals, gap) for name in known):
        bounds = {name: min(bound, float(value)) for name, (value, bound) in known.items()}
        return Layouts(begun.layout, bounds, took, "".join(begun.logs))
    left = replace(options, seconds=begun.left)
    found = _as_a_whole(full, rules, goals, gap, left, listen, begun.layout, known)
    return Layouts(found.layout, found.bounds, _added(took, found.seconds), "".join(begun.logs) + found.log)


def _begun(alone: Layouts | None, goals: Goals) -> Begun | None:
    """Return where two steps go on from: a plan that misses no clause, and what is proven of its first goal."""
    if alone is None:
        return None
    return Begun(alone.layout, {name: bound for name, bound in alone.bounds.items() if name in goals})


def _added(first: Mapping[str, float], second: Mapping[str, float]) -> dict[str, float]:
    """Return how long every stage took in two searches together [s]."""
    return {name: first.get(name, 0.0) + second.get(name, 0.0) for name in {**first, **second}}


def _by_number(
    full: Case,
    rules: Rules,
    goals: Goals,
    gap: float | None,
    options: Options,
    listen: Listener | None,
    start: Layout | None,
    *,
    only_look: bool,
) -> Layouts | None:
    """Search sites by how many of each price are open, for the first goal alone.

    None where more is decided, where no plan keeps the clauses, or where nothing is proven.
    """
    name, goal = next(iter(goals.items()), (None, None))
    if name is None or goal is None or options.solver != "highs" or not decides_sites_alone(full, goal):
        return None
    is_all = len(goals) == 1
    near = (goal.gap if gap is None else gap) * (1.0 if is_all or options.quick else PART_OF_GAP)
    seconds = options.seconds * (1.0 if is_all and only_look else _BY_NUMBER_SHARE)
    if listen is not None:
        listen(Progress(name, None, None, None, 0.0))
    if start is not None:
        tell_plan(listen, name, start)
    began = time.monotonic()
    try:
        found = lay_out_sites(
            full, rules, name, goal, gap=near, seconds=seconds, seed=options.seed, before=start, listen=listen
        )
    except KeyboardInterrupt:
        if options.quick or stopping.is_asked():
            raise
        # (Whoever ends it by hand wants a plan soon: the search that gives up for its best answer goes on.)
        return None
    took = time.monotonic() - began
    if stopping.is_asked():
        proven = {name: found.bound} if found.is_met and found.bound > float("-inf") else {}
        return Layouts(found.layout, proven, {name: took}, "")
    if not found.is_met or found.bound == float("-inf"):
        return None
    if listen is not None:
        value = float(found.values[name])
        gap_left = relative_gap(value, found.bound)
        listen(Progress(name, value, found.bound, gap_left, took, plan=lambda: found.layout))
    bounds = {stage: found.bound if stage == name else 0.0 for stage in found.values}
    return Layouts(found.layout, bounds, {name: took}, "")


def _is_done(name: str, value: Number, bound: float, goals: Goals, gap: float | None) -> bool:
    """Tell whether a stage is proven within its gap, or wants no more than a good plan."""
    if name not in goals:
        return value == 0 or within(float(value), bound, CLAUSE_GAP)
    goal: Goal = goals[name]
    is_good = goal.nodes == 0 or is_enough(value, goal.enough)
    return is_good or within(float(value), bound, goal.gap if gap is None else gap)


def _as_a_whole(
    full: Case,
    rules: Rules,
    goals: Goals,
    gap: float | None,
    options: Options,
    listen: Listener | None,
    begun: Layout | None = None,
    known: Mapping[str, tuple[Number, float]] | None = None,
    *,
    start: Layout | None = None,
) -> Layouts:
    """Search sites, staff and years together, from a plan that is known or from a greedy one."""
    if stopping.is_asked():
        # (What was found before is all that there is time for.)
        sites = None if start is None else Layout(start.open)
        return Layouts(begun or first_plan(full, rules, goals, sites), {}, {}, "")
    reduced = merge_years(full, rules.values())
    gathered = merge_places(reduced.case, rules.values(), goals.values())
    case = gathered.case
    # Implied rows help no goal but one that looks at links: without such a goal they are not worth their memory.
    sees_links = any(goal.sees_links for goal in goals.values())
    program, asked = whole_program("plan", case, rules, goals, implied=sees_links)
    if begun is None:
        layout = first_plan(case, rules, goals, None if start is None else reduced.first(Layout(start.open)))
    else:
        layout = gathered.gather(reduced.first(begun))
        if known and reduced.case.years != full.years:
            # (The first of several years stands for them: what the search begins with may be worth less.)
            now = stage_values(full, rules, goals, reduced.expand(reduced.first(begun)))
            known = {name: (now[name], bound) for name, (_, bound) in known.items()}
    first = next(iter(goals), "")
    tell_plan(listen, first, reduced.expand(gathered.expand(layout)))
    begin, begun_values = start_of(case, asked, rules, layout)
    known = known or begun_values
    near = [[key for key in keys if key in program.keys] for keys in siting.neighbourhoods(case)]
    proved = bounds_beside(case, rules, goals, options)

    def planned(value: Value) -> Layout:
        there = Layout(open_sites(case, value))
        return staffed(full, rules, reduced.expand(there))

    wanted = list(stages(program, goals, case, gap, bounds=proved))
    found = search_stages(program, wanted, begin, known, options, near, as_plans(listen, planned))
    # Settling takes about a second; whatever the clock says, people must be whole.
    if found.values is not None:
        in_time = replace(options, seconds=max(found.left, _SETTLE_SECONDS))
        layout = settle(gathered.full, gathered.spread(found.values), in_time, program.keys)
    else:
        layout = gathered.expand(layout)
    whole = employ_spare(full, rules.values(), reduced.expand(layout))
    values = stage_values(full, rules, goals, whole)
    bounds = still_proven(found, values, HOLD_RELATIVE)
    # (A plan that is better than what was proven shows that it was proven of others: a little too much was held.)
    noise = {name: HOLD_ABSOLUTE * max(1.0, abs(float(values[name]))) for name in bounds}
    bounds = {name: bound for name, bound in bounds.items() if bound <= float(values[name]) + noise[name]}
    return Layouts(whole, bounds, found.seconds, "".join(found.logs))
