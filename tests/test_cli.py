"""The commands as a planner types them: exit codes, what is written, and what never is."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, Tiny, call_allocate, one_year, start_python

from allocate.outputs import CARDS, EXPORTS, FILES, write_plan
from allocate.plans import Plan
from allocate.words import LANGUAGES, Language, say_in

# What a command says and where it writes is looked at here: what stands in files is made once.
pytestmark = pytest.mark.usefixtures("made_once")
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
        return start_python(tmp_path, *arguments, **environment)

    return start


@pytest.fixture
def fresh(run: Run) -> Run:
    """Return a function that runs a command in a process of its own."""
    return lambda *arguments, **environment: run("-m", "allocate", *arguments, **environment)


@pytest.fixture
def allocate(tmp_path: Path) -> Run:
    """Return a function that runs a command in this process."""
    return lambda *arguments, **environment: call_allocate(tmp_path, *arguments, **environment)


def test_a_plan_is_made_written_and_proven_sound(fresh: Run, tiny: Tiny, tmp_path: Path) -> None:
    made = fresh("--language", "en", "plan", tiny.model, *QUICK, "--strict")
    assert (made.returncode, "missed must" in made.stdout) == (0, False), made.stderr
    folder = tmp_path / "maps" / "out" / "tiny"
    assert {path.name for path in folder.iterdir()} == {*FILES, CARDS}
    assert len(made.stdout.splitlines()) == 12
    assert str(Path("maps/out/tiny/map.html")) in made.stdout.splitlines()[-1]
    checked = fresh("--language", "en", "verify", folder, "--data", tiny.folder)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout.startswith("The plan is sound")


@pytest.mark.parametrize("strict", [("--strict",), ()])
def test_a_missed_must_is_printed_and_strict_makes_it_exit_1(
    strict: tuple[str, ...], allocate: Run, tiny: Tiny, tmp_path: Path
) -> None:
    one_year(tiny)
    more = ("--set", "rules.most_people.share=1.0", *QUICK, "--out", "plan")
    made = allocate("--language", "en", "plan", tiny.model, *more, *strict)
    assert made.returncode == len(strict)
    (line,) = [line for line in made.stdout.splitlines() if line.startswith("missed must")]
    assert "most_people in 2027" in line
    assert {path.name for path in (tmp_path / "plan").iterdir()} == {*FILES, CARDS}, "written all the same"


def test_check_says_what_was_read_what_is_odd_and_what_is_assumed(allocate: Run, tiny: Tiny) -> None:
    done = allocate("--language", "en", "check", tiny.model)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert "40 places, 3 towns, 34,781 residents" in lines[0]
    assert [line for line in lines if line.startswith("note")] == [line for line in lines if "T3040" in line]
    assert "basis: numbers of the model's rules: 7 assumed" in lines
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
    tiny.edit("district.toml", "wgs84", "beijing54")
    done = allocate("--language", "en", "check", tiny.model)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("allocate: 2 problem(s)")
    assert "places.csv · row 3 · column id · “T1001”" in done.stderr
    assert "district.toml · column datum" in done.stderr


WRONG: dict[str, tuple[str, ...]] = {
    "no such model": ("plan", "nowhere"),
    "no such model to check": ("check", "nowhere"),
    "a model of an endless name": ("check", "x" * 5000),
    "a district of an endless name": ("check", "MODEL", "--set", f"district={'x' * 5000}"),
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
    "no such plan to draw": ("map", "nowhere"),
    "a plan to draw of an endless name": ("map", "x" * 5000),
    "a model to draw": ("map", "MODEL"),
    "no plan to draw": ("map",),
    "no such plan to export": ("export", "nowhere", "--to", "xlsx"),
    "a district to export": ("export", "tiny", "--to", "csv"),
    "an export without a form": ("export", "nowhere"),
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
    assert allocate("plan", one_year(tiny).model, *QUICK, "--out", folder).returncode == 0
    after = tree(folder)
    assert {name.partition("/")[0] for name in after} == {name.partition("/")[0] for name in before}
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


def test_a_plan_is_compared_with_the_district_of_the_working_folder_it_lies_in(
    allocate: Run, working: Path, tiny_home: Tiny, tiny_plan: Plan
) -> None:
    # (The small district is called tiny: so is its folder.)
    shutil.copytree(tiny_home.folder, working / "data" / "tiny")
    write_plan(tiny_plan, working / "maps" / "out" / "tiny")
    plan = "far/mine/maps/out/tiny"
    done = allocate("--language", "en", "verify", plan)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 1), done.stdout
    places = working / "data" / "tiny" / "places.csv"
    places.write_text(places.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    changed = allocate("--language", "en", "verify", plan)
    assert changed.returncode == 0
    assert "have changed since" in changed.stdout.splitlines()[0]


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
    assert "positions of places: 13 estimated" in checked.stdout


@pytest.mark.parametrize("command", ["", "new", "check", "plan", "estimate", "verify", "map", "export"])
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
    order = ["new", "check", "plan", "estimate", "verify", "map", "export"]
    assert [word for word in first if word in order] == order


def test_the_version_is_printed(fresh: Run) -> None:
    done = fresh("--version")
    assert (done.returncode, done.stdout.split()[0]) == (0, "allocate")


def test_a_terminal_that_cannot_show_chinese_does_not_end_the_program(fresh: Run, tiny: Tiny) -> None:
    done = fresh("check", tiny.model, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0
    assert "\\u" in done.stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("plan", "MODEL", "--set", "rules.most_people.share=1.0", *QUICK, "--out", "plan", "--strict"), 1),
        (("check", "MODEL", "--set", "rules.most_people.share=1.5"), 2),
        (("plan", "nowhere"), 2),
    ],
)
def test_a_command_says_and_writes_in_a_process_of_its_own_what_it_does_in_this_one(
    words: tuple[str, ...], code: int, tiny: Tiny, tmp_path: Path
) -> None:
    one_year(tiny)
    said = [str(tiny.model) if word == "MODEL" else word for word in words]
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    found = [
        (done.returncode, done.stdout, done.stderr, tree(home / "plan").get("plan.json"))
        for home, done in (
            (one, start_python(one, "-m", "allocate", *said)),
            (two, call_allocate(two, *said)),
        )
    ]
    assert found[0] == found[1]
    assert found[0][0] == code


def test_an_unknown_way_to_travel_is_refused_and_not_passed_over(allocate: Run, tiny: Tiny) -> None:
    first = (tiny.folder / "places.csv").read_text(encoding="utf-8-sig").splitlines()[1].split(",")[0]
    rows = f"from,to,mode,minutes\n{first},{first},hovercraft,3\n"
    (tiny.folder / "travel.csv").write_text(rows, encoding="utf-8")
    done = allocate("check", tiny.model)
    assert done.returncode == 2
    assert "travel.csv" in done.stderr
    assert "hovercraft" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["check", "plan"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_wrong_district_names_the_model_its_key_and_where_it_was_looked_for(
    language: Language, command: str, allocate: Run, tiny: Tiny, tmp_path: Path
) -> None:
    tiny.edit("tiny.toml", str(tiny.folder), "valley")
    done = allocate("--language", language, command, tiny.model)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()[1:]
    assert f"tiny.toml · {say_in(language, 'problem.column', column='district')} · “valley”" in line
    looked = {folder.strip(".") for folder in re.split("[ ,：。]+", line)}
    assert looked >= {str(home / part) for home in (tmp_path, tmp_path.parent) for part in ("", "data")}
    assert str(ROOT / "data") in looked
    assert "baodi" in line


@pytest.mark.parametrize("command", ["check", "plan"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_village_list_with_gaps_is_answered_with_the_command_that_fills_them(
    language: Language, command: str, allocate: Run, tiny: Tiny, tiny_list: Path
) -> None:
    tiny.edit("tiny.toml", str(tiny.folder), str(tiny_list))
    done = allocate("--language", language, command, tiny.model)
    assert (done.returncode, done.stdout) == (2, "")
    advice = [line for line in done.stderr.splitlines() if f"allocate estimate {tiny_list}" in line]
    assert advice == [done.stderr.splitlines()[-1]]
    assert "places.csv" in advice[0]


def test_a_gap_that_no_estimate_fills_does_not_lead_to_one(allocate: Run, tiny: Tiny) -> None:
    tiny.edit("places.csv", ",official,", ",,")
    done = allocate("check", tiny.model)
    assert done.returncode == 2
    assert "allocate estimate" not in done.stderr


@pytest.mark.parametrize("datum", ["gcj02", "GCJ-02", "bd09", "BD_09ll"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_positions_of_amap_and_baidu_are_converted_where_they_are_declared(
    language: Language, datum: str, allocate: Run, tiny: Tiny
) -> None:
    tiny.edit("district.toml", "wgs84", datum)
    done = allocate("--language", language, "check", tiny.model)
    assert done.returncode == 0, done.stderr
    name = "gcj02" if datum.lower().startswith("g") else "bd09"
    told = say_in(language, "check.origin_datum", datum=name, planned="wgs84")
    assert told in next(line for line in done.stdout.splitlines() if "places.csv" in line)
    tiny.edit("district.toml", datum, "nad27")
    unknown = allocate("--language", language, "check", tiny.model)
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "district.toml" in unknown.stderr


FORMS = ("xlsx", "docx", "pdf", "gpkg", "csv", "geojson")


@pytest.fixture
def made(tiny_plan: Plan, tmp_path: Path) -> Path:
    """Return the folder of a plan."""
    folder = tmp_path / "plan"
    write_plan(tiny_plan, folder)
    return folder


@pytest.mark.parametrize("named", ["plan", "plan/plan.json"])
def test_a_map_is_drawn_again_from_a_folder_or_its_file(named: str, allocate: Run, made: Path) -> None:
    drawn = (made / "map.html").read_bytes()
    (made / "map.html").write_text("an old map", encoding="utf-8")
    done = allocate("map", named)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{Path('plan/map.html')}\n", "")
    assert (made / "map.html").read_bytes() == drawn
    beside = allocate("map", named, "--out", "new/page.html")
    assert (beside.returncode, beside.stdout) == (0, f"{Path('new/page.html')}\n")
    assert (made.parent / "new" / "page.html").read_bytes() == drawn


@pytest.mark.parametrize("form", FORMS)
def test_a_plan_is_exported_beside_itself_or_where_it_is_asked_for(form: str, allocate: Run, made: Path) -> None:
    for named, more, target in (
        ("plan", (), Path("plan") / EXPORTS[form]),
        ("plan/plan.json", ("--out", f"new/{form}"), Path("new") / form),
    ):
        done = allocate("export", named, "--to", form, *more)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{target}\n", "")
    beside, new = made / EXPORTS[form], made.parent / "new" / form
    assert (tree(beside) == tree(new) != {}) if beside.is_dir() else (beside.read_bytes() == new.read_bytes())
    assert allocate("verify", "plan").returncode == 0, "the plan itself stays"


def test_an_export_speaks_the_language_asked_for(allocate: Run, made: Path) -> None:
    headings = {}
    for name, before, after in (
        ("zh", (), ()),
        ("en", (), ("--language", "en")),
        ("session", ("--language", "en"), ()),
        ("both", ("--language", "en"), ("--language", "zh")),
    ):
        done = allocate(*before, "export", made, "--to", "csv", "--out", name, *after)
        assert done.returncode == 0, done.stderr
        headings[name] = (made.parent / name / "towns.csv").read_text(encoding="utf-8-sig").splitlines()[0]
    assert headings["zh"] == headings["both"] != headings["en"] == headings["session"]
    assert headings["en"].isascii()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_form_or_a_language_that_there_is_not_is_answered_with_those_there_are(
    language: Language, allocate: Run, made: Path
) -> None:
    before = tree(made.parent)
    done = allocate("--language", language, "export", "plan", "--to", "odt", "--language", "fr")
    assert (done.returncode, done.stdout) == (2, "")
    form, spoken = done.stderr.splitlines()[1:]
    option = say_in(language, "problem.option", option="")
    assert all(word in form for word in (f"{option}--to · ", "“odt”", ", ".join(FORMS)))
    assert all(word in spoken for word in (f"{option}--language · ", "“fr”", "zh, en"))
    assert tree(made.parent) == before


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_wrong_argument_is_called_one_and_no_column(language: Language, allocate: Run) -> None:
    done = allocate("--language", language, "new", "-no name-")
    assert done.returncode == 2
    done = allocate("--language", language, "new", "no name")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()[1:]
    assert f"  * {say_in(language, 'problem.argument', argument='DIR')} · “no name”" in line


@pytest.fixture
def working(allocate: Run, tiny: Tiny, tmp_path: Path) -> Path:
    """Return a planner's own folder that lacks its district yet."""
    assert allocate("new", "far/mine", "--from", tiny.model).returncode == 0
    home = tmp_path / "far" / "mine"
    shutil.rmtree(home / "data" / "mine")
    # (Nor does it stand where the command runs.)
    shutil.rmtree(tiny.folder)
    return home


