"""Plans Baodi by straight lines and along made-up roads, side by side: `python tests/benchmarks/roads.py`.

Nothing here is a test: no figure is checked, and nothing runs in the test suite. **The roads are synthetic**
(`made_up_roads.py`): the table says what roads and rivers can change in a plan, never what is so in Baodi.
"""

import argparse
import json
import math
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from made_up_roads import MadeUp, make_up, network_of

from allocate import plan, read_district, read_model
from allocate.candidates import make_case
from allocate.case import Case
from allocate.district import District
from allocate.model import Model
from allocate.program import Options
from allocate.travel.network import ROAD_CLASSES
from allocate.travel.points import metric
from allocate.travel.times import LONGEST, NO_WAY, Asked, Journeys, times_by_road

Content = Mapping[str, Any]
_CIRCLES = ("rural_village", "e_bike_15", "walk_15", "car_15")


def sited(content: Content, year: int) -> int:
    """Return how many clinics and stations are open in a year."""
    kinds = content["settings"]["siting"]
    return sum(site["kind"] in kinds and str(year) in site["people"] for site in content["sites"])


def minutes_of(content: Content, year: int) -> tuple[float, float]:
    """Return the mean and the longest time to the site that serves, over people served in a year [min]."""
    rows = [row for row in content["places"] if row["year"] == year and row["status"] == "served"]
    people = sum(row["people"] for row in rows)
    return sum(row["people"] * row["minutes"] for row in rows) / people, max(row["minutes"] for row in rows)


def open_in(content: Content, year: int) -> set[str]:
    """Return the ids of the sites that are open in a year."""
    return {site["id"] for site in content["sites"] if str(year) in site["people"]}


def near_to(case: Case, sites: set[str]) -> set[str]:
    """Return the ids of the places that have one of some sites within the planned circle."""
    there = np.array([site.id in sites for site in case.sites])
    return {case.places[i] for i in np.unique(case.links.places[there[case.links.sites]]).tolist()}


def reached(case: Case, year: int, sites: set[str]) -> int:
    """Return how many people have one of some sites within the planned circle [persons]."""
    near = near_to(case, sites)
    return int(case.people[[place in near for place in case.places], case.years.index(year)].sum())


def by_both(district: District, model: Model, made: MadeUp, content: Content, year: int) -> list[dict[str, Any]]:
    """Return who is served in a plan by straight lines: the minutes in it, those along the roads, and any river."""
    mode = model.circles[model.circle].modes[0]
    place_at = metric([(p.lon or 0.0, p.lat or 0.0) for p in district.places], district.datum, district.epsg)
    at = {place.id: place_at[i] for i, place in enumerate(district.places)}
    sites = {site["id"]: site for site in content["sites"]}
    rows = [row for row in content["places"] if row["year"] == year and row["status"] == "served"]
    starts = np.array([at[row["id"]] for row in rows])
    degrees = [(sites[row["served_by"]]["lon"], sites[row["served_by"]]["lat"]) for row in rows]
    ends = metric(degrees, district.datum, district.epsg)
    found = times_by_road(network_of(made), model.modes, [Asked(mode, starts, ends, LONGEST)])
    seconds = Journeys(model.modes, found).seconds(mode, starts, ends)
    rivers = [line for line, name in made.barriers if name == "river"]
    lines = shapely.linestrings(np.stack([starts, ends], axis=1))
    wet = np.any([shapely.intersects(lines, river) for river in rivers], axis=0)
    names = {place.id: place.name for place in district.places}
    return [
        {
            **row,
            "name": names[row["id"]],
            "site": sites[row["served_by"]]["name"],
            "by_road": math.inf if time >= NO_WAY else time / 60,
            "over_river": bool(over),
        }
        for row, time, over in zip(rows, seconds.tolist(), wet.tolist(), strict=True)
    ]


