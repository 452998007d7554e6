"""Measures solving Baodi's siting model again after a change, cold beside warm in one run: `make bench`.

Nothing here is a test: no figure is checked, and nothing runs in the test suite. Cold: the changed model from nothing.
Warm: from the plan of the unchanged model. Both end at a gap of 0.5 %, or by the clock where `--seconds` says so. A
star marks what the clock ended. Seconds by the clock, and those that the processor worked: on a machine with other work
the latter say more.
"""

import argparse
import time
from collections.abc import Callable, Mapping
from functools import partial

from allocate import read_district, read_model
from allocate.model import changed
from allocate.resolving import Resolved, begin, resolve

SITES_ALONE = {"decides": '["siting"]'}
CHANGES: Mapping[str, Mapping[str, str]] = {
    "share 0.90 → 0.91": {"rules.circle.share": "0.91"},
    "share 0.90 → 0.95": {"rules.circle.share": "0.95"},
    "share 0.90 → 0.85": {"rules.circle.share": "0.85"},
    "clinic.yearly × 1.1": {"siting.clinic.yearly": "66000"},
    "clinic.opening × 2": {"siting.clinic.opening": "300000"},
    "room of clinics 2,000 → 1,800": {"rules.clinic_room.people": "1800"},
    "room of clinics 2,000 → 2,200": {"rules.clinic_room.people": "2200"},
    "all ways 10 % slower": {"travel.speed_factor": "0.9"},
    "floor of towns 0.80 → 0.85": {"rules.no_town_left_behind.share": "0.85"},
    "share asked for from 2027 on": {"rules.circle.years": "[2027, 2030, 2035]"},
}
COLUMNS = ("change", "value, million yuan", "cold: gap", "s", "worked", "warm: gap", "s", "worked", "relaxations")
Timed = tuple[Resolved, float]


def worked(run: Callable[[], Resolved]) -> Timed:
    """Return what a run gives, and the seconds that the processor worked: all of it happens in this process."""
    began = time.process_time()
    return run(), time.process_time() - began


def line(name: str, first: Timed, again: Timed) -> str:
    """Return one row of the table; gaps are rounded up."""
    (cold, cold_worked), (warm, warm_worked) = first, again

    def gap(found: Resolved) -> str:
        return f"{-(-found.gap * 10_000 // 1) / 100:.2f} %{'*' if found.stopped else ''}{found.in_full and ' in full'}"

    told = (
        name,
        f"{float(cold.value) / 1e6:.2f} / {float(warm.value) / 1e6:.2f}",
        *(
            gap(cold),
            f"{cold.seconds:.1f}",
            f"{cold_worked:.1f}",
            gap(warm),
            f"{warm.seconds:.1f}",
            f"{warm_worked:.1f}",
        ),
        f"{cold.relaxations} / {warm.relaxations}",
    )
    return f"| {' | '.join(told)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="longest search of each run [s]")
    asked = parser.parse_args()
    began = time.monotonic()
    model = read_model("baodi", SITES_ALONE)
    district = read_district(model.district_folder())
    print(f"read in {time.monotonic() - began:.1f} s")
    print(f"| {' | '.join(COLUMNS)} |\n|{' --- |' * len(COLUMNS)}", flush=True)
    first = worked(lambda: begin(district, model, seconds=asked.seconds))
    base, seconds = first[0], asked.seconds
    print(line("as it is", first, worked(lambda: resolve(base.last, {}, seconds=seconds))), flush=True)
    closed = next(site for j, site in enumerate(base.last.case.sites) if not site.exists and (j, 0) in base.layout.open)
    forbid = f'{{ rule = "forbid", sites = ["{closed.id}"], strength = "must", basis = "assumed", source = "a bench" }}'
    for name, changes in {**CHANGES, "a site of the plan forbidden": {"rules.closed": forbid}}.items():
        other = changed(model, changes)
        cold = worked(partial(begin, district, other, seconds=seconds))
        print(line(name, cold, worked(partial(resolve, base.last, changes, seconds=seconds))), flush=True)


if __name__ == "__main__":
    main()
