"""Timetables to print: a page for every village, team and roster that says what the plan does, and obeys no text."""

import copy
import os
import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from plan_examples import going_out
from test_map import Tags, policy
from test_map_in_browser import CHROMIUM, OPTIONS, READY

from allocate.draw import timetable_page
from allocate.plans import Plan
from allocate.report.outings import Outings
from allocate.words import LANGUAGES, Language, say_in

Content = dict[str, Any]
VOID = {"meta", "input"}


class Pages(HTMLParser):
    """Reads every page: its kind and year, its heading, and the cells of its tables, spans undone."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.pages: list[dict[str, Any]] = []
        self._open: list[str] = []
        self._span = 1
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = dict(attrs)
        if tag == "section":
            self.pages.append({"kind": about["data-kind"], "year": int(about["data-year"] or 0), "tables": []})
        if not self.pages:
            return
        if tag not in VOID:
            self._open.append(tag)
        if tag == "table":
            self.pages[-1]["tables"].append([])
        if tag == "tr":
            self.pages[-1]["tables"][-1].append([])
        if tag in ("th", "td"):
            self._span = int(about.get("colspan") or 1)
            self.pages[-1]["tables"][-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if self.pages and self._open and self._open[-1] == tag:
            self._open.pop()
            if tag in ("th", "td"):
                line = self.pages[-1]["tables"][-1][-1]
                line += line[-1:] * (self._span - 1)

    def handle_data(self, data: str) -> None:
        if not self.pages or not self._open:
            return
        if self._open[-1] in ("th", "td"):
            self.pages[-1]["tables"][-1][-1][-1] += data
        else:
            self.pages[-1][self._open[-1]] = self.pages[-1].get(self._open[-1], "") + data

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [page for page in self.pages if page["kind"] == kind]


@pytest.fixture
def content(sent_plan: Plan) -> Content:
    return copy.deepcopy(dict(sent_plan.content))


def half_days(page: dict[str, Any], language: Language) -> Counter[tuple[bool, int, int, str]]:
    """Return the filled half-days of a page: whether once a month, week, day, morning or afternoon."""
    weeks = {say_in(language, "outing.week", week=week): (True, week) for week in range(1, 5)}
    found: Counter[tuple[bool, int, int, str]] = Counter()
    for head, *lines in page["tables"]:
        assert head == ["", *(say_in(language, f"timetable.day_{day}") for day in range(1, 6))]
        for at, (called, *cells) in enumerate(lines):
            half = ("am", "pm")[at % 2]
            *when, said, _ = called.split("\n")
            assert said == say_in(language, f"timetable.half_{half}")
            for day, cell in enumerate(cells, start=1):
                if cell:
                    found[(*(weeks[when[0]] if when else (False, 1)), day, half)] += 1
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_village_and_every_team_has_a_page_with_its_half_days_of_the_plan(
    language: Language, content: Content
) -> None:
    pages = Pages(timetable_page(content, language))
    outings = Outings(content, language)
    for kind, keys in (("villages", ("year", "to")), ("teams", ("year", "by", "way", "team"))):
        wanted: dict[tuple[Any, ...], Counter[tuple[bool, int, int, str]]] = {}
        for row in content["timetable"]:
            at = outings.is_monthly(row["way"]), row["week"], row["day"], row["half"]
            wanted.setdefault(tuple(row[key] for key in keys), Counter())[at] += 1
        found = Counter((page["year"], tuple(sorted(half_days(page, language)))) for page in pages.of(kind))
        assert found == Counter((key[0], tuple(sorted(grid))) for key, grid in wanted.items())


def test_a_village_s_page_says_who_comes_from_where_and_where_to_go_at_other_times(content: Content) -> None:
    row = next(row for row in content["timetable"] if row["way"] == "posts" and row["year"] == 2025)
    content["timetable"], content["roster"] = [row], []
    villages = {place["id"]: place for place in content["district_data"]["places"]}
    home = villages[row["to"]]
    # One site stands 0.01 degrees further north, some 1.1 km; a nearer one opens in 2027; nobody goes to an ambulance.
    sender = next(site for site in content["sites"] if site["id"] == row["by"])
    shared = sender | {"lon": home["lon"], "kind": "clinic", "basis": "surveyed"}
    content["sites"] = [
        sender | {"lat": home["lat"] + 1},
        shared | {"id": "a", "name": "北村卫生室", "lat": home["lat"] + 0.01, "people": {"2025": 1, "2027": 1}},
        shared | {"id": "b", "name": "未来卫生室", "lat": home["lat"] + 0.001, "people": {"2027": 1}},
        shared | {"id": "c", "name": "急救站", "lat": home["lat"], "kind": "ems_station", "people": {"2025": 1}},
        shared | {"id": "d", "name": "南村卫生室", "lat": home["lat"] - 0.02, "people": {"2025": 1}},
    ]
    (page,) = Pages(timetable_page(content, "zh")).of("villages")
    assert home["name"] in page["h1"]
    assert f"驻村：{sender['name']} 驻村岗位{row['team']}，每周 3 次，每次 2 个半天" in page["li"]
    assert "2025–2026 年" in page["p"]
    assert "其余时间请到：北村卫生室（村卫生室），直线约 1.1 公里。" in page["p"]
    home["position_basis"] = "estimated"
    (page,) = Pages(timetable_page(content, "zh")).of("villages")
    assert "直线约 1.1 公里（位置为推算）" in page["p"]
    home["lon"] = None
    (page,) = Pages(timetable_page(content, "zh")).of("villages")
    assert "其余时间" not in page["p"]


def test_the_roster_by_hub_and_by_hospital_has_every_month_of_every_tour(content: Content) -> None:
    # (One tour over December, from October to March: both ends stand in the year.)
    content["roster"][0] |= {"first_month": 10, "months": 6}
    wanted: Counter[tuple[int, str, str, int]] = Counter()
    outings = Outings(content, "en")
    for row in content["roster"]:
        for month in range(row["first_month"], row["first_month"] + row["months"]):
            wanted[row["year"], outings.site(row["to"]), outings.post(row), (month - 1) % 12 + 1] += 1
    by_hub: Counter[tuple[int, str, str, int]] = Counter()
    by_hospital: Counter[tuple[int, str, str, int]] = Counter()
    for page in Pages(timetable_page(content, "en")).of("rosters"):
        ((head, *lines),) = page["tables"]
        assert len(head) == 14
        for site, post, *months in lines:
            assert len(months) == 12
            for month, cell in enumerate(months, start=1):
                if cell and page["h1"] == say_in("en", "outing.hub_page"):
                    by_hub[page["year"], site, post, month] += 1
                elif cell:
                    by_hospital[page["year"], cell, post, month] += 1
    assert by_hub == by_hospital == wanted


def test_a_hub_that_is_only_consulted_from_afar_is_named_on_the_page_of_its_year(content: Content) -> None:
    content["remote"] = [{"year": 2027, "id": "hub-3"}]
    (name,) = {site["name"] for site in content["sites"] if site["id"] == "hub-3"}
    said = say_in("zh", "outing.remote", hubs=name)
    rosters = Pages(timetable_page(content, "zh")).of("rosters")
    assert [(page["year"], page["h1"]) for page in rosters if said in page["p"]] == [
        (2027, say_in("zh", "outing.hub_page"))
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_fetched_and_only_the_script_of_the_page_runs(language: Language, content: Content) -> None:
    html = timetable_page(content, language)
    tags = Tags(html)
    fetching = {"src", "href", "srcset", "action", "data", "poster", "background"}
    assert not [tag for tag, attributes in tags.tags if fetching & set(attributes)]
    assert not {tag for tag, _ in tags.tags} & {"link", "img", "iframe", "object", "embed", "base", "form"}
    assert policy(html)["default-src"] == ["'none'"]
    assert len(policy(html)["script-src"]) == len(tags.scripts) == 1


# In a browser, with the network off.


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        if os.environ.get("CI") == "true":
            pytest.fail("There is no Chromium, and CI=true: run tests/browser/get-chromium.sh as root.")
        pytest.skip("There is no Chromium: the browser tests of the timetables are skipped.")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(OPTIONS))
        yield started
        started.close()


@pytest.mark.browser
@pytest.mark.xdist_group("browser")
def test_a_page_is_chosen_and_printed_on_one_sheet_of_a4(browser: Any, tiny_plan: Plan, tmp_path: Path) -> None:
    content = going_out(tiny_plan.content)
    hostile = "</td><script>window.PWN=1</script><img src=x onerror=window.PWN=1>"
    content["district_data"]["places"][0]["name"] = hostile
    for row in content["timetable"] + content["rounds"]:
        row["to"] = {"T2014": "T1001"}.get(row["to"], row["to"])
    file = tmp_path / "timetable.html"
    file.write_text(timetable_page(content, "zh"), encoding="utf-8")
    page = browser.new_page()
    requests: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(file.as_uri())
    page.wait_for_selector(READY)
    shown = "[...document.querySelectorAll('.page')].filter((page) => page.offsetParent !== null).length"
    # In each of two years: three stops, three teams, the roster twice.
    assert page.evaluate(shown) == 2 * (3 + 3 + 2)
    page.select_option("#year", "2027")
    assert page.evaluate(shown) == 3 + 3 + 2
    page.select_option("#kind", "villages")
    assert page.evaluate(shown) == 3
    page.fill("#find", "window.PWN")
    assert page.evaluate(shown) == 1
    assert hostile in page.text_content(".page:not([hidden]) h1")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    printed = page.pdf(prefer_css_page_size=True)
    assert sizes(printed) == [(595, 842)]
    page.select_option("#kind", "rosters")
    page.fill("#find", "")
    assert sizes(page.pdf(prefer_css_page_size=True)) == [(842, 595)] * 2
    assert requests == [file.as_uri()]
    assert complaints == []
    assert page.evaluate("window.PWN") is None
    page.close()


def sizes(document: bytes) -> list[tuple[int, int]]:
    """Return the size of every sheet of a PDF [points]."""
    boxes = re.findall(rb"/MediaBox\s*\[\s*0\s+0\s+([\d.]+)\s+([\d.]+)\s*\]", document)
    return [(round(float(wide)), round(float(high))) for wide, high in boxes]
