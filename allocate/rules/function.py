"""How many sites have a function, or are at a standard."""

from collections.abc import Iterator
from fractions import Fraction
from math import ceil
from typing import ClassVar, Literal

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.decisions.consortia import in_consortium
from allocate.layout import Layout
from allocate.rows import LEADS, Breach, Column, Key, Number, Row, added, amount, opened
from allocate.rules.amounts import Name, refuse_twice, sites_of
from allocate.rules.base import STRICT, Rule
from allocate.tables import HOSPITAL_TYPES
from allocate.units import exact
from allocate.words import say


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Function(Rule):
    """Each of these `functions` is had by a `share` of the open sites of these `kinds`, or by `at_least` of them.

    A function is whatever a site has or has not: a service, a department, a standard that it meets. Sites of all the
    kinds are counted together, of hospitals those of the `types` named. A shortfall of a share is divided by the share
    of all sites of these kinds that may be open: how many are, the plan decides. Scope `consortium` means the sites of
    each consortium by themselves, its lead among them: how many a share takes there, is rounded up in each.
    """

    formula: ClassVar[str] = (
        r"\sum_{j \in K} a_{fjt} \ge \alpha \sum_{j \in K} y_{jt}"
        r" \quad\text{or}\quad \sum_{j \in K} a_{fjt} \ge n \qquad \forall f, t"
    )
    after: ClassVar[str] = "Moore & ReVelle 1982, Management Science 28(7)"
    unit: ClassVar[str] = "sites"
    indicator: ClassVar[str] = "indicator.function"

    functions: tuple[Name, ...] = pydantic.Field(min_length=1)
    kinds: tuple[str, ...] = pydantic.Field(min_length=1)
    share: float | None = pydantic.Field(default=None, gt=0, le=1)
    at_least: int | None = pydantic.Field(default=None, gt=0)
    scope: Literal["district", "consortium"] = "district"
    types: tuple[Literal[HOSPITAL_TYPES], ...] = ()  # type: ignore[valid-type]
    sees_places: ClassVar[bool] = False

    def __post_init__(self) -> None:
        refuse_twice(self.functions)
        if (self.share is None) == (self.at_least is None):
            raise ValueError(say("reason.share_or_count"))

    @property
    def needs(self) -> frozenset[str]:  # type: ignore[override]
        """Return the decisions that the rule speaks of."""
        return frozenset({"siting", "functions"} | ({"consortia"} if self.scope == "consortium" else set()))

    @property
    def measured_in(self) -> str:  # type: ignore[override]
        """Return whether sites are counted, or are a share of all."""
        return "sites" if self.share is None else "share"

    @property
    def abilities(self) -> tuple[str, ...]:
        """Return the functions that are counted."""
        return self.functions

    def sites(self, case: Case) -> tuple[int, ...]:
        """Return the sites that are counted."""
        return tuple(j for j in sites_of(case, self.kinds) if case.sites[j].is_of(self.types))

    def _leads(self, case: Case) -> tuple[int, ...]:
        """Return the hospitals each of whose consortia is counted by itself; -1 stands for the whole district."""
        if self.scope == "district":
            return (-1,)
        return () if case.leading is None else case.leading.leads

    def _inside(self, case: Case, k: int, t: int) -> dict[int, Key]:
        """Return the variable that says whether a site is counted, by its index: it is open, or in the consortium."""
        if k < 0 or case.leading is None:
            return {j: opened(j, t) for j in self.sites(case)}
        keys = {j: in_consortium(case.leading, j, k, t) for j in self.sites(case)}
        return {j: key for j, key in keys.items() if key is not None}

    def columns(self, case: Case) -> Iterator[Column]:
        """Yield whether a site has a function and is in a consortium (0 or 1)."""
        for t, name, k, j in self._both(case):
            yield Column(_within(name, j, k, t))

    def ties(self, case: Case) -> Iterator[Row]:
        """Yield: only where it has the function, and only where it is a member."""
        for t, name, k, j in self._both(case):
            about, key = (name, case.sites[j].id, case.sites[k].id, case.years[t]), _within(name, j, k, t)
            yield Row(("has", *about), {key: 1, amount(name, j, t): -1}, "<=", 0)
            yield Row(("member", *about), {key: 1, self._inside(case, k, t)[j]: -1}, "<=", 0)

    def _both(self, case: Case) -> Iterator[tuple[int, str, int, int]]:
        """Yield year, function, lead and member that may be both: in its consortium, with the function."""
        for t in self.when(case) if self.scope == "consortium" else ():
            for k in self._leads(case):
                for j in self._inside(case, k, t):
                    yield from ((t, name, k, j) for name in self.functions if j != k and case.counted_at(name, j))

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield one row per function, year and consortium; a share of no sites needs none."""
        for t in self.when(case):
            for k in self._leads(case):
                inside = self._inside(case, k, t)
                for name in self.functions:
                    about: Key = (name, *self._part(case, k), case.years[t])
                    having: dict[Key, Number] = {
                        amount(name, j, t) if k in (-1, j) else _within(name, j, k, t): 1
                        for j in inside
                        if case.counted_at(name, j)
                    }
                    scale, times = self._scale(case), case.repeats[t]
                    if self.share is not None and inside:
                        share = exact(self.share)
                        asked: dict[Key, Number] = dict.fromkeys(inside.values(), -share)
                        yield Row(about, having | asked, ">=", 0, scale, times)
                    elif self.share is None and k < 0:
                        yield Row(about, having, ">=", scale, scale, times)
                    elif self.share is None:
                        yield Row(about, added(having, {amount(LEADS, k, t): -scale}), ">=", 0, scale, times)

    def breaches(self, case: Case, layout: Layout) -> Iterator[Breach]:
        """Yield each function, year and consortium with too few sites that have it."""
        for t in self.when(case):
            for k, members in self.counted(case, layout, t):
                for name in self.functions:
                    number, asked = self._having(layout, members, name, t), self.asked(members)
                    if number < asked:
                        about: Key = (name, *self._part(case, k), case.years[t])
                        details = {"number": number, "limit": ceil(asked)}
                        yield Breach(about, asked - number, self._scale(case), "breach.count_few", details)

    def causes(self, case: Case, layout: Layout, t: int) -> list[tuple[tuple[str, ...], Number]]:
        """Return the open sites without the functions that fall short, with the number of these that each lacks.

        Where a number of sites is asked for, no single site is the cause.
        """
        if self.share is None:
            return []
        lacking: dict[str, int] = {}
        for _, members in self.counted(case, layout, t):
            short = [name for name in self.functions if self._having(layout, members, name, t) < self.asked(members)]
            for j in members:
                missing = sum(not layout.has(name, j, t) for name in short)
                if missing:
                    lacking[case.sites[j].id] = missing
        return sorted((((site,), missing) for site, missing in lacking.items()), key=lambda one: (-one[1], one[0]))

    def measure(self, case: Case, layout: Layout, t: int) -> tuple[Number, Number]:
        """Return the share or number of sites with the function that fewest have, where it is least, and the target."""
        found: list[Number] = []
        for _, members in self.counted(case, layout, t):
            fewest = min(self._having(layout, members, name, t) for name in self.functions)
            found.append(fewest if self.share is None else Fraction(fewest, len(members)) if members else self.asks())
        return min(found, default=self.asks()), self.asks()

    def asks(self) -> Number:
        """Return the share or the number that is asked for."""
        return exact(self.share) if self.share is not None else self.at_least or 0

    def _part(self, case: Case, k: int) -> tuple[str, ...]:
        return () if k < 0 else (case.sites[k].id,)

    def counted(self, case: Case, layout: Layout, t: int) -> Iterator[tuple[int, list[int]]]:
        """Yield the sites that are counted together in a year: all that are open, or those of each consortium."""
        there = [j for j in self.sites(case) if (j, t) in layout.open]
        for k in self._leads(case):
            if k < 0:
                yield k, there
            elif layout.lead_of.get((k, t)) == k:
                # (In each consortium that there is.)
                yield k, [j for j in there if j == k or (j, k, t) in layout.members]

    def _having(self, layout: Layout, members: list[int], name: str, t: int) -> int:
        return sum(layout.has(name, j, t) for j in members)

    def asked(self, members: list[int]) -> Number:
        """Return how many of some sites that are counted together should have each function; a share may be broken."""
        return self.at_least or 0 if self.share is None else exact(self.share) * len(members)

    def _scale(self, case: Case) -> Number:
        if self.share is None:
            return self.at_least or 1
        return max(exact(self.share) * len(self.sites(case)), exact(self.share))


def _within(name: str, j: int, k: int, t: int) -> Key:
    """Return the helper variable: site `j` has a function and is in the consortium of hospital `k` (0 or 1)."""
    return ("within", name, j, k, t)
