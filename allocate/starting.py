"""Makes a planner's own folder: an example's district and model under a new name, or forms to fill in, and pages."""

import errno
import os
import re
import shutil
import tempfile
import tomllib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from allocate.bundle import bundled
from allocate.district import District
from allocate.errors import Problem, UsageError
from allocate.estimate import card_and_boundary
from allocate.faults import disk_reason
from allocate.files.text import decode
from allocate.folder import read_files
from allocate.model import PRESETS, find_model, presets_of, read_model
from allocate.names import CARD, DEVICES
from allocate.policies import FOLDER
from allocate.read import BOUNDARY, is_file, is_plain, read_district
from allocate.report.columns import columns_page
from allocate.report.templates import template, workbook_of
from allocate.synonyms import BOUNDARY as BOUNDARY_TABLE
from allocate.tables import TABLES
from allocate.words import LANGUAGES, language, say, say_in

LONGEST_NAME = 40
SOURCES = "SOURCES.md"
# The forms that an empty folder begins with, beside the circles.
FORMS = "presets/empty"

_HAN = r"\u3400-\u4dbf\u4e00-\u9fff"
_NAME = re.compile(rf"[0-9A-Za-z_{_HAN}][0-9A-Za-z_{_HAN}-]*")
# What only concerns those who change the page itself.
_PAGE_INSIDE = "What holds the page together"
_LINK = re.compile(r"!?\[([^\]]*)\]\(([^)\s#]+)(?:#[^)\s]*)?\)")


@dataclass(frozen=True)
class Started:
    """A planner's folder that was just made.

    Attributes
    ----------
    name
        Of district and model: the last part of the folder.
    source
        Name of the district whose figures were copied, in the language of the session; empty where none were.
    files
        What was written, by path within the folder.
    """

    name: str
    source: str
    files: tuple[str, ...]


def start(folder: Path, model: str = "baodi", *, excel: bool = False) -> Started:
    """Make a planner's own folder with data/, models/ and maps/, copied from an example; whole or not at all.

    With `excel`, the tables of the district come as one workbook in the words of planners, and not as its files are.

    Raises
    ------
    UsageError
        When the name cannot be used, something stands there already, or the disk fails; nothing is left behind.
    InputError, ModelError
        When the example itself is wrong.
    """
    # (Links are not followed: what the path says is what the planner sees.)
    folder = folder.absolute()
    name = _name_of(folder)
    _check_free(folder)
    example = read_model(model)
    source = example.district_folder()
    district = read_district(source)
    made_of = _as_workbook(source, district, name) if excel else _as_it_is(source, district)
    files = {f"data/{name}/{file}": content for file, content in made_of.items()}
    files |= _model_files(find_model(model), name)
    files[f"data/{template_name()}"] = template(language())
    pages = {
        "README.md": _page("readme", name, district.name),
        "data/README.md": _data_page(name),
        "models/README.md": _models_page(name),
        "maps/README.md": _maps_page(name, district.name),
    }
    made = files | {path: _without_dead_links(path, text, files | pages) for path, text in pages.items()}
    _write(made, folder)
    return Started(name, district.name[language()], tuple(sorted(made)))


def start_empty(folder: Path) -> Started:
    """Make a planner's own folder with forms for card, model and document, and no figures of any district.

    Raises
    ------
    UsageError
        When the name cannot be used, something stands there already, or the disk fails; nothing is left behind.
    """
    folder = folder.absolute()
    name = _name_of(folder)
    _check_free(folder)
    files = {**_forms(name), f"data/{template_name()}": template(language())}
    pages = {
        "README.md": _page("readme_empty", name, dict.fromkeys(LANGUAGES, "")),
        "data/README.md": _data_page(name),
        "models/README.md": _models_page(name),
        "maps/README.md": _maps_page(name, dict.fromkeys(LANGUAGES, "")),
    }
    made = files | {path: _without_dead_links(path, text, files | pages) for path, text in pages.items()}
    _write(made, folder)
    return Started(name, "", tuple(sorted(made)))


