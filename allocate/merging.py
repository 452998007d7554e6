"""Makes a case smaller without losing anything, and gives the full answer back."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from allocate.case import Case, Integers
from allocate.goals import Goal
from allocate.layout import Layout
from allocate.rows import Key, serves
from allocate.rules import Rule

Value = Callable[[Key], float]
# Place, site and year.
Flow = tuple[int, int, int]


@dataclass(frozen=True)
class Reduced:
    """A case of fewer years, and which of its years stands for which of the original ones.

    Attributes
    ----------
    case
        The smaller case.
    year_of
        Index into the smaller case's years, for every original year.
    """

    case: Case
    year_of: tuple[int, ...]

    def expand(self, layout: Layout) -> Layout:
        """Return the layout of the original case."""
        years: dict[int, list[int]] = {}
        for t, merged in enumerate(self.year_of):
            years.setdefault(merged, []).append(t)
        return Layout(
            open=frozenset((j, t) for j, merged in layout.open for t in years[merged]),
            serve={(i, j, t): n for (i, j, merged), n in layout.serve.items() for t in years[merged]},
            amounts={(what, j, t): n for (what, j, merged), n in layout.amounts.items() for t in years[merged]},
            tours={(p, months, j, t): n for (p, months, j, merged), n in layout.tours.items() for t in years[merged]},
            visits=frozenset((way, i, j, t) for way, i, j, merged in layout.visits for t in years[merged]),
            members=frozenset((j, k, t) for j, k, merged in layout.members for t in years[merged]),
            links=frozenset((name, j, k, t) for name, j, k, merged in layout.links for t in years[merged]),
            contracts=frozenset((h, j, t) for h, j, merged in layout.contracts for t in years[merged]),
        )

    def first(self, layout: Layout) -> Layout:
        """Return the layout of the smaller case: that of the first year of every group."""
        return layout.in_years({self.year_of.index(merged): merged for merged in self.case.periods})


def merge_years(case: Case, rules: Iterable[Rule]) -> Reduced:
    """Merge neighbouring years in which the people are the same, in every age group, and the same rules hold.

    Nothing is lost. Take any plan and two such years t < u. Whatever is laid out in one of them can be laid out in
    both: the rules and the people do not tell them apart, a candidate that opens at u may open at t already, and a
    site that closes at u may close at t already. Cost, travel and shortfalls are sums or maxima over years with
    positive weights, so laying out in both years what is lexicographically the better of the two is at least as
    good; and what a plan opens, it pays for once, whenever. A rule that looks at changes between years (openings
    in a year, spending in a year) tells them apart, so its years stay as they are, and so does the year before each:
    what is open then, and not what was open earlier, decides what changes.
    """
    rules = list(rules)
    return _grouped_years(case, lambda group, t: _alike(case, rules, group[-1], t))


def stand_for_later(case: Case, rules: Iterable[Rule]) -> Reduced:
    """Let a year stand for those after it in which nowhere live more people, as long as new sites stay open.

    This is a relaxation: what later years ask for by themselves is not looked at. Take a plan of the case; leave out
    the later years of a group and let every site be open in them that is open in the first. Sites that open stay
    open, so in each later year at least those were open: nothing costs more than before, and the first year is as it
    was. So what the smaller case cannot do more cheaply, the case cannot either. And its best plan is a plan of the
    case where the later years need no more than the first one: fewer people go where they went, and each finds room.
    A site that may be closed could close in a later year and save its cost: then no year stands for another one.
    """
    rules = list(rules)
    may_close = any(site.closable for site in case.sites)
    return _grouped_years(case, lambda group, t: not may_close and _asks_no_more(case, rules, group[0], t))


def _asks_no_more(case: Case, rules: Iterable[Rule], earlier: int, later: int) -> bool:
    """Tell whether whoever is served in a year could be served in a later one by the same sites, as its rules ask."""
    # (Whole people may be rounded up in a place that becomes smaller: one person finds room, or the plan says so.)
    rounded_up = case.people[:, earlier] + 1
    fewer = bool((case.people[:, later] <= rounded_up).all()) and case.total(later) <= case.total(earlier)
    return fewer and all(earlier in rule.when(case) for rule in rules if later in rule.when(case))


def _grouped_years(case: Case, belongs: Callable[[list[int], int], bool]) -> Reduced:
    """Return the case in which every year belongs to the group before it, or else begins one that it stands for."""
    groups: list[list[int]] = []
    for t in case.periods:
        if groups and belongs(groups[-1], t):
            groups[-1].append(t)
        else:
            groups.append([t])
    return Reduced(case.in_groups(groups), tuple(n for n, group in enumerate(groups) for _ in group))


def _alike(case: Case, rules: Iterable[Rule], earlier: int, later: int) -> bool:
    def holds(rule: Rule, t: int) -> bool:
        return rule.holds_in(case.years[t])

    def sees(rule: Rule, t: int) -> bool:
        return rule.sees_changes and t in case.periods and holds(rule, t)

    # Staff changes from year to year: who joined stays, and of today's some leave. Postings and rounds need staff.
    # Functions are set up one after the other, and a contract stays.
    return (
        not case.resources
        and not case.pools
        and not case.ways
        and not case.abilities
        and case.leading is None
        and case.contracting is None
        and all(
            np.array_equal(people[:, earlier], people[:, later])
            for people in (case.people, *case.ages.values(), *(one.people for one in case.possible))
        )
        and all(one.totals[earlier] == one.totals[later] for one in case.possible)
        and all(
            holds(rule, earlier) == holds(rule, later) and not sees(rule, later) and not sees(rule, later + 1)
            for rule in rules
        )
    )


@dataclass(frozen=True)
class Gathered:
    """A case in which people were gathered in fewer places, and where they came from.

    Attributes
    ----------
    case
        The smaller case: every place is still there, but those that were merged into another have no people.
    full
        The case before.
    members
        Places merged into each place that stands for several, itself among them, in ascending order.
    """

    case: Case
    full: Case
    members: Mapping[int, tuple[int, ...]] = field(default_factory=dict)

    def expand(self, layout: Layout) -> Layout:
        """Return the layout of the original case, in which every place has its own people back."""
        # (What is shared out of whole people is whole.)
        given_back = {flow: int(people) for flow, people in self._shared(layout.serve).items()}
        serve = {flow: people for flow, people in layout.serve.items() if flow[0] not in self.members}
        return replace(layout, serve=serve | given_back)

    def gather(self, layout: Layout) -> Layout:
        """Return the layout of the smaller case, in which the people of merged places are in one of them."""
        home = {i: group for group, members in self.members.items() for i in members}
        serve: dict[Flow, int] = defaultdict(int)
        for (i, j, t), people in layout.serve.items():
            serve[home.get(i, i), j, t] += people
        return replace(layout, serve=dict(serve))

    def spread(self, value: Value) -> Value:
        """Return the values of the original case's variables: a way to look up, of one such way."""
        flows: dict[Flow, float] = {
            (i, j, t): value(serves(i, j, t))
            for i in self.members
            for j in self.case.sites_of[i]
            for t in self.case.periods
        }
        shared = {serves(*flow): people for flow, people in self._shared(flows).items()}
        gathered = {i for group in self.members.values() for i in group}

        def look_up(key: Key) -> float:
            if key[0] == "serve" and key[1] in gathered:
                return shared.get(key, 0.0)
            return value(key)

        return look_up

    def _shared(self, flows: Mapping[Flow, float]) -> dict[Flow, float]:
        """Return the flows of places that stand for several, shared out: the first place and the first site first."""
        waiting: dict[tuple[int, int], list[tuple[int, float]]] = defaultdict(list)
        for (i, j, t), people in sorted(flows.items(), reverse=True):
            if i in self.members and people > 0:
                waiting[i, t].append((j, people))
        found: dict[Flow, float] = {}
        for (group, t), visits in waiting.items():
            for i in self.members[group]:
                left: float = int(self.full.people[i, t])
                while visits and left > 0:
                    j, people = visits.pop()
                    found[i, j, t] = moved = min(left, people)
                    left -= moved
                    if people > moved:
                        visits.append((j, people - moved))
        return found


