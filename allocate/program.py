"""The only module that knows PuLP and its solvers: named rows in, proven values out.

A `Program` holds columns and rows as plain arrays. A stage is solved in a child process, which starts afresh (never
by fork of a process that has run HiGHS, which does not survive it), builds a PuLP problem, and streams every better
answer to the parent. The parent keeps the best answer and the best bound, so that ending the child loses nothing.

How a stage is solved: the start is completed (whole numbers fixed, the rest by a linear program); the linear
relaxation gives a bound; where the two differ, the start is improved; and where the gap is still too wide, branch and
bound goes on from there. Each step ends as soon as the gap asked for is reached.
"""

import logging
import math
import multiprocessing
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property, partial
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from types import MappingProxyType
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from allocate import stopping
from allocate.errors import AllocateError, NoPlanError, SolverMissingError
from allocate.gaps import HOLD_ABSOLUTE, HOLD_RELATIVE, OPTIMAL_GAP, relative_gap
from allocate.layout import Layout
from allocate.processes import deaf_children, end_quietly, without_main
from allocate.rows import Column, Key, Number, Row, Strength
from allocate.words import say

Floats = NDArray[np.float64]
SolverName = Literal["highs", "cbc"]
logger = logging.getLogger(__name__)

# A whole number that the solver returns must be this near to one.
WHOLE_TOLERANCE = 1e-6
# Where every value is whole, an answer this near to the bound is the best.
WHOLE_DISTANCE = 0.999
# A row must be kept this well, as a share of its largest coefficient.
_ROW_TOLERANCE = 1e-5
# What a held value may give way in any case: rounding must not shut out the very plan that reached it.
_HOLD_NOISE = Fraction(1, 10**7)
# Options that HiGHS knows; it ignores a misspelt one without a word.
_HIGHS_OPTIONS = frozenset({"random_seed", "solver", "mip_max_nodes", "run_crossover"})
# What a neighbourhood is searched without: neighbourhoods of its own, which take most of the time and gain little.
_PLAIN = frozenset({"mip_heuristic_run_rins", "mip_heuristic_run_root_reduced_cost"})
# What stays near the relaxation has been rounded by it as well.
_PLAINER = _PLAIN | {"mip_heuristic_run_rens"}
# A problem with no more coefficients than this is searched afresh. With a start, HiGHS (1.15.1) may simplify the best
# plan away and call the start optimal; without one it takes no longer, and the start is kept in any case.
_EASY_NONZEROS = 5_000
# A problem with more coefficients than this is searched in a process of its own, which can be ended at any moment.
_HERE_NONZEROS = 20_000
# A problem with more coefficients than this goes to HiGHS as arrays: PuLP takes 2.5 s to build two million of them.
_DIRECT_NONZEROS = 1_000_000
# So it is from these on in a quick look, of which PuLP's part would be a third.
_DIRECT_IN_A_HURRY = 20_000
# What of a gap a relaxation by interior points may leave unproven: its last steps are as long as any, and gain nothing.
_ROUGHLY = 0.02
# How closely HiGHS solves a relaxation by interior points unless it is told otherwise.
_CLOSELY = 1e-8
# Where more of the columns that are not whole have a price, a large relaxation is left to the simplex method.
_MOST_PRICED = 0.5
# How long an answer is waited for where none is known yet and a person asks to stop [s].
_FIRST_ANSWER = 2.0
# Grace after the time limit before the child is ended: solvers look at the clock now and then only.
_GRACE_SHARE, _GRACE_SECONDS = 0.1, 5.0
_IMPLIED_ROUNDS = 6
_NEIGHBOURHOOD_NODES = 20
# From how many coefficients on a neighbourhood is a small part of a problem, and what of the gap it may leave then:
# the last gains of each take most of its time, and are less than what the next ones gain.
_WIDE_NONZEROS, _WIDE_GAP = 100_000, 0.2
# How many columns a row may speak of and still say which belong together.
_LONG_ROW = 500
# Variables of places and sites, which are held while a neighbourhood that they are not in is searched.
_HELD = ("open", "opens", "moves", "serve", "served", "possibly")
# Rounds of neighbourhoods, and what one must gain, as a share of the value, for the next one to be gone.
_ROUNDS, _WORTH_A_ROUND = 3, 2e-4
# What of the time rounding the relaxation may take.
_ROUNDING_SHARE = 0.15


@dataclass(frozen=True)
class Options:
    """How to search.

    Attributes
    ----------
    seconds
        Longest search, per stage [s].
    gap
        Relative gap at which a stage ends.
    nodes
        Nodes of the search that improves the start.
    search_nodes
        Nodes of branch and bound after that.
    quick
        Whether to search in this very process, in a hurry: for a look at many possible districts.
    prove
        Whether to look for a bound, where a start is known that only is to be improved.
    """

    solver: SolverName = "highs"
    seconds: float = 60.0
    gap: float = 0.005
    threads: int = 2
    seed: int = 1
    # Enough to gain most of what there is to gain, and ended by count, not by clock: the same bytes every time.
    nodes: int = 500
    search_nodes: int = 1_000_000
    quick: bool = False
    prove: bool = True


@dataclass(frozen=True)
class Objective:
    """What a stage makes small.

    Attributes
    ----------
    terms, constant
        The value is the constant plus coefficient times variable.
    sees_links
        Whether implied rows help to prove it.
    """

    name: str
    terms: Mapping[Key, Number]
    constant: Number = 0
    sees_links: bool = False


@dataclass(frozen=True)
class Progress:
    """Where a stage stands, for a person who waits.

    Attributes
    ----------
    value
        A way to look up the variables of the best answer so far; None where there is none, or where it was told.
    plan
        A way to work out, in whole people and for the whole district, the plan that this answer comes to; likewise.
    """

    stage: str
    incumbent: float | None
    bound: float | None
    gap: float | None
    seconds: float
    value: Callable[[Key], float] | None = None
    plan: Callable[[], Layout] | None = None


@dataclass(frozen=True)
class Found:
    """What a stage found.

    Attributes
    ----------
    values
        Value of every column.
    objective, bound
        Value found, and what no plan can fall below.
    gap
        Their distance as a share of the value.
    stopped
        Whether the clock or a person ended it before its gap was reached.
    interrupted
        Whether a person ended it.
    log
        What the solver printed.
    """

    values: Floats
    objective: float
    bound: float
    gap: float
    seconds: float
    stopped: bool
    interrupted: bool = False
    log: str = ""


@dataclass
class Instance:
    """A problem as arrays, ready to travel to another process."""

    name: str
    cost: Floats
    offset: float
    low: Floats
    high: Floats
    whole: NDArray[np.bool_]
    matrix: sparse.csr_array
    row_low: Floats
    row_high: Floats
    column_names: list[str]
    row_names: list[str]

    def value(self, values: Floats) -> float:
        """Return the objective at a point."""
        return float(self.cost @ values) + self.offset

    def rows(self, chosen: NDArray[np.int64]) -> "Instance":
        """Return the problem with the chosen rows only."""
        return replace(
            self,
            matrix=self.matrix[chosen],
            row_low=self.row_low[chosen],
            row_high=self.row_high[chosen],
            row_names=[self.row_names[r] for r in chosen],
        )

    def fixed(self, free: NDArray[np.int64], values: Floats) -> "Instance":
        """Return the problem in the free columns only, all others held at their values."""
        held = values.copy()
        held[free] = 0.0
        activity = self.matrix @ held
        # A row that the values miss by noise alone must not make the rest impossible.
        now, noise = self.matrix @ values, WHOLE_TOLERANCE * self.row_sizes()
        row_low = np.where(self.row_low - now <= noise, np.minimum(self.row_low, now), self.row_low)
        row_high = np.where(now - self.row_high <= noise, np.maximum(self.row_high, now), self.row_high)
        inner = sparse.csr_array(self.matrix[:, free])
        touched = np.flatnonzero(np.diff(inner.indptr))
        return Instance(
            self.name,
            self.cost[free],
            self.value(held),
            self.low[free],
            self.high[free],
            self.whole[free],
            sparse.csr_array(inner[touched]),
            row_low[touched] - activity[touched],
            row_high[touched] - activity[touched],
            [self.column_names[c] for c in free],
            [self.row_names[r] for r in touched],
        )

    def loose(self, free: NDArray[np.int64], values: Floats) -> NDArray[np.int64]:
        """Return those of the free columns that can still move once all others are held at their values.

        A row that is kept only where each of its free columns is at the end that helps it most forces them there: the
        people whom a closed site would serve, for one (Brearley, Mitra & Williams 1975, Mathematical Programming 8).
        Columns that stand there already may be held as well, and nothing is lost.
        """
        held = values.copy()
        held[free] = 0.0
        inner = sparse.csr_array(self.matrix[:, free])
        row_of = np.repeat(np.arange(inner.shape[0]), np.diff(inner.indptr))
        low, high = self.low[free][inner.indices], self.high[free][inner.indices]
        ends = np.minimum(inner.data * low, inner.data * high), np.maximum(inner.data * low, inner.data * high)
        least, most = (np.bincount(row_of, part, minlength=inner.shape[0]) for part in ends)
        activity = self.matrix @ held
        noise = 1e-9 * self.row_sizes()
        up, down = least + activity >= self.row_high - noise, most + activity <= self.row_low + noise
        end = np.where((inner.data > 0) == up[row_of], low, high)
        forced = (up | down)[row_of] & (np.abs(values[free][inner.indices] - end) <= 1e-9)
        still = np.zeros(len(free), dtype=bool)
        still[inner.indices[forced]] = True
        return free[~still]

    def row_sizes(self) -> Floats:
        """Return one more than the largest coefficient of every row: what its slack is measured against."""
        sizes = np.ones(len(self.row_low))
        filled = np.flatnonzero(np.diff(self.matrix.indptr))
        sizes[filled] += np.maximum.reduceat(np.abs(self.matrix.data), self.matrix.indptr[filled]) if len(filled) else 0
        return sizes

    def holds(self, values: Floats) -> bool:
        """Tell whether values keep every range, row and whole number, within the solver's tolerance."""
        activity = self.matrix @ values
        slack = np.maximum(activity - self.row_high, self.row_low - activity)
        outside = np.maximum(values - self.high, self.low - values)
        apart = np.abs(values - np.round(values))[self.whole]
        return bool(
            (slack <= _ROW_TOLERANCE * self.row_sizes()).all()
            and (outside <= WHOLE_TOLERANCE).all()
            and (apart <= WHOLE_TOLERANCE).all()
        )


