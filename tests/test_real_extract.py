"""A real extract of OpenStreetMap, the centre of Helsinki, from the file to the plan; lengths measured on the map.

The villages are made up: they stand at corners of streets, by the map's own positions.
"""

import itertools
from io import BytesIO
from pathlib import Path
from typing import Any

import networkx
import numpy as np
import pytest
import python_calamine
import riverside
import villages
from conftest import call_allocate

from allocate import plan, verify
from allocate.candidates import make_case
from allocate.district import District, Institution, Origin, Place, Town
from allocate.draw.compact import compact
from allocate.files.osm import open_osm
from allocate.model import Model
from allocate.plans import Plan, read_plan
from allocate.program import Options
from allocate.report.workbook import workbook
from allocate.travel.network import ROAD_CLASSES, TRAVELLERS, RoadNetwork
from allocate.travel.points import metric
from allocate.units import Basis

osmium = pytest.importorskip("osmium")

# ETRS89 / TM35FIN [m].
EPSG = 3067
# Corners of streets in the centre of Helsinki: longitude and latitude of the node at which they meet [°].
CORNERS = {
    "Annankatu / Bulevardi": (24.9393442, 60.1651349),
    "Annankatu / Uudenmaankatu": (24.9404286, 60.164349),
    "Annankatu / Eerikinkatu": (24.9360786, 60.1674713),
    "Annankatu / Kalevankatu": (24.9368431, 60.1669175),
    "Bulevardi / Yrjönkatu": (24.9416784, 60.1659489),
    "Snellmaninkatu / Siltavuorenpenger": (24.952958, 60.1750854),
    "Snellmaninkatu / Liisankatu": (24.9530761, 60.1740915),
    "Snellmaninkatu / Rauhankatu": (24.9533693, 60.1715564),
    "Kasarmikatu / Pieni Roobertinkatu": (24.9479386, 60.1642507),
    "Kasarmikatu / Pohjoinen Makasiinikatu": (24.9478203, 60.1655922),
    "Korkeavuorenkatu / Pieni Roobertinkatu": (24.9460923, 60.1641965),
    "Korkeavuorenkatu / Rikhardinkatu": (24.9458678, 60.1660456),
    "Pohjoinen Makasiinikatu / Unioninkatu": (24.9513174, 60.1656984),
    "Yliopistonkatu / Fabianinkatu": (24.9492443, 60.1698782),
    "Yliopistonkatu / Unioninkatu": (24.9508748, 60.1699159),
}
# Along one street that goes both ways, from corner to corner [m]: measured by hand on the extract, as the sum of
# geodesics on the ellipsoid from node to node of the street of that name.
MEASURED = {
    ("Annankatu / Bulevardi", "Annankatu / Uudenmaankatu"): 106.3,
    ("Annankatu / Bulevardi", "Annankatu / Eerikinkatu"): 317.2,
    ("Annankatu / Uudenmaankatu", "Annankatu / Kalevankatu"): 348.6,
    ("Snellmaninkatu / Siltavuorenpenger", "Snellmaninkatu / Rauhankatu"): 393.9,
    ("Snellmaninkatu / Liisankatu", "Snellmaninkatu / Rauhankatu"): 282.9,
    ("Kasarmikatu / Pieni Roobertinkatu", "Kasarmikatu / Pohjoinen Makasiinikatu"): 149.7,
    ("Korkeavuorenkatu / Pieni Roobertinkatu", "Korkeavuorenkatu / Rikhardinkatu"): 206.4,
    ("Annankatu / Bulevardi", "Bulevardi / Yrjönkatu"): 158.2,
    ("Kasarmikatu / Pohjoinen Makasiinikatu", "Pohjoinen Makasiinikatu / Unioninkatu"): 194.5,
    ("Yliopistonkatu / Fabianinkatu", "Yliopistonkatu / Unioninkatu"): 90.6,
}
TOLD = {"basis": "assumed", "source": "made up"}
NAME = {"zh": "汽车", "en": "by car"}
# A metre takes a second.
SLOW = 3.6


