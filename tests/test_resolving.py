"""Solving again from the last plan: as good as from nothing, never proving more than is true, the same every time."""

import json
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Tiny, call_allocate, copy_tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.sparse.csgraph import maximum_flow
from tiny import KINDS, cases, lives, make, rule, site

from allocate import decisions
from allocate.by_number import _common
from allocate.case import Case
from allocate.errors import UsageError
from allocate.goals import Cost, Travel
from allocate.layout import Layout
from allocate.model import changed, read_model
from allocate.planning import plan
from allocate.plans import Plan, to_json
from allocate.program import Instance, Relaxation
from allocate.read import read_district
from allocate.resolving import Last, Resolved, begin, carried_over, differences, remembered, resolve, without_time
from allocate.rules import Rule
from allocate.sites_alone import SitesAlone, decides_sites_alone, lay_out_sites

COST = Cost()
# What floats may lose of a cost in yuan.
HARDLY = 1e-6


def with_room(case: Case, room: int) -> tuple[Case, dict[str, Rule]]:
    """Return a case in which every site has room for so many, and the rule that says so."""
    sites = tuple(replace(at, capacity=room) for at in case.sites)
    return replace(case, sites=sites), {"room": rule("capacity", kinds=KINDS, people=room)}


def most_served(case: Case, is_open: frozenset[tuple[int, int]], room: int, t: int) -> int:
    """Return how many people can be served at most: a flow from places to sites."""
    places, sites = len(case.places), len(case.sites)
    table = np.zeros((places + sites + 2, places + sites + 2), dtype=np.int32)
    for i in range(places):
        table[-2, i] = case.people[i, t]
        for j in case.sites_of[i]:
            if (j, t) in is_open:
                table[i, places + j] = case.people[i, t]
    table[places : places + sites, -1] = room
    flow = maximum_flow(sparse.csr_array(table), places + sites, places + sites + 1)
    return int(flow.flow_value)


def cheapest(case: Case, room: int, share: float) -> int | None:
    """Return the least cost of all plans that serve so many in every year, by looking at each; None: there is none."""
    wanted = [ceil(Fraction(str(share)) * case.total(t)) for t in case.periods]
    return min(
        (
            int(COST.value(case, Layout(is_open)))
            for is_open in lives(case)
            if all(most_served(case, is_open, room, t) >= wanted[t] for t in case.periods)
        ),
        default=None,
    )


def lay_out(case: Case, rules: Mapping[str, Rule], last: SitesAlone | None = None) -> SitesAlone:
    before, rows = (None, ()) if last is None else (last.layout, last.rows)
    return lay_out_sites(case, rules, "cost", COST, gap=0.0, seconds=60.0, before=before, rows=rows)


def faults(case: Case, rules: Mapping[str, Rule], layout: Layout) -> list[Any]:
    """Return everything wrong with a plan, from plain data."""
    return [*decisions.breaches(case, layout), *(b for one in rules.values() for b in one.breaches(case, layout))]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_no_plan_is_cheaper_than_what_is_proven_and_the_one_found_is_the_cheapest(data: st.DataObject) -> None:
    case, rules = with_room(data.draw(cases(capacities=False)), room := data.draw(st.integers(1, 6)))
    share = data.draw(st.sampled_from([0.5, 0.8, 1.0]))
    rules["reach"] = rule("reach", share=share)
    best, found = cheapest(case, room, share), lay_out(case, rules)
    if best is None:
        assert not found.is_met
        assert found.bound == float("-inf")
        return
    assert found.is_met
    assert faults(case, rules, found.layout) == []
    assert COST.value(case, found.layout) == best
    assert found.bound <= best + HARDLY
    assert found.bound >= best - HARDLY


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_change_solved_from_the_last_plan_comes_to_what_it_comes_to_from_nothing(data: st.DataObject) -> None:
    drawn = data.draw(cases(capacities=False))
    case, rules = with_room(drawn, data.draw(st.integers(2, 6)))
    last = lay_out(case, rules | {"reach": rule("reach", share=data.draw(st.sampled_from([0.5, 0.8])))})
    room, share = data.draw(st.integers(1, 6)), data.draw(st.sampled_from([0.4, 0.9]))
    case, rules = with_room(drawn, room)
    dearer = data.draw(st.integers(0, 2))
    case = replace(case, sites=tuple(replace(at, yearly=at.yearly + dearer) for at in case.sites))
    rules["reach"] = rule("reach", share=share)
    warm, cold, best = lay_out(case, rules, last), lay_out(case, rules), cheapest(case, room, share)
    assert warm.is_met == cold.is_met == (best is not None)
    if best is not None:
        assert COST.value(case, warm.layout) == COST.value(case, cold.layout) == best
        assert warm.bound <= best + HARDLY
        assert faults(case, rules, warm.layout) == []


