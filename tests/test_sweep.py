"""Many runs of one model: what is varied, what is refused before anything runs, and that no run is lost or repeated."""

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from conftest import Tiny, call_allocate, one_year
from hypothesis import given
from hypothesis import strategies as st

from allocate.crews import Failure, Processes, attempt
from allocate.errors import UsageError
from allocate.plans import read_plan
from allocate.runs import LOG_FILE, RUNS, SWEEP_FILE, TABLE_FILE
from allocate.sweep import Asked, prepare, sweep
from allocate.varying import MOST, Drawn, Listed, combinations, sampled, varied_of
from allocate.verification import verify
from allocate.words import LANGUAGES, speaking

ONE_RULE = """
[rules.most_people]
rule = "reach"
share = 0.70
scope = "district"
strength = "must"
basis = "official"
source = "made up, page 1"

[rules.keep_station]
rule = "keep"
sites = ["old-station"]
strength = "must"
basis = "official"
source = "made up, page 4"

[[goals]]
goal = "cost"
gap = 0.2
"""
SHARES = "rules.most_people.share=0.70,0.90"
DEAR = "siting.clinic.opening=100_000,200_000,300_000"


@pytest.fixture
def small(tiny: Tiny) -> Tiny:
    """Return the small district with a model of one year, one share and the cost: a look takes a tenth of a second."""
    one_year(tiny)
    text = tiny.model.read_text(encoding="utf-8")
    tiny.model.write_text(text[: text.index("[rules.most_people]")] + ONE_RULE, encoding="utf-8")
    return tiny


def asking(*vary: str, **more: Any) -> Asked:
    return Asked(vary=vary, **more)


def rows_in(folder: Path) -> list[dict[str, str]]:
    text = (folder / TABLE_FILE).read_text(encoding="utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def made_in(folder: Path, *, but: tuple[str, ...] = (LOG_FILE, ".lock")) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in but
    }


def refusals(asked: Asked, model: Path) -> list[str]:
    with pytest.raises(UsageError) as refused:
        prepare(model, asked)
    return [problem.what for problem in refused.value.problems]


# What is varied


@given(
    first=st.decimals("-1000", "1000", places=3, allow_nan=False),
    step=st.decimals("0.001", "50", places=3, allow_nan=False),
    more=st.integers(0, 200),
    is_falling=st.booleans(),
)
def test_a_range_has_its_ends_and_every_step_between_them_exactly(
    first: Decimal, step: Decimal, more: int, is_falling: bool
) -> None:
    by = -step if is_falling else step
    last = first + by * more
    (found,) = varied_of([f"k={first}..{last}:{by}"])
    assert isinstance(found, Listed)
    texts = found.texts()
    assert len(texts) == found.count == more + 1
    assert [Decimal(text) for text in texts] == [first + by * n for n in range(more + 1)]
    # No noise of binary numbers, and nothing that TOML would not read as the same number.
    assert all(len(text.lstrip("-").partition(".")[2]) <= 3 for text in texts)
    assert (Decimal(texts[0]), Decimal(texts[-1])) == (first, last)


def test_a_range_of_shares_reads_as_it_was_written() -> None:
    (found,) = varied_of(["rules.circle.share=0.1..0.3:0.1, 0.5"])
    assert isinstance(found, Listed)
    assert found.texts() == ["0.1", "0.2", "0.3", "0.5"]


