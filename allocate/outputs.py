"""What a plan's folder holds, what a plan can be exported as, and what a comparison of plans writes."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from allocate.answer import Answer, AnswerKind
from allocate.compared import Comparison
from allocate.draw import (
    card_pages,
    comparison_page,
    front_figure,
    is_card,
    is_picture,
    map_page,
    pictures,
    timetable_page,
)
from allocate.draw.picture import drawer
from allocate.draw.tiles import Tiles
from allocate.errors import Problem, UsageError
from allocate.names import PLAN_FILE
from allocate.plans import STOPPED, Plan, to_json
from allocate.replacing import (
    bring_back,
    check_folder,
    disk,
    is_left,
    move_folder,
    refuse_around,
    refuse_open,
    remove_folder,
    undo_among,
    write_among,
    write_file,
    write_folder,
)
from allocate.report.answers import answer_files
from allocate.report.belonging_tables import BELONGING_SHEETS
from allocate.report.blocks import Document
from allocate.report.calendars import calendars, is_calendar
from allocate.report.calibrated import CALIBRATION_SHEETS
from allocate.report.candidate_tables import CANDIDATE_SHEETS
from allocate.report.care_tables import CARE_SHEETS
from allocate.report.comma import csv_files, sites_csv
from allocate.report.frames import BELONGING_LAYERS, CANDIDATE_LAYERS, LAYERS, SENDING_LAYERS
from allocate.report.geopackage import geojson, geopackage
from allocate.report.pdf import pdf, typesetter
from allocate.report.recommendation import recommendation
from allocate.report.sending import SENDING_SHEETS
from allocate.report.sheets import SHEETS, STAFF_SHEETS
from allocate.report.word import word
from allocate.report.workbook import comparison_workbook, workbook
from allocate.words import Language, language, say, visible

MAP_FILE, WORKBOOK_FILE, REPORT_FILE, LAYERS_FILE, SITES_FILE, LOG_FILE = (
    "map.html", "plan.xlsx", "report.docx", "plan.gpkg", "sites.csv", "log.txt",
)  # fmt: skip
FILES = (PLAN_FILE, MAP_FILE, WORKBOOK_FILE, REPORT_FILE, LAYERS_FILE, SITES_FILE, LOG_FILE)
# Beside them, where a front was asked for.
FRONT_FILE = "front.svg"
# And these where it sends people out: timetables to print, and a folder of calendars.
TIMETABLE_FILE, CALENDARS = "timetable.html", "calendars"
# A folder with a page for every site; a plan of more sites has it where it is asked for.
CARDS, MOST_CARDS = "cards", 2_000
# The folder of maps for documents, where they were exported.
PICTURES = "pictures"
# The document as PDF, where it was exported.
PDF_FILE = "report.pdf"
_ASKED = (*FILES, FRONT_FILE, TIMETABLE_FILE, PDF_FILE)
# What a comparison of plans writes, into a folder of its own.
PAGE_FILE, TABLES_FILE = "compare.html", "compare.xlsx"
# What else may stand in the folder of an answer, by its kind: what it was worked out from, and plans.
_BESIDE: Mapping[AnswerKind, str] = {
    "sweep": r"runs|plans|runs\.csv|runs\.parquet|log\.txt|\.lock",
    "scenarios": r"compare(\.html|\.xlsx)?|log\.txt",
    "alternatives": r"log\.txt",
    "robust": r"log\.txt",
    "prices": r"log\.txt",
    "joint": r"log\.txt",
}
_PLANS: Mapping[AnswerKind, str] = {
    "sweep": r"",
    "scenarios": r"[^.].*",
    "alternatives": r"plan-\d+",
    "robust": r"plan|hedged",
    "prices": r"",
    "joint": r"[^.].*",
}
# What an export is called where no other name is given; a name without a dot is a folder.
EXPORTS = {
    "html": MAP_FILE, "xlsx": WORKBOOK_FILE, "docx": REPORT_FILE, "pdf": PDF_FILE, "png": PICTURES,
    "gpkg": LAYERS_FILE, "csv": "csv", "geojson": "geojson", "ics": CALENDARS, "timetable": TIMETABLE_FILE,
    "cards": CARDS,
}  # fmt: skip
# The files in the folders among them; calendars and cards are called after those whom they are of.
_HELD = {
    "csv": (
        *SHEETS,
        *STAFF_SHEETS,
        *BELONGING_SHEETS,
        *CARE_SHEETS,
        *CANDIDATE_SHEETS,
        *CALIBRATION_SHEETS,
        *SENDING_SHEETS,
    ),
    "geojson": (*LAYERS, *BELONGING_LAYERS, *CANDIDATE_LAYERS, *SENDING_LAYERS),
}
_CALLED: Mapping[str, Callable[[str], bool]] = {CALENDARS: is_calendar, PICTURES: is_picture, CARDS: is_card}
_WITHIN = {form: tuple(f"{name}.{form}" for name in names) for form, names in _HELD.items()}
# Width of a map in a document [px]: 15 cm at 200 dots to the inch.
_PRINTED = 1200


def check_target(folder: str | Path) -> None:
    """Refuse a folder that is not ours to replace, before any work is done.

    Raises
    ------
    UsageError
        When something else stands there, a file of it is open elsewhere, or the folder above cannot be written to.
    """
    held = {"": _ASKED, **_WITHIN, **dict.fromkeys(_CALLED, ())}
    # Without a plan in it, what bears our names may be anybody's.
    check_folder(Path(folder), held, lambda item: (item.parent / PLAN_FILE).is_file() and _is_ours(item))


def files_of(folder: str | Path) -> list[Path]:
    """Return what of a plan's folder is the plan's own, files and folders, in the order in which they are read."""
    items = [item for item in Path(folder).iterdir() if not item.is_symlink() and not is_left(item) and _is_ours(item)]
    known = (*_ASKED, *EXPORTS.values())
    return sorted(items, key=lambda item: (known.index(item.name), item.name))


def check_own(folder: str | Path) -> None:
    """Refuse to rename or remove the folder of a plan that is not the plan's alone.

    Raises
    ------
    UsageError
        When something else stands there, a file of it is open elsewhere, the disk fails, or it is part of an answer.
    """
    folder = Path(folder)
    with disk(folder):
        if not (folder / PLAN_FILE).is_file():
            raise UsageError([Problem("problem.file_missing", file=str(folder / PLAN_FILE))])
        outer = _outermost(folder.resolve())
    if outer is not None:
        raise UsageError([Problem("problem.plan_of_answer", file=str(folder), details={"answer": str(outer)})])
    check_target(folder)


def remove_plan(folder: str | Path) -> None:
    """Remove a plan's folder, whole or not at all; see `check_own`."""
    remove_folder(Path(folder), lambda: check_own(folder))


