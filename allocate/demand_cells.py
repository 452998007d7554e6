"""Demand points as cells of a grid: the people of places, spread over the ground nearest to each."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from allocate import tables
from allocate.district import District, Institution, Place
from allocate.errors import Problem, UsageError, Value
from allocate.estimate import DECIMALS
from allocate.files.raster import Raster, cell_centres, cell_sums
from allocate.shares import spread, spread_within
from allocate.spreading import NAMED, Territory, named
from allocate.thiessen import CRUMB, Shapes, polygons
from allocate.units import Basis
from allocate.words import few, say

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

# Sides of a cell [m]: finer than a block of houses nothing is known, and beyond a walk of half an hour nothing is seen.
SIDES = (50, 5_000)
# Cells of one district.
MOST_CELLS = 40_000
# Weights are counted in millionths, so that shares are whole numbers.
_UNIT = 1_000_000


@dataclass(frozen=True)
class _Pieces:
    """Where the ground of a spot and a cell of the grid meet.

    Attributes
    ----------
    spots, columns, rows
        Index of the spot, and column and row of the cell, of each piece.
    shapes
        Each piece [m].
    """

    spots: Integers
    columns: Integers
    rows: Integers
    shapes: Shapes


@dataclass(frozen=True)
class Cellular:
    """A district whose demand points are cells.

    Attributes
    ----------
    notes
        What a planner should be told.
    remarks
        Sentences for SOURCES.md.
    """

    district: District
    notes: tuple[Problem, ...]
    remarks: tuple[str, ...]


def to_cells(
    district: District, metres: int, raster: Raster | None = None, ages: Mapping[str, Raster] | None = None
) -> Cellular:
    """Return a district whose demand points are cells of a grid.

    Each place's people, and its age groups, are spread over the ground that is nearer to it than to any other place:
    by the raster's people, or evenly. A cell on a border gets a row for each town, kind, setting and zone of its
    places: so all of these keep their people, to the person. A row stands in the middle of its people.

    Parameters
    ----------
    metres
        Side of a cell [m], in the district's reference system; the grid begins at its origin.
    ages
        Rasters of age groups, by their columns; without one a group is spread as all people are.

    Raises
    ------
    UsageError
        When cells would be too small, too large or too many.
    """
    if not SIDES[0] <= metres <= SIDES[1]:
        details = {"low": SIDES[0], "high": SIDES[1]}
        raise UsageError([Problem("cells.size", column="--cells", value=metres, details=details)])
    ground = Territory.of(district)
    count = math.ceil(ground.boundary.area / metres**2)
    if count > MOST_CELLS:
        enough = math.ceil(math.sqrt(ground.boundary.area / MOST_CELLS) / 10) * 10
        many: dict[str, Value] = {"metres": metres, "count": count, "most": MOST_CELLS, "enough": enough}
        raise UsageError([Problem("cells.many", column="--cells", value=metres, details=many)])
    pieces = _pieces(ground, metres)
    areas = shapely.area(pieces.shapes)
    middles = shapely.get_coordinates(shapely.centroid(pieces.shapes))
    weights = areas
    age_weights: dict[str, Array] = {}
    notes: list[Problem] = []
    if raster is not None:
        on = ground.on(raster, pieces.shapes)
        weights, where = cell_centres(raster, on)
        there = weights > 0
        middles[there] = ground.metres(raster.degrees_of(where[there]))
        age_weights = {column: cell_sums(each, ground.on(each, pieces.shapes)) for column, each in (ages or {}).items()}
        found = np.bincount(pieces.spots, weights, minlength=len(ground.shapes))[ground.spots]
        empty = [place for place, people in zip(district.places, found, strict=True) if people <= 0 and place.people]
        if empty:
            notes.append(Problem("cells.empty", raster.name, details={"count": len(empty), "names": named(empty)}))
    middles = _inside(ground, middles, pieces.shapes)
    rows = _rows(district, ground, pieces, weights, areas, age_weights, middles, metres)
    origin = {"people_source": "cells.people_even", "position_source": "cells.position_even"}
    if raster is not None:
        origin = {"people_source": "cells.people_raster", "position_source": "cells.position_raster"}
    told: dict[str, object] = {"metres": metres, "file": raster.name if raster else ""}
    sources = {name: say(key, **told) for name, key in origin.items()}
    places, cell_of = _places(district, ground, rows, sources, metres)
    notes += _drawn(district)
    institutions = _institutions(district, ground, places, cell_of, metres, notes)
    left, kept = _left_out(district)
    remark = say("cells.remark", metres=metres, cells=len(places), places=len(district.places), epsg=district.epsg)
    made = replace(district, places=places, institutions=institutions, times=None, **kept)
    return Cellular(made, (*notes, *left), (remark,))


def _pieces(ground: Territory, metres: int) -> _Pieces:
    west, south, east, north = ground.boundary.bounds
    columns = np.arange(math.floor(west / metres), math.ceil(east / metres))
    rows = np.arange(math.floor(south / metres), math.ceil(north / metres))
    across, up = (each.ravel() for each in np.meshgrid(columns, rows))
    boxes = shapely.box(across * metres, up * metres, (across + 1) * metres, (up + 1) * metres)
    spots, met = shapely.STRtree(boxes).query(ground.shapes, predicate="intersects")
    shapely.prepare(ground.shapes)
    shapes = np.empty(len(spots), dtype=object)
    whole = shapely.contains_properly(ground.shapes[spots], boxes[met])
    shapes[whole] = boxes[met[whole]]
    shapes[~whole] = polygons(shapely.intersection(ground.shapes[spots[~whole]], boxes[met[~whole]]), CRUMB)
    there = ~shapely.is_empty(shapes)
    order = np.lexsort((across[met[there]], up[met[there]], spots[there]))
    spots, met, shapes = spots[there][order], met[there][order], shapes[there][order]
    return _Pieces(spots.astype(np.int64), across[met].astype(np.int64), up[met].astype(np.int64), shapes)


def _inside(ground: Territory, middles: Array, shapes: Shapes) -> Array:
    """Return the middles [m], those outside the boundary put on their pieces."""
    shapely.prepare(ground.boundary)
    outside = ~shapely.contains_xy(ground.boundary, middles[:, 0], middles[:, 1])
    middles[outside] = shapely.get_coordinates(shapely.point_on_surface(shapes[outside]))
    return middles


@dataclass
class _Row:
    """What a cell gets of the places of one town, kind, setting and zone.

    Attributes
    ----------
    at
        Sum of the positions of its people [m · persons].
    best, home
        People of its largest part, and where the place stands that they are of [°].
    """

    people: int
    ages: dict[str, int | None]
    at: Array
    best: int
    home: tuple[float, float]


type _Key = tuple[int, int, str, str, str, str]


def _rows(
    district: District,
    ground: Territory,
    pieces: _Pieces,
    weights: Array,
    areas: Array,
    age_weights: Mapping[str, Array],
    middles: Array,
    metres: int,
) -> dict[_Key, _Row]:
    """Return the rows by column and row of the grid, town, kind, setting and zone."""
    starts = np.searchsorted(pieces.spots, np.arange(len(ground.shapes) + 1))
    homes = np.array([(place.lon, place.lat) for place in district.places], dtype=np.float64).reshape(-1, 2)
    points = ground.metres(homes)
    rows: dict[_Key, _Row] = {}
    for i, (place, spot) in enumerate(zip(district.places, ground.spots.tolist(), strict=True)):
        mine = np.arange(starts[spot], starts[spot + 1])
        cells, where = np.column_stack((pieces.columns[mine], pieces.rows[mine])), middles[mine]
        # (Where the raster has nobody, evenly; whoever has no ground at all stays where it stands.)
        chosen = weights[mine] if weights[mine].sum() > 0 else areas[mine]
        told = {column: each[mine] for column, each in age_weights.items()}
        if not len(mine):
            cells, where = np.floor(points[i : i + 1] / metres).astype(np.int64), points[i : i + 1]
            chosen, told = np.ones(1), {}
        people = spread(place.people or 0, _whole(chosen))
        ages = _ages(place, people, told)
        for n, (column, line) in enumerate(cells.tolist()):
            if not people[n]:
                continue
            key = (column, line, place.town, place.kind, place.setting, place.zone)
            home = (float(homes[i, 0]), float(homes[i, 1]))
            row = rows.setdefault(key, _Row(0, dict.fromkeys(tables.AGE_COLUMNS, 0), np.zeros(2), 0, home))
            row.people += people[n]
            row.at = row.at + people[n] * where[n]
            if people[n] > row.best:
                row.best, row.home = people[n], home
            for group, numbers in ages.items():
                so_far = row.ages[group]
                row.ages[group] = None if numbers is None or so_far is None else so_far + numbers[n]
    return rows


def _whole(weights: Array) -> list[int]:
    """Return weights as whole numbers, the largest of them 10¹² or so: a person's share is lost by no rounding."""
    scale = _UNIT**2 / max(float(weights.max(initial=0.0)), 1e-300)
    return [round(float(each) * scale) for each in weights]


