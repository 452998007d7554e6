"""Writes a document as PDF, with typst: texts go in as data, and no sign in them means anything."""

import json
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from allocate.bundle import bundled
from allocate.draw.fonts import FAMILY, font_folder, letters, vendored
from allocate.errors import Problem, UsageError
from allocate.faults import disk_reason
from allocate.report.blocks import Block, Bullets, Contents, Document, Grid, Heading, NewPage, Paragraph, Picture, Turn
from allocate.report.pdf_sizes import TABLE_INSET, TABLE_LINE, Room, fit, fitting, in_parts
from allocate.report.table import clean
from allocate.words import Language, say_in

_LOG = logging.getLogger(__name__)

TEMPLATE = "document.typ"
# A font for Latin letters that typst has inside it, bold ones too.
_LATIN = "Libertinus Serif"
# How letters lie on the page: sizes, and from line to line [points]. After GB/T 9704, and as English letters are set.
_LOOKS: dict[Language, dict[str, Any]] = {
    "zh": {
        "size": 16, "apart": 28, "title": 22, "subtitle": 16, "headings": [17, 16, 16], "quote": 14, "small": 9.5,
        "caption": 12, "number": 14, "bold": False,
    },
    "en": {
        "size": 11, "apart": 15, "title": 20, "subtitle": 11, "headings": [15, 12.5, 11], "quote": 10.5, "small": 9,
        "caption": 10, "number": 10, "bold": True,
    },
}  # fmt: skip
# The longest foot of a page [widths of a Chinese letter]: it stands on one line.
_FOOT = 36.0
_PICTURE = 0.8  # of the height of a page, at most


def pdf(document: Document) -> bytes:
    """Return a document as a PDF file: with the letters in it, bookmarks, and tags for whoever cannot see it.

    The same document gives the same bytes on every machine, as long as our own font has its letters; for those that it
    lacks the machine's fonts are asked.

    Raises
    ------
    UsageError
        When typst is not installed, or fails.
    """
    typst = typesetter()
    try:
        with tempfile.TemporaryDirectory(prefix="allocate-") as name:
            root = Path(name)
            (root / TEMPLATE).write_bytes((bundled() / "maps" / TEMPLATE).read_bytes())
            data = json.dumps(_Pages(document, root).data(), ensure_ascii=False)
            (root / "document.json").write_text(data, encoding="utf-8")
            made, warnings = typst.compile_with_warnings(
                root / TEMPLATE,
                root=root,
                font_paths=[font_folder()],
                ignore_system_fonts=not _lacks(data),
                format="pdf",
            )
    except typst.TypstError as error:
        raise _failed(error.message) from None
    except OSError as error:
        raise _failed(disk_reason(error)) from None
    except BaseException as error:
        # (What Rust gives up on is no exception like others.)
        if type(error).__name__ != "PanicException":
            raise
        raise _failed(str(error)) from None
    for warning in warnings:
        _LOG.warning("%s: %s", TEMPLATE, warning.message)
    assert isinstance(made, bytes)
    return made


def typesetter() -> Any:
    """Return typst, which sets the pages.

    Raises
    ------
    UsageError
        When it is not installed.
    """
    try:
        import typst  # only when a PDF is asked for
    except ImportError:
        raise UsageError([Problem("pdf.missing", column="--to", value="pdf")]) from None
    return typst


def _failed(reason: str) -> UsageError:
    return UsageError([Problem("pdf.failed", column="--to", value="pdf", details={"reason": reason})])


