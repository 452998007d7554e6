"""Plans every bundled model, and prints what the districts come to beside each other.

`python tests/benchmarks/districts.py` plans them one after the other, each on two threads, into the folder named by
`--out` (or one that is removed afterwards), and prints two tables: one row per district, and one per district and
circle. Figures come from the plans that were written; every plan is rechecked. `--only NAME` takes some of them.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from allocate.bundle import bundled
from allocate.joint import is_joint
from allocate.plans import read_answer, read_plan
from allocate.report.summary import percent, percent_up
from allocate.verification import verify

MODELS = bundled() / "models"


def plan_it(name: str, folder: Path, more: list[str]) -> tuple[float, float]:
    """Plan a model as a planner would; return the seconds by the clock, and those that processors worked."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = [sys.executable, "-m", "allocate", "plan", name, "--out", str(folder), *more]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - begun
    if made.returncode:
        sys.exit(f"{name}: {made.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def plans_in(name: str, folder: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the plans that a run wrote, by what they are of."""
    if not is_joint(name):
        yield name, read_plan(folder)
        return
    for row in read_answer(folder, "joint")["districts"]:
        yield f"{name}: {row['name']}", read_plan(folder / row["name"])


def row_of(name: str, content: Mapping[str, Any], seconds: str) -> str:
    """Return a district as a row: people, sites, clauses, who is served, what is proven, and the time."""
    years = content["years"]
    ledger = {row["year"]: row for row in content["ledger"] if row["scope"] == "district"}
    first, last = ledger[years[0]], ledger[years[-1]]
    kinds = {site["id"]: site["kind"] for site in content["sites"] if str(years[-1]) in site["people"]}
    cost = next((stage for stage in content["stages"] if stage["name"] == "cost"), None)
    counts = {one: sum(row["status"] == one for row in content["scorecard"]) for one in ("met", "missed", "undecided")}
    cells = (
        name,
        f"{first['people']:,} → {last['people']:,} ({years[0]}–{years[-1]})",
        f"{len({place['id'] for place in content['places']}):,}",
        f"{len(kinds):,}",
        f"{percent(last['served'], last['people'])} %",
        f"{counts['met']} / {counts['missed']} / {counts['undecided']}",
        f"{cost['value'] / 1e6:,.1f} (≤ {percent_up(cost['gap'])} %)" if cost else "—",
        f"≤ {percent_up(content['gap'])} %",
        seconds,
    )
    return f"| {' | '.join(cells)} |"


def circle_rows(name: str, content: Mapping[str, Any]) -> Iterator[str]:
    """Yield a row per circle: covered today, and in the last year."""
    last = content["years"][-1]
    circles = content["settings"]["circles"]
    for line in content["coverage"]:
        if line["scope"] == "district" and line["year"] == last:
            mark = " ✓" if line["preset"] == content["settings"]["circle"] else ""
            today = f"{percent(line['today']['covered'], line['people'])} %" if line.get("today") else "未知 unknown"
            title = circles[line["preset"]]["name"]
            planned = f"{percent(line['covered'], line['people'])} %"
            yield f"| {name} | {title['zh']} · {title['en']}{mark} | {today} | {planned} |"


def run(names: list[str], out: Path, more: list[str]) -> None:
    """Plan, recheck and print."""
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start\n", flush=True)
    rows, circles = [], []
    for name in names:
        seconds, worked = plan_it(name, out / name, more)
        for title, content in plans_in(name, out / name):
            verdict = verify(content)
            if not verdict.sound:
                sys.exit(f"{title}: {verdict.findings[0]}")
            rows.append(row_of(title, content, f"{seconds:.0f} ({worked:.0f})"))
            circles += circle_rows(title, content)
        print(f"{name}: {seconds:.0f} s", file=sys.stderr, flush=True)
    heads = (
        "model",
        "people",
        "places",
        "sites",
        "served",
        "met / missed / undecided",
        "million yuan",
        "gap",
        "s (CPU s)",
    )
    print(f"| {' | '.join(heads)} |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|")
    print("\n".join(rows))
    print("\n| model | circle | today | planned |\n|---|---|---:|---:|")
    print("\n".join(circles))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", help="a model; may be repeated")
    parser.add_argument("--out", type=Path, help="folder that keeps the plans")
    parser.add_argument("more", nargs="*", help="options of `allocate plan`, after --")
    asked = parser.parse_args()
    chosen = asked.only or sorted(path.stem for path in MODELS.glob("*.toml"))
    if asked.out:
        run(chosen, asked.out, asked.more)
    else:
        with tempfile.TemporaryDirectory() as made:
            run(chosen, Path(made), asked.more)
