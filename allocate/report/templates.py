"""Writes the tables of a district as a workbook in the planner's own words: empty to be filled in, or filled."""

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from allocate import tables
from allocate.district import District
from allocate.errors import Problem, UsageError
from allocate.report.columns import holds, plain
from allocate.report.workbook import LONGEST, OPTIONS, width_of
from allocate.row_checks import LINKS
from allocate.synonyms import choice_called, heading_of, title_of, values_of
from allocate.tables import Column, Table
from allocate.words import Language, say_in, unit_of_column

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

type _Cell = str | int | float | None
type _Rows = Mapping[str, Sequence[Mapping[str, _Cell]]]

# What a district calls the rows of a table, where that is not the table's name.
_CALLED = {tables.PEOPLE_BY_YEAR.name: "people_by_year"}
# The same tables give the same bytes on any day.
_MADE = datetime(2020, 1, 1, tzinfo=UTC)
# Columns whose cells may say other words than those offered.
_OFFERED = (tables.DATUM, "indicator", "mode")
# Rows below the last one in which lists and hints still stand.
_SPARE = 5_000
# What a spreadsheet shows of a hint, and of its title [characters].
_HINT, _HINT_TITLE = 255, 32
# Widths of columns, and of a heading that is not parted [characters].
_NARROWEST, _BROADEST, _ONE_LINE = 10, 32, 22
# Widths of the page of instructions [characters], and the height of a line on it [points].
_PAGE, _LINE = (24, 10, 80), 16
_STEPS, _DATUMS = 9, ("wgs84", "cgcs2000", "gcj02", "bd09", "epsg", "unknown")
_FILL, _FILL_NEEDED = "#eef1f4", "#cfe3f5"


class _Exact(float):
    """A number that a workbook holds to its last digit; xlsxwriter alone writes sixteen of them."""

    def __format__(self, _: str) -> str:
        return repr(float(self))


@dataclass(frozen=True)
class _Looks:
    """The formats of a workbook."""

    heading: "Format"
    needed: "Format"
    text: "Format"
    choice: "Format"
    number: "Format"
    example_text: "Format"
    example_number: "Format"
    title: "Format"
    bold: "Format"
    wrapped: "Format"
    link: "Format"


def template(language: Language) -> bytes:
    """Return an empty workbook with instructions, lists to choose from and rows that are only examples."""
    return _workbook({}, language)


def workbook_of(district: District, language: Language) -> bytes:
    """Return the template, filled with the tables of a district; read again, they give the same district.

    Positions are in the district's datum. Tables without rows show their examples.

    Raises
    ------
    UsageError
        When a text is longer than a cell can be.
    """
    return _workbook(rows_of(district), language)


def rows_of(district: District) -> dict[str, list[Mapping[str, _Cell]]]:
    """Return the cells of every table of a district by table and column; months as a planner writes them."""
    found: dict[str, list[Mapping[str, _Cell]]] = {}
    for table in tables.TABLES:
        if table is tables.TRAVEL:
            names = [column.name for column in table.columns]
            found[table.name] = [dict(zip(names, (*pair, time), strict=True)) for pair, time in district.travel.items()]
            continue
        if table is tables.OBSERVED:
            found[table.name] = [one.cells() for one in district.observed]
            continue
        held: Any = getattr(district, _CALLED.get(table.name, table.name))
        records = held.values() if isinstance(held, Mapping) else held
        found[table.name] = [{column.name: _cell(record, column) for column in table.columns} for record in records]
    return found


def _cell(record: object, column: Column) -> _Cell:
    """Return what a record says in a column; all positions are in the datum of district.toml by now."""
    value: Any = None if column.name == tables.DATUM else getattr(record, column.name)
    if isinstance(value, tuple):
        return months_written(value)
    return str(value) if isinstance(value, str) else value


def months_written(months: Sequence[int]) -> str:
    """Return months as a planner writes them.

    >>> months_written((1, 2, 3, 11)), months_written(())
    ('1-3,11', '')
    """
    spans: list[tuple[int, int]] = []
    for month in months:
        if spans and month == spans[-1][1] + 1:
            spans[-1] = spans[-1][0], month
        else:
            spans.append((month, month))
    return ",".join(f"{first}-{last}" if first < last else str(first) for first, last in spans)


def _workbook(rows: _Rows, language: Language) -> bytes:
    import xlsxwriter  # only when a workbook is written

    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, OPTIONS)
    title = say_in(language, "template.title")
    book.set_properties({"title": title, "author": "allocate", "created": _MADE})
    looks = _looks(book)
    _instructions(book, looks, language)
    examples = {table.name: () if rows.get(table.name) else examples_of(table, language) for table in tables.TABLES}
    for table in tables.TABLES:
        _Page(book, looks, table, language, examples, rows).write()
    book.close()
    return buffer.getvalue()


