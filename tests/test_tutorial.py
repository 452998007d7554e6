"""The tutorial does what it says: its files are written, its commands run, and the lines that it shows appear."""

import re
import shlex
import shutil
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import xlsxwriter
from conftest import ROOT, call_allocate
from python_calamine import CalamineWorkbook

PAGE = ROOT / "models" / "TUTORIAL.md"
LIST = "data/qinghe/青河区村居名单.xlsx"
ELISION = "…"
FILE_TABLE = {"| 文件 | 放到 |", "| file | goes to |"}
CELL_TABLE = re.compile(r"\| (?:工作表“(\S+)”|sheet (\S+)) \| (?:现在|now) \| (?:改成|change to) \|")
NAMED = re.compile(r"\*\*`(\S+?)`\*\*")
COPIED = "[same text as above]"
APPENDED = re.compile(r"末尾加上|Add at the end of")
SECTION = re.compile(r"\]\(#([^)]+)\)")

type Cell = str | int | float | bool


@dataclass(frozen=True)
class Text:
    """What a file of the lesson becomes, or has added to it."""

    path: str
    content: str
    added: bool


@dataclass(frozen=True)
class Copies:
    """Files of the lesson, by where they go."""

    files: Mapping[str, str]


@dataclass(frozen=True)
class Edits:
    """What is changed by hand in one sheet of the list: cell or row, what stands there now, and what will."""

    sheet: str
    rows: Sequence[tuple[str, str, str]]


@dataclass
class Commands:
    """Commands, and the lines that appear."""

    lines: list[str]
    shown: list[str] = field(default_factory=list)


type Step = Text | Copies | Edits | Commands


def page_of(language: str) -> list[str]:
    chinese, english = PAGE.read_text(encoding="utf-8").split("\n---\n")
    return (chinese if language == "zh" else english).splitlines()


def table_below(lines: Sequence[str], start: int) -> list[list[str]]:
    """Return the cells of a table whose heading stands in a line."""
    found = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        found.append([cell.strip().strip("`") for cell in line.strip("|").split("|")])
    return found


def steps_of(language: str) -> list[Step]:
    """Return what one language of the page tells its reader to do, in its order."""
    # (All at once: what is shown stands below its commands.)
    return list(_steps_of(language))


def _steps_of(language: str) -> Iterator[Step]:
    lines = page_of(language)
    above = (
        {} if language == "zh" else {(step.path, step.added): step for step in steps_of("zh") if isinstance(step, Text)}
    )
    at, last, named, added = 0, None, "", False
    while at < len(lines):
        line = lines[at]
        if line.startswith("```"):
            end = lines.index("```", at + 1)
            block = lines[at + 1 : end]
            if line == "```bash":
                last = Commands(block)
                yield last
            elif line == "```toml":
                assert named, f"no file is named for the block in line {at}"
                yield Text(named, "\n".join(block) + "\n", added)
                named = ""
            else:
                assert line == "```text"
                assert isinstance(last, Commands)
                assert not last.shown
                last.shown += block
            at = end
        elif line in FILE_TABLE:
            yield Copies(dict(table_below(lines, at)))
        elif heading := CELL_TABLE.fullmatch(line):
            rows = [(where, now, then) for where, now, then in table_below(lines, at)]
            yield Edits(heading[1] or heading[2], rows)
        elif path := NAMED.search(line):
            named, added = path[1], bool(APPENDED.search(line))
            if COPIED in line:
                yield above[named, added]
                named = ""
        at += 1


def mend(workbook: Path, edits: Edits) -> None:
    """Change cells of a workbook as a person does who reads the table of the lesson."""
    book = CalamineWorkbook.from_path(workbook)
    sheets: dict[str, list[list[Cell]]] = {
        name: [[*row] for row in book.get_sheet_by_name(name).to_python(skip_empty_area=False)]  # type: ignore[misc]
        for name in book.sheet_names
    }
    rows = sheets[edits.sheet]
    dropped: set[int] = set()
    for where, now, then in edits.rows:
        if whole := re.fullmatch(r"(?:第|row) (\d+)(?: 行)?", where):
            number = int(whole[1])
            assert now in map(str, rows[number - 1]), (where, rows[number - 1])
            dropped.add(number)
            continue
        column = ord(where[0]) - ord("A")
        told = [int(number) for number in re.findall(r"[A-Z](\d+)", where)]
        beside = re.search(r"([A-Z]) 列有数|in column ([A-Z])", where)
        for number in range(told[0], told[-1] + 1):
            row = rows[number - 1]
            if beside and row[ord(beside[1] or beside[2]) - ord("A")] == "":
                continue
            row += [""] * (column + 1 - len(row))
            assert str(row[column]) == now, (where, row[column])
            row[column] = float(then) if re.fullmatch(r"[\d.]+", then) else then
    sheets[edits.sheet] = [row for number, row in enumerate(rows, 1) if number not in dropped]
    with xlsxwriter.Workbook(str(workbook)) as made:
        for name, cells in sheets.items():
            sheet = made.add_worksheet(name)
            for r, row in enumerate(cells):
                for c, cell in enumerate(row):
                    if cell != "":
                        sheet.write(r, c, cell)


