"""Which file of a folder holds which table: what is left aside, hidden or does nothing is said."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import xlsxwriter
from conftest import Tiny
from seeded_faults import book, card, fill, gone, raw, table_of, write_table

from allocate.errors import InputError, Problem
from allocate.fault_kinds import FaultKind
from allocate.read import read_district

Told = tuple[tuple[Problem, ...], tuple[Problem, ...]]


def told(folder: Path) -> Told:
    """Return the faults and the warnings of a district."""
    try:
        return (), read_district(folder).warnings
    except InputError as error:
        return error.problems, error.warnings


def of(found: tuple[Problem, ...]) -> list[tuple[str, str]]:
    return [(one.what, one.file) for one in found]


@pytest.mark.parametrize("name", ["institution.csv", "医疗机构2024.csv", "institutions (2).csv", "staff2025.csv"])
def test_a_file_that_is_called_after_no_table_is_not_passed_over_in_silence(name: str, tiny: Tiny) -> None:
    (tiny.folder / "institutions.csv").rename(tiny.folder / name)
    faults, warnings = told(tiny.folder)
    assert (faults, of(warnings)) == ((), [(FaultKind.FILE_IDLE, name)])


@pytest.mark.parametrize("name", ["机构.et", "institutions.txt", "机构.zip", "staff.dbf"])
def test_a_table_in_a_file_that_cannot_be_read_is_said(name: str, tiny: Tiny) -> None:
    (tiny.folder / "institutions.csv").rename(tiny.folder / name)
    assert of(told(tiny.folder)[1]) == [(FaultKind.FILE_UNREAD, name)]


def test_a_packed_layer_is_to_be_unpacked(tiny: Tiny) -> None:
    gone("institutions.csv")(tiny.folder)
    raw("机构.kmz", b"PK")(tiny.folder)
    assert of(told(tiny.folder)[0]) == [(FaultKind.FILE_PACKED, "机构.kmz")]


@pytest.mark.parametrize("name", ["~$towns.xlsx", ".towns.csv", "SOURCES.md", "places.csv.bak", "readme.txt"])
def test_what_programs_leave_beside_tables_is_passed_over(name: str, tiny: Tiny) -> None:
    raw(name, b"x")(tiny.folder)
    assert told(tiny.folder) == ((), ())


def sheets(tiny: Tiny, *names: str, hidden: str = "") -> None:
    """Put the institutions into every sheet of a workbook, and nothing into one that is called empty."""
    rows = [list(row) for row in table_of(tiny.folder / "institutions.csv")]
    gone("institutions.csv")(tiny.folder)
    with xlsxwriter.Workbook(tiny.folder / "数据.xlsx") as made:
        for name in (*names, *filter(None, [hidden])):
            sheet = made.add_worksheet(name)
            if name != "empty":
                fill(sheet, rows)  # type: ignore[arg-type]
            if name == hidden:
                sheet.hide()


def test_sheets_that_look_like_tables_and_are_none_are_said_in_one_line(tiny: Tiny) -> None:
    sheets(tiny, "机构", "机构(旧)", "empty", "养老机构2024", "填写说明")
    faults, warnings = told(tiny.folder)
    assert (faults, of(warnings)) == ((), [(FaultKind.PART_IDLE, "数据.xlsx")])
    assert warnings[0].details["parts"] == "机构(旧), 养老机构2024"


def test_two_sheets_of_one_table_are_a_fault(tiny: Tiny) -> None:
    sheets(tiny, "机构", "机构名单")
    assert [what for what, _ in of(told(tiny.folder)[0])] == [FaultKind.FILE_TWICE]


def test_a_table_that_stands_only_in_a_hidden_sheet_is_not_read_in_silence(tiny: Tiny) -> None:
    sheets(tiny, "填写说明", hidden="机构")
    faults, warnings = told(tiny.folder)
    assert (faults, of(warnings)) == ((), [(FaultKind.SHEET_HIDDEN, "数据.xlsx")])


def test_the_same_table_in_two_formats_is_a_fault(tiny: Tiny) -> None:
    shutil.copy(tiny.folder / "towns.csv", tiny.folder / "kept.csv")
    book("towns", lambda made, sheet, rows: fill(sheet, rows) if made else None)(tiny.folder)
    (tiny.folder / "kept.csv").rename(tiny.folder / "街镇.csv")
    assert [what for what, _ in of(told(tiny.folder)[0])] == [FaultKind.FILE_TWICE]


def test_a_workbook_of_one_sheet_is_the_table_that_it_is_called_after(tiny: Tiny) -> None:
    before = read_district(tiny.folder).towns
    book("towns", lambda made, sheet, rows: fill(sheet, rows) if made else None)(tiny.folder)
    (tiny.folder / "towns.xlsx").rename(tiny.folder / "乡镇.xlsx")
    assert read_district(tiny.folder).towns == before


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ('[tables.facts]\ndatum = "gcj02"', "tables.facts.datum"),
        ('[tables.places]\npart = "Sheet1"', "tables.places.part"),
        ('[tables.boundary]\nencoding = "gbk"', "tables.boundary.encoding"),
        ('[tables.boundary.columns]\nname = "NAME"', "tables.boundary.columns"),
    ],
)
def test_what_the_card_says_and_does_nothing_is_a_fault(said: str, key: str, tiny: Tiny) -> None:
    card(said)(tiny.folder)
    ((found,), _) = told(tiny.folder)
    assert (found.what, found.file, found.column) == (FaultKind.CARD_IDLE, "district.toml", key)


def test_an_encoding_of_a_workbook_does_nothing(tiny: Tiny) -> None:
    book("towns", lambda made, sheet, rows: fill(sheet, rows) if made else None)(tiny.folder)
    card('[tables.towns]\nencoding = "gbk"')(tiny.folder)
    assert [one.column for one in told(tiny.folder)[0]] == ["tables.towns.encoding"]


@pytest.mark.parametrize("said", ['part = "人员"', 'encoding = "gbk"', 'datum = "gcj02"', "columns = {number = '数'}"])
def test_a_table_of_the_card_that_is_in_no_file_is_a_fault(said: str, tiny: Tiny) -> None:
    card(f"[tables.staff]\n{said}")(tiny.folder)
    ((found,), _) = told(tiny.folder)
    assert (found.what, found.column) == (FaultKind.CARD_NO_FILE, "tables.staff")


def changed(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        (folder / name).write_bytes(change((folder / name).read_bytes()))

    return edit


@pytest.mark.parametrize("letter", ["张", "居", "园"])
def test_utf_8_with_one_damaged_letter_is_not_read_as_gbk(letter: str, tiny: Tiny) -> None:
    changed("places.csv", lambda content: content.replace(letter.encode(), letter.encode()[:2], 1))(tiny.folder)
    ((found,), _) = told(tiny.folder)
    assert (found.what, found.file, found.row) == (FaultKind.BYTES_LOST, "places.csv", 2)


def test_gbk_is_read_as_before(tiny: Tiny) -> None:
    before = read_district(tiny.folder).places
    changed("places.csv", lambda content: content.decode("utf-8-sig").encode("gb18030"))(tiny.folder)
    assert read_district(tiny.folder).places == before


def test_a_table_that_was_decoded_wrongly_and_saved_again_is_a_fault(tiny: Tiny) -> None:
    changed("places.csv", lambda content: content.decode("utf-8-sig").encode().decode("gb18030", "ignore").encode())(
        tiny.folder
    )
    faults, _ = told(tiny.folder)
    assert {one.what for one in faults if one.column == "name"} <= {FaultKind.TEXT_GARBLED, FaultKind.TEXT_BROKEN}
    assert {one.row for one in faults if one.column == "name"} == set(range(2, 42))


def test_a_wrong_encoding_in_the_card_is_found_by_its_letters(tiny: Tiny) -> None:
    card('[tables.places]\nencoding = "gbk"')(tiny.folder)
    assert told(tiny.folder)[0]


def test_a_quotation_mark_too_many_swallows_no_rows(tiny: Tiny) -> None:
    rows = (tiny.folder / "institutions.csv").read_text(encoding="utf-8-sig").splitlines()
    rows[1] = rows[1].replace(",示例", ',"示例')
    rows[4] += '"'
    (tiny.folder / "institutions.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    ((found,), _) = told(tiny.folder)
    assert (found.what, found.row) == (FaultKind.LINES_SWALLOWED, 2)


def test_a_cell_of_two_lines_is_a_cell(tiny: Tiny) -> None:
    rows = table_of(tiny.folder / "institutions.csv")
    rows[1][-1] = "名录，2024年\n第 3 页"
    write_table(tiny.folder / "institutions.csv", rows)
    assert read_district(tiny.folder).institutions[0].source == "名录，2024年\n第 3 页"
