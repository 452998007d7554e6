"""A planner's folder that plans in seconds, and its page: within this process, or as a server with a browser."""

import os
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from allocate.model import read_model
from allocate.outputs import write_plan
from allocate.planning import plan
from allocate.read import read_district
from allocate.serve.app import make_app
from allocate.serve.asking import LANGUAGE_COOKIE, Served
from allocate.serve.beside import Beside
from allocate.serve.home import OUT, Home
from allocate.words import Language

with warnings.catch_warnings():
    # (Newer ones prefer the successor of httpx, and take httpx as well.)
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

# (`conftest` takes its fixtures from here, and therefore gives nothing to it.)
ROOT = Path(__file__).resolve().parents[1]
DATA = Path(__file__).parent / "data"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WIDE, NARROW = (1280, 800), (390, 800)
TOKEN = "a-token-of-the-tests-alone"
PORT = 8765
ORIGIN = f"http://127.0.0.1:{PORT}"
# Whatever is looked for off this machine is not found.
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
# How long a server may take to start, and to end [s].
STARTING, ENDING = 60.0, 15.0


def make_home(where: Path) -> Path:
    """Make a planner's folder: the district of forty places and its model in one year, planned within seconds."""
    shutil.copytree(DATA / "tiny", where / "data" / "tiny")
    (where / "models").mkdir()
    text = (DATA / "tiny.toml").read_text(encoding="utf-8")
    for old, new in (
        ("draws = 3", "draws = 0"),
        ("\nyears = [2025, 2027]", "\nyears = [2027]"),
        ("\nyears = [2025]", "\nyears = [2027]"),
    ):
        assert old in text, old
        text = text.replace(old, new)
    (where / "models" / "tiny.toml").write_text(text, encoding="utf-8")
    return where


def copy_home(source: Path, where: Path) -> Path:
    """Copy a planner's folder."""
    return Path(shutil.copytree(source, where))


@pytest.fixture
def home_folder(tmp_path: Path) -> Path:
    """Return a planner's folder with a district `tiny` and a model of it, to be changed at will; it has no plan."""
    return make_home(tmp_path / "规划 folder")


@pytest.fixture(scope="session")
def planned_once(shared: Path) -> Path:
    """Return a folder that has a plan, made once; nobody changes it."""
    from conftest import made_by_first

    def make() -> Path:
        home = make_home(shared / "planned")
        # (Where a model names its district by name alone, it is found beside the current folder.)
        before = Path.cwd()
        os.chdir(home)
        try:
            model = read_model("tiny")
            write_plan(plan(read_district(model.district_folder()), model), home / OUT / "tiny")
        finally:
            os.chdir(before)
        return home

    return made_by_first(shared / "planned-once", make)


@pytest.fixture
def planned_folder(planned_once: Path, tmp_path: Path) -> Path:
    """Return a planner's folder as `home_folder`, with its plan `tiny`, to be changed at will."""
    return copy_home(planned_once, tmp_path / "规划 folder")


def client_of(folder: Path, language: Language = "zh", *, runs_at_once: int = 1, **options: Any) -> TestClient:
    """Return who asks the page of a folder in this process, with the cookie of its start and its own origin.

    Within `with`, the page has begun: what it does beside answering is under way, and ends with it.
    """
    served = Served(Home.at(folder), Beside(), language, "planner", runs_at_once)
    app = make_app(served, token=TOKEN, port=PORT, **options)
    return TestClient(
        app,
        base_url=ORIGIN,
        headers={"origin": ORIGIN, "sec-fetch-site": "same-origin"},
        cookies={f"allocate-{PORT}": TOKEN},
        follow_redirects=False,
        raise_server_exceptions=True,
    )


@pytest.fixture
def client(home_folder: Path) -> Iterator[TestClient]:
    """Ask the page of `home_folder`."""
    with client_of(home_folder) as made:
        yield made


@pytest.fixture
def planned_client(planned_folder: Path) -> Iterator[TestClient]:
    """Ask the page of `planned_folder`."""
    with client_of(planned_folder) as made:
        yield made


