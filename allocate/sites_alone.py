"""Lays out the sites of a model that decides nothing else, by how many of each price are open, for its first goal."""

import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from allocate import decisions
from allocate.by_number import ByNumber
from allocate.case import Case
from allocate.decisions import siting
from allocate.errors import NoPlanError
from allocate.gaps import HOLD_ABSOLUTE
from allocate.goals import Goal
from allocate.greedy import greedy
from allocate.layout import Layout, send_nearest
from allocate.merging import Gathered, Reduced, merge_places, merge_years, stand_for_later
from allocate.program import Floats, Options, Program
from allocate.rows import Key, Number, opened, serves
from allocate.settle import settle
from allocate.sites_reached import heard_as, lay_out_reached
from allocate.staged import Listener, Stage, stages, tell_plan
from allocate.stages import stage_values
from allocate.two_steps import Rules, add_rules, rows_of
from allocate.words import say

# Settling takes about a second; whatever the clock says, people must be whole.
_SETTLE_SECONDS = 30.0
# What of the time a search without who goes where may take, before one with it begins.
_REACHED_SHARE = 0.9


@dataclass(frozen=True)
class SitesAlone:
    """A layout of sites, and what is proven of it.

    Attributes
    ----------
    values
        What every stage is worth, the clauses first.
    bound
        What no plan that misses no clause falls below in the goal; minus infinity where nothing is proven.
    rows
        Names of implied rows that helped to prove it.
    relaxations
        How many linear relaxations were solved.
    stopped
        Whether the clock ended the search.
    is_met
        Whether no clause is missed; else the layout is the best that was there before.
    """

    layout: Layout
    values: Mapping[str, Number]
    bound: float
    rows: tuple[str, ...]
    relaxations: int
    stopped: bool
    is_met: bool


def decides_sites_alone(case: Case, goal: Goal) -> bool:
    """Tell whether a case decides sites and whom they serve, and nothing else, and the goal looks at open sites."""
    others = (case.resources, case.pools, case.ways, case.abilities, case.leading, case.contracting, case.cuts)
    is_of_sites = not goal.sees_people and not goal.sees_links and not any(True for _ in goal.columns(case))
    return not any(others) and is_of_sites


def lay_out_sites(
    full: Case,
    rules: Rules,
    name: str,
    goal: Goal,
    *,
    gap: float,
    seconds: float,
    seed: int = 1,
    before: Layout | None = None,
    rows: Collection[str] = (),
    listen: Listener | None = None,
) -> SitesAlone:
    """Lay out sites so that no clause is missed, and the goal is as small as the gap or the time allows.

    `before` is a plan to begin with; what it opens counts, and whether it is a good or a valid one does not matter.

    Raises
    ------
    NoPlanError
        When nothing was found that can be.
    """
    goals = {name: goal}
    known = [greedy(full, rules.values()), *([] if before is None else [_served(full, before)])]
    tell_plan(listen, name, known[0])
    weighed = [(stage_values(full, rules, goals, one), one) for one in known if not _is_wrong(full, rules, one)]
    bound, helped, relaxations, stopped, is_found = float("-inf"), tuple(rows), 0, False, False
    deadline = time.monotonic() + seconds
    for reduced in _reductions(full, rules):
        gathered = merge_places(reduced.case, rules.values(), goals.values())
        reached = lay_out_reached(
            full,
            reduced,
            gathered.case,
            rules,
            goals,
            gap=gap,
            seconds=_REACHED_SHARE * (deadline - time.monotonic()),
            seed=seed,
            hint=() if before is None else _open_in(reduced, before),
            listen=listen,
        )
        if reached is not None:
            bound, relaxations = max(bound, reached.bound), relaxations + reached.relaxations
            if reached.layout is not None and not _is_wrong(full, rules, reached.layout):
                weighed.append((stage_values(full, rules, goals, reached.layout), reached.layout))
                stopped, is_found = stopped or reached.stopped, True
                break
        program, stage = _program(gathered.case, rules, goals)
        hear = None if listen is None else heard_as(listen, name, partial(_nearest, full, reduced, program))
        search = ByNumber(program, stage.objective, seed, helped, hear)
        hint = () if before is None else _hint(program, reduced, before)
        found = search.run(gap, deadline - time.monotonic(), hint)
        helped, relaxations = (*helped, *(row for row in found.rows if row not in helped)), found.relaxations
        stopped = stopped or found.stopped
        bound = max(bound, float("inf") if found.is_impossible else float(found.bound))
        if found.values is None:
            break
        layout = _settled(full, reduced, gathered, program, dict(zip(program.keys, found.values.tolist(), strict=True)))
        values = stage_values(full, rules, goals, layout)
        if not _is_wrong(full, rules, layout):
            weighed.append((values, layout))
            is_found = not any(values[clause] for clause in values if clause != name)
        if is_found:
            break
    if not weighed:
        raise NoPlanError(say("solve.none", stage=name, seconds=round(seconds, 1)))
    values, layout = min(weighed, key=lambda one: tuple(one[0].values()))
    is_met = not any(values[clause] for clause in values if clause != name)
    if not is_met:
        # (What is proven of plans that miss no clause says nothing of one that does.)
        bound = float("-inf")
    elif bound > float(values[name]) + HOLD_ABSOLUTE * max(1.0, abs(float(values[name]))):
        # (A plan was found that is better than what was proven of all: the proof cannot be believed.)
        bound = float("-inf")
    return SitesAlone(layout, values, min(bound, float(values[name])), helped, relaxations, stopped, is_met)


