"""People of towns and districts spread over places by households, buildings or built-up area, to the person."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Tiny, call_allocate
from hypothesis import given
from hypothesis import strategies as st
from seeded_faults import add_columns, cells, table_of, write_table
from test_estimate import towns_named, toy, village

from allocate.district import District, Place, Town
from allocate.errors import InputError, UsageError
from allocate.estimate import estimate, forget_people, redraw
from allocate.read import read_district
from allocate.shares import spread_within
from allocate.spreading import by_measure, measure_of
from allocate.units import Basis
from allocate.words import speaking

SPOT = {"position_basis": Basis.SURVEYED, "setting": "rural"}


def listed(*rows: dict[str, Any]) -> list[Place]:
    """Return villages that stand apart, each with what is said of it."""
    return [village(n, lon=117.21 + n / 100, lat=39.55, **SPOT, **row) for n, row in enumerate(rows)]


def district(places: list[Place], *towns: Town, **totals: int) -> District:
    return toy(places, list(towns) or towns_named(1, lon=117.3, lat=39.55, position_basis=Basis.SURVEYED), totals)


def by(given_district: District, measure: str = "households", seed: int = 1) -> District:
    return estimate(given_district, seed, lambda whole: by_measure(whole, measure))


def people(found: District) -> list[int | None]:
    return [place.people for place in found.places]


def test_people_are_spread_by_households_and_say_so() -> None:
    # 1000 people in 100 + 250 + 50 households: 2.5 in each.
    rows = listed({"households": 100}, {"households": 250}, {"households": 50})
    with speaking("zh"):
        found = by(district(rows, population=1000))
    assert people(found) == [250, 625, 125]
    assert found.places[0].people_source == "全区人口按户数分摊（100 户，每户 2.5 人）"
    assert found.places[0].people_basis is Basis.ESTIMATED


def test_the_total_of_a_town_holds_for_its_places_and_the_others_share_the_rest() -> None:
    one, two = towns_named(2, lon=117.3, lat=39.55, position_basis=Basis.SURVEYED)
    told = replace(one, people=700, people_basis=Basis.OFFICIAL)
    rows = listed(*({"households": count} for count in (100, 250, 10, 20)))
    rows[2:] = [replace(place, town="t1") for place in rows[2:]]
    with speaking("zh"):
        found = by(district(rows, told, two, population=1000))
    assert people(found) == [200, 500, 100, 200]
    assert [place.people_source[:4] for place in found.places] == ["街镇合计", "街镇合计", "全区人口", "全区人口"]


def test_totals_of_all_towns_need_no_total_of_the_district() -> None:
    told = replace(towns_named(1)[0], lon=117.3, lat=39.55, position_basis=Basis.SURVEYED, people=90)
    assert people(by(district(listed({"households": 1}, {"households": 2}), told))) == [30, 60]


def test_totals_of_towns_hold_for_the_seeded_estimate_too() -> None:
    told = replace(towns_named(1)[0], people=90, people_basis=Basis.OFFICIAL)
    found = estimate(district(listed({}, {}, {}), told), 5)
    assert sum(place.people or 0 for place in found.places) == 90
    assert [place.people_source for place in found.places] == ["", "", ""]
    assert people(redraw(found, 6)) != people(found), "without anything to go by they are drawn"


def test_towns_that_do_not_add_up_to_the_district_are_refused() -> None:
    told = replace(towns_named(1)[0], people=90, people_basis=Basis.OFFICIAL)
    with pytest.raises(InputError) as found:
        by(district(listed({"households": 1}, {"households": 2}), told, population=91))
    assert [problem.what for problem in found.value.problems] == ["estimate.towns_sum"]


def test_a_town_with_fewer_people_than_its_places_are_known_to_have_is_refused() -> None:
    told = replace(towns_named(1)[0], people=90, people_basis=Basis.OFFICIAL)
    rows = listed({"people": 100, "people_basis": Basis.OFFICIAL}, {"households": 2})
    with pytest.raises(InputError) as found:
        by(district(rows, told))
    assert [problem.what for problem in found.value.problems] == ["estimate.town_small"]


def test_where_urban_people_are_published_and_towns_are_too_the_difference_is_said() -> None:
    told = replace(towns_named(1)[0], people=90, people_basis=Basis.OFFICIAL)
    found = by(district(listed({"households": 1}, {"households": 2}), told, population=90, population_urban=10))
    assert [(note.what, dict(note.details)) for note in found.warnings] == [
        ("estimate.settings_differ", {"urban": 0, "published": 10})
    ]


def test_a_village_without_households_gets_those_of_its_buildings_by_the_median_ratio_of_its_town() -> None:
    rows = listed(
        {"households": 100, "buildings": 50},  # 2 households to a building
        {"households": 90, "buildings": 30},  # 3
        {"households": 80, "buildings": 20},  # 4
        {"buildings": 10},  # so 30 households
        {},  # the median of 100, 90 and 80
    )
    with speaking("en"):
        weights = by_measure(district(rows, population=1), "households")
        assert weights.amounts == (100, 90, 80, 30, 90)
        found = by(district(rows, population=780))
        assert people(found) == [200, 180, 160, 60, 180]
        assert "worked out from buildings" in found.places[3].people_source
        assert "median" in found.places[4].people_source
        assert "2 place(s) have no households: village 3, village 4" in found.warnings[0].sentence()


def test_the_first_measure_that_the_list_has_is_taken() -> None:
    rows = listed({"built_up": 2500.5, "buildings": 0}, {"built_up": 10.0})
    assert measure_of(district(rows, population=1)) == "built_up"
    assert measure_of(district(listed({"households": 3, "built_up": 1.0}), population=1)) == "households"
    assert measure_of(district(listed({}), population=1)) == ""
    with pytest.raises(UsageError):
        measure_of(district(rows, population=1), "buildings")


def test_places_that_weigh_nothing_cannot_take_people() -> None:
    known = {"households": 5, "people": 4, "people_basis": Basis.OFFICIAL}
    with pytest.raises(InputError) as found:
        by(district(listed({"households": 0}, known), population=9))
    assert [problem.what for problem in found.value.problems] == ["estimate.nothing_there"]


def test_age_groups_of_a_town_hold_for_its_places_and_the_others_share_the_rest() -> None:
    one, two = towns_named(2, lon=117.3, lat=39.55, position_basis=Basis.SURVEYED)
    told = replace(one, people=300, people_basis=Basis.OFFICIAL, people_65=90, people_65_basis=Basis.OFFICIAL)
    rows = listed(*({"households": count} for count in (10, 20, 30, 30)))
    rows[2:] = [replace(place, town="t1") for place in rows[2:]]
    found = by(district(rows, told, two, population=900, population_65_and_over=150))
    # 100 and 200 people with 30 of 100 old; 300 and 300 with the other 60.
    assert [place.people_65 for place in found.places] == [30, 60, 30, 30]
    with pytest.raises(InputError) as refused:
        by(district(rows, replace(told, people_65=301), two, population=900, population_65_and_over=150))
    assert [problem.what for problem in refused.value.problems] == ["estimate.town_ages"]


def test_age_groups_of_all_towns_must_add_up_to_the_district() -> None:
    told = replace(
        towns_named(1)[0], people=90, people_basis=Basis.OFFICIAL, people_65=9, people_65_basis=Basis.OFFICIAL
    )
    rows = listed({"households": 1}, {"households": 2})
    assert [place.people_65 for place in by(district(rows, told)).places] == [3, 6]
    with pytest.raises(InputError) as found:
        by(district(rows, told, population_65_and_over=10))
    assert [problem.what for problem in found.value.problems] == ["estimate.towns_sum"]


def test_an_estimate_made_twice_says_its_sources_once() -> None:
    rows = listed({"households": 1}, {"households": 2, "people": 60, "people_basis": Basis.OFFICIAL})
    rows[1] = replace(rows[1], people_source="census")
    facts = {"population": 90, "population_65_and_over": 9}
    with speaking("en"):
        first = by(district(rows, **facts))
        second = by(forget_people(first))
    assert second.places == first.places
    assert first.places[1].people_source == "census; aged 65 and over: the share of town or district"


def test_another_draw_keeps_people_who_were_spread_by_households() -> None:
    rows = listed({"households": 10}, {"households": 30})
    nowhere = [replace(place, lon=None, lat=None, position_basis=None) for place in rows]
    first = by(district(nowhere, population=80))
    assert first.has_estimates
    second = redraw(first, 9)
    assert people(first) == people(second) == [20, 60]
    assert [place.lon for place in first.places] != [place.lon for place in second.places]


@given(numbers=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 300)), min_size=1, max_size=12), data=st.data())
def test_shares_within_bounds_add_up_and_keep_to_their_weights(
    numbers: list[tuple[int, int]], data: st.DataObject
) -> None:
    weights, most = [weight for weight, _ in numbers], [room for _, room in numbers]
    total = data.draw(st.integers(0, sum(most)))
    shares = spread_within(total, weights, most)
    assert sum(shares) == total
    assert all(0 <= share <= room for share, room in zip(shares, most, strict=True))
    # Who has room left has no less, by weight, than whoever has more than a person.
    for (weight, room), share in zip(numbers, shares, strict=True):
        if share < room and weight:
            for other, got in zip(weights, shares, strict=True):
                assert not other or got <= 1 or (got - 1) * weight <= (share + 1) * other


@given(
    households=st.lists(st.one_of(st.none(), st.integers(1, 900)), min_size=2, max_size=15).filter(any),
    total=st.integers(0, 5000),
    old=st.integers(0, 1000),
)
def test_sums_are_exact_whatever_households_there_are(households: list[int | None], total: int, old: int) -> None:
    rows = listed(*({} if count is None else {"households": count} for count in households))
    facts = {"population": total, "population_65_and_over": min(old, total)}
    found = by(district(rows, **facts))
    assert sum(place.people or 0 for place in found.places) == total
    assert sum(place.people_65 or 0 for place in found.places) == min(old, total)
    assert all((place.people_65 or 0) <= (place.people or 0) for place in found.places)


def without_people(folder: Path) -> None:
    """Take the people out of a list, and give the totals of its towns instead."""
    heading, *rows = table_of(folder / "places.csv")
    column = {name: heading.index(name) for name in heading}
    sums: dict[str, int] = {}
    for row in rows:
        sums[row[column["town"]]] = sums.get(row[column["town"]], 0) + int(row[column["people"]])
        for name in ("people", "people_basis", "people_65", "people_65_basis"):
            row[column[name]] = ""
    write_table(folder / "places.csv", [heading, *rows])
    add_columns("towns.csv", "people", "people_basis")(folder)
    for n, total in enumerate(sums.values(), 2):
        cells("towns.csv", n, people=str(total), people_basis="official")(folder)


def test_totals_of_towns_are_spread_by_households_in_a_planners_list(tiny: Tiny, tmp_path: Path) -> None:
    without_people(tiny.folder)
    add_columns("places.csv", "households")(tiny.folder)
    for row in range(2, 42):
        cells("places.csv", row, households=str(200 + row))(tiny.folder)
    done = call_allocate(tmp_path, "--language", "en", "estimate", tiny.folder, "--out", tmp_path / "made")
    assert done.returncode == 0, done.stderr
    made = read_district(tmp_path / "made")
    assert made.people == 34781
    assert made.towns[0].people == sum(place.people or 0 for place in made.places if place.town == "T1")
    assert made.places[0].people_source.startswith("total of the town spread by households (202 households")


ROADS = '{"type": "LineString", "coordinates": [[117.31, 39.61], [117.5, 39.74]]}'


def test_roads_come_along_where_the_new_folder_finds_them_by_name(tiny_list: Path, tmp_path: Path) -> None:
    (tiny_list / "roads.geojson").write_text(ROADS, encoding="utf-8")
    done = call_allocate(tmp_path, "--language", "en", "estimate", tiny_list, "--out", tmp_path / "made")
    assert done.returncode == 0, done.stderr
    assert "did not come along" not in done.stderr
    assert read_district(tmp_path / "made").roads is not None


def test_roads_that_the_card_speaks_of_are_named_as_left_behind(tiny_list: Path, tmp_path: Path) -> None:
    (tiny_list / "lines.geojson").write_text(ROADS, encoding="utf-8")
    card = tiny_list / "district.toml"
    card.write_text(card.read_text(encoding="utf-8") + '\n[tables.roads]\nfile = "lines.geojson"\n', encoding="utf-8")
    done = call_allocate(tmp_path, "--language", "en", "estimate", tiny_list, "--out", tmp_path / "made")
    assert done.returncode == 0, done.stderr
    assert "did not come along: lines.geojson" in done.stderr
    assert read_district(tmp_path / "made").roads is None
