"""The store of a sweep: a folder in which every finished run stands in a file of its own, whole or not at all."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from allocate.errors import Problem, UsageError
from allocate.faults import disk_reason
from allocate.replacing import check_folder, disk, write_file, write_folder

# What was asked and what came of it; the same as tables, as a page and as a workbook; what ran, with its seconds.
SWEEP_FILE, TABLE_FILE, PARQUET_FILE, LOG_FILE = "sweep.json", "runs.csv", "runs.parquet", "log.txt"
# The runs, and of whole plans a folder for each.
RUNS, PLANS = "runs", "plans"
_LOCK = ".lock"
_FILES = (SWEEP_FILE, "sweep.html", "sweep.xlsx", TABLE_FILE, PARQUET_FILE, LOG_FILE, _LOCK)
_TABLE = re.compile(r"sweep-[a-z_]+\.csv")
_RUN = re.compile(r"([0-9a-f]{64})\.json")
# What a killed program was about to write.
_BEGUN = ".part"
_MOST_SAID = 5

Content = dict[str, Any]


def key_of(told: Mapping[str, Any]) -> str:
    """Return the name of a run: the checksum of all that determines what comes of it."""
    return hashlib.sha256(_bytes(told)).hexdigest()


def _bytes(content: Mapping[str, Any]) -> bytes:
    text = json.dumps(content, ensure_ascii=True, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return text.encode() + b"\n"


class Store:
    """A sweep's folder while one program works in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._runs = folder / RUNS

    def finished(self) -> dict[str, Content]:
        """Return the runs that are there, by their names; what is not whole is as good as not there."""
        found: dict[str, Content] = {}
        with disk(self.folder):
            for file in sorted(self._runs.iterdir()):
                name = _RUN.fullmatch(file.name)
                if name is None:
                    continue
                with suppress(ValueError, RecursionError):
                    content = json.loads(file.read_bytes())
                    # (After a power cut a file may hold anything.)
                    if isinstance(content, dict) and content.get("run") == name[1]:
                        found[name[1]] = content["result"]
        return found

    def keep(self, name: str, result: Mapping[str, Any]) -> None:
        """Write what came of a run."""
        target = self._runs / f"{name}.json"
        with disk(target):
            begun = target.with_name(target.name + _BEGUN)
            with begun.open("wb") as file:
                file.write(_bytes({"run": name, "result": result}))
                file.flush()
                os.fsync(file.fileno())
            begun.replace(target)

    def keep_plan(self, name: str, files: Mapping[str, bytes]) -> None:
        """Write the folder of the plan that a run made."""
        write_folder(self.folder / plan_folder(name), files, lambda: None)

    def write(self, name: str, content: bytes) -> None:
        """Write one of the files beside the runs."""
        write_file(self.folder / name, content, lambda: None)

    def remove(self, name: str) -> None:
        """Take away one of the files beside the runs, if it is there."""
        with disk(self.folder / name):
            (self.folder / name).unlink(missing_ok=True)

    def log(self, line: str) -> None:
        """Add a line to the log."""
        with disk(self.folder / LOG_FILE), (self.folder / LOG_FILE).open("a", encoding="utf-8", newline="\n") as file:
            file.write(f"{line}\n")


def plan_folder(name: str) -> str:
    """Return where in a sweep's folder the plan of a run stands."""
    return f"{PLANS}/{name[:16]}"


def check_sweep_folder(folder: Path) -> None:
    """Refuse a folder that is not a sweep's, before any work is done.

    Raises
    ------
    UsageError
        When something else stands there, a file of it is open elsewhere, or the folder above cannot be written to.
    """
    check_folder(folder, {"": _FILES}, lambda item: _is_sweep(item.parent) and _is_ours(item))


def _is_sweep(folder: Path) -> bool:
    return _read(folder) is not None


def _is_ours(item: Path) -> bool:
    if item.name in (RUNS, PLANS):
        return item.is_dir() and not item.is_symlink()
    return (item.name in _FILES or _TABLE.fullmatch(item.name) is not None) and not item.is_dir()


