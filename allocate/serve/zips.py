"""Folders as zip files that are sent while they are made: the same bytes for the same files, no link followed."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from allocate.serve.home import DATA, MODELS, RUNS, Home

# What a planner's folder holds; other things beside it are not ours to hand on.
_HELD = (DATA, MODELS, "maps")
# What a program that was killed left of what it wrote.
_LEFT = ".allocate-"
# Who reads the file of a lock that this very process holds gives the lock up: so POSIX has it.
_LOCK = ".lock"
_CHUNK = 256 * 1024
_LARGE = 2**31 - 2**20  # bytes from which on a member needs larger fields
# The first day that a zip can name: nothing in it tells when it was made.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644


@dataclass(frozen=True)
class Member:
    """A file, and its name in the zip.

    Attributes
    ----------
    size
        How large it is [bytes].
    """

    name: str
    path: Path
    size: int


class Changed(Exception):
    """A folder that was replaced while it was read: half of it would be of another plan."""


def members_of(folder: Path, top: str, *, but: Sequence[Path] = ()) -> list[Member]:
    """Return every file below a folder in the order of its names; links, locks, and what is no file, are left out.

    Parameters
    ----------
    top
        What the folder is called in the zip.
    but
        Folders that are left out.
    """
    found = []
    for place, folders, files in os.walk(folder, followlinks=False):
        here = Path(place)
        folders[:] = [name for name in folders if not name.startswith(_LEFT) and here / name not in but]
        for name in files:
            if name.startswith(".") and name.endswith(_LOCK):
                continue
            path = here / name
            about = path.lstat()
            if stat.S_ISREG(about.st_mode):
                told = "/".join((top, *path.relative_to(folder).parts))
                found.append(Member(_writable(told), path, about.st_size))
    return sorted(found, key=lambda member: member.name)


def home_members(home: Home, *, runs: bool) -> list[Member]:
    """Return the files of a planner's folder, with what runs left behind or without."""
    left = () if runs else (home.path / RUNS,)
    return [
        member
        for name in _HELD
        if (home.path / name).is_dir() and not (home.path / name).is_symlink()
        for member in members_of(home.path / name, f"{home.path.name or 'allocate'}/{name}", but=left)
    ]


def zipped(members: Sequence[Member], whole: Path | None = None) -> Iterator[bytes]:
    """Yield a zip of files, piece by piece; what is gone meanwhile is left out.

    Parameters
    ----------
    whole
        A folder that is replaced as a whole: once that happens, nothing more is yielded.

    Raises
    ------
    Changed
        When it was replaced.
    """
    before = whole.stat().st_ino if whole else None
    sink = _Sink()
    with ZipFile(sink, "w", ZIP_DEFLATED) as made:  # type: ignore[call-overload]
        for member in members:
            if whole is not None and (not whole.is_dir() or whole.stat().st_ino != before):
                raise Changed
            try:
                # (A file that became a link meanwhile is not followed either.)
                opened = os.open(member.path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
            except OSError:
                continue
            about = ZipInfo(member.name, _NO_TIME)
            about.compress_type, about.create_system, about.external_attr = ZIP_DEFLATED, 3, _MODE << 16
            with os.fdopen(opened, "rb") as file, made.open(about, "w", force_zip64=member.size >= _LARGE) as entry:
                while piece := file.read(_CHUNK):
                    entry.write(piece)
                    yield from sink.taken()
            yield from sink.taken()
    yield from sink.taken()


class _Sink:
    """Takes what a zip writes, until it is sent."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        """Take a piece."""
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        """Do nothing: every piece is there at once."""

    def taken(self) -> Iterator[bytes]:
        """Yield what is there, once."""
        pieces, self._pieces = self._pieces, []
        if pieces:
            yield b"".join(pieces)


def _writable(name: str) -> str:
    """Return a name that a zip can hold: half characters, which some disks have, as their escapes."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
