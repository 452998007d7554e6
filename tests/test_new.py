"""A planner's own folder: whole, sound, under one name; or nothing at all."""

import errno
import json
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import DATA, Tiny, call_allocate

from allocate import datum, starting
from allocate.bundle import bundled
from allocate.district import District, Origin
from allocate.errors import UsageError
from allocate.model import read_model
from allocate.planning import plan
from allocate.plans import Plan
from allocate.read import find_district, read_district
from allocate.report.templates import template, workbook_of
from allocate.starting import LONGEST_NAME, start
from allocate.words import LANGUAGES, say_in, speaking

EXAMPLE = str(DATA / "tiny.toml")
FIGURES = ("years", "outcome", "stages", "draws", "scorecard", "places", "sites", "ledger", "budget", "coverage")
Run = Callable[..., subprocess.CompletedProcess[str]]


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else b""
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture
def allocate(tmp_path: Path) -> Run:
    """Return a function that runs a command in a folder; a traceback fails the test that meets it."""

    def run(*arguments: object, home: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        return call_allocate(home, "--language", "en", *arguments)

    return run


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """Return a planner's folder, made from the small district."""
    start(tmp_path / "mine", EXAMPLE)
    return tmp_path / "mine"


def refused(folder: Path, model: str = EXAMPLE) -> str:
    with speaking("en"), pytest.raises(UsageError) as caught:
        start(folder, model)
    assert len(caught.value.problems) == 1
    return caught.value.problems[0].what


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_copy_plans_to_the_figures_of_the_original(mine: Path, tiny_plan: Plan) -> None:
    model = read_model(mine)
    content = plan(read_district(model.district_folder()), model).content
    assert (content["model"], content["district"]) == ("mine", "mine")
    for figures in FIGURES:
        assert content[figures] == tiny_plan.content[figures], figures


def test_the_folder_is_used_by_its_name_from_inside_and_by_its_path_from_outside(allocate: Run, tmp_path: Path) -> None:
    made = allocate("new", "work/mine", "--from", EXAMPLE)
    assert (made.returncode, made.stderr) == (0, "")
    assert [line.strip() for line in made.stdout.splitlines()[-2:]] == ["allocate check mine", "allocate plan mine"]
    folder = tmp_path / "work" / "mine"
    quick = ("--set", 'goals=[{goal="cost"}]')
    for home, name in ((folder, "mine"), (folder, "."), (tmp_path, "work/mine"), (tmp_path, folder)):
        checked = allocate("check", name, home=home)
        assert (checked.returncode, checked.stderr) == (0, "")
        assert "Read the model mine" in checked.stdout
    inside, outside = allocate("plan", "mine", *quick, home=folder), allocate("plan", "work/mine", *quick)
    assert (inside.returncode, outside.returncode) == (0, 0), inside.stderr + outside.stderr
    one, two = (home / "maps" / "out" / "mine" / "plan.json" for home in (folder, tmp_path))
    assert one.read_bytes() == two.read_bytes()
    verified = allocate("verify", one.parent, home=folder)
    assert (verified.returncode, verified.stdout.count("\n")) == (0, 1), "its own data are found and agree"


def test_baodi_is_copied_whole_with_its_sources_and_under_the_new_name_alone(tmp_path: Path) -> None:
    made = start(tmp_path / "我的区-2", "baodi")
    assert made.name == "我的区-2"
    files = tree(tmp_path / made.name)
    assert sorted(path for path, content in files.items() if content) == list(made.files)
    original = tree(bundled() / "data" / "baodi")
    assert files["data/模板.xlsx"] == template("zh")
    assert {path: files[f"data/{made.name}/{path}"] for path in original} == original
    assert files["models/presets/circles.toml"] == tree(bundled() / "models")["presets/circles.toml"]
    before = (bundled() / "models" / "baodi.toml").read_text(encoding="utf-8").splitlines()
    after = files[f"models/{made.name}.toml"].decode().splitlines()
    assert [(old, new) for old, new in zip(before, after, strict=True) if old != new] == [
        ('district = "baodi"', f'district = "{made.name}"')
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_with_excel_the_district_is_one_workbook_and_plans_to_the_same_figures(
    language: str, allocate: Run, tiny_plan: Plan, tmp_path: Path
) -> None:
    made = allocate("--language", language, "new", "mine", "--from", EXAMPLE, "--excel")
    assert (made.returncode, made.stderr) == (0, "")
    assert say_in(language, "template.file") in made.stdout  # type: ignore[arg-type]
    folder = tmp_path / "mine"
    assert {path.name for path in (folder / "data" / "mine").iterdir()} == {
        "boundary.geojson",
        "district.toml",
        "mine.xlsx",
    }
    assert (folder / "data" / "mine" / "district.toml").read_bytes() == (DATA / "tiny" / "district.toml").read_bytes()
    checked = allocate("check", "mine")
    assert (checked.returncode, checked.stderr) == (0, "")
    model = read_model(folder)
    content = plan(read_district(model.district_folder()), model).content
    for figures in FIGURES:
        assert content[figures] == tiny_plan.content[figures], figures


def shifted(tiny: Tiny) -> dict[str, bytes]:
    """Turn a district into a planner's own: a workbook in a folder, a card that names it, a boundary of the Web map."""
    district = read_district(tiny.folder)
    content = workbook_of(district, "zh")
    for file in tiny.folder.glob("*.csv"):
        file.unlink()
    (tiny.folder / "卫健委").mkdir()
    (tiny.folder / "卫健委" / "名单.xlsx").write_bytes(content)
    boundary = json.loads((tiny.folder / "boundary.geojson").read_text(encoding="utf-8"))
    ring = boundary["geometry"]["coordinates"] if "geometry" in boundary else boundary["coordinates"]
    ring[0] = datum.wgs84_to_gcj02(np.array(ring[0])).tolist()
    (tiny.folder / "boundary.geojson").unlink()
    (tiny.folder / "区界.geojson").write_text(json.dumps(boundary), encoding="utf-8")
    card = tiny.folder / "district.toml"
    told = {"places": "村居", "towns": "街镇", "institutions": "机构", "facts": "总数"}
    lines = [f'[tables.{table}]\nfile = "卫健委/名单.xlsx"\npart = "{part}"\n' for table, part in told.items()]
    text = card.read_text(encoding="utf-8") + "".join(lines) + '[tables.boundary]\ndatum = "高德"\n'
    card.write_text(text, encoding="utf-8")
    return {path: content for path, content in tree(tiny.folder).items() if content}


def same_district(one: District, other: District) -> bool:
    return replace(one, id="", inputs={}, origins={}, warnings=()) == replace(
        other, id="", inputs={}, origins={}, warnings=()
    )


def test_a_planners_own_files_are_copied_as_they_are(tiny: Tiny, tmp_path: Path) -> None:
    files = shifted(tiny)
    start(tmp_path / "mine", str(tiny.model))
    copied = tmp_path / "mine" / "data" / "mine"
    assert {path: content for path, content in tree(copied).items() if content} == files
    assert same_district(read_district(copied), read_district(tiny.folder))


def test_a_planners_own_files_become_one_workbook_in_the_datum_of_the_plan(tiny: Tiny, tmp_path: Path) -> None:
    shifted(tiny)
    start(tmp_path / "mine", str(tiny.model), excel=True)
    copied = tmp_path / "mine" / "data" / "mine"
    assert set(tree(copied)) == {"boundary.geojson", "district.toml", "mine.xlsx"}
    assert "tables" not in tomllib.loads((copied / "district.toml").read_text(encoding="utf-8"))
    assert same_district(read_district(copied), read_district(tiny.folder))


def test_a_boundary_in_a_file_of_its_own_stays_in_it(tiny: Tiny, tmp_path: Path) -> None:
    (tiny.folder / "boundary.geojson").rename(tiny.folder / "区界.geojson")
    start(tmp_path / "mine", str(tiny.model), excel=True)
    assert set(tree(tmp_path / "mine" / "data" / "mine")) == {"区界.geojson", "district.toml", "mine.xlsx"}


def test_a_district_called_like_a_table_is_read_all_the_same(tiny: Tiny, tmp_path: Path) -> None:
    for name in ("boundary", "机构", "区界", "roads"):
        start(tmp_path / name, EXAMPLE, excel=True)
        assert same_district(read_district(tmp_path / name / "data" / name), read_district(tiny.folder))


def test_a_district_in_a_database_has_no_files_to_copy_and_says_what_to_do(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    district = read_district(tiny.folder)
    relation = "gis · health.villages"
    origins = {**district.origins, "places": Origin(relation)}
    inputs = {name: digest for name, digest in district.inputs.items() if name != "places.csv"}
    asked = replace(district, inputs={**inputs, relation: "0" * 64}, origins=origins)
    monkeypatch.setattr(starting, "read_district", lambda _: asked)
    with speaking("en"), pytest.raises(UsageError, match="--excel") as caught:
        start(tmp_path / "mine", str(tiny.model))
    assert relation in str(caught.value)
    assert not (tmp_path / "mine").exists()
    start(tmp_path / "mine", str(tiny.model), excel=True)
    assert same_district(read_district(tmp_path / "mine" / "data" / "mine"), district)


@pytest.mark.parametrize("example", ["baodi", EXAMPLE])
def test_no_link_of_a_page_leads_nowhere_and_no_page_speaks_of_what_is_not_there(example: str, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    start(folder, example)
    pages = sorted(folder.rglob("*.md"))
    assert {"README.md", "data/README.md", "models/README.md", "maps/README.md"} <= {
        page.relative_to(folder).as_posix() for page in pages
    }
    followed = 0
    for page in pages:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page}: {target}"
                followed += 1
        if page.name == "README.md":
            # (What is bundled can be planned together with what is one's own.)
            text = re.sub(r"(?ms)^## Several districts.*?(?=^## |\Z)", "", page.read_text(encoding="utf-8"))
            for word in ("baodi", "tests/", "allocate/", "template.html", "page.js"):
                assert word not in text, f"{page}: {word}"
    assert followed >= 10


def test_a_link_to_what_is_not_copied_becomes_plain_words() -> None:
    text = "[up](../README.md), [away](../../x/y.md#z), [here](presets/circles.toml#a), [net](https://a.b), ![p](p.png)"
    files = ("README.md", "models/README.md", "models/presets/circles.toml")
    assert starting._without_dead_links("models/README.md", text, files) == (
        "[up](../README.md), away, [here](presets/circles.toml#a), [net](https://a.b), p"
    )


def test_the_first_page_says_in_both_languages_that_the_figures_are_an_example(tmp_path: Path) -> None:
    start(tmp_path / "mine", "baodi")
    text = (tmp_path / "mine" / "README.md").read_text(encoding="utf-8")
    chinese, english = text.split("\n---\n")
    assert "宝坻区的例子" in chinese
    assert "the example of Baodi" in english
    for part in (chinese, english):
        for words in ("allocate check mine", "allocate plan mine", "maps/out/mine/", "data/mine/"):
            assert words in part


@pytest.mark.parametrize("page", ["data/README.md", "maps/README.md"])
def test_the_pages_still_hold_what_a_planner_looks_up(page: str, mine: Path) -> None:
    text = (mine / page).read_text(encoding="utf-8")
    headings = {"data/README.md": ("## places.csv", "## district.toml"), "maps/README.md": ("## plan.json",)}
    assert all(heading in text for heading in headings[page])
    assert starting._PAGE_INSIDE in (bundled() / "maps" / "README.md").read_text(encoding="utf-8")
    assert starting._PAGE_INSIDE not in text


NAMES = {
    "new.name": ["a b", "ä", "a.b", "-a", "x" * (LONGEST_NAME + 1), "区" * 300, "a'b", 'a"b', "{name}", "..", "a\nb"],
    "new.reserved": ["con", "NUL", "Com1", "lpt9"],
    "new.bundled_name": ["baodi", "BaoDi"],
}


@pytest.mark.parametrize(("what", "name"), [(what, name) for what, names in NAMES.items() for name in names])
def test_a_name_that_would_make_trouble_is_refused(what: str, name: str, tmp_path: Path) -> None:
    assert refused(tmp_path / name) == what
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("name", ["a", "_", "2035", "静海区", "Jinghai-2035_b", "x" * LONGEST_NAME, "console"])
def test_a_sensible_name_is_taken(name: str, tmp_path: Path) -> None:
    start(tmp_path / name, EXAMPLE)
    assert find_district(name, tmp_path / name / "models") == tmp_path / name / "data" / name


def test_what_stands_there_already_stays_and_is_named(tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "notes.txt").write_text("mine")
    file = tmp_path / "file"
    file.write_text("mine")
    empty = tmp_path / "empty"
    empty.mkdir()
    links = {"to_folder": empty, "to_nothing": tmp_path / "nothing", "to_itself": tmp_path / "to_itself"}
    for name, target in links.items():
        (tmp_path / name).symlink_to(target)
    before = tree(tmp_path)
    with speaking("en"), pytest.raises(UsageError, match=r"notes\.txt"):
        start(full, EXAMPLE)
    assert refused(file) == "new.not_folder"
    assert {refused(tmp_path / name) for name in links} == {"new.not_folder"}
    assert refused(file / "below") == "new.failed"
    assert refused(tmp_path / "to_itself" / "below") == "new.failed"
    assert tree(tmp_path) == before


def test_an_empty_folder_is_filled_where_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    before = folder.stat().st_ino
    monkeypatch.chdir(folder)
    start(Path(), EXAMPLE)
    assert folder.stat().st_ino == before, "whoever stands in it still does"
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "data", "maps", "models"]
    assert find_district("mine") == Path("data/mine")


@pytest.mark.parametrize("there", ["nothing", "empty folder"])
@pytest.mark.parametrize(("fails", "at"), [("write_bytes", 0), ("write_bytes", 7), ("rename", 0), ("mkdir", 2)])
def test_a_disk_that_fails_leaves_nothing_behind(
    fails: str, at: int, there: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a" / "b" / "mine"
    if there == "empty folder":
        folder.mkdir(parents=True)
    before = tree(tmp_path)
    works = getattr(Path, fails)
    calls = []

    def fail_once(path: Path, *arguments: object, **options: object) -> object:
        calls.append(path)
        if len(calls) > at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return works(path, *arguments, **options)

    monkeypatch.setattr(Path, fails, fail_once)
    with speaking("en"), pytest.raises(UsageError, match=say_in("en", "problem.disk_enospc")):
        start(folder, EXAMPLE)
    monkeypatch.undo()
    assert tree(tmp_path) == before


def test_a_move_that_fails_half_way_is_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    works = Path.rename

    def fail_at_models(path: Path, target: Path) -> Path:
        if path.name == "models":
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
        return works(path, target)

    monkeypatch.setattr(Path, "rename", fail_at_models)
    assert refused(folder) == "new.failed"
    assert tree(tmp_path) == {"mine": b""}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_folder_that_may_not_be_written_gives_one_message(
    language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**options: object) -> str:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(starting.tempfile, "mkdtemp", refuse)
    why = say_in(language, "problem.disk_eacces")  # type: ignore[arg-type]
    with speaking(language), pytest.raises(UsageError, match=why) as caught:  # type: ignore[arg-type]
        start(tmp_path / "mine", EXAMPLE)
    assert len(str(caught.value).splitlines()) == 2
    assert tree(tmp_path) == {}


@pytest.mark.parametrize(
    "arguments",
    [("new",), ("new", "baodi"), ("new", "mine", "--from", "nowhere"), ("new", "full"), ("new", "x" * 300)],
)
def test_the_command_exits_2_with_a_message_and_makes_nothing(
    arguments: tuple[str, ...], allocate: Run, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    before = tree(tmp_path)
    done = allocate(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.strip()) > 20
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("line", "comment"),
    [("district = 'tiny'", ""), ('  district="tiny"', "  # district = ours"), ('district  = "tiny"', " # 区")],
)
def test_the_district_is_changed_however_its_line_is_written(
    line: str, comment: str, tiny: Tiny, tmp_path: Path
) -> None:
    tiny.edit("tiny.toml", f"district = '{tiny.folder}'", line + comment)
    start(tmp_path / "mine", str(tiny.model))
    text = (tmp_path / "mine" / "models" / "mine.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text)["district"] == "mine"
    assert f'"mine"{comment}\n' in text


@pytest.mark.parametrize("line", ['district = """tiny"""', '"district" = "tiny"'])
def test_a_district_that_cannot_be_changed_safely_is_refused(line: str, tiny: Tiny, tmp_path: Path) -> None:
    tiny.edit("tiny.toml", f"district = '{tiny.folder}'", line)
    assert refused(tmp_path / "mine", str(tiny.model)) == "new.district_line"
    assert not (tmp_path / "mine").exists()


def test_a_planners_folder_can_be_copied_again_with_its_own_circles(mine: Path, tmp_path: Path) -> None:
    change(mine / "models" / "presets" / "circles.toml", "speed_kmh = 15.0", "speed_kmh = 12.0")
    start(tmp_path / "second", str(mine))
    assert read_model(tmp_path / "second").modes["e_bike"].speed_kmh == 12.0


def test_a_speed_changed_in_the_planners_own_circles_is_the_speed_planned_with(mine: Path) -> None:
    before = read_model(mine)
    change(mine / "models" / "presets" / "circles.toml", "speed_kmh = 15.0", "speed_kmh = 12.0")
    after = read_model(mine)
    assert (before.modes["e_bike"].speed_kmh, after.modes["e_bike"].speed_kmh) == (15.0, 12.0)
    assert after.settings["modes"]["e_bike"]["speed_kmh"] == 12.0
    changed = {name for name in before.inputs if before.inputs[name] != after.inputs[name]}
    assert changed == {"presets/circles.toml"}


def test_a_folder_of_two_models_asks_which_one(mine: Path, allocate: Run) -> None:
    shutil.copy(mine / "models" / "mine.toml", mine / "models" / "second.toml")
    done = allocate("check", "mine")
    assert (done.returncode, done.stdout) == (2, "")
    assert "mine.toml, second.toml" in done.stderr
    assert allocate("check", mine / "models" / "second.toml").returncode == 0


def test_a_model_plans_the_district_beside_it_and_not_one_of_the_same_name_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for home in ("here", "there"):
        start(tmp_path / home / "mine", EXAMPLE)
    monkeypatch.chdir(tmp_path / "here" / "mine")
    other = Path("..") / ".." / "there" / "mine"
    assert read_model(other).district_folder().resolve() == tmp_path / "there" / "mine" / "data" / "mine"


def test_an_empty_folder_has_forms_and_no_figure_of_any_district(allocate: Run, tmp_path: Path) -> None:
    made = allocate("new", "mine", "--empty")
    assert (made.returncode, made.stderr) == (0, "")
    files = {path for path, content in tree(tmp_path / "mine").items() if content}
    assert {path for path in files if path.startswith("data/mine/")} == {"data/mine/district.toml"}
    assert {"models/mine.toml", "models/policies/mine.toml", "models/presets/circles.toml"} < files
    assert not {word for path in files for word in ("baodi", "宝坻") if word in path}
    model = read_model(tmp_path / "mine")
    assert (model.district, model.id, model.clauses) == ("mine", "mine", {})
    text = (tmp_path / "mine" / "models" / "mine.toml").read_text(encoding="utf-8")
    tables = [table for name, table in tomllib.loads(text).items() if name in ("siting", "rules")]
    assert {one["basis"] for table in tables for one in table.values()} == {"assumed"}
    page = (tmp_path / "mine" / "README.md").read_text(encoding="utf-8")
    assert all((tmp_path / "mine" / link).exists() for link in re.findall(r"\]\((\S+?)\)", page))


def test_check_says_what_an_empty_folder_still_lacks_and_how_it_is_called(allocate: Run, tmp_path: Path) -> None:
    allocate("new", "mine", "--empty")
    checked = allocate("check", "mine", home=tmp_path / "mine")
    assert checked.returncode == 2
    lacking = [line.split(":")[0].strip(" *") for line in checked.stderr.splitlines() if line.startswith("  * ")]
    assert lacking == [
        *(f"district.toml · column {key}" for key in ("name", "code", "epsg")),
        *("places.csv", "towns.csv", "boundary.geojson"),
    ]
    assert "a worksheet or a layer called “村居” (villages and communities)" in checked.stderr


def test_an_empty_folder_filled_in_is_planned_by_its_own_document(allocate: Run, tmp_path: Path) -> None:
    allocate("new", "mine", "--empty")
    home = tmp_path / "mine"
    for file in (DATA / "tiny").iterdir():
        shutil.copy(file, home / "data" / "mine")
    document = home / "models" / "policies" / "mine.toml"
    text = document.read_text(encoding="utf-8").replace('zh = "", en = ""', 'zh = "示例", en = "example"')
    head, clause = text.split("# [[clauses]]")
    document.write_text(head + re.sub(r"(?m)^# ?", "", "# [[clauses]]" + clause), encoding="utf-8")
    change(home / "models" / "mine.toml", '# policies = ["mine"]', 'policies = ["mine"]')
    checked = allocate("check", "mine", home=home)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "MY-T1 二（一） · 2027 · must" in checked.stdout


@pytest.mark.parametrize("other", [("--excel",), ("--from", EXAMPLE)])
def test_an_empty_folder_copies_no_example(other: tuple[str, ...], allocate: Run, tmp_path: Path) -> None:
    made = allocate("new", "mine", "--empty", *other)
    assert (made.returncode, made.stdout) == (2, "")
    assert f"--empty copies no example and does not go with {other[0]}" in made.stderr
    assert not (tmp_path / "mine").exists()
