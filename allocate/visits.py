"""How many visits residents make and staff can take: whether primary care could take the share that is wanted."""

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Literal

import pydantic

from allocate.errors import Problem, Value
from allocate.resources import Resource
from allocate.tables import BELOW_HUBS, HUB_KINDS, INSTITUTION_KINDS
from allocate.travel.circles import STRICT
from allocate.units import Basis

# Hubs, and the stations and clinics below them.
PRIMARY_KINDS = (*HUB_KINDS, *BELOW_HUBS)


class Visits(pydantic.BaseModel):
    """Visits to a doctor, of which a share should be made at primary care: a behaviour, and no decision.

    Attributes
    ----------
    at
        Kinds of institution that are primary care.
    per_resident
        Visits that a resident makes in a year, wherever.
    share
        Share of them that should be made at primary care.
    per_staff
        Visits that one of a resource there can take in a year.
    clauses
        Clauses that ask for this share: their lines on the scorecard say what primary care could take.
    """

    model_config = STRICT

    at: tuple[Literal[INSTITUTION_KINDS], ...] = pydantic.Field(default=PRIMARY_KINDS, min_length=1)  # type: ignore[valid-type]
    per_resident: float = pydantic.Field(gt=0, le=100)
    share: float = pydantic.Field(gt=0, le=1)
    per_staff: dict[str, Annotated[int, pydantic.Field(gt=0, le=100_000)]] = pydantic.Field(min_length=1)
    clauses: tuple[str, ...] = ()
    basis: Basis
    source: str = pydantic.Field(min_length=2)


def faults(
    visits: Visits | None, resources: Mapping[str, Resource], clauses: Collection[str] | None, file: str
) -> Iterator[Problem]:
    """Yield what the visits of a model use that there is not, and staff that would count twice.

    `clauses` are those in force; None where not all of them could be read.
    """
    if visits is None:
        return
    column = "visits.per_staff"
    for name in visits.per_staff:
        resource = resources.get(name)
        if resource is None or resource.sum_of or resource.held_back:
            known = ", ".join(other for other, each in resources.items() if not (each.sum_of or each.held_back))
            yield Problem("problem.choice", file, column=column, value=name, details={"choices": known})
            continue
        if not set(resource.at) & set(visits.at):
            details: dict[str, Value] = {"kinds": ", ".join(visits.at)}
            yield Problem("problem.visits_nowhere", file, column=column, value=name, details=details)
        twice = sorted({resource.part_of, *resource.needs} & set(visits.per_staff))
        if twice:
            yield Problem("problem.visits_twice", file, column=column, value=name, details={"other": ", ".join(twice)})
    if clauses is not None:
        for code in visits.clauses:
            if code not in clauses:
                yield Problem("problem.visits_clause", file, column="visits.clauses", value=code)
