"""The card of a site in every output: its figures are the plan's, it says what nobody knows, and obeys no text."""

import copy
import json
import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from plan_examples import HOSTILE_TEXTS
from test_map_in_browser import CHROMIUM, OPTIONS, READY

from allocate.draw import card_pages, is_card, map_page
from allocate.draw.cards import INDEX, card_file
from allocate.draw.compact import compact
from allocate.draw.pack import pack_content, unpack_content
from allocate.draw.page import refuse_requests
from allocate.draw.worth import WORTH_TABLES
from allocate.outputs import CARDS, check_target, export, write_plan
from allocate.plans import Plan
from allocate.report.sheets import sheets
from allocate.report.site_cards import Part, SiteCard, goal_words, site_cards
from allocate.words import LANGUAGES, Language, speaking

Content = dict[str, Any]


@pytest.fixture
def content(tiny_plan: Plan) -> Content:
    return copy.deepcopy(dict(tiny_plan.content))


@pytest.fixture(params=["tiny_plan", "hubs_plan"])
def any_plan(request: pytest.FixtureRequest) -> Content:
    made: Plan = request.getfixturevalue(request.param)
    return copy.deepcopy(dict(made.content))


def part(card: SiteCard, name: str) -> Part:
    found = card.part(name)
    assert found is not None, [one.name for one in card.parts]
    return found


def line(card: SiteCard, of: str, name: str) -> str:
    return next(one.text for one in part(card, of).lines if one.name == name)


def names(card: SiteCard, of: str) -> list[str]:
    found = card.part(of)
    return [one.name for one in found.lines] if found else []


def told(card: SiteCard) -> str:
    return "\n".join(f"{one.label} {one.text}" for of in card.parts for one in of.lines)


# ---- a worked example ----


def worked(content: Content) -> tuple[Content, str]:
    """Give one clinic figures that can be followed by hand."""
    code = next(row["id"] for row in content["worth"] if "hindrance" not in row["dropped"])
    row = next(row for row in content["worth"] if row["id"] == code)
    first, last = (str(year) for year in (content["years"][0], content["years"][-1]))
    years = [str(year) for year in content["years"]]
    site = next(site for site in content["sites"] if site["id"] == code and site["people"])
    site["people"] = dict.fromkeys(years, 1_200)
    site["only_site_of"] = dict.fromkeys(years, 300)
    row["nearest"] = dict.fromkeys(years, 1_000) | {first: 900}
    # 700 of the 1,000 have another site: 2,450 person-minutes are 3.5 minutes each.
    row["longer"] = dict.fromkeys(years, 2_450)
    goal = next(stage["name"] for stage in content["stages"] if stage["unit"] == "person-seconds")
    rule = next(line["rule"] for line in content["scorecard"] if line["status"] in ("met", "missed"))
    row["dropped"] = {
        "unserved": dict.fromkeys(years, 0) | {last: 450},
        "cost": -1_234_500,
        "goals": {goal: 7_200_000},
        "clauses": [rule],
    }
    row["others"], row["tried"], row["draws"] = [], 6, 15
    content["draws"] = [{"seed": seed} for seed in range(20)]
    return content, code


def test_every_figure_of_a_card_can_be_followed_by_hand(content: Content) -> None:
    content, code = worked(content)
    first, *_, last = content["years"]
    card = site_cards(content, "en")[code]
    assert line(card, "gain", "people") == "1,200 people in every year"
    assert line(card, "gain", "alone") == "300 people in every year"
    assert line(card, "gain", "nearest").startswith(f"900 people from {first}; 1,000 people from ")
    assert line(card, "gain", "longer").startswith(f"In {last}, 700 of these")
    assert "3.5 minutes" in told(card)
    assert line(card, "without", "unserved") == f"0 people from {first}; 450 people from {last}"
    assert line(card, "without", "cost_change") == "1,234,500 yuan less"
    # 7,200,000 person-seconds are 2,000 hours, and 450 people whom nobody serves are in them.
    assert line(card, "without", "goal") == (
        "2,000 person-hours more, those whom nobody serves counted with the time that the model sets"
    )
    assert line(card, "others", "no_others").startswith(
        "Empty spots near that could serve half of its people or more, looked at: 6."
    )
    assert line(card, "draws", "draws").startswith("Of 20 possible districts")
    assert " 15 have this site" in told(card)
    chinese = site_cards(content, "zh")[code]
    assert line(chinese, "gain", "people") == "各年均为1,200人"
    assert line(chinese, "without", "cost_change") == "少 1,234,500 元"
    assert "只改这一处" in line(chinese, "without", "one_change")