def add(home: Path, name: str, example: str = "", *, excel: bool = False) -> Started:
    """Add a district and its model to a planner's folder that is there already; whole or not at all.

    An `example` is the name of a bundled district, whose figures are copied, under its own name or another one; without
    one come forms to fill in. Nothing that stands in the folder is overwritten: circles that are there already stay.
    Where it is the name of a bundled model of several districts, that comes under its own name, with its districts that
    are bundled and not there yet.

    Raises
    ------
    UsageError
        When there is no such example, the name cannot be used or is taken, or the disk fails; nothing is left behind.
    """
    home = home.absolute()
    _check_name(name, "name", own=example)
    known = (*examples(), *joint_examples())
    if example and example not in known:
        details = {"choices": ", ".join(known)}
        raise UsageError([Problem("problem.choice", column="from", value=example, details=details)])
    _check_untaken(home, name)
    called = ""
    if example in joint_examples():
        if name != example:
            raise UsageError([Problem("new.joint_name", column="name", value=name, details={"name": example})])
        return _add_joint(home, name)
    if example:
        source = bundled() / "data" / example
        district = read_district(source)
        called = district.name[language()]
        made_of = _as_workbook(source, district, name) if excel else _as_it_is(source, district)
        files = {f"data/{name}/{file}": content for file, content in made_of.items()}
        files |= _model_files(bundled() / "models" / f"{example}.toml", name)
    else:
        files = _forms(name)
    files |= {f"data/{template_name()}": template(language())}
    made = {path: content for path, content in files.items() if not (home / path).exists()}
    _write(made, home)
    return Started(name, called, tuple(sorted(made)))


def examples() -> tuple[str, ...]:
    """Return the names of the bundled districts that have a model of the same name."""
    supplied = bundled()
    found = (card.parent.name for card in (supplied / "data").glob(f"*/{CARD}"))
    return tuple(sorted(name for name in found if (supplied / "models" / f"{name}.toml").is_file()))


def joint_examples() -> dict[str, tuple[str, ...]]:
    """Return the bundled models of several districts, by name, with the districts that each lists."""
    found = {}
    for file in sorted((bundled() / "models").glob("*.toml")):
        listed = tomllib.loads(_read(file).decode("utf-8-sig")).get("districts")
        if isinstance(listed, dict):
            found[file.stem] = tuple(str(one) for one in listed)
    return found


def _add_joint(home: Path, name: str) -> Started:
    """Add a bundled model of several districts, and of these what is bundled and not there yet."""
    models = bundled() / "models"
    text = _read(models / f"{name}.toml")
    files: dict[str, str | bytes] = {f"models/{name}.toml": text}
    for one in sorted({*joint_examples()[name]} & {*examples()}):
        source = bundled() / "data" / one
        if not (home / "data" / one).exists():
            copied = _as_it_is(source, read_district(source))
            files |= {f"data/{one}/{file}": content for file, content in copied.items()}
        if not (home / "models" / f"{one}.toml").exists():
            files |= _model_files(models / f"{one}.toml", one)
    made = {path: content for path, content in files.items() if not (home / path).exists()}
    _write(made, home)
    title = tomllib.loads(text.decode("utf-8-sig"))["title"]
    return Started(name, str(title[language()]), tuple(sorted(made)))


def _check_untaken(home: Path, name: str) -> None:
    """Refuse a name that something in a folder has already; Windows takes large and small letters for the same."""
    with _disk(home):
        for folder, end in (("data", ""), ("models", ".toml"), (f"models/{FOLDER}", ".toml")):
            there = [item.name for item in (home / folder).iterdir()] if (home / folder).is_dir() else []
            taken = next((item for item in there if item.casefold() == f"{name}{end}".casefold()), None)
            if taken is not None:
                details = {"found": f"{folder}/{taken}"}
                raise UsageError([Problem("new.taken", column="name", value=name, details=details)])


