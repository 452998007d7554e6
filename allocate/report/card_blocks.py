"""Site cards as blocks of a document: of each what leaders decide by, in half a page at most."""

from collections.abc import Iterator

from allocate.report.blocks import Block, Grid, Heading, Paragraph
from allocate.report.site_cards import SiteCard, site_cards
from allocate.report.table import Content
from allocate.words import Language, say_in

# The parts that stand in a document, and how much of a line is told there [characters]; the page of a site has all.
_TOLD = ("what", "staff", "money", "gain", "without", "others", "draws")
_LONGEST = 150
_LEFT_OUT = ("position", "places", "functions", "parent", "hospital", "opening", "yearly")
_WIDTHS = (1.1, 1.6, 4.3)


def card_blocks(card: SiteCard, language: Language) -> list[Block]:
    """Return a site's card as a heading, a line and a table of its parts."""
    about = say_in(language, "summary.semicolon").join((card.kind, card.town, card.headline))
    note = "" if card.is_firm else say_in(language, "site_page.example")
    heads = tuple(say_in(language, f"site_page.head_{name}") for name in ("part", "item", "says"))
    table = Grid("", heads, tuple(_rows(card)), _WIDTHS, note=note)
    return [Heading(card.name, 3), Paragraph(about), table]


def changing_cards(content: Content, language: Language) -> list[Block]:
    """Return the cards of all sites that a plan opens, moves, merges, upgrades or closes, by town."""
    kept = {row["id"] for row in content["sites"] if row["action"] != "keep"}
    blocks: list[Block] = []
    town = ""
    for code, card in site_cards(content, language).items():
        if code in kept:
            if card.town_id != town:
                town = card.town_id
                blocks.append(Heading(card.town, 2))
            blocks += card_blocks(card, language)
    return blocks


def _rows(card: SiteCard) -> Iterator[tuple[str, str, str]]:
    for part in card.parts:
        title = part.title
        for line in part.lines if part.name in _TOLD else ():
            if line.name not in _LEFT_OUT:
                yield title, line.label, _short(line.text)
                title = ""


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
