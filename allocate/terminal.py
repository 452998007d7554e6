"""What every verb says and asks in a terminal: lines, changes of a model, progress, and plans that are sound."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from allocate.errors import Problem, UsageError
from allocate.words import say, visible

if TYPE_CHECKING:
    from allocate.crews import Crew
    from allocate.program import Progress

    Listener = Callable[[Progress], None]
    CountListener = Callable[[int, int], None]
    JobsListener = Callable[[int, int, int, int], None]

# In a pipe, lines on progress are so far apart [s].
_BETWEEN = 30.0


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


def crew_of(processes: int, scheduler: str | None) -> "Crew":
    """Return who works out many jobs: processes of this machine, or the workers of a cluster where one is named."""
    if scheduler is not None:
        from allocate.cluster import on_cluster

        return on_cluster(scheduler)
    from allocate.crews import Processes

    return Processes(processes)


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


@contextmanager
def counted(key: str) -> Iterator["CountListener"]:
    """Show how many of how many are done, on one line of a terminal; a file or a pipe gets one line per step."""
    from rich.console import Console

    console = Console(stderr=True)
    with console.status(say("cli.preparing")) as status:

        def hear(done: int, count: int) -> None:
            status.update(say(key, done=done, count=count))
            if not console.is_terminal:
                console.print(say(key, done=done, count=count), highlight=False)

        yield hear


@contextmanager
def counting(key: str) -> Iterator["JobsListener"]:
    """Show how many of many jobs are done: on one line of a terminal, or in a pipe a line now and then.

    `key` is the text that says `done` and `failed` of `count`, the `rate` per minute, and what is `left`.
    """
    from rich.console import Console

    console = Console(stderr=True)
    began = time.monotonic()
    said = [-_BETWEEN]

    with console.status(say("cli.preparing")) as status:

        def hear(done: int, failed: int, count: int, before: int) -> None:
            seconds = time.monotonic() - began
            pace = (done - before) / seconds if done > before else 0.0
            rate = f"{60 * pace:.1f}" if pace else "—"
            left = _in_time((count - done) / pace if pace else None)
            text = visible(say(key, done=done, failed=failed, count=count, rate=rate, left=left))
            status.update(text)
            if not console.is_terminal and (done == count or seconds - said[0] >= _BETWEEN):
                console.print(text, highlight=False, markup=False)
                said[0] = seconds

        yield hear


def _in_time(seconds: float | None) -> str:
    """Return a time in words, rounded up [s]; what is not known yet says so."""
    if seconds is None:
        return say("sweep.unknown")
    minutes = math.ceil(seconds / 60)
    return say("sweep.minutes", minutes=minutes) if minutes < 120 else say("sweep.hours", hours=math.ceil(minutes / 60))


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