def merge_places(case: Case, rules: Iterable[Rule], goals: Iterable[Goal]) -> Gathered:
    """Gather the people of places that reach the same sites, and that no rule or goal tells apart, in one of them.

    Nothing is lost. The first place of a group takes the people P = p₁ + … + pₖ of all; every place stays where it is
    for the rules that look at places and not at people. Take a plan of the original case and add up the people whom
    each site serves in the group: it is a plan of the smaller case, because the group reaches the same sites, no site
    serves more people than before, and no more than P are served. Take a plan of the smaller case and hand its people
    out, site after site, to the places one after the other, each up to its pᵢ: whatever was served stays served,
    nobody is counted twice, and every site serves as many as before. The two agree in what is open, in the load of
    every site and in the sum of people served by the group in each year; a rule or a goal that does not tell the
    places apart sees no more than that (a goal that looks at travel tells places apart by their times). So both cases
    have the same best plans, stage by stage. Their linear relaxations are as strong as each other as well: flows in
    proportion to pᵢ / P turn one into the other. A place from which only some people can go to some site stays by
    itself: how many they are is rounded to whole persons in every place. (For full covering, Toregas & ReVelle 1972,
    Papers of the Regional Science Association 28(1), drop such rows; with people, they are added up.)
    """
    seers: list[Rule | Goal] = [*rules, *goals]
    groups: dict[Key, list[int]] = defaultdict(list)
    for i, sites in enumerate(case.sites_of):
        if sites and case.people[i].any():
            seen: Key = tuple(part for seer in seers for part in ("", *seer.tells_apart(case, i)))
            # (Whether a village is visited is said of it by itself.)
            seen += (i,) if i in case.visited_places or i in case.rare_sites_of else ()
            groups[(*sorted(sites), *seen)].append(i)
    members = {group[0]: tuple(group) for group in groups.values() if len(group) > 1}
    if not members:
        return Gathered(case, case)
    gone = np.zeros(len(case.places), dtype=bool)
    for group in members.values():
        gone[list(group[1:])] = True

    def gathered(people: Integers) -> Integers:
        sums = people.copy()
        for first, group in members.items():
            sums[first] = people[list(group)].sum(axis=0)
        sums[gone] = 0
        return sums

    kept = ~gone[case.links.places]
    links = case.links.only(kept)
    ages = {group: gathered(people) for group, people in case.ages.items()}
    return Gathered(replace(case, people=gathered(case.people), ages=ages, links=links), case, members)
