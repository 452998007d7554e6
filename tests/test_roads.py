"""Times by road: a town on a grid with a river and one bridge, checked by hand, and random ones against networkx."""

from dataclasses import astuple, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.csgraph import dijkstra

from allocate.travel import Circle, Links, Mode, Spots, links
from allocate.travel import dijkstra as dijkstra_module
from allocate.travel.circles import OnRoads
from allocate.travel.dijkstra import graph_of, snap, times_within
from allocate.travel.links import HOW
from allocate.travel.network import ROAD_CLASSES, RoadNetwork
from allocate.travel.points import Metric
from allocate.travel.times import NO_WAY, Asked, Journeys, Times, road_seconds, straight_seconds, times_by_road

GIVEN = {"basis": "assumed", "source": "a toy"}
NAME = {"zh": "步行", "en": "on foot"}


def on_roads(goes_as: str = "foot", **numbers: Any) -> OnRoads:
    """Return a way at 3.6 km/h, a metre in a second, on every road, and at half of that off the road."""
    speeds = dict.fromkeys(ROAD_CLASSES, 3.6)
    usual = {"goes_as": goes_as, "speeds": speeds, "access_kmh": 1.8, "access_metres": 100, **GIVEN}
    return OnRoads.model_validate(usual | numbers)


def mode(goes_as: str = "foot", **numbers: Any) -> Mode:
    """Return a way to travel that uses roads, and goes straight at 3.6 km/h elsewhere."""
    roads = on_roads(goes_as, **numbers)
    return Mode.model_validate({"name": NAME, "speed_kmh": 3.6, "detour": 1, "roads": roads, **GIVEN})


def network(pieces: list[Any], barriers: list[shapely.Geometry] | None = None) -> RoadNetwork:
    """Return roads between points: pairs of them, with class, one-way and who may not use it where it matters."""
    full = [(*piece, *("residential", False, 0)[len(piece) - 2 :]) for piece in pieces]
    points = sorted({point for a, b, *_ in full for point in (a, b)})
    number = {point: n for n, point in enumerate(points)}
    return RoadNetwork(
        np.array(points, dtype=np.float64),
        np.array([number[a] for a, *_ in full]),
        np.array([number[b] for _, b, *_ in full]),
        np.array([ROAD_CLASSES.index(kind) for _, _, kind, _, _ in full], dtype=np.uint8),
        np.array([one_way for *_, one_way, _ in full]),
        np.array([closed for *_, closed in full], dtype=np.uint8),
        np.array(barriers or [], dtype=object),
    )


def grid() -> RoadNetwork:
    """Return streets 100 m apart, 10 by 10; a river runs along y = 450 and one bridge crosses it at x = 900."""
    pieces: list[Any] = []
    for a in range(10):
        for b in range(9):
            pieces.append(((100 * b, 100 * a), (100 * b + 100, 100 * a)))
            if b != 4 or a == 9:
                pieces.append(((100 * a, 100 * b), (100 * a, 100 * b + 100)))
    return network(pieces, [shapely.LineString([(-1000, 450), (2000, 450)])])


def times(roads: RoadNetwork, points: list[tuple[float, float]], limit: int = 10_000, **numbers: Any) -> Any:
    """Return the seconds from each point to each other, as a square."""
    at = np.array(points, dtype=np.float64)
    walk = mode(**numbers)
    found = times_by_road(roads, {"walk": walk}, [Asked("walk", at, at, limit)])
    i, j = np.divmod(np.arange(len(at) ** 2), len(at))
    return Journeys({"walk": walk}, found).seconds("walk", at[i], at[j]).reshape(len(at), len(at)).tolist()


def test_ten_pairs_on_a_grid_with_a_river_and_one_bridge() -> None:
    # A metre takes a second on the road, and two off it.
    points = [
        (0, 0),
        (900, 0),
        (0, 400),
        (0, 500),
        (900, 400),
        (900, 500),
        (250, 230),
        (450, 330),
        (50, 40),
        (900, 900),
    ]
    found = times(grid(), points)
    assert found[0][1] == 900
    assert found[0][2] == 400
    # To the other bank it is 100 m as the crow flies, and 900 + 100 + 900 m by the bridge.
    assert found[2][3] == 1900
    assert found[4][5] == 100
    assert found[0][9] == 900 + 900
    assert found[3][0] == 500 + 900 + 900
    # (250, 230) lies 30 m from the street y = 200: 60 s to (250, 200); 50 m to the corner; 200 + 200 m to the origin.
    assert found[6][0] == 60 + 50 + 400
    # (450, 330) gets on at (450, 300): 60 s; from (250, 200) there it is 50 + 100 + 100 + 50 m.
    assert found[6][7] == 60 + 300 + 60
    # (50, 40) is nearest to y = 0: 80 s and 50 m; straight to the origin it is 64.03 m, 128.06 s off the road.
    assert found[8][0] == 129
    assert found[8][1] == 80 + 850


