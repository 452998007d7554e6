"""How lines of roads become a network: small towns by hand, random layers against networkx and shapely."""

from collections.abc import Sequence
from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from allocate.travel import joining
from allocate.travel.joining import Joined, RoadLines, TooManyPieces, join
from allocate.travel.network import ROAD_CLASSES, RoadNetwork

Spot = tuple[float, float]
Line = Sequence[Spot]
STREET, MOTORWAY = ROAD_CLASSES.index("residential"), ROAD_CLASSES.index("motorway")
# A street from west to east, and one from south to north that crosses it.
EAST, NORTH = [(0, 0), (100, 0)], [(50, -50), (50, 50)]


def drawn(
    lines: Sequence[Line],
    classes: Sequence[int] | None = None,
    one_way: Sequence[int] | None = None,
    levels: Sequence[int] | None = None,
) -> RoadLines:
    none = [0] * len(lines)
    with np.errstate(invalid="ignore"):
        shapes = [shapely.LineString(line) for line in lines]
    return RoadLines(
        np.array(shapes, dtype=object),
        np.array(classes or [STREET] * len(lines), dtype=np.uint8),
        np.array(one_way or none, dtype=np.int8),
        np.array(levels or none, dtype=np.int16),
    )


def joined(lines: Sequence[Line], *, meet: bool = False, **told: Sequence[int]) -> RoadNetwork:
    return join(drawn(lines, **told), meet=meet).network


def pieces(network: RoadNetwork) -> set[tuple[Spot, Spot]]:
    """Return the pieces of a network by their ends, to the decimetre; one that goes both ways begins at the lower."""
    at = [(float(x), float(y)) for x, y in np.round(network.nodes, 1) + 0.0]
    ways = zip(network.starts, network.ends, network.one_way, strict=True)
    return {(at[a], at[b]) if one_way else (min(at[a], at[b]), max(at[a], at[b])) for a, b, one_way in ways}


def whole(network: RoadNetwork) -> bool:
    return nx.is_connected(graph(network))


def graph(network: RoadNetwork) -> nx.Graph:
    found = nx.Graph()
    for a, b, metres in zip(network.starts.tolist(), network.ends.tolist(), network.metres.tolist(), strict=True):
        found.add_edge(a, b, metres=metres)
    return found


def test_a_town_on_a_grid_is_one_network_however_its_streets_are_cut() -> None:
    rows = [[(x * 100, y * 100) for x in range(5)] for y in range(4)]
    columns = [[(x * 100, y * 100) for y in range(4)] for x in range(5)]
    long = joined(rows + columns)
    # 4 streets of 4 pieces and 5 of 3, between 4 × 5 corners.
    assert (len(long), len(long.nodes), long.metres.sum()) == (31, 20, 3100)
    cut = joined([line[n : n + 2] for line in rows + columns for n in range(len(line) - 1)])
    assert pieces(cut) == pieces(long)


def test_lines_that_cross_without_a_vertex_pass_over_each_other_unless_the_layer_means_them_to_meet() -> None:
    assert pieces(joined([EAST, NORTH])) == {((0, 0), (100, 0)), ((50, -50), (50, 50))}
    assert pieces(joined([EAST, NORTH], meet=True)) == {
        ((0, 0), (50, 0)),
        ((50, 0), (100, 0)),
        ((50, -50), (50, 0)),
        ((50, 0), (50, 50)),
    }


def test_lines_that_cross_at_a_common_vertex_meet() -> None:
    assert len(joined([[(0, 0), (50, 0), (100, 0)], [(50, -50), (50, 0), (50, 50)]])) == 4


@pytest.mark.parametrize(("gap", "met"), [(0.0, True), (0.45, True), (0.55, False), (-0.45, True)])
def test_an_end_that_touches_the_middle_of_a_line_within_half_a_metre_splits_it(gap: float, met: bool) -> None:
    # (One that overshoots by less is drawn across, and meant to end there.)
    network = joined([EAST, [(50, gap), (50, 50)]])
    assert (len(network), whole(network)) == ((3, True) if met else (2, False))


@pytest.mark.parametrize(("gap", "met"), [(0.45, True), (0.55, False)])
def test_ends_within_half_a_metre_are_one(gap: float, met: bool) -> None:
    assert whole(joined([EAST, [(100 + gap, 0), (200, 0)]])) is met


