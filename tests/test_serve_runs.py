"""Runs that are asked for in the page: what may be asked, what becomes of them, and what outlives whom."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_worker import STAGES
from serving_page import client_of
from starlette.testclient import TestClient

from allocate.errors import UsageError
from allocate.serve import run_events, runs, worker
from allocate.serve.alive import is_held
from allocate.serve.commands import VERBS, command_of
from allocate.serve.home import OUT, RUNS, Home
from allocate.serve.run_pages import answer_files
from allocate.words import speaking

FAKE = (sys.executable, str(Path(__file__).with_name("fake_worker.py")))
PLAN = {"verb": "plan", "model": "tiny"}
# A run that goes on until it is stopped.
LONG = {"fake.steps": "2000", "fake.pause": "0.05"}


@pytest.fixture
def faked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "WORKER", FAKE)


@pytest.fixture
def page(faked: None, home_folder: Path) -> Iterator[TestClient]:
    del faked
    with client_of(home_folder) as made:
        yield made


def ask(page: TestClient, asked: dict[str, Any]) -> str:
    answer = page.post("/api/runs", json=asked)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def until(page: TestClient, id: str, *states: str, seconds: float = 60) -> dict[str, Any]:
    """Wait until a run is in one of some states, and return it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        run: dict[str, Any] = page.get(f"/api/runs/{id}").json()
        if run["state"] in states:
            return run
        time.sleep(0.02)
    pytest.fail(f"{run['state']}, not {states}: {run}")


def until_told(page: TestClient, id: str) -> dict[str, Any]:
    """Wait until a run has said how far it is."""
    for _ in range(500):
        run: dict[str, Any] = page.get(f"/api/runs/{id}").json()
        if run["progress"]:
            return run
        time.sleep(0.02)
    pytest.fail("nothing was said")


def problems_of(page: TestClient, asked: object) -> dict[str, str]:
    answer = page.post("/api/runs", json=asked)
    assert answer.status_code == 422, answer.text
    assert page.get("/api/runs").json()["runs"] == []
    return {one["column"]: one["what"] for one in answer.json()["problems"]}


def folder_of(home: Path, id: str) -> Path:
    return home / RUNS / id


def test_a_run_does_what_its_command_would_and_leads_to_the_plan(page: TestClient, home_folder: Path) -> None:
    id = ask(page, {**PLAN, "name": "方案 2", "seconds": 20, "changes": {"rules.few_new.at_most": "4"}})
    run = until(page, id, "finished")
    words, language, place = json.loads((folder_of(home_folder, id) / "words.json").read_text())
    assert words == [
        *("plan", "tiny", "--out=maps/out/方案 2", "--seconds=20", "--set=rules.few_new.at_most=4"),
        f"--progress=maps/runs/{id}",
    ]
    assert (language, Path(place)) == ("zh", home_folder)
    assert run["command"] == "allocate plan tiny '--out=maps/out/方案 2' --seconds=20 --set=rules.few_new.at_most=4"
    assert run["result"] == {"plan": "方案 2", "lines": ["开始 plan", "依据 一项假定", "没有错误。"]}
    assert run["title"] == "编制方案：tiny → 方案 2"
    assert (run["who"], run["code"], run["before"]) == ("planner", 0, {"rules.few_new.at_most": 5})
    assert run["progress"]["people"] == {"2027": 20_002}
    # (What is proven in the end, and not what was known last while it was looked for.)
    assert run["progress"]["gaps"] == dict.fromkeys(STAGES, 0.001)
    assert run["seconds"] >= 0


