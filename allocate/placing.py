"""Places institutions that are known by their number alone: at possible spots, near the people whom they are for.

A row of institutions.csv without a position is placed, without one of town or place too. Nothing here finds out where
an institution really is: what is filled in carries the basis `estimated`, and what is given stays. Chance plays no
part, so that the same people at the same places always have the same institutions. All lengths are on the ground.

* Towns. Institutions without a town are shared out kind by kind: first one to every town that has none, the most
  people first, then each to the town with the most people to 2 n + 1, of n that it has (Webster's apportionment, in
  the form of Sainte-Laguë 1910, Annales scientifiques de l'É.N.S. 27). Rows are dealt in the order of towns.
* Hospitals and hubs stand at the centre of their town; a second hub of the kind goes where ways become shortest.
* Stations, clinics and ambulance stations stand at places of their town, never two of a kind at one place: each in
  turn where the people's ways to the nearest become shortest by it (greedy p-median: Kuehn & Hamburger 1963,
  Management Science 9(4)). Whoever lives near a hub needs no station or clinic. Clinics go to villages where there
  are any.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from allocate import tables
from allocate.district import Institution, Place, Town
from allocate.errors import InputError, Problem, Value
from allocate.units import Basis
from allocate.words import say

Integers = NDArray[np.int64]
Spot = tuple[float, float]
Metres = Callable[[Sequence[Spot]], NDArray[np.float64]]

# What stands at the centre of its town, and not at a place of it.
_CENTRAL = ("hospital", *tables.HUB_KINDS)
# Where nothing stands yet, everybody's way is this long [m]: longer than any way in a district, and no overflow.
_FAR = 10**7


def is_placed_by_estimate(institution: Institution) -> bool:
    """Tell whether an estimate chose where it stands, so that another possible district has it elsewhere."""
    return institution.place_basis is Basis.ESTIMATED


def without_spot(institution: Institution) -> Institution:
    """Return an institution without the place and position that an estimate chose; its town stays."""
    if not is_placed_by_estimate(institution):
        return institution
    return replace(institution, place="", place_basis=None, lon=None, lat=None, position_basis=None)


def without_estimates(institution: Institution) -> Institution:
    """Return an institution without a position as its list has it: nothing of what an estimate chose is left."""
    if institution.lon is not None:
        return institution
    blank = without_spot(institution)
    return replace(blank, town="", town_basis=None) if blank.town_basis is Basis.ESTIMATED else blank


def placed(
    institutions: Sequence[Institution], towns: Sequence[Town], places: Sequence[Place], metres: Metres
) -> tuple[Institution, ...]:
    """Return the institutions with every town and position.

    Parameters
    ----------
    towns, places
        With their centres, positions and people.
    metres
        Turns positions in degrees into metres.

    Raises
    ------
    InputError
        When there are more of a kind in a town, or in the district, than places for them.
    """
    town_of = {place.id: place.town for place in places}
    found = [replace(one, town=town_of.get(one.place, "")) if not one.town else one for one in institutions]
    for kind in tables.INSTITUTION_KINDS:
        _share_out(found, kind, towns, places)
    spots = {place.id: (place.lon or 0.0, place.lat or 0.0) for place in places}
    for i, one in enumerate(found):
        if one.lon is None and one.place in spots:
            lon, lat = spots[one.place]
            found[i] = replace(one, lon=lon, lat=lat, position_basis=Basis.ESTIMATED)
    # (Hubs come before stations and clinics, which are for whom the hubs are far from.)
    for town in towns:
        ground = _Ground.of(town, places, metres)
        for kind in tables.INSTITUTION_KINDS:
            _place(found, kind, town, ground, metres)
    return tuple(found)


def _share_out(found: list[Institution], kind: str, towns: Sequence[Town], places: Sequence[Place]) -> None:
    """Give every institution of a kind a town."""
    waiting = [i for i, one in enumerate(found) if one.kind == kind and not one.town]
    if not waiting:
        return
    there = Counter(one.town for one in found if one.kind == kind and one.town)
    people = Counter[str]()
    room = Counter[str]()
    for place in places:
        people[place.town] += place.people or 0
        room[place.town] += 1
    most = {town.id: len(found) if kind in _CENTRAL else room[town.id] for town in towns}
    given: Counter[str] = Counter()
    for _ in waiting:
        open_towns = [town.id for town in towns if there[town.id] + given[town.id] < most[town.id]]
        if not open_towns:
            raise _no_room(kind, len(waiting) + sum(there.values()), sum(most.values()))
        given[_next(open_towns, there + given, people)] += 1
    dealt = [town.id for town in towns for _ in range(given[town.id])]
    for i, town_id in zip(waiting, dealt, strict=True):
        found[i] = replace(found[i], town=town_id, town_basis=Basis.ESTIMATED)


def _next(towns: Sequence[str], there: Mapping[str, int], people: Mapping[str, int]) -> str:
    """Return the town that comes next; of equals the first.

    Whole numbers are compared crosswise: a quotient could come out unlike on another machine.
    """
    empty = [town for town in towns if not there[town]]
    best, *others = empty or towns
    for town in others:
        if people[town] * (2 * there[best] + 1) > people[best] * (2 * there[town] + 1):
            best = town
    return best


class _Ground:
    """The places of a town, with their people and the ways between them [m]."""

    def __init__(self, town: Town, places: Sequence[Place], metres: Metres) -> None:
        self.town = town
        self.places = places
        self.spots = metres([(place.lon or 0.0, place.lat or 0.0) for place in places]).reshape(-1, 2)
        self.people: Integers = np.array([place.people or 0 for place in places], dtype=np.int64)
        self.ways: Integers = self._ways(self.spots)

    @classmethod
    def of(cls, town: Town, places: Sequence[Place], metres: Metres) -> "_Ground":
        """Return the ground of a town."""
        return cls(town, [place for place in places if place.town == town.id], metres)

    def _ways(self, spots: NDArray[np.float64]) -> Integers:
        # (Whole metres: sums are the same on every machine.)
        across = spots[:, None, :] - self.spots[None, :, :]
        ways: Integers = np.rint(np.hypot(across[..., 0], across[..., 1])).astype(np.int64)
        return ways

    def nearest(self, spots: NDArray[np.float64]) -> Integers:
        """Return how far every place is from the nearest of some spots [m]."""
        ways: Integers = self._ways(spots).min(axis=0) if len(spots) else np.full(len(self.places), _FAR)
        return ways

    def best(self, near: Integers, allowed: Sequence[int]) -> int:
        """Return the place that shortens the ways most, of those allowed; the first of equals."""
        ways: Integers = np.minimum(self.ways[list(allowed)], near[None, :]) @ self.people
        return allowed[int(np.argmin(ways))]


def _place(found: list[Institution], kind: str, town: Town, ground: _Ground, metres: Metres) -> None:
    """Give every institution of a kind in a town a position."""
    mine = [i for i, one in enumerate(found) if one.town == town.id and one.lon is None and one.kind == kind]
    if not mine:
        return
    helping = (kind, *tables.HUB_KINDS) if kind in tables.BELOW_HUBS else (kind,)
    there = [one for one in found if one.town == town.id and one.kind in helping and one.lon is not None]
    near = ground.nearest(metres(_spots(there)).reshape(-1, 2))
    taken = {one.place for one in there if one.kind == kind}
    at_centre = kind in _CENTRAL and (kind == "hospital" or not any(one.kind == kind for one in there))
    for i in mine:
        centre = town.lon, town.lat
        if at_centre:
            found[i] = _standing(found[i], *centre)
            near = np.minimum(near, ground.nearest(metres(_spots([found[i]])).reshape(-1, 2)))
            at_centre = kind == "hospital"
            continue
        allowed = _allowed(kind, ground.places, taken)
        if not allowed:
            count = sum(one.kind == kind and one.town == town.id for one in found)
            raise _no_room(kind, count, len(ground.places), town)
        best = ground.best(near, allowed)
        place = ground.places[best]
        taken.add(place.id)
        near = np.minimum(near, ground.ways[best])
        found[i] = replace(_standing(found[i], place.lon, place.lat), place=place.id)


def _standing(one: Institution, lon: float | None, lat: float | None) -> Institution:
    estimated = Basis.ESTIMATED
    return replace(one, lon=lon, lat=lat, position_basis=estimated, place_basis=estimated)


def _spots(institutions: Iterable[Institution]) -> list[Spot]:
    return [(one.lon, one.lat) for one in institutions if one.lon is not None and one.lat is not None]


def _allowed(kind: str, places: Sequence[Place], taken: set[str]) -> list[int]:
    """Return the places where one more of a kind may stand: of clinics villages first."""
    free = [n for n, place in enumerate(places) if place.id not in taken]
    villages = [n for n in free if places[n].kind == "village"]
    return villages if kind == "clinic" and villages else free


def _no_room(kind: str, count: int, room: int, town: Town | None = None) -> InputError:
    details: dict[str, Value] = {"kind": say(f"kind.{kind}"), "count": count, "room": room}
    if town is None:
        return InputError([Problem("estimate.stock_room", tables.INSTITUTIONS.file, column="town", details=details)])
    problem = Problem("estimate.stock_room_town", tables.INSTITUTIONS.file, column="place", value=town.name)
    return InputError([replace(problem, details=details)])
