"""Rasters of people (GeoTIFF), opened as plain cells: only what lies over a district, and nothing else, is read."""

import hashlib
import math
import stat
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from allocate.fault_kinds import FaultKind
from allocate.faults import disk_reason
from allocate.files.gdal import keep_to_files
from allocate.files.sheet import Unreadable

Array = NDArray[np.float64]
Says = Literal["counts", "density"]

FORMAT = "GeoTIFF"
# A TIFF, little or big endian, plain or of more than 4 GB.
_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# Cells read at once: a district of 50 km in cells of 10 m. The blocks of a file are unpacked whole.
MOST_CELLS = 25_000_000
_MOST_BLOCK_BYTES = 400_000_000
# No cell, and no square kilometre, has more people: what says so is a nodata value that nobody declared.
_MOST_PEOPLE = 100_000_000
# Points on each side at which the ground of a cell is worked out; between them it changes evenly.
_LATTICE = 33
# A longest straight edge [°, m] of what is carried into the raster's own system, where it may be bent.
_EDGE_DEGREES = 0.005
_CHUNK = 1 << 20
# Less of a cell than this on each side is rounding.
_HAIR = 1e-6
# How the two datums begin that count as one, in the words of the register of EPSG and of other programs.
_DATUMS = ("World Geodetic System 1984", "WGS 1984", "WGS84", "China 2000", "China Geodetic Coordinate System 2000")


class RasterError(Exception):
    """A raster cannot be used; says why and what to do, and is caught by whoever was given its name."""

    def __init__(self, what: str, **details: Any) -> None:
        super().__init__(what)
        self.what, self.details = what, details


@dataclass(frozen=True)
class Raster:
    """The cells of a raster over a district.

    Attributes
    ----------
    name, sha256
        Of the file.
    crs
        What the file says its coordinates are.
    band, bands
        Which band was read, and how many there are.
    people
        People of each cell, shape (rows, columns); 0 where a cell says nothing, or what cannot be.
    grid
        How columns and rows of the whole file become coordinates: x = a·column + b·row + c, y = d·column + e·row + f.
    left, top
        Column and row of the file at which `people` begins.
    void, negative, endless
        How many of the cells over the district's rectangle say nothing, less than 0, or more than anybody can count.
    """

    name: str
    sha256: str
    crs: pyproj.CRS
    band: int
    bands: int
    people: Array
    grid: tuple[float, float, float, float, float, float]
    left: int
    top: int
    void: int
    negative: int
    endless: int

    def cells_of(self, degrees: Array) -> Array:
        """Return points given in degrees, shape (n, 2), as columns and negative rows of `people`."""
        columns, rows = _pixels(degrees, self.crs, self.grid)
        return np.column_stack((columns - self.left, self.top - rows))

    def degrees_of(self, cells: Array) -> Array:
        """Return points given as columns and negative rows of `people` in degrees, shape (n, 2)."""
        a, b, c, d, e, f = self.grid
        columns, rows = cells[:, 0] + self.left, self.top - cells[:, 1]
        way = _ways(self.crs)
        x, y = a * columns + b * rows + c, d * columns + e * rows + f
        return np.column_stack(way.transform(x, y, direction="INVERSE"))


def read_raster(path: Path, ground: shapely.Geometry, *, band: int | None = None, says: Says = "counts") -> Raster:
    """Read what a raster says over some ground, given in degrees of WGS-84 or CGCS2000.

    Parameters
    ----------
    band
        Which one to read; the first where none is said.
    says
        Whether cells count people or people per km².

    Raises
    ------
    Unreadable
        When it is not there, is no plain file or no GeoTIFF, is broken, or when what reads it is not installed.
    RasterError
        When it says no coordinate system, lies elsewhere, is too fine, or has no such band.
    """
    checksum = _checked(path)
    keep_to_files()
    try:
        import exactextract  # noqa: F401
        import rasterio
        from rasterio.errors import RasterioError
    except ImportError:
        raise Unreadable(FaultKind.EXTRA_MISSING, extra="raster") from None
    # No file beside it is looked at, and no driver but that of TIFF opens it.
    settings = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_PAM_ENABLED": "NO", "GDAL_HTTP_MAX_RETRY": "0"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with rasterio.Env(**settings), rasterio.open(path.absolute(), driver="GTiff") as source:
                return _read(source, path.name, checksum, ground, band, says)
        except (RasterioError, OSError, MemoryError, ValueError, pyproj.exceptions.CRSError) as error:
            raise Unreadable(FaultKind.FILE_CONTENT, format=FORMAT) from error


