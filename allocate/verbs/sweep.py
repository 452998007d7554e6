"""allocate sweep: every combination of values of some keys of a model, each looked at or planned."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from allocate.terminal import changes_of, counting, crew_of, tell
from allocate.words import both, say
from allocate.words import language as spoken

# So many failures are said one by one.
_MOST_SAID = 5


def sweep(
    model: Annotated[str, typer.Argument(help=both("cli.model"))],
    vary: Annotated[list[str] | None, typer.Option("--vary", help=both("sweep.cli_vary"))] = None,
    samples: Annotated[int | None, typer.Option(help=both("sweep.cli_samples"), min=1)] = None,
    seed: Annotated[int, typer.Option(help=both("sweep.cli_seed"), min=0, max=2**31 - 1)] = 1,
    scenarios: Annotated[str, typer.Option(help=both("sweep.cli_scenarios"))] = "",
    draws: Annotated[int, typer.Option(help=both("sweep.cli_draws"), min=0)] = 0,
    full: Annotated[bool, typer.Option("--full", help=both("sweep.cli_full"))] = False,
    seconds: Annotated[float, typer.Option(help=both("sweep.cli_seconds"), min=1, max=86_400)] = 200.0,
    processes: Annotated[int, typer.Option(help=both("sweep.cli_processes"), min=1, max=256)] = 1,
    scheduler: Annotated[str | None, typer.Option(help=both("cluster.option"))] = None,
    retry: Annotated[bool, typer.Option("--retry", help=both("sweep.cli_retry"))] = False,
    anew: Annotated[bool, typer.Option("--anew", help=both("sweep.cli_anew"))] = False,
    out: Annotated[Path | None, typer.Option(help=both("sweep.cli_out"))] = None,
    changes: Annotated[list[str] | None, typer.Option("--set", help=both("cli.set"))] = None,
) -> None:
    """Run every combination, and keep what finished for the next time."""
    from allocate.report.sweep_tables import about, failures, has_parquet
    from allocate.runs import TABLE_FILE
    from allocate.sweep import Asked, default_folder, prepare, run_all

    asked = Asked(
        vary=tuple(vary or ()),
        changes=changes_of(changes),
        scenarios=tuple(name.strip() for name in scenarios.split(",") if name.strip()),
        samples=samples,
        seed=seed,
        draws=draws,
        full=full,
        seconds=seconds,
    )
    made = prepare(model, asked)
    crew = crew_of(processes, scheduler)
    folder = out or default_folder(made.model)
    with counting("sweep.progress") as hear:
        answer = run_all(made, crew, folder, hear, retry=retry, anew=anew)
    runs = answer.content["runs"]
    failed = list(failures(answer.content, spoken()))
    for number, reason in failed[:_MOST_SAID]:
        tell(say("sweep.failed_run", run=number, about=about(runs[number - 1], spoken()), reason=reason), to=sys.stderr)
    if len(failed) > _MOST_SAID:
        tell(say("sweep.failed_more", count=len(failed) - _MOST_SAID), to=sys.stderr)
    if failed and not retry:
        tell(say("sweep.failed_retry"), to=sys.stderr)
    if not has_parquet():
        tell(say("sweep.no_parquet"), to=sys.stderr)
    tell(say("sweep.done", count=len(runs), done=len(runs) - len(failed), failed=len(failed)))
    tell(say("sweep.files", table=folder / TABLE_FILE))
    if len(failed) == len(runs):
        raise typer.Exit(1)
