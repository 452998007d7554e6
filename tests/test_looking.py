"""A quick look at a model: the figures of a plan, as one row."""

import json

import pytest
from conftest import Tiny

from allocate.looking import Look, look
from allocate.model import Model, changed, read_model
from allocate.plans import Plan
from allocate.read import read_district


@pytest.fixture
def model(tiny: Tiny) -> Model:
    return read_model(tiny.model)


def looked(model: Model, **changes: str) -> Look:
    return look(read_district(model.district_folder()), changed(model, changes) if changes else model)


def test_the_best_plan_lies_between_the_bound_and_the_value_of_a_look(model: Model, tiny_plan: Plan) -> None:
    figures, plan = looked(model).figures, tiny_plan.content
    stage = next(stage for stage in plan["stages"] if stage["name"] == figures["goal"])
    assert stage["gap"] == 0
    assert figures["bound"] <= stage["value"] <= figures["value"]
    assert figures["missed"] == sorted({row["rule"] for row in plan["scorecard"] if row["status"] == "missed"})
    assert figures["people"] == {
        str(row["year"]): row["people"] for row in plan["ledger"] if row["scope"] == "district"
    }


def test_its_parts_add_up(model: Model) -> None:
    found = looked(model)
    figures = found.figures
    for year, number in figures["sites"].items():
        assert number == sum(by_year[year] for by_year in figures["sites_by_town"].values())
    assert len(figures["standing"]) == figures["sites"][max(figures["sites"])]
    for year, share in figures["coverage"].items():
        assert share == pytest.approx(figures["served"][year] / figures["people"][year], abs=1e-6)


def test_it_can_be_written_down_and_is_the_same_twice(model: Model) -> None:
    first, again = (json.dumps(looked(model).figures, sort_keys=True) for _ in range(2))
    assert first == again


def test_a_drawn_district_is_another_one_and_the_same_for_the_same_seed(model: Model) -> None:
    district = read_district(model.district_folder())
    one, same, other = (look(district, model, seed=seed).case.seconds for seed in (1, 1, 2))
    assert one == same
    assert (one != other) == district.has_estimates
