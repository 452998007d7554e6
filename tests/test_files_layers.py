"""Layers of a map opened as sheets: every format gives the same, and no bytes do any harm."""

import json
import shutil
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from conftest import ROOT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allocate.fault_kinds import FaultKind
from allocate.files import features, gdal, geopackage, parquet
from allocate.files.layers import LAYER_SUFFIXES, lines, open_layers, outline
from allocate.files.shapes import crs_of, from_wkb
from allocate.files.sheet import Sheet, Unreadable

NAMES = ["宝坻区人民医院", "方家庄卫生院", 'O\'Brien, "站"']
SPOTS = [(117.25, 39.5), (117.5, 39.75), (117.75, 39.25)]
FRAME = geopandas.GeoDataFrame(
    {"编号": ["001", "002", "003"], "名称": NAMES, "床位": [1200, 30, 5], "面积": [1.5, 2.0, None]},
    geometry=[shapely.Point(spot) for spot in SPOTS],
    crs=4490,
)
# What a format does not keep: KML has text only, and no word on its coordinates.
WRITERS: dict[str, Callable[[Any, Path], None]] = {
    "gpkg": lambda frame, path: frame.to_file(path, driver="GPKG"),
    "fgb": lambda frame, path: frame.to_file(path, driver="FlatGeobuf", SPATIAL_INDEX="NO"),
    "shp": lambda frame, path: frame.to_file(path, encoding="UTF-8"),
    "geojson": lambda frame, path: path.write_text(_geojson(frame), encoding="utf-8"),
    "kml": lambda frame, path: path.write_text(_kml(frame), encoding="utf-8"),
    "parquet": lambda frame, path: frame.to_parquet(path),
}


def _geojson(frame: Any) -> str:
    content = json.loads(frame.to_json(drop_id=True, to_wgs84=False, ensure_ascii=False))
    content["crs"] = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{frame.crs.to_epsg()}"}}
    return json.dumps(content, ensure_ascii=False)


def _kml(frame: Any) -> str:
    marks = []
    for row in frame.drop(columns="geometry").assign(at=frame.geometry).to_dict("records"):
        at = row.pop("at")
        data = "".join(
            f'<Data name="{key}"><value>{value}</value></Data>' for key, value in row.items() if not pd.isna(value)
        )
        marks.append(
            f"<Placemark><ExtendedData>{data}</ExtendedData>"
            f"<Point><coordinates>{at.x},{at.y},0</coordinates></Point></Placemark>"
        )
    return kml("".join(marks))


def kml(inside: str, *, head: str = '<?xml version="1.0" encoding="UTF-8"?>') -> str:
    return f'{head}<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{inside}</Document></kml>'


def geojson(*geometries: object, **more: object) -> str:
    features = [{"type": "Feature", "properties": {"n": n}, "geometry": one} for n, one in enumerate(geometries)]
    return json.dumps({"type": "FeatureCollection", "features": features} | more)


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def sheet_of(path: Path, part: str = "", encoding: str = "") -> Sheet:
    layers = open_layers(path, encoding)
    return layers.sheet(part or layers.parts[0])


def refused(path: Path, encoding: str = "") -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        sheet_of(path, encoding=encoding)
    return caught.value


def found(sheet: Sheet) -> list[tuple[FaultKind, int | None]]:
    return [(one.what, one.row) for one in sheet.spotted]


def base_of(path: Path, *commands: str) -> Path:
    with closing(sqlite3.connect(path)) as base:
        for command in commands:
            base.execute(command)
        base.commit()
    return path


