"""Who may ask the page, and for what: hosts, origins, the token of a start, sizes, paths; what browsers are told."""

import http.client
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from serving_page import ORIGIN, PORT, TOKEN, Server, TestClient, client_of
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from typer.testing import CliRunner

from allocate.cli import app as cli
from allocate.errors import UsageError
from allocate.serve.app import make_app
from allocate.serve.asking import Served
from allocate.serve.beside import Beside, Refused
from allocate.serve.home import Home, Outside

WAYS = ("/", "/runs", "/history", "/compare", "/static/serve.css", "/nowhere", "/api/nowhere", "/models/tiny")
EVERYWHERE = ("x-content-type-options", "referrer-policy", "content-security-policy", "cross-origin-opener-policy")


@pytest.fixture
def stranger(home_folder: Path) -> Iterator[TestClient]:
    """Ask the page without the cookie of its start."""
    with client_of(home_folder) as made:
        made.cookies.clear()
        yield made


@pytest.mark.parametrize("way", WAYS)
def test_without_the_token_nothing_is_answered(stranger: TestClient, way: str) -> None:
    found = stranger.get(way)
    assert found.status_code == 401
    assert "tiny" not in found.text
    assert TOKEN not in found.text


def test_a_wrong_token_opens_nothing(stranger: TestClient) -> None:
    assert stranger.get("/?token=wrong").status_code == 401
    assert "set-cookie" not in stranger.get("/?token=wrong").headers
    stranger.cookies.set(f"allocate-{PORT}", "wrong")
    assert stranger.get("/").status_code == 401


def test_the_token_of_the_address_becomes_a_cookie_that_no_script_and_no_other_site_sees(stranger: TestClient) -> None:
    found = stranger.get(f"/?token={TOKEN}")
    assert (found.status_code, found.headers["location"]) == (303, "/")
    told = found.headers["set-cookie"]
    assert "HttpOnly" in told
    assert "SameSite=Strict" in told
    assert TOKEN in told


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", f"127.0.0.1:{PORT + 1}", f"evil.example:{PORT}", "", "127.0.0.1.evil.example"]
)
def test_a_name_that_was_bound_to_this_machine_after_the_fact_is_refused(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", [f"127.0.0.1:{PORT}", f"localhost:{PORT}", f"LOCALHOST:{PORT}", f"[::1]:{PORT}"])
def test_the_names_of_this_machine_are_answered(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "told",
    [
        {"origin": "http://evil.example", "sec-fetch-site": "cross-site"},
        {"origin": "http://evil.example", "sec-fetch-site": "same-origin"},
        {"origin": ORIGIN, "sec-fetch-site": "cross-site"},
        {"origin": ORIGIN, "sec-fetch-site": "same-site"},
        {"origin": "null", "sec-fetch-site": "same-origin"},
        {"origin": f"http://127.0.0.1:{PORT + 1}", "sec-fetch-site": "same-site"},
        {"origin": "http://evil.example"},
        {},
    ],
)
@pytest.mark.parametrize("way", ["/language/en", "/api/runs"])
def test_no_other_site_can_change_anything_though_the_browser_sends_the_cookie(
    home_folder: Path, told: dict[str, str], way: str
) -> None:
    with client_of(home_folder) as client:
        del client.headers["origin"], client.headers["sec-fetch-site"]
        assert client.post(way, headers=told, json={}).status_code == 403


def test_a_change_from_the_page_itself_is_taken(client: TestClient) -> None:
    found = client.post("/language/en?back=/runs")
    assert (found.status_code, found.headers["location"]) == (303, "/runs")
    assert "SameSite=strict" in found.headers["set-cookie"]


@pytest.mark.parametrize(
    "back", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "x"]
)
def test_the_way_back_leads_to_no_other_host(client: TestClient, back: str) -> None:
    assert client.post("/language/en", params={"back": back}).headers["location"] == "/"


@pytest.mark.parametrize("way", WAYS)
def test_every_answer_tells_the_browser_to_load_nothing_from_elsewhere(client: TestClient, way: str) -> None:
    found = client.get(way)
    assert all(name in found.headers for name in EVERYWHERE)
    policy = found.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http" not in policy


@pytest.mark.parametrize("way", ["/", "/runs", "/history", "/compare", "/models/tiny", "/data/tiny", "/nowhere"])
def test_no_script_or_style_stands_in_a_page(client: TestClient, way: str) -> None:
    text = client.get(way).text
    for script in re.findall(r"<script\b([^>]*)>", text):
        assert "src=" in script or 'type="application/json"' in script
    assert not re.search(r"<[^>]+\s(on\w+|style)\s*=", text)
    assert "<style" not in text
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", text)


@pytest.mark.parametrize(
    "way",
    [
        "/static/..%2fapp.py",
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/",
        "/plans/..%2f..%2fdata%2ftiny",
        "/models/..%2f..%2fsecret",
        "/models/%00",
        "/plans//etc/passwd",
    ],
)
def test_no_way_leads_out_of_the_folder(client: TestClient, home_folder: Path, way: str) -> None:
    (home_folder.parent / "secret.toml").write_text("secret = 1")
    found = client.get(way)
    assert found.status_code in (404, 422)
    assert "secret" not in found.text


@pytest.mark.parametrize("name", ["..", "../x", "a/../../x", "/etc", "", ".", "a//b", "a\0b", "a\\b", "x/.."])
def test_a_path_out_of_the_folder_is_none(home_folder: Path, name: str) -> None:
    with pytest.raises(Outside):
        Home.at(home_folder).inside("maps/out", name)


