"""Wrong consortia and functions: one message for each fault, with file, row or key, value and cure."""

from pathlib import Path

import pytest
from conftest import Tiny, call_allocate, copy_hubs
from test_bad_postings import case_of, faults_of, is_said_whole

from allocate.checking import check_all
from allocate.data_problems import data_problems
from allocate.errors import InputError, ModelError, Problem
from allocate.model import read_model
from allocate.plans import district_data, district_of
from allocate.read import read_district
from allocate.words import LANGUAGES, speaking


def problems_of(tiny: Tiny) -> list[Problem]:
    return data_problems(read_district(tiny.folder), read_model(tiny.model), case_of(tiny))


# ---- what is right ----


def test_the_functions_of_today_reach_the_plan(hubs_tiny: Tiny) -> None:
    district, case = read_district(hubs_tiny.folder), case_of(hubs_tiny)
    assert [(row.function, row.institution, row.row) for row in district.functions] == [
        ("imaging", "hospital-1", 2),
        ("imaging", "hub-1", 3),
        ("tcm_hall", "hub-1", 4),
        ("tcm_corner", "old-clinic", 5),
    ]
    hospital, hub, clinic = (case.site_index[name] for name in ("hospital-1", "hub-1", "old-clinic"))
    assert case.had == {
        ("imaging", hospital): -1,
        ("imaging", hub): hospital,
        ("tcm_hall", hub): -1,
        ("tcm_corner", clinic): -1,
    }
    # Who is linked to a centre has not set it up: hub-1 may have imaging from either hospital, and make none.
    assert hub not in case.makers["imaging"]
    assert {k for j, k in case.centres["imaging"] if j == hub} == {hospital, case.site_index["hospital-2"]}


def test_a_plan_carries_the_functions_of_today_and_gives_them_back(hubs_tiny: Tiny) -> None:
    district = read_district(hubs_tiny.folder)
    again = district_of({"district_data": district_data(district), "inputs": []})
    assert again.functions == district.functions
    assert [one.level for one in again.institutions] == [one.level for one in district.institutions]


def test_check_counts_what_is_assumed_of_hospitals_functions_and_consortia(hubs_tiny: Tiny) -> None:
    lines = list(check_all(str(hubs_tiny.model), {}))
    for words in ("医院的等级、类型和性质：1 项为假定", "模型：功能和共享中心的前提、费用：7 项", "模型：医共体：1 项"):
        assert any(words in line for line in lines)


# ---- tables ----

LINKED, HALL = "hub-1,imaging,hospital-1,surveyed,示例\n", "hub-1,tcm_hall,,surveyed,示例\n"
# In a file, what stands instead of which line, and the faults: sentence, row, column, value.
Told = tuple[str, int | None, str, object]
TABLE: dict[str, tuple[str, str, str, tuple[Told, ...]]] = {
    "a lead without a level": (
        "institutions.csv", ",3,general", ",,general", (("lead_unqualified", 2, "level", ""),),
    ),
    "a lead of the first level": (
        "institutions.csv", ",3,general", ",1,general", (("lead_unqualified", 2, "level", "1"),),
    ),
    "a specialised lead": (
        "institutions.csv", "general", "specialised", (("lead_unqualified", 2, "type", "specialised"),),
    ),
    "a lead for profit": (
        "institutions.csv", "non_profit", "for_profit", (("lead_unqualified", 3, "ownership", "for_profit"),),
    ),
    "a level that there is not": ("institutions.csv", ",3,general", ",4,general", (("range", 2, "level", "4"),)),
    "a type that there is not": ("institutions.csv", "general", "dental", (("choice", 2, "type", "dental"),)),
    "an ownership that there is not": (
        "institutions.csv", "general,public", "general,private", (("choice", 2, "ownership", "private"),),
    ),
    "a basis that there is not": (
        "institutions.csv", "public,official", "public,heard", (("choice", 2, "profile_basis", "heard"),),
    ),
    "a function that the model does not know": (
        "functions.csv", HALL, HALL.replace("tcm_hall", "tcm_hal"), (("choice", 4, "function", "tcm_hal"),),
    ),
    "no function": ("functions.csv", HALL, HALL.replace("tcm_hall", ""), (("blank", 4, "function", None),)),
    "an institution that is not there": (
        "functions.csv", HALL, HALL.replace("hub-1", "hub-9"), (("unknown_code", 4, "institution", "hub-9"),),
    ),
    "a centre that is not there": (
        "functions.csv", LINKED, LINKED.replace("hospital-1", "hospital-9"),
        (("unknown_code", 3, "centre", "hospital-9"),),
    ),
    "a centre without the function": (
        "functions.csv", LINKED, LINKED.replace("hospital-1", "hospital-2"),
        (("function_centre", 3, "centre", "hospital-2"),),
    ),
    "a centre for what nobody is linked to": (
        "functions.csv", HALL, HALL.replace(",,", ",hospital-1,"), (("function_centre", 4, "centre", "hospital-1"),),
    ),
    "an institution of another kind": (
        "functions.csv", HALL, HALL.replace("hub-1", "hospital-2"),
        (("function_kind", 4, "institution", "hospital-2"),),
    ),
    "one linked that says that it set it up": (
        "functions.csv", LINKED, LINKED.replace(",hospital-1,", ",,"), (("function_kind", 3, "institution", "hub-1"),),
    ),
    "the same function twice": (
        "functions.csv", HALL, HALL + HALL, (("function_twice", 4, "", "hub-1 · tcm_hall"),),
    ),
    "what comes with those who are posted": (
        "functions.csv", HALL, HALL.replace("tcm_hall", "expert"), (("function_posted", 4, "function", "expert"),),
    ),
    "a basis of a function that there is not": (
        "functions.csv", HALL, HALL.replace("surveyed", "heard"), (("choice", 4, "basis", "heard"),),
    ),
    "no source": ("functions.csv", HALL, HALL.replace("示例", ""), (("blank", 4, "source", None),)),
}  # fmt: skip