@settings(max_examples=10, deadline=None)
@given(st.data())
def test_the_same_question_has_the_same_answer_twice(data: st.DataObject) -> None:
    case, rules = with_room(data.draw(cases(capacities=False)), 3)
    rules["reach"] = rule("reach", share=0.7)
    assert lay_out(case, rules) == lay_out(case, rules)


def a_row_of_villages(count: int) -> tuple[Case, dict[str, Rule]]:
    """Return villages of 600 in a row, each with a candidate that its neighbours reach too, with room for 1,000."""
    sites = [site(f"S{j}", place=j, opening=10, yearly=1, capacity=1000) for j in range(count)]
    seconds = {(i, j): 60 * abs(i - j) for i in range(count) for j in range(count) if abs(i - j) <= 1}
    case = make([[600]] * count, sites, seconds)
    return case, {"room": rule("capacity", kinds=KINDS, people=1000), "reach": rule("reach", share=0.9)}


def test_the_number_of_sites_is_whole_and_that_proves_the_plan() -> None:
    # 0.9 × 12 × 600 = 6,480 people at 1,000 to a site: 6.48 sites, so 7, each 10 once and 1 for its year.
    case, rules = a_row_of_villages(12)
    found = lay_out(case, rules)
    assert COST.value(case, found.layout) == 77
    assert found.bound == 77
    assert found.relaxations < 40


def test_a_last_plan_that_still_does_is_proven_without_looking_for_another() -> None:
    case, rules = a_row_of_villages(12)
    last = lay_out(case, rules)
    dearer = replace(case, sites=tuple(replace(at, opening=11) for at in case.sites))
    again = lay_out(dearer, rules, last)
    assert again.layout.open == last.layout.open
    assert (COST.value(dearer, again.layout), again.bound) == (84, 84)
    assert again.relaxations < last.relaxations


def test_whatever_an_earlier_plan_opens_is_only_a_place_to_begin() -> None:
    case, rules = a_row_of_villages(8)
    everything = Layout(frozenset((j, 0) for j in range(8)))
    nothing = Layout(frozenset())
    best = COST.value(case, lay_out(case, rules).layout)
    for before in (everything, nothing):
        found = lay_out_sites(case, rules, "cost", COST, gap=0.0, seconds=60.0, before=before)
        assert COST.value(case, found.layout) == best


def test_a_search_with_hardly_any_time_gives_a_plan_and_proves_no_more_than_is_true() -> None:
    case, rules = a_row_of_villages(12)
    found = lay_out_sites(case, rules, "cost", COST, gap=0.0, seconds=0.0)
    assert faults(case, rules, found.layout) == []
    assert found.bound <= 77


def test_only_a_model_that_decides_sites_alone_is_searched_by_number() -> None:
    case, _ = a_row_of_villages(3)
    assert decides_sites_alone(case, COST)
    assert not decides_sites_alone(case, Travel(unserved_minutes=60, source="a toy"))


