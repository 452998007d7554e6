"""Who changed what number from what to what, and when: a line of maps/history.jsonl for everything done in the page."""

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Literal

from allocate.errors import Problem, UsageError
from allocate.replacing import disk
from allocate.serve.home import Home

What = Literal["model", "data", "run", "undo"]
FILE = "maps/history.jsonl"
_LOCK = "maps/.history.lock"
# Others hold it as long as it takes to write a line [s].
_PATIENCE, _NAP = 10.0, 0.01
# How much is read of a history that has grown for years [bytes], and how much at a time.
MOST_READ, _BLOCK = 16 * 2**20, 2**16
_LONGEST_NAME = 200


@dataclass(frozen=True)
class Change:
    """One value that became another one.

    Attributes
    ----------
    key
        The way of tables and entries of lists that leads to it; of data: file, row and column.
    before, after
        What stood there and what stands there now, as JSON holds it; None where nothing does.
    was
        How the former value was written in its file, where that can be put back.
    """

    key: tuple[str, ...]
    before: Any
    after: Any
    was: str = ""

    def turned(self) -> "Change":
        """Return what undoes it."""
        return Change(self.key, self.after, self.before)

    def as_json(self) -> dict[str, Any]:
        """Return it as it stands in the file."""
        told = {"key": list(self.key), "from": self.before, "to": self.after}
        return told | {"was": self.was} if self.was else told


@dataclass(frozen=True)
class Entry:
    """What somebody did at one time.

    Attributes
    ----------
    when
        ISO 8601, with the offset of this machine.
    of
        The model, or the district, that it is about.
    undoes
        Which entry it undoes; empty: none.
    told
        What else whoever added it said of it (of a run its number).
    """

    id: str
    when: str
    who: str
    what: What
    of: str
    changes: tuple[Change, ...]
    undoes: str
    told: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return it as it stands in the file."""
        changes = [one.as_json() for one in self.changes]
        own = {"id": self.id, "when": self.when, "who": self.who, "what": self.what, "of": self.of, "changes": changes}
        return {**own, **({"undoes": self.undoes} if self.undoes else {}), **self.told}


_OWN = ("id", "when", "who", "what", "of", "changes", "undoes")


def add(
    home: Home,
    *,
    who: str,
    what: What,
    of: str,
    changes: Iterable[Change] = (),
    undoes: str = "",
    told: Mapping[str, Any] | None = None,
) -> Entry:
    """Add an entry, whole or not at all, and return it.

    Whoever changes a file at the same time, from another tab or another server, waits until the line is written.

    Raises
    ------
    UsageError
        When the disk refuses it.
    """
    path = home.inside(*FILE.split("/"))
    with disk(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(home), path.open("a+b") as file:
            end = file.seek(0, os.SEEK_END)
            when = datetime.now(UTC).astimezone().isoformat(timespec="seconds")
            rest = {name: value for name, value in (told or {}).items() if name not in _OWN}
            entry = Entry("", when, who[:_LONGEST_NAME], what, of, tuple(changes), undoes, rest)
            digest = sha256(f"{end}{_line(entry)}".encode()).hexdigest()[:6]
            entry = Entry(
                f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{digest}",
                *(entry.when, entry.who, entry.what, entry.of, entry.changes, entry.undoes, entry.told),
            )
            # (A program that was killed in the middle of a line left one without an end.)
            written = ("\n" if _is_torn(file, end) else "") + _line(entry) + "\n"
            try:
                file.write(written.encode())
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                file.truncate(end)
                raise
    return entry


def _line(entry: Entry) -> str:
    return json.dumps(plain(entry.as_json()), ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def plain(value: Any) -> Any:
    """Return a value of a model file as JSON holds it: a date is its text.

    >>> plain({"as_of": date(2024, 12, 26), "years": (2025, 2030), 2025: 1.5})
    {'as_of': '2024-12-26', 'years': [2025, 2030], '2025': 1.5}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, bool) or value is None:
        return value
    # (tomlkit's numbers and texts are kinds of their own.)
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value.isoformat() if isinstance(value, date) else str(value)


