"""Plans beside the first of them: who wins and loses, what is proven, and what cannot be compared."""

import copy
import io
import json
import re
import shutil
import unicodedata
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from conftest import call_allocate
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_examples import HOSTILE_TEXTS
from python_calamine import CalamineWorkbook
from test_map_in_browser import browser, opened

from allocate.compared import BEST_FIRST, Pair
from allocate.comparing import MOST, compare, distinct_names
from allocate.draw import comparison_page
from allocate.errors import UsageError
from allocate.names import PLAN_FILE
from allocate.plans import Plan, read_plan, to_json
from allocate.report.comparison import COMPARISON_SHEETS, comparison_sheets
from allocate.report.comparison_lines import comparison_lines, lines_in
from allocate.report.sheets import sheets
from allocate.report.workbook import comparison_workbook
from allocate.words import LANGUAGES, Language, catalogue, say_in, speaking

__all__ = ["browser", "opened"]  # what the tests below ask for by name

Content = dict[str, Any]
# People of a place: how many of them, how they fare, at which site, after how many minutes.
Fares = Sequence[tuple[int, str, str | None, float | None]]


def by_hand(
    places: Mapping[str, Fares],
    open_in: Mapping[str, Sequence[int]],
    *,
    years: Sequence[int] = (2025,),
    cost: tuple[float, float] = (100, 100),
    spots: Mapping[str, float] | None = None,
) -> Content:
    """Return what a comparison reads of a plan of one town: the same people in every year, `cost` and its bound."""
    rows = [
        {"id": place, "year": year, "people": people, "status": status, "served_by": site, "minutes": minutes}
        for year in years
        for place, fares in places.items()
        for people, status, site, minutes in fares
    ]
    people = sum(row["people"] for row in rows if row["year"] == years[0])
    served = sum(row["people"] for row in rows if row["year"] == years[0] and row["status"] == "served")
    sites = [
        {
            "id": site,
            "name": site,
            "kind": "clinic",
            "town": "T1",
            "lon": (spots or {}).get(site, 117.0 + at),
            "lat": 39.0,
            "basis": "surveyed",
            "year": min(when),
            "action": "open",
            "people": {str(year): 1 for year in when},
        }
        for at, (site, when) in enumerate(open_in.items())
    ]
    named = [
        {"id": place, "name": place, "town": "T1", "position_basis": "surveyed", "people_basis": "official"}
        for place in places
    ]
    stage = {"name": "cost", "value": cost[0], "bound": cost[1], "unit": "yuan"}
    return {
        "district": "hand",
        "model": "hand",
        "title": {"zh": "手算", "en": "by hand"},
        "as_of": "2024-12-26",
        "years": list(years),
        "outcome": "optimal",
        "gap": 0.0,
        "stages": [stage | {"gap": (cost[0] - cost[1]) / cost[0]}],
        "scorecard": [],
        "places": rows,
        "sites": sites,
        "staff": [],
        "ledger": [
            {"year": year, "scope": scope, "people": people, "served": served}
            for year in years
            for scope in ("district", "T1")
        ],
        "coverage": [],
        "budget": [
            {
                "year": year,
                "calendar_years": 1,
                "opening": cost[0],
                "total": cost[0],
                "unit": "yuan",
                "basis": "assumed",
            }
            for year in years
        ],
        "settings": {"circle": "c", "circles": {"c": {"minutes": 15}}, "rules": {}, "goals": [{"goal": "cost"}]},
        "inputs": [{"of": "district", "path": "places.csv", "sha256": "0" * 64}],
        "versions": {"allocate": "0"},
        "district_data": {
            "name": {"zh": "手算区", "en": "by hand"},
            "towns": [{"id": "T1", "name": "甲镇"}],
            "places": named,
            "institutions": [],
        },
    }


def pair_of(first: Content, other: Content) -> Pair:
    return compare([first, other], ["A", "B"]).pairs[0]


# One site only, at P1: P2 goes there in 8 minutes, P3 is out of range.
ONE_SITE = by_hand(
    {
        "P1": [(100, "served", "S1", 0.0)],
        "P2": [(60, "served", "S1", 8.0)],
        "P3": [(40, "out_of_range", None, None)],
    },
    {"S1": [2025]},
)
# A second site, near P3: P3 is served (40 win), P2 goes there in 5 minutes, 3 minutes less (60 win). The first site
# has become smaller: 10 of P1 find no room (10 lose), the other 90 stay as they are.
TWO_SITES = by_hand(
    {
        "P1": [(90, "served", "S1", 0.0), (10, "no_capacity", None, 0.0)],
        "P2": [(60, "served", "S2", 5.0)],
        "P3": [(40, "served", "S2", 3.0)],
    },
    {"S1": [2025], "S2": [2025]},
    cost=(150, 140),
)


