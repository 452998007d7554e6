"""What each further share of the people costs: the front against every plan there is, and what it is shown as."""

import copy
import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from conftest import DATA, ROOT, Tiny, call_allocate
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook
from tiny import cases, lives, make, nearest, rule, site

from allocate import front
from allocate.candidates import make_case
from allocate.case import Case
from allocate.draw import front_figure
from allocate.errors import NoPlanError, UsageError
from allocate.front import average_share, look_at_front, look_for_cheapest, switched_off
from allocate.goals import Cost
from allocate.model import Model, read_model
from allocate.outputs import CARDS, FILES, FRONT_FILE, check_target, write_plan
from allocate.plans import Plan, read_plan
from allocate.program import Options
from allocate.read import read_district
from allocate.report.comma import csv_files
from allocate.report.sheets import sheets
from allocate.report.summary import front_line
from allocate.report.workbook import workbook
from allocate.resources import Resource
from allocate.rules import Rule
from allocate.units import Basis
from allocate.verification import verify
from allocate.words import LANGUAGES, say_in, speaking

Content = dict[str, Any]
QUICK = Options(quick=True, nodes=1000, search_nodes=10_000, threads=1, seconds=30)
# (Making a failing example smaller would take minutes: every example is solved several times.)
SLOWLY = settings(max_examples=40, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))


def model_for(case: Case, **rules: Rule) -> Model:
    """Return a model that plans a case for its cost, under some rules."""
    read = read_model(DATA / "tiny.toml")
    return replace(read, years=case.years, rules=rules, goals={"cost": Cost(gap=0.0)})


def look(case: Case, points: int, **rules: Rule) -> list[Content]:
    return look_at_front(case, model_for(case, **rules), Options(), points, 1, gap=0.0)


def shown(points: Sequence[Mapping[str, Any]]) -> list[tuple[int, int]]:
    """Return cost and people served in the first year of every point."""
    return [(point["cost"], next(iter(point["served"].values()))) for point in points]


def three_villages(**numbers: Any) -> Case:
    """Return villages of 50, 30 and 20 people, each with a clinic of its own to open for 100, 90 and 80 yuan."""
    sites = [site("X", opening=100), site("Y", opening=90), site("Z", opening=80)]
    return make([[50], [30], [20]], sites, {(0, 0): 60, (1, 1): 60, (2, 2): 60}, **numbers)


def test_each_point_is_the_cheapest_plan_for_its_share() -> None:
    # Nobody for nothing; a quarter: 30 people for 90 (20 for 80 are too few); half: 50 for 100 (30 + 20 cost 170);
    # three quarters: 50 + 30 for 190 (50 + 20 are 70); everybody: 270.
    points = look(three_villages(), 5)
    assert shown(points) == [(0, 0), (90, 30), (100, 50), (190, 80), (270, 100)]
    assert [point["point"] for point in points] == [1, 2, 3, 4, 5]
    assert [point["target"]["2025"] for point in points] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert [point["sites"] for point in points] == [0, 1, 1, 2, 3]
    assert all((point["gap"], point["proven"]) == (0.0, True) for point in points)
    assert [point["bound"] for point in points] == pytest.approx([point["cost"] for point in points], rel=1e-6)


def test_points_that_cost_more_and_serve_no_more_are_left_out() -> None:
    # Every tenth: 10 and 20 people cost 80; 30: 90; 40 and 50: 100; 60 and 70: 180; 80: 190; 90 and 100: 270.
    points = look(three_villages(), 11)
    assert shown(points) == [(0, 0), (80, 20), (90, 30), (100, 50), (180, 70), (190, 80), (270, 100)]
    # Of two that are the same, the first stays.
    assert [point["point"] for point in points] == [1, 2, 4, 5, 7, 9, 10]
    assert {point["points"] for point in points} == {11}


def test_two_points_are_the_ends() -> None:
    assert shown(look(three_villages(), 2)) == [(0, 0), (270, 100)]


def test_where_the_cheapest_plan_serves_all_there_is_one_point() -> None:
    case = make([[5]], [site("X", kind="township_hospital", exists=True)], {(0, 0): 60})
    points = look(case, 7)
    assert shown(points) == [(0, 5)]
    assert points[0]["points"] == 7


