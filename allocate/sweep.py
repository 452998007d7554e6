"""Many runs of one model: every combination of what is varied, each looked at quickly or planned as a whole."""

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from allocate import looking
from allocate.answer import Answer, head_of
from allocate.candidates import make_case
from allocate.costs import whole_cost
from allocate.crews import Crew, Failure, Processes
from allocate.district import District
from allocate.errors import AllocateError, ModelError, Problem, UsageError
from allocate.gaps import OPTIMAL_GAP
from allocate.looking import GAP, NODES, SEARCH_NODES, SECONDS, Figures
from allocate.model import Model, changed, read_model
from allocate.plans import district_of, layout_of, library_versions
from allocate.program import Options
from allocate.read import find_district, read_district
from allocate.runs import Store, key_of, opened, plan_folder
from allocate.scenario_tables import BASE, TODAY
from allocate.search import Layouts
from allocate.settings import looked_up, value_of
from allocate.varying import (
    MOST,
    Combination,
    Drawn,
    Listed,
    Varied,
    combinations,
    count_of,
    sampled,
    varied_of,
)
from allocate.words import LANGUAGES, Language, language, say_in, speaking

# How many values of each key that is drawn, where nothing else is said.
SAMPLES = 20
# A whole plan takes so long at most, where nothing else is said [s].
PLAN_SECONDS = 200.0
# So many combinations are read as models before anything runs; what the model refuses among the others fails alone.
CHECKED = 300
# What decides which documents and clauses are read at all: a change of it later on would read none.
_READ_FIRST = ("policies", "adopt", "documents", "scenario", "scenarios", "scenario_sets")
_MOST_REFUSED = 5
# What a row of the table has of the figures of a look.
_TOLD = ("goal", "value", "bound", "gap", "cost", "people", "served", "coverage", "sites", "capital", "recurrent")
_TOLD_LAST = ("missed", "short")

# Hears how many runs are done, how many of these failed, how many there are, and how many were done before.
Listener = Callable[[int, int, int, int], None]


@dataclass(frozen=True)
class Asked:
    """What a sweep is asked for.

    Attributes
    ----------
    vary
        Keys with their values, as `varying.varied_of` reads them.
    changes
        What is changed in every run, by keys.
    scenarios
        Scenarios of the model; none: the model as it is.
    samples
        How many values of the keys that are drawn; None: as usual.
    seed
        Where their draws begin.
    draws
        How many possible districts each combination is looked at in; 0: the one that is.
    full
        Whether every run is a whole plan, of at most so many `seconds`, and no quick look.
    """

    vary: tuple[str, ...] = ()
    changes: Mapping[str, str] = field(default_factory=dict)
    scenarios: tuple[str, ...] = ()
    samples: int | None = None
    seed: int = 1
    draws: int = 0
    full: bool = False
    seconds: float = PLAN_SECONDS


@dataclass(frozen=True)
class Ground:
    """What all runs share: it is sent to every worker once.

    Attributes
    ----------
    models
        By the name of the scenario.
    districts
        By the name that a model gives them.
    """

    models: Mapping[str, Model]
    districts: Mapping[str, District]
    full: bool
    seconds: float
    spoken: Language


@dataclass(frozen=True)
class Sweep:
    """A sweep that was checked and not begun: its runs, and the names under which they are kept."""

    asked: Asked
    varied: tuple[Varied, ...]
    ground: Ground
    runs: tuple[Combination, ...]
    names: tuple[str, ...]
    whole: frozenset[str]

    @property
    def model(self) -> Model:
        """Return the model as it is, or the first of its scenarios."""
        return next(iter(self.ground.models.values()))


def sweep(
    model: str | Path,
    asked: Asked,
    crew: Crew | None = None,
    folder: str | Path | None = None,
    listen: Listener | None = None,
    *,
    retry: bool = False,
    anew: bool = False,
) -> Answer:
    """Run every combination and keep what comes of it in a folder; what is there already is not run again.

    `retry` repeats what failed before, `anew` all of it.

    Raises
    ------
    UsageError, ModelError, InputError
        When anything asked cannot be: before anything runs, and in one message.
    """
    made = prepare(model, asked)
    return run_all(made, crew or Processes(), folder or default_folder(made.model), listen, retry=retry, anew=anew)


