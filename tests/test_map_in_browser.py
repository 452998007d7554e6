"""The map page in a real browser with the network off: it works, and no text of the plan is obeyed."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import shapely
from plan_examples import HOSTILE_TEXTS, YEARS, hostile_plan, large_plan, small_plan

from allocate.areas import Areas
from allocate.draw import map_page
from allocate.draw.compact import compact
from allocate.plans import Plan
from allocate.words import LANGUAGES, Language, say_in, speaking

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

# Whether the page unpacks what it carries to what was packed, letter by letter.
_UNPACKED = """(expected) => {
    const same = (one, other) => one === other || (one !== null && other !== null && typeof one === "object"
        && typeof other === "object" && Object.keys(one).length === Object.keys(other).length
        && Object.keys(one).every((key) => Object.hasOwn(other, key) && same(one[key], other[key])));
    const { view, language, ...plan } = unpackPlan(JSON.parse(document.getElementById("plan").textContent));
    const wanted = JSON.parse(expected);
    const differing = (key) => !same(plan[key], wanted[key]);
    return [...new Set([...Object.keys(plan), ...Object.keys(wanted)])].filter(differing);
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
    """Return a text with the sign for half a character, which browsers and files replace sooner or later.

    Spaces that keep a number and its sign together are spaces to the eye.
    """
    return re.sub("[\ud800-\udfff]", "\ufffd", text).replace("\u00a0", " ")


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
        assert f"{everybody:,}" in shown.text("#adds-up")
        seen.append((people, shown.text("#served-share"), shown.text("#sites-open")))
    assert seen[0] != seen[1]
    assert seen[0][1] != seen[1][1]
    assert [sites for _, _, sites in seen] == ["7 个站点开放", "8 个站点开放"]


def test_people_that_do_not_add_up_are_called_out(opened: Any) -> None:
    plan = small_plan()
    lost = plan["places"].pop()
    shown = opened(plan)
    note = shown.text("#adds-up.alarm")
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


def open_card(shown: Opened, name: str) -> str:
    """Open the card of what bears a name, and return its text."""
    shown.page.fill("#find", name)
    shown.page.click("#found button")
    return shown.text("#card")


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_the_card_of_a_visited_village_says_who_comes_when_and_what_is_next_best(
    opened: Any, size: tuple[int, int]
) -> None:
    plan = small_plan()
    names = {place["id"]: place["name"] for place in plan["district_data"]["places"]}
    # The second of the visited villages of the second hub in 2030: Monday and Wednesday afternoon.
    visit = [row for row in plan["rounds"] if (row["year"], row["by"]) == (2030, "S01")][1]
    cost = next(row["next_cost"] for row in plan["care"] if row["id"] == visit["to"])
    shown = opened(plan, size)
    card = open_card(shown, names[visit["to"]])
    for part in (
        "靠巡诊", "村级巡诊", "西河镇卫生院", "第 1 队：周一下午，周三下午", "每周 2 次，每次 1 个半天",
        f"单程 {visit['minutes']} 分钟", "CL-7要求有服务", "本村站点", f"最多多花 {cost:,} 元",
    ):  # fmt: skip
        assert part in card
    shown.page.click("#language")
    card = shown.text("#card")
    for part in (
        "village rounds",
        "Team 1: Monday afternoon, Wednesday afternoon",
        "a site of its own",
        f"{cost:,} yuan more",
    ):
        assert part in card
    # Nobody went there in 2025.
    shown.page.click("#years [data-year='2025']")
    assert "village rounds" not in shown.text("#card")


def test_a_village_with_staff_posted_shows_its_whole_days(opened: Any) -> None:
    plan = small_plan()
    shown = opened(plan)
    shown.page.click("#years [data-year='2025']")
    posted = next(row for row in plan["rounds"] if row["way"] == "posts")
    name = next(place["name"] for place in plan["district_data"]["places"] if place["id"] == posted["to"])
    card = open_card(shown, name)
    for part in ("有人驻村", "派人驻村", "1 号岗位：周一全天，周三全天，周五全天"):
        assert part in card


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_the_card_of_a_hub_shows_who_is_posted_in_which_months_and_where_its_teams_go(
    opened: Any, size: tuple[int, int]
) -> None:
    plan = small_plan()
    names = {place["id"]: place["name"] for place in plan["district_data"]["places"]}
    shown = opened(plan, size)
    card = open_card(shown, "东河镇卫生院0")
    strips = [
        [cell.get_attribute("class") or "" for cell in strip.query_selector_all("i")]
        for strip in shown.page.query_selector_all("#card .months")
    ]
    away, there = [""], ["there"]
    assert strips == [["there carried"] * 3 + away * 9, away * 3 + there * 6 + away * 3, there * 12]
    rank = say_in("zh", "rank.attending")
    for part in ("全年常驻", f"外科 · {rank}", "示例区人民医院 · 岗位 1", "1月—3月（年初已在岗）", "护理", "市级医院"):
        assert part in card
    visited = [row for row in plan["rounds"] if (row["year"], row["by"]) == (2030, "S00")]
    assert f"每周 {2 * len(visited)} 个半天 · 去 {len(visited)} 处" in card
    assert "第 1 队：" in card
    assert "（最多 8 个）" in card
    for row in visited:
        assert names[row["to"]] in card
    # The second hub's expert comes in October and stays until March; the third has none, and says what stands in.
    assert "10月—次年3月" in open_card(shown, "西河镇卫生院1")
    assert "没有可派的专家，由远程会诊代替（家庭医生团队）：experts" in open_card(shown, "南苑街道卫生院2")


def test_the_card_of_a_hospital_shows_whom_it_sends_and_the_towns_that_it_visits(opened: Any) -> None:
    shown = opened(small_plan())
    card = open_card(shown, "示例区人民医院")
    for part in (
        "派出的专家（2030 年）",
        f"外科 · {say_in('zh', 'rank.attending')}：3 期",
        "东河镇卫生院",
        "西河镇卫生院",
    ):
        assert part in card
    assert "东河镇 第2周周一下午" in card
    assert "1 支队伍 · 每月（四周） 3 个半天 · 去 3 处" in card
    assert "第 1 队：第2周周二下午" in open_card(shown, "西河镇")


def near(pixels: dict[str, int], colour: str, within: int = 60) -> int:
    """Return how many points have a colour or one like it: a slanting line has few of its very own."""
    wanted = [int(part) for part in colour.split(",")]
    return sum(
        count
        for found, count in pixels.items()
        if all(abs(int(part) - want) <= within for part, want in zip(found.split(","), wanted, strict=True))
    )


BLUE, ORANGE, CENTRE, CHOSEN = "119,170,221", "238,136,102", "34,34,85", "168,0,92"


def test_consortia_are_off_at_first_and_follow_the_year(opened: Any) -> None:
    shown = opened(small_plan())
    assert not shown.page.is_checked("#layer-consortia")
    assert "医共体" not in shown.text("#legend")
    plain = shown.pixels()
    assert not plain.get(BLUE)
    shown.page.check("#layer-consortia")
    legend = shown.text("#legend")
    # Two in 2030, the second led by a hospital that no list has; in 2025 one of all three hubs.
    assert "医共体（2030 年，2 个）" in legend
    assert "示例区人民医院牵头：2 家成员，40,001 人" in legend
    assert "H2牵头：1 家成员，20,002 人" in legend
    coloured = shown.pixels()
    assert coloured[BLUE] > 100
    assert coloured[ORANGE] > 30  # round the hub of the second one: its lead has no position, so there is no line
    shown.page.click("#years [data-year='2025']")
    assert "示例区人民医院牵头：3 家成员，60,003 人" in shown.text("#legend")
    one = shown.pixels()
    assert one[BLUE] > coloured[BLUE]
    assert not one.get(ORANGE)
    shown.page.uncheck("#layer-consortia")
    assert not shown.pixels().get(BLUE)


def test_links_to_a_shared_centre_are_drawn_for_the_function_that_is_chosen(opened: Any) -> None:
    shown = opened(small_plan())
    assert shown.page.evaluate("[...document.querySelectorAll('#centre option')].map(one => one.text)") == [
        "影像中心",
        "检验中心",
    ]

    def drawn() -> int:
        shown.page.check("#layer-centres")
        with_links = near(shown.pixels(), CENTRE)
        shown.page.uncheck("#layer-centres")
        without = near(shown.pixels(), CENTRE)
        shown.page.check("#layer-centres")
        return with_links - without

    assert not shown.pixels().get(CENTRE)
    both = drawn()
    assert "示例区人民医院：2 家接入" in shown.text("#legend")
    shown.page.click("#years [data-year='2025']")
    assert "示例区人民医院：1 家接入" in shown.text("#legend")
    assert 50 < drawn() < both - 50
    # Nobody has a laboratory; choosing it shows the layer.
    shown.page.uncheck("#layer-centres")
    shown.page.select_option("#centre", label="检验中心")
    assert shown.page.is_checked("#layer-centres")
    assert "共享中心：检验中心（2025 年）" in shown.text("#legend")
    assert "这一年没有机构具备" in shown.text("#legend")
    assert not shown.pixels().get(CENTRE)


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_a_chosen_function_is_counted_and_sites_without_it_are_faded(opened: Any, size: tuple[int, int]) -> None:
    shown = opened(small_plan(), size)
    served = "0,158,115"
    plain = shown.pixels()
    assert not plain.get(CHOSEN)
    shown.page.select_option("#ability", label="影像中心")
    legend = shown.text("#legend")
    for part in ("功能：影像中心（2030 年）", "街镇卫生院：3 家中 2 家具备", "自有（1 家）", "由中心提供（2 家）"):
        assert part in legend
    faded = shown.pixels()
    assert faded[CHOSEN] > 100
    assert faded["255,255,255"] > 0
    assert faded.get(served, 0) < plain.get(served, 0) or not plain.get(served)
    assert faded["29,35,41"] < plain["29,35,41"]
    shown.page.click("#years [data-year='2025']")
    assert "街镇卫生院：3 家中 1 家具备" in shown.text("#legend")
    # The hall of the second hub is given up after 2025.
    shown.page.select_option("#ability", label="中医馆")
    assert "街镇卫生院：3 家中 2 家具备" in shown.text("#legend")
    shown.page.click("#years [data-year='2030']")
    assert "街镇卫生院：3 家中 1 家具备" in shown.text("#legend")
    shown.page.click("#language")
    assert "township hospital: 1 of 3" in shown.text("#legend")
    assert shown.page.evaluate("document.querySelector('#ability').selectedOptions[0].text") == "TCM hall"
    shown.page.select_option("#ability", "-1")
    assert shown.pixels() == plain


def test_ambulance_stations_bear_a_star_of_six_arms_from_their_year_on(opened: Any) -> None:
    shown = opened(small_plan())
    assert "院前急救站点（1 处）" in shown.text("#legend")
    shown.page.click("#years [data-year='2025']")
    assert "院前急救站点" not in shown.text("#legend")


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_the_card_of_a_hub_says_its_consortium_and_its_functions_by_year(opened: Any, size: tuple[int, int]) -> None:
    shown = opened(small_plan(), size)
    card = open_card(shown, "东河镇卫生院0")
    for part in ("示例区人民医院牵头 · 17 分钟", "功能（2030 年 17 项）", "现有中医馆", "2025 年起more_00、more_01"):
        assert part in card
    assert "由示例区人民医院提供2025 年起影像中心" in card
    # Fifteen names of one year: the last three are folded.
    folded = shown.page.locator("#card details")
    assert folded.locator("summary").text_content() == "…… 还有 3 项"
    assert not folded.get_by_text("more_14").is_visible()
    folded.locator("summary").click()
    assert folded.get_by_text("more_14").is_visible()
    assert shown.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # The second hub's hall is past, which is said, but not counted.
    card = open_card(shown, "西河镇卫生院1")
    assert "功能（2030 年 2 项）" in card
    assert shown.text("#card .quiet") == "中医馆"
    assert "仅 2025 年中医馆2030 年起院前急救站点" in card
    assert "H2牵头 · 17 分钟 · 原属示例区人民医院" in open_card(shown, "南苑街道卫生院2")
    shown.page.click("#language")
    assert "led by H2 · 17 min · before: 示例区人民医院" in shown.text("#card")
    shown.page.click("#years [data-year='2025']")
    assert "led by 示例区人民医院 · 17 min" in shown.text("#card")
    assert "before" not in shown.text("#card")


def test_the_card_of_a_hospital_says_whom_it_leads_what_it_hosts_and_what_it_holds_back(opened: Any) -> None:
    shown = opened(small_plan())
    card = open_card(shown, "示例区人民医院")
    for part in (
        "牵头医共体2 家成员，40,001 人", "医共体成员（2030 年）", "东河镇卫生院0", "西河镇卫生院1",
        "影像中心：2 家接入", "床位：35 中的 7（20.0 %）", "专家号：1,084 中的 217（20.0 %）",
    ):  # fmt: skip
        assert part in card
    assert "南苑街道卫生院2" not in shown.text("#card ul.served")
    shown.page.click("#years [data-year='2025']")
    assert "影像中心：1 家接入" in shown.text("#card")
    assert "南苑街道卫生院2" in shown.text("#card ul.served")


def test_folded_functions_are_printed(opened: Any) -> None:
    shown = opened(small_plan())
    open_card(shown, "东河镇卫生院0")
    shown.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert shown.page.locator("#card details").get_by_text("more_14").is_visible()
    shown.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert not shown.page.locator("#card details").get_by_text("more_14").is_visible()


def test_a_plan_made_before_consortia_offers_none_of_them(opened: Any) -> None:
    plan = small_plan()
    for name in ("consortia", "functions", "reserves"):
        del plan[name]
    del plan["settings"]["functions"]
    shown = opened(plan)
    assert shown.page.locator("#layer-consortia, #layer-centres, #centre, #ability").count() == 0
    card = open_card(shown, "东河镇卫生院0")
    assert "医共体" not in card
    assert "功能" not in card


def test_hostile_names_of_functions_are_shown_and_never_obeyed(opened: Any) -> None:
    plan = hostile_plan()
    shown = opened(plan)
    page = shown.page
    shown.page.check("#layer-consortia")
    names = {one["name"]["zh"] for one in plan["settings"]["functions"].values()}
    options = page.evaluate("[...document.querySelectorAll('#ability option')].map(one => one.text)")
    assert len(options) == 1 + 20
    assert page.evaluate("document.querySelectorAll('option *').length") == 0
    assert {as_seen(" ".join(name[:80].split())) for name in names} <= {
        as_seen(" ".join(one.split())) for one in options
    }
    for number in range(len(options)):
        page.select_option("#ability", index=number)
        assert page.evaluate("window.PWN") is None
    for number in range(page.locator("#centre option").count()):
        page.select_option("#centre", index=number)
    legend = shown.text("#legend")
    assert sum(as_seen(name) in legend for name in names) >= 1
    assert page.evaluate("document.querySelectorAll('#legend img, #legend svg, #card img').length") == 0


def test_those_who_are_visited_are_counted_beside_the_headline_and_in_the_legend(opened: Any) -> None:
    plan = small_plan()
    shown = opened(plan)
    line = plan["ledger"][0]
    shown.page.click("#years [data-year='2025']")
    shares = {status: f"{100 * line[status] / line['people']:.1f} %" for status in ("rounds", "posted")}
    assert shown.text("#visited-share") == f"另有 {shares['rounds']} 靠巡诊，{shares['posted']} 由驻村人员服务"
    counts = {
        status: len({row["id"] for row in plan["places"] if (row["year"], row["status"]) == (2025, status)})
        for status in shares
    }
    assert f"靠巡诊（{counts['rounds']} 处）" in shown.text("#legend")
    assert f"有人驻村（{counts['posted']} 处）" in shown.text("#legend")
    sending = shown.text("#sending")
    assert f"村级巡诊：{counts['rounds']} 处" in sending
    assert "派驻专家 5 人次" in sending
    # (The hospital, where a nurse of the city is, is no hub.)
    assert "各中心的专家：全年常驻 1 个 · 部分月份 1 个 · 远程会诊 1 个" in sending
    shown.page.click("#language")
    assert f"served by rounds ({counts['rounds']})" in shown.text("#legend")
    assert "by staff posted in their village" in shown.text("#visited-share")


def test_lines_of_rounds_are_drawn_at_first_and_those_of_postings_when_asked_for(opened: Any) -> None:
    shown = opened(small_plan())
    assert shown.page.is_checked("#layer-rounds")
    assert not shown.page.is_checked("#layer-postings")

    def violet() -> int:
        return sum(count for colour, count in shown.pixels().items() if is_near(colour, (91, 58, 158)))

    def blue() -> int:
        return sum(count for colour, count in shown.pixels().items() if is_near(colour, (31, 122, 176)))

    drawn, before = blue(), violet()
    assert "巡诊：从机构到村" in shown.text("#legend")
    shown.page.uncheck("#layer-rounds")
    assert blue() < drawn / 2
    assert "巡诊：从机构到村" not in shown.text("#legend")
    shown.page.check("#layer-postings")
    assert violet() > before + 50
    assert "派驻专家：从医院到中心" in shown.text("#legend")


def is_near(colour: str, wanted: tuple[int, int, int]) -> bool:
    return all(abs(int(part) - whole) < 45 for part, whole in zip(colour.split(","), wanted, strict=True))


def test_a_plan_that_sends_nobody_shows_nothing_of_it(opened: Any) -> None:
    plan = small_plan()
    for key in ("settings", "postings", "roster", "remote", "rounds", "timetable", "care"):
        del plan[key]
    shown = opened(plan)
    assert shown.page.locator("#layer-rounds, #layer-postings, #sending").count() == 0
    card = open_card(shown, "东河镇卫生院0")
    assert "专家" not in card
    assert "巡诊" not in card


def test_a_click_on_a_site_says_whom_it_serves_and_what_is_done_to_it(opened: Any) -> None:
    plan = small_plan()
    shown = opened(plan)
    site = next(site for site in plan["sites"] if site["id"] == "S06")
    people = sum(row["people"] for row in plan["places"] if row["served_by"] == "S06" and row["year"] == YEARS[-1])
    assert people > 0
    shown.click_on(site["lon"], site["lat"])
    assert shown.text("#card h2") == site["name"]
    card = shown.text("#card")
    for part in ("村卫生室", "本年新设", "2030 年新开", f"{people:,} 人", "350,000 元", "东河镇卫生院0"):
        assert part in card
    shown.page.click("#years [data-year='2025']")
    assert "这一年还没有设立" in shown.text("#card")


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_the_card_of_a_site_shows_its_staff_by_year_and_the_years_are_stepped_through(
    opened: Any, size: tuple[int, int]
) -> None:
    shown = opened(small_plan(), size)

    def card_of(site: str) -> list[list[str]]:
        shown.page.fill("#find", site)
        shown.page.click("#found button")
        return table()

    def table() -> list[list[str]]:
        rows = shown.page.query_selector_all("#card table.staff tr")
        return [[as_seen(cell.text_content()) for cell in row.query_selector_all("th, td")] for row in rows]

    def marked() -> list[str]:
        return [cell.text_content() for cell in shown.page.query_selector_all("#card table.staff .now")]

    # Two general practitioners in both years; of nurses, of whom nobody has listed today's, three and then four.
    whole = [["人员和床位", "2025", "2030"], ["全科医生", "2", "2"], ["护士 *", "3", "4"]]
    assert card_of("东河镇村卫生室3") == whole
    assert marked() == ["2030", "2", "4"]
    assert "现状没有名册，为假定" in shown.text("#card")
    shown.page.focus("#year")
    shown.page.keyboard.press("ArrowLeft")
    assert shown.text("#year-now") == "2025 年"
    assert table() == whole
    assert marked() == ["2025", "2", "3"]
    # Opened in 2030: nobody works there before.
    assert card_of("东河镇村卫生室6") == [whole[0], ["全科医生", "0", "2"], ["护士 *", "0", "4"]]
    assert "这一年还没有设立" in shown.text("#card")
    shown.page.focus("#year")
    shown.page.keyboard.press("ArrowRight")
    assert "2030 年新开" in shown.text("#card")
    assert marked() == ["2030", "2", "4"]


def test_a_site_without_staff_has_no_table_of_it_and_its_cost_is_whole(opened: Any) -> None:
    plan = small_plan()
    for site in plan["sites"]:
        site["staff"] = {}
    del plan["stock"]
    shown = opened(plan)
    shown.page.fill("#find", "东河镇村卫生室6")
    shown.page.click("#found button")
    assert shown.page.query_selector("#card table.staff") is None
    assert "350,000 元（单价：未说明）" in shown.text("#card")
    assert "另计" not in shown.text("#card")


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
    assert "30 of 40 positions are estimated or assumed" in shown.text("#banner")
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
        ("feasible", 0.0123, "未证明是最优。各项与最优的差距不超过（最大一项 1.23 %）："),
        ("feasible", None, "未证明是最优，差距未知。"),
    ],
)
def test_the_gap_is_said_as_it_is(opened: Any, outcome: str, gap: float | None, words: str) -> None:
    shown = opened(small_plan() | {"outcome": outcome, "gap": gap})
    assert shown.text("#gap") == words


