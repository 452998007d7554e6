"""Every kind of fault is found by `check`, with its place, its value and its cure, and none hides another."""

import random
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import ROOT, Tiny, call_allocate
from postgis_server import Postgis
from seeded_faults import BOOK, MISFITS, SEEDED, Seeded, Spoil, as_workbook, clash, good, without_column
from test_database import WANTS_TEXT, pretending

from allocate import synonyms, tables
from allocate.checking import check_all
from allocate.errors import AllocateError, InputError, Problem
from allocate.fault_kinds import FaultKind
from allocate.read import read_district
from allocate.report.faults_page import faults_page
from allocate.words import LANGUAGES, Language, say, say_in, speaking

EXAMPLES = {example.kind.name: example for example in SEEDED}
SERVED = [pytest.mark.postgis, pytest.mark.xdist_group("postgis")]
EACH = [pytest.param(one.kind.name, marks=SERVED if one.server else []) for one in SEEDED]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """Return the good district; nobody changes it."""
    return good(tmp_path_factory.mktemp("good"))


@pytest.fixture
def spoilt(home: Tiny, tmp_path: Path) -> Tiny:
    """Return a copy of the good district, and of its model, that names it by its whole path."""
    copy = Tiny(Path(shutil.copytree(home.folder, tmp_path / "tiny")), tmp_path / "tiny.toml")
    shutil.copy(home.model, copy.model)
    copy.edit("tiny.toml", f"'{home.folder}'", f"'{copy.folder}'")
    return copy


@contextmanager
def served(example: Seeded, request: pytest.FixtureRequest) -> Iterator[None]:
    """Run the server that an example reads from, and let the environment lead to it."""
    patch = request.getfixturevalue("monkeypatch")
    patch.setenv("PGPASSWORD", "wrong")
    if example.server == "plain":
        with pretending(WANTS_TEXT) as (connection, _):
            patch.setenv("PGPORT", str(connection.port))
            yield
        return
    if example.server:
        server: Postgis = request.getfixturevalue("postgis")
        server.run("DROP SCHEMA IF EXISTS seeded CASCADE", "CREATE SCHEMA seeded", *example.asked)
        patch.setenv("PGPORT", str(server.port))
        patch.setenv("PGPASSWORD", server.password)
        if example.server == "old":
            with server.connect(dbname="postgres") as opened:
                opened.execute("DROP DATABASE IF EXISTS seeded_old")
                opened.execute("CREATE DATABASE seeded_old ENCODING 'SQL_ASCII' TEMPLATE template0")
            with server.connect(dbname="seeded_old") as opened:
                opened.execute("CREATE TABLE villages (name text)")
                opened.execute("SET client_encoding = 'SQL_ASCII'")
                opened.execute(r"INSERT INTO villages VALUES (E'\264\363\325\305\327\257')")
    yield


def found_in(folder: Path) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
    """Return the faults and the warnings of a district."""
    try:
        return (), read_district(folder).warnings
    except InputError as error:
        return error.problems, error.warnings


def matches(example: Seeded, problem: Problem) -> bool:
    told = (problem.what, problem.file, problem.row, problem.column)
    same = told == (example.kind, example.file, example.row, example.column)
    return same and (str(problem.value) == str(example.value))


def test_every_kind_has_one_example() -> None:
    assert sorted(example.kind.name for example in SEEDED) == sorted(kind.name for kind in FaultKind)


def test_the_good_district_has_no_fault(home: Tiny) -> None:
    assert found_in(home.folder) == ((), ())


def together(examples: Iterable[Seeded]) -> list[list[Seeded]]:
    """Part examples into as few folders as they can live in: where a table cannot be read, nothing else of it is."""
    folders: list[list[Seeded]] = []
    for example in sorted(examples, key=lambda one: one.whole):
        home = next((all_ for all_ in folders if not any(clash(example, one) for one in all_)), None)
        if home is None:
            folders.append([example])
        else:
            home.append(example)
    return folders


def spoil_all(tiny: Tiny, examples: Sequence[Seeded]) -> list[str]:
    """Spoil a district in many ways at once and return what is not found of it."""
    # (What changes whole columns comes after what changes cells by their names.)
    for example in sorted(examples, key=lambda one: one.row == 1):
        example.spoil(tiny.folder)
    faults, warnings = found_in(tiny.folder)
    return [
        one.kind.name
        for one in examples
        if not any(matches(one, problem) for problem in (faults if one.fault else warnings))
    ]


# What needs a server, or other limits of the program, is tried alone.
PLAIN = [example for example in SEEDED if not example.server and example.needs is None]
FOLDERS = together(PLAIN)


@pytest.mark.parametrize("number", range(len(FOLDERS)))
def test_faults_that_stand_in_one_folder_are_all_found_in_one_pass(number: int, spoilt: Tiny) -> None:
    assert spoil_all(spoilt, FOLDERS[number]) == []


