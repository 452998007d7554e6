"""How large every consortium is, and how many there are."""

from collections.abc import Iterator
from typing import ClassVar, Literal

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.decisions.consortia import in_consortium
from allocate.gaps import shown_number
from allocate.layout import Layout
from allocate.rows import LEADS, Breach, Key, Number, Row, amount
from allocate.rules.base import STRICT, Rule, Wants, refuse_limits, wants_of


@dataclass(frozen=True, kw_only=True, config=STRICT)
class ConsortiumSize(Rule):
    """Every consortium has between `at_least` and `at_most` people, or members, or there are so many consortia.

    `of` says what is counted: `people`, those of its hubs (each place belongs to the nearest hub of its town);
    `members`, without the lead; or `consortia`, how many of them the district has.
    """

    formula: ClassVar[str] = (
        r"n\, l_{kt} \le \sum_j p_{jt} m_{jkt} \le N\, l_{kt}"
        r" \quad\text{or}\quad n \le \sum_k l_{kt} \le N \qquad \forall k, t"
    )
    after: ClassVar[str] = "Hess, Weaver, Siegfeldt, Whelan & Zitlau 1965, Operations Research 13(6)"
    indicator: ClassVar[str] = "indicator.consortium_size"
    needs: ClassVar[frozenset[str]] = frozenset({"siting", "consortia"})
    sees_places: ClassVar[bool] = False

    of: Literal["people", "members", "consortia"]
    at_least: int | None = pydantic.Field(default=None, gt=0)
    at_most: int | None = pydantic.Field(default=None, gt=0)

    def __post_init__(self) -> None:
        refuse_limits(self.at_least, self.at_most)

    @property
    def unit(self) -> str:  # type: ignore[override]
        """Return what is counted."""
        return {"people": "persons", "members": "sites", "consortia": "units"}[self.of]

    @property
    def measured_in(self) -> str:  # type: ignore[override]
        """Return what is counted."""
        return self.unit

    def sense(self) -> Wants | None:
        """Return whether a least or a most is asked for."""
        return wants_of(self.at_least, self.at_most)

    def asks(self) -> Number:
        """Return the number asked for."""
        return self.at_least or self.at_most or 0

    def _sizes(self, case: Case, t: int) -> Iterator[tuple[int, dict[Key, Number]]]:
        """Yield each lead, and the sum that its consortium comes to; -1 and the number of them."""
        if case.leading is None:
            return
        leads = case.leading.leads
        if self.of == "consortia":
            yield -1, {amount(LEADS, k, t): 1 for k in leads}
            return
        for k in leads:
            members = case.leading.members_of(k)
            keys = {j: in_consortium(case.leading, j, k, t) for j in members}
            yield k, {key: case.people_of_hub(j, t) if self.of == "people" else 1 for j, key in keys.items() if key}

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield a row per limit, year and hospital that may lead; who leads none has no size."""
        for t in self.when(case):
            for k, size in self._sizes(case, t):
                part = (case.sites[k].id,) if k >= 0 else ()
                for which, limit in (("least", self.at_least), ("most", self.at_most)):
                    if limit is None:
                        continue
                    terms: dict[Key, Number] = size | ({amount(LEADS, k, t): -limit} if k >= 0 else {})
                    bound = 0 if k >= 0 else limit
                    sense: Literal[">=", "<="] = ">=" if which == "least" else "<="
                    yield Row((*part, which, case.years[t]), terms, sense, bound, limit, case.repeats[t])

    def found(self, case: Case, layout: Layout, t: int) -> Iterator[tuple[int, int]]:
        """Yield each lead and the size of its consortium; -1 and how many there are."""
        leads = layout.leads_in(t)
        if self.of == "consortia":
            yield -1, len(leads)
            return
        for k in leads:
            members = layout.members_of(k, t)
            yield k, sum(case.people_of_hub(j, t) for j in members) if self.of == "people" else len(members)

    def breaches(self, case: Case, layout: Layout) -> Iterator[Breach]:
        """Yield each consortium and year whose size is beyond a limit."""
        for t in self.when(case) if case.leading is not None else ():
            for k, size in self.found(case, layout, t):
                part = (case.sites[k].id,) if k >= 0 else ()
                for which, limit in (("least", self.at_least), ("most", self.at_most)):
                    if limit is None or (size >= limit if which == "least" else size <= limit):
                        continue
                    details = {"amount": shown_number(size), "limit": shown_number(limit)}
                    words = "breach.amount_few" if which == "least" else "breach.amount_many"
                    yield Breach((*part, which, case.years[t]), abs(size - limit), limit, words, details)

    def measure(self, case: Case, layout: Layout, t: int) -> tuple[Number, Number]:
        """Return the size that is farthest off, or nearest to a limit, and that limit."""
        sizes = [size for _, size in self.found(case, layout, t)]
        off = [
            (size - limit if which == "least" else limit - size, size, limit)
            for size in sizes
            for which, limit in (("least", self.at_least), ("most", self.at_most))
            if limit is not None
        ]
        _, size, limit = min(off, key=lambda one: (one[0] / one[2], one), default=(0, self.asks(), self.asks()))
        return size, limit
