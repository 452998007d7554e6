"""A planner's folder that others have made: what its files say leads nowhere else, and starts nothing by itself."""

import hashlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from serving_page import Server, client_of
from starlette.testclient import TestClient

from allocate.replacing import undo_among
from allocate.serve import history, run_events, runs
from allocate.serve.commands import command_of
from allocate.serve.home import RUNS, Home

FAKE = (sys.executable, str(Path(__file__).with_name("fake_worker.py")))


def entry_of(folder: Path, files: dict[str, list[str]], before: str = "") -> str:
    """Put an entry into the history as the page writes them, and return its id."""
    changes = [history.Change((file,), None, "1 B") for file in files]
    told = {"before": before, "files": files}
    return history.add(Home.at(folder), who="x", what="data", of="tiny", changes=changes, told=told).id


@pytest.mark.parametrize("file", ["../" * 4 + "evil.csv", "/evil.csv", ".hidden.csv", "..\\evil.csv", "c:evil.csv"])
def test_an_entry_of_the_history_that_names_files_elsewhere_puts_nothing_there(home_folder: Path, file: str) -> None:
    planted = b"planted"
    home = Home.at(home_folder).path
    kept = home / "maps" / "before" / "kept"
    kept.mkdir(parents=True)
    if not file.startswith("/"):
        (kept / file).resolve().write_bytes(planted)
    before = sorted(home.parent.rglob("*evil*"))
    id = entry_of(home, {file: [hashlib.sha256(planted).hexdigest(), ""]}, "kept")
    with client_of(home) as page:
        answer = page.post("/api/data/tiny/undo", json={"id": id})
    assert answer.status_code == 422, answer.text
    assert sorted(home.parent.rglob("*evil*")) == before


def queued(home: Path, **changed: Any) -> Path:
    """Put a file of a run into the queue as the page would, changed by whoever made the folder; return its folder."""
    place = Home.at(home)
    run = runs.Runs(place).add(command_of(place, {"verb": "plan", "model": "tiny"}), "x", "zh")
    folder = place.path / RUNS / run.id
    content = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**content, **changed}))
    return folder


def until(page: TestClient, id: str, *states: str) -> dict[str, Any]:
    """Wait until a run is in one of some states, and return it."""
    for _ in range(1000):
        run: dict[str, Any] = page.get(f"/api/runs/{id}").json()
        if run["state"] in states:
            return run
        time.sleep(0.02)
    pytest.fail(f"{run['state']}, not {states}")


@pytest.fixture
def faked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "WORKER", FAKE)


@pytest.mark.parametrize(
    "changed",
    [
        {"words": ["plan", "tiny", "--out=../elsewhere"]},
        {"words": ["serve", "--host=0.0.0.0"]},
        {"asked": {"verb": "plan", "model": "tiny", "name": "other"}},
        {"asked": {}},
        {"target": "other"},
    ],
)
def test_a_command_in_the_queue_that_the_page_did_not_make_is_not_run(
    faked: None, home_folder: Path, changed: dict[str, Any]
) -> None:
    del faked
    folder = queued(home_folder, **changed)
    with client_of(home_folder) as page:
        run = until(page, folder.name, "failed", "finished")
    assert run["state"] == "failed"
    assert "没有执行" in run["note"]
    assert not (folder / "words.json").exists()


def test_what_a_run_prints_goes_into_its_own_folder_and_not_where_a_link_leads(
    faked: None, home_folder: Path, tmp_path: Path
) -> None:
    del faked
    other = tmp_path / "other"
    other.write_text("as it was")
    folder = queued(home_folder)
    for name in ("stdout.txt", "stderr.txt", "events.jsonl", "alive"):
        (folder / name).symlink_to(other)
    with client_of(home_folder) as page:
        until(page, folder.name, "finished")
    assert other.read_text() == "as it was"


def test_runs_that_a_link_leads_to_are_not_begun(faked: None, home_folder: Path, tmp_path: Path) -> None:
    del faked
    folder = queued(home_folder)
    (home_folder / RUNS).rename(tmp_path / "runs")
    (home_folder / RUNS).symlink_to(tmp_path / "runs")
    with client_of(home_folder) as page:
        assert page.get("/api/runs").json()["runs"] == []
        assert page.post("/api/runs", json={"verb": "check", "model": "tiny"}).status_code in (404, 422)
    assert json.loads((tmp_path / "runs" / folder.name / "run.json").read_text())["state"] == "waiting"


