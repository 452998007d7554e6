"""What stands on the cards of sites, read back by an HTML parser, is what plan.json says, and adds up to its sums."""

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import pytest
from said import Said, differing, sentence

from allocate.draw import card_pages
from allocate.draw.cards import INDEX, card_file
from allocate.plans import Plan
from allocate.words import LANGUAGES, Language, catalogue, say_in

Content = dict[str, Any]
Figures = dict[tuple[Any, ...], Any]
# What nobody goes to serves nobody.
NOBODY_GOES_TO = ("ems_station",)
DIGITS = r"[-\d,.]+"


@dataclass
class Page(HTMLParser):
    """A page as a reader sees it: the lines of each of its sections, and the rows of its tables."""

    lines: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    rows: list[list[str]] = field(default_factory=list)
    _part: str = "header"
    _label: str = ""
    _text: str | None = None

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "section":
            self._part = dict(attrs).get("class") or ""
        if tag == "tr":
            self.rows.append([])
        if tag in ("dt", "dd", "p", "td"):
            self._text = ""

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "dt":
            self._label = self._text or ""
        elif tag in ("dd", "p"):
            said = self._label if tag == "dd" else "", self._text or ""
            self.lines.setdefault(self._part, []).append(said)
        elif tag == "td":
            self.rows[-1].append(self._text or "")
        if tag in ("dt", "dd", "p", "td"):
            self._text = None


@dataclass(frozen=True)
class Cards:
    """The cards of a plan by the ids of their sites, and the list of them."""

    content: Content
    language: Language
    cards: Mapping[str, Page]
    listed: Page

    def label(self, key: str) -> str:
        return say_in(self.language, f"site_card.label_{key}")

    def line(self, code: str, part: str, key: str) -> str | None:
        """Return what stands under a label in a part of a card."""
        found = [text for label, text in self.cards[code].lines.get(part, ()) if label == self.label(key)]
        assert len(found) <= 1
        return found[0] if found else None

    def by_year(self, text: str) -> Iterator[tuple[int, str]]:
        """Yield the figure of every year in which there is one."""
        if not text:
            return
        years = self.content["years"]
        same = sentence("site_card.every_year", self.language).fullmatch(text)
        if same:
            yield from ((year, same["value"]) for year in years)
            return
        from_then = sentence("site_card.in_year", self.language, year=r"(?P<year>\d{4})")
        said = [from_then.fullmatch(part) for part in text.split(say_in(self.language, "summary.semicolon"))]
        begun = {int(found["year"]): found["value"] for found in said if found}
        assert len(begun) == len(said), text
        now = None
        for year in years:
            now = begun.get(year, now)
            if now is not None and now != say_in(self.language, "site_card.no_longer"):
                yield year, now


def read(content: Content, language: Language) -> Cards:
    pages: dict[str, Page] = {}
    for name, text in card_pages(content, language).items():
        pages[name] = Page()
        pages[name].feed(text)
    files = {site["id"]: card_file(site["id"]) for site in content["sites"]}
    assert {*files.values(), INDEX} == pages.keys()
    return Cards(content, language, {code: pages[name] for code, name in files.items()}, pages[INDEX])


