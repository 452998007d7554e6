"""A plan as a workbook that a planner can filter, print and pass on."""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, time
from math import ceil, floor
from typing import TYPE_CHECKING, Any

from allocate.compared import Comparison
from allocate.report.comparison import comparison_sheets
from allocate.report.comparison_lines import lines_in
from allocate.report.sheets import sheets
from allocate.report.summary import labelled, summary
from allocate.report.table import Cell, Field, Sheet, clean
from allocate.units import SOFT
from allocate.words import Language, say_in, speaking

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

# Everything is text unless it is written as a number: no text of the data becomes a formula or a link.
OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
LONGEST = 32_767  # characters that a cell can hold
_HIGHEST = 409  # points that a row can have
_FORMATS = {
    "year": "0",
    "whole": "#,##0",
    "yuan": "#,##0",
    "share": "0.0%",
    "rate": "#,##0.00",
    "gap": "0.0######%",  # all of it: a gap is rounded up once, where it is worked out, and never down
    "minutes": "0.0",
    "degrees": "0.00000",
    "measure": "#,##0.######",
}
# What the lines of a sheet are about, where that is neither a name nor a town.
_ABOUT = {
    **dict.fromkeys(("postings_by_hub", "roster", "fits"), ("hub",)), "postings_by_hospital": ("sender",),
    **dict.fromkeys(("rounds", "timetable", "timetable_by_team"), ("base",)),
    "consortia": ("lead",), "today_and_planned": ("item",), "functions": ("name",), "function_shares": ("kind",),
}  # fmt: skip
_MANY = 100  # from here on, parts of one say nothing
# Width of columns whose cells all look alike [characters].
_MARK = 5.5
_NARROW = {"year": 5, "share": 7, "rate": 9, "minutes": 6, "degrees": 10}
_BROAD = 42  # width of a column of sentences [characters]
_LINES_WIDTH = 110  # of a column of whole lines [characters]
_LINE = 15  # height of a line [points]
_HEAD, _FIRST = 1, 2  # row of the headings, and of the first line [from 0]
_WIDE = {
    *("missed", "without", "document", "reason", "causes", "quote", "source", "advice", "figure", "indicator", "says"),
    *("why", "reading", "rests_on", "assumed_for", "why_so", "asked_by", "remark", "clauses_on"),
    *("goals_more", "clauses_without", "worth_remark", "other_spots"),
}
# Columns whose lines say in which unit their figures are: those for 1,000 people have two digits.
_FIGURES = ("today_figure", "figure_in", "figure_more")
# Columns of the years that stand in a second table of the summary, with the staff: one table would be too broad.
_BELOW = {
    *("adding", "pay", "standing_pay", "postings", "outreach", "functions", "functions_yearly", "consortia"),
    *("consortia_yearly", "contracts_yearly", "capital", "recurrent", "number_of"),
}
# The colours of the map.
_COLOURS = {
    "served": "#009e73", "no_capacity": "#e69f00", "rounds": "#56b4e9", "posted": "#cc79a7", "out_of_range": "#d55e00",
}  # fmt: skip


def workbook(content: Mapping[str, Any], language: Language) -> bytes:
    """Return a plan as an xlsx file: one sheet per table, in one language."""
    buffer = io.BytesIO()
    book = _new_book(buffer, content["title"][language], content["as_of"])
    looks = _Looks(book)
    tables = sheets(content, language)
    _summary_sheet(book, looks, content, tables["years"], language)
    _contents_sheet(book, looks, [table for table in tables.values() if table.name != "years"], language)
    for table in tables.values():
        if table.name != "years":
            _table_sheet(book, looks, table, language)
    book.close()
    return buffer.getvalue()


def comparison_workbook(made: Comparison, contents: Sequence[Mapping[str, Any]], language: Language) -> bytes:
    """Return plans beside the first of them as an xlsx file: their lines, then one sheet per table, in one language."""
    title = say_in(language, "compare.title", district=contents[0]["district_data"]["name"][language])
    parts = [list(labelled(lines)) for lines in lines_in(made, contents, language)]
    tables = list(comparison_sheets(made, contents, language).values())
    return tables_workbook(title, max(content["as_of"] for content in contents), parts, tables, language)


