"""Writes the page that explains every file and column of a district folder, from their one description."""

from allocate import tables
from allocate.names import CARD
from allocate.read import BOUNDARY
from allocate.synonyms import (
    BARRIERS,
    choice_called,
    heading_words,
    known_layers,
    layer_title,
    layer_words,
    said_as,
    table_words,
)
from allocate.tables import Column, Table
from allocate.words import LANGUAGES, Language, say_in, unit_of_column

# What the page says before the tables, point by point.
_FILES = ("kinds", "names", "where", "headings", "rows", "encoding", "datum")
_CELLS = ("numbers", "degrees", "choices", "codes", "blank")
_ESTIMATES = ("to_estimate", "to_estimate_by", "to_estimate_stock", "to_estimate_cells")
_REFUSED = ("paths", "content", "secrets")
_TABLE_KEYS = ("file", "part", "encoding", "datum", "columns", "database")
_LAYER_KEYS = ("file", "keeps", "buffer", "kinds", "name")
# (English headings hold commas.)
_BETWEEN = " · "
CARD_KEYS = ("code", "datum", "epsg", "name", "partial", "roads")
_ROADS = ("extract", "layer", "cut", "joined", "crossings", "classes", "closed", "datum")


def columns_page() -> str:
    """Return data/README.md: every file and column, Chinese first, then English."""
    return "\n".join(line for language in LANGUAGES for line in _page(language))


def _page(language: Language) -> list[str]:
    def word(key: str, **values: object) -> str:
        return say_in(language, f"columns.{key}", **values)

    lines = [f"# {word('title')}", "", word("generated"), "", word("folder"), "", word("bases"), ""]
    lines += [f"- `{basis}`: {word(f'basis_{basis}')}" for basis in tables.BASES]
    lines += ["", f"## {word('files')}", "", *(f"- {word(f'files_{key}')}" for key in _FILES)]
    lines += ["", f"## {word('cells')}", "", *(f"- {word(f'cells_{key}')}" for key in _CELLS)]
    lines += ["", f"## {word('refused')}", "", *(f"- {word(f'refused_{key}')}" for key in _REFUSED)]
    lines += ["", f"## {CARD}", "", word("card"), ""]
    lines += [f"- `{key}`: {word(f'card_{key}')}" for key in CARD_KEYS]
    lines += ["", f"### {word('tables')}", "", word("tables_about"), ""]
    lines += [f"- {word(f'tables_{key}')}" for key in _TABLE_KEYS]
    lines += ["", f"## {BOUNDARY}", "", word("boundary"), ""]
    lines += [*_roads(language), f"## {BARRIERS}", "", word("barriers"), ""]
    lines += _layers(language)
    for table in tables.TABLES:
        lines += _table(table, language)
    estimates = [line for key in _ESTIMATES for line in (word(key), "")]
    return [*lines, *estimates, "## PostGIS", "", word("database"), ""]


def _roads(language: Language) -> list[str]:
    """Return what is said of roads: how to bring them, what a layer may say of its lines, and what becomes of them."""

    def word(key: str, **values: object) -> str:
        return say_in(language, f"columns.{key}", **values)

    lines = [*_table(tables.ROADS, language), *(f"- {word(f'roads_{key}')}" for key in _ROADS), ""]
    lines += [f"| {word('heading_class')} | {word('heading_said')} |", "|---|---|"]
    return [*lines, *(f"| `{name}` | {_BETWEEN.join(words)} |" for name, words in said_as("class").items()), ""]


def _layers(language: Language) -> list[str]:
    """Say how layers are brought that keep candidates out or in."""
    words = {keeps: _BETWEEN.join(f"`{word}`" for word in layer_words(keeps)) for keeps in ("out", "in")}
    known = _BETWEEN.join(layer_title(layer, language) for layer in known_layers())
    about = say_in(language, "columns.layers", out=words["out"], within=words["in"], known=known)
    keys = (f"- {say_in(language, f'columns.layers_{key}')}" for key in _LAYER_KEYS)
    return [f"## {say_in(language, 'columns.layers_heading')}", "", about, "", *keys, ""]


def _table(table: Table, language: Language) -> list[str]:
    def word(key: str, **values: object) -> str:
        return say_in(language, f"columns.{key}", **values)

    about = table.zh if language == "zh" else table.en
    lines = [f"## {table.file}", "", word("needed" if table.needed else "optional", about=about), ""]
    lines += [word("named", names=_BETWEEN.join(table_words(table.name))), ""]
    parts = ("name", "means", "holds", "cells", "words")
    lines += [f"| {' | '.join(word(f'heading_{part}') for part in parts)} |", f"|{'---|' * len(parts)}"]
    for column in table.columns:
        means = column.zh if language == "zh" else column.en
        cells = _cells(column, language)
        words = _BETWEEN.join(heading_words(table, column.name))
        lines.append(f"| `{column.name}` | {means} | {holds(column, language)} | {cells} | {words} |")
    return [*lines, ""]


def holds(column: Column, language: Language, *, words: bool = False) -> str:
    """Say what a cell may hold; of choices their codes, or with `words` what the templates call them."""
    if column.kind == "choice":
        if words:
            return ", ".join(choice_called(column.name, choice, language) for choice in column.choices)
        return ", ".join(f"`{choice}`" for choice in column.choices)
    text = say_in(language, f"columns.kind_{column.kind}")
    if column.kind in ("whole", "number"):
        unit = unit_of_column(column.unit, language)
        text += say_in(language, "columns.range", low=plain(column.low), high=plain(column.high), unit=unit)
    return text


def plain(number: float) -> str:
    """Return a limit as a person writes it."""
    return str(int(number)) if number == int(number) else str(number)


def _cells(column: Column, language: Language) -> str:
    """Say whether the column and its cells may be missing, and whether cells may repeat."""
    key = "may_lack" if not column.needed else "filled" if column.filled else "may_blank"
    text = say_in(language, f"columns.{key}")
    return text + (say_in(language, "columns.unique") if column.unique else "")
