"""What cells mean, as planners write them: what is sure is read, what is not is named, and nothing is guessed."""

from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from allocate import tables
from allocate.fault_kinds import FaultKind
from allocate.files.sheet import Raw
from allocate.tables import Column
from allocate.values import Cell, Cells, alike, meant_by, read_cells

PEOPLE = tables.PLACES.column("people")
YOUNG = tables.PLACES.column("people_0_14")
LON = tables.PLACES.column("lon")
ID = tables.PLACES.column("id")
NAME = tables.PLACES.column("name")
LEVEL = tables.INSTITUTIONS.column("level")
PERCENT = tables.GROWTH.column("percent")
MINUTES = tables.TRAVEL.column("minutes")
YEAR = tables.PEOPLE_BY_YEAR.column("year")
HALF = tables.SESSIONS.column("half")
RANK = tables.POOLS.column("rank")
TOURS = tables.POOLS.column("tours")


def one(column: Column, cell: Raw, times: int = 1) -> Cells:
    return read_cells(column, [cell], Decimal(times))


def kinds(found: Cells) -> list[FaultKind]:
    return [what for _, what, *_ in found.faults]


@pytest.mark.parametrize(
    ("column", "written", "meant"),
    [
        (PEOPLE, "1,200人", 1200),
        (PEOPLE, "1，200", 1200),
        (PEOPLE, "1 200", 1200),
        (PEOPLE, "2,034.0", 2034),
        (PEOPLE, "３", 3),
        (PEOPLE, "1.2万人", 12_000),
        (PEOPLE, "0.5千人", 500),
        (PEOPLE, "约300", 300),
        (PEOPLE, "1.2E3", 1200),
        (LON, "117°15′36″", 117.26),
        (LON, "117° 15′ 36″", 117.26),
        (LON, "东经117度15分36秒", 117.26),
        (LON, "117:15:36", 117.26),
        (LON, "117.26E", 117.26),
        (LEVEL, "二级甲等", 2),
        (LEVEL, "三甲", 3),
        (LEVEL, "Ⅱ", 2),
        (MINUTES, "0.5小时", 30),
        (MINUTES, "15分钟", 15),
        (PERCENT, "1.5‰", 0.15),
        (PERCENT, "-1.5％", -1.5),
        (YEAR, "2025年", 2025),
    ],
)
def test_a_number_written_in_another_way_is_read_and_said(column: Column, written: str, meant: float) -> None:
    found = one(column, written)
    assert found.values == [meant]
    assert not found.faults
    assert found.understood is not None
    assert found.understood[2] == written


@pytest.mark.parametrize(
    ("column", "written", "what"),
    [
        (PEOPLE, "1.200", FaultKind.NUMBER_POINT),
        (PEOPLE, "12.000", FaultKind.NUMBER_POINT),
        (PEOPLE, "1.234.567", FaultKind.NOT_NUMBER),
        (PEOPLE, "12,34", FaultKind.NUMBER_UNCLEAR),
        (PEOPLE, "1,2345", FaultKind.NUMBER_UNCLEAR),
        (PEOPLE, "1,234 567", FaultKind.NUMBER_UNCLEAR),
        (PEOPLE, "300,", FaultKind.NUMBER_UNCLEAR),
        (PEOPLE, "3-5", FaultKind.NOT_NUMBER),
        (PEOPLE, "300左右", FaultKind.NOT_NUMBER),
        (PEOPLE, ">300", FaultKind.NOT_NUMBER),
        (PEOPLE, "300+", FaultKind.NOT_NUMBER),
        (PEOPLE, "1/2", FaultKind.NOT_NUMBER),
        (PEOPLE, "½", FaultKind.NOT_NUMBER),
        (PEOPLE, "5²", FaultKind.NOT_NUMBER),
        (PEOPLE, "①", FaultKind.NOT_NUMBER),
        (PEOPLE, "50%", FaultKind.UNIT_OTHER),
        (PEOPLE, "５０％", FaultKind.UNIT_OTHER),
        (PEOPLE, "500户", FaultKind.UNIT_OTHER),
        (PEOPLE, "١٢٣", FaultKind.NOT_NUMBER),
        (PEOPLE, "二百", FaultKind.NOT_NUMBER),
        (PEOPLE, "3人2户", FaultKind.NOT_NUMBER),
        (PEOPLE, "1200(含外来)", FaultKind.NOT_NUMBER),
        (PEOPLE, "(300)", FaultKind.NOT_NUMBER),
        (PEOPLE, "2025-01-02", FaultKind.NOT_NUMBER),
        (PEOPLE, "TRUE", FaultKind.NOT_NUMBER),
        (PEOPLE, "无", FaultKind.BLANK),
        (LON, "117 15 36", FaultKind.NUMBER_UNCLEAR),
        (LON, "117°75′", FaultKind.NOT_NUMBER),
        (LON, "西经117", FaultKind.NOT_NUMBER),
        (LON, "117,26", FaultKind.NUMBER_UNCLEAR),
        (MINUTES, "1小时15分", FaultKind.NOT_NUMBER),
        (MINUTES, "30秒", FaultKind.UNIT_OTHER),
        (MINUTES, "0:15", FaultKind.NOT_NUMBER),
        (YEAR, "2025-01-01", FaultKind.NOT_NUMBER),
        (YEAR, "25", FaultKind.RANGE),
        (RANK, "高级", FaultKind.CHOICE),
        (HALF, "全天", FaultKind.CHOICE),
    ],
)
def test_what_may_be_another_number_is_a_fault_and_no_guess(column: Column, written: str, what: FaultKind) -> None:
    found = one(column, written)
    assert found.values == [None]
    assert kinds(found) == [what]