def test_every_verb_becomes_the_command_of_a_terminal(planned_folder: Path) -> None:
    home = Home.at(planned_folder)
    shutil.copytree(planned_folder / OUT / "tiny", planned_folder / OUT / "b" / "tiny")
    asked: list[tuple[dict[str, Any], str]] = [
        ({"verb": "plan", "model": "tiny", "from": "tiny", "gap": 0.01, "draws": 0},
         "plan tiny --out=maps/out/tiny --gap=0.01 --from=maps/out/tiny --set=draws=0"),
        ({"verb": "plan", "model": "tiny", "scenario": "less", "seconds": 2.5},
         "plan tiny --out=maps/out/tiny-less --seconds=2.5 --scenario=less"),
        ({"verb": "check", "model": "tiny"}, "check tiny"),
        ({"verb": "explain", "model": "tiny", "changes": {"draws": "3"}}, "explain tiny --set=draws=3"),
        ({"verb": "explain", "plan": "tiny"}, "explain maps/out/tiny"),
        ({"verb": "alternatives", "plan": "b/tiny", "seconds": 9},
         "alternatives maps/out/b/tiny --out=maps/out/b-tiny-alternatives --seconds=9"),
        ({"verb": "robust", "plan": "tiny", "draws": 5}, "robust maps/out/tiny --out=maps/out/tiny-robust --draws=5"),
        ({"verb": "prices", "model": "tiny"}, "prices tiny --out=maps/out/tiny-prices"),
        ({"verb": "scenarios", "model": "tiny", "names": ["a", "draws=4"]},
         "scenarios tiny a draws=4 --out=maps/out/tiny-scenarios"),
        ({"verb": "compare", "plans": ["tiny", "b/tiny"]}, "compare maps/out/tiny maps/out/b/tiny"),
        ({"verb": "compare", "plans": ["tiny", "b/tiny"], "name": "c"},
         "compare maps/out/tiny maps/out/b/tiny --out=maps/out/c"),
        ({"verb": "export", "plan": "tiny", "to": "pdf", "language": "en"},
         "export maps/out/tiny --to=pdf --language=en"),
        ({"verb": "verify", "plan": "tiny"}, "verify maps/out/tiny"),
    ]  # fmt: skip
    assert {one["verb"] for one, _ in asked} == set(VERBS)
    for one, words in asked:
        # (What is empty is as good as not said.)
        assert " ".join(command_of(home, {**one, "changes": one.get("changes") or {}}).words) == words


