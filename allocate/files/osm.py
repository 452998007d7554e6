"""Roads, and what bars the way, from an extract of OpenStreetMap."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from shapely.geometry.base import BaseGeometry

from allocate.fault_kinds import FaultKind
from allocate.faults import disk_reason
from allocate.files import osm_ways
from allocate.files.osm_blobs import NoBlobsError, check_blobs
from allocate.files.osm_tags import CLASS_OF, KEYS, NO_ROADS, WATER, WAYS, Road, bars_as_area, bars_as_line, road_of
from allocate.files.osm_ways import HISTORY, MANY, NotReadError, Ways, read_apart
from allocate.files.sheet import Spotted, Unreadable, too_large
from allocate.travel.network import ROAD_CLASSES, RoadNetwork, Shapes, bits_of
from allocate.travel.points import Integers
from allocate.words import few

# How the library calls what a name ends with.
_FORMS = {".pbf": "pbf", ".osm": "osm"}
OSM_SUFFIXES = tuple(_FORMS)
# It is read as it goes by, never as a whole: 88 MB with six million nodes take 0.2 GB of memory and 7 s of computing.
MOST_BYTES = 1_000_000_000
# A smaller pond is walked round: at most some 200 m more.
LEAST_WATER_M2 = 10_000.0
_METRES_PER_DEGREE = 111_195.0
_EARTH = (-180.0, -90.0, 180.0, 90.0)

# Stands for ways that are no roads.
_NO_ROAD = Road(ROAD_CLASSES[0])

type Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Extract:
    """What an extract gives.

    Attributes
    ----------
    roads
        Nodes and barriers in degrees of WGS-84, which OpenStreetMap always is.
    spotted
        What was left out, counted and named.
    """

    roads: RoadNetwork
    spotted: tuple[Spotted, ...] = ()


def open_osm(path: Path, around: Box | None) -> Extract:
    """Return the roads of an extract, and what bars the way, that touch a box.

    Roads meet where they share a node of OpenStreetMap, and nowhere else: one that only crosses another on the map is a
    bridge, or not drawn well enough to rely on. What a way is to whom is for `road_of` to say, and what bars the way
    for `bars_as_line` and `bars_as_area`. Water below one hectare bars nobody.

    Parameters
    ----------
    around
        West, south, east and north [degrees of WGS-84]; None for all that there is. A way whose own box touches it is
        kept as a whole.

    Raises
    ------
    Unreadable
        When the library is not installed, or the file is none of OpenStreetMap, spoilt, too large, a history of edits,
        or has no roads in the box.
    """
    form = _FORMS.get(path.suffix.lower())
    if form is None:
        raise Unreadable(FaultKind.FILE_FORMAT, formats=", ".join(OSM_SUFFIXES))
    if find_spec("osmium") is None:
        raise Unreadable(FaultKind.EXTRA_MISSING, extra="osm")
    around = around or _EARTH
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise too_large(size, MOST_BYTES)
        if form == "pbf":
            check_blobs(path)
        ways = read_apart(path, form, around, WAYS, WATER, KEYS)
    except OSError as error:
        raise Unreadable(FaultKind.FILE_UNREADABLE, reason=disk_reason(error)) from None
    except (NoBlobsError, NotReadError) as error:
        raise _refusal(str(error)) from None
    roads = [road_of(tags) for tags in ways.tags]
    network, cut = _network(ways, roads)
    if not len(network):
        raise Unreadable(FaultKind.OSM_ELSEWHERE, count=ways.roads)
    barriers, incomplete = _barriers(ways, around)
    spotted = list(_unknown(ways))
    if len(cut):
        spotted.append(_left(FaultKind.OSM_CUT, len(cut), ways.ids[np.unique(cut)]))
    if incomplete:
        spotted.append(_left(FaultKind.OSM_SHORES, len(incomplete), [ways.ids[of[0]] for of in incomplete]))
    return Extract(replace(network, barriers=barriers), tuple(spotted))


def _refusal(why: str) -> Unreadable:
    if why == HISTORY:
        return Unreadable(FaultKind.OSM_HISTORY)
    if why == MANY:
        return Unreadable(FaultKind.ROADS_MANY, most=osm_ways.MOST_NODES)
    return Unreadable(FaultKind.FILE_CONTENT, format="OpenStreetMap")


def _left(what: FaultKind, count: int, ways: Iterable[int]) -> Spotted:
    """Say that something was left out of some ways, and name the first ones."""
    return Spotted(what, details={"count": count, "ways": few([str(way) for way in ways])}, fault=False)


def _unknown(ways: Ways) -> Iterator[Spotted]:
    """Yield that some values of highway=… are neither roads nor known to be none."""
    often = np.bincount(ways.tagged[ways.tagged >= 0], minlength=len(ways.tags))
    found = Counter[str]()
    for tags, count in zip(ways.tags, often.tolist(), strict=True):
        value = tags.get("highway", "")
        if value and value not in CLASS_OF and value not in NO_ROADS:
            found[value] += count
    if found:
        shown = few([f"{value} ({count})" for value, count in found.most_common()])
        yield Spotted(FaultKind.OSM_UNKNOWN, details={"count": found.total(), "values": shown}, fault=False)


def _network(ways: Ways, roads: Sequence[Road | None]) -> tuple[RoadNetwork, Integers]:
    """Return all pieces of roads, and for each piece that lacks a position the way that it belongs to."""
    # (The last one stands for ways that have no tags of their own.)
    known = [*(road or _NO_ROAD for road in roads), _NO_ROAD]
    drivable = np.array([road is not _NO_ROAD for road in known])
    classes = np.array([ROAD_CLASSES.index(road.kind) for road in known], dtype=np.uint8)
    closed = np.array([bits_of(road.closed) for road in known], dtype=np.uint8)
    direction = np.array([road.way for road in known])
    sealed = np.array([road.sealed for road in known])

    way = np.repeat(np.arange(len(ways.sizes)), ways.sizes)
    start = np.flatnonzero(drivable[ways.tagged[way[:-1]]] & (way[:-1] == way[1:]))
    there = ~np.isnan(ways.positions[:, 0])
    cut = ~(there[start] & there[start + 1])
    lost = way[start[cut]]
    start = start[~cut]
    # A node is where its number is, and numbers at one spot that follow each other on a road are one node: a piece of
    # no length would be no edge.
    used = np.unique(np.concatenate([start, start + 1]))
    _, first, number = np.unique(ways.refs[used], return_index=True, return_inverse=True)
    node = np.zeros(len(way), dtype=np.int64)
    node[used] = number
    positions = ways.positions[used[first]]
    still = start[(ways.positions[start] == ways.positions[start + 1]).all(1)]
    same = coo_array((np.ones(len(still)), (node[still], node[still + 1])), (len(first), len(first)))
    _, merged = connected_components(same, directed=False)
    tagged = ways.tagged[way[start]]
    turned = direction[tagged] < 0
    ends = merged[node[np.stack([start, start + 1])]]
    ends[:, turned] = ends[::-1, turned]
    real = ends[0] != ends[1]
    kept, at = np.unique(ends[:, real], return_inverse=True)
    where = np.zeros((merged.max(initial=-1) + 1, 2))
    where[merged] = positions
    starts, stops = at.reshape(2, -1)
    tagged = tagged[real]
    network = RoadNetwork(
        where[kept], starts, stops, classes[tagged], direction[tagged] != 0, closed[tagged], sealed=sealed[tagged]
    )
    return network, lost


def _barriers(ways: Ways, around: Box) -> tuple[Shapes, list[Integers]]:
    """Return all barriers that touch a box, and the relations of water that the file does not hold as a whole.

    Of those the shores that are there bar the way: nobody can say on which side of them the water is.
    """
    way = np.repeat(np.arange(len(ways.sizes)), ways.sizes)
    whole = np.bincount(way, np.isnan(ways.positions[:, 0]), len(ways.sizes)) == 0
    lines = np.array([*(bars_as_line(tags) for tags in ways.tags), False])[ways.tagged]
    areas = np.array([*(bars_as_area(tags) for tags in ways.tags), False])[ways.tagged]
    drawn = np.split(ways.positions, np.cumsum(ways.sizes)[:-1])
    water: list[BaseGeometry] = [
        shapely.Polygon(drawn[at]) for at in np.flatnonzero(areas & whole & _closed(ways)).tolist()
    ]
    incomplete = []
    for members, lacking in zip(ways.relations, ways.lacking.tolist(), strict=True):
        shores = [drawn[at] for at in members.tolist() if whole[at] and ways.sizes[at] > 1]
        # (Islands are areas within the area: every second ring is land again.)
        area = shapely.build_area(shapely.node(shapely.MultiLineString(shores)))
        if lacking or len(shores) < len(members) or area.is_empty:
            incomplete.append(members)
            lines[members] = True
        else:
            water.append(area)
    valid = shapely.make_valid(np.array(water, dtype=object))
    # (What was no area to begin with can become a collection of areas and lines.)
    parts = shapely.get_parts(shapely.get_parts(valid))
    square_metres = _METRES_PER_DEGREE**2 * np.cos(np.radians(shapely.get_y(shapely.centroid(parts))))
    parts = parts[shapely.area(parts) * square_metres > LEAST_WATER_M2]
    found = np.concatenate([_lines(ways, lines[way]), parts])
    return found[shapely.intersects(found, shapely.box(*around))], incomplete


def _closed(ways: Ways) -> NDArray[np.bool_]:
    """Return which ways are rings."""
    last = np.cumsum(ways.sizes) - 1
    closed = ways.sizes > 3
    closed[closed] = ways.refs[last[closed]] == ways.refs[(last - ways.sizes + 1)[closed]]
    return closed


def _lines(ways: Ways, chosen: NDArray[np.bool_]) -> Shapes:
    """Return ways as lines, broken where a node has no position; `chosen` is one flag per node."""
    way = np.repeat(np.arange(len(ways.sizes)), ways.sizes)
    at = np.flatnonzero(chosen & ~np.isnan(ways.positions[:, 0]))
    line = np.cumsum(np.diff(at, prepend=-2) + np.diff(way[at], prepend=-1) > 1)
    long = np.bincount(line, minlength=1)[line] > 1
    _, line = np.unique(line[long], return_inverse=True)
    found = np.asarray(shapely.linestrings(ways.positions[at[long]], indices=line), dtype=object)
    return found[shapely.length(found) > 0]
