"""Who may be posted to hubs: pools of experts at hospitals, for how long they go, and what that costs."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Literal

import pydantic

from allocate.travel.circles import STRICT, Text
from allocate.units import Basis
from allocate.words import say

# From the lowest to the highest.
RANKS = ("resident", "attending", "associate_senior", "senior")
# Who sends: any hospital of the district, the hospital above a hub, or somebody from outside.
OUTSIDE = ("tertiary_hospital", "city_group")
SENDERS = ("district", "lead_hospital", *OUTSIDE)
MONTHS = 12
SPECIALTY = "^[a-z][a-z0-9_]*$"
Month = Annotated[int, pydantic.Field(ge=1, le=MONTHS)]


def _no_month_twice(months: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(months)) < len(months):
        raise ValueError(say("reason.name_twice"))
    return months


Months = Annotated[tuple[Month, ...], pydantic.Field(min_length=1), pydantic.AfterValidator(_no_month_twice)]


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
        Staff of the model that they are part of: no more can be away than work at the hospital. Empty: not asked.
    """

    model_config = STRICT

    hospitals: tuple[str, ...] = pydantic.Field(min_length=1)
    specialty: str = pydantic.Field(pattern=SPECIALTY)
    rank: Literal[RANKS] = "attending"  # type: ignore[valid-type]
    away: int = pydantic.Field(ge=0, le=1000)
    tours: int | None = pydantic.Field(default=None, ge=0, le=12_000)
    months: Months = tuple(range(1, MONTHS + 1))
    days_per_week: float = pydantic.Field(default=5, gt=0, le=7)
    resource: str = ""
    basis: Basis
    source: str = pydantic.Field(min_length=2)


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
    def post_months(self) -> int:
        """Return the most months that its posts can be away in a year, all together."""
        return self.away * len(self.months)
