"""Named sites that stand, or do not stand, from a year on."""

from collections.abc import Iterator
from typing import ClassVar

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.layout import Layout
from allocate.rows import Breach, Number, Row, opened
from allocate.rules.base import STRICT, Rule, Wants, insist_on_each_once
from allocate.rules.forbid import Forbid
from allocate.rules.keep import Keep
from allocate.words import say


@dataclass(frozen=True, kw_only=True, config=STRICT)
class NamedSites(Rule):
    """The sites listed stand from a `year` on, or they do not (`stands = false`): as was decided, or as a what-if.

    Without a `year` it is so in every plan year. A site that opens stays open, so a candidate that is not to stand
    from a year on does not open before it either.
    """

    formula: ClassVar[str] = r"y_{jt} \ge 1 \;(y_{jt} \le 0) \quad \forall j \in S, t \ge t_0"
    after: ClassVar[str] = "Church & ReVelle 1974, Papers of the Regional Science Association 32(1)"
    unit: ClassVar[str] = "sites"
    indicator: ClassVar[str] = "indicator.named_sites"
    measured_in: ClassVar[str] = "sites"
    sees_places: ClassVar[bool] = False

    sites: tuple[str, ...] = pydantic.Field(min_length=1)
    stands: bool = True
    year: int | None = None

    def __post_init__(self) -> None:
        insist_on_each_once(self.sites)
        if self.year is not None and self.years:
            msg = say("reason.year_and_years")
            raise ValueError(msg)

    def holds_in(self, year: int) -> bool:
        """Tell whether the rule holds in a plan year."""
        return super().holds_in(year) and (self.year is None or year >= self.year)

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield one row per site and year."""
        for t in self.when(case):
            for name in self.sites:
                yield Row(
                    (name, case.years[t]),
                    {opened(case.site_index[name], t): 1},
                    ">=" if self.stands else "<=",
                    int(self.stands),
                    times=case.repeats[t],
                )

    def breaches(self, case: Case, layout: Layout) -> Iterator[Breach]:
        """Yield each site and year in which it is not as it should be."""
        words = "breach.keep" if self.stands else "breach.forbid"
        for t in self.when(case):
            for name in self.sites:
                if ((case.site_index[name], t) in layout.open) is not self.stands:
                    details = {"site": case.sites[case.site_index[name]].name}
                    yield Breach((name, case.years[t]), 1, 1, words, details)

    def measure(self, case: Case, layout: Layout, t: int) -> tuple[Number, Number]:
        """Return how many of the sites listed are as they should be, and how many are listed."""
        right = sum(((case.site_index[name], t) in layout.open) is self.stands for name in self.sites)
        return right, len(self.sites)

    def sense(self) -> Wants | None:
        """Say that as many as are listed should be as they should be."""
        return "at_least"


# Rules on sites that they name.
Named = Keep | Forbid | NamedSites


def to_stand(rule: Rule) -> tuple[str, ...]:
    """Return the sites that a rule wants to stand, by their ids; none where it is about something else."""
    match rule:
        case Keep() | NamedSites(stands=True):
            return rule.sites
    return ()


def to_go(rule: Rule) -> tuple[str, ...]:
    """Return the sites that a rule wants not to stand, by their ids; none where it is about something else."""
    match rule:
        case Forbid() | NamedSites(stands=False):
            return rule.sites
    return ()
