"""Extracts of OpenStreetMap, written for a test."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import osmium
from osmium.osm.mutable import Node, Relation, Way

# A number, nodes or members, and tags.
type Element = tuple[int, Sequence[int], Mapping[str, str]]


def write_osm(
    path: Path,
    spots: Mapping[int, tuple[float, float]],
    ways: Iterable[Element],
    relations: Iterable[Element] = (),
    form: str = "",
) -> Path:
    """Write nodes, in degrees, ways, and areas that are drawn by several ways; a form is as the library calls it."""
    with osmium.SimpleWriter(osmium.io.File(str(path), form), overwrite=True) as file:
        for number, spot in spots.items():
            file.add_node(Node(id=number, location=spot))
        for number, nodes, tags in ways:
            file.add_way(Way(id=number, nodes=nodes, tags=tags))
        for number, members, tags in relations:
            drawn = [("w", member, "") for member in members]
            file.add_relation(Relation(id=number, members=drawn, tags={"type": "multipolygon", **tags}))
    return path