def test_words_of_commands_are_known_to_the_program(planned_folder: Path) -> None:
    # What the page says is looked at by the very program that runs it: no option is misspelt, none is missing.
    import typer

    from allocate.cli import app

    group = typer.main.get_command(app)
    for verb, keys in VERBS.items():
        options = {name for one in group.commands[verb].params for name in one.opts}  # type: ignore[attr-defined]
        meant = {"name": "out", "changes": "set"}
        own = keys - {"model", "plan", "plans", "names"} - ({"draws"} if verb == "plan" else set())
        assert {f"--{meant.get(key, key)}" for key in own} <= options, verb
    del planned_folder


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, {"verb": "problem.choice"}),
        ({"verb": "serve"}, {"verb": "problem.choice"}),
        ({"verb": ["plan"]}, {"verb": "problem.choice"}),
        ({"verb": "plan"}, {"model": "serve_runs.needed"}),
        ({"verb": "plan", "model": "--help"}, {"model": "serve_runs.no_text"}),
        ({"verb": "plan", "model": "../models/tiny"}, {"model": "serve_runs.no_model"}),
        ({"verb": "plan", "model": {"a": 1}}, {"model": "serve_runs.no_text"}),
        ({**PLAN, "name": "../x"}, {"name": "serve_runs.no_name"}),
        ({**PLAN, "name": "/etc/x"}, {"name": "serve_runs.no_name"}),
        ({**PLAN, "name": "a/b/c/d"}, {"name": "serve_runs.no_name"}),
        ({**PLAN, "name": "--strict"}, {"name": "serve_runs.no_name"}),
        ({**PLAN, "name": "CON"}, {"name": "serve_runs.no_name"}),
        ({**PLAN, "name": "a\nb"}, {"name": "serve_runs.no_name"}),
        ({**PLAN, "name": "x" * 300}, {"name": "serve_runs.no_name"}),
        ({**PLAN, "seconds": 0}, {"seconds": "serve_runs.no_number"}),
        ({**PLAN, "seconds": "20; rm -rf /"}, {"seconds": "serve_runs.no_number"}),
        ({**PLAN, "seconds": True}, {"seconds": "serve_runs.no_number"}),
        ({**PLAN, "gap": 2, "draws": 1.5}, {"gap": "serve_runs.no_number", "draws": "serve_runs.no_number"}),
        ({**PLAN, "scenario": "--out=/tmp"}, {"scenario": "serve_runs.no_text"}),
        ({**PLAN, "changes": {"a=b": "1"}}, {"changes": "serve_runs.no_key"}),
        ({**PLAN, "changes": {"a": 1}}, {"changes": "serve_runs.no_value"}),
        ({**PLAN, "changes": {"a": "x\0y"}}, {"changes": "serve_runs.no_value"}),
        ({**PLAN, "changes": [1]}, {"changes": "serve_runs.no_changes"}),
        ({**PLAN, "changes": {str(n): "x" * 19_000 for n in range(3)}}, {"changes": "serve_runs.too_long"}),
        ({**PLAN, "from": "nothing"}, {"from": "serve_runs.no_plan"}),
        ({**PLAN, "from": "run:20260101-000000-aaaa"}, {"from": "serve_runs.nothing_kept"}),
        ({**PLAN, "from": "run:../../x"}, {"from": "serve_runs.nothing_kept"}),
        ({**PLAN, "strict": True}, {"strict": "serve_runs.unknown_key"}),
        ({"verb": "verify", "plan": "tiny"}, {"plan": "serve_runs.no_plan"}),
        ({"verb": "compare", "plans": ["a"]}, {"plans": "serve_runs.few_plans"}),
        ({"verb": "compare", "plans": "ab"}, {"plans": "serve_runs.few_plans"}),
        ({"verb": "explain"}, {"model, plan": "serve_runs.one_of"}),
        ({"verb": "scenarios", "model": "tiny", "names": ["--scheduler=x"]}, {"names": "serve_runs.no_text"}),
    ],
)  # fmt: skip
def test_what_is_no_sound_wish_is_refused_and_starts_nothing(
    page: TestClient, asked: dict[str, Any], found: dict[str, str]
) -> None:
    assert problems_of(page, asked) == found


def test_everything_that_is_wrong_is_said_at_once(page: TestClient) -> None:
    found = problems_of(page, {"verb": "plan", "model": "x", "seconds": -1, "name": "..", "zzz": 1})
    assert found == {
        "model": "serve_runs.no_model", "seconds": "serve_runs.no_number",
        "name": "serve_runs.no_name", "zzz": "serve_runs.unknown_key",
    }  # fmt: skip


def test_a_model_whose_name_begins_with_a_dash_is_no_option(home_folder: Path) -> None:
    (home_folder / "models" / "--set=x.toml").write_text("")
    with pytest.raises(UsageError):
        command_of(Home.at(home_folder), {"verb": "check", "model": "--set=x"})


def test_runs_wait_for_each_other_in_the_order_in_which_they_were_asked_for(page: TestClient) -> None:
    first = ask(page, {**PLAN, "name": "a", "changes": LONG})
    second = ask(page, {**PLAN, "name": "b", "changes": LONG})
    third = ask(page, {**PLAN, "name": "c"})
    until_told(page, first)
    waiting = [page.get(f"/api/runs/{id}").json() for id in (second, third)]
    assert [(run["state"], run["place"], run["started"]) for run in waiting] == [
        ("waiting", 1, None),
        ("waiting", 2, None),
    ]
    assert [run["id"] for run in page.get("/api/runs").json()["runs"]] == [third, second, first]
    assert page.post(f"/api/runs/{first}/cancel").json()["state"] == "stopping"
    until_told(page, second)
    assert page.post(f"/api/runs/{second}/cancel").json()["state"] == "stopping"
    assert until(page, third, "finished")["result"]["plan"] == "c"


