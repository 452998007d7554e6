"""A first layout of postings and visits without a solver: clause by clause, as far as the pools and the teams go."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

from allocate.case import Case
from allocate.decisions.outreach import journeys
from allocate.decisions.posting import home_staff, pairs, receives
from allocate.layout import Layout
from allocate.outreach import DAYS, HALVES
from allocate.postings import MONTHS
from allocate.rules import Posting, Reach, Rounds, Rule

# Tells whether a site can have one more of a resource in a year, and takes it; and how many work there.
Take = Callable[[str, int], bool]
Works = Callable[[str, int], int]


@dataclass
class _Sending:
    """What the pools can still send in a year.

    Attributes
    ----------
    tours, months
        Tours, and months of all its posts together, that each pool has left.
    away
        Months for which staff of a resource at a hospital is away, by (resource, index of the hospital).
    """

    case: Case
    works: Works
    take: Take
    tours: list[int]
    months: list[int]
    away: dict[tuple[str, int], int]

    def send(self, rule: Posting, j: int, sender: str, lead: int | None) -> tuple[int, int] | None:
        """Return the pool with most to spare, and the longest tour, that counts at a site; None without one.

        Where only its lead's count, that is named.
        """
        case = self.case
        able = [
            (p, months)
            for p, months, k in pairs(case)
            if k == j and self.tours[p] and months <= self.months[p] and rule.counts(case, p, months, j, sender)
            if lead is None or case.pools[p].hospital == lead
        ]
        able.sort(key=lambda one: (-one[1], -self.months[one[0]], one[0]))
        # (Of several pools of one hospital all may be short of staff: then one of another is looked for.)
        for p, months in able:
            if self._spare(p, months):
                self.tours[p] -= 1
                self.months[p] -= months
                return p, months
        return None

    def _spare(self, p: int, months: int) -> bool:
        """Tell whether the hospital can do without them: somebody has to be employed who is in no team."""
        mine = [one for one in home_staff(self.case) if p in one.pools]
        for one in mine:
            key = one.resource, one.hospital
            while self.away[key] + months > one.months * one.free(self.case, self.works):
                if not self.take(*key):
                    return False
        for one in mine:
            self.away[one.resource, one.hospital] += months
        return True


def post(case: Case, rules: Iterable[Rule], layout: Layout, t: int, works: Works, take: Take) -> Layout:
    """Return the layout with tours in a year to every site that a clause wants experts at, as far as the pools go.

    The longest tours first: they take the fewest handovers. `works` tells how many of a resource work at a site, and
    `take` gets one more; it tells whether there is one.
    """
    if case.postings is None:
        return layout
    clauses = [rule for rule in rules if isinstance(rule, Posting) and t in rule.when(case)]
    # (Clauses that fewer pools can meet come first, and often meet the others too.)
    sent = [(p, j) for p, inside in enumerate(case.receivers) for j in inside]
    clauses.sort(key=lambda rule: sum(rule.counts(case, p, MONTHS, j) for p, j in sent))
    pools = case.pools
    sending = _Sending(
        case, works, take, [pool.tours for pool in pools], [pool.post_months for pool in pools], defaultdict(int)
    )
    found = layout
    for rule in clauses:
        for _, inside, sender in rule.parts(case):
            able = [j for j in inside if receives(case, layout, j, t)]
            # (A site by itself needs all; of several, one after the other gets one.)
            turn = 0
            while able and rule.posted(case, found, inside, sender, t) < rule.wanted(layout, inside, t):
                j = able[turn % len(able)]
                lead = layout.lead_of.get((j, t), -1) if rule.by_lead(case) else None
                one = sending.send(rule, j, sender, lead)
                if one is None:
                    able.remove(j)
                    continue
                key = (*one, j, t)
                found = replace(found, tours={**found.tours, key: found.tours.get(key, 0) + 1})
                turn += 1
    return found


@dataclass
class _Going:
    """What those who go out do in a year so far.

    Attributes
    ----------
    used
        How many of a resource at a site are out, by (resource, index of the site): whole ones and parts.
    road
        How long those of a way are on the road in a period [s], by (way, index of the site).
    """

    case: Case
    works: Works
    take: Take
    used: dict[tuple[str, int], Fraction]
    road: dict[tuple[str, int], int]

    def go(self, name: str, stop: int, j: int) -> bool:
        """Tell whether a site can visit a village or town once more, and let it; more of its staff may be had."""
        plan = self.case.ways[name].plan
        wanted = {plan.vehicles: Fraction(plan.load, DAYS * HALVES * plan.weeks)} if plan.vehicles else {}
        wanted[plan.resource] = Fraction(plan.load, plan.room)
        road = self.road[name, j] + journeys(self.case, name, stop, j)
        least = {what: self.used[what, j] + part for what, part in wanted.items()}
        if plan.day_minutes is not None:
            least[plan.resource] = max(least[plan.resource], Fraction(road, plan.day_minutes * 60 * DAYS * plan.weeks))
        for what, number in least.items():
            while number > self.works(what, j):
                if not self.take(what, j):
                    return False
        for what, part in wanted.items():
            self.used[what, j] += part
        self.road[name, j] = road
        return True


def visit(case: Case, rules: Iterable[Rule], layout: Layout, t: int, works: Works, take: Take) -> Layout:
    """Return the layout in which whoever should be visited in a year is, as far as those who go can be had.

    The nearest site goes first. `works` and `take` are those of `post`.
    """
    found, seen = set(layout.visits), {(name, stop) for name, stop, u in layout.visited if u == t}
    going = _Going(case, works, take, defaultdict(Fraction), defaultdict(int))
    for rule in rules:
        if t not in rule.when(case):
            continue
        for stop, names in _wanting(case, rule, replace(layout, visits=frozenset(found)), t):
            able = (
                (name, j)
                for name in names
                if (name, stop) not in seen
                for _, j in sorted((case.ways[name].pairs[stop, j], j) for j in case.ways[name].bases_of.get(stop, ()))
                if (j, t) in layout.open and going.go(name, stop, j)
            )
            one = next(able, None)
            if one is not None:
                name, j = one
                found.add((name, stop, j, t))
                seen.add((name, stop))
    return replace(layout, visits=frozenset(found))


def _wanting(case: Case, rule: Rule, layout: Layout, t: int) -> list[tuple[int, list[str]]]:
    """Return the villages or towns that should be visited, and the ways that count, the cheapest first."""

    def cheapest(names: Iterable[str]) -> list[str]:
        return sorted(names, key=lambda name: (case.ways[name].plan.load / case.ways[name].plan.room, name))

    if isinstance(rule, Rounds):
        index = {name: stop for name, stop, _ in rule.stops(case, t)}
        names = cheapest(rule.ways(case))
        return [(index[name], names) for name, lacks in rule.missing(case, layout, t) if lacks]
    if isinstance(rule, Reach) and rule.or_by:
        short = [i for i in range(len(case.places)) if rule.reached(case, layout, (i,), t) < rule.target(case, (i,), t)]
        return [(i, cheapest(rule.ways(case))) for i in short]
    return []
