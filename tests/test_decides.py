"""A model that decides no more than it is asked: what is left out is undecided, and costs nothing."""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Tiny, copy_hubs

from allocate.candidates import make_case
from allocate.comparing import compare
from allocate.costs import whole_cost
from allocate.errors import ModelError
from allocate.model import DECISIONS, Model, read_model
from allocate.outputs import write_plan
from allocate.planning import plan
from allocate.plans import Plan, layout_of, to_json
from allocate.read import read_district
from allocate.report.sheets import STAFF_SHEETS, sheets
from allocate.verification import verify
from allocate.words import LANGUAGES, Language, speaking

SITING = {"decides": '["siting"]', "draws": "0"}


@pytest.fixture(scope="module")
def sited(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tiny, Model, dict[str, Any]]:
    """Return the richest small model, of which the sites alone are planned."""
    tiny = copy_hubs(tmp_path_factory.mktemp("decides"))
    model = read_model(tiny.model, SITING)
    return tiny, model, json.loads(to_json(plan(read_district(tiny.folder), model).content))


def test_a_model_that_decides_sites_alone_knows_nothing_else(sited: tuple[Tiny, Model, Any]) -> None:
    tiny, model, content = sited
    whole = read_model(tiny.model)
    assert whole.decided > {"siting", "staff", "postings", "rounds", "functions", "consortia"}
    assert model.decided == {"siting"}
    for table in ("staff", "postings", "rounds", "consortia", "functions"):
        assert content[table] == []
    # What is left out is left in the settings: the file says it.
    assert set(content["settings"]["resources"]) == set(whole.resources)


def test_rules_that_need_what_is_left_out_are_undecided(sited: tuple[Tiny, Model, Any]) -> None:
    tiny, model, content = sited
    whole = read_model(tiny.model)
    statuses: dict[str, set[str]] = {}
    for row in content["scorecard"]:
        statuses.setdefault(row["rule"], set()).add(row["status"])
    others = [name for name, rule in whole.planned().items() if name not in model.planned() and name in statuses]
    assert others
    for name in others:
        assert statuses[name] <= {"undecided", "reported"}, name
    kept = [name for name in model.planned() if name in statuses]
    assert kept
    for name in kept:
        assert statuses[name] <= {"met", "missed", "reported"}, name


def test_a_rule_that_visits_would_meet_is_undecided_without_rounds(sited: tuple[Tiny, Model, Any]) -> None:
    tiny, model, _ = sited
    (name,) = [name for name, rule in model.rules.items() if getattr(rule, "or_by", ())]
    assert name in read_model(tiny.model).planned()
    assert name not in model.planned()


def test_the_cost_counts_sites_alone_and_the_plan_passes_its_recheck(sited: tuple[Tiny, Model, Any]) -> None:
    tiny, model, content = sited
    case = make_case(read_district(tiny.folder), model)
    layout = layout_of(content, case)
    own = 0
    for t in case.periods:
        for j, at in enumerate(case.sites):
            own += case.spans[t] * at.yearly * ((j, t) in layout.open)
            own += 0 if at.exists else at.opening * layout.opens(case, j, t)
    assert own > 0
    assert whole_cost(case, layout) == own
    assert next(row["value"] for row in content["stages"] if row["name"] == "cost") == own
    assert verify(content).sound


@pytest.mark.parametrize("spoken", LANGUAGES)
def test_all_files_of_such_a_plan_are_written_and_speak_of_no_staff(
    sited: tuple[Tiny, Model, dict[str, Any]], tmp_path: Path, spoken: Language
) -> None:
    _, model, content = sited
    assert model.settings["resources"]
    with speaking(spoken):
        files = write_plan(Plan(content, {}, ""), tmp_path / "plan")
    assert all(file.stat().st_size for file in files.values())
    assert set(STAFF_SHEETS).isdisjoint(sheets(content, spoken))
    assert compare([content, content], ["one", "two"]).pairs[0].is_same


def test_goals_on_what_is_left_out_are_left_out(sited: tuple[Tiny, Model, Any]) -> None:
    tiny, model, _ = sited
    assert {goal.beside for goal in model.goals.values()} == {""}
    assert all(name in read_model(tiny.model).goals for name in model.goals)


@pytest.mark.parametrize(
    ("decides", "lacking"),
    [(["staff"], "siting"), (["siting", "postings"], "staff"), (["siting", "staff", "functions"], "consortia")],
)
def test_a_decision_without_what_it_needs_is_refused(hubs_tiny: Tiny, decides: list[str], lacking: str) -> None:
    with pytest.raises(ModelError) as caught:
        read_model(hubs_tiny.model, {"decides": json.dumps(decides)})
    assert lacking in str(caught.value)
    with pytest.raises(ModelError):
        read_model(hubs_tiny.model, {"decides": '["sites"]'})


def test_all_decisions_by_name_are_the_model_as_it_is(hubs_tiny: Tiny) -> None:
    named = read_model(hubs_tiny.model, {"decides": json.dumps(list(DECISIONS))})
    whole = read_model(hubs_tiny.model)
    assert (named.decided, list(named.goals), named.resources) == (whole.decided, list(whole.goals), whole.resources)
