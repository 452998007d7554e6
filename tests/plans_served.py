"""A planner's folder with the richest of the small plans, its model and its district, for the pages on plans."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conftest import Tiny

from allocate.outputs import write_plan
from allocate.plans import PLAN_FILE, Plan, to_json
from allocate.serve.home import OUT

NAME = "方案 一"


def make_folder(where: Path, home: Tiny, plan: Plan) -> Path:
    """Make the folder: `data/tiny`, `models/tiny.toml`, and the plan under a Chinese name."""
    shutil.copytree(home.folder, where / "data" / "tiny")
    (where / "models").mkdir()
    text = home.model.read_text(encoding="utf-8").replace(f"district = '{home.folder}'", 'district = "tiny"')
    (where / "models" / "tiny.toml").write_text(text, encoding="utf-8")
    write_plan(plan, where / OUT / NAME)
    return where


def put_plan(folder: Path, name: str, content: Mapping[str, Any]) -> Path:
    """Put a plan's data alone under a name, as it comes from elsewhere, and return its file."""
    file = folder / OUT / name / PLAN_FILE
    file.parent.mkdir(parents=True)
    file.write_text(to_json(content), encoding="utf-8", errors="backslashreplace")
    return file


def put_joint(folder: Path, content: Mapping[str, Any]) -> None:
    """Put a plan of two districts in the folder, of which one was planned."""
    put_plan(folder, "two/one", content)
    years = content["years"]
    one = {
        "name": "one", "title": {"zh": "甲区", "en": "One"}, "status": "planned", "reason": "", "gap": 0.01,
        "clauses": {"met": 3, "missed": 1, "undecided": 0}, "people": {str(year): 10 for year in years},
        "served": {str(year): 9 for year in years}, "sites": {str(year): {"clinic": 2} for year in years},
        "goals": [], "coverage": [], "circles": {}, "circle": "",
    }  # fmt: skip
    other = {"name": "other", "title": {"zh": "<b>乙区</b>", "en": "Other"}, "status": "failed", "reason": "no time"}
    clause = {
        "clause": "T1", "year": years[0], "strength": "must", "unit": "share", "says": None, "status": "met",
        "by_district": {
            "one": {
                "status": "met", "target": 1.0, "value": 1.0, "shortfall": 0, "shortfall_unit": "sites", "rule": "r",
            }
        },
    }  # fmt: skip
    joint = {
        "kind": "joint", "model": "two", "title": {"zh": "两个区", "en": "Both"}, "district": "two",
        "as_of": "2025-01-01", "years": years, "districts": [one, other], "totals": {}, "shares": [],
        "clauses": [clause], "missing": [], "documents": [],
    }  # fmt: skip
    (folder / OUT / "two" / "joint.json").write_text(json.dumps(joint), encoding="utf-8")
    (folder / OUT / "two" / "joint.html").write_text("<!doctype html><title>joint</title>", encoding="utf-8")
