"""Today beside the plan, the map as a picture, and base map tiles, in a real browser."""

import copy
import io
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from plan_examples import YEARS, hostile_plan, small_plan
from test_map_gains import with_dropped, with_homes, with_reach
from test_map_in_browser import CHROMIUM, NARROW, OPTIONS, READY, WIDE, Opened, open_card

from allocate.datum import convert
from allocate.draw import map_page
from allocate.draw.tiles import AMAP, TIANDITU, Tiles, tiles_of
from allocate.plans import Plan

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

# What the server of tiles gives: magenta, as nothing else on the map is.
GROUND = (254, 0, 254)
KEY = "0123456789abcdef"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Start a browser that knows this machine and no other."""
    if CHROMIUM is None:
        if os.environ.get("CI") == "true":
            pytest.fail("There is no Chromium, and CI=true: run tests/browser/get-chromium.sh as root.")
        pytest.skip("There is no Chromium: the browser tests of the map are skipped.")
    from playwright.sync_api import sync_playwright

    options = [f"{one}, EXCLUDE 127.0.0.1" if one.startswith("--host-resolver") else one for one in OPTIONS]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield started
        started.close()


@pytest.fixture
def opening(chromium: Any, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """Open pages; none of them throws anything, and what they ask for is noted."""
    contexts, pages = [], []

    def start(html: str, size: tuple[int, int] = WIDE) -> Opened:
        file = tmp_path / f"map{len(pages)}.html"
        file.write_text(html, encoding="utf-8")
        context = chromium.new_context(viewport={"width": size[0], "height": size[1]}, accept_downloads=True)
        page = context.new_page()
        shown = Opened(page)
        page.on("request", lambda request: shown.requests.append(request.url))
        page.on("pageerror", lambda error: shown.complaints.append(str(error)))
        page.goto(file.as_uri())
        page.wait_for_selector(READY, timeout=30_000)
        contexts.append(context)
        pages.append(shown)
        return shown

    yield start
    for shown in pages:
        assert shown.complaints == []
        assert shown.page.evaluate("window.PWN") is None
    for context in contexts:
        context.close()


@pytest.fixture
def tile_server() -> Iterator[tuple[str, list[str]]]:
    """Serve tiles of one colour on this machine, and note what is asked for."""
    asked: list[str] = []
    picture = io.BytesIO()
    Image.new("RGB", (256, 256), GROUND).save(picture, "PNG")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "image/png")
            self.end_headers()
            self.wfile.write(picture.getvalue())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def nearby(name: str, host: str, key: str = "") -> Tiles:
    """Return a provider's tiles, from this machine."""
    tiles = tiles_of(name, key)
    end = "?tk={key}" if tiles.asks_key else ""
    return replace(tiles, addresses=(f"{host}/{name}/{{z}}/{{x}}/{{y}}.png{end}",), hosts=(host,))


def picture_of(shown: Opened) -> tuple[str, Any]:
    """Save the picture, and return its name and its points."""
    with shown.page.expect_download() as download:
        shown.page.click("#picture")
    with Image.open(download.value.path()) as picture:
        assert picture.format == "PNG"
        return download.value.suggested_filename, np.asarray(picture.convert("RGB"))


def count(points: Any, *colour: int) -> int:
    """Return how many points of a picture have a colour."""
    return int((points == np.array(colour)).all(axis=-1).sum())


def known_today(plan: Plan) -> dict[str, Any]:
    return copy.deepcopy(dict(plan.content))


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_today_stands_beside_the_plan_or_above_it_with_the_figures_of_both(
    opening: Callable[..., Opened], tiny_plan: Plan, size: tuple[int, int]
) -> None:
    shown = opening(map_page(tiny_plan.content), size)
    assert not shown.page.is_visible("#today")
    shown.page.click("#pair")
    assert shown.page.get_attribute("#pair", "aria-pressed") == "true"
    today, planned = (shown.page.locator(one).bounding_box() for one in ("#today", "#map"))
    if size == WIDE:
        assert (today["y"], today["width"]) == (planned["y"], pytest.approx(planned["width"], abs=2))
        assert today["x"] + today["width"] <= planned["x"]
    else:
        assert today["x"] == planned["x"]
        assert today["y"] + today["height"] < planned["y"]
        assert min(today["height"], planned["height"]) > 250
    assert shown.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    content = tiny_plan.content
    (before,) = [row for row in content["today"] if row["scope"] == "district"]
    assert f"{before['people']:,} 人中的 {before['served']:,} 人" in shown.text("#today-head")
    for year in content["years"]:
        shown.page.click(f"#years [data-year='{year}']")
        (after,) = [row for row in content["ledger"] if (row["scope"], row["year"]) == ("district", year)]
        assert f"{year} 年居民 {after['people']:,} 人中的 {after['served']:,} 人" in shown.text("#plan-head")
        assert f"{before['served']:,} 人" in shown.text("#today-head")
    shown.page.click("#pair")
    assert not shown.page.is_visible("#today")
    assert not shown.page.is_visible("#plan-head")