def test_vertices_drawn_closer_than_half_a_metre_along_a_road_do_not_make_it_one_spot() -> None:
    dense = [(n * 0.3, 0.0) for n in range(1001)]
    network = joined([dense, [(150, 0), (150, 80)]])
    assert whole(network)
    assert network.metres.sum() == pytest.approx(380, abs=1)
    assert len(network) < 700


def test_a_heap_of_vertices_takes_neither_memory_nor_time() -> None:
    chance = np.random.default_rng(5)
    heap = [chance.random((2000, 2)).tolist() for _ in range(5)]
    network = joined([*heap, EAST])
    assert 0 < len(network.nodes) < 60


@pytest.mark.parametrize("meet", [False, True])
@pytest.mark.parametrize("told", [{"levels": [0, 1]}, {"levels": [-1, 0]}, {"classes": [STREET, MOTORWAY]}])
def test_bridges_tunnels_and_motorways_pass_over_what_they_cross_even_at_a_vertex(
    meet: bool, told: dict[str, Sequence[int]]
) -> None:
    both = [[(0, 0), (50, 0), (100, 0)], [(50, -50), (50, 0), (50, 50)]]
    network = joined(both, meet=meet, **told)
    assert (len(network), len(network.nodes), whole(network)) == (4, 6, False)


def test_a_bridge_meets_the_road_at_its_ends_and_not_what_it_crosses() -> None:
    # West bank, bridge, east bank; below the bridge a road along the river, with a vertex right under it.
    lines: list[Line] = [
        [(0, 0), (100, 0)],
        [(100, 0), (150, 0), (200, 0)],
        [(200, 0), (300, 0)],
        [(150, -80), (150, 0), (150, 80)],
    ]
    network = joined(lines, levels=[0, 1, 0, 0])
    found = sorted(len(part) for part in nx.connected_components(graph(network)))
    assert found == [3, 5]
    assert len(joined(lines).nodes) == 7


def test_a_bridge_may_end_in_the_middle_of_a_road() -> None:
    assert whole(joined([EAST, [(50, 0), (50, 60)]], levels=[0, 1]))


def test_a_slip_road_joins_a_motorway_where_it_ends() -> None:
    slip = [(30, 40), (50, 0)]
    assert whole(joined([EAST, slip], classes=[MOTORWAY, STREET]))


def test_cars_go_along_a_one_way_line_or_against_it() -> None:
    network = joined([EAST, [(0, 9), (100, 9)], [(0, 18), (100, 18)]], one_way=[1, -1, 0])
    assert pieces(network) == {((0, 0), (100, 0)), ((100, 9), (0, 9)), ((0, 18), (100, 18))}
    assert sorted(network.one_way.tolist()) == [False, True, True]


def test_who_may_not_use_a_road_follows_from_its_class() -> None:
    classes = [ROAD_CLASSES.index(name) for name in ("motorway", "primary", "cycleway", "path")]
    network = joined([[(0, n), (9, n)] for n in range(0, 40, 10)], classes=classes)
    closed = {ROAD_CLASSES[k]: int(bits) for k, bits in zip(network.classes, network.closed, strict=True)}
    # (Foot is 1, bicycle 2, car 4.)
    assert closed == {"motorway": 3, "primary": 0, "cycleway": 4, "path": 4}


def test_nobody_gets_on_a_bridge_a_tunnel_a_motorway_or_a_ferry_midway() -> None:
    lines = [[(0, n), (9, n)] for n in range(0, 60, 10)]
    classes = [STREET, STREET, STREET, MOTORWAY, ROAD_CLASSES.index("ferry"), ROAD_CLASSES.index("trunk")]
    network = joined(lines, classes=classes, levels=[0, 1, -1, 0, 0, 0])
    sealed = {int(network.nodes[n, 1]) for n in network.starts[network.sealed]}
    assert sealed == {10, 20, 30, 40}


def test_lines_without_length_or_position_are_counted_and_left_out() -> None:
    nan = float("nan")
    lines = [EAST, [(5, 5), (5, 5)], [(nan, 1), (2, nan)], [(0, 30), (nan, 30), (9, 30), (19, 30)]]
    found = join(drawn(lines))
    assert found.empty == 2
    assert pieces(found.network) == {((0, 0), (100, 0)), ((9, 30), (19, 30))}
    nothing: Joined = join(drawn(lines[1:3]))
    assert (len(nothing.network), nothing.empty) == (0, 2)
    assert len(join(drawn([])).network) == 0


