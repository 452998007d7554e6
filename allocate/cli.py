"""The verbs, for a terminal; those that ask many questions of a model or a plan stand in `verbs/`, one file each."""

import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer

from allocate import __version__
from allocate.errors import AllocateError, Problem, UsageError
from allocate.terminal import changes_of, progress, sound_plan, tell
from allocate.verbs.alternatives import alternatives
from allocate.verbs.joint import check_together, is_joint_folder, plan_together, refuse, verify_together
from allocate.verbs.prices import prices
from allocate.verbs.robust import robust
from allocate.verbs.scenarios import scenarios
from allocate.verbs.serve import serve
from allocate.verbs.sweep import sweep
from allocate.words import LANGUAGES, both, say, speaking, visible
from allocate.words import language as spoken

if TYPE_CHECKING:
    from allocate.draw.tiles import Tiles

# Everything heavy is imported inside the commands, so that --help answers at once.

app = typer.Typer(
    help=both("cli.app"),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
MODELS, DISTRICTS = "models", "districts"
# How long all stages of a plan may take; and those of each of several districts, which share the processors [s].
PLAN_SECONDS, JOINT_SECONDS = 200.0, 45.0
EXAMPLE = "baodi"


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    language: Annotated[str, typer.Option(help=both("cli.language"), envvar="ALLOCATE_LANGUAGE")] = "zh",
    version: Annotated[bool, typer.Option("--version", help=both("cli.version"))] = False,
) -> None:
    if version:
        print(f"allocate {__version__}")
        raise typer.Exit
    if language not in LANGUAGES:
        raise UsageError(
            [Problem("problem.choice", column="--language", value=language, details={"choices": "zh, en"})]
        )
    context.with_resource(speaking(language))


@app.command(help=both("cli.new"), epilog="allocate new my-county --excel")
def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help=both("cli.new_folder"))],
    model: Annotated[str, typer.Option("--from", help=both("cli.new_from"))] = EXAMPLE,
    excel: Annotated[bool, typer.Option("--excel", help=both("cli.new_excel"))] = False,
    empty: Annotated[bool, typer.Option("--empty", help=both("cli.new_empty"))] = False,
) -> None:
    """Make a planner's own folder with data/, models/ and maps/, copied from an example or with forms to fill in."""
    from allocate.starting import start, start_empty, template_name

    if empty and (excel or model != EXAMPLE):
        other = "--excel" if excel else "--from"
        raise UsageError([Problem("new.empty_and", column="--empty", details={"other": other})])
    made = start_empty(folder) if empty else start(folder, model, excel=excel)
    tell(say("new.made", folder=folder, files=len(made.files), name=made.name))
    if empty:
        tell(say("new.empty", name=made.name))
    else:
        tell(say("new.example", source=made.source))
    tell(say("new.template", template=template_name()))
    tell(say("new.next", folder=f'"{folder}"' if " " in str(folder) else folder))
    for verb in ("check", "plan"):
        tell(f"  allocate {verb} {made.name}")


@app.command(help=both("cli.check"), epilog="allocate check baodi")
def check(
    model: Annotated[str, typer.Argument(help=both("cli.model"))],
    changes: Annotated[list[str] | None, typer.Option("--set", help=both("cli.set"))] = None,
) -> None:
    """Read everything and list every problem at once."""
    from allocate.checking import check_all
    from allocate.joint import is_joint
    from allocate.model import read_model
    from allocate.report.clauses import status_lines
    from allocate.scorecard import outlook

    if is_joint(model):
        check_together(model, changes_of(changes))
        return
    *found, last = check_all(model, changes_of(changes))
    chosen = read_model(model, changes_of(changes))
    for line in (*found, *(status_lines(outlook(chosen)) if chosen.clauses else ()), last):
        tell(line)


