"""Areas of a plan: every spot of the district belongs to its nearest place, and who has a site in reach lies inside."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import MultiPolygon, Point, box, mapping

from allocate.areas import Areas, boundary_of, place_cells, reach_areas, town_areas
from allocate.candidates import make_case
from allocate.model import model_of
from allocate.plans import Plan, district_of, layout_of
from allocate.travel import Circle, Mode, Spots, links, metric

# The central meridian of EPSG:4548: what is symmetric to it in degrees is so in metres.
MIDDLE, SOUTH = 117.0, 39.6
NAME = {"zh": "圈", "en": "circle"}
GIVEN = {"name": NAME, "basis": "assumed", "source": "a toy"}
MODES = {"walk": GIVEN | {"speed_kmh": 4, "detour": 1.3}, "e_bike": GIVEN | {"speed_kmh": 15, "detour": 1.3}}
# With a dent, so that a cell may come in two parts.
BENT = shapely.Polygon([(116.9, 39.5), (117.1, 39.5), (117.1, 39.7), (117.02, 39.7), (117.0, 39.55), (116.9, 39.7)])
SQUARE = box(116.9, 39.5, 117.1, 39.7)
LON_LAT = st.tuples(st.integers(116_900, 117_100), st.integers(39_500, 39_700)).map(lambda p: (p[0] / 1e3, p[1] / 1e3))
FEW = settings(max_examples=60, deadline=None)

Spot = tuple[float, float]


def content(
    places: Sequence[Spot],
    *,
    boundary: shapely.Geometry = SQUARE,
    towns: Sequence[str] = ("T1",),
    sites: Sequence[dict[str, Any]] = (),
    reached: Mapping[int, Sequence[int]] | None = None,
    travel: Sequence[Sequence[Any]] = (),
    **circle: Any,
) -> dict[str, Any]:
    """Return what the areas look at: places P0, P1, … with their towns in turn, and which have a site in reach when."""
    reached = reached or {2025: ()}
    limits = circle or {"minutes": 15}
    return {
        "years": sorted(reached),
        "settings": {
            "circle": "ours",
            "circles": {"ours": GIVEN | {"modes": ["e_bike"], "kinds": ["clinic"]} | limits},
            "modes": MODES,
        },
        "sites": list(sites),
        "places": [
            {"id": f"P{i}", "year": year, "minutes": 5.0 if i in found else None}
            for year, found in reached.items()
            for i in range(len(places))
        ],
        "district_data": {
            "datum": "wgs84",
            "epsg": 4548,
            "boundary": mapping(boundary),
            "places": [
                {"id": f"P{i}", "town": towns[i % len(towns)], "lon": lon, "lat": lat}
                for i, (lon, lat) in enumerate(places)
            ],
            "travel": list(travel),
        },
    }


def site(spot: Spot, name: str = "S1", **more: Any) -> dict[str, Any]:
    return {"id": name, "kind": "clinic", "lon": spot[0], "lat": spot[1], "year": 2025, "action": "open"} | more


def metres(shape: shapely.Geometry) -> shapely.Geometry:
    return shapely.transform(shape, lambda points: metric([tuple(p) for p in points], "wgs84", 4548))


def moved(spot: Spot, x: float, y: float) -> Spot:
    """Return the spot that lies some metres east and north of another."""
    project = pyproj.Transformer.from_crs(4326, 4548, always_xy=True)
    east, north = project.transform(*spot)
    lon, lat = project.transform(east + x, north + y, direction="INVERSE")
    return float(lon), float(lat)


def same(one: shapely.Geometry, other: shapely.Geometry) -> bool:
    """Tell whether two areas differ by less than a millionth of the district."""
    return bool(one.symmetric_difference(other).area < 1e-6 * SQUARE.area)


def test_two_places_halve_the_district_in_the_middle_between_them() -> None:
    west, east = place_cells(content([(MIDDLE - 0.03, SOUTH), (MIDDLE + 0.03, SOUTH)])).values()
    assert west.bounds == pytest.approx((116.9, 39.5, MIDDLE, 39.7), abs=1e-6)
    assert east.bounds == pytest.approx((MIDDLE, 39.5, 117.1, 39.7), abs=1e-6)
    assert west.area == pytest.approx(SQUARE.area / 2, rel=1e-6)


def test_fifteen_minutes_by_e_bike_are_a_disc_of_2884_metres() -> None:
    # 15 km/h are 25/6 m/s: 900 s × 25/6 = 3,750 m on the road, ÷ 1.3 = 2,884.6 m as the crow flies, whole metres.
    spot = MIDDLE, SOUTH
    disc = metres(reach_areas(content([spot], sites=[site(spot)], reached={2025: [0]}))[2025])
    centre = metres(Point(spot))
    assert max(centre.distance(Point(corner)) for corner in disc.geoms[0].exterior.coords) == pytest.approx(2884)
    # A polygon of 32 sides lacks 0.64 % of the circle: sin(2π/32) ÷ (2π/32) = 0.99359.
    assert disc.area == pytest.approx(0.99359 * math.pi * 2884**2, rel=1e-4)


def test_the_longest_line_of_several_ways_counts() -> None:
    spot = MIDDLE, SOUTH
    area = reach_areas(content([], sites=[site(spot)], modes=["walk", "e_bike"], minutes=15, metres=3000))[2025]
    assert math.sqrt(metres(area).area / (0.99359 * math.pi)) == pytest.approx(3000, rel=1e-4)
    area = reach_areas(content([], sites=[site(spot)], modes=["walk"], minutes=15))[2025]
    assert math.sqrt(metres(area).area / (0.99359 * math.pi)) == pytest.approx(769, rel=1e-4)


def test_a_disc_ends_at_the_boundary() -> None:
    area = reach_areas(content([], sites=[site((116.9, SOUTH))]))[2025]
    assert area.bounds[0] == pytest.approx(116.9, abs=1e-9)
    assert metres(area).area == pytest.approx(0.99359 * math.pi * 2884**2 / 2, rel=1e-2)


def test_a_site_counts_from_the_year_it_opens_until_it_closes() -> None:
    spot, other = (116.95, SOUTH), (117.05, SOUTH)
    sites = [
        site(spot, action="keep"),
        site(spot, year=2030, action="close"),
        site(other, "S2", year=2027),
    ]
    areas = reach_areas(content([], sites=sites, reached={2025: (), 2027: (), 2030: (), 2035: ()}))
    holds = {year: (area.contains(Point(spot)), area.contains(Point(other))) for year, area in areas.items()}
    assert holds == {2025: (True, False), 2027: (True, True), 2030: (False, True), 2035: (False, True)}


def test_a_site_of_a_kind_that_the_circle_does_not_name_reaches_nobody() -> None:
    spot = MIDDLE, SOUTH
    sites = [site(spot, kind="hospital"), site((117.05, SOUTH), "S2")]
    area = reach_areas(content([spot], sites=sites))[2025]
    assert not area.contains(Point(spot))
    assert area.contains(Point(117.05, SOUTH))


def test_a_place_in_reach_beyond_the_disc_brings_its_whole_cell() -> None:
    # Four kilometres away, adjoining: out of the disc, but in reach.
    home = (MIDDLE, SOUTH)
    places = [home, moved(home, 4000, 0), moved(home, -4000, 0)]
    plan = content(places, sites=[site(home)], reached={2025: [0, 1]}, minutes=15, adjoining_metres=5000)
    cells, area = place_cells(plan), reach_areas(plan)[2025]
    assert area.covers(cells["P1"].buffer(-1e-6))
    assert not area.contains(Point(places[2]))
    disc = reach_areas(content([], sites=[site(home)]))[2025]
    assert same(area, disc.union(cells["P1"]))


def test_a_place_between_the_sides_of_the_disc_and_the_circle_lies_inside() -> None:
    # The disc has 32 corners; halfway between two of them it is 2,884 × cos(π/32) = 2,870 m wide.
    home = (MIDDLE, SOUTH)
    place = moved(home, 2880 * math.cos(math.pi / 32), 2880 * math.sin(math.pi / 32))
    assert not reach_areas(content([home, place], sites=[site(home)]))[2025].contains(Point(place))
    assert reach_areas(content([home, place], sites=[site(home)], reached={2025: [0, 1]}))[2025].contains(Point(place))


def test_a_way_that_the_planner_timed_draws_no_disc() -> None:
    home = (MIDDLE, SOUTH)
    places = [home, moved(home, 3000, 0), moved(home, -3000, 0)]
    table = [["P0", "P0", "e_bike", 0.0], ["P1", "P0", "e_bike", 9.0]]
    timed = content(places, sites=[site(home)], reached={2025: [0, 1]}, travel=table, modes=["e_bike"], minutes=15)
    cells = place_cells(timed)
    assert same(reach_areas(timed)[2025], cells["P0"].union(cells["P1"]))
    also = content(places, sites=[site(home)], reached={2025: [0]}, travel=table, modes=["e_bike", "walk"], minutes=15)
    # On foot: 769 m; times by e-bike say nothing of that.
    assert metres(reach_areas(also)[2025]).area == pytest.approx(0.99359 * math.pi * 769**2, rel=1e-3)


@FEW
@given(st.lists(LON_LAT, min_size=1, max_size=12), st.lists(LON_LAT, min_size=5, max_size=5))
def test_every_spot_belongs_to_the_nearest_place_and_to_its_town(places: list[Spot], probes: list[Spot]) -> None:
    plan = content(places, boundary=BENT, towns=("T1", "T2", "T3"))
    areas = Areas(plan)
    cells, towns = areas.places(), areas.towns()
    for parts in (cells, towns):
        # They fill the district, and as their areas add up to no more, they do not overlap.
        assert same(shapely.union_all(list(parts.values())), BENT)
        assert sum(part.area for part in parts.values()) == pytest.approx(BENT.area, rel=1e-6)
        assert all(part.is_valid and isinstance(part, MultiPolygon) for part in parts.values())
    for name, town in towns.items():
        own = [cells[place["id"]] for place in plan["district_data"]["places"] if place["town"] == name]
        assert same(town, shapely.union_all(own))
    positions = metric(places, "wgs84", 4548)
    for probe in probes:
        far = np.hypot(*(positions - metric([probe], "wgs84", 4548)).T)
        first, *others = np.unique(far.round(1)).tolist()
        # (Half a metre from the middle line both have a right to it; on the boundary nobody has.)
        if (not others or others[0] - first > 1) and BENT.buffer(-1e-5).contains(Point(probe)):
            owner = int(far.argmin())
            assert cells[f"P{owner}"].contains(Point(probe))


@FEW
@given(
    st.lists(LON_LAT, min_size=1, max_size=14, unique=True),
    st.data(),
    st.sampled_from(
        (
            {"minutes": 15},
            {"minutes": 5, "adjoining_metres": 9000},
            {"metres": 1500},
            {"modes": ["walk", "e_bike"], "minutes": 12},
        )
    ),
)
def test_every_place_with_a_site_in_reach_lies_inside(places: list[Spot], data: st.DataObject, limits: Any) -> None:
    homes = data.draw(st.lists(st.integers(0, len(places) - 1), max_size=4, unique=True), label="sites at")
    ends = st.sampled_from([f"P{i}" for i in range(len(places))])
    times = st.dictionaries(st.tuples(ends, ends, st.just("e_bike")), st.integers(1, 20), max_size=4)
    table = data.draw(times, label="own minutes")
    spots = metric(places, "wgs84", 4548)
    found = links(
        Spots(tuple(f"P{i}" for i in range(len(places))), spots, np.arange(len(places))),
        Spots(tuple(f"P{j}" for j in homes), spots[homes], np.array(homes, dtype=np.int64)),
        Circle.model_validate(GIVEN | {"modes": ["e_bike"], "kinds": ["clinic"]} | limits),
        {name: Mode.model_validate(mode) for name, mode in MODES.items()},
        table,
    )
    reached = sorted(set(found.places.tolist()))
    plan = content(
        places,
        sites=[site(places[j], f"S{j}") for j in homes],
        reached={2025: reached},
        travel=[[*pair, minutes] for pair, minutes in table.items()],
        **limits,
    )
    area = reach_areas(plan)[2025]
    assert area.is_valid
    assert area.difference(SQUARE.buffer(1e-6)).is_empty
    inner = SQUARE.buffer(-1e-6)
    assert [i for i in reached if inner.contains(Point(places[i])) and not area.contains(Point(places[i]))] == []
    assert area.is_empty == (not homes)


def test_in_a_real_plan_every_place_with_an_open_site_in_reach_lies_inside(tiny_plan: Plan) -> None:
    plan = tiny_plan.content
    district = district_of(plan)
    case = make_case(district, model_of(plan["settings"], "tiny", "tiny.toml", {}))
    layout, areas = layout_of(plan, case), reach_areas(plan)
    assert list(areas) == list(case.years)
    for t, year in enumerate(case.years):
        near = {i for i in range(len(case.places)) if any((j, t) in layout.open for j in case.sites_of[i])}
        inside = {i for i, place in enumerate(district.places) if areas[year].contains(Point(place.lon, place.lat))}
        assert near
        assert near <= inside
        assert areas[year].is_valid


def test_in_a_real_plan_every_place_lies_in_its_cell_and_every_town_in_the_boundary(tiny_plan: Plan) -> None:
    plan = tiny_plan.content
    cells, towns, boundary = place_cells(plan), town_areas(plan), boundary_of(plan)
    assert list(cells) == [place["id"] for place in plan["district_data"]["places"]]
    assert set(towns) == {place["town"] for place in plan["district_data"]["places"]}
    for place in plan["district_data"]["places"]:
        assert cells[place["id"]].contains(Point(place["lon"], place["lat"]))
        assert towns[place["town"]].contains(Point(place["lon"], place["lat"]))
    assert sum(town.area for town in towns.values()) == pytest.approx(boundary.area, rel=1e-6)


def test_one_place_has_the_whole_district() -> None:
    plan = content([(MIDDLE, SOUTH)], boundary=BENT)
    assert same(place_cells(plan)["P0"], BENT)
    assert same(town_areas(plan)["T1"], BENT)


def test_of_places_on_one_spot_the_first_has_the_cell_and_all_of_them_can_be_in_reach() -> None:
    plan = content([(MIDDLE, SOUTH)] * 3, towns=("T1", "T2"), sites=[site((117.09, SOUTH))], reached={2025: [2]})
    assert {place: cell.is_empty for place, cell in place_cells(plan).items()} == {"P0": False, "P1": True, "P2": True}
    towns = town_areas(plan)
    assert same(towns["T1"], SQUARE)
    assert towns["T2"].is_empty
    assert same(reach_areas(plan)[2025], SQUARE)


def test_places_on_a_line_share_the_district_in_strips() -> None:
    cells = place_cells(content([(MIDDLE + step / 100, SOUTH) for step in range(-4, 5)]))
    widths = [cell.bounds[2] - cell.bounds[0] for cell in cells.values()]
    # (A parallel is a little bent in metres, and so are the strips between places on it.)
    assert widths[1:-1] == pytest.approx([0.01] * 7, abs=1e-4)
    assert all(cell.bounds[1::2] == pytest.approx((39.5, 39.7), abs=1e-6) for cell in cells.values())


def test_a_place_far_outside_has_no_ground_and_harms_nobody() -> None:
    plan = content([(MIDDLE, SOUTH), (117.9, 40.4)], towns=("T1", "T2"), reached={2025: [1]})
    assert same(place_cells(plan)["P0"], SQUARE)
    assert place_cells(plan)["P1"].is_empty
    assert town_areas(plan)["T2"].is_empty
    assert reach_areas(plan)[2025].is_empty


def test_a_district_without_places_has_a_boundary_only() -> None:
    plan = content([])
    assert boundary_of(plan).equals(SQUARE)
    assert place_cells(plan) == {}
    assert town_areas(plan) == {}
    assert reach_areas(plan) == {2025: MultiPolygon()}


def test_a_place_without_a_position_has_an_empty_cell_and_its_town_is_absent() -> None:
    plan = content([(MIDDLE, SOUTH), (MIDDLE, SOUTH)], towns=("T1", "T2"), reached={2025: [1]})
    plan["district_data"]["places"][1] |= {"lon": None, "lat": None}
    assert place_cells(plan)["P1"].is_empty
    assert set(town_areas(plan)) == {"T1"}
    assert reach_areas(plan)[2025].is_empty


def test_a_boundary_that_crosses_itself_is_made_valid() -> None:
    bow = shapely.Polygon([(116.9, 39.5), (117.1, 39.7), (117.1, 39.5), (116.9, 39.7)])
    plan = content([(MIDDLE - 0.05, SOUTH), (MIDDLE + 0.05, SOUTH)], boundary=bow)
    assert boundary_of(plan).is_valid
    assert len(boundary_of(plan).geoms) == 2
    assert [cell.area for cell in place_cells(plan).values()] == pytest.approx([0.01, 0.01], rel=1e-4)


def test_a_hole_in_the_boundary_belongs_to_nobody() -> None:
    hole = box(116.99, 39.59, 117.01, 39.61)
    plan = content(
        [(116.95, SOUTH), (117.05, SOUTH)], boundary=SQUARE - hole, sites=[site((MIDDLE, SOUTH))], reached={2025: [0]}
    )
    assert not shapely.union_all(list(place_cells(plan).values())).intersects(hole.buffer(-1e-5))
    assert not reach_areas(plan)[2025].intersects(hole.buffer(-1e-5))


def test_the_order_of_the_rows_changes_nothing() -> None:
    places = [moved((MIDDLE, SOUTH), 700 * n * math.cos(2.4 * n), 700 * n * math.sin(2.4 * n)) for n in range(9)]
    sites = [site(places[j], f"S{j}") for j in (1, 4, 6)]
    plan = content(places, towns=("T1", "T2"), sites=sites, reached={2025: [1, 2, 4, 8], 2030: [0, 5]})
    turned = plan | {"sites": plan["sites"][::-1], "places": plan["places"][::-1]}
    turned["district_data"] = plan["district_data"] | {"places": plan["district_data"]["places"][::-1]}
    for areas in (place_cells, town_areas, reach_areas):
        one, other = areas(plan), areas(turned)
        assert {name: shape.wkb for name, shape in one.items()} == {name: shape.wkb for name, shape in other.items()}
        assert all(shape.wkb == shape.normalize().wkb for shape in one.values())


def test_a_plan_without_its_settings_says_nothing_of_its_circle() -> None:
    plan = content([(MIDDLE, SOUTH)], sites=[site((MIDDLE, SOUTH))], reached={2025: [0]})
    del plan["settings"]
    assert reach_areas(plan) == {}