class Program:
    """Columns and rows under construction, and the search over them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._index: dict[Key, int] = {}
        self._low: list[float] = []
        self._high: list[float] = []
        self._whole: list[bool] = []
        self._names: list[str] = []
        self._row_names: dict[str, int] = {}
        self._row_low: list[float] = []
        self._row_high: list[float] = []
        self._implied: list[bool] = []
        self._starts: list[int] = [0]
        self._columns: list[int] = []
        self._values: list[float] = []
        self._short: dict[Strength, dict[Key, tuple[Number, float]]] = {}

    @property
    def keys(self) -> Mapping[Key, int]:
        """Return the position of every variable."""
        return self._index

    def add_columns(self, columns: Iterable[Column]) -> None:
        """Add variables.

        Raises
        ------
        AllocateError
            When a variable is there already or has no finite range.
        """
        for column in columns:
            if column.key in self._index:
                msg = f"the variable {column.key} is there already"
                raise AllocateError(msg)
            low, high = float(column.low), float(column.high)
            if not (math.isfinite(low) and math.isfinite(high) and low <= high):
                msg = f"the variable {column.key} has the range {low} to {high}"
                raise AllocateError(msg)
            self._index[column.key] = len(self._low)
            self._low.append(low)
            self._high.append(high)
            self._whole.append(column.whole)
            self._names.append(_name(column.key))

    def add_rows(self, family: str, rows: Iterable[Row]) -> None:
        """Add rows that must hold."""
        for row in rows:
            self._add(family, row)

    def add_rule(self, name: str, rows: Iterable[Row], strength: Strength, weight: float = 1.0) -> None:
        """Add the rows of a rule; policy gets a shortfall variable per row, physics none."""
        for row in rows:
            if strength is Strength.PHYSICS:
                self._add(name, row)
                continue
            if row.sense == "==":
                msg = f"the rule {name} asks for an equality, which has no single shortfall; give two rows"
                raise AllocateError(msg)
            key: Key = ("short", name, *row.about)
            least, most = self._activity(row.terms)
            room = float(row.bound) - least if row.sense == ">=" else most - float(row.bound)
            self.add_columns([Column(key, high=Fraction(max(0.0, room)))])
            terms = {**row.terms, key: 1 if row.sense == ">=" else -1}
            self._add(name, replace(row, terms=terms))
            self._short.setdefault(strength, {})[key] = (row.target, weight * row.times)

    def clause_objectives(self, strength: Strength) -> list[Objective]:
        """Return what the stages of a strength make small: the worst breach, then the weighted sum of breaches."""
        short = self._short.get(strength, {})
        if not short:
            return []
        worst: Key = ("worst", str(strength))
        shares = {key: 1 / Fraction(target) for key, (target, _) in short.items()}
        if worst not in self._index:
            most = max(Fraction(self._high[self._index[key]]) * share for key, share in shares.items())
            self.add_columns([Column(worst, high=max(most, Fraction(1)))])
            for key, share in shares.items():
                self._add("worst", Row((str(strength), *key[1:]), {worst: 1, key: -share}, ">=", 0))
        total = {key: shares[key] * Fraction(str(weight)) for key, (_, weight) in short.items()}
        return [Objective(f"{strength}.worst", {worst: 1}), Objective(f"{strength}.sum", total)]

    def hold(self, objective: Objective, value: Number, most: float = float("inf")) -> Number:
        """Hold an objective near its value in the stages to come, and return what it may come to there.

        It may give way by the tolerance of a stage, but not beyond `most`: what was proven within a gap stays so.
        """
        if value == 0 and self._never_negative(objective):
            # Nothing is missing: every part is zero, and stays so.
            self.fix(dict.fromkeys(objective.terms, 0))
            return 0
        tolerance = max(Fraction(str(HOLD_ABSOLUTE)), HOLD_RELATIVE * abs(Fraction(value)))
        limit = Fraction(value) + tolerance
        if most < limit:
            least = max(Fraction(str(HOLD_ABSOLUTE)), _HOLD_NOISE * abs(Fraction(value)))
            limit = max(Fraction(value) + least, Fraction(most))
        scale = max((abs(Fraction(c)) for c in objective.terms.values()), default=Fraction(1)) or Fraction(1)
        terms = {key: Fraction(coefficient) / scale for key, coefficient in objective.terms.items()}
        self._add("hold", Row((objective.name,), terms, "<=", (limit - Fraction(objective.constant)) / scale))
        return limit

    def _never_negative(self, objective: Objective) -> bool:
        lows = (self._low[self._index[key]] for key in objective.terms)
        return objective.constant == 0 and all(c > 0 for c in objective.terms.values()) and all(x >= 0 for x in lows)

    def fix(self, values: Mapping[Key, Number]) -> None:
        """Fix variables."""
        for key, value in values.items():
            self._low[self._index[key]] = self._high[self._index[key]] = float(value)

    def narrow(self, most: Mapping[Key, Number]) -> None:
        """Let variables be at most so much."""
        for key, value in most.items():
            n = self._index[key]
            self._high[n] = max(self._low[n], float(value))

    def instance(self, objective: Objective) -> tuple[Instance, NDArray[np.bool_]]:
        """Return the problem of a stage as arrays, scaled so that the largest cost is 1, and which rows are implied."""
        cost = np.zeros(len(self._low))
        for key, coefficient in objective.terms.items():
            cost[self._index[key]] = float(coefficient)
        matrix = sparse.csr_array(
            (
                np.array(self._values),
                np.array(self._columns, dtype=np.int32),
                np.array(self._starts, dtype=np.int32),
            ),
            shape=(len(self._row_low), len(self._low)),
        )
        instance = Instance(
            self.name,
            cost / self._scale(objective),
            float(objective.constant) / self._scale(objective),
            np.array(self._low),
            np.array(self._high),
            np.array(self._whole, dtype=bool),
            matrix,
            np.array(self._row_low),
            np.array(self._row_high),
            list(self._names),
            list(self._row_names),
        )
        return instance, np.array(self._implied, dtype=bool)

    def solve(
        self,
        objective: Objective,
        options: Options,
        start: Mapping[Key, Number | float] | None = None,
        neighbourhoods: Iterable[Iterable[Key]] = (),
        listen: Callable[[Progress], None] | None = None,
        *,
        only: Iterable[Key] = (),
        known: float = float("-inf"),
    ) -> Found:
        """Make an objective as small as the time allows.

        `start` gives values of variables; a whole number that it does not name is the least it can be, the rest is
        completed. `neighbourhoods` are sets of variables that are worth solving together while all others are held.
        `only` are variables to solve for first, all others held where they start, and `known` is a bound proven
        elsewhere: where the two come together, there is nothing else to search.
        Ending the search (Ctrl-C) keeps the best answer.

        Raises
        ------
        NoPlanError
            When nothing was found in the time given.
        SolverMissingError
            When the solver is not installed.
        """
        if options.solver == "cbc" and cbc_path() is None:
            raise SolverMissingError(say("solve.no_cbc"))
        instance, implied = self.instance(objective)
        begin = None
        if start is not None:
            begin = np.full(len(self._low), np.nan)
            for key, value in start.items():
                if key in self._index:
                    begin[self._index[key]] = float(value)
        near = [np.array(sorted(self._index[key] for key in keys), dtype=np.int64) for keys in neighbourhoods]
        never_held = np.array([n for key, n in self._index.items() if key[0] not in _HELD], dtype=np.int64)
        first = np.array(sorted(self._index[key] for key in only), dtype=np.int64)
        job = _Job(
            instance,
            implied if objective.sees_links else None,
            options,
            begin,
            near,
            never_held,
            first,
            known / self._scale(objective),
        )
        if not objective.sees_links:
            job.instance = instance.rows(np.flatnonzero(~implied))
        search = _Search(objective, self._scale(objective), options, listen, self._index)
        return search.run(job)

    def prove(
        self, objective: Objective, options: Options, *, nodes: int = 0, gap: float | None = None
    ) -> float | None:
        """Return what no plan falls below, from the linear relaxation with all its rows; None in too short a time.

        With `nodes` it is branch and bound that proves it, in so many nodes: for small programs. With a `gap`, the
        relaxation need not be proven any closer, which spares the last third of the time.

        It is solved by interior points: on four years of a district, that takes a tenth of what the simplex method
        takes. Their rounding is taken off (see `bound_by`), so that the bound holds whatever they are worth.
        """
        instance, implied = self.instance(objective)
        told = instance if objective.sees_links else instance.rows(np.flatnonzero(~implied))
        if nodes:
            searched = branch(told, seconds=options.seconds, threads=options.threads, seed=options.seed, nodes=nodes)
            return searched.bound * self._scale(objective) if np.isfinite(searched.bound) else None
        found = branch(
            told,
            seconds=options.seconds,
            gap=gap or 0.0,
            threads=options.threads,
            seed=options.seed,
            relax=True,
            inside=True,
        )
        if found.row_weights is None:
            return None
        bound = _weighed(told, found.row_weights) * self._scale(objective)
        return bound if np.isfinite(bound) else None

    def weigh_rows(self, objective: Objective, options: Options) -> Floats | None:
        """Return the weight of every row, in the order added, in the linear relaxation's bound of an objective.

        None where the time was too short. Implied rows are left out: they weigh nothing.
        """
        instance, implied = self.instance(objective)
        told = np.flatnonzero(~implied)
        # (Far from any start, the interior point method is quicker than the simplex method by much.)
        # (What a clause weighs in a conflict may be very little, so no gap is left.)
        asked = replace(options, gap=0.0)
        found = _run(instance.rows(told), asked, seconds=options.seconds, relax=True, inside=True).weights
        if found is None or len(found) != len(told):
            return None
        weights = np.zeros(len(implied))
        weights[told] = found * self._scale(objective)
        return weights

    def bound_by(self, objective: Objective, weights: Floats) -> float:
        """Return what weighted rows prove: no point in the ranges that keeps the rows has a smaller objective.

        It holds whatever the weights are, so a solver need not be believed: every row is weighed in the direction in
        which it binds, and every variable is where its range is best (Neumaier & Shcherbina 2004, Mathematical
        Programming 99(2)). What floats may lose in the sum is taken off.
        """
        instance, _ = self.instance(objective)
        whole = replace(instance, cost=instance.cost * self._scale(objective), offset=0.0)
        return _weighed(whole, weights) + float(objective.constant)

    def probe(
        self, objective: Objective, questions: Sequence[Mapping[Key, Number]], enough: float, options: Options
    ) -> Iterator["Probed"]:
        """Yield for each question, in their order, what no point falls below where some variables have those values.

        The linear relaxation is kept in the memory of a process of its own, and each question starts at its best
        corner, with the dual simplex method (Lemke 1954): the answer does not depend on what else is asked. A bound
        that is above `enough` needs no better one. Bounds are those of weighted rows (see `bound_by`), so that the
        solver need not be believed. Where the time ends (`options.seconds`), so do the answers.
        """
        scale = self._scale(objective)
        instance, implied = self.instance(objective)
        # (Where nothing looks at links, implied rows only make it slow.)
        instance = instance.rows(np.flatnonzero(~implied)) if instance.matrix.nnz > _HERE_NONZEROS else instance
        asked = [{self._index[key]: float(value) for key, value in one.items()} for one in questions]
        job = _Probing(instance, asked, enough / scale, options.threads, options.seed)
        ends = time.monotonic() + options.seconds
        with _child(job) as connection:
            try:
                while (left := ends - time.monotonic()) > 0 and connection.poll(left):
                    what, number, content = connection.recv()
                    if what != "answer":
                        if what == "failed":
                            logger.warning("the relaxation could not be kept: %s", content)
                        return
                    yield Probed(number * scale, content)
            except (EOFError, OSError):
                logger.warning("the process that kept the relaxation ended early")

    def least(
        self,
        objective: Objective,
        values: Mapping[Key, Number],
        options: Options,
        held: Mapping[Key, Number] = MappingProxyType({}),
    ) -> "Least":
        """Return the least objective where some variables have given values, by branch and bound.

        It ends by the count of its nodes (`options.search_nodes`), or at `options.gap`. `held` are more variables that
        are held, for a search that proves nothing of the whole.
        """
        scale = self._scale(objective)
        instance, _ = self.instance(objective)
        for key, value in (*held.items(), *values.items()):
            n = self._index[key]
            instance.low[n] = instance.high[n] = float(value)
        found = branch(
            instance,
            seconds=options.seconds,
            gap=options.gap,
            threads=options.threads,
            seed=options.seed,
            nodes=options.search_nodes,
        )
        kept = None if found.values is None else dict(zip(self._index, found.values.tolist(), strict=True))
        bound = found.bound * scale if not held else float("-inf")
        return Least(kept, bound, found.finished)

    def _scale(self, objective: Objective) -> float:
        return max((abs(float(c)) for c in objective.terms.values()), default=1.0) or 1.0

    def _add(self, family: str, row: Row) -> None:
        name = _name((family, *row.about))
        if name in self._row_names:
            msg = f"the row {name} is there already"
            raise AllocateError(msg)
        self._row_names[name] = len(self._row_low)
        index = self._index
        kept = {index[key]: float(coefficient) for key, coefficient in row.terms.items() if coefficient}
        self._columns.extend(kept)
        self._values.extend(kept.values())
        self._starts.append(len(self._columns))
        bound = float(row.bound)
        self._row_low.append(-np.inf if row.sense == "<=" else bound)
        self._row_high.append(np.inf if row.sense == ">=" else bound)
        self._implied.append(row.implied)

    def _activity(self, terms: Mapping[Key, Number]) -> tuple[float, float]:
        """Return the least and the most that a sum can be."""
        least = most = 0.0
        for key, coefficient in terms.items():
            ends = (
                float(coefficient) * self._low[self._index[key]],
                float(coefficient) * self._high[self._index[key]],
            )
            least += min(ends)
            most += max(ends)
        return least, most


@dataclass(frozen=True)
class Relaxed:
    """What a linear relaxation gave.

    Attributes
    ----------
    values
        A best point; None where there is none, or none was found in time.
    bound
        What its row weights prove (see `Program.bound_by`), in the instance's own units: plus infinity where they prove
        that nothing keeps the rows.
    """

    values: Floats | None
    bound: float


class Relaxation:
    """A linear relaxation that stays with the solver: ranges change, rows come, and it goes on from its last basis.

    It is solved in this very process, by the dual simplex method on one thread: the same steps give the same numbers.
    """

    def __init__(self, instance: Instance, *, seed: int = 1) -> None:
        import highspy

        self.instance = replace(
            instance,
            low=instance.low.copy(),
            high=instance.high.copy(),
            row_low=instance.row_low.copy(),
            row_high=instance.row_high.copy(),
            matrix=sparse.csr_array(instance.matrix),
            column_names=[],
            row_names=[],
        )
        highspy.Highs.resetGlobalScheduler(True)
        self._highs = highspy.Highs()
        for name, value in (("output_flag", False), ("threads", 1), ("random_seed", seed), ("solver", "simplex")):
            if self._highs.setOptionValue(name, value) != highspy.HighsStatus.kOk:
                msg = f"HiGHS does not take {name} = {value}"
                raise AllocateError(msg)
        _pass(self._highs, self.instance, np.zeros(len(instance.low), dtype=bool))

    def set_columns(self, columns: NDArray[np.int64], low: Floats, high: Floats) -> None:
        """Change the ranges of some columns."""
        if len(columns):
            self.instance.low[columns], self.instance.high[columns] = low, high
            self._highs.changeColsBounds(len(columns), columns.astype(np.int32), low.astype(float), high.astype(float))

    def set_row(self, row: int, low: float, high: float) -> None:
        """Change what a row may come to."""
        if (self.instance.row_low[row], self.instance.row_high[row]) != (low, high):
            self.instance.row_low[row], self.instance.row_high[row] = low, high
            self._highs.changeRowBounds(row, low, high)

    def add_rows(self, matrix: sparse.csr_array, low: Floats, high: Floats) -> None:
        """Add rows at the end."""
        if not len(low):
            return
        self.instance.matrix = sparse.csr_array(sparse.vstack([self.instance.matrix, matrix], format="csr"))
        self.instance.row_low = np.concatenate([self.instance.row_low, low])
        self.instance.row_high = np.concatenate([self.instance.row_high, high])
        self._highs.addRows(
            len(low),
            low.astype(float),
            high.astype(float),
            matrix.nnz,
            matrix.indptr[:-1].astype(np.int32),
            matrix.indices.astype(np.int32),
            matrix.data.astype(float),
        )

    def solve(self, seconds: float) -> Relaxed:
        """Solve it as it stands now."""
        import highspy

        self._highs.setOptionValue("time_limit", self._highs.getRunTime() + max(0.05, seconds))
        self._highs.run()
        status = self._highs.getModelStatus()
        if status == highspy.HighsModelStatus.kInfeasible:
            return Relaxed(None, self._refuted())
        if status != highspy.HighsModelStatus.kOptimal:
            return Relaxed(None, float("-inf"))
        solution = self._highs.getSolution()
        return Relaxed(np.array(solution.col_value), _weighed(self.instance, np.array(solution.row_dual)))

    def basis(self) -> Any:
        """Return where the solver stands, to go on from later."""
        return self._highs.getBasis()

    def stand_at(self, basis: Any) -> None:
        """Go back to where the solver stood; rows that came since then take part as slack."""
        import highspy

        again = highspy.HighsBasis()
        again.col_status = basis.col_status
        missing = len(self.instance.row_low) - len(basis.row_status)
        again.row_status = [*basis.row_status, *([highspy.HighsBasisStatus.kBasic] * missing)]
        again.valid = True
        self._highs.setBasis(again)

    def _refuted(self) -> float:
        """Return plus infinity where some weights prove that nothing keeps the rows, as they should; else minus."""
        _, is_there, ray = self._highs.getDualRay()
        if is_there:
            bare = replace(self.instance, cost=np.zeros(len(self.instance.cost)), offset=0.0)
            if max(_weighed(bare, np.array(ray)), _weighed(bare, -np.array(ray))) > 0:
                return float("inf")
        return float("-inf")


@dataclass(frozen=True)
class Probed:
    """What a question of a relaxation came to.

    Attributes
    ----------
    bound
        What no point falls below; infinity where there is none.
    rows
        Names of the rows that weigh most in the proof, the heaviest first.
    """

    bound: float
    rows: tuple[str, ...] = ()


@dataclass(frozen=True)
class Least:
    """What branch and bound found where some variables are held.

    Attributes
    ----------
    values
        The best point, by variable; None where none was found.
    bound
        What none falls below: the solver's word; infinity where it says that there is none.
    finished
        Whether the search ended by itself.
    """

    values: Mapping[Key, float] | None
    bound: float
    finished: bool


def _weighed(instance: Instance, weights: Floats) -> float:
    """Return what weighted rows prove of an objective, whatever the weights are: see `Program.bound_by`."""
    upward = np.where(np.isfinite(instance.row_low), np.maximum(weights, 0.0), 0.0)
    downward = np.where(np.isfinite(instance.row_high), np.minimum(weights, 0.0), 0.0)
    parts = [
        upward * np.where(upward > 0, instance.row_low, 0.0),
        downward * np.where(downward < 0, instance.row_high, 0.0),
    ]
    rest = instance.cost - instance.matrix.T @ (upward + downward)
    ends = np.minimum(rest * instance.low, rest * instance.high)
    # What a cost loses in rounding is measured against the sums that it came from.
    sums = abs(instance.matrix).T @ np.abs(upward + downward)
    size = float(sum(np.abs(part).sum() for part in parts) + (sums * np.abs(instance.high)).sum())
    # (Where the weights are next to nothing, what is left of the costs is all that the sum may lose.)
    size += float(np.abs(ends).sum()) + abs(instance.offset)
    return float(sum(part.sum() for part in parts) + ends.sum()) + instance.offset - 1e-14 * size


def _name(key: Key) -> str:
    """Return a name that every solver's file format takes, such as open[12,0]."""
    head, *rest = (str(part).replace(" ", "_") for part in key)
    return f"{head}[{','.join(rest)}]" if rest else head