def check(faults: tuple[Problem, ...], file: str, told: tuple[Told, ...], error: type[InputError | ModelError]) -> None:
    assert [(fault.what, fault.row, fault.column, fault.value) for fault in faults] == [
        (f"problem.{what}", row, column, value) for what, row, column, value in told
    ]
    assert {fault.file for fault in faults} == {file}
    assert all(is_said_whole(fault, str(error([fault]))) for fault in faults)


@pytest.mark.parametrize("name", TABLE)
def test_every_fault_of_the_tables_is_named_with_its_row_its_value_and_its_cure(name: str, hubs_tiny: Tiny) -> None:
    file, old, new, told = TABLE[name]
    hubs_tiny.edit(file, old, new)
    for language in LANGUAGES:
        with speaking(language):
            check(faults_of(hubs_tiny), file, told, InputError)


# ---- the model ----

CHEST, HALLS, WAY = "needs = { imaging = 1 }", "[functions.tcm_hall]\n", 'mode = "car"\nminutes = 60\ncontiguous'
# What stands in the model instead of what, and the fault: its sentence, its key, its value and a word of the cure.
MODEL: dict[str, tuple[str, str, str, str, object, str]] = {
    "a function that needs itself": (
        CHEST, "needs = { chest_pain_unit = 1 }", "choice", "functions.chest_pain_unit.needs", "chest_pain_unit",
        "imaging, laboratory",
    ),
    "a function that needs one that there is not": (
        CHEST, "needs = { ct = 1 }", "choice", "functions.chest_pain_unit.needs", "ct", "imaging, laboratory",
    ),
    "a function that needs what its institutions never have": (
        CHEST, "needs = { tcm_corner = 1 }", "ability_never", "functions.chest_pain_unit.needs", "tcm_corner",
        "community_centre, township_hospital",
    ),
    "a prerequisite of less than no time": (
        CHEST, "needs = { imaging = -1 }", "key_value", "functions.chest_pain_unit.needs.imaging", -1,
        "the least is 0",
    ),
    "a function named like a resource": (
        HALLS, "[functions.nurses]\n", "ability_name", "functions", "nurses", "no name of a resource",
    ),
    "a function named like what the plan counts": (
        HALLS, "[functions.leads]\n", "ability_name", "functions", "leads", "small letters",
    ),
    "a function in Chinese": (HALLS, '[functions."中医馆"]\n', "ability_name", "functions", "中医馆", "small letters"),
    "a resource named like what the plan counts": (
        "[resources.reserved_beds]", "[resources.leads]", "resource_name", "resources", "leads", "small letters",
    ),
    "a key misspelt": (
        "members = 4", "member = 4", "key_unknown", "functions.imaging.member", None, "members",
    ),
    "no name": (
        'name = { zh = "中医馆", en = "TCM hall" }\n', "", "key_missing", "functions.tcm_hall.name", None, "name",
    ),
    "a name in one language": (
        'name = { zh = "中医馆", en = "TCM hall" }', 'name = { zh = "中医馆" }', "key_value",
        "functions.tcm_hall.name", None, "en",
    ),
    "nowhere": ('at = ["station", "clinic"]', "at = []", "key_value", "functions.tcm_corner.at", None, ""),
    "at a kind that there is not": (
        'at = ["station", "clinic"]', 'at = ["stall"]', "key_value", "functions.tcm_corner.at.0", "stall", "station",
    ),
    "a centre of the kind that it serves": (
        'at = ["hospital"]\nserves', 'at = ["hospital", "township_hospital"]\nserves', "key_value",
        "functions.imaging", None, "other kinds",
    ),
    "a centre that may close": (
        'at = ["station", "clinic"]', 'at = ["station", "clinic"]\nserves = ["hospital"]', "key_value",
        "functions.tcm_corner", None, "hospital",
    ),
    "links to no centre": (
        'at = ["station", "clinic"]', 'at = ["station", "clinic"]\nlinking = 5', "key_value", "functions.tcm_corner",
        None, "nothing is linked",
    ),
    "minutes without a mode": (
        'mode = "car"\nminutes = 40\nopening = 500_000', "minutes = 40\nopening = 500_000", "key_value",
        "functions.laboratory", None, "both mode and minutes",
    ),
    "a mode that there is not": (
        'mode = "car"\nminutes = 40\nopening = 500_000', 'mode = "boat"\nminutes = 40\nopening = 500_000', "choice",
        "functions.laboratory.mode", "boat", "car",
    ),
    "more staff than posts": (
        "staff = { nurses = 1 }", "staff = { nurses = 9_999 }", "ability_staff", "functions.chest_pain_unit.staff",
        "nurses", "too few posts",
    ),
    "staff that there is not": (
        "staff = { nurses = 1 }", "staff = { nuns = 1 }", "choice", "functions.chest_pain_unit.staff", "nuns", "nurses",
    ),
    "no staff": (
        "staff = { nurses = 1 }", "staff = { nurses = 0 }", "key_value", "functions.chest_pain_unit.staff.nurses", 0,
        "more than 0",
    ),
    "types of what is no hospital": (
        'at = ["hospital"]\ntypes = ["general"]', 'at = ["clinic"]\ntypes = ["general"]', "key_value",
        "functions.gp_department", None, "must name hospital",
    ),
    "a type that there is not": (
        'types = ["general"]\nopening', 'types = ["dental"]\nopening', "key_value", "functions.gp_department.types.0",
        "dental", "general",
    ),
    "an institution that may have it and is not there": (
        'types = ["general"]\nopening', 'only = ["hospital-9"]\nopening', "choice", "functions.gp_department.only",
        "hospital-9", "hospital-1, hospital-2",
    ),
    "an institution that may have it and is of another kind": (
        'types = ["general"]\nopening', 'only = ["hub-1"]\nopening', "choice", "functions.gp_department.only", "hub-1",
        "hospital-1, hospital-2",
    ),
    "what is posted and costs": (
        'posted_by = "district"', 'posted_by = "district"\nyearly = 5', "key_value", "functions.expert", None,
        "no cost",
    ),
    "what is posted by nobody known": (
        'posted_by = "district"', 'posted_by = "church"', "key_value", "functions.expert.posted_by", "church",
        "district",
    ),
    "a centre of consortia for those who are in none": (
        'serves = ["community_centre", "township_hospital"]\nwithin',
        'serves = ["community_centre", "township_hospital", "clinic"]\nwithin', "ability_outside",
        "functions.imaging.serves", "clinic", "consortia.members",
    ),
    "a lead that is not there": (
        'may_lead = ["hospital-2"]', 'may_lead = ["hospital-9"]', "choice", "consortia.may_lead", "hospital-9",
        "hospital-1, hospital-2",
    ),
    "a hub that leads": (
        'leads = ["hospital-1"]', 'leads = ["hub-1"]', "choice", "consortia.leads", "hub-1", "hospital-1, hospital-2",
    ),
    "a lead twice": (
        'may_lead = ["hospital-2"]', 'may_lead = ["hospital-1"]', "key_value", "consortia", None, "once",
    ),
    "one that joins and is not there": (
        'leads = ["hospital-1"]', 'leads = ["hospital-1"]\njoining = ["hub-9"]', "choice", "consortia.joining", "hub-9",
        "hub-1, hub-2",
    ),
    "members of a kind that never join": (
        'leads = ["hospital-1"]', 'leads = ["hospital-1"]\nmembers = ["clinic"]', "key_value", "consortia.members.0",
        "clinic", "hospital",
    ),
    "a way to travel that there is not": (
        WAY, WAY.replace("car", "boat"), "choice", "consortia.mode", "boat", "car",
    ),
    "no way to travel": (WAY, "contiguous", "key_missing", "consortia.mode", None, ""),
    "no time to travel": (WAY, WAY.replace("60", "0"), "key_value", "consortia.minutes", 0, "more than 0"),
    "a level of hospital that there is not": (
        'leads = ["hospital-1"]', 'leads = ["hospital-1"]\nlevel = 4', "key_value", "consortia.level", 4, "3",
    ),
    "a part held back of nothing": (
        'part_of = "beds"\nheld_back', "held_back", "key_value", "resources.reserved_beds", None, "part_of",
    ),
    "a part held back that costs": (
        "held_back = true", "held_back = true\nyearly = 5", "key_value", "resources.reserved_beds", None,
        "nothing else",
    ),
    "a part held back where its whole has no posts": (
        "at = { hospital = 50 }", "at = { hospital = 50, clinic = 1 }", "resource_posts",
        "resources.reserved_beds.part_of", "beds", "clinic",
    ),
    "a share and a number": (
        "at_least = 2\nyears = [2030]", "at_least = 2\nshare = 0.5\nyears = [2030]", "key_value", "rules.laboratories",
        None, "share",
    ),
    "a scope that there is not": (
        'scope = "consortium"', 'scope = "county"', "key_value", "rules.imaging_by_half.scope", "county", "district",
    ),
    "a share above the whole": (
        "share = 0.4", "share = 1.4", "key_value", "rules.tcm.share", 1.4, "1",
    ),
    "a share of nothing": (
        'kinds = ["station", "clinic"]\nshare = 0.4', 'kinds = ["ems_station"]\nshare = 0.4', "share_empty",
        "rules.tcm.kinds", "ems_station", "clinic",
    ),
    "members of nothing": (
        'rule = "membership"\nkinds = ["community_centre", "township_hospital"]',
        'rule = "membership"\nkinds = ["ems_station"]', "share_empty", "rules.all_members.kinds", "ems_station",
        "clinic",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MODEL)
def test_every_fault_of_the_model_is_named_with_its_key_its_value_and_its_cure(name: str, hubs_tiny: Tiny) -> None:
    old, new, what, key, value, cure = MODEL[name]
    hubs_tiny.edit("tiny.toml", old, new)
    (hubs_tiny.folder / "functions.csv").unlink()
    for language in LANGUAGES:
        with speaking(language):
            (fault,) = faults = faults_of(hubs_tiny)
            check(faults, "tiny.toml", ((what, None, key, value),), ModelError)
            assert language != "en" or cure in fault.sentence()


@pytest.mark.parametrize(
    ("needs", "circle"),
    [
        ({"tcm_hall": "chest_pain_unit"}, "chest_pain_unit → tcm_hall → chest_pain_unit"),
        # (The circle is named from the first of its names, in the order in which each needs the next one.)
        (
            {"tcm_hall": "expert_room", "expert_room": "chest_pain_unit"},
            "chest_pain_unit → tcm_hall → expert_room → chest_pain_unit",
        ),
    ],
)
def test_prerequisites_that_go_in_a_circle_are_named_one_after_the_other(
    needs: dict[str, str], circle: str, hubs_tiny: Tiny
) -> None:
    hubs_tiny.edit("tiny.toml", CHEST, "needs = { tcm_hall = 1 }")
    room = HALLS.replace("tcm_hall", "expert_room") + (
        'name = { zh = "室", en = "room" }\nat = ["community_centre", "township_hospital"]\n'
        'basis = "assumed"\nsource = "made up"\n\n'
    )
    hubs_tiny.edit("tiny.toml", HALLS, room + HALLS)
    for name, other in needs.items():
        hubs_tiny.edit("tiny.toml", f"[functions.{name}]\n", f"[functions.{name}]\nneeds = {{ {other} = 0 }}\n")
    for language in LANGUAGES:
        with speaking(language):
            told = (("ability_circle", None, "functions.chest_pain_unit.needs", circle),)
            check(faults_of(hubs_tiny), "tiny.toml", told, ModelError)


def test_functions_for_consortia_or_with_experts_want_a_model_that_has_them(hubs_tiny: Tiny) -> None:
    text = hubs_tiny.model.read_text(encoding="utf-8")
    start, end = text.index("[consortia]"), text.index("[functions.imaging]")
    hubs_tiny.model.write_text(text[:start] + text[end:], encoding="utf-8")
    for language in LANGUAGES:
        with speaking(language):
            told = (("ability_consortium", None, "functions.imaging.within", "consortium"),)
            check(faults_of(hubs_tiny), "tiny.toml", told, ModelError)
    text = hubs_tiny.model.read_text(encoding="utf-8")
    start, end = text.index("[postings]"), text.index("[outreach.")
    text = (text[:start] + text[end:]).replace('within = "consortium"\n', "")
    hubs_tiny.model.write_text(text, encoding="utf-8")
    assert ("problem.ability_postings", "functions.expert.posted_by", "district") in [
        (fault.what, fault.column, fault.value) for fault in faults_of(hubs_tiny)
    ]


def test_where_no_hospital_is_qualified_the_message_says_what_it_takes(hubs_tiny: Tiny) -> None:
    hubs_tiny.edit("tiny.toml", 'leads = ["hospital-1"]\nmay_lead = ["hospital-2"]\n', "")
    # Any that is qualified may lead then: of the two, both are.
    leading = case_of(hubs_tiny).leading
    assert leading is not None
    assert len(leading.leads) == 2
    hubs_tiny.edit("institutions.csv", ",3,general", ",,general")
    hubs_tiny.edit("institutions.csv", ",2,tcm", ",1,tcm")
    for language in LANGUAGES:
        with speaking(language):
            faults = faults_of(hubs_tiny)
            check(faults, "tiny.toml", (("lead_nobody", None, "consortia", None),), ModelError)
            assert all(part in faults[0].sentence() for part in ("2", "general, tcm", "public, non_profit"))


def test_a_clause_that_functions_or_consortia_answer_stands_in_its_document(hubs_tiny: Tiny) -> None:
    head = hubs_tiny.model.read_text(encoding="utf-8")
    hubs_tiny.model.write_text('policies = ["standards"]\n' + head, encoding="utf-8")
    hubs_tiny.edit("tiny.toml", "clauses = []", 'clauses = ["ST-28", "ST-99"]')
    # (One of a paper that is not in force may have any name.)
    hubs_tiny.edit("tiny.toml", HALLS, HALLS + 'clauses = ["OURS-1", "ST-98"]\n')
    for language in LANGUAGES:
        with speaking(language):
            told = (
                ("clause_unknown", None, "functions.tcm_hall.clauses[1]", "ST-98"),
                ("clause_unknown", None, "consortia.clauses[1]", "ST-99"),
            )
            faults = tuple(fault for fault in faults_of(hubs_tiny) if fault.what == "problem.clause_unknown")
            check(faults, "tiny.toml", told, ModelError)


# ---- what would leave nothing to be planned ----

PRIVATE_2 = ("117.406278,39.69,surveyed,示例,,,,\nhub-3", "117.406278,39.69,surveyed,示例,,,for_profit,official\nhub-3")
PRIVATE_3 = ("位置假定在镇中心,,,,", "位置假定在镇中心,,,for_profit,official")
BOTH_LEAD = ('leads = ["hospital-1"]\nmay_lead = ["hospital-2"]', 'leads = ["hospital-1", "hospital-2"]')


def test_a_lead_given_that_may_lead_nobody_is_refused_before_anything_is_solved(hubs_tiny: Tiny) -> None:
    # hospital-1 stands beside hub-1; hospital-2 beside hub-3. Within two minutes each reaches one of them, in one more
    # lead neither takes the other's; a lead without a member cannot be.
    hubs_tiny.edit("tiny.toml", *BOTH_LEAD)
    hubs_tiny.edit("tiny.toml", WAY, WAY.replace("60", "2"))
    assert case_of(hubs_tiny).leading is not None
    # With hub-3 run for profit, which joins of its own free will only, nobody is left for hospital-2.
    hubs_tiny.edit("institutions.csv", *PRIVATE_3)
    for language in LANGUAGES:
        with speaking(language):
            faults = faults_of(hubs_tiny)
            check(faults, "tiny.toml", (("lead_alone", None, "consortia.leads", "hospital-2"),), ModelError)
            assert "石桥中医医院" in faults[0].sentence()


def test_two_leads_given_do_not_share_their_only_member(hubs_tiny: Tiny) -> None:
    # Two of the three hubs are run for profit: one hub for two consortia, unless another one wants to join.
    hubs_tiny.edit("tiny.toml", *BOTH_LEAD)
    hubs_tiny.edit("tiny.toml", "contiguous = true", "contiguous = false")
    hubs_tiny.edit("institutions.csv", *PRIVATE_2)
    hubs_tiny.edit("institutions.csv", *PRIVATE_3)
    assert [(fault.what, fault.value) for fault in faults_of(hubs_tiny)] == [("problem.lead_alone", "hospital-2")]
    hubs_tiny.edit("tiny.toml", BOTH_LEAD[1], BOTH_LEAD[1] + '\njoining = ["hub-3"]')
    assert case_of(hubs_tiny).leading is not None


def test_links_of_today_that_the_model_would_not_make_stay_and_are_told(hubs_tiny: Tiny) -> None:
    # Within two minutes hub-1 may join hospital-1 only, and hub-2, linked to it today, nobody; a centre serves one.
    hubs_tiny.edit("tiny.toml", WAY, WAY.replace("60", "2"))
    hubs_tiny.edit("tiny.toml", "members = 4", "members = 1")
    hubs_tiny.edit("functions.csv", HALL, LINKED.replace("hub-1", "hub-2") + HALL)
    for language in LANGUAGES:
        with speaking(language):
            told = [problem for problem in problems_of(hubs_tiny) if problem.file == "functions.csv"]
            assert [(one.what, one.row, one.column, one.value) for one in told] == [
                ("check.full_centre", 4, "centre", "hospital-1"),
                ("check.linked_apart", 4, "centre", "hospital-1"),
            ]
            assert all("imaging" in one.sentence() for one in told)


def test_everything_wrong_in_model_and_tables_together_is_one_message(hubs_tiny: Tiny) -> None:
    hubs_tiny.edit("functions.csv", HALL, HALL.replace("tcm_hall", "tcm_hal"))
    hubs_tiny.edit("institutions.csv", ",3,general", ",1,general")
    hubs_tiny.edit("tiny.toml", 'types = ["general"]\nopening', 'only = ["hospital-9"]\nopening')
    hubs_tiny.edit("tiny.toml", 'kinds = ["station", "clinic"]\nshare = 0.4', 'kinds = ["ems_station"]\nshare = 0.4')
    assert [(fault.what, fault.file) for fault in faults_of(hubs_tiny)] == [
        ("problem.choice", "functions.csv"),
        ("problem.choice", "tiny.toml"),
        ("problem.lead_unqualified", "institutions.csv"),
        ("problem.share_empty", "tiny.toml"),
    ]


def test_wrong_functions_are_one_message_without_a_traceback_and_nothing_is_written(tmp_path: Path) -> None:
    tiny = copy_hubs(tmp_path)
    tiny.edit("functions.csv", HALL, HALL.replace("tcm_hall", "tcm_hal"))
    for verb in ("check", "plan"):
        for language, words in (("en", "row 4 · column function"), ("zh", "第 4 行 · 列 function")):
            done = call_allocate(tmp_path, "--language", language, verb, tiny.model)
            assert (done.returncode, done.stdout) == (2, "")
            assert words in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny", "tiny.toml"]


def test_what_can_be_planned_but_comes_to_nothing_is_told(hubs_tiny: Tiny) -> None:
    hubs_tiny.edit("tiny.toml", 'types = ["general"]\nopening', 'types = ["specialised"]\nopening')
    walk = 'mode = "walk"\nminutes = 1\nopening = 500_000'
    hubs_tiny.edit("tiny.toml", 'mode = "car"\nminutes = 40\nopening = 500_000', walk)
    hubs_tiny.edit("tiny.toml", WAY, WAY.replace("60", "2"))
    hubs_tiny.edit("institutions.csv", *PRIVATE_3)
    lines = list(check_all(str(hubs_tiny.model), {}))
    for key, words in (
        ("functions.gp_department", "没有一家机构能设它"),
        ("functions.laboratory.serves", "没有一家机构接得进中心"),
        ("hospital-2", "没有一家机构能加入它牵头的医共体"),
    ):
        assert any(key in line and words in line for line in lines), key


def test_functions_of_today_that_the_model_does_not_look_at_are_told(tiny: Tiny) -> None:
    (tiny.folder / "functions.csv").write_text(
        "institution,function,centre,basis,source\nhub-1,imaging,hospital-1,official,x\n", encoding="utf-8"
    )
    assert case_of(tiny).had == {}
    with speaking("en"):
        (line,) = [line for line in check_all(str(tiny.model), {}) if "functions.csv" in line and "not used" in line]
    assert "[functions.…]" in line
