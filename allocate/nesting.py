"""What nesting over the years costs: every plan year is planned by itself as well, by a quick look."""

from dataclasses import replace
from typing import Any

from allocate.alone import case_of, first_goal, model_of_year, sited
from allocate.candidates import make_case
from allocate.costs import spent
from allocate.district import District
from allocate.gaps import shown_bound, shown_number
from allocate.model import Model
from allocate.program import Options, as_they_end, workers
from allocate.search import lay_out

# As for the draws: a look, whose gap is reported.
_GAP, _NODES, _SEARCH_NODES, _SECONDS = 0.03, 30, 1, 60.0


def look_at_years(district: District, model: Model, options: Options, processes: int) -> list[dict[str, Any]]:
    """Return what was found for every plan year by itself, in their order; nothing where there is only one.

    Such a year knows of no other: whatever stands today may stay, and all that is new is opened in it. Limits on what
    changes from year to year do not bind it.
    """
    if len(model.years) < 2:
        return []
    with workers(processes, len(model.years)) as pool:
        jobs = [pool.submit(look, district, model, options, t) for t in range(len(model.years))]
        for done in as_they_end(jobs):
            done.result()
        return [job.result() for job in jobs]


def look(district: District, model: Model, options: Options, t: int) -> dict[str, Any]:
    """Return what was found for one plan year by itself."""
    case = case_of(make_case(district, model), t)
    quick = replace(options, quick=True, nodes=_NODES, search_nodes=_SEARCH_NODES, threads=1, seconds=_SECONDS)
    found = lay_out(case, model_of_year(model), quick, gap=_GAP, first_goals=1)
    name, goal = first_goal(model)
    value = goal.value(case, found.layout)
    return {
        "year": case.years[0],
        "sites_alone": sited(model, case, found.layout, 0),
        "yearly_cost_alone": spent(case, found.layout, 0)["recurrent"],
        "value_alone": shown_number(value),
        "bound_alone": shown_bound(found.bounds.get(name, 0.0), float(value)),
    }
