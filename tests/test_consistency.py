"""The look at the clauses before planning: planted contradictions and the ones that the documents really hold."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Tiny, one_year
from tiny import make, rule, site

from allocate.abilities import Ability
from allocate.candidates import make_case
from allocate.case import Case
from allocate.checking import check_all
from allocate.consistency import findings
from allocate.district import District
from allocate.findings import Finding
from allocate.implied import implies
from allocate.model import Model, read_model
from allocate.planning import plan
from allocate.read import read_district
from allocate.words import LANGUAGES, speaking

Look = Callable[..., list[Finding]]
SOURCED = {"strength": "must", "source": "a toy", "basis": "assumed"}


def toml(tables: Mapping[str, Mapping[str, Any]], section: str = "rules") -> str:
    """Write tables as TOML; a value is written as JSON writes it."""
    lines = []
    for name, table in tables.items():
        lines.append(f"[{section}.{name}]")
        lines += [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"


def clause(code: str, **keys: Any) -> str:
    """Write a clause of a policy file."""
    whole = {"id": code, "source": "a toy", "strength": "must"} | keys
    lines = [f"{key} = {inline(value)}" for key, value in whole.items()]
    return "\n".join(["[[clauses]]", *lines, 'says = { zh = "一条", en = "a clause" }'])


def inline(value: Any) -> str:
    """Write a value as TOML writes it on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {inline(one)}" for key, one in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)


def write_policy(home: Path, code: str, *clauses: str, status: str = "issued", regime: str = "city") -> None:
    """Write a policy file beside a model."""
    (home / "policies").mkdir(exist_ok=True)
    head = f"""[document]
id = "{code}"
title = {{ zh = "一份文件", en = "A paper" }}
issuer = {{ zh = "一个部门", en = "An office" }}
status = "{status}"
as_of = 2024-01-01
regime = "{regime}"
district = {{ zh = "某区", en = "Some district" }}
"""
    (home / "policies" / f"{code.lower()}.toml").write_text("\n\n".join([head, *clauses]), encoding="utf-8")


@pytest.fixture
def look(tiny: Tiny) -> Look:
    """Return a function that adds rules to the small model and returns what is odd about those."""

    def add(head: str = "", *, clauses: Mapping[str, Any] | None = None, **rules: Mapping[str, Any]) -> list[Finding]:
        text = tiny.model.read_text(encoding="utf-8")
        added = {name: SOURCED | dict(table) for name, table in rules.items()}
        text = f"{head}\n{text}\n{toml(added)}\n{toml(clauses or {}, 'clauses')}"
        tiny.model.write_text(text, encoding="utf-8")
        model = read_model(tiny.model)
        district = read_district(tiny.folder)
        return [
            found
            for found in findings(model, district, make_case(district, model))
            if found.clauses != ("every_place",)
        ]

    return add


def only(found: list[Finding], kind: str) -> Finding:
    """Return the one finding of a kind."""
    some = [one for one in found if one.kind == kind]
    assert len(some) == 1, [one.sentence() for one in found]
    return some[0]


def total(at_least: float | None = None, at_most: float | None = None, what: str = "nurses") -> dict[str, Any]:
    limits = {"at_least": at_least, "at_most": at_most}
    return {"rule": "total", "resource": what} | {key: value for key, value in limits.items() if value is not None}


def rate(
    at_least: float | None = None, at_most: float | None = None, what: str = "nurses", **more: Any
) -> dict[str, Any]:
    return total(at_least, at_most, what) | {"rule": "rate", "per": 1000} | more


# The small district as it comes.


def test_a_place_that_nothing_can_serve_is_named_with_its_people(tiny: Tiny) -> None:
    district, model = read_district(tiny.folder), read_model(tiny.model)
    (found,) = findings(model, district, make_case(district, model))
    assert (found.kind, found.clauses, found.words) == ("unmeetable", ("every_place",), "finding.out_of_reach")
    with speaking("en"):
        assert "苇荡区 T3040 (95)" in found.sentence()


# Contradictions.


def test_a_rate_above_a_total_contradicts_it(look: Look) -> None:
    # 34,781 people live in the small district: 4 per 1,000 are 139.124.
    found = only(look(most=total(at_most=139), rate=rate(4)), "contradiction")
    assert set(found.clauses) == {"most", "rate"}
    assert (found.details["low"], found.details["high"]) == ("139.12", "139")


def test_a_rate_at_a_total_does_not_contradict_it(look: Look) -> None:
    assert look(most=total(at_most=140), rate=rate(4)) == []


def test_a_ratio_carries_a_floor_to_another_resource(look: Look) -> None:
    # 100 doctors at 1.5 nurses each are 150 nurses.
    ratio = {"rule": "ratio", "resource": "nurses", "to": "physicians", "at_least": 1.5}
    found = only(look(doctors=total(100, what="physicians"), ratio=ratio, few=total(at_most=149)), "contradiction")
    assert set(found.clauses) == {"doctors", "ratio", "few"}
    assert {found.details["low"], found.details["high"]} <= {"150", "149", "100", "99.33"}


