"""FlatGeobuf, read by GDAL, of which nothing is asked before the first bytes say that it is one."""

import shutil
import struct
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from allocate.fault_kinds import FaultKind
from allocate.files.features import EXACT, Features, Opened, cell, day
from allocate.files.gdal import read_raw
from allocate.files.shapes import crs_of, from_wkb
from allocate.files.sheet import Raw, Unreadable

_MAGIC = (b"fgb\3fgb\0", b"fgb\3fgb\1", b"fgb\3fgb\2")
_MOST_HEAD = 10_000_000


def open_flatgeobuf(path: Path, encoding: str) -> Opened:
    """Return the one layer of a FlatGeobuf file.

    Raises
    ------
    Unreadable
        When it is none.
    """
    with path.open("rb") as file:
        head = file.read(12)
    # (A head below 16 MB has a zero in its length, and no driver that looks for words reads on after a zero.)
    if len(head) < 12 or not head.startswith(_MAGIC) or struct.unpack("<I", head[8:])[0] > _MOST_HEAD:
        raise Unreadable(FaultKind.FILE_CONTENT, format="FlatGeobuf")
    return (path.stem,), lambda _: _features(path)


def _features(path: Path) -> Features:
    # (A name can lead GDAL elsewhere: it sees a copy under a plain one.)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "layer.fgb"
        shutil.copyfile(path, copy)
        meta, kinds, blobs, columns = read_raw(copy, "FlatGeobuf")
    shapes, broken = from_wkb(blobs)
    crs, spotted = crs_of(str(meta["crs"] or ""))
    cells = tuple(_column(column, kind) for column, kind in zip(columns, kinds, strict=True))
    heading = tuple(str(name).strip() for name in meta["fields"])
    return Features(heading, cells, len(shapes), shapes, crs, (*broken, *spotted))


def _column(column: Any, kind: str) -> Sequence[Raw]:
    """Return a column; where it has gaps, GDAL's truths and whole numbers come as floating-point numbers."""
    if kind == "bool":
        return [None if value != value else "TRUE" if value else "FALSE" for value in column.tolist()]
    if kind.startswith("int") and column.dtype.kind == "f" and np.nanmax(np.abs(column), initial=0) >= EXACT:
        # (Some are no longer what the file says: they stay as they are, so that nobody takes them for whole.)
        return [None if value != value else value for value in column.tolist()]
    if kind.startswith("datetime"):
        return [None if value is None else day(str(value)) for value in column.tolist()]
    return [cell(value) for value in column.tolist()]
