"""Workbooks as planners have them, of any program and any age, and as nobody should have them."""

import datetime as dt
import io
import os
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from libreoffice import Office

from allocate.fault_kinds import FaultKind
from allocate.files import zips
from allocate.files.marks import MOST_TEXT
from allocate.files.old_excel import SIGNATURE, open_container, rebuild
from allocate.files.sheet import Grid, Raw, Spotted, Unreadable
from allocate.files.spreadsheets import open_workbook
from allocate.words import LANGUAGES, say_in

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
SHEET = '<row r="1"><c r="A1"><v>7</v></c></row>'
type Write = Callable[[xlsxwriter.Workbook], None]


def xlsx_parts(rows: str = SHEET, *, after: str = "", texts: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the parts of the smallest workbook there is, with these rows in its only sheet."""
    shared = "".join(f"<si><t>{text}</t></si>" for text in texts)
    return {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}">'
        f'<Relationship Id="rId1" Type="{RELATION}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{RELATION}"><sheets>'
        '<sheet name="村" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}">'
        f'<Relationship Id="rId1" Type="{RELATION}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId9" Type="{RELATION}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
        "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{shared}</sst>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData>{after}</worksheet>',
    }


def ods_parts(tables: str) -> dict[str, str]:
    spaces = " ".join(
        f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{short}:1.0"'
        for short in ("office", "table", "text", "style")
    )
    return {
        "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
        "META-INF/manifest.xml": '<manifest:manifest xmlns:manifest="urn:m"/>',
        "content.xml": f'<office:document-content {spaces} xmlns:calcext="urn:c"><office:body>'
        f"<office:spreadsheet>{tables}</office:spreadsheet></office:body></office:document-content>",
    }


def zipped(path: Path, parts: Mapping[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def written(path: Path, write: Write, **options: object) -> Path:
    with xlsxwriter.Workbook(path, options) as book:
        write(book)
    return path


def only(path: Path) -> Grid:
    """Return the cells of a workbook that shows one sheet."""
    book = open_workbook(path)
    (part,) = book.parts
    return book.grid(part)


def refused(path: Path) -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        only(path)
    error = caught.value
    for language in LANGUAGES:
        assert say_in(language, error.what, **error.details)
    return error


def record(kind: int, content: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(content)) + content


def old_workbook(cells: bytes, *, before: bytes = b"") -> bytes:
    """Return the stream of a workbook of Excel 97 with one sheet."""
    begin = struct.pack("<HHHHII", 0x0600, 5, 0x0DBB, 0x07CC, 0, 6)
    name = record(0x85, struct.pack("<IBBBB", 0, 0, 0, 1, 1) + "村".encode("utf-16-le"))
    outside = record(0x0809, begin) + before + name + record(0x0A)
    at = struct.pack("<I", len(outside))
    outside = outside.replace(name, name[:4] + at + name[8:])
    return outside + record(0x0809, begin[:2] + b"\x10\0" + begin[4:]) + cells + record(0x0A)


def number(row: int, column: int, value: float) -> bytes:
    return record(0x0203, struct.pack("<HHHd", row, column, 15, value))


# What a sheet says.


def test_cells_stand_where_the_spreadsheet_shows_them(tmp_path: Path) -> None:
    def write(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet("村")
        sheet.write(2, 1, "村编码")
        sheet.write(3, 1, "001")

    grid = only(written(tmp_path / "a.xlsx", write))
    assert grid.cells == [[None, None], [None, None], [None, "村编码"], [None, "001"]]
    assert grid.spotted == ()


def test_numbers_dates_times_and_truths_are_read_as_a_planner_means_them(tmp_path: Path) -> None:
    def write(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet()
        day, moment = book.add_format({"num_format": "yyyy-mm-dd"}), book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        clock, hours = book.add_format({"num_format": "hh:mm"}), book.add_format({"num_format": "[h]:mm"})
        sheet.write_row(0, 0, [3, 2.5, -0.0, True, False, "", " 二 "])
        sheet.write_datetime(1, 0, dt.date(2020, 11, 1), day)
        sheet.write_datetime(1, 1, dt.datetime(2020, 11, 1, 13, 5), moment)
        sheet.write_datetime(1, 2, dt.time(8, 30), clock)
        sheet.write_number(1, 3, 1.5, hours)

    first, second = only(written(tmp_path / "a.xlsx", write)).cells
    assert [(type(cell), cell) for cell in first] == [
        *((int, 3), (float, 2.5), (int, 0), (str, "TRUE"), (str, "FALSE"), (type(None), None), (str, " 二 ")),
    ]
    assert second[:4] == ["2020-11-01", "2020-11-01 13:05:00", "08:30:00", "36:00:00"]


def test_a_number_with_more_digits_than_a_spreadsheet_keeps_can_be_told(tmp_path: Path) -> None:
    def write(book: xlsxwriter.Workbook) -> None:
        book.add_worksheet().write_row(0, 0, [120115001001001234, 120115001001, 999999999999999])

    ((long, *short),) = only(written(tmp_path / "a.xlsx", write)).cells
    assert isinstance(long, float)
    assert long >= 1e15
    assert short == [120115001001, 999999999999999]
    assert all(isinstance(cell, int) for cell in short)


def test_a_number_beyond_all_numbers_is_text(tmp_path: Path) -> None:
    rows = '<row r="1"><c r="A1"><v>1e999</v></c></row>'
    assert only(zipped(tmp_path / "a.xlsx", xlsx_parts(rows))).cells == [["inf"]]


def test_the_errors_of_formulas_stand_as_their_text(tmp_path: Path) -> None:
    errors = ("#DIV/0!", "#N/A", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!", "#GETTING_DATA")
    cells = "".join(f'<c t="e"><f>A1</f><v>{error}</v></c>' for error in (*errors, "#WHAT!"))
    grid = only(zipped(tmp_path / "a.xlsx", xlsx_parts(f"<row>{cells}</row>", after="<headerFooter>x</headerFooter>")))
    assert grid.cells == [[*errors, "#VALUE!"]]
    assert grid.spotted == ()


def test_an_error_in_an_ods_file_stands_as_its_text_in_every_cell_that_repeats_it(tmp_path: Path) -> None:
    cells = (
        '<table:table-cell table:formula="of:=1/0" office:value-type="string" office:string-value="" '
        'calcext:value-type="error" table:number-columns-repeated="2"><text:p>#DIV/0!</text:p></table:table-cell>'
        '<table:table-cell table:formula="of:=A1" office:value-type="float" office:value="0">'
        "<text:p>Err:502</text:p></table:table-cell>"
        '<table:table-cell office:value-type="float" office:value="3"><text:p>3</text:p></table:table-cell>'
    )
    table = f'<table:table table:name="村"><table:table-row table:number-rows-repeated="2">{cells}'
    grid = only(zipped(tmp_path / "a.ods", ods_parts(f"{table}</table:table-row></table:table>")))
    assert grid.cells == [["#DIV/0!", "#DIV/0!", "#VALUE!", 3]] * 2


def test_an_error_in_an_old_workbook_stands_as_its_text(tmp_path: Path) -> None:
    failed = record(0x06, struct.pack("<HHHBBBBBBHHI", 0, 1, 15, 2, 0, 0x2A, 0, 0, 0, 0xFFFF, 0, 0) + b"\0\0")
    typed = record(0x0205, struct.pack("<HHHBB", 0, 2, 15, 0x17, 1))
    truth = record(0x0205, struct.pack("<HHHBB", 0, 3, 15, 1, 0))
    path = tmp_path / "a.xls"
    path.write_bytes(rebuild(old_workbook(number(0, 0, 5) + failed + typed + truth)))
    assert only(path).cells == [[5, "#N/A", "#REF!", "TRUE"]]


def test_formulas_that_were_never_computed_are_said_once_for_each_column(tmp_path: Path) -> None:
    rows = (
        '<row r="1"><c r="A1"><f>1+1</f></c><c r="B1"><f>1+1</f><v>2</v></c></row>'
        '<row r="2"><c r="A2"><f>1+1</f><v></v></c><c r="B2" t="str"><f>IF(A1="","",A1)</f><v></v></c></row>'
        '<row r="3"><c r="A3"/><c r="B3" t="str"><f>A9</f></c></row>'
    )
    grid = only(zipped(tmp_path / "a.xlsx", xlsx_parts(rows)))
    assert [row[1] for row in grid.cells[:2]] == [2, None]
    assert grid.spotted == (
        Spotted(FaultKind.FORMULA_BLANK, 1, "A", details={"count": 2}),
        Spotted(FaultKind.FORMULA_BLANK, 3, "B", details={"count": 1}),
    )


def test_a_formula_that_a_program_wrote_with_a_nought_for_its_result_was_never_computed(tmp_path: Path) -> None:
    def write(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet()
        sheet.write_formula("A1", "=1+1")
        sheet.write_formula("A2", "=1+1", None, 2)
        sheet.write_number("A3", 0)

    grid = only(written(tmp_path / "a.xlsx", write))
    assert grid.spotted == (Spotted(FaultKind.FORMULA_BLANK, 1, "A", details={"count": 1}),)


def test_a_formula_without_result_in_an_ods_file_is_said(tmp_path: Path) -> None:
    cells = (
        '<table:table-cell table:formula="of:=1+1"/>'
        '<table:table-cell table:formula="of:=&quot;&quot;" office:value-type="string" office:string-value=""/>'
        '<table:table-cell office:value-type="float" office:value="3"><text:p>3</text:p></table:table-cell>'
    )
    table = f'<table:table table:name="村"><table:table-row>{cells}</table:table-row></table:table>'
    grid = only(zipped(tmp_path / "a.ods", ods_parts(table)))
    assert grid.cells == [[None, None, 3]]
    assert grid.spotted == (Spotted(FaultKind.FORMULA_BLANK, 1, "A", details={"count": 1}),)


def test_a_nought_in_an_old_workbook_is_a_result_only_where_a_program_computed_it(tmp_path: Path) -> None:
    # (LibreOffice saves texts that formulas give as the number 0 in this format.)
    formula = record(0x06, struct.pack("<HHHdHI", 0, 0, 15, 0.0, 0, 0) + b"\0\0")
    path = tmp_path / "a.xls"
    path.write_bytes(rebuild(old_workbook(formula)))
    assert [spotted.what for spotted in only(path).spotted] == [FaultKind.FORMULA_BLANK]


def test_a_merged_cell_counts_for_every_row_that_it_spans(tmp_path: Path) -> None:
    def write(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["镇", "村"])
        sheet.merge_range("A2:A4", "大口屯镇")
        sheet.merge_range("A5:A6", "牛道口镇")
        sheet.write_column(1, 1, ["一村", "二村", "三村", "四村", "五村"])

    grid = only(written(tmp_path / "a.xlsx", write))
    assert [row[0] for row in grid.cells] == ["镇", *["大口屯镇"] * 3, *["牛道口镇"] * 2]
    (said,) = grid.spotted
    assert (said.what, said.row, said.column, said.value, said.fault) == (
        *(FaultKind.CELLS_MERGED, 2, "A", "大口屯镇", False),
    )
    assert said.details["count"] == 2


def test_a_number_merged_over_rows_is_a_fault_for_it_may_be_their_sum(tmp_path: Path) -> None:
    def write(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["村", "人口"])
        sheet.write_column(1, 0, ["一村", "二村", "三村"])
        sheet.merge_range("B2:B4", 1200)

    (said,) = only(written(tmp_path / "a.xlsx", write)).spotted
    assert (said.what, said.row, said.column, said.value, said.fault) == (FaultKind.NUMBER_MERGED, 2, "B", 1200, True)
    assert said.details == {"count": 1, "rows": 3}


def test_a_heading_of_two_rows_under_a_title_is_filled_in_without_a_word(tmp_path: Path) -> None:
    def write(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet()
        sheet.merge_range("A1:C1", "宝坻区村庄一览")
        sheet.merge_range("A2:A3", "村")
        sheet.merge_range("B2:C2", "人口")
        sheet.write_row(2, 1, ["总数", "60岁以上"])
        sheet.write_row(3, 0, ["一村", 1200, 300])

    grid = only(written(tmp_path / "a.xlsx", write))
    assert grid.cells[1:3] == [["村", "人口", None], ["村", "总数", "60岁以上"]]
    assert grid.spotted == ()


def test_merged_cells_of_ods_and_of_old_workbooks_count_likewise(tmp_path: Path) -> None:
    def cell(text: str, more: str = "") -> str:
        return f'<table:table-cell office:value-type="string" {more}><text:p>{text}</text:p></table:table-cell>'

    rows = (
        f"<table:table-row>{cell('镇')}{cell('村')}</table:table-row>"
        f"<table:table-row>{cell('大口屯镇', 'table:number-rows-spanned="2"')}{cell('一村')}</table:table-row>"
        f"<table:table-row><table:covered-table-cell/>{cell('二村')}</table:table-row>"
    )
    ods = zipped(tmp_path / "a.ods", ods_parts(f'<table:table table:name="村">{rows}</table:table>'))
    xls = tmp_path / "a.xls"
    values = b"".join(
        number(row, column, 10 * row + column) for row, column in ((0, 0), (0, 1), (1, 0), (1, 1), (2, 1))
    )
    xls.write_bytes(rebuild(old_workbook(values + record(0xE5, struct.pack("<HHHHH", 1, 1, 2, 0, 0)))))
    assert only(ods).cells == [["镇", "村"], ["大口屯镇", "一村"], ["大口屯镇", "二村"]]
    assert [said.what for said in only(ods).spotted] == [FaultKind.CELLS_MERGED]
    assert only(xls).cells == [[0, 1], [10, 11], [10, 21]]
    assert [said.what for said in only(xls).spotted] == [FaultKind.NUMBER_MERGED]


def test_hidden_sheets_and_charts_are_no_parts(tmp_path: Path) -> None:
    def write(book: xlsxwriter.Workbook) -> None:
        book.add_worksheet("机构").write(0, 0, "甲")
        book.add_worksheet("旧").hide()
        book.add_worksheet("更旧").very_hidden()
        chart = book.add_chart({"type": "line"})
        chart.add_series({"values": "=机构!$A$1:$A$2"})
        book.add_chartsheet("图").set_chart(chart)
        book.add_worksheet("村").write(0, 0, "乙")

    book = open_workbook(written(tmp_path / "a.xlsx", write))
    assert (book.parts, book.hidden) == (("机构", "村"), ("旧", "更旧"))
    assert (book.grid("机构").cells, book.grid("村").cells) == ([["甲"]], [["乙"]])
    with pytest.raises(Unreadable) as caught:
        book.grid("旧")
    assert (caught.value.what, caught.value.details["parts"]) == (FaultKind.PART_MISSING, "机构, 村")


def test_a_broken_sheet_does_not_keep_the_others_from_being_read(tmp_path: Path) -> None:
    parts = xlsx_parts()
    parts["xl/workbook.xml"] = parts["xl/workbook.xml"].replace("</sheets>", '<sheet name="坏" r:id="rId2"/></sheets>')
    more = f'<Relationship Id="rId2" Type="{RELATION}/worksheet" Target="/xl/worksheets/sheet2.xml"/></Relationships>'
    name = "xl/_rels/workbook.xml.rels"
    parts[name] = parts[name].replace("</Relationships>", more)
    parts["xl/worksheets/sheet2.xml"] = parts["xl/worksheets/sheet1.xml"].replace("A1", "AAAA1")
    book = open_workbook(zipped(tmp_path / "a.xlsx", parts))
    assert book.grid("村").cells == [[7]]
    with pytest.raises(Unreadable) as caught:
        book.grid("坏")
    assert caught.value.what == FaultKind.FILE_CONTENT


def test_what_a_file_is_decides_and_not_its_name(tmp_path: Path) -> None:
    assert only(zipped(tmp_path / "a.xls", xlsx_parts())).cells == [[7]]


def test_parts_are_found_wherever_a_program_put_them(tmp_path: Path) -> None:
    moved = {
        name.replace("xl/workbook.xml", "inner/book.xml")
        .replace("xl/_rels/workbook.xml", "inner/_rels/book.xml")
        .replace("xl/worksheets/sheet1.xml", "inner/worksheets/SHEET1.xml"): part.replace("xl/workbook", "/inner/book")
        for name, part in xlsx_parts().items()
    }
    assert only(zipped(tmp_path / "a.xlsx", moved)).cells == [[7]]


CELLS = st.one_of(
    st.integers(-(10**14), 10**14),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=9).filter(lambda text: text.strip()),
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(CELLS, min_size=1, max_size=5), min_size=1, max_size=5))
def test_every_cell_comes_back_as_it_was_written(tmp_path: Path, rows: list[list[Raw]]) -> None:
    def write(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet()
        for row, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                sheet.write_string(row, column, cell) if isinstance(cell, str) else sheet.write_number(
                    row, column, cell
                )

    found = only(written(tmp_path / "a.xlsx", write)).cells
    width = max(map(len, rows))
    assert [list(row) for row in found] == [
        [*(pytest.approx(cell, rel=1e-15) if isinstance(cell, float) else cell for cell in row)]
        + [None] * (width - len(row))
        for row in rows
    ]


# What is no workbook.


@pytest.mark.parametrize(
    ("content", "really"),
    [
        ("\ufeff<html><table><tr><td>村</td></tr></table></html>".encode(), "HTML"),
        ("<TABLE border=1><tr><td>村</td></tr></TABLE>".encode("gb18030"), "HTML"),
        (b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"/>', "XML"),
        (b"MIME-Version: 1.0\r\nContent-Type: multipart/related\r\n", "MHTML"),
        ("村编码,人口\n001,1200\n".encode("gb18030"), "CSV"),
        ("村编码\t人口\r\n001\t1200\r\n".encode("utf-16"), "CSV"),
    ],
)
def test_a_file_that_only_calls_itself_a_workbook_is_told_what_it_is(
    tmp_path: Path, content: bytes, really: str
) -> None:
    path = tmp_path / "村.xlsx"
    path.write_bytes(content)
    error = refused(path)
    assert (error.what, error.details) == (FaultKind.FILE_REALLY, {"really": really})


def test_a_binary_workbook_is_told_what_it_is(tmp_path: Path) -> None:
    error = refused(zipped(tmp_path / "a.xlsx", {"xl/workbook.bin": b"\0"}))
    assert (error.what, error.details) == (FaultKind.FILE_REALLY, {"really": "XLSB"})


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7\na,b\n", b"\x89PNG\r\n\x1a\n\0\0,", b"PK\x03\x04rest", SIGNATURE])
def test_what_is_no_workbook_at_all_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(content)
    assert refused(path).what == FaultKind.FILE_CONTENT


def test_a_letter_is_no_workbook(tmp_path: Path) -> None:
    assert refused(zipped(tmp_path / "a.xlsx", {"word/document.xml": "<w/>"})).what == FaultKind.FILE_CONTENT


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    assert refused(tmp_path / "a.xlsx").what == FaultKind.FILE_MISSING


# What is protected.


def test_passwords_are_named_whatever_the_format(tmp_path: Path) -> None:
    name = "EncryptedPackage".encode("utf-16-le")
    today = rebuild(b"")
    at = today.index("Workbook".encode("utf-16-le"))
    today = today[:at] + name.ljust(64, b"\0") + struct.pack("<H", len(name) + 2) + today[at + 66 :]
    (tmp_path / "today.xlsx").write_bytes(today)
    (tmp_path / "old.xls").write_bytes(rebuild(old_workbook(b"", before=record(0x2F, bytes(6)))))
    parts = ods_parts("")
    parts["META-INF/manifest.xml"] = (
        '<manifest:manifest xmlns:manifest="urn:m"><manifest:encryption-data/></manifest:manifest>'
    )
    zipped(tmp_path / "open.ods", parts)
    zipped(tmp_path / "zip.xlsx", xlsx_parts())
    raw = bytearray((tmp_path / "zip.xlsx").read_bytes())
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "zip.xlsx").write_bytes(raw)
    for file in ("today.xlsx", "old.xls", "open.ods", "zip.xlsx"):
        assert refused(tmp_path / file).what == FaultKind.FILE_LOCKED, file


# What was made to harm. (All of it is harmless: it would fill memory or read a file of the test, if it were believed.)


def test_entries_that_lead_out_of_the_file_are_refused(tmp_path: Path) -> None:
    for name in ("../out.xml", "/etc/out.xml", "C:/out.xml", "xl\\..\\..\\out.xml", "XL/WORKBOOK.XML"):
        path = zipped(tmp_path / "a.xlsx", xlsx_parts() | {name: "<x/>"})
        error = refused(path)
        assert error.what == FaultKind.ZIP_ENTRY, name
        assert error.value == name.replace("\\", "/")


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.xlsx", xlsx_parts())
    link = zipfile.ZipInfo("xl/theme.xml")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/hostname")
    assert refused(path).what == FaultKind.ZIP_ENTRY


def test_a_name_that_comes_twice_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.xlsx", xlsx_parts())
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
    assert refused(path).what == FaultKind.ZIP_ENTRY


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.xlsx", xlsx_parts() | {"xl/media/image1.bmp": bytes(2_000_000)})
    error = refused(path)
    assert (error.what, error.value) == (FaultKind.ZIP_BOMB, "xl/media/image1.bmp")
    many = xlsx_parts() | {f"xl/media/{i}.bmp": b"" for i in range(zips.MOST_ENTRIES)}
    assert refused(zipped(path, many)).what == FaultKind.ZIP_BOMB


def test_a_zip_whose_parts_are_too_large_together_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zips, "MOST_BYTES", 1_000_000)
    path = zipped(tmp_path / "a.xlsx", xlsx_parts() | {"xl/media/a.bmp": os.urandom(999_900)})
    error = refused(path)
    assert (error.what, error.details) == (FaultKind.FILE_LARGE, {"size": 2, "most": 1})


def test_an_entry_that_lies_about_its_size_is_never_read_to_its_end(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.xlsx", xlsx_parts("<row>" + "<c><v>1</v></c>" * 100_000 + "</row>"))
    raw = bytearray(path.read_bytes())
    name = b"xl/worksheets/sheet1.xml"
    at = raw.rindex(b"PK\x01\x02", 0, raw.rindex(name))
    raw[at + 24 : at + 28] = struct.pack("<I", 1000)
    path.write_bytes(raw)
    assert refused(path).what == FaultKind.FILE_CONTENT


ENTITIES = (
    '<!DOCTYPE x [<!ENTITY a "7">]>',
    '<!DOCTYPE x [<!ENTITY a SYSTEM "{canary}">]>',
    '<!DOCTYPE x SYSTEM "{canary}">',
    '<!DOCTYPE x [<!ENTITY a "7"><!ENTITY b "&a;&a;&a;&a;">]>',
)


@pytest.mark.parametrize("declared", ENTITIES)
@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/sharedStrings.xml", "xl/worksheets/sheet1.xml", "content.xml"])
def test_a_part_that_declares_entities_is_refused(tmp_path: Path, part: str, declared: str) -> None:
    canary = tmp_path / "canary.txt"
    canary.write_text("7", encoding="utf-8")
    parts = ods_parts("") if part == "content.xml" else xlsx_parts()
    parts[part] = declared.format(canary=canary.as_uri()) + parts[part]
    error = refused(zipped(tmp_path / "a.xlsx", parts)) if "xl" in part else refused_at_opening(tmp_path, parts)
    assert error.what == FaultKind.XML_ENTITY


def refused_at_opening(folder: Path, parts: Mapping[str, str]) -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        open_workbook(zipped(folder / "a.ods", parts))
    return caught.value


def test_xml_in_an_encoding_in_which_readers_may_differ_is_refused(tmp_path: Path) -> None:
    parts: dict[str, str | bytes] = dict(xlsx_parts())
    sheet = xlsx_parts()["xl/worksheets/sheet1.xml"]
    parts["xl/worksheets/sheet1.xml"] = ('<?xml version="1.0" encoding="UTF-16"?>' + sheet).encode("utf-16")
    assert refused(zipped(tmp_path / "a.xlsx", parts)).what == FaultKind.FILE_CONTENT


def test_a_sheet_that_says_it_is_huge_is_read_and_one_that_is_huge_is_refused(tmp_path: Path) -> None:
    parts = xlsx_parts()
    name = "xl/worksheets/sheet1.xml"
    parts[name] = parts[name].replace("<sheetData>", '<dimension ref="A1:XFD1048576"/><sheetData>')
    assert only(zipped(tmp_path / "a.xlsx", parts)).cells == [[7]]
    # Cells with a colour and no value reach far down in many a planner's sheet.
    coloured = SHEET + '<row r="1048576"><c r="XFD1048576" s="1"/></row>'
    assert only(zipped(tmp_path / "a.xlsx", xlsx_parts(coloured))).cells == [[7]]
    for cell in ('<c r="XFD1048576"><v>1</v></c>', '<x:c xmlns:x="urn:x" r="XFD1048576"><v>1</v></x:c>'):
        error = refused(zipped(tmp_path / "a.xlsx", xlsx_parts(f'{SHEET}<row r="1048576">{cell}</row>')))
        assert (error.what, error.details["corner"]) == (FaultKind.SHEET_LARGE, "XFD1048576")


def test_cells_without_address_follow_those_that_have_one(tmp_path: Path) -> None:
    rows = '<row><c><v>1</v></c><c r="C1"><v>2</v></c><c><v>3</v></c></row><row><c t="e"><v>#N/A</v></c></row>'
    grid = only(zipped(tmp_path / "a.xlsx", xlsx_parts(rows)))
    assert grid.cells == [[1, None, 2, 3], ["#N/A", None, None, None]]


def repeated(rows: int, columns: int, content: str) -> str:
    """Return a table of ods with one row and one cell, each repeated."""
    return (
        f'<table:table table:name="村"><table:table-row table:number-rows-repeated="{rows}">'
        f'<table:table-cell table:number-columns-repeated="{columns}" {content}</table:table-cell>'
        "</table:table-row></table:table>"
    )


def test_an_ods_file_may_repeat_blank_cells_but_no_others_without_end(tmp_path: Path) -> None:
    seven = 'office:value-type="float" office:value="7"><text:p>7</text:p>'
    blank = repeated(1_048_576, 16_384, ">").removeprefix('<table:table table:name="村">')
    path = zipped(tmp_path / "a.ods", ods_parts(repeated(2, 2, seven).removesuffix("</table:table>") + blank))
    assert only(path).cells == [[7, 7], [7, 7]]
    for rows, columns in ((1_048_576, 16_384), (1_048_576, 5), (1, 10_000_000_000)):
        with pytest.raises(Unreadable) as caught:
            open_workbook(zipped(path, ods_parts(repeated(rows, columns, seven))))
        assert caught.value.what in (FaultKind.SHEET_LARGE, FaultKind.FILE_CONTENT)


def test_texts_that_a_small_file_repeats_without_end_are_refused(tmp_path: Path) -> None:
    long = "x" * (MOST_TEXT // 1_000_000 + 1)
    cell = f'office:value-type="string"><text:p>{long}</text:p>'
    blanks = f'office:value-type="string"><text:p><text:s text:c="{MOST_TEXT + 1}"/></text:p>'
    for table, kind in (
        (repeated(1_000_000, 1, cell), FaultKind.FILE_LARGE),
        (repeated(1, 1, blanks), FaultKind.FILE_CONTENT),
        (repeated(1000, 1, blanks.replace(str(MOST_TEXT + 1), "1000000")), FaultKind.FILE_LARGE),
    ):
        with pytest.raises(Unreadable) as caught:
            open_workbook(zipped(tmp_path / "a.ods", ods_parts(table)))
        assert caught.value.what == kind
    cells = '<c t="s"><v>0</v></c>' * 5_000
    path = zipped(tmp_path / "a.xlsx", xlsx_parts(f"<row>{cells}</row>", texts=("x" * (MOST_TEXT // 5_000 + 1), "y")))
    assert refused(path).what == FaultKind.FILE_LARGE
    # The same long text is harmless where few cells have it.
    short = cells.replace(">0<", ">1<")
    path = zipped(path, xlsx_parts(f"<row>{short}</row>", texts=("x" * (MOST_TEXT // 5_000 + 1), "y")))
    assert only(path).cells == [["y"] * 5_000]


def test_a_count_that_would_end_the_program_is_an_unreadable_file(tmp_path: Path) -> None:
    parts = xlsx_parts()
    parts["xl/sharedStrings.xml"] = f'<sst xmlns="{MAIN}" count="4294967295" uniqueCount="4294967295"/>'
    assert refused(zipped(tmp_path / "a.xlsx", parts)).what == FaultKind.FILE_UNREADABLE


def test_an_old_workbook_that_leads_in_a_circle_is_refused(tmp_path: Path) -> None:
    raw = bytearray(rebuild(old_workbook(number(0, 0, 7)) + bytes(9000)))
    path = tmp_path / "a.xls"
    path.write_bytes(raw)
    assert only(path).cells == [[7]]
    # (The first sector of the stream is said to follow itself.)
    raw[4096 + 4 * 3 : 4096 + 4 * 4] = struct.pack("<I", 3)
    path.write_bytes(raw)
    assert refused(path).what == FaultKind.FILE_CONTENT


def test_an_old_workbook_is_read_from_its_own_stream_and_no_embedded_one(tmp_path: Path) -> None:
    stream = old_workbook(number(0, 0, 7))
    assert open_container(rebuild(stream)).workbook.startswith(stream)


def test_shared_texts_of_an_old_workbook_may_go_on_in_the_next_record(tmp_path: Path) -> None:
    texts = struct.pack("<II", 3, 2) + struct.pack("<HB", 4, 0) + b"ab"
    before = record(0xFC, texts) + record(0x3C, b"\x01" + "村庄".encode("utf-16-le") + struct.pack("<HB", 1, 0) + b"z")
    cells = b"".join(record(0xFD, struct.pack("<HHHI", 0, column, 15, text)) for column, text in enumerate((1, 0, 1)))
    path = tmp_path / "a.xls"
    path.write_bytes(rebuild(old_workbook(cells, before=before)))
    assert only(path).cells == [["z", "ab村庄", "z"]]
    # A text that is not there cannot be written out.
    wrong = record(0xFD, struct.pack("<HHHI", 0, 0, 15, 2))
    path.write_bytes(rebuild(old_workbook(wrong, before=before)))
    assert refused(path).what == FaultKind.FILE_CONTENT


def samples() -> Iterator[bytes]:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in xlsx_parts(SHEET, texts=("村", "镇")).items():
            archive.writestr(name, content)
    yield file.getvalue()
    yield rebuild(old_workbook(number(0, 0, 7)))


SAMPLES = list(samples())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(SAMPLES), st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=5)), min_size=1, max_size=4))
def test_a_spoilt_workbook_is_read_or_refused_and_nothing_else(
    tmp_path: Path, raw: bytes, changes: list[tuple[float, bytes]]
) -> None:
    spoilt = bytearray(raw)
    for where, what in changes:
        at = int(where * len(spoilt))
        spoilt[at : at + max(len(what), 1)] = what
    path = tmp_path / "a.xlsx"
    path.write_bytes(spoilt)
    with suppress(Unreadable):
        book = open_workbook(path)
        assert all(isinstance(book.grid(part), Grid) for part in book.parts)


# What LibreOffice writes.


@pytest.fixture(scope="module")
def planners_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def write(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet("村")
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.merge_range("A1:E1", "宝坻区村庄一览")
        sheet.write_row(1, 0, ["镇", "村编码", "人口", "建成", "占比"])
        sheet.merge_range("A3:A4", "大口屯镇")
        for row, (code, people) in enumerate((("001", 1200), ("002", 35.5)), start=2):
            sheet.write_string(row, 1, code)
            sheet.write_number(row, 2, people)
            sheet.write_datetime(row, 3, dt.date(2020, 11, row), day)
            sheet.write_formula(row, 4, f"=C{row + 1}/0", None, "#DIV/0!")
        book.add_worksheet("旧").hide()

    return written(tmp_path_factory.mktemp("planner") / "planner.xlsx", write)


@pytest.mark.office
@pytest.mark.xdist_group("office")
@pytest.mark.parametrize("form", ["xlsx", "xls", "ods"])
def test_what_libreoffice_saves_is_read_the_same_in_every_format(
    planners_file: Path, office: Office, form: str
) -> None:
    book = open_workbook(office.convert(planners_file, form) / f"planner.{form}")
    assert (book.parts, book.hidden) == (("村",), ("旧",))
    grid = book.grid("村")
    assert [list(row) for row in grid.cells] == [
        ["宝坻区村庄一览", None, None, None, None],
        ["镇", "村编码", "人口", "建成", "占比"],
        ["大口屯镇", "001", 1200, "2020-11-02", "#DIV/0!"],
        ["大口屯镇", "002", 35.5, "2020-11-03", "#DIV/0!"],
    ]
    assert [(said.what, said.row, said.column) for said in grid.spotted] == [(FaultKind.CELLS_MERGED, 3, "A")]