def test_draws_are_shown_as_a_range(opened: Any) -> None:
    shown = opened(small_plan())
    summary = shown.text("#summary")
    assert "20 次推算中，站点（不含中心）为 7 – 10 个。" in summary
    assert "20 次推算中，覆盖率为 80.0 % – 83.2 %。" in summary
    alone = opened(small_plan() | {"draws": []})
    assert "只画了一种推算" in alone.text("#summary")


def test_sites_are_counted_as_the_draws_count_them_and_hubs_apart(opened: Any, tiny_plan: Plan) -> None:
    year = str(tiny_plan.content["years"][-1])
    codes = [town["id"] for town in tiny_plan.content["district_data"]["towns"]]
    draws = [{"sites_by_town": {code: {year: at + more} for at, code in enumerate(codes)}} for more in (0, 2)]
    plan = {**tiny_plan.content, "draws": draws}
    shown = opened(plan)
    standing = [site for site in plan["sites"] if year in site["people"]]
    sited = [site for site in standing if site["kind"] in plan["settings"]["siting"]]
    assert 0 < len(sited) < len(standing)
    assert shown.text("#sites-open") == f"{len(sited)} 个站点开放"
    assert shown.text("#sites-hubs").startswith(f"另有街镇卫生院等中心 {len(standing) - len(sited)} 个 · ")
    shown.page.click("#details details[data-name='towns'] > summary")
    assert "不含街镇卫生院等中心" in shown.text("[data-name='towns']")
    for town in plan["district_data"]["towns"]:
        row = shown.page.locator("[data-name='towns'] tbody tr", has_text=town["name"])
        count = sum(site["town"] == town["id"] for site in sited)
        reach = f"{codes.index(town['id'])} – {codes.index(town['id']) + 2}"
        assert as_seen(row.locator("td").last.text_content()) == f"{count}（{reach}）"
        row.locator("button").click()
        assert f"{count} 个站点开放" in shown.text("#card")
        assert f"2 次推算中有 {reach} 个" in shown.text("#card")


