"""Good answers to full covering, quickly: local search in which rows that stay uncovered weigh more and more."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from allocate.classics.lagrange import Both
from allocate.classics.record import Record
from allocate.reduce import Floats, Int64s, Mask, runs

# Steps between two looks at the clock.
_LOOK = 16


def cover_cheaper(
    both: Both,
    cost: Floats,
    chosen: NDArray[np.integer],
    record: Record,
    *,
    seed: int,
    steps: int,
    better: Callable[[Int64s], None] | None = None,
) -> Int64s:
    """Look for a cheaper set of sites that covers every row, beginning with one that does; return the best.

    Whenever all is covered, a site is closed. Then, again and again, the site is closed whose rows weigh least, the
    best site of a random uncovered row is opened, and every uncovered row gets heavier, so that the search leaves where
    it is stuck (Gao, Weise & Li 2015, "An efficient local search heuristic with row weighting for the unicost set
    covering problem", European Journal of Operational Research 246(3)). A site that was closed is not opened again
    before one that shares a row with it has moved, and the one just opened is not closed at once. `better` is told
    every cheaper set as it is found.
    """
    search = _Weighing(both, cost, seed)
    for site in chosen.tolist():
        search.open(site)
    best = np.sort(np.asarray(chosen, dtype=np.int64))
    least = float(cost[best].sum())
    for step in range(steps):
        if step % _LOOK == 0 and record.is_over:
            break
        while not search.uncovered.any():
            now = np.flatnonzero(search.is_open)
            price = float(cost[now].sum())
            if price < least:
                best, least = now, price
                if better is not None:
                    better(best)
            if not search.close_lightest():
                return best
        search.close_lightest()
        search.open_for_some_row(least)
        search.weigh()
    return best


class _Weighing:
    """Which sites are open, how often each row is covered, and what opening or closing a site would change.

    `score[j]` is the weight of the rows that j alone covers, for an open site; of the uncovered rows that it reaches,
    for a closed one.
    """

    def __init__(self, both: Both, cost: Floats, seed: int) -> None:
        self.both, self.cost = both, cost
        self.matrix = both.by_row
        count, sites = self.matrix.shape
        self.draws = np.random.default_rng(seed)
        self.weight = np.ones(count)
        self.covers = np.zeros(count, dtype=np.int64)
        # The sum of the open sites of each row: the one that covers it, where only one does.
        self.owner = np.zeros(count, dtype=np.int64)
        self.score = both.site_sums(self.weight)
        self.is_open: Mask = np.zeros(sites, dtype=bool)
        self.may_open: Mask = np.ones(sites, dtype=bool)
        self.uncovered: Mask = np.ones(count, dtype=bool)
        self.moved = np.zeros(sites, dtype=np.int64)
        self.moves = 0
        self.spent = 0.0
        self.last = -1

    def rows(self, site: int) -> NDArray[np.integer]:
        """Return the rows that a site reaches."""
        turned = self.both.by_site
        return turned.indices[turned.indptr[site] : turned.indptr[site + 1]]

    def open(self, site: int) -> None:
        """Open a site."""
        rows = self.rows(site)
        before = self.covers[rows]
        self._share(rows[before == 0], -1.0)
        once = rows[before == 1]
        np.subtract.at(self.score, self.owner[once], self.weight[once])
        self.score[site] = float(self.weight[rows[before == 0]].sum())
        self.covers[rows] += 1
        self.owner[rows] += site
        self.uncovered[rows] = False
        self.is_open[site] = True
        self.spent += float(self.cost[site])
        self._note(site)

    def close(self, site: int) -> None:
        """Close a site."""
        rows = self.rows(site)
        self.covers[rows] -= 1
        self.owner[rows] -= site
        after = self.covers[rows]
        none = rows[after == 0]
        self.score[site] = 0.0
        self._share(none, 1.0)
        once = rows[after == 1]
        np.add.at(self.score, self.owner[once], self.weight[once])
        self.uncovered[none] = True
        self.is_open[site] = False
        self.spent -= float(self.cost[site])
        self._note(site)
        self.may_open[site] = False

    def close_lightest(self) -> bool:
        """Close the open site whose rows weigh least for its cost, of equals the one that moved longest ago."""
        sites = np.flatnonzero(self.is_open)
        sites = sites[sites != self.last]
        if not len(sites):
            return False
        self.close(int(sites[np.lexsort((self.moved[sites], self.score[sites] / self.cost[sites]))[0]]))
        return True

    def open_for_some_row(self, below: float) -> None:
        """Open the best site of a random uncovered row, if the sites then cost less than the best ones known."""
        rows = np.flatnonzero(self.uncovered)
        row = int(rows[self.draws.integers(len(rows))])
        sites = self.matrix.indices[self.matrix.indptr[row] : self.matrix.indptr[row + 1]]
        able = sites[self.may_open[sites]]
        if not len(able):
            able = sites
        able = able[self.spent + self.cost[able] < below * (1 + 1e-12)]
        if len(able):
            site = int(able[np.lexsort((self.moved[able], -self.score[able] / self.cost[able]))[0]])
            self.open(site)
            self.last = site

    def weigh(self) -> None:
        """Make every uncovered row heavier."""
        rows = np.flatnonzero(self.uncovered)
        self.weight[rows] += 1.0
        self.score += np.bincount(self._sites_of(rows), minlength=len(self.score))

    def _share(self, rows: NDArray[np.integer], sign: float) -> None:
        """Add the weight of rows to the score of each of their sites, or take it off."""
        lengths = self.matrix.indptr[1:][rows] - self.matrix.indptr[rows]
        weights = np.repeat(sign * self.weight[rows], lengths)
        self.score += np.bincount(self._sites_of(rows), weights=weights, minlength=len(self.score))

    def _sites_of(self, rows: NDArray[np.integer]) -> NDArray[np.integer]:
        begins = self.matrix.indptr[rows].astype(np.int64)
        return self.matrix.indices[runs(begins, self.matrix.indptr[1:][rows] - begins)]

    def _note(self, site: int) -> None:
        self.moves += 1
        self.moved[site] = self.moves
        self.may_open[self._sites_of(self.rows(site))] = True