def run_all(
    made: Sweep,
    crew: Crew,
    folder: str | Path,
    listen: Listener | None = None,
    *,
    retry: bool = False,
    anew: bool = False,
) -> Answer:
    """Run what a sweep consists of, as far as its folder does not hold it already, and write its tables.

    Raises
    ------
    UsageError
        When the folder is not a sweep's, or holds runs of another model, of other inputs or of another version.
    """
    from allocate.outputs import check_answer_target, write_answer
    from allocate.report.sweep_tables import sweep_files

    check_answer_target(folder, "sweep")
    begun = _content(made, [_row(made, n, None) for n in range(len(made.runs))])
    with opened(Path(folder), begun, anew=anew) as store:
        results = _work(made, crew, store, listen, retry=retry)
        rows = [_row(made, n, results[name]) for n, name in enumerate(made.names)]
        answer = Answer("sweep", _content(made, rows))
        for name, content in sweep_files(answer.content, language()).items():
            store.write(name, content)
        write_answer(answer, folder)
        return answer


def default_folder(model: Model) -> Path:
    """Return where a sweep of a model is kept unless told otherwise."""
    return Path("maps") / "out" / f"{model.id}-sweep"


def prepare(model: str | Path, asked: Asked) -> Sweep:
    """Check all that is asked, and resolve it into runs.

    Raises
    ------
    UsageError, ModelError, InputError
        When anything cannot be; where it can, one message lists all of it.
    """
    problems: list[Problem] = []
    varied: tuple[Varied, ...] = ()
    try:
        varied = varied_of(asked.vary)
    except UsageError as error:
        problems += error.problems
    is_read = not problems
    models = _models(model, asked, problems)
    problems += _contradictions(asked, varied, len(models), is_read=is_read)
    base = next(iter(models.values()), None)
    if base is not None:
        problems += [problem for one in varied for problem in _unknown(base, one)]
    if problems or base is None:
        raise UsageError(problems)
    samples = asked.samples or SAMPLES
    whole = frozenset(one.key for one in varied if isinstance(one, Drawn) and _is_whole(base, one))
    drawn = {
        one.key: sampled(one, samples, asked.seed, whole=one.key in whole) for one in varied if isinstance(one, Drawn)
    }
    seeds = [base.seed + n for n in range(asked.draws)]
    runs = tuple(combinations(varied, drawn, list(models) if asked.scenarios else (), seeds))
    refused = list(_refused(models, runs))
    if refused:
        raise UsageError(refused)
    districts = _districts(models, runs)
    for name, district in districts.items():
        if asked.draws and not district.has_estimates:
            raise UsageError([Problem("sweep.nothing_drawn", column="--draws", value=name)])
    ground = Ground(models, districts, asked.full, asked.seconds, language())
    checksums = {name: key_of(dict(district.inputs)) for name, district in districts.items()}
    settings = {name: key_of({"settings": one.settings, "inputs": dict(one.inputs)}) for name, one in models.items()}
    names = tuple(
        key_of(
            {
                "model": settings[run.scenario],
                "district": checksums[_district_name(models[run.scenario], run)],
                "changes": {key: _told(text) for key, text in run.changes.items()},
                "seed": run.seed,
                "method": _method(made_in_full=asked.full, seconds=asked.seconds),
                "versions": library_versions(),
            }
        )
        for run in runs
    )
    return Sweep(asked, varied, ground, runs, names, whole)


def _contradictions(asked: Asked, varied: Sequence[Varied], scenarios: int, *, is_read: bool) -> Iterator[Problem]:
    """Yield what of a question contradicts itself, or is too much."""
    random = any(isinstance(one, Drawn) for one in varied)
    if not (asked.vary or asked.scenarios or asked.draws):
        yield Problem("sweep.nothing", column="--vary")
    if asked.samples is not None and is_read and not random:
        yield Problem("sweep.no_random", column="--samples", value=asked.samples)
    if asked.full and asked.draws:
        yield Problem("sweep.full_draws", column="--draws", value=asked.draws)
    for one in varied:
        if one.key in asked.changes:
            yield Problem("sweep.key_set", column="--vary", value=one.key)
        if one.key.split(".")[0] in _READ_FIRST or one.key.split(".")[-1] == "clause":
            yield Problem("sweep.key_read_first", column="--vary", value=one.key)
    for name in dict.fromkeys(name for name in asked.scenarios if asked.scenarios.count(name) > 1):
        yield Problem("sweep.scenario_twice", column="--scenarios", value=name)
    count = count_of(varied, asked.samples or SAMPLES, scenarios, asked.draws)
    if count > MOST:
        parts = [
            *((f"--scenarios: {scenarios}",) if scenarios > 1 else ()),
            *(f"{one.key}: {one.count:,}" for one in varied if isinstance(one, Listed) and one.count > 1),
            *((f"--samples: {asked.samples or SAMPLES:,}",) if random else ()),
            *((f"--draws: {asked.draws:,}",) if asked.draws > 1 else ()),
        ]
        details = {"count": f"{count:,}", "most": f"{MOST:,}", "parts": "; ".join(parts)}
        yield Problem("sweep.too_many", column="--vary", details=details)


