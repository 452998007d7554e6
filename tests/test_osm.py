"""Extracts of OpenStreetMap: which ways are roads to whom, what bars the way, and what no file does to us."""

import os
import random
import struct
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import osmium
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from osm_files import Element, write_osm
from osmium.osm.mutable import Node, Way
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from allocate.fault_kinds import FaultKind
from allocate.files import osm, osm_ways
from allocate.files.osm import open_osm
from allocate.files.osm_tags import CLASS_OF, NO_ROADS, bars_as_area, bars_as_line, road_of
from allocate.files.osm_ways import Ways
from allocate.files.sheet import Unreadable
from allocate.travel.network import ROAD_CLASSES, TRAVELLERS, RoadNetwork

AROUND = (117.0, 39.0, 117.1, 39.1)
FUZZ = int(os.environ.get("ALLOCATE_FUZZ", "6"))
type Spots = Mapping[int, tuple[float, float]]


def write(path: Path, spots: Spots, ways: Iterable[Element], relations: Iterable[Element] = (), form: str = "") -> Path:
    """Write a file; positions are thousandths of a degree east and north of 117° E, 39° N."""
    degrees = {number: (117 + x / 1000, 39 + y / 1000) for number, (x, y) in spots.items()}
    return write_osm(path, degrees, ways, relations, form)


def told(roads: RoadNetwork) -> list[tuple[Any, ...]]:
    """Return every piece in thousandths of a degree, with its class, to whom it is closed, and if it is one-way."""
    spots = [(round((x - 117) * 1000, 3), round((y - 39) * 1000, 3)) for x, y in roads.nodes.tolist()]
    columns = (roads.starts, roads.ends, roads.classes, roads.closed, roads.one_way)
    return sorted(
        (
            spots[a],
            spots[b],
            ROAD_CLASSES[kind],
            " ".join(t for n, t in enumerate(TRAVELLERS) if bits >> n & 1),
            one_way,
        )
        for a, b, kind, bits, one_way in zip(*(column.tolist() for column in columns), strict=True)
    )


def roads_of(path: Path) -> RoadNetwork:
    return open_osm(path, AROUND).roads


def refused(path: Path) -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        open_osm(path, AROUND)
    return caught.value


TOWN = dict[int, tuple[float, float]](
    [
        # the main street, with a bridge over the river from 3 to 4
        *enumerate([(10, 10), (20, 10), (30, 10), (40, 10), (50, 10)], 1),
        # the river, and the expressway that flies over the main street
        *enumerate([(35, 0), (35, 20), (15, 0), (15, 5), (15, 15), (15, 20)], 11),
        # a ring at the end of the main street
        *enumerate([(51, 11), (52, 10), (51, 9)], 21),
        # steps up to a path, a private road, a street that is one-way against its drawing
        *enumerate([(20, 12), (20, 20), (30, 20), (40, 20)], 31),
        # a railway with a tunnel
        *enumerate([(0, 30), (20, 30), (30, 30), (60, 30)], 41),
        # a lake, of which each shore is drawn in two parts, with an island; a pond
        *enumerate([(60, 60), (80, 60), (80, 80), (60, 80), (68, 68), (72, 68), (70, 72)], 51),
        *enumerate([(5, 5), (5.5, 5), (5.5, 5.5), (5, 5.5)], 61),
    ]
)
STREETS: list[Element] = [
    (1, [1, 2, 3], {"highway": "primary", "name": "主街"}),
    (2, [3, 4], {"highway": "primary", "bridge": "yes", "layer": "1"}),
    (3, [4, 5], {"highway": "primary"}),
    (4, [11, 12], {"waterway": "river"}),
    (5, [13, 14], {"highway": "motorway"}),
    (6, [14, 15], {"highway": "motorway", "bridge": "yes"}),
    (7, [15, 16], {"highway": "motorway"}),
    (8, [5, 21, 22, 23, 5], {"highway": "residential", "junction": "roundabout"}),
    (9, [2, 31], {"highway": "steps"}),
    (10, [31, 32], {"highway": "footway"}),
    (11, [3, 33], {"highway": "service", "access": "private"}),
    (12, [4, 34], {"highway": "secondary", "oneway": "-1"}),
    (13, [32, 33], {"highway": "construction"}),
    (14, [34, 12], {"route": "ferry"}),
    (15, [41, 42], {"railway": "rail"}),
    (16, [42, 43], {"railway": "rail", "tunnel": "yes"}),
    (17, [43, 44], {"railway": "rail"}),
    (18, [51, 52, 53], {}),
    (19, [53, 54, 51], {"highway": "track"}),
    (20, [55, 56, 57, 55], {}),
    (21, [61, 62, 63, 64, 61], {"natural": "water"}),
]
LAKE = [(1, [18, 19, 20], {"natural": "water"})]
PIECES = sorted(
    [
        ((10, 10), (20, 10), "primary", "", False),
        ((20, 10), (30, 10), "primary", "", False),
        ((30, 10), (40, 10), "primary", "", False),
        ((40, 10), (50, 10), "primary", "", False),
        ((15, 0), (15, 5), "motorway", "foot bicycle", True),
        ((15, 5), (15, 15), "motorway", "foot bicycle", True),
        ((15, 15), (15, 20), "motorway", "foot bicycle", True),
        ((50, 10), (51, 11), "residential", "", True),
        ((51, 11), (52, 10), "residential", "", True),
        ((52, 10), (51, 9), "residential", "", True),
        ((51, 9), (50, 10), "residential", "", True),
        ((20, 10), (20, 12), "path", "bicycle car", False),
        ((20, 12), (20, 20), "path", "car", False),
        ((30, 10), (30, 20), "service", "foot bicycle car", False),
        ((40, 20), (40, 10), "secondary", "", True),
        ((40, 20), (35, 20), "ferry", "car", False),
        ((80, 80), (60, 80), "track", "", False),
        ((60, 80), (60, 60), "track", "", False),
    ]
)


