"""What becomes of a site over the years: opened, enlarged, moved, merged into another, closed."""

from collections.abc import Mapping

import numpy as np
from scipy.optimize import linear_sum_assignment

from allocate.case import Case
from allocate.layout import Layout
from allocate.rows import Key, Number, opened, opens

# Farther than any move: one more move outweighs the way of all others [m].
_NEVER = 10**9


def opening_terms(case: Case, j: int, t: int) -> dict[Key, Number]:
    """Return the sum that is 1 in the year in which a candidate opens, and else 0."""
    if case.sites[j].closable:
        return {opens(j, t): 1}
    terms: dict[Key, Number] = {opened(j, t): 1}
    return terms | ({opened(j, t - 1): -1} if t else {})


def stood(case: Case, layout: Layout, j: int, t: int) -> bool:
    """Tell whether a site was open before a year; before the first one, whether it stands today."""
    return (j, t - 1) in layout.open if t else case.sites[j].exists


def closed(case: Case, layout: Layout, j: int, t: int) -> bool:
    """Tell whether a site closes in a year."""
    return stood(case, layout, j, t) and (j, t) not in layout.open


def moved(case: Case, layout: Layout, t: int) -> Mapping[int, int]:
    """Return the new site of every existing one that moves in a year.

    A site moves where it closes and one of its kind opens in the same year and town, within the distance that the model
    calls a move. As many as possible are matched, each with one other, and of all such matchings the one with the
    shortest way altogether (the assignment problem: Kuhn 1955, Naval Research Logistics Quarterly 2), in whole metres.
    """
    pairs = [
        (old, new)
        for old, new in case.moves
        if closed(case, layout, old, t) and (new, t) in layout.open and not stood(case, layout, new, t)
    ]
    if not pairs:
        return {}
    old, new = (sorted({pair[side] for pair in pairs}) for side in (0, 1))
    metres = np.full((len(old), len(new)), _NEVER, dtype=np.int64)
    for a, b in pairs:
        metres[old.index(a), new.index(b)] = round(float(np.hypot(*(case.spots[a] - case.spots[b]))))
    matched = zip(*linear_sum_assignment(metres), strict=True)
    return {old[row]: new[column] for row, column in matched if metres[row, column] < _NEVER}


def merged(case: Case, layout: Layout, j: int, t: int) -> int | None:
    """Return the one open site that serves all people of a site that closes in a year; None where there is none.

    Its people are those of the places to which no other site was nearer before.
    """
    if not closed(case, layout, j, t):
        return None
    own = [i for i in case.places_of[j] if case.people[i, t] and _nearest(case, layout, i, t) == j]
    takers = {k for (i, k, u), people in layout.serve.items() if u == t and people and i in set(own)}
    all_served = all(layout.served.get((i, t), 0) == case.people[i, t] for i in own)
    return takers.pop() if own and all_served and len(takers) == 1 else None


def _nearest(case: Case, layout: Layout, i: int, t: int) -> int:
    """Return the site nearest to a place before a year, of those to which most of its people can go."""
    there = (k for k in case.sites_of[i] if stood(case, layout, k, t))
    return min(there, key=lambda k: case.level.get((i, k), 0)) if case.level else next(there)
