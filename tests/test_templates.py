"""The template is filled in without asking, and what is filled in reads back as it was meant."""

import io
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest
from conftest import DATA, ROOT, copy_hubs, copy_sent, copy_staffed, copy_tiny
from forms import plainly
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from libreoffice import Office

from allocate import tables
from allocate.district import (
    CareHome,
    Department,
    District,
    Fact,
    FieldThere,
    FunctionThere,
    Growth,
    Institution,
    Listed,
    NoRounds,
    Observed,
    Place,
    PlaceYear,
    Staffing,
    Standing,
    Town,
)
from allocate.errors import InputError, UsageError
from allocate.fault_kinds import FaultKind
from allocate.names import CARD
from allocate.postings import months_of
from allocate.read import BOUNDARY, read_district, read_list
from allocate.report.templates import examples_of, months_written, rows_of, template, workbook_of
from allocate.synonyms import column_called, fold, heading_of, is_example, is_total, table_called, title_of
from allocate.tables import TABLES, Column, Table
from allocate.units import Basis
from allocate.values import read_cells
from allocate.words import LANGUAGES, Language


def beside(district: Path, folder: Path, content: bytes, name: str = "tables.xlsx") -> Path:
    """Make a district's folder of its card, its boundary and a workbook."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in (CARD, BOUNDARY):
        shutil.copy(district / file, folder)
    (folder / name).write_bytes(content)
    return folder


def copied(what: str, where: Path) -> Path:
    copies: Mapping[str, Callable[[Path], Any]] = {
        "tiny": copy_tiny,
        "tiny-staff": copy_staffed,
        "tiny-sent": copy_sent,
        "tiny-hubs": copy_hubs,
    }
    folder: Path = copies[what](where).folder
    return folder


OFFICIAL, SURVEYED, ASSUMED = Basis.OFFICIAL, Basis.SURVEYED, Basis.ASSUMED
EVERY_TABLE: dict[str, Any] = {
    "growth": (
        Growth("T1", -1.2345678, Basis.ESTIMATED, "推算", 2025, 2030),
        Growth("T1", 0.5, ASSUMED, "假定", 2030),
    ),
    "people_by_year": (PlaceYear("T1001", 2027, 1500, OFFICIAL, "镇政府", 250),),
    "pools": (
        Department("hospital-1", "geriatrics", "attending", 2, SURVEYED, "医务科", 4, (1, 2, 3, 11, 12), 2.5, "x"),
        Department("outside", "surgery", "senior", 0, ASSUMED, "假定"),
    ),
    "tours": (Standing("hospital-1", "geriatrics", "resident", "hub-1", 6, SURVEYED, "医务科"),),
    "sessions": (
        NoRounds("T1", "集日", SURVEYED, "村委会", "fri", "am"),
        NoRounds("T1001", "农忙", ASSUMED, "x"),
    ),
    "fields": (FieldThere("hospital-1", "geriatrics", "yes", OFFICIAL, "执业许可证"),),
    "functions": (FunctionThere("hub-1", "imaging", OFFICIAL, "名单", "hospital-1"),),
    "care_homes": (CareHome("0012", "柳河养老院", "T1", 60, 117.348, 39.646, SURVEYED, OFFICIAL, "x", "hub-1"),),
    "observed": (Observed("T1001", "hub-1", "my_bus", 12.5, SURVEYED, "x", "2024-05-20", "雨"),),
    "candidates": (
        Listed("HX1", "clinic", "闲置校舍", "T1", 117.348, 39.646, "村里同意", SURVEYED, "来函", "T1001", 80_000, 0),
        Listed("HX2", "ems_station", "消防站旁", "T2", 117.4, 39.69, "有车库", ASSUMED, "假定"),
    ),
    "travel": {("T1001", "hub-1", "walk"): 12.3456789012345, ("T1001", "T1002", "my_bus"): 30.0},
    "staff": (Staffing("hub-1", "nurses", 3, OFFICIAL, "年报"), Staffing("hub-1", "my_kind", 0, ASSUMED, "x")),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("what", ["tiny", "tiny-staff", "tiny-sent", "tiny-hubs"])
def test_a_district_as_a_workbook_reads_back_as_the_same_district(
    what: str, language: Language, tmp_path: Path
) -> None:
    folder = copied(what, tmp_path / "there")
    district = read_district(folder)
    again = read_district(beside(folder, tmp_path / "here", workbook_of(district, language)))
    assert plainly(again) == plainly(district)
    assert again.warnings == district.warnings == ()


def test_every_table_and_column_reads_back(tmp_path: Path) -> None:
    folder = copied("tiny", tmp_path / "there")
    district = replace(read_district(folder), **EVERY_TABLE)
    rows = rows_of(district)
    assert all(rows[table.name] for table in TABLES)
    again = read_district(beside(folder, tmp_path / "here", workbook_of(district, "zh")))
    assert plainly(again) == plainly(district)


def test_baodi_as_a_workbook_reads_back_as_baodi(tmp_path: Path) -> None:
    district = read_district(ROOT / "data" / "baodi")
    again = read_district(beside(ROOT / "data" / "baodi", tmp_path / "here", workbook_of(district, "zh")))
    assert plainly(again) == plainly(district)


def test_a_list_that_lacks_people_and_positions_reads_back_with_its_gaps(tiny_list: Path, tmp_path: Path) -> None:
    district = read_list(tiny_list)
    assert any(place.lon is None for place in district.places)
    again = read_list(beside(tiny_list, tmp_path / "here", workbook_of(district, "zh")))
    assert plainly(again) == plainly(district)


def test_a_district_in_a_shifted_datum_reads_back_where_it_is(tmp_path: Path) -> None:
    tiny = copy_tiny(tmp_path / "there")
    # (Tables say that they are shifted, and the district is planned in its own datum.)
    card = (tiny.folder / CARD).read_text(encoding="utf-8")
    told = "".join(f'[tables.{name}]\ndatum = "gcj02"\n' for name in ("places", "towns", "institutions"))
    (tiny.folder / CARD).write_text(card + told, encoding="utf-8")
    district = read_district(tiny.folder)
    here = beside(tiny.folder, tmp_path / "here", workbook_of(district, "zh"))
    (here / CARD).write_text(card, encoding="utf-8")
    assert plainly(read_district(here)) == plainly(district)


def _read_as_it_is(column: Column, text: str) -> bool:
    """Tell whether a text may be in a district at all: whether reading leaves it as it is."""
    read = read_cells(column, [text])
    return (
        read.values == [text]
        and not read.faults
        and read.understood is None
        and not (is_example(text) or is_total(text))
    )


ODD = (
    *("=1+1", "+86 022", "-1", "@SUM(A1)", '"引号"', "（东）", "'0012", "1-3", "2025-01-01", "1E5", "TRUE", "a\nb"),
    *("_x0041_", "http://x.y", "无", "3466", "宝坻区　北", "ａ１", "x" * 5_000, "🏥", "&lt;", "{1}", "#1", "%", "合計"),
)
# (Control characters and halves of characters are in no file that could be read.)
LETTERS = st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co"))
NAMES = st.one_of(st.sampled_from(ODD), st.text(LETTERS, min_size=1, max_size=12)).map(str.strip)
IDS = st.one_of(st.from_regex("[0-9A-Za-z_-]{1,18}", fullmatch=True), st.sampled_from(ODD), st.just("001201150001"))


def texts(table: Table, name: str, of: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    column = table.column(name)
    return of.filter(lambda text: bool(text) and _read_as_it_is(column, text))


@st.composite
def odd_districts(draw: st.DrawFn) -> dict[str, Any]:
    """Draw places, towns and institutions with whatever may stand in their cells."""
    # (Codes that differ by noughts in front are a fault.)
    code = texts(tables.PLACES, "id", IDS)
    ids = draw(st.lists(code, min_size=5, max_size=5, unique_by=lambda one: fold(one).lstrip("0")))
    *homes, town, hospital = ids
    named = texts(tables.PLACES, "name", NAMES)
    basis, counts, name = st.sampled_from(Basis), st.integers(0, 1_000_000), st.just("") | named
    lon, lat = st.floats(117.345, 117.349), st.floats(39.6455, 39.6495)
    places = tuple(
        Place(
            one,
            draw(named),
            draw(st.sampled_from(tables.PLACE_KINDS)),
            town,
            draw(counts) + 1,
            draw(basis),
            lon=draw(lon),
            lat=draw(lat),
            position_basis=draw(basis),
            short_name=draw(name),
            zone=draw(name),
            setting=draw(st.sampled_from(("", *tables.SETTINGS))),
        )
        for one in homes
    )
    where = draw(lon), draw(lat), draw(basis)
    level = draw(st.sampled_from((None, 1, 2, 3)))
    months = tuple(sorted(draw(st.sets(st.integers(1, 12)))))
    tours, days = draw(st.none() | st.integers(0, 12_000)), draw(st.floats(0.5, 7))
    fact = Fact("my_total", draw(st.integers(0, 2_000_000_000)), "x", draw(named), OFFICIAL, draw(named))
    return {
        "places": places,
        "towns": (Town(town, draw(named), "town", *where, draw(name)),),
        "institutions": (
            Institution(hospital, draw(named), "hospital", town, OFFICIAL, *where, draw(named), level=level),
        ),
        "pools": (Department(hospital, "geriatrics", "attending", 2, ASSUMED, "x", tours, months, days),),
        "travel": {(ids[0], hospital, "car"): draw(st.floats(0, 1440))},
        "facts": {"my_total": fact},
    }


@cache
def small_district() -> District:
    return read_district(DATA / "tiny")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(odd=odd_districts(), language=st.sampled_from(LANGUAGES))
def test_whatever_stands_in_cells_reads_back_as_it_was(
    odd: dict[str, Any], language: Language, tmp_path_factory: pytest.TempPathFactory
) -> None:
    district = replace(small_district(), **odd)
    here = beside(DATA / "tiny", tmp_path_factory.mktemp("odd"), workbook_of(district, language))
    assert plainly(read_district(here)) == plainly(district)


def test_a_text_that_no_cell_can_hold_is_refused_with_its_place(tiny_home: Any) -> None:
    district = read_district(tiny_home.folder)
    long = replace(district, places=(replace(district.places[0], name="长" * 40_000), *district.places[1:]))
    with pytest.raises(UsageError, match="32767"):
        workbook_of(long, "zh")


def filled(content: bytes, rows: Mapping[str, Sequence[Sequence[object]]]) -> bytes:
    """Fill a template in as a person does: below what stands in each sheet, whatever made the file."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as book, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        names = re.findall(r'<sheet name="([^"]+)"', book.read("xl/workbook.xml").decode())
        for item in book.namelist():
            text = book.read(item)
            sheet = re.fullmatch(r"xl/worksheets/sheet(\d+)\.xml", item)
            lines = rows.get(names[int(sheet[1]) - 1], ()) if sheet else ()
            if lines:
                xml = text.decode()
                last = max(map(int, re.findall(r'<row r="(\d+)"', xml)))
                added = "".join(_row(last + 1 + n, line) for n, line in enumerate(lines))
                text = xml.replace("</sheetData>", f"{added}</sheetData>", 1).encode()
            made.writestr(item, text)
    return out.getvalue()


def _row(number: int, line: Sequence[object]) -> str:
    cells = []
    for at, cell in enumerate(line):
        name = f"{chr(ord('A') + at)}{number}"
        if isinstance(cell, int | float):
            cells.append(f'<c r="{name}"><v>{cell!r}</v></c>')
        elif cell:
            cells.append(f'<c r="{name}" t="inlineStr"><is><t>{escape(str(cell))}</t></is></c>')
    return f'<row r="{number}">{"".join(cells)}</row>'


def test_a_template_that_is_filled_in_by_hand_reads_back_as_it_was_filled_in(tmp_path: Path) -> None:
    folder = copied("tiny-hubs", tmp_path / "there")
    district = read_district(folder)
    rows = {
        title_of(name, "zh"): [["" if cell is None else cell for cell in row.values()] for row in lines]
        for name, lines in rows_of(district).items()
    }
    here = beside(folder, tmp_path / "here", filled(template("zh"), rows))
    assert plainly(read_district(here)) == plainly(district)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_examples_together_are_a_sound_district(language: Language, tmp_path: Path) -> None:
    rows = {}
    for table in TABLES:
        examples = examples_of(table, language)
        assert all(any(line[column.name] for line in examples) for column in table.columns), table.name
        rows[title_of(table.name, language)] = [list(line.values()) for line in examples]
    here = beside(DATA / "tiny", tmp_path, filled(template(language), rows))
    # (The made-up villages lie within the small district of the tests.)
    district = read_district(here)
    assert (len(district.places), len(district.institutions), district.people) == (2, 2, 3466)
    assert {place.setting for place in district.places} == {"urban", "rural"}
    assert (district.pools[0].months, district.functions[1].centre) == ((1, 2, 3, 9, 10, 11, 12), "Y01")
    assert district.warnings == ()


def test_an_example_that_was_filled_in_and_kept_its_mark_is_said_once(tmp_path: Path) -> None:
    folder = copied("tiny", tmp_path / "there")
    rows = {
        title_of(name, "zh"): [["" if cell is None else cell for cell in row.values()] for row in lines]
        for name, lines in rows_of(read_district(folder)).items()
    }
    rows["街镇"].append(["例：120115101", "大口屯镇", "镇"])
    (warning,) = read_district(beside(folder, tmp_path / "here", filled(template("zh"), rows))).warnings
    assert (warning.what, warning.value, warning.details["count"]) == (FaultKind.EXAMPLE_ROW, "例：120115101", 1)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_empty_template_is_read_as_no_rows_at_all(language: Language, tiny_home: Any, tmp_path: Path) -> None:
    here = tmp_path / "here"
    shutil.copytree(tiny_home.folder, here)
    for table in (tables.PLACES, tables.TOWNS, tables.INSTITUTIONS, tables.FACTS):
        (here / table.file).unlink()
    (here / "x.xlsx").write_bytes(template(language))
    with pytest.raises(Exception, match=title_of("places", language)) as caught:
        read_district(here)
    found = {(problem.what, problem.file) for problem in caught.value.problems}  # type: ignore[attr-defined]
    assert {file for _, file in found} == {f"x.xlsx · {title_of(name, language)}" for name in ("places", "towns")}


def test_a_sheet_beside_a_csv_of_the_same_table_is_refused_as_the_instructions_say(tmp_path: Path) -> None:
    tiny = copy_tiny(tmp_path)
    (tiny.folder / "x.xlsx").write_bytes(template("zh"))
    with pytest.raises(InputError) as caught:
        read_district(tiny.folder)
    assert {problem.what for problem in caught.value.problems} == {FaultKind.FILE_TWICE}
    for table in (tables.PLACES, tables.TOWNS, tables.INSTITUTIONS, tables.FACTS):
        (tiny.folder / table.file).rename(tmp_path / table.file)
    with pytest.raises(InputError) as caught:
        read_district(tiny.folder)
    assert {problem.what for problem in caught.value.problems} == {FaultKind.EMPTY}, "nothing but two tables to fill"


def sheets(content: bytes) -> Iterator[tuple[str, str]]:
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        names = re.findall(r'<sheet name="([^"]+)"', book.read("xl/workbook.xml").decode())
        for n, name in enumerate(names, start=1):
            yield name, book.read(f"xl/worksheets/sheet{n}.xml").decode()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sheet_helps_to_fill_itself_in(language: Language) -> None:
    content = template(language)
    assert content == template(language), "the same bytes, whenever it is made"
    (first, _), *others = sheets(content)
    assert table_called(first) == "", "the instructions are no table"
    assert [table_called(name) for name, _ in others] == [table.name for table in TABLES]
    lists = 0
    for table, (_, xml) in zip(TABLES, others, strict=True):
        rules = re.findall(r"<dataValidation [^>]*>", xml)
        assert len(rules) == len(table.columns), "a hint for every column"
        kinds = [re.search(r'type="(\w+)"', rule) for rule in rules]
        found = [kind[1] if kind else "any" for kind in kinds]
        for column, kind in zip(table.columns, found, strict=True):
            numbers = {"whole": "whole", "number": "decimal", "choice": "list"}
            assert kind == numbers.get(column.kind, kind), (table.name, column.name)
            lists += kind == "list"
        assert '<pane xSplit="' in xml
        assert "legacyDrawing" in xml, "a comment on every heading"
    assert lists >= 50


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_heading_of_the_template_is_understood_with_its_unit_and_its_star(table: Table, language: Language) -> None:
    for column in table.columns:
        heading = heading_of(table, column.name, language)
        for shown in (heading, f"{heading}*", f"＊{heading}", f"{heading}（x）*", f"{heading}*(x)"):
            assert column_called(table, shown) == column.name


@pytest.mark.parametrize("months", [(), (1,), (1, 2, 3, 11, 12), tuple(range(1, 13)), (2, 4, 6)])
def test_months_are_written_as_they_are_read(months: tuple[int, ...]) -> None:
    assert (months_of(months_written(months)) or ()) == months


@pytest.mark.office
@pytest.mark.xdist_group("office")
@pytest.mark.parametrize("ending", ["xlsx", "ods"])
def test_a_template_saved_by_libreoffice_reads_back_unchanged(ending: str, office: Office, tmp_path: Path) -> None:
    folder = copied("tiny", tmp_path / "there")
    district = replace(read_district(folder), **EVERY_TABLE)
    names = ("=1+1", "007", "+86", "1-3", "长" * 300, '"a"（b）', "2025-01-01")
    renamed = [replace(place, name=name) for place, name in zip(district.places, names, strict=False)]
    district = replace(district, places=(*renamed, *district.places[len(names) :]))
    rows = {
        title_of(name, "zh"): [["" if cell is None else cell for cell in row.values()] for row in lines]
        for name, lines in rows_of(district).items()
    }
    for made, content in (("filled", filled(template("zh"), rows)), ("whole", workbook_of(district, "zh"))):
        given = tmp_path / f"{made}.xlsx"
        given.write_bytes(content)
        saved = office.convert(given, ending)
        here = beside(folder, tmp_path / f"here-{made}", (saved / f"{made}.{ending}").read_bytes(), f"x.{ending}")
        again = read_district(here)
        assert plainly(again) == plainly(district)
