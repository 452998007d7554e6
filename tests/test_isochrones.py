"""Areas by road: who is in reach along the roads lies inside, who is beyond the river without a bridge does not."""

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from conftest import Tiny, copy_tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Point, shape
from test_map_in_browser import browser, opened  # noqa: F401
from test_roads import mode, network, on_roads

from allocate import isochrone
from allocate.areas import reach_areas
from allocate.errors import UsageError
from allocate.isochrones import in_degrees
from allocate.model import read_model
from allocate.outputs import write_plan
from allocate.planning import plan
from allocate.plans import Plan
from allocate.read import read_district
from allocate.report.frames import layers
from allocate.travel import metric, reach
from allocate.travel.network import RoadNetwork
from allocate.travel.reach import area, simplified
from allocate.travel.times import Asked, times_by_road
from allocate.verification import verify

FEW = settings(max_examples=60, deadline=None)
RIVER = 450.0
SPOT = st.tuples(st.integers(-250, 1150), st.integers(-250, 1150)).map(lambda spot: (float(spot[0]), float(spot[1])))


def grid(bridges: tuple[int, ...], *, one_way: bool = False) -> RoadNetwork:
    """Return streets 100 m apart, 10 by 10, with a river at y = 450 that streets cross at some x."""
    pieces: list[Any] = []
    for a in range(10):
        for b in range(9):
            pieces.append(((100 * b, 100 * a), (100 * b + 100, 100 * a), "residential", one_way and a % 2 == 0))
            if b != 4 or 100 * a in bridges:
                pieces.append(((100 * a, 100 * b), (100 * a, 100 * b + 100)))
    return network(pieces, [shapely.LineString([(-3000, RIVER), (100, RIVER), (4000, RIVER)])])


def test_a_straight_road_is_cut_where_the_time_is_up_and_narrows_before() -> None:
    # A metre of road takes a second, and a metre off it two; nobody goes farther off than 100 m.
    found, off = area(network([((0, 0), (1000, 0))]), on_roads(), np.array([[0.0, 0.0]]), 600)
    assert not off.any()
    for x, width in ((-1, 99), (200, 100), (400, 100), (500, 50), (560, 20), (598, 1)):
        assert found.contains(Point(x, 0.98 * width))
        # (Who leaves the road before the nearest point gets 1 : cos 30° as far.)
        assert not found.intersects(Point(x, 1.16 * width + 2))
    assert not found.intersects(Point(601, 0))
    assert found.is_valid


def test_nobody_below_a_viaduct_is_in_reach_of_it() -> None:
    pieces = [((0, 0), (300, 0)), ((300, 0), (900, 0)), ((900, 0), (1200, 0))]
    roads = network(pieces)
    sealed = replace(roads, sealed=roads.metres == 600)
    open_area, _ = area(roads, on_roads(), np.array([[0.0, 0.0]]), 1200)
    found, _ = area(sealed, on_roads(), np.array([[0.0, 0.0]]), 1200)
    assert open_area.contains(Point(600, 20))
    assert not found.intersects(Point(600, 20))
    assert found.contains(Point(200, 20))
    assert found.contains(Point(1000, 20))


def test_cars_come_to_the_site_and_do_not_leave_it() -> None:
    # The only street leads from west to east: who lives in the west comes to the site in the middle.
    roads = network([((0, 0), (500, 0), "residential", True), ((500, 0), (1000, 0), "residential", True)])
    found, _ = area(roads, on_roads("car", access_metres=20), np.array([[500.0, 0.0]]), 300)
    assert found.contains(Point(210, 0))
    assert not found.intersects(Point(190, 0))
    assert not found.intersects(Point(530, 0))
    both, _ = area(roads, on_roads("foot", access_metres=20), np.array([[500.0, 0.0]]), 300)
    assert both.contains(Point(790, 0))


def test_a_hole_that_no_road_reaches_stays_a_hole() -> None:
    ring = [((0, 0), (1000, 0)), ((1000, 0), (1000, 1000)), ((1000, 1000), (0, 1000)), ((0, 1000), (0, 0))]
    found, _ = area(network(ring), on_roads(), np.array([[0.0, 0.0]]), 10_000)
    assert not found.intersects(shapely.box(101, 101, 899, 899))
    assert simplified(found, np.zeros((0, 2))).interiors


def test_a_bridge_fills_both_banks_and_without_one_the_far_bank_stays_empty() -> None:
    site = np.array([[200.0, 400.0]])
    near, _ = area(grid(()), on_roads(), site, 900)
    assert near.contains(Point(500, 440))
    assert near.bounds[3] < RIVER + 0.1
    # By the bridge in the east it is 700 + 100 m to the other bank, and 100 s are left there.
    far, _ = area(grid((900,)), on_roads(), site, 900)
    assert far.contains(Point(900, 500))
    assert far.contains(Point(820, 500))
    assert not far.intersects(Point(500, 460))
    assert far.difference(near).area > 1000


