"""The commands as a planner types them: exit codes, what is written, and what never is."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Tiny

from allocate.outputs import FILES, write_plan
from allocate.plans import Plan

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("folium", "geopandas", "highspy", "numpy", "pandas", "pulp", "pyproj", "scipy", "shapely")
# One goal, so that the plan is there in a moment.
QUICK = ("--set", 'goals=[{goal="cost"}]')
Run = Callable[..., subprocess.CompletedProcess[str]]


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a function that runs python in an empty folder; a traceback fails the test that meets it."""

    def start(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"} | environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return start


@pytest.fixture
def allocate(run: Run) -> Run:
    return lambda *arguments, **environment: run("-m", "allocate", *arguments, **environment)


def test_a_plan_is_made_written_and_proven_sound(allocate: Run, tiny: Tiny, tmp_path: Path) -> None:
    made = allocate("--language", "en", "plan", tiny.model, *QUICK, "--strict")
    assert (made.returncode, "missed must" in made.stdout) == (0, False), made.stderr
    folder = tmp_path / "maps" / "out" / "tiny"
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    assert len(made.stdout.splitlines()) == 11
    assert str(Path("maps/out/tiny/map.html")) in made.stdout.splitlines()[-1]
    checked = allocate("--language", "en", "verify", folder, "--data", tiny.folder)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout.startswith("The plan is sound")


@pytest.mark.parametrize("strict", [("--strict",), ()])
def test_a_missed_must_is_printed_and_strict_makes_it_exit_1(
    strict: tuple[str, ...], allocate: Run, tiny: Tiny, tmp_path: Path
) -> None:
    more = ("--set", "rules.most_people.share=1.0", *QUICK, "--out", "plan")
    made = allocate("--language", "en", "plan", tiny.model, *more, *strict)
    assert made.returncode == len(strict)
    (line,) = [line for line in made.stdout.splitlines() if line.startswith("missed must")]
    assert "most_people in 2025" in line
    assert sorted(path.name for path in (tmp_path / "plan").iterdir()) == sorted(FILES), "written all the same"


def test_check_says_what_was_read_what_is_odd_and_what_is_assumed(allocate: Run, tiny: Tiny) -> None:
    done = allocate("--language", "en", "check", tiny.model)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert "40 places, 3 towns, 34781 people" in lines[0]
    assert [line for line in lines if line.startswith("note")] == [line for line in lines if "T3040" in line]
    assert any("model.rules" in line and "assumed" in line for line in lines)
    assert lines[-1] == "There is no error."


@pytest.mark.parametrize(
    ("arguments", "environment", "last"),
    [
        ((), {}, "没有错误。"),
        (("--language", "zh"), {"ALLOCATE_LANGUAGE": "en"}, "没有错误。"),
        (("--language", "en"), {}, "There is no error."),
        ((), {"ALLOCATE_LANGUAGE": "en"}, "There is no error."),
    ],
)
def test_the_language_is_the_one_asked_for(
    arguments: tuple[str, ...], environment: dict[str, str], last: str, allocate: Run, tiny: Tiny
) -> None:
    assert allocate(*arguments, "check", tiny.model, **environment).stdout.splitlines()[-1] == last


def test_check_lists_the_faults_of_every_file_at_once(allocate: Run, tiny: Tiny) -> None:
    tiny.edit("places.csv", "T1002", "T1001")
    tiny.edit("district.toml", "wgs84", "gcj02")
    done = allocate("--language", "en", "check", tiny.model)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("allocate: 2 problem(s)")
    assert "places.csv · row 3 · column id · “T1001”" in done.stderr
    assert "district.toml · column datum" in done.stderr


WRONG: dict[str, tuple[str, ...]] = {
    "no such model": ("plan", "nowhere"),
    "no such model to check": ("check", "nowhere"),
    "no such solver": ("plan", "MODEL", "--solver", "cplex"),
    "a change without =": ("plan", "MODEL", "--set", "seed"),
    "a change without key": ("plan", "MODEL", "--set", "=5"),
    "a change of an unknown key": ("plan", "MODEL", "--set", "rules.most_peple.share=1"),
    "a change to a wrong value": ("plan", "MODEL", "--set", "rules.most_people.share=1.5"),
    "a change to an unknown site": ("plan", "MODEL", "--set", 'rules.keep_station.sites=["nowhere"]'),
    "a check of an unknown site": ("check", "MODEL", "--set", 'rules.keep_station.sites=["nowhere"]'),
    "an unknown district": ("plan", "MODEL", "--set", "district=nowhere"),
    "no time at all": ("plan", "MODEL", "--seconds", "0"),
    "time that is a word": ("plan", "MODEL", "--seconds", "long"),
    "more gap than all": ("plan", "MODEL", "--gap", "2"),
    "no thread": ("plan", "MODEL", "--threads", "0"),
    "an unknown option": ("plan", "MODEL", "--sceonds", "3"),
    "an unknown command": ("paln", "MODEL"),
    "no model": ("plan",),
    "an unknown language": ("--language", "fr", "check", "MODEL"),
    "no such district to estimate": ("estimate", "nowhere"),
    "a negative seed": ("estimate", "LIST", "--seed", "-1"),
    "a list estimated into a full folder": ("estimate", "LIST", "--out", "tiny"),
    "no such plan": ("verify", "nowhere"),
    "a plan that is a model": ("verify", "MODEL"),
    "a plan that is a district": ("verify", "tiny"),
    "a model that is a folder": ("plan", "tiny"),
    "an out that is a file": ("plan", "MODEL", "--out", "tiny.toml"),
    "an out below a file": ("plan", "MODEL", "--out", "tiny.toml/plan"),
    "an out that holds other files": ("plan", "MODEL", "--out", "tiny"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_done_exits_2_with_a_message_and_writes_nothing(
    name: str, allocate: Run, tiny: Tiny, tiny_list: Path, tmp_path: Path
) -> None:
    words = {"MODEL": str(tiny.model), "LIST": str(tiny_list)}
    before = tree(tmp_path)
    done = allocate(*(words.get(argument, argument) for argument in WRONG[name]))
    assert (done.returncode, done.stdout) == (2, ""), done
    assert len(done.stderr.strip()) > 20
    assert tree(tmp_path) == before
    assert not (tmp_path / "maps").exists()


@pytest.mark.parametrize("fault", ["input", "model"])
def test_a_fault_in_the_input_writes_nothing_and_the_old_plan_stays(
    fault: str, allocate: Run, tiny: Tiny, tiny_plan: Plan, tmp_path: Path
) -> None:
    folder = tmp_path / "plan"
    write_plan(tiny_plan, folder)
    if fault == "input":
        tiny.edit("places.csv", ",official,", ",guess,")
    else:
        tiny.edit("tiny.toml", "share = 0.70", "share = nan")
    before = tree(tmp_path)
    done = allocate("plan", tiny.model, "--out", folder)
    assert done.returncode == 2
    assert tree(tmp_path) == before


def test_no_plan_in_the_time_given_exits_3_and_the_old_plan_stays(
    run: Run, tiny: Tiny, tiny_plan: Plan, tmp_path: Path
) -> None:
    folder = tmp_path / "plan"
    write_plan(tiny_plan, folder)
    before = tree(tmp_path)
    # No small district keeps the solver busy for sure: the search itself is made to give up.
    code = (
        "import sys, allocate.planning as planning, allocate.cli as cli\n"
        "from allocate.errors import NoPlanError\n"
        "def give_up(*arguments, **options): raise NoPlanError('nothing found')\n"
        "planning.lay_out = give_up\n"
        f"sys.argv = ['allocate', 'plan', {str(tiny.model)!r}, '--out', {str(folder)!r}]\n"
        "cli.main()\n"
    )
    done = run("-c", code)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.endswith("allocate: nothing found\n")
    assert tree(tmp_path) == before


def test_an_empty_folder_and_an_old_plan_are_replaced(
    allocate: Run, tiny: Tiny, tiny_plan: Plan, tmp_path: Path
) -> None:
    folder = tmp_path / "plan"
    folder.mkdir()
    write_plan(tiny_plan, folder)
    before = tree(folder)
    assert allocate("plan", tiny.model, *QUICK, "--out", folder).returncode == 0
    after = tree(folder)
    assert sorted(after) == sorted(before)
    assert after["plan.json"] != before["plan.json"]


def test_verify_exits_0_1_and_2(allocate: Run, tiny_home: Tiny, tiny_plan: Plan, tmp_path: Path) -> None:
    folder = tmp_path / "plan"
    write_plan(tiny_plan, folder)
    good = allocate("--language", "en", "verify", folder, "--data", tiny_home.folder)
    assert (good.returncode, good.stderr) == (0, "")
    content = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    content["ledger"][0]["served"] += 1
    (folder / "plan.json").write_text(json.dumps(content), encoding="utf-8")
    wrong = allocate("--language", "en", "verify", folder, "--data", tiny_home.folder)
    assert (wrong.returncode, wrong.stderr) == (1, "")
    assert "The plan is wrong in at least 1 place(s)" in wrong.stdout
    assert "ledger[0].served" in wrong.stdout
    shutil.rmtree(folder)
    gone = allocate("--language", "en", "verify", folder)
    assert (gone.returncode, gone.stdout) == (2, "")
    assert f"{folder}: The file is missing" in gone.stderr


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"schema": 99}', "\ufeff{}", "[" * 100_000])
def test_a_file_that_is_no_plan_exits_2(text: str, allocate: Run, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(text, encoding="utf-8")
    assert allocate("verify", "plan.json").returncode == 2


def test_a_list_is_estimated_and_then_read(allocate: Run, tiny: Tiny, tiny_list: Path, tmp_path: Path) -> None:
    done = allocate("--language", "en", "estimate", tiny_list, "--seed", "3")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Of 14 places, 13 positions and 13 numbers of people were estimated (seed 3)")
    filled = tmp_path / "tiny-list-estimated"
    tiny.edit("tiny.toml", str(tiny.folder), str(filled))
    for rule in ("keep_station", "not_here"):
        text = tiny.model.read_text(encoding="utf-8")
        start = text.index(f"[rules.{rule}]")
        tiny.model.write_text(text[:start] + text[text.index("[rules.", start + 1) :], encoding="utf-8")
    checked = allocate("--language", "en", "check", tiny.model)
    assert checked.returncode == 0, checked.stderr
    assert "places.position: 13 entries are estimated" in checked.stdout


@pytest.mark.parametrize("command", ["", "check", "plan", "estimate", "verify"])
def test_help_answers_at_once_in_both_languages_with_an_example(command: str, run: Run) -> None:
    words = [command] if command else []
    done = run("-X", "importtime", "-m", "allocate", *words, "--help", COLUMNS="200")
    assert done.returncode == 0
    assert any("\u4e00" <= letter <= "\u9fff" for letter in done.stdout)
    imported = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert "typer" in imported
    assert not imported & set(HEAVY)
    if command:
        assert f"allocate {command} " in done.stdout.split("--help")[-1], "an example after the options"


def test_help_lists_the_commands_in_the_order_of_the_work(run: Run) -> None:
    lines = run("-m", "allocate", "--help", COLUMNS="200").stdout.splitlines()
    first = [line.split()[0] for line in lines if line.strip()]
    assert [word for word in first if word in ("check", "plan", "estimate", "verify")] == [
        "check",
        "plan",
        "estimate",
        "verify",
    ]


def test_the_version_is_printed(allocate: Run) -> None:
    done = allocate("--version")
    assert (done.returncode, done.stdout.split()[0]) == (0, "allocate")


def test_a_terminal_that_cannot_show_chinese_does_not_end_the_program(allocate: Run, tiny: Tiny) -> None:
    done = allocate("check", tiny.model, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0
    assert "\\u" in done.stdout


def test_an_unknown_way_to_travel_is_refused_and_not_passed_over(allocate: Run, tiny: Tiny) -> None:
    first = (tiny.folder / "places.csv").read_text(encoding="utf-8-sig").splitlines()[1].split(",")[0]
    rows = f"from,to,mode,minutes\n{first},{first},hovercraft,3\n"
    (tiny.folder / "travel.csv").write_text(rows, encoding="utf-8")
    done = allocate("check", tiny.model)
    assert done.returncode == 2
    assert "travel.csv" in done.stderr
    assert "hovercraft" in done.stderr
    assert "Traceback" not in done.stderr