def test_who_wins_and_loses_by_one_more_site_is_as_worked_out_by_hand() -> None:
    pair = pair_of(ONE_SITE, TWO_SITES)
    (year,) = pair.people
    assert (year.better, year.worse, year.same) == (60 + 40, 10, 90)
    assert (year.first_people, year.other_people, year.first_unknown, year.other_unknown) == (200, 200, 0, 0)
    assert [(part.place, part.people, part.verdict) for part in pair.parts] == [
        ("P1", 10, "worse"),
        ("P2", 60, "better"),
        ("P3", 40, "better"),
    ]
    (site,) = pair.sites
    assert (site.change, site.first, site.other and site.other.id) == ("only_other", None, "S2")
    # Served: 160 at first, then 90 + 60 + 40 = 190.
    assert [(town.scope, town.first_served, town.other_served, town.more) for town in pair.towns] == [
        ("district", 160, 190, 30),
        ("T1", 160, 190, 30),
    ]
    whole = pair.money[-1]
    assert (whole.year, whole.item, whole.first, whole.other, whole.difference) == (None, "total", 100, 150, 50)
    # 150 could be 140 at best, which is still more than 100: dearer whatever else there is.
    assert pair.cost is not None
    assert (pair.cost.verdict, pair.cost.low, pair.cost.high) == ("worse", 40, 50)


@pytest.mark.parametrize(
    ("first", "other", "verdict", "why"),
    [
        ((100, 90), (80, 70), "better", ""),  # 80 < 90: no plan of the first model is as cheap
        ((100, 90), (120, 105), "worse", ""),  # 105 > 100
        ((100, 90), (95, 85), "unknown", "gap"),  # the best of the first may be 90, that of the other 95
        ((100, 90), (90, 85), "unknown", "gap"),  # 90 may be the first one's best as well
        ((100, 90), (101, 101), "worse", ""),
        ((100, 100), (101, 100), "unknown", "gap"),  # both may be worth 100
        ((100, 90), (100, 20), "same", ""),
    ],
)
def test_a_difference_within_the_gaps_says_nothing_about_which_is_better(
    first: tuple[float, float], other: tuple[float, float], verdict: str, why: str
) -> None:
    one, two = (by_hand({"P1": [(1, "served", "S", 0.0)]}, {"S": [2025]}, cost=cost) for cost in (first, other))
    pair = pair_of(one, two)
    assert pair.cost is not None
    assert (pair.cost.verdict, pair.cost.why) == (verdict, why)
    told = {"better": "更省", "worse": "更贵", "unknown": "不能说明优劣", "same": "费用：相同"}
    text = "\n".join(lines_in(compare([one, two], ["A", "B"]), [one, two], "zh")[0])
    assert [word for key, word in told.items() if key != verdict and word in text] == []
    assert told[verdict] in text


def test_a_verdict_says_that_it_takes_stages_for_granted_that_are_not_proven() -> None:
    first, other = copy.deepcopy(ONE_SITE), copy.deepcopy(TWO_SITES)
    for content, value in ((first, 5), (other, 7)):
        content["stages"].insert(0, {"name": "must.sum", "value": value, "bound": 4, "gap": 1, "unit": "share"})
    must, cost = pair_of(first, other).stages
    assert (must.verdict, must.why, must.given) == ("unknown", "gap", False)
    assert (cost.verdict, cost.given) == ("worse", True)
    for content in (first, other):
        content["stages"][0] |= {"bound": content["stages"][0]["value"], "gap": 0}
    must, cost = pair_of(first, other).stages
    assert (must.verdict, cost.given) == ("worse", False)


def test_stages_that_ask_for_different_things_are_not_judged() -> None:
    first, other = copy.deepcopy(ONE_SITE), copy.deepcopy(TWO_SITES)
    for content, value, target in ((first, 0.1, 0.7), (other, 0.5, 0.9)):
        content["stages"].insert(0, {"name": "must.sum", "value": value, "bound": value, "gap": 0, "unit": "share"})
        content["scorecard"] = [
            {
                "rule": "most", "clause": "", "year": 2025, "strength": "must", "indicator": None, "unit": "share",
                "shortfall_unit": "persons", "status": "missed", "target": target, "value": 0.6, "shortfall": 9,
                "rests_on": [],
            }
        ]  # fmt: skip
    must, cost = pair_of(first, other).stages
    assert (must.verdict, must.why) == ("unknown", "asked")
    assert cost.verdict == "worse", "money is the same whatever is asked"
    (line,) = pair_of(first, other).scorecard
    assert line.verdict == "unknown"
    other["scorecard"][0] |= {"target": 0.7, "shortfall": 4}
    (line,) = pair_of(first, other).scorecard
    assert line.verdict == "better"


