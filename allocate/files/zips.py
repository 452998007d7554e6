"""Looks into a zipped file before anything is unpacked: what is too large, misnamed or forged is refused."""

import io
import stat
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import PurePosixPath

from allocate.fault_kinds import FaultKind
from allocate.files.sheet import MEGABYTE, Unreadable, too_large
from allocate.files.text import MOST_BYTES

MOST_ENTRIES = 1_000
# An entry above a megabyte that shrank to less than a hundredth was made to burst, not to be read.
MOST_TIMES = 100
_ENTRY = b"PK\x01\x02"
_ENCRYPTED = 0x1
# Everything that Python's unpacking raises over broken bytes.
_BROKEN = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, ValueError, RuntimeError)


def open_zip(raw: bytes, form: str) -> Mapping[str, zipfile.ZipInfo]:
    """Return the entries of a zipped file by name, slashes forward.

    `form` is what the file should be, for messages.

    Raises
    ------
    Unreadable
        When it is no such file, when it is protected, or when it is too large or forged.
    """
    # (The list of entries is read as a whole: it must be short before that.)
    if raw.count(_ENTRY) > 10 * MOST_ENTRIES:
        raise Unreadable(FaultKind.ZIP_BOMB, value=form)
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            entries = archive.infolist()
    except _BROKEN:
        raise Unreadable(FaultKind.FILE_CONTENT, format=form) from None
    if len(entries) > MOST_ENTRIES:
        raise Unreadable(FaultKind.ZIP_BOMB, value=form)
    found: dict[str, zipfile.ZipInfo] = {}
    for entry in entries:
        name = entry.orig_filename.replace("\\", "/")
        path = PurePosixPath(name)
        linked = stat.S_ISLNK(entry.external_attr >> 16)
        if linked or path.is_absolute() or ".." in path.parts or ":" in name or "\0" in name:
            raise Unreadable(FaultKind.ZIP_ENTRY, value=name)
        if name.casefold() in {other.casefold() for other in found}:
            raise Unreadable(FaultKind.ZIP_ENTRY, value=name)
        if entry.flag_bits & _ENCRYPTED:
            raise Unreadable(FaultKind.FILE_LOCKED)
        if entry.file_size > max(MEGABYTE, MOST_TIMES * entry.compress_size):
            raise Unreadable(FaultKind.ZIP_BOMB, value=name)
        found[name] = entry
    size = sum(entry.file_size for entry in entries)
    if size > MOST_BYTES:
        raise too_large(size, MOST_BYTES)
    return found


def unpack(raw: bytes, entry: zipfile.ZipInfo, form: str) -> bytes:
    """Return the content of one entry; never more than the entry says, and only if its checksum is right.

    Raises
    ------
    Unreadable
        When it is broken or packed in a way that no office program uses.
    """
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Unreadable(FaultKind.FILE_CONTENT, format=form)
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            return archive.read(entry)
    except _BROKEN:
        raise Unreadable(FaultKind.FILE_CONTENT, format=form) from None


def pack(contents: Mapping[str, bytes]) -> bytes:
    """Return a fresh archive of contents that were checked, so that whoever reads it sees these and nothing else."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return file.getvalue()
