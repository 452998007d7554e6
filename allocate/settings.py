"""Changes single keys of what a model file says: each by the way of tables and lists that leads to it."""

import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from allocate.errors import Problem, UsageError


def change(content: dict[str, Any], key: str, text: str, heads: Collection[str]) -> None:
    """Set one dotted key, its value written as in TOML; a number in the key counts the entries of a list from 0.

    `heads` are the keys that a file may leave at their defaults.

    Raises
    ------
    UsageError
        When there is no such key.
    """
    put(content, key.split("."), value_of(text), heads)


def value_of(text: str) -> Any:
    """Return a value that is written as in TOML; what is none is a text.

    >>> value_of("0.95"), value_of("[1, 2]"), value_of("village")
    (0.95, [1, 2], 'village')
    """
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text


def put(content: dict[str, Any], way: Sequence[str], value: Any, heads: Collection[str]) -> None:
    """Set the key that a way of tables and entries of lists leads to.

    Raises
    ------
    UsageError
        When there is no such key.
    """
    key = ".".join(way)
    *path, last = way
    table: Any = content
    for depth, part in enumerate(path):
        if path[0] == "clauses" and depth < 2 and isinstance(table, dict):
            # What a document says can be changed though the file does not speak of it.
            table.setdefault(part, {})
        elif part == "travel" and table is content:
            # (Speeds can be taken slower in a model that says nothing of them.)
            table.setdefault(part, {})
        known = entries(table)
        if part not in known:
            raise _no_such_key(key, part, known)
        table = known[part]
    known = entries(table)
    if table is content:
        # A key that the file leaves at its default can be set too.
        known = dict.fromkeys(heads) | known
    if last not in known and (table is content or not isinstance(table, dict)):
        raise _no_such_key(key, last, known)
    if isinstance(table, list):
        table[int(last)] = value
    else:
        table[last] = value


def entries(table: Any) -> dict[str, Any]:
    """Return what a table or a list holds, by key or by number."""
    if isinstance(table, list):
        return {str(n): entry for n, entry in enumerate(table)}
    return table if isinstance(table, dict) else {}


def looked_up(content: Any, way: Sequence[str]) -> Any:
    """Return what stands at the end of a way; None where nothing does."""
    for part in way:
        content = entries(content).get(part)
    return content


def ways(changes: Mapping[str, Any], content: Any, way: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every key that nested tables of changes set in a content, as the way to it, with its value.

    A table is gone into as far as the content has one there. A name with dots that no table has is a way of its own.

    >>> list(ways({"rules": {"circle": {"share": 0.9}}, "rules.circle.weight": 2}, {"rules": {"circle": {}}}))
    [(('rules', 'circle', 'share'), 0.9), (('rules', 'circle', 'weight'), 2)]
    """
    for name, value in changes.items():
        there = entries(content)
        parts = (name,) if name in there or "." not in name else tuple(name.split("."))
        below = looked_up(content, parts)
        whole = (*way, *parts)
        is_table = isinstance(below, dict | list)
        # (Clauses of documents, and speeds, can be changed where the file says nothing of them.)
        is_open = (whole[0] == "clauses" and len(whole) <= 2) or whole in (("travel",),)
        # (A rule, or a resource, that the model has not is a new one only if it says its source; else it is misspelt.)
        is_open = is_open or (len(whole) == 2 and isinstance(value, dict) and "source" not in value)
        if isinstance(value, dict) and value and (is_table or is_open) and len(parts) == 1:
            yield from ways(value, below, whole)
        else:
            yield whole, value


def _no_such_key(key: str, part: str, known: Mapping[str, Any]) -> UsageError:
    near = get_close_matches(part, list(known), n=1)
    choices = near[0] if near else ", ".join(known)
    return UsageError([Problem("problem.set_key", value=key, details={"part": part, "choices": choices})])
