"""How a cell of a sheet, a share or a number reads as text, wherever it is written."""

from collections.abc import Mapping
from math import floor

from allocate.report.clauses import share_beside
from allocate.report.summary import percent, percent_exact, percent_up
from allocate.report.table import Cell, Field
from allocate.words import Language, say_in

Record = Mapping[str, Cell]

_ROUND = 1_000  # figures as large as this have no decimals


def share_said(share: float) -> str:
    """Return a share, or a difference of shares, in percent; what is not all never reads 100, what is not 0 never 0.

    >>> share_said(0.99999), share_said(-0.25), share_said(1.0), share_said(-0.000001)
    ('99.99%', '-25%', '100%', '-0.01%')
    """
    sign = "-" if share < 0 else ""
    return f"{sign}{percent_exact(abs(share))}%"


def number_said(number: float) -> str:
    """Return a number to six figures, and never in powers of ten.

    >>> number_said(1234567.0), number_said(0.1 + 0.2), number_said(66000), number_said(0.00001234)
    ('1,234,567', '0.3', '66,000', '0.00001234')
    """
    if abs(number) >= 100_000 or float(number).is_integer():
        return f"{number:,.0f}"
    text = f"{number:.6g}"
    if "e" in text:
        text = f"{number:.12f}"
    whole, _, part = text.partition(".")
    said = f"{int(whole):,}" if whole.lstrip("-") != "0" else whole
    return f"{said}.{part}".rstrip("0").rstrip(".")


def cell_said(field: Field, record: Record, language: Language, *, is_unknown: bool = False) -> str:
    """Return a cell of a sheet as people read it; where a blank means that nobody knows, it says so."""
    cell = field.say(record[field.name], language)
    if cell is None:
        return say_in(language, "card.unknown") if is_unknown else ""
    if isinstance(cell, str):
        return cell
    match field.kind:
        case "year":
            return str(cell)
        case "share":
            # (One place is enough in a table, and a difference has its sign.)
            return f"{'-' if cell < 0 else ''}{percent(abs(cell), 1)}%"
        case "gap":
            return f"{percent_up(cell)}%"
        case "minutes":
            return f"{cell:.1f}"
        case "rate":
            return f"{cell:,.2f}"
        case "degrees":
            return f"{cell:.5f}"
        case "measure" if record.get("shortfall_unit" if field.name == "shortfall" else "unit") == "ratio":
            # (A difference has its sign here too: less is not next to nothing.)
            return f"{'-' if cell < 0 else ''}{share_beside(abs(cell), abs(cell))}%"
        case "measure" if isinstance(cell, float) and abs(cell) < _ROUND:
            return f"{cell:,.2f}".rstrip("0").rstrip(".")
        case "measure":
            return f"{floor(cell):,}"  # (A bound is never rounded up.)
        case _:
            return f"{cell:,}"
