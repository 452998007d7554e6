"""Sets lines of text into a picture: letters that one font lacks come from the next, and what is too long is cut."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

from allocate.draw.fonts import Font, Kind, fonts
from allocate.report.table import clean

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

# No line of a picture holds more letters; of a longer text only so many are looked at.
_MOST = 400
_MISSING = "□"
_CUT = "…"
# Format characters turn the direction of writing or join letters: a picture shows the letters in their order instead.
_UNSEEN = ("Cf", "Cs", "Co", "Cn")
_NO_LINE_BEGINS_WITH = "，。、；：！？）》”’%,.;:!?)…"


@cache
def _opened(font: Font, pixels: int) -> "FreeTypeFont":
    from PIL import ImageFont

    # (The plain layout is there with every Pillow, and sets letters in the order of the text.)
    return ImageFont.truetype(str(font.path), pixels, index=font.face, layout_engine=ImageFont.Layout.BASIC)


@cache
def _font_of(letter: str, chain: tuple[Font, ...]) -> Font | None:
    return next((font for font in chain if font.has(letter)), None)


def plain(text: str) -> str:
    r"""Return a text as one line of letters that can be drawn, not longer than any line of a picture could be.

    >>> plain("王\u202e庄\n村")
    '王庄 村'
    """
    kept = clean(" ".join(str(text[: 10 * _MOST]).split()))
    kept = "".join(letter for letter in kept if unicodedata.category(letter) not in _UNSEEN)
    return kept[:_MOST] + _CUT if len(kept) > _MOST else kept


@dataclass(frozen=True)
class Lettering:
    """One size of text.

    Attributes
    ----------
    pixels
        Height of the letters [px].
    colour
        Of the letters.
    bold
        By how much strokes are made stronger [px].
    kind
        Which kind of font.
    """

    pixels: int
    colour: str = "#1d2329"
    bold: float = 0
    kind: Kind = "sans"

    @cached_property
    def _chain(self) -> tuple[Font, ...]:
        return fonts(self.kind)

    def _parts(self, text: str) -> Iterator[tuple["FreeTypeFont", str]]:
        """Yield the parts of a text with the font of each."""
        held: Font | None = None
        run = ""
        for letter in text:
            font = _font_of(letter, self._chain)
            shown = letter
            if font is None:
                font, shown = _font_of(_MISSING, self._chain), _MISSING
            if font is None:  # no font at all: nothing can be written
                continue
            if font != held and run and held is not None:
                yield _opened(held, self.pixels), run
                run = ""
            held, run = font, run + shown
        if run and held is not None:
            yield _opened(held, self.pixels), run

    def width(self, text: str) -> float:
        """Return how wide a line is [px]."""
        return sum(font.getlength(run) for font, run in self._parts(text))

    def cut(self, text: str, room: float) -> str:
        """Return a line that fits into a room [px], cut with an ellipsis where it must be."""
        text = plain(text)
        if self.width(text) <= room:
            return text
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.width(text[:middle] + _CUT) <= room else (low, middle - 1)
        return text[:low].rstrip() + _CUT

    def lines(self, text: str, room: float, most: int = 3) -> list[str]:
        """Return a text as lines that fit into a room [px]: not more than some, the last one cut."""
        rest = plain(text)
        found: list[str] = []
        while rest and len(found) < most - 1 and self.width(rest) > room:
            at = self._break(rest, room)
            found.append(rest[:at].rstrip())
            rest = rest[at:].lstrip()
        return [*found, self.cut(rest, room)] if rest else found

    def _break(self, text: str, room: float) -> int:
        """Return after how many letters a line ends: at a blank, or beside a Chinese letter."""
        at = 1
        wide = 0.0
        for n, letter in enumerate(text):
            wide += self.width(letter)
            if wide > room:
                break
            at = n + 1
        for end in range(at, 0, -1):
            if _may_break(text, end):
                return end
        return max(1, at)

    def write(
        self, pen: "ImageDraw", at: tuple[float, float], text: str, *, anchor: str = "l", halo: float = 0
    ) -> None:
        """Write a line with its foot at a position [px]: from there (`l`), around it (`m`), or up to it (`r`)."""
        x, y = at
        if anchor != "l":
            x -= self.width(text) / (2 if anchor == "m" else 1)
        start = x
        if halo:
            for font, run in self._parts(text):
                pen.text((x, y), run, font=font, fill="#ffffff", anchor="ls", stroke_width=halo, stroke_fill="#ffffff")
                x += font.getlength(run)
        x = start
        for font, run in self._parts(text):
            pen.text(
                (x, y), run, font=font, fill=self.colour, anchor="ls", stroke_width=self.bold, stroke_fill=self.colour
            )
            x += font.getlength(run)


def _may_break(text: str, end: int) -> bool:
    if end >= len(text):
        return True
    before, after = text[end - 1], text[end]
    if after in _NO_LINE_BEGINS_WITH or before in "（《“(":
        return False
    wide = any(unicodedata.east_asian_width(letter) in "WF" for letter in (before, after))
    return wide or before == " " or after == " " or before in "-/"
