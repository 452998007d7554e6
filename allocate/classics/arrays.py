"""What remains of a covering, as arrays for HiGHS: with as few columns and rows as prices allow."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from allocate.classics.lagrange import NOISE, Budget, Gains, Problem, Wanted
from allocate.program import Instance
from allocate.reduce import Floats, Int64s, Mask, Rows, take_rows, undominated_rows, undominated_sites

# Beyond so many coefficients HiGHS searches a covering in a process of its own.
APART_NONZEROS = 400_000
# Whole costs up to here are handed over as they are.
_LARGEST_WHOLE = 1e5


class _Arrays:
    """Columns and rows for HiGHS, under construction; less is better."""

    def __init__(self, offset: float) -> None:
        self.offset = offset
        self._cost: list[Floats] = []
        self._low: list[Floats] = []
        self._whole: list[Mask] = []
        self._row_low: list[Floats] = []
        self._row_high: list[Floats] = []
        self._entries: list[tuple[NDArray[Any], NDArray[Any], Floats]] = []
        self.width = self.height = 0

    def columns(self, cost: Floats, *, low: float = 0.0, whole: bool = False) -> int:
        """Add columns from `low` to 1; return the number of the first."""
        self._cost.append(cost)
        self._low.append(np.full(len(cost), low))
        self._whole.append(np.full(len(cost), whole))
        self.width += len(cost)
        return self.width - len(cost)

    def rows(self, low: float, high: float, count: int, *parts: tuple[Any, int]) -> None:
        """Add rows; each part is a sparse matrix and the column at which it begins."""
        self._row_low.append(np.full(count, low))
        self._row_high.append(np.full(count, high))
        for matrix, begin in parts:
            entries = sparse.coo_array(matrix)
            self._entries.append((entries.row + self.height, entries.col + begin, entries.data.astype(float)))
        self.height += count

    def instance(self) -> Instance:
        """Return what was added."""
        row, column, value = (np.concatenate(part) for part in zip(*self._entries, strict=True))
        return Instance(
            "covering",
            np.concatenate(self._cost),
            self.offset,
            np.concatenate(self._low),
            np.ones(self.width),
            np.concatenate(self._whole),
            sparse.csr_array((value, (row, column)), shape=(self.height, self.width)),
            np.concatenate(self._row_low),
            np.concatenate(self._row_high),
            [],
            [],
        )


def arrays_of(problem: Problem[Any, Any], room: float) -> tuple[Instance, Callable[[Int64s], Floats]]:
    """Return what remains as arrays for HiGHS, and how the values of its columns follow from counts of the rows.

    The first columns are the sites. `room` is what lies between the bound at the prices and what is to be bettered.
    """
    rows = problem.rows
    if isinstance(rows, Wanted):
        return _wanted_instance(problem, rows)
    if rows.is_plain:
        return _gains_instance(problem, rows, room)
    return _levels_instance(problem, rows)


def _eye(count: int, value: float = -1.0) -> Any:
    return sparse.csr_array((np.full(count, value), (np.arange(count), np.arange(count))), shape=(count, count))


def _add_budget(arrays: _Arrays, sites: Budget) -> None:
    """Add what sites may cost.

    HiGHS takes a row for kept that is broken by a millionth of its size: where costs are large and nearly equal that
    is a site too many. Where one site less than the most that can be paid, k, can be paid whichever they are, the row

        Σ (c_j - c) y_j <= B - c k + M (k - Σ y_j),  c the least cost,  M >= (k - 1) max (c_j - c) - (B - c k) and >= 0,

    says the same with the differences alone: for k sites it is the budget, and fewer always keep it.
    """
    even = sites.even
    cost, count = sites.cost, len(sites.cost)
    ones = sparse.csr_array(np.ones((1, count)))
    if even is not None:
        arrays.rows(-math.inf, float(even), 1, (ones, 0))
        return
    allowed = sites.budget * (1 + NOISE) + NOISE
    most = int((np.cumsum(np.sort(cost)) <= allowed).sum())
    least = float(cost.min())
    left = allowed - least * most
    if 1 <= most < count and (most - 1) * float(cost.max()) <= allowed:
        large = max(0.0, (most - 1) * float(cost.max() - least) - left)
        price, limit = cost - least + large, left + large * most
        arrays.rows(-math.inf, float(most), 1, (ones, 0))
    else:
        price, limit = cost, allowed
    if (price == np.round(price)).all() and price.max() < _LARGEST_WHOLE:
        # (Half a unit more is not enough for anything.)
        limit, size = math.floor(limit) + 0.5, 1.0
    else:
        size = float(price.max())
    arrays.rows(-math.inf, limit / size, 1, (sparse.csr_array(price[None, :] / size), 0))


def _wanted_instance(problem: Problem[Any, Any], rows: Wanted) -> tuple[Instance, Callable[[Int64s], Floats]]:
    arrays = _Arrays(problem.sites.spent)
    arrays.columns(problem.sites.cost, whole=True)
    count = len(rows.weight)
    begin = arrays.columns(np.zeros(count))
    arrays.rows(0.0, math.inf, count, (problem.both.by_row, 0), (_eye(count), begin))
    # (Where weights are whole, half a person less is as good, and rounding shuts out nothing.)
    whole = bool((rows.weight == np.round(rows.weight)).all())
    wanted = math.ceil(rows.wanted - NOISE * abs(rows.wanted)) - 0.5 if whole else rows.wanted
    size = float(rows.weight.max())
    arrays.rows(wanted / size, math.inf, 1, (sparse.csr_array(rows.weight[None, :] / size), begin))
    return arrays.instance(), lambda counts: (counts > 0).astype(float)


def _gains_instance(
    problem: Problem[Any, Any], rows: Gains, room: float
) -> tuple[Instance, Callable[[Int64s], Floats]]:
    """Return maximal covering as arrays, with rows left out as far as prices decide them.

    At the prices l, an answer is worth at most the bound less (w_i - l_i) for every row i that it does not cover, and
    less l_i for every cover of row i beyond the first: this is what is lost in the relaxed terms. With `room` between
    the bound and what is to be bettered,

    * a row with l_i > room is covered once at most: its weight goes to its sites, and it needs no column. Of these
      rows only those are kept that lie in no other, each as "at most one of these sites";
    * a row with w_i - l_i > room has to be covered: it needs no column. Of these only those that contain no other;
    * a row with one site is covered if and only if the site is open: its weight goes to the site.
    """
    matrix, sites = problem.both.by_row, problem.sites
    room += NOISE * (abs(rows.base) + float(rows.first.sum()))
    alone = np.diff(matrix.indptr) == 1
    once = (problem.prices > room) & ~alone
    must = (rows.first - problem.prices > room) & ~alone
    to_sites = once | alone
    worth = np.where(to_sites, rows.first, 0.0)
    constant = float(rows.first[must & ~once].sum())
    arrays = _Arrays(-rows.base - constant)
    arrays.columns(-problem.both.site_sums(worth), whole=True)
    other = np.flatnonzero(~to_sites & ~must)
    begin = arrays.columns(-rows.first[other])
    arrays.rows(0.0, math.inf, len(other), (take_rows(matrix, other), 0), (_eye(len(other)), begin))
    packed = take_rows(matrix, np.flatnonzero(once))
    if packed.shape[0]:
        turned: Rows = sparse.csr_array(packed.T)
        packed = take_rows(packed, np.flatnonzero(undominated_sites(turned, np.ones(packed.shape[0]))))
        arrays.rows(-math.inf, 1.0, packed.shape[0], (packed, 0))
    full = take_rows(matrix, np.flatnonzero(must))
    if full.shape[0]:
        full = take_rows(full, np.flatnonzero(undominated_rows(full)))
        arrays.rows(1.0, math.inf, full.shape[0], (full, 0))
    _add_budget(arrays, sites)
    return arrays.instance(), lambda counts: (counts[other] > 0).astype(float)


def _levels_instance(problem: Problem[Any, Any], rows: Gains) -> tuple[Instance, Callable[[Int64s], Floats]]:
    """Return backup covering as arrays: a column for the first cover of every row, and one for the second.

    They may be fractions, for it never pays that they are, unless the second cover is worth more than the first: it is
    whole then, and must not be taken without the first.
    """
    matrix = problem.both.by_row
    count = matrix.shape[0]
    must = np.zeros(count, dtype=bool) if rows.must is None else rows.must
    second = np.zeros(count) if rows.second is None else rows.second
    again = [np.flatnonzero((second > 0) & (second <= rows.first)), np.flatnonzero(second > rows.first)]
    order = np.concatenate([np.flatnonzero(~must), np.flatnonzero(must)])
    place = np.empty(count, dtype=np.int64)
    place[order] = np.arange(count)
    arrays = _Arrays(-rows.base)
    arrays.columns(np.zeros(matrix.shape[1]), whole=True)
    begin = arrays.columns(-rows.first[~must])
    arrays.columns(-rows.first[must], low=1.0)
    parts = [(take_rows(matrix, order), 0), (_eye(count), begin)]
    for some, whole in zip(again, (False, True), strict=True):
        ones = (-np.ones(len(some)), (place[some], np.arange(len(some))))
        parts.append((sparse.csr_array(ones, shape=(count, len(some))), arrays.columns(-second[some], whole=whole)))
    arrays.rows(0.0, math.inf, count, *parts)
    early = again[1]
    ones = (np.ones(len(early)), (np.arange(len(early)), place[early]))
    first = sparse.csr_array(ones, shape=(len(early), count))
    arrays.rows(0.0, math.inf, len(early), (first, begin), (_eye(len(early)), parts[3][1]))
    _add_budget(arrays, problem.sites)

    def follow(counts: Int64s) -> Floats:
        return np.concatenate([counts[order] > 0, *(counts[some] > 1 for some in again)]).astype(float)

    return arrays.instance(), follow
