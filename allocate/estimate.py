"""Fills the gaps of a village list honestly: positions and people that are possible, seeded and flagged.

Nothing here finds out where a village really is. One seed gives one possible district; everything filled in
carries the basis `estimated`, everything given stays as it was. The method, all lengths on the ground:

* Town centres. A town whose centre is unknown starts at the mean of its places that are known, else beside
  the town named in its column `near`, else in one of the largest gaps between the centres known so far. A few
  rounds then share a regular grid out among the towns, as many points to each as it has villages, and move
  each unknown centre to the middle of its share, never far from the town it is said to be near. Known
  centres stay.
* Villages and zones. A hexagonal grid, turned and jittered by the seed, gets a quarter more points inside the
  boundary than the district has villages. Points beside a known place are taken out. The rest are shared out
  so that each town gets exactly the villages it lacks and the sum of squared distances to the centres is
  least (`scipy.optimize.linear_sum_assignment`; Crouse 2016, IEEE Trans. Aerosp. Electron. Syst. 52(4));
  the points left over stay empty. Which village of a town gets which point is drawn.
* Communities. They stand close together: a sunflower spiral (Vogel 1979, Math. Biosci. 44) round the centre.
* Urban and rural. Where a place's setting is blank: communities, zones and everything in a street are urban,
  villages in towns are rural.
* People. The published urban and rural totals are spread over the places of that setting with log-normal
  weights and rounded by largest remainders, so that the sums are exact. Residents of 65 and over are the
  district's share of each place's people, and those of 0 to 14 of the others, with the published totals exact.
* Totals of towns. Where a town's own total is published, of people or of an age group, its places add up to that;
  the other places share what the district's total leaves, without the split into urban and rural.
* People by something known. Where households, buildings, built-up area or a raster say how people are spread
  (`spreading.py`), these weigh instead of the log-normal ones, and the place says so in `people_source`. Such a figure
  is an estimate, and not a random one: another draw keeps it.
* Institutions that are known by their number alone: `placing.py`, once everybody has a place.

Limits: without a raster or a column to go by, the estimate knows no roads, rivers or built-up land. Advice drawn
from it holds for towns and for many draws, not for one named village.
"""

import csv
import io
import json
import math
import os
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree
from scipy.special import ndtri

from allocate import tables
from allocate.district import (
    CareHome,
    Department,
    District,
    Fact,
    FieldThere,
    FunctionThere,
    Growth,
    Institution,
    Listed,
    NoRounds,
    Place,
    PlaceYear,
    Staffing,
    Standing,
    Town,
)
from allocate.errors import InputError, Problem, UsageError, Value
from allocate.faults import disk_reason
from allocate.files.text import decode
from allocate.folder import read_files
from allocate.names import CARD
from allocate.placing import is_placed_by_estimate, placed, without_estimates, without_spot
from allocate.read import BOUNDARY, is_plain
from allocate.shares import spread, spread_within
from allocate.spreading import Weights, named
from allocate.synonyms import choice_called, heading_of
from allocate.tables import Table
from allocate.travel.points import degrees, metric
from allocate.units import Basis
from allocate.words import LANGUAGES, say, visible

Array = NDArray[np.float64]
Spot = tuple[float, float]
_Record = (
    Place
    | Town
    | Institution
    | Fact
    | FieldThere
    | FunctionThere
    | CareHome
    | Listed
    | Growth
    | PlaceYear
    | Staffing
    | Department
    | Standing
    | NoRounds
)

# Every number here is assumed. Decimals of a degree: 6 are 0.1 m, finer than any position is known.
DECIMALS = 6
# The way from a town's centre to the first guess of a town said to be near it, and the farthest that the
# rounds below may take it [m]: the streets of one county seat share one built-up area a few kilometres wide.
NEAR_M = 2_000
NEAR_MOST_M = 3_000
# By how much a gap may look smaller than it is: draws differ in which of the large gaps a town fills.
GAP_LUCK = 0.3
# Rounds of sharing out and moving centres: Baodi's unknown centres came to rest within eight in the five
# draws looked at.
ROUNDS = 8
# Points for each village: with as many points as villages every corner fills up and towns with many villages
# spill over their neighbours; with a quarter more, the far corners stay fields and water.
ROOM = 1.25
# How far a point leaves its place in the grid, as a share of the spacing. With this and ROOM the median
# distance between neighbouring villages of Baodi comes out at 1.2 km, the figure known of the district.
JITTER = 0.13
# A grid point nearer than this share of the spacing to a known place is that place's own.
TAKEN = 0.5
# Communities of a built-up area [m]: about one to 0.3 km², a few minutes' walk apart.
COMMUNITY_SPACING_M = 550
COMMUNITY_JITTER = 0.1
# Communities that need as much land as one village: (1.2 km / 0.55 km)², rounded.
COMMUNITIES_PER_SPOT = 5
# Nothing estimated lies nearer than this to another place [m], unless the district is too small for it.
SEPARATION_M = 150
# Below this spacing [m] rounded positions could coincide: the boundary is too small for the list.
LEAST_SPACING_M = 1.0
# Spread of the natural logarithm of village sizes: two in three villages lie within a factor of 1.6.
SIGMA = 0.45
# People of a community, in villages, where no published urban total says it.
COMMUNITY_WEIGHT = 4.0
# Weights are counted in millionths, so that shares are whole numbers and the same on every machine.
WEIGHT_UNIT = 1_000_000
# Above this many points the towns are halved first: the assignment's time grows with their cube.
DENSE_LIMIT = 1_200
# This many villages took half a minute; no district is larger.
MOST_PLACES = 20_000
# Grid points looked at for one spacing; a sliver of a boundary would need more than fit in memory.
MOST_GRID_POINTS = 4_000_000