def _checked(path: Path) -> str:
    """Return the checksum of a plain file that begins as a TIFF does."""
    try:
        # (A pipe would be waited for, and a device need not have an end.)
        if not stat.S_ISREG(path.stat().st_mode):
            raise Unreadable(FaultKind.FILE_PLAIN)
        digest = hashlib.sha256()
        with path.open("rb") as file:
            first = file.read(_CHUNK)
            if first[:4] not in _MAGIC:
                raise Unreadable(FaultKind.FILE_CONTENT, format=FORMAT)
            while first:
                digest.update(first)
                first = file.read(_CHUNK)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise Unreadable(FaultKind.FILE_MISSING) from None
    except OSError as error:
        raise Unreadable(FaultKind.FILE_UNREADABLE, reason=disk_reason(error)) from None
    return digest.hexdigest()


def _read(source: Any, name: str, checksum: str, ground: shapely.Geometry, band: int | None, says: Says) -> Raster:
    chosen = 1 if band is None else band
    if not 1 <= chosen <= source.count:
        raise RasterError("raster.band", band=chosen, bands=source.count)
    if source.crs is None:
        raise RasterError("raster.no_crs")
    crs = pyproj.CRS.from_wkt(source.crs.to_wkt(version="WKT2_2019"))
    if not (crs.is_geographic or crs.is_projected):
        raise RasterError("raster.crs_kind", name=crs.name)
    told = source.transform
    grid = (told.a, told.b, told.c, told.d, told.e, told.f)
    if not all(map(math.isfinite, grid)) or not told.a * told.e - told.b * told.d or told.is_identity:
        raise RasterError("raster.no_grid")
    if np.dtype(source.dtypes[chosen - 1]).kind not in "iuf":
        raise RasterError("raster.kind", kind=source.dtypes[chosen - 1])
    height, width = source.block_shapes[chosen - 1]
    if height * width * np.dtype(source.dtypes[chosen - 1]).itemsize > _MOST_BLOCK_BYTES:
        raise RasterError("raster.blocks", megabytes=_MOST_BLOCK_BYTES // 1_000_000)
    left, top, right, bottom = _window(ground, crs, grid, source.width, source.height)
    cells = (right - left) * (bottom - top)
    if cells > MOST_CELLS:
        raise RasterError("raster.fine", cells=cells, most=MOST_CELLS)
    told_cells = source.read(chosen, window=((top, bottom), (left, right)), masked=True, out_dtype="float64")
    scale, offset = source.scales[chosen - 1], source.offsets[chosen - 1]
    people = np.ma.filled(told_cells * scale + offset if (scale, offset) != (1, 0) else told_cells, np.nan)
    # (What the file masks as void is void; a bare NaN is what many programs write for it.)
    void, endless = np.isnan(people), people > _MOST_PEOPLE
    negative = people < 0
    people = np.where(void | endless | negative, 0.0, people)
    if says == "density":
        people = people * _square_kilometres((bottom - top, right - left), crs, grid, left, top)
    return Raster(
        name,
        checksum,
        crs,
        chosen,
        source.count,
        people,
        grid,
        left,
        top,
        int(void.sum()),
        int(negative.sum()),
        int(endless.sum()),
    )


def _ways(crs: pyproj.CRS) -> pyproj.Transformer:
    """Return the way from degrees to a raster's coordinates.

    Degrees are those of the raster's own datum: WGS-84 and CGCS2000 count as one. Other datums, which would need a
    shift that is not published for China, are refused.
    """
    name = crs.geodetic_crs.datum.name if crs.geodetic_crs and crs.geodetic_crs.datum else ""
    if not name.replace("_", " ").removeprefix("D ").startswith(_DATUMS):
        raise RasterError("raster.crs_old", name=f"{crs.name} ({name})")
    return pyproj.Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)


def _pixels(degrees: Array, crs: pyproj.CRS, grid: tuple[float, ...]) -> tuple[Array, Array]:
    """Return columns and rows of the whole file, as fractions."""
    a, b, c, d, e, f = grid
    x, y = _ways(crs).transform(degrees[:, 0], degrees[:, 1])
    x, y = np.asarray(x, dtype=np.float64) - c, np.asarray(y, dtype=np.float64) - f
    whole = a * e - b * d
    return (e * x - b * y) / whole, (a * y - d * x) / whole


def _window(
    ground: shapely.Geometry, crs: pyproj.CRS, grid: tuple[float, ...], width: int, height: int
) -> tuple[int, int, int, int]:
    """Return which columns and rows lie over some ground: left, top, right and bottom, the last two beyond the end."""
    points = shapely.get_coordinates(shapely.segmentize(shapely.box(*shapely.bounds(ground)), _EDGE_DEGREES))
    with np.errstate(all="ignore"):
        columns, rows = _pixels(points, crs, grid)
    if np.isfinite(columns).all() and np.isfinite(rows).all():
        left = max(0.0, math.floor(columns.min() + _HAIR))
        right = min(float(width), math.ceil(columns.max() - _HAIR))
        top = max(0.0, math.floor(rows.min() + _HAIR))
        bottom = min(float(height), math.ceil(rows.max() - _HAIR))
        if left < right and top < bottom:
            return int(left), int(top), int(right), int(bottom)
    here = _rounded(shapely.bounds(ground).tolist())
    raise RasterError("raster.elsewhere", raster=_box(crs, grid, width, height), district=here)


