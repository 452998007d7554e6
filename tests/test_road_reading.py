"""Roads of a district's folder: from layers as offices have them, and from extracts, with what is odd in them."""

import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import shapely
from conftest import Tiny
from seeded_faults import SEEDED, good, lane

from allocate import datum, road_reading
from allocate.checking import check_all
from allocate.errors import InputError, Problem
from allocate.fault_kinds import FaultKind
from allocate.files.osm import Extract
from allocate.read import read_district
from allocate.road_reading import MARGIN_M
from allocate.travel.network import ROAD_CLASSES, RoadNetwork
from allocate.travel.points import metric
from allocate.words import LANGUAGES, Language, speaking

# Streets of the small district, 2 km from each other, with a vertex wherever two meet.
WEST, SOUTH, EAST, NORTH = 117.3, 39.6, 117.52, 39.75
XS, YS = np.linspace(WEST, EAST, 11).round(6).tolist(), np.linspace(SOUTH, NORTH, 10).round(6).tolist()
STREETS = [[(x, y) for y in YS] for x in XS] + [[(x, y) for x in XS] for y in YS]


def streets(**told: Any) -> list[dict[str, Any]]:
    """Return the streets as features; what is told of them is a value for all, or one for each."""
    found = []
    for n, line in enumerate(STREETS):
        about = {name: value[n] if isinstance(value, list) else value for name, value in told.items()}
        found.append(lane(*line) | {"properties": about})
    return found


def write(folder: Path, features: list[dict[str, Any]], file: str = "roads.geojson") -> None:
    content = {"type": "FeatureCollection", "features": features}
    (folder / file).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def card(tiny: Tiny, more: str) -> None:
    with (tiny.folder / "district.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n{more}\n")


def roads_of(tiny: Tiny) -> RoadNetwork:
    roads = read_district(tiny.folder).roads
    assert roads is not None
    return roads


def kinds(warnings: tuple[Problem, ...]) -> list[str]:
    return [FaultKind(one.what).name for one in warnings if one.what.startswith("fault.road")]


def lengths(roads: RoadNetwork) -> dict[str, float]:
    """Return kilometres by class."""
    found = np.bincount(roads.classes, weights=roads.metres / 1000, minlength=len(ROAD_CLASSES))
    return {name: round(km, 1) for name, km in zip(ROAD_CLASSES, found.tolist(), strict=True) if km}


def one(tiny: Tiny, kind: FaultKind) -> Problem:
    """Return the only fault or warning of a kind."""
    try:
        found = read_district(tiny.folder).warnings
    except InputError as error:
        found = (*error.problems, *error.warnings)
    (problem,) = [problem for problem in found if problem.what == kind]
    return problem


def test_a_district_without_roads_has_none(tiny: Tiny) -> None:
    assert read_district(tiny.folder).roads is None


def test_an_offices_layer_in_chinese_becomes_a_network_in_metres(tiny: Tiny) -> None:
    classes = ["高速公路", "国道", "省道", "县道", "乡道", "村道", "内部路", "机耕路", "非机动车道", "人行道", "轮渡"]
    classes += ["城市快速路", "主干路", "次干路", "支路", "居住区道路", "田间路", "步行街", "小路", "渡口", "一级公路"]
    write(tiny.folder, streets(道路等级=classes, 单行=["单行", *["双向"] * 20]), "道路.geojson")
    district = read_district(tiny.folder)
    assert district.roads is not None
    assert kinds(district.warnings) == []
    assert set(lengths(district.roads)) == set(ROAD_CLASSES)
    # The westernmost street is the motorway: nobody but its end meets it, and cars go north on it.
    motorway = district.roads.classes == ROAD_CLASSES.index("motorway")
    assert district.roads.one_way.tolist() == motorway.tolist()
    rise = district.roads.nodes[district.roads.ends[motorway]] - district.roads.nodes[district.roads.starts[motorway]]
    assert (rise[:, 1] > 1000).all()
    # As long as on the map: 11 streets of 16.65 km, and 10 of 18.8 km (its projection adds less than 1 in 1,000).
    assert district.roads.metres.sum() / 1000 == pytest.approx(11 * 16.65 + 10 * 18.85, rel=0.003)
    corner = metric([(WEST, SOUTH)], district.datum, district.epsg)
    assert np.hypot(*(district.roads.nodes - corner).T).min() < 0.01
    origin = district.origins["roads"]
    assert (origin.file, origin.rows, dict(origin.headings)) == (
        "道路.geojson",
        21,
        {"class": "道路等级", "oneway": "单行"},
    )


