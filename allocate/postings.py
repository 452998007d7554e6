"""Who may be posted to hubs: pools of experts at hospitals, for how long they go, and what that costs."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Annotated, Literal

import pydantic

from allocate.errors import Problem
from allocate.resources import Resource
from allocate.tables import RANKS
from allocate.travel.circles import STRICT, Text
from allocate.units import Basis
from allocate.words import say

# Who sends: any hospital of the district, the hospital above a hub, or somebody from outside.
OUTSIDE = ("tertiary_hospital", "city_group")
SENDERS = ("district", "lead_hospital", *OUTSIDE)
MONTHS = 12
SPECIALTY = "^[a-z][a-z0-9_]*$"
Month = Annotated[int, pydantic.Field(ge=1, le=MONTHS)]


# What may stand between two months, and a month or a span of them.
_BETWEEN_MONTHS = re.compile("[,;、]")
_SPAN = re.compile("([0-9]{1,2})(?:[-–~]([0-9]{1,2}))?")


def months_of(text: str) -> tuple[int, ...] | None:
    """Return the months that a cell of a table names; None where it names none, or one that is not in the year.

    >>> months_of("1-3, 11")
    (1, 2, 3, 11)
    >>> months_of("11-2"), months_of("0"), months_of("13")
    (None, None, None)
    """
    found: set[int] = set()
    for part in _BETWEEN_MONTHS.split(unicodedata.normalize("NFKC", text).replace(" ", "")):
        span = _SPAN.fullmatch(part)
        first, last = (int(span[1]), int(span[2] or span[1])) if span else (0, 0)
        if not 1 <= first <= last <= MONTHS:
            return None
        found |= {*range(first, last + 1)}
    return tuple(sorted(found))


def is_specialty(name: str) -> bool:
    """Tell whether a name is one that a specialty may have: small letters, digits and underscores."""
    return re.fullmatch("[a-z][a-z0-9_]*", name) is not None


def _named(specialty: str) -> str:
    if not is_specialty(specialty):
        raise ValueError(say("reason.amount_name"))
    return specialty


def _some_months_once(months: tuple[int, ...]) -> tuple[int, ...]:
    if not months:
        raise ValueError(say("reason.too_short"))
    if len(set(months)) < len(months):
        raise ValueError(say("reason.name_twice"))
    return months


Months = Annotated[tuple[Month, ...], pydantic.AfterValidator(_some_months_once)]


class Postings(pydantic.BaseModel):
    """How experts are posted.

    Attributes
    ----------
    months
        How long a tour may be [months].
    cyclic
        Whether the roster of a year repeats; otherwise those who are away already come first (tours.csv).
    monthly, handover
        What a month of a posting costs (allowance, lodging), and what every tour costs once (travel, settling in)
        [yuan].
    """

    model_config = STRICT

    months: Months = (6, 12)
    cyclic: bool = True
    monthly: int = pydantic.Field(default=0, ge=0, le=10**7)
    handover: int = pydantic.Field(default=0, ge=0, le=10**7)
    basis: Basis
    source: str = pydantic.Field(min_length=2)


class Supporter(pydantic.BaseModel):
    """A hospital outside the district that sends experts: a tertiary hospital, or a member of the city group."""

    model_config = STRICT

    name: Text
    sends_as: Literal[OUTSIDE]  # type: ignore[valid-type]
    basis: Basis
    source: str = pydantic.Field(min_length=2)


class Release(pydantic.BaseModel):
    """Whom a department can let go, at each of the hospitals named.

    Attributes
    ----------
    hospitals
        Ids of hospitals of the district, or of supporters outside.
    specialty, rank
        Their specialty, and the rank that each has at least.
    away
        How many can be away at once, at each hospital [persons].
    tours
        Most tours that begin in a year, at each hospital; None: as many as fit.
    months
        Months in which they may be away.
    days_per_week
        Days a week on which they are at the hub.
    resource
        Staff of the model that they are part of: in no month more are away than work at the hospital and are in no team
        there. Empty: not asked.
    """

    model_config = STRICT

    hospitals: tuple[str, ...] = pydantic.Field(min_length=1)
    specialty: Annotated[str, pydantic.AfterValidator(_named)]
    rank: Literal[RANKS] = "attending"  # type: ignore[valid-type]
    away: int = pydantic.Field(ge=0, le=1000)
    tours: int | None = pydantic.Field(default=None, ge=0, le=12_000)
    months: Months = tuple(range(1, MONTHS + 1))
    days_per_week: float = pydantic.Field(default=5, gt=0, le=7)
    resource: str = ""
    basis: Basis
    source: str = pydantic.Field(min_length=2)


def faults(
    postings: Postings | None,
    supporters: Mapping[str, Supporter],
    pools: Mapping[str, Release],
    resources: Mapping[str, Resource],
    file: str,
) -> Iterator[Problem]:
    """Yield what a model says of postings that would be passed over without a word, or that there is not."""
    if postings is None:
        for table in [name for name, told in (("pools", pools), ("supporters", supporters)) if told]:
            yield Problem("problem.no_postings", file, column=table)
    for name, release in pools.items():
        is_outside = all(sender in supporters for sender in release.hospitals)
        wrong = wrong_resource(release.resource, resources, is_outside=is_outside)
        if wrong is not None:
            yield replace(wrong, file=file, column=f"pools.{name}.resource")


def wrong_resource(resource: str, resources: Mapping[str, Resource], *, is_outside: bool) -> Problem | None:
    """Return what is wrong with the staff that a pool is part of: no such staff, or none of a hospital here."""
    if not resource:
        return None
    if is_outside:
        return Problem("problem.pool_outside", value=resource)
    known = resources.get(resource)
    if known is None:
        return Problem("problem.choice", value=resource, details={"choices": ", ".join(resources)})
    if "hospital" not in (*known.at, *known.kinds):
        return Problem("problem.resource_posts", value=resource, details={"kinds": "hospital"})
    return None


@dataclass(frozen=True)
class Pool:
    """Experts of one specialty and rank at one hospital: posts, never persons.

    Attributes
    ----------
    sender
        Id of the hospital or supporter.
    hospital
        Index of the hospital among the sites; -1 for a supporter outside.
    sends_as
        Which sender outside it is; empty inside the district.
    away
        How many can be away at once: its posts are numbered from 1 to this.
    tours
        Most tours that begin in a year.
    months
        Months in which they may be away.
    days_per_week
        Days a week on which they are at the hub.
    """

    sender: str
    hospital: int
    sends_as: str
    specialty: str
    rank: str
    away: int
    tours: int
    months: frozenset[int]
    days_per_week: Fraction
    resource: str
    basis: Basis

    @property
    def name(self) -> tuple[str, str, str]:
        """Return who they are: their hospital, specialty and rank."""
        return self.sender, self.specialty, self.rank

    @property
    def post_months(self) -> int:
        """Return the most months that its posts can be away in a year, all together."""
        return self.away * len(self.months)


@dataclass(frozen=True)
class Carried:
    """A person who is away already when the first plan year begins.

    Attributes
    ----------
    pool, hub
        Index of the pool, and of the hub among the sites.
    until
        Month of the first plan year at whose end the tour ends.
    """

    pool: int
    hub: int
    until: int
