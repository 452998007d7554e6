"""The editor of a model in a real browser: values changed, marked, put back; goals moved; two tabs; undoing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from serving_page import NARROW, Server, Tab

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("serve_model_browser")]

SHARE = '[data-key=\'["rules","every_place","share"]\']'
RESET = '[data-key=\'["rules","every_place","share"]-reset\']'
GAP = '[data-key=\'["rules","apart","metres"]\']'


def text_of(folder: Path) -> str:
    return (folder / "models" / "tiny.toml").read_text(encoding="utf-8")


def goals_in(folder: Path) -> list[str]:
    return [line.split('"')[1] for line in text_of(folder).splitlines() if line.startswith('goal = "')]


def change(page: Any, where: str, value: str) -> None:
    page.fill(where, value)
    page.press(where, "Enter")


def go_to(page: Any, name: str) -> None:
    """Open a tab of the editor: it is drawn a moment after the click, once the address has changed."""
    page.click(f'#tabs a[href="#{name}"]')
    page.wait_for_selector(f'#tabs a[href="#{name}"][aria-current=page]')


def refused(tab: Tab, status: int) -> None:
    """Take the browser's own line on one refusal out of its complaints."""
    told = [one for one in tab.complaints if f"status of {status}" in one]
    assert told
    for one in told:
        tab.complaints.remove(one)


@pytest.fixture
def editor(home_folder: Path, serving: Callable[..., Server], tab: Callable[..., Tab]) -> tuple[Path, Server, Tab]:
    server = serving(home_folder)
    shown = tab(server, "/models/tiny")
    shown.page.wait_for_selector(SHARE)
    return home_folder, server, shown


def test_a_target_is_changed_marked_put_back_and_undone(editor: tuple[Path, Server, Tab]) -> None:
    folder, _, tab = editor
    page, before = tab.page, text_of(folder)
    assert page.input_value(SHARE) == "100"
    change(page, SHARE, "９５％")
    page.wait_for_selector(RESET)
    assert "share = 0.95" in text_of(folder)
    assert "100" in page.inner_text(f".field:has({RESET}) .was")
    assert page.inner_text("#changed") == "已改 1 项"
    assert "95 %" in page.inner_text(f"tr:has({SHARE}) td.says")
    page.check("#only-changed")
    assert page.locator("#documents tbody:not([hidden])").count() == 1
    page.click(RESET)
    page.wait_for_selector(RESET, state="detached")
    assert text_of(folder) == before
    page.click("#undo")
    page.wait_for_selector(RESET, state="attached")
    assert "share = 0.95" in text_of(folder)
    page.click("#redo")
    page.wait_for_selector(RESET, state="detached")
    assert text_of(folder) == before
    page.goto(page.url.split("/models")[0] + "/history?of=tiny")
    page.wait_for_selector("#entries tbody tr")
    assert page.locator("#entries tbody tr").count() == 4
    assert "100 %" in page.inner_text("#entries")


def test_what_is_wrong_stands_at_its_field_and_what_was_typed_stays(editor: tuple[Path, Server, Tab]) -> None:
    folder, _, tab = editor
    page, before = tab.page, text_of(folder)
    change(page, SHARE, "150")
    page.wait_for_selector(f".field:has({SHARE}) .wrong")
    assert "100 %" in page.inner_text(f".field:has({SHARE}) .wrong")
    assert page.input_value(SHARE) == "150"
    assert page.get_attribute(SHARE, "aria-invalid") == "true"
    years = '[data-key=\'["rules","every_place","years"]\']'
    change(page, years, "2031")
    page.wait_for_selector(f".field:has({years}) .wrong")
    refused(tab, 422)
    assert "2027" in page.inner_text(f".field:has({years}) .wrong")
    assert text_of(folder) == before
    change(page, GAP, "800")
    page.wait_for_selector('#changed:has-text("1")')
    assert page.input_value(SHARE) == "150"
    change(page, SHARE, "90")
    page.wait_for_selector(RESET)
    assert page.locator(f".field:has({SHARE}) .wrong").count() == 0


def test_two_tabs_do_not_write_over_each_other(editor: tuple[Path, Server, Tab], tab: Callable[..., Tab]) -> None:
    folder, server, first = editor
    second = tab(server, "/models/tiny", beside=first)
    second.page.wait_for_selector(SHARE)
    change(first.page, SHARE, "90")
    first.page.wait_for_selector(RESET)
    kept = text_of(folder)
    change(second.page, GAP, "900")
    second.page.wait_for_selector("#trouble button")
    refused(second, 409)
    assert "900" in second.page.inner_text("#trouble")
    assert second.page.input_value(GAP) == "900"
    assert text_of(folder) == kept
    second.page.click("#trouble button")
    second.page.wait_for_selector(RESET)
    change(second.page, GAP, "900")
    second.page.wait_for_selector('#changed:has-text("2")')
    assert "metres = 900" in text_of(folder)


