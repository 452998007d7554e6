"""From a district and a model to a proven and rechecked plan: the whole path on one screen."""

import time
from collections.abc import Callable

from allocate.candidates import make_case
from allocate.details import carry_out
from allocate.district import District
from allocate.draws import look_at_draws
from allocate.front import check_count, look_at_front
from allocate.isochrones import isochrones
from allocate.model import Model
from allocate.nesting import look_at_years
from allocate.plans import Plan, assemble
from allocate.program import Options
from allocate.resolving import Last, carried_over, insist_on_district
from allocate.search import Listener, lay_out
from allocate.verification import insist


def plan(
    district: District,
    model: Model,
    options: Options | None = None,
    *,
    gap: float | None = None,
    processes: int = 2,
    listen: Listener | None = None,
    hear_draw: Callable[[int, int], None] | None = None,
    front: int = 0,
    hear_front: Callable[[int, int], None] | None = None,
    last: Last | None = None,
) -> Plan:
    """Plan a district.

    `options.seconds` bounds all stages together; `gap` replaces the gaps of the model's goals. `front` asks for so
    many more plans between the cheapest and the one that serves most. Where there is a `last` run, the search begins
    with its plan, worked out and rechecked anew, and gives no less than that.

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
        insist_on_district(last.district.id, district.id)
    options = options or Options(seconds=200.0)
    clock = [time.monotonic()]
    case = make_case(district, model)
    clock.append(time.monotonic())
    start = None if last is None else carried_over(last.case, last.layout, case)
    found = lay_out(case, model, options, gap=gap, listen=listen, start=start)
    clock.append(time.monotonic())
    found = carry_out(case, model, found, options, gap)
    clock.append(time.monotonic())
    draws = look_at_draws(district, model, options, processes, hear_draw)
    clock.append(time.monotonic())
    years = look_at_years(district, model, options, processes)
    clock.append(time.monotonic())
    points = look_at_front(case, model, options, front, processes, gap=gap, hear=hear_front) if front else []
    clock.append(time.monotonic())
    reached = isochrones(district, model, case, found.layout)
    content = assemble(district, model, case, found.layout, found.bounds, draws, years, front=points, reached=reached)
    insist(content)
    clock.append(time.monotonic())
    names = ("prepare", "stages", "months and weekdays", "draws", "years alone", "front", "assemble and verify")
    phases = {name: after - before for name, before, after in zip(names, clock, clock[1:], strict=False)}
    return Plan(content, phases | {f"stage {name}": spent for name, spent in found.seconds.items()}, found.log)
