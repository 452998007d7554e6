"""Candidates: of places, of the planner's list, generated where nobody is reached; and what layers keep out."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import riverside
import shapely
from conftest import Tiny, copy_tiny, one_year
from hypothesis import example, given
from hypothesis import strategies as st
from shapely.geometry import MultiPolygon, box

from allocate import generating, siting_candidates
from allocate.candidates import make_case
from allocate.card import card
from allocate.case import Case
from allocate.checking import check_all
from allocate.district import District, Layer
from allocate.draw.compact import compact
from allocate.errors import AllocateError, InputError, ModelError
from allocate.estimate import redraw
from allocate.ground import Ground
from allocate.model import read_model
from allocate.planning import plan
from allocate.plans import district_of
from allocate.read import read_district
from allocate.report.sheets import sheets
from allocate.units import Basis
from allocate.verification import verify
from allocate.words import speaking

SQUARE = box(0, 0, 1000, 1000)
ENGLISH = {"zh": "层", "en": "layer"}


def layer(area: shapely.Geometry, keeps: str = "out", buffer: int = 0, name: str = "x") -> Layer:
    parts = area.geoms if isinstance(area, MultiPolygon) else [area]
    return Layer(name, ENGLISH, keeps, f"{name}.geojson", buffer_metres=buffer, area=MultiPolygon(list(parts)))


def points(*spots: tuple[float, float]) -> Any:
    return np.array(spots, dtype=np.float64).reshape(-1, 2)


# Generating, by hand.


def test_a_grid_has_the_points_on_whole_multiples_that_lie_inside() -> None:
    # 0, 400 and 800 in each direction; without the corner that is cut off.
    ground = shapely.difference(SQUARE, box(700, 700, 1000, 1000))
    found = generating.grid(ground, 400).tolist()
    assert found == [[0, 0], [400, 0], [800, 0], [0, 400], [400, 400], [800, 400], [0, 800], [400, 800]]


def test_greedy_takes_who_reaches_most_then_whom_others_leave() -> None:
    # Spot 0 reaches places 0 and 1 (30 + 20), spot 1 places 1 and 2 (20 + 25), spot 2 place 2 alone (25).
    people = np.array([30, 20, 25])
    pairs = [(0, 0), (1, 0), (1, 1), (2, 1), (2, 2)]
    places, spots = (np.array(one) for one in zip(*pairs, strict=True))
    at = points((0, 0), (100, 0), (200, 0))
    # After spot 0 both others reach the 25 who are left: the first of them is taken, and then nobody is left.
    assert list(generating.greedy(people, places, spots, at, number=3, spacing=0)) == [(0, 50), (1, 25)]
    assert list(generating.greedy(people, places, spots, at, number=3, spacing=150)) == [(0, 50), (2, 25)]
    assert list(generating.greedy(people, places, spots, at, number=1, spacing=0)) == [(0, 50)]


@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=8),
    st.sets(st.tuples(st.integers(0, 7), st.integers(0, 5)), max_size=30),
)
def test_greedy_never_takes_less_than_the_best_spot_left_and_counts_everybody_once(
    people: list[int], reach: set[tuple[int, int]]
) -> None:
    pairs = sorted((i, j) for i, j in reach if i < len(people))
    places, spots = np.array([i for i, _ in pairs], dtype=np.int64), np.array([j for _, j in pairs], dtype=np.int64)
    left = list(people)
    for spot, gain in generating.greedy(np.array(people), places, spots, np.zeros((6, 2)), number=6, spacing=0):
        gains = [sum(left[i] for i, j in pairs if j == other) for other in range(6)]
        assert gain == max(gains) == gains[spot] > 0
        for i in {i for i, j in pairs if j == spot}:
            left[i] = 0
    assert not any(left[i] for i, _ in pairs)


def test_clusters_stand_in_the_middle_of_their_people() -> None:
    # Two groups far apart: 10 people at 0 and 30 at 40 have their middle at 30; 5 people live at 10,000.
    people, spots = np.array([10, 30, 5, 0]), points((0, 0), (40, 0), (10_000, 0), (5_000, 5_000))
    assert generating.clusters(people, spots, 2).tolist() == [[30, 0], [10_000, 0]]
    # More clusters than places that have people: each place is one.
    assert generating.clusters(people, spots, 9).tolist() == [[0, 0], [40, 0], [10_000, 0]]
    assert len(generating.clusters(np.zeros(4, dtype=np.int64), spots, 2)) == 0


# What layers allow, by hand.


def test_a_hole_in_a_layer_is_free_and_a_buffer_reaches_into_it() -> None:
    lake = shapely.difference(box(200, 200, 800, 800), box(400, 400, 600, 600))
    at = points((500, 500), (300, 300), (450, 500), (100, 500), (150, 500))
    without = Ground(SQUARE, (layer(lake),))
    assert without.allows(at).tolist() == [True, False, True, True, True]
    # 100 m beyond: the middle of the hole is exactly 100 m off and stays, 50 m is too near.
    within = Ground(SQUARE, (layer(lake, buffer=100),))
    assert within.allows(at).tolist() == [True, False, False, True, False]
    assert within.against(at[[0, 1, 4]]) == [
        None,
        {"code": "excluded", "layer": "x"},
        {"code": "too_near_layer", "layer": "x", "metres": 50, "buffer": 100},
    ]
    assert without.grounds(at[[0]]) == [({"code": "clear", "layer": "x", "metres": 100},)]


def test_of_several_layers_that_keep_in_one_is_enough_and_what_keeps_out_wins() -> None:
    schools, offices = layer(box(0, 0, 100, 100), "in", name="a"), layer(box(300, 0, 400, 100), "in", name="b")
    ground = Ground(SQUARE, (schools, offices, layer(box(80, 0, 320, 100), name="water")))
    at = points((50, 50), (90, 50), (350, 50), (500, 500))
    assert ground.allows(at).tolist() == [True, False, True, False]
    codes = [None if why is None else why["code"] for why in ground.against(at)]
    assert codes == [None, "excluded", None, "outside_layers"]
    assert [reasons[0] for reasons in ground.grounds(at[[0, 2]])] == [
        {"code": "inside", "layer": "a"},
        {"code": "inside", "layer": "b"},
    ]


def test_a_spot_is_moved_to_the_nearest_free_ground_if_it_is_near_enough() -> None:
    ground = Ground(SQUARE, (layer(box(-10, -10, 500, 1010)),))
    moved = ground.moved(points((480, 500), (100, 500)), 50)
    # A metre beyond the edge.
    assert moved[0].tolist() == [501, 500]
    assert np.isnan(moved[1]).all()
    assert ground.allows(moved[:1]).all()


SPOTS = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=1, max_size=20)
BOXES = st.lists(
    st.tuples(st.integers(0, 900), st.integers(0, 900), st.integers(1, 400), st.integers(1, 400)),
    min_size=1,
    max_size=4,
)


@example(spots=[(389, 346)], out=[(413, 0, 1, 328)], within=[(0, 0, 329, 398)], buffer=109)
@given(SPOTS, BOXES, BOXES, st.integers(0, 200))
def test_what_is_allowed_is_what_shapely_says_of_each_point_by_itself(
    spots: list[tuple[int, int]], out: list[tuple[int, ...]], within: list[tuple[int, ...]], buffer: int
) -> None:
    def areas(boxes: list[tuple[int, ...]]) -> MultiPolygon:
        return MultiPolygon([box(x, y, x + w, y + h) for x, y, w, h in boxes])

    ground = Ground(SQUARE, (layer(areas(out), buffer=buffer, name="o"), layer(areas(within), "in", name="i")))
    at = points(*spots)
    for allowed, why, (x, y) in zip(ground.allows(at), ground.against(at), spots, strict=True):
        spot = shapely.Point(x, y)
        off = min(spot.distance(part) for part in areas(out).geoms)
        held = any(part.intersects(spot) for part in areas(within).geoms)
        assert allowed == (off > 0 and off >= buffer and held) == (why is None)
    for there in ground.moved(at, 100):
        assert np.isnan(there).all() or ground.allows(there[None])[0]


# A whole district.

LIST = """id,kind,name,town,lon,lat,place,opening,yearly,reason,basis,source
HX1,clinic,闲置校舍,T2,117.406278,39.691,T2014,80000,,闲置校舍,surveyed,来函
HX2,clinic,水边,T2,117.4305,39.7005,,,,临时用房,assumed,来函
HX3,station,商铺,T1,117.3477,39.6451,,,1000,可租,surveyed,来函
"""
# Round HX2, and round two villages.
WATER = [[117.43, 39.70], [117.431, 39.70], [117.431, 39.701], [117.43, 39.701], [117.43, 39.70]]
GENERATE = """
[siting.clinic.generate]
how = "greedy"
number = 2
grid_metres = 500
spacing_metres = 800
basis = "assumed"
source = "made up"