def test_the_card_of_a_closed_site_says_what_its_closing_means_to_the_people_in_its_circle(opened: Any) -> None:
    for alone, words in ((0, "关闭后，2030 年圈内的人另有开放的站点可去"), (1234, "圈内有 1,234 人没有开放的站点")):
        plan = small_plan()
        closing = next(site for site in plan["sites"] if site["action"] == "close")
        closing["only_site_of"] = {"2030": alone}
        shown = opened(plan)
        shown.page.fill("#find", closing["name"])
        shown.page.keyboard.press("Enter")
        assert shown.text("#card h2") == closing["name"]
        assert words in shown.text("#card")
    unknown = opened(small_plan())
    unknown.page.fill("#find", closing["name"])
    unknown.page.keyboard.press("Enter")
    assert "为什么" not in unknown.text("#card"), "a plan that does not say is not spoken for"


def test_a_value_that_misses_its_target_is_never_shown_as_the_target(opened: Any) -> None:
    plan = small_plan()
    plan["scorecard"][0] |= {"unit": "share", "target": 1, "value": 0.99998, "today": 0.99, "year": 2030}
    plan["scorecard"][1] |= {"status": "missed", "sense": "at_most", "target": 2, "value": 3, "year": 2030}
    shown = opened(plan)
    shown.page.click("#details details[data-name='clauses'] > summary")
    listed = [as_seen(text) for text in shown.page.locator("[data-name='clauses'] > ul > li").all_text_contents()]
    assert "目标 100 · 规划 99.998 % · 现状 99；差" in listed[0]
    assert "目标 至多 2 · 规划 3" in listed[1]
    shown.page.click("#language")
    assert "target at most 2, plan 3" in shown.text("[data-name='clauses'] > ul")