def test_both_maps_move_together_whichever_is_moved(opening: Callable[..., Opened], tiny_plan: Plan) -> None:
    shown = opening(map_page(tiny_plan.content))
    shown.page.focus("#pair")
    shown.page.keyboard.press("Enter")
    label = "document.querySelector('#{} .town-label').getBoundingClientRect().{}"

    def spots() -> list[float]:
        boxes = {one: shown.page.locator(f"#{one}").bounding_box() for one in ("map", "today")}
        return [
            shown.page.evaluate(label.format(one, side)) - boxes[one][axis]
            for side, axis in (("left", "x"), ("top", "y"))
            for one in ("map", "today")
        ]

    seen = [spots()]
    for moved in ("today", "map"):
        shown.page.focus(f"#{moved}")
        for key in ("ArrowRight", "+"):
            shown.page.keyboard.press(key)
            shown.page.wait_for_timeout(600)
        seen.append(spots())
    for left, left_too, top, top_too in seen:
        assert left == pytest.approx(left_too, abs=1.5)
        assert top == pytest.approx(top_too, abs=1.5)
    assert len({round(one[0]) for one in seen}) == len(seen)


def test_today_draws_each_village_as_today_s_sites_serve_it(opening: Callable[..., Opened], tiny_plan: Plan) -> None:
    content = known_today(tiny_plan)
    shown = opening(map_page(content))
    shown.page.click("#pair")
    # (Sites that the plan opens in its first year are not there.)
    seen = colours(shown, "#today canvas")
    assert seen.get("0,114,178", 0) == 0
    assert near(seen, 218, 113, 31) > 20
    rows = {row["id"]: row for row in content["places_today"]}
    place = next(one for one in content["district_data"]["places"] if rows[one["id"]]["status"] == "out_of_range")
    card = open_card(shown, place["name"])
    assert "现状" in card
    assert "圈内没有站点" in card.split("现状")[1]


def near(seen: dict[str, int], *colour: int) -> int:
    """Return how many points nearly have a colour."""
    found = ((np.array(name.split(","), dtype=int), number) for name, number in seen.items())
    return sum(number for one, number in found if np.abs(one - colour).max() <= 3)


def colours(shown: Opened, selector: str) -> dict[str, int]:
    """Return how many points of a canvas have each colour."""
    shown.page.evaluate("new Promise((ok) => requestAnimationFrame(() => requestAnimationFrame(ok)))")
    found: dict[str, int] = shown.page.evaluate(
        """(selector) => {
        const canvas = document.querySelector(selector);
        const bytes = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
        const counts = {};
        for (let at = 0; at < bytes.length; at += 4) {
            const colour = bytes.slice(at, at + 3).join(",");
            counts[colour] = (counts[colour] || 0) + 1;
        }
        return counts;
    }""",
        selector,
    )
    return found


@pytest.mark.parametrize("spoken", ["zh", "en"])
def test_where_today_is_unknown_the_left_side_says_so_and_makes_nothing_up(
    opening: Callable[..., Opened], tiny_plan: Plan, spoken: str
) -> None:
    content = known_today(tiny_plan)
    sited = content["settings"]["siting"]
    content["district_data"]["institutions"] = [
        one for one in content["district_data"]["institutions"] if one["kind"] not in sited
    ]
    content["sites"] = [row for row in content["sites"] if row["kind"] not in sited or row["action"] == "open"]
    content["today"] = []
    del content["places_today"]
    shown = opening(map_page(content))
    if spoken == "en":
        shown.page.click("#language")
    shown.page.click("#pair")
    words = {
        "zh": "现状未知：没有人列出今天的全部村卫生室、社区卫生服务站",
        "en": "Today is unknown: nobody has listed all of today’s sites of these kinds: "
        "village clinic, community station",
    }
    assert words[spoken] in shown.text("#today-head")
    assert "%" not in shown.text("#today-head")
    seen = colours(shown, "#today canvas")
    for status in ((31, 170, 132), (233, 170, 31), (218, 113, 31)):
        assert near(seen, *status) == 0
    assert "today" not in shown.page.inner_html("#card")


