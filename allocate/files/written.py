"""Parses TOML that people write by hand, whoever wrote it."""

import pickle
import re
import tomllib
from functools import lru_cache
from typing import Any

from allocate.words import say

# Parts of a dotted key: what the library keeps for each grows with all those before it, to gigabytes for a long line.
_MOST_PARTS = 50
# As many texts are kept parsed as a model with all its documents and presets has, twice over: what is read again and
# again in one process is the same few files, and parsing is most of the reading.
_KEPT = 32
_PLACE = re.compile(r"(?s)(.+) \(at line (\d+), column (\d+)\)")
_DEEP = re.compile(rf"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{_MOST_PARTS}}}""")


def parse_toml(text: str) -> dict[str, Any]:
    """Return what a text of TOML says.

    >>> parse_toml("a.b = 1")
    {'a': {'b': 1}}

    Raises
    ------
    ValueError
        When it is none, or a key goes deeper than any of ours.
    """
    content: dict[str, Any] = pickle.loads(_parsed(text))
    return content


@lru_cache(_KEPT)
def _parsed(text: str) -> bytes:
    """Return what a text of TOML says in a form of which each caller gets a copy of its own, to change at will."""
    found = _DEEP.search(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        raise ValueError(say("reason.toml_dots", line=line))
    try:
        return pickle.dumps(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        place = _PLACE.fullmatch(str(error))
        if place is None:
            raise
        what, row, column = place.groups()
        raise ValueError(say("reason.toml_place", what=what, line=row, column=column)) from None
    except RecursionError:
        raise ValueError(say("reason.toml_brackets")) from None
