"""Rules on what sites have: numbers of the documents, computed by hand, and every bundled clause with its rule."""

import tomllib
from fractions import Fraction
from pathlib import Path
from typing import Any

import pydantic
import pytest
from tiny import breached, make, missed, resource, rule, site

from allocate.bundle import bundled
from allocate.case import Case
from allocate.layout import Layout
from allocate.merging import merge_years
from allocate.policies import Clause, Policy, policy_files, policy_of
from allocate.rows import DECISIONS, Number, Strength
from allocate.rules import RULES
from allocate.rules.amounts import COUNTED_IN, UNITS, unit_of
from allocate.words import say_in, speaking

POLICIES = policy_files(bundled() / "models")
JINNAN_PEOPLE = 930_233


def policy(name: str) -> Policy:
    """Return a bundled document."""
    file = POLICIES[name]
    return policy_of(tomllib.loads(file.read_text(encoding="utf-8")), file.name)


def clause(name: str, code: str) -> tuple[str, dict[str, Any]]:
    """Return which rule a bundled clause has, and its numbers."""
    numbers = dict(policy(name).clauses[code].rule or {})
    return numbers.pop("rule"), numbers


def having(sites: int = 1, **amounts: Number) -> Layout:
    """Return a layout of one year in which all sites are open and the first one has everything."""
    return Layout(frozenset((j, 0) for j in range(sites)), {}, {(what, 0, 0): n for what, n in amounts.items()})


def shortfalls(name: str, numbers: dict[str, Any], case: Case, layout: Layout) -> list[tuple[Number, Fraction]]:
    """Return the shortfall and the share of every breach."""
    return [(breach.shortfall, breach.share) for breach in rule(name, **numbers).breaches(case, layout)]


def district(people: int) -> Case:
    """Return a district with one hospital."""
    return make([[people]], [site("H", kind="hospital", exists=True)], {(0, 0): 60})


def clinics(number: int, *, stations: int = 0) -> Case:
    """Return a district with so many clinics and stations."""
    kinds = ["clinic"] * number + ["station"] * stations
    return make([[1]], [site(f"S{n:03}", kind=kind) for n, kind in enumerate(kinds)], {(0, 0): 60})


def with_function(function: str, sites: int, of: int) -> Layout:
    """Return a layout in which the first `sites` of `of` open ones have a function."""
    return Layout(frozenset((j, 0) for j in range(of)), {}, {(function, j, 0): 1 for j in range(sites)})


CLAUSES = [
    pytest.param(name, entry, id=entry.id)
    for name in sorted(POLICIES)
    for entry in policy(name).clauses.values()
    if entry.rule is not None
]


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_every_bundled_document_loads(name: str) -> None:
    found = policy(name)
    assert found.clauses
    assert any(entry.rule for entry in found.clauses.values())


@pytest.mark.parametrize(("name", "entry"), CLAUSES)
def test_the_rule_of_every_bundled_clause_is_one_that_a_plan_can_have(name: str, entry: Clause) -> None:
    numbers = dict(entry.rule or {})
    made = rule(numbers.pop("rule"), **numbers, strength=entry.strength, years=entry.years, clause=entry.id)
    assert made.strength is entry.strength
    assert made.needs <= set(DECISIONS)
    # What it speaks of is what the clause speaks of.
    assert set(getattr(made, "kinds", ())) <= set(entry.kinds) or not entry.kinds
    for spoken in ("zh", "en"):
        assert say_in(spoken, made.indicator)  # type: ignore[arg-type]
        assert say_in(spoken, f"unit.{made.unit}")  # type: ignore[arg-type]
        assert say_in(spoken, f"unit.{made.measured_in}")  # type: ignore[arg-type]


def test_every_resource_of_a_bundled_clause_that_is_persons_beds_teams_or_area_is_counted_so() -> None:
    # (Ambulances come with a station: Baodi's model counts them, and no clause.)
    resources = {"ambulances"} | {
        str(numbers[key])
        for name in POLICIES
        for entry in policy(name).clauses.values()
        for numbers in [entry.rule or {}]
        if numbers.get("rule") in ("rate", "total", "ratio", "site_minimum")
        for key in ("resource", "to")
        if key in numbers
    }
    assert resources >= set().union(*COUNTED_IN.values())
    assert {resource for resource in resources if unit_of(resource) == "units"} == {
        *("advantage_disciplines", "discipline_clusters", "new_key_specialties", "district_key_specialties"),
        *("characteristic_specialties", "no_companion_wards"),
    }
    assert {unit_of(resource) for resource in resources} == set(UNITS)


