"""Looks at how an `.osm.pbf` is packed before anything is unpacked: a few bytes can stand for millions of nodes.

The form: wiki.openstreetmap.org/wiki/PBF_Format. Every blob follows a head that says how long it is; of both only the
sizes are read here.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

# Extracts unpack to twice their size, a drawn grid to ten times. What is below a megabyte does no harm.
_MOST_TIMES = 40
_LITTLE = 1_000_000
# As the form has it.
_MOST_HEAD = 64 * 1024
_MOST_BLOB = 32 * 2**20
_VARINT, _BYTES = 0, 2
_BLOB_RAW, _BLOB_RAW_SIZE, _HEAD_SIZE = 1, 2, 3


class NoBlobsError(Exception):
    """A file is not made of blobs, or was made to burst."""


def check_blobs(path: Path) -> None:
    """Refuse a file that is not made of blobs, ends within one, or unpacks to far more than it is.

    Raises
    ------
    NoBlobsError
        When it does.
    """
    packed, unpacked = 0, 0
    with path.open("rb") as file:
        for size in _heads(file):
            start = file.tell()
            unpacked += min(_unpacked(file, start + size), _MOST_BLOB)
            packed += size
            file.seek(start + size)
        if not packed or file.tell() > path.stat().st_size or unpacked > max(_LITTLE, _MOST_TIMES * packed):
            raise NoBlobsError


def _heads(file: BinaryIO) -> Iterator[int]:
    """Yield the size of each blob, with the file standing at its first byte; it is to be moved behind the blob."""
    while length := file.read(4):
        if len(length) < 4:
            raise NoBlobsError
        (size,) = struct.unpack(">I", length)
        end = file.tell() + size
        if size > _MOST_HEAD:
            raise NoBlobsError
        said = [value for field, value in _fields(file, end) if field == _HEAD_SIZE]
        if len(said) != 1 or not 0 < said[0] <= _MOST_BLOB:
            raise NoBlobsError
        file.seek(end)
        yield said[0]


def _unpacked(file: BinaryIO, end: int) -> int:
    """Return what a blob says that it unpacks to."""
    return max((value for field, value in _fields(file, end) if field in (_BLOB_RAW, _BLOB_RAW_SIZE)), default=0)


def _fields(file: BinaryIO, end: int) -> Iterator[tuple[int, int]]:
    """Yield the number of each field, and its value, or how many bytes it has."""
    while file.tell() < end:
        field, kind = divmod(_number(file), 8)
        if kind not in (_VARINT, _BYTES):
            raise NoBlobsError
        value = _number(file)
        if kind == _BYTES:
            file.seek(value, 1)
        yield field, value


def _number(file: BinaryIO) -> int:
    """Read a whole number: seven bits in every byte, the lowest first, and an eighth that says that more follow."""
    found = 0
    for shift in range(0, 64, 7):
        byte = file.read(1)
        if not byte:
            raise NoBlobsError
        found |= (byte[0] & 127) << shift
        if byte[0] < 128:
            return found
    raise NoBlobsError
