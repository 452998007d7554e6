"""Clauses on functions and consortia that no plan can meet: said before solving, with a single change that would do."""

import re
from collections.abc import Mapping

import pytest
from conftest import Tiny

from allocate.candidates import make_case
from allocate.consistency import findings
from allocate.findings import Finding
from allocate.model import read_model
from allocate.read import read_district
from allocate.words import LANGUAGES, speaking


def told(tiny: Tiny, rule: str, changes: Mapping[str, str] | None = None) -> list[Finding]:
    """Return what is said to be unmeetable of a rule."""
    district, model = read_district(tiny.folder), read_model(tiny.model, changes)
    found = findings(model, district, make_case(district, model))
    return [one for one in found if one.kind == "unmeetable" and one.clauses == (rule,)]


def setting(finding: Finding) -> dict[str, str]:
    """Return the change that a finding names as what would do."""
    with speaking("en"):
        found = re.search(r"--set (\S+?)=(\[.*?\]|\S+?)(;|$)", finding.sentence())
    assert found, finding.sentence()
    return {found[1]: found[2]}


# What changes in the model, the rule that cannot be met then, how many it asks for and how many there can be, in which
# year, and the change that would do.
HUBS = '["community_centre", "township_hospital"]'
WORDS = {
    # A chest-pain unit wants imaging for a year. Today hub-1 has it; the others can have it in 2025, and units in 2027.
    "a unit before its prerequisite is old enough": (
        {"rules.chest_pain.years": "[2025]"},
        ("chest_pain", "few_can", 2025, 3, 1),
        {"functions.chest_pain_unit.needs.imaging": "0"},
    ),
    # From 2024 to 2027 there are three years: who had it today may. From 2025 there are two.
    "a unit that needs three years": (
        {"functions.chest_pain_unit.needs.imaging": "3"},
        ("chest_pain", "few_can", 2027, 3, 1),
        {"functions.chest_pain_unit.needs.imaging": "2"},
    ),
    # Two centres with one link each serve two hubs, and hub-1 is linked already.
    "centres with too little room": (
        {
            "functions.imaging.members": "1",
            "rules.imaging_by_half.scope": '"district"',
            "rules.imaging_by_half.kinds": HUBS,
            "rules.imaging_by_half.share": "1.0",
        },
        ("imaging_by_half", "few_can", 2025, 3, 2),
        {"functions.imaging.members": "2"},
    ),
    # By car hub-1 is 25 s from a hospital, hub-3 20 s, hub-2 1,005 s, which are more than 16 minutes.
    "a centre that is too far away": (
        {"functions.laboratory.minutes": "1", "rules.laboratories.at_least": "3"},
        ("laboratories", "few_can", 2030, 3, 2),
        {"functions.laboratory.minutes": "17"},
    ),
    "one institution where two are asked for": (
        {"functions.tcm_hall.only": '["hub-1"]', "rules.laboratories.functions": '["tcm_hall"]'},
        ("laboratories", "few_can", 2030, 2, 1),
        {"functions.tcm_hall.only": "[]"},
    ),
    # hospital-1 is a general hospital, hospital-2 one of TCM.
    "hospitals of another type": (
        {"functions.gp_department.types": '["specialised"]'},
        ("general_practice", "few_can", 2025, 1, 0),
        {"functions.gp_department.types": "[]"},
    ),
}


@pytest.mark.parametrize("name", WORDS)
def test_what_too_few_can_have_in_time_is_said_with_the_change_that_would_do(name: str, hubs_tiny: Tiny) -> None:
    changes, (rule, words, year, asked, able), cure = WORDS[name]
    (found,) = told(hubs_tiny, rule, changes)
    assert (found.words, found.details["year"], found.details["low"], found.details["may"]) == (
        f"finding.{words}", year, asked, able,
    )  # fmt: skip
    assert setting(found) == cure
    # What is said to do, does; a step before it does not.
    assert told(hubs_tiny, rule, changes | cure) == []
    ((key, value),) = cure.items()
    if value.isdigit() and "minutes" in key:
        assert len(told(hubs_tiny, rule, changes | {key: str(int(value) - 1)})) == 1
    for language in LANGUAGES:
        with speaking(language):
            assert f"--set {key}={value}" in found.sentence()


