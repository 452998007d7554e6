"""Cells of a grid as demand points: everybody is in one, and every town, kind and setting keeps its people."""

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from conftest import Tiny, call_allocate
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.transform import Affine
from rasters import over, write_raster
from test_estimate import BENT, SQUARE, TO_METRES, towns_named, toy, village

from allocate import demand_cells as module
from allocate.demand_cells import to_cells
from allocate.district import District, Institution, NoRounds, Observed, Place
from allocate.errors import UsageError
from allocate.estimate import redraw
from allocate.files.raster import Raster, read_raster
from allocate.read import read_district
from allocate.units import Basis
from allocate.words import speaking

SURVEYED, OFFICIAL = {"position_basis": Basis.SURVEYED}, {"people_basis": Basis.OFFICIAL}
GROUND = shapely.geometry.shape(SQUARE)


def of(*places: Place, shape: object = SQUARE, towns: int = 1) -> District:
    return toy(list(places), towns_named(towns, lon=117.3, lat=39.575, **SURVEYED), {}, shape)


def at(number: int, lon: float, lat: float, people: int, **told: Any) -> Place:
    return village(number, lon=lon, lat=lat, people=people, **{"setting": "rural", **SURVEYED, **OFFICIAL, **told})


def kept(district: District) -> Counter[tuple[str, ...]]:
    """Return people and age groups by town, kind, setting and zone."""
    found: Counter[tuple[str, ...]] = Counter()
    for place in district.places:
        for column in ("people", "people_65", "people_0_14"):
            found[column, place.town, place.kind, place.setting, place.zone] += getattr(place, column) or 0
    return +found


def raster_of(path: Path, cells: Any, transform: Affine, crs: str = "EPSG:4548") -> Raster:
    return read_raster(write_raster(path, np.asarray(cells, dtype="float32"), transform, crs), GROUND)


def test_without_a_raster_people_are_spread_evenly_over_the_ground() -> None:
    with speaking("en"):
        made = to_cells(of(at(1, 117.3, 39.575, 286_000)), 1000).district
    # The district has 286 km²: a cell inside has the thousand people of its square kilometre.
    assert sum(place.people or 0 for place in made.places) == 286_000
    whole = [place.people for place in made.places if (place.people or 0) > 990]
    assert len(whole) > 200
    assert np.median(whole) == pytest.approx(1000, rel=2e-3)
    assert "assumed equally dense" in made.places[0].people_source


def test_a_cell_stands_in_the_middle_of_the_people_in_it(tmp_path: Path) -> None:
    x, y = (math.floor(each / 1000) * 1000 for each in TO_METRES.transform(117.3, 39.575))
    cells = np.zeros((40, 40))
    # In the cell whose corner is (x, y), 3 people at (x + 250, y + 750) and one at (x + 750, y + 250).
    # (The raster's row 19 is from y + 500 to y + 1000.)
    cells[19:21, 20:22] = [[3, 0], [0, 1]]
    raster = raster_of(tmp_path / "p.tif", cells, Affine(500, 0, x - 10_000, 0, -500, y + 10_500))
    made = to_cells(of(at(1, 117.3, 39.575, 400)), 1000, raster).district
    assert [place.people for place in made.places] == [400]
    found = TO_METRES.transform(made.places[0].lon, made.places[0].lat)
    assert found == pytest.approx((x + (3 * 250 + 750) / 4, y + (3 * 750 + 250) / 4), abs=0.2)
    assert made.places[0].id == f"{x // 1000}-{y // 1000}"


def test_names_count_cells_from_the_centre_of_the_town() -> None:
    with speaking("zh"):
        made = to_cells(of(at(1, 117.3, 39.575, 300)), 1000).district
    x, y = (math.floor(each / 1000) for each in TO_METRES.transform(117.3, 39.575))
    names = {place.id: place.name for place in made.places}
    assert names[f"{x}-{y}"] == "town 0 · 中心"
    assert names[f"{x + 3}-{y + 5}"] == "town 0 · 东3北5"
    assert names[f"{x - 2}-{y}"] == "town 0 · 西2"


def test_a_cell_on_a_border_has_a_row_for_each_town() -> None:
    west, east = at(1, 117.2985, 39.575, 50_000), replace(at(2, 117.3015, 39.575, 90_000), town="t1")
    district = of(west, east, towns=2)
    made = to_cells(district, 2000).district
    assert kept(made) == kept(district)
    assert len({place.id for place in made.places}) == len(made.places)
    assert any(place.id.endswith("-2") for place in made.places)


