"""Lays out sites by how many of each price are open: the numbers prove, and a dive along the relaxation finds.

The linear relaxation of a siting problem opens parts of sites. That their number is whole, for all sites of one price
together, is one row, and it lifts the bound at once: 96.9 clinics are 97, and a station less is seven clinics more. So
the search branches on those numbers, of which there are few, and not on single sites, of which there are hundreds that
do as well as each other. A plan of such numbers is then found by a dive: the site that the relaxation opens most is
opened, the relaxation is solved again from where it was, and a site that makes the plan dearer than it may be is left
closed instead (Danna, Rothberg & Le Pape 2005, Mathematical Programming 102(1), call it guided diving).
"""

import heapq
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import ceil, floor, gcd, lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from allocate import stopping
from allocate.program import WHOLE_TOLERANCE, Floats, Instance, Objective, Program, Relaxation, Relaxed, branch
from allocate.rows import Key, Row

Columns = NDArray[np.int64]
# Least and most sites of every price.
Ranges = tuple[tuple[int, int], ...]
# Who hears of the cost at hand, of what no plan falls below, and of a better plan: a value for every column.
Hear = Callable[[Fraction | None, Fraction, Floats | None], None]
# Sites of one price are counted where there are as many as this, and the prices with most sites only.
_LEAST_ALIKE, _MOST_TALLIES = 2, 12
# Ends by count, not by clock: nodes of the search by numbers, relaxations solved in one dive, and dives.
_NODES, _DIVE, _MOST_DIVES = 120, 600, 12
# A problem with no more coefficients than this goes to branch and bound after so few nodes, for so many there.
_SMALL, _FEW_NODES, _SMALL_NODES = 20_000, 20, 2_000
# Sites left closed in a dive before it may become dearer by one step.
_PATIENCE = 80
# Rounds of adding implied rows that the relaxation violates, at one node, and how far it must violate them.
_CUT_ROUNDS, _VIOLATED = 8, 1e-4
# A plan this near to what is proven, as a share of its cost, is worth proving before a better one is looked for.
_NEAR = Fraction(2, 100)


@dataclass(frozen=True)
class Counted:
    """What was found.

    Attributes
    ----------
    values
        Value of every column of the program; None where no plan was found.
    cost, bound
        Its objective, and what no plan falls below.
    rows
        Names of the implied rows that helped: worth having from the start next time.
    relaxations
        How many relaxations were solved.
    stopped
        Whether the clock ended it.
    is_impossible
        Whether the rows are proven to leave no plan.
    """

    values: Floats | None
    cost: Fraction | None
    bound: Fraction
    rows: tuple[str, ...]
    relaxations: int
    stopped: bool
    is_impossible: bool = False


@dataclass(frozen=True, order=True)
class _Node:
    """Numbers of sites that are left to look at, and what no plan within them falls below."""

    bound: Fraction
    # Of nodes that promise as much, the one in which most is decided comes first: it is soonest ready for a dive.
    depth: int
    serial: int
    ranges: Ranges = field(compare=False)
    # Sites that are open, or closed, in all of its plans.
    decided: tuple[tuple[int, float], ...] = field(compare=False, default=())
    cuts: int = field(compare=False, default=0)
    is_dived: bool = field(compare=False, default=False)
    # Where the solver stood when it last looked nearby.
    basis: Any = field(compare=False, default=None)


