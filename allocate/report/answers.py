"""What an answer is written down as: which module makes its tables and its page, and what all answers say alike."""

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol, cast

from allocate.answer import Answer, AnswerKind
from allocate.plans import to_json
from allocate.report.blocks import Bullets, Cards, Grid, Heading, PageBlock, Paragraph
from allocate.report.comma import sheet_csv
from allocate.report.html import Side, page
from allocate.report.table import Sheet
from allocate.report.workbook import tables_workbook
from allocate.words import LANGUAGES, Language, say_in

# The module of every kind of answer: each is read only when there is such an answer to write.
PAGES: dict[AnswerKind, str] = {
    "scenarios": "allocate.report.scenarios_page",
    "sweep": "allocate.report.sweep_page",
    "alternatives": "allocate.report.alternatives_page",
    "robust": "allocate.report.robust_page",
    "prices": "allocate.report.prices_page",
    "joint": "allocate.report.joint_page",
}


class AnswerPage(Protocol):
    """What such a module holds."""

    def sheets(self, answer: Answer, language: Language) -> Sequence[Sheet]:
        """Return the tables of an answer."""
        ...

    def blocks(self, answer: Answer, language: Language) -> Sequence[PageBlock]:
        """Return what the page of an answer shows."""
        ...


def page_of(kind: AnswerKind) -> AnswerPage:
    """Return the module that makes the tables and the page of a kind of answer."""
    return cast("AnswerPage", import_module(PAGES[kind]))


def answer_files(answer: Answer, language: Language) -> dict[str, bytes]:
    """Return the files of an answer by their names: JSON, page, workbook, and a CSV of every table."""
    kind, writer = answer.kind, page_of(answer.kind)
    tables = list(writer.sheets(answer, language))
    shown = {spoken: list(writer.blocks(answer, spoken)) for spoken in LANGUAGES}
    sides = {
        spoken: Side(title(answer, spoken), _about(answer, spoken), [*shown[spoken], *_closing(answer, spoken)])
        for spoken in LANGUAGES
    }
    day, parts = answer.content["as_of"], [list(part) for part in _parts(shown[language], answer, language)]
    files = {
        f"{kind}.json": to_json({"kind": kind, **answer.content}).encode(),
        f"{kind}.html": page(sides, language).encode(),
        f"{kind}.xlsx": tables_workbook(title(answer, language), day, parts, tables, language),
    }
    return files | {
        f"{kind}-{table.name.removeprefix(f'{kind}_')}.csv": sheet_csv(table, language).encode() for table in tables
    }


def title(answer: Answer, language: Language) -> str:
    """Return what the page of an answer is called."""
    return say_in(language, f"answer.title_{answer.kind}", model=_named(answer.content, language))


def _named(content: Mapping[str, Any], language: Language) -> str:
    """Return the title of the model, where the answer keeps it, else its name."""
    named = content.get("title")
    return str(named[language] if isinstance(named, Mapping) and language in named else content["model"])


def _about(answer: Answer, language: Language) -> list[str]:
    content = answer.content
    version = dict(content.get("versions") or {}).get("allocate", "")
    told = say_in(language, "answer.about", model=content["model"], district=content["district"], day=content["as_of"])
    return [told + (say_in(language, "answer.version", version=version) if version else "")]


def _closing(answer: Answer, language: Language) -> Iterator[PageBlock]:
    """Yield what every answer says of how it came about: method, seeds, settings, inputs and versions."""
    content = answer.content
    yield Heading(say_in(language, "answer.how"))
    method = content.get("method")
    if isinstance(method, Mapping):
        method = method.get(language)
    if method:
        yield Paragraph(str(method))
    seeds = content.get("seeds")
    if seeds:
        told = ", ".join(map(str, seeds)) if isinstance(seeds, Sequence) and not isinstance(seeds, str) else str(seeds)
        yield Paragraph(say_in(language, "answer.seeds", seeds=told), "note")
    inputs = content.get("inputs") or ()
    heads = tuple(say_in(language, f"answer.{name}") for name in ("file", "sha256"))
    rows = tuple((str(row["path"]), str(row["sha256"])) for row in inputs)
    if rows:
        yield Grid(say_in(language, "answer.inputs"), heads, rows, (2.0, 5.0))
    versions = content.get("versions") or {}
    if versions:
        told = ", ".join(f"{name} {number}" for name, number in versions.items())
        yield Paragraph(say_in(language, "answer.versions", versions=told), "note")


def _parts(blocks: Sequence[PageBlock], answer: Answer, language: Language) -> Iterator[Iterator[tuple[str, str]]]:
    """Yield what the page says in words as lines for the workbook: key figures and text, in parts by its headings."""
    yield iter([("", line) for line in _about(answer, language)])
    part: list[tuple[str, str]] = []
    for block in blocks:
        match block:
            case Heading(text):
                yield iter(part)
                part = [(text, "")]
            case Paragraph(text):
                part.append(("", text))
            case Bullets(items):
                part += [("", item) for item in items]
            case Cards(cards):
                part += [(card.label, " · ".join(filter(None, (card.figure, card.note)))) for card in cards]
            case _:
                pass
    yield iter(part)
