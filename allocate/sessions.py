"""What a timetable of rounds is, and a recheck of it from plain data: no solver."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

from allocate.errors import AllocateError
from allocate.tables import DAY_NAMES, HALF_NAMES
from allocate.words import say

DAYS, HALVES = len(DAY_NAMES), HALF_NAMES
_WEEK = 7
# What stands for the time of a way that nobody found [min]: a day.
_NO_WAY_MINUTES = 24 * 60
# Many villages ask the same.
_ANSWERS = 4096


@dataclass(frozen=True, order=True)
class Slot:
    """A half-day.

    Attributes
    ----------
    week
        Week of the period, from 1; in a list of closed half-days, 0 means every week.
    day
        1 (Monday) to 5.
    half
        0 in the morning, 1 in the afternoon.
    """

    week: int
    day: int
    half: int


@dataclass(frozen=True)
class Stop:
    """A village or town to visit.

    Attributes
    ----------
    index
        What it is called by; no two stops share one.
    sessions
        Visits in each period.
    half_days
        Half-days that each visit takes: 1; 2 for a whole day; more for half-days that follow each other in a week.
    closed
        Half-days on which it cannot be visited, such as market days and farming hours.
    people
        What it counts where not every stop finds room, at least 1 [persons].
    """

    index: int
    sessions: int
    half_days: int = 1
    closed: frozenset[Slot] = frozenset()
    people: int = 1

    def __post_init__(self) -> None:
        if self.sessions < 0 or self.half_days < 1 or self.people < 0:
            msg = f"wrong stop: {self}"
            raise AllocateError(msg)


@dataclass(frozen=True)
class Base:
    """A hub or hospital whose teams go round.

    Attributes
    ----------
    half_days
        Most half-days that each team is out in a week.
    vehicles
        Most teams out at once; None where nothing limits them.
    apart
        Least days from one visit to a stop to the next (1: not on the same day), over weekends and over the end of the
        period too: timetables repeat.
    weeks
        Weeks in the period: 1 for weekly rounds, 4 for monthly ones.
    closed
        Half-days on which nobody goes out.
    travel_minutes
        Longest that a team may be on the road in a day [min]; None where nothing limits it.
    """

    teams: int
    half_days: int
    vehicles: int | None = None
    apart: int = 1
    weeks: int = 1
    closed: frozenset[Slot] = frozenset()
    travel_minutes: int | None = None

    def __post_init__(self) -> None:
        if min(self.teams, self.half_days, self.vehicles or 0) < 0 or self.apart < 1 or self.weeks < 1:
            msg = f"wrong base: {self}"
            raise AllocateError(msg)


@dataclass(frozen=True)
class Visit:
    """One visit of a team (numbered from 1) to a stop, and its half-days in order."""

    stop: int
    team: int
    slots: tuple[Slot, ...]


@dataclass(frozen=True)
class Timetable:
    """Who is where on which half-day.

    Attributes
    ----------
    visits
        By team, then by half-day.
    left
        Stops for which there is no room: a stop is visited as often as it should be, or not at all.
    minutes
        On the road in a period, all teams together [min].
    bound
        No timetable that visits as many people has fewer minutes [min].
    is_proven
        Whether no timetable visits more people (more stops, where each counts the same).
    """

    visits: tuple[Visit, ...]
    left: tuple[int, ...]
    minutes: int
    bound: float
    is_proven: bool


@dataclass(frozen=True)
class Cut:
    """What every plan must keep: with so many teams, or fewer, at most so many of these stops can be visited."""

    stops: frozenset[int]
    teams: int
    most: int


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong in a timetable.

    Attributes
    ----------
    words
        Catalogue key of the sentence that says it.
    details
        What it fills in; `stop` is the index of a stop, `slot` a half-day.
    """

    words: str
    details: Mapping[str, object] = field(default_factory=dict)

    def sentence(self, name: Callable[[int], str] = str, weeks: int = 1) -> str:
        """Say the fault in the language of the session; `name` returns what people call a stop."""
        said = dict(self.details)
        match self.details.get("stop"):
            case int(stop):
                said["stop"] = name(stop)
        match self.details.get("slot"):
            case Slot() as slot:
                said["slot"] = say_slot(slot, weeks)
        return say(self.words, **said)