def test_a_plan_of_an_earlier_version_does_not_say_what_stands_today(opening: Callable[..., Opened]) -> None:
    shown = opening(map_page(small_plan()))
    shown.page.click("#pair")
    assert "现状未知：这份规划没有写" in shown.text("#today-head")


def test_both_maps_are_printed(opening: Callable[..., Opened], tiny_plan: Plan) -> None:
    shown = opening(map_page(tiny_plan.content))
    shown.page.click("#pair")
    shown.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    shown.page.emulate_media(media="print")
    for one in ("#today", "#map", "#today-head", "#plan-head"):
        box = shown.page.locator(one).bounding_box()
        assert 400 < box["width"] < 500
    assert not shown.page.is_visible("#pair")
    assert not shown.page.is_visible("#picture")


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_the_picture_has_the_map_its_legend_and_its_title(
    opening: Callable[..., Opened], size: tuple[int, int]
) -> None:
    shown = opening(map_page(small_plan()), size)
    name, points = picture_of(shown)
    assert name == f"example-{YEARS[-1]}.png"
    chart = shown.page.locator(".chart").bounding_box()
    height, width, _ = points.shape
    beside = 330 + 16 if size == WIDE else 0
    assert width == pytest.approx(2 * (chart["width"] + 2 * 16 + beside), abs=2)
    assert height > 2 * chart["height"]
    assert count(points, 255, 255, 255) > 100_000
    assert count(points, 31, 170, 132) > 500  # places that are served, which let the ground shine through a little
    for colour in ((0, 158, 115), (230, 159, 0), (240, 228, 66), (0, 114, 178), (29, 35, 41)):
        assert count(points, *colour) > 50, colour
    # Title, legend and foot are written: there is ink in each part.
    for part in (points[20:80, 40:600], points[-80:-20, 40:600]):
        assert (part.min(axis=-1) < 130).sum() > 100
    # The page is as it was.
    assert shown.pixels()["255,255,255"] > 20_000
    assert shown.page.evaluate("document.querySelector('#map canvas').width < 2 * innerWidth")
    assert len([one for one in shown.requests if not one.startswith(("file:", "blob:"))]) == 0


def test_the_picture_shows_what_is_seen_now(opening: Callable[..., Opened], tiny_plan: Plan) -> None:
    shown = opening(map_page(tiny_plan.content))
    one = picture_of(shown)[1]
    shown.page.click("#layer-places")
    without = picture_of(shown)[1]
    assert count(without, 31, 170, 132) < count(one, 31, 170, 132) / 5
    shown.page.click("#pair")
    shown.page.click(f"#years [data-year='{tiny_plan.content['years'][0]}']")
    name, both = picture_of(shown)
    assert name == f"{tiny_plan.content['model']}-{tiny_plan.content['years'][0]}.png"
    assert both.shape != one.shape or (both != one).any()


def test_a_picture_of_hostile_texts_is_made_and_has_a_name_that_files_can_have(
    opening: Callable[..., Opened],
) -> None:
    plan = hostile_plan()
    plan["model"] = '../a<b>:"c"\u202e|*?\x07' + "长" * 500
    shown = opening(map_page(plan))
    name, points = picture_of(shown)
    assert name.endswith(f"-{YEARS[-1]}.png")
    assert len(name) < 80
    assert not set(name) & set('<>:"/\\|?*\u202e\x07')
    assert points.shape[0] < 8_000