# What a shapefile cut from OpenStreetMap says of one-way streets, and what a field of truths says.
@pytest.mark.parametrize(
    ("values", "along", "against"), [(("F", "T", "B"), 1, 1), (("T", "F", "F"), 1, 0), (("yes", "-1", "no"), 1, 1)]
)
def test_one_way_streets_are_told_in_the_ways_that_layers_have(
    values: tuple[str, str, str], along: int, against: int, tiny: Tiny
) -> None:
    write(tiny.folder, streets(fclass="tertiary", oneway=[*values[:2], *values[2:] * 19]))
    roads = roads_of(tiny)
    rise = (roads.nodes[roads.ends] - roads.nodes[roads.starts])[roads.one_way, 1]
    # (The first two streets run north, in nine pieces each.)
    assert (int((rise > 0).sum()), int((rise < 0).sum())) == (9 * along, 9 * against)


def test_bridges_and_layers_pass_over_what_they_cross(tiny: Tiny) -> None:
    above = lane((117.29, 39.65), (WEST + 0.033, 39.65), (117.53, 39.66)) | {"properties": {"fclass": "primary"}}
    for told in ({}, {"bridge": "T"}, {"bridge": "否", "层": "2"}, {"tunnel": "yes"}, {"layer": "0", "桥梁": "是"}):
        above["properties"] = {"fclass": "primary", **told}
        crossed = lane((WEST + 0.033, 39.6), (WEST + 0.033, 39.65), (WEST + 0.033, 39.7))
        crossed["properties"] = {"fclass": "primary"}
        write(tiny.folder, [*streets(fclass="primary"), above, crossed])
        _, parts = roads_of(tiny).parts()
        assert len(parts) == (2 if told else 1)


@pytest.mark.parametrize("suffix", ["shp", "gpkg", "fgb"])
def test_roads_come_from_any_format_of_layers(suffix: str, tiny: Tiny) -> None:
    told = {"fclass": ["trunk"] * 11 + ["residential"] * 10, "oneway": ["B"] * 21, "bridge": ["F"] * 21}
    frame = geopandas.GeoDataFrame(told, geometry=[shapely.LineString(line) for line in STREETS], crs=4326)
    frame.to_file(tiny.folder / f"roads.{suffix}")
    assert lengths(roads_of(tiny)) == {"trunk": 183.2, "residential": 188.8}


def test_names_in_another_encoding_are_read_where_the_card_says_so(tiny: Tiny) -> None:
    frame = geopandas.GeoDataFrame(
        {"grade": ["国道"] * 21}, geometry=[shapely.LineString(line) for line in STREETS], crs=4326
    )
    frame.to_file(tiny.folder / "roads.shp", encoding="gbk")
    (tiny.folder / "roads.cpg").unlink()
    card(tiny, '[tables.roads]\nencoding = "gb18030"\ncolumns = { class = "grade" }')
    assert set(lengths(roads_of(tiny))) == {"trunk"}


@pytest.mark.parametrize("system", ["gcj02", "bd09", "EPSG:4548", "EPSG:4527"])
def test_roads_in_another_datum_are_converted(system: str, tiny: Tiny) -> None:
    write(tiny.folder, streets(highway="primary"))
    plain = roads_of(tiny)
    write(
        tiny.folder,
        [feature | {"geometry": shifted(feature["geometry"], system)} for feature in streets(highway="primary")],
    )
    card(tiny, f'[tables.roads]\ndatum = "{system}"')
    moved = roads_of(tiny)
    assert len(moved) == len(plain)
    assert np.abs(moved.nodes - plain.nodes).max() < 0.01
    assert read_district(tiny.folder).origins["roads"].datum == system


