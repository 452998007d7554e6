"""Cells of a plan as the page reads them, whatever they held: a plan may lack a part, or say it in odd ways."""

import math
from collections.abc import Mapping
from typing import Any

from allocate.units import Basis
from allocate.words import catalogue

BASES = (*Basis, "unknown")

Row = Mapping[str, Any]
Columns = dict[str, list[Any]]


class Index:
    """Positions of ids in a list that grows by what it is asked for."""

    def __init__(self) -> None:
        self.position: dict[str, int] = {}

    def of(self, key: object) -> int:
        """Return the position of an id, giving a new id the next one."""
        return self.position.setdefault(as_text(key), len(self.position))

    def known(self, key: object) -> int:
        """Return the position of an id, or -1."""
        return -1 if key is None else self.position.get(as_text(key), -1)


def as_basis(value: object) -> int:
    """Return the position of a basis among `BASES`; one that nobody knows is unknown."""
    text = as_text(value)
    return BASES.index(text if text in BASES else "unknown")


def append_row(columns: Columns, row: Row) -> None:
    """Add a row to every column of a table."""
    for key, values in columns.items():
        values.append(row[key])


def rows_of(table: Any) -> list[Row]:
    """Return the rows of a table: none where a plan lacks it."""
    return [row for row in table or () if isinstance(row, Mapping)]


def as_text(value: object) -> str:
    """Return a text, empty for nothing."""
    return "" if value is None else str(value)


def in_both(name: Any) -> dict[str, str]:
    """Return a name in both languages; one that has a single language stands for both."""
    if not isinstance(name, Mapping):
        return {"zh": as_text(name), "en": as_text(name)}
    zh, en = as_text(name.get("zh")), as_text(name.get("en"))
    return {"zh": zh or en, "en": en or zh}


def as_number(value: Any) -> float | None:
    """Return a finite number, or nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) else None


def as_whole(value: Any) -> int | None:
    """Return a whole number, given as one or in digits, or nothing."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    number = as_number(value)
    return None if number is None else round(number)


def as_plain(value: Any) -> Any:
    """Return a number, a text or nothing, whatever the cell held."""
    if isinstance(value, bool) or value is None:
        return None if value is None else str(value)
    return as_number(value) if isinstance(value, int | float) else as_text(value)


def by_text(table: Any) -> dict[str, Any]:
    """Return what stands under each key: a plan in memory counts years as numbers, its JSON as text."""
    return {as_text(key): value for key, value in table.items()} if isinstance(table, Mapping) else {}


def in_words(group: str, code: str) -> dict[str, str]:
    """Return what a code means in both languages; an unknown one stands for itself."""
    texts = catalogue().get(f"{group}.{code}" if group else code)
    return dict(texts) if texts else in_both(code)  # type: ignore[arg-type]
