"""What every layer of places gives before it becomes a sheet: attributes, shapes, and what the file says of both."""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allocate.fault_kinds import FaultKind
from allocate.files.sheet import Raw, Spotted, Unreadable

# A few bytes can stand for millions of cells: what an honest district has is far below.
MOST_CELLS = 50_000_000
# Whole numbers beyond are no longer all different as floating-point numbers.
EXACT = 2**53
_LONG = 2**63
_MIDNIGHT = re.compile(r"[T ]00:00:00(\.0+)?(Z|[+-]00(:?00)?)?$")


@dataclass(frozen=True)
class Features:
    """A layer as its file has it.

    Attributes
    ----------
    shapes
        Shapely geometry of each line, None where it has none; None where the layer has no geometries at all.
    crs
        "EPSG:n" where the file says one that is known.
    """

    heading: tuple[str, ...]
    columns: tuple[Sequence[Raw], ...]
    count: int
    shapes: NDArray[np.object_] | None = None
    crs: str = ""
    spotted: tuple[Spotted, ...] = ()


# The names of the layers of a file, and what reads one of them.
type Opened = tuple[tuple[str, ...], Callable[[str], Features]]


def cell(value: Any) -> Raw:
    """Return a value as a cell.

    >>> cell(3.0), cell(True), cell(float("nan")), cell(2**70), cell(["甲", 1])
    (3, 'TRUE', None, '1180591620717411303424', '["甲", 1]')
    """
    match value:
        case None | str():
            return value
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            # (No code that counts could take it as a number.)
            return value if abs(value) < _LONG else str(value)
        case float():
            if math.isnan(value):
                return None
            if math.isinf(value):
                return "Infinity" if value > 0 else "-Infinity"
            return int(value) if value.is_integer() and abs(value) < EXACT else value
        case Decimal():
            return cell(int(value) if value.is_finite() and value == value.to_integral_value() else float(value))
        case bytes() | bytearray() | memoryview():
            return None
        case dict() | list() | tuple():
            return json.dumps(value, ensure_ascii=False, default=str)
        case np.generic():
            return cell(value.item())
    return day(value.isoformat()) if hasattr(value, "isoformat") else str(value)


def day(moment: str) -> str:
    """Return a moment as text; a midnight as the day that it begins.

    >>> day("2024-12-26T00:00:00Z"), day("2024-12-26T08:30:00")
    ('2024-12-26', '2024-12-26T08:30:00')
    """
    return _MIDNIGHT.sub("", moment)


def tabled(records: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, ...], tuple[Sequence[Raw], ...]]:
    """Return headings and columns of records that need not all have the same keys; headings as they first come.

    Raises
    ------
    Unreadable
        When they would be too many cells.
    """
    columns: dict[str, list[Raw]] = {}
    for row, record in enumerate(records):
        for name, value in record.items():
            column = columns.get(name)
            if column is None:
                limit_cells(len(records), len(columns) + 1)
                column = columns[name] = [None] * len(records)
            column[row] = cell(value)
    return tuple(name.strip() for name in columns), tuple(columns.values())


def limit_cells(rows: int, columns: int) -> None:
    """Refuse a layer with more cells than any district has."""
    if rows * max(columns, 1) > MOST_CELLS:
        raise Unreadable(FaultKind.LAYER_CELLS, rows=rows, columns=columns, most=MOST_CELLS)
