"""Shapefiles, read only: the shapes by GDAL, the table by ourselves: its text is in any encoding, cut anywhere."""

import codecs
import re
import shutil
import struct
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allocate.fault_kinds import FaultKind
from allocate.files.features import Features, Opened, cell, limit_cells
from allocate.files.gdal import read_raw
from allocate.files.shapes import crs_of, from_wkb
from allocate.files.sheet import Raw, Spotted, Unreadable, too_large
from allocate.files.text import ENCODINGS, MOST_BYTES

_MAGIC = struct.pack(">i", 9994)
_HEAD = 100  # bytes of the head of .shp and .shx
# What lies beside a .shp, is of the same name, and tells something of it.
COMPANIONS: tuple[str, ...] = (".dbf", ".shx", ".prj", ".cpg")
_SMALL = 65_536  # bytes of .prj and .cpg, of which more are no text of theirs
# What a .cpg names and is believed in; others (ISO-8859-1, what programs write unasked) fit any bytes.
_CODEPAGES = {
    **dict.fromkeys(("utf8", "65001"), "utf-8"),
    **dict.fromkeys(("gbk", "936", "gb2312", "gb18030", "54936"), "gb18030"),
    **dict.fromkeys(("big5", "950"), "big5"),
}
_UNSAID = re.compile(r"^(ansi|oem|cp)|[\W_]")
_DAY = re.compile(r"(\d{4})(\d\d)(\d\d)")


@dataclass(frozen=True)
class _Field:
    """A column of the table: its name as bytes, its kind as a letter, and where it stands in a record."""

    name: bytes
    kind: str
    start: int
    width: int


def open_shapefile(path: Path, encoding: str) -> Opened:
    """Return the one layer of a shapefile; its companions may be in capitals or not.

    Raises
    ------
    Unreadable
        When a part of it is missing, or is something else.
    """
    beside = {one.suffix.lower(): one for one in sorted(path.parent.iterdir()) if one.stem == path.stem and one != path}
    missing = [path.stem + end for end in (".dbf", ".shx") if end not in beside]
    if missing:
        raise Unreadable(FaultKind.SHAPEFILE_PARTS, parts=", ".join(missing))
    used: dict[str, Path] = {end: beside[end] for end in COMPANIONS if end in beside}
    for one in used.values():
        if one.is_symlink() or not one.is_file():
            raise Unreadable(FaultKind.FILE_LINK, value=one.name)
    size = sum(one.stat().st_size for one in (path, *used.values()))
    if size > MOST_BYTES:
        raise too_large(size, MOST_BYTES)
    for one in (path, used[".shx"]):
        with one.open("rb") as file:
            if not file.read(_HEAD).startswith(_MAGIC):
                raise Unreadable(FaultKind.FILE_CONTENT, value=one.name, format="Shapefile")
    return (path.stem,), lambda _: _features(path, used, encoding)


def _features(path: Path, used: dict[str, Path], encoding: str) -> Features:
    shapes, broken = _shapes(path, used[".shx"])
    fields, records, kept = _records(used[".dbf"], len(shapes))
    said = _UNSAID.sub("", _small(used, ".cpg").lower())
    heading, columns, cut = _decoded(fields, records, encoding, _CODEPAGES.get(said, ""))
    crs, spotted = crs_of(_small(used, ".prj"))
    if not kept.all():
        # (Lines that were deleted and not yet packed away: no program shows them.)
        shapes = shapes[kept]
        columns = tuple([value for value, stays in zip(column, kept, strict=True) if stays] for column in columns)
        stays = np.cumsum(kept)
        broken = tuple(
            Spotted(one.what, int(stays[one.row - 1])) for one in broken if one.row is not None and kept[one.row - 1]
        )
    return Features(heading, columns, len(shapes), shapes, crs, (*broken, *cut, *spotted))


