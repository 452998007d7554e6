"""Small rasters of people that tests write themselves."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.transform import Affine, from_origin


def write_raster(path: Path, values: Any, transform: Affine | None, crs: str | None = "EPSG:4326", **told: Any) -> Path:
    """Write a GeoTIFF; `values` has the shape (rows, columns), or (bands, rows, columns)."""
    cells = np.asarray(values)
    cells = cells[None] if cells.ndim == 2 else cells
    shape = {"count": cells.shape[0], "height": cells.shape[1], "width": cells.shape[2]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # (Some of them lie nowhere on purpose.)
        placed = {} if transform is None else {"transform": transform}
        with rasterio.open(path, "w", driver="GTiff", dtype=cells.dtype, crs=crs, **shape, **placed, **told) as file:
            file.write(cells)
    return path


def over(west: float, north: float, size: float) -> Affine:
    """Return where cells lie whose first is at the north-west."""
    return from_origin(west, north, size, size)
