"""The one catalogue of user-facing text: Chinese and English, by key."""

import os
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Literal, cast

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")

_chosen: list[Language] = []
# Unicode's categories of what a terminal obeys or hides: control and format characters, halves, ends of lines.
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


@cache
def catalogue() -> Mapping[str, Mapping[Language, str]]:
    """Return every text by its dotted key, in each language."""
    with (Path(__file__).parent / "words.toml").open("rb") as file:
        sections = tomllib.load(file)
    return {
        f"{section}.{key}": cast("Mapping[Language, str]", texts)
        for section, entries in sections.items()
        for key, texts in entries.items()
    }


def language() -> Language:
    """Return the language of the session: the one chosen, else ALLOCATE_LANGUAGE, else Chinese."""
    if _chosen:
        return _chosen[-1]
    return "en" if os.environ.get("ALLOCATE_LANGUAGE", "zh").lower().startswith("en") else "zh"


@contextmanager
def speaking(chosen: Language) -> Iterator[None]:
    """Use one language for a while."""
    _chosen.append(chosen)
    try:
        yield
    finally:
        _chosen.pop()


def say(key: str, /, **values: object) -> str:
    """Return the text of a key in the language of the session, filled in."""
    return say_in(language(), key, **values)


def say_in(chosen: Language, key: str, /, **values: object) -> str:
    """Return the text of a key in a named language, filled in."""
    return catalogue()[key][chosen].format(**values)


def term(code: str, chosen: Language | None = None) -> str:
    """Return what a resource or a function is called; a name of a planner's own stands as it is.

    >>> term("nurses", "en"), term("night_nurses", "en")
    ('nurses', 'night_nurses')
    """
    key = f"term.{code}"
    return say_in(chosen or language(), key) if key in catalogue() else code


def unit_of_column(unit: str, chosen: Language | None = None) -> str:
    """Return the unit of a table's column, after a blank; nothing where there is none.

    >>> unit_of_column("persons", "zh"), unit_of_column("°", "en"), unit_of_column("", "en")
    (' 人', ' °', '')
    """
    key = f"columns.unit_{unit}"
    said = say_in(chosen or language(), key) if key in catalogue() else unit
    return f" {said}" if said else ""


def both(key: str, /, **values: object) -> str:
    """Return Chinese and English side by side, for text that is fixed before a language is chosen."""
    return f"{say_in('zh', key, **values)} · {say_in('en', key, **values)}"


def few(names: Sequence[str], most: int = 5) -> str:
    """Return the first of some names, with an ellipsis where there are more.

    >>> few(["a", "b", "c"], 2)
    'a, b, …'
    """
    return ", ".join([*names[:most], *("…" for _ in names[most : most + 1])])


def visible(text: str) -> str:
    r"""Return a text as one line that a terminal shows as it is: whatever it would obey or hide is escaped.

    >>> visible("a\x1b[31m\nb")
    'a\\x1b[31m\\nb'
    """
    return "".join(
        sign.encode("unicode_escape").decode("ascii") if unicodedata.category(sign) in _UNSEEN else sign
        for sign in text
    )
