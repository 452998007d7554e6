"""The verb `plan` for a model of several districts, and what `check` and `verify` say of one."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from allocate.errors import AllocateError, InputError, Problem, UsageError
from allocate.terminal import counted, tell
from allocate.words import Language, language, say, speaking

if TYPE_CHECKING:
    from allocate.plans import Plan


def plan_together(
    model: str, out: Path | None, changes: dict[str, str], *, seconds: float, gap: float | None, processes: int
) -> bool:
    """Plan the districts of a model and write answer and plans; tell whether every obligation is met in all of them."""
    from allocate.crews import Failure, Processes
    from allocate.joint import read_joint
    from allocate.jointly import plan_jointly
    from allocate.outputs import check_answer_target, write_answer
    from allocate.program import Options
    from allocate.report.joint_page import lines
    from allocate.rows import Strength

    joint = read_joint(model, changes)
    folder = out or Path("maps") / "out" / joint.id
    check_answer_target(folder, "joint")
    for name, member in joint.members.items():
        for warning in member.district.warnings:
            tell(say("joint.within", district=name, text=warning.sentence()), to=sys.stderr)
    # (Where there are more processors than districts, each is searched with as many as fall to it.)
    threads = max(1, processes // len(joint.members))
    options = Options(seconds=seconds, threads=threads)
    with counted("joint.progress") as hear:
        made = plan_jointly(joint, options, Processes(min(processes, len(joint.members))), gap=gap, hear=hear)
        # (Maps and papers take half as long as the search of a district: each district's are made at once too.)
        crew = Processes(min(processes, len(joint.members)))
        written = dict(crew.work(_files_of, language(), made.plans))
    plans: dict[str, bytes] = {}
    for name in made.plans:
        one = written[name]
        if isinstance(one, Failure):
            raise AllocateError(one.reason)
        plans |= {f"{name}/{file}": text for file, text in one.items()}
    files = write_answer(made.answer, folder, plans)
    for line in lines(made.answer, language()):
        tell(line)
    for name in made.plans:
        tell(say("scenarios.plan_written", name=name, folder=folder / name))
    tell(say("joint.written", page=files["joint.html"], table=files["joint.xlsx"]))
    if len(made.plans) < len(joint.members):
        raise typer.Exit(1)
    return not any(
        row["status"] == "missed" and row["strength"] == Strength.MUST
        for plan in made.plans.values()
        for row in plan.content["scorecard"]
    )


def _files_of(spoken: Language, plan: "Plan") -> dict[str, bytes]:
    """Return the files of a plan, in a language."""
    from allocate.outputs import plan_files

    with speaking(spoken):
        return plan_files(plan)


def check_together(model: str, changes: dict[str, str]) -> None:
    """Say what `check` says of every district, who is missing, and how experts are shared out."""
    from allocate.checking import notes
    from allocate.joint import read_joint
    from allocate.jointly import shares_of

    joint = read_joint(model, changes)
    for name, member in joint.members.items():
        tell(say("joint.district", name=name, title=member.title[language()], model=member.model.id))
        for line in notes(member.model, member.district):
            tell(f"  {line}")
    for title, lacks in joint.missing.values():
        tell(say("joint.check_missing", district=title[language()], what=say(f"joint_lacks.{lacks}")))
    if joint.shared:
        shares = shares_of(joint)
        for pool, one in joint.shared.items():
            given = say("summary.comma").join(f"{name} {shares[name][pool]}" for name in joint.sharing(pool))
            tell(say("joint.check_share", pool=pool, experts=one.away, given=given))
    tell(say("joint.check_done", count=len(joint.members), missing=len(joint.missing)))


def is_joint_folder(folder: Path) -> bool:
    """Tell whether a folder holds the answer of a plan of several districts."""
    from allocate.read import is_file

    return is_file(folder / "joint.json")


def verify_together(folder: Path) -> bool:
    """Recheck the plans of several districts and what they come to together; tell whether all is sound."""
    from allocate.jointly import findings
    from allocate.plans import read_answer, read_plan
    from allocate.verification import verify

    content = read_answer(folder, "joint")
    try:
        names = [str(row["name"]) for row in content["districts"] if row["status"] == "planned"]
    except (KeyError, TypeError):
        raise InputError([Problem("problem.not_answer", str(folder / "joint.json"))]) from None
    plans: dict[str, Any] = {}
    is_sound = True
    for name in names:
        plans[name] = read_plan(folder / name)
        verdict = verify(folder / name)
        is_sound = is_sound and verdict.sound
        tell(
            say(
                "joint.verified" if verdict.sound else "joint.verified_wrong",
                district=name,
                number=verdict.checked,
                count=len(verdict.findings),
            )
        )
        for note in verdict.notes:
            tell(f"  {note}")
        for finding in verdict.findings:
            tell(f"  * {finding.where}: {finding.words}")
    wrong = findings(content, plans)
    for line in wrong:
        tell(f"  * {line}")
    tell(say("joint.sums_wrong" if wrong else "joint.sums_sound", count=len(wrong)))
    return is_sound and not wrong


def refuse(options: dict[str, object]) -> None:
    """Refuse options of `plan` that mean one district.

    Raises
    ------
    UsageError
        When any of them was given.
    """
    problems = [
        Problem("joint.one_district", column=option, value=str(value)) for option, value in options.items() if value
    ]
    if problems:
        raise UsageError(problems)
