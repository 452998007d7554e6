"""What every rule has in common: its strength, its source, and the three ways in which it says its sentence."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.layout import Layout
from allocate.rows import POLICY, Breach, Number, Row, Strength
from allocate.units import Basis
from allocate.words import say

# What a breach is about beside its parts: the whole district, and which limit.
_NO_PART = ("", "least", "most")
STRICT = pydantic.ConfigDict(extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Rule(ABC):
    """A clause's mathematics with its numbers.

    Attributes
    ----------
    strength
        How strongly it binds.
    source, basis
        Where its number comes from.
    clause, document, status, quote
        Id of the clause, document, draft or issued, and the clause's own words.
    years
        Plan years in which it holds; all of them when empty.
    weight
        Weight among clauses of the same strength.
    """

    formula: ClassVar[str]
    after: ClassVar[str]
    unit: ClassVar[str]
    # What the scorecard measures, as a key of the catalogue, and in which unit.
    indicator: ClassVar[str]
    measured_in: ClassVar[str]
    # Whether the rule is physics: it says what can be, not what is wanted, and never gives way.
    is_physics: ClassVar[bool] = False
    # Whether the rule looks at the change from one year to the next, so that years cannot be merged.
    sees_changes: ClassVar[bool] = False

    strength: Strength
    source: str = pydantic.Field(min_length=2)
    basis: Basis
    clause: str = ""
    document: str = ""
    status: str = ""
    quote: str = ""
    years: tuple[int, ...] = ()
    weight: float = pydantic.Field(default=1.0, gt=0)

    @pydantic.field_validator("strength")
    @classmethod
    def _policy_gives_way(cls, strength: Strength) -> Strength:
        allowed = (Strength.PHYSICS,) if cls.is_physics else POLICY
        if strength not in allowed:
            raise ValueError(say("reason.choice", choices=", ".join(allowed)))
        return strength

    @abstractmethod
    def rows(self, case: Case) -> Iterator[Row]:
        """Yield the rule for the solver."""

    @abstractmethod
    def breaches(self, case: Case, layout: Layout) -> Iterator[Breach]:
        """Yield every miss of a finished plan, from plain data."""

    @abstractmethod
    def measure(self, case: Case, layout: Layout, t: int) -> tuple[Number, Number]:
        """Return what the scorecard shows for a year: the value of the plan, and its target."""

    def causes(self, case: Case, layout: Layout, t: int) -> list[tuple[tuple[str, ...], Number]]:
        """Return what makes a plan miss the rule in a year, greatest first: ids of places, towns or sites; how much."""
        year = case.years[t]
        found = [
            (
                tuple(part for part in breach.about if isinstance(part, str) and part not in ("", "least", "most")),
                breach,
            )
            for breach in self.breaches(case, layout)
            if year in breach.about
        ]
        named = [(ids, breach.shortfall) for ids, breach in found if ids]
        return sorted(named, key=lambda cause: (-cause[1], cause[0]))

    def when(self, case: Case) -> list[int]:
        """Return the indices of the years in which the rule holds."""
        return [t for t, year in enumerate(case.years) if not self.years or year in self.years]