def tables_workbook(
    title: str, day: str, parts: Sequence[Sequence[tuple[str, str]]], tables: Sequence[Sheet], language: Language
) -> bytes:
    """Return tables as an xlsx file, in one language: a sheet of lines, then what there is, then one sheet per table.

    Parameters
    ----------
    day
        The day that the file bears, so that the same content gives the same bytes.
    parts
        The lines of the first sheet, each with its label or "", in parts with room between them.
    """
    buffer = io.BytesIO()
    book = _new_book(buffer, title, day)
    looks = _Looks(book)
    page = book.add_worksheet(say_in(language, "sheet.summary"))
    page.hide_gridlines(2)
    page.write_string(0, 0, _fitted(clean(title), language), looks.of(bold=True, font_size=14))
    page.set_column(
        0, 0, max(11, min(30, 2 + max((width_of(label) for part in parts for label, _ in part), default=0)))
    )
    page.set_column(1, 1, _LINES_WIDTH)
    row = 2
    for lines in parts:
        for line in lines:
            _write_line(page, looks, row, line, _LINES_WIDTH, language)
            row += 1
        row += 1
    _for_paper(page, 1)
    _contents_sheet(book, looks, tables, language)
    for table in tables:
        _table_sheet(book, looks, table, language)
    book.close()
    return buffer.getvalue()


def _new_book(buffer: io.BytesIO, title: str, day: str) -> "Workbook":
    """Return a new workbook that knows no other day than the one given: the same content gives the same bytes."""
    import xlsxwriter  # only when a workbook is written

    book = xlsxwriter.Workbook(buffer, OPTIONS)
    created = datetime.combine(datetime.fromisoformat(day), time(), UTC)
    book.set_properties({"title": clean(title), "author": "allocate", "created": created})
    return book


class _Looks:
    """The formats of a workbook, each made once."""

    def __init__(self, book: "Workbook") -> None:
        self._book = book
        self._made: dict[tuple[tuple[str, Any], ...], Format] = {}

    def of(self, **properties: Any) -> "Format":
        key = tuple(sorted(properties.items()))
        if key not in self._made:
            self._made[key] = self._book.add_format({"valign": "vcenter", **properties})
        return self._made[key]

    def heading(self, field: Field, indent: int) -> "Format":
        align = "right" if field.is_number else "center" if field.kind == "mark" else "left"
        return self.of(bold=True, text_wrap=True, bg_color="#e8eef3", bottom=1, align=align, indent=indent)

    def cell(self, field: Field, cell: Cell, row: Mapping[str, Cell], indent: int) -> "Format":
        """Return how a cell looks: by what it holds, and by what its line says."""
        look: dict[str, Any] = {"indent": indent} if indent else {}
        if field.is_number:
            look["num_format"] = _number_format(field, cell, row)
            if field.blank and cell is None:
                look["align"] = "right"
        elif field.kind == "mark":
            look |= {"align": "center", "font_color": "#0072b2"}
        elif field.word in _WIDE:
            look["text_wrap"] = True
        if row.get("status") == "missed":
            look |= {"font_color": "#9c2a00", "bold": field.name == "status"}
        if field.kind == "code" and field.group == "basis" and cell in SOFT:
            look |= {"font_color": "#8a5a00", "italic": True}
        if "town_id" in row and row["town_id"] is None:
            look |= {"bold": True, "bg_color": "#f4f6f8"}
        return self.of(**look)


def _number_format(field: Field, cell: Cell, row: Mapping[str, Cell]) -> str:
    share = field.kind == "share" or (
        field.kind == "measure" and row.get("shortfall_unit" if field.word == "shortfall" else "unit") == "ratio"
    )
    if field.word in _FIGURES and row.get("unit") == "per_1000":
        return '"< 0.01"' if isinstance(cell, float) and 0 < cell < 0.005 else _FORMATS["rate"]
    if not share:
        # (A spreadsheet shows the point of a number that has nothing after it.)
        whole = isinstance(cell, int) or (isinstance(cell, float) and cell.is_integer())
        if field.kind == "rate" and isinstance(cell, int | float) and cell >= _MANY:
            return _FORMATS["whole"]
        return _FORMATS["whole" if field.kind == "measure" and whole else field.kind]
    # What is only nearly all, or nearly nothing, never reads as 100 % or 0 %.
    if isinstance(cell, float) and 0.9995 <= cell < 1:
        return '"> 99.9%"'
    if isinstance(cell, float) and 0 < cell < 0.0005:
        return '"< 0.1%"'
    return _FORMATS["share"]


