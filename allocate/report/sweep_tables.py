"""The tables of a sweep: one line per run with all that was varied, and what was varied."""

import io
import json
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from typing import Any

from allocate.report.comma import tidy_csv
from allocate.report.frames import frame
from allocate.report.table import Field, Kind, Sheet, clean, make_sheet
from allocate.words import Language, say_in

Content = Mapping[str, Any]
SWEEP_SHEETS = ("sweep_runs", "sweep_keys")
# What a run says of every year, and what it is.
_BY_YEAR: tuple[tuple[str, Kind], ...] = (
    ("run_coverage", "share"),
    ("run_served", "whole"),
    ("run_people", "whole"),
    ("run_sites", "whole"),
    ("run_capital", "yuan"),
    ("run_recurrent", "yuan"),
)
# What stands before the names of columns, so that they are nobody else's; not where programs read them.
_OURS = "run_"
_KINDS: Mapping[str, Kind] = {"whole": "whole", "measure": "measure", "text": "text"}


def sweep_sheets(content: Content, language: Language) -> dict[str, Sheet]:
    """Return the tables of a sweep by their names."""
    return {"sweep_runs": _runs(content, language), "sweep_keys": _keys(content, language)}


def _runs(content: Content, language: Language) -> Sheet:
    """Return one line per run, in their order."""
    varied = [
        # (Two keys may look alike once every file format can hold them; their columns may not.)
        Field(f"varied_{n}", _KINDS[one["kind"]], resource=str(n), title=clean(one["key"]))
        for n, one in enumerate(content["varied"], start=1)
    ]
    years = sorted({int(year) for run in content["runs"] for year in run.get("people", {})} or {*content["years"]})
    by_year = [Field(f"{word}_{year}", kind, year=year) for word, kind in _BY_YEAR for year in years]
    fields = (
        Field("run_number", "whole"),
        *((Field("run_scenario", "text"),) if content["asked"]["scenarios"] else ()),
        *varied,
        *((Field("run_seed", "year"),) if content["asked"]["draws"] else ()),
        Field("run_outcome", "code", "run_outcome"),
        Field("run_goal", "code", "stage"),
        Field("run_value", "measure"),
        Field("run_bound", "measure"),
        Field("run_gap", "gap"),
        Field("run_cost", "yuan"),
        *by_year,
        Field("run_missed_number", "whole"),
        Field("run_missed", "text"),
        *((Field("run_plan", "text"),) if content["asked"]["full"] else ()),
        Field("run_reason", "text"),
    )
    return make_sheet("sweep_runs", fields, (_run(content, run, language) for run in content["runs"]))


def _run(content: Content, run: Content, language: Language) -> dict[str, Any]:
    names = [one["key"] for one in content["varied"]]
    missed = run.get("missed")
    told = {f"varied_{n}": _cell(run["varied"][key]) for n, key in enumerate(names, start=1)}
    told |= {
        "run_number": run["run"],
        "run_missed_number": None if missed is None else len(missed),
        "run_missed": None if missed is None else ", ".join(missed),
        "run_reason": None if run["reason"] is None else run["reason"][language],
    }
    same = ("scenario", "seed", "outcome", "goal", "value", "bound", "gap", "cost", "plan")
    told |= {f"{_OURS}{name}": run.get(name) for name in same}
    by_year = ((word, run.get(word.removeprefix(_OURS), {})) for word, _ in _BY_YEAR)
    return _Told(told | {f"{word}_{year}": n for word, numbers in by_year for year, n in numbers.items()})


class _Told(dict[str, Any]):
    """A line of which a cell that was not filled is unknown: a run that failed, or a year that it does not plan."""

    def __missing__(self, key: str) -> None:
        return None


def _cell(value: Any) -> Any:
    return value if isinstance(value, str | int | float | None) else json.dumps(value, ensure_ascii=False)


def _keys(content: Content, language: Language) -> Sheet:
    """Return one line per key that is varied."""
    fields = (
        Field("varied_key", "id"),
        Field("varied_as", "text"),
        Field("varied_law", "code", "varied_law"),
        Field("varied_values", "whole"),
        Field("present_value", "text", blank="sweep.by_default"),
    )
    rows = (
        {
            "varied_key": one["key"],
            "varied_as": one["said"],
            "varied_law": one["law"],
            "varied_values": one["count"],
            "present_value": None if one["present"] is None else str(one["present"]),
        }
        for one in content["varied"]
    )
    return make_sheet("sweep_keys", fields, rows)


def tidy_names(content: Content, sheet: Sheet) -> list[str]:
    """Return what the columns of the table of runs are called where programs read it: keys by their own names."""
    keys = [clean(one["key"]) for one in content["varied"]]
    taken = {field.name.removeprefix(_OURS) for field in sheet.fields if field.word != "varied"}
    names: list[str] = []
    for field in sheet.fields:
        name = field.name.removeprefix(_OURS)
        if field.word == "varied":
            name = keys[int(field.resource) - 1]
            # (A key of the head of a model may be called like a column of ours, and two keys alike.)
            while name in taken or name in names:
                name += "_"
        names.append(name)
    return names


def sweep_files(content: Content, language: Language) -> dict[str, bytes]:
    """Return the table of runs as files for programs: as CSV, and as Parquet where that can be written."""
    sheet = sweep_sheets(content, language)["sweep_runs"]
    names = tidy_names(content, sheet)
    files = {"runs.csv": tidy_csv(sheet, names).encode(errors="backslashreplace")}
    if has_parquet():
        table = frame(sheet).set_axis(names, axis="columns")
        buffer = io.BytesIO()
        table.to_parquet(buffer, index=False)
        files["runs.parquet"] = buffer.getvalue()
    return files


def has_parquet() -> bool:
    """Tell whether Parquet can be written: its library is an extra part."""
    return find_spec("pyarrow") is not None


def failures(content: Content, language: Language) -> Iterable[tuple[int, str]]:
    """Yield every run that failed, with its reason."""
    return ((run["run"], run["reason"][language]) for run in content["runs"] if run["outcome"] == "failed")


def about(run: Content, language: Language) -> str:
    """Return what a run is about, in a few words: its scenario, its values and its draw."""
    parts = [*((run["scenario"],) if run["scenario"] else ())]
    parts += [f"{key}={_cell(value)}" for key, value in run["varied"].items()]
    if run["seed"] is not None:
        parts.append(say_in(language, "sweep.seed", seed=run["seed"]))
    return say_in(language, "summary.comma").join(map(clean, parts))
