"""The decisions of a plan as plain data, right or wrong: what is open when, and who is served by whom."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

from allocate.case import Case, Going
from allocate.rows import LEADS, UPGRADED, Number
from allocate.sessions import Visit
from allocate.tours import Tour

_NOBODY: Mapping[tuple[int, int, int], int] = MappingProxyType({})


@dataclass(frozen=True)
class Layout:
    """Decisions by index, for the years of a Case.

    Attributes
    ----------
    open
        Every (site, year) in which a site is open.
    serve
        People of a place whom a site serves in a year [persons], by (place, site, year).
    amounts
        How much of something a site has in a year, by (what, its index, year).
    tours
        Tours that a pool sends to a site in a year, by (pool, months of the tour, site, year).
    visits
        Every (way of outreach, village or town, site that visits it, year).
    roster
        The months of the tours, by year; empty until they are worked out.
    timetable
        The half-days of the visits, by (way of outreach, site that visits, year); empty until they are worked out.
    members
        Every (site, hospital that leads its consortium, year).
    links
        Every (function, site that has it from a centre, that centre, year).
    contracts
        Every (care home, site with which it has a contract, year).
    """

    open: frozenset[tuple[int, int]]
    serve: Mapping[tuple[int, int, int], int] = field(default_factory=dict)
    amounts: Mapping[tuple[str, int, int], Number] = field(default_factory=dict)
    tours: Mapping[tuple[int, int, int, int], int] = field(default_factory=dict)
    visits: frozenset[tuple[str, int, int, int]] = frozenset()
    roster: Mapping[int, tuple[Tour, ...]] = field(default_factory=dict)
    timetable: Mapping[tuple[str, int, int], tuple[Visit, ...]] = field(default_factory=dict)
    members: frozenset[tuple[int, int, int]] = frozenset()
    links: frozenset[tuple[str, int, int, int]] = frozenset()
    contracts: frozenset[tuple[int, int, int]] = frozenset()

    @cached_property
    def lead_of(self) -> Mapping[tuple[int, int], int]:
        """Return the hospital that leads a site's consortium in a year, by (site, year); one that leads is its own."""
        own = {(k, t): k for (what, k, t), number in self.amounts.items() if what == LEADS and number}
        return own | {(j, t): k for j, k, t in sorted(self.members, reverse=True)}

    def leads_in(self, t: int) -> list[int]:
        """Return the hospitals that lead a consortium in a year."""
        return sorted(k for (what, k, u), number in self.amounts.items() if what == LEADS and u == t and number)

    def members_of(self, k: int, t: int) -> list[int]:
        """Return the members of a hospital's consortium in a year, without the hospital."""
        return sorted(j for j, lead, u in self.members if (lead, u) == (k, t))

    @cached_property
    def centre_of(self) -> Mapping[tuple[str, int, int], int]:
        """Return the centre that provides a function to a site in a year, by (function, site, year)."""
        return {(name, j, t): k for name, j, k, t in sorted(self.links, reverse=True)}

    @cached_property
    def contract_of(self) -> Mapping[tuple[int, int], int]:
        """Return the site with which a care home has a contract in a year, by (home, year)."""
        return {(h, t): j for h, j, t in sorted(self.contracts, reverse=True)}

    def has(self, function: str, j: int, t: int) -> bool:
        """Tell whether a site has a function in a year."""
        return self.amounts.get((function, j, t), 0) >= 1

    @cached_property
    def served(self) -> Mapping[tuple[int, int], int]:
        """Return the people of a place who are served in a year [persons]."""
        sums: dict[tuple[int, int], int] = {}
        for (i, _, t), people in self.serve.items():
            sums[i, t] = sums.get((i, t), 0) + people
        return sums

    @cached_property
    def load(self) -> Mapping[tuple[int, int], int]:
        """Return the people whom a site serves in a year [persons]."""
        sums: dict[tuple[int, int], int] = {}
        for (_, j, t), people in self.serve.items():
            sums[j, t] = sums.get((j, t), 0) + people
        return sums

    @cached_property
    def totals(self) -> Mapping[tuple[str, int], Number]:
        """Return how much of something there is in a year altogether, by (what, year)."""
        sums: dict[tuple[str, int], Number] = {}
        for (what, _, t), number in self.amounts.items():
            sums[what, t] = sums.get((what, t), 0) + number
        return sums

    def served_in(self, t: int) -> int:
        """Return all people who are served in a year [persons]."""
        return sum(people for (_, u), people in self.served.items() if u == t)

    def in_years(self, years: Mapping[int, int]) -> "Layout":
        """Return what it decides for some of its years, each under its new index."""
        return Layout(
            open=frozenset((j, years[t]) for j, t in self.open if t in years),
            serve={(i, j, years[t]): people for (i, j, t), people in self.serve.items() if t in years},
            amounts={(what, j, years[t]): number for (what, j, t), number in self.amounts.items() if t in years},
            tours={(p, months, j, years[t]): n for (p, months, j, t), n in self.tours.items() if t in years},
            visits=frozenset((way, i, j, years[t]) for way, i, j, t in self.visits if t in years),
            roster={years[t]: tours for t, tours in self.roster.items() if t in years},
            timetable={(way, j, years[t]): visits for (way, j, t), visits in self.timetable.items() if t in years},
            members=frozenset((j, k, years[t]) for j, k, t in self.members if t in years),
            links=frozenset((name, j, k, years[t]) for name, j, k, t in self.links if t in years),
            contracts=frozenset((h, j, years[t]) for h, j, t in self.contracts if t in years),
        )

    @cached_property
    def visited(self) -> Mapping[tuple[str, int, int], int]:
        """Return the site that visits a village or town, by (way of outreach, its index, year)."""
        return {(way, stop, t): j for way, stop, j, t in sorted(self.visits, reverse=True)}

    def room(self, case: Case, j: int, t: int) -> int | None:
        """Return the most people that a site can serve in a year with the staff that works there; None: no limit."""
        limits = [int(people * self.amounts.get((name, j, t), 0)) for name, people in case.sites[j].per_staff]
        capacity = case.sites[j].most if self.is_upgraded(j, t) else case.sites[j].capacity
        return min((limit for limit in (*limits, capacity) if limit is not None), default=None)

    def is_upgraded(self, j: int, t: int) -> bool:
        """Tell whether a site was enlarged by a year."""
        return bool(self.amounts.get((UPGRADED, j, t), 0))

    def posts(self, case: Case, what: str, j: int, t: int) -> int:
        """Return the most of a resource that a site may have in a year: none while it is closed."""
        if (j, t) not in self.open:
            return 0
        return case.posts(what, j) + (case.more_posts(what, j) if self.is_upgraded(j, t) else 0)

    def brought(self, case: Case, what: str, j: int, t: int) -> int | None:
        """Return the most of a resource that the functions of a site bring in a year; None: it comes without any."""
        functions = case.brought.get(what)
        return None if functions is None else sum(n for name, n in functions.items() if self.has(name, j, t))

    def change(self, j: int, t: int) -> int:
        """Return 1 where a candidate opens in a year, -1 where it closes again, and 0 where nothing changes."""
        before = t > 0 and (j, t - 1) in self.open
        return int((j, t) in self.open) - int(before)

    def opens(self, case: Case, j: int, t: int) -> int:
        """Return 1 where a candidate opens in a year, and else 0 (-1 is physically impossible)."""
        change = self.change(j, t)
        # What may close again is counted by a variable of its own, which is never below 0.
        return max(0, change) if case.sites[j].closable else change


