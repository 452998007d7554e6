"""Roads from the files of a district to its plan: what is planned with them, what is said of them, what is refused."""

import copy
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import python_calamine
import riverside
import shapely
import villages
from conftest import Tiny, call_allocate

from allocate import datum, plan, read_district, read_model, verify
from allocate.candidates import make_case
from allocate.data_problems import data_problems
from allocate.draw.compact import compact
from allocate.errors import ModelError, Problem
from allocate.fault_kinds import FaultKind
from allocate.model import Model
from allocate.plans import Plan, read_plan
from allocate.program import Options
from allocate.report.geopackage import geopackage
from allocate.report.sheets import sheets
from allocate.report.summary import summary
from allocate.report.workbook import workbook
from allocate.travel.network import ROAD_CLASSES
from allocate.words import LANGUAGES, speaking

sys.path.insert(0, str(Path(__file__).resolve().parent / "benchmarks"))

from made_up_roads import make_up, network_of, write

TOLD = {"basis": "assumed", "source": "made up"}
NAME = {"zh": "步行", "en": "on foot"}


def model(roads: dict[str, Any] | None = None, **more: Any) -> Model:
    """Return a model that sites clinics within 15 minutes on foot, a metre in a second on residential roads."""
    told = {"goes_as": "foot", "speeds": {"residential": 3.6}, "access_kmh": 3.6, "access_metres": 300, **TOLD}
    walk = {"name": NAME, "speed_kmh": 3.6, "detour": 1.0, **TOLD, "roads": told | (roads or {})}
    circle = {"name": NAME, "modes": ["walk"], "minutes": 15, "kinds": ["clinic"], **TOLD}
    usual = {"modes": {"walk": walk}, "circles": {"near": circle}}
    return villages.model({"all": {"rule": "reach", "share": 1.0, "strength": "must"}}, **(usual | more))


def refused(roads: dict[str, Any], language: Any = "en") -> list[str]:
    with speaking(language), pytest.raises(ModelError) as caught:
        model(roads)
    return str(caught.value).splitlines()[1:]


def test_a_speed_of_nothing_is_one_message_that_names_the_classes() -> None:
    (line,) = refused({"speeds": {"residential": 0, "primary": -3, "path": 4}})
    assert "modes.walk.roads.speeds" in line
    assert "more than 0 km/h: residential, primary; leave out" in line
    (line,) = refused({"speeds": {"residential": 0.0}}, "zh")
    assert "residential；不走的等级请整个删去" in line


def test_a_class_of_road_that_nobody_knows_is_one_message_with_the_classes_there_are() -> None:
    (line,) = refused({"speeds": {"motoway": 50, "Path": 4, "residential": 20}})
    assert "motoway, Path" in line
    assert all(name in line for name in ROAD_CLASSES)
    (line,) = refused({"speeds": {"乡道": 30}}, "zh")
    assert "没有这样的道路等级：乡道" in line