@app.command(help=both("cli.plan"), epilog="allocate plan baodi --seconds 60 --front 10 --set rules.circle.share=0.95")
def plan(
    model: Annotated[str, typer.Argument(help=both("cli.model"))],
    out: Annotated[Path | None, typer.Option(help=both("cli.out"))] = None,
    seconds: Annotated[float | None, typer.Option(help=both("cli.plan_seconds"), min=1, max=86_400)] = None,
    gap: Annotated[float | None, typer.Option(help=both("cli.gap"), min=0, max=1)] = None,
    threads: Annotated[int, typer.Option(help=both("cli.threads"), min=1, max=64)] = 2,
    solver: Annotated[str, typer.Option(help=both("cli.solver"))] = "highs",
    front: Annotated[int, typer.Option(help=both("cli.front"))] = 0,
    strict: Annotated[bool, typer.Option("--strict", help=both("cli.strict"))] = False,
    scenario: Annotated[str, typer.Option(help=both("cli.scenario"))] = "",
    begin: Annotated[Path | None, typer.Option("--from", metavar="PLAN", help=both("resolve.from"))] = None,
    told: Annotated[Path | None, typer.Option("--progress", metavar="DIR", help=both("progress.option"))] = None,
    changes: Annotated[list[str] | None, typer.Option("--set", help=both("cli.set"))] = None,
) -> None:
    """Plan a model's district, prove it, recheck it and write the plan's folder."""
    from allocate import keeping, stopping
    from allocate.front import check_count
    from allocate.joint import is_joint
    from allocate.model import read_model
    from allocate.names import PLAN_FILE
    from allocate.outputs import (
        FRONT_FILE,
        LAYERS_FILE,
        MAP_FILE,
        REPORT_FILE,
        WORKBOOK_FILE,
        check_target,
        write_plan,
    )
    from allocate.planning import plan as make_plan
    from allocate.program import Options
    from allocate.read import read_district
    from allocate.report.clauses import clause_lines, status_lines
    from allocate.report.sheets import by_status
    from allocate.report.summary import front_line, summary
    from allocate.resolving import Earlier, insist_on_district, remembered
    from allocate.rows import Strength

    if solver not in ("highs", "cbc"):
        raise UsageError(
            [Problem("problem.choice", column="--solver", value=solver, details={"choices": "highs, cbc"})]
        )
    if is_joint(model):
        other = solver if solver != "highs" else ""
        refuse({"--front": front, "--scenario": scenario, "--from": begin, "--solver": other, "--progress": told})
        most = seconds or JOINT_SECONDS
        is_met = plan_together(model, out, changes_of(changes), seconds=most, gap=gap, processes=threads)
        if strict and not is_met:
            raise typer.Exit(1)
        return
    if front:
        check_count(front)
    chosen = read_model(model, changes_of(changes), scenario)
    folder = out or Path("maps") / "out" / "-".join(filter(None, (chosen.id, chosen.scenario)))
    check_target(folder)
    district = read_district(chosen.district_folder())
    last: Earlier | None = None
    if begin is not None:
        last = keeping.remembered(begin) if keeping.is_kept(begin) else remembered(sound_plan(begin))
        insist_on_district(last.district_id, district.id)
    keeper = None if told is None else keeping.Keeper(told, beside=folder)
    for warning in district.warnings:
        tell(say("check.warning", text=warning.sentence()), to=sys.stderr)
    most = seconds or PLAN_SECONDS
    options = Options(solver="cbc" if solver == "cbc" else "highs", seconds=most, threads=threads, seed=chosen.seed)

    def say_so() -> None:
        tell(say("progress.stopping"), to=sys.stderr)

    def say_end() -> None:
        tell(f"allocate: {say('cli.stopped')}", to=sys.stderr)

    with stopping.heeding(say_so, say_end), progress() as (listen, hear_draw, hear_front):
        made = make_plan(
            district,
            chosen,
            options,
            gap=gap,
            processes=threads,
            listen=listen,
            hear_draw=hear_draw,
            front=front,
            hear_front=hear_front,
            last=last,
            keeper=keeper,
        )
        files = write_plan(made, folder)
        if keeper is not None:
            keeper.finish(made)
    # Every clause first and the eleven lines last: what is printed last is read first.
    rows = by_status(made.content["scorecard"])
    answered = [row for row in rows if row["status"] in ("missed", "met")]
    others = [row for row in rows if row["status"] not in ("missed", "met")]
    if made.content["settings"].get("documents"):
        for line in (*clause_lines(answered), *status_lines(others)):
            tell(line)
    for line in summary(made.content):
        tell(line)
    if front:
        tell(front_line(made.content, files.get(FRONT_FILE)))
    tell(
        say(
            "cli.files",
            plan=files[PLAN_FILE],
            map=files[MAP_FILE],
            table=files[WORKBOOK_FILE],
            report=files[REPORT_FILE],
            layers=files[LAYERS_FILE],
        )
    )
    missed = [row for row in rows if row["status"] == "missed" and row["strength"] == Strength.MUST]
    for row in missed:
        tell(
            say(
                "cli.missed",
                rule=row["rule"],
                year=row["year"],
                shortfall=f"{row['shortfall']:,}",
                unit=say(f"unit.{row['shortfall_unit']}"),
            )
        )
    if strict and missed:
        raise typer.Exit(1)


