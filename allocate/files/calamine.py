"""Calamine, run over a checked workbook in a process of its own: the library ends its process over some broken files.

The process gets the workbook, and which of its sheets to read, as bytes; it writes one line of JSON for each.
"""

import datetime as dt
import io
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

# What gives a program its bounds.
_APART = Path(__file__).with_name("apart.py")
_MOST_SECONDS = 120
# A spreadsheet keeps fifteen digits of a number: a longer one is no longer what was typed.
_DIGITS = 10**15
_DURATION = re.compile(r"PT(\d+)H(\d+)M(\d+)(?:\.\d+)?S", re.ASCII)

type Cells = list[list[str | int | float | None]]


class NotReadError(Exception):
    """The library did not read a workbook; says what it said."""


def read_apart(workbook: bytes, sheets: Sequence[int]) -> tuple[list[str], list[Cells | NotReadError]]:
    """Return the names of all sheets, and the cells of those asked for, from row 1 and column A on.

    Sheets are counted from 0 on. Instead of the cells of a sheet that was not read stands why.

    Raises
    ------
    NotReadError
        When the workbook as a whole was not read.
    """
    # (This file is run as a program, and nothing but the library is loaded.)
    command = [sys.executable, "-P", str(_APART), str(Path(__file__)), ",".join(map(str, sheets))]
    try:
        done = subprocess.run(command, input=workbook, capture_output=True, timeout=_MOST_SECONDS, check=False)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise NotReadError(type(error).__name__) from None
    lines = [json.loads(line) for line in done.stdout.splitlines()] if not done.returncode else []
    if len(lines) == 1 and isinstance(lines[0], str):
        raise NotReadError(lines[0])
    if len(lines) != len(sheets) + 1:
        # (The library, or the system, ended the process.)
        raise NotReadError("calamine")
    return lines[0], [NotReadError(cells) if isinstance(cells, str) else cells for cells in lines[1:]]


def plain(cell: object) -> str | int | float | None:
    """Return a cell as plain text or number.

    >>> plain(3.0), plain(dt.date(2020, 11, 1)), plain(True), plain(1.2e17), plain(""), plain("PT36H05M00S")
    (3, '2020-11-01', 'TRUE', 1.2e+17, None, '36:05:00')
    """
    match cell:
        case bool():
            return "TRUE" if cell else "FALSE"
        case float():
            if cell.is_integer() and abs(cell) < _DIGITS:
                return int(cell)
            return cell if abs(cell) < float("inf") else str(cell)
        case int():
            return cell if abs(cell) < _DIGITS else float(cell)
        case dt.datetime():
            # (A date that a formula gave may be stored as a date-time at midnight.)
            return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat(" ", "seconds")
        case dt.date():
            return cell.isoformat()
        case dt.time():
            return cell.isoformat("seconds")
        case dt.timedelta():
            seconds = round(cell.total_seconds())
            return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        case str():
            found = _DURATION.fullmatch(cell)
            return ":".join((str(int(found[1])), found[2], found[3])) if found else cell or None
        case _:
            return None


def _main() -> None:
    from python_calamine import CalamineWorkbook

    asked = [int(number) for number in sys.argv[1].split(",")]
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(sys.stdin.buffer.read()))
    except BaseException as error:
        # (A panic of the library is no Exception.)
        sys.stdout.write(json.dumps(str(error)[:80]))
        return
    sys.stdout.write(json.dumps(book.sheet_names) + "\n")
    for number in asked:
        try:
            rows = book.get_sheet_by_index(number).to_python(skip_empty_area=False)
            # (Most cells are texts that stay as they are.)
            cells = [
                [cell if type(cell) is str and cell[:1] not in ("", "P") else plain(cell) for cell in row]
                for row in rows
            ]
            sys.stdout.write(json.dumps(cells) + "\n")
        except BaseException as error:
            sys.stdout.write(json.dumps(str(error)[:80]) + "\n")


if __name__ == "__main__":
    _main()
