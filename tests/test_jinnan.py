"""Jinnan: the list as published, what its document asks for worked out by hand, and a quick look at its sites."""

from collections import Counter
from fractions import Fraction

import pytest

from allocate.bundle import bundled
from allocate.candidates import make_case
from allocate.case import Case
from allocate.consistency import findings
from allocate.district import District
from allocate.looking import look
from allocate.model import Model, changed, read_model
from allocate.read import read_district
from allocate.rows import Number
from allocate.tables import HUB_KINDS
from allocate.units import Basis


@pytest.fixture(scope="module")
def jinnan() -> District:
    return read_district(bundled() / "data" / "jinnan")


@pytest.fixture(scope="module")
def model() -> Model:
    return read_model("jinnan")


@pytest.fixture(scope="module")
def case(jinnan: District, model: Model) -> Case:
    return make_case(jinnan, model)


def test_the_list_is_whole(jinnan: District) -> None:
    assert Counter(place.kind for place in jinnan.places) == {"village": 151, "community": 124, "zone": 31}
    assert Counter(town.kind for town in jinnan.towns) == {"street": 3, "town": 8}
    assert Counter(item.kind for item in jinnan.institutions) == {
        "hospital": 2,
        "township_hospital": 8,
        "community_centre": 3,
    }


def test_a_street_has_a_community_centre_and_a_town_a_township_hospital(jinnan: District) -> None:
    kinds = {town.id: "community_centre" if town.kind == "street" else "township_hospital" for town in jinnan.towns}
    hubs = [item for item in jinnan.institutions if item.kind != "hospital"]
    assert {hub.town: hub.kind for hub in hubs} == kinds
    centres = {town.id: (town.lon, town.lat) for town in jinnan.towns}
    for hub in hubs:
        assert (hub.lon, hub.lat) == centres[hub.town]
        assert hub.name_basis is hub.position_basis is Basis.ASSUMED


def test_positions_say_what_they_rest_on(jinnan: District) -> None:
    assert Counter(place.position_basis for place in jinnan.places) == {Basis.SURVEYED: 3, Basis.ESTIMATED: 303}
    assert Counter(town.position_basis for town in jinnan.towns) == {Basis.SURVEYED: 8, Basis.ESTIMATED: 3}


def test_people_are_those_of_the_census_and_all_of_them_urban(jinnan: District) -> None:
    assert jinnan.people == 928_066
    assert {place.setting for place in jinnan.places} == {"urban"}
    assert sum(place.people_65 or 0 for place in jinnan.places) == 95_387
    assert sum(place.people_0_14 or 0 for place in jinnan.places) == 125_196


def test_four_special_zones_have_host_towns(jinnan: District) -> None:
    names = {town.id: town.name for town in jinnan.towns}
    hosts = {(place.zone, names[place.town]) for place in jinnan.places if place.zone}
    assert hosts == {
        ("长青地区", "双林街道"),
        ("津南开发区东区", "双桥河镇"),
        ("津南开发区西区", "双港镇"),
        ("津南国家农业园区", "八里台镇"),
    }


def asked(model: Model, case: Case, rule: str) -> dict[str, Number]:
    """Return what the rows of a rule want at least, by what they are about."""
    found = model.rules[rule].rows(case)
    return {" ".join(map(str, row.about)).strip(): row.target for row in found if row.sense == ">="}


def test_the_count_of_nurses_asks_for_more_in_2025_and_their_rate_in_2027(model: Model, case: Case) -> None:
    # JN-T01: 4,000. JN-T02: 4.3 × 928.066 = 3,990.7, so 3,991. JN-T03: 4,600. JN-T04: 5 × 928.066 = 4,640.3: 4,641.
    nurses = [asked(model, case, name) for name in ("JN-T01", "JN-T02", "JN-T03", "JN-T04")]
    assert nurses == [{"2025 least": 4_000}, {"2025 least": 3_991}, {"2027 least": 4_600}, {"2027 least": 4_641}]


def test_the_check_says_which_reading_of_nurses_binds(jinnan: District, model: Model, case: Case) -> None:
    pairs = {one.clauses: one.words for one in findings(model, jinnan, case) if one.kind == "count_rate"}
    assert pairs == {
        ("JN-T01", "JN-T02"): "finding.count_binds",
        ("JN-T03", "JN-T04"): "finding.rate_binds",
    }


def test_shares_of_institutions_are_counted_by_hand(model: Model, case: Case) -> None:
    hubs = [site.id for site in case.sites if site.kind in HUB_KINDS]
    # JN-T05: all 3 centres and 8 township hospitals are linked to each of four kinds of shared centre.
    shared = ("imaging", "ecg", "pathology", "laboratory")
    assert asked(model, case, "JN-T05") == {f"{name} 2025": 11 for name in shared}
    # JN-T07: all 11. JN-T09: both hospitals. JN-T10: 85 % of 2 + 11 institutions are 11.05, so 12 of them.
    assert asked(model, case, "JN-T07") == {"basic_standard 2025": 11}
    assert asked(model, case, "JN-T09") == {"geriatric_department 2025": 2}
    assert asked(model, case, "JN-T10") == {"elderly_friendly 2025": Fraction(221, 20)}
    # JN-T08: one gold-medal team at each of the 11. JN-T11: every one of the 11 care homes.
    assert asked(model, case, "JN-T08") == {f"{hub} 2025": 1 for hub in hubs}
    assert asked(model, case, "JN-T11") == {"2025": 11}


def test_wards_without_companions_can_only_be_at_jinnan_hospital(model: Model, case: Case) -> None:
    # JN-T16 names the hospital: only its function brings wards, three of which are asked for.
    assert asked(model, case, "JN-T16") == {"2025 least": 3}
    carrier = model.functions["no_companion_nursing"]
    assert carrier.only == ("hospital-120112-1",)
    assert carrier.brings == {"no_companion_wards": 6}


def test_the_experts_of_the_city_are_called_as_in_the_other_farming_district(model: Model) -> None:
    other = read_model("baodi")
    assert model.supporters.keys() == other.supporters.keys()
    city = {name for name, pool in other.pools.items() if set(pool.hospitals) & set(other.supporters)}
    assert len(city) == 4
    for name in city:
        assert model.pools[name].specialty == other.pools[name].specialty


def test_a_look_at_the_sites_alone_keeps_every_clause_with_as_few_stations_as_the_standard_allows(
    jinnan: District, model: Model
) -> None:
    figures = look(jinnan, changed(model, {"decides": '["siting"]'})).figures
    assert figures["missed"] == []
    assert set(figures["people"].values()) == {928_066}
    # ST-12: four in five people within 15 minutes on foot.
    assert all(served >= 0.8 * 928_066 for served in figures["served"].values())
    # ST-16: one station per 10,000 to 15,000 people: 928,066 ÷ 15,000 = 61.9, so 62 at least, and 92 at most.
    kinds = Counter(site.split("-")[0] for site in figures["standing"])
    assert kinds["station"] == 62
    # 600,000 yuan for a station, 150,000 for a clinic.
    assert figures["capital"]["2025"] == 62 * 600_000 + kinds["clinic"] * 150_000