def _table_sheet(book: "Workbook", looks: _Looks, table: Sheet, language: Language) -> None:
    page = book.add_worksheet(say_in(language, f"sheet.{table.name}"))
    # One cell: whatever stands beside a title would cut it off.
    title, about = (say_in(language, f"sheet.{part}{table.name}") for part in ("", "about_"))
    page.write_rich_string(
        0, 0, looks.of(bold=True, font_size=13), title, looks.of(font_color="#5a6670"), f"　{about}", looks.of()
    )
    page.set_row(0, 22)
    _write_table(page, looks, table, language, _HEAD)
    last = max(len(table.rows), 1)
    page.autofilter(_HEAD, 0, _HEAD + last, len(table.fields) - 1)
    page.freeze_panes(_FIRST, _frozen(table))
    page.repeat_rows(_HEAD)
    if not table.rows:
        key = "sheet.not_asked" if table.name == "front" else "sheet.none_found"
        page.write_string(_FIRST, 0, say_in(language, key), looks.of(italic=True))
    elif table.name == "front":
        _front_chart(book, page, table, language)
    _for_paper(page, len(table.fields))


def _contents_sheet(book: "Workbook", looks: _Looks, tables: Sequence[Sheet], language: Language) -> None:
    """Write what every sheet holds, in how many lines, with a link to it: to sheets of this workbook alone."""
    page = book.add_worksheet(say_in(language, "sheet.contents"))
    page.hide_gridlines(2)
    title, about = (say_in(language, f"sheet.{part}contents") for part in ("", "about_"))
    page.write_rich_string(
        0, 0, looks.of(bold=True, font_size=13), title, looks.of(font_color="#5a6670"), f"　{about}", looks.of()
    )
    page.set_row(0, 22)
    fields = (Field("sheet_name", "text"), Field("sheet_lines", "whole"), Field("sheet_about", "text"))
    for at, (field, width) in enumerate(zip(fields, (26, 9, 110), strict=True)):
        page.write_string(_HEAD, at, field.heading(language), looks.heading(field, int(at == len(fields) - 1)))
        page.set_column(at, at, width)
    link = looks.of(font_color="#0072b2", underline=1)
    for row, table in enumerate(tables, start=_FIRST):
        name, says = (say_in(language, f"sheet.{part}{table.name}") for part in ("", "about_"))
        # (The names are our own: no text of the data becomes a link.)
        page.write_url(row, 0, f"internal:'{name}'!A1", link, name)
        page.write_number(row, 1, len(table.rows), looks.of(num_format=_FORMATS["whole"]))
        page.write_string(row, 2, says, looks.of(text_wrap=True, indent=1))
        page.set_row(row, _LINE * max(1, ceil(1.1 * width_of(says) / 110)))
    page.freeze_panes(_FIRST, 0)
    page.repeat_rows(_HEAD)
    _for_paper(page, len(fields))


def _frozen(table: Sheet) -> int:
    """Return how many columns stay in view: up to what the line is about."""
    names = [field.name for field in table.fields]
    return next((names.index(name) + 1 for name in _ABOUT.get(table.name, ("name", "town")) if name in names), 0)


def _indents(table: Sheet) -> list[int]:
    """Return how far every column is set off: a text right of a number, which would read as one with it."""
    fields = table.fields
    return [
        int(at > 0 and fields[at - 1].is_number and field.kind in ("text", "code")) for at, field in enumerate(fields)
    ]


def _write_table(page: "Worksheet", looks: _Looks, table: Sheet, language: Language, top: int) -> None:
    indents = _indents(table)
    for at, field in enumerate(table.fields):
        page.write_string(top, at, _fitted(field.heading(language), language), looks.heading(field, indents[at]))
        if note := field.note(language):
            page.write_comment(top, at, note, {"author": "allocate", "width": 260, "height": 90})
        page.set_column(at, at, _width(table, at, language))
    page.set_row(top, 46)
    for down, (row, record) in enumerate(zip(table.rows, table.records(), strict=True), start=top + 1):
        said = [field.say(cell, language) for field, cell in zip(table.fields, row, strict=True)]
        for at, (field, cell) in enumerate(zip(table.fields, row, strict=True)):
            _write(page, down, at, said[at], looks.cell(field, cell, record, indents[at]), language)
        lines = max(_lines(text) if field.word in _WIDE else 1 for field, text in zip(table.fields, said, strict=True))
        if lines > 1:
            page.set_row(down, min(_HIGHEST, _LINE * lines))


