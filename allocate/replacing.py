"""Puts files and folders in the place of earlier ones, whole or not at all; replaces nothing that is not ours."""

import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from allocate.errors import Problem, UsageError
from allocate.faults import disk_reason
from allocate.names import is_plain

# A program leaves such a file beside one that it holds open: Word and Excel, WPS, LibreOffice. Word and WPS put their
# mark before a short name, and in the place of the first one or two letters of a longer one.
_LOCKS = ("~$", ".~")
_LOCK_OF_LIBREOFFICE = ".~lock.{}#"
_REPLACED = 2
# What is written stands beside its place under such a name until it is whole, and what it replaces under the other
# one until that is done. A program that is killed leaves them there.
_BESIDE, _BEFORE = ".allocate-", ".allocate-old-"
_LEFT = re.compile(r"\.allocate-(old-)?[a-z0-9_]{8}")
# What files among others were to be moved: while it is there, they can be put back.
_MOVES = "moves.json"
_STALE = 24 * 3600  # s after which nobody writes there any more


@contextmanager
def disk(target: Path) -> Iterator[None]:
    """Turn what the disk refuses into one message."""
    try:
        yield
    except OSError as error:
        # Windows refuses to replace what a program holds open.
        held = os.name == "nt" and isinstance(error, PermissionError)
        raise UsageError(
            [
                Problem("problem.out_in_use", file=str(target))
                if held
                else Problem("problem.out_unwritable", file=str(target), details={"reason": disk_reason(error)})
            ]
        ) from None


def check_folder(folder: Path, held: Mapping[str, Collection[str]], is_ours: Callable[[Path], bool]) -> None:
    """Refuse a folder that is not ours to replace, before any work is done.

    Parameters
    ----------
    held
        Files that no program may hold open, by the folder within it that they are in (itself: ""); of a folder for
        which none is named, any.
    is_ours
        Tells whether a file or folder in it is one that we write.

    Raises
    ------
    UsageError
        When something else stands there, a file of it is open elsewhere, or the folder above cannot be written to.
    """
    with disk(folder):
        bring_back(folder)
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            raise UsageError([Problem("problem.out_not_folder", file=str(folder))])
        if folder.is_dir():
            for name, files in held.items():
                refuse_open(folder / name, files)
            strange = sorted(item.name for item in folder.iterdir() if not (is_left(item) or is_ours(item)))
            if strange:
                details = {"strange": ", ".join(strange[:5])}
                raise UsageError([Problem("problem.out_not_ours", file=str(folder), details=details)])
            refuse_around(folder)
        # What is missing above it is made only when there is something to write.
        above = next(path for path in folder.absolute().parents if path.exists())
        with tempfile.TemporaryDirectory(prefix=_BESIDE, dir=above):
            pass


def is_left(item: Path) -> bool:
    """Tell whether a folder is what a killed program left of what it wrote."""
    return _LEFT.fullmatch(item.name) is not None and item.is_dir() and not item.is_symlink()


def bring_back(folder: Path) -> None:
    """Put a folder back in its place that a killed program had moved away, and not replaced."""
    if folder.is_symlink() or folder.exists() or not folder.parent.is_dir():
        return
    left = [item / folder.name for item in folder.parent.glob(f"{_BEFORE}*") if is_left(item)]
    kept = [path for path in left if path.is_dir() and not path.is_symlink()]
    if kept:
        newest = max(kept, key=lambda path: path.parent.stat().st_mtime_ns)
        newest.rename(folder)
        newest.parent.rmdir()


def refuse_open(folder: Path, files: Collection[str]) -> None:
    """Refuse to replace files that a program holds open; where no file is named, any in the folder."""
    if not files and folder.is_dir():
        held = sorted(item.name for item in folder.iterdir() if item.name.startswith(_LOCKS))
        if held:
            raise UsageError([Problem("problem.out_in_use", file=str(folder / held[0]))])
    for file in files:
        locks = [lock + file[cut:] for lock in _LOCKS for cut in range(_REPLACED + 1)]
        if any((folder / lock).exists() for lock in (*locks, _LOCK_OF_LIBREOFFICE.format(file))):
            raise UsageError([Problem("problem.out_in_use", file=str(folder / file))])


def refuse_around(folder: Path) -> None:
    """Refuse to replace the folder that the command runs in, or one above it."""
    if Path.cwd().is_relative_to(folder.resolve()):
        raise UsageError([Problem("problem.out_around", file=str(folder))])


def write_file(target: Path, made: bytes, check: Callable[[], None]) -> None:
    """Put a file in its place, or leave everything as it was.

    What is there is checked again before it is replaced: much may have happened while the file was made.
    """
    with disk(target), _parents(target), tempfile.TemporaryDirectory(prefix=_BESIDE, dir=target.parent) as beside:
        file = Path(beside) / target.name
        file.write_bytes(made)
        check()
        file.replace(target)


