"""What the rules on amounts have in common: how resources are named, in what they are counted, and their limits."""

import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Annotated

import pydantic

from allocate.case import Case
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
    "square_metres": frozenset({"floor_area", "mch_floor_area"}),
}
UNITS = (*COUNTED_IN, "units")


def _named(what: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", what):
        raise ValueError(say("reason.amount_name"))
    return what


Name = Annotated[str, pydantic.AfterValidator(_named)]


def unit_of(resource: str) -> str:
    """Return the unit that a resource is counted in, as a key of the catalogue.

    >>> unit_of("township_beds")
    'beds'
    """
    return next((unit for unit, counted in COUNTED_IN.items() if resource in counted), "units")


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


def terms(sites: Iterable[int], what: str, t: int, times: Number = 1) -> dict[Key, Number]:
    """Return the sum of what sites have of a resource, or of a function, in a year."""
    return {amount(what, j, t): times for j in sites}


def scale(case: Case, share: Fraction, t: int) -> Fraction:
    """Return what a shortfall of a resource is divided by where it is asked for as a share of another one.

    How much there is of the other one, the plan decides, and a shortfall must be divided by a number: it is the share
    of one for every 1,000 residents, and at least 1.
    """
    return max(Fraction(1), share * case.total(t) / 1000)
