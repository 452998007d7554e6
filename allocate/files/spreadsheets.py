"""Opens workbooks of Excel, WPS and LibreOffice: the values from a library, and from their bytes what it loses."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import groupby
from pathlib import Path, PurePosixPath
from xml.sax.saxutils import quoteattr

from allocate.fault_kinds import FaultKind
from allocate.files.calamine import Cells, NotReadError, read_apart
from allocate.files.marks import MOST_CELLS, Marks, letters, ods_sheets, text_lengths, xlsx_marks
from allocate.files.markup import parse, xml_parser
from allocate.files.old_excel import SIGNATURE, open_container, rebuild, xls_sheets
from allocate.files.sheet import Grid, Raw, Spotted, Unreadable
from allocate.files.text import read_bytes
from allocate.files.zips import open_zip, pack, unpack

_ZIP = b"PK"
_ANY = "Excel / ODS"
_XLSX, _ODS = "XLSX", "ODS"
_TYPE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_ODS_KIND = b"application/vnd.oasis.opendocument.spreadsheet"
# The library knows the errors of Excel 2007, and refuses a sheet with others. (We keep what is shown ourselves.)
_NEW_ERRORS = re.compile(rb">#(?:(?!NULL!|VALUE!|REF!|NUM!)[A-Z]+!|GETTING_DATA)<")
# What programs call a workbook although it is none, by how it begins.
_PRETENDERS = (
    ("HTML", re.compile(rb"<(!doctype\s+html|html|head|body|table|meta|style|div)\b", re.IGNORECASE)),
    ("XML", re.compile(rb"<\?xml|<workbook\b", re.IGNORECASE)),
    ("MHTML", re.compile(rb"mime-version:", re.IGNORECASE)),
)


@dataclass(frozen=True)
class _Page:
    """A sheet, whether it can be seen, and what reading its cells loses; charts and macros cannot be seen."""

    name: str
    visible: bool
    marks: Callable[[], Marks]
    cells: bool = True


@dataclass(frozen=True)
class Workbook:
    """A workbook whose sheets can be read.

    Attributes
    ----------
    parts
        Names of its visible sheets, in order.
    hidden
        Names of sheets that nobody sees who opens it; they are not read.
    """

    parts: tuple[str, ...]
    hidden: tuple[str, ...]
    _pages: Sequence[_Page] = field(repr=False)
    _content: bytes = field(repr=False)

    def grid(self, part: str) -> Grid:
        """Return the cells of a sheet from row 1 and column A on.

        The error of a formula stands as its text, such as "#N/A". A whole number is an int, except where it has more
        digits than a spreadsheet keeps. What was spotted names its column by the letter that the spreadsheet shows.

        Raises
        ------
        Unreadable
            When there is no such sheet, or it is broken or larger than any table.
        """
        if part not in self.parts:
            raise Unreadable(FaultKind.PART_MISSING, value=part, parts=", ".join(self.parts))
        found = self._found[part]
        if isinstance(found, Unreadable):
            raise found
        marks, read = found
        cells: list[list[Raw]] = [list(row) for row in read]
        for (row, column), text in marks.errors.items():
            _reach(cells, row, column)
            cells[row][column] = text
        return Grid(
            cells, spotted=(*_merged(cells, marks.merged), *_uncomputed(marks.uncomputed), *_unseen(marks, cells))
        )

    @cached_property
    def _found(self) -> Mapping[str, Unreadable | tuple[Marks, Cells]]:
        """What is in each visible sheet; all are read at once, but none before its size is known."""
        found: dict[str, Unreadable | tuple[Marks, Cells]] = {}
        sound: dict[int, Marks] = {}
        for number, page in enumerate(self._pages):
            if page.name in self.parts and page.visible and page.cells:
                try:
                    sound[number] = page.marks()
                except Unreadable as error:
                    found.setdefault(page.name, error)
        if not sound:
            return found
        try:
            names, read = read_apart(self._content, list(sound))
        except NotReadError as error:
            names, read = None, [error] * len(sound)
        if names not in (None, [page.name for page in self._pages]):
            # (The library sees other sheets than we do, and what we know of one would be said of another.)
            raise Unreadable(FaultKind.FILE_CONTENT, format=_ANY)
        for (number, marks), cells in zip(sound.items(), read, strict=True):
            if isinstance(cells, NotReadError):
                found.setdefault(self._pages[number].name, Unreadable(FaultKind.FILE_UNREADABLE, reason=str(cells)))
            else:
                found.setdefault(self._pages[number].name, (marks, cells))
        return found


def _workbook(pages: Sequence[_Page], content: bytes) -> Workbook:
    # (LibreOffice keeps what it once read from other files in sheets that are called by their addresses.)
    shown = [page for page in pages if page.cells and not page.name.startswith("'file:")]
    visible = dict.fromkeys(page.name for page in shown if page.visible)
    hidden = dict.fromkeys(page.name for page in shown if not page.visible)
    return Workbook(tuple(visible), tuple(hidden), pages, content)


def open_workbook(path: Path) -> Workbook:
    """Open a workbook (.xlsx, .xlsm, .xls, .ods), whatever its name says of its kind.

    Raises
    ------
    Unreadable
        When it is none, or is protected, broken, too large or forged.
    """
    return workbook_in(read_bytes(path))


def workbook_in(raw: bytes) -> Workbook:
    """Open a workbook that is these bytes.

    Raises
    ------
    Unreadable
        When it is none, or is protected, broken, too large or forged.
    """
    if raw.startswith(_ZIP):
        return _open_zipped(raw)
    if raw.startswith(SIGNATURE):
        return _open_old(raw)
    raise _no_workbook(raw)


def _no_workbook(raw: bytes) -> Unreadable:
    """Say what a file really is that is called a workbook."""
    start = raw[:4096]
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        start = start.decode("utf-16", "ignore").encode()
    start = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    for really, sign in _PRETENDERS:
        if sign.match(start):
            return Unreadable(FaultKind.FILE_REALLY, really=really)
    # What has separators, ends of lines and no other control signs is a table of text.
    text = start and not re.search(rb"[\0-\x08\x0e-\x1f]", start) and not start.startswith(b"%PDF")
    if text and re.search(rb"[,;\t][^\r\n]*(\r|\n|$)", start):
        return Unreadable(FaultKind.FILE_REALLY, really="CSV")
    return Unreadable(FaultKind.FILE_CONTENT, format=_ANY)


def _open_old(raw: bytes) -> Workbook:
    """Open a workbook of Excel 97 to 2003."""
    container = open_container(raw)
    sheets = xls_sheets(container.workbook, computed=container.computed)
    return _workbook(_pages(sheets), rebuild(container.workbook))


def _pages(sheets: Iterable[tuple[str, bool, Marks]]) -> list[_Page]:
    return [_Page(name, visible, partial(_known, marks)) for name, visible, marks in sheets]


def _known(marks: Marks) -> Marks:
    return marks


def _unzipped(raw: bytes) -> tuple[dict[str, str], Callable[[str], bytes]]:
    """Return the names of the parts of a zipped file by what they are whatever their case, and what gives a part."""
    entries = open_zip(raw, _ANY)
    names = {name.casefold(): name for name in entries}

    def content(name: str) -> bytes:
        entry = entries.get(names.get(name.casefold(), ""))
        if entry is None:
            raise Unreadable(FaultKind.FILE_CONTENT, format=_ANY)
        return unpack(raw, entry, _ANY)

    return names, content


def sheet_parts(raw: bytes) -> dict[str, str]:
    """Return the part of an xlsx workbook that holds each sheet, seen or hidden, by the sheet's name.

    Raises
    ------
    Unreadable
        When it is no such workbook.
    """
    names, content = _unzipped(raw)
    outline, relations, _ = _outline(names, content)
    return {
        name: names[relations[relation][1].casefold()]
        for name, _, relation in reversed(outline.sheets)
        if relations.get(relation, ("", ""))[1].casefold() in names
    }


def _open_zipped(raw: bytes) -> Workbook:
    names, content = _unzipped(raw)
    if "mimetype" in names and content("mimetype").startswith(_ODS_KIND):
        return _open_ods(content)
    if "xl/workbook.bin" in names:
        raise Unreadable(FaultKind.FILE_REALLY, really="XLSB")
    return _open_xlsx(names, content)


def _open_ods(content: Callable[[str], bytes]) -> Workbook:
    parts = {name: content(name) for name in ("mimetype", "META-INF/manifest.xml")}
    locked = False

    def entry(name: str, _: Mapping[str, str]) -> None:
        nonlocal locked
        locked = locked or name.endswith(":encryption-data")

    manifest = xml_parser("META-INF/manifest.xml")
    manifest.StartElementHandler = entry
    parse(manifest, parts["META-INF/manifest.xml"], _ODS)
    if locked:
        raise Unreadable(FaultKind.FILE_LOCKED)
    parts["content.xml"] = content("content.xml")
    return _workbook(_pages(ods_sheets(parts["content.xml"])), pack(parts))


@dataclass
class _Outline:
    """What an xlsx workbook says of its sheets.

    Attributes
    ----------
    root
        What its main part is; "workbook" where it is one.
    sheets
        Name of each sheet, whether it is visible, and the relation that leads to it.
    fresh
        Whether formulas are still to be computed when it is opened.
    """

    root: str = ""
    sheets: list[tuple[str, bool, str]] = field(default_factory=list)
    fresh: bool = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        tag = name.rpartition(":")[2]
        self.root = self.root or tag
        if tag == "sheet":
            relation = next((value for key, value in attributes.items() if key.rpartition(":")[2] == "id"), "")
            visible = attributes.get("state", "visible") == "visible"
            self.sheets.append((attributes.get("name", ""), visible, relation))
        elif tag == "calcPr":
            self.fresh = attributes.get("fullCalcOnLoad") in ("1", "true")


def _relations(xml: bytes, name: str, folder: PurePosixPath) -> dict[str, tuple[str, str]]:
    """Return kind and file of each relation of a part in a folder; what leads out of the file is left out."""
    found: dict[str, tuple[str, str]] = {}

    def start(_: str, attributes: Mapping[str, str]) -> None:
        if "Target" in attributes and attributes.get("TargetMode") != "External":
            target = attributes["Target"]
            whole = target.lstrip("/") if target.startswith("/") else str(folder / target)
            found[attributes.get("Id", "")] = (attributes.get("Type", "").rpartition("/")[2], whole)

    parser = xml_parser(name)
    parser.StartElementHandler = start
    parse(parser, xml, _XLSX)
    return found


def _outline(
    names: Mapping[str, str], content: Callable[[str], bytes]
) -> tuple[_Outline, dict[str, tuple[str, str]], bytes]:
    """Return what an xlsx workbook says of its sheets, kind and file of each of its relations, and its main part."""
    top = "_rels/.rels"
    roots = _relations(content(top), top, PurePosixPath()) if top in names else {}
    main = PurePosixPath(next((to for kind, to in roots.values() if kind == "officeDocument"), "xl/workbook.xml"))
    outline, workbook = _Outline(), content(str(main))
    parser = xml_parser(str(main))
    parser.StartElementHandler = outline.start
    parse(parser, workbook, _XLSX)
    if outline.root != "workbook":
        raise Unreadable(FaultKind.FILE_CONTENT, format=_ANY)
    beside = str(main.parent / "_rels" / f"{main.name}.rels")
    return outline, _relations(content(beside), beside, main.parent), workbook


def _open_xlsx(names: Mapping[str, str], content: Callable[[str], bytes]) -> Workbook:
    outline, relations, workbook = _outline(names, content)
    # (Macros, pictures, and what other files said once, are left where they are. The library finds every part where
    # Excel would put it.)
    kept: dict[str, bytes] = {}
    lines: list[str] = []
    places: dict[str, str] = {}
    lengths: list[int] = []
    for number, (relation, (kind, target)) in enumerate(relations.items()):
        usual = {"sharedStrings": "sharedStrings.xml", "styles": "styles.xml"}.get(kind, f"worksheets/{number}.xml")
        if target.casefold() not in names or not (kind in ("sharedStrings", "styles") or kind.endswith("sheet")):
            continue
        kept[f"xl/{usual}"] = part = content(target)
        places[relation] = f"xl/{usual}"
        lines.append(f"<Relationship Id={quoteattr(relation)} Type={quoteattr(f'{_TYPE}/{kind}')} Target='{usual}'/>")
        if kind == "sharedStrings":
            lengths = text_lengths(part, target)
        elif kind == "styles":
            parse(xml_parser(target), part, _XLSX)

    def marks(name: str, relation: str) -> Marks:
        if relation not in places:
            raise Unreadable(FaultKind.FILE_CONTENT, format=_XLSX)
        return xlsx_marks(kept[places[relation]], name, lengths, fresh=outline.fresh)

    pages = [
        _Page(name, visible, partial(marks, name, relation), cells=relations.get(relation, ("",))[0] == "worksheet")
        for name, visible, relation in outline.sheets
    ]
    packed = {name: _NEW_ERRORS.sub(b">#VALUE!<", part) for name, part in kept.items()}
    root = f"<Relationship Id='rId1' Type='{_TYPE}/officeDocument' Target='xl/workbook.xml'/>"
    packed |= {
        "[Content_Types].xml": b"<Types/>",
        "_rels/.rels": f"<Relationships>{root}</Relationships>".encode(),
        "xl/workbook.xml": workbook,
        "xl/_rels/workbook.xml.rels": f"<Relationships>{''.join(lines)}</Relationships>".encode(),
    }
    return _workbook(pages, pack(packed))


def _reach(cells: list[list[Raw]], row: int, column: int) -> None:
    """Lengthen a grid so that it has a cell, as an error at its edge may be all that stands there."""
    while len(cells) <= row:
        cells.append([])
    cells[row] += [None] * (column + 1 - len(cells[row]))


def _merged(cells: list[list[Raw]], areas: Sequence[tuple[int, int, int, int]]) -> Iterable[Spotted]:
    """Write what stands in merged cells into every row that they span, and say so once for each column."""
    spans = [(left, top, min(bottom, len(cells) - 1)) for top, left, bottom, _ in areas]
    spans = sorted(span for span in spans if span[1] < span[2])
    if sum(bottom - top for _, top, bottom in spans) > MOST_CELLS:
        raise Unreadable(FaultKind.FILE_CONTENT, format=_ANY)
    titles = {(top, left) for top, left, _, right in areas if right > left}
    found: list[tuple[int, bool, int, int, Raw]] = []
    for column, of_column in groupby(spans, key=lambda span: span[0]):
        filled = (row for row, line in enumerate(cells) if column < len(line) and line[column] is not None)
        # A heading may span two rows as well: nothing stands above it but the title of the whole sheet.
        heading = next((row for row in filled if (row, column) not in titles), len(cells))
        for _, top, bottom in of_column:
            value = cells[top][column] if column < len(cells[top]) else None
            if value is None:
                continue
            for row in range(top + 1, bottom + 1):
                if column < len(cells[row]) and cells[row][column] is None:
                    cells[row][column] = value
            if top > heading:
                found.append((column, isinstance(value, int | float), top, bottom, value))
    for (column, number), group in groupby(sorted(found, key=lambda one: one[:3]), key=lambda one: one[:2]):
        alike = list(group)
        _, _, top, bottom, value = alike[0]
        kind = FaultKind.NUMBER_MERGED if number else FaultKind.CELLS_MERGED
        details = {"count": len(alike), "rows": bottom - top + 1}
        yield Spotted(kind, top + 1, letters(column), value, details, fault=number)


def _unseen(marks: Marks, cells: Sequence[Sequence[Raw]]) -> Iterable[Spotted]:
    """Say what nobody sees who opens the sheet, and is read all the same."""
    if marks.hidden_rows:
        first = min(marks.hidden_rows) + 1
        yield Spotted(FaultKind.ROWS_HIDDEN, first, details={"count": len(marks.hidden_rows)}, fault=False)
    width = max(map(len, cells), default=0)
    for first, last in marks.hidden_columns:
        for column in range(first, min(last + 1, width)):
            yield Spotted(FaultKind.COLUMN_HIDDEN, None, letters(column), fault=False)


def _uncomputed(places: Sequence[tuple[int, int]]) -> Iterable[Spotted]:
    """Say once for each column that formulas have no result."""
    columns: dict[int, list[int]] = {}
    for row, column in places:
        columns.setdefault(column, []).append(row)
    for column, rows in sorted(columns.items()):
        yield Spotted(FaultKind.FORMULA_BLANK, min(rows) + 1, letters(column), None, {"count": len(rows)})
