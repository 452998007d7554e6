"""Changes single cells of a table's file: of text every other byte stays, of a workbook every other part."""

import codecs
import csv
import io
import re
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from allocate.errors import Value
from allocate.files.marks import column_of, letters
from allocate.files.markup import parse, xml_parser
from allocate.files.sheet import Raw
from allocate.files.spreadsheets import sheet_parts, workbook_in
from allocate.files.text import decode
from allocate.files.zips import open_zip, unpack

MENDED = (".csv", ".xlsx", ".xlsm")
_XLSX = "XLSX"
# One cell of a text, and what ends it.
_FIELD = re.compile(r'("[^"]*+(?:""[^"]*+)*+"|[^,\r\n]*+)(,|\r\n|\r|\n|\Z)')
_WAYS = (
    (b"", "utf-8"),
    (codecs.BOM_UTF8, "utf-8"),
    (b"", "gb18030"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"", "utf-16-le"),
)
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s>/]")
_CHAIN = re.compile(rb"<(?:\w+:)?(?:Relationship|Override)\b[^>]*calcChain\.xml[^>]*/>", re.IGNORECASE)
_STYLE = re.compile(r'\ss\s*=\s*["\'](\d+)["\']')


# What looks at cells that it does not name.
_ANYWHERE = ("INDIRECT(", "OFFSET(", "INDEX(", "_XL")
_PLACE = re.compile(r"([A-Z]{1,3})(\d+)")
_REFERENCE = re.compile(
    r"(?:(?:'(?P<quoted>(?:[^'\[\]:]|'')+)'|(?P<plain>[^'!\[\]:]+))!)?"
    r"\$?(?P<left>[A-Z]{1,3})?\$?(?P<top>\d+)?(?::\$?(?P<right>[A-Z]{1,3})?\$?(?P<bottom>\d+)?)?"
)

# Row, from 1 on, and column, from 0 on.
type Cell = tuple[int, int]
# Text, a number, or nothing.
type Written = str | int | float | None


@dataclass(frozen=True)
class _Area:
    """Cells that a formula looks at; without an end where it looks at whole columns or rows."""

    sheet: str
    left: int | None
    right: int | None
    top: int | None
    bottom: int | None


class NotMendedError(Exception):
    """A cell cannot be changed in its place; says why, by the key of a sentence."""

    def __init__(self, what: str, **details: Value) -> None:
        super().__init__(what)
        self.what, self.details = what, details


def bare_among(raw: bytes, encoding: str, cells: Collection[Cell]) -> set[Cell]:
    """Return those cells of a CSV file that stand there without quotation marks."""
    text = decode(raw, encoding)
    spans = _spans(text, cells)
    return {cell for cell, (begin, end, _) in spans.items() if not text[begin:end].startswith('"')}


def mend_text(raw: bytes, encoding: str, changes: Mapping[Cell, str], bare: Collection[Cell] = ()) -> bytes:
    """Return a CSV file with other texts in some cells.

    A row that is short of cells gets as many as it takes. What had quotation marks keeps them, but for `bare` cells.

    Raises
    ------
    NotMendedError
        When there is no such row, or the file could not be written as it was read.
    Unreadable
        When it is no text that is read.
    """
    text = decode(raw, encoding)
    way = next(((mark, codec) for mark, codec in _WAYS if mark + _encoded(text, codec) == raw), None)
    if way is None:
        raise NotMendedError("mending.encoding")
    wanted, changed = _cells(text), text
    for some in _apart(text, changes):
        spans = _spans(changed, some)
        if len(spans) < len(some):
            raise NotMendedError("mending.row")
        parts, at = [], 0
        for (row, column), (begin, end, missing) in sorted(spans.items(), key=lambda one: one[1]):
            after = changes[row, column]
            quoted = changed[begin:end].startswith('"') and not missing and (row, column) not in bare
            written = '"' + after.replace('"', '""') + '"' if quoted or re.search(r'[",\r\n]', after) else after
            parts += [changed[at:begin], "," * missing, written]
            at = end
            line = wanted[row - 1]
            wanted[row - 1] = [*line[:column], *[""] * (column - len(line)), after, *line[column + 1 :]]
        changed = "".join([*parts, changed[at:]])
    if _cells(changed) != wanted:
        raise NotMendedError("mending.shape")
    return way[0] + _encoded(changed, way[1])


def _encoded(text: str, codec: str) -> bytes:
    try:
        return text.encode(codec)
    except UnicodeError:
        return b"\0"


