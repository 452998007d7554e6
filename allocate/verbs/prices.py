"""The verb `prices`: what every clause and every yuan costs."""

from pathlib import Path
from typing import Annotated

import typer

from allocate.terminal import changes_of, counted, tell
from allocate.words import both, language, say


def prices(
    model: Annotated[str, typer.Argument(help=both("cli.model"))],
    clauses: Annotated[list[str] | None, typer.Option("--clause", help=both("cli.clause"))] = None,
    points: Annotated[int, typer.Option(help=both("cli.points"))] = 5,
    front: Annotated[int, typer.Option(help=both("cli.price_front"))] = 8,
    processes: Annotated[int, typer.Option(help=both("cli.processes"), min=1, max=64)] = 1,
    out: Annotated[Path | None, typer.Option(help=both("cli.prices_out"))] = None,
    scenario: Annotated[str, typer.Option(help=both("cli.scenario"))] = "",
    changes: Annotated[list[str] | None, typer.Option("--set", help=both("cli.set"))] = None,
) -> None:
    """Say what clauses and money cost, as curves and as prices with proven ranges."""
    from allocate.crews import Processes
    from allocate.model import read_model
    from allocate.outputs import check_answer_target, write_answer
    from allocate.prices import price
    from allocate.read import read_district
    from allocate.report.prices_page import lines

    chosen = read_model(model, changes_of(changes), scenario)
    name = "-".join(filter(None, (chosen.id, chosen.scenario, "prices")))
    folder = out or Path("maps") / "out" / name
    check_answer_target(folder, "prices")
    district = read_district(chosen.district_folder())
    with counted("prices.progress") as hear:
        made = price(
            district, chosen, Processes(processes), clauses=tuple(clauses or ()), points=points, front=front,
            processes=processes, hear=hear,
        )  # fmt: skip
    files = write_answer(made, folder)
    for line in lines(made, language()):
        tell(line)
    tell(say("scenarios.written", page=files["prices.html"], table=files["prices.xlsx"]))
    if made.content["present"]["status"] == "failed":
        raise typer.Exit(1)