def test_each_clause_of_a_chain_is_needed_for_the_contradiction(look: Look) -> None:
    ratio = {"rule": "ratio", "resource": "nurses", "to": "physicians", "at_least": 1.5}
    assert look(doctors=total(100, what="physicians"), ratio=ratio) == []


def test_two_ratios_that_outgrow_each_other_contradict(look: Look) -> None:
    one = {"rule": "ratio", "resource": "nurses", "to": "physicians", "at_least": 1.2}
    two = {"rule": "ratio", "resource": "physicians", "to": "nurses", "at_least": 0.9}
    assert only(look(one=one, two=two), "contradiction").words == "finding.ratios"


def test_bounds_of_different_years_do_not_contradict(look: Look) -> None:
    assert look(most=total(at_most=10) | {"years": [2025]}, least=total(at_least=20) | {"years": [2027]}) == []


def test_a_rate_for_registered_people_is_not_held_against_one_for_residents(look: Look) -> None:
    assert look(most=rate(at_most=2), least=rate(3, denominator="registered")) == []


def test_rates_for_registered_people_contradict_each_other(look: Look) -> None:
    registered = {"denominator": "registered"}
    found = look(most=rate(at_most=2, **registered), least=rate(3, **registered))
    assert only(found, "contradiction").words == "finding.amounts_registered"


def test_every_site_with_its_minimum_contradicts_a_total(look: Look) -> None:
    # Three hubs stand in every plan, at two doctors each.
    hubs = ["township_hospital", "community_centre"]
    each = {"rule": "site_minimum", "resource": "gps", "kinds": hubs, "at_least": 2}
    assert set(only(look(each=each, few=total(at_most=5, what="gps")), "contradiction").clauses) == {"each", "few"}


def test_more_sites_than_may_be_opened_contradict(look: Look) -> None:
    # Two clinics and stations stand and five may be opened a year: seven in 2025.
    many = {"rule": "count", "kinds": ["clinic", "station"], "at_least": 8, "years": [2025]}
    found = [one for one in look(many=many) if one.words == "finding.sites"]
    assert [one.clauses for one in found] == [("many", "few_new")]
    assert (found[0].details["low"], found[0].details["high"]) == (8, 7)


def test_as_many_sites_as_may_be_opened_do_not_contradict(look: Look) -> None:
    many = {"rule": "count", "kinds": ["clinic", "station"], "at_least": 7, "years": [2025]}
    assert [one for one in look(many=many) if one.words == "finding.sites"] == []


def test_a_town_that_must_and_must_not_have_sites_is_named(look: Look) -> None:
    # T1 has 16,480 people and needs two stations at 10,000 people each; the other towns have fewer and need one.
    stations = {"kinds": ["station"], "scope": "town"}
    crowd = {"rule": "people_per_site", "at_most": 10_000} | stations
    found = look(crowd=crowd, few={"rule": "count", "at_most": 1} | stations)
    crossing = next(one for one in found if one.clauses == ("crowd", "few"))
    assert crossing.details["where"] == {"zh": "柳河街道", "en": "柳河街道"}


def test_a_site_that_is_kept_and_forbidden_is_named(look: Look) -> None:
    found = look(away={"rule": "forbid", "sites": ["old-station"]})
    (one,) = [one for one in found if one.words == "finding.kept_and_forbidden"]
    assert one.clauses == ("keep_station", "away")
    assert "old-station" in str(one.details["sites"])


@pytest.mark.parametrize(("metres", "named"), [(1_900, []), (2_100, [("both", "wide")])], ids=["far", "near"])
def test_kept_sites_that_stand_too_near_are_named(metres: int, named: list[tuple[str, ...]], look: Look) -> None:
    # Two villages of the second town, 1.8 km apart from north to south and 0.8 km from east to west: 2.0 km.
    both = {"rule": "keep", "sites": ["clinic-T2015", "clinic-T2016"]}
    found = look(both=both, wide={"rule": "spacing", "kinds": ["clinic"], "metres": metres})
    # (One of the two is forbidden in the small model as it comes.)
    assert [one.clauses for one in found if one.words == "finding.kept_too_near"] == named


def test_more_kept_sites_than_a_count_allows_contradict(look: Look) -> None:
    found = look(
        both={"rule": "keep", "sites": ["clinic-T2015", "clinic-T2017"]},
        one={"rule": "count", "kinds": ["clinic"], "at_most": 1},
    )
    assert ("both", "one") in [one.clauses for one in found if one.words == "finding.sites"]