def test_a_clause_on_the_share_served_is_left_out_and_every_other_comes_first() -> None:
    # All must be served, at most two sites must be open, and Z must be one of them: with Z and X, 70 people for 180.
    rules = {
        "everybody": rule("reach", share=1.0, scope="place"),
        "two": rule("count", kinds=("clinic",), at_most=2),
        "z": rule("keep", sites=("Z",), strength="encourage"),
    }
    points = look(three_villages(), 3, **rules)
    # At the cheap end Z alone; half way between 20 and 70 are 45 people: Y and Z serve 50.
    assert shown(points) == [(80, 20), (170, 50), (180, 70)]
    assert [(point["missed"], point["without"]) for point in points] == [([], ["everybody"])] * 3
    assert switched_off(model_for(three_villages(), **rules)) == ("everybody",)


def test_a_clause_that_no_plan_keeps_is_named() -> None:
    points = look(three_villages(), 2, many=rule("count", kinds=("clinic",), at_least=4))
    # To miss it as little as can be, all three open: for the cheapest plan too.
    assert [(point["missed"], point["cost"]) for point in points] == [(["many"], 270)]


def test_no_point_waits_for_the_last_year_to_serve_people() -> None:
    # A year of X costs 10: opening in 2029 alone would cost 110, but the share is asked for in 2025 too: 100 + 5 × 10.
    case = make([[7, 7]], [site("X", opening=100, yearly=10)], {(0, 0): 60}, years=(2025, 2029))
    assert case.spans == (4, 1)
    points = look(case, 2)
    assert [(point["cost"], point["served"]) for point in points] == [
        (0, {"2025": 0, "2029": 0}),
        (150, {"2025": 7, "2029": 7}),
    ]


def test_years_in_which_less_can_be_served_go_their_own_way() -> None:
    # One clinic may open in a plan year: X's 50 people in 2025, X and Y's 80 in 2028; half way, 25 and 40.
    case = three_villages(years=(2025,))
    case = make([[50, 50], [30, 30], [20, 20]], case.sites, {(0, 0): 60, (1, 1): 60, (2, 2): 60}, years=(2025, 2028))
    slowly = rule("count", kinds=("clinic",), counts="new", at_most=1)
    points = look(case, 3, slowly=slowly)
    assert [(point["cost"], point["served"]["2025"], point["served"]["2028"]) for point in points] == [
        (0, 0, 0),
        # (Y from 2025 for 90 would serve 30, then with Z 50 for 170: X alone does for 100.)
        (100, 50, 50),
        (190, 50, 80),
    ]
    assert points[1]["target"] == {"2025": 0.25, "2028": 0.4}
    # 2025 stands for three calendar years: (3 × 50 + 80) ÷ (4 × 100).
    assert points[2]["share"] == 0.575


def test_serving_more_people_costs_the_pay_of_those_who_join() -> None:
    # A nurse serves 50 of the 100 people. One works there today, and is paid whatever is decided; a second one costs
    # 100 once and 1,000 a year: 1,100.
    nurses = Resource(at={"township_hospital": 3}, yearly=1000, adding=100, basis=Basis.ASSUMED, source="a toy")
    hub = site("G", kind="township_hospital", exists=True, per_staff=(("nurses", 50),))
    case = replace(
        make([[60], [40]], [hub], {(0, 0): 60, (1, 0): 60}),
        parents=(-1,), resources={"nurses": nurses}, stock={("nurses", 0): 1}, intervals=(1,),
    )  # fmt: skip
    served_by = rule("people_per_staff", kinds=("township_hospital",), resource="nurses", people=50, strength="physics")
    model = replace(model_for(case, nurses=served_by), resources=case.resources)
    points = look_at_front(case, model, Options(), 3, 1, gap=0.0)
    assert shown(points) == [(0, 50), (1100, 100)]


def test_an_average_counts_calendar_years() -> None:
    assert average_share([100, 200], [50, 200], [3, 1]) == 0.7
    assert average_share([0], [0], [1]) == 0.0


def every_plan(case: Case) -> list[tuple[int, tuple[int, ...]]]:
    """Return cost and people served by year of every plan there is, all served who can be."""
    plans = set()
    for is_open in lives(case):
        layout = nearest(case, is_open)
        served = tuple(sum(n for (_, u), n in layout.served.items() if u == t) for t in case.periods)
        plans.add((Cost().value(case, layout), served))
    return sorted(plans)


