"""A district as a model looks at it: who lives where each year, where sites may stand, and who can reach them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from allocate.travel import Links
from allocate.units import Basis

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Site:
    """Where a facility stands or may stand.

    Attributes
    ----------
    place
        Index of the place where it stands; -1 where that is unknown.
    exists
        Whether it stands before the plan begins.
    closable
        Whether the plan may close it.
    opening, yearly
        One-off cost of opening and cost of each year [yuan].
    capacity
        Most people it can serve [persons]; None without a limit.
    """

    id: str
    name: str
    kind: str
    town: str
    place: int
    lon: float
    lat: float
    basis: Basis
    exists: bool = False
    closable: bool = False
    opening: int = 0
    yearly: int = 0
    capacity: int | None = None


@dataclass(frozen=True)
class Case:
    """Everything that rules and goals look at; plain data.

    Attributes
    ----------
    years
        Plan years; where years were merged, the first of each group.
    spans
        Calendar years that each plan year stands for: until the next, and one for the last.
    repeats
        Plan years that each entry of `years` stands for (1 unless merged).
    places, towns
        Ids; `town_of` gives each place's town as an index into `towns`.
    people
        Residents [persons], one row per place, one column per year.
    ages
        The same by age group, youngest first; the groups add up to the residents. Empty where they are not known.
    registered_share
        Registered people for every resident; None where that is not published.
    sites
        Existing sites and candidates.
    links
        Pairs of place and site within the circle.
    spots
        Position of every site [m], one row per site.
    place_kinds, place_settings
        Village, community or zone, and urban or rural (empty where unknown), of every place.
    neighbours
        Indices of the places that adjoin each place.
    """

    years: tuple[int, ...]
    spans: tuple[int, ...]
    repeats: tuple[int, ...]
    places: tuple[str, ...]
    towns: tuple[str, ...]
    town_of: tuple[int, ...]
    people: Integers
    sites: tuple[Site, ...]
    links: Links
    spots: NDArray[np.float64]
    place_kinds: tuple[str, ...] = ()
    place_settings: tuple[str, ...] = ()
    neighbours: tuple[tuple[int, ...], ...] = ()
    ages: Mapping[str, Integers] = field(default_factory=dict)
    registered_share: Fraction | None = None

    @property
    def periods(self) -> range:
        """Return the indices of the years."""
        return range(len(self.years))

    @cached_property
    def sites_of(self) -> tuple[tuple[int, ...], ...]:
        """Return, for every place, the sites within its circle, quickest first."""
        return _grouped(self.links.places, self.links.sites, len(self.places))

    @cached_property
    def places_of(self) -> tuple[tuple[int, ...], ...]:
        """Return, for every site, the places within whose circle it lies."""
        return _grouped(self.links.sites, self.links.places, len(self.sites))

    @cached_property
    def sites_in(self) -> tuple[tuple[int, ...], ...]:
        """Return the sites that stand in every place."""
        inside: list[list[int]] = [[] for _ in self.places]
        for j, site in enumerate(self.sites):
            if site.place >= 0:
                inside[site.place].append(j)
        return tuple(tuple(group) for group in inside)

    @cached_property
    def seconds(self) -> dict[tuple[int, int], int]:
        """Return the travel time of every pair within the circle [s]."""
        pairs = zip(self.links.places.tolist(), self.links.sites.tolist(), strict=True)
        return dict(zip(pairs, self.links.seconds.tolist(), strict=True))

    @cached_property
    def site_index(self) -> dict[str, int]:
        """Return the index of every site by its id."""
        return {site.id: j for j, site in enumerate(self.sites)}

    def most(self, i: int, j: int, t: int) -> int:
        """Return the most people of a place that a site could ever serve in a year [persons]."""
        people = int(self.people[i, t])
        capacity = self.sites[j].capacity
        return people if capacity is None else min(people, capacity)

    def total(self, t: int) -> int:
        """Return the residents of the district in a year [persons]."""
        return int(self.people[:, t].sum())


def _grouped(keys: Integers, values: Integers, count: int) -> tuple[tuple[int, ...], ...]:
    groups: list[list[int]] = [[] for _ in range(count)]
    for key, value in zip(keys.tolist(), values.tolist(), strict=True):
        groups[key].append(value)
    return tuple(tuple(group) for group in groups)
