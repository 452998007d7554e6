"""A first layout of postings and visits without a solver: clause by clause, as far as the pools and the teams go."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace

from allocate.case import Case
from allocate.layout import Layout
from allocate.postings import MONTHS
from allocate.rules import Posting, Reach, Rounds, Rule

# Tells whether a site can have one more of a resource in a year, and takes it.
Take = Callable[[str, int], bool]


def post(case: Case, rules: Iterable[Rule], layout: Layout) -> Layout:
    """Return the layout with tours to every site that a clause wants experts at, from the first pools that have some.

    The longest tours first: they take the fewest handovers.
    """
    if case.postings is None:
        return layout
    clauses = [rule for rule in rules if isinstance(rule, Posting)]
    # (Clauses that fewer pools can meet come first, and often meet the others too.)
    sent = [(p, j) for p, inside in enumerate(case.receivers) for j in inside]
    clauses.sort(key=lambda rule: sum(rule.counts(case, p, MONTHS, j) for p, j in sent))
    found = layout
    for t in case.periods:
        left = [pool.tours for pool in case.pools]
        free = [pool.post_months for pool in case.pools]
        for rule in clauses:
            for _, inside, sender in rule.parts(case) if t in rule.when(case) else ():
                able = [j for j in inside if (j, t) in layout.open]
                missing = rule.wanted(layout, inside, t) - rule.posted(case, found, inside, sender, t)
                tours = dict(found.tours)
                for n in range(int(missing * MONTHS)):
                    # (A site by itself needs all; of several, one after the other gets one.)
                    one = _one_tour(case, rule, able[n % len(able)], sender, left, free) if able else None
                    if missing <= 0 or one is None:
                        break
                    p, months, j = one
                    tours[p, months, j, t] = tours.get((p, months, j, t), 0) + 1
                    left[p] -= 1
                    free[p] -= months
                    found = replace(found, tours=tours)
                    missing = rule.wanted(layout, inside, t) - rule.posted(case, found, inside, sender, t)
    return found


def _one_tour(
    case: Case, rule: Posting, j: int, sender: str, left: list[int], free: list[int]
) -> tuple[int, int, int] | None:
    """Return the pool with most to spare, and the longest tour, that counts at a site."""
    lengths = case.postings.months if case.postings else ()
    able = [
        (months, free[p], -p)
        for p in range(len(case.pools))
        for months in lengths
        if left[p] and months <= free[p] and j in case.receivers[p] and rule.counts(case, p, months, j, sender)
    ]
    if not able:
        return None
    months, _, p = max(able)
    return -p, months, j


def visit(case: Case, rules: Iterable[Rule], layout: Layout, t: int, take: Take) -> Layout:
    """Return the layout in which whoever should be visited in a year is, as far as those who go can be had.

    `take` gets one more of a resource at a site; it tells whether there is one.
    """
    found = set(layout.visits)
    loads: dict[tuple[str, int], int] = defaultdict(int)
    rooms: dict[tuple[str, int], int] = defaultdict(int)
    for rule in rules:
        if t not in rule.when(case):
            continue
        for stop, names in _wanting(case, rule, replace(layout, visits=frozenset(found)), t):
            for name in names:
                way = case.ways[name]
                bases = [j for j in way.bases_of.get(stop, ()) if (j, t) in layout.open]
                done = False
                for j in sorted(bases, key=lambda j: (way.pairs[stop, j], j)):
                    key = name, j
                    while loads[key] + way.plan.load > rooms[key] and take(way.plan.resource, j):
                        rooms[key] += way.plan.room
                    if loads[key] + way.plan.load <= rooms[key]:
                        loads[key] += way.plan.load
                        found.add((name, stop, j, t))
                        done = True
                        break
                if done:
                    break
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
        return [(i, cheapest(name for name in rule.or_by if name in case.ways)) for i in short]
    return []
