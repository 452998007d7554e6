"""Makes up roads and rivers over a district's villages: for tests and measurements, **nowhere what is really there**.

No road data of Baodi is bundled. What comes out of here is synthetic and the same from the same seed; it stands where
roads might: a plan along it says what a network can change, never what is so in Baodi.

* Villages that are relative neighbours (Toussaint 1980, Pattern Recognition 12(4)) are joined by roads of class
  `tertiary`, other neighbours in the Gabriel graph by `residential` ones. Every road has two bends.
* Neighbouring town centres are joined by `secondary` roads, and a `trunk` road runs from west to east.
* Rivers run from the north-west to the south-east. Secondary and trunk roads cross them on bridges, and so does one
  village road in `BRIDGED`; of the others as few as it takes to leave nobody without any way out.
* A `motorway` runs from south to north. It is a barrier like the rivers: nobody crosses it but under a bridge, and cars
  get on at one secondary or trunk road in `INTERCHANGE`.
"""

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from allocate.district import District
from allocate.travel.adjoining import adjoining
from allocate.travel.network import ROAD_CLASSES, RoadNetwork
from allocate.travel.points import Metric, metric

# One village road in so many that cross a river has a bridge; under the motorway it is one in fewer.
BRIDGED, UNDERPASS = 6, 2
INTERCHANGE = 3
# Longest road between neighbouring villages, and between neighbouring towns [m].
_LONGEST, _LONGEST_BETWEEN_TOWNS = 8_000, 30_000
# How far a bend lies off the straight line, at most, as a share of it.
_BEND = 0.08
_WIDEST_FIRST = {name: n for n, name in enumerate(ROAD_CLASSES)}


@dataclass(frozen=True)
class MadeUp:
    """Roads and barriers that somebody made up.

    Attributes
    ----------
    roads
        Pieces of road between junctions, with the class of each [m].
    barriers
        Rivers, and the motorway, each once [m].
    bridges
        How many roads cross a river.
    """

    roads: tuple[tuple[shapely.LineString, str], ...]
    barriers: tuple[tuple[shapely.LineString, str], ...]
    bridges: int


def make_up(district: District, *, rivers: int = 4, seed: int = 1) -> MadeUp:
    """Return made-up roads over the places of a district: see the head of this file."""
    random = np.random.default_rng(seed)
    places = metric([(p.lon or 0.0, p.lat or 0.0) for p in district.places], district.datum, district.epsg)
    towns = metric([(t.lon or 0.0, t.lat or 0.0) for t in district.towns], district.datum, district.epsg)
    spots = np.unique(places.round(1), axis=0)
    west, south, east, north = (*spots.min(axis=0), *spots.max(axis=0))
    water = [_river(random, (west, south, east, north), (n + 0.5) / rivers) for n in range(rivers)]
    motorway = _wavy(
        random,
        np.array([west + 0.6 * (east - west), south - 5000]),
        np.array([west + 0.7 * (east - west), north + 5000]),
        9,
        0.02,
    )
    wide = [
        (_wavy(random, towns[a], towns[b], 4, _BEND), "secondary")
        for a, b in _neighbours(towns, _LONGEST_BETWEEN_TOWNS)
    ]
    middle = float(np.median(towns[:, 1]))
    wide.append((_wavy(random, np.array([west - 5000, middle]), np.array([east + 5000, middle]), 12, 0.02), "trunk"))
    pairs = _neighbours(spots, _LONGEST)
    near = _relative(spots, pairs)
    narrow = [_wavy(random, spots[a], spots[b], 3, _BEND) for a, b in pairs]
    classes = ["tertiary" if one else "residential" for one in near]
    kept = _crossing(random, narrow, near, water, motorway)
    kept |= _ways_out(spots, pairs, narrow, kept)
    village = [(line, name) for line, name, stays in zip(narrow, classes, kept, strict=True) if stays]
    lines = [*wide, *village]
    bridges = sum(line.crosses(river) for line, _ in lines for river in water)
    barriers = (*((river, "river") for river in water), (motorway, "motorway"))
    return MadeUp(tuple(_joined(lines, motorway)), barriers, bridges)


def _wavy(random: np.random.Generator, a: Metric, b: Metric, parts: int, bend: float) -> shapely.LineString:
    """Return a line between two points that bends on the way."""
    along = np.linspace(0, 1, parts + 1)[:, None]
    across = np.array([a[1] - b[1], b[0] - a[0]])
    off = random.uniform(-bend, bend, parts + 1)
    off[[0, -1]] = 0
    return shapely.LineString((a + (b - a) * along + across * off[:, None]).round(1))


def _river(random: np.random.Generator, box: Sequence[float], where: float) -> shapely.LineString:
    """Return a river from the north-west to the south-east, some way along the other diagonal of a box."""
    west, south, east, north = box
    middle = np.array([west + where * (east - west), south + where * (north - south)])
    reach = np.array([east - west, south - north])
    return _wavy(random, middle - 0.6 * reach, middle + 0.6 * reach, 30, 0.012)


def _neighbours(points: Metric, longest: int) -> list[tuple[int, int]]:
    return sorted((a, b) for a, b in adjoining(points, longest) if a < b)


def _relative(points: Metric, pairs: Sequence[tuple[int, int]]) -> list[bool]:
    """Tell of every pair whether no third point is nearer to both than they are to each other."""
    tree = cKDTree(points)
    found = []
    for a, b in pairs:
        apart = float(np.hypot(*(points[a] - points[b]))) * (1 - 1e-9)
        beside = set(tree.query_ball_point(points[a], apart)) & set(tree.query_ball_point(points[b], apart))
        found.append(not beside - {a, b})
    return found