def shifted(geometry: Mapping[str, Any], system: str) -> dict[str, Any]:
    points = np.array(geometry["coordinates"])
    if system.startswith("EPSG"):
        points = metric(points, "wgs84", int(system.removeprefix("EPSG:")))
    else:
        points = datum.convert(points, "wgs84", system)
    return {"type": "LineString", "coordinates": points.tolist()}


@pytest.mark.parametrize("language", LANGUAGES)
def test_classes_that_nobody_knows_are_one_fault_with_values_counts_and_those_that_are(
    language: Language, tiny: Tiny
) -> None:
    write(tiny.folder, streets(类型=["景区路"] * 4 + ["匝道"] * 2 + ["村道"] * 15))
    with speaking(language):
        fault = one(tiny, FaultKind.ROAD_CLASS)
        text = fault.sentence()
    for word in ("roads.geojson", "类型", "景区路 (4)", "匝道 (2)", "[roads.classes]", "motorway", "none"):
        assert word in text
    card(tiny, '[roads.classes]\n"景区路" = "service"\n"匝道" = "none"')
    assert set(lengths(roads_of(tiny))) == {"service", "residential"}
    assert kinds(read_district(tiny.folder).warnings) == ["ROADS_LEFT"]


def test_a_card_that_says_what_is_no_class_or_no_crossing_is_refused(tiny: Tiny) -> None:
    write(tiny.folder, streets(highway="primary"))
    card(tiny, '[roads]\ncrossings = "maybe"\nclasses = { "a" = "autobahn" }')
    with pytest.raises(InputError) as caught:
        read_district(tiny.folder)
    assert {problem.column for problem in caught.value.problems} == {"roads.crossings", "roads.classes.a"}
    assert "bridge, meet" in str(caught.value)


def test_without_a_column_of_classes_every_road_is_residential_and_the_headings_are_named(tiny: Tiny) -> None:
    write(tiny.folder, streets(grade="trunk", 路名="甲路"))
    assert "grade, 路名" in one(tiny, FaultKind.ROAD_CLASS_NONE).sentence()
    assert set(lengths(roads_of(tiny))) == {"residential"}
    card(tiny, '[tables.roads]\ncolumns = { class = "grade" }')
    assert set(lengths(roads_of(tiny))) == {"trunk"}


def test_a_heading_that_the_card_names_and_the_layer_lacks_is_a_fault(tiny: Tiny) -> None:
    write(tiny.folder, streets(highway="trunk"))
    card(tiny, '[tables.roads]\ncolumns = { class = "grade", colour = "highway" }')
    with pytest.raises(InputError) as caught:
        read_district(tiny.folder)
    assert [problem.value for problem in caught.value.problems] == ["grade", "highway"]


def test_what_has_no_highway_and_what_is_planned_is_no_road(tiny: Tiny) -> None:
    write(tiny.folder, streets(highway=["construction", None, "", *["primary"] * 18]))
    left = one(tiny, FaultKind.ROADS_LEFT)
    assert [left.details[key] for key in ("lines", "count", "far", "none")] == [21, 3, 0, 3]


def test_a_line_that_leads_out_of_the_world_is_left_out_and_the_rest_is_kept(tiny: Tiny) -> None:
    write(tiny.folder, [*streets(highway="primary"), lane((117.401, 39.705), (117.404, 39.72), (1e300, -1e300))])
    roads = roads_of(tiny)
    assert np.isfinite(roads.nodes).all()
    assert len(roads) == 199 + 1