def appear(shown: Sequence[str], said: Sequence[str]) -> list[str]:
    """Return the lines shown that do not appear, in this order, among those said."""
    rest = iter(said)
    missing = []
    for line in shown:
        if line == ELISION:
            continue
        head = line.removesuffix(ELISION)
        if not any(one.startswith(head) if head != line else one == line for one in rest):
            missing.append(line)
            rest = iter(said)
    return missing


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_command_of_the_tutorial_runs_and_says_what_the_page_shows(language: str, tmp_path: Path) -> None:
    home, environment = tmp_path, {"ALLOCATE_LANGUAGE": "zh"}
    run = 0
    for step in steps_of(language):
        match step:
            case Text(path, content, added):
                file = home / path
                before = file.read_text(encoding="utf-8") + "\n"
                file.write_text(before * added + content, encoding="utf-8")
            case Copies(files):
                for file_name, goes_to in files.items():
                    assert (home / goes_to).is_dir()
                    shutil.copy(PAGE.parent / file_name, home / goes_to)
            case Edits():
                mend(home / LIST, step)
            case Commands(lines, shown):
                said: list[str] = []
                code = 0
                for line in lines:
                    program, *words = shlex.split(line)
                    if program == "cd":
                        home = home / words[0]
                    elif program == "export":
                        environment |= dict([words[0].split("=")])
                    else:
                        assert program == "allocate"
                        done = call_allocate(home, *words, **environment)
                        said += [*done.stdout.splitlines(), *done.stderr.splitlines()]
                        code = max(code, done.returncode)
                        run += 1
                assert code == (2 if shown and shown[0].startswith("allocate: ") else 0), (lines, said)
                assert appear(shown, said) == [], "\n".join([*lines, *said])
    assert run == 12


def test_both_languages_take_the_same_steps() -> None:
    chinese, english = (list(steps_of(language)) for language in ("zh", "en"))
    assert isinstance(english[0], Commands)
    assert english.pop(0).lines == ["export ALLOCATE_LANGUAGE=en"]
    assert [type(step) for step in chinese] == [type(step) for step in english]
    verbs = [
        [line.split()[:2] for step in told if isinstance(step, Commands) for line in step.lines]
        for told in (chinese, english)
    ]
    assert verbs[0] == verbs[1]
    assert [step for step in chinese if isinstance(step, Text)] == [step for step in english if isinstance(step, Text)]


def test_every_quotation_of_the_lesson_stands_in_its_document_and_every_file_is_named_as_made_up() -> None:
    document = "".join(line for line in page_of("zh") if line.startswith("> "))
    (policy,) = (step for step in steps_of("zh") if isinstance(step, Text) and "policies" in step.path)
    clauses = tomllib.loads(policy.content)["clauses"]
    assert len(clauses) == 5
    assert [clause["quote"] for clause in clauses if clause["quote"] not in document] == []
    book = CalamineWorkbook.from_path(PAGE.parent / "tutorial" / Path(LIST).name)
    assert "虚构" in str(book.get_sheet_by_name("村居名单").to_python()[0][0])
    assert "虚构" in (PAGE.parent / "tutorial" / "区界.geojson").read_text(encoding="utf-8")


def test_every_link_of_the_page_leads_somewhere() -> None:
    text = PAGE.read_text(encoding="utf-8")
    headings = [line.lstrip("# ") for line in text.splitlines() if line.startswith("#")]
    anchors = {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-").replace("\u3000", "-") for heading in headings
    }
    assert [anchor for anchor in SECTION.findall(text) if anchor not in anchors] == []
    files = re.findall(r"\]\(([^)#]+)\)", text)
    assert [link for link in files if not (PAGE.parent / link).exists()] == []


def test_a_line_that_differs_is_missed() -> None:
    said = ["one 1", "two 2", "three 3"]
    assert appear(["one 1", ELISION, "thr…"], said) == []
    assert appear(["two 2", "one 1"], said) == ["one 1"]
    assert appear(["two"], said) == ["two"]
