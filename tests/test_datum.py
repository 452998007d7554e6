"""What coordinates mean: conversion between datums, which datums are refused, and signs of a wrong declaration."""

import re

import numpy as np
import pyproj
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocate import datum
from allocate.datum import Array, Datum, DatumError
from allocate.fault_kinds import FaultKind
from allocate.words import catalogue

METRES = 111_320.0
LON, LAT = st.floats(73.0, 135.5), st.floats(3.5, 54.0)
WAYS = [
    (datum.wgs84_to_gcj02, datum.gcj02_to_wgs84),
    (datum.gcj02_to_bd09, datum.bd09_to_gcj02),
    (lambda p: datum.convert(p, "wgs84", "bd09"), lambda p: datum.convert(p, "bd09", "wgs84")),
]


def one(x: float, y: float) -> Array:
    return np.array([[x, y]])


def found(xy: object, declared: str | int) -> dict[str, tuple[list[int], dict[str, object]]]:
    odd = datum.looks_wrong(np.array(xy, dtype=float), datum.parse(declared))
    return {str(o.what): (o.rows.tolist(), dict(o.details)) for o in odd}


# From the README of coordtransform (github.com/wandergis/coordtransform), and the tests of hutool's CoordinateUtil.
@pytest.mark.parametrize(
    ("have", "want", "gives"),
    [
        ("wgs84", "gcj02", (116.41024449916938, 39.91640428150164)),
        ("gcj02", "bd09", (116.41036949371029, 39.92133699351021)),
        # From the README of geocraft and of coord-convert's ports: two steps in one.
        ("wgs84", "bd09", (116.41662724378733, 39.922699552216216)),
    ],
)
def test_a_published_example_comes_out_to_the_last_digits(have: str, want: str, gives: tuple[float, float]) -> None:
    np.testing.assert_allclose(datum.convert(one(116.404, 39.915), have, want), [gives], rtol=0, atol=1e-13)


# The same READMEs; their inverses stop after one step, which leaves up to 0.2 m from BD-09 and 3.3 m from GCJ-02.
@pytest.mark.parametrize(
    ("have", "want", "gives", "metres"),
    [
        ("bd09", "gcj02", (116.39762729119315, 39.90865673957631), 0.2),
        ("gcj02", "wgs84", (116.39775550083061, 39.91359571849836), 3.3),
        ("bd09", "wgs84", (116.3913836995125, 39.907253214522164), 3.5),
    ],
)
def test_an_inverse_is_as_near_to_the_published_one_as_that_is_exact(
    have: str, want: str, gives: tuple[float, float], metres: float
) -> None:
    off = np.abs(datum.convert(one(116.404, 39.915), have, want) - [gives]).max() * METRES
    assert 0 < off < metres


@pytest.mark.parametrize("way", range(len(WAYS)))
@given(lon=LON, lat=LAT)
@settings(max_examples=50, deadline=None)
def test_there_and_back_is_the_same_to_a_micrometre_anywhere_in_china(way: int, lon: float, lat: float) -> None:
    forth, back = WAYS[way]
    point = one(lon, lat)
    assert np.abs(back(forth(point)) - point).max() * METRES < 1e-6
    assert np.abs(forth(back(point)) - point).max() * METRES < 1e-6


@pytest.mark.parametrize("way", range(len(WAYS)))
def test_there_and_back_is_the_same_on_a_grid_of_a_hundred_thousand_points(way: int) -> None:
    forth, back = WAYS[way]
    grid = np.array(np.meshgrid(np.linspace(73.0, 135.5, 400), np.linspace(3.5, 54.0, 250))).reshape(2, -1).T
    assert len(grid) == 100_000
    assert np.abs(back(forth(grid)) - grid).max() * METRES < 1e-6


def test_the_shift_in_tianjin_is_what_was_measured() -> None:
    grid = np.array(np.meshgrid(np.linspace(116.7, 118.06, 60), np.linspace(38.55, 40.25, 60))).reshape(2, -1).T
    geod = pyproj.Geod(ellps="WGS84")
    for name, least, most in (("gcj02", 500, 600), ("bd09", 1270, 1410)):
        there = datum.convert(grid, "wgs84", name)
        metres = geod.inv(*grid.T, *there.T)[2]
        assert least < metres.min() < metres.max() < most


def test_abroad_nothing_is_moved_between_wgs84_and_gcj02() -> None:
    abroad = np.array([[2.35, 48.85], [-74.0, 40.7], [151.2, -33.9], [0.0, 0.0]])
    np.testing.assert_array_equal(datum.wgs84_to_gcj02(abroad), abroad)
    np.testing.assert_array_equal(datum.gcj02_to_wgs84(abroad), abroad)


