"""The map page in a real browser with the network off: it works, and no text of the plan is obeyed."""

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from plan_examples import HOSTILE_TEXTS, YEARS, hostile_plan, small_plan

from allocate.draw import map_page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
READY = "html[data-ready=yes]"
WIDE, NARROW = (1280, 800), (390, 800)

_WHERE = """([lon, lat]) => {
    const plan = JSON.parse(document.getElementById("plan").textContent);
    const point = ([x, y]) => L.CRS.EPSG3857.latLngToPoint(L.latLng(y, x), 0);
    const map = document.getElementById("map").getBoundingClientRect();
    const spots = plan.boundary.coordinates.flat(2).map(point);
    const xs = spots.map((spot) => spot.x), ys = spots.map((spot) => spot.y);
    const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    const fit = Math.min((map.width - 24) / (right - left), (map.height - 24) / (bottom - top));
    const scale = 2 ** (Math.floor(2 * Math.log2(fit)) / 2);
    const at = point([lon, lat]);
    return [map.left + map.width / 2 + (at.x - (left + right) / 2) * scale,
            map.top + map.height / 2 + (at.y - (top + bottom) / 2) * scale];
}"""
_PIXELS = """() => {
    const canvas = document.querySelector("#map canvas");
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [canvas.width, canvas.height];
    const ctx = copy.getContext("2d", { willReadFrequently: true });
    ctx.drawImage(canvas, 0, 0);
    const bytes = ctx.getImageData(0, 0, copy.width, copy.height).data;
    const counts = new Map();
    for (let at = 0; at < bytes.length; at += 4) {
        const colour = bytes.slice(at, at + 3).join(",");
        counts.set(colour, (counts.get(colour) || 0) + 1);
    }
    return [...counts];
}"""

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@dataclass
class Opened:
    """An open page and what it did."""

    page: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def text(self, selector: str) -> str:
        return as_seen(self.page.text_content(selector))

    def people(self) -> dict[str, int]:
        """Return the people shown for each status, and their total."""
        rows = self.page.query_selector_all("#summary tbody tr")
        shown = {row.get_attribute("data-status"): row.query_selector("td").inner_text() for row in rows}
        shown["total"] = self.page.query_selector("#total td").inner_text()
        return {status: int(text.replace(",", "")) for status, text in shown.items()}

    def point(self, lon: float, lat: float) -> tuple[float, float]:
        """Return where a longitude and latitude are drawn while the whole district is in view [px]."""
        x, y = self.page.evaluate(_WHERE, [lon, lat])
        return float(x), float(y)

    def click_on(self, lon: float, lat: float) -> None:
        self.page.mouse.click(*self.point(lon, lat))

    def hover_over(self, lon: float, lat: float) -> str:
        """Return the tooltip that appears over a position."""
        x, y = self.point(lon, lat)
        for attempt in range(100):
            # The map looks at the mouse now and then, not at every step of it.
            self.page.mouse.move(x, y + attempt % 2)
            tooltip = self.page.query_selector(".leaflet-tooltip")
            if tooltip is not None:
                self.page.mouse.move(2, 2)
                return as_seen(tooltip.text_content())
            self.page.wait_for_timeout(20)
        pytest.fail(f"No name appears over {lon}, {lat}.")

    def pixels(self) -> dict[str, int]:
        """Return how many points of the map have each colour."""
        self.page.evaluate("new Promise((ok) => requestAnimationFrame(() => requestAnimationFrame(ok)))")
        return dict(self.page.evaluate(_PIXELS))