def _read(folder: Path) -> Content | None:
    """Return what a sweep's folder says of it; None where there is none."""
    try:
        content = json.loads((folder / SWEEP_FILE).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) and content.get("kind") == "sweep" else None


@contextmanager
def opened(folder: Path, begun: Mapping[str, Any], *, anew: bool = False) -> Iterator[Store]:
    """Open a sweep's folder, or make it, for a sweep of which `begun` says the model, its inputs and the versions.

    What finished there before is kept, unless all is to begin `anew`.

    Raises
    ------
    UsageError
        When the folder is not a sweep's, another program works in it, or its runs are of another model, of other
        inputs or of another version.
    """
    check_sweep_folder(folder)
    before = _read(folder)
    if before is None:
        # (A folder that is there, and empty, is replaced.)
        write_folder(folder, {SWEEP_FILE: _bytes(begun)}, lambda: check_sweep_folder(folder))
    elif not anew:
        _insist_on_same(folder, before, begun)
    with _alone(folder):
        store = Store(folder)
        with disk(folder):
            if before is not None:
                if before.get("asked") != begun["asked"]:
                    # (Nobody shall take the tables of another question for those of this one.)
                    _empty(folder, keep=(RUNS, PLANS, LOG_FILE))
                store.write(SWEEP_FILE, _bytes(begun))
            if anew:
                _empty(folder)
            (folder / RUNS).mkdir(exist_ok=True)
            for left in (folder / RUNS).glob(f"*{_BEGUN}"):
                left.unlink()
        yield store


def _empty(folder: Path, keep: tuple[str, ...] = ()) -> None:
    """Take away what stands in a sweep's folder, but for what it was begun with and what is to be kept."""
    for item in folder.iterdir():
        if item.name in (SWEEP_FILE, _LOCK, *keep):
            continue
        if item.is_dir():
            shutil.rmtree(item)
        else:
            item.unlink()


def _insist_on_same(folder: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to go on with what was begun of another model, with other inputs or in another version."""
    told = [*_differing(before, now)]
    if told:
        names = ", ".join([*told[:_MOST_SAID], *("…" for _ in told[_MOST_SAID : _MOST_SAID + 1])])
        raise UsageError([Problem("sweep.changed", str(folder), details={"what": names})])


def _differing(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is not as it was: the model's name, files, and versions."""
    if before.get("model") != now["model"]:
        yield str(now["model"])
    asked = before.get("asked")
    # (Another scenario, or another district beside the first, reads files that the other question did not need.)
    is_alike = (
        before.get("districts") == now["districts"]
        and isinstance(asked, dict)
        and asked.get("scenarios") == now["asked"]["scenarios"]
    )
    for table in ("inputs", "versions"):
        old, new = (_plain(content.get(table)) for content in (before, now))
        both = dict.fromkeys((*old, *new)) if is_alike else dict.fromkeys(name for name in old if name in new)
        yield from (name for name in both if old.get(name) != new.get(name))


def _plain(table: Any) -> dict[str, Any]:
    """Return checksums by file, or versions by program, whatever a file holds."""
    if isinstance(table, list):
        return {str(row.get("path")): row.get("sha256") for row in table if isinstance(row, dict)}
    return dict(table) if isinstance(table, dict) else {}


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other programs out of a folder; whoever is killed keeps nobody out."""
    try:
        file = (folder / _LOCK).open("a+b")
    except OSError as error:
        details = {"reason": disk_reason(error)}
        raise UsageError([Problem("problem.out_unwritable", str(folder), details=details)]) from None
    with file:
        try:
            _lock(file)
        except OSError:
            raise UsageError([Problem("sweep.at_work", str(folder))]) from None
        yield


def _lock(file: IO[bytes]) -> None:
    """Take a file for this program alone, until it is closed."""
    lock: Callable[[], None]
    if os.name == "nt":
        import msvcrt

        lock = lambda: msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined] # noqa: E731
    else:
        import fcntl

        lock = lambda: fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # noqa: E731
    lock()
