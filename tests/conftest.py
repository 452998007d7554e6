"""A district of forty places that every test may copy and spoil, and its plan, made once."""

import gc
import io
import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from libreoffice import office  # noqa: F401
from postgis_server import ABSENT, postgis  # noqa: F401
from serving_page import (  # noqa: F401
    chromium,
    client,
    home_folder,
    planned_client,
    planned_folder,
    planned_once,
    serving,
    tab,
)

from allocate import outputs, verification
from allocate.cli import main
from allocate.model import read_model
from allocate.planning import plan
from allocate.plans import Plan, to_json
from allocate.read import read_district
from allocate.words import language

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(__file__).parent / "data"
# Set in the environment, as `make bench` does, it has what takes minutes looked at in whole.
BENCH = "ALLOCATE_BENCH"

# Whoever is started in the background is deaf to Ctrl-C, and so is all that it starts: tests press it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# What takes long to make: its users are kept on one worker, so that it is made once.
MADE_ONCE = {
    "sent_plan": "sent",
    "staffed_plan": "staffed",
    "hubs_plan": "hubs",
    "explained": "explained",
    "small_front": "front",
    "phased": "phased",
    "moving": "moving",
    "road_plan": "roads",
    "road_home": "roads",
    "enlarged": "enlarged",
    "finished": "ambulances",
    "source": "wheel",
    "compared_plans": "compare",
    "planned_once": "planned",
}


# What takes longest, longest first: begun first, so that no worker waits long for another at the end. (The plan of
# Baodi takes minutes, and other tests run beside it.) A file, or a group, that is missing here only ends later.
BEGUN_FIRST = (
    *("baodi", "test_hazards", "explained", "test_fault_kinds", "test_outputs", "hubs", "test_ledger", "test_cli"),
    *("ambulances", "test_cluster"),
    *("browser", "test_hostile_files", "sent", "wheel", "test_explain", "test_estimate", "test_care", "front"),
    *("test_hubs_verification", "test_model", "test_new", "test_templates", "test_rules", "test_words", "staffed"),
    *("test_datum_fit", "test_verification", "test_staff_verification", "test_sent_verification", "test_population"),
)


def pytest_configure(config: pytest.Config) -> None:
    # The workers take groups in the order of the collection, not by the number of tests.
    config.option.loadscopereorder = False