# Columns that are written only where the first of them says something.
_SELDOM = (
    ("parent", "parent_basis"),
    ("town_basis",),
    ("place_basis",),
    ("people", "people_basis"),
    *((name,) for name in (*tables.MEASURES, "people_source", "position_source")),
)
_SOURCES = "SOURCES.md"
# What is said of the total of a town instead of an indicator.
_TOWN = "town"
GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))
# One stream of random numbers for each purpose; add new ones at the end, or every estimate changes.
_PURPOSES = ("towns", "territory", "spots", "villages", "communities", "people")


def estimate(district: District, seed: int, weigh: Callable[[District], Weights] | None = None) -> District:
    """Fill in every missing position and number of people, of institutions too, and flag it as estimated.

    Parameters
    ----------
    weigh
        What tells by what people are spread, once every place has a position; where it is left out, chance does.

    Raises
    ------
    InputError
        When the published totals are missing or contradict what is given, or the boundary is too small.
    UsageError
        When the seed is negative or the list too long.
    """
    try:
        return _filled(district, seed, weigh)
    except InputError as error:
        raise InputError([district.in_its_words(problem) for problem in error.problems]) from None


def _filled(district: District, seed: int, weigh: Callable[[District], Weights] | None) -> District:
    _refuse(district, seed)
    streams = _streams(seed)
    towns = district.towns
    streets = {town.id for town in towns if town.kind == "street"}
    places = tuple(_with_setting(place, streets) for place in district.places)
    if any(town.lon is None for town in towns) or any(place.lon is None for place in places):
        plane = _Plane.of(district)
        towns = _with_centres(plane, towns, places, streams)
        places = _with_positions(plane, towns, places, streams)
    weights = weigh(replace(district, places=places, towns=towns)) if weigh else None
    notes = [] if weights is None else [*weights.notes]
    places = _with_people(places, towns, district.facts, streams["people"], weights, notes)
    for column, other, what in (
        ("people_65", "people_0_14", "estimate.aged_total"),
        ("people_0_14", "people_65", "estimate.young_total"),
    ):
        places = _with_age_group(places, towns, district.facts, column, other, what, weights)
    given = [without_estimates(one) for one in district.institutions]
    institutions = _with_spots(replace(district, places=places, towns=towns), given)
    warnings = (*district.warnings, *notes)
    return replace(district, places=places, towns=towns, institutions=institutions, warnings=warnings)


def _with_spots(district: District, institutions: Sequence[Institution]) -> tuple[Institution, ...]:
    """Return institutions with every position, where those that lack one fit the places of a district."""
    if all(one.lon is not None for one in institutions):
        return tuple(institutions)
    return placed(
        institutions, district.towns, district.places, lambda spots: metric(spots, district.datum, district.epsg)
    )


def forget_people(district: District) -> District:
    """Return a district without the people that were estimated before, where a published total says their sum."""
    totals = _totals(district)
    return replace(district, places=tuple(_blank_people(place, totals[place.town]) for place in district.places))


def _totals(district: District) -> Mapping[str, AbstractSet[str]]:
    """Return the columns of people whose total is published, of the district or of the town, by town."""
    everywhere = {column for column, indicator in tables.TOTALS.items() if indicator in district.facts}
    return {
        town.id: everywhere | {column for column in tables.TOTALS if getattr(town, column) is not None}
        for town in district.towns
    }


def lacks(district: District) -> bool:
    """Tell whether there is anything to estimate: a position, or people whose total is published."""
    totals = _totals(district)
    return (
        any(place.lon is None for place in district.places)
        or any(town.lon is None for town in district.towns)
        or any(one.lon is None for one in district.institutions)
        or any(place.people is None for place in district.places)
        or any(getattr(place, column) is None for place in district.places for column in totals[place.town])
    )


def redraw(district: District, seed: int) -> District:
    """Return another possible district: blank everything estimated and estimate it again.

    Institutions at assumed positions move with the town centre, or the place, that they were assumed at. Where an
    estimate chose the spot it chooses again, in the same town.
    People stay where no published total says what they should add up to.
    """
    totals = _totals(district)
    blank = replace(
        district,
        places=tuple(_blank_place(place, totals[place.town]) for place in district.places),
        towns=tuple(_blank_position(town) for town in district.towns),
        institutions=(),
        times=None,
    )
    drawn = estimate(blank, seed)
    moves = _moves(district, drawn)
    boundary = shapely.geometry.shape(dict(district.boundary))
    moved = [without_spot(_moved(one, moves, boundary)) for one in district.institutions]
    return replace(drawn, institutions=_with_spots(drawn, moved))


def write_estimate(
    district: District,
    folder: Path,
    *,
    source: Path | None = None,
    remarks: Sequence[str] = (),
    copied: Sequence[Path] = (),
) -> None:
    """Write a district folder, whole or not at all.

    `source` is the folder that the list was read from: its district.toml, boundary.geojson and SOURCES.md are
    copied as they are, so that comments, sources and licences stay with the data. Where district.toml says in which
    files or in which other datum the tables are, it is written anew: the tables are CSV in the district's datum now.
    `remarks` on how people were estimated are added to SOURCES.md; files to be `copied`, such as roads, come along.

    Raises
    ------
    UsageError
        When the folder holds something already or cannot be written.
    """
    kept = {} if source is None else _kept(source)
    if remarks:
        lines = [f"## {say('estimate.remarks')}", "", *(f"- {visible(remark)}" for remark in remarks)]
        before = kept.get(_SOURCES, b"")
        kept[_SOURCES] = before + (b"\n" if before else b"") + ("\n".join(lines) + "\n").encode()
    folder = folder.absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError([Problem("estimate.folder_full", value=str(folder))])
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        part.mkdir(parents=True)
        for name, content in _files(district).items():
            (part / name).write_bytes(content)
        for name, content in kept.items():
            (part / name).write_bytes(content)
        for path in copied:
            shutil.copyfile(path, part / path.name)
        if folder.exists():
            folder.rmdir()
        part.rename(folder)
    except OSError as error:
        problem = Problem("estimate.folder_failed", value=str(folder), details={"reason": disk_reason(error)})
        raise UsageError([problem]) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _kept(source: Path) -> dict[str, bytes]:
    """Return the files that stay as they are; not a card, or a boundary, that speaks of files or of another datum.

    Raises
    ------
    InputError
        When one of them is no plain file of the folder itself.
    """
    found = read_files(source, (CARD, BOUNDARY, _SOURCES))
    if CARD not in found or not is_plain(decode(found[CARD])):
        return {name: content for name, content in found.items() if name not in (CARD, BOUNDARY)}
    return found


