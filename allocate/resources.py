"""What a plan may put at a site beside the site itself: staff, beds, teams; where, at most how many, at what cost."""

from collections.abc import Mapping
from typing import Annotated

import pydantic

from allocate.tables import HUB_KINDS, INSTITUTION_KINDS, NOT_GONE_TO
from allocate.travel.circles import STRICT
from allocate.units import Basis
from allocate.words import say

# Suffixes of the amounts that say how an employer's staff changes, beside what works at each site.
JOINED, LENT, BORROWED, SPARE = "joined", "lent", "borrowed", "spare"
FLOWS = (JOINED, LENT, BORROWED, SPARE)


def flow(resource: str, which: str) -> str:
    """Return the name of an amount that says how an employer's staff changes.

    >>> flow("nurses", "joined")
    'nurses.joined'
    """
    return f"{resource}.{which}"


def _known_kinds[T](by_kind: dict[str, T]) -> dict[str, T]:
    unknown = set(by_kind) - set(INSTITUTION_KINDS)
    if unknown:
        msg = say("reason.kinds", unknown=", ".join(sorted(unknown)), kinds=", ".join(INSTITUTION_KINDS))
        raise ValueError(msg)
    return by_kind


Posts = Annotated[dict[str, Annotated[int, pydantic.Field(gt=0, le=100_000)]], pydantic.AfterValidator(_known_kinds)]
Shares = Annotated[
    dict[str, Annotated[float, pydantic.Field(ge=0, le=1)]],
    pydantic.AfterValidator(_known_kinds),
]


class Resource(pydantic.BaseModel):
    """Staff, beds or teams of one kind.

    Attributes
    ----------
    at
        Most at one site, by kind of site: its posts.
    yearly, adding
        What one costs in a calendar year, and what one more costs once: recruiting, training, building [yuan].
    per_year
        How many can join in a calendar year in the whole district: the labour market, or the places for training.
        None without a limit.
    leaves
        Share of today's that leaves in each calendar year: retirement.
    today, today_at
        How many there are today for every 1,000 residents where the district's staff.csv does not say, and how they
        are shared out among the kinds of site.
    part_of
        Resource of which each is one too: a general practitioner is a physician.
    held_back
        Whether the part is only set aside, such as beds for those referred: nobody is hired, and it costs nothing.
    needs
        How many of other resources at the same site each takes: a team is made of people.
    lent
        Whether hospitals may lend them to hubs (区管镇用). Within a hub's own stations and clinics all may work
        (镇聘村用).
    sum_of, kinds
        Instead of all the above: the sum of another resource over sites of some kinds, under a name of its own.
    """

    model_config = STRICT

    at: Posts = {}
    yearly: int = pydantic.Field(default=0, ge=0, le=10**9)
    adding: int = pydantic.Field(default=0, ge=0, le=10**9)
    per_year: int | None = pydantic.Field(default=None, ge=0, le=10**6)
    leaves: float = pydantic.Field(default=0.0, ge=0, lt=1)
    today: float = pydantic.Field(default=0.0, ge=0, le=1000)
    today_at: Shares = {}
    part_of: str = ""
    held_back: bool = False
    needs: dict[str, Annotated[int, pydantic.Field(gt=0, le=1000)]] = {}
    lent: bool = False
    sum_of: str = ""
    kinds: tuple[str, ...] = ()
    basis: Basis
    source: str = pydantic.Field(min_length=2)

    @pydantic.model_validator(mode="after")
    def _one_or_the_other(self) -> "Resource":
        own = self.model_fields_set - {"sum_of", "kinds", "basis", "source"}
        if bool(self.at) == bool(self.sum_of) or bool(self.sum_of) != bool(self.kinds) or (self.sum_of and own):
            raise ValueError(say("reason.resource_at"))
        if self.today and (not self.today_at or abs(sum(self.today_at.values()) - 1) > 1e-9):
            raise ValueError(say("reason.today_at"))
        if set(self.today_at) - set(self.at):
            raise ValueError(say("reason.today_at"))
        if self.held_back and (not self.part_of or own - {"at", "part_of", "held_back"}):
            raise ValueError(say("reason.held_back"))
        _known_kinds(dict.fromkeys(self.kinds, 0))
        return self

    @property
    def is_formed(self) -> bool:
        """Tell whether it is made of others, such as a team of people: nobody employs it."""
        return bool(self.needs)


Resources = Mapping[str, Resource]


def is_employed(resources: Resources, name: str) -> bool:
    """Tell whether somebody employs a resource: it is no sum, not set aside, and neither it nor its whole is formed."""
    resource = resources[name]
    if resource.sum_of or resource.is_formed or resource.held_back:
        return False
    return not resource.part_of or is_employed(resources, resource.part_of)


def employers(kind: str) -> bool:
    """Tell whether sites of a kind employ by themselves; the others' staff belongs to the hub above them."""
    return kind in (*HUB_KINDS, "hospital", *NOT_GONE_TO)
