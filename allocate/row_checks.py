"""What holds between the rows and tables of a district: codes point somewhere, people add up, positions lie inside."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import shapely

from allocate import synonyms, tables
from allocate.errors import Value
from allocate.fault_kinds import FaultKind
from allocate.folder import Folder
from allocate.postings import is_specialty, months_of
from allocate.table_reading import Row, Rows
from allocate.tables import Table
from allocate.values import Cell
from allocate.words import LANGUAGES, few, say, unit_of_column

# Columns with the code of a row of another table; the last is where the code must stand.
LINKS = (
    (tables.PLACES, "town", tables.TOWNS),
    (tables.INSTITUTIONS, "town", tables.TOWNS),
    (tables.INSTITUTIONS, "place", tables.PLACES),
    (tables.INSTITUTIONS, "parent", tables.INSTITUTIONS),
    (tables.TOWNS, "near", tables.TOWNS),
    (tables.STAFF, "institution", tables.INSTITUTIONS),
    (tables.TRAVEL, "from", tables.PLACES),
    (tables.TOURS, "hub", tables.INSTITUTIONS),
    (tables.FUNCTIONS, "institution", tables.INSTITUTIONS),
    (tables.FUNCTIONS, "centre", tables.INSTITUTIONS),
    (tables.FIELDS, "hub", tables.INSTITUTIONS),
    (tables.CARE_HOMES, "town", tables.TOWNS),
    (tables.CARE_HOMES, "institution", tables.INSTITUTIONS),
    (tables.CANDIDATES, "town", tables.TOWNS),
    (tables.CANDIDATES, "place", tables.PLACES),
    (tables.GROWTH, "town", tables.TOWNS),
    (tables.PEOPLE_BY_YEAR, "place", tables.PLACES),
)
# Between which somebody may have observed how long the way takes.
_GONE_BETWEEN = (tables.PLACES, tables.INSTITUTIONS, tables.CARE_HOMES)
# Two observed times of one way contradict each other when one is longer than the other by more than this factor.
_CONTRADICTION = 1.5
# What is said of a line that was not read as a row.
_UNREAD_LINES = (FaultKind.CELLS, FaultKind.TOTAL_ROW, FaultKind.NOTE_ROW, FaultKind.TWICE)
# What may stand in one row only, and how it is said.
_ONCE = (
    (tables.TRAVEL, ("from", "to", "mode"), FaultKind.PAIR_TWICE, " → "),
    (tables.STAFF, ("institution", "resource"), FaultKind.STAFF_TWICE, " · "),
    (tables.FUNCTIONS, ("institution", "function"), FaultKind.FUNCTION_TWICE, " · "),
)


def read_names(folder: Folder, rows: Mapping[str, Rows]) -> None:
    """Put the codes of towns and institutions where a list gives their names, and say so; what two share stays."""
    for table, column, target in LINKS:
        if target not in (tables.TOWNS, tables.INSTITUTIONS):
            continue
        named: dict[Cell, set[Cell]] = {}
        for _, row in rows.get(target.name, ()):
            named.setdefault(row["name"], set()).add(row["id"])
        taken = {code for codes in named.values() for code in codes}
        codes = {name: min(ids, key=str) for name, ids in named.items() if len(ids) == 1 and name not in taken}
        codes.pop(None, None)
        found = [(number, row, row[column]) for number, row in rows.get(table.name, ()) if row[column] in codes]
        for _, row, name in found:
            row[column] = codes[name]
        for number, _, name in found[:1]:
            details = {"code": codes[name], "count": len(found)}
            folder.warn(FaultKind.NAME_READ, table, row=number, column=column, value=name, **details)


def check_rows(folder: Folder, rows: Mapping[str, Rows], boundary: shapely.Geometry | None) -> None:
    """Note every fault between rows and tables; `rows` are those of every table, by its name."""

    def of(table: Table) -> Rows:
        return rows.get(table.name, [])

    places, institutions = of(tables.PLACES), of(tables.INSTITUTIONS)
    _check_links(folder, rows)
    _check_parents(folder, institutions)
    for table, columns, what, between in _ONCE:
        _check_once(folder, table, of(table), columns, what, between)
    _check_towns(folder, of(tables.TOWNS), places)
    for table in (tables.PLACES, tables.TOWNS, tables.INSTITUTIONS, tables.CARE_HOMES, tables.CANDIDATES):
        _check_positions(folder, table, of(table), boundary)
    _check_candidates(folder, of(tables.CANDIDATES), places, institutions)
    _check_people(folder, places, {str(row["indicator"]): row for _, row in of(tables.FACTS)})
    _check_town_people(folder, of(tables.TOWNS), places)
    _check_households(folder, places)
    _check_facts(folder, of(tables.FACTS))
    _check_fields(folder, of(tables.FIELDS), institutions)
    _check_growth(folder, of(tables.GROWTH))
    _check_by_year(folder, of(tables.PEOPLE_BY_YEAR))
    _check_experts(folder, of(tables.POOLS), of(tables.TOURS))
    _check_observed(folder, of(tables.OBSERVED), [row for table in _GONE_BETWEEN for _, row in of(table)])


def _codes(folder: Folder, rows: Mapping[str, Rows], *of: Table) -> tuple[set[Cell], float]:
    """Return the codes of tables, and how many more there may be: those of rows that could not be read as they are."""
    told = [row["id"] for table in of for _, row in rows.get(table.name, ())]
    codes = set(told) - {None}
    return codes, len(told) - len(codes) + sum(folder.lost.get(table.name, 0) for table in of)


def _check_links(folder: Folder, rows: Mapping[str, Rows]) -> None:
    """Blame every code that points to nothing."""
    everywhere = (tables.PLACES, tables.TOWNS, tables.INSTITUTIONS)
    for table, column, target in LINKS:
        _blame_unknown(folder, rows, table, column, target)
    # (Somebody may go to a place or to an institution, and there may be no institutions at all.)
    _blame_unknown(folder, rows, tables.TRAVEL, "to", tables.PLACES, tables.INSTITUTIONS, tables.CANDIDATES)
    _blame_unknown(folder, rows, tables.SESSIONS, "where", *everywhere)
    for column in ("from", "to"):
        _blame_unknown(folder, rows, tables.OBSERVED, column, *_GONE_BETWEEN)


def _blame_unknown(folder: Folder, rows: Mapping[str, Rows], table: Table, column: str, *targets: Table) -> None:
    codes, lost = _codes(folder, rows, *targets)
    told = [(number, row[column]) for number, row in rows.get(table.name, ())]
    strange = [(number, value) for number, value in told if value is not None and value not in codes]
    # (As few as were lost may be those: they are found once the rows that lost them are mended.)
    if len({value for _, value in strange}) <= lost:
        return
    listed = ", ".join(folder.called(target) for target in targets)
    for number, value in strange:
        folder.blame(FaultKind.UNKNOWN_CODE, table, row=number, column=column, value=value, target=listed)


def _check_once(
    folder: Folder, table: Table, rows: Rows, columns: Sequence[str], what: FaultKind, between: str
) -> None:
    """Blame, once, what stands in several rows of a table: the first of them."""
    abouts = [tuple(row[column] for column in columns) for _, row in rows]
    times = Counter(abouts)
    for (number, _), about in zip(rows, abouts, strict=True):
        if times[about] > 1 and None not in about:
            folder.blame(what, table, row=number, value=between.join(map(str, about)))
            times[about] = 0


def _check_towns(folder: Folder, towns: Rows, places: Rows) -> None:
    """Say which towns have no places; not where as many places lost their town."""
    there = [row["town"] for _, row in places]
    codes = {row["id"] for _, row in towns} - {None}
    empty = [(number, row) for number, row in towns if row["id"] in codes.difference(there)]
    lost = folder.lost.get(tables.PLACES.name, 0) + sum(code not in codes for code in there)
    for number, row in empty if len(empty) > lost else ():
        folder.warn(FaultKind.TOWN_EMPTY, tables.TOWNS, row=number, value=row["name"])


def _check_parents(folder: Folder, institutions: Rows) -> None:
    """Blame whoever stands above an institution without being of a kind that may; so no circle can arise."""
    kinds = {row["id"]: row["kind"] for _, row in institutions}
    table = tables.INSTITUTIONS
    blamed = folder.blamed(table)
    for number, row in institutions:
        parent = row["parent"]
        if parent is None:
            continue
        if row["parent_basis"] is None and not blamed(number, "parent_basis"):
            folder.blame(FaultKind.PARENT_BASIS, table, row=number, column="parent_basis")
        above = tables.KINDS_ABOVE.get(str(row["kind"]), ())
        if row["kind"] is None or kinds.get(parent) is None:
            # (A kind or an id that cannot be read is blamed already.)
            continue
        if not above:
            folder.blame(FaultKind.PARENT_NONE, table, row=number, column="parent", value=parent, kind=row["kind"])
        elif kinds[parent] not in above:
            details = {"kind": row["kind"], "above": ", ".join(above), "found": kinds[parent]}
            folder.blame(FaultKind.PARENT_KIND, table, row=number, column="parent", value=parent, **details)


def _check_positions(folder: Folder, table: Table, rows: Rows, boundary: shapely.Geometry | None) -> None:
    """Blame half a position and points outside the boundary; say which places lie on one spot."""
    spots = np.array([[row[name] for _, row in rows] for name in ("lon", "lat")], dtype=np.float64).T
    missing = np.isnan(spots)
    blamed = {
        p.row for p in folder.problems if p.file == folder.called(table) and p.column in ("lon", "lat", "lon, lat")
    }
    for i in np.flatnonzero(missing[:, 0] != missing[:, 1]).tolist():
        if rows[i][0] not in blamed:
            folder.blame(FaultKind.HALF_POSITION, table, row=rows[i][0])
    whole = np.flatnonzero(~missing.any(axis=1))
    if boundary is not None:
        shapely.prepare(boundary)
        inside = shapely.contains_xy(boundary, spots[whole, 0], spots[whole, 1])
        for i in whole[~inside].tolist():
            value = f"{spots[i, 0]}, {spots[i, 1]}"
            folder.blame(FaultKind.OUTSIDE, table, row=rows[i][0], column="lon, lat", value=value)
    if table is tables.PLACES:
        _warn_same_spot(folder, table, rows, ((i, spots[i, 0].item(), spots[i, 1].item()) for i in whole.tolist()))


def _check_candidates(folder: Folder, candidates: Rows, places: Rows, institutions: Rows) -> None:
    """Blame a candidate that is called like an institution, or like one that the program makes of another place."""
    taken = {row["id"] for _, row in institutions} - {None}
    codes = {row["id"] for _, row in places} - {None}
    for number, row in candidates:
        name = row["id"]
        kind, _, place = str(name).partition("-")
        made = kind in tables.INSTITUTION_KINDS and place in codes and (kind, place) != (row["kind"], row["place"])
        if name in taken or made:
            folder.blame(FaultKind.CANDIDATE_TAKEN, tables.CANDIDATES, row=number, column="id", value=name)


def _warn_same_spot(folder: Folder, table: Table, rows: Rows, spots: Iterator[tuple[int, float, float]]) -> None:
    first: dict[tuple[float, float], int] = {}
    for i, lon, lat in spots:
        if (lon, lat) in first:
            value = f"{lon}, {lat}"
            first_row = first[lon, lat]
            folder.warn(FaultKind.SAME_SPOT, table, row=rows[i][0], column="lon, lat", value=value, first=first_row)
        first.setdefault((lon, lat), rows[i][0])


def _check_people(folder: Folder, places: Rows, totals: Mapping[str, Row]) -> None:
    """Blame people who do not add up: to the published totals, and within a place."""
    table = tables.PLACES
    blamed = folder.blamed(table)
    counted = [(name, f"{name}_basis") for name in ("people", *tables.AGE_COLUMNS)]
    for number, row in places:
        _check_ages(folder, table, number, row)
    for name, basis in counted:
        without = [
            number
            for number, row in places
            if row[name] is not None and row[basis] is None and not blamed(number, basis)
        ]
        # (Where no row has one, it is the column that is missing or blank.)
        told = without if any(row[basis] is not None for _, row in places) else [None] if without else []
        headings = {language: synonyms.heading_of(table, basis, language) for language in LANGUAGES}
        for row_told in told:
            folder.blame(FaultKind.NO_BASIS, table, row=row_told, column=basis, **headings)
    if not places:
        return
    for column, indicator in tables.TOTALS.items():
        values = [row[column] for _, row in places]
        known = [value for value in values if isinstance(value, int)]
        wanted = totals.get(indicator)
        if wanted is None or wanted["value"] is None or len(known) < len(values) or _lines_lost(folder, table):
            continue
        if sum(known) != wanted["value"]:
            folder.blame(
                FaultKind.SUM,
                table,
                column=column,
                value=sum(known),
                wanted=wanted["value"],
                indicator=indicator,
                target=folder.called(tables.FACTS),
            )
    people = [row["people"] for _, row in places]
    if all(isinstance(count, int) for count in people) and not any(people):
        folder.blame(FaultKind.NOBODY, table, column="people")


def _lines_lost(folder: Folder, table: Table) -> bool:
    """Tell whether rows of a table could not be read at all: then no sum is asked."""
    name = folder.called(table)
    return any(p.file == name and p.what in _UNREAD_LINES for p in folder.problems)


def _check_ages(folder: Folder, table: Table, number: int, row: Row) -> None:
    """Blame age groups of a row that are more people than live there, each alone or both together."""
    people = row["people"]
    numbers = [count for name in tables.AGE_COLUMNS if isinstance(count := row[name], int)]
    if not isinstance(people, int) or sum(numbers) <= people:
        return
    groups = {name: row[name] for name in tables.AGE_COLUMNS}
    for name, count in groups.items():
        if isinstance(count, int) and count > people:
            folder.blame(FaultKind.OLD_EXCEED, table, row=number, column=name, value=count, people=people)
    if all(count <= people for count in numbers):
        columns = ", ".join(groups)
        folder.blame(FaultKind.AGES_EXCEED, table, row=number, column=columns, value=sum(numbers), people=people)


def _check_town_people(folder: Folder, towns: Rows, places: Rows) -> None:
    """Blame totals of towns without a basis; say which their places, all of them known, do not add up to."""
    table = tables.TOWNS
    blamed = folder.blamed(table)
    headings = {
        name: {language: synonyms.heading_of(table, f"{name}_basis", language) for language in LANGUAGES}
        for name in tables.TOTALS
    }
    of_town: dict[Cell, Rows] = {}
    for number, row in places:
        of_town.setdefault(row["town"], []).append((number, row))
    for number, row in towns:
        _check_ages(folder, table, number, row)
        mine = of_town.get(row["id"], [])
        for name in tables.TOTALS:
            total, basis = row[name], f"{name}_basis"
            if not isinstance(total, int):
                continue
            if row[basis] is None and not blamed(number, basis):
                folder.blame(FaultKind.NO_BASIS, table, row=number, column=basis, **headings[name])
            known = [count for _, place in mine if isinstance(count := place[name], int)]
            whole = len(known) == len(mine) > 0 and not _lines_lost(folder, tables.PLACES)
            if whole and sum(known) != total:
                details = {"total": total, "places": sum(known)}
                folder.warn(FaultKind.TOWN_SUM, table, row=number, column=name, value=total, **details)


def _check_households(folder: Folder, places: Rows) -> None:
    """Say where households and people do not go together."""
    low, high = tables.HOUSEHOLD_SIZE
    odd = [
        (number, row, people / households)
        for number, row in places
        if isinstance(people := row["people"], int) and isinstance(households := row["households"], int)
        if households and not low <= people / households <= high
    ]
    for number, row, size in odd[:1]:
        names = few([str(row["name"]) for _, row, _ in odd])
        details: dict[str, Value] = {"size": f"{size:.1f}", "low": low, "high": high, "count": len(odd), "names": names}
        value = row["households"]
        folder.warn(FaultKind.HOUSEHOLD_SIZE, tables.PLACES, row=number, column="households", value=value, **details)


def _check_facts(folder: Folder, facts: Rows) -> None:
    """Blame totals of people in another unit than persons, and say which indicators nobody knows."""
    for number, row in facts:
        name, unit = str(row["indicator"]), row["unit"]
        if not name.isascii():
            folder.warn(FaultKind.FACT_IDLE, tables.FACTS, row=number, column="indicator", value=name)
        elif name.startswith(tables.POPULATION) and unit is not None and synonyms.factor("persons", str(unit)) != 1:
            details = {"unit": str(unit), "wanted": f" ({unit_of_column('persons').strip()})"}
            folder.blame(FaultKind.UNIT_OTHER, tables.FACTS, row=number, column="unit", value=unit, **details)


def _check_fields(folder: Folder, fields: Rows, institutions: Rows) -> None:
    """Blame fields of institutions that receive nobody, and a field that stands twice."""
    table = tables.FIELDS
    kinds = {row["id"]: row["kind"] for _, row in institutions}
    first: set[tuple[Cell, Cell]] = set()
    for number, row in fields:
        hub, about = row["hub"], (row["hub"], row["specialty"])
        kind = kinds.get(hub)
        if kind is not None and kind not in ("hospital", *tables.HUB_KINDS):
            folder.blame(FaultKind.FIELD_KIND, table, row=number, column="hub", value=hub, kind=say(f"kind.{kind}"))
        if None not in about and about in first:
            folder.blame(FaultKind.FIELD_TWICE, table, row=number, value=" · ".join(map(str, about)))
        first.add(about)


def _check_growth(folder: Folder, growth: Rows) -> None:
    """Blame rates that leave nobody, years in the wrong order, and two rates of a town for one year."""
    table = tables.GROWTH
    spans: dict[Cell, list[tuple[float, float, int]]] = {}
    for number, row in growth:
        percent, start, end, town = (row[name] for name in ("percent", "from_year", "to_year", "town"))
        if percent == table.column("percent").low:
            folder.blame(FaultKind.GROWTH_ALL_LEAVE, table, row=number, column="percent", value=percent)
        if isinstance(start, int) and isinstance(end, int) and start >= end:
            folder.blame(FaultKind.GROWTH_YEARS, table, row=number, column="to_year", value=end, start=start)
            continue
        first, last = float(start or -math.inf), float(end or math.inf)
        overlapping = [other for low, high, other in spans.get(town, ()) if first < high and low < last]
        if town is not None and overlapping:
            folder.blame(FaultKind.GROWTH_OVERLAP, table, row=number, column="town", value=town, first=overlapping[0])
        spans.setdefault(town, []).append((first, last, number))


def _check_by_year(folder: Folder, by_year: Rows) -> None:
    """Blame two rows for one place and year, and age groups that are more people than live there."""
    table = tables.PEOPLE_BY_YEAR
    seen: dict[tuple[Cell, Cell], int] = {}
    for number, row in by_year:
        _check_ages(folder, table, number, row)
        pair = row["place"], row["year"]
        if None not in pair and pair in seen:
            shown = " · ".join(map(str, pair))
            folder.blame(FaultKind.PLACE_YEAR_TWICE, table, row=number, value=shown, first=seen[pair])
        seen.setdefault(pair, number)


def _check_experts(folder: Folder, pools: Rows, tours: Rows) -> None:
    """Blame specialties that are no names, months outside the year, and two rows for the same experts.

    Whether a hospital can send them, the model says too: whoever makes the case of both looks at that.
    """
    for table, rows in ((tables.POOLS, pools), (tables.TOURS, tours)):
        for number, row in rows:
            name = row["specialty"]
            if name is not None and not is_specialty(str(name)):
                why = say("reason.amount_name")
                folder.blame(FaultKind.KEY_VALUE, table, row=number, column="specialty", value=name, reason=why)
    first: dict[tuple[Cell, ...], int] = {}
    for number, row in pools:
        months, whose = row["months"], tuple(row[name] for name in ("hospital", "specialty", "rank"))
        if months is not None and months_of(str(months)) is None:
            folder.blame(FaultKind.MONTHS, tables.POOLS, row=number, column="months", value=months)
        if None not in whose and whose in first:
            shown = " · ".join(map(str, whose))
            folder.blame(FaultKind.POOL_TWICE, tables.POOLS, row=number, value=shown, first=first[whose])
        first.setdefault(whose, number)


def _check_observed(folder: Folder, observed: Rows, ends: Sequence[Row]) -> None:
    """Blame observed ways that lead nowhere, are too fast for anything, or were observed to take two very unlike times.

    Where date or remark tell two observations of a way apart, both may be right.
    """
    table = tables.OBSERVED
    spots = {row["id"]: (row["lon"], row["lat"]) for row in ends}
    first: dict[tuple[Cell, ...], tuple[int, float]] = {}
    for number, row in observed:
        start, end, minutes = row["from"], row["to"], row["minutes"]
        if start is not None and start == end:
            folder.blame(FaultKind.OBSERVED_SAME, table, row=number, column="to", value=end)
            continue
        if not isinstance(minutes, int | float):
            continue
        kmh = _kilometres(spots.get(start), spots.get(end)) / minutes * 60
        if kmh > tables.MOST_KMH:
            speeds = {"kmh": round(kmh), "most": tables.MOST_KMH}
            folder.blame(FaultKind.OBSERVED_FAST, table, row=number, column="minutes", value=minutes, **speeds)
        about = start, end, row["mode"], row["date"], row["remark"]
        before, then = first.setdefault(about, (number, minutes))
        if None not in about[:3] and max(minutes, then) > _CONTRADICTION * min(minutes, then):
            folder.blame(
                FaultKind.OBSERVED_TWICE, table, row=number, column="minutes", value=minutes, first=before, then=then
            )


def _kilometres(*ends: tuple[Cell, Cell] | None) -> float:
    """Return the straight line between two positions in degrees [km]; 0 where one is not known."""
    known = [math.radians(value) for end in ends if end is not None for value in end if isinstance(value, int | float)]
    if len(known) < 4:
        return 0.0
    lon_a, lat_a, lon_b, lat_b = known
    return 6371 * math.hypot((lon_b - lon_a) * math.cos((lat_a + lat_b) / 2), lat_b - lat_a)