def test_tiles_of_amap_lie_under_what_is_shifted_to_them_and_the_card_tells_where_it_is(
    opening: Callable[..., Opened], tile_server: tuple[str, list[str]]
) -> None:
    host, asked = tile_server
    plan = small_plan()
    hospital = next(one for one in plan["district_data"]["institutions"] if one["id"] == "H1")
    shown = opening(map_page(plan, nearby(AMAP, host)))
    shown.page.wait_for_selector("#map .leaflet-tile-loaded:nth-child(4)")
    assert asked
    assert all(path.startswith("/amap/") for path in asked)
    here = (hospital["lon"], hospital["lat"])
    (there,) = convert(np.array([here]), "wgs84", "gcj02").tolist()
    one, other = shown.point(*here), shown.point(*there)
    assert abs(one[0] - other[0]) > 8  # some 500 m
    shown.click_on(*there)
    card = shown.text("#card")
    assert shown.text("#card h2") == hospital["name"]
    assert f"北纬 {here[1]:.5f}，东经 {here[0]:.5f}（WGS84）" in card
    assert "高德" in shown.text(".leaflet-control-attribution")
    assert "GCJ-02" in shown.text("#foot")
    # The district's ground lets the tiles through.
    x, y = shown.point(*convert(np.array([[117.30, 39.63]]), "wgs84", "gcj02")[0])
    with Image.open(io.BytesIO(shown.page.screenshot())) as seen:
        colours_seen = np.asarray(seen.convert("RGB"))[int(y) - 40 : int(y) + 40, int(x) - 40 : int(x) + 40]
    assert count(colours_seen, *GROUND) > 1_000
    shown.page.click("#layer-tiles")
    assert shown.page.locator("#map .leaflet-tile").count() == 0


def test_the_reader_is_asked_for_the_key_of_tianditu_and_it_is_kept_nowhere(
    opening: Callable[..., Opened], tile_server: tuple[str, list[str]]
) -> None:
    host, asked = tile_server
    plan = small_plan()
    hospital = next(one for one in plan["district_data"]["institutions"] if one["id"] == "H1")
    shown = opening(map_page(plan, nearby(TIANDITU, host)))
    shown.page.wait_for_timeout(300)
    assert asked == []
    shown.page.get_by_label("底图密钥").fill(KEY)
    shown.page.keyboard.press("Enter")
    shown.page.wait_for_selector("#map .leaflet-tile-loaded:nth-child(4)")
    assert all(path.endswith(f"?tk={KEY}") for path in asked)
    stored = "JSON.stringify([Object.keys(localStorage), Object.keys(sessionStorage), document.cookie, location.href])"
    assert KEY not in shown.page.evaluate(stored)
    shown.page.click("#language")
    assert shown.page.input_value("#tiles-key") == KEY
    shown.page.click("#layer-existing")
    shown.page.click("#layer-existing")
    shown.click_on(hospital["lon"], hospital["lat"])
    assert shown.text("#card h2") == hospital["name"]
    shown.page.click("#pair")
    shown.page.wait_for_selector("#today .leaflet-tile-loaded:nth-child(2)")
    # A picture has no base map.
    assert count(picture_of(shown)[1], *GROUND) == 0


def test_where_no_tile_comes_the_page_is_as_without_any(opening: Callable[..., Opened]) -> None:
    tiles = nearby(TIANDITU, "http://127.0.0.1:9", KEY)
    plain, tiled = opening(map_page(small_plan())), opening(map_page(small_plan(), tiles))
    tiled.page.wait_for_timeout(300)
    assert not tiled.page.is_visible("#tiles-key")
    assert tiled.pixels() == plain.pixels()
    assert [one for one in plain.requests if not one.startswith("file:")] == []


def test_a_page_with_tiles_can_ask_no_other_host(
    opening: Callable[..., Opened], tile_server: tuple[str, list[str]]
) -> None:
    host, asked = tile_server
    shown = opening(map_page(small_plan(), replace(nearby(AMAP, host), hosts=("https://elsewhere.invalid",))))
    shown.page.wait_for_timeout(500)
    assert asked == []


def test_care_homes_are_off_at_first_and_their_cards_say_their_contracts(opening: Callable[..., Opened]) -> None:
    plan = with_homes(small_plan())
    shown = opening(map_page(plan))
    assert not shown.page.is_checked("#layer-homes")
    assert "140,81,10" not in shown.pixels()
    shown.page.click("#layer-homes")
    assert shown.pixels()["140,81,10"] > 20
    assert "已签约（2 家）" in shown.text("#legend")
    assert "没有签约（1 家）" in shown.text("#legend")
    home = plan["district_data"]["care_homes"][1]
    shown.click_on(home["lon"], home["lat"])
    assert shown.text("#card h2") == "养老院1"
    for part in (
        "养老机构",
        "西河镇",
        "床位41",
        "2030 年签约西河镇卫生院1 · 12 分钟",
        "今天签约示例区人民医院",
        "名册",
    ):
        assert part in shown.text("#card"), part
    assert "2030 年签约没有签约" in open_card(shown, "养老院2")
    card = open_card(shown, "西河镇卫生院1")
    assert "签约的养老机构（2030 年）养老院1 41 床 · 12 分钟" in card