def write_folder(folder: Path, files: Mapping[str, bytes], check: Callable[[], None]) -> None:
    """Put a folder of files in its place, or leave everything as it was.

    What is there is checked again before it is replaced: much may have happened while the files were made.
    """
    with disk(folder), _parents(folder):
        made = Path(tempfile.mkdtemp(prefix=_BESIDE, dir=folder.parent))
        try:
            _write(made, files)
            made.chmod(0o755)
            check()
            _swap(made, folder)
        finally:
            shutil.rmtree(made, ignore_errors=True)
        _clear_away(folder.parent)


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def remove_folder(folder: Path, check: Callable[[], None]) -> None:
    """Remove a folder of ours; what is half removed is never taken for what had been there."""
    with disk(folder):
        check()
        gone = Path(tempfile.mkdtemp(prefix=_BESIDE, dir=folder.parent))
        try:
            folder.rename(gone / folder.name)
        finally:
            shutil.rmtree(gone, ignore_errors=True)


def move_folder(folder: Path, target: Path, check: Callable[[], None]) -> None:
    """Give a folder of ours another name beside it; nothing that stands there is replaced.

    Raises
    ------
    UsageError
        When something stands there already, or the disk fails; what was there stays.
    """
    with disk(target):
        check()
        # (An empty folder would be replaced without a word.)
        if target.exists() or target.is_symlink():
            raise UsageError([Problem("problem.name_taken", file=str(target))])
        folder.rename(target)


def write_among(
    folder: Path, files: Mapping[str, bytes], is_stale: Callable[[str], bool], check: Callable[[], None]
) -> None:
    """Put files in the place of earlier ones among others that stay in a folder, or leave everything as it was.

    A program that is killed meanwhile leaves the earlier ones beside the new ones; `undo_among` puts them back.

    Parameters
    ----------
    is_stale
        Tells by its name whether a file or folder in it belongs to what is replaced: it goes, where none follows it.
    check
        Looks at the folder once more: much may have happened while the files were made.
    """
    if not folder.exists():
        write_folder(folder, files, check)
        return
    with disk(folder):
        beside = Path(tempfile.mkdtemp(prefix=_BESIDE, dir=folder))
        moving = beside.with_name(_BEFORE + beside.name.removeprefix(_BESIDE))
        try:
            (beside / "new").mkdir()
            _write(beside / "new", files)
            (beside / "old").mkdir()
            check()
            new = sorted(item.name for item in (beside / "new").iterdir())
            old = sorted(
                item.name
                for item in folder.iterdir()
                if item != beside and (item.name in new or is_stale(item.name)) and not is_left(item)
            )
            (beside / _MOVES).write_text(json.dumps({"new": new, "old": old}), encoding="utf-8")
            beside.rename(moving)
            for name in old:
                (folder / name).rename(moving / "old" / name)
            for name in new:
                (moving / "new" / name).rename(folder / name)
            # (From here on nothing is put back.)
            (moving / _MOVES).unlink()
            shutil.rmtree(moving, ignore_errors=True)
        except BaseException:  # (Ctrl-C too)
            undo_among(folder)
            raise
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        _clear_away(folder)


def undo_among(folder: Path, *, older: float = 0.0) -> None:
    """Put back into a folder what a killed program had moved out of the way of files that did not all follow.

    Parameters
    ----------
    older
        How long ago that program must have begun, where others may be moving files there at this moment [s].
    """
    for moving in folder.glob(f"{_BEFORE}*"):
        if not is_left(moving) or time.time() - moving.stat().st_mtime < older:
            continue
        with suppress(FileNotFoundError):
            moves = json.loads((moving / _MOVES).read_text(encoding="utf-8"))
            # (What names anything elsewhere was not written by us, and is left as it is.)
            if not all(map(is_plain, (*moves["new"], *moves["old"]))):
                continue
            for name in moves["new"]:
                # (What is not among the new ones any more stands in the folder, unless it has been taken away again.)
                if not (moving / "new" / name).exists() and (name not in moves["old"] or _is_there(moving, name)):
                    _remove(folder / name)
            for name in moves["old"]:
                if _is_there(moving, name):
                    (moving / "old" / name).rename(folder / name)
        shutil.rmtree(moving, ignore_errors=True)


def _is_there(moving: Path, name: str) -> bool:
    return (moving / "old" / name).exists()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _parents(target: Path) -> Iterator[None]:
    """Make the folders above a target, and take them away again when it cannot be written."""
    missing = [path for path in target.absolute().parents if not path.exists()]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for path in missing:
            with suppress(OSError):
                path.rmdir()
        raise


def _swap(made: Path, folder: Path) -> None:
    """Put a finished folder in the place of an old one; the old one comes back if that fails."""
    if not folder.exists():
        made.rename(folder)
        return
    old = Path(tempfile.mkdtemp(prefix=_BEFORE, dir=folder.parent))
    kept = old / folder.name
    try:
        folder.rename(kept)
        made.rename(folder)
    except BaseException:  # (Ctrl-C too)
        if kept.exists():
            kept.rename(folder)
        old.rmdir()
        raise
    # (What is half removed must never be taken for what had been there.)
    with suppress(OSError):
        old = old.rename(old.with_name(_BESIDE + old.name.removeprefix(_BEFORE)))
    shutil.rmtree(old, ignore_errors=True)


def _clear_away(above: Path) -> None:
    """Remove what killed programs left in a folder long ago, but for what they had moved away."""
    with suppress(OSError):
        for item in above.glob(f"{_BESIDE}*"):
            is_old = item.name.startswith(_BEFORE)
            if not is_old and is_left(item) and time.time() - item.stat().st_mtime > _STALE:
                shutil.rmtree(item, ignore_errors=True)
