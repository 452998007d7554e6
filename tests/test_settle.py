"""Settling: whole people, nobody dropped, no room overfilled, as many as there is room for, as near as can be."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

from allocate.case import Case, Site
from allocate.errors import AllocateError
from allocate.layout import Layout
from allocate.program import Options
from allocate.rows import Key, opened, served, serves
from allocate.rules.scopes import parts
from allocate.settle import settle
from allocate.staged import Staged, still_proven
from allocate.travel import Links
from allocate.units import Basis

HERE = Options(quick=True, seconds=30, threads=1)
Flows = dict[tuple[int, int, int], float]


@dataclass(frozen=True)
class Solved:
    """A case, what a solver opened in it, and whom it serves: parts of people, as solvers do."""

    case: Case
    is_open: frozenset[tuple[int, int]]
    flows: Flows

    def value(self, key: Key) -> float:
        match key:
            case ("open", j, t):
                return float((j, t) in self.is_open)
            case ("serve", i, j, t):
                return self.flows.get((int(i), int(j), int(t)), 0.0)
            case ("served", i, t):
                return math.fsum(n for (k, _, u), n in self.flows.items() if (k, u) == (i, t))
        raise KeyError(key)

    def settled(self) -> Layout:
        return settle(self.case, self.value, HERE)

    def floors(self, t: int) -> list[tuple[tuple[int, ...], int]]:
        """Return every place, town and the district, with the whole people whom the solver serves there."""
        return [
            (members, math.floor(math.fsum(self.value(served(i, t)) for i in members) + 1e-6))
            for scope in ("place", "town", "district")
            for _, members in parts(self.case, scope)  # type: ignore[arg-type]
        ]

    def pairs(self, t: int) -> list[tuple[int, int]]:
        return [(i, j) for i, sites in enumerate(self.case.sites_of) for j in sites if (j, t) in self.is_open]


def make(
    people: list[list[int]],
    capacities: list[int | None],
    seconds: dict[tuple[int, int], int],
    town_of: list[int] | None = None,
) -> Case:
    """Return a case with these residents (a row per place), rooms and travel times of the pairs within reach."""
    order = sorted((i, s, j) for (i, j), s in seconds.items())
    columns = np.array(order, dtype=np.int64).reshape(-1, 3)
    years = tuple(range(2025, 2025 + len(people[0])))
    towns = town_of or [0] * len(people)
    sites = [
        Site(f"s{j}", f"site {j}", "clinic", "t0", -1, 117.3, 39.5, Basis.ASSUMED, capacity=capacity)
        for j, capacity in enumerate(capacities)
    ]
    return Case(
        years=years,
        spans=(1,) * len(years),
        repeats=(1,) * len(years),
        places=tuple(f"p{i}" for i in range(len(people))),
        towns=tuple(f"t{k}" for k in range(max(towns) + 1)),
        town_of=tuple(towns),
        people=np.array(people, dtype=np.int64),
        sites=tuple(sites),
        links=Links(columns[:, 0], columns[:, 2], columns[:, 1]),
        spots=np.zeros((len(sites), 2)),
    )


@st.composite
def solved(draw: st.DrawFn) -> Solved:
    """Draw a case and a solver's answer: shares of whole flows that fit, so that people come in parts."""
    places, sites, years = draw(st.integers(1, 5)), draw(st.integers(1, 4)), draw(st.integers(1, 2))
    people = [[draw(st.integers(0, 12)) for _ in range(years)] for _ in range(places)]
    capacities = [draw(st.none() | st.integers(1, 15)) for _ in range(sites)]
    every = [(i, j) for i in range(places) for j in range(sites)]
    reach = draw(st.lists(st.sampled_from(every), min_size=1, unique=True))
    seconds = {pair: draw(st.integers(1, 900)) for pair in reach}
    town_of = [draw(st.integers(0, 1)) for _ in range(places)]
    case = make(people, capacities, seconds, town_of)
    is_open = frozenset((j, t) for j in range(sites) for t in range(years) if draw(st.integers(0, 3)))
    flows: Flows = {}
    for _ in range(2):
        share = draw(st.sampled_from([0.0, 1 / 3, 0.5, 0.45]))
        for t in range(years):
            left = [row[t] for row in people]
            room = [math.inf if capacity is None else capacity for capacity in capacities]
            for i, j in draw(st.permutations(sorted(reach))):
                if (j, t) in is_open:
                    number = min(left[i], room[j])
                    left[i] -= number
                    room[j] -= number
                    flows[i, j, t] = flows.get((i, j, t), 0.0) + share * number
    return Solved(case, is_open, flows)