def _box(crs: pyproj.CRS, grid: tuple[float, ...], width: int, height: int) -> str:
    """Return the rectangle that a raster covers, in degrees where they are known."""
    a, b, c, d, e, f = grid
    columns, rows = np.array([0, width, 0, width]), np.array([0, 0, height, height])
    x, y = a * columns + b * rows + c, d * columns + e * rows + f
    lon, lat = _ways(crs).transform(x, y, direction="INVERSE")
    lon, lat = (np.asarray(lon), np.asarray(lat)) if np.isfinite([lon, lat]).all() else (x, y)
    return _rounded((lon.min(), lat.min(), lon.max(), lat.max()))


def _rounded(box: Sequence[float]) -> str:
    return ", ".join(f"{side:.4f}" for side in box)


def _square_kilometres(shape: tuple[int, int], crs: pyproj.CRS, grid: tuple[float, ...], left: int, top: int) -> Array:
    """Return the ground of every cell [km²].

    It is measured on the ellipsoid at a lattice of cells, and changes evenly between them: within a district less than
    a millionth is lost.
    """
    a, b, c, d, e, f = grid
    geod, way = pyproj.Geod(ellps="WGS84"), _ways(crs)
    rows, columns = (np.unique(np.linspace(0, n - 1, min(n, _LATTICE)).round()) for n in shape)
    areas = np.empty((len(rows), len(columns)))
    for i, row in enumerate(rows.tolist()):
        for j, column in enumerate(columns.tolist()):
            u = left + column + np.array([0, 1, 1, 0])
            v = top + row + np.array([0, 0, 1, 1])
            lon, lat = way.transform(a * u + b * v + c, d * u + e * v + f, direction="INVERSE")
            areas[i, j] = abs(geod.polygon_area_perimeter(lon, lat)[0]) / 1e6
    height, width = shape
    wide = np.array([np.interp(np.arange(width), columns, each) for each in areas])
    where = np.interp(np.arange(height), rows, np.arange(len(rows)))
    below = np.floor(where).astype(np.int64)
    part = (where - below)[:, None]
    tall: Array = wide[below] * (1 - part) + wide[np.minimum(below + 1, len(rows) - 1)] * part
    return tall


def cell_sums(raster: Raster, shapes: NDArray[np.object_]) -> Array:
    """Return the people in each shape, given as columns and negative rows: a cell counts by the share that lies in it.

    After Baston 2021 (exactextract).
    """
    return np.array([found["sum"] or 0.0 for found in _extracted(raster, shapes, ["sum"])], dtype=np.float64)


def cell_centres(raster: Raster, shapes: NDArray[np.object_]) -> tuple[Array, Array]:
    """Return the people in each shape and where their middle is, both as `cell_sums` has shapes; NaN where nobody is.

    The people of a raster's cell stand in the middle of what of it lies in the rectangle round the shape.
    """
    people, middles = np.zeros(len(shapes)), np.full((len(shapes), 2), np.nan)
    found = _extracted(raster, shapes, ["values", "coverage", "center_x", "center_y"])
    for i, (row, (west, south, east, north)) in enumerate(zip(found, shapely.bounds(shapes), strict=True)):
        weights = np.asarray(row["values"], dtype=np.float64) * np.asarray(row["coverage"], dtype=np.float64)
        people[i] = weights.sum()
        if people[i] > 0:
            x, y = np.asarray(row["center_x"]), np.asarray(row["center_y"])
            x = (np.maximum(x - 0.5, west) + np.minimum(x + 0.5, east)) / 2
            y = (np.maximum(y - 0.5, south) + np.minimum(y + 0.5, north)) / 2
            middles[i] = (weights @ x / people[i], weights @ y / people[i])
    return people, middles


def _extracted(raster: Raster, shapes: NDArray[np.object_], asked: Sequence[str]) -> list[dict[str, Any]]:
    from exactextract import exact_extract
    from exactextract.feature import JSONFeatureSource
    from exactextract.raster import NumPyRasterSource

    rows, columns = raster.people.shape
    cells = NumPyRasterSource(raster.people, xmin=0, ymin=-rows, xmax=columns, ymax=0)
    there = [i for i, shape in enumerate(shapes) if not shape.is_empty]
    features = [{"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(shapes[i])} for i in there]
    nothing: dict[str, Any] = {name: 0.0 if name == "sum" else () for name in asked}
    found = [nothing] * len(shapes)
    for i, row in zip(there, exact_extract(cells, JSONFeatureSource(features), list(asked)), strict=True):
        found[i] = row["properties"]
    return found
