"""What every table of a plan is made of: its columns, its cells, and what several tables ask of a plan."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from allocate.counting import counted_as, number_there, resources_of, totals, working_at
from allocate.words import Language, catalogue, say_in, term

Kind = Literal[
    "id", "text", "code", "year", "whole", "yuan", "share", "rate", "gap", "minutes", "degrees", "measure", "mark"
]
Cell = str | int | float | None
Content = Mapping[str, Any]

DISTRICT = "district"
_PICTURES = {chr(code): chr(0x2400 + code) for code in range(32) if chr(code) not in "\n\t"} | {"\x7f": "\u2421"}
_NO_CHARACTER = "\ud800-\udfff\ufffe\uffff"
# (To translate a Chinese text letter by letter takes many times as long as to look for these.)
_UNHELD = re.compile(f"[{re.escape(''.join(_PICTURES))}{_NO_CHARACTER}]")
# Marks that turn the letters after them round, and figures with them.
_TURNING = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]")


@dataclass(frozen=True)
class Field:
    """One column of a sheet.

    Attributes
    ----------
    name
        ASCII name, the same in every language; that of a column by year ends with the year.
    kind
        What its cells hold. A `mark` is one sign, or nothing. A `code` is a key of the catalogue's section `group`; a
        `share` and a `gap` are fractions of 1, a `rate` is for 1,000 people or for one person; a `measure` is in the
        unit that the same row names, fractions of 1 where that is a share.
    group
        Section of the catalogue that says the codes.
    year
        Year that the heading names.
    resource
        Resource or function that the heading names.
    title
        What that is called in the language of its sheet, where the model says it and not the catalogue.
    blank
        Key of what people read where a cell is missing; nothing: it stays blank.
    """

    name: str
    kind: Kind
    group: str = ""
    year: int | None = None
    resource: str = ""
    title: str = ""
    blank: str = ""

    @property
    def word(self) -> str:
        """Return the name without its year or resource: the key of heading and note in the catalogue."""
        ending = self.resource or self.year
        return self.name if ending in ("", None) else self.name.removesuffix(f"_{ending}")

    @property
    def is_number(self) -> bool:
        """Tell whether its cells hold numbers."""
        return self.kind not in ("id", "text", "code", "mark")

    def heading(self, language: Language) -> str:
        """Return the heading in a language."""
        what = self.title or clean(term(self.resource, language))
        return say_in(language, f"field.{self.word}", year=self.year, what=what)

    def note(self, language: Language) -> str:
        """Say in a language where the figures of the column come from; nothing where the heading says it all."""
        key = f"note.{self.word}"
        return say_in(language, key) if key in catalogue() else ""

    def say(self, cell: Cell, language: Language) -> Cell:
        """Return a cell as people read it: codes in words; what has no word, and everything else, as it is."""
        if cell is None and self.blank:
            return say_in(language, self.blank)
        key = f"{self.group}.{cell}"
        return say_in(language, key) if self.kind == "code" and cell is not None and key in catalogue() else cell


@dataclass(frozen=True)
class Sheet:
    """One table of a plan, in one language: texts are in it, codes and numbers are not.

    Attributes
    ----------
    name
        Key of its title in the catalogue, section `sheet`.
    fields
        Its columns.
    rows
        Its cells, one tuple per row, in the order of the columns.
    """

    name: str
    fields: tuple[Field, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def column(self, name: str) -> list[Cell]:
        """Return the cells of a column by its name."""
        at = next(n for n, field in enumerate(self.fields) if field.name == name)
        return [row[at] for row in self.rows]

    def records(self) -> Iterator[dict[str, Cell]]:
        """Yield every row by the names of the columns."""
        names = [field.name for field in self.fields]
        return (dict(zip(names, row, strict=True)) for row in self.rows)


class Source:
    """A plan's content with what several tables ask of it."""

    def __init__(self, content: Content, language: Language) -> None:
        self.content = content
        self.language = language
        self.years: list[int] = content["years"]
        self.district: Content = content["district_data"]
        self.places = {place["id"]: place for place in self.district["places"]}
        self.towns = {town["id"]: str(town["name"]) for town in self.district["towns"]}
        self.site_names = {site["id"]: str(site["name"]) for site in content["sites"]}
        # Staff, beds and teams that the plan decides, in the order of the model.
        self.resources = resources_of(content)
        self.stock: dict[str, Content] = {row["resource"]: row for row in content.get("stock", ())}
        self.standing_at = {site["id"]: site for site in (*self.district["institutions"], *content["sites"])}

    @cached_property
    def candidates(self) -> dict[str, Content]:
        """Return where every candidate comes from and why it was kept, by its id."""
        return {row["id"]: row for row in self.content.get("candidates", ())}

    def word(self, key: str, **values: object) -> str:
        """Return the text of a key of the catalogue, filled in."""
        return say_in(self.language, key, **values)

    def known(self, key: str, code: str) -> str:
        """Return what a code of the planner's own means where the catalogue knows it, else the code."""
        return self.word(key) if key in catalogue() else code

    def term(self, resource: str) -> str:
        """Return what a resource is called."""
        return term(resource, self.language)

    def terms(self, resources: Iterable[str]) -> str:
        """Return what several resources are called, as a list."""
        return self.word("summary.comma").join(map(self.term, resources))

    @cached_property
    def working(self) -> dict[tuple[str, int], dict[str, int]]:
        """Return how many of every resource work at each site in each year, by the id of the site and the year."""
        return working_at(self.content)

    def counted(self, resource: str) -> tuple[str, tuple[str, ...]]:
        """Return under which name a resource is counted, and at which kinds of site; at any kind where none is told."""
        return counted_as(self.content, resource)

    def number(self, resource: str, there: Mapping[str, int], kind: str) -> int:
        """Return how many of a resource a site of a kind has, of all that is there."""
        return number_there(self.content, resource, there, kind)

    def total(self, resource: str, year: int, town: str | None = None) -> int:
        """Return how many of a resource the sites of a town, or of the district, have in a year."""
        return self._totals.get((resource, year, town), 0)

    @cached_property
    def _totals(self) -> dict[tuple[str, int, str | None], int]:
        return totals(self.content, self.resources)

    def scope(self, scope: str) -> str:
        """Return the name of a town by its id, or of the whole district."""
        return self.word("sheet.whole_district") if scope == DISTRICT else self.towns[scope]

    def site(self, code: str | None) -> str | None:
        """Return the name of a site by its id; what is not in the plan keeps its id."""
        return None if code is None else self.site_names.get(code, code)

    def open_sites(self, year: int) -> list[Mapping[str, Any]]:
        """Return the sites that stand open in a year: those that state whom they serve then."""
        return [site for site in self.content["sites"] if str(year) in site["people"]]


def clean(text: str) -> str:
    r"""Return a text that every file format can hold: control characters as their pictures, half characters as unknown.

    >>> clean("a\x0bb")
    'a␋b'
    """
    return _UNHELD.sub(lambda found: _PICTURES.get(found[0], "\ufffd"), text)


def seen(text: str) -> str:
    r"""Return a text as pages and documents show it: nothing in it turns round what stands after it.

    >>> seen("a\u202eb")
    'a\\u202eb'
    """
    return _TURNING.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), clean(text))


def make_sheet(name: str, fields: Sequence[Field], records: Iterable[Mapping[str, Any]]) -> Sheet:
    """Return a sheet of the cells that its fields name; what a record holds beside them is left out."""
    rows = (tuple(_cell(record[field.name]) for field in fields) for record in records)
    return Sheet(name, tuple(fields), tuple(rows))


def _cell(value: Any) -> Cell:
    return clean(value) if isinstance(value, str) else value


def share_of(part: int, whole: int) -> float | None:
    """Return a part as a fraction of the whole; of nothing there is none."""
    return part / whole if whole else None
