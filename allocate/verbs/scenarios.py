"""The verb `scenarios`: several scenarios of a model side by side."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from allocate.terminal import changes_of, counted, crew_of, tell
from allocate.words import both, language, say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from allocate.plans import Plan


def scenarios(
    model: Annotated[str, typer.Argument(help=both("cli.model"))],
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME|SET…]", help=both("cli.scenarios_names"))] = None,
    out: Annotated[Path | None, typer.Option(help=both("cli.scenarios_out"))] = None,
    processes: Annotated[int, typer.Option(help=both("cli.processes"), min=1, max=64)] = 1,
    scheduler: Annotated[str | None, typer.Option(help=both("cluster.option"))] = None,
    seconds: Annotated[float | None, typer.Option(help=both("cli.scenarios_seconds"), min=1, max=86_400)] = None,
    full: Annotated[bool, typer.Option("--full", help=both("cli.full"))] = False,
    changes: Annotated[list[str] | None, typer.Option("--set", help=both("cli.set"))] = None,
) -> None:
    """Compare scenarios of a model, today first."""
    from allocate.model import read_model
    from allocate.outputs import check_answer_target, plan_files, write_answer
    from allocate.report.scenarios_page import lines
    from allocate.scenarios import Asked, chosen_names, compare_scenarios

    asked = Asked(model, tuple(names or ()), changes_of(changes), seconds, full)
    base = read_model(model, asked.changes)
    chosen_names(base, asked.names)
    folder = out or Path("maps") / "out" / f"{base.id}-scenarios"
    check_answer_target(folder, "scenarios")
    with counted("scenarios.progress") as hear:
        made = compare_scenarios(asked, crew_of(processes, scheduler), hear)
    plans = {
        f"{name}/{file}": content for name, plan in made.plans.items() for file, content in plan_files(plan).items()
    }
    side_by_side = _side_by_side(made.plans)
    files = write_answer(made.answer, folder, plans | side_by_side)
    for line in lines(made.answer, language()):
        tell(line)
    for name in made.plans:
        tell(say("scenarios.plan_written", name=name, folder=folder / name))
    for name in side_by_side:
        if name.endswith(".html"):
            tell(say("scenarios.compared", page=folder / name))
    tell(say("scenarios.written", page=files["scenarios.html"], table=files["scenarios.xlsx"]))
    rows = made.answer.content["rows"]
    failed = [row["name"] for row in rows if row["status"] == "failed"]
    if failed:
        tell(say("scenarios.failed", count=len(failed), names=say("summary.comma").join(failed)), to=sys.stderr)
    if len(failed) == len([row for row in rows if row["name"] != "today"]):
        raise typer.Exit(1)


def _side_by_side(plans: "Mapping[str, Plan]") -> dict[str, bytes]:
    """Return the files of a comparison of plans with the first of them; none where there are fewer than two."""
    from allocate.comparing import FEWEST, MOST, compare
    from allocate.outputs import comparison_files

    # (A page holds so many plans at most; the tables of the scenarios hold them all.)
    some = dict(list(plans.items())[:MOST])
    if len(some) < FEWEST:
        return {}
    contents = [plan.content for plan in some.values()]
    return {f"compare/{name}": made for name, made in comparison_files(compare(contents, list(some)), contents).items()}