@pytest.mark.parametrize(("minutes", "verdict"), [(7.0, "same"), (6.9, "better"), (9.0, "same"), (9.1, "worse")])
def test_a_way_counts_as_shorter_or_longer_from_more_than_a_minute_on(minutes: float, verdict: str) -> None:
    one, two = (by_hand({"P1": [(7, "served", "S", way)]}, {"S": [2025]}) for way in (8.0, minutes))
    (year,) = pair_of(one, two).people
    assert getattr(year, verdict) == 7 == year.better + year.worse + year.same


def test_statuses_go_from_a_site_to_nobody_near() -> None:
    for better, worse in pairwise(BEST_FIRST):
        fares = [(9, status, "S" if status == "served" else None, 5.0) for status in (better, worse)]
        one, two = (by_hand({"P1": [fare]}, {"S": [2025]}) for fare in fares)
        assert pair_of(one, two).people[0].worse == 9
        assert pair_of(two, one).people[0].better == 9


def test_whoever_can_stay_at_a_site_stays_there() -> None:
    # Fifty stay at B. The fifty of A, 5 minutes away, go to C, 30 minutes away: they lose, and nobody else.
    one = by_hand({"P": [(50, "served", "A", 5.0), (50, "served", "B", 20.0)]}, {"A": [2025], "B": [2025]})
    two = by_hand({"P": [(50, "served", "B", 20.0), (50, "served", "C", 30.0)]}, {"B": [2025], "C": [2025]})
    pair = pair_of(one, two)
    (year,) = pair.people
    assert (year.worse, year.same, year.elsewhere) == (50, 50, 0)
    (part,) = pair.parts
    assert (part.first and part.first.site, part.other and part.other.site) == ("A", "C")


def test_places_with_other_people_are_told_in_shares_and_count_for_nobody() -> None:
    other = copy.deepcopy(TWO_SITES)
    grown = next(row for row in other["places"] if row["id"] == "P3")
    grown["people"] = 50
    for row in other["ledger"]:
        row |= {"people": 210, "served": 200}
    pair = pair_of(ONE_SITE, other)
    (year,) = pair.people
    assert (year.better, year.worse, year.same) == (60, 10, 90)
    assert (year.first_unknown, year.other_unknown) == (40, 50)
    assert year.better + year.worse + year.same + year.other_unknown == year.other_people == 210
    part = next(part for part in pair.parts if part.place == "P3")
    assert (part.verdict, part.people, part.share) == ("better", None, 1)
    assert not pair.is_of_same_people
    text = "\n".join(lines_in(compare([ONE_SITE, other], ["A", "B"]), [ONE_SITE, other], "en")[0])
    assert "cannot be compared: 40 of the first, 50 of the other" in text
    assert "share served 80.0 % → 95.2 %" in text


def test_a_place_that_only_one_plan_has_cannot_be_compared() -> None:
    other = copy.deepcopy(TWO_SITES)
    other["places"] = [row for row in other["places"] if row["id"] != "P2"]
    pair = pair_of(ONE_SITE, other)
    (year,) = pair.people
    assert (year.better, year.first_unknown, year.other_unknown, year.other_people) == (40, 60, 0, 140)
    part = next(part for part in pair.parts if part.place == "P2")
    assert (part.verdict, part.other) == ("unknown", None)


