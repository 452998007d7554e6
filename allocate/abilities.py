"""Functions that institutions may have: services, departments, standards; where, after what, at what cost."""

from collections.abc import Collection, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Literal

import pydantic

from allocate.errors import Problem, Value
from allocate.postings import SENDERS
from allocate.resources import Resource
from allocate.rows import LEADS, UPGRADED
from allocate.tables import HOSPITAL_TYPES, HUB_KINDS, INSTITUTION_KINDS
from allocate.travel.circles import STRICT, Mode, Text
from allocate.units import Basis
from allocate.words import say

# A centre stays where it is: whoever is linked to it must be able to rely on it.
CENTRE_KINDS = ("hospital", *HUB_KINDS)
Kinds = tuple[Literal[INSTITUTION_KINDS], ...]  # type: ignore[valid-type]
Numbers = dict[str, Annotated[int, pydantic.Field(gt=0, le=100_000)]]


class Ability(pydantic.BaseModel):
    """One function: an institution has it or has it not.

    Attributes
    ----------
    at
        Kinds of institution that may set it up.
    only, types
        Ids of the institutions that may, and types of hospital; none named: all of these kinds.
    needs
        Functions that must have been at the same institution for so many calendar years (0: in the same plan year).
    always_at
        Kinds of institution that have it whenever they are open, such as an ambulance station, which is nothing else.
    staff
        How many of a resource work there at least.
    brings
        How many of a resource there may be where it is; where it is not, there is none.
    serves
        Kinds of institution that have it once they are linked to a centre, which is one that set it up.
    within
        Whether a centre serves the members of its own consortium only.
    members
        Most institutions linked to one centre; None: any number.
    mode, minutes
        How goods or people get to the centre, and the longest way [min]; empty: distance does not matter.
    opening, yearly
        What setting it up costs once, and what it costs in a calendar year [yuan].
    linking, linked_yearly
        The same for each institution that is linked [yuan].
    posted_by
        Instead of being set up: it is wherever somebody of this sender is posted.
    clauses
        Clauses that leave open whether or where there is one, and that it answers.
    """

    model_config = STRICT

    name: Text
    at: Kinds = pydantic.Field(min_length=1)
    only: tuple[str, ...] = ()
    types: tuple[Literal[HOSPITAL_TYPES], ...] = ()  # type: ignore[valid-type]
    needs: dict[str, Annotated[int, pydantic.Field(ge=0, le=20)]] = {}
    always_at: Kinds = ()
    staff: Numbers = {}
    brings: Numbers = {}
    serves: Kinds = ()
    within: Literal["district", "consortium"] = "district"
    members: int | None = pydantic.Field(default=None, gt=0, le=10_000)
    mode: str = ""
    minutes: int | None = pydantic.Field(default=None, gt=0, le=600)
    opening: int = pydantic.Field(default=0, ge=0, le=10**10)
    yearly: int = pydantic.Field(default=0, ge=0, le=10**10)
    linking: int = pydantic.Field(default=0, ge=0, le=10**9)
    linked_yearly: int = pydantic.Field(default=0, ge=0, le=10**9)
    posted_by: Literal["", *(one for one in SENDERS if one != "lead_hospital")] = ""  # type: ignore[valid-type]
    clauses: tuple[str, ...] = ()
    basis: Basis
    source: str = pydantic.Field(min_length=2)

    @pydantic.model_validator(mode="after")
    def _centres(self) -> "Ability":
        of_links = self.members or self.linking or self.linked_yearly or self.mode or self.minutes
        if not self.serves and (of_links or self.within == "consortium"):
            raise ValueError(say("reason.ability_serves"))
        if self.serves and (set(self.at) & set(self.serves) or set(self.at) - set(CENTRE_KINDS)):
            raise ValueError(say("reason.ability_centre", kinds=", ".join(CENTRE_KINDS)))
        if bool(self.mode) != (self.minutes is not None):
            raise ValueError(say("reason.ability_mode"))
        priced = self.opening or self.yearly or self.staff or self.brings or self.needs or self.serves or self.always_at
        if self.posted_by and priced:
            raise ValueError(say("reason.ability_posted"))
        if set(self.always_at) - set(self.at) or (self.always_at and (self.needs or self.only)):
            raise ValueError(say("reason.ability_always"))
        if self.types and "hospital" not in self.at:
            raise ValueError(say("reason.ability_types"))
        return self

    @property
    def is_priced(self) -> bool:
        """Tell whether it costs anything, once or in every year, where it is set up or where it is linked."""
        return bool(self.opening or self.yearly or self.linking or self.linked_yearly)

    @property
    def costs_once(self) -> bool:
        """Tell whether it costs something to come by it: to set it up, or to be linked."""
        return bool(self.opening or self.linking)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return the kinds of institution that may have it: set up or linked."""
        return (*self.at, *self.serves)


def faults(
    abilities: Mapping[str, Ability],
    resources: Mapping[str, Resource],
    modes: Mapping[str, Mode],
    file: str,
    *,
    joining: Collection[str],
    has_consortia: bool,
    has_postings: bool,
) -> Iterator[Problem]:
    """Yield what the functions of a model use that there is not, and prerequisites that go in a circle.

    `joining` holds the kinds of institution that are in consortia.
    """
    for name, one in abilities.items():
        table = f"functions.{name}"
        if (
            not name.isidentifier()
            or not name.isascii()
            or name != name.lower()
            or name in (*resources, UPGRADED, LEADS)
        ):
            yield Problem("problem.ability_name", file, column="functions", value=name)
        for other in one.needs:
            known = abilities.get(other)
            if known is None or other == name:
                rest = ", ".join(choice for choice in abilities if choice != name)
                yield Problem("problem.choice", file, column=f"{table}.needs", value=other, details={"choices": rest})
            elif not set(one.at) <= set(known.kinds):
                lacking = ", ".join(sorted(set(one.at) - set(known.kinds)))
                never = {"kinds": lacking, "function": name}
                yield Problem("problem.ability_never", file, column=f"{table}.needs", value=other, details=never)
        for key, numbers in (("staff", one.staff), ("brings", one.brings)):
            for what, number in numbers.items():
                column, resource = f"{table}.{key}", resources.get(what)
                if resource is None or resource.sum_of:
                    choices = ", ".join(other for other, each in resources.items() if not each.sum_of)
                    yield Problem("problem.choice", file, column=column, value=what, details={"choices": choices})
                    continue
                short = sorted(kind for kind in one.at if resource.at.get(kind, 0) < (number if key == "staff" else 1))
                if short:
                    details: dict[str, Value] = {"kinds": ", ".join(short), "number": number}
                    yield Problem("problem.ability_staff", file, column=column, value=what, details=details)
        if one.mode and one.mode not in modes:
            known_modes = {"choices": ", ".join(modes)}
            yield Problem("problem.choice", file, column=f"{table}.mode", value=one.mode, details=known_modes)
        if one.within == "consortium" and not has_consortia:
            yield Problem("problem.ability_consortium", file, column=f"{table}.within", value=one.within)
        outside = sorted(set(one.serves) - set(joining))
        if one.within == "consortium" and has_consortia and outside:
            never = {"kinds": ", ".join(outside), "members": ", ".join(joining)}
            yield Problem("problem.ability_outside", file, column=f"{table}.serves", value=outside[0], details=never)
        if one.posted_by and not has_postings:
            yield Problem("problem.ability_postings", file, column=f"{table}.posted_by", value=one.posted_by)
    circle = _circle(abilities)
    if circle:
        names = " → ".join(circle)
        yield Problem("problem.ability_circle", file, column=f"functions.{circle[0]}.needs", value=names)


def _circle(abilities: Mapping[str, Ability]) -> tuple[str, ...]:
    """Return functions each of which needs the next one, the last the first again; empty where there is no circle."""
    sorter = TopologicalSorter(
        {name: [other for other in one.needs if other != name] for name, one in abilities.items()}
    )
    try:
        sorter.prepare()
    except CycleError as error:
        # (It names each before the one that needs it, from one of them round to itself.)
        ring = [str(name) for name in error.args[1]][::-1][:-1]
        first = ring.index(min(ring))
        return (*ring[first:], *ring[:first], ring[first])
    return ()
