"""Baodi, planned once per test run by the command that a planner types."""

import csv
import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from allocate.verification import verify

pytestmark = [pytest.mark.baodi, pytest.mark.xdist_group("baodi"), pytest.mark.timeout(540)]
PEOPLE = 722_367


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Plan Baodi with fewer draws than usual, and enough time for a slow machine to end by its gaps."""
    folder = tmp_path_factory.mktemp("baodi") / "out" / "baodi"
    command = [sys.executable, "-m", "allocate", "--language", "en", "plan", "baodi", "--out", str(folder)]
    done = subprocess.run(
        [*command, "--seconds", "240", "--set", "draws=4"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


@pytest.fixture(scope="module")
def content(run: tuple[Path, str]) -> dict[str, Any]:
    plan: dict[str, Any] = json.loads((run[0] / "plan.json").read_text(encoding="utf-8"))
    return plan


def test_the_command_prints_ten_lines_and_where_the_files_are(run: tuple[Path, str]) -> None:
    folder, printed = run
    clauses = printed.strip().splitlines()
    lines = clauses[-11:]
    assert {"BD-T13", "BD-T09", "TJ-T12"} <= {line.split()[0] for line in clauses[:-11] if line.strip()}
    assert "722,367 people" in lines[0]
    assert all(str(folder / name) in lines[10] for name in ("plan.json", "map.html", "plan.xlsx", "plan.gpkg"))


def test_all_24_towns_and_822_places_are_planned(content: dict[str, Any]) -> None:
    assert len(content["district_data"]["places"]) == 822
    assert len(content["district_data"]["towns"]) == 24
    assert content["years"] == [2025, 2027, 2030, 2035]


def test_the_people_add_up_to_the_census_in_every_file(run: tuple[Path, str], content: dict[str, Any]) -> None:
    for year in content["years"]:
        states = Counter[str]()
        for row in content["places"]:
            if row["year"] == year:
                states[row["status"]] += row["people"]
        assert sum(states.values()) == PEOPLE
        ledger = next(row for row in content["ledger"] if row["scope"] == "district" and row["year"] == year)
        assert {key: ledger[key] for key in ("served", "no_capacity", "out_of_range")} == {
            key: states[key] for key in ("served", "no_capacity", "out_of_range")
        }
        assert sum(site["people"].get(str(year), 0) for site in content["sites"]) == states["served"]
        towns = [row for row in content["ledger"] if row["scope"] != "district" and row["year"] == year]
        assert sum(row["people"] for row in towns) == PEOPLE
        with (run[0] / "sites.csv").open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        column = f"{year}年服务人数 · people served in {year}"
        assert sum(int(row[column]) for row in rows) == states["served"]


def test_the_clauses_are_proven_to_half_a_percent_and_the_cost_to_one(content: dict[str, Any]) -> None:
    gaps = {row["name"]: row["gap"] for row in content["stages"]}
    clauses = [gap for name, gap in gaps.items() if "." in name]
    assert clauses
    assert max(clauses) <= 0.005
    assert gaps["cost"] <= 0.01


def test_every_village_is_served_from_2027_on(content: dict[str, Any]) -> None:
    later = [row for row in content["places"] if row["year"] >= 2027]
    assert {row["status"] for row in later} == {"served"}


def test_no_station_or_clinic_is_said_to_exist_where_none_is_published(content: dict[str, Any]) -> None:
    kept = {row["kind"] for row in content["sites"] if row["action"] != "open"}
    assert kept == {"township_hospital"}
    assert {row["today"] for row in content["scorecard"]} == {None}


def test_what_is_estimated_and_assumed_is_counted(content: dict[str, Any]) -> None:
    counts = {(row["table"], row["basis"]): row["rows"] for row in content["assumptions"]}
    assert counts["places.position", "estimated"] == 801
    assert counts["places.people", "estimated"] == 822
    assert counts["institutions.position", "assumed"] == 28


def test_every_draw_is_another_possible_district(content: dict[str, Any]) -> None:
    draws = content["draws"]
    assert [draw["seed"] for draw in draws] == [1, 2, 3, 4]
    assert len({draw["value"] for draw in draws}) > 1


def test_the_plan_passes_its_recheck_and_a_lost_person_does_not(content: dict[str, Any]) -> None:
    assert verify(content).sound
    broken = json.loads(json.dumps(content))
    broken["places"][100]["people"] -= 1
    assert not verify(broken).sound


def test_the_map_names_no_host_to_ask(run: tuple[Path, str]) -> None:
    page = (run[0] / "map.html").read_text(encoding="utf-8")
    assert not re.search(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=[\"']?(?:https?:)?//", page)
