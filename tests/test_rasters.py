"""Rasters of people: read over the district only, summed to places by exact shares of cells, and never trusted."""

import hashlib
import math
import os
import struct
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from conftest import Tiny, call_allocate, one_year
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.transform import Affine
from rasters import over, write_raster
from seeded_faults import table_of, write_table
from test_estimate import SQUARE, towns_named, toy, village

from allocate.district import District
from allocate.estimate import estimate, forget_people, redraw
from allocate.fault_kinds import FaultKind
from allocate.files import raster as module
from allocate.files.raster import RasterError, read_raster
from allocate.files.sheet import Unreadable
from allocate.read import read_district
from allocate.spreading import by_raster
from allocate.units import Basis
from allocate.words import speaking

# The district of these tests: 0.2° by 0.15°, so that four columns and three rows of 0.05° fill it.
GROUND = shapely.geometry.shape(SQUARE)
WEST, NORTH = 117.2, 39.65
CELLS = np.array([[100, 200, 10, 20], [300, 0, 30, 0], [0, 400, 40, 60]], dtype="float32")


def two(west: float = 117.25, east: float = 117.35, **values: Any) -> District:
    """Return a district with two villages on one parallel."""
    told = {"lat": 39.575, "position_basis": Basis.SURVEYED, "setting": "rural", **values}
    towns = towns_named(1, lon=117.3, lat=39.575, position_basis=Basis.SURVEYED)
    places = [village(n, lon=lon, **told) for n, lon in enumerate((west, east))]
    return toy(places, towns, {"population": 580})


def of(path: Path, **told: Any) -> module.Raster:
    return read_raster(path, GROUND, **told)


@pytest.fixture
def people(tmp_path: Path) -> Path:
    return write_raster(tmp_path / "pop.tif", CELLS, over(WEST, NORTH, 0.05))


def test_a_place_gets_the_cells_nearest_to_it(people: Path) -> None:
    # West of 117.3: 100 + 200 + 300 + 0 + 0 + 400 = 1000; east of it 10 + 20 + 30 + 0 + 40 + 60 = 160.
    weights = by_raster(two(), of(people))
    assert weights.amounts == pytest.approx((1000, 160), rel=1e-3)
    assert sum(weights.amounts) == pytest.approx(1160, rel=1e-6)


def test_a_cell_on_a_border_counts_by_the_share_of_its_ground(people: Path) -> None:
    # The border is at 117.275, the middle of the second column: half of 200 + 0 + 400 goes to either side.
    weights = by_raster(two(117.2, 117.35), of(people))
    assert weights.amounts == pytest.approx((400 + 300, 300 + 160), rel=2e-3)


def test_people_are_scaled_to_the_published_total_and_say_from_what(people: Path) -> None:
    with speaking("en"):
        found = estimate(two(), 1, lambda district: by_raster(district, of(people)))
    # 580 of 1160: everybody counts half.
    assert [place.people for place in found.places] == [500, 80]
    assert all(place.people_basis is Basis.ESTIMATED for place in found.places)
    assert "pop.tif (1,000" in found.places[0].people_source
    assert "times 0.5" in found.places[0].people_source


def test_people_who_are_given_stay_and_the_raster_spreads_the_rest(people: Path) -> None:
    district = two(117.25, 117.35)
    told = {"position_basis": Basis.SURVEYED, "setting": "rural", "people": 80, "people_basis": Basis.OFFICIAL}
    district = replace(district, places=(*district.places, village(9, lon=117.39, lat=39.51, **told)))
    found = estimate(district, 1, lambda whole: by_raster(whole, of(people)))
    assert found.places[2].people == 80
    assert found.places[2].people_basis is Basis.OFFICIAL
    assert sum(place.people or 0 for place in found.places) == 580


def test_another_draw_keeps_what_a_raster_says_and_moves_positions_only(people: Path) -> None:
    fixed = estimate(two(), 1, lambda district: by_raster(district, of(people)))
    assert not fixed.has_estimates
    assert redraw(fixed, 7).places == fixed.places
    loose = replace(fixed, places=tuple(replace(place, position_basis=Basis.ESTIMATED) for place in fixed.places))
    assert loose.has_estimates
    again = redraw(loose, 7)
    assert [place.people for place in again.places] == [500, 80]
    assert [place.lon for place in again.places] != [place.lon for place in loose.places]


def test_people_who_were_estimated_before_are_estimated_anew_when_a_raster_is_asked_for(people: Path) -> None:
    guessed = estimate(two(), 3)
    assert [place.people for place in guessed.places] != [500, 80]
    found = estimate(forget_people(guessed), 1, lambda district: by_raster(district, of(people)))
    assert [place.people for place in found.places] == [500, 80]


