"""Wrong staff, beds and money: one message for each fault, with file, row, value and cure, in both languages."""

from pathlib import Path

import pytest
from conftest import Tiny, call_allocate, copy_staffed

from allocate.candidates import make_case
from allocate.errors import InputError, ModelError, Problem
from allocate.model import read_model
from allocate.read import read_district
from allocate.words import LANGUAGES, Language, say, speaking

# What staff.csv says instead of its last line, and what is wrong with it. The first row of staff is row 2, and the last
# one, public health staff of hub-1, row 15.
LAST = "hub-1,public_health_staff,1,surveyed,示例\n"
STAFF: dict[str, tuple[str, str, int, str, object]] = {
    "fewer than nobody": ("hub-1,public_health_staff,-1,surveyed,x", "problem.range", 15, "number", "-1"),
    "half a person": ("hub-1,public_health_staff,2.5,surveyed,x", "problem.not_whole", 15, "number", "2.5"),
    "a number in words": ("hub-1,public_health_staff,三人,surveyed,x", "problem.not_number", 15, "number", "三人"),
    "a number beyond all staff": ("hub-1,public_health_staff,1e9,surveyed,x", "problem.range", 15, "number", "1e9"),
    "no number": ("hub-1,public_health_staff,,surveyed,x", "problem.blank", 15, "number", None),
    "no basis": ("hub-1,public_health_staff,1,,x", "problem.blank", 15, "basis", None),
    "an unknown institution": ("hub-9,nurses,1,surveyed,x", "problem.unknown_code", 15, "institution", "hub-9"),
    "a site that is only a candidate": (
        "clinic-T2014,doctors,1,surveyed,x", "problem.unknown_code", 15, "institution", "clinic-T2014",
    ),
    "the same twice": ("hub-1,nurses,2,surveyed,x", "problem.staff_twice", 11, "", "hub-1 · nurses"),
    "an unknown resource": ("hub-1,nurse,1,surveyed,x", "problem.staff_resource", 15, "resource", "nurse"),
    "a sum that is worked out": (
        "hub-2,township_beds,1,surveyed,x", "problem.staff_resource", 15, "resource", "township_beds",
    ),
    "more than posts": ("hub-1,public_health_staff,5,surveyed,x", "problem.staff_posts", 15, "number", 5),
    "a resource without posts there": ("hospital-1,teams,1,surveyed,x", "problem.staff_posts", 15, "number", 1),
    "a part above its whole": ("hub-3,gps,2,surveyed,x", "problem.staff_part", 15, "number", 2),
}  # fmt: skip


def faults_of(tiny: Tiny) -> tuple[Problem, ...]:
    with pytest.raises((InputError, ModelError)) as caught:
        make_case(read_district(tiny.folder), read_model(tiny.model))
    return caught.value.problems


def is_said_whole(problem: Problem, message: str) -> bool:
    """Tell whether a message has one line with file, row, column, value and cure of a fault."""
    (line,) = [line for line in message.splitlines() if problem.sentence() in line]
    row = "" if problem.row is None else say("problem.row", row=problem.row)
    value = "" if problem.value is None else str(problem.value)
    parts = (problem.file, row, problem.column, value)
    return all(part in line for part in parts) and line.endswith(say(problem.what, **problem.details))


def test_the_staff_of_today_as_it_stands_is_read(staffed_tiny: Tiny) -> None:
    district, model = read_district(staffed_tiny.folder), read_model(staffed_tiny.model)
    case = make_case(district, model)
    assert len(district.staff) == 14
    assert "staff.csv" in district.inputs
    assert case.stock["doctors", case.site_index["hub-1"]] == 3
    # What the file does not list at all is assumed: 2.0 × 34.781 = 69.6 beds, all of them in the hospital.
    assert {j: n for (what, j), n in case.stock.items() if what == "beds"} == {case.site_index["hospital-1"]: 70}
    # What it lists for others, an institution that it does not name has none of.
    assert ("gps", case.site_index["hub-2"]) not in case.stock


@pytest.mark.parametrize("name", STAFF)
def test_every_fault_of_the_staff_is_named_with_its_row_its_value_and_its_cure(name: str, staffed_tiny: Tiny) -> None:
    text, *wanted, value = STAFF[name]
    staffed_tiny.edit("staff.csv", LAST, f"{text}\n")
    for language in LANGUAGES:
        with speaking(language):
            (fault,) = faults_of(staffed_tiny)
            assert [fault.what, fault.row, fault.column] == wanted
            assert (fault.file, fault.value) == ("staff.csv", value)
            assert is_said_whole(fault, str(InputError([fault])))