@settings(max_examples=15, deadline=None)
@given(data=st.data(), metres=st.sampled_from([700, 1500, 5000]), shape=st.sampled_from([SQUARE, BENT]))
def test_towns_kinds_and_settings_keep_their_people_to_the_person(
    data: st.DataObject, metres: int, shape: object, tmp_path_factory: pytest.TempPathFactory
) -> None:
    boundary = shapely.geometry.shape(shape)
    places = []
    for n in range(data.draw(st.integers(1, 8))):
        lon, lat = data.draw(st.floats(117.2001, 117.3999)), data.draw(st.floats(39.5001, 39.6499))
        people = data.draw(st.integers(0, 4000))
        old = data.draw(st.integers(0, people))
        told = {
            "people_65": old,
            "people_65_basis": Basis.OFFICIAL,
            "people_0_14": data.draw(st.integers(0, people - old)),
            "people_0_14_basis": Basis.OFFICIAL,
            "setting": data.draw(st.sampled_from(["urban", "rural"])),
            "town": f"t{data.draw(st.integers(0, 1))}",
        }
        if shapely.contains_xy(boundary, lon, lat):
            places.append(at(n, lon, lat, people, **told))
    cells = np.array(data.draw(st.lists(st.integers(0, 9), min_size=12, max_size=12)), dtype="float32").reshape(3, 4)
    path = write_raster(tmp_path_factory.mktemp("c") / "p.tif", cells, over(117.2, 39.65, 0.05))
    raster = read_raster(path, GROUND) if data.draw(st.booleans()) else None
    district = of(*places, shape=shape, towns=2)
    made = to_cells(district, metres, raster, {} if raster is None else {"people_65": raster}).district
    assert kept(made) == kept(district)
    for place in made.places:
        assert place.people
        assert (place.people_65 or 0) + (place.people_0_14 or 0) <= place.people
        assert shapely.contains_xy(boundary, place.lon, place.lat)
    assert len({place.id for place in made.places}) == len(made.places)
    assert len({place.name for place in made.places}) == len(made.places)


def test_cells_are_not_drawn_again() -> None:
    made = to_cells(of(at(1, 117.3, 39.575, 900)), 5000).district
    assert all(place.position_basis is Basis.ESTIMATED for place in made.places)
    assert not made.has_estimates
    assert redraw(made, 5).places == made.places


def test_institutions_stand_at_the_cell_that_they_stand_in(tmp_path: Path) -> None:
    place = at(1, 117.3, 39.575, 900)
    told = ("hospital", "t0", Basis.OFFICIAL, 117.3, 39.575, Basis.SURVEYED, "a list")
    inside, nowhere = Institution("a", "A", *told, place="v1"), Institution("c", "C", *told)
    far = replace(inside, id="b", name="B", lon=117.21, lat=39.51)
    district = replace(of(place), institutions=(inside, far, nowhere))
    x, y = (math.floor(each / 1000) * 1000 for each in TO_METRES.transform(117.3, 39.575))
    raster = raster_of(tmp_path / "p.tif", np.ones((2, 2)), Affine(500, 0, x, 0, -500, y + 1000))
    made = to_cells(district, 1000, raster)
    assert [each.place for each in made.district.institutions] == [f"{x // 1000}-{y // 1000}"] * 2 + [""]
    assert [dict(note.details) for note in made.notes if note.what == "cells.moved"] == [{"count": 1, "names": "B"}]


def test_rows_that_speak_of_places_are_left_out_and_counted() -> None:
    session = NoRounds("v1", "market", Basis.SURVEYED, "a visit")
    ride = Observed("v1", "hub-2", "walk", 12.0, Basis.SURVEYED, "a ride")
    district = replace(
        of(at(1, 117.3, 39.575, 900)),
        travel={("v1", "hub", "walk"): 5.0},
        sessions=(session, replace(session, where="t0")),
        observed=(ride, replace(ride, start="hub"), replace(ride, start="hub", end="v1")),
    )
    made = to_cells(district, 5000)
    assert (made.district.travel, [row.where for row in made.district.sessions]) == ({}, ["t0"])
    assert [(row.start, row.end) for row in made.district.observed] == [("hub", "hub-2")]
    left = {note.details["table"]: note.details["count"] for note in made.notes if note.what == "cells.left_out"}
    assert left == {"travel.csv": 1, "sessions.csv": 1, "observed.csv": 2}


def test_where_the_raster_has_nobody_people_are_spread_evenly_and_the_place_is_named(tmp_path: Path) -> None:
    district = of(at(1, 117.25, 39.575, 500), at(2, 117.35, 39.575, 700))
    west = np.array([[1, 1, 0, 0]] * 3, dtype="float32")
    raster = raster_of(tmp_path / "p.tif", west, over(117.2, 39.65, 0.05), "EPSG:4326")
    made = to_cells(district, 1000, raster)
    assert kept(made.district) == kept(district)
    notes = {note.what: note for note in made.notes}
    assert notes["cells.empty"].details["names"] == "village 2"


@pytest.mark.parametrize(("metres", "what"), [(49, "cells.size"), (5001, "cells.size"), (80, "cells.many")])
def test_cells_that_are_too_small_or_too_large_are_refused(metres: int, what: str) -> None:
    with pytest.raises(UsageError) as found:
        to_cells(of(at(1, 117.3, 39.575, 900)), metres)
    assert [problem.what for problem in found.value.problems] == [what]


def test_the_size_that_is_offered_instead_is_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CELLS", 100)
    district = of(at(1, 117.3, 39.575, 900))
    with pytest.raises(UsageError) as found:
        to_cells(district, 200)
    enough = found.value.problems[0].details["enough"]
    assert isinstance(enough, int)
    assert to_cells(district, enough).district.people == 900


def test_a_planner_makes_cells_and_reads_them_back(tiny: Tiny, tmp_path: Path) -> None:
    done = call_allocate(
        tmp_path, "--language", "en", "estimate", tiny.folder, "--cells", "1000", "--out", tmp_path / "made"
    )
    assert done.returncode == 0, done.stderr
    before, made = read_district(tiny.folder), read_district(tmp_path / "made")
    assert made.warnings == ()
    assert kept(made) == kept(before)
    assert f"{len(made.places):,} cells of 1000 m" in done.stdout
    assert made.institutions[0].place in {place.id for place in made.places}
    assert "EPSG:4548" in (tmp_path / "made" / "SOURCES.md").read_text(encoding="utf-8")
