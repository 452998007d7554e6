"""Solves a model again after a change of a number, from what the last run left.

What helps the next run: which sites were open, and which implied rows the last proof needed. What is proven is proven
anew each time, of the changed model; nothing is taken over on trust.
"""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from allocate.alone import first_goal
from allocate.candidates import make_case
from allocate.case import Case
from allocate.district import District
from allocate.errors import Problem, UsageError
from allocate.gaps import relative_gap
from allocate.layout import Layout
from allocate.model import Model, changed, model_of
from allocate.names import PLAN_FILE
from allocate.plans import district_of, inputs_of, layout_of
from allocate.program import Options
from allocate.rows import Number
from allocate.search import lay_out
from allocate.sites_alone import decides_sites_alone, lay_out_sites
from allocate.stages import stage_values
from allocate.two_steps import repaired

SECONDS, GAP = 5.0, 0.005
# The first run of a session, and one that is solved in full, may take this long [s].
_FIRST_SECONDS = 120.0
# How hard a full solve tries: a quick look, as at a draw.
_NODES, _SEARCH_NODES = 30, 1


@dataclass(frozen=True)
class Last:
    """What a run leaves for the next one.

    Attributes
    ----------
    rows
        Names of the implied rows that its proof needed.
    """

    district: District
    model: Model
    case: Case
    layout: Layout
    rows: tuple[str, ...] = ()

    @property
    def district_id(self) -> str:
        """Return the district that the run was of."""
        return self.district.id

    def start_in(self, case: Case) -> Layout:
        """Return what it decides, in a case: see `carried_over`."""
        return carried_over(self.case, self.layout, case)


class Earlier(Protocol):
    """What a plan can go on from."""

    @property
    def district_id(self) -> str:
        """Return the district that it is of."""

    def start_in(self, case: Case) -> Layout:
        """Return what it decides, in a case that may have other sites and years."""


@dataclass(frozen=True)
class Resolved:
    """What came of solving again.

    Attributes
    ----------
    last
        The run itself, to go on from.
    goal, value, bound, gap
        The first goal, what the plan makes of it, what no plan falls below that keeps the clauses as well as this
        one, and how far they are apart as a share of the value. Minus infinity where nothing is proven.
    values
        What every stage is worth, the clauses by strength first.
    in_full
        Why it was solved in full and not from the last run: "decides" (staff or more is decided), "clauses" (not all
        of them were met); empty where it was solved from the last run.
    changed
        What was different beside numbers of rules and costs: "years", "places", "sites", "reach", "people".
    relaxations
        How many linear relaxations were solved.
    stopped
        Whether the clock ended the search before its gap was reached; then the same inputs may give another plan.
    seconds
        How long it took [s].
    """

    last: Last
    goal: str
    value: Number
    bound: float
    gap: float
    values: Mapping[str, Number]
    in_full: str
    changed: tuple[str, ...]
    relaxations: int
    stopped: bool
    seconds: float

    @property
    def layout(self) -> Layout:
        """Return the plan's decisions."""
        return self.last.layout

    @property
    def is_met(self) -> bool:
        """Tell whether no clause is missed."""
        return not any(value for name, value in self.values.items() if name.endswith(".worst"))


def remembered(content: Mapping[str, Any]) -> Last:
    """Return what a finished plan leaves for the next run: it carries its district and its model in it."""
    district = district_of(content)
    model = model_of(content["settings"], content["model"], PLAN_FILE, inputs_of(content, "model"))
    case = make_case(district, model)
    return Last(district, model, case, layout_of(content, case))


def begin(
    district: District, model: Model, *, seconds: float = _FIRST_SECONDS, gap: float = GAP, last: Last | None = None
) -> Resolved:
    """Solve a model for its first goal: the first run of a session, or one after another.

    Raises
    ------
    NoPlanError
        When nothing was found in the time given.
    """
    began = time.monotonic()
    case = make_case(district, model)
    before = None if last is None else carried_over(last.case, last.layout, case)
    rules, (name, goal) = model.planned(), first_goal(model)
    before = None if before is None else repaired(case, rules, before)
    told = () if last is None else differences(last.case, case)
    in_full, rows, relaxations, stopped = "", () if last is None else last.rows, 0, False
    if not decides_sites_alone(case, goal):
        in_full = "decides"
    else:
        left = max(0.1, seconds - (time.monotonic() - began))
        found = lay_out_sites(case, rules, name, goal, gap=gap, seconds=left, seed=model.seed, before=before, rows=rows)
        layout, bound, rows = found.layout, found.bound, found.rows
        relaxations, stopped = found.relaxations, found.stopped
        if not found.is_met:
            in_full = "clauses"
    if in_full:
        options = Options(
            seconds=max(_FIRST_SECONDS, seconds),
            threads=1,
            seed=model.seed,
            quick=True,
            nodes=_NODES,
            search_nodes=_SEARCH_NODES,
        )
        full = lay_out(case, model, options, gap=gap, first_goals=1, only_look=True, start=before)
        layout, bound = full.layout, full.bounds.get(name, float("-inf"))
    values = stage_values(case, rules, {name: goal}, layout)
    value = values[name]
    return Resolved(
        Last(district, model, case, layout, rows),
        name,
        value,
        min(bound, float(value)),
        relative_gap(float(value), bound),
        values,
        in_full,
        told,
        relaxations,
        stopped,
        time.monotonic() - began,
    )


