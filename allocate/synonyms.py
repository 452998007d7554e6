"""What planners call tables, columns, values and units, in Chinese and English: one table says it, synonyms.toml."""

import re
import tomllib
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from difflib import get_close_matches
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from allocate.tables import ROADS as ROADS_TABLE
from allocate.tables import TABLES, Table
from allocate.words import LANGUAGES, Language, catalogue, say_in, term

BOUNDARY, ROADS, BARRIERS = "boundary", "roads", "barriers"
# What a map draws, and no sheet can hold.
DRAWN = (BOUNDARY, ROADS, BARRIERS)

# What stands in brackets behind a heading: a unit, or a remark.
_BRACKETS = re.compile(r"^(.+?)[(\[【{〔](.+)[)\]】}〕]$")
# What marks a heading whose column must be filled.
# What is longer is no heading worth remembering.
_LONG = 100
_STARS = " *"
# Columns whose values are names in the model, for which the catalogue has words.
_TERMS = ("resource", "function", "specialty")
# A unit from which on numbers are thousands.
_LARGE = 1000
# How near a heading must be to a known one to be proposed, of 1.
_NEAR = 0.6


@cache
def _book() -> Mapping[str, Any]:
    with (Path(__file__).parent / "synonyms.toml").open("rb") as file:
        return tomllib.load(file)


@cache
def written(what: str) -> tuple[str, ...]:
    """Return the signs and words by which planners write something in a cell, as synonyms.toml lists them."""
    return tuple(_book()["written"][what])


@cache
def _dashes() -> Mapping[int, str]:
    return dict.fromkeys(map(ord, written("dashes")), "-")


def fold(text: str) -> str:
    """Return a text without what makes no difference: case, width, blanks, kinds of dashes.

    >>> fold(" ６５ 岁—及以上 "), fold("EPSG: 4490")
    ('65岁-及以上', 'epsg:4490')
    """
    return "".join(unicodedata.normalize("NFKC", text).translate(_dashes()).casefold().split())


def split_unit(heading: str) -> tuple[str, str]:
    """Part a heading from what stands in brackets behind it, without the star of a column that must be filled.

    >>> split_unit("常住人口（万人）*"), split_unit("＊name")
    (('常住人口', '万人'), ('name', ''))
    """
    plain = unicodedata.normalize("NFKC", heading).strip(_STARS)
    found = _BRACKETS.match(plain)
    return (found[1].strip(_STARS), found[2].strip()) if found else (plain, "")


@cache
def _tables() -> Mapping[str, str]:
    names = {table.name: table.name for table in TABLES} | {name: name for name in DRAWN}
    for name, entry in _book()["tables"].items():
        names |= {fold(word): name for word in _words(entry)}
    return names


def table_called(text: str) -> str:
    """Return the table that a file, sheet or layer is called after; empty where it is none.

    >>> table_called("村居名单"), table_called("Places"), table_called("Sheet1")
    ('places', 'places', '')
    """
    return _tables().get(fold(text), "")


def is_no_table(part: str) -> bool:
    """Tell whether a sheet or layer is one that holds no table: instructions, lists, styles of a map."""
    return fold(part) in {fold(word) for word in _book()["unread"]["parts"]}


def layer_called(stem: str) -> tuple[str, str]:
    """Return whether a file keeps candidates "out" or "in" by its name, and of which layer; empty where it does not.

    >>> layer_called("exclude_water"), layer_called("禁建-水系"), layer_called("可选"), layer_called("included.old")
    (('out', 'water'), ('out', 'water'), ('in', ''), ('', ''))
    """
    text = unicodedata.normalize("NFKC", stem).strip()
    words = [(word, keeps) for keeps in ("out", "in") for word in _book()["layers"][keeps]]
    for word, keeps in sorted(words, key=lambda pair: (-len(pair[0]), pair[0])):
        # (Chinese words need no sign behind them.)
        ending = r"(?:$|[\s_\-—·]+)" if word.isascii() else r"[\s_\-—·]*"
        found = re.match(re.escape(word) + ending, text, re.IGNORECASE)
        if found:
            rest = text[found.end() :].strip()
            return keeps, _layer_names().get(fold(rest), rest)
    return "", ""


def layer_title(layer: str, language: Language) -> str:
    """Return what a layer is called that synonyms.toml knows; another one is called as its file calls it."""
    entry = _book()["layers"]["names"].get(layer)
    return str(entry[language]) if entry else layer


