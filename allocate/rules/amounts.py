"""What the rules on amounts have in common: how resources are named, in what they are counted, and their limits."""

import re
from collections.abc import Collection
from fractions import Fraction
from typing import Annotated

import pydantic

from allocate.case import Case
from allocate.layout import Layout
from allocate.rows import Key, Number, amount
from allocate.words import say

# What the bundled documents count, by the unit that it is counted in; anything else is counted in units of its own.
COUNTED_IN = {
    "persons": frozenset(
        {
            *("nurses", "physicians", "gps", "village_doctors", "associate_senior_physicians"),
            *("health_staff", "bachelor_staff", "mid_senior_staff", "community_staff", "centre_professional_staff"),
            *("community_doctors", "community_gps", "public_health_staff", "mental_health_staff"),
        }
    ),
    "beds": frozenset({"beds", "township_beds"}),
    "teams": frozenset({"premium_teams", "gold_teams"}),
    "vehicles": frozenset({"ambulances"}),
    "square_metres": frozenset({"floor_area", "mch_floor_area"}),
}
# Names that models use besides; a planner may use others, which are counted in units.
USUAL = {
    "persons": frozenset(
        {
            *("primary_nurses", "hospital_nurses", "primary_physicians", "hospital_physicians", "primary_gps"),
            *("public_health_doctors", "tcm_physicians", "psychiatrists", "paediatricians", "rehabilitation_staff"),
            *("pharmacists", "technicians", "other_staff", "mid_senior_physicians"),
        }
    ),
    "beds": frozenset(
        {
            *("hospital_beds", "primary_beds", "rehabilitation_beds", "geriatric_beds", "psychiatric_beds"),
            *("nursing_beds", "paediatric_beds", "emergency_beds", "reserved_beds"),
        }
    ),
    "teams": frozenset({"teams"}),
}
UNITS = (*COUNTED_IN, "units")


def named(what: str) -> str:
    """Return the name of a resource or function.

    Raises
    ------
    ValueError
        When it is no name in small letters.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", what):
        raise ValueError(say("reason.amount_name"))
    return what


Name = Annotated[str, pydantic.AfterValidator(named)]


def unit_of(resource: str) -> str:
    """Return the unit that a resource is counted in, as a key of the catalogue.

    >>> unit_of("township_beds")
    'beds'
    """
    named = (*COUNTED_IN.items(), *USUAL.items())
    return next((unit for unit, counted in named if resource in counted), "units")


def refuse_twice(names: tuple[str, ...]) -> None:
    """Refuse names of which one is given twice.

    Raises
    ------
    ValueError
        When one is.
    """
    if len(set(names)) < len(names):
        raise ValueError(say("reason.name_twice"))


def sites_of(case: Case, kinds: tuple[str, ...]) -> tuple[int, ...]:
    """Return the indices of the sites of some kinds."""
    return tuple(j for j, site in enumerate(case.sites) if site.kind in kinds)


def terms(case: Case, what: str, t: int, times: Number = 1, sites: Collection[int] | None = None) -> dict[Key, Number]:
    """Return the sum of what sites have of a resource, or of a function, in a year; of all sites unless told which."""
    if sites is None:
        counted, holders = case.holders(what)
        return {amount(counted, j, t): times for j in holders}
    named = ((case.counted_at(what, j), j) for j in sorted(sites))
    return {amount(counted, j, t): times for counted, j in named if counted is not None}


def held(case: Case, layout: Layout, what: str, t: int, sites: Collection[int] | None = None) -> Number:
    """Return how much of a resource, or of a function, sites have in a year; all sites unless told which."""
    if sites is None:
        counted, holders = case.holders(what)
        return sum((layout.amounts.get((counted, j, t), 0) for j in holders), 0)
    return sum((has(case, layout, what, j, t) for j in sites), 0)


def has(case: Case, layout: Layout, what: str, j: int, t: int) -> Number:
    """Return how much of a resource, or of a function, a site has in a year."""
    counted = case.counted_at(what, j)
    return 0 if counted is None else layout.amounts.get((counted, j, t), 0)


def scale(case: Case, share: Fraction, t: int) -> Fraction:
    """Return what a shortfall of a resource is divided by where it is asked for as a share of another one.

    How much there is of the other one, the plan decides, and a shortfall must be divided by a number: it is the share
    of one for every 1,000 residents, and at least 1.
    """
    return max(Fraction(1), share * case.total(t) / 1000)
