"""What clauses and money cost: curves whose points share their bounds, the knee of the front, break-even prices."""

import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from conftest import Tiny, call_allocate, copy_tiny, one_year
from hypothesis import given
from hypothesis import strategies as st

from allocate.answer import Answer
from allocate.candidates import make_case
from allocate.costs import whole_cost
from allocate.crews import Processes
from allocate.errors import UsageError
from allocate.layout import Layout
from allocate.model import changed, read_model
from allocate.plans import layout_of, to_json
from allocate.prices import (
    Knob,
    _step,
    break_even,
    knee,
    knobs,
    nearest,
    price,
    quantities,
    share_bounds,
    targets,
    turned,
)
from allocate.read import read_district
from allocate.report.prices_page import blocks, lines, plan_said, sheets
from allocate.words import LANGUAGES, Language


def of_cost(tiny: Tiny) -> Tiny:
    """Make the small model one whose clauses can all be kept, and that wants to be cheap, in one year."""
    one_year(tiny)
    tiny.edit("tiny.toml", '[[goals]]\ngoal = "people_reached"\n', "")
    text = tiny.model.read_text(encoding="utf-8")
    begin, end = text.index("[rules.every_place]"), text.index("[rules.clinic_room]")
    text = text[:begin] + text[end:]
    begin, end = text.index("[rules.budget]"), text.index("[[goals]]")
    tiny.model.write_text(text[:begin] + text[end:], encoding="utf-8")
    return tiny


@pytest.fixture(scope="module")
def priced(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tiny, Answer]:
    tiny = of_cost(copy_tiny(tmp_path_factory.mktemp("prices")))
    return tiny, ask(tiny)


def ask(tiny: Tiny, processes: int = 1, **asked: Any) -> Answer:
    model = read_model(tiny.model)
    asked = {"clauses": ["most_people"], "points": 3, "front": 3} | asked
    return price(read_district(tiny.folder), model, Processes(processes), processes=processes, **asked)


# ---- targets ----


def share(present: str = "0.9", **numbers: Any) -> Knob:
    return Knob("circle", "share", Fraction(present), 1, **({"is_share": True, "is_whole": False} | numbers))


def test_a_share_goes_by_five_points_of_a_hundred_and_never_beyond_all() -> None:
    hundredths = [100 * target for target in targets(share(), 5)]
    # 80, 85, 90, 95 and 100 %.
    assert hundredths == [80, 85, 90, 95, 100]
    # 85, 90, 95, and 100 % once: 105 % is none.
    assert [100 * target for target in targets(share("0.95"), 5)] == [85, 90, 95, 100]


def test_a_whole_number_goes_by_one_at_least_and_an_upper_limit_is_tighter_below() -> None:
    most = Knob("few_new", "at_most", Fraction(5), -1, is_share=False, is_whole=True)
    assert targets(most, 5) == [7, 6, 5, 4, 3]
    money = Knob("budget", "at_most", Fraction(2_800_000), -1, is_share=False, is_whole=True)
    assert targets(money, 3) == [3_080_000, 2_800_000, 2_520_000]
    one = Knob("few", "at_least", Fraction(1), 1, is_share=False, is_whole=True)
    assert targets(one, 5) == [1, 2, 3]  # none is no target


def test_every_number_of_a_clause_that_is_decided_can_be_turned(tiny: Tiny) -> None:
    model = read_model(tiny.model)
    found = {knob.name: knob for knob in knobs(model)}
    assert set(found) == {
        "most_people.share", "every_place.share", "few_new.at_most", "apart.metres", "budget.at_most"
    }  # fmt: skip
    assert turned(model, found["few_new.at_most"], Fraction(3)).rules["few_new"].at_most == 3  # type: ignore[attr-defined]
    assert model.rules["few_new"].at_most == 5  # type: ignore[attr-defined]


# ---- bounds that points share ----


def row(target: float, bound: float, value: float, short: float = 0.0) -> dict[str, Any]:
    stages = {"must.worst": short, "must.sum": short}
    return {
        "target": target, "status": "found", "bound": bound, "value": value, "stages": stages, "proven": True
    }  # fmt: skip


def test_what_is_proven_of_less_holds_for_more_and_what_is_found_for_more_serves_for_less() -> None:
    # Loosest first. At 0.85 nothing better than 8 was proven, but at 0.80 at least 9 had to be paid already; at 0.80
    # only 15 was found, but the plan of 0.85 costs 12 and keeps 0.80 too.
    rows = [row(0.80, 9, 15), row(0.85, 8, 12), row(0.90, 20, 22)]
    share_bounds(rows)
    assert [(one["least"], one["most"]) for one in rows] == [(9, 12), (9, 12), (20, 22)]
    # From 0.85 to 0.90 the best costs between 20 - 12 and 22 - 9 more, for five points of a hundred.
    step = _step(share(), rows[1], rows[2])
    assert (step["low"], step["high"], step["verdict"]) == (pytest.approx(8 / 5), pytest.approx(13 / 5), "more")
    # From 0.80 to 0.85: between 0 (more can only cost more) and 12 - 9.
    step = _step(share(), rows[0], rows[1])
    assert (step["low"], step["high"], step["given"]) == (0, pytest.approx(3 / 5), "")