@given(number=st.integers(0, 999_999))
@example(number=1000)
def test_points_between_thousands_are_never_taken_for_decimals(number: int) -> None:
    written = f"{number:,}".replace(",", ".")
    assert one(PEOPLE, written).values == [number if number < 1000 else None]


@given(number=st.integers(0, 2_000_000))
def test_a_number_is_the_same_however_it_is_written(number: int) -> None:
    wide = "".join(chr(ord(sign) + 0xFEE0) for sign in str(number))
    ways: list[Raw] = [str(number), f"{number:,}", f"{number} 人", wide, float(number), f"{Decimal(number) / 10000}万"]
    assert [read_cells(PEOPLE, [way]).values for way in ways] == [[number]] * len(ways)


def test_a_unit_in_a_cell_says_more_than_the_one_in_its_heading() -> None:
    assert read_cells(PEOPLE, ["1.2", "1200人", "0.05万人", "1.200"], Decimal(10_000)).values == [
        12_000,
        1200,
        500,
        12_000,
    ]


def test_half_a_day_and_a_rank_are_read_in_words() -> None:
    assert one(HALF, "上午").values == ["am"]
    assert one(RANK, "副高").values == ["associate_senior"]


def test_rates_that_a_spreadsheet_shows_as_percent_are_a_fault() -> None:
    found = read_cells(PERCENT, [0.0123, -0.004, 0])
    assert kinds(found) == [FaultKind.SHARE, FaultKind.SHARE]
    assert found.faults[0][3] == {"percent": "1.23"}


@pytest.mark.parametrize("cells", [["0.05%", "0.01%"], ["0.05", "1.2"], ["0", "0"]])
def test_a_small_rate_is_taken_where_it_says_so_or_others_are_larger(cells: list[Raw]) -> None:
    assert not read_cells(PERCENT, cells).faults


def test_a_dash_in_place_of_a_number_is_unknown_and_said() -> None:
    found = read_cells(TOURS, ["无", "—", "", None, "2"])
    assert found.values == [None, None, None, None, 2]
    assert found.blanks == (0, "无", 2)
    assert read_cells(YOUNG, ["", None]).blanks is None


def test_a_dash_is_no_source() -> None:
    source = tables.STAFF.column("source")
    assert [kinds(one(source, cell)) for cell in ("无", "—", "调查")] == [[FaultKind.BLANK], [FaultKind.BLANK], []]


def test_codes_stay_text_and_what_a_spreadsheet_made_of_them_is_named() -> None:
    found = read_cells(ID, ["001", 1, "120115001001", 120115001001.0, "１２０", "'007"])
    assert found.values == ["001", "1", "120115001001", "120115001001", "120", "007"]
    spoilt: list[Raw] = ["1.20E+11", "120115001.0", 1.5, 120115001001000001, "120，5E+3"]
    assert [kinds(one(ID, cell)) for cell in spoilt] == [
        [FaultKind.ID_NUMBER],
        [FaultKind.ID_NUMBER],
        [FaultKind.ID_NUMBER],
        [FaultKind.ID_DIGITS],
        [FaultKind.ID_NUMBER],
    ]


@pytest.mark.parametrize("other", ["001", "0001", "１"])
def test_codes_that_differ_only_by_noughts_in_front_are_alike(other: str) -> None:
    values: list[Cell] = ["1", "2", other, "10"]
    assert list(alike(values)) == [(2, 0)]


@pytest.mark.parametrize("text", ["村庄", "李园社区居委会", "天津市宝坻区人民医院", "石幢南"])
@pytest.mark.parametrize(
    ("saved", "opened"), [("utf-8", "gb18030"), ("utf-8", "latin-1"), ("gb18030", "latin-1"), ("gb18030", "cp1252")]
)
def test_a_name_that_was_decoded_wrongly_is_named_with_what_it_was(text: str, saved: str, opened: str) -> None:
    wrong = text.encode(saved).decode(opened, "replace")
    found = read_cells(NAME, ["王庄村", wrong])
    assert found.values == ["王庄村", None]
    ((at, what, value, details),) = found.faults
    assert (at, value) == (1, wrong.strip())
    assert (what, dict(details)) in [(FaultKind.TEXT_GARBLED, {"meant": text}), (FaultKind.TEXT_BROKEN, {})]


def test_a_name_of_western_letters_that_were_utf_8_is_broken() -> None:
    wrong = "石幢南社区".encode().decode("cp1252", "ignore")
    assert kinds(one(NAME, wrong)) == [FaultKind.TEXT_BROKEN]


@pytest.mark.parametrize("text", ["????", "锟斤拷", "张\ufffd村", "？？"])
def test_a_name_whose_letters_were_lost_is_broken(text: str) -> None:
    assert kinds(one(NAME, text)) == [FaultKind.TEXT_BROKEN]


@given(st.text(st.characters(codec="gb2312", min_codepoint=0x4E00, max_codepoint=0x9FFF), min_size=1, max_size=12))
@example("琅琊")
@example("娉婷")
def test_a_name_in_sound_chinese_is_never_called_broken(text: str) -> None:
    assert meant_by(text) == ""
    assert not one(NAME, text).faults


@pytest.mark.parametrize("text", ["Café Zürich", "西·朗", "№3 村", "A—B", "Ⅱ号院"])
def test_signs_of_other_languages_are_no_fault(text: str) -> None:
    assert one(NAME, text).values == [text]
