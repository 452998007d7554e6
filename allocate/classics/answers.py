"""What a classic model answers: which sites, how good, how far from the best at most, and how that was proven."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allocate.classics.record import Moment, Proof

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Places = NDArray[np.integer[Any]]


class Outcome(StrEnum):
    """How a search ended. Both carry an answer."""

    OPTIMAL = "optimal"  # proven: nothing is better
    FEASIBLE = "feasible"  # ended early: perhaps not the best


@dataclass(frozen=True)
class Step:
    """A step of the work: what, until when since it began [s], and what was left to decide."""

    name: str
    seconds: float
    left: str = ""


@dataclass(frozen=True, repr=False, eq=False)
class Answer:
    """What a classic model answers.

    Attributes
    ----------
    model
        The function that was asked.
    sites
        Every open site, those that existed included: positions counted from 0, as in `candidates.iloc[answer.sites]`.
    opened
        The sites that the answer adds, in the same way.
    value, bound
        What was asked for, and what no answer can better: for `lscp` and `partial_cover` the cost of what is opened (a
        number of sites without costs), for `mclp` and `backup_cover` people, for `p_median` people times distance, for
        `p_center` the longest distance, for `capacitated` money.
    gap
        Their distance as a share of the value.
    outcome
        `optimal` only where the gap is nothing: nothing better exists.
    proof
        What proved the bound.
    unreachable
        Points that no site may serve, whatever is opened [index]; they stand in no sum but this list.
    seconds
        How long it took [s].
    trace
        Every moment at which the best value or the bound moved.
    steps
        What was done, and what it left.
    shares
        `capacitated` with split demand only: the share of every point that each site serves, points x sites.
    """

    model: str
    sites: Ints
    opened: Ints
    value: float
    bound: float
    gap: float
    outcome: Outcome
    proof: Proof
    unreachable: Ints
    seconds: float
    trace: tuple[Moment, ...]
    steps: tuple[Step, ...]
    shares: Any = None
    _site: Places = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    _count: Places = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    _row_of: Places | None = None

    def __repr__(self) -> str:
        """Return the answer in a line."""
        proven = f"{self.outcome} by {self.proof}" if self.outcome is Outcome.OPTIMAL else str(self.outcome)
        figures = f"value {self.value:,.10g}, bound {self.bound:,.10g}, gap {self.gap:.2%}"
        left_out = f", {len(self.unreachable):,} unreachable" if len(self.unreachable) else ""
        return f"Answer({self.model}: {len(self.sites):,} sites, {figures}, {proven}{left_out}, {self.seconds:.1f} s)"

    @property
    def assigned(self) -> Ints:
        """Return the site of every point [index]; -1 where none serves it.

        Where points are covered, it is the first open site that reaches the point; where distances count, the nearest;
        where demand is split, the site with the largest share.
        """
        return self._every_point(self._site, -1)

    @property
    def counts(self) -> Ints:
        """Return by how many open sites every point is reached; of a model that covers only."""
        return self._every_point(self._count, 0)

    def _every_point(self, of_row: Places, otherwise: int) -> Ints:
        if self._row_of is None:
            return of_row.astype(np.int64)
        # (A row that is not there is the last one.)
        return np.append(of_row, otherwise).astype(np.int64)[self._row_of]