def test_budget_and_staffing_stand_folded_in_the_panel_by_year(opening: Callable[..., Opened]) -> None:
    shown = opening(map_page(with_homes(small_plan())))

    def table(name: str) -> list[list[str]]:
        rows = shown.page.query_selector_all(f"[data-name={name}] tr")
        return [[one.inner_text() for one in row.query_selector_all("th, td")] for row in rows]

    assert "整个规划期 247.2" in shown.text("[data-name=budget] summary")
    assert not shown.page.is_visible("[data-name=budget] table")
    shown.page.click("[data-name=budget] summary")
    assert table("budget") == [
        ["按年", "2025", "2030"],
        ["开办费", "123.4", "123.4"],
        ["一次性合计", "123.4", "123.4"],
        ["每年运行费", "<\u00a00.1", "<\u00a00.1"],
        ["每年合计", "<\u00a00.1", "<\u00a00.1"],
        ["到下一规划年合计", "123.6", "123.6"],
    ]
    assert "单价依据：假定" in shown.text("[data-name=budget]")
    shown.page.click("[data-name=staffing] summary")
    assert [row[1:] for row in table("staffing")] == [
        ["现状", "2025", "2030"],
        ["4", "2", "2"],
        ["6", "3", "3"],
        ["未知", "1", "1"],
    ]
    assert [row[0].endswith(" *") for row in table("staffing")[1:]] == [False, True, True]
    shown.page.click("#language")
    assert "2.47" in shown.text("[data-name=budget] summary")


def test_the_reach_of_ambulances_stands_in_the_panel_and_with_each_town(opening: Callable[..., Opened]) -> None:
    plan = with_reach(small_plan())
    shown = opening(map_page(plan))
    assert "99.0 %（1,000 人中的 990 人）" in shown.text("#summary")
    card = open_card(shown, plan["district_data"]["towns"][2]["name"])
    assert card.count("69.0 %（1,000 人中的 690 人）") == 2
    rows = shown.page.query_selector_all("[data-name=near] table:first-of-type tbody tr")
    assert rows[0].text_content().startswith(plan["district_data"]["towns"][2]["name"])
    shown.page.click(f"#years [data-year='{YEARS[0]}']")
    assert shown.text("#card").count("69.0 %") == 1


def test_dropped_candidates_are_drawn_when_asked_for_and_say_why(opening: Callable[..., Opened]) -> None:
    plan = with_dropped(small_plan())
    shown = opening(map_page(plan))
    assert not shown.page.is_checked("#layer-dropped")
    shown.page.click("#layer-dropped")
    assert "水系（2 个）" in shown.text("#legend")
    assert "这里只画被它排除的点" in shown.text("#legend")
    for layer in ("places", "sites", "existing"):
        shown.page.click(f"#layer-{layer}")
    shown.click_on(plan["dropped"][1]["lon"], plan["dropped"][1]["lat"])
    assert shown.text("#card h2") == "候选1"
    assert "离禁建图层“水系”40米，不足100米" in shown.text("#card")


def test_a_plan_without_care_homes_or_dropped_candidates_offers_neither(opening: Callable[..., Opened]) -> None:
    shown = opening(map_page(small_plan()))
    for one in ("#layer-homes", "#layer-dropped", "[data-name=near]", "[data-name=budget]", "#layer-tiles"):
        assert shown.page.query_selector(one) is None


def test_hostile_names_of_care_homes_and_layers_are_shown_and_never_obeyed(opening: Callable[..., Opened]) -> None:
    plan = with_dropped(with_reach(small_plan()))
    town = plan["district_data"]["towns"][0]
    evil = "<img src=x onerror=window.PWN=1>"
    plan["district_data"]["care_homes"] = [
        {"id": evil, "name": evil, "town": town["id"], "beds": 5, "lon": 117.3, "lat": 39.65, "source": evil}
    ]
    plan["contracts"] = [{"year": year, "home": evil, "id": evil, "minutes": 3, "before": None} for year in YEARS]
    plan["district_data"]["layers"][0]["name"] = {"zh": evil, "en": evil}
    plan["dropped"][0]["name"] = plan["function_reach"][0]["rule"] = evil
    shown = opening(map_page(plan))
    for one in ("#layer-homes", "#layer-dropped", "#pair"):
        shown.page.click(one)
    assert open_card(shown, evil).count(evil) >= 2
    shown.page.click("#card .served button")  # the care home
    assert shown.text("#card").count(evil) >= 3
    assert evil in shown.text("#legend")
    picture_of(shown)
    assert shown.page.query_selector("img") is None