def _cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def _apart(text: str, cells: Iterable[Cell]) -> Iterator[list[Cell]]:
    """Yield cells that can be changed at once: of those that their row lacks, one after the other."""
    ordered = sorted(cells)
    spans = _spans(text, ordered)
    lacking = [cell for cell in ordered if cell not in spans or spans[cell][2]]
    there = [cell for cell in ordered if cell not in lacking]
    if there:
        yield there
    for cell in lacking:
        yield [cell]


def _spans(text: str, cells: Iterable[Cell]) -> dict[Cell, tuple[int, int, int]]:
    """Return where cells begin and end in a text, and how many cells the row of each lacks before it.

    Of a row that there is not, nothing is said.
    """
    rows: dict[int, list[int]] = {}
    for row, column in cells:
        rows.setdefault(row, []).append(column)
    spans: dict[Cell, tuple[int, int, int]] = {}
    last = max(rows, default=0)
    at, line, cell, begin = 0, 1, 0, 0
    while line <= last and (at < len(text) or (line in rows and cell)):
        found = _FIELD.match(text, at)
        if found is None:
            raise NotMendedError("mending.shape")
        if line in rows and cell in rows[line]:
            spans[line, cell] = (found.start(1), found.end(1), 0)
        if found[2] == ",":
            cell += 1
        else:
            # (An empty line has no cell at all.)
            count = 0 if begin == found.end(1) else cell + 1
            for column in rows.get(line, ()):
                if (line, column) not in spans:
                    spans[line, column] = (found.end(1), found.end(1), column - count + (count > 0))
            line, cell, begin = line + 1, 0, found.end()
        at = found.end()
    return spans


def mend_workbook(raw: bytes, sheet: str, changes: Mapping[Cell, Written]) -> bytes:
    """Return an xlsx workbook with other values in some cells of a sheet.

    Their looks stay, and all other parts of the workbook: pictures, charts, macros. Where something is computed from
    one of the cells nothing is changed, as what the formula once gave would stay and be wrong.

    Raises
    ------
    NotMendedError
        When a formula stands there or may see the cells, or they are merged, or written in a way that is seldom met.
    Unreadable
        When it is no workbook that is read.
    """
    before = workbook_in(raw).grid(sheet)
    parts = sheet_parts(raw)
    entries = open_zip(raw, _XLSX)
    if sheet not in parts:
        raise NotMendedError("mending.shape")
    _refuse_computed(
        {name: unpack(raw, entries[part], _XLSX) for name, part in parts.items()},
        {(sheet, row, column): written in (None, "") for (row, column), written in changes.items()},
    )
    xml = unpack(raw, entries[parts[sheet]], _XLSX)
    xml = _with_cells(xml, changes)
    made = _repacked(raw, parts[sheet], xml, forgets=None in changes.values() or "" in changes.values())
    # (Whoever opens it sees the same cells but for these: the reader itself says so.)
    wanted = [list(line) for line in before.cells]
    for (row, column), written in changes.items():
        wanted += [[] for _ in range(row - len(wanted))]
        wanted[row - 1] += [None] * (column + 1 - len(wanted[row - 1]))
        wanted[row - 1][column] = None if written == "" else written
    if _trimmed(workbook_in(made).grid(sheet).cells) != _trimmed(wanted):
        raise NotMendedError("mending.shape")
    return made


def _trimmed(cells: Sequence[Sequence[Raw]]) -> list[list[Raw]]:
    """Return cells without the empty ones at the ends of rows and sheet."""
    lines = [list(line) for line in cells]
    for line in lines:
        while line and line[-1] is None:
            line.pop()
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _refuse_computed(sheets: Mapping[str, bytes], cells: Mapping[tuple[str, int, int], bool]) -> None:
    """Refuse to change cells that hold a formula, or that one sees, or might see; `cells` says which are emptied.

    A formula that is emptied itself, such as a total below a table, sees nothing any more.
    """
    computed: dict[tuple[str, int, int], list[_Area]] = {}
    for sheet, xml in sheets.items():
        for name, formula in _formulas(xml) if _FORMULA.search(xml) else ():
            areas = _areas(sheet, formula)
            found = _PLACE.fullmatch(name)
            if areas is None or found is None:
                raise NotMendedError("mending.formulas", sheet=sheet, cell=name)
            computed[sheet, int(found[2]), column_of(found[1])] = areas
    for cell, is_emptied in cells.items():
        if cell in computed and not is_emptied:
            raise NotMendedError("mending.computed", sheet=cell[0], cell=f"{letters(cell[2])}{cell[1]}")
        computed.pop(cell, None)
    seen = [place for place, areas in computed.items() if any(_holds(area, cell) for area in areas for cell in cells)]
    if seen:
        sheet, row, column = min(seen)
        raise NotMendedError("mending.formulas", sheet=sheet, cell=f"{letters(column)}{row}")