def test_two_runs_go_on_at_a_time_where_that_was_asked_for(faked: None, home_folder: Path) -> None:
    del faked
    with client_of(home_folder, runs_at_once=2) as page:
        ids = [ask(page, {**PLAN, "name": name, "changes": LONG}) for name in "abc"]
        assert [page.get(f"/api/runs/{id}").json()["state"] for id in ids] == ["running", "running", "waiting"]


def test_only_so_many_wait(page: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "MOST_WAITING", 2)
    first = ask(page, {**PLAN, "name": "a", "changes": LONG})
    for name in "bc":
        ask(page, {**PLAN, "name": name})
    refused = page.post("/api/runs", json={**PLAN, "name": "d"})
    assert (refused.status_code, refused.json()["problems"][0]["what"]) == (422, "serve_runs.too_many")
    for _ in range(2):
        page.post(f"/api/runs/{first}/cancel")


def test_two_runs_never_write_the_same_folder(page: TestClient) -> None:
    first = ask(page, {**PLAN, "name": "a", "changes": LONG})
    for name in ("a", "a/b"):
        refused = page.post("/api/runs", json={**PLAN, "name": name})
        assert refused.json()["problems"][0]["what"] == "serve_runs.target_taken"
    for _ in range(2):
        page.post(f"/api/runs/{first}/cancel")
    until(page, first, "stopped")
    ask(page, {**PLAN, "name": "a"})


def test_a_run_that_is_stopped_writes_the_best_plan_so_far_and_says_that_it_was(page: TestClient) -> None:
    id = ask(page, {**PLAN, "changes": LONG})
    until_told(page, id)
    page.post(f"/api/runs/{id}/cancel")
    run = until(page, id, "stopped")
    assert run["result"]["plan"] == "tiny"
    assert "已提前停止" in run["note"]


def test_a_run_that_is_told_twice_ends_at_once_and_can_be_gone_on_from(page: TestClient, home_folder: Path) -> None:
    id = ask(page, {**PLAN, "changes": {**LONG, "fake.end": "slow"}})
    until_told(page, id)
    assert page.post(f"/api/runs/{id}/cancel").json()["state"] == "stopping"
    page.post(f"/api/runs/{id}/cancel")
    run = until(page, id, "stopped")
    assert (run["result"], run["kept"]) == ({"lines": ["开始 plan"]}, True)
    assert "接着算" in run["note"]
    assert not (home_folder / OUT / "tiny").exists()
    again = ask(page, {**PLAN, "from": f"run:{id}"})
    words = json.loads((folder_of(home_folder, again) / "words.json").read_text())[0] if until(
        page, again, "finished") else []  # fmt: skip
    assert f"--from=maps/runs/{id}/kept.json" in words


def test_a_run_that_heeds_nothing_is_made_to_end(page: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "_ENDING", 0.2)
    id = ask(page, {**PLAN, "changes": {"fake.steps": "2000", "fake.pause": "0.05", "fake.end": "deaf"}})
    until_told(page, id)
    page.post(f"/api/runs/{id}/cancel")
    page.post(f"/api/runs/{id}/cancel")
    assert until(page, id, "stopped", "finished")["state"] == "stopped"


def test_a_run_that_waits_is_cancelled_before_it_begins(page: TestClient) -> None:
    first = ask(page, {**PLAN, "name": "a", "changes": LONG})
    second = ask(page, {**PLAN, "name": "b"})
    run = page.post(f"/api/runs/{second}/cancel").json()
    assert (run["state"], run["started"], run["seconds"]) == ("stopped", None, None)
    assert page.post(f"/api/runs/{second}/cancel").status_code == 422
    for _ in range(2):
        page.post(f"/api/runs/{first}/cancel")


