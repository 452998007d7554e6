"""Estimates are possible districts: inside, distinct, adding up, the same for the same seed."""

import dataclasses
import hashlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from allocate import estimate as module
from allocate import tables
from allocate.bundle import bundled
from allocate.district import District, Fact, Institution, Place, Town
from allocate.errors import InputError, UsageError
from allocate.estimate import estimate, lacks, redraw, write_estimate
from allocate.read import read_district, read_list
from allocate.units import Basis
from allocate.words import speaking

BAODI = bundled() / "data" / "baodi"
SQUARE = {
    "type": "Polygon",
    "coordinates": (((117.2, 39.5), (117.4, 39.5), (117.4, 39.65), (117.2, 39.65), (117.2, 39.5)),),
}
BENT = {
    "type": "Polygon",
    "coordinates": (
        (
            (117.2, 39.5),
            (117.5, 39.5),
            (117.5, 39.52),
            (117.22, 39.52),
            (117.22, 39.7),
            (117.2, 39.7),
            (117.2, 39.5),
        ),
    ),
}
TO_METRES = pyproj.Transformer.from_crs(4326, 4548, always_xy=True)


def fact(indicator: str, value: int) -> Fact:
    return Fact(indicator, value, "persons", "2020-11-01", Basis.OFFICIAL, "census")


def village(number: int, town: str = "t0", **values: object) -> Place:
    return dataclasses.replace(Place(f"v{number}", f"village {number}", "village", town), **values)


def toy(
    places: list[Place], towns: list[Town], totals: dict[str, int] | None = None, shape: object = SQUARE
) -> District:
    given_totals = {"population": 100 * len(places)} if totals is None else totals
    return District(
        id="toy",
        name={"zh": "某区", "en": "Toy"},
        code="1",
        datum="wgs84",
        epsg=4548,
        places=tuple(places),
        towns=tuple(towns),
        institutions=(),
        facts={name: fact(name, value) for name, value in given_totals.items()},
        boundary=shape,  # type: ignore[arg-type]
    )


def towns_named(count: int, **values: object) -> list[Town]:
    return [dataclasses.replace(Town(f"t{i}", f"town {i}", "town"), **values) for i in range(count)]


def metres(records: object) -> np.ndarray:
    return np.array([TO_METRES.transform(r.lon, r.lat) for r in records])  # type: ignore[attr-defined]


def assert_sound(district: District) -> None:
    """Check what every estimate promises."""
    boundary = shapely.geometry.shape(district.boundary)
    spots = [(p.lon, p.lat) for p in district.places]
    assert all(shapely.contains_xy(boundary, *spot) for spot in spots)
    assert len(set(spots)) == len(spots)
    assert all(shapely.contains_xy(boundary, t.lon, t.lat) for t in district.towns)
    assert sum(p.people for p in district.places) == district.facts["population"].value
    for place in district.places:
        assert place.people >= 1
        assert place.people_65 is None or 0 <= place.people_65 <= place.people
        assert place.people_0_14 is None or 0 <= place.people_0_14 <= place.people - (place.people_65 or 0)


@pytest.fixture(scope="module")
def baodi() -> District:
    return read_district(BAODI)


@pytest.fixture(scope="module")
def drawn(baodi: District) -> Callable[[int], District]:
    """Return a function that draws Baodi again, each seed once."""
    return cache(lambda seed: redraw(baodi, seed))


