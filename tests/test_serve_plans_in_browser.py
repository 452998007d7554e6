"""The page of a plan in a real browser: map and tables follow each other, by mouse and by keyboard."""

import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zipfile import ZipFile

import pytest
from conftest import Tiny
from plans_served import NAME, make_folder, put_plan
from serving_page import NARROW, WIDE, Server, Tab, start_server
from test_serve_plans import hostile, with_dropped

from allocate.draw import map_page
from allocate.plans import Plan
from allocate.report.site_cards import site_cards
from allocate.serve.home import OUT
from allocate.words import say_in

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("hubs")]

READY = "html[data-ready=yes]"
WAY = f"/plans/{quote(NAME)}"
# What a window beside the map's sends to it, and what the map's own parent hears.
_TWO_FRAMES = """([map, message]) => new Promise((done) => {
    const heard = [];
    addEventListener("message", (event) => heard.push(event.data));
    const shown = Object.assign(document.createElement("iframe"), { srcdoc: map });
    shown.setAttribute("sandbox", "allow-scripts");
    shown.addEventListener("load", () => {
        const text = `<script>parent.frames[0].postMessage(${JSON.stringify(message)}, "*")</` + "script>";
        document.body.append(Object.assign(document.createElement("iframe"), { srcdoc: text }));
        setTimeout(() => done(heard), 600);
    });
    document.body.append(shown);
})"""


