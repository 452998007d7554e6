"""Looks into a workbook of Excel 97 to 2003 before it is read: its container, its size, and what its cells lose."""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from allocate.fault_kinds import FaultKind
from allocate.files.marks import MOST_CELLS, Marks, check_text, letters
from allocate.files.sheet import Unreadable

SIGNATURE = bytes.fromhex("d0cf11e0a1b11ae1")
_FORM = "XLS"
_END = 0xFFFFFFFE
_LARGEST_SECTOR = 0xFFFFFFFA
_MINI = 64
_ENTRY = 128
_HEADER_FAT = 109
# Excel 97 and later.
_NEW = 0x0600
# What programs that compute a formula before they save it call themselves.
_COMPUTING = (b"Microsoft Excel", b"WPS", "Microsoft Excel".encode("utf-16-le"), "WPS".encode("utf-16-le"))
# Records of a sheet (MS-XLS 2.3).
_BOF, _EOF, _FILEPASS, _BOUNDSHEET, _SST, _CONTINUE, _MERGED = 0x0809, 0x0A, 0x2F, 0x85, 0xFC, 0x3C, 0xE5
_FORMULAS = (0x06, 0x0206, 0x0406)
_ROW, _COLINFO = 0x0208, 0x7D
_BOOLERR, _LABELSST, _MULRK = 0x0205, 0xFD, 0xBD
_VALUES = frozenset((*_FORMULAS, _BOOLERR, _LABELSST, _MULRK, 0x0203, 0x027E, 0x0204, 0xD6))
_ROW_HIDDEN = 0x20
_ERRORS = {0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A"}


def _broken() -> Unreadable:
    return Unreadable(FaultKind.FILE_CONTENT, format=_FORM)


@dataclass(frozen=True)
class Container:
    """The streams of a compound file by name (MS-CFB); Excel, Word and other programs put theirs into such files."""

    streams: Mapping[str, bytes]

    @property
    def workbook(self) -> bytes:
        """The stream that holds the cells.

        Raises
        ------
        Unreadable
            When it is protected, or another program's file.
        """
        if "EncryptedPackage" in self.streams:
            raise Unreadable(FaultKind.FILE_LOCKED)
        for name in ("Workbook", "Book"):
            if name in self.streams:
                return self.streams[name]
        raise _broken()

    @property
    def computed(self) -> bool:
        """Whether it says that a program wrote it that computes what it saves."""
        summary = self.streams.get("\x05SummaryInformation", b"")
        return any(name in summary for name in _COMPUTING)


def open_container(raw: bytes) -> Container:
    """Return what we look at in a compound file; nothing in it may lead in a circle or out of it.

    Raises
    ------
    Unreadable
        When it is broken.
    """
    try:
        return Container(dict(_Sectors(raw).streams()))
    except (struct.error, IndexError, ValueError):
        raise _broken() from None


class _Sectors:
    """The sectors of a compound file and how they follow each other."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        (shift,) = struct.unpack_from("<H", raw, 30)
        if shift not in (9, 12):
            raise _broken()
        self.size = 1 << shift
        first, self.cutoff, mini, mini_count, more, _ = struct.unpack_from("<I4xIIIII", raw, 48)
        tables = [sector for sector in struct.unpack_from(f"<{_HEADER_FAT}I", raw, 76) if sector <= _LARGEST_SECTOR]
        seen: set[int] = set()
        while more <= _LARGEST_SECTOR:
            if more in seen:
                raise _broken()
            seen.add(more)
            *listed, more = self.numbers(self.sector(more))
            tables += [sector for sector in listed if sector <= _LARGEST_SECTOR]
        if len(tables) * self.size > len(raw):
            raise _broken()
        self.next = [number for sector in tables for number in self.numbers(self.sector(sector))]
        self.directory = self.chain(first)
        self.mini_next = self.numbers(self.chain(mini)) if mini_count else []

    def sector(self, number: int) -> bytes:
        # (Headers take a whole sector, whatever its size. The last sector of a file may be cut short.)
        start = (number + 1) * self.size
        found = self.raw[start : start + self.size]
        if not found:
            raise _broken()
        return found.ljust(self.size, b"\0")

    @staticmethod
    def numbers(content: bytes) -> list[int]:
        return list(struct.unpack(f"<{len(content) // 4}I", content[: len(content) // 4 * 4]))

    def chain(self, start: int) -> bytes:
        parts: list[bytes] = []
        while start != _END:
            # (A chain that is longer than all sectors together runs in a circle.)
            if start >= len(self.next) or len(parts) > len(self.raw) // self.size:
                raise _broken()
            parts.append(self.sector(start))
            start = self.next[start]
        return b"".join(parts)

    def mini_chain(self, start: int, content: bytes) -> bytes:
        parts: list[bytes] = []
        while start != _END:
            if start >= len(self.mini_next) or len(parts) > len(self.mini_next):
                raise _broken()
            parts.append(content[start * _MINI : (start + 1) * _MINI])
            start = self.mini_next[start]
        return b"".join(parts)

    def streams(self) -> Iterator[tuple[str, bytes]]:
        """Yield the streams that we look at; those inside of an embedded object are another file's."""
        wanted = ("Workbook", "Book", "EncryptedPackage", "\x05SummaryInformation")
        start, child = self.entry(0)[2], struct.unpack_from("<I", self.directory, 76)[0]
        small = self.chain(start) if start <= _LARGEST_SECTOR else b""
        seen, ahead = set(), [child]
        while ahead:
            number = ahead.pop()
            if number in seen or number * _ENTRY >= len(self.directory):
                continue
            seen.add(number)
            ahead += struct.unpack_from("<II", self.directory, number * _ENTRY + 68)
            name, kind, start, size = self.entry(number)
            if kind != 2 or name not in wanted:
                continue
            if name == "EncryptedPackage":
                yield name, b""
            elif size < self.cutoff:
                yield name, self.mini_chain(start, small)[:size]
            else:
                yield name, self.chain(start)[:size]

    def entry(self, number: int) -> tuple[str, int, int, int]:
        """Return name, kind, first sector and size of an entry of the directory."""
        at = number * _ENTRY
        length, kind = struct.unpack_from("<HB", self.directory, at + 64)
        start, size = struct.unpack_from("<II", self.directory, at + 116)
        name = self.directory[at : at + max(min(length, 64) - 2, 0)].decode("utf-16-le", "replace")
        return name, kind, start, size


def rebuild(workbook: bytes) -> bytes:
    """Return a fresh compound file with one stream, so that whoever reads it sees this stream and nothing else."""
    size = 4096
    # (A stream of fewer bytes than a sector would have to be kept among the small ones.)
    content = workbook.ljust(size, b"\0")
    sectors = -(-len(content) // size)
    tables = -(-(sectors + 2) // (size // 4 - 1))
    if tables > _HEADER_FAT:
        raise _broken()
    # (An empty sector for small streams, because readers take the lack of one for a fault.)
    following = [0xFFFFFFFD] * tables + [_END, _END]
    first = len(following)
    following += [*range(first + 1, first + sectors), _END]
    following += [0xFFFFFFFF] * (tables * size // 4 - len(following))
    header = SIGNATURE + bytes(16) + struct.pack("<HHHHH6x", 0x3E, 4, 0xFFFE, 12, 6)
    header += struct.pack("<IIIIIIIII", 1, tables, tables, 0, size, _END, 0, _END, 0)
    header += struct.pack(f"<{_HEADER_FAT}I", *range(tables), *[0xFFFFFFFF] * (_HEADER_FAT - tables))
    directory = _entry("Root Entry", 5, tables + 1, _MINI, child=1) + _entry("Workbook", 2, first, len(content))
    parts = [header, struct.pack(f"<{len(following)}I", *following), directory, bytes(size), content]
    return b"".join(part.ljust(-(-len(part) // size) * size, b"\0") for part in parts)


def _entry(name: str, kind: int, start: int, size: int, *, child: int = 0xFFFFFFFF) -> bytes:
    written = name.encode("utf-16-le") + b"\0\0"
    links = struct.pack("<HBBIII", len(written), kind, 1, 0xFFFFFFFF, 0xFFFFFFFF, child)
    return written.ljust(64, b"\0") + links + bytes(36) + struct.pack("<IQ", start, size)


def xls_sheets(stream: bytes, *, computed: bool) -> list[tuple[str, bool, Marks]]:
    """Return the sheets of an old workbook: name, whether it is visible, and what reading its cells loses.

    Charts and macros are hidden sheets.

    Parameters
    ----------
    stream
        The workbook's stream of records.
    computed
        Whether it was written by a program that computes formulas; otherwise a result of 0 stands for none.

    Raises
    ------
    Unreadable
        When it is protected, broken, or larger than any table.
    """
    try:
        found, lengths = _globals(stream)
        sheets = [(name, visible, _sheet(stream, start, lengths, computed=computed)) for name, visible, start in found]
    except (struct.error, IndexError):
        raise _broken() from None
    if sum(marks.rows * marks.columns for *_, marks in sheets) > MOST_CELLS:
        # (All its sheets are read at once.)
        name, _, largest = max(sheets, key=lambda sheet: sheet[2].rows * sheet[2].columns)
        corner = f"{letters(largest.columns - 1)}{largest.rows}"
        raise Unreadable(FaultKind.SHEET_LARGE, value=name, corner=corner, most=MOST_CELLS)
    return sheets


def _records(stream: bytes, start: int) -> Iterator[tuple[int, int, int]]:
    """Yield kind, position and length of the records of a part, to the one that ends it."""
    at, depth = start, 0
    while at + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, at)
        if at + 4 + length > len(stream):
            raise _broken()
        depth += (kind == _BOF) - (kind == _EOF)
        # (A chart in a sheet is a part within a part.)
        if depth <= 1:
            yield kind, at + 4, length
        if depth <= 0:
            return
        at += 4 + length
    raise _broken()


def _globals(stream: bytes) -> tuple[list[tuple[str, bool, int]], list[int]]:
    """Return the sheets with their names and where they begin, and how long the shared texts are [characters]."""
    sheets: list[tuple[str, bool, int]] = []
    new = struct.unpack_from("<H", stream, 4)[0] >= _NEW
    shared: list[bytes] = []
    last = 0
    for kind, at, length in _records(stream, 0):
        if kind == _FILEPASS:
            raise Unreadable(FaultKind.FILE_LOCKED)
        if kind == _BOUNDSHEET:
            start, state, kind_of_sheet, signs = struct.unpack_from("<IBBB", stream, at)
            if any(start == other for *_, other in sheets):
                raise _broken()
            sheets.append((_name(stream[at + 7 : at + length], signs, new=new), not state and not kind_of_sheet, start))
        elif kind == _SST or (kind == _CONTINUE and last == _SST):
            shared.append(stream[at : at + length])
        last = _SST if kind == _CONTINUE and last == _SST else kind
    return sheets, _text_lengths(shared) if shared else []


def _name(written: bytes, signs: int, *, new: bool) -> str:
    """Return the name of a sheet; before Excel 97 it stood in the encoding of the machine."""
    if not new:
        return written[:signs].decode("gb18030", "replace")
    if written[0] & 1:
        return written[1 : 1 + 2 * signs].decode("utf-16-le", "replace")
    return written[1 : 1 + signs].decode("latin-1")


def _text_lengths(parts: list[bytes]) -> list[int]:
    """Return how long the shared texts are [characters]; a text that goes on in the next record says anew how."""
    found: list[int] = []
    (count,) = struct.unpack_from("<4xI", parts[0])
    part, at = 0, 8
    while len(found) < count:
        if at >= len(parts[part]):
            part, at = part + 1, 0
        signs, flags = struct.unpack_from("<HB", parts[part], at)
        at += 3
        runs = extra = 0
        if flags & 8:
            (runs,) = struct.unpack_from("<H", parts[part], at)
            at += 2
        if flags & 4:
            (extra,) = struct.unpack_from("<I", parts[part], at)
            at += 4
        left, wide = signs, flags & 1
        while True:
            taken = min(left, (len(parts[part]) - at) >> wide)
            left -= taken
            at += taken << wide
            if not left:
                break
            part, at = part + 1, 1
            wide = parts[part][0] & 1
        found.append(signs)
        behind = 4 * runs + extra
        while behind > len(parts[part]) - at:
            behind -= len(parts[part]) - at
            part, at = part + 1, 0
        at += behind
    return found


def _sheet(stream: bytes, start: int, lengths: list[int], *, computed: bool) -> Marks:
    marks = Marks()
    signs = 0
    for kind, at, length in _records(stream, start):
        if kind in _VALUES:
            row, column = struct.unpack_from("<HH", stream, at)
            last = struct.unpack_from("<H", stream, at + length - 2)[0] if kind == _MULRK else column
            marks.rows = max(marks.rows, row + 1)
            marks.columns = max(marks.columns, last + 1)
            if kind == _LABELSST:
                (text,) = struct.unpack_from("<I", stream, at + 6)
                signs += lengths[text]
            elif kind == _BOOLERR:
                code, is_error = struct.unpack_from("<BB", stream, at + 6)
                if is_error:
                    marks.errors[row, column] = _ERRORS.get(code, "#VALUE!")
            elif kind in _FORMULAS:
                _formula(marks, row, column, stream[at + 6 : at + 14], computed=computed)
        elif kind == _ROW:
            row, first, last, flags = struct.unpack_from("<HHH6xB", stream, at)
            if flags & _ROW_HIDDEN and last > first:
                marks.hidden_rows.add(row)
        elif kind == _COLINFO:
            first, last, flags = struct.unpack_from("<HH4xB", stream, at)
            if flags & 1:
                marks.hidden_columns.append((first, last))
        elif kind == _MERGED:
            (count,) = struct.unpack_from("<H", stream, at)
            for i in range(count):
                top, bottom, left, right = struct.unpack_from("<HHHH", stream, at + 2 + 8 * i)
                marks.merged.append((top, left, bottom, right))
    check_text(signs)
    return marks


def _formula(marks: Marks, row: int, column: int, result: bytes, *, computed: bool) -> None:
    """Note what the saved result of a formula is, if it is not a number or a text (MS-XLS 2.5.133)."""
    if result[6:] == b"\xff\xff":
        if result[0] == 2:
            marks.errors[row, column] = _ERRORS.get(result[2], "#VALUE!")
    elif not computed and result == bytes(8):
        marks.uncomputed.append((row, column))