def model(minutes: float, **roads: Any) -> Model:
    """Return a model that sites clinics within some minutes by car, at a metre a second on every road."""
    told = {
        "goes_as": "car",
        "speeds": dict.fromkeys(ROAD_CLASSES, SLOW),
        "access_kmh": 1.8,
        "access_metres": 30,
        **TOLD,
    }
    mode = {"name": NAME, "speed_kmh": SLOW, "detour": 1.0, "roads": told | roads, **TOLD}
    circle = {"name": NAME, "modes": ["car"], "minutes": minutes, "kinds": ["clinic"], **TOLD}
    return villages.model(
        {"all": {"rule": "reach", "share": 1.0, "scope": "place", "strength": "must"}},
        modes={"car": mode},
        circles={"near": circle},
        goals=[{"goal": "cost"}, {"goal": "travel", "unserved_minutes": 300, "source": "made up"}],
    )


@pytest.fixture(scope="module")
def network(real_extract: Path) -> RoadNetwork:
    """Return the roads of the extract [m]."""
    return open_osm(real_extract, None).roads.moved(lambda degrees: metric(degrees, "wgs84", EPSG))


@pytest.fixture(scope="module")
def district(network: RoadNetwork) -> District:
    """Return made-up villages at corners of streets: a hundred people each, and a hub."""
    known = Basis.SURVEYED
    places = tuple(
        Place(f"V{n}", name, "village", "T1", 100, known, lon=lon, lat=lat, position_basis=known)
        for n, (name, (lon, lat)) in enumerate(CORNERS.items(), start=1)
    )
    hub = Institution("hub", "Hub", "township_hospital", "T1", known, 24.9450, 60.1690, known, "made up")
    ring = [[24.93, 60.16], [24.96, 60.16], [24.96, 60.18], [24.93, 60.18], [24.93, 60.16]]
    return District(
        id="helsinki",
        name={"zh": "赫尔辛基市中心", "en": "Centre of Helsinki"},
        code="000000",
        datum="wgs84",
        epsg=EPSG,
        places=places,
        towns=(Town("T1", "T1", "town", 24.9450, 60.1690, known),),
        institutions=(hub,),
        facts={},
        boundary={"type": "Polygon", "coordinates": [ring]},
        inputs=dict.fromkeys(("district.toml", "made-up.gpkg", "helsinki.osm.pbf"), "0" * 64),
        origins={
            "roads": Origin("helsinki.osm.pbf", rows=len(network)),
            **{table: Origin("made-up.gpkg") for table in ("boundary", "places", "towns")},
        },
        roads=network,
    )


def seconds(district: District, told: Model) -> dict[tuple[str, str], int]:
    """Return the time of every pair that a road joins, by their names [s]."""
    case = make_case(district, told)
    name = {place.id: place.name for place in district.places}
    return {
        (name[case.places[i]], name[case.sites[j].id.removeprefix("clinic-")]): time
        for (i, j), time in case.seconds.items()
        if case.how[i, j] == "network"
    }


def test_ten_pairs_along_a_street_take_as_long_as_the_street_is_on_the_map(district: District) -> None:
    found = seconds(district, model(240))
    assert len(MEASURED) == 10
    for (a, b), metres in MEASURED.items():
        # (The plane is true to three parts in ten thousand here, and a begun second counts.)
        assert found[a, b] == pytest.approx(metres, abs=1.2), (a, b)
        assert found[b, a] == pytest.approx(metres, abs=1.2), (b, a)


@pytest.mark.parametrize("goes_as", TRAVELLERS)
def test_all_pairs_take_as_long_as_networkx_says(goes_as: str, district: District, network: RoadNetwork) -> None:
    found = seconds(district, model(240, goes_as=goes_as))
    graph = networkx.DiGraph()
    bit = 1 << TRAVELLERS.index(goes_as)
    pieces = zip(
        network.starts.tolist(),
        network.ends.tolist(),
        network.metres.tolist(),
        network.one_way.tolist(),
        network.closed.tolist(),
        strict=True,
    )
    for a, b, metres, one_way, closed in pieces:
        if closed & bit:
            continue
        for one, other in ((a, b),) if one_way and goes_as == "car" else ((a, b), (b, a)):
            before = graph.get_edge_data(one, other, {"weight": np.inf})["weight"]
            graph.add_edge(one, other, weight=min(before, metres))
    spots = metric(list(CORNERS.values()), "wgs84", EPSG)
    used = np.array(sorted(graph.nodes))
    node = {
        name: int(used[np.hypot(*(network.nodes[used] - spot).T).argmin()])
        for name, spot in zip(CORNERS, spots, strict=True)
    }
    compared = 0
    for a, b in itertools.permutations(CORNERS, 2):
        if np.hypot(*(spots[list(CORNERS).index(a)] - spots[list(CORNERS).index(b)])) < 30:
            continue
        try:
            right = networkx.dijkstra_path_length(graph, node[a], node[b])
        except networkx.NetworkXNoPath:
            assert (a, b) not in found
            continue
        assert found[a, b] == pytest.approx(right, abs=1.5), (a, b)
        compared += 1
    assert compared > 150


