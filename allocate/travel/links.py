"""Which place can reach which site, and in how many seconds: a sparse matrix."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import cKDTree

from allocate.travel.adjoining import adjoining
from allocate.travel.circles import Circle, Mode
from allocate.travel.points import Integers, Metric, metres
from allocate.travel.times import NO_WAY, Times, road_seconds, straight_seconds

# What the time of a pair was worked out from: the site stands in the place itself; a straight line; the planner's own
# table of times; the roads.
HOW = ("here", "line", "table", "network")
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
    how
        What the time was worked out from, one per pair, as an index into `HOW`.
    levels
        Who can go there, one per pair: those who have the ways to travel of this one of `Circle.levels`; 0: everybody.
    """

    places: Integers
    sites: Integers
    seconds: Integers
    how: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    levels: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __post_init__(self) -> None:
        """Take straight lines where nothing is said of what times were worked out from, and everybody where of whom."""
        if len(self.how) != len(self.places):
            object.__setattr__(self, "how", np.full(len(self.places), HOW.index("line")))
        if len(self.levels) != len(self.places):
            object.__setattr__(self, "levels", np.zeros(len(self.places), dtype=np.int64))

    def only(self, kept: NDArray[np.bool_]) -> "Links":
        """Return some of the pairs."""
        return Links(self.places[kept], self.sites[kept], self.seconds[kept], self.how[kept], self.levels[kept])

    def __len__(self) -> int:
        return len(self.places)


def within(places: Metric, sites: Metric, radii: Integers) -> list[list[int]]:
    """Return, for every place, the sites whose straight line, in whole metres, is no longer than its radius [m]."""
    if not len(places) or not len(sites):
        return [[] for _ in places]
    found: Any = cKDTree(sites).query_ball_point(places, radii + 1.0, return_sorted=True)
    return [[j for j in near if metres(places[i], sites[j]) <= radii[i]] for i, near in enumerate(found)]