def test_institutions_that_cannot_are_named_and_rows_of_the_table_are_a_way_too(hubs_tiny: Tiny) -> None:
    changes = {"rules.chest_pain.years": "[2025]"}
    (found,) = told(hubs_tiny, "chest_pain", changes)
    with speaking("en"):
        sentence = found.sentence()
    assert "hub-2" in sentence
    assert "hub-3" in sentence
    assert "hub-1" not in sentence
    assert "(imaging centre), list them in functions.csv" in sentence
    # With the two linked today, too, nothing is lacking.
    row = "hub-1,imaging,hospital-1,surveyed,示例\n"
    hubs_tiny.edit("functions.csv", row, row + row.replace("hub-1", "hub-2") + row.replace("hub-1", "hub-3"))
    assert told(hubs_tiny, "chest_pain", changes) == []


def test_a_share_counts_only_the_sites_that_must_stand(hubs_tiny: Tiny) -> None:
    # Only old-clinic may have a TCM corner. Stations and clinics may close, so that it may be all that there are.
    changes = {"functions.tcm_corner.only": '["old-clinic"]', "rules.tcm.share": "1.0"}
    assert told(hubs_tiny, "tcm", changes) == []
    # A number is a number.
    hubs_tiny.edit("tiny.toml", "share = 0.4\nyears = [2027, 2030]", "at_least = 2\nyears = [2027, 2030]")
    (found,) = told(hubs_tiny, "tcm", {"functions.tcm_corner.only": '["old-clinic"]'})
    assert (found.details["low"], found.details["may"]) == (2, 1)


def sized(tiny: Tiny, **numbers: object) -> None:
    """Add a rule on the size of consortia to the model."""
    keys = "\n".join(
        f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}" for key, value in numbers.items()
    )
    tiny.edit(
        "tiny.toml",
        "[rules.all_members]",
        f'[rules.sizes]\nrule = "consortium_size"\nstrength = "must"\nbasis = "assumed"\nsource = "x."\n{keys}\n\n'
        "[rules.all_members]",
    )


def test_fewer_consortia_than_hospitals_that_lead_in_any_case_cannot_be(hubs_tiny: Tiny) -> None:
    sized(hubs_tiny, of="consortia", at_most=1)
    both = {"consortia.leads": '["hospital-1", "hospital-2"]', "consortia.may_lead": "[]"}
    (found,) = told(hubs_tiny, "sizes", both)
    assert (found.words, found.details["low"], found.details["may"]) == ("finding.many_lead", 1, 2)
    assert told(hubs_tiny, "sizes") == []


def test_a_consortium_that_can_never_be_large_enough_is_named(hubs_tiny: Tiny) -> None:
    # By car hospital-1 is 25 s from hub-1, 1,106 s from hub-2 and 1,307 s (22 minutes) from hub-3.
    sized(hubs_tiny, of="members", at_least=3)
    assert told(hubs_tiny, "sizes") == []
    (found,) = told(hubs_tiny, "sizes", {"consortia.minutes": "2"})
    assert (found.words, found.details["low"], found.details["may"]) == ("finding.small_lead", 3, 1)
    assert setting(found) == {"consortia.minutes": "22"}


def test_the_small_district_as_it_stands_lacks_nothing(hubs_tiny: Tiny) -> None:
    district, model = read_district(hubs_tiny.folder), read_model(hubs_tiny.model)
    found = findings(model, district, make_case(district, model))
    assert [one.clauses for one in found if one.kind == "unmeetable"] == [("every_place",)]