def test_a_budget_below_what_the_kept_sites_cost_contradicts_them(look: Look) -> None:
    # The station that is kept costs 400,000 a year.
    found = only(look(poor={"rule": "spending", "at_most": 399_999}), "contradiction")
    assert (found.clauses, found.details["low"]) == (("keep_station", "poor"), "400,000")


def test_a_budget_of_just_what_the_kept_sites_cost_is_no_contradiction(look: Look) -> None:
    found = look(poor={"rule": "spending", "at_most": 400_000})
    assert [one for one in found if one.kind == "contradiction"] == []


def test_a_share_is_held_against_the_rule_that_forbids_all_sites_of_a_place(look: Look, tiny: Tiny) -> None:
    # Without the zone beyond every circle, everybody can be served until the sites near one village are forbidden.
    lines = (tiny.folder / "places.csv").read_text(encoding="utf-8-sig").splitlines()
    kept = [line for line in lines if not line.startswith("T3040")]
    (tiny.folder / "places.csv").write_text("\n".join(kept) + "\n", encoding="utf-8")
    (tiny.folder / "facts.csv").unlink()
    model = read_model(tiny.model)
    case = make_case(read_district(tiny.folder), model)
    near = [case.sites[j] for j in case.sites_of[case.places.index("T3038")]]
    assert look() == []
    found = look(gone={"rule": "forbid", "sites": [one.id for one in near if not one.exists]})
    crossing = only(found, "contradiction")
    assert (crossing.words, crossing.clauses) == ("finding.reach_forbidden", ("every_place", "gone"))
    assert "曾庄村委会 T3038 (247)" in str(crossing.details["places"])


# A count beside a rate.


@pytest.mark.parametrize(
    ("number", "words"), [(100, "finding.rate_binds"), (200, "finding.count_binds")], ids=["the rate", "the count"]
)
def test_a_count_and_a_rate_say_which_asks_for_more_here(number: int, words: str, look: Look) -> None:
    found = only(look(count=total(number), rate=rate(4)), "count_rate")
    assert (found.words, found.details["by_rate"]) == (words, "140")
    # At 4 per 1,000, 100 are those of 25,000 people and 200 those of 50,000.
    assert found.details["people"] == f"{number * 250:,}"


# What is asked for already.


