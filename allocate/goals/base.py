"""What every goal has in common: a value to be made small."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar, Literal

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.layout import Layout
from allocate.rows import Column, Key, Number, Row
from allocate.rules.base import STRICT

# What is decided beside the sites and may be all that a goal looks at; empty: it looks at sites, or whom they serve.
Beside = Literal["", "postings", "consortia"]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Goal(ABC):
    """Something that a plan makes as small as it can, once the clauses are as well met as they can be.

    Attributes
    ----------
    gap
        Relative gap at which the search for a better plan stops.
    nodes
        Nodes of branch and bound after which it stops in any case (0: none): a count, so that no clock decides.
    enough
        A value that is good enough: nothing less is looked for, and later goals may use up what is left to it.
    """

    formula: ClassVar[str]
    after: ClassVar[str]
    unit: ClassVar[str]
    # Whether the value depends on which site serves whom, and not only on what is open and who is served.
    sees_links: ClassVar[bool] = False
    # Whether the goal tells places apart beside how many people they add to a sum.
    sees_places: ClassVar[bool] = True

    # Whether the value depends on how many people live or are served somewhere, and not only on what is open.
    sees_people: ClassVar[bool] = True
    # The one decision that the value depends on, where it is nothing else.
    beside: ClassVar[Beside] = ""

    gap: float = pydantic.Field(default=0.01, ge=0, le=1)
    nodes: int = pydantic.Field(default=1_000_000, ge=0)
    enough: float | None = pydantic.Field(default=None, ge=0)

    @abstractmethod
    def terms(self, case: Case) -> Mapping[Key, Number]:
        """Return the coefficient of every variable."""

    @abstractmethod
    def value(self, case: Case, layout: Layout) -> Number:
        """Return the value of a finished plan, from plain data."""

    def tells_apart(self, case: Case, i: int) -> Key:
        """Return what the goal sees of a place beside its people: see `Rule.tells_apart`."""
        del case
        return (i,) if self.sees_places else ()

    def constant(self, case: Case) -> Number:
        """Return what the value is before any decision."""
        del case
        return 0

    def columns(self, case: Case) -> Iterator[Column]:
        """Yield the helper variables that the goal needs."""
        del case
        return iter(())

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield the rows that tie its helper variables."""
        del case
        return iter(())

    def start(self, case: Case, value: Callable[[Key], float]) -> Mapping[Key, Number]:
        """Return its whole helper variables as they are best for a plan, whose decisions `value` looks up.

        The others follow from them; a whole one that is not named starts at its least.
        """
        del case, value
        return {}