def _looks(book: "Workbook") -> _Looks:
    heading = {"bold": True, "text_wrap": True, "valign": "vcenter", "bottom": 1, "indent": 1}
    example = {"italic": True, "font_color": "#7f7f7f"}
    # (A text that follows a number stands off it.)
    text = {"num_format": "@", "indent": 1}
    return _Looks(
        heading=book.add_format({**heading, "bg_color": _FILL, "font_color": "#444444"}),
        needed=book.add_format({**heading, "bg_color": _FILL_NEEDED}),
        # (Text keeps the noughts at the head of a code, all its digits, and “1-3” from becoming a day.)
        text=book.add_format(text),
        choice=book.add_format({"indent": 1}),
        number=book.add_format(),
        example_text=book.add_format({**example, **text}),
        example_number=book.add_format(example),
        title=book.add_format({"bold": True, "font_size": 16}),
        bold=book.add_format({"bold": True, "valign": "top"}),
        wrapped=book.add_format({"text_wrap": True, "valign": "top"}),
        link=book.add_format({"font_color": "#0b5cad", "underline": 1, "valign": "top"}),
    )


def examples_of(table: Table, language: Language) -> tuple[Mapping[str, str], ...]:
    """Return the rows of a table's example, each cell as a planner would write it."""
    names = [column.name for column in table.columns]
    lines = say_in(language, f"example.{table.name}").split("\n")
    return tuple(dict(zip(names, map(str.strip, line.split("|")), strict=True)) for line in lines)


def _instructions(book: "Workbook", looks: _Looks, language: Language) -> None:
    """Write what the sheets are for, how they are filled in and handed over."""

    def word(key: str) -> str:
        return say_in(language, f"template.{key}")

    page = book.add_worksheet(word("sheet"))
    page.hide_gridlines(2)
    for at, width in enumerate(_PAGE):
        page.set_column(at, at, width)
    page.write_string(0, 0, word("title"), looks.title)
    page.set_row(0, 28)
    row = 2
    for n in range(1, _STEPS + 1):
        text = f"{n}. {word(f'step_{n}')}"
        page.merge_range(row, 0, row, 2, "", looks.wrapped)
        page.write_string(row, 0, text, looks.wrapped)
        page.set_row(row, _LINE * _lines(text, sum(_PAGE)))
        row += 1

    def block(key: str, lines: Iterable[tuple[str, str, str]], *, linked: bool = False) -> None:
        nonlocal row
        row += 1
        page.write_string(row, 0, word(key), looks.bold)
        for name, middle, text in lines:
            row += 1
            if linked:
                page.write_url(row, 0, f"internal:'{name}'!A1", looks.link, name)
            else:
                page.write_string(row, 0, name, looks.wrapped)
            page.write_string(row, 1, middle, looks.wrapped)
            page.write_string(row, 2, text, looks.wrapped)
            page.set_row(row, _LINE * max(_lines(text, _PAGE[2]), _lines(name, _PAGE[0])))
        row += 1

    block(
        "sheets",
        (
            (
                title_of(table.name, language),
                word("needed" if table.needed else "optional"),
                table.zh if language == "zh" else table.en,
            )
            for table in tables.TABLES
        ),
        linked=True,
    )
    block(
        "bases",
        (
            (choice_called("basis", basis, language), "", say_in(language, f"columns.basis_{basis}").replace("`", ""))
            for basis in tables.BASES
        ),
    )
    block("datums", ((word(f"datum_{name}"), "", word(f"datum_about_{name}")) for name in _DATUMS))
    page.set_landscape()
    page.set_paper(9)
    page.fit_to_pages(1, 0)


def _lines(text: str, width: int) -> int:
    """Return how many lines a text takes in a width."""
    return max(1, math.ceil(1.1 * width_of(text) / width))