def test_prices_are_whole_multiples_of_what_they_have_in_common() -> None:
    assert _common({Fraction(810_000), Fraction(5_000_000)}) == 10_000
    assert _common({Fraction(1, 2), Fraction(1, 3)}) == Fraction(1, 6)


def relaxation() -> Relaxation:
    """Return: x + 2y as small as can be, x + y at least 3, both between 0 and 2."""
    instance = Instance(
        "toy",
        np.array([1.0, 2.0]),
        0.0,
        np.zeros(2),
        np.full(2, 2.0),
        np.zeros(2, dtype=bool),
        sparse.csr_array(np.array([[1.0, 1.0]])),
        np.array([3.0]),
        np.array([np.inf]),
        ["x", "y"],
        ["sum"],
    )
    return Relaxation(instance)


def test_a_relaxation_is_solved_again_after_ranges_change_and_rows_come() -> None:
    one = relaxation()
    assert one.solve(10.0).bound == pytest.approx(4.0)
    basis = one.basis()
    one.set_columns(np.array([0]), np.array([0.0]), np.array([1.0]))
    assert one.solve(10.0).bound == pytest.approx(5.0)
    one.add_rows(sparse.csr_array(np.array([[0.0, 1.0]])), np.array([-np.inf]), np.array([1.5]))
    assert one.solve(10.0).bound == float("inf")
    one.set_columns(np.array([0]), np.array([0.0]), np.array([2.0]))
    one.stand_at(basis)
    assert one.solve(10.0).bound == pytest.approx(4.0)


@pytest.fixture(scope="module")
def sites_only(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """Return the small district with a model of sites whose first goal is cost, and whose clauses can be met."""
    tiny = copy_tiny(tmp_path_factory.mktemp("sites-only"))
    text = tiny.model.read_text(encoding="utf-8")
    text = text[: text.index("[[goals]]")] + '[[goals]]\ngoal = "cost"\n'
    text = text.replace("draws = 3", "draws = 0").replace('share = 1.0\nscope = "place"', 'share = 0.8\nscope = "town"')
    tiny.model.write_text(text, encoding="utf-8")
    return tiny


@pytest.fixture(scope="module")
def before(sites_only: Tiny) -> Last:
    """Return what the first run of the small district leaves."""
    return first(sites_only).last


def first(tiny: Tiny, changes: Mapping[str, str] | None = None) -> Resolved:
    return begin(read_district(tiny.folder), read_model(tiny.model, changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"rules.most_people.share": "0.75"},
        {"rules.most_people.share": "0.5"},
        {"siting.clinic.yearly": "66000"},
        {"siting.clinic.opening": "300000"},
        {"rules.clinic_room.people": "1800"},
        {"circles.eight_minutes.minutes": "7"},
        {"rules.most_people.years": "[2025, 2027]"},
        {"rules.not_here.sites": '["clinic-T2016", "clinic-T1009"]'},
    ],
)
def test_one_number_changes_and_the_plan_is_as_good_as_one_from_nothing(before: Last, changes: dict[str, str]) -> None:
    warm, cold = resolve(before, changes, seconds=60.0), begin(before.district, changed(before.model, changes))
    assert not warm.in_full
    assert warm.is_met
    assert cold.is_met
    for one in (warm, cold):
        rules = {name: rule for name, rule in one.last.model.planned().items() if rule.strength in ("must", "physics")}
        assert faults(one.last.case, rules, one.layout) == []
        assert one.bound <= one.value
        assert one.gap <= 0.005
    assert warm.value * (1 - Fraction("0.005")) <= cold.value + 1
    assert warm.bound <= cold.value
    assert cold.bound <= warm.value


def test_solving_again_twice_gives_the_same(before: Last) -> None:
    one, other = (resolve(before, {"rules.most_people.share": "0.8"}, seconds=60.0) for _ in range(2))
    assert one.layout == other.layout
    assert without_time(one).values == without_time(other).values
    assert one.bound == other.bound


