"""By what the people of a town or district are spread over its places: households, buildings, built-up area, a raster.

What is spread adds up to the published totals whatever the weights are (`estimate.py`); what stands here are the
weights, how each of them came about, and what a planner should be told.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np
import shapely
from numpy.typing import NDArray

from allocate import tables
from allocate.district import District, Place
from allocate.errors import Problem, UsageError, Value
from allocate.files.raster import Raster, cell_sums
from allocate.synonyms import heading_of
from allocate.thiessen import CRUMB, Cells, Shapes, only, polygons, within
from allocate.travel.points import degrees, metric, metric_shape
from allocate.words import LANGUAGES, few, say

Array = NDArray[np.float64]

# So many places are named where many are alike.
NAMED = 8
# Published and counted people that differ by more than this factor cannot mean the same.
FAR = 2.0
# A straight edge in metres is a little bent in degrees: edges are cut to this length [m].
_EDGE_M = 500.0
# Less of the district than this under a raster is said.
_COVERED = 0.99


@dataclass(frozen=True)
class Weights:
    """By what people are spread over the places of a district.

    Attributes
    ----------
    amounts
        Of each place, in their order: households, buildings, m² or people of a raster.
    how
        How each came about: a key of the catalogue, with what it fills in.
    ages
        The share that an age group has among the people of each place, by its column; NaN where nothing tells.
    ages_from
        What tells it, by the column.
    notes
        What a planner should be told.
    remarks
        Sentences for SOURCES.md.
    """

    amounts: tuple[float, ...]
    how: tuple[tuple[str, Mapping[str, Value]], ...]
    ages: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    ages_from: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[Problem, ...] = ()
    remarks: tuple[str, ...] = ()


def named(places: Sequence[Place]) -> str:
    """Return the names of some places, and an ellipsis where they are many."""
    return few([place.name for place in places], NAMED)


def measure_of(district: District, asked: str = "auto") -> str:
    """Return the column by which people are spread; empty where `auto` was asked and no place says any.

    Raises
    ------
    UsageError
        When one was asked for by name and no place says it.
    """
    known = [name for name in tables.MEASURES if any(getattr(place, name) for place in district.places)]
    if asked == "auto":
        return known[0] if known else ""
    if asked not in known:
        details: dict[str, Value] = {language: heading_of(tables.PLACES, asked, language) for language in LANGUAGES}
        raise UsageError([Problem("estimate.no_measure", column="--by", value=asked, details=details)])
    return asked


def by_measure(district: District, measure: str) -> Weights:
    """Weigh places by a column; whoever lacks it gets another column times its town's median ratio, or the median."""
    amounts: list[float] = []
    how: list[tuple[str, Mapping[str, Value]]] = []
    guessed: list[Place] = []
    towns: dict[str, list[Place]] = {}
    for place in district.places:
        towns.setdefault(place.town, []).append(place)
    for place in district.places:
        own = getattr(place, measure)
        if own is not None:
            amounts.append(float(own))
            how.append((f"estimate.by_{measure}", {}))
            continue
        # (Of the town, and where nobody in it says enough, of the district.)
        amount, other = next(_guesses(place, measure, (towns[place.town], district.places)))
        amounts.append(amount)
        how.append((f"estimate.by_{measure}_{'other' if other else 'median'}", {"other": _called(other)}))
        if place.people is None:
            guessed.append(place)
    notes = []
    if guessed:
        details: dict[str, Value] = {"count": len(guessed), "names": named(guessed), "what": _called(measure)}
        notes.append(Problem("estimate.measure_lacks", tables.PLACES.file, column=measure, details=details))
    remark = say("estimate.remark_measure", what=_called(measure), count=len(amounts), lacking=len(guessed))
    return Weights(tuple(amounts), tuple(how), notes=tuple(notes), remarks=(remark,))


def _called(column: str) -> str:
    return say(f"estimate.measure_{column}") if column else ""


def _guesses(place: Place, measure: str, around: Sequence[Sequence[Place]]) -> Iterator[tuple[float, str]]:
    """Yield what a place may have of a measure, the best guess first, with the column that it was worked out from."""
    for other in tables.MEASURES:
        if other != measure and getattr(place, other) is not None:
            for places in around:
                ratios = [
                    getattr(one, measure) / getattr(one, other)
                    for one in places
                    if getattr(one, measure) is not None and getattr(one, other)
                ]
                if ratios:
                    yield median(ratios) * getattr(place, other), other
    for places in around:
        amounts = [getattr(one, measure) for one in places if getattr(one, measure) is not None]
        if amounts:
            yield float(median(amounts)), ""