@pytest.mark.parametrize("declared", ["wgs84", "gcj02", "bd09", "EPSG:4548", "EPSG:3857"])
def test_what_is_no_number_stays_none_and_spoils_no_other_row(declared: str) -> None:
    good = (500_000.0, 4_400_000.0) if declared == "EPSG:4548" else (117.123456789, 39.5)
    good = (13_070_000.0, 4_800_000.0) if declared == "EPSG:3857" else good
    rows = np.array([(np.nan, 39.5), (np.inf, 39.5), (117.1, -np.inf), good])
    there = datum.to_degrees(rows, datum.parse(declared), "wgs84")
    assert np.isnan(there).tolist() == [[True, True]] * 3 + [[False, False]]
    assert not list(datum.looks_wrong(rows, datum.parse(declared)))


@pytest.mark.parametrize("declared", ["wgs84", "cgcs2000", 4326, "EPSG:4490"])
@pytest.mark.parametrize("wanted", ["wgs84", "cgcs2000"])
def test_degrees_of_either_plain_datum_are_not_touched(declared: str, wanted: str) -> None:
    point = one(117.12345678901, 39.50000000001)
    np.testing.assert_array_equal(datum.to_degrees(point, datum.parse(declared), wanted), point)


def test_what_is_converted_is_rounded_to_a_centimetre() -> None:
    point = one(117.12345678901, 39.50000000001)
    shifted = datum.to_degrees(point, datum.parse("gcj02"), "wgs84")
    np.testing.assert_array_equal(shifted, shifted.round(7))
    assert np.abs(shifted - datum.gcj02_to_wgs84(point)).max() * METRES < 0.01


def test_a_table_is_not_changed_in_place() -> None:
    point = one(117.1, 39.5)
    datum.to_degrees(point, datum.parse("bd09"), "wgs84")
    np.testing.assert_array_equal(point, one(117.1, 39.5))


def test_surveyors_metres_become_the_degrees_that_pyproj_gives_with_and_without_the_zone() -> None:
    there = pyproj.Transformer.from_crs(4490, 4548, always_xy=True).transform(117.3, 39.7)
    plain = datum.to_degrees(one(*there), datum.parse(4548), "cgcs2000")
    zoned = datum.to_degrees(one(there[0] + 39_000_000, there[1]), datum.parse(4527), "wgs84")
    np.testing.assert_allclose(plain, one(117.3, 39.7), atol=1e-7)
    np.testing.assert_array_equal(plain, zoned)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("wgs84", Datum("wgs84")),
        ("WGS-84", Datum("wgs84")),
        ("国家2000", Datum("cgcs2000")),
        ("GCJ-02", Datum("gcj02")),
        ("高德", Datum("gcj02")),
        ("BD_09ll", Datum("bd09")),
        ("EPSG:4490", Datum("cgcs2000")),
        ("epsg:4527", Datum("EPSG:4527", 4527)),
        (4548, Datum("EPSG:4548", 4548)),
        ("4548", Datum("EPSG:4548", 4548)),
        ("urn:ogc:def:crs:EPSG::4490", Datum("cgcs2000")),
        ("urn:ogc:def:crs:OGC:1.3:CRS84", Datum("wgs84")),
        (32650, Datum("EPSG:32650", 32650)),
        (pyproj.CRS.from_epsg(4548).to_wkt("WKT1_ESRI"), Datum("EPSG:4548", 4548)),
        (pyproj.CRS.from_epsg(4490).to_wkt(), Datum("cgcs2000")),
    ],
)
def test_a_datum_is_known_however_it_is_written(said: str, meant: Datum) -> None:
    assert datum.parse(said) == meant


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("", FaultKind.DATUM_UNKNOWN),
        ("nad27", FaultKind.DATUM_UNKNOWN),
        ("+proj=longlat +datum=WGS84", FaultKind.DATUM_UNKNOWN),
        ("GEOGCS[", FaultKind.DATUM_UNKNOWN),
        ("GEOGCS[" * 20_000, FaultKind.DATUM_UNKNOWN),
        (999999, FaultKind.DATUM_EPSG),
        ("EPSG:10000", FaultKind.DATUM_EPSG),
        ("北京54", FaultKind.DATUM_OLD),
        ("西安 80", FaultKind.DATUM_OLD),
        ("天津90坐标系", FaultKind.DATUM_OLD),
        (4214, FaultKind.DATUM_OLD),
        (4610, FaultKind.DATUM_OLD),
        (4555, FaultKind.DATUM_OLD),
        (2433, FaultKind.DATUM_OLD),
        (2383, FaultKind.DATUM_OLD),
        (pyproj.CRS.from_epsg(2384).to_wkt("WKT1_ESRI"), FaultKind.DATUM_OLD),
        ('LOCAL_CS["Tianjin 90",UNIT["metre",1]]', FaultKind.DATUM_OLD),
        (5773, FaultKind.DATUM_KIND),
        (4479, FaultKind.DATUM_KIND),
        (2154, FaultKind.DATUM_AREA),
        (32750, FaultKind.DATUM_AREA),
    ],
)
def test_a_datum_that_cannot_be_used_is_refused_with_its_kind(said: str, why: FaultKind) -> None:
    with pytest.raises(DatumError) as refused:
        datum.parse(said)
    assert refused.value.what == why


