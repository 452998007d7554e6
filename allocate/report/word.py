"""A document as a Word file, laid out as Chinese offices do: real headings, repeated heading rows, numbered pages."""

import copy
import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time
from functools import singledispatchmethod
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from allocate.report.blocks import (
    Block,
    Bullets,
    Contents,
    Document,
    Grid,
    Heading,
    NewPage,
    Paragraph,
    Picture,
    Turn,
)
from allocate.report.drafting import length_of
from allocate.report.table import clean
from allocate.report.word_styles import (
    HEADINGS,
    LOCALES,
    WORD,
    fonts_xml,
    numbering_xml,
    settings_xml,
    styles_xml,
)
from allocate.words import Language, say_in

_NAMESPACE = f'xmlns:w="{WORD}"'
_MM = 1440 / 25.4  # twips in a millimetre
_EMU = 36_000  # in a millimetre
# Paper and its margins, top, bottom, left and right [mm]: GB/T 9704, and for broad tables more room.
_PAPER = (210.0, 297.0)
_MARGINS: dict[Turn, tuple[float, float, float, float]] = {
    "portrait": (37, 35, 28, 26),
    "landscape": (26, 24, 22, 22),
}
_HIGHEST = 150.0  # of a picture [mm]: a page holds it with its caption
_DEEPEST = 1  # headings that the contents list
_LOOKS = {"body": "Normal", "note": "Note", "quote": "Quote", "warning": "Warning"}
# Letters of a title: as large as one line holds it, within these [points].
_TITLE, _LEAST_TITLE = 22.0, 18.0
# Letters of tables: the largest in which no short text is broken [points].
_SIZES: dict[Language, tuple[float, ...]] = {"zh": (10.5, 9, 8, 7.5), "en": (9.5, 8.5, 7.5, 7)}
_SHORT = 12  # narrow characters
_HIGH = 3  # lines of a row
_LOOKED_AT = 300  # rows that say how broad texts are
_PADDING = 160  # left and right of a cell [twips]
_WHOLE = 400  # characters of a cell up to which its row stays on one page
# What a zip holds bears this day: the same document gives the same bytes.
_DAY = (1980, 1, 1, 0, 0, 0)


def word(document: Document) -> bytes:
    """Return a document as a docx file; the same document gives the same bytes."""
    import docx  # only when a document is written

    book = docx.Document()
    _prepare(book, document)
    body = _Body(book, document)
    body.begin()
    for block in document.blocks:
        body.put(block)
    body.end()
    buffer = io.BytesIO()
    book.save(buffer)
    return _with_fixed_days(buffer.getvalue())


def _prepare(book: Any, document: Document) -> None:
    """Give a new document our styles, settings and properties, and nothing else."""
    from docx.opc.constants import RELATIONSHIP_TYPE

    language = document.language
    for rels in (book.part.package.rels, book.part.rels):
        for code, rel in list(rels.items()):
            if rel.reltype.endswith(("/thumbnail", "/stylesWithEffects", "/customXml", "/webSettings")):
                del rels[code]
            elif rel.reltype == RELATIONSHIP_TYPE.FONT_TABLE:
                rel.target_part._blob = fonts_xml(language).encode()
    _replace(book.styles.element, styles_xml(language))
    _replace(book.settings.element, settings_xml(language))
    _replace(book.part.numbering_part.element, numbering_xml(language))
    day = datetime.combine(document.day, time(), UTC).replace(tzinfo=None)
    about = book.core_properties
    about.title, about.author, about.last_modified_by = clean(document.title)[:255], "allocate", "allocate"
    about.subject, about.keywords, about.comments, about.category = clean(document.subtitle)[:255], "", "", ""
    about.language, about.revision, about.created, about.modified = LOCALES[language], 1, day, day


def _replace(element: Any, xml: str) -> None:
    """Give an element the children of another one."""
    for child in list(element):
        element.remove(child)
    for child in list(_parse(xml)):
        element.append(child)


def _parse(xml: str) -> Any:
    from docx.oxml import parse_xml

    return parse_xml(xml)


