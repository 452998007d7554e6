"""Institutions known by their number alone: where an estimate puts them, and that nothing else moves."""

import csv
import dataclasses
import io
import json
import shutil
from pathlib import Path

import pytest

from allocate.district import District, Institution, Place, Town
from allocate.errors import InputError
from allocate.estimate import estimate, lacks, redraw, write_estimate
from allocate.placing import placed
from allocate.plans import Plan, to_json
from allocate.read import read_district, read_list
from allocate.units import Basis
from allocate.verification import verify
from tests.test_estimate import toy

BAODI = Path(__file__).parents[1] / "data" / "baodi"


def town(code: str, x: float = 0, y: float = 0) -> Town:
    return Town(code, code, "street", lon=x, lat=y, position_basis=Basis.SURVEYED)


def place(code: str, of: str, people: int, x: float, y: float = 0, kind: str = "community") -> Place:
    basis = Basis.OFFICIAL
    return Place(code, code, kind, of, people=people, people_basis=basis, lon=x, lat=y, position_basis=Basis.SURVEYED)


def stock(code: str, kind: str = "station", of: str = "", **known: object) -> Institution:
    about = {"lon": None, "lat": None, "position_basis": None, "source": "count", "name_basis": Basis.ASSUMED}
    return Institution(id=code, name=code, kind=kind, town=of, **{**about, **known})  # type: ignore[arg-type]


def flat(spots: object) -> object:
    """Take degrees for metres, so that ways can be worked out by hand."""
    import numpy as np

    return np.array(spots, dtype=np.float64).reshape(-1, 2)


def put(institutions: list[Institution], towns: list[Town], places: list[Place]) -> tuple[Institution, ...]:
    return placed(institutions, towns, places, flat)  # type: ignore[arg-type]