@st.composite
def districts(draw: st.DrawFn) -> District:
    """Draw lists of every kind: towns with and without a centre, villages with and without people."""
    count = draw(st.integers(1, 6))
    towns = [
        Town(
            f"t{i}",
            f"town {i}",
            draw(st.sampled_from(tables.TOWN_KINDS)),
            near=draw(st.sampled_from(["", *(f"t{j}" for j in range(count))])),
        )
        for i in range(count)
    ]
    if draw(st.booleans()):
        towns[0] = dataclasses.replace(towns[0], lon=117.21, lat=39.51, position_basis=Basis.SURVEYED)
    kinds = draw(st.lists(st.sampled_from(tables.PLACE_KINDS), min_size=1, max_size=60))
    places = [Place(f"p{i}", f"place {i}", kind, f"t{draw(st.integers(0, count - 1))}") for i, kind in enumerate(kinds)]
    if draw(st.booleans()):
        places[0] = dataclasses.replace(
            places[0],
            lon=117.205,
            lat=39.505,
            position_basis=Basis.SURVEYED,
            people=draw(st.integers(1, 50)),
            people_basis=Basis.OFFICIAL,
        )
    population = draw(st.integers(len(places) + 50, 500_000))
    totals = {"population": population}
    if draw(st.booleans()):
        totals[tables.AGED_65] = draw(st.integers(0, population))
    if draw(st.booleans()):
        totals[tables.AGED_0_14] = draw(st.integers(0, population - totals.get(tables.AGED_65, 0)))
    if len(places) == 1 and places[0].people is not None:
        totals["population"] = places[0].people
        totals |= {tables.AGED_65: 0, tables.AGED_0_14: 0}
    return toy(places, towns, totals, draw(st.sampled_from([SQUARE, BENT])))


def test_a_list_lacks_what_an_estimate_fills_and_nothing_else(baodi: District) -> None:
    assert not lacks(baodi)
    place, town = baodi.places[0], baodi.towns[0]
    for gap in ({"lon": None, "lat": None}, {"people": None}, {"people_65": None}, {"people_0_14": None}):
        assert lacks(dataclasses.replace(baodi, places=(dataclasses.replace(place, **gap), *baodi.places[1:])))
    assert lacks(dataclasses.replace(baodi, towns=(dataclasses.replace(town, lon=None, lat=None), *baodi.towns[1:])))
    blank = tuple(dataclasses.replace(place, people_65=None, setting="") for place in baodi.places)
    facts = {name: total for name, total in baodi.facts.items() if name != tables.AGED_65}
    assert lacks(dataclasses.replace(baodi, places=blank)), "the district's total is published"
    assert not lacks(dataclasses.replace(baodi, places=blank, facts=facts)), "nobody says how many are old"


@settings(max_examples=60, deadline=None)
@given(districts(), st.integers(0, 2**40))
def test_any_list_becomes_a_district_inside_its_boundary_that_adds_up(raw: District, seed: int) -> None:
    found = estimate(raw, seed)
    assert_sound(found)
    if tables.AGED_65 in raw.facts:
        assert sum(p.people_65 for p in found.places) == raw.facts[tables.AGED_65].value
    if tables.AGED_0_14 in raw.facts:
        assert sum(p.people_0_14 for p in found.places) == raw.facts[tables.AGED_0_14].value
    assert estimate(raw, seed) == found


@settings(max_examples=60, deadline=None)
@given(districts(), st.integers(0, 2**40))
def test_what_is_given_stays_and_what_is_filled_in_is_flagged(raw: District, seed: int) -> None:
    found = estimate(raw, seed)
    for before, after in zip([*raw.places, *raw.towns], [*found.places, *found.towns], strict=True):
        for field in dataclasses.fields(before):
            old, new = getattr(before, field.name), getattr(after, field.name)
            assert old in (None, "") or old == new
        assert after.position_basis == (before.position_basis or Basis.ESTIMATED)
    for before, after in zip(raw.places, found.places, strict=True):
        assert after.people_basis == (before.people_basis or Basis.ESTIMATED)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**63))
def test_every_draw_of_baodi_is_a_sound_district(baodi: District, seed: int) -> None:
    found = redraw(baodi, seed)
    assert_sound(found)
    by_setting = Counter[str]()
    for place in found.places:
        by_setting[place.setting] += place.people or 0
    assert by_setting == {"urban": 309_040, "rural": 413_327}
    assert sum(p.people_65 or 0 for p in found.places) == 114_316


