"""The most people whom open sites can serve in a year: all to the nearest with room, then whoever can gives way."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

from allocate.case import Case
from allocate.layout import Layout
from allocate.shares import Integers
from allocate.travel import Links


@dataclass(frozen=True)
class Crowd:
    """Who can go where in a year, as arrays.

    A group are the people of a place who have the same ways to travel; its links are those that they can use.

    Attributes
    ----------
    places, people
        Place and number of people of every group [persons].
    groups, sites
        Group and site of every link, the nearest first; of equally near ones in the order of places and sites.
    seconds
        Time of every link, one way [s].
    """

    places: Integers
    people: Integers
    groups: Integers
    sites: Integers
    seconds: Integers


def crowd_of(case: Case, t: int, links: Links | None = None) -> Crowd:
    """Return who can go where in a year; by other links than the case's where some are given."""
    links = case.links if links is None else links
    able, count = case.able[:, :, t], len(case.places)
    if len(able) == 1:
        order = np.lexsort((links.sites, links.places, links.seconds))
        return Crowd(np.arange(count), able[0], links.places[order], links.sites[order], links.seconds[order])
    rarer = np.vstack([able[1:], np.zeros((1, count), dtype=np.int64)])
    masks = [links.levels <= n for n in range(len(able))]
    level = np.repeat(np.arange(len(able)), [int(mask.sum()) for mask in masks])
    places, sites, seconds = (
        np.concatenate([part[mask] for mask in masks]) for part in (links.places, links.sites, links.seconds)
    )
    order = np.lexsort((level, sites, places, seconds))
    return Crowd(
        np.tile(np.arange(count), len(able)),
        (able - rarer).reshape(-1),
        (level * count + places)[order],
        sites[order],
        seconds[order],
    )


def rooms_of(case: Case, layout: Layout, t: int) -> Integers:
    """Return how many people every site can serve in a year with its staff [persons]; one that is closed nobody."""
    room = np.zeros(len(case.sites), dtype=np.int64)
    total = case.total(t)
    for j in range(len(case.sites)):
        if (j, t) in layout.open:
            most = layout.room(case, j, t)
            room[j] = total if most is None else max(0, min(most, total))
    return room


def send(crowd: Crowd, room: Integers, start: Integers | None = None) -> Integers:
    """Return how many people go along every link, so that as many as possible are served [persons].

    First everybody who is not served goes to the nearest site with room, the nearest pairs first; `start` is how many
    go already, of whom those farthest away stay behind where a site has too little room. Then, where that serves
    more, some go to another site of their circle so that others find room: the greatest flow that begins there (Ford
    and Fulkerson 1956, Canadian Journal of Mathematics 8). Nobody who was served by then loses it.
    """
    flow = np.zeros(len(crowd.groups), dtype=np.int64) if start is None else start.copy()
    if start is not None:
        _drop(crowd, room, flow)
    left = crowd.people - np.bincount(crowd.groups, weights=flow, minlength=len(crowd.people)).astype(np.int64)
    space = room - np.bincount(crowd.sites, weights=flow, minlength=len(room)).astype(np.int64)
    able = np.flatnonzero((left[crowd.groups] > 0) & (space[crowd.sites] > 0))
    for n, g, j in zip(able.tolist(), crowd.groups[able].tolist(), crowd.sites[able].tolist(), strict=True):
        people = min(left[g], space[j])
        if people:
            flow[n] += people
            left[g] -= people
            space[j] -= people
    _give_way(crowd, room, flow, left, space)
    return flow


def _drop(crowd: Crowd, room: Integers, flow: Integers) -> None:
    """Let those farthest away stay behind where more go than there is room."""
    load = np.bincount(crowd.sites, weights=flow, minlength=len(room)).astype(np.int64)
    over = load - room
    for n in np.flatnonzero((over[crowd.sites] > 0) & (flow > 0))[::-1].tolist():
        j = crowd.sites[n]
        people = min(flow[n], max(0, over[j]))
        flow[n] -= people
        over[j] -= people


def _give_way(crowd: Crowd, room: Integers, flow: Integers, left: Integers, space: Integers) -> None:
    """Send whoever is left where others can give way for them."""
    is_open = room[crowd.sites] > 0
    waiting = np.flatnonzero(left * np.bincount(crowd.groups[is_open], minlength=len(left)))
    free = np.flatnonzero(space)
    if not len(waiting) or not len(free):
        return
    used = np.flatnonzero(is_open)
    back = used[flow[used] > 0]
    first, end = 1 + len(left), 1 + len(left) + len(room)
    starts = [np.zeros(len(waiting), dtype=np.int64), 1 + crowd.groups[used], first + crowd.sites[back], first + free]
    ends = [1 + waiting, first + crowd.sites[used], 1 + crowd.groups[back], np.full(len(free), end)]
    most = [left[waiting], crowd.people[crowd.groups[used]], flow[back], space[free]]
    graph = csr_array(
        (np.concatenate(most).astype(np.int32), (np.concatenate(starts), np.concatenate(ends))),
        shape=(end + 1, end + 1),
    )
    found = maximum_flow(graph, 0, end)
    if found.flow_value:
        flow[used] += np.asarray(found.flow[1 + crowd.groups[used], first + crowd.sites[used]]).reshape(-1)


def served_by_place(crowd: Crowd, flow: Integers, count: int) -> Integers:
    """Return the people served of every place [persons]."""
    found: NDArray[np.float64] = np.bincount(crowd.places[crowd.groups], weights=flow, minlength=count)
    return found.astype(np.int64)


def serve_most(case: Case, layout: Layout, years: Iterable[int] | None = None) -> Layout:
    """Return the layout in which its open sites, with their staff, serve as many as they can in every year, or some."""
    years = list(case.periods if years is None else years)
    serve = {flow: people for flow, people in layout.serve.items() if flow[2] not in years}
    for t in years:
        crowd = crowd_of(case, t)
        flow = send(crowd, rooms_of(case, layout, t))
        serve |= flows(crowd, flow, t)
    return replace(layout, serve=serve)


def flows(crowd: Crowd, flow: Integers, t: int) -> dict[tuple[int, int, int], int]:
    """Return who goes where as a layout has it, by (place, site, year) [persons]."""
    found: dict[tuple[int, int, int], int] = {}
    going = np.flatnonzero(flow)
    places, sites = crowd.places[crowd.groups[going]], crowd.sites[going]
    for i, j, people in zip(places.tolist(), sites.tolist(), flow[going].tolist(), strict=True):
        found[i, j, t] = found.get((i, j, t), 0) + people
    return found