def test_nobody_gets_on_a_road_beyond_the_river() -> None:
    # (450, 440) is 40 m from y = 400, and (450, 460) 40 m from y = 500: 20 m apart they are 1,900 m by road.
    found = times(grid(), [(450, 440), (450, 460)])
    assert found[0][1] == 80 + 450 + 100 + 450 + 80


def test_who_is_far_from_any_road_goes_straight() -> None:
    # 200 m from the last street: off the network; as the crow flies at 3.6 km/h.
    found = times(grid(), [(0, 0), (0, -200)])
    assert found[0][1] == 200
    assert found[1][0] == 200


def test_cars_heed_one_way_streets_and_walkers_do_not() -> None:
    ring = [((0, 0), (300, 0)), ((300, 0), (300, 300)), ((300, 300), (0, 300)), ((0, 300), (0, 0))]
    roads = network([(*piece, "residential", True) for piece in ring])
    points = [(0, 0), (0, 300)]
    assert times(roads, points) == [[0, 300], [300, 0]]
    assert times(roads, points, goes_as="car") == [[0, 900], [300, 0]]


def test_a_road_that_is_closed_to_some_serves_the_others() -> None:
    roads = network([((0, 0), (300, 0), "path", False, 4), ((0, 0), (0, 300)), ((0, 300), (300, 0))])
    points = [(0, 0), (300, 0)]
    assert times(roads, points)[0][1] == 300
    assert times(roads, points, goes_as="car")[0][1] == 300 + 425


def test_speeds_are_those_of_the_class_and_a_class_without_speed_is_not_used() -> None:
    roads = network([((0, 0), (300, 0), "motorway"), ((0, 0), (0, 300)), ((0, 300), (300, 0))])
    points = [(0, 0), (300, 0)]
    assert times(roads, points, speeds={"motorway": 7.2, "residential": 3.6})[0][1] == 150
    assert times(roads, points, speeds={"residential": 3.6})[0][1] == 725


def test_a_stump_that_leads_nowhere_is_not_what_people_get_on() -> None:
    long = [((100 * n, 0), (100 * n + 100, 0)) for n in range(60)]
    roads = network([*long, ((1000, 20), (1000, 25))])
    snapped = snap(roads, on_roads(), np.array([(1010.0, 30.0)]))
    assert roads.nodes[roads.starts[snapped.pieces[0]]].tolist() == [1000, 0]
    assert snapped.legs[0] == 60_000


def test_whoever_lives_below_a_viaduct_gets_on_where_it_ends() -> None:
    # A street 80 m south of the viaduct leads from end to end; the house stands 10 m from the viaduct.
    viaduct = ((0, 0), (1000, 0))
    street = [((0, 0), (0, -80)), ((0, -80), (1000, -80)), ((1000, -80), (1000, 0))]
    house, far = (500, -10), (1000, 0)
    open_road = network([viaduct, *street])
    sealed = replace(open_road, sealed=np.array([True, False, False, False]))
    assert times(open_road, [house, far])[0][1] == 20 + 500
    assert times(sealed, [house, far])[0][1] == 140 + 500 + 80
    # (From one end to the other one drives over it.)
    assert times(sealed, [(0, 0), far])[0][1] == 1000


def test_what_takes_longer_than_asked_is_no_way() -> None:
    assert times(grid(), [(0, 0), (900, 0)], limit=899)[0][1] == NO_WAY
    assert times(grid(), [(0, 0), (900, 0)], limit=900)[0][1] == 900


def test_two_who_get_on_at_the_same_piece_need_not_reach_its_end() -> None:
    found = times(network([((0, 0), (1000, 0))]), [(200, 0), (700, 0), (200, 50)])
    assert found[0][1] == 500
    assert found[0][2] == 100
    assert found[2][1] == 100 + 500