def test_the_plan_over_the_extract_is_sound_and_names_whose_roads_they_are(district: District) -> None:
    made: Plan = plan(district, model(6), Options(seconds=20.0, threads=1))
    verdict = verify(made.content)
    assert verdict.sound, verdict.findings
    times = seconds(district, model(6))
    names = {place.id: place.name for place in district.places}
    for row in made.content["places"]:
        assert row["status"] == "served"
        pair = names[row["id"]], names[row["served_by"].removeprefix("clinic-")]
        at_home = pair[0] == pair[1]
        assert row["how"] == ("here" if at_home else "network")
        assert row["minutes"] == pytest.approx(0 if at_home else times[pair] / 60, abs=0.1)
    assert {row["how"] for row in made.content["places"]} == {"here", "network"}
    assert 1 < sum(site["kind"] == "clinic" for site in made.content["sites"]) < len(CORNERS)
    assert compact(made.content)["openstreetmap"] is True
    book = python_calamine.CalamineWorkbook.from_filelike(BytesIO(workbook(made.content, "zh")))
    cells = {str(cell) for name in book.sheet_names for row in book.get_sheet_by_name(name).to_python() for cell in row}
    assert any("© OpenStreetMap 贡献者，ODbL 1.0 许可" in cell for cell in cells)


# A district's folder lies in China: the same streets are put there, so many degrees to the east and to the south.
EAST, NORTH = 92.36, -20.47


@pytest.fixture
def moved(real_extract: Path, tmp_path: Path) -> Path:
    """Return the folder of a district whose roads are the extract, moved to China node by node."""
    spots = {f"村{n}": (lon + EAST, lat + NORTH) for n, (lon, lat) in enumerate(CORNERS.values(), start=1)}
    ring = [[lon + EAST, lat + NORTH] for lon, lat in ((24.93, 60.16), (24.96, 60.16), (24.96, 60.18), (24.93, 60.18))]
    hub = (24.945 + EAST, 60.169 + NORTH)
    folder = tmp_path / "moved"
    model = riverside.put(folder, riverside.tables(spots, dict.fromkeys(spots, 100), hub, [*ring, ring[0]]))
    text = model.read_text(encoding="utf-8")
    every = ", ".join(f"{name} = 3.6" for name in ROAD_CLASSES)
    text = text.replace("residential = 3.6, primary = 3.6", every).replace("minutes = 15", "minutes = 6")
    model.write_text(text, encoding="utf-8")
    with osmium.SimpleWriter(str(folder / "roads.osm.pbf")) as writer:
        for one in osmium.FileProcessor(str(real_extract)):
            if one.is_node():
                at = (one.location.lon + EAST, one.location.lat + NORTH)
                writer.add_node(osmium.osm.mutable.Node(one, location=at))
            else:
                writer.add(one)
    return folder


def test_an_extract_in_a_folder_is_checked_planned_verified_and_named(moved: Path) -> None:
    home, model = moved.parent, moved.with_suffix(".toml")
    done = call_allocate(home, "--language", "en", "check", model)
    assert done.returncode == 0, done.stderr
    assert "roads.osm.pbf" in done.stdout
    assert "km" in next(line for line in done.stdout.splitlines() if line.startswith("road network"))
    done = call_allocate(home, "--language", "en", "plan", model, "--threads", "1")
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("times")]
    assert "by road 1,000 (66.7 %), in the place itself 500 (33.3 %)" in line
    assert "© OpenStreetMap contributors, ODbL 1.0" in line.replace("Roads ", "")
    folder = home / "maps" / "out" / "moved"
    assert call_allocate(home, "verify", folder).returncode == 0
    assert compact(read_plan(folder))["openstreetmap"] is True