def layer_words(keeps: str) -> tuple[str, ...]:
    """Return what the name of a file may begin with whose areas keep candidates "out" or "in"."""
    return tuple(_book()["layers"][keeps])


def known_layers() -> tuple[str, ...]:
    """Return the layers that have a name in both languages."""
    return tuple(_book()["layers"]["names"])


@cache
def _layer_names() -> Mapping[str, str]:
    entries = _book()["layers"]["names"]
    return {fold(word): name for name, entry in entries.items() for word in (name, *_words(entry))}


def title_of(table: str, language: Language) -> str:
    """Return what the templates call a table."""
    return str(_book()["tables"][table][language])


def _words(entry: Mapping[str, Any]) -> tuple[str, ...]:
    return (entry["zh"], entry["en"], *entry.get("also", ()))


def _entry(table: Table, column: str) -> Mapping[str, Any]:
    own = _book().get(table.name, {})
    found: Mapping[str, Any] = own[column] if column in own else _book()["any"][column]
    return found


def table_words(table: str) -> tuple[str, ...]:
    """Return everything that a table may be called, besides its own name; what the templates call it comes first."""
    return _words(_book()["tables"][table])


def heading_words(table: Table, column: str) -> tuple[str, ...]:
    """Return every heading that a column may have, besides its own name; those of the templates come first."""
    return _words(_entry(table, column))


def heading_of(table: Table, column: str, language: Language) -> str:
    """Return what the templates call a column."""
    return str(_entry(table, column)[language])


def is_own(table: Table, column: str, heading: str) -> bool:
    """Tell whether a heading is what the templates call a column, its unit and stars aside."""
    return fold(split_unit(heading)[0]) in {fold(heading_of(table, column, language)) for language in LANGUAGES}


@cache
def _columns(file: str) -> Mapping[str, str]:
    table = next(one for one in (*TABLES, ROADS_TABLE) if one.file == file)
    known: dict[str, str] = {}
    # (A column's own name comes first, then what the templates call it, then what else is understood.)
    for rank in range(3):
        for column in table.columns:
            entry = _entry(table, column.name)
            words = ((column.name,), (entry["zh"], entry["en"]), entry.get("also", ()))[rank]
            for word in words:
                known.setdefault(fold(word), column.name)
    return known


def column_called(table: Table, heading: str) -> str:
    """Return the column that a heading means, its unit or remark in brackets aside; empty where it is none."""
    called = _called if len(heading) < _LONG else _called.__wrapped__
    return called(table.file, heading)


# (Every cell of the lines at a table's head is asked after, several times over.)
@lru_cache(4096)
def _called(file: str, heading: str) -> str:
    known = _columns(file)
    return known.get(fold(heading)) or known.get(fold(split_unit(heading)[0]), "")


def column_named(table: Table, heading: str) -> str:
    """Return the column of codes in whose place a heading announces names; empty where there is none."""
    text = fold(split_unit(heading)[0])
    names = {column.name for column in table.columns}
    return next((name for name, words in _book()["names"].items() if name in names and text in map(fold, words)), "")


def nearest(table: Table, heading: str, free: Collection[str]) -> str:
    """Return the free column that a heading may mean; empty where none is near.

    One that holds all of a known heading, or is held in it, is near; then the one with the most letters in common.
    """
    known = {word: name for word, name in _columns(table.file).items() if name in free}
    text = fold(split_unit(heading)[0])
    held = [word for word in known if len(word) > 1 and len(text) > 1 and (word in text or text in word)]
    best = max(held, key=len) if held else next(iter(get_close_matches(text, known, n=1, cutoff=_NEAR)), "")
    return known.get(best, "")


def is_unread(heading: str) -> bool:
    """Tell whether a heading is one of those that many lists have and no table needs."""
    return fold(split_unit(heading)[0]) in {fold(word) for word in _book()["unread"]["headings"]}


def remark_of(table: Table, heading: str) -> str:
    """Return what stands in brackets behind a heading; empty where it is part of what the column is called."""
    return "" if fold(heading) in _columns(table.file) else split_unit(heading)[1]


def is_harmless(remark: str) -> bool:
    """Tell whether a remark behind a heading says nothing of which numbers are meant."""
    return fold(remark) in {fold(word) for word in written("harmless")}


def is_doubtful(remark: str) -> bool:
    """Tell whether a remark behind a heading says that something else may be meant than what holds today."""
    return any(fold(word) in fold(remark) for word in written("doubtful"))