class _Work(Protocol):
    """What a child process can be asked to do."""

    def run(self, report: Callable[..., object]) -> None:
        """Do it, and report what comes of it: better answers, bounds, a log."""


@dataclass
class _Job:
    """The stage that the child is asked to solve."""

    instance: Instance
    implied: NDArray[np.bool_] | None
    options: Options
    start: Floats | None
    neighbourhoods: list[NDArray[np.int64]]
    # What belongs to no place and no site, such as a shortfall or a sum: a neighbourhood leaves it free.
    never_held: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    # What is solved for first, and what is proven before any search.
    only: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    bound: float = float("-inf")

    def run(self, report: Callable[..., object]) -> None:
        """Solve it."""
        _Solver(self, report).run()


@dataclass
class _Probing:
    """A relaxation that a child process keeps in memory, and the questions that it is asked."""

    instance: Instance
    # The values of some columns, by question.
    questions: list[dict[int, float]]
    enough: float
    threads: int
    seed: int

    def run(self, report: Callable[..., object]) -> None:
        """Solve it once, then answer one question after the other from there."""
        import highspy

        instance = self.instance
        highs = _relaxed_in_memory(instance, self.threads, self.seed)
        if instance.matrix.nnz > _HERE_NONZEROS:
            # (Far from any start, interior points are quicker by much; the corner next to theirs is the start.)
            _set(highs, solver="ipm", presolve="choose", run_crossover="on")
            highs.run()
            _set(highs, solver="simplex", presolve="off", simplex_iteration_limit=_STEPS)
        highs.run()
        if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            # (Where nothing keeps the rows, nothing keeps them with more asked.)
            bound = self._none_left(highs, instance)
            for _ in self.questions:
                report("answer", bound)
            return
        basis = highs.getBasis()
        weights = np.array(highs.getSolution().row_dual)
        whole = _weighed(instance, weights)
        rest = instance.cost - instance.matrix.T @ weights
        for question in self.questions:
            bound = whole + sum(
                rest[c] * value - min(rest[c] * instance.low[c], rest[c] * instance.high[c])
                for c, value in question.items()
            )
            # (What the sum of floats may lose is small beside what is asked: see `_weighed`, which is asked anew.)
            if bound > self.enough:
                bound = _weighed(self._with(question), weights)
            if bound > self.enough:
                report("answer", bound, _heaviest(instance, weights))
                continue
            report("answer", *self._answer(highs, basis, question, bound))

    def _answer(
        self, highs: Any, basis: Any, question: Mapping[int, float], known: float
    ) -> tuple[float, tuple[str, ...]]:
        import highspy

        for c, value in question.items():
            highs.changeColBounds(c, value, value)
        highs.setBasis(basis)
        highs.run()
        held, status = self._with(question), highs.getModelStatus()
        bound, rows = known, tuple[str, ...]()
        if status == highspy.HighsModelStatus.kInfeasible:
            bound, rows = max(known, self._none_left(highs, held)), self._reasons(highs)
        elif (solution := highs.getSolution()).dual_valid:
            weights = np.array(solution.row_dual)
            bound, rows = max(known, _weighed(held, weights)), _heaviest(held, weights)
        for c in question:
            highs.changeColBounds(c, self.instance.low[c], self.instance.high[c])
        return bound, rows

    def _with(self, question: Mapping[int, float]) -> Instance:
        low, high = self.instance.low.copy(), self.instance.high.copy()
        for c, value in question.items():
            low[c] = high[c] = value
        return replace(self.instance, low=low, high=high)

    def _none_left(self, highs: Any, instance: Instance) -> float:
        """Return infinity where weighted rows prove that no point keeps them all (Farkas 1902), else minus infinity."""
        ray = self._ray(highs)
        if ray is None:
            return float("-inf")
        free = replace(instance, cost=np.zeros(len(instance.cost)), offset=0.0)
        shown = max(_weighed(free, ray), _weighed(free, -ray))
        return float("inf") if shown > 0 else float("-inf")

    def _ray(self, highs: Any) -> Floats | None:
        _, known, ray = highs.getDualRay()
        return np.array(ray) if known else None

    def _reasons(self, highs: Any) -> tuple[str, ...]:
        ray = self._ray(highs)
        return () if ray is None else _heaviest(self.instance, ray)


