"""Sentences that people decide by are true of every plan: of one that serves nobody, closes sites, or is not proven."""

import copy
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from test_recommendation import texts

from allocate.comparing import compare
from allocate.draw.compact import compact
from allocate.draw.picture import picture_words
from allocate.draw.tiles import shifted, tiles_of
from allocate.plans import Plan
from allocate.report.blocks import Grid
from allocate.report.comparison_lines import lines_in
from allocate.report.recommendation import recommendation
from allocate.report.site_cards import site_cards
from allocate.report.summary import percent, summary
from allocate.words import LANGUAGES, say_in, speaking
from allocate.worth import LOOKED_AT

Content = dict[str, Any]


@pytest.fixture
def content(tiny_plan: Plan) -> Content:
    return copy.deepcopy(dict(tiny_plan.content))


def said(content: Content, language: str = "zh") -> str:
    return "\n".join(texts(recommendation(content, "zh" if language == "zh" else "en")))


def grids(content: Content) -> Iterator[Grid]:
    yield from (block for block in recommendation(content, "zh").blocks if isinstance(block, Grid))


def test_what_the_cost_could_be_at_least_holds_for_what_earlier_stages_reach(content: Content) -> None:
    # Fewer people are left out before the cost is made small: with more of them out it could be lower by far.
    assert "保持“必须”条款、“原则上”条款、“力争”条款、无服务人口已达水平，费用最多还能再省" in said(content)
    content["stages"] = [row for row in content["stages"] if row["name"] == "cost"]
    assert "费用最多还能再省" in said(content)
    assert "前面各阶段" not in said(content)


def test_a_town_has_as_many_sites_as_stand_at_the_end(content: Content) -> None:
    last, siting = str(content["years"][-1]), content["settings"]["siting"]
    names = {town["id"]: town["name"] for town in content["district_data"]["towns"]}
    standing = Counter(
        names[row["town"]] for row in content["sites"] if row["kind"] in siting and last in row["people"]
    )
    # (One of them closes.)
    assert any(row["action"] == "close" and row["kind"] in siting for row in content["sites"])
    (grid,) = [grid for grid in grids(content) if "各街镇设的站点" in grid.caption]
    assert {row[0]: int(row[1]) for row in grid.rows} == standing


def test_a_year_without_sites_says_so(content: Content) -> None:
    for row in content["sites"]:
        row["people"] = {}
    content["worth"] = []
    assert f"到{content['years'][0]}年，全区设没有站点" not in said(content)
    assert "全区设。" not in said(content)
    assert f"到{content['years'][0]}年，全区没有站点。" in said(content)


def test_where_no_clause_can_be_judged_nothing_is_called_met(content: Content) -> None:
    for row in content["scorecard"]:
        row["status"] = "undecided"
    for language in LANGUAGES:
        assert say_in(language, "paper.know_none") in said(content, language).replace("There is", "there is")
        assert say_in(language, "paper.know_met", count=0) not in said(content, language)


def test_whoever_is_left_out_in_later_years_is_told_of_on_the_first_page(content: Content) -> None:
    first, last = content["years"][0], content["years"][-1]
    for row in content["ledger"]:
        if row["scope"] == "district" and row["year"] == first:
            row |= dict.fromkeys(("no_capacity", "rounds", "posted", "out_of_range"), 0) | {"served": row["people"]}
    told = re.findall(r"(\d{4})年[\d.,万]+人（[^）]+）无站点", said(content))
    assert told == [str(last)]
    assert first != last


def test_a_share_of_nobody_is_none() -> None:
    assert (percent(0, 0), percent(0, 1), percent(1, 1)) == ("—", "0.0", "100")


def test_spots_that_were_not_looked_at_are_not_told_of_as_unfit(content: Content) -> None:
    row = next(row for row in content["worth"] if row["tried"] and not row["others"])
    for tried, told in ((LOOKED_AT - 1, "共试过 7 个"), (LOOKED_AT, "只试了能服务人数最多的 8 个")):
        row["tried"] = tried
        part = site_cards(content, "zh")[row["id"]].part("others")
        assert part is not None
        assert told in part.lines[0].text


