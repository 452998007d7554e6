"""Lays out sites by whom they reach, and finds out afterwards who goes where: for cases with very many pairs.

Who goes where takes a variable for every pair of a place and a site in reach. A goal that looks at open sites, and
clauses that look at who is served, never ask for it: it matters for the room of sites alone. So it is left out, which
is a relaxation (all that is proven holds for the case), and rows on rooms take its place. Some are there from the
start; others come from plans whose sites have too little room, as the least cut between people and rooms (Gale 1957,
Pacific Journal of Mathematics 7; as cuts of Benders 1962, Numerische Mathematik 4). When everybody whom the clauses ask
for finds room in whole people, the plan is one of the case.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from allocate import stopping
from allocate.by_number import ByNumber, Hear
from allocate.case import Case
from allocate.decisions import siting
from allocate.gaps import relative_gap
from allocate.goals import Goal
from allocate.layout import Layout
from allocate.merging import Reduced
from allocate.program import Floats, Program, Progress
from allocate.rows import UPGRADED, Key, Number, Row, amount, opened, served
from allocate.rules.scopes import Scope, parts
from allocate.serving import serve_most
from allocate.settle import beside_sites
from allocate.staged import Listener, Stage, stages
from allocate.stages import stage_values
from allocate.two_steps import Rules, add_rules, rows_of

# With so many pairs in all years together, who goes where is left out.
MANY_PAIRS = 100_000
# How often rows on rooms are added to what a plan showed to be lacking, and how far they must be violated [persons].
_ROUNDS, _VIOLATED = 8, 0.5
_SCOPES: tuple[Scope, ...] = ("district", "town")

type Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Reached:
    """What was found.

    Attributes
    ----------
    layout
        A plan of the full case that misses no clause; None where none was found.
    bound
        What no plan that misses no clause falls below in the goal; infinity where there is none.
    relaxations
        How many linear relaxations were solved.
    stopped
        Whether the clock ended the search.
    """

    layout: Layout | None
    bound: float
    relaxations: int
    stopped: bool


def lay_out_reached(
    full: Case,
    reduced: Reduced,
    case: Case,
    rules: Rules,
    goals: Mapping[str, Goal],
    *,
    gap: float,
    seconds: float,
    seed: int,
    hint: Collection[tuple[int, int]] = (),
    listen: Listener | None = None,
) -> Reached | None:
    """Lay out sites of a case that decides nothing else.

    None where it has few pairs, where most sites reach more people than they have room for, or a clause looks at who
    goes where: then it is worth knowing from the start.

    Parameters
    ----------
    reduced, case
        The years that `full` was reduced to, and that case with its places merged.
    hint
        Sites that an earlier plan opens, with their years in `case`.
    """
    if len(case.links) * len(case.periods) < MANY_PAIRS or are_mostly_full(case):
        return None
    made = program_of_reach(case, rules, goals)
    if made is None:
        return None
    program, stage = made
    deadline = time.monotonic() + seconds
    bound, relaxations, stopped = float("-inf"), 0, False
    hear = None if listen is None else heard_as(listen, stage.name, partial(_layout, full, reduced, program))
    search = ByNumber(program, stage.objective, seed, hear=hear)
    for turn in range(_ROUNDS):
        hinted = [program.keys[opened(j, t)] for j, t in sorted(hint)]
        found = search.run(gap, deadline - time.monotonic(), hinted)
        relaxations, stopped = found.relaxations, found.stopped
        bound = max(bound, float("inf") if found.is_impossible else float(found.bound))
        if found.values is None:
            break
        layout = _layout(full, reduced, program, found.values)
        clauses = (value for name, value in stage_values(full, rules, goals, layout).items() if name not in goals)
        if not any(clauses):
            return Reached(layout, bound, relaxations, stopped)
        rows = list(_lacking(case, program, found.values, turn))
        if not rows or stopping.is_asked() or time.monotonic() > deadline:
            break
        search.insist(rows, program.keys)
        hint = [(j, t) for j in range(len(case.sites)) for t in case.periods if _is_open(program, found.values, j, t)]
    return Reached(None, bound, relaxations, stopped)


def heard_as(listen: Listener, stage: str, planned: Callable[[Floats], Layout]) -> Hear:
    """Return who hears of a search by numbers, and tells whoever listens how it stands; `planned` makes its plans."""
    began = time.monotonic()

    def hear(cost: Fraction | None, bound: Fraction, values: Floats | None) -> None:
        value = None if cost is None else float(cost)
        gap = None if value is None else relative_gap(value, float(bound))
        plan = None if values is None else partial(planned, values)
        listen(Progress(stage, value, float(bound), gap, time.monotonic() - began, plan=plan))

    return hear


def are_mostly_full(case: Case) -> bool:
    """Tell whether most sites that reach anybody reach more people than they have room for."""
    links = case.links
    reached = np.array(
        [np.bincount(links.sites, case.people[links.places, t], minlength=len(case.sites)) for t in case.periods]
    ).max(axis=0)
    most = np.array([np.inf if site.most is None else site.most for site in case.sites])
    return bool(2 * np.count_nonzero(reached > most) > np.count_nonzero(reached))


def program_of_reach(case: Case, rules: Rules, goals: Mapping[str, Goal]) -> tuple[Program, Stage] | None:
    """Return the program in which no clause is missed and nobody says who goes where, and the stage of its goal.

    None where a clause looks at who goes where.
    """
    clauses = {name: rule for name, rule in rules.items() if not rule.is_physics}
    asked = rows_of(case, clauses)
    if any(key[0] == "serve" for rows in asked.values() for row in rows for key in row.terms):
        return None
    if any(key[0] == "serve" for rule in clauses.values() for row in rule.ties(case) for key in row.terms):
        return None
    program = Program("sites by reach")
    program.add_columns(siting.columns_of_reach(case))
    program.add_rows("siting", siting.rows_of_reach(case))
    program.add_rows("room", _rooms(case))
    add_rules(program, case, clauses, asked)
    *before, last = stages(program, goals, case, None)
    for stage in before:
        program.hold(stage.objective, 0)
    return program, last


def _rooms(case: Case) -> Iterator[Row]:
    """Yield: in the district and in every town, no more people are served than there is room at sites in reach."""
    for t in case.periods:
        for scope in _SCOPES:
            for part, members in parts(case, scope):
                among = np.zeros(len(case.places), dtype=np.bool_)
                among[list(members)] = True
                yield room_row(case, among, t, (scope, part))


def room_row(case: Case, among: Mask, t: int, about: Key) -> Row:
    """Return: of some places, no more people are served than the open sites in their reach have room for."""
    links = case.links
    inside = among[links.places]
    people = case.people[links.places[inside], t].astype(np.float64)
    reached = np.bincount(links.sites[inside], weights=people, minlength=len(case.sites)).astype(np.int64)
    terms: dict[Key, Number] = {}
    for j in np.flatnonzero(reached).tolist():
        site, most = case.sites[j], int(reached[j])
        terms[opened(j, t)] = most if site.capacity is None else min(most, site.capacity)
        if site.upgrade is not None and site.capacity is not None and most > site.capacity:
            larger = most if site.most is None else min(most, site.most)
            if larger > site.capacity:
                terms[amount(UPGRADED, j, t)] = larger - site.capacity
    there = np.flatnonzero(among & (case.people[:, t] > 0)).tolist()
    terms |= {served(i, t): -1 for i in there}
    return Row((*about, case.years[t]), terms, ">=", 0)


def _lacking(case: Case, program: Program, values: Floats, turn: int) -> Iterator[Row]:
    """Yield a row for every year in which the sites of a plan have too little room for whom it says are served."""
    for t in case.periods:
        among = without_room(case, program, values, t)
        if among.any():
            row = room_row(case, among, t, ("cut", turn))
            short = -sum(float(times) * values[program.keys[key]] for key, times in row.terms.items())
            if short > _VIOLATED:
                yield row


def without_room(case: Case, program: Program, values: Floats, t: int) -> Mask:
    """Return the places whose served people need more room than their open sites have: one side of the least cut."""
    wanted = np.array([round(float(values[program.keys[served(i, t)]])) for i in range(len(case.places))])
    total = int(wanted.sum())
    room = np.zeros(len(case.sites), dtype=np.int64)
    for j, site in enumerate(case.sites):
        if _is_open(program, values, j, t):
            upgrade = program.keys.get(amount(UPGRADED, j, t))
            is_larger = upgrade is not None and values[upgrade] > 0.5
            most = site.most if is_larger else site.capacity
            room[j] = total if most is None else min(most, total)
    used = (room[case.links.sites] > 0) & (wanted[case.links.places] > 0)
    places, sites = case.links.places[used], case.links.sites[used]
    count, there, free = len(wanted), np.flatnonzero(wanted), np.flatnonzero(room)
    end = 1 + count + len(room)
    starts = np.concatenate([np.zeros(len(there), dtype=np.int64), 1 + places, 1 + count + free])
    ends = np.concatenate([1 + there, 1 + count + sites, np.full(len(free), end)])
    limits = np.concatenate([wanted[there], wanted[places], room[free]]).astype(np.int32)
    graph: Any = csr_array((limits, (starts, ends)), shape=(end + 1, end + 1))
    found = maximum_flow(graph, 0, end)
    among = np.zeros(count, dtype=np.bool_)
    if found.flow_value < total:
        left = csr_array(graph - found.flow)
        left.eliminate_zeros()
        seen = breadth_first_order(left, 0, return_predecessors=False)
        among[seen[(seen >= 1) & (seen <= count)] - 1] = True
    return among


def _is_open(program: Program, values: Floats, j: int, t: int) -> bool:
    return bool(values[program.keys[opened(j, t)]] > 0.5)


def _layout(full: Case, reduced: Reduced, program: Program, values: Floats) -> Layout:
    """Return the layout of all years, in which the open sites serve as many as they can."""

    def value(key: Key) -> Fraction:
        return Fraction(float(values[program.keys[key]]))

    beside = beside_sites(program.keys, value)
    case = reduced.case
    is_open = frozenset((j, t) for j in range(len(case.sites)) for t in case.periods if _is_open(program, values, j, t))
    return serve_most(full, reduced.expand(Layout(is_open, amounts=beside.amounts)))
