"""Districts in every form, spoilt in every way: each is read as a district that can be, or refused in words.

`ALLOCATE_FUZZ=5000` spoils five thousand of every form instead of a few; `ALLOCATE_FUZZ_SEED` begins elsewhere.
"""

import csv
import io
import json
import math
import os
import random
import re
import shutil
import sqlite3
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import geopandas
import pandas as pd
import pytest
import shapely
from conftest import DATA
from forms import FORMS, present, start
from test_spreadsheets import ods_parts, record, zipped

from allocate import tables
from allocate.district import District
from allocate.errors import AllocateError, InputError, Problem, UsageError
from allocate.files.old_excel import rebuild
from allocate.read import read_district
from allocate.words import LANGUAGES, speaking

COUNT = int(os.environ.get("ALLOCATE_FUZZ", "12"))
SEED = int(os.environ.get("ALLOCATE_FUZZ_SEED", "1"))
# Formats that hold one table each.
SINGLE = ("geojson", "kml", "shp", "fgb", "parquet")


def as_ods(source: Path, target: Path) -> None:
    start(source, target)
    sheets = []
    for table, rows in present(source):
        lines = [list(rows[0]), *(list(row.values()) for row in rows)]
        cells = "".join(
            "<table:table-row>"
            + "".join(
                f'<table:table-cell office:value-type="string"><text:p>{escape(cell)}</text:p></table:table-cell>'
                if cell
                else "<table:table-cell/>"
                for cell in line
            )
            + "</table:table-row>"
            for line in lines
        )
        sheets.append(f'<table:table table:name="{table.name}">{cells}</table:table>')
    zipped(target / "district.ods", ods_parts("".join(sheets)))


def as_xls(source: Path, target: Path) -> None:
    start(source, target)
    (target / "district.xls").write_bytes(rebuild(old_book(dict(sheets_of(source)))))


def sheets_of(source: Path) -> Iterator[tuple[str, list[list[str]]]]:
    for table, rows in present(source):
        yield table.name, [list(rows[0]), *(list(row.values()) for row in rows)]


def old_book(sheets: dict[str, list[list[str]]]) -> bytes:
    """Return the stream of a workbook of Excel 97 whose cells are texts."""
    begin = struct.pack("<HHHHII", 0x0600, 5, 0x0DBB, 0x07CC, 0, 6)
    parts = []
    for lines in sheets.values():
        cells = b"".join(
            record(0x0204, struct.pack("<HHHHB", n, k, 15, len(cell), 1) + cell.encode("utf-16-le"))
            for n, line in enumerate(lines)
            for k, cell in enumerate(line)
            if cell
        )
        parts.append(record(0x0809, begin[:2] + b"\x10\0" + begin[4:]) + cells + record(0x0A))

    def listed(first: int) -> bytes:
        at, found = first, b""
        for name, part in zip(sheets, parts, strict=True):
            found += record(0x85, struct.pack("<IBBBB", at, 0, 0, len(name), 1) + name.encode("utf-16-le"))
            at += len(part)
        return found

    head = record(0x0809, begin)
    length = len(head) + len(listed(0)) + len(record(0x0A))
    return head + listed(length) + record(0x0A) + b"".join(parts)


def streets() -> Any:
    """Return streets of the small district that say much of themselves."""
    lines = [[(117.3 + n / 50, 39.6), (117.3 + n / 50, 39.66), (117.3 + n / 50, 39.75)] for n in range(12)]
    lines += [[(117.3, 39.6 + n / 50), (117.4, 39.6 + n / 50), (117.52, 39.6 + n / 50)] for n in range(8)]
    told = {
        "fclass": ["motorway", "国道", "村道", "residential", "construction"] * 4,
        "oneway": ["B", "F", "T", "B"] * 5,
        "bridge": ["T", "F", "F", "F"] * 5,
        "layer": ["1", "0", "0", "0"] * 5,
    }
    return geopandas.GeoDataFrame(told, geometry=[shapely.LineString(line) for line in lines], crs=4326)


