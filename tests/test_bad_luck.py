"""Bad luck with files: open elsewhere, a disk that fills, folders that change, a process that is killed in between."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ROOT, call_allocate
from plan_examples import going_out
from test_outputs import KEPT_IN_CHILD, contents, refused

from allocate.comparing import compare
from allocate.errors import UsageError
from allocate.names import PLAN_FILE
from allocate.outputs import (
    EXPORTS,
    PAGE_FILE,
    PICTURES,
    check_comparison_target,
    check_target,
    export,
    write_comparison,
    write_plan,
)
from allocate.plans import Plan

# Forms of which a plan's folder may hold one.
FORMS = tuple(EXPORTS)


# Where files go, and what becomes of them, is looked at here: what stands in them is made once.
pytestmark = pytest.mark.usefixtures("made_once")


@pytest.fixture(scope="module")
def busy_plan(tiny_plan: Plan) -> Plan:
    """Return the small district's plan as if it sent people out, so that it has every form."""
    return replace(tiny_plan, content=going_out(tiny_plan.content))


@pytest.fixture(scope="module")
def finished(busy_plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a plan, written once; nobody changes it."""
    return write_plan(busy_plan, tmp_path_factory.mktemp("finished") / "plan")[PLAN_FILE].parent


def copied(finished: Path, where: Path) -> Path:
    """Return a copy of the finished plan."""
    subprocess.run(["cp", "-a", str(finished), str(where / "plan")], check=True)
    return where / "plan"


# ---- open elsewhere ----

OPEN = (
    ("report.docx", "~$report.docx"),  # Word, a name of six letters
    ("report.docx", "~$port.docx"),  # Word, a longer one
    ("report.docx", ".~report.docx"),  # WPS
    ("report.docx", ".~lock.report.docx#"),  # LibreOffice
    ("report.pdf", ".~lock.report.pdf#"),
    ("plan.xlsx", "~$plan.xlsx"),  # Excel
    ("plan.xlsx", ".~plan.xlsx"),
    ("plan.xlsx", ".~an.xlsx"),
    ("cards/index.html", "~$index.html"),
    ("pictures/sites-2025.png", ".~lock.sites-2025.png#"),
    ("csv/worth.csv", "~$worth.csv"),
)


@pytest.mark.parametrize(("file", "lock"), OPEN, ids=[lock for _, lock in OPEN])
def test_what_a_program_holds_open_is_named_and_nothing_is_touched(
    file: str, lock: str, busy_plan: Plan, finished: Path, tmp_path: Path
) -> None:
    folder = copied(finished, tmp_path)
    held = folder / file
    held.parent.mkdir(exist_ok=True)
    held.touch()
    held.with_name(lock).touch()
    before = contents(tmp_path)
    done = call_allocate(tmp_path, "plan", ROOT / "tests" / "data" / "tiny.toml", "--out", "plan")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 2
    assert "Excel" in done.stderr
    form = next(form for form, name in EXPORTS.items() if name in (file, file.split("/")[0]))
    with pytest.raises(UsageError) as caught:
        export(busy_plan.content, form, folder / EXPORTS[form], "zh")
    assert refused(caught, "Excel")
    assert contents(tmp_path) == before


@pytest.mark.parametrize("lock", ["~$compare.xlsx", ".~compare.xlsx", ".~lock.compare.xlsx#"])
def test_a_comparison_that_is_open_is_left_alone(lock: str, tmp_path: Path) -> None:
    (tmp_path / PAGE_FILE).touch()
    (tmp_path / lock).touch()
    with pytest.raises(UsageError) as caught:
        check_comparison_target(tmp_path)
    assert refused(caught, "compare.xlsx", "Excel")


# ---- a disk that fills ----

# Writes what it is asked for onto a small disk of its own, which nobody else sees, and says what was refused.
CHILD = """
import json, os, shutil, subprocess, sys, tempfile
from pathlib import Path
from allocate.comparing import compare
from allocate.errors import AllocateError
from allocate.plans import Plan, read_plan
given, disk = Path(sys.argv[1]), Path(sys.argv[2])
content = read_plan(given)
def write(form, target):
    if form == "plan":
        outputs.write_plan(Plan(content, log="another run"), target)
    elif form == "compare":
        outputs.write_comparison(compare([content, content], ["one", "two"]), [content, content], target)
    else:
        outputs.export(content, form, target, "en")
def seen(folder):
    return {str(p.relative_to(folder)): p.read_bytes().hex() if p.is_file() else "" for p in sorted(folder.rglob("*"))}
def names(form):
    return {"plan": "plan", "compare": "compared"}.get(form) or outputs.EXPORTS[form]
ready = Path(tempfile.mkdtemp())
for line in sys.stdin:
    form, is_new, elsewhere = json.loads(line)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", str(disk)], check=True)
    home = disk / "home"
    shutil.copytree(given, home / "plan")
    target = home / "new" / names(form) if is_new else {"plan": home / "plan"}.get(form, home / "plan" / names(form))
    if form == "compare":
        target = home / "compared"
    if not is_new and not target.exists():
        # (Where there is room it is written once, and then copied.)
        once = ready / form
        if not once.exists():
            write(form, once)
        (shutil.copytree if once.is_dir() else shutil.copy)(once, target)
    room = 4096 * elsewhere
    filling = disk / "filling"
    with filling.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    os.truncate(filling, max(0, filling.stat().st_size - room))
    before = seen(home)
    tempfile.tempdir = str(disk)
    said = None
    try:
        write(form, target)
    except AllocateError as error:
        said = [error.exit_code, str(error)]
    tempfile.tempdir = None
    left = sorted(path.name for path in disk.iterdir() if path.name not in ("home", "filling"))
    print(json.dumps({"said": said, "same": seen(home) == before, "left": left}), flush=True)
    subprocess.run(["umount", str(disk)], check=True)
"""
Filled = Callable[[str, bool, int], dict[str, object]]


def can_mount() -> bool:
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", "mount -t tmpfs -o size=1m none /mnt"], capture_output=True, check=False
    ) if sys.platform == "linux" else None  # fmt: skip
    return done is not None and done.returncode == 0


@pytest.fixture(scope="module")
def small_disk(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """Return a function that writes a form onto a full disk, with room for some pages; a traceback fails the test."""
    if not can_mount():
        pytest.skip("Nobody here may mount a small disk: tests/test_outputs.py limits the size of files instead.")
    disk = tmp_path_factory.mktemp("disk")
    with subprocess.Popen(
        ["unshare", "-m", sys.executable, "-c", KEPT_IN_CHILD + CHILD, str(finished), str(disk)],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        assert child.stdin
        assert child.stdout
        asked, answers = child.stdin, child.stdout

        def write(form: str, is_new: bool, pages: int) -> dict[str, object]:
            asked.write(json.dumps([form, is_new, pages]) + "\n")
            asked.flush()
            answer = answers.readline()
            assert answer, child.communicate()[1]
            found: dict[str, object] = json.loads(answer)
            return found

        yield write
        _, complaints = child.communicate()
        assert (child.returncode, complaints) == (0, "")


@pytest.mark.parametrize("pages", [0, 6])
@pytest.mark.parametrize("form", ["plan", "compare", *FORMS])
def test_a_full_disk_is_one_message_and_leaves_all_as_it_was(form: str, pages: int, small_disk: Filled) -> None:
    for is_new in (False, True):
        found = small_disk(form, is_new, pages)
        if found["said"] is None and pages:  # (what is small found room)
            continue
        assert found["said"], found
        assert isinstance(found["said"], list)
        code, said = found["said"]
        assert code == 2
        assert len(said.splitlines()) in (1, 2), said
        assert "Traceback" not in said
        assert found["same"], (is_new, said)
        assert found["left"] == []


# ---- what changes in between ----


def a_file(target: Path) -> None:
    target.write_text("years of work")


def a_link(target: Path) -> None:
    (target.parent / "elsewhere").mkdir()
    (target.parent / "elsewhere" / "thesis.docx").write_text("years of work")
    target.symlink_to(target.parent / "elsewhere")


def a_folder_of_others(target: Path) -> None:
    target.mkdir()
    (target / "thesis.docx").write_text("years of work")


@pytest.mark.parametrize("form", ["plan", "compare", "csv", "cards", "png", "docx", "html"])
@pytest.mark.parametrize("comes", [a_file, a_link, a_folder_of_others], ids=lambda comes: comes.__name__)
def test_what_comes_to_stand_there_while_files_are_made_is_not_replaced(
    comes: Callable[[Path], None], form: str, tiny_plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "target"
    write, came = Path.write_bytes, []

    def written(self: Path, data: bytes) -> int:
        if not came:
            came.append(self)
            comes(target)
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", written)
    pair = [tiny_plan.content, tiny_plan.content]
    made = compare(pair, ["one", "two"])
    writers: dict[str, Callable[[], object]] = {
        "plan": lambda: write_plan(tiny_plan, target),
        "compare": lambda: write_comparison(made, pair, target),
    }
    with pytest.raises(UsageError) as caught:
        writers.get(form, lambda: export(tiny_plan.content, form, target, "zh"))()
    assert refused(caught, target)
    found = contents(tmp_path)
    assert b"years of work" in found.values()
    assert set(found) <= {"target", "elsewhere", "elsewhere/thesis.docx", "target/thesis.docx"}


# ---- killed in between ----

# Writes a plan or a form over another one, and is killed before the n-th step of the disk; says how it ended, and how
# many steps there were. (What has loaded everything forks, so that a killed one costs little.)
KILLED = """
import json, os, pathlib, shutil, signal, sys, tempfile
from allocate.plans import Plan, read_plan
content = read_plan(pathlib.Path(sys.argv[1]))
content["title"]["zh"] = content["district_data"]["towns"][0]["name"] = "another plan"
count = 0
def counted(step, last, how):
    def taken(*arguments, **named):
        global count
        count += 1
        if count == last:
            os.kill(os.getpid(), getattr(signal, how))
        return step(*arguments, **named)
    return taken
def write(form, target):
    if form == "plan":
        outputs.write_plan(Plan(content, log=""), target)
    else:
        outputs.export(content, form, target, "zh")
# (Once where nobody kills it, so that those who are killed find ready what takes long to make. Other forms begin
# threads, with which nobody should fork.)
with tempfile.TemporaryDirectory() as home:
    for form in ("docx", "cards"):
        write(form, pathlib.Path(home) / form)
for line in sys.stdin:
    form, target, last, how = json.loads(line)
    reads, writes = os.pipe()
    child = os.fork()
    if not child:
        for name in ("write_bytes", "rename", "replace", "chmod"):
            setattr(pathlib.Path, name, counted(getattr(pathlib.Path, name), last, how))
        shutil.rmtree = counted(shutil.rmtree, last, how)
        write(form, target)
        os.write(writes, str(count).encode())
        os._exit(0)
    os.close(writes)
    steps = os.read(reads, 20).decode()
    os.close(reads)
    print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), int(steps or 0)]), flush=True)
