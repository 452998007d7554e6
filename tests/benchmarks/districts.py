"""Plans every bundled model, and prints what the districts come to beside each other.

`python tests/benchmarks/districts.py` plans them one after the other, each on two threads, and prints two tables: a row
per model, and a row per circle. Figures come from the plans that were written, each of which is rechecked first; those
of several districts in one model are summed up. `--only NAME` takes some models, `--out` keeps the plans, `--again`
reads those that were kept and plans nothing; what stands after `--` goes to `allocate plan`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from allocate.bundle import bundled
from allocate.joint import is_joint
from allocate.plans import read_answer, read_plan
from allocate.report.summary import percent, percent_up
from allocate.verification import verify

MODELS = bundled() / "models"
TOOK = "took.json"
HEADS = (
    "模型 model", "常住人口 people", "村居 places", "站点 sites", "有服务 served", "满足 met", "未满足 missed",
    "未定 undecided", "百万元 million yuan", "费用差距 gap of cost", "最大差距 largest gap", "秒 s",
)  # fmt: skip
Content = Mapping[str, Any]


def plan_it(name: str, folder: Path, more: Sequence[str]) -> dict[str, float]:
    """Plan a model as a planner would; return the seconds by the clock, and how busy the machine was."""
    begun = time.monotonic()
    command = [sys.executable, "-m", "allocate", "plan", name, "--out", str(folder / name), *more]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - begun
    if made.returncode:
        sys.exit(f"{name}: {made.stderr}")
    return {"seconds": seconds, "load": os.getloadavg()[0]}


def plans_in(name: str, folder: Path) -> list[Content]:
    """Return the plans that a run wrote: one, or that of each district."""
    if not is_joint(name):
        return [read_plan(folder)]
    return [read_plan(folder / row["name"]) for row in read_answer(folder, "joint")["districts"]]


def row_of(name: str, plans: Sequence[Content], took: Mapping[str, float]) -> list[str]:
    """Return a model as a row: people, sites, clauses, who is served, what is proven, and the time."""
    last = min(plan["years"][-1] for plan in plans)
    ledger = [row for plan in plans for row in plan["ledger"] if row["scope"] == "district" and row["year"] == last]
    people, served = (sum(row[key] for row in ledger) for key in ("people", "served"))
    open_sites = sum(len({site["id"] for site in plan["sites"] if str(last) in site["people"]}) for plan in plans)
    lines = [row["status"] for plan in plans for row in plan["scorecard"]]
    costs = [stage for plan in plans for stage in plan["stages"] if stage["name"] == "cost"]
    value, bound = (sum(cost[key] for cost in costs) for key in ("value", "bound"))
    return [
        name,
        f"{people:,} ({last})",
        f"{sum(len({place['id'] for place in plan['places']}) for plan in plans):,}",
        f"{open_sites:,}",
        f"{percent(served, people)} %",
        *(str(lines.count(status)) for status in ("met", "missed", "undecided")),
        f"{value / 1e6:,.1f}",
        f"{percent_up((value - bound) / value if value else 0.0)} %",
        f"{percent_up(max(plan['gap'] for plan in plans))} %",
        f"{took['seconds']:.0f}",
    ]


def covered(plans: Sequence[Content], circle: str) -> str:
    """Return the share within a circle today and in the last year; nothing where a district does not look at it."""
    lines = [
        next((row for row in plan["coverage"] if _is_whole(row, circle, plan["years"][-1])), None) for plan in plans
    ]
    told = [line for line in lines if line is not None]
    if len(told) < len(plans):
        return ""
    people = sum(line["people"] for line in told)
    planned = percent(sum(line["covered"] for line in told), people)
    known = [line["today"]["covered"] for line in told if line.get("today")]
    today = f"{percent(sum(known), people)} %" if len(known) == len(told) else "?"
    mark = "**" if all(plan["settings"]["circle"] == circle for plan in plans) else ""
    return f"{mark}{today} → {planned} %{mark}"


def _is_whole(row: Mapping[str, Any], circle: str, year: int) -> bool:
    return bool(row["scope"] == "district" and row["preset"] == circle and row["year"] == year)


def run(names: Sequence[str], out: Path, more: Sequence[str], *, again: bool) -> None:
    """Plan, recheck and print."""
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start\n", flush=True)
    kept = out / TOOK
    took: dict[str, dict[str, float]] = json.loads(kept.read_text()) if kept.exists() else {}
    plans: dict[str, list[Content]] = {}
    for name in names:
        if not again:
            took[name] = plan_it(name, out, more)
            kept.write_text(json.dumps(took))
        plans[name] = plans_in(name, out / name)
        for content in plans[name]:
            verdict = verify(content)
            if not verdict.sound:
                sys.exit(f"{name}: {verdict.findings[0]}")
        print(f"{name}: {took[name]['seconds']:.0f} s", file=sys.stderr, flush=True)
    print(f"| {' | '.join(HEADS)} |\n|---|{'---:|' * (len(HEADS) - 1)}")
    for name in names:
        print(f"| {' | '.join(row_of(name, plans[name], took[name]))} |")
    circles = {one: table["name"] for mine in plans.values() for one, table in mine[0]["settings"]["circles"].items()}
    print(f"\n| 圈 circle | {' | '.join(names)} |\n|---|{'---:|' * len(names)}")
    for circle, title in circles.items():
        cells = [covered(plans[name], circle) for name in names]
        if any(cells):
            print(f"| {title['zh']} · {title['en']} | {' | '.join(cells)} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", help="a model; may be repeated")
    parser.add_argument("--out", type=Path, help="folder that keeps the plans")
    parser.add_argument("--again", action="store_true", help="read the plans of an earlier run")
    parser.add_argument("more", nargs="*", help="options of `allocate plan`, after --")
    asked = parser.parse_args()
    chosen = asked.only or sorted(path.stem for path in MODELS.glob("*.toml"))
    if asked.out:
        asked.out.mkdir(parents=True, exist_ok=True)
        run(chosen, asked.out, asked.more, again=asked.again)
    else:
        with tempfile.TemporaryDirectory() as made:
            run(chosen, Path(made), asked.more, again=False)
