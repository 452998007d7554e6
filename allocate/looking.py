"""One quick look at a model of a district: what a good plan of it comes to, as one plain row of figures."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from allocate.alone import first_goal
from allocate.candidates import make_case
from allocate.case import Case
from allocate.costs import spent
from allocate.district import District
from allocate.estimate import redraw
from allocate.gaps import DIGITS, shown_bound, shown_gap, shown_number
from allocate.layout import Layout
from allocate.model import Model
from allocate.program import Options
from allocate.rules.scopes import site_parts
from allocate.search import Layouts, lay_out
from allocate.stages import stage_values

# A look is no full solve: one search where relaxation and greedy differ, and where that leaves more than this gap, the
# root of branch and bound. The gap that remains is reported. It ends by count: the clock is for what hangs.
GAP, NODES, SEARCH_NODES, SECONDS = 0.05, 30, 1, 600.0

Figures = dict[str, Any]


@dataclass(frozen=True)
class Look:
    """What a look found: the case and the layout, and its figures as one row that JSON can hold.

    `bounds` holds what no plan that keeps the earlier stages can fall below, by stage.
    """

    case: Case
    layout: Layout
    figures: Figures
    bounds: Mapping[str, float] = field(default_factory=dict)


def quick(options: Options) -> Options:
    """Return the options of a look."""
    return replace(options, quick=True, nodes=NODES, search_nodes=SEARCH_NODES, threads=1)


def look(
    district: District,
    model: Model,
    options: Options | None = None,
    *,
    seed: int | None = None,
    gap: float = GAP,
    goals: int | None = 1,
) -> Look:
    """Look at a model of a district: its clauses and its first `goals`; with a `seed`, at a district drawn anew.

    Raises
    ------
    AllocateError
        When the model does not fit the district, or nothing was found.
    """
    drawn = district if seed is None else redraw(district, seed)
    # (Possible districts that only a later goal looks at would take most of the time.)
    looked = replace(model, goals=dict(list(model.goals.items())[:goals]))
    case = make_case(drawn, looked)
    found = lay_out(case, model, quick(options or Options(seconds=SECONDS)), gap=gap, first_goals=goals, only_look=True)
    return Look(case, found.layout, figures(model, case, found, goals=goals), found.bounds)


def figures(model: Model, case: Case, found: Layouts, *, goals: int | None = 1) -> Figures:
    """Return the figures of a look, by years as texts.

    `goal`, `value`, `bound` and `gap` are those of the first goal; `goals` those of all that were looked at; money is
    in yuan; `missed` names the rules with a shortfall, `short` says how much each strength misses (sum of shares).
    """
    layout, last = found.layout, case.periods[-1]
    looked = dict(list(model.goals.items())[:goals])
    rules = model.planned()
    values = stage_values(case, rules, looked, layout)
    name, _ = first_goal(model)

    def told(goal: str) -> Figures:
        value = float(values[goal])
        bound = shown_bound(found.bounds.get(goal, 0.0), value)
        return {"value": shown_number(values[goal]), "bound": bound, "gap": shown_gap(value, bound)}

    def years(by: Mapping[int, Any]) -> Figures:
        return {str(case.years[t]): number for t, number in by.items()}

    people = {t: case.total(t) for t in case.periods}
    served = {t: layout.served_in(t) for t in case.periods}
    money = {t: spent(case, layout, t) for t in case.periods}
    return {
        "goal": name,
        **told(name),
        "goals": {goal: told(goal) for goal in looked},
        "people": years(people),
        "served": years(served),
        "coverage": years({t: round(served[t] / people[t], DIGITS) if people[t] else 0.0 for t in case.periods}),
        "sites": years({t: len(standing(model, case, layout, t)) for t in case.periods}),
        "sites_by_town": {
            town: years({t: len(standing(model, case, layout, t, members)) for t in case.periods})
            for town, members in site_parts(case, "town")
        },
        "capital": years({t: money[t]["capital"] for t in case.periods}),
        "recurrent": years({t: money[t]["recurrent"] for t in case.periods}),
        "short": {stage: float(value) for stage, value in values.items() if stage.endswith(".sum")},
        "missed": [name for name, rule in rules.items() if any(True for _ in rule.breaches(case, layout))],
        "standing": standing(model, case, layout, last),
    }


def standing(model: Model, case: Case, layout: Layout, t: int, members: tuple[int, ...] | None = None) -> list[str]:
    """Return the ids of the decided sites that are open in a year, of all sites or of some."""
    return sorted(
        case.sites[j].id
        for j in (range(len(case.sites)) if members is None else members)
        if case.sites[j].kind in model.siting and (j, t) in layout.open
    )
