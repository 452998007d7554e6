"""FlatGeobuf, read by GDAL, of which nothing is asked before the first bytes say that it is one."""

import logging
import shutil
import struct
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from allocate.fault_kinds import FaultKind
from allocate.files.features import EXACT, Features, Opened, cell, day, limit_cells
from allocate.files.gdal import keep_to_files
from allocate.files.shapes import crs_of, from_wkb
from allocate.files.sheet import Raw, Unreadable

_MAGIC = (b"fgb\3fgb\0", b"fgb\3fgb\1", b"fgb\3fgb\2")
_MOST_HEAD = 10_000_000
_LEAST = 12  # bytes of a feature
_NAMES = {".fgb": "FlatGeobuf", ".shp": "Shapefile"}


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
        meta, kinds, blobs, columns = read_raw(copy)
    shapes, broken = from_wkb(blobs)
    crs, spotted = crs_of(str(meta["crs"] or ""))
    cells = tuple(_column(column, kind) for column, kind in zip(columns, kinds, strict=True))
    heading = tuple(str(name).strip() for name in meta["fields"])
    return Features(heading, cells, len(shapes), shapes, crs, (*broken, *spotted))


def read_raw(
    copy: Path, columns: Sequence[str] | None = None
) -> tuple[dict[str, Any], list[str], Sequence[Any], Sequence[Any]]:
    """Return what GDAL says of a file, the kinds of its columns, its shapes as well-known binaries, and its columns.

    Raises
    ------
    Unreadable
        When it says more lines than it has room for.
    """
    keep_to_files()
    import pyogrio

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("pyogrio").setLevel(logging.CRITICAL)
        # (Room is made for as many lines as the file says that it has.)
        try:
            info = pyogrio.read_info(copy)
        except IndexError:
            # (There is no layer, as the head is broken.)
            raise Unreadable(FaultKind.FILE_CONTENT, format=_NAMES[copy.suffix]) from None
        if info["features"] > copy.stat().st_size // _LEAST:
            raise Unreadable(FaultKind.FILE_CONTENT, format=_NAMES[copy.suffix])
        limit_cells(info["features"], len(info["fields"]))
        meta, _, shapes, cells = pyogrio.raw.read(copy, columns=columns, datetime_as_string=True)
    return meta, [str(kind) for kind in info["dtypes"]], shapes, cells


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
