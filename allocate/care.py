"""Build, share, post or visit: how every village is served, why, and what the next best choice would have cost."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from typing import Any

from allocate.case import Case, Going
from allocate.changes import AsPlanned, Change
from allocate.district import District
from allocate.layout import Layout
from allocate.model import Model
from allocate.outreach import Way
from allocate.reliance import price_bases
from allocate.resources import JOINED, flow
from allocate.rows import Number, amount, opened, serves, visits
from allocate.units import Basis, minutes, weakest

# How a village is served: by a site of its own, by one elsewhere in reach, by staff posted there, by rounds; or not,
# for want of room or because nothing is near.
HOWS = ("own", "neighbour", "posted", "rounds", "no_capacity", "none")
_AT_SITES, _NOT_SERVED = ("own", "neighbour"), ("no_capacity", "none")


@dataclass(frozen=True)
class Care:
    """How most people of a place are served in a year.

    Attributes
    ----------
    how
        One of `HOWS`.
    by
        Index of the site that serves them, or that sends; -1 where nobody does.
    """

    how: str
    by: int = -1


@dataclass(frozen=True)
class Choice:
    """Another way to serve a place from a year on, as one change to the plan."""

    care: Care
    change: Change

    @cached_property
    def cost(self) -> int:
        """Return what the whole plan costs more with it [yuan]."""
        return self.change.cost()


def visited_how(case: Case, layout: Layout, i: int, t: int) -> str | None:
    """Return how a village is served whose people go to no site: by staff posted there, by rounds, or not at all."""
    found = {_sort(way) for _, way, _ in _visits(case, layout, i, t)}
    return next((how for how in ("posted", "rounds") if how in found), None)


def unserved(case: Case, layout: Layout, i: int, t: int) -> dict[str, int]:
    """Return the people of a place whom no site serves in a year, by how they fare [persons].

    All are visited in the same way; or else those who have no way to travel to an open site are out of range, and for
    the others there is no capacity.
    """
    people = int(case.people[i, t])
    left = people - layout.served.get((i, t), 0)
    how = visited_how(case, layout, i, t)
    if how is not None:
        return {how: left}
    near = case.able_to_go(i, t, (j for j in case.sites_of[i] if (j, t) in layout.open))
    beyond = min(left, people - near) if near < people else 0
    return {"no_capacity": left - beyond, "out_of_range": beyond}


def care_of(case: Case, layout: Layout, i: int, t: int) -> Care:
    """Return how most people of a place are served in a year.

    Those whom no site serves are visited, or left out, all alike. Of two ways that serve as many, the first of `HOWS`
    is meant, and of two sites the one whose id comes first. Where nobody lives, it is what would serve them.
    """
    near = [j for j in case.sites_of[i] if (j, t) in layout.open]
    flows = {j: people for j in case.sites_of[i] if (people := layout.serve.get((i, j, t), 0)) > 0}
    rest = max(0, int(case.people[i, t]) - sum(flows.values()))
    if not case.people[i, t]:
        flows, rest = ({near[0]: 1}, 0) if near else ({}, 1)
    sums = dict.fromkeys(HOWS, 0)
    for j, number in flows.items():
        sums[_at(case, i, j)] += number
    how = visited_how(case, layout, i, t)
    if how is None and case.people[i, t]:
        beyond = min(rest, int(case.people[i, t]) - case.able_to_go(i, t, near))
        sums["no_capacity"], sums["none"] = rest - beyond, beyond
    else:
        sums[how or ("no_capacity" if near else "none")] = rest
    how = max(HOWS, key=lambda how: (sums[how], -HOWS.index(how)))
    if how in _AT_SITES:
        at = [j for j in flows if _at(case, i, j) == how]
        return Care(how, min(at, key=lambda j: (-flows[j], case.sites[j].id)))
    if how in _NOT_SERVED:
        return Care(how)
    return Care(how, next(j for _, way, j in _visits(case, layout, i, t) if _sort(way) == how))


def _at(case: Case, i: int, j: int) -> str:
    return "own" if case.sites[j].place == i else "neighbour"


def _sort(way: Way) -> str:
    return "posted" if way.plan.is_post else "rounds"


def _visits(case: Case, layout: Layout, i: int, t: int) -> Iterator[tuple[str, Way, int]]:
    """Yield the ways in which a village is visited in a year, and from where."""
    for name, way in case.ways.items():
        if way.plan.to == "village" and (name, i, t) in layout.visited:
            yield name, way, layout.visited[name, i, t]


class Choices:
    """What else could be done for every place: the plan as it is, with one change.

    A change holds from its year to the end of the plan. The rest is not planned anew, so what it costs more is the most
    that this choice would have cost. The new way serves more than half of the people; whoever finds no room
    stays where the plan has them. Whoever is spare is used first; where more staff, a team or a vehicle is needed, it
    joins. What the present way needed is given up as far as that saves money and no clause is missed for it: a site
    that serves others stays, and so does whoever is paid anyway. No choice is shown with which a clause on who is cared
    for, or on where sites may stand, is missed by more than now; that money or staff would not do is what its cost
    says, and clauses on these are not looked at. What a site can do goes with it; one that stays open after all keeps
    what it has today, one that opens has nothing more, and clauses on that are not looked at either. The weekdays of
    more visits are not worked out.
    """

    def __init__(self, plan: AsPlanned) -> None:
        case, layout = plan.case, plan.layout
        self.plan, self.case, self.layout = plan, case, layout
        self.as_it_is = Change(plan)
        self.now = [[care_of(case, layout, i, t) for t in case.periods] for i in range(len(case.places))]
        # (Of the sites in reach of a place, few serve it.)
        self.serving = [
            [[j for j in sites if layout.serve.get((i, j, t), 0)] for t in case.periods]
            for i, sites in enumerate(case.sites_of)
        ]
        # (What is made of others comes before them.)
        self.names = tuple(TopologicalSorter(plan.made_of).static_order())[::-1]
        # (Whom a hospital sends away is part of its staff; where experts are received, a site is needed.)
        self.sending = frozenset(pool.hospital for pool in case.pools)
        self.received = frozenset((j, t) for (_, _, j, t), number in layout.tours.items() if number)

    def clause(self, names: Sequence[str]) -> dict[str, str]:
        """Return the first of some rules by its clause, or by its name where it has none."""
        return {"clause": self.plan.rules[names[0]].clause or names[0]}

    def of(self, i: int, t: int) -> list[Choice]:
        """Return the other choices that a place has from a year on, the cheapest first."""
        if not self.case.people[i, t]:
            return []
        found = []
        for care, way, change in self._made(i, t):
            if change.can_be:
                change.settle()
            if not change.can_be:
                continue
            missed = change.misses()
            if self.plan.on_access.isdisjoint(missed):
                found.append(Choice(care, self._saved(change, missed, i, t, way)))
        return sorted(found, key=self._order)

    def _order(self, choice: Choice) -> tuple[int, int, str]:
        by = choice.care.by
        return choice.cost, HOWS.index(choice.care.how), self.case.sites[by].id if by >= 0 else ""

    def _made(self, i: int, t: int) -> Iterator[tuple[Care, str, Change]]:
        """Yield how else it could be served, in which way of outreach, and the change: some cannot be."""
        case, now = self.case, self.now[i][t].how
        for j in case.sites_of[i]:
            how, change = _at(case, i, j), Change(self.plan)
            if how == now:
                continue
            if how == "own":
                change.open(j, range(t, len(case.years)))
            if change.can_be and self._send(change, i, j, t):
                yield Care(how, j), "", change
        for name, way in case.ways.items():
            for j in way.bases_of.get(i, ()) if way.plan.to == "village" and _sort(way) != now else ():
                change = self.left_alone(i, t, keep=name, base=j)
                if self._visit(change, name, i, j, t):
                    yield Care(_sort(way), j), name, change
        if now not in _NOT_SERVED:
            yield Care("none"), "", self.left_alone(i, t)

    def left_alone(self, i: int, t: int, keep: str = "", base: int = -1) -> Change:
        """Return the change in which a place is no longer served from a year on, except in one way of outreach.

        Where staff is posted, rounds stay until it is seen whether a clause asks for them as well.
        """
        case, change = self.case, Change(self.plan)
        posts = bool(keep) and case.ways[keep].plan.is_post
        for u in range(t, len(case.years)):
            if self.now[i][u].how in _AT_SITES:
                for j in self.serving[i][u]:
                    change.send(i, j, u, -change.of(serves(i, j, u)))
            for name, _, j in _visits(case, self.layout, i, u):
                if (name, j) != (keep, base) and (name == keep or not posts):
                    change.visit(name, i, j, u, -1)
        return change

    def _send(self, change: Change, i: int, j: int, t: int) -> bool:
        """Tell whether a site can serve most people of a place from a year on, and let it."""
        case = self.case
        for u in range(t, len(case.years)):
            people, there = int(case.people[i, u]), change.of(serves(i, j, u))
            room = change.room(j, u)
            going = Going(case, i, u)
            number = min(going.most(j), people if room is None else there + max(0, room))
            if people and (2 * number <= people or not change.of(opened(j, u))):
                return False
            going.take(j, number)
            for k in self.serving[i][u]:
                if k != j:
                    kept = min(going.most(k), change.of(serves(i, k, u)))
                    going.take(k, kept)
                    change.send(i, k, u, kept - change.of(serves(i, k, u)))
            change.send(i, j, u, number - there)
            for name, _ in case.sites[j].per_staff:
                change.staff(name, j, u)
        return change.can_be

    def _visit(self, change: Change, name: str, i: int, j: int, t: int) -> bool:
        """Tell whether a site can visit a village from a year on, and let it."""
        plan = self.case.ways[name].plan
        for u in range(t, len(self.case.years)):
            if not self.case.people[i, u] or change.of(visits(name, i, j, u)):
                continue
            if not change.of(opened(j, u)):
                return False
            change.visit(name, i, j, u, 1)
            for what in (plan.resource, plan.vehicles):
                if what:
                    change.staff(what, j, u)
        return change.can_be

    def _saved(self, change: Change, missed: Mapping[str, Number], i: int, t: int, way: str) -> Change:
        """Return the change without what only the present way needed, as far as no clause is missed for it.

        `missed` is by how much more than in the plan each clause is missed with the change as it is.
        """
        case, years = self.case, range(t, len(self.case.years))
        best = change
        for name, base in sorted({(name, j) for u in years for name, _, j in _visits(case, self.layout, i, u)}):
            trial = best.tried()
            for u in years if name != way else ():
                if trial.of(visits(name, i, base, u)):
                    trial.visit(name, i, base, u, -1)
            best = self._better(trial, best, missed)
        left = sorted({int(key[2]) for key, more in best.by.items() if key[0] == "serve" and more < 0})
        for j in left:
            idle = [u for u in years if best.by.get(serves(i, j, u), 0) < 0 and self._is_idle(best, j, u)]
            if idle:
                trial = best.tried()
                trial.close(j, idle)
                best = self._better(trial, best, missed)
        bases = sorted({int(key[3]) for key, more in best.by.items() if key[0] == "visit" and more < 0})
        for j in dict.fromkeys((*left, *bases)):
            for name in self._saveable(j):
                fewer = {u: number for u in years if (number := self._fewer(best, name, j, u)) > 0}
                if not fewer:
                    continue
                trial = best.tried()
                for u, number in fewer.items():
                    here = amount(name, j, u)
                    trial.put(here, max(trial.least(name, j, u), trial.of(here) - number))
                best = self._better(trial, best, missed)
        return best

    def _better(self, trial: Change, best: Change, missed: Mapping[str, Number]) -> Change:
        """Return what was tried, where it can be, costs no more, and no clause is missed by more than without it."""
        if not trial.can_be or trial.by == best.by:
            return best
        trial.settle()
        if not trial.can_be or trial.cost() > best.cost():
            return best
        return trial if all(more <= missed.get(rule, 0) for rule, more in trial.misses().items()) else best

    def _is_idle(self, change: Change, j: int, t: int) -> bool:
        """Tell whether a site that is open serves and visits nobody and has no expert."""
        if not change.of(opened(j, t)) or (j, t) in self.received:
            return False
        return not change.serves_any(j, t)

    def _saveable(self, j: int) -> tuple[str, ...]:
        """Return the resources of a site that it may give up, what is made of others before them."""
        return () if j in self.sending else self._held_by[self.case.sites[j].kind]

    @cached_property
    def _held_by(self) -> Mapping[str, tuple[str, ...]]:
        """Return the resources that are counted at each kind of site."""
        resources, kinds = self.case.resources, {site.kind for site in self.case.sites}
        return {
            kind: tuple(name for name in self.names if not resources[name].sum_of and kind in resources[name].at)
            for kind in kinds
        }

    @cached_property
    def _least_now(self) -> dict[tuple[str, int, int], int]:
        return {}

    def least_now(self, name: str, j: int, t: int) -> int:
        """Return the fewest of a resource that a site must have in the plan as it is."""
        key = name, j, t
        if key not in self._least_now:
            self._least_now[key] = self.as_it_is.least(name, j, t)
        return self._least_now[key]

    def _fewer(self, change: Change, name: str, j: int, t: int) -> int:
        """Return how many of a resource a site needs less than in the plan; of the employed, only those who joined."""
        if not change.of(opened(j, t)):
            return 0
        if name not in self.plan.employed:
            return self.least_now(name, j, t) - change.least(name, j, t)
        joined = change.of(amount(flow(name, JOINED), self.case.employer_of[j], t))
        # (Hardly anybody joins: then there is nothing to work out.)
        return joined and min(joined, self.least_now(name, j, t) - change.least(name, j, t))


def care(district: District, model: Model, planned: AsPlanned) -> list[dict[str, Any]]:
    """Return how every place is served in every year, why, and what the next best choice would have cost.

    `details` fill in the sentence `why`. `next_cost` is what the whole plan would cost more [yuan] with
    this one change, from the row's year to the end, and all else held; below 0, it would cost less.
    """
    case, choices = planned.case, Choices(planned)
    prices = weakest((*price_bases(model), *(one.basis for one in model.outreach.values())))
    rows = []
    for t, year in enumerate(case.years):
        for i, place in enumerate(district.places):
            now, others = choices.now[i][t], choices.of(i, t)
            following = others[0] if others else None
            why, details = _why(choices, i, t, following)
            rows.append(
                {
                    "id": place.id,
                    "year": year,
                    "how": now.how,
                    "by": _id(case, now),
                    "why": why,
                    "details": details,
                    "next": following.care.how if following else None,
                    "next_by": _id(case, following.care) if following else None,
                    "next_cost": following.cost if following else None,
                    "basis": str(weakest((place.position_basis or Basis.ASSUMED, prices))),
                }
            )
    return rows


def _id(case: Case, one: Care) -> str | None:
    return case.sites[one.by].id if one.by >= 0 else None


def _why(choices: Choices, i: int, t: int, following: Choice | None) -> tuple[str, dict[str, Any]]:
    """Return why a place is served as it is: a key of the catalogue, and what fills it in."""
    case, now = choices.case, choices.now[i][t]
    if not case.people[i, t]:
        return "care.why_nobody", {}
    if now.how == "neighbour":
        return "care.why_near", {"site": case.sites[now.by].name, "minutes": minutes(case.seconds[i, now.by])}
    if following is not None:
        cost = {"cost": abs(following.cost)}
        if now.how in _NOT_SERVED:
            clauses = following.change.helps()
            return ("care.why_missed", choices.clause(clauses) | cost) if clauses else ("care.why_free", cost)
        return (f"care.why_cheaper_{following.care.how}" if following.cost >= 0 else "care.why_whole"), cost
    clauses = [] if now.how in _NOT_SERVED else choices.left_alone(i, t).fails()
    return ("care.why_clause", choices.clause(clauses)) if clauses else ("care.why_nothing_else", {})
