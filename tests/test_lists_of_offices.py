"""Lists as offices keep them: titles, names in place of codes, sums between rows and remarks below."""

import csv
from collections.abc import Sequence
from pathlib import Path

import pytest
from conftest import Tiny

from allocate.errors import InputError, Problem
from allocate.fault_kinds import FaultKind
from allocate.read import read_district


def rewritten(tiny: Tiny, heading: str, *more: Sequence[str]) -> list[list[str]]:
    """Write the places with the names of towns under a heading of its own, and rows below; return all rows."""
    with (tiny.folder / "towns.csv").open(encoding="utf-8-sig", newline="") as file:
        names = {row["id"]: row["name"] for row in csv.DictReader(file)}
    path = tiny.folder / "places.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    at = rows[0].index("town")
    rows = [[*row[:at], names.get(row[at], heading), *row[at + 1 :]] for row in rows]
    rows += [[*row, *[""] * (len(rows[0]) - len(row))] for row in more]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return rows


def faults(folder: Path) -> list[tuple[str, int | None, str]]:
    with pytest.raises(InputError) as caught:
        read_district(folder)
    return [(one.what, one.row, one.column) for one in caught.value.problems]


def named(warnings: Sequence[Problem]) -> list[Problem]:
    return [one for one in warnings if one.what == FaultKind.NAME_READ]


@pytest.mark.parametrize("heading", ["乡镇", "街镇名称", "所属街镇代码", "town"])
def test_the_name_of_a_town_stands_for_its_code_and_is_said_once(heading: str, tiny: Tiny) -> None:
    before = read_district(tiny.folder)
    rewritten(tiny, heading)
    after = read_district(tiny.folder)
    assert after.places == before.places
    (said,) = named(after.warnings)
    assert (said.row, said.column, said.details["count"]) == (2, "town", len(before.places))


def test_a_name_that_two_towns_share_is_no_code(tiny: Tiny) -> None:
    tiny.edit("towns.csv", "杨林镇", "柳河街道")
    rewritten(tiny, "乡镇")
    assert (FaultKind.UNKNOWN_CODE, 2, "town") in faults(tiny.folder)


def test_beside_the_codes_of_towns_their_names_are_not_read(tiny: Tiny) -> None:
    path = tiny.folder / "places.csv"
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    path.write_text("\n".join([lines[0] + ",乡镇", *(line + ",某镇" for line in lines[1:])]), encoding="utf-8")
    assert "乡镇" in read_district(tiny.folder).origins["places"].unread


def test_remarks_and_signatures_below_a_table_are_one_fault_each(tiny: Tiny) -> None:
    rows = rewritten(tiny, "乡镇", ["注：数据截至年底"], ["填表人：张三"])
    assert faults(tiny.folder) == [
        (FaultKind.NOTE_ROW, len(rows) - 1, ""),
        (FaultKind.NOTE_ROW, len(rows), ""),
    ]


def test_a_row_that_lacks_nearly_all_is_blamed_for_it_where_others_follow(tiny: Tiny) -> None:
    rows = rewritten(tiny, "乡镇")
    path = tiny.folder / "places.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    lines.insert(3, "T9999" + "," * (len(rows[0]) - 1))
    path.write_text("\n".join(lines), encoding="utf-8")
    found = faults(tiny.folder)
    assert (FaultKind.BLANK, 4, "name") in found
    assert FaultKind.NOTE_ROW not in {what for what, _, _ in found}


@pytest.mark.parametrize("word", ["小计", "合计"])
def test_a_sum_is_told_by_any_column_of_names_even_one_that_is_not_read(word: str, tiny: Tiny) -> None:
    path = tiny.folder / "places.csv"
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    width = lines[0].count(",")
    lines = [lines[0] + ",备注", *(line + "," for line in lines[1:])]
    lines.insert(4, "," * (width + 1) + word)
    path.write_text("\n".join(lines), encoding="utf-8")
    assert faults(tiny.folder) == [(FaultKind.TOTAL_ROW, 5, "")]


def test_a_column_of_bases_without_any_is_one_fault(tiny: Tiny) -> None:
    path = tiny.folder / "places.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    at = rows[0].index("people_65_basis")
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([*row[:at], *row[at + 1 :]] for row in rows)
    assert faults(tiny.folder) == [(FaultKind.NO_BASIS, None, "people_65_basis")]


def test_a_number_beyond_all_decimals_is_no_number(tiny: Tiny) -> None:
    path = tiny.folder / "places.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    rows[2][rows[0].index("people")] = "9e999999万人"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    assert (FaultKind.NOT_NUMBER, 3, "people") in faults(tiny.folder)
