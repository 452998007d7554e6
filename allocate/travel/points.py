"""Positions in a district's metric reference system, and straight lines between them."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import pyproj
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Metric = NDArray[np.float64]

_DEGREES = {"wgs84": 4326, "cgcs2000": 4490}


@cache
def _projection(datum: str, epsg: int) -> pyproj.Transformer:
    # (Making one takes longer than all the rest of a small district.)
    return pyproj.Transformer.from_crs(_DEGREES[datum], epsg, always_xy=True)


def metric(lon_lat: Sequence[tuple[float, float]] | Metric, datum: str, epsg: int) -> Metric:
    """Project degrees into a metric reference system [m], one row per position."""
    if not len(lon_lat):
        return np.zeros((0, 2))
    project = _projection(datum, epsg)
    degrees = np.asarray(lon_lat, dtype=float)
    return np.column_stack(project.transform(degrees[:, 0], degrees[:, 1]))


def metres(a: Metric, b: Metric) -> int:
    """Return the straight line between two positions, in whole metres [m]."""
    return round(float(np.hypot(*(a - b))))
