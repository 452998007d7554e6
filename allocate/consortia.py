"""Consortia (医共体): who may lead one, who may join, and how far apart they may be."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import pydantic

from allocate.errors import Problem
from allocate.pairs import by_first
from allocate.tables import HOSPITAL_TYPES, HUB_KINDS, OWNERSHIPS
from allocate.travel.circles import STRICT, Mode
from allocate.units import Basis
from allocate.words import say

# The longest way to a lead that may be allowed [min].
LONGEST = 600
Kinds = tuple[Literal["hospital", *HUB_KINDS], ...]  # type: ignore[valid-type]


class Consortia(pydantic.BaseModel):
    """How hubs are grouped into consortia, each led by one hospital.

    Attributes
    ----------
    members
        Kinds of institution that join: the hubs of a farming district; in a city group hospitals too.
    leads
        Ids of the hospitals that lead one in any case; each must be qualified.
    may_lead
        Ids of those that may; none named: every qualified hospital, or none where `leads` are given.
    level, types, ownership
        Who is qualified: lowest level, types of hospital, ownership.
    joining
        Ids of privately run institutions that join of their own free will: no other is asked to.
    mode, minutes
        How people get from a member to its lead, and the longest way [min]; None: any way.
    contiguous
        Whether every member must border on its lead's town or on another member that does, and so on.
    opening, yearly
        What a consortium costs once, and in a calendar year [yuan].
    clauses
        Clauses that leave open how many there are or who leads them, and that these answer.
    """

    model_config = STRICT

    members: Kinds = pydantic.Field(default=HUB_KINDS, min_length=1)
    leads: tuple[str, ...] = ()
    may_lead: tuple[str, ...] = ()
    level: int = pydantic.Field(default=2, ge=1, le=3)
    types: tuple[Literal[HOSPITAL_TYPES], ...] = pydantic.Field(default=("general", "tcm"), min_length=1)  # type: ignore[valid-type]
    ownership: tuple[Literal[OWNERSHIPS], ...] = pydantic.Field(default=("public", "non_profit"), min_length=1)  # type: ignore[valid-type]
    joining: tuple[str, ...] = ()
    mode: str
    minutes: int | None = pydantic.Field(default=None, gt=0, le=LONGEST)
    contiguous: bool = False
    opening: int = pydantic.Field(default=0, ge=0, le=10**10)
    yearly: int = pydantic.Field(default=0, ge=0, le=10**10)
    clauses: tuple[str, ...] = ()
    basis: Basis
    source: str = pydantic.Field(min_length=2)

    @pydantic.model_validator(mode="after")
    def _once(self) -> "Consortia":
        named = (*self.leads, *self.may_lead)
        if len(set(named)) < len(named):
            raise ValueError(say("reason.name_twice"))
        return self


@dataclass(frozen=True)
class Leading:
    """Consortia as a case sees them.

    Attributes
    ----------
    plan
        What the model says of them.
    pairs
        Time of the way [s] from an institution to a hospital that may lead it, by (its index, that of the hospital).
    given
        Indices of the hospitals that lead one in any case.
    existing
        Index of the hospital above an institution today, by its index, where a table says so.
    unasked
        Indices of privately run institutions that do not want to join: no clause counts them.
    borders
        Pairs of institutions whose towns are the same or adjoin, both ways.
    """

    plan: Consortia
    pairs: Mapping[tuple[int, int], int]
    given: frozenset[int] = frozenset()
    existing: Mapping[int, int] = field(default_factory=dict)
    borders: frozenset[tuple[int, int]] = frozenset()
    unasked: frozenset[int] = frozenset()

    @cached_property
    def leads(self) -> tuple[int, ...]:
        """Return the indices of the hospitals that may lead one."""
        return tuple(sorted({k for _, k in self.pairs} | self.given))

    @cached_property
    def joiners(self) -> tuple[int, ...]:
        """Return the indices of the institutions that may join one."""
        return tuple(sorted({j for j, _ in self.pairs}))

    def leads_of(self, j: int) -> tuple[int, ...]:
        """Return the indices of the hospitals that may lead an institution, the nearest first."""
        return self._leads_of.get(j, ())

    @cached_property
    def _leads_of(self) -> Mapping[int, tuple[int, ...]]:
        return by_first(sorted(self.pairs, key=lambda pair: (self.pairs[pair], pair[1])))

    def in_reach_of(self, k: int) -> frozenset[int]:
        """Return the institutions that a hospital may lead; where members must adjoin, those that others link to it."""
        members = frozenset(self.members_of(k)) - self.given
        return self.linked(k, members) if self.plan.contiguous else members

    def linked(self, k: int, members: frozenset[int]) -> frozenset[int]:
        """Return those of some institutions that border on a hospital's town, or on one of them that does, …"""
        reached, edge = {k}, {k}
        while edge:
            edge = {b for a, b in self.borders if a in edge and b in members} - reached
            reached |= edge
        return frozenset(reached - {k})

    def members_of(self, k: int) -> tuple[int, ...]:
        """Return the indices of the institutions that a hospital may lead."""
        return self._members_of.get(k, ())

    @cached_property
    def _members_of(self) -> Mapping[int, tuple[int, ...]]:
        return by_first(sorted((k, j) for j, k in self.pairs))


def faults(consortia: Consortia | None, modes: Mapping[str, Mode], file: str) -> Iterator[Problem]:
    """Yield what the consortia of a model use that there is not."""
    if consortia is not None and consortia.mode not in modes:
        details = {"choices": ", ".join(modes)}
        yield Problem("problem.choice", file, column="consortia.mode", value=consortia.mode, details=details)
