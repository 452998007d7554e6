"""Districts in the page: made, looked at, mended cell by cell, filled with files; and nothing happens by halves."""

import csv
import io
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import openpyxl
import pytest
from serving_page import ORIGIN, client_of
from starlette.testclient import TestClient

from allocate.bundle import bundled
from allocate.errors import UsageError
from allocate.files.mending import NotMendedError, mend_text, mend_workbook
from allocate.files.spreadsheets import workbook_in
from allocate.joint import read_joint
from allocate.serve import data_work, history
from allocate.serve.home import Home
from allocate.serve.uploads import checked_name
from allocate.starting import add
from allocate.words import LANGUAGES, Language, speaking

TINY = "/api/data/tiny"


def tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def district_of(folder: Path, name: str = "tiny") -> dict[str, bytes]:
    return tree(folder / "data" / name)


def put(client: TestClient, file: str, content: bytes, **query: str) -> Any:
    return client.put(f"{TINY}/files/{file}", content=content, params=query)


def look(client: TestClient, name: str = "tiny") -> dict[str, Any]:
    answer = client.get(f"/api/data/{name}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def version(client: TestClient, file: str) -> str:
    return str(client.get(f"{TINY}/cells", params={"file": file}).json()["version"])


def mend(client: TestClient, row: int, column: int, to: str, file: str = "places.csv", **more: Any) -> Any:
    changes = [{"row": row, "column": column, "to": to}]
    content = {"file": file, "sheet": "", "version": version(client, file), "changes": changes}
    return client.post(f"{TINY}/cells", json=content | more)


def workbook(sheets: dict[str, list[list[Any]]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[tuple[TestClient, Path]]:
    folder = tmp_path / "空 folder"
    folder.mkdir()
    with client_of(folder) as client:
        yield client, folder


# ---- making a district


def test_baodi_is_taken_into_an_empty_folder_byte_for_byte_and_found_on_the_first_page(
    empty: tuple[TestClient, Path],
) -> None:
    client, folder = empty
    assert 'data-example="baodi"' in client.get("/").text
    made = client.post("/api/districts", json={"name": "baodi", "from": "baodi", "excel": False})
    assert (made.status_code, made.json()["model"]) == (200, "baodi")
    assert district_of(folder, "baodi") == tree(bundled() / "data" / "baodi")
    assert (folder / "models" / "baodi.toml").read_bytes() == (bundled() / "models" / "baodi.toml").read_bytes()
    page = client.get("/").text
    assert 'href="/models/baodi"' in page
    assert 'href="/data/baodi"' in page
    assert 'data-example="baodi"' not in page
    assert 'data-example="jinnan"' in page


def test_what_stands_in_the_folder_is_never_overwritten(home_folder: Path) -> None:
    (home_folder / "models" / "presets").mkdir()
    (home_folder / "models" / "presets" / "circles.toml").write_text("# mine\n")
    before = tree(home_folder)
    add(home_folder, "mine", "baodi")
    after = tree(home_folder)
    assert {path: after[path] for path in before} == before
    assert "data/mine/places.csv" in after
    with pytest.raises(UsageError):
        add(home_folder, "MINE", "baodi")
    with pytest.raises(UsageError):
        add(home_folder, "jinnan", "baodi")
    with pytest.raises(UsageError):
        add(home_folder, "other", "../../etc")
    assert tree(home_folder) == after


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_model_of_several_districts_comes_with_those_it_needs_and_names_those_that_are_missing(
    home_folder: Path, language: Language
) -> None:
    add(home_folder, "baodi", "baodi")
    own = home_folder / "models" / "baodi.toml"
    own.write_text(own.read_text(encoding="utf-8") + "\n# 本地改过\n", encoding="utf-8")
    with client_of(home_folder, language) as client:
        first = client.get("/").text
        assert 'data-example="tianjin"' in first
        (said,) = re.findall(r'<p class="quiet" id="about-tianjin">([^<]*)</p>', first)
        comma = "、" if language == "zh" else ", "
        for group in (["宝坻区", "津南区"], ["武清区", "蓟州区"]) if language == "zh" else (["Wuqing", "Jizhou"],):
            assert comma.join(group) in said
        done = client.post("/api/districts", json={"name": "tianjin", "from": "tianjin"})
        assert done.json()["model"] == "tianjin"
        shown = client.get("/api/models/tianjin").json()
        first = client.get("/").text
        history = [one["of"] for one in client.get("/api/history").json()["entries"]]
    there = {one["name"] for one in shown["districts"] if one["has_model"] and one["has_data"]}
    assert there == {"baodi", "jinnan"}
    assert {"wuqing", "binhai"} <= {one["name"] for one in shown["districts"]} - there
    assert own.read_text(encoding="utf-8").endswith("# 本地改过\n"), "what was there stays"
    assert 'data-example="tianjin"' not in first
    assert history == ["tianjin", "jinnan"], "what was not added is not told"
    # What the terminal reads is what the page offers.
    joint = read_joint(home_folder / "models" / "tianjin.toml")
    assert set(joint.members) == {"baodi", "jinnan"}


def test_a_model_of_several_districts_keeps_its_name(home_folder: Path) -> None:
    before = tree(home_folder)
    with client_of(home_folder) as client:
        refused = client.post("/api/districts", json={"name": "mine", "from": "tianjin"})
        assert (refused.status_code, refused.json()["problems"][0]["what"]) == (422, "new.joint_name")
    assert {path for path in tree(home_folder) if not path.startswith("maps/")} == set(before)


def test_a_full_disk_leaves_nothing_of_a_new_district(home_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = tree(home_folder)
    rename = Path.rename

    def full(self: Path, target: Path) -> Path:
        if self.suffix == ".toml":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(UsageError, match="磁盘已满"):
        add(home_folder, "mine", "baodi")
    monkeypatch.undo()
    assert tree(home_folder) == before
    assert sorted(item.name for item in home_folder.iterdir()) == ["data", "models"]


@pytest.mark.parametrize("name", ["", "..", "a/b", "-x", "con", "x" * 41, "<img>"])
def test_a_name_that_is_none_makes_nothing(client: TestClient, home_folder: Path, name: str) -> None:
    before = tree(home_folder)
    answer = client.post("/api/districts", json={"name": name, "from": "empty"})
    assert answer.status_code == 422
    assert tree(home_folder) == before


def test_an_empty_district_says_what_it_lacks(client: TestClient, home_folder: Path) -> None:
    assert client.post("/api/districts", json={"name": "新区", "from": "empty"}).status_code == 200
    found = look(client, "新区")
    assert found["faults"] >= 3
    assert "fault.table_missing" in {one["what"] for one in found["findings"]}
    assert (home_folder / "models" / "新区.toml").is_file()


# ---- looking


def test_the_page_shows_what_the_reader_finds_and_from_which_files(client: TestClient, home_folder: Path) -> None:
    found = look(client)
    assert (found["faults"], found["name"]) == (0, "tiny")
    places = next(one for one in found["tables"] if one["file"] == "places.csv")
    lines = (home_folder / "data" / "tiny" / "places.csv").read_text(encoding="utf-8-sig").splitlines()
    assert places["rows"] == len(lines) - 1
    assert sum(places["bases"][0]["counts"].values()) == places["rows"]
    assert client.get("/data/tiny").status_code == 200
    assert client.get("/data/nowhere").status_code == 404
    assert client.get("/api/data/nowhere").status_code == 404


def test_a_finding_leads_to_its_cell_and_goes_once_it_is_mended(client: TestClient, home_folder: Path) -> None:
    path = home_folder / "data" / "tiny" / "places.csv"
    original = path.read_bytes()
    heading = original.decode("utf-8-sig").split("\n")[0].strip().split(",")
    column = heading.index("people")
    spoilt = mend_text(original, "", {(7, column): "12人x"})
    path.write_bytes(spoilt)
    found = next(one for one in look(client)["findings"] if one["kind"] == "fault" and one["row"] == 7)
    assert (found["there"], found["at"], found["value"]) == ("places.csv", column, "12人x")
    page = client.get("/data/tiny/tables/places.csv", params={"row": 7, "column": column}).text
    assert f'data-row="7" data-column="{column}" class="fault"' in page
    right = original.decode("utf-8-sig").splitlines()[6].split(",")[column]
    assert mend(client, 7, column, right).status_code == 200
    assert path.read_bytes() == original
    assert look(client)["faults"] == 0
    assert client.get("/data/tiny/files/places.csv").content == original


def test_models_of_the_district_are_listed_with_what_is_odd_for_them(client: TestClient) -> None:
    told = client.get(f"{TINY}/models").json()
    assert [one["name"] for one in told["models"]] == ["tiny"]
    assert all(one["model"] == "tiny" for one in told["findings"])


# ---- single cells


@pytest.mark.parametrize(
    ("raw", "cell", "to", "made"),
    [
        (b"a,b\r\n1,2\r\n", (2, 1), "3", b"a,b\r\n1,3\r\n"),
        (b'a,b\n"x ""y""\nz",2\n5,6', (2, 1), "a,b", b'a,b\n"x ""y""\nz","a,b"\n5,6'),
        (b'a,b\n1,"old"\n', (2, 1), "new", b'a,b\n1,"new"\n'),
        ("名,b\n宝坻,2\n".encode("gb18030"), (2, 0), "蓟州", "名,b\n蓟州,2\n".encode("gb18030")),
        ("名,b\n宝坻,2\n".encode("utf-16"), (2, 1), "3", "名,b\n宝坻,3\n".encode("utf-16")),
        (b"\xef\xbb\xbfa,b\n\n\n1,2", (4, 1), "", b"\xef\xbb\xbfa,b\n\n\n1,"),
        (b"a,b,c\n1\n", (2, 2), "x", b"a,b,c\n1,,x\n"),
    ],
)
def test_of_a_csv_every_byte_stays_but_those_of_the_cell(
    raw: bytes, cell: tuple[int, int], to: str, made: bytes
) -> None:
    assert mend_text(raw, "", {cell: to}) == made


def test_of_a_workbook_only_the_cell_changes_and_every_other_part_stays() -> None:
    raw = workbook({"村居": [["id", "name", "people"], ["001", "甲", None], ["002", "乙", 5]], "别的": [["x"], [1]]})
    made = mend_workbook(raw, "村居", {(2, 2): 12, (3, 0): "00<2>&"})
    assert workbook_in(made).grid("村居").cells == [["id", "name", "people"], ["001", "甲", 12], ["00<2>&", "乙", 5]]
    before, after = (zipfile.ZipFile(io.BytesIO(one)) for one in (raw, made))
    assert before.namelist() == after.namelist()
    changed = [name for name in before.namelist() if before.read(name) != after.read(name)]
    assert changed == ["xl/worksheets/sheet1.xml"]
    assert openpyxl.load_workbook(io.BytesIO(made))["村居"]["C2"].value == 12


def test_a_cell_that_a_formula_looks_at_is_left_alone() -> None:
    rows: list[list[Any]] = [["id", "people", "more"], ["001", 1, 4], ["002", 2, 5], ["合计", "=SUM(B2:B3)", None]]
    raw = workbook({"村居": rows, "b": [["=村居!C2*2"]]})
    for cell in ((2, 1), (4, 1), (2, 2)):
        with pytest.raises(NotMendedError):
            mend_workbook(raw, "村居", {cell: 7})
    assert workbook_in(mend_workbook(raw, "村居", {(3, 2): 7})).grid("村居").cells[2][2] == 7
    for formula in ('=INDIRECT("A1")', "=名称", "=SUM('[1]x'!A1)"):
        with pytest.raises(NotMendedError):
            mend_workbook(workbook({"村居": [["a"], [1], [formula]]}), "村居", {(2, 0): 7})


def test_a_row_of_totals_is_emptied_and_its_formulas_are_forgotten() -> None:
    raw = workbook({"村居": [["id", "people"], ["001", 1], ["002", 2], ["合计", "=SUM(B2:B3)"]]})
    names = {"[Content_Types].xml": b"</Types>", "xl/_rels/workbook.xml.rels": b"</Relationships>"}
    lines = {
        "[Content_Types].xml": b'<Override PartName="/xl/calcChain.xml" ContentType="a/b"/>',
        "xl/_rels/workbook.xml.rels": b'<Relationship Id="c" Type="t/calcChain" Target="calcChain.xml"/>',
    }
    with_chain = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(with_chain, "w") as new:
        for name in old.namelist():
            end = names.get(name, b"")
            new.writestr(name, old.read(name).replace(end, lines[name] + end) if end else old.read(name))
        new.writestr("xl/calcChain.xml", b'<calcChain><c r="B4" i="1"/></calcChain>')
    made = mend_workbook(with_chain.getvalue(), "村居", {(4, 0): None, (4, 1): None})
    assert workbook_in(made).grid("村居").cells == [["id", "people"], ["001", 1], ["002", 2]]
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        assert not any(b"calcChain" in archive.read(name) for name in archive.namelist())
        assert "xl/calcChain.xml" not in archive.namelist()
    assert openpyxl.load_workbook(io.BytesIO(made))["村居"]["B4"].value is None


def test_a_file_that_was_changed_meanwhile_is_not_written(client: TestClient, home_folder: Path) -> None:
    path = home_folder / "data" / "tiny" / "places.csv"
    old = version(client, "places.csv")
    assert mend(client, 3, 1, "新名").status_code == 200
    now = path.read_bytes()
    answer = mend(client, 4, 1, "别名", version=old)
    assert answer.status_code == 409
    assert answer.json()["problems"][0]["what"] == "serve_data.stale"
    assert path.read_bytes() == now


@pytest.mark.parametrize(
    ("row", "column", "to"),
    [(0, 0, "x"), (10**6, 0, "x"), (2, 10**4, "x"), (2, -1, "x"), (2, 1, "a\nb"), (2, 1, "\u202ex")],
)
def test_a_cell_that_is_none_or_a_text_that_is_hidden_changes_nothing(
    client: TestClient, home_folder: Path, row: int, column: int, to: str
) -> None:
    before = tree(home_folder)
    assert mend(client, row, column, to).status_code == 422
    assert tree(home_folder) == before


def test_a_mended_cell_can_be_undone_to_the_byte_and_the_history_says_both(
    client: TestClient, home_folder: Path
) -> None:
    path = home_folder / "data" / "tiny" / "places.csv"
    original = path.read_bytes()
    made = mend(client, 3, 1, 'a,"b"').json()
    assert path.read_bytes() != original
    entry = history.find(Home.at(home_folder), made["id"])
    assert entry is not None
    assert (entry.what, entry.of, entry.changes[0].key[:2]) == ("data", "tiny", ("places.csv", "3"))
    assert entry.changes[0].after == 'a,"b"'
    assert client.post(f"{TINY}/undo", json={"id": made["id"]}).status_code == 200
    assert path.read_bytes() == original
    assert client.post(f"{TINY}/undo", json={"id": made["id"]}).status_code == 409
    assert [one.undoes for one in history.entries(Home.at(home_folder))] == [made["id"], ""]


def alike(client: TestClient, file: str, row: int, column: int, to: str) -> Any:
    query = {"file": file, "sheet": "", "row": row, "column": column, "to": to}
    answer = client.get(f"{TINY}/alike", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def with_faults(home_folder: Path, file: str, cells: dict[tuple[int, int], str]) -> bytes:
    """Write the list of places with other texts in some cells, as CSV or as a workbook, and return it."""
    folder = home_folder / "data" / "tiny"
    raw = mend_text((folder / "places.csv").read_bytes(), "", cells)
    if file.endswith(".xlsx"):
        (folder / "places.csv").unlink()
        rows = [[one or None for one in row] for row in csv.reader(io.StringIO(raw.decode("utf-8-sig")))]
        raw = workbook({"places": rows})
    (folder / file).write_bytes(raw)
    return raw


PEOPLE, KIND = 7, 3


@pytest.mark.parametrize("file", ["places.csv", "places.xlsx"])
def test_all_cells_with_the_same_fault_and_value_are_mended_at_once_and_undone_at_once(
    client: TestClient, home_folder: Path, file: str
) -> None:
    wrong = {(3, PEOPLE): "无", (5, PEOPLE): "无", (9, PEOPLE): "无", (7, PEOPLE): "许多", (4, 1): "无"}
    original = with_faults(home_folder, file, wrong)
    path = home_folder / "data" / "tiny" / file
    (shown,) = [one for one in look(client)["findings"] if one["row"] == 3]
    assert shown["alike"] == 3
    found = alike(client, file, 3, PEOPLE, "12")
    assert (found["count"], found["rows"], found["same"]) == (3, "3, 5, 9", True)
    change = {
        "file": file,
        "sheet": "",
        "version": found["version"],
        "changes": [{"row": 3, "column": PEOPLE, "to": "12"}],
    }
    # What was not shown is not changed.
    assert client.post(f"{TINY}/cells", json={**change, "alike": 4}).status_code == 409
    assert path.read_bytes() == original
    done = client.post(f"{TINY}/cells", json={**change, "alike": 3})
    assert done.status_code == 200, done.text
    cells = {
        row: client.get(f"{TINY}/cells", params={"file": file}).json()["cells"][row - 1] for row in (3, 4, 5, 7, 9)
    }
    assert [cells[row][PEOPLE] for row in (3, 5, 9, 7)] == ["12", "12", "12", "许多"]
    assert cells[4][1] == "无", "another column is another matter"
    (entry,) = history.entries(Home.at(home_folder))
    assert [(one.key[1], one.before, one.after) for one in entry.changes] == [
        ("3, 5, 9 (3)", "无", entry.changes[0].after)
    ]
    assert client.post(f"{TINY}/undo", json={"id": done.json()["id"]}).status_code == 200
    assert client.get(f"{TINY}/cells", params={"file": file}).json()["cells"][2][PEOPLE] == "无"
    if file.endswith(".csv"):
        assert path.read_bytes() == original


def test_a_unit_behind_numbers_is_taken_off_all_of_them_and_each_keeps_its_number(
    client: TestClient, home_folder: Path
) -> None:
    with_faults(home_folder, "places.csv", {(3, PEOPLE): "120口子", (6, PEOPLE): "95 口子", (8, PEOPLE): "7口"})
    found = alike(client, "places.csv", 3, PEOPLE, "120")
    assert (found["count"], found["same"]) == (2, False)
    change = {"row": 3, "column": PEOPLE, "to": "120"}
    body = {"file": "places.csv", "sheet": "", "version": found["version"], "changes": [change], "alike": 2}
    assert client.post(f"{TINY}/cells", json=body).status_code == 200
    rows = client.get(f"{TINY}/cells", params={"file": "places.csv"}).json()["cells"]
    assert [rows[row - 1][PEOPLE] for row in (3, 6, 8)] == ["120", "95", "7口"]


def test_a_cell_that_has_no_fault_is_like_no_other(client: TestClient) -> None:
    assert alike(client, "places.csv", 3, KIND, "village")["count"] == 0


@pytest.mark.parametrize("given", [{"alike": "3"}, {"alike": True}, {"alike": 2, "changes": []}])
def test_what_is_asked_of_cells_alike_is_one_change_and_a_number(
    client: TestClient, home_folder: Path, given: dict[str, Any]
) -> None:
    before = tree(home_folder)
    body = {"file": "places.csv", "sheet": "", "version": version(client, "places.csv")}
    change = {"row": 3, "column": PEOPLE, "to": "12"}
    assert client.post(f"{TINY}/cells", json={**body, "changes": [change], **given}).status_code == 422
    assert tree(home_folder) == before


def test_very_many_cells_alike_are_mended_in_a_moment_and_too_many_are_refused(
    client: TestClient, home_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = {(row, PEOPLE): "无" for row in range(2, 40)}
    with_faults(home_folder, "places.csv", cells)
    monkeypatch.setattr(data_work, "MOST_ALIKE", 37)
    query = {"file": "places.csv", "sheet": "", "row": 2, "column": PEOPLE, "to": "1"}
    with speaking("zh"), pytest.raises(UsageError, match="最多改 37 处"):
        data_work.alike(str(home_folder), "tiny", "places.csv", "", 2, PEOPLE, "1")
    assert client.get(f"{TINY}/alike", params=query).json()["count"] == 38


def test_many_cells_of_a_text_are_changed_as_one_after_the_other() -> None:
    raw = b'a,b,c\r\n1,"x, y",3\r\n4\r\n\r\n7,8,9\r\n'
    changes = {(2, 1): "p", (3, 1): "q", (3, 2): "r", (4, 1): "s", (5, 0): 'z"', (5, 2): "w"}
    by_one = raw
    for cell, to in sorted(changes.items()):
        by_one = mend_text(by_one, "", {cell: to})
    assert mend_text(raw, "", changes) == by_one


def test_many_cells_of_a_workbook_are_changed_as_one_after_the_other() -> None:
    raw = workbook({"a": [["x", "y", None], ["1", None, 3.5], [None], ["7", "8", "9"]]})
    changes = {(1, 1): "p", (2, 1): 5, (2, 2): None, (4, 0): "<&>", (4, 2): 1}
    by_one = raw
    for cell, to in sorted(changes.items()):
        by_one = mend_workbook(by_one, "a", {cell: to})
    made = mend_workbook(raw, "a", changes)
    assert workbook_in(made).grid("a").cells == workbook_in(by_one).grid("a").cells


def test_a_cell_that_was_mended_again_is_not_undone(client: TestClient, home_folder: Path) -> None:
    first = mend(client, 3, 1, "一").json()
    assert mend(client, 3, 1, "二").status_code == 200
    before = district_of(home_folder)
    assert client.post(f"{TINY}/undo", json={"id": first["id"]}).status_code == 409
    assert district_of(home_folder) == before


def test_when_the_history_cannot_be_written_the_cell_stays_as_it_was(client: TestClient, home_folder: Path) -> None:
    (home_folder / "maps").mkdir()
    (home_folder / "maps" / "history.jsonl").mkdir()
    before = district_of(home_folder)
    answer = mend(client, 3, 1, "新名")
    assert answer.status_code == 422
    assert district_of(home_folder) == before


# ---- files


def test_a_sound_file_is_taken_and_a_replaced_one_is_kept_and_comes_back(client: TestClient, home_folder: Path) -> None:
    path = home_folder / "data" / "tiny" / "places.csv"
    original = path.read_bytes()
    changed = original.replace(b"\n", b"\r\n")
    asked = put(client, "places.csv", changed)
    assert (asked.status_code, asked.json()["why"]) == (409, "there")
    assert path.read_bytes() == original
    taken = put(client, "places.csv", changed, replace=asked.json()["there"][0]["version"])
    assert taken.status_code == 200, taken.text
    assert path.read_bytes() == changed
    entry = history.entries(Home.at(home_folder))[0]
    kept = home_folder / "maps" / "before" / str(entry.told["before"]) / "places.csv"
    assert kept.read_bytes() == original
    assert client.post(f"{TINY}/undo", json={"id": entry.id}).status_code == 200
    assert path.read_bytes() == original


def test_a_wrong_file_changes_nothing_until_it_is_taken_with_its_faults(client: TestClient, home_folder: Path) -> None:
    before = district_of(home_folder)
    wrong = before["places.csv"].replace(b"village", b"hamlet")
    assert wrong != before["places.csv"]
    answer = put(client, "places.csv", wrong, replace=version(client, "places.csv"))
    assert (answer.status_code, answer.json()["why"]) == (422, "faults")
    assert {one["there"] for one in answer.json()["findings"]} == {"places.csv"}
    assert district_of(home_folder) == before
    assert sorted(item.name for item in (home_folder / "data").iterdir()) == ["tiny"]
    taken = put(client, "places.csv", wrong, replace=version(client, "places.csv"), faults="taken")
    assert (taken.status_code, taken.json()["faults"] > 0) == (200, True)
    assert district_of(home_folder)["places.csv"] == wrong


def test_files_that_need_each_other_are_judged_together(client: TestClient, home_folder: Path) -> None:
    content = district_of(home_folder)
    assert client.post("/api/districts", json={"name": "two", "from": "empty"}).status_code == 200
    upload = "new"
    for file in ("places.csv", "towns.csv", "institutions.csv", "facts.csv", "boundary.geojson"):
        held = client.put(f"/api/data/two/files/{file}", content=content[file], params={"upload": upload})
        upload = held.json()["upload"]
    assert sorted(district_of(home_folder, "two")) == ["district.toml"]
    answer = client.post(f"/api/data/two/uploads/{upload}", json={})
    assert answer.status_code == 200, answer.text
    assert len(district_of(home_folder, "two")) == 6
    values = {"name.zh": "二区", "name.en": "Two", "code": "120199", "epsg": "4548", "datum": "wgs84"}
    card = look(client, "two")["card"]
    saved = client.post("/api/data/two/card", json={"version": card["version"], "changes": values})
    assert saved.status_code == 200, saved.text
    assert look(client, "two")["faults"] == 0
    assert "# The card of the district" in (home_folder / "data" / "two" / "district.toml").read_text(encoding="utf-8")


def test_a_list_that_takes_the_place_of_another_file_is_offered_to_do_so(client: TestClient, home_folder: Path) -> None:
    rows = [line.split(",") for line in district_of(home_folder)["places.csv"].decode("utf-8-sig").splitlines()]
    raw = workbook({"村居名单": rows})
    answer = put(client, "名单.xlsx", raw)
    assert (answer.status_code, answer.json()["twice"]) == (422, ["places.csv"])
    held = client.put(f"{TINY}/files/名单.xlsx", content=raw, params={"upload": "new"}).json()
    taken = client.post(f"{TINY}/uploads/{held['upload']}", json={"aside": ["places.csv"]})
    assert taken.status_code == 200, taken.text
    assert "places.csv" not in district_of(home_folder)
    entry = history.entries(Home.at(home_folder))[0]
    before = district_of(home_folder)
    assert client.post(f"{TINY}/undo", json={"id": entry.id}).status_code == 200
    assert "名单.xlsx" not in district_of(home_folder)
    assert "名单.xlsx" in before


HOSTILE = {
    "bomb.xlsx": lambda: _bomb(),
    "entity.kml": lambda: b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><kml>&x;</kml>',
    "places.xlsx": lambda: b"<OGRVRTDataset><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTDataset>",
    "roads.geojson": lambda: b"<OGRVRTDataset/>",
    "places2.csv": lambda: b"\0\1\2" * 100,
    "村居.csv": lambda: b"<html><body>login</body></html>",
}


def _bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"0" * 50_000_000)
    return file.getvalue()


@pytest.mark.parametrize("file", HOSTILE)
def test_a_hostile_file_is_refused_and_cannot_be_insisted_on(client: TestClient, home_folder: Path, file: str) -> None:
    before = tree(home_folder)
    answer = put(client, file, HOSTILE[file](), faults="taken")
    assert (answer.status_code, "why" in answer.json()) == (422, False), answer.text
    assert answer.json()["problems"][0]["file"] == file
    assert tree(home_folder) == before


@pytest.mark.parametrize(
    "name",
    [
        "<img src=x onerror=alert(1)>.csv",
        "..\\x.csv",
        ".hidden.csv",
        "~$places.xlsx",
        "con.csv",
        "a\u202egnp.csv",
        "x.vrt",
        "x.exe",
        "district.toml",
        "x" * 300 + ".csv",
        ".csv",
        "x.csv ",
    ],
)
def test_a_name_that_leads_elsewhere_or_is_no_table_is_refused(
    client: TestClient, home_folder: Path, name: str
) -> None:
    with pytest.raises(UsageError):
        checked_name(name)
    before = tree(home_folder)
    answer = client.put(f"{TINY}/files/{quote(name, safe='')}", content=b"id\n1\n")
    assert answer.status_code == 422
    assert tree(home_folder) == before


def test_a_way_out_of_the_folder_is_no_address(client: TestClient, home_folder: Path) -> None:
    secret = home_folder / "secret.csv"
    secret.write_text("id\n1\n")
    (home_folder / "data" / "tiny" / "link.csv").symlink_to(secret)
    for way in ("..%2F..%2Fsecret.csv", "%2Fetc%2Fpasswd", "link.csv", ".allocate-x"):
        assert client.get(f"/data/tiny/files/{way}").status_code == 404, way
        assert client.get(f"/data/tiny/tables/{way}").status_code in (404, 422), way
    assert client.put(f"{TINY}/files/..%2Fx.csv", content=b"x").status_code in (404, 405)
    assert client.get("/data/..%2Fmodels").status_code == 404
    assert not (home_folder / "data" / "x.csv").exists()


def test_a_link_in_the_folder_is_not_written_through(client: TestClient, home_folder: Path) -> None:
    outside = home_folder / "outside.csv"
    outside.write_bytes(district_of(home_folder)["facts.csv"])
    facts = home_folder / "data" / "tiny" / "facts.csv"
    facts.unlink()
    facts.symlink_to(outside)
    before = outside.read_bytes()
    answer = put(client, "facts.csv", before + b"\n", replace="0" * 64, faults="taken")
    assert answer.status_code in (409, 422)
    assert outside.read_bytes() == before


def test_fifty_thousand_rows_are_judged_in_seconds_and_shown_a_hundred_at_a_time(
    client: TestClient, home_folder: Path
) -> None:
    head, *lines = district_of(home_folder)["places.csv"].decode("utf-8-sig").splitlines()
    cells = lines[0].split(",")
    many = [
        ",".join([f"99{i:010d}", f"村{i}", *cells[2:-3], f"{117.3 + i % 223 / 3000}", f"{39.63 + i / 2e6}", cells[-1]])
        for i in range(50_000)
    ]
    raw = "\n".join([head, *many]).encode()
    answer = put(client, "places.csv", raw, replace=version(client, "places.csv"), faults="taken")
    assert answer.status_code == 200, answer.text[:500]
    found = look(client)
    assert found["faults"] > 0
    assert len(found["findings"]) <= 2000
    page = client.get("/data/tiny/tables/places.csv", params={"row": 49_950}).text
    assert page.count("<tr") <= 102
    assert ">村49948<" in page


def test_a_full_disk_gives_one_message_and_keeps_what_was_there(
    client: TestClient, home_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = district_of(home_folder)
    # (The process beside has modules of its own: the disk is made to refuse by a folder that stands in the way.)
    (home_folder / "maps").mkdir(exist_ok=True)
    (home_folder / "maps" / "before").write_text("a file")
    answer = put(client, "places.csv", before["places.csv"] + b"\n", replace=version(client, "places.csv"))
    assert answer.status_code == 422
    assert len(answer.json()["problems"]) == 1
    assert district_of(home_folder) == before
    assert sorted(item.name for item in (home_folder / "data").iterdir()) == ["tiny"]


def test_a_file_is_taken_out_and_put_back(client: TestClient, home_folder: Path) -> None:
    before = district_of(home_folder)
    answer = client.post(f"{TINY}/files/facts.csv/remove", json={})
    assert answer.status_code == 200, answer.text
    assert "facts.csv" not in district_of(home_folder)
    assert client.post(f"{TINY}/files/district.toml/remove", json={}).status_code == 422
    entry = history.entries(Home.at(home_folder))[0]
    assert client.post(f"{TINY}/undo", json={"id": entry.id}).status_code == 200
    assert district_of(home_folder) == before


# ---- card, estimates


def test_the_card_keeps_its_comments_and_refuses_what_cannot_be(client: TestClient, home_folder: Path) -> None:
    path = home_folder / "data" / "tiny" / "district.toml"
    path.write_bytes(b"# mine\n" + path.read_bytes())
    before = path.read_bytes()
    card = look(client)["card"]
    wrong = client.post(f"{TINY}/card", json={"version": card["version"], "changes": {"epsg": "4326", "name.zh": ""}})
    assert wrong.status_code == 422
    assert {one["column"] for one in wrong.json()["problems"]} >= {"name"}
    assert path.read_bytes() == before
    right = client.post(f"{TINY}/card", json={"version": card["version"], "changes": {"name.zh": "新名区"}})
    assert right.status_code == 200, right.text
    assert path.read_bytes().startswith(b"# mine\n")
    assert "新名区" in path.read_text(encoding="utf-8")
    stale = client.post(f"{TINY}/card", json={"version": card["version"], "changes": {"name.zh": "又名区"}})
    assert stale.status_code == 409


def test_what_a_list_lacks_is_estimated_only_after_a_question_and_says_so(home_folder: Path) -> None:
    source = Path(__file__).parent / "data" / "tiny-list"
    shutil.copytree(source, home_folder / "data" / "list")
    with client_of(home_folder) as client:
        found = look(client, "list")
        assert found["estimate"]
        assert found["faults"] > 0
        (home_folder / "data" / "list" / "boundary.geojson").rename(home_folder / "data" / "list" / "区界.geojson")
        before = district_of(home_folder, "list")
        made = client.post("/api/data/list/estimate", json={})
        assert made.status_code == 200, made.text
        told = made.json()
        assert told["people"] > 0
        assert told["positions"] > 0
        assert district_of(home_folder, "list") == before
        content = {"replace": told["replace"], "aside": told["aside"]}
        taken = client.post(f"/api/data/list/uploads/{told['upload']}", json=content)
        assert taken.status_code == 200, taken.text
        # (What was known is still there, and nothing stands twice.)
        assert district_of(home_folder, "list")["facts.csv"] == before["facts.csv"]
        assert (told["aside"], "区界.geojson" in district_of(home_folder, "list")) == (["区界.geojson"], False)
        after = look(client, "list")
        assert (after["faults"], after["estimate"]) == (0, False)
        places = next(one for one in after["tables"] if one["file"] == "places.csv")
        assert any("推算" in of["counts"] for of in places["bases"])


# ---- names and pages


def test_names_and_cells_of_a_file_are_text_on_every_page(client: TestClient, home_folder: Path) -> None:
    path = home_folder / "data" / "tiny" / "places.csv"
    evil = "<script>alert(1)</script>{{7*7}}"
    assert mend(client, 3, 1, evil).status_code == 200
    page = client.get("/data/tiny/tables/places.csv").text
    assert evil not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{7*7}}" in page
    assert path.read_text(encoding="utf-8-sig").count(evil) == 1
    card = home_folder / "data" / "tiny" / "district.toml"
    card.write_text(card.read_text(encoding="utf-8").replace('zh = "', 'zh = "<b>'), encoding="utf-8")
    assert "<b>" not in client.get("/").text
    assert "<b>" not in client.get("/data/tiny").text


def test_what_comes_from_another_page_is_refused(client: TestClient, home_folder: Path) -> None:
    before = tree(home_folder)
    for method, way in (("POST", "/api/districts"), ("PUT", f"{TINY}/files/x.csv"), ("POST", f"{TINY}/undo")):
        headers = {"origin": "http://evil.example", "sec-fetch-site": "cross-site"}
        answer = client.request(method, way, json={}, headers=headers)
        assert answer.status_code == 403
    headers = {"content-type": "text/plain", "origin": ORIGIN}
    assert client.post(f"{TINY}/cells", content=b"{", headers=headers).status_code == 422
    assert tree(home_folder) == before


def test_the_template_is_the_one_of_the_terminal(client: TestClient) -> None:
    from allocate.report.templates import template

    answer = client.get("/data/tiny/template")
    assert answer.content == template("zh")
    assert "attachment" in answer.headers["content-disposition"]