def test_a_difference_of_shares_is_in_points_and_people_of_all_years_are_added_up(content: Content) -> None:
    row = next(row for row in content["worth"] if row["dropped"]["goals"]["worst_town"] > 0)
    part = site_cards(content, "zh")[row["id"]].part("without")
    assert part is not None
    told = [line.text for line in part.lines if line.name == "goal"]
    assert any(text.endswith("个百分点") for text in told)
    assert any(text.endswith("人（各年相加）") for text in told)


def test_a_year_by_itself_could_be_lower_by_the_share_that_was_worked_out(content: Content) -> None:
    # The year costs 200 here and 100 at least by itself: half could be saved, and it costs twice as much.
    content["nesting"] = [{"year": 2027, "goal": "cost", "most": 0.5}]
    with speaking("zh"):
        assert any("2027 年如单独规划，费用最多可再降 50 %" in line for line in summary(content))


def test_plans_of_other_years_that_cost_as_much_are_not_called_the_same(content: Content) -> None:
    other = copy.deepcopy(content)
    other["years"] = content["years"][-1:]
    for table in ("budget", "ledger", "places", "coverage"):
        other[table] = [row for row in other[table] if row["year"] in other["years"]]
    (lines,) = lines_in(compare([content, other], ["a", "b"]), [content, other], "zh")
    assert "判断　费用：规划年不同，不能说明优劣" in lines
    assert not any("费用：相同" in line for line in lines)


def test_what_is_served_today_says_which_kinds_nobody_has_listed(content: Content) -> None:
    # The stations are listed and the clinics are not: who is served today is what the stations alone serve.
    assert "没有名单" not in said(content)
    rows = content["district_data"]["institutions"]
    content["district_data"]["institutions"] = [row for row in rows if row["kind"] != "clinic"]
    content["sites"] = [row for row in content["sites"] if row["id"] != "old-clinic"]
    document = said(content)
    assert "按现有站点计算，有服务的居民" in document
    assert "其中现有村卫生室没有名单，现状未知，上面的人数按没有计算" in document
    assert "现有村卫生室没有名单，现状未知，按没有计算，全部按新设计算" in document
    assert say_in("zh", "paper.risk_today") in document
    fresh = next(row["id"] for row in content["sites"] if row["kind"] == "clinic" and row["action"] == "open")
    visit = site_cards(content, "zh")[fresh].part("visit")
    assert visit is not None
    assert "visit_today" in [line.name for line in visit.lines]
    words = picture_words(content, content["years"][0], "zh")
    assert "没有现有村卫生室的完整名单：“新设”的站点中可能有已经存在的。" in words


def test_draws_of_the_last_year_say_nothing_of_a_site_that_has_ended_by_then(content: Content) -> None:
    content["draws"] = [{**draw, "standing": []} for draw in content["draws"]]
    row = content["worth"][0] | {"draws": 0}
    content["worth"] = [row]
    assert site_cards(content, "zh")[row["id"]].part("draws") is not None
    row["until"] = content["years"][0]
    assert site_cards(content, "zh")[row["id"]].part("draws") is None


def test_what_is_assumed_is_not_told_of_as_known_where_nothing_is_drawn(content: Content) -> None:
    content["draws"] = []
    assert any(row["table"] == "places.position" and row["basis"] == "assumed" for row in content["assumptions"])
    with speaking("zh"):
        assert "幅度　没有推算的位置或人口；有假定的，没有抽样" in summary(content)


def test_all_that_a_page_draws_on_shifted_tiles_is_shifted(content: Content) -> None:
    drawn = compact(content)
    assert drawn["worth_spots"]["lon"]
    moved = shifted(drawn, tiles_of("amap"))

    def tables(part: Any, name: str = "") -> Iterator[tuple[str, Any]]:
        if isinstance(part, dict):
            if isinstance(part.get("lon"), list):
                yield name, part
            for key, inner in part.items():
                yield from tables(inner, f"{name}.{key}")

    found = dict(tables(moved))
    for name, table in tables(drawn):
        for before, after in zip(table["lon"], found[name]["lon"], strict=True):
            # About 550 m, as in all of Tianjin.
            assert before is None or 0.004 < after - before < 0.008, name