"""
Killer = Callable[..., tuple[int, int]]


@pytest.fixture(scope="module")
def killed(finished: Path) -> Iterator[Killer]:
    """Return a function that writes a form and is killed on the way, and says how it ended, after how many steps."""
    with subprocess.Popen(
        [sys.executable, "-c", KEPT_IN_CHILD + KILLED, str(finished)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        assert child.stdin
        assert child.stdout
        asked, answers = child.stdin, child.stdout

        def write(form: str, target: Path, last: int = 10**6, how: str = "SIGKILL") -> tuple[int, int]:
            asked.write(json.dumps([form, str(target), last, how]) + "\n")
            asked.flush()
            answer = answers.readline()
            assert answer, child.communicate()[1]
            ended, steps = json.loads(answer)
            return ended, steps

        yield write
        _, complaints = child.communicate()
        assert (child.returncode, complaints) == (0, "")


@pytest.mark.parametrize("form", ["csv", "docx"])
def test_a_process_killed_at_any_step_leaves_the_old_or_the_new_and_the_next_one_goes_on(
    form: str, finished: Path, busy_plan: Plan, tmp_path: Path, killed: Killer
) -> None:
    folder = copied(finished, tmp_path)
    target = folder / EXPORTS[form]
    export(busy_plan.content, form, target, "zh")
    other = copied(finished, tmp_path_of(tmp_path, "free")) / EXPORTS[form]
    ended, steps = killed(form, other)
    assert ended == 0
    before, after = contents_of(target), contents_of(other)
    assert before != after
    seen = set()
    # (Of the many files of a folder the first and the last ones say enough.)
    steps += 3 if form == "csv" else 0  # to move the folder away that stands there, and to remove it
    for at in (n for n in range(1, steps + 1) if n <= 2 or n > steps - 6):
        assert killed(form, target, at)[0] == -signal.SIGKILL
        found = contents_of(target)
        # Between two steps of a folder nothing stands there: what stood there lies beside it, whole.
        assert found in (before, after, {}), at
        seen.add("old" if found == before else "new" if found == after else "beside")
        check_target(folder)
        assert export(busy_plan.content, form, target, "zh") == target
        assert contents_of(target) == before
        # (What stood there may wait beside it for the next plan, which takes it away.)
        for old in folder.glob(".allocate-old-*"):
            shutil.rmtree(old)
    assert seen >= {"old", "new"} if form == "csv" else {"old"}
    # A plan is written over all that is left, and takes it away.
    write_plan(busy_plan, folder)
    assert not list(folder.glob(".allocate-*"))


def tmp_path_of(tmp_path: Path, name: str) -> Path:
    (tmp_path / name).mkdir()
    return tmp_path / name


def contents_of(target: Path) -> dict[str, bytes]:
    if target.is_file():
        return {"": target.read_bytes()}
    return contents(target) if target.is_dir() else {}


@pytest.mark.parametrize("how", ["SIGTERM", "SIGKILL"])
def test_a_plan_killed_while_it_is_put_in_place_comes_back(
    how: str, finished: Path, tmp_path: Path, killed: Killer
) -> None:
    folder = copied(finished, tmp_path)
    before = contents(folder)
    steps = len([path for path in folder.rglob("*") if path.is_file()]) + 1  # files, and the rights of their folder
    for at in (3, steps, steps + 1, steps + 2):
        assert killed("plan", folder, at, how)[0] == -getattr(signal, how)
        assert contents_of(folder) in (before, {})
        check_target(folder)
        assert contents_of(folder) == before
    # What was left is not ours to keep for ever: a day later it is gone.
    left = [path for path in tmp_path.iterdir() if path != folder]
    assert left
    yesterday = time.time() - 25 * 3600
    for path in left:
        os.utime(path, (yesterday, yesterday))
    assert killed("plan", folder)[0] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["plan"]
    assert "another plan" in (folder / PLAN_FILE).read_text(encoding="utf-8")


def test_what_somebody_else_writes_now_and_folders_of_other_names_are_not_cleared_away(
    tiny_plan: Plan, tmp_path: Path
) -> None:
    yesterday = time.time() - 25 * 3600
    for name in (".allocate-abcd1234", ".allocate-notes", ".allocate-old-abcd1234"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.txt").write_text("mine")
        if name != ".allocate-abcd1234":
            os.utime(tmp_path / name, (yesterday, yesterday))
    before = contents(tmp_path)
    export(tiny_plan.content, "csv", tmp_path / "tables", "zh")
    assert {name: held for name, held in contents(tmp_path).items() if name.startswith(".")} == before


def test_what_a_killed_program_left_within_a_folder_blocks_no_next_one(tiny_plan: Plan, tmp_path: Path) -> None:
    for name in ("new", "compared", "tables"):
        (tmp_path / name / ".allocate-abcd1234").mkdir(parents=True)
        (tmp_path / name / ".allocate-abcd1234" / "half.docx").write_text("half")
    check_target(tmp_path / "new")
    check_comparison_target(tmp_path / "compared")
    export(tiny_plan.content, "csv", tmp_path / "tables", "zh")
    write_plan(tiny_plan, tmp_path / "new")
    assert not list((tmp_path / "new").glob(".*"))
    # A link of that name is nobody's left-over.
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / ".allocate-abcd1234").symlink_to(tmp_path / "new")
    with pytest.raises(UsageError):
        check_target(tmp_path / "other")


# ---- what is missing ----


def test_without_typst_only_the_pdf_is_refused_and_before_anything_is_written(
    tiny_plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    write_plan(tiny_plan, tmp_path / "plan")
    before = contents(tmp_path)
    done = call_allocate(tmp_path, "export", "plan", "--to", "pdf")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 2
    assert "allocate[pdf]" in done.stderr
    assert contents(tmp_path) == before
    assert call_allocate(tmp_path, "export", "plan", "--to", "docx").returncode == 0
    assert contents(tmp_path).keys() == before.keys()


def test_pictures_are_a_folder_of_a_plan_like_its_others(finished: Path, tmp_path: Path) -> None:
    folder = copied(finished, tmp_path)
    (folder / PICTURES).mkdir()
    (folder / PICTURES / "sites-2025.png").touch()
    check_target(folder)
    (folder / PICTURES / "mine.png").touch()
    with pytest.raises(UsageError):
        check_target(folder)
