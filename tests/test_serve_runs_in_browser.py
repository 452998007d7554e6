"""Runs in a real browser with the network cut: seen as they go on, stopped, gone on from; by two people at once."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import axe
import pytest
from serving_page import NARROW, WIDE, Server, Tab

from allocate.serve.home import OUT, RUNS
from allocate.words import LANGUAGES, Language

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

PLAN = {"verb": "plan", "model": "tiny", "seconds": 20}
LONG = {"fake.steps": "2000", "fake.pause": "0.05"}
_SEND = "(asked) => allocate.send('/api/runs', asked)"
ENDED = "#again:not([hidden])"


def ask(shown: Tab, asked: dict[str, Any]) -> str:
    """Ask for a run and open its page; return its id."""
    made = shown.page.evaluate(_SEND, asked)
    shown.page.goto(shown.page.url.split("/", 3)[0] + "//" + shown.page.url.split("/")[2] + made["way"])
    return str(made["id"])


def run_of(home: Path, id: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((home / RUNS / id / "run.json").read_text(encoding="utf-8"))
    return content


def test_a_plan_is_made_while_one_looks_on(
    serving: Callable[..., Server], home_folder: Path, tab: Callable[..., Tab]
) -> None:
    shown = tab(serving(home_folder), "/runs")
    assert shown.page.locator("#none").is_visible()
    id = ask(shown, {**PLAN, "changes": {"rules.few_new.at_most": "4"}})
    page = shown.page
    # Live: what it does now, the people whom the best plan so far serves, and the figures of its stages.
    page.wait_for_selector("#people tbody td")
    assert page.locator("#people thead th").inner_text() == "2027 年"
    assert page.locator("#cancel").inner_text() == "停止并保留目前最好的方案"
    # A reload in between loses nothing.
    page.reload()
    page.wait_for_selector(ENDED, timeout=90_000)
    assert page.locator("#state").inner_text() == "完成"
    assert page.locator("#open").get_attribute("href") == "/plans/tiny"
    lines = page.locator("#printed dt").all_inner_texts()
    assert {"站点", "人口", "条款", "费用", "证明", "依据"} <= set(lines)
    content = json.loads((home_folder / OUT / "tiny" / "plan.json").read_text(encoding="utf-8"))
    rows = page.locator("#figures tbody tr").all_inner_texts()
    assert len(rows) == len(content["stages"])
    cost = next(row for row in content["stages"] if row["name"] == "cost")
    assert next(row for row in rows if row.startswith("费用")).split("\t")[1] == f"{cost['value']:,}"
    assert page.locator("#command").inner_text() == run_command(home_folder, id)
    page.goto(page.url.rpartition("/")[0])
    page.wait_for_selector("#runs tbody tr")
    assert "few_new · 至多：5 → 4" in page.locator("#runs tbody tr").inner_text()


def run_command(home: Path, id: str) -> str:
    words = [word for word in run_of(home, id)["words"] if not word.startswith("--progress")]
    return " ".join(["allocate", *words])


def test_a_plan_that_is_stopped_is_written_as_it_stands(
    serving: Callable[..., Server], home_folder: Path, tab: Callable[..., Tab]
) -> None:
    shown = tab(serving(home_folder))
    id = ask(shown, PLAN)
    shown.page.wait_for_selector("#people tbody td")
    shown.page.click("#cancel")
    shown.page.wait_for_selector(ENDED, timeout=60_000)
    run = run_of(home_folder, id)
    # (So small a plan may be done in the very moment in which it is stopped.)
    assert run["state"] in ("stopped", "finished")
    assert (home_folder / OUT / "tiny" / "plan.json").is_file()
    assert shown.page.locator("#open").is_visible()


def test_two_tabs_show_the_same_run(serving: Callable[..., Server], home_folder: Path, tab: Callable[..., Tab]) -> None:
    server = serving(home_folder, fake=True)
    first = tab(server)
    id = ask(first, {**PLAN, "changes": LONG})
    second = tab(server, f"/runs/{id}", beside=first)
    for shown in (first, second):
        shown.page.bring_to_front()
        shown.page.wait_for_function("document.querySelectorAll('#figures tbody tr').length > 0")
    second.page.click("#cancel")
    for shown in (first, second):
        shown.page.wait_for_selector(ENDED)
        assert shown.page.locator("#state").inner_text() == "已停止"
        assert "已提前停止" in shown.page.locator("#note").inner_text()


def test_a_run_whose_process_is_killed_says_so_and_is_gone_on_from(
    serving: Callable[..., Server], home_folder: Path, tab: Callable[..., Tab]
) -> None:
    shown = tab(serving(home_folder, fake=True))
    id = ask(shown, {**PLAN, "changes": LONG})
    page = shown.page
    page.wait_for_selector("#people tbody td")
    os.killpg(run_of(home_folder, id)["pid"], signal.SIGKILL)
    page.wait_for_selector(ENDED)
    assert page.locator("#state").inner_text() == "中断"
    assert "内存不足" in page.locator("#note").inner_text()
    page.click("#go-on")
    page.wait_for_function("(id) => !location.pathname.endsWith(id)", arg=id)
    page.wait_for_selector("#cancel:not([hidden])")
    assert f"--from=maps/runs/{id}/kept.json" in page.locator("#command").inner_text()


def test_a_run_outlives_its_server_and_is_found_again_by_the_next(
    serving: Callable[..., Server], home_folder: Path, tab: Callable[..., Tab]
) -> None:
    server = serving(home_folder, fake=True)
    shown = tab(server)
    first = ask(shown, {**PLAN, "name": "a", "changes": LONG})
    shown.page.wait_for_selector("#people tbody td")
    second = shown.page.evaluate(_SEND, {**PLAN, "name": "b", "changes": {"fake.steps": "3"}})["id"]
    server.end(at_once=True)
    # The tab says that nobody answers.
    shown.page.wait_for_selector("#line:not([hidden])")
    shown.complaints.clear()
    shown.page.goto("about:blank")
    shown.complaints.clear()
    again = tab(serving(home_folder, fake=True), f"/runs/{first}")
    again.page.wait_for_selector("#cancel:not([hidden])")
    assert again.page.locator("#state").inner_text() == "进行中"
    again.page.wait_for_selector("#people tbody td")
    again.page.click("#cancel")
    again.page.wait_for_selector(ENDED)
    assert run_of(home_folder, first)["state"] == "stopped"
    again.page.goto(again.page.url.replace(first, second))
    again.page.wait_for_selector(ENDED)
    assert again.page.locator("#open").get_attribute("href") == "/plans/b"


def test_a_run_that_fails_shows_each_fault_and_leads_to_the_model(
    serving: Callable[..., Server], home_folder: Path, tab: Callable[..., Tab]
) -> None:
    shown = tab(serving(home_folder))
    ask(shown, {**PLAN, "changes": {"rules.few_new.<b>nope</b>": "1"}})
    shown.page.wait_for_selector("#faults:not([hidden])", timeout=60_000)
    assert "<b>nope</b>" in shown.page.locator("#faults li").inner_text()
    assert shown.page.locator("#edit").get_attribute("href") == "/models/tiny"
    assert shown.page.locator("#state").inner_text() == "没有做成"


def test_everything_is_reached_by_keyboard(
    serving: Callable[..., Server], home_folder: Path, tab: Callable[..., Tab]
) -> None:
    shown = tab(serving(home_folder, fake=True))
    id = ask(shown, {**PLAN, "changes": LONG})
    page = shown.page
    page.wait_for_selector("#cancel:not([hidden])")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "cancel":
            break
    page.keyboard.press("Enter")
    page.wait_for_selector(ENDED)
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "remove":
            break
    page.once("dialog", lambda dialog: dialog.accept())
    page.keyboard.press("Enter")
    page.wait_for_selector("#none:not([hidden])")
    assert not (home_folder / RUNS / id).exists()
    assert (home_folder / OUT / "tiny" / "plan.json").is_file()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_the_pages_fit_wide_and_narrow_windows(
    language: Language,
    size: tuple[int, int],
    serving: Callable[..., Server],
    home_folder: Path,
    tab: Callable[..., Tab],
) -> None:
    shown = tab(serving(home_folder, fake=True), "/runs", size, language)
    ask(shown, {**PLAN, "name": "一个很长的名称" * 5, "changes": {"x" * 60: "y" * 200, "fake.steps": "30"}})
    shown.page.wait_for_selector(ENDED)
    assert shown.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    shown.page.wait_for_selector("#drawing svg")
    assert axe.barriers(shown.page) == []
    shown.page.goto(shown.page.url.rpartition("/")[0])
    shown.page.wait_for_selector("#runs tbody tr")
    assert shown.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert axe.barriers(shown.page) == []
    states = shown.page.locator("#state option").all_inner_texts()
    assert len(states) == 8
    shown.page.fill("#find", "nothing of the kind")
    assert shown.page.locator("#runs").is_hidden()
    assert shown.page.locator("#none").is_hidden()


def test_an_answer_is_shown_in_its_frame_and_downloaded(
    serving: Callable[..., Server], planned_folder: Path, tab: Callable[..., Tab]
) -> None:
    shown = tab(serving(planned_folder))
    page = shown.page
    ask(shown, {"verb": "explain", "plan": "tiny"})
    page.wait_for_selector(ENDED, timeout=90_000)
    assert page.locator("#state").inner_text() == "完成"
    assert page.locator("#printed .printed > *").count() > 0
    ask(shown, {"verb": "compare", "plans": ["tiny", "tiny"], "name": "两份"})
    page.wait_for_selector("#open:not([hidden])", timeout=90_000)
    page.click("#open")
    frame = page.frame_locator("iframe.answer")
    assert frame.locator("h1").first.inner_text()
    assert axe.barriers(page) == []
    with page.expect_download() as downloaded:
        page.get_by_role("link", name="下载 compare.xlsx").click()
    assert downloaded.value.suggested_filename == "两份-compare.xlsx"
    # (The page in the frame reaches nothing of ours: not the cookie, not the page around it.)
    assert frame.locator("body").evaluate("() => window.origin") == "null"
