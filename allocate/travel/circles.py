"""What “within 15 minutes” may mean: named circles, and the modes of travel that they use."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any, Literal

import pydantic

from allocate.tables import INSTITUTION_KINDS, NOT_GONE_TO
from allocate.travel.network import ROAD_CLASSES, TRAVELLERS
from allocate.units import Basis, Metres, Seconds, exact
from allocate.words import LANGUAGES, say

STRICT = pydantic.ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _two_languages(name: dict[str, str]) -> dict[str, str]:
    if set(name) != set(LANGUAGES):
        msg = say("reason.two_languages")
        raise ValueError(msg)
    return name


# A name in Chinese and in English.
Text = Annotated[dict[str, str], pydantic.AfterValidator(_two_languages)]


Speed = Annotated[float, pydantic.Field(gt=0, le=130)]


class OnRoads(pydantic.BaseModel):
    """How a way to travel uses roads, in a district that has them.

    Attributes
    ----------
    goes_as
        Who is on the road: `foot`, `bicycle` or `car`. One-way roads hold for cars alone.
    speeds
        Speed by class of road [km/h]; a class that is left out is not used.
    access_kmh
        Speed on the straight line between a position and the road [km/h].
    access_metres
        Whoever is farther from the nearest road than this is off the network [m].
    """

    model_config = STRICT

    goes_as: Literal[TRAVELLERS]  # type: ignore[valid-type]
    speeds: dict[Literal[ROAD_CLASSES], Speed] = pydantic.Field(min_length=1)  # type: ignore[valid-type]
    access_kmh: float = pydantic.Field(default=4.0, gt=0, le=130)
    access_metres: int = pydantic.Field(default=500, gt=0, le=5_000)
    basis: Basis
    source: str = pydantic.Field(min_length=2)

    @pydantic.field_validator("speeds", mode="before")
    @classmethod
    def _classes(cls, speeds: Any) -> Any:
        """Say at once which classes nobody knows, and which have no speed."""
        if isinstance(speeds, dict):
            unknown = [str(name) for name in speeds if name not in ROAD_CLASSES]
            if unknown:
                raise ValueError(say("reason.road_class", unknown=", ".join(unknown), known=", ".join(ROAD_CLASSES)))
            still = [name for name, speed in speeds.items() if isinstance(speed, int | float) and speed <= 0]
            if still:
                raise ValueError(say("reason.road_speed", classes=", ".join(still)))
        return speeds


class Mode(pydantic.BaseModel):
    """A way to travel.

    Attributes
    ----------
    speed_kmh
        Speed along the way [km/h].
    detour
        Length of the way by length of the straight line.
    roads
        How it uses roads where the district has them; None: it goes by straight lines everywhere.
    """

    model_config = STRICT

    name: Text
    speed_kmh: Speed
    detour: float = pydantic.Field(ge=1, le=5)
    roads: OnRoads | None = None
    basis: Basis
    source: str = pydantic.Field(min_length=2)
    # (No planner writes it: it is worked out from observed times, and from `[travel]`.)
    _slowness: Fraction = pydantic.PrivateAttr(default=Fraction(1))

    @property
    def slowness(self) -> Fraction:
        """Return by how much every time is longer than the speeds say, on lines and on roads."""
        return self._slowness

    def slowed(self, by: Fraction) -> "Mode":
        """Return the same way to travel with all its times longer by a factor."""
        found = self.model_copy()
        found._slowness = self._slowness * by
        return found

    @property
    def seconds_per_metre(self) -> Fraction:
        """Return the time that a metre of straight line takes [s]."""
        return exact(self.detour) * Fraction(36, 10) / exact(self.speed_kmh) * self._slowness

    def seconds(self, metres: int) -> Seconds:
        """Return the travel time over a straight line, rounded up [s].

        >>> name = {"zh": "电动车", "en": "e-bike"}
        >>> Mode(name=name, speed_kmh=15, detour=1.3, basis="assumed", source="example").seconds(1000)
        312
        """
        return Seconds(-(-metres * self.seconds_per_metre // 1))


class Doubt(pydantic.BaseModel):
    """How far travel times may be off, and whether observed times correct them.

    Attributes
    ----------
    doubt
        Coverage is reported for speeds that are lower, and higher, by this share too.
    calibrate
        Whether observed times (observed.csv) correct the times of the ways to travel that they suffice for.
    speed_factor
        All speeds are taken times this, on lines and on roads: 0.8 plans for speeds that are a fifth lower.
    """

    model_config = STRICT

    doubt: float = pydantic.Field(default=0.2, ge=0, le=0.9)
    calibrate: bool = True
    speed_factor: float = pydantic.Field(default=1.0, ge=0.1, le=10)
    basis: Basis = Basis.ASSUMED
    source: str = pydantic.Field(default="±20 %", min_length=2)


@dataclass(frozen=True)
class Level:
    """Ways to travel that the same people have.

    Attributes
    ----------
    share
        Share of the people who have them; whoever has a rarer one has the more common ones too.
    """

    modes: tuple[str, ...]
    share: Fraction


def levels_of(shares: Mapping[str, float]) -> tuple[Level, ...]:
    """Return ways to travel by the share of people who have them, the most common first.

    >>> [(level.modes, float(level.share)) for level in levels_of({"car": 0.3, "walk": 1.0, "bus": 1.0})]
    [(('walk', 'bus'), 1.0), (('car',), 0.3)]
    """
    found: dict[Fraction, list[str]] = {}
    for mode, share in shares.items():
        found.setdefault(exact(share), []).append(mode)
    return tuple(Level(tuple(found[share]), share) for share in sorted(found, reverse=True))


class Circle(pydantic.BaseModel):
    """One reading of the 15-minute circle: which sites are near enough to a place.

    A site is near enough when it stands in the place itself; or in an adjoining place, where `adjoining_metres`
    is given; or when the quickest mode takes at most `minutes`; or when it lies within `metres` as the crow flies.

    Attributes
    ----------
    modes
        Ways to travel; the quickest counts, unless `shares` says who has which.
    shares
        Share of the people who have each of the `modes`; empty: everybody has all of them. Some mode is everybody's.
        Shares are nested: whoever has the rarer mode has the more common ones too.
    shares_basis, shares_source
        What the shares rest on.
    minutes
        Longest travel time one way [min].
    metres
        Longest straight line [m].
    adjoining_metres
        Adjoining places count up to this straight line [m]; see `links.adjoining`.
    kinds
        Kinds of site that count.
    share
        Share of the people that the source asks to be within it: reported beside the coverage, and no rule.
    """

    model_config = STRICT

    name: Text
    modes: tuple[str, ...] = pydantic.Field(min_length=1)
    minutes: float | None = pydantic.Field(default=None, gt=0, le=240)
    metres: int | None = pydantic.Field(default=None, gt=0, le=200_000)
    adjoining_metres: int | None = pydantic.Field(default=None, gt=0, le=20_000)
    kinds: tuple[str, ...] = pydantic.Field(min_length=1)
    shares: dict[str, Annotated[float, pydantic.Field(gt=0, le=1)]] = {}
    shares_basis: Basis = Basis.ASSUMED
    shares_source: str = ""
    share: float | None = pydantic.Field(default=None, gt=0, le=1)
    basis: Basis
    source: str = pydantic.Field(min_length=2)

    @pydantic.model_validator(mode="after")
    def _limits(self) -> "Circle":
        if self.minutes is None and self.metres is None and self.adjoining_metres is None:
            msg = say("reason.no_reach")
            raise ValueError(msg)
        if self.shares:
            self._check_shares()
        known = [kind for kind in INSTITUTION_KINDS if kind not in NOT_GONE_TO]
        unknown = set(self.kinds) - set(known)
        if unknown:
            msg = say("reason.kinds", unknown=", ".join(sorted(unknown)), kinds=", ".join(known))
            raise ValueError(msg)
        return self

    def _check_shares(self) -> None:
        if set(self.shares) != set(self.modes):
            msg = say("reason.shares_modes", modes=", ".join(self.modes))
        elif max(self.shares.values()) < 1:
            msg = say("reason.shares_everybody")
        elif self.minutes is None:
            msg = say("reason.shares_minutes")
        elif len(self.shares_source) < 2:
            msg = say("reason.shares_source")
        else:
            return
        raise ValueError(msg)

    @property
    def levels(self) -> tuple[Level, ...]:
        """Return the modes by the share of people who have them, the most common first; none without `shares`."""
        return levels_of(self.shares)

    def of_level(self, number: int) -> "Circle":
        """Return the circle of those modes alone that a level adds.

        What is near enough whatever the mode, in an adjoining place or as the crow flies, belongs to the first level.
        """
        alone: dict[str, object] = {"modes": self.levels[number].modes, "shares": {}}
        beyond = {"metres": None, "adjoining_metres": None} if number else {}
        return self.model_copy(update=alone | beyond)

    @property
    def seconds(self) -> Seconds | None:
        """Return the longest travel time [s]."""
        return None if self.minutes is None else Seconds(int(exact(self.minutes) * 60))

    def radius(self, modes: dict[str, Mode]) -> Metres:
        """Return a straight line that no pair within the circle exceeds [m]."""
        reach = [0, self.metres or 0, self.adjoining_metres or 0]
        if self.seconds is not None:
            reach += [int(self.seconds / modes[name].seconds_per_metre) + 1 for name in self.modes]
        return Metres(max(reach))
