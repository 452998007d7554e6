"""How many people there are to a site."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Annotated, ClassVar, Literal

import pydantic
from pydantic.dataclasses import dataclass

from allocate.case import Case
from allocate.layout import Layout
from allocate.rows import Breach, Key, Number, Row, amount, opened
from allocate.rules.amounts import named
from allocate.rules.base import STRICT, Rule, Wants, refuse_limits
from allocate.rules.scopes import parts, site_parts
from allocate.tables import SETTINGS

_EVERYWHERE = ("", *SETTINGS)


def _named_or_none(function: str) -> str:
    return named(function) if function else ""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class PeoplePerSite(Rule):
    """To each open site of these `kinds` there are at least `at_least` and at most `at_most` people.

    People and sites are counted in the district or in each town, and a part where people live needs at least one site.
    `setting` counts the people of urban or of rural places only; a `function` counts only the sites that have it, so
    that one ambulance station for so many people may stand at a hospital or by itself. Where no number of sites suits
    both limits, such as 16,000 people at 10,000 to 15,000 a site, the upper one decides: two.
    """

    formula: ClassVar[str] = (
        r"\Big\lceil \frac{1}{u} \sum_{i \in S} p_{it} \Big\rceil \le \sum_{j \in S} y_{jt} "
        r"\le \Big\lfloor \frac{1}{l} \sum_{i \in S} p_{it} \Big\rfloor \quad \forall S, t"
    )
    after: ClassVar[str] = "ReVelle & Swain 1970, Geographical Analysis 2(1)"
    unit: ClassVar[str] = "sites"
    indicator: ClassVar[str] = "indicator.people_per_site"
    measured_in: ClassVar[str] = "sites"

    kinds: tuple[str, ...] = pydantic.Field(min_length=1)
    at_least: int | None = pydantic.Field(default=None, gt=0)
    at_most: int | None = pydantic.Field(default=None, gt=0)
    scope: Literal["district", "town"] = "district"
    setting: Literal[_EVERYWHERE] = ""  # type: ignore[valid-type]
    function: Annotated[str, pydantic.AfterValidator(_named_or_none)] = ""

    def __post_init__(self) -> None:
        refuse_limits(self.at_least, self.at_most)

    @property
    def needs(self) -> frozenset[str]:  # type: ignore[override]
        """Return the decisions that the rule speaks of."""
        return frozenset({"siting", "functions"} if self.function else {"siting"})

    @property
    def abilities(self) -> tuple[str, ...]:
        """Return the function that a site must have to be counted."""
        return (self.function,) if self.function else ()

    def number(self, layout: Layout, inside: tuple[int, ...], t: int) -> int:
        """Return how many of some sites count in a year: those open, or those that have the function."""
        if self.function:
            return sum(layout.has(self.function, j, t) for j in inside)
        return sum((j, t) in layout.open for j in inside)

    def parts(self, case: Case, t: int) -> Iterator[tuple[str, tuple[int, ...], int, int | None]]:
        """Yield each part, its sites of these kinds, and how many must and may be open; None without a limit."""
        sites = dict(site_parts(case, self.scope))
        for part, members in parts(case, self.scope):
            inside = tuple(j for j in sites[part] if case.sites[j].kind in self.kinds and self._may_count(case, j))
            counted = (i for i in members if not self.setting or case.place_settings[i] == self.setting)
            people = sum(int(case.people[i, t]) for i in counted)
            must = 0 if self.at_most is None else -(-people // self.at_most)
            may = None if self.at_least is None else max(must, people // self.at_least)
            yield part, inside, must, may

    def tells_apart(self, case: Case, i: int) -> Key:
        """Return the part of the district and the setting that its people count for."""
        part = case.town_of[i] if self.scope == "town" else ""
        return part, case.place_settings[i] if self.setting else ""

    def rows(self, case: Case) -> Iterator[Row]:
        """Yield a row per limit, part and year; a part without people needs no site."""
        for t in self.when(case):
            for part, inside, must, may in self.parts(case, t):
                terms: dict[Key, Number] = {
                    amount(self.function, j, t) if self.function else opened(j, t): 1 for j in inside
                }
                year, times = case.years[t], case.repeats[t]
                if must:
                    yield Row((part, year, "least"), terms, ">=", must, must, times)
                if may is not None:
                    yield Row((part, year, "most"), terms, "<=", may, max(may, 1), times)

    def breaches(self, case: Case, layout: Layout) -> Iterator[Breach]:
        """Yield each part and year with too many or too few people to a site."""
        for t in self.when(case):
            for part, inside, must, may in self.parts(case, t):
                number = self.number(layout, inside, t)
                year = case.years[t]
                if number < must:
                    details = {"number": number, "limit": must}
                    yield Breach((part, year, "least"), must - number, must, "breach.count_few", details)
                if may is not None and number > may:
                    details = {"number": number, "limit": may}
                    yield Breach((part, year, "most"), number - may, max(may, 1), "breach.count_many", details)

    def sense(self) -> Wants | None:
        """Say which limit is shown in a year that keeps the rule: at least so many people are at most so many sites."""
        return "at_least" if self.at_most is not None else "at_most"

    def measure(self, case: Case, layout: Layout, t: int) -> tuple[Number, Number]:
        """Return the sites open in the part that is farthest off, and how many its people ask for or allow."""
        found: list[tuple[Fraction, int, int]] = []
        for _, inside, must, may in self.parts(case, t):
            number = self.number(layout, inside, t)
            if may is not None and (number > may or self.at_most is None):
                found.append((Fraction(number - may, max(may, 1)), number, may))
            else:
                found.append((Fraction(must - number, max(must, 1)), number, must))
        _, number, wanted = max(found, default=(0, 0, 0))
        return number, wanted

    def _may_count(self, case: Case, j: int) -> bool:
        return not self.function or case.counted_at(self.function, j) is not None