def most_servable(solution: Solved, t: int) -> int:
    """Return how many people the open sites have room for at all: a maximum flow, by another program."""
    case = solution.case
    places, sites = len(case.places), len(case.sites)
    source, sink = places + sites, places + sites + 1
    edges = {(source, i): int(case.people[i, t]) for i in range(places)}
    edges |= {(i, places + j): int(case.people[i, t]) for i, j in solution.pairs(t)}
    for j, site in enumerate(case.sites):
        edges[places + j, sink] = case.total(t) if site.capacity is None else site.capacity
    rows, columns = zip(*edges, strict=True)
    graph = csr_array((np.array(list(edges.values()), dtype=np.int32), (rows, columns)), shape=(sink + 1, sink + 1))
    return int(maximum_flow(graph, source, sink).flow_value)


def least_travel(solution: Solved, t: int, people: int) -> float:
    """Return the least travel for so many people served, nobody dropped: a linear program, by another program."""
    case, pairs = solution.case, solution.pairs(t)
    if not pairs:
        return 0.0
    rows: list[list[float]] = []
    limits: list[float] = []
    for members, floor in solution.floors(t):
        rows.append([-float(i in members) for i, _ in pairs])
        limits.append(-floor)
    for i in range(len(case.places)):
        rows.append([float(k == i) for k, _ in pairs])
        limits.append(int(case.people[i, t]))
    for j, site in enumerate(case.sites):
        if site.capacity is not None:
            rows.append([float(k == j) for _, k in pairs])
            limits.append(site.capacity)
    cost = [case.seconds[pair] for pair in pairs]
    answer = linprog(cost, rows, limits, [[1.0] * len(pairs)], [people])
    assert answer.status == 0, answer.message
    return float(answer.fun)


@settings(max_examples=60, deadline=None)
@given(solved())
def test_people_are_whole_and_in_their_places(solution: Solved) -> None:
    layout, case = solution.settled(), solution.case
    assert layout.open == solution.is_open
    for (i, j, t), number in layout.serve.items():
        assert type(number) is int
        assert number > 0
        assert (i, j) in case.seconds
        assert (j, t) in layout.open
    for (i, t), number in layout.served.items():
        assert number <= case.people[i, t]
    for (j, _), number in layout.load.items():
        capacity = case.sites[j].capacity
        assert capacity is None or number <= capacity


@settings(max_examples=60, deadline=None)
@given(solved())
def test_nobody_is_dropped_whom_the_solver_serves(solution: Solved) -> None:
    layout = solution.settled()
    for t in solution.case.periods:
        for members, floor in solution.floors(t):
            assert sum(layout.served.get((i, t), 0) for i in members) >= floor


@settings(max_examples=60, deadline=None)
@given(solved())
def test_as_many_are_served_as_there_is_room_for_and_as_near_as_can_be(solution: Solved) -> None:
    layout = solution.settled()
    for t in solution.case.periods:
        flows = {(i, j): n for (i, j, u), n in layout.serve.items() if u == t}
        people = sum(flows.values())
        assert people == most_servable(solution, t)
        travel = sum(n * solution.case.seconds[pair] for pair, n in flows.items())
        assert travel == pytest.approx(least_travel(solution, t, people), abs=1e-6)


def test_the_near_do_not_push_out_whom_the_solver_serves() -> None:
    # One site with room for three. The solver serves place 0 from far; without the floor, place 1 would take all.
    case = make([[3], [3]], [3], {(0, 0): 900, (1, 0): 60})
    far = Solved(case, frozenset({(0, 0)}), {(0, 0, 0): 3.0})
    assert far.settled().serve == {(0, 0, 0): 3}
    nobody = Solved(case, frozenset({(0, 0)}), {})
    assert nobody.settled().serve == {(1, 0, 0): 3}


def test_a_town_keeps_its_people_though_no_place_of_it_has_a_whole_one() -> None:
    # Half a person in each of two places of a town: one whole person of the town stays served.
    case = make([[1], [1], [5]], [1], {(0, 0): 900, (1, 0): 900, (2, 0): 1}, town_of=[0, 0, 1])
    layout = Solved(case, frozenset({(0, 0)}), {(0, 0, 0): 0.5, (1, 0, 0): 0.5}).settled()
    assert sum(layout.serve.values()) == 1
    assert (2, 0, 0) not in layout.serve


