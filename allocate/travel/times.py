"""How long the way takes between positions, in each way to travel: by road where there are roads, else straight."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from hashlib import blake2b
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from allocate.travel.circles import Mode
from allocate.travel.dijkstra import PROCESSES, across, graph_of, milliseconds, quickest, seconds, times_within
from allocate.travel.network import RoadNetwork
from allocate.travel.points import Integers, Metric

# Where no way was found in the time that was asked for, it is taken to last a day [s]: too long for anything.
NO_WAY = 86_400
# The longest way that is looked for where nothing limits it [s].
LONGEST = 4 * 3600
# Positions nearer than this to each other are the same [m].
_SAME_SPOT = 0.5
# No product of whole numbers that NumPy multiplies is larger.
_MOST = 2**62
# Decimals of a metre to which positions are rounded before they are asked about.
ROUNDED = 1


@dataclass(frozen=True)
class Asked:
    """Times that somebody asks for: from some positions to others, in a way to travel, up to a limit.

    Attributes
    ----------
    starts, ends
        Positions [m], one row each.
    limit
        Longest time looked for [s].
    """

    mode: str
    starts: Metric
    ends: Metric
    limit: int


@dataclass(frozen=True)
class ByRoad:
    """Times of one way to travel between spots; ordered by start, then end.

    Attributes
    ----------
    starts, ends
        Indices of spots.
    seconds
        Time of the way, rounded up [s].
    off
        Indices of the spots that are too far from any road.
    """

    starts: Integers
    ends: Integers
    seconds: Integers
    off: tuple[int, ...] = ()


@dataclass(frozen=True)
class Times:
    """Times by road, as far as anybody asked for them.

    Attributes
    ----------
    spots
        Positions [m], each once.
    modes
        Times by way to travel; one that uses no roads is missing.
    """

    spots: Metric
    modes: Mapping[str, ByRoad] = field(default_factory=dict)

    @cached_property
    def _tree(self) -> cKDTree:
        return cKDTree(self.spots)

    @cached_property
    def _keys(self) -> Mapping[str, Integers]:
        return {name: one.starts * len(self.spots) + one.ends for name, one in self.modes.items()}

    @cached_property
    def _off(self) -> Mapping[str, NDArray[np.bool_]]:
        found = {}
        for name, one in self.modes.items():
            # (The last entry stands for a position that is no spot: nobody asked about it.)
            found[name] = np.zeros(len(self.spots) + 1, dtype=bool)
            found[name][[*one.off, -1]] = True
        return found

    def plain(self) -> dict[str, Any]:
        """Return it as JSON has it: for every spot, where ways lead from it and how long they take."""
        return {
            "spots": self.spots.tolist(),
            "modes": {
                name: {
                    "off": list(one.off),
                    "ways": [
                        [int(one.starts[group[0]]), one.ends[group].tolist(), one.seconds[group].tolist()]
                        for group in np.split(np.arange(len(one.starts)), np.flatnonzero(np.diff(one.starts)) + 1)
                        if len(group)
                    ],
                }
                for name, one in self.modes.items()
            },
        }

    @classmethod
    def of_plain(cls, content: Mapping[str, Any]) -> "Times":
        """Return what JSON says."""
        modes = {}
        for name, one in content["modes"].items():
            starts = [np.full(len(ends), start) for start, ends, _ in one["ways"]]
            parts = ([*starts], [way[1] for way in one["ways"]], [way[2] for way in one["ways"]])
            arrays = [np.concatenate([np.zeros(0, dtype=np.int64), *part]).astype(np.int64) for part in parts]
            modes[name] = ByRoad(arrays[0], arrays[1], arrays[2], tuple(one["off"]))
        return cls(np.array(content["spots"], dtype=np.float64).reshape(-1, 2), modes)

    def index(self, positions: Metric) -> Integers:
        """Return the spot of every position; -1 where there is none."""
        if not len(positions) or not len(self.spots):
            return np.full(len(positions), -1)
        away, which = self._tree.query(positions)
        return np.where(away <= _SAME_SPOT, which, -1)

    def is_off(self, mode: str, spots: Integers) -> NDArray[np.bool_]:
        """Tell of every spot whether it is too far from any road."""
        return self._off[mode][spots]

    def look_up(self, mode: str, starts: Integers, ends: Integers) -> Integers:
        """Return the times of pairs of spots [s]; `NO_WAY` where none was found in time."""
        keys, one = self._keys[mode], self.modes[mode]
        wanted = starts * len(self.spots) + ends
        if not len(keys):
            return np.full(len(wanted), NO_WAY)
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where(keys[at] == wanted, one.seconds[at], NO_WAY)


# What was worked out already, by the roads and what was asked: a plan asks the same again for every circle.
_FOUND: WeakKeyDictionary[RoadNetwork, dict[bytes, Times]] = WeakKeyDictionary()
_MOST_FOUND = 4


def times_by_road(network: RoadNetwork, modes: Mapping[str, Mode], asked: Iterable[Asked]) -> Times:
    """Return the times that are asked for, of the ways to travel that use roads."""
    wanted = [one for one in asked if modes[one.mode].roads is not None and len(one.starts) and len(one.ends)]
    key, found = _key(modes, wanted), _FOUND.setdefault(network, {})
    if key not in found:
        if len(found) == _MOST_FOUND:
            del found[next(iter(found))]
        found[key] = _work_out(network, modes, wanted)
    return found[key]


def _key(modes: Mapping[str, Mode], wanted: Sequence[Asked]) -> bytes:
    digest = blake2b()
    for one in wanted:
        digest.update(repr((one.mode, modes[one.mode].roads, one.limit, len(one.starts), len(one.ends))).encode())
        digest.update(np.ascontiguousarray(one.starts))
        digest.update(np.ascontiguousarray(one.ends))
    return digest.digest()


def _work_out(network: RoadNetwork, modes: Mapping[str, Mode], wanted: Sequence[Asked]) -> Times:
    if not wanted:
        return Times(np.zeros((0, 2)))
    every = np.vstack([part for one in wanted for part in (one.starts, one.ends)])
    spots, spot_of = np.unique(every.round(ROUNDED), axis=0, return_inverse=True)
    cuts = np.cumsum([len(part) for one in wanted for part in (one.starts, one.ends)])[:-1]
    groups = np.split(spot_of.ravel(), cuts)
    found = {}
    for name in dict.fromkeys(one.mode for one in wanted):
        parts = [(groups[2 * n], groups[2 * n + 1], one.limit) for n, one in enumerate(wanted) if one.mode == name]
        found[name] = _by_road(network, modes[name], spots, parts)
    return Times(spots, found)


def _by_road(network: RoadNetwork, mode: Mode, spots: Metric, parts: list[tuple[Integers, Integers, int]]) -> ByRoad:
    assert mode.roads is not None
    graph = graph_of(network, mode.roads, spots)
    on = graph.snapped.on
    found = []
    for starts, ends, limit in parts:
        most = milliseconds(limit)
        pairs = times_within(graph, starts, ends, most, PROCESSES)
        found.append((pairs.starts, pairs.ends, pairs.milliseconds))
        starts, ends = np.unique(starts[on[starts]]), np.unique(ends[on[ends]])
        direct = across(network, mode.roads, spots[starts], spots[ends])
        soon = direct.milliseconds <= most
        found.append((starts[direct.starts[soon]], ends[direct.ends[soon]], direct.milliseconds[soon]))
    named = np.unique(np.concatenate([part for starts, ends, _ in parts for part in (starts, ends)]))
    off = tuple(named[~on[named]].tolist())
    starts, ends, times = quickest(*(np.concatenate(part) for part in zip(*found, strict=True)))
    return ByRoad(starts, ends, seconds(times), off)


def straight_seconds(mode: Mode, metres: Integers) -> Integers:
    """Return the times over straight lines, rounded up [s]."""
    return _times(metres, mode.seconds_per_metre)


def _times(values: Integers, factor: Fraction) -> Integers:
    """Return whole numbers times a factor, rounded up."""
    over, under = factor.as_integer_ratio()
    if max(int(values.max(initial=1)) * over, under) > _MOST:
        # (A speed or a detour of many decimals: numbers of NumPy would begin again below zero, without a word.)
        return np.array([-(-value * over // under) for value in values.tolist()], dtype=np.int64)
    found: Integers = -(-values * over // under)
    return found


def road_seconds(mode: Mode, found: Integers) -> Integers:
    """Return the times of a way to travel along roads, of those that its speeds say, rounded up [s]."""
    return np.where(found >= NO_WAY, NO_WAY, np.minimum(_times(found, mode.slowness), NO_WAY))


@dataclass(frozen=True)
class Journeys:
    """How long the way takes from one position to another.

    Attributes
    ----------
    modes
        Ways to travel, by name.
    roads
        Times by road; None in a district without roads.
    """

    modes: Mapping[str, Mode]
    roads: Times | None = None

    def by_road(self, mode: str) -> bool:
        """Tell whether a way to travel uses roads here."""
        return self._times(mode) is not None

    def _times(self, mode: str) -> Times | None:
        return self.roads if self.roads is not None and mode in self.roads.modes else None

    def seconds(self, mode: str, starts: Metric, ends: Metric) -> Integers:
        """Return the time from each position to its counterpart [s].

        By road where both are on the network, `NO_WAY` where no road leads there in the time asked for; else over the
        straight line.
        """
        metres = np.rint(np.hypot(*(starts - ends).T)).astype(np.int64)
        straight, roads = straight_seconds(self.modes[mode], metres), self._times(mode)
        if roads is None:
            return straight
        by_road = road_seconds(self.modes[mode], roads.look_up(mode, roads.index(starts), roads.index(ends)))
        return np.where(self.is_straight(mode, starts, ends), straight, by_road)

    def is_straight(self, mode: str, starts: Metric, ends: Metric) -> NDArray[np.bool_]:
        """Tell of each position and its counterpart whether the way between them is taken to be a straight line."""
        roads = self._times(mode)
        if roads is None:
            return np.ones(len(starts), dtype=bool)
        return roads.is_off(mode, roads.index(starts)) | roads.is_off(mode, roads.index(ends))

    def how(self, mode: str, start: Metric, end: Metric) -> str:
        """Return what the time from one position to another is worked out from: `network` or `line`."""
        return "line" if self.is_straight(mode, start[None, :], end[None, :])[0] else "network"

    def way(self, mode: str, start: Metric, end: Metric) -> int:
        """Return the time from one position to another [s]."""
        return int(self.seconds(mode, start[None, :], end[None, :])[0])