@pytest.mark.parametrize("seed", [1, 2, 3, 40, 500])
def test_neighbouring_villages_are_about_as_far_apart_as_they_are_known_to_be(
    drawn: Callable[[int], District], seed: int
) -> None:
    spots = metres([p for p in drawn(seed).places if p.kind == "village"])
    nearest = cKDTree(spots).query(spots, k=2)[0][:, 1]
    assert 1_000 <= np.median(nearest) <= 1_400


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_estimated_comes_nearer_to_a_place_than_the_separation(
    drawn: Callable[[int], District], seed: int
) -> None:
    places = drawn(seed).places
    nearest = cKDTree(metres(places)).query(metres(places), k=2)[0][:, 1]
    estimated = [i for i, p in enumerate(places) if p.position_basis is Basis.ESTIMATED]
    # Rounding to six decimals moves a point by a tenth of a metre.
    assert nearest[estimated].min() >= module.SEPARATION_M - 0.2


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_village_lies_nearer_to_its_own_centre_than_to_the_centres_on_average(
    drawn: Callable[[int], District], seed: int
) -> None:
    found = drawn(seed)
    centres = dict(zip([t.id for t in found.towns], metres(found.towns), strict=True))
    villages = [p for p in found.places if p.kind == "village"]
    for spot, place in zip(metres(villages), villages, strict=True):
        others = np.mean([np.hypot(*(spot - centre)) for centre in centres.values()])
        assert np.hypot(*(spot - centres[place.town])) < others, place.id


def test_communities_stand_closer_together_than_villages(baodi: District) -> None:
    def spacing(kind: str) -> float:
        spots = metres([p for p in baodi.places if p.kind == kind])
        return float(np.median(cKDTree(spots).query(spots, k=2)[0][:, 1]))

    assert spacing("community") < 0.6 * spacing("village")


def test_a_town_said_to_be_near_another_is_put_near_it(drawn: Callable[[int], District]) -> None:
    for seed in range(5):
        found = {t.id: t for t in drawn(seed).towns}
        for town in found.values():
            if town.near:
                here, there = metres([town, found[town.near]])
                assert np.hypot(*(here - there)) <= module.NEAR_MOST_M + 1


def test_towns_that_are_near_each_other_and_nothing_else_still_find_a_place() -> None:
    towns = [Town("a", "a", "town", near="b"), Town("b", "b", "town", near="a")]
    assert_sound(estimate(toy([village(1, "a"), village(2, "b")], towns), 1))


def test_another_seed_gives_another_district_and_the_same_seed_the_same(baodi: District) -> None:
    assert redraw(baodi, 7) == redraw(baodi, 7)
    assert redraw(baodi, 7).places != redraw(baodi, 8).places


def test_a_redraw_forgets_the_draw_before(baodi: District) -> None:
    assert redraw(redraw(baodi, 5), 1) == baodi


# (This process has a seed of its own.)
@pytest.mark.parametrize("hash_seed", ["4711"])
def test_the_draw_does_not_depend_on_the_hash_seed_of_the_process(baodi: District, hash_seed: str) -> None:
    code = (
        "import sys, hashlib; from pathlib import Path;"
        "from allocate.read import read_district; from allocate.estimate import redraw;"
        "d = redraw(read_district(Path(sys.argv[1])), 9);"
        "print(hashlib.sha256(repr((d.places, d.towns, d.institutions)).encode()).hexdigest())"
    )
    env = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(Path(module.__file__).parents[1])}
    run = subprocess.run([sys.executable, "-c", code, str(BAODI)], env=env, capture_output=True, text=True, check=True)
    here = redraw(baodi, 9)
    mine = hashlib.sha256(repr((here.places, here.towns, here.institutions)).encode()).hexdigest()
    assert run.stdout.strip() == mine


