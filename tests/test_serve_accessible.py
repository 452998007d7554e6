"""Every page can be used by everybody: no barrier that axe finds, at 1280 and 390 px, and enlarged to 200 %."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import axe
import pytest
from serving_page import NARROW, WIDE, Server, Tab

from allocate.words import Language

# Enlarged to 200 %, a window of 1280 px is 640 px wide.
ENLARGED = (640, 400)
PAGES = ("/", "/data/tiny", "/models/tiny", "/runs", "/plans/tiny", "/compare", "/history", "/nowhere")

# Where the focus is: the number of a control of the page, given to it when it is first seen.
WHERE = """() => {
    const one = document.activeElement;
    if (one === document.body) return "";
    if (one.tagName === "IFRAME") return "within";
    if (!one.dataset.seen) one.dataset.seen = String(document.querySelectorAll("[data-seen]").length + 1);
    return one.dataset.seen;
}"""


@pytest.fixture(scope="module")
def kept_server(planned_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Serve a folder with a plan for all tests of this file."""
    from serving_page import copy_home, start_server

    where = tmp_path_factory.mktemp("accessible")
    server = start_server(copy_home(planned_once, where / "home"), where / "serve.log")
    yield server
    server.end()


def settled(page: Any) -> None:
    """Wait until what a page fetches has come, and what its frames show: a frame that loads takes the focus away."""
    page.wait_for_function("() => !document.querySelector('[aria-busy=true]')")
    for frame in page.frames:
        frame.wait_for_load_state("load")


@pytest.mark.browser
@pytest.mark.xdist_group("accessible")
@pytest.mark.parametrize("size", [WIDE, NARROW, ENLARGED])
@pytest.mark.parametrize("way", PAGES)
def test_no_barrier_stands_in_a_page(
    kept_server: Server, tab: Callable[..., Tab], way: str, size: tuple[int, int]
) -> None:
    language: Language = "en" if size == ENLARGED else "zh"
    shown = tab(kept_server, way, size=size, language=language)
    settled(shown.page)
    if way == "/nowhere":
        shown.complaints[:] = [one for one in shown.complaints if "404" not in one]
    assert axe.barriers(shown.page) == []
    assert axe.overflow(shown.page) <= 0


@pytest.mark.browser
@pytest.mark.xdist_group("accessible")
@pytest.mark.parametrize("way", PAGES[:-1])
def test_every_control_of_a_page_is_reached_by_the_keyboard_in_the_order_of_the_page(
    kept_server: Server, tab: Callable[..., Tab], way: str
) -> None:
    page = tab(kept_server, way).page
    settled(page)
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.className") == "skip"
    page.evaluate("() => document.activeElement.dataset.seen = '1'")
    seen = {"1"}
    for _ in range(400):
        page.keyboard.press("Tab")
        here = page.evaluate(WHERE)
        if not here:
            # (A map in its frame is a process of its own: between the two, nobody has the focus for a moment.)
            page.wait_for_timeout(300)
            here = page.evaluate(WHERE)
        if here == "within":
            # (A map has stops of its own, and lets go after the last.)
            continue
        if not here or here in seen:
            break
        seen.add(here)
    # (What is hidden, switched off, or one of several that arrows choose between, is no stop of its own.)
    left = page.evaluate(
        """() => [...document.querySelectorAll("a[href], button, input, select, textarea, summary")]
            .filter((one) => one.checkVisibility() && !one.disabled && one.tabIndex >= 0 && one.type !== "radio")
            .filter((one) => !one.dataset.seen).map((one) => one.outerHTML.slice(0, 120))"""
    )
    assert len(seen) >= 5
    if len(seen) < 400:
        assert left == []


@pytest.mark.browser
@pytest.mark.xdist_group("accessible")
def test_a_barrier_is_found(chromium: Any) -> None:
    page = chromium.new_page()
    page.set_content("<html lang='en'><title>x</title><main><h1>x</h1><input><button></button></main>")
    found = axe.barriers(page)
    assert any("label" in one for one in found)
    assert any("button-name" in one for one in found)
    page.close()


def test_what_is_vendored_is_what_was_published() -> None:
    for line in (axe.FOLDER / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((axe.FOLDER / name).read_bytes()).hexdigest() == digest
