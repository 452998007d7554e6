"""One change to a finished plan, everything else held: what it costs more, whether it can be, and whom it fails."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

from allocate.case import Case
from allocate.costs import charges
from allocate.decisions.functions import most_linked
from allocate.decisions.outreach import journeys
from allocate.decisions.posting import home_staff
from allocate.decisions.staffing import most_of
from allocate.layout import Layout
from allocate.life import moved
from allocate.outgoing import is_cyclic
from allocate.outreach import DAYS, HALVES
from allocate.resources import JOINED, SPARE, flow
from allocate.rows import (
    UPGRADED,
    Key,
    Number,
    Row,
    amount,
    begins,
    contract,
    joins,
    linked,
    moves,
    opened,
    opens,
    served,
    serves,
    tours,
    visits,
)
from allocate.rules import Rule
from allocate.tours import at_once

# What a site serves and visits in a year, as sums of variables: people, stops of a way, seconds on the road.
_LOAD, _STOPS, _ROAD = "load", "stops", "road"
# How many are linked to a centre in a year.
_LINKED = "linked to"
# What clauses on who is cared for speak of.
_ACCESS = frozenset({"siting", "rounds"})


@dataclass(frozen=True)
class Uses:
    """What a site needs a resource for.

    Attributes
    ----------
    people
        People whom one can serve [persons].
    ways
        Ways of outreach that need it, each with the stops' load and the room of one [half-days in a period], and the
        most that one is on the road in a period [s]; None without a limit.
    claims
        Teams that are made of it, and of how many.
    parts
        Resources that are part of it.
    functions
        Functions that need it, and how many, where they are set up.
    """

    people: tuple[int, ...]
    ways: tuple[tuple[str, int, int, int | None], ...]
    claims: Mapping[str, int]
    parts: tuple[str, ...]
    functions: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class _Ask:
    """A clause's row, and what its sum is in the plan."""

    rule: str
    row: Row
    sum: Number

    @cached_property
    def missed_now(self) -> Number:
        """Return how far the plan misses the row."""
        return self.missed(0)

    def missed(self, more: Number) -> Number:
        """Return how far the row is missed with so much more."""
        short: Number = self.row.bound - self.sum - more
        match self.row.sense:
            case ">=":
                return max(0, short)
            case "<=":
                return max(0, -short)
        return max(short, -short)