def _write(page: "Worksheet", row: int, column: int, cell: Cell, look: "Format", language: Language) -> None:
    if cell is None:
        page.write_blank(row, column, None, look)
    elif isinstance(cell, str):
        page.write_string(row, column, _fitted(cell, language), look)
    else:
        page.write_number(row, column, cell, look)


def _fitted(text: str, language: Language) -> str:
    """Return a text that fits into a cell; one that does not says that it was cut."""
    # (A spreadsheet counts in halves of the characters beyond the basic plane.)
    if len(text) <= LONGEST // 2 or len(text.encode("utf-16-le")) // 2 <= LONGEST:
        return text
    note = say_in(language, "sheet.cut")
    room = 2 * (LONGEST - len(note))
    return text.encode("utf-16-le")[:room].decode("utf-16-le", errors="ignore") + note


def _width(table: Sheet, at: int, language: Language) -> float:
    """Return the width of a column [characters]: what it holds, within reason."""
    field = table.fields[at]
    if field.kind == "mark":
        return _MARK
    if field.word in _WIDE and any(row[at] for row in table.rows):
        return _BROAD
    shown = [field.say(row[at], language) for row in table.rows[:200] if row[at] is not None]
    held = 2 + max((_NARROW.get(field.kind) or _length(_shown(cell)) for cell in shown), default=0)
    heading = field.heading(language)
    # (Headings take up to three lines, and no word of theirs is broken.)
    longest = max((len(word) for word in re.findall(r"[A-Za-z]+", heading)), default=0)
    held += _indents(table)[at]
    return float(min(30, max(8, held, 1.1 * longest + 1, 0.4 * _length(heading) + 2)))


def _shown(cell: Cell) -> str:
    """Return a cell about as the sheet shows it, for its length."""
    match cell:
        case float():
            return f"{cell:,.6f}".rstrip("0")
        case int():
            return f"{cell:,}"
        case _:
            return str(cell)


def _lines(text: Cell) -> int:
    """Return how many lines a text takes in a broad column."""
    return ceil(1.1 * width_of(str(text)) / _BROAD) if isinstance(text, str) and text else 1


def _length(text: str) -> int:
    """Return how many narrow characters a text takes: a Chinese one takes two."""
    return sum(2 if ord(sign) > 0x2E7F else 1 for sign in text[:80])


def _for_paper(page: "Worksheet", columns: int) -> None:
    page.set_landscape()
    page.set_paper(9 if columns <= 14 else 8)  # A4, else A3
    page.fit_to_pages(1, 0)
    page.set_footer("&L&A&C&P / &N")


def _summary_sheet(
    book: "Workbook", looks: _Looks, content: Mapping[str, Any], years: Sheet, language: Language
) -> None:
    """Write the plan in lines, its years, first people and sites and then staff, and a picture of its people."""
    name = say_in(language, "sheet.summary")
    page = book.add_worksheet(name)
    page.hide_gridlines(2)
    with speaking(language):
        head, *lines = summary(content)
    page.write_string(0, 0, _fitted(clean(head), language), looks.of(bold=True, font_size=14))
    page.set_row(0, 24)
    blocks = [block for block in _blocks(years) if len(block.fields) > 1]
    # (A table of years needs at least as many columns as the lines are joined over.)
    last = len(blocks[0].fields) - 1
    columns = range(1, max(len(block.fields) for block in blocks))
    held = [max(_width(block, at, language) for block in blocks if at < len(block.fields)) for at in columns]
    widths = [11.0, *held]
    room = sum(widths[1 : last + 1])
    for row, line in enumerate(labelled(lines), start=2):
        page.merge_range(row, 1, row, last, "", looks.of(text_wrap=True))
        _write_line(page, looks, row, line, room, language)
    top = len(lines) + 4
    page.write_string(top - 1, 0, say_in(language, "sheet.about_summary"), looks.of(font_color="#5a6670"))
    below = top
    for block in blocks:
        _write_table(page, looks, block, language, below)
        below += len(block.rows) + 2
    for at, width in enumerate(widths):
        page.set_column(at, at, width)
    _chart(book, page, blocks[0], name, (top, below), language)
    _for_paper(page, len(widths))
    page.fit_to_pages(1, 1)