def _forms(name: str) -> dict[str, str | bytes]:
    """Return the forms for card, model and document, and the circles, of a district without any figures."""
    models = bundled() / "models"
    model, policy = (_read(models / FORMS / f"{form}.toml").decode() for form in ("model", "policy"))
    return {
        f"data/{name}/{CARD}": _read(models / FORMS / CARD),
        f"models/{name}.toml": _with_district(model, name, f"{name}.toml").replace('["name"]', f'["{name}"]'),
        f"models/{FOLDER}/{name}.toml": policy,
        f"models/{PRESETS}": _read(models / PRESETS),
    }


def _name_of(folder: Path) -> str:
    """Return the name that district and model will have."""
    _check_name(folder.name, "DIR")
    return folder.name


def _check_name(name: str, column: str, own: str = "") -> None:
    """Refuse a name that cannot be that of a folder and a file, or an example's other than its `own`."""
    supplied = {path.stem for path in (bundled() / "models").glob("*.toml")}
    supplied |= {path.parent.name for path in (bundled() / "data").glob(f"*/{CARD}")}
    what = ""
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        what = "new.name"
    elif name.lower() in DEVICES:
        what = "new.reserved"
    elif name.lower() in {taken.lower() for taken in supplied} and name != own:
        what = "new.bundled_name"
    if what:
        details = {"most": LONGEST_NAME} if what == "new.name" else {}
        raise UsageError([Problem(what, column=column, value=name, details=details)])


def _check_free(folder: Path) -> None:
    with _disk(folder):
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            raise UsageError([Problem("new.not_folder", value=str(folder))])
        found = sorted(item.name for item in folder.iterdir()) if folder.exists() else []
    if found:
        details = {"found": ", ".join(found[:5])}
        raise UsageError([Problem("new.not_empty", value=str(folder), details=details)])


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    """Turn what the disk refuses into one message."""
    try:
        yield
    except OSError as error:
        raise UsageError([Problem("new.failed", value=str(folder), details={"reason": disk_reason(error)})]) from None


def template_name() -> str:
    """Return what the empty workbook is called in the language of the session."""
    return say("template.file")


def _as_it_is(source: Path, district: District) -> dict[str, str | bytes]:
    """Return the very files that a district was read from, and its page of sources."""
    asked = [name for name in district.inputs if not is_file(source / name)]
    if asked:
        raise UsageError([Problem("new.no_files", str(source), details={"tables": ", ".join(asked)})])
    return {**read_files(source, district.inputs), **_sources(source)}


def _as_workbook(source: Path, district: District, name: str) -> dict[str, str | bytes]:
    """Return a district with all its tables in one workbook."""
    made = card_and_boundary(district)
    files = {f"{name}.xlsx": workbook_of(district, language()), CARD: made[CARD], BOUNDARY: made[BOUNDARY]}
    card = _read(source / CARD)
    if is_plain(decode(card)):
        # (Else it names files, or another datum than the workbook's.)
        kept = _without_tables(district)
        files |= read_files(source, kept)
        if _file(district, BOUNDARY_TABLE) in kept and BOUNDARY not in kept:
            del files[BOUNDARY]
    return files | _sources(source)


def _without_tables(district: District) -> tuple[str, ...]:
    """Return the files that a district was read from and that hold no table: the card, and what is drawn."""
    files = {_file(district, table.name) for table in TABLES}
    # (The files of one Shapefile have one name.)
    held = {file.rpartition(".")[0] for file in files}
    return tuple(file for file in district.inputs if file.rpartition(".")[0] not in held)


def _file(district: District, table: str) -> str:
    """Return the file that a table was read from, without the sheet or layer in it; empty where there is none."""
    called = district.origins[table].file if table in district.origins else ""
    return next((file for file in district.inputs if called == file or called.startswith(f"{file} · ")), "")


def _sources(source: Path) -> dict[str, str | bytes]:
    return dict(read_files(source, (SOURCES,)))


def _model_files(model: Path, name: str) -> dict[str, str | bytes]:
    """Return the model under its new name, byte for byte but for its district, and the circles that it may name."""
    text = _read(model).decode("utf-8-sig")
    return {
        f"models/{name}.toml": _with_district(text, name, model.name),
        f"models/{PRESETS}": _read(presets_of(model)),
    }


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise UsageError([Problem("problem.file_missing", str(path))]) from None


