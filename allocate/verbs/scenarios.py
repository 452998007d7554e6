"""The verb `scenarios`: several scenarios of a model side by side."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from allocate.terminal import changes_of, counted, tell
from allocate.words import both, language, say


def scenarios(
    model: Annotated[str, typer.Argument(help=both("cli.model"))],
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME|SET…]", help=both("cli.scenarios_names"))] = None,
    out: Annotated[Path | None, typer.Option(help=both("cli.scenarios_out"))] = None,
    processes: Annotated[int, typer.Option(help=both("cli.processes"), min=1, max=64)] = 1,
    seconds: Annotated[float | None, typer.Option(help=both("cli.scenarios_seconds"), min=1, max=86_400)] = None,
    full: Annotated[bool, typer.Option("--full", help=both("cli.full"))] = False,
    changes: Annotated[list[str] | None, typer.Option("--set", help=both("cli.set"))] = None,
) -> None:
    """Compare scenarios of a model, today first."""
    from allocate.comparing import MOST, compare
    from allocate.crews import Processes
    from allocate.model import read_model
    from allocate.outputs import (
        PAGE_FILE,
        check_answer_target,
        check_comparison_target,
        check_target,
        write_answer,
        write_comparison,
        write_plan,
    )
    from allocate.plans import Plan
    from allocate.report.scenarios_page import lines
    from allocate.scenarios import Asked, chosen_names, compare_scenarios

    asked = Asked(model, tuple(names or ()), changes_of(changes), seconds, full)
    base = read_model(model, asked.changes)
    wanted = chosen_names(base, asked.names)
    folder = out or Path("maps") / "out" / f"{base.id}-scenarios"
    answer_folder = folder / "scenarios" if full else folder
    check_answer_target(answer_folder, "scenarios")
    if full:
        check_comparison_target(folder / "compare")
        for name in wanted[1:]:
            check_target(folder / name)

    def keep(name: str, plan: Plan) -> None:
        write_plan(plan, folder / name)

    with counted("scenarios.progress") as hear:
        made = compare_scenarios(asked, Processes(processes), hear, keep)
    files = write_answer(made.answer, answer_folder)
    for line in lines(made.answer, language()):
        tell(line)
    for name in made.plans:
        tell(say("scenarios.plan_written", name=name, folder=folder / name))
    if len(made.plans) > 1:
        # (A page holds so many plans at most; the table holds them all.)
        some = dict(list(made.plans.items())[:MOST])
        contents = [plan.content for plan in some.values()]
        pages = write_comparison(compare(contents, list(some)), contents, folder / "compare")
        tell(say("scenarios.compared", page=pages[PAGE_FILE]))
    tell(say("scenarios.written", page=files["scenarios.html"], table=files["scenarios.xlsx"]))
    rows = made.answer.content["rows"]
    failed = [row["name"] for row in rows if row["status"] == "failed"]
    if failed:
        tell(say("scenarios.failed", count=len(failed), names=say("summary.comma").join(failed)), to=sys.stderr)
    if len(failed) == len([row for row in rows if row["name"] != "today"]):
        raise typer.Exit(1)
