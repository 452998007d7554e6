"""Jobs that measure themselves, in a module that every process and worker can import."""

import json
import resource
import time
from dataclasses import dataclass
from typing import Any

from allocate.looking import look


@dataclass(frozen=True)
class Measured:
    """A look: its figures as JSON, the seconds that it took by the clock and of a processor, and memory [MB]."""

    figures: str
    clock: float
    processor: float
    memory: float


def measured(common: tuple[Any, Any], seed: int) -> Measured:
    """Look at a possible district, and measure that."""
    clock, processor = time.perf_counter(), time.process_time()
    figures = look(*common, seed=seed).figures
    return Measured(
        json.dumps(figures, sort_keys=True),
        time.perf_counter() - clock,
        time.process_time() - processor,
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def idle(_: object, number: int) -> int:
    """Do nothing."""
    return number
