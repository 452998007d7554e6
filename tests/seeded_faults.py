"""A district in which all is well, and for every kind of fault one way to spoil it, with what `check` must name."""

import csv
import io
import json
import os
import shutil
import sqlite3
import struct
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from conftest import Tiny, copy_hubs
from osm_files import Element, write_osm

from allocate import datum, synonyms, tables
from allocate.fault_kinds import FaultKind
from allocate.files import database, features
from allocate.files import kml as kml_files
from allocate.travel import joining

Spoil = Callable[[Path], None]
Row = list[str]

TABLES = {
    "fields.csv": """hub,specialty,has,basis,source
hub-1,surgery,yes,surveyed,made up
hub-2,surgery,no,surveyed,made up
hub-3,surgery,no,surveyed,made up
hub-1,tcm,no,surveyed,made up
hub-2,tcm,yes,surveyed,made up
""",
    "growth.csv": """town,percent,from_year,to_year,basis,source
T1,-1.5,,2025,estimated,made up
T1,-2,2025,2030,estimated,made up
T2,0.5,,2025,estimated,made up
T2,0.4,2025,,estimated,made up
T3,0.1,,,estimated,made up
""",
    "pools.csv": """hospital,specialty,rank,away,tours,months,days_per_week,resource,basis,source
hospital-1,internal_medicine,attending,3,,,,doctors,assumed,a list
hospital-1,surgery,senior,2,1,"1-6,9-12",3.5,,assumed,a list
hospital-2,tcm,attending,1,,,,,assumed,a list
hospital-2,nursing,resident,1,,,,,assumed,a list
city,nursing,senior,1,,,,,official,a letter
""",
    "tours.csv": """hospital,specialty,rank,hub,until,basis,source
hospital-1,internal_medicine,attending,hub-2,5,surveyed,a roster
hospital-1,internal_medicine,attending,hub-2,5,surveyed,a roster
city,nursing,senior,hospital-1,2,surveyed,a roster
""",
    "observed.csv": """from,to,mode,minutes,date,remark,basis,source
T1003,hub-1,car,30,2024-05-20,sunny,surveyed,a ride
T1003,hub-1,car,50.5,2024-05-21,rain,surveyed,a ride
T2014,hub-2,car,30,,,surveyed,a ride
hub-1,hub-2,car,30,,,surveyed,a ride
home-1,hub-1,car,30,,,estimated,a guess
""",
    "candidates.csv": """id,kind,name,town,lon,lat,place,opening,yearly,reason,basis,source
HX1,clinic,empty school,T2,117.41,39.692,,80000,,empty school,surveyed,a letter
HX2,station,shop,T1,117.348,39.646,T1001,,,to let,assumed,a list
HX3,clinic,village hall,T3,117.444,39.641,,,50000,offered by the village,surveyed,a letter
""",
    "sessions.csv": """where,day,half,reason,basis,source
T2014,wed,am,market day,surveyed,a visit
T3,,pm,farming,estimated,a visit
hub-2,mon,,meeting,assumed,nobody asked
""",
}


def good(where: Path) -> Tiny:
    """Copy a small district with every table, and a model that uses most of them: `check` finds no fault."""
    tiny = copy_hubs(where)
    tiny.edit("tiny.toml", "[postings]\n", "[postings]\ncyclic = false\n")
    for file, content in TABLES.items():
        (tiny.folder / file).write_text(content, encoding="utf-8")
    places = table_of(tiny.folder / "places.csv")[1:]
    years = [[place[0], year, place[7], place[9], "", "estimated", "made up"] for place in places for year in ("2025",)]
    write_table(
        tiny.folder / "population.csv", [["place", "year", "people", "people_65", "people_0_14", *TOLD], *years]
    )
    pairs = [[place[0], to, "walk", "9.5"] for place in places for to in ("hub-1", "hub-2") if place[0] < "T1010"]
    write_table(tiny.folder / "travel.csv", [["from", "to", "mode", "minutes"], *pairs])
    homes = [
        [f"home-{n}", f"{name}养老院", place[4], "40", place[11], place[12], "surveyed", "", "official", "made up"]
        for n, place in enumerate(places[8:28], 1)
        for name in [place[2]]
    ]
    heading = ["id", "name", "town", "beds", "lon", "lat", "position_basis", "institution", *TOLD]
    write_table(tiny.folder / "care_homes.csv", [heading, *homes])
    add_columns("places.csv", "datum")(tiny.folder)
    add_columns("institutions.csv", "parent", "parent_basis")(tiny.folder)
    spots = [(float(place[11]), float(place[12])) for place in places]
    # (A lane through every village, and one from each to the next, so that the network is whole.)
    lanes = [[[x - 0.01, y], [x, y], [x + 0.01, y]] for x, y in spots]
    lanes += [[[x + 0.01, y], [u - 0.01, v]] for (x, y), (u, v) in pairwise(spots)]
    (tiny.folder / "roads.geojson").write_text(json.dumps(road_layer(lanes)))
    (tiny.folder / "barriers.geojson").write_text(json.dumps(road_layer([[[117.2, 39.55], [117.6, 39.56]]])))
    return tiny


def road_layer(lines: Sequence[Sequence[Sequence[float]]], **told: object) -> dict[str, Any]:
    """Return lines as a layer in which each says the same of itself."""
    about = {"highway": "residential", **told}
    features = [
        {"type": "Feature", "properties": about, "geometry": {"type": "LineString", "coordinates": line}}
        for line in lines
    ]
    return {"type": "FeatureCollection", "features": features}


TOLD = ("basis", "source")


def table_of(path: Path) -> list[Row]:
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