def _reductions(full: Case, rules: Rules) -> Iterator[Reduced]:
    """Yield smaller cases: in the first, a year may stand for later ones; where that is not enough, none does."""
    first = stand_for_later(full, rules.values())
    yield first
    second = merge_years(full, rules.values())
    if second.year_of != first.year_of:
        yield second


def _program(case: Case, rules: Rules, goals: Mapping[str, Goal]) -> tuple[Program, Stage]:
    """Return the program of a case in which no clause is missed, and the stage of its goal."""
    program = Program("sites alone")
    program.add_columns(decisions.columns(case))
    # (That a place is covered follows, as its pairs do, from what is open being whole: both are added where they help.)
    program.add_rows(
        "siting", (replace(row, implied=row.implied or row.about[0] == "covered") for row in siting.rows(case))
    )
    add_rules(program, case, rules, rows_of(case, rules))
    *clauses, last = stages(program, goals, case, None)
    for stage in clauses:
        program.hold(stage.objective, 0)
    return program, last


def _hint(program: Program, reduced: Reduced, before: Layout) -> list[int]:
    """Return the columns of the sites that an earlier plan opens."""
    return [program.keys[opened(j, n)] for j, n in _open_in(reduced, before)]


def _open_in(reduced: Reduced, before: Layout) -> list[tuple[int, int]]:
    """Return the sites that an earlier plan opens, with the years of a smaller case."""
    first = {n: reduced.year_of.index(n) for n in reduced.case.periods}
    return [(j, n) for n, t in first.items() for j in range(len(reduced.case.sites)) if (j, t) in before.open]


def _served(full: Case, before: Layout) -> Layout:
    """Return an earlier plan's sites, with everybody sent to the nearest one that has room."""
    return send_nearest(full, Layout(before.open), lambda j, _: full.sites[j].capacity)


def _nearest(full: Case, reduced: Reduced, program: Program, values: Floats) -> Layout:
    """Return the sites that a program opens, in all years, with everybody sent to the nearest one that has room."""
    case = reduced.case
    is_open = frozenset(
        (j, n) for n in case.periods for j in range(len(case.sites)) if values[program.keys[opened(j, n)]] > 0.5
    )
    return _served(full, reduced.expand(Layout(is_open)))


def _is_wrong(full: Case, rules: Rules, layout: Layout) -> bool:
    """Tell whether a layout cannot be: whatever the solver says, from plain data."""
    physics = (rule for rule in rules.values() if rule.is_physics)
    return any(True for _ in decisions.breaches(full, layout)) or any(
        True for rule in physics for _ in rule.breaches(full, layout)
    )


def _settled(full: Case, reduced: Reduced, gathered: Gathered, program: Program, values: Mapping[Key, float]) -> Layout:
    """Return the layout of all years in whole people."""

    def solver(key: Key) -> float:
        return values.get(key, 0.0)

    spread = gathered.spread(solver)
    flows: dict[Key, float] = {}
    for i, sites in enumerate(full.sites_of):
        for n in reduced.case.periods:
            told = [(j, people) for j in sites if (people := spread(serves(i, j, n))) > 0]
            for t in (t for t in full.periods if reduced.year_of[t] == n):
                # (Where fewer people live later on, fewer go.)
                left = float(full.people[i, t])
                for j, people in told:
                    going = min(people, left)
                    flows[serves(i, j, t)] = going
                    left -= going

    def value(key: Key) -> Number | float:
        if key[0] == "serve":
            return flows.get(key, 0.0)
        *about, t = key
        return solver((*about, reduced.year_of[int(t)]))

    options = Options(seconds=_SETTLE_SECONDS, threads=1, quick=True)
    beside = [(*key[:-1], t) for key in program.keys if key[0] == "amount" for t in full.periods]
    return settle(full, value, options, beside)
