"""Measures the planning model where a district is twenty times Baodi: `python tests/benchmarks/large.py`.

Nothing here is a test: no figure is checked, and nothing runs in the test suite.

The district is made up, the same from the same seed. On a square with as many candidate sites to the square kilometre
as Baodi has (58 to 100 km²), places are strewn half evenly and half in clouds round the 40 towns' centres, where a
hospital stands. A place holds a lognormal number of people, 88 at the mean: as many to a candidate site as in Baodi.
Every tenth place is a village where a clinic may stand; the others are hamlets, which it serves.
"""

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from allocate import read_district, read_model
from allocate.candidates import make_case
from allocate.district import District, Institution, Place, Town
from allocate.draws import look_at_draws
from allocate.merging import merge_places, merge_years
from allocate.model import Model
from allocate.program import Options, Progress
from allocate.search import lay_out
from allocate.units import Basis

# Where the square's corner lies [°], and how long a degree is there [m].
_CORNER, _DEGREE = (116.7, 39.2), (85_900.0, 111_000.0)
_SITES_PER_SQUARE_METRE = 0.58e-6
_PEOPLE_PER_PLACE = 88

MODEL = """
title = { zh = "大区布点", en = "Siting plan for a large district" }
district = "large"
as_of = 2024-12-26
years = [2025, 2027, 2030, 2035]
circle = "e_bike_15"
compare_circles = ["e_bike_15"]

[siting.clinic]
stands_in = ["village"]
serves = ["village", "zone"]
opening = 150_000
yearly = 60_000
basis = "assumed"
source = "as in Baodi"

[rules.circle_2025]
rule = "reach"
share = 0.90
years = [2025]
strength = "must"
basis = "assumed"
source = "made up"

[rules.no_town_left_behind_2025]
rule = "reach"
share = 0.80
scope = "town"
years = [2025]
strength = "strive"
basis = "assumed"
source = "made up"

[rules.circle_2027]
rule = "reach"
share = 0.95
years = [2027, 2030, 2035]
strength = "must"
basis = "assumed"
source = "made up"

[rules.clinic_room]
rule = "capacity"
strength = "physics"
kinds = ["clinic"]
people = 2000
basis = "assumed"
source = "as in Baodi"

[rules.hub_room]
rule = "capacity"
strength = "physics"
kinds = ["township_hospital"]
people = 30000
basis = "assumed"
source = "as in Baodi"

[[goals]]
goal = "cost"
gap = 0.01

[[goals]]
goal = "travel"
unserved_minutes = 60
gap = 0.02
nodes = 0
source = "as in Baodi"
"""


def large_district(places: int, sites: int, towns: int, seed: int) -> District:
    """Return a made-up district: see the head of this file."""
    random = np.random.default_rng(seed)
    side = (sites / _SITES_PER_SQUARE_METRE) ** 0.5
    centres = random.uniform(0.05, 0.95, (towns, 2)) * side
    even = random.uniform(0, side, (places, 2))
    around = centres[random.integers(0, towns, places)] + random.normal(0, side / 15, (places, 2))
    spots = np.clip(np.where(random.random(places)[:, None] < 0.5, even, around), 0, side)
    people = np.maximum(1, random.lognormal(np.log(_PEOPLE_PER_PLACE) - 0.32, 0.8, places)).astype(int)
    homes = np.hypot(*(spots[:, None, :] - centres[None, :, :]).transpose(2, 0, 1)).argmin(axis=1)
    villages = set(np.linspace(0, places - 1, sites).astype(int).tolist())

    def degrees(spot: Sequence[float]) -> tuple[float, float]:
        lon, lat = (_CORNER[k] + float(spot[k]) / _DEGREE[k] for k in (0, 1))
        return round(lon, 6), round(lat, 6)

    known = Basis.ASSUMED
    corners = [list(degrees(corner)) for corner in ((0, 0), (side, 0), (side, side), (0, side), (0, 0))]
    return District(
        id="large",
        name={"zh": "大区", "en": "large district"},
        code="000000",
        datum="wgs84",
        epsg=4548,
        places=tuple(
            Place(
                id=f"p{i:06d}",
                name=f"P{i}",
                kind="village" if i in villages else "zone",
                town=f"t{homes[i]:03d}",
                people=int(people[i]),
                people_basis=known,
                lon=degrees(spots[i])[0],
                lat=degrees(spots[i])[1],
                position_basis=known,
            )
            for i in range(places)
        ),
        towns=tuple(Town(f"t{k:03d}", f"T{k}", "town", *degrees(centres[k]), known) for k in range(towns)),
        institutions=tuple(
            Institution(
                f"hub-{k:03d}", f"H{k}", "township_hospital", f"t{k:03d}", known, *degrees(centres[k]), known, "made up"
            )
            for k in range(towns)
        ),
        facts={},
        boundary={"type": "Polygon", "coordinates": [corners]},
    )


