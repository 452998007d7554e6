"""Makes the timetable of one base: which team visits which stop on which half-day, exactly.

It is made in three steps. What a team does in one day is a tour: a stop in the morning, one in the afternoon, or the
same one all day. First the tours are chosen without days and teams, then they are given days, then teams. Each step
asks for less than the next one, so what the steps find together is best as soon as the last one can be taken. Where it
cannot, tours and days are chosen together; and where that is not enough, tours, days and teams.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import pairwise

from allocate.errors import AllocateError, NoPlanError
from allocate.program import Objective, Options, Program
from allocate.rows import Column, Key, Number, Row
from allocate.sessions import (
    DAYS,
    Base,
    Cut,
    Slot,
    Stop,
    Timetable,
    Visit,
    date_of,
    days_in,
    is_closed,
    journey,
    slots_of,
    spans,
)

# A search ends by its count or its gap; this many seconds never pass [s].
_NEVER = 1e6
_EXACT = Options(seconds=_NEVER, gap=0.0, threads=1, nodes=50, search_nodes=2_000, quick=True)
# Two values in whole numbers that differ by less than this are the same.
_SAME = 0.999
# Stops of the morning and of the afternoon, by position; the same twice: all day.
Tour = tuple[int, int]
# What tours have in common that may stand for each other: stops and minutes.
Kind = tuple[int, int, int]
Values = dict[Key, int]
_FREE = -1
# Variables that follow from the others, and need not be whole.
_SHARES = ("next", "sees")
# What bases ask for again and again is answered once.
_ANSWERS = 4096


@dataclass(frozen=True)
class Task:
    """What is asked of one base; equal tasks have equal timetables, and are solved once.

    Attributes
    ----------
    stops
        In the order of their index.
    home
        Minutes from each stop to the base [min].
    between
        Minutes from each stop to each other one [min].
    """

    base: Base
    stops: tuple[Stop, ...]
    home: tuple[int, ...]
    between: tuple[tuple[int, ...], ...]

    def minutes(self, am: int, pm: int) -> int:
        """Return how long a tour is on the road; stops by position."""
        at = [None if i == _FREE else i for i in (am, pm)]
        return journey(at[0], at[1], self._to_base, lambda i, j: self.between[i][j])

    @cached_property
    def _to_base(self) -> dict[int, int]:
        return dict(enumerate(self.home))

    @property
    def out(self) -> int:
        """Return the most teams that can be out at once."""
        limit = self.base.vehicles
        return self.base.teams if limit is None else min(self.base.teams, limit)

    @cached_property
    def days(self) -> list[tuple[int, int]]:
        """Return week and day of every day in which somebody may go out."""
        return [(week, day) for week in range(1, self.base.weeks + 1) for day in range(1, DAYS + 1)]

    @cached_property
    def spans(self) -> list[list[tuple[Slot, ...]]]:
        """Return the half-days that a visit can take, by stop."""
        return [
            [span for span in spans(self.base, stop.half_days) if not any(is_closed(self.base, stop, s) for s in span)]
            for stop in self.stops
        ]

    @cached_property
    def tours(self) -> list[dict[Tour, int]]:
        """Return what a team can do in a day, with the minutes that it takes, by day."""
        slots = [{slot for span in mine for slot in span} for mine in self.spans]
        found = []
        for week, day in self.days:
            am, pm = ([i for i, mine in enumerate(slots) if Slot(week, day, half) in mine] for half in (0, 1))
            found.append(dict(self._tours_of(am, pm)))
        return found

    def _tours_of(self, am: Sequence[int], pm: Sequence[int]) -> Iterator[tuple[Tour, int]]:
        """Yield the tours of a day in which these stops may be visited in the morning, and these in the afternoon."""
        mornings, afternoons = {_FREE, *am}, {_FREE, *pm}
        for i in sorted(mornings):
            for j in sorted(afternoons):
                days = [0 if k == _FREE else self.stops[k].half_days for k in (i, j)]
                if (i == j and days[0] < 2) or (i != j and 2 in days):
                    continue
                minutes = self.minutes(i, j)
                if self.base.travel_minutes is not None and minutes > self.base.travel_minutes:
                    continue
                # Two short visits can change places, and a single one moves freely where no vehicle is missing: of two
                # such tours the shorter one is enough.
                turned = i in afternoons and j in mornings and max(days) == 1
                if turned and (min(days) == 1 or self.out == self.base.teams):
                    back = self.minutes(j, i)
                    if (back, j, i) < (minutes, i, j):
                        continue
                yield (i, j), minutes


@dataclass(frozen=True)
class _Proven:
    """What is known of people and roads.

    Attributes
    ----------
    people
        Visited [persons].
    most
        No timetable visits more [persons].
    bound
        No timetable that visits as many has fewer minutes [min].
    """

    people: int
    most: int
    bound: int


@dataclass(frozen=True)
class _Chosen:
    """Tours without days: how many of each kind there are."""

    kinds: Mapping[Kind, int]
    proven: _Proven


@dataclass(frozen=True)
class _Laid:
    """Tours with days, and visits with half-days, each with its crew.

    Attributes
    ----------
    tours
        Crew, position of the day, and tour.
    visits
        Crew, position of the stop, and half-days.
    """

    tours: tuple[tuple[int, int, Tour], ...]
    visits: tuple[tuple[int, int, tuple[Slot, ...]], ...]
    proven: _Proven


def make_timetable(
    base: Base,
    stops: Sequence[Stop],
    to_base: Mapping[int, int],
    between: Callable[[int, int], int],
    options: Options | None = None,
) -> Timetable:
    """Return the timetable that visits most people, in the fewest minutes.

    Of all timetables with the same tours, the visits to each stop are spread as evenly as can be over the period (least
    sum of squared days between them), and then each stop sees as few teams as can be. The search ends by count or gap.
    `to_base` holds the minutes from each stop to the base [min], `between` returns those from one stop to another.
    """
    return _made(task_of(base, stops, to_base, between), _by_count(options)).timetable


def task_of(base: Base, stops: Sequence[Stop], to_base: Mapping[int, int], between: Callable[[int, int], int]) -> Task:
    """Return what is asked of a base as plain data that can be compared.

    Raises
    ------
    AllocateError
        When two stops share an index.
    """
    ordered = tuple(sorted(stops, key=lambda stop: stop.index))
    names = [stop.index for stop in ordered]
    if len(set(names)) < len(names):
        msg = f"equal stops: {names}"
        raise AllocateError(msg)
    apart = tuple(tuple(0 if i == j else between(i, j) for j in names) for i in names)
    return Task(base, ordered, tuple(to_base[i] for i in names), apart)


def cuts(
    base: Base,
    stops: Sequence[Stop],
    to_base: Mapping[int, int],
    between: Callable[[int, int], int],
    options: Options | None = None,
) -> tuple[Cut, ...]:
    """Return what every plan must keep that sends the teams of a base to some of these stops; none where all find room.

    Each stop for which there is never room is told by itself, then the stops of each sort (equal but for where they
    are), then all of them.

    Proof. A timetable of any plan stays one when some stops are taken out of it: nobody is out more often, visits lie
    no closer, and no day's journey gets longer, as long as one more stop never shortens a journey (travel times keep
    the triangle inequality; without `travel_minutes` this is not needed). It stays one when there are more teams, who
    stay at home. So what a plan visits of these stops with as many teams or fewer is visited by a timetable of these
    stops alone with all the teams, and `most` is a proven bound for that.
    """
    settings = _by_count(options)
    task = task_of(base, [replace(stop, people=1) for stop in stops if stop.sessions], to_base, between)

    def most(chosen: Sequence[int]) -> int:
        return _made(_part(task, chosen), settings).most

    found: list[tuple[Sequence[int], int]] = [([i], 0) for i in range(len(task.stops)) if not most([i])]
    hopeless = {i for alone, _ in found for i in alone}
    rest = [i for i in range(len(task.stops)) if i not in hopeless]
    sorts: dict[Stop, list[int]] = defaultdict(list)
    for i in rest:
        sorts[replace(task.stops[i], index=0)].append(i)
    mosts = [(members, most(members)) for members in sorts.values()]
    found += [(members, number) for members, number in mosts if number < len(members)]
    if len(sorts) > 1 and (number := most(rest)) < sum(each for _, each in mosts):
        found.append((rest, number))
    return tuple(Cut(frozenset(task.stops[i].index for i in members), base.teams, n) for members, n in found)


def _part(task: Task, chosen: Sequence[int]) -> Task:
    """Return the task of some of the stops, by position."""
    return Task(
        task.base,
        tuple(task.stops[i] for i in chosen),
        tuple(task.home[i] for i in chosen),
        tuple(tuple(task.between[i][j] for j in chosen) for i in chosen),
    )


def _by_count(options: Options | None) -> Options:
    """Return how to search, without a clock."""
    if options is None:
        return _EXACT
    return replace(_EXACT, solver=options.solver, gap=options.gap, seed=options.seed)


@dataclass(frozen=True)
class _Made:
    """A timetable, and the most people that any timetable visits, as proven."""

    timetable: Timetable
    most: int


@lru_cache(_ANSWERS)
def _made(task: Task, options: Options) -> _Made:
    """Take the three steps, as few of them together as is enough."""
    # (Who needs no visit is neither visited nor left.)
    wanted = [i for i, stop in enumerate(task.stops) if stop.sessions]
    if len(wanted) < len(task.stops):
        return _made(_part(task, wanted), options)
    chosen = _choose(task, options)
    pool, each = [task.base.teams], [1] * task.base.teams
    laid = _lay(task, pool, chosen, options)
    visits = None if laid is None else _assign(task, laid, pool, options)
    for crews in (pool, each):
        # (Where there are days but no teams, days chosen without teams will not do.)
        if visits is None and (laid is None or crews == each):
            laid = _lay_freely(task, crews, chosen.proven, options)
            visits = _assign(task, laid, crews, options)
    assert laid is not None
    assert visits is not None
    there = {visit.stop for visit in visits}
    left = tuple(stop.index for stop in task.stops if stop.index not in there)
    minutes = sum(task.minutes(*tour) for _, _, tour in laid.tours)
    proven = not left or laid.proven.people >= laid.proven.most
    return _Made(Timetable(visits, left, minutes, min(laid.proven.bound, minutes), proven), laid.proven.most)


def _search(
    program: Program, name: str, terms: Mapping[Key, int], options: Options, most: int, start: Values | None = None
) -> tuple[Values, int]:
    """Make a whole number small, known to be `most` in size or less; return the values and what it cannot fall below.

    Raises
    ------
    NoPlanError
        When nothing was found.
    """
    gap = max(options.gap, _SAME / max(most, 1))
    found = program.solve(Objective(name, terms), replace(options, gap=gap), start)
    values = {key: round(float(found.values[at])) for key, at in program.keys.items() if key[0] not in _SHARES}
    return values, math.ceil(found.bound - 1e-6)


def _choose(task: Task, options: Options) -> _Chosen:
    """Choose tours without days and teams: those of a whole period are summed up.

    Every timetable keeps these rows, so what they prove holds for all.
    """
    program, base = Program("tours"), task.base
    days: Counter[Tour] = Counter()
    minutes: dict[Tour, int] = {}
    for tours in task.tours:
        days.update(tours.keys())
        minutes |= tours
    program.add_columns(Column(("visited", i), whole=True) for i in range(len(task.stops)))
    for tour, number in days.items():
        often = [task.stops[i].sessions for i in tour if i != _FREE and task.stops[i].half_days <= 2]
        program.add_columns([Column(("tour", *tour), high=min([number, *often]) if often else number, whole=True)])
    for i, stop in enumerate(task.stops):
        terms: dict[Key, Number] = {("tour", *tour): tour.count(i) for tour in days if i in tour}
        terms["visited", i] = -stop.sessions * stop.half_days
        program.add_rows("times", [Row((i,), terms, "==", 0)])
    every = dict.fromkeys(days, 1)
    some_day = sum(map(bool, task.tours))
    limits: list[tuple[str, Mapping[Tour, int], int]] = [
        ("teams", every, base.teams * some_day),
        *((f"out_{half}", {tour: 1 for tour in days if tour[half] != _FREE}, task.out * some_day) for half in (0, 1)),
        *_weekly_limits(days, base.teams * base.weeks, base),
    ]
    for what, counted, limit in limits:
        program.add_rows(what, [Row((), {("tour", *tour): number for tour, number in counted.items()}, "<=", limit)])
    values, proven = _most_then_shortest(task, program, {("tour", *tour): minutes[tour] for tour in days}, options)
    kinds: Counter[Kind] = Counter()
    for tour in days:
        kinds[_kind(tour, minutes[tour])] += values["tour", *tour]
    return _Chosen(+kinds, proven)


def _most_then_shortest(
    task: Task, program: Program, lengths: Mapping[Key, int], options: Options
) -> tuple[Values, _Proven]:
    """Visit most people, then make the roads short; `lengths` holds the minutes of each tour [min]."""
    people: dict[Key, int] = {("visited", i): -_counts(stop) for i, stop in enumerate(task.stops)}
    values, least = _search(program, "people", people, options, sum(map(_counts, task.stops)), {})
    reached = -sum(number * values[key] for key, number in people.items())
    program.add_rows("reached", [Row((), people, "<=", -reached)])
    known = sum(number * values[key] for key, number in lengths.items())
    values, bound = _search(program, "minutes", lengths, options, known, values)
    return values, _Proven(reached, -least, bound)


def _weekly_limits(tours: Iterable[Tour], teams: int, base: Base) -> list[tuple[str, Mapping[Tour, int], int]]:
    """Return what keeps some teams within their half-days of a week: half-days in all, and days that are full."""
    if base.half_days >= 2 * DAYS:
        return []
    halves = {tour: 2 - tour.count(_FREE) for tour in tours}
    full = {tour: 1 for tour, number in halves.items() if number == 2}
    return [("half_days", halves, teams * base.half_days), ("full_days", full, teams * (base.half_days // 2))]


def _counts(stop: Stop) -> int:
    # (Where nobody is known to live, a visit is worth its way all the same.)
    return max(1, stop.people)


def _kind(tour: Tour, minutes: int) -> Kind:
    """Return what tours have in common that may stand for each other: their stops, whichever is first, and minutes."""
    return min(tour), max(tour), minutes


def _lay(task: Task, crews: Sequence[int], chosen: _Chosen, options: Options) -> _Laid | None:
    """Give tours that are chosen their days; None where no days were found."""
    try:
        return _laid(task, _on_days(task, crews, chosen.kinds, options), chosen.proven)
    except NoPlanError:
        return None


def _lay_freely(task: Task, crews: Sequence[int], before: _Proven, options: Options) -> _Laid:
    """Choose tours and days together, and teams too where each team is a crew; `before` was proven of fewer rows."""
    lengths: dict[Key, int] = {
        ("tour", crew, n, *tour): minutes
        for crew in range(len(crews))
        for n, tours in enumerate(task.tours)
        for tour, minutes in tours.items()
    }
    values, proven = _most_then_shortest(task, _program(task, crews, task.tours), lengths, options)
    kinds = Counter(_kind(tour, task.tours[n][tour]) for _, n, tour in _tours_in(values))
    # (Fewer minutes may be enough for fewer people, so that an older bound says nothing about them.)
    bound = max(proven.bound, before.bound) if proven.people == before.people else proven.bound
    proven = _Proven(proven.people, min(proven.most, before.most), bound)
    return _laid(task, _on_days(task, crews, kinds, options, values), proven)


def _on_days(
    task: Task, crews: Sequence[int], kinds: Mapping[Kind, int], options: Options, known: Values | None = None
) -> Values:
    """Give tours the days on which the visits to each stop are spread as evenly as can be, from days that are known.

    Raises
    ------
    NoPlanError
        When no days were found.
    """
    tours = _of_kinds(task, kinds)
    program = _program(task, crews, tours)
    _keep_kinds(program, crews, tours, kinds)
    there = {i for low, high, _ in kinds for i in (low, high)}
    program.fix({("visited", i): int(i in there) for i in range(len(task.stops))})
    squares = {key: int(key[-1]) ** 2 for key in program.keys if key[0] == "next"}
    return _search(program, "spread", squares, options, len(task.stops) * days_in(task.base) ** 2, known)[0]


def _of_kinds(task: Task, kinds: Collection[Kind]) -> list[dict[Tour, int]]:
    """Return the tours of each day that are of some kinds."""
    return [{tour: length for tour, length in tours.items() if _kind(tour, length) in kinds} for tours in task.tours]


def _keep_kinds(
    program: Program, crews: Sequence[int], tours: Sequence[Mapping[Tour, int]], kinds: Mapping[Kind, int]
) -> None:
    """Add: of each kind there are no more tours than were chosen."""
    terms: dict[Kind, dict[Key, Number]] = defaultdict(dict)
    for n, daily in enumerate(tours):
        for tour, minutes in daily.items():
            terms[_kind(tour, minutes)] |= {("tour", crew, n, *tour): 1 for crew in range(len(crews))}
    program.add_rows("kinds", (Row(kind, mine, "<=", kinds[kind]) for kind, mine in terms.items()))


def _program(task: Task, crews: Sequence[int], tours: Sequence[Mapping[Tour, int]]) -> Program:
    """Return the program that gives tours their days: `crews` are so many teams that are not told apart.

    Visits of a stop follow each other in a ring that goes round the period once: it repeats. That ring is a
    circulation, which no two visits closer than allowed can share.
    """
    program, base = Program("days"), task.base
    program.add_columns(Column(("visited", i), whole=True) for i in range(len(task.stops)))
    # What a crew does on a day, and which tours are at a stop on a half-day.
    daily: dict[tuple[int, int], dict[Tour, Key]] = {}
    there: dict[tuple[int, int, Slot], dict[Key, Number]] = defaultdict(dict)
    for crew, _ in enumerate(crews):
        for n, (week, day) in enumerate(task.days):
            daily[crew, n] = {tour: ("tour", crew, n, *tour) for tour in tours[n]}
            program.add_columns(Column(key, whole=True) for key in daily[crew, n].values())
            for tour, key in daily[crew, n].items():
                for half, i in enumerate(tour):
                    if i != _FREE:
                        there[crew, i, Slot(week, day, half)][key] = 1
    for i in range(len(task.stops)):
        _add_visits(program, task, crews, i, there)
    for (crew, n), keys in daily.items():
        program.add_rows("teams", [Row((crew, n), dict.fromkeys(keys.values(), 1), "<=", crews[crew])])
    if task.out < base.teams:
        for n in range(len(task.days)):
            for half in (0, 1):
                out = {daily[c, n][tour]: 1 for c, _ in enumerate(crews) for tour in tours[n] if tour[half] != _FREE}
                program.add_rows("out", [Row((n, half), out, "<=", task.out)])
    _add_weeks(program, task, crews, daily)
    return program


def _add_weeks(
    program: Program, task: Task, crews: Sequence[int], daily: Mapping[tuple[int, int], Mapping[Tour, Key]]
) -> None:
    """Add the half-days that crews may be out in a week; of crews of one team, the first one is out most."""
    halves: list[dict[Key, Number]] = []
    for crew, teams in enumerate(crews):
        for week in range(1, task.base.weeks + 1):
            mine = [daily[crew, n] for n, (its, _) in enumerate(task.days) if its == week]
            for what, counted, limit in _weekly_limits({tour for keys in mine for tour in keys}, teams, task.base):
                terms: dict[Key, Number] = {
                    keys[tour]: counted[tour] for keys in mine for tour in keys if tour in counted
                }
                program.add_rows(what, [Row((crew, week), terms, "<=", limit)])
        every = [daily[crew, n] for n in range(len(task.days))]
        halves.append({key: 2 - tour.count(_FREE) for keys in every for tour, key in keys.items()})
    for crew, (first, second) in enumerate(pairwise(halves)):
        less = {key: -number for key, number in second.items()}
        program.add_rows("order", [Row((crew,), first | less, ">=", 0)])


def _add_visits(
    program: Program,
    task: Task,
    crews: Sequence[int],
    i: int,
    there: Mapping[tuple[int, int, Slot], Mapping[Key, Number]],
) -> None:
    """Add the visits to a stop: tours that are there on all half-days, as often as should be, far enough apart."""
    stop, base = task.stops[i], task.base
    at: dict[tuple[int, Slot], dict[Key, Number]] = {
        (crew, slot): dict(there.get((crew, i, slot), {})) for crew, _ in enumerate(crews) for slot in slots_of(base)
    }
    ends: dict[tuple[int, int], dict[Key, Number]] = defaultdict(dict)
    for crew, _ in enumerate(crews):
        for n, span in enumerate(task.spans[i]):
            # (A visit without a tour for each of its half-days is none.)
            if all(at[crew, slot] for slot in span):
                key: Key = ("visit", crew, i, n)
                program.add_columns([Column(key, whole=True)])
                ends[date_of(span[0]), date_of(span[-1])][key] = 1
    visits = [key for mine in ends.values() for key in mine]
    for key in visits:
        crew, n = int(key[1]), int(key[3])
        for slot in task.spans[i][n]:
            at[crew, slot][key] = -1
    program.add_rows(
        "there",
        (Row((i, crew, slot.week, slot.day, slot.half), terms, "==", 0) for (crew, slot), terms in at.items() if terms),
    )
    often: dict[Key, Number] = dict.fromkeys(visits, 1)
    program.add_rows("times", [Row((i,), {**often, ("visited", i): -stop.sessions}, "==", 0)])
    # From each visit to the next one, which may be itself a period later.
    ring: dict[Key, Number] = {("visited", i): -days_in(base)}
    leave, enter = ({end: {k: -one for k, one in mine.items()} for end, mine in ends.items()} for _ in range(2))
    for a, (first, last) in enumerate(ends):
        for b, (then, until) in enumerate(ends):
            step = (then - first) % days_in(base) or days_in(base)
            if step - (last - first) < base.apart or (a == b) != (stop.sessions == 1):
                continue
            follows: Key = ("next", i, a, b, step - (last - first))
            program.add_columns([Column(follows)])
            leave[first, last][follows] = enter[then, until][follows] = 1
            ring[follows] = step
    for name, flows in (("leave", leave), ("enter", enter)):
        program.add_rows(name, (Row((i, *end), terms, "==", 0) for end, terms in flows.items()))
    program.add_rows("ring", [Row((i,), ring, "==", 0)])


def _tours_in(values: Values) -> Iterator[tuple[int, int, Tour]]:
    """Yield crew, position of the day, and tour of each tour that is made."""
    for key, one in values.items():
        if key[0] == "tour" and one:
            crew, n, i, j = map(int, key[1:])
            yield crew, n, (i, j)


def _laid(task: Task, values: Values, proven: _Proven) -> _Laid:
    made = [tuple(map(int, key[1:])) for key, one in values.items() if key[0] == "visit" and one]
    visits = sorted((crew, i, task.spans[i][n]) for crew, i, n in made)
    return _Laid(tuple(sorted(_tours_in(values))), tuple(visits), proven)


def _assign(task: Task, laid: _Laid, crews: Sequence[int], options: Options) -> tuple[Visit, ...] | None:
    """Give each tour its team, so that each stop sees as few teams as can be; None where no teams were found."""
    blocks = _blocks(task, laid)
    on: dict[int, list[int]] = defaultdict(list)
    for (_, n, _), block in zip(laid.tours, blocks, strict=True):
        on[n].append(block)
    if any(len(set(mine)) < len(mine) for mine in on.values()):
        # (One team cannot make two tours in a day.)
        return None
    program = _team_program(task, laid, blocks, on)
    start: Values | None = None
    if len(crews) == task.base.teams:
        start = {("team", block, crew): 1 for (crew, _, _), block in zip(laid.tours, blocks, strict=True)}
    else:
        # Teams are alike, so that those of the fullest day can be named.
        fullest = max(on.values(), key=len, default=[])
        program.fix({("team", block, k): 1 for k, block in enumerate(fullest)})
    price = {key: 1 for key in program.keys if key[0] == "sees"}
    try:
        values, _ = _search(program, "steady", price, options, len(price), start)
    except NoPlanError:
        return None
    team = {int(key[1]): int(key[2]) for key, one in values.items() if key[0] == "team" and one}
    return _visits(task, laid, [team[block] for block in blocks])


def _team_program(task: Task, laid: _Laid, blocks: Sequence[int], on: Mapping[int, Sequence[int]]) -> Program:
    """Return the program that gives blocks of tours their teams; `on` holds the blocks of each day."""
    program, teams = Program("teams"), range(task.base.teams)
    halves: dict[tuple[int, int], Counter[int]] = defaultdict(Counter)
    sees: set[tuple[int, int]] = set()
    for (_, n, tour), block in zip(laid.tours, blocks, strict=True):
        sees |= {(i, block) for i in tour if i != _FREE}
        for k in teams:
            halves[task.days[n][0], k][block] += 2 - tour.count(_FREE)
    for block in sorted(set(blocks)):
        program.add_columns(Column(("team", block, k), whole=True) for k in teams)
        program.add_rows("one", [Row((block,), {("team", block, k): 1 for k in teams}, "==", 1)])
    program.add_columns(Column(("sees", i, k)) for i in sorted({i for i, _ in sees}) for k in teams)
    for k in teams:
        program.add_rows(
            "sees",
            (Row((i, b, k), {("sees", i, k): 1, ("team", b, k): -1}, ">=", 0) for i, b in sorted(sees)),
        )
        program.add_rows("day", (Row((n, k), {("team", b, k): 1 for b in mine}, "<=", 1) for n, mine in on.items()))
    for (week, k), mine in halves.items():
        out: dict[Key, Number] = {("team", b, k): number for b, number in mine.items()}
        program.add_rows("half_days", [Row((week, k), out, "<=", task.base.half_days)])
    return program


def _blocks(task: Task, laid: _Laid) -> list[int]:
    """Return for each tour the first one with which it shares visits that go on overnight: one team makes both."""
    at = _tour_at(task, laid)
    blocks = list(range(len(laid.tours)))
    for crew, i, span in laid.visits:
        mine = {blocks[at[crew, i, slot]] for slot in span}
        blocks = [min(mine) if block in mine else block for block in blocks]
    return blocks


def _tour_at(task: Task, laid: _Laid) -> dict[tuple[int, int, Slot], int]:
    """Return the number of the tour by crew, stop and half-day."""
    return {
        (crew, i, Slot(*task.days[n], half)): number
        for number, (crew, n, tour) in enumerate(laid.tours)
        for half, i in enumerate(tour)
        if i != _FREE
    }


def _visits(task: Task, laid: _Laid, teams: Sequence[int]) -> tuple[Visit, ...]:
    """Return the visits; the team that sets out first is team 1."""
    at = _tour_at(task, laid)
    found = sorted((span, task.stops[i].index, teams[at[crew, i, span[0]]]) for crew, i, span in laid.visits)
    number = {team: n for n, team in enumerate(dict.fromkeys(team for _, _, team in found), start=1)}
    visits = [Visit(stop, number[team], span) for span, stop, team in found]
    return tuple(sorted(visits, key=lambda visit: (visit.team, visit.slots)))