@pytest.mark.parametrize("spoken", LANGUAGES)
def test_the_page_opens_in_the_language_in_which_it_was_written(opened: Any, spoken: Language) -> None:
    with speaking(spoken):
        html = map_page(small_plan())
    shown = opened({}, html=html)
    assert shown.page.evaluate("document.documentElement.lang") == {"zh": "zh-CN", "en": "en"}[spoken]
    assert shown.text("#title") == small_plan()["title"][spoken]
    shown.page.click("#language")
    assert shown.page.evaluate("document.documentElement.lang") == {"zh": "en", "en": "zh-CN"}[spoken]


def test_an_open_card_is_printed_whole_below_the_map(opened: Any) -> None:
    shown = opened(small_plan())
    shown.page.fill("#find", "东河镇卫生院0")
    shown.page.keyboard.press("Enter")
    shown.page.emulate_media(media="print")
    shown.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    box = "(name) => { const at = document.querySelector(name).getBoundingClientRect(); return [at.top, at.bottom]; }"
    (_, end_of_map), (top, bottom) = (shown.page.evaluate(box, name) for name in ("#map", "#card"))
    panel = shown.page.evaluate(box, ".panel")[0]
    assert end_of_map <= top < bottom <= panel
    whole = "[...document.querySelectorAll('#card, #card *')].every((one) => one.scrollHeight <= one.clientHeight + 1"
    assert shown.page.evaluate(f"{whole} || getComputedStyle(one).overflowY === 'visible')")
    shown.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert shown.page.evaluate("document.querySelector('.chart > #card') !== null")


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
        reached.add(shown.page.evaluate("document.activeElement.id"))
    wanted = {"year", "language", "map", "whole", "find", "layer-places", "layer-links"}
    assert wanted <= reached


