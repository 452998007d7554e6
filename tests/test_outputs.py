"""A plan's folder: whole or not at all, people that add up, and the same bytes every time."""

import copy
import csv
import hashlib
import io
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Tiny

from allocate.draw import map_page
from allocate.errors import UsageError
from allocate.outputs import FILES, check_target, log_text, sites_csv, write_plan
from allocate.plans import Plan, read_plan, to_json
from allocate.report.summary import summary
from allocate.words import LANGUAGES, speaking

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("served", "no_capacity", "rounds", "out_of_range")


def table(content: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    heading, *rows = csv.reader(io.StringIO(sites_csv(content), newline=""))
    return heading, rows


def column(heading: list[str], name: str) -> int:
    (at,) = [n for n, text in enumerate(heading) if text.endswith(f"· {name}")]
    return at


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_plan_reads_back_as_it_was(tiny_plan: Plan, tmp_path: Path) -> None:
    files = write_plan(tiny_plan, tmp_path / "plan")
    assert tuple(files) == FILES
    assert all(path.is_file() for path in files.values())
    assert read_plan(tmp_path / "plan") == read_plan(files["plan.json"]) == tiny_plan.content


def test_the_small_plan_keeps_opens_and_closes_and_leaves_some_people_out(tiny_plan: Plan) -> None:
    actions = {(row["id"], row["action"]) for row in tiny_plan.content["sites"]}
    assert {("old-station", "keep"), ("old-clinic", "close"), ("hub-1", "keep")} <= actions
    assert "open" in {action for _, action in actions}
    assert {row["status"] for row in tiny_plan.content["places"]} == {"served", "no_capacity", "out_of_range"}
    assert {row["status"] for row in tiny_plan.content["scorecard"]} == {"met", "missed"}


def test_every_part_of_the_ledger_adds_up_to_the_person(tiny_plan: Plan) -> None:
    content = tiny_plan.content
    data = content["district_data"]
    towns = {place["id"]: place["town"] for place in data["places"]}
    scopes = {"district", *towns.values()}
    assert {(row["scope"], row["year"]) for row in content["ledger"]} == {
        (s, y) for s in scopes for y in content["years"]
    }
    for row in content["ledger"]:
        assert sum(row[part] for part in PARTS) == row["people"]
        members = {place for place, town in towns.items() if row["scope"] in ("district", town)}
        assert row["people"] == sum(place["people"] for place in data["places"] if place["id"] in members)
        counted: Counter[str] = Counter()
        for line in content["places"]:
            if line["id"] in members and line["year"] == row["year"]:
                counted[line["status"]] += line["people"]
        assert {part: row[part] for part in PARTS} == {part: counted[part] for part in PARTS}


def test_the_people_of_the_sites_are_the_people_served(tiny_plan: Plan) -> None:
    heading, rows = table(tiny_plan.content)
    for year in tiny_plan.content["years"]:
        at = column(heading, f"people in {year}")
        (served,) = [
            row["served"] for row in tiny_plan.content["ledger"] if (row["scope"], row["year"]) == ("district", year)
        ]
        assert sum(int(row[at]) for row in rows) == served > 0


def test_the_table_of_sites_holds_every_site_once_with_its_costs(tiny_plan: Plan) -> None:
    heading, rows = table(tiny_plan.content)
    assert all(len(row) == len(heading) for row in rows)
    at = column(heading, "id")
    assert sorted(row[at] for row in rows) == sorted(site["id"] for site in tiny_plan.content["sites"])
    cost = column(heading, "cost of the plan (yuan)")
    assert sum(int(row[cost]) for row in rows) == sum(row["total"] for row in tiny_plan.content["budget"]) > 0


def test_the_table_of_sites_opens_in_a_spreadsheet(tiny_plan: Plan, tmp_path: Path) -> None:
    raw = write_plan(tiny_plan, tmp_path / "plan")["sites.csv"].read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    assert raw.count(b"\n") == raw.count(b"\r\n") == 1 + len(tiny_plan.content["sites"])


@pytest.mark.parametrize(
    "name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", "＋1", "－1", "＠x", '=HYPERLINK("http://x","y")']
)
def test_a_name_that_a_spreadsheet_would_compute_is_quoted(name: str, tiny_plan: Plan) -> None:
    content = copy.deepcopy(dict(tiny_plan.content))
    content["sites"][0]["name"] = content["district_data"]["towns"][0]["name"] = name
    heading, rows = table(content)
    assert f"'{name}" in [row[column(heading, "name")] for row in rows]
    assert f"'{name}" in [row[column(heading, "town")] for row in rows]
    assert not [
        cell
        for row in rows
        for cell in row
        if cell.startswith(("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"))
    ]