[siting.station]
"""


CLUSTERS = '{ how = "clusters", number = 3, basis = "assumed", source = "made up",'


def put_layer(folder: Path, file: str, *rings: Sequence[Sequence[float]]) -> None:
    features = [
        {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}} for ring in rings
    ]
    (folder / file).write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")


def around(lon: float, lat: float, half: float = 0.0005) -> list[list[float]]:
    west, east, south, north = lon - half, lon + half, lat - half, lat + half
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def bring(tiny: Tiny) -> Tiny:
    """Give the small district a list, generated clinics and water."""
    (tiny.folder / "candidates.csv").write_text(LIST, encoding="utf-8")
    put_layer(tiny.folder, "禁建_水系.geojson", WATER)
    tiny.edit(tiny.model.name, "\n[siting.station]\n", GENERATE)
    # (What is generated is for people whom no site of today reaches: the villages have candidates of their own.)
    tiny.edit(tiny.model.name, 'how = "greedy"', 'how = "greedy"\nbeyond = "existing"')
    return tiny


@pytest.fixture
def listed(tiny: Tiny) -> Tiny:
    return bring(tiny)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """Return the copy that `made` was made of; nobody changes it."""
    return bring(one_year(copy_tiny(tmp_path_factory.mktemp("listed"))))


@pytest.fixture(scope="module")
def made(home: Tiny) -> str:
    """Return plan.json of the small district with all of it, made once."""
    return json.dumps(plan(read_district(home.folder), read_model(home.model)).content)


def case_of(tiny: Tiny) -> Case:
    return make_case(read_district(tiny.folder), read_model(tiny.model))


@pytest.mark.xdist_group("candidates")
def test_lists_generated_spots_and_layers_go_through_the_whole_path(home: Tiny, made: str) -> None:
    district, model = read_district(home.folder), read_model(home.model)
    case = make_case(district, model)
    by_id = {site.id: site for site in case.sites}
    # The list's own: its costs where it says them, and in the place of the village's.
    assert (by_id["HX1"].opening, by_id["HX1"].yearly, case.places[by_id["HX1"].place]) == (80_000, 60_000, "T2014")
    assert by_id["HX1"].kept[0] == {"code": "listed", "row": 2, "reason": "闲置校舍"}
    assert (by_id["HX3"].opening, by_id["HX3"].yearly, by_id["HX3"].place) == (600_000, 1_000, -1)
    dropped = {one.id: one.why for one in case.dropped}
    assert dropped["HX2"] == {"code": "excluded", "layer": "water"}
    assert [site.id for site in case.sites if site.origin == "generated"] == ["clinic-new-1", "clinic-new-2"]
    (told,) = case.generated
    picked = [by_id[f"clinic-new-{n}"].kept[0]["people"] for n in (1, 2)]
    assert picked == sorted(picked, reverse=True)
    assert told.reached == sum(map(int, picked)) <= told.people
    # What a pick says that it reaches, it does: all places within its circle that no site of today reaches.
    today = {i for j, site in enumerate(case.sites) if site.exists for i in case.places_of[j]}
    first = case.places_of[case.site_index["clinic-new-1"]]
    assert sum(int(case.people[i, 0]) for i in first if i not in today) == picked[0]
    content = json.loads(made)
    verdict = verify(content, home.folder)
    assert (verdict.findings, verdict.notes) == ((), ())
    # Without the folder, candidates are those that the plan carries, its layers' areas being gone.
    carried = district_of(content)
    assert all(one.area.is_empty for one in carried.layers)
    again = make_case(carried, model)
    assert (again.sites, again.dropped, again.generated) == (case.sites, case.dropped, case.generated)
    opened = {row["id"] for row in content["sites"] if row["action"] == "open"} & {"HX1", "HX3", "clinic-new-1"}
    on_map = compact(content)
    marks = {on_map["marks"]["id"].index(site) for site in opened}
    assert all(on_map["kept"][str(mark)]["en"] for mark in marks)
    tables = sheets(content, "zh")
    kept = dict(zip(tables["candidates"].column("id"), tables["candidates"].column("kept"), strict=True))
    assert str(kept["HX1"]).startswith("规划人员名单第2行：闲置校舍；离最近的禁建图层“水系”")
    assert str(kept["clinic-new-1"]).startswith(f"贪心生成第1个：新覆盖{int(picked[0]):,}人")
    assert "在禁建图层“水系”里" in tables["dropped"].column("dropped_by")
    assert tables["generated"].column("people_reached") == [told.reached]


@pytest.mark.xdist_group("candidates")
@pytest.mark.parametrize("edit", ["moved", "added", "kept", "people"])
def test_a_candidate_forged_in_a_plan_is_found_where_the_files_are_at_hand(home: Tiny, made: str, edit: str) -> None:
    content = json.loads(made)
    row = next(row for row in content["candidates"] if row["id"] == "clinic-new-2")
    match edit:
        case "moved":
            row["lat"] += 0.001
        case "added":
            content["dropped"] = [one for one in content["dropped"] if one["id"] != "HX2"]
        case "kept":
            row["kept"][0]["people"] += 1
        case "people":
            content["generated"][0]["people"] += 1
    assert not verify(content, home.folder).sound


def test_what_is_kept_and_dropped_adds_up_to_all_places_and_rows(listed: Tiny) -> None:
    case, district = case_of(listed), read_district(listed.folder)
    clinics = [one for one in (*case.sites, *case.dropped) if one.kind == "clinic" and one.origin]
    origins = [one.origin for one in clinics]
    # All villages but the one where a clinic stands; the one that the list replaces is dropped.
    villages = sum(place.kind == "village" for place in district.places)
    standing = sum(one.kind == "clinic" for one in district.institutions)
    assert (origins.count("places"), origins.count("list")) == (villages - standing, 2)
    replaced = [one.id for one in case.dropped if one.why["code"] == "replaced"]
    assert replaced == ["clinic-T2014"] or "T2014" in {one.place for one in district.institutions}


def test_in_a_draw_places_move_lists_stay_and_candidates_are_generated_again(listed: Tiny) -> None:
    district, model = read_district(listed.folder), read_model(listed.model)
    places = tuple(replace(place, position_basis=Basis.ESTIMATED) for place in district.places)
    drawn = redraw(replace(district, places=places), 7)
    before, after = make_case(district, model), make_case(drawn, model)
    assert any(a.lon != b.lon for a, b in zip(district.places, drawn.places, strict=True))
    spots = [{one.id: (one.lon, one.lat) for one in case.sites} for case in (before, after)]
    assert spots[0]["HX1"] == spots[1]["HX1"]
    assert spots[0]["clinic-new-1"] != spots[1]["clinic-new-1"]


def test_check_counts_candidates_by_origin_and_what_each_layer_drops(listed: Tiny) -> None:
    with speaking("en"):
        said = "\n".join(check_all(str(listed.model), {}))
    assert "layer “water” keeps candidates out (禁建_水系.geojson, 1 areas" in said
    assert "planner's list 1" in said
    assert "generated for village clinic (greedy)" in said


def test_a_layer_that_leaves_no_candidate_is_said_with_counts(tiny: Tiny) -> None:
    put_layer(tiny.folder, "include_public_buildings.geojson", around(117.31, 39.61, 0.0001))
    tiny.edit(tiny.model.name, "clinic-T2016", "hub-3")
    case = case_of(tiny)
    assert all(site.exists for site in case.sites)
    with speaking("en"):
        said = "\n".join(check_all(str(tiny.model), {}))
    assert f"all {sum(one.kind == 'station' for one in case.dropped)} of them" in said


def test_a_layer_of_one_kind_leaves_the_others(tiny: Tiny) -> None:
    put_layer(tiny.folder, "exclude_all.geojson", around(117.41, 39.675, 0.2))
    (tiny.folder / "district.toml").write_text(
        (tiny.folder / "district.toml").read_text(encoding="utf-8") + '\n[layers.all]\nkinds = ["station"]\n',
        encoding="utf-8",
    )
    case = case_of(tiny)
    assert {one.kind for one in case.dropped} == {"station"}
    assert {site.kind for site in case.sites if site.origin} == {"clinic"}


def test_a_rule_that_names_a_dropped_candidate_says_why_there_is_none(tiny: Tiny) -> None:
    spot = next(place for place in read_district(tiny.folder).places if place.id == "T2016")
    assert spot.lon is not None
    assert spot.lat is not None
    put_layer(tiny.folder, "exclude_farmland.geojson", around(spot.lon, spot.lat))
    with pytest.raises(ModelError) as error:
        case_of(tiny)
    assert [one.what for one in error.value.problems] == ["problem.site_dropped"]


STANDS = '{{rule="named_sites", sites=["{site}"], strength="must", source="a what-if", basis="assumed"}}'


def named(tiny: Tiny, site: str, changes: Mapping[str, str] = MappingProxyType({})) -> Any:
    """Return the model with a rule that wants a site to stand."""
    return read_model(tiny.model, {**changes, "rules.what_if_1": STANDS.format(site=site)})


@pytest.mark.parametrize(
    ("site", "why"),
    [
        ("HX2", {"code": "excluded", "layer": "water"}),
        ("clinic-T2015", {"code": "replaced", "id": "HX1"}),
        ("clinic-new-1", {"code": "too_near_site"}),
    ],
)
def test_a_dropped_candidate_that_a_rule_names_is_kept_and_says_what_speaks_against_it(
    listed: Tiny, site: str, why: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (listed.folder / "candidates.csv").write_text(LIST.replace("T2014", "T2015"), encoding="utf-8")
    changes = {}
    if why["code"] == "too_near_site":
        changes = {"siting.clinic.generate": f"{CLUSTERS} spacing_metres = 900 }}"}
        monkeypatch.setattr(generating, "apart", lambda spots, *_: np.arange(len(spots)) != 0)
    district = read_district(listed.folder)
    before = make_case(district, read_model(listed.model, changes))
    (out,) = [one for one in before.dropped if one.id == site]
    assert out.why == why
    case = make_case(district, named(listed, site, changes))
    assert case.sites[case.site_index[site]].kept[-1] == {**why, "code": "named", "why": why["code"]}
    # All others are what they were: the plan with it and the plan without it may be compared.
    assert sorted(one.id for one in case.sites) == sorted([*(one.id for one in before.sites), site])
    assert [one for one in before.dropped if one.id != site] == list(case.dropped)
    assert case.generated == before.generated


@pytest.mark.xdist_group("candidates")
def test_a_plan_with_a_candidate_that_a_rule_insists_on_passes_its_recheck_and_says_so(home: Tiny) -> None:
    content = json.loads(json.dumps(plan(read_district(home.folder), named(home, "HX2")).content))
    assert verify(content, home.folder).sound
    (row,) = [row for row in content["sites"] if row["id"] == "HX2"]
    for language, words in (("zh", "点名设站，本应排除：在禁建图层“水系”里"), ("en", "though it would be dropped")):
        cells = [record["reason"] for record in sheets(content, language)["sites"].records() if record["id"] == "HX2"]
        assert len(cells) == 1
        assert words in str(cells[0])
    assert row["action"] == "open"


def test_check_names_what_stands_by_a_rule_where_none_may(listed: Tiny) -> None:
    with speaking("en"):
        lines = list(check_all(str(listed.model), {"rules.what_if_1": STANDS.format(site="HX2")}))
    assert len([line for line in lines if "make sure that they may stand: 水边" in line]) == 1


@pytest.mark.parametrize("reason", ["outside_district", "off_roads"])
def test_a_spot_that_nobody_could_get_to_is_not_kept_whoever_names_it(
    tiny: Tiny, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {"siting.clinic.generate": f"{CLUSTERS} spacing_metres = 0 }}"}
    if reason == "off_roads":
        monkeypatch.setattr(siting_candidates, "off_roads", lambda _, __, spots: np.ones(len(spots), dtype=bool))
    else:
        monkeypatch.setattr(Ground, "allows", lambda _, spots: np.zeros(len(spots), dtype=bool))
    district = read_district(tiny.folder)
    out = next(one for one in make_case(district, read_model(tiny.model, changes)).dropped if one.why["code"] == reason)
    with pytest.raises(ModelError) as error:
        make_case(district, named(tiny, out.id, changes))
    assert [one.what for one in error.value.problems] == [f"problem.site_{reason}"]


def test_spots_are_moved_into_the_layers_that_keep_in(tiny: Tiny) -> None:
    put_layer(tiny.folder, "可选_公共建筑.geojson", around(117.4, 39.7), around(117.43, 39.66))
    tiny.edit(tiny.model.name, "clinic-T2016", "hub-3")
    tiny.edit(
        tiny.model.name,
        "\n[siting.station]\n",
        GENERATE.replace("grid_metres = 500", "grid_metres = 500\nmove_metres = 400"),
    )
    made = [site for site in case_of(tiny).sites if site.origin == "generated"]
    assert len(made) == 2
    for site in made:
        codes = [reason["code"] for reason in site.kept]
        assert codes == ["greedy", "moved", "inside"]
    # Without moving, no spot of so coarse a grid lies in a building.
    tiny.edit(tiny.model.name, "move_metres = 400\n", "")
    assert not any(site.origin == "generated" for site in case_of(tiny).sites)


@pytest.mark.parametrize("how", ["grid", "clusters"])
def test_grids_and_clusters_reach_somebody_whom_nothing_else_does(tiny: Tiny, how: str) -> None:
    wanted = GENERATE.replace('how = "greedy"', f'how = "{how}"')
    if how == "clusters":
        wanted = wanted.replace("grid_metres = 500\n", "").replace("number = 2", "number = 5")
    tiny.edit(tiny.model.name, "\n[siting.station]\n", wanted)
    tiny.edit(tiny.model.name, 'stands_in = ["village"]', 'stands_in = ["village"]\ncandidates = ["generated"]')
    tiny.edit(tiny.model.name, "clinic-T2016", "hub-3")
    case = case_of(tiny)
    made = [j for j, site in enumerate(case.sites) if site.origin == "generated"]
    others = {i for j in range(len(case.sites)) if j not in made for i in case.places_of[j]}
    assert made
    for j in made:
        reached = sum(int(case.people[i, 0]) for i in case.places_of[j] if i not in others)
        assert reached == case.sites[j].kept[0]["people"] > 0
    if how == "clusters":
        left = [one for one in case.dropped if one.origin == "generated"]
        assert len(made) + len(left) == 5


def test_who_brings_nothing_gets_the_same_candidates_as_ever(tiny: Tiny) -> None:
    case, district = case_of(tiny), read_district(tiny.folder)
    village = {place.id for place in district.places if place.kind == "village"}
    names = [site.id for site in case.sites if site.kind == "clinic" and site.origin == "places"]
    assert {name.removeprefix("clinic-") for name in names} < village
    assert (case.dropped, case.generated) == ((), ())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"siting.clinic.candidates": '["generated"]'}, "generate"),
        ({"siting.clinic.generate": '{ how = "greedy", basis = "assumed", source = "x." }'}, "number"),
        ({"siting.clinic.generate": f"{CLUSTERS} grid_metres = 500 }}"}, "grid"),
        ({"siting.clinic.generate": '{ how = "grid", grid_metres = 20, basis = "assumed", source = "x." }'}, "grid"),
        ({"siting.clinic.generate": '{ how = "grid" }'}, "source"),
    ],
)
def test_what_cannot_be_generated_is_one_message(tiny: Tiny, change: Mapping[str, str], says: str) -> None:
    with pytest.raises(AllocateError) as error, speaking("en"):
        make_case(read_district(tiny.folder), read_model(tiny.model, change))
    assert says in str(error.value)


def test_a_candidate_outside_the_boundary_is_a_fault_of_its_row(tiny: Tiny) -> None:
    (tiny.folder / "candidates.csv").write_text(LIST.replace("117.3477,39.6451", "117.9,39.6451"), encoding="utf-8")
    with pytest.raises(InputError) as error:
        read_district(tiny.folder)
    assert [(one.file, one.row, one.column) for one in error.value.problems] == [("candidates.csv", 4, "lon, lat")]


def test_shifted_layers_are_converted_as_tables_are(tiny: Tiny) -> None:
    put_layer(tiny.folder, "exclude_water.geojson", WATER)
    plain: District = read_district(tiny.folder)
    with (tiny.folder / "district.toml").open("a", encoding="utf-8") as card:
        card.write('\n[layers.water]\ndatum = "gcj02"\nbuffer_metres = 30\nname = { zh = "河", en = "river" }\n')
    shifted = read_district(tiny.folder)
    (before,), (after,) = plain.layers, shifted.layers
    assert 400 < before.area.centroid.distance(after.area.centroid) < 700
    assert (after.buffer_metres, after.name["en"]) == (30, "river")


BY_ROAD = """
candidates = ["generated"]