def test_printing_leaves_the_controls_out_and_the_map_in(opened: Any) -> None:
    shown = opened(small_plan())
    shown.page.emulate_media(media="print")
    for hidden in ("#year", "#years [data-year]", "#language", "#find", "#layers", ".leaflet-control-zoom"):
        assert not shown.page.is_visible(hidden)
    for kept in ("#title", "#year-now", "#banner", "#map", "#approval", "#total", "#legend"):
        assert shown.page.is_visible(kept)


@pytest.mark.parametrize("make", [small_plan, hostile_plan, lambda: large_plan(500)])
def test_every_column_comes_out_of_the_page_as_it_went_in(opened: Any, make: Any) -> None:
    plan = make()
    assert opened(plan).page.evaluate(_UNPACKED, json.dumps(compact(plan))) == []


def test_every_column_of_a_real_plan_comes_out_of_the_page_as_it_went_in(opened: Any, tiny_plan: Plan) -> None:
    content = compact(tiny_plan.content)
    assert content["areas"]["towns"]
    assert opened(tiny_plan.content).page.evaluate(_UNPACKED, json.dumps(content)) == []


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_the_year_is_chosen_with_a_slider_its_labels_and_the_keyboard(opened: Any, size: tuple[int, int]) -> None:
    shown = opened(small_plan(), size)
    slider = shown.page.locator("#year")
    assert shown.text("#year-now") == "2030 年"
    slider.focus()
    shown.page.keyboard.press("ArrowLeft")
    assert shown.text("#year-now") == slider.get_attribute("aria-valuetext") == "2025 年"
    assert "2025 年" in shown.page.title()
    assert shown.page.evaluate("document.activeElement.id") == "year"  # the hand keeps hold of it
    shown.page.click("#years [data-year='2030']")
    assert (shown.text("#year-now"), slider.input_value()) == ("2030 年", "1")
    box = slider.bounding_box()
    shown.page.mouse.click(box["x"] + 3, box["y"] + box["height"] / 2)
    assert shown.text("#year-now") == "2025 年"
    shown.page.click("#language")
    assert slider.get_attribute("aria-label") == "Year"