def test_age_groups_follow_their_rasters_and_never_exceed_the_people(people: Path, tmp_path: Path) -> None:
    # A fifth of the west and half of the east are old; as many children, where there is room.
    old = CELLS * np.array([0.2, 0.2, 0.5, 0.5], dtype="float32")
    young = CELLS * np.array([0.1, 0.1, 0.9, 0.9], dtype="float32")
    ages = {
        name: of(write_raster(tmp_path / f"{name}.tif", each, over(WEST, NORTH, 0.05)))
        for name, each in (("people_65", old), ("people_0_14", young))
    }
    found = estimate(two(), 1, lambda district: by_raster(district, of(people), ages))
    assert [(place.people, place.people_65) for place in found.places] == [(500, 100), (80, 40)]
    # (Of the 72 children of the east 40 find room. Their sum of 50 + 72 holds: the west has the rest.)
    assert [place.people_0_14 for place in found.places] == [82, 40]
    assert "people_65.tif" in found.places[0].people_source


@settings(max_examples=25, deadline=None)
@given(
    cells=st.lists(st.integers(0, 5000), min_size=12, max_size=12),
    old=st.integers(0, 300),
    young=st.integers(0, 200),
)
def test_sums_are_exact_whatever_a_raster_says(
    cells: list[int], old: int, young: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cells[0], cells[11] = cells[0] + 1, cells[11] + 1  # (Somebody is on either side.)
    path = tmp_path_factory.mktemp("r") / "pop.tif"
    raster = of(write_raster(path, np.array(cells, dtype="float64").reshape(3, 4), over(WEST, NORTH, 0.05)))
    district = two()
    facts = toy([], [], {"population": 580, "population_65_and_over": old, "population_0_14": young}).facts
    found = estimate(replace(district, facts=facts), 1, lambda whole: by_raster(whole, raster, {"people_65": raster}))
    assert sum(place.people or 0 for place in found.places) == 580
    assert sum(place.people_65 or 0 for place in found.places) == old
    assert sum(place.people_0_14 or 0 for place in found.places) == young
    for place in found.places:
        assert (place.people_65 or 0) + (place.people_0_14 or 0) <= (place.people or 0)


def test_a_projected_and_a_turned_raster_count_the_same_people(tmp_path: Path) -> None:
    # 60 by 60 cells of 500 m, one person each, turned by 30°; the district is 17.17 km by 16.65 km.
    ones = np.ones((80, 80), dtype="float32")
    plain = of(write_raster(tmp_path / "a.tif", ones, Affine(500, 0, 510_000, 0, -500, 4_400_000), "EPSG:4548"))
    angle = math.radians(30)
    across, down = 500 * math.cos(angle), 500 * math.sin(angle)
    turn = Affine(across, down, 500_000, down, -across, 4_390_000)
    turned = of(write_raster(tmp_path / "b.tif", ones, turn, "EPSG:4548"))
    sums = [sum(by_raster(two(), each).amounts) for each in (plain, turned)]
    assert sums == pytest.approx([17_175 * 16_653 / 500**2] * 2, rel=2e-3)


def test_people_per_square_kilometre_count_by_the_ground_of_each_cell(tmp_path: Path) -> None:
    tens = np.full((3, 4), 10, dtype="float32")
    weights = by_raster(two(), of(write_raster(tmp_path / "d.tif", tens, over(WEST, NORTH, 0.05)), says="density"))
    # 17.175 km × 16.653 km at ten people each.
    assert sum(weights.amounts) == pytest.approx(10 * 17.175 * 16.653, rel=2e-3)


def test_cells_that_say_nothing_or_nonsense_count_as_nobody_and_are_told(tmp_path: Path) -> None:
    most = np.finfo("float32").max
    cells = np.array([[100, -5, math.inf, 7], [-9999, math.nan, 3, most], [1, -most, 1, 1]], dtype="float32")
    raster = of(write_raster(tmp_path / "odd.tif", cells, over(WEST, NORTH, 0.05), nodata=-9999))
    assert (raster.void, raster.negative, raster.endless) == (2, 2, 2)
    assert raster.people.sum() == 113
    notes = [note.what for note in by_raster(two(), raster).notes]
    assert "raster.negative" in notes
    assert "raster.endless" in notes
    assert "raster.far" in notes, "113 people are less than half of the 580 published"


def test_only_the_first_band_is_read_unless_another_is_asked_for(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "bands.tif", np.stack([CELLS, 2 * CELLS]), over(WEST, NORTH, 0.05))
    first = of(path)
    assert first.people.sum() == 1160
    assert "raster.bands" in [note.what for note in by_raster(two(), first, told_band=False).notes]
    assert of(path, band=2).people.sum() == 2320
    with pytest.raises(RasterError) as found:
        of(path, band=3)
    assert (found.value.what, found.value.details) == ("raster.band", {"band": 3, "bands": 2})


def test_of_a_large_raster_only_what_lies_over_the_district_is_read(tmp_path: Path) -> None:
    wide = np.zeros((400, 800), dtype="uint8")
    path = write_raster(tmp_path / "w.tif", wide, over(110, 50, 0.05), tiled=True, blockxsize=64, blockysize=64)
    raster = of(path)
    assert raster.people.shape == (3, 4)


def test_places_where_the_raster_has_nobody_are_named(people: Path) -> None:
    empty = np.where(np.arange(4) < 2, CELLS, 0)
    path = write_raster(people.with_name("half.tif"), empty.astype("float32"), over(WEST, NORTH, 0.05))
    notes = {note.what: note for note in by_raster(two(117.2, 117.4), of(path)).notes}
    assert notes["raster.nobody"].details["names"] == "village 1"


# What is no raster of this district, and what is said of it.
REFUSED = {
    "no system of coordinates": (lambda p: write_raster(p, CELLS, over(WEST, NORTH, 0.05), None), "raster.no_crs"),
    "no place": (lambda p: write_raster(p, CELLS, None), "raster.no_grid"),
    "elsewhere": (lambda p: write_raster(p, CELLS, over(10, 50, 0.05)), "raster.elsewhere"),
    "an old datum": (lambda p: write_raster(p, CELLS, over(500_000, 4_400_000, 500), "EPSG:2436"), "raster.crs_old"),
    "complex numbers": (lambda p: write_raster(p, CELLS.astype("complex64"), over(WEST, NORTH, 0.05)), "raster.kind"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_raster_that_cannot_be_used_is_refused_with_the_reason(case: str, tmp_path: Path) -> None:
    make, what = REFUSED[case]
    with pytest.raises(RasterError) as found:
        of(make(tmp_path / "x.tif"))
    assert found.value.what == what


def test_two_rectangles_that_do_not_meet_are_both_said(tmp_path: Path) -> None:
    with pytest.raises(RasterError) as found:
        of(write_raster(tmp_path / "x.tif", CELLS, over(10, 50, 0.05)))
    assert found.value.details == {
        "raster": "10.0000, 49.8500, 10.2000, 50.0000",
        "district": "117.2000, 39.5000, 117.4000, 39.6500",
    }


def test_more_cells_than_are_read_are_refused_before_they_are_read(
    people: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_CELLS", 11)
    with pytest.raises(RasterError) as found:
        of(people)
    assert (found.value.what, found.value.details["cells"]) == ("raster.fine", 12)


def test_a_file_of_one_enormous_block_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_BLOCK_BYTES", 47)
    with pytest.raises(RasterError) as found:
        of(write_raster(tmp_path / "x.tif", CELLS, over(WEST, NORTH, 0.05)))
    assert found.value.what == "raster.blocks"


VRT = """<VRTDataset rasterXSize="4" rasterYSize="3"><SRS>EPSG:4326</SRS>
<GeoTransform>117.2, 0.05, 0, 39.65, 0, -0.05</GeoTransform><VRTRasterBand dataType="Float32" band="1">
<SimpleSource><SourceFilename relativeToVRT="0">{}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"""


@pytest.mark.parametrize("name", ["x.tif", "x.vrt", "x.geotiff"])
def test_a_document_that_sends_gdal_to_another_raster_is_refused_under_every_name(
    name: str, people: Path, tmp_path: Path
) -> None:
    # (Opened by its content, as GDAL does, it would give the other file's cells.)
    path = tmp_path / name
    path.write_text(VRT.format(people), encoding="utf-8")
    with rasterio.Env(), pytest.raises(Unreadable) as found:
        of(path)
    assert found.value.what == FaultKind.FILE_CONTENT


@pytest.mark.parametrize(
    "address",
    ["/vsicurl/http://127.0.0.1:1/x.tif", "http://127.0.0.1:1/x.tif", "/vsizip/x.zip/x.tif", "GTIFF_DIR:1:x.tif"],
)
def test_an_address_is_no_raster(address: str) -> None:
    with pytest.raises(Unreadable) as found:
        of(Path(address))
    assert found.value.what == FaultKind.FILE_MISSING


def test_what_is_no_plain_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.tif")
    with pytest.raises(Unreadable) as found:
        of(tmp_path / "x.tif")
    assert found.value.what == FaultKind.FILE_PLAIN


@pytest.mark.parametrize("package", ["rasterio", "exactextract"])
def test_without_the_extra_part_one_message_says_how_to_get_it(
    package: str, people: Path, tiny_list: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    done = call_allocate(
        tmp_path, "--language", "en", "estimate", tiny_list, "--raster", people, "--out", tmp_path / "made"
    )
    assert done.returncode == 2
    assert 'pip install "allocate[raster]"' in done.stderr
    assert not (tmp_path / "made").exists()


def test_files_beside_a_raster_say_nothing_of_it(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "x.tif", CELLS, None, None)
    (tmp_path / "x.tfw").write_text("0.05\n0\n0\n-0.05\n117.225\n39.625\n", encoding="utf-8")
    (tmp_path / "x.tif.aux.xml").write_text("<PAMDataset><SRS>EPSG:4326</SRS></PAMDataset>", encoding="utf-8")
    with pytest.raises(RasterError) as found:
        of(path)
    assert found.value.what == "raster.no_crs"


@pytest.mark.parametrize("cut", [5, 60, 150, 250])
def test_a_broken_raster_is_refused_and_nothing_else_happens(cut: int, people: Path) -> None:
    whole = people.read_bytes()
    people.write_bytes(whole[:cut])
    with pytest.raises((Unreadable, RasterError)):
        of(people)


@settings(max_examples=60, deadline=None)
@given(at=st.integers(4, 400), what=st.integers(0, 2**32 - 1))
def test_a_raster_with_spoilt_bytes_is_read_or_refused(
    at: int, what: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = write_raster(tmp_path_factory.mktemp("s") / "x.tif", CELLS, over(WEST, NORTH, 0.05))
    raw = bytearray(path.read_bytes())
    at = min(at, len(raw) - 4)
    raw[at : at + 4] = struct.pack("<I", what)
    path.write_bytes(raw)
    try:
        raster = of(path)
    except (Unreadable, RasterError):
        return
    assert np.isfinite(raster.people).all()
    assert (raster.people >= 0).all()


def test_a_planner_estimates_by_a_raster_checks_and_reads_the_result(tiny_list: Path, tmp_path: Path) -> None:
    cells = np.random.default_rng(1).gamma(0.4, 30.0, (60, 90)).astype("float32")
    path = write_raster(tmp_path / "人口.tif", cells, over(117.28, 39.77, 1 / 350))
    done = call_allocate(
        tmp_path, "--language", "en", "estimate", tiny_list, "--raster", path, "--raster-65", path, "--out", "made"
    )
    assert done.returncode == 0, done.stderr
    assert "positions are drawn by the seed" in done.stderr
    made = read_district(tmp_path / "made")
    assert made.people == 20_000
    assert sum(place.people_65 or 0 for place in made.places) == 3_000
    given = next(place for place in made.places if place.id == "T1001")
    assert (given.people, given.people_basis) == (1563, Basis.OFFICIAL)
    said = (tmp_path / "made" / "SOURCES.md").read_text(encoding="utf-8")
    assert hashlib.sha256(path.read_bytes()).hexdigest() in said


def test_a_raster_leads_from_a_list_without_people_to_a_plan(tiny: Tiny, tmp_path: Path) -> None:
    heading, *rows = table_of(tiny.folder / "places.csv")
    void = [n for n, name in enumerate(heading) if name.startswith("people")]
    write_table(
        tiny.folder / "places.csv",
        [heading, *(["" if n in void else cell for n, cell in enumerate(row)] for row in rows)],
    )
    cells = np.random.default_rng(1).gamma(0.4, 30.0, (60, 90)).astype("float32")
    path = write_raster(tmp_path / "pop.tif", cells, over(117.28, 39.77, 1 / 350))

    def run(*words: object) -> str:
        done = call_allocate(tmp_path, "--language", "en", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("estimate", tiny.folder, "--raster", path, "--out", tmp_path / "made")
    one_year(tiny).edit("tiny.toml", str(tiny.folder), str(tmp_path / "made"))
    assert "There is no error." in run("check", tiny.model)
    said = run("plan", tiny.model, "--seconds", "20", "--out", tmp_path / "plan")
    assert "are not random, so nothing is drawn" in said
    run("verify", tmp_path / "plan")


def test_what_is_typed_wrong_is_one_message_and_nothing_is_written(tiny_list: Path, tmp_path: Path) -> None:
    path = write_raster(tmp_path / "x.tif", CELLS, over(10, 50, 0.05), None)
    for options, words in (
        (("--raster", path), "does not say its coordinate system"),
        (("--raster", tmp_path / "none.tif"), "is missing"),
        (("--raster-65", path), "goes with --raster"),
        (("--raster", path, "--by", "households"), "exclude each other"),
        (("--by", "luck"), "households, buildings, built_up"),
        (("--by", "buildings"), "No place says it"),
        (("--raster", path, "--raster-says", "people"), "counts, density"),
    ):
        done = call_allocate(tmp_path, "--language", "en", "estimate", tiny_list, *options, "--out", "made")
        assert (done.returncode, words in done.stderr) == (2, True), (options, done.stderr)
        assert done.stderr.count("  * ") == 1
        assert not (tmp_path / "made").exists()