def test_a_message_says_what_the_model_knows_and_how_many_posts_there_are(staffed_tiny: Tiny) -> None:
    more = "hub-1,nurse,1,surveyed,x\nold-clinic,doctors,3,surveyed,x\nhub-2,gps,9,surveyed,x\n"
    staffed_tiny.edit("staff.csv", "old-clinic,doctors,1,surveyed,示例\n", "")
    staffed_tiny.edit("staff.csv", LAST, more)
    with speaking("en"):
        lines = [problem.sentence() for problem in faults_of(staffed_tiny)]
    with speaking("zh"):
        chinese = [problem.sentence() for problem in faults_of(staffed_tiny)]
    # All at once, and the ninth GP of the second hub twice: no such posts, and no such doctors.
    assert len(lines) == len(chinese) == 4
    assert "doctors, gps, paediatricians, nurses, public_health_staff, beds, teams" in lines[0]
    assert "township_beds" not in lines[0]
    assert "at most 2" in lines[1]
    assert "resources.doctors.at" in lines[1]
    assert "最多 2" in chinese[1]
    assert "at most 6" in lines[2]
    assert "part of doctors" in lines[3]
    assert "gps 是 doctors 的一部分" in chinese[3]


def test_rows_are_counted_as_the_spreadsheet_counts_them_blank_ones_too(staffed_tiny: Tiny) -> None:
    staffed_tiny.edit("staff.csv", LAST, "\n,,,,\nhub-1,public_health_staff,5,surveyed,x\n")
    (fault,) = faults_of(staffed_tiny)
    assert (fault.what, fault.row) == ("problem.staff_posts", 17)


def test_a_part_may_be_listed_where_its_whole_is_assumed(staffed_tiny: Tiny) -> None:
    # Of doctors the file says nothing at all: how many there are is assumed, and nobody is to blame.
    path = staffed_tiny.folder / "staff.csv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if ",doctors," not in line), encoding="utf-8")
    case = make_case(read_district(staffed_tiny.folder), read_model(staffed_tiny.model))
    assert case.stock["gps", case.site_index["hub-1"]] == 2
    # Where it lists doctors elsewhere, the first hub has none, and cannot have GPs: row 9 of the file.
    path.write_text("".join(line for line in lines if "hub-1,doctors," not in line), encoding="utf-8")
    (fault,) = faults_of(staffed_tiny)
    assert (fault.what, fault.row, fault.value, fault.details["most"]) == ("problem.staff_part", 7, 2, 0)


def test_a_model_without_resources_does_not_look_at_staff(tiny: Tiny) -> None:
    text = "institution,resource,number,basis,source\nhub-1,anything,7,surveyed,x\n"
    (tiny.folder / "staff.csv").write_text(text, encoding="utf-8")
    assert make_case(read_district(tiny.folder), read_model(tiny.model)).resources == {}


# ---- the model ----