@pytest.mark.parametrize("suffix", WRITERS)
def test_every_format_gives_the_same_sheet(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"机构 {suffix}.{suffix}"
    WRITERS[suffix](FRAME, path)
    layers = open_layers(path)
    sheet = layers.sheet(layers.parts[0])
    assert layers.parts == (path.stem,)
    cells: list[list[object]] = [["001", "002", "003"], NAMES, [1200, 30, 5], [1.5, 2, None]]
    if suffix == "kml":
        cells[2:] = [["1200", "30", "5"], ["1.5", "2.0", None]]
    assert [list(column) for column in sheet.columns] == cells
    assert [type(one) for one in sheet.columns[2]] == [str if suffix == "kml" else int] * 3
    assert sheet.heading == ("编号", "名称", "床位", "面积")
    assert (list(sheet.rows), sheet.heading_row) == ([1, 2, 3], 0)
    assert sheet.points is not None
    np.testing.assert_array_equal(sheet.points, SPOTS)
    assert sheet.crs == ("" if suffix == "kml" else "EPSG:4490")
    assert sheet.spotted == ()


@pytest.mark.parametrize("suffix", ["gpkg", "fgb", "parquet", "geojson"])
def test_days_truths_long_numbers_and_gaps_are_kept(suffix: str, tmp_path: Path) -> None:
    frame = FRAME.assign(
        day=pd.to_datetime(["2024-12-26", None, "2025-01-01T08:30:00"], format="ISO8601"),
        open=pd.array([True, None, False], dtype="boolean"),
        code=[120115001001000001, 120115001001000002, 3],
    )
    if suffix == "geojson":
        frame["day"] = ["2024-12-26", None, "2025-01-01T08:30:00"]
    path = tmp_path / f"a.{suffix}"
    WRITERS[suffix](frame, path)
    columns = dict(zip(sheet_of(path).heading, sheet_of(path).columns, strict=True))
    days = [str(day).removesuffix("Z").removesuffix(".000") if day else day for day in columns["day"]]
    assert days == ["2024-12-26", None, "2025-01-01T08:30:00"]
    assert list(columns["open"]) == ["TRUE", None, "FALSE"]
    assert list(columns["code"]) == [120115001001000001, 120115001001000002, 3]


def test_a_long_number_that_gdal_rounds_is_not_handed_on_as_a_whole_number(tmp_path: Path) -> None:
    codes = pd.array([2**53 + 1, None, 7], dtype="Int64")
    frame = FRAME.assign(code=codes)
    for suffix in ("fgb", "gpkg"):
        WRITERS[suffix](frame, tmp_path / f"a.{suffix}")
    rounded = sheet_of(tmp_path / "a.fgb").columns[-1]
    assert [type(one) for one in rounded] == [float, type(None), float]
    assert list(sheet_of(tmp_path / "a.gpkg").columns[-1]) == [2**53 + 1, None, 7]


def test_a_number_that_no_number_can_hold_becomes_text() -> None:
    assert features.cell(float("inf")) == "Infinity"
    assert features.cell(10**30) == "1" + "0" * 30
    assert features.cell(b"\0\1") is None
    assert features.cell(float(2**60)) == float(2**60)
    assert isinstance(features.cell(float(2**60)), float)


SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]]}
BENT = {"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [9, 1], [1, 1], [1, 9], [0, 9], [0, 0]]]}


def test_an_area_stands_at_a_point_inside_it(tmp_path: Path) -> None:
    several = {"type": "MultiPoint", "coordinates": [[5, 5], [7, 7]]}
    alone = {"type": "MultiPoint", "coordinates": [[3, 4]]}
    sheet = sheet_of(written(tmp_path / "a.geojson", geojson(SQUARE, BENT, several, alone)))
    assert sheet.points is not None
    assert shapely.contains_xy(shapely.from_geojson(json.dumps(BENT)), *sheet.points[1])
    assert sheet.points[2].tolist() in ([5, 5], [7, 7])
    assert sheet.points[3].tolist() == [3, 4]
    (said,) = sheet.spotted
    assert (said.what, said.fault, said.details) == (FaultKind.GEOMETRY_INSIDE, False, {"count": 3})


def test_a_line_is_no_place_and_a_missing_shape_is_only_blank(tmp_path: Path) -> None:
    line = {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}
    empty = {"type": "Point", "coordinates": []}
    sheet = sheet_of(
        written(tmp_path / "a.geojson", geojson(line, None, empty, {"type": "Point", "coordinates": [1, 2, 3]}))
    )
    assert sheet.points is not None
    np.testing.assert_array_equal(sheet.points, [[np.nan] * 2] * 3 + [[1, 2]])
    assert found(sheet) == [(FaultKind.GEOMETRY_LINE, 1)]


@pytest.mark.parametrize("odd", ["1e999", "NaN", "-Infinity", "1" + "0" * 400])
def test_an_endless_coordinate_is_a_fault_in_its_row(odd: str, tmp_path: Path) -> None:
    point = geojson({"type": "Point", "coordinates": [1, 2]}, {"type": "Point", "coordinates": [77777, 2]}, SQUARE)
    ring = point.replace("[2, 0]", "[77777, 0]")
    for text, row in ((point, [2]), (ring, [2, 3])):
        sheet = sheet_of(written(tmp_path / "a.geojson", text.replace("77777", odd)))
        faults = [one.row for one in sheet.spotted if one.what is FaultKind.COORDINATE_INFINITE]
        broken = [one.row for one in sheet.spotted if one.what is FaultKind.GEOMETRY_BROKEN]
        # (A whole number of 400 digits makes a ring that is none.)
        assert sorted(faults + broken) == row
        assert sheet.points is not None
        assert np.isnan(sheet.points[[one - 1 for one in row]]).all()


@pytest.mark.parametrize(
    "odd",
    [
        7, "POINT (1 2)", [], {"type": "Point"}, {"type": "Point", "coordinates": "12"},
        {"type": "Circle", "coordinates": [1]}, {"type": "Point", "coordinates": ["117", "39"]},
        {"type": "Point", "coordinates": [1]},
        {"type": "LineString", "coordinates": [[1, 2]]}, {"type": "Polygon", "coordinates": [[[1, 2], [3, 4]]]},
        {"type": "Polygon", "coordinates": [[1, 2]]}, {"type": "MultiPolygon", "coordinates": [{}]},
        {"type": "Polygon", "coordinates": [[[1, 2], [3], [4, 5]]]}, {"type": "GeometryCollection", "geometries": [7]},
    ],
)  # fmt: skip
def test_a_geometry_that_is_none_is_a_fault_in_its_row(odd: object, tmp_path: Path) -> None:
    sheet = sheet_of(written(tmp_path / "a.geojson", geojson({"type": "Point", "coordinates": [1, 2]}, odd)))
    assert found(sheet) == [(FaultKind.GEOMETRY_BROKEN, 2)]


def test_an_area_at_the_end_of_what_numbers_can_be_is_read_without_a_word_on_the_screen(tmp_path: Path) -> None:
    huge = {"type": "Polygon", "coordinates": [[[1e307, 1e308], [-1, 1], [-1e200, -1e308], [1e307, 1e308]]]}
    with pytest.warns(RuntimeWarning, match="overflow"):
        shapely.point_on_surface(shapely.from_geojson(json.dumps(huge)))
    sheet = sheet_of(written(tmp_path / "a.geojson", geojson(SQUARE, huge)))
    assert found(sheet) == [(FaultKind.GEOMETRY_INSIDE, None)]


def test_geojson_says_its_coordinates_only_where_it_does(tmp_path: Path) -> None:
    def said(crs: object) -> str:
        return sheet_of(written(tmp_path / "a.json", geojson(SQUARE, crs=crs))).crs

    assert sheet_of(written(tmp_path / "a.json", geojson(SQUARE))).crs == ""
    assert said({"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}) == "EPSG:4326"
    assert said({"type": "name", "properties": {"name": "EPSG:4548"}}) == "EPSG:4548"
    assert said({"type": "EPSG", "properties": {"code": 4527}}) == "EPSG:4527"
    assert said(None) == ""


@pytest.mark.parametrize(
    "name", ["EPSG:99999", "+init=/etc/passwd", "/etc/passwd", "7", "+proj=longlat", "PROJCS[" * 9_000]
)
def test_coordinates_that_are_not_known_are_warned_of_and_nothing_is_opened(name: str, tmp_path: Path) -> None:
    crs = {"type": "name", "properties": {"name": name}}
    sheet = sheet_of(written(tmp_path / "a.geojson", geojson({"type": "Point", "coordinates": [1, 2]}, crs=crs)))
    assert (sheet.crs, found(sheet), sheet.spotted[0].fault) == ("", [(FaultKind.CRS_UNKNOWN, None)], False)


@pytest.mark.parametrize("epsg", [4490, 4326, 4527, 4526, 4548, 4547, 4214, 2435, 3857, 32650])
@pytest.mark.parametrize("version", ["WKT1_ESRI", "WKT1_GDAL", "WKT2_2019"])
def test_a_well_known_text_is_known_whoever_wrote_it(epsg: int, version: str) -> None:
    assert crs_of(pyproj.CRS.from_epsg(epsg).to_wkt(version)) == (f"EPSG:{epsg}", ())


@pytest.mark.parametrize("version", ["WKT1_ESRI", "WKT1_GDAL", "WKT2_2019"])
def test_a_projection_that_was_shifted_under_its_old_name_is_not_taken_for_it(version: str) -> None:
    text = pyproj.CRS.from_epsg(4548).to_wkt(version)
    shifted = text.replace('"EPSG","4548"', '"MINE","1"').replace('ID["EPSG",4548]', "").replace("500000", "600000")
    assert shifted != text
    code, (warning,) = crs_of(shifted)
    assert (code, warning.what) == ("", FaultKind.CRS_UNKNOWN)


def test_heights_are_left_aside_when_coordinates_are_named() -> None:
    for epsg in (4979, 4480):
        assert crs_of(pyproj.CRS.from_epsg(epsg).to_wkt())[0] == {4979: "EPSG:4326", 4480: "EPSG:4490"}[epsg]
    assert crs_of(pyproj.CRS("EPSG:4490+5737").to_wkt())[0] == "EPSG:4490"


# Shapefiles


def dbf(names: list[bytes], rows: list[list[bytes]], width: int = 20, kind: bytes = b"C") -> bytes:
    """Return a table of text in whatever bytes."""
    head = 32 + 32 * len(names) + 1
    fields = b"".join(name.ljust(11, b"\0") + kind + bytes(4) + bytes([width]) + bytes(15) for name in names)
    body = b"".join(b" " + b"".join(cell.ljust(width) for cell in row) for row in rows)
    return (
        struct.pack("<B3BIHH20x", 3, 124, 12, 26, len(rows), head, 1 + width * len(names))
        + fields
        + b"\r"
        + body
        + b"\x1a"
    )


def shapefile(folder: Path, table: bytes, *, count: int, name: str = "村.shp", **companions: bytes) -> Path:
    """Write a shapefile of points whose table is made by hand."""
    spots = [shapely.Point(117 + number / 100, 39.5) for number in range(count)]
    path = folder / name
    geopandas.GeoDataFrame({"n": range(count)}, geometry=spots, crs=4490).to_file(path)
    for suffix in (".cpg", ".prj"):
        path.with_suffix(suffix).unlink()
    path.with_suffix(".dbf").write_bytes(table)
    for suffix, content in companions.items():
        path.with_suffix(f".{suffix}").write_bytes(content)
    return path


@pytest.mark.parametrize("said", [None, "UTF-8", "ISO-8859-1", "/etc/passwd", pytest.param("x" * 70_000, id="long")])
@pytest.mark.parametrize("encoding", ["gbk", "utf-8"])
def test_the_text_of_a_shapefile_is_read_in_gbk_and_utf_8_whatever_its_cpg_says(
    encoding: str, said: str | None, tmp_path: Path
) -> None:
    table = dbf(["名称".encode(encoding)], [["宝坻".encode(encoding)], ["方家庄镇".encode(encoding)]])
    path = shapefile(tmp_path, table, count=2, **({} if said is None else {"cpg": said.encode()}))
    sheet = sheet_of(path)
    assert (sheet.heading, [list(column) for column in sheet.columns]) == (("名称",), [["宝坻", "方家庄镇"]])
    assert sheet.crs == ""


@pytest.mark.parametrize(
    ("said", "name"), [("GBK", "鏂囧瓧"), ("ANSI 936", "鏂囧瓧"), ("65001\r\n", "文字"), ("Big5", "文字")]
)
def test_a_codepage_that_fits_the_bytes_is_believed(said: str, name: str, tmp_path: Path) -> None:
    # (The bytes of 文字 in UTF-8 are letters in GBK too.)
    path = shapefile(tmp_path, dbf([b"a"], [["文字".encode()]]), count=1, cpg=said.encode())
    assert sheet_of(path).columns == ([name],)


def test_the_encoding_that_a_planner_names_wins_and_must_fit(tmp_path: Path) -> None:
    # (The bytes of 文字 in UTF-8 are letters in GBK too.)
    path = shapefile(tmp_path, dbf([b"name"], [["文字".encode()]]), count=1, cpg=b"UTF-8")
    assert sheet_of(path, encoding="GBK").columns == (["鏂囧瓧"],)
    path.with_suffix(".dbf").write_bytes(dbf([b"name"], [["宝坻".encode("gbk")]]))
    wrong = refused(path, "utf-8")
    assert (wrong.what, wrong.details) == (FaultKind.ENCODING_WRONG, {"encoding": "utf-8"})
    assert refused(path, "klingon").what is FaultKind.ENCODING_NAME


@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_names_and_text_cut_inside_a_letter_are_read_up_to_there(encoding: str, tmp_path: Path) -> None:
    names = [title.encode(encoding)[:size] for title, size in (("所属街道名称", 10), ("a村医疗机构名", 10))]
    cut = "宝坻区方家庄".encode(encoding)[: 10 if encoding == "utf-8" else 9]
    path = shapefile(tmp_path, dbf(names, [[cut, b"x"], ["宝坻".encode(encoding), b"y"]]), count=2)
    sheet = sheet_of(path)
    whole = 3 if encoding == "utf-8" else 5
    assert sheet.heading == ("所属街道名称"[:whole], ("a村医疗机构名"[: 4 if encoding == "utf-8" else 5]))
    assert list(sheet.columns[0]) == ["宝坻区方家庄"[: 3 if encoding == "utf-8" else 4], "宝坻"]
    (warned,) = sheet.spotted
    assert (warned.what, warned.row, warned.column, warned.fault) == (FaultKind.TEXT_CUT, 1, sheet.heading[0], False)


@pytest.mark.parametrize(
    ("kind", "cell", "value"),
    [
        (b"N", b"  1200", 1200), (b"N", b"1200.00", 1200), (b"N", b"12.5", 12.5), (b"N", b"", None),
        (b"N", b"****", None), (b"N", b"12345678901234567890", "12345678901234567890"), (b"N", b"12O", "12O"),
        (b"F", b"1.5e+003", 1500),
        (b"N", b"1e999", "Infinity"), (b"N", b"nan", None),
        (b"L", b"T", "TRUE"), (b"L", b"n", "FALSE"), (b"L", b"?", None), (b"D", b"20241226", "2024-12-26"),
        (b"D", b"00000000", None), (b"D", b"2024", "2024"), (b"M", b"1", None), (b"C", b"  007 ", "  007"),
        (b"I", struct.pack("<i", 256), 256), (b"O", struct.pack("<d", -2.5), -2.5),
    ],
)  # fmt: skip
def test_a_cell_of_a_shapefile_is_what_its_column_says(kind: bytes, cell: bytes, value: object, tmp_path: Path) -> None:
    sheet = sheet_of(shapefile(tmp_path, dbf([b"a"], [[cell]], kind=kind), count=1))
    assert [list(column) for column in sheet.columns] == [[value]]
    assert type(sheet.columns[0][0]) is type(value)


def test_companions_in_capitals_are_found_and_those_missing_are_named_at_once(tmp_path: Path) -> None:
    path = shapefile(tmp_path, dbf([b"a"], [[b"1"]]), count=1)
    for suffix in ("dbf", "shx"):
        path.with_suffix(f".{suffix}").rename(path.with_suffix(f".{suffix.upper()}"))
    loud = path.rename(path.with_suffix(".SHP"))
    assert sheet_of(loud).columns == (["1"],)
    for suffix in ("DBF", "SHX"):
        path.with_suffix(f".{suffix}").unlink()
    missing = refused(loud)
    assert (missing.what, missing.details) == (FaultKind.SHAPEFILE_PARTS, {"parts": "村.dbf, 村.shx"})


def test_a_companion_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    path = shapefile(tmp_path, dbf([b"a"], [[b"1"]]), count=1)
    elsewhere = path.with_suffix(".dbf").rename(tmp_path / "other.dbf")
    path.with_suffix(".dbf").symlink_to(elsewhere)
    link = refused(path)
    assert (link.what, link.value) == (FaultKind.FILE_LINK, "村.dbf")


def test_a_table_of_another_shapefile_is_noticed(tmp_path: Path) -> None:
    path = shapefile(tmp_path, dbf([b"a"], [[b"1"], [b"2"]]), count=3)
    uneven = refused(path)
    assert (uneven.what, uneven.details) == (FaultKind.SHAPEFILE_UNEVEN, {"shapes": 3, "records": 2})


def test_rows_that_were_deleted_are_left_out_with_their_shapes(tmp_path: Path) -> None:
    table = bytearray(dbf([b"a"], [[b"1"], [b"2"], [b"3"]]))
    table[32 + 32 + 1 + 21] = ord("*")
    sheet = sheet_of(shapefile(tmp_path, bytes(table), count=3))
    assert (list(sheet.columns[0]), list(sheet.rows)) == (["1", "3"], [1, 2])
    assert sheet.points is not None
    np.testing.assert_allclose(sheet.points[:, 0], [117, 117.02])


ZONE_39 = (
    'PROJCS["CGCS2000_3_Degree_GK_Zone_39",GEOGCS["GCS_China_Geodetic_Coordinate_System_2000",DATUM["D_China_2000",'
    'SPHEROID["CGCS2000",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],'
    'PROJECTION["Gauss_Kruger"],PARAMETER["False_Easting",39500000.0],PARAMETER["False_Northing",0.0],'
    'PARAMETER["Central_Meridian",117.0],PARAMETER["Scale_Factor",1.0],PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]'
)


@pytest.mark.parametrize(
    ("prj", "crs"),
    [(ZONE_39, "EPSG:4527"), ("", ""), ("/etc/passwd", ""), ("GEOGCS[" * 5_000, ""), ("x" * 99_999, "")],
    ids=["zone 39", "empty", "a path", "deep", "long"],
)
def test_a_prj_is_known_or_harmless(prj: str, crs: str, tmp_path: Path) -> None:
    path = shapefile(tmp_path, dbf([b"a"], [[b"1"]]), count=1, prj=prj.encode())
    assert sheet_of(path).crs == crs


def test_gdal_sees_nothing_that_lies_beside_a_shapefile(tmp_path: Path) -> None:
    path = shapefile(tmp_path, dbf([b"a"], [[b"1"]]), count=1)
    for suffix in ("qix", "sbn", "idm", "ind", "shp.xml"):
        path.with_name(f"村.{suffix}").write_bytes(b"\xff" * 50)
    assert sheet_of(path).columns == (["1"],)


# FlatGeobuf


def test_a_flatgeobuf_that_counts_more_than_it_holds_takes_no_room_for_them(tmp_path: Path) -> None:
    path = tmp_path / "a.fgb"
    WRITERS["fgb"](FRAME, path)
    raw = path.read_bytes()
    # (The number of features is the one in the head that stands for 3 in eight bytes.)
    at = raw.index(struct.pack("<Q", 3))
    path.write_bytes(raw[:at] + struct.pack("<Q", 2**30) + raw[at + 8 :])
    assert refused(path).what is FaultKind.FILE_CONTENT


# GeoPackages


def test_a_geopackage_gives_its_layers_and_its_tables(tmp_path: Path) -> None:
    path = tmp_path / "区.gpkg"
    FRAME.to_file(path, layer="机构")
    FRAME.iloc[:1].to_file(path, layer='村"; DROP')
    import pyogrio

    pyogrio.write_dataframe(pd.DataFrame({"a": [1]}), path, layer="staff", driver="GPKG")
    base_of(
        path,
        "CREATE TABLE layer_styles (id INTEGER)",
        "INSERT INTO gpkg_contents (table_name, data_type) VALUES ('layer_styles', 'attributes')",
    )
    layers = open_layers(path)
    assert layers.parts == ("机构", '村"; DROP', "staff")
    assert layers.sheet('村"; DROP').columns[0] == ["001"]
    staff = layers.sheet("staff")
    assert (staff.heading, staff.columns, staff.points, staff.crs) == (("a",), ([1],), None, "")
    with pytest.raises(Unreadable) as caught:
        layers.sheet("layer_styles")
    assert (caught.value.what, caught.value.details["parts"]) == (FaultKind.PART_MISSING, '机构, 村"; DROP, staff')


@pytest.mark.parametrize(("srs", "crs"), [(0, ""), (-1, ""), (4527, "EPSG:4527"), (777, "")])
def test_coordinates_that_a_geopackage_leaves_undefined_are_none(srs: int, crs: str, tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    FRAME.set_crs(4527, allow_override=True).to_file(path)
    base_of(path, "PRAGMA foreign_keys = OFF", f"UPDATE gpkg_geometry_columns SET srs_id = {srs}")
    assert sheet_of(path).crs == crs


def test_a_geopackage_that_qgis_still_holds_is_not_read_half(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    FRAME.to_file(path, SPATIAL_INDEX="NO")
    with closing(sqlite3.connect(path)) as base:
        base.execute("PRAGMA journal_mode = WAL")
        base.execute('UPDATE "a" SET "床位" = 7')
        base.commit()
        held = refused(path)
    assert (held.what, held.details) == (FaultKind.FILE_IN_USE, {"beside": "a.gpkg-wal"})


ENDLESS = "WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n) SELECT a FROM n"


@pytest.mark.parametrize("name", ["a", "gpkg_geometry_columns", "gpkg_contents"])
def test_a_view_without_end_is_refused_before_it_begins(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    FRAME.to_file(path)
    base_of(
        path, "PRAGMA foreign_keys = OFF", "PRAGMA legacy_alter_table = ON", f'ALTER TABLE "{name}" RENAME TO old',
        f'CREATE VIEW "{name}" AS {ENDLESS}',
    )  # fmt: skip
    if name == "gpkg_geometry_columns":
        # (Then nothing says which column holds shapes: the layer is a table.)
        assert sheet_of(path).points is None
    else:
        assert refused(path).what is {"a": FaultKind.LAYER_VIEW, "gpkg_contents": FaultKind.FILE_CONTENT}[name]


def test_a_question_that_takes_too_long_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.gpkg"
    FRAME.to_file(path)
    monkeypatch.setattr(geopackage, "_STEP", 10)
    monkeypatch.setattr(geopackage, "_MOST_STEPS", 1)
    given_up = refused(path)
    assert (given_up.what, given_up.details) == (FaultKind.FILE_UNREADABLE, {"reason": "interrupted"})


def test_more_rows_than_a_file_has_room_for_are_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.gpkg"
    FRAME.to_file(path)
    with geopackage._base(path) as base, pytest.raises(Unreadable) as caught:
        for _ in geopackage._rows(base, path, ENDLESS):
            pass
    assert caught.value.what is FaultKind.FILE_CONTENT


def test_a_column_that_computes_itself_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    FRAME.to_file(path)
    base_of(path, 'ALTER TABLE "a" ADD COLUMN big AS (zeroblob(1000000000))')
    assert sheet_of(path).heading == ("编号", "名称", "床位", "面积")


def test_a_broken_shape_in_a_geopackage_is_a_fault_in_its_row(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    FRAME.to_file(path, SPATIAL_INDEX="NO")
    base_of(
        path, "UPDATE a SET geom = 'POINT (1 2)' WHERE fid = 1",
        "UPDATE a SET geom = substr(geom, 1, 20) WHERE fid = 2",
        "UPDATE a SET geom = NULL, 名称 = CAST(x'ff41' AS TEXT) WHERE fid = 3",
    )  # fmt: skip
    sheet = sheet_of(path)
    assert found(sheet) == [(FaultKind.GEOMETRY_BROKEN, 1), (FaultKind.GEOMETRY_BROKEN, 2)]
    assert sheet.columns[1][2] == "\ufffdA"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [4, 7, 1007, 3006])
def test_shapes_nested_without_end_do_not_end_the_process(order: str, kind: int) -> None:
    level = bytes([order == "<"]) + struct.pack(f"{order}II", kind, 1)
    point = shapely.to_wkb(shapely.Point(1, 2))
    shapes, spotted = from_wkb([level * 200_000 + point, point, None])
    assert shapes.tolist() == [None, shapely.Point(1, 2), None]
    assert [(one.what, one.row) for one in spotted] == [(FaultKind.GEOMETRY_BROKEN, 1)]


def test_an_honest_shape_of_many_parts_is_not_taken_for_a_nest() -> None:
    boxes = [shapely.box(n, 0, n + 0.5, 1) for n in range(2_000)]
    many = shapely.GeometryCollection(
        [shapely.MultiPolygon(boxes), *boxes, shapely.Point(1, 2), shapely.LineString([(0, 0), (1, 1)])]
    )
    deep = shapely.force_3d(many)
    for flavor in ("iso", "extended"):
        for order in (0, 1):
            blobs = [shapely.to_wkb(one, byte_order=order, flavor=flavor) for one in (many, deep)]
            blobs.append(shapely.to_wkb(shapely.set_srid(many, 4490), byte_order=order, include_srid=True))
            shapes, spotted = from_wkb(blobs)
            assert spotted == ()
            assert shapely.equals_exact(shapes, [many, deep, many]).all()


# KML


def mark(inside: str, name: str = "站") -> str:
    return f"<Placemark><name>{name}</name>{inside}</Placemark>"


POINT = "<Point><coordinates> 117.5,39.5,7\n</coordinates></Point>"


def test_the_folders_of_a_kml_are_its_layers(tmp_path: Path) -> None:
    inside = f"<name>全区</name>{mark(POINT)}<Folder><name>医院</name>{mark(POINT, '甲')}{mark(POINT, '乙')}</Folder>"
    layers = open_layers(written(tmp_path / "a.kml", kml(inside)))
    assert layers.parts == ("全区", "医院")
    assert layers.sheet("医院").columns == (["甲", "乙"],)
    assert layers.sheet("全区").heading == ("name",)


def test_a_kml_is_read_in_gbk_and_with_prefixes_that_nobody_declared(tmp_path: Path) -> None:
    head = '<?xml version="1.0" encoding="GB2312"?>'
    text = kml(mark(f"<gx:x>1</gx:x><description><![CDATA[<b>全科</b>]]></description>{POINT}", "镕院"), head=head)
    sheet = sheet_of(written(tmp_path / "a.kml", text.encode("gbk")))
    assert sheet.heading == ("name", "description")
    assert sheet.columns == (["镕院"], ["<b>全科</b>"])
    assert sheet.points is not None
    assert sheet.points.tolist() == [[117.5, 39.5]]


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        ("<Point><coordinates>117.5 39.5</coordinates></Point>", FaultKind.GEOMETRY_BROKEN),
        ("<Point><coordinates>a,b</coordinates></Point>", FaultKind.GEOMETRY_BROKEN),
        ("<Point><coordinates>inf,1</coordinates></Point>", FaultKind.COORDINATE_INFINITE),
        ("<LineString><coordinates>1,2 3,4</coordinates></LineString>", FaultKind.GEOMETRY_LINE),
        ("<Track><coord>1 2 3</coord></Track>", FaultKind.GEOMETRY_BROKEN),
        ("<MultiGeometry>" * 20 + "</MultiGeometry>" * 20, FaultKind.GEOMETRY_BROKEN),
    ],
)
def test_a_kml_shape_that_is_no_place_is_a_fault_in_its_row(shape: str, kind: FaultKind, tmp_path: Path) -> None:
    sheet = sheet_of(written(tmp_path / "a.kml", kml(mark(POINT) + mark(shape))))
    assert found(sheet) == [(kind, 2)]


@pytest.mark.parametrize(
    "declared",
    [
        '<!DOCTYPE kml [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>',
        '<!DOCTYPE kml SYSTEM "file:///etc/hostname">',
        '<!DOCTYPE kml [<!ENTITY x SYSTEM "CANARY">]>',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_kml_that_declares_entities_is_refused(declared: str, encoding: str, tmp_path: Path) -> None:
    text = f"{declared}<kml><Document>{mark('<description>&b;&x;</description>')}</Document></kml>"
    declared_path = written(tmp_path / "a.kml", text.encode(encoding))
    assert refused(declared_path).what is FaultKind.XML_ENTITY


def test_a_link_in_a_kml_is_said_and_never_followed(tmp_path: Path) -> None:
    linked = written(tmp_path / "linked.kml", kml(mark(POINT, "不该读到")))
    link = f"<NetworkLink><Link><href>{linked.as_uri()}</href></Link></NetworkLink>"
    sheet = sheet_of(written(tmp_path / "a.kml", kml(link + mark(POINT))))
    assert sheet.columns == (["站"],)
    (said,) = sheet.spotted
    assert (said.what, said.details, said.fault) == (FaultKind.NETWORK_LINK, {"count": 1}, True)


# GeoParquet


def test_without_its_extra_a_parquet_file_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FRAME.to_parquet(tmp_path / "a.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    missing = refused(tmp_path / "a.parquet")
    assert (missing.what, missing.details) == (FaultKind.EXTRA_MISSING, {"extra": "parquet"})


@pytest.mark.parametrize("options", [{"geometry_encoding": "geoarrow"}, {"write_covering_bbox": True}, {"index": True}])
def test_the_ways_to_write_geoparquet_all_give_the_same_places(options: dict[str, Any], tmp_path: Path) -> None:
    FRAME.to_parquet(tmp_path / "a.geoparquet", schema_version="1.1.0", **options)
    sheet = sheet_of(tmp_path / "a.geoparquet")
    assert sheet.points is not None
    assert (sheet.points.tolist(), sheet.crs) == ([list(spot) for spot in SPOTS], "EPSG:4490")
    assert sheet.heading[:4] == ("编号", "名称", "床位", "面积")


def test_shapes_of_an_encoding_that_is_not_read_are_refused_by_its_name(tmp_path: Path) -> None:
    areas = geopandas.GeoDataFrame({"n": [1]}, geometry=[shapely.box(0, 0, 1, 1)], crs=4490)
    areas.to_parquet(tmp_path / "a.parquet", geometry_encoding="geoarrow", schema_version="1.1.0")
    other = refused(tmp_path / "a.parquet")
    assert (other.what, other.value) == (FaultKind.GEOMETRY_ENCODING, "polygon")


def test_a_parquet_file_without_shapes_gives_its_columns(tmp_path: Path) -> None:
    pd.DataFrame({"名称": NAMES, "raw": [b"x"] * 3}).to_parquet(tmp_path / "a.parquet")
    sheet = sheet_of(tmp_path / "a.parquet")
    assert (sheet.heading, sheet.columns, sheet.points) == (("名称",), (NAMES,), None)


def test_a_parquet_file_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow as pa
    from pyarrow import parquet as writer

    # A hundred thousand times the same thousand letters, in a small file: one text in memory.
    path = tmp_path / "a.parquet"
    writer.write_table(pa.table({"a": pa.array(["字" * 1_000]).dictionary_encode().take([0] * 100_000)}), path)
    assert path.stat().st_size < 50_000
    column = sheet_of(path).columns[0]
    assert len({id(one) for one in column}) <= 2
    monkeypatch.setattr(parquet, "_MOST_ROWS", 99_999)
    assert refused(path).what is FaultKind.LAYER_CELLS
    monkeypatch.setattr(parquet, "_MOST_BYTES", 0)
    assert refused(path).what is FaultKind.FILE_LARGE


# Boundaries and roads


@pytest.mark.parametrize("suffix", ["gpkg", "fgb", "shp", "geojson", "parquet"])
def test_a_boundary_is_the_union_of_all_areas(suffix: str, tmp_path: Path) -> None:
    areas = [shapely.box(0, 0, 1, 1), shapely.MultiPolygon([shapely.box(1, 0, 2, 1), shapely.box(5, 5, 6, 6)])]
    frame = geopandas.GeoDataFrame({"n": [1, 2]}, geometry=areas, crs=4527)
    path = tmp_path / f"a.{suffix}"
    if suffix == "fgb":
        frame.to_file(path, driver="FlatGeobuf", promote_to_multi=True)
    else:
        WRITERS[suffix](frame, path)
    whole, crs = outline(path)
    assert (whole.area, crs) == (3, "EPSG:4527")
    assert whole.equals(shapely.union_all(areas))


def test_a_single_area_keeps_its_points_and_loses_its_heights(tmp_path: Path) -> None:
    ring = [[0, 0, 5], [2, 0, 5], [2, 1, 5], [2, 2, 5], [0, 2, 5], [0, 0, 5]]
    path = written(tmp_path / "b.geojson", json.dumps({"type": "Polygon", "coordinates": [ring]}))
    whole, crs = outline(path)
    assert shapely.get_coordinates(whole, include_z=True)[:, :2].tolist() == [one[:2] for one in ring]
    assert (whole.has_z, crs) == (False, "")


def test_a_boundary_that_is_none_is_refused(tmp_path: Path) -> None:
    crossed = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}
    line = {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}
    for geometry in (crossed, line, None, {"type": "Point", "coordinates": [1, 2]}):
        with pytest.raises(Unreadable) as caught:
            outline(written(tmp_path / "b.geojson", geojson(geometry)))
        assert caught.value.what is FaultKind.BOUNDARY_SHAPE


def test_a_boundary_or_a_road_of_which_a_part_is_broken_is_refused_by_its_row(tmp_path: Path) -> None:
    line = {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}
    for draw, whole in ((outline, SQUARE), (lines, line)):
        for text, kind in (
            (geojson(whole, {"type": "Polygon", "coordinates": [[1]]}), FaultKind.GEOMETRY_BROKEN),
            (
                geojson(whole, {"type": "LineString", "coordinates": [[0, 77777], [1, 1]]}),
                FaultKind.COORDINATE_INFINITE,
            ),
        ):
            with pytest.raises(Unreadable) as caught:
                draw(written(tmp_path / "b.geojson", text.replace("77777", "1e999")))
            assert (caught.value.what, caught.value.row) == (kind, 2)


def test_the_only_layer_of_a_kind_is_taken_and_several_must_be_named(tmp_path: Path) -> None:
    path = tmp_path / "区.gpkg"
    FRAME.to_file(path, layer="机构")
    for name, width in (("区界", 2), ("街镇", 1)):
        area = geopandas.GeoDataFrame(geometry=[shapely.box(0, 0, width, 1)], crs=4490)
        area.to_file(path, layer=name)
        if name == "区界":
            assert outline(path)[0].area == 2
    with pytest.raises(Unreadable) as caught:
        outline(path)
    assert (caught.value.what, caught.value.details["parts"]) == (FaultKind.PART_UNCLEAR, "区界, 街镇")
    assert outline(path, "街镇")[0].area == 1


@pytest.mark.parametrize("suffix", ["gpkg", "fgb", "shp", "geojson", "kml", "parquet"])
def test_roads_come_line_by_line(suffix: str, tmp_path: Path) -> None:
    roads = [shapely.LineString([(0, 0), (1, 1)]), shapely.MultiLineString([[(2, 2), (3, 3)], [(4, 4), (5, 5)]])]
    path = tmp_path / f"a.{suffix}"
    if suffix == "kml":
        drawn = [
            "<LineString><coordinates>{},{} {},{}</coordinates></LineString>".format(*(n, n, n + 1, n + 1))
            for n in (0, 2, 4)
        ]
        path.write_text(kml(mark(drawn[0]) + mark(f"<MultiGeometry>{drawn[1]}{drawn[2]}</MultiGeometry>")))
    elif suffix == "fgb":
        frame = geopandas.GeoDataFrame({"n": [1, 2]}, geometry=roads, crs=4490)
        frame.to_file(path, driver="FlatGeobuf", promote_to_multi=True)
    else:
        WRITERS[suffix](geopandas.GeoDataFrame({"n": [1, 2]}, geometry=roads, crs=4490), path)
    found = lines(path)
    ends = sorted(shapely.get_coordinates(found.shapes).tolist())
    assert ends == [[n, n] for n in range(6)]
    assert (len(found.shapes), found.crs) == (3, "" if suffix == "kml" else "EPSG:4490")
    if suffix != "kml":
        told = found.columns[found.heading.index("n")]
        assert sorted(told[row] for row in found.rows) == [1, 2, 2]


def test_a_layer_without_lines_is_no_road_layer(tmp_path: Path) -> None:
    with pytest.raises(Unreadable) as caught:
        lines(written(tmp_path / "a.geojson", geojson(SQUARE)))
    assert caught.value.what is FaultKind.LINES_NONE


# Hostile files

VRT = '<OGRVRTDataSource><OGRVRTLayer name="secret"><SrcDataSource>{}</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>'
STRANGE = {
    "a GDALG pipeline": '{"type": "gdal_streamed_alg", "command_line": "gdal vector convert secret.csv"}',
    "a WFS document": "<OGRWFSDataSource><URL>http://127.0.0.1:9/</URL></OGRWFSDataSource>",
    "a web address": "http://127.0.0.1:9/a.geojson",
    "nothing": "",
    "zeros": b"\0" * 4096,
    "a zip": b"PK\3\4" + b"\0" * 100,
    "GeoJSON": geojson(SQUARE),
    "KML": kml(mark(POINT)),
    "a list": "[1, 2]",
    "deep JSON": "[" * 200_000,
    "deep objects": '{"a":' * 200_000,
    "deep XML": "<kml>" + "<a>" * 200_000,
    "a base that is none": b"SQLite format 3\0" + b"\xff" * 4096,
    "half a FlatGeobuf": b"fgb\3fgb\0" + struct.pack("<I", 400) + b"\xff" * 400,
    "a FlatGeobuf that names a VRT": b"fgb\3fgb\1\1\1\1\1" + VRT.encode(),
    "half a shapefile": struct.pack(">i", 9994) + b"\xff" * 200,
    "half a Parquet": b"PAR1" + b"\xff" * 100 + b"PAR1",
}
OWN = {"GeoJSON": (".geojson", ".json"), "KML": (".kml",)}


@pytest.mark.parametrize(
    ("strange", "suffix"),
    [(one, suffix) for one in [*STRANGE, "a VRT"] for suffix in LAYER_SUFFIXES if suffix not in OWN.get(one, ())],
)
def test_what_is_something_else_under_its_name_is_refused_in_a_line(
    strange: str, suffix: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path / "secret.csv", 'WKT,name\n"POINT (1 2)",CANARY\n')
    content = VRT.format(tmp_path / "secret.csv") if strange == "a VRT" else STRANGE[strange]
    path = written(tmp_path / f"a{suffix}", content)
    if suffix == ".shp":
        written(tmp_path / "a.dbf", dbf([b"a"], [[b"1"]]))
        written(tmp_path / "a.shx", content)
    why = refused(path)
    said = " ".join(str(one) for one in (why.what, why.value, *why.details.values()))
    assert "CANARY" not in said
    assert str(tmp_path) not in said
    assert "/tmp" not in said
    assert "\n" not in said
    assert capfd.readouterr().err == ""


def test_other_kinds_of_json_are_called_by_their_names(tmp_path: Path) -> None:
    topology = {"type": "Topology", "objects": {}, "arcs": []}
    esri = {"geometryType": "esriGeometryPoint", "spatialReference": {"wkid": 4490}, "features": []}
    for content, name in ((topology, "TopoJSON"), (esri, "Esri JSON")):
        other = refused(written(tmp_path / "a.geojson", json.dumps(content)))
        assert (other.what, other.details) == (FaultKind.JSON_OTHER, {"format": name})
    broken = refused(written(tmp_path / "a.geojson", '{"type":\n "FeatureCollection",,'))
    assert (broken.what, broken.row) == (FaultKind.FILE_UNREADABLE, 2)


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    text = geojson(SQUARE).replace('{"n": 0}', '{"人口": 1, "人口": 2}')
    twice = refused(written(tmp_path / "a.geojson", text))
    assert (twice.what, twice.value) == (FaultKind.KEY_TWICE, "人口")


def test_geojson_in_gbk_is_read(tmp_path: Path) -> None:
    text = '{"type": "Feature", "properties": {"名称": "镕院", "x": [1]}, "geometry": null}'
    sheet = sheet_of(written(tmp_path / "a.geojson", text.encode("gbk")))
    assert (sheet.heading, sheet.columns) == (("名称", "x"), (["镕院"], ["[1]"]))
    assert refused(written(tmp_path / "a.geojson", b'{"a": "\xff\xff"}')).what is FaultKind.FILE_ENCODING


def test_more_cells_than_any_district_has_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "MOST_CELLS", 11)
    for suffix, write in WRITERS.items():
        write(FRAME, tmp_path / f"a.{suffix}")
        assert refused(tmp_path / f"a.{suffix}").what is FaultKind.LAYER_CELLS, suffix


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_file_that_is_too_large_is_not_opened(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    WRITERS[suffix](FRAME, path)
    with path.open("r+b") as file:
        # (A hole: nothing is written.)
        file.truncate(201_000_000)
    large = refused(path)
    assert (large.what, large.details) == (FaultKind.FILE_LARGE, {"size": 201, "most": 200})


def test_a_format_that_is_none_of_these_is_named(tmp_path: Path) -> None:
    other = refused(written(tmp_path / "a.mif", "x"))
    assert other.what is FaultKind.FILE_FORMAT
    assert ".gpkg" in str(other.details["formats"])


@pytest.mark.parametrize("module", ["allocate.files.gdal", "allocate.report.geopackage", "allocate.report.frames"])
def test_gdal_has_no_driver_that_opens_other_things(module: str, tmp_path: Path) -> None:
    # What reads and what writes switches them off itself, in a process in which nothing was imported before.
    script = f"""
import importlib, sys
module = importlib.import_module("{module}")
module.keep_to_files()
import pyogrio
left = set(pyogrio.list_drivers())
print(sorted(left & set(sys.argv[1:])), {{"GPKG", "GeoJSON", "FlatGeobuf", "ESRI Shapefile"}} <= left)
try:
    pyogrio.read_info("a.geojson")
except pyogrio.errors.DataSourceError:
    print("refused")
"""
    written(tmp_path / "secret.csv", "name\nCANARY\n")
    written(tmp_path / "a.geojson", VRT.format(tmp_path / "secret.csv"))
    done = subprocess.run(
        [sys.executable, "-c", script, *gdal.FORBIDDEN], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split("\n")[:2] == ["[] True", "refused"]
    assert done.stderr == ""


def test_every_writer_and_reader_of_gdal_switches_them_off_first() -> None:
    for path in sorted((ROOT / "allocate").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        for engine in ("import pyogrio", "import geopandas", "from pyogrio", "from geopandas"):
            at = text.find(f"\n    {engine}")
            if at < 0 or path.name == "gdal.py" or "TYPE_CHECKING:\n" in text[max(0, at - 40) : at + 1]:
                continue
            assert "keep_to_files()" in text[:at], path


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound")
    for suffix, write in WRITERS.items():
        write(FRAME, folder / f"a.{suffix}")
    return folder


@pytest.mark.parametrize("suffix", WRITERS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=8), cut=st.floats(0.2, 1))
def test_spoilt_bytes_give_a_sheet_or_one_reason(
    suffix: str, sound: Path, tmp_path: Path, changes: list[tuple[float, int]], cut: float
) -> None:
    raw = bytearray((sound / f"a.{suffix}").read_bytes())
    raw = raw[: int(len(raw) * cut)] or bytearray(b"\0")
    for where, value in changes:
        raw[int(where * (len(raw) - 1))] = value
    for beside in sound.glob("a.*"):
        shutil.copy(beside, tmp_path)
    path = written(tmp_path / f"a.{suffix}", bytes(raw))
    with suppress(Unreadable):
        layers = open_layers(path)
        for part in layers.parts:
            sheet = layers.sheet(part)
            assert {len(column) for column in sheet.columns} <= {len(sheet.rows)}
            assert sheet.points is None or sheet.points.shape == (len(sheet.rows), 2)
