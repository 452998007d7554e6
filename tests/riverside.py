"""A district on both banks of a river, with a road file of its own: streets 400 m apart, and one bridge.

Positions are metres east and north of a corner; the streets run from 0 to 4,000 m and from −1,000 to 1,000 m, the river
along 0, and the bridge crosses it at 4,000 m.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyproj

Point = tuple[float, float]

EPSG = 4548
_BACK = pyproj.Transformer.from_crs(EPSG, 4326, always_xy=True)
_EAST, _NORTH = pyproj.Transformer.from_crs(4326, EPSG, always_xy=True).transform(117.3, 39.7)
COLUMNS, ROWS = range(0, 4001, 400), (-1000, -600, -200, 200, 600, 1000)
# Villages, and their people: four on the north bank, three on the south bank, and one beyond all streets.
VILLAGES: dict[str, tuple[Point, int]] = {
    "北一村": ((400, 200), 300),
    "北二村": ((800, 200), 200),
    "北三村": ((600, 320), 100),
    "北四村": ((3800, 1000), 50),
    "南一村": ((400, -200), 250),
    "南二村": ((800, -200), 150),
    "南三村": ((2400, -600), 80),
    "山上村": ((400, 2000), 40),
}

MODEL = """
title = { zh = "两岸方案", en = "Plan of both banks" }
district = 'DISTRICT'
as_of = 2024-12-26
years = [2025]
circle = "on_foot"
compare_circles = ["on_foot"]
draws = 0

[siting.clinic]
stands_in = ["village"]
opening = 150_000
yearly = 60_000
basis = "assumed"
source = "made up"

[circles.on_foot]
name = { zh = "步行15分钟", en = "15 min on foot" }
modes = ["walk"]
minutes = 15
kinds = ["clinic"]
basis = "assumed"
source = "made up"

[modes.walk]
name = { zh = "步行", en = "on foot" }
speed_kmh = 3.6
detour = 1.0
basis = "assumed"
source = "made up: a metre in a second"

[modes.walk.roads]
goes_as = "foot"
speeds = { residential = 3.6, primary = 3.6 }
access_kmh = 1.8
access_metres = 300
basis = "assumed"
source = "made up: a metre in a second, and half of that off the road"

[rules.everybody]
rule = "reach"
share = 1.0
scope = "place"
strength = "must"
basis = "assumed"
source = "made up"

[[goals]]
goal = "cost"

[[goals]]
goal = "travel"
unserved_minutes = 300
source = "made up"
"""


CARD = f"""
code = "990002"
datum = "wgs84"
epsg = {EPSG}

[name]
zh = "两岸区"
en = "Both banks"
"""


def degrees(points: Sequence[Point]) -> list[list[float]]:
    """Return longitudes and latitudes, to a millimetre [°]."""
    at = np.array(points, dtype=np.float64)
    lon, lat = _BACK.transform(_EAST + at[:, 0], _NORTH + at[:, 1])
    return np.column_stack([lon, lat]).round(8).tolist()


def feature(points: Sequence[Point], **about: Any) -> dict[str, Any]:
    """Return a line as GeoJSON has it."""
    geometry = {"type": "LineString", "coordinates": degrees(points)}
    return {"type": "Feature", "properties": about, "geometry": geometry}


def collection(features: Sequence[Mapping[str, Any]]) -> str:
    """Return a file of GeoJSON."""
    return json.dumps({"type": "FeatureCollection", "features": list(features)}, ensure_ascii=False)


def streets() -> list[dict[str, Any]]:
    """Return the streets, each from end to end with a corner at every crossing, and the bridge."""
    lines = [[(x, y) for x in COLUMNS] for y in ROWS]
    for x in COLUMNS:
        lines += [[(x, y) for y in ROWS if y < 0], [(x, y) for y in ROWS if y > 0]]
    found = [feature(line, **{"class": "residential"}, bridge="no") for line in lines]
    return [*found, feature([(COLUMNS[-1], -200), (COLUMNS[-1], 200)], **{"class": "residential"}, bridge="yes")]


def river() -> dict[str, Any]:
    """Return the river."""
    return feature([(-2000, 0), (6000, 0)], kind="river")


def write(folder: Path, *, roads: bool = True) -> Path:
    """Write the district into a folder, with its roads and its river or without, and a model of it beside the folder.

    Returns the model's file.
    """
    ring = degrees([(-1500, -2500), (5500, -2500), (5500, 3500), (-1500, 3500), (-1500, -2500)])
    (hub,) = degrees([(2000, 600)])
    spots = degrees([at for at, _ in VILLAGES.values()])
    people = {name: number for name, (_, number) in VILLAGES.items()}
    files = tables(dict(zip(people, spots, strict=True)), people, hub, ring)
    if roads:
        files |= {"roads.geojson": collection(streets()), "barriers.geojson": collection([river()])}
    return put(folder, files)


def tables(
    spots: Mapping[str, Sequence[float]],
    people: Mapping[str, int],
    hub: Sequence[float],
    ring: Sequence[Sequence[float]],
) -> dict[str, str]:
    """Return the files of a district of one town: its villages and its hub by longitude and latitude, and its edge."""
    geometry = {"type": "Polygon", "coordinates": [ring]}
    places = [
        f"V{n},{name},village,T1,rural,{people[name]},surveyed,{lon},{lat},surveyed"
        for n, (name, (lon, lat)) in enumerate(spots.items(), start=1)
    ]
    return {
        "district.toml": CARD,
        "boundary.geojson": collection([{"type": "Feature", "properties": {}, "geometry": geometry}]),
        "places.csv": "\n".join(["id,name,kind,town,setting,people,people_basis,lon,lat,position_basis", *places]),
        "towns.csv": f"id,name,kind,lon,lat,position_basis\nT1,一镇,town,{hub[0]},{hub[1]},surveyed\n",
        "institutions.csv": "id,name,kind,town,name_basis,lon,lat,position_basis,source\n"
        f"hub-1,一镇卫生院,township_hospital,T1,official,{hub[0]},{hub[1]},surveyed,made up\n",
    }


def put(folder: Path, files: Mapping[str, str]) -> Path:
    """Write the files of a district, and a model of it beside its folder, whose file is returned."""
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    model = folder.with_suffix(".toml")
    model.write_text(MODEL.replace("DISTRICT", str(folder)), encoding="utf-8")
    return model
