"""Roads as straight pieces between nodes: what a file of roads becomes, whatever its form."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from allocate.tables import ROAD_CLASSES as ROAD_CLASSES
from allocate.travel.points import Integers, Metric

# Who is on the road: a mode of travel says as which of these it goes.
TRAVELLERS = ("foot", "bicycle", "car")
# Who may not be on roads of a class, unless something else is said: 道路交通安全法 of 2003, articles 36 and 67.
CLOSED_TO = {"motorway": ("foot", "bicycle"), "cycleway": ("car",), "path": ("car",)}
Flags = NDArray[np.uint8]
Shapes = NDArray[np.object_]


def bits_of(travellers: Collection[str]) -> int:
    """Return some travellers as `RoadNetwork.closed` has them."""
    return sum(1 << TRAVELLERS.index(one) for one in travellers)


def _none() -> Shapes:
    return np.zeros(0, dtype=object)


@dataclass(frozen=True, eq=False)
class RoadNetwork:
    """The roads of a district and its surroundings.

    Where two roads meet they share a node; where one crosses the other on a bridge they do not.

    Attributes
    ----------
    nodes
        Position of every node in the district's metric reference system [m], one row per node.
    starts, ends
        Indices of the two nodes of every straight piece of road.
    classes
        Class of every piece, as an index into `ROAD_CLASSES`.
    one_way
        Whether cars go along a piece from its start to its end only; one flag per piece.
    closed
        Who may not use a piece, whatever its class: the bits 1, 2 and 4 for the `TRAVELLERS` in their order.
    barriers
        Lines and areas that nobody crosses but on a road [m]: rivers, lakes, railways, expressways.
    sealed
        Whether nobody gets on or off a piece between its ends, as on a bridge, in a tunnel, on a motorway or a ferry;
        one flag per piece. Nowhere unless it is said.
    """

    nodes: Metric
    starts: Integers
    ends: Integers
    classes: Flags
    one_way: NDArray[np.bool_]
    closed: Flags
    barriers: Shapes = field(default_factory=_none)
    sealed: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))

    def __post_init__(self) -> None:
        """Take roads to be open on all their length where nothing else is said."""
        if len(self.sealed) != len(self.starts):
            object.__setattr__(self, "sealed", np.zeros(len(self.starts), dtype=bool))

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def metres(self) -> Metric:
        """Return the length of every piece [m]."""
        length: Metric = np.hypot(*(self.nodes[self.ends] - self.nodes[self.starts]).T)
        return length

    def parts(self, used: NDArray[np.bool_] | None = None) -> tuple[Integers, Metric]:
        """Return in which part of the network every node lies, and how long each part is [m], whatever its directions.

        `used` tells which pieces join anything; without it all do.
        """
        used = np.ones(len(self), dtype=bool) if used is None else used
        n, starts, ends = len(self.nodes), self.starts[used], self.ends[used]
        graph = sparse.coo_array((np.ones(len(starts), dtype=np.int8), (starts, ends)), shape=(n, n))
        count, part = connected_components(graph, directed=False)
        return part.astype(np.int64), np.bincount(part[starts], weights=self.metres[used], minlength=count)

    def lines(self) -> shapely.MultiLineString:
        """Return all pieces as lines [m]."""
        pieces: Any = shapely.linestrings(np.stack([self.nodes[self.starts], self.nodes[self.ends]], axis=1))
        return shapely.MultiLineString(list(pieces))

    def moved(self, change: Callable[[Metric], Metric]) -> "RoadNetwork":
        """Return the same roads and barriers elsewhere: in another datum, or projected; one row per position."""
        return replace(self, nodes=change(self.nodes), barriers=shapely.transform(self.barriers, change))

    def barred(self, barriers: Shapes) -> "RoadNetwork":
        """Return the same roads with more barriers [m]."""
        return replace(self, barriers=np.concatenate([self.barriers, barriers]))