def _is_torn(file: IO[bytes], end: int) -> bool:
    if end == 0:
        return False
    file.seek(end - 1)
    return file.read(1) != b"\n"


def entries(home: Home, most: int = 200, of: str = "", what: str = "", before: str = "") -> list[Entry]:
    """Return the newest entries, the newest first; what is not whole is as good as not there.

    Parameters
    ----------
    of, what
        Of which model or district, and of which kind; empty: all.
    before
        Only those that are older than the entry of this id; empty: from the newest on.
    """
    found: list[Entry] = []
    waits = bool(before)
    for entry in _newest_first(home):
        if waits:
            waits = entry.id != before
        elif of in ("", entry.of) and what in ("", entry.what):
            found.append(entry)
            if len(found) == most:
                break
    return found


def find(home: Home, id: str) -> Entry | None:
    """Return the entry of an id; None where there is none."""
    return next((entry for entry in _newest_first(home) if entry.id == id), None)


def undone(home: Home) -> set[str]:
    """Return the ids of the entries that later ones undid, and that nobody did again by undoing that."""
    gone: set[str] = set()
    for entry in _newest_first(home):
        if entry.undoes and entry.id not in gone:
            gone.add(entry.undoes)
    return gone


def _newest_first(home: Home) -> Iterator[Entry]:
    path = home.inside(*FILE.split("/"))
    with disk(path):
        if not path.is_file():
            return
        with path.open("rb") as file:
            for line in _lines_from_the_end(file):
                entry = _entry_of(line)
                if entry is not None:
                    yield entry


def _lines_from_the_end(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines of a file, the last first, as far back as is read at all."""
    at = file.seek(0, os.SEEK_END)
    first = max(0, at - MOST_READ)
    rest: list[bytes] = []
    while at > first:
        step = min(_BLOCK, at - first)
        at -= step
        file.seek(at)
        head, *lines = file.read(step).split(b"\n")
        if lines:
            yield b"".join([lines.pop(), *reversed(rest)])
            yield from reversed(lines)
            rest = []
        rest.append(head)
    if first == 0:
        yield b"".join(reversed(rest))


def _entry_of(line: bytes) -> Entry | None:
    """Return the entry of a line; None where it is none: half-written, or written by somebody else."""
    try:
        content = json.loads(line) if line.strip() else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    texts = {name: content.get(name, "") for name in ("id", "when", "who", "what", "of", "undoes")}
    changes = content.get("changes", [])
    if not all(isinstance(text, str) for text in texts.values()) or not texts["id"] or not isinstance(changes, list):
        return None
    read = [_change_of(one) for one in changes]
    if None in read or texts["what"] not in ("model", "data", "run", "undo"):
        return None
    return Entry(
        **texts,
        changes=tuple(one for one in read if one is not None),
        told={name: value for name, value in content.items() if name not in _OWN},
    )


def _change_of(content: Any) -> Change | None:
    if not isinstance(content, dict) or not isinstance(content.get("key"), list):
        return None
    was = content.get("was", "")
    return Change(
        tuple(map(str, content["key"])), content.get("from"), content.get("to"), was if isinstance(was, str) else ""
    )


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    """Keep other writers out meanwhile; whoever is killed keeps nobody out."""
    with held(home.inside(*_LOCK.split("/"))):
        yield


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold a lock that is a file, or wait for whoever holds it.

    Raises
    ------
    UsageError
        When it is held for longer than anybody takes to write a file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                _lock(file)
                break
            except OSError:
                if time.monotonic() > until:
                    raise UsageError([Problem("serve_models.held", file=path.name)]) from None
                time.sleep(_NAP)
        yield


def _lock(file: IO[bytes]) -> None:
    """Take a file for this program alone, until it is closed."""
    lock: Callable[[], None]
    if os.name == "nt":
        import msvcrt

        file.seek(0)
        lock = lambda: msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined] # noqa: E731
    else:
        import fcntl

        lock = lambda: fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # noqa: E731
    lock()
