"""Scenarios of a model side by side: each looked at or planned in full, beside the model as it is and beside today."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from allocate.alone import first_goal
from allocate.answer import Answer, head_of
from allocate.candidates import make_case
from allocate.case import Case
from allocate.costs import spent, whole_cost
from allocate.crews import Crew, Failure
from allocate.district import District
from allocate.errors import ModelError, Problem, UsageError
from allocate.gaps import DIGITS, OPTIMAL_GAP, apart, shown_bound, shown_gap, shown_number
from allocate.layout import Layout
from allocate.looking import SECONDS, Figures, figures, look, standing
from allocate.model import Model, read_model
from allocate.planning import plan
from allocate.plans import (
    Plan,
    layout_of,
    library_versions,
    nothing_changes,
    scenario_of,
    standing_today,
    stock_is_known,
    unlisted_kinds,
)
from allocate.program import Options
from allocate.read import read_district
from allocate.scenario_tables import BASE, TODAY
from allocate.scorecard import scorecard
from allocate.search import Layouts
from allocate.settings import looked_up
from allocate.stages import clause_values
from allocate.words import LANGUAGES, Language, language, say, say_in, speaking

Hear = Callable[[int, int], None]
# The time for a whole plan where none is given [s], as `allocate plan` has it.
PLAN_SECONDS = 200.0


@dataclass(frozen=True)
class Asked:
    """What is to be compared.

    Attributes
    ----------
    model
        Name or path of the model.
    names
        Scenarios and sets of them; none: all.
    changes
        Keys that are changed in all of them, on top of what each changes itself.
    seconds
        Longest time for each [s]; None: as long as a look, or a plan, usually may take.
    full
        Whether each is planned in full.
    """

    model: str
    names: Sequence[str] = ()
    changes: Mapping[str, str] | None = None
    seconds: float | None = None
    full: bool = False


@dataclass(frozen=True)
class _Job:
    """One scenario, or today: its model, and the folder of its district."""

    name: str
    model: Model
    folder: str
    options: Options
    full: bool


@dataclass(frozen=True)
class _Shared:
    districts: Mapping[str, District]
    language: Language


@dataclass(frozen=True)
class Compared:
    """The answer, with the plans of those that were planned in full."""

    answer: Answer
    plans: Mapping[str, Plan]


# ---- reading ----


def read_scenarios(name: str, wanted: Iterable[str], changes: Mapping[str, str] | None = None) -> dict[str, Model]:
    """Return the model of every scenario, by its name.

    Raises
    ------
    ModelError
        When any of them cannot be planned; it lists what is wrong in all of them.
    """
    found, problems = {}, []
    for one in wanted:
        try:
            found[one] = read_model(name, changes, "" if one == BASE else one)
        except ModelError as error:
            problems += [
                replace(problem, file=say("scenarios.of_file", file=problem.file, name=one))
                for problem in error.problems
            ]
    if problems:
        raise ModelError(problems)
    return found


def chosen_names(model: Model, names: Sequence[str]) -> list[str]:
    """Return the scenarios that some names stand for, in the order of the model: today and base always among them.

    Raises
    ------
    UsageError
        When a name is neither a scenario's nor a set's, or when the model has no scenarios.
    """
    if not model.scenarios:
        raise UsageError([Problem("scenarios.no_tables", value=f"{model.id}.toml")])
    known = (BASE, TODAY, *model.scenarios, *model.scenario_sets)
    problems = [
        Problem("problem.choice", column="NAME", value=name, details={"choices": ", ".join(known)})
        for name in names
        if name not in known
    ]
    if problems:
        raise UsageError(problems)
    wanted = {one for name in names for one in model.scenario_sets.get(name, (name,))} or set(model.scenarios)
    return [TODAY, BASE, *(name for name in model.scenarios if name in wanted)]


def changes_against(base: Model, other: Model) -> list[tuple[str, Any, Any]]:
    """Return the keys that a scenario changes, each with its value in the model as it is and in the scenario."""
    if not other.scenario:
        return []
    keys = [row["key"] for row in scenario_of(other)["changes"]]
    return [(key, *(looked_up(one.settings, key.split(".")) for one in (base, other))) for key in keys]


# ---- working ----


def compare_scenarios(
    asked: Asked, crew: Crew, hear: Hear | None = None, keep: Callable[[str, Plan], None] | None = None
) -> Compared:
    """Look at scenarios of a model, or plan them, and set them side by side.

    `hear` is told how many of how many are done.

    Raises
    ------
    AllocateError
        When a name, the model, a scenario or a district is wrong: before anything is worked out.
    """
    base = read_model(asked.model, asked.changes)
    names = chosen_names(base, asked.names)
    models = read_scenarios(asked.model, names[1:], asked.changes) | {TODAY: base}
    folders = {name: str(models[name].district_folder()) for name in names}
    districts = {folder: read_district(folder) for folder in dict.fromkeys(folders.values())}
    seconds = asked.seconds or (PLAN_SECONDS if asked.full else SECONDS)
    jobs = {
        name: _Job(
            name,
            models[name],
            folders[name],
            Options(seconds=seconds, threads=1, seed=models[name].seed),
            full=asked.full and name != TODAY,
        )
        for name in names
    }
    found: dict[str, Figures] = {}
    plans: dict[str, Plan] = {}
    for name, result in crew.work(_answer, _Shared(districts, language()), jobs):
        if isinstance(result, Failure):
            found[name] = {"status": "failed", "reason": result.reason}
        else:
            found[name], made = result
            if made is not None:
                plans[name] = made
        if hear is not None:
            hear(len(found), len(jobs))
    rows = [_told(base, models[name], name, found[name], found[BASE]) for name in names]
    district = districts[folders[BASE]]
    content = {
        **head_of("scenarios", base, district),
        "settings": base.settings,
        "changes": dict(asked.changes or {}),
        "asked": list(asked.names),
        "method": {
            **{str(one): say_in(one, f"scenarios.method_{'full' if asked.full else 'look'}") for one in LANGUAGES},
            "full": asked.full,
            "seconds": seconds,
        },
        "seeds": sorted({model.seed for model in models.values()}),
        "rows": rows,
        "inputs": [
            {"of": part, "path": path, "sha256": digest}
            for part, files in (("district", district.inputs), ("model", base.inputs))
            for path, digest in sorted(files.items())
        ],
        "versions": library_versions(),
    }
    return Compared(Answer("scenarios", content), {name: plans[name] for name in names if name in plans})


def _answer(shared: _Shared, job: _Job) -> tuple[Figures, Plan | None]:
    """Return the figures of one scenario, with its plan where it is planned in full."""
    with speaking(shared.language):
        district = shared.districts[job.folder]
        if job.name == TODAY:
            return _of_today(district, job.model), None
        if job.full:
            made = plan(district, job.model, job.options, processes=1)
            case = make_case(district, job.model)
            layout = layout_of(made.content, case)
            bounds = {row["name"]: row["bound"] for row in made.content["stages"]}
            told = figures(job.model, case, Layouts(layout, bounds, {}, ""))
            return _figures(district, job.model, case, layout, told, bounds), made
        looked = look(district, job.model, job.options)
        return _figures(district, job.model, looked.case, looked.layout, looked.figures, looked.bounds), None


def _figures(
    district: District, model: Model, case: Case, layout: Layout, told: Figures, bounds: Mapping[str, float]
) -> Figures:
    """Return the figures of a layout with its clauses and its whole cost, and what is proven of the clauses."""
    lines = scorecard(district, model, case, layout, standing_today(case), unlisted_kinds(district, model))
    values = clause_values(case, model.planned(), layout)
    stages = {}
    for stage, value in values.items():
        bound = shown_bound(bounds.get(stage, 0.0), float(value))
        stages[stage] = {"value": shown_number(value), "bound": bound, "gap": shown_gap(float(value), bound)}
    name = told["goal"]
    return {
        "status": "found",
        "reason": "",
        **{key: told[key] for key in ("goal", "value", "bound", "gap", "people", "served", "coverage", "sites")},
        "unit": model.goals[name].unit,
        "cost": whole_cost(case, layout),
        "capital": told["capital"],
        "recurrent": told["recurrent"],
        "stages": stages,
        "clauses": [_clause(line, line["status"]) for line in lines if line["status"] in _JUDGED],
        "standing": told["standing"],
    }


# What a scorecard says of a clause that was looked at, and of one that this plan does not decide.
_JUDGED = ("met", "missed", "undecided")


def _clause(line: Mapping[str, Any], status: str) -> dict[str, Any]:
    keys = ("rule", "clause", "year", "strength", "indicator", "target", "value", "unit", "shortfall", "shortfall_unit")
    return {**{key: line[key] for key in keys}, "status": status}


def _of_today(district: District, model: Model) -> Figures:
    """Return what today comes to in the plan years if nothing changes: what stands stays open, nobody is hired."""
    case = make_case(district, model)
    blank: Figures = {"goal": None, "value": None, "bound": None, "gap": None, "unit": None, "cost": None, "stages": {}}
    if not stock_is_known(district, model):
        kinds = say("summary.comma").join(say(f"kind.{kind}") for kind in model.siting)
        unknown = {"reason": say("scenarios.today_unknown", kinds=kinds), "status": "unknown"}
        by_year = dict.fromkeys(("people", "served", "coverage", "sites", "capital", "recurrent"), None)
        return {**unknown, **blank, **by_year, "clauses": [], "standing": []}
    layout, today = nothing_changes(case), standing_today(case)
    name, goal = first_goal(model)
    # (What is posted, and who belongs to whom, is not known of today.)
    told = {} if goal.beside else {"goal": name, "unit": goal.unit, "value": shown_number(goal.value(case, layout))}
    lines = scorecard(district, model, case, layout, today)
    people = {t: case.total(t) for t in case.periods}
    served = {t: layout.served_in(t) for t in case.periods}
    money = {t: spent(case, layout, t) for t in case.periods}

    def years(by: Mapping[int, Any]) -> Figures:
        return {str(case.years[t]): number for t, number in by.items()}

    # (Of what is not known today, nobody can say whether it would be met.)
    judged = [
        _clause(line, line["status"] if line["today"] is not None else "unknown")
        for line in lines
        if line["status"] in _JUDGED
    ]
    return {
        "status": "evaluated",
        "reason": "",
        **(blank | told),
        "cost": whole_cost(case, layout),
        "people": years(people),
        "served": years(served),
        "coverage": years({t: round(served[t] / people[t], DIGITS) if people[t] else 0.0 for t in case.periods}),
        "sites": years({t: len(standing(model, case, layout, t)) for t in case.periods}),
        "capital": years({t: money[t]["capital"] for t in case.periods}),
        "recurrent": years({t: money[t]["recurrent"] for t in case.periods}),
        "clauses": [row if row["status"] != "unknown" else row | {"value": None, "shortfall": None} for row in judged],
        "standing": standing(model, case, layout, case.periods[-1]),
    }


# ---- comparing ----


def _told(base: Model, model: Model, name: str, found: Figures, first: Figures) -> Figures:
    """Return the row of a scenario: what it is, what it comes to, and how it differs from the model as it is."""
    scenario = base.scenarios.get(name)
    changed = changes_against(base, model) if name not in (BASE, TODAY) else []
    statuses = [row["status"] for row in found.get("clauses", ())]
    row = {
        "name": name,
        "title": dict(scenario.title) if scenario else None,
        "from": scenario.parent if scenario else "",
        "note": scenario.note if scenario else "",
        "source": scenario.source if scenario else "",
        "basis": str(scenario.basis) if scenario else None,
        "changes": [{"key": key, "base": old, "value": new} for key, old, new in changed],
        **found,
        **{status: statuses.count(status) if statuses else None for status in (*_JUDGED, "unknown")},
        "against": None,
    }
    if name not in (BASE, TODAY) and found["status"] == first["status"] == "found":
        row["against"] = _against(first, found)
    return row


def _against(first: Figures, other: Figures) -> Figures:
    """Return how a scenario differs from the model as it is in the first goal, in money and in its sites.

    The difference between the best plans of the two lies between `low` and `high`. It is `unknown` which is worth
    more where that span has zero in it. `given` says what the span rests on: clauses of which it is not proven that
    they are kept as well as can be ("unproven"), or which the two plans do not miss alike ("other_clauses").
    """
    before, after = set(first["standing"]), set(other["standing"])
    sites = {"both": len(before & after), "only_base": sorted(before - after), "only_here": sorted(after - before)}
    money = {"cost": other["cost"] - first["cost"]}
    if first["goal"] != other["goal"]:
        return {
            "verdict": "unknown",
            "given": "other_goal",
            "difference": None,
            "low": None,
            "high": None,
            **sites,
            **money,
        }
    lies = apart(first["value"], first["bound"], other["value"], other["bound"])
    told = {key: shown_number(getattr(lies, key)) for key in ("difference", "low", "high")}
    is_proven = all(stage["gap"] <= OPTIMAL_GAP for one in (first, other) for stage in one["stages"].values())
    values = [{name: stage["value"] for name, stage in one["stages"].items()} for one in (first, other)]
    given = "other_clauses" if values[0] != values[1] else "" if is_proven else "unproven"
    return {"verdict": lies.verdict, "given": given, **told, **sites, **money}
