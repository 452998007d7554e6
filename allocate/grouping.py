"""First consortia without a solver: for every hub the nearest lead, then for each lead as many as clauses ask for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from heapq import heappop, heappush

from allocate.case import Case
from allocate.consortia import Leading
from allocate.layout import Layout
from allocate.rows import LEADS, Number
from allocate.rules import ConsortiumSize, Membership, Rule

Groups = Mapping[int, int]


def grouped(case: Case, rules: Iterable[Rule], layout: Layout) -> Layout:
    """Return the layout with every hub in the consortium of a lead near it: over towns that adjoin, where so asked.

    Who is linked today to a centre of its consortium at a hospital that may lead stays with it, where towns allow it.
    """
    leading = case.leading
    if leading is None:
        return layout
    rules = list(rules)
    sizes = [rule for rule in rules if isinstance(rule, ConsortiumSize)]
    wanted = max([1, *(rule.at_least or 1 for rule in sizes if rule.of == "consortia")])
    linked = _linked(case, leading)
    leads = sorted({*leading.given, *linked.values()})
    most = min([len(leading.leads), *(rule.at_most for rule in sizes if rule.of == "consortia" and rule.at_most)])
    asks_all = any(isinstance(rule, Membership) for rule in rules)
    while len(leads) < len(leading.leads):
        rest = [k for k in leading.leads if k not in leads]
        best = min(rest, key=lambda k: (_far(case, leading, [*leads, k]), k))
        reaches_more = _far(case, leading, [*leads, best])[0] < _far(case, leading, leads)[0]
        if len(leads) >= wanted and not (asks_all and reaches_more and len(leads) < most):
            break
        leads.append(best)
    nearest = _over_towns(leading, leads) if leading.plan.contiguous else _nearest(leading, leads)
    found: Groups = {j: k for j, k in nearest.items() if j not in leads}
    held: dict[int, int] = {}
    for j, k in linked.items():
        # (Not where it, or who is reached over it, would be cut off: then the link stays, and the consortium does not.)
        trial = {**found, j: k}
        if j not in leads and _holds(leading, trial, (k, found.get(j, k))):
            found, held[j] = trial, k
    found = _shared(case, leading, [rule for rule in sizes if rule.of != "consortia"], leads, found, held=held)
    members = frozenset((j, k, t) for j, k in found.items() for t in case.periods if (j, t) in layout.open)
    led: dict[tuple[str, int, int], Number] = {(LEADS, k, t): 1 for _, k, t in members}
    led |= {(LEADS, k, t): 1 for k in leading.given for t in case.periods}
    return replace(layout, members=members, amounts={**layout.amounts, **led})


def _linked(case: Case, leading: Leading) -> Groups:
    """Return the hospitals to which hubs are linked today as to the centre of their consortium, and that may lead."""
    return {
        j: k
        for (name, j), k in sorted(case.had.items())
        if case.abilities[name].within == "consortium" and (j, k) in leading.pairs
    }


def _shared(
    case: Case,
    leading: Leading,
    sizes: Sequence[ConsortiumSize],
    leads: Sequence[int],
    found: Groups,
    *,
    held: Groups,
) -> Groups:
    """Return the leads of hubs where one after the other goes to another lead, as long as less is missing for it.

    Those that are `held` stay.

    What is missing is a member of a lead that is not given, or people or members that a clause asks for. Of the hubs
    that help most, the one goes whose people have the least way more.
    """

    def lacks(groups: Groups, k: int) -> Fraction:
        members = [j for j, lead in groups.items() if lead == k]
        if not members and k not in leading.given:
            # (More than clauses on sizes weigh, as a rule.)
            return Fraction(1 + len(sizes) * len(case.periods))
        return sum((_missing(case, rule, members) for rule in sizes), Fraction(0))

    while True:
        best: tuple[Fraction, int, int, int] | None = None
        missing = {k: lacks(found, k) for k in leads}
        for (j, k), seconds in sorted(leading.pairs.items()) if any(missing.values()) else ():
            here = found.get(j)
            if here is None or k not in missing or k == here or j in held:
                continue
            trial = {**found, j: k}
            gain = lacks(trial, here) + lacks(trial, k) - missing[here] - missing[k]
            way = (seconds - leading.pairs[j, here]) * case.people_of_hub(j, 0)
            if gain < 0 and (best is None or (gain, way, j, k) < best) and _holds(leading, trial, (here, k)):
                best = gain, way, j, k
        if best is None:
            return found
        found = {**found, best[2]: best[3]}


def _missing(case: Case, rule: ConsortiumSize, members: Sequence[int]) -> Fraction:
    """Return by how much a consortium of some members misses a clause on its size, as a share of what is asked."""
    missing = Fraction(0)
    for t in rule.when(case):
        size = sum(case.people_of_hub(j, t) for j in members) if rule.of == "people" else len(members)
        missing += Fraction(max(0, (rule.at_least or 0) - size), rule.at_least or 1)
        missing += Fraction(max(0, size - rule.at_most), rule.at_most) if rule.at_most else 0
    return missing


def _holds(leading: Leading, groups: Groups, leads: Sequence[int]) -> bool:
    """Tell whether the members of some leads are linked to them over each other's towns, where that is asked."""
    if not leading.plan.contiguous:
        return True
    inside = {k: frozenset(j for j, lead in groups.items() if lead == k) for k in leads}
    return all(leading.linked(k, members) == members for k, members in inside.items())


def _far(case: Case, leading: Leading, leads: list[int]) -> tuple[int, int]:
    """Return how many may join none of some leads, and the way of the people of the others [person-seconds]."""
    near = _nearest(leading, leads)
    way = sum(leading.pairs[j, k] * case.people_of_hub(j, 0) for j, k in near.items())
    return len(set(leading.joiners) - set(leads)) - len(near), way


def _nearest(leading: Leading, leads: list[int]) -> dict[int, int]:
    able = {j: [k for k in leading.leads_of(j) if k in leads] for j in leading.joiners if j not in leads}
    return {j: lead[0] for j, lead in able.items() if lead}


def _over_towns(leading: Leading, leads: list[int]) -> dict[int, int]:
    """Return the lead of each, reached over members of the same consortium whose towns adjoin: the nearest first."""
    found: dict[int, int] = {}
    heap = [(0, k, k) for k in leads]
    while heap:
        _, j, k = heappop(heap)
        if j in found and j != k:
            continue
        if j != k:
            found[j] = k
        for a, b in leading.borders:
            if a == j and b not in found and b not in leads and (b, k) in leading.pairs:
                heappush(heap, (leading.pairs[b, k], b, k))
    return found