def test_every_zone_of_the_old_systems_is_refused() -> None:
    old = re.compile(r"Beijing 1954|Xian 1980|New Beijing")
    zones = [info.code for info in pyproj.database.query_crs_info("EPSG") if old.match(info.name)]
    assert len(zones) > 190
    for code in zones:
        with pytest.raises(DatumError) as refused:
            datum.parse(code)
        assert refused.value.what in (FaultKind.DATUM_OLD, FaultKind.DATUM_KIND), code


@given(said=st.one_of(st.text(max_size=40), st.from_regex(r"(GEOGCS|PROJCS|PROJCRS)\[.{0,40}", fullmatch=True)))
@settings(max_examples=150, deadline=None)
def test_whatever_is_declared_is_a_datum_or_refused(said: str) -> None:
    try:
        name = datum.parse(said).name
    except DatumError as error:
        name = catalogue()[str(error.what)]["en"]
    assert name


@pytest.mark.parametrize(
    ("xy", "declared", "what", "use"),
    [
        ((39_517_000, 4_400_000), 4548, "fault.zone_given", "EPSG:4527"),
        ((517_000, 4_400_000), 4527, "fault.zone_absent", "EPSG:4548"),
        ((40_517_000, 4_400_000), 4527, "fault.zone_given", "EPSG:4528"),
        ((550_000, 4_400_000), 4498, "fault.zone_absent", "EPSG:4509"),
        ((39_517_000, 4_400_000), "wgs84", "fault.position_metres", "EPSG:4527"),
        ((20_517_000, 4_400_000), "bd09", "fault.position_metres", "EPSG:4498"),
        ((517_000, 4_400_000), "gcj02", "fault.position_metres", "EPSG:4534–4554"),
        ((13_070_000, 4_800_000), "wgs84", "fault.position_metres", "EPSG:3857"),
    ],
)
def test_a_system_that_fits_the_numbers_better_is_named(
    xy: tuple[float, float], declared: str, what: str, use: str
) -> None:
    rows = [(np.nan, np.nan), xy]
    assert list(found(rows, declared)) == [what]
    where, details = found(rows, declared)[what]
    assert where == [1]
    assert (details["use"], details["rows"]) == (use, 1)


