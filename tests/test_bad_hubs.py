"""Wrong consortia and functions: one message for each fault, with file, row or key, value and cure."""

from conftest import Tiny

from allocate.candidates import make_case
from allocate.case import Case
from allocate.checking import check_all
from allocate.model import read_model
from allocate.plans import district_data, district_of
from allocate.read import read_district


def case_of(tiny: Tiny) -> Case:
    return make_case(read_district(tiny.folder), read_model(tiny.model))


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
    for words in ("医院的等级、类型和性质：1 项为假定", "功能和标准的数值：7 项", "医共体的数值：1 项"):
        assert any(words in line for line in lines)