def exact(content: Content) -> Figures:
    """Return every figure of the cards from plan.json alone."""
    found: Figures = {}
    decided, last = content["settings"]["siting"], content["years"][-1]
    rows: dict[str, list[Content]] = {}
    for site in content["sites"]:
        rows.setdefault(site["id"], []).append(site)
    for code, mine in rows.items():
        standing = next((row for row in mine if row["people"]), None)
        if standing and standing["kind"] not in NOBODY_GOES_TO:
            found |= {("people", code, int(year)): people for year, people in standing["people"].items()}
            found |= {("alone", code, int(year)): people for year, people in standing["only_site_of"].items()}
        if standing:
            found["at the top", code, "people"] = standing["people"][max(standing["people"])]
            found["listed", code, "people"] = standing["people"].get(str(last))
        if mine[0]["kind"] in decided:
            cost = sum(row["cost"] for row in mine)
            found |= {("at the top", code, "cost"): cost, ("money", code, "cost"): cost, ("listed", code, "cost"): cost}
    for row in content["candidates"]:
        if row["id"] in rows:
            found |= {("money", row["id"], name): row[name] for name in ("opening", "yearly")}
    served: dict[str, list[Content]] = {}
    for row in content["places"]:
        if row["status"] == "served":
            served.setdefault(row["served_by"], []).append(row)
    for code, mine in served.items():
        end = max(row["year"] for row in mine)
        for row in mine:
            if row["year"] == end:
                found |= {("place", code, row["id"], what): row[what] for what in ("people", "minutes")}
    for row in content["worth"]:
        code, dropped = row["id"], row["dropped"]
        found |= {("nearest", code, int(year)): people for year, people in row["nearest"].items()}
        end = max(row["nearest"])
        others = row["nearest"][end] - next(site for site in rows[code] if site["people"])["only_site_of"].get(end, 0)
        if others:
            found["others", code, "people"] = others
            found["others", code, "minutes"] = row["longer"][end] / others
        if "hindrance" not in dropped:
            found |= {("fewer without", code, int(year)): people for year, people in dropped["unserved"].items()}
            found["cost without", code] = dropped["cost"]
    for row in content["staff"]:
        found["staff", row["id"], row["resource"], row["year"]] = row["number"]
    return found


def said(cards: Cards) -> Figures:
    """Return every figure that the cards say."""
    found: Figures = {}
    names = {place["name"]: place["id"] for place in cards.content["district_data"]["places"]}
    language = cards.language
    yuan = sentence("site_card.yuan", language, cost=rf"(?P<cost>{DIGITS})")
    place = sentence(
        "site_card.place",
        language,
        name=r"(?P<name>\w+?)",
        people=rf"(?P<people>{DIGITS})",
        minutes=rf"(?P<minutes>{DIGITS})",
    )
    longer = sentence(
        "site_card.longer",
        language,
        year=r"\d{4}",
        people=rf"(?P<people>{DIGITS})",
        minutes=rf"(?P<minutes>{DIGITS})",
    )
    for code, page in cards.cards.items():
        for label, text in page.lines["header"]:
            if label == cards.label("cost"):
                found["at the top", code, "cost"] = Said(text)
            elif label:
                found["at the top", code, "people"] = Said(text)
        for key in ("cost", "opening", "yearly"):
            text = cards.line(code, "money", key)
            if text is not None:
                money = yuan.match(text)
                assert money
                found["money", code, key] = Said(money["cost"])
        for part, key, about in (
            ("gain", "people", "people"),
            ("gain", "alone", "alone"),
            ("gain", "nearest", "nearest"),
            ("without", "unserved", "fewer without"),
        ):
            for year, text in cards.by_year(cards.line(code, part, key) or ""):
                found[about, code, year] = Said(text)
        for row in place.finditer(cards.line(code, "gain", "places") or ""):
            found |= {("place", code, names[row["name"]], what): Said(row[what]) for what in ("people", "minutes")}
        for _, text in page.lines.get("gain", ()):
            others = longer.fullmatch(text)
            if others:
                found |= {("others", code, what): Said(others[what]) for what in ("people", "minutes")}
        change = cards.line(code, "without", "cost_change")
        if change is not None:
            less = sentence("site_card.cost_less", language).fullmatch(change)
            more = sentence("site_card.cost_more", language).fullmatch(change)
            amount = f"-{less['cost']}" if less else more["cost"] if more else "0"
            found["cost without", code] = Said(amount)
        terms = {
            catalogue()[key][language] if (key := f"term.{name}") in catalogue() else name: name
            for name in cards.content["settings"].get("resources", {})
        }
        mark = say_in(language, "site_card.assumed_mark")
        for label, text in page.lines.get("staff", ()):
            found |= {
                ("staff", code, terms[label.removesuffix(mark)], year): Said(told) for year, told in cards.by_year(text)
            }
    codes = {site["name"]: site["id"] for site in cards.content["sites"]}
    for row in cards.listed.rows:
        if row:
            name, *_, people, cost = row
            found |= {("listed", codes[name], "people"): Said(people), ("listed", codes[name], "cost"): Said(cost)}
    # (A dash: it does not stand in that year, or its cost is not counted.)
    return {about: figure for about, figure in found.items() if figure.text != "–"}