@dataclass
class Server:
    """A page that is served by a process of its own.

    Attributes
    ----------
    address
        What the terminal says is to be opened, token and all.
    log
        What it said.
    """

    folder: Path
    process: "subprocess.Popen[bytes]"
    address: str
    log: Path

    @property
    def origin(self) -> str:
        """Where it answers, as `http://127.0.0.1:8765`."""
        return self.address.partition("/?")[0]

    @property
    def token(self) -> str:
        """What its cookie holds."""
        return self.address.partition("token=")[2]

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.origin.rpartition(":")[2])

    def end(self, *, at_once: bool = False) -> None:
        """End the server as Ctrl-C in its terminal does, or at once as a crash does; nothing of it is left after."""
        if self.process.poll() is None:
            with suppress(ProcessLookupError):
                self.process.kill() if at_once else self.process.terminate()
            try:
                self.process.wait(ENDING)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(ENDING)

    def said(self) -> str:
        """Return what it said so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")


def start_server(folder: Path, log: Path, *options: str, fake: bool = False, **environment: str) -> Server:
    """Start the page of a folder, and return it once it listens; a process that does not say where fails the test.

    Where it is told to fake, its runs are those of `fake_worker.py`.
    """
    program = [str(Path(__file__).with_name("fake_serve.py"))] if fake else ["-m", "allocate"]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, *program, "serve", str(folder), "--no-browser", "--port", "0", *options],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"} | environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    until = time.monotonic() + STARTING
    while time.monotonic() < until and process.poll() is None:
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True):
            if line.strip().startswith("http://") and line.endswith("\n"):
                return Server(folder, process, line.strip(), log)
        time.sleep(0.05)
    process.kill()
    process.wait(ENDING)
    pytest.fail(f"The page did not start: {log.read_text(encoding='utf-8', errors='replace')}")


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Return a function that starts the page of a folder; afterwards all of them are ended, by their ids."""
    started: list[Server] = []

    def serve(folder: Path, *options: str, fake: bool = False, **environment: str) -> Server:
        log = tmp_path / f"serve-{len(started)}.log"
        started.append(start_server(folder, log, *options, fake=fake, **environment))
        return started[-1]

    yield serve
    for server in started:
        server.end()


@dataclass
class Tab:
    """A tab of a browser, and what it asked for and complained of."""

    page: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    context: Any = None


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Return a browser that finds no other machine."""
    if CHROMIUM is None:
        if os.environ.get("CI") == "true":
            pytest.fail("There is no Chromium, and CI=true: run tests/browser/get-chromium.sh as root.")
        pytest.skip("There is no Chromium: the browser tests of the page are skipped.")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(OPTIONS))
        yield started
        started.close()


@pytest.fixture
def tab(chromium: Any) -> Iterator[Callable[..., Tab]]:
    """Return a function that opens a page of a server in a browser of its own.

    Afterwards nothing was asked of any other host, and nothing was complained of: a test that expects a complaint
    (a refusal is one) takes it out of `complaints`.
    """
    opened: list[tuple[Tab, str]] = []

    def open_page(
        server: Server,
        way: str = "/",
        size: tuple[int, int] = WIDE,
        language: Language = "zh",
        beside: Tab | None = None,
    ) -> Tab:
        if beside is None:
            context = chromium.new_context(viewport={"width": size[0], "height": size[1]})
            context.add_cookies([{"name": LANGUAGE_COOKIE, "value": language, "url": server.origin}])
        else:
            context = beside.context
        shown = Tab(context.new_page(), context=context)
        shown.page.set_default_timeout(30_000)
        shown.page.on("request", lambda request: shown.requests.append(request.url))
        shown.page.on("console", lambda message: shown.complaints.append(message.text))
        shown.page.on("pageerror", lambda error: shown.complaints.append(str(error)))
        opened.append((shown, server.origin))
        if beside is None:
            shown.page.goto(server.address)
        shown.page.goto(server.origin + way)
        return shown

    yield open_page
    for shown, _ in opened:
        with suppress(Exception):
            shown.context.close()
    for shown, origin in opened:
        others = [url for url in shown.requests if not url.startswith((f"{origin}/", "data:", "blob:", "about:"))]
        assert others == []
        assert shown.complaints == []
