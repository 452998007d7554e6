"""Sites first and staff second: never better than the best plan, and never proving more than is true."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
import villages
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import cases, lives, make, nearest, rule, site, staffed, weigh

from allocate.candidates import make_case
from allocate.case import Case
from allocate.decisions import siting, staffing
from allocate.goals import Cost, Goal, Travel
from allocate.merging import stand_for_later
from allocate.program import Options
from allocate.rows import Number
from allocate.rules import Rule
from allocate.search import _as_a_whole, lay_out
from allocate.staged import Staged
from allocate.stages import clause_values, goal_values
from allocate.two_steps import in_two_steps

EXACT = Options(seconds=20, gap=0.0, threads=1, quick=True)
GOALS: Mapping[str, Goal] = {
    "cost": replace(Cost(), gap=0.0),
    "travel": replace(Travel(unserved_minutes=60, source="a toy"), gap=0.0),
}
HARDLY = 1e-6


def named(rules: Sequence[Rule]) -> dict[str, Rule]:
    return {f"rule_{n}": one for n, one in enumerate(rules)}


def values(case: Case, rules: Mapping[str, Rule], layout: Any) -> dict[str, Number]:
    return {**clause_values(case, rules, layout), **goal_values(case, GOALS, layout)}


@settings(max_examples=12, deadline=None)
@given(st.data())
def test_two_steps_find_no_better_plan_than_there_is_and_prove_no_more_than_is_true(data: st.DataObject) -> None:
    case, drawn = data.draw(staffed(years=(2025, 2027)))
    rules = named(drawn)
    found = in_two_steps(case, rules, GOALS, 0.0, EXACT)
    assert [*siting.breaches(case, found.layout), *staffing.breaches(case, found.layout)] == []
    best = values(case, rules, _as_a_whole(case, rules, GOALS, 0.0, EXACT, None).layout)
    mine = values(case, rules, found.layout)
    for name, right in best.items():
        size = max(1.0, abs(float(right)))
        # Whatever is proven of a stage holds for the best plan too, which kept the stages before as well.
        assert found.bounds.get(name, 0.0) <= float(right) + 2e-3 * size, name
        if float(mine[name]) > float(right) + HARDLY * size:
            break
        # (A stage may give way by a thousandth for the next ones, in either search.)
        assert float(mine[name]) >= float(right) * (1 - 2e-3) - HARDLY * size, name


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_a_year_that_stands_for_later_ones_never_costs_more_than_all_of_them(data: st.DataObject) -> None:
    years = (2025, 2027, 2030)
    case = data.draw(cases(years=years, capacities=False, most_places=3, most_sites=3))
    sites = tuple(replace(at, closable=False) for at in case.sites)
    case = replace(case, sites=sites)
    share = data.draw(st.sampled_from([0.5, 1.0]))
    scope = data.draw(st.sampled_from(["district", "town", "place"]))
    rules = [rule("reach", share=share, scope=scope)]
    reduced = stand_for_later(case, rules)

    def least(of: Case) -> Number:
        """Return the least cost of the plans that miss the clause least, by looking at every one."""
        plans = [nearest(of, is_open) for is_open in lives(of)]
        return min((weigh(of, rules, plan), Cost().value(of, plan)) for plan in plans)[1]

    if all(one[0] == 0 for one in [min(weigh(case, rules, nearest(case, is_open)) for is_open in lives(case))]):
        assert least(reduced.case) <= least(case)


def test_a_year_with_fewer_people_needs_no_search_of_its_own() -> None:
    case = make([[9, 8, 7], [4, 4, 3]], [site("A")], {(0, 0): 60, (1, 0): 90}, years=(2025, 2027, 2030))
    assert stand_for_later(case, [rule("reach", share=1.0)]).case.years == (2025,)
    # A clause that begins later is one that the first year does not have.
    late = rule("reach", share=1.0, years=(2027, 2030))
    assert stand_for_later(case, [late]).case.years == (2025, 2027)


def test_a_year_with_more_people_and_a_site_that_may_close_stand_for_themselves() -> None:
    seconds = {(0, 0): 60, (1, 0): 90}
    growing = make([[9, 12, 11], [4, 4, 3]], [site("A")], seconds, years=(2025, 2027, 2030))
    assert stand_for_later(growing, []).case.years == (2025, 2027)
    closing = make([[9, 8], [4, 4]], [site("A", exists=True, closable=True)], seconds, years=(2025, 2027))
    assert stand_for_later(closing, []).case.years == (2025, 2027)


def test_a_search_that_ends_worse_than_the_first_plan_gives_the_first_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    dear = site("B", opening=100_000, yearly=5_000)
    case = make([[900], [400]], [site("A", exists=True), dear], {(0, 0): 300, (1, 0): 300, (1, 1): 200})
    rules = {"everyone": rule("reach", share=1.0, scope="district")}
    first = in_two_steps(case, rules, GOALS, 0.0, EXACT).layout
    assert first.open == {(0, 0)}
    wasteful = replace(first, open=frozenset({(0, 0), (1, 0)}))
    monkeypatch.setattr("allocate.two_steps.staff_for", lambda *args, **more: (wasteful, Staged()))
    assert in_two_steps(case, rules, GOALS, 0.0, EXACT).layout.open == first.open


def test_sums_of_staff_that_let_a_site_serve_more_than_it_can_do_not_cost_the_plan() -> None:
    # An upgrade gives room for 2,000 and no second nurse, who can see to 1,200; the sums know of the clinics' nurses
    # together. The first step may send 1,800 people to one of them.
    told = {"basis": "assumed", "source": "made up"}
    asked = {
        "room": {"rule": "capacity", "kinds": ["clinic"], "people": 1000},
        "nurse": {"rule": "people_per_staff", "kinds": ["clinic"], "resource": "nurses", "people": 1200},
        "everybody": {"rule": "reach", "share": 1.0, "scope": "district", "strength": "must"},
    }
    planned = villages.model(
        asked,
        clinic={"upgrade": {"opening": 1000, "yearly": 100, "people": 1000, **told}},
        goals=[{"goal": "cost"}, {"goal": "travel", "unserved_minutes": 60, "source": "made up"}],
        resources={"nurses": {"at": {"clinic": 1}, "yearly": 10000, **told}},
    )
    there = villages.road({"A": (0.0, 900), "B": (0.4, 900), "C": (10.0, 300)}, {"far": 10.0, "near": 0.2})
    case = make_case(there, planned)
    for quick in (True, False):
        found = lay_out(case, planned, replace(EXACT, quick=quick)).layout
        assert [*siting.breaches(case, found), *staffing.breaches(case, found)] == []
        assert found.served_in(0) == 2100