def told(content: Content, case: Case) -> list[tuple[str, str]]:
    """Return the figures of a plan, each with its name; `case` has the links along the roads."""
    years = content["years"]
    ledger = {row["year"]: row for row in content["ledger"] if row["scope"] == "district"}
    found = [(f"sites {year}", str(sited(content, year))) for year in (years[0], years[-1])]
    for year in years[:2]:
        row = ledger[year]
        found.append((f"served {year}", f"{100 * row['served'] / row['people']:.1f} %"))
    for year in years[:2]:
        share = 100 * reached(case, year, open_in(content, year)) / ledger[year]["people"]
        found.append((f"within the circle along the roads {year}", f"{share:.1f} %"))
    covered = {(row["preset"], row["year"]): row for row in content["coverage"] if row["scope"] == "district"}
    for name in _CIRCLES:
        row = covered[name, years[-1]]
        found.append((f"{name} {years[-1]}, as the plan says", f"{100 * row['covered'] / row['people']:.1f} %"))
    found.append(("cost, million yuan", f"{sum(row['total'] for row in content['budget']) / 1e6:,.1f}"))
    opening = sum(row["opening"] for row in content["budget"])
    found.append(("of it to open sites", f"{opening / 1e6:,.1f}"))
    mean, longest = minutes_of(content, years[1])
    found.append((f"minutes {years[1]}, as the plan says: mean, longest", f"{mean:.1f}, {longest:.0f}"))
    missed = sum(row["status"] == "missed" for row in content["scorecard"])
    gap = next(row["gap"] for row in content["stages"] if row["name"] == "cost")
    return [*found, ("clauses missed", str(missed)), ("gap of the cost", f"{100 * gap:.2f} %")]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=200.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rivers", type=int, default=4)
    parser.add_argument("--out", type=Path, help="a folder for both plans; one that stands there is not made again")
    asked = parser.parse_args()
    # (The roads were made up over one set of positions: other draws of the villages would not stand at them.)
    model = read_model("baodi", {"draws": "0"})
    district = read_district("baodi")
    made = make_up(district, rivers=asked.rivers)
    roads = network_of(made)
    length = {name: float(roads.metres[roads.classes == n].sum()) / 1000 for n, name in enumerate(ROAD_CLASSES)}
    kilometres = ", ".join(f"{name} {metres:,.0f} km" for name, metres in length.items() if metres)
    print(f"made-up roads: {kilometres}; {asked.rivers} rivers with {made.bridges} bridges; {len(roads):,} pieces")
    contents: dict[str, Content] = {}
    for name, network in (("by straight lines", None), ("along made-up roads", roads)):
        file = asked.out / f"{name.replace(' ', '-')}.json" if asked.out else None
        if file and file.exists():
            contents[name] = json.loads(file.read_text(encoding="utf-8"))
            continue
        began = time.monotonic()
        options = Options(seconds=asked.seconds, threads=asked.threads)
        contents[name] = plan(replace(district, roads=network), model, options).content
        print(f"planned {name} in {time.monotonic() - began:.0f} s", flush=True)
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(contents[name], ensure_ascii=False), encoding="utf-8")
    case = make_case(replace(district, roads=roads), model)
    columns = [told(content, case) for content in contents.values()]
    print(f"\n| | {' | '.join(contents)} |\n|---|{'---:|' * len(contents)}")
    for cells in zip(*columns, strict=True):
        print(f"| {cells[0][0]} | {' | '.join(cell for _, cell in cells)} |")
    content = contents["by straight lines"]
    year = content["years"][1]
    limit = model.circles[model.circle].minutes or math.inf
    served = by_both(district, model, made, content, year)
    late = sorted((row for row in served if row["by_road"] > limit), key=lambda row: -row["by_road"])
    wet = [row for row in late if row["over_river"]]
    others = near_to(case, open_in(content, year))
    groups = {
        "whom the plan by straight lines serves": served,
        "… more than the circle's minutes away by road": late,
        "… of these, across a river": wet,
        "… and with no other open site within the circle": [row for row in late if row["id"] not in others],
    }
    for what, rows in groups.items():
        people, count = sum(row["people"] for row in rows), len({row["id"] for row in rows})
        print(f"{what}, {year}: {people:,} people of {count} places")
    for row in late[:8]:
        over = "across a river" if row["over_river"] else "on the same bank"
        print(
            f"  {row['name']} → {row['site']}, {over}: {row['minutes']:.0f} min straight, {row['by_road']:.0f} by road"
        )


if __name__ == "__main__":
    main()
