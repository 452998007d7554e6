"""Good answers to maximal covering, quickly: greedy, swaps, and annealing by swaps on merged rows."""

import heapq
import itertools
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allocate.classics.record import Record
from allocate.covers import Covers
from allocate.reduce import Floats, Int32s, Int64s, Mask, Rows, runs

# Entries of the matrix that are weighed together.
_BLOCK = 1 << 21
# Entries of overlaps that are kept at most: 12 bytes each.
_KEPT = 1 << 24
# Below this share of everything a difference is noise of float sums.
_NOISE = 1e-12
# Steps of the rounds, per open site and at least, the first temperature and the last, as shares of what an open site
# brings on average; the last round repeats. Short and cool ones first, so that little time brings something.
_PLAN = (
    (100, 2_000, 0.012, 0.001),
    (300, 10_000, 0.012, 0.001),
    (1000, 40_000, 0.02, 0.003),
    (3000, 100_000, 0.02, 0.003),
    (5000, 100_000, 0.02, 0.003),
)
# How many rounds are made where neither rounds nor seconds are given.
_ROUNDS = 4
# Steps between two looks at the clock.
_LOOK = 32
# Above this number SciPy copies rows faster than NumPy.
_MANY = 500
# How much hotter the refill of a budget is drawn than it is judged: it has to find what fits together.
_WIDER = 10.0
# Exponents below this are nothing.
_NEGLIGIBLE = -30.0


@dataclass(frozen=True)
class BySite:
    """A covering seen from its sites.

    Attributes
    ----------
    begins, rows
        The rows that site j reaches are `rows[begins[j]:begins[j + 1]]`, ascending.
    """

    begins: Int64s
    rows: Int32s

    @staticmethod
    def of(matrix: Rows) -> "BySite":
        """Turn a matrix groups × sites around."""
        turned = matrix.tocsc()
        return BySite(turned.indptr.astype(np.int64), turned.indices)

    def __getitem__(self, site: int) -> Int32s:
        """Return the rows that a site reaches."""
        return self.rows[self.begins[site] : self.begins[site + 1]]


def reached(matrix: Rows, weight: Floats) -> Floats:
    """Return the weight that every site reaches, without a copy of the matrix in floats."""
    total = np.zeros(matrix.shape[1])
    indptr = matrix.indptr
    begin = 0
    while begin < matrix.shape[0]:
        end = max(begin + 1, int(np.searchsorted(indptr, int(indptr[begin]) + _BLOCK, side="right")) - 1)
        lengths = np.diff(indptr[begin : end + 1])
        inside = matrix.indices[indptr[begin] : indptr[end]]
        total += np.bincount(inside, np.repeat(weight[begin:end], lengths), minlength=len(total))
        begin = end
    return total


def greedy_cover(covers: Covers, cost: Floats, budget: float, *, by_site: BySite | None = None) -> Int64s:
    """Choose sites one after another, each the best of what is left and affordable.

    Two answers are made: by weight newly covered, and by that weight per cost; the better one is returned (with unit
    costs they are the same, and at least 1 - 1/e of the best: Nemhauser, Wolsey & Fisher 1978, Mathematical
    Programming 14). A site's gain only falls while others are opened, so it is computed anew only when its last known
    one is the largest (Minoux 1978).

    Parameters
    ----------
    cost
        Of each site, above 0.
    budget
        What the chosen sites may cost together.
    """
    weight = covers.weight
    by_site = by_site or BySite.of(covers.matrix)
    first = reached(covers.matrix, weight)
    best, best_value = np.zeros(0, dtype=np.int64), -1.0
    for measure in (np.ones(len(cost)), cost) if np.ptp(cost) > 0 else (np.ones(len(cost)),):
        chosen, covered = _lazy_greedy(by_site, weight, first, measure, cost, _room(budget))
        value = float(weight[covered].sum())
        if value > best_value:
            best, best_value = chosen, value
    return best


def _lazy_greedy(
    by_site: BySite, weight: Floats, first: Floats, measure: Floats, cost: Floats, budget: float
) -> tuple[Int64s, Mask]:
    covered = np.zeros(len(weight), dtype=np.bool_)
    heap = [(-first[j] / measure[j], j) for j in np.flatnonzero((first > 0) & (cost <= budget)).tolist()]
    heapq.heapify(heap)
    chosen: list[int] = []
    spent = 0.0
    while heap:
        _, site = heapq.heappop(heap)
        if spent + cost[site] > budget:
            continue
        rows = by_site[site]
        gain = float(weight[rows[~covered[rows]]].sum())
        key = (-gain / measure[site], site)
        if heap and key > heap[0]:
            if gain > 0:
                heapq.heappush(heap, key)
            continue
        if gain <= 0:
            break
        chosen.append(site)
        covered[rows] = True
        spent += cost[site]
    return np.array(chosen, dtype=np.int64), covered