def _formulas(xml: bytes) -> Iterator[tuple[str, str]]:
    """Yield the name and the formula of every cell of a sheet that has one; of one that is shared nothing but "#"."""
    found: list[tuple[str, str]] = []
    cell, shared = "", False
    text: list[str] | None = None
    parser = xml_parser("sheet")

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal cell, text, shared
        match tag.rpartition(":")[2]:
            case "c":
                cell = attributes.get("r", "")
            case "f":
                text, shared = [], attributes.get("t", "normal") not in ("normal", "array")

    def end(tag: str) -> None:
        nonlocal text
        if tag.rpartition(":")[2] == "f" and text is not None:
            found.append((cell, "#" if shared else "".join(text)))
            text = None

    def hear(data: str) -> None:
        if text is not None:
            text.append(data)

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, hear
    parse(parser, xml, _XLSX)
    yield from found


def _areas(sheet: str, formula: str) -> list[_Area] | None:
    """Return which cells a formula looks at; None where that cannot be told from it alone."""
    from openpyxl.formula import Tokenizer

    try:
        tokens = Tokenizer(f"={formula}").items
    except Exception:  # (Whatever it cannot take apart.)
        return None
    areas = []
    for token in tokens:
        if token.type == "FUNC" and token.value.upper().startswith(_ANYWHERE):
            return None
        if token.type == "OPERAND" and token.subtype == "RANGE":
            area = _REFERENCE.fullmatch(token.value)
            if area is None or (":" not in token.value and not (area["left"] and area["top"])):
                return None
            named = area["quoted"].replace("''", "'") if area["quoted"] is not None else area["plain"]
            columns = [column_of(name) if name else None for name in (area["left"], area["right"] or area["left"])]
            rows = [int(name) if name else None for name in (area["top"], area["bottom"] or area["top"])]
            areas.append(_Area(named or sheet, *columns, *rows))
        elif token.subtype == "ERROR" or formula == "#":
            return None
    return areas


def _holds(area: "_Area", cell: tuple[str, int, int]) -> bool:
    sheet, row, column = cell
    return (
        area.sheet.casefold() == sheet.casefold()
        and (area.left is None or area.right is None or area.left <= column <= area.right)
        and (area.top is None or area.bottom is None or area.top <= row <= area.bottom)
    )


def _with_cells(xml: bytes, changes: Mapping[Cell, Written]) -> bytes:
    """Return the XML of a sheet with other cells: those that are there in one go, and each that is not by itself."""
    head = xml[:200].split(b"?>", 1)[0]
    if b"encoding" in head and not re.search(rb"encoding\s*=\s*[\"']utf-8[\"']", head, re.IGNORECASE):
        raise NotMendedError("mending.shape")
    found = _Scan(changes)
    found.run(xml)
    if found.is_unnamed or any(row not in found.rows for row, _ in changes):
        raise NotMendedError("mending.shape")
    # From where to where, and what takes its place; what is new at one byte stands from left to right.
    edits: list[tuple[int, int, bytes]] = []
    emptied: dict[int, bytes] = {}
    for (row, column), after in sorted(changes.items()):
        name, (begin, end, prefix) = f"{letters(column)}{row}", found.rows[row]
        if (row, column) in found.cells:
            first, last, tag = found.cells[row, column]
            style = _STYLE.search(xml[first:last].decode().partition(">")[0])
            edits.append((first, last, _cell_xml(tag, name, style[1] if style else "", after)))
            continue
        made = _cell_xml(f"{prefix}c", name, "", after)
        if (row, column) in found.behind:
            edits.append((found.behind[row, column],) * 2 + (made,))
        elif xml[:end].endswith(b"/>"):
            emptied[row] = emptied.get(row, b"") + made
        else:
            edits.append((xml.rindex(b"</", begin, end),) * 2 + (made,))
    for row, made in emptied.items():
        _, end, prefix = found.rows[row]
        edits.append((end - 2, end, b">" + made + f"</{prefix}row>".encode()))
    parts, at = [], 0
    # (Sorted by place alone: those at one byte stay in their order.)
    for first, last, made in sorted(edits, key=lambda edit: edit[:2]):
        parts += [xml[at:first], made]
        at = last
    return b"".join([*parts, xml[at:]])


