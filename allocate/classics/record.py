"""What is known at any moment of a search: the best answer, the bound, and how the bound was proven."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# What a bound is moved outwards before it counts: more than sums of floats can lose.
_SLACK = 1e-11
# What is nearer than this, as a share, is the same.
_SAME = 1e-10


class Proof(StrEnum):
    """What proved a bound."""

    NONE = "none"
    REDUCTION = "reduction"  # nothing was left to decide
    LAGRANGIAN = "lagrangian"  # prices on the rows that were relaxed
    BRANCHING = "branching"  # a branch and bound of our own
    THRESHOLD = "threshold"  # the next smaller distance cannot be kept
    RELAXATION = "relaxation"  # the linear program, by HiGHS
    SOLVER = "solver"  # branch and bound, by HiGHS


@dataclass(frozen=True)
class Moment:
    """Where a search stood at a moment.

    Attributes
    ----------
    seconds
        Since it began [s].
    value, bound
        The best value so far, and what no answer can be better than; None where nothing is known.
    """

    seconds: float
    value: float | None
    bound: float | None


class Record:
    """The best answer and the best bound of one search; every method of ours tells it what it finds, as it finds it.

    Whatever ends the search, clock or person, what the record holds stays.
    """

    def __init__(
        self,
        sense: Literal["min", "max"],
        *,
        seconds: float,
        gap: float = 0.0,
        whole: bool = False,
        offset: float = 0.0,
        began: float | None = None,
        listen: Callable[[Moment], None] | None = None,
    ) -> None:
        self.sense = sense
        self.gap_wanted = gap
        # Whether every value is a whole number, so that a bound may be rounded to one.
        self.whole = whole
        # What stands outside of the search: it counts when a gap is taken, and when a moment is told.
        self.offset = offset
        self.value: float | None = None
        self.bound: float | None = None
        self.proof = Proof.NONE
        self.sites: Ints | None = None
        self.assigned: Any = None
        self.is_interrupted = False
        self.trace: list[Moment] = []
        self.steps: list[tuple[str, float, str]] = []
        self._listen = listen
        self._began = time.monotonic() if began is None else began
        self._deadline = self._began + seconds

    @property
    def seconds(self) -> float:
        """Return how long the search has run [s]."""
        return time.monotonic() - self._began

    @property
    def left(self) -> float:
        """Return how long it may still run [s]."""
        return max(0.0, self._deadline - time.monotonic())

    @property
    def gap(self) -> float:
        """Return the distance of value and bound as a share of the value."""
        if self.value is None or self.bound is None:
            return math.inf
        distance, whole_value = abs(self.bound - self.value), abs(self.value + self.offset)
        if distance <= _SAME * max(1.0, whole_value):
            return 0.0
        return distance / whole_value if whole_value else math.inf

    @property
    def is_over(self) -> bool:
        """Tell whether the search can end: it is proven within the gap wanted, or out of time."""
        return self.is_proven or self.left <= 0

    @property
    def is_proven(self) -> bool:
        """Tell whether the gap wanted is reached."""
        return self.gap <= self.gap_wanted

    def better(self, value: float, sites: Any, assigned: Any = None) -> bool:
        """Take an answer if it is better than the best so far; `sites` are the open ones [index]."""
        if self.value is not None and (value <= self.value if self.sense == "max" else value >= self.value):
            return False
        self.value, self.sites = float(value), np.sort(np.asarray(sites, dtype=np.int64))
        self.assigned = assigned
        self._tell()
        return True

    def bounded(self, bound: float, proof: Proof) -> None:
        """Take a bound if it is tighter than the best so far.

        It is moved outwards by more than floats may have lost, and rounded where every value is whole; a bound is
        never better than a value that was found.
        """
        if not math.isfinite(bound):
            return
        slack = _SLACK * max(1.0, abs(bound))
        bound = bound + slack if self.sense == "max" else bound - slack
        if self.whole:
            bound = float(math.floor(bound) if self.sense == "max" else math.ceil(bound))
        if self.value is not None:
            bound = max(bound, self.value) if self.sense == "max" else min(bound, self.value)
            if abs(bound - self.value) <= _SAME * max(1.0, abs(self.value + self.offset)):
                bound = self.value
        if self.bound is None or (bound < self.bound if self.sense == "max" else bound > self.bound):
            self.bound, self.proof = bound, proof
            self._tell()

    def said(self, step: str, size: str = "") -> None:
        """Note a step that is done, and how large what is left is."""
        self.steps.append((step, self.seconds, size))

    def _tell(self) -> None:
        value = None if self.value is None else self.value + self.offset
        moment = Moment(self.seconds, value, None if self.bound is None else self.bound + self.offset)
        self.trace.append(moment)
        if self._listen is not None:
            self._listen(moment)