@dataclass(frozen=True)
class Territory:
    """A district in metres: its boundary, and the ground nearest to each of its places.

    Attributes
    ----------
    boundary
        In metres of the district's reference system.
    shapes
        The ground of every spot on which places stand [m].
    spots
        Index of the spot of each place, in the places' order.
    """

    boundary: shapely.MultiPolygon
    shapes: Shapes
    spots: NDArray[np.int64]
    datum: str
    epsg: int

    @classmethod
    def of(cls, district: District) -> "Territory":
        """Return the ground of a district all of whose places have positions."""
        system = district.datum, district.epsg
        drawn = metric_shape(shapely.geometry.shape(dict(district.boundary)), *system)
        boundary = only(polygons([drawn], CRUMB))
        points = np.array([(place.lon, place.lat) for place in district.places], dtype=np.float64).reshape(-1, 2)
        cells = Cells.of([place.id for place in district.places], metric(points, *system), boundary)
        spots = np.array([cells.spot_of[place.id] for place in district.places], dtype=np.int64)
        return cls(boundary, within(cells.shapes, boundary), spots, *system)

    def metres(self, spots: Array) -> Array:
        """Return points given in degrees [m]; shape (n, 2)."""
        return metric(spots, self.datum, self.epsg)

    def degrees(self, spots: Array) -> Array:
        """Return points given in metres [°]; shape (n, 2)."""
        return degrees(spots, self.datum, self.epsg)

    def on(self, raster: Raster, shapes: Shapes) -> Shapes:
        """Return shapes given in metres as columns and negative rows of a raster."""
        fine = shapely.segmentize(shapes, _EDGE_M)
        found: Shapes = shapely.transform(fine, lambda points: raster.cells_of(self.degrees(points)))
        return found


def by_raster(
    district: District, raster: Raster, ages: Mapping[str, Raster] | None = None, *, told_band: bool = True
) -> Weights:
    """Weigh places by the people whom a raster has nearer to each than to any other, within the boundary.

    A cell on a border counts by the exact share of its ground on either side. Places on one spot share its people
    evenly.

    Parameters
    ----------
    ages
        Rasters of age groups, by their columns.
    told_band
        Whether the planner said which band holds the people.
    """
    ages = ages or {}
    ground = Territory.of(district)
    counted = _by_place(ground, raster)
    sums = {column: _by_place(ground, each) for column, each in ages.items()}
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = {name: np.where(counted > 0, np.minimum(each / counted, 1.0), np.nan) for name, each in sums.items()}
    how = (("estimate.by_raster", {"file": raster.name}),) * len(district.places)
    notes = [*_odd_cells(raster, ground), *(note for each in ages.values() for note in _odd_cells(each, ground))]
    if raster.bands > 1 and not told_band:
        notes.append(_note("raster.bands", raster, bands=raster.bands))
    notes += _about_places(district, raster, counted)
    remarks = [_remark(raster, counted, "people"), *(_remark(each, sums[name], name) for name, each in ages.items())]
    return Weights(
        tuple(counted.tolist()),
        how,
        {column: tuple(each.tolist()) for column, each in shares.items()},
        {column: each.name for column, each in ages.items()},
        tuple(notes),
        tuple(remarks),
    )


def _by_place(ground: Territory, raster: Raster) -> Array:
    """Return the people of a raster on the ground of each place."""
    sums = cell_sums(raster, ground.on(raster, ground.shapes))
    together = np.bincount(ground.spots, minlength=len(ground.shapes))
    found: Array = sums[ground.spots] / together[ground.spots]
    return found


def _note(what: str, raster: Raster, **details: Value) -> Problem:
    return Problem(what, raster.name, details=details)


def _odd_cells(raster: Raster, ground: Territory) -> Iterator[Problem]:
    """Yield what is odd in a raster's cells over the district."""
    if raster.negative:
        yield _note("raster.negative", raster, count=raster.negative)
    if raster.endless:
        yield _note("raster.endless", raster, count=raster.endless)
    there = ground.on(raster, np.array([ground.boundary], dtype=object))[0]
    rows, columns = raster.people.shape
    covered = shapely.intersection(there, shapely.box(0, -rows, columns, 0)).area / there.area
    if covered < _COVERED:
        yield _note("raster.part", raster, percent=int(100 * covered))


def _about_places(district: District, raster: Raster, counted: Array) -> Iterator[Problem]:
    """Yield what the people of a raster show of the district's own."""
    population = district.facts.get(tables.POPULATION)
    towns = [town.people for town in district.towns if town.people is not None]
    published = population.value if population else sum(towns) if len(towns) == len(district.towns) else 0
    whole = float(counted.sum())
    if published and not published / FAR <= whole <= published * FAR:
        yield _note("raster.far", raster, counted=round(whole), published=published)
    empty = [place for place, people in zip(district.places, counted, strict=True) if people <= 0]
    if empty:
        yield _note("raster.nobody", raster, count=len(empty), names=named(empty))
    drawn = sum(place.stands_by_chance for place in district.places)
    if drawn:
        yield _note("raster.positions", raster, count=drawn, places=len(district.places))


def _remark(raster: Raster, counted: Array, column: str) -> str:
    return say(
        "raster.remark",
        file=raster.name,
        sha256=raster.sha256,
        band=raster.band,
        crs=raster.crs.name,
        of=say(f"raster.of_{column}"),
        sum=f"{float(counted.sum()):,.1f}",
        void=raster.void,
    )