def test_a_site_that_saves_money_and_serves_nobody_alone_stands_for_other_goals_only(content: Content) -> None:
    content, code = worked(content)
    row = next(row for row in content["worth"] if row["id"] == code)
    row["dropped"] |= {"unserved": dict.fromkeys(row["nearest"], 0), "clauses": []}
    card = site_cards(content, "en")[code]
    assert "it stands for other goals only (travel)" in line(card, "without", "verdict")
    content["draws"], row["draws"] = [], None
    record = next(one for one in sheets(content, "en")["worth"].records() if one["id"] == code)
    assert record["can_go"] == "●"
    # …and where no goal would be worse, the card says that it may not be needed at all.
    row["dropped"]["goals"] = dict.fromkeys(row["dropped"]["goals"], 0)
    assert "check first whether it is needed" in line(site_cards(content, "en")[code], "without", "verdict")
    # One person fewer, one yuan more or one clause missed: nothing of the kind is said.
    year = max(row["nearest"])
    for spoiled in ({"cost": 1}, {"unserved": {year: 1}}, {"clauses": ["any"]}):
        row["dropped"] |= {"cost": -1, "unserved": {year: 0}, "clauses": []} | spoiled
        assert "verdict" not in names(site_cards(content, "en")[code], "without")


def test_a_figure_that_ends_with_the_site_does_not_run_on(content: Content) -> None:
    content, code = worked(content)
    row = next(row for row in content["worth"] if row["id"] == code)
    first, second, *_ = content["years"]
    row["nearest"] = {str(first): 900}
    assert line(site_cards(content, "en")[code], "gain", "nearest") == f"900 people from {first}; none from {second}"


@pytest.mark.parametrize(
    ("more", "unit", "says"),
    [
        (0, "person-seconds", ("goal_same", "")),
        (3_600, "person-seconds", ("hours_worse", "1")),
        (-1_800, "person-seconds", ("hours_better", "")),
        (0.001, "share", ("goal_worse", "0.1")),
        (-123_456, "person-minutes", ("goal_better", "123,456")),
    ],
)
def test_a_goal_is_told_in_its_unit(more: float, unit: str, says: tuple[str, str]) -> None:
    assert goal_words(more, unit) == says


# ---- any plan ----


def test_every_site_has_a_card_whose_figures_are_those_of_the_tables(any_plan: Content) -> None:
    made = {language: site_cards(any_plan, language) for language in LANGUAGES}
    rows = sheets(any_plan, "en")["sites"]
    assert set(made["zh"]) == set(made["en"]) == set(rows.column("id"))
    for code, card in made["en"].items():
        mine = [row for row in rows.records() if row["id"] == code]
        costs = [row["cost"] for row in mine if row["cost"] is not None]
        assert card.cost == (sum(map(int, costs)) if costs else None)
        for year, people in card.people.items():
            assert people == max(int(row[f"serves_{year}"] or 0) for row in mine)
        # Money, people and minutes are the same in both languages, whatever stands between them.
        zh, en = (
            (
                [
                    sorted(re.findall(r"\d[\d,]*\.?\d*", one.text))
                    for one in part(cards[code], "gain").lines
                    if one.label
                ]
                for cards in (made["zh"], made["en"])
                if cards[code].part("gain")
            )
            if card.part("gain")
            else ([], [])
        )
        assert zh == en


def test_the_sheet_has_a_line_for_every_decided_site_with_the_figures_of_the_plan(any_plan: Content) -> None:
    sheet = sheets(any_plan, "zh")["worth"]
    worth = {row["id"]: row for row in any_plan["worth"]}
    assert set(sheet.column("id")) == set(worth)
    for row in sheet.records():
        of = worth[str(row["id"])]
        assert row["cost_more"] == of["dropped"].get("cost")
        for year in any_plan["years"]:
            assert row[f"nearest_to_{year}"] == of["nearest"].get(str(year))
            assert row[f"fewer_served_{year}"] == of["dropped"].get("unserved", {}).get(str(year))
        assert bool(row["worth_remark"]) or "hindrance" not in of["dropped"]
        assert bool(row["other_spots"]) == bool(of["others"])