@pytest.mark.parametrize("epsg", [4527, 4540, 4554, 4498, 4509, 4513, 4533, 4501, 4491])
def test_the_code_named_for_the_other_writing_of_a_zone_has_the_same_meridian(epsg: int) -> None:
    own = pyproj.CRS.from_epsg(epsg)
    meridian = {p.name: p.value for p in own.coordinate_operation.params}
    middle = (own.area_of_use.south + own.area_of_use.north) / 2
    point = pyproj.Transformer.from_crs(own.geodetic_crs, own, always_xy=True).transform(
        meridian["Longitude of natural origin"] + 0.4, middle
    )
    zone = int(point[0] // 1e6)
    spots = [(point[0] - zone * 1e6, point[1])]
    if zone:
        use = str(found(spots, epsg)["fault.zone_absent"][1]["use"])
    else:
        six = 4502 <= epsg <= 4512
        zone = round((meridian["Longitude of natural origin"] + (3 if six else 0)) / (6 if six else 3))
        use = str(found([(point[0] + zone * 1e6, point[1])], epsg)["fault.zone_given"][1]["use"])
    other = {p.name: p.value for p in pyproj.CRS.from_epsg(int(use[5:])).coordinate_operation.params}
    assert other["Longitude of natural origin"] == meridian["Longitude of natural origin"]
    assert abs(other["False easting"] - meridian["False easting"]) == zone * 1e6


@pytest.mark.parametrize(
    ("xy", "declared"),
    [
        ((4_400_000, 517_000), 4548),
        ((4_400_000, 39_517_000), 4527),
        ((4_400_000, 517_000), 32650),
        ((4_800_000, 13_070_000), 3857),
    ],
)
def test_a_northing_that_stands_first_is_named_and_not_exchanged(xy: tuple[float, float], declared: int) -> None:
    assert found([xy, xy[::-1]], declared) == {"fault.position_axes": ([0], {"rows": 1})}
    right = datum.to_degrees(one(*xy[::-1]), datum.parse(declared), "wgs84")
    turned = datum.to_degrees(one(*xy), datum.parse(declared), "wgs84")
    assert not np.allclose(turned, right)


def test_two_mistakes_in_one_row_are_both_named() -> None:
    assert list(found([(4_400_000, 39_517_000)], 4548)) == ["fault.position_axes", "fault.zone_given"]
    assert list(found([(4_400_000, 39_517_000)], "wgs84")) == ["fault.position_metres", "fault.position_axes"]


def test_swapped_degrees_are_counted() -> None:
    assert found([(117.123, 39.523), (39.523, 117.123), (39.51, 117.1)], "gcj02") == {
        "problem.swapped": ([1, 2], {"rows": 2})
    }


def test_degrees_in_a_table_declared_in_metres_are_named() -> None:
    assert found([(117.1234, 39.5234), (517_001, 4_400_000)], 4548)["fault.position_degrees"][0] == [0]


def test_zero_for_no_position_is_named_and_nothing_else_is_said_of_it() -> None:
    assert list(found([(0, 0), (117.1234, 39.5234)], "wgs84")) == ["fault.position_zero"]
    assert list(found([(0, 0)], 4548)) == ["fault.position_zero"]


def test_a_point_that_no_slip_explains_is_called_far() -> None:
    assert found([(517_123, 9_400_123), (1e308, -1e308)], 4548) == {
        "fault.position_far": ([0, 1], {"rows": 2, "datum": "EPSG:4548"})
    }


def test_positions_to_a_kilometre_are_warned_of_where_most_rows_have_them() -> None:
    coarse, fine = [(117.12, 39.5), (117.1, 39.53), (117.25, 39.41)], [(117.12345, 39.54321)] * 3
    odd = list(datum.looks_wrong(np.array(coarse + fine[:2]), datum.parse("wgs84")))
    assert [(o.what, o.rows.tolist(), o.fault) for o in odd] == [(FaultKind.POSITION_COARSE, [0, 1, 2], False)]
    assert found(coarse + fine, "wgs84") == {}
    assert list(found([(517_000, 4_400_000), (518_000, 4_391_000), (511_000, 4_390_000)], 4548)) == [
        "fault.position_coarse"
    ]


@given(lon=st.floats(115.5, 118.5), lat=st.floats(38.5, 40.5), declared=st.sampled_from(["wgs84", "gcj02", 4548, 4527]))
@settings(max_examples=60, deadline=None)
def test_points_that_are_what_they_are_declared_raise_no_question(lon: float, lat: float, declared: str | int) -> None:
    code = declared if isinstance(declared, int) else 4490
    xy = pyproj.Transformer.from_crs(4490, code, always_xy=True).transform(lon, lat)
    assert found([xy], declared) == {}


@given(
    xy=st.lists(st.tuples(st.floats(), st.floats()), max_size=6),
    declared=st.sampled_from(["wgs84", "bd09", 4548, 4527, 3857, 32650]),
)
@settings(max_examples=100, deadline=None)
def test_no_numbers_raise_anything(xy: list[tuple[float, float]], declared: str | int) -> None:
    points = np.array(xy, dtype=float).reshape(-1, 2)
    for odd in datum.looks_wrong(points, datum.parse(declared)):
        assert len(odd.rows) == odd.details["rows"] > 0
    there = datum.to_degrees(points, datum.parse(declared), "wgs84")
    assert there.shape == points.shape
    assert not np.isinf(there).any()


@pytest.mark.parametrize(
    "said",
    [
        "EPSG:32650",
        "32650",
        "EPSG：32650",
        "epsg: 32650",
        "urn:ogc:def:crs:EPSG::32650",
        "urn:ogc:def:crs:EPSG:9.8:32650",
    ],
)
def test_a_code_of_five_digits_is_read_whole(said: str) -> None:
    assert datum.parse(said).epsg == 32650