def test_goals_are_moved_by_dragging_and_by_keys(editor: tuple[Path, Server, Tab]) -> None:
    folder, _, tab = editor
    page = tab.page
    go_to(page, "goals")
    page.wait_for_selector("[data-goal=cost]")
    page.drag_and_drop("[data-goal=travel]", "[data-goal=people_reached]", source_position={"x": 8, "y": 8})
    page.wait_for_selector(".goals > li:first-child[data-goal=travel]")
    assert goals_in(folder) == ["travel", "people_reached", "cost", "worst_town"]
    page.focus('[data-key="travel-down"]')
    page.keyboard.press("Enter")
    page.wait_for_selector(".goals > li:first-child[data-goal=people_reached]")
    assert goals_in(folder) == ["people_reached", "travel", "cost", "worst_town"]
    page.wait_for_selector('[data-key="travel-down"]:focus')
    page.keyboard.press("Enter")
    page.wait_for_selector(".goals > li:nth-child(3)[data-goal=travel]")
    page.click('[data-key="goals-reset"]')
    page.wait_for_selector(".goals > li:nth-child(4)[data-goal=travel]")
    assert goals_in(folder) == ["people_reached", "cost", "worst_town", "travel"]


def test_a_scenario_is_made_of_the_changes(editor: tuple[Path, Server, Tab]) -> None:
    folder, _, tab = editor
    page = tab.page
    change(page, SHARE, "90")
    page.wait_for_selector(RESET)
    go_to(page, "scenarios")
    page.click("#panel button")
    page.fill("#scenario-name", "softer")
    page.fill("#scenario-title", "宽一些 <b>")
    page.click("dialog button.main")
    page.wait_for_selector("#panel tbody tr")
    assert "宽一些 <b>" in page.inner_text("#panel tbody")
    assert "[scenarios.softer]" in text_of(folder)
    assert "share = 1.0" in text_of(folder)


def test_costs_circles_and_everything_else_can_be_reached(editor: tuple[Path, Server, Tab]) -> None:
    folder, _, tab = editor
    page = tab.page
    go_to(page, "money")
    change(page, '[data-key=\'["siting","clinic","opening"]\']', "160,000")
    page.wait_for_selector('[data-key=\'["siting","clinic","opening"]-reset\']')
    assert "opening = 160_000" in text_of(folder)
    go_to(page, "settings")
    page.select_option("[data-key='[\"circle\"]']", "walk_15")
    page.wait_for_selector('#changed:has-text("2")')
    assert 'circle = "walk_15"' in text_of(folder)
    go_to(page, "rest")
    for summary in page.query_selector_all("#leaves > details > summary"):
        summary.click()
    page.wait_for_selector('[data-key=\'["rules","budget","source"]\']')
    page.fill('[data-key=\'["rules","budget","source"]\']', "{{ 7*7 }}<script>")
    page.press('[data-key=\'["rules","budget","source"]\']', "Tab")
    page.wait_for_selector('#changed:has-text("3")')
    assert "{{ 7*7 }}<script>" in text_of(folder)
    page.click("#changed")
    page.wait_for_selector("dialog tbody tr")
    assert page.locator("dialog tbody tr").count() == 3
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")


def test_check_shows_what_is_odd_at_the_rows(editor: tuple[Path, Server, Tab]) -> None:
    _, _, tab = editor
    tab.page.click("#check")
    tab.page.wait_for_selector("#checked button")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_is_usable_on_a_narrow_screen_and_each_control_has_a_name(
    language: str, home_folder: Path, serving: Callable[..., Server], tab: Callable[..., Tab]
) -> None:
    shown = tab(serving(home_folder), "/models/tiny", NARROW, language)
    page = shown.page
    page.wait_for_selector(SHARE)
    for name in ("clauses", "settings", "money", "goals", "scenarios", "rest"):
        go_to(page, name)
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0], name
        unnamed = page.evaluate(
            "[...document.querySelectorAll('input, select, textarea, button')].filter((one) => !one.labels?.length"
            " && !one.getAttribute('aria-label') && !one.textContent.trim()).map((one) => one.outerHTML)"
        )
        assert unnamed == [], name
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map((one) => one.id)")
        assert len(ids) == len(set(ids)), name