@app.command(help=both("cli.explain"), epilog="allocate explain baodi --set rules.circle.share=0.99")
def explain(
    target: Annotated[str, typer.Argument(metavar="MODEL|PLAN", help=both("cli.explain_target"))],
    strength: Annotated[str, typer.Option(help=both("cli.explain_strength"))] = "must",
    seconds: Annotated[float, typer.Option(help=both("cli.explain_seconds"), min=1, max=86_400)] = 120.0,
    threads: Annotated[int, typer.Option(help=both("cli.threads"), min=1, max=64)] = 2,
    changes: Annotated[list[str] | None, typer.Option("--set", help=both("cli.set"))] = None,
) -> None:
    """Say which clauses cannot all hold and what would help; of a plan, what each clause costs."""
    from allocate.explain import explain as ask
    from allocate.explain import explain_plan, is_plan, model_in
    from allocate.model import read_model
    from allocate.plans import read_plan
    from allocate.program import Options
    from allocate.read import read_district
    from allocate.report.explanation import explanation_lines, price_lines
    from allocate.rows import POLICY, Strength
    from allocate.verification import insist

    if strength not in POLICY:
        details = {"choices": ", ".join(POLICY)}
        raise UsageError([Problem("problem.choice", column="--strength", value=strength, details=details)])
    asked = Strength(strength)
    options = Options(seconds=seconds, threads=threads)
    if is_plan(target):
        if changes:
            raise UsageError([Problem("explain.set_on_plan", column="--set", value=changes[0])])
        content = read_plan(Path(target))
        insist(content)
        with progress() as (listen, _, _):
            found, prices = explain_plan(content, options, strength=asked, listen=listen)
        model = model_in(content)
        lines = [*explanation_lines(found, model), *price_lines(prices, model)]
    else:
        model = read_model(target, changes_of(changes))
        district = read_district(model.district_folder())
        with progress():
            found = ask(district, model, options, strength=asked)
        lines = list(explanation_lines(found, model))
    for line in lines:
        tell(line)


@app.command(help=both("cli.estimate"), epilog="allocate estimate my-county --out my-county-estimated --raster pop.tif")
def estimate(
    district: Annotated[str, typer.Argument(help=both("cli.district"))],
    out: Annotated[Path | None, typer.Option(help=both("cli.estimate_out"))] = None,
    seed: Annotated[int, typer.Option(help=both("cli.seed"), min=0, max=2**31 - 1)] = 1,
    by: Annotated[str, typer.Option(help=both("cli.estimate_by"))] = "auto",
    raster: Annotated[Path | None, typer.Option(help=both("cli.raster"))] = None,
    raster_65: Annotated[Path | None, typer.Option("--raster-65", help=both("cli.raster_65"))] = None,
    raster_0_14: Annotated[Path | None, typer.Option("--raster-0-14", help=both("cli.raster_0_14"))] = None,
    raster_says: Annotated[str, typer.Option(help=both("cli.raster_says"))] = "counts",
    band: Annotated[int | None, typer.Option(help=both("cli.band"), min=1, max=65_535)] = None,
    cells: Annotated[int | None, typer.Option(help=both("cli.cells"))] = None,
) -> None:
    """Fill the positions and people that a village list lacks, flagged as estimates."""
    from allocate.estimating import Asked, estimate_folder
    from allocate.read import find_district
    from allocate.tables import MEASURES

    choices = {"--by": (by, ("auto", *MEASURES)), "--raster-says": (raster_says, ("counts", "density"))}
    wrong = [
        Problem("problem.choice", column=option, value=said, details={"choices": ", ".join(known)})
        for option, (said, known) in choices.items()
        if said not in known
    ]
    if wrong:
        raise UsageError(wrong)
    source = find_district(district)
    folder = out or Path(f"{source.resolve().name}-estimated")
    says: Literal["counts", "density"] = "density" if raster_says == "density" else "counts"
    asked = Asked(seed, by, raster, raster_65, raster_0_14, says, band, cells)
    made = estimate_folder(source, folder, asked)
    if not made.written:
        tell(say("cli.estimate_nothing", places=made.places, folder=source))
        return
    for warning in made.district.warnings:
        tell(say("check.warning", text=warning.sentence()), to=sys.stderr)
    told = {"positions": made.positions, "people": made.people, "places": made.places, "seed": seed}
    tell(say("cli.estimated", **told, folder=folder))
    if made.institutions:
        tell(say("cli.estimated_institutions", count=made.institutions))
    if cells is not None:
        tell(say("cli.estimated_cells", cells=len(made.district.places), metres=cells))


