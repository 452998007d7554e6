"""Many possible districts: where positions or people are estimates, a draw is one possibility, a figure a range."""

from collections.abc import Callable
from concurrent.futures import as_completed
from dataclasses import replace
from typing import Any

from allocate.alone import first_goal
from allocate.candidates import make_case
from allocate.district import District
from allocate.estimate import redraw
from allocate.gaps import DIGITS, shown_bound, shown_gap, shown_number
from allocate.model import Model
from allocate.program import Options, workers
from allocate.rules.scopes import site_parts
from allocate.search import lay_out

# A draw is a look, not a full solve: one search where relaxation and greedy differ, and where that leaves more than
# this gap, the root of branch and bound. The gap that remains is reported.
_GAP, _NODES, _SEARCH_NODES = 0.05, 30, 1


def look_at_draws(
    district: District,
    model: Model,
    options: Options,
    processes: int,
    hear: Callable[[int, int], None] | None = None,
) -> list[dict[str, Any]]:
    """Return the headline figures of every draw, in the order of their seeds.

    A draw is a quick look: greedy, one search where the relaxation differs from it, and a bound. A district without
    estimates has nothing to draw.
    """
    seeds = [model.seed + n for n in range(model.draws)] if district.has_estimates else []
    if not seeds:
        return []
    found: dict[int, dict[str, Any]] = {}
    with workers(processes, len(seeds)) as pool:
        jobs = [pool.submit(look, district, model, options, seed) for seed in seeds]
        for done in as_completed(jobs):
            draw = done.result()
            found[draw["seed"]] = draw
            if hear is not None:
                hear(len(found), len(seeds))
    return [found[seed] for seed in seeds]


def look(district: District, model: Model, options: Options, seed: int) -> dict[str, Any]:
    """Return the headline figures of one draw."""
    drawn = redraw(district, seed)
    case = make_case(drawn, model)
    quick = replace(options, quick=True, nodes=_NODES, search_nodes=_SEARCH_NODES, threads=1, seconds=60.0)
    found = lay_out(case, model, quick, gap=_GAP, first_goals=1, only_look=True)
    name, goal = first_goal(model)
    value = goal.value(case, found.layout)
    bound = shown_bound(found.bounds[name], float(value))
    totals = [(t, case.total(t), found.layout.served_in(t)) for t in case.periods]

    def number(members: tuple[int, ...], t: int) -> int:
        return sum((j, t) in found.layout.open for j in members if case.sites[j].kind in model.siting)

    last = case.periods[-1]
    return {
        "seed": seed,
        # (Which of the decided sites stand in the last year.)
        "standing": sorted(
            site.id for j, site in enumerate(case.sites) if (j, last) in found.layout.open and site.kind in model.siting
        ),
        "sites": {str(case.years[t]): number(tuple(range(len(case.sites))), t) for t in case.periods},
        "sites_by_town": {
            town: {str(case.years[t]): number(members, t) for t in case.periods}
            for town, members in site_parts(case, "town")
        },
        "served": {str(case.years[t]): served for t, _, served in totals},
        "coverage": {str(case.years[t]): round(served / people, DIGITS) for t, people, served in totals},
        "goal": name,
        "value": shown_number(value),
        "bound": bound,
        "gap": shown_gap(float(value), bound),
    }