def _crossing(
    random: np.random.Generator,
    lines: Sequence[shapely.LineString],
    near: Sequence[bool],
    water: Sequence[shapely.LineString],
    motorway: shapely.LineString,
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Tell of every village road whether it is there: one that crosses a barrier needs a bridge."""
    wet = np.array([any(line.intersects(river) for river in water) for line in lines])
    cut = np.array([line.intersects(motorway) for line in lines])
    drawn = random.random((2, len(lines)))
    over_water = ~wet | (np.array(near) & (drawn[0] < 1 / BRIDGED))
    return over_water & (~cut | (drawn[1] < 1 / UNDERPASS))


def _ways_out(
    spots: Metric, pairs: Sequence[tuple[int, int]], lines: Sequence[shapely.LineString], kept: Any
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Tell which roads have to be there after all, the shortest first, so that all villages hang together."""
    more = np.zeros(len(pairs), dtype=bool)
    ends = np.array(pairs)
    for n in sorted(np.flatnonzero(~kept).tolist(), key=lambda n: lines[n].length):
        there = ends[kept | more]
        graph = coo_array((np.ones(len(there)), (there[:, 0], there[:, 1])), shape=(len(spots), len(spots)))
        count, part = connected_components(graph, directed=False)
        if count == 1:
            break
        more[n] = part[ends[n, 0]] != part[ends[n, 1]]
    return more


def _joined(
    lines: Sequence[tuple[shapely.LineString, str]], motorway: shapely.LineString
) -> Iterator[tuple[shapely.LineString, str]]:
    """Yield the pieces between junctions: roads meet wherever they cross, the motorway only at its interchanges."""
    sources = [line for line, _ in lines]
    tree = shapely.STRtree(sources)
    pieces = shapely.get_parts(shapely.node(shapely.MultiLineString(sources)))
    inside, source = tree.query(shapely.line_interpolate_point(pieces, 0.5, normalized=True), "dwithin", distance=0.05)
    widest = dict.fromkeys(range(len(pieces)), "residential")
    for n, m in zip(inside.tolist(), source.tolist(), strict=True):
        widest[n] = min(widest[n], lines[m][1], key=_WIDEST_FIRST.__getitem__)
    crossings = [
        (float(motorway.project(point)), n, point)
        for n, piece in enumerate(pieces.tolist())
        if widest[n] in ("secondary", "trunk")
        for point in shapely.get_parts(piece.intersection(motorway)).tolist()
        if not point.is_empty
    ]
    gates = sorted(crossings, key=lambda gate: gate[:2])[::INTERCHANGE]
    at_gate = {n: point for _, n, point in gates}
    for n, piece in enumerate(pieces.tolist()):
        parts = _cut(piece, at_gate[n]) if n in at_gate else (piece,)
        yield from ((part, widest[n]) for part in parts)
    rest = motorway
    for _, _, point in gates:
        first, rest = _cut(rest, point)
        yield first, "motorway"
    yield rest, "motorway"


def _cut(line: shapely.LineString, point: shapely.Point) -> tuple[shapely.LineString, shapely.LineString]:
    """Return the two parts of a line before and after a point on it."""
    at = line.project(point)
    corners = list(line.coords)
    far = [line.project(shapely.Point(corner)) for corner in corners]
    here = (point.x, point.y)
    before = [corner for corner, away in zip(corners, far, strict=True) if away < at]
    after = [corner for corner, away in zip(corners, far, strict=True) if away > at]
    return shapely.LineString([*before, here]), shapely.LineString([here, *after])


def network_of(made: MadeUp) -> RoadNetwork:
    """Return made-up roads as a network."""
    number: dict[tuple[float, float], int] = {}
    starts, ends, classes = [], [], []
    for line, name in made.roads:
        at = [number.setdefault((round(x, 2), round(y, 2)), len(number)) for x, y in line.coords]
        for a, b in itertools.pairwise(at):
            starts.append(a)
            ends.append(b)
            classes.append(_WIDEST_FIRST[name])
    return RoadNetwork(
        np.array(list(number)),
        np.array(starts),
        np.array(ends),
        np.array(classes, dtype=np.uint8),
        np.zeros(len(starts), dtype=bool),
        np.array([3 if ROAD_CLASSES[one] == "motorway" else 0 for one in classes], dtype=np.uint8),
        np.array([line for line, _ in made.barriers], dtype=object),
    )


def write(made: MadeUp, district: District, folder: Path) -> None:
    """Write made-up roads and barriers into a district's folder, as GeoJSON in its own datum."""
    degrees = {"wgs84": 4326, "cgcs2000": 4490}[district.datum]
    back = pyproj.Transformer.from_crs(district.epsg, degrees, always_xy=True)

    def feature(line: shapely.LineString, about: dict[str, Any]) -> dict[str, Any]:
        lon, lat = back.transform(*np.array(line.coords).T)
        corners = np.column_stack([lon, lat]).round(7).tolist()
        geometry = {"type": "LineString", "coordinates": corners}
        return {"type": "Feature", "properties": {**about, "note": "synthetic"}, "geometry": geometry}

    layers = {
        "roads": [feature(line, {"highway": name}) for line, name in made.roads],
        "barriers": [feature(line, {"kind": name}) for line, name in made.barriers],
    }
    for name, features in layers.items():
        text = json.dumps({"type": "FeatureCollection", "features": features})
        (folder / f"{name}.geojson").write_text(text, encoding="utf-8")