def move_plan(folder: str | Path, target: str | Path) -> None:
    """Give a plan's folder another name, where nothing stands yet; see `check_own`."""
    move_folder(Path(folder), Path(target), lambda: check_own(folder))


def _is_ours(item: Path) -> bool:
    """Tell whether a file or folder within a plan's folder is one that we write."""
    if item.is_symlink() or not item.is_dir():
        return item.name in _ASKED
    if is_left(item):
        return True
    known = _CALLED.get(item.name)
    if known is not None:
        return all(known(file.name) and not file.is_dir() for file in item.iterdir())
    names = _WITHIN.get(item.name)
    return names is not None and all(file.name in names and not file.is_dir() for file in item.iterdir())


def _sends(content: Mapping[str, Any]) -> bool:
    """Tell whether a plan sends anybody anywhere."""
    return bool(content.get("roster") or content.get("timetable"))


def _refuse_within(target: Path, form: str) -> None:
    """Refuse a plan's folder, and every name in it that is not ours: the next plan would find files of others there."""
    place = target.parent.resolve() / target.name
    for folder in (place, *place.parents):
        if folder / EXPORTS[form] == place or not (folder / PLAN_FILE).is_file():
            continue
        # Where other files lie already, no plan can replace the folder, and one more does no harm.
        if folder != place and not all(map(_is_ours, folder.iterdir())):
            continue
        beside = f"{folder.name}-{EXPORTS[form]}" if folder == place else place.name
        details = {"ours": str(folder / EXPORTS[form]), "beside": str(folder.parent / beside)}
        raise UsageError([Problem("problem.export_in_plan", file=str(target), details=details)])