def test_a_working_folder_is_taken_for_its_district_and_an_estimate_fills_it(
    allocate: Run, working: Path, tiny_list: Path, tmp_path: Path
) -> None:
    shutil.copytree(tiny_list, working / "data" / "mine")
    done = allocate("--language", "en", "estimate", "far/mine")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Of 14 places, 13 positions and 13 numbers of people were estimated")
    assert (tmp_path / "mine-estimated" / "places.csv").is_file()
    shutil.copytree(tiny_list, working / "data" / "yours")
    before = tree(tmp_path)
    several = allocate("--language", "en", "estimate", "far/mine")
    assert (several.returncode, several.stdout) == (2, "")
    assert "mine, yours" in several.stderr
    assert str(Path("far/mine/data/mine")) in several.stderr
    assert tree(tmp_path) == before


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("more", [(), ("--out", "filled")])
def test_an_estimate_of_a_list_that_lacks_nothing_says_so_and_writes_nothing(
    more: tuple[str, ...], language: Language, allocate: Run, tiny: Tiny, tmp_path: Path
) -> None:
    before = tree(tmp_path)
    done = allocate("--language", language, "estimate", tiny.folder, *more)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{say_in(language, 'cli.estimate_nothing', places=40, folder=tiny.folder)}\n"
    assert tree(tmp_path) == before