def test_jinnan_s_rate_asks_for_one_nurse_more_than_its_total() -> None:
    # JN-T01: 4,000 nurses by 2025. JN-T02: 4.3 for every 1,000 people. At 930,233 people:
    # 4.3 × 930.233 = 4,000.0019, and a nurse comes whole: 4,001.
    case = district(JINNAN_PEOPLE)
    total, rate = clause("jinnan", "JN-T01"), clause("jinnan", "JN-T02")
    (row,) = rule(rate[0], **rate[1]).rows(case)
    assert (row.bound, row.target) == (4_001, 4_001)
    assert shortfalls(*total, case, having(nurses=4_000)) == []
    assert shortfalls(*rate, case, having(nurses=4_000)) == [(1, Fraction(1, 4_001))]
    assert shortfalls(*rate, case, having(nurses=4_001)) == []
    # 4,000 ÷ 930.233 = 4.29999…, a hair below 4.3.
    assert rule(rate[0], **rate[1]).measure(case, having(nurses=4_000), 0) == (
        Fraction(4_000_000, 930_233),
        Fraction(43, 10),
    )
    # One person fewer: 4.3 × 930.232 = 3,999.9976, so the two agree.
    assert shortfalls(*rate, district(JINNAN_PEOPLE - 1), having(nurses=4_000)) == []
    # 3,900 nurses are 100 of 4,000 too few: 1/40.
    assert shortfalls(*total, case, having(nurses=3_900)) == [(100, Fraction(1, 40))]


