"""Shapes of a layer: where a place stands, what a district covers, which roads there are, and in which coordinates."""

import re
import struct
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from pyproj.exceptions import CRSError

from allocate.fault_kinds import FaultKind
from allocate.files.sheet import Spotted

# Shapes of shapes, one in the other: GEOS follows them without end, and the process ends at some tens of thousands.
_MOST_NESTED = 100
_LEVEL = 9  # bytes of a level that holds another
_URL = r"https?://www\.opengis\.net/def/crs"
_EPSG = re.compile(rf"(?:EPSG:{{1,2}}|urn:ogc:def:crs:EPSG:[\w.]*:|{_URL}/EPSG/[\w.]+/)(\d{{4,6}})", re.IGNORECASE)
_CRS84 = re.compile(rf"(?:OGC:|urn:ogc:def:crs:OGC:[\w.]*:|{_URL}/OGC/[\w.]+/)CRS84", re.IGNORECASE)
_WKT_MOST = 65_536
# How sure PROJ must be of itself: at 70 the numbers agree although names differ; below, only names do.
_SURE, _BY_NAME = 70, 25


def from_wkb(blobs: Sequence[bytes | None]) -> tuple[NDArray[np.object_], tuple[Spotted, ...]]:
    """Return the shapes of well-known binaries, None where there is none, and a fault for each that is broken."""
    kept = [None if blob is None or _nested(blob) else bytes(blob) for blob in blobs]
    shapes: Any = shapely.from_wkb(np.array(kept, dtype=object), on_invalid="ignore")
    broken = [row for row, blob in enumerate(blobs, 1) if blob is not None and shapes[row - 1] is None]
    return shapes, tuple(Spotted(FaultKind.GEOMETRY_BROKEN, row) for row in broken)


def _nested(blob: bytes) -> bool:
    """Whether a shape holds shapes of shapes deeper than GEOS should follow, or cannot be followed at all."""
    if len(blob) < _LEVEL * _MOST_NESTED:
        return False
    at, left = 0, [1]
    try:
        while left:
            if not left[-1]:
                left.pop()
                continue
            left[-1] -= 1
            order = "<" if blob[at] else ">"
            # (As GEOS reads it: the kind, and how many coordinates a point has, both in ISO's way and in PostGIS's.)
            (code,) = struct.unpack_from(f"{order}I", blob, at + 1)
            kind, iso = code % 65_536 % 1_000, code % 65_536 // 1_000
            size = 16 + 8 * (bool(code >> 31) or iso in (1, 3)) + 8 * (bool(code >> 30 & 1) or iso in (2, 3))
            at += 9 if code >> 29 & 1 else 5
            if kind == 1:
                at += size
                continue
            (count,) = struct.unpack_from(f"{order}I", blob, at)
            at += 4
            match kind:
                case 2 | 8:
                    at += count * size
                case 3:
                    for _ in range(count):
                        at += 4 + size * struct.unpack_from(f"{order}I", blob, at)[0]
                case _:
                    left.append(count)
            if len(left) > _MOST_NESTED:
                return True
    except (struct.error, IndexError):
        return True
    return False


def places(shapes: NDArray[np.object_]) -> tuple[NDArray[np.float64], tuple[Spotted, ...]]:
    """Return where each line stands, shape (lines, 2), NaN where it stands nowhere; and what was found.

    An area, or a place of several points, stands at a point inside it; a line cannot be a place. Heights are dropped.
    """
    spots = np.full((len(shapes), 2), np.nan)
    there = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    there &= ~_is_endless(shapes)
    dimensions = shapely.get_dimensions(shapes)
    single = there & (shapely.get_type_id(shapes) == shapely.GeometryType.POINT)
    line = there & (dimensions == 1)
    inside = there & ~single & ~line
    spots[single] = shapely.get_coordinates(shapes[single])
    alone = inside & (dimensions == 0) & (shapely.get_num_coordinates(shapes) == 1)
    spots[alone] = shapely.get_coordinates(shapes[alone])
    inside &= ~alone
    broken = []
    for row in np.flatnonzero(inside):
        with suppress(shapely.errors.ShapelyError, IndexError):
            spots[row] = shapely.get_coordinates(shapely.point_on_surface(shapes[row]))[0]
        if not np.isfinite(spots[row]).all():
            spots[row] = np.nan
            broken.append(Spotted(FaultKind.GEOMETRY_BROKEN, int(row) + 1))
    spotted = [
        *endless(shapes),
        *(Spotted(FaultKind.GEOMETRY_LINE, int(row) + 1) for row in np.flatnonzero(line)),
        *broken,
    ]
    if count := int(inside.sum()) - len(broken):
        spotted.append(Spotted(FaultKind.GEOMETRY_INSIDE, details={"count": count}, fault=False))
    return spots, tuple(spotted)