def test_lines_meet_where_they_cross_only_where_the_card_says_so(tiny: Tiny) -> None:
    ends = [[line[0], line[-1]] for line in STREETS]
    # (Streets are drawn a little longer than the square, so that none begins on another.)
    for (x, y), (u, v) in ends:
        ends[ends.index([(x, y), (u, v)])] = [
            (x - (x != u) * 0.01, y - (y != v) * 0.01),
            (u + (x != u) * 0.01, v + (y != v) * 0.01),
        ]
    write(tiny.folder, [lane(*line) | {"properties": {"highway": "primary"}} for line in ends])
    district = read_district(tiny.folder)
    assert kinds(district.warnings) == ["ROADS_APART", "ROADS_CROSSING"]
    assert 'crossings = "meet"' in one(tiny, FaultKind.ROADS_CROSSING).sentence()
    assert one(tiny, FaultKind.ROADS_CROSSING).details["percent"] == "100"
    card(tiny, '[roads]\ncrossings = "meet"')
    assert kinds(read_district(tiny.folder).warnings) == []
    assert len(roads_of(tiny).nodes) == 11 * 10 + 2 * 21


def test_of_a_province_only_the_surroundings_are_kept(tiny: Tiny) -> None:
    up = MARGIN_M / datum.DEGREE_M
    near, far = NORTH + up - 0.001, NORTH + up + 0.001
    more = [lane((WEST, y), (EAST, y)) for y in (near, far, far + 3)]
    write(tiny.folder, [*streets(highway="primary"), *more])
    north = metric([(WEST, NORTH)], "wgs84", 4548)[0, 1]
    assert roads_of(tiny).nodes[:, 1].max() - north == pytest.approx(MARGIN_M, abs=200)
    assert one(tiny, FaultKind.ROADS_LEFT).details["far"] == 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_network_in_pieces_and_places_far_from_any_road_are_named(language: Language, tiny: Tiny) -> None:
    # Two streets of the west, and one of the east that nothing joins to them.
    write(tiny.folder, [lane((WEST, 39.65), (WEST + 0.1, 39.65)), lane((EAST - 0.03, 39.65), (EAST, 39.65))])
    with speaking(language):
        apart, far = one(tiny, FaultKind.ROADS_APART), one(tiny, FaultKind.ROADS_FAR)
    places = read_district(tiny.folder).places
    spots = metric([(place.lon or 0, place.lat or 0) for place in places], "wgs84", 4548)
    west, east = (metric([(a, 39.65), (b, 39.65)], "wgs84", 4548) for a, b in ((WEST, WEST + 0.1), (EAST - 0.03, EAST)))
    to = {
        name: shapely.distance(shapely.points(spots), shapely.LineString(line))
        for name, line in {"w": west, "e": east}.items()
    }
    lost = [place.name for place, metres in zip(places, np.minimum(to["w"], to["e"]), strict=True) if metres > 1000]
    off = [place.name for place, w, e in zip(places, to["w"], to["e"], strict=True) if e < w]
    assert (apart.details["pieces"], apart.details["percent"], apart.details["count"]) == (2, "77", len(off))
    assert far.details["count"] == len(lost) > 0
    assert (off[0] in apart.sentence(), lost[0] in far.sentence()) == (True, True)


def test_rivers_and_motorways_bar_the_way_but_bridges_do_not(tiny: Tiny) -> None:
    classes = ["motorway", "motorway", *["primary"] * 19]
    write(tiny.folder, streets(highway=classes, bridge=["yes", *["no"] * 20]))
    assert [one.length > 16_000 for one in roads_of(tiny).barriers] == [True]
    path = tiny.folder / "水系.gpkg"
    river = [shapely.LineString([(117.2, 39.7), (117.6, 39.7)]), shapely.LineString([(110, 30), (111, 30)])]
    crossed = shapely.Polygon([(117.4, 39.7), (117.42, 39.72), (117.42, 39.7), (117.4, 39.72)])
    geopandas.GeoDataFrame(geometry=river, crs=4326).to_file(path, layer="a")
    geopandas.GeoDataFrame(geometry=[crossed], crs=4326).to_file(path, layer="b")
    found = roads_of(tiny).barriers
    # (The river of another province is not kept; a lake that crosses itself is mended.)
    assert sorted(shapely.get_dimensions(found).tolist()) == [1, 1, 2]
    assert shapely.is_valid(found).all()


def extract(patch: pytest.MonkeyPatch, network: RoadNetwork) -> list[Any]:
    """Let every extract hold some roads, and return the list of what is asked of it."""
    asked: list[Any] = []

    def open_osm(path: Path, around: object) -> Extract:
        asked.append((path.name, around))
        return Extract(network)

    patch.setattr(road_reading, "open_osm", open_osm)
    return asked


