"""What the pages of answers have in common: sheets as tables to read, bins, classed sites, the ground of a map."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from math import ceil, floor, log10, sqrt
from typing import Any

from allocate.report.blocks import ClassedMap, ClassedSite, Grid, Series, SiteClass
from allocate.report.cells_said import cell_said, number_said
from allocate.report.table import Cell, Field, Sheet
from allocate.units import FIRM
from allocate.words import Language, say_in

# Rows of a table on a page; the others stand in the workbook and the CSV.
MOST_ROWS = 500
# What of a district a map draws.
_GROUND = ("name", "datum", "epsg", "boundary", "towns")
_OF_PLACE = ("id", "name", "town", "lon", "lat")


def grid_of(
    sheet: Sheet,
    language: Language,
    *,
    columns: Collection[str] = (),
    rows: Iterable[int] | None = None,
    caption: str = "",
    unknown: Collection[str] = (),
    exact: Collection[str] = (),
    strong: Collection[int] = (),
    note: str = "",
    most: int = MOST_ROWS,
) -> Grid:
    """Return a sheet as a table to read, its cells in words, codes said and shares in percent.

    Parameters
    ----------
    columns
        Names of the columns that are kept, in this order; all of them where none is named.
    rows
        Which rows are kept, by their place from 0; all of them where nothing is said.
    caption
        What it shows; else what the catalogue says of the sheet.
    unknown
        Columns in which a blank means that nobody knows.
    exact
        Columns whose numbers are written to six figures, whatever they are.
    strong
        Rows that hold sums, by their place in the sheet from 0.
    most
        Rows that are shown at most; the note says where the others stand.
    """
    by_name = {field.name: field for field in sheet.fields}
    fields = [by_name[name] for name in columns] if columns else list(sheet.fields)
    records: list[Mapping[str, Cell]] = list(sheet.records())
    kept = range(len(records)) if rows is None else list(rows)
    shown = kept[:most]
    if len(shown) < len(kept):
        cut = say_in(language, "answer.rows_left", shown=len(shown), rows=len(kept))
        note = " ".join(filter(None, (note, cut)))

    def said(field: Field, record: Mapping[str, Cell]) -> str:
        cell = record[field.name]
        if field.name in exact and isinstance(cell, int | float):
            return number_said(cell)
        return cell_said(field, record, language, is_unknown=field.name in unknown)

    return Grid(
        caption or say_in(language, f"sheet.{sheet.name}"),
        tuple(field.heading(language) for field in fields),
        tuple(tuple(said(field, records[at]) for field in fields) for at in shown),
        (1.0,) * len(fields),
        frozenset(at for at, field in enumerate(fields) if field.is_number and field.kind != "year"),
        frozenset(at for at, row in enumerate(shown) if row in set(strong)),
        note,
    )


def bins_of(name: str, values: Sequence[float], most: int = 12) -> Series:
    """Return how many of some values lie in each of at most so many bins of a round breadth, as a series.

    A value on an end lies in the bin above it, that on the last end in the last bin.

    >>> bins_of("", [0.0, 1.0, 1.5, 4.0], most=4)
    Series(name='', x=(0.0, 1.0, 2.0, 3.0, 4.0), y=(1, 2, 0, 1), low=(), high=(), box_low=(), box_high=(), labels=())
    """
    low, high = min(values), max(values)
    # (What differs in its last digits alone is one value.)
    size = max(abs(low), abs(high), 1e-3)
    step = _round_step((high - low) / most if high - low > 1e-9 * size else 1e-3 * size)
    first = floor(low / step)
    count = max(1, ceil((high - first * step - 1e-12 * size) / step))
    ends = [round((first + n) * step, 12) for n in range(count + 1)]
    counts = [0] * count
    for value in values:
        at = next((n for n in range(count) if value < ends[n + 1]), count - 1)
        counts[at] += 1
    return Series(name, tuple(ends), tuple(counts))


def _round_step(least: float) -> float:
    """Return 1, 2 or 5 times a power of ten that is no less than a number.

    >>> _round_step(0.3), _round_step(1.0), _round_step(2.1)
    (0.5, 1.0, 5.0)
    """
    power = floor(log10(least))
    steps = (times * 10.0**n for n in (power, power + 1) for times in (1, 2, 5))
    return next(round(step, 15) for step in steps if step >= least * (1 - 1e-12))


def ground_of(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return of a plan's content what a map of classed sites draws, so that an answer can keep it."""
    district = content["district_data"]
    places = [{key: place.get(key) for key in _OF_PLACE} for place in district["places"]]
    ground = {"district_data": {**{key: district.get(key) for key in _GROUND}, "places": places}}
    number = content.get("map_approval_number")
    return ground | ({"map_approval_number": number} if number else {})


def classed_map(
    content: Mapping[str, Any],
    groups: Mapping[str, str],
    classes: Sequence[SiteClass],
    *,
    caption: str,
    note: str = "",
    notes: Mapping[str, str] | None = None,
    ground: Mapping[str, Any] | None = None,
) -> ClassedMap:
    """Return the map of sites of a plan by their classes.

    Parameters
    ----------
    content
        A plan's content: the positions are those of its sites, its candidates and the institutions of the district.
    groups
        The key of the class of every site that is drawn, by the id of the site.
    notes
        What is said besides of a site when one points at it, by its id.
    """
    district = content["district_data"]
    towns = {town["id"]: str(town["name"]) for town in district["towns"]}
    known: dict[str, Mapping[str, Any]] = {}
    for row in (*content.get("sites", ()), *content.get("candidates", ()), *district.get("institutions", ())):
        known.setdefault(row["id"], row)
    sites = []
    for code, group in groups.items():
        row = known.get(code, {})
        basis = row.get("basis", row.get("position_basis"))
        sites.append(
            ClassedSite(
                code,
                str(row.get("name", code)),
                towns.get(str(row.get("town")), ""),
                row.get("lon"),
                row.get("lat"),
                group,
                basis in FIRM,
                (notes or {}).get(code, ""),
            )
        )
    return ClassedMap(caption, ground or ground_of(content), tuple(classes), tuple(sites), note)


def rank_correlation(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Return how closely two rows of numbers go together by their ranks, from -1 to 1; None where one never changes.

    After Spearman 1904 (American Journal of Psychology 15); equal numbers share the middle of their ranks.

    >>> rank_correlation([1.0, 2.0, 3.0], [10.0, 100.0, 1000.0]), rank_correlation([1.0, 2.0], [5.0, 5.0])
    (1.0, None)
    """
    ranks = [_ranks(numbers) for numbers in (one, other)]
    middle = (len(one) + 1) / 2
    first, second = ([rank - middle for rank in row] for row in ranks)
    squares = sum(a * a for a in first) * sum(b * b for b in second)
    if not squares:
        return None
    return round(sum(a * b for a, b in zip(first, second, strict=True)) / sqrt(squares), 9)


def _ranks(numbers: Sequence[float]) -> list[float]:
    order = sorted(range(len(numbers)), key=lambda at: numbers[at])
    ranks = [0.0] * len(numbers)
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and numbers[order[end + 1]] == numbers[order[start]]:
            end += 1
        for at in order[start : end + 1]:
            ranks[at] = (start + end) / 2 + 1
        start = end + 1
    return ranks