def test_one_folder_holds_more_than_fifty_five_kinds_of_faults_at_once() -> None:
    assert max(sum(example.fault for example in folder) for folder in FOLDERS) > 55


@pytest.mark.parametrize("seed", range(25))
def test_any_two_faults_of_different_cells_are_both_found(seed: int, spoilt: Tiny) -> None:
    chance = random.Random(seed)
    pair: list[Seeded] = []
    while len(pair) < 2 or clash(*pair):
        pair = chance.sample(PLAIN, 2)
    assert spoil_all(spoilt, pair) == []


# Verbs of advice: one of them stands in every sentence.
ADVICE = {
    "zh": re.compile("请|可|改|需要时"),
    "en": re.compile(
        r"\b(add|ask|call|check|choose|convert|correct|declare|delete|divide|enter|estimate|exchange|export|fill|format|"
        r"give|GRANT|keep|leave|let|look|make|mend|move|name|open|part|paste|put|remove|save|say|tell|try|turn|unhide|"
        r"unmerge|unpack|use|write)\b",
        re.IGNORECASE,
    ),
}


@pytest.mark.parametrize("name", EACH)
def test_every_fault_is_found_and_nothing_else_and_check_says_where_and_what_and_what_to_do(
    name: str, spoilt: Tiny, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    example = EXAMPLES[name]
    example.spoil(spoilt.folder)
    before = sorted(spoilt.folder.parent.rglob("*"))
    # (Its sentence is looked at in both languages, and that `check` says it in one or the other.)
    spoken = LANGUAGES[list(EXAMPLES).index(name) % 2]
    with served(example, request):
        if example.needs is not None:
            example.needs(monkeypatch)
        with speaking(spoken):
            said = checked(spoilt, fault=example.fault)
        found = {}
        for language in LANGUAGES:
            with speaking(language):
                found[language] = found_in(spoilt.folder)
    for language, (faults, warnings) in found.items():
        seen = [one for one in (faults if example.fault else warnings) if matches(example, one)]
        assert len(seen) == 1, [(one.what, one.file, one.row, one.column, one.value) for one in (*faults, *warnings)]
        assert {one.what for one in (*faults, *warnings)} == {example.kind, *example.also}
        (problem,) = seen
        with speaking(language):
            line = problem.sentence()
            advice = say(problem.what, **problem.details)
        assert language != spoken or sum(told.endswith(line) for told in said.splitlines()) == 1
        where, _, _ = line.partition(advice)
        assert example.file in where
        assert example.row is None or say_in(language, "problem.row", row=example.row) in where
        assert example.column in where
        assert example.value is None or f"“{str(example.value)[:60]}" in where
        assert ADVICE[language].search(advice), advice
    assert sorted(spoilt.folder.parent.rglob("*")) == before


def checked(tiny: Tiny, *, fault: bool) -> str:
    """Return what `check` says of a folder that must, or must not, be refused."""
    if not fault:
        return "\n".join(check_all(str(tiny.model), {}))
    with pytest.raises(AllocateError) as caught:
        list(check_all(str(tiny.model), {}))
    assert caught.value.exit_code == 2
    return str(caught.value)


@pytest.mark.parametrize(("name", "code"), [("CHOICE", 2), ("ZIP_BOMB", 2), ("SAME_SPOT", 0), ("NUMBER_READ", 0)])
def test_the_command_refuses_faults_and_lets_warnings_pass(name: str, code: int, spoilt: Tiny) -> None:
    example = EXAMPLES[name]
    example.spoil(spoilt.folder)
    before = sorted(spoilt.folder.parent.rglob("*"))
    done = call_allocate(spoilt.folder.parent, "--language", "en", "check", spoilt.model)
    assert done.returncode == code, done.stdout + done.stderr
    assert example.file in done.stdout + done.stderr
    assert sorted(spoilt.folder.parent.rglob("*")) == before


@pytest.mark.parametrize("language", LANGUAGES)
def test_faults_of_the_model_and_of_its_district_come_in_one_message(language: Language, spoilt: Tiny) -> None:
    EXAMPLES["CHOICE"].spoil(spoilt.folder)
    spoilt.edit("tiny.toml", "draws = 3", "draws = 3\ncolour = 1")
    with speaking(language):
        said = checked(spoilt, fault=True)
        assert say("problem.heading_model", count=1) in said
        assert say("problem.heading_input", count=1) in said
    assert "colour" in said
    assert "hamlet" in said


def test_a_model_that_is_no_toml_is_said_alone(spoilt: Tiny) -> None:
    EXAMPLES["CHOICE"].spoil(spoilt.folder)
    spoilt.edit("tiny.toml", "draws = 3", "draws = ")
    said = checked(spoilt, fault=True)
    assert "TOML" in said
    assert "hamlet" not in said


def test_a_change_of_the_district_is_followed_though_the_model_is_wrong(spoilt: Tiny, tmp_path: Path) -> None:
    other = shutil.copytree(spoilt.folder, tmp_path / "other")
    EXAMPLES["CHOICE"].spoil(other)
    with pytest.raises(AllocateError, match="hamlet"):
        list(check_all(str(spoilt.model), {"district": str(other), "draws": "-1"}))


def test_warnings_stand_below_faults(spoilt: Tiny) -> None:
    for name in ("CHOICE", "SAME_SPOT"):
        EXAMPLES[name].spoil(spoilt.folder)
    with speaking("en"):
        lines = checked(spoilt, fault=True).splitlines()
    assert ["hamlet" in lines[1], "Besides, 1" in lines[2], "same spot" in lines[3]] == [True] * 3


# Faults of cells and rows, which stand in a workbook as they stand in a CSV file.
IN_CELLS = {one.kind.name for one in PLAIN if not one.whole and one.row != 1 and one.file == f"{one.about}.csv"}


@pytest.mark.parametrize("name", sorted(IN_CELLS - {"CELLS"}))
def test_a_fault_in_a_workbook_is_named_by_the_planners_own_sheet_heading_and_row(name: str, spoilt: Tiny) -> None:
    example = EXAMPLES[name]
    example.spoil(spoilt.folder)
    as_workbook(spoilt.folder)
    faults, warnings = found_in(spoilt.folder)
    table = next(one for one in tables.TABLES if one.name == example.about)
    problem = next(one for one in (faults if example.fault else warnings) if one.what == example.kind)
    assert problem.file == f"{BOOK} · {synonyms.title_of(table.name, 'zh')}"
    assert problem.row == (None if example.row is None else example.row + 1)
    assert (problem.column, str(problem.value)) == (example.column, str(example.value))
    if example.column in {column.name for column in table.columns}:
        assert problem.heading == synonyms.heading_of(table, example.column, "zh")
        with speaking("zh"):
            assert f"列 {problem.heading} ({example.column})" in problem.sentence()
    assert {one.what for one in (*faults, *warnings)} == {example.kind, *example.also}


@pytest.mark.parametrize(("what", "about", "row", "column", "spoil"), MISFITS, ids=[f"{m[0]} {m[1]}" for m in MISFITS])
def test_what_does_not_fit_the_model_is_named_by_the_planners_own_sheet_heading_and_row(
    what: str, about: str, row: int | None, column: str, spoil: Spoil, spoilt: Tiny
) -> None:
    if what == "lead_unqualified":
        spoilt.edit("tiny.toml", 'may_lead = ["hospital-2"]', 'may_lead = ["hospital-2"]\nlevel = 2')
    spoil(spoilt.folder)
    as_workbook(spoilt.folder)
    with pytest.raises(InputError) as caught:
        list(check_all(str(spoilt.model), {}))
    table = next(one for one in tables.TABLES if one.name == about)
    (problem,) = [one for one in caught.value.problems if one.what == f"problem.{what}"]
    assert problem.file == f"{BOOK} · {synonyms.title_of(about, 'zh')}"
    assert problem.row == (None if row is None else row + 1)
    assert (problem.column, problem.heading) == (column, synonyms.heading_of(table, column, "zh"))


NEEDED = [(table.file, column.name) for table in tables.TABLES for column in table.columns if column.needed]


@pytest.mark.parametrize(("file", "column"), NEEDED)
def test_a_missing_column_is_one_fault_and_not_one_of_every_row(file: str, column: str, spoilt: Tiny) -> None:
    without_column(file, column)(spoilt.folder)
    faults, _ = found_in(spoilt.folder)
    told = [one.what for one in faults if one.what != FaultKind.ESTIMATE_FIRST]
    assert (told, faults[0].file, faults[0].column) == ([FaultKind.COLUMN_MISSING], file, column)


@pytest.mark.parametrize("file", [table.file for table in tables.TABLES])
def test_a_table_that_cannot_be_read_is_one_fault_and_not_one_of_every_code_that_it_had(
    file: str, spoilt: Tiny
) -> None:
    (spoilt.folder / file).write_bytes(b"\xff\xff\xff")
    faults, _ = found_in(spoilt.folder)
    assert [(one.what, one.file) for one in faults] == [(FaultKind.FILE_ENCODING, file)]


def test_the_page_of_faults_is_up_to_date_and_lists_every_kind_in_both_languages() -> None:
    page = faults_page()
    assert [page.count(f"`{kind.name}`") for kind in FaultKind] == [2] * len(FaultKind)
    again = (
        'python -c "from pathlib import Path; from allocate.report.faults_page import faults_page; '
        "Path('data/FAULTS.md').write_text(faults_page(), encoding='utf-8')\""
    )
    assert (ROOT / "data" / "FAULTS.md").read_text(encoding="utf-8") == page, f"Run: {again}"