def test_a_run_that_says_it_began_in_the_future_does_not_hold_up_the_queue(faked: None, home_folder: Path) -> None:
    del faked
    folder = queued(home_folder, state="running", started="2999-01-01T00:00:00+00:00", pid=999_999)
    with client_of(home_folder) as page:
        assert until(page, folder.name, "killed", "finished")["state"] == "killed"


def test_the_queue_goes_on_after_what_nobody_foresaw(
    faked: None, home_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del faked
    folder = queued(home_folder)
    look, failed = runs.Runs._look, []

    def fails_once(kept: runs.Runs) -> bool:
        if kept._task is not None and not failed:
            failed.append(1)
            raise RuntimeError("odd")
        return look(kept)

    monkeypatch.setattr(runs.Runs, "_look", fails_once)
    with client_of(home_folder) as page:
        until(page, folder.name, "finished")
        assert failed


def test_a_module_that_lies_in_the_folder_is_not_run(home_folder: Path) -> None:
    for name in ("pandas", "random", "shapely", "typer"):
        (home_folder / f"{name}.py").write_text("open('it-ran', 'w')")
    with client_of(home_folder) as page:
        id = page.post("/api/runs", json={"verb": "check", "model": "tiny"}).json()["id"]
        run = until(page, id, "finished", "failed")
    assert run["state"] == "finished", run
    assert not (home_folder / "it-ran").exists()


def test_a_module_that_lies_in_the_folder_is_not_read_beside_the_server(
    home_folder: Path, serving: Callable[..., Server]
) -> None:
    for name in ("multiprocessing", "random", "pandas"):
        (home_folder / f"{name}.py").write_text("open('it-ran', 'w')")
    server = serving(home_folder, fake=True)
    cookies = {f"allocate-{server.port}": server.token}
    answer = httpx.get(f"{server.origin}/api/data/tiny", cookies=cookies, timeout=60)
    assert answer.status_code == 200
    assert not (home_folder / "it-ran").exists()


def test_the_queue_is_kept_by_one_server_alone_even_after_the_whole_folder_was_sent(home_folder: Path) -> None:
    queued(home_folder, words=["none"])
    with client_of(home_folder) as page:
        assert page.get("/api/runs").json()["count"] == 1
        assert page.get("/home.zip?runs=1").status_code == 200
        other = "import pathlib, allocate.serve.alive as a; print(a.is_held(pathlib.Path('maps/runs/.lock')))"
        said = subprocess.run(
            [sys.executable, "-c", other], cwd=home_folder, capture_output=True, text=True, check=True
        )
        assert said.stdout.strip() == "True"


def test_a_plan_says_that_its_model_or_its_data_have_changed_since(
    planned_client: TestClient, planned_folder: Path
) -> None:
    assert 'id="changed"' not in planned_client.get("/plans/tiny").text
    model = planned_folder / "models" / "tiny.toml"
    before = model.read_bytes()
    model.write_bytes(before + b"\n# another word\n")
    text = planned_client.get("/plans/tiny").text
    assert 'id="changed"' in text
    assert "tiny.toml" in text.partition('id="changed"')[2].partition("</span>")[0]
    model.write_bytes(b"not = [toml")
    assert 'id="changed"' in planned_client.get("/plans/tiny").text
    model.write_bytes(before)
    assert 'id="changed"' not in planned_client.get("/plans/tiny").text
    table = planned_folder / "data" / "tiny" / "places.csv"
    table.write_bytes(table.read_bytes() + b"\n")
    assert "places.csv" in planned_client.get("/plans/tiny").text.partition('id="changed"')[2].partition("</span>")[0]


def test_a_plan_that_somebody_stopped_says_so_at_its_head(planned_client: TestClient, planned_folder: Path) -> None:
    assert 'id="stopped"' not in planned_client.get("/plans/tiny").text
    file = planned_folder / "maps" / "out" / "tiny" / "plan.json"
    file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), "stopped": True}), encoding="utf-8")
    assert 'id="stopped"' in planned_client.get("/plans/tiny").text


@pytest.mark.parametrize("way", ["/models/", "/data/", "/plans/", "/answers/", "/api/data/", "/api/models/", "/runs/"])
def test_a_name_longer_than_any_disk_takes_leads_nowhere(client: TestClient, way: str) -> None:
    for name in ("a" * 3_000, "界" * 100):
        assert client.get(f"{way}{name}").status_code == 404
    assert client.get(f"/data/tiny/files/{'a' * 300}").status_code == 404