@dataclass(frozen=True)
class _Page:
    """One table's sheet.

    Attributes
    ----------
    examples, rows
        Of every table, as a list of codes may stand in another one.
    """

    book: "Workbook"
    looks: _Looks
    table: Table
    language: Language
    examples: Mapping[str, Sequence[Mapping[str, str]]]
    rows: _Rows

    def write(self) -> None:
        """Write headings, examples and rows, and what helps to fill them in."""
        page = self.book.add_worksheet(title_of(self.table.name, self.language))
        examples, rows = self.examples[self.table.name], self.rows.get(self.table.name, ())
        first, last = 1 + len(examples), len(examples) + len(rows) + _SPARE
        names = [column.name for column in self.table.columns]
        for at, column in enumerate(self.table.columns):
            heading = self._heading(column)
            page.write_string(0, at, heading, self.looks.needed if column.filled else self.looks.heading)
            page.write_comment(0, at, self._about(column), {"author": "allocate", "width": 280, "height": 130})
            page.set_column(at, at, self._width(column, at), self._format(column))
            page.data_validation(first, at, last, at, self._validation(column))
        page.set_row(0, 34)
        page.freeze_panes(1, 2 if "name" in names[:2] else 1)
        for down, example in enumerate(examples, start=1):
            self._write_example(page, down, example)
        for down, row in enumerate(rows, start=first):
            for at, column in enumerate(self.table.columns):
                self._write(page, down, at, self._in_words(column, row[column.name]))
        page.set_landscape()
        page.set_paper(9)
        page.fit_to_pages(1, 0)
        page.repeat_rows(0)

    def _format(self, column: Column) -> "Format":
        match column.kind:
            case "id" | "text":
                return self.looks.text
            case "choice":
                return self.looks.choice
        return self.looks.number

    def _width(self, column: Column, at: int) -> int:
        """Return the width of a column [characters]: what it holds, within reason, and its heading in two lines."""
        lines: list[Mapping[str, Any]] = [*self.examples[self.table.name], *self.rows.get(self.table.name, ())[:200]]
        held = max((width_of(str(line[column.name])) for line in lines if line[column.name] is not None), default=0)
        held += width_of(say_in(self.language, "template.example", text="")) if at == 0 else 0
        heading = width_of(self._heading(column))
        return min(_BROADEST, max(_NARROWEST, held + 4, heading // 2 + 6 if heading > _ONE_LINE else heading + 3))

    def _heading(self, column: Column) -> str:
        """Return a column's heading with its unit, and a star where every cell must be filled."""
        heading = heading_of(self.table, column.name, self.language)
        unit = unit_of_column(column.unit, self.language).strip()
        if unit:
            heading = say_in(self.language, "template.with_unit", heading=heading, unit=unit)
        return f"{heading}*" if column.filled else heading

    def _means(self, column: Column) -> str:
        return column.zh if self.language == "zh" else column.en

    def _target(self, column: Column) -> Table | None:
        """Return the table whose codes a column holds."""
        return next((to for table, name, to in LINKS if table is self.table and name == column.name), None)

    def _about(self, column: Column) -> str:
        """Return what a column means, what its cells may say, and whether they must say something."""
        lines = [self._means(column), holds(column, self.language, words=True)]
        target = self._target(column)
        if target is not None:
            sheet = title_of(target.name, self.language)
            lines.append(say_in(self.language, "template.code_of", sheet=sheet))
        lines.append(say_in(self.language, "columns.filled" if column.filled else "columns.may_blank"))
        if column.unique:
            lines.append(say_in(self.language, "template.unique"))
        return "\n".join(lines)

    def _validation(self, column: Column) -> dict[str, Any]:
        """Return the list to choose from, or the range of a number, and the hint that is shown beside a cell."""
        hint = self._about(column)
        told: dict[str, Any] = {
            "input_title": heading_of(self.table, column.name, self.language)[:_HINT_TITLE],
            "input_message": hint if len(hint) <= _HINT else hint[: _HINT - 1] + "…",
            "error_title": say_in(self.language, "template.look_again"),
        }
        target = self._target(column)
        if column.kind == "choice":
            words = [choice_called(column.name, choice, self.language) for choice in column.choices]
            error = say_in(self.language, "template.not_listed", choices=", ".join(words))[:_HINT]
            return told | {"validate": "list", "source": words, "error_message": error}
        if column.kind in ("whole", "number"):
            unit = unit_of_column(column.unit, self.language)
            error = say_in(
                self.language, "template.not_in_range", low=plain(column.low), high=plain(column.high), unit=unit
            )
            limits = {"criteria": "between", "minimum": column.low, "maximum": column.high}
            kind = "integer" if column.kind == "whole" else "decimal"
            return told | {"validate": kind, **limits, "error_type": "warning", "error_message": error}
        if target is not None:
            sheet = title_of(target.name, self.language)
            above = 1 + len(self.examples[target.name])
            end = above + len(self.rows.get(target.name, ())) + _SPARE
            error = say_in(self.language, "template.no_such_code", sheet=sheet)
            source = f"='{sheet}'!$A${above + 1}:$A${end}"
            return told | {"validate": "list", "source": source, "error_type": "warning", "error_message": error}
        if column.name in _OFFERED:
            words = [choice_called(column.name, value, self.language) for value in values_of(column.name)]
            return told | {"validate": "list", "source": words, "show_error": False}
        return told | {"validate": "any"}

    def _in_words(self, column: Column, value: _Cell) -> _Cell:
        if isinstance(value, str) and column.kind in ("choice", "id"):
            return choice_called(column.name, value, self.language)
        return value

    def _write(self, page: "Worksheet", row: int, at: int, cell: _Cell) -> None:
        if isinstance(cell, str):
            if len(cell.encode("utf-16-le")) // 2 > LONGEST:
                column = heading_of(self.table, self.table.columns[at].name, self.language)
                file = title_of(self.table.name, self.language)
                raise UsageError([Problem("template.too_long", file, row + 1, column, details={"most": LONGEST})])
            if cell:
                page.write_string(row, at, cell)
        elif cell is not None:
            page.write_number(row, at, _Exact(cell) if isinstance(cell, float) else cell)

    def _write_example(self, page: "Worksheet", row: int, example: Mapping[str, str]) -> None:
        for at, column in enumerate(self.table.columns):
            text = example[column.name]
            if at == 0:
                text = say_in(self.language, "template.example", text=text)
            elif text and column.kind in ("whole", "number"):
                page.write_number(row, at, float(text), self.looks.example_number)
                continue
            page.write_string(row, at, text, self.looks.example_text)
