"""allocate robust: whether a finished plan survives what is uncertain, and which villages to survey first."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from allocate.terminal import sound_plan, tell
from allocate.words import both, language, say


def robust(
    plan: Annotated[Path, typer.Argument(help=both("robust.plan"))],
    draws: Annotated[int, typer.Option(help=both("robust.help_draws"))] = 100,
    again: Annotated[int, typer.Option(help=both("robust.help_again"))] = 8,
    seed: Annotated[int, typer.Option(help=both("robust.help_seed"))] = 1001,
    speeds: Annotated[float | None, typer.Option(help=both("robust.help_speeds"))] = None,
    growth: Annotated[float, typer.Option(help=both("robust.help_growth"))] = 0.005,
    processes: Annotated[int, typer.Option(help=both("robust.help_processes"), min=1, max=256)] = 1,
    data: Annotated[Path | None, typer.Option(help=both("robust.help_data"))] = None,
    hedge: Annotated[str, typer.Option(help=both("hedged.help"))] = "",
    price: Annotated[str, typer.Option(help=both("hedged.help_price"))] = "1%",
    out: Annotated[Path | None, typer.Option(help=both("robust.help_out"))] = None,
) -> None:
    """Look at a plan in other possible districts, without each site, and with too few staff."""
    from rich.console import Console

    from allocate.answer import Answer
    from allocate.crews import Processes
    from allocate.hedging import at_prices
    from allocate.hedging import hedge as make_hedge
    from allocate.outputs import answer_folder, check_answer_target, check_target, write_answer, write_plan
    from allocate.plans import Plan
    from allocate.report.robust_page import Told, headline
    from allocate.robust import Asked, kept_plan
    from allocate.robust import robust as look_at

    asked = Asked(draws, again, seed, growth=growth, speeds=-1.0 if speeds is None else speeds)
    wanted = at_prices(hedge, price) if hedge else None
    content = sound_plan(plan)
    asked = asked.of(content) if speeds is None else asked
    asked.check()
    here = plan if plan.is_dir() else plan.parent
    folder = out or answer_folder(here, "robust")
    check_answer_target(folder, "robust")
    if wanted is not None:
        check_target(folder / "hedged")
    kept = kept_plan(content, asked, data)
    with Console(stderr=True).status(say("cli.preparing")) as status:

        def hear(done: int, count: int) -> None:
            status.update(say("robust.progress", done=done, count=count))

        def hear_plan(done: int, count: int) -> None:
            status.update(say("hedged.progress", done=done, count=count))

        # (What may be refused comes before what takes long.)
        made = None if wanted is None else make_hedge(content, wanted, hear=hear_plan)
        answer = look_at(content, kept, Processes(processes), hear=hear)
    if made is not None:
        answer = Answer("robust", {**answer.content, "hedged": made.content})
    write_answer(answer, folder)
    if made is not None and wanted is not None:
        write_plan(Plan(made.plans[wanted.chosen]), folder / "hedged")
        tell(say("hedged.written", folder=folder / "hedged"))
    for row in answer.content["failed"]:
        tell(say("robust.failed_one", job=row["job"], reason=row["reason"]), to=sys.stderr)
    tell(headline(Told(answer, language())))
    tell(say("robust.written", folder=folder))