def test_it_says_what_changed_beside_numbers_and_what_was_solved_in_full(before: Last) -> None:
    # (What changed is known before the search, of which any plan will do here.)
    assert resolve(before, {"rules.most_people.share": "0.71"}, gap=1.0).changed == ()
    assert resolve(before, {"circles.eight_minutes.minutes": "7"}, gap=1.0).changed == ("reach",)
    assert "years" in resolve(before, {"years": "[2025, 2026, 2027]"}, gap=1.0).changed
    impossible = resolve(before, {"circles.eight_minutes.minutes": "0.1", "rules.most_people.share": "1.0"})
    assert impossible.in_full == "clauses"
    assert not impossible.is_met
    assert impossible.bound <= impossible.value


def test_a_model_that_decides_staff_is_solved_in_full_and_says_so(tmp_path: Path, staffed_home: Tiny) -> None:
    found = begin(read_district(staffed_home.folder), read_model(staffed_home.model), seconds=1.0)
    assert found.in_full == "decides"
    assert faults(found.last.case, {}, found.layout) == []


def test_a_session_of_one_district_refuses_a_model_of_another(sites_only: Tiny, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="elsewhere"):
        resolve(first(sites_only).last, {"district": '"elsewhere"'})


def test_a_finished_plan_is_remembered_and_carried_over_by_the_ids_of_sites(tiny_plan: Plan) -> None:
    content = json.loads(to_json(tiny_plan.content))
    last = remembered(content)
    case, layout = last.case, last.layout
    assert carried_over(case, layout, case).open == layout.open
    # A year more, and a site less: the others stay as they were.
    fewer = replace(
        case.in_groups([[0]]), sites=case.sites[1:], links=case.links.only(case.links.sites > 0), spots=case.spots[1:]
    )
    kept = carried_over(case, layout, fewer)
    assert {(fewer.sites[j].id) for j, _ in kept.open} == {case.sites[j].id for j, t in layout.open if t == 0 and j}
    assert differences(case, case) == ()
    assert "sites" in differences(case, fewer)


def test_a_plan_that_starts_from_an_earlier_one_is_no_worse_and_holds_the_same_files(
    tiny_home: Tiny, tiny_plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    # (Draws, and years by themselves, know of no earlier plan.)
    monkeypatch.setattr("allocate.planning.drawing", lambda *_: nullcontext(lambda _: tiny_plan.content["draws"]))
    monkeypatch.setattr("allocate.planning.look_at_years", lambda *_: tiny_plan.content["nesting"])
    last = remembered(json.loads(to_json(tiny_plan.content)))
    again = plan(read_district(tiny_home.folder), read_model(tiny_home.model), last=last)
    assert again.content.keys() == tiny_plan.content.keys()
    assert again.content["settings"] == tiny_plan.content["settings"]
    before = [(stage["name"], stage["value"]) for stage in tiny_plan.content["stages"]]
    after = [(stage["name"], stage["value"]) for stage in again.content["stages"]]
    for (name, was), (same, now) in zip(before, after, strict=True):
        assert name == same
        assert now <= was + HARDLY * max(1.0, abs(was))
        if now < was:
            break


def test_the_command_refuses_a_plan_of_another_district_in_one_message(tiny_plan: Plan, tmp_path: Path) -> None:
    content = json.loads(to_json(tiny_plan.content))
    (tmp_path / "plan.json").write_text(to_json(content), encoding="utf-8")
    other = copy_tiny(tmp_path)
    other.folder.rename(tmp_path / "elsewhere")
    other.edit("tiny.toml", str(other.folder), str(tmp_path / "elsewhere"))
    done = call_allocate(tmp_path, "plan", other.model, "--from", tmp_path / "plan.json", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "--from" in done.stderr
    assert "elsewhere" in done.stderr
    assert not (tmp_path / "out").exists()