@dataclass(frozen=True)
class AsPlanned:
    """A plan that changes are measured against.

    Attributes
    ----------
    rules
        The planned clauses, by name.
    """

    case: Case
    layout: Layout
    rules: Mapping[str, Rule]

    @cached_property
    def values(self) -> Mapping[Key, int]:
        """Return every variable that is not 0, and the sums that sites and bases carry."""
        case, layout = self.case, self.layout
        found: dict[Key, int] = {opened(j, t): 1 for j, t in layout.open}
        found |= {amount(*about): int(number) for about, number in layout.amounts.items() if number}
        found |= {served(*about): people for about, people in layout.served.items()}
        found |= {serves(*about): people for about, people in layout.serve.items() if people}
        found |= {(_LOAD, *about): people for about, people in layout.load.items()}
        found |= {tours(*about): number for about, number in layout.tours.items() if number}
        found |= {contract(*about): 1 for about in layout.contracts}
        found |= {joins(*about): 1 for about in layout.members}
        for name, j, k, t in layout.links:
            found[linked(name, j, k, t)] = 1
            found[_LINKED, name, k, t] = found.get((_LINKED, name, k, t), 0) + 1
        for j, names in self.functions_of.items():
            if case.sites[j].closable:
                has = [{name for name in names if layout.has(name, j, t)} for t in case.periods]
                before = [{name for name in names if (name, j) in case.had}, *has]
                found |= {begins(name, j, t): 1 for t in case.periods for name in has[t] - before[t]}
        for name, stop, j, t in layout.visits:
            found[visits(name, stop, j, t)] = 1
            for key, more in ((_STOPS, name, j, t), 1), ((_ROAD, name, j, t), journeys(case, name, stop, j)):
                found[key] = found.get(key, 0) + more
        for t in case.periods:
            found |= {opens(j, t): 1 for j in self.closing_again if layout.opens(case, j, t)}
            found |= {moves(old, new, t): 1 for old, new in moved(case, layout, t).items()}
        return found

    @cached_property
    def functions_of(self) -> Mapping[int, tuple[str, ...]]:
        """Return the functions that a site has today, or in some year."""
        found = {*self.case.had, *((what, j) for (what, j, _), number in self.layout.amounts.items() if number)}
        sites: dict[int, list[str]] = {}
        for name, j in sorted((name, j) for name, j in found if name in self.case.abilities):
            sites.setdefault(j, []).append(name)
        return {j: tuple(names) for j, names in sites.items()}

    @cached_property
    def closing_again(self) -> frozenset[int]:
        """Return the candidates that may close again, whose openings are counted by a variable of their own."""
        return frozenset(j for j, site in enumerate(self.case.sites) if site.closable and not site.exists)

    @cached_property
    def prices(self) -> Mapping[Key, Number]:
        """Return what one more of a variable costs over the whole plan [yuan]."""
        found: dict[Key, Number] = {}
        for t in self.case.periods:
            for charge in charges(self.case, t):
                times = self.case.spans[t] if charge.nature == "recurrent" else 1
                for key, price in charge.terms.items():
                    found[key] = found.get(key, 0) + times * price
        return found

    @cached_property
    def asks(self) -> Sequence[_Ask]:
        """Return the rows of all clauses that are no physics, those that are looked at as a whole left out."""
        found = []
        for name, rule in self.rules.items():
            if not rule.is_physics and name not in self.whole:
                for row in rule.rows(self.case):
                    there = sum((times * self.value(key) for key, times in row.terms.items()), 0)
                    found.append(_Ask(name, row, there))
        return found

    @cached_property
    def whole(self) -> Mapping[str, frozenset[Key]]:
        """Return the clauses whose helper variables depend on each other, and the variables that they look at."""
        found = {}
        for name, rule in self.rules.items():
            helpers = {column.key for column in rule.columns(self.case)}
            ties = list(rule.ties(self.case)) if helpers else []
            if any(len(helpers & row.terms.keys()) > 1 for row in ties):
                rows = (*ties, *rule.rows(self.case))
                found[name] = frozenset(key for row in rows for key in row.terms) - helpers
        return found

    @cached_property
    def missed_whole(self) -> Mapping[str, Mapping[Key, Number]]:
        """Return by how much the plan misses each of these clauses, by what is missed."""
        return {name: self.missed(name, self.layout) for name in self.whole}

    def missed(self, name: str, layout: Layout) -> dict[Key, Number]:
        """Return by how much a layout misses a clause, by what is missed."""
        return {breach.about: breach.shortfall for breach in self.rules[name].breaches(self.case, layout)}

    @cached_property
    def asks_of(self) -> Mapping[Key, Sequence[tuple[int, Number]]]:
        """Return the rows that speak of a variable, and how often each counts it."""
        found: dict[Key, list[tuple[int, Number]]] = {}
        for n, ask in enumerate(self.asks):
            for key, times in ask.row.terms.items():
                found.setdefault(key, []).append((n, times))
        return found

    @cached_property
    def on_access(self) -> frozenset[str]:
        """Return the clauses that say who is cared for and which sites may stand, whatever staff and money there is."""
        return frozenset(
            name
            for name, rule in self.rules.items()
            if not (rule.is_physics or rule.spends or rule.resources) and rule.needs <= _ACCESS
        )

    @cached_property
    def ties(self) -> Mapping[Key, Sequence[Row]]:
        """Return the rows that tie each helper variable (0 or 1) to decisions."""
        rules = [rule for name, rule in self.rules.items() if name not in self.whole]
        helpers = {column.key for rule in rules for column in rule.columns(self.case)}
        found: dict[Key, list[Row]] = {key: [] for key in helpers}
        for rule in rules:
            for row in rule.ties(self.case):
                for key in helpers & row.terms.keys():
                    found[key].append(row)
        return found

    @cached_property
    def helpers_of(self) -> Mapping[Key, Sequence[Key]]:
        """Return the helper variables that depend on a decision."""
        found: dict[Key, list[Key]] = {}
        for helper, rows in self.ties.items():
            for key in {key for row in rows for key in row.terms if key != helper}:
                found.setdefault(key, []).append(helper)
        return found

    def value(self, key: Key, by: Mapping[Key, int] | None = None) -> int:
        """Return what a variable is, after a change where one is given; a helper is as much as its ties allow."""
        changed = by or {}
        if key not in self.ties:
            return self.values.get(key, 0) + changed.get(key, 0)
        for row in self.ties[key]:
            rest = sum(times * self.value(one, changed) for one, times in row.terms.items() if one != key)
            if _Ask("", row, rest).missed(row.terms[key]):
                return 0
        return 1

    @cached_property
    def away(self) -> Mapping[tuple[str, int, int], int]:
        """Return how many of a resource a hospital must do without, by (resource, index of the hospital, year)."""
        found: dict[tuple[str, int, int], int] = {}
        for one in home_staff(self.case):
            for t in self.case.periods:
                roster = self.layout.roster.get(t, ())
                months = sum(n * m for (p, m, _, u), n in self.layout.tours.items() if u == t and p in one.pools)
                cyclic = is_cyclic(self.case, t)
                together = at_once(one.pools, roster, cyclic=cyclic)
                found[one.resource, one.hospital, t] = max([-(-months // one.months), *together.values()])
        return found

    @cached_property
    def _uses(self) -> dict[tuple[str, int], Uses]:
        return {}

    def uses(self, name: str, j: int) -> Uses:
        """Return what a site needs a resource for."""
        if (name, j) not in self._uses:
            self._uses[name, j] = _uses_of(self.case, name, j)
        return self._uses[name, j]

    @cached_property
    def made_of(self) -> Mapping[str, tuple[str, ...]]:
        """Return the resources that somebody of a resource is, or is made of, those that others are part of last."""
        resources = self.case.resources
        found = {}
        for name, resource in resources.items():
            parts = [*resource.needs, *(resources[other].part_of for other in resource.needs), resource.part_of]
            found[name] = tuple(dict.fromkeys(part for part in parts if part))
        return found

    @cached_property
    def employed(self) -> frozenset[str]:
        """Return the resources that somebody employs."""
        return frozenset(self.case.employed)

    @cached_property
    def _most(self) -> dict[tuple[str, str, int, int], int]:
        return {}

    def most(self, name: str, which: str, employer: int, t: int) -> int:
        """Return the most that a flow of an employer can be."""
        key = name, which, employer, t
        if key not in self._most:
            self._most[key] = most_of(self.case, flow(name, which), employer, t)
        return self._most[key]

    @cached_property
    def joining(self) -> Mapping[tuple[str, int], int]:
        """Return how many joined by a year in the whole district, by (resource, year)."""
        found: dict[tuple[str, int], int] = {}
        for name in self.case.employed:
            for t in self.case.periods:
                found[name, t] = sum(self.values.get(amount(flow(name, JOINED), e, t), 0) for e in self.case.teams_of)
        return found


def _uses_of(case: Case, name: str, j: int) -> Uses:
    ways = []
    for way_name, way in case.ways.items():
        plan = way.plan
        if j not in way.stops_of:
            continue
        if plan.resource == name:
            road = None if plan.day_minutes is None else plan.day_minutes * 60 * DAYS * plan.weeks
            ways.append((way_name, plan.load, plan.room, road))
        if plan.vehicles == name:
            ways.append((way_name, plan.load, DAYS * HALVES * plan.weeks, None))
    resources = case.resources
    return Uses(
        people=tuple(people for what, people in case.sites[j].per_staff if what == name),
        ways=tuple(ways),
        claims=case.claims(name, j),
        parts=tuple(part for part, resource in resources.items() if resource.part_of == name),
        functions=tuple(
            (function, staff[name]) for function in case.abilities if name in (staff := case.staff_for(function, j))
        ),
    )


@dataclass
class Change:
    """A change being made: by how much each variable differs from the plan.

    Attributes
    ----------
    can_be
        Whether all that was asked for so far can be.
    """

    plan: AsPlanned
    by: dict[Key, int] = field(default_factory=dict)
    can_be: bool = True

    def of(self, key: Key) -> int:
        """Return what a variable is after the change."""
        return self.plan.values.get(key, 0) + self.by.get(key, 0)

    def put(self, key: Key, number: int) -> None:
        """Set a variable."""
        difference = number - self.plan.values.get(key, 0)
        if difference:
            self.by[key] = difference
        else:
            self.by.pop(key, None)

    def add(self, key: Key, number: int) -> None:
        """Add to a variable."""
        self.put(key, self.of(key) + number)

    def send(self, i: int, j: int, t: int, people: int) -> None:
        """Let a site serve so many people of a place more, or fewer below 0."""
        if not people:
            return
        for key in serves(i, j, t), served(i, t), (_LOAD, j, t):
            self.add(key, people)

    def visit(self, name: str, i: int, j: int, t: int, number: int) -> None:
        """Let a site visit a village (1), or no longer (-1)."""
        self.add(visits(name, i, j, t), number)
        self.add((_STOPS, name, j, t), number)
        self.add((_ROAD, name, j, t), number * journeys(self.plan.case, name, i, j))

    def open(self, j: int, years: Iterable[int]) -> None:
        """Open a site in some years, in which it may have been open before; it cannot be if it would waver.

        It has what it had in the year before, or has today, and nothing else.
        """
        for t in years:
            was_open = self.of(opened(j, t))
            self.put(opened(j, t), 1)
            for name in () if was_open else self.plan.functions_of.get(j, ()):
                self._go_on(name, j, t)
        functions = self.plan.functions_of.get(j, ())
        self.begin(j, functions)
        self.can_be = self.can_be and self._lives(j) and self.follows(j, functions)

    def _go_on(self, name: str, j: int, t: int) -> None:
        """Let a site have a function in a year that it had in the year before, from the same centre."""
        case = self.plan.case
        if not (self.of(amount(name, j, t - 1)) if t else (name, j) in case.had):
            return
        self.put(amount(name, j, t), 1)
        for what in case.abilities[name].staff:
            self.staff(what, j, t)
        for k in case.centres_of.get((name, j), ()):
            if self.of(linked(name, j, k, t - 1)) if t else case.had[name, j] == k:
                self.link(name, j, k, t, 1)

    def link(self, name: str, j: int, k: int, t: int, number: int) -> None:
        """Let a centre provide a function to a site (1), or no longer (-1); it cannot be if it serves too many."""
        self.add(linked(name, j, k, t), number)
        self.add((_LINKED, name, k, t), number)
        most = most_linked(self.plan.case, name, k)
        if most is not None and self.of((_LINKED, name, k, t)) > most:
            self.can_be = False

    def begin(self, j: int, functions: Iterable[str]) -> None:
        """Work out in which year a site that may close comes by each of some functions."""
        case = self.plan.case
        for name in functions if case.sites[j].closable else ():
            before = int((name, j) in case.had)
            for t in case.periods:
                has = self.of(amount(name, j, t))
                self.put(begins(name, j, t), int(has > before))
                before = has

    def close(self, j: int, years: Iterable[int]) -> None:
        """Close a site in some years, and take from it all that it has; it cannot be if it would waver."""
        case = self.plan.case
        for t in years:
            self.put(opened(j, t), 0)
            for what in (UPGRADED, *case.resources, *self.plan.functions_of.get(j, ())):
                self.put(amount(what, j, t), 0)
            for h, site, year in self.plan.layout.contracts:
                if (site, year) == (j, t):
                    self.put(contract(h, j, t), 0)
            for name in self.plan.functions_of.get(j, ()):
                for k in case.centres_of.get((name, j), ()):
                    if self.of(linked(name, j, k, t)):
                        self.link(name, j, k, t, -1)
        functions = self.plan.functions_of.get(j, ())
        self.begin(j, functions)
        self.can_be = self.can_be and self._lives(j) and self.follows(j, functions)

    def follows(self, j: int, functions: Iterable[str]) -> bool:
        """Tell whether each of some functions that a site sets up comes after those that it needs."""
        case = self.plan.case
        for name in functions:
            ability = case.abilities[name]
            if ability.posted_by or (name, j) in case.had or not case.makes(name, j):
                continue
            for t in case.periods if ability.needs else ():
                for other, years in ability.needs.items() if self.of(amount(name, j, t)) else ():
                    before = case.had_by(other, j, years, t)
                    if before is not None and not (before >= 0 and self.of(amount(other, j, before))):
                        return False
        return True

    def _lives(self, j: int) -> bool:
        site = self.plan.case.sites[j]
        is_open = [self.of(opened(j, t)) for t in self.plan.case.periods]
        steps = [after - before for before, after in pairwise(is_open)]
        if not site.exists:
            return is_open[0] + steps.count(1) <= 1 and (site.closable or -1 not in steps)
        return 1 not in steps and (site.closable or 0 not in is_open)

    def serves_any(self, j: int, t: int) -> bool:
        """Tell whether a site serves or visits anybody in a year."""
        return any(self.of(key) for key in ((_LOAD, j, t), *((_STOPS, name, j, t) for name in self.plan.case.ways)))

    def room(self, j: int, t: int) -> int | None:
        """Return how many more people a site can serve with all the staff that it may have [persons]; None: any."""
        site = self.plan.case.sites[j]
        is_upgraded = bool(self.of(amount(UPGRADED, j, t)))
        limits = [people * self._posts(what, j, t) for what, people in site.per_staff]
        limits += [one for one in (site.most if is_upgraded else site.capacity,) if one is not None]
        return min(limits) - self.of((_LOAD, j, t)) if limits else None

    def _posts(self, what: str, j: int, t: int) -> int:
        case = self.plan.case
        if not self.of(opened(j, t)):
            return 0
        posts = case.posts(what, j) + (case.more_posts(what, j) if self.of(amount(UPGRADED, j, t)) else 0)
        functions = case.brought.get(what)
        if functions is None:
            return posts
        return min(posts, sum(number * self.of(amount(name, j, t)) for name, number in functions.items()))

    def least(self, name: str, j: int, t: int) -> int:
        """Return the fewest of a resource that a site must have: to serve, visit and send, for teams and functions."""
        uses = self.plan.uses(name, j)
        found = [-(-self.of((_LOAD, j, t)) // people) for people in uses.people]
        for way, load, room, road in uses.ways:
            found.append(-(-self.of((_STOPS, way, j, t)) * load // room))
            if road is not None:
                found.append(-(-self.of((_ROAD, way, j, t)) // road))
        teams = sum(times * self.of(amount(team, j, t)) for team, times in uses.claims.items())
        found.append(teams + self.plan.away.get((name, j, t), 0))
        found += [self.of(amount(part, j, t)) for part in uses.parts]
        found += [number for function, number in uses.functions if self.of(amount(function, j, t))]
        return max(found)

    def staff(self, name: str, j: int, t: int) -> None:
        """Give a site as many of a resource as it needs, with all whom they are made of."""
        here, needed = amount(name, j, t), self.least(name, j, t)
        if needed <= self.of(here):
            return
        if needed > self._posts(name, j, t):
            self.can_be = False
            return
        self.put(here, needed)
        for other in self.plan.made_of[name]:
            self.staff(other, j, t)

    def settle(self) -> None:
        """Work out what follows: who joins and who is spare, what opens, what moves.

        Whoever is spare works first; whoever joined stays, so nobody is saved in a year whom an earlier one keeps.
        """
        works: dict[tuple[str, int], dict[int, int]] = {}
        touched: set[int] = set()
        employed = self.plan.employed
        for key, difference in self.by.items():
            if key[0] == "amount" and key[1] in employed:
                _, name, j, t = key
                years = works.setdefault((str(name), self.plan.case.employer_of[int(j)]), {})
                years[int(t)] = years.get(int(t), 0) + difference
            elif key[0] == "open":
                touched.add(int(key[1]))
        for (name, employer), years in works.items():
            self._employ(name, employer, years)
        for name in {name for name, _ in works}:
            self._hire(name)
        if touched:
            self._reopen(touched)

    def _employ(self, name: str, employer: int, works: Mapping[int, int]) -> None:
        before = 0
        for t in self.plan.case.periods:
            more = works.get(t, 0)
            joined, spare = (amount(flow(name, which), employer, t) for which in (JOINED, SPARE))
            then, idle = self.plan.values.get(joined, 0), self.plan.values.get(spare, 0)
            now = max(before, then - idle + more, then + min(0, more), 0)
            left = idle + now - then - more
            for key, number, which in (joined, now, JOINED), (spare, left, SPARE):
                self.put(key, number)
                if key in self.by and number > self.plan.most(name, which, employer, t):
                    self.can_be = False
            before = now

    def _hire(self, name: str) -> None:
        case, most = self.plan.case, self.plan.case.resources[name].per_year
        before = 0
        for t in case.periods if most is not None else ():
            more = sum(self.by.get(amount(flow(name, JOINED), e, t), 0) for e in case.teams_of)
            total = self.plan.joining[name, t] + more
            if most is not None and total - before > most * case.intervals[t]:
                self.can_be = False
            before = total

    def _reopen(self, touched: Iterable[int]) -> None:
        case = self.plan.case
        for j in self.plan.closing_again & set(touched):
            for t in case.periods:
                before = self.of(opened(j, t - 1)) if t else 0
                self.put(opens(j, t), max(0, self.of(opened(j, t)) - before))
        if case.moves:
            layout = Layout(self._open())
            for t in case.periods:
                now, then = moved(case, layout, t), moved(case, self.plan.layout, t)
                for pair in {*now.items(), *then.items()}:
                    self.put(moves(*pair, t), int(now.get(pair[0]) == pair[1]))

    def cost(self) -> int:
        """Return what the whole plan costs more with the change [yuan]."""
        prices = self.plan.prices
        return int(sum(prices[key] * difference for key, difference in self.by.items() if key in prices))

    def touches(self) -> Iterator[tuple[str, Number]]:
        """Yield each clause of which a row is missed by more than in the plan, or less (below 0), and by how much."""
        plan, sums = self.plan, dict[int, Number]()
        helpers = {helper for key in self.by for helper in plan.helpers_of.get(key, ())}
        more = {helper: plan.value(helper, self.by) - plan.value(helper) for helper in helpers}
        for key, difference in (*self.by.items(), *more.items()):
            for n, times in plan.asks_of.get(key, ()) if difference else ():
                sums[n] = sums.get(n, 0) + times * difference
        for n, change in sums.items():
            ask = plan.asks[n]
            further = ask.missed(change) - ask.missed_now
            if further:
                yield ask.rule, further
        for name, looked_at in plan.whole.items():
            if not looked_at.isdisjoint(self.by):
                before, after = plan.missed_whole[name], plan.missed(name, self.layout())
                for about in {*before, *after}:
                    yield name, after.get(about, 0) - before.get(about, 0)

    def misses(self) -> dict[str, Number]:
        """Return by how much more than in the plan each clause is missed; what gets better elsewhere does not count."""
        found: dict[str, Number] = {}
        for rule, more in self.touches():
            if more > 0:
                found[rule] = found.get(rule, 0) + more
        return found

    def fails(self) -> list[str]:
        """Return the clauses on who is cared for that are missed by more than in the plan, in the model's order."""
        worse = self.misses().keys() & self.plan.on_access
        return [name for name in self.plan.rules if name in worse]

    def helps(self) -> list[str]:
        """Return the clauses on who is cared for that are missed by less than in the plan, in the model's order."""
        better = {rule for rule, more in self.touches() if more < 0} & self.plan.on_access
        return [name for name in self.plan.rules if name in better]

    def tried(self) -> "Change":
        """Return a copy on which more can be tried."""
        return Change(self.plan, dict(self.by), self.can_be)

    def _open(self) -> frozenset[tuple[int, int]]:
        changed = {(int(key[1]), int(key[2])): more for key, more in self.by.items() if key[0] == "open"}
        closed = {pair for pair, more in changed.items() if more < 0}
        return (self.plan.layout.open - closed) | {pair for pair, more in changed.items() if more > 0}

    def layout(self) -> Layout:
        """Return the plan with the change; its visits have no weekdays yet."""
        then = self.plan.layout
        serve, amounts, visited, links = dict(then.serve), dict(then.amounts), set(then.visits), set(then.links)
        contracts = set(then.contracts)
        for key in self.by:
            match key:
                case ("serve", int(i), int(j), int(t)):
                    serve[i, j, t] = self.of(key)
                case ("amount", str(what), int(j), int(t)):
                    amounts[what, j, t] = self.of(key)
                case ("visit", str(name), int(stop), int(j), int(t)):
                    visited = visited | {(name, stop, j, t)} if self.of(key) else visited - {(name, stop, j, t)}
                case ("contract", int(h), int(j), int(t)):
                    contracts.discard((h, j, t))
                case ("linked", str(name), int(j), int(k), int(t)):
                    links = links | {(name, j, k, t)} if self.of(key) else links - {(name, j, k, t)}
        return replace(
            then,
            open=self._open(),
            serve={about: people for about, people in serve.items() if people},
            amounts={about: number for about, number in amounts.items() if number},
            visits=frozenset(visited),
            contracts=frozenset(contracts),
            links=frozenset(links),
            timetable={},
        )