GPS = 'part_of = "doctors"'
NEEDS = "needs = { gps = 1, nurses = 1, public_health_staff = 1 }"
NURSES = "per_year = 2\nleaves = 0.04"
SUM = 'sum_of = "beds"\nkinds = ["township_hospital"]'
TODAY = "today = 2.0\ntoday_at = { hospital = 1.0 }"
WHO = 'resource = "doctors"\npeople = 1500'
# What stands in the model instead of what, and the fault: its sentence, its key, its value and a word of the cure.
MODEL: dict[str, tuple[str, str, str, str, object, str]] = {
    "a part of nothing": (GPS, 'part_of = "docters"', "choice", "gps.part_of", "docters", "doctors, paediatricians"),
    "a part of itself": (GPS, 'part_of = "gps"', "choice", "gps.part_of", "gps", "doctors, paediatricians"),
    "a part of a part": (
        'yearly = 100_000', 'yearly = 100_000\npart_of = "gps"', "resource_step", "public_health_staff.part_of", "gps",
        "basic one",
    ),
    "a part with posts where its whole has none": (
        "per_year = 0", 'per_year = 0\npart_of = "public_health_staff"', "resource_posts", "paediatricians.part_of",
        "public_health_staff", "hospital",
    ),
    "a team of nobody": (NEEDS, "needs = { gp = 1 }", "choice", "teams.needs", "gp", "doctors, gps"),
    "a team of teams": (NEEDS, "needs = { teams = 1 }", "choice", "teams.needs", "teams", "doctors, gps"),
    "a team of fewer than nobody": (NEEDS, "needs = { gps = 0 }", "key_value", "teams.needs.gps", 0, "more than 0"),
    "a team that somebody employs": (
        NEEDS, f"{NEEDS}\nadding = 5", "resource_formed", "teams.adding", None, "employed by nobody",
    ),
    "a sum of nothing": (SUM, SUM.replace("beds", "bed"), "choice", "township_beds.sum_of", "bed", "doctors, gps"),
    "a sum over sites without posts": (
        SUM, SUM.replace('"township', '"clinic", "township'), "resource_posts", "township_beds.sum_of", "beds",
        "clinic",
    ),
    "a sum over a kind that there is not": (
        SUM, SUM.replace("township_hospital", "ward"), "key_value", "township_beds", None, "ward",
    ),
    "a sum with posts": (SUM, f"{SUM}\nat = {{ hospital = 1 }}", "key_value", "township_beds", None, "not both"),
    "a sum of everywhere": (SUM, 'sum_of = "beds"', "key_value", "township_beds", None, "not both"),
    "no posts at all": (
        "at = { hospital = 50, township_hospital = 10 }\n", "", "key_value", "beds", None, "not neither",
    ),
    "posts at a kind that there is not": (
        "at = { hospital = 50,", "at = { ward = 50,", "key_value", "beds.at", None, "ward",
    ),
    "no post": ("at = { hospital = 50,", "at = { hospital = 0,", "key_value", "beds.at.hospital", 0, "more than 0"),
    "fewer who join than nobody": (NURSES, "per_year = -2", "key_value", "nurses.per_year", -2, "the least is 0"),
    "half a nurse who joins": (NURSES, "per_year = 2.5", "key_value", "nurses.per_year", 2.5, "whole one"),
    "all leave": (NURSES, "leaves = 1.0", "key_value", "nurses.leaves", 1.0, "less than 1"),
    "more leave than there are": (NURSES, "leaves = 4", "key_value", "nurses.leaves", 4, "less than 1"),
    "fewer than nobody leaves": (NURSES, "leaves = -0.1", "key_value", "nurses.leaves", -0.1, "the least is 0"),
    "staff of today that is nowhere": (TODAY, "today = 2.0", "key_value", "beds", None, "today needs today_at"),
    "shares that do not add up": (TODAY, TODAY.replace("1.0", "0.9"), "key_value", "beds", None, "add up to 1"),
    "shares where there are no posts": (
        TODAY, TODAY.replace("hospital", "clinic"), "key_value", "beds", None, "kinds that are in at",
    ),
    "yuan in parts": ("yearly = 5_000", "yearly = 12.5", "key_value", "beds.yearly", 12.5, "whole one"),
    "yuan in ten thousands": ("yearly = 5_000", 'yearly = "12万"', "key_value", "beds.yearly", "12万", "number"),
    "money that comes back": ("adding = 40_000", "adding = -1", "key_value", "beds.adding", -1, "the least is 0"),
    "a key misspelt": ("per_year = 2", "peryear = 2", "key_unknown", "nurses.peryear", None, "per_year"),
    "a rule on staff without people": (WHO, 'resource = "doctors"', "key_value", "rules.doctors_serve", None, "people"),
    "visits of nobody": (
        WHO, 'resource = "doctors"\nvisits = 5', "key_value", "rules.doctors_serve", None, "visits_per_person",
    ),
    "more visits for one than one can give": (
        WHO, 'resource = "doctors"\nvisits = 5\nvisits_per_person = 6', "key_value", "rules.doctors_serve", None,
        "one person at least",
    ),
    "people for each of nobody": (
        WHO, 'resource = "doctor"\npeople = 1500', "choice", "rules.doctors_serve.resource", "doctor", "doctors, gps",
    ),
    "people where it has no posts": (
        WHO, 'resource = "nurses"\npeople = 1500', "resource_posts", "rules.doctors_serve.resource", "nurses", "clinic",
    ),
    "staff that is policy": (
        WHO, f'{WHO}\nstrength = "must"', "key_value", "rules.doctors_serve.strength", "must", "physics",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MODEL)
def test_every_fault_of_the_resources_is_named_with_its_key_its_value_and_its_cure(
    name: str, staffed_tiny: Tiny
) -> None:
    old, new, what, key, value, cure = MODEL[name]
    staffed_tiny.edit("tiny.toml", old, new)
    column = key if key.startswith("rules.") else f"resources.{key}"
    for language in LANGUAGES:
        with speaking(language):
            with pytest.raises(ModelError) as caught:
                read_model(staffed_tiny.model)
            (fault,) = caught.value.problems
            assert (fault.what, fault.file, fault.column, fault.value) == (
                f"problem.{what}", "tiny.toml", column, value,
            )  # fmt: skip
            assert is_said_whole(fault, str(caught.value))
            assert language != "en" or cure in fault.sentence()


def test_numbers_without_a_source_are_refused(staffed_tiny: Tiny) -> None:
    staffed_tiny.edit("tiny.toml", 'adding = 30_000\nbasis = "assumed"\nsource = "made up"', "adding = 30_000")
    with pytest.raises(ModelError) as caught:
        read_model(staffed_tiny.model)
    assert [(p.what, p.column) for p in caught.value.problems] == [
        ("problem.source_missing", "resources.gps.basis"),
        ("problem.source_missing", "resources.gps.source"),
    ]


@pytest.mark.parametrize(
    ("edits", "columns"),
    [
        # A doctor who is a part of a nurse who is a part of a doctor.
        (
            [(GPS, f'{GPS}\n'), ("at = { hospital = 8,", 'part_of = "gps"\nat = { hospital = 8,')],
            {"resources.doctors.part_of", "resources.gps.part_of"},
        ),
        # Teams made of squads, and squads of teams.
        (
            [(NEEDS, "needs = { squads = 1 }\n" + 'basis = "assumed"\nsource = "made up"\n[resources.squads]\n'
              "at = { community_centre = 4, township_hospital = 4, station = 2 }\nneeds = { teams = 1 }")],
            {"resources.teams.needs", "resources.squads.needs"},
        ),
        # A team that takes those of its own part: teams would need teams.
        (
            [(NEEDS, "needs = { gold_teams = 1 }\n" + 'basis = "assumed"\nsource = "made up"\n[resources.gold_teams]\n'
              'at = { community_centre = 4, township_hospital = 4, station = 2 }\npart_of = "teams"')],
            {"resources.teams.needs"},
        ),
    ],
)  # fmt: skip
def test_a_circle_is_refused(edits: list[tuple[str, str]], columns: set[str], staffed_tiny: Tiny) -> None:
    for old, new in edits:
        staffed_tiny.edit("tiny.toml", old, new)
    with pytest.raises(ModelError) as caught:
        read_model(staffed_tiny.model)
    found = {p.column for p in caught.value.problems if p.what == "problem.resource_step"}
    assert found, caught.value
    assert found <= columns


def test_a_resource_is_named_in_small_letters(staffed_tiny: Tiny) -> None:
    staffed_tiny.edit("tiny.toml", "[resources.beds]", '[resources."床位"]')
    with pytest.raises(ModelError) as caught:
        read_model(staffed_tiny.model)
    assert ("problem.resource_name", "床位") in [(p.what, p.value) for p in caught.value.problems]


def test_a_sum_may_count_a_part_of_another_resource(staffed_tiny: Tiny) -> None:
    staffed_tiny.edit("tiny.toml", SUM, 'sum_of = "gps"\nkinds = ["township_hospital"]')
    staffed_tiny.edit("tiny.toml", 'resource = "township_beds"', 'resource = "beds"')
    model = read_model(staffed_tiny.model)
    case = make_case(read_district(staffed_tiny.folder), model)
    hubs = tuple(j for j, site in enumerate(case.sites) if site.kind == "township_hospital")
    assert case.holders("township_beds") == ("gps", hubs)


def test_wrong_staff_is_one_message_without_a_traceback_and_nothing_is_written(tmp_path: Path) -> None:
    tiny = copy_staffed(tmp_path)
    tiny.edit("staff.csv", LAST, "hub-1,public_health_staff,5,surveyed,x\n")
    for verb in ("check", "plan"):
        for language, words in (("en", "has more of it than posts"), ("zh", "多于岗位")):
            done = call_allocate(tmp_path, "--language", language, verb, tiny.model)
            assert (done.returncode, done.stdout) == (2, "")
            assert "staff.csv" in done.stderr
            assert words in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny", "tiny.toml"]


@pytest.mark.parametrize(
    ("spoken", "words"), [("zh", "请填 0 到 100000 之间的数。"), ("en", "give a number from 0 to 100000.")]
)
def test_a_number_without_a_unit_leaves_no_gap_where_the_unit_would_stand(
    spoken: Language, words: str, staffed_tiny: Tiny
) -> None:
    staffed_tiny.edit("staff.csv", LAST, "hub-1,public_health_staff,-1,surveyed,x\n")
    with speaking(spoken):
        (fault,) = faults_of(staffed_tiny)
        assert fault.sentence().endswith(words)


def test_a_resource_is_not_offered_as_a_part_of_itself(staffed_tiny: Tiny) -> None:
    staffed_tiny.edit("tiny.toml", 'part_of = "doctors"', 'part_of = "gps"')
    (fault,) = [fault for fault in faults_of(staffed_tiny) if fault.column == "resources.gps.part_of"]
    choices = str(fault.details["choices"]).split(", ")
    assert "doctors" in choices
    assert "gps" not in choices


@pytest.mark.parametrize("spoken", LANGUAGES)
@pytest.mark.parametrize(("key", "value"), [("resources.nurses", "5"), ("years", "2025")])
def test_a_table_or_a_list_is_asked_for_in_the_planners_words(
    spoken: Language, key: str, value: str, staffed_tiny: Tiny
) -> None:
    with speaking(spoken), pytest.raises(ModelError) as caught:
        read_model(staffed_tiny.model, {key: value})
    with speaking(spoken):
        assert say("reason.table" if value == "5" else "reason.list") in str(caught.value)