def resolve(last: Last, changes: Mapping[str, str], *, seconds: float = SECONDS, gap: float = GAP) -> Resolved:
    """Solve the last model with some keys changed, each written as on the command line.

    Raises
    ------
    UsageError
        When the changes name another district.
    NoPlanError
        When nothing was found in the time given.
    """
    return resolve_model(last, changed(last.model, changes), seconds=seconds, gap=gap)


def resolve_model(last: Last, model: Model, *, seconds: float = SECONDS, gap: float = GAP) -> Resolved:
    """Solve another model of the same district, from the last run.

    Raises
    ------
    UsageError
        When the model is of another district.
    NoPlanError
        When nothing was found in the time given.
    """
    insist_on_district(last.model.district, model.district)
    return begin(last.district, model, seconds=seconds, gap=gap, last=last)


def insist_on_district(before: str, now: str) -> None:
    """Refuse to go on from a plan of another district.

    Raises
    ------
    UsageError
        When the two are not the same.
    """
    if before != now:
        details = {"before": before, "now": now}
        raise UsageError([Problem("resolve.other_district", column="--from", value=before, details=details)])


def carried_over(before: Case, layout: Layout, case: Case) -> Layout:
    """Return what an earlier plan decides, in a case that may have other sites and years: all of it, or what it opens.

    A site is known by its id. A year that the earlier plan does not have is taken as the one before it, or else as its
    first. What exists and is new to the plan stays open, and a candidate that is new to it stays closed. Whom sites
    serve, and their staff, are taken over where both cases speak of the same things.
    """
    if names(before) == names(case):
        return replace(layout, roster={}, timetable={})
    by_year = {
        year: frozenset(before.sites[j].id for j, t in layout.open if t == u) for u, year in enumerate(before.years)
    }
    return sites_in(case, by_year, before.site_index.keys())


def sites_in(case: Case, is_open: Mapping[int, Collection[str]], known: Collection[str]) -> Layout:
    """Return what is open in a case where an earlier plan opens sites, by year, of all that were known to it."""
    earlier = sorted(is_open)
    year_of = {year: max((one for one in earlier if one <= year), default=earlier[0]) for year in case.years}
    return Layout(
        frozenset(
            (j, t)
            for j, site in enumerate(case.sites)
            for t, year in enumerate(case.years)
            if site.is_fixed or (site.id in is_open[year_of[year]] if site.id in known else site.exists)
        )
    )


def names(case: Case) -> tuple[object, ...]:
    """Return what a layout refers to by number, in order."""
    return (
        case.years,
        case.places,
        tuple((site.id, site.exists, site.closable) for site in case.sites),
        tuple(case.resources),
        case.pools,
        tuple(case.ways),
        tuple(case.abilities),
        case.leading is None,
        case.contracting is None or case.contracting.homes,
    )


def differences(before: Case, case: Case) -> tuple[str, ...]:
    """Name what of two cases is different beside costs and room: years, places, sites, reach or people."""

    def links(of: Case) -> tuple[list[int], ...]:
        return of.links.places.tolist(), of.links.sites.tolist()

    same = {
        "years": before.years == case.years,
        "places": before.places == case.places,
        "sites": [site.id for site in before.sites] == [site.id for site in case.sites],
    }
    if all(same.values()):
        same["reach"] = links(before) == links(case)
        same["people"] = before.people.tolist() == case.people.tolist()
    return tuple(name for name, is_same in same.items() if not is_same)


def without_time(found: Resolved) -> Resolved:
    """Return what came of it without how long it took: the same bytes for the same inputs."""
    return replace(found, seconds=0.0)