@pytest.mark.parametrize(
    ("strong", "weak"),
    [
        (("rate", {"resource": "nurses", "per": 1000, "at_least": 4}), {"per": 10_000, "at_least": 39}),
        (("total", {"resource": "beds", "at_least": 4, "at_most": 6}), {"at_most": 7}),
        (("ratio", {"resource": "nurses", "to": "physicians", "at_least": 1.2}), {"at_least": 1.1}),
        (("site_minimum", {"resource": "gps", "kinds": ["clinic", "station"], "at_least": 2}), {"kinds": ["clinic"]}),
        (("reach", {"share": 0.9, "scope": "town"}), {"share": 0.9, "scope": "district"}),
        (("presence", {"kinds": ["clinic"], "places": ["village"]}), {"within": "adjoining", "share": 0.9}),
        (("membership", {"kinds": ["clinic", "station"]}), {"kinds": ["station"], "share": 0.5}),
        (("reserve", {"of": ["beds", "slots"], "share": 0.2}), {"of": ["beds"], "share": 0.1}),
        (("posting", {"to": ["clinic"], "sent_by": "district", "rank": "attending"}), {"rank": "resident"}),
        (
            ("posting", {"to": ["clinic"], "sent_by": "lead_hospital", "months": 6}),
            {"sent_by": "district", "months": 0},
        ),
        (
            ("posting", {"to": ["clinic"], "sent_by": "district", "at_least": 2}),
            {"at_least": 1, "or_remote": "screens"},
        ),
        (("rounds", {"times": 1, "per": "week"}), {"times": 4, "per": "month"}),
        (("rounds", {"times": 2, "where": "every"}), {"where": "out_of_reach"}),
        (("rounds", {"times": 2, "where": "every"}), {"where": "listed", "listed": ["P1"]}),
        (("rounds", {"times": 2, "where": "listed", "listed": ["P1", "P2"]}), {"listed": ["P1"]}),
        (("rounds", {"times": 2, "unless": ["clinic"]}), {"unless": ["clinic", "station"]}),
        (("rounds", {"times": 2, "unless": ["clinic"]}), {"unless": []}),
        (("rounds", {"times": 2, "where": "without_own"}), {"unless": ["clinic", "station"]}),
        (("rounds", {"times": 2, "below_people": 900}), {"below_people": 800}),
        (("rounds", {"times": 2}), {"from_people": 800}),
        (("rounds", {"times": 5, "half_days": 2}), {"half_days": 1, "times": 2}),
        (("reach", {"share": 1.0, "scope": "place"}), {"or_by": ["rounds"]}),
        (("keep", {"sites": ["A", "B"]}), {"sites": ["B"]}),
        (("forbid", {"sites": ["A", "B"]}), {"sites": ["A"]}),
        (("spacing", {"kinds": ["clinic"], "metres": 500}), {"metres": 400}),
        (("spending", {"at_most": 100}), {"at_most": 101}),
        (("spending", {"at_most": 100}), {"of": "capital"}),
        (("spending_share", {"share": 0.5, "kinds": ["clinic"]}), {"kinds": ["clinic", "station"]}),
        (("spending_share", {"share": 0.5, "resources": ["beds"]}), {"share": 0.4}),
        (("change_limit", {"kinds": ["clinic", "station"], "at_most": 2}), {"kinds": ["clinic"], "at_most": 3}),
        (("count", {"kinds": ["clinic"], "at_least": 2}), {"kinds": ["clinic", "station"], "at_least": 1}),
        (("people_per_site", {"kinds": ["clinic"], "at_most": 5}), {"at_most": 6}),
        (("function", {"functions": ["ecg", "ct"], "kinds": ["clinic"], "share": 1.0}), {"functions": ["ct"]}),
        (("function", {"functions": ["ecg"], "kinds": ["clinic"], "at_least": 2}), {"kinds": ["clinic", "station"]}),
        (("consortium_size", {"of": "members", "at_least": 4, "at_most": 6}), {"at_least": 3}),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
def test_a_rule_implies_a_weaker_one_of_its_kind_and_not_the_other_way_round(
    strong: tuple[str, dict[str, Any]], weak: dict[str, Any]
) -> None:
    case = make([[10], [2]], [site("A"), site("B", kind="station")], {(0, 0): 60})
    name, numbers = strong
    left = {key: value for key, value in numbers.items() if key not in weak}
    if name == "total":
        left.pop("at_least", None)
    first, second = rule(name, **numbers), rule(name, **left | weak)
    assert implies(first, second, case, {}) is not None
    assert implies(second, first, case, {}) is None


@pytest.mark.parametrize(
    ("first", "second"),
    [
        # A village without a clinic of its own may be in reach of one; and one's own site may not count for the circle.
        ({"where": "out_of_reach"}, {"where": "without_own"}),
        # Those on a list may have a clinic, and others may have none.
        ({"where": "out_of_reach"}, {"where": "listed", "listed": ["P1"]}),
        # Four rounds in one week of the month are none in the others; and large villages are no small ones.
        ({"times": 1, "per": "week"}, {"times": 5, "per": "month"}),
        ({"from_people": 800}, {"below_people": 800}),
        ({"to": "town"}, {"to": "village"}),
    ],
)
def test_rounds_for_some_villages_say_nothing_about_others(first: dict[str, Any], second: dict[str, Any]) -> None:
    case = make([[10], [2]], [site("A")], {(0, 0): 60})
    one, two = (rule("rounds", **{"times": 1} | numbers) for numbers in (first, second))
    assert implies(one, two, case, {}) is implies(two, one, case, {}) is None


@pytest.mark.parametrize(
    ("first", "second"),
    [
        # Every hospital of the district, or the lead hospital alone, each by itself; afar, or in the flesh.
        ({"sent_by": "lead_hospital", "scope": "supporter"}, {"sent_by": "district", "scope": "supporter"}),
        ({"sent_by": "tertiary_hospital"}, {"sent_by": "city_group"}),
        # How many screens may stand in for experts hangs on the sites that are counted.
        ({"to": ["station", "clinic"], "or_remote": "screens"}, {"to": ["clinic"], "or_remote": "screens"}),
    ],
)
def test_experts_of_one_sender_say_nothing_about_another_ones(first: dict[str, Any], second: dict[str, Any]) -> None:
    case = make([[10]], [site("A")], {})
    usual = {"to": ["clinic"], "sent_by": "district"}
    one, two = (rule("posting", **usual | numbers) for numbers in (first, second))
    assert implies(one, two, case, {}) is implies(two, one, case, {}) is None


def test_a_screen_is_no_posted_expert() -> None:
    case = make([[1]], [site("A")], {})
    weak = rule("function", functions=["posted_expert"], kinds=["clinic"], share=1.0)
    strong = rule("posting", to=["clinic"], sent_by="district")
    assert implies(strong, weak, case, {}) == 0
    assert implies(rule("posting", to=["clinic"], sent_by="district", or_remote="screens"), weak, case, {}) is None


def test_a_count_is_implied_by_the_people_to_a_site_in_this_district() -> None:
    case = make([[10], [2]], [site("A")], {(0, 0): 60})
    crowd = rule("people_per_site", kinds=["clinic"], at_most=6)
    assert implies(crowd, rule("count", kinds=["clinic"], at_least=2), case, {}) == 2
    assert implies(crowd, rule("count", kinds=["clinic"], at_least=3), case, {}) is None


def test_the_higher_standard_holds_the_lower_one() -> None:
    case = make([[1]], [site("A")], {})
    every = {"kinds": ["clinic"], "share": 1.0}
    high, low = (rule("function", functions=[f"{one}_standard"], **every) for one in ("recommended", "basic"))
    assert implies(high, low, case, {}) == 0
    assert implies(low, high, case, {}) is None


def test_a_share_of_a_function_implies_a_number_where_enough_sites_stand() -> None:
    case = make([[1]], [site("A")], {})
    numbers = {"functions": ["ecg"], "kinds": ["township_hospital"]}
    half, two = rule("function", share=0.5, **numbers), rule("function", at_least=2, **numbers)
    # Half of three hospitals are two when rounded up; half of two are one.
    assert implies(half, two, case, {"township_hospital": 3}) == 3
    assert implies(half, two, case, {"township_hospital": 2}) is None


def equipped(case: Case, had: Mapping[tuple[str, int], int] | None = None, **functions: Mapping[str, Any]) -> Case:
    """Return a case in which a plan decides functions."""
    common = {"name": {"zh": "功能", "en": "function"}, "at": ("clinic",), "basis": "assumed", "source": "a toy"}
    told = {name: Ability(**{**common, **keys}) for name, keys in functions.items()}
    return replace(case, abilities=told, had=had or {})


def test_what_a_function_needs_is_there_where_it_is() -> None:
    case = equipped(
        make([[1]], [site("A")], {}), scanner={}, unit={"needs": {"scanner": 1}}, ward={"needs": {"unit": 0}}
    )
    every = {"kinds": ["clinic"], "share": 1.0}
    ward, unit, scanner = (rule("function", functions=[one], **every) for one in ("ward", "unit", "scanner"))
    assert implies(ward, scanner, case, {}) == 0
    assert implies(unit, ward, case, {}) is None
    # Who has a unit today has it, whether there is a scanner or not.
    assert implies(ward, scanner, replace(case, had={("unit", 0): -1}), {}) is None
    assert implies(ward, scanner, replace(case, had={("unit", 0): -1, ("scanner", 0): -1}), {}) == 0
    # Where a plan decides standards, one holds the other only if the model says so.
    standards = equipped(case, recommended_standard={}, basic_standard={})
    high, low = (rule("function", functions=[f"{one}_standard"], **every) for one in ("recommended", "basic"))
    assert implies(high, low, standards, {}) is None


def test_a_share_in_every_consortium_says_nothing_about_those_in_none() -> None:
    case = make([[1]], [site("A")], {})
    numbers = {"functions": ["ecg"], "kinds": ["township_hospital"]}
    inside, whole = rule("function", share=1.0, scope="consortium", **numbers), rule("function", share=1.0, **numbers)
    assert implies(inside, whole, case, {}) is None
    assert implies(whole, inside, case, {}) == 0
    half = rule("function", share=0.5, **numbers)
    assert implies(half, rule("function", share=0.5, scope="consortium", **numbers), case, {}) is None


def test_hospitals_of_one_type_say_nothing_about_all() -> None:
    case = make([[1]], [site("A")], {})
    numbers = {"functions": ["gp"], "kinds": ["hospital"], "share": 1.0}
    general, every = rule("function", types=["general"], **numbers), rule("function", **numbers)
    assert implies(general, every, case, {}) is None
    assert implies(every, general, case, {}) == 0
    two = rule("function", functions=["gp"], kinds=["hospital"], at_least=2)
    assert implies(every, two, case, {"hospital": 2}) == 2
    assert implies(general, two, case, {"hospital": 2}) is None


def test_a_function_that_comes_with_other_experts_is_not_implied_by_those_of_the_district() -> None:
    posted = {"at": ("township_hospital",), "posted_by": "district"}
    case = equipped(
        make([[1]], [site("A")], {}), posted_expert=posted, visitor={**posted, "posted_by": "tertiary_hospital"}
    )
    kinds = ["township_hospital"]
    sent = rule("posting", to=kinds, sent_by="lead_hospital", at_least=1)
    assert implies(sent, rule("function", functions=["posted_expert"], kinds=kinds, share=1.0), case, {}) == 0
    assert implies(sent, rule("function", functions=["visitor"], kinds=kinds, share=1.0), case, {}) is None


def test_a_clause_on_functions_of_which_the_model_knows_only_some_is_told(look: Look) -> None:
    hall = {
        "name": {"zh": "中医馆", "en": "TCM hall"}, "at": ["clinic"], "basis": "assumed", "source": "a toy",
    }  # fmt: skip
    head = f"functions = {{ tcm_hall = {inline(hall)} }}"
    both = {"rule": "function", "functions": ["tcm_hall", "sauna"], "kinds": ["clinic"], "share": 0.5}
    found = only(look(head, both=both, neither=both | {"functions": ["sauna"]}), "undecided")
    assert (found.clauses, found.words) == (("both",), "finding.functions_unknown")
    with speaking("en"):
        assert "sauna too" in found.sentence()


def test_of_two_rules_that_say_the_same_the_later_one_is_named(look: Look) -> None:
    found = only(look(first=total(5), second=total(5)), "dominated")
    assert found.clauses == ("second", "first")


def test_a_weaker_clause_does_not_stand_for_a_stronger_one(look: Look) -> None:
    assert look(firm=total(5), soft=total(6) | {"strength": "strive"}) == []


def test_a_clause_that_holds_in_fewer_years_does_not_stand_for_one_that_always_holds(look: Look) -> None:
    assert look(always=total(5), once=total(6) | {"years": [2027]}) == []


def test_a_draft_does_not_stand_for_law(look: Look) -> None:
    assert look(law=total(5), draft=total(6) | {"status": "draft"}) == []


# What no plan can meet.


def test_more_sites_than_there_are_candidates_cannot_be_met(look: Look) -> None:
    found = only(look(many={"rule": "count", "kinds": ["station"], "at_least": 9, "counts": "open"}), "unmeetable")
    # Eight communities: one station stands in one of them, and seven may be opened.
    assert (found.words, found.details["low"], found.details["may"]) == ("finding.too_few", 9, 8)


def test_a_town_without_a_candidate_is_named(look: Look) -> None:
    found = only(look(one={"rule": "count", "kinds": ["station"], "at_least": 1, "scope": "town"}), "unmeetable")
    assert str(found.details["where"]).count("镇") == 4  # two towns, in two languages


def test_fewer_hubs_than_stand_cannot_be_met(look: Look) -> None:
    hubs = ["township_hospital", "community_centre"]
    found = only(look(few={"rule": "count", "kinds": hubs, "at_most": 2}), "unmeetable")
    assert (found.words, found.details["low"], found.details["may"]) == ("finding.too_many", 2, 3)


def test_a_site_that_no_plan_closes_cannot_be_forbidden(look: Look) -> None:
    assert only(look(away={"rule": "forbid", "sites": ["hub-1"]}), "unmeetable").words == "finding.never_closed"


def test_candidates_that_are_forbidden_are_held_against_the_count(look: Look) -> None:
    stations = [f"station-T10{n:02}" for n in range(1, 9) if n != 4]
    found = look(
        all={"rule": "count", "kinds": ["station"], "at_least": 8},
        gone={"rule": "forbid", "sites": stations},
    )
    assert ("all", "gone") in [one.clauses for one in found if one.words == "finding.too_few_forbidden"]


def test_places_without_a_clinic_of_their_own_are_named(look: Look) -> None:
    # No clinic may stand in a zone: 640 and 95 people.
    own = {"rule": "presence", "kinds": ["clinic"], "places": ["zone"], "share": 1.0}
    found = only(look(own=own), "unmeetable")
    assert (found.words, found.details["count"], found.details["people"]) == ("finding.no_site", 2, "735")


def test_room_for_too_few_people_cannot_be_mended_by_money(look: Look, tiny: Tiny) -> None:
    for people in ("2500", "6000", "5000"):
        tiny.edit("tiny.toml", f"people = {people}\n", "people = 100\n")
    found = [one for one in look() if one.words == "finding.no_room"]
    district, model = read_district(tiny.folder), read_model(tiny.model)
    # Every site has more than 100 people at its door; the hospital is none of those that the circle counts.
    sites = [one for one in make_case(district, model).sites if one.kind != "hospital"]
    assert [one.clauses for one in found] == [("most_people",)]
    assert found[0].details["served"] == f"{100 * len(sites):,}"


def test_room_for_just_the_people_asked_for_is_enough(look: Look) -> None:
    assert [one for one in look() if one.words == "finding.no_room"] == []


def test_more_institutions_with_a_function_than_there_are_cannot_be_met(look: Look) -> None:
    numbers = {"rule": "function", "functions": ["ecg"], "kinds": ["hospital"]}
    assert only(look(two=numbers | {"at_least": 2}), "unmeetable").details["may"] == 1


# Documents.


@pytest.mark.parametrize("year", [2020, 2024])
def test_a_deadline_before_the_plan_is_only_checked(year: int, look: Look, tiny: Tiny) -> None:
    # The plan speaks from the end of 2024, and begins with 2025.
    write_policy(tiny.model.parent, "QQ", clause("QQ-T1", years=[year], **{"is": "rule", "rule": total(5)}))
    found = only(look('policies = ["qq"]'), "past")
    assert (found.clauses, found.words, found.details["year"]) == (("QQ-T1",), "finding.past_deadline", year)


def test_a_deadline_between_today_and_the_first_plan_year_is_said(look: Look, tiny: Tiny) -> None:
    tiny.edit("tiny.toml", "as_of = 2024-12-26", "as_of = 2023-12-26")
    write_policy(tiny.model.parent, "QQ", clause("QQ-T1", years=[2024], **{"is": "rule", "rule": total(5)}))
    found = only(look('policies = ["qq"]'), "past")
    assert (found.words, found.details["first"]) == ("finding.late_deadline", 2025)


def test_a_deadline_after_the_last_plan_year_is_said(look: Look, tiny: Tiny) -> None:
    write_policy(tiny.model.parent, "QQ", clause("QQ-T1", years=[2030], **{"is": "rule", "rule": total(5)}))
    found = only(look('policies = ["qq"]'), "beyond")
    assert (found.details["year"], found.details["last"]) == (2030, 2027)


def test_a_draft_is_called_a_draft_wherever_it_is_cited(look: Look, tiny: Tiny) -> None:
    write_policy(tiny.model.parent, "QQ", clause("QQ-T1", **{"is": "rule", "rule": total(5)}), status="draft")
    found = look('policies = ["qq"]', few=total(at_most=4))
    assert only(found, "draft").clauses == ("QQ-T1",)
    with speaking("en"):
        assert "QQ-T1 (draft)" in only(found, "contradiction").sentence()


def test_a_document_of_another_regime_does_not_apply(look: Look, tiny: Tiny) -> None:
    write_policy(tiny.model.parent, "QQ", clause("QQ-T1", **{"is": "rule", "rule": total(5)}), regime="city_group")
    found = look('policies = ["qq"]\nregime = "farming_district"', few=total(at_most=4))
    assert [one.words for one in found] == ["finding.other_regime"]


def test_two_regimes_ask_for_a_choice(look: Look, tiny: Tiny) -> None:
    for code, regime in (("QQ", "city_group"), ("WW", "farming_district")):
        text = clause(f"{code}-T1", **{"is": "rule", "rule": total(5, what=code.lower())})
        write_policy(tiny.model.parent, code, text, regime=regime)
    found = look('policies = ["qq", "ww"]')
    assert [one.words for one in found] == ["finding.mixed_regimes"] * 2


def test_a_clause_about_a_kind_that_exists_nowhere_has_nothing_to_apply_to(look: Look) -> None:
    numbers = {"rule": "people_per_site", "kinds": ["ems_station"], "at_most": 80_000}
    found = look(calls=numbers)
    assert [(one.kind, one.clauses) for one in found] == [("empty", ("calls",))]


def test_what_the_model_changes_in_a_clause_is_said(look: Look, tiny: Tiny) -> None:
    numbers = {"is": "rule", "rule": {"rule": "reach", "share": 0.6}}
    write_policy(tiny.model.parent, "QQ", *(clause(f"QQ-T{n}", **numbers) for n in range(1, 5)))
    changes = {"QQ-T1": {"share": 0.65}, "QQ-T2": {"strength": "strive"}, "QQ-T3": {"on": False}}
    found = [one for one in look('policies = ["qq"]', clauses=changes) if one.kind == "changed"]
    assert {one.clauses[0]: one.words for one in found} == {
        "QQ-T1": "finding.numbers",
        "QQ-T2": "finding.softened",
        "QQ-T3": "finding.switched_off",
    }
    with speaking("en"):
        assert "share 0.6 → 0.65" in next(one for one in found if one.clauses == ("QQ-T1",)).sentence()


def test_a_clause_that_is_hardened_is_said(look: Look, tiny: Tiny) -> None:
    numbers = {"is": "rule", "rule": {"rule": "reach", "share": 0.6}, "strength": "strive"}
    write_policy(tiny.model.parent, "QQ", clause("QQ-T1", **numbers))
    found = look('policies = ["qq"]', clauses={"QQ-T1": {"strength": "must"}})
    assert only(found, "changed").words == "finding.hardened"


# The documents themselves, held against Baodi.


@pytest.fixture(scope="module")
def baodi() -> District:
    return read_district(read_model("baodi").district_folder())


def of_document(baodi: District, name: str, regime: str, tmp_path: Path, **head: str) -> tuple[Model, list[Finding]]:
    """Return what is odd where a document stands alone beside a model of one toy rule."""
    lines = {
        "title": '{ zh = "试", en = "try" }',
        "district": '"baodi"',
        "as_of": "2021-08-24",
        "years": "[2025, 2027, 2030, 2035]",
        "circle": '"e_bike_15"',
        "policies": f'["{name}"]',
        "regime": f'"{regime}"',
    } | head
    siting = "\n".join(
        f'[siting.{kind}]\nstands_in = ["{place}"]\nopening = 1\nyearly = 1\nbasis = "assumed"\nsource = "a toy"'
        for kind, place in (("clinic", "village"), ("station", "community"))
    )
    text = "\n".join(f"{key} = {value}" for key, value in lines.items()) + f'\n{siting}\n[[goals]]\ngoal = "cost"\n'
    (tmp_path / "try.toml").write_text(text, encoding="utf-8")
    model = read_model(tmp_path / "try.toml")
    return model, findings(model, baodi, make_case(baodi, model))


def test_nankai_contradicts_itself_read_as_equations_and_not_read_as_floors(baodi: District, tmp_path: Path) -> None:
    _, found = of_document(baodi, "nankai", "city_group", tmp_path)
    one = only(found, "contradiction")
    assert one.clauses == ("NK-T02", "NK-T05", "NK-T03")
    # 3.6 physicians at 1.15 nurses each are 4.14 nurses.
    assert (one.words, one.details["given"], one.details["asked"]) == ("finding.equalities_above", "4.14", "4")
    with speaking("en"):
        for quoted in ("3.6人 指导性", "1: 1.15 指导性", "4人 指导性"):
            assert quoted in one.sentence()


def test_jinnans_count_and_rate_agree_at_one_number_of_people(baodi: District, tmp_path: Path) -> None:
    _, found = of_document(baodi, "jinnan", "farming_district", tmp_path)
    pairs = {one.clauses: one for one in found if one.kind == "count_rate"}
    # 4,000 / 4.3 × 1,000 = 930,232.6 and 4,600 / 5 × 1,000 = 920,000; Baodi has 722,367, for whom 4.3 per 1,000 are
    # 3,106.2 nurses.
    assert {names: one.details["people"] for names, one in pairs.items()} == {
        ("JN-T01", "JN-T02"): "930,233",
        ("JN-T03", "JN-T04"): "920,000",
    }
    first = pairs["JN-T01", "JN-T02"]
    assert (first.words, first.details["here"], first.details["by_rate"]) == ("finding.count_binds", "722,367", "3,107")


def test_baodis_ten_institutions_are_implied_by_every_township_hospital(baodi: District, tmp_path: Path) -> None:
    _, found = of_document(baodi, "baodi", "farming_district", tmp_path, as_of="2024-12-26")
    implied = {one.clauses: one.words for one in found if one.kind == "dominated"}
    assert implied["BD-T01", "BD-T02"] == "finding.implied_here"
    assert implied["BD-T09", "BD-T10"] == "finding.implied"


def test_the_citys_draft_is_no_law_and_its_first_deadlines_are_over(baodi: District, tmp_path: Path) -> None:
    _, found = of_document(baodi, "tianjin", "farming_district", tmp_path, as_of="2025-01-01")
    assert "TJ-T15" in only(found, "draft").clauses
    assert {one.clauses[0] for one in found if one.kind == "past"} >= {"TJ-T02", "TJ-T03", "TJ-T05"}
    assert ("TJ-T03", "TJ-T15") not in [one.clauses for one in found if one.kind == "dominated"]


@pytest.mark.parametrize(
    ("name", "regime"),
    [("dongli", "city_group"), ("jinnan", "farming_district"), ("nankai", "city_group"), ("standards", "city_group")],
)
def test_every_document_is_checked_the_same_twice_and_speaks_both_languages(
    name: str, regime: str, baodi: District, tmp_path: Path
) -> None:
    model, found = of_document(baodi, name, regime, tmp_path)
    assert found == findings(model, baodi, make_case(baodi, model))
    for spoken in LANGUAGES:
        with speaking(spoken):
            assert all(one.sentence() for one in found)
    known = {*model.rules, *model.clauses}
    assert all(set(one.clauses) <= known for one in found)


# The command, and that nothing is stopped.


def test_check_says_what_is_odd_and_quotes_both_clauses(tiny: Tiny) -> None:
    numbers = {"is": "rule", "rule": total(5)}
    write_policy(tiny.model.parent, "QQ", clause("QQ-T1", **numbers), clause("QQ-T2", **numbers))
    text = tiny.model.read_text(encoding="utf-8")
    tiny.model.write_text(f'policies = ["qq"]\n{text}', encoding="utf-8")
    with speaking("en"):
        lines = list(check_all(str(tiny.model), {}))
    (line,) = [line for line in lines if "already implied" in line]
    assert "QQ-T2 “a clause”" in line
    assert "QQ-T1 “a clause”" in line


def test_a_contradiction_does_not_stop_the_plan(tiny: Tiny) -> None:
    text = one_year(tiny).model.read_text(encoding="utf-8")
    away = toml({"away": SOURCED | {"rule": "forbid", "sites": ["old-station"]}})
    tiny.model.write_text(f"{text}\n{away}", encoding="utf-8")
    content = plan(read_district(tiny.folder), read_model(tiny.model)).content
    missed = {row["rule"] for row in content["scorecard"] if row["status"] == "missed"}
    assert missed & {"away", "keep_station"}
