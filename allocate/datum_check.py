"""Tests what a district's tables declare of their positions, against the boundary, roads and each other."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import shapely

from allocate import datum, tables
from allocate.datum_fit import Ground, Link, Misfit, Points, misfits
from allocate.errors import Problem, Value
from allocate.fault_kinds import FaultKind
from allocate.folder import Folder
from allocate.synonyms import BOUNDARY, ROADS
from allocate.table_reading import Rows
from allocate.tables import Table
from allocate.units import Basis
from allocate.words import say

# How fast people walk, and how much longer ways are than straight lines: the supplied circles' mode "walk".
WALK_KMH, DETOUR = 4.0, 1.3

# How many rows of a table are asked about their datum.
_MOST_EVIDENCE = 10_000
_SURE = (Basis.OFFICIAL, Basis.SURVEYED)
_PLACED = (tables.PLACES, tables.TOWNS, tables.INSTITUTIONS, tables.CARE_HOMES, tables.CANDIDATES)
# What stands near what: a column of the first table holds the id of a row of the second.
_NEAR = (
    (tables.INSTITUTIONS, "place", tables.PLACES),
    (tables.INSTITUTIONS, "town", tables.TOWNS),
    (tables.PLACES, "town", tables.TOWNS),
)


def warn_of_misfits(
    folder: Folder, rows: Mapping[str, Rows], boundary: shapely.Geometry | None, roads: shapely.Geometry | None
) -> None:
    """Warn of every table that does not fit the datum which it declares; nothing is converted here."""
    parts = {table.name: list(_parts(folder, table, rows.get(table.name, []))) for table in _PLACED}
    points = [one for found in parts.values() for one, _ in found]
    if not points:
        return
    links = [
        link
        for first, column, second in _NEAR
        for link in _links(rows, first, column, second, parts[first.name], parts[second.name])
    ]
    origin = folder.origins.get(ROADS)
    ground = Ground(boundary, roads)
    if origin is not None:
        ground = Ground(boundary, roads, origin.file, origin.datum or folder.planned)
    folder.warnings += problems(misfits(points, links, ground, kmh=WALK_KMH, detour=DETOUR))


def problems(found: Iterable[Misfit]) -> Iterator[Problem]:
    """Yield a warning for each misfit, with metres and minutes at stake."""
    for misfit in found:
        first = misfit.suspects[0]
        known = {ROADS: say("fault.against_roads"), BOUNDARY: say("fault.against_boundary")}
        details: dict[str, Value] = {
            "against": ", ".join(known.get(name, name) for name in misfit.against),
            "votes": misfit.votes,
            "nearer": misfit.nearer,
            "before": round(misfit.before),
            "after": round(misfit.after),
            "metres": round(first.metres),
            "minutes": round(first.minutes),
        }
        if len({suspect.table for suspect in misfit.suspects}) == 1:
            either = " / ".join(suspect.fits for suspect in misfit.suspects)
            details |= {"declared": first.declared, "fits": either}
            yield Problem(FaultKind.DATUM_MISFIT, first.table, details=details)
        else:
            either = " / ".join(f"{suspect.table} = {suspect.fits}" for suspect in misfit.suspects)
            names = ", ".join(dict.fromkeys(suspect.table for suspect in misfit.suspects))
            yield Problem(FaultKind.DATUM_EITHER, names, details={**details, "either": either})


def _parts(folder: Folder, table: Table, rows: Rows) -> Iterator[tuple[Points, Sequence[int]]]:
    """Yield a table, or its rows of each datum where rows say their own, with their positions in the table."""
    said = folder.datums.get(table.name, ())
    # (Only what was surveyed, or is official, is evidence.)
    sure = [
        i
        for i, (_, row) in enumerate(rows)
        if row.get("position_basis", row.get("basis")) in _SURE and None not in (row["lon"], row["lat"])
    ]
    names = sorted({said[i] for i in sure})
    for name in names:
        some = [i for i in sure if said[i] == name]
        # (Taken evenly; more would make nothing clearer, only slower.)
        some = some[:: math.ceil(len(some) / _MOST_EVIDENCE)]
        degrees = np.array([(rows[i][1]["lon"], rows[i][1]["lat"]) for i in some], dtype=np.float64)
        called = folder.called(table) if len(names) == 1 else f"{folder.called(table)} ({name})"
        yield Points(called, datum.parse(name), degrees, np.ones(len(some), dtype=bool)), some


def _links(
    rows: Mapping[str, Rows],
    first: Table,
    column: str,
    second: Table,
    ones: Sequence[tuple[Points, Sequence[int]]],
    others: Sequence[tuple[Points, Sequence[int]]],
) -> Iterator[Link]:
    for other, there in others:
        where = {rows[second.name][i][1]["id"]: n for n, i in enumerate(there)}
        for one, here in ones:
            ids = [rows[first.name][i][1][column] for i in here]
            pairs = [(n, where[about]) for n, about in enumerate(ids) if about is not None and about in where]
            if pairs:
                yield Link(one.name, other.name, np.array(pairs, dtype=np.intp))