def test_a_plan_of_an_earlier_version_says_that_nobody_worked_it_out(any_plan: Content) -> None:
    decided = {row["id"] for row in any_plan["worth"]}
    del any_plan["worth"]
    for row in any_plan["places"]:
        row.pop("how", None)
    for draw in any_plan["draws"]:
        draw.pop("standing", None)
    any_plan.pop("candidates")
    cards = site_cards(any_plan, "en")
    assert {code for code, card in cards.items() if "worth_unknown" in names(card, "without")} == decided
    assert not any(card.part("others") or card.part("draws") or card.part("clauses") for card in cards.values())
    assert not any("basis_times" in names(card, "basis") or "()" in told(card) for card in cards.values())
    assert "worth" not in sheets(any_plan, "en")
    assert len(card_pages(any_plan, "zh")) == len(cards) + 1
    page = compact(any_plan)
    assert not any(page[name]["row" if name != "worth" else "mark"] for name in WORTH_TABLES)


def test_what_to_check_on_the_spot_follows_from_what_the_plan_does_not_know(content: Content) -> None:
    code = next(row["id"] for row in content["sites"] if row["action"] == "open" and row["people"])
    rows = [row for row in content["sites"] if row["id"] == code]
    mine = [row for row in content["places"] if row["served_by"] == code]
    for row in rows:
        row["basis"] = "estimated"
    for place in content["district_data"]["places"]:
        place["people_basis"] = "estimated"
    longest = max(row["minutes"] or 0 for row in content["places"])
    for row in mine:
        row |= {"minutes": longest + 1, "how": "line"}
    card = site_cards(content, "en")[code]
    assert {"visit_position", "visit_people", "visit_way", "visit_ground"} <= set(names(card, "visit"))
    assert not card.is_firm
    for row in rows:
        row["basis"] = "surveyed"
    for place in content["district_data"]["places"]:
        place["people_basis"] = "official"
    for row in mine:
        row["how"] = "table"
    card = site_cards(content, "en")[code]
    assert not {"visit_position", "visit_people", "visit_way"} & set(names(card, "visit"))
    assert card.is_firm


def test_nobody_is_sent_to_look_for_ground_where_a_site_ends(content: Content) -> None:
    code = next(row["id"] for row in content["sites"] if row["action"] == "open")
    for row in content["sites"]:
        if row["id"] == code:
            row |= {"action": "move", "into": code}
    card = site_cards(content, "en")[code]
    assert "visit_ground" not in names(card, "visit")
    assert "visit_ending" in names(card, "visit")


# ---- pages ----