def _refuse(district: District, seed: int) -> None:
    """Refuse what cannot be estimated at all."""
    if seed < 0:
        raise UsageError([Problem("estimate.seed", value=seed)])
    if len(district.places) > MOST_PLACES:
        raise UsageError([Problem("estimate.too_many", value=len(district.places), details={"most": MOST_PLACES})])
    records: list[tuple[str, Place | Town | Institution]] = [(tables.PLACES.file, place) for place in district.places]
    records += [(tables.TOWNS.file, town) for town in district.towns]
    records += [(tables.INSTITUTIONS.file, one) for one in district.institutions]
    headings: dict[str, Value] = {
        language: heading_of(tables.PLACES, "position_basis", language) for language in LANGUAGES
    }
    problems = [
        Problem("problem.no_basis", file, column="position_basis", value=record.id, details=headings)
        for file, record in records
        if record.lon is not None and record.position_basis is None
    ]
    if problems:
        raise InputError(problems)


def _streams(seed: int) -> Mapping[str, np.random.Generator]:
    children = np.random.SeedSequence(seed).spawn(len(_PURPOSES))
    return {
        purpose: np.random.Generator(np.random.PCG64(child)) for purpose, child in zip(_PURPOSES, children, strict=True)
    }


def _shuffled[T](items: Sequence[T], stream: np.random.Generator) -> list[T]:
    # Sorting uniform numbers gives the same order in every version of NumPy; permutation() promises less.
    return [items[i] for i in np.argsort(stream.random(len(items)), kind="stable").tolist()]


def _check_metric(epsg: int) -> None:
    """Refuse a reference system that is not in metres."""
    try:
        plane = pyproj.CRS.from_epsg(epsg)
    except pyproj.exceptions.CRSError as error:
        raise InputError([Problem("estimate.epsg", CARD, column="epsg", value=epsg)]) from error
    if not plane.is_projected or any(axis.unit_conversion_factor != 1 for axis in plane.axis_info):
        raise InputError([Problem("estimate.epsg", CARD, column="epsg", value=epsg)])


@dataclass(frozen=True)
class _Plane:
    """The district on a flat sheet in metres.

    Attributes
    ----------
    boundary
        In degrees, as the reader tests it.
    edge
        The line of the boundary [m].
    system
        Datum and metric reference system.
    middle, radius
        A circle that holds the boundary [m].
    area
        Of the boundary [m²].
    """

    boundary: shapely.Geometry
    edge: shapely.Geometry
    system: tuple[str, int]
    middle: Array
    radius: float
    area: float

    @classmethod
    def of(cls, district: District) -> "_Plane":
        _check_metric(district.epsg)
        system = district.datum, district.epsg
        boundary = shapely.geometry.shape(dict(district.boundary))
        shapely.prepare(boundary)
        flat = shapely.transform(boundary, lambda spots: metric(spots, *system))
        west, south, east, north = flat.bounds
        if not (math.isfinite(flat.area) and math.isfinite(east - west)):
            raise InputError([Problem("estimate.epsg", CARD, column="epsg", value=district.epsg)])
        middle = np.array([(west + east) / 2, (south + north) / 2])
        radius = math.hypot(east - west, north - south) / 2
        return cls(boundary, flat.boundary, system, middle, radius, flat.area)

    def metres(self, spots: Array) -> Array:
        """Return points given in degrees [m]."""
        return metric(spots, *self.system)

    def inside(self, metres: Array) -> Array:
        """Return the points that lie inside once they are rounded as the files hold them [°]."""
        spots = degrees(metres, *self.system).round(DECIMALS)
        inside: NDArray[np.bool_] = shapely.contains_xy(self.boundary, spots[:, 0], spots[:, 1])
        return spots[inside]


def _known(records: Sequence[Place] | Sequence[Town]) -> Array:
    """Return the positions that are given [°]."""
    spots = [(r.lon, r.lat) for r in records if r.lon is not None and r.lat is not None]
    return np.array(spots, dtype=np.float64).reshape(-1, 2)


def _too_small(count: int) -> InputError:
    return InputError([Problem("estimate.boundary_small", BOUNDARY, details={"count": count})])


def _grid(plane: _Plane, spacing: float, turn: Array, noise: int) -> Array:
    """Return the points of one jittered hexagonal grid that lie inside [°]."""
    reach = math.ceil(plane.radius / (spacing * math.sqrt(0.75))) + 1
    if (2 * reach + 1) ** 2 > MOST_GRID_POINTS:
        return np.empty((0, 2))
    row, column = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1)
    x = column + 0.5 * (row % 2) + turn[0] - 0.5
    y = math.sqrt(0.75) * (row + turn[1] - 0.5)
    angle = turn[2] * math.pi / 3
    jitter = np.random.Generator(np.random.PCG64(noise)).random((2, len(x)))
    way, far = 2 * math.pi * jitter[0], JITTER * np.sqrt(jitter[1])
    points = np.column_stack(
        (
            x * math.cos(angle) - y * math.sin(angle) + far * np.cos(way),
            x * math.sin(angle) + y * math.cos(angle) + far * np.sin(way),
        )
    )
    return plane.inside(plane.middle + spacing * points)