def pytest_collection_finish(session: pytest.Session) -> None:
    # What has been read stays until the end: garbage is looked for among what comes later, and not so often.
    del session
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep on one worker what shares something that takes long to make, else the tests of a file; longest first."""
    for item in items:
        used = [group for name, group in MADE_ONCE.items() if name in getattr(item, "fixturenames", ())]
        if not any(item.iter_markers("xdist_group")):
            item.add_marker(pytest.mark.xdist_group(used[0] if used else item.path.stem))
    ranks = {group: rank for rank, group in enumerate(BEGUN_FIRST)}

    def rank(item: pytest.Item) -> int:
        mark = item.get_closest_marker("xdist_group")
        assert mark is not None
        return ranks.get(mark.args[0], len(ranks))

    items.sort(key=rank)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    if any("postgis" in report.keywords and ABSENT in str(report.longrepr) for report in skipped):
        terminalreporter.write_line(ABSENT, red=True, bold=True)


@dataclass(frozen=True)
class Tiny:
    """A copy of the small district and of its model, to be changed at will."""

    folder: Path
    model: Path

    def edit(self, file: str, old: str, new: str, *, count: int = 1) -> None:
        """Replace a text that a file is known to hold."""
        path = self.model if file == self.model.name else self.folder / file
        text = path.read_text(encoding="utf-8-sig")
        assert old in text, f"{file} does not hold {old!r}"
        path.write_text(text.replace(old, new, count), encoding="utf-8")


def copy_tiny(where: Path) -> Tiny:
    """Copy district and model, the model naming the copy by its whole path."""
    tiny = Tiny(where / "tiny", where / "tiny.toml")
    shutil.copytree(DATA / "tiny", tiny.folder)
    shutil.copy(DATA / "tiny.toml", tiny.model)
    tiny.edit("tiny.toml", 'district = "tiny"', f"district = '{tiny.folder}'")
    return tiny


def one_year(tiny: Tiny) -> Tiny:
    """Leave the model one plan year and no draws."""
    tiny.edit("tiny.toml", "draws = 3", "draws = 0")
    tiny.edit("tiny.toml", "years = [2025, 2027]", "years = [2027]")
    tiny.edit("tiny.toml", "years = [2025]", "years = [2027]")
    return tiny


def in_one_year(tiny: Tiny, year: int = 2027) -> Tiny:
    """Leave the model one plan year, and all of its clauses that year, whichever they have."""
    text = tiny.model.read_text(encoding="utf-8")
    text = re.sub(r"^years = \[[\d, ]+\]", f"years = [{year}]", text, flags=re.MULTILINE)
    tiny.model.write_text(text, encoding="utf-8")
    return tiny


def copy_staffed(where: Path) -> Tiny:
    """Copy the small district with its staff of today, and its model with staff, beds and teams in three years."""
    tiny = copy_tiny(where)
    shutil.copy(DATA / "tiny-staff" / "staff.csv", tiny.folder)
    tiny.edit("tiny.toml", "years = [2025, 2027]", "years = [2025, 2027, 2030]")
    tiny.edit("tiny.toml", "at_most = 2_800_000", "at_most = 12_000_000")
    # (Of the goals, cost alone sees staff; the pay of today's staff counts in the budget. No test asks for a proof of
    # the cost, which takes most of the time.)
    goals = tiny.model.read_text(encoding="utf-8").index("[[goals]]")
    resources = (DATA / "tiny-staff" / "resources.toml").read_text(encoding="utf-8")
    text = (
        tiny.model.read_text(encoding="utf-8")[:goals] + '[[goals]]\ngoal = "cost"\ngap = 0.25\nnodes = 0\n' + resources
    )
    tiny.model.write_text(text, encoding="utf-8")
    return tiny


def copy_sent(where: Path) -> Tiny:
    """Copy the small district with staff, and its model with experts who are posted, rounds, and posts in villages."""
    tiny = copy_staffed(where)
    # (A village that nobody reaches may be visited instead; half as many new sites as it would take.)
    tiny.edit(
        "tiny.toml", 'scope = "place"\nyears = [2027]', 'scope = "place"\nor_by = ["rounds", "posts"]\nyears = [2027]'
    )
    tiny.edit("tiny.toml", "at_most = 5", "at_most = 3")
    tiny.edit("tiny.toml", "gap = 0.25\nnodes = 0", "nodes = 0")
    more = (DATA / "tiny-sent" / "going_out.toml").read_text(encoding="utf-8")
    tiny.model.write_text(tiny.model.read_text(encoding="utf-8") + more, encoding="utf-8")
    return tiny


def copy_hubs(where: Path) -> Tiny:
    """Copy the small district that sends people out, with a second hospital, care homes, and what hubs belong to."""
    tiny = copy_sent(where)
    for file in ("institutions.csv", "functions.csv", "care_homes.csv"):
        shutil.copy(DATA / "tiny-hubs" / file, tiny.folder)
    # (A proof to half a percent, which nothing finds here, is not asked for.)
    tiny.edit("tiny.toml", "nodes = 0", "gap = 0.25\nnodes = 0")
    more = (DATA / "tiny-hubs" / "hubs.toml").read_text(encoding="utf-8")
    tiny.model.write_text(tiny.model.read_text(encoding="utf-8") + more, encoding="utf-8")
    return tiny


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that the workers of a test run share."""
    home = tmp_path_factory.getbasetemp()
    return home.parent if "PYTEST_XDIST_WORKER" in os.environ and sys.platform != "win32" else home


def made_by_first[T](where: Path, make: Callable[[], T]) -> T:
    """Return what takes long to make; the first worker that wants it makes it, and the others read it."""
    if sys.platform == "win32":
        return make()
    import fcntl

    file = where.with_suffix(".pickle")
    with where.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            begun = where.with_suffix(".new")
            begun.write_bytes(pickle.dumps(make()))
            begun.replace(file)
        made: T = pickle.loads(file.read_bytes())
        return made


@pytest.fixture
def hubs_tiny(tmp_path: Path) -> Tiny:
    return copy_hubs(tmp_path)


@pytest.fixture(scope="session")
def hubs_home(shared: Path) -> Tiny:
    """Return the copy that `hubs_plan` was made of; nobody changes it."""
    return made_by_first(shared / "hubs", lambda: copy_hubs(shared / "hubs-home"))


@pytest.fixture(scope="session")
def hubs_plan(hubs_home: Tiny, shared: Path) -> Plan:
    """Return the plan of the small district with consortia and functions, made once; copy its content first."""
    return made_by_first(
        shared / "hubs_plan", lambda: plan(read_district(hubs_home.folder), read_model(hubs_home.model))
    )


@pytest.fixture
def sent_tiny(tmp_path: Path) -> Tiny:
    return copy_sent(tmp_path)


