"""Which place can reach which site, and in how many seconds: a sparse matrix."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from allocate.travel.circles import Circle, Mode
from allocate.travel.points import Integers, Metric, metres

# No journey takes this long [s].
_NEVER = 2**62


@dataclass(frozen=True)
class Spots:
    """Points of the map, by id.

    Attributes
    ----------
    ids
        One id per point.
    metres
        Position in the district's metric reference system [m], one row per point.
    homes
        Index of the place where each point stands; -1 where unknown.
    """

    ids: tuple[str, ...]
    metres: Metric
    homes: Integers


@dataclass(frozen=True)
class Links:
    """Every pair of place and site within a circle, ordered by place, then seconds, then site.

    Attributes
    ----------
    places, sites
        Indices, one per pair.
    seconds
        Travel time one way [s], one per pair.
    """

    places: Integers
    sites: Integers
    seconds: Integers

    def __len__(self) -> int:
        return len(self.places)


def within(places: Metric, sites: Metric, radii: Integers) -> list[list[int]]:
    """Return, for every place, the sites whose straight line, in whole metres, is no longer than its radius [m]."""
    if not len(places) or not len(sites):
        return [[] for _ in places]
    found: Any = cKDTree(sites).query_ball_point(places, radii + 1.0, return_sorted=True)
    return [[j for j in near if metres(places[i], sites[j]) <= radii[i]] for i, near in enumerate(found)]


def adjoining(places: Metric, longest: int) -> set[tuple[int, int]]:
    """Return the pairs of places that adjoin: no third place lies between them (Gabriel graph).

    A third place lies between two when it is inside the circle that has the two as ends of a diameter
    (Gabriel and Sokal 1969, Systematic Zoology 18(3)). Pairs farther apart than `longest` [m] are left out.
    """
    if len(places) < 2:
        return set()
    tree = cKDTree(places)
    pairs = tree.query_pairs(longest, output_type="ndarray")
    if not len(pairs):
        return set()
    middle = (places[pairs[:, 0]] + places[pairs[:, 1]]) / 2
    half = np.hypot(*(places[pairs[:, 0]] - places[pairs[:, 1]]).T) / 2
    # The two ends lie on the circle: a hair inside it leaves them out whatever the rounding.
    between = tree.query_ball_point(middle, half * (1 - 1e-9) - 1e-6, return_length=True)
    return {(int(a), int(b)) for a, b in pairs[between == 0]} | {(int(b), int(a)) for a, b in pairs[between == 0]}


def links(
    places: Spots,
    sites: Spots,
    circle: Circle,
    modes: Mapping[str, Mode],
    table: Mapping[tuple[str, str, str], float] | None = None,
) -> Links:
    """Return the pairs within a circle.

    `table` holds the planner's own minutes by (place, place or institution, mode). For a mode that it names, its
    pairs alone count, and what it says decides, even between adjoining places; straight lines serve the other modes.
    A site in the place itself is always within the circle.
    """
    table = table or {}
    own = own_seconds(places, sites, circle.modes, table)
    listed = {mode for _, _, mode in table}
    drawn = [modes[name] for name in circle.modes if name not in listed]
    every = [modes[name] for name in circle.modes]
    count = len(sites.ids)
    told = np.array(sorted(i * count + j for i, j in own), dtype=np.int64)
    pairs = np.union1d(_worth_a_look(places, sites, circle.radius(dict(modes))), told)
    i, j = pairs // max(count, 1), pairs % max(count, 1)
    metres = np.rint(np.hypot(*(places.metres[i] - sites.metres[j]).T)).astype(np.int64)
    is_told = np.isin(pairs, told, assume_unique=True)
    quickest = _quickest(drawn, metres)
    quickest[is_told] = np.minimum(quickest[is_told], [own[divmod(pair, count)] for pair in told.tolist()])
    known = quickest < _NEVER
    in_time = known & (quickest <= (-1 if circle.seconds is None else circle.seconds))
    home = sites.homes[j]
    beside = _adjoin(places, circle, i, home) & ~is_told & bool(drawn)
    by_line = metres <= (-1 if circle.metres is None else circle.metres)
    kept = np.flatnonzero((home == i) | in_time | beside | by_line)
    seconds = np.where(known, quickest, _quickest(every, metres))[kept]
    order = np.lexsort((j[kept], seconds, i[kept]))
    return Links(i[kept][order], j[kept][order], seconds[order])


def _quickest(modes: Sequence[Mode], metres: Integers) -> Integers:
    """Return the time of the quickest mode over straight lines, rounded up [s]."""
    best = np.full(len(metres), _NEVER, dtype=np.int64)
    for mode in modes:
        over, under = mode.seconds_per_metre.as_integer_ratio()
        best = np.minimum(best, -(-metres * over // under))
    return best


def _adjoin(places: Spots, circle: Circle, i: Integers, home: Integers) -> NDArray[np.bool_]:
    """Tell, for every pair of a place and another's home, whether the two places adjoin, where the circle asks it."""
    if not circle.adjoining_metres:
        return np.zeros(len(i), dtype=bool)
    count = len(places.ids)
    near = [a * count + b for a, b in adjoining(places.metres, circle.adjoining_metres)]
    return np.isin(i * count + home, np.array(near, dtype=np.int64)) & (home >= 0)


def _worth_a_look(places: Spots, sites: Spots, radius: int) -> Integers:
    """Return the pairs that are no farther apart than anything in the circle can be: place times sites plus site."""
    if not len(places.ids) or not len(sites.ids):
        return np.zeros(0, dtype=np.int64)
    within: Any = cKDTree(sites.metres).query_ball_point(places.metres, radius + 1)
    lengths = np.fromiter(map(len, within), dtype=np.int64, count=len(within))
    found = np.fromiter(chain.from_iterable(within), dtype=np.int64, count=int(lengths.sum()))
    return np.sort(np.repeat(np.arange(len(within)), lengths) * len(sites.ids) + found)


def own_seconds(
    places: Spots, sites: Spots, modes: Collection[str], table: Mapping[tuple[str, str, str], float]
) -> dict[tuple[int, int], int]:
    """Return the planner's own quickest times in some modes [s], by indices of place and site."""
    place_index = {name: i for i, name in enumerate(places.ids)}
    stands: dict[str, list[int]] = {}
    for j, name in enumerate(sites.ids):
        home = int(sites.homes[j])
        for end in {name, places.ids[home] if home >= 0 else name}:
            stands.setdefault(end, []).append(j)
    found: dict[tuple[int, int], int] = {}
    for (start, end, mode), minutes in table.items():
        if mode not in modes:
            continue
        for j in stands.get(end, []):
            pair = place_index[start], j
            time = round(minutes * 60)
            found[pair] = min(time, found.get(pair, time))
    return found
