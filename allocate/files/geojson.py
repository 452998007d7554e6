"""GeoJSON, read by the standard library: GDAL would take anything under this name."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from allocate.fault_kinds import FaultKind
from allocate.files.features import Features, Opened, tabled
from allocate.files.shapes import crs_of
from allocate.files.sheet import Spotted, Unreadable
from allocate.files.text import MOST_CELLS, decode, limit_signs, read_bytes

_SHAPES = ("Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection")
_DEEPEST = 8  # collections in collections


class _Broken(ValueError):
    """A geometry is none."""


def open_geojson(path: Path, encoding: str) -> Opened:
    """Return the one layer of a GeoJSON file: a collection of features, one feature, or a bare geometry.

    Raises
    ------
    Unreadable
        When it is something else; TopoJSON and the JSON of Esri are called by their names.
    """
    text = decode(read_bytes(path), encoding)
    if not text.lstrip().startswith("{"):
        raise Unreadable(FaultKind.FILE_CONTENT, format="GeoJSON")
    # (A point of a line has a bracket and two commas.)
    limit_signs(text, "{[,", 2 * MOST_CELLS)
    try:
        content = json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise Unreadable(FaultKind.FILE_UNREADABLE, row=error.lineno, reason=error.msg) from None
    except RecursionError:
        raise Unreadable(FaultKind.FILE_CONTENT, format="GeoJSON") from None
    kind = content.get("type")
    if kind == "Topology":
        raise Unreadable(FaultKind.JSON_OTHER, format="TopoJSON")
    if isinstance(content.get("geometryType"), str) or (kind is None and "features" in content):
        raise Unreadable(FaultKind.JSON_OTHER, format="Esri JSON")
    if kind == "FeatureCollection":
        features = content.get("features")
    elif kind == "Feature":
        features = [content]
    elif kind in _SHAPES:
        features = [{"type": "Feature", "properties": None, "geometry": content}]
    else:
        features = None
    if not isinstance(features, list) or not all(isinstance(feature, dict) for feature in features):
        raise Unreadable(FaultKind.FILE_CONTENT, format="GeoJSON")
    return (path.stem,), lambda _: _features(features, content.get("crs"))


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object, in which no key may stand twice: the last would silently win."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise Unreadable(FaultKind.KEY_TWICE, value=twice)
    return found


def _features(features: Sequence[Mapping[str, Any]], crs: Any) -> Features:
    records = [feature.get("properties") for feature in features]
    heading, columns = tabled([record if isinstance(record, dict) else {} for record in records])
    said, spotted = crs_of(_name(crs))
    shapes, broken = _shapes([feature.get("geometry") for feature in features])
    return Features(heading, columns, len(features), shapes, said, (*broken, *spotted))


def _name(crs: Any) -> str:
    """Return what the member crs of older GeoJSON says, in either of its ways; what is odd is said as it is."""
    match crs:
        case None:
            return ""
        case {"type": "name", "properties": {"name": str(name)}}:
            return name
        case {"type": "EPSG", "properties": {"code": int(code)}}:
            return f"EPSG:{code}"
    return json.dumps(crs, ensure_ascii=False)[:200]


def _shapes(geometries: Sequence[Any]) -> tuple[NDArray[np.object_], list[Spotted]]:
    """Return the shape of each geometry; points, of which there are most, all at once."""
    shapes = np.full(len(geometries), None, dtype=object)
    points, where, spotted = [], [], []
    for row, geometry in enumerate(geometries):
        match geometry:
            case {"type": "Point", "coordinates": [int() | float() as x, int() | float() as y, *_]}:
                points.append((_number(x), _number(y)))
                where.append(row)
            case _:
                try:
                    shapes[row] = _shape(geometry, 0)
                except (ValueError, TypeError, KeyError, shapely.errors.ShapelyError):
                    spotted.append(Spotted(FaultKind.GEOMETRY_BROKEN, row + 1))
    if points:
        shapes[where] = shapely.points(np.array(points))
    return shapes, spotted


def _number(value: float) -> float:
    """Return a coordinate; a whole number too long for one is as endless as 1e999."""
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def _shape(geometry: Any, depth: int) -> Any:
    if geometry is None:
        return None
    if not isinstance(geometry, dict) or depth > _DEEPEST:
        raise _Broken
    kind = geometry.get("type")
    if kind == "GeometryCollection":
        return shapely.GeometryCollection([_shape(one, depth + 1) for one in _list(geometry.get("geometries"))])
    inside = _list(geometry.get("coordinates"))
    match kind:
        case _ if not inside:
            return None
        case "Point":
            return shapely.Point(_positions([inside])[0])
        case "MultiPoint":
            return shapely.MultiPoint(_positions(inside))
        case "LineString":
            return shapely.LineString(_positions(inside))
        case "MultiLineString":
            return shapely.MultiLineString([_positions(one) for one in inside])
        case "Polygon":
            return _polygon(inside)
        case "MultiPolygon":
            return shapely.MultiPolygon([_polygon(_list(one)) for one in inside])
    raise _Broken


def _polygon(rings: Sequence[Any]) -> shapely.Polygon:
    shell, *holes = [_positions(ring) for ring in rings]
    return shapely.Polygon(shell, holes)


def _positions(positions: Any) -> NDArray[np.float64]:
    """Return positions, shape (positions, 2), without heights."""
    pairs = np.array([_list(position)[:2] for position in _list(positions)])
    if pairs.ndim != 2 or pairs.shape[1] != 2 or pairs.dtype.kind not in "if":
        raise _Broken
    return pairs.astype(float)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _Broken
    return value
