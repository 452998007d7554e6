"""One task for one process: what is asked, where its arrays are, and what came out."""

import json
import resource
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import instances
import numpy as np
from numpy.typing import NDArray
from scipy import optimize, sparse

Floats = NDArray[np.float64]
Arrays = dict[str, Any]

WHOLE = 1e-6  # what a value may be off by and count as the same


@dataclass(frozen=True)
class Task:
    """What is asked.

    Attributes
    ----------
    model
        lscp, mclp, p_median, p_center or capacitated.
    arrays
        File of arrays: points, sites, people; or distance, people; or assign, demand, capacity, cost.
    stream
        In their place, the kind of generator, its sites, points and seed: made in blocks by the process itself.
    radius, p
        As the model needs them; the radius in the unit of the points.
    seconds, threads, seed
        Limits of the search.
    gap
        The share of the value at which it may end.
    """

    model: str
    arrays: str = ""
    stream: dict[str, Any] = field(default_factory=dict)
    radius: float = 0.0
    p: int = 0
    seconds: float = 60.0
    threads: int = 2
    seed: int = 1
    gap: float = 0.0

    @classmethod
    def read(cls, file: Path) -> "Task":
        """Read a task that `write` wrote."""
        return cls(**json.loads(file.read_text(encoding="utf-8")))

    def write(self, file: Path) -> None:
        """Write it as JSON."""
        file.write_text(json.dumps(asdict(self)), encoding="utf-8")

    def load(self) -> Arrays:
        """Return the arrays, in memory; those of a stream all at once."""
        if self.stream:
            blocks = instances.arrays_of(self.stream)
            points, people = blocks.whole()
            return {"points": points, "people": people, "sites": blocks.sites}
        with np.load(self.arrays) as file:
            return dict(file)


@dataclass(frozen=True)
class Result:
    """What came out of a task.

    Attributes
    ----------
    value, bound
        None where nothing was found.
    sites
        The open ones [index].
    proven
        Whether it says that nothing is better.
    seconds
        From arrays in memory to answer [s].
    imports
        Of its libraries before that [s].
    cpu
        What processors worked in that time, children included [s].
    making
        Of making points in blocks while they were read, not counted in `seconds` [s].
    bytes
        The most memory that it held, children included where the system tells.
    note
        How it ended, where that is not plain.
    """

    value: float | None = None
    bound: float | None = None
    sites: list[int] = field(default_factory=list)
    proven: bool = False
    seconds: float = 0.0
    imports: float = 0.0
    cpu: float = 0.0
    making: float = 0.0
    bytes: int = 0
    note: str = ""

    @classmethod
    def read(cls, file: Path) -> "Result":
        """Read a result that `write` wrote."""
        return cls(**json.loads(file.read_text(encoding="utf-8")))

    def write(self, file: Path) -> None:
        """Write it as JSON."""
        file.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @property
    def gap(self) -> float:
        """Return the distance of value and bound as a share of the value."""
        if self.value is None or self.bound is None:
            return float("inf")
        if abs(self.bound - self.value) <= WHOLE:
            return 0.0
        return abs(self.bound - self.value) / abs(self.value) if self.value else float("inf")


def begun(result: Path) -> Path:
    """Return the file that tells, while a task is worked on, that its clock has started."""
    return result.with_suffix(".begun")


def peak() -> int:
    """Return the most memory that this process held since it began [bytes]."""
    status = Path("/proc/self/status")
    if status.exists():  # (What getrusage says of a process includes what its parent held when it started it.)
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def apart(arrays: Arrays) -> Floats:
    """Return the distances of points and sites: those given, or in a straight line."""
    if "distance" in arrays:
        return arrays["distance"]  # type: ignore[no-any-return]
    points, sites = arrays["points"], arrays["sites"]
    return np.hypot(points[:, :1] - sites[:, 0], points[:, 1:] - sites[:, 1])


def reaching_of(arrays: Arrays, radius: float) -> sparse.csr_array:
    """Return which sites reach which points (points x sites)."""
    if "distance" in arrays:
        return sparse.csr_array((arrays["distance"] <= radius).astype(np.uint8))
    return instances.reach(arrays["points"], arrays["sites"], radius)


def value_of(task: Task, sites: list[int]) -> float | None:
    """Return what a set of open sites is worth, computed from the arrays by itself; None where it is no answer."""
    chosen = np.array(sites, dtype=np.int64)
    if not len(chosen) or (task.p and len(chosen) > task.p):
        return None
    if task.model == "capacitated":
        return _served(task.load(), chosen)
    if task.model in {"p_median", "p_center"}:
        arrays = task.load()
        nearest = apart({name: of[:, chosen] if name == "distance" else of for name, of in _only(arrays, chosen)})
        closest = nearest.min(axis=1)
        return float(closest.max() if task.model == "p_center" else closest @ arrays["people"])
    covered = total = 0.0
    unserved = False
    for block in _blocks(task):
        reached = np.zeros(len(block["people"]), dtype=bool)
        if "distance" in block:
            reached[:] = (block["distance"][:, chosen] <= task.radius).any(axis=1)
            possible = (block["distance"] <= task.radius).any(axis=1) if task.model == "lscp" else reached
        else:
            near = instances.reach(block["points"], block["sites"][chosen], task.radius)
            reached[:] = np.diff(near.indptr) > 0
            possible = reached
            if task.model == "lscp" and not reached.all():
                rest = instances.reach(block["points"][~reached], block["sites"], task.radius)
                possible = np.ones(len(reached), dtype=bool)
                possible[~reached] = np.diff(rest.indptr) > 0
        unserved |= bool((possible & ~reached).any())
        covered, total = covered + float(block["people"][reached].sum()), total + len(reached)
    if task.model == "lscp":
        return None if unserved else float(len(chosen))
    return covered


def _served(arrays: Arrays, chosen: NDArray[np.int64]) -> float | None:
    """Return the cost of open sites and of serving all demand from them: a linear program; None where they cannot."""
    cost = arrays["assign"][:, chosen]
    points, sites = cost.shape
    once = sparse.kron(sparse.eye_array(points), np.ones((1, sites)))
    load = sparse.kron(arrays["demand"][None, :], sparse.eye_array(sites))
    found = optimize.linprog(cost.ravel(), load, arrays["capacity"][chosen], once, np.ones(points), bounds=(0, 1))
    return float(found.fun + arrays["cost"][chosen].sum()) if found.status == 0 else None


def _only(arrays: Arrays, chosen: NDArray[np.int64]) -> list[tuple[str, Any]]:
    """Return the arrays with only the chosen sites' places."""
    return [(name, of[chosen] if name == "sites" else of) for name, of in arrays.items()]


def _blocks(task: Task) -> Any:
    if not task.stream:
        yield task.load()
        return
    blocks = instances.arrays_of(task.stream)
    sites = blocks.sites
    for points, people in blocks:
        yield {"points": points, "people": people, "sites": sites}