# Rows of a proof that are named, and the steps of the simplex method that a question may take.
_NAMED_ROWS, _STEPS = 5, 50_000


def _heaviest(instance: Instance, weights: Floats) -> tuple[str, ...]:
    """Return the names of the rows that weigh most in a proof."""
    share = np.abs(weights) * instance.row_sizes()
    order = np.argsort(-share, kind="stable")[:_NAMED_ROWS]
    return tuple(instance.row_names[n] for n in order.tolist() if share[n] > 0)


def _relaxed_in_memory(instance: Instance, threads: int, seed: int) -> Any:
    """Return HiGHS with the linear relaxation of a problem, to be solved again and again."""
    import highspy

    highspy.Highs.resetGlobalScheduler(True)
    highs = highspy.Highs()
    # (Presolve would forget the corner from which the next question starts.)
    _set(highs, output_flag=False, threads=threads, random_seed=seed, presolve="off", solver="simplex")
    _pass(highs, instance, np.zeros(len(instance.low), dtype=bool))
    return highs


def _pass(highs: Any, instance: Instance, whole: NDArray[np.bool_]) -> None:
    """Hand a problem to HiGHS as arrays; `whole` says which of its columns are whole numbers."""
    import highspy

    matrix = sparse.csr_array(instance.matrix)
    highs.passModel(
        len(instance.low),
        len(instance.row_low),
        matrix.nnz,
        int(highspy.MatrixFormat.kRowwise),
        int(highspy.ObjSense.kMinimize),
        float(instance.offset),
        instance.cost,
        instance.low,
        instance.high,
        instance.row_low,
        instance.row_high,
        matrix.indptr.astype(np.int32),
        matrix.indices.astype(np.int32),
        matrix.data.astype(float),
        whole.astype(np.int32),
    )