@pytest.mark.parametrize("count", [2, 5, 16])
def test_each_label_stands_under_its_place_on_the_slider_and_none_on_another(opened: Any, count: int) -> None:
    plan = small_plan() | {"years": list(range(2025, 2025 + count))}
    page = opened(plan, NARROW).page
    track = page.locator("#year").bounding_box()
    boxes = page.evaluate(
        "[...document.querySelectorAll('#years [data-year]:not(.between)')].map(one => one.getBoundingClientRect())"
        ".map(box => [box.left, box.right])"
    )
    for (_, right), (left, _) in pairwise(boxes):
        assert right <= left
    middles = [sum(box) / 2 - track["x"] for box in (boxes[0], boxes[-1])]
    assert middles == pytest.approx([9, track["width"] - 9], abs=1.5)


def test_what_is_folded_is_unfolded_on_paper_and_the_map_comes_back_as_it_was(opened: Any) -> None:
    page = opened(small_plan()).page
    look = (
        "[[...document.querySelectorAll('details')].map(one => one.open), document.querySelector('#map').offsetWidth]"
    )
    before = page.evaluate(look)
    assert True not in before[0]
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(look) == [[True] * len(before[0]), 978]
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(look) == before


def test_a_plan_of_one_year_has_no_slider(opened: Any) -> None:
    shown = opened(small_plan() | {"years": [2030]})
    assert shown.text("#year-now") == "2030 年"
    assert shown.page.locator("#years input, #years button").count() == 0


def test_a_missed_must_stands_under_the_headline_and_the_count_of_clauses_always(opened: Any) -> None:
    shown = opened(small_plan())
    assert shown.text(".must") == "未满足的“必须”条款 示例实施方案 第 4 条（15 分钟可达人口）：差 5.9 %"
    assert shown.page.evaluate("document.querySelector('.headline').nextElementSibling.matches('.must')")
    assert shown.text("#clause-count") == "2030 年条款 3 项，满足 2 项；另有 1 项尚无法判断、1 项仅报告"
    kept = small_plan()
    kept["scorecard"] = [line for line in kept["scorecard"] if line["strength"] != "must" and line["year"] in YEARS]
    whole = opened(kept)
    assert whole.page.locator(".must").count() == 0
    assert whole.text("#clause-count") == "2030 年条款 2 项，满足 2 项"