def test_sites_are_told_by_what_differs_most_about_them() -> None:
    place: Mapping[str, Fares] = {"P1": [(1, "served", "S1", 0.0)]}
    years = (2025, 2030)
    first = by_hand(
        place, {"S1": years, "gone": years, "late": years, "old-id": years, "kind": years}, years=years,
        spots={"late": 1.0, "old-id": 2.0, "kind": 3.0, "gone": 4.0, "S1": 5.0},
    )  # fmt: skip
    other = by_hand(
        place, {"S1": years, "fresh": years, "late": (2030,), "new-id": years, "kind": years}, years=years,
        spots={"late": 1.0, "new-id": 2.0, "kind": 3.0, "fresh": 6.0, "S1": 5.0},
    )  # fmt: skip
    other["sites"][-1]["kind"] = "station"
    found = {
        (site.first or site.other).id: site.change  # type: ignore[union-attr]
        for site in pair_of(first, other).sites
    }
    assert found == {
        "gone": "only_first",
        "fresh": "only_other",
        "late": "other_year",
        "old-id": "same_spot",
        "kind": "other_kind",
    }
    (moved,) = [site for site in pair_of(first, other).sites if site.change == "same_spot"]
    assert (moved.first and moved.first.id, moved.other and moved.other.id) == ("old-id", "new-id")
    counts = {row.year: (row.first, row.other) for row in pair_of(first, other).amounts if row.item == "clinic"}
    assert counts == {2025: (5, 3), 2030: (5, 4)}


def test_only_the_years_of_both_plans_are_compared() -> None:
    place: Mapping[str, Fares] = {"P1": [(1, "served", "S1", 0.0)]}
    first = by_hand(place, {"S1": (2025, 2027)}, years=(2025, 2027))
    other = by_hand(place, {"S1": (2025, 2030)}, years=(2025, 2030))
    pair = pair_of(first, other)
    assert (pair.years, pair.first_years, pair.other_years) == ((2025,), (2027,), (2030,))
    assert pair.cost is not None
    # (As much money over other years is not the same.)
    assert (pair.cost.verdict, pair.cost.why) == ("unknown", "years")
    other["stages"][0]["value"] = 120
    told = pair_of(first, other).cost
    assert told is not None
    assert (told.verdict, told.why) == ("unknown", "years")
    other["budget"][0]["calendar_years"] = 5
    assert all(row.item != "total" for row in pair_of(first, other).money)


def test_plans_that_cannot_be_compared_say_so_at_once() -> None:
    foreign = copy.deepcopy(TWO_SITES) | {"district": "elsewhere"}
    later = by_hand({"P1": [(1, "served", "S1", 0.0)]}, {"S1": [2030]}, years=(2030,))
    with pytest.raises(UsageError) as raised:
        compare([ONE_SITE, foreign, later], ["A", "B", "C"])
    assert [problem.what for problem in raised.value.problems] == ["compare.other_district", "compare.no_year"]
    for count, wanted in ((1, "compare.too_few"), (MOST + 1, "compare.too_many")):
        with pytest.raises(UsageError) as raised:
            compare([ONE_SITE] * count, [str(number) for number in range(count)])
        assert [problem.what for problem in raised.value.problems] == [wanted]


def test_settings_that_differ_are_named_by_their_keys() -> None:
    first, other = copy.deepcopy(ONE_SITE), copy.deepcopy(ONE_SITE)
    first["settings"]["rules"] = {"most": {"rule": "reach", "share": 0.9, "clause": "ST-01", "kinds": ["clinic"]}}
    other["settings"]["rules"] = {"most": {"rule": "reach", "share": 0.95, "clause": "ST-01"}}
    other["settings"]["goals"] = [{"goal": "cost", "gap": 0.05}]
    other["inputs"][0]["sha256"] = "1" * 64
    other["versions"]["allocate"] = "1"
    assert [(row.what, row.item, row.clause, row.first, row.other) for row in pair_of(first, other).settings] == [
        ("setting", "rules.most.share", "ST-01", "0.9", "0.95"),
        ("setting", "rules.most.kinds", "ST-01", '["clinic"]', None),
        ("setting", "goals.cost.gap", "", None, "0.05"),
        ("input", "district · places.csv", "", "0" * 64, "1" * 64),
        ("version", "allocate", "", "0", "1"),
    ]


fares = st.lists(
    st.tuples(
        st.integers(1, 9),
        st.sampled_from(BEST_FIRST),
        st.sampled_from(("S1", "S2")),
        st.sampled_from((0.0, 3.0, 4.0, 4.1, 9.5)),
    ),
    min_size=1,
    max_size=4,
)
contents = st.builds(
    lambda there, when, cost, slack: by_hand(
        {
            place: [(n, status, site if status == "served" else None, way) for n, status, site, way in parts]
            for place, parts in there.items()
        },
        {site: years for site, years in when.items() if years},
        years=(2025, 2030),
        cost=(cost, cost - slack),
    ),
    st.dictionaries(st.sampled_from(("P1", "P2", "P3")), fares, min_size=1),
    st.dictionaries(st.sampled_from(("S1", "S2", "S3")), st.sampled_from(((), (2025,), (2030,), (2025, 2030)))),
    st.integers(20, 40),
    st.integers(0, 10),
)
MIRRORED = {
    "better": "worse",
    "worse": "better",
    "only_first": "only_other",
    "only_other": "only_first",
    "first": "other",
    "other": "first",
}