def links(
    places: Spots,
    sites: Spots,
    circle: Circle,
    modes: Mapping[str, Mode],
    table: Mapping[tuple[str, str, str], float] | None = None,
    roads: Times | None = None,
) -> Links:
    """Return the pairs within a circle.

    `table` holds the planner's own minutes by (place, place or institution, mode). For a mode that it names, its
    pairs alone count, and what it says decides, even between adjoining places. A mode that uses `roads` takes them,
    and what they say decides likewise, unless the place or the site is too far from any road. Straight lines serve
    the rest. A site in the place itself is always within the circle.

    Where the circle says who has which mode, a pair is of the first level, the one that most people have, whose modes
    bring the site into the circle, and its time is that of these modes. Whoever has a quicker one as well is there
    sooner: the time is never too short, and each pair has one time and one number of people who can use it.
    """
    if len(circle.levels) > 1:
        every = range(len(circle.levels))
        return _first_of([links(places, sites, circle.of_level(n), modes, table, roads) for n in every])
    table = table or {}
    own = own_seconds(places, sites, circle.modes, table)
    listed = {mode for _, _, mode in table}
    by_road = [name for name in circle.modes if name not in listed and roads is not None and name in roads.modes]
    drawn = [name for name in circle.modes if name not in listed and name not in by_road]
    count = len(sites.ids)
    told = np.array(sorted(i * count + j for i, j in own), dtype=np.int64)
    pairs = np.union1d(_worth_a_look(places, sites, circle.radius(dict(modes))), told)
    leave = arrive = np.zeros(0, dtype=np.int64)
    if roads is not None and by_road:
        leave, arrive = roads.index(places.metres), roads.index(sites.metres)
        pairs = np.union1d(pairs, _joined(leave, arrive, roads, by_road))
    i, j = pairs // max(count, 1), pairs % max(count, 1)
    metres = np.rint(np.hypot(*(places.metres[i] - sites.metres[j]).T)).astype(np.int64)
    is_told = np.isin(pairs, told, assume_unique=True)
    quickest = _quickest([modes[name] for name in drawn], metres)
    how = np.full(len(pairs), HOW.index("line"))
    own_times = np.full(len(pairs), _NEVER)
    own_times[is_told] = [own[divmod(pair, count)] for pair in pairs[is_told].tolist()]
    how[own_times < quickest] = HOW.index("table")
    quickest = np.minimum(quickest, own_times)
    # Whether a straight line may stand for the way, and whether nobody knows better.
    is_drawn = np.full(len(pairs), bool(drawn))
    for name in by_road:
        assert roads is not None
        a, b = leave[i], arrive[j]
        off = roads.is_off(name, a) | roads.is_off(name, b)
        is_drawn |= off
        times = road_seconds(modes[name], roads.look_up(name, a, b))
        times = np.where(off, straight_seconds(modes[name], metres), np.where(times >= NO_WAY, _NEVER, times))
        better = times < quickest
        how[better] = np.where(off[better], HOW.index("line"), HOW.index("network"))
        quickest = np.minimum(quickest, times)
    known = quickest < _NEVER
    in_time = known & (quickest <= (-1 if circle.seconds is None else circle.seconds))
    home = sites.homes[j]
    beside = _adjoin(places, circle, i, home) & ~is_told & is_drawn
    by_line = metres <= (-1 if circle.metres is None else circle.metres)
    kept = np.flatnonzero((home == i) | in_time | beside | by_line)
    seconds = np.where(known, quickest, _quickest([modes[name] for name in circle.modes], metres))[kept]
    # A site in the middle of its place is no way along a road either; one at the other end of the village is.
    in_the_middle = (how == HOW.index("network")) & (quickest == 0)
    here = (home == i) & (~known | (how == HOW.index("line")) | in_the_middle)
    how[here] = HOW.index("here")
    order = np.lexsort((j[kept], seconds, i[kept]))
    return Links(i[kept][order], j[kept][order], seconds[order], how[kept][order])


def _first_of(levels: Sequence[Links]) -> Links:
    """Return the pairs of all levels, each at the first one that has it."""
    level = np.repeat(np.arange(len(levels)), [len(one) for one in levels])
    i, j, seconds, how = (
        np.concatenate([getattr(one, name) for one in levels]) for name in ("places", "sites", "seconds", "how")
    )
    # (Of equal pairs, `unique` names the first.)
    kept = np.unique(np.column_stack([i, j]), axis=0, return_index=True)[1]
    kept = kept[np.lexsort((j[kept], seconds[kept], i[kept]))]
    return Links(i[kept], j[kept], seconds[kept], how[kept], level[kept])


def _joined(a: Integers, b: Integers, roads: Times, by_road: Sequence[str]) -> Integers:
    """Return the pairs that some road joins, of the spots of places and of sites: place times sites plus site."""
    at = sparse.coo_array(
        (np.ones(len(b), dtype=bool), (np.where(b < 0, len(roads.spots), b), np.arange(len(b)))),
        shape=(len(roads.spots) + 1, len(b)),
    ).tocsr()[:-1]
    found = [np.zeros(0, dtype=np.int64)]
    for name in by_road:
        one, size = roads.modes[name], len(roads.spots)
        joins = sparse.csr_array((np.ones(len(one.starts), dtype=bool), (one.starts, one.ends)), shape=(size, size))
        ends = (joins[a[a >= 0]] @ at).tocoo()
        found.append(np.flatnonzero(a >= 0)[ends.row] * len(b) + ends.col)
    return np.unique(np.concatenate(found))


def _quickest(modes: Sequence[Mode], metres: Integers) -> Integers:
    """Return the time of the quickest mode over straight lines, rounded up [s]."""
    best = np.full(len(metres), _NEVER, dtype=np.int64)
    for mode in modes:
        best = np.minimum(best, straight_seconds(mode, metres))
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