@app.command(help=both("cli.verify"), epilog="allocate verify maps/out/baodi")
def verify(
    plan: Annotated[Path, typer.Argument(help=both("cli.plan_folder"))],
    data: Annotated[Path | None, typer.Option(help=both("cli.data"))] = None,
) -> None:
    """Recheck a finished plan without a solver; exit 1 for a wrong one."""
    from allocate.verification import verify as recheck

    if is_joint_folder(plan):
        if not verify_together(plan):
            raise typer.Exit(1)
        return
    verdict = recheck(plan, data)
    for note in verdict.notes:
        tell(note)
    if verdict.sound:
        tell(say("verify.sound", number=verdict.checked))
        return
    tell(say("verify.wrong", count=len(verdict.findings)))
    for finding in verdict.findings:
        for line in f"  * {visible(finding.where)}: {finding.words}".split("\n"):
            tell(line)
    raise typer.Exit(1)


@app.command(help=both("compare.cli"), epilog="allocate compare maps/out/baodi maps/out/baodi-95 --out compared")
def compare(
    plans: Annotated[list[Path], typer.Argument(metavar="PLAN PLAN…", help=both("compare.cli_plans"))],
    out: Annotated[Path | None, typer.Option(help=both("compare.cli_out"))] = None,
) -> None:
    """Say what sets plans apart from the first of them; on request as a page and a workbook."""
    from allocate.comparing import check_number, distinct_names
    from allocate.comparing import compare as make_comparison
    from allocate.names import PLAN_FILE
    from allocate.outputs import PAGE_FILE, TABLES_FILE, check_comparison_target, write_comparison
    from allocate.report.comparison_lines import comparison_lines

    check_number(len(plans))
    if out is not None:
        check_comparison_target(out)
    folders = [plan.parent if plan.name == PLAN_FILE and plan.is_file() else plan for plan in plans]
    read: dict[Path, dict[str, Any]] = {}
    for plan in plans:
        place = plan.resolve()
        if place not in read:
            read[place] = sound_plan(plan)
    contents = [read[plan.resolve()] for plan in plans]
    made = make_comparison(contents, distinct_names([folder.resolve().parts for folder in folders]))
    for lines in comparison_lines(made, contents):
        for line in lines:
            tell(line)
    if out is None:
        tell(say("compare.how_files"))
        return
    files = write_comparison(made, contents, out)
    tell(say("compare.files", page=files[PAGE_FILE], table=files[TABLES_FILE]))


@app.command("map", help=both("cli.map"), epilog="allocate map maps/out/baodi")
def draw_map(
    plan: Annotated[Path, typer.Argument(help=both("cli.plan_folder"))],
    out: Annotated[Path | None, typer.Option(help=both("cli.map_out"))] = None,
    tiles: Annotated[str | None, typer.Option(help=both("cli.tiles"))] = None,
    tiles_key: Annotated[str | None, typer.Option(help=both("cli.tiles_key"))] = None,
    in_file: Annotated[bool, typer.Option("--tiles-key-in-file", help=both("cli.tiles_key_in_file"))] = False,
) -> None:
    """Draw the map of a finished plan again, with base map tiles where they are asked for."""
    from allocate.draw.tiles import KEY_VARIABLE, tiles_asked

    asked = tiles_asked(tiles, tiles_key, os.environ.get(KEY_VARIABLE, ""), in_file=in_file)
    _export(plan, "html", out, asked)
    if asked is None:
        return
    tell(say("cli.tiles_publishing"))
    if asked.key:
        tell(say("cli.tiles_key_written"), to=sys.stderr)
    elif asked.asks_key:
        tell(say("cli.tiles_key_asked"))


