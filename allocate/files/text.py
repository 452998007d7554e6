"""Opens tables of plain text: CSV in any encoding that planners' programs write."""

import codecs
import csv
import io
import re
import stat
from collections.abc import Callable
from pathlib import Path

from allocate.fault_kinds import FaultKind
from allocate.faults import disk_reason
from allocate.files.sheet import Grid, Unreadable, too_large

# What may be named, and what it is decoded with; GB18030 holds GBK and GB2312.
ENCODINGS = {
    "utf-8": "utf-8-sig",
    "utf8": "utf-8-sig",
    "utf-8-sig": "utf-8-sig",
    "gb18030": "gb18030",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "cp936": "gb18030",
    "utf-16": "utf-16",
}
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_LATER = re.compile("[\u0800-\U0010ffff]")
# Common Chinese letters, and all that take three bytes of UTF-8.
HAN, _THREE_BYTES = range(0x4E00, 0xA000), range(0x800, 0x10000)
# What stands between cells where a spreadsheet, or a hand, put no comma.
_SEPARATORS = (";", "\t", "|", "，", "；")
MOST_BYTES = 200_000_000
# Every cell takes room, even an empty one.
MOST_CELLS = 20_000_000
# More than any cell of a table of ours holds.
_MOST_SIGNS = 1_000_000
_LONGEST_HEADING = 100_000


def decode(raw: bytes, encoding: str = "") -> str:
    """Return a file's text: in the encoding named, else as its byte-order mark says, else UTF-8, else GB18030.

    Raises
    ------
    Unreadable
        When it is in none of them, or not in the one named.
    """
    if encoding:
        chosen = ENCODINGS.get(encoding.strip().lower())
        if chosen is None:
            raise Unreadable(FaultKind.ENCODING_NAME, value=encoding)
        try:
            text = raw.decode(chosen)
        except UnicodeError:
            raise Unreadable(FaultKind.ENCODING_WRONG, encoding=encoding) from None
        return _without_nothing(text)
    marked = next((found for mark, found in _MARKS.items() if raw.startswith(mark)), None)
    for one in (marked,) if marked else ("utf-8", "gb18030"):
        try:
            text = raw.decode(one)
        except UnicodeError:
            if one.startswith("utf-8"):
                _refuse_spoilt(raw)
            continue
        if one == "utf-8" and _could_be_either(raw, text):
            raise Unreadable(FaultKind.ENCODING_EITHER)
        return _without_nothing(text)
    raise Unreadable(FaultKind.FILE_ENCODING)


def _refuse_spoilt(raw: bytes) -> None:
    """Refuse UTF-8 in which some bytes were lost: read as GB18030 it would be a table of wrong letters throughout."""
    found = raw.decode("utf-8", "replace")
    lost = found.count("\ufffd")
    # (What is GB18030 hardly ever makes three bytes of UTF-8 in a row.)
    if sum(ord(sign) in _THREE_BYTES for sign in found) - lost > lost:
        row = found.count("\n", 0, found.index("\ufffd")) + 1
        raise Unreadable(FaultKind.BYTES_LOST, row=row, count=lost)


def _could_be_either(raw: bytes, text: str) -> bool:
    """Tell whether what reads as western letters of UTF-8 is Chinese in GB18030 just as well."""
    if text.isascii() or _LATER.search(text):
        return False
    letters = {sign for sign in text if not sign.isascii()}
    if not letters or not all(sign.isalpha() for sign in letters):
        return False
    try:
        other = raw.decode("gb18030")
    except UnicodeError:
        return False
    return all(sign.isascii() or ord(sign) in HAN for sign in other)