def _shapes(shp: Path, shx: Path) -> tuple[NDArray[np.object_], tuple[Spotted, ...]]:
    """Return the shapes, read from a copy: beside it GDAL finds nothing that it would open as well."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "layer.shp"
        shutil.copyfile(shp, copy)
        shutil.copyfile(shx, copy.with_suffix(".shx"))
        return from_wkb(read_raw(copy, "Shapefile", columns=[])[2])


def _small(used: dict[str, Path], end: str) -> str:
    """Return the text of a companion; empty where there is none, or far too much of it."""
    if end not in used or used[end].stat().st_size > _SMALL:
        return ""
    return used[end].read_bytes().decode("utf-8-sig", "replace")


def _records(dbf: Path, shapes: int) -> tuple[list[_Field], NDArray[Any], NDArray[np.bool_]]:
    """Return the columns of a table, its records as bytes, and which of them are not deleted."""
    raw = dbf.read_bytes()
    if len(raw) < 33:
        raise Unreadable(FaultKind.FILE_CONTENT, value=dbf.name, format="DBF")
    count, head, width = struct.unpack_from("<IHH", raw, 4)
    fields = list(_fields(raw, min(head, len(raw))))
    if width < 1 or head < 33 or sum(field.width for field in fields) + 1 > width:
        raise Unreadable(FaultKind.FILE_CONTENT, value=dbf.name, format="DBF")
    count = min(count, max(len(raw) - head, 0) // width)
    if count != shapes:
        raise Unreadable(FaultKind.SHAPEFILE_UNEVEN, shapes=shapes, records=count)
    limit_cells(count, len(fields))
    kind = np.dtype(
        {
            "names": ["deleted", *(f"f{number}" for number in range(len(fields)))],
            "formats": ["S1", *(f"S{field.width}" for field in fields)],
            "offsets": [0, *(field.start for field in fields)],
            "itemsize": width,
        }
    )
    records = np.frombuffer(raw, dtype=kind, count=count, offset=head) if count else np.empty(0, kind)
    return fields, records, records["deleted"] != b"*"


def _fields(raw: bytes, head: int) -> Iterator[_Field]:
    start = 1
    for at in range(32, head - 31, 32):
        if raw[at] == 0x0D:
            return
        width = raw[at + 16]
        # (Text may be longer than a byte can say; the place of decimals then counts as well.)
        letter = chr(raw[at + 11])
        if letter == "C":
            width += 256 * raw[at + 17]
        if width:
            yield _Field(raw[at : at + 11].partition(b"\0")[0], letter, start, width)
        start += width


def _decoded(
    fields: Sequence[_Field], records: NDArray[Any], encoding: str, said: str
) -> tuple[tuple[str, ...], tuple[Sequence[Raw], ...], tuple[Spotted, ...]]:
    """Return headings and cells by the first encoding that fits all: as asked, as the .cpg says, UTF-8, GB18030."""
    cells = {field: records[f"f{number}"].tolist() for number, field in enumerate(fields)}
    texts = [field for field in fields if field.kind == "C"]
    if encoding and encoding.strip().lower() not in ENCODINGS:
        raise Unreadable(FaultKind.ENCODING_NAME, value=encoding)
    asked = ENCODINGS.get(encoding.strip().lower(), "").removesuffix("-sig")
    names = [asked] if asked else [name for name in (said, "utf-8", "gb18030") if name]
    for name in names:
        try:
            heading = tuple(_text(field.name, name)[0].strip() for field in fields)
            read = {field: [_text(value.rstrip(b" \0"), name) for value in cells[field]] for field in texts}
        except UnicodeError:
            continue
        columns = tuple(
            [text or None for text, _ in read[field]] if field in read else _values(cells[field], field.kind)
            for field in fields
        )
        cut = tuple(
            Spotted(FaultKind.TEXT_CUT, rows[0], title, details={"count": len(rows)}, fault=False)
            for title, field in zip(heading, fields, strict=True)
            if (rows := [row for row, (_, cut) in enumerate(read.get(field, ()), 1) if cut])
        )
        return heading, columns, cut
    if encoding:
        raise Unreadable(FaultKind.ENCODING_WRONG, encoding=encoding)
    raise Unreadable(FaultKind.FILE_ENCODING)


def _text(raw: bytes, encoding: str) -> tuple[str, bool]:
    """Return a text, and whether it was cut inside its last letter, as a column has room for so many bytes only."""
    try:
        return raw.decode(encoding), False
    except UnicodeDecodeError:
        # (One that decodes bit by bit waits for the rest of the last letter; what is wrong elsewhere it refuses too.)
        return codecs.getincrementaldecoder(encoding)().decode(raw), True


def _values(cells: Sequence[bytes], kind: str) -> Sequence[Raw]:
    """Return the cells of a column that is no text; notes, which stand in another file, and pictures are left blank."""
    match kind:
        case "N" | "F":
            return [_number(value) for value in cells]
        case "L":
            return [
                {b"T": "TRUE", b"Y": "TRUE", b"F": "FALSE", b"N": "FALSE"}.get(value.strip().upper()) for value in cells
            ]
        case "D":
            return [_day(value) for value in cells]
        case "I" | "+":
            # (Numpy leaves out the zeros at the end of bytes.)
            return [struct.unpack("<i", value.ljust(4, b"\0")[:4])[0] for value in cells]
        case "O":
            return [cell(struct.unpack("<d", value.ljust(8, b"\0")[:8])[0]) for value in cells]
    return [None] * len(cells)


def _number(value: bytes) -> Raw:
    text = value.strip(b" \0").decode("ascii", "replace")
    if not text.strip("*"):
        return None
    try:
        return cell(int(text))
    except ValueError:
        pass
    try:
        return cell(float(text))
    except ValueError:
        return text


def _day(value: bytes) -> Raw:
    text = value.strip(b" \0").decode("ascii", "replace")
    found = _DAY.fullmatch(text)
    if not text.strip("0"):
        return None
    return "-".join(found.groups()) if found else text
