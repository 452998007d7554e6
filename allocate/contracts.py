"""Contracts of care homes with health institutions (养老机构签约): who may have one, how far, for how many beds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Literal

import pydantic

from allocate.district import CareHome
from allocate.errors import Problem
from allocate.pairs import by_first
from allocate.tables import INSTITUTION_KINDS, NOT_GONE_TO
from allocate.travel.circles import STRICT, Mode
from allocate.units import Basis
from allocate.words import say

# Whoever looks after residents of a care home: an ambulance station does not.
CONTRACT_KINDS = tuple(kind for kind in INSTITUTION_KINDS if kind not in NOT_GONE_TO)


class Contracts(pydantic.BaseModel):
    """With whom care homes may have contracts.

    Attributes
    ----------
    by
        Kinds of institution that may have contracts.
    mode, minutes
        How the institution's staff get to the home, and the longest way [min].
    most_beds
        Beds of care homes that one institution can look after, by kind; a kind that is not named has no limit.
    yearly, yearly_per_bed
        What a contract costs in a calendar year: for the home, and for each of its beds [yuan].
    clauses
        Clauses that leave open who has a contract with whom, and that these answer.
    """

    model_config = STRICT

    by: tuple[Literal[CONTRACT_KINDS], ...] = pydantic.Field(min_length=1)  # type: ignore[valid-type]
    mode: str
    minutes: int = pydantic.Field(gt=0, le=600)
    most_beds: dict[str, Annotated[int, pydantic.Field(gt=0, le=1_000_000)]] = {}
    yearly: int = pydantic.Field(default=0, ge=0, le=10**9)
    yearly_per_bed: int = pydantic.Field(default=0, ge=0, le=10**7)
    clauses: tuple[str, ...] = ()
    basis: Basis
    source: str = pydantic.Field(min_length=2)

    @pydantic.model_validator(mode="after")
    def _of_these_kinds(self) -> "Contracts":
        unknown = sorted(set(self.most_beds) - set(self.by))
        if unknown:
            raise ValueError(say("reason.contract_kinds", unknown=", ".join(unknown), kinds=", ".join(self.by)))
        return self

    def cost(self, beds: int) -> int:
        """Return what the contract of a home with so many beds costs in a calendar year [yuan]."""
        return self.yearly + self.yearly_per_bed * beds


@dataclass(frozen=True)
class Contracting:
    """Contracts as a case sees them.

    Attributes
    ----------
    plan
        What the model says of them.
    homes
        The care homes.
    pairs
        Time of the way [s] from a site to a home with which it may have a contract, by (index of the home, of the
        site).
    existing
        Index of the site with which a home has a contract today, by the index of the home.
    how
        What the time of a way was worked out from, where that is not a straight line.
    """

    plan: Contracts
    homes: tuple[CareHome, ...]
    pairs: Mapping[tuple[int, int], int]
    existing: Mapping[int, int] = field(default_factory=dict)
    how: Mapping[tuple[int, int], str] = field(default_factory=dict)

    @cached_property
    def sites_of(self) -> Mapping[int, tuple[int, ...]]:
        """Return the sites with which each home may have a contract, the nearest first; not every home has any."""
        return by_first(sorted(self.pairs, key=lambda pair: (self.pairs[pair], pair)))

    @cached_property
    def homes_of(self) -> Mapping[int, tuple[int, ...]]:
        """Return the homes with which each site may have a contract."""
        return by_first((j, h) for h, j in sorted(self.pairs))

    def most_beds(self, kind: str) -> int | None:
        """Return the beds of care homes that one institution of a kind can look after; None without a limit."""
        return self.plan.most_beds.get(kind)

    def yearly(self, home: int) -> int:
        """Return what the contract of a home costs in a calendar year [yuan]."""
        return self.plan.cost(self.homes[home].beds)


def faults(contracts: Contracts | None, modes: Mapping[str, Mode], file: str) -> Iterator[Problem]:
    """Yield what the contracts of a model use that there is not."""
    if contracts is not None and contracts.mode not in modes:
        details = {"choices": ", ".join(modes)}
        yield Problem("problem.choice", file, column="contracts.mode", value=contracts.mode, details=details)