def _set(highs: Any, **options: object) -> None:
    """Set options of HiGHS, which ignores what it does not know without a word."""
    import highspy

    for name, value in options.items():
        if highs.setOptionValue(name, value) != highspy.HighsStatus.kOk:
            msg = f"HiGHS does not take {name} = {value}"
            raise AllocateError(msg)


@dataclass
class _Search:
    """The parent's side of a stage: listens to the child, keeps the best, watches the clock."""

    objective: Objective
    scale: float
    options: Options
    listen: Callable[[Progress], None] | None
    keys: Mapping[Key, int] = field(default_factory=dict)
    values: Floats | None = None
    # Whether the best answer was told to whoever listens.
    is_told: bool = True
    cost: float = float("inf")
    bound: float = float("-inf")
    # The first bound comes from the ranges of the variables alone.
    safe_bound: float = float("inf")
    interrupted: bool = False
    log: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    # When it was first seen that it is to stop.
    asked: float = 0.0

    def run(self, job: _Job) -> Found:
        """Have a child process solve the job, or do it here where that is asked for."""
        if self.options.quick:
            job.run(lambda what, number=0.0, content=None: self._take((what, number, content)))
            return self._found()
        ended = False
        with _child(job) as connection:
            limit = self.options.seconds * (1 + _GRACE_SHARE) + _GRACE_SECONDS
            try:
                while not ended and (left := limit - self._seconds()) > 0:
                    if connection.poll(min(left, stopping.LOOK if stopping.is_heeded() else 0.5)):
                        ended = self._take(connection.recv())
                    self._tell()
                    if self._is_to_stop():
                        self.interrupted = True
                        break
            except (EOFError, OSError):
                # (Half a message is an OSError.)
                logger.warning("the solver's process ended early; its best answer is kept")
            except KeyboardInterrupt:
                if stopping.is_asked():
                    # (Whoever asks twice wants no plan.)
                    raise
                logger.warning("stopped by hand; the best answer so far is kept")
                self.interrupted = True
        return self._found()

    def _is_to_stop(self) -> bool:
        """Tell whether a person asked to stop, and there is an answer, or none comes soon."""
        if not stopping.is_asked():
            return False
        self.asked = self.asked or time.monotonic()
        return self.values is not None or time.monotonic() - self.asked > _FIRST_ANSWER

    def _found(self) -> Found:
        if self.values is None:
            raise NoPlanError(say("solve.none", stage=self.objective.name, seconds=round(self._seconds(), 1)))
        if self.bound > self.cost + max(HOLD_ABSOLUTE, OPTIMAL_GAP * abs(self.cost)):
            # The answer was rechecked, so the bound is wrong; none of the solver's bounds can be believed.
            logger.warning("the solver's bound lies above a plan that it found; the bound is dropped")
            self.bound = self.safe_bound
        value, bound = self._shown(self.cost), self._shown(self.bound)
        gap = relative_gap(value, bound)
        stopped = gap > self.options.gap + 1e-9
        return Found(
            self.values, value, min(bound, value), gap, self._seconds(), stopped, self.interrupted, "".join(self.log)
        )

    def _take(self, message: tuple[str, Any, Any]) -> bool:
        what, number, content = message
        if what == "better" and number < self.cost:
            self.cost, self.values, self.is_told = number, content, False
        elif what == "bound":
            self.bound, self.safe_bound = max(self.bound, number), min(self.safe_bound, number)
        elif what == "log":
            self.log.append(content)
        elif what == "failed" and self.values is None:
            raise AllocateError(content)
        elif what == "failed":
            logger.warning("the search failed; its best answer is kept: %s", content)
        return what in {"done", "failed"}

    def _tell(self) -> None:
        if self.listen is None:
            return
        known = self.values is not None
        value = self._shown(self.cost) if known else None
        bound = self._shown(self.bound) if np.isfinite(self.bound) else None
        gap = relative_gap(value, bound) if value is not None and bound is not None else None
        look_up = None if self.is_told or self.values is None else partial(_at, self.keys, self.values)
        self.is_told = True
        self.listen(Progress(self.objective.name, value, bound, gap, self._seconds(), look_up))

    def _shown(self, cost: float) -> float:
        return cost * self.scale

    def _seconds(self) -> float:
        return time.monotonic() - self.began


def _at(keys: Mapping[Key, int], values: Floats, key: Key) -> float:
    """Return the value of a variable; 0 of one that the program does not have."""
    place = keys.get(key)
    return 0.0 if place is None else float(values[place])


def afresh() -> SpawnContext | ForkServerContext:
    """Return how processes are started that share nothing with this one.

    Linux forks them from a server that has read the solver's modules but never solved: a plan asks for dozens, and to
    read the modules takes each longer than most of what it solves. Elsewhere each starts from nothing.
    """
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    # (Windows has neither.)
    from multiprocessing import forkserver, resource_tracker

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "pulp", "highspy"])
    # (The tracker hears Ctrl-C again once it has begun: it begins first.)
    resource_tracker.ensure_running()
    with deaf_children():
        forkserver.ensure_running()
    return context


@contextmanager
def _child(job: _Work) -> Iterator[Connection]:
    """Run a job in a fresh process; end it on the way out."""
    context = afresh()
    here, there = context.Pipe()
    process = context.Process(target=_work, args=(there, job, dict(os.environ)), daemon=True)
    with without_main():
        process.start()
    there.close()
    try:
        yield here
    finally:
        here.close()
        if process.is_alive():
            _end(process)
        process.join(5)
        if process.is_alive():
            process.kill()
            process.join()
        process.close()


def _end(process: BaseProcess) -> None:
    """End a child, and with it a solver that it may have started."""
    assert process.pid is not None
    try:
        os.killpg(process.pid, signal.SIGTERM)
    except (AttributeError, OSError):
        # It leads no group of its own: on Windows, or because it has only just begun.
        process.terminate()


@contextmanager
def workers(most: int, jobs: int) -> Iterator[ProcessPoolExecutor]:
    """Give processes of their own for some jobs, at most so many at a time; each starts afresh.

    Where a person asks to stop (see `as_they_end`), or what needs them fails, they are ended at once.
    """
    others = set(multiprocessing.active_children())
    with without_main(), ProcessPoolExecutor(min(most, jobs), afresh(), end_quietly) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in set(multiprocessing.active_children()) - others:
                process.kill()
            raise


def as_they_end[T](jobs: Iterable[Future[T]]) -> Iterator[Future[T]]:
    """Yield jobs of such processes as they end.

    Raises
    ------
    Stopped
        When a person asks to stop.
    """
    waiting = set(jobs)
    while waiting:
        done, waiting = wait(waiting, stopping.LOOK, FIRST_COMPLETED)
        if any(isinstance(one.exception(), BrokenProcessPool) for one in done):
            # (Ctrl-C reaches all processes of a terminal: those here may have ended before it was heard.)
            time.sleep(stopping.LOOK)
        stopping.heed()
        yield from done


def _work(connection: Connection, job: _Work, environment: Mapping[str, str]) -> None:
    """Do a job: the whole life of the child process."""
    # A server keeps the environment in which it began.
    os.environ.clear()
    os.environ.update(environment)
    # Ctrl-C reaches both processes; the parent decides. A group of its own takes a solver along at its end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "setsid"):
        os.setsid()
    threading.Thread(target=_end_with_parent, args=(connection,), daemon=True).start()

    def report(what: str, number: float = 0.0, content: Any = None) -> None:
        connection.send((what, number, content))

    try:
        job.run(report)
        report("done")
    except (BrokenPipeError, ConnectionResetError):
        return
    except Exception as error:
        logger.exception("the search failed")
        report("failed", content=f"{type(error).__name__}: {error}")


def _end_with_parent(connection: Connection) -> None:
    """Wait until the parent is gone, however it ended, and go too. (It says nothing until then.)"""
    try:
        connection.recv()
    except (EOFError, OSError):
        if hasattr(os, "killpg"):
            os.killpg(os.getpgrp(), signal.SIGKILL)
        os._exit(1)