def test_a_town_is_read_as_it_is_drawn(tmp_path: Path) -> None:
    extract = open_osm(write(tmp_path / "镇.osm.pbf", TOWN, STREETS, LAKE), AROUND)
    assert extract.spotted == ()
    roads = extract.roads
    assert told(roads) == PIECES
    # The expressway and the track by the lake stand alone: what crosses on the map does not meet.
    joined = coo_array((np.ones(len(roads)), (roads.starts, roads.ends)), (len(roads.nodes), len(roads.nodes)))
    assert connected_components(joined, directed=False)[0] == 3
    lake = shapely.Polygon([TOWN[n] for n in (51, 52, 53, 54)], [[TOWN[n] for n in (55, 56, 57)]])
    barring = [shapely.LineString([TOWN[a], TOWN[b]]) for a, b in [(11, 12), (13, 14), (15, 16), (41, 42), (43, 44)]]
    found = [shapely.transform(one, lambda at: (at - [117, 39]) * 1000) for one in roads.barriers]
    for one in (*barring, lake):
        assert sum(shapely.equals_exact(one.normalize(), other.normalize(), 1e-4) for other in found) == 1, one
    assert len(found) == 6


def test_markup_gives_the_same_as_a_packed_file(tmp_path: Path) -> None:
    roads = roads_of(write(tmp_path / "town.osm", TOWN, STREETS, LAKE))
    assert told(roads) == PIECES
    assert len(roads.barriers) == 6


def test_ways_may_stand_before_their_nodes(tmp_path: Path) -> None:
    path = tmp_path / "town.osm.pbf"
    with osmium.SimpleWriter(str(path)) as file:
        for number, nodes, tags in reversed(STREETS):
            file.add_way(Way(id=number, nodes=nodes, tags=tags))
        for number, (x, y) in sorted(TOWN.items(), reverse=True):
            file.add_node(Node(id=number, location=(117 + x / 1000, 39 + y / 1000)))
    assert told(roads_of(path)) == PIECES


def test_only_ways_that_touch_the_box_are_kept_and_those_as_a_whole(tmp_path: Path) -> None:
    spots = {
        1: (-50, 50),
        2: (150, 50),
        3: (-50, 120),
        4: (150, 120),
        5: (50, 50),
        6: (50, 99),
        7: (110, 50),
        8: (120, 50),
    }
    ways = [
        (1, [1, 2], {"highway": "primary"}),  # through the box, without a node in it
        (2, [3, 4], {"highway": "primary"}),
        (3, [5, 6], {"highway": "path"}),
        (4, [7, 8], {"waterway": "river"}),
    ]
    roads = roads_of(write(tmp_path / "a.osm.pbf", spots, ways))
    assert [piece[:3] for piece in told(roads)] == [((-50, 50), (150, 50), "primary"), ((50, 50), (50, 99), "path")]
    assert len(roads.barriers) == 0


