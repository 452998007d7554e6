"""Charts of answers: every number that goes in can be read back, and no text of a person's gets out of its place."""

import copy
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from allocate.draw.charts import chart_picture, chart_table, written
from allocate.draw.svg import ticks
from allocate.report.blocks import Axis, Card, Cards, Chart, Mark, Series, Shape
from allocate.report.cells_said import number_said, share_said
from allocate.report.page_parts import bins_of, rank_correlation
from allocate.words import say_in

SHAPES: tuple[Shape, ...] = ("line", "steps", "bars", "stacked", "scatter")
HOSTILE = "</text><script>window.PWN=1</script>{{7*7}}\x0b\u202e=1+1"


def chart(shape: Shape, *series: Series, **more: Any) -> Chart:
    return Chart("费用", shape, Axis("年", "number"), Axis("万元"), series, **more)


def values(svg: ET.Element) -> list[dict[str, str]]:
    """Return what the signs of a chart bear, in their order."""
    found = (element for element in svg.iter() if element.get("data-y") is not None)
    kept = ("data-x", "data-y", "data-low", "data-high", "data-box-low", "data-box-high", "data-end")
    return [{name: element.attrib[name] for name in kept if name in element.attrib} for element in found]


def signs(svg: ET.Element, of: str) -> list[ET.Element]:
    return [element for element in svg.iter(of) if element.get("data-y") is not None]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_known_value_stands_in_the_drawing_and_no_other(shape: Shape) -> None:
    one = Series("甲", (1.0, 2.0, 3.5), (10.0, None, 1 / 3), (9.0, None, None), (None, None, 0.5))
    svg = chart_picture(chart(shape, one, Series("乙", (1.0,), (-4.0,))), "zh", "a")
    assert values(svg) == [
        {"data-x": "1.0", "data-y": "10.0", "data-low": "9.0"},
        {"data-x": "3.5", "data-y": repr(1 / 3), "data-high": "0.5"},
        {"data-x": "1.0", "data-y": "-4.0"},
    ]
    assert say_in("zh", "chart.missing", count=1) in "".join(svg.itertext())


def test_points_stand_where_their_values_are() -> None:
    svg = chart_picture(chart("scatter", Series("", (0.0, 5.0, 10.0), (0.0, 50.0, 100.0))), "zh", "a")
    spots = [(float(sign.attrib["cx"]), float(sign.attrib["cy"])) for sign in signs(svg, "circle")]
    (left, low), middle, (right, high) = spots
    assert left < right
    assert high < low  # (SVG counts downwards.)
    assert middle == pytest.approx(((left + right) / 2, (low + high) / 2), abs=0.1)


def test_on_a_log_scale_equal_ratios_are_equal_steps_and_what_has_none_is_drawn_evenly() -> None:
    axis = Axis("元", is_log=True)
    ratios = Chart("", "scatter", axis, Axis("人"), (Series("", (1.0, 10.0, 100.0), (1.0, 2.0, 3.0)),))
    svg = chart_picture(ratios, "zh", "a")
    at = [float(sign.attrib["cx"]) for sign in signs(svg, "circle")]
    assert at[1] - at[0] == pytest.approx(at[2] - at[1], abs=0.2)
    assert say_in("zh", "chart.log") in "".join(svg.itertext())
    even = Chart("", "scatter", axis, Axis("人"), (Series("", (0.0, 10.0, 20.0), (1.0, 2.0, 3.0)),))
    svg = chart_picture(even, "zh", "a")
    at = [float(sign.attrib["cx"]) for sign in signs(svg, "circle")]
    assert at[1] - at[0] == pytest.approx(at[2] - at[1], abs=0.2)
    assert say_in("zh", "chart.log") not in "".join(svg.itertext())


def test_bars_that_stand_on_one_another_reach_as_far_as_their_sum() -> None:
    names = Axis("方案", names=("甲", "乙"))
    parts = (Series("a", (0.0,), (3.0,)), Series("b", (0.0,), (4.0,)), Series("c", (1.0,), (7.0,)))
    drawn = signs(chart_picture(Chart("", "stacked", names, Axis("元"), parts), "zh", "a"), "rect")
    assert float(drawn[2].attrib["height"]) == pytest.approx(
        float(drawn[0].attrib["height"]) + float(drawn[1].attrib["height"]), abs=0.2
    )
    assert float(drawn[1].attrib["y"]) == pytest.approx(float(drawn[2].attrib["y"]), abs=0.2)