def test_codes_that_a_spreadsheet_turned_into_numbers_are_one_fault_with_its_cure(allocate: Run, tiny: Tiny) -> None:
    file = tiny.folder / "places.csv"
    heading, *rows = file.read_text(encoding="utf-8-sig").splitlines()
    spoilt = [f"1.20115E+11,{row.split(',', 1)[1]}" for row in rows]
    file.write_text("\n".join([heading, *spoilt]), encoding="utf-8")
    done = allocate("--language", "en", "check", tiny.model)
    assert (done.returncode, done.stdout) == (2, "")
    first, *lines = done.stderr.splitlines()
    assert "40 problem(s)" in first
    assert [line.split(":")[0].strip(" *") for line in lines] == [
        *(f"places.csv · row {row} · column id · “1.20115E+11”" for row in (2, 3, 4)),
        "places.csv · column id",
    ]
    assert all("as text" in line for line in lines[:3])
    assert "37 more row(s)" in lines[3]


BROKEN: dict[str, Callable[[str], str]] = {
    "empty": lambda text: "",
    "cut off": lambda text: text[: len(text) // 2],
    "no JSON": lambda text: "title: 规划",
    "a list": lambda text: f"[{text}]",
    "a text": lambda text: '"plan"',
    "another schema": lambda text: text.replace('"schema": 1', '"schema": 2'),
    "nothing but its schema": lambda text: '{"schema": 1}',
    "places that are no list": lambda text: without(text, places=7),
    "no years": lambda text: without(text, years=None),
    "years that are words": lambda text: without(text, years=["soon"]),
    "no settings": lambda text: without(text, settings=None),
    "settings that are a list": lambda text: without(text, settings=[]),
    "no district": lambda text: without(text, district_data=None),
    "a district that is a text": lambda text: without(text, district_data="tiny"),
    "versions that are a number": lambda text: without(text, versions=0.2),
    "inputs without a checksum": lambda text: without(text, inputs=[{"of": "district", "path": "x"}]),
    "stages of nothing": lambda text: without(text, stages=[None]),
    "a title in one language": lambda text: without(text, title={"zh": "规划"}),
    "a number beyond all numbers": lambda text: text.replace('"gap": ', '"gap": 1e999, "old": ', 1),
    "a district in a depth without end": lambda text: text.replace('"travel": []', f'"travel": {"[" * 900}{"]" * 900}'),
    "a broken letter": lambda text: text.replace("示例", "\\ud800", 1),
}


def without(text: str, **changes: object) -> str:
    """Return a plan.json with keys replaced, or left out where there is nothing to put."""
    content = json.loads(text)
    for key, value in changes.items():
        assert key in content
        content[key] = value
    return json.dumps({key: value for key, value in content.items() if value is not None})


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plan_gives_a_message_and_nothing_is_written(name: str, allocate: Run, made: Path) -> None:
    file = made / "plan.json"
    whole = file.read_text(encoding="utf-8")
    file.write_text(BROKEN[name](whole), encoding="utf-8")
    assert file.read_text(encoding="utf-8") != whole
    before = tree(made.parent)
    # (All forms are read in one way: one each.)
    ways = (("map", "plan"), ("export", "plan", "--to", "csv"), ("export", "plan", "--to", "gpkg", "--out", "new.gpkg"))
    done = allocate("--language", "en", *ways[list(BROKEN).index(name) % 3])
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("allocate: ")
    assert len(done.stderr.splitlines()) < 20
    assert tree(made.parent) == before


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_tampered_plan_is_neither_drawn_nor_exported(language: Language, allocate: Run, made: Path) -> None:
    file = made / "plan.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["ledger"][0]["served"] += 1
    file.write_text(json.dumps(content), encoding="utf-8")
    before = tree(made.parent)
    for words in (["map", made], ["export", made, "--to", "xlsx"]):
        done = allocate("--language", language, *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert "ledger[0].served" in done.stderr
        assert tree(made.parent) == before


def test_a_plan_of_an_earlier_version_is_still_verified_drawn_and_exported(
    allocate: Run, tiny_home: Tiny, made: Path
) -> None:
    file = made / "plan.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    del content["today"], content["problems"], content["district_data"]["warnings"]
    content["versions"]["allocate"] = "0.1.0"
    file.write_text(json.dumps(content), encoding="utf-8")
    assert allocate("verify", made, "--data", tiny_home.folder).returncode == 0
    assert allocate("map", made).returncode == 0
    for form in FORMS:
        done = allocate("export", made, "--to", form)
        assert (done.returncode, done.stderr) == (0, "")
