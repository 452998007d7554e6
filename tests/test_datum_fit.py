"""Whether tables fit their declared datum: made-up districts with one wrong declaration, and right ones."""

import os
import tomllib
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import shapely
from conftest import BENCH
from datum_districts import (
    CLINICS,
    DATUMS,
    POSTS,
    TOWNS,
    VILLAGES,
    Truth,
    blames,
    cases,
    district,
    found,
    near,
    table,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from allocate import datum
from allocate.bundle import bundled
from allocate.datum_check import DETOUR, WALK_KMH, problems
from allocate.datum_fit import Ground, Link, Points
from allocate.synonyms import ROADS
from allocate.words import LANGUAGES, speaking

DISTRICTS = 300 if os.environ.get(BENCH) else 100


@cache
def truth(seed: int) -> Truth:
    return district(seed)


def right(seed: int, *names: str, of: str = "wgs84") -> list[Points]:
    return [table(truth(seed), name, written=of, declared=of) for name in names]


def wrong(seed: int, name: str, written: str, declared: str) -> Points:
    return table(truth(seed), name, written=written, declared=declared)


def roads(seed: int) -> Ground:
    return Ground(roads=truth(seed).ground.roads)


def test_of_wrong_declarations_beside_a_right_table_at_least_95_in_100_are_named() -> None:
    named = 0
    for seed, true, written, declared, other in cases(range(DISTRICTS)):
        # In turn the clinics are wrong, or the villages; and a clinic says its village, or it does not.
        blamed, beside = (CLINICS, VILLAGES) if seed // 2 % 2 else (VILLAGES, CLINICS)
        tables = [
            table(true, blamed, written=written, declared=declared),
            table(true, beside, written=other, declared=other),
        ]
        named += blames(found(tables, true.links[:1] if seed // 4 % 2 else ()), blamed, written, alone=False)
    assert named >= 0.95 * DISTRICTS


def test_of_wrong_declarations_beside_roads_at_least_95_in_100_are_named_alone() -> None:
    named = 0
    for seed, true, written, declared, _ in cases(range(DISTRICTS)):
        name = CLINICS if seed // 2 % 2 else VILLAGES
        tables = [table(true, name, written=written, declared=declared)]
        named += blames(found(tables, (), Ground(roads=true.ground.roads)), name, written, alone=True)
    assert named >= 0.95 * DISTRICTS


def test_of_right_declarations_at_most_1_in_100_districts_is_troubled() -> None:
    troubled = 0
    for seed, true, _, declared, _ in cases(range(DISTRICTS)):
        tables = [table(true, name, written=declared, declared=declared) for name in true.spots]
        ground = true.ground if seed // 2 % 2 else None
        troubled += bool(found(tables, true.links if seed // 4 % 2 else (), ground))
    assert troubled <= 0.01 * DISTRICTS


# (Without the rule on how near references are to each other, all of these would be blamed.)
@pytest.mark.parametrize("seed", [5, 31, 47, 61, 83, 95])
def test_quarters_that_two_tables_crowd_into_are_no_sign_of_a_wrong_datum(seed: int) -> None:
    random = np.random.default_rng(seed)
    size = 6_200.0 if seed % 2 else 38_000.0

    def crowded(count: int) -> np.ndarray:
        quarters = random.uniform(0, size, (12, 2))
        return quarters[random.integers(0, 12, count)] + random.normal(0, size / 25, (count, 2))

    spots = {"a": crowded(300) / 100_000 + (117.2, 39.1), "b": crowded(100) / 100_000 + (117.2, 39.1)}
    made = Truth(spots, (), Ground())
    assert found([table(made, name, written="gcj02", declared="gcj02") for name in spots]) == []


def test_a_table_of_amap_beside_one_of_gps_is_named_alone_as_no_other_reading_points_that_way() -> None:
    tables = [wrong(0, CLINICS, "gcj02", "wgs84"), *right(0, VILLAGES)]
    (misfit,) = found(tables)
    (suspect,) = misfit.suspects
    assert (suspect.table, suspect.declared, suspect.fits) == (CLINICS, "wgs84", "gcj02")
    assert misfit.against == (VILLAGES,)
    assert misfit.before > 400 > 300 > misfit.after
    assert misfit.nearer > 0.9 * misfit.votes
    # 505 to 594 m all over Tianjin; 4.8 km/h on ways 1.3 times as long are 16.25 minutes a kilometre.
    assert 505 < suspect.metres < 594
    assert suspect.minutes == pytest.approx(suspect.metres * 0.01625)


def test_two_tables_that_both_might_be_wrong_are_both_named() -> None:
    tables = [wrong(0, CLINICS, "gcj02", "wgs84"), *right(0, VILLAGES, of="gcj02")]
    (misfit,) = found(tables)
    assert {(s.table, s.fits) for s in misfit.suspects} == {(CLINICS, "gcj02"), (VILLAGES, "wgs84")}


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 0, 1)])
def test_a_third_table_tells_which_of_two_is_wrong(order: tuple[int, int, int]) -> None:
    true = truth(0)
    random = np.random.default_rng(5)
    schools = near(true.spots[VILLAGES][:80] * 100_000, 200, random) / 100_000
    three = Truth({**true.spots, "schools.csv": schools}, (), true.ground)
    tables = [
        table(three, CLINICS, written="gcj02", declared="wgs84"),
        table(three, VILLAGES, written="gcj02", declared="gcj02"),
        table(three, "schools.csv", written="gcj02", declared="gcj02"),
    ]
    (misfit,) = found([tables[i] for i in order])
    assert [(s.table, s.fits) for s in misfit.suspects] == [(CLINICS, "gcj02")]
    assert set(misfit.against) == {VILLAGES, "schools.csv"}


def test_roads_tell_which_of_two_tables_is_wrong() -> None:
    tables = [wrong(0, CLINICS, "gcj02", "wgs84"), *right(0, VILLAGES, of="gcj02")]
    (misfit,) = found(tables, ground=roads(0))
    assert [(s.table, s.fits) for s in misfit.suspects] == [(CLINICS, "gcj02")]
    assert ROADS in misfit.against


@pytest.mark.parametrize("written", ["gcj02", "bd09"])
def test_tables_that_are_wrong_together_fit_each_other_and_only_the_ground_tells(written: str) -> None:
    tables = [wrong(0, name, written, "wgs84") for name in (VILLAGES, CLINICS)]
    assert found(tables, truth(0).links[:1]) == []
    seen = found(tables, truth(0).links[:1], roads(0))
    assert [[(s.table, s.fits) for s in m.suspects] for m in seen] == [[(VILLAGES, written)], [(CLINICS, written)]]


def test_the_boundary_alone_shows_villages_that_baidu_shifted_across_it() -> None:
    ground = Ground(boundary=truth(0).ground.boundary)
    villages = wrong(0, VILLAGES, "bd09", "wgs84")
    assert blames(found([villages], ground=ground), VILLAGES, "bd09", alone=True)
    assert found(right(0, VILLAGES), ground=ground) == []


def test_positions_that_were_estimated_are_no_evidence() -> None:
    clinics, villages = wrong(0, CLINICS, "gcj02", "wgs84"), right(0, VILLAGES)[0]
    none = np.zeros(len(clinics.degrees), dtype=bool)
    assert found([clinics, villages])
    assert found([replace(clinics, counts=none), villages], truth(0).links, roads(0)) == []
    assert found([clinics, replace(villages, counts=np.zeros(len(villages.degrees), dtype=bool))]) == []


def test_thirteen_points_are_too_few_to_blame_a_table_and_fourteen_that_agree_suffice() -> None:
    clinics, villages = wrong(0, CLINICS, "bd09", "wgs84"), right(0, VILLAGES)[0]
    counts = np.arange(len(clinics.degrees))
    assert found([replace(clinics, counts=counts < 13), villages], truth(0).links) == []
    assert blames(found([replace(clinics, counts=counts < 14), villages], truth(0).links), CLINICS, "bd09", alone=True)


def test_rows_without_a_position_are_passed_over_and_links_still_hit_their_rows() -> None:
    clinics, villages = wrong(0, CLINICS, "gcj02", "wgs84"), right(0, VILLAGES)[0]
    holes = clinics.degrees.copy()
    holes[::3] = np.nan
    (whole,) = found([clinics, villages], truth(0).links)
    (some,) = found([replace(clinics, degrees=holes), villages], truth(0).links)
    assert some.suspects[0].fits == whole.suspects[0].fits == "gcj02"
    assert some.votes < whole.votes


def test_links_count_whichever_table_they_name_first() -> None:
    # (Villages so near to each other that only the links tell which clinic is whose.)
    tables = [wrong(1, CLINICS, "bd09", "wgs84"), *right(1, VILLAGES)]
    (link, _) = truth(1).links
    turned = Link(link.second, link.first, link.rows[:, ::-1])
    assert found(tables, (link,)) == found(tables, (turned,)) != []


def test_surveyors_metres_are_tried_as_degrees_of_wgs84() -> None:
    true = truth(0)
    declared = datum.parse("EPSG:4548")
    shifted = datum.convert(true.spots[CLINICS], "wgs84", "gcj02")
    clinics = Points(CLINICS, declared, shifted, np.ones(len(shifted), dtype=bool))
    (misfit,) = found([clinics, *right(0, VILLAGES)])
    assert [(s.declared, s.fits) for s in misfit.suspects] == [("EPSG:4548", "gcj02")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_misfit_is_said_with_metres_minutes_and_what_to_do(language: str) -> None:
    alone = found([wrong(0, CLINICS, "gcj02", "wgs84"), *right(0, VILLAGES)], ground=roads(0))
    either = found([wrong(0, CLINICS, "gcj02", "wgs84"), *right(0, VILLAGES, of="gcj02")])
    with speaking(language):
        one, two = ([problem.sentence() for problem in problems(seen)] for seen in (alone, either))
    suspect = alone[0].suspects[0]
    for word in (CLINICS, "wgs84", "gcj02", f"{suspect.metres:.0f}", {"zh": "道路", "en": "roads"}[language]):
        assert word in one[0]
    assert f"{suspect.minutes:.0f} " in one[0]
    assert two[0].startswith((f"{CLINICS}, {VILLAGES}", f"{VILLAGES}, {CLINICS}"))
    assert f"{CLINICS} = gcj02" in two[0]
    assert f"{VILLAGES} = wgs84" in two[0]


def test_nothing_is_converted() -> None:
    tables = [wrong(0, CLINICS, "gcj02", "wgs84"), *right(0, VILLAGES)]
    before = [one.degrees.copy() for one in tables]
    assert found(tables, truth(0).links, truth(0).ground)
    for one, old in zip(tables, before, strict=True):
        np.testing.assert_array_equal(one.degrees, old)


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_whatever_points_there_are_nothing_fails(data: st.DataObject) -> None:
    spots = st.tuples(st.floats(116.9, 117.0), st.floats(39.0, 39.1)) | st.sampled_from(
        [(117.0, 39.0), (np.nan, np.nan), (np.nan, 39.0), (0.0, 0.0), (-180.0, -90.0)]
    )
    names = data.draw(st.lists(st.sampled_from([VILLAGES, CLINICS, TOWNS, POSTS]), unique=True, max_size=3))
    tables = []
    for name in names:
        points = np.array(data.draw(st.lists(spots, max_size=25)), dtype=float).reshape(-1, 2)
        tables.append(Points(name, datum.parse(data.draw(st.sampled_from(DATUMS))), points, np.isfinite(points[:, 0])))
    rows = [(i, i) for i in range(min((len(one.degrees) for one in tables), default=0))]
    links = [Link(names[0], names[-1], np.array(rows, dtype=np.intp).reshape(-1, 2))] if len(names) > 1 else []
    ground = Ground(shapely.box(116.9, 39.0, 117.0, 39.1), shapely.MultiLineString([[(116.9, 39.0), (117.0, 39.1)]]))
    for some in (None, ground, Ground(shapely.Polygon(), shapely.MultiLineString())):
        seen = found(tables, tuple(links), some)
        assert len(list(problems(seen))) == len(seen)


def spread(count: int) -> np.ndarray:
    return np.random.default_rng(3).uniform((117.2, 39.5), (117.5, 39.8), (count, 2))


def as_points(name: str, degrees: np.ndarray, declared: str = "wgs84") -> Points:
    return Points(name, datum.parse(declared), degrees, np.ones(len(degrees), dtype=bool))


@pytest.mark.parametrize(("part", "blamed"), [(0.4, 0), (0.6, 0), (0.9, 1)])
def test_points_that_lie_between_two_readings_blame_neither(part: float, blamed: int) -> None:
    villages = spread(100)
    # Every clinic lies off its village by so much of the shift of GCJ-02.
    clinics = villages + part * (datum.wgs84_to_gcj02(villages) - villages)
    link = Link(CLINICS, VILLAGES, np.column_stack((np.arange(100), np.arange(100))))
    assert len(found([as_points(CLINICS, clinics), as_points(VILLAGES, villages)], (link,))) == blamed


def test_a_far_road_that_every_point_would_come_nearer_to_tells_nothing() -> None:
    far_west = Ground(roads=shapely.MultiLineString([[(117.0, 39.0), (117.0, 40.0)]]))
    near_by = Ground(roads=shapely.MultiLineString([[(117.25, 39.0), (117.25, 40.0)]]))
    villages = spread(300)
    lined = np.column_stack((np.full(300, 117.25), villages[:, 1]))
    assert found([as_points(VILLAGES, villages)], ground=far_west) == []
    assert found([as_points(VILLAGES, datum.wgs84_to_gcj02(lined))], ground=near_by) != []


@pytest.mark.parametrize(("share", "blamed"), [(0.57, 0), (0.8, 1)])
def test_where_two_in_five_points_speak_against_it_nothing_is_said(share: float, blamed: int) -> None:
    villages = spread(1000)
    shifted = np.arange(1000) < share * 1000
    passed = np.where(shifted[:, None], datum.gcj02_to_wgs84(villages), villages)
    roads = shapely.MultiLineString([[spot, spot + 0.0001] for spot in passed])
    assert len(found([as_points(VILLAGES, villages)], ground=Ground(roads=roads))) == blamed


def test_people_walk_as_in_the_supplied_circles() -> None:
    with (bundled() / "models" / "presets" / "circles.toml").open("rb") as file:
        walk = tomllib.load(file)["modes"]["walk"]
    assert (walk["speed_kmh"], walk["detour"]) == (WALK_KMH, DETOUR)


@pytest.mark.parametrize("written", ["gcj02", "bd09"])
def test_of_roads_in_another_datum_at_least_95_in_100_are_named_alone(written: str) -> None:
    named = blamed = 0
    seeds = range(0, DISTRICTS, 10)
    for seed in seeds:
        true = truth(seed)
        moved = shapely.transform(true.ground.roads, lambda degrees: datum.convert(degrees, "wgs84", written))
        ground = Ground(roads=moved, roads_name="roads.shp")
        misfits = found(right(seed, VILLAGES, CLINICS), ground=ground)
        named += len(misfits) == 1 and {one.table for one in misfits[0].suspects} == {"roads.shp"}
        named -= any(misfits) and misfits[0].suspects[0].fits != written
        blamed += any(one.table != "roads.shp" for misfit in misfits for one in misfit.suspects)
    assert named >= 0.95 * len(seeds)
    assert not blamed
