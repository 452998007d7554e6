"""Writes a plan's folder: whole or not at all."""

import csv
import io
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from allocate.draw import map_page
from allocate.errors import Problem, UsageError
from allocate.plans import PLAN_FILE, Plan, to_json
from allocate.report.sites import headings, site_rows
from allocate.words import say

MAP_FILE, SITES_FILE, LOG_FILE = "map.html", "sites.csv", "log.txt"
FILES = (PLAN_FILE, MAP_FILE, SITES_FILE, LOG_FILE)
# A spreadsheet takes a cell that begins with one of these for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def check_target(folder: Path) -> None:
    """Refuse a folder that is not ours to replace, before any work is done.

    Raises
    ------
    UsageError
        When something else stands there, or the folder above cannot be written to.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UsageError([Problem("problem.out_not_folder", value=str(folder))])
    if folder.is_dir():
        strange = sorted(item.name for item in folder.iterdir() if item.name not in FILES)
        if strange:
            raise UsageError(
                [Problem("problem.out_not_ours", value=str(folder), details={"strange": ", ".join(strange[:5])})]
            )
    # What is missing above it is made only when there is a plan to write.
    above = next(path for path in folder.absolute().parents if path.exists())
    try:
        with tempfile.TemporaryDirectory(dir=above):
            pass
    except OSError as error:
        raise _unwritable(folder, error) from None


def _unwritable(folder: Path, error: OSError) -> UsageError:
    reason = error.strerror or str(error)
    return UsageError([Problem("problem.out_unwritable", value=str(folder), details={"reason": reason})])


def write_plan(plan: Plan, folder: Path) -> dict[str, Path]:
    """Write plan.json, map.html, sites.csv and log.txt into a folder, replacing an earlier plan there.

    Raises
    ------
    UsageError
        When the folder is not a plan's, or the disk fails; what was there stays.
    """
    check_target(folder)
    texts = {
        PLAN_FILE: to_json(plan.content),
        MAP_FILE: map_page(plan.content),
        SITES_FILE: "\ufeff" + sites_csv(plan.content),
        LOG_FILE: log_text(plan),
    }
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise _unwritable(folder, error) from None
    try:
        for name, text in texts.items():
            (made / name).write_text(text, encoding="utf-8", newline="")
        made.chmod(0o755)
        _swap(made, folder)
    except OSError as error:
        raise _unwritable(folder, error) from None
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return {name: folder / name for name in FILES}


def _swap(made: Path, folder: Path) -> None:
    """Put a finished folder in the place of an old one; the old one comes back if that fails."""
    if not folder.exists():
        made.rename(folder)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
    folder.rename(old / folder.name)
    try:
        made.rename(folder)
    except OSError:
        (old / folder.name).rename(folder)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


def sites_csv(content: Mapping[str, Any]) -> str:
    """Return the table of sites as CSV, in Chinese and English, with no cell that a spreadsheet would compute."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(headings(content["years"]))
    for row in site_rows(content):
        writer.writerow([_plain(cell) for cell in row])
    return text.getvalue()


def _plain(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def log_text(plan: Plan) -> str:
    """Return what ran: versions, seeds, seconds by phase, and what the solver printed."""
    content = plan.content
    lines = [say("log.heading", model=content["model"], district=content["district"])]
    lines += [f"{name} {number}" for name, number in content["versions"].items()]
    lines += [say("log.seeds", seeds=", ".join(str(draw["seed"]) for draw in content["draws"]) or "—")]
    lines += [say("log.phase", phase=name, seconds=f"{seconds:.1f}") for name, seconds in plan.phases.items()]
    lines += [
        say(
            "log.stage",
            stage=row["name"],
            value=row["value"],
            bound=row["bound"],
            gap=f"{100 * row['gap']:.3f}",
            unit=row["unit"],
        )
        for row in content["stages"]
    ]
    return "\n".join([*lines, "", plan.log])
