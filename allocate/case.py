"""A district as a model looks at it: who lives where each year, where sites may stand, and who can reach them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from heapq import heapify, heapreplace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from allocate.abilities import Ability
from allocate.consortia import Leading
from allocate.contracts import Contracting
from allocate.outreach import Way
from allocate.pairs import by_first
from allocate.possible import AS_GIVEN, Possible, gathered
from allocate.postings import Carried, Pool, Postings
from allocate.resources import Resource, employers, is_employed
from allocate.rows import Row
from allocate.shares import spread
from allocate.tables import HUB_KINDS
from allocate.travel import Journeys, Links, Mode, Times, within
from allocate.travel.circles import Level
from allocate.travel.links import HOW
from allocate.units import Basis, exact

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Upgrade:
    """What it takes to enlarge a site once, and what it brings.

    Attributes
    ----------
    opening, yearly
        One-off cost, and what the enlarged site costs more in each year [yuan].
    posts
        Additional posts by resource.
    people
        How many more people a rule on room lets it serve [persons].
    capacity
        Most people that the enlarged site can serve [persons], with all the staff that it may have; None without a
        limit.
    """

    opening: int = 0
    yearly: int = 0
    posts: Mapping[str, int] = field(default_factory=dict)
    people: int = 0
    capacity: int | None = None


# Why something holds of a candidate: a code, and the details that its sentence in the catalogue is filled in with.
type Reason = Mapping[str, str | int]


@dataclass(frozen=True)
class Dropped:
    """A candidate that may not stand where it would.

    Attributes
    ----------
    origin
        Where it comes from: "places", "list" or "generated".
    why
        What keeps it out.
    """

    id: str
    name: str
    kind: str
    town: str
    lon: float
    lat: float
    origin: str
    why: Reason


@dataclass(frozen=True)
class Generated:
    """What came of generating candidates of one kind.

    Attributes
    ----------
    how
        "greedy", "grid" or "clusters".
    asked
        How many there may be; 0 without a limit.
    spots, allowed
        How many spots were looked at, and on how many of them a site may stand.
    made
        How many candidates there are.
    people, reached
        Residents of the first plan year whom nothing else reaches, and those whom these candidates reach [persons].
    """

    kind: str
    how: str
    asked: int
    spots: int
    allowed: int
    made: int
    people: int
    reached: int


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
        Whether the plan may close it: what stands today, or what it opened itself.
    opening, yearly
        One-off cost of opening and cost of each year [yuan].
    capacity
        Most people it can serve [persons], with all the staff that it may have; None without a limit.
    per_staff
        People whom one of a resource there can serve [persons]: the site serves no more than its staff can.
    moving
        One-off cost of opening it in place of one that closes nearby [yuan]; None where that is no cheaper.
    upgrade
        How it may be enlarged; None where it may not.
    type
        What kind of hospital it is; empty where it is none, or that is unknown.
    origin
        Where a candidate comes from: "places", "list" or "generated"; empty for what exists.
    kept
        Why a candidate may stand where it does.
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
    per_staff: tuple[tuple[str, int], ...] = ()
    moving: int | None = None
    upgrade: Upgrade | None = None
    type: str = ""
    origin: str = ""
    kept: tuple[Reason, ...] = ()

    def is_of(self, types: Collection[str]) -> bool:
        """Tell whether it is no hospital, or one of these types; where none are named, any."""
        return not types or self.kind != "hospital" or self.type in types

    @property
    def is_fixed(self) -> bool:
        """Tell whether it is there in every year, whatever is decided."""
        return self.exists and not self.closable

    @property
    def most(self) -> int | None:
        """Return the most people that it could ever serve, enlarged where it may be [persons]; None without a limit."""
        return self.capacity if self.upgrade is None else self.upgrade.capacity


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
    parents
        Index of the site above each: the hub of a station or clinic, the hospital of a hub; -1 without one.
    resources
        Staff, beds and teams that the plan decides, by name.
    stock
        How many of a resource a site has today, by (resource, index of the site).
    intervals
        Calendar years before each plan year since the one before it, or since the plan's day.
    moves
        Pairs of an existing site that may close and a candidate of its kind in its town, near enough to be its new
        place.
    parent_bases
        Where the site above each is known from; empty where there is none.
    postings, pools
        How experts are posted, and by whom; None and none where the plan posts nobody.
    carried
        Who is away already when the first plan year begins.
    ways
        Ways in which villages and towns are visited, by name.
    cuts
        What has been found out about rosters and timetables: rows that hold for whatever can be carried out.
    modes
        Ways to travel, by name.
    roads
        Times by road; None in a district without roads.
    fields
        Whether a hub has staff of a specialty, or lacks it, by (index of the site, specialty), where that is known.
    abilities
        Functions that the plan decides, by name.
    makers
        Indices of the sites that may set a function up, by its name.
    centres
        Time of the way [s] from a site to one that may be its centre, by function and (site, centre).
    had
        Functions of today, by (name, index of the site): index of the centre that provides it, -1 where it is its own.
    leading
        How consortia may be formed; None where the plan forms none.
    hub_people
        People of every hub by year [persons], by its index: those of the places of its town that it is nearest to.
    place_spots
        Position of every place [m], one row per place.
    own_seconds
        The planner's own times [s] by (place, site), in the ways to travel that a table lists and a rule asks for.
    contracting
        Which care homes may have a contract with which sites; None where the plan decides none.
    levels
        Ways to travel by the share of people who have them, the most common first: a link is of one of these. Empty
        where everybody can use every link.
    dropped, generated
        Candidates that may not stand where they would, and what came of generating some.
    possible
        Possible districts, where a goal looks at several; none where no goal does.
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
    parents: tuple[int, ...] = ()
    resources: Mapping[str, Resource] = field(default_factory=dict)
    stock: Mapping[tuple[str, int], int] = field(default_factory=dict)
    intervals: tuple[int, ...] = ()
    ages: Mapping[str, Integers] = field(default_factory=dict)
    registered_share: Fraction | None = None
    moves: tuple[tuple[int, int], ...] = ()
    parent_bases: tuple[str, ...] = ()
    postings: Postings | None = None
    pools: tuple[Pool, ...] = ()
    carried: tuple[Carried, ...] = ()
    ways: Mapping[str, Way] = field(default_factory=dict)
    cuts: tuple[Row, ...] = ()
    modes: Mapping[str, Mode] = field(default_factory=dict)
    roads: Times | None = None
    fields: Mapping[tuple[int, str], bool] = field(default_factory=dict)
    abilities: Mapping[str, Ability] = field(default_factory=dict)
    makers: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    centres: Mapping[str, Mapping[tuple[int, int], int]] = field(default_factory=dict)
    had: Mapping[tuple[str, int], int] = field(default_factory=dict)
    leading: Leading | None = None
    hub_people: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    place_spots: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 2)))
    own_seconds: Mapping[str, Mapping[tuple[int, int], int]] = field(default_factory=dict)
    contracting: Contracting | None = None
    levels: tuple[Level, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    generated: tuple[Generated, ...] = ()
    possible: tuple[Possible, ...] = ()

    def in_groups(self, groups: Sequence[Sequence[int]]) -> "Case":
        """Return the case in which the first year of every group of neighbouring years stands for the group.

        What lies before the first group, or between the first years of two, passes until the later one.
        """
        first = [group[0] for group in groups]
        begins = [0, *(t + 1 for t in first)]
        return replace(
            self,
            years=tuple(self.years[t] for t in first),
            spans=tuple(sum(self.spans[t] for t in group) for group in groups),
            repeats=tuple(sum(self.repeats[t] for t in group) for group in groups),
            intervals=tuple(sum(self.intervals[a:b]) for a, b in pairwise(begins)) if self.intervals else (),
            people=self.people[:, first],
            ages={group: people[:, first] for group, people in self.ages.items()},
            hub_people={j: tuple(people[t] for t in first) for j, people in self.hub_people.items()},
            possible=tuple(one.in_years(first) for one in self.possible),
        )

    @property
    def periods(self) -> range:
        """Return the indices of the years."""
        return range(len(self.years))

    @cached_property
    def sites_of(self) -> tuple[tuple[int, ...], ...]:
        """Return, for every place, the sites within its circle, quickest first."""
        return _grouped(self.links.places, self.links.sites, len(self.places))

    @cached_property
    def sites_of_all(self) -> tuple[tuple[int, ...], ...]:
        """Return, for every place, those of `sites_of` that everybody of the place can go to."""
        if not self.level:
            return self.sites_of
        return tuple(tuple(j for j in near if not self.level.get((i, j), 0)) for i, near in enumerate(self.sites_of))

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
    def how(self) -> dict[tuple[int, int], str]:
        """Return what the travel time of every pair within the circle was worked out from: see `links.HOW`."""
        pairs = zip(self.links.places.tolist(), self.links.sites.tolist(), strict=True)
        return dict(zip(pairs, (HOW[how] for how in self.links.how.tolist()), strict=True))

    @cached_property
    def site_index(self) -> dict[str, int]:
        """Return the index of every site by its id."""
        return {site.id: j for j, site in enumerate(self.sites)}

    @cached_property
    def level(self) -> Mapping[tuple[int, int], int]:
        """Return the level of the pairs within the circle that not everybody can use: see `Links.levels`."""
        rare = np.flatnonzero(self.links.levels)
        pairs = zip(self.links.places[rare].tolist(), self.links.sites[rare].tolist(), strict=True)
        return dict(zip(pairs, self.links.levels[rare].tolist(), strict=True))

    @cached_property
    def able(self) -> Integers:
        """Return the people who have the ways to travel of each level [persons]: a table of places by years each.

        The people of a place are shared out among those who have the first level only, the first two, and so on, in
        whole persons by the largest remainders.
        """
        shares = [level.share for level in self.levels] or [Fraction(1)]
        parts = [share - rarer for share, rarer in pairwise([*shares, Fraction(0)])]
        if len(parts) == 1:
            return self.people[None]
        counts = {people: spread(people, parts) for people in np.unique(self.people).tolist()}
        groups = np.array([[counts[people] for people in row] for row in self.people.tolist()], dtype=np.int64)
        groups = groups.reshape(*self.people.shape, len(parts))
        found: Integers = np.cumsum(groups[:, :, ::-1], axis=2)[:, :, ::-1]
        return np.ascontiguousarray(np.moveaxis(found, 2, 0))

    @cached_property
    def outlooks(self) -> tuple[Possible, ...]:
        """Return the possible districts; where none were drawn, the district as it is."""
        return self.possible or (self.as_given,)

    @property
    def as_given(self) -> Possible:
        """Return the district as it is, as one of the possible ones."""
        return gathered(AS_GIVEN, self.links.places, self.links.sites, self.links.levels, self.able)

    @cached_property
    def rare_sites_of(self) -> Mapping[int, Mapping[int, tuple[int, ...]]]:
        """Return the sites that not everybody of a place can go to, by place and level: of that level or a rarer one.

        So many people of the place as have the level can go to these, and no more: whoever can go to a site of a rarer
        level has that level too. As shares are nested, these limits are all there is to it: who goes where can be told
        person by person whenever each of them holds (Hall 1935, Journal of the London Mathematical Society 10).
        """
        found: dict[int, dict[int, tuple[int, ...]]] = {}
        for (i, _), n in self.level.items():
            found.setdefault(i, {})[n] = ()
        for i, groups in found.items():
            for n in groups:
                groups[n] = tuple(j for j in self.sites_of[i] if self.level.get((i, j), 0) >= n)
        return {i: dict(sorted(groups.items())) for i, groups in sorted(found.items())}

    def able_to_go(self, i: int, t: int, sites: Iterable[int]) -> int:
        """Return the people of a place within whose circle one of some sites lies [persons].

        `sites` are within the circle of some of them.
        """
        if not self.level:
            return int(self.people[i, t]) if any(True for _ in sites) else 0
        n = min((self.level.get((i, j), 0) for j in sites), default=None)
        return 0 if n is None else int(self.able[n, i, t])

    def most(self, i: int, j: int, t: int) -> int:
        """Return the most people of a place that a site could ever serve in a year [persons]."""
        people = int(self.able[self.level.get((i, j), 0), i, t]) if self.level else int(self.people[i, t])
        capacity = self.sites[j].most
        return people if capacity is None else min(people, capacity)

    @cached_property
    def _holders(self) -> dict[str, tuple[int, ...]]:
        return {
            name: tuple(j for j, site in enumerate(self.sites) if site.kind in resource.at)
            for name, resource in self.resources.items()
        }

    def holders(self, what: str) -> tuple[str, tuple[int, ...]]:
        """Return under which name a resource or function is counted, and the sites that may have it.

        Of what the model says nothing about, any site may have some.
        """
        if what in self.abilities:
            return what, self.havers[what]
        resource = self.resources.get(what)
        if resource is None:
            return what, tuple(range(len(self.sites)))
        if not resource.sum_of:
            return what, self._holders[what]
        counted, sites = self.holders(resource.sum_of)
        return counted, tuple(j for j in sites if self.sites[j].kind in resource.kinds)

    def counted_at(self, what: str, j: int) -> str | None:
        """Return under which name a resource or function is counted at a site; None where it cannot have any."""
        if what in self.abilities:
            return what if j in self._havers_of[what] else None
        resource = self.resources.get(what)
        if resource is None:
            return what
        if not resource.sum_of:
            return what if self.sites[j].kind in resource.at else None
        return self.counted_at(resource.sum_of, j) if self.sites[j].kind in resource.kinds else None

    @cached_property
    def havers(self) -> Mapping[str, tuple[int, ...]]:
        """Return the sites that may have each function: set up there, or provided by a centre."""
        return {
            name: tuple(sorted({*self.makers.get(name, ()), *(j for j, _ in self.centres.get(name, ()))}))
            for name in self.abilities
        }

    @cached_property
    def _makers_of(self) -> Mapping[str, frozenset[int]]:
        return {name: frozenset(sites) for name, sites in self.makers.items()}

    def makes(self, function: str, j: int) -> bool:
        """Tell whether a site may set up a function by itself."""
        return j in self._makers_of[function]

    @cached_property
    def _havers_of(self) -> Mapping[str, frozenset[int]]:
        return {name: frozenset(sites) for name, sites in self.havers.items()}

    @cached_property
    def centres_of(self) -> Mapping[tuple[str, int], tuple[int, ...]]:
        """Return the sites that may provide a function to a site, the nearest first, by (function, site)."""
        return by_first(
            ((name, j), k)
            for name, pairs in self.centres.items()
            for j, k in sorted(pairs, key=lambda pair: (pairs[pair], pair))
        )

    @cached_property
    def brought(self) -> Mapping[str, Mapping[str, int]]:
        """Return the resources that are only where some function is: how many each brings, by resource and function."""
        found: dict[str, dict[str, int]] = {}
        for name, ability in self.abilities.items():
            for what, number in ability.brings.items():
                found.setdefault(what, {})[name] = number
        return found

    def near(self, function: str, limits: Mapping[str, int], mode: str = "") -> tuple[tuple[int, ...], ...]:
        """Return, for every place, the sites that may have a function and are near enough, in ascending order.

        `limits` are by setting of the place: the longest straight line [m], or the longest way by a `mode` [s]. Where
        nobody knows whether a place is urban or rural, the shorter one counts: nothing is reached by mistake. Where
        the planner's own table lists the mode, its times alone count; whoever lives where the site stands is near.
        """
        about = (function, tuple(sorted(limits.items())), mode)
        if about not in self._near:
            self._near[about] = self._near_to(self.holders(function)[1], limits, mode)
        return self._near[about]

    @cached_property
    def _near(self) -> dict[tuple[str, tuple[tuple[str, int], ...], str], tuple[tuple[int, ...], ...]]:
        return {}

    def _near_to(self, sites: Sequence[int], limits: Mapping[str, int], mode: str) -> tuple[tuple[int, ...], ...]:
        shortest = min(limits.values())
        most = [limits.get(setting, shortest) for setting in self.place_settings]
        own = self.own_seconds.get(mode)
        if own is not None:
            return tuple(
                tuple(j for j in sites if self.sites[j].place == i or own.get((i, j), most[i] + 1) <= most[i])
                for i in range(len(self.places))
            )
        if mode and self.journeys.by_road(mode):
            return tuple(
                tuple(j for j, time in zip(sites, times, strict=True) if self.sites[j].place == i or time <= most[i])
                for i, times in enumerate(self._times_from_places(mode, sites))
            )
        if mode:
            # (Rounded up, a way takes no longer than so many seconds where it is no longer than so many metres.)
            most = [int(seconds / self.modes[mode].seconds_per_metre) for seconds in most]
        found = within(self.place_spots, self.spots[list(sites)], np.array(most, dtype=np.int64))
        return tuple(tuple(sites[n] for n in near) for near in found)

    def _times_from_places(self, mode: str, sites: Sequence[int]) -> Iterator[list[int]]:
        """Yield, for every place, the times of the ways to some sites [s]."""
        ends = self.spots[list(sites)]
        for spot in self.place_spots:
            yield self.journeys.seconds(mode, np.broadcast_to(spot, ends.shape), ends).tolist()

    def staff_for(self, function: str, j: int) -> Mapping[str, int]:
        """Return how many of each resource must be at a site for a function that it sets up; for one of today, none."""
        if (function, j) in self.had or not self.makes(function, j):
            return {}
        return self.abilities[function].staff

    def had_by(self, function: str, j: int, years: int, t: int) -> int | None:
        """Return the last plan year by which a site must have a function, so that in a year it has had it for so long.

        None where it has it today, and today lies so long back; -1 where no plan year does.
        """
        before = sum(self.intervals[: t + 1]) if self.intervals else 0
        if (function, j) in self.had and before >= years:
            return None
        passed = 0
        for u in range(t, -1, -1):
            if passed >= years:
                return u
            passed += self.intervals[u] if self.intervals else 0
        return -1

    def people_of_hub(self, j: int, t: int) -> int:
        """Return the people of a hub in a year [persons]; of what is no hub, none."""
        people = self.hub_people.get(j)
        return 0 if people is None else people[t]

    def claims(self, what: str, j: int) -> Mapping[str, int]:
        """Return the teams at a site that are made of a resource, or of part of it, and of how many.

        Nobody is in two teams at once: a general practitioner in a team is no more free for another one than any
        physician is.
        """
        return self._claims.get((what, self.sites[j].kind), {})

    @cached_property
    def _claims(self) -> Mapping[tuple[str, str], Mapping[str, int]]:
        found: dict[tuple[str, str], dict[str, int]] = {}
        for name, resource in self.resources.items():
            for other, number in resource.needs.items():
                for what in {other, self.resources[other].part_of} - {""}:
                    for kind in resource.at:
                        teams = found.setdefault((what, kind), {})
                        teams[name] = teams.get(name, 0) + number
        return found

    @cached_property
    def employed(self) -> tuple[str, ...]:
        """Return the resources that somebody employs."""
        return tuple(name for name in self.resources if is_employed(self.resources, name))

    @cached_property
    def employer_of(self) -> tuple[int, ...]:
        """Return who employs the staff of every site: a hub that of its stations and clinics, else the site itself."""
        return tuple(
            j if employers(site.kind) or not self.parents or self.parents[j] < 0 else self.parents[j]
            for j, site in enumerate(self.sites)
        )

    @cached_property
    def teams_of(self) -> Mapping[int, tuple[int, ...]]:
        """Return the sites whose staff each employer employs, itself among them."""
        return by_first((employer, j) for j, employer in enumerate(self.employer_of))

    def staying(self, what: str, employer: int, t: int) -> int:
        """Return how many of today's staff an employer still has in a year, retirement taken off, in whole persons.

        The district keeps what the share that leaves leaves of its whole, rounded down once; who goes first is the
        employer with most above its own part. (Rounded down at every employer, two in a hundred that leave would empty
        each place that has one.)
        """
        return self._staying[what].get(employer, (0,) * len(self.years))[t]

    @cached_property
    def _staying(self) -> Mapping[str, Mapping[int, tuple[int, ...]]]:
        found: dict[str, Mapping[int, tuple[int, ...]]] = {}
        for what, resource in self.resources.items():
            sums = {e: sum(self.stock.get((what, j), 0) for j in team) for e, team in self.teams_of.items()}
            today = {employer: number for employer, number in sums.items() if number}
            left, kept = dict(today), []
            for t in self.periods:
                share = Fraction((1 - exact(resource.leaves)) ** sum(self.intervals[: t + 1]))
                goes = [(number * share - left[employer], employer) for employer, number in today.items()]
                heapify(goes)
                for _ in range(sum(left.values()) - int(sum(today.values()) * share)):
                    below, employer = goes[0]
                    left[employer] -= 1
                    heapreplace(goes, (below + 1, employer))
                kept.append(dict(left))
            found[what] = {employer: tuple(year[employer] for year in kept) for employer in today}
        return found

    @cached_property
    def lending(self) -> Mapping[str, tuple[frozenset[int], frozenset[int]]]:
        """Return the hospitals that may lend of a resource, and the hubs that may borrow: none without the others."""
        found = {}
        for name, resource in self.resources.items():
            able = [
                e for e, team in self.teams_of.items() if resource.lent and any(self.most_posts(name, j) for j in team)
            ]
            lends = frozenset(e for e in able if self.sites[e].kind == "hospital")
            borrows = frozenset(e for e in able if self.sites[e].kind in HUB_KINDS)
            found[name] = (lends, borrows) if lends and borrows else (frozenset[int](), frozenset[int]())
        return found

    def posts(self, what: str, j: int) -> int:
        """Return the most of a resource that a site may have, unless it is enlarged."""
        return self.resources[what].at.get(self.sites[j].kind, 0)

    def more_posts(self, what: str, j: int) -> int:
        """Return how many more of a resource a site may have once it is enlarged."""
        upgrade = self.sites[j].upgrade
        return 0 if upgrade is None else upgrade.posts.get(what, 0)

    def most_posts(self, what: str, j: int) -> int:
        """Return the most of a resource that a site may ever have."""
        return self.posts(what, j) + self.more_posts(what, j)

    @cached_property
    def journeys(self) -> Journeys:
        """Return how long the way takes from anywhere to anywhere."""
        return Journeys(self.modes, self.roads)

    def way(self, mode: str, j: int, k: int) -> int:
        """Return how long the way from one site to another takes, one way [s]."""
        return self.journeys.way(mode, self.spots[j], self.spots[k])

    def above(self, j: int) -> int:
        """Return the index of the site above one; -1 without one."""
        return self.parents[j] if self.parents else -1

    def hospital_of(self, j: int) -> int:
        """Return the index of the hospital above a site, directly or above its hub; -1 without one."""
        above = self.above(j)
        chain = (above, self.above(above) if above >= 0 else -1)
        return next((k for k in chain if k >= 0 and self.sites[k].kind == "hospital"), -1)

    @cached_property
    def receivers(self) -> tuple[tuple[int, ...], ...]:
        """Return, for every pool, the sites that it may send to: hubs; from outside the district, their hospitals too.

        Those are the hospitals above some hub, which lead it; where none is known to, any hospital.
        """
        hubs = tuple(j for j, site in enumerate(self.sites) if site.kind in HUB_KINDS)
        every = tuple(j for j, site in enumerate(self.sites) if site.kind == "hospital")
        lead = {self.hospital_of(j) for j in hubs} if self.leading is None else set(self.leading.leads)
        hospitals = tuple(j for j in every if j in lead) or every
        return tuple(hubs + hospitals if pool.sends_as else hubs for pool in self.pools)

    def sends_as(self, pool: int, sender: str, j: int) -> bool:
        """Tell whether a pool's experts at a site are, or may be, sent by whom a clause names: see `postings.SENDERS`.

        Where the plan forms consortia, any hospital that may lead the site may turn out to be its lead.
        """
        one = self.pools[pool]
        match sender:
            case "district":
                return one.hospital >= 0
            case "lead_hospital":
                if self.leading is not None:
                    return (j, one.hospital) in self.leading.pairs
                return one.hospital >= 0 and one.hospital == self.hospital_of(j)
        return one.sends_as == sender

    @cached_property
    def visited_places(self) -> frozenset[int]:
        """Return the places that some way of outreach may visit."""
        return frozenset(stop for way in self.ways.values() if way.plan.to == "village" for stop, _ in way.pairs)

    def total(self, t: int) -> int:
        """Return the residents of the district in a year [persons]."""
        return int(self.people[:, t].sum())


class Going:
    """How many people of a place can still go to each site in a year, told apart by the ways to travel they have."""

    def __init__(self, case: Case, i: int, t: int) -> None:
        self._case, self._place = case, i
        # (Of each level, those who have it, less those who went where only it or a rarer one leads.)
        self._able: list[int] = case.able[:, i, t].tolist()

    def most(self, j: int) -> int:
        """Return how many more can go to a site [persons]."""
        return min(self._able[: self._level(j) + 1])

    def take(self, j: int, people: int) -> None:
        """Let people go to a site."""
        for n in range(self._level(j) + 1):
            self._able[n] -= people

    def _level(self, j: int) -> int:
        return self._case.level.get((self._place, j), 0)


def _grouped(keys: Integers, values: Integers, count: int) -> tuple[tuple[int, ...], ...]:
    groups: list[list[int]] = [[] for _ in range(count)]
    for key, value in zip(keys.tolist(), values.tolist(), strict=True):
        groups[key].append(value)
    return tuple(tuple(group) for group in groups)
