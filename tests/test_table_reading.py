"""Headings and rows as planners have them: which column is meant is sure or doubted, and no row is lost in silence."""

from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from conftest import Tiny
from seeded_faults import book, both, card, cells, fill, merged, renamed, replaced, table_of, write_table
from test_finding import of, told

from allocate.fault_kinds import FaultKind
from allocate.read import read_district

K = FaultKind


def heading(folder: Path, file: str, name: str, new: str) -> tuple[list[str], list[str]]:
    """Rename a heading, and return the kinds of faults and of warnings."""
    renamed(file, name, new)(folder)
    faults, warnings = told(folder)
    return [one.what for one in faults], [one.what for one in warnings]


@pytest.mark.parametrize(
    ("new", "faults", "warnings"),
    [
        ("常住人口（人）", [], []),
        ("常住人口（必填）", [], []),
        ("人口（2010年）", [], [K.HEADING_REMARK]),
        ("人口（户籍）", [], [K.HEADING_REMARK]),
        ("人口（户）", [K.HEADING_UNIT], []),
        ("人口（%）", [K.HEADING_UNIT], []),
        ("户籍人口", [K.COLUMN_UNKNOWN, K.COLUMN_MISSING, K.ESTIMATE_FIRST], []),
        ("户数", [K.COLUMN_MISSING, K.ESTIMATE_FIRST], []),
        ("2010年人口", [K.COLUMN_UNKNOWN, K.COLUMN_MISSING, K.ESTIMATE_FIRST], []),
    ],
)
def test_a_heading_of_people_means_residents_or_is_doubted(
    new: str, faults: list[str], warnings: list[str], tiny: Tiny
) -> None:
    assert heading(tiny.folder, "places.csv", "people", new) == (faults, warnings)


def test_old_people_are_not_taken_for_those_of_65(tiny: Tiny) -> None:
    # (By law old age begins at 60.)
    faults, warnings = heading(tiny.folder, "places.csv", "people_65", "老年人口")
    assert faults or warnings


@pytest.mark.parametrize("new", ["经度（百度）", "lon (GCJ-02)", "经度(EPSG:4548)"])
def test_a_datum_in_a_heading_is_not_passed_over(new: str, tiny: Tiny) -> None:
    assert heading(tiny.folder, "places.csv", "lon", new)[0] == [K.DATUM_HEADING]


@pytest.mark.parametrize("new", ["经度（WGS84）", "经度（CGCS2000）", "经度（°）", "经度（度）"])
def test_a_heading_that_names_the_declared_datum_is_taken(new: str, tiny: Tiny) -> None:
    assert heading(tiny.folder, "places.csv", "lon", new) == ([], [])


def test_a_heading_in_ten_thousands_multiplies_and_says_so(tiny: Tiny) -> None:
    renamed("facts.csv", "value", "value（万人）")(tiny.folder)
    rows = table_of(tiny.folder / "facts.csv")
    write_table(
        tiny.folder / "facts.csv", [rows[0], *([row[0], f"{int(row[1]) / 10000:.4f}", *row[2:]] for row in rows[1:])]
    )
    district = read_district(tiny.folder)
    assert district.facts["population"].value == 34781
    assert [one.what for one in district.warnings] == [K.HEADING_TIMES]


def test_a_unit_above_the_table_is_a_fault_and_the_name_of_an_office_is_none(tiny: Tiny) -> None:
    rows = table_of(tiny.folder / "places.csv")
    write_table(tiny.folder / "places.csv", [["村居一览表"], ["单位：示例区卫生健康委"], *rows])
    assert told(tiny.folder) == ((), ())
    write_table(tiny.folder / "places.csv", [["村居一览表"], ["", "（单位：万人）"], *rows])
    ((found,), _) = told(tiny.folder)
    assert (found.what, found.row, found.details["unit"]) == (K.UNIT_ABOVE, 2, "万人")


def test_two_columns_of_the_card_cannot_be_one(tiny: Tiny) -> None:
    card('[tables.places.columns]\npeople = "people"\npeople_65 = "people"')(tiny.folder)
    assert K.NAMED_TWICE in [what for what, _ in of(told(tiny.folder)[0])]


def test_a_column_of_the_card_that_stands_twice_is_a_fault(tiny: Tiny) -> None:
    renamed("places.csv", "people", "人")(tiny.folder)
    renamed("places.csv", "zone", "人")(tiny.folder)
    card('[tables.places.columns]\npeople = "人"')(tiny.folder)
    assert K.COLUMN_TWICE in [what for what, _ in of(told(tiny.folder)[0])]


def test_a_town_s_code_that_is_a_number_may_be_merged_and_a_count_may_not(tiny: Tiny) -> None:
    book("places", merged("town", 2, 4, "T1"))(tiny.folder)
    faults, warnings = told(tiny.folder)
    assert (faults, [(one.what, one.heading or one.column) for one in warnings]) == ((), [(K.CELLS_MERGED, "town")])


def test_a_count_that_is_text_in_merged_cells_is_a_fault(tiny: Tiny) -> None:
    book("places", merged("people_65", 2, 3, "260"))(tiny.folder)
    faults, _ = told(tiny.folder)
    assert (faults[0].what, faults[0].column) == (K.NUMBER_MERGED, "people_65")


