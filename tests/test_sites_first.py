"""A full search of a model that decides sites alone: its cost is proven first, by number, and the rest goes on."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import Tiny, copy_hubs, copy_tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from test_resolving import COST, cheapest, faults, with_room
from tiny import cases, rule

from allocate import search
from allocate.candidates import make_case
from allocate.case import Case
from allocate.goals import Goal, Travel
from allocate.model import Model, read_model
from allocate.planning import plan
from allocate.program import Options
from allocate.read import read_district
from allocate.report.away import posts_away, visits_made
from allocate.report.belonging import forms_consortia, sets_up_functions
from allocate.report.sheets import sheets
from allocate.rules import Rule
from allocate.search import Layouts, lay_out
from allocate.stages import stage_values

# Without branch and bound, and with hardly a neighbourhood: what is proven was proven by number.
IN_A_HURRY = Options(seconds=60.0, gap=0.0, threads=1, quick=True, nodes=1, search_nodes=0)
GOALS: Mapping[str, Goal] = {
    "cost": replace(COST, gap=0.0),
    "travel": replace(Travel(unserved_minutes=60, source="a toy"), gap=0.0, nodes=0),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """Return the small district with a model of sites, whose clauses can be met, whose goals are cost and travel."""
    tiny = copy_tiny(tmp_path_factory.mktemp("sites-first"))
    text = tiny.model.read_text(encoding="utf-8")
    text = text[: text.index("[[goals]]")]
    text += (
        '[[goals]]\ngoal = "cost"\n[[goals]]\ngoal = "travel"\nunserved_minutes = 60\nnodes = 0\nsource = "made up"\n'
    )
    text = text.replace("draws = 3", "draws = 0").replace('share = 1.0\nscope = "place"', 'share = 0.8\nscope = "town"')
    tiny.model.write_text(text, encoding="utf-8")
    return tiny


def searched(case: Case, model: Model) -> tuple[Layouts, dict[str, float]]:
    found = lay_out(case, model, IN_A_HURRY, gap=0.0, first_goals=1)
    values = stage_values(case, model.planned(), {"cost": model.goals["cost"]}, found.layout)
    return found, {name: float(value) for name, value in values.items()}


def test_the_cost_of_sites_is_proven_where_the_search_without_numbers_leaves_a_gap(
    home: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = read_model(home.model)
    case = make_case(read_district(home.folder), model)
    found, values = searched(case, model)
    assert found.bounds["cost"] == values["cost"]
    monkeypatch.setattr(search, "decides_sites_alone", lambda case, goal: False)
    without, before = searched(case, model)
    assert without.bounds["cost"] < before["cost"]
    assert without.bounds["cost"] <= found.bounds["cost"]
    clauses = [name for name in values if name not in model.goals]
    assert [values[name] for name in clauses] == [before[name] for name in clauses] == [0.0] * len(clauses)
    assert values["cost"] <= before["cost"]


def test_what_comes_after_the_cost_is_still_made_small_and_the_plan_is_rechecked(home: Tiny) -> None:
    model = read_model(home.model)
    made = plan(read_district(home.folder), model, Options(seconds=60.0, threads=1), processes=1)
    stages = {stage["name"]: stage for stage in made.content["stages"]}
    assert stages["cost"]["gap"] == 0
    one = replace(model, goals={"cost": model.goals["cost"]})
    case = make_case(read_district(home.folder), model)
    cheap = lay_out(case, one, Options(seconds=60.0, threads=1))
    assert stages["travel"]["value"] < float(model.goals["travel"].value(case, cheap.layout))


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_stage_by_stage_no_plan_is_cheaper_and_no_more_is_proven_than_is_true(data: st.DataObject) -> None:
    drawn = data.draw(cases(years=(2025, 2027), capacities=False, most_places=3, most_sites=3))
    case, rules = with_room(drawn, room := data.draw(st.integers(2, 6)))
    share = data.draw(st.sampled_from([0.5, 0.8]))
    rules["reach"] = rule("reach", share=share)
    best = cheapest(case, room, share)
    for goals in ({"cost": GOALS["cost"]}, GOALS):
        found = search._searched(case, rules, goals, IN_A_HURRY, 0.0, None, None, only_look=False)
        kept: dict[str, Rule] = {"room": rules["room"]} if best is None else rules
        assert faults(case, kept, found.layout) == []
        if best is not None:
            # (A stage may give way by a thousandth for the next one.)
            assert best <= COST.value(case, found.layout) <= best * 1.001 + 1e-6
            assert found.bounds.get("cost", 0.0) <= best + 1e-6


def test_a_plan_of_sites_alone_says_nothing_of_staff_postings_and_the_like_that_its_model_describes(
    tmp_path: Path,
) -> None:
    home = copy_hubs(tmp_path)
    model = read_model(home.model, {"decides": '["siting"]', "draws": "0"})
    content = plan(read_district(home.folder), model, IN_A_HURRY, processes=1).content
    assert content["settings"]["resources"]
    assert content["settings"]["postings"]
    assert not any(tell(content) for tell in (posts_away, visits_made, forms_consortia, sets_up_functions))
    assert not {"staff_by_town", "postings", "rounds"} & set(sheets(content, "en"))
