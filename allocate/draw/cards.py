"""A page for every site of a plan, to print and take along, and a page that lists them: no script, no network."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from allocate.draw.locator import Locator
from allocate.draw.page import map_file, refuse_requests, still_policy
from allocate.draw.printed import FOOT, add, head, markup
from allocate.report.file_names import id_mark, name_part, sure_mark
from allocate.report.site_cards import Line, Part, SiteCard, site_cards
from allocate.report.table import Source, clean
from allocate.words import Language

INDEX = "index.html"
_PAGE = re.compile(r"[\w-]+\.html")
# Names that no file of Windows may bear, whatever its ending, and that of the list.
_TAKEN = re.compile(r"(?i)con|prn|aux|nul|(com|lpt)[\d¹²³]|index|")
# What stands beside the locator map, and what stands in two columns below it.
_BESIDE, _TICKED = ("what", "money"), "visit"
_BLANKS = 3  # lines to write on


def card_pages(content: Mapping[str, Any], language: Language) -> dict[str, str]:
    """Return a page for every site of a plan and the list of them, by the names of their files.

    A page is a sheet of A4 or two. All texts of the plan pass through a tree of elements, which escapes them. Pages
    link to each other and to nothing else.
    """
    source = Source(content, language)
    cards = site_cards(content, language)
    files = {code: card_file(code) for code in cards}
    names = frozenset((INDEX, *files.values()))
    locator = Locator(content, language)
    pages = {INDEX: _whole(source, source.word("site_page.list"), _list(source, cards, files), names)}
    for code, card in cards.items():
        pages[files[code]] = _whole(source, card.name, _page(source, card, locator), names)
    return pages


def card_file(code: str) -> str:
    """Return the name of the file of a site's page; no two ids share one."""
    kept, mark = name_part(code), id_mark(code)
    if _TAKEN.fullmatch(kept):
        # (An id may be called just so without being marked.)
        kept, mark = f"site-{kept}".rstrip("-"), sure_mark(code)
    return "-".join(filter(None, (kept, mark))) + ".html"


def is_card(name: str) -> bool:
    """Tell whether a file bears the name of a page of ours."""
    return _PAGE.fullmatch(name) is not None


def _whole(source: Source, title: str, body: ET.Element, names: frozenset[str]) -> str:
    before = head(source.language, title, policy=still_policy(), style=map_file("cards.css"))
    page = before + markup(body) + "\n" + FOOT
    refuse_requests(page, names)
    return page


def _page(source: Source, card: SiteCard, locator: Locator) -> ET.Element:
    page = ET.Element("main", {"class": "page"})
    word = source.word
    top = add(page, "nav")
    add(top, "a", word("site_page.list"), href=INDEX)
    add(top, "span", clean(str(source.district["name"][source.language])))
    header = add(page, "header")
    add(header, "h1", card.name)
    about = add(header, "p", class_="about")
    for text in (card.kind, card.town, card.headline):
        add(about, "span", text)
    if not card.is_firm:
        add(about, "span", word("site_page.example"), class_="example")
    _figures(source, header, card)
    drawn = locator.picture(card.id)
    first = add(page, "div", class_="first")
    if drawn is not None:
        figure = add(first, "figure")
        figure.append(drawn.svg)
        caption = add(figure, "figcaption")
        for text in drawn.legend:
            add(caption, "span", text)
    beside = add(first, "div", class_="beside")
    rest = add(page, "div", class_="rest")
    for part in card.parts:
        if part.name != _TICKED:
            _part(beside if part.name in _BESIDE else rest, part)
    _field_record(source, page, card.part(_TICKED))
    add(page, "p", _says_whose(source), class_="note")
    return page


def _figures(source: Source, header: ET.Element, card: SiteCard) -> None:
    """Add the figures that one looks for first: people in the last year, and money."""
    word, told = source.word, []
    if card.people:
        year = max(card.people)
        label = word("field.serves", year=year)
        told.append((label, word("site_card.count_people", count=card.people[year])))
    if card.cost is not None:
        told.append((word("site_card.label_cost"), word("site_card.yuan", cost=card.cost)))
    if told:
        figures = add(header, "dl", class_="figures")
        for label, value in told:
            add(figures, "dt", label)
            add(figures, "dd", value)