def _write_line(
    page: "Worksheet", looks: _Looks, row: int, line: tuple[str, str], room: float, language: Language
) -> None:
    """Write a line of the summary, its label and its text, as high as the text needs in its room [characters]."""
    label, text = line
    page.write_string(row, 0, clean(label), looks.of(bold=True, font_color="#33526b"))
    page.write_string(row, 1, _fitted(clean(text), language), looks.of(text_wrap=True))
    page.set_row(row, min(_HIGHEST, 17 * max(1, ceil(0.92 * width_of(text) / room))))


def _blocks(years: Sheet) -> Iterator[Sheet]:
    """Yield the table of years without what stands below it, then that; all of them begin with the year."""
    broad = 0
    for is_below in (False, True):
        kept = [at for at, field in enumerate(years.fields) if at == 0 or (field.word in _BELOW) is is_below]
        # (What stands below takes as many tables as it needs to be no broader than the first one.)
        broad = broad or len(kept) - 1
        for first in range(1, max(len(kept), 2), broad):
            part = [0, *kept[first : first + broad]]
            fields = tuple(years.fields[at] for at in part)
            yield Sheet(years.name, fields, tuple(tuple(row[at] for at in part) for row in years.rows))


def width_of(text: str) -> int:
    """Return how many narrow characters a text takes, all of it."""
    return sum(_length(text[at : at + 80]) for at in range(0, len(text), 80))


def _front_chart(book: "Workbook", page: "Worksheet", front: Sheet, language: Language) -> None:
    """Draw what each further share of the people costs, below the lines."""
    chart = book.add_chart({"type": "scatter", "subtype": "straight_with_markers"})
    name, names = say_in(language, "sheet.front"), [field.name for field in front.fields]
    last = _HEAD + len(front.rows)
    across, up = (names.index(column) for column in ("average_share", "cost_front"))
    chart.add_series(
        {
            "name": [name, _HEAD, up],
            "categories": [name, _FIRST, across, last, across],
            "values": [name, _FIRST, up, last, up],
            "line": {"color": "#0072b2", "width": 1.5},
            "marker": {"type": "circle", "size": 7, "fill": {"color": "#0072b2"}, "border": {"color": "#0072b2"}},
        }
    )
    shares = [float(share or 0) for share in front.column("average_share")]
    # (Around the points, in steps of five in a hundred.)
    ends = {"min": floor(20 * min(shares)) / 20, "max": min(1.0, (floor(20 * max(shares)) + 1) / 20)}
    chart.set_x_axis({"name": front.fields[across].heading(language), "num_format": "0%", "major_unit": 0.05, **ends})
    chart.set_y_axis({"name": front.fields[up].heading(language), "num_format": "#,##0"})
    chart.set_title({"name": say_in(language, "sheet.front"), "name_font": {"size": 11}})
    chart.set_legend({"none": True})
    chart.set_size({"width": 760, "height": 380})
    page.insert_chart(last + 2, 0, chart)


def _chart(
    book: "Workbook", page: "Worksheet", years: Sheet, name: str, rows: tuple[int, int], language: Language
) -> None:
    """Draw the people by year and status, in the colours of the map: from which row of headings, and at which row."""
    top, at_row = rows
    chart = book.add_chart({"type": "bar", "subtype": "percent_stacked"})
    names = [field.name for field in years.fields]
    first, last = top + 1, top + len(years.rows)
    for status, colour in _COLOURS.items():
        at = names.index(status)
        chart.add_series(
            {
                "name": [name, top, at],
                "categories": [name, first, 0, last, 0],
                "values": [name, first, at, last, at],
                "fill": {"color": colour},
                "gap": 60,
            }
        )
    chart.set_title({"name": say_in(language, "field.people"), "name_font": {"size": 11}})
    chart.set_y_axis({"reverse": True})
    chart.set_x_axis({"num_format": "0%"})
    chart.set_legend({"position": "bottom"})
    chart.set_size({"width": 760, "height": 90 + 45 * len(years.rows)})
    page.insert_chart(at_row, 0, chart)