def _models(model: str | Path, asked: Asked, problems: list[Problem]) -> dict[str, Model]:
    """Return the model for every scenario that is asked for; what cannot be read adds its problems."""
    found: dict[str, Model] = {}
    for name in _chosen(model, asked, problems):
        try:
            found[name] = read_model(model, asked.changes, name)
        except (UsageError, ModelError) as error:
            problems += (one for one in error.problems if one not in problems)
    return found


def _chosen(model: str | Path, asked: Asked, problems: list[Problem]) -> list[str]:
    """Return the scenarios that are asked for, sets of them taken apart; without any the model as it is."""
    if not asked.scenarios:
        return [""]
    try:
        base = read_model(model, asked.changes)
    except (UsageError, ModelError) as error:
        problems += (one for one in error.problems if one not in problems)
        return []
    known = (BASE, *base.scenarios, *base.scenario_sets)
    names = [one for name in asked.scenarios for one in base.scenario_sets.get(name, (name,))]
    for name in dict.fromkeys(name for name in asked.scenarios if name not in known):
        problems.append(
            Problem("problem.choice", column="--scenarios", value=name, details={"choices": ", ".join(known)})
        )
    # (Today is not worked out: nothing of it can be varied.)
    return [name for name in dict.fromkeys(names) if name != TODAY and (name == BASE or name in base.scenarios)]


def _unknown(base: Model, one: Varied) -> Iterator[Problem]:
    """Yield that a key is not in the model."""
    try:
        changed(base, {one.key: next(_values(one))})
    except UsageError as error:
        for problem in error.problems:
            yield Problem(problem.what, column="--vary", value=one.key, details=problem.details)
    except ModelError:
        return  # what the model says of a value is said of the combination


def _values(one: Varied) -> Iterator[str]:
    if isinstance(one, Drawn):
        yield one.at(0.5)
    else:
        for part in one.parts:
            yield from (part,) if isinstance(part, str) else part.texts()


def _is_whole(base: Model, drawn: Drawn) -> bool:
    """Tell whether a key takes whole numbers alone: the model refuses a broken one, and not the next whole one."""
    if drawn.law == "choice":
        return False
    tries = [drawn.at(n / 64) for n in range(1, 64)]
    broken = next((text for text in tries if "." in text), None)
    if broken is None:
        return False
    return not _takes(base, drawn.key, broken) and _takes(base, drawn.key, drawn.at(0.5, whole=True))


def _takes(base: Model, key: str, text: str) -> bool:
    try:
        changed(base, {key: text})
    except AllocateError:
        return False
    return True


def _refused(models: Mapping[str, Model], runs: Sequence[Combination]) -> Iterator[Problem]:
    """Yield the first combinations that the model refuses, each with its reason, and how many more there are."""
    count = 0
    for run in _to_check(runs):
        if not run.changes:
            continue
        try:
            changed(models[run.scenario], run.changes)
        except AllocateError as error:
            count += 1
            if count <= _MOST_REFUSED:
                told = ", ".join(f"{key}={text}" for key, text in run.changes.items())
                yield Problem("sweep.refused", column="--vary", details={"run": told, "reason": one_line(error)})
    if count > _MOST_REFUSED:
        yield Problem("sweep.refused_more", column="--vary", details={"count": count - _MOST_REFUSED})