class _Pages:
    """The pages of a document as the template reads them; pictures are put into a folder on the way."""

    def __init__(self, document: Document, root: Path) -> None:
        self.document, self.root = document, root
        self.look = _LOOKS[document.language]
        self.pictures = 0
        self.turn: Turn = "portrait"

    def data(self) -> dict[str, Any]:
        """Return everything that the template asks for."""
        document = self.document
        chinese = document.language == "zh"
        gap = "\u3000" if chinese else " · "
        page = Room.of(document.language, self.turn)
        return {
            "language": document.language,
            "plain": {"title": clean(document.title), "author": clean(document.issuer)},
            "day": [document.day.year, document.day.month, document.day.day],
            "title": self._text(document.title, page.width, self.look["title"]),
            "below": [
                self._text(text, page.width, self.look["subtitle"])
                for text in (document.subtitle, gap.join(filter(None, (document.issuer, document.date))))
                if text
            ],
            "footer": fitting(clean(document.footer), _FOOT),
            "words": {"contents": say_in(document.language, "paper.contents")},
            "look": self.look | {"picture": _PICTURE},
            "fonts": [FAMILY, _LATIN] if chinese else [_LATIN, FAMILY],
            "sections": list(self._sections()),
        }

    def _sections(self) -> Iterator[dict[str, Any]]:
        """Yield the runs of pages that lie alike; a turn without anything on it is none."""
        blocks: list[dict[str, Any]] = []
        is_first = True
        for block in (*self.document.blocks, NewPage()):
            if not isinstance(block, NewPage):
                blocks.append(self._made(block))
                continue
            if blocks or is_first:
                yield {
                    "turn": self.turn,
                    "margins": Room.of(self.document.language, self.turn).margins,
                    "blocks": blocks,
                }
            blocks, is_first, self.turn = [], False, block.turn

    def _made(self, block: Block) -> dict[str, Any]:
        room = Room.of(self.document.language, self.turn)
        match block:
            case Heading(text, level):
                sizes = self.look["headings"]
                size = sizes[min(level, len(sizes)) - 1]
                return {"kind": "heading", "level": max(level, 1), "text": self._text(text, room.width, size)}
            case Paragraph(text, look):
                return {
                    "kind": "paragraph",
                    "look": look,
                    "text": self._text(text, room.width * 0.8, self.look["size"]),
                }
            case Bullets(items):
                texts = [self._text(item, room.width * 0.8, self.look["size"]) for item in items]
                return {"kind": "bullets", "items": texts}
            case Grid():
                return self._grid(block, room)
            case Picture():
                self.pictures += 1
                file = f"picture-{self.pictures}.png"
                (self.root / file).write_bytes(block.png)
                caption = self._text(block.caption, room.width, self.look["caption"])
                return {
                    "kind": "picture",
                    "file": file,
                    "caption": caption,
                    "alternative": clean(block.alternative),
                    "share": block.share,
                }
            case Contents():
                return {"kind": "contents"}
            case NewPage():
                raise AssertionError

    def _grid(self, grid: Grid, room: Room) -> dict[str, Any]:
        fitted = fit(grid, room, self.turn)

        def row(texts: tuple[str, ...]) -> list[str | list[str]]:
            return [self._text(text, inner, fitted.size) for text, inner in zip(texts, fitted.rooms, strict=True)]

        return {
            "kind": "grid",
            "caption": self._text(grid.caption, room.width, self.look["caption"]),
            "heads": row(grid.heads),
            "rows": list(map(row, grid.rows)),
            "widths": grid.widths,
            "numbers": sorted(grid.numbers),
            "strong": sorted(grid.strong),
            "loose": fitted.loose,
            "repeats": fitted.repeats,
            "size": fitted.size,
            "line": TABLE_LINE,
            "inset": TABLE_INSET,
            "note": self._text(grid.note, room.width, self.look["small"]),
        }

    def _text(self, text: str, room: float, size: float) -> str | list[str]:
        """Return a text that a page can hold, in parts where it has words that no line holds."""
        return in_parts(clean(text), room, size)


def _lacks(text: str) -> bool:
    """Tell whether a text has letters that our own font lacks."""
    held = {code for first, last in letters(vendored().path) for code in range(first, last + 1)}
    return any(letter.isprintable() and ord(letter) not in held for letter in set(text))