def test_clauses_are_grouped_by_status_with_the_missed_first_and_the_undecided_folded(opened: Any) -> None:
    shown = opened(small_plan())
    page = shown.page
    page.click("#details details[data-name='clauses'] > summary")
    listed = page.evaluate("[...document.querySelectorAll('[data-name=clauses] > ul > li')].map(one => one.className)")
    assert listed == ["missed", "met", "met"]
    folded = "[...document.querySelectorAll('[data-name=clauses] details')].map(one => [one.dataset.name, one.open])"
    groups = [["clauses-undecided", False], ["clauses-reported", False], ["clauses-not_applicable", False]]
    assert page.evaluate(folded) == groups
    assert shown.text("[data-name='clauses-undecided'] > summary") == "尚无法判断：1 项"
    page.click("[data-name='clauses-undecided'] > summary")
    undecided = shown.text("[data-name='clauses-undecided'] li")
    for text in (
        *("2024", "力争", "文件为“必须”，模型已改", "SL-T01 的大意", "巡诊次数：目标 2 次", "所需的决策还不在规划之内"),
        *("SL-T01 的读法", "示例征求意见稿（征求意见稿） SL-T01 附件第 2 项：SL-T01 的原文"),
    ):
        assert text in undecided
    # What the plan does not decide stands in every year, and stays unfolded.
    page.click("#years [data-year='2025']")
    assert page.evaluate(folded) == [["clauses-undecided", True], *groups[1:]]
    page.click("#language")
    assert "What SL-T01 says" in shown.text("[data-name='clauses-undecided'] li")
    assert "Draft of the example (draft) SL-T01" in shown.text("[data-name='clauses-undecided'] li")
    page.click("[data-name='clauses-reported'] > summary")
    reported = shown.text("[data-name='clauses-reported'] li")
    assert "the document says 60 %" in reported
    assert "Why SL-T02" in reported, "the clause's own reason"


