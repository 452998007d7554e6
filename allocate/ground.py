"""Whether a new site may stand at a spot: off the layers that keep candidates out, within one of those that keep in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from allocate.case import Reason
from allocate.district import Layer
from allocate.layers import AROUND_METRES, metres_from, near
from allocate.travel.points import Integers, Metric

# A spot that is moved comes to lie so far within the ground where it may stand [m]: rounding must not push it out.
_INSIDE_METRES = 1.0
# How large the pieces of ground are at least that are looked at one by one [m].
_PIECE_METRES = 2_000


@dataclass(frozen=True)
class Ground:
    """Where sites of one kind may be opened.

    Attributes
    ----------
    boundary
        The district [m].
    layers
        Those that speak of the kind of site.
    """

    boundary: BaseGeometry
    layers: tuple[Layer, ...]

    @property
    def out(self) -> tuple[Layer, ...]:
        """Return the layers that keep candidates out."""
        return tuple(layer for layer in self.layers if layer.keeps == "out")

    @property
    def within(self) -> tuple[Layer, ...]:
        """Return the layers of which one must hold a candidate."""
        return tuple(layer for layer in self.layers if layer.keeps == "in")

    def keeping_out(self, points: Metric, *, buffers: bool = True) -> Integers:
        """Return which layer keeps each point out, as an index into `out`, the first one that does; -1: none does.

        A point on the edge of an area is kept out; one exactly as far as the buffer is not.
        """
        found = np.full(len(points), -1, dtype=np.int64)
        for n, layer in reversed(list(enumerate(self.out))):
            found[near(points, layer, layer.buffer_metres if buffers else 0)] = n
        return found

    def holding(self, points: Metric) -> Integers:
        """Return which layer holds each point, as an index into `within`, the first one that does; -1: none does."""
        found = np.full(len(points), -1, dtype=np.int64)
        for n, layer in reversed(list(enumerate(self.within))):
            found[near(points, layer, 0)] = n
        return found

    def allows(self, points: Metric) -> NDArray[np.bool_]:
        """Tell of each point whether a site may be opened there."""
        inside: NDArray[np.bool_] = shapely.intersects_xy(self.boundary, points[:, 0], points[:, 1])
        allowed = inside & (self.keeping_out(points) < 0)
        return allowed & (self.holding(points) >= 0) if self.within else allowed

    def against(self, points: Metric) -> list[Reason | None]:
        """Return what keeps each point out; None where nothing does. The boundary is not asked."""
        out, held = self.keeping_out(points), self.holding(points)
        inside = self.keeping_out(points, buffers=False)
        reasons: list[Reason | None] = [None] * len(points)
        for i in range(len(points)):
            if out[i] >= 0:
                layer = self.out[out[i]]
                if inside[i] >= 0:
                    # (What holds it says more than what it is near to.)
                    reasons[i] = {"code": "excluded", "layer": self.out[inside[i]].id}
                else:
                    away = metres_from(points[i : i + 1], layer)[0]
                    reasons[i] = {"code": "too_near_layer", "layer": layer.id, "metres": away, **_buffer(layer)}
            elif self.within and held[i] < 0:
                reasons[i] = {"code": "outside_layers"}
        return reasons

    def grounds(self, points: Metric) -> list[tuple[Reason, ...]]:
        """Return what speaks for points at which a site may be opened: what holds them, and what they are off."""
        held = self.holding(points)
        reasons: list[list[Reason]] = [[] for _ in points]
        for i in np.flatnonzero(held >= 0).tolist():
            reasons[i].append({"code": "inside", "layer": self.within[held[i]].id})
        if self.out and len(points):
            away = np.array([metres_from(points, layer) for layer in self.out])
            first = away.argmin(axis=0)
            for i, n in enumerate(first.tolist()):
                if away[n, i] < AROUND_METRES:
                    reasons[i].append({"code": "clear", "layer": self.out[n].id, "metres": int(away[n, i])})
        return [tuple(one) for one in reasons]

    def moved(self, points: Metric, most: int) -> Metric:
        """Return the nearest spots where a site may be opened, in whole metres; NaN where none is near enough.

        Parameters
        ----------
        most
            How far a point may be moved [m].
        """
        found = np.full((len(points), 2), np.nan)
        # (Piece by piece: layers have many corners, and few of them are near to any point.)
        size = max(_PIECE_METRES, most)
        pieces = np.floor(points / size).astype(np.int64)
        for piece in np.unique(pieces, axis=0):
            here = np.flatnonzero((pieces == piece).all(axis=1))
            west, south = (piece * size).tolist()
            around = most + 2 * _INSIDE_METRES
            window = shapely.box(west - around, south - around, west + size + around, south + size + around)
            parts = self._open_parts(window)
            if len(parts):
                found[here] = _nearest(points[here], parts, most)
        there = np.flatnonzero(~np.isnan(found[:, 0]))
        if len(there):
            # (A whole metre beside the rounded corner of what is kept off may be a hair too near.)
            found[there[~self.allows(found[there])]] = np.nan
        return found

    def _open_parts(self, window: BaseGeometry) -> NDArray[np.object_]:
        """Return the areas within a window where a site may be opened, a little within their edges [m]."""
        area: BaseGeometry = shapely.intersection(self.boundary, window)
        if self.within:
            area = shapely.intersection(area, _union(self.within, window))
        if self.out:
            area = shapely.difference(area, _union(self.out, window))
        parts = shapely.get_parts(shapely.buffer(area, -_INSIDE_METRES))
        kept: NDArray[np.object_] = parts[~shapely.is_empty(parts)]
        return kept


def _nearest(points: Metric, parts: NDArray[np.object_], most: int) -> Metric:
    """Return the nearest spots in some areas, in whole metres; NaN where none is near enough."""
    found = np.full((len(points), 2), np.nan)
    spots: Any = shapely.points(points)
    nearest: Any = shapely.STRtree(parts).query_nearest(spots, max_distance=float(most), all_matches=False)
    who, which = nearest
    way = shapely.shortest_line(spots[who], parts[which])
    found[who] = np.rint(shapely.get_coordinates(shapely.get_point(way, 1)))
    return found


def _buffer(layer: Layer) -> dict[str, int]:
    return {"buffer": layer.buffer_metres}


def _union(layers: Sequence[Layer], window: BaseGeometry) -> BaseGeometry:
    """Return the areas of layers, with what must be kept off around them, as far as they reach into a window."""
    buffered = [
        shapely.buffer(layer.area.geoms[part], layer.buffer_metres)
        for layer in layers
        for part in layer.parts.query(shapely.buffer(window, layer.buffer_metres), predicate="intersects").tolist()
    ]
    joined: BaseGeometry = shapely.intersection(shapely.union_all(buffered), window)
    return joined
