"""First consortia, functions and contracts without a solver: clause by clause, as far as there is anybody."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from math import ceil, inf

import numpy as np

from allocate.case import Case
from allocate.contracts import Contracting
from allocate.costs import function_cost
from allocate.decisions.functions import asks_consortium, is_always, most_linked
from allocate.greedy import limits_hold
from allocate.grouping import grouped
from allocate.layout import Layout
from allocate.pairs import by_first
from allocate.rows import Number
from allocate.rules import Contracts, Function, FunctionReach, PeoplePerSite, Rule, to_go
from allocate.rules.scopes import parts
from allocate.tables import NOT_GONE_TO

# A function that a site has in a year.
Has = tuple[str, int, int]


def equip(case: Case, rules: Iterable[Rule], layout: Layout, without: Collection[Has] = frozenset()) -> Layout:
    """Return the layout with consortia, and with as many functions and contracts at open sites as clauses ask for.

    Where no open site can have a function near those who need it, one opens that is there for nothing else. What a
    site must be `without` in a year, by (function, site, year), it is not given.
    """
    rules = list(rules)
    layout = grouped(case, rules, layout)
    making = _Making(case, layout, {}, set(), frozenset(without))
    for (name, j), centre in case.had.items():
        for t in case.periods if not case.abilities[name].posted_by else ():
            if (j, t) in layout.open:
                making.has[name, j, t] = 1
                making.links |= {(name, j, centre, t)} if centre >= 0 else set()
    for name in case.abilities:
        for j, t in sorted(layout.open):
            if is_always(case, name, j):
                making.has[name, j, t] = 1
    for t in case.periods:
        for rule in rules:
            if t not in rule.when(case):
                continue
            match rule:
                case Function():
                    _meet(making, rule, t)
                case FunctionReach():
                    _come_near(making, rules, rule, t)
                case PeoplePerSite() if rule.function:
                    _be_enough(making, rules, rule, t)
                case _:
                    pass
        # (Where it stands, a rule on who is near decides first.)
        for rule in rules:
            if isinstance(rule, Function) and t in rule.when(case):
                _open_for(making, rules, rule, t)
    done = replace(making.layout, links=frozenset(making.links))
    contracts = frozenset(_contracts(case, rules, done))
    return replace(done, amounts={**done.amounts, **making.has}, contracts=contracts)


@dataclass
class _Making:
    """Functions being set up.

    Attributes
    ----------
    has
        What sites have, as amounts.
    links
        Links to centres.
    without
        What sites must not have, by (function, site, year).
    """

    case: Case
    layout: Layout
    has: dict[Has, Number]
    links: set[tuple[str, int, int, int]]
    without: frozenset[Has]

    def give(self, name: str, j: int, t: int) -> bool:
        """Tell whether a site can have a function from a year on, and give it, with all that it needs."""
        if self.has.get((name, j, t)):
            return True
        ability = self.case.abilities[name]
        if ability.posted_by or (j, t) not in self.layout.open or self.case.counted_at(name, j) is None:
            return False
        if any((name, j, u) in self.without for u in self._later(j, t)):
            return False
        if j in self.case.makers[name]:
            for other, years in ability.needs.items():
                before = self.case.had_by(other, j, years, t)
                if before is not None and (before < 0 or not self.give(other, j, before)):
                    return False
            self._from(name, j, t)
            return True
        # (Who is linked in a later year already, is linked to the same centre now.)
        linked = {k for what, site, k, u in self.links if (what, site) == (name, j) and u > t}
        for k in self.case.centres_of.get((name, j), ()):
            if (not linked or k in linked) and self._may_serve(name, j, k, t) and self.give(name, k, t):
                self._from(name, j, t, k)
                return True
        return False

    def _later(self, j: int, t: int) -> list[int]:
        """Return the years from one on in which a site is open."""
        return [u for u in self.case.periods if u >= t and (j, u) in self.layout.open]

    def open(self, rules: Iterable[Rule], name: str, j: int, t: int) -> bool:
        """Tell whether a site that is there for a function alone can open in a year, within all limits, and open it."""
        case, later = self.case, [u for u in self.case.periods if u >= t]
        alone = case.sites[j].kind in NOT_GONE_TO and case.makes(name, j)
        if (j, t) in self.layout.open or case.sites[j].exists or not (alone or is_always(case, name, j)):
            return False
        trial = replace(self.layout, open=self.layout.open | {(j, u) for u in later})
        banned = any(case.sites[j].id in to_go(rule) for rule in rules)
        if banned or not all(limits_hold(case, rules, trial, j, u) for u in later):
            return False
        before, self.layout = self.layout, trial
        if is_always(case, name, j):
            self._from(name, j, t)
        elif not self.give(name, j, t):
            self.layout = before
            return False
        return True

    def price(self, name: str, j: int, t: int) -> int:
        """Return what a function costs at a site from a year on until the plan ends, with the site where it is new."""
        site, years = self.case.sites[j], sum(self.case.spans[t:])
        opening, yearly = function_cost(self.case, name, j)
        if (j, t) not in self.layout.open:
            opening, yearly = opening + site.opening, yearly + site.yearly
        return 1 + opening + yearly * years

    def _may_serve(self, name: str, j: int, k: int, t: int) -> bool:
        """Tell whether a centre may take one more: in the same consortium where so asked, with room."""
        lead_of, later = self.layout.lead_of, self._later(j, t)
        if asks_consortium(self.case, name, j, k) and any(
            lead_of.get((j, u)) is None or lead_of[j, u] != lead_of.get((k, u)) for u in later
        ):
            return False
        if any((k, u) not in self.layout.open for u in later):
            return False
        most = most_linked(self.case, name, k)
        loads = (sum((what, c, u) == (name, k, v) and i != j for what, i, c, v in self.links) for u in later)
        return most is None or all(load < most for load in loads)

    def _from(self, name: str, j: int, t: int, centre: int | None = None) -> None:
        for u in self._later(j, t):
            self.has[name, j, u] = 1
            if centre is not None:
                self.links.add((name, j, centre, u))


def _meet(making: _Making, rule: Function, t: int) -> None:
    """Give functions to sites until the rule has enough in a year, or no more can have them."""
    case = making.case
    for _, members in rule.counted(case, making.layout, t):
        asked = ceil(rule.asked(members))
        for name in rule.functions:
            missing = asked - sum(bool(making.has.get((name, j, t))) for j in members)
            # (Those that may set it up themselves come first: the others need a centre.)
            for j in sorted(members, key=lambda j: (not case.makes(name, j), j)):
                if missing > 0 and not making.has.get((name, j, t)) and making.give(name, j, t):
                    missing -= 1


def _open_for(making: _Making, rules: list[Rule], rule: Function, t: int) -> None:
    """Open sites that are there for nothing else until so many have a function as a rule says, the cheapest first."""
    case = making.case
    if rule.at_least is None or not set(rule.kinds) <= set(NOT_GONE_TO):
        return
    for name in rule.functions:
        able = [j for j, site in enumerate(case.sites) if site.kind in rule.kinds]
        missing = rule.at_least - sum(bool(making.has.get((name, j, t))) for j in able)
        for j in sorted(able, key=lambda j, name=name: (making.price(name, j, t), j)):  # type: ignore[misc]
            if missing > 0 and not making.has.get((name, j, t)):
                missing -= making.open(rules, name, j, t)


def _come_near(making: _Making, rules: list[Rule], rule: FunctionReach, t: int) -> None:
    """Give a function to sites, most people per yuan first, until enough live near one: open sites before new ones.

    That is the greedy way to cover (Chvátal 1979, Mathematics of Operations Research 4(3)).
    """
    case, name, near = making.case, rule.function, rule.near(making.case)
    places_of = {
        j: list(places) for j, places in by_first((j, i) for i, sites in enumerate(near) for j in sites).items()
    }
    people = case.people[:, t]
    left = np.array([not any(making.has.get((name, j, t)) for j in sites) for sites in near], dtype=bool)
    groups = [(np.array(members), rule.target(case, members, t)) for _, members in parts(case, rule.scope)]
    tried: set[int] = set()
    while True:
        wanted = np.zeros(len(people), dtype=np.int64)
        for members, target in groups:
            inside = left[members]
            missing = target - int(people[members][~inside].sum())
            wanted[members] = np.where(inside, np.minimum(people[members], max(0, missing)), 0)
        gains = {j: int(wanted[places].sum()) for j, places in places_of.items() if j not in tried}
        able = [j for j, gain in gains.items() if gain]
        if not able:
            return

        def dearest_last(j: int, gains: dict[int, int] = gains) -> tuple[bool, float, int]:
            return (j, t) not in making.layout.open, making.price(name, j, t) / gains[j], j

        best = min(able, key=dearest_last)
        tried.add(best)
        if making.give(name, best, t) or making.open(rules, name, best, t):
            left[places_of[best]] = False


def _be_enough(making: _Making, rules: list[Rule], rule: PeoplePerSite, t: int) -> None:
    """Give a function to as many sites as there should be for the people, the cheapest first, open ones before new."""
    name = rule.function
    for _, inside, must, _ in rule.parts(making.case, t):
        missing = must - sum(bool(making.has.get((name, j, t))) for j in inside)
        for j in sorted(inside, key=lambda j: ((j, t) not in making.layout.open, making.price(name, j, t), j)):
            if missing > 0 and not making.has.get((name, j, t)):
                missing -= making.give(name, j, t) or making.open(rules, name, j, t)


def unstaffed(case: Case, layout: Layout) -> frozenset[Has]:
    """Return the functions, and when, that sites have been given without the staff that they take."""
    return frozenset(
        (name, j, t)
        for (name, j, t), number in layout.amounts.items()
        if number and name in case.abilities
        if any(layout.amounts.get((what, j, t), 0) < least for what, least in case.staff_for(name, j).items())
    )


def _contracts(case: Case, rules: Iterable[Rule], layout: Layout) -> Iterator[tuple[int, int, int]]:
    """Yield contracts of care homes: those of today, and as many more as clauses ask for and sites have room for."""
    contracting = case.contracting
    if contracting is None:
        return
    having = dict(contracting.existing)
    for t in case.periods:
        having = {h: j for h, j in having.items() if (j, t) in layout.open}
        signing = _Signing(case, contracting, layout, t, having, frozenset(having))
        for rule in rules:
            if isinstance(rule, Contracts) and t in rule.when(case):
                weights = rule.weights(case)
                asked = rule.asks() * sum(weights.values())
                for h in signing.without():
                    if sum(weights[one] for one in having) < asked:
                        signing.sign(h)
        yield from ((h, j, t) for h, j in having.items())


@dataclass
class _Signing:
    """Contracts being made in a year.

    Attributes
    ----------
    having
        Site with which a home has a contract.
    kept
        Homes whose contract is older, and stays.
    """

    case: Case
    contracting: Contracting
    layout: Layout
    t: int
    having: dict[int, int]
    kept: frozenset[int]

    def without(self) -> list[int]:
        """Return the homes without a contract: those with the fewest sites to choose from first, then the largest."""
        homes = self.contracting.homes
        left = [h for h in range(len(homes)) if h not in self.having]
        return sorted(left, key=lambda h: (len(self._open(h)), -homes[h].beds, h))

    def sign(self, h: int) -> None:
        """Give a home a contract with the nearest site that has room, or at which another home can make room."""
        near = self._open(h)
        j = next((j for j in near if self._room(j) >= self._beds(h)), None)
        if j is None:
            j = next((j for j in near if self._make_room(h, j)), None)
        if j is not None:
            self.having[h] = j

    def _make_room(self, h: int, j: int) -> bool:
        """Tell whether a new contract of a site can go to another one, so that a home finds room, and move it."""
        movable = [g for g, site in self.having.items() if site == j and g not in self.kept]
        for g in sorted(movable, key=lambda g: (self._beds(g), g)):
            other = next((k for k in self._open(g) if k != j and self._room(k) >= self._beds(g)), None)
            if other is not None and self._room(j) + self._beds(g) >= self._beds(h):
                self.having[g] = other
                return True
        return False

    def _open(self, h: int) -> list[int]:
        return [j for j in self.contracting.sites_of.get(h, ()) if (j, self.t) in self.layout.open]

    def _beds(self, h: int) -> int:
        return self.contracting.homes[h].beds

    def _room(self, j: int) -> float:
        most = self.contracting.most_beds(self.case.sites[j].kind)
        taken = sum(self._beds(h) for h, site in self.having.items() if site == j)
        return inf if most is None else most - taken