def in_degrees(lines: list[Any]) -> RoadNetwork:
    spots = sorted({tuple(spot) for line in lines for spot in line})
    pairs = [(spots.index(tuple(a)), spots.index(tuple(b))) for line in lines for a, b in pairwise(line)]
    starts, ends = np.array(pairs).T
    n = len(pairs)
    river = np.array([shapely.LineString([(117.2, 39.7), (117.6, 39.7)])], dtype=object)
    flags = np.zeros(n, dtype=np.uint8)
    return RoadNetwork(np.array(spots), starts, ends, flags + 5, flags > 0, flags, river)


def test_an_extract_of_any_name_is_roads_in_wgs84_whatever_the_district_is_in(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = extract(monkeypatch, in_degrees(STREETS))
    (tiny.folder / "天津-latest.osm.pbf").write_bytes(b"not asked")
    district = read_district(tiny.folder)
    assert district.roads is not None
    ((name, box),) = asked
    assert name == "天津-latest.osm.pbf"
    assert (box[0] < WEST - 0.17, box[1] < SOUTH - 0.13, box[2] > EAST + 0.17, box[3] > NORTH + 0.13) == (True,) * 4
    write(tiny.folder, streets(highway="residential"))
    (tiny.folder / "天津-latest.osm.pbf").unlink()
    layer = roads_of(tiny)
    assert len(layer) == len(district.roads)
    assert {tuple(spot) for spot in layer.nodes.round(1).tolist()} == {
        tuple(spot) for spot in district.roads.nodes.round(1).tolist()
    }
    (river,) = district.roads.barriers
    assert river.length == pytest.approx(34_300, rel=0.01)
    assert name in district.inputs
    origin = district.origins["roads"]
    assert (origin.file, origin.datum, origin.rows) == (name, "wgs84", len(layer))


def test_two_files_of_roads_are_one_too_many(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    extract(monkeypatch, in_degrees(STREETS))
    write(tiny.folder, streets(highway="residential"))
    (tiny.folder / "a.osm.pbf").write_bytes(b"")
    assert one(tiny, FaultKind.FILE_TWICE)
    card(tiny, '[tables.roads]\nfile = "a.osm.pbf"')
    assert len(roads_of(tiny)) == 199
    card(tiny, 'columns = { class = "x" }\npart = "y"')
    with pytest.raises(InputError) as caught:
        read_district(tiny.folder)
    assert [problem.column for problem in caught.value.problems] == ["tables.roads.part", "tables.roads.columns"]


def test_an_extract_tells_as_well_as_a_layer_that_a_table_is_in_another_datum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt = good(tmp_path)
    next(example for example in SEEDED if example.kind is FaultKind.DATUM_MISFIT).spoil(spoilt.folder)
    drawn = json.loads((spoilt.folder / "roads.geojson").read_text(encoding="utf-8"))
    extract(monkeypatch, in_degrees([feature["geometry"]["coordinates"] for feature in drawn["features"]]))
    (spoilt.folder / "roads.geojson").rename(spoilt.folder / "roads.osm.pbf")
    with speaking("zh"):
        assert "道路" in str(one(spoilt, FaultKind.DATUM_MISFIT).details["against"])


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "zh",
            (
                "道路：取自 路网.geojson，21 行；表头：类型 = class",
                "路网：372.0 公里（国道 183.2、村道 188.8）",
                "连成一片",
            ),
        ),
        ("en", ("from 路网.geojson, 21 rows", "372.0 km (trunk 183.2, residential 188.8), 199 pieces", "in one part")),
    ],
)
def test_check_says_where_roads_came_from_and_what_they_are(
    language: Language, words: tuple[str, ...], tiny: Tiny
) -> None:
    write(tiny.folder, streets(类型=["国道"] * 11 + ["村道"] * 10), "路网.geojson")
    with speaking(language):
        text = "\n".join(check_all(str(tiny.model), {}))
    for word in words:
        assert word in text