def large_unit(cell: str) -> str:
    """Return the unit of thousands or more that a remark above a table names; empty where it names none.

    >>> large_unit("单位：万人"), large_unit("（单位: 人、万元）"), large_unit("单位：宝坻区卫生健康委")
    ('万人', '万元', '')
    """
    said, _, rest = unicodedata.normalize("NFKC", cell).casefold().partition(":")
    if not said.strip().strip("(").endswith(written("unit_remark")):
        return ""
    large = {word for units in _units().values() for word, times in units.items() if times >= _LARGE}
    large |= set(written("large_units"))
    return next((word for word in re.split(r"\W+", rest) if word in large), "")


def is_example(cell: str) -> bool:
    """Tell whether the first cell of a row says that the row is only an example."""
    words, starts = _marks("examples")
    return cell.strip()[:1].casefold() in starts and fold(cell).startswith(words)


@cache
def _examples(table: str) -> frozenset[str]:
    lines = ((language, line) for language in LANGUAGES for line in say_in(language, f"example.{table}").split("\n"))
    return frozenset(fold(say_in(language, "template.example", text=line.split("|")[0])) for language, line in lines)


def is_untouched(table: Table, cell: str) -> bool:
    """Tell whether the first cell of an example's row is that of the template itself."""
    return fold(cell) in _examples(table.name)


def is_total(cell: str) -> bool:
    """Tell whether a cell says that its row holds totals."""
    words, starts = _marks("totals")
    return cell.strip()[:1].casefold() in starts and fold(cell) in words


@cache
def _marks(kind: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return words that mark a row, folded, and the letters that they begin with, by which most cells are told."""
    words = tuple(fold(word) for word in _book()["unread"][kind])
    return words, frozenset(word[:1] for word in words)


@cache
def choices_of(column: str) -> Mapping[str, tuple[str, ...]]:
    """Return every value that a column's cells may say otherwise, by how they say it, folded.

    One word may mean several values of different tables (a 乡 is a town, and rural): whoever asks takes the one that
    its column knows.
    """
    section = "basis" if column.endswith("basis") else column
    found: dict[str, list[str]] = {}
    for code, words in _book()["choices"].get(section, {}).items():
        _gather(found, code, (code, *words))
    if column in _TERMS:
        own = set(found)
        terms: dict[str, list[str]] = {}
        for key, texts in catalogue().items():
            section, code = key.split(".", 1)
            if section == "term":
                _gather(terms, code, (texts[language] for language in LANGUAGES))
        # (What two names share means neither.)
        found |= {word: codes for word, codes in terms.items() if len(codes) == 1 and word not in own}
    return {word: tuple(codes) for word, codes in found.items()}


def _gather(into: dict[str, list[str]], code: str, words: Iterable[str]) -> None:
    for word in words:
        codes = into.setdefault(fold(word), [])
        if code not in codes:
            codes.append(code)


def choice_called(column: str, code: str, language: Language) -> str:
    """Return what the templates call a value of a column: its first name in that language.

    It is the value itself where it has no name, or one that would be read as another value.

    >>> choice_called("resource", "nurses", "zh"), choice_called("kind", "town", "zh"), choice_called("kind", "x", "zh")
    ('护士', '镇', 'x')
    """
    if language == "en":
        return code
    section = "basis" if column.endswith("basis") else column
    words = _book()["choices"].get(section, {}).get(code, ())
    name = str(words[0]) if words else term(code, language) if column in _TERMS else code
    return name if choices_of(column).get(fold(name)) == (code,) else code


def values_of(column: str) -> tuple[str, ...]:
    """Return the values of a column that has names for some, though its cells may say others too."""
    return tuple(_book()["choices"].get(column, {}))


def said_as(column: str) -> Mapping[str, tuple[str, ...]]:
    """Return the names that a column's values may have in its cells, by value."""
    return {code: tuple(words) for code, words in _book()["choices"][column].items()}


@cache
def _units() -> Mapping[str, Mapping[str, Decimal]]:
    return {
        unit: {fold(word): Decimal(str(times)) for word, times in words.items()}
        for unit, words in _book()["units"].items()
    }


def factor(unit: str, said: str) -> Decimal | None:
    """Return what a number of a unit as written is multiplied with to be one of a column's; None where it cannot be.

    >>> factor("persons", "万人"), factor("min", "小时"), factor("persons", "km")
    (Decimal('10000'), Decimal('60'), None)
    """
    return _units().get(unit or "#", {}).get(fold(said))


def is_unit(said: str) -> bool:
    """Tell whether a word is a unit of any column."""
    word = fold(said)
    return any(word in words for words in _units().values()) or word in written("other_units")
