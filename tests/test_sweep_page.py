"""The page of a sweep: which run is best, which the gaps leave undecided, and no figure that the runs do not have."""

import copy
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocate.answer import Answer
from allocate.report.answers import answer_files
from allocate.report.blocks import Cards, Chart, Grid, Heat, PageBlock, Paragraph
from allocate.report.sweep_page import _Told, blocks
from allocate.words import LANGUAGES, say_in

YEARS = (2025, 2030)


def run(number: int, varied: Mapping[str, Any], value: float, bound: float | None, **more: Any) -> dict[str, Any]:
    """Return a run whose goal is the cost [yuan]."""
    gap = None if bound is None or not value else round((value - bound) / value, 9)
    share = more.pop("share", 0.9)
    figures = {
        "goal": "cost", "value": value, "bound": bound, "gap": gap, "cost": value, "missed": [],
        "short": {"must.sum": 0.0},
        "coverage": {"2025": 0.8, "2030": share},
        **{name: dict.fromkeys(("2025", "2030"), 1) for name in ("people", "served", "sites", "capital", "recurrent")},
    }  # fmt: skip
    row = {"run": number, "scenario": None, "varied": dict(varied), "seed": None, "name": f"{number:064x}"}
    return row | {"outcome": "feasible", "plan": None, "reason": None, **figures, **more}


def failed(number: int, varied: Mapping[str, Any]) -> dict[str, Any]:
    row = {"run": number, "scenario": None, "varied": dict(varied), "seed": None, "name": f"{number:064x}"}
    return row | {"outcome": "failed", "plan": None, "reason": {"zh": "没有找到", "en": "nothing was found"}}


def key(name: str, law: str = "list", present: Any = None) -> dict[str, Any]:
    return {"key": name, "law": law, "said": "1,2", "kind": "measure", "count": 2, "values": None, "present": present}


def sweep(runs: Sequence[Mapping[str, Any]], *keys: Mapping[str, Any], **asked: Any) -> Answer:
    usual = {"scenarios": [], "samples": None, "seed": 1, "draws": 0, "full": False}
    content = {
        "model": "tiny", "title": {"zh": "甲", "en": "A"}, "district": "tiny", "as_of": "2024-12-26", "seeds": [1],
        "years": list(YEARS), "asked": usual | asked, "varied": list(keys), "settings": {}, "inputs": [],
        "versions": {"allocate": "1"}, "method": {"run": "look"}, "runs": list(runs),
    }  # fmt: skip
    return Answer("sweep", content)


def of(kind: type[Any], found: Sequence[PageBlock]) -> list[Any]:
    return [block for block in found if isinstance(block, kind)]


def text(found: Sequence[PageBlock]) -> str:
    return "\n".join(block.text for block in of(Paragraph, found))


def test_against_one_key_stand_cost_with_its_bound_and_coverage_by_year() -> None:
    runs = [run(1, {"k": 1.0}, 3_000_000, 2_500_000), run(2, {"k": 2.0}, 4_000_000, 4_000_000, share=0.99999)]
    cost, coverage = of(Chart, blocks(sweep(runs, key("k", present=1.5)), "zh"))
    (line,) = cost.series
    assert (line.x, line.y, line.low) == ((1.0, 2.0), (300.0, 400.0), (250.0, 400.0))
    assert [mark.x for mark in cost.marks] == [1.5]
    assert cost.ranges == say_in("zh", "sweep_page.ranges_bound")
    assert [(one.name, one.y) for one in coverage.series] == [("2025", (0.8, 0.8)), ("2030", (0.9, 0.99999))]
    assert coverage.up.written == "share"


def test_a_run_is_proven_no_better_only_by_its_bound() -> None:
    runs = [
        run(1, {"k": 1.0}, 100, 90), run(2, {"k": 2.0}, 120, 100),
        run(3, {"k": 3.0}, 130, 99), run(4, {"k": 4.0}, 140, None),
    ]  # fmt: skip
    told = _Told(sweep(runs, key("k")).content, "zh")
    assert told.best is not None
    assert told.best["run"] == 1
    assert [one["run"] for one in told.undecided] == [3, 4]
    found = blocks(sweep(runs, key("k")), "zh")
    assert say_in("zh", "sweep_page.undecided", count=2, rest=1) in text(found)
    table = next(grid for grid in of(Grid, found) if len(grid.heads) == 5 and grid.rows[0][0] == "3")
    assert [row[0] for row in table.rows] == ["3", "4"]
    assert table.rows[1][3:] == (say_in("zh", "sweep_page.unknown"),) * 2


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), min_size=2, max_size=12))
def test_pairs_are_undecided_where_ranges_overlap(spans: list[tuple[int, int]]) -> None:
    runs = [run(n, {"k": float(n)}, bound + more, bound) for n, (bound, more) in enumerate(spans, start=1)]
    told = _Told(sweep(runs, key("k")).content, "zh")
    pairs = combinations(runs, 2)
    expected = sum(not (a["bound"] >= b["value"] or b["bound"] >= a["value"]) for a, b in pairs)
    assert told.undecided_pairs == expected


