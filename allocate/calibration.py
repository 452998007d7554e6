"""Corrects the times of ways to travel by those that somebody observed, and says how well they fit."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from statistics import median
from typing import Any

from allocate.district import District
from allocate.gaps import DIGITS
from allocate.model import Model
from allocate.travel import Journeys, Mode, Times, metric
from allocate.travel.circles import Doubt
from allocate.travel.fit import Fit, Misfit, Trip, fit
from allocate.travel.points import Metric
from allocate.travel.times import LONGEST, NO_WAY, Asked
from allocate.units import SECONDS_PER_MINUTE, Basis, exact

# Whether observed times correct a way to travel, and why not: fewer pairs than it takes; the model says so; nothing can
# be so much faster or slower than modelled.
FIT_STATUSES = ("applied", "few", "off", "absurd")
# Why a pair is not compared: travel.csv lists it; nobody knows how far it is; no road leads there; it is no way at all.
SKIPPED = ("table", "estimated", "no_way", "same_spot")
# From so many pairs on, observed times correct a way to travel.
LEAST = 5
# A factor outside these is odd: the planner should look for the reason.
ODD = Fraction(1, 2), Fraction(2)
# A factor outside these is a mistake, and corrects nothing.
ABSURD = Fraction(1, 5), Fraction(5)
# Roads are searched for an hour at least, and for so many times what was observed.
_LEAST_SEARCH, _SEARCH = 3600, 5


@dataclass(frozen=True)
class Skipped:
    """An observed way that says nothing about speeds, and why: one of `SKIPPED`."""

    start: str
    end: str
    why: str


@dataclass(frozen=True)
class Calibration:
    """What was observed of a way to travel.

    Attributes
    ----------
    fit
        None where no observed way can be compared.
    status
        One of `FIT_STATUSES`.
    skipped
        Ways that are not compared.
    """

    mode: str
    fit: Fit | None
    status: str
    skipped: tuple[Skipped, ...]

    @property
    def factor(self) -> Fraction:
        """Return by how much all times of the way to travel are made longer."""
        return self.fit.factor if self.fit is not None and self.status == "applied" else Fraction(1)

    @property
    def is_odd(self) -> bool:
        """Tell whether the factor is one that hints at a mistake."""
        return self.fit is not None and not ODD[0] <= self.fit.factor <= ODD[1]

    @property
    def helps(self) -> bool:
        """Tell whether the factor of all other pairs brings the time of a pair nearer to the observed one."""
        if self.fit is None or self.fit.left_out is None:
            return False
        return self.fit.left_out.mape_in_line <= self.fit.before.mape_in_line


@dataclass(frozen=True)
class _Pair:
    """A way with what was observed of it [s]."""

    start: str
    end: str
    seconds: tuple[Fraction, ...]


def calibrations(district: District, model: Model, roads: Times | None) -> tuple[Calibration, ...]:
    """Compare observed times with those that the model's own speeds say, by way to travel.

    `model` is the one that was read, with none of its times corrected.
    """
    spots = _spots(district)
    journeys = Journeys(model.modes, roads)
    found = []
    for mode, pairs in _pairs(district, model).items():
        starts, ends = (_metres(district, [spots[code] for code in codes]) for codes in _ends(pairs))
        seconds = journeys.seconds(mode, starts, ends).tolist()
        straight = journeys.is_straight(mode, starts, ends).tolist()
        trips, skipped = [], []
        for pair, time, is_straight in zip(pairs, seconds, straight, strict=True):
            why = _why_not(district, mode, pair, spots, time)
            if why:
                skipped.append(Skipped(pair.start, pair.end, why))
            else:
                how = "line" if is_straight else "network"
                trips.append(Trip(pair.start, pair.end, median(pair.seconds), len(pair.seconds), time, how))
        fitted = fit(trips) if trips else None
        found.append(Calibration(mode, fitted, _status(model, fitted), tuple(skipped)))
    return tuple(found)


def _status(model: Model, fitted: Fit | None) -> str:
    if not model.travel.calibrate:
        return "off"
    if fitted is None or len(fitted.trips) < LEAST:
        return "few"
    return "applied" if ABSURD[0] <= fitted.factor <= ABSURD[1] else "absurd"


def _why_not(
    district: District, mode: str, pair: _Pair, spots: Mapping[str, tuple[float, float, Basis | None]], time: int
) -> str:
    """Say why a way is not compared; nothing where it is."""
    if (pair.start, pair.end, mode) in district.travel:
        return "table"
    if any(spots[end][2] in (Basis.ESTIMATED, Basis.ASSUMED) for end in (pair.start, pair.end)):
        # (Nobody knows how far it is.)
        return "estimated"
    if time >= NO_WAY:
        return "no_way"
    return "" if time else "same_spot"


def corrected(model: Model, found: Sequence[Calibration]) -> Model:
    """Return a model whose ways to travel take as long as was observed, and go as fast as `[travel]` says."""
    factors = {one.mode: one.factor for one in found}
    by = 1 / exact(model.travel.speed_factor)
    modes: dict[str, Mode] = {}
    for name, mode in model.modes.items():
        factor = factors.get(name, Fraction(1)) * by
        modes[name] = mode if factor == 1 else mode.slowed(factor)
    return replace(model, modes=modes)


def slowness_of(content: Mapping[str, Any], mode: str) -> Fraction:
    """Return by how much a finished plan takes the times of a way to travel to be longer than its speeds say."""
    factors = {row["mode"]: exact(row["applied"]) for row in content.get("calibration", ())}
    travel = Doubt.model_validate(content["settings"].get("travel", {}))
    return factors.get(mode, Fraction(1)) / exact(travel.speed_factor)


def asked_of(district: District, model: Model) -> Iterator[Asked]:
    """Yield the times by road that observed ones are compared with."""
    spots = _spots(district)
    for mode, pairs in _pairs(district, model).items():
        if model.modes[mode].roads is None:
            continue
        told = [pair for pair in pairs if not _why_not(district, mode, pair, spots, 1)]
        for start in dict.fromkeys(pair.start for pair in told):
            mine = [pair for pair in told if pair.start == start]
            longest = max(median(pair.seconds) for pair in mine)
            limit = min(LONGEST, max(_LEAST_SEARCH, int(_SEARCH * longest)))
            ends = _metres(district, [spots[pair.end] for pair in mine])
            yield Asked(mode, _metres(district, [spots[start]]), ends, limit)


def _pairs(district: District, model: Model) -> dict[str, list[_Pair]]:
    """Return the ways that somebody observed, by way to travel in the order of the model."""
    seen: dict[str, dict[tuple[str, str], list[Fraction]]] = {}
    for row in district.observed:
        times = seen.setdefault(row.mode, {}).setdefault((row.start, row.end), [])
        times.append(exact(row.minutes) * SECONDS_PER_MINUTE)
    return {
        mode: [_Pair(*ends, tuple(times)) for ends, times in seen[mode].items()] for mode in model.modes if mode in seen
    }


def _ends(pairs: Sequence[_Pair]) -> tuple[list[str], list[str]]:
    return [pair.start for pair in pairs], [pair.end for pair in pairs]


def _spots(district: District) -> dict[str, tuple[float, float, Basis | None]]:
    """Return where everything is that somebody may go between, and what that rests on, by id."""
    places = {one.id: (one.lon or 0.0, one.lat or 0.0, one.position_basis) for one in district.places}
    institutions = {one.id: (one.lon or 0.0, one.lat or 0.0, one.position_basis) for one in district.institutions}
    return {**places, **institutions, **{one.id: (one.lon, one.lat, one.position_basis) for one in district.care_homes}}


def _metres(district: District, spots: Sequence[tuple[float, float, Basis | None]]) -> Metric:
    return metric([(lon, lat) for lon, lat, _ in spots], district.datum, district.epsg)


def calibration_rows(found: Sequence[Calibration]) -> list[dict[str, Any]]:
    """Return what plan.json says about observed times: a row for every way to travel of which there are any."""
    return [_row(one) for one in found]


def _row(one: Calibration) -> dict[str, Any]:
    fitted = one.fit
    return {
        "mode": one.mode,
        "status": one.status,
        "pairs": len(fitted.trips) if fitted else 0,
        "observations": sum(trip.times for trip in fitted.trips) if fitted else 0,
        "by_road": sum(trip.how == "network" for trip in fitted.trips) if fitted else 0,
        "factor": float(fitted.factor) if fitted else None,
        "applied": float(one.factor),
        "before": _misfit(fitted.before if fitted else None),
        "after": _misfit(fitted.after if fitted else None),
        "left_out": _misfit(fitted.left_out if fitted else None),
        "correlation": None if fitted is None or fitted.correlation is None else round(fitted.correlation, 6),
        "outliers": sum(fitted.outliers) if fitted else 0,
        "trips": _trips(fitted) if fitted else [],
        "skipped": [{"from": pair.start, "to": pair.end, "why": pair.why} for pair in one.skipped],
    }


def _misfit(found: Misfit | None) -> dict[str, float] | None:
    if found is None:
        return None
    minutes = round(float(found.median_error) / SECONDS_PER_MINUTE, 3)
    shares = {"mape": found.mape, "mape_in_line": found.mape_in_line}
    return {**{key: round(float(share), DIGITS) for key, share in shares.items()}, "median_minutes": minutes}


def _trips(fitted: Fit) -> list[dict[str, Any]]:
    """Return every pair with its times [min], those farthest out of line first."""
    order = sorted(range(len(fitted.trips)), key=lambda n: (-abs(fitted.trips[n].ratio - fitted.factor), n))
    return [
        {
            "from": trip.start,
            "to": trip.end,
            "how": trip.how,
            "times": trip.times,
            "observed": _minutes(trip.observed),
            "modelled": _minutes(Fraction(trip.modelled)),
            "corrected": _minutes(trip.modelled * fitted.factor),
            "ratio": round(float(trip.ratio), 3),
            "outlier": is_out,
        }
        for trip, is_out in ((fitted.trips[n], fitted.outliers[n]) for n in order)
    ]


def _minutes(seconds: Fraction) -> float:
    return round(float(seconds) / SECONDS_PER_MINUTE, 2)
