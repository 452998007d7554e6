"""Named sites: what leaders have decided, and what-ifs, as a rule on sites that stand, or do not, from a year on."""

import json
from typing import Any

import pytest
from conftest import Tiny
from tiny import make, rule, site
from villages import model, road

from allocate.candidates import make_case
from allocate.card import card
from allocate.errors import ModelError
from allocate.explain import explain
from allocate.greedy import greedy
from allocate.layout import Layout
from allocate.model import read_model
from allocate.planning import plan
from allocate.plans import Plan, to_json
from allocate.program import Options
from allocate.read import read_district
from allocate.rules import Forbid, Keep, NamedSites, Rule, to_go, to_stand
from allocate.verification import verify

EVERYBODY = {"rule": "reach", "share": 1.0, "strength": "must"}
# Villages A, B and C, a kilometre from each other: a clinic in B serves all three.
VILLAGES = {"A": (0.0, 300), "B": (1.0, 500), "C": (2.0, 200)}
QUICK = Options(seconds=20.0, threads=1)


def named(*sites: str, **numbers: Any) -> dict[str, Any]:
    return {"rule": "named_sites", "sites": list(sites), "strength": "must", **numbers}


def planned(rules: dict[str, dict[str, Any]], **more: Any) -> Plan:
    made = plan(road(VILLAGES), model({"everybody": EVERYBODY, **rules}, **more), QUICK, processes=1)
    assert verify(json.loads(to_json(made.content))).sound
    return made


def open_in(made: Plan, year: int) -> set[str]:
    """Return the clinics that serve people, or could, in a year."""
    return {
        row["id"]
        for row in made.content["sites"]
        if row["kind"] == "clinic" and row["year"] <= year and row["action"] == "open"
    }


def line_of(made: Plan, name: str, year: int) -> dict[str, Any]:
    (line,) = [row for row in made.content["scorecard"] if (row["rule"], row["year"]) == (name, year)]
    return dict(line)


def test_without_a_decision_the_clinic_stands_in_the_middle() -> None:
    assert open_in(planned({}), 2025) == {"clinic-B"}


def test_a_site_that_is_dropped_is_replaced_by_others() -> None:
    made = planned({"what_if": named("clinic-B", stands=False)})
    assert open_in(made, 2025) == {"clinic-A", "clinic-C"}
    line = line_of(made, "what_if", 2025)
    assert (line["value"], line["target"], line["status"]) == (1, 1, "met")


def test_a_site_that_is_forced_stands_beside_what_is_needed() -> None:
    made = planned({"decided": named("clinic-A")})
    assert "clinic-A" in open_in(made, 2025)
    assert line_of(made, "decided", 2025)["status"] == "met"


def test_a_decision_from_a_year_on_says_nothing_of_the_years_before() -> None:
    made = planned({"decided": named("clinic-A", year=2026)}, years=(2025, 2027))
    assert open_in(made, 2025) == {"clinic-B"}, "a clinic that stands two years longer costs more"
    assert open_in(made, 2027) == {"clinic-A", "clinic-B"}
    assert not [row for row in made.content["scorecard"] if (row["rule"], row["year"]) == ("decided", 2025)]


def test_a_site_that_is_not_to_stand_later_does_not_open_before() -> None:
    made = planned({"what_if": named("clinic-B", stands=False, year=2027)}, years=(2025, 2027))
    assert open_in(made, 2027) == {"clinic-A", "clinic-C"}


def test_what_leaders_decided_is_missed_where_a_stronger_clause_needs_the_site() -> None:
    # Nobody in B is reached but from B: what is only encouraged gives way, and the scorecard says so.
    far = {"A": (0.0, 300), "B": (9.0, 500)}
    told = model({"everybody": EVERYBODY, "rather_not": {**named("clinic-B", stands=False), "strength": "encourage"}})
    made = plan(road(far), told, QUICK, processes=1)
    line = line_of(made, "rather_not", 2025)
    assert (line["status"], line["value"], line["target"]) == ("missed", 0, 1)
    assert "clinic-B" in json.dumps(line["causes"])


def test_the_first_plan_already_keeps_what_was_decided() -> None:
    told = model({"everybody": EVERYBODY, "drop": named("clinic-B", stands=False), "force": named("clinic-C")})
    case = make_case(road(VILLAGES), told)
    layout = greedy(case, told.planned().values())
    assert not [breach for one in told.planned().values() for breach in one.breaches(case, layout)]


def test_two_decisions_that_contradict_each_other_are_found_before_any_search() -> None:
    told = model({"everybody": EVERYBODY, "drop": named("clinic-B", stands=False), "force": named("clinic-B")})
    found = explain(road(VILLAGES), told, QUICK)
    assert found.holds is False
    assert {frozenset(conflict.core.names) for conflict in found.conflicts} == {frozenset({"drop", "force"})}


