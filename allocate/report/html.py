"""Blocks as one static page in Chinese and English: it asks no host for anything and reads without its script."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatchmethod
from xml.etree import ElementTree as ET

from allocate.draw.charts import chart_picture, chart_table
from allocate.draw.classed import class_sign, classed_picture, classed_table, counted
from allocate.draw.page import map_file, policy_of, refuse_requests
from allocate.draw.printed import FOOT, add, head, locale, markup
from allocate.report.blocks import (
    Bullets,
    Cards,
    Chart,
    ClassedMap,
    Contents,
    Grid,
    Heading,
    Heat,
    NewPage,
    PageBlock,
    Paragraph,
    Picture,
)
from allocate.report.table import seen
from allocate.words import LANGUAGES, Language, say_in

# Longer texts get a box of their own that scrolls; titles are cut.
_LONG, _LONGEST_TITLE = 240, 300
_LOOKS = {"body": "", "note": "note", "quote": "quote", "warning": "warning"}
# From the least to the largest value of a shaded table: ColorBrewer's Blues as far as black letters read on them.
_PALE, _DEEP = (247, 251, 255), (120, 176, 216)
_DEEPEST = 4  # HTML knows six levels of headings, of which the page's title is the first


@dataclass(frozen=True)
class Side:
    """What a page says in one language.

    Attributes
    ----------
    title
        Its heading.
    about
        What it is of, and of which day.
    blocks
        What it shows.
    foot
        What stands below it in small type.
    """

    title: str
    about: Sequence[str]
    blocks: Sequence[PageBlock]
    foot: Sequence[str] = ()


def page(sides: Mapping[Language, Side], opens_in: Language) -> str:
    """Return a page with its content in every language, Chinese first, that shows one of them at first.

    All texts pass through a tree of elements, which escapes them; none is in a script or a style.
    """
    script, style = map_file("answer.js"), map_file("answer.css")
    title = seen(sides[opens_in].title)[:_LONGEST_TITLE]
    before = head(opens_in, title, policy=policy_of([script]), style=style)
    main = ET.Element("main", {"data-open": locale(opens_in)})
    links: set[str] = set()
    spoken = [language for language in LANGUAGES if language in sides]
    body = [_skips(spoken), _tools()]
    links.update(f"#{language}" for language in spoken)
    for language in spoken:
        writer = _Writer(main, language, sides[language])
        links |= writer.links
    body.append(main)
    after = f"<script>{script}</script>\n{FOOT}"
    html = before + "\n".join(map(markup, body)) + "\n" + after
    refuse_requests(html, links)
    return html


def _skips(spoken: Iterable[Language]) -> ET.Element:
    """Return links to what is below, for those who use no mouse."""
    links = ET.Element("div")
    for language in spoken:
        add(links, "a", say_in(language, "answer.skip"), href=f"#{language}", lang=locale(language), class_="skip")
    return links


def _tools() -> ET.Element:
    tools = ET.Element("div", {"class": "tools"})
    add(tools, "button", id="language", type="button", hidden="")
    return tools


class _Writer:
    """Writes blocks in one language below one another."""

    def __init__(self, main: ET.Element, language: Language, side: Side) -> None:
        self.language, self.side = language, side
        self.marks = 0
        self.turns = False
        self.links: set[str] = set()
        self.article = add(
            main, "article", id=language, lang=locale(language), data_name=say_in(language, "answer.language")
        )
        top = add(self.article, "header")
        add(top, "h1", seen(side.title))
        for line in side.about:
            add(top, "p", seen(line), class_="about")
        for block in side.blocks:
            self.put(block)
        foot = add(self.article, "footer")
        for line in side.foot:
            add(foot, "p", seen(line))

    def word(self, key: str, **values: object) -> str:
        return say_in(self.language, key, **values)

    def _mark(self) -> str:
        self.marks += 1
        return f"{self.language}-{self.marks}"

    def _add(self, tag: str, text: str = "", above: ET.Element | None = None, **attributes: str) -> ET.Element:
        above = self.article if above is None else above
        if self.turns and above is self.article:
            attributes["class_"] = f"{attributes.get('class_', '')} turn".strip()
            self.turns = False
        return add(above, tag, seen(text), **attributes)

    @singledispatchmethod
    def put(self, block: PageBlock) -> None:
        """Put a block below those before."""
        raise TypeError(block)

    @put.register
    def _(self, block: Heading) -> None:
        mark = f"{self.language}-h{sum(one is not block for one in self._headings_before(block))}"
        self._add(f"h{min(max(block.level, 1), _DEEPEST - 1) + 1}", block.text, id=mark)

    def _headings_before(self, block: Heading) -> list[Heading]:
        found: list[Heading] = []
        for one in self.side.blocks:
            if one is block:
                return found
            if isinstance(one, Heading):
                found.append(one)
        return found

    @put.register
    def _(self, block: Paragraph) -> None:
        paragraph = self._add("p", block.text)
        if look := _LOOKS[block.look]:
            paragraph.set("class", " ".join(filter(None, (paragraph.get("class"), look))))

    @put.register
    def _(self, block: Bullets) -> None:
        listed = self._add("ul")
        for item in block.items:
            self._add("li", item, listed)

    @put.register
    def _(self, _: NewPage) -> None:
        self.turns = True

    @put.register
    def _(self, _: Contents) -> None:
        nav = self._add("nav", aria_label=self.word("answer.contents"))
        listed = add(nav, "ul", class_="contents")
        headings = [block for block in self.side.blocks if isinstance(block, Heading)]
        for number, heading in enumerate(headings):
            link = f"#{self.language}-h{number}"
            self.links.add(link)
            item = add(listed, "li", **({"class_": "deep"} if heading.level > 1 else {}))
            add(item, "a", seen(heading.text), href=link)

    @put.register
    def _(self, block: Cards) -> None:
        listed = self._add("dl", class_="cards")
        for card in block.cards:
            box = add(listed, "div")
            self._add("dt", card.label, box)
            self._add("dd", card.figure, box, class_="figure")
            if card.note:
                self._add("dd", card.note, box, class_="more")

    @put.register
    def _(self, block: Picture) -> None:
        figure = self._add("figure")
        self._add("figcaption", block.caption, figure)
        bytes_ = base64.b64encode(block.png).decode()
        add(figure, "img", src=f"data:image/png;base64,{bytes_}", alt=seen(block.alternative))

    @put.register
    def _(self, block: Grid) -> None:
        self._grid(self.article, block)

    def _grid(self, above: ET.Element, block: Grid) -> None:
        mark = self._mark()
        around = self._add("div", "", above, class_="scroll", tabindex="0", role="region", aria_labelledby=mark)
        table = add(around, "table", class_="sorted")
        self._add("caption", block.caption, table, id=mark)
        row = add(add(table, "thead"), "tr")
        for at, text in enumerate(block.heads):
            self._add("th", text, row, scope="col", **self._aligned(block, at))
        body = add(table, "tbody")
        for number, cells in enumerate(block.rows):
            row = add(body, "tr", **({"class_": "strong"} if number in block.strong else {}))
            for at, text in enumerate(cells):
                told = self._aligned(block, at)
                cell = self._add("td" if at else "th", "", row, **(told if at else told | {"scope": "row"}))
                self._cell(cell, text)
        if block.note:
            self._add("p", block.note, above, class_="note")

    @staticmethod
    def _aligned(block: Grid, at: int) -> dict[str, str]:
        return {"class_": "number"} if at in block.numbers else {}

    @staticmethod
    def _cell(cell: ET.Element, text: str) -> None:
        if len(text) > _LONG:
            add(cell, "span", seen(text), class_="long")
        else:
            cell.text = seen(text)

    @put.register
    def _(self, block: Heat) -> None:
        mark = self._mark()
        around = self._add("div", class_="scroll", tabindex="0", role="region", aria_labelledby=mark)
        table = add(around, "table", class_="heat")
        self._add("caption", block.caption, table, id=mark)
        top = add(table, "thead")
        row = add(top, "tr")
        self._add("th", block.down, row, scope="col", rowspan="2")
        self._add("th", block.across, row, scope="colgroup", colspan=str(max(1, len(block.columns))))
        row = add(top, "tr")
        for name in block.columns:
            self._add("th", name, row, scope="col")
        known = [value for line in block.values for value in line if value is not None]
        body = add(table, "tbody")
        for down, name in enumerate(block.rows):
            row = add(body, "tr")
            self._add("th", name, row, scope="row")
            for at, (value, text) in enumerate(zip(block.values[down], block.texts[down], strict=True)):
                told = {} if value is None else {"data_value": repr(value), "style": _shade(value, known)}
                is_best = (down, at) in block.best
                cell = self._add("td", "", row, **told, **({"class_": "best"} if is_best else {}))
                self._cell(cell, f"★ {text}" if is_best else text)
        if block.note:
            self._add("p", block.note, class_="note")

    @put.register
    def _(self, block: Chart) -> None:
        figure = self._add("figure")
        mark = self._mark()
        self._add("figcaption", block.caption, figure, id=f"{mark}-caption")
        around = add(figure, "div", class_="wide", tabindex="0", role="region", aria_labelledby=f"{mark}-caption")
        around.append(chart_picture(block, self.language, mark))
        notes = [self.word("chart.ranges", what=block.ranges)] if block.ranges else []
        for note in (*notes, *filter(None, (block.note,))):
            self._add("p", note, figure, class_="note")
        self._below(self.word("chart.as_table"), chart_table(block, self.language))

    def _below(self, summary: str, table: Grid) -> None:
        """Put a table below a picture, folded up."""
        folded = self._add("details")
        add(folded, "summary", summary)
        self._grid(folded, table)

    @put.register
    def _(self, block: ClassedMap) -> None:
        figure = self._add("figure")
        mark = self._mark()
        self._add("figcaption", block.caption, figure, id=f"{mark}-caption")
        listed = add(figure, "ul", class_="legend")
        for group, told in counted(block, self.language):
            item = add(listed, "li")
            item.append(class_sign(group))
            item[-1].tail = seen(told)
        around = add(figure, "div", class_="wide", tabindex="0", role="region", aria_labelledby=f"{mark}-caption")
        drawn = classed_picture(block, self.language, mark)
        around.append(drawn.svg)
        for note in filter(None, (" ".join(drawn.notes), block.note)):
            self._add("p", note, figure, class_="note")
        self._below(self.word("classed.as_table", count=len(block.sites)), classed_table(block, self.language))


def _shade(value: float, known: Sequence[float]) -> str:
    """Return the style of a cell: the larger the value among all, the deeper."""
    low, high = min(known), max(known)
    share = (value - low) / (high - low) if high > low else 0.0
    parts = (round(pale + (deep - pale) * share) for pale, deep in zip(_PALE, _DEEP, strict=True))
    return f"background: rgb({', '.join(map(str, parts))})"
