"""The layers of a plan: what a GIS finds in the GeoPackage and in GeoJSON, and how QGIS draws it."""

import copy
import hashlib
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import geopandas
import pyogrio
import pytest
import shapely
from conftest import ROOT, start_python

from allocate.plans import Plan, to_json
from allocate.report.frames import layers
from allocate.report.geopackage import geojson, geopackage
from allocate.report.sheets import sheets
from allocate.words import LANGUAGES, Language, say_in

SHAPES = {
    "boundary": "MULTIPOLYGON",
    "towns": "MULTIPOLYGON",
    "reach": "MULTIPOLYGON",
    "links": "LINESTRING",
    "places": "POINT",
    "sites": "POINT",
}
STATUSES = {"served", "no_capacity", "rounds", "posted", "out_of_range"}

Content = dict[str, Any]


@pytest.fixture
def content(tiny_plan: Plan) -> Content:
    return copy.deepcopy(dict(tiny_plan.content))


@pytest.fixture(scope="module")
def lively(tiny_plan: Plan) -> Content:
    """Return a plan in which places are in every status, and a site closes after it was kept."""
    content: Content = copy.deepcopy(dict(tiny_plan.content))
    (closed,) = [site for site in content["sites"] if site["action"] == "close"]
    content["sites"].append(closed | {"action": "keep", "people": {"2025": 0}, "only_site_of": {"2025": 0}})
    closed["year"] = 2027
    outside = [row for row in content["places"] if row["status"] == "out_of_range"]
    outside[0]["status"] = outside[-1]["status"] = "rounds"
    outside[1]["status"] = "posted"
    return content


