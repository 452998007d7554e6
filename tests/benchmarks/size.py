"""Plans a built-up district whose demand points are cells of 100 m: `python tests/benchmarks/size.py`.

A demonstration of size, not a result. The cells share out the people of every community evenly over the ground that is
nearest to it; where the communities stand is an estimate itself. Sites may be opened on a grid of 500 m, whatever
stands there. What is asked is made up. So the table says how large a question may be, and nothing of the district.

Nothing here is a test: no figure is checked, and nothing runs in the test suite.
"""

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from allocate import read_district, read_model
from allocate.bundle import bundled
from allocate.candidates import make_case
from allocate.case import Case
from allocate.decisions import siting
from allocate.draw import map_page
from allocate.estimating import Asked, estimate_folder
from allocate.gaps import relative_gap
from allocate.isochrones import isochrones
from allocate.merging import merge_places, merge_years
from allocate.model import Model
from allocate.outputs import plan_files
from allocate.plans import Plan, assemble
from allocate.program import Options
from allocate.search import lay_out
from allocate.sites_reached import program_of_reach
from allocate.verification import insist

MODEL = """
title = { zh = "规模演示（不是结果）", en = "A demonstration of size, not a result" }
district = "DISTRICT"
as_of = 2024-12-26
years = [2027]
circle = "walk_15"
compare_circles = ["walk_15", "radius_1000"]
decides = ["siting"]
draws = 0

[siting.station]
candidates = ["generated"]
stands_in = ["community", "village"]
serves = ["community", "village", "zone"]
opening = 600_000
yearly = 400_000
basis = "assumed"
source = "made up"

[siting.station.generate]
how = "grid"
grid_metres = 500
basis = "assumed"
source = "made up"

[rules.reached]
rule = "reach"
share = 0.80
strength = "must"
basis = "assumed"
source = "made up"

[rules.station_room]
rule = "capacity"
strength = "physics"
kinds = ["station"]
people = 15_000
basis = "assumed"
source = "made up"

[[goals]]
goal = "cost"
gap = 0.02
"""


class Phases:
    """Seconds and memory of one phase after the other, said as they end."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        print(f"{'phase':42s} {'seconds':>8s} {'of processor':>13s} {'peak memory':>12s}")

    def of[T](self, name: str, work: Callable[[], T]) -> T:
        """Return what some work gives, and print what it took."""
        began, worked = time.monotonic(), processor()
        found = work()
        took = f"{time.monotonic() - began:>8.1f} {processor() - worked:>11.1f} s"
        print(f"{name:42s} {took} {peak():>9.2f} GB", flush=True)
        return found


def processor() -> float:
    """Return the seconds that processors worked for this process and its children that ended [s]."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def peak() -> float:
    """Return the most memory that this process and the largest of its children have held [GB]."""
    return sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 2**20


def model_of(folder: Path) -> Model:
    """Return the model of the demonstration, of the district in a folder."""
    path = folder.parent / "size.toml"
    path.write_text(MODEL.replace("DISTRICT", folder.as_posix()), encoding="utf-8")
    return read_model(path)


def show_reductions(case: Case, model: Model) -> None:
    """Print how large the question is before and after every reduction, each of which loses nothing."""
    rules, goals = model.planned(), model.goals
    merged = merge_places(merge_years(case, rules.values()).case, rules.values(), goals.values()).case
    peopled = sum(bool(people.any()) for people in merged.people)
    made = program_of_reach(merged, rules, goals)
    print(f"\n{'':42s} {'before':>12s} {'after':>12s}")
    print(f"{'points (with the same sites in reach: one)':42s} {len(case.places):>12,} {peopled:>12,}")
    print(f"{'pairs of a point and a site in reach':42s} {len(case.links):>12,} {len(merged.links):>12,}")
    if made is not None:
        before = sum(1 for _ in siting.columns(case))
        # (Variables that are nothing but zero are none.)
        free = sum(column.high > 0 for column in siting.columns_of_reach(merged))
        print(f"{'variables (nobody says who goes where)':42s} {before:>12,} {free:>12,}")
    print()


def demonstrate(name: str, metres: int, seconds: float, threads: int, folder: Path) -> None:
    """Plan a district by cells, and print what every phase took and what was proven."""
    phases = Phases()
    cells = folder / "cells"
    phases.of(
        f"estimate {name} --cells {metres}",
        lambda: estimate_folder(bundled() / "data" / name, cells, Asked(cells=metres)),
    )
    model = model_of(cells)
    district = phases.of("read", lambda: read_district(model.district_folder()))
    case = phases.of("case: candidates, pairs", lambda: make_case(district, model))
    show_reductions(case, model)
    found = phases.of("sites", lambda: lay_out(case, model, Options(seconds=seconds, threads=threads)))
    reached = phases.of("areas in reach", lambda: isochrones(district, model, case, found.layout))
    layout, bounds = found.layout, found.bounds
    content = phases.of("plan", lambda: assemble(district, model, case, layout, bounds, [], [], reached=reached))
    phases.of("recheck without the solver", lambda: insist(content))
    page = phases.of("the map alone", lambda: map_page(content))
    files = phases.of("all files", lambda: plan_files(Plan(content, {}, "")))
    print(f"altogether {time.monotonic() - phases.began:.1f} s by the clock, the map drawn twice\n")
    opened = sum(1 for j, _ in layout.open if not case.sites[j].exists)
    served, people = sum(layout.served.values()), case.total(0)
    value = float(model.goals["cost"].value(case, layout))
    print(f"{people:,} people in {len(case.places):,} points, {len(case.sites):,} sites and candidates")
    print(f"{opened} sites opened, {100 * served / people:.2f} % of the people served")
    print(f"cost {value:,.0f}, proven {bounds['cost']:,.0f}: gap {100 * relative_gap(value, bounds['cost']):.2f} %")
    sizes = {file: len(data) / 1e6 for file, data in files.items() if "/" not in file}
    print(
        ", ".join(f"{file} {size:.1f} MB" for file, size in sizes.items()), f"(map {len(page) / 1e6:.2f} million signs)"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--district", default="jinnan")
    parser.add_argument("--cells", type=int, default=100, help="side of a cell [m]")
    parser.add_argument("--seconds", type=float, default=200.0, help="longest search [s]")
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    if not (bundled() / "data" / asked.district).is_dir():
        sys.exit(f"There is no data/{asked.district}.")
    print("A demonstration of size, not a result.\n")
    with tempfile.TemporaryDirectory() as folder:
        demonstrate(asked.district, asked.cells, asked.seconds, asked.threads, Path(folder))


if __name__ == "__main__":
    main()