def test_what_is_drawn_twice_counts_once_and_its_length_is_said() -> None:
    found = join(drawn([EAST, EAST[::-1], [(20, 0.1), (60, -0.1)], NORTH], one_way=[0, 0, 0, 1]))
    assert found.twice == pytest.approx(140, abs=0.1)
    assert found.network.metres.sum() == pytest.approx(200, abs=0.1)
    assert join(drawn([EAST, NORTH])).twice == 0


def test_a_ring_that_ends_where_it_begins_is_a_ring() -> None:
    ring = [(0, 0), (10, 0), (10, 10), (0, 10), (0, 0)]
    assert len(joined([ring]).nodes) == 4
    assert whole(joined([ring, [(10, 5), (40, 5)]]))


def test_more_pieces_or_crossings_than_any_district_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "MOST", 8)
    star = [[(0, n), (50, 50 - n)] for n in range(0, 50, 10)]
    assert len(joined(star)) == 5
    with pytest.raises(TooManyPieces):
        joined(star, meet=True)
    with pytest.raises(TooManyPieces):
        joined([[(n, n**2) for n in range(12)]])


# (Whole tens of metres, so that much touches and overlaps.)
spots = st.tuples(st.integers(0, 8), st.integers(0, 8)).map(lambda spot: (spot[0] * 10.0, spot[1] * 10.0))
layers = st.lists(st.lists(spots, min_size=2, max_size=5), min_size=1, max_size=9)
few = settings(max_examples=60, deadline=None)


@few
@given(lines=layers, meet=st.booleans(), chance=st.randoms(use_true_random=False))
def test_neither_order_nor_direction_of_lines_nor_where_they_are_cut_changes_the_network(
    lines: list[list[Spot]], meet: bool, chance: np.random.Generator
) -> None:
    cut = []
    for line in lines:
        at = chance.randint(0, len(line) - 1)
        cut += [part for part in (line[: at + 1], line[at:]) if len(part) > 1]
    chance.shuffle(cut)
    turned = [line[::-1] if chance.random() < 0.5 else line for line in cut]
    assert pieces(joined(turned, meet=meet)) == pieces(joined(lines, meet=meet))


# Streets in the eight directions of a compass: whatever does not cross lies some metres apart.
steps_of = st.tuples(st.integers(-1, 1), st.integers(-1, 1), st.integers(1, 6))
walks = st.lists(st.tuples(spots, st.lists(steps_of, min_size=1, max_size=4)), min_size=1, max_size=9)


@few
@given(drawn_as=walks)
def test_crossings_that_meet_are_those_that_shapely_finds(
    drawn_as: list[tuple[Spot, list[tuple[int, int, int]]]],
) -> None:
    lines = []
    for start, way in drawn_as:
        steps = [(10.0 * east * far, 10.0 * north * far) for east, north, far in way]
        lines.append([tuple(spot) for spot in np.cumsum([start, *steps], axis=0).tolist()])
    network = joined(lines, meet=True)
    real = [shapely.LineString(line) for line in lines if len(set(line)) > 1]
    noded = shapely.get_parts(shapely.node(shapely.MultiLineString(real)))
    pairs = (pair for line in noded for pair in pairwise(map(tuple, np.round(line.coords, 1).tolist())))
    assert pieces(network) == {(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]}


@few
@given(lines=layers)
def test_shortest_ways_are_those_of_networkx_on_a_raster(lines: list[list[Spot]]) -> None:
    # (Streets along a raster, which networkx knows step by step and the network from bend to bend.)
    bent = [[(ax, ay), (ax, by), (bx, by)] for line in lines for (ax, ay), (bx, by) in pairwise(line)]
    oracle = nx.Graph()
    for line in bent:
        for a, b in pairwise(line):
            oracle.add_edges_from((pair for pair in pairwise(steps(a, b))), metres=10.0)
    network = joined(bent, meet=True)
    assert network.metres.sum() == 10 * len(oracle.edges)
    if not oracle:
        return
    at = [(float(x), float(y)) for x, y in network.nodes]
    start = at.index(min(oracle))
    wanted = nx.single_source_dijkstra_path_length(oracle, min(oracle), weight="metres")
    got = nx.single_source_dijkstra_path_length(graph(network), start, weight="metres")
    assert {at[n]: metres for n, metres in got.items()} == {spot: wanted[spot] for spot in at if spot in wanted}


def steps(a: Spot, b: Spot) -> list[Spot]:
    count = int(max(abs(a[0] - b[0]), abs(a[1] - b[1])) / 10)
    if not count:
        return [a]
    return [(a[0] + (b[0] - a[0]) * n / count, a[1] + (b[1] - a[1]) * n / count) for n in range(count + 1)]