def test_commas_within_brackets_and_quotes_part_nothing() -> None:
    (found,) = varied_of(['decides=["siting"],["siting","staff"], "a,b"'])
    assert isinstance(found, Listed)
    assert found.texts() == ['["siting"]', '["siting","staff"]', '"a,b"']


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("k", "form"),
        ("=1", "form"),
        ("k=", "empty"),
        ("k=1,,2", "empty"),
        ("k=1,2,1.0,2", "value_twice"),
        ("k=1..2", "no_step"),
        ("k=1..2:0", "step_zero"),
        ("k=1..2:0.000", "step_zero"),
        ("k=1..2:-1", "step_sign"),
        ("k=2..1:1", "step_sign"),
        ("k=0.8..0.95:0.1", "step_misses"),
        ("k=1..x:1", "range_form"),
        ("k=1...2:1", "range_form"),
        (f"k=1..{'9' * 31}:1", "long_number"),
        ("k=poisson(3)", "law"),
        ("k=uniform(1)", "law_numbers"),
        ("k=uniform(1,b)", "law_numbers"),
        ("k=uniform(2,1)", "ends"),
        ("k=uniform(1,1)", "ends"),
        ("k=triangular(1,4,3)", "ends"),
        ("k=normal(1,0,0,2)", "deviation"),
        ("k=normal(1,0.1,9,10)", "far_out"),
        ("k=choice(1)", "choice"),
    ],
)
def test_what_cannot_be_read_says_why(text: str, what: str) -> None:
    with pytest.raises(UsageError) as refused:
        varied_of([text])
    assert [problem.what for problem in refused.value.problems] == [f"varying.{what}"]
    for language in LANGUAGES:
        with speaking(language):
            assert text[:40] in refused.value.sentence()


def test_a_path_is_a_text_like_any_other() -> None:
    (found,) = varied_of(["district=../there,./here"])
    assert isinstance(found, Listed)
    assert found.texts() == ["../there", "./here"]


@pytest.mark.parametrize("law", ["uniform(0.8,1.2)", "triangular(0.8,0.9,1.2)", "normal(1.0,0.1,0.8,1.2)"])
def test_draws_lie_within_their_ends_one_in_each_equally_likely_part(law: str) -> None:
    (found,) = varied_of([f"k={law}"])
    assert isinstance(found, Drawn)
    samples = 40
    values = sorted(float(text) for text in sampled(found, samples, 7))
    ends = [float(found.at(n / samples)) for n in range(samples + 1)]
    assert ends[0] == pytest.approx(0.8, abs=1e-5)
    assert ends[-1] == pytest.approx(1.2, abs=1e-5)
    for n, value in enumerate(values):
        assert ends[n] - 1e-6 <= value <= ends[n + 1] + 1e-6


def test_draws_come_from_their_seed_and_their_own_key_alone() -> None:
    one, other = varied_of(["a=uniform(0,1)", "b=uniform(0,1)"])
    assert isinstance(one, Drawn)
    assert isinstance(other, Drawn)
    assert sampled(one, 9, 3) == sampled(one, 9, 3) != sampled(one, 9, 4)
    assert sampled(one, 9, 3) != sampled(other, 9, 3)
    # (Should these ever change, every sweep of an earlier version would be another one.)
    assert sampled(one, 3, 1) == ["0.646026", "0.0807691", "0.977403"]


def test_each_choice_comes_as_often() -> None:
    (found,) = varied_of(["k=choice(a,b,c)"])
    assert isinstance(found, Drawn)
    values = sampled(found, 12, 1)
    assert {value: values.count(value) for value in values} == {"a": 4, "b": 4, "c": 4}


def test_every_value_meets_every_other_and_draws_go_together() -> None:
    varied = varied_of(["a=1,2", "b=uniform(0,1)", "c=x,y", "d=uniform(0,1)"])
    drawn = {"b": ["0.1", "0.2"], "d": ["0.8", "0.9"]}
    runs = [*combinations(varied, drawn, (), ())]
    found = [(run.changes["a"], run.changes["c"], run.changes["b"], run.changes["d"]) for run in runs]
    assert found == [(*pair, *both) for *pair, both in product("12", "xy", [("0.1", "0.8"), ("0.2", "0.9")])]
    assert list(runs[0].changes) == ["a", "b", "c", "d"]


# What is refused before anything runs


def test_all_that_is_wrong_is_said_at_once_and_nothing_is_written(small: Tiny, tmp_path: Path) -> None:
    out = tmp_path / "swept"
    asked = asking("nobody.knows=1", "years=1..2:0", SHARES, SHARES, samples=3, changes={})
    with pytest.raises(UsageError) as refused:
        sweep(small.model, asked, folder=out)
    found = [problem.what for problem in refused.value.problems]
    assert found == ["varying.step_zero", "varying.key_twice"]
    assert not out.exists()
    asked = asking("nobody.knows=1", "rules.most_people.shaer.x=1", SHARES, samples=3, full=True, draws=2)
    assert refusals(asked, small.model) == [
        "sweep.no_random", "sweep.full_draws", "problem.set_key", "problem.set_key",
    ]  # fmt: skip