def test_bars_with_many_names_lie_and_the_first_is_on_top() -> None:
    towns = tuple(f"第{at}街道办事处" for at in range(24))
    series = Series("", tuple(map(float, range(24))), tuple(float(at) for at in range(24)))
    svg = chart_picture(Chart("", "bars", Axis("街镇", names=towns), Axis("人"), (series,)), "zh", "a")
    bars = signs(svg, "rect")
    assert [float(bar.attrib["y"]) for bar in bars] == sorted(float(bar.attrib["y"]) for bar in bars)
    assert float(bars[10].attrib["width"]) == pytest.approx(10 * float(bars[1].attrib["width"]), rel=0.02)
    assert all(any(town in (text.text or "") for text in svg.iter("text")) for town in towns)


def test_a_box_says_its_five_numbers() -> None:
    series = Series("", (0.0,), (0.8,), (0.6,), (0.95,), (0.7,), (0.9,))
    boxes = Chart("", "box", Axis("街镇", names=("甲",)), Axis("占比", "share"), (series,), ranges="5%—95%")
    svg = chart_picture(boxes, "zh", "a")
    assert values(svg) == [
        {
            "data-x": "0.0", "data-y": "0.8", "data-low": "0.6", "data-high": "0.95", "data-box-low": "0.7",
            "data-box-high": "0.9",
        }
    ]  # fmt: skip
    told = next(sign.find("title") for sign in signs(svg, "rect"))
    assert told is not None
    assert told.text is not None
    assert "5%—95%: 60% – 95%" in told.text
    assert chart_table(boxes, "zh").rows == (("", "甲", "80%", "60%", "95%", "70%", "90%"),)


def test_a_mark_stands_at_its_values_and_says_its_label() -> None:
    shown = (Mark("拐点", 5.0, 5.0), Mark("目标", y=8.0))
    svg = chart_picture(chart("line", Series("", (0.0, 10.0), (0.0, 10.0)), marks=shown), "zh", "a")
    marks = [element for element in svg.iter() if element.get("class") == "mark"]
    assert [(mark.get("data-x"), mark.get("data-y")) for mark in marks] == [("5.0", "5.0"), (None, "8.0")]
    assert marks[1].attrib["y1"] == marks[1].attrib["y2"]
    texts = [text.text for text in svg.iter("text")]
    assert "拐点" in texts
    assert "目标" in texts
    assert chart_table(chart("line", marks=(Mark("目标", y=8.0),)), "zh").rows == (("目标", "", "8"),)


@pytest.mark.parametrize("share", [0.9999999, 0.99996, 0.99994])
def test_a_share_that_is_not_all_never_reads_100(share: float) -> None:
    axis = Axis("占比", "share")
    assert written(axis, share) == "99.99%"
    assert written(axis, 1.0) == "100%"
    assert written(axis, 1e-9) == "0.01%"
    assert written(axis, -share) == "-99.99%"
    table = chart_table(Chart("", "line", Axis("年", "year"), axis, (Series("", (2027.0,), (share,)),)), "zh")
    assert table.rows == (("", "2027", "99.99%"),)


def test_no_axis_of_shares_goes_beyond_the_whole() -> None:
    svg = chart_picture(
        Chart("", "line", Axis("年", "year"), Axis("占比", "share"), (Series("", (2025.0, 2030.0), (0.87, 0.9999)),)),
        "zh", "a",
    )  # fmt: skip
    shares = [text.text for text in svg.iter("text") if (text.text or "").endswith("%")]
    assert "100%" in shares
    assert all(float(share.rstrip("%")) <= 100 for share in shares if share)


def test_what_is_unknown_says_so_in_the_table_and_leaves_a_gap_in_the_line() -> None:
    line = chart("line", Series("甲", (1.0, 2.0, 3.0, 4.0), (1.0, 2.0, None, 4.0)))
    assert [row[2] for row in chart_table(line, "zh").rows] == ["1", "2", say_in("zh", "chart.unknown"), "4"]
    runs = [line.attrib["points"].split(" ") for line in chart_picture(line, "zh", "a").iter("polyline")]
    assert [len(run) for run in runs] == [2, 1]


