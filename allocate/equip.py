"""First consortia, functions and contracts without a solver: clause by clause, as far as there is anybody."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from math import ceil, inf

import numpy as np

from allocate.case import Case
from allocate.consortia import Leading
from allocate.contracts import Contracting
from allocate.costs import function_cost
from allocate.decisions.functions import asks_consortium, is_always, most_linked
from allocate.greedy import limits_hold
from allocate.layout import Layout
from allocate.resources import SPARE, flow
from allocate.rows import LEADS, Number
from allocate.rules import ConsortiumSize, Contracts, Forbid, Function, FunctionReach, Membership, PeoplePerSite, Rule
from allocate.rules.scopes import parts


def equip(case: Case, rules: Iterable[Rule], layout: Layout) -> Layout:
    """Return the layout with consortia, and with as many functions and contracts at open sites as clauses ask for.

    Where no open site can have a function near those who need it, one opens that is there for nothing else.
    """
    rules = list(rules)
    layout = _grouped(case, rules, layout)
    making = _Making(case, layout, {}, set())
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
    done = replace(making.layout, links=frozenset(making.links))
    contracts = frozenset(_contracts(case, rules, done))
    return replace(done, amounts={**done.amounts, **making.has}, contracts=contracts)


def _grouped(case: Case, rules: Iterable[Rule], layout: Layout) -> Layout:
    """Return the layout with every hub in the consortium of a lead near it: over towns that adjoin, where so asked."""
    leading = case.leading
    if leading is None:
        return layout
    counts = [rule for rule in rules if isinstance(rule, ConsortiumSize) and rule.of == "consortia"]
    least = max([1, *(rule.at_least or 1 for rule in counts)])
    most = min([len(leading.leads), *(rule.at_most for rule in counts if rule.at_most)])
    asks_all = any(isinstance(rule, Membership) for rule in rules)
    leads = sorted(leading.given)
    while len(leads) < len(leading.leads):
        best = min((k for k in leading.leads if k not in leads), key=lambda k: (_far(case, leading, [*leads, k]), k))
        reaches_more = _far(case, leading, [*leads, best])[0] < _far(case, leading, leads)[0]
        if len(leads) >= least and not (asks_all and reaches_more and len(leads) < most):
            break
        leads.append(best)
    lead_of = _divided(leading, leads)
    # (Whoever is chosen and has nobody takes somebody before the others do.)
    lead_of = _divided(leading, leads, _first_of(leading, [k for k in leads if k not in lead_of.values()], leads))
    members = frozenset((j, k, t) for j, k in lead_of.items() for t in case.periods if (j, t) in layout.open)
    led = {(k, t) for _, k, t in members} | {(k, t) for k in leading.given for t in case.periods}
    return replace(layout, members=members, amounts={**layout.amounts, **{(LEADS, k, t): 1 for k, t in led}})


def _far(case: Case, leading: Leading, leads: list[int]) -> tuple[int, int]:
    """Return how many may join none of some leads, and the way of the people of the others [person-seconds]."""
    near = _divided(leading, leads)
    way = sum(leading.pairs[j, k] * case.people_of_hub(j, 0) for j, k in near.items())
    return len(set(leading.joiners) - set(leads)) - len(near), way


def _first_of(leading: Leading, idle: list[int], leads: list[int]) -> dict[int, int]:
    """Return, for each of some leads, the nearest that may join it: at its border, where towns must adjoin."""
    found: dict[int, int] = {}
    for k in idle:
        able = [j for j in leading.members_of(k) if j not in leads and j not in found]
        able = [j for j in able if not leading.plan.contiguous or (k, j) in leading.borders]
        if able:
            found[min(able, key=lambda j: (leading.pairs[j, k], j))] = k
    return found


def _divided(leading: Leading, leads: list[int], begun: Mapping[int, int] | None = None) -> dict[int, int]:
    """Return the lead of each: the nearest, or where towns must adjoin the nearest over members of its consortium.

    Those that are `begun` with have theirs already.
    """
    found = dict(begun or {})
    heap: list[tuple[int, int, int]] = []

    def spread(site: int, k: int) -> None:
        beside = [b for a, b in leading.borders if a == site] if leading.plan.contiguous else leading.members_of(k)
        for j in beside:
            if j not in found and j not in leads and (j, k) in leading.pairs:
                heappush(heap, (leading.pairs[j, k], j, k))

    for k in leads:
        spread(k, k)
    for j, k in list(found.items()) if leading.plan.contiguous else ():
        spread(j, k)
    while heap:
        _, j, k = heappop(heap)
        if j not in found:
            found[j] = k
            if leading.plan.contiguous:
                spread(j, k)
    return found


@dataclass
class _Making:
    """Functions being set up.

    Attributes
    ----------
    has
        What sites have, as amounts.
    links
        Links to centres.
    """

    case: Case
    layout: Layout
    has: dict[tuple[str, int, int], Number]
    links: set[tuple[str, int, int, int]]

    def give(self, name: str, j: int, t: int) -> bool:
        """Tell whether a site can have a function from a year on, and give it, with all that it needs."""
        if self.has.get((name, j, t)):
            return True
        ability = self.case.abilities[name]
        if ability.posted_by or (j, t) not in self.layout.open or self.case.counted_at(name, j) is None:
            return False
        if j in self.case.makers[name]:
            for other, years in ability.needs.items():
                before = self.case.had_for(other, j, years, t)
                if before is not True and (before < 0 or not self.give(other, j, before)):
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
        """Tell whether a site that always has a function can open in a year, within all limits, and open it."""
        case, later = self.case, [u for u in self.case.periods if u >= t]
        if (j, t) in self.layout.open or case.sites[j].exists or not is_always(case, name, j):
            return False
        trial = replace(self.layout, open=self.layout.open | {(j, u) for u in later})
        banned = any(isinstance(rule, Forbid) and case.sites[j].id in rule.sites for rule in rules)
        if banned or not all(limits_hold(case, rules, trial, j, u) for u in later):
            return False
        self.layout = trial
        self._from(name, j, t)
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


def without_unstaffed(case: Case, layout: Layout) -> Layout:
    """Return the layout in which every function has its staff: it begins once it has, and so does what needs it."""
    gone: set[tuple[str, int, int]] = set()
    now = layout
    while fresh := {about for about in _lacking(case, now) if about not in gone}:
        # (What is there stays: what is lacking in a year is left out in the years before, too.)
        gone |= {(name, j, u) for name, j, t in fresh for u in case.periods if u <= t}
        now = replace(
            layout,
            amounts={about: number for about, number in layout.amounts.items() if about not in gone},
            links=frozenset((name, j, k, t) for name, j, k, t in layout.links if (name, j, t) not in gone),
        )
    # (Who is gone with a function may be the staff of another one.)
    return without_unstaffed(case, _with_what_is_brought(case, now)) if gone else layout


def _lacking(case: Case, layout: Layout) -> Iterator[tuple[str, int, int]]:
    """Yield the functions, sites and years without staff, without what is needed before, or without the centre."""
    for name, ability in case.abilities.items():
        for j in case.makers[name] if not ability.posted_by else ():
            for t in case.periods if (name, j) not in case.had else ():
                needed = {other: case.had_for(other, j, years, t) for other, years in ability.needs.items()}
                is_staffed = all(layout.amounts.get((what, j, t), 0) >= n for what, n in ability.staff.items())
                is_after = all(u is True or (u >= 0 and layout.has(other, j, u)) for other, u in needed.items())
                if layout.has(name, j, t) and not (is_staffed and is_after):
                    yield name, j, t
    for name, j, k, t in layout.links:
        if not layout.has(name, k, t):
            yield name, j, t


def _with_what_is_brought(case: Case, layout: Layout) -> Layout:
    """Return the layout with no more of what functions bring than those that are there do, nor of what is made of it.

    Who is over is spare.
    """
    amounts = dict(layout.amounts)

    def lower(what: str, j: int, t: int, most: int) -> None:
        over = int(amounts.get((what, j, t), 0)) - most
        if over <= 0:
            return
        amounts[what, j, t] = most
        if what in case.employed:
            spare = (flow(what, SPARE), case.employer_of[j], t)
            amounts[spare] = amounts.get(spare, 0) + over
        for part, resource in case.resources.items():
            if resource.part_of == what:
                lower(part, j, t, most)
        free = most
        for team, times in case.claims(what, j).items():
            lower(team, j, t, free // times)
            free -= times * int(amounts.get((team, j, t), 0))

    for what in case.brought:
        for j in case.holders(what)[1]:
            for t in case.periods:
                lower(what, j, t, layout.brought(case, what, j, t) or 0)
    return replace(layout, amounts={about: number for about, number in amounts.items() if number})


def _meet(making: _Making, rule: Function, t: int) -> None:
    """Give functions to sites until the rule has enough in a year, or no more can have them."""
    case = making.case
    for members in _together(rule, making, t):
        asked = rule.at_least or 0 if rule.share is None else ceil(rule.asks() * len(members))
        for name in rule.functions:
            missing = asked - sum(bool(making.has.get((name, j, t))) for j in members)
            # (Those that may set it up themselves come first: the others need a centre.)
            for j in sorted(members, key=lambda j: (j not in case.makers[name], j)):
                if missing > 0 and not making.has.get((name, j, t)) and making.give(name, j, t):
                    missing -= 1


def _come_near(making: _Making, rules: list[Rule], rule: FunctionReach, t: int) -> None:
    """Give a function to sites, most people per yuan first, until enough live near one: open sites before new ones.

    That is the greedy way to cover (Chvátal 1979, Mathematics of Operations Research 4(3)).
    """
    case, name, near = making.case, rule.function, rule.near(making.case)
    places_of: dict[int, list[int]] = {}
    for i, sites in enumerate(near):
        for j in sites:
            places_of.setdefault(j, []).append(i)
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


def _together(rule: Function, making: _Making, t: int) -> Iterator[list[int]]:
    """Yield the open sites that a rule counts together: of the district, or of each consortium."""
    there = [j for j in rule.sites(making.case) if (j, t) in making.layout.open]
    if rule.scope == "district":
        yield there
        return
    lead_of = making.layout.lead_of
    for k in sorted({lead for (_, u), lead in lead_of.items() if u == t}):
        yield [j for j in there if lead_of.get((j, t)) == k]


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