def improve(
    covers: Covers,
    cost: Floats,
    budget: float,
    record: Record,
    *,
    seed: int = 1,
    rounds: int | None = None,
    seconds: float | None = None,
    chosen: Any = None,
) -> Int64s:
    """Better an answer to maximal covering by swaps and by annealing; return the best sites found.

    First single sites are swapped while that covers more (Teitz & Bart 1968, Operations Research 16(5)). Then come
    rounds of annealing: an open site is closed, and a site is opened in its place with a probability that grows with
    the exponential of what it covers at a temperature that falls (the heat bath of Geman & Geman 1984, IEEE PAMI 6(6),
    so no step is refused), each round ended by swaps. How much every swap would cover is known at every moment,
    exactly, and kept up to date by looking only at rows that sites share.

    Parameters
    ----------
    record
        Told every better answer; the search ends when it is over.
    rounds, seconds
        The search ends after so many rounds of annealing, or so many seconds [s]; by itself after a few rounds. The
        answer is always the same if rounds end it, and not the clock.
    chosen
        Sites to begin with; the greedy ones if not given.
    """
    by_site = BySite.of(covers.matrix)
    if chosen is None:
        chosen = greedy_cover(covers, cost, budget, by_site=by_site)
    end = time.monotonic() + (record.left if seconds is None else min(seconds, record.left))
    if rounds is None and seconds is None:
        rounds = _ROUNDS
    search = _Search(covers, by_site, cost, budget, record, end, seed)
    search.run(np.asarray(chosen, dtype=np.int64), rounds)
    return np.sort(search.best)


class _Table:
    """What opening and closing any site would change, kept up to date.

    `gain[j]` is the weight that only opening j would cover; `only[i][k]`, for an open site i, is the weight that
    site `near(i)[k]` reaches of what i alone covers. So closing i and opening j changes the value by
    gain[j] - loss(i) + (what i alone covers and j reaches), and all three are at hand.
    """

    def __init__(self, covers: Covers, by_site: BySite) -> None:
        self.matrix, self.weight, self.by_site = covers.matrix, covers.weight, by_site
        self._degree = np.diff(covers.matrix.indptr)
        self.sites = covers.matrix.shape[1]
        self.gain = reached(covers.matrix, covers.weight)
        self.value = 0.0
        self.only: dict[int, Floats] = {}
        # How many open sites reach each row, and the sum of their numbers: the number itself where it is one.
        self.count = np.zeros(len(self.weight), dtype=np.int32)
        self._who = np.zeros(len(self.weight), dtype=np.int64)
        self._overlaps: dict[int, tuple[Int64s, Floats, int]] = {}
        self._kept = 0
        self._largest: int | None = None

    def largest(self) -> int:
        """Return the site that would cover most anew."""
        if self._largest is None:
            self._largest = int(np.argmax(self.gain))
        return self._largest

    def near(self, site: int) -> Int64s:
        """Return the sites that share a row with a site, itself included."""
        return self._overlap(site)[0]

    def loss(self, site: int) -> float:
        """Return the weight that only this open site covers."""
        return float(self.only[site][self._overlap(site)[2]])

    def exact(self) -> float:
        """Return the value, summed anew."""
        return float(self.weight[self.count > 0].sum())

    def open(self, site: int) -> None:
        """Open a site that is closed."""
        rows = self.by_site[site]
        near, shared, own = self._overlap(site)
        count = self.count[rows]
        only = shared.copy()
        taken = rows[count > 0]
        if len(taken):
            only -= self._reach(taken)[near]
            self._give(rows[count == 1], -1.0)
        self._largest = None
        self.value += only[own]
        self.gain[near] -= only
        self.only[site] = only
        self.count[rows] += 1
        self._who[rows] += site

    def close(self, site: int) -> None:
        """Close a site that is open."""
        rows = self.by_site[site]
        near, _, own = self._overlap(site)
        only = self.only.pop(site)
        self._largest = None
        self.value -= only[own]
        self.gain[near] += only
        self.count[rows] -= 1
        self._who[rows] -= site
        self._give(rows[self.count[rows] == 1], 1.0)

    def _give(self, rows: NDArray[Any], sign: float) -> None:
        """Tell each site that alone covers some of the rows that it begins (or, -1, ceases) to do so."""
        if not len(rows):
            return
        who = self._who[rows]
        left = rows
        while len(left):
            site = int(who[0])
            mine = who == site
            self.only[site] += sign * self._reach(left[mine])[self.near(site)]
            left, who = left[~mine], who[~mine]

    def _reach(self, rows: NDArray[Any]) -> Floats:
        """Return the weight that every site reaches of some rows."""
        inside = self._inside(rows)
        return np.bincount(inside, np.repeat(self.weight[rows], self._degree[rows]), minlength=self.sites)

    def _inside(self, rows: NDArray[Any]) -> Int32s:
        """Return the sites of some rows, one row after another."""
        if len(rows) > _MANY:
            inside: Int32s = self.matrix[rows].indices
            return inside
        taken: Int32s = self.matrix.indices[runs(self.matrix.indptr[rows].astype(np.int64), self._degree[rows])]
        return taken

    def _overlap(self, site: int) -> tuple[Int64s, Floats, int]:
        """Return the sites that share rows with a site, the weight of these rows, and where it stands among them."""
        found = self._overlaps.get(site)
        if found is None:
            rows = self.by_site[site]
            mine = np.zeros(self.sites, dtype=np.bool_)
            mine[self._inside(rows)] = True
            mine[site] = True
            near = np.flatnonzero(mine)
            shared = self._reach(rows)[near]
            if self._kept > _KEPT:
                # Those of open sites stay: their tables are laid out alike.
                self._overlaps = {j: self._overlaps[j] for j in self.only}
                self._kept = sum(len(near) for near, _, _ in self._overlaps.values())
            found = (near, shared, int(np.searchsorted(near, site)))
            self._overlaps[site] = found
            self._kept += len(near)
        return found