class ByNumber:
    """A search by numbers over the program of one stage, whose clauses are kept."""

    def __init__(
        self, program: Program, objective: Objective, seed: int, rows: Collection[str] = (), hear: Hear | None = None
    ) -> None:
        instance, implied = program.instance(objective)
        self.objective = objective
        self.whole = np.flatnonzero(instance.whole)
        self.low, self.high = instance.low.copy(), instance.high.copy()
        self.prices: dict[int, Fraction] = {
            program.keys[key]: Fraction(price) for key, price in objective.terms.items() if price
        }
        self.scale = max((abs(float(price)) for price in objective.terms.values()), default=1.0) or 1.0
        self._instance, self._implied = instance, np.flatnonzero(implied)
        self._told = instance.rows(self._implied)
        self._given = set(rows)
        self._used: list[str] = []
        told = instance.rows(np.flatnonzero(~implied))
        self._first = len(told.row_low)
        self.tallies = _tallies(self.prices, instance, program.keys)
        counts = _count_rows(self.tallies, len(instance.low))
        self.relaxation = Relaxation(told, seed=seed)
        many = np.array([float(len(tally)) for tally in self.tallies])
        self.relaxation.add_rows(counts, np.zeros(len(many)), many)
        self._add_implied(np.array([name in self._given for name in self._told.row_names], dtype=bool))
        # Where everything that has a price is whole, a cost is a sum of prices, and only some numbers are sums.
        self._is_grained = all(instance.whole[c] or instance.low[c] == instance.high[c] for c in self.prices)
        self.relaxations = self.dives = 0
        self.cost: Fraction | None = None
        self.values: Floats | None = None
        self._deadline = float("inf")
        self._hear = hear
        self._is_told = True
        # Where the solver stood when it had looked at everything together.
        self._first_basis: Any = None

    def run(self, gap: float, seconds: float, hint: Collection[int] = ()) -> Counted:
        """Search until a plan is within the gap of what is proven, or the time is over.

        `hint` are columns of sites that an earlier plan opens.
        """
        self._deadline = time.monotonic() + seconds
        every: Ranges = tuple((0, len(tally)) for tally in self.tallies)
        least = Fraction(self.objective.constant) + sum(
            (price * Fraction(float(self.low[c] if price > 0 else self.high[c])) for c, price in self.prices.items()),
            Fraction(0),
        )
        hinted = np.array(sorted(hint), dtype=np.int64)
        open_nodes, serial = [_Node(least, 0, 0, every)], 0
        # Nodes that cannot be lifted any further; their bounds stand.
        settled: list[_Node] = []
        is_small = self._instance.matrix.nnz <= _SMALL
        for step in range(_FEW_NODES if is_small else _NODES):
            bound = _lowest(open_nodes, settled)
            if bound is not None:
                self._tell(bound)
            if bound is None or self._is_enough(bound, gap) or self._is_late() or not open_nodes:
                break
            if settled and self.cost is not None and open_nodes[0].bound >= self.cost:
                # (What is left is no cheaper than the plan at hand.)
                break
            node = heapq.heappop(open_nodes)
            relaxed = self._look_at(node)
            if relaxed.bound == float("inf"):
                continue
            if relaxed.values is None:
                settled.append(node)
                continue
            bound = max(node.bound, self._rounded_up(relaxed.bound, node.ranges))
            node = replace(node, bound=bound, serial=(serial := serial + 1), basis=self.relaxation.basis())
            if step == 0:
                self._first_basis = node.basis
                if len(hinted):
                    self._try(hinted)
            if any(bound > other.bound for other in open_nodes):
                heapq.heappush(open_nodes, node)
                continue
            halves = self._part(node, relaxed.values)
            if not halves and node.cuts < _CUT_ROUNDS and self._cut(relaxed.values):
                halves = [replace(node, cuts=node.cuts + 1)]
            elif not halves and not node.is_dived:
                lowest = min(bound, _lowest(open_nodes, settled) or bound)
                if not self._is_enough(lowest, gap):
                    self._dive_from(node, relaxed.values, lowest, gap, hinted)
                halves = [replace(node, is_dived=True)]
            elif not halves:
                halves = self._decide(node, relaxed.values)
            if not halves:
                settled.append(node)
            for half in halves:
                heapq.heappush(open_nodes, replace(half, serial=(serial := serial + 1)))
        lowest_left = _lowest(open_nodes, settled)
        is_impossible = lowest_left is None and self.cost is None
        bound = lowest_left if lowest_left is not None else (self.cost if self.cost is not None else least)
        is_left = is_small and not is_impossible and not stopping.is_asked()
        if is_left and not self._is_enough(bound, gap):
            bound, is_impossible = self._finish(bound, gap)
        if self.cost is not None:
            bound = min(bound, self.cost)
        return Counted(
            self.values, self.cost, bound, tuple(self._used), self.relaxations, self._is_late(), is_impossible
        )

    def insist(self, rows: Iterable[Row], keys: Mapping[Key, int]) -> None:
        """Let every plan keep more rows (at least so much); the search begins anew from where its solver first stood.

        The rows hold for every plan that is looked for: what was proven before holds still.
        """
        told = list(rows)
        lines = np.repeat(np.arange(len(told)), [len(row.terms) for row in told])
        columns = np.array([keys[key] for row in told for key in row.terms], dtype=np.int64)
        values = np.array([float(times) for row in told for times in row.terms.values()])
        matrix = sparse.csr_array((values, (lines, columns)), shape=(len(told), len(self.low)))
        low = np.array([float(row.bound) for row in told])
        high = np.full(len(told), np.inf)
        self.relaxation.add_rows(matrix, low, high)
        whole = self._instance
        whole.matrix = sparse.csr_array(sparse.vstack([whole.matrix, matrix], format="csr"))
        whole.row_low, whole.row_high = np.concatenate([whole.row_low, low]), np.concatenate([whole.row_high, high])
        whole.row_names += [f"insisted[{len(whole.row_names) + n}]" for n in range(len(told))]
        if self._first_basis is not None:
            self.relaxation.stand_at(self._first_basis)
        self.cost, self.values, self.dives = None, None, 0

    def _finish(self, bound: Fraction, gap: float) -> tuple[Fraction, bool]:
        """Leave the rest of a small problem to branch and bound; return the bound, and whether there is no plan."""
        found = branch(
            self._instance,
            seconds=max(0.1, self._deadline - time.monotonic()),
            gap=gap,
            presolve=True,
            start=self.values,
            nodes=_SMALL_NODES,
            apart=False,
        )
        if found.values is not None:
            self._keep(found.values)
        if found.bound == float("inf"):
            return bound, self.cost is None
        if found.bound == float("-inf"):
            return bound, False
        # (What it may lose in rounding is taken off, before the next sum of prices is taken.)
        proven = found.bound - WHOLE_TOLERANCE * max(1.0, abs(found.bound))
        return max(bound, self._rounded_up(proven, tuple((0, len(tally)) for tally in self.tallies))), False

    def _is_late(self) -> bool:
        return stopping.is_asked() or time.monotonic() > self._deadline

    def _is_enough(self, bound: Fraction, gap: float) -> bool:
        return self.cost is not None and self.cost - bound <= Fraction(gap) * abs(self.cost)

    def _solve(self) -> Relaxed:
        self.relaxations += 1
        return self.relaxation.solve(self._deadline - time.monotonic())

    def _enter(self, node: _Node) -> None:
        """Turn to some numbers of sites, every other site free."""
        low, high = self.low.copy(), self.high.copy()
        for column, value in node.decided:
            low[column] = high[column] = value
        now = self.relaxation.instance
        changed = np.flatnonzero((low != now.low) | (high != now.high))
        self.relaxation.set_columns(changed, low[changed], high[changed])
        for n, (least, most) in enumerate(node.ranges):
            self.relaxation.set_row(self._first + n, float(least), float(most))
        if node.basis is not None:
            self.relaxation.stand_at(node.basis)

    def _look_at(self, node: _Node) -> Relaxed:
        self._enter(node)
        return self._solve()

    def _rounded_up(self, bound: float, ranges: Ranges) -> Fraction:
        """Return the least cost that can be, and is no less than a proven bound in the solver's units."""
        proven = Fraction(bound) * Fraction(self.scale)
        if not self._is_grained:
            return proven
        certain = Fraction(self.objective.constant)
        counted: set[int] = set()
        for tally, (least, most) in zip(self.tallies, ranges, strict=True):
            if least == most:
                counted.update(tally.tolist())
                certain += self.prices[int(tally[0])] * least
        loose: set[Fraction] = set()
        for c, price in self.prices.items():
            if c in counted:
                continue
            if self.low[c] == self.high[c]:
                certain += price * Fraction(float(self.low[c]))
            else:
                loose.add(abs(price))
        if not loose:
            return max(proven, certain)
        grain = _common(loose)
        return certain + grain * ceil((proven - certain) / grain)

    def _part(self, node: _Node, values: Floats) -> list[_Node]:
        """Return the two halves of a node between which the numbers of the relaxation lie; none where all are whole.

        The dearest sites first: one of them more or less changes the plan most.
        """
        found: tuple[Fraction, int, float] | None = None
        for n, tally in enumerate(self.tallies):
            number = float(values[tally].sum())
            if abs(number - round(number)) > 1e-5 and node.ranges[n][0] < node.ranges[n][1]:
                price = abs(self.prices[int(tally[0])])
                if found is None or price > found[0]:
                    found = (price, n, number)
        if found is None:
            return []
        _, n, number = found
        least, most = node.ranges[n]
        halves = [(least, floor(number)), (floor(number) + 1, most)]
        return [
            replace(node, ranges=(*node.ranges[:n], half, *node.ranges[n + 1 :]), is_dived=False)
            for half in halves
            if half[0] <= half[1]
        ]

    def _decide(self, node: _Node, values: Floats) -> list[_Node]:
        """Return the two halves of a node in which one site is open, or closed: the one that matters most."""
        among = self._apart(values)
        if not len(among):
            return []
        price = np.array([abs(float(self.prices.get(int(c), 0))) for c in among])
        dearest = among[price >= price.max()]
        # (Nearest to a half first.)
        chosen = int(dearest[np.abs(values[dearest] - 0.5).argmin()])
        return [
            replace(
                node,
                decided=(*node.decided, (chosen, value)),
                depth=node.depth - 1,
                cuts=_CUT_ROUNDS - 2,
                is_dived=False,
            )
            for value in (1.0, 0.0)
        ]

    def _cut(self, values: Floats) -> bool:
        """Add the implied rows that the relaxation violates; tell whether there were any."""
        if not len(self._implied):
            return False
        activity = self._told.matrix @ values
        slack = np.maximum(activity - self._told.row_high, self._told.row_low - activity)
        wanted = slack > _VIOLATED * self._told.row_sizes()
        return self._add_implied(wanted)

    def _add_implied(self, wanted: NDArray[np.bool_]) -> bool:
        chosen = [int(r) for r in np.flatnonzero(wanted) if self._told.row_names[r] not in set(self._used)]
        if not chosen:
            return False
        rows = np.array(chosen, dtype=np.int64)
        self.relaxation.add_rows(
            sparse.csr_array(self._told.matrix[rows]), self._told.row_low[rows], self._told.row_high[rows]
        )
        self._used += [self._told.row_names[r] for r in chosen]
        return True

    def _apart(self, values: Floats) -> Columns:
        """Return the whole columns that a relaxation makes neither 0 nor 1."""
        return self.whole[np.minimum(values[self.whole], 1 - values[self.whole]) > WHOLE_TOLERANCE]

    def _try(self, hinted: Columns) -> None:
        """Look at what an earlier plan opens as it stands."""
        given = np.zeros(len(self.low))
        given[hinted] = 1.0
        fixed = np.clip(given[self.whole], self.low[self.whole], self.high[self.whole])
        self.relaxation.set_columns(self.whole, fixed, fixed)
        relaxed = self._solve()
        if relaxed.values is not None:
            self._keep(relaxed.values)

    def _keep(self, values: Floats) -> None:
        """Keep a plan if it is the best so far."""
        rounded = values.copy()
        rounded[self.whole] = np.round(values[self.whole])
        cost = Fraction(self.objective.constant) + sum(
            (price * Fraction(float(rounded[c])) for c, price in self.prices.items()), Fraction(0)
        )
        if self.cost is None or cost < self.cost:
            self.cost, self.values, self._is_told = cost, rounded, False

    def _tell(self, bound: Fraction) -> None:
        """Tell the cost at hand, what no plan falls below, and the plan where it was not told yet."""
        if self._hear is not None:
            self._hear(self.cost, bound, None if self._is_told else self.values)
            self._is_told = True

    def _dive_from(self, node: _Node, values: Floats, lowest: Fraction, gap: float, hinted: Columns) -> None:
        """Look for a plan of these numbers of sites: near an earlier plan first, and then anywhere."""
        enough = lowest / (1 - Fraction(gap)) if gap < 1 else lowest
        limit = max(node.bound, enough)
        free = np.setdiff1d(self.whole, hinted)
        # All that was open stays open; or nothing else opens; or neither.
        ways: list[tuple[Columns, float]] = [(hinted, 1.0), (free, 0.0)] if len(hinted) else []
        for columns, value in ways:
            self._enter(node)
            fixed = np.clip(np.full(len(columns), value), self.low[columns], self.high[columns])
            columns, fixed = _undecided(columns, fixed, node)
            self.relaxation.set_columns(columns, fixed, fixed)
            relaxed = self._solve()
            if relaxed.values is not None and self._rounded_up(relaxed.bound, node.ranges) <= limit:
                self._dive(node, relaxed, limit, is_strict=True)
                if self._is_enough(lowest, gap):
                    return
        # (While sites of a high price are open in part, it is sooner decided about them than dived past them.)
        is_near = self.cost is not None and self.cost - lowest <= _NEAR * abs(self.cost)
        if is_near and len({self.prices.get(int(c), 0) for c in self._apart(values)}) > 1:
            return
        if self.dives < _MOST_DIVES and (self.cost is None or limit < self.cost):
            self.dives += 1
            self._dive(node, self._look_at(node), limit, is_strict=False)

    def _dive(self, node: _Node, relaxed: Relaxed, limit: Fraction | float, *, is_strict: bool) -> None:
        """Open one site after the other until all are whole, and keep the plan.

        One that makes the plan dearer than the limit is closed instead. Where nothing helps, the limit rises by a
        step, unless it is strict.
        """
        last: int | None = None
        refused, closed = 0, list[int]()
        # The least by which the limit was passed: where it rises to.
        dearer: Fraction | float = float("inf")
        low, high = self.relaxation.instance.low, self.relaxation.instance.high

        def hold(columns: Columns, value: float) -> None:
            self.relaxation.set_columns(columns, np.full(len(columns), value), np.full(len(columns), value))

        for _ in range(_DIVE):
            if self._is_late():
                return
            bound = None if relaxed.values is None else self._rounded_up(relaxed.bound, node.ranges)
            if relaxed.values is None or (bound is not None and bound > limit):
                if bound is not None:
                    dearer = min(dearer, bound)
                if last is not None and refused < _PATIENCE:
                    hold(np.array([last], dtype=np.int64), 0.0)
                    closed.append(last)
                    refused, last = refused + 1, None
                    relaxed = self._solve()
                    continue
                if is_strict:
                    return
                # (What was closed for being too dear may open again, as soon as more may be spent.)
                if closed:
                    freed = np.array(closed, dtype=np.int64)
                    self.relaxation.set_columns(freed, self.low[freed], self.high[freed])
                    closed.clear()
                    relaxed = self._solve()
                    bound = None if relaxed.values is None else self._rounded_up(relaxed.bound, node.ranges)
                if relaxed.values is None or bound is None or dearer == float("inf"):
                    return
                limit, refused, dearer = max(dearer, bound), 0, float("inf")
            if self.cost is not None and limit >= self.cost:
                # (A plan that is no cheaper than the one at hand is none that is looked for.)
                return
            values = relaxed.values[self.whole]
            is_open = (low[self.whole] < high[self.whole]) & (values > WHOLE_TOLERANCE)
            apart = self.whole[is_open & (values < 1 - WHOLE_TOLERANCE)]
            if not len(apart):
                self._keep(relaxed.values)
                return
            full = self.whole[is_open & (values >= 1 - WHOLE_TOLERANCE)]
            hold(full, 1.0)
            price = np.array([abs(float(self.prices.get(int(c), 0))) for c in apart])
            dearest = apart[price >= price.max()]
            last = int(dearest[relaxed.values[dearest].argmax()])
            hold(np.array([last], dtype=np.int64), 1.0)
            relaxed = self._solve()


