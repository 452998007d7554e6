"""The common language of rules, goals and the solver: columns, rows, breaches; plain data, no solver."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fractions import Fraction
from typing import Literal

from allocate.words import language, say, term

Key = tuple[str | int, ...]
Number = int | Fraction
Sense = Literal[">=", "<=", "=="]


class Strength(StrEnum):
    """How strongly a clause binds; physics is never given up, policy is given up weakest first."""

    PHYSICS = "physics"
    MUST = "must"
    IN_PRINCIPLE = "in_principle"
    STRIVE = "strive"
    ENCOURAGE = "encourage"


POLICY = (Strength.MUST, Strength.IN_PRINCIPLE, Strength.STRIVE, Strength.ENCOURAGE)
# Details of a breach that name a resource or a specialty.
_NAMED = ("resource", "made_of", "specialty")


# What a plan may decide; a rule names those that it speaks of.
DECISIONS = ("siting", "staff", "functions", "postings", "rounds", "consortia", "contracts")


@dataclass(frozen=True)
class Column:
    """A variable: what it decides, its range, and whether it is a whole number."""

    key: Key
    low: Number = 0
    high: Number = 1
    whole: bool = False


@dataclass(frozen=True)
class Row:
    """One inequality over named variables.

    Attributes
    ----------
    about
        What the row speaks of: unique within its rule, and the same as the breach's.
    terms
        Coefficient by variable.
    target
        What a shortfall is divided by to become a breach.
    times
        Plan years that the row stands for, where years were merged.
    implied
        Whether the other rows and whole numbers imply it: it only helps the solver, and may be left out.
    """

    about: Key
    terms: Mapping[Key, Number]
    sense: Sense
    bound: Number
    target: Number = 1
    times: int = 1
    implied: bool = False


def without(row: Row, value: Callable[[Key], Number | None]) -> Row | None:
    """Return the row that remains where some variables have a value; None where it speaks of nothing else."""
    rest: dict[Key, Number] = {}
    bound = row.bound
    for key, times in row.terms.items():
        number = value(key)
        if number is None:
            rest[key] = times
        else:
            bound -= times * number
    return replace(row, terms=rest, bound=bound) if rest else None


@dataclass(frozen=True)
class Breach:
    """One place or year where a finished plan misses a rule.

    Attributes
    ----------
    shortfall
        What is missing, in the rule's unit; never below 0.
    target
        What the shortfall is divided by.
    words
        Catalogue key of the sentence that says it, and what it fills in.
    """

    about: Key
    shortfall: Number
    target: Number
    words: str
    details: Mapping[str, object] = field(default_factory=dict)

    @property
    def share(self) -> Fraction:
        """Return the shortfall as a share of the target."""
        return Fraction(self.shortfall) / Fraction(self.target)

    def sentence(self) -> str:
        """Say the breach in the language of the session: staff, specialties and ways by what people call them."""
        named = {key: term(str(self.details[key])) for key in _NAMED if key in self.details}
        # (What the planner names in both languages, such as a way of outreach.)
        named |= {key: name[language()] for key, name in self.details.items() if isinstance(name, Mapping)}
        return say(self.words, **{**self.details, **named})


def opened(j: int, t: int) -> Key:
    """Return the variable: site `j` is open in year `t` (0 or 1)."""
    return ("open", j, t)


def serves(i: int, j: int, t: int) -> Key:
    """Return the variable: people of place `i` whom site `j` serves in year `t` [persons]."""
    return ("serve", i, j, t)


def served(i: int, t: int) -> Key:
    """Return the variable: people of place `i` who are served in year `t` [persons]."""
    return ("served", i, t)


# The amount that says whether a site was enlarged (0 or 1); no resource may bear this name.
UPGRADED = "upgraded"
# The amount that says whether a hospital leads a consortium (0 or 1); nor this one.
LEADS = "leads"


def possibly(d: int, g: int, j: int, t: int) -> Key:
    """Return the people of a group whom a site serves in a year in one of the possible districts [persons]."""
    return ("possibly", d, g, j, t)


def opens(j: int, t: int) -> Key:
    """Return the helper variable: site `j`, which may close again, opens in year `t` (0 or 1)."""
    return ("opens", j, t)


def moves(old: int, new: int, t: int) -> Key:
    """Return the helper variable: site `old` closes in year `t` and moves to where `new` opens (0 to 1)."""
    return ("moves", old, new, t)


def amount(what: str, index: int, t: int) -> Key:
    """Return the variable: how much of something, or whether (0 or 1), a site, place or town has in year `t`."""
    return ("amount", what, index, t)


def tours(pool: int, months: int, j: int, t: int) -> Key:
    """Return the variable: tours of so many months that a pool sends to site `j` in year `t`."""
    return ("tours", pool, months, j, t)


def visits(way: str, stop: int, j: int, t: int) -> Key:
    """Return the variable: site `j` visits a village or town in year `t`, in a way of outreach (0 or 1)."""
    return ("visit", way, stop, j, t)


def joins(j: int, k: int, t: int) -> Key:
    """Return the variable: site `j` is in the consortium that hospital `k` leads in year `t` (0 or 1)."""
    return ("joins", j, k, t)


def linked(function: str, j: int, k: int, t: int) -> Key:
    """Return the variable: site `j` has a function in year `t` from the centre at site `k` (0 or 1)."""
    return ("linked", function, j, k, t)


def begins(function: str, j: int, t: int) -> Key:
    """Return the helper variable: a function is set up at site `j`, which may close again, in year `t` (0 or 1)."""
    return ("begins", function, j, t)


def contract(home: int, j: int, t: int) -> Key:
    """Return the variable: a care home has a contract with site `j` in year `t` (0 or 1)."""
    return ("contract", home, j, t)


def added(*sums: Mapping[Key, Number]) -> dict[Key, Number]:
    """Return the sum of sums that may name the same variable."""
    whole: dict[Key, Number] = {}
    for part in sums:
        for key, times in part.items():
            whole[key] = whole.get(key, 0) + times
    return whole
