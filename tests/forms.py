"""A district's folder in other forms: the same tables as planners hand them over."""

import csv
import io
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pyogrio
import shapely
import xlsxwriter

from allocate import datum, synonyms, tables
from allocate.district import District
from allocate.tables import Table
from allocate.words import Language

BASE = ("district.toml", "boundary.geojson", "SOURCES.md")
# What says how a district was read, and not what it is.
READING = ("id", "inputs", "origins", "warnings", "institution_rows")


def plainly(district: District) -> dict[str, Any]:
    """Return what a district is: neither from where it was read, nor from which rows."""
    found = {}
    for one in fields(district):
        value = getattr(district, one.name)
        if one.name in READING:
            continue
        if isinstance(value, tuple):
            value = tuple(replace(x, row=0) if is_dataclass(x) and hasattr(x, "row") else x for x in value)
        found[one.name] = value
    return found


def read_rows(folder: Path, table: Table) -> list[dict[str, str]]:
    text = (folder / table.file).read_text(encoding="utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def present(folder: Path) -> Iterator[tuple[Table, list[dict[str, str]]]]:
    for table in tables.TABLES:
        if (folder / table.file).exists():
            yield table, read_rows(folder, table)


def start(source: Path, target: Path) -> None:
    target.mkdir(parents=True)
    for name in BASE:
        if (source / name).exists():
            shutil.copy(source / name, target / name)


def in_words(table: Table, rows: list[dict[str, str]], language: Language) -> list[list[str]]:
    """Return a table, heading first, with the headings and choices of the templates."""
    names = list(rows[0])
    heading = [synonyms.heading_of(table, name, language) for name in names]
    return [heading, *([said(table, name, row[name], language) for name in names] for row in rows)]


def said(table: Table, name: str, value: str, language: Language) -> str:
    column = table.column(name)
    return synonyms.choice_called(name, value, language) if column.kind == "choice" and value else value


def as_csv(source: Path, target: Path) -> None:
    shutil.copytree(source, target)


def as_workbook(source: Path, target: Path) -> None:
    """One workbook in Chinese headings, numbers as numbers, below a title in merged cells, ids as text."""
    start(source, target)
    with xlsxwriter.Workbook(
        target / "宝坻区卫生资源.xlsx", {"strings_to_formulas": False, "strings_to_urls": False}
    ) as book:
        for table, rows in present(source):
            sheet = book.add_worksheet(synonyms.title_of(table.name, "zh"))
            heading, *lines = in_words(table, rows, "zh")
            sheet.merge_range(0, 0, 0, len(heading) - 1, f"{synonyms.title_of(table.name, 'zh')}一览表")
            sheet.write_row(1, 0, [*heading, "备注"])
            kinds = [table.column(name).kind for name in rows[0]]
            for n, line in enumerate(lines, start=2):
                for k, (kind, cell) in enumerate(zip(kinds, line, strict=True)):
                    if cell and kind in ("whole", "number"):
                        sheet.write_number(n, k, float(cell))
                    elif cell:
                        sheet.write_string(n, k, cell)


def as_gbk(source: Path, target: Path) -> None:
    """CSV in GBK with Chinese headings, under Chinese file names, with units and thousands in the cells."""
    start(source, target)
    for table, rows in present(source):
        heading, *lines = in_words(table, rows, "zh")
        for line in lines:
            for k, name in enumerate(rows[0]):
                if name == "people" and line[k]:
                    line[k] = f"{int(line[k]):,}人"
        text = io.StringIO(newline="")
        csv.writer(text).writerows([heading, *lines])
        (target / f"{synonyms.title_of(table.name, 'zh')}.csv").write_bytes(text.getvalue().encode("gb18030"))


def as_geopackage(source: Path, target: Path) -> None:
    """One GeoPackage: layers of points in metres of CGCS2000's zone for what has positions, else plain tables."""
    start(source, target)
    (target / "boundary.geojson").unlink()
    path = target / "district.gpkg"
    drawn = json.loads((source / "boundary.geojson").read_text(encoding="utf-8"))
    shapes = [shapely.from_geojson(json.dumps(drawn.get("geometry", drawn)))]
    pyogrio.write_dataframe(geopandas.GeoDataFrame({"name": ["x"]}, geometry=shapes, crs=4326), path, layer="区界")
    for table, rows in present(source):
        frame = pd.DataFrame(rows).replace("", None)
        if "lon" in frame:
            xy = frame[["lon", "lat"]].astype(float)
            points = geopandas.points_from_xy(xy["lon"], xy["lat"], crs=4326)
            frame = geopandas.GeoDataFrame(frame.drop(columns=["lon", "lat"]), geometry=points)
        pyogrio.write_dataframe(frame, path, layer=table.name, append=True)


def as_gcj02(source: Path, target: Path) -> None:
    """CSV with the positions of villages and care homes as Amap gives them, declared as such."""
    shutil.copytree(source, target)
    for table in (tables.PLACES, tables.CARE_HOMES):
        if not (source / table.file).exists():
            continue
        rows = read_rows(source, table)
        xy = np.array([[float(row["lon"]), float(row["lat"])] for row in rows])
        moved = datum.convert(xy, "wgs84", "gcj02")
        for row, (lon, lat) in zip(rows, moved.tolist(), strict=True):
            row["lon"], row["lat"] = repr(lon), repr(lat)
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        (target / table.file).write_bytes(text.getvalue().encode("utf-8"))
        with (target / "district.toml").open("a", encoding="utf-8") as card:
            card.write(f'\n[tables.{table.name}]\ndatum = "gcj02"\n')


FORMS: dict[str, Callable[[Path, Path], None]] = {
    "CSV": as_csv,
    "one Excel workbook in Chinese": as_workbook,
    "GBK": as_gbk,
    "GeoPackage": as_geopackage,
    "GCJ-02": as_gcj02,
}
