"""What stands in a spreadsheet's XML and is lost where its cells are read: errors, merged cells, missing results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from allocate.fault_kinds import FaultKind
from allocate.files.markup import parse, xml_parser
from allocate.files.sheet import Unreadable, too_large
from allocate.files.text import MOST_BYTES

# A sheet is read into a rectangle: a single cell far below would make it as large as the whole sheet.
MOST_CELLS = 5_000_000
# The texts of a sheet, each written out in its cell [characters].
MOST_TEXT = 2 * MOST_BYTES
# Cells of which there is something to say, where one cell of an ods file stands for many.
MOST_ODD = 100_000
ERRORS = ("#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A", "#SPILL!", "#CALC!", "#GETTING_DATA")
_LETTERS = 26
_DIGITS = "0123456789"
_CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_XLSX, _ODS = "XLSX", "ODS"
_TRUE = ("1", "true")


@dataclass
class Marks:
    """What was found in a sheet besides its values; rows and columns from 0 on.

    Attributes
    ----------
    rows, columns
        The size of the rectangle from the first cell on that holds all values.
    errors
        What a spreadsheet shows where a formula fails.
    uncomputed
        Formulas whose result was never saved.
    merged
        First row and column, last row and column of every merged area.
    hidden_rows, hidden_columns
        Rows with cells, and first and last columns, that nobody sees who opens the sheet: filtered out, or hidden.
    """

    rows: int = 0
    columns: int = 0
    errors: dict[tuple[int, int], str] = field(default_factory=dict)
    uncomputed: list[tuple[int, int]] = field(default_factory=list)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)

    def check(self, name: str) -> None:
        """Refuse a sheet that is larger than any table."""
        if self.rows * self.columns > MOST_CELLS:
            raise Unreadable(
                FaultKind.SHEET_LARGE,
                value=name,
                corner=f"{letters(max(self.columns - 1, 0))}{self.rows}",
                most=MOST_CELLS,
            )


def letters(column: int) -> str:
    """Return how spreadsheets call a column.

    >>> letters(0), letters(25), letters(26), letters(16383)
    ('A', 'Z', 'AA', 'XFD')
    """
    text = ""
    column += 1
    while column:
        column, last = divmod(column - 1, _LETTERS)
        text = chr(ord("A") + last) + text
    return text


def column_of(text: str) -> int:
    """Return the number of a column, from 0 on.

    >>> column_of("A"), column_of("XFD")
    (0, 16383)
    """
    number = 0
    for letter in text:
        number = number * _LETTERS + ord(letter) - ord("A") + 1
    return number - 1


def error_text(text: str) -> str:
    """Return an error as every program calls it; programs translate their own."""
    return text if text in ERRORS else "#VALUE!"


def _place(reference: str) -> tuple[int, int]:
    """Return row and column of a reference such as B12."""
    column = reference.rstrip(_DIGITS)
    row = reference[len(column) :]
    if not (row and len(row) <= len("1048576") and 0 < len(column) <= len("XFD")):
        raise Unreadable(FaultKind.FILE_CONTENT, format=_XLSX)
    if not (column.isascii() and column.isalpha() and column.isupper() and int(row)):
        raise Unreadable(FaultKind.FILE_CONTENT, format=_XLSX)
    return int(row) - 1, column_of(column)


def text_lengths(xml: bytes, name: str) -> list[int]:
    """Return how long every shared text of an xlsx workbook is [characters]."""
    found: list[int] = []

    def start(tag: str, _: Mapping[str, str]) -> None:
        if tag[tag.rfind(":") + 1 :] == "si":
            found.append(0)

    def text(part: str) -> None:
        if found:
            found[-1] += len(part)

    parser = xml_parser(name)
    parser.StartElementHandler = start
    parser.CharacterDataHandler = text
    parse(parser, xml, _XLSX)
    return found


class _Xlsx:
    """Goes through the XML of an xlsx sheet; what a cell is said to be is noted when the next one begins."""

    def __init__(self, name: str, lengths: Sequence[int], *, fresh: bool) -> None:
        self.lengths, self.fresh = lengths, fresh
        self.parser = xml_parser(name)
        self.parser.StartElementHandler = self.start
        self.marks = Marks()
        self.references: list[str] = []
        self.filled = self.references.append
        self.weight = 0
        # Where a row or a cell does not say where it is, it follows the one before.
        self.row, self.column = -1, 0
        self.reference = self.before = ""
        self.kind = ""
        self.formula = self.valued = self.looked_at = False
        self.text: list[str] = []

    def run(self, xml: bytes) -> None:
        parse(self.parser, xml, _XLSX)
        if self.looked_at:
            self.close()

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        match name[name.rfind(":") + 1 :]:
            case "c":
                if self.looked_at:
                    self.close()
                self.kind = attributes.get("t", "")
                self.looked_at = self.kind == "e" or (self.kind == "s" and bool(self.lengths))
                self.valued = False
                reference = attributes.get("r")
                if reference is None:
                    if self.before:
                        self.column, self.before = _place(self.before)[1] + 1, ""
                    self.reference = f"{letters(self.column)}{self.row + 1}"
                    self.column += 1
                else:
                    self.reference = self.before = reference
            case "v" | "is":
                self.valued = True
                self.filled(self.reference)
                if self.looked_at:
                    self.text = []
                    self.parser.CharacterDataHandler = self.text.append
            case "f":
                self.formula = self.looked_at = True
                self.parser.CharacterDataHandler = None
            case "row":
                self.row = int(attributes["r"]) - 1 if "r" in attributes else self.row + 1
                self.column, self.before = 0, ""
                if attributes.get("hidden") in _TRUE:
                    self.marks.hidden_rows.add(self.row)
            case "col" if attributes.get("hidden") in _TRUE:
                self.marks.hidden_columns.append((int(attributes["min"]) - 1, int(attributes["max"]) - 1))
            case "mergeCell":
                first, _, last = attributes.get("ref", "").partition(":")
                self.marks.merged.append((*_place(first), *_place(last or first)))
            case "t" | "r":
                pass
            case _:
                self.parser.CharacterDataHandler = None

    def close(self) -> None:
        """Note what is special about a cell that has ended."""
        text = "".join(self.text).strip()
        if self.kind == "e":
            if self.valued:
                self.marks.errors[_place(self.reference)] = error_text(text)
        elif self.kind == "s" and self.lengths and self.valued:
            self.weight += self.lengths[int(text)]
        elif self.formula:
            # (A formula may well give an empty text, and says so: t="str".)
            empty = not self.valued or (not text and self.kind != "str")
            if empty or (self.fresh and text == "0"):
                self.marks.uncomputed.append(_place(self.reference))
        self.formula, self.text = False, []
        self.parser.CharacterDataHandler = None


def xlsx_marks(xml: bytes, name: str, lengths: Sequence[int], *, fresh: bool) -> Marks:
    """Return what reading the cells of an xlsx sheet loses.

    Parameters
    ----------
    lengths
        How long each shared text is [characters].
    fresh
        Whether the workbook says that its formulas are still to be computed; a result of 0 then stands for none.

    Raises
    ------
    Unreadable
        When it is no sheet, or larger than any table.
    """
    scan = _Xlsx(name, (), fresh=fresh)
    scan.run(xml)
    marks = scan.marks
    columns = {reference.rstrip(_DIGITS) for reference in scan.references}
    rows = {reference.lstrip(_CAPITALS) for reference in scan.references}
    marks.rows = max((_place(f"A{row}")[0] + 1 for row in rows), default=0)
    marks.hidden_rows = {row for row in marks.hidden_rows if str(row + 1) in rows}
    marks.columns = max((_place(f"{column}1")[1] + 1 for column in columns), default=0)
    marks.check(name)
    # Every cell gets a copy of its text: few long ones, named a million times, would fill the memory.
    if len(scan.references) * max(lengths, default=0) > MOST_TEXT:
        weighing = _Xlsx(name, lengths, fresh=fresh)
        weighing.run(xml)
        check_text(weighing.weight)
    return marks


def check_text(signs: int) -> None:
    """Refuse a sheet whose texts, each written out, are longer than those of any table."""
    if signs > MOST_TEXT:
        raise too_large(signs, MOST_TEXT)


class _Ods:
    """Goes through the content of an ods workbook, in which cells and rows may be repeated."""

    def __init__(self) -> None:
        self.parser = xml_parser("content.xml")
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.sheets: list[tuple[str, bool, Marks]] = []
        self.marks: Marks | None = None
        self.name = self.style = ""
        self.visible = True
        self.unseen: set[str] = set()
        self.cells = self.weight = 0
        self.row = self.rows = self.column = self.columns = 0
        self.unseen_row = False
        # The cell that is open: where, how often, and what it is said to be.
        self.at, self.width, self.times = 0, 1, 1
        self.formula = self.error = self.captured = False
        self.text: list[str] = []

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        match name:
            case "text:p":
                pass
            case "table:table-cell" | "table:covered-table-cell" if self.marks is not None:
                self.cell(self.marks, attributes)
            case "table:table-row":
                self.row += self.rows
                self.rows = _count(attributes, "table:number-rows-repeated")
                self.column = 0
                self.unseen_row = attributes.get("table:visibility", "visible") != "visible"
            case "table:table-column" if self.marks is not None:
                width = _count(attributes, "table:number-columns-repeated")
                if attributes.get("table:visibility", "visible") != "visible":
                    self.marks.hidden_columns.append((self.columns, self.columns + width - 1))
                self.columns += width
            case "text:s":
                self.weight += self.times * _count(attributes, "text:c")
                check_text(self.weight)
            case "style:style":
                self.style = attributes.get("style:name", "")
            case "style:table-properties" if attributes.get("table:display") == "false":
                self.unseen.add(self.style)
            case "table:table":
                if self.marks is not None:
                    raise Unreadable(FaultKind.FILE_CONTENT, format=_ODS)
                self.name = attributes.get("table:name", "")
                self.visible = attributes.get("table:style-name", "") not in self.unseen
                self.marks = Marks()
                self.row = self.rows = self.column = self.columns = 0

    def cell(self, marks: Marks, attributes: Mapping[str, str]) -> None:
        self.at = self.column
        self.width = _count(attributes, "table:number-columns-repeated")
        self.column += self.width
        self.times = self.width * self.rows
        if "table:number-rows-spanned" in attributes:
            height = _count(attributes, "table:number-rows-spanned")
            width = _count(attributes, "table:number-columns-spanned")
            marks.merged.append((self.row, self.at, self.row + height - 1, self.at + width - 1))
        formula = attributes.get("table:formula")
        kind = attributes.get("office:value-type")
        if formula is None and kind is None and not any(key.startswith("office:") for key in attributes):
            return
        if self.column > marks.columns or self.row + self.rows > marks.rows:
            marks.rows = max(marks.rows, self.row + self.rows)
            marks.columns = max(marks.columns, self.column)
            marks.check(self.name)
        if self.unseen_row:
            marks.hidden_rows.update(range(self.row, self.row + self.rows))
        self.formula = formula is not None
        self.error = attributes.get("calcext:value-type") == "error"
        if formula is not None and kind is None:
            marks.uncomputed += self.places()
        if self.times > 1:
            self.weight += self.times * (len(formula or "") + len(attributes.get("office:string-value", "")))
            check_text(self.weight)
        if self.formula or self.times > 1:
            self.captured = True
            self.parser.CharacterDataHandler = self.text.append

    def places(self) -> list[tuple[int, int]]:
        """Return where the open cell stands, as often as it is repeated."""
        if self.times > MOST_ODD:
            raise Unreadable(FaultKind.SHEET_LARGE, value=self.name, corner=letters(self.at), most=MOST_ODD)
        rows, columns = range(self.row, self.row + self.rows), range(self.at, self.at + self.width)
        return [(row, column) for row in rows for column in columns]

    def end(self, name: str) -> None:
        match name:
            case "table:table-cell" | "table:covered-table-cell" if self.captured:
                self.captured = False
                self.parser.CharacterDataHandler = None
                text = "".join(self.text)
                self.text.clear()
                self.weight += self.times * len(text)
                check_text(self.weight)
                # (Older programs save the error of a formula as the number 0 that shows as #DIV/0! or Err:502.)
                if self.marks is not None and (self.error or text in ERRORS or text.startswith("Err:")):
                    self.marks.errors.update(dict.fromkeys(self.places(), error_text(text)))
            case "table:table" if self.marks is not None:
                self.cells += self.marks.rows * self.marks.columns
                if self.cells > MOST_CELLS:
                    Marks(self.cells, 1).check(self.name)
                if self.name:
                    self.sheets.append((self.name, self.visible, self.marks))
                self.marks = None


def _count(attributes: Mapping[str, str], name: str) -> int:
    """Return how often something stands there; once where nothing is said."""
    written = attributes.get(name)
    if written is None:
        return 1
    if not (written.isascii() and written.isdigit() and len(written) <= len("1048576")):
        raise Unreadable(FaultKind.FILE_CONTENT, format=_ODS)
    return int(written)


def ods_sheets(xml: bytes) -> list[tuple[str, bool, Marks]]:
    """Return the sheets of an ods workbook: name, whether it is visible, and what reading its cells loses.

    Raises
    ------
    Unreadable
        When it is no workbook, or larger than any table.
    """
    scan = _Ods()
    parse(scan.parser, xml, _ODS)
    return scan.sheets
