"""Which places adjoin: those with no third place between them."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from allocate.travel.points import Integers, Metric

# How many of the nearest places are looked at first, and how many times as many each time that they are too few.
_NEAREST, _MORE = 16, 4
# How many pairs of a place and one near to it are looked at together.
_TOGETHER = 1 << 19
# What lies between two places only by as little as this [m], or by this share of their distance, is looked at exactly.
_SLACK_METRES, _SLACK_SHARE = 1e-5, 1e-8


def adjoining(places: Metric, longest: int) -> set[tuple[int, int]]:
    """Return the pairs of places that adjoin: no third place lies between them (Gabriel graph).

    A third place lies between two when it is inside the circle that has the two as ends of a diameter
    (Gabriel and Sokal 1969, Systematic Zoology 18(3)). Pairs farther apart than `longest` [m] are left out.

    Of a place a, every place c shuts off what lies beyond it: there, c is between. Where its nearest places shut off
    every direction together, none farther away adjoins it, and nothing farther away is looked at.
    """
    if len(places) < 2:
        return set()
    tree = cKDTree(places)
    pairs = np.concatenate([np.zeros((0, 2), dtype=np.int64), *_likely(places, tree, longest)])
    pairs = np.unique(np.sort(pairs, axis=1), axis=0)
    if not len(pairs):
        return set()
    middle = (places[pairs[:, 0]] + places[pairs[:, 1]]) / 2
    half = np.hypot(*(places[pairs[:, 0]] - places[pairs[:, 1]]).T) / 2
    # The two ends lie on the circle: a hair inside it leaves them out whatever the rounding.
    between = tree.query_ball_point(middle, half * (1 - 1e-9) - 1e-6, return_length=True)
    found = pairs[between == 0]
    return set(map(tuple, np.concatenate((found, found[:, ::-1])).tolist()))


def _likely(places: Metric, tree: cKDTree, longest: int) -> Iterator[Integers]:
    """Yield all pairs that adjoin, and few others."""
    waiting, number = np.arange(len(places)), _NEAREST
    while len(waiting):
        number = min(number, len(places) - 1)
        left = []
        step = max(1, _TOGETHER // (number + 1))
        for start in range(0, len(waiting), step):
            some = waiting[start : start + step]
            metres, near = tree.query(places[some], number + 1)
            ways = places[near] - places[some][:, None, :]
            is_enough = (metres[:, -1] > longest) | (number == len(places) - 1)
            is_enough |= _are_shut(ways, metres, longest)
            likely = is_enough[:, None] & (near != some[:, None]) & ((ways**2).sum(axis=2) <= longest**2)
            likely &= ~_beyond(ways, metres)
            row, column = np.nonzero(likely)
            yield np.column_stack((some[row], near[row, column]))
            left.append(some[~is_enough])
        waiting, number = np.concatenate(left), number * _MORE


def _are_shut(ways: Metric, metres: Metric, longest: int) -> NDArray[np.bool_]:
    """Tell of which places every direction is shut off, farther away than the last of those near to it.

    Parameters
    ----------
    ways
        From each place to those near to it, nearest first [m].
    metres
        How far that is.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        share = metres / metres[:, -1:] + (_SLACK_METRES + _SLACK_SHARE * longest) / metres
        shuts = share < 1
        half = np.where(shuts, np.arccos(np.where(shuts, share, 0)) - _SLACK_SHARE, -np.inf)
    angle = np.arctan2(ways[:, :, 1], ways[:, :, 0])
    # (The circle twice round: whoever is shut off all the way from some direction is so once round from there.)
    begins = np.where(shuts, angle - half, np.inf)
    begins, ends = np.hstack((begins, begins + 2 * np.pi)), np.hstack((angle + half, angle + half + 2 * np.pi))
    order = np.argsort(begins, axis=1)
    begins, ends = np.take_along_axis(begins, order, axis=1), np.take_along_axis(ends, order, axis=1)
    so_far = np.maximum.accumulate(ends, axis=1)
    round_once = begins[:, :1] + 2 * np.pi
    is_open = (begins[:, 1:] > so_far[:, :-1]) & (so_far[:, :-1] < round_once)
    found: NDArray[np.bool_] = ~is_open.any(axis=1) & (so_far[:, -1] >= round_once[:, 0])
    return found


def _beyond(ways: Metric, metres: Metric) -> NDArray[np.bool_]:
    """Tell which of the places near to each lie beyond one of the nearest, for certain."""
    found = np.zeros(metres.shape, dtype=np.bool_)
    slack = _SLACK_METRES * metres + _SLACK_SHARE * metres**2
    for n in range(min(_NEAREST, metres.shape[1])):
        past = (ways * ways[:, n : n + 1, :]).sum(axis=2) - metres[:, n : n + 1] ** 2
        found |= past > slack
    return found