def _to_check(runs: Sequence[Combination]) -> list[Combination]:
    """Return runs in which every value comes up, and others spread over all, as many as are checked."""
    if len(runs) <= CHECKED:
        return list(runs)
    seen: set[tuple[str, str, str]] = set()
    fresh = []
    for n, run in enumerate(runs):
        told = {(run.scenario, key, text) for key, text in run.changes.items()} - seen
        if told:
            seen |= told
            fresh.append(n)
    spread = (n * len(runs) // CHECKED for n in range(CHECKED))
    return [runs[n] for n in sorted([*dict.fromkeys((*fresh[: CHECKED // 2], fresh[-1], *spread))][:CHECKED])]


def _district_name(model: Model, run: Combination) -> str:
    return str(value_of(run.changes["district"])) if "district" in run.changes else model.district


def _districts(models: Mapping[str, Model], runs: Sequence[Combination]) -> dict[str, District]:
    """Return the districts that are looked at, each read once, by their names."""
    homes = {_district_name(models[run.scenario], run): models[run.scenario] for run in runs}
    return {name: read_district(find_district(name, one.home, f"{one.id}.toml")) for name, one in homes.items()}


def _method(*, made_in_full: bool, seconds: float) -> dict[str, Any]:
    """Return how a run is worked out, as far as it can change what comes of it."""
    if made_in_full:
        return {"run": "plan", "seconds": seconds, "threads": 1}
    return {"run": "look", "gap": GAP, "nodes": NODES, "search_nodes": SEARCH_NODES, "goals": 1, "seconds": SECONDS}


def _told(text: str) -> Any:
    """Return a value as JSON and a table can hold it: numbers as they are, everything else as text."""
    value = value_of(text)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return value


def _work(made: Sweep, crew: Crew, store: Store, listen: Listener | None, *, retry: bool) -> dict[str, Any]:
    """Return what came of every run by its name: of those that are kept, and of those that are worked out now."""
    wanted = set(made.names)
    results = {name: result for name, result in store.finished().items() if name in wanted}
    if retry:
        results = {name: result for name, result in results.items() if "failed" not in result}
    failed = sum("failed" in result for result in results.values())
    numbers = {name: n for n, name in reversed([*enumerate(made.names)])}
    jobs = {name: made.runs[n] for name, n in sorted(numbers.items(), key=lambda one: one[1]) if name not in results}
    before, count = len(results), len(numbers)

    def tell() -> None:
        if listen is not None:
            listen(len(results), failed, count, before)

    versions = ", ".join(f"{name} {number}" for name, number in library_versions().items())
    store.log(f"{versions}; {type(crew).__name__}; {before}/{count}")
    tell()
    began = time.monotonic()
    for name, result in crew.work(run, made.ground, jobs):
        seconds = worked = math.nan
        if isinstance(result, Failure):
            result = _failure(result)
        else:
            seconds, worked = result.pop("seconds")
            files = result.pop("files", None)
            if files is not None:
                store.keep_plan(name, files)
        store.keep(name, result)
        results[name] = result
        failed += "failed" in result
        outcome = "failed" if "failed" in result else "done"
        took = f"{seconds:.2f} s, processor {worked:.2f} s, all {time.monotonic() - began:.1f} s"
        store.log(f"{numbers[name] + 1} {name[:16]} {outcome} {took}")
        tell()
    return results


def _failure(failure: Failure) -> dict[str, Any]:
    return {"failed": dict.fromkeys(LANGUAGES, failure.reason)}


def run(ground: Ground, job: Combination) -> dict[str, Any]:
    """Work out one run: its figures, or why there are none, and what it took, by the clock and of a processor [s]."""
    began, worked = time.monotonic(), time.process_time()
    try:
        with speaking(ground.spoken):
            result = _planned(ground, job) if ground.full else {"figures": _looked(ground, job)}
    except AllocateError as error:
        reasons: dict[str, str] = {}
        for spoken in LANGUAGES:
            with speaking(spoken):
                reasons[spoken] = one_line(error)
        result = {"failed": reasons}
    return result | {"seconds": (time.monotonic() - began, time.process_time() - worked)}


def one_line(error: AllocateError) -> str:
    """Return what an error says, on one line, in the language of the session where it can be said again."""
    text = error.sentence() if isinstance(error, UsageError | ModelError) else str(error)
    return " ".join(line.strip() for line in text.splitlines())


def _of(ground: Ground, job: Combination) -> tuple[District, Model]:
    base = ground.models[job.scenario]
    return ground.districts[_district_name(base, job)], changed(base, job.changes) if job.changes else base


def _looked(ground: Ground, job: Combination) -> Figures:
    found = looking.look(*_of(ground, job), seed=job.seed)
    return _plain(found.figures | {"cost": whole_cost(found.case, found.layout)})


def _plain(figures: Mapping[str, Any]) -> Figures:
    """Return figures as JSON can hold them: a gap that has no number is unknown."""

    def told(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: told(one) for key, one in value.items()}
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return {key: told(value) for key, value in figures.items()}


def _planned(ground: Ground, job: Combination) -> dict[str, Any]:
    """Return the files of a whole plan, and its figures: worked out from the plan as those of a look are."""
    # (Only whole plans need all of this: without it, a worker begins in half the time.)
    from allocate.outputs import plan_files
    from allocate.planning import plan as make_plan

    district, model = _of(ground, job)
    options = Options(seconds=ground.seconds, threads=1, seed=model.seed)
    made = make_plan(district, model, options, processes=1)
    case = make_case(district_of(made.content), model)
    layout = layout_of(made.content, case)
    bounds = {stage["name"]: stage["bound"] for stage in made.content["stages"]}
    figures = looking.figures(model, case, Layouts(layout, bounds, {}, ""), goals=None)
    return {"figures": _plain(figures | {"cost": whole_cost(case, layout)}), "files": plan_files(made)}


def _row(made: Sweep, n: int, result: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the line of a run in the table; without a result, what it is about."""
    one, name = made.runs[n], made.names[n]
    row: dict[str, Any] = {
        "run": n + 1,
        "scenario": one.scenario or None,
        "varied": {key: _told(text) for key, text in one.changes.items()},
        "seed": one.seed,
        "name": name,
    }
    if result is None:
        return row
    if "failed" in result:
        return row | {"outcome": "failed", "plan": None, "reason": result["failed"]}
    figures = result["figures"]
    gap = figures["gap"]
    outcome = "optimal" if gap is not None and gap <= OPTIMAL_GAP else "feasible"
    return row | {
        "outcome": outcome,
        "plan": plan_folder(name) if made.asked.full else None,
        "reason": None,
        **{key: figures[key] for key in (*_TOLD, *_TOLD_LAST)},
    }


def _content(made: Sweep, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return all that a sweep says: what was asked, of what, how it was worked out, and its runs."""
    asked, model = made.asked, made.model
    district = next(iter(made.ground.districts.values()))
    return {
        **head_of("sweep", model, district),
        "asked": {
            "vary": list(asked.vary),
            "set": dict(asked.changes),
            "scenarios": list(asked.scenarios),
            "samples": (asked.samples or SAMPLES) if any(isinstance(one, Drawn) for one in made.varied) else None,
            "seed": asked.seed,
            "draws": asked.draws,
            "full": asked.full,
        },
        "varied": [_said(made, one) for one in made.varied],
        "districts": list(made.ground.districts),
        "seeds": [asked.seed, *dict.fromkeys(one.seed for one in made.runs if one.seed is not None)],
        "method": {spoken: _method_said(made, spoken) for spoken in LANGUAGES},
        "worked_out": _method(made_in_full=asked.full, seconds=asked.seconds),
        "settings": dict(model.settings),
        "inputs": list(_inputs(made)),
        "versions": library_versions(),
        "runs": rows,
    }


def _method_said(made: Sweep, spoken: Language) -> str:
    """Say how the runs were worked out, and what of their figures is proven."""
    asked = made.asked
    told = [say_in(spoken, "sweep.method_plan" if asked.full else "sweep.method_look", gap=f"{GAP:.0%}")]
    if any(isinstance(one, Drawn) for one in made.varied):
        told.append(say_in(spoken, "sweep.method_draws", samples=asked.samples or SAMPLES, seed=asked.seed))
    if asked.draws:
        told.append(say_in(spoken, "sweep.method_districts", draws=asked.draws))
    return "".join(told) if spoken == "zh" else " ".join(told)


def _said(made: Sweep, one: Varied) -> dict[str, Any]:
    """Return what is said of a key that is varied."""
    values = [_told(run.changes[one.key]) for run in made.runs]
    numbers = [value for value in values if not isinstance(value, str)]
    kind = "text" if len(numbers) < len(values) else "whole" if all(isinstance(n, int) for n in numbers) else "measure"
    return {
        "key": one.key,
        "law": one.law if isinstance(one, Drawn) else "list",
        "said": one.said,
        "kind": kind,
        "is_whole": one.key in made.whole,
        "count": len(set(map(repr, values))),
        "values": list(dict.fromkeys(values)) if isinstance(one, Listed) else None,
        "present": _present(made.model, one.key),
    }


def _present(model: Model, key: str) -> Any:
    """Return what a key of a model is now, as JSON can hold it; None where the model leaves it at its default."""
    value = looked_up(model.settings, key.split("."))
    return value if isinstance(value, str | int | float | None) else json.dumps(value, ensure_ascii=False, default=str)


def _inputs(made: Sweep) -> Iterator[dict[str, str]]:
    """Yield every file that was read with its checksum; where several districts are, with the names of these."""
    files: dict[tuple[str, str], str] = {}
    for model in made.ground.models.values():
        files |= {("model", path): checksum for path, checksum in model.inputs.items()}
    for name, district in made.ground.districts.items():
        before = f"{name}/" if len(made.ground.districts) > 1 else ""
        files |= {("district", f"{before}{path}"): checksum for path, checksum in district.inputs.items()}
    for (of, path), checksum in files.items():
        yield {"of": of, "path": path, "sha256": checksum}