@pytest.mark.parametrize(
    ("end", "state", "part"),
    [
        ("fault", "failed", "请按下面的问题修改"),
        ("no plan", "failed", "在给定时间内没有方案"),
        ("silent", "failed", "磁盘已满"),
        (f"signal {int(signal.SIGKILL)}", "killed", "内存不足"),
        (f"signal {int(signal.SIGSEGV)}", "killed", "SIGSEGV"),
    ],
)
def test_a_run_that_fails_says_what_happened_and_what_to_do(page: TestClient, end: str, state: str, part: str) -> None:
    run = until(page, ask(page, {**PLAN, "changes": {"fake.end": end}}), "failed", "killed", "finished")
    assert run["state"] == state
    assert part in run["note"]
    assert "plan" not in run["result"]
    if end == "fault":
        assert run["said"] == ["allocate: 模型有 1 处问题：", "  * tiny.toml · rules.x: 没有这个键"]
    if end.startswith("signal"):
        assert run["kept"]


def test_the_events_of_a_run_go_on_where_a_browser_was(page: TestClient) -> None:
    id = ask(page, PLAN)
    until(page, id, "finished")
    heard = list(events_of(page.get(f"/api/runs/{id}/events").text))
    kinds = [kind for kind, _, _ in heard]
    assert kinds.count("progress") == 4
    assert kinds.count("line") == 3
    assert kinds[-2:] == ["state", "end"] or kinds[-1] == "end"
    told = [json.loads(data) for kind, data, _ in heard if kind == "progress"]
    assert [one.get("stage", one["phase"]) for one in told] == [*STAGES, "files"]
    # Cut off after the third event, a browser says so and hears the rest, once.
    third = heard[2]
    rest = page.get(f"/api/runs/{id}/events", headers={"last-event-id": third[2]}).text
    assert [one for one in events_of(rest) if one[0] in ("progress", "line")] == [
        one for one in heard[3:] if one[0] in ("progress", "line")
    ]
    assert page.get(f"/api/runs/{id}/events?since={heard[-1][2] or third[2]}").status_code == 200