@settings(max_examples=150, deadline=None)
@given(contents, contents)
def test_the_other_way_round_everything_is_mirrored_and_everybody_is_counted_once(one: Content, two: Content) -> None:
    there, back = pair_of(one, two), pair_of(two, one)
    for forth, year in zip(there.people, back.people, strict=True):
        assert (
            replace(
                year,
                better=year.worse,
                worse=year.better,
                first_unknown=year.other_unknown,
                other_unknown=year.first_unknown,
                first_people=year.other_people,
                other_people=year.first_people,
            )
            == forth
        )
        assert forth.better + forth.worse + forth.same + forth.first_unknown == forth.first_people
        assert forth.better + forth.worse + forth.same + forth.other_unknown == forth.other_people
    turned = {(MIRRORED.get(site.change, site.change), site.other, site.first) for site in back.sites}
    assert {(site.change, site.first, site.other) for site in there.sites} == turned
    assert [row.difference for row in there.money] == [-(row.difference or 0) for row in back.money]
    assert [MIRRORED.get(stage.verdict, stage.verdict) for stage in back.stages] == [s.verdict for s in there.stages]
    mirrored = {(town.year, town.scope): -town.more for town in back.towns}
    assert {(town.year, town.scope): town.more for town in there.towns} == mirrored
    parts = {(p.year, p.place, p.first, p.other, p.share, p.people) for p in there.parts}
    assert parts == {(p.year, p.place, p.other, p.first, p.share, p.people) for p in back.parts}


def shows_no_difference(pair: Pair) -> bool:
    nobody = all(not (year.better or year.worse or year.first_unknown or year.elsewhere) for year in pair.people)
    equal = all(row.first == row.other for row in (*pair.money, *pair.amounts))
    return (
        pair.is_same
        and nobody
        and equal
        and not (pair.settings or pair.scorecard or pair.sites or pair.parts)
        and all(stage.verdict == "same" for stage in pair.stages)
        and all(town.more == 0 for town in pair.towns)
    )


@settings(max_examples=50, deadline=None)
@given(contents)
def test_a_plan_beside_itself_shows_no_difference(one: Content) -> None:
    assert shows_no_difference(pair_of(one, copy.deepcopy(one)))


def test_a_whole_plan_beside_itself_shows_no_difference(hubs_plan: Plan) -> None:
    content = copy.deepcopy(dict(hubs_plan.content))
    assert shows_no_difference(pair_of(content, copy.deepcopy(content)))


def test_names_are_told_apart_by_the_folders_above_them() -> None:
    assert distinct_names([("a", "plan"), ("b", "plan"), ("c", "other")]) == ["a/plan", "b/plan", "other"]
    assert distinct_names([("a", "plan"), ("a", "plan")]) == ["plan", "plan (2)"]
    assert distinct_names([("plan",), ("b", "plan")]) == ["plan", "b/plan"]


# ---- plans that were made ----


@pytest.fixture
def home(compared_plans: list[Content], tmp_path: Path) -> Path:
    """Return a folder with both compared_plans in folders of their own."""
    for name, content in zip(("base", "fewer"), compared_plans, strict=True):
        (tmp_path / name).mkdir()
        (tmp_path / name / PLAN_FILE).write_text(to_json(content), encoding="utf-8")
    return tmp_path


def test_figures_are_those_of_the_plans_own_tables(compared_plans: list[Content]) -> None:
    (pair,) = compare(compared_plans, ["base", "fewer"]).pairs
    tables = [sheets(content, "en") for content in compared_plans]
    for side, table in zip(("first", "other"), tables, strict=True):
        years = {row["year"]: row for row in table["years"].records()}
        for town in pair.towns:
            if town.scope == "district":
                assert getattr(town, f"{side}_served") == years[town.year]["served"]
        for row in pair.amounts:
            if row.group == "open" and row.item == "clinic":
                assert getattr(row, side) == years[row.year or 0]["open_clinic"]
        for row in pair.money:
            if row.year is not None and row.item not in ("capital", "recurrent"):
                assert getattr(row, side) == years[row.year][row.item]
        covered = {(row["year"], row["town_id"]): row["covered"] for row in table["towns"].records()}
        assert {
            (town.year, None if town.scope == "district" else town.scope): getattr(town, f"{side}_covered")
            for town in pair.towns
        } == covered
    assert [(row.item, row.first, row.other) for row in pair.settings] == [("rules.few_new.at_most", "5", "4")]
    # By the winners and losers of its places, the district serves as many more or fewer as its ledger says.
    for year in pair.people:
        parts = [part for part in pair.parts if part.year == year.year and part.first and part.other]
        more = sum(part.people or 0 for part in parts if part.other and part.other.status == "served")
        fewer = sum(part.people or 0 for part in parts if part.first and part.first.status == "served")
        (district,) = [town for town in pair.towns if (town.year, town.scope) == (year.year, "district")]
        assert more - fewer == district.more