def endless(shapes: NDArray[np.object_]) -> tuple[Spotted, ...]:
    """Return a fault for each shape that has a coordinate that is no finite number."""
    return tuple(Spotted(FaultKind.COORDINATE_INFINITE, int(row) + 1) for row in np.flatnonzero(_is_endless(shapes)))


def _is_endless(shapes: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Whether each shape has a coordinate that is no finite number."""
    coordinates, rows = shapely.get_coordinates(shapes, return_index=True)
    found = np.zeros(len(shapes), dtype=bool)
    found[rows[~np.isfinite(coordinates).all(axis=1)]] = True
    return found


def parts_of(
    shapes: NDArray[np.object_], *wanted: shapely.GeometryType
) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Return the polygons, or the lines, of all shapes one by one, without heights, and of which shape each is.

    Rings count as lines.
    """
    of = np.flatnonzero(~(shapely.is_missing(shapes) | shapely.is_empty(shapes)))
    singles: Any = shapes[of]
    finite = ~_is_endless(singles)
    singles, of = singles[finite], of[finite]
    # (A collection may hold collections; a shape of one part is its own only part.)
    while (shapely.get_type_id(singles) > shapely.GeometryType.POLYGON).any():
        singles, whole = shapely.get_parts(singles, return_index=True)
        of = of[whole]
    kinds = shapely.get_type_id(singles)
    kinds[kinds == shapely.GeometryType.LINEARRING] = shapely.GeometryType.LINESTRING
    found = np.isin(kinds, wanted)
    return shapely.force_2d(singles[found]), of[found]


def crs_of(text: str) -> tuple[str, tuple[Spotted, ...]]:
    """Return "EPSG:n" for a name or a well-known text of coordinates; empty, and a warning, where it is not known.

    The text comes from a file, so nothing but these two is taken: PROJ would open files that other texts name.

    >>> crs_of("urn:ogc:def:crs:EPSG::4490")[0], crs_of("OGC:CRS84")[0], crs_of("")[0]
    ('EPSG:4490', 'EPSG:4326', '')
    """
    text = text.strip().strip("\0\ufeff")
    if not text:
        return "", ()
    code: int | None = None
    try:
        if found := _EPSG.fullmatch(text):
            code = int(found[1])
            pyproj.CRS.from_epsg(code)
        elif _CRS84.fullmatch(text):
            code = 4326
        elif len(text) <= _WKT_MOST:
            code = _identified(pyproj.CRS.from_wkt(text))
    except (CRSError, ValueError):
        code = None
    return (f"EPSG:{code}", ()) if code is not None else ("", (unknown_crs(text),))


def crs_of_json(content: Any) -> tuple[str, tuple[Spotted, ...]]:
    """Return the same for PROJJSON."""
    try:
        code = _identified(pyproj.CRS.from_json_dict(content))
    except (CRSError, TypeError, ValueError):
        code = None
    if code is not None:
        return f"EPSG:{code}", ()
    return "", (unknown_crs(str(content.get("name", "?") if isinstance(content, dict) else content)),)


def unknown_crs(text: str) -> Spotted:
    """Warn of coordinates that are said and not known, by their name."""
    quoted = re.search(r'"([^"]*)"', text)
    name = " ".join((quoted[1] if quoted else text).split())[:60]
    return Spotted(FaultKind.CRS_UNKNOWN, value=name, fault=False)


def _identified(crs: pyproj.CRS) -> int | None:
    """Return the EPSG code of coordinates, heights left aside; None where there is none whose numbers are the same."""
    if crs.is_compound:
        crs = crs.sub_crs_list[0]
    if crs.is_bound and crs.source_crs is not None:
        crs = crs.source_crs
    if len(crs.axis_info) > 2:
        crs = crs.to_2d()
    if crs.to_authority() == ("OGC", "CRS84"):
        return 4326
    sure = crs.to_epsg(_SURE)
    if sure is not None:
        return int(sure)
    # (Older texts name no axes, so PROJ is never sure of them: the numbers are compared here.)
    named = crs.to_epsg(_BY_NAME)
    if named is None or not crs.is_projected:
        return None
    other = pyproj.CRS.from_epsg(named)
    return int(named) if _numbers(crs) == _numbers(other) and _ground(crs) == _ground(other) is not None else None


def _numbers(crs: pyproj.CRS) -> tuple[Any, ...] | None:
    way = crs.coordinate_operation
    if way is None:
        return None
    return way.method_name, tuple((one.name, one.value, one.unit_conversion_factor) for one in way.params)


def _ground(crs: pyproj.CRS) -> int | None:
    ground = crs.geodetic_crs
    return None if ground is None else ground.to_epsg(_SURE)


def ordered(spotted: Iterable[Spotted]) -> tuple[Spotted, ...]:
    """Return what was found by row; what is said once comes last."""
    return tuple(sorted(spotted, key=lambda one: (one.row is None, one.row or 0)))