def large_model(*, every_place: bool = False) -> Model:
    """Return the model that plans the made-up district: Baodi's rooms and costs, 90 % and then 95 % reached.

    With `every_place`, everybody of each place is to be reached in the end, as in Baodi.
    """
    text = MODEL
    if every_place:
        text = text.replace("share = 0.95", 'share = 1.0\nscope = "place"')
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.toml"
        path.write_text(text, encoding="utf-8")
        return read_model(path)


def peak() -> float:
    """Return the most memory that this process and the largest of its children have held [GB]."""
    return sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 2**20


def plan_large(
    places: int, sites: int, seconds: float, threads: int, *, goals: int, every_place: bool, talk: bool
) -> None:
    """Plan a made-up district and print what was found, what was proven and what it took."""
    model = large_model(every_place=every_place)
    district = large_district(places, sites, towns=40, seed=1)
    began = time.monotonic()
    case = make_case(district, model)
    prepared = time.monotonic() - began
    print(f"{len(case.places):,} places, {len(case.sites):,} sites, {len(case.links):,} pairs: {prepared:.1f} s")

    def listen(progress: Progress) -> None:
        if talk:
            print(f"  {time.monotonic() - began:6.1f} s {progress}", file=sys.stderr)

    options = Options(seconds=seconds, threads=threads)
    found = lay_out(case, model, options, first_goals=goals, listen=listen)
    spent = time.monotonic() - began
    for t, year in enumerate(case.years):
        number = sum((j, t) in found.layout.open for j in range(len(case.sites)))
        served = sum(people for (_, u), people in found.layout.served.items() if u == t)
        print(f"{year}: {number:,} open, {100 * served / case.total(t):.2f} % of {case.total(t):,} people served")
    for name, goal in list(model.goals.items())[:goals]:
        if name in found.bounds:
            value, bound = float(goal.value(case, found.layout)), found.bounds[name]
            print(
                f"{name:8s} {value:>16,.0f}, bound {bound:>16,.0f}: gap {100 * (value - bound) / value:.2f} %", end=""
            )
            print(f" in {found.seconds[name]:.1f} s")
    user = sum(resource.getrusage(who).ru_utime for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(f"altogether {spent:.1f} s ({user:.1f} s of processor), {peak():.2f} GB")


def show_reductions(places: int, sites: int) -> None:
    """Print how much merging shrinks Baodi and the made-up district, with and without a goal that looks at travel."""
    for name, district, model in (
        ("Baodi", read_district("baodi"), read_model("baodi")),
        ("made up", large_district(places, sites, towns=40, seed=1), large_model()),
        ("a tenth of the sites", large_district(places, sites // 10, towns=40, seed=1), large_model()),
    ):
        rules, goals = list(model.planned().values()), list(model.goals.values())
        full = make_case(district, model)
        years = merge_years(full, rules).case
        print(f"{name}: {len(full.years)} years become {len(years.years)};", end=" ")
        for what, seen in (("without travel", goals[:1]), ("with travel", goals)):
            gathered = merge_places(years, rules, seen)
            left = len(full.places) - sum(len(group) - 1 for group in gathered.members.values())
            print(f"{what}, {len(full.places):,} places become {left:,}", end=" ")
            print(f"and {len(full.links):,} pairs {len(gathered.case.links):,}", end="; ")
        print()


def draws_per_minute(processes: Sequence[int], draws: int) -> None:
    """Print how many of Baodi's possible districts are looked at in a minute, by number of processes."""
    district = read_district("baodi")
    model = read_model("baodi", {"draws": str(draws)})
    for number in processes:
        began = time.monotonic()
        look_at_draws(district, model, Options(seconds=120.0), number)
        spent = time.monotonic() - began
        print(f"{draws} draws of Baodi on {number} process(es): {spent:.1f} s, {60 * draws / spent:.1f} a minute")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--places", type=int, default=20_000)
    parser.add_argument("--sites", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=85.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--goals", type=int, default=2)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--only", choices=("plan", "draws", "reductions"))
    parser.add_argument("--every-place", action="store_true")
    parser.add_argument("--talk", action="store_true")
    asked = parser.parse_args()
    if asked.only in (None, "reductions"):
        show_reductions(asked.places, asked.sites)
    if asked.only in (None, "plan"):
        settings = {"goals": asked.goals, "every_place": asked.every_place, "talk": asked.talk}
        plan_large(asked.places, asked.sites, asked.seconds, asked.threads, **settings)
    if asked.only in (None, "draws"):
        draws_per_minute((1, 2, 4), asked.draws)


if __name__ == "__main__":
    main()