def test_a_link_out_of_the_folder_is_not_followed(home_folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / "plan").mkdir(parents=True)
    (other / "plan" / "plan.json").write_text("{}")
    (home_folder / "maps" / "out").mkdir(parents=True)
    (home_folder / "maps" / "out" / "linked").symlink_to(other / "plan")
    home = Home.at(home_folder)
    assert home.plans() == []
    with pytest.raises(Outside):
        home.plan("linked")


def test_a_body_that_says_it_is_too_large_is_not_read(home_folder: Path) -> None:
    with client_of(home_folder, most_bytes=1000) as client:
        assert client.post("/api/runs", content=b"x" * 1001).status_code == 413


def _client_with(folder: Path, handler: Callable[[Request], object], most_bytes: int = 1000) -> TestClient:
    """Return who asks a page that has one more address, `/api/x`."""
    served = Served(Home.at(folder), Beside(), "en", "planner")
    app = make_app(served, token=TOKEN, port=PORT, most_bytes=most_bytes)
    inner = app.app
    assert isinstance(inner, Starlette)
    inner.router.routes.insert(0, Route("/api/x", handler, methods=["GET", "POST"]))
    headers = {"origin": ORIGIN, "cookie": f"allocate-{PORT}={TOKEN}"}
    return TestClient(app, base_url=ORIGIN, headers=headers)


def test_a_body_without_a_length_ends_where_it_grows_too_large(home_folder: Path) -> None:
    async def read(request: Request) -> Response:
        return PlainTextResponse(str(len(await request.body())))

    def endless() -> Iterator[bytes]:
        yield from (b"x" * 100 for _ in range(1000))

    client = _client_with(home_folder, read)
    assert client.post("/api/x", content=b"x" * 900).text == "900"
    found = client.post("/api/x", content=endless())
    assert (found.status_code, found.text) == (413, '{"error": "That is too large, and was not taken"}')


def test_what_nobody_foresaw_is_told_to_the_terminal_and_not_to_the_browser(
    home_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(request: Request) -> Response:
        raise ValueError("the password is hunter2")

    found = _client_with(home_folder, fail).get("/api/x")
    assert found.status_code == 500
    assert found.json()["error"].startswith("Something went wrong in the program")
    assert "hunter2" not in found.text
    assert "Traceback" not in found.text
    assert "hunter2" in caplog.text


def test_a_real_server_listens_on_this_machine_alone_and_refuses_what_is_no_request(
    home_folder: Path, serving: Callable[..., Server]
) -> None:
    server = serving(home_folder)
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)) as asked:
        asked.request("GET", "/", headers={"Host": "evil.example"})
        assert asked.getresponse().status == 421
    for line in (b"GARBAGE\r\n\r\n", b"GET / HTTP/1.1\r\nHost: " + b"x" * 100_000 + b"\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
            raw.sendall(line)
            assert b"Traceback" not in raw.recv(65_536)
    for address in {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}:
        if not str(address).startswith("127."):
            with (
                pytest.raises((ConnectionError, TimeoutError)),
                socket.create_connection((str(address), server.port), timeout=2),
            ):
                pass
    server.end()
    assert "Traceback" not in server.said()


def test_another_start_has_another_token(home_folder: Path, serving: Callable[..., Server]) -> None:
    first, second = serving(home_folder), serving(home_folder)
    assert first.token != second.token
    assert min(len(first.token), len(second.token)) >= 32


@pytest.mark.parametrize("token", [[], ["--token", "short"]])
def test_other_machines_are_let_in_by_a_long_token_only(home_folder: Path, token: list[str]) -> None:
    found = CliRunner().invoke(cli, ["serve", str(home_folder), "--host", "0.0.0.0", "--no-browser", *token])
    assert isinstance(found.exception, UsageError)
    assert "--token" in str(found.exception)


def test_a_folder_that_is_none_and_a_port_that_is_taken_are_said(home_folder: Path) -> None:
    found = CliRunner().invoke(cli, ["serve", str(home_folder / "nowhere"), "--no-browser"])
    assert isinstance(found.exception, UsageError)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        found = CliRunner().invoke(cli, ["serve", str(home_folder), "--no-browser", "--port", port])
    assert isinstance(found.exception, UsageError)
    assert port in str(found.exception)


def _end_itself() -> None:
    import os

    os._exit(9)


def _refuse() -> None:
    from allocate.errors import Problem

    raise UsageError([Problem("serve.not_json", "file.csv", 7, "name")])


def _sleep() -> None:
    import time

    time.sleep(60)


def _add(one: int, other: int) -> int:
    return one + other


def test_what_brings_down_the_process_beside_leaves_the_page_standing() -> None:
    import anyio

    async def ask() -> None:
        beside = Beside()
        try:
            assert await beside.call(_add, 1, 2, language="en") == 3
            with pytest.raises(UsageError, match="ended in between"):
                await beside.call(_end_itself, language="en")
            assert await beside.call(_add, 2, 2, language="en") == 4
            with pytest.raises(Refused, match=r"file\.csv") as refused:
                await beside.call(_refuse, language="en")
            assert refused.value.problems[0].row == 7
            with pytest.raises(UsageError, match="not done within"):
                await beside.call(_sleep, language="en", seconds=0.5)
            assert await beside.call(_add, 3, 2, language="en") == 5
        finally:
            beside.stop()

    anyio.run(ask)


def test_where_other_machines_are_let_in_any_name_is_answered_with_the_token_alone(home_folder: Path) -> None:
    app = make_app(Served(Home.at(home_folder), Beside(), "zh", "x"), token=TOKEN, port=PORT, hosts=())
    with TestClient(app, base_url="http://planner.example", follow_redirects=False) as client:
        assert client.get("/").status_code == 401
        assert client.get(f"/?token={TOKEN}").status_code == 303
        assert client.get("/").status_code == 200