def test_a_piece_without_a_position_is_left_out_and_counted(tmp_path: Path) -> None:
    spots = {1: (10, 10), 2: (20, 10), 4: (40, 10), 5: (50, 10)}
    ways = [
        (7, [1, 2, 3, 4, 5], {"highway": "primary"}),
        (9, [5, 6], {"highway": "path"}),
        (8, [1, 2, 3], {"waterway": "river"}),
    ]
    extract = open_osm(write(tmp_path / "a.osm.pbf", spots, sorted(ways)), AROUND)
    assert [piece[:2] for piece in told(extract.roads)] == [((10, 10), (20, 10)), ((40, 10), (50, 10))]
    ((what, told_of, fault),) = [(one.what, one.details, one.fault) for one in extract.spotted]
    assert (what, told_of, fault) == (FaultKind.OSM_CUT, {"count": 3, "ways": "7, 9"}, False)
    assert len(extract.roads.barriers) == 1


def test_pieces_without_length_join_what_they_lie_between(tmp_path: Path) -> None:
    spots = {1: (10, 10), 2: (20, 10), 3: (20, 10), 4: (30, 10), 5: (20, 10)}
    ways = [
        (1, [1, 1, 2, 2, 3, 4, 4], {"highway": "primary"}),
        (2, [5, 4], {"highway": "path"}),  # begins where 2 and 3 are, but is tied to neither
        (3, [1], {"highway": "path"}),
        (4, [2, 2], {"highway": "path"}),
        (5, [2, 3, 5], {"waterway": "river"}),
    ]
    roads = roads_of(write(tmp_path / "a.osm.pbf", spots, ways))
    assert [piece[:3] for piece in told(roads)] == [
        ((10, 10), (20, 10), "primary"),
        ((20, 10), (30, 10), "path"),
        ((20, 10), (30, 10), "primary"),
    ]
    assert len(roads.nodes) == 4
    assert len(roads.barriers) == 0


def test_values_that_nobody_knows_are_counted_and_named(tmp_path: Path) -> None:
    values = ["primary", "trail", "trail", "corridor", "proposed", "平路"]
    ways = [(n, [1, 2], {"highway": value}) for n, value in enumerate(values, 1)]
    extract = open_osm(write(tmp_path / "a.osm.pbf", TOWN, ways), AROUND)
    assert [(one.what, one.details) for one in extract.spotted] == [
        (FaultKind.OSM_UNKNOWN, {"count": 3, "values": "trail (2), 平路 (1)"})
    ]
    assert len(extract.roads) == 2


def test_of_water_in_part_the_shores_that_are_there_bar_the_way(tmp_path: Path) -> None:
    ways = [one for one in STREETS if one[0] != 18]
    extract = open_osm(write(tmp_path / "a.osm.pbf", TOWN, ways, LAKE), AROUND)
    assert [(one.what, one.details) for one in extract.spotted] == [(FaultKind.OSM_SHORES, {"count": 1, "ways": "19"})]
    assert Counter(one.geom_type for one in extract.roads.barriers) == {"LineString": 7}
    assert told(extract.roads) == PIECES


def test_a_lake_whose_shore_leaves_the_box_is_whole(tmp_path: Path) -> None:
    spots = {1: (90, 40), 2: (300, 40), 3: (300, 60), 4: (90, 60), 5: (10, 10), 6: (20, 10)}
    ways = [(1, [4, 1], {}), (2, [1, 2], {}), (3, [2, 3, 4], {}), (4, [5, 6], {"highway": "path"})]
    roads = roads_of(write(tmp_path / "a.osm.pbf", spots, ways, [(9, [1, 2, 3], {"landuse": "reservoir"})]))
    assert [round(one.area * 1e6) for one in roads.barriers] == [210 * 20]