def test_ten_million_combinations_are_refused_at_once_with_their_number(small: Tiny) -> None:
    began = time.monotonic()
    asked = asking("siting.clinic.opening=1..10000:1", "siting.station.opening=1..1000:1")
    with pytest.raises(UsageError) as refused:
        prepare(small.model, asked)
    (problem,) = refused.value.problems
    assert problem.what == "sweep.too_many"
    said = problem.sentence()
    assert "10,000,000" in said
    assert f"{MOST:,}" in said
    assert "siting.clinic.opening: 10,000" in said
    assert time.monotonic() - began < 60


def test_a_value_that_the_model_refuses_names_its_combination(small: Tiny) -> None:
    with pytest.raises(UsageError) as refused:
        prepare(small.model, asking("rules.most_people.share=0.9,1.5", DEAR))
    sentences = [problem.sentence() for problem in refused.value.problems]
    assert len(sentences) == 3
    assert all("rules.most_people.share=1.5" in sentence for sentence in sentences)
    assert "siting.clinic.opening=200_000" in sentences[1]


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        (asking(), "nothing"),
        (asking(SHARES, samples=5), "no_random"),
        (asking(SHARES, changes={"rules.most_people.share": "0.8"}), "key_set"),
        (asking('policies=["a"],["b"]'), "key_read_first"),
    ],
)
def test_what_contradicts_itself_is_refused(asked: Asked, what: str, small: Tiny) -> None:
    assert f"sweep.{what}" in refusals(asked, small.model)