class Read(HTMLParser):
    """Reads a page: its tags, its links, its text, its boxes to tick."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data + "\n"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_says_all_that_the_card_says_and_runs_nothing(any_plan: Content, language: Language) -> None:
    pages, cards = card_pages(any_plan, language), site_cards(any_plan, language)
    assert set(pages) == {INDEX, *(card_file(code) for code in cards)}
    assert card_pages(any_plan, language) == pages
    for code, card in cards.items():
        page = Read(pages[card_file(code)])
        texts = [one for of in card.parts for line in of.lines for one in (line.label, line.text) if one]
        assert not [text for text in (card.name, card.headline, *texts) if text not in page.text]
        assert not {"script", "img", "link", "iframe", "object"} & set(page.tags)
        assert page.links == [INDEX]
        assert len(pages[card_file(code)].encode()) < 30_000
        assert "default-src 'none'" in pages[card_file(code)]
        assert "script-src 'none'" in pages[card_file(code)]
        assert page.tags.count("svg") == 1
    assert Read(pages[INDEX]).links == [card_file(code) for code in cards]


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_a_name_is_text_on_every_page_and_in_every_file_name(text: str, content: Content) -> None:
    code = content["sites"][0]["id"]
    for rows in (content["sites"], content.get("candidates", ()), content["district_data"]["places"]):
        for row in rows:
            row["name"] = text
            if "short_name" in row:
                row["short_name"] = text
    content["district_data"]["towns"][0]["name"] = text
    tame = Read(card_pages(content | {"sites": content["sites"]}, "zh")[card_file(code)])
    allowed = {"html", "head", "meta", "title", "style", "body", "main", "nav", "a", "span", "header", "h1", "p", "dl"}
    allowed |= {"dt", "dd", "div", "figure", "svg", "rect", "path", "circle", "line", "polygon", "text", "g", "i"}
    allowed |= {"figcaption", "section", "h2", "ul", "li", "table", "tr", "th", "td"}
    assert set(tame.tags) <= allowed
    assert tame.links == [INDEX]


def test_ids_that_differ_never_share_a_file_and_every_file_is_known_as_ours() -> None:
    codes = [
        "a",
        "A",
        "a/b",
        "a-b",
        "a b",
        "",
        "..",
        "index",
        "INDEX",
        "con",
        "nul",
        "site-con",
        "../../x",
        "村",
        "x" * 300,
    ]
    files = [card_file(code) for code in codes]
    assert len({file.lower() for file in files}) == len(codes)
    assert all(is_card(file) and len(file.encode()) < 200 for file in files)
    assert INDEX not in files
    assert "con.html" not in files
    assert not is_card("notes.txt")
    assert not is_card("..html")
    assert not is_card("a b.html")


def test_a_page_may_link_to_pages_beside_it_and_to_nothing_else() -> None:
    refuse_requests('<a href="b.html">b</a>', {"b.html"})
    for html in ('<a href="c.html">c</a>', '<a href="https://b.html/b.html">b</a>', '<img src="b.html">'):
        with pytest.raises(AssertionError):
            refuse_requests(html, {"b.html"})
    with pytest.raises(AssertionError):
        refuse_requests('<a href="b.html">b</a>')


def test_a_plan_brings_its_cards_and_replaces_them_whole(tiny_plan: Plan, tmp_path: Path) -> None:
    folder = tmp_path / "plan"
    write_plan(tiny_plan, folder)
    pages = card_pages(tiny_plan.content, "zh")
    assert {file.name for file in (folder / CARDS).iterdir()} == set(pages)
    (folder / CARDS / "gone.html").write_text("of an earlier plan", encoding="utf-8")
    check_target(folder)
    assert export(tiny_plan.content, "cards", folder / CARDS, "en") == folder / CARDS
    assert not (folder / CARDS / "gone.html").exists()
    assert "Cards of all sites" in (folder / CARDS / INDEX).read_text(encoding="utf-8")
    (folder / CARDS / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(Exception, match="cards"):
        check_target(folder)


# ---- the map ----


def test_the_page_holds_the_figures_of_the_plan_packed_and_unpacked(any_plan: Content) -> None:
    made = compact(any_plan)
    back = unpack_content(json.loads(json.dumps(pack_content(made))))
    assert {name: back[name] for name in WORTH_TABLES} == {name: made[name] for name in WORTH_TABLES}
    worth, ids = made["worth"], made["marks"]["id"]
    assert [ids[mark] for mark in worth["mark"]] == [row["id"] for row in any_plan["worth"]]
    assert worth["cost"] == [row["dropped"].get("cost") for row in any_plan["worth"]]
    fewer = [people for row in any_plan["worth"] for people in row["dropped"].get("unserved", row["nearest"]).values()]
    shown = made["worth_years"]["fewer"]
    assert [people for people in shown if people is not None] == [
        people for people, there in zip(fewer, shown, strict=True) if there is not None
    ]
    assert len(made["worth_spots"]["row"]) == sum(len(row["others"]) for row in any_plan["worth"])


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("there is no browser")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=list(OPTIONS))
        yield chromium
        chromium.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_map_s_card_says_the_same_figures_in_the_same_words(
    language: Language, any_plan: Content, browser: Any, tmp_path: Path
) -> None:
    file = tmp_path / "map.html"
    with speaking(language):
        file.write_text(map_page(any_plan), encoding="utf-8")
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(file.as_uri())
    page.wait_for_selector(READY)
    cards = site_cards(any_plan, language)
    seen = 0
    for row in any_plan["worth"]:
        card = cards[row["id"]]
        if sum(other.name == card.name for other in cards.values()) > 1:
            continue
        page.fill("#find", card.name)
        page.locator("#found button", has_text=card.name).first.click()
        heading = unescape(page.locator("#card h2").inner_text())
        if heading != card.name or not page.locator("#card details[data-name=worth]").count():
            continue
        page.locator("#card details[data-name=worth] > summary").click()
        text = re.sub(r"\s+", " ", page.locator("#card details[data-name=worth]").inner_text())
        for name in ("without", "others", "draws", "visit"):
            for one in part(card, name).lines if card.part(name) else ():
                assert re.sub(r"\s+", " ", one.text) in text, (card.id, name, one.text, text)
        for name in ("basis_position", "basis_people", "basis_times"):
            if name in names(card, "basis"):
                assert line(card, "basis", name) in text
        seen += 1
    page.close()
    assert not errors
    assert seen
