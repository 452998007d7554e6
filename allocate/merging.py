"""Makes a case smaller without losing anything, and gives the full answer back."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from allocate.case import Case
from allocate.layout import Layout
from allocate.rules import Rule


@dataclass(frozen=True)
class Reduced:
    """A smaller case, and which of its years stands for which of the original ones.

    Attributes
    ----------
    case
        The smaller case.
    year_of
        Index into the smaller case's years, for every original year.
    """

    case: Case
    year_of: tuple[int, ...]

    def expand(self, layout: Layout) -> Layout:
        """Return the layout of the original case."""
        years: dict[int, list[int]] = {}
        for t, merged in enumerate(self.year_of):
            years.setdefault(merged, []).append(t)
        return Layout(
            open=frozenset((j, t) for j, merged in layout.open for t in years[merged]),
            serve={(i, j, t): n for (i, j, merged), n in layout.serve.items() for t in years[merged]},
            amounts={(what, j, t): n for (what, j, merged), n in layout.amounts.items() for t in years[merged]},
        )


def merge_years(case: Case, rules: Iterable[Rule]) -> Reduced:
    """Merge neighbouring years in which the people are the same and the same rules hold.

    Nothing is lost. Take any plan and two such years t < u. Whatever is laid out in one of them can be laid out in
    both: the rules and the people do not tell them apart, a candidate that opens at u may open at t already, and a
    site that closes at u may close at t already. Cost, travel and shortfalls are sums or maxima over years with
    positive weights, so laying out in both years what is lexicographically the better of the two is at least as
    good; and what a plan opens, it pays for once, whenever. A rule that looks at changes between years (openings
    in a year, spending in a year) tells them apart, so its years stay as they are, and so does the year before each:
    what is open then, and not what was open earlier, decides what changes.
    """
    rules = list(rules)
    groups: list[list[int]] = []
    for t in case.periods:
        if groups and _alike(case, rules, groups[-1][-1], t):
            groups[-1].append(t)
        else:
            groups.append([t])
    first = [group[0] for group in groups]
    year_of = tuple(n for n, group in enumerate(groups) for _ in group)
    merged = replace(
        case,
        years=tuple(case.years[t] for t in first),
        spans=tuple(sum(case.spans[t] for t in group) for group in groups),
        repeats=tuple(sum(case.repeats[t] for t in group) for group in groups),
        people=case.people[:, first],
    )
    return Reduced(merged, year_of)


def _alike(case: Case, rules: Iterable[Rule], earlier: int, later: int) -> bool:
    def holds(rule: Rule, t: int) -> bool:
        return not rule.years or case.years[t] in rule.years

    def sees(rule: Rule, t: int) -> bool:
        return rule.sees_changes and t in case.periods and holds(rule, t)

    return bool(np.array_equal(case.people[:, earlier], case.people[:, later])) and all(
        holds(rule, earlier) == holds(rule, later) and not sees(rule, later) and not sees(rule, later + 1)
        for rule in rules
    )
