"""What every rule has in common: its strength, its source, and the three ways in which it says its sentence."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from typing import ClassVar, Literal

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.layout import Layout
from allocate.rows import POLICY, Breach, Column, Key, Number, Row, Strength
from allocate.units import Basis
from allocate.words import say

# What a breach is about beside its parts: the whole district, and which limit.
_NO_PART = ("", "least", "most")
STRICT = pydantic.ConfigDict(extra="forbid", allow_inf_nan=False)
# Whether a target is the least or the most that is wanted.
Wants = Literal["at_least", "at_most"]


def wants_of(at_least: Number | float | None, at_most: Number | float | None) -> Wants | None:
    """Return what a target is where a rule has these limits and shows the upper one only if it has no other.

    >>> wants_of(2, None), wants_of(2, 5), wants_of(None, 5), wants_of(5, 5)
    ('at_least', 'at_least', 'at_most', None)
    """
    if at_least is None:
        return "at_most"
    return None if at_least == at_most else "at_least"


def insist_on_each_once(sites: Collection[str]) -> None:
    """Refuse a list that names a site more than once.

    Raises
    ------
    ValueError
        When it does.
    """
    if len(set(sites)) < len(sites):
        raise ValueError(say("reason.site_twice"))


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
    # Whether its target is the least or the most that is wanted.
    wants: ClassVar[Wants] = "at_least"
    # Whether the rule is physics: it says what can be, not what is wanted, and never gives way.
    is_physics: ClassVar[bool] = False
    # The decisions that the rule speaks of: until a plan decides all of them, it is undecided.
    needs: ClassVar[frozenset[str]] = frozenset({"siting"})
    # Whether the rule counts money, of which sites and staff take a part each.
    spends: ClassVar[bool] = False
    # Whether the rule looks at the change from one year to the next, so that years cannot be merged.
    sees_changes: ClassVar[bool] = False
    # Whether the rule tells places apart beside how many people they add to a sum.
    sees_places: ClassVar[bool] = True

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

    def columns(self, case: Case) -> Iterator[Column]:
        """Yield the helper variables that the rows need; rules that mean the same by one may share it."""
        del case
        return iter(())

    def ties(self, case: Case) -> Iterator[Row]:
        """Yield the rows that tie its helper variables to decisions: they always hold, whatever gives way."""
        del case
        return iter(())

    @abstractmethod
    def breaches(self, case: Case, layout: Layout) -> Iterator[Breach]:
        """Yield every miss of a finished plan, from plain data."""

    @abstractmethod
    def measure(self, case: Case, layout: Layout, t: int) -> tuple[Number, Number]:
        """Return what the scorecard shows for a year: the value of the plan, and its target."""

    def sense(self) -> Wants | None:
        """Say whether the target of a year that keeps the rule is the least or the most; None: it is exact."""
        return self.wants

    def asks(self) -> Number | None:
        """Return the number that the rule asks for, where it is the same in every district."""
        return None

    @property
    def resources(self) -> tuple[str, ...]:
        """Return the resources that the rule counts."""
        return ()

    @property
    def abilities(self) -> tuple[str, ...]:
        """Return the functions that the rule counts."""
        return ()

    def is_decided(
        self, decided: Collection[str], resources: Collection[str] = (), abilities: Collection[str] = ()
    ) -> bool:
        """Tell whether a plan that settles these decisions, resources and functions decides all that it speaks of."""
        return (
            self.needs <= set(decided)
            and set(self.resources) <= set(resources)
            and set(self.abilities) <= set(abilities)
        )

    def causes(self, case: Case, layout: Layout, t: int) -> list[tuple[tuple[str, ...], Number]]:
        """Return what makes a plan miss the rule in a year, greatest first: ids of places, towns or sites; how much."""
        year = case.years[t]
        found = [
            (
                tuple(part for part in breach.about if isinstance(part, str) and part not in _NO_PART),
                breach,
            )
            for breach in self.breaches(case, layout)
            if year in breach.about
        ]
        named = [(ids, breach.shortfall) for ids, breach in found if ids]
        return sorted(named, key=lambda cause: (-cause[1], cause[0]))

    def tells_apart(self, case: Case, i: int) -> Key:
        """Return what the rule sees of a place beside how many people it adds to a sum.

        Places within reach of the same sites, of which every rule and goal sees the same, are merged. Unless a rule
        says otherwise, it sees each place by itself; if it does not see places (`sees_places`), nothing.
        """
        del case
        return (i,) if self.sees_places else ()

    def holds_in(self, year: int) -> bool:
        """Tell whether the rule holds in a plan year."""
        return not self.years or year in self.years

    def when(self, case: Case) -> list[int]:
        """Return the indices of the years in which the rule holds."""
        return [t for t, year in enumerate(case.years) if self.holds_in(year)]


def refuse_limits(at_least: float | None, at_most: float | None) -> None:
    """Refuse limits that are missing, or that cross.

    Raises
    ------
    ValueError
        When they are.
    """
    if at_least is None and at_most is None:
        raise ValueError(say("reason.no_limit"))
    if at_least is not None and at_most is not None and at_least > at_most:
        raise ValueError(say("reason.limits_cross"))
