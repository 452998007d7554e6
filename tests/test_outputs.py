"""A plan's folder: whole or not at all, people that add up, and the same bytes every time."""

import copy
import csv
import errno
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Tiny
from plan_examples import going_out

import allocate
from allocate.draw import map_page
from allocate.errors import AllocateError, UsageError
from allocate.outputs import CALENDARS, CARDS, EXPORTS, FILES, check_target, export, log_text, write_plan
from allocate.plans import Plan, read_plan, to_json
from allocate.report.comma import csv_files, sites_csv
from allocate.report.frames import LAYERS
from allocate.report.geopackage import geojson, geopackage
from allocate.report.sheets import SHEETS
from allocate.report.summary import summary
from allocate.report.workbook import workbook
from allocate.words import LANGUAGES, Language, say, say_in, speaking

ROOT = Path(__file__).resolve().parents[1]
# Where files go, and what becomes of them, is looked at here: what stands in them is made once.
pytestmark = pytest.mark.usefixtures("made_once")
PARTS = ("served", "no_capacity", "rounds", "posted", "out_of_range")


def table(content: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    heading, *rows = csv.reader(io.StringIO(sites_csv(content), newline=""))
    return heading, rows


def column(heading: list[str], name: str) -> int:
    (at,) = [n for n, text in enumerate(heading) if text.endswith(f"· {name}")]
    return at


def contents(folder: Path) -> dict[str, bytes]:
    """Return everything below a folder: bytes of files, where links lead, and that a folder is one."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = b"-> " + os.fsencode(path.readlink())
        else:
            found[name] = b"folder" if path.is_dir() else path.read_bytes()
    return found


def refused(caught: pytest.ExceptionInfo[AllocateError], *words: object) -> bool:
    """Tell whether a message names one problem, and says every word."""
    lines = str(caught.value).splitlines()
    return len(lines) == 2 and all(str(word) in lines[1] for word in words)


@pytest.fixture(scope="module")
def busy_plan(tiny_plan: Plan) -> Plan:
    """Return the small district's plan as if it sent people out, so that it has every form."""
    return replace(tiny_plan, content=going_out(tiny_plan.content))


def test_the_plan_reads_back_as_it_was(tiny_plan: Plan, tmp_path: Path) -> None:
    files = write_plan(tiny_plan, tmp_path / "plan")
    assert tuple(name for name in files if not name.startswith(f"{CARDS}/")) == FILES
    assert f"{CARDS}/index.html" in files
    assert all(path.is_file() for path in files.values())
    assert read_plan(tmp_path / "plan") == read_plan(files["plan.json"]) == tiny_plan.content


def test_the_small_plan_keeps_opens_and_closes_and_leaves_some_people_out(tiny_plan: Plan) -> None:
    actions = {(row["id"], row["action"]) for row in tiny_plan.content["sites"]}
    assert {("old-station", "keep"), ("old-clinic", "close"), ("hub-1", "keep")} <= actions
    assert "open" in {action for _, action in actions}
    assert {row["status"] for row in tiny_plan.content["places"]} == {"served", "no_capacity", "out_of_range"}
    assert {row["status"] for row in tiny_plan.content["scorecard"]} == {"met", "missed"}


def test_every_part_of_the_ledger_adds_up_to_the_person(tiny_plan: Plan) -> None:
    content = tiny_plan.content
    data = content["district_data"]
    towns = {place["id"]: place["town"] for place in data["places"]}
    scopes = {"district", *towns.values()}
    assert {(row["scope"], row["year"]) for row in content["ledger"]} == {
        (s, y) for s in scopes for y in content["years"]
    }
    for row in content["ledger"]:
        assert sum(row[part] for part in PARTS) == row["people"]
        members = {place for place, town in towns.items() if row["scope"] in ("district", town)}
        assert row["people"] == sum(place["people"] for place in data["places"] if place["id"] in members)
        counted: Counter[str] = Counter()
        for line in content["places"]:
            if line["id"] in members and line["year"] == row["year"]:
                counted[line["status"]] += line["people"]
        assert {part: row[part] for part in PARTS} == {part: counted[part] for part in PARTS}


def test_the_people_of_the_sites_are_the_people_served(tiny_plan: Plan) -> None:
    heading, rows = table(tiny_plan.content)
    for year in tiny_plan.content["years"]:
        at = column(heading, f"people served in {year}")
        (served,) = [
            row["served"] for row in tiny_plan.content["ledger"] if (row["scope"], row["year"]) == ("district", year)
        ]
        assert sum(int(row[at]) for row in rows) == served > 0


def test_the_table_of_sites_holds_every_site_once_with_its_costs(tiny_plan: Plan) -> None:
    heading, rows = table(tiny_plan.content)
    assert all(len(row) == len(heading) for row in rows)
    at = column(heading, "id")
    assert sorted(row[at] for row in rows) == sorted(site["id"] for site in tiny_plan.content["sites"])
    cost = column(heading, "cost over the plan (yuan)")
    # (What a hub costs is not counted.)
    assert sum(int(row[cost] or 0) for row in rows) == sum(row["total"] for row in tiny_plan.content["budget"]) > 0


def test_the_table_of_sites_opens_in_a_spreadsheet(tiny_plan: Plan, tmp_path: Path) -> None:
    raw = write_plan(tiny_plan, tmp_path / "plan")["sites.csv"].read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    assert raw.count(b"\n") == raw.count(b"\r\n") == 1 + len(tiny_plan.content["sites"])


@pytest.mark.parametrize(
    "name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "＝1+1", "＋1", "－1", "＠x", '=HYPERLINK("http://x","y")']
)
def test_a_name_that_a_spreadsheet_would_compute_is_quoted(name: str, tiny_plan: Plan) -> None:
    content = copy.deepcopy(dict(tiny_plan.content))
    content["sites"][0]["name"] = content["district_data"]["towns"][0]["name"] = name
    heading, rows = table(content)
    assert f"'{name}" in [row[column(heading, "name")] for row in rows]
    assert f"'{name}" in [row[column(heading, "town")] for row in rows]
    assert not [
        cell
        for row in rows
        for cell in row
        if cell.startswith(("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"))
    ]


@pytest.mark.parametrize("victim", FILES)
def test_a_full_disk_leaves_the_old_plan(
    victim: str, tiny_plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "plan"
    write_plan(tiny_plan, folder)
    before = contents(tmp_path)
    monkeypatch.setattr(Path, "write_bytes", full_disk(victim))
    with pytest.raises(UsageError) as caught:
        write_plan(replace(tiny_plan, log="another run"), folder)
    assert refused(caught, folder, say("problem.disk_enospc"))
    assert contents(tmp_path) == before


def full_disk(victim: str) -> Callable[[Path, bytes], int]:
    """Return what writes every file but one, of which only the beginning fits."""
    write = Path.write_bytes

    def written(self: Path, data: bytes) -> int:
        if self.name == victim:
            write(self, data[:10])
            raise OSError(28, "No space left on device")
        return write(self, data)

    return written


@pytest.mark.parametrize(
    ("form", "victim"),
    [
        ("html", "map.html"),
        ("xlsx", "plan.xlsx"),
        ("gpkg", "plan.gpkg"),
        ("csv", "towns.csv"),
        ("geojson", "sites.geojson"),
        ("ics", "rounds-2025-柳河医院-hospital-1.ics"),
        ("timetable", "timetable.html"),
        ("pdf", "report.pdf"),
    ],
)
@pytest.mark.parametrize("where", ["plan", "far/below"])
def test_a_full_disk_leaves_what_was_exported_before_and_no_folder_for_nothing(
    where: str, form: str, victim: str, busy_plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_plan(busy_plan, tmp_path / "plan")
    export(busy_plan.content, form, tmp_path / "plan" / EXPORTS[form], "en")
    before = contents(tmp_path)
    monkeypatch.setattr(Path, "write_bytes", full_disk(victim))
    target = tmp_path / where / EXPORTS[form]
    with pytest.raises(UsageError) as caught:
        export(busy_plan.content, form, target, "zh")
    assert refused(caught, target, say("problem.disk_enospc"))
    assert contents(tmp_path) == before


# A child writes one plan again and again: what is made of it in memory alone, and takes longest, is made once.
KEPT_IN_CHILD = """
from allocate import outputs
def keep(name):
    make, made = getattr(outputs, name), {}
    def kept(*about):
        # (Its one plan stays where it is in memory.)
        key = tuple(one if isinstance(one, str) else id(one) for one in about)
        if key not in made:
            made[key] = about, make(*about)
        return made[key][1]
    setattr(outputs, name, kept)
for name in ("map_page", "card_pages", "pictures", "_recommended"):
    keep(name)
"""
# Writes plans, or forms of them, where no file may grow beyond a size, or where the writer is nobody in particular.
CHILD = """
import json, os, resource, signal, sys, tempfile
from pathlib import Path
from allocate.errors import AllocateError
from allocate.outputs import export, write_plan
from allocate.plans import Plan, read_plan
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
free = resource.getrlimit(resource.RLIMIT_FSIZE)
tried, known = set(), {}
for line in sys.stdin:
    given, form, target, most, who = json.loads(line)
    # (Most are the same plan.)
    text = (Path(given) / "plan.json").read_bytes()
    content = known.setdefault(text, read_plan(Path(given)))
    def write(target):
        if form == "plan":
            write_plan(Plan(content, log="another run"), target)
        else:
            export(content, form, target, "en")
    if form not in tried:
        # Once where it can be written, so that all is imported that an ordinary user may not be able to read.
        with tempfile.TemporaryDirectory() as home:
            write(Path(home) / "plan")
        tried.add(form)
    is_root = os.geteuid() == 0
    if most:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, free[1]))
    if who and is_root:
        os.setegid(who)
        os.seteuid(who)
    said = None
    try:
        write(Path(target))
    except AllocateError as error:
        said = str(error)
    if who and is_root:
        os.seteuid(0)
        os.setegid(0)
    resource.setrlimit(resource.RLIMIT_FSIZE, free)
    print(json.dumps(said), flush=True)
"""
Writer = Callable[..., str | None]


@pytest.fixture(scope="module")
def write_in_child() -> Iterator[Writer]:
    """Return a function that writes as `CHILD` does and returns what is said of it; a traceback fails the test."""
    pytest.importorskip("resource")
    with subprocess.Popen(
        [sys.executable, "-c", KEPT_IN_CHILD + CHILD],
        # (No half-written byte code beside the sources.)
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        assert child.stdin
        assert child.stdout
        asked, answers = child.stdin, child.stdout

        def write(given: Path, form: str, target: Path, *, most: int = 0, who: int = 0) -> str | None:
            asked.write(json.dumps([str(given), form, str(target), most, who]) + "\n")
            asked.flush()
            answer = answers.readline()
            assert answer, child.communicate()[1]
            said: str | None = json.loads(answer)
            return said

        yield write
        _, complaints = child.communicate()
        assert (child.returncode, complaints) == (0, "")


@pytest.mark.parametrize("victim", FILES)
def test_a_disk_that_is_really_full_leaves_the_old_plan(
    victim: str, tiny_plan: Plan, tmp_path: Path, write_in_child: Writer
) -> None:
    folder = tmp_path / "plan"
    size = write_plan(tiny_plan, folder)[victim].stat().st_size
    before = contents(tmp_path)
    said = write_in_child(folder, "plan", folder, most=size - 1)
    assert said is not None
    assert len(said.splitlines()) in (1, 2), said
    assert contents(tmp_path) == before


@pytest.mark.parametrize("form", EXPORTS)
def test_an_export_onto_a_disk_that_is_really_full_leaves_what_was_there(
    form: str, busy_plan: Plan, tmp_path: Path, write_in_child: Writer
) -> None:
    write_plan(busy_plan, tmp_path / "plan")
    before = contents(tmp_path)
    # (A calendar of one hub is small.)
    for most in (200, 1_000) if form == "ics" else (1_000, 5_000):
        assert write_in_child(tmp_path / "plan", form, tmp_path / "new" / EXPORTS[form], most=most)
        assert contents(tmp_path) == before


@pytest.mark.parametrize("form", ["plan", *EXPORTS])
def test_a_folder_that_may_not_be_written_to_is_refused_with_one_message(
    form: str, busy_plan: Plan, write_in_child: Writer
) -> None:
    # (Below the folder of a test nobody else may look.)
    with tempfile.TemporaryDirectory() as home:
        closed = Path(home) / "closed"
        plan = closed / "plan"
        write_plan(busy_plan, plan)
        for folder, mode in ((plan, 0o755), (closed, 0o555), (Path(home), 0o755)):
            folder.chmod(mode)
        before = contents(closed)
        said = write_in_child(plan, form, closed / "new" / EXPORTS.get(form, "plan"), who=65534)
        assert said is not None
        assert len(said.splitlines()) == 2
        assert say("problem.disk_eacces") in said
        assert contents(closed) == before
        closed.chmod(0o755)


@pytest.mark.parametrize("form", ["plan", "gpkg"])
def test_a_temporary_folder_without_room_gives_one_message(
    form: str, tiny_plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # (What was made before needs no room.)
    folder = tmp_path / "plan"
    write_plan(tiny_plan, folder)
    before = contents(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    writers: dict[str, Callable[[], object]] = {
        "plan": lambda: write_plan(replace(tiny_plan, log="another run"), folder),
        "gpkg": lambda: export(tiny_plan.content, form, tmp_path / "new.gpkg", "en"),
    }
    with pytest.raises(AllocateError) as caught:
        writers[form]()
    assert len(str(caught.value).splitlines()) == 1
    assert "TMPDIR" in str(caught.value)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("stop", [OSError(16, "Device or resource busy"), KeyboardInterrupt()], ids=["busy", "ctrl-c"])
def test_a_new_folder_that_cannot_be_put_in_place_brings_the_old_one_back(
    stop: BaseException, tiny_plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "plan"
    write_plan(tiny_plan, folder)
    before = contents(tmp_path)
    rename, stopped = Path.rename, []

    def stuck(self: Path, target: Path) -> Path:
        if target == folder and not stopped:
            stopped.append(self)
            raise stop
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", stuck)
    with pytest.raises(UsageError if isinstance(stop, OSError) else KeyboardInterrupt):
        write_plan(replace(tiny_plan, log="another run"), folder)
    assert stopped
    assert contents(tmp_path) == before


def test_an_old_folder_that_cannot_come_back_is_not_thrown_away(
    tiny_plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "plan"
    write_plan(tiny_plan, folder)
    before = set(contents(folder).values())
    rename = Path.rename

    def stuck(self: Path, target: Path) -> Path:
        if target == folder:
            raise OSError(16, "Device or resource busy")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", stuck)
    with pytest.raises(UsageError):
        write_plan(replace(tiny_plan, log="another run"), folder)
    assert before <= set(contents(tmp_path).values())


def test_an_old_plan_is_replaced_whole(tiny_plan: Plan, tmp_path: Path) -> None:
    folder = tmp_path / "plan"
    write_plan(tiny_plan, folder)
    (folder / "log.txt").unlink()
    write_plan(replace(tiny_plan, log="another run"), folder)
    assert {name.partition("/")[0] for name in contents(folder)} == {*FILES, CARDS}
    assert "another run" in (folder / "log.txt").read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["plan"]


def a_file(target: Path, plan: Plan) -> None:
    target.write_text("a file")


def a_link_to_a_folder(target: Path, plan: Plan) -> None:
    (target.parent / "elsewhere").mkdir()
    (target.parent / "elsewhere" / "thesis.docx").write_text("years of work")
    target.symlink_to(target.parent / "elsewhere")


def a_dangling_link(target: Path, plan: Plan) -> None:
    target.symlink_to(target.parent / "nowhere")


def a_folder_of_other_files(target: Path, plan: Plan) -> None:
    target.mkdir()
    (target / "thesis.docx").write_text("years of work")


def a_plan_with_another_file(target: Path, plan: Plan) -> None:
    write_plan(plan, target)
    (target / "notes.txt").write_text("mine")


def files_of_our_names_without_a_plan(target: Path, plan: Plan) -> None:
    target.mkdir()
    (target / "sites.csv").write_text("the planner's own list")


def a_table_folder_with_another_file(target: Path, plan: Plan) -> None:
    write_plan(plan, target)
    export(plan.content, "csv", target / "csv", "zh")
    (target / "csv" / "mine.csv").write_text("mine")


def a_table_folder_with_a_folder(target: Path, plan: Plan) -> None:
    write_plan(plan, target)
    (target / "csv" / "sites.csv").mkdir(parents=True)
    (target / "csv" / "sites.csv" / "mine").write_text("mine")


def a_file_called_as_our_folder(target: Path, plan: Plan) -> None:
    write_plan(plan, target)
    (target / "geojson").write_text("mine")


NOT_OURS = (
    a_file, a_link_to_a_folder, a_dangling_link, a_folder_of_other_files, a_plan_with_another_file,
    files_of_our_names_without_a_plan, a_table_folder_with_another_file, a_table_folder_with_a_folder,
    a_file_called_as_our_folder,
)  # fmt: skip


@pytest.mark.parametrize("stands", NOT_OURS, ids=lambda stands: stands.__name__)
def test_a_target_that_is_not_ours_is_refused_before_any_work_and_stays(
    stands: Callable[[Path, Plan], None], tiny_plan: Plan, tmp_path: Path
) -> None:
    target = tmp_path / "plan"
    stands(target, tiny_plan)
    before = contents(tmp_path)
    for refuse in (lambda: check_target(target), lambda: write_plan(tiny_plan, target)):
        with pytest.raises(UsageError) as caught:
            refuse()
        assert refused(caught, target)
        assert contents(tmp_path) == before


@pytest.mark.parametrize("form", EXPORTS)
@pytest.mark.parametrize("stands", NOT_OURS[:4], ids=lambda stands: stands.__name__)
def test_an_export_never_replaces_what_is_not_ours(
    stands: Callable[[Path, Plan], None], form: str, busy_plan: Plan, tmp_path: Path
) -> None:
    for target in (tmp_path / "other", tmp_path / EXPORTS[form]):
        target.unlink(missing_ok=True)
        stands(target, busy_plan)
        before = contents(tmp_path)
        with pytest.raises(UsageError) as caught:
            export(busy_plan.content, form, target, "zh")
        assert refused(caught, target)
        assert contents(tmp_path) == before
        if (tmp_path / "elsewhere").exists():
            shutil.rmtree(tmp_path / "elsewhere")


@pytest.mark.parametrize("form", ["csv", "geojson", "ics"])
def test_a_folder_of_ours_with_a_strange_file_is_not_replaced(form: str, busy_plan: Plan, tmp_path: Path) -> None:
    folder, target = tmp_path / "plan", tmp_path / "plan" / EXPORTS[form]
    write_plan(busy_plan, folder)
    export(busy_plan.content, form, target, "zh")
    (target / f"mine.{form}").write_text("mine")
    before = contents(folder)
    with pytest.raises(UsageError) as caught:
        export(busy_plan.content, form, target, "en")
    assert refused(caught, target)
    assert contents(folder) == before


@pytest.mark.parametrize("lock", ["~${}", ".~lock.{}#"], ids=["Excel", "LibreOffice"])
@pytest.mark.parametrize("file", [*FILES, "csv/sites.csv", "geojson/towns.geojson"])
def test_a_file_that_is_open_elsewhere_is_named_before_any_work(
    file: str, lock: str, busy_plan: Plan, tmp_path: Path
) -> None:
    folder = tmp_path / "plan"
    write_plan(busy_plan, folder)
    for form in ("csv", "geojson"):
        export(busy_plan.content, form, folder / form, "zh")
    held = folder / file
    (held.parent / lock.format(held.name)).write_text("somebody")
    before = contents(tmp_path)
    for refuse in (lambda: check_target(folder), lambda: write_plan(busy_plan, folder)):
        with pytest.raises(UsageError) as caught:
            refuse()
        assert refused(caught, held.name, "Excel")
    forms = [form for form, name in EXPORTS.items() if held in (folder / name, folder / name / held.name)]
    for form in forms:
        with pytest.raises(UsageError) as caught:
            export(busy_plan.content, form, folder / EXPORTS[form], "zh")
        assert refused(caught, held.name, "Excel")
    assert contents(tmp_path) == before


def test_an_export_into_a_plan_s_folder_replaces_only_what_it_is(busy_plan: Plan, tmp_path: Path) -> None:
    folder = tmp_path / "plan"
    write_plan(busy_plan, folder)
    for form, name in EXPORTS.items():
        before = contents(folder)
        for spoken in LANGUAGES:
            assert export(busy_plan.content, form, folder / name, spoken) == folder / name
        after = contents(folder)
        changed = {file for file in after if after[file] != before.get(file)}
        assert changed <= {file for file in after if file.split("/")[0] == name}
        # (A calendar is called after whom it is of, in the language asked for.)
        assert {file for file in before if file.split("/")[0] != CALENDARS or name != CALENDARS} <= set(after)
    assert (folder / "plan.xlsx").read_bytes() == workbook(busy_plan.content, "en")
    assert (folder / "plan.gpkg").read_bytes() == geopackage(busy_plan.content, "en")
    assert (folder / "map.html").read_text(encoding="utf-8") == map_page(busy_plan.content)


def test_planning_again_replaces_a_plan_with_all_its_exports(busy_plan: Plan, tmp_path: Path) -> None:
    folder = tmp_path / "plan"
    write_plan(busy_plan, folder)
    before = contents(folder).keys()
    for form, name in EXPORTS.items():
        export(busy_plan.content, form, folder / name, "zh")
    check_target(folder)
    write_plan(replace(busy_plan, log="another run"), folder)
    assert contents(folder).keys() == before
    assert [path.name for path in tmp_path.iterdir()] == ["plan"]


@pytest.mark.parametrize(("form", "names"), [("csv", SHEETS), ("geojson", LAYERS)])
def test_an_export_of_tables_makes_a_new_folder_and_fills_an_empty_one(
    form: str, names: tuple[str, ...], tiny_plan: Plan, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    texts = (csv_files if form == "csv" else geojson)(tiny_plan.content, "en")
    for target in (tmp_path / "far" / "new.csv", tmp_path / "empty"):
        export(tiny_plan.content, form, target, "en")
        assert contents(target) == {f"{name}.{form}": texts[name].encode() for name in names}


def test_a_folder_that_the_command_runs_in_is_refused(
    tiny_plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "plan"
    write_plan(tiny_plan, folder)
    export(tiny_plan.content, "csv", folder / "csv", "zh")
    before = contents(tmp_path)
    monkeypatch.chdir(folder / "csv")
    for target in (Path("..")), folder, Path("../../plan"):
        with pytest.raises(UsageError) as caught:
            check_target(target)
        assert refused(caught, target)
    with pytest.raises(UsageError) as caught:
        export(tiny_plan.content, "csv", folder / "csv", "en")
    assert refused(caught, folder / "csv")
    assert contents(tmp_path) == before


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_disk_refuses_for_is_said_in_the_planner_s_language(
    language: Language, tiny_plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    common = ("ENOENT", "ENOSPC", "EACCES", "EROFS", "ENOTDIR", "EISDIR", "ENAMETOOLONG", "EBUSY")
    wanted = {getattr(errno, name): say_in(language, f"problem.disk_{name.lower()}") for name in common}
    wanted[errno.EIO] = "Input/output error"
    for number, words in wanted.items():

        def fails(self: Path, data: bytes, number: int = number) -> int:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(Path, "write_bytes", fails)
        with speaking(language), pytest.raises(UsageError) as caught:
            export(tiny_plan.content, "html", tmp_path / "map.html", language)
        assert refused(caught, tmp_path / "map.html", words)
        assert number == errno.EIO or os.strerror(number) not in str(caught.value)


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("xlsx", "plan-en.xlsx"),
        ("html", "page.html"),
        ("gpkg", "below/plan.gpkg"),
        ("xlsx", "csv"),
        ("csv", "tables"),
        ("csv", "geojson"),
        ("geojson", "csv/more"),
    ],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_an_export_that_would_block_the_next_plan_is_refused_and_told_where_else_to_go(
    language: Language, form: str, name: str, busy_plan: Plan, tmp_path: Path
) -> None:
    folder = tmp_path / "plan"
    write_plan(busy_plan, folder)
    before = contents(tmp_path)
    with speaking(language), pytest.raises(UsageError) as caught:
        export(busy_plan.content, form, folder / name, language)
    beside = tmp_path / Path(name).name
    assert refused(caught, folder / name, folder / EXPORTS[form], beside)
    assert contents(tmp_path) == before
    export(busy_plan.content, form, beside, language)
    check_target(folder)


@pytest.mark.parametrize("form", EXPORTS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_plan_s_folder_is_no_target_of_an_export(
    language: Language, form: str, busy_plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "plan"
    write_plan(busy_plan, folder)
    before = contents(tmp_path)
    monkeypatch.chdir(tmp_path)
    for target in (folder, Path("plan"), Path("plan/../plan")):
        with speaking(language), pytest.raises(UsageError) as caught:
            export(busy_plan.content, form, target, language)
        beside = tmp_path / f"plan-{EXPORTS[form]}"
        assert refused(caught, target, folder / EXPORTS[form], beside)
        assert say_in(language, "problem.export_exists") not in str(caught.value)
        assert contents(tmp_path) == before


def test_a_folder_of_many_things_that_holds_a_plan_too_takes_an_export_of_any_name(
    tiny_plan: Plan, tmp_path: Path
) -> None:
    (tmp_path / "thesis.docx").write_text("years of work")
    (tmp_path / "plan.json").write_text(to_json(tiny_plan.content), encoding="utf-8")
    for form, name in (("html", "page.html"), ("csv", "below/tables")):
        assert export(tiny_plan.content, form, tmp_path / name, "en").exists()


def test_a_path_may_be_given_as_text(tiny_plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = allocate.write_plan(tiny_plan, "plan")
    assert all(path.is_file() for path in files.values())
    assert allocate.read_plan("plan") == allocate.read_plan("plan/plan.json") == tiny_plan.content
    for form, name in (("xlsx", "here.xlsx"), ("csv", "tables")):
        assert allocate.export(tiny_plan.content, form, name, "en") == Path(name)
    assert (tmp_path / "here.xlsx").is_file()
    assert (tmp_path / "tables" / "towns.csv").is_file()


@pytest.mark.parametrize("form", ["plan", *EXPORTS])
def test_a_name_that_no_disk_takes_is_refused_with_one_message(form: str, busy_plan: Plan, tmp_path: Path) -> None:
    for target in (tmp_path / ("长" * 200), tmp_path / ("长" * 200) / "below"):
        with pytest.raises(UsageError) as caught:
            check_target(target) if form == "plan" else export(busy_plan.content, form, target, "zh")
        assert refused(caught, say("problem.disk_enametoolong"))
    assert not list(tmp_path.iterdir())


def test_looking_at_a_target_leaves_nothing_behind(tmp_path: Path) -> None:
    check_target(tmp_path / "far" / "below" / "plan")
    assert not list(tmp_path.iterdir())


def test_the_log_holds_versions_phases_and_the_solver_and_the_plan_no_seconds(tiny_plan: Plan) -> None:
    text = log_text(tiny_plan)
    for name in ("allocate", "python", "highspy", *tiny_plan.phases):
        assert name in text
    assert tiny_plan.log in text
    assert not {"seconds", "time"} & {key for row in tiny_plan.content["stages"] for key in row}


# (This process has a seed of its own.)
@pytest.mark.parametrize("hash_seed", ["4242"])
def test_the_same_inputs_give_the_same_bytes_in_another_process(
    hash_seed: str, tiny_home: Tiny, tiny_plan: Plan
) -> None:
    code = (
        "import hashlib\n"
        "from allocate.draw import map_page\n"
        "from allocate.model import read_model\n"
        "from allocate.report.comma import sites_csv\n"
        "from allocate.planning import plan\n"
        "from allocate.plans import to_json\n"
        "from allocate.read import read_district\n"
        "from pathlib import Path\n"
        f"district, model = read_district(Path({str(tiny_home.folder)!r})), read_model({str(tiny_home.model)!r})\n"
        "content = plan(district, model).content\n"
        "for make in (to_json, map_page, sites_csv):\n"
        "    print(hashlib.sha256(make(content).encode()).hexdigest())\n"
    )
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    texts = [make(tiny_plan.content) for make in (to_json, map_page, sites_csv)]
    assert done.stdout.split() == [hashlib.sha256(text.encode()).hexdigest() for text in texts]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_summary_says_the_plan_in_eleven_lines(language: str, tiny_plan: Plan) -> None:
    with speaking(language):  # type: ignore[arg-type]
        lines = summary(tiny_plan.content)
    assert len(lines) == 11
    assert "34,781" in lines[0]
    assert "every_place 2027" in lines[3]
    assert not [line for line in lines if "{" in line or "\n" in line]