def test_a_folder_of_somebody_else_stays_as_it_is(small: Tiny, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    with pytest.raises(UsageError) as refused:
        sweep(small.model, asking(SHARES), folder=tmp_path / "mine")
    assert [problem.what for problem in refused.value.problems] == ["problem.out_not_ours"]
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


# What comes of it


def test_one_and_four_processes_give_the_same_bytes(small: Tiny, tmp_path: Path) -> None:
    small.edit("places.csv", "39.64746,surveyed", "39.64746,estimated")
    asked = asking(SHARES, "siting.clinic.opening=uniform(100000,200000)", samples=3, draws=2)
    for processes in (1, 4):
        sweep(small.model, asked, Processes(processes), tmp_path / str(processes))
    assert made_in(tmp_path / "1") == made_in(tmp_path / "4")
    rows = rows_in(tmp_path / "1")
    assert [row["number"] for row in rows] == [str(n) for n in range(1, 13)]
    assert {row["seed"] for row in rows} == {"5", "6"}
    assert all(100_000 <= int(row["siting.clinic.opening"]) <= 200_000 for row in rows)


def test_every_row_says_what_a_look_of_that_model_finds(small: Tiny, tmp_path: Path) -> None:
    from allocate.looking import look
    from allocate.model import read_model
    from allocate.read import read_district

    sweep(small.model, asking(SHARES, DEAR), _Here(), tmp_path / "out")
    rows = rows_in(tmp_path / "out")
    assert [(row["rules.most_people.share"], row["siting.clinic.opening"]) for row in rows] == [
        *product(("0.7", "0.9"), ("100000", "200000", "300000"))
    ]
    district = read_district(small.folder)
    for row in (rows[0], rows[-1]):
        changes = {key: row[key] for key in ("rules.most_people.share", "siting.clinic.opening")}
        figures = look(district, read_model(small.model, changes)).figures
        assert int(row["value"]) == figures["value"] == int(row["cost"])
        assert int(row["served_2027"]) == figures["served"]["2027"]
        assert int(row["sites_2027"]) == figures["sites"]["2027"]
        assert float(row["coverage_2027"]) == figures["coverage"]["2027"]


def test_the_same_table_is_typed_as_parquet(small: Tiny, tmp_path: Path) -> None:
    import pandas as pd

    sweep(small.model, asking(SHARES, DEAR, 'title.en="=1+1","b"'), _Here(), tmp_path / "out")
    table = pd.read_parquet(tmp_path / "out" / "runs.parquet")
    kinds = {name: str(kind) for name, kind in table.dtypes.items()}
    assert kinds["rules.most_people.share"] == "Float64"
    assert kinds["siting.clinic.opening"] == kinds["cost"] == kinds["served_2027"] == "Int64"
    assert list(table["title.en"][:2]) == ["=1+1", "b"]
    # A spreadsheet computes no text of the planner's.
    assert rows_in(tmp_path / "out")[0]["title.en"] == "'=1+1"


def test_a_run_that_fails_is_a_row_with_its_reason_and_is_repeated_when_asked(small: Tiny, tmp_path: Path) -> None:
    asked = asking('rules.keep_station.sites=["old-station"],["nowhere"]', DEAR)
    answer = sweep(small.model, asked, _Here(), tmp_path / "out")
    outcomes = [run["outcome"] for run in answer.content["runs"]]
    assert outcomes == ["optimal"] * 3 + ["failed"] * 3
    row = rows_in(tmp_path / "out")[-1]
    assert "nowhere" in row["reason"]
    assert row["cost"] == row["coverage_2027"] == ""
    assert answer.content["runs"][-1]["reason"]["zh"] != answer.content["runs"][-1]["reason"]["en"]

    sweep(small.model, asked, _Nobody(), tmp_path / "out")
    hired = _Counting()
    sweep(small.model, asked, hired, tmp_path / "out", retry=True)
    assert hired.count == 3


class _Here:
    """A crew of this process alone: no other has to begin."""

    def work(self, do: Any, shared: Any, jobs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        for name in reversed(list(jobs)):
            yield name, attempt(do, shared, jobs[name])


class _Nobody:
    """A crew that is asked for nothing."""

    def work(self, do: Any, shared: Any, jobs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        assert not jobs
        return iter(())


class _Counting:
    """A crew that counts its jobs, and loses them all."""

    def __init__(self) -> None:
        self.count = 0

    def work(self, do: Any, shared: Any, jobs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        self.count += len(jobs)
        for name in reversed(list(jobs)):
            yield name, Failure("lost", lost=True)


def test_where_all_fail_the_exit_says_so_and_else_not(small: Tiny, tmp_path: Path) -> None:
    sites = 'rules.keep_station.sites=["nowhere"]'
    call = call_allocate(tmp_path, "sweep", small.model, "--vary", sites, "--vary", SHARES, "--out", "none")
    assert call.returncode == 1
    some = 'rules.keep_station.sites=["nowhere"],["old-station"]'
    call = call_allocate(tmp_path, "sweep", small.model, "--vary", some)
    assert call.returncode == 0
    assert "nowhere" in call.stderr
    assert "1" in call.stdout
    assert rows_in(tmp_path / "maps" / "out" / "tiny-sweep")[1]["outcome"] == "optimal"


def test_other_values_in_the_same_folder_take_what_is_there(small: Tiny, tmp_path: Path) -> None:
    sweep(small.model, asking("rules.most_people.share=0.7,0.8"), _Here(), tmp_path / "out")
    hired = _Counting()
    sweep(small.model, asking("rules.most_people.share=0.7,0.8,0.9"), hired, tmp_path / "out")
    assert hired.count == 1
    # Asked again, the first question has all its runs.
    sweep(small.model, asking("rules.most_people.share=0.70..0.80:0.10"), _Nobody(), tmp_path / "out")


@pytest.mark.parametrize("what", ["tiny.toml", "places.csv", "allocate"])
def test_what_was_run_of_something_else_is_refused_unless_all_begins_anew(
    what: str, small: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    sweep(small.model, asking(SHARES), _Here(), out)
    before = made_in(out)
    match what:
        case "tiny.toml":
            small.edit(what, "opening = 150_000", "opening = 160_000")
        case "places.csv":
            small.edit(what, "\n", "\n\n")
        case _:
            versions = {"allocate": "0.0.0"}
            monkeypatch.setattr("allocate.sweep.library_versions", lambda: versions)
    with pytest.raises(UsageError) as refused:
        sweep(small.model, asking(SHARES), _Nobody(), out)
    (problem,) = refused.value.problems
    assert problem.what == "sweep.changed"
    assert what in problem.sentence()
    assert made_in(out) == before
    hired = _Counting()
    sweep(small.model, asking(SHARES), hired, out, anew=True)
    assert hired.count == 2


def test_a_broken_file_of_a_run_is_as_good_as_none(small: Tiny, tmp_path: Path) -> None:
    out = tmp_path / "out"
    sweep(small.model, asking(SHARES), _Here(), out)
    before = made_in(out)
    one, other = sorted((out / RUNS).iterdir())
    one.write_bytes(one.read_bytes()[:40])
    other.with_name(other.name + ".part").write_bytes(b"{")
    sweep(small.model, asking(SHARES), _Here(), out)
    assert made_in(out) == before


def test_two_programs_never_work_in_one_folder(small: Tiny, tmp_path: Path) -> None:
    class Impatient(_Nobody):
        def work(self, do: Any, shared: Any, jobs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
            with pytest.raises(UsageError) as refused:
                sweep(small.model, asking(SHARES), _Nobody(), tmp_path / "out")
            assert [problem.what for problem in refused.value.problems] == ["sweep.at_work"]
            return iter([(name, Failure("enough")) for name in jobs])

    sweep(small.model, asking(SHARES), Impatient(), tmp_path / "out")


SCENARIOS = """
[scenarios.dear]
title = { zh = "贵", en = "Dear" }

[scenarios.dear.set]
siting.clinic.opening = 250_000

[scenarios.wide]
title = { zh = "广", en = "Wide" }

[scenarios.wide.set]
rules.most_people.share = 0.90

[scenario_sets]
both = ["dear", "wide", "today"]
"""


def test_scenarios_meet_every_value_and_what_is_set_comes_on_top(small: Tiny, tmp_path: Path) -> None:
    small.model.write_text(small.model.read_text(encoding="utf-8") + SCENARIOS, encoding="utf-8")
    asked = asking("siting.clinic.yearly=60_000,90_000", scenarios=("base", "both"), changes={"years": "[2026]"})
    answer = sweep(small.model, asked, _Here(), tmp_path / "out")
    told = [(run["scenario"], run["varied"]["siting.clinic.yearly"]) for run in answer.content["runs"]]
    # (Today is nothing that could be varied.)
    assert told == [*product(("base", "dear", "wide"), (60_000, 90_000))]
    base, _, dear, _, wide, _ = answer.content["runs"]
    opened = base["sites"]["2026"] - 1  # one stands today
    assert dear["cost"] - base["cost"] == opened * 100_000
    assert wide["served"]["2026"] > base["served"]["2026"]
    assert [row["scenario"] for row in rows_in(tmp_path / "out")] == [scenario for scenario, _ in told]
    assert refusals(asking(SHARES, scenarios=("nobody",)), small.model) == ["problem.choice"]
    assert refusals(asking(SHARES, scenarios=("base", "base")), small.model) == ["sweep.scenario_twice"]


def test_another_district_is_a_value_like_any_other(small: Tiny, tmp_path: Path) -> None:
    other = shutil.copytree(small.folder, tmp_path / "other")
    for file, old, new in (
        ("places.csv", ",1563,", ",9563,"),
        ("facts.csv", ",34781,", ",42781,"),
        ("facts.csv", ",16480,", ",24480,"),
    ):
        text = (other / file).read_text(encoding="utf-8-sig")
        (other / file).write_text(text.replace(old, new), encoding="utf-8")
    asked = asking(f"district='{small.folder}','{other}'")
    answer = sweep(small.model, asked, _Here(), tmp_path / "out")
    first, second = answer.content["runs"]
    assert second["people"]["2027"] - first["people"]["2027"] == 8_000
    assert {row["path"] for row in answer.content["inputs"]} >= {f"{small.folder}/places.csv", f"{other}/places.csv"}
    problems = refusals(asking("district='nowhere'"), small.model)
    assert len(problems) == 1


def test_the_command_says_how_far_it_is_and_where_its_results_are(small: Tiny, tmp_path: Path) -> None:
    words = ("--language", "en", "sweep", small.model, "--vary", SHARES, "--out", "out", "--processes", 2)
    call = call_allocate(tmp_path, *words)
    assert call.returncode == 0, call.stderr
    assert "2 runs: 2 with a result, 0 failed." in call.stdout
    assert "runs 2/2, 0 failed" in call.stderr
    for name in ("sweep.html", "sweep.xlsx", "sweep.json", "runs.csv", "runs.parquet", "log.txt"):
        assert (tmp_path / "out" / name).stat().st_size
    again = call_allocate(tmp_path, *words)
    assert "2 runs: 2 with a result, 0 failed." in again.stdout


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_wrong_ends_the_command_with_one_message(language: str, small: Tiny, tmp_path: Path) -> None:
    words = ("--language", language, "sweep", small.model, "--vary", "k=1..2", "--vary", "x=uniform(2,1)")
    call = call_allocate(tmp_path, *words)
    assert call.returncode == 2
    assert call.stdout == ""
    assert call.stderr.count("\n") == 3
    assert "Traceback" not in call.stderr
    assert not (tmp_path / "maps").exists()


def test_whole_plans_stand_in_folders_of_their_own_and_are_sound(small: Tiny, tmp_path: Path) -> None:
    out = tmp_path / "out"
    answer = sweep(small.model, asking(SHARES, full=True), _Here(), out)
    for run in answer.content["runs"]:
        content = read_plan(out / run["plan"])
        assert verify(out / run["plan"]).sound
        assert content["settings"]["rules"]["most_people"]["share"] == run["varied"]["rules.most_people.share"]
        stage = next(stage for stage in content["stages"] if stage["name"] == "cost")
        assert (run["value"], run["bound"], run["gap"]) == (stage["value"], stage["bound"], stage["gap"])
        assert run["served"]["2027"] == sum(
            place["people"] for place in content["places"] if place["status"] == "served"
        )


def test_a_sweep_that_is_killed_loses_no_run_and_repeats_none(small: Tiny, tmp_path: Path) -> None:
    out, whole = tmp_path / "out", tmp_path / "whole"
    vary = ("siting.clinic.opening=100000..129000:1000", "rules.most_people.share=0.70,0.80")
    command = [sys.executable, "-m", "allocate", "sweep", str(small.model), "--processes", "2", "--out", str(out)]
    command += [part for one in vary for part in ("--vary", one)]
    root = str(Path(__file__).resolve().parents[1])
    environment = os.environ | {"PYTHONPATH": root, "ALLOCATE_LANGUAGE": "en"}
    kept: dict[str, tuple[int, bytes]] = {}
    for _ in range(2):
        process = subprocess.Popen(command, env=environment, start_new_session=True, stderr=subprocess.DEVNULL)
        aim, deadline = len(kept) + 8, time.monotonic() + 120
        while len([*(out / RUNS).glob("*.json")]) < aim and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        time.sleep(0.2)
        now = {file.name: (file.stat().st_mtime_ns, file.read_bytes()) for file in (out / RUNS).glob("*.json")}
        # What had finished was not run again.
        assert kept == {name: now[name] for name in kept}
        assert len(now) >= aim
        assert not (out / TABLE_FILE).exists()
        kept = now
    assert len(kept) < 60
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=True)
    assert "60 runs: 60 with a result, 0 failed" in done.stdout
    files = {file.name: file for file in (out / RUNS).iterdir()}
    assert len(files) == 60
    assert {name: (files[name].stat().st_mtime_ns, files[name].read_bytes()) for name in kept} == kept
    with speaking("en"):
        sweep(small.model, asking(*vary), Processes(4), whole)
    assert made_in(out) == made_in(whole)
    assert json.loads((out / SWEEP_FILE).read_text(encoding="utf-8"))["asked"]["vary"] == list(vary)
