"""The decisions of a plan as plain data, right or wrong: what is open when, and who is served by whom."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class Layout:
    """Decisions by index, for the years of a Case.

    Attributes
    ----------
    open
        Every (site, year) in which a site is open.
    serve
        People of a place whom a site serves in a year [persons], by (place, site, year).
    """

    open: frozenset[tuple[int, int]]
    serve: Mapping[tuple[int, int, int], int] = field(default_factory=dict)

    @cached_property
    def served(self) -> Mapping[tuple[int, int], int]:
        """Return the people of a place who are served in a year [persons]."""
        sums: dict[tuple[int, int], int] = {}
        for (i, _, t), people in self.serve.items():
            sums[i, t] = sums.get((i, t), 0) + people
        return sums

    @cached_property
    def load(self) -> Mapping[tuple[int, int], int]:
        """Return the people whom a site serves in a year [persons]."""
        sums: dict[tuple[int, int], int] = {}
        for (_, j, t), people in self.serve.items():
            sums[j, t] = sums.get((j, t), 0) + people
        return sums

    def change(self, j: int, t: int) -> int:
        """Return 1 where a candidate opens in a year, and 0 where nothing changes (-1 is physically impossible)."""
        before = t > 0 and (j, t - 1) in self.open
        return int((j, t) in self.open) - int(before)
