"""What coordinates mean: the datums that planners' files have, conversion between them, and signs of a wrong one.

Chinese web maps shift positions on purpose: GCJ-02 (Amap, Tencent) by some 550 m in Tianjin, BD-09 (Baidu) by some
1,350 m. The official shift is not published. What is here is the public formula that every open converter uses; it
agrees with the maps to about a metre. WGS-84 and CGCS2000 differ by centimetres and count as one.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import numpy as np
import pyproj
from numpy.typing import NDArray

from allocate import synonyms
from allocate.errors import Value
from allocate.fault_kinds import FaultKind

type Array = NDArray[np.float64]
type Flags = NDArray[np.bool_]

# West, south, east, north [°]. Outside this rectangle the public formula moves nothing; it is wider than China, so
# that Seoul and Hanoi are moved as well, by the formula as by us.
SHIFTED: Final = (72.004, 0.8293, 137.8347, 55.8271)
# The same for what may be a position in China.
CHINA: Final = (73.0, 3.0, 136.0, 54.0)
# The datums of Chinese web maps.
SHIFTING: Final = ("gcj02", "bd09")
# Degrees are kept to 7 decimals, about 1 cm: finer than any survey of a village, and the same on every machine.
DECIMALS: Final = 7
# A degree of latitude [m].
DEGREE_M: Final = 111_320.0

# Krasovsky's ellipsoid, as the public formula has it: half axis [m], and eccentricity squared.
_AXIS_M = 6378245.0
_ECCENTRICITY = 0.00669342162296594323
_TURN = math.pi * 3000.0 / 180.0
# An inverse is done when a step is below 1e-12°, a tenth of a micrometre. Each step leaves about a hundredth of what
# the step before left, so that six are enough; what still moves then is the last digit.
_STEP = 1e-12
_MOST_STEPS = 12

_CODE = re.compile(r"(?:(?:urn:ogc:def:crs:)?epsg:\s*(?:[\d.]*:)?)?(\d{4,6})", re.IGNORECASE)
_WKT = re.compile(r"\s*(?:BOUND|COMPOUND|GEOD|GEOG|PROJ|VERT|LOCAL_|GEOC)(?:CRS|CS)\s*\[", re.IGNORECASE)
_LONGEST_WKT = 10_000
# The datums whose coordinates we may take as they are, by what the register of EPSG calls them.
_TAKEN: Final = {"World Geodetic System 1984": "wgs84", "China 2000": "cgcs2000"}

# How the codes of CGCS2000's Gauss-Krüger zones run in the register of EPSG: the first zone, its code with the zone
# in front of the easting, and without; 21 zones of 3 degrees and 11 of 6.
_ZONES: Final = ((25, 45, 4513, 4534), (13, 23, 4491, 4502))
_MILLION = 1_000_000
# What eastings within a zone, northings, and coordinates of web maps (EPSG:3857) are in China [m].
_EASTING = (100_000.0, 900_000.0)
_NORTHING = (300_000.0, 6_200_000.0)
_WEB_EAST, _WEB_NORTH = (8_100_000.0, 15_200_000.0), (330_000.0, 7_200_000.0)
# A point may lie this far outside the area that a projection is made for [°]: districts reach into the next zone.
_BESIDE = 3.5
# A table with fewer rows than this says nothing about how its coordinates were rounded.
_LEAST_ROWS = 3
# No coordinate of any system is so large.
_NO_COORDINATE = 1e9


class DatumError(ValueError):
    """A declared datum cannot be used; says why and what to do."""

    def __init__(self, what: FaultKind, value: Value, **details: Value) -> None:
        super().__init__(what)
        self.what, self.value, self.details = what, value, details


@dataclass(frozen=True)
class Datum:
    """What coordinates mean.

    Attributes
    ----------
    name
        `wgs84`, `cgcs2000`, `gcj02` or `bd09`; else the code of a projected system, such as `EPSG:4548`.
    epsg
        The code, where it is a projected system.
    """

    name: str
    epsg: int | None = None

    @property
    def plain(self) -> bool:
        """Whether the coordinates are degrees that need no conversion."""
        return self.name in ("wgs84", "cgcs2000")


@dataclass(frozen=True)
class Oddity:
    """Rows whose coordinates cannot mean what was declared.

    Attributes
    ----------
    rows
        Numbers of the rows, the first being 0.
    details
        What the sentence fills in, with the count of rows as `rows`; the number of the first row, as the file counts,
        is to be added as `first`.
    fault
        Whether it must be mended; otherwise it is a warning.
    """

    what: FaultKind
    rows: NDArray[np.intp]
    details: Mapping[str, Value] = field(default_factory=dict)
    fault: bool = True


def parse(text: str | int) -> Datum:
    """Return the datum that a name, a code of EPSG or a layer's own definition stands for.

    Raises
    ------
    DatumError
        If it is unknown, or a system from which nobody but an office of surveying can convert.

    >>> parse("GCJ-02").name, parse("epsg:4527").name, parse(4490).name, parse("GPS").name
    ('gcj02', 'EPSG:4527', 'cgcs2000', 'wgs84')
    """
    said = str(text).replace("：", ":").strip()
    if _WKT.match(said):
        return _of_definition(said)
    short = _short(said)
    if short in _names():
        return Datum(_names()[short])
    if any(_short(name) in short for name in synonyms.written("old_datums")):
        raise DatumError(FaultKind.DATUM_OLD, text, name=said[:40])
    code = _CODE.fullmatch(said)
    if not code:
        raise DatumError(FaultKind.DATUM_UNKNOWN, text)
    return _of_code(int(code[1]))


def _short(name: str) -> str:
    """Return a name small, without anything but letters and digits."""
    return re.sub(r"[\W_]+", "", synonyms.fold(name))


@cache
def _names() -> Mapping[str, str]:
    """Return the datums by what planners call them."""
    return {_short(word): codes[0] for word, codes in synonyms.choices_of("datum").items()}


def wgs84_to_gcj02(points: Array) -> Array:
    """Return points as GCJ-02 has them [°]; shape (n, 2), longitude first."""
    return _moved(points, _within(points, SHIFTED), _shift)


def gcj02_to_wgs84(points: Array) -> Array:
    """Return points of GCJ-02 as WGS-84 has them [°], the exact inverse of `wgs84_to_gcj02`.

    Whether a point is inside the formula's rectangle is asked of the point given: along that edge, abroad or at sea,
    the formula has no inverse.
    """
    return _moved(points, _within(points, SHIFTED), lambda some: _inverse(some, lambda p: p + _shift(p)) - some)


def gcj02_to_bd09(points: Array) -> Array:
    """Return points of GCJ-02 as BD-09 has them [°]; the public formula has no rectangle here."""
    return _moved(points, _within(points, (-180, -90, 180, 90)), lambda some: _baidu(some) - some)


def bd09_to_gcj02(points: Array) -> Array:
    """Return points of BD-09 as GCJ-02 has them [°], the exact inverse of `gcj02_to_bd09`.

    The public formula for this direction is an approximation, off by up to 0.2 m; ours starts there and goes on.
    """
    return _moved(points, _within(points, (-180, -90, 180, 90)), lambda some: _inverse(some, _baidu) - some)


def convert(points: Array, have: str, want: str) -> Array:
    """Return points in another of the datums `wgs84`, `cgcs2000`, `gcj02` and `bd09` [°]; shape (n, 2).

    Rows that are not finite come back as NaN.
    """
    order = {"wgs84": 0, "cgcs2000": 0, "gcj02": 1, "bd09": 2}
    forth, back = (wgs84_to_gcj02, gcj02_to_bd09), (gcj02_to_wgs84, bd09_to_gcj02)
    here, there = order[have], order[want]
    points = _finite(points)
    for step in forth[here:there]:
        points = step(points)
    for step in reversed(back[there:here]):
        points = step(points)
    return points


def to_degrees(xy: Array, declared: Datum, wanted: str) -> Array:
    """Return coordinates as degrees of `wgs84` or `cgcs2000`, longitude first; shape (n, 2).

    Degrees that are declared as either come back as they are. What is converted is rounded to `DECIMALS`, so that
    the same file gives the same digits everywhere. NaN marks what is not finite, or cannot be converted.
    """
    xy = _finite(xy)
    if declared.plain:
        return xy
    xy[(np.abs(xy) > _NO_COORDINATE).any(axis=1)] = np.nan
    if declared.epsg is None:
        return convert(xy, declared.name, wanted).round(DECIMALS)
    # The degrees of the projection's own datum, which is one of the two: no shift is made between them.
    return _unprojected(xy, declared.epsg).round(DECIMALS)


def looks_wrong(xy: Array, declared: Datum) -> Iterator[Oddity]:
    """Yield what shows that coordinates are not what was declared, with the rows; nothing is mended.

    Rows with NaN are passed over. Degrees outside China that are not swapped are left to the boundary.
    """
    xy = _finite(xy).clip(-_NO_COORDINATE, _NO_COORDINATE)
    open_rows: Flags = np.isfinite(xy).all(axis=1)
    zero = open_rows & (xy == 0).all(axis=1)
    yield from _found(FaultKind.POSITION_ZERO, zero)
    open_rows &= ~zero
    if declared.epsg is None:
        yield from _wrong_degrees(xy, open_rows, declared)
    else:
        yield from _wrong_metres(xy, open_rows, declared, declared.epsg)
    coarse = _coarse(xy, open_rows)
    if coarse.sum() >= _LEAST_ROWS and 2 * coarse.sum() > open_rows.sum():
        yield from _found(FaultKind.POSITION_COARSE, coarse, fault=False)


def _of_code(code: int) -> Datum:
    try:
        system = pyproj.CRS.from_epsg(code)
    except pyproj.exceptions.CRSError as error:
        raise DatumError(FaultKind.DATUM_EPSG, code) from error
    name = system.datum.name if system.datum else ""
    taken = next((short for long, short in _TAKEN.items() if name.startswith(long)), "")
    if not (system.is_geographic or system.is_projected) or system.is_compound or system.is_vertical:
        raise DatumError(FaultKind.DATUM_KIND, code, name=system.name)
    if not _in_china(system):
        raise DatumError(FaultKind.DATUM_AREA, code, name=system.name)
    if not taken:
        raise DatumError(FaultKind.DATUM_OLD, code, name=system.name)
    return Datum(taken) if system.is_geographic else Datum(f"EPSG:{code}", code)


def _of_definition(said: str) -> Datum:
    """Return the datum that a layer defines in full; only what the register of EPSG knows is taken."""
    try:
        system = pyproj.CRS.from_wkt(said) if len(said) <= _LONGEST_WKT else None
        code = system.to_epsg() if system else None
    except (pyproj.exceptions.CRSError, ValueError) as error:
        raise DatumError(FaultKind.DATUM_UNKNOWN, said[:60]) from error
    if system is None or code is None:
        name = system.name if system else said[:60]
        raise DatumError(FaultKind.DATUM_OLD if system else FaultKind.DATUM_UNKNOWN, name, name=name)
    return _of_code(code)


def _in_china(system: pyproj.CRS) -> bool:
    area = system.area_of_use
    if area is None:
        return False
    west, south, east, north = CHINA
    return area.west < east and area.east > west and area.south < north and area.north > south


def _finite(points: Array) -> Array:
    """Return a copy in which a row that is not finite is NaN."""
    points = np.array(points, dtype=np.float64).reshape(-1, 2)
    points[~np.isfinite(points).all(axis=1)] = np.nan
    return points


def _within(points: Array, rectangle: tuple[float, float, float, float]) -> Flags:
    west, south, east, north = rectangle
    x, y = points[:, 0], points[:, 1]
    inside: Flags = (x >= west) & (x <= east) & (y >= south) & (y <= north)
    return inside


def _moved(points: Array, some: Flags, shift: Callable[[Array], Array]) -> Array:
    """Return the points, some of them shifted."""
    points = np.array(points, dtype=np.float64)
    points[some] += shift(points[some])
    return points


def _inverse(wanted: Array, forth: Callable[[Array], Array]) -> Array:
    """Return the points that a conversion takes to the points wanted, by fixed-point iteration."""
    points = wanted.copy()
    for _ in range(_MOST_STEPS):
        step = wanted - forth(points)
        points += step
        if not step.size or np.abs(step).max() < _STEP:
            break
    return points


def _shift(points: Array) -> Array:
    """Return by how much GCJ-02 shifts points of WGS-84 [°]; the public formula, term by term."""
    lon, lat = points[:, 0], points[:, 1]
    x, y, pi = lon - 105.0, lat - 35.0, np.pi
    root = np.sqrt(np.abs(x))
    both = (20.0 * np.sin(6.0 * x * pi) + 20.0 * np.sin(2.0 * x * pi)) * 2.0 / 3.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + both
    north += (20.0 * np.sin(y * pi) + 40.0 * np.sin(y / 3.0 * pi)) * 2.0 / 3.0
    north += (160.0 * np.sin(y / 12.0 * pi) + 320.0 * np.sin(y * pi / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + both
    east += (20.0 * np.sin(x * pi) + 40.0 * np.sin(x / 3.0 * pi)) * 2.0 / 3.0
    east += (150.0 * np.sin(x / 12.0 * pi) + 300.0 * np.sin(x / 30.0 * pi)) * 2.0 / 3.0
    radians = lat / 180.0 * pi
    magic = 1.0 - _ECCENTRICITY * np.sin(radians) ** 2
    meridian = _AXIS_M * (1.0 - _ECCENTRICITY) / (magic * np.sqrt(magic))
    parallel = _AXIS_M / np.sqrt(magic) * np.cos(radians)
    return np.column_stack((east * 180.0 / (parallel * pi), north * 180.0 / (meridian * pi)))


def _baidu(points: Array) -> Array:
    """Return points of GCJ-02 as BD-09 has them [°]; the public formula."""
    x, y = points[:, 0], points[:, 1]
    far = np.hypot(x, y) + 0.00002 * np.sin(y * _TURN)
    angle = np.arctan2(y, x) + 0.000003 * np.cos(x * _TURN)
    return np.column_stack((far * np.cos(angle) + 0.0065, far * np.sin(angle) + 0.006))


@cache
def _projection(epsg: int) -> tuple[pyproj.Transformer, tuple[float, float, float, float]]:
    """Return the way from a projection to its own degrees, and the rectangle of China that it is made for [°]."""
    system = pyproj.CRS.from_epsg(epsg)
    area = system.area_of_use
    west, south, east, north = CHINA
    if area is not None:
        west, south = max(west, area.west - _BESIDE), max(south, area.south - _BESIDE)
        east, north = min(east, area.east + _BESIDE), min(north, area.north + _BESIDE)
    way = pyproj.Transformer.from_crs(system, system.geodetic_crs, always_xy=True)
    return way, (west, south, east, north)


def _unprojected(xy: Array, epsg: int) -> Array:
    way, _ = _projection(epsg)
    return _finite(np.column_stack(way.transform(xy[:, 0], xy[:, 1])))


def _found(what: FaultKind, rows: Flags, *, fault: bool = True, **details: Value) -> Iterator[Oddity]:
    if rows.any():
        yield Oddity(what, np.flatnonzero(rows), {"rows": int(rows.sum()), **details}, fault)


def _wrong_degrees(xy: Array, open_rows: Flags, declared: Datum) -> Iterator[Oddity]:
    swapped = open_rows & ~_within(xy, CHINA) & _within(xy[:, ::-1], CHINA)
    yield from _found(FaultKind.SWAPPED, swapped)
    open_rows = open_rows & ~swapped
    turned = open_rows & _metric(xy[:, ::-1]) & ~_metric(xy)
    metres = open_rows & (turned | _metric(xy))
    if metres.any():
        ordered = np.where(turned[:, None], xy[:, ::-1], xy)[metres]
        use = ", ".join(_systems(ordered)) or "EPSG:4534–4554"
        yield from _found(FaultKind.POSITION_METRES, metres, datum=declared.name, use=use)
    yield from _found(FaultKind.POSITION_AXES, turned)


def _wrong_metres(xy: Array, open_rows: Flags, declared: Datum, epsg: int) -> Iterator[Oddity]:
    degrees = open_rows & (np.abs(xy) <= (180.0, 180.0)).all(axis=1)
    yield from _found(FaultKind.POSITION_DEGREES, degrees, datum=declared.name)
    open_rows = open_rows & ~degrees & ~_fits(xy, epsg)
    turned, rezoned = np.zeros_like(open_rows), np.zeros_like(open_rows)
    # As it stands but for one thing, and only then but for two.
    for flip, other in ((True, False), (False, True), (True, True)):
        points = xy[:, ::-1] if flip else xy
        points = _other_zone(points, epsg) if other else points
        explained = open_rows & ~turned & ~rezoned & _fits(points, epsg)
        turned |= explained & flip
        rezoned |= explained & other
    yield from _found(FaultKind.POSITION_AXES, turned)
    easting = np.where(turned, xy[:, 1], xy[:, 0])
    zone = np.where(rezoned, easting, 0) // _MILLION
    for number in sorted(set(zone[rezoned].astype(int).tolist())):
        what = FaultKind.ZONE_GIVEN if number else FaultKind.ZONE_ABSENT
        use = _sibling(epsg, number)
        yield from _found(what, rezoned & (zone == number), datum=declared.name, use=use, zone=number)
    far = open_rows & ~turned & ~rezoned
    yield from _found(FaultKind.POSITION_FAR, far, datum=declared.name)


def _fits(xy: Array, epsg: int) -> Flags:
    """Return which points lie in China and near the area that a projection is made for."""
    return _within(_unprojected(xy, epsg), _projection(epsg)[1])


def _other_zone(xy: Array, epsg: int) -> Array:
    """Return the points as they would be, had the zone been left in front of the easting, or out, as declared.

    Where the projection has no zone of its own, or its own is there already, NaN.
    """
    points = np.full_like(xy, np.nan)
    for first, last, given, without in _ZONES:
        count = last - first
        own = xy[:, 0] // _MILLION
        if given <= epsg <= given + count:
            zone = epsg - given + first
            moved = xy[:, 0] - own * _MILLION + zone * _MILLION
            # Another zone in front is a matter of the declaration too, not only none at all.
            some = (own == 0) | ((own >= first) & (own <= last) & (own != zone))
        elif without <= epsg <= without + count:
            moved, some = xy[:, 0] - own * _MILLION, (own >= first) & (own <= last)
        else:
            continue
        points[some, 0], points[some, 1] = moved[some], xy[some, 1]
    return points


def _sibling(epsg: int, zone: int) -> str:
    """Return the code of the projection that has this zone in front of its eastings; none with 0."""
    for first, last, given, without in _ZONES:
        if zone and first <= zone <= last:
            return f"EPSG:{given + zone - first}"
        if not zone and given <= epsg <= given + last - first:
            return f"EPSG:{epsg - given + without}"
    return ""


def _metric(xy: Array) -> Flags:
    """Return which numbers can be an easting and a northing in China."""
    return _in_zone(xy) | _on_web(xy)


def _in_zone(xy: Array) -> Flags:
    zone, east = xy[:, 0] // _MILLION, xy[:, 0] % _MILLION
    known = zone == 0
    for first, last, _, _ in _ZONES:
        known |= (zone >= first) & (zone <= last)
    fits: Flags = known & _between(east, _EASTING) & _between(xy[:, 1], _NORTHING)
    return fits


def _on_web(xy: Array) -> Flags:
    return _between(xy[:, 0], _WEB_EAST) & _between(xy[:, 1], _WEB_NORTH)


def _between(values: Array, limits: tuple[float, float]) -> Flags:
    inside: Flags = (values >= limits[0]) & (values <= limits[1])
    return inside


def _systems(xy: Array) -> list[str]:
    """Return the codes of the systems that eastings with a zone in front, or those of web maps, belong to."""
    zones = np.unique(xy[_in_zone(xy), 0] // _MILLION).astype(int).tolist()
    codes = [_sibling(0, zone) for zone in zones if zone]
    return [*codes, "EPSG:3857"] if _on_web(xy).any() else codes


def _coarse(xy: Array, open_rows: Flags) -> Flags:
    """Return which rows are whole hundredths of a degree, or whole kilometres: about 1 km."""
    known = open_rows & (np.abs(xy) < _NO_COORDINATE).all(axis=1)
    parts = np.where(known[:, None], xy, np.nan) / np.where(np.abs(xy) <= 180.0, 0.01, 1000.0)
    # Hundredths have no exact binary form: 1e-6 of a hundredth is 1 mm.
    coarse: Flags = (np.abs(parts - np.round(parts)) < 1e-6).all(axis=1)
    return coarse