def test_a_hub_assumed_at_a_centre_moves_with_it_and_one_that_is_surveyed_stays(baodi: District) -> None:
    estimated = next(t for t in baodi.towns if t.position_basis is Basis.ESTIMATED)
    hub = next(i for i in baodi.institutions if i.town == estimated.id and i.kind == "township_hospital")
    stays = dataclasses.replace(hub, id="stays", position_basis=Basis.SURVEYED)
    found = redraw(dataclasses.replace(baodi, institutions=(hub, stays)), 2)
    town = next(t for t in found.towns if t.id == estimated.id)
    assert (town.lon, town.lat) != (estimated.lon, estimated.lat)
    assert (found.institutions[0].lon, found.institutions[0].lat) == (town.lon, town.lat)
    assert found.institutions[1] == stays


def test_an_institution_assumed_in_a_village_moves_with_the_village(baodi: District) -> None:
    home = next(p for p in baodi.places if p.position_basis is Basis.ESTIMATED)
    clinic = Institution(
        "c", "c", "clinic", home.town, Basis.ASSUMED, home.lon, home.lat, Basis.ASSUMED, "x", place=home.id
    )
    found = redraw(dataclasses.replace(baodi, institutions=(clinic,)), 2)
    moved = next(p for p in found.places if p.id == home.id)
    assert (found.institutions[0].lon, found.institutions[0].lat) == (moved.lon, moved.lat)
    assert (moved.lon, moved.lat) != (home.lon, home.lat)


def test_only_the_villages_of_one_town_lack_a_position_and_they_come_to_stand_there(baodi: District) -> None:
    town = next(t for t in baodi.towns if t.name == "大口屯镇")
    places = tuple(
        p if p.town == town.id and p.kind == "village" else dataclasses.replace(p, position_basis=Basis.SURVEYED)
        for p in baodi.places
    )
    towns = tuple(dataclasses.replace(t, position_basis=Basis.SURVEYED) for t in baodi.towns)
    found = redraw(dataclasses.replace(baodi, places=places, towns=towns), 3)
    centre = metres([town])[0]
    mine = metres([p for p in found.places if p.town == town.id])
    assert np.hypot(*(mine - centre).T).max() < 12_000
    others = [(new, old) for new, old in zip(found.places, places, strict=True) if new.town != town.id]
    assert all((new.lon, new.lat) == (old.lon, old.lat) for new, old in others)


def test_people_that_are_given_are_taken_from_the_total_and_the_rest_is_spread() -> None:
    known = village(1, people=700, people_basis=Basis.OFFICIAL)
    found = estimate(toy([known, village(2), village(3)], towns_named(1), {"population": 1_000}), 1)
    assert found.places[0].people == 700
    assert found.places[1].people + found.places[2].people == 300


def test_the_young_are_a_share_of_those_who_are_not_old() -> None:
    places = [
        village(1, people=100, people_basis=Basis.OFFICIAL, people_65=60, people_65_basis=Basis.OFFICIAL),
        village(2, people=100, people_basis=Basis.OFFICIAL, people_65=0, people_65_basis=Basis.OFFICIAL),
    ]
    found = estimate(toy(places, towns_named(1), {"population": 200, tables.AGED_0_14: 70}), 1)
    # 40 and 100 people are under 65; 70 of these 140 are young, half of them.
    assert [(place.people_0_14, place.people_0_14_basis) for place in found.places] == [
        (20, Basis.ESTIMATED),
        (50, Basis.ESTIMATED),
    ]


def test_a_village_has_at_least_the_old_people_it_is_known_to_have() -> None:
    places = [village(i, people_65=90, people_65_basis=Basis.SURVEYED) for i in range(10)]
    totals = {"population": 950, tables.AGED_65: 900}
    assert_sound(estimate(toy(places, towns_named(1), totals), 1))