@given(case=cases(capacities=False), points=st.integers(2, 6))
@SLOWLY
def test_the_front_is_that_of_all_plans_at_its_targets(case: Case, points: int) -> None:
    plans, totals = every_plan(case), [case.total(t) for t in case.periods]
    most = [max(served[t] for _, served in plans) for t in case.periods]
    found = look(case, points)
    everybody = dict.fromkeys(case.years, Fraction(1))
    model = model_for(case)
    first, last = (look_for_cheapest(case, model, QUICK, target, 0.0) for target in ({}, everybody))
    assert first is not None
    assert last is not None
    assert first["cost"] == min(cost for cost, _ in plans)
    assert list(last["served"].values()) == most

    def least(k: int) -> tuple[int, list[int]]:
        """Return the least that any plan costs for a target, and the people that it asks for."""
        wanted = []
        for year, total in zip(map(str, case.years), totals, strict=True):
            low, high = first["served"][year], last["served"][year]
            share = Fraction(low) + Fraction(k - 1, points - 1) * (high - low)
            # (A target is a share to nine digits, rounded down; people come whole.)
            wanted.append(ceil(share - Fraction(total, 10**9)))
        return min(cost for cost, served in plans if all(map(int.__ge__, served, wanted))), wanted

    for point in found:
        cost, wanted = least(point["point"])
        # (A bound is a float of the solver, which may lie a hair below.)
        assert (point["cost"], point["bound"], point["proven"]) == (cost, pytest.approx(float(cost), rel=1e-6), True)
        assert all(map(int.__ge__, point["served"].values(), wanted))
        assert (point["cost"], tuple(point["served"].values())) in plans
    kept = {point["point"] for point in found}
    for k in set(range(1, points + 1)) - kept:
        cost, wanted = least(k)
        assert any(p["cost"] <= cost and p["share"] >= average_share(totals, wanted, case.spans) for p in found)
    pairs = [(point["cost"], point["share"]) for point in found]
    assert all(one[0] < two[0] and one[1] < two[1] for one, two in pairwise(pairs))


@pytest.mark.parametrize("points", [-1, 1, 51])
def test_a_front_has_two_to_fifty_points(points: int) -> None:
    for language in LANGUAGES:
        with speaking(language), pytest.raises(UsageError, match="50"):
            look(three_villages(), points)


def test_what_is_not_found_in_time_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = front.lay_out

    def late(case: Case, model: Model, *arguments: Any, **named: Any) -> Any:
        shares = [float(one.share) for name, one in model.rules.items() if name.startswith("front target")]  # type: ignore[attr-defined]
        if shares and min(shares) in missing:
            raise NoPlanError("too late")
        return plain(case, model, *arguments, **named)

    monkeypatch.setattr(front, "lay_out", late)
    missing = {0.5}
    assert [point["point"] for point in look(three_villages(), 5)] == [1, 2, 4, 5]
    # Without its end there is no front.
    missing = {1.0}
    assert look(three_villages(), 5) == []


def test_it_says_how_far_it_is() -> None:
    heard: list[tuple[int, int]] = []
    case = three_villages()
    look_at_front(case, model_for(case), Options(), 4, 1, hear=lambda done, count: heard.append((done, count)))
    # Both ends, then all but the cheapest once more.
    assert heard == [(n, 5) for n in range(1, 6)]


# The front of the small district, as a part of its plan.


@pytest.fixture(scope="module")
def small_front(tiny_home: Tiny) -> list[Content]:
    model = read_model(tiny_home.model)
    case = make_case(read_district(tiny_home.folder), model)
    points = look_at_front(case, model, Options(), 6, 2)
    # The same in this process and in others.
    assert look_at_front(case, model, Options(), 6, 1) == points
    return points


@pytest.fixture
def content(tiny_plan: Plan, small_front: list[Content]) -> Content:
    return copy.deepcopy({**tiny_plan.content, "front": small_front})


def test_a_plan_has_no_front_unless_one_is_asked_for(tiny_plan: Plan) -> None:
    assert tiny_plan.content["front"] == []


def test_a_plan_with_its_front_is_sound(content: Content, tiny_plan: Plan) -> None:
    assert len(content["front"]) > 3
    verdict = verify(content)
    assert verdict.findings == ()
    assert verdict.checked >= verify(tiny_plan.content).checked + 9 * len(content["front"])


def change(where: int, key: str, value: Any) -> Callable[[list[Content]], None]:
    def mutate(points: list[Content]) -> None:
        points[where][key] = value(points[where][key]) if callable(value) else value

    return mutate


