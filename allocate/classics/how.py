"""What every classic model may be given besides its own question."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

import numpy as np
from numpy.typing import NDArray

from allocate.classics.inputs import Faults, amount, number
from allocate.classics.record import Moment, Record

Listen = Callable[[Moment], None]
Chosen = Sequence[int] | NDArray[np.integer[Any]]


class How(TypedDict, total=False):
    """What every model may be given besides its own question.

    Attributes
    ----------
    existing
        Sites that stand already: open, at no cost, and beside any number asked for. Positions counted from 0, or one
        True or False per site; labels of a table are refused.
    mandatory, forbidden
        Sites that have to be opened, and that may not, in the same way.
    seconds
        Longest search [s]; 60 if not given. The best answer until then is returned.
    gap
        Distance from the best at which the search may end, as a share; 0, which asks for proof, if not given.
    threads, seed
        Of the solver, and of what is tried at random; 1 each if not given.
    listen
        Called with a `Moment` whenever the best value or the bound moves.
    """

    existing: Chosen
    mandatory: Chosen
    forbidden: Chosen
    seconds: float
    gap: float
    threads: int
    seed: int
    listen: Listen | None


@dataclass(frozen=True)
class Search:
    """How a question is to be answered: what `How` may say, and when the clock began."""

    existing: Chosen = ()
    mandatory: Chosen = ()
    forbidden: Chosen = ()
    seconds: float = 60.0
    gap: float = 0.0
    threads: int = 1
    seed: int = 1
    listen: Listen | None = None
    began: float = field(default_factory=time.monotonic)

    @classmethod
    def read(cls, faults: Faults, how: How) -> "Search":
        """Return what was given, looked at."""
        known: dict[str, Any] = {name: value for name, value in how.items() if name in How.__annotations__}
        for name in how.keys() - known.keys():
            faults.blame("classics.unknown", name, keys=", ".join(How.__annotations__))
        search = cls(**known)
        number(search.seconds, "seconds", faults)
        number(search.gap, "gap", faults, most=1.0)
        amount(search.threads, "threads", 1024, faults)
        if search.listen is not None and not callable(search.listen):
            faults.blame("classics.listen", "listen", str(search.listen))
        amount(search.seed, "seed", 2**31 - 1, faults, least=0)
        return search

    @property
    def roles(self) -> tuple[Chosen, Chosen, Chosen]:
        """Return the sites that exist, that must be opened, and that may not be."""
        return self.existing, self.mandatory, self.forbidden

    @property
    def effort(self) -> dict[str, int]:
        """Return what the searches themselves are told."""
        return {"threads": self.threads, "seed": self.seed}

    def record(self, sense: Literal["min", "max"], *, whole: bool, offset: float = 0.0) -> Record:
        """Return an empty record for the search."""
        return Record(
            sense,
            seconds=float(self.seconds),
            gap=float(self.gap),
            whole=whole,
            offset=offset,
            began=self.began,
            listen=self.listen,
        )