@pytest.mark.parametrize(
    ("side", "tags", "counts"),
    [
        (1.2, {"natural": "water"}, 1),  # 1.2 thousandths: 104 by 133 m
        (0.9, {"natural": "water"}, 0),  # 78 by 100 m
        (1.2, {"landuse": "reservoir"}, 1),
        (1.2, {"waterway": "riverbank"}, 1),
        (1.2, {"landuse": "reservoir", "covered": "yes"}, 0),
        (1.2, {"natural": "wood"}, 0),
    ],
)
def test_water_of_more_than_a_hectare_bars_the_way(
    tmp_path: Path, side: float, tags: Mapping[str, str], counts: int
) -> None:
    spots = {1: (50, 50), 2: (50 + side, 50), 3: (50 + side, 50 + side), 4: (50, 50 + side)}
    ways = [(1, [1, 2, 3, 4, 1], tags), (2, [1, 3], {"highway": "path"})]
    assert len(roads_of(write(tmp_path / "a.osm.pbf", spots, ways)).barriers) == counts


@pytest.mark.parametrize(
    ("tags", "kind", "closed", "way"),
    [
        ("highway=trunk_link", "trunk", "", 0),
        ("highway=living_street", "residential", "", 0),
        ("highway=unclassified", "residential", "", 0),
        ("highway=track", "track", "", 0),
        ("highway=bridleway", "path", "car", 0),
        ("highway=corridor", "path", "bicycle car", 0),
        ("highway=cycleway", "cycleway", "car", 0),
        ("route=ferry", "ferry", "car", 0),
        ("route=ferry motor_vehicle=yes", "ferry", "", 0),
        ("highway=construction route=ferry", "", "", 0),
        # who may use it: what is said of one traveller goes before what is said of all
        ("highway=service access=no foot=yes", "service", "bicycle car", 0),
        ("highway=service access=private bicycle=permissive", "service", "foot car", 0),
        ("highway=residential motor_vehicle=no", "residential", "car", 0),
        ("highway=residential motor_vehicle=private motorcar=yes", "residential", "", 0),
        ("highway=residential vehicle=no", "residential", "bicycle car", 0),
        ("highway=residential vehicle=no bicycle=designated", "residential", "car", 0),
        ("highway=residential access=destination", "residential", "", 0),
        ("highway=track motor_vehicle=agricultural;forestry", "track", "car", 0),
        ("highway=primary foot=no bicycle=no", "primary", "foot bicycle", 0),
        ("highway=primary bicycle=use_sidepath", "primary", "", 0),
        ("highway=path access=yes", "path", "car", 0),
        ("highway=path motor_vehicle=yes", "path", "", 0),
        ("highway=steps bicycle=yes", "path", "car", 0),
        ("highway=footway access=no", "path", "foot bicycle car", 0),
        ("highway=trunk motorroad=yes", "trunk", "foot bicycle", 0),
        ("highway=motorway bicycle=yes", "motorway", "foot", 1),
        # one-way
        ("highway=primary oneway=yes", "primary", "", 1),
        ("highway=primary oneway=true", "primary", "", 1),
        ("highway=primary oneway=1", "primary", "", 1),
        ("highway=primary oneway=-1", "primary", "", -1),
        ("highway=primary oneway=no junction=roundabout", "primary", "", 0),
        ("highway=primary oneway=reversible", "primary", "", 0),
        ("highway=primary junction=circular", "primary", "", 1),
        ("highway=motorway oneway=no", "motorway", "foot bicycle", 0),
        ("highway=motorway oneway=-1", "motorway", "foot bicycle", -1),
        ("highway=motorway_link", "motorway", "foot bicycle", 0),
    ],
)
def test_tags_say_who_may_use_a_road(tags: str, kind: str, closed: str, way: int) -> None:
    road = road_of(dict(tag.split("=") for tag in tags.split()))
    found = ("", "", 0) if road is None else (road.kind, " ".join(t for t in TRAVELLERS if t in road.closed), road.way)
    assert found == (kind, closed, way)


@pytest.mark.parametrize(
    ("tags", "sealed"),
    [
        ("highway=residential", False),
        ("highway=motorway", True),
        ("highway=motorway_link", True),
        ("highway=trunk motorroad=yes", True),
        ("highway=trunk", False),
        ("highway=primary bridge=viaduct", True),
        ("highway=primary bridge=no", False),
        ("highway=primary tunnel=yes", True),
        ("highway=service tunnel=building_passage", False),
        ("route=ferry", True),
    ],
)
def test_nobody_gets_on_midway_where_tags_say_that_one_cannot(tags: str, *, sealed: bool) -> None:
    road = road_of(dict(tag.split("=") for tag in tags.split()))
    assert road is not None
    assert road.sealed == sealed


