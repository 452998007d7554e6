"""The units that the code computes in, and the sources of numbers."""

from collections.abc import Iterable
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from typing import NewType

Metres = NewType("Metres", int)
Seconds = NewType("Seconds", int)
Persons = NewType("Persons", int)
Yuan = NewType("Yuan", int)

SECONDS_PER_MINUTE = 60


class Basis(StrEnum):
    """Where a number comes from, strongest first."""

    OFFICIAL = "official"
    SURVEYED = "surveyed"
    ESTIMATED = "estimated"
    ASSUMED = "assumed"


# What somebody knows, and what somebody only makes of what is known, or takes for granted: that stays flagged.
FIRM = (Basis.OFFICIAL, Basis.SURVEYED)
SOFT = (Basis.ESTIMATED, Basis.ASSUMED)


def weakest(bases: Iterable[Basis], default: Basis = Basis.OFFICIAL) -> Basis:
    """Return the weakest of some sources; `default` where there is none.

    >>> weakest([Basis.SURVEYED, Basis.ASSUMED, Basis.OFFICIAL])
    <Basis.ASSUMED: 'assumed'>
    """
    return max(bases, key=list(Basis).index, default=default)


@lru_cache(4096)
def exact(number: float | int | str | Fraction) -> Fraction:
    """Return the decimal number that a person wrote, without binary rounding; the same few are asked for all the time.

    >>> exact(0.9)
    Fraction(9, 10)
    """
    return number if isinstance(number, Fraction) else Fraction(str(number))


def minutes(seconds: int) -> float:
    """Return a travel time for people [min], to a tenth.

    >>> minutes(895)
    14.9
    """
    return round(seconds / SECONDS_PER_MINUTE, 1)


def whole_minutes(seconds: int) -> int:
    """Return within how many whole minutes a way is: rounded up [min].

    >>> whole_minutes(60), whole_minutes(61)
    (1, 2)
    """
    return -(-seconds // SECONDS_PER_MINUTE)
