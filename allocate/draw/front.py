"""A figure of what each further share of the people costs, as SVG that any browser and word processor opens."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any
from xml.etree import ElementTree as ET

from allocate.draw.svg import ticks
from allocate.report.table import clean
from allocate.words import LANGUAGES, both, say_in

_WIDE, _HIGH = 760, 500  # the figure [pixels]
_LEFT, _RIGHT, _TOP, _BOTTOM = 90, 730, 70, 420  # the frame in it [pixels]
_INK, _GREY, _LINE, _PLAN = "#22303c", "#5a6670", "#0072b2", "#d55e00"
_LONGEST = 60  # characters of a title


def front_figure(content: Mapping[str, Any]) -> str:
    """Return the front of a plan as SVG: cost by share served, with the bound below every point, and the plan itself.

    Texts stand in Chinese and English. A filled circle is proven cheapest, a hollow one need not be; its line ends at
    the bound that no plan can fall below.
    """
    points = content["front"]
    own = _own(content)
    shares = [100 * share for share in (*(point["share"] for point in points), own[0])]
    money = [yuan / 1e6 for point in points for yuan in (point["cost"], point["bound"])] + [own[1] / 1e6]
    across, up = ticks(min(shares), max(shares)), ticks(min(money), max(money))

    def x(share: float) -> float:
        return _LEFT + (_RIGHT - _LEFT) * (100 * share - across[0]) / (across[-1] - across[0])

    def y(yuan: float) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * (yuan / 1e6 - up[0]) / (up[-1] - up[0])

    box = {"viewBox": f"0 0 {_WIDE} {_HIGH}", "width": str(_WIDE), "height": str(_HIGH)}
    figure = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", **box, "font-family": "sans-serif"})
    ET.SubElement(figure, "rect", {"width": str(_WIDE), "height": str(_HIGH), "fill": "#ffffff"})
    title = " · ".join(dict.fromkeys(clean(content["title"][spoken])[:_LONGEST] for spoken in LANGUAGES))
    _text(figure, title, (_WIDE / 2, 26), size=15, weight="bold")
    _text(figure, both("front.title"), (_WIDE / 2, 50), fill=_GREY)
    for share in across:
        at = x(share / 100)
        _line(figure, (at, _TOP), (at, _BOTTOM), "#e3e8ec")
        _text(figure, f"{share:g} %", (at, _BOTTOM + 18))
    for millions in up:
        at = y(millions * 1e6)
        _line(figure, (_LEFT, at), (_RIGHT, at), "#e3e8ec")
        _text(figure, f"{millions:,g}", (_LEFT - 8, at + 4), anchor="end")
    _text(figure, both("front.across"), ((_LEFT + _RIGHT) / 2, _BOTTOM + 42))
    middle = (_TOP + _BOTTOM) / 2
    _text(figure, both("front.up"), (22, middle), transform=f"rotate(-90 22 {middle:g})")
    for point in points:
        _line(figure, (x(point["share"]), y(point["bound"])), (x(point["share"]), y(point["cost"])), "#6d8296")
    path = " ".join(f"{x(point['share']):.1f},{y(point['cost']):.1f}" for point in points)
    ET.SubElement(figure, "polyline", {"points": path, "fill": "none", "stroke": _LINE, "stroke-width": "1.5"})
    for point in points:
        place = {"cx": f"{x(point['share']):.1f}", "cy": f"{y(point['cost']):.1f}", "r": "5"}
        dot = ET.SubElement(figure, "circle", place | {"stroke": _LINE, "stroke-width": "2"})
        dot.set("fill", _LINE if point["proven"] else "#ffffff")
        ET.SubElement(dot, "title").text = _told(point)
    at, height = x(own[0]), y(own[1])
    diamond = f"M{at:.1f} {height - 7:.1f}l7 7l-7 7l-7 -7z"
    ET.SubElement(figure, "path", {"d": diamond, "fill": _PLAN, "stroke": "#ffffff"})
    beside = (at - 12, "end") if at > middle + _LEFT else (at + 12, "start")
    _text(figure, both("front.own"), (beside[0], height + 4), anchor=beside[1], fill=_PLAN)
    for line, spoken in enumerate(LANGUAGES):
        text = say_in(spoken, "front.note")
        _text(figure, text, (_LEFT, _BOTTOM + 62 + 14 * line), anchor="start", size=10, fill=_GREY)
    ET.indent(figure)
    return ET.tostring(figure, encoding="unicode") + "\n"


def _own(content: Mapping[str, Any]) -> tuple[float, int]:
    """Return the share that the plan itself serves on average, and its cost without today's staff [yuan]."""
    ledger = {row["year"]: row for row in content["ledger"] if row["scope"] == "district"}
    spans = {row["year"]: row["calendar_years"] for row in content["budget"]}
    everybody, served = (sum(ledger[year][key] * span for year, span in spans.items()) for key in ("people", "served"))
    money = (row["total"] - row.get("standing_pay", 0) * row["calendar_years"] for row in content["budget"])
    return (served / everybody if everybody else 0.0), sum(money)


def _told(point: Mapping[str, Any]) -> str:
    lines = (
        say_in(
            spoken,
            "front.point",
            share=f"{100 * point['share']:.2f}",
            cost=point["cost"],
            bound=ceil(point["bound"]),
            sites=point["sites"],
        )
        for spoken in LANGUAGES
    )
    return "\n".join(lines)


def _line(figure: ET.Element, start: Sequence[float], end: Sequence[float], colour: str) -> None:
    ends = {"x1": start[0], "y1": start[1], "x2": end[0], "y2": end[1]}
    ET.SubElement(figure, "line", {key: f"{at:.1f}" for key, at in ends.items()} | {"stroke": colour})


def _text(
    figure: ET.Element, text: str, at: Sequence[float], *, anchor: str = "middle", size: int = 12, fill: str = _INK,
    weight: str = "normal", transform: str = "",
) -> None:  # fmt: skip
    looks = {"x": f"{at[0]:.1f}", "y": f"{at[1]:.1f}", "text-anchor": anchor, "font-size": str(size), "fill": fill}
    looks |= {"font-weight": weight} if weight != "normal" else {}
    ET.SubElement(figure, "text", looks | ({"transform": transform} if transform else {})).text = text
