"""What every kind of file gives: cells as they stand, with the row numbers that its own program shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from allocate.errors import Value
from allocate.fault_kinds import FaultKind

# A cell as the file has it. Dates are text (2024-12-26); a truth is "TRUE" or "FALSE"; nothing is None.
type Raw = str | int | float | None


MEGABYTE = 1_000_000


class Unreadable(Exception):
    """A file, or a part of it, cannot be taken; says why and what to do, and is caught by whoever reads the folder."""

    def __init__(self, what: FaultKind, *, row: int | None = None, value: Value = None, **details: Value) -> None:
        super().__init__(what)
        self.what, self.row, self.value, self.details = what, row, value, details


def too_large(size: int, most: int) -> Unreadable:
    """Say that something has more bytes than are read."""
    return Unreadable(FaultKind.FILE_LARGE, size=-(-size // MEGABYTE), most=most // MEGABYTE)


@dataclass(frozen=True)
class Spotted:
    """One thing that was found in a sheet: a fault, or what was understood although it was written oddly.

    Attributes
    ----------
    row, column
        Where, as the file's own program counts; the column by the planner's own heading.
    fault
        Whether it must be mended; otherwise it is said as a warning.
    """

    what: FaultKind
    row: int | None = None
    column: str = ""
    value: Value = None
    details: Mapping[str, Value] = field(default_factory=dict)
    fault: bool = True


@dataclass(frozen=True)
class Grid:
    """The cells of a sheet, heading and all.

    Attributes
    ----------
    cells
        Rows of cells from row 1 on; rows may differ in length.
    even
        Whether every row must have as many cells as the heading: a comma too many shifts what stands behind it.
    spotted
        What was found while opening it.
    """

    cells: Sequence[Sequence[Raw]]
    even: bool = False
    spotted: tuple[Spotted, ...] = ()


@dataclass(frozen=True)
class Sheet:
    """A table as a file gives it: headings and cells, before anybody asks what they mean.

    Attributes
    ----------
    heading
        What stands above the columns, in the planner's words; stripped.
    columns
        The cells below each heading, all of the same length.
    rows
        Number of each line as the file's own program counts.
    heading_row
        Number of the row of headings; 0 where a format keeps headings apart from rows.
    points
        Coordinates x and y of each line, shape (lines, 2), where the file has geometries; NaN where one has none.
    crs
        What the file says its coordinates are, such as "EPSG:4490"; empty where it does not say.
    spotted
        What was found while opening it.
    """

    heading: tuple[str, ...]
    columns: tuple[Sequence[Raw], ...]
    rows: Sequence[int]
    heading_row: int = 1
    points: NDArray[np.float64] | None = None
    crs: str = ""
    spotted: tuple[Spotted, ...] = ()
