"""Ways of an OpenStreetMap file that touch a box, read in a process of its own: spoilt bytes end that of the library.

The process is told what to read as JSON, and writes arrays of NumPy. It knows no rules: what a way is to a traveller is
for `osm_tags` to say, from the tags that this hands on.
"""

import io
import json
import math
import os
import subprocess
import sys
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# What gives a program its bounds.
_APART = Path(__file__).with_name("apart.py")
_MOST_SECONDS = 300
# A large county has some 0.3 million nodes on its roads.
MOST_NODES = 20_000_000
# How the process says why it read nothing.
_REFUSED = 3
HISTORY, MANY, BROKEN = "history", "many", "broken"

type Tags = Mapping[str, str]
type Positions = array[float]


class NotReadError(Exception):
    """The library did not read a file; says `HISTORY`, `MANY` or `BROKEN`."""


@dataclass(frozen=True)
class Ways:
    """Ways of a file that touch a box, and the members of relations that do.

    Attributes
    ----------
    tags
        Different sets of tags that ways have, of those keys that were asked for.
    tagged
        Index into `tags` for every way; that of members is -1.
    ids
        Number of every way in OpenStreetMap.
    sizes
        Number of nodes of every way.
    refs
        Number of every node of all ways in OpenStreetMap, way after way.
    positions
        Longitude and latitude of every such node [degrees]; NaN where the file has no such node.
    relations
        Indices of the ways of every relation.
    lacking
        Number of ways that every relation has and the file has not.
    roads
        Ways of the first wanted key in the whole file.
    """

    tags: Sequence[Tags]
    tagged: NDArray[np.int64]
    ids: NDArray[np.int64]
    sizes: NDArray[np.int64]
    refs: NDArray[np.int64]
    positions: NDArray[np.float64]
    relations: Sequence[NDArray[np.int64]]
    lacking: NDArray[np.int64]
    roads: int


def read_apart(
    path: Path,
    form: str,
    around: tuple[float, float, float, float],
    ways: Mapping[str, Sequence[str]],
    relations: Mapping[str, Sequence[str]],
    keys: Sequence[str],
) -> Ways:
    """Return the ways that touch a box.

    Parameters
    ----------
    form
        As the library calls it: `pbf` or `osm`.
    around
        West, south, east and north [degrees].
    ways, relations
        Keys with the values that make one wanted; every value where none is given.
    keys
        Tags to hand on.

    Raises
    ------
    NotReadError
        When the file is spoilt, or made to burst.
    """
    asked = [str(path.absolute()), form, around, ways, relations, keys, MOST_NODES]
    command = [sys.executable, "-P", str(_APART), str(Path(__file__)), json.dumps(asked)]
    # (A path of Chinese characters is one, whatever the system's language.)
    told = {**os.environ, "PYTHONUTF8": "1"}
    try:
        done = subprocess.run(command, capture_output=True, timeout=_MOST_SECONDS, check=False, env=told)
    except (OSError, ValueError, subprocess.SubprocessError):
        raise NotReadError(BROKEN) from None
    if done.returncode:
        # (Anything else is the library, or the system, that ended the process.)
        raise NotReadError(done.stdout.decode() if done.returncode == _REFUSED else BROKEN)
    with np.load(io.BytesIO(done.stdout), allow_pickle=False) as held:
        found = {name: held[name] for name in held}
    return Ways(
        json.loads(found["tags"].tobytes()),
        found["tagged"],
        found["ids"],
        found["sizes"],
        found["refs"],
        found["positions"],
        np.split(found["members"], np.cumsum(found["counts"])[:-1]) if len(found["counts"]) else [],
        found["lacking"],
        int(found["roads"][0]),
    )


@dataclass(frozen=True)
class _File:
    """A file whose nodes were read, so that its ways can be drawn."""

    file: Any
    located: Any
    around: Sequence[float]

    def ways(self, chosen: Any) -> Iterator[Any]:
        """Yield the ways that a filter lets pass."""
        import osmium

        with osmium.io.Reader(self.file, osmium.osm.WAY) as reader:
            for way in osmium.OsmFileIterator(reader, chosen, self.located):
                if way.visible:
                    yield way

    def touched(self, positions: Positions) -> bool:
        """Return whether the box around some positions touches the one that is asked for."""
        # (Plain numbers: a way has ten nodes, too few for NumPy to be quick.)
        west, south, east, north = self.around
        lons = [lon for lon in positions[::2] if lon == lon]
        if not lons or min(lons) > east or max(lons) < west:
            return False
        lats = [lat for lat in positions[1::2] if lat == lat]
        return min(lats) <= north and max(lats) >= south