def test_what_staff_and_functions_come_to_is_compared_by_year(hubs_plan: Plan) -> None:
    first = json.loads(to_json(hubs_plan.content))
    other = copy.deepcopy(first)
    row = next(row for row in other["staff"] if row["year"] == 2030)
    row["number"] += 3
    changed = {(a.group, a.item, a.year): a.difference for a in pair_of(first, other).amounts if a.difference}
    assert changed[("staff", row["resource"], 2030)] == 3
    assert {year for _, _, year in changed} == {2030}
    groups = {amount.group for amount in pair_of(first, other).amounts}
    assert groups == {"open", "staff", "postings", "rounds", "consortia", "functions"}
    totals = {row["year"]: row for row in sheets(first, "en")["years"].records()}
    for amount in pair_of(first, other).amounts:
        if amount.group == "staff":
            assert amount.first == totals[amount.year or 0][f"number_of_{amount.item}"]


def test_what_is_assumed_says_so_in_every_table(hubs_plan: Plan) -> None:
    first = json.loads(to_json(hubs_plan.content))
    other = copy.deepcopy(first)
    for row in other["scorecard"]:
        row["value"] = 0
    made = compare([first, other], ["a", "b"])
    tables = comparison_sheets(made, [first, other], "en")
    assert set(tables["compare_money"].column("basis")) == {"assumed"}
    bases = {row["resource"]: row["basis"] for row in first["stock"] if row["number"] is not None}
    staff = [row for row in tables["compare_amounts"].records() if row["what_differs"] == "staff"]
    assert {row["stock_basis"] for row in staff} == {bases.get(name) for name in first["settings"]["resources"]}
    told = {(row["rule"], row["year"]): row["rests_on"] for row in tables["compare_clauses"].records()}
    wanted = {(row["rule"], row["year"]): row["rests_on"] for row in sheets(first, "en")["scorecard"].records()}
    assert any(told.values())
    assert told == {key: wanted[key] for key in told}
    (lines,) = lines_in(made, [first, other], "en")
    assert any("(basis: assumed)" in line for line in lines)