def test_whatever_else_is_wrong_with_roads_is_said_at_its_key() -> None:
    wrong: dict[str, Any] = {"goes_as": "horse", "access_metres": 0, "speed": {"residential": 4}}
    lines = refused(wrong)
    assert len(lines) == 3
    by_key = {
        key: next(line for line in lines if f"modes.walk.roads.{key} " in f"{line} ".replace(":", " ")) for key in wrong
    }
    assert "foot, bicycle, car" in by_key["goes_as"]
    assert "more than 0" in by_key["access_metres"]
    assert "nearest: speeds. Keys: goes_as, speeds, access_kmh, access_metres" in by_key["speed"]
    assert "residential" in refused({"speeds": {"residential": 500}})[0]
    assert len(refused({"speeds": {}})) == 1


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the district on both banks, with roads and without, and the model of each."""
    where = tmp_path_factory.mktemp("banks")
    riverside.write(where / "roads")
    riverside.write(where / "lines", roads=False)
    return where


@pytest.fixture(scope="module")
def by_road(home: Path) -> Path:
    """Return the folder of the plan along the roads, made as a planner makes it."""
    done = call_allocate(home, "--language", "en", "plan", "roads.toml", "--threads", "1")
    assert done.returncode == 0, done.stderr
    return home / "maps" / "out" / "roads"


@pytest.fixture(scope="module")
def straight(home: Path) -> Plan:
    """Return the plan of the same villages without roads."""
    return plan(read_district(home / "lines"), read_model(home / "lines.toml"), Options(seconds=20.0, threads=1))


def bank(name: str) -> str:
    return name[0]


def served(content: Mapping[str, Any]) -> list[tuple[str, str, float, str]]:
    """Return who is served from which village, in how many minutes, and what they rest on."""
    names = {row["id"]: row["name"] for row in content["district_data"]["places"]}
    return [
        (names[row["id"]], names[row["served_by"].removeprefix("clinic-")], row["minutes"], row["how"])
        for row in content["places"]
    ]


def test_ten_pairs_of_villages_take_as_long_as_by_hand(home: Path) -> None:
    district = read_district(home / "roads")
    case = make_case(district, read_model(home / "roads.toml", {"circles.on_foot.minutes": "240"}))
    name = {place.name: i for i, place in enumerate(district.places)}
    by_hand = {
        ("北一村", "北二村"): 400,
        # From (600, 320) down to (600, 200) it is 120 m off the road, and then 200 m to either corner.
        ("北一村", "北三村"): 200 + 240,
        ("北三村", "北二村"): 240 + 200,
        ("南一村", "南二村"): 400,
        # To the other bank, 400 m away, it is 3,600 m to the bridge, over it, and all the way back.
        ("北一村", "南一村"): 3600 + 400 + 3600,
        ("北一村", "南二村"): 3600 + 400 + 3200,
        ("北二村", "南二村"): 3200 + 400 + 3200,
        ("南一村", "南三村"): 2000 + 400,
        ("南二村", "南三村"): 1600 + 400,
        ("北一村", "北四村"): 3400 + 800,
        ("南三村", "北四村"): 1600 + 400 + 400 + 800 + 200,
    }
    for (a, b), seconds in by_hand.items():
        for one, other in ((a, b), (b, a)):
            pair = name[one], case.site_index[f"clinic-{district.places[name[other]].id}"]
            # (Positions are written in degrees to some millimetres, and a begun second counts.)
            assert 0 <= case.seconds[pair] - seconds <= 1, (one, other)
            assert case.how[pair] == "network"
    hill = name["山上村"], case.site_index[f"clinic-{district.places[name['北一村']].id}"]
    assert (case.seconds[hill], case.how[hill]) == (pytest.approx(1800, abs=1), "line")


def test_the_river_changes_the_plan(by_road: Path, straight: Plan) -> None:
    over = [(a, b, how) for a, b, _, how in served(straight.content) if bank(a) != bank(b)]
    assert over, "as the crow flies, somebody is sent across the river"
    assert {how for _, _, how in over} == {"line"}
    content = read_plan(by_road)
    assert all(bank(a) == bank(b) for a, b, _, _ in served(content))
    opened = [site for site in content["sites"] if site["action"] == "open"]
    assert len(opened) == 1 + sum(site["action"] == "open" for site in straight.content["sites"])
    assert {"北", "南"} <= {bank(site["name"]) for site in opened}


def test_the_plan_by_road_is_sound_and_says_of_every_time_what_it_rests_on(by_road: Path) -> None:
    done = call_allocate(by_road.parents[2], "--language", "en", "verify", by_road)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The plan is sound" in done.stdout
    content = read_plan(by_road)
    for a, b, _, how in served(content):
        assert how == ("here" if a == b else "network")
    forged = copy.deepcopy(content)
    next(row for row in forged["places"] if row["how"] == "network" and row["minutes"])["how"] = "line"
    assert not verify(forged).sound
    forged = copy.deepcopy(content)
    ways = forged["road_times"]["modes"]["walk"]["ways"]
    ways[0][2] = [seconds + 60 for seconds in ways[0][2]]
    assert not verify(forged).sound


def test_check_names_the_village_off_the_roads_and_says_where_the_roads_are_from(home: Path) -> None:
    done = call_allocate(home, "--language", "en", "check", "roads.toml")
    (line,) = [line for line in done.stdout.splitlines() if "within 300 m to no road" in line]
    assert "1 of 8 places" in line
    assert line.endswith("山上村.")
    done = call_allocate(home, "--language", "zh", "check", "roads.toml")
    assert "8 处村和社区中 1 处在 300 米以内到不了可用的道路（walk；" in done.stdout


def test_the_summary_says_how_many_peoples_times_are_by_road(by_road: Path, straight: Plan) -> None:
    with speaking("en"):
        (line,) = [line for line in summary(read_plan(by_road)) if line.startswith("times")]
        assert "by road 450 (38.5 %), in the place itself 720 (61.5 %); places that get to no road" in line
        assert line.endswith("straight: 1")
        (line,) = [line for line in summary(straight.content) if line.startswith("times")]
        # A way to travel of another circle than the planned one says nothing of these minutes.
        other = copy.deepcopy(read_plan(by_road))
        for row in other["problems"]:
            if row["what"] == "check.off_roads":
                row["details"]["modes"] = "car"
        assert "get to no road" not in "".join(summary(other))
    assert "straight line" in line
    assert "by road" not in line
    old = copy.deepcopy(straight.content)
    for row in old["places"]:
        del row["how"]
    assert not [line for line in summary(old) if line.startswith(("times", "时间"))]


def test_map_workbook_and_layers_show_what_times_rest_on(by_road: Path, tmp_path: Path) -> None:
    content = read_plan(by_road)
    page = compact(content)
    assert page["ways_by"] == {"2025": [["network", 450], ["here", 720]]}
    assert page["openstreetmap"] is False
    book = python_calamine.CalamineWorkbook.from_filelike(BytesIO(workbook(content, "en")))
    rows = [row for name in book.sheet_names for row in book.get_sheet_by_name(name).to_python()]
    assert any("by road 450" in str(cell) for row in rows for cell in row)
    assert sheets(content, "en")["places"].column("way_by").count("network") == sum(
        row["how"] == "network" for row in content["places"]
    )
    file = tmp_path / "plan.gpkg"
    file.write_bytes(geopackage(content, "en"))
    links = pyogrio.read_dataframe(file, layer="links", read_geometry=False)
    assert set(links["way_by"]) == {"network", "here"}


def of_osm(content: Mapping[str, Any], **origin: Any) -> dict[str, Any]:
    changed = json.loads(json.dumps(content))
    changed["district_data"]["origins"]["roads"] |= origin
    return dict(changed)


@pytest.mark.parametrize(
    "origin",
    [
        {"file": "roads.osm.pbf"},
        {"file": "天津.PBF"},
        {"file": "gis_osm_roads_free_1.shp"},
        {"file": "道路.shp", "headings": {"class": "fclass"}},
    ],
)
def test_roads_of_openstreetmap_are_named_with_their_licence(by_road: Path, origin: dict[str, Any]) -> None:
    content = of_osm(read_plan(by_road), **origin)
    assert compact(content)["openstreetmap"] is True
    assert any("OpenStreetMap" in str(cell) for cell in sheets(content, "en")["sources"].column("source"))
    with speaking("zh"):
        assert any("© OpenStreetMap 贡献者，ODbL 1.0 许可" in line for line in summary(content))


def idle(home: Path, changes: Mapping[str, str], folder: str = "roads") -> list[Problem]:
    """Return what is said of roads that the planned circle does not use."""
    district, told = read_district(home / folder), read_model(home / "roads.toml", changes)
    found = data_problems(district, told, make_case(district, told))
    return [problem for problem in found if problem.what.startswith("check.roads_")]


def test_roads_that_nothing_uses_are_said_with_the_reason(home: Path, tmp_path: Path) -> None:
    assert idle(home, {}) == []
    assert [one.what for one in idle(home, {"circle": "radius_1000"})] == ["check.roads_no_minutes"]
    model = (home / "roads.toml").read_text(encoding="utf-8")
    before, after = model.split("[modes.walk.roads]")
    (home / "still.toml").write_text(before + "[rules" + after.split("[rules", 1)[1], encoding="utf-8")
    district, told = read_district(home / "roads"), read_model(home / "still.toml")
    (problem,) = [
        one for one in data_problems(district, told, make_case(district, told)) if one.what.startswith("check.roads_")
    ]
    assert problem.what == "check.roads_no_speeds"
    assert "walk" in problem.sentence()
    riverside.write(tmp_path / "listed")
    (tmp_path / "listed" / "travel.csv").write_text("from,to,mode,minutes\nV1,V2,walk,3\n", encoding="utf-8")
    (problem,) = idle(home, {}, str(tmp_path / "listed"))
    assert problem.what == "check.roads_listed"
    assert "travel.csv" in problem.sentence()


@pytest.mark.parametrize("written", ["gcj02", "bd09"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_roads_of_a_map_service_beside_surveyed_villages_are_named(tiny: Tiny, written: str, language: Any) -> None:
    write(make_up(read_district(tiny.folder), rivers=2), read_district(tiny.folder), tiny.folder)
    assert FaultKind.DATUM_MISFIT not in {one.what for one in read_district(tiny.folder).warnings}
    for name in ("roads", "barriers"):
        file = tiny.folder / f"{name}.geojson"
        content = json.loads(file.read_text(encoding="utf-8"))
        for one in content["features"]:
            corners = datum.convert(np.array(one["geometry"]["coordinates"]), "wgs84", written)
            one["geometry"]["coordinates"] = corners.tolist()
        file.write_text(json.dumps(content), encoding="utf-8")
    with speaking(language):
        done = call_allocate(tiny.folder.parent, "--language", language, "check", tiny.model)
    (line,) = [line for line in done.stdout.splitlines() if written in line]
    assert "roads.geojson" in line
    assert "places.csv" in line
    card = tiny.folder / "district.toml"
    told = "".join(f'\n[tables.{name}]\ndatum = "{written}"\n' for name in ("roads", "barriers"))
    card.write_text(card.read_text(encoding="utf-8") + told, encoding="utf-8")
    assert FaultKind.DATUM_MISFIT not in {one.what for one in read_district(tiny.folder).warnings}


def test_made_up_roads_lead_from_every_village_to_every_other_and_are_the_same_again(tiny: Tiny) -> None:
    district = read_district(tiny.folder)
    made = make_up(district, rivers=2)
    again = make_up(district, rivers=2)
    assert [line.wkb for line, _ in made.roads] == [line.wkb for line, _ in again.roads]
    assert made.bridges > 0
    write(made, district, tiny.folder)
    for name in ("roads", "barriers"):
        features = json.loads((tiny.folder / f"{name}.geojson").read_text(encoding="utf-8"))["features"]
        assert {one["properties"]["note"] for one in features} == {"synthetic"}
    read, network = read_district(tiny.folder).roads, network_of(made)
    assert read is not None
    assert read.metres.sum() == pytest.approx(network.metres.sum(), rel=1e-4)
    # (Whoever walks may not take the motorway.)
    used = np.array(ROAD_CLASSES)[read.classes] != "motorway"
    walked = shapely.union_all(shapely.get_parts(read.lines())[used])
    rivers = [line for line, name in made.barriers if name == "river"]
    assert sum(len(shapely.get_parts(walked.intersection(river))) for river in rivers) >= made.bridges
    assert not used.all()


def test_a_plan_along_roads_in_pieces_says_so_and_parts_the_villages(home: Path, tmp_path: Path) -> None:
    model = riverside.write(tmp_path / "apart")
    file = tmp_path / "apart" / "roads.geojson"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["features"] = [one for one in content["features"] if one["properties"]["bridge"] == "no"]
    file.write_text(json.dumps(content), encoding="utf-8")
    done = call_allocate(tmp_path, "--language", "en", "check", model)
    (line,) = [line for line in done.stdout.splitlines() if "2 pieces" in line]
    assert "only 50% of their length" in line
    # (Both are as long: one of the banks is named.)
    assert "南三村" in line or "北四村" in line
    district = read_district(tmp_path / "apart")
    case = make_case(district, read_model(model, {"circles.on_foot.minutes": "240"}))
    names = {place.id: place.name for place in district.places}
    banks = {bank(names[case.places[i]]) + bank(case.sites[j].name) for i, j in case.seconds}
    assert {"北北", "南南"} <= banks
    assert not {"北南", "南北"} & banks


def test_times_by_road_that_nobody_could_keep_to_are_found_without_the_roads(by_road: Path) -> None:
    content = read_plan(by_road)

    def findings(spoil: Any) -> list[str]:
        forged = copy.deepcopy(content)
        spoil(forged["road_times"])
        return [one.where for one in verify(forged).findings]

    def hurried(times: dict[str, Any]) -> None:
        for way in times["modes"]["walk"]["ways"]:
            way[2] = [seconds // 3 for seconds in way[2]]

    def turned(times: dict[str, Any]) -> None:
        times["modes"]["walk"]["ways"].reverse()

    def without_a_village(times: dict[str, Any]) -> None:
        times["spots"][0][0] += 50

    assert any(where.startswith("road_times.modes.walk.") for where in findings(hurried))
    assert "road_times.modes.walk" in findings(turned)
    assert "road_times.modes.walk" in findings(without_a_village)
    assert "road_times.modes" in findings(lambda times: times["modes"].clear())
    assert findings(lambda times: times["modes"]["walk"]["off"].append(10_000)) != []


def test_a_hub_that_no_road_joins_to_its_lead_is_named(tmp_path: Path) -> None:
    file = riverside.write(tmp_path / "roads")
    folder = tmp_path / "roads"
    # (A hospital on the south bank, and no bridge.)
    riverside_roads = riverside.collection(riverside.streets()[:-1])
    (folder / "roads.geojson").write_text(riverside_roads, encoding="utf-8")
    ((lon, lat),) = riverside.degrees([(2000, -600)])
    table = folder / "institutions.csv"
    head, hub = table.read_text(encoding="utf-8").splitlines()
    row = f"h-1,南岸医院,hospital,T1,official,{lon},{lat},surveyed,made up,2,general,public,official"
    rows = [f"{head},level,type,ownership,profile_basis", f"{hub},,,,", row]
    table.write_text("\n".join([*rows, ""]), encoding="utf-8")
    led = """
[consortia]
leads = ["h-1"]
mode = "walk"
basis = "assumed"
source = "made up"
"""
    file.write_text(file.read_text(encoding="utf-8") + led, encoding="utf-8")
    district, by_foot = read_district(folder), read_model(file)
    found = data_problems(district, by_foot, make_case(district, by_foot))
    (told,) = [one for one in found if one.what == "check.no_way"]
    assert told.column == "consortia"
    assert told.details == {"number": 1, "minutes": 1440, "names": "一镇卫生院 → 南岸医院"}
    # As the crow flies there is nothing to say.
    straight = replace(district, roads=None)
    found = data_problems(straight, by_foot, make_case(straight, by_foot))
    assert not [one for one in found if one.what == "check.no_way"]
