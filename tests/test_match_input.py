"""Wrong weights and fields of the goal match: one message for each fault, with file, row, value and cure."""

from fractions import Fraction
from pathlib import Path

import pytest
from conftest import Tiny, call_allocate
from test_staff_input import faults_of, is_said_whole

from allocate.candidates import make_case
from allocate.card import card
from allocate.data_problems import data_problems
from allocate.errors import InputError, ModelError
from allocate.estimate import write_estimate
from allocate.goals import Match
from allocate.model import read_model
from allocate.plans import assumptions, district_data, district_of
from allocate.read import read_district
from allocate.words import LANGUAGES, speaking

POSTED = """
[postings]
basis = "assumed"
source = "made up"

[pools.medicine]
hospitals = ["hospital-1"]
specialty = "medicine"
away = 3
basis = "assumed"
source = "made up"
"""
GOAL = """
[[goals]]
goal = "match"
specialties = { medicine = { people = 1.0 }, geriatrics = { people_65 = 3.0 } }
mode = "walk"
basis = "assumed"
source = "made up"
"""
HEAD = "hub,specialty,has,basis,source\n"


def matched(tiny: Tiny, goal: str = GOAL, posted: str = POSTED) -> Tiny:
    """Return the small district whose model posts somebody and wants it to fit."""
    with tiny.model.open("a", encoding="utf-8") as file:
        file.write(posted + goal)
    return tiny


def with_fields(tiny: Tiny, rows: str) -> Tiny:
    (tiny.folder / "fields.csv").write_text(HEAD + rows, encoding="utf-8")
    return tiny


