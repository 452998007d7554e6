"""The shipped district of Baodi says what its sources say, and nothing more."""

from collections import Counter

import pytest

from allocate.bundle import bundled
from allocate.district import District
from allocate.fault_kinds import FaultKind
from allocate.files.finding import TEXT, WORKBOOKS, TableSource
from allocate.files.layers import LAYER_SUFFIXES
from allocate.read import read_district
from allocate.report.columns import columns_page
from allocate.synonyms import heading_words, table_words
from allocate.tables import FIELDS, HUB_KINDS, INSTITUTIONS, PLACES, STAFF, TABLES, TRAVEL, Table
from allocate.units import Basis
from allocate.values import read_cells

DATA = bundled() / "data"
BAODI = DATA / "baodi"


@pytest.fixture(scope="module")
def baodi() -> District:
    return read_district(BAODI)


def test_the_list_is_whole(baodi: District) -> None:
    assert Counter(place.kind for place in baodi.places) == {"village": 751, "community": 63, "zone": 8}
    assert Counter(town.kind for town in baodi.towns) == {"street": 6, "town": 18}
    assert len({place.id for place in baodi.places}) == 822


def test_positions_say_what_they_rest_on(baodi: District) -> None:
    assert Counter(place.position_basis for place in baodi.places) == {
        Basis.SURVEYED: 21,
        Basis.ESTIMATED: 801,
    }
    assert Counter(town.position_basis for town in baodi.towns) == {Basis.SURVEYED: 19, Basis.ESTIMATED: 5}
    assert {item.position_basis for item in baodi.institutions} == {Basis.ASSUMED}


def test_people_are_those_of_the_census(baodi: District) -> None:
    people = Counter[str]()
    for place in baodi.places:
        people[place.setting] += place.people or 0
    assert people == {"urban": 309_040, "rural": 413_327}
    assert baodi.people == 722_367
    assert sum(place.people_65 or 0 for place in baodi.places) == 114_316
    assert sum(place.people_0_14 or 0 for place in baodi.places) == 106_903


def test_the_urban_and_rural_split_is_the_stated_one(baodi: District) -> None:
    streets = {town.id for town in baodi.towns if town.kind == "street"}
    for place in baodi.places:
        rural = place.kind == "village" and place.town not in streets
        assert place.setting == ("rural" if rural else "urban")
    assert sum(place.setting == "rural" for place in baodi.places) == 595


def test_two_special_zones_have_host_towns(baodi: District) -> None:
    assert {zone for town in baodi.towns for zone in town.hosts.split(";") if zone} == {
        "宝坻经济开发区",
        "京津中关村科技城",
    }
    zoned = [place for place in baodi.places if place.zone]
    assert len(zoned) == 5


def test_there_are_four_hospitals_and_one_hub_per_town_and_nothing_unpublished(baodi: District) -> None:
    assert Counter(item.kind for item in baodi.institutions) == {"hospital": 4, "township_hospital": 24}
    centres = {town.id: (town.lon, town.lat) for town in baodi.towns}
    hubs = [item for item in baodi.institutions if item.kind in HUB_KINDS]
    assert [hub.town for hub in hubs] == [town.id for town in baodi.towns]
    for hub in hubs:
        assert hub.id == f"hub-{hub.town}"
        assert hub.name_basis is Basis.ASSUMED
        assert (hub.lon, hub.lat) == centres[hub.town]


def test_the_page_of_columns_is_not_stale() -> None:
    again = (
        'python -c "from pathlib import Path; from allocate.report.columns import columns_page; '
        "Path('data/README.md').write_text(columns_page(), encoding='utf-8')\""
    )
    assert (DATA / "README.md").read_text(encoding="utf-8") == columns_page(), f"Run: {again}"


def test_the_page_of_columns_names_every_column_in_both_languages() -> None:
    page = columns_page()
    for table in TABLES:
        assert page.count(f"## {table.file}\n") == 2
        for column in table.columns:
            assert page.count(f"| `{column.name}` | {column.zh} |") >= 1
            assert page.count(f"| `{column.name}` | {column.en} |") >= 1


@pytest.mark.parametrize(
    ("table", "name", "cells", "value"),
    [
        (PLACES, "people", ("1200", "1,200人", "1,200 people", "１２００", "约1200", "0.12万人"), 1200),
        (TRAVEL, "minutes", ("1.5小时", "1.5 hours"), 90),
        (PLACES, "people", ("3公里", "3 km", "12,00"), FaultKind),
        (INSTITUTIONS, "level", ("二级",), 2),
        (INSTITUTIONS, "level", ("三甲",), 3),
        (PLACES, "lon", ("117.3462", "东经117.3462", "117.3462E"), 117.3462),
        (PLACES, "lon", ("117°20'46\"", "117度20分46秒"), 117.346111111),
        (PLACES, "kind", ("village", "村", "行政村"), "village"),
        (PLACES, "people_basis", ("official", "公布", "published"), "official"),
        (FIELDS, "has", ("yes", "有", "√"), "yes"),
        (STAFF, "resource", ("护士",), "nurses"),
        (STAFF, "resource", ("physicians of primary care",), "primary_physicians"),
        (PLACES, "id", ("1.20115E+11",), FaultKind),
        (INSTITUTIONS, "level", ("-", "—", "无", "NA"), None),
    ],
)
def test_cells_are_read_as_the_page_says(table: Table, name: str, cells: tuple[str, ...], value: object) -> None:
    page = columns_page()
    for cell in cells:
        assert f"`{cell}`" in page
        found = read_cells(table.column(name), [cell])
        if value is FaultKind:
            assert len(found.faults) == 1
        else:
            assert (found.values, found.faults) == ([value], [])


def test_the_page_names_every_format_key_and_heading_that_is_understood() -> None:
    page = columns_page()
    for ending in (*TEXT, *WORKBOOKS, *LAYER_SUFFIXES):
        assert page.count(ending) >= 2
    for key in TableSource.model_fields:
        assert page.count(f"`{key}`") >= 2
    for table in TABLES:
        for heading in (*table_words(table.name), *(w for c in table.columns for w in heading_words(table, c.name))):
            assert page.count(heading) >= 2