@pytest.mark.parametrize("bridges", [(), (900,)])
def test_roads_that_are_left_out_in_the_midst_of_others_change_nothing(
    bridges: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    sites = np.array([[200.0, 300.0], [700.0, 800.0]])
    found, _ = area(grid(bridges), on_roads(), sites, 400)
    joined: list[int] = []
    inner = reach._inner

    def nothing_left_out(bits: Any, *given: Any) -> Any:
        joined.extend((len(bits.near), len(inner(bits, *given)[1].near)))
        return np.array([]), bits

    monkeypatch.setattr(reach, "_inner", nothing_left_out)
    assert area(grid(bridges), on_roads(), sites, 400)[0].symmetric_difference(found).area < 1e-3
    assert joined[1] < joined[0]


@FEW
@given(
    st.lists(SPOT, min_size=1, max_size=3),
    st.lists(SPOT, min_size=1, max_size=25),
    st.sampled_from(((), (900,), (0, 400))),
    st.sampled_from(("foot", "car")),
    st.integers(20, 1500),
)
def test_who_is_in_reach_lies_inside_and_nobody_beyond_a_river_without_a_bridge(
    sites: list[Any], places: list[Any], bridges: tuple[int, ...], goes_as: str, limit: int
) -> None:
    roads, way = grid(bridges, one_way=True), mode(goes_as)
    assert way.roads is not None
    at, ends = np.array(places), np.array(sites)
    times = times_by_road(roads, {"way": way}, [Asked("way", at, ends, limit)])
    on = ~times.is_off("way", times.index(ends))
    whole, off = area(roads, way.roads, ends, limit)
    assert off.tolist() == (~on).tolist()
    spots = times.index(at)
    found = {
        i
        for i, spot in enumerate(spots.tolist())
        for end in times.index(ends[on]).tolist()
        if times.look_up("way", np.array([spot]), np.array([end]))[0] <= limit
    }
    reached = sorted(found)
    drawn = simplified(whole, at[reached])
    assert drawn.is_valid
    assert shapely.contains_xy(drawn, at[reached]).all()
    assert drawn.hausdorff_distance(whole) <= 10 if not whole.is_empty else drawn.is_empty
    if not bridges and len(set(ends[on][:, 1] < RIVER)) == 1:
        south = bool(ends[on][0, 1] < RIVER)
        beyond = shapely.box(-3000, RIVER + 10, 4000, 4000) if south else shapely.box(-3000, -4000, 4000, RIVER - 10)
        assert not drawn.intersects(beyond)


def with_roads(tiny: Tiny) -> Tiny:
    """Give the small district a grid of roads, and a river through it that one road crosses."""
    places = read_district(tiny.folder).places
    west, east = min(p.lon or 0 for p in places) - 0.01, max(p.lon or 0 for p in places) + 0.01
    south, north = min(p.lat or 0 for p in places) - 0.01, max(p.lat or 0 for p in places) + 0.01
    river, gap = (south + north) / 2, 0.001
    lines = [[[west, y], [east, y]] for y in np.linspace(south, north, 20).tolist()]
    for n, x in enumerate(np.linspace(west, east, 20).tolist()):
        halves = [[[x, south], [x, river - gap]], [[x, river + gap], [x, north]]]
        lines += [[[x, south], [x, north]]] if n == 5 else halves
    for name, drawn, told in (
        ("roads", lines, {"highway": "residential"}),
        ("barriers", [[[west - 0.05, river], [east + 0.05, river]]], {"waterway": "river"}),
    ):
        features = [
            {"type": "Feature", "properties": told, "geometry": {"type": "LineString", "coordinates": line}}
            for line in drawn
        ]
        layer = {"type": "FeatureCollection", "features": features}
        (tiny.folder / f"{name}.geojson").write_text(json.dumps(layer), encoding="utf-8")
    # (No test asks for a proof.)
    text = tiny.model.read_text(encoding="utf-8")
    tiny.model.write_text(
        text[: text.index("[[goals]]")] + '[[goals]]\ngoal = "cost"\ngap = 0.25\nnodes = 0\n', "utf-8"
    )
    card = (tiny.folder / "district.toml").read_text(encoding="utf-8")
    (tiny.folder / "district.toml").write_text(card + '\n[roads]\ncrossings = "meet"\n', encoding="utf-8")
    return tiny


@pytest.fixture(scope="session")
def road_home(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return with_roads(copy_tiny(tmp_path_factory.mktemp("roads")))


@pytest.fixture(scope="session")
def road_plan(road_home: Tiny) -> Plan:
    """Return the plan of the small district with roads, made once; copy its content first."""
    return plan(read_district(road_home.folder), read_model(road_home.model))


def test_a_plan_with_roads_draws_its_reach_along_them(road_plan: Plan, tiny_plan: Plan) -> None:
    content = road_plan.content
    assert {row["mode"] for row in content["isochrones"]} == {"e_bike"}
    assert content["isochrones"][0]["year"] == content["years"][0]
    areas, discs = reach_areas(content), reach_areas(tiny_plan.content)
    spots = {place["id"]: Point(place["lon"], place["lat"]) for place in content["district_data"]["places"]}
    boundary = shape(content["district_data"]["boundary"])
    for year, reached in areas.items():
        told = [row for row in content["places"] if row["year"] == year]
        near = {row["id"] for row in told if row["minutes"] is not None}
        assert near
        assert all(reached.contains(spots[place]) for place in near)
        assert reached.is_valid
        assert reached.difference(boundary.buffer(1e-6)).is_empty
        assert 0 < reached.area < discs[year].area
    assert layers(content)["reach"].geometry.tolist() == list(areas.values())


def test_the_recheck_holds_areas_against_places_and_against_the_roads(
    road_plan: Plan, road_home: Tiny, tmp_path: Path
) -> None:
    write_plan(road_plan, tmp_path / "out")
    assert verify(tmp_path / "out", road_home.folder).sound

    def findings(spoil: Callable[[dict[str, Any]], None], *, beside: bool = False) -> list[str]:
        content = deepcopy(dict(road_plan.content))
        spoil(content)
        found = verify(content, road_home.folder if beside else None)
        return [finding.where for finding in found.findings]

    def smaller(content: dict[str, Any]) -> None:
        for row in content["isochrones"]:
            row["geometry"]["coordinates"] = row["geometry"]["coordinates"][:1]
            ring = row["geometry"]["coordinates"][0][0]
            row["geometry"]["coordinates"] = [[[ring[0], ring[1], ring[2], ring[0]]]]

    def larger(content: dict[str, Any]) -> None:
        boundary = shape(content["district_data"]["boundary"])
        ring = [list(spot) for spot in shapely.box(*boundary.bounds).exterior.coords]
        content["isochrones"][0]["geometry"]["coordinates"] = [[ring]]

    assert f"isochrones.{road_plan.content['years'][0]}" in findings(smaller)
    assert findings(lambda content: content.update(isochrones=[])) != []
    assert findings(lambda content: content["isochrones"][0].update(mode="walk")) != []
    assert findings(larger) == []
    assert findings(larger, beside=True) == ["isochrones[0]"]


def test_an_area_can_be_asked_for_any_spot(road_home: Tiny, tiny_home: Tiny) -> None:
    district, model = read_district(road_home.folder), read_model(road_home.model)
    place = district.places[0]
    assert place.lon is not None
    assert place.lat is not None
    soon, later = (isochrone(district, model, place.lon, place.lat, minutes, "e_bike") for minutes in (5, 10))
    assert soon.contains(Point(place.lon, place.lat))
    assert soon.area < later.area
    assert soon.difference(later.buffer(1e-4)).is_empty
    with pytest.raises(UsageError, match="e_bike"):
        isochrone(district, model, place.lon, place.lat, 5, "on_foot")
    with pytest.raises(UsageError):
        isochrone(read_district(tiny_home.folder), model, place.lon, place.lat, 5, "e_bike")


@pytest.mark.browser
def test_the_map_says_that_reach_follows_the_roads(
    opened: Any,  # noqa: F811
    road_plan: Plan,
    tiny_plan: Plan,
) -> None:
    said = "范围沿道路计算"
    shown = opened(road_plan.content)
    assert said not in shown.text("#legend")
    plain = shown.pixels()
    shown.page.check("#layer-reach")
    assert said in shown.text("#legend")
    tinted = plain["255,255,255"] - shown.pixels()["255,255,255"]
    assert tinted > 10_000
    discs = opened(tiny_plan.content)
    white = discs.pixels()["255,255,255"]
    discs.page.check("#layer-reach")
    assert said not in discs.text("#legend")
    assert tinted < white - discs.pixels()["255,255,255"]


def test_an_area_that_touches_itself_is_mended_and_never_costs_the_plan(road_home: Tiny) -> None:
    district = read_district(road_home.folder)
    x, y = metric([(district.places[0].lon or 0, district.places[0].lat or 0)], district.datum, district.epsg)[0]
    crossed = shapely.Polygon([(x, y), (x + 400, y + 400), (x + 400, y), (x, y + 400)])
    assert not crossed.is_valid
    found = in_degrees(crossed, district)
    assert found.is_valid
    # Two triangles of 200 × 400 / 2 m².
    metres = shapely.transform(found, lambda at: metric(at, district.datum, district.epsg))
    assert metres.area == pytest.approx(2 * 40_000, rel=0.01)
