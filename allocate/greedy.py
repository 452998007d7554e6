"""A first plan without a solver: open the site that serves most people per yuan, until the clauses are met."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from allocate.case import Case
from allocate.layout import Layout
from allocate.rules import (
    ChangeLimit,
    Count,
    Forbid,
    Keep,
    PeoplePerSite,
    Presence,
    Reach,
    Rule,
    Spacing,
    Spending,
)
from allocate.rules.scopes import parts, site_parts
from allocate.rules.spending import spent


@dataclass
class _Year:
    """A year being filled: who is still unserved, and how much room each open site has left."""

    left: list[int]
    room: dict[int, int] = field(default_factory=dict)
    serve: dict[tuple[int, int], int] = field(default_factory=dict)

    def open(self, case: Case, j: int, t: int) -> None:
        """Open a site and let it serve the unserved, nearest first."""
        capacity = case.sites[j].capacity
        self.room[j] = capacity if capacity is not None else sum(int(case.people[i, t]) for i in case.places_of[j])
        for i in sorted(case.places_of[j], key=lambda i: (case.seconds[i, j], i)):
            people = min(self.left[i], self.room[j])
            if people:
                self.serve[i, j] = people
                self.left[i] -= people
                self.room[j] -= people

    def gain(self, case: Case, j: int, wanted: list[int]) -> int:
        """Return how many wanted people a closed site would serve [persons]."""
        people = sum(min(self.left[i], wanted[i]) for i in case.places_of[j])
        capacity = case.sites[j].capacity
        return people if capacity is None else min(people, capacity)


def greedy(case: Case, rules: Iterable[Rule]) -> Layout:
    """Return a plan that opens nothing that breaks a limit now or later: number, changes, spending, spacing, forbidden.

    It opens sites for the people whom a clause wants to see served, then for the places and the numbers of people that
    should have one. It need not reach all that could be reached; what a rule keeps is open whatever the limits say.
    """
    rules = list(rules)
    standing = {j for j, site in enumerate(case.sites) if site.exists}
    layout_open: set[tuple[int, int]] = set()
    serve: dict[tuple[int, int, int], int] = {}
    for t in case.periods:
        closed = _named(case, rules, Forbid, t)
        # What was opened stays open, whatever a later year forbids; hubs and hospitals stay in any case.
        standing -= {j for j in closed if case.sites[j].closable}
        standing |= {j for j in _named(case, rules, Keep, t) - closed if not case.sites[j].exists}
        year = _Year([int(people) for people in case.people[:, t]])
        for j in sorted(standing):
            year.open(case, j, t)
        # What a later year forbids is not opened now: it could not be closed again.
        later = set().union(*(_named(case, rules, Forbid, u) for u in case.periods[t:]))
        _fill(case, rules, year, layout_open, later, t)
        _complete(case, rules, year, layout_open, later, t)
        standing = set(year.room)
        layout_open |= {(j, t) for j in standing}
        serve |= {(i, j, t): people for (i, j), people in year.serve.items()}
    return Layout(frozenset(layout_open), serve)


def _fill(case: Case, rules: list[Rule], year: _Year, earlier: set[tuple[int, int]], closed: set[int], t: int) -> None:
    """Open sites in a year, best value first, until no clause wants more or nothing helps."""
    banned = closed | {j for j, site in enumerate(case.sites) if site.exists}
    wanted = _wanted(case, rules, year, t)
    gains = {j: year.gain(case, j, wanted) for j in range(len(case.sites)) if j not in banned and j not in year.room}
    while any(wanted):
        best = min(
            (j for j, gain in gains.items() if gain > 0),
            key=lambda j: (_price(case, j, t) / gains[j], -gains[j], j),
            default=None,
        )
        if best is None:
            return
        del gains[best]
        if not _fits(case, rules, year, earlier, best, t):
            continue
        year.open(case, best, t)
        before, wanted = wanted, _wanted(case, rules, year, t)
        changed = {j for i in range(len(wanted)) if wanted[i] != before[i] for j in case.sites_of[i]}
        for j in changed & gains.keys():
            gains[j] = year.gain(case, j, wanted)


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
            case PeoplePerSite():
                for _, inside, must, _ in rule.parts(case, t):
                    yield [(j,) for j in inside], must
            case _:
                pass


def _fits(case: Case, rules: list[Rule], year: _Year, earlier: set[tuple[int, int]], j: int, t: int) -> bool:
    """Tell whether opening a site in a year keeps the upper limits from then on."""
    trial = earlier | {(k, u) for u in case.periods[t:] for k in (*year.room, j)}
    return all(_limits_hold(case, rules, Layout(frozenset(trial)), j, u) for u in case.periods[t:])


def _price(case: Case, j: int, t: int) -> float:
    """Return what opening a site in a year costs until the plan ends [yuan]; never 0, so that shares compare."""
    site = case.sites[j]
    return 1 + site.opening + site.yearly * sum(case.spans[t:])


def _named(case: Case, rules: Iterable[Rule], kind: type[Keep] | type[Forbid], t: int) -> set[int]:
    """Return the sites that rules of a kind name for a year."""
    return {
        case.site_index[name]
        for rule in rules
        if isinstance(rule, kind) and t in rule.when(case)
        for name in rule.sites
    }


def _wanted(case: Case, rules: Iterable[Rule], year: _Year, t: int) -> list[int]:
    """Return, for every place, how many more people some clause wants to see served there [persons]."""
    wanted = [0] * len(case.places)
    for rule in rules:
        if not isinstance(rule, Reach) or t not in rule.when(case):
            continue
        for _, members in parts(case, rule.scope):
            served = sum(int(case.people[i, t]) - year.left[i] for i in members)
            missing = rule.target(case, members, t) - served
            if missing > 0:
                for i in members:
                    wanted[i] = max(wanted[i], min(missing, year.left[i]))
    return wanted


def _limits_hold(case: Case, rules: Iterable[Rule], layout: Layout, opened: int, t: int) -> bool:
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
            case PeoplePerSite() if kind in rule.kinds and rule.at_least is not None:
                for _, inside, _, may in rule.parts(case, t):
                    if opened in inside and may is not None and sum((j, t) in layout.open for j in inside) > may:
                        return False
            case Spending() if spent(case, layout, t) > rule.at_most:
                return False
            case Spacing() if any(b.about[-1] == case.years[t] for b in rule.breaches(case, layout)):
                return False
            case _:
                pass
    return True