MODELS: dict[str, tuple[str, str, str, str, object]] = {
    "a way to travel that nobody knows": (
        'mode = "walk"', 'mode = "bus"', "problem.choice", "goals.match.mode", "bus",
    ),
    "no weights": ("{ people = 1.0 }", "{ people = 0 }", "problem.key_value", "goals.4.specialties.medicine.people", 0),
    "a weight below zero": (
        "people_65 = 3.0", "people_65 = -3.0", "problem.key_value", "goals.4.specialties.geriatrics.people_65", -3.0,
    ),
    "people of an unknown age": (
        "people_65 = 3.0", "people_0_14 = 3.0", "problem.age_unknown", "goals.match.specialties", "people_0_14",
    ),
    "a handover of two years": (
        'mode = "walk"', 'mode = "walk"\nhandover_months = 24', "problem.key_value", "goals.4.handover_months", 24,
    ),
}  # fmt: skip
FIELDS: dict[str, tuple[str, str, int, str, object]] = {
    "an institution that is not there": ("hub-9,medicine,no,surveyed,x", "problem.unknown_code", 2, "hub", "hub-9"),
    "a clinic": ("old-clinic,medicine,no,surveyed,x", "problem.field_kind", 2, "hub", "old-clinic"),
    "neither yes nor no": ("hub-1,medicine,maybe,surveyed,x", "problem.choice", 2, "has", "maybe"),
    "no source": ("hub-1,medicine,no,surveyed,", "problem.blank", 2, "source", None),
    "the same twice": (
        "hub-1,medicine,no,surveyed,x\nhub-1,medicine,yes,surveyed,x", "problem.field_twice", 3, "", "hub-1 · medicine",
    ),
    "a field that the goal does not name": (
        "hub-1,surgery,no,surveyed,x", "problem.field_unknown", 2, "specialty", "surgery",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_every_fault_of_the_goal_is_named_with_its_key_and_value(name: str, tiny: Tiny) -> None:
    old, new, what, column, value = MODELS[name]
    assert old in GOAL
    matched(tiny, GOAL.replace(old, new))
    for language in LANGUAGES:
        with speaking(language):
            (fault,) = faults_of(tiny)
            assert (fault.what, fault.file, fault.column) == (what, "tiny.toml", column)
            assert fault.value in (value, str(value))


def test_a_group_of_people_that_no_table_has_is_refused(tiny: Tiny) -> None:
    matched(tiny, GOAL.replace("people_65", "people_80"))
    assert {fault.column.split(".")[2] for fault in faults_of(tiny)} == {"specialties"}


def test_a_model_that_posts_nobody_has_nothing_to_match(tiny: Tiny) -> None:
    matched(tiny, posted="")
    with pytest.raises(ModelError) as caught:
        read_model(tiny.model)
    assert [(one.what, one.column) for one in caught.value.problems] == [("problem.match_postings", "goals.match")]


@pytest.mark.parametrize("name", FIELDS)
def test_every_fault_of_the_fields_is_named_with_its_row_its_value_and_its_cure(name: str, tiny: Tiny) -> None:
    rows, what, row, column, value = FIELDS[name]
    with_fields(matched(tiny), f"{rows}\n")
    for language in LANGUAGES:
        with speaking(language):
            (fault,) = faults_of(tiny)
            assert (fault.what, fault.file, fault.row, fault.column) == (what, "fields.csv", row, column)
            assert fault.value == value
            assert is_said_whole(fault, str(InputError([fault])))


def test_all_faults_of_the_fields_come_at_once_without_a_traceback(tiny: Tiny, tmp_path: Path) -> None:
    rows = "hub-9,medicine,no,surveyed,x\nhub-1,medicine,maybe,surveyed,x\nold-clinic,medicine,no,surveyed,x\n"
    with_fields(matched(tiny), rows)
    done = call_allocate(tmp_path, "check", tiny.model, ALLOCATE_LANGUAGE="en")
    assert done.returncode == 2
    assert all(f"row {row}" in done.stdout + done.stderr for row in (2, 3, 4))


def test_fields_as_they_stand_are_read_and_stay_with_the_plan(tiny: Tiny, tmp_path: Path) -> None:
    with_fields(matched(tiny), "hub-2,geriatrics,yes,surveyed,示例\nhub-2,medicine,no,assumed,示例\n")
    district, model = read_district(tiny.folder), read_model(tiny.model)
    case = make_case(district, model)
    hub = case.site_index["hub-2"]
    assert case.fields == {(hub, "geriatrics"): True, (hub, "medicine"): False}
    assert "fields.csv" in district.inputs
    again = district_of({"district_data": district_data(district), "inputs": []})
    assert again.fields == district.fields
    write_estimate(district, tmp_path / "written")
    assert [row.has for row in read_district(tmp_path / "written").fields] == ["yes", "no"]
    counted = {(row["table"], row["basis"]): row["rows"] for row in assumptions(district, model)}
    assert counted["fields", "assumed"] == 1
    assert counted["model.goals", "assumed"] == 1


def test_fields_that_no_goal_looks_at_are_said_to_be_unused(tiny: Tiny) -> None:
    with_fields(tiny, "hub-2,geriatrics,yes,surveyed,示例\n")
    district, model = read_district(tiny.folder), read_model(tiny.model)
    found = data_problems(district, model, make_case(district, model))
    assert [one.file for one in found if one.what == "check.unused_fields"] == ["fields.csv"]
    matched(tiny)
    model = read_model(tiny.model)
    found = data_problems(district, model, make_case(district, model))
    assert "check.unused_fields" not in {one.what for one in found}


def test_a_hub_needs_what_the_people_of_its_town_need(tiny: Tiny) -> None:
    matched(tiny)
    district, model = read_district(tiny.folder), read_model(tiny.model)
    case, goal = make_case(district, model), model.goals["match"]
    assert isinstance(goal, Match)
    hub = case.site_index["hub-2"]
    inside = [place for place in district.places if place.town == "T2"]
    people, old = sum(place.people or 0 for place in inside), sum(place.people_65 or 0 for place in inside)
    # The model holds today's people still: 3 × those aged 65 against all of them, in whole thousandths.
    assert 3 * old < people
    assert goal.needs(case, 0)[hub] == {"medicine": 1, "geriatrics": Fraction(3000 * old // people, 1000)}


def test_the_card_says_the_goal_its_weights_and_where_they_come_from(tiny: Tiny) -> None:
    page = card(read_model(matched(tiny).model))
    section = page.split("### 5. match")[1].split("\n## ")[0]
    assert "specialties = { medicine = { people = 1.0 }, geriatrics = { people_65 = 3.0 } }" in section
    assert "0.5" in section
    assert "made up" in section
    assert "假定" in section
    assert "- goals.match: " in page


def test_a_specialty_that_nobody_sends_or_nobody_weighs_is_pointed_out(tiny: Tiny) -> None:
    # The only pool is of medicine; the goal weighs geriatrics and, misspelt, medecine.
    matched(tiny, GOAL.replace("{ medicine", "{ medecine"))
    district, model = read_district(tiny.folder), read_model(tiny.model)
    found = data_problems(district, model, make_case(district, model))
    told = [(one.what, one.value) for one in found if one.what.startswith("check.match")]
    assert told == [
        ("check.match_unsent", "medecine"),
        ("check.match_unsent", "geriatrics"),
        ("check.match_unweighed", "medicine"),
    ]
    with speaking("en"):
        assert "can be sent: medicine." in next(one for one in found if one.what == "check.match_unsent").sentence()
