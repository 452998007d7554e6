"""Layers of a map opened as sheets: GeoJSON, GeoPackage, Shapefile, FlatGeobuf, KML and GeoParquet.

They also give the boundary of a district, its roads and what bars the way.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from allocate.fault_kinds import FaultKind
from allocate.faults import disk_reason
from allocate.files.features import Features, Opened
from allocate.files.flatgeobuf import open_flatgeobuf
from allocate.files.geojson import open_geojson
from allocate.files.geopackage import open_geopackage
from allocate.files.kml import open_kml
from allocate.files.parquet import open_parquet
from allocate.files.shapefile import open_shapefile
from allocate.files.shapes import endless, ordered, parts_of, places
from allocate.files.sheet import Raw, Sheet, Spotted, Unreadable, too_large
from allocate.files.text import MOST_BYTES

_OPENERS: dict[str, Callable[[Path, str], Opened]] = {
    ".geojson": open_geojson,
    ".json": open_geojson,
    ".gpkg": open_geopackage,
    ".shp": open_shapefile,
    ".fgb": open_flatgeobuf,
    ".kml": open_kml,
    ".parquet": open_parquet,
    ".geoparquet": open_parquet,
}
LAYER_SUFFIXES = tuple(_OPENERS)
_REASON_MOST = 200
_LINE, _AREA = shapely.GeometryType.LINESTRING, shapely.GeometryType.POLYGON


@dataclass(frozen=True)
class Layers:
    """A file of layers that was opened.

    Attributes
    ----------
    parts
        Names of its layers; of a format that has one only, the name of the file.
    features
        What gives the layer of a name.
    """

    parts: tuple[str, ...]
    features: Callable[[str], Features]

    def sheet(self, part: str) -> Sheet:
        """Return a layer as a sheet: attributes as columns, and where each line stands.

        Raises
        ------
        Unreadable
            When there is no such layer, or it cannot be read.
        """
        layer = self.layer(part)
        with _one_reason():
            points, found = (None, ()) if layer.shapes is None else places(layer.shapes)
        return Sheet(
            layer.heading,
            layer.columns,
            range(1, layer.count + 1),
            heading_row=0,
            points=points,
            crs=layer.crs,
            spotted=ordered((*layer.spotted, *found)),
        )

    def layer(self, part: str) -> Features:
        """Return a layer with its shapes."""
        if part not in self.parts:
            raise Unreadable(FaultKind.PART_MISSING, value=part, parts=", ".join(self.parts))
        with _one_reason():
            return self.features(part)


@dataclass(frozen=True)
class LayerShapes:
    """What a layer draws, taken apart into single lines or areas.

    Attributes
    ----------
    rows
        In which line of the layer each shape stands, the first being 0.
    heading, columns
        Attributes, one cell for each line of the layer.
    crs
        What the file says its coordinates are; empty where it does not say.
    broken
        The first shape that cannot be read.
    others
        How many lines of the layer have a shape of another kind.
    """

    shapes: NDArray[np.object_]
    rows: NDArray[np.int64]
    heading: tuple[str, ...]
    columns: tuple[Sequence[Raw], ...]
    crs: str
    broken: Spotted | None = None
    others: int = 0

    def whole(self) -> "LayerShapes":
        """Return the same, unless a shape is broken: what is drawn without a part of it is drawn wrong."""
        if self.broken is not None:
            raise Unreadable(self.broken.what, row=self.broken.row)
        return self


def open_layers(path: Path, encoding: str = "") -> Layers:
    """Open a file of layers.

    Parameters
    ----------
    encoding
        Of its text, where the planner says it; otherwise what the file says, UTF-8 or GB18030.

    Raises
    ------
    Unreadable
        When it is of no such format, is too large, or does not hold what its name says.
    """
    opener = _OPENERS.get(path.suffix.lower())
    if opener is None:
        raise Unreadable(FaultKind.FILE_FORMAT, formats=", ".join(LAYER_SUFFIXES))
    with _one_reason():
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise too_large(size, MOST_BYTES)
        parts, features = opener(path, encoding)
    if not parts:
        raise Unreadable(FaultKind.LAYER_NONE)
    return Layers(parts, features)


def outline(path: Path, part: str = "") -> tuple[BaseGeometry, str]:
    """Return the boundary of a district, all areas of a layer as one, and the coordinates that the file says.

    Without a part it is the only layer that has areas. An area that crosses itself is none.

    Raises
    ------
    Unreadable
        When the file cannot be read, has no areas or several layers of them, or an area is not valid.
    """
    layer = _only(path, part, "", (_AREA,), "boundary", FaultKind.BOUNDARY_SHAPE)
    areas, crs = layer.shapes, layer.crs
    with _one_reason():
        if not shapely.is_valid(areas).all():
            raise Unreadable(FaultKind.BOUNDARY_SHAPE)
        # (A single area keeps its points as they are.)
        whole: Any = areas[0] if len(areas) == 1 else shapely.union_all(areas)
    return whole, crs


def lines(path: Path, part: str = "", encoding: str = "") -> LayerShapes:
    """Return the lines of a layer of roads one by one, with what it says of them.

    Without a part it is the only layer that has lines.

    Raises
    ------
    Unreadable
        When the file cannot be read, or has no lines or several layers of them.
    """
    return _only(path, part, encoding, (_LINE,), "roads", FaultKind.LINES_NONE)


def lines_and_areas(path: Path, part: str = "") -> tuple[NDArray[np.object_], str]:
    """Return the lines and areas of barriers one by one, and the coordinates that the file says.

    Without a part they are those of all layers.

    Raises
    ------
    Unreadable
        When the file cannot be read, has none, or its layers are in several systems of coordinates.
    """
    found = _drawn(path, part, "", (_LINE, _AREA))
    if not found:
        raise Unreadable(FaultKind.BARRIERS_NONE)
    if len({layer.crs for layer in found.values()}) > 1:
        raise Unreadable(FaultKind.PART_UNCLEAR, parts=", ".join(found), table="barriers")
    shapes = np.concatenate([layer.whole().shapes for layer in found.values()])
    with _one_reason():
        crossed = ~shapely.is_valid(shapes)
        shapes[crossed] = shapely.make_valid(shapes[crossed])
    return shapes, next(iter(found.values())).crs


@dataclass(frozen=True)
class LayerAreas:
    """The areas of a layer one by one, and what else is in it.

    Attributes
    ----------
    shapes
        Polygons, without heights.
    crs
        The coordinates that the file says.
    points, lines
        How many points and lines there are beside the areas.
    broken
        Rows of areas that cross themselves, and of shapes with coordinates that are no numbers.
    """

    shapes: NDArray[np.object_]
    crs: str
    points: int
    lines: int
    broken: tuple[int, ...]


def areas(path: Path, part: str = "") -> LayerAreas:
    """Return the areas of a layer; without a part, of all layers of the file that have some.

    Raises
    ------
    Unreadable
        When the file cannot be read, or its layers have areas in different coordinates.
    """
    layers = open_layers(path)
    named = (part,) if part else layers.parts
    found = [(name, _areas_of(layers.layer(name))) for name in named]
    with_areas = [(name, drawn) for name, drawn in found if len(drawn.shapes)] or found[:1]
    if len(with_areas) > 1:
        parts = ", ".join(name for name, _ in with_areas)
        raise Unreadable(FaultKind.LAYER_PARTS, parts=parts)
    return with_areas[0][1]


def _areas_of(layer: Features) -> LayerAreas:
    if layer.shapes is None or not len(layer.shapes):
        return LayerAreas(np.zeros(0, dtype=object), layer.crs, 0, 0, ())
    with _one_reason():
        shapes, points, lines = (
            parts_of(layer.shapes, kind)[0]
            for kind in (
                shapely.GeometryType.POLYGON,
                shapely.GeometryType.POINT,
                shapely.GeometryType.LINESTRING,
            )
        )
        odd = [one.row for one in (*layer.spotted, *endless(layer.shapes)) if one.row is not None and one.fault]
        flat = shapely.get_dimensions(layer.shapes) == 2
        crossed = np.flatnonzero(flat)[~shapely.is_valid(layer.shapes[flat])] + 1
        return LayerAreas(shapes, layer.crs, len(points), len(lines), tuple(sorted({*odd, *crossed.tolist()})))


def _only(
    path: Path, part: str, encoding: str, kinds: tuple[shapely.GeometryType, ...], table: str, none: FaultKind
) -> LayerShapes:
    """Return the shapes of some kinds from the only layer that has some, or from the one that is asked for."""
    found = _drawn(path, part, encoding, kinds)
    if not found:
        raise Unreadable(none)
    if len(found) > 1:
        raise Unreadable(FaultKind.PART_UNCLEAR, parts=", ".join(found), table=table)
    (chosen,) = found.values()
    return chosen.whole()


def _drawn(path: Path, part: str, encoding: str, kinds: tuple[shapely.GeometryType, ...]) -> dict[str, LayerShapes]:
    """Return the shapes of some kinds from every layer that has some, or from the one that is asked for."""
    layers = open_layers(path, encoding)
    found = {}
    for name in (part,) if part else layers.parts:
        layer = layers.layer(name)
        if layer.shapes is not None:
            with _one_reason():
                shapes, rows = parts_of(layer.shapes, *kinds)
                odd = [*layer.spotted, *endless(layer.shapes)]
            if len(shapes):
                broken = next((one for one in odd if one.row is not None and one.fault), None)
                others = int((~shapely.is_missing(layer.shapes)).sum()) - len(np.unique(rows))
                found[name] = LayerShapes(shapes, rows, layer.heading, layer.columns, layer.crs, broken, others)
    return found


@contextmanager
def _one_reason() -> Iterator[None]:
    """Say in one line why a file cannot be read, whatever the library that reads it says of its bytes."""
    try:
        # (Numbers at the end of what numbers can be overflow: what comes of them is looked at, not how.)
        with np.errstate(all="ignore"):
            yield
    except Unreadable:
        raise
    except OSError as error:
        raise Unreadable(FaultKind.FILE_UNREADABLE, reason=disk_reason(error)) from None
    except Exception as error:  # (Bytes from anywhere: what a reader of them can raise is listed nowhere.)
        # (The copy that GDAL saw has a name that nobody knows.)
        said = " ".join(word for word in str(error).split() if "layer.shp" not in word and "layer.fgb" not in word)
        reason = said[:_REASON_MOST] or type(error).__name__
        raise Unreadable(FaultKind.FILE_UNREADABLE, reason=reason) from None