@pytest.fixture(scope="module")
def served(hubs_home: Tiny, hubs_plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server of the folder with the plan; nobody changes it."""
    where = tmp_path_factory.mktemp("browsed")
    folder = make_folder(where / "规划", hubs_home, hubs_plan)
    put_plan(folder, "hostile", hostile(dict(hubs_plan.content)))
    shutil.copytree(folder / OUT / NAME, folder / OUT / "same")
    put_plan(folder, "dropped", with_dropped(dict(hubs_plan.content)))
    server = start_server(folder, where / "log")
    yield server
    server.end()


@pytest.fixture
def opened(served: Server, tab: Callable[..., Tab]) -> Callable[..., tuple[Any, Any]]:
    """Return a function that opens a plan and waits for its tables and its map."""

    def opening(way: str = WAY, size: tuple[int, int] = WIDE, language: str = "zh") -> tuple[Any, Any]:
        page = tab(served, way, size, language).page
        page.locator(READY).wait_for(state="attached")
        frame = page.frame_locator("#map")
        frame.locator(READY).wait_for(state="attached")
        return page, frame

    return opening


def a_site(plan: Plan) -> dict[str, Any]:
    """Return a site that has a name of its own, and stands in every year."""
    names = [row["name"] for row in plan.content["sites"]]
    return next(row for row in plan.content["sites"] if names.count(row["name"]) == 1 and row["lon"] is not None)


def test_a_row_flies_the_map_to_its_site_and_shows_its_whole_card(
    opened: Callable[..., tuple[Any, Any]], hubs_plan: Plan
) -> None:
    page, frame = opened()
    site = a_site(hubs_plan)
    page.click("#tab-sites")
    page.locator("#panel-sites tbody button", has_text=site["name"]).first.click()
    frame.locator("#card h2", has_text=site["name"]).wait_for()
    page.locator("#card-title", has_text=site["name"]).wait_for()
    shown = page.inner_text("#card-content")
    for part in site_cards(hubs_plan.content, "zh")[site["id"]].parts:
        assert part.title in shown
    # (The keyboard stays where the planner is.)
    assert page.evaluate("document.activeElement.closest('#panel-sites') !== null")


def test_a_site_chosen_in_the_map_is_chosen_in_the_table(
    opened: Callable[..., tuple[Any, Any]], hubs_plan: Plan
) -> None:
    page, frame = opened()
    site = a_site(hubs_plan)
    frame.locator("#find").fill(site["name"])
    frame.locator("#found button", has_text=site["name"]).first.click()
    row = page.locator("#panel-sites tr[aria-selected=true]")
    row.wait_for()
    assert site["name"] in row.inner_text()
    page.locator("#card-title", has_text=site["name"]).wait_for()


def test_the_year_of_the_map_and_that_of_the_tables_follow_each_other(
    opened: Callable[..., tuple[Any, Any]], hubs_plan: Plan
) -> None:
    page, frame = opened()
    first, *_, last = hubs_plan.content["years"]
    page.select_option("#year", str(first))
    frame.locator("#year-now", has_text=str(first)).wait_for()
    frame.locator("#year").focus()
    frame.locator("#year").press("End")
    page.locator(f"#year option[value='{last}']:checked").wait_for(state="attached")
    page.click("#tab-sites")
    assert page.locator(f"th[data-column=serves_{last}]").count() == 1


def test_all_of_it_works_by_keyboard(opened: Callable[..., tuple[Any, Any]], hubs_plan: Plan) -> None:
    page, frame = opened()
    page.focus("#tab-scorecard")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "tab-sites"
    button = page.locator("#panel-sites tbody button").first
    button.focus()
    page.keyboard.press("Enter")
    frame.locator("#card h2").wait_for()
    page.locator("#card-title").wait_for()
    head = page.locator("#panel-sites th[data-column=name] button")
    head.focus()
    page.keyboard.press("Enter")
    assert page.locator("#panel-sites th[data-column=name]").get_attribute("aria-sort") == "ascending"
    page.focus("#tab-sites")
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement.id") == "tab-export"
    page.locator("#files a").first.wait_for()


def test_clauses_are_filtered_sorted_and_opened(opened: Callable[..., tuple[Any, Any]], hubs_plan: Plan) -> None:
    page, _ = opened(language="en")
    status = say_in("en", "clause.met")
    page.select_option("#panel-scorecard [data-filter=status]", status)
    rows = page.locator("#panel-scorecard tbody tr")
    met = sum(row["status"] == "met" for row in hubs_plan.content["scorecard"])
    assert rows.count() == min(met, 50)
    assert set(page.locator("#panel-scorecard tbody .mark").all_inner_texts()) == {status}
    page.locator("#panel-scorecard tbody button").first.click()
    detail = page.locator("#panel-scorecard tr.detail")
    assert say_in("en", "field.source") in detail.inner_text()


def test_a_what_if_asks_for_the_plan_without_the_site_and_from_this_one(
    opened: Callable[..., tuple[Any, Any]], hubs_plan: Plan
) -> None:
    page, _ = opened()
    asked = []

    def take(route: Any) -> None:
        if route.request.method == "POST":
            asked.append(route.request.post_data_json)
            route.fulfill(json={"id": "1", "way": "/runs/1"})
        else:
            route.fulfill(json={"runs": [done] if asked else []})

    done = {
        "id": "1",
        "verb": "plan",
        "title": "x",
        "state": "finished",
        "result": {"plan": "same"},
        "asked": {"from": NAME},
    }
    page.route("**/api/runs", take)
    page.route("**/api/runs/1", lambda route: route.fulfill(json=done))
    siting = hubs_plan.content["settings"]["siting"]
    site = next(row for row in hubs_plan.content["sites"] if row["kind"] in siting)
    page.click("#tab-sites")
    page.locator("#panel-sites tbody button", has_text=site["name"]).first.click()
    page.locator("#card-content button", has_text=say_in("zh", "serve_script_plans.drop")).click()
    page.locator("#what-if button.main").click()
    page.locator("#runs [data-state=finished]").wait_for()
    (body,) = asked
    assert (body["verb"], body["from"], body["draws"], body["name"]) == ("plan", NAME, 0, f"{NAME}-whatif-1")
    (rule,) = body["changes"].values()
    assert f'sites=["{site["id"]}"]' in rule
    assert "stands=false" in rule
    compare = page.locator("#runs a", has_text=say_in("zh", "serve_script_plans.compare_both"))
    compare.click()
    page.locator("html[data-compared=yes]").wait_for(state="attached")
    assert page.locator("#compared section").count() >= 6
    page.locator("#rechecks[data-state=sound]").wait_for(timeout=60_000)
    # (A frame that nobody sees draws nothing.)
    page.locator("#page").scroll_into_view_if_needed()
    page.frame_locator("#page").locator(READY).wait_for(state="attached")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_spot_that_the_plan_dropped_is_found_by_keyboard_and_asked_to_stand(
    opened: Callable[..., tuple[Any, Any]], language: str
) -> None:
    page, _ = opened("/plans/dropped", language=language)
    asked: list[dict[str, Any]] = []

    def take(route: Any) -> None:
        if route.request.method == "POST":
            asked.append(route.request.post_data_json)
        route.fulfill(json={"id": "1", "way": "/runs/1"} if route.request.method == "POST" else {"runs": []})

    page.route("**/api/runs", take)
    page.route("**/api/runs/1", lambda route: route.fulfill(json={"id": "1", "state": "running", "verb": "plan"}))
    page.focus("#tab-scorecard")
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.locator("#spots button").first.wait_for()
    page.focus("#spot-find")
    page.keyboard.type("水边 clinic-x")
    row = page.locator("#spots tbody tr")
    row.filter(has_text="水边").wait_for()
    assert row.count() == 1
    why = say_in(language, "kept.reaches_nobody")
    assert say_in(language, "serve_script_plans.spot_dropped", why=why) in row.inner_text()
    page.keyboard.press("Tab")
    while page.evaluate("document.activeElement.dataset.spot") is None:
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.inner_text("#what-if-against") == say_in(language, "serve_script_plans.against", why=why)
    page.locator("#what-if-seconds").press("Enter")
    page.locator("#what-if").wait_for(state="hidden")
    (rule,) = asked[0]["changes"].values()
    assert 'sites=["clinic-x"], stands=true' in rule
    # What nobody could get to says so, and has no button.
    page.fill("#spot-find", "clinic-y")
    row.filter(has_text=say_in(language, "serve_plans.cannot_outside_district")).wait_for()
    assert page.locator("#spots button[data-spot]").count() == 0


@pytest.mark.parametrize(
    ("begun", "usual", "why"), [({"b": "a", "c": "b"}, "a", "base_begun"), ({}, "c", "base_oldest")]
)
def test_the_base_of_a_comparison_is_the_plan_that_others_were_begun_from_unless_another_is_chosen(
    served: Server, tab: Callable[..., Tab], begun: dict[str, str], usual: str, why: str
) -> None:
    shown = tab(served, "/nowhere")
    page, asked = shown.page, []
    # (The newest comes first.)
    about = {"district_name": "区", "scenario": "", "year": 2027, "served": "1", "people": "2", "met": 1, "missed": 0}
    page.route("**/api/plans", lambda route: route.fulfill(json={"plans": [{"name": one, **about} for one in "bac"]}))
    runs = [{"verb": "plan", "id": one, "state": "finished", "result": {"plan": one}, "asked": {"from": first}}
            for one, first in begun.items()]  # fmt: skip
    page.route("**/api/runs", lambda route: route.fulfill(json={"runs": runs}))

    def compared(route: Any) -> None:
        asked.append(route.request.url.partition("?")[2])
        route.fulfill(status=422, json={"error": "no", "problems": []})

    page.route("**/api/compare?*", compared)
    page.goto(f"{served.origin}/compare")
    for name in "bca":
        page.get_by_label(name, exact=False).and_(page.locator(f"[value={name}]")).check()
    assert page.input_value("#base") == usual
    assert page.inner_text("#base-why") == say_in("zh", f"serve_script_plans.{why}")
    with page.expect_response("**/api/compare?*"):
        page.click("#choose button.main")
    # The keyboard chooses another one, which stays though more are ticked.
    page.focus("#base")
    page.keyboard.press("b")
    assert page.inner_text("#base-why") == say_in("zh", "serve_script_plans.base_chosen")
    page.locator("[value=c]").first.uncheck()
    with page.expect_response("**/api/compare?*"):
        page.click("#choose button.main")
    # (What was refused is complained of before it is shown.)
    page.locator("#compared .faults").wait_for()
    first, second = asked
    assert first.startswith(f"plan={usual}&")
    assert sorted(first.split("&")) == ["plan=a", "plan=b", "plan=c"]
    assert second == "plan=b&plan=a"
    shown.complaints.clear()


def test_files_open_as_they_were_saved(opened: Callable[..., tuple[Any, Any]], served: Server) -> None:
    page, _ = opened()
    page.click("#tab-export")
    with page.expect_download() as got:
        page.locator("#files a", has_text="plan.xlsx").click()
    saved = Path(got.value.path())
    assert got.value.suggested_filename == f"{NAME}-plan.xlsx"
    assert saved.read_bytes() == (served.folder / OUT / NAME / "plan.xlsx").read_bytes()
    with page.expect_download() as got:
        page.click("#whole-plan")
    names = ZipFile(io.BytesIO(Path(got.value.path()).read_bytes())).namelist()
    assert f"{NAME}/plan.json" in names


@pytest.mark.parametrize("language", ["zh", "en"])
def test_nothing_is_wider_than_a_narrow_screen(opened: Callable[..., tuple[Any, Any]], language: str) -> None:
    page, _ = opened(size=NARROW, language=language)
    for name in ("scorecard", "sites", "towns", "changes", "questions", "export"):
        page.click(f"#tab-{name}")
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]
    page.click("#tab-sites")
    page.locator("#panel-sites tbody button").first.click()
    page.locator("#card-title").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]


def test_names_from_elsewhere_do_nothing(opened: Callable[..., tuple[Any, Any]]) -> None:
    page, frame = opened("/plans/hostile")
    for name in ("scorecard", "sites", "towns", "changes"):
        page.click(f"#tab-{name}")
        page.locator(f"#panel-{name} tbody button").first.click()
        page.click(f"#tab-{name}")
    page.locator("#card-title").wait_for()
    assert page.evaluate("window.PWN") is None
    assert frame.locator("body").evaluate("() => window.PWN ?? null") is None
    assert "1337" not in page.inner_text("body")


def test_a_map_obeys_no_window_but_the_one_around_it(chromium: Any, hubs_plan: Plan) -> None:
    first = hubs_plan.content["years"][0]
    page = chromium.new_page()
    page.goto("about:blank")
    # A window beside it is not heard, and the one around it is told nothing before it has asked.
    assert page.evaluate(_TWO_FRAMES, [map_page(hubs_plan.content), {"allocate": "year", "year": first}]) == []
    inside = page.frames[1]
    assert str(first) not in inside.inner_text("#year-now")
    page.close()


@pytest.mark.parametrize(
    "message",
    [None, "year", 7, [], {"allocate": "year", "year": "2025"}, {"allocate": "fly", "site": 3}, {"allocate": "eval"}],
)
def test_a_map_does_nothing_with_a_message_of_another_shape(
    opened: Callable[..., tuple[Any, Any]], message: object
) -> None:
    page, frame = opened()
    before = frame.locator("#year-now").inner_text()
    page.evaluate("(message) => document.getElementById('map').contentWindow.postMessage(message, '*')", message)
    page.wait_for_timeout(100)
    assert frame.locator("#year-now").inner_text() == before
    assert frame.locator("#card").is_hidden()


def test_a_map_that_is_opened_by_itself_hears_nobody(chromium: Any, hubs_plan: Plan, tmp_path: Path) -> None:
    file = tmp_path / "map.html"
    file.write_text(map_page(hubs_plan.content), encoding="utf-8")
    page = chromium.new_page()
    page.goto(file.as_uri())
    page.locator(READY).wait_for(state="attached")
    before = page.inner_text("#year-now")
    page.evaluate("(year) => postMessage({ allocate: 'year', year }, '*')", hubs_plan.content["years"][0])
    page.wait_for_timeout(100)
    assert page.inner_text("#year-now") == before
    assert page.locator("#title").is_visible()
    page.close()


def test_the_page_says_whether_its_figures_were_rechecked(opened: Callable[..., tuple[Any, Any]]) -> None:
    page, _ = opened()
    page.locator("#recheck[data-state=sound]").wait_for(timeout=60_000)
    assert page.inner_text("#recheck") == say_in("zh", "serve_script_plans.sound")