def _spots(plane: _Plane, total: int, wanted: int, known: Array, stream: np.random.Generator) -> Array:
    """Return at least `wanted` points [°], spaced as `total` of them would be, none beside a known one."""
    turn, noise = stream.random(3), int(stream.random() * 2**53)
    taken = cKDTree(plane.metres(known)) if len(known) else None

    def free(spacing: float) -> Array | None:
        found = _grid(plane, spacing, turn, noise)
        if len(found) < total:
            return None
        if taken is not None:
            found = found[taken.query(plane.metres(found))[0] >= TAKEN * spacing]
        return found if len(found) >= wanted else None

    low = 1.3 * math.sqrt(plane.area / max(total, 1) / math.sqrt(0.75))
    high = low
    best = free(low)
    while best is None:
        low, high = 0.9 * low, low
        if low < LEAST_SPACING_M:
            raise _too_small(wanted)
        best = free(low)
    for _ in range(10):
        middle = (low + high) / 2
        found = free(middle)
        if found is None:
            high = middle
        else:
            low, best = middle, found
    return best


def _shares(spots: Array, centres: Array, quotas: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the town of each point [index, -1 for none]: each town its quota, least squared distance.

    Where there are too many points for one matrix, towns and points are halved along the longer side first.
    """
    owner = np.full(len(spots), -1, dtype=np.int64)
    wanted = int(quotas.sum())
    if wanted == 0:
        return owner
    several = np.flatnonzero(quotas)
    if len(spots) <= DENSE_LIMIT or len(several) == 1:
        if len(several) == 1:
            distance = ((spots - centres[several[0]]) ** 2).sum(axis=1)
            owner[np.argsort(distance, kind="stable")[:wanted]] = several[0]
            return owner
        columns = np.repeat(np.arange(len(quotas)), quotas)
        # In square kilometres, where the numbers are near 1.
        cost = (((spots[:, None, :] - centres[None, :, :]) / 1000) ** 2).sum(axis=2)
        rows, chosen = linear_sum_assignment(cost[:, columns])
        owner[rows] = columns[chosen]
        return owner
    axis = int(np.argmax(np.ptp(centres[several], axis=0)))
    ordered = several[np.argsort(centres[several, axis], kind="stable")]
    first = np.zeros_like(quotas)
    first[ordered[: len(ordered) // 2]] = quotas[ordered[: len(ordered) // 2]]
    need = int(first.sum())
    cut = need + (len(spots) - wanted) * need // wanted
    order = np.argsort(spots[:, axis], kind="stable")
    owner[order[:cut]] = _shares(spots[order[:cut]], centres, first)
    owner[order[cut:]] = _shares(spots[order[cut:]], centres, quotas - first)
    return owner


def _with_centres(
    plane: _Plane,
    towns: tuple[Town, ...],
    places: Sequence[Place],
    streams: Mapping[str, np.random.Generator],
) -> tuple[Town, ...]:
    """Return the towns with every centre."""
    unknown = [i for i, town in enumerate(towns) if town.lon is None]
    if not unknown:
        return towns
    villages = Counter(place.town for place in places if place.kind != "community")
    communities = Counter(place.town for place in places if place.kind == "community")
    quotas = np.array([max(1, villages[t.id] + math.ceil(communities[t.id] / COMMUNITIES_PER_SPOT)) for t in towns])
    total = int(quotas.sum())
    grid = plane.metres(_spots(plane, math.ceil(ROOM * total), total, np.empty((0, 2)), streams["territory"]))
    centres = _first_guesses(plane, towns, places, grid, streams["towns"])
    index = {town.id: i for i, town in enumerate(towns)}
    for _ in range(ROUNDS):
        owner = _shares(grid, centres, quotas)
        for i in unknown:
            centres[i] = grid[owner == i].mean(axis=0)
            if towns[i].near in index:
                centres[i] = _within(NEAR_MOST_M, centres[index[towns[i].near]], centres[i])
    filled = list(towns)
    for i in unknown:
        spot = plane.inside(centres[i : i + 1])
        if not len(spot):  # the middle of a bent territory can lie outside
            nearest = int(np.argmin(((grid - centres[i]) ** 2).sum(axis=1)))
            spot = plane.inside(grid[nearest : nearest + 1])
        lon, lat = spot[0].tolist()
        filled[i] = replace(towns[i], lon=lon, lat=lat, position_basis=Basis.ESTIMATED)
    return tuple(filled)


def _within(most: float, centre: Array, point: Array) -> Array:
    """Return a point, drawn back where it is too far from a centre [m]."""
    way = point - centre
    moved: Array = centre + way * min(1.0, most / max(math.hypot(*way.tolist()), 1e-9))
    return moved


def _first_guesses(
    plane: _Plane,
    towns: Sequence[Town],
    places: Sequence[Place],
    grid: Array,
    stream: np.random.Generator,
) -> Array:
    """Return where the search for each centre begins [m]."""
    edge: Array = np.asarray(shapely.distance(plane.edge, shapely.points(grid)))
    guesses: dict[str, Array] = {}
    for town in towns:
        known = _known([town]) if town.lon is not None else _known([p for p in places if p.town == town.id])
        if len(known):
            guesses[town.id] = plane.metres(known).mean(axis=0)
    waiting = _shuffled([town for town in towns if town.id not in guesses], stream)
    while waiting:
        # A town beside a known one first; then, where none is left, one in the largest gap.
        town = next((town for town in waiting if town.near in guesses), waiting[0])
        waiting.remove(town)
        if town.near in guesses:
            guesses[town.id] = _beside(plane, guesses[town.near], grid, stream)
        elif guesses:
            # Neighbours share the land between them: half the way belongs to this town, as does all the way
            # to the boundary. Without the latter the towns would crowd into the corners.
            halfway = cKDTree(np.array(list(guesses.values()))).query(grid)[0] / 2
            room = np.minimum(halfway, edge) * (1 - GAP_LUCK * stream.random(len(grid)))
            guesses[town.id] = grid[int(np.argmax(room))]
        else:
            guesses[town.id] = grid[int(stream.random() * len(grid))]
    return np.array([guesses[town.id] for town in towns])


def _beside(plane: _Plane, centre: Array, grid: Array, stream: np.random.Generator) -> Array:
    """Return a point near a centre, in a drawn direction that stays inside [m]."""
    ways = 2 * math.pi * (stream.random() + np.arange(12) / 12)
    around = plane.inside(centre + NEAR_M * np.column_stack((np.cos(ways), np.sin(ways))))
    if len(around):
        first: Array = plane.metres(around)[0]
        return first
    nearest: Array = grid[int(np.argmin(((grid - centre) ** 2).sum(axis=1)))]
    return nearest


def _with_positions(
    plane: _Plane,
    towns: Sequence[Town],
    places: tuple[Place, ...],
    streams: Mapping[str, np.random.Generator],
) -> tuple[Place, ...]:
    """Return the places with every position."""
    index = {town.id: i for i, town in enumerate(towns)}
    centres = plane.metres(_known(towns))
    villages: list[list[int]] = [[] for _ in towns]
    communities: list[list[int]] = [[] for _ in towns]
    for i, place in enumerate(places):
        if place.lon is None:
            (communities if place.kind == "community" else villages)[index[place.town]].append(i)
    known = _known(places)
    spot_of: dict[int, Array] = {}
    quotas = np.array([len(members) for members in villages])
    if quotas.sum():
        total = math.ceil(ROOM * sum(place.kind != "community" for place in places))
        spots = _spots(plane, total, int(quotas.sum()), known, streams["spots"])
        owner = _shares(plane.metres(spots), centres, quotas)
        for town in towns:
            mine = np.flatnonzero(owner == index[town.id]).tolist()
            dealt = _shuffled(villages[index[town.id]], streams["villages"])
            spot_of.update((member, spots[spot]) for member, spot in zip(dealt, mine, strict=True))
    crowd = _Crowd(plane.metres(np.array([*known, *spot_of.values()]).reshape(-1, 2)))
    for centre, members in zip(centres, communities, strict=True):
        around = _round_centre(plane, centre, len(members), crowd, streams["communities"])
        spot_of.update(zip(_shuffled(members, streams["communities"]), around, strict=True))
    filled = list(places)
    for i, found in spot_of.items():
        lon, lat = found.tolist()
        filled[i] = replace(places[i], lon=lon, lat=lat, position_basis=Basis.ESTIMATED)
    return tuple(filled)


class _Crowd:
    """Points that keep their distance [m], in square cells so that only neighbours are compared."""

    def __init__(self, points: Array) -> None:
        self._cells: dict[tuple[int, int], list[tuple[float, float]]] = {}
        for x, y in points.tolist():
            self.add(x, y)

    def add(self, x: float, y: float) -> None:
        self._cells.setdefault((int(x // SEPARATION_M), int(y // SEPARATION_M)), []).append((x, y))

    def has_room(self, x: float, y: float, separation: float) -> bool:
        """Say whether nobody stands nearer; `separation` is SEPARATION_M at most."""
        column, row = int(x // SEPARATION_M), int(y // SEPARATION_M)
        return all(
            math.hypot(x - u, y - v) >= separation
            for i in (column - 1, column, column + 1)
            for j in (row - 1, row, row + 1)
            for u, v in self._cells.get((i, j), ())
        )


def _round_centre(plane: _Plane, centre: Array, wanted: int, crowd: _Crowd, stream: np.random.Generator) -> list[Array]:
    """Return points on a spiral round a centre [°], closer together where there is too little room."""
    turn = 2 * math.pi * stream.random()
    chosen: list[Array] = []
    spacing, separation, step, block = float(COMMUNITY_SPACING_M), float(SEPARATION_M), 0, 2 * wanted + 16
    while len(chosen) < wanted:
        number = step + np.arange(block)
        # A sunflower holds one point to π c² of land, here one to the square of the spacing.
        far = spacing * np.sqrt((number + 0.5) / math.pi)
        way = turn + GOLDEN_ANGLE * number
        spiral = centre + far[:, None] * np.column_stack((np.cos(way), np.sin(way)))
        spots = plane.inside(spiral + COMMUNITY_JITTER * spacing * (2 * stream.random((block, 2)) - 1))
        for spot, (x, y) in zip(spots, plane.metres(spots).tolist(), strict=True):
            if len(chosen) < wanted and crowd.has_room(x, y, separation):
                crowd.add(x, y)
                chosen.append(spot)
        step += block
        if far[-1] > 2 * plane.radius:
            spacing, separation, step = spacing / 2, separation / 2, 0
            if separation < LEAST_SPACING_M:
                raise _too_small(wanted)
    return chosen


def _with_setting(place: Place, streets: AbstractSet[str]) -> Place:
    """Return a place that says whether it is urban or rural."""
    if place.setting:
        return place
    urban = place.kind != "village" or place.town in streets
    return replace(place, setting="urban" if urban else "rural")


@dataclass(frozen=True)
class _Group:
    """Places that add up to a published total.

    Attributes
    ----------
    indicator
        What is published: an indicator of facts.csv, or `town`.
    total
        People [persons].
    members
        Index of every place.
    problem
        Where the total stands, for a problem with it.
    """

    indicator: str
    total: int
    members: list[int]
    problem: Callable[[str, Mapping[str, Value]], Problem]


def _with_people(
    places: tuple[Place, ...],
    towns: Sequence[Town],
    facts: Mapping[str, Fact],
    stream: np.random.Generator,
    weights: Weights | None,
    notes: list[Problem],
) -> tuple[Place, ...]:
    """Return the places with everybody in them, summing to the published totals."""
    if all(place.people is not None for place in places):
        return places
    luck = np.exp(SIGMA * ndtri(np.clip(stream.random(len(places)), 1e-12, 1 - 1e-12)))
    filled = list(places)
    problems: list[Problem] = []
    first = _town_groups(places, towns)
    for group in first:
        problems += _share_out(filled, group, facts, luck, weights)
    if problems:
        raise InputError(problems)
    if not first or any(place.people is None for place in filled):
        for group in _groups(filled, facts, split=not first):
            problems += _share_out(filled, group, facts, luck, weights)
    elif tables.POPULATION in facts:
        total, found = facts[tables.POPULATION].value, sum(place.people or 0 for place in filled)
        if found != total:
            details: dict[str, Value] = {"sum": found, "indicator": tables.POPULATION, "total": total}
            problems.append(
                Problem("estimate.towns_sum", tables.TOWNS.file, column="people", value=found, details=details)
            )
    if problems:
        raise InputError(problems)
    if first and tables.URBAN in facts:
        urban = sum(place.people or 0 for place in filled if place.setting == "urban")
        if urban != facts[tables.URBAN].value:
            details = {"urban": urban, "published": facts[tables.URBAN].value}
            notes.append(Problem("estimate.settings_differ", tables.FACTS.file, column="value", details=details))
    return tuple(filled)


def _share_out(
    filled: list[Place], group: _Group, facts: Mapping[str, Fact], luck: Array, weights: Weights | None
) -> list[Problem]:
    """Fill in the people of a group's places that lack theirs; or return what is wrong."""
    missing = [i for i in group.members if filled[i].people is None]
    ages = [(filled[i].people_65 or 0) + (filled[i].people_0_14 or 0) for i in missing]
    # (By chance nobody's home is empty; what is known may say that it is.)
    least = [max(1, each) for each in ages] if weights is None else ages
    given = sum(filled[i].people or 0 for i in group.members)
    left = group.total - given
    details: dict[str, Value] = {
        "indicator": group.indicator,
        "given": given,
        "missing": len(missing),
        "left": left,
    }
    if left < sum(least) or (left and not missing):
        what = "estimate.total_small" if left < sum(least) else "estimate.total_left"
        return [group.problem("estimate.town_small" if group.indicator == _TOWN else what, details)]
    if weights is None:
        size = _community_size(filled, group.members, group.indicator, group.total, facts)
        shares = [
            max(1, round(WEIGHT_UNIT * float(luck[i]) * (size if filled[i].kind == "community" else 1)))
            for i in missing
        ]
    else:
        shares = [round(WEIGHT_UNIT * weights.amounts[i]) for i in missing]
    whole = say(f"estimate.whole_{group.indicator}")
    if left > sum(least) and not sum(shares):
        names = named([filled[i] for i in missing])
        details = {"whole": whole, "total": left, "count": len(missing), "names": names}
        return [group.problem("estimate.nothing_there", details)]
    factor = left / (sum(shares) / WEIGHT_UNIT) if sum(shares) else 0.0
    for i, people in zip(missing, spread(left, shares, least), strict=True):
        source = "" if weights is None else _source(weights, i, whole, factor)
        filled[i] = replace(filled[i], people=people, people_basis=Basis.ESTIMATED, people_source=source)
    return []


def _source(weights: Weights, i: int, whole: str, factor: float) -> str:
    """Say by what the people of a place were spread."""
    key, details = weights.how[i]
    amount = f"{weights.amounts[i]:,.1f}".removesuffix(".0")
    return say(key, **{**details, "whole": whole, "amount": amount, "factor": f"{factor:.4g}"})


def _town_groups(places: Sequence[Place], towns: Sequence[Town]) -> list[_Group]:
    """Return the towns with a published total, some of whose places lack people."""

    def of(town: Town) -> Callable[[str, Mapping[str, Value]], Problem]:
        value = f"{town.name} {town.people}"
        return lambda what, details: Problem(what, tables.TOWNS.file, column="people", value=value, details=details)

    members: dict[str, list[int]] = {}
    for i, place in enumerate(places):
        members.setdefault(place.town, []).append(i)
    return [
        _Group(_TOWN, town.people, members[town.id], of(town))
        for town in towns
        if town.people is not None and any(places[i].people is None for i in members.get(town.id, ()))
    ]


def _groups(places: Sequence[Place], facts: Mapping[str, Fact], *, split: bool) -> list[_Group]:
    """Return the groups whose totals are published for the district: urban and rural, or without the split."""
    if tables.POPULATION not in facts:
        words = {"indicator": tables.POPULATION, "zh": choice_called("indicator", tables.POPULATION, "zh")}
        raise InputError([Problem("estimate.no_total", tables.FACTS.file, details=words)])

    def of(value: int) -> Callable[[str, Mapping[str, Value]], Problem]:
        return lambda what, details: Problem(what, tables.FACTS.file, column="value", value=value, details=details)

    total = facts[tables.POPULATION].value
    urban, rural = facts.get(tables.URBAN), facts.get(tables.RURAL)
    if not split or (urban is None and rural is None):
        return [_Group(tables.POPULATION, total, list(range(len(places))), of(total))]
    in_urban = urban.value if urban else total - (rural.value if rural else 0)
    in_rural = rural.value if rural else total - in_urban
    if in_urban < 0 or in_rural < 0 or in_urban + in_rural != total:
        details: dict[str, Value] = {"urban": in_urban, "rural": in_rural, "total": total}
        raise InputError([Problem("estimate.settings_sum", tables.FACTS.file, details=details)])
    return [
        _Group(indicator, people, [i for i, place in enumerate(places) if place.setting == setting], of(people))
        for indicator, people, setting in (
            (tables.URBAN, in_urban, "urban"),
            (tables.RURAL, in_rural, "rural"),
        )
    ]


def _community_size(
    places: Sequence[Place], members: Sequence[int], indicator: str, total: int, facts: Mapping[str, Fact]
) -> float:
    """Return the people of a community, in villages.

    Of the urban total, villages in streets and zones count as much as the mean rural village; the communities
    share the rest, so that they need no assumption of their own.
    """
    communities = sum(places[i].kind == "community" for i in members)
    rural_places = sum(place.setting == "rural" for place in places)
    if indicator != tables.URBAN or not communities or not rural_places:
        return COMMUNITY_WEIGHT
    village = (facts[tables.POPULATION].value - total) / rural_places
    rest = total - village * (len(members) - communities)
    return rest / communities / village if village > 0 and rest > 0 else COMMUNITY_WEIGHT


def _with_age_group(
    places: tuple[Place, ...],
    towns: Sequence[Town],
    facts: Mapping[str, Fact],
    column: str,
    other: str,
    what: str,
    weights: Weights | None,
) -> tuple[Place, ...]:
    """Return the places with their residents of an age group, where a total is published or a raster tells it.

    They are a share of those who are not of the `other` group: so both groups have room in every place. By a raster
    they are its share of each place's people, and never more than are not of the `other` group. Totals of towns come
    first, and the other places share what the district's total leaves.
    """
    filled = list(places)
    published = facts.get(tables.TOTALS[column])
    told = weights.ages.get(column) if weights else None
    for town in towns:
        total = getattr(town, column)
        members = [] if total is None else [i for i, place in enumerate(filled) if place.town == town.id]
        if any(getattr(filled[i], column) is None for i in members):
            said = f"{town.name} {total}"
            problem = Problem("estimate.town_ages", tables.TOWNS.file, column=column, value=said)
            _share_ages(filled, members, column, other, total, problem, weights)
    if any(getattr(place, column) is None for place in filled) and (published is not None or told is not None):
        value = None if published is None else published.value
        problem = Problem(what, tables.FACTS.file, column="value", value=value)
        _share_ages(filled, list(range(len(filled))), column, other, value, problem, weights)
    elif published is not None and tuple(filled) != places:
        found = sum(getattr(place, column) or 0 for place in filled)
        if found != published.value:
            details: dict[str, Value] = {
                "sum": found,
                "indicator": published.indicator,
                "total": published.value,
            }
            raise InputError(
                [Problem("estimate.towns_sum", tables.TOWNS.file, column=column, value=found, details=details)]
            )
    return tuple(filled)


def _share_ages(
    filled: list[Place],
    members: Sequence[int],
    column: str,
    other: str,
    total: int | None,
    problem: Problem,
    weights: Weights | None,
) -> None:
    """Fill in an age group of those places that lack it; where no total is given, as many as the raster has.

    Raises
    ------
    InputError
        With the problem, when the total does not fit.
    """
    told = weights.ages.get(column) if weights else None
    missing = [i for i in members if getattr(filled[i], column) is None]
    room = [(filled[i].people or 0) - (getattr(filled[i], other) or 0) for i in missing]
    given = sum(getattr(filled[i], column) or 0 for i in members)
    if told is None:
        numbers = spread(_left(total or 0, given, room, problem), room)
    else:
        people = np.array([filled[i].people or 0 for i in missing], dtype=np.float64)
        share = np.array([told[i] for i in missing])
        # (Where the raster has nobody at all, the share of the others.)
        known = np.isfinite(share)
        mean = float(people[known] @ share[known]) / max(float(people[known].sum()), 1.0)
        expected = people * np.where(known, share, mean)
        counted = min(round(float(expected.sum())), sum(room))
        left = counted if total is None else _left(total, given, room, problem)
        numbers = spread_within(left, [round(WEIGHT_UNIT * float(each)) for each in expected], room)
    for i, number in zip(missing, numbers, strict=True):
        by: dict[str, Any] = {column: number, f"{column}_basis": Basis.ESTIMATED}
        if weights is not None:
            by["people_source"] = _with_age_source(filled[i].people_source, column, weights)
        filled[i] = replace(filled[i], **by)


def _with_age_source(before: str, column: str, weights: Weights) -> str:
    """Return the source of a place's people, with that of an age group in the place of what it said before of it."""
    age, between = say(f"estimate.age_{column}"), say("estimate.between_sources")
    file = weights.ages_from.get(column)
    how = say("estimate.age_share", age=age) if file is None else say("estimate.age_raster", age=age, file=file)
    parts = [part for part in before.split(between) if part and not part.startswith(age)]
    return between.join([*parts, how])


def _left(total: int, given: int, people: Sequence[int], problem: Problem) -> int:
    """Return what a published total leaves for the places that lack theirs [persons]; refuse what has no room."""
    left = total - given
    if not 0 <= left <= sum(people):
        raise InputError([replace(problem, details={"given": given, "people": sum(people), "left": left})])
    return left


def _blank_position[T: (Place, Town)](record: T) -> T:
    if record.position_basis is not Basis.ESTIMATED:
        return record
    return replace(record, lon=None, lat=None, position_basis=None)


def _blank_place(place: Place, totals: AbstractSet[str]) -> Place:
    """Blank what is drawn and can be drawn again; an estimate that says what it comes from is not random, and stays."""
    place = place if place.position_source else _blank_position(place)
    return place if place.people_source else _blank_people(place, totals)


def _blank_people(place: Place, totals: AbstractSet[str]) -> Place:
    """Blank the people that are estimated and can be estimated again: the columns whose totals are published."""
    if place.people_basis is Basis.ESTIMATED and "people" in totals:
        place = replace(place, people=None, people_basis=None, people_source="")
    if place.people_65_basis is Basis.ESTIMATED and "people_65" in totals:
        place = replace(place, people_65=None, people_65_basis=None)
    if place.people_0_14_basis is Basis.ESTIMATED and "people_0_14" in totals:
        place = replace(place, people_0_14=None, people_0_14_basis=None)
    return place


def _moves(old: District, new: District) -> Mapping[str, tuple[Spot, Spot]]:
    """Return from where to where every town centre and place has moved [°], by code."""
    pairs: list[tuple[Place | Town, Place | Town]] = [
        *zip(old.towns, new.towns, strict=True),
        *zip(old.places, new.places, strict=True),
    ]
    return {
        before.id: ((before.lon, before.lat), (after.lon, after.lat))
        for before, after in pairs
        if before.lon is not None and before.lat is not None
        if after.lon is not None and after.lat is not None
        if (before.lon, before.lat) != (after.lon, after.lat)
    }


def _moved(institution: Institution, moves: Mapping[str, tuple[Spot, Spot]], boundary: shapely.Geometry) -> Institution:
    """Return an institution that keeps its offset from where it was assumed, or stands there itself.

    One that an estimate put into the place that the list gives moves with that place.
    """
    anchor = institution.place or institution.town
    there = institution.lon, institution.lat
    if anchor not in moves or there[0] is None or there[1] is None or is_placed_by_estimate(institution):
        return institution
    (old_lon, old_lat), (lon, lat) = moves[anchor]
    in_its_place = institution.position_basis is Basis.ESTIMATED and there == (old_lon, old_lat)
    if institution.position_basis is not Basis.ASSUMED and not in_its_place:
        return institution
    kept = (
        round(there[0] + lon - old_lon, DECIMALS),
        round(there[1] + lat - old_lat, DECIMALS),
    )
    lon, lat = kept if shapely.contains_xy(boundary, *kept) else (lon, lat)
    return replace(institution, lon=lon, lat=lat)


def card_and_boundary(district: District) -> dict[str, bytes]:
    """Return district.toml and boundary.geojson of a district whose tables are in the datum that it is planned in."""
    shape = {"type": "Feature", "properties": {"code": district.code}, "geometry": district.boundary}
    quoted = {key: json.dumps(name, ensure_ascii=False) for key, name in district.name.items()}
    card = [
        f"code = {json.dumps(district.code, ensure_ascii=False)}",
        f"datum = {json.dumps(district.datum)}",
        f"epsg = {district.epsg}",
        *([f"partial = {json.dumps(district.partial)}"] if district.partial else []),
        "",
        "[name]",
        *(f"{key} = {text}" for key, text in quoted.items()),
    ]
    return {
        BOUNDARY: (json.dumps(shape, ensure_ascii=False) + "\n").encode(),
        CARD: ("\n".join(card) + "\n").encode(),
    }


def _files(district: District) -> Mapping[str, bytes]:
    """Return the files of a district folder by name."""
    files = {
        tables.PLACES.file: _table(tables.PLACES, district.places),
        tables.TOWNS.file: _table(tables.TOWNS, district.towns),
        tables.INSTITUTIONS.file: _table(tables.INSTITUTIONS, district.institutions),
        tables.FACTS.file: _table(tables.FACTS, tuple(district.facts.values())),
        **card_and_boundary(district),
    }
    if district.travel:
        rows = [[*pair, repr(minutes)] for pair, minutes in district.travel.items()]
        files[tables.TRAVEL.file] = _csv(tables.TRAVEL, rows)
    if district.observed:
        files[tables.OBSERVED.file] = _csv(tables.OBSERVED, [list(one.cells().values()) for one in district.observed])
    if district.fields:
        files[tables.FIELDS.file] = _table(tables.FIELDS, district.fields)
    if district.growth:
        files[tables.GROWTH.file] = _table(tables.GROWTH, district.growth)
    for table, told in (
        (tables.STAFF, district.staff),
        (tables.POOLS, district.pools),
        (tables.TOURS, district.tours),
        (tables.SESSIONS, district.sessions),
        (tables.FUNCTIONS, district.functions),
        (tables.CARE_HOMES, district.care_homes),
        (tables.CANDIDATES, district.candidates),
    ):
        if told:
            files[table.file] = _table(table, told)
    if district.people_by_year:
        files[tables.PEOPLE_BY_YEAR.file] = _table(tables.PEOPLE_BY_YEAR, district.people_by_year)
    return files


def _table(table: Table, records: Sequence[_Record]) -> bytes:
    # (What few lists say, such as who stands above an institution: no columns for nothing. Positions are in the datum
    # of district.toml by now.)
    idle = [name for names in _SELDOM if not any(getattr(r, names[0], None) for r in records) for name in names]
    ages = (
        ()
        if table is not tables.TOWNS
        else tuple(
            name
            for column in tables.AGE_COLUMNS
            if not any(getattr(record, column) is not None for record in records)
            for name in (column, f"{column}_basis")
        )
    )
    absent = (tables.DATUM, *ages, *(name for name in idle if _is_optional(table, name)))
    columns = tuple(column for column in table.columns if column.name not in absent)
    shown = replace(table, columns=columns)
    return _csv(shown, [[getattr(record, column.name) for column in columns] for record in records])


def _is_optional(table: Table, name: str) -> bool:
    return any(column.name == name and not column.needed for column in table.columns)


def _csv(table: Table, rows: Sequence[Sequence[object]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(column.name for column in table.columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _cell(value: object) -> str:
    """Return what a cell says; text that a spreadsheet would run as a formula gets an apostrophe."""
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, tuple):
        # (Months.)
        return ",".join(map(str, value))
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r", "＝")) else text