def test_points_that_miss_a_clause_share_nothing_and_have_no_price() -> None:
    rows = [row(0.80, 9, 15), row(0.85, 8, 12), row(0.90, 3, 5, short=0.1)]
    share_bounds(rows)
    assert (rows[2]["least"], rows[2]["most"]) == (3, 5)
    assert _step(share(), rows[1], rows[2])["low"] is None
    assert _step(share(), rows[1], rows[2])["given"] == "other_clauses"
    rows = [row(0.85, 8, 12), {"target": 0.9, "status": "failed", "reason": "no"}]
    share_bounds(rows)
    assert _step(share(), *rows)["given"] == "failed"


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=6))
def test_shared_bounds_are_never_wider_and_rise_with_what_is_asked(spans: list[tuple[int, int]]) -> None:
    # (Points whose best, unknown to the search, rises from one to the next: 10, 20, 30, …)
    rows = [row(n, max(0, 10 * n - below), 10 * n + above) for n, (below, above) in enumerate(spans, start=1)]
    share_bounds(rows)
    for n, one in enumerate(rows, start=1):
        assert one["bound"] <= one["least"] <= 10 * n <= one["most"] <= one["value"]
    assert [one["least"] for one in rows] == sorted(one["least"] for one in rows)
    assert [one["most"] for one in rows] == sorted(one["most"] for one in rows)


# ---- the knee ----


def point(number: int, cost: int, *served: int) -> dict[str, Any]:
    years = dict(zip(("2025", "2027"), served, strict=True))
    return {"point": number, "cost": cost, "served": years, "share": 0.5}


def test_the_knee_is_where_a_yuan_serves_so_many_fewer() -> None:
    # Years stand for 2 and 3 calendar years. Person-years: 100·2 + 100·3 = 500; 200·2 + 200·3 = 1000; then 1250, 1300.
    points = [point(1, 10, 100, 100), point(2, 20, 200, 200), point(3, 30, 250, 250), point(4, 40, 260, 260)]
    # A yuan more serves 50, then 25, then 5 more: it falls by 25 at point 2, and by 20 at point 3.
    found = knee(points, (2, 3))
    assert found is not None
    assert (found["point"], found["before"], found["after"]) == (2, 50, 25)
    assert knee(points[:2], (2, 3)) is None
    # Where every yuan buys the same there is none.
    assert knee([point(1, 10, 1, 1), point(2, 20, 2, 2), point(3, 30, 3, 3)], (1, 1)) is None


# ---- break-even ----


def test_two_plans_are_even_where_what_one_saves_pays_for_what_it_costs_more() -> None:
    # At 150 a site, plan A opens 4 and costs 1,000; plan B opens 2 and costs 1,100: even at 150 + 100/2 = 200.
    assert nearest(150, [1000, 1100], [4, 2], up=True) == (200, 1)
    # Plan C opens 7 and costs 1,050: even at 150 - 50/3.
    assert nearest(150, [1000, 1100, 1050], [4, 2, 7], up=False) == (150 - Fraction(50, 3), 2)
    assert nearest(150, [1000, 1100], [4, 4], up=True) is None
    # Below nothing there is no price.
    assert nearest(10, [1000, 1100], [4, 5], up=False) is None


def test_quantities_are_what_the_cost_grows_by(tiny_home: Tiny, tiny_plan: Any) -> None:
    model, district = read_model(tiny_home.model), read_district(tiny_home.folder)
    case = make_case(district, model)
    layout = layout_of(tiny_plan.content, case)
    found = quantities(district, model, case, [layout])
    kinds = [case.sites[j].kind for j in range(len(case.sites))]
    opened = sum(layout.opens(case, j, t) for j, kind in enumerate(kinds) for t in case.periods if kind == "clinic")
    years = sum(case.spans[t] for j, t in layout.open if kinds[j] == "clinic")
    assert opened
    assert found["siting.clinic.opening"] == (150_000, [opened])
    assert found["siting.clinic.yearly"] == (60_000, [years])


# ---- the whole ----


def test_curve_front_and_prices_of_a_small_district(priced: tuple[Tiny, Answer]) -> None:
    content = priced[1].content
    (curve,) = content["curves"]
    assert [(one["target"], one["is_present"]) for one in curve["points"]] == [
        (0.65, False),
        (0.7, True),
        (0.75, False),
    ]
    assert content["present"]["value"] == curve["points"][1]["value"]
    for one in curve["points"]:
        assert one["bound"] <= one["least"] <= one["most"] <= one["value"]
        assert one["coverage"]["2027"] >= one["target"]
    costs = [one["cost"] for one in content["front"]]
    assert costs == sorted(costs)
    assert len(content["front"]) > 1
    assert "layout" not in to_json(content)
    assert content["front_without"] == ["most_people"]