def _without_nothing(text: str) -> str:
    """Return a text that holds no zero bytes; what holds some is no text."""
    if "\0" in text:
        raise Unreadable(FaultKind.FILE_ENCODING)
    return text


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """Return what a file holds.

    Raises
    ------
    Unreadable
        When it is not there, is no plain file, cannot be read, or is larger than so many bytes.
    """
    try:
        told = path.stat()
        # (A pipe would be waited for, and a device need not have an end.)
        if not stat.S_ISREG(told.st_mode):
            raise Unreadable(FaultKind.FILE_PLAIN)
        size = told.st_size
        if size <= most:
            with path.open("rb") as file:
                raw = file.read(most + 1)
            if len(raw) <= most:
                return raw
            size = len(raw)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise Unreadable(FaultKind.FILE_MISSING) from None
    except OSError as error:
        raise Unreadable(FaultKind.FILE_UNREADABLE, reason=disk_reason(error)) from None
    raise too_large(size, most)


def check_own(path: Path, folder: Path) -> None:
    """Refuse a file that is not there, is no plain file, or lies outside of a folder, as what a link leads to may do.

    Raises
    ------
    Unreadable
        With the reason.
    """
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise Unreadable(FaultKind.FILE_LINK)
        if not path.is_file():
            raise Unreadable(FaultKind.FILE_PLAIN if path.exists() else FaultKind.FILE_MISSING)
    except (OSError, ValueError, RuntimeError):
        raise Unreadable(FaultKind.FILE_MISSING) from None


def read_own(folder: Path, name: str, most: int = MOST_BYTES) -> bytes:
    """Return what a file of a folder holds.

    Raises
    ------
    Unreadable
        When it is not there, lies outside, cannot be read, or is larger than so many bytes.
    """
    check_own(folder / name, folder)
    return read_bytes(folder / name, most)


def limit_signs(text: str, signs: str, most: int = MOST_CELLS) -> None:
    """Refuse a text with more of some signs than any table has: one byte of it can take a hundred when it is read."""
    if sum(map(text.count, signs)) > most:
        raise Unreadable(FaultKind.CELLS_MANY, most=MOST_CELLS)


def grid(raw: bytes, encoding: str, known: Callable[[str], bool]) -> Grid:
    """Return the cells of a CSV file; headings that are known tell another separator than the comma.

    Raises
    ------
    Unreadable
        When it is no CSV of commas.
    """
    text = decode(raw, encoding)
    separator = _separator(text[:_LONGEST_HEADING].partition("\n")[0], known)
    if separator != ",":
        raise Unreadable(FaultKind.SEPARATOR, row=1, separator="Tab" if separator == "\t" else separator)
    limit_signs(text, ",\n\r")
    if text.lstrip()[:1] in ("<", "{", "["):
        raise Unreadable(FaultKind.FILE_CONTENT, format="CSV")
    before = csv.field_size_limit(_MOST_SIGNS)
    try:
        cells = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        if text.count("\n") > len(cells):
            _refuse_swallowed(cells)
        return Grid(cells, even=True)
    except csv.Error as error:
        raise Unreadable(FaultKind.NOT_CSV, reason=str(error)) from None
    finally:
        csv.field_size_limit(before)


def _refuse_swallowed(cells: list[list[str]]) -> None:
    """Refuse a table in which a quotation mark too many has made one cell of several lines."""
    width = len(cells[0]) if cells else 0
    for number, line in enumerate(cells, start=1):
        for cell in line:
            if "\n" in cell and width > 1 and any(part.count(",") >= width - 1 for part in cell.split("\n")):
                raise Unreadable(FaultKind.LINES_SWALLOWED, row=number, value=cell.partition("\n")[0])


def _separator(heading: str, known: Callable[[str], bool]) -> str:
    """Return what stands between the headings: the sign that makes out the most of them, the comma where none does."""

    def made_out(sign: str) -> int:
        return sum(known(cell.strip().strip('"').strip()) for cell in heading.split(sign))

    # (The first of equals, so that a comma is never doubted without need; one name alone proves nothing.)
    best = max((",", *_SEPARATORS), key=made_out)
    return best if made_out(best) > 1 else ","