@pytest.fixture(scope="module", params=LANGUAGES)
def cards(request: pytest.FixtureRequest, hubs_plan: Plan) -> Cards:
    return read(copy.deepcopy(dict(hubs_plan.content)), request.param)


def test_every_figure_of_the_cards_is_the_plan_s(cards: Cards) -> None:
    found = said(cards)
    assert differing(found, exact(cards.content), cards.language) == {}
    about = {"people", "alone", "at the top", "listed", "money", "place", "nearest", "others", "fewer without"}
    assert {key[0] for key in found} == about | {"cost without", "staff"}


def test_people_and_money_of_all_cards_are_those_of_the_district(cards: Cards) -> None:
    content, found = cards.content, said(cards)

    def whole(figure: Said) -> int:
        return int(re.sub(r"\D", "", figure.text))

    for row in content["ledger"]:
        if row["scope"] == "district":
            people = [n for key, n in found.items() if key[0] == "people" and key[2] == row["year"]]
            assert sum(map(whole, people)) == row["served"] > 0
    # (The list has the people of the last year.)
    last = next(row for row in reversed(content["ledger"]) if row["scope"] == "district")
    assert sum(whole(n) for key, n in found.items() if key[0] == "listed" and key[2] == "people") == last["served"]
    spent = sum(row["opening"] + row["yearly"] * row["calendar_years"] for row in content["budget"])
    for part in ("money", "at the top", "listed"):
        assert sum(whole(n) for key, n in found.items() if key[::2] == (part, "cost")) == spent > 0
    # Whom a card says that it serves are people of its places.
    for code in {key[1] for key in found if key[0] == "place"}:
        places = sum(whole(n) for key, n in found.items() if key[:2] == ("place", code) and key[3] == "people")
        end = max(key[2] for key in found if key[:2] == ("people", code) and whole(found[key]))
        assert places == whole(found["people", code, end])


def spoil_people(content: Content) -> None:
    next(site for site in content["sites"] if site["kind"] == "clinic" and site["people"])["people"]["2025"] += 1


def spoil_alone(content: Content) -> None:
    next(site for site in content["sites"] if site["people"].get("2025"))["only_site_of"]["2027"] += 1


def spoil_cost(content: Content) -> None:
    next(site for site in reversed(content["sites"]) if site["cost"])["cost"] += 1


def spoil_price(content: Content) -> None:
    for row in content["candidates"]:
        row["yearly"] += 1


def spoil_place(content: Content) -> None:
    next(row for row in reversed(content["places"]) if row["status"] == "served")["people"] += 1


def spoil_minutes(content: Content) -> None:
    next(row for row in reversed(content["places"]) if row["status"] == "served")["minutes"] += 0.2


def spoil_nearest(content: Content) -> None:
    content["worth"][0]["nearest"]["2025"] += 1


def spoil_others(content: Content) -> None:
    content["worth"][0]["nearest"]["2030"] += 1


def spoil_without(content: Content) -> None:
    content["worth"][1]["dropped"]["unserved"]["2027"] += 1


def spoil_saved(content: Content) -> None:
    content["worth"][2]["dropped"]["cost"] += 1


def spoil_staff(content: Content) -> None:
    content["staff"][0]["number"] += 1


SPOILT: Mapping[Callable[[Content], None], set[str]] = {
    spoil_people: {"people"},
    spoil_alone: {"alone"},
    spoil_cost: {"at the top", "money", "listed"},
    spoil_price: {"money"},
    spoil_place: {"place"},
    spoil_minutes: {"place"},
    spoil_nearest: {"nearest"},
    spoil_others: {"nearest", "others"},
    spoil_without: {"fewer without"},
    spoil_saved: {"cost without"},
    spoil_staff: {"staff"},
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("spoil", SPOILT)
def test_a_figure_of_a_card_that_is_wrong_by_one_is_seen(
    spoil: Callable[[Content], None], language: Language, hubs_plan: Plan
) -> None:
    right = dict(hubs_plan.content)
    spoilt = copy.deepcopy(right)
    spoil(spoilt)
    wrong = differing(said(read(spoilt, language)), exact(right), language)
    assert {about[0] for about in wrong} == SPOILT[spoil]
