"""Positions and shapes in a district's metric reference system, and straight lines between positions."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Metric = NDArray[np.float64]

_DEGREES = {"wgs84": 4326, "cgcs2000": 4490}
# A straight edge in degrees is a little bent in metres: over edges of this length [°] by 2 cm at most.
_LONGEST_EDGE = 0.01


@cache
def _projection(datum: str, epsg: int) -> pyproj.Transformer:
    # (Making one takes longer than all the rest of a small district.)
    return pyproj.Transformer.from_crs(_DEGREES[datum], epsg, always_xy=True)


def metric(lon_lat: Sequence[tuple[float, float]] | Metric, datum: str, epsg: int) -> Metric:
    """Project degrees into a metric reference system [m], one row per position."""
    if not len(lon_lat):
        return np.zeros((0, 2))
    project = _projection(datum, epsg)
    spots = np.asarray(lon_lat, dtype=float)
    return np.column_stack(project.transform(spots[:, 0], spots[:, 1]))


def degrees(spots: Metric, datum: str, epsg: int) -> Metric:
    """Return positions in metres in degrees of a datum, one row per position."""
    if not len(spots):
        return np.zeros((0, 2))
    return np.column_stack(_projection(datum, epsg).transform(spots[:, 0], spots[:, 1], direction="INVERSE"))


def metric_shape(shape: Any, datum: str, epsg: int) -> Any:
    """Project a shape given in degrees, or an array of them, into a metric reference system [m]."""
    return shapely.transform(shapely.segmentize(shape, _LONGEST_EDGE), lambda spots: metric(spots, datum, epsg))


def metres(a: Metric, b: Metric) -> int:
    """Return the straight line between two positions, in whole metres [m]."""
    return round(float(np.hypot(*(a - b))))