class _Solver:
    """The child's side of a stage."""

    def __init__(self, job: _Job, report: Callable[..., object]) -> None:
        self.job = job
        self.report = report
        self.instance = job.instance
        self.values: Floats | None = None
        self.cost = float("inf")
        self.bound = float("-inf")
        self.relaxed: Floats | None = None
        self.deadline = time.monotonic() + job.options.seconds

    def run(self) -> None:
        """Complete, bound, improve, search; stop as soon as the gap is reached."""
        # Whatever happens, no plan falls below what the ranges of the variables allow.
        ends = np.minimum(self.instance.cost * self.instance.low, self.instance.cost * self.instance.high)
        self._bounded(float(ends.sum()) + self.instance.offset)
        self._bounded(self.job.bound)
        known = None if self.job.start is None else self._known(self.job.start)
        if known is not None:
            self._better(known)
            # A plan as it stands gets no better by its other numbers where those have no price.
            has_price = self.instance.cost[~self.instance.whole].any() and not len(self.job.only)
            if self.values is None or has_price:
                self._complete(known)
            if self.values is not None and len(self.job.only):
                self._resolve(self.instance, self.job.only, self.job.options.nodes)
                if self._reached():
                    return
        if self.job.options.prove or self.values is None:
            self._relax()
        if not self.instance.whole.any() or self._reached():
            return
        if self.values is not None:
            self._improve()
        if not self._reached() and self.job.options.search_nodes:
            self._search()

    def _left(self) -> float:
        return max(0.0, self.deadline - time.monotonic())

    def _reached(self) -> bool:
        if self.values is None:
            return False
        return self.cost - self.bound <= max(self.job.options.gap * abs(self.cost), HOLD_ABSOLUTE)

    def _better(self, values: Floats) -> None:
        """Keep an answer if it is better, and only if it keeps every row, whoever says so."""
        # What is all but a whole number is one: the noise would add up from neighbourhood to neighbourhood.
        near = np.round(values)
        for answer in (np.where(np.abs(values - near) <= WHOLE_TOLERANCE, near, values), values):
            cost = self.job.instance.value(answer)
            if cost < self.cost - 1e-12 and self.job.instance.holds(answer):
                self.cost, self.values = cost, answer
                self.report("better", cost, answer)
                return

    def _bounded(self, bound: float) -> None:
        if np.isfinite(bound) and bound > self.bound:
            self.bound = bound
            self.report("bound", bound)

    def _known(self, start: Floats) -> Floats:
        """Return the values of a start, inside their ranges; what it does not name is at its least."""
        named = np.where(self.instance.whole, np.round(start), start)
        return np.clip(np.where(np.isfinite(start), named, self.instance.low), self.instance.low, self.instance.high)

    def _complete(self, known: Floats) -> None:
        """Fix the whole numbers of the start and find the rest."""
        begin = np.where(self.instance.whole, known, self.instance.low)
        free = np.flatnonzero(~self.instance.whole)
        # However short the time, a good start is not lost for want of it.
        seconds = max(self._left(), _GRACE_SECONDS)
        answer = _run(self.instance.fixed(free, begin), self.job.options, seconds=seconds, relax=True)
        if answer.values is not None:
            values = begin.copy()
            values[free] = answer.values
            self._better(values)

    def _relax(self) -> None:
        """Solve the linear relaxation; where implied rows help, add those that it violates and solve again."""
        options = self.job.options
        # (Without whole numbers nothing is implied.)
        implied = self.job.implied if self.instance.whole.any() else None
        active = np.flatnonzero(~implied) if implied is not None else np.arange(len(self.instance.row_low))
        full, full_size = self.instance, self.instance.matrix.nnz
        # (Of a large problem, the rounds after the first take longer than they are worth.)
        rounds = 1 if implied is None or full_size > _DIRECT_NONZEROS else _IMPLIED_ROUNDS
        for round_ in range(rounds):
            # (Where neighbourhoods are searched next, only its bound is wanted.)
            inside = implied is None and bool(self.job.neighbourhoods) and self._is_wide and self.values is not None
            answer = _run(full.rows(active), options, seconds=self._left(), relax=True, inside=inside)
            if answer.bound is not None:
                self._bounded(answer.bound)
            if answer.values is None or answer.bound is None:
                break
            self.relaxed = answer.values
            if not full.whole.any():
                self._better(answer.values)
            if implied is None or round_ == rounds - 1 or self._reached():
                break
            activity = full.matrix @ answer.values
            slack = np.maximum(activity - full.row_high, full.row_low - activity)
            wanted = np.flatnonzero(implied & (slack > 1e-4 * full.row_sizes()))
            fresh = np.setdiff1d(wanted, active)
            if not len(fresh):
                break
            active = np.sort(np.concatenate([active, fresh]))
        self.instance = full.rows(active)

    def _improve(self) -> None:
        """Solve again for a part of the columns, all others held.

        One neighbourhood after the other, where there are any: they gain most of what there is. Else first the columns
        that the relaxation leaves open, then those in which relaxation and answer differ: where they agree, both are
        most likely right (Danna, Rothberg & Le Pape 2005, Mathematical Programming 102(1)).
        """
        # Where links matter, and in a large problem, all columns differ a little, and those would be the whole problem
        # again; and one round is all that there is time for.
        is_small = self.job.implied is None and self.instance.matrix.nnz <= _DIRECT_NONZEROS
        if self.job.neighbourhoods or not is_small:
            self._go_round(_ROUNDS if is_small and not self._is_wide else 1)
            return
        self._round()
        if self.relaxed is not None and self.values is not None and not self._reached():
            apart = np.abs(self.relaxed - self.values) > WHOLE_TOLERANCE
            self._resolve(self.instance, np.flatnonzero(apart | ~self.instance.whole), self.job.options.nodes)

    def _go_round(self, rounds: int) -> None:
        """Solve one neighbourhood after the other, round after round, as long as a round gains enough."""
        for _ in range(rounds):
            before = self.cost
            self._go_once_round()
            if before - self.cost <= _WORTH_A_ROUND * abs(self.cost):
                return

    def _go_once_round(self) -> None:
        free = self.job.never_held
        if self.job.implied is None and self.job.neighbourhoods:
            # Without links a search is quick: what lies in no neighbourhood may move in the first of them.
            outside = np.ones(len(self.instance.low), dtype=bool)
            outside[np.concatenate(self.job.neighbourhoods)] = False
            free = np.union1d(free, np.flatnonzero(outside))
        for number, members in enumerate(self.job.neighbourhoods):
            if self._reached() or self._left() <= 0:
                return
            # What has nothing to do with a neighbourhood is decided once, with the first, or by other stages where
            # links matter: most of the time would go into finding again that it is best as it is.
            is_first = not number and self.job.implied is None
            beside = self._beside(members, free) if self._is_wide and not is_first else free
            # Few rows are touched, so all of them help.
            self._resolve(self.job.instance, np.union1d(members, beside), _NEIGHBOURHOOD_NODES)

    def _beside(self, members: NDArray[np.int64], free: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return which of some columns may move with a neighbourhood: those that share a row with it, or are not whole.

        A row that speaks of much of the problem, such as what all may cost, brings nothing together.
        """
        inside = np.zeros(len(self.instance.low))
        inside[members] = 1.0
        rows = self._short_rows @ inside > 0
        shared = self._short_rows.T @ rows.astype(float) > 0
        found: NDArray[np.int64] = free[shared[free] | ~self.job.instance.whole[free]]
        return found

    @cached_property
    def _short_rows(self) -> sparse.csr_array:
        """Return which columns stand in rows that are not long: 1 where they do."""
        found = sparse.csr_array(self.job.instance.matrix)
        sizes = np.diff(found.indptr)
        found.data = np.repeat((sizes <= _LONG_ROW).astype(float), sizes)
        return found

    @property
    def _is_wide(self) -> bool:
        """Tell whether a neighbourhood is a small part of the problem."""
        return bool(self.job.instance.matrix.nnz > _WIDE_NONZEROS)

    def _round(self) -> None:
        """Solve for the whole numbers that the relaxation leaves open, all others held as it has them.

        Few are open where the relaxation is tight, and what they leave is close to it (Berthold 2014, Journal of
        Heuristics 20(1)).
        """
        if self.relaxed is None:
            return
        near = np.round(self.relaxed)
        settled = self.instance.whole & (np.abs(self.relaxed - near) <= WHOLE_TOLERANCE)
        if not settled.any():
            return
        held = np.where(settled, near, self.relaxed)
        free = np.flatnonzero(~settled)
        inner = self.instance.fixed(free, held)
        options = replace(self.job.options, gap=max(OPTIMAL_GAP, self.job.options.gap / 4))
        answer = _run(inner, options, seconds=self._left() * _ROUNDING_SHARE, nodes=self.job.options.nodes)
        if answer.values is not None:
            values = held.copy()
            values[free] = answer.values
            self._better(values)

    def _resolve(self, instance: Instance, free: NDArray[np.int64], nodes: int) -> None:
        """Solve for the free columns, and keep the answer if it is better."""
        assert self.values is not None
        # (What is held counts too: a share of the whole may be more than one neighbourhood can gain.)
        in_a_hurry = self.job.options.quick or self.job.implied is not None
        part = 1 / 2 if in_a_hurry else _WIDE_GAP if self._is_wide else 0.0
        gap = max(OPTIMAL_GAP, self.job.options.gap * part)
        options = replace(self.job.options, gap=gap, threads=1)
        free = instance.loose(free, self.values)
        inner = instance.fixed(free, self.values)
        if self.job.implied is not None and self._is_wide:
            found = self._near_relaxed(inner, self.values[free], options, nodes)
        else:
            start, seconds = self.values[free], self._left() / 2
            found = _run(inner, options, seconds=seconds, nodes=nodes, start=start, one_of_many=self._is_wide).values
        if found is not None:
            values = self.values.copy()
            values[free] = found
            self._better(values)

    def _near_relaxed(self, inner: Instance, known: Floats, options: Options, nodes: int) -> Floats | None:
        """Return an answer near the linear relaxation; None where that shows that there is little to gain, or fails.

        Where links matter, a part of the district has hundreds of whole numbers, of which its relaxation leaves some
        dozen open: these alone are searched (Berthold 2014, as in `_round`), or, where the others cannot be as the
        relaxation has them, those in which it differs from what is known (Danna, Rothberg & Le Pape 2005).
        """
        relaxed = _run(inner, options, seconds=self._left() / 2, relax=True, one_of_many=True).values
        now = inner.value(known)
        if relaxed is None or now - inner.value(relaxed) <= options.gap * abs(now):
            return None
        near = np.round(relaxed)
        settled = inner.whole & (np.abs(relaxed - near) <= WHOLE_TOLERANCE)
        agreed = settled & (near == np.round(known))
        for held, at in ((settled, np.where(settled, near, known)), (agreed, known)):
            rest = np.flatnonzero(~held)
            start = known[rest] if held is agreed else None
            part, seconds = inner.fixed(rest, at), self._left() / 2
            answer = _run(part, options, seconds=seconds, nodes=nodes, start=start, one_of_many=True)
            if answer.values is not None:
                found = at.copy()
                found[rest] = answer.values
                if inner.value(found) < now:
                    return found
        return None

    def _search(self) -> None:
        """Branch and bound from the best answer."""
        answer = _run(
            self.instance,
            self.job.options,
            seconds=self._left(),
            nodes=self.job.options.search_nodes,
            start=self.values,
            better=self._better,
            bounded=self._bounded,
            known=self.bound,
        )
        self.report("log", content=answer.log)
        if answer.values is not None:
            self._better(answer.values)
        if answer.bound is not None:
            self._bounded(answer.bound)


@dataclass(frozen=True)
class _Answer:
    """What one call of a solver gave; of a linear relaxation, with the weight of every row in its bound."""

    values: Floats | None
    bound: float | None
    log: str = ""
    weights: Floats | None = None


def _run(
    instance: Instance,
    options: Options,
    *,
    seconds: float,
    relax: bool = False,
    nodes: int | None = None,
    start: Floats | None = None,
    better: Callable[[Floats], None] | None = None,
    bounded: Callable[[float], None] | None = None,
    known: float = 0.0,
    inside: bool = False,
    one_of_many: bool = False,
) -> _Answer:
    """Build a PuLP problem and solve it once; `known` is a bound proven before, `inside` asks for interior points.

    Where it is `one_of_many`, or time is short, PuLP is asked for small problems only: building takes its time.
    """
    if not len(instance.low):
        return _Answer(np.zeros(0), instance.offset)
    if instance.matrix.nnz <= _EASY_NONZEROS:
        start = None
    in_a_hurry = options.quick or inside or one_of_many
    direct = _DIRECT_IN_A_HURRY if in_a_hurry else _DIRECT_NONZEROS
    if options.solver == "highs" and instance.matrix.nnz > direct:
        return _run_arrays(instance, options, seconds, relax, nodes, start, better, bounded, inside, one_of_many)
    # CBC forgets the constant in its bound, and measures its gap without it: it never gets to see one.
    told = replace(instance, offset=0.0) if options.solver == "cbc" else instance
    problem, variables = _build(told, relax=relax)
    if start is not None:
        for c in np.flatnonzero(instance.whole):
            variables[c].setInitialValue(float(round(start[c])))
    if options.solver == "cbc":
        return _run_cbc(
            problem, variables, instance, options, seconds, relax=relax, start=start, nodes=nodes, known=known
        )
    return _run_highs(
        problem, variables, instance, options, seconds, relax, nodes, start, better, bounded, inside, one_of_many
    )


def _run_arrays(
    instance: Instance,
    options: Options,
    seconds: float,
    relax: bool,
    nodes: int | None,
    start: Floats | None,
    better: Callable[[Floats], None] | None,
    bounded: Callable[[float], None] | None,
    inside: bool,
    plain: bool,
) -> _Answer:
    """Hand a problem to HiGHS without PuLP, which takes seconds to build a large one and as long to read it back.

    A large relaxation of whole numbers is looked at for its bound, and no vertex is asked for. Where few of the other
    columns have a price, interior points give it in seconds, and the simplex method, which has nothing to go by, in
    minutes; what their rounding may lose is taken off the bound.
    """
    others = ~instance.whole
    few_priced = bool(np.count_nonzero(instance.cost[others]) <= _MOST_PRICED * np.count_nonzero(others))
    is_large = instance.matrix.nnz > _DIRECT_NONZEROS
    inside = inside or (relax and is_large and bool(instance.whole.any()) and few_priced)
    # (Of a relaxation next to all is wanted that there is.)
    gap = options.gap * _ROUGHLY if relax else options.gap
    job = _Branching(
        instance, seconds, gap, 0.0, options.threads, options.seed, True, relax, start, nodes, inside, plain
    )
    found = _branch_here(job, better, bounded)
    bound = found.bound
    if found.row_weights is not None:
        bound = _weighed(instance, found.row_weights)
    return _Answer(found.values, bound if np.isfinite(bound) else None, weights=found.row_weights)


def _build(instance: Instance, *, relax: bool) -> tuple[Any, list[Any]]:
    """Return the PuLP problem of an instance, and its variables in order."""
    import pulp

    problem = pulp.LpProblem(instance.name, pulp.LpMinimize)
    whole = instance.whole & (not relax)
    variables = [
        problem.add_variable(name, low, high, "Integer" if integer else "Continuous")
        for name, low, high, integer in zip(
            instance.column_names, instance.low.tolist(), instance.high.tolist(), whole.tolist(), strict=True
        )
    ]
    priced = np.flatnonzero(instance.cost)
    terms = [(variables[c], float(instance.cost[c])) for c in priced]
    problem.setObjective(pulp.LpAffineExpression.from_list(terms, instance.offset))
    starts, columns, values = (
        part.tolist() for part in (instance.matrix.indptr, instance.matrix.indices, instance.matrix.data)
    )
    for r, name in enumerate(instance.row_names):
        inside = [(variables[columns[k]], values[k]) for k in range(starts[r], starts[r + 1])]
        expression = pulp.LpAffineExpression.from_list(inside)
        low, high = instance.row_low[r], instance.row_high[r]
        if low == high:
            problem.addConstraint(expression == float(low), name)
            continue
        if np.isfinite(low):
            problem.addConstraint(expression >= float(low), name)
        if np.isfinite(high):
            problem.addConstraint(expression <= float(high), name if not np.isfinite(low) else f"{name}_")
    return problem, variables


def _run_highs(
    problem: Any,
    variables: list[Any],
    instance: Instance,
    options: Options,
    seconds: float,
    relax: bool,
    nodes: int | None,
    start: Floats | None,
    better: Callable[[Floats], None] | None,
    bounded: Callable[[float], None] | None,
    inside: bool,
    plain: bool,
) -> _Answer:
    import highspy
    import pulp

    kinds = highspy.cb.HighsCallbackType
    extra: dict[str, Any] = {"random_seed": options.seed}
    if nodes is not None:
        extra["mip_max_nodes"] = nodes
    if inside:
        extra["solver"] = "ipm"
    if plain:
        extra |= dict.fromkeys(_left_out(start), False)
    assert extra.keys() <= _HIGHS_OPTIONS | _PLAINER
    listening = better is not None and bounded is not None
    # PuLP hands over only the columns that some row or the objective names, in an order of its own.
    places = {variable.id: c for c, variable in enumerate(variables)}
    handed = [places[variable.id] for variable in problem.exported_variables()]

    def every(given: Any) -> Floats:
        values = instance.low.copy() if start is None else start.copy()
        # (Where nothing has a price, PuLP adds a variable of its own at the end.)
        values[handed] = given[: len(handed)]
        return np.clip(values, instance.low, instance.high)

    def hear(kind: Any, message: str, out: Any, into: Any, user: Any) -> None:
        del message, into, user
        if kind == kinds.kCallbackMipImprovingSolution and better is not None:
            better(every(np.array(out.mip_solution, dtype=float)))
        elif kind == kinds.kCallbackMipLogging and bounded is not None:
            bounded(float(out.mip_dual_bound))

    highspy.Highs.resetGlobalScheduler(True)
    stats = problem.solve(
        pulp.HiGHS(
            mip=not relax,
            msg=False,
            timeLimit=max(0.1, seconds),
            threads=options.threads,
            gapRel=options.gap,
            warmStart=start is not None and bool(instance.whole.any()),
            callbackTuple=(hear, None) if listening else None,
            callbacksToActivate=[kinds.kCallbackMipImprovingSolution, kinds.kCallbackMipLogging] if listening else None,
            **extra,
        )
    )
    model = problem.solverModel
    info = model.getInfo()
    # PuLP can claim a solution where the time limit left none: HiGHS's own word is the only one to believe.
    feasible = bool(stats.has_solution) and info.primal_solution_status == 2
    values = every(np.array(model.getSolution().col_value)) if feasible else None
    bound: float | None = None
    weights: Floats | None = None
    if relax or not instance.whole.any():
        if stats.status == pulp.LpSolveStatus.Optimal and feasible:
            bound = float(info.objective_function_value)
            weights = np.array(model.getSolution().row_dual)
    elif np.isfinite(info.mip_dual_bound):
        bound = float(info.mip_dual_bound)
    return _Answer(values, bound, f"{instance.name}: {stats}\n", weights)


def _run_cbc(
    problem: Any,
    variables: list[Any],
    instance: Instance,
    options: Options,
    seconds: float,
    *,
    relax: bool,
    start: Floats | None,
    nodes: int | None,
    known: float,
) -> _Answer:
    import pulp

    path = cbc_path()
    if path is None:
        raise SolverMissingError(say("solve.no_cbc"))
    # It may stop at a distance that is the gap's share of what is proven already, constant included.
    mixed = not relax and bool(instance.whole.any())
    distance = options.gap * max(0.0, known) if mixed else 0.0
    stats = problem.solve(
        pulp.COIN_CMD(
            mip=not relax,
            msg=False,
            path=path,
            timeLimit=max(1.0, seconds),
            gapRel=0.0,
            gapAbs=distance,
            threads=options.threads if not relax else None,
            warmStart=start is not None and mixed,
            maxNodes=nodes,
            randomSeed=options.seed,
        )
    )
    values = None
    if stats.has_solution:
        values = np.clip([float(v.varValue or 0.0) for v in variables], instance.low, instance.high)
    bound: float | None = None
    if stats.status in {pulp.LpSolveStatus.Optimal, pulp.LpSolveStatus.GapLimit} and stats.objective is not None:
        bound = float(stats.objective) + instance.offset - distance
    return _Answer(values, bound, f"{instance.name}: {stats}\n")


@dataclass(frozen=True)
class Branched:
    """What branch and bound found, or what the linear relaxation gave.

    Attributes
    ----------
    values
        The best answer, None where none was found.
    bound
        What no answer falls below; minus infinity where nothing is known.
    finished
        Whether the search ended by itself, within the gap or distance asked for, and not by the clock.
    row_weights, reduced
        Of a relaxation: the dual value of every row and the reduced cost of every column.
    """

    values: Floats | None
    bound: float
    finished: bool
    row_weights: Floats | None = None
    reduced: Floats | None = None


@dataclass(frozen=True)
class _Branching:
    """Arrays to be searched, and how."""

    instance: Instance
    seconds: float
    gap: float
    distance: float
    threads: int
    seed: int
    presolve: bool
    relax: bool
    start: Floats | None
    nodes: int | None
    # Whether a relaxation is solved by interior points, and left there.
    inside: bool = False
    # Whether it is a part of a search itself (see `_PLAIN`).
    plain: bool = False

    def run(self, report: Callable[..., object]) -> None:
        """Search, telling every better answer and bound."""

        def better(values: Floats) -> None:
            report("better", self.instance.value(values), values)

        def bounded(bound: float) -> None:
            report("bound", bound)

        found = _branch_here(self, better, bounded)
        report("found", content=found)


def branch(
    instance: Instance,
    *,
    seconds: float,
    gap: float = 0.0,
    distance: float = 0.0,
    threads: int = 1,
    seed: int = 1,
    presolve: bool = True,
    relax: bool = False,
    start: Floats | None = None,
    nodes: int | None = None,
    better: Callable[[Floats], None] | None = None,
    bounded: Callable[[float], None] | None = None,
    apart: bool | None = None,
    inside: bool = False,
) -> Branched:
    """Make a problem in arrays as small as it gets, without PuLP, which takes seconds for a million coefficients.

    Names are not needed. A large problem is searched in a process of its own, so that the time is kept whatever the
    solver does and every better answer told so far stays; `apart` says so for any. What is told was checked against
    the rows. The search ends within `gap` (a share) or `distance` (absolute: `WHOLE_DISTANCE` where every value is
    whole). Of a relaxation, `inside` asks for interior points and no vertex: their row weights prove a bound.
    """
    job = _Branching(instance, seconds, gap, distance, threads, seed, presolve, relax, start, nodes, inside)
    if apart is None:
        apart = instance.matrix.nnz > _HERE_NONZEROS
    if not apart:
        return _branch_here(job, better, bounded)
    values, cost, bound = None, float("inf"), float("-inf")
    began = time.monotonic()
    with _child(job) as connection:
        limit = seconds + _GRACE_SHARE * min(seconds, 10 * _GRACE_SECONDS) + 1.0
        try:
            while (left := began + limit - time.monotonic()) > 0:
                if stopping.is_asked():
                    break
                if not connection.poll(min(left, stopping.LOOK)):
                    continue
                what, number, content = connection.recv()
                if what == "found":
                    return content  # type: ignore[no-any-return]
                if what == "better" and number < cost:
                    values, cost = content, number
                    if better is not None:
                        better(content)
                elif what == "bound":
                    bound = max(bound, number)
                    if bounded is not None:
                        bounded(number)
                elif what == "failed":
                    logger.warning("the search failed; its best answer is kept: %s", content)
                    break
        except (EOFError, OSError):
            logger.warning("the solver's process ended early; its best answer is kept")
    return Branched(values, bound, finished=False)


def _branch_here(
    job: _Branching, better: Callable[[Floats], None] | None, bounded: Callable[[float], None] | None
) -> Branched:
    """Hand arrays to HiGHS in this process."""
    import highspy

    instance = job.instance
    if not len(instance.low):
        return Branched(np.zeros(0), instance.offset, finished=True)
    mixed = bool(instance.whole.any()) and not job.relax
    kinds = highspy.cb.HighsCallbackType
    deadline = time.monotonic() + job.seconds

    def hear(kind: Any, message: str, out: Any, into: Any, user: Any) -> None:
        del message, user
        if kind == kinds.kCallbackMipImprovingSolution and better is not None:
            values = _rounded(instance, np.array(out.mip_solution, dtype=float))
            if instance.holds(values):
                better(values)
        elif kind == kinds.kCallbackMipLogging and bounded is not None and np.isfinite(out.mip_dual_bound):
            bounded(float(out.mip_dual_bound))
        elif kind in {kinds.kCallbackMipInterrupt, kinds.kCallbackSimplexInterrupt, kinds.kCallbackIpmInterrupt}:
            into.user_interrupt = time.monotonic() > deadline

    highspy.Highs.resetGlobalScheduler(True)
    highs = highspy.Highs()
    for name, value in (
        ("output_flag", False),
        ("time_limit", max(0.1, job.seconds)),
        ("threads", job.threads),
        ("random_seed", job.seed),
        ("presolve", "choose" if job.presolve else "off"),
        ("mip_rel_gap", job.gap),
        ("mip_abs_gap", max(1e-6, job.distance)),
        *((("mip_max_nodes", job.nodes),) if job.nodes is not None else ()),
        *((("solver", "ipm"), ("run_crossover", "off")) if job.inside else ()),
        *((("ipm_optimality_tolerance", job.gap),) if job.inside and job.gap > _CLOSELY else ()),
        *(dict.fromkeys(_left_out(job.start) if job.plain else (), False).items()),
    ):
        if highs.setOptionValue(name, value) != highspy.HighsStatus.kOk:
            msg = f"HiGHS does not take {name} = {value}"
            raise AllocateError(msg)
    _pass(highs, instance, instance.whole & mixed)
    if mixed and job.start is not None:
        given = np.arange(len(job.start), dtype=np.int32)
        highs.setSolution(len(given), given, job.start.astype(float))
    highs.setCallback(hear, None)
    for kind in (
        *((kinds.kCallbackMipImprovingSolution,) if better is not None and mixed else ()),
        *((kinds.kCallbackMipLogging,) if bounded is not None and mixed else ()),
        kinds.kCallbackMipInterrupt,
        kinds.kCallbackSimplexInterrupt,
        kinds.kCallbackIpmInterrupt,
    ):
        highs.startCallback(kind)
    highs.run()
    status, info = highs.getModelStatus(), highs.getInfo()
    finished = status == highspy.HighsModelStatus.kOptimal
    solution = highs.getSolution()
    values = None
    if info.primal_solution_status == 2:
        values = _rounded(instance, np.array(solution.col_value)) if mixed else np.array(solution.col_value)
        if not instance.holds(values) and mixed:
            values = None
    if status == highspy.HighsModelStatus.kInfeasible:
        return Branched(None, float("inf"), finished=True)
    if mixed:
        return Branched(values, float(info.mip_dual_bound), finished and values is not None)
    # (Interior points may miss a tolerance by a hair; the weights of the rows prove what they prove all the same.)
    if not finished and not (job.inside and solution.dual_valid):
        return Branched(None, float("-inf"), finished=False)
    return Branched(
        values,
        float(info.objective_function_value) if finished else float("-inf"),
        finished=finished,
        row_weights=np.array(solution.row_dual),
        reduced=np.array(solution.col_dual),
    )


def _left_out(start: Floats | None) -> frozenset[str]:
    """Return which of a solver's own searches a neighbourhood does without."""
    return _PLAINER if start is None else _PLAIN


def _rounded(instance: Instance, values: Floats) -> Floats:
    """Return values inside their ranges, what is all but whole made whole."""
    near = np.round(values)
    values = np.where(instance.whole & (np.abs(values - near) <= WHOLE_TOLERANCE), near, values)
    return np.clip(values, instance.low, instance.high)


def cbc_path() -> str | None:
    """Return where CBC is: on the PATH, or in the cbcbox package; None where it is not installed."""
    found = shutil.which("cbc")
    if found:
        return found
    try:
        import cbcbox
    except ImportError:
        return None
    return str(cbcbox.cbc_bin_path())
