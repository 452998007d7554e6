"""A first staffing without a solver: what the sites and their people need, then what the clauses ask for."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count
from math import ceil, floor

from allocate.case import Case
from allocate.decisions.functions import follow_postings
from allocate.dispatch import post, visit
from allocate.equip import equip, unstaffed
from allocate.layout import Layout
from allocate.resources import BORROWED, JOINED, LENT, SPARE, flow
from allocate.rows import Number
from allocate.rules import Rate, Ratio, Reserve, Rule, SiteMinimum, Total
from allocate.rules.amounts import held, sites_of
from allocate.rules.ratio import meant
from allocate.rules.reserve import reserved
from allocate.units import exact

# One clause may ask for more of what another one counts: after so many rounds what is missing is left to the solver.
_ROUNDS = 4


@dataclass
class _Year:
    """A year being staffed.

    Attributes
    ----------
    works
        How many of a resource work at a site, by (resource, index of the site).
    there
        How many of a resource an employer has before anybody joins in this year.
    joined
        How many joined an employer, in this year and before.
    left
        How many more may join in this year, by resource; none where nothing limits them.
    """

    case: Case
    layout: Layout
    t: int
    there: dict[tuple[str, int], int]
    joined: dict[tuple[str, int], int]
    left: dict[str, int]
    works: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))

    def add(self, name: str, j: int, number: int) -> int:
        """Put more of a resource at a site, with what each needs; return how many could be put there."""
        return sum(self._add_one(name, j) for _ in range(number))

    def take_one(self, name: str, j: int) -> bool:
        """Tell whether a site can have one more of a resource, and take it."""
        return self.add(name, j, 1) > 0

    def has(self, name: str, j: int) -> int:
        """Return how many of a resource work at a site."""
        return self.works[name, j]

    def _add_one(self, name: str, j: int) -> bool:
        case, resource = self.case, self.case.resources[name]
        if (j, self.t) not in self.layout.open or self.works[name, j] >= self.posts(name, j):
            return False
        if resource.part_of:
            missing = self.works[name, j] + 1 - self.works[resource.part_of, j]
            if missing > 0 and self.add(resource.part_of, j, missing) < missing:
                return False
        for other in self._claimed if resource.needs else ():
            claims = case.claims(other, j)
            if name in claims:
                claimed = claims[name] + sum(times * self.works[team, j] for team, times in claims.items())
                missing = claimed - self.works[other, j]
                if missing > 0 and self.add(other, j, missing) < missing:
                    return False
        if name in case.employed and not self._employ(name, case.employer_of[j]):
            return False
        self.works[name, j] += 1
        return True

    def posts(self, name: str, j: int) -> int:
        """Return the most of a resource that a site may have: of what comes with functions, what those there bring."""
        posts, brought = self.case.posts(name, j), self.layout.brought(self.case, name, j, self.t)
        return posts if brought is None else min(posts, brought)

    @cached_property
    def _claimed(self) -> Sequence[str]:
        """Return the resources that teams are made of; who is part of somebody claimed is claimed too, and first."""
        resources = self.case.resources
        needed = {name for resource in resources.values() for name in resource.needs}
        claimed = needed | {resources[name].part_of for name in needed}
        return sorted((name for name in resources if name in claimed), key=lambda name: not resources[name].part_of)

    def _employ(self, name: str, employer: int) -> bool:
        """Tell whether an employer has one more, or can get one."""
        used = sum(self.works[name, j] for j in self.case.teams_of[employer])
        if used < self.there[name, employer]:
            return True
        if not self.left.get(name, 1):
            return False
        if name in self.left:
            self.left[name] -= 1
        self.joined[name, employer] += 1
        self.there[name, employer] += 1
        return True

    def so_far(self) -> Layout:
        """Return the layout of this year as it is staffed so far."""
        amounts: dict[tuple[str, int, int], Number] = {(name, j, self.t): n for (name, j), n in self.works.items() if n}
        return replace(self.layout, amounts={**self.layout.amounts, **amounts})


def staff(case: Case, rules: Iterable[Rule], layout: Layout) -> Layout:
    """Return the layout with staff at every open site: enough for its people, then for the clauses, as far as it goes.

    Whoever cannot be served by the staff that there is, is not served. A function whose staff cannot be had is not set
    up, nor what needs it.
    """
    rules = list(rules)
    without: frozenset[tuple[str, int, int]] = frozenset()
    for tried in count(1):
        found = _staffed(case, rules, equip(case, rules, layout, without))
        lacking = unstaffed(case, found)
        if lacking <= without:
            break
        without |= lacking
        if tried >= _ROUNDS:
            # (Whoever has not got it by now is not tried any more.)
            without |= {
                (name, j, t)
                for name in {name for name, _, _ in lacking}
                for j in case.makers[name]
                for t in case.periods
                if not found.has(name, j, t)
            }
    return found


def _staffed(case: Case, rules: list[Rule], layout: Layout) -> Layout:
    """Return the layout with staff, where it is said who has which function."""
    amounts: dict[tuple[str, int, int], Number] = dict(layout.amounts)
    joined: dict[tuple[str, int], int] = defaultdict(int)
    for t in case.periods:
        there = {(name, e): case.staying(name, e, t) + joined[name, e] for name in case.employed for e in case.teams_of}
        left = {
            name: per_year * case.intervals[t]
            for name in case.employed
            if (per_year := case.resources[name].per_year) is not None
        }
        year = _Year(case, layout, t, there, joined, left)
        _fill_sites(year, rules)
        layout = visit(case, rules, layout, t, year.has, year.take_one)
        year.layout = layout
        _use_spare(year, rules)
        for _ in range(_ROUNDS):
            changed = [_meet(year, rule, rules) for rule in rules if t in rule.when(case)]
            if not any(changed):
                break
        layout = post(case, rules, layout, t, year.has, year.take_one)
        amounts |= {(name, j, t): n for (name, j), n in year.works.items() if n}
        for name, employer in there:
            used = sum(year.works[name, j] for j in case.teams_of[employer])
            flows = {JOINED: joined[name, employer], SPARE: there[name, employer] - used}
            amounts |= {(flow(name, which), employer, t): n for which, n in flows.items() if n}
    _hold_back(case, rules, layout, amounts)
    return _without_those_left_out(case, follow_postings(case, replace(layout, amounts=amounts)))


def employ_spare(case: Case, rules: Iterable[Rule], layout: Layout) -> Layout:
    """Return the layout in which whoever is employed without a post works where a post is free: it costs nothing.

    At the employer itself first, then at its other open sites; never beyond what a clause allows at most.
    """
    rules = list(rules)
    amounts = _sent_back(case, layout)
    # (Whoever is part of another resource comes after it.)
    for name in sorted(case.employed, key=lambda name: (bool(case.resources[name].part_of), name)):
        whole = case.resources[name].part_of
        for t in case.periods:
            ceilings = [
                *_ceilings(case, rules, name, t),
                *_owed(case, rules, name, replace(layout, amounts=amounts), t),
            ]
            for employer, team in case.teams_of.items():
                spare = (flow(name, SPARE), employer, t)
                for j in sorted(team, key=lambda j: (j != employer, j)):
                    free = case.posts(name, j) if (j, t) in layout.open else 0
                    if whole:
                        free = min(free, int(amounts.get((whole, j, t), 0)))
                    brought = layout.brought(case, name, j, t)
                    if brought is not None:
                        free = min(free, brought)
                    rooms = [
                        most - sum(int(amounts.get((name, k, t), 0)) for k in inside)
                        for inside, most in ceilings
                        if j in inside
                    ]
                    here = int(amounts.get((name, j, t), 0))
                    moved = max(0, min([int(amounts.get(spare, 0)), free - here, *rooms]))
                    if moved:
                        amounts[name, j, t] = here + moved
                        amounts[spare] = amounts[spare] - moved
    _hold_back(case, rules, layout, amounts)
    return replace(layout, amounts={about: number for about, number in amounts.items() if number})


def _sent_back(case: Case, layout: Layout) -> dict[tuple[str, int, int], Number]:
    """Return what a layout has where nobody is lent to an employer that has no post for them."""
    amounts = dict(layout.amounts)
    # Of a part no more may be lent than of its whole, so parts go back first.
    for name in sorted(case.employed, key=lambda name: (not case.resources[name].part_of, name)):
        parts = [part for part in case.employed if case.resources[part].part_of == name]
        for t in case.periods:

            def of(which: str, employer: int, what: str = name, t: int = t) -> int:
                return int(amounts.get((flow(what, which), employer, t), 0))

            def free(which: str, employer: int, parts: list[str] = parts) -> int:
                kept = max((of(which, employer, part) for part in parts), default=0)
                return max(0, of(which, employer) - kept)

            idle = {e: min(of(SPARE, e), free(BORROWED, e)) for e in case.teams_of}
            able = {e: free(LENT, e) for e in case.teams_of}
            back = min(sum(idle.values()), sum(able.values()))
            for which, numbers in ((BORROWED, idle), (LENT, able)):
                left = back
                for employer, most in numbers.items():
                    moved = min(left, most)
                    left -= moved
                    if moved:
                        here, spare = (flow(name, which), employer, t), (flow(name, SPARE), employer, t)
                        amounts[here] -= moved
                        amounts[spare] = amounts.get(spare, 0) + (moved if which == LENT else -moved)
    return amounts


def _fill_sites(year: _Year, rules: Iterable[Rule]) -> None:
    """Give every open site the staff that its people need, then what every site of its kind should have."""
    case = year.case
    for j, site in enumerate(case.sites):
        load = year.layout.load.get((j, year.t), 0)
        for name, people in site.per_staff:
            year.add(name, j, max(0, -(-load // people) - year.works[name, j]))
    for name in case.abilities:
        for j in case.makers[name]:
            if year.layout.has(name, j, year.t):
                for what, number in case.staff_for(name, j).items():
                    year.add(what, j, max(0, number - year.works[what, j]))
    for rule in rules:
        if isinstance(rule, SiteMinimum) and year.t in rule.when(case):
            counted, holders = case.holders(rule.resource)
            for j in holders:
                if case.sites[j].kind in rule.kinds:
                    year.add(counted, j, max(0, ceil(rule.at_least) - year.works[counted, j]))


def _hold_back(case: Case, rules: Iterable[Rule], layout: Layout, amounts: dict[tuple[str, int, int], Number]) -> None:
    """Set aside at every site the share of what it has that a clause asks for, and no more: it costs nothing.

    Where a site cannot set aside its share, others set aside more, as far as all together miss what a clause asks for.
    """
    wanted: dict[tuple[str, int], dict[int, tuple[int, int]]] = {}
    for rule in rules:
        if not isinstance(rule, Reserve):
            continue
        for t in rule.when(case):
            for what in rule.of:
                part = reserved(what)
                parts = wanted.setdefault((part, t), {})
                for j in sites_of(case, rule.kinds):
                    whole = int(amounts.get((case.counted_at(what, j) or what, j, t), 0))
                    most = min(whole, layout.posts(case, part, j, t) if part in case.resources else 0)
                    asked = max(ceil(exact(rule.share) * whole), parts.get(j, (0, 0))[0])
                    parts[j] = asked, most
    for (part, t), parts in wanted.items():
        can_all = all(asked <= most for asked, most in parts.values())
        for j, (asked, most) in parts.items():
            here = int(amounts.get((part, j, t), 0))
            amounts[part, j, t] = asked if can_all else max(here, min(asked, most))
    for rule in rules:
        if isinstance(rule, Reserve):
            _hold_more(case, rule, amounts, wanted)


def _hold_more(
    case: Case,
    rule: Reserve,
    amounts: dict[tuple[str, int, int], Number],
    wanted: Mapping[tuple[str, int], Mapping[int, tuple[int, int]]],
) -> None:
    """Set aside what all sites together still miss; `wanted` says how much each can, by resource, year and site."""
    for t in rule.when(case):
        for what in rule.of:
            part, sites = reserved(what), sites_of(case, rule.kinds)
            whole = sum(int(amounts.get((case.counted_at(what, j) or what, j, t), 0)) for j in sites)
            missing = ceil(exact(rule.share) * whole) - sum(int(amounts.get((part, j, t), 0)) for j in sites)
            for j in sites:
                here, most = int(amounts.get((part, j, t), 0)), wanted[part, t][j][1]
                more = max(0, min(missing, most - here))
                amounts[part, j, t] = here + more
                missing -= more


def _use_spare(year: _Year, rules: Iterable[Rule]) -> None:
    """Put to work those who are employed anyway: at the employer itself, then at its other sites."""
    ceilings = {name: list(_ceilings(year.case, rules, name, year.t)) for name in year.case.employed}
    for (name, employer), number in sorted(year.there.items()):
        for j in sorted(year.case.teams_of[employer], key=lambda j: (j != employer, j)):
            idle = number - sum(year.works[name, k] for k in year.case.teams_of[employer])
            if idle <= 0:
                break
            rooms = [most - sum(year.works[name, k] for k in inside) for inside, most in ceilings[name] if j in inside]
            year.add(name, j, max(0, min([idle, *rooms])))


def _meet(year: _Year, rule: Rule, rules: Iterable[Rule]) -> bool:
    """Add what a clause misses, one by one where people have least of it; tell whether anything was added."""
    if not isinstance(rule, Rate | Total | Ratio):
        return False
    case, added = year.case, False
    for breach in rule.breaches(case, year.so_far()):
        # (The other years are not staffed yet, or done.)
        if breach.about[-1] == "most" or case.years[year.t] not in breach.about:
            continue
        counted, holders = case.holders(rule.resource)
        town = breach.about[0] if isinstance(rule, Rate) and rule.scope == "town" else None
        able = [j for j in holders if town in (None, case.sites[j].town)]
        for j in _one_by_one(
            year, counted, able, ceil(breach.shortfall), list(_ceilings(case, rules, counted, year.t))
        ):
            added = year.add(counted, j, 1) > 0 or added
    return added


def _ceilings(case: Case, rules: Iterable[Rule], name: str, t: int) -> Iterator[tuple[frozenset[int], int]]:
    """Yield sites that should have no more than so many of a resource together."""
    for rule in rules:
        if not isinstance(rule, Rate | Total) or t not in rule.when(case):
            continue
        counted, holders = case.holders(rule.resource)
        if counted == name and isinstance(rule, Total) and rule.at_most is not None:
            yield frozenset(holders), int(rule.at_most)
        elif counted == name and isinstance(rule, Rate):
            for _, sites, _, _, most in rule.limits(case, t):
                if most is not None:
                    yield frozenset(holders) & frozenset(sites), most


def _owed(case: Case, rules: Iterable[Rule], name: str, layout: Layout, t: int) -> Iterator[tuple[frozenset[int], int]]:
    """Yield sites that should have no more than so many of a resource, or too few of another would come to each.

    Or too few could be held back of it: nobody knows yet where those without a post will work, so that each employer
    may have all of them.
    """
    for rule in rules:
        if isinstance(rule, Reserve) and t in rule.when(case):
            yield from _holdable(case, rule, name, layout, t)
        if isinstance(rule, Ratio) and t in rule.when(case):
            counted, holders = case.holders(rule.to)
            if counted == name:
                yield frozenset(holders), floor(held(case, layout, rule.resource, t) / meant(rule.at_least))


def _holdable(case: Case, rule: Reserve, name: str, layout: Layout, t: int) -> Iterator[tuple[frozenset[int], int]]:
    """Yield sites that should have no more than so many of a resource, or too few of it could be held back."""
    for what in rule.of:
        counted, holders = case.holders(what)
        if counted != name or reserved(what) not in case.resources:
            continue
        sites, able = frozenset(holders).intersection(sites_of(case, rule.kinds)), 0
        for j in sites:
            idle = layout.amounts.get((flow(name, SPARE), case.employer_of[j], t), 0)
            there = int(layout.amounts.get((name, j, t), 0) + idle)
            able += min(there, layout.posts(case, reserved(what), j, t))
        yield sites, floor(able / exact(rule.share))


def _one_by_one(
    year: _Year, name: str, sites: Iterable[int], number: int, ceilings: Iterable[tuple[frozenset[int], int]]
) -> Iterator[int]:
    """Yield the sites that should have one more, always the one with most of its posts free."""
    able = [j for j in sites if (j, year.t) in year.layout.open]
    for _ in range(number):
        able = [j for j in able if year.works[name, j] < year.posts(name, j)]
        full = [inside for inside, most in ceilings if sum(year.works[name, j] for j in inside) >= most]
        able = [j for j in able if not any(j in inside for inside in full)]
        if not able:
            return
        best = min(able, key=lambda j: (year.works[name, j] / year.posts(name, j), j))
        before = year.works[name, best]
        yield best
        if year.works[name, best] == before:
            able.remove(best)


def _without_those_left_out(case: Case, layout: Layout) -> Layout:
    """Return the layout in which no site serves more people than its staff can; the farthest are left out first."""
    serve = dict(layout.serve)
    for (j, t), load in sorted(layout.load.items()):
        room = layout.room(case, j, t)
        excess = 0 if room is None else load - room
        if excess <= 0:
            continue
        for i in sorted(case.places_of[j], key=lambda i: (-case.seconds[i, j], i)):
            gone = min(excess, serve.get((i, j, t), 0))
            if gone:
                serve[i, j, t] -= gone
                excess -= gone
    return replace(layout, serve={key: people for key, people in serve.items() if people})
