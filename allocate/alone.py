"""Each plan year by itself: what a plan that is nested over the years is compared with."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from allocate.case import Case
from allocate.costs import spent
from allocate.gaps import shown_gap, shown_number
from allocate.goals import Goal
from allocate.layout import Layout
from allocate.model import Model


def case_of(case: Case, t: int) -> Case:
    """Return the case of one plan year: what stands today is all that stands before it.

    What a function needs for some years before, may come with it in that year, where as many lie between it and the
    first plan year: whatever the plan has in the year, it could have by itself.
    """
    since = sum(case.intervals[1 : t + 1])
    abilities = {
        name: one.model_copy(
            update={"needs": {other: 0 if years <= since else years for other, years in one.needs.items()}}
        )
        for name, one in case.abilities.items()
    }
    return replace(case.in_groups([[t]]), abilities=abilities)


def layout_of(layout: Layout, t: int) -> Layout:
    """Return what a layout decides for one plan year."""
    return layout.in_years({t: 0})


def model_of_year(model: Model) -> Model:
    """Return a model without the rules that look at changes between years: in one year by itself nothing changes."""
    return replace(model, rules={name: rule for name, rule in model.rules.items() if not rule.sees_changes})


def first_goal(model: Model) -> tuple[str, Goal]:
    """Return the first goal of a model, by which years are compared, with its name."""
    return next(iter(model.goals.items()))


def sited(model: Model, case: Case, layout: Layout, t: int) -> int:
    """Return how many sites of the kinds that the model sites are open in a year."""
    return sum(site.kind in model.siting and (j, t) in layout.open for j, site in enumerate(case.sites))


def nesting(model: Model, case: Case, layout: Layout, looked: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return every plan year as the plan has it beside the same year planned by itself.

    `looked` holds what was found for the years by themselves. The sites and the money of the plan, and what it makes of
    the first goal if its year is looked at like the other one, follow from the layout.
    """
    name, goal = first_goal(model)
    rows = []
    for one in looked:
        t = case.years.index(one["year"])
        value = shown_number(goal.value(case_of(case, t), layout_of(layout, t)))
        rows.append(
            {
                "year": one["year"],
                "sites": sited(model, case, layout, t),
                "sites_alone": one["sites_alone"],
                "yearly_cost": spent(case, layout, t)["recurrent"],
                "yearly_cost_alone": one["yearly_cost_alone"],
                "goal": name,
                "unit": goal.unit,
                "value": value,
                "value_alone": one["value_alone"],
                "bound_alone": one["bound_alone"],
                "gap": shown_gap(float(one["value_alone"]), float(one["bound_alone"])),
                # No plan of this year by itself is better by more than this share.
                "most": shown_gap(float(value), float(one["bound_alone"])),
            }
        )
    return rows