class _Search:
    """A search by swaps; holds the best answer it found."""

    def __init__(
        self, covers: Covers, by_site: BySite, cost: Floats, budget: float, record: Record, end: float, seed: int
    ) -> None:
        self.table = _Table(covers, by_site)
        self.cost, self.budget = cost, _room(budget)
        self.equal = bool(np.ptp(cost) == 0) if len(cost) else True
        self.record, self.end = record, end
        self.draws = np.random.default_rng(seed)
        self.best = np.zeros(0, dtype=np.int64)
        self.best_value = -1.0
        self.noise = _NOISE * float(covers.weight.sum())
        self.open: list[int] = []
        self.spent = 0.0
        # Sites that no budget buys are never looked at.
        self.useful = (self.table.gain > 0) & (cost <= self.budget)
        self.table.gain[~self.useful] = -np.inf

    def run(self, chosen: Int64s, rounds: int | None) -> None:
        """Search from the chosen sites."""
        for site in chosen.tolist():
            self._open(site)
        self._note()
        self._fill()
        self._swap_while_better()
        for number in itertools.count():
            if self._is_over() or not self._is_worthwhile() or (rounds is not None and number >= rounds):
                return
            if number % 2:
                self._go_to(self.best)
            per_site, least, hot, cold = _PLAN[min(number, len(_PLAN) - 1)]
            # (Where costs differ a step takes several times as long.)
            self._anneal(max(per_site * len(self.open), least if self.equal else 0), hot, cold)
            self._swap_while_better()

    def _is_over(self) -> bool:
        return self.record.is_over or time.monotonic() >= self.end

    def _is_worthwhile(self) -> bool:
        """Tell whether there is anything to swap, and anything to gain."""
        return 0 < len(self.open) < int(self.useful.sum()) and bool((self.table.count == 0).any())

    def _open(self, site: int) -> None:
        self.table.open(site)
        self.open.append(site)
        self.spent += self.cost[site]

    def _close(self, place: int) -> int:
        site = self.open[place]
        self.open[place] = self.open[-1]
        self.open.pop()
        self.table.close(site)
        # Summed anew, so that floats do not add up to a site too many.
        self.spent = float(self.cost[self.open].sum())
        return site

    def _go_to(self, sites: Int64s) -> None:
        wanted = set(sites.tolist())
        for place in reversed(range(len(self.open))):
            if self.open[place] not in wanted:
                self._close(place)
        for site in sorted(wanted - set(self.open)):
            self._open(site)

    def _note(self) -> None:
        """Keep the answer if it is the best so far."""
        if self.table.value <= self.best_value + self.noise:
            return
        value = self.table.exact()
        if value > self.best_value:
            self.best, self.best_value = np.array(self.open, dtype=np.int64), value
            self.record.better(value, self.best)

    def _affordable(self, gain: Floats, sites: Int64s | None = None) -> Floats:
        """Return gains, minus infinity where the budget does not buy the site."""
        if self.equal:
            return gain if self.spent + self.cost[0] <= self.budget else np.full(len(gain), -np.inf)
        cost = self.cost if sites is None else self.cost[sites]
        return np.where(self.spent + cost <= self.budget, gain, -np.inf)

    def _fill(self) -> None:
        """Open the best affordable sites while they cover anything more."""
        while len(self.cost):
            gain = self._affordable(self.table.gain)
            site = int(np.argmax(gain))
            if not gain[site] > self.noise:
                break
            self._open(site)
        self._note()

    def _swap_while_better(self) -> None:
        """Swap one site for another, and open what the budget then still buys, while that covers more."""
        still = place = 0
        while still < len(self.open) and not self._is_over():
            place = (place + 1) % len(self.open)
            sites, value = self._choices(place)
            best = int(np.argmax(value)) if len(value) else 0
            still += 1
            if len(value) and value[best] > self.table.loss(self.open[place]) + self.noise:
                self._close(place)
                self._open(int(sites[best]))
                self._fill()
                still = 0

    def _choices(self, place: int) -> tuple[Int64s, Floats]:
        """Return the sites that could stand instead of an open one, and what they would cover anew.

        All that share rows with it, itself included, and the best one elsewhere.
        """
        table, site = self.table, self.open[place]
        near = table.near(site)
        value = table.gain[near] + table.only[site]
        if self.equal:
            far = table.largest()
            return np.append(near, far), np.append(value, table.gain[far])
        spent, self.spent = self.spent, self.spent - self.cost[site]
        value, elsewhere = self._affordable(value, near), self._affordable(table.gain)
        self.spent = spent
        far = int(np.argmax(elsewhere))
        return np.append(near, far), np.append(value, elsewhere[far])

    def _anneal(self, steps: int, hot: float, cold: float) -> None:
        """Swap by chance, less and less so."""
        table = self.table
        mean = table.value / len(self.open)
        cooling = (cold / hot) ** (1 / steps)
        temperature = hot * mean
        for step in range(steps):
            if step % _LOOK == 0 and self._is_over():
                break
            temperature *= cooling
            place = int(self.draws.integers(len(self.open)))
            if self.equal:
                self._move(place, temperature)
            else:
                self._move_and_fill(place, temperature)
            self._note()

    def _move(self, place: int, temperature: float) -> None:
        """Close a site and open one drawn by the heat bath."""
        site = self.open[place]
        drawn = self._draw(*self._choices(place), temperature)
        if drawn != site and drawn not in self.table.only:
            self._close(place)
            self._open(drawn)

    def _move_and_fill(self, place: int, temperature: float) -> None:
        """Close one site or two, open drawn ones while the budget buys any; take it all back if that was too bad."""
        before, value = self.open.copy(), self.table.value
        site = self.open[place]
        near = self.table.near(site)
        self._close(place)
        if self.open and self.draws.random() < 0.3:
            beside = [k for k, other in enumerate(self.open) if _holds(near, other)] or range(len(self.open))
            self._close(int(self.draws.choice(list(beside))))
        by_cost = self.draws.random() < 0.5
        while True:
            gain = self._affordable(self.table.gain)
            sites = np.flatnonzero(gain > self.noise)
            if not len(sites):
                break
            worth = gain[sites] / self.cost[sites] * self.cost.mean() if by_cost else gain[sites]
            self._open(self._draw(sites, worth, _WIDER * temperature))
        if self.table.value < value - temperature * self.draws.exponential():
            self._go_to(np.array(before, dtype=np.int64))

    def _draw(self, sites: Int64s, value: Floats, temperature: float) -> int:
        power = (value - value.max()) / temperature
        likely = power > _NEGLIGIBLE
        sums = np.cumsum(np.exp(power[likely]))
        return int(sites[likely][np.searchsorted(sums, self.draws.random() * sums[-1], side="right")])


def _room(budget: float) -> float:
    """Return the budget with room for what float sums lose, so that three of 0.1 fit into 0.3."""
    return budget + 1e-12 * abs(budget)


def _holds(numbers: Int64s, number: int) -> bool:
    place = int(np.searchsorted(numbers, number))
    return place < len(numbers) and int(numbers[place]) == number
