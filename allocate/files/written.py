"""Parses TOML that people write by hand, whoever wrote it."""

import re
import tomllib
from typing import Any

from allocate.words import say

# Parts of a dotted key: what the library keeps for each grows with all those before it, to gigabytes for a long line.
_MOST_PARTS = 50
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
    found = _DEEP.search(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        raise ValueError(say("reason.toml_dots", line=line))
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError(say("reason.toml_brackets")) from None