def _runs(text: str, look: str = "") -> str:
    """Return a text as runs: ends of lines and tabs are elements of their own, and nothing in it is markup."""
    parts = []
    for part in re.split(r"([\n\t])", clean(text)):
        if part == "\n":
            parts.append(f"<w:r>{look}<w:br/></w:r>")
        elif part == "\t":
            parts.append(f"<w:r>{look}<w:tab/></w:r>")
        elif part:
            parts.append(f'<w:r>{look}<w:t xml:space="preserve">{escape(part)}</w:t></w:r>')
    return "".join(parts)


def _paragraph(text: str, style: str, *, more: str = "") -> str:
    return f'<w:p {_NAMESPACE}><w:pPr><w:pStyle w:val="{style}"/>{more}</w:pPr>{_runs(text)}</w:p>'


class _Body:
    """The blocks of a document, put down one after the other."""

    def __init__(self, book: Any, document: Document) -> None:
        self.book, self.document = book, document
        self.last = book.element.body.sectPr
        self.turn: Turn = "portrait"
        self.breaks = False
        self.marks = 0
        # (The first of each level would be missed by a list that is made on the way.)
        self.listed = [
            (number, block)
            for number, block in enumerate((block for block in document.blocks if isinstance(block, Heading)), start=1)
            if block.level <= _DEEPEST
        ]

    def begin(self) -> None:
        """Write the foot of all pages, and what stands above the first block."""
        section = self.book.sections[0]
        for footer, is_even in ((section.footer, False), (section.even_page_footer, True)):
            footer.is_linked_to_previous = False
            _replace(footer._element, f"<w:ftr {_NAMESPACE}>{self._foot(is_even=is_even)}</w:ftr>")
        size = min(_TITLE, max(_LEAST_TITLE, self._room() / 20 / (length_of(self.document.title) / 2 + 1)))
        look = f'<w:rPr><w:sz w:val="{int(2 * size)}"/><w:szCs w:val="{int(2 * size)}"/></w:rPr>'
        self._add(
            f'<w:p {_NAMESPACE}><w:pPr><w:pStyle w:val="Title"/></w:pPr>'
            f"{_runs(self.document.title, look if self.document.language == 'zh' else '')}</w:p>"
        )
        gap = "\u3000" if self.document.language == "zh" else " · "
        for text in (self.document.subtitle, gap.join(filter(None, (self.document.issuer, self.document.date)))):
            if text:
                self._add(_paragraph(text, "Subtitle"))
        self._add(_paragraph("", "Spacer"))

    def end(self) -> None:
        """Say how the last pages lie."""
        self._lay(self.last, self.turn)

    @singledispatchmethod
    def put(self, block: Block) -> None:
        """Put a block below those before."""
        raise TypeError(block)

    @put.register
    def _(self, block: Heading) -> None:
        self.marks += 1
        style = HEADINGS[min(block.level, len(HEADINGS)) - 1]
        self._add(
            f'<w:p {_NAMESPACE}><w:pPr><w:pStyle w:val="{style}"/>{self._broken()}</w:pPr>'
            f'<w:bookmarkStart w:id="{self.marks}" w:name="{_mark(self.marks)}"/>{_runs(block.text)}'
            f'<w:bookmarkEnd w:id="{self.marks}"/></w:p>'
        )

    @put.register
    def _(self, block: Paragraph) -> None:
        self._add(_paragraph(block.text, _LOOKS[block.look], more=self._broken()))

    @put.register
    def _(self, block: Bullets) -> None:
        for item in block.items:
            self._add(_paragraph(item, "ListBullet", more=self._broken()))

    @put.register
    def _(self, block: Grid) -> None:
        self._add(_paragraph(block.caption, "Caption", more=self._broken()))
        self._add(_table(block, self._room(), _size(block, self._room(), self.document.language)))
        # (Two tables with nothing between them would be one.)
        self._add(_paragraph(block.note, "Note") if block.note else _paragraph("", "Spacer"))

    @put.register
    def _(self, block: Picture) -> None:
        self._add(_paragraph("", "Picture", more=self._broken()))
        inline = self.book.part.new_pic_inline(io.BytesIO(block.png))
        width, height = inline.extent.cx, inline.extent.cy
        share = min(self._room() / _MM * _EMU * block.share / width, _HIGHEST * _EMU / height)
        for size in (inline.extent, inline.graphic.graphicData.pic.spPr.xfrm.ext):
            size.cx, size.cy = round(width * share), round(height * share)
        inline.docPr.set("descr", clean(block.alternative))
        inline.docPr.set("title", clean(block.caption))
        drawing = _parse(f"<w:r {_NAMESPACE}><w:drawing/></w:r>")
        drawing[0].append(inline)
        self._newest().append(drawing)
        self._add(_paragraph(block.caption, "PictureCaption"))

    @put.register
    def _(self, block: NewPage) -> None:
        if block.turn == self.turn:
            self.breaks = True
            return
        # What a section is like stands in its last paragraph.
        if self._newest().tag.endswith("}tbl"):
            self._add(_paragraph("", "Spacer"))
        section = copy.deepcopy(self.last)
        self._lay(section, self.turn)
        self._newest().get_or_add_pPr().append(section)
        for reference in list(self.last):
            if reference.tag.endswith("Reference"):
                self.last.remove(reference)  # the next pages have the foot of those before
        self.turn, self.breaks = block.turn, False

    @put.register
    def _(self, block: Contents) -> None:
        self._add(_paragraph(say_in(self.document.language, "paper.contents"), "TOCHeading", more=self._broken()))
        begin = (
            '<w:r><w:fldChar w:fldCharType="begin"/></w:r>'
            f'<w:r><w:instrText xml:space="preserve"> TOC \\o "1-{_DEEPEST}" \\h \\z \\u </w:instrText></w:r>'
            '<w:r><w:fldChar w:fldCharType="separate"/></w:r>'
        )
        end = '<w:r><w:fldChar w:fldCharType="end"/></w:r>'
        for at, (number, heading) in enumerate(self.listed):
            self._add(
                f'<w:p {_NAMESPACE}><w:pPr><w:pStyle w:val="TOC1"/></w:pPr>{begin if at == 0 else ""}'
                f'<w:hyperlink w:anchor="{_mark(number)}" w:history="1">{_runs(heading.text)}</w:hyperlink>'
                f"{end if at == len(self.listed) - 1 else ''}</w:p>"
            )

    def _add(self, xml: str) -> None:
        self.last.addprevious(_parse(xml))

    def _newest(self) -> Any:
        return self.last.getprevious()

    def _broken(self) -> str:
        """Return what makes the next paragraph begin a page, where it should."""
        broken, self.breaks = self.breaks, False
        return "<w:pageBreakBefore/>" if broken else ""

    def _room(self) -> int:
        """Return the width between the margins [twips]."""
        width, (_, _, left, right) = _PAPER[self.turn == "landscape"], _MARGINS[self.turn]
        return round((width - left - right) * _MM)

    def _lay(self, section: Any, turn: Turn) -> None:
        """Say how the pages of a section lie, and what its margins are."""
        kept = [child for child in section if child.tag.endswith("Reference")]
        across, down = _PAPER if turn == "portrait" else _PAPER[::-1]
        top, bottom, left, right = _MARGINS[turn]
        lies = ' w:orient="landscape"' if turn == "landscape" else ""
        size = f'<w:pgSz w:w="{round(across * _MM)}" w:h="{round(down * _MM)}"{lies}/>'
        margins = (
            f'<w:pgMar w:top="{round(top * _MM)}" w:right="{round(right * _MM)}" w:bottom="{round(bottom * _MM)}" '
            f'w:left="{round(left * _MM)}" w:header="{round(15 * _MM)}" w:footer="{round((bottom - 10) * _MM)}" '
            'w:gutter="0"/>'
        )
        _replace(section, f"<w:sectPr {_NAMESPACE}>{size}{margins}</w:sectPr>")
        for at, reference in enumerate(kept):
            section.insert(at, reference)

    def _foot(self, *, is_even: bool) -> str:
        """Return the foot of a page: its number stands at the outer edge."""
        small = '<w:rPr><w:sz w:val="18"/><w:szCs w:val="18"/></w:rPr>'
        number = f'{_runs("— ")}<w:fldSimple w:instr=" PAGE "><w:r><w:t>1</w:t></w:r></w:fldSimple>{_runs(" —")}'
        said = clean(self.document.footer)
        parts = (number, _runs(f"\u3000{said}", small)) if is_even else (_runs(f"{said}\u3000", small), number)
        align = "left" if is_even else "right"
        return f'<w:p><w:pPr><w:pStyle w:val="Footer"/><w:jc w:val="{align}"/></w:pPr>{"".join(parts)}</w:p>'