def _ages(place: Place, people: Sequence[int], weights: Mapping[str, Array]) -> dict[str, list[int] | None]:
    """Return the age groups of a place's pieces, together never more than the people there; None where not known."""
    room = list(people)
    found: dict[str, list[int] | None] = {}
    for column in tables.AGE_COLUMNS:
        number = getattr(place, column)
        if number is None:
            found[column] = None
            continue
        told = weights.get(column)
        chosen = list(people) if told is None or told.sum() <= 0 else _whole(told)
        shares = spread_within(number, chosen, room)
        room = [free - share for free, share in zip(room, shares, strict=True)]
        found[column] = shares
    return found


def _places(
    district: District, ground: Territory, rows: Mapping[_Key, _Row], sources: Mapping[str, str], metres: int
) -> tuple[tuple[Place, ...], dict[tuple[int, int, str], list[int]]]:
    """Return the cells as places, and the indices of those of each cell and town."""
    towns = {town.id: town for town in district.towns}
    centres = np.array([(town.lon, town.lat) for town in district.towns], dtype=np.float64).reshape(-1, 2)
    cells = np.floor(ground.metres(centres) / metres).astype(int).tolist()
    centre_of = dict(zip(towns, cells, strict=True))
    keys = sorted(rows, key=lambda key: (key[2], -key[1], key[0], key[3:]))
    means = np.array([rows[key].at / rows[key].people for key in keys]).reshape(-1, 2)
    spots = ground.degrees(means).round(DECIMALS)
    # (In a bend of the boundary the middle can lie outside: then the people stay where their place stands.)
    boundary = shapely.geometry.shape(dict(district.boundary))
    shapely.prepare(boundary)
    outside = ~shapely.contains_xy(boundary, spots[:, 0], spots[:, 1])
    spots[outside] = np.array([rows[keys[i]].home for i in np.flatnonzero(outside)]).reshape(-1, 2)
    estimated = Basis.ESTIMATED
    found: list[Place] = []
    cell_of: dict[tuple[int, int, str], list[int]] = {}
    taken: dict[tuple[int, int], int] = {}
    named_so: dict[str, int] = {}
    for key, (lon, lat) in zip(keys, spots.tolist(), strict=True):
        column, line, town, kind, setting, zone = key
        row = rows[key]
        taken[column, line] = taken.get((column, line), 0) + 1
        way = _way(column - centre_of[town][0], line - centre_of[town][1])
        name = say("cells.name", town=towns[town].name, way=way)
        named_so[name] = named_so.get(name, 0) + 1
        told: dict[str, Any] = {**sources}
        for group, number in row.ages.items():
            told |= {group: number, f"{group}_basis": None if number is None else estimated}
        cell_of.setdefault((column, line, town), []).append(len(found))
        found.append(
            Place(
                f"{column}-{line}" + _more(taken[column, line]),
                name + _more(named_so[name]),
                kind,
                town,
                people=row.people,
                people_basis=estimated,
                lon=lon,
                lat=lat,
                position_basis=estimated,
                setting=setting,
                zone=zone,
                **told,
            )
        )
    return tuple(found), cell_of