def say_slot(slot: Slot, weeks: int = 1) -> str:
    """Say a half-day in the language of the session, with its week where the period has several.

    >>> from allocate.words import speaking
    >>> with speaking("en"):
    ...     say_slot(Slot(1, 2, 0)), say_slot(Slot(3, 5, 1), weeks=4)
    ('Tuesday morning', 'Friday afternoon of week 3')
    """
    day, half = say(f"timetable.day_{slot.day}"), say(f"timetable.half_{HALVES[slot.half]}")
    if weeks == 1:
        return say("timetable.slot", day=day, half=half)
    return say("timetable.slot_of_week", day=day, half=half, week=slot.week)


def date_of(slot: Slot) -> int:
    """Return the day of the period, weekends counted, that a half-day lies on, from 0."""
    return _WEEK * (slot.week - 1) + slot.day - 1


def days_in(base: Base) -> int:
    """Return the days of the period, weekends counted."""
    return _WEEK * base.weeks


def slots_of(base: Base) -> list[Slot]:
    """Return every half-day of the period in order."""
    return [
        Slot(week, day, half)
        for week in range(1, base.weeks + 1)
        for day in range(1, DAYS + 1)
        for half in range(len(HALVES))
    ]


def spans(base: Base, half_days: int) -> list[tuple[Slot, ...]]:
    """Return the half-days that a visit of some length can take, whatever is closed.

    A visit of two half-days takes a whole day; a longer one starts on any half-day and ends in the same week.
    """
    slots = slots_of(base)
    runs = (tuple(slots[first : first + half_days]) for first in range(len(slots) - half_days + 1))
    return [run for run in runs if run[0].week == run[-1].week and (half_days != 2 or run[0].half == 0)]


def is_closed(base: Base, stop: Stop, slot: Slot) -> bool:
    """Tell whether nobody can visit a stop on a half-day."""
    weekly = Slot(0, slot.day, slot.half)
    return any(each in closed for each in (slot, weekly) for closed in (base.closed, stop.closed))


@lru_cache(_ANSWERS)
def most_visits(base: Base, stop: Stop) -> int:
    """Return how often a stop can be visited in a period, however many teams there are.

    From each first visit on, the next one is that which ends first; no other choice leaves more time to the rest.
    """
    open_spans = [
        (date_of(span[0]), date_of(span[-1]))
        for span in spans(base, stop.half_days)
        if not any(is_closed(base, stop, slot) for slot in span)
    ]
    open_spans.sort(key=lambda dates: (dates[1], dates[0]))
    most = 0
    for begins, _ in open_spans:
        number, last = 0, begins - base.apart
        for first, end in open_spans:
            # (The period repeats: the first visit comes again after the last.)
            if first - last >= base.apart and begins + days_in(base) - end >= base.apart:
                number, last = number + 1, end
        most = max(most, number)
    return most


def journey(am: int | None, pm: int | None, to_base: Mapping[int, int], between: Callable[[int, int], int]) -> int:
    """Return how long a team is on the road that visits these stops in a day [min].

    Where no way from one stop to the other was found in the time that was looked for, it goes by its base.

    >>> journey(1, 2, {1: 10, 2: 25}, lambda a, b: 20), journey(1, None, {1: 10}, lambda a, b: 0)
    (55, 20)
    """
    stops = [stop for stop in (am, pm) if stop is not None]
    if not stops:
        return 0
    there, back = to_base[stops[0]], to_base[stops[-1]]
    hop = between(stops[0], stops[-1]) if stops[0] != stops[-1] else 0
    return there + (hop if hop < _NO_WAY_MINUTES else there + back) + back


def by_team(timetable: Timetable) -> dict[tuple[int, Slot], int]:
    """Return the stop that each team is at on each half-day on which it is out, by team, then by half-day."""
    at = {(visit.team, slot): visit.stop for visit in timetable.visits for slot in visit.slots}
    return dict(sorted(at.items()))


def by_stop(timetable: Timetable) -> dict[int, tuple[Visit, ...]]:
    """Return the visits to each stop that is visited, by stop, then by half-day."""
    found = defaultdict(list)
    for visit in sorted(timetable.visits, key=lambda visit: (visit.stop, visit.slots, visit.team)):
        found[visit.stop].append(visit)
    return {stop: tuple(visits) for stop, visits in found.items()}


def faults(
    base: Base,
    stops: Sequence[Stop],
    timetable: Timetable,
    to_base: Mapping[int, int],
    between: Callable[[int, int], int],
) -> list[Fault]:
    """Return what is wrong in a timetable, worked out again without a solver.

    `to_base` holds the minutes from each stop to the base [min], `between` returns those from one stop to another.
    Whether it is the best one is the solver's word, but for a timetable that leaves nothing out: that one is.
    """
    return [
        *_visits(base, stops, timetable),
        *_counts(base, stops, timetable),
        *_teams(base, timetable),
        *_roads(base, timetable, to_base, between),
    ]