@pytest.mark.parametrize("seed", range(8))
def test_times_are_those_of_networkx(seed: int) -> None:
    nx = pytest.importorskip("networkx")
    draw = np.random.default_rng(seed)
    at = draw.integers(0, 3000, (60, 2)).astype(np.float64)
    pairs = sorted({tuple(sorted(draw.choice(60, 2, replace=False).tolist())) for _ in range(110)})
    one_way = draw.random(len(pairs)) < 0.3
    kinds = draw.choice(["primary", "residential", "path"], len(pairs))
    pieces = [
        (tuple(at[a]), tuple(at[b]), kind, bool(flag)) for (a, b), kind, flag in zip(pairs, kinds, one_way, strict=True)
    ]
    roads = network(pieces)
    speeds = {"primary": 36.0, "residential": 18.0, "path": 3.6}
    graph = nx.DiGraph()
    for a, b, kind, flag in pieces:
        seconds = round(1000 * 3.6 * float(np.hypot(a[0] - b[0], a[1] - b[1])) / speeds[kind]) / 1000
        graph.add_edge(a, b, weight=seconds)
        if not flag:
            graph.add_edge(b, a, weight=seconds)
    points = [
        point
        for point in graph.nodes
        if len(graph.subgraph(nx.node_connected_component(graph.to_undirected(), point))) > 30
    ][:25]
    found = times(roads, points, limit=900, goes_as="car", speeds=speeds, access_metres=1)
    for i, a in enumerate(points):
        right = nx.single_source_dijkstra_path_length(graph, a, cutoff=900)
        for j, b in enumerate(points):
            wanted = -int(-round(1000 * right[b]) // 1000) if b in right else NO_WAY
            assert found[i][j] == wanted, (a, b)


def circle(**limits: Any) -> Circle:
    return Circle.model_validate({"name": NAME, "modes": ["walk"], "kinds": ["clinic"], **GIVEN} | limits)


def spots(points: list[tuple[float, float]], name: str = "P", *, at_home: bool = True) -> Spots:
    count = len(points)
    homes = np.arange(count) if at_home else np.full(count, -1)
    return Spots(tuple(f"{name}{i}" for i in range(count)), np.array(points, dtype=np.float64), homes)


def found(links: Links) -> dict[tuple[int, int], tuple[int, str]]:
    rows = zip(links.places.tolist(), links.sites.tolist(), links.seconds.tolist(), links.how.tolist(), strict=True)
    return {(i, j): (seconds, HOW[how]) for i, j, seconds, how in rows}


def asked(points: Metric, roads: RoadNetwork, limit: int = 1000) -> Times:
    return times_by_road(roads, {"walk": mode()}, [Asked("walk", points, points, limit)])


def test_a_river_parts_places_that_adjoin_and_the_plan_says_what_each_time_rests_on() -> None:
    places = spots([(0, 400), (0, 500), (0, -300), (0, -350)])
    modes = {"walk": mode()}
    roads = asked(places.metres, grid())
    near = found(links(places, places, circle(minutes=15, adjoining_metres=600), modes, None, roads))
    assert (0, 1) not in near
    assert near[0, 0] == (0, "here")
    # Two beyond the streets: their way is straight.
    assert near[2, 3] == (50, "line")
    assert near[0, 2] == (700, "line")
    # Without roads the bank opposite is 100 s away.
    assert found(links(places, places, circle(minutes=15), modes))[0, 1] == (100, "line")


def test_a_table_counts_before_roads_and_roads_before_lines() -> None:
    places = spots([(0, 0), (300, 0), (600, 0)])
    modes = {"walk": mode(), "bus": Mode.model_validate({"name": NAME, "speed_kmh": 3.6, "detour": 2, **GIVEN})}
    table = {("P0", "P1", "walk"): 2.0}
    roads = asked(places.metres, grid())
    only_table = found(links(places, places, circle(minutes=15), modes, table, roads))
    assert only_table[0, 1] == (120, "table")
    assert (0, 2) not in only_table
    both = found(links(places, places, circle(minutes=15, modes=["walk", "bus"]), modes, None, roads))
    assert both[0, 1] == (300, "network")
    with_bus = found(links(places, places, circle(minutes=15, modes=["walk", "bus"]), modes, table, roads))
    assert with_bus[0, 1] == (120, "table")
    assert with_bus[1, 2] == (600, "line")


def test_times_survive_json() -> None:
    places = spots([(0, 0), (300, 0), (0, -300)])
    roads = asked(places.metres, grid())
    again = Times.of_plain(roads.plain())
    assert again.plain() == roads.plain()
    assert again.modes["walk"].off == (0,)
    i, j = np.array([0, 1, 1]), np.array([2, 2, 1])
    assert again.look_up("walk", i, j).tolist() == roads.look_up("walk", i, j).tolist()


def town(seed: int, side: int = 18) -> tuple[RoadNetwork, Metric]:
    """Return a jittered grid with one-ways and fast roads, and positions beside its streets."""
    draw = np.random.default_rng(seed)
    spot = {(a, b): (100.0 * a + draw.integers(40), 100.0 * b + draw.integers(40)) for a, b in np.ndindex(side, side)}
    pieces: list[Any] = []
    for (a, b), point in spot.items():
        for other in ((a + 1, b), (a, b + 1)):
            if other in spot and draw.random() < 0.9:
                kind = "primary" if a % 6 == 0 else "residential"
                pieces.append((point, spot[other], kind, bool(draw.random() < 0.2)))
    return network(pieces), draw.uniform(-20, 100 * side, (150, 2))


@pytest.mark.parametrize(("batch", "cells", "limit"), [(1, 1, 90_000), (7, 500, 60_000), (64, 2_000_000, 150_000)])
@pytest.mark.parametrize("more_ends", [True, False])
def test_neither_windows_nor_batches_change_what_is_found(
    batch: int, cells: int, limit: int, more_ends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    roads, points = town(1)
    way = on_roads("car", speeds={"primary": 36.0, "residential": 9.0})
    graph = graph_of(roads, way, points)
    few, many = np.arange(0, 150, 4), np.arange(150)
    asked = (few, many) if more_ends else (many, few)
    whole = sparse_times(graph, *asked, limit=limit)
    for name, value in (("_BATCH", batch), ("_CELLS", cells)):
        monkeypatch.setattr(dijkstra_module, name, value)
    found = times_within(graph, *asked, limit)
    assert list(zip(found.starts.tolist(), found.ends.tolist(), found.milliseconds.tolist(), strict=True)) == whole
    assert 10 < len(whole) < len(few) * len(many) / 2


def sparse_times(graph: Any, starts: Any, ends: Any, limit: int) -> list[tuple[int, int, int]]:
    """Return the times between positions by a search of the whole graph."""
    found = []
    for i in starts.tolist():
        if graph.node_of[i] >= 0:
            spent = dijkstra(graph.times, indices=graph.node_of[i])
            for j in ends.tolist():
                if graph.node_of[j] >= 0:
                    time = spent[graph.node_of[j]] + graph.snapped.legs[i] + graph.snapped.legs[j]
                    found += [(i, j, int(time))] if time <= limit else []
    return found


def test_processes_of_their_own_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    roads, points = town(2)
    graph = graph_of(roads, on_roads(), points)
    every = np.arange(len(points))
    alone = times_within(graph, every, every, 300_000)
    monkeypatch.setattr(dijkstra_module, "_WORTH_A_PROCESS", 1)
    asked: list[Any] = []
    pool = dijkstra_module.ProcessPoolExecutor
    monkeypatch.setattr(dijkstra_module, "ProcessPoolExecutor", lambda *given: asked.append(given) or pool(*given))
    together = times_within(graph, every, every, 300_000, processes=2)
    assert [given[0] for given in asked] == [2]
    for one, other in zip(astuple(alone), astuple(together), strict=True):
        assert np.array_equal(one, other)


def test_who_else_gets_on_does_not_change_the_time_of_a_way() -> None:
    # Ten pieces of 77.7 m, each cut at eleven places: rounded one by one the parts would not add up.
    roads = network([((77.7 * n, 0), (77.7 * n + 77.7, 0)) for n in range(10)])
    ends = [(0.0, 0.0), (777.0, 0.0)]
    others = [(7.01 * n + 0.3, 0.0) for n in range(1, 110)]
    way = on_roads(speeds={"residential": 13.0})
    alone, among = (
        times_within(graph_of(roads, way, np.array(points)), np.array([0]), np.array([1]), 10**9).milliseconds
        for points in (ends, ends + others)
    )
    assert alone.tolist() == among.tolist()


@given(
    st.floats(1, 5),
    st.floats(0.5, 130),
    st.fractions(Fraction(1, 5), Fraction(5), max_denominator=1000),
    st.lists(st.integers(0, 200_000), min_size=1, max_size=5),
)
def test_times_are_exact_however_many_decimals_a_speed_has(
    detour: float, speed: float, factor: Fraction, metres: list[int]
) -> None:
    way = Mode.model_validate({"name": NAME, "speed_kmh": speed, "detour": detour, **GIVEN}).slowed(factor)
    assert straight_seconds(way, np.array(metres)).tolist() == [way.seconds(one) for one in metres]
    slow = [-(-one * factor // 1) for one in metres]
    assert road_seconds(way, np.array(metres)).tolist() == [
        min(one, NO_WAY) if m < NO_WAY else NO_WAY for one, m in zip(slow, metres, strict=True)
    ]
