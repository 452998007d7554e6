"""The tables of a plan as CSV that Excel opens in Chinese, and that no spreadsheet computes."""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from allocate.report.sheets import sheets, sites_sheet
from allocate.report.table import Cell, Sheet
from allocate.words import LANGUAGES, Language

# A spreadsheet takes a cell that begins with one of these for a formula.
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_BLANK = ("\t", "\n")
_MARK = "\ufeff"  # tells Excel that the file is UTF-8


def csv_files(content: Mapping[str, Any], language: Language) -> dict[str, str]:
    """Return every table of a plan as CSV by its name, with a byte order mark; shares are fractions of 1."""
    return {name: sheet_csv(sheet, language) for name, sheet in sheets(content, language).items()}


def sheet_csv(sheet: Sheet, language: Language) -> str:
    """Return a table as CSV, with a byte order mark."""
    return _MARK + _csv(_in_words(sheet, language))


def sites_csv(content: Mapping[str, Any]) -> str:
    """Return the table of sites as CSV, headings and words in Chinese and English side by side."""
    chinese, english = (_in_words(sites_sheet(content, spoken), spoken) for spoken in LANGUAGES)
    pairs = (zip(*rows, strict=True) for rows in zip(chinese, english, strict=True))
    return _csv([one if one == other else f"{one} · {other}" for one, other in cells] for cells in pairs)


def tidy_csv(sheet: Sheet, names: Iterable[str]) -> str:
    """Return a table as CSV for programs: columns by the names given, codes as codes, with a byte order mark."""
    return _MARK + _csv([list(names), *sheet.rows])


def _in_words(sheet: Sheet, language: Language) -> list[list[Cell]]:
    """Return headings and rows as people read them."""
    rows = [[field.say(cell, language) for field, cell in zip(sheet.fields, row, strict=True)] for row in sheet.rows]
    return [[field.heading(language) for field in sheet.fields], *rows]


def _csv(rows: Iterable[Iterable[Cell]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows([_plain(cell) for cell in row] for row in rows)
    return text.getvalue()


def _plain(cell: Cell) -> Cell:
    """Return a cell, marked as text where a spreadsheet would compute it: it passes over blanks before a formula."""
    computed = isinstance(cell, str) and (cell.startswith(_BLANK) or cell.lstrip().startswith(_FORMULA))
    return f"'{cell}" if computed else cell
