"""Consortia from the tables to a plan: farming district and city group, who is out of reach, and what is refused."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from consorting import consorting_model, district

from allocate.candidates import make_case
from allocate.consistency import findings
from allocate.district import District
from allocate.errors import ModelError
from allocate.explain import explain
from allocate.findings import Finding
from allocate.model import Model
from allocate.planning import plan
from allocate.program import Options
from allocate.report.explanation import explanation_lines
from allocate.words import speaking

IN_A_HURRY = Options(seconds=30, quick=True)
# Kilometres on the road, which are minutes by car; the hospitals stand at 0, 30 and 60.
HUBS = {"a": (5, 1000), "b": (12, 2000), "c": (20, 1000), "d": (28, 3000), "e": (40, 1000), "f": (55, 2000)}
HOSPITALS: dict[str, tuple[float, dict[str, Any]]] = {"s1": (0, {}), "s2": (30, {}), "s3": (60, {"type": "tcm"})}
Content = Mapping[str, Any]


def planned(land: District, wanted: Model) -> Content:
    return plan(land, wanted, IN_A_HURRY, processes=1).content


def groups(content: Content, year: int = 2025) -> dict[str, list[str]]:
    """Return the members of every consortium of a year, by its lead."""
    found: dict[str, list[str]] = {}
    for row in content["consortia"]:
        if row["year"] == year and row["id"] != row["lead"]:
            found.setdefault(row["lead"], []).append(row["id"])
    return {lead: sorted(members) for lead, members in found.items()}


def with_profile(land: District, name: str, **profile: Any) -> District:
    """Return a district in which an institution is something else."""
    institutions = tuple(replace(one, **profile) if one.id == name else one for one in land.institutions)
    return replace(land, institutions=institutions)


def odd(land: District, wanted: Model, words: str) -> list[Finding]:
    return [one for one in findings(wanted, land, make_case(land, wanted)) if one.words == words]


def test_hubs_of_a_farming_district_join_the_nearest_qualified_hospital() -> None:
    content = planned(district(HUBS, HOSPITALS), consorting_model({}))
    assert groups(content) == {"s1": ["a", "b"], "s2": ["c", "d", "e"], "s3": ["f"]}
    # 5 × 1,000 + 12 × 2,000 + 10 × 1,000 + 2 × 3,000 + 10 × 1,000 + 5 × 2,000 person-minutes.
    stage = content["stages"][-1]
    assert (stage["name"], stage["unit"], stage["gap"]) == ("districting", "person-minutes", 0)
    assert stage["value"] == pytest.approx(65_000, rel=0.02)
    # Every hub, and the clinic below it, has the lead of the plan above it.
    above = {site["id"]: site["hospital"] for site in content["sites"]}
    assert {name: above[name] for name in HUBS} == {"a": "s1", "b": "s1", "c": "s2", "d": "s2", "e": "s2", "f": "s3"}
    assert [above[name] for name in HOSPITALS] == [None, None, None]


def test_the_plan_names_the_lead_and_not_the_nearest_hospital() -> None:
    content = planned(district(HUBS, HOSPITALS), consorting_model({"leads": ["s2"]}))
    assert groups(content) == {"s2": ["a", "b", "c", "d", "e", "f"]}
    assert {site["hospital"] for site in content["sites"] if site["kind"] != "hospital"} == {"s2"}


def test_two_consortia_where_two_are_asked_for_and_one_where_it_is_cheaper() -> None:
    land, told = district(HUBS, HOSPITALS), {"basis": "assumed", "source": "made up"}
    goals = [{"goal": "cost"}, {"goal": "districting", "outside_minutes": 900, **told}]
    members = {"rule": "membership", "kinds": ["township_hospital"], "strength": "must"}
    lead = {"opening": 1_000_000}
    one = planned(land, consorting_model(lead, {"members": members}, goals=goals))
    # One costs least, whichever it is. Thousands of person-minutes to s2: 25 + 18 × 2 + 10 + 2 × 3 + 10 + 25 × 2 = 137;
    # to s1: 5 + 24 + 20 + 84 + 40 + 110 = 283; to s3: 55 + 96 + 40 + 96 + 20 + 10 = 317.
    assert groups(one) == {"s2": ["a", "b", "c", "d", "e", "f"]}
    two = {"rule": "consortium_size", "of": "consortia", "at_least": 2, "strength": "strive"}
    both = planned(land, consorting_model(lead, {"members": members, "two": two}, goals=goals))
    # s1 saves (25 − 5) × 1,000 + (18 − 12) × 2,000 = 32,000, and s3 (25 − 5) × 2,000 = 40,000.
    assert groups(both) == {"s2": ["a", "b", "c", "d", "e"], "s3": ["f"]}


def test_a_city_group_of_one_lead_two_hospitals_and_eleven_centres() -> None:
    hubs: dict[str, tuple[float, int]] = {f"centre-{n:02}": (2.0 * n, 1000) for n in range(11)}
    hospitals: dict[str, tuple[float, dict[str, Any]]] = {
        "district": (10, {"level": 3}),
        "second": (4, {"level": 2}),
        "care": (16, {"level": 1, "type": "rehabilitation"}),
        "private": (8, {"ownership": "for_profit"}),
    }
    kinds = dict.fromkeys(hubs, "community_centre")
    land = district(hubs, hospitals, **kinds)
    group = {"members": ["hospital", "community_centre"], "leads": ["district"]}
    wanted = consorting_model(group, regime="city_group")
    content = planned(land, wanted)
    # The privately run hospital is not asked: one lead, two hospitals, eleven centres.
    assert groups(content) == {"district": sorted(["second", "care", *hubs])}
    assert len(groups(content)["district"]) == 2 + 11
    assert {row["status"] for row in content["scorecard"]} == {"met"}
    above = {site["id"]: site["hospital"] for site in content["sites"]}
    assert (above["second"], above["care"], above["private"], above["district"]) == ("district", "district", None, None)
    # Of its own free will it may join as well.
    joined = planned(land, consorting_model(group | {"joining": ["private"]}, regime="city_group"))
    assert groups(joined) == {"district": sorted(["second", "care", "private", *hubs])}


def test_a_privately_run_hub_joins_only_where_it_is_listed() -> None:
    land = with_profile(district(HUBS, HOSPITALS), "c", ownership="for_profit")
    outside = planned(land, consorting_model({}))
    assert groups(outside)["s2"] == ["d", "e"]
    # The clause counts five of five.
    assert [row["status"] for row in outside["scorecard"]] == ["met"]
    assert groups(planned(land, consorting_model({"joining": ["c"]})))["s2"] == ["c", "d", "e"]


def test_a_hub_that_no_lead_can_reach_is_named_before_planning_with_the_minutes_that_would_do() -> None:
    # Only s1 leads, within 30 minutes: e and f are 40 and 55 away.
    land, wanted = district(HUBS, HOSPITALS), consorting_model({"leads": ["s1"], "minutes": 30})
    (far,) = odd(land, wanted, "finding.member_far")
    assert (far.clauses, far.details["count"], far.details["needed"]) == (("members",), 2, 55)
    with speaking("en"):
        assert "--set consortia.minutes=55" in far.sentence()
        assert "e (e), f (f)" in far.sentence()
    content = planned(land, wanted)
    assert groups(content) == {"s1": ["a", "b", "c", "d"]}
    (missed,) = content["scorecard"]
    assert (missed["status"], [cause["id"] for cause in missed["causes"]]) == ("missed", ["e", "f"])
    # And 55 minutes do.
    assert groups(planned(land, consorting_model({"leads": ["s1"], "minutes": 55}))) == {"s1": sorted(HUBS)}


def test_explain_finds_the_least_minutes_that_let_every_hub_join() -> None:
    land, wanted = district(HUBS, HOSPITALS), consorting_model({"leads": ["s1"], "minutes": 30})
    found = explain(land, wanted, Options(seconds=60, quick=True))
    assert found.holds is False
    (conflict,) = found.conflicts
    assert conflict.core.names == {"members"}
    (way,) = [repair for repair in conflict.repairs if repair.kind == "way"]
    assert (dict(way.changes), way.before, way.is_least) == ({"consortia.minutes": "55"}, "30", True)
    (share,) = [repair for repair in conflict.repairs if repair.kind == "number"]
    assert share.where == ("e", "f")
    with speaking("en"):
        lines = "\n".join(explanation_lines(found, wanted))
    assert "55 minutes instead of 30 to the hospital that leads" in lines
    assert "--set consortia.minutes=55" in lines


def test_a_hub_that_is_cut_off_by_one_that_does_not_join_is_named() -> None:
    # Towns two kilometres apart in a row; c is privately run, and nobody else adjoins d.
    hubs: dict[str, tuple[float, int]] = {"a": (0, 100), "b": (2, 100), "c": (4, 100), "d": (6, 100)}
    land = with_profile(district(hubs, {"s1": (0, {})}), "c", ownership="for_profit")
    wanted = consorting_model({"contiguous": True})
    (cut_off,) = odd(land, wanted, "finding.member_apart")
    assert cut_off.details["count"] == 1
    assert groups(planned(land, wanted)) == {"s1": ["a", "b"]}
    found = explain(land, wanted, Options(seconds=60, quick=True))
    (conflict,) = found.conflicts
    (apart,) = [repair for repair in conflict.repairs if repair.kind == "apart"]
    assert apart.changes == {"consortia.contiguous": "false"}
    with speaking("zh"):
        assert "医共体成员不要求连片" in "\n".join(explanation_lines(found, wanted))
    joining = consorting_model({"contiguous": True, "joining": ["c"]})
    assert groups(planned(land, joining)) == {"s1": ["a", "b", "c", "d"]}
    assert odd(land, joining, "finding.member_apart") == []


def test_a_kind_that_may_not_join_and_a_number_that_hospitals_cannot_reach_are_said() -> None:
    rules = {"members": {"rule": "membership", "kinds": ["hospital"], "strength": "must"}}
    few = {"rule": "consortium_size", "of": "consortia", "at_least": 3, "strength": "must"}
    wanted = consorting_model({"may_lead": ["s1", "s2"]}, rules | {"three": few})
    land = district(HUBS, HOSPITALS)
    (kind,) = odd(land, wanted, "finding.member_kind")
    assert "s3 (s3)" in kind.sentence()
    (number,) = odd(land, wanted, "finding.few_leads")
    assert (number.details["low"], number.details["may"]) == (3, 2)


def test_a_way_beyond_all_that_may_be_allowed_is_said_to_be_so() -> None:
    land = district({"a": (5, 100), "b": (100, 100)}, {"s1": (0, {})})
    slow = {
        "name": {"zh": "船", "en": "boat"},
        "speed_kmh": 6.0,
        "detour": 1.0,
        "basis": "assumed",
        "source": "made up",
    }
    wanted = consorting_model({"mode": "boat", "minutes": 60}, modes={"boat": slow, "walk": slow})
    (beyond,) = odd(land, wanted, "finding.member_beyond")
    assert beyond.details["needed"] == pytest.approx(1000, rel=0.01)


def refused(consortia: Mapping[str, Any] | None, goal: Mapping[str, Any]) -> ModelError:
    told = {"goal": "districting", "outside_minutes": 60, "basis": "assumed", "source": "made up"}
    try:
        make_case(district(HUBS, HOSPITALS), consorting_model(consortia, goals=[told | goal]))
    except ModelError as error:
        return error
    pytest.fail("nothing is refused")


@pytest.mark.parametrize(
    ("consortia", "goal", "what", "column"),
    [
        (None, {}, "problem.districting_consortia", "goals.districting"),
        # 50 minutes to the lead and 20 for the balance are more than an hour.
        ({"minutes": 50}, {"balance_minutes": 20}, "problem.outside_short", "goals.districting.outside_minutes"),
        # Nobody lives within four minutes of s1, where it is to lead.
        ({"minutes": 4, "leads": ["s1", "s2"]}, {}, "problem.lead_alone", "consortia.leads"),
    ],
)
def test_what_cannot_be_is_refused_with_one_message(
    consortia: Mapping[str, Any] | None, goal: Mapping[str, Any], what: str, column: str
) -> None:
    (problem,) = refused(consortia, goal).problems
    assert (problem.what, problem.column) == (what, column)
    for language in ("zh", "en"):
        with speaking(language):
            assert column in problem.sentence()


def test_two_leads_that_are_given_need_a_member_each() -> None:
    land = district({"a": (5, 100)}, {"s1": (0, {}), "s2": (10, {})})
    with pytest.raises(ModelError) as caught:
        make_case(land, consorting_model({"leads": ["s1", "s2"]}))
    (problem,) = caught.value.problems
    assert problem.what == "problem.lead_alone"