@app.command(help=both("cli.export"), epilog="allocate export maps/out/baodi --to xlsx --language en")
def export(
    plan: Annotated[Path, typer.Argument(help=both("cli.plan_folder"))],
    to: Annotated[str, typer.Option("--to", help=both("cli.export_to"))],
    out: Annotated[Path | None, typer.Option(help=both("cli.export_out"))] = None,
    language: Annotated[str | None, typer.Option(help=both("cli.export_language"))] = None,
) -> None:
    """Write a finished plan in another form."""
    forms = ("xlsx", "docx", "pdf", "gpkg", "csv", "geojson", "ics", "timetable", "png", "cards")
    problems = [
        Problem("problem.choice", column=column, value=value, details={"choices": ", ".join(choices)})
        for column, value, choices in (("--to", to, forms), ("--language", language or LANGUAGES[0], LANGUAGES))
        if value not in choices
    ]
    if problems:
        raise UsageError(problems)
    with speaking("en" if language == "en" else "zh") if language else nullcontext():
        _export(plan, to, out)


@app.command(help=both("cli.card"), epilog="allocate card baodi --out models/baodi.md")
def card(
    model: Annotated[str, typer.Argument(help=both("cli.model"))],
    out: Annotated[Path | None, typer.Option(help=both("cli.card_out"))] = None,
    changes: Annotated[list[str] | None, typer.Option("--set", help=both("cli.set"))] = None,
) -> None:
    """Write the model as a readable page."""
    from allocate.card import card as make_card
    from allocate.faults import disk_reason
    from allocate.model import read_model

    page = make_card(read_model(model, changes_of(changes)))
    if out is None:
        for line in page.splitlines():
            tell(line)
        return
    try:
        out.write_bytes(page.encode())
    except OSError as error:
        details = {"reason": disk_reason(error)}
        raise UsageError([Problem("card.cannot_write", str(out), details=details)]) from None
    tell(say("card.written", file=out))


def _export(plan: Path, form: str, out: Path | None, tiles: "Tiles | None" = None) -> None:
    """Write a plan in one form, once a recheck has found nothing wrong in it."""
    from allocate.outputs import EXPORTS, export
    from allocate.plans import read_plan
    from allocate.verification import insist

    content = read_plan(plan)
    insist(content)
    folder = plan if plan.is_dir() else plan.parent
    tell(str(export(content, form, out or folder / EXPORTS[form], spoken(), tiles)))


app.command("prices", help=both("cli.prices"), epilog="allocate prices baodi --clause circle --front 8")(prices)
app.command("serve", help=both("serve.cli"), epilog="allocate serve my-county")(serve)
app.command("scenarios", help=both("cli.scenarios"), epilog="allocate scenarios baodi unsure --processes 4")(scenarios)
app.command("robust", help=both("robust.help"), epilog="allocate robust maps/out/baodi --draws 100 --again 8")(robust)
app.command("alternatives", help=both("near.cli"), epilog="allocate alternatives maps/out/baodi --within 1%")(
    alternatives
)
app.command("sweep", help=both("sweep.cli"), epilog="allocate sweep baodi --vary rules.circle.share=0.80..0.95:0.05")(
    sweep
)


def main() -> NoReturn:
    """Run a command; whatever allocate raises on purpose becomes one message and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show Chinese must not end the program.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except AllocateError as error:
        for line in f"allocate: {error}".split("\n"):
            tell(line, to=sys.stderr)
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        print(f"allocate: {both('cli.stopped')}", file=sys.stderr)
        raise SystemExit(130) from None
    raise SystemExit(0)


if __name__ == "__main__":
    main()
