"""Nankai: what its document says, worked out by hand, and stock that is known by its number alone."""

from collections import Counter

import pytest

from allocate.candidates import make_case
from allocate.case import Case
from allocate.checking import check_all
from allocate.district import District
from allocate.model import Model, read_model
from allocate.read import find_district, read_district
from allocate.rules import PeoplePerSite, Rate
from allocate.units import Basis
from allocate.words import speaking


@pytest.fixture(scope="module")
def nankai() -> District:
    return read_district(find_district("nankai"))


@pytest.fixture(scope="module")
def model() -> Model:
    return read_model("nankai")


@pytest.fixture(scope="module")
def case(nankai: District, model: Model) -> Case:
    return make_case(nankai, model)


def test_as_many_institutions_are_listed_as_the_document_counts(nankai: District) -> None:
    # 一（一）1, 2 and 4: 13 centres, 77 stations, 14 ambulance stations; 6 municipal hospitals, 5 of level 2, and one
    # centre for mothers and children.
    kinds = Counter(one.kind for one in nankai.institutions)
    assert kinds == {"community_centre": 13, "station": 77, "ems_station": 14, "hospital": 6 + 5 + 1}
    assert Counter(one.level for one in nankai.institutions if one.kind == "hospital") == {3: 6, 2: 5, None: 1}


def test_nobody_takes_an_estimated_position_for_a_known_one(nankai: District) -> None:
    assert {one.position_basis for one in nankai.institutions} == {Basis.ESTIMATED}
    assert {one.place_basis for one in nankai.institutions} == {Basis.ESTIMATED}
    for one in nankai.institutions:
        # (The document names no street but in the names of four centres.)
        named = one.kind == "community_centre" and one.id != "hub-13"
        assert one.town_basis is (None if named else Basis.ESTIMATED), one.id


def test_every_street_has_a_centre_and_no_community_two_stations(nankai: District) -> None:
    centres = Counter(one.town for one in nankai.institutions if one.kind == "community_centre")
    assert set(centres) == {town.id for town in nankai.towns}
    assert sorted(centres.values()) == [1] * 11 + [2]
    stations = [one.place for one in nankai.institutions if one.kind == "station"]
    assert len(set(stations)) == 77


def test_ages_of_the_other_count_are_scaled_to_the_people_of_the_streets(nankai: District) -> None:
    # 181,065 × 890,422 ÷ 917,106 = 175,796.7; 109,396 × 890,422 ÷ 917,106 = 106,213.1.
    assert nankai.facts["population_65_and_over"].value == 175_797
    assert nankai.facts["population_0_14"].value == 106_213
    assert nankai.facts["population_65_and_over"].basis is Basis.ESTIMATED
    assert nankai.facts["population_with_zones_65_and_over"].basis is Basis.OFFICIAL


def least(model: Model, case: Case, clause: str) -> int:
    rule = next(rule for rule in model.rules.values() if rule.clause == clause)
    assert isinstance(rule, Rate)
    return int(next(iter(rule.rows(case))).bound)


def test_the_indicators_ask_for_as_much_as_the_table_says(model: Model, case: Case) -> None:
    # 890,422 residents: beds 5.6 ‰ = 4,986.4; physicians 3.6 ‰ = 3,205.5; nurses 4 ‰ = 3,561.7; GPs 0.4 ‰ = 356.2.
    assert least(model, case, "NK-T01") == 4987
    assert least(model, case, "NK-T02") == 3206
    assert least(model, case, "NK-T03") == 3562
    assert least(model, case, "NK-T04") == 357


def test_stations_are_as_many_as_their_people_ask_for(model: Model, case: Case) -> None:
    # 890,422 people: at most 15,000 to a station takes 60, at least 10,000 allows 89; there are 77.
    rule = next(rule for rule in model.rules.values() if rule.clause == "ST-16")
    assert isinstance(rule, PeoplePerSite)
    assert (-(-890_422 // int(rule.at_most or 1)), 890_422 // int(rule.at_least or 1)) == (60, 89)
    assert sum(site.exists and site.kind == "station" for site in case.sites) == 77


def test_the_check_says_that_the_indicators_contradict_each_other_when_read_as_equations() -> None:
    # 3.6 physicians × 1.15 = 4.14 nurses, and not 4.
    with speaking("en"):
        said = list(check_all("nankai", {}))
    assert any("3.6 × 1.15 = 4.14" in line for line in said)


def test_the_city_document_on_consortia_of_farming_districts_does_not_apply(model: Model) -> None:
    assert model.regime == "city_group"
    assert not any(clause.startswith("TJ-") for clause in model.clauses)
