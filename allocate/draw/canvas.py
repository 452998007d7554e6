"""A picture that is drawn larger and then made smaller, so that its edges are smooth."""

import io
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

Point = tuple[float, float]
# How much larger; more than so many points across are drawn no larger than they must be.
_TIMES, _WIDE = 3, 2400
CENTIMETRES_PER_INCH = 2.54


def times_of(width: int) -> int:
    """Return how many times larger a picture of a width [px] is drawn."""
    return _TIMES if width <= _WIDE else _TIMES - 1


class Canvas:
    """Shapes and symbols; positions and lengths are those of the finished picture [px]."""

    def __init__(self, width: int, height: int, times: int, ground: str = "#ffffff") -> None:
        from PIL import Image, ImageDraw

        self.size = width, height
        self._times = times
        self._image = Image.new("RGB", (width * self._times, height * self._times), ground)
        self._draw = ImageDraw.Draw(self._image)

    def _at(self, points: Iterable[Point]) -> list[Point]:
        return [(x * self._times, y * self._times) for x, y in points]

    def _wide(self, width: float) -> int:
        return max(1, round(width * self._times))

    def polygon(self, points: Sequence[Point], fill: str | None, line: str | None = None, width: float = 0) -> None:
        """Draw an area, and a line round it."""
        corners = self._at(points)
        if fill and len(corners) > 2:
            self._draw.polygon(corners, fill=fill)
        if line and len(corners) > 1:
            self._draw.line([*corners, *corners[:2]], fill=line, width=self._wide(width), joint="curve")

    def line(self, points: Sequence[Point], colour: str, width: float) -> None:
        """Draw a line through some points."""
        self._draw.line(self._at(points), fill=colour, width=self._wide(width), joint="curve")

    def disc(self, at: Point, r: float, fill: str | None, line: str | None = None, width: float = 0) -> None:
        """Draw a disc, and a line round it."""
        x, y = self._at([at])[0]
        r *= self._times
        self._draw.ellipse(
            (x - r, y - r, x + r, y + r), fill=fill, outline=line, width=self._wide(width) if line else 0
        )

    def paste(self, other: "Canvas", at: tuple[int, int]) -> None:
        """Put another picture into this one, from its upper left corner; it must be drawn as much larger."""
        self._image.paste(other._image, (at[0] * self._times, at[1] * self._times))

    def finished(self) -> "Image":
        """Return the picture in its own size."""
        return self._image.reduce(self._times)


def png(image: "Image", dots_per_inch: float) -> bytes:
    """Return a picture as PNG, with its size on paper and nothing that changes from run to run."""
    file = io.BytesIO()
    image.save(file, "PNG", dpi=(dots_per_inch, dots_per_inch), compress_level=6)
    return file.getvalue()


def place_symbol(canvas: Canvas, at: Point, r: float, shape: str, colour: str, *, hollow: bool) -> None:
    """Draw a place: its shape says the status as well as its colour."""
    x, y = at
    fill = tint(colour) if hollow else colour
    line, width = (colour, max(1.6, 0.24 * r)) if hollow else ("#ffffff", max(0.6, 0.1 * r))
    if shape == "triangle":
        corners = [(x - 1.15 * r, y - 0.8 * r), (x + 1.15 * r, y - 0.8 * r), (x, y + 1.2 * r)]
        canvas.polygon(corners, fill, line, width)
    elif shape == "diamond":
        corners = [(x, y - 1.3 * r), (x + 1.3 * r, y), (x, y + 1.3 * r), (x - 1.3 * r, y)]
        canvas.polygon(corners, fill, line, width)
    else:
        canvas.disc(at, r, fill, line, width)
        across = colour if hollow else "#ffffff"
        if shape in ("barred", "plus"):
            canvas.line([(x - r, y), (x + r, y)], across, max(1.2, 0.24 * r))
        if shape == "plus":
            canvas.line([(x, y - r), (x, y + r)], across, max(1.2, 0.24 * r))


# By state: the colour, and the sign inside that says it without colour.
_STATE_LOOKS = {
    "opened": ("#0072b2", "plus"), "moved": ("#f0e442", "dot"), "upgraded": ("#f0e442", "up"),
    "closed": ("#cc79a7", "cross"), "kept": ("#1d2329", ""), "other": ("#8a939b", ""),
}  # fmt: skip
INK = "#1d2329"
_SQUARE = ("hospital", "hospital_site", "township_hospital", "community_centre")


def site_symbol(canvas: Canvas, at: Point, r: float, kind: str, state: str, *, hollow: bool) -> None:
    """Draw a site: the shape says its kind, colour and sign what becomes of it."""
    x, y = at
    colour, sign = _STATE_LOOKS[state]
    if kind in _SQUARE:
        corners = [(x - r, y - r), (x + r, y - r), (x + r, y + r), (x - r, y + r)]
    elif kind == "ems_station":
        corners = [(x + r * math.cos(a), y + r * math.sin(a)) for a in (math.pi * n / 3 for n in range(6))]
    else:
        corners = [(x, y - 1.15 * r), (x + r, y - 0.15 * r), (x + r, y + 0.9 * r), (x - r, y + 0.9 * r)]
        corners.append((x - r, y - 0.15 * r))
        if kind == "station":
            # (On a broad base, to be told from a clinic.)
            canvas.line([(x - 1.6 * r, y + 0.95 * r), (x + 1.6 * r, y + 0.95 * r)], "#ffffff", 0.7 * r)
    # Yellow alone is too weak a line on a light ground.
    line = INK if colour == "#f0e442" else colour
    fill = "#ffffff" if state == "closed" else (tint(colour) if hollow else colour)
    canvas.polygon(corners, "#ffffff", "#ffffff", 0.55 * r)
    canvas.polygon(corners, fill, line, max(1.4, 0.2 * r))
    if kind == "station":
        canvas.line([(x - 1.45 * r, y + 0.95 * r), (x + 1.45 * r, y + 0.95 * r)], line, 0.32 * r)
    light = hollow or state in ("closed", "moved", "upgraded")
    inside = line if light else "#ffffff"
    bar = max(1.5, 0.24 * r)
    if kind.startswith("hospital"):
        canvas.line([(x - 0.6 * r, y), (x + 0.6 * r, y)], inside, 1.2 * bar)
        canvas.line([(x, y - 0.6 * r), (x, y + 0.6 * r)], inside, 1.2 * bar)
    elif sign == "plus":
        low = y + (0.2 * r if kind not in _SQUARE else 0)
        canvas.line([(x - 0.5 * r, low), (x + 0.5 * r, low)], inside, bar)
        canvas.line([(x, low - 0.5 * r), (x, low + 0.5 * r)], inside, bar)
    if sign == "dot":
        canvas.disc((x, y + 0.1 * r), 0.32 * r, INK)
    elif sign == "up":
        canvas.polygon([(x - 0.5 * r, y + 0.5 * r), (x + 0.5 * r, y + 0.5 * r), (x, y - 0.4 * r)], INK)
    elif sign == "cross":
        canvas.line([(x - 1.3 * r, y - 1.3 * r), (x + 1.3 * r, y + 1.3 * r)], INK, bar)
        canvas.line([(x + 1.3 * r, y - 1.3 * r), (x - 1.3 * r, y + 1.3 * r)], INK, bar)


def tint(colour: str, share: float = 0.16) -> str:
    """Return a colour on white paper, so thin that a share of it is left.

    >>> tint("#000000", 0.2)
    '#cccccc'
    """
    parts = (int(colour[n : n + 2], 16) for n in (1, 3, 5))
    return "#" + "".join(f"{round(255 - share * (255 - part)):02x}" for part in parts)
