"""Many possible districts: where positions or people are estimates, a draw is one possibility, a figure a range."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from allocate import looking
from allocate.district import District
from allocate.model import Model
from allocate.program import Options, as_they_end, workers

_SECONDS = 60.0


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
        for done in as_they_end(jobs):
            draw = done.result()
            found[draw["seed"]] = draw
            if hear is not None:
                hear(len(found), len(seeds))
    return [found[seed] for seed in seeds]


def look(district: District, model: Model, options: Options, seed: int) -> dict[str, Any]:
    """Return the headline figures of one draw."""
    found = looking.look(district, model, replace(options, seconds=_SECONDS), seed=seed).figures
    told = ("standing", "sites", "sites_by_town", "served", "coverage", "goal", "value", "bound", "gap")
    return {"seed": seed} | {name: found[name] for name in told}