WRONG: dict[str, tuple[Callable[[list[Content]], Any], str]] = {
    "a cheaper point": (change(1, "cost", lambda cost: cost - 1000), "front[1]"),
    "a cost below the one before": (change(2, "cost", 1), "front[2].cost"),
    "more people served": (lambda points: points[1]["served"].update({"2025": 34_781}), "front[1].share"),
    "more people served than live there": (lambda points: points[1]["served"].update({"2025": 34_782}), ".served"),
    "a part of a person": (lambda points: points[1]["served"].update({"2025": 9000.5}), "front[1].served"),
    "a greater share": (change(1, "share", lambda share: share + 0.01), "front[1].share"),
    "a smaller gap": (change(-1, "gap", -0.1), ".gap"),
    "a bound above the cost": (change(1, "bound", lambda bound: 2.0 * bound + 1), "front[1]"),
    "a bound below nothing": (change(1, "bound", -1.0), "front[1].bound"),
    "a proof that there is not": (change(1, "proven", lambda proven: not proven), "front[1].proven"),
    "other people": (lambda points: points[0]["people"].update({"2027": 1}), "front[0].people"),
    "fewer than no sites": (change(0, "sites", -1), "front[0].sites"),
    "a rule that there is not": (change(0, "missed", ["nobody_s"]), "front[0].missed"),
    "a rule that it left out, missed": (change(0, "missed", ["most_people"]), "front[0].missed"),
    "a rule left out unsaid": (change(0, "without", ["most_people"]), "front[0].without"),
    "another number of points": (change(1, "points", 7), "front[1].points"),
    "a point beyond the last": (change(-1, "point", 9), ".point"),
    "a target beyond everybody": (lambda points: points[-1]["target"].update({"2025": 1.5}), ".target"),
    "points in another order": (lambda points: points.reverse(), "front[1].cost"),
    "a point twice": (lambda points: points.insert(0, points[0]), "front[1].cost"),
    "a key too many": (change(0, "colour", "red"), "front[0].colour"),
    "a key too few": (lambda points: points[0].pop("sites"), "plan"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_front_that_contradicts_itself_is_rejected(name: str, content: Content) -> None:
    mutate, where = WRONG[name]
    mutate(content["front"])
    for language in LANGUAGES:
        with speaking(language):
            findings = verify(content).findings
        assert findings
        assert any(where in finding.where for finding in findings) or (where == "plan" and findings)


def test_the_table_says_what_each_further_person_and_year_costs(content: Content) -> None:
    content["front"] = [
        {**content["front"][0], "cost": 1_000_000, "served": {"2025": 10_000, "2027": 12_000}},
        {**content["front"][1], "cost": 1_300_000, "served": {"2025": 10_500, "2027": 14_000}},
    ]
    # 2025 stands for two calendar years: 500 × 2 + 2,000 = 3,000 person-years more for 300,000 yuan: 100.
    table = sheets(content, "en")["front"]
    assert table.column("marginal") == [None, 100]
    assert table.column("reached_2027") == [12_000, 14_000]
    assert table.column("reached_share_2025") == [10_000 / 34_781, 10_500 / 34_781]
    assert table.column("without") == ["most_people, every_place"] * 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sheet_holds_the_points_and_a_chart_of_them(content: Content, language: Any) -> None:
    made = workbook(content, language)
    book = CalamineWorkbook.from_filelike(io.BytesIO(made))
    rows = book.get_sheet_by_name(say_in(language, "sheet.front")).to_python()
    assert [row[2] for row in rows[2 : 2 + len(content["front"])]] == [point["cost"] for point in content["front"]]
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        charts = [archive.read(name) for name in archive.namelist() if name.startswith("xl/charts/chart")]
    (chart,) = [chart for chart in charts if b"scatterChart" in chart]
    # Shares across, money up, from the first point to the last.
    assert f"$B$3:$B${2 + len(content['front'])}".encode() in chart
    assert f"$C$3:$C${2 + len(content['front'])}".encode() in chart


def test_without_a_front_the_sheet_says_how_to_ask_for_one(tiny_plan: Plan) -> None:
    book = CalamineWorkbook.from_filelike(io.BytesIO(workbook(tiny_plan.content, "en")))
    rows = book.get_sheet_by_name("Cost and coverage").to_python()
    assert rows[2][0] == "not asked for: allocate plan … --front 10"
    assert csv_files(tiny_plan.content, "en")["front"].count("\r\n") == 1


SVG = "{http://www.w3.org/2000/svg}"


def test_the_figure_has_a_mark_for_every_point_and_one_for_the_plan(content: Content) -> None:
    drawn = ET.fromstring(front_figure(content))
    circles = drawn.findall(f"{SVG}circle")
    assert len(circles) == len(content["front"])
    filled = [circle.get("fill") != "#ffffff" for circle in circles]
    assert filled == [point["proven"] for point in content["front"]]
    places = [(float(circle.get("cx", "")), float(circle.get("cy", ""))) for circle in circles]
    assert all(one[0] < two[0] and one[1] > two[1] for one, two in pairwise(places))
    assert all(90 <= x <= 730 and 70 <= y <= 420 for x, y in places)
    texts = [node.text or "" for node in drawn.iter(f"{SVG}text")]
    for key in ("front.across", "front.up", "front.own"):
        assert f"{say_in('zh', key)} · {say_in('en', key)}" in texts
    for circle, point in zip(circles, content["front"], strict=True):
        (told,) = circle.findall(f"{SVG}title")
        assert f"{point['cost']:,}" in (told.text or "")
    assert front_figure(content) == front_figure(json.loads(json.dumps(content)))


def test_a_figure_of_one_point_is_drawn(content: Content) -> None:
    content["front"] = content["front"][:1]
    content["ledger"] = [
        row | {"served": content["front"][0]["served"][str(row["year"])]} if row["scope"] == "district" else row
        for row in content["ledger"]
    ]
    assert len(ET.fromstring(front_figure(content)).findall(f"{SVG}circle")) == 1


@pytest.mark.parametrize("text", ["</svg><script>alert(1)</script>", "&lt;x\x00\x1b\ud800 \uffff", "长" * 40_000])
def test_a_title_is_text_in_the_figure_and_nothing_else(text: str, content: Content) -> None:
    content["title"] = {"zh": text, "en": text}
    figure = front_figure(content)
    figure.encode()
    drawn = ET.fromstring(figure)
    assert {node.tag.removeprefix(SVG) for node in drawn.iter()} <= {
        *("svg", "rect", "text", "line", "polyline", "circle", "title", "path"),
    }
    assert not [name for node in drawn.iter() for name in node.attrib if name.startswith("on") or "href" in name]


def test_the_figure_stands_beside_the_plan_and_goes_with_the_next(
    content: Content, tiny_plan: Plan, tmp_path: Path
) -> None:
    files = write_plan(replace(tiny_plan, content=content), tmp_path / "plan")
    assert {name.partition("/")[0] for name in files} == {*FILES, FRONT_FILE, CARDS}
    assert files[FRONT_FILE].read_text(encoding="utf-8") == front_figure(content)
    assert read_plan(tmp_path / "plan") == content
    check_target(tmp_path / "plan")
    write_plan(tiny_plan, tmp_path / "plan")
    assert {path.name for path in (tmp_path / "plan").iterdir()} == {*FILES, CARDS}


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_line_says_the_ends(content: Content, language: Any) -> None:
    ends = content["front"][0], content["front"][-1]
    with speaking(language):
        line = front_line(content, "out/front.svg")
        assert front_line(content | {"front": []}, None) == say_in(language, "summary.no_front")
    for end in ends:
        assert f"{100 * end['share']:.1f}" in line
        assert f"{end['cost'] / 1e6:,.2f}" in line
    assert "out/front.svg" in line


def test_the_command_asks_for_a_front(tiny: Tiny, tmp_path: Path) -> None:
    tiny.edit("tiny.toml", "draws = 3", "draws = 0")
    quick = ("--gap", "0.2", "--set", 'goals=[{goal="cost"}]')
    done = call_allocate(tmp_path, "--language", "en", "plan", tiny.model, "--front", 3, "--out", "out", *quick)
    assert done.returncode == 0, done.stderr
    assert "front of cost and coverage 4/4" in done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("front ")]
    assert line.endswith(str(Path("out") / FRONT_FILE))
    points = read_plan(tmp_path / "out")["front"]
    assert 1 < len(points) <= 3
    ET.parse(tmp_path / "out" / FRONT_FILE)


def test_the_command_refuses_a_front_of_one_point_before_any_work(tiny: Tiny, tmp_path: Path) -> None:
    done = call_allocate(tmp_path, "--language", "en", "plan", tiny.model, "--front", 1)
    assert done.returncode == 2
    assert "--front" in done.stderr
    assert "give a number from 2 to 50 plans" in done.stderr
    assert not (tmp_path / "maps").exists()


def test_the_guide_names_every_key_of_a_point(small_front: list[Content]) -> None:
    guide = (ROOT / "maps" / "README.md").read_text(encoding="utf-8")
    # (The first table is that of plan.json; prices.json has a line of the same name.)
    row = next(line for line in guide.splitlines() if line.startswith("| `front` |"))
    assert [key for key in small_front[0] if f"`{key}`" not in row] == []
