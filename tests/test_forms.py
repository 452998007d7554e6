"""The same district, handed over as CSV, Excel, GBK, GeoPackage or in Amap's datum, is the same plan."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Tiny
from forms import FORMS

from allocate.district import District
from allocate.model import read_model
from allocate.planning import plan
from allocate.plans import Plan
from allocate.read import read_district


def without_rows(value: Any) -> Any:
    """Return plain data without what tells only where it stood in its file."""
    told = ("row", "origins", "warnings", "problems", "inputs")
    if isinstance(value, dict):
        return {key: without_rows(part) for key, part in value.items() if key not in told}
    return [without_rows(part) for part in value] if isinstance(value, list) else value


def bare(district: District) -> District:
    """Return a district without what tells only where it was read from."""
    return replace(
        district,
        id="",
        inputs={},
        origins={},
        institution_rows={},
        warnings=(),
        **{
            name: tuple(replace(row, row=0) for row in getattr(district, name))
            for name in ("growth", "staff", "pools", "tours", "sessions", "fields", "functions", "care_homes")
        },
    )


@pytest.mark.parametrize("form", FORMS)
def test_baodi_is_the_same_district_in_every_form(form: str, tmp_path: Path) -> None:
    source = ROOT / "data" / "baodi"
    FORMS[form](source, tmp_path / "baodi")
    found = read_district(tmp_path / "baodi")
    assert bare(found) == bare(read_district(source))
    assert found.id == "baodi"


@pytest.mark.parametrize("form", FORMS)
def test_a_plan_is_the_same_from_every_form(form: str, tiny_home: Tiny, tiny_plan: Plan, tmp_path: Path) -> None:
    folder = tmp_path / "handed over" / tiny_home.folder.name
    FORMS[form](tiny_home.folder, folder)
    found = plan(read_district(folder), read_model(tiny_home.model))
    assert without_rows(found.content) == without_rows(tiny_plan.content)
    assert found.content["sites"]
