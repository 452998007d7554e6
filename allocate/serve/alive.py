"""Whether a process lives: locks that the system takes back when whoever holds them ends, however that comes about."""

import os
from contextlib import suppress
from pathlib import Path
from typing import IO

# (On Windows nobody else can read what is locked: a place behind all that is written is.)
_BEHIND = 4096


class Lock:
    """A file that one process holds until it ends.

    Parameters
    ----------
    path
        The file; it is made where it is missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None

    def take(self) -> bool:
        """Hold the file, and return whether that worked: nobody else held it."""
        if self._file is not None:
            return True
        file = self.path.open("a+b")
        try:
            _lock(file)
        except OSError:
            file.close()
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Let go of the file."""
        file, self._file = self._file, None
        if file is not None:
            file.close()


def is_held(path: Path) -> bool:
    """Tell whether some other process holds a file."""
    if not path.is_file():
        return False
    lock = Lock(path)
    with suppress(OSError):
        if lock.take():
            lock.release()
            return False
    return True


def _lock(file: IO[bytes]) -> None:
    if os.name == "nt":
        import msvcrt

        file.seek(_BEHIND)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        import fcntl

        # (Not inherited by what a process forks: that must not look like the process itself.)
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