def write_plan(plan: Plan, folder: str | Path) -> dict[str, Path]:
    """Write the files of a plan into a folder, replacing an earlier plan there, and return their paths.

    The workbook, the document, the styles of the layers, timetables, calendars and cards speak the language of the
    session.

    Raises
    ------
    UsageError
        When the folder is not a plan's, or the disk fails; what was there stays.
    """
    folder = Path(folder)
    check_target(folder)
    files = plan_files(plan)
    write_folder(folder, files, lambda: check_target(folder))
    return {name: folder / name for name in files}


def plan_files(plan: Plan) -> dict[str, bytes]:
    """Return the files of a plan's folder by their names within it; see `write_plan`."""
    content, spoken = plan.content, language()
    files = {
        PLAN_FILE: _bytes(to_json(content)),
        MAP_FILE: _bytes(map_page(content)),
        WORKBOOK_FILE: workbook(content, spoken),
        REPORT_FILE: report(content, spoken),
        LAYERS_FILE: geopackage(content, spoken),
        SITES_FILE: _bytes("\ufeff" + sites_csv(content)),
        LOG_FILE: _bytes(log_text(plan)),
    }
    if content.get("front"):
        files[FRONT_FILE] = _bytes(front_figure(content))
    if _sends(content):
        files[TIMETABLE_FILE] = _bytes(timetable_page(content, spoken))
        files |= {f"{CALENDARS}/{name}": made for name, made in calendars(content, spoken).items()}
    if len({site["id"] for site in content["sites"]}) <= MOST_CARDS:
        files |= {f"{CARDS}/{name}": _bytes(made) for name, made in card_pages(content, spoken).items()}
    return files


def report(content: Mapping[str, Any], spoken: Language) -> bytes:
    """Return the recommendation document of a plan as a Word file."""
    return word(_recommended(content, spoken))


def _recommended(content: Mapping[str, Any], spoken: Language) -> Document:
    """Return the recommendation document of a plan, with its maps."""
    return recommendation(content, spoken, pictures=drawer(content, spoken, width=_PRINTED))


def check_comparison_target(folder: str | Path) -> None:
    """Refuse a folder that holds anything but an earlier comparison, before any work is done.

    Raises
    ------
    UsageError
        When something else stands there, a file of it is open elsewhere, or the folder above cannot be written to.
    """
    files = (PAGE_FILE, TABLES_FILE)

    def is_ours(item: Path) -> bool:
        return item.name in files and not item.is_symlink() and not item.is_dir()

    check_folder(Path(folder), {"": files}, is_ours)


def comparison_files(made: Comparison, contents: Sequence[Mapping[str, Any]]) -> dict[str, bytes]:
    """Return page and workbook of a comparison by their names; see `write_comparison`."""
    return {
        PAGE_FILE: _bytes(comparison_page(made, contents)),
        TABLES_FILE: comparison_workbook(made, contents, language()),
    }


def write_comparison(made: Comparison, contents: Sequence[Mapping[str, Any]], folder: str | Path) -> dict[str, Path]:
    """Write page and workbook of a comparison into a folder, replacing an earlier one there, and return their paths.

    The workbook speaks the language of the session, and the page opens in it.

    Raises
    ------
    UsageError
        When the folder is not ours to replace, or the disk fails; what was there stays.
    """
    folder = Path(folder)
    check_comparison_target(folder)
    files = comparison_files(made, contents)
    write_folder(folder, files, lambda: check_comparison_target(folder))
    return {name: folder / name for name in files}