def events_of(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield events as kind, data and id."""
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":"))
        if "event" in fields:
            yield fields["event"], fields["data"], fields.get("id", "")


def test_an_event_that_is_half_written_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"a": 1}\n{"b"')
    file = run_events._File(path, "progress", 0)
    assert list(file.new_lines(last=False)) == [b'{"a": 1}\n']
    with path.open("ab") as more:
        more.write(b": 2}\n")
    assert list(file.new_lines(last=False)) == [b'{"b": 2}\n']
    # In the end, what has no end of its line is told as well; and a file that was cut is read from where it is now.
    with path.open("ab") as more:
        more.write(b"rest")
    assert list(file.new_lines(last=True)) == [b"rest"]
    path.write_bytes(b"x\n")
    assert list(file.new_lines(last=True)) == [b"x\n"]


def test_only_so_many_listen_at_a_time(page: TestClient) -> None:
    id = ask(page, PLAN)
    until(page, id, "finished")
    state = page.app.app.state  # type: ignore[attr-defined]
    state.streams = run_events.MOST_STREAMS
    assert page.get(f"/api/runs/{id}/events").status_code == 422
    state.streams = 0
    assert page.get(f"/api/runs/{id}/events").status_code == 200
    assert state.streams == 0


def test_a_run_that_is_removed_takes_nothing_else_with_it(page: TestClient, home_folder: Path) -> None:
    ids = [ask(page, {**PLAN, "name": name}) for name in "ab"]
    for id in ids:
        until(page, id, "finished")
    assert page.post(f"/api/runs/{ids[0]}/remove").status_code == 200
    assert [item.name for item in (home_folder / RUNS).iterdir() if item.is_dir()] == [ids[1]]
    assert (home_folder / OUT / "a" / "plan.json").is_file()
    assert page.post(f"/api/runs/{ids[0]}/remove").status_code == 404
    assert page.get(f"/runs/{ids[0]}").status_code == 404


def test_a_run_that_goes_on_is_not_removed(page: TestClient) -> None:
    id = ask(page, {**PLAN, "changes": LONG})
    until_told(page, id)
    assert page.post(f"/api/runs/{id}/remove").status_code == 422
    for _ in range(2):
        page.post(f"/api/runs/{id}/cancel")


@pytest.mark.parametrize("id", ["..", "20261123-114203-zzzz", "%2e%2e", "x", "20261123-114203-ab12"])
def test_names_that_are_none_of_a_run_lead_nowhere(page: TestClient, id: str) -> None:
    for way in (f"/runs/{id}", f"/api/runs/{id}", f"/api/runs/{id}/events"):
        assert page.get(way).status_code in (404, 200 if id in ("..", "%2e%2e") and way == "/runs/.." else 404)
    assert page.post(f"/api/runs/{id}/remove").status_code == 404


def test_a_run_folder_that_is_a_link_is_no_run(page: TestClient, home_folder: Path, tmp_path: Path) -> None:
    id = ask(page, PLAN)
    until(page, id, "finished")
    other = f"{id[:-4]}ffff"
    shutil.copytree(folder_of(home_folder, id), tmp_path / "elsewhere")
    folder_of(home_folder, other).symlink_to(tmp_path / "elsewhere")
    assert page.get(f"/api/runs/{other}").status_code == 404
    assert page.post(f"/api/runs/{other}/remove").status_code == 404
    assert (tmp_path / "elsewhere" / "run.json").is_file()


def test_who_did_what_stands_in_the_history(page: TestClient, home_folder: Path) -> None:
    page.cookies.set("name", "%E7%8E%8B%E8%8A%B3")
    id = ask(page, {**PLAN, "changes": {"rules.few_new.at_most": "4"}})
    line = json.loads((home_folder / "maps" / "history.jsonl").read_text().splitlines()[-1])
    assert (line["who"], line["what"], line["of"], line["run"]) == ("王芳", "run", "tiny", id)
    assert line["changes"] == [{"key": ["rules", "few_new", "at_most"], "from": 5, "to": "4"}]
    until(page, id, "finished")


def test_an_orderly_end_of_the_page_ends_runs_and_what_waits_begins_with_the_next(
    faked: None, home_folder: Path
) -> None:
    del faked
    with client_of(home_folder) as page:
        first = ask(page, {**PLAN, "name": "a", "changes": LONG})
        second = ask(page, {**PLAN, "name": "b"})
        until_told(page, first)
        while not page.get(f"/api/runs/{first}").json()["kept"]:
            time.sleep(0.02)
    assert not is_held(folder_of(home_folder, first) / worker.ALIVE)
    with client_of(home_folder) as page:
        run = until(page, first, "killed")
        assert "页面程序关闭" in run["note"]
        assert run["kept"]
        assert until(page, second, "finished")["result"]["plan"] == "b"


def begun_by_one_that_dies(home: Home) -> tuple[runs.Runs, str, "subprocess.Popen[bytes]"]:
    """Return a queue that begins a run and does not look at it again, the run's id, and its process."""
    died = runs.Runs(home)
    id = died.add(command_of(home, {**PLAN, "changes": LONG}), "me", "zh").id
    died._look()
    return died, id, died._own.pop(id)


def test_a_run_whose_server_died_is_followed_by_the_next_one(faked: None, home_folder: Path) -> None:
    del faked
    home = Home.at(home_folder)
    # A server that starts a run, and is never heard of again: its process goes on.
    died, id, process = begun_by_one_that_dies(home)
    assert died._keeps is not None
    died._keeps.release()
    for _ in range(500):
        if (folder_of(home_folder, id) / runs.EVENTS).is_file():
            break
        time.sleep(0.02)
    with client_of(home_folder) as page:
        until(page, id, "running")
        until_told(page, id)
        page.post(f"/api/runs/{id}/cancel")
        process.wait(10)
        run = until(page, id, "stopped")
        assert (run["result"]["plan"], run["code"]) == ("tiny", 0)


def test_a_run_that_ended_just_before_its_server_did_is_said_to_have_finished(faked: None, home_folder: Path) -> None:
    del faked
    home = Home.at(home_folder)
    queue = runs.Runs(home)
    id = queue.add(command_of(home, PLAN), "me", "zh").id
    queue._look()
    process = queue._own[id]
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    asyncio.run(queue.stop())
    assert (queue.one(id).state, queue.one(id).code) == ("finished", 0)
    # (Nor is its process left for somebody else to bury.)
    assert process.returncode == 0


def test_a_run_that_died_with_its_server_is_shown_as_killed_with_what_it_kept(faked: None, home_folder: Path) -> None:
    del faked
    home = Home.at(home_folder)
    died, id, process = begun_by_one_that_dies(home)
    for _ in range(500):
        if (folder_of(home_folder, id) / "kept.json").is_file():
            break
        time.sleep(0.02)
    process.kill()
    process.wait(10)
    assert died._keeps is not None
    died._keeps.release()
    with client_of(home_folder) as page:
        run = until(page, id, "killed")
        assert (run["kept"], run["code"]) == (True, None)
        assert "进程中途没有了" in run["note"]


def test_a_full_disk_refuses_a_run_with_one_message_and_leaves_nothing(
    page: TestClient, home_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(runs, "put", full)
    answer = page.post("/api/runs", json=PLAN)
    assert answer.status_code == 422
    assert "磁盘" in answer.json()["error"]
    assert [item for item in (home_folder / RUNS).iterdir() if item.is_dir()] == []


def test_a_disk_that_is_full_while_a_run_ends_is_written_once_there_is_room(
    page: TestClient, home_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = ask(page, {**PLAN, "changes": {"fake.steps": "10", "fake.pause": "0.05"}})
    until_told(page, id)
    with monkeypatch.context() as full:
        full.setattr(runs, "put", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        # What is known is shown all the same.
        until(page, id, "finished")
    for _ in range(200):
        if json.loads((folder_of(home_folder, id) / "run.json").read_text())["state"] == "finished":
            break
        time.sleep(0.02)
    else:
        pytest.fail("It was never written.")


def test_a_folder_that_cannot_be_written_refuses_with_one_message(page: TestClient, home_folder: Path) -> None:
    # (Whoever is root may write anywhere: a file stands in the place of the folder.)
    (home_folder / "maps").write_text("")
    answer = page.post("/api/runs", json=PLAN)
    assert answer.status_code == 422
    assert len(answer.json()["problems"]) == 1


def test_files_of_runs_that_somebody_spoilt_are_passed_over(page: TestClient, home_folder: Path) -> None:
    id = ask(page, PLAN)
    until(page, id, "finished")
    good = json.loads((folder_of(home_folder, id) / "run.json").read_text())
    spoilt: list[object] = [
        [], "x", {**good, "state": "odd"}, {**good, "created": "yesterday"}, {**good, "started": "2026-01-01"}, {},
    ]  # fmt: skip
    for number, content in enumerate(spoilt):
        folder = home_folder / RUNS / f"20260101-000000-000{number}"
        folder.mkdir()
        (folder / "run.json").write_text(json.dumps(content))
    odd = home_folder / RUNS / "20260101-000000-00ff"
    odd.mkdir()
    (odd / "run.json").write_text(json.dumps({**good, "note": ["nothing_like_it", {}], "pid": "x", "verb": "<b>"}))
    found = {run["id"]: run for run in page.get("/api/runs").json()["runs"]}
    assert set(found) == {id, odd.name}
    assert found[odd.name]["note"] == ""
    assert "&lt;b&gt;" in page.get(f"/runs/{odd.name}").text


def test_hostile_texts_are_shown_as_text(page: TestClient) -> None:
    page.cookies.set("name", "%3Cscript%3Ealert(1)%3C%2Fscript%3E")
    id = ask(page, {**PLAN, "changes": {"</script><img onerror>{{7*7}}": "=cmd|'/c calc'!A1<script>alert(1)"}})
    until(page, id, "finished")
    text = page.get(f"/runs/{id}").text
    assert "<img" not in text
    assert "<script>alert" not in text
    assert "{{7*7}}" in text


def test_answers_are_shown_in_a_frame_and_given_as_files(planned_client: TestClient, planned_folder: Path) -> None:
    folder = planned_folder / OUT / "tiny-prices"
    folder.mkdir()
    for name in ("prices.html", "prices.xlsx", "prices.json", "prices-curve.csv", "secret.txt", "log.txt"):
        (folder / name).write_text(f"<p>{name}")
    page = planned_client.get("/answers/tiny-prices")
    assert 'sandbox="allow-scripts allow-downloads allow-modals"' in page.text
    assert "/answers/tiny-prices/page/prices.html" in page.text
    assert "secret" not in page.text
    framed = planned_client.get("/answers/tiny-prices/page/prices.html")
    assert framed.headers["content-security-policy"].startswith("sandbox ")
    file = planned_client.get("/answers/tiny-prices/files/prices-curve.csv")
    assert file.headers["content-disposition"].startswith("attachment")
    for way in (
        "/answers/tiny-prices/files/secret.txt", "/answers/tiny-prices/page/prices.xlsx", "/answers/tiny",
        "/answers/nothing", "/answers/%2e%2e", "/answers/tiny-prices/files/..%2f..%2ftiny%2fplan.json",
    ):  # fmt: skip
        assert planned_client.get(way).status_code == 404, way
    assert [file.name for file in answer_files(Home.at(planned_folder), "tiny-prices")][:1] == ["prices-curve.csv"]


def test_a_check_is_run_by_the_program_itself(client: TestClient, home_folder: Path) -> None:
    good = until(client, ask(client, {"verb": "check", "model": "tiny"}), "finished", "failed", seconds=60)
    assert good["result"]["lines"][-1] == "没有错误。"
    asked = {"verb": "check", "model": "tiny", "changes": {"rules.few_new.nope": "1"}}
    bad = until(client, ask(client, asked), "finished", "failed", seconds=60)
    assert (bad["state"], bad["code"]) == ("failed", 2)
    assert any("nope" in line for line in bad["said"])
    assert not any("Traceback" in line for line in bad["said"])
    assert (folder_of(home_folder, good["id"]) / worker.ENDED).is_file()


def test_what_nobody_foresaw_is_told_without_where_in_the_program_it_was(
    home_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("allocate.cli.main", fail)
    monkeypatch.setattr(sys, "argv", ["worker", str(home_folder), "check", "tiny"])
    before = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(SystemExit) as ended, speaking("en"):
            worker.main()
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert "secret" not in said
    assert worker.FAULT in said
    assert "ZeroDivisionError" in (home_folder / worker.FAULT).read_text()
    assert json.loads((home_folder / worker.ENDED).read_text())["code"] == 1


def test_a_foreign_origin_starts_nothing(page: TestClient, home_folder: Path) -> None:
    for headers in ({"origin": "http://evil.example", "sec-fetch-site": "cross-site"}, {"host": "evil.example"}):
        assert page.post("/api/runs", json=PLAN, headers=headers).status_code in (403, 421)
    assert not (home_folder / RUNS).exists()


def test_nothing_that_only_looks_changes_anything(page: TestClient, home_folder: Path) -> None:
    before = sorted(home_folder.rglob("*"))
    for way in ("/runs", "/api/runs"):
        assert page.get(way).status_code == 200
    assert page.get("/api/runs/x/cancel").status_code in (404, 405)
    assert sorted(home_folder.rglob("*")) == before