def as_seen(text: str) -> str:
    """Return a text with the sign for half a character, which browsers and files replace sooner or later."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        if os.environ.get("CI") == "true":
            pytest.fail("There is no Chromium, and CI=true: run tests/browser/get-chromium.sh as root.")
        pytest.skip("There is no Chromium: the browser tests of the map are skipped.")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(OPTIONS))
        yield started
        started.close()


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Any]:
    """Open plans offline; afterwards, nothing was asked of any host and nothing was complained about."""
    contexts, pages = [], []

    def opening(plan: dict[str, Any], size: tuple[int, int] = WIDE, html: str = "") -> Opened:
        file = tmp_path / f"map{len(pages)}.html"
        file.write_text(html or map_page(plan), encoding="utf-8")
        context = browser.new_context(viewport={"width": size[0], "height": size[1]})
        context.set_offline(True)
        page = context.new_page()
        shown = Opened(page)
        page.on("request", lambda request: shown.requests.append(request.url))
        page.on("console", lambda message: shown.complaints.append(message.text))
        page.on("pageerror", lambda error: shown.complaints.append(str(error)))
        page.goto(file.as_uri())
        page.wait_for_selector(READY, timeout=30_000)
        contexts.append(context)
        pages.append((shown, file))
        return shown

    yield opening
    for shown, file in pages:
        assert shown.requests == [file.as_uri()]
        assert shown.complaints == []
        assert shown.page.evaluate("window.PWN") is None
    for context in contexts:
        context.close()


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_the_page_opens_offline_and_draws_the_plan(opened: Any, size: tuple[int, int]) -> None:
    shown = opened(small_plan(), size)
    assert shown.text("#title") == "示例区卫生服务点布局规划"
    pixels = shown.pixels()
    assert pixels["255,255,255"] > 20_000  # the district
    assert pixels["0,114,178"] > 5  # a site opened this year
    assert pixels["240,228,66"] > 20  # a hub upgraded this year
    assert len(pixels) > 100
    assert shown.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_the_people_in_the_panel_add_up_in_every_year(opened: Any, size: tuple[int, int]) -> None:
    plan = small_plan()
    shown = opened(plan, size)
    everybody = sum(place["people"] for place in plan["district_data"]["places"])
    seen = []
    for year in YEARS:
        shown.page.click(f"#years [data-year='{year}']")
        people = shown.people()
        total = people.pop("total")
        assert sum(people.values()) == total == everybody
        line = next(line for line in plan["ledger"] if line["year"] == year)
        assert people == {status: line[status] for status in people}
        assert f"{everybody:,}" in shown.text("#summary .note")
        seen.append((people, shown.text("#served-share"), shown.text("#sites-open")))
    assert seen[0] != seen[1]
    assert seen[0][1] != seen[1][1]
    assert [sites for _, _, sites in seen] == ["7 个开放", "8 个开放"]


def test_people_that_do_not_add_up_are_called_out(opened: Any) -> None:
    plan = small_plan()
    lost = plan["places"].pop()
    shown = opened(plan)
    note = shown.text("#summary .note.alarm")
    assert f"相差 {lost['people']:,} 人" in note


def test_a_click_on_a_place_opens_its_card(opened: Any) -> None:
    plan = small_plan()
    shown = opened(plan)
    rows = {row["id"]: row for row in plan["places"] if row["year"] == YEARS[-1] and row["served_by"]}
    place = plan["district_data"]["places"][24]
    row = rows[place["id"]]
    server = next(site["name"] for site in plan["sites"] if site["id"] == row["served_by"])
    shown.click_on(place["lon"], place["lat"])
    assert shown.text("#card h2") == place["name"]
    card = shown.text("#card")
    for part in ("东河镇", f"{place['people']:,} 人", "有服务", server, f"{row['minutes']:g} 分钟", "推算"):
        assert part in card
    shown.page.keyboard.press("Escape")
    assert not shown.page.is_visible("#card")


def test_a_click_on_a_site_says_whom_it_serves_and_what_is_done_to_it(opened: Any) -> None:
    plan = small_plan()
    shown = opened(plan)
    site = next(site for site in plan["sites"] if site["id"] == "S06")
    people = sum(row["people"] for row in plan["places"] if row["served_by"] == "S06" and row["year"] == YEARS[-1])
    assert people > 0
    shown.click_on(site["lon"], site["lat"])
    assert shown.text("#card h2") == site["name"]
    card = shown.text("#card")
    for part in ("村卫生室", "本年新设", "2030 年新设", f"{people:,} 人", "350,000 元", "东河镇卫生院0"):
        assert part in card
    shown.page.click("#years [data-year='2025']")
    assert "这一年还没有设立" in shown.text("#card")


def test_a_place_shared_between_sites_shows_each_part(opened: Any) -> None:
    plan = small_plan()
    shared = [
        place
        for place in plan["district_data"]["places"]
        if sum(row["id"] == place["id"] and row["year"] == YEARS[-1] for row in plan["places"]) == 2
    ]
    shown = opened(plan)
    shown.page.fill("#find", shared[0]["name"])
    shown.page.click("#found button")
    parts = [row for row in plan["places"] if row["id"] == shared[0]["id"] and row["year"] == YEARS[-1]]
    for row in parts:
        assert f"其中 {row['people']:,} 人" in shown.text("#card")
    assert f"{shared[0]['people']:,} 人" in shown.text("#card")


def test_the_language_switches_with_title_and_lang(opened: Any) -> None:
    shown = opened(small_plan())
    state = "[document.documentElement.lang, document.title]"
    assert shown.page.evaluate(state) == ["zh-CN", "示例区卫生服务点布局规划 · 2030 年 · 规划地图"]
    assert "40 个村、社区的位置中有 30 个是推算" in shown.text("#banner")
    assert "审图号：待填" in shown.text("#approval")
    shown.page.click("#language")
    assert shown.page.evaluate(state) == [
        "en",
        "Layout of health sites in the example district · 2030 · plan map",
    ]
    assert "30 of 40 positions are estimates" in shown.text("#banner")
    assert "Map approval number: not yet given" in shown.text("#approval")
    own = shown.page.evaluate(
        "[...document.querySelectorAll('body *:not(script):not(bdi):not(#language)')].flatMap(node =>"
        " [...node.childNodes].filter(one => one.nodeType === 3 && !node.closest('.town-label, noscript'))"
        " .map(one => one.data)).join(' ')"
    )
    assert re.findall(r"[\u4e00-\u9fff]+", own) == []
    shown.page.click("#language")
    assert shown.page.evaluate(state)[0] == "zh-CN"


@pytest.mark.parametrize(
    ("outcome", "gap", "words"),
    [
        ("optimal", 0.00011, "已证明：与最优方案相差不超过 0.02 %。"),
        ("feasible", 0.0123, "未证明是最优：与最优方案可能相差 1.23 %。"),
        ("feasible", None, "未证明是最优，差距未知。"),
    ],
)
def test_the_gap_is_said_as_it_is(opened: Any, outcome: str, gap: float | None, words: str) -> None:
    shown = opened(small_plan() | {"outcome": outcome, "gap": gap})
    assert shown.text("#gap") == words


def test_draws_are_shown_as_a_range(opened: Any) -> None:
    shown = opened(small_plan())
    summary = shown.text("#summary")
    assert "20 次推算中，机构数为 7 – 10 个。" in summary
    assert "20 次推算中，覆盖率为 80.0 % – 83.2 %。" in summary
    alone = opened(small_plan() | {"draws": []})
    assert "只画了一种推算" in alone.text("#summary")


def test_layers_switch_and_links_come_when_zoomed_in(opened: Any) -> None:
    shown = opened(small_plan())
    background = {"0,0,0", "255,255,255"}  # outside the district nothing is drawn

    def inked() -> int:
        return sum(count for colour, count in shown.pixels().items() if colour not in background)

    before = inked()
    assert not shown.page.is_checked("#layer-links")
    shown.page.check("#layer-links")
    assert inked() > before
    linked = inked()
    assert shown.pixels()["29,35,41"] > 500  # hubs stay solid where lines are drawn
    shown.page.uncheck("#layer-links")
    assert inked() < linked
    shown.page.uncheck("#layer-places")
    assert inked() < before
    shown.page.uncheck("#layer-towns")
    assert shown.page.locator(".town-label").count() == 0

    near = opened(small_plan())
    near.page.fill("#find", "甲家村1")
    near.page.click("#found button")
    near.page.wait_for_function("document.getElementById('layer-links').checked")


def test_everything_can_be_reached_with_the_keyboard(opened: Any) -> None:
    shown = opened(small_plan())
    reached = set()
    for _ in range(40):
        shown.page.keyboard.press("Tab")
        reached.add(shown.page.evaluate("document.activeElement.id || document.activeElement.dataset.year || ''"))
    wanted = {"2025", "2030", "language", "map", "whole", "find", "layer-places", "layer-links"}
    assert wanted <= reached


def test_printing_leaves_the_controls_out_and_the_map_in(opened: Any) -> None:
    shown = opened(small_plan())
    shown.page.emulate_media(media="print")
    for hidden in ("#years", "#language", "#find", "#layers", ".leaflet-control-zoom"):
        assert not shown.page.is_visible(hidden)
    for kept in ("#title", "#banner", "#map", "#approval", "#total", "#legend"):
        assert shown.page.is_visible(kept)


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_hostile_text_is_shown_and_never_obeyed(opened: Any, size: tuple[int, int]) -> None:
    plan = hostile_plan()
    shown = opened(plan, size)
    page = shown.page
    assert shown.text("#title") == plan["title"]["zh"]
    labels = page.evaluate("[...document.querySelectorAll('.town-label span')].map(one => one.textContent)")
    assert labels == [town["name"] for town in plan["district_data"]["towns"]]
    for _ in range(2):
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        for year in YEARS:
            page.click(f"#years [data-year='{year}']")
        page.click("#language")
    details = shown.text("#details")
    for line in (line for line in plan["scorecard"] if line["year"] == YEARS[-1]):
        for key in ("document", "clause", "quote", "indicator", "unit"):
            assert as_seen(line[key]) in details
    met = set()
    for text in HOSTILE_TEXTS:
        page.fill("#find", text[:16])
        found = page.locator("#found button")
        for number in range(min(8, found.count())):
            page.evaluate("document.getElementById('found').hidden = false")
            found.nth(number).click()
            met.add(shown.text("#card h2"))
            assert page.evaluate("window.PWN") is None
    assert met >= {as_seen(text) for text in HOSTILE_TEXTS}
    assert page.evaluate("document.querySelectorAll('img, iframe, body link, body base, svg [onload]').length") == 0
    assert page.evaluate("document.querySelectorAll('script').length") == 4


def test_hovering_over_a_hostile_name_shows_it_as_text(opened: Any) -> None:
    plan = hostile_plan()
    shown = opened(plan)
    drawn = plan["district_data"]["places"] + plan["sites"] + plan["district_data"]["institutions"]
    names = {as_seen(one["name"]) for one in drawn}
    seen = {shown.hover_over(place["lon"], place["lat"]) for place in drawn[: len(HOSTILE_TEXTS)]}
    assert seen <= names
    assert len(seen) >= len(HOSTILE_TEXTS) - 2


def test_the_policy_stops_markup_that_slipped_in(browser: Any, tmp_path: Path) -> None:
    # The second line of defence: even a page spoilt by hand runs nothing and asks no host.
    html = map_page(small_plan()).replace(
        '<div id="banner"', '<img src=x onerror=window.PWN=1><script>window.PWN=1</script><div id="banner"', 1
    )
    file = tmp_path / "spoilt.html"
    file.write_text(html, encoding="utf-8")
    context = browser.new_context()
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(file.as_uri())
    page.wait_for_selector(READY, timeout=30_000)
    assert page.evaluate("window.PWN") is None
    assert any("Content Security Policy" in complaint for complaint in complaints)
    context.close()