def test_break_even_prices_of_four_clinics_against_a_station(tiny: Tiny) -> None:
    one_year(tiny)
    model = replace(read_model(tiny.model), rules={})
    district = read_district(tiny.folder)
    case = make_case(district, model)
    spare = {kind: [j for j, at in enumerate(case.sites) if at.kind == kind and not at.exists] for kind in model.siting}
    clinics, station = (
        Layout(frozenset((j, 0) for j in spare[kind][:number])) for kind, number in (("clinic", 4), ("station", 1))
    )
    found = break_even(district, model, case, {"present": clinics, "front=2": station})
    # Four clinics: 4 · (150,000 + 60,000) = 840,000. A station: 600,000 + 400,000 = 1,000,000, 160,000 more.
    assert [(one["plan"], one["cost"]) for one in found["plans"]] == [("present", 840_000), ("front=2", 1_000_000)]
    # Even where each clinic costs 40,000 more, or the station 160,000 less.
    assert {one["key"]: (one["at"], one["from_quantity"], one["to_quantity"]) for one in found["break_even"]} == {
        "siting.clinic.opening": ("190000", 4, 0),
        "siting.clinic.yearly": ("100000", 4, 0),
        "siting.station.opening": ("440000", 0, 1),
        "siting.station.yearly": ("240000", 0, 1),
    }
    # The same said by the costs themselves, of a model with that price.
    for one in found["break_even"]:
        again = make_case(district, changed(model, {one["key"]: one["at"]}))
        assert whole_cost(again, clinics) == whole_cost(again, station)


def test_a_plan_that_keeps_less_is_none_to_compare_with(tiny: Tiny) -> None:
    one_year(tiny)
    model, district = read_model(tiny.model), read_district(tiny.folder)
    case = make_case(district, model)
    whole = layout_of(price_of(tiny), case)
    nothing = Layout(frozenset())
    found = break_even(district, model, case, {"present": whole, "front=1": nothing})
    assert [one["plan"] for one in found["plans"]] == ["present"]
    assert found["break_even"] == []


def price_of(tiny: Tiny) -> Any:
    from allocate.planning import plan

    return plan(read_district(tiny.folder), read_model(tiny.model)).content


def test_one_process_and_three_give_the_same_bytes(priced: tuple[Tiny, Answer]) -> None:
    tiny, answer = priced
    assert to_json(ask(tiny, 3).content) == to_json(answer.content)


@pytest.mark.parametrize("language", LANGUAGES)
def test_tables_page_and_lines_say_the_same(priced: tuple[Tiny, Answer], language: Language) -> None:
    answer = priced[1]
    points, steps, front, even, plans = sheets(answer, language)
    (curve,) = answer.content["curves"]
    assert points.column("best_most") == [one["most"] for one in curve["points"]]
    assert steps.column("step_high") == [one["high"] for one in curve["steps"]]
    assert front.column("scenario_cost") == [one["cost"] for one in answer.content["front"]]
    assert even.column("model_key") == [one["key"] for one in answer.content["break_even"]]
    assert plans.column("scenario_cost") == sorted(plans.column("scenario_cost"))  # type: ignore[type-var]
    assert plan_said("front=2", language) in (["前沿第 2 点"] if language == "zh" else ["point 2 of the front"])
    said = [*lines(answer, language), *map(str, blocks(answer, language))]
    assert not any("{" in line and "}" in line for line in lines(answer, language))
    assert len(said) > 5


@pytest.mark.parametrize("asked", [{"points": 1}, {"points": 1_000}, {"front": 1}, {"clauses": ["nobody"]}])
def test_numbers_and_names_that_cannot_be_used_are_refused_before_any_look(tiny: Tiny, asked: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        ask(tiny, **asked)
    assert "{" not in str(caught.value)


def test_a_point_that_fails_is_a_row_with_its_reason(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    from allocate import prices

    class Here:
        """Does the jobs in this process, and fails at one."""

        def work(self, do: Any, shared: Any, jobs: Any) -> Any:
            for name, job in jobs.items():
                if name.endswith("3/4"):
                    yield name, prices.Failure("no plan was found")
                else:
                    yield name, do(shared, job)

    of_cost(tiny)
    answer = price(
        read_district(tiny.folder), read_model(tiny.model), Here(), clauses=["most_people"], points=3, front=0
    )
    (curve,) = answer.content["curves"]
    assert [one["status"] for one in curve["points"]] == ["found", "found", "failed"]
    assert any("no plan was found" in line for line in lines(answer, "en"))
    assert any("no plan was found" in str(block) for block in blocks(answer, "zh"))


def test_the_command_writes_page_and_tables(tiny: Tiny) -> None:
    of_cost(tiny)
    home = tiny.folder.parent
    done = call_allocate(home, "prices", tiny.model, "--clause", "most_people", "--points", 3, "--front", 0)
    assert done.returncode == 0, done.stderr
    folder = home / "maps" / "out" / "tiny-prices"
    assert json.loads((folder / "prices.json").read_text(encoding="utf-8"))["kind"] == "prices"
    assert "most_people" in (folder / "prices.html").read_text(encoding="utf-8")
    assert (folder / "prices.xlsx").is_file()
    wrong = call_allocate(home, "prices", tiny.model, "--clause", "nothing")
    assert wrong.returncode == 2
    assert "most_people" in wrong.stderr