@pytest.mark.parametrize("victim", FILES)
def test_a_full_disk_leaves_the_old_plan(
    victim: str, tiny_plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "plan"
    write_plan(tiny_plan, folder)
    before = contents(folder)
    write = Path.write_text

    def full(self: Path, *arguments: Any, **options: Any) -> int:
        if self.name == victim:
            raise OSError(28, "No space left on device")
        return write(self, *arguments, **options)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(UsageError) as caught:
        write_plan(replace(tiny_plan, log="another run"), folder)
    assert "No space left on device" in str(caught.value)
    assert contents(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["plan"]


def test_a_new_folder_that_cannot_be_put_in_place_brings_the_old_one_back(
    tiny_plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "plan"
    write_plan(tiny_plan, folder)
    before = contents(folder)
    rename, refused = Path.rename, []

    def stuck(self: Path, target: Path) -> Path:
        if target == folder and not refused:
            refused.append(self)
            raise OSError(16, "Device or resource busy")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", stuck)
    with pytest.raises(UsageError):
        write_plan(replace(tiny_plan, log="another run"), folder)
    assert refused
    assert contents(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["plan"]


def test_an_old_plan_is_replaced_whole(tiny_plan: Plan, tmp_path: Path) -> None:
    folder = tmp_path / "plan"
    write_plan(tiny_plan, folder)
    (folder / "log.txt").unlink()
    write_plan(replace(tiny_plan, log="another run"), folder)
    assert sorted(contents(folder)) == sorted(FILES)
    assert "another run" in (folder / "log.txt").read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["plan"]


def test_a_folder_with_other_files_a_file_and_a_link_are_refused(tiny_plan: Plan, tmp_path: Path) -> None:
    other, file, link = tmp_path / "other", tmp_path / "file", tmp_path / "link"
    other.mkdir()
    (other / "thesis.docx").write_text("years of work", encoding="utf-8")
    file.write_text("a file", encoding="utf-8")
    link.symlink_to(tmp_path / "elsewhere")
    for target in (other, file, link):
        with pytest.raises(UsageError):
            write_plan(tiny_plan, target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link", "other"]
    assert contents(other) == {"thesis.docx": b"years of work"}


def test_looking_at_a_target_leaves_nothing_behind(tmp_path: Path) -> None:
    check_target(tmp_path / "far" / "below" / "plan")
    assert not list(tmp_path.iterdir())


def test_the_log_holds_versions_phases_and_the_solver_and_the_plan_no_seconds(tiny_plan: Plan) -> None:
    text = log_text(tiny_plan)
    for name in ("allocate", "python", "highspy", *tiny_plan.phases):
        assert name in text
    assert tiny_plan.log in text
    assert not {"seconds", "time"} & {key for row in tiny_plan.content["stages"] for key in row}


@pytest.mark.parametrize("hash_seed", ["0", "4242"])
def test_the_same_inputs_give_the_same_bytes_in_another_process(
    hash_seed: str, tiny_home: Tiny, tiny_plan: Plan
) -> None:
    code = (
        "import hashlib\n"
        "from allocate.draw import map_page\n"
        "from allocate.model import read_model\n"
        "from allocate.outputs import sites_csv\n"
        "from allocate.planning import plan\n"
        "from allocate.plans import to_json\n"
        "from allocate.read import read_district\n"
        "from pathlib import Path\n"
        f"district, model = read_district(Path({str(tiny_home.folder)!r})), read_model({str(tiny_home.model)!r})\n"
        "content = plan(district, model).content\n"
        "for make in (to_json, map_page, sites_csv):\n"
        "    print(hashlib.sha256(make(content).encode()).hexdigest())\n"
    )
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    texts = [make(tiny_plan.content) for make in (to_json, map_page, sites_csv)]
    assert done.stdout.split() == [hashlib.sha256(text.encode()).hexdigest() for text in texts]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_summary_says_the_plan_in_ten_lines(language: str, tiny_plan: Plan) -> None:
    with speaking(language):  # type: ignore[arg-type]
        lines = summary(tiny_plan.content)
    assert len(lines) == 10
    assert "34,781" in lines[0]
    assert "every_place 2027" in lines[3]
    assert not [line for line in lines if "{" in line or "\n" in line]