def test_clauses_come_before_the_goal() -> None:
    cheap = run(1, {"k": 1.0}, 10, 10, missed=["circle"], short={"must.sum": 0.5})
    dear = run(2, {"k": 2.0}, 99, 99)
    told = _Told(sweep([cheap, dear], key("k")).content, "zh")
    assert told.best is not None
    assert told.best["run"] == 2
    assert say_in("zh", "sweep_page.keeping", count=1, done=2) in text(blocks(sweep([cheap, dear], key("k")), "zh"))
    both = [cheap, copy.deepcopy(cheap) | {"run": 2, "value": 12, "bound": 12}]
    assert say_in("zh", "sweep_page.none_keeps", names="circle") in text(blocks(sweep(both, key("k")), "zh"))


def test_two_keys_make_a_shaded_table_in_which_a_failure_says_so() -> None:
    runs = [
        run(1, {"a": 1, "b": "x"}, 3e6, 3e6), run(2, {"a": 1, "b": "y"}, 2e6, 2e6), failed(3, {"a": 2, "b": "x"}),
        run(4, {"a": 2, "b": "y"}, 2.5e6, 1.5e6), run(5, {"a": 3, "b": "x"}, 9e6, 8e6),
        run(6, {"a": 3, "b": "y"}, 7e6, 7e6),
    ]  # fmt: skip
    cost, coverage = of(Heat, blocks(sweep(runs, key("a"), key("b")), "zh"))
    assert (cost.across, cost.columns) == ("b", ("x", "y"))
    assert (cost.down, cost.rows) == ("a", ("1", "2", "3"))
    assert cost.values == ((300.0, 200.0), (None, 250.0), (900.0, 700.0))
    assert cost.texts == (("300", "200"), ("失败", "≈ 250"), ("900", "700"))
    assert cost.best == {(0, 1)}
    assert coverage.values[0] == (0.9, 0.9)
    assert not coverage.best


def test_random_keys_give_distributions_and_correlations_by_rank() -> None:
    runs = [run(n, {"k": 10.0 * n, "j": (n * 7) % 20 / 1.0}, n**3, None) for n in range(1, 21)]
    found = blocks(sweep(runs, key("k", "uniform"), key("j", "normal"), samples=20), "zh")
    bars = [chart for chart in of(Chart, found) if chart.shape == "bars"]
    by_name = dict(zip(bars[0].across.names, bars[0].series[0].y, strict=True))
    assert by_name["k"] == 1.0
    assert bars[0].across.names[0] == "k"
    assert -1 <= (by_name["j"] or 0.0) < 1
    assert bars[1].series[0].y.count(None) == 0 if len(bars) > 1 else True
    histograms = [chart for chart in of(Chart, found) if chart.shape == "histogram"]
    assert [sum(value or 0 for value in chart.series[0].y) for chart in histograms] == [20, 20]


def test_draws_of_a_combination_are_shown_as_a_range() -> None:
    runs = [run(10 * k + n, {"k": float(k)}, 1e6 * (k + n), None, seed=n) for k in (1, 2) for n in range(5)]
    cost = of(Chart, blocks(sweep(runs, key("k"), draws=5), "en"))[0]
    assert cost.series[0].y == (3.0, 4.0)
    assert cost.series[0].low == pytest.approx((1.2, 2.2))
    assert cost.series[0].high == pytest.approx((4.8, 5.8))


def test_more_keys_are_shown_one_at_a_time() -> None:
    runs = [run(n, {"a": n % 2, "b": n // 2 % 2, "c": n // 4}, 1e6 * (n + 1), None) for n in range(8)]
    found = of(Chart, blocks(sweep(runs, key("a"), key("b"), key("c")), "zh"))
    assert [chart.shape for chart in found] == ["box"] * 6
    assert found[0].across.names == ("0", "1")
    assert found[2].series[0].low == (100.0, 500.0)


def test_a_sweep_of_which_all_failed_says_so() -> None:
    found = blocks(sweep([failed(1, {"k": 1.0}), failed(2, {"k": 2.0})], key("k")), "zh")
    assert not of(Chart, found)
    (cards,) = of(Cards, found)
    assert cards.cards[0].note == say_in("zh", "sweep_page.count", done=0, failed=2)
    reasons = next(grid for grid in of(Grid, found) if grid.caption == say_in("zh", "sweep_page.failed_runs"))
    assert [row[2] for row in reasons.rows] == ["没有找到"] * 2


def test_runs_with_different_goals_are_not_ranked() -> None:
    runs = [run(1, {"k": 1.0}, 5, 5), run(2, {"k": 2.0}, 3, 3) | {"goal": "travel"}]
    found = blocks(sweep(runs, key("k")), "zh")
    assert say_in("zh", "sweep_page.goals_differ") in text(found)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_files_of_a_sweep_hold_its_runs(language: Any) -> None:
    runs = [run(1, {"k": 0.1}, 3e6, 2e6), failed(2, {"k": 0.2})]
    files = answer_files(sweep(runs, key("k")), language)
    assert set(files) == {"sweep.json", "sweep.html", "sweep.xlsx", "sweep-runs.csv", "sweep-keys.csv"}
    assert files["sweep-runs.csv"].decode("utf-8-sig").count("\r\n") == 3


def test_texts_of_a_sweep_stay_texts() -> None:
    hostile = "<script>window.PWN=1</script>{{7*7}}\x0b"
    runs = [run(n, {hostile: name}, 1e6 * n, None) for n, name in enumerate((hostile, "b", "c"), start=1)]
    html = answer_files(sweep(runs, key(hostile)), "zh")["sweep.html"].decode()
    assert html.count("<script>") == 1
    assert "&lt;script&gt;window.PWN" in html