def write_table(path: Path, rows: Sequence[Sequence[str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")


def cells(file: str, row: int, **values: str) -> Spoil:
    """Return an edit of some cells of a row; rows count as a spreadsheet does."""

    def edit(folder: Path) -> None:
        rows = table_of(folder / file)
        for column, value in values.items():
            rows[row - 1][rows[0].index(column)] = value
        write_table(folder / file, rows)

    return edit


def every(file: str, change: Callable[[dict[str, str]], Mapping[str, str]]) -> Spoil:
    """Return an edit of every row."""

    def edit(folder: Path) -> None:
        heading, *rows = table_of(folder / file)
        for row in rows:
            for column, value in change(dict(zip(heading, row, strict=True))).items():
                row[heading.index(column)] = value
        write_table(folder / file, [heading, *rows])

    return edit


def copied(file: str, row: int, to: int, *columns: str) -> Spoil:
    """Return an edit that writes some cells of one row into another."""

    def edit(folder: Path) -> None:
        rows = table_of(folder / file)
        for column in columns:
            at = rows[0].index(column)
            rows[to - 1][at] = rows[row - 1][at]
        write_table(folder / file, rows)

    return edit


def added(file: str, *row: str) -> Spoil:
    """Return an edit that adds a row at the end."""
    return lambda folder: write_table(folder / file, [*table_of(folder / file), row])


def add_columns(file: str, *names: str, cell: str = "") -> Spoil:
    def edit(folder: Path) -> None:
        heading, *rows = table_of(folder / file)
        write_table(folder / file, [[*heading, *names], *([*row, *[cell] * len(names)] for row in rows)])

    return edit


def renamed(file: str, name: str, new: str) -> Spoil:
    def edit(folder: Path) -> None:
        heading, *rows = table_of(folder / file)
        write_table(folder / file, [[new if one == name else one for one in heading], *rows])

    return edit


def without_column(file: str, name: str) -> Spoil:
    def edit(folder: Path) -> None:
        rows = table_of(folder / file)
        at = rows[0].index(name)
        write_table(folder / file, [row[:at] + row[at + 1 :] for row in rows])

    return edit


def nameless(file: str) -> Spoil:
    """Return an edit that puts a column without a heading before all others."""

    def edit(folder: Path) -> None:
        heading, *rows = table_of(folder / file)
        write_table(folder / file, [["", *heading], *([str(n), *row] for n, row in enumerate(rows))])

    return edit


def raw(file: str, content: str | bytes) -> Spoil:
    text = content.encode() if isinstance(content, str) else content
    return lambda folder: void((folder / file).write_bytes(text))


def replaced(file: str, old: str, new: str) -> Spoil:
    def edit(folder: Path) -> None:
        content = (folder / file).read_text(encoding="utf-8-sig")
        assert old in content
        (folder / file).write_text(content.replace(old, new, 1), encoding="utf-8")

    return edit


def card(more: str) -> Spoil:
    """Return an edit that adds a table to district.toml."""

    def edit(folder: Path) -> None:
        with (folder / "district.toml").open("a", encoding="utf-8") as file:
            file.write(f"\n{more}\n")

    return edit


def both(*edits: Spoil) -> Spoil:
    def edit(folder: Path) -> None:
        for one in edits:
            one(folder)

    return edit


def gone(file: str) -> Spoil:
    return lambda folder: (folder / file).unlink()


def void(_: object) -> None:
    """Return nothing, so that a lambda can."""


Cell = str | int | float
Book = Callable[[xlsxwriter.Workbook, Any, list[list[Cell]]], None]


def book(table: str, write: Book) -> Spoil:
    """Return an edit that puts a workbook in place of a table's CSV; `write` gets book, sheet and cells to write."""

    def edit(folder: Path) -> None:
        rows: list[list[Cell]] = [list(row) for row in table_of(folder / f"{table}.csv")]
        (folder / f"{table}.csv").unlink()
        with xlsxwriter.Workbook(folder / f"{table}.xlsx") as made:
            write(made, made.add_worksheet(table), rows)

    return edit


def fill(sheet: Any, rows: list[list[Cell]]) -> None:
    for number, row in enumerate(rows):
        for column, cell in enumerate(row):
            if isinstance(cell, str):
                sheet.write_string(number, column, cell)
            else:
                sheet.write_number(number, column, cell)


def merged(column: str, first: int, last: int, value: Cell) -> Book:
    def write(made: xlsxwriter.Workbook, sheet: Any, rows: list[list[Cell]]) -> None:
        del made
        fill(sheet, rows)
        at = rows[0].index(column)
        sheet.merge_range(first - 1, at, last - 1, at, value)

    return write


def formula(column: str, row: int) -> Book:
    def write(made: xlsxwriter.Workbook, sheet: Any, rows: list[list[Cell]]) -> None:
        del made
        fill(sheet, rows)
        sheet.write_formula(row - 1, rows[0].index(column), "=1+1", value="")

    return write


def cell_of_book(column: str, row: int, value: Cell) -> Book:
    def write(made: xlsxwriter.Workbook, sheet: Any, rows: list[list[Cell]]) -> None:
        del made
        rows[row - 1][rows[0].index(column)] = value
        fill(sheet, rows)

    return write


def with_hidden_sheet(made: xlsxwriter.Workbook, sheet: Any, rows: list[list[Cell]]) -> None:
    fill(sheet, rows)
    made.add_worksheet("养老院").hide()


def reaching_far(made: xlsxwriter.Workbook, sheet: Any, rows: list[list[Cell]]) -> None:
    del made
    fill(sheet, rows)
    sheet.write_string(1_048_575, 16_383, "x")


def several_sheets(made: xlsxwriter.Workbook, sheet: Any, rows: list[list[Cell]]) -> None:
    fill(sheet, rows)
    sheet.name = "甲"
    fill(made.add_worksheet("乙"), rows)


def with_another_sheet(made: xlsxwriter.Workbook, sheet: Any, rows: list[list[Cell]]) -> None:
    fill(sheet, rows)
    fill(made.add_worksheet("旧版本"), rows)


def with_hidden_row(made: xlsxwriter.Workbook, sheet: Any, rows: list[list[Cell]]) -> None:
    del made
    fill(sheet, rows)
    sheet.set_row(3, None, None, {"hidden": True})


def with_hidden_column(made: xlsxwriter.Workbook, sheet: Any, rows: list[list[Cell]]) -> None:
    del made
    fill(sheet, rows)
    sheet.set_column(1, 1, None, None, {"hidden": True})


def damaged(content: bytes) -> bytes:
    """Return UTF-8 text in which one letter of the third line lost a byte."""
    lines = content.split(b"\n")
    lines[2] = lines[2][:-1]
    return b"\n".join(lines)


def zipped(table: str, parts: Mapping[str, bytes]) -> Spoil:
    """Return an edit that adds entries to the workbook that takes the place of a table."""

    def edit(folder: Path) -> None:
        book(table, lambda made, sheet, rows: (void(made), fill(sheet, rows))[1])(folder)
        with zipfile.ZipFile(folder / f"{table}.xlsx", "a", zipfile.ZIP_DEFLATED) as archive:
            for name, content in parts.items():
                archive.writestr(name, content)

    return edit


def with_password(table: str) -> Spoil:
    """Return an edit that marks the entries of a workbook as encrypted."""

    def edit(folder: Path) -> None:
        zipped(table, {})(folder)
        path = folder / f"{table}.xlsx"
        content = bytearray(path.read_bytes())
        content[content.index(b"PK\x01\x02") + 8] |= 1
        path.write_bytes(content)

    return edit


Feature = dict[str, Any]


def layer(table: str, change: Callable[[list[Feature]], object] = void, **more: object) -> Spoil:
    """Return an edit that puts a GeoJSON layer in place of a table's CSV."""

    def edit(folder: Path) -> None:
        found = features_of(folder, table)
        change(found)
        content = {"type": "FeatureCollection", "features": found} | more
        (folder / f"{table}.geojson").write_text(json.dumps(content), encoding="utf-8")

    return edit


def features_of(folder: Path, table: str) -> list[Feature]:
    """Return the rows of a table as features, and take its CSV away."""
    heading, *rows = table_of(folder / f"{table}.csv")
    (folder / f"{table}.csv").unlink()
    found = []
    for row in rows:
        told: Feature = dict(zip(heading, row, strict=True))
        spot = [float(told.pop("lon")), float(told.pop("lat"))]
        found.append({"type": "Feature", "properties": told, "geometry": {"type": "Point", "coordinates": spot}})
    return found


def geometry(row: int, kind: str, coordinates: object) -> Callable[[list[Feature]], object]:
    return lambda found: found[row - 1].update(geometry={"type": kind, "coordinates": coordinates})


ROADS = "roads.geojson"
# Streets that cross each other without a vertex, nowhere farther apart than a village may lie from them.
GRID = [[[x, 39.59], [x, 39.76]] for x in (117.29 + n / 100 for n in range(25))]
GRID += [[[117.28, y], [117.54, y]] for y in (39.6 + n / 100 for n in range(16))]


def lines(change: Callable[[list[Feature]], object]) -> Spoil:
    """Return an edit of the lines of the layer of roads."""

    def edit(folder: Path) -> None:
        content = json.loads((folder / ROADS).read_text(encoding="utf-8"))
        change(content["features"])
        (folder / ROADS).write_text(json.dumps(content), encoding="utf-8")

    return edit


def lane(*spots: tuple[float, float]) -> Feature:
    (feature,) = road_layer([[list(spot) for spot in spots]])["features"]
    return dict(feature)


def road_says(n: int, **said: str) -> Spoil:
    return lines(lambda all_: all_[n]["properties"].update(said))


EXTRACT = "天津.osm.pbf"


def extract(change: Callable[[dict[int, tuple[float, float]], list[Element], list[Element]], object]) -> Spoil:
    """Return an edit that puts an extract of OpenStreetMap in place of the layer of roads; nodes, ways and areas."""

    def edit(folder: Path) -> None:
        content = json.loads((folder / ROADS).read_text(encoding="utf-8"))
        (folder / ROADS).unlink()
        numbers: dict[tuple[float, float], int] = {}
        ways: list[Element] = []
        for n, one in enumerate(content["features"], 1):
            spots = [(float(lon), float(lat)) for lon, lat in one["geometry"]["coordinates"]]
            nodes = [numbers.setdefault(spot, len(numbers) + 1) for spot in spots]
            ways.append((n, nodes, {"highway": "residential"}))
        spots_of, areas = {number: spot for spot, number in numbers.items()}, list[Element]()
        change(spots_of, ways, areas)
        write_osm(folder / EXTRACT, spots_of, ways, areas)

    return edit


# Round a hub of the good district.
HUB_2 = [[117.4062, 39.6899], [117.4064, 39.6899], [117.4064, 39.6901], [117.4062, 39.6901], [117.4062, 39.6899]]


def square(file: str, ring: Sequence[Sequence[float]] = (), *, away: float = 0, more: Sequence[object] = ()) -> Spoil:
    """Return an edit that puts a layer with one area into the folder, `away` so many degrees to the east."""
    corners = ring or [[117.5, 39.74], [117.51, 39.74], [117.51, 39.745], [117.5, 39.745], [117.5, 39.74]]
    area = {"type": "Polygon", "coordinates": [[[x + away, y] for x, y in corners]]}
    shapes = [{"type": "Feature", "properties": {}, "geometry": one} for one in (area, *more)]
    return raw(file, json.dumps({"type": "FeatureCollection", "features": shapes}))


def two_layers(folder: Path) -> None:
    """Put a GeoPackage with two layers of areas into the folder, and let the card name it as one."""
    import geopandas
    import shapely

    areas = geopandas.GeoDataFrame({"n": [1]}, geometry=[shapely.box(117.5, 39.74, 117.51, 39.745)], crs=4326)
    for name in ("river", "lake"):
        areas.to_file(folder / "two.gpkg", layer=name, driver="GPKG")
    card('[layers.water]\nfile = "two.gpkg"\nkeeps = "out"')(folder)


def kml(table: str, inside: str = "", head: str = "") -> Spoil:
    """Return an edit that puts a KML file in place of a table's CSV."""

    def edit(folder: Path) -> None:
        marks = []
        for one in features_of(folder, table):
            x, y = one["geometry"]["coordinates"]
            data = "".join(f'<Data name="{k}"><value>{v}</value></Data>' for k, v in one["properties"].items())
            marks.append(
                f"<Placemark><ExtendedData>{data}</ExtendedData>"
                f"<Point><coordinates>{x},{y}</coordinates></Point></Placemark>"
            )
        whole = f"<kml><Document>{''.join(marks)}{inside}</Document></kml>"
        (folder / f"{table}.kml").write_text(f'<?xml version="1.0" encoding="UTF-8"?>{head}{whole}', encoding="utf-8")

    return edit


def framed(table: str, write: Callable[[Any, Path], object]) -> Spoil:
    """Return an edit that puts a file in place of a table's CSV which GeoPandas writes."""

    def edit(folder: Path) -> None:
        import geopandas

        write(geopandas.GeoDataFrame.from_features(features_of(folder, table), crs=4326), folder / table)

    return edit


def shapefile(table: str, change: Callable[[Path], object]) -> Spoil:
    """Return an edit that puts a shapefile in place of a table's CSV, and changes its files; names have 10 letters."""
    short = {"position_basis": "pos_basis"}
    return both(
        framed(
            table, lambda frame, path: frame.rename(columns=short).to_file(path.with_suffix(".shp"), encoding="UTF-8")
        ),
        card(f'[tables.{table}.columns]\nposition_basis = "pos_basis"'),
        lambda folder: void(change(folder / table)),
    )


def cut_text(path: Path) -> None:
    """Cut the first cell of a column inside a letter, as programs do that fill a cell to its last byte."""
    content = bytearray(path.with_suffix(".dbf").read_bytes())
    head = struct.unpack_from("<H", content, 8)[0]
    fields = [(content[at : at + 11].rstrip(b"\0"), content[at + 16]) for at in range(32, head - 1, 32)]
    at, size = 1, 0
    for name, long in fields:
        size = long
        if name == b"name":
            break
        at += long
    text = ("村" * size).encode()[:size]
    content[head + at : head + at + size] = text if size % 3 else text[:-1] + b" "
    path.with_suffix(".dbf").write_bytes(content)


def shorter(path: Path) -> None:
    """Take the last record of a table of attributes away."""
    file = path.with_suffix(".dbf")
    content = bytearray(file.read_bytes())
    count, head, width = struct.unpack_from("<IHH", content, 4)
    struct.pack_into("<I", content, 4, count - 1)
    file.write_bytes(content[: head + width * (count - 1)])


def geopackage(table: str, *commands: str) -> Spoil:
    """Return an edit that puts a GeoPackage in place of a table's CSV, and runs commands of SQL in it."""

    def edit(folder: Path) -> None:
        framed(table, lambda frame, path: frame.to_file(path.with_suffix(".gpkg"), layer=table, driver="GPKG"))(folder)
        with closing(sqlite3.connect(folder / f"{table}.gpkg")) as base:
            for command in commands:
                base.execute(command)
            base.commit()

    return edit


def shifted(row: Mapping[str, str]) -> Mapping[str, str]:
    """Return a position as Amap would give it."""
    import numpy as np

    lon, lat = datum.convert(np.array([[float(row["lon"]), float(row["lat"])]]), "wgs84", "gcj02")[0].tolist()
    return {"lon": f"{lon:.6f}", "lat": f"{lat:.6f}"}


def dangling(file: str) -> Spoil:
    """Return an edit that puts a link to nothing in the place of a file."""

    def edit(folder: Path) -> None:
        (folder / file).unlink()
        (folder / file).symlink_to(folder / "gone.csv")

    return edit


def linked(table: str) -> Spoil:
    """Return an edit that moves a table out of the folder and puts a link in its place."""

    def edit(folder: Path) -> None:
        away = folder.parent / f"{table}.csv"
        shutil.move(folder / f"{table}.csv", away)
        (folder / f"{table}.csv").symlink_to(away)

    return edit


def large(file: str) -> Spoil:
    """Return an edit that lets a file be too large; it is a hole, and takes no room."""
    return lambda folder: os.truncate(folder / file, 201_000_000)


BOOK = "本区资料.xlsx"


def as_workbook(folder: Path) -> None:
    """Put one workbook in place of all CSV tables: Chinese sheets and headings, and a title above each table."""
    with xlsxwriter.Workbook(folder / BOOK) as made:
        for table in tables.TABLES:
            path = folder / table.file
            if not path.exists():
                continue
            heading, *rows = table_of(path)
            known = {column.name for column in table.columns}
            named = [synonyms.heading_of(table, one, "zh") if one in known else one for one in heading]
            fill(made.add_worksheet(synonyms.title_of(table.name, "zh")), [["某区卫生健康委"], named, *rows])
            path.unlink()


@dataclass(frozen=True)
class Seeded:
    """One way to spoil the good district, and what `check` must name.

    Attributes
    ----------
    spoil
        Changes the district's folder.
    about
        The table that is spoilt, or district.toml, as "card".
    file, row, column, value
        What must be named.
    fault
        Whether it must be mended; otherwise it is a warning.
    whole
        Whether nothing else of the table can be read, or seen, any more.
    also
        What cannot but be found with it.
    needs
        What it changes of the program's limits or surroundings.
    server, asked
        The server of the tests that it reads from, and what is asked of it before.
    """

    kind: FaultKind
    about: str
    spoil: Spoil
    file: str
    row: int | None = None
    column: str = ""
    value: str | int | float | None = None
    fault: bool = True
    whole: bool = False
    also: tuple[FaultKind, ...] = ()
    needs: Callable[[pytest.MonkeyPatch], None] | None = None
    server: str = ""
    asked: tuple[str, ...] = ()


def of_cell(kind: FaultKind, file: str, row: int, column: str, value: str, *more: object, **other: Any) -> Seeded:
    """Return what is wrong with one cell as it is typed; the value that is named is the one typed, unless said."""
    about = file.removesuffix(".csv")
    shown = more[0] if more else value or None
    return Seeded(kind, about, cells(file, row, **{column: value}), file, row, column, shown, **other)  # type: ignore[arg-type]


def of_spot(kind: FaultKind, row: int, lon: str, lat: str, said: str = "", **other: Any) -> Seeded:
    spoil = cells("places.csv", row, lon=lon, lat=lat, datum=said)
    return Seeded(kind, "places", spoil, "places.csv", row, "lon, lat", **other)


def of_datum(kind: FaultKind, row: int, said: str, value: object) -> Seeded:
    spoil = cells("places.csv", row, datum=said)
    return Seeded(kind, "places", spoil, "places.csv", row, "datum", value)  # type: ignore[arg-type]


def of_file(kind: FaultKind, table: str, spoil: Spoil, file: str = "", **other: Any) -> Seeded:
    return Seeded(kind, table, spoil, file or f"{table}.csv", whole=True, **other)


def _limit(module: Any, name: str, value: object) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda patch: patch.setattr(module, name, value)


def _absent(module: str) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda patch: patch.setitem(__import__("sys").modules, module, None)


def _setting(name: str, value: str) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda patch: patch.setenv(name, value)


def of_relation(
    kind: FaultKind,
    relation: str,
    *asked: str,
    server: str = "postgis",
    base: str = "规划",
    user: str = "keeper",
    more: str = "",
    needs: Callable[[pytest.MonkeyPatch], None] | None = None,
) -> Seeded:
    """Return what is wrong with a table of a database; the port of the test's own server is in the environment."""
    said = f'[tables.fields]\ndatabase = "gis"\nrelation = "{relation}"\n\n[databases.gis]\nhost = "127.0.0.1"\n'
    spoil = card(f'{said}dbname = "{base}"\nuser = "{user}"\n{more}')
    value = (
        None
        if kind.name.startswith("DATABASE_P") or kind.name in ("DATABASE_UNREACHED", "DATABASE_MISSING")
        else relation
    )
    file = f"gis · {relation}"
    return Seeded(kind, "fields", spoil, file, None, "", value, whole=True, needs=needs, server=server, asked=asked)


EAST, NORTH = "534300", "4393600"
K = FaultKind
SEEDED: tuple[Seeded, ...] = (
    # files and folders
    of_file(K.FILE_MISSING, "growth", dangling("growth.csv")),
    of_file(K.TABLE_MISSING, "towns", gone("towns.csv")),
    of_file(K.FILE_ENCODING, "tours", raw("tours.csv", b"\x89PNG\r\n\x1a\n\x00\x00\xff\xff")),
    of_file(
        K.FILE_TWICE,
        "growth",
        lambda folder: void(shutil.copy(folder / "growth.csv", folder / "人口增长.csv")),
        "growth.csv",
    ),
    of_file(
        K.FILE_ADDRESS,
        "pools",
        card('[tables.pools]\nfile = "https://example.com/pools.csv"'),
        "pools.csv",
        value="https://example.com/pools.csv",
    ),
    of_file(K.FILE_OUTSIDE, "sessions", card('[tables.sessions]\nfile = "../sessions.csv"'), value="../sessions.csv"),
    of_file(K.FILE_LINK, "fields", linked("fields")),
    of_file(K.FILE_FORMAT, "travel", card('[tables.travel]\nfile = "travel.docx"'), "travel.docx"),
    of_file(
        K.FILE_CONTENT,
        "care_homes",
        both(gone("care_homes.csv"), raw("care_homes.gpkg", b"no database")),
        "care_homes.gpkg",
    ),
    of_file(K.FILE_LARGE, "staff", large("staff.csv")),
    of_file(
        K.FILE_UNREADABLE,
        "care_homes",
        both(gone("care_homes.csv"), raw("care_homes.geojson", '{"a":\n,}')),
        "care_homes.geojson",
        row=2,
    ),
    of_file(K.ENCODING_NAME, "functions", card('[tables.functions]\nencoding = "klingon"'), value="klingon"),
    of_file(
        K.ENCODING_WRONG,
        "growth",
        both(raw("growth.csv", "town\n镕".encode("gb18030")), card('[tables.growth]\nencoding = "utf-8"')),
    ),
    of_file(
        K.PART_MISSING,
        "sessions",
        both(
            book("sessions", lambda made, sheet, rows: fill(sheet, rows)),
            card('[tables.sessions]\nfile = "sessions.xlsx"\npart = "集日"'),
        ),
        "sessions.xlsx · 集日",
        value="集日",
    ),
    of_file(K.PART_UNCLEAR, "tours", book("tours", several_sheets), "tours.xlsx"),
    of_file(
        K.EXTRA_MISSING,
        "towns",
        framed("towns", lambda frame, path: frame.to_parquet(f"{path}.parquet")),
        "towns.parquet",
        needs=_absent("pyarrow.parquet"),
    ),
    of_file(
        K.DATABASE_UNNAMED,
        "population",
        card('[tables.population]\ndatabase = "规划"\nrelation = "people"'),
        "规划 · people",
        value="规划",
    ),
    Seeded(K.FILE_UNREAD, "none", raw("旧资料.xlsx", b"old"), "旧资料.xlsx", fault=False),
    # the card
    of_file(K.NOT_TOML, "card", replaced("district.toml", 'code = "990001"', 'code = "990001'), "district.toml"),
    Seeded(
        K.CARD,
        "card",
        replaced("district.toml", "epsg = 4548", "epsg = 4548\ncolour = 1"),
        "district.toml",
        column="colour",
    ),
    Seeded(K.CARD_TABLE, "card", card('[tables.clinics]\nfile = "a.csv"'), "district.toml", column="tables.clinics"),
    Seeded(
        K.EPSG,
        "epsg",
        replaced("district.toml", "epsg = 4548", "epsg = 32610"),
        "district.toml",
        column="epsg",
        value=32610,
        whole=True,
    ),
    # spreadsheets
    of_file(K.FILE_LOCKED, "growth", with_password("growth"), "growth.xlsx"),
    of_file(
        K.FILE_REALLY,
        "fields",
        both(gone("fields.csv"), raw("fields.xlsx", "<html><table></table></html>")),
        "fields.xlsx",
    ),
    of_file(
        K.ZIP_BOMB,
        "pools",
        zipped("pools", {"xl/media/image1.bmp": bytes(2_000_000)}),
        "pools.xlsx",
        value="xl/media/image1.bmp",
    ),
    of_file(
        K.ZIP_ENTRY, "functions", zipped("functions", {"../out.xml": b"<x/>"}), "functions.xlsx", value="../out.xml"
    ),
    of_file(K.XML_ENTITY, "towns", kml("towns", head='<!DOCTYPE kml [<!ENTITY a "b">]>'), "towns.kml"),
    of_file(K.SHEET_LARGE, "tours", book("tours", reaching_far), "tours.xlsx · tours", value="tours"),
    Seeded(K.SHEET_HIDDEN, "sessions", book("sessions", with_hidden_sheet), "sessions.xlsx", fault=False, whole=True),
    of_file(
        K.FORMULA_BLANK, "staff", book("staff", formula("number", 3)), "staff.xlsx · staff", row=3, column="number"
    ),
    of_file(
        K.CELLS_MERGED,
        "growth",
        book("growth", merged("town", 2, 3, "T1")),
        "growth.xlsx · growth",
        row=2,
        column="town",
        value="T1",
        fault=False,
    ),
    of_file(
        K.NUMBER_MERGED,
        "population",
        book("population", merged("people_65", 2, 4, 7)),
        "population.xlsx · population",
        row=2,
        column="people_65",
        value=7,
    ),
    # layers
    of_file(
        K.BOUNDARY_SHAPE,
        "boundary",
        raw("boundary.geojson", '{"type": "Point", "coordinates": [117.4, 39.7]}'),
        "boundary.geojson",
    ),
    of_file(
        K.FILE_PACKED,
        "institutions",
        both(
            gone("institutions.csv"),
            raw("institutions.kmz", b"PK"),
            card('[tables.institutions]\nfile = "institutions.kmz"'),
        ),
        "institutions.kmz",
    ),
    of_file(
        K.FILE_IN_USE,
        "care_homes",
        both(geopackage("care_homes"), raw("care_homes.gpkg-wal", b"changes")),
        "care_homes.gpkg",
    ),
    of_file(K.LAYER_NONE, "care_homes", geopackage("care_homes", "DELETE FROM gpkg_contents"), "care_homes.gpkg"),
    of_file(
        K.LAYER_VIEW,
        "care_homes",
        geopackage(
            "care_homes",
            "ALTER TABLE care_homes RENAME TO kept",
            "CREATE VIEW care_homes AS SELECT * FROM kept",
            "UPDATE gpkg_contents SET table_name = 'care_homes'",
        ),
        "care_homes.gpkg · care_homes",
        value="care_homes",
    ),
    of_file(
        K.LAYER_CELLS,
        "institutions",
        layer("institutions"),
        "institutions.geojson",
        needs=_limit(features, "MOST_CELLS", 20),
    ),
    of_file(
        K.SHAPEFILE_PARTS,
        "towns",
        shapefile("towns", lambda path: path.with_suffix(".dbf").unlink()),
        "towns.shp",
    ),
    of_file(K.SHAPEFILE_UNEVEN, "towns", shapefile("towns", shorter), "towns.shp"),
    of_file(K.TEXT_CUT, "towns", shapefile("towns", cut_text), "towns.shp", row=1, column="name", fault=False),
    of_file(
        K.JSON_OTHER,
        "boundary",
        raw("boundary.geojson", '{"type": "Topology", "objects": {}, "arcs": []}'),
        "boundary.geojson",
    ),
    of_file(
        K.KEY_TWICE,
        "boundary",
        replaced("boundary.geojson", '"properties"', '"type": "Feature", "properties"'),
        "boundary.geojson",
        value="type",
    ),
    of_file(
        K.NETWORK_LINK,
        "towns",
        kml("towns", "<NetworkLink><Link><href>http://x.invalid/</href></Link></NetworkLink>"),
        "towns.kml",
    ),
    of_file(
        K.GEOMETRY_BROKEN, "care_homes", layer("care_homes", geometry(2, "Point", [1])), "care_homes.geojson", row=2
    ),
    of_file(
        K.GEOMETRY_ENCODING,
        "towns",
        framed(
            "towns",
            lambda frame, path: frame.assign(geometry=[spot.buffer(0.001) for spot in frame.geometry]).to_parquet(
                f"{path}.parquet", geometry_encoding="geoarrow"
            ),
        ),
        "towns.parquet",
        value="polygon",
    ),
    of_file(
        K.GEOMETRY_LINE,
        "care_homes",
        layer("care_homes", geometry(2, "LineString", [[117.3, 39.6], [117.4, 39.7]])),
        "care_homes.geojson",
        row=2,
    ),
    of_file(
        K.GEOMETRY_INSIDE,
        "care_homes",
        layer("care_homes", geometry(2, "MultiPoint", [[117.35, 39.65], [117.351, 39.65]])),
        "care_homes.geojson",
        fault=False,
    ),
    of_file(
        K.COORDINATE_INFINITE,
        "care_homes",
        layer("care_homes", geometry(2, "Point", [1e999, 39.65])),
        "care_homes.geojson",
        row=2,
    ),
    of_file(
        K.CRS_UNKNOWN,
        "care_homes",
        layer("care_homes", crs={"type": "name", "properties": {"name": "own grid"}}),
        "care_homes.geojson",
        value="own grid",
        fault=False,
    ),
    of_file(
        K.LINES_NONE, "roads", raw("roads.geojson", '{"type": "Point", "coordinates": [117.4, 39.7]}'), "roads.geojson"
    ),
    # roads and barriers
    of_file(
        K.ROADS_NONE, "roads", raw("roads.geojson", json.dumps(road_layer([[[121.4, 31.2], [121.5, 31.2]]]))), ROADS
    ),
    of_file(K.ROADS_MANY, "roads", void, ROADS, needs=_limit(joining, "MOST", 3)),
    of_file(
        K.ROADS_SHAPES,
        "roads",
        lines(
            lambda all_: all_.append(
                lane((117.4, 39.7)) | {"geometry": {"type": "Point", "coordinates": [117.4, 39.7]}}
            )
        ),
        ROADS,
        fault=False,
    ),
    of_file(
        K.ROADS_LEFT, "roads", lines(lambda all_: all_.append(lane((117.3, 38.0), (117.3, 38.1)))), ROADS, fault=False
    ),
    of_file(
        K.ROADS_EMPTY, "roads", lines(lambda all_: all_.append(lane((117.4, 39.7), (117.4, 39.7)))), ROADS, fault=False
    ),
    of_file(K.ROADS_TWICE, "roads", lines(lambda all_: all_.append(all_[0])), ROADS, fault=False),
    of_file(
        K.ROADS_APART, "roads", lines(lambda all_: all_.append(lane((117.2, 39.5), (117.6, 39.5)))), ROADS, fault=False
    ),
    of_file(
        K.ROADS_CROSSING,
        "roads",
        raw("roads.geojson", json.dumps(road_layer(GRID))),
        ROADS,
        fault=False,
        also=frozenset({K.ROADS_APART}),
    ),
    of_file(
        K.ROADS_FAR,
        "roads",
        lines(lambda all_: void(all_.__delitem__(slice(30, None)))),
        ROADS,
        fault=False,
        also=frozenset({K.ROADS_APART}),
    ),
    of_file(K.ROAD_CLASS, "roads", road_says(3, highway="景区路"), ROADS, column="highway"),
    of_file(
        K.ROAD_CLASS_NONE,
        "roads",
        lines(lambda all_: [void(one["properties"].clear()) for one in all_]),
        ROADS,
        fault=False,
    ),
    of_file(
        K.ROAD_CLASS_BLANK,
        "roads",
        lines(lambda all_: [one.update(properties={"道路等级": "村道" if n else ""}) for n, one in enumerate(all_)]),
        ROADS,
        column="道路等级",
        fault=False,
    ),
    of_file(K.ROAD_VALUE, "roads", road_says(3, oneway="看情况"), ROADS, column="oneway", fault=False),
    of_file(
        K.BARRIERS_NONE,
        "barriers",
        raw("barriers.geojson", '{"type": "Point", "coordinates": [117.4, 39.7]}'),
        "barriers.geojson",
    ),
    of_file(K.BARRIERS_IDLE, "roads", gone(ROADS), "barriers.geojson", fault=False),
    # extracts of OpenStreetMap
    of_file(
        K.OSM_HISTORY,
        "roads",
        both(gone(ROADS), lambda folder: void(write_osm(folder / EXTRACT, {}, [], form="osh.pbf"))),
        EXTRACT,
    ),
    of_file(K.OSM_ELSEWHERE, "roads", extract(lambda spots, ways, areas: ways.clear()), EXTRACT),
    of_file(
        K.OSM_UNKNOWN,
        "roads",
        extract(lambda spots, ways, areas: ways.append((99, [1, 2], {"highway": "田埂"}))),
        EXTRACT,
        fault=False,
    ),
    of_file(
        K.OSM_CUT,
        "roads",
        extract(lambda spots, ways, areas: ways.append((99, [1, 9999], {"highway": "path"}))),
        EXTRACT,
        fault=False,
    ),
    of_file(
        K.OSM_SHORES,
        "roads",
        extract(lambda spots, ways, areas: areas.append((1, [1, 9999], {"natural": "water"}))),
        EXTRACT,
        fault=False,
    ),
    # candidates and layers
    of_cell(K.CANDIDATE_TAKEN, "candidates.csv", 3, "id", "hub-1"),
    Seeded(
        K.LAYER_TWICE,
        "twice",
        both(square("exclude_twice.geojson"), square("禁建_twice.geojson")),
        "exclude_twice.geojson, 禁建_twice.geojson",
        value="twice",
    ),
    Seeded(K.LAYER_PARTS, "parts", two_layers, "two.gpkg"),
    Seeded(
        K.LAYER_AREAS,
        "lines_only",
        raw("exclude_lines.geojson", '{"type": "LineString", "coordinates": [[117.4, 39.7], [117.41, 39.7]]}'),
        "exclude_lines.geojson",
    ),
    Seeded(
        K.LAYER_BROKEN,
        "bow",
        square("include_bow.geojson", [[117.4, 39.7], [117.41, 39.71], [117.41, 39.7], [117.4, 39.71], [117.4, 39.7]]),
        "include_bow.geojson",
        row=1,
    ),
    Seeded(
        K.LAYER_MIXED,
        "mixed",
        square("禁建_混合.geojson", more=({"type": "Point", "coordinates": [117.4, 39.7]},)),
        "禁建_混合.geojson",
        fault=False,
    ),
    Seeded(K.LAYER_ELSEWHERE, "away", square("exclude_away.geojson", away=3.0), "exclude_away.geojson"),
    Seeded(K.LAYER_SITES, "sites", square("exclude_sites.geojson", HUB_2), "exclude_sites.geojson", fault=False),
    Seeded(
        K.LAYER_DATUM,
        "card",
        both(replaced("district.toml", 'datum = "wgs84"', 'datum = "gcj02"'), square("exclude_grey.geojson")),
        "exclude_grey.geojson",
        fault=False,
        also=(K.DATUM_TAKEN,),
        whole=True,
    ),
    # databases
    of_relation(K.DATABASE_UNREACHED, "seeded.fields", server="", more="port = 1"),
    of_relation(K.DATABASE_PASSWORD, "seeded.fields", needs=_setting("PGPASSWORD", "wrong")),
    of_relation(K.DATABASE_PLAIN, "seeded.fields", server="plain", needs=_limit(database, "CONNECT_SECONDS", 2)),
    of_relation(K.DATABASE_MISSING, "seeded.fields", base="没有"),
    of_relation(
        K.DATABASE_LOST,
        "seeded.lost",
        "CREATE VIEW seeded.lost AS SELECT pg_terminate_backend(pg_backend_pid()) AS gone",
    ),
    of_relation(K.RELATION_MISSING, "seeded.nowhere"),
    of_relation(
        K.RELATION_REFUSED,
        "seeded.fields",
        "CREATE TABLE seeded.fields (hub text)",
        "DO $$ BEGIN CREATE ROLE seeded_reader LOGIN PASSWORD 'r'; EXCEPTION WHEN duplicate_object THEN END $$",
        user="seeded_reader",
        needs=_setting("PGPASSWORD", "r"),
    ),
    of_relation(
        K.RELATION_SLOW,
        "seeded.slow",
        "CREATE VIEW seeded.slow AS SELECT pg_sleep(100)::text AS s",
        needs=_limit(database, "READ_SECONDS", 1),
    ),
    of_relation(
        K.RELATION_LARGE,
        "seeded.large",
        "CREATE VIEW seeded.large AS SELECT n FROM generate_series(1, 3) AS n",
        needs=_limit(database, "MOST_ROWS", 2),
    ),
    of_relation(
        K.RELATION_GEOMETRIES, "seeded.two", "CREATE TABLE seeded.two (id integer, here geometry, there geography)"
    ),
    of_relation(
        K.RELATION_SYSTEMS,
        "seeded.mixed",
        "CREATE TABLE seeded.mixed (geom geometry)",
        "INSERT INTO seeded.mixed VALUES ('SRID=4490;POINT(1 2)'), ('SRID=4326;POINT(1 2)')",
    ),
    of_relation(
        K.RELATION_WRITES,
        "seeded.counted",
        "CREATE TABLE seeded.visitors (n integer)",
        "CREATE FUNCTION seeded.visit() RETURNS integer LANGUAGE sql VOLATILE AS "
        "$$ INSERT INTO seeded.visitors VALUES (1); SELECT 1 $$",
        "CREATE VIEW seeded.counted AS SELECT seeded.visit() AS n",
    ),
    of_relation(K.RELATION_ENCODING, "villages", server="old", base="seeded_old"),
    of_relation(
        K.RELATION_FAILED,
        "seeded.broken",
        "CREATE VIEW seeded.broken AS SELECT 1 / (n - n) AS a FROM generate_series(1, 3) AS n",
    ),
    # headings and lines
    of_file(K.NOT_CSV, "sessions", replaced("sessions.csv", "T2014", '"T2014')),
    of_file(K.EMPTY, "towns", raw("towns.csv", "\n , \n")),
    of_file(
        K.SEPARATOR,
        "fields",
        lambda folder: void((folder / "fields.csv").write_text((folder / "fields.csv").read_text().replace(",", ";"))),
        row=1,
    ),
    Seeded(
        K.CELLS,
        "tours",
        lambda folder: write_table(folder / "tours.csv", [*table_of(folder / "tours.csv"), ["hospital-1", "surgery"]]),
        "tours.csv",
        5,
    ),
    Seeded(K.COLUMN_TWICE, "staff", add_columns("staff.csv", "source", cell="x"), "staff.csv", 1, "source"),
    Seeded(K.COLUMN_UNKNOWN, "places", renamed("places.csv", "zone", "zonne"), "places.csv", 1, "zonne"),
    Seeded(K.COLUMN_IDLE, "places", add_columns("places.csv", "qwxz"), "places.csv", 1, "qwxz", fault=False),
    Seeded(
        K.COLUMN_STRANGE,
        "fields",
        renamed("fields.csv", "has", "XYZ"),
        "fields.csv",
        1,
        "XYZ",
        also=(K.COLUMN_MISSING,),
    ),
    Seeded(K.COLUMN_MISSING, "sessions", without_column("sessions.csv", "reason"), "sessions.csv", 1, "reason"),
    Seeded(
        K.COLUMN_SAME, "functions", add_columns("functions.csv", "数据来源", cell="x"), "functions.csv", 1, "数据来源"
    ),
    Seeded(K.COLUMN_NAMELESS, "fields", nameless("fields.csv"), "fields.csv", 1, "A", fault=False),
    Seeded(K.COLUMN_NAMED, "growth", card('[tables.growth.columns]\npercent = "增速"'), "growth.csv", 1, value="增速"),
    Seeded(K.HEADING_UNIT, "pools", renamed("pools.csv", "away", "away (km)"), "pools.csv", 1, "away (km)"),
    Seeded(K.NOTE_ROW, "functions", added("functions.csv", "in May", *[""] * 4), "functions.csv", 6, value="in May"),
    Seeded(K.TOTAL_ROW, "staff", added("staff.csv", "合计", "", "99", "", ""), "staff.csv", 16, value="合计"),
    # cells
    of_cell(K.BLANK, "places.csv", 22, "name", ""),
    of_cell(K.ID_NUMBER, "care_homes.csv", 2, "id", "1.20115E+11"),
    of_file(
        K.ID_DIGITS,
        "travel",
        book("travel", cell_of_book("from", 3, 120115001001000001)),
        "travel.xlsx · travel",
        row=3,
        column="from",
        value="1.20115001001e+17",
    ),
    of_cell(K.ID_ALIKE, "care_homes.csv", 5, "id", "HOME-3"),
    of_cell(K.CHOICE, "places.csv", 23, "kind", "hamlet"),
    of_cell(K.NOT_NUMBER, "care_homes.csv", 9, "beds", "many"),
    of_cell(K.NOT_WHOLE, "care_homes.csv", 10, "beds", "2.5"),
    of_cell(K.NUMBER_UNCLEAR, "care_homes.csv", 8, "beds", "1,20"),
    of_cell(K.NUMBER_READ, "care_homes.csv", 6, "beds", "６０张", fault=False),
    of_cell(K.CODE_READ, "care_homes.csv", 6, "town", "Ｔ１", fault=False),
    of_cell(K.NAME_READ, "care_homes.csv", 9, "town", "杨林镇", fault=False),
    of_cell(K.UNIT_OTHER, "care_homes.csv", 7, "beds", "6 km"),
    of_cell(K.CELL_ERROR, "places.csv", 25, "name", "#REF!"),
    of_cell(K.TEXT_BROKEN, "places.csv", 24, "name", "张\ufffd村"),
    of_cell(K.RANGE, "travel.csv", 4, "minutes", "1441"),
    of_file(
        K.POSITION_TWICE,
        "towns",
        layer(
            "towns",
            lambda found: [
                one["properties"].update(lon=one["geometry"]["coordinates"][0], lat=39.7) for one in found[:1]
            ],
        ),
        "towns.geojson",
        row=1,
    ),
    of_cell(K.KEY_VALUE, "pools.csv", 4, "specialty", "内儿科"),
    of_cell(K.MONTHS, "pools.csv", 5, "months", "13"),
    # between rows and tables
    Seeded(K.TWICE, "facts", copied("facts.csv", 4, 5, "indicator"), "facts.csv", 5, "indicator", "population_urban"),
    of_cell(K.UNKNOWN_CODE, "care_homes.csv", 11, "town", "T9"),
    Seeded(
        K.PAIR_TWICE,
        "travel",
        copied("travel.csv", 6, 7, "from", "to", "mode"),
        "travel.csv",
        6,
        value="T1003 → hub-1 → walk",
    ),
    # observed times
    of_cell(K.OBSERVED_SAME, "observed.csv", 4, "to", "T2014"),
    of_cell(K.OBSERVED_FAST, "observed.csv", 5, "minutes", "0.1"),
    Seeded(
        K.OBSERVED_TWICE,
        "observed",
        cells("observed.csv", 3, date="2024-05-20", remark="sunny"),
        "observed.csv",
        3,
        "minutes",
        50.5,
    ),
    Seeded(
        K.STAFF_TWICE,
        "staff",
        copied("staff.csv", 2, 3, "institution", "resource"),
        "staff.csv",
        2,
        value="hospital-1 · doctors",
    ),
    Seeded(
        K.FUNCTION_TWICE,
        "functions",
        copied("functions.csv", 2, 3, "institution", "function", "centre"),
        "functions.csv",
        2,
        value="hospital-1 · imaging",
    ),
    Seeded(
        K.FIELD_TWICE,
        "fields",
        copied("fields.csv", 2, 3, "hub", "specialty"),
        "fields.csv",
        3,
        value="hub-1 · surgery",
    ),
    Seeded(
        K.POOL_TWICE,
        "pools",
        copied("pools.csv", 2, 3, "hospital", "specialty", "rank"),
        "pools.csv",
        3,
        value="hospital-1 · internal_medicine · attending",
    ),
    Seeded(
        K.PLACE_YEAR_TWICE,
        "population",
        copied("population.csv", 2, 3, "place", "year", "people", "people_65"),
        "population.csv",
        3,
        value="T1001 · 2025",
    ),
    Seeded(
        K.PARENT_BASIS,
        "institutions",
        cells("institutions.csv", 7, parent="hub-2"),
        "institutions.csv",
        7,
        "parent_basis",
    ),
    Seeded(
        K.PARENT_NONE,
        "institutions",
        cells("institutions.csv", 2, parent="hub-1", parent_basis="surveyed"),
        "institutions.csv",
        2,
        "parent",
        "hub-1",
    ),
    Seeded(
        K.PARENT_KIND,
        "institutions",
        cells("institutions.csv", 6, parent="hub-2", parent_basis="surveyed"),
        "institutions.csv",
        6,
        "parent",
        "hub-2",
    ),
    of_cell(K.FIELD_KIND, "fields.csv", 5, "hub", "old-clinic"),
    Seeded(
        K.TOWN_EMPTY,
        "towns",
        added("towns.csv", "T4", "空镇", "town", "", "", "117.45", "39.7", "surveyed"),
        "towns.csv",
        5,
        value="空镇",
        fault=False,
    ),
    # people
    of_cell(K.NO_BASIS, "places.csv", 20, "people_65_basis", ""),
    of_cell(K.OLD_EXCEED, "population.csv", 6, "people_65", "99999"),
    Seeded(
        K.AGES_EXCEED,
        "population",
        cells("population.csv", 7, people="100", people_65="60", people_0_14="50"),
        "population.csv",
        7,
        "people_65, people_0_14",
        110,
    ),
    Seeded(K.SUM, "facts", cells("facts.csv", 2, value="34780"), "places.csv", None, "people", 34781),
    Seeded(
        K.NOBODY,
        "places",
        both(gone("facts.csv"), every("places.csv", lambda row: void(row) or {"people": "0", "people_65": "0"})),
        "places.csv",
        None,
        "people",
        whole=True,
    ),
    Seeded(K.ESTIMATE_FIRST, "towns", cells("towns.csv", 3, lon="", lat=""), "towns.csv", also=(K.BLANK,)),
    of_cell(K.GROWTH_ALL_LEAVE, "growth.csv", 6, "percent", "-100", -100.0),
    of_cell(K.GROWTH_YEARS, "growth.csv", 3, "to_year", "2020", 2020),
    Seeded(K.GROWTH_OVERLAP, "growth", cells("growth.csv", 5, from_year="2021"), "growth.csv", 5, "town", "T2"),
    Seeded(
        K.TOWN_SUM,
        "towns",
        both(
            add_columns("towns.csv", "people", "people_basis"),
            cells("towns.csv", 3, people="99", people_basis="official"),
        ),
        "towns.csv",
        3,
        "people",
        99,
        fault=False,
    ),
    Seeded(
        K.HOUSEHOLD_SIZE,
        "places",
        both(add_columns("places.csv", "households"), cells("places.csv", 9, households="7")),
        "places.csv",
        9,
        "households",
        7,
        fault=False,
    ),
    # positions
    of_datum(K.DATUM_UNKNOWN, 10, "高斯", "高斯"),
    of_datum(K.DATUM_EPSG, 11, "EPSG:99999", "EPSG:99999"),
    of_datum(K.DATUM_KIND, 12, "EPSG:5773", "EPSG:5773"),
    of_datum(K.DATUM_AREA, 13, "EPSG:27700", "EPSG:27700"),
    of_datum(K.DATUM_OLD, 14, "EPSG:4214", "EPSG:4214"),
    of_spot(K.POSITION_ZERO, 3, "0", "0"),
    of_spot(K.POSITION_AXES, 4, NORTH, EAST, "EPSG:4548"),
    of_spot(K.POSITION_METRES, 5, EAST, NORTH),
    of_spot(K.POSITION_DEGREES, 6, "117.4", "39.68", "EPSG:4548"),
    of_spot(K.POSITION_FAR, 7, "900", "900", "EPSG:4548"),
    Seeded(
        K.POSITION_COARSE,
        "towns",
        every("towns.csv", lambda row: {"lon": row["lon"][:6], "lat": row["lat"][:5]}),
        "towns.csv",
        2,
        "lon, lat",
        fault=False,
    ),
    of_spot(K.ZONE_GIVEN, 8, f"39{EAST}", NORTH, "EPSG:4548"),
    of_spot(K.ZONE_ABSENT, 9, EAST, NORTH, "EPSG:4527"),
    of_spot(K.SWAPPED, 17, "39.7", "117.4"),
    Seeded(K.HALF_POSITION, "places", cells("places.csv", 15, lat=""), "places.csv", 15),
    Seeded(
        K.OUTSIDE,
        "places",
        cells("places.csv", 16, lon="117.6", lat="39.65"),
        "places.csv",
        16,
        "lon, lat",
        "117.6, 39.65",
    ),
    Seeded(
        K.SAME_SPOT,
        "places",
        copied("places.csv", 18, 19, "lon", "lat"),
        "places.csv",
        19,
        "lon, lat",
        "117.410106, 39.700165",
        fault=False,
    ),
    Seeded(K.DATUM_MISFIT, "places", every("places.csv", shifted), "places.csv", fault=False, whole=True),
    Seeded(
        K.DATUM_EITHER,
        "care_homes",
        both(gone(ROADS), gone("barriers.geojson"), card('[tables.care_homes]\ndatum = "gcj02"')),
        "places.csv, care_homes.csv",
        fault=False,
        whole=True,
    ),
    # what may mean something else
    of_file(K.FILE_PLAIN, "fields", both(gone("fields.csv"), lambda folder: (folder / "fields.csv").mkdir())),
    of_file(K.COLUMNS_MANY, "staff", add_columns("staff.csv", *(f"c{n}" for n in range(1100)))),
    of_file(K.CELLS_MANY, "towns", kml("towns"), "towns.kml", needs=_limit(kml_files, "_MOST_MARKS", 1)),
    Seeded(
        K.HEADING_TIMES,
        "travel",
        renamed("travel.csv", "minutes", "单程时间（小时）"),
        "travel.csv",
        1,
        "单程时间（小时）",
        fault=False,
    ),
    Seeded(
        K.HEADING_REMARK,
        "staff",
        renamed("staff.csv", "number", "数量（2020年）"),
        "staff.csv",
        1,
        "数量（2020年）",
        fault=False,
    ),
    of_file(
        K.UNIT_ABOVE,
        "population",
        lambda folder: void(
            (folder / "population.csv").write_text(
                "单位：万人,,,,,,\n" + (folder / "population.csv").read_text(encoding="utf-8"), encoding="utf-8"
            )
        ),
        row=1,
        value="单位：万人",
    ),
    Seeded(
        K.NAMED_TWICE,
        "places",
        card('[tables.places.columns]\nsetting = "setting"\nshort_name = "setting"'),
        "places.csv",
        1,
        "setting",
    ),
    Seeded(
        K.EXAMPLE_ROW,
        "sessions",
        added("sessions.csv", "例：T2014", "wed", "am", "集日", "surveyed", "a visit"),
        "sessions.csv",
        5,
        value="例：T2014",
        fault=False,
    ),
    of_cell(K.NUMBER_POINT, "care_homes.csv", 12, "beds", "1.200"),
    of_file(
        K.SHARE,
        "growth",
        every("growth.csv", lambda row: void(row) or {"percent": "0.005"}),
        row=2,
        column="percent",
        value="0.005",
    ),
    of_cell(K.BLANK_READ, "population.csv", 9, "people_65", "无", fault=False),
    of_cell(K.TEXT_GARBLED, "places.csv", 26, "name", "张家庄村委会".encode().decode("gb18030", "ignore")),
    Seeded(
        K.DATUM_HEADING,
        "care_homes",
        renamed("care_homes.csv", "lon", "经度（GCJ-02）"),
        "care_homes.csv",
        1,
        "经度（GCJ-02）",
    ),
    # what nobody may see
    of_file(
        K.BYTES_LOST,
        "facts",
        lambda folder: void((folder / "facts.csv").write_bytes(damaged((folder / "facts.csv").read_bytes()))),
        row=3,
    ),
    of_file(K.ENCODING_EITHER, "tours", raw("tours.csv", b"hospital,specialty\n" + "脛茫".encode("gb18030"))),
    of_file(
        K.LINES_SWALLOWED,
        "sessions",
        both(replaced("sessions.csv", "market day", '"market day'), replaced("sessions.csv", "meeting", 'meeting"')),
        row=2,
        value="market day,surveyed,a visit",
    ),
    Seeded(K.FILE_IDLE, "none", raw("旧名单二.csv", "a,b\n1,2\n"), "旧名单二.csv", fault=False),
    Seeded(K.PART_IDLE, "tours", book("tours", with_another_sheet), "tours.xlsx", fault=False, whole=True),
    Seeded(K.CARD_IDLE, "card", card('[tables.facts]\npart = "甲"'), "district.toml", column="tables.facts.part"),
    of_file(
        K.CARD_NO_FILE,
        "roads",
        both(gone("roads.geojson"), card('[tables.roads]\ndatum = "wgs84"')),
        "district.toml",
        column="tables.roads",
    ),
    of_file(K.ROWS_HIDDEN, "staff", book("staff", with_hidden_row), "staff.xlsx · staff", row=4, fault=False),
    of_file(
        K.COLUMN_HIDDEN,
        "pools",
        book("pools", with_hidden_column),
        "pools.xlsx · pools",
        column="specialty",
        fault=False,
    ),
    Seeded(
        K.FACT_IDLE,
        "facts",
        added("facts.csv", "养狗户数", "12", "户", "2020-11-01", "official", "示例"),
        "facts.csv",
        6,
        "indicator",
        "养狗户数",
        fault=False,
    ),
    of_file(
        K.DATUM_TAKEN,
        "card",
        replaced("district.toml", 'datum = "wgs84"', 'datum = "gcj02"'),
        "boundary.geojson",
        fault=False,
    ),
)

# What else must be whole for a fault to be seen.
_ROADS = frozenset(kind for kind in K if kind.name.startswith("ROADS_"))
_LAYERS = frozenset({K.LAYER_ELSEWHERE, K.LAYER_SITES})
BESIDE: Mapping[str, frozenset[FaultKind]] = {
    "boundary": frozenset({K.EPSG, K.OUTSIDE, *_ROADS, *_LAYERS}),
    "epsg": _ROADS | _LAYERS,
    "roads": frozenset({K.DATUM_MISFIT, K.DATUM_EITHER}),
    "places": frozenset({K.ROADS_FAR, K.SUM, K.DATUM_EITHER, K.TWICE, K.BYTES_LOST, K.FACT_IDLE}),
    "facts": frozenset({K.SUM}),
    "towns": frozenset({K.UNKNOWN_CODE}),
    "institutions": frozenset({K.FIELD_KIND, K.LAYER_SITES}),
    "card": frozenset(
        {
            *(*_LAYERS, K.LAYER_PARTS),
            *(K.FILE_ADDRESS, K.FILE_OUTSIDE, K.FILE_FORMAT, K.ENCODING_NAME, K.ENCODING_WRONG, K.PART_MISSING),
            *(
                K.DATABASE_UNNAMED,
                K.DATABASE_UNREACHED,
                K.COLUMN_NAMED,
                K.SHAPEFILE_PARTS,
                K.SHAPEFILE_UNEVEN,
                K.TEXT_CUT,
                K.DATUM_EITHER,
            ),
            *_ROADS,
            *_LAYERS,
        }
    ),
}


def clash(one: Seeded, other: Seeded) -> bool:
    """Tell whether one of two examples takes away what the other is seen by."""
    if one.about == other.about:
        return one.whole or other.whole
    return any(a.whole and b.kind in BESIDE.get(a.about, ()) for a, b in ((one, other), (other, one)))


# What fits no model, in tables that are fine by themselves: kind, table, row, column, and the edit.
MISFITS: tuple[tuple[str, str, int | None, str, Spoil], ...] = (
    ("staff_resource", "staff", 4, "resource", cells("staff.csv", 4, resource="robots")),
    ("staff_posts", "staff", 3, "number", cells("staff.csv", 3, number="99")),
    ("choice", "functions", 2, "function", cells("functions.csv", 2, function="teleport")),
    ("function_kind", "functions", 4, "institution", cells("functions.csv", 4, institution="hospital-1")),
    ("contract_kind", "care_homes", 5, "institution", cells("care_homes.csv", 5, institution="hospital-1")),
    ("no_hub", "tours", 2, "hub", cells("tours.csv", 2, hub="old-clinic")),
    ("no_sender", "pools", 4, "hospital", cells("pools.csv", 4, hospital="hospital-9")),
    ("sessions_none_left", "sessions", 2, "where", cells("sessions.csv", 2, day="", half="")),
    ("choice", "travel", None, "mode", cells("travel.csv", 2, mode="balloon")),
    ("choice", "observed", None, "mode", cells("observed.csv", 2, mode="balloon")),
    ("lead_unqualified", "institutions", 3, "level", cells("institutions.csv", 3, level="1")),
)