def test_a_number_merged_in_a_column_that_nobody_reads_is_no_fault(tiny: Tiny) -> None:
    def numbered(made: xlsxwriter.Workbook, sheet: object, rows: list[list[str | int | float]]) -> None:
        rows[0].append("备注")
        for row in rows[1:]:
            row.append("")
        merged("备注", 2, 4, 7)(made, sheet, rows)

    book("places", numbered)(tiny.folder)
    assert told(tiny.folder) == ((), ())


def test_hidden_rows_and_columns_are_read_and_said(tiny: Tiny) -> None:
    before = read_district(tiny.folder).places

    def hiding(made: xlsxwriter.Workbook, sheet: Any, rows: list[list[str | int | float]]) -> None:
        del made
        fill(sheet, rows)
        at = rows[0].index("people")
        sheet.set_row(4, None, None, {"hidden": True})
        sheet.set_column(at, at, None, None, {"hidden": True})

    book("places", hiding)(tiny.folder)
    district = read_district(tiny.folder)
    assert district.places == before
    assert [(one.what, one.row, one.column) for one in district.warnings] == [
        (K.ROWS_HIDDEN, 5, ""),
        (K.COLUMN_HIDDEN, None, "people"),
    ]


@pytest.mark.parametrize("first", ["合计", "注：数据来自第七次人口普查", "T1小计", "id"])
def test_totals_notes_and_repeated_headings_are_never_rows(first: str, tiny: Tiny) -> None:
    rows = table_of(tiny.folder / "places.csv")
    more = rows[0] if first == "id" else [first, *[""] * (len(rows[0]) - 1)]
    write_table(tiny.folder / "places.csv", [*rows[:10], more, *rows[10:]])
    faults, _ = told(tiny.folder)
    assert {one.row for one in faults} - {None} == {11}


def test_blank_rows_between_are_no_rows(tiny: Tiny) -> None:
    before = read_district(tiny.folder).places
    rows = table_of(tiny.folder / "places.csv")
    write_table(tiny.folder / "places.csv", [*rows[:10], [" "] * len(rows[0]), *rows[10:]])
    assert read_district(tiny.folder).places == before


def test_an_example_that_somebody_filled_in_is_not_lost_in_silence(tiny: Tiny) -> None:
    cells("institutions.csv", 5, id="例：hub-3")(tiny.folder)
    faults, warnings = told(tiny.folder)
    assert (faults, [(one.what, one.row) for one in warnings]) == ((), [(K.EXAMPLE_ROW, 5)])


@pytest.mark.parametrize(("value", "unit"), [("2", "万人"), ("18301", "户"), ("18301", "千人")])
def test_a_total_of_people_in_another_unit_is_a_fault(value: str, unit: str, tiny: Tiny) -> None:
    cells("facts.csv", 5, value=value, unit=unit)(tiny.folder)
    ((found,), _) = told(tiny.folder)
    assert (found.what, found.row, found.column) == (K.UNIT_OTHER, 5, "unit")


@pytest.mark.parametrize("unit", ["人", "persons", "口"])
def test_a_total_of_persons_is_taken_in_any_of_their_words(unit: str, tiny: Tiny) -> None:
    cells("facts.csv", 5, unit=unit)(tiny.folder)
    assert told(tiny.folder) == ((), ())


def test_a_total_that_nobody_knows_is_said(tiny: Tiny) -> None:
    cells("facts.csv", 3, indicator="60岁以上人口")(tiny.folder)
    assert of(told(tiny.folder)[1]) == [(K.FACT_IDLE, "facts.csv")]


def test_a_village_listed_with_and_without_the_nought_in_front_is_a_fault(tiny: Tiny) -> None:
    both(cells("places.csv", 2, id="0711"), cells("places.csv", 3, id="711"))(tiny.folder)
    cells("institutions.csv", 2, place="0711")(tiny.folder)
    assert K.ID_ALIKE in [what for what, _ in of(told(tiny.folder)[0])]


def test_a_boundary_without_a_datum_of_its_own_is_doubted_where_the_card_says_amap_s(tiny: Tiny) -> None:
    replaced("district.toml", '"wgs84"', '"gcj02"')(tiny.folder)
    assert of(read_district(tiny.folder).warnings) == [(K.DATUM_TAKEN, "boundary.geojson")]
    card('[tables.boundary]\ndatum = "gcj02"')(tiny.folder)
    assert read_district(tiny.folder).warnings == ()


def test_a_cell_of_months_that_became_a_day_is_a_fault(tiny: Tiny) -> None:
    # (A spreadsheet takes 1-3 for the third of January.)
    rows = ["hospital,specialty,rank,away,months,basis,source", "hospital-1,tcm,senior,1,2025-01-03,assumed,x"]
    (tiny.folder / "pools.csv").write_text("\n".join(rows), encoding="utf-8")
    assert [(one.what, one.value) for one in told(tiny.folder)[0]] == [(K.MONTHS, "2025-01-03")]
