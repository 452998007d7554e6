"""What planners call tables, columns and values: every one has a Chinese name, and no name means two things."""

import re

import pytest

from allocate.files.finding import table_names
from allocate.synonyms import (
    BOUNDARY,
    ROADS,
    choice_called,
    choices_of,
    column_called,
    fold,
    heading_of,
    heading_words,
    is_unread,
    table_called,
    table_words,
)
from allocate.tables import TABLES, Column, Table
from allocate.values import read_cells

HAN = re.compile(r"[\u4e00-\u9fff]")
CHOICES = [(table, column) for table in TABLES for column in table.columns if column.choices]


def named(table: Table, column: Column) -> str:
    return f"{table.name}.{column.name}"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_no_heading_of_a_table_means_two_columns(table: Table) -> None:
    meant: dict[str, set[str]] = {}
    for column in table.columns:
        for word in (column.name, *heading_words(table, column.name)):
            meant.setdefault(fold(word), set()).add(column.name)
            assert column_called(table, word) == column.name
    assert {word: columns for word, columns in meant.items() if len(columns) > 1} == {}


def test_no_name_means_two_tables() -> None:
    meant: dict[str, set[str]] = {}
    for name in table_names():
        for word in (name, *table_words(name)):
            meant.setdefault(fold(word), set()).add(name)
            assert table_called(word) == name
    assert {word: found for word, found in meant.items() if len(found) > 1} == {}
    assert {BOUNDARY, ROADS} <= set(table_names())


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_table_and_column_has_a_chinese_name_that_is_read_before_it_is_passed_over(table: Table) -> None:
    assert HAN.search(table_words(table.name)[0])
    for column in table.columns:
        heading = heading_of(table, column.name, "zh")
        assert HAN.search(heading), column.name
        assert not is_unread(heading), column.name


@pytest.mark.parametrize(("table", "column"), CHOICES, ids=[named(*choice) for choice in CHOICES])
def test_every_choice_has_a_chinese_name_and_no_name_means_two_choices(table: Table, column: Column) -> None:
    for choice in column.choices:
        name = choice_called(column.name, choice, "zh")
        assert HAN.search(name), choice
        assert read_cells(column, [name, choice]).values == [choice, choice]
    for word, codes in choices_of(column.name).items():
        assert len(set(codes) & set(column.choices)) <= 1, word


# Headings of lists that offices have, and what they are.
LISTS = {
    "places": {
        **dict.fromkeys(("统计用区划代码", "村（居）代码", "地址码", "行政村代码"), "id"),
        **dict.fromkeys(("村委会名称", "村（居）名称", "行政村"), "name"),
        **dict.fromkeys(("城乡分类代码", "城乡划分"), "setting"),
        **dict.fromkeys(("常住人口（万人）", "年末常住人口", "常住人口数*"), "people"),
        **dict.fromkeys(("65周岁及以上人口", "65 岁及以上常住人口"), "people_65"),
        **dict.fromkeys(("户数", "总户数"), "households"),
        **dict.fromkeys(("联系电话", "填报单位", "户籍人口"), ""),
    },
    "institutions": {
        **dict.fromkeys(("医疗机构代码", "机构编码"), "id"),
        **dict.fromkeys(("医疗机构名称", "单位名称"), "name"),
        **dict.fromkeys(("卫生机构类别", "机构类型"), "kind"),
        **dict.fromkeys(("机构级别", "医院等次"), "level"),
        **dict.fromkeys(("机构分类管理", "举办性质"), "ownership"),
        **dict.fromkeys(("统一社会信用代码", "法定代表人", "邮政编码"), ""),
    },
    "care_homes": {"养老服务机构名称": "name", "床位总数": "beds", "协议医疗机构编号": "institution", "详细地址": ""},
}


@pytest.mark.parametrize("name", LISTS)
def test_headings_of_lists_that_offices_have_are_understood(name: str) -> None:
    table = next(table for table in TABLES if table.name == name)
    assert {heading: column_called(table, heading) for heading in LISTS[name]} == LISTS[name]


@pytest.mark.parametrize(
    ("code", "setting"), [(111, "urban"), (112, "urban"), ("121", "urban"), (210, "rural"), (220, "rural")]
)
def test_codes_of_the_statistical_office_tell_town_from_country(code: int | str, setting: str) -> None:
    column = next(table for table in TABLES if table.name == "places").column("setting")
    assert read_cells(column, [code]).values == [setting]