def _more(number: int) -> str:
    return f"-{number}" if number > 1 else ""


def _way(east: int, north: int) -> str:
    """Say where a cell lies, counted in cells from that of the town's centre."""
    parts = [say("cells.east" if east > 0 else "cells.west", n=abs(east))] if east else []
    parts += [say("cells.north" if north > 0 else "cells.south", n=abs(north))] if north else []
    return "".join(parts) or say("cells.centre")


def _drawn(district: District) -> Iterator[Problem]:
    drawn = sum(place.stands_by_chance for place in district.places)
    if drawn:
        yield Problem("cells.drawn", tables.PLACES.file, details={"count": drawn, "places": len(district.places)})


def _institutions(
    district: District,
    ground: Territory,
    places: Sequence[Place],
    cell_of: Mapping[tuple[int, int, str], Sequence[int]],
    metres: int,
    notes: list[Problem],
) -> tuple[Institution, ...]:
    """Return the institutions, each that stood at a place at the cell that it stands in."""
    if not district.institutions:
        return ()
    before = {place.id: place for place in district.places}
    where = ground.metres(np.array([(each.lon, each.lat) for each in district.institutions], dtype=np.float64))
    spots = ground.metres(np.array([(place.lon, place.lat) for place in places], dtype=np.float64).reshape(-1, 2))
    by_town: dict[str, list[int]] = {}
    for i, place in enumerate(places):
        by_town.setdefault(place.town, []).append(i)
    found: list[Institution] = []
    moved: list[Institution] = []
    for each, at in zip(district.institutions, where, strict=True):
        if not each.place:
            found.append(each)
            continue
        old = before[each.place]
        column, line = (int(part) for part in np.floor(at / metres))
        near = list(cell_of.get((column, line, old.town), ()))
        if not near:
            moved.append(each)
            mine = by_town.get(old.town) or list(range(len(places)))
            near = [min(mine, key=lambda i: float(((spots[i] - at) ** 2).sum()))]
        alike = [i for i in near if places[i].kind == old.kind and places[i].setting == old.setting]
        found.append(replace(each, place=places[(alike or near)[0]].id))
    if moved:
        details: dict[str, Value] = {"count": len(moved), "names": few([each.name for each in moved], NAMED)}
        notes.append(Problem("cells.moved", tables.INSTITUTIONS.file, column="place", details=details))
    return tuple(found)


def _left_out(district: District) -> tuple[list[Problem], dict[str, Any]]:
    """Return what is said of rows that speak of places, and the tables without them."""
    codes = {place.id for place in district.places}
    travel = {key: time for key, time in district.travel.items() if not codes & {key[0], key[1]}}
    sessions = tuple(row for row in district.sessions if row.where not in codes)
    observed = tuple(row for row in district.observed if not codes & {row.start, row.end})
    lost = {
        tables.OBSERVED.file: len(district.observed) - len(observed),
        tables.TRAVEL.file: len(district.travel) - len(travel),
        tables.SESSIONS.file: len(district.sessions) - len(sessions),
        tables.PEOPLE_BY_YEAR.file: len(district.people_by_year),
    }
    # (A candidate keeps its position; only the code of its place means nothing any more.)
    candidates = tuple(replace(each, place="") for each in district.candidates)
    notes = [
        Problem("cells.left_out", table, details={"table": table, "count": count})
        for table, count in lost.items()
        if count
    ]
    kept = {"travel": travel, "observed": observed, "sessions": sessions, "people_by_year": ()}
    return notes, {**kept, "candidates": candidates}