def _part(above: ET.Element, part: Part) -> None:
    section = add(above, "section", class_=part.name)
    add(section, "h2", part.title)
    labelled = [line for line in part.lines if line.label]
    if labelled:
        listed = add(section, "dl", class_="numbered" if part.name == "others" else "lines")
        for line in labelled:
            add(listed, "dt", line.label)
            add(listed, "dd", line.text)
    for line in part.lines:
        if not line.label:
            add(section, "p", line.text)


def _field_record(source: Source, page: ET.Element, part: Part | None) -> None:
    """Add what to look at there, each with a box to tick, and room for what was found."""
    word = source.word
    section = add(page, "section", class_="visit")
    lines: Sequence[Line] = part.lines if part is not None else ()
    if part is not None:
        add(section, "h2", part.title)
        ticks = add(section, "ul", class_="ticks")
        for line in lines:
            add(ticks, "li", line.text)
    add(section, "h2", word("site_page.record"))
    table = add(section, "table", class_="record")
    for keys in (("who", "office", "date"), ("there", "road", "residents")):
        row = add(table, "tr")
        for key in keys:
            add(row, "th", word(f"site_page.{key}"))
            add(row, "td")
    row = add(table, "tr")
    add(row, "th", word("site_page.found"))
    blank = add(row, "td", colspan="5", class_="blank")
    for _ in range(_BLANKS):
        add(blank, "i")
    row = add(table, "tr")
    add(row, "th", word("site_page.opinion"))
    choices = add(add(row, "td", colspan="5"), "ul", class_="ticks across")
    for key in ("agree", "elsewhere", "not_here", "again"):
        add(choices, "li", word(f"site_page.{key}"))
    row = add(table, "tr")
    for key in ("sign", "sign_village", "sign_town"):
        add(row, "th", word(f"site_page.{key}"))
        add(row, "td", class_="sign")


def _says_whose(source: Source) -> str:
    content, language = source.content, source.language
    names = {"district": content["district_data"]["name"][language], "title": content["title"][language]}
    told = {key: clean(str(name)) for key, name in names.items()} | {"as_of": content["as_of"]}
    approval = content.get("map_approval_number")
    number = source.word("site_page.approval", number=approval) if approval else source.word("site_page.no_approval")
    return f"{source.word('site_page.source', **told)} {clean(number)}"


def _list(source: Source, cards: Mapping[str, SiteCard], files: Mapping[str, str]) -> ET.Element:
    """Return the list of all sites by town."""
    page = ET.Element("main", {"class": "page list"})
    word = source.word
    header = add(page, "header")
    add(header, "h1", word("site_page.list"))
    about = add(header, "p", class_="about")
    add(about, "span", clean(str(source.district["name"][source.language])))
    add(about, "span", clean(str(source.content["title"][source.language])))
    add(about, "span", word("site_page.count", count=len(cards)))
    for town, mine in _by_town(cards):
        section = add(page, "section")
        add(section, "h2", f"{town}{word('site_page.in_town', count=len(mine))}")
        table = add(section, "table", class_="sites")
        head = add(add(table, "thead"), "tr")
        for key in ("name", "kind", "headline", "people_last", "cost"):
            add(head, "th", word(f"site_page.head_{key}", year=source.years[-1]), class_=key)
        body = add(table, "tbody")
        for card in mine:
            row = add(body, "tr")
            add(add(row, "td", class_="name"), "a", card.name, href=files[card.id])
            add(row, "td", card.kind)
            add(row, "td", card.headline)
            people = card.people.get(str(source.years[-1]))
            add(row, "td", "–" if people is None else f"{people:,}", class_="number")
            add(row, "td", "–" if card.cost is None else f"{card.cost:,}", class_="number")
    add(page, "p", word("site_page.dash"), class_="note")
    add(page, "p", _says_whose(source), class_="note")
    return page


def _by_town(cards: Mapping[str, SiteCard]) -> Iterator[tuple[str, list[SiteCard]]]:
    towns: dict[str, list[SiteCard]] = {}
    for card in cards.values():
        towns.setdefault(card.town_id, []).append(card)
    return ((mine[0].town, mine) for mine in towns.values())
