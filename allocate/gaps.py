"""How far a value is from what was proven about it, and what a stage may give way; no solver."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from allocate.units import exact

# What a stage's value may give way in later stages: absolute, and relative.
HOLD_ABSOLUTE, HOLD_RELATIVE = 1e-6, Fraction(1, 1000)
# At and below this gap a stage counts as proven best; HiGHS itself stops at 1e-4.
OPTIMAL_GAP = 1e-4
# Digits of a share, a bound or a gap in plan.json.
DIGITS = 9


def relative_gap(value: float, bound: float) -> float:
    """Return the distance of a value from its bound as a share of the value.

    >>> relative_gap(100.0, 98.0)
    0.02
    """
    distance = max(0.0, value - bound)
    if distance <= HOLD_ABSOLUTE:
        return 0.0
    return distance / abs(value) if value else float("inf")


def shown_bound(bound: float, value: float) -> float:
    """Return a bound as plan.json shows it: rounded down, because a bound must never be lifted, and at most the value.

    A bound that was shown is shown again as it is: it is read as the decimal number that it is written as.

    >>> shown_bound(0.12345678999, 1.0), shown_bound(4.175374085, 5.0)
    (0.123456789, 4.175374085)
    """
    scale: int = 10**DIGITS
    return min(math.floor(exact(bound) * scale) / scale, value)


def shown_gap(value: float, bound: float) -> float:
    """Return a gap as plan.json shows it."""
    return round(relative_gap(value, bound), DIGITS)


def shown_number(value: int | Fraction) -> int | float:
    """Return an exact number as JSON can hold it: whole numbers as they are, shares to nine digits."""
    exact = Fraction(value)
    return int(exact) if exact.denominator == 1 else round(float(exact), DIGITS)


@dataclass(frozen=True)
class Apart:
    """How far the best that one question allows lies from the best of another: at least `low`, at most `high`.

    `verdict` says of the second whether it is proven to be worth less or more; else that is `unknown`, unless both
    were found to be worth the `same`.
    """

    difference: Fraction
    low: Fraction
    high: Fraction
    verdict: Literal["less", "more", "same", "unknown"]


def apart(value: float, bound: float, its: float, its_bound: float) -> Apart:
    """Return how far two values are apart that were found, each with the bound that was proven.

    What the best is worth lies between bound and value. Only where the two spans do not meet is one worth less than
    the other, whatever plans were not found.

    >>> apart(100, 90, 120, 110).verdict, apart(100, 90, 105, 95).verdict
    ('more', 'unknown')
    """
    first, low_of_first, other, low_of_other = map(exact, (value, bound, its, its_bound))
    low, high = low_of_other - first, other - low_of_first
    if other == first:
        return Apart(Fraction(0), low, high, "same")
    return Apart(other - first, low, high, "less" if high < 0 else "more" if low > 0 else "unknown")
