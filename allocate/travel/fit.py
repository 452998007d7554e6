"""How well observed times agree with those that a way to travel is taken to need, and by what factor to correct them.

The factor is the median of observed ÷ modelled times. Half of the trips took longer than it says, and half less. It
stays what it is when up to half of the trips are wrong in any way (a breakdown point of 50 %: Rousseeuw and Leroy
1987, Robust Regression and Outlier Detection), and people can check it by sorting a column. A least squares fit would
follow a single trip of which hours were written for minutes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import StatisticsError, correlation, median

# The factor is rounded to so many parts of 1.
_PARTS = 1000
# A trip is out of line when its ratio is farther from the median than this many median absolute deviations, of which
# 0.6745 make a standard deviation (Iglewicz and Hoaglin 1993, How to Detect and Handle Outliers), and than a quarter
# of the factor: minutes that people note down are no better than that.
_DEVIATIONS = Fraction(35_000, 6745)
_NEAR = Fraction(1, 4)


@dataclass(frozen=True)
class Trip:
    """A way of which a time was observed.

    Attributes
    ----------
    start, end
        Ids of place, institution or care home.
    observed
        Time one way; of several observations their median [s].
    times
        How many observations there are.
    modelled
        Time that the speeds say, before any correction [s].
    how
        What that was worked out from: "network" or "line".
    """

    start: str
    end: str
    observed: Fraction
    times: int
    modelled: int
    how: str

    @property
    def ratio(self) -> Fraction:
        """Return the observed time by the modelled one."""
        return self.observed / self.modelled


@dataclass(frozen=True)
class Misfit:
    """How far times are off those observed.

    Attributes
    ----------
    mape
        Mean of the absolute errors as shares of the observed times.
    mape_in_line
        The same of the trips that are in line: one that somebody wrote down wrong can swamp the mean of all.
    median_error
        Median of the absolute errors [s].
    """

    mape: Fraction
    mape_in_line: Fraction
    median_error: Fraction


@dataclass(frozen=True)
class Fit:
    """What observed times say about one way to travel.

    Attributes
    ----------
    factor
        By how much times are longer than modelled, to a thousandth.
    before, after
        How far modelled times are off, without the factor and with it.
    left_out
        The same for every trip with the factor of all others; None where there is but one trip.
    correlation
        Pearson's, of observed and modelled times; None where either are all alike.
    outliers
        Which trips are out of line, one flag per trip: they count in all figures.
    """

    trips: tuple[Trip, ...]
    factor: Fraction
    before: Misfit
    after: Misfit
    left_out: Misfit | None
    correlation: float | None
    outliers: tuple[bool, ...]


def factor_of(trips: Sequence[Trip]) -> Fraction:
    """Return the median of observed by modelled times, to a thousandth and never 0."""
    return Fraction(max(1, round(median(trip.ratio for trip in trips) * _PARTS)), _PARTS)


def fit(trips: Sequence[Trip]) -> Fit:
    """Compare the times of some trips, at least one, with those modelled.

    >>> trips = [Trip("a", "b", Fraction(600), 1, 500, "line"), Trip("a", "c", Fraction(330), 1, 300, "line")]
    >>> fit(trips).factor, fit(trips).before.mape
    (Fraction(23, 20), Fraction(17, 132))
    """
    factor = factor_of(trips)
    others = [factor_of([*trips[:n], *trips[n + 1 :]]) for n in range(len(trips))] if len(trips) > 1 else []
    ratios = [trip.ratio for trip in trips]
    middle = median(ratios)
    far = max(_DEVIATIONS * median(abs(ratio - middle) for ratio in ratios), _NEAR * middle)
    try:
        agreement = correlation([float(trip.observed) for trip in trips], [trip.modelled for trip in trips])
    except StatisticsError:
        agreement = None
    outliers = tuple(abs(ratio - middle) > far for ratio in ratios)
    return Fit(
        tuple(trips),
        factor,
        _misfit(trips, [Fraction(1)] * len(trips), outliers),
        _misfit(trips, [factor] * len(trips), outliers),
        _misfit(trips, others, outliers) if others else None,
        agreement,
        outliers,
    )


def _misfit(trips: Sequence[Trip], factors: Sequence[Fraction], outliers: Sequence[bool]) -> Misfit:
    off = [abs(trip.modelled * factor - trip.observed) for trip, factor in zip(trips, factors, strict=True)]
    shares = [error / trip.observed for trip, error in zip(trips, off, strict=True)]
    # (At least half of all trips are no farther from the median than the median of their distances.)
    in_line = [share for share, is_out in zip(shares, outliers, strict=True) if not is_out]
    return Misfit(_mean(shares), _mean(in_line), median(off))


def _mean(numbers: Sequence[Fraction]) -> Fraction:
    return sum(numbers, Fraction(0)) / len(numbers)
