"""What the scorecard says of consortia and functions: what is known of today, and what is only assumed."""

from dataclasses import replace
from typing import Any

from conftest import Tiny

from allocate.candidates import make_case
from allocate.details import in_detail
from allocate.greedy import greedy
from allocate.model import read_model
from allocate.plans import standing_today
from allocate.posts import staff
from allocate.read import read_district
from allocate.scorecard import scorecard

Lines = dict[str, dict[str, Any]]


def lines(tiny: Tiny, *, table: bool = True) -> Lines:
    """Return the last line of every rule, of a first plan; without functions.csv where there is no `table`."""
    district, model = read_district(tiny.folder), read_model(tiny.model)
    if not table:
        inputs = {file: digest for file, digest in district.inputs.items() if file != "functions.csv"}
        district = replace(district, functions=(), inputs=inputs)
    case = make_case(district, model)
    layout = staff(case, model.planned().values(), greedy(case, model.planned().values()))
    return {row["rule"]: row for row in scorecard(district, model, case, layout, standing_today(case))}


def test_what_institutions_can_do_today_is_what_the_table_says(hubs_tiny: Tiny) -> None:
    found = lines(hubs_tiny)
    # The clinic has a corner, and the station has none: a half. Nobody is listed with a chest-pain unit or a
    # laboratory: whether there is any today, is not known.
    assert (found["tcm"]["today"], found["chest_pain"]["today"], found["laboratories"]["today"]) == (0.5, None, None)
    # Nobody is in a consortium today as far as is known, and who is posted nobody says.
    assert {found[name]["today"] for name in ("all_members", "imaging_by_half", "experts_somewhere")} == {None}


def test_without_the_table_nobody_knows_what_institutions_can_do_today(hubs_tiny: Tiny) -> None:
    found = lines(hubs_tiny, table=False)
    assert {found[name]["today"] for name in ("tcm", "chest_pain", "laboratories", "general_practice")} == {None}


def test_a_line_says_that_it_rests_on_what_is_assumed_of_hospitals_and_of_today(hubs_tiny: Tiny) -> None:
    found = lines(hubs_tiny)
    # (Of the second hospital, level, type and ownership are assumed.)
    assert found["all_members"]["rests_on"] == ["institutions.profile"]
    assert found["general_practice"]["rests_on"] == ["institutions.profile"]
    assert found["chest_pain"]["rests_on"] == []
    assert {"model.functions", "model.consortia"} <= set(found["budget"]["rests_on"])
    hubs_tiny.edit("functions.csv", "old-clinic,tcm_corner,,surveyed", "old-clinic,tcm_corner,,assumed")
    assert lines(hubs_tiny)["tcm"]["rests_on"] == ["functions"]


def test_a_function_that_comes_with_an_expert_goes_where_a_tour_has_no_months(hubs_tiny: Tiny) -> None:
    # Two of the hospital are away at once at most. Nobody may be away for more than one month: no tour can be.
    district, model = read_district(hubs_tiny.folder), read_model(hubs_tiny.model)
    case = make_case(district, model)
    layout = staff(case, model.planned().values(), greedy(case, model.planned().values()))
    assert any(name == "expert" for name, _, _ in layout.amounts)
    shut = replace(case, pools=tuple(replace(pool, months=frozenset({1})) for pool in case.pools))
    found = in_detail(shut, model.planned(), layout)
    assert found.left
    assert not found.layout.tours
    assert not any(name == "expert" for name, _, _ in found.layout.amounts)