class _Kept:
    """What is found, way after way; refuses what no district has."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.ids: list[int] = []
        self.tagged: list[int] = []
        self.refs: list[NDArray[np.int64]] = []
        self.positions: list[NDArray[np.float64]] = []
        self.nodes = 0

    def add(self, number: int, tagged: int, refs: NDArray[np.int64], positions: Positions) -> None:
        """Keep a way."""
        self.nodes += len(refs)
        if self.nodes > self.most:
            raise NotReadError(MANY)
        self.ids.append(number)
        self.tagged.append(tagged)
        self.refs.append(refs)
        self.positions.append(np.array(positions).reshape(-1, 2))


def _open(path: str, form: str, around: Sequence[float]) -> _File:
    import osmium

    file = osmium.io.File(path, form)
    with osmium.io.Reader(file, osmium.osm.NOTHING) as reader:
        if reader.header().has_multiple_object_versions:
            raise NotReadError(HISTORY)
    # (Sixteen bytes for every node. To find out first which ones the roads need would take longer than it saves.)
    located = osmium.NodeLocationsForWays(osmium.index.create_map("sparse_mem_array"))
    located.ignore_errors()
    with osmium.io.Reader(file, osmium.osm.NODE) as reader:
        osmium.apply(reader, located)
    return _File(file, located, around)


def _positions(way: Any, shapes: Any) -> Positions:
    """Return longitude and latitude [degrees] of each node of a way, one after the other; NaN where it has none."""
    import osmium

    try:
        # (Nine bytes of header, then two numbers for each node: many times faster than node by node.)
        return array("d", bytes.fromhex(shapes.create_linestring(way, osmium.geom.use_nodes.ALL))[9:])
    except (RuntimeError, osmium.InvalidLocationError):
        places = [node.location for node in way.nodes]
        known = [(place.lon, place.lat) if place.valid() else (math.nan, math.nan) for place in places]
        return array("d", chain.from_iterable(known))


def _refs(way: Any) -> NDArray[np.int64]:
    return np.array([node.ref for node in way.nodes], dtype=np.int64)


def _wanted(tags: Any, wanted: Mapping[str, Sequence[str]]) -> bool:
    """Return whether some tag makes a way or a relation one of those that are asked for."""
    return any((said := tags.get(key)) is not None and (not values or said in values) for key, values in wanted.items())


def _read(
    path: str,
    form: str,
    around: Sequence[float],
    wanted_ways: Mapping[str, Sequence[str]],
    wanted_relations: Mapping[str, Sequence[str]],
    keys: Sequence[str],
    most: int,
) -> dict[str, Any]:
    """Return what `Ways` is made of."""
    import osmium

    file = _open(path, form, around)
    shapes = osmium.geom.WKBFactory()
    kept, first_key, first, different = _Kept(most), next(iter(wanted_ways)), 0, dict[tuple[str | None, ...], int]()
    for way in file.ways(osmium.filter.KeyFilter(*wanted_ways)):
        tags = way.tags
        first += first_key in tags
        if _wanted(tags, wanted_ways) and file.touched(positions := _positions(way, shapes)):
            said = tuple(tags.get(key) for key in keys)
            kept.add(way.id, different.setdefault(said, len(different)), _refs(way), positions)
    relations, lacking = _relations(file, wanted_relations, kept)
    sets = [{key: said for key, said in zip(keys, one, strict=True) if said is not None} for one in different]
    return {
        "tags": np.frombuffer(json.dumps(sets).encode(), dtype=np.uint8),
        "tagged": np.array(kept.tagged, dtype=np.int64),
        "ids": np.array(kept.ids, dtype=np.int64),
        "sizes": np.array([len(refs) for refs in kept.refs], dtype=np.int64),
        "refs": np.concatenate([np.zeros(0, dtype=np.int64), *kept.refs]),
        "positions": np.concatenate([np.zeros((0, 2)), *kept.positions]),
        "members": np.array([at for relation in relations for at in relation], dtype=np.int64),
        "counts": np.array([len(relation) for relation in relations], dtype=np.int64),
        "lacking": np.array(lacking, dtype=np.int64),
        "roads": np.array([first]),
    }


def _relations(file: _File, wanted: Mapping[str, Sequence[str]], kept: _Kept) -> tuple[list[list[int]], list[int]]:
    """Keep the ways of all relations that touch the box; return which ways each has, and how many it lacks."""
    import osmium

    # (The library forgets a filter that nobody holds, and then ends the process.)
    chosen = osmium.filter.KeyFilter(*wanted)
    with osmium.io.Reader(file.file, osmium.osm.RELATION) as reader:
        members = [
            {member.ref for member in relation.members if member.type == "w" and member.ref > 0}
            for relation in osmium.OsmFileIterator(reader, chosen)
            if relation.visible and _wanted(relation.tags, wanted)
        ]
    asked = set().union(*members)
    if not asked:
        return [], []
    shapes = osmium.geom.WKBFactory()
    found = {}
    for way in file.ways(osmium.filter.IdFilter(asked)):
        positions = _positions(way, shapes)
        found[way.id] = _refs(way), positions, file.touched(positions)
    # (A shore far away closes the ring of one that is near.)
    near = [some for some in members if any(way in found and found[way][2] for way in some)]
    at = {}
    for number in sorted(set().union(*near) & set(found)):
        refs, positions, _ = found[number]
        at[number] = len(kept.ids)
        kept.add(number, -1, refs, positions)
    return [[at[way] for way in sorted(some) if way in at] for some in near], [len(some - set(at)) for some in near]


def _main() -> None:
    try:
        found = _read(*json.loads(sys.argv[1]))
    except BaseException as error:
        sys.stdout.write(str(error) if isinstance(error, NotReadError) else BROKEN)
        sys.exit(_REFUSED)
    written = io.BytesIO()
    np.savez(written, **found)
    sys.stdout.buffer.write(written.getbuffer())


if __name__ == "__main__":
    _main()