@pytest.mark.parametrize("text", ['{"verb": "plan", "model": "\\ud800"}', '{"verb": "plan", "gap": Infinity}'])
def test_what_no_file_can_hold_is_refused_before_anything_is_done(client: TestClient, text: str) -> None:
    for way in ("/api/runs", "/api/districts", "/api/models/tiny/changes", "/api/data/tiny/undo"):
        answer = client.post(way, content=text, headers={"content-type": "application/json"})
        assert answer.status_code == 422
        assert len(answer.json()["problems"]) == 1


def test_an_origin_that_is_none_is_refused_like_any_other(client: TestClient) -> None:
    assert client.post("/api/runs", json={}, headers={"origin": "http://["}).status_code == 403


def test_the_page_of_an_answer_asks_nothing_of_anybody(client: TestClient, home_folder: Path) -> None:
    folder = home_folder / "maps" / "out" / "odd"
    folder.mkdir(parents=True)
    for name in ("prices.html", "prices.json"):
        (folder / name).write_text("<script src='//elsewhere'></script>")
    policy = client.get("/answers/odd/page/prices.html").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert policy.startswith("sandbox allow-scripts")
    assert "allow-same-origin" not in policy


def test_a_fault_is_told_on_a_page_in_the_language_of_whoever_asks(home_folder: Path) -> None:
    with client_of(home_folder, "zh") as page:
        page.cookies.set("language", "en")
        text = page.get("/compare/page.html").text
    assert "Choose 2 to 6 plans." in text
    assert "请选" not in text


def test_half_a_file_that_was_being_sent_is_never_taken(home_folder: Path, serving: Callable[..., Server]) -> None:
    server = serving(home_folder, fake=True)
    headers = {"origin": server.origin}
    cookies = {f"allocate-{server.port}": server.token}
    with httpx.Client(base_url=server.origin, headers=headers, cookies=cookies, timeout=60) as page:
        upload = page.put("/api/data/tiny/files/a.csv?upload=new", content=b"a,b\n").json()["upload"]
        with socket.create_connection(("127.0.0.1", server.port)) as cut:
            head = (
                f"PUT /api/data/tiny/files/b.csv?upload={upload} HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\n"
                f"origin: {server.origin}\r\ncookie: allocate-{server.port}={server.token}\r\n"
                f"content-length: 1000\r\n\r\n"
            )
            cut.sendall(head.encode() + b"id,people\n")
            held = home_folder / "data" / f".allocate-{upload}" / "tiny" / "b.csv"
            until_is(held.exists)
        until_is(lambda: not held.exists())


def until_is(what: Callable[[], bool]) -> None:
    for _ in range(500):
        if what():
            return
        time.sleep(0.02)
    pytest.fail("It never came about.")


def test_lines_with_returns_in_them_are_told_once(tmp_path: Path) -> None:
    file = tmp_path / "stdout.txt"
    file.write_bytes(b"a long line\rbar\nnext\n")
    read = run_events._File(file, "line", 0)
    told = [line for _ in range(5) for line in read.new_lines(last=False)]
    assert told == [b"a long line\rbar\n", b"next\n"]


def test_a_district_whose_files_were_being_replaced_when_the_program_was_killed_is_put_back(
    home_folder: Path,
) -> None:
    folder = home_folder / "data" / "tiny"
    place = folder / "places.csv"
    before = place.read_bytes()
    # (As a kill between the two moves leaves it.)
    left = folder / ".allocate-old-abcdefgh"
    (left / "new").mkdir(parents=True)
    (left / "old").mkdir()
    (left / "new" / place.name).write_bytes(b"new")
    (left / "moves.json").write_text(json.dumps({"new": [place.name], "old": [place.name]}))
    place.rename(left / "old" / place.name)
    os.utime(left, (0, 0))
    with client_of(home_folder) as page:
        found = page.get("/api/data/tiny").json()
    assert place.read_bytes() == before
    assert found["faults"] == 0
    assert not left.exists()


def test_what_is_said_to_have_been_moved_elsewhere_is_left_alone(tmp_path: Path) -> None:
    folder, other = tmp_path / "folder", tmp_path / "other"
    left = folder / ".allocate-old-abcdefgh"
    (left / "old").mkdir(parents=True)
    other.mkdir()
    (left / "moves.json").write_text(json.dumps({"new": ["../other"], "old": []}))
    undo_among(folder)
    assert other.is_dir()