def as_layers(suffix: str) -> Callable[[Path, Path], None]:
    def write(source: Path, target: Path) -> None:
        shutil.copytree(source, target)
        write_layer(streets(), target / f"roads.{suffix}")
        river = geopandas.GeoDataFrame({"name": ["河"]}, geometry=[shapely.box(117.2, 39.7, 117.6, 39.71)], crs=4326)
        write_layer(river, target / f"barriers.{suffix}")
        for table, rows in present(source):
            if "lon" not in rows[0]:
                continue
            frame = pd.DataFrame(rows).replace("", None)
            points = geopandas.points_from_xy(frame.pop("lon").astype(float), frame.pop("lat").astype(float))
            path = target / f"{table.name}.{suffix}"
            layer = geopandas.GeoDataFrame(frame, geometry=points, crs=4326)
            (target / table.file).unlink()
            if suffix == "shp":
                long = [name for name in frame if len(name) > 10]
                named = {name: f"{name[:6]}{n}" for n, name in enumerate(long)}
                write_layer(layer.rename(columns=named), path)
                card = "".join(f'{name} = "{short}"\n' for name, short in named.items())
                add(target, f"[tables.{table.name}.columns]\n{card}")
            else:
                write_layer(layer, path)

    return write


def write_layer(layer: Any, path: Path) -> None:
    match path.suffix:
        case ".shp":
            layer.to_file(path, encoding="UTF-8")
        case ".parquet":
            layer.to_parquet(path)
        case ".kml":
            path.write_text(in_kml(layer), encoding="utf-8")
        case other:
            layer.to_file(path, driver={".fgb": "FlatGeobuf", ".geojson": "GeoJSON"}[other])


def in_kml(layer: Any) -> str:
    marks = []
    for _, row in layer.iterrows():
        data = "".join(
            f'<Data name="{name}"><value>{escape(str(value))}</value></Data>'
            for name, value in row.items()
            if name != "geometry" and pd.notna(value)
        )
        spots = " ".join(f"{x},{y}" for x, y in shapely.get_coordinates(row.geometry))
        if row.geometry.geom_type == "Polygon":
            spots = f"<outerBoundaryIs><LinearRing><coordinates>{spots}</coordinates></LinearRing></outerBoundaryIs>"
        else:
            spots = f"<coordinates>{spots}</coordinates>"
        at = f"<{row.geometry.geom_type}>{spots}</{row.geometry.geom_type}>"
        marks.append(f"<Placemark><ExtendedData>{data}</ExtendedData>{at}</Placemark>")
    return f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{"".join(marks)}</Document></kml>'


def add(folder: Path, text: str) -> None:
    with (folder / "district.toml").open("a", encoding="utf-8") as card:
        card.write(f"\n{text}")


EVERY: dict[str, Callable[[Path, Path], None]] = (
    FORMS | {"ODS": as_ods, "XLS": as_xls} | {suffix: as_layers(suffix) for suffix in SINGLE}
)

# What stands in a cell, a key or a name that nobody would write, or everybody does.
HOSTILE = (
    *("", " ", "-", "nan", "inf", "-inf", "-1", "0", "-0.0", "0.5"),
    *("1e308", "1e999", "1e-400", "9" * 16, "9" * 400),
    *("9007199254740993", "１２", "1,2,3", "1,234", "1_000", "0x10"),
    *("1.2.3", "٣٤", "²", "½", "①", "十二", "1,200人"),
    *("3万人", "3 km", "约300", "117°61'", "117°15'36\"E", "39.6N"),
    *("#N/A", "#REF!", "锟斤拷", "\ufffd", "TRUE"),
    *("2024-13-45", "1.20115E+11", "120115001001.0", "合计", "示例"),
    *("T1", "t1", "Ｔ1", "T1\u200b", "T1001", "hospital-1"),
    *("=1+1", "@SUM(1)", "{0}", "{x}", "{", "%s", "%", "\\", "'"),
    *('"', "`", "<b>", "&amp;", "]]>", "--", ";", "\t", "\n"),
    *("\r\n", "\x1b[31m", "\x7f", "\u202e", "\u2028", "\ue000"),
    *("\U0001f3e5", "e\u0301", "\ufeff", "../..", "C:\\x"),
    *("/etc/passwd", "/vsicurl/http://127.0.0.1:9/x"),
    *("http://127.0.0.1:9/x", "PG:host=127.0.0.1", "a.csv", "places.csv"),
    *("gcj02", "bd09", "EPSG:4490", "EPSG:4527", "EPSG:3857", "4548"),
    *("EPSG:999999", "utf-16", "gbk", "official"),
    *("117.3", "39.6", "39507000.5", "4391000.25", "500000", "180"),
    *("-180", "90", "1e-9", "a" * 300, "村" * 5000, "(" * 900),
    *("true", "false", "none", "null", "None", "[]"),
    *("1" + "a" * 2000 + "\n", "年份", "人口", "people", "lon", "村居名单"),
)  # fmt: skip
PIECES = (
    *(b",", b'"', b"\n", b"\r", b"\0", b"nan", b"-1e309", b"[", b"]"),
    *(b"{", b"}", b"=", b"<", b">", b"&", b"'", b"\\"),
    *("９".encode(), b"\xef\xbb\xbf", b"\xff\xfe", b"\x80"),
    *("村".encode("gb18030"), "村".encode("utf-16-le"), b"PK\3\4"),
    *(b"\xff" * 8, b"\0" * 8, b"\x7f" + b"\xff" * 7, b"<!DOCTYPE x>"),
    *(b"<!ENTITY x 'y'>", b"&x;", b"\x1a"),
)  # fmt: skip