def _undecided(columns: Columns, values: Floats, node: _Node) -> tuple[Columns, Floats]:
    """Return the columns, with their values, that a node leaves open."""
    free = ~np.isin(columns, [column for column, _ in node.decided])
    return columns[free], values[free]


def _lowest(open_nodes: Iterable[_Node], settled: Iterable[_Node]) -> Fraction | None:
    """Return what no plan falls below; None where no numbers are left."""
    return min((node.bound for node in (*open_nodes, *settled)), default=None)


def _common(prices: Collection[Fraction]) -> Fraction:
    """Return the greatest number of which all prices are whole multiples.

    >>> _common({Fraction(810_000), Fraction(5_000_000)})
    Fraction(10000, 1)
    """
    below = lcm(*(price.denominator for price in prices))
    return Fraction(gcd(*(int(price * below) for price in prices)), below)


def _tallies(prices: Mapping[int, Fraction], instance: Instance, keys: Mapping[Key, int]) -> list[Columns]:
    """Return the columns that are counted together: free, whole, of one year and one price."""
    year_of = {c: key[-1] for key, c in keys.items() if c in prices}
    groups: dict[tuple[Fraction, Key], list[int]] = defaultdict(list)
    for c, price in prices.items():
        if instance.whole[c] and instance.low[c] < instance.high[c] and instance.high[c] <= 1:
            groups[price, (year_of[c],)].append(c)
    large = [sorted(members) for members in groups.values() if len(members) >= _LEAST_ALIKE]
    chosen = sorted(large, key=lambda members: (-len(members), members))[:_MOST_TALLIES]
    return [np.array(members, dtype=np.int64) for members in chosen]


def _count_rows(tallies: list[Columns], width: int) -> sparse.csr_array:
    """Return one row for every number."""
    rows = np.repeat(np.arange(len(tallies)), [len(tally) for tally in tallies])
    columns = np.concatenate([np.zeros(0, dtype=np.int64), *tallies])
    return sparse.csr_array((np.ones(len(columns)), (rows, columns)), shape=(len(tallies), width))
