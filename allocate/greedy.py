"""A first plan without a solver: open the site that serves most people per yuan, until the clauses are met."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from allocate.case import Case, Integers
from allocate.layout import Layout
from allocate.rules import (
    ChangeLimit,
    Count,
    PeoplePerSite,
    Presence,
    Reach,
    Rule,
    Spacing,
    Spending,
    to_go,
    to_stand,
)
from allocate.rules.scopes import parts, site_parts

# More people than any site could gain.
_NO_LIMIT = 2**62


@dataclass
class _Year:
    """A year being filled: who is still unserved [persons], and how much room each open site has left [persons].

    Attributes
    ----------
    able
        Of the people of every place who have each rarer level of ways to travel, those who have not used it [persons].
    """

    left: Integers
    able: Integers
    room: dict[int, int] = field(default_factory=dict)
    serve: dict[tuple[int, int], int] = field(default_factory=dict)
    # Whom sites serve as before, by site [persons].
    stay: dict[int, int] = field(default_factory=dict)

    def leave(self, case: Case, i: int, j: int, people: int) -> None:
        """Let people of a place go where they went before, as far as they live there and it has room."""
        level, capacity = case.level.get((i, j), 0), case.sites[j].capacity
        limits = [people, int(self.left[i]), *(int(having[i]) for having in self.able[:level])]
        if capacity is not None:
            limits.append(capacity - self.stay.get(j, 0))
        if (going := min(limits)) > 0:
            self.left[i] -= going
            self.able[:level, i] -= going
            self.serve[i, j] = going
            self.stay[j] = self.stay.get(j, 0) + going

    def open(self, case: Case, j: int, t: int) -> None:
        """Open a site and let it serve the unserved, nearest first."""
        near = np.array(sorted(case.places_of[j], key=lambda i: (case.seconds[i, j], i)), dtype=np.int64)
        level = np.array([case.level.get((i, j), 0) for i in near.tolist()] if case.level else 0, dtype=np.int64)
        able = self.left[near]
        for n, having in enumerate(self.able, start=1):
            able = np.where(level >= n, np.minimum(able, having[near]), able)
        capacity = case.sites[j].capacity
        room = int(case.people[near, t].sum()) if capacity is None else capacity - self.stay.get(j, 0)
        ahead = np.cumsum(able) - able
        people = np.clip(room - ahead, 0, able)
        self.left[near] -= people
        for n, having in enumerate(self.able, start=1):
            having[near] -= np.where(level >= n, people, 0)
        self.room[j] = room - int(people.sum())
        for i, n in zip(near.tolist(), people.tolist(), strict=True):
            if n:
                self.serve[i, j] = self.serve.get((i, j), 0) + n

    def by_level(self, people: Integers) -> Integers:
        """Return how many of some people of every place can go along links of each level, a row per level [persons]."""
        return np.minimum.accumulate(np.vstack([people, self.able]), axis=0)


@dataclass(frozen=True)
class _Asked:
    """What a reach rule asks for in a year: the part of every place, and the people to be served in every part."""

    part_of: Integers
    targets: Integers

    def missing(self, case: Case, year: _Year, t: int) -> Integers:
        """Return, for every place, how many more people its part wants to see served [persons]."""
        served = np.zeros(len(self.targets), dtype=np.int64)
        np.add.at(served, self.part_of, case.people[:, t] - year.left)
        short: Integers = np.maximum(self.targets - served, 0)[self.part_of]
        return short


def greedy(case: Case, rules: Iterable[Rule], begun: Layout | None = None) -> Layout:
    """Return a plan that opens nothing that breaks a limit now or later: number, changes, spending, spacing, forbidden.

    It opens sites for the people whom a clause wants to see served, then for the places and the numbers of people that
    should have one. It need not reach all that could be reached; what a rule keeps is open whatever the limits say.
    Where it is `begun` with an earlier plan, what that has open stays so unless a rule names it.
    """
    rules = list(rules)
    standing = {j for j, site in enumerate(case.sites) if site.exists}
    layout_open: set[tuple[int, int]] = set()
    serve: dict[tuple[int, int, int], int] = {}
    for t in case.periods:
        closed = _named(case, rules, to_go, t)
        # What a later year forbids is not opened now: it could not be closed again.
        later = set().union(*(_named(case, rules, to_go, u) for u in case.periods[t:]))
        if begun is not None:
            standing = {j for j in standing if not case.sites[j].exists}
            standing |= {j for j, u in begun.open if u == t and (case.sites[j].exists or j not in later)}
            # (What stands today and closes never opens again: it stays where it is to stand later on.)
            needed = set().union(*(_named(case, rules, to_stand, u) for u in case.periods[t:]))
            standing |= {j for j in needed if case.sites[j].exists and (not t or (j, t - 1) in layout_open)}
        # What was opened stays open, whatever a later year forbids; hubs and hospitals stay in any case.
        standing -= {j for j in closed if case.sites[j].closable}
        standing |= {j for j in _named(case, rules, to_stand, t) - closed if not case.sites[j].exists}
        year = _Year(case.people[:, t].copy(), case.able[1:, :, t].copy())
        for (i, j, u), people in sorted(begun.serve.items()) if begun is not None else ():
            if u == t and j in standing and (i, j) in case.seconds:
                year.leave(case, i, j, people)
        for j in sorted(standing):
            year.open(case, j, t)
        _fill(case, rules, year, layout_open, later, t)
        _complete(case, rules, year, layout_open, later, t)
        standing = set(year.room)
        layout_open |= {(j, t) for j in standing}
        serve |= {(i, j, t): people for (i, j), people in year.serve.items()}
    return Layout(frozenset(layout_open), serve)


def _fill(case: Case, rules: list[Rule], year: _Year, earlier: set[tuple[int, int]], closed: set[int], t: int) -> None:
    """Open sites in a year, best value first, until no clause wants more or nothing helps."""
    banned = closed | year.room.keys() | {j for j, site in enumerate(case.sites) if site.exists}
    asked = list(_asked(case, rules, t))
    count = len(case.sites)
    prices = np.array([_price(case, j, t) for j in range(count)], dtype=np.float64)
    most = np.array([_NO_LIMIT if site.capacity is None else site.capacity for site in case.sites], dtype=np.int64)
    useful = np.ones(count, dtype=bool)
    useful[sorted(banned)] = False
    # The wanted people near every site, kept up to date place by place: a site that opens changes its own places only.
    wanted = np.zeros((len(case.able), len(case.places)), dtype=np.int64)
    near = np.zeros(count, dtype=np.int64)
    first = np.searchsorted(case.links.places, np.arange(len(case.places) + 1))
    while True:
        before, wanted = wanted, year.by_level(_wanted(case, asked, year, t))
        if not wanted.any():
            return
        for i in np.flatnonzero((wanted != before).any(axis=0)).tolist():
            its = slice(first[i], first[i + 1])
            near[case.links.sites[its]] += (wanted[:, i] - before[:, i])[case.links.levels[its]]
        best = _bargain(prices, np.where(useful, np.minimum(near, most), 0))
        while best is not None and not _fits(case, rules, year, earlier, best, t):
            useful[best] = False
            best = _bargain(prices, np.where(useful, np.minimum(near, most), 0))
        if best is None:
            return
        useful[best] = False
        year.open(case, best, t)


def _bargain(prices: NDArray[np.float64], gains: Integers) -> int | None:
    """Return the site with the least price for each person gained, then most people; None where nobody is gained."""
    worth = np.flatnonzero(gains > 0)
    if not len(worth):
        return None
    shares = prices[worth] / gains[worth]
    ties = worth[shares == shares.min()]
    return int(ties[gains[ties].argmax()])


def _complete(
    case: Case, rules: list[Rule], year: _Year, earlier: set[tuple[int, int]], closed: set[int], t: int
) -> None:
    """Open sites in a year for the places that should have one, and for the numbers of people that should."""
    banned = closed | {j for j, site in enumerate(case.sites) if site.exists}
    for groups, target in _groups(case, rules, t):
        missed = [group for group in groups if year.room.keys().isdisjoint(group)]
        useless = set(banned)
        while (wanted := target - len(groups) + len(missed)) > 0:
            gains: dict[int, int] = {}
            for group in missed:
                for j in group:
                    gains[j] = min(wanted, gains.get(j, 0) + 1)
            best = min(gains.keys() - useless, key=lambda j: (_price(case, j, t) / gains[j], j), default=None)
            if best is None:
                break
            useless.add(best)
            if _fits(case, rules, year, earlier, best, t):
                year.open(case, best, t)
                missed = [group for group in missed if best not in group]


def _groups(case: Case, rules: Iterable[Rule], t: int) -> Iterator[tuple[list[tuple[int, ...]], int]]:
    """Yield groups of sites, and in how many of the groups some site should be open in a year."""
    for rule in rules:
        if t not in rule.when(case):
            continue
        match rule:
            case Presence():
                yield [rule.near(case, i) for i in rule.members(case)], rule.target(case)
            case PeoplePerSite() if not rule.function:
                for _, inside, must, _ in rule.parts(case, t):
                    yield [(j,) for j in inside], must
            case _:
                pass


def _fits(case: Case, rules: list[Rule], year: _Year, earlier: set[tuple[int, int]], j: int, t: int) -> bool:
    """Tell whether opening a site in a year keeps the upper limits from then on."""
    trial = earlier | {(k, u) for u in case.periods[t:] for k in (*year.room, j)}
    return all(limits_hold(case, rules, Layout(frozenset(trial)), j, u) for u in case.periods[t:])


def _price(case: Case, j: int, t: int) -> float:
    """Return what opening a site in a year costs until the plan ends [yuan]; never 0, so that shares compare."""
    site = case.sites[j]
    return 1 + site.opening + site.yearly * sum(case.spans[t:])


def _named(case: Case, rules: Iterable[Rule], names: Callable[[Rule], tuple[str, ...]], t: int) -> set[int]:
    """Return the sites that rules name for a year: those to stand, or those that must not."""
    return {case.site_index[name] for rule in rules if t in rule.when(case) for name in names(rule)}


def _asked(case: Case, rules: Iterable[Rule], t: int) -> Iterator[_Asked]:
    """Yield what every reach rule asks for in a year."""
    for rule in rules:
        if isinstance(rule, Reach) and t in rule.when(case):
            part_of = np.zeros(len(case.places), dtype=np.int64)
            targets = []
            for number, (_, members) in enumerate(parts(case, rule.scope)):
                part_of[list(members)] = number
                targets.append(rule.target(case, members, t))
            yield _Asked(part_of, np.array(targets, dtype=np.int64))


def _wanted(case: Case, asked: Iterable[_Asked], year: _Year, t: int) -> Integers:
    """Return, for every place, how many more people some clause wants to see served there [persons]."""
    wanted = np.zeros(len(case.places), dtype=np.int64)
    for one in asked:
        wanted = np.maximum(wanted, np.minimum(one.missing(case, year, t), year.left))
    return wanted


def limits_hold(case: Case, rules: Iterable[Rule], layout: Layout, opened: int, t: int) -> bool:
    """Tell whether the upper limits that speak of a site just opened hold in a year."""
    kind = case.sites[opened].kind
    for rule in rules:
        if t not in rule.when(case):
            continue
        match rule:
            case Count() if rule.at_most is not None:
                limit = rule.at_most
                if any(rule.number(case, layout, members, t) > limit for _, members in site_parts(case, rule.scope)):
                    return False
            case ChangeLimit() if kind in rule.kinds and rule.number(case, layout, t) > rule.at_most:
                return False
            case PeoplePerSite() if kind in rule.kinds and rule.at_least is not None and not rule.function:
                for _, inside, _, may in rule.parts(case, t):
                    if opened in inside and may is not None and sum((j, t) in layout.open for j in inside) > may:
                        return False
            case Spending() if rule.cost(case, layout, t) > rule.at_most:
                return False
            case Spacing() if any(b.about[-1] == case.years[t] for b in rule.breaches(case, layout)):
                return False
            case _:
                pass
    return True