@pytest.fixture(scope="module")
def file(lively: Content, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("layers") / "plan.gpkg"
    path.write_bytes(geopackage(lively, "zh"))
    return path


@pytest.fixture
def base(file: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as opened:
        yield opened


def qml(base: sqlite3.Connection, layer: str) -> ET.Element:
    ((text,),) = base.execute("SELECT styleQML FROM layer_styles WHERE f_table_name = ?", [layer])
    return ET.fromstring(text)


def rules(style: ET.Element) -> list[ET.Element]:
    """Return the rules of a style, without those below them."""
    return style.findall("renderer-v2/rules/rule")


def year_rules(base: sqlite3.Connection, layer: str) -> dict[int, ET.Element]:
    return {int(rule.get("label", "")): rule for rule in rules(qml(base, layer)) if rule.get("label", "").isdigit()}


def matched(base: sqlite3.Connection, layer: str, *filters: str | None) -> list[int]:
    """Return the rows of a layer that some filters of QGIS let through: SQLite understands them."""
    where = " AND ".join(f"({text})" for text in filters if text) or "1"
    return [number for (number,) in base.execute(f'SELECT fid FROM "{layer}" WHERE {where}')]


def drawn(base: sqlite3.Connection, layer: str, year_rule: ET.Element) -> list[int]:
    """Return the rows that the rules below a year's rule draw, each as often as it is drawn."""
    parts = year_rule.findall("rule")
    assert parts
    return [n for part in parts for n in matched(base, layer, year_rule.get("filter"), part.get("filter"))]


def test_the_file_is_sound_and_a_geopackage(base: sqlite3.Connection, file: Path) -> None:
    assert base.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert base.execute("PRAGMA foreign_key_check").fetchall() == []
    assert base.execute("PRAGMA application_id").fetchone()[0] == int.from_bytes(b"GPKG")
    assert [name for name, _ in pyogrio.list_layers(file) if name != "layer_styles"] == list(SHAPES)


def test_every_layer_has_its_shapes_and_its_datum(base: sqlite3.Connection, file: Path) -> None:
    found = base.execute("SELECT table_name, geometry_type_name, srs_id, column_name FROM gpkg_geometry_columns")
    assert {row[0]: row[1:] for row in found} == {name: (shape, 4326, "geom") for name, shape in SHAPES.items()}
    for name, shape in SHAPES.items():
        layer = geopandas.read_file(file, layer=name, engine="pyogrio")
        assert set(layer.geom_type.str.upper()) == {shape}
        # (A village with a site of its own has a link without length.)
        assert layer.geometry.is_valid.all() or name == "links"
        assert not layer.geometry.is_empty.any()


@pytest.mark.parametrize(("datum", "epsg"), [("wgs84", 4326), ("cgcs2000", 4490)])
def test_layers_are_in_the_datum_of_the_plan(datum: str, epsg: int, content: Content, tmp_path: Path) -> None:
    content["district_data"]["datum"] = datum
    path = tmp_path / "plan.gpkg"
    path.write_bytes(geopackage(content, "zh"))
    for name in SHAPES:
        assert pyogrio.read_info(path, layer=name)["crs"] == f"EPSG:{epsg}"


def test_layers_hold_the_columns_and_rows_of_the_tables(base: sqlite3.Connection, lively: Content) -> None:
    tables = sheets(lively, "zh")
    columns = {name: [row[1] for row in base.execute(f'PRAGMA table_info("{name}")')][2:] for name in SHAPES}
    for name in ("towns", "places", "sites"):
        assert columns[name] == [field.name for field in tables[name].fields]
    assert set(columns["links"]) < set(columns["places"])
    counts = {name: base.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in SHAPES}
    years = len(lively["years"])
    assert counts == {
        "boundary": 1,
        "towns": 3 * years,
        "reach": years,
        "links": sum(row["served_by"] is not None for row in lively["places"]),
        "places": len(lively["places"]),
        "sites": len(lively["sites"]),
    }


def test_columns_are_numbers_where_they_hold_numbers_and_texts_stay_texts(base: sqlite3.Connection) -> None:
    kinds = {row[1]: row[2] for row in base.execute('PRAGMA table_info("sites")')}
    assert (kinds["year"], kinds["cost"], kinds["lon"], kinds["id"], kinds["until"]) == (
        "INTEGER", "INTEGER", "REAL", "TEXT", "INTEGER",
    )  # fmt: skip
    assert base.execute("SELECT DISTINCT until FROM sites ORDER BY until").fetchall() == [(None,), (2027,)]


def test_a_link_goes_from_the_place_to_the_site_that_serves_it(file: Path, lively: Content) -> None:
    spots = {site["id"]: (site["lon"], site["lat"]) for site in lively["sites"]}
    homes = {place["id"]: (place["lon"], place["lat"]) for place in lively["district_data"]["places"]}
    links = geopandas.read_file(file, layer="links", engine="pyogrio")
    assert [(line.coords[0], line.coords[-1]) for line in links.geometry] == [
        (homes[place], spots[site]) for place, site in zip(links["id"], links["served_by"], strict=True)
    ]


def test_a_plan_that_serves_nobody_has_an_empty_layer_of_links(content: Content, tmp_path: Path) -> None:
    for row in content["places"]:
        row.update(status="out_of_range", served_by=None, minutes=None)
    path = tmp_path / "plan.gpkg"
    path.write_bytes(geopackage(content, "zh"))
    assert {name: pyogrio.read_info(path, layer=name)["features"] for name in ("links", "places")} == {
        "links": 0,
        "places": len(content["places"]),
    }


def test_qgis_finds_the_style_of_every_layer(base: sqlite3.Connection) -> None:
    # What QGIS asks a GeoPackage for: the default style of this table and this geometry column.
    rows = base.execute(
        "SELECT f_table_name FROM layer_styles JOIN gpkg_geometry_columns "
        "ON f_table_name = table_name AND f_geometry_column = column_name "
        "WHERE f_table_catalog = '' AND f_table_schema = '' AND useAsDefault = 1 AND styleQML <> ''"
    )
    assert sorted(name for (name,) in rows) == sorted(SHAPES)
    registered = base.execute("SELECT data_type FROM gpkg_contents WHERE table_name = 'layer_styles'").fetchall()
    assert registered == [("attributes",)]


@pytest.mark.parametrize("layer", SHAPES)
def test_a_style_names_only_what_there_is(layer: str, base: sqlite3.Connection) -> None:
    style = qml(base, layer)
    columns = {row[1] for row in base.execute(f'PRAGMA table_info("{layer}")')}
    symbols = {symbol.get("name"): symbol.get("type") for symbol in style.iterfind("renderer-v2/symbols/symbol")}
    used = [rule.get("symbol") for rule in style.iter("rule") if rule.get("symbol")]
    assert sorted(used) == sorted(map(str, symbols)), "each symbol is one rule's own"
    kind = {"POINT": "marker", "LINESTRING": "line", "MULTIPOLYGON": "fill"}[SHAPES[layer]]
    assert set(symbols.values()) == {kind}
    assert len({rule.get("key") for rule in style.iter("rule")}) == len(list(style.iter("rule")))
    expressions = [rule.get("filter", "") for rule in style.iter("rule")]
    expressions += [node.get("value", "") for node in style.iter("Option") if node.get("name") == "expression"]
    named = {name for text in expressions for name in re.findall(r'"([^"]+)"', text)}
    named |= {node.get("field", "") for node in style.iter("alias")}
    named |= {node.get("name", "") for node in style.iterfind("fieldConfiguration/field")}
    named |= {node.get("fieldName", "") for node in style.iter("text-style")}
    assert named <= columns


@pytest.mark.parametrize("layer", [name for name in SHAPES if name != "boundary"])
def test_the_last_year_is_shown_and_the_others_wait_to_be_ticked(
    layer: str, base: sqlite3.Connection, lively: Content
) -> None:
    shown = {year: rule.get("checkstate") for year, rule in year_rules(base, layer).items()}
    assert shown == {2025: "0", 2027: "1"}
    assert list(shown) == lively["years"]
    below = [part.get("checkstate") for rule in year_rules(base, layer).values() for part in rule.iter("rule")]
    assert Counter(below) == {"1": len(below) - 1, "0": 1}


@pytest.mark.parametrize("layer", ["towns", "reach", "links", "places"])
def test_every_row_of_a_year_is_drawn_once_in_that_year(layer: str, base: sqlite3.Connection, lively: Content) -> None:
    for year, rule in year_rules(base, layer).items():
        rows = matched(base, layer, f'"year" = {year}')
        assert rows
        assert sorted(matched(base, layer, rule.get("filter"))) == rows
        assert sorted(drawn(base, layer, rule)) == rows


def test_places_are_drawn_by_their_status(base: sqlite3.Connection, lively: Content) -> None:
    people: Counter[tuple[int, str]] = Counter()
    for row in lively["places"]:
        people[row["year"], say_in("zh", f"status.{row['status']}")] += row["people"]
    found: Counter[tuple[int, str]] = Counter()
    for year, rule in year_rules(base, "places").items():
        for part in rule.findall("rule"):
            rows = matched(base, "places", rule.get("filter"), part.get("filter"))
            parts = [base.execute("SELECT part FROM places WHERE fid = ?", [row]).fetchone()[0] for row in rows]
            found[year, part.get("label", "")] = sum(parts)
    assert +found == people
    assert {label for _, label in found} == {say_in("zh", f"status.{status}") for status in STATUSES}


def test_the_sites_of_a_year_are_those_that_are_open_in_it_each_drawn_once(
    base: sqlite3.Connection, lively: Content
) -> None:
    ids = dict(base.execute("SELECT fid, id FROM sites"))
    for year, rule in year_rules(base, "sites").items():
        is_open = sorted(site["id"] for site in lively["sites"] if str(year) in site["people"])
        assert sorted(ids[row] for row in matched(base, "sites", rule.get("filter"))) == is_open
        assert sorted(ids[row] for row in drawn(base, "sites", rule)) == is_open
    assert "old-clinic" in [ids[row] for row in drawn(base, "sites", year_rules(base, "sites")[2025])]


def test_what_opens_in_a_year_looks_new_in_it_and_old_later(base: sqlite3.Connection) -> None:
    new = f"{say_in('zh', 'kind.clinic')} · {say_in('zh', 'action.open')}"
    ids = dict(base.execute("SELECT fid, id FROM sites"))
    found = {}
    for year, rule in year_rules(base, "sites").items():
        (part,) = [part for part in rule.findall("rule") if part.get("label") == new]
        found[year] = {ids[row] for row in matched(base, "sites", rule.get("filter"), part.get("filter"))}
    assert found == {
        2025: {f"clinic-{place}" for place in ("T2015", "T2017", "T2026", "T3029", "T3036")},
        2027: {f"clinic-{place}" for place in ("T1009", "T1010", "T1011", "T1013", "T3033")},
    }


def test_what_closes_is_drawn_in_the_year_in_which_it_closes(base: sqlite3.Connection) -> None:
    (closed,) = [rule for rule in rules(qml(base, "sites")) if not rule.get("label", "").isdigit()]
    assert closed.get("label") == f"2027 · {say_in('zh', 'action.close')}"
    (row,) = matched(base, "sites", closed.get("filter"))
    assert base.execute("SELECT id, action FROM sites WHERE fid = ?", [row]).fetchone() == ("old-clinic", "close")


@pytest.mark.parametrize("share", [0.0, 0.4999, 0.5, 0.8, 0.9, 0.99, 1.0])
def test_every_share_served_has_one_shade(share: float, base: sqlite3.Connection) -> None:
    filters = [part.get("filter", "") for part in year_rules(base, "towns")[2027].findall("rule")]
    held = [
        text
        for text in filters
        if base.execute(f'SELECT {text} FROM (SELECT ? AS "served_share")', [share]).fetchone()[0]
    ]
    assert len(held) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_qgis_shows_headings_and_codes_in_words(language: Language, content: Content, tmp_path: Path) -> None:
    path = tmp_path / "plan.gpkg"
    path.write_bytes(geopackage(content, language))
    with closing(sqlite3.connect(path)) as base:
        style = qml(base, "places")
        columns = [row[1] for row in base.execute('PRAGMA table_info("places")')]
        about = dict(base.execute("SELECT table_name, description FROM gpkg_contents"))
    aliases = {node.get("field"): node.get("name") for node in style.iter("alias")}
    assert aliases == {name: say_in(language, f"field.{name}") for name in columns[2:]}
    (words,) = [node for node in style.iterfind("fieldConfiguration/field") if node.get("name") == "status"]
    told = {node.get("value"): node.get("name") for node in words.iter("Option") if node.get("value")}
    assert {status: say_in(language, f"status.{status}") for status in STATUSES}.items() <= told.items()
    assert about["places"] == say_in(language, "gis.places")


def collections(content: Content) -> dict[str, Any]:
    return {name: json.loads(text) for name, text in geojson(content, "zh").items()}


def test_geojson_in_wgs_84_follows_its_standard(lively: Content) -> None:
    found = collections(lively)
    assert found.keys() == SHAPES.keys()
    for name, collection in found.items():
        assert collection["type"] == "FeatureCollection"
        # RFC 7946 knows one datum, and a member that names another was taken out of it.
        assert "crs" not in collection
        for feature in collection["features"]:
            assert feature.keys() == {"type", "properties", "geometry"}
            assert feature["geometry"]["type"].upper() == SHAPES[name]


def test_geojson_has_coordinates_of_at_most_seven_digits(lively: Content) -> None:
    for text in geojson(lively, "zh").values():
        numbers = [number for part in re.findall(r'"coordinates": ([^a-zA-Z]+)\}', text) for number in part.split(",")]
        assert numbers
        assert not [number for number in numbers if re.search(r"\.\d{8,}|e", number)]


def test_outer_rings_of_geojson_run_counterclockwise_and_holes_clockwise(content: Content) -> None:
    ring, hole = [[117.3, 39.6], [117.3, 39.75], [117.52, 39.75], [117.52, 39.6], [117.3, 39.6]], [
        [117.48, 39.70], [117.50, 39.70], [117.50, 39.72], [117.48, 39.72], [117.48, 39.70],
    ]  # fmt: skip
    content["district_data"]["boundary"] = {"type": "Polygon", "coordinates": [ring, hole]}
    found = collections(content)
    polygons = [
        polygon
        for name in ("boundary", "towns", "reach")
        for feature in found[name]["features"]
        for polygon in feature["geometry"]["coordinates"]
    ]
    turns = [[shapely.LinearRing(ring).is_ccw for ring in polygon] for polygon in polygons]
    assert [outer for outer, *_ in turns] == [True] * len(polygons)
    holes = [inner for _, *inners in turns for inner in inners]
    assert holes
    assert not any(holes)


def test_geojson_in_another_datum_names_it(content: Content) -> None:
    content["district_data"]["datum"] = "cgcs2000"
    for collection in collections(content).values():
        assert collection["crs"]["properties"]["name"] == "urn:ogc:def:crs:EPSG::4490"


def test_geojson_holds_the_rows_of_the_layers_with_nothing_for_what_is_unknown(lively: Content) -> None:
    found = collections(lively)
    for name, layer in layers(lively, "zh").items():
        rows = [feature["properties"] for feature in found[name]["features"]]
        assert len(rows) == len(layer)
        if rows:
            assert list(rows[0]) == [column for column in layer.columns if column != "geometry"]
    outside = [
        row["properties"] for row in found["places"]["features"] if row["properties"]["status"] == "out_of_range"
    ]
    assert outside
    assert {(row["served_by"], row["minutes"]) for row in outside} == {(None, None)}
    (closed,) = [row["properties"] for row in found["sites"]["features"] if row["properties"]["action"] == "close"]
    assert closed["until"] == closed["year"] == 2027
    assert isinstance(closed["until"], int)


def test_gdal_reads_the_geojson(lively: Content, tmp_path: Path) -> None:
    for name, text in geojson(lively, "en").items():
        path = tmp_path / f"{name}.geojson"
        path.write_text(text, encoding="utf-8")
        layer = geopandas.read_file(path, engine="pyogrio")
        assert layer.crs == "EPSG:4326"
        assert set(layer.geom_type.str.upper()) == {SHAPES[name]}


def test_the_same_plan_gives_the_same_bytes_in_every_process(content: Content, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(to_json(content), encoding="utf-8")
    code = (
        "import hashlib, json\n"
        "from pathlib import Path\n"
        "from allocate.report.geopackage import geojson, geopackage\n"
        f"content = json.loads(Path({str(plan)!r}).read_text(encoding='utf-8'))\n"
        "made = [geopackage(content, 'zh'), *(text.encode() for text in geojson(content, 'zh').values())]\n"
        "print(*(hashlib.sha256(one).hexdigest() for one in made))\n"
    )
    made = [geopackage(content, "zh"), *(text.encode() for text in geojson(content, "zh").values())]
    found = {" ".join(hashlib.sha256(one).hexdigest() for one in made)}
    for seed in ("0", "4242"):
        done = start_python(ROOT, "-c", code, PYTHONHASHSEED=seed)
        assert done.returncode == 0, done.stderr
        found.add(done.stdout.strip())
    assert len(found) == 1


def test_writing_layers_leaves_the_clock_of_gdal_as_it_was(content: Content) -> None:
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "2001-02-03T04:05:06.000Z"})
    try:
        geopackage(content, "zh")
        assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") == "2001-02-03T04:05:06.000Z"
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
    geopackage(content, "zh")
    assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") is None
