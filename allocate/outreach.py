"""Ways in which staff of hubs and hospitals goes to villages and towns: rounds, and posts in a village."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Literal

import numpy as np
import pydantic

from allocate.errors import Problem
from allocate.pairs import by_first
from allocate.resources import Resource
from allocate.tables import DAY_NAMES, HALF_NAMES, HUB_KINDS
from allocate.travel.circles import STRICT, Mode, Text
from allocate.travel.points import Metric
from allocate.travel.times import Journeys
from allocate.units import Basis, whole_minutes
from allocate.words import say

DAYS, HALVES = len(DAY_NAMES), len(HALF_NAMES)
# Weeks of the period that a timetable is made for, and periods in a calendar year.
WEEKS = {"week": 1, "month": 4}
PERIODS = {"week": 52, "month": 12}
# A half-day of the week: its day, 1 to 5, and 0 for the morning or 1 for the afternoon.
HalfDay = tuple[int, int]
# An end of a way: a village or town that is visited, or a site that sends.
End = Literal["stop", "base"]


def half_days_of(day: str, half: str) -> frozenset[HalfDay]:
    """Return the half-days of a day of the week, or of every day; the morning, the afternoon, or both.

    >>> sorted(half_days_of("fri", ""))
    [(5, 0), (5, 1)]
    >>> len(half_days_of("", "am"))
    5
    """
    days = range(1, DAYS + 1) if day == "" else (DAY_NAMES.index(day) + 1,)
    halves = range(HALVES) if half == "" else (HALF_NAMES.index(half),)
    return frozenset((each, part) for each in days for part in halves)


def _session(text: str) -> str:
    day, _, half = text.partition(" ")
    if day not in DAY_NAMES or half not in ("", *HALF_NAMES):
        raise ValueError(say("reason.session", days=", ".join(DAY_NAMES), halves=", ".join(HALF_NAMES)))
    return text


Session = Annotated[str, pydantic.AfterValidator(_session)]


class Outreach(pydantic.BaseModel):
    """One way to serve villages or towns from outside.

    Attributes
    ----------
    by
        Kinds of institution that send: hubs to the villages of their town, or hospitals.
    only
        Ids of the institutions that send; none named: all of these kinds.
    to
        What is visited.
    is_post
        Whether it is a post in the village (镇聘村用): somebody is there on most days, as in a clinic.
    times, per
        Visits to each village or town in a week or a month.
    half_days
        Half-days that each visit lasts.
    resource
        Staff, or teams, of the model that go.
    half_days_each
        Most half-days in a week that one of them is out.
    vehicles
        Resource of which one is needed for each that is out at the same time; empty: none.
    mode, minutes
        How they travel, and the longest way there [min].
    below_people
        Only villages with fewer residents today are visited: a larger one needs somebody for more than a few half-days
        [persons]; None: villages of any size.
    day_minutes
        Most that one of them is on the road in a day [min]; None: no limit but that of the way.
    apart
        Least days between two visits to the same village; 1: not on the same day.
    per_visit, per_hour
        What a visit costs, and an hour on the road [yuan].
    closed
        Sessions in which nobody is out anywhere, such as "mon am" or "fri".
    """

    model_config = STRICT

    name: Text
    by: tuple[Literal["hospital", *HUB_KINDS], ...] = pydantic.Field(min_length=1)  # type: ignore[valid-type]
    only: tuple[str, ...] = ()
    to: Literal["village", "town"] = "village"
    is_post: bool = False
    times: int = pydantic.Field(gt=0, le=40)
    per: Literal["week", "month"] = "week"
    half_days: int = pydantic.Field(default=1, gt=0, le=10)
    resource: str = pydantic.Field(min_length=1)
    half_days_each: int = pydantic.Field(default=DAYS * HALVES, gt=0, le=DAYS * HALVES)
    vehicles: str = ""
    mode: str
    minutes: int = pydantic.Field(gt=0, le=240)
    below_people: int | None = pydantic.Field(default=None, gt=0, le=10**6)
    day_minutes: int | None = pydantic.Field(default=None, gt=0, le=960)
    apart: int = pydantic.Field(default=1, ge=1, le=4)
    per_visit: int = pydantic.Field(default=0, ge=0, le=10**6)
    per_hour: int = pydantic.Field(default=0, ge=0, le=10**6)
    closed: tuple[Session, ...] = ()
    basis: Basis
    source: str = pydantic.Field(min_length=2)

    @pydantic.model_validator(mode="after")
    def _fits_in_a_period(self) -> "Outreach":
        if not self.room:
            raise ValueError(say("reason.sessions_none_left"))
        if self.times * self.half_days > self.room:
            raise ValueError(say("reason.visits_too_many"))
        return self

    @property
    def weeks(self) -> int:
        """Return the weeks of the period that a timetable is made for."""
        return WEEKS[self.per]

    @property
    def load(self) -> int:
        """Return the half-days that one village or town takes in a period."""
        return self.times * self.half_days

    @property
    def room(self) -> int:
        """Return the half-days that one of those who go has in a period, at most."""
        return min(self.half_days_each, DAYS * HALVES - len(self.closed_half_days)) * self.weeks

    @property
    def closed_half_days(self) -> frozenset[HalfDay]:
        """Return the half-days of the week in which nobody is out anywhere."""
        parts = (session.partition(" ") for session in self.closed)
        return frozenset[HalfDay]().union(*(half_days_of(day, half) for day, _, half in parts))

    def yearly(self, seconds: int) -> int:
        """Return what visiting one village or town costs in a calendar year, whose way takes so long [yuan]."""
        each = self.per_visit + -(-2 * seconds * self.per_hour // 3600)
        return PERIODS[self.per] * self.times * each


def faults(
    outreach: Mapping[str, Outreach], resources: Mapping[str, Resource], modes: Mapping[str, Mode], file: str
) -> Iterator[Problem]:
    """Yield what the ways of outreach of a model use that there is not, and what two of them would use at once."""
    used: dict[str, str] = {}
    for name, plan in outreach.items():
        if plan.mode not in modes:
            details = {"choices": ", ".join(modes)}
            yield Problem("problem.choice", file, column=f"outreach.{name}.mode", value=plan.mode, details=details)
        for key, what in (("resource", plan.resource), ("vehicles", plan.vehicles)):
            if not what:
                continue
            column, known = f"outreach.{name}.{key}", resources.get(what)
            if known is None or known.sum_of:
                details = {"choices": ", ".join(other for other, one in resources.items() if not one.sum_of)}
                yield Problem("problem.choice", file, column=column, value=what, details=details)
                continue
            lacking = sorted(set(plan.by) - set(known.at))
            if lacking:
                details = {"kinds": ", ".join(lacking)}
                yield Problem("problem.resource_posts", file, column=column, value=what, details=details)
            # (Half a day of one is half a day of the other.)
            same = (one for one in used if what in _people(one, resources) or one in _people(what, resources))
            other = next(same, None)
            if other is not None:
                details = {"other": used[other]}
                yield Problem("problem.outreach_twice", file, column=column, value=what, details=details)
            used.setdefault(what, column)


def _people(what: str, resources: Mapping[str, Resource]) -> set[str]:
    """Return the resources that share people with one: itself, its whole and its parts, and those it is made of."""
    found: set[str] = set()
    for one in (what, *resources[what].needs):
        found |= {one, resources[one].part_of}
        found |= {part for part, other in resources.items() if other.part_of == one}
    return found - {""}


@dataclass(frozen=True)
class Way:
    """A way of outreach in a case.

    Attributes
    ----------
    plan
        What the model says of it.
    pairs
        Time of the way there [s], by (index of the village or town, index of the site that sends).
    ends
        Position of every village or town [m], by its index.
    travel
        How long the way takes from anywhere to anywhere.
    closed
        Half-days in which nobody is out, by ("stop", index of the village or town) and by ("base", index of the site
        that sends): those of the model, which hold everywhere, and those of sessions.csv. Not named: none.
    """

    plan: Outreach
    pairs: Mapping[tuple[int, int], int]
    ends: Mapping[int, tuple[float, float]] = field(default_factory=dict)
    travel: Journeys | None = None
    closed: Mapping[tuple[End, int], frozenset[HalfDay]] = field(default_factory=dict)

    def minutes(self, stop: int, j: int) -> int:
        """Return how long the way from a site to a village or town takes, rounded up [min]; 0 where there is none."""
        return whole_minutes(self.pairs.get((stop, j), 0))

    def how(self, stop: int, base: Metric) -> str:
        """Return what the time of the way from a base [m] to a village or town is worked out from."""
        if self.travel is None or stop not in self.ends:
            return "line"
        return self.travel.how(self.plan.mode, base, np.array(self.ends[stop]))

    def between(self, a: int, b: int) -> int:
        """Return how long the way between two villages or towns takes, rounded up [min]."""
        if self.travel is None:
            return 0
        # (The same few are asked for again and again.)
        if (a, b) not in self._hops:
            self._hops[a, b] = self._hop(self.travel, a, b)
        return self._hops[a, b]

    @cached_property
    def _hops(self) -> dict[tuple[int, int], int]:
        return {}

    def _hop(self, travel: Journeys, a: int, b: int) -> int:
        return whole_minutes(travel.way(self.plan.mode, np.array(self.ends[a]), np.array(self.ends[b])))

    @cached_property
    def bases_of(self) -> Mapping[int, tuple[int, ...]]:
        """Return the sites that can visit a village or town, by its index."""
        return by_first((stop, j) for stop, j in sorted(self.pairs))

    @cached_property
    def stops_of(self) -> Mapping[int, tuple[int, ...]]:
        """Return the villages or towns that a site can visit, by its index."""
        return by_first((j, stop) for stop, j in sorted(self.pairs))