[siting.clinic.generate]
how = "greedy"
number = 2
grid_metres = 100
basis = "assumed"
source = "made up"

[circles.on_foot]
"""


def test_spots_are_generated_for_whom_the_roads_bring_there(tmp_path: Path) -> None:
    reached = {}
    for name in ("roads", "lines"):
        riverside.write(tmp_path / name, roads=name == "roads")
        file = tmp_path / f"{name}.toml"
        file.write_text(file.read_text(encoding="utf-8").replace("\n[circles.on_foot]\n", BY_ROAD), encoding="utf-8")
        district, model = read_district(tmp_path / name), read_model(file)
        case = make_case(district, model)
        first = case.places_of[case.site_index["clinic-new-1"]]
        reached[name] = {district.places[i].name[0] for i in first}
        people = sum(int(case.people[i, 0]) for i in first)
        assert people == next(site for site in case.sites if site.id == "clinic-new-1").kept[0]["people"]
    # As the crow flies the best spot is for both banks; there is no bridge near it.
    assert reached["lines"] >= {"北", "南"}
    assert len(reached["roads"] & {"北", "南"}) == 1
    content = json.loads(
        json.dumps(plan(read_district(tmp_path / "roads"), read_model(tmp_path / "roads.toml")).content)
    )
    assert verify(content).sound
    assert verify(content, tmp_path / "roads").sound


@pytest.mark.parametrize("how", ["greedy", "grid", "clusters"])
def test_no_spot_is_generated_off_the_roads(tmp_path: Path, how: str) -> None:
    riverside.write(tmp_path / "roads")
    file = tmp_path / "roads.toml"
    made = BY_ROAD.replace('"greedy"', f'"{how}"').replace("number = 2", "number = 30")
    made = made.replace("grid_metres = 100\n", "" if how == "clusters" else "grid_metres = 200\nspacing_metres = 600\n")
    file.write_text(file.read_text(encoding="utf-8").replace("\n[circles.on_foot]\n", made), encoding="utf-8")
    district, model = read_district(tmp_path / "roads"), read_model(file)
    case = make_case(district, model)
    new = [j for j, one in enumerate(case.sites) if one.origin == "generated"]
    assert new
    assert case.roads is not None
    assert not case.roads.is_off("walk", case.roads.index(case.spots[new])).any()
    # (The village on the hill is 1,000 m from the last street: as the crow flies a spot beside it would reach it.)
    hill = next(place for place in district.places if place.name == "山上村")
    bare = make_case(replace(district, roads=None), model)
    beside = [j for j in bare.sites_of[bare.places.index(hill.id)] if bare.sites[j].origin == "generated"]
    out = [(one.origin, one.why) for one in case.dropped]
    assert beside
    assert how != "clusters" or ("generated", {"code": "off_roads"}) in out


def test_the_card_of_a_model_says_how_candidates_are_generated(listed: Tiny) -> None:
    text = card(read_model(listed.model))
    assert "在现有站点够不着人的地方生成候选点（贪心）、最多 2 个、网格 500 米、间距至少 800 米" in text
    assert "a grid of 500 m" in text
