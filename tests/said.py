"""Reads figures and sentences as documents say them, and holds them against exact ones: rounded, and never too well."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from allocate.words import Language, catalogue, say_in

# What a unit after a figure is worth; the longest first.
_UNITS: Mapping[str, Fraction] = {
    "亿元": Fraction(10**8), "万元": Fraction(10**4), "万人": Fraction(10**4), "million yuan": Fraction(10**6),
    "%": Fraction(1, 100),
}  # fmt: skip
_FIGURE = re.compile(r"(?P<number>[-−]?[\d,]+(?:\.\d+)?)\s*(?P<unit>" + "|".join(_UNITS) + ")?")


@dataclass(frozen=True)
class Said:
    """A figure as it is written: its text, what one is worth where its table has a unit, whether it is rounded up."""

    text: str
    unit: Fraction = Fraction(1)
    is_gap: bool = False

    def is_right(self, exact: Any, language: Language) -> bool:
        """Tell whether the text says an exact figure: as it is, or rounded as figures of its unit may be."""
        if exact is None:
            return self.text.startswith(say_in(language, "card.unknown"))
        right = Fraction(str(exact)) if isinstance(exact, float) else Fraction(exact)
        found = _FIGURE.search(self.text)
        if found is None:
            return self.text == "" and right == 0
        digits = found["number"].replace(",", "").replace("−", "-")
        unit = _UNITS.get(found["unit"] or "", self.unit)
        value, places = Fraction(digits) * unit, len(digits.partition(".")[2])
        if unit == 1 and not places:
            return value == right
        step = unit / 10**places
        if found["unit"] == "%":
            # What is not all is never shown as all, and what is not nothing never as nothing.
            if (value == 1) != (right == 1) or (value == 0) != (right == 0):
                return False
            if right < 1 < right + step or 0 < right < step:
                return abs(value - right) < step
        if self.is_gap:
            return value - step < right <= value
        return abs(value - right) <= step / 2


def differing(
    said: Mapping[tuple[Any, ...], Said], right: Mapping[tuple[Any, ...], Any], language: Language
) -> dict[tuple[Any, ...], tuple[Any, str | None]]:
    """Return the figures that are not as they should be, or are missing: the exact one and what is said."""
    wrong: dict[tuple[Any, ...], tuple[Any, str | None]] = {}
    for about in said.keys() | right.keys():
        told, exact = said.get(about), right.get(about, 0)
        # (What is nought need not be said.)
        if not (exact == 0 if told is None else told.is_right(exact, language)):
            wrong[about] = exact, told and told.text
    return wrong


def sentence(key: str, language: Language, **known: str) -> re.Pattern[str]:
    """Return a text of the catalogue as a pattern: what is filled in has its name, unless it is given."""
    # (What a line of the summary is labelled with is left out of sentences.)
    text = catalogue()[key][language]
    text = re.split(r"\u3000|\s{2,}", text, maxsplit=1)[-1] if key.startswith("summary.") else text
    pattern, seen = "", set[str]()
    for part in re.split(r"(\{[^}]*\})", text):
        name = part[1:-1].partition(":")[0] if part.startswith("{") else None
        if name is None:
            # (Documents leave out blanks between Chinese letters and figures.)
            pattern += "".join(r"\s*" if sign == " " else re.escape(sign) for sign in part)
        elif name in known:
            pattern += known[name]
        else:
            pattern += ".+?" if name in seen else f"(?P<{name}>.+?)"
            seen.add(name)
    # (A sentence begins with a capital letter, and what the last name stands for ends somewhere.)
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)


def told(texts: Iterable[str], key: str, language: Language, **known: str) -> Iterator[dict[str, str]]:
    """Yield what fills in a text of the catalogue, of every text that consists of it."""
    pattern = sentence(key, language, **known)
    stop = say_in(language, "paper.stop").strip()
    for text in texts:
        found = pattern.fullmatch(text) or pattern.fullmatch(text.rstrip(stop))
        if found:
            yield found.groupdict()


def parts(text: str, language: Language, mark: str = "summary.comma") -> list[str]:
    """Return the parts of a list in a sentence."""
    return [part for part in text.split(say_in(language, mark).strip()) if part]
