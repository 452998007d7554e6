"""From a district and a model to a proven and rechecked plan: the whole path on one screen."""

import time
from collections.abc import Callable

from allocate import stopping
from allocate.candidates import make_case
from allocate.details import carry_out
from allocate.district import District
from allocate.draws import drawing
from allocate.front import check_count, look_at_front
from allocate.isochrones import isochrones
from allocate.keeping import Keeper
from allocate.model import Model
from allocate.nesting import look_at_years
from allocate.plans import Plan, assemble
from allocate.program import Options, Progress
from allocate.resolving import Earlier, insist_on_district
from allocate.search import Listener, lay_out
from allocate.verification import insist

Count = Callable[[int, int], None]


def plan(
    district: District,
    model: Model,
    options: Options | None = None,
    *,
    gap: float | None = None,
    processes: int = 2,
    listen: Listener | None = None,
    hear_draw: Count | None = None,
    front: int = 0,
    hear_front: Count | None = None,
    last: Earlier | None = None,
    keeper: Keeper | None = None,
) -> Plan:
    """Plan a district.

    `options.seconds` bounds all stages together; `gap` replaces the gaps of the model's goals. `front` asks for so
    many more plans between the cheapest and the one that serves most. Where there is a `last` run, the search begins
    with its plan, worked out and rechecked anew, and gives no less than that. A `keeper` tells others how it stands.

    Where a person asks to stop (see `stopping.heeding`), the best plan so far is made ready: possible districts, years
    by themselves and the front are not looked at, and the plan says so.

    Raises
    ------
    NoPlanError
        When nothing was found in the time given.
    UsageError
        When `front` is neither 0 nor a number of points that a front can have, or the last run is of another district.
    """
    if front:
        check_count(front)
    if last is not None:
        insist_on_district(last.district_id, district.id)
    options = options or Options(seconds=200.0)
    clock = [time.monotonic()]

    def ended(phase: str) -> None:
        clock.append(time.monotonic())
        if keeper is not None and (front or phase != "front"):
            keeper.phase(phase)

    case = make_case(district, model)
    if keeper is not None:
        keeper.begin(case, model)
    ended("stages")
    start = None if last is None else last.start_in(case)
    # (A search keeps one processor busy: the others look at possible districts meanwhile.)
    with drawing(district, model, options, processes) as drawn:
        found = lay_out(case, model, options, gap=gap, listen=_all_hear(listen, keeper), start=start)
        ended("months")
        found = carry_out(case, model, found, options, gap)
        if keeper is not None:
            keeper.keep(found.layout)
        # (As long as draws are under way, all processors but one are theirs.)
        ended("years")
        free = 1 if model.draws and district.has_estimates else processes
        years = _unless_stopped(lambda: look_at_years(district, model, options, free))
        ended("draws")
        draws = _unless_stopped(lambda: drawn(_both(hear_draw, keeper)))
    ended("front")
    hear = _both(hear_front, keeper)
    points = _unless_stopped(
        lambda: look_at_front(case, model, options, front, processes, gap=gap, hear=hear) if front else []
    )
    is_stopped = stopping.is_asked()
    ended("assemble")
    reached = isochrones(district, model, case, found.layout)
    content = assemble(
        district,
        model,
        case,
        found.layout,
        found.bounds,
        draws,
        years,
        front=points,
        reached=reached,
        stopped=is_stopped,
    )
    insist(content)
    ended("files")
    names = ("prepare", "stages", "months and weekdays", "years alone", "draws", "front", "assemble and verify")
    phases = {name: after - before for name, before, after in zip(names, clock, clock[1:], strict=False)}
    return Plan(content, phases | {f"stage {name}": spent for name, spent in found.seconds.items()}, found.log)


def _all_hear(listen: Listener | None, keeper: Keeper | None) -> Listener | None:
    """Return who hears how the search stands: whoever listens, and whoever keeps the best plan."""
    if keeper is None:
        return listen

    def hear(progress: Progress) -> None:
        keeper.hear(progress)
        if listen is not None:
            listen(progress)

    return hear


def _both(hear: Count | None, keeper: Keeper | None) -> Count:
    """Return who hears how many of how many are done."""

    def count(done: int, of: int) -> None:
        for one in (hear, None if keeper is None else keeper.count):
            if one is not None:
                one(done, of)

    return count


def _unless_stopped[T](look: Callable[[], list[T]]) -> list[T]:
    """Return what a look finds; nothing where a person asked to stop, before or meanwhile."""
    try:
        stopping.heed()
        return look()
    except stopping.Stopped:
        return []
