"""Possible districts: where positions or people are estimates, who could go to which sites, group by group."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

Integers = NDArray[np.int64]
# The seed of the district as it is given.
AS_GIVEN = -1
# The room of a site without a limit [persons]: more than any district has, and what the flow code can still count.
NO_LIMIT = 2**31 - 1


@dataclass(frozen=True)
class Possible:
    """One possible district, as far as it says who could go to which sites of a case.

    Whoever can go to the same sites is one group: nothing is lost, because sites only ask how many come.

    Attributes
    ----------
    seed
        What it was drawn with; `AS_GIVEN` for the district as it is.
    groups, sites
        Every pair of a group and a site that it can go to, by index, ordered by group, then site.
    people
        Residents of every group [persons], a row per group, a column per year. Who can go nowhere is in no group.
    totals
        All residents by year [persons].
    """

    seed: int
    groups: Integers
    sites: Integers
    people: Integers
    totals: tuple[int, ...]

    def in_years(self, years: Sequence[int]) -> "Possible":
        """Return the same for some of the years."""
        totals = tuple(self.totals[t] for t in years)
        return Possible(self.seed, self.groups, self.sites, self.people[:, list(years)], totals)

    def surely(self, rooms: Integers, t: int) -> NDArray[np.bool_]:
        """Tell which groups are served whatever happens, where sites have so much room in a year.

        A site with room for everybody who could come turns nobody away. Without its groups, the next one may have.
        """
        people = self.people[:, t]
        found = np.zeros(len(people), dtype=bool)
        kept = rooms[self.sites] > 0
        groups, sites = self.groups[kept], self.sites[kept]
        while len(groups):
            wanted = np.bincount(sites, weights=people[groups], minlength=len(rooms))
            easy = groups[(wanted <= rooms)[sites]]
            if not len(easy):
                break
            found[easy] = True
            rest = ~found[groups]
            groups, sites = groups[rest], sites[rest]
        return found

    def served(self, rooms: Integers, t: int) -> int:
        """Return the most people who can be served at once, where sites have so much room in a year [persons].

        What is left when everybody is gone of whom it is sure is the greatest flow from groups to sites
        (Ford & Fulkerson 1956, Canadian Journal of Mathematics 8).
        """
        sure = self.surely(rooms, t)
        served = int(self.people[sure, t].sum())
        graph, _ = self._graph(rooms, t, sure)
        return served + (0 if graph is None else int(maximum_flow(graph, 0, graph.shape[0] - 1).flow_value))

    def waiting(self, rooms: Integers, t: int) -> NDArray[np.bool_]:
        """Tell in which groups more could be served if a site that they can go to opened, where the most are served.

        They are those on the side of the unserved in a least cut: whoever is elsewhere has room, or goes where
        somebody of theirs would not.
        """
        sure = self.surely(rooms, t)
        found = ~sure & (self.people[:, t] > 0)
        graph, homes = self._graph(rooms, t, sure)
        if graph is not None:
            flow = maximum_flow(graph, 0, graph.shape[0] - 1).flow
            residual = sparse.csr_array(graph - flow)
            residual.eliminate_zeros()
            reached = breadth_first_order(residual, 0, return_predecessors=False)
            found[homes] = False
            found[homes[reached[(reached >= 1) & (reached <= len(homes))] - 1]] = True
        return found

    def _graph(self, rooms: Integers, t: int, sure: NDArray[np.bool_]) -> tuple[sparse.csr_array | None, Integers]:
        """Return who could still go where as a graph from a source to a sink, and the groups in it, in their order."""
        people = self.people[:, t]
        kept = (rooms[self.sites] > 0) & ~sure[self.groups] & (people[self.groups] > 0)
        homes, groups = np.unique(self.groups[kept], return_inverse=True)
        if not len(homes):
            return None, homes
        ends, sites = np.unique(self.sites[kept], return_inverse=True)
        first, sink = 1 + len(homes), 1 + len(homes) + len(ends)
        starts = [np.zeros(len(homes), dtype=np.int64), 1 + groups, first + np.arange(len(ends))]
        stops = [1 + np.arange(len(homes)), first + sites, np.full(len(ends), sink)]
        most = [people[homes], people[homes][groups], rooms[ends]]
        arcs = (np.concatenate(most).astype(np.int32), (np.concatenate(starts), np.concatenate(stops)))
        return sparse.csr_array(arcs, shape=(sink + 1, sink + 1)), homes


def gathered(seed: int, places: Integers, sites: Integers, levels: Integers, able: Integers) -> Possible:
    """Return a possible district of its pairs of place and site, and of who can use which.

    Parameters
    ----------
    places, sites, levels
        One entry per pair; the level as in `Links.levels`.
    able
        People who have the ways to travel of each level [persons]: a table of places by years each.
    """
    count, years = able.shape[1], able.shape[2]
    # (Those who have a level and no rarer one.)
    exactly = able - np.concatenate([able[1:], np.zeros((1, count, years), dtype=np.int64)])
    near: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for i, j, level in zip(places.tolist(), sites.tolist(), levels.tolist(), strict=True):
        near[i].append((j, level))
    found: dict[tuple[int, ...], Integers] = {}
    for i, pairs in enumerate(near):
        for n in range(len(able)):
            people = exactly[n, i]
            reached = tuple(sorted(j for j, level in pairs if level <= n))
            if reached and people.any():
                found[reached] = found[reached] + people if reached in found else people.copy()
    lengths = [len(reached) for reached in found]
    return Possible(
        seed,
        np.repeat(np.arange(len(found)), lengths).astype(np.int64),
        np.array([j for reached in found for j in reached], dtype=np.int64),
        np.array(list(found.values()), dtype=np.int64).reshape(len(found), years),
        tuple(int(total) for total in able[0].sum(axis=0)),
    )