def _cell_xml(tag: str, name: str, style: str, value: str | int | float | None) -> bytes:
    prefix = tag[:-1]
    kept = f' s="{style}"' if style else ""
    if value is None or value == "":
        return f'<{tag} r="{name}"{kept}/>'.encode()
    if isinstance(value, str):
        text = f'<{prefix}is><{prefix}t xml:space="preserve">{escape(value)}</{prefix}t></{prefix}is>'
        return f'<{tag} r="{name}"{kept} t="inlineStr">{text}</{tag}>'.encode()
    return f'<{tag} r="{name}"{kept}><{prefix}v>{value!r}</{prefix}v></{tag}>'.encode()


class _Scan:
    """Finds where rows, and cells in them, begin and end in the XML of a sheet [bytes].

    Attributes
    ----------
    rows
        Where each row begins and ends, and the prefix of its tag.
    cells
        Where each cell that is there begins and ends, and its tag.
    behind
        Where the first cell behind it begins, of a cell that may not be there.
    is_unnamed
        Whether rows, or cells of the rows looked at, do not say where they are.
    """

    def __init__(self, wanted: Iterable[Cell]) -> None:
        self.rows: dict[int, tuple[int, int, str]] = {}
        self.cells: dict[Cell, tuple[int, int, str]] = {}
        self.behind: dict[Cell, int] = {}
        self.is_unnamed = False
        self._wanted: dict[str, dict[str, Cell]] = {}
        for row, column in wanted:
            self._wanted.setdefault(str(row), {})[f"{letters(column)}{row}"] = (row, column)
        self._row: tuple[str, int] | None = None
        self._cell: tuple[Cell, int] | None = None
        self._parser = xml_parser("sheet")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._xml = b""

    def run(self, xml: bytes) -> None:
        self._xml = xml
        parse(self._parser, xml, _XLSX)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        own, said, at = tag.rpartition(":")[2], attributes.get("r", ""), self._parser.CurrentByteIndex
        if own == "row":
            self.is_unnamed = self.is_unnamed or "r" not in attributes
            self._row = (said, at) if said in self._wanted else None
        elif own == "c" and self._row is not None:
            self.is_unnamed = self.is_unnamed or not said
            names = self._wanted[self._row[0]]
            if said in names:
                self._cell = (names[said], at)
            for name, cell in names.items():
                if _column(said) > _column(name):
                    self.behind.setdefault(cell, at)

    def _end(self, tag: str) -> None:
        own = tag.rpartition(":")[2]
        if own == "c" and self._cell is not None:
            (cell, begin), self._cell = self._cell, None
            self.cells[cell] = (begin, self._behind(tag), tag)
        elif own == "row" and self._row is not None:
            (said, begin), self._row = self._row, None
            self.rows[int(said)] = (begin, self._behind(tag), tag.removesuffix("row"))

    def _behind(self, tag: str) -> int:
        """Return where the element ends whose end is being told: behind its last sign."""
        at = self._parser.CurrentByteIndex
        # (Of an element without content the parser is behind its end already.)
        return self._xml.index(b">", at) + 1 if self._xml.startswith(f"</{tag}".encode(), at) else at


def _column(reference: str) -> tuple[int, str]:
    own = reference.rstrip("0123456789")
    return len(own), own


def _repacked(raw: bytes, part: str, content: bytes, *, forgets: bool) -> bytes:
    """Return a zipped workbook with other content of one part; names, dates, order and all other parts stay.

    Where a formula is gone, the order in which formulas are computed is forgotten: a spreadsheet works it out again,
    and takes one that still names the formula for damage.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as before, zipfile.ZipFile(out, "w") as after:
        for entry in before.infolist():
            name = entry.orig_filename.replace("\\", "/")
            if forgets and name.casefold().endswith("calcchain.xml"):
                continue
            made = content if name == part else before.read(entry)
            if forgets and (name.endswith(".rels") or name == "[Content_Types].xml"):
                made = _CHAIN.sub(b"", made)
            kept = zipfile.ZipInfo(entry.filename, entry.date_time)
            kept.compress_type, kept.external_attr = entry.compress_type, entry.external_attr
            kept.create_system, kept.comment = entry.create_system, entry.comment
            after.writestr(kept, made)
        after.comment = before.comment
    return out.getvalue()