def answer_folder(plan: str | Path, kind: AnswerKind) -> Path:
    """Return where the answer to a question on a plan is written unless told otherwise: beside the plan.

    A plan that lies in the folder of an answer has it beside that one, which is written and replaced as a whole.
    """
    place = Path(plan).resolve()
    with disk(place):
        outer = _outermost(place)
    name = "-".join(place.relative_to(outer.parent).parts) if outer else place.name
    return (outer or place).parent / f"{name}-{kind}"


def _outermost(place: Path) -> Path | None:
    """Return the outermost folder around a place that is written and replaced as a whole; None where there is none."""
    return next((folder for folder in reversed(place.parents) if _is_whole(folder)), None)


def _is_whole(folder: Path) -> bool:
    """Tell whether a folder is a plan's, with nothing of others in it, or an answer's."""
    if (folder / PLAN_FILE).is_file():
        return all(map(_is_ours, folder.iterdir()))
    return any((folder / f"{kind}.json").is_file() and (folder / f"{kind}.html").is_file() for kind in _PLANS)


def check_answer_target(folder: str | Path, kind: AnswerKind) -> None:
    """Refuse a folder that holds anything but an earlier answer of the same kind, before any work is done.

    Raises
    ------
    UsageError
        When something else stands there, a file of it is open elsewhere, or the folder above cannot be written to. Or
        when it lies within the folder of a plan or of an answer: neither could be replaced any more.
    """
    folder = Path(folder)
    with disk(folder):
        outer = _outermost(folder.parent.resolve() / folder.name)
        if outer is not None:
            details = {"inside": str(outer), "beside": str(answer_folder(folder, kind))}
            raise UsageError([Problem("problem.answer_within", file=str(folder), details=details)])
        if folder.is_dir() and not folder.is_symlink():
            undo_among(folder)
    # Without an answer in it, what bears our names may be anybody's, but for the folder of a plan.
    there = (folder / f"{kind}.json").is_file()

    def is_ours(item: Path) -> bool:
        if item.is_dir() and not item.is_symlink() and (item / PLAN_FILE).is_file():
            return re.fullmatch(_PLANS[kind], item.name) is not None
        called = _is_of(item.name, kind) and not item.is_dir()
        return there and not item.is_symlink() and (called or re.fullmatch(_BESIDE[kind], item.name) is not None)

    with disk(folder):
        held = [item.name for item in folder.iterdir() if _is_of(item.name, kind)] if folder.is_dir() else []
    # (Nothing is held open where there is nothing: with no name, any would be looked for.)
    check_folder(folder, {"": held} if held else {}, is_ours)


def _is_of(name: str, kind: AnswerKind) -> bool:
    """Tell whether a file bears the name of one of an answer's own."""
    return re.fullmatch(rf"{kind}\.(json|html|xlsx)|{kind}-[a-z0-9_]+\.csv", name) is not None


def write_answer(answer: Answer, folder: str | Path, beside: Mapping[str, bytes] | None = None) -> dict[str, Path]:
    """Write an answer into a folder as JSON, page, workbook and tables, replacing an earlier one; return their paths.

    The workbook and the tables speak the language of the session, and the page opens in it. What else belongs into
    such a folder (the runs of a sweep, plans) stays.

    Parameters
    ----------
    beside
        More files of the folder by their names within it, such as those of plans (`plan_files`): they are written with
        the others, whole or not at all. Where there are any, they take the place of all plans that were there.

    Raises
    ------
    UsageError
        When the folder is not ours to replace, or the disk fails; what was there stays.
    """
    folder, kind = Path(folder), answer.kind
    check_answer_target(folder, kind)
    files = answer_files(answer, language())
    plans = _PLANS[kind] if beside else ""

    def is_stale(name: str) -> bool:
        return _is_of(name, kind) or re.fullmatch(plans, name) is not None

    write_among(folder, {**files, **(beside or {})}, is_stale, lambda: check_answer_target(folder, kind))
    return {name: folder / name for name in files}


def _bytes(text: str) -> bytes:
    """Return a text as UTF-8; half a character, which UTF-8 lacks, stands as the escape that JSON has for it."""
    return text.encode(errors="backslashreplace")