def test_stations_are_shared_out_by_people_and_every_town_gets_one_first() -> None:
    # 600, 300 and 50 people; of 6 stations each town gets one. Then the next goes to most people to 2 n + 1:
    # 600/3 = 200, 300/3 = 100, 50/3: a; then 600/5 = 120 > 100: a; then 600/7 = 86 < 100: b.
    towns = [town("a"), town("b"), town("c")]
    people = {"a": 600, "b": 300, "c": 50}
    places = [place(f"{code}{n}", code, people[code] // 5, n) for code in people for n in range(5)]
    found = put([stock(f"s{n}") for n in range(6)], towns, places)
    assert [one.town for one in found] == ["a", "a", "a", "b", "b", "c"]
    assert {one.town_basis for one in found} == {Basis.ESTIMATED}


def test_what_a_town_has_counts_when_stations_are_shared_out() -> None:
    towns = [town("a"), town("b")]
    places = [place(f"{code}{n}", code, 100, n) for code in "ab" for n in range(4)]
    known = [stock(f"k{n}", of="a") for n in range(2)]
    found = put([*known, stock("new"), stock("next")], towns, places)
    assert [one.town for one in found[2:]] == ["b", "b"]
    assert found[0].town_basis is None, "the list gives its town"


def test_stations_stand_where_they_shorten_ways_most_and_never_two_at_one_place() -> None:
    # At 0, 100, 300 and 1000 m live 10, 10, 10 and 5 people. One station: at 0 ways are 1,000 + 3,000 + 5,000 = 9,000,
    # at 100 1,000 + 2,000 + 4,500 = 7,500, at 300 3,000 + 2,000 + 3,500 = 8,500, at 1000 far more. So at 100; then at
    # 1000 it saves 4,500, at 300 2,000 + 1,000; then at 300 2,000, at 0 1,000; then at 0.
    places = [place(f"p{x}", "a", people, x) for x, people in ((0, 10), (100, 10), (300, 10), (1000, 5))]
    found = put([stock(f"s{n}") for n in range(4)], [town("a")], places)
    assert [one.place for one in found] == ["p100", "p1000", "p300", "p0"]
    assert [one.lon for one in found] == [100, 1000, 300, 0]
    assert {(one.place_basis, one.position_basis) for one in found} == {(Basis.ESTIMATED, Basis.ESTIMATED)}


def test_more_stations_than_places_are_refused_with_the_numbers() -> None:
    places = [place("p", "a", 10, 0), place("q", "b", 10, 5)]
    with pytest.raises(InputError) as caught:
        put([stock("s"), stock("t", of="a"), stock("u", of="a")], [town("a"), town("b")], places)
    assert caught.value.problems[0].details["count"] == 2
    assert caught.value.problems[0].details["room"] == 1
    with pytest.raises(InputError, match="3"):
        put([stock("s"), stock("t"), stock("u")], [town("a"), town("b")], places)


def test_a_centre_stands_at_its_towns_centre_and_a_second_one_where_ways_are_long() -> None:
    places = [place(f"p{x}", "a", 10, x) for x in (0, 50, 400)]
    found = put([stock(f"c{n}", "community_centre") for n in range(2)], [town("a", 20, 5)], places)
    assert (found[0].lon, found[0].lat, found[0].place) == (20, 5, "")
    assert (found[1].lon, found[1].place) == (400, "p400")


def test_who_lives_near_a_centre_needs_no_station() -> None:
    places = [place("near", "a", 100, 0), place("far", "a", 20, 500)]
    stations = [stock("s", of="a")]
    assert put(stations, [town("a", 0, 0)], places)[0].place == "near"
    with_hub = put([*stations, stock("h", "community_centre", "a")], [town("a", 0, 0)], places)
    assert with_hub[0].place == "far"


def test_clinics_stand_in_villages_first() -> None:
    places = [place("c", "a", 100, 0), place("v", "a", 10, 500, kind="village")]
    found = put([stock(f"k{n}", "clinic", "a") for n in range(2)], [town("a")], places)
    assert [one.place for one in found] == ["v", "c"]


def test_an_institution_stands_at_the_place_that_the_list_gives() -> None:
    places = [place("p", "a", 100, 0), place("q", "a", 10, 500)]
    found = put([stock("s", place="q")], [town("a")], places)[0]
    assert (found.town, found.place, found.lon) == ("a", "q", 500)
    assert (found.town_basis, found.place_basis, found.position_basis) == (None, None, Basis.ESTIMATED)


def sampled() -> District:
    """Return a district of two streets, nothing of which is known but its totals, with six stations and a centre."""
    towns = [Town(f"t{n}", f"t{n}", "street") for n in range(2)]
    places = [Place(f"p{n}", f"p{n}", "community", f"t{n % 2}") for n in range(20)]
    there = [*(stock(f"s{n}") for n in range(6)), stock("hub", "community_centre", "t0"), stock("at", place="p3")]
    return dataclasses.replace(toy(places, towns), institutions=tuple(there))


def test_another_possible_district_has_the_stations_elsewhere_in_the_same_towns() -> None:
    given = sampled()
    assert lacks(given)
    first = estimate(given, 1)
    assert not lacks(first)
    assert redraw(first, 1) == first, "the same seed gives the same"
    other = redraw(first, 2)
    spots = {one.id: (one.lon, one.lat) for one in other.places}
    assert [one.town for one in other.institutions] == [one.town for one in first.institutions]
    stations = [one for one in other.institutions if one.kind == "station"]
    assert all((one.lon, one.lat) == spots[one.place] for one in stations)
    assert len({one.place for one in stations}) == 7
    assert other.institutions[-1].place == "p3", "the place that the list gives stays"
    assert (other.institutions[6].lon, other.institutions[6].lat) == (other.towns[0].lon, other.towns[0].lat)
    assert [(one.lon, one.lat) for one in stations] != [
        (one.lon, one.lat) for one in first.institutions if one.kind == "station"
    ]


def test_a_blank_position_is_a_fault_until_it_is_estimated(tmp_path: Path) -> None:
    folder = tmp_path / "baodi"
    shutil.copytree(BAODI, folder)
    path = folder / "institutions.csv"
    text = path.read_text(encoding="utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    row = dict.fromkeys(rows[0], "") | {
        "id": "station-1",
        "name": "甲社区卫生服务站",
        "kind": "station",
        "name_basis": "assumed",
        "source": "只知道数量",
    }
    path.write_text(text + ",".join(row[name] for name in rows[0]) + "\n", encoding="utf-8-sig")
    with pytest.raises(InputError) as caught:
        read_district(folder)
    problems = caught.value.problems
    assert {problem.column for problem in problems if problem.file == "institutions.csv"} >= {"town", "lon", "lat"}
    assert any("allocate estimate" in problem.sentence() for problem in problems)
    filled = estimate(read_list(folder), 1)
    write_estimate(filled, tmp_path / "out", source=folder)
    again = read_district(tmp_path / "out")
    assert again.institutions == filled.institutions
    station = again.institutions[-1]
    # (Where no town has a station, the first goes where most people live.)
    most = max(again.towns, key=lambda one: sum(p.people or 0 for p in again.places if p.town == one.id))
    assert station.town == most.id
    assert station.place
    assert station.position_basis is Basis.ESTIMATED
    # Blank what an estimate chose, and it comes back, byte for byte.
    lists = [
        dataclasses.replace(one, lon=None, lat=None, position_basis=None) if one.place_basis else one
        for one in again.institutions
    ]
    assert estimate(dataclasses.replace(again, institutions=tuple(lists)), 1).institutions == again.institutions


def test_a_plan_of_an_earlier_version_is_rechecked_without_saying_who_chose_the_spots(tiny_plan: Plan) -> None:
    content = json.loads(to_json(tiny_plan.content))
    content["versions"]["allocate"] = "0.10.0"
    for one in content["district_data"]["institutions"]:
        del one["town_basis"], one["place_basis"]
    assert verify(content).sound