@pytest.fixture(scope="session")
def sent_home(shared: Path) -> Tiny:
    """Return the copy that `sent_plan` was made of; nobody changes it."""
    return made_by_first(shared / "sent", lambda: copy_sent(shared / "sent-home"))


@pytest.fixture(scope="session")
def sent_plan(sent_home: Tiny, shared: Path) -> Plan:
    """Return the plan of the small district that sends people out, made once; copy its content before changing it."""
    return made_by_first(
        shared / "sent_plan", lambda: plan(read_district(sent_home.folder), read_model(sent_home.model))
    )


@pytest.fixture
def staffed_tiny(tmp_path: Path) -> Tiny:
    return copy_staffed(tmp_path)


@pytest.fixture(scope="session")
def staffed_home(shared: Path) -> Tiny:
    """Return the copy that `staffed_plan` was made of; nobody changes it."""
    return made_by_first(shared / "staffed", lambda: copy_staffed(shared / "staffed-home"))


@pytest.fixture(scope="session")
def staffed_plan(staffed_home: Tiny, shared: Path) -> Plan:
    """Return the plan of the small district with staff, made once; copy its content before changing it."""
    return made_by_first(
        shared / "staffed_plan", lambda: plan(read_district(staffed_home.folder), read_model(staffed_home.model))
    )


@pytest.fixture(scope="session")
def real_extract() -> Path:
    """Return an extract of OpenStreetMap: the centre of Helsinki, as its README says."""
    return ROOT / "tests" / "data" / "helsinki" / "helsinki.osm.pbf"


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    return copy_tiny(tmp_path)


@pytest.fixture
def tiny_list(tmp_path: Path) -> Path:
    """Return a copy of a village list that lacks most positions and people."""
    return Path(shutil.copytree(DATA / "tiny-list", tmp_path / "tiny-list"))


@pytest.fixture(scope="session")
def tiny_home(shared: Path) -> Tiny:
    """Return the copy that `tiny_plan` was made of; nobody changes it."""
    return made_by_first(shared / "tiny", lambda: copy_tiny(shared / "tiny-home"))


@pytest.fixture(scope="session")
def plan_again(tiny_home: Tiny) -> Callable[[], Plan]:
    """Return a function that plans the small district as `tiny_plan` was planned."""
    return lambda: plan(read_district(tiny_home.folder), read_model(tiny_home.model))


@pytest.fixture(scope="session")
def tiny_plan(plan_again: Callable[[], Plan], shared: Path) -> Plan:
    """Return the plan of the small district, made once; copy its content before changing it."""
    return made_by_first(shared / "tiny_plan", plan_again)


@pytest.fixture(scope="session")
def compared_plans(tiny_home: Tiny, tiny_plan: Plan) -> list[dict[str, Any]]:
    """Return the plan of the small district, and one that may open a site less in each year."""
    fewer = plan(read_district(tiny_home.folder), read_model(tiny_home.model, {"rules.few_new.at_most": "4"}))
    return [json.loads(to_json(made.content)) for made in (tiny_plan, fewer)]


# What makes a plan's files, and its other forms.
MAKERS = (
    *("map_page", "workbook", "report", "geopackage", "sites_csv", "timetable_page", "calendars", "card_pages"),
    *("pictures", "csv_files", "geojson", "_recommended", "pdf"),
)
_made: dict[bytes, Any] = {}


@pytest.fixture
def made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what stands in the files of equal plans be made once: for tests that look at where it goes alone."""

    def once(name: str) -> Callable[..., Any]:
        make = getattr(outputs, name)

        def made(*about: Any) -> Any:
            key = sha256(pickle.dumps((name, language(), about))).digest()
            if key not in _made:
                _made[key] = make(*about)
            return _made[key]

        return made

    for name in MAKERS:
        monkeypatch.setattr(outputs, name, once(name))


@pytest.fixture
def read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a recheck read each folder once: for tests that change plans, and no folder that a plan was made of."""
    monkeypatch.setattr(verification, "read_district", _known)


_known = cache(read_district)


def start_python(home: Path, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run this checkout's Python in a folder; a traceback fails the test that meets it."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=home,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"} | environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def call_allocate(home: Path, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder as its door does, in this process, which has loaded everything already.

    A test of `test_cli.py` sees that a process of its own says and writes the same.
    """
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    words = ["allocate", *map(str, arguments)]
    with (
        chdir(home),
        patch.dict(os.environ, environment),
        patch.object(sys, "argv", words),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    for stream in (out, err):
        stream.seek(0)
    assert isinstance(ended.value.code, int)
    return subprocess.CompletedProcess(words, ended.value.code, out.read(), err.read())