def test_every_class_is_one_of_ours_and_no_value_is_both_a_road_and_none() -> None:
    assert {*CLASS_OF.values(), "ferry"} == set(ROAD_CLASSES)
    assert not set(CLASS_OF) & NO_ROADS


@pytest.mark.parametrize(
    ("tags", "line", "area"),
    [
        ("waterway=river", True, False),
        ("waterway=canal tunnel=no", True, False),
        ("waterway=canal tunnel=culvert", False, False),
        ("waterway=canal bridge=aqueduct", False, False),
        ("waterway=stream", False, False),
        ("waterway=ditch", False, False),
        ("waterway=riverbank", False, True),
        ("natural=water tunnel=yes", False, False),
        ("natural=coastline", True, False),
        ("railway=rail", True, False),
        ("railway=rail bridge=viaduct", False, False),
        ("railway=tram", False, False),
        ("railway=abandoned", False, False),
        ("highway=motorway", True, False),
        ("highway=motorway_link", True, False),
        ("highway=trunk", False, False),
        ("highway=trunk motorroad=yes", True, False),
        ("highway=trunk motorroad=yes bridge=yes", False, False),
        ("highway=construction motorroad=yes", False, False),
    ],
)
def test_tags_say_what_bars_the_way(tags: str, line: bool, area: bool) -> None:
    said = dict(tag.split("=") for tag in tags.split())
    assert (bars_as_line(said), bars_as_area(said)) == (line, area)