def test_texts_of_people_stay_texts() -> None:
    series = Series(HOSTILE, (0.0, 1.0), (1.0, 2.0), labels=(HOSTILE, "b"))
    named = Chart(
        HOSTILE, "bars", Axis(HOSTILE, names=(HOSTILE, "b" * 40_000)), Axis(HOSTILE), (series, Series("b", (), ())),
        (Mark(HOSTILE, y=1.5),), HOSTILE, HOSTILE,
    )  # fmt: skip
    text = ET.tostring(chart_picture(named, "zh", "a"), encoding="unicode", method="html")
    assert "<script" not in text
    again = ET.fromstring(ET.tostring(chart_picture(named, "zh", "a"), encoding="unicode"))
    assert again.tag.endswith("svg")
    assert "window.PWN=1" in "".join(again.itertext())
    assert len(text) < 60_000


def test_a_chart_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ValueError, match="9"):
        chart("line", *(Series(f"{at}", (1.0,), (1.0,)) for at in range(9)))
    with pytest.raises(ValueError, match="甲"):
        chart("line", Series("甲", (1.0, 2.0), (1.0,)))
    with pytest.raises(ValueError, match="甲"):
        chart("line", Series("甲", (1.0,), (float("nan"),)))
    with pytest.raises(ValueError, match="甲"):
        chart("histogram", Series("甲", (1.0,), (1.0,)))
    with pytest.raises(ValueError, match="7"):
        Cards(tuple(Card("a", "1") for _ in range(7)))


def test_a_chart_is_the_same_whenever_it_is_drawn_and_shares_no_id_with_another() -> None:
    one = chart("stacked", *(Series(f"{at}", (1.0,), (1.0,)) for at in range(3)))
    drawn = [ET.tostring(chart_picture(copy.deepcopy(one), "zh", mark)) for mark in ("a", "a", "b")]
    assert drawn[0] == drawn[1]
    ids = [{element.attrib["id"] for element in ET.fromstring(text).iter() if "id" in element.attrib} for text in drawn]
    assert ids[0]
    assert not ids[0] & ids[2]


def test_no_two_of_eight_series_look_alike_without_colour() -> None:
    eight = [Series(f"{at}", (1.0, 2.0), (float(at), float(at))) for at in range(8)]
    lines = list(chart_picture(chart("line", *eight), "zh", "a").iter("polyline"))
    assert len({line.get("stroke-dasharray") for line in lines}) == 8


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), st.integers(1, 15))
@example([1e-05, -20000.0], 1)
def test_every_value_lies_in_one_bin(numbers: list[float], most: int) -> None:
    series = bins_of("", numbers, most)
    assert sum(value or 0 for value in series.y) == len(numbers)
    assert len(series.x) == len(series.y) + 1
    assert len(series.y) <= most + 2
    assert series.x[0] <= min(numbers) + 1e-6
    assert series.x[-1] >= max(numbers) - 1e-6
    assert list(series.x) == sorted(series.x)


@given(st.floats(-1e9, 1e9), st.floats(0, 1e9))
def test_round_numbers_hold_the_range_between_them(low: float, room: float) -> None:
    found = ticks(low, low + room)
    slack = 1e-6 * max(1.0, abs(low), abs(low + room))
    assert found[0] <= low + slack
    assert found[-1] >= low + room - slack
    assert 2 <= len(found) <= 8


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((1, 2, 3, 4), (10, 20, 30, 40), 1.0),
        ((1, 2, 3, 4), (9, 7, 5, 1), -1.0),
        # 1 − 6·(0+0+1+1)/(4·15) = 0.8, by hand.
        ((1, 2, 3, 4), (1, 2, 4, 3), 0.8),
        ((1, 1, 1), (1, 2, 3), None),
    ],
)
def test_correlation_by_ranks_is_what_it_is_by_hand(
    one: Sequence[float], other: Sequence[float], expected: float | None
) -> None:
    assert rank_correlation(one, other) == (None if expected is None else pytest.approx(expected))


def test_numbers_are_written_without_powers_of_ten_and_shares_with_their_sign() -> None:
    assert number_said(12_345_678.9) == "12,345,679"
    assert number_said(-1234.5678) == "-1,234.57"
    assert number_said(1e-9) == "0.000000001"
    assert share_said(-1.0) == "-100%"
    assert share_said(1.25) == "125%"