def test_who_would_lose_by_a_decision_is_named_with_the_decision() -> None:
    # Villages 5 km apart: without its own clinic nobody in B is served.
    told = model({"everybody": EVERYBODY, "drop": named("clinic-B", stands=False)})
    found = explain(road({"A": (0.0, 300), "B": (5.0, 500)}), told, QUICK)
    assert found.holds is False
    (conflict,) = found.conflicts
    assert set(conflict.core.names) == {"everybody", "drop"}


def test_a_later_year_is_a_way_out_of_a_decision_that_comes_too_soon() -> None:
    limit = {"rule": "count", "kinds": ["clinic"], "at_most": 0, "years": [2025], "strength": "must"}
    told = model({"force": named("clinic-B", "clinic-A"), "none_yet": limit}, years=(2025, 2027))
    (conflict,) = explain(road(VILLAGES), told, QUICK).conflicts
    assert {"rules.force.year": "2027"} in [dict(one.changes) for one in conflict.repairs if one.kind == "later"]


def test_the_card_says_what_was_decided_and_since_when() -> None:
    told = model({"drop": named("clinic-B", stands=False, year=2027), "force": named("clinic-A")}, years=(2025, 2027))
    page = card(told)
    assert "2027 年起，以下站点不开放：clinic-B" in page
    assert "From 2027 on, these sites do not stand: clinic-B" in page
    assert "以下站点开放：clinic-A" in page


def test_a_site_that_there_is_not_is_told_with_those_most_like_it(tiny: Tiny) -> None:
    rule = '{rule="named_sites", sites=["clinic-T1O09"], strength="must", source="a what-if", basis="assumed"}'
    told = read_model(tiny.model, {"rules.what_if_1": rule})
    with pytest.raises(ModelError) as caught:
        make_case(read_district(tiny.folder), told)
    (problem,) = caught.value.problems
    assert (problem.column, problem.value) == ("rules.what_if_1.sites", "clinic-T1O09")
    assert "clinic-T1009" in problem.sentence()


def test_a_decision_for_after_the_plan_is_refused(tiny: Tiny) -> None:
    rule = '{rule="named_sites", sites=["clinic-T1009"], year=2099, strength="must", source="later", basis="assumed"}'
    with pytest.raises(ModelError) as caught:
        read_model(tiny.model, {"rules.what_if_1": rule})
    (problem,) = caught.value.problems
    assert (problem.what, problem.column, problem.value) == ("problem.year_late", "rules.what_if_1.year", 2099)


def two_stations() -> Any:
    return make(
        [[1, 1]],
        [site(name, kind="station", exists=True, closable=True) for name in ("老站", "新站")],
        {(0, 0): 60, (0, 1): 60},
        years=(2025, 2027),
    )


def test_of_two_stations_one_of_which_was_closed_by_decision_in_2027_one_line_is_missed_while_both_stand() -> None:
    # “2027年起撤销老站”: both stand in 2025 and in 2027. In 2025 nothing is asked; in 2027 one site of one is wrong.
    case, this = two_stations(), rule("named_sites", sites=("老站",), stands=False, year=2027)
    both = Layout(frozenset({(0, 0), (1, 0), (0, 1), (1, 1)}))
    assert [(one.about, one.shortfall, one.share) for one in this.breaches(case, both)] == [(("老站", 2027), 1, 1)]
    assert [this.measure(case, both, t) for t in this.when(case)] == [(0, 1)]
    assert list(this.breaches(case, Layout(frozenset({(0, 0), (1, 0), (1, 1)})))) == []
    assert [row.sense for row in this.rows(case)] == ["<="]


def test_from_a_year_on_rows_and_check_agree_on_every_plan() -> None:
    case = two_stations()
    verdicts = set()
    for stands in (True, False):
        this = rule("named_sites", sites=("老站", "新站"), stands=stands, year=2026)
        for bits in range(16):
            is_open = frozenset((n % 2, n // 2) for n in range(4) if bits >> n & 1)
            found = {one.about for one in this.breaches(case, Layout(is_open))}
            wanted = {
                row.about
                for row in this.rows(case)
                for (_, j, t) in row.terms
                if ((j, t) in is_open) is not (row.sense == ">=")
            }
            assert found == wanted
            verdicts.add(not found)
    assert verdicts == {True, False}


@pytest.mark.parametrize(
    ("this", "stand", "go"),
    [
        (rule("keep", sites=("A",)), ("A",), ()),
        (rule("forbid", sites=("A",)), (), ("A",)),
        (rule("named_sites", sites=("A",)), ("A",), ()),
        (rule("named_sites", sites=("A",), stands=False), (), ("A",)),
        (rule("total", resource="nurses", at_least=5), (), ()),
    ],
)
def test_what_a_rule_wants_to_stand_or_to_go_is_told_whatever_its_kind(this: Rule, stand: Any, go: Any) -> None:
    assert (to_stand(this), to_go(this)) == (stand, go)
    assert isinstance(this, Keep | Forbid | NamedSites) is bool(stand or go)
