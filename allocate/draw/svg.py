"""What figures and small maps are drawn with: elements of SVG, round numbers on an axis, outlines, a scale."""

from collections.abc import Callable
from math import ceil, floor, log10
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import shapely

INK, GREY, LIGHT = "#1d2329", "#5a6670", "#e3e8ec"
_STEPS = (100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)  # of a scale [m]

Pair = tuple[float, float]


def px(number: float) -> str:
    """Return a number of pixels as SVG has it.

    >>> px(2.0), px(1 / 3)
    ('2', '0.3')
    """
    return f"{number:.1f}".removesuffix(".0")


def element(above: ET.Element | None, tag: str, **attributes: object) -> ET.Element:
    """Return a new element with its attributes, below another where one is given.

    A `_` in a name stands for a hyphen, and one at its end for nothing.
    """
    told = {name.rstrip("_").replace("_", "-"): str(value) for name, value in attributes.items()}
    return ET.Element(tag, told) if above is None else ET.SubElement(above, tag, told)


def line(svg: ET.Element, one: Pair, other: Pair, **look: object) -> ET.Element:
    """Draw a straight line."""
    return element(svg, "line", x1=px(one[0]), y1=px(one[1]), x2=px(other[0]), y2=px(other[1]), **look)


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return round numbers around a range, about so many.

    >>> ticks(61.2, 98.7)
    [60.0, 70.0, 80.0, 90.0, 100.0]
    """
    room = max(high - low, 1e-6 * max(abs(high), 1.0))
    rough = room / about
    step = 10.0 ** floor(log10(rough))
    step *= next(times for times in (1, 2, 5, 10) if times * step >= rough)
    first, last = floor(low / step), ceil(high / step)
    return [round(n * step, 9) for n in range(first, max(last, first + 1) + 1)]


def breadth(text: str, letter: float) -> float:
    """Return about how broad a text is in letters of a height [pixels]."""
    return sum(letter if ord(sign) > 0x2E7F else 0.58 * letter for sign in text)


def short(text: str, most: int) -> str:
    """Return the beginning of a text that is longer than so many characters.

    >>> short("abcdef", 4)
    'abc…'
    """
    return text if len(text) <= most else text[: most - 1] + "…"


def outline(shape: Any, at: Callable[[Any], Pair]) -> str:
    """Return the rings of a shape as a path."""
    parts = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon" and not part.is_empty]
    rings = [ring for part in parts for ring in (part.exterior, *part.interiors)]
    drawn = []
    for ring in rings:
        spots = [at(np.array(spot)) for spot in ring.coords[:-1]]
        drawn.append("M" + "L".join(f"{px(x)} {px(y)}" for x, y in spots) + "Z")
    return "".join(drawn)


def scale_bar(svg: ET.Element, scale: float, corner: Pair, room: float) -> None:
    """Draw a scale of a round length, no longer than there is room [pixels per metre; pixels]."""
    metres = max((step for step in _STEPS if step * scale <= room), default=_STEPS[0])
    left, base = corner
    for start, end in (
        ((left, base), (left + metres * scale, base)),
        *(((x, base - 4), (x, base)) for x in (left, left + metres * scale)),
    ):
        line(svg, start, end, stroke=INK, stroke_width="1.6")
    told = f"{metres / 1000:g} km" if metres >= 1000 else f"{metres} m"
    look = {"font_size": "10", "paint_order": "stroke", "stroke": "#fff", "stroke_width": "3"}
    element(svg, "text", x=px(left + metres * scale + 5), y=px(base), fill=INK, **look).text = told