def test_the_coverage_of_today_stands_beside_the_plan_or_is_said_to_be_unknown(opened: Any) -> None:
    plan = small_plan()
    facts = "document.querySelector('#summary').textContent"
    shown = opened(plan)
    assert "现状未知" in shown.page.evaluate(facts)
    people = plan["coverage"][-1]["people"]
    plan["coverage"][-1]["today"] = {"covered": people // 2, "share": 0.5}
    known = opened(plan)
    assert f"现状 50.0\u00a0%（{people // 2:,} 人）" in known.page.evaluate(facts)
    assert "现状未知" not in known.page.evaluate(facts)


def test_the_card_of_a_place_says_why_it_is_served_or_not(opened: Any) -> None:
    plan = small_plan()
    visited = next(row for row in plan["places"] if (row["status"], row["year"]) == ("rounds", YEARS[0]))
    visited["status"] = "posted"
    shown = opened(plan)
    shown.page.click("#years [data-year='2025']")
    rows = {row["status"]: row for row in reversed(plan["places"]) if row["year"] == YEARS[0]}
    names = {place["id"]: place["name"] for place in plan["district_data"]["places"]}
    whys = {
        "no_capacity": "有开放的站点，但已满员",
        "out_of_range": "圈内没有开放的站点",
        "served": "圈内有开放的站点：",
        "rounds": "圈内没有站点或站点已满，由巡诊服务",
        "posted": "圈内没有站点或站点已满，由驻村人员服务",
    }
    for status, why in whys.items():
        shown.page.fill("#find", names[rows[status]["id"]])
        shown.page.click("#found button")
        assert why in shown.text("#card")


def test_the_card_of_a_site_gives_the_reason_with_the_figures_of_the_plan(opened: Any, tiny_plan: Plan) -> None:
    plan = tiny_plan.content
    shown = opened(plan)
    year = str(plan["years"][-1])
    sites = [site for site in plan["sites"] if site["action"] == "open" and site["people"][year]]
    said = set()
    for site in sites:
        shown.page.fill("#find", site["name"])
        shown.page.locator("#found button", has_text=site["name"]).first.click()
        card, alone = shown.text("#card"), site["only_site_of"][year]
        assert f"{site['people'][year]:,} 人" in card
        assert (f"圈内有 {alone:,} 人只有这一处可去" if alone else "没有人圈内只有这一处可去") in card
        assert f"{site['cost']:,} 元（单价：假定）" in card
        said.add(bool(alone))
    assert True in said


def test_areas_are_offered_for_a_real_plan_and_are_off_at_first(opened: Any, tiny_plan: Plan) -> None:
    shown = opened(tiny_plan.content)
    for layer in ("shares", "reach"):
        assert not shown.page.is_checked(f"#layer-{layer}")
    legend = shown.text("#legend")
    assert "圈内的范围" not in legend
    plain = shown.pixels()
    shown.page.check("#layer-reach")
    circle = tiny_plan.content["settings"]["circles"][tiny_plan.content["settings"]["circle"]]["name"]["zh"]
    assert f"开放站点圈内的范围（{circle}）" in shown.text("#legend")
    assert "在范围内的村仍可能没有服务" in shown.text("#legend")
    assert shown.pixels()["255,255,255"] < plain["255,255,255"]  # the ground within reach is tinted
    shown.page.uncheck("#layer-reach")
    assert shown.text("#legend") == legend
    shown.page.check("#layer-shares")
    assert "不是行政区界" in shown.text("#legend")
    assert shown.pixels()["255,255,255"] < plain["255,255,255"] / 2
    assert shown.page.locator("#layer-existing, #layer-places").count() >= 1
    assert opened(small_plan()).page.locator("#layer-shares, #layer-reach").count() == 0


def test_the_legend_says_whose_way_to_travel_the_reach_is_drawn_for(opened: Any, tiny_plan: Plan) -> None:
    plan = json.loads(json.dumps(tiny_plan.content))
    modes = plan["settings"]["modes"]
    modes["e_bike"]["name"] = {"zh": "<b>电动车</b>{{7*191}}", "en": "e-bike"}
    circle = plan["settings"]["circles"][plan["settings"]["circle"]]
    circle |= {"modes": ["e_bike", "car"], "shares": {"e_bike": 1.0, "car": 0.3}, "shares_source": "made up"}
    shown = opened(plan)
    shown.page.check("#layer-reach")
    assert "只画人人都有的方式（<b>电动车</b>{{7*191}}）能到的范围" in shown.text("#legend")
    shown = opened(tiny_plan.content)
    shown.page.check("#layer-reach")
    assert "人人都有的方式" not in shown.text("#legend")


def test_the_colour_of_a_town_follows_its_share_through_the_years(opened: Any, tiny_plan: Plan) -> None:
    colours = {1.0: "246,244,250", 0.9: "218,218,235", 0.8: "188,189,220", 0.6: "158,154,200", 0.0: "117,107,177"}
    plan = tiny_plan.content
    shown = opened(plan)
    shown.page.check("#layer-shares")
    for year in plan["years"]:
        shown.page.click(f"#years [data-year='{year}']")
        lines = [line for line in plan["ledger"] if line["year"] == year and line["scope"] != "district"]
        shares = [line["served"] / line["people"] for line in lines if line["people"]]
        wanted = {colours[max(least for least in colours if share >= least)] for share in shares}
        found = shown.pixels()
        assert {colour for colour in colours.values() if found.get(colour, 0) > 300} == wanted


def test_a_click_on_a_town_shows_its_people_by_status(opened: Any, tiny_plan: Plan) -> None:
    plan = tiny_plan.content
    shown = opened(plan)
    shown.page.check("#layer-shares")
    district = plan["district_data"]
    drawn = [*district["places"], *plan["sites"], *district["institutions"]]
    spots = shapely.MultiPoint([(one["lon"], one["lat"]) for one in drawn if one["lon"] is not None])
    line = max(
        (line for line in plan["ledger"] if line["year"] == plan["years"][-1] and line["scope"] != "district"),
        key=lambda line: line["people"],
    )
    area = Areas(plan).towns()[line["scope"]]
    west, south, east, north = area.bounds
    grid = [
        shapely.Point(west + (east - west) * across / 20, south + (north - south) * up / 20)
        for across in range(1, 20)
        for up in range(1, 20)
    ]
    empty = max((spot for spot in grid if area.buffer(-0.001).contains(spot)), key=spots.distance)
    shown.click_on(empty.x, empty.y)
    names = {town["id"]: town["name"] for town in district["towns"]}
    assert shown.text("#card h2") == names[line["scope"]]
    card = shown.text("#card")
    for figure in (line["people"], line["served"], line["no_capacity"], line["out_of_range"]):
        assert f"{figure:,}" in card
    assert "不是行政区界" in card
    shown.page.keyboard.press("Escape")
    assert not shown.page.is_visible("#card")


def test_a_crowd_of_places_is_drawn_in_its_colours_and_under_the_sites(opened: Any) -> None:
    shown = opened(large_plan(3_100))
    pixels = shown.pixels()
    green = sum(count for colour, count in pixels.items() if colour.startswith("0,158,1"))
    assert green > 200
    assert pixels["29,35,41"] > 200  # sites stand above
    shown.page.uncheck("#layer-places")
    without = shown.pixels()
    assert sum(count for colour, count in without.items() if colour.startswith("0,158,1")) == 0
    assert without["29,35,41"] == pytest.approx(pixels["29,35,41"], rel=0.05)


def test_a_town_is_found_by_its_name(opened: Any) -> None:
    shown = opened(small_plan())
    shown.page.fill("#find", "南苑街道")
    shown.page.locator("#found button").first.click()
    assert shown.text("#card h2") == "南苑街道"
    assert "20 次推算中有 2 – 4 个" in shown.text("#card")


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
    for line in (line for line in plan["scorecard"] if line["year"] not in YEARS):
        for text in (line["quote"], line["at"], line["document_name"]["zh"], line["says"]["zh"], line["note"]["zh"]):
            assert as_seen(text) in details
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
    assert page.evaluate("document.querySelectorAll('script').length") == 6


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