def by_hand(ways: Ways) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Return the pieces of all ways as pairs of positions, one by one."""
    found, at = [], 0
    for size in ways.sizes.tolist():
        spots = [tuple(spot) for spot in ways.positions[at : at + size].tolist()]
        found += [(a, b) for a, b in pairwise(spots) if a != b and not np.isnan([a, b]).any()]
        at += size
    return sorted(found)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 8), max_size=5), min_size=1, max_size=4), st.data())
def test_the_pieces_of_any_ways_are_those_between_neighbours(drawn: list[list[int]], data: st.DataObject) -> None:
    spots = [data.draw(st.sampled_from([(0.0, 0.0), (0.0, 1.0), (2.0, 0.0), (np.nan, np.nan)])) for _ in range(9)]
    sizes = np.array([len(way) for way in drawn])
    refs = np.array([ref for way in drawn for ref in way], dtype=np.int64)
    positions = np.array([spots[ref] for ref in refs.tolist()]).reshape(-1, 2)
    numbers = np.arange(len(drawn))
    ways = Ways([{"highway": "path"}], np.zeros_like(numbers), numbers, sizes, refs, positions, [], numbers, 0)
    roads, cut = osm._network(ways, [road_of(tags) for tags in ways.tags])
    ends = zip(roads.nodes[roads.starts].tolist(), roads.nodes[roads.ends].tolist(), strict=True)
    assert sorted((tuple(a), tuple(b)) for a, b in ends) == by_hand(ways)
    pairs = [(a, b) for way in drawn for a, b in pairwise(way)]
    assert len(cut) == sum(bool(np.isnan([spots[a], spots[b]]).any()) for a, b in pairs)
    # Whoever walks along a way can walk along it here.
    graph = coo_array((np.ones(len(roads)), (roads.starts, roads.ends)), (len(roads.nodes), len(roads.nodes)))
    _, part = connected_components(graph, directed=False)
    parts = {tuple(spot): set[int]() for spot in roads.nodes.tolist()}
    for spot, number in zip(roads.nodes.tolist(), part.tolist(), strict=True):
        parts[tuple(spot)].add(number)
    for way in drawn:
        whole = [spots[ref] for ref in way]
        if whole and not np.isnan(whole).any() and len(set(whole)) > 1:
            assert set.intersection(*(parts[spot] for spot in whole))


def test_what_is_no_extract_is_refused(tmp_path: Path) -> None:
    good = write(tmp_path / "town.osm.pbf", TOWN, STREETS).read_bytes()
    spoilt = {
        "empty": b"",
        "text": "道路".encode() * 1000,
        "a workbook": b"PK\x03\x04" + bytes(200),
        "cut": good[: len(good) - 40],
        "cut in its head": good[:10],
        "a huge head": b"\xff\xff\xff\x7f" + good[4:],
    }
    for name, content in spoilt.items():
        path = tmp_path / "a.osm.pbf"
        path.write_bytes(content)
        error = refused(path)
        assert (error.what, error.details) == (FaultKind.FILE_CONTENT, {"format": "OpenStreetMap"}), name
    markup = tmp_path / "a.osm"
    for text in ("", "<osm", '<!DOCTYPE a [<!ENTITY b "c">]><osm version="0.6">&b;</osm>', "<html></html>"):
        markup.write_text(text, encoding="utf-8")
        assert refused(markup).what is FaultKind.FILE_CONTENT, text


def blob(kind: bytes, content: bytes) -> bytes:
    """Return a blob of an extract, packed."""
    packed = zlib.compress(content)
    held = b"\x10" + varint(len(content)) + b"\x1a" + varint(len(packed)) + packed
    head = b"\x0a" + varint(len(kind)) + kind + b"\x18" + varint(len(held))
    return struct.pack(">I", len(head)) + head + held


def varint(number: int) -> bytes:
    more, low = divmod(number, 128)
    return bytes([low | 128]) + varint(more) if more else bytes([low])


def test_what_unpacks_to_far_more_than_it_is_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = blob(b"OSMHeader", b"\x22\x0eOsmSchema-V0.6\x22\x0aDenseNodes")
    path = tmp_path / "a.osm.pbf"
    path.write_bytes(head + blob(b"OSMData", b"\x0a\x02\x0a\x00"))
    assert refused(path).what is FaultKind.OSM_ELSEWHERE
    monkeypatch.setattr(osm, "read_apart", lambda *_: pytest.fail("It was unpacked."))
    path.write_bytes(head + blob(b"OSMData", bytes(2_000_000)))
    assert refused(path).what is FaultKind.FILE_CONTENT


def test_an_extract_of_elsewhere_or_without_roads_says_so(tmp_path: Path) -> None:
    far = {number: (x + 500, y) for number, (x, y) in TOWN.items()}
    error = refused(write(tmp_path / "far.osm.pbf", far, STREETS, LAKE))
    assert (error.what, error.details) == (FaultKind.OSM_ELSEWHERE, {"count": 13})
    error = refused(write(tmp_path / "none.osm.pbf", {}, []))
    assert (error.what, error.details) == (FaultKind.OSM_ELSEWHERE, {"count": 0})


def test_a_history_of_edits_is_refused_and_what_is_deleted_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "history.osm.pbf"
    with osmium.SimpleWriter(osmium.io.File(str(path), "osh.pbf")) as file:
        for version, visible in ((1, True), (2, False)):
            file.add_way(Way(id=1, nodes=[1, 2], tags={"highway": "path"}, version=version, visible=visible))
    assert refused(path).what is FaultKind.OSM_HISTORY
    markup = tmp_path / "edited.osm"
    nodes = "".join(f'<node id="{n}" version="1" lon="{117 + n / 100}" lat="39.05"/>' for n in (1, 2, 3))
    ways = "".join(
        f'<way id="{n}" version="1" {flag}><nd ref="{n}"/><nd ref="{n + 1}"/><tag k="highway" v="path"/></way>'
        for n, flag in ((1, ""), (2, 'visible="false"'))
    )
    markup.write_text(f'<osm version="0.6">{nodes}{ways}</osm>', encoding="utf-8")
    assert [piece[:2] for piece in told(roads_of(markup))] == [((10, 50), (20, 50))]


def test_what_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "town.osm.pbf", TOWN, STREETS, LAKE)
    with monkeypatch.context() as patch:
        patch.setattr(osm_ways, "MOST_NODES", 20)
        error = refused(path)
        assert (error.what, error.details) == (FaultKind.ROADS_MANY, {"most": 20})
    monkeypatch.setattr(osm, "MOST_BYTES", 100)
    assert refused(path).what is FaultKind.FILE_LARGE


def test_what_cannot_be_opened_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused(tmp_path / "none.osm.pbf").what is FaultKind.FILE_UNREADABLE
    assert refused(tmp_path / "a.o5m").what is FaultKind.FILE_FORMAT
    monkeypatch.setattr(osm, "find_spec", lambda name: None)
    error = refused(tmp_path / "a.osm.pbf")
    assert (error.what, error.details) == (FaultKind.EXTRA_MISSING, {"extra": "osm"})


def test_spoilt_bytes_are_read_or_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "town.osm.pbf", TOWN, STREETS, LAKE, "pbf,pbf_compression=none")
    good, chance, told_of = path.read_bytes(), random.Random(1), Counter[str]()
    for _ in range(FUZZ):
        bytes_ = bytearray(good)
        for _ in range(chance.choice([1, 1, 3, 30])):
            bytes_[chance.randrange(len(bytes_))] = chance.choice([0, 127, 128, 255, chance.randrange(256)])
        path.write_bytes(bytes_)
        try:
            roads = roads_of(path)
        except Unreadable as error:
            told_of[error.what.name] += 1
        else:
            told_of["read"] += 1
            assert np.isfinite(roads.nodes).all()
            assert len(roads) > 0
    assert told_of.keys() <= {"FILE_CONTENT", "OSM_ELSEWHERE", "ROADS_MANY", "OSM_HISTORY", "read"}


HELSINKI = (24.93, 60.16, 24.96, 60.18)


def test_a_real_extract_has_the_streets_of_its_city(real_extract: Path) -> None:
    extract = open_osm(real_extract, HELSINKI)
    roads = extract.roads
    kinds = Counter(ROAD_CLASSES[kind] for kind in roads.classes.tolist())
    # As its README says.
    assert kinds == Counter(
        path=4748, service=764, residential=733, cycleway=690, secondary=408, primary=276, tertiary=88
    )
    assert [(one.what, one.details["count"]) for one in extract.spotted] == [
        (FaultKind.OSM_UNKNOWN, 159),
        (FaultKind.OSM_CUT, 927),
    ]
    starts, ends = roads.nodes[roads.starts], roads.nodes[roads.ends]
    middle = (starts + ends) / 2
    east = ends[:, 0] > starts[:, 0]
    primary = roads.classes == ROAD_CLASSES.index("primary")

    def within(west: float, south: float, most_east: float, north: float) -> Any:
        inside: Any = ((middle >= [west, south]) & (middle <= [most_east, north])).all(1)
        return inside

    # Cars go west along Pohjoisesplanadi and east along Eteläesplanadi, on either side of the park.
    for west, south, most_east, north, eastward in (
        (24.9430, 60.16755, 24.9505, 60.16790, False),
        (24.9450, 60.16705, 24.9505, 60.16730, True),
    ):
        street = primary & within(west, south, most_east, north)
        assert roads.one_way[street].all()
        assert street.sum() > 10
        assert (east[street] == eastward).all()
    # Aleksanterinkatu, with its trams, is closed to cars from Keskuskatu to Mikonkatu, and open to bicycles; so is the
    # tunnel far below it, from which goods are delivered.
    street = (roads.classes == ROAD_CLASSES.index("service")) & within(24.9430, 60.16883, 24.9458, 60.16891)
    assert set(roads.closed[street].tolist()) == {0b100}
    assert street.sum() == 3 + 9
    # The tracks of the main station: whoever goes east just north of the halls cannot but cross them.
    across = shapely.LineString([(24.9385, 60.1735), (24.9435, 60.1735)])
    assert sum(shapely.intersects(roads.barriers, across)) >= 10


def test_a_box_cuts_a_real_extract(real_extract: Path) -> None:
    whole, part = (
        open_osm(real_extract, HELSINKI).roads,
        open_osm(real_extract, (24.9430, 60.1670, 24.9500, 60.1690)).roads,
    )
    lines, inside = (
        shapely.linestrings(np.stack([one.nodes[one.starts], one.nodes[one.ends]], 1)) for one in (whole, part)
    )
    assert {line.wkb for line in inside} < {line.wkb for line in lines}
    touching = shapely.intersects(lines, shapely.box(24.9430, 60.1670, 24.9500, 60.1690))
    assert {line.wkb for line in lines[touching]} < {line.wkb for line in inside}
    assert len(part) < len(whole) / 2