def _mark(number: int) -> str:
    return f"_Toc{number:08}"


def _size(grid: Grid, room: int, language: Language) -> float:
    """Return the size of the letters of a table [points]: the largest in which no short text is broken.

    Where many rows would take many lines it is smaller by one step.
    """
    whole = sum(grid.widths)
    rows = [[[length_of(line) for line in text.split("\n")] for text in row] for row in grid.rows[:_LOOKED_AT]]
    largest, *others, smallest = _SIZES[language]

    def held(size: float) -> list[float]:
        return [(room * width / whole - _PADDING) / (10 * size) for width in grid.widths]

    def breaks(size: float) -> bool:
        return any(
            most < length <= _SHORT
            for row in rows
            for cell, most in zip(row, held(size), strict=True)
            for length in cell
        )

    def is_high(row: list[list[int]]) -> bool:
        lines = (sum(-(-length // most) for length in cell) for cell, most in zip(row, held(largest), strict=True))
        return max(lines, default=0) > _HIGH

    if not breaks(largest) and 3 * sum(map(is_high, rows)) < len(rows):
        return largest
    return next((size for size in others if not breaks(size)), smallest)


def _table(grid: Grid, room: int, size: float) -> str:
    """Return a table whose heading row stands on every page, and whose rows stay whole."""
    whole = sum(grid.widths)
    widths = [round(room * width / whole) for width in grid.widths]
    marked = f'<w:sz w:val="{round(2 * size)}"/><w:szCs w:val="{round(2 * size)}"/>'
    plain, strong = f"<w:rPr>{marked}</w:rPr>", f"<w:rPr><w:b/><w:bCs/>{marked}</w:rPr>"
    cells = [
        f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/>{{}}<w:vAlign w:val="center"/></w:tcPr>' for width in widths
    ]
    styles = ["CellFigure" if at in grid.numbers else "Cell" for at in range(len(widths))]

    def row(texts: Sequence[str], *, head: bool, bold: bool) -> Iterator[str]:
        whole_row = head or all(len(text) <= _WHOLE for text in texts)
        yield f"<w:tr><w:trPr>{'<w:cantSplit/>' if whole_row else ''}{'<w:tblHeader/>' if head else ''}</w:trPr>"
        shade = '<w:shd w:val="clear" w:color="auto" w:fill="E8EEF3"/>' if head else ""
        for cell, style, text in zip(cells, styles, texts, strict=True):
            yield cell.format(shade)
            yield f'<w:p><w:pPr><w:pStyle w:val="{"CellHead" if head else style}"/></w:pPr>'
            yield f"{_runs(text, strong if bold else plain)}</w:p></w:tc>"
        yield "</w:tr>"

    lines = [*row(grid.heads, head=True, bold=False)]
    for number, texts in enumerate(grid.rows):
        lines += row(texts, head=False, bold=number in grid.strong)
    margins = "".join(f'<w:{side} w:w="70" w:type="dxa"/>' for side in ("left", "right"))
    return (
        f'<w:tbl {_NAMESPACE}><w:tblPr><w:tblStyle w:val="TableGrid"/><w:tblW w:w="{sum(widths)}" w:type="dxa"/>'
        f'<w:jc w:val="center"/><w:tblLayout w:type="fixed"/><w:tblCellMar>{margins}</w:tblCellMar>'
        f"<w:tblCaption w:val={quoteattr(clean(grid.caption))}/></w:tblPr>"
        f"<w:tblGrid>{''.join(f'<w:gridCol w:w="{width}"/>' for width in widths)}</w:tblGrid>"
        f"{''.join(lines)}</w:tbl>"
    )


def _with_fixed_days(made: bytes) -> bytes:
    """Return a zip whose members bear one day: its writer stamps them with the time at which it ran."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(made)) as source, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for member in source.infolist():
            about = zipfile.ZipInfo(member.filename, _DAY)
            about.compress_type, about.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            target.writestr(about, source.read(member))
    return buffer.getvalue()