def test_the_noise_of_a_solver_costs_no_place_a_person() -> None:
    # Two sites of 300 are full, and five people of the last place are left out. The solver's flows lack a hair.
    homes, less = [100] * 6 + [5], 2.5e-4
    seconds = {(i, j): 60 + 60 * abs(i - 3 * j) for i in range(7) for j in range(2)} | {(6, 0): 1, (6, 1): 1}
    case = make([[people] for people in homes], [300, 300], seconds)
    flows = {(i, i // 3, 0): 100 - less for i in range(6)}
    layout = Solved(case, frozenset({(0, 0), (1, 0)}), flows).settled()
    assert [layout.served.get((i, 0), 0) for i in range(7)] == [*[100] * 6, 0]


@pytest.mark.parametrize(("count", "more"), [(1, 0.05), (1, 0.15), (6, 0.02), (6, 0.12)])
def test_flows_that_exceed_full_sites_by_a_solver_s_noise_still_make_a_plan(count: int, more: float) -> None:
    case = make([[30000]] * count, [20000] * count, {(i, i): 60 for i in range(count)})
    full = Solved(case, frozenset((j, 0) for j in range(count)), {(i, i, 0): 20000 + more for i in range(count)})
    assert sum(full.settled().serve.values()) == 20000 * count


@pytest.mark.parametrize("count", [30, 150])
def test_a_chain_of_moves_is_worth_one_more_person(count: int) -> None:
    # Everybody but the first lives at a site; the first reaches the second's only: all must move on, 15 minutes each.
    seconds = {(i, i): 0 for i in range(1, count)} | {(i, i + 1): 900 for i in range(count)}
    case = make([[1]] * count, [1] * (count + 1), seconds)
    solution = Solved(case, frozenset((j, 0) for j in range(1, count + 1)), {})
    assert most_servable(solution, 0) == count
    assert sum(solution.settled().serve.values()) == count


def test_where_nothing_is_open_nobody_is_served() -> None:
    case = make([[3, 2]], [None], {(0, 0): 60})
    assert Solved(case, frozenset(), {}).settled() == Layout(frozenset(), {})


def test_years_are_settled_apart() -> None:
    case = make([[3, 5]], [4], {(0, 0): 60})
    assert Solved(case, frozenset({(0, 1)}), {}).settled().serve == {(0, 0, 1): 4}


@pytest.mark.parametrize("number", [0.5, 1e-5, 1 - 1e-5])
def test_half_an_open_site_is_refused(number: float) -> None:
    case = make([[3]], [4], {(0, 0): 60})
    value = {opened(0, 0): number, served(0, 0): 0.0, serves(0, 0, 0): 0.0}.__getitem__
    with pytest.raises(AllocateError, match="whole number"):
        settle(case, value, HERE)


@pytest.mark.parametrize("noise", [-9e-7, 9e-7])
def test_a_hair_more_or_less_than_open_is_open(noise: float) -> None:
    case = make([[3]], [4], {(0, 0): 60})
    solution = Solved(case, frozenset({(0, 0)}), {(0, 0, 0): 3.0 + noise})
    assert settle(case, noisy(solution.value, noise), HERE).serve == {(0, 0, 0): 3}


def noisy(value: Callable[[Key], float], noise: float) -> Callable[[Key], float]:
    return lambda key: value(key) + (noise if key[0] == "open" else 0.0)


def test_people_who_live_at_their_site_are_served() -> None:
    case = make([[3], [2]], [None, None], {(0, 0): 0, (1, 1): 0})
    layout = Solved(case, frozenset({(0, 0), (1, 0)}), {}).settled()
    assert layout.serve == {(0, 0, 0): 3, (1, 1, 0): 2}


def test_what_a_solver_sends_to_a_closed_site_by_its_noise_alone_is_not_promised() -> None:
    # A ten-millionth of a site is closed, and yet serves a thousandth of a person from each of 1,500 places.
    places = 1_500
    case = make([[10_000]] * places, [None], {(i, 0): 60 for i in range(places)})
    solution = Solved(case, frozenset(), {(i, 0, 0): 1e-3 for i in range(places)})
    assert solution.settled() == Layout(frozenset(), {})


def test_what_whole_people_make_worse_than_was_held_proves_nothing_of_the_stages_after() -> None:
    # The search held the worst breach at 0.2 or less; whole people come to 0.21, and with that the sum may be smaller.
    found = Staged(bounds={"must.worst": 0.2, "must.sum": 2.1, "cost": 7.0}, held={"must.worst": 0.2, "must.sum": 2.1})
    assert still_proven(found, {"must.worst": 0.2, "must.sum": 2.1, "cost": 8}) == found.bounds
    assert still_proven(found, {"must.worst": 0.21, "must.sum": 2.05, "cost": 8}) == {"must.worst": 0.2}