@pytest.mark.parametrize("language", LANGUAGES)
def test_lines_are_few_and_hold_no_code(compared_plans: list[Content], language: Language) -> None:
    (lines,) = lines_in(compare(compared_plans, ["base", "fewer"]), compared_plans, language)
    assert 12 <= len(lines) <= 25
    assert not [line for line in lines if re.search(r"\{|\}|only_first|other_year|None", line)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_column_of_every_table_has_a_heading_and_every_code_a_word(
    compared_plans: list[Content], language: Language
) -> None:
    tables = comparison_sheets(
        compare([*compared_plans, compared_plans[0]], ["a", "b", "c"]), [*compared_plans, compared_plans[0]], language
    )
    assert tuple(tables) == COMPARISON_SHEETS
    for table in tables.values():
        headings = [field.heading(language) for field in table.fields]
        assert len(set(headings)) == len(headings), table.name
        for field in table.fields:
            for cell in table.column(field.name) if field.kind == "code" else ():
                assert cell is None or f"{field.group}.{cell}" in catalogue(), (field.name, cell)


def poisoned(content: Content) -> Content:
    """Return a plan whose names, causes and settings are hostile."""
    texts = iter(HOSTILE_TEXTS * 40)
    spoilt = copy.deepcopy(content)
    data = spoilt["district_data"]
    for row in (*data["places"], *data["towns"], *spoilt["sites"]):
        row["name"] = next(texts)
    data["name"] = {language: next(texts) for language in LANGUAGES}
    spoilt["settings"]["rules"]["few_new"]["source"] = "=1+1"
    for at, row in enumerate(spoilt["scorecard"]):
        row["rule"] = f"{next(texts)}{at}"
    return spoilt


def test_a_terminal_obeys_no_name(compared_plans: list[Content]) -> None:
    spoilt = [poisoned(content) for content in compared_plans]
    made = compare(spoilt, ["\x1b[31mred", "=1+1\nnew line"])
    with speaking("zh"):
        (lines,) = comparison_lines(made, spoilt)
    unseen = {sign for line in lines for sign in line if unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp")}
    assert unseen == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_workbook_holds_every_table_and_no_formula(compared_plans: list[Content], language: Language) -> None:
    spoilt = [poisoned(content) for content in compared_plans]
    made = compare(spoilt, ["=cmd|x", "+1"])
    file = comparison_workbook(made, spoilt, language)
    assert file == comparison_workbook(made, spoilt, language)
    book = CalamineWorkbook.from_filelike(io.BytesIO(file))
    tables = comparison_sheets(made, spoilt, language)
    for name, table in tables.items():
        _, headings, *rows = book.get_sheet_by_name(say_in(language, f"sheet.{name}")).to_python()
        assert headings == [field.heading(language) for field in table.fields]
        assert len(rows) == max(1, len(table.rows))
    with zipfile.ZipFile(io.BytesIO(file)) as parts:
        pages = [parts.read(name).decode() for name in parts.namelist() if "worksheets/sheet" in name]
    assert not any("<f>" in page for page in pages)


def test_a_plan_of_a_version_that_knew_less_is_compared_too(compared_plans: list[Content]) -> None:
    old = read_plan(Path(__file__).parent / "data" / "tiny-before-staff")
    contents = [old, compared_plans[0]]
    made = compare(contents, ["old", "new"])
    (lines,) = lines_in(made, contents, "en")
    assert "versions differ (allocate" in "\n".join(lines)
    assert set(comparison_sheets(made, contents, "zh")) == set(COMPARISON_SHEETS)
    assert "</html>" in comparison_page(made, contents)


# ---- the command ----


def test_the_command_says_what_differs_and_how_to_get_the_files(home: Path) -> None:
    done = call_allocate(home, "compare", "base", "fewer/plan.json")
    assert done.returncode == 0
    assert "对比　fewer 与基准 base" in done.stdout
    assert "rules.few_new.at_most 5 → 4" in done.stdout
    assert "--out" in done.stdout.splitlines()[-1]
    assert sorted(path.name for path in home.iterdir()) == ["base", "fewer"]
    english = call_allocate(home, "--language", "en", "compare", "base", "fewer")
    assert "compare   fewer with base, the first plan" in english.stdout


def test_page_and_workbook_are_written_whole_into_a_folder_of_their_own(home: Path) -> None:
    assert call_allocate(home, "compare", "base", "fewer", "--out", "out").returncode == 0
    made = {path.name: path.read_bytes() for path in (home / "out").iterdir()}
    assert set(made) == {"compare.html", "compare.xlsx"}
    assert call_allocate(home, "compare", "base", "fewer", "--out", "out").returncode == 0
    assert {path.name: path.read_bytes() for path in (home / "out").iterdir()} == made


def one_message(home: Path, *arguments: object) -> str:
    done = call_allocate(home, "compare", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    return done.stderr


def test_the_same_plan_twice_is_told_to_be_the_same(home: Path) -> None:
    done = call_allocate(home, "compare", "base", "base")
    assert done.returncode == 0
    assert "base (2) 与基准 base" in done.stdout
    assert "完全一样" in done.stdout


def test_what_cannot_be_compared_is_one_message(home: Path) -> None:
    assert "至少两份" in one_message(home, "base")
    assert "最多 12 份" in one_message(home, *["base"] * 13)
    assert "nowhere" in one_message(home, "base", "nowhere")
    spoilt = json.loads((home / "fewer" / PLAN_FILE).read_text("utf-8"))
    spoilt["budget"][0]["total"] -= 1
    (home / "fewer" / PLAN_FILE).write_text(json.dumps(spoilt), encoding="utf-8")
    said = one_message(home, "base", "fewer", "--out", "out")
    assert "fewer: 没有通过复核" in said
    assert not (home / "out").exists()


def test_a_folder_that_is_not_ours_and_an_open_workbook_are_left_alone(home: Path) -> None:
    assert "plan.json" in one_message(home, "base", "fewer", "--out", "base")
    assert [path.name for path in (home / "base").iterdir()] == [PLAN_FILE]
    (home / "out").mkdir()
    (home / "out" / "~$compare.xlsx").touch()
    assert "打开" in one_message(home, "base", "fewer", "--out", "out")
    shutil.rmtree(home / "out")
    (home / "out").touch()
    assert "out" in one_message(home, "base", "fewer", "--out", "out")
    assert (home / "out").is_file()


# ---- the page ----


def page_text(shown: Any, selector: str) -> str:
    return " ".join(shown.text(selector).split())


@pytest.mark.browser
@pytest.mark.parametrize("size", [(1280, 800), (390, 844)])
def test_the_page_shows_winners_and_losers_by_year_in_both_languages(
    opened: Callable[..., Any], compared_plans: list[Content], size: tuple[int, int]
) -> None:
    made = compare(compared_plans, ["base", "fewer"])
    shown = opened({}, size, comparison_page(made, compared_plans))
    pair = made.pairs[0]
    for year in pair.people:
        if size[0] > 400:
            shown.page.click(f"#years [data-year='{year.year}']")
        else:
            shown.page.evaluate(f"document.querySelector(\"#years [data-year='{year.year}']\").click()")
        rows = shown.page.locator("#summary tbody tr").all_inner_texts()
        numbers = [int(row.split()[1].replace(",", "")) for row in rows]
        assert numbers == [year.better, year.worse, year.same]
        assert str(year.year) in shown.text("#summary h2")
    assert shown.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert "只在基准开放" in shown.text("#legend")
    shown.page.click("#language")
    assert "open in the first only" in shown.text("#legend")
    assert shown.text("#title").startswith("Plans compared")
    assert len(shown.page.query_selector_all("#tables > details")) == len(COMPARISON_SHEETS)
    pixels = shown.pixels()
    assert pixels["213,94,0"] > 20  # places that lose, and sites of the first plan only


@pytest.mark.browser
def test_a_pair_is_chosen_and_a_card_says_how_a_place_fares(
    opened: Callable[..., Any], compared_plans: list[Content]
) -> None:
    contents = [*compared_plans, compared_plans[0]]
    made = compare(contents, ["base", "fewer", "base (2)"])
    shown = opened({}, (1280, 800), comparison_page(made, contents))
    part = next(part for part in made.pairs[0].parts if part.year == 2027 and part.share == 1)
    place = next(row for row in compared_plans[0]["district_data"]["places"] if row["id"] == part.place)
    box = shown.page.evaluate(
        """([lon, lat]) => {
            const data = JSON.parse(document.getElementById("comparison").textContent);
            const map = document.getElementById("map").getBoundingClientRect();
            const point = ([x, y]) => L.CRS.EPSG3857.latLngToPoint(L.latLng(y, x), 0);
            const spots = data.boundary.coordinates.flat(2).map(point);
            const [xs, ys] = [spots.map((one) => one.x), spots.map((one) => one.y)];
            const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
            const fit = Math.min((map.width - 24) / (right - left), (map.height - 24) / (bottom - top));
            const scale = 2 ** (Math.floor(2 * Math.log2(fit)) / 2);
            const at = point([lon, lat]);
            return [map.left + map.width / 2 + (at.x - (left + right) / 2) * scale,
                    map.top + map.height / 2 + (at.y - (top + bottom) / 2) * scale];
        }""",
        [place["lon"], place["lat"]],
    )
    shown.page.mouse.click(*box)
    assert place["name"] in shown.text("#card")
    assert say_in("zh", f"status.{part.other.status if part.other else ''}") in page_text(shown, "#card")
    shown.page.keyboard.press("Escape")
    assert shown.page.is_hidden("#card")
    shown.page.select_option("#pair", "1")
    assert "完全一样" in shown.text("#banner")
    assert "base (2)" in shown.text("#subtitle")
    assert "没有不同" in shown.text("#tables")


@pytest.mark.browser
def test_the_page_obeys_no_text_of_a_plan(opened: Callable[..., Any], compared_plans: list[Content]) -> None:
    spoilt = [poisoned(content) for content in compared_plans]
    made = compare(spoilt, ["<img src=x onerror=window.PWN=1>", "</script><script>window.PWN=1</script>"])
    html = comparison_page(made, spoilt)
    assert html == comparison_page(made, spoilt)
    shown = opened({}, (1280, 800), html)
    assert "<img src=x onerror=window.PWN=1>" in shown.text("#pairs")
    shown.page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    shown.page.click("#language")
    assert "{{7*191}}" in shown.text("#tables")
