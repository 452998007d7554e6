"""Consortia, shared centres and functions of a solved plan, on the map in a real browser.

(Apart from the other pages, so that this plan is made once.)
"""

import copy
from typing import Any

import pytest
from test_map_in_browser import browser, near, open_card, opened

from allocate.plans import Plan

__all__ = ["browser", "opened"]  # what the tests below ask for by name

pytestmark = pytest.mark.browser


def test_towns_take_the_colour_of_their_consortium_where_there_are_several(opened: Any, hubs_plan: Plan) -> None:
    plan = copy.deepcopy(dict(hubs_plan.content))
    shown = opened(plan)
    shown.page.check("#layer-consortia")
    blue, orange = "187,212,238", "246,195,178"  # half of each on white
    assert near(shown.pixels(), blue, 2) < 100, "a single consortium has nothing to be told from"
    assert "3 家成员" in shown.text("#legend")
    (west,) = [row for row in plan["consortia"] if (row["year"], row["id"]) == (2030, "hub-3")]
    west["lead"] = "hospital-2"
    plan["consortia"].append(west | {"id": "hospital-2", "people": 0})
    shown = opened(plan)
    shown.page.check("#layer-consortia")
    both = shown.pixels()
    assert near(both, blue, 2) > 10_000
    assert near(both, orange, 2) > 10_000
    spot = next(town for town in plan["district_data"]["towns"] if town["id"] == "T3")
    shown.page.fill("#find", spot["name"])
    shown.page.locator("#found button", has_text="街镇").first.click()
    assert "石桥中医医院牵头" in shown.text("#card")
    # Shares of people served are asked for: the towns have one colour at a time.
    shown.page.check("#layer-shares")
    assert near(shown.pixels(), blue, 2) < 100


def test_the_layers_of_a_solved_plan_agree_with_its_tables(opened: Any, hubs_plan: Plan) -> None:
    plan = hubs_plan.content
    shown = opened(plan)
    names = {site["id"]: site["name"] for site in plan["sites"]}
    shown.page.check("#layer-centres")
    for year in plan["years"]:
        shown.page.click(f"#years [data-year='{year}']")
        for function, name in (("imaging", "影像中心"), ("laboratory", "检验中心")):
            shown.page.select_option("#centre", label=name)
            linked = [
                row
                for row in plan["functions"]
                if row["function"] == function and row["centre"] == "hospital-1" and (row["since"] or 0) <= year
            ]
            said = f"{names['hospital-1']}：{len(linked)} 家接入"
            assert (said in shown.text("#legend")) == bool(linked)


def test_every_function_is_counted_as_the_table_has_it_and_told_on_cards(opened: Any, hubs_plan: Plan) -> None:
    plan = hubs_plan.content
    shown = opened(plan)
    year = plan["years"][-1]
    has = [row for row in plan["functions"] if row["until"] is None or row["until"] >= year]
    names = {code: one["name"]["zh"] for code, one in plan["settings"]["functions"].items()}
    for code, name in names.items():
        shown.page.select_option("#ability", label=name)
        legend = shown.text("#legend")
        for word, count in (
            ("自有", sum(row["function"] == code and row["centre"] is None for row in has)),
            ("由中心提供", sum(row["function"] == code and row["centre"] is not None for row in has)),
        ):
            assert (f"{word}（{count} 家）" in legend) == bool(count)
    for site in {row["id"]: row for row in plan["sites"]}.values():
        mine = [row for row in has if row["id"] == site["id"]]
        card = open_card(shown, site["name"])
        assert (f"功能（{year} 年 {len(mine)} 项）" in card) == bool(mine)
        for row in mine:
            assert names[row["function"]] in card