def test_settings_follow_the_stated_rule_and_a_given_setting_stays() -> None:
    towns = [Town("s", "s", "street"), Town("t", "t", "town")]
    places = [
        village(1, "s"),
        village(2, "t"),
        village(3, "t", kind="community"),
        village(4, "t", kind="zone"),
        village(5, "s", setting="rural"),
    ]
    found = estimate(toy(places, towns), 1)
    assert [p.setting for p in found.places] == ["urban", "rural", "urban", "urban", "rural"]


def test_one_published_setting_is_enough_because_the_other_is_the_rest() -> None:
    towns = [Town("s", "s", "street"), Town("t", "t", "town")]
    places = [village(i, "s" if i < 5 else "t") for i in range(20)]
    found = estimate(toy(places, towns, {"population": 10_000, tables.RURAL: 6_000}), 1)
    assert sum(p.people for p in found.places if p.setting == "urban") == 4_000


def test_redrawing_a_list_without_a_published_total_moves_places_and_keeps_people() -> None:
    places = [village(i, people=10 + i, people_basis=Basis.ESTIMATED) for i in range(5)]
    first = estimate(toy(places, towns_named(2), {}), 1)
    second = redraw(first, 2)
    assert [p.people for p in second.places] == [10, 11, 12, 13, 14]
    assert [p.lon for p in second.places] != [p.lon for p in first.places]


def test_a_list_of_thousands_of_villages_is_estimated_in_parts() -> None:
    places = [village(i, f"t{i % 30}") for i in range(5_000)]
    found = estimate(toy(places, towns_named(30)), 1)
    assert_sound(found)
    assert len(places) > module.DENSE_LIMIT


def test_sharing_out_in_parts_gives_each_town_its_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DENSE_LIMIT", 40)
    found = estimate(toy([village(i, f"t{i % 7}") for i in range(300)], towns_named(7)), 1)
    assert_sound(found)


def test_a_small_built_up_district_still_has_room_for_its_communities() -> None:
    block = shapely.geometry.mapping(shapely.box(117.20, 39.50, 117.21, 39.51))
    places = [village(i, f"t{i % 3}", kind="community") for i in range(200)]
    assert_sound(estimate(toy(places, towns_named(3), shape=block), 1))


def problem_of(error: pytest.ExceptionInfo[InputError] | pytest.ExceptionInfo[UsageError]) -> str:
    for language in ("zh", "en"):
        with speaking(language):
            assert error.value.sentence()
    (problem,) = error.value.problems
    return problem.what


PEOPLE = {"people": 50, "people_basis": Basis.OFFICIAL}
STREET = [Town("t0", "street", "street")]


@pytest.mark.parametrize(
    ("what", "places", "totals", "towns"),
    [
        ("estimate.no_total", [village(1)], {}, None),
        ("estimate.total_small", [village(1, **PEOPLE), village(2)], {"population": 50}, None),
        ("estimate.total_small", [village(1), village(2)], {"population": 1}, None),
        (
            "estimate.total_left",
            [village(1), village(2, setting="urban", **PEOPLE)],
            {"population": 100, tables.URBAN: 60, tables.RURAL: 40},
            None,
        ),
        (
            "estimate.settings_sum",
            [village(1)],
            {"population": 100, tables.URBAN: 60, tables.RURAL: 50},
            None,
        ),
        ("estimate.settings_sum", [village(1)], {"population": 100, tables.URBAN: 160}, None),
        ("estimate.aged_total", [village(1)], {"population": 100, tables.AGED_65: 101}, None),
        (
            "estimate.young_total",
            [village(1)],
            {"population": 100, tables.AGED_65: 30, tables.AGED_0_14: 71},
            None,
        ),
        ("estimate.total_left", [village(1)], {"population": 100, tables.RURAL: 40}, STREET),
    ],
)
def test_totals_that_contradict_the_list_are_named_with_a_cure(
    what: str, places: list[Place], totals: dict[str, int], towns: list[Town] | None
) -> None:
    if what == "estimate.total_left" and towns:
        totals = {"population": 100, tables.RURAL: 40, tables.URBAN: 60}
    with pytest.raises(InputError) as error:
        estimate(toy(places, towns or towns_named(1), totals), 1)
    assert problem_of(error) == what
    assert error.value.problems[0].file == tables.FACTS.file


