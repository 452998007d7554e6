"""What every verb says and asks in a terminal: lines, changes of a model, progress, and plans that are sound."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from allocate.errors import Problem, UsageError
from allocate.words import say, visible

if TYPE_CHECKING:
    from allocate.program import Progress

    Listener = Callable[[Progress], None]
    CountListener = Callable[[int, int], None]


def tell(line: str, to: TextIO | None = None) -> None:
    """Print a line; what a name in it would do to the terminal, or hide from its reader, is shown instead."""
    print(visible(line), file=to)


def changes_of(changes: list[str] | None) -> dict[str, str]:
    """Return what `--set` changes: values as texts, by their dotted keys."""
    pairs = {}
    problems = []
    for change in changes or []:
        key, equals, value = change.partition("=")
        if not equals or not key.strip():
            problems.append(Problem("problem.set_form", column="--set", value=change))
        pairs[key.strip()] = value.strip()
    if problems:
        raise UsageError(problems)
    return pairs


@contextmanager
def progress() -> Iterator[tuple["Listener", "CountListener", "CountListener"]]:
    """Show the stage, the best value, its bound, the gap and the seconds, on one line of a terminal."""
    from rich.console import Console

    from allocate.report.summary import percent_up, say_stage

    console = Console(stderr=True)
    last = [""]

    with console.status(say("cli.preparing")) as status:

        def listen(progress: "Progress") -> None:
            def shown(number: float | None) -> str:
                return "—" if number is None else f"{number:,.6g}"

            text = say(
                "cli.progress",
                stage=say_stage(progress.stage),
                incumbent=shown(progress.incumbent),
                bound=shown(progress.bound),
                gap="—" if progress.gap is None else percent_up(progress.gap),
                seconds=f"{progress.seconds:.0f}",
            )
            status.update(text)
            if not console.is_terminal and progress.stage != last[0]:
                # A file or a pipe gets one line per stage instead of a moving one.
                console.print(say("cli.stage", stage=say_stage(progress.stage)), highlight=False)
                last[0] = progress.stage

        def counting(key: str) -> "CountListener":
            def hear(done: int, count: int) -> None:
                status.update(say(key, done=done, count=count))
                if not console.is_terminal and done == count:
                    console.print(say(key, done=done, count=count), highlight=False)

            return hear

        yield listen, counting("cli.draw"), counting("cli.point")


def sound_plan(plan: Path) -> dict[str, Any]:
    """Read a plan in which a recheck finds nothing wrong."""
    from allocate.plans import read_plan
    from allocate.verification import verify as recheck

    content = read_plan(plan)
    verdict = recheck(content)
    if not verdict.sound:
        first = verdict.findings[0]
        details = {"finding": f"{first.where}: {first.words}"}
        raise UsageError([Problem("compare.not_sound", str(plan), details=details)])
    return content