class Spoiler:
    """Spoils a folder in one of many ways, by chance that a seed tells."""

    def __init__(self, folder: Path, seed: str) -> None:
        self.folder, self.chance = folder, random.Random(seed)

    def run(self) -> None:
        for _ in range(self.chance.choice((1, 1, 2, 3))):
            files = sorted(path for path in self.folder.iterdir() if path.is_file())
            if files:
                self.one(self.chance.choice(files))

    def one(self, path: Path) -> None:
        suffix = path.suffix.lower()
        ways = {
            ".csv": self.rows,
            ".xlsx": self.zipped,
            ".ods": self.zipped,
            ".gpkg": self.base,
            ".geojson": self.json,
            ".kml": self.markup,
            ".toml": self.card,
        }
        drawn = self.chance.random()
        if drawn < 0.04:
            self.shelf(path)
        elif drawn < 0.3 or suffix not in ways:
            path.write_bytes(self.bytes(path.read_bytes()))
        else:
            ways[suffix](path)

    def word(self) -> str:
        return self.chance.choice(HOSTILE)

    def bytes(self, raw: bytes) -> bytes:
        """Change, drop, repeat, move or insert a few stretches of bytes, or cut the end."""
        content = bytearray(raw)
        for _ in range(self.chance.choice((1, 1, 2, 4, 20))):
            at = self.chance.randrange(len(content) + 1)
            length = self.chance.choice((1, 1, 1, 2, 4, 30, 500))
            match self.chance.randrange(7):
                case 0:
                    content[at : at + length] = self.chance.randbytes(length)
                case 1:
                    del content[at : at + length]
                case 2:
                    content[at:at] = content[at : at + length]
                case 3 if content:
                    content[min(at, len(content) - 1)] ^= 1 << self.chance.randrange(8)
                case 4:
                    other = self.chance.randrange(len(content) + 1)
                    content[at : at + length] = content[other : other + length]
                case 5 if self.chance.random() < 0.2:
                    del content[at:]
                case _:
                    content[at:at] = self.chance.choice(PIECES)
        return bytes(content)

    def text(self, text: str) -> str:
        """Change one word of a text, or put one in."""
        at = self.chance.randrange(len(text) + 1)
        return text[:at] + self.word() + text[at + self.chance.choice((0, 1, 5)) :]

    def shelf(self, path: Path) -> None:
        """Do to a file what hands do to files: lose, copy, rename, swap, empty."""
        other = self.chance.choice(sorted(self.folder.iterdir()))
        suffix = self.chance.choice((".csv", ".xlsx", ".ods", ".xls", ".geojson", ".json", ".gpkg", ".kml", ".shp"))
        match self.chance.randrange(7):
            case 0:
                path.unlink()
            case 1:
                shutil.copy(path, path.with_suffix(suffix)) if path.suffix != suffix else None
            case 2:
                path.rename(path.with_suffix(suffix))
            case 3 if other.is_file() and other != path:
                shutil.copy(path, other)
            case 4:
                path.write_bytes(b"")
            case 5:
                (self.folder / f"{self.chance.choice(('人口', '村居名单', 'roads', 'growth'))}{suffix}").write_bytes(
                    self.bytes(path.read_bytes())
                )
            case _:
                path.unlink()
                path.mkdir()

    def rows(self, path: Path) -> None:
        """Change cells, rows, columns, headings or the encoding of a CSV file."""
        raw = path.read_bytes()
        encoding = "utf-8-sig"
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            encoding = "gb18030"
            text = raw.decode(encoding, "replace")
        try:
            lines = [line for line in csv.reader(io.StringIO(text, newline="")) if line]
        except csv.Error:
            lines = []
        if not lines:
            path.write_bytes(self.bytes(raw))
            return
        match self.chance.randrange(12):
            case 0 | 1 | 2:
                for _ in range(self.chance.choice((1, 1, 3, 20))):
                    line = self.chance.choice(lines)
                    line[self.chance.randrange(len(line))] = self.word()
            case 3:
                one, other = self.chance.choice(lines), self.chance.choice(lines)
                one[-1], other[0] = other[0], one[-1]
            case 4:
                k = self.chance.randrange(len(lines[0]))
                word = self.word()
                for line in lines[1:]:
                    line[min(k, len(line) - 1)] = word
            case 5:
                lines[1:] = self.chance.sample(lines[1:], len(lines) - 1)
            case 6:
                order = self.chance.sample(range(len(lines[0])), len(lines[0]))
                whole = self.chance.random() < 0.5
                lines = [
                    [line[k] for k in order] if len(line) == len(order) and (whole or n == 0) else line
                    for n, line in enumerate(lines)
                ]
            case 7:
                lines.insert(self.chance.randrange(len(lines)), list(self.chance.choice(lines)))
            case 8:
                k = self.chance.randrange(len(lines[0]))
                for line in lines:
                    del line[k : k + 1]
            case 9:
                k = self.chance.randrange(len(lines[0]))
                for line in lines:
                    line.insert(k, line[k] if k < len(line) and self.chance.random() < 0.9 else self.word())
            case 10:
                name = self.chance.choice(("lon", "lat", "people", "datum", "id", "town", self.word()))
                lines[0][self.chance.randrange(len(lines[0]))] = name
            case _:
                whole = io.StringIO(newline="")
                csv.writer(whole).writerows(lines)
                half = whole.getvalue()
                at = self.chance.randrange(len(half))
                one, other = self.chance.sample(("utf-8", "gb18030", "utf-16-le", "utf-8-sig", "utf-16"), 2)
                path.write_bytes(half[:at].encode(one, "replace") + half[at:].encode(other, "replace"))
                return
        out = io.StringIO(newline="")
        csv.writer(out, delimiter=self.chance.choice(",,,,,;\t")).writerows(lines)
        path.write_bytes(out.getvalue().encode(encoding, "replace"))

    def zipped(self, path: Path) -> None:
        """Change something inside of a zipped file, and zip it again."""
        try:
            with zipfile.ZipFile(path) as archive:
                parts = {name: archive.read(name) for name in archive.namelist()}
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, ValueError, EOFError, OSError, RuntimeError):
            path.write_bytes(self.bytes(path.read_bytes()))
            return
        name = self.chance.choice(list(parts))
        drawn = self.chance.random()
        if drawn < 0.05:
            del parts[name]
        elif drawn < 0.08:
            parts[self.chance.choice((f"../{name}", f"/{name}", name.upper(), "xl/x.xml", "C:/x"))] = parts.pop(name)
        elif drawn < 0.3:
            parts[name] = self.bytes(parts[name])
        else:
            parts[name] = self.marked(parts[name].decode("utf-8", "replace")).encode("utf-8", "replace")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                for one, content in parts.items():
                    archive.writestr(one, content)

    def marked(self, text: str) -> str:
        """Drop, double, move, rename or refill an element of XML, or one of its attributes."""
        spans = [found.span() for found in re.finditer(r"<[^>]*>", text)]
        fills = [found.span(1) for found in re.finditer(r">([^<>]+)<", text)]
        values = [found.span(1) for found in re.finditer(r'="([^"]*)"', text)]
        for _ in range(self.chance.choice((1, 1, 2, 5))):
            at = self.chance.randrange(9)
            if at <= 3 and (fills or values):
                begin, end = self.chance.choice(fills or values)
                word = self.word()
                new = word if self.chance.random() < 0.3 else escape(word)
            elif at <= 6 and values:
                begin, end = self.chance.choice(values)
                new = escape(self.word(), {'"': "&quot;"})
            elif spans:
                begin, end = self.chance.choice(spans)
                one, other = self.chance.choice(spans)
                new = self.chance.choice(("", text[begin:end] * 2, text[one:other], "<a>", "</a>", "<!-- x -->"))
            else:
                return self.text(text)
            # (Only places behind stay where they are: what comes before is changed next, if anything.)
            text = text[:begin] + new + text[end:]
            spans = [span for span in spans if span[1] <= begin]
            fills = [span for span in fills if span[1] <= begin]
            values = [span for span in values if span[1] <= begin]
        return text

    def markup(self, path: Path) -> None:
        path.write_text(self.marked(path.read_text(encoding="utf-8", errors="replace")), "utf-8", "replace")

    def json(self, path: Path) -> None:
        """Change, drop, wrap or move a part of a JSON document."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError):
            path.write_bytes(self.bytes(path.read_bytes()))
            return
        for _ in range(self.chance.choice((1, 1, 2, 10))):
            node = content
            while isinstance(node, dict | list) and node:
                keys = list(node) if isinstance(node, dict) else list(range(len(node)))
                key: Any = self.chance.choice(keys)
                if self.chance.random() < 0.35 or not isinstance(node[key], dict | list) or not node[key]:
                    self.change(node, key)
                    break
                node = node[key]
        path.write_text(json.dumps(content, ensure_ascii=self.chance.random() < 0.3), "utf-8", "replace")

    def change(self, node: Any, key: Any) -> None:
        strange: Any = (
            *(None, True, 0, -1, 1e308, float("nan"), float("inf"), 2**70, 10**400, [], {}, [[]], [None], "", "Point"),
            *([0, 0], [117.4, 39.65, 5, 6], {"type": "Point"}, {"type": "Polygon", "coordinates": [[]]}, [[1, 2], [3]]),
        )
        match self.chance.randrange(5):
            case 0:
                del node[key]
            case 1:
                node[key] = [node[key]]
            case 2:
                node[key] = self.word()
            case 3 if isinstance(node, list):
                node.append(node[self.chance.randrange(len(node))])
            case _:
                node[key] = self.chance.choice(strange)

    def base(self, path: Path) -> None:
        """Change the tables of a GeoPackage by SQL."""
        with closing(sqlite3.connect(path)) as base, suppress(sqlite3.Error, UnicodeError, OverflowError):
            base.text_factory = lambda raw: raw.decode("utf-8", "replace")
            names = [name for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            if not names:
                return
            for _ in range(self.chance.choice((1, 1, 3))):
                name = self.chance.choice([*names, "gpkg_contents", "gpkg_geometry_columns", "places", "places"])
                columns = [row[1] for row in base.execute(f'PRAGMA table_info("{name}")')]
                if not columns:
                    continue
                column = self.chance.choice(columns)
                value: Any = self.chance.choice((self.word(), None, -1, 2**62, 1e308, b"", b"GP\0\1", b"\xff" * 40))
                where = self.chance.choice(("", " WHERE rowid = 1", " WHERE rowid % 7 = 3"))
                blob = self.bytes(self.chance.randbytes(20))
                commands: tuple[tuple[str, tuple[Any, ...]], ...] = (
                    (f'UPDATE "{name}" SET "{column}" = ?{where}', (value,)),
                    (f'UPDATE "{name}" SET "{column}" = "{column}" || ?{where}', (value,)),
                    (f'UPDATE "{name}" SET "{column}" = ?{where}', (blob,)),
                    (f'DELETE FROM "{name}"{where}', ()),
                    (f'ALTER TABLE "{name}" RENAME TO "x {self.chance.randrange(9)}"', ()),
                    (f'ALTER TABLE "{name}" RENAME COLUMN "{column}" TO "{self.word()[:40]}"', ()),
                    (f'INSERT INTO "{name}" SELECT * FROM "{name}"', ()),
                    (f'CREATE VIEW "v" AS SELECT * FROM "{name}"', ()),
                )
                with suppress(sqlite3.Error):
                    base.execute(*self.chance.choice(commands))
            base.commit()

    def card(self, path: Path) -> None:
        """Change district.toml: a value, a line, or what it says of tables and databases."""
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
        match self.chance.randrange(6):
            case 0:
                del lines[self.chance.randrange(len(lines))]
            case 1:
                lines.insert(self.chance.randrange(len(lines) + 1), self.chance.choice(lines))
            case 2:
                at = self.chance.randrange(len(lines))
                lines[at] = self.text(lines[at])
            case 3:
                at = self.chance.randrange(len(lines))
                key = lines[at].partition("=")[0]
                value = self.chance.choice(("1", "-1", "true", "[]", "{}", "nan", "2024-01-01", "9" * 5000, "[[[["))
                lines[at] = f"{key}= {value}"
            case 4:
                said = (
                    'crossings = "meet"',
                    "crossings = 1",
                    'classes = { "甲" = "none", "村道" = "trunk" }',
                    "classes = []",
                )
                lines += ["[roads]", self.chance.choice(said)]
            case _:
                table = self.chance.choice(
                    ("places", "towns", "institutions", "boundary", "roads", "barriers", "facts", "x")
                )
                key = self.chance.choice(
                    ("file", "part", "encoding", "datum", "database", "relation", "columns.people", "columns.id", "x")
                )
                lines += [f"[tables.{table}]", f"{key} = {json.dumps(self.word())}"]
        path.write_text("\n".join(lines), "utf-8", "replace")


def check_sane(district: District) -> None:
    """Fail unless a district can be: whoever plans it relies on all of this."""
    boundary = shapely.geometry.shape(district.boundary)
    assert boundary.is_valid
    assert not boundary.is_empty
    towns = {town.id for town in district.towns}
    institutions = {one.id for one in district.institutions}
    for kind in (district.places, district.towns, district.institutions, district.care_homes):
        ids = [row.id for row in kind]
        assert len(set(ids)) == len(ids)
        for row in kind:
            assert isinstance(row.id, str)
            assert row.id.strip() == row.id != ""
            if kind is district.places or row.lon is not None:
                assert math.isfinite(row.lon)
                assert math.isfinite(row.lat)
                assert shapely.contains_xy(boundary, row.lon, row.lat)
    assert district.places
    assert district.people > 0
    for place in district.places:
        assert type(place.people) is int
        assert 0 <= place.people <= tables.MOST_PEOPLE
        assert place.town in towns
    for one in district.institutions:
        assert one.town in towns
        assert one.parent in ("", *institutions)
    for home in district.care_homes:
        assert home.town in towns
        assert home.institution in ("", *institutions)
    for row in (*district.staff, *district.functions):
        assert row.institution in institutions


def check_said(problem: Problem) -> None:
    """Fail unless a fault is said in both languages, on one line that can be written anywhere."""
    for language in LANGUAGES:
        with speaking(language):
            sentence = problem.sentence()
        assert sentence.strip()
        assert sentence.isprintable() or not set(sentence) & set("\n\r\x1b\0")
        assert sentence.encode()


def check_refused(error: InputError | UsageError) -> None:
    """Fail unless a refusal says something, in both languages."""
    assert error.problems
    for problem in error.problems:
        check_said(problem)
    for language in LANGUAGES:
        with speaking(language):
            assert len(error.sentence().split("\n")) > len({problem.what for problem in error.problems})


def feed(folder: Path) -> str:
    """Read a spoilt folder; say whether it was a district, or refused."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read: District | InputError | UsageError
        try:
            read = read_district(folder)
        except (InputError, UsageError) as error:
            read = error
    if isinstance(read, District):
        check_sane(read)
    else:
        check_refused(read)
    for warning in read.warnings:
        check_said(warning)
    return "read" if isinstance(read, District) else "refused"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small district with a row in every table that most districts have."""
    folder = tmp_path_factory.mktemp("whole") / "tiny"
    shutil.copytree(DATA / "tiny", folder)
    for more in (DATA / "tiny-hubs", DATA / "tiny-staff"):
        for path in more.glob("*.csv"):
            shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="module")
def districts(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the same district in every form."""
    home = tmp_path_factory.mktemp("forms")
    for form, write in EVERY.items():
        write(whole, home / form)
    return home


@pytest.mark.xdist_group("fuzzed")
@pytest.mark.parametrize("form", EVERY)
def test_every_form_is_read_while_it_is_sound(form: str, districts: Path) -> None:
    assert feed(districts / form) == "read"


@pytest.mark.xdist_group("fuzzed")
@pytest.mark.timeout(300 + 20 * COUNT)
@pytest.mark.parametrize("form", EVERY)
def test_a_spoilt_district_is_read_whole_or_refused_in_words(form: str, districts: Path, tmp_path: Path) -> None:
    outcomes = set()
    for number in range(COUNT):
        folder = tmp_path / str(number)
        shutil.copytree(districts / form, folder)
        Spoiler(folder, f"{form} {SEED} {number}").run()
        try:
            outcomes.add(feed(folder))
        except (AllocateError, AssertionError, Exception) as error:
            error.add_note(f"form {form}, seed {SEED}, number {number}")
            raise
        shutil.rmtree(folder)
    assert outcomes <= {"read", "refused"}
    assert "refused" in outcomes
