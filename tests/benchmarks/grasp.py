"""A floor for maximal covering: `python grasp.py TASK.json RESULT.json`: greedy with chance, then swaps, many times.

GRASP after Feo and Resende (1995, J. Global Optimization 6); written for this comparison alone, and shares nothing with
the project. Points that the same sites reach are one row, which is to its advantage.
"""

import sys
import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from peers import measured
from scipy import sparse
from tasks import Arrays, Result, Task, reaching_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass
class Plan:
    """Open sites, and what each change would bring.

    Attributes
    ----------
    rows, columns
        Which sites reach a row, and which rows a site reaches.
    weight
        People of every row.
    count
        Open sites that reach each row.
    gain
        What each site would add now.
    """

    rows: sparse.csr_array
    columns: sparse.csr_array
    weight: Floats
    count: Ints
    gain: Floats
    value: float = 0.0
    chosen: list[int] = field(default_factory=list)

    def add(self, site: int) -> None:
        """Open a site."""
        reached = _inside(self.columns, site)
        fresh = reached[self.count[reached] == 0]
        self.count[reached] += 1
        self.value += float(self.weight[fresh].sum())
        self.gain -= self._worth(fresh)
        self.chosen.append(site)

    def drop(self, site: int) -> float:
        """Close a site; return what it alone covered."""
        reached = _inside(self.columns, site)
        self.count[reached] -= 1
        lost = reached[self.count[reached] == 0]
        people = float(self.weight[lost].sum())
        self.value -= people
        self.gain += self._worth(lost)
        self.chosen.remove(site)
        return people

    def _worth(self, rows: Ints) -> Floats:
        """Return the people of some rows, as each site would count them."""
        starts, ends = self.rows.indptr[rows], self.rows.indptr[rows + 1]
        lengths = (ends - starts).astype(np.int64)
        first = np.repeat(starts - np.cumsum(lengths) + lengths, lengths)
        sites = self.rows.indices[first + np.arange(lengths.sum())]
        return np.bincount(sites, np.repeat(self.weight[rows], lengths), minlength=self.rows.shape[1])


def _inside(columns: sparse.csr_array, site: int) -> NDArray[np.int32]:
    return columns.indices[columns.indptr[site] : columns.indptr[site + 1]]


def merged(covers: sparse.csr_array, people: Floats) -> tuple[sparse.csr_array, Floats]:
    """Return one row for all points that the same sites reach, and their people together."""
    random = np.random.default_rng(0)
    keys = random.random((2, covers.shape[1]))
    ones = sparse.csr_array((np.ones(covers.nnz), covers.indices, covers.indptr), shape=covers.shape)
    marks = np.column_stack([ones @ key for key in keys])
    _, first, group = np.unique(marks, axis=0, return_index=True, return_inverse=True)
    reached = np.diff(covers.indptr)[first] > 0
    weight = np.bincount(group.ravel(), people, minlength=len(first))
    return sparse.csr_array(ones[first[reached]]), weight[reached]


def search(covers: sparse.csr_array, people: Floats, p: int, seconds: float, seed: int) -> tuple[float, list[int]]:
    """Return the best value and sites of as many rounds as the time allows; at least one is begun."""
    began = time.monotonic()
    rows, weight = merged(covers, people)
    columns = sparse.csr_array(rows.T)
    random = np.random.default_rng(seed)
    whole = np.asarray(rows.T @ weight)
    best, chosen = -1.0, list[int]()
    while best < 0 or time.monotonic() - began < seconds:
        plan = Plan(rows, columns, weight, np.zeros(len(weight), dtype=np.int64), whole.copy())
        loose = 0.0 if best < 0 else random.uniform(0.0, 0.2)
        while len(plan.chosen) < p:
            gain = plan.gain.copy()
            gain[plan.chosen] = -1.0
            good = np.flatnonzero(gain >= (1 - loose) * gain.max())
            plan.add(int(random.choice(good)))
        moved = True
        while moved and time.monotonic() - began < seconds:
            moved = False
            for site in random.permutation(plan.chosen).tolist():
                lost = plan.drop(site)
                gain = plan.gain.copy()
                gain[plan.chosen] = -1.0
                other = int(gain.argmax())
                better = gain[other] > lost + 1e-9
                plan.add(other if better else site)
                moved |= better
                if time.monotonic() - began > seconds:
                    break
        if plan.value > best:
            best, chosen = plan.value, list(plan.chosen)
    return best, chosen


def grasp(task: Task, arrays: Arrays) -> Result:
    """Search as long as the task says."""
    began = time.monotonic()
    covers = reaching_of(arrays, task.radius)
    left = task.seconds - (time.monotonic() - began)
    value, sites = search(covers, arrays["people"], task.p, left, task.seed)
    return Result(value, None, sorted(sites))


if __name__ == "__main__":
    measured(grasp, (), sys.argv[1:])