def test_a_rate_is_the_decimal_that_was_written() -> None:
    # 4.1 × 10 = 41 exactly; in binary numbers 4.1 × 10 × 1,000 ÷ 1,000 may end a hair above, which would ask for 42.
    rows = [list(rule("rate", resource="gps", per=1000, at_least=4.1).rows(district(n * 1_000))) for n in range(10, 60)]
    assert [row.bound for (row,) in rows] == [-(-41 * n // 10) for n in range(10, 60)]


def test_beds_at_township_hospitals_lie_between_two_rates() -> None:
    # ST: 0.6 to 1.2 beds for every 1,000 people. For 10,001 people: at least 6.0006, so 7; at most 12.0012, so 12.
    numbers = next(
        entry.rule or {} for entry in policy("standards").clauses.values() if "township_beds" in str(entry.rule)
    )
    numbers = {key: value for key, value in numbers.items() if key != "rule"}
    case, this = district(10_001), rule("rate", **numbers)
    assert [(row.sense, row.bound) for row in this.rows(case)] == [(">=", 7), ("<=", 12)]
    assert shortfalls("rate", numbers, case, having(township_beds=6)) == [(1, Fraction(1, 7))]
    assert shortfalls("rate", numbers, case, having(township_beds=13)) == [(1, Fraction(1, 12))]
    for beds in (7, 12):
        assert shortfalls("rate", numbers, case, having(township_beds=beds)) == []
    # The scorecard shows the lower limit until the upper one is passed.
    assert [this.measure(case, having(township_beds=beds), 0)[1] for beds in (6, 12, 13)] == [
        Fraction(3, 5),
        Fraction(3, 5),
        Fraction(6, 5),
    ]
    assert this.asks() == Fraction(3, 5)


def test_where_nobody_lives_no_rate_asks_for_anything() -> None:
    this = rule("rate", resource="nurses", per=1000, at_least=4.3)
    assert list(this.rows(district(0))) == []
    assert list(this.breaches(district(0), having())) == []
    assert this.measure(district(0), having(), 0) == (Fraction(43, 10), Fraction(43, 10))


def test_nankai_s_physicians_and_its_ratio_ask_for_more_nurses_than_its_rate_of_nurses() -> None:
    # 10,000 people: 3.6 ‰ are 36 physicians (NK-T02), 4 ‰ are 40 nurses (NK-T03). The ratio (NK-T05) asks for
    # 36 × 1.15 = 41.4 nurses, 4.14 ‰: forty are too few, and so are 41; 42 are enough.
    case = district(10_000)
    physicians, nurses = clause("nankai", "NK-T02"), clause("nankai", "NK-T03")
    ratio = clause("nankai", "NK-T05")
    forty = having(physicians=36, nurses=40)
    assert shortfalls(*physicians, case, forty) == shortfalls(*nurses, case, forty) == []
    # 41.4 - 40 = 1.4 nurses. One physician for every 1,000 people would ask for 1.15 × 10 = 11.5: 1.4 ÷ 11.5 = 14/115.
    assert shortfalls(*ratio, case, forty) == [(Fraction(7, 5), Fraction(14, 115))]
    assert shortfalls(*ratio, case, having(physicians=36, nurses=41)) == [(Fraction(2, 5), Fraction(4, 115))]
    assert shortfalls(*ratio, case, having(physicians=36, nurses=42)) == []
    assert rule(ratio[0], **ratio[1]).measure(case, forty, 0) == (Fraction(40, 36), Fraction(23, 20))


def test_two_of_three_community_doctors_are_general_practitioners() -> None:
    # The plan writes two thirds as 0.6666666666666666: 2 of 3 do, 1 of 3 is one too few, 1,999 of 3,000 too.
    ratio = next(entry.rule or {} for entry in policy("nankai").clauses.values() if "community_gps" in str(entry.rule))
    numbers = {key: value for key, value in ratio.items() if key != "rule"}
    case = district(1_000)
    assert shortfalls("ratio", numbers, case, having(community_doctors=3, community_gps=2)) == []
    # One community doctor for every 1,000 people would ask for 2/3, and a shortfall is divided by 1 at least.
    assert shortfalls("ratio", numbers, case, having(community_doctors=3, community_gps=1)) == [(1, Fraction(1))]
    assert shortfalls("ratio", numbers, case, having(community_doctors=3_000, community_gps=2_000)) == []
    assert shortfalls("ratio", numbers, case, having(community_doctors=3_000, community_gps=1_999))[0][0] == 1


def test_nothing_is_owed_to_nothing() -> None:
    this = rule("ratio", resource="nurses", to="physicians", at_least=1.15)
    assert this.measure(district(1_000), having(), 0) == (Fraction(23, 20), Fraction(23, 20))
    assert list(this.breaches(district(1_000), having())) == []


def test_every_centre_has_six_general_practitioners() -> None:
    # ST-18. Six are enough, four are two too few; a closed centre needs none, and a station is no centre.
    numbers = clause("standards", "ST-18")
    kinds = ["community_centre"] * 3 + ["station"]
    case = make([[1]], [site(name, kind=kind) for name, kind in zip("XYZS", kinds, strict=True)], {(0, 0): 60})
    layout = Layout(frozenset({(0, 0), (1, 0), (3, 0)}), {}, {("gps", 0, 0): 6, ("gps", 1, 0): 4})
    this = rule(numbers[0], **numbers[1])
    assert [(b.about, b.shortfall, b.share) for b in this.breaches(case, layout)] == [
        (("Y", 2025), 2, Fraction(1, 3)),
    ]
    assert this.causes(case, layout, 0) == [(("Y",), 2)]
    assert this.measure(case, layout, 0) == (4, 6)
    # Where none is open, none lacks anything.
    assert this.measure(case, Layout(frozenset()), 0) == (6, 6)


def test_two_of_five_clinics_at_the_standard_are_baodi_s_forty_percent() -> None:
    # BD-T14: 40 % of the clinics open. Of 5, that is 2; of 6, 2.4, so 3.
    numbers = clause("baodi", "BD-T14")
    case = clinics(8)
    standard = "clinic_standard"
    assert shortfalls(*numbers, case, with_function(standard, 2, of=5)) == []
    # 2.4 - 2 = 0.4 of a clinic, divided by 40 % of the 8 that may be open: 0.4 ÷ 3.2 = 1/8.
    assert shortfalls(*numbers, case, with_function(standard, 2, of=6)) == [(Fraction(2, 5), Fraction(1, 8))]
    assert shortfalls(*numbers, case, with_function(standard, 3, of=6)) == []
    this = rule(numbers[0], **numbers[1])
    assert this.measure(case, with_function(standard, 2, of=6), 0) == (Fraction(1, 3), Fraction(2, 5))
    (breach,) = this.breaches(case, with_function(standard, 2, of=6))
    # In words: whole clinics.
    assert dict(breach.details) == {"number": 2, "limit": 3}
    assert this.causes(case, with_function(standard, 2, of=6), 0) == [((f"S00{n}",), 1) for n in (2, 3, 4, 5)]
    assert this.causes(case, with_function(standard, 3, of=6), 0) == []


def test_baodi_s_tenth_counts_stations_and_clinics_together() -> None:
    # BD-T15: a tenth of both kinds together. Of 12 clinics and 8 stations that is 2, wherever they are.
    numbers = clause("baodi", "BD-T15")
    case = clinics(12, stations=8)
    assert shortfalls(*numbers, case, with_function("tcm_corner", 2, of=20)) == []
    # 2 - 1 = 1, a tenth of the 20 that may be open being 2: 1/2.
    assert shortfalls(*numbers, case, with_function("tcm_corner", 1, of=20)) == [(1, Fraction(1, 2))]
    # A township hospital with a corner is neither.
    hub = make([[1]], [*case.sites, site("H", kind="township_hospital")], {(0, 0): 60})
    elsewhere = Layout(frozenset((j, 0) for j in range(21)), {}, {("tcm_corner", j, 0): 1 for j in (0, 20)})
    assert shortfalls(*numbers, hub, elsewhere) == [(1, Fraction(1, 2))]


def test_six_township_hospitals_at_the_recommended_standard_are_counted_and_none_is_to_blame() -> None:
    # BD-T12: 6 of however many. Five are one too few: 1/6.
    numbers = clause("baodi", "BD-T12")
    hubs = [site(f"H{n}", kind="township_hospital", exists=True) for n in range(8)]
    case = make([[1]], hubs, {(0, 0): 60})
    five = with_function("recommended_standard", 5, of=8)
    assert shortfalls(*numbers, case, five) == [(1, Fraction(1, 6))]
    assert shortfalls(*numbers, case, with_function("recommended_standard", 6, of=8)) == []
    this = rule(numbers[0], **numbers[1])
    assert this.causes(case, five, 0) == []
    assert (this.measure(case, five, 0), this.measured_in) == ((5, 6), "sites")


def test_of_several_functions_each_is_asked_for() -> None:
    # BD-T05: laboratory, ECG and pathology, at least one hospital each. One hospital with two of them lacks the third.
    numbers = clause("baodi", "BD-T05")
    case = district(1_000)
    breaches = list(rule(numbers[0], **numbers[1]).breaches(case, having(laboratory=1, ecg=1)))
    assert [breach.about for breach in breaches] == [("pathology", 2025)]
    assert shortfalls(*numbers, case, having(laboratory=1, ecg=1, pathology=1)) == []


def test_a_share_of_each_consortium_waits_for_the_consortia() -> None:
    # TJ-T05: half of the township hospitals of each consortium.
    name, numbers = clause("tianjin", "TJ-T05")
    assert rule(name, **numbers).needs == {"siting", "functions", "consortia"}
    assert rule(name, **numbers | {"scope": "district"}).needs == {"siting", "functions"}


def test_a_fifth_of_the_slots_beds_and_examinations_is_held_back_each_by_itself() -> None:
    # BD-T19: 20 % of each. Of 100 beds that is 20; 15 are 5 too few, and slots to spare do not make up for them.
    numbers = clause("baodi", "BD-T19")
    case = district(50_000)
    layout = having(slots=50, reserved_slots=40, beds=100, reserved_beds=15)
    # One bed for every 1,000 people, of which a fifth: 0.2 × 50 = 10. 5 ÷ 10 = 1/2.
    assert shortfalls(*numbers, case, layout) == [(5, Fraction(1, 2))]
    this = rule(numbers[0], **numbers[1])
    assert this.causes(case, layout, 0) == [(("H",), 5)]
    # What no hospital has, such as examinations here, is nothing to hold back from.
    assert this.measure(case, layout, 0) == (Fraction(3, 20), Fraction(1, 5))
    assert shortfalls(*numbers, case, having(beds=100, reserved_beds=20)) == []
    # Only hospitals are asked.
    clinic = make([[50_000]], [site("X")], {(0, 0): 60})
    assert shortfalls(*numbers, clinic, having(beds=100)) == []


def test_what_is_held_back_of_a_sum_is_a_share_of_what_it_sums_up() -> None:
    # Hospital beds are the beds at hospitals: a fifth of 10 is 2, whatever the hubs have.
    beds = {"hospital": 50, "township_hospital": 50}
    resources = {
        "beds": resource(at=beds),
        "hospital_beds": resource(sum_of="beds", kinds=("hospital",)),
        "reserved_hospital_beds": resource(at={"hospital": 50}, part_of="beds", held_back=True),
    }
    sites = [site("H", kind="hospital", exists=True), site("U", kind="township_hospital", exists=True)]
    case = make([[50_000]], sites, {}, resources=resources)
    numbers: dict[str, Any] = {"of": ("hospital_beds",), "share": 0.2}
    rows = list(rule("reserve", **numbers).rows(case))
    for kept, missing in ((0, 2), (1, 1), (2, 0)):
        layout = Layout(
            frozenset({(0, 0), (1, 0)}),
            amounts={("beds", 0, 0): 10, ("beds", 1, 0): 10, ("reserved_hospital_beds", 0, 0): kept},
        )
        # One bed for every 1,000 people, of which a fifth: 0.2 × 50 = 10.
        assert shortfalls("reserve", numbers, case, layout) == ([(missing, Fraction(missing, 10))] if missing else [])
        assert missed(rows, layout) == breached(rule("reserve", **numbers).breaches(case, layout))


def test_a_resource_has_an_unit_of_its_own() -> None:
    assert rule("total", resource="mch_floor_area", at_least=4200).unit == "square_metres"
    assert rule("site_minimum", resource="floor_area", kinds=("clinic",), at_least=60).measured_in == "square_metres"
    assert rule("rate", resource="gps", per=10_000, at_least=5).measured_in == "per_10000"
    assert rule("rate", resource="ambulances", per=100_000, at_least=2).unit == "vehicles"


@pytest.mark.parametrize(
    ("name", "numbers", "words"),
    [
        ("rate", {"resource": "nurses", "per": 1000}, "at_least"),
        ("rate", {"resource": "nurses", "per": 1000, "at_least": 2, "at_most": 1}, "at_least is above at_most"),
        ("rate", {"resource": "nurses", "per": 500, "at_least": 2}, "1000"),
        ("rate", {"resource": "nurses", "per": 1000, "at_least": 0}, "greater than 0"),
        ("rate", {"resource": "nurses", "per": 1000, "at_least": 1, "denominator": "everybody"}, "resident"),
        ("total", {"resource": "nurses"}, "at_least"),
        ("total", {"resource": "护士", "at_least": 1}, "small letters"),
        ("ratio", {"resource": "nurses", "to": "nurses", "at_least": 1.15}, "once"),
        ("site_minimum", {"resource": "gps", "kinds": (), "at_least": 1}, "at least 1 item"),
        ("function", {"functions": ("ecg",), "kinds": ("clinic",)}, "one of the two"),
        ("function", {"functions": ("ecg",), "kinds": ("clinic",), "share": 0.5, "at_least": 1}, "one of the two"),
        ("function", {"functions": ("ecg",), "kinds": ("clinic",), "share": 1.2}, "less than or equal to 1"),
        ("function", {"functions": ("ecg", "ecg"), "kinds": ("clinic",), "share": 1.0}, "once"),
        ("reserve", {"of": ("beds",), "share": 1.2}, "less than or equal to 1"),
        ("reserve", {"of": ("beds", "beds"), "share": 0.2}, "once"),
    ],
)
def test_a_rule_refuses_what_makes_no_sense(name: str, numbers: dict[str, Any], words: str) -> None:
    with speaking("en"), pytest.raises(pydantic.ValidationError, match=words):
        rule(name, **numbers)


@pytest.mark.parametrize("name", ["rate", "total", "ratio", "site_minimum", "function", "reserve"])
def test_a_rule_on_amounts_waits_for_the_decision_that_it_speaks_of(name: str) -> None:
    assert RULES[name].is_physics is False
    example = next(entry for each in POLICIES for entry in policy(each).clauses.values() if is_a(entry, name))
    numbers = {key: value for key, value in (example.rule or {}).items() if key != "rule"}
    made = rule(name, **numbers, strength=Strength.MUST)
    assert not made.is_decided({"siting"}, made.resources, made.abilities)
    # A decision about staff says nothing of a resource that it does not know, nor one about functions of another one.
    assert made.is_decided(made.needs, made.resources, made.abilities)
    assert not made.resources or not made.is_decided(made.needs, ("something_else",), made.abilities)
    assert not made.abilities or not made.is_decided(made.needs, made.resources, ("something_else",))
    assert made.resources or made.abilities
    assert made.asks()


def is_a(entry: Clause, name: str) -> bool:
    """Tell whether a clause has a rule of this type."""
    return (entry.rule or {}).get("rule") == name


def test_the_policy_files_are_those_of_the_project() -> None:
    assert set(POLICIES) == {"baodi", "dongli", "jinnan", "nankai", "tianjin", "standards"}
    assert all(isinstance(file, Path) and file.is_file() for file in POLICIES.values())


def test_what_a_merged_year_has_every_one_of_its_years_has() -> None:
    case = make([[1, 1]], [site("H", kind="hospital", exists=True)], {(0, 0): 60}, years=(2025, 2027))
    reduced = merge_years(case, [rule("total", resource="nurses", at_least=2)])
    assert len(reduced.case.years) == 1
    found = reduced.expand(Layout(frozenset({(0, 0)}), {}, {("nurses", 0, 0): 2}))
    assert found.amounts == {("nurses", 0, 0): 2, ("nurses", 0, 1): 2}
    assert found.totals == {("nurses", 0): 2, ("nurses", 1): 2}
