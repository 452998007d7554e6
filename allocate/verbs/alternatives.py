"""allocate alternatives: which sites every near-best plan has, which can be swapped, and plans that differ most."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from allocate.terminal import tell
from allocate.words import both, language, say


def alternatives(
    plan: Annotated[Path, typer.Argument(help=both("cli.plan_folder"))],
    within: Annotated[list[str] | None, typer.Option("--within", help=both("near.cli_within"))] = None,
    plans: Annotated[int, typer.Option(help=both("near.cli_plans"))] = 5,
    seconds: Annotated[float, typer.Option(help=both("near.cli_seconds"), min=1, max=86_400)] = 900.0,
    seed: Annotated[int, typer.Option(help=both("cli.seed"), min=0, max=2**31 - 1)] = 1,
    threads: Annotated[int, typer.Option(help=both("cli.threads"), min=1, max=64)] = 1,
    out: Annotated[Path | None, typer.Option(help=both("near.cli_out"))] = None,
) -> None:
    """Say which sites can be swapped, and find plans that are nearly as good."""
    import time

    from rich.console import Console

    from allocate.alternatives import WITHIN, check_asked, share_of_text
    from allocate.alternatives import alternatives as find
    from allocate.names import PLAN_FILE
    from allocate.outputs import answer_folder, check_answer_target, write_answer
    from allocate.plans import to_json
    from allocate.program import Options
    from allocate.report.alternatives_page import lines
    from allocate.terminal import sound_plan

    shares = tuple(share_of_text(text) for text in within) if within else WITHIN
    check_asked(shares, plans)
    folder = plan.parent if plan.name == PLAN_FILE and plan.is_file() else plan
    target = out or answer_folder(folder, "alternatives")
    check_answer_target(target, "alternatives")
    content = sound_plan(plan)
    console, began, last = Console(stderr=True), time.monotonic(), [""]
    with console.status(say("cli.preparing")) as status:

        def hear(what: str, done: int, count: int) -> None:
            text = say(f"near.step_{what}", done=done, count=count)
            status.update(text)
            if not console.is_terminal and what != last[0]:
                # A file or a pipe gets one line per step instead of a moving one.
                console.print(text, highlight=False)
                last[0] = what

        options = Options(seconds=seconds, threads=threads, seed=seed)
        found = find(content, options, within=shares, plans=plans, hear=hear)
    beside = {f"plan-{n}/{PLAN_FILE}": to_json(one).encode() for n, one in enumerate(found.plans, 1)}
    files = write_answer(found.answer, target, beside)
    for line in lines(found.answer, language()):
        tell(line)
    tell(say("near.took", seconds=round(time.monotonic() - began)), to=sys.stderr)
    tell(say("near.written", page=files["alternatives.html"], table=files["alternatives.xlsx"]))