def send_nearest(
    case: Case,
    layout: Layout,
    room_of: Callable[[int, int], int | None],
    stay: Mapping[tuple[int, int, int], int] = _NOBODY,
) -> Layout:
    """Return the layout in which people go to the nearest open site that has room, the nearest pairs first.

    `room_of` tells how many people a site can serve in a year [persons]; None: no limit. Those who `stay` go where they
    went before, as far as it is open and has room.
    """
    order = sorted((seconds, i, j) for (i, j), seconds in case.seconds.items())
    serve: dict[tuple[int, int, int], int] = {}
    for t in case.periods:
        left = case.people[:, t].tolist()
        going = {i: Going(case, i, t) for i in case.rare_sites_of}
        room = {j: room_of(j, t) for j in range(len(case.sites)) if (j, t) in layout.open}
        there = ((i, j, most) for (i, j, u), most in sorted(stay.items()) if u == t)
        for i, j, most in (*there, *((i, j, case.total(t)) for _, i, j in order)):
            space = room.get(j, 0)
            people = min(most, left[i]) if space is None else min(most, left[i], space)
            if i in going:
                people = min(people, going[i].most(j))
                going[i].take(j, people)
            if people:
                serve[i, j, t] = serve.get((i, j, t), 0) + people
                left[i] -= people
                room[j] = None if space is None else space - people
    return replace(layout, serve=serve)