def export(
    content: Mapping[str, Any], form: str, target: str | Path, spoken: Language, tiles: Tiles | None = None
) -> Path:
    """Write a plan in one of the forms of `EXPORTS`, whole or not at all, and return where it stands.

    What we wrote into a plan's folder is replaced; anything else that stands there is not, and nothing of another name
    is put beside it.

    Raises
    ------
    UsageError
        When the target is not ours to replace, is open elsewhere, or the disk fails; what was there stays. Or when the
        plan sends nobody anywhere, and its timetables are asked for, or what makes a PDF is not installed.
    """
    target = Path(target)
    if form == "pdf":
        typesetter()
    if form in ("ics", "timetable") and not _sends(content):
        raise UsageError([Problem("problem.export_nobody", column="--to", value=form)])
    with disk(target):
        _refuse_within(target, form)
    if form in (*_WITHIN, "ics", "png", "cards"):
        return _export_folder(content, form, target, spoken)
    _check_file(target, form)
    makers: dict[str, Callable[[], bytes]] = {
        "html": lambda: _bytes(map_page(content, tiles)),
        "xlsx": lambda: workbook(content, spoken),
        "docx": lambda: report(content, spoken),
        "gpkg": lambda: geopackage(content, spoken),
        "timetable": lambda: _bytes(timetable_page(content, spoken)),
        "pdf": lambda: pdf(_recommended(content, spoken)),
    }
    write_file(target, makers[form](), lambda: _check_file(target, form))
    return target


def _check_file(target: Path, form: str) -> None:
    """Refuse a file that is not ours to replace."""
    with disk(target):
        ours = target.name == EXPORTS[form] and (target.parent / PLAN_FILE).is_file()
        if target.is_symlink() or (target.exists() and not (ours and target.is_file())):
            raise UsageError([Problem("problem.export_exists", file=str(target))])
        refuse_open(target.parent, [target.name])


def _check_folder(target: Path, form: str) -> None:
    """Refuse a folder of an export that is not ours to replace."""
    with disk(target):
        bring_back(target)
        refuse_open(target, _WITHIN.get(form, ()))
        ours = target.name == EXPORTS[form] and (target.parent / PLAN_FILE).is_file() and _is_ours(target)
        empty = target.is_dir() and all(map(is_left, target.iterdir()))
        if target.is_symlink() or (target.exists() and not (empty or ours)):
            raise UsageError([Problem("problem.export_exists", file=str(target))])
        if target.exists():
            refuse_around(target)


def _export_folder(content: Mapping[str, Any], form: str, target: Path, spoken: Language) -> Path:
    _check_folder(target, form)
    makers: dict[str, Callable[[], Mapping[str, bytes]]] = {
        "ics": lambda: calendars(content, spoken),
        "cards": lambda: {name: _bytes(made) for name, made in card_pages(content, spoken).items()},
        "png": lambda: pictures(content, spoken),
        "csv": lambda: _named(csv_files(content, spoken), form),
        "geojson": lambda: _named(geojson(content, spoken), form),
    }
    write_folder(target, makers[form](), lambda: _check_folder(target, form))
    return target


def _named(texts: Mapping[str, str], form: str) -> dict[str, bytes]:
    return {f"{name}.{form}": _bytes(text) for name, text in texts.items()}


def log_text(plan: Plan) -> str:
    """Return what ran: versions, seeds, seconds by phase, and what the solver printed."""
    content = plan.content
    lines = [say("log.heading", model=content["model"], district=content["district"])]
    lines += [f"{name} {number}" for name, number in content["versions"].items()]
    lines += [say("log.seeds", seeds=", ".join(str(draw["seed"]) for draw in content["draws"]) or "—")]
    lines += [say("log.stopped")] if content.get(STOPPED) else []
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
    # Names are the district's and the model's: none may pass for a line of its own.
    return "\n".join([*map(visible, [*lines, "", *plan.log.split("\n")])])
