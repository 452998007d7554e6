"""Spots for new sites where nobody is reached: on a grid, picked greedily, or in the middle of clusters of people."""

from collections.abc import Iterator

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import sparse

from allocate.travel.points import Integers, Metric

Flags = NDArray[np.bool_]
# The steps of Lloyd's iteration: it ends long before, or goes round in a circle.
_MOST_STEPS = 100
# How many distances are held at once.
_MOST_CELLS = 20_000_000


def grid(ground: shapely.Geometry, metres: int) -> Metric:
    """Return the points of a square grid that lie in some ground [m], from south to north, each row from the west.

    The lines of the grid lie on whole multiples of its width, whatever the ground: a larger one has the same points.
    """
    west, south, east, north = shapely.bounds(ground).tolist()
    x = metres * np.arange(np.ceil(west / metres), np.floor(east / metres) + 1)
    y = metres * np.arange(np.ceil(south / metres), np.floor(north / metres) + 1)
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    shapely.prepare(ground)
    inside: Metric = points[shapely.intersects_xy(ground, points[:, 0], points[:, 1])]
    return inside


def grid_size(ground: shapely.Geometry, metres: int) -> int:
    """Return about how many points of a grid lie in some ground, without making them."""
    return int(shapely.area(ground) / metres**2)


def greedy(
    people: Integers, places: Integers, spots: Integers, points: Metric, *, number: int, spacing: int
) -> Iterator[tuple[int, int]]:
    """Yield spots one by one, each the one that reaches most people whom none before it does, and how many.

    After Church and ReVelle 1974 (Papers of the Regional Science Association 32), their greedy adding. Of several
    that reach as many the first is taken; it ends where nobody is left whom a spot would reach.

    Parameters
    ----------
    people
        Residents of every place whom nobody reaches yet [persons].
    places, spots
        Pairs of a place and a spot in reach of it, as indices.
    points
        Where the spots lie [m]; no two that are taken lie nearer than `spacing` [m].
    """
    shape = (len(points), len(people))
    reach = sparse.csr_array((np.ones(len(spots), dtype=np.int64), (spots, places)), shape=shape)
    back = reach.tocsc()
    left = people.copy()
    gain: Integers = reach @ left
    for _ in range(number):
        if not len(gain) or gain.max() <= 0:
            return
        best = int(gain.argmax())
        yield best, int(gain[best])
        mine = reach.indices[reach.indptr[best] : reach.indptr[best + 1]]
        mine = mine[left[mine] > 0]
        for place in mine.tolist():
            # (No pair stands twice: each spot loses the people of the place once.)
            gain[back.indices[back.indptr[place] : back.indptr[place + 1]]] -= left[place]
        left[mine] = 0
        gain[best] = 0
        if spacing:
            gain[~apart(points, points[best : best + 1], spacing)] = 0


def apart(points: Metric, others: Metric, spacing: int) -> Flags:
    """Tell which points lie no nearer than some metres to any of the others."""
    free = np.ones(len(points), dtype=bool)
    if spacing and len(points) and len(others):
        step = max(1, _MOST_CELLS // len(others))
        for start in range(0, len(points), step):
            part = points[start : start + step]
            squared = ((part[:, None, :] - others[None, :, :]) ** 2).sum(axis=2)
            free[start : start + step] = squared.min(axis=1) >= spacing**2
    return free


def clusters(people: Integers, points: Metric, number: int) -> Metric:
    """Return the middles of clusters of people [m], in whole metres.

    Weighted k-means after Lloyd 1982 (IEEE Transactions on Information Theory 28(2)). It starts at the place with most
    people, then takes the one with the largest sum of squares of people's distances to what is taken (Gonzalez 1985,
    Theoretical Computer Science 38, weighted). All in whole numbers, so that the same people give the same middles
    on every machine.

    Parameters
    ----------
    people
        Residents to be reached [persons], one number per point; points without any count nothing.
    points
        Where they live [m].
    """
    there = people > 0
    weights, spots = people[there], np.rint(points[there]).astype(np.int64)
    if not len(weights):
        return np.zeros((0, 2))
    origin = spots.min(axis=0)
    spots = spots - origin
    centres = spots[[int(weights.argmax())]]
    nearest = _squares(spots, centres).min(axis=1)
    while len(centres) < number and (weights * nearest).max() > 0:
        chosen = spots[[int((weights * nearest).argmax())]]
        centres = np.concatenate([centres, chosen])
        nearest = np.minimum(nearest, _squares(spots, chosen)[:, 0])
    labels = np.full(len(spots), -1)
    for _ in range(_MOST_STEPS):
        again = _labels(spots, centres)
        if np.array_equal(again, labels):
            break
        labels = again
        total = np.zeros(len(centres), dtype=np.int64)
        np.add.at(total, labels, weights)
        sums = np.zeros(centres.shape, dtype=np.int64)
        np.add.at(sums, labels, weights[:, None] * spots)
        filled = total > 0
        centres = centres.copy()
        # (Half a metre more, rounded down: to the nearest metre.)
        centres[filled] = (2 * sums[filled] + total[filled, None]) // (2 * total[filled, None])
    found: Metric = (np.unique(centres, axis=0) + origin).astype(np.float64)
    return found


def _squares(spots: Integers, centres: Integers) -> Integers:
    squared: Integers = ((spots[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2)
    return squared


def _labels(spots: Integers, centres: Integers) -> Integers:
    """Return the nearest centre of every spot; of several as near the first."""
    # (Whole numbers below 2^53 add up exactly as decimals too, in whatever order, and many times faster. The square of
    # the spot itself is the same for every centre.)
    middles = centres.astype(np.float64)
    lengths = (middles**2).sum(axis=1)
    step = max(1, _MOST_CELLS // len(centres))
    parts = [
        (lengths - 2 * (spots[at : at + step].astype(np.float64) @ middles.T)).argmin(axis=1)
        for at in range(0, len(spots), step)
    ]
    return np.concatenate(parts)