def test_a_boundary_with_no_room_is_refused() -> None:
    speck = shapely.geometry.mapping(shapely.box(117.2, 39.5, 117.20002, 39.50002))
    for kind in ("village", "community"):
        places = [village(i, kind=kind) for i in range(500)]
        with pytest.raises(InputError) as error:
            estimate(toy(places, towns_named(1), shape=speck), 1)
        assert problem_of(error) == "estimate.boundary_small"


@pytest.mark.parametrize("epsg", [4326, 2263, 32767])
def test_a_coordinate_system_that_is_not_in_metres_is_refused(epsg: int) -> None:
    with pytest.raises(InputError) as error:
        estimate(dataclasses.replace(toy([village(1)], towns_named(1)), epsg=epsg), 1)
    assert problem_of(error) == "estimate.epsg"


def test_a_position_without_its_basis_is_refused() -> None:
    with pytest.raises(InputError) as error:
        estimate(toy([village(1, lon=117.3, lat=39.6)], towns_named(1)), 1)
    assert problem_of(error) == "problem.no_basis"


def test_a_negative_seed_and_an_endless_list_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError) as error:
        estimate(toy([village(1)], towns_named(1)), -1)
    assert problem_of(error) == "estimate.seed"
    monkeypatch.setattr(module, "MOST_PLACES", 3)
    with pytest.raises(UsageError) as error:
        estimate(toy([village(i) for i in range(4)], towns_named(1)), 1)
    assert problem_of(error) == "estimate.too_many"


def test_what_is_written_reads_back_the_same(tmp_path: Path, baodi: District) -> None:
    drawn = redraw(baodi, 4)
    write_estimate(drawn, tmp_path / "new" / "baodi")
    found = read_district(tmp_path / "new" / "baodi")
    assert dataclasses.replace(found, inputs={}) == dataclasses.replace(drawn, inputs={})
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["baodi"]


def test_own_travel_times_are_written_too(tmp_path: Path) -> None:
    raw = toy([village(1), village(2)], towns_named(1))
    drawn = dataclasses.replace(estimate(raw, 1), travel={("v1", "v2", "walk"): 12.5})
    write_estimate(drawn, tmp_path / "toy")
    assert read_district(tmp_path / "toy").travel == drawn.travel


def test_licences_and_comments_of_the_source_folder_are_kept(tmp_path: Path) -> None:
    write_estimate(estimate(read_list(BAODI), 1), tmp_path / "copy", source=BAODI)
    for name in ("boundary.geojson", "district.toml", "SOURCES.md"):
        assert (tmp_path / "copy" / name).read_bytes() == (BAODI / name).read_bytes()


def test_a_name_that_looks_like_a_formula_is_written_as_text(tmp_path: Path) -> None:
    drawn = estimate(toy([village(1, name="=1+1")], towns_named(1)), 1)
    write_estimate(drawn, tmp_path / "toy")
    assert read_district(tmp_path / "toy").places[0].name == "'=1+1"


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path, baodi: District) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError) as error:
        write_estimate(baodi, tmp_path)
    assert problem_of(error) == "estimate.folder_full"
    with pytest.raises(UsageError):
        write_estimate(baodi, tmp_path / "mine.txt")
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_an_empty_folder_is_filled(tmp_path: Path, baodi: District) -> None:
    (tmp_path / "empty").mkdir()
    write_estimate(baodi, tmp_path / "empty")
    assert read_district(tmp_path / "empty").places == baodi.places


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path, baodi: District, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UsageError) as error:
        write_estimate(baodi, tmp_path / "new")
    assert problem_of(error) == "estimate.folder_failed"
    assert list(tmp_path.iterdir()) == []
