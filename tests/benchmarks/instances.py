"""Instances to measure on: generators that need no download, and readers of published files in a folder of the user's.

Nothing published is kept in the project. The covering instances of Cordeau, Furini and Ljubić (2019, EJOR 275(3)) are
made here to the digit, from their number of sites, number of points and seed alone.
"""

import csv
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph
from scipy.spatial import KDTree

Floats = NDArray[np.float64]
Words = NDArray[np.uint64]

BLOCK = 1_000_000
SIDE = 30.0  # of the published square
PAIRS = ((3.25, 20), (3.5, 20), (3.75, 20), (4.0, 20), (4.25, 15), (5.5, 10), (6.25, 10))

_LARGEST_DRAW = 2**31 - 1
_STATE = 31
_LOW = np.uint64(0xFFFFFFFF)
_LANES = 4096


class Draws:
    """The numbers of glibc's `rand()` after `srand(seed)`, from any position on, without making those before it.

    The generator adds words of 32 bits: w[k] = w[k - 3] + w[k - 31], and gives w[k] without its lowest bit. What
    comes k places later is a fixed linear map of 31 words in a row, so that lanes far apart step side by side.
    """

    def __init__(self, seed: int, position: int = 0) -> None:
        words = [seed or 1]
        for _ in range(1, _STATE):
            words.append(16807 * words[-1] % _LARGEST_DRAW)
        words += words[:3]
        for k in range(34, 344 + _STATE):
            words.append((words[k - 3] + words[k - 31]) % 2**32)
        self._state = np.array(words[344:], dtype=np.uint64)
        self._state = _jump(position) @ self._state & _LOW

    def take(self, count: int) -> Words:
        """Return the next `count` draws, 0 to 2,147,483,647."""
        length = max(_STATE, -(-count // _LANES))
        lanes = -(-count // length)
        starts = self._state[:, None]
        step, ahead = _jump(length), 1
        while ahead < lanes:
            starts = np.hstack([starts, step @ starts & _LOW])
            step, ahead = step @ step & _LOW, 2 * ahead
        words = np.empty((length + _STATE, lanes), dtype=np.uint64)
        words[:_STATE] = starts[:, :lanes]
        for k in range(_STATE, length + _STATE, 3):
            # Three rows at once: the nearest word that each needs is three back.
            rows = words[k : k + 3]
            rows[:] = words[k - 3 : k - 3 + len(rows)] + words[k - 31 : k - 31 + len(rows)] & _LOW
        self._state = _jump(count) @ self._state & _LOW
        return (words[:length].T.reshape(-1)[:count]) >> np.uint64(1)


def _jump(places: int) -> NDArray[np.uint64]:
    """Return the map from 31 words in a row to those `places` later, in arithmetic of 64 bits, of which 32 count."""
    power = np.zeros((_STATE, _STATE), dtype=np.uint64)
    power[np.arange(_STATE - 1), np.arange(1, _STATE)] = 1
    power[-1, 0] = power[-1, _STATE - 3] = 1
    result = np.eye(_STATE, dtype=np.uint64)
    while places:
        if places & 1:
            result = power @ result & _LOW
        power, places = power @ power & _LOW, places >> 1
    return result


class Blocks:
    """Points with their people, block by block, as often as asked; it knows how long making them took.

    Attributes
    ----------
    making
        Seconds spent on making points so far, which are not the solver's [s].
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.making = 0.0

    def __iter__(self) -> Iterator[tuple[Floats, Floats]]:
        """Yield points (n x 2) and people (n), at most a million at once."""
        blocks = self._make()
        while True:
            began = time.monotonic()
            block = next(blocks, None)
            self.making += time.monotonic() - began
            if block is None:
                return
            yield block

    @property
    def sites(self) -> Floats:
        """Return where sites can be (n x 2)."""
        raise NotImplementedError

    def whole(self) -> tuple[Floats, Floats]:
        """Return all points and people at once."""
        points, people = zip(*self, strict=True)
        return np.concatenate(points), np.concatenate(people)

    def _make(self) -> Iterator[tuple[Floats, Floats]]:
        raise NotImplementedError


class Grid(Blocks):
    """A covering instance of Cordeau, Furini and Ljubić (2019): a square of side 30, people 1 to 100 per point.

    Seeds 1 to 5 give the published files A to E: coordinates first (sites before points, x before y, rounded to 6
    decimals), then the costs of the sites, which the covering files set to 1, then the people.
    """

    def __init__(self, sites: int, count: int, seed: int) -> None:
        super().__init__(count)
        self.seed, self._sites = seed, sites

    @property
    def sites(self) -> Floats:
        """Return where sites can be (n x 2)."""
        return _spots(Draws(self.seed), self._sites)

    def _make(self) -> Iterator[tuple[Floats, Floats]]:
        spots = Draws(self.seed, 2 * self._sites)
        people = Draws(self.seed, 2 * (self._sites + self.count) + self._sites)
        for begin in range(0, self.count, BLOCK):
            count = min(BLOCK, self.count - begin)
            yield _spots(spots, count), (people.take(count) % np.uint64(100)).astype(np.float64) + 1


def _spots(draws: Draws, count: int) -> Floats:
    spread = draws.take(2 * count).astype(np.float64) / _LARGEST_DRAW * SIDE
    return np.round(spread, 6).reshape(-1, 2)


class Square(Blocks):
    """Points and sites uniform on the unit square, people 1 to 100 per point, by NumPy's own generator."""

    def __init__(self, sites: int, count: int, seed: int) -> None:
        super().__init__(count)
        self.seed, self._sites = seed, sites

    @property
    def sites(self) -> Floats:
        """Return where sites can be (n x 2)."""
        return np.random.default_rng((self.seed, 0)).random((self._sites, 2))

    def _make(self) -> Iterator[tuple[Floats, Floats]]:
        for number, begin in enumerate(range(0, self.count, BLOCK), 1):
            random, count = np.random.default_rng((self.seed, number)), min(BLOCK, self.count - begin)
            yield random.random((count, 2)), random.integers(1, 101, count).astype(np.float64)


KINDS = {"grid": Grid, "square": Square}


def reaching(sites: int, each: float) -> float:
    """Return the radius at which a point of the unit square, far from its edge, has `each` sites in reach."""
    return float(np.sqrt(each / (sites * np.pi)))


def reach(points: Floats, sites: Floats, radius: float) -> sparse.csr_array:
    """Return which sites reach which points (points x sites), by the square of the straight-line distance."""
    tree = KDTree(sites)
    blocks = []
    for begin in range(0, len(points), BLOCK // 10):
        block = points[begin : begin + BLOCK // 10]
        near = KDTree(block).sparse_distance_matrix(tree, radius * (1 + 1e-9), output_type="ndarray")
        apart = ((block[near["i"]] - sites[near["j"]]) ** 2).sum(axis=1)
        inside = near[apart <= radius**2]
        ones = np.ones(len(inside), dtype=np.uint8)
        blocks.append(sparse.csr_array((ones, (inside["i"], inside["j"])), shape=(len(block), len(sites))))
    return sparse.csr_array(sparse.vstack(blocks, format="csr"))


@dataclass(frozen=True)
class Warehouses:
    """A capacitated instance.

    Attributes
    ----------
    assign
        What it costs to serve all of a point's demand from a site (points x sites) [money].
    demand
        Of every point.
    capacity, cost
        Of every site; the cost of opening it [money].
    """

    assign: Floats
    demand: Floats
    capacity: Floats
    cost: Floats


def warehouses(sites: int, points: int, ratio: float, seed: int, *, equal: bool = False) -> Warehouses:
    """Return a capacitated instance in the manner of Cornuéjols, Sridharan and Thizy (1991, EJOR 50(3)).

    Places are uniform on the unit square, demand 5 to 35, capacities 10 to 160 scaled until all of them together are
    `ratio` times the demand, the fixed cost 0 to 90 plus 100 to 110 times the root of the capacity, a unit of demand
    costs ten times the distance. `equal` gives every site the same capacity, as the large files of Beasley (1988) do.
    """
    random = np.random.default_rng((seed, sites, points))
    here, there = random.random((points, 2)), random.random((sites, 2))
    demand = random.uniform(5, 35, points)
    capacity = np.ones(sites) if equal else random.uniform(10, 160, sites)
    capacity *= ratio * demand.sum() / capacity.sum()
    cost = random.uniform(0, 90, sites) + random.uniform(100, 110, sites) * np.sqrt(capacity)
    apart = np.sqrt(((here[:, None] - there[None]) ** 2).sum(axis=2))
    return Warehouses(10 * apart * demand[:, None], demand, capacity, cost)


@dataclass(frozen=True)
class Graph:
    """An uncapacitated p-median file of the OR-Library: every node is a point and a site.

    Attributes
    ----------
    distance
        Of the shortest path (nodes x nodes).
    p
        How many sites to open.
    """

    distance: Floats
    p: int


def read_pmed(file: Path) -> Graph:
    """Read nodes, edges, p, then the edges; where an edge is given twice the later one holds."""
    numbers = [int(word) for word in file.read_text(encoding="ascii").split()]
    nodes, edges, p = numbers[:3]
    lengths: dict[tuple[int, int], int] = {}
    for k in range(3, 3 + 3 * edges, 3):
        i, j = sorted((numbers[k] - 1, numbers[k + 1] - 1))
        lengths[i, j] = numbers[k + 2]
    ends = np.array(list(lengths))
    graph = sparse.csr_array((np.array(list(lengths.values()), dtype=float), (ends[:, 0], ends[:, 1])), (nodes, nodes))
    return Graph(csgraph.shortest_path(graph, method="D", directed=False), p)


def read_optima(file: Path) -> dict[str, float]:
    """Read the optimal value of every file, from lines of a name and a number."""
    optima = {}
    for line in file.read_text(encoding="ascii").splitlines():
        words = line.split()
        if len(words) == 2:
            optima[words[0]] = float(words[1])
    return optima


def read_cap(file: Path, capacity: float | None = None) -> Warehouses:
    """Read a capacitated warehouse file of the OR-Library; `capacity` stands where the large ones leave it open."""
    words = file.read_text(encoding="ascii").split()
    sites, points = int(words[0]), int(words[1])
    own = words[2 : 2 + 2 * sites]
    rest = np.array(words[2 + 2 * sites :], dtype=float).reshape(points, sites + 1)
    capacities = [capacity if word == "capacity" else float(word) for word in own[::2]]
    if any(found is None for found in capacities):
        msg = f"{file.name} leaves the capacity open; give one."
        raise ValueError(msg)
    return Warehouses(rest[:, 1:], rest[:, 0], np.array(capacities, dtype=float), np.array(own[1::2], dtype=float))


def read_sjc(file: Path) -> tuple[Floats, Floats]:
    """Read points (n x 2) [m] and people of a São José dos Campos file: a line of sizes, then `x y people`.

    Its first line names the radius `S` without a number: 800 m in Lorena and Pereira (2002).
    """
    lines = [line.split() for line in file.read_text(encoding="ascii").splitlines()]
    numbers = np.array([line for line in lines[1:] if line], dtype=float)
    return numbers[:, :2], numbers[:, 2]


def read_san_francisco(folder: Path) -> tuple[Floats, Floats]:
    """Read distances over the network (tracts x stores) [m] and the people of every tract."""
    with next(folder.glob("SF_network_distance*.csv")).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    tracts = {name: i for i, name in enumerate(sorted({row["DestinationName"] for row in rows}))}
    stores = {name: j for j, name in enumerate(sorted({row["name"] for row in rows}, key=_number))}
    distance, people = np.full((len(tracts), len(stores)), np.inf), np.zeros(len(tracts))
    for row in rows:
        i = tracts[row["DestinationName"]]
        distance[i, stores[row["name"]]] = float(row["distance"])
        people[i] = float(row["demand"])
    return distance, people


def _number(name: str) -> int:
    return int(name.rsplit("_", 1)[-1])


def arrays_of(spec: dict[str, Any]) -> Blocks:
    """Return the blocks that a task names: kind, sites, points and seed."""
    return KINDS[spec["kind"]](spec["sites"], spec["points"], spec["seed"])