def _with_district(text: str, name: str, file: str) -> str:
    """Return a model's text with another district, its comments kept."""
    line = re.compile(r"""^([ \t]*district[ \t]*=[ \t]*)("[^"\r\n]*"|'[^'\r\n]*')""", re.MULTILINE)
    changed = line.sub(rf'\g<1>"{name}"', text, count=1)
    # Had the line stood within a table or a text, something else would have changed.
    with suppress(tomllib.TOMLDecodeError):
        if tomllib.loads(changed) == tomllib.loads(text) | {"district": name}:
            return changed
    raise UsageError([Problem("new.district_line", file, column="district", details={"example": name})])


def _page(key: str, name: str, district: Mapping[str, str]) -> str:
    """Return a page of the catalogue, Chinese first, then English."""
    said = {"name": name, "template": template_name()}
    texts = (say_in(spoken, f"new.{key}", **said, district=district[spoken]) for spoken in LANGUAGES)
    return "\n".join(text.strip("\n") + "\n" for text in texts)


def _data_page(name: str) -> str:
    """Return the page on the columns, without what only concerns those who change allocate."""
    text = columns_page().replace("data/baodi/", f"data/{name}/")
    for spoken in LANGUAGES:
        text = text.replace(f"{say_in(spoken, 'columns.generated')}\n\n", "")
    return text


def _models_page(name: str) -> str:
    text = _read(bundled() / "models" / "README.md").decode()
    return text.replace("baodi.toml", f"{name}.toml")


def _maps_page(name: str, district: Mapping[str, str]) -> str:
    """Return what comes out and where, then how map and plan.json are to be read."""
    _, *sections = re.split(r"^(?=## )", _read(bundled() / "maps" / "README.md").decode(), flags=re.MULTILINE)
    kept = [section for section in sections if not section.startswith(f"## {_PAGE_INSIDE}")]
    return _page("maps", name, district) + "\n" + "".join(kept)


def _without_dead_links(page: str, text: str, files: Collection[str]) -> str:
    """Turn every link into plain words that leads to no file or folder of a planner's folder."""
    made = {PurePosixPath(path) for path in files}
    made |= {above for path in made for above in path.parents}

    def keep(link: re.Match[str]) -> str:
        words, target = link.groups()
        if ":" in target:
            return link[0]
        parts: list[str] = []
        for part in (PurePosixPath(page).parent / target).parts:
            if part == ".." and parts:
                parts.pop()
            else:
                parts.append(part)
        return link[0] if PurePosixPath(*parts) in made else words

    return _LINK.sub(keep, text)


def _write(files: Mapping[str, str | bytes], folder: Path) -> None:
    """Write files that are not there yet below a folder that may be new, or leave everything as it was."""
    # All is written beside the first folder that is missing, then moved to where the first of its folders is missing.
    above = next(path for path in (folder, *folder.parents) if path.exists())
    moved: list[Path] = []
    with _disk(folder):
        made = None
        try:
            made = Path(tempfile.mkdtemp(prefix=".allocate-new-", dir=above))
            for path, content in files.items():
                target = made / folder.relative_to(above) / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content if isinstance(content, bytes) else content.encode())
            for item in _missing(made, above):
                target = above / item.relative_to(made)
                # (What has come to stand there meanwhile is not replaced.)
                if target.exists() or target.is_symlink():
                    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
                item.rename(target)
                moved.append(target)
        except OSError:
            for item in moved:
                shutil.rmtree(item, ignore_errors=True) if item.is_dir() else item.unlink(missing_ok=True)
            raise
        finally:
            if made is not None:
                shutil.rmtree(made, ignore_errors=True)


def _missing(made: Path, above: Path) -> Iterator[Path]:
    """Yield the files and whole folders below a folder that are not yet below another one."""
    for item in sorted(made.iterdir()):
        if item.is_dir() and (above / item.name).is_dir():
            yield from _missing(item, above / item.name)
        else:
            yield item
