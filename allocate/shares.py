"""Shares people out in whole persons so that the sums are exact: over places, and over age groups."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


def spread(total: int, weights: Sequence[int] | Sequence[Fraction], least: Sequence[int] = ()) -> list[int]:
    """Spread people by weight, each share at least its least, summing exactly (largest remainders; Hamilton 1792).

    A share differs from the exact one, its least aside, by less than a person.

    >>> spread(10, [1, 1, 1], [0, 0, 4])
    [2, 2, 6]
    """
    least = least or [0] * len(weights)
    free, weight = total - sum(least), sum(weights) or 1
    shares = [divmod(free * each, weight) for each in weights]
    result = [low + share for low, (share, _) in zip(least, shares, strict=True)]
    order = sorted(range(len(shares)), key=lambda i: (-shares[i][1], i))
    for i in order[: total - sum(result)]:
        result[i] += 1
    return result


def spread_within(total: int, weights: Sequence[int], most: Sequence[int]) -> list[int]:
    """Spread people by weight, no share above its most, summing exactly; a total above the sum of all is refused.

    Whoever would get more than their most gets just that, and the others share the rest by weight. Where weights are
    all zero, room stands for them.

    >>> spread_within(10, [8, 1, 1], [5, 9, 9])
    [5, 3, 2]
    """
    if not 0 <= total <= sum(most):
        msg = f"{total} > {sum(most)}"
        raise ValueError(msg)
    shares = [0] * len(weights)
    weight_of = dict(enumerate(weights))
    left = total
    while left:
        whole = sum(weight_of.values())
        if not whole:
            weight_of = {i: most[i] for i in weight_of}
            whole = sum(weight_of.values())
        full = [i for i, weight in weight_of.items() if left * weight >= most[i] * whole]
        if not full:
            for i, share in zip(weight_of, spread(left, list(weight_of.values())), strict=True):
                shares[i] = share
            break
        for i in full:
            shares[i] = most[i]
            del weight_of[i]
        left = total - sum(shares)
    return shares


def in_proportion(part: Integers, groups: Integers) -> Integers:
    """Return how many of a part of the people belong to each group, in proportion to the groups.

    `groups` has a row per group and a column per place, `part` a number per place, at most the sum of its column. The
    sums of the groups up to each one are rounded, half up, and their differences taken (cumulative rounding): so what
    is returned adds up to the part in every place, and no group gives more people than it has.

    >>> in_proportion(np.array([5]), np.array([[2], [3], [5]])).T.tolist()
    [[1, 2, 2]]
    """
    running = np.cumsum(groups, axis=0)
    whole = np.maximum(running[-1], 1)
    rounded = (2 * part * running + whole) // (2 * whole)
    shares: Integers = np.diff(rounded, axis=0, prepend=0)
    return shares