def _visits(base: Base, stops: Sequence[Stop], timetable: Timetable) -> Iterator[Fault]:
    """Yield each visit that is no visit: by nobody, to nowhere, too short or too long, or when it is forbidden."""
    known = {stop.index: stop for stop in stops}
    possible = {stop.half_days: set(spans(base, stop.half_days)) for stop in stops}
    for visit in timetable.visits:
        if not 1 <= visit.team <= base.teams:
            yield Fault("timetable.no_team", {"team": visit.team, "limit": base.teams})
        stop = known.get(visit.stop)
        if stop is None:
            yield Fault("timetable.no_stop", {"stop": visit.stop})
        elif visit.slots not in possible[stop.half_days]:
            yield Fault("timetable.span", {"stop": visit.stop, "team": visit.team, "target": stop.half_days})
        else:
            for slot in visit.slots:
                if is_closed(base, stop, slot):
                    yield Fault("timetable.closed", {"stop": visit.stop, "team": visit.team, "slot": slot})


def _counts(base: Base, stops: Sequence[Stop], timetable: Timetable) -> Iterator[Fault]:
    """Yield each stop that is visited too often, too seldom or too soon again, and what is said wrongly to be left."""
    visits = by_stop(timetable)
    for stop in stops:
        mine = visits.get(stop.index, ())
        target = 0 if stop.index in timetable.left else stop.sessions
        if len(mine) != target:
            yield Fault("timetable.times", {"stop": stop.index, "number": len(mine), "target": target})
        dates = sorted((date_of(visit.slots[0]), date_of(visit.slots[-1])) for visit in mine if visit.slots)
        for (_, last), (first, _) in pairwise([*dates, *((first + days_in(base), 0) for first, _ in dates[:1])]):
            if first - last < base.apart:
                yield Fault("timetable.apart", {"stop": stop.index, "number": first - last, "target": base.apart})
    wanted = sorted(stop.index for stop in stops if stop.sessions)
    if any(one not in wanted for one in timetable.left) or list(timetable.left) != sorted(set(timetable.left)):
        yield Fault("timetable.left")
    if not timetable.left and not timetable.is_proven:
        yield Fault("timetable.proven")


def _teams(base: Base, timetable: Timetable) -> Iterator[Fault]:
    """Yield each team that is in two places at once or out too often, and each half-day with too many teams out."""
    # (A half-day that there is not is told with its visit.)
    known = set(slots_of(base))
    places = Counter((visit.team, slot) for visit in timetable.visits for slot in visit.slots if slot in known)
    for (team, slot), number in sorted(places.items()):
        if number > 1:
            yield Fault("timetable.two_places", {"team": team, "slot": slot, "number": number})
    for (team, week), number in sorted(Counter((team, slot.week) for team, slot in places).items()):
        if number > base.half_days:
            yield Fault("timetable.half_days", {"team": team, "week": week, "number": number, "limit": base.half_days})
    if base.vehicles is not None:
        for slot, number in sorted(Counter(slot for _, slot in places).items()):
            if number > base.vehicles:
                yield Fault("timetable.vehicles", {"slot": slot, "number": number, "limit": base.vehicles})


def _roads(
    base: Base, timetable: Timetable, to_base: Mapping[int, int], between: Callable[[int, int], int]
) -> Iterator[Fault]:
    """Yield each day on which a team is on the road for too long, and a wrong sum of minutes."""
    days: dict[tuple[int, int, int], dict[int, int]] = defaultdict(dict)
    for (team, slot), stop in by_team(timetable).items():
        if stop in to_base:
            days[team, slot.week, slot.day][slot.half] = stop
    total = 0
    for (team, week, day), at in days.items():
        minutes = journey(at.get(0), at.get(1), to_base, between)
        total += minutes
        if base.travel_minutes is not None and minutes > base.travel_minutes:
            about = {"team": team, "slot": Slot(week, day, min(at)), "number": minutes, "limit": base.travel_minutes}
            yield Fault("timetable.road", about)
    if total != timetable.minutes:
        yield Fault("timetable.minutes", {"number": timetable.minutes, "target": total})
    if timetable.bound > timetable.minutes:
        yield Fault("timetable.bound", {"number": timetable.bound, "limit": timetable.minutes})
