"""What a comparison of plans says, as plain data: every difference between two plans, and how the other one fares."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from allocate.units import exact

Figure = int | float | None
# How one of two plans fares beside the first one; `unknown` where that cannot be told.
Verdict = Literal["better", "worse", "same", "unknown"]
# Why the values of a stage prove nothing about two plans.
Doubt = Literal["", "gap", "asked", "people", "years", "absent"]
SiteChange = Literal[
    "only_first", "only_other", "same_spot", "other_kind", "other_year", "other_action", "other_spot",
]  # fmt: skip

# From best to worst for people: at a site, visited for good, visited at times, no room left, nobody near.
BEST_FIRST = ("served", "posted", "rounds", "no_capacity", "out_of_range")
# A way that is shorter or longer by no more than this is the same [min].
FELT_MINUTES = 1
# Digits of a degree that tell spots apart: about a metre.
_SPOT_DIGITS = 5


@dataclass(frozen=True)
class Summary:
    """A plan in figures, as the table of plans shows it.

    Attributes
    ----------
    gap
        The largest gap of its stages, as a share.
    cost
        What all its years cost together [yuan].
    met, missed
        Clauses and years that it meets, and misses.
    people, served
        Residents, and those of them whom a site serves, in its last year [persons].
    """

    plan: str
    model: str
    as_of: str
    years: tuple[int, ...]
    outcome: str
    gap: float
    version: str
    cost: int
    met: int
    missed: int
    people: int
    served: int


@dataclass(frozen=True)
class Setting:
    """Something that two plans were made with, and that differs: a key of the model, an input's checksum, a version.

    Attributes
    ----------
    clause
        The clause that a rule cites; empty where there is none.
    first, other
        Its value in each plan, as text; None where a plan has no such thing.
    """

    what: Literal["setting", "input", "version"]
    item: str
    clause: str
    first: str | None
    other: str | None


@dataclass(frozen=True)
class Stage:
    """A stage of two plans: what it is worth, what no plan of the same model can fall below, and who is better.

    Attributes
    ----------
    difference
        By how much the other plan's value is higher; a lower one is better. None where one plan lacks the stage.
    low, high
        Between these lies the difference of the best plans that each model has.
    verdict, why
        How the other plan fares, and why that cannot be told.
    given
        Whether the verdict takes for granted what the plans reached in the stages before, which is not proven best.
    """

    stage: str
    unit: str
    first: Figure
    first_bound: Figure
    first_gap: float | None
    other: Figure
    other_bound: Figure
    other_gap: float | None
    difference: Figure
    low: Figure
    high: Figure
    verdict: Verdict
    why: Doubt
    given: bool


@dataclass(frozen=True)
class Line:
    """A line of the scorecard that differs: its status, value, target or shortfall in each plan; None: no such line.

    `verdict` compares how it is met; where the plans ask for different things, that cannot be told.
    """

    rule: str
    clause: str
    year: int | None
    strength: str | None
    indicator: str | None
    unit: str | None
    shortfall_unit: str | None
    first_status: str | None
    other_status: str | None
    first_target: Figure
    other_target: Figure
    first_value: Figure
    other_value: Figure
    first_shortfall: Figure
    other_shortfall: Figure
    verdict: Verdict


@dataclass(frozen=True)
class Amount:
    """How much of something each plan has in a year; None of the years: all of them together.

    Attributes
    ----------
    group
        What is counted: `money`, `open`, `staff`, `postings`, `rounds`, `consortia`, `functions`.
    item
        Which of them: a column of the budget, a kind of site, a resource, a specialty, a way, a function.
    first, other
        How much [yuan for money]; None where a plan decides no such thing.
    """

    group: str
    item: str
    year: int | None
    first: int | None
    other: int | None

    @property
    def difference(self) -> int | None:
        """Return by how much the other plan has more; None where one does not say."""
        return None if self.first is None or self.other is None else self.other - self.first


@dataclass(frozen=True)
class Standing:
    """What becomes of a site in one plan, in the years that are compared.

    Attributes
    ----------
    years
        Years in which it stands open.
    actions
        Year and action, in order.
    people
        Whom it serves in the last year in which it stands [persons].
    """

    id: str
    name: str
    kind: str
    town: str
    lon: float | None
    lat: float | None
    basis: str
    years: tuple[int, ...]
    actions: tuple[tuple[int, str], ...]
    people: int

    @property
    def spot(self) -> tuple[float, float] | None:
        """Return where it stands [°], to about a metre."""
        if self.lon is None or self.lat is None:
            return None
        return round(self.lon, _SPOT_DIGITS), round(self.lat, _SPOT_DIGITS)


@dataclass(frozen=True)
class SiteDifference:
    """A site of which the plans differ; of one that stands under another id at the same spot, both ids."""

    change: SiteChange
    first: Standing | None
    other: Standing | None


@dataclass(frozen=True)
class Town:
    """A town, or the district (`district`), in a year: residents, people served, people within the circle [persons].

    `covered` is None where the plans' circles differ, or say nothing.
    """

    year: int
    scope: str
    first_people: int
    other_people: int
    first_served: int
    other_served: int
    first_covered: int | None
    other_covered: int | None

    @property
    def more(self) -> int:
        """Return how many people more the other plan serves."""
        return self.other_served - self.first_served


@dataclass(frozen=True)
class Faring:
    """How some people of a place fare in one plan."""

    status: str
    site: str | None
    minutes: float | None

    @property
    def rank(self) -> tuple[int, Fraction, str]:
        """Return an order from best to worst."""
        minutes = exact(self.minutes) if self.minutes is not None else Fraction(0)
        return BEST_FIRST.index(self.status), minutes, self.site or ""


@dataclass(frozen=True)
class Part:
    """People of a place and year who fare alike in both plans.

    Attributes
    ----------
    share
        Their share of the people of the place.
    people
        How many they are [persons]; None where the plans do not agree on how many people the place has.
    first, other
        How they fare; None where a plan does not know the place.
    """

    year: int
    place: str
    share: Fraction
    people: int | None
    first: Faring | None
    other: Faring | None

    @property
    def verdict(self) -> Verdict:
        """Return how they fare with the other plan: a better status, or a way that is shorter by more than a minute."""
        if self.first is None or self.other is None:
            return "unknown"
        before, after = (BEST_FIRST.index(one.status) for one in (self.first, self.other))
        if before != after:
            return "better" if after < before else "worse"
        # (Only who is at a site goes there; to the others minutes say what is near.)
        if self.first.status != "served" or self.first.minutes is None or self.other.minutes is None:
            return "same"
        longer = exact(self.other.minutes) - exact(self.first.minutes)
        if abs(longer) <= FELT_MINUTES:
            return "same"
        return "worse" if longer > 0 else "better"

    @property
    def is_elsewhere(self) -> bool:
        """Tell whether they go to another site."""
        return self.first is not None and self.other is not None and self.first.site != self.other.site


@dataclass(frozen=True)
class People:
    """Everybody in a year, each person once [persons].

    better + worse + same + first_unknown = first_people, and the same with `other`.

    Attributes
    ----------
    elsewhere
        Of those who fare the same: who goes to another site.
    first_unknown, other_unknown
        People of places that the other one of the two plans does not know, or knows with other people.
    """

    year: int
    better: int = 0
    worse: int = 0
    same: int = 0
    elsewhere: int = 0
    first_unknown: int = 0
    other_unknown: int = 0
    first_people: int = 0
    other_people: int = 0


@dataclass(frozen=True)
class Pair:
    """What sets a plan apart from the first one.

    Attributes
    ----------
    first, other
        What the plans are called.
    is_same
        Whether both say the same in everything.
    years
        The years that both have: nothing else is compared.
    first_years, other_years
        Years that only one of them has.
    counts
        Lines of the scorecard that are met, and missed, in the years compared: (first, other).
    money
        By year and column of the budget, where any plan has any; then the total of all years.
    amounts
        Sites open by kind, staff and beds, postings, rounds, consortia and functions, by year.
    parts
        People of places who fare better or worse, or of whom it cannot be told.
    """

    first: str
    other: str
    is_same: bool
    years: tuple[int, ...]
    first_years: tuple[int, ...]
    other_years: tuple[int, ...]
    settings: tuple[Setting, ...]
    stages: tuple[Stage, ...]
    scorecard: tuple[Line, ...]
    counts: Mapping[str, tuple[int, int]]
    money: tuple[Amount, ...]
    sites: tuple[SiteDifference, ...]
    amounts: tuple[Amount, ...]
    towns: tuple[Town, ...]
    people: tuple[People, ...]
    parts: tuple[Part, ...]

    @property
    def cost(self) -> Stage | None:
        """Return the stage that proves what the plans cost; None where none of them makes the cost small."""
        return next((stage for stage in self.stages if stage.stage == "cost"), None)

    @property
    def is_of_same_people(self) -> bool:
        """Tell whether both plans have the same people everywhere and in every year."""
        return not any(year.first_unknown or year.other_unknown for year in self.people)


@dataclass(frozen=True)
class Comparison:
    """Plans of one district beside the first of them.

    Attributes
    ----------
    plans
        Every plan in figures, the first one first.
    pairs
        The first plan with each of the others, in their order.
    """

    plans: tuple[Summary, ...]
    pairs: tuple[Pair, ...]
