"""People by place and plan year: today's, a census trend, growth by town, or the planner's own table.

A plan year stands for the day of the year on which `population` of facts.csv was counted: 1 November for a census.
What is counted is residents. Totals are rounded to whole persons once, half up, and shared out over places by largest
remainders, so that places add up to them and each differs from its exact share by less than a person. Who is young
or old is not projected: unless the planner's table says it, each place keeps today's share of every age group.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from math import floor
from typing import Annotated, Literal

import numpy as np
import pydantic

from allocate import tables
from allocate.district import District, Fact, Growth
from allocate.errors import Problem, Value
from allocate.shares import Integers, spread
from allocate.travel.circles import STRICT
from allocate.units import Basis, exact, weakest
from allocate.words import say

Method = Literal["held", "trend", "growth", "table"]

# The age groups by their names in a case and in plan.json, and the column of the tables that gives them.
AGED_65, AGED_0_14 = "aged_65", "aged_0_14"
COLUMNS = {AGED_65: "people_65", AGED_0_14: "people_0_14"}
# What the others are called, by the groups that are known, and the order of the groups, youngest first.
_OTHERS: dict[tuple[str, ...], tuple[str, tuple[str, ...]]] = {
    (AGED_65, AGED_0_14): ("aged_15_64", (AGED_0_14, "aged_15_64", AGED_65)),
    (AGED_65,): ("aged_0_64", ("aged_0_64", AGED_65)),
    (AGED_0_14,): ("aged_15_and_over", (AGED_0_14, "aged_15_and_over")),
}
AGES = (AGED_0_14, "aged_0_64", "aged_15_64", "aged_15_and_over", AGED_65)

# Digits that a power is worked out to, and the decimals that tell a half from less than one.
_DIGITS, _DECIMALS = 60, 30
# Places named in one message.
_NAMED = 5


class Projection(pydantic.BaseModel):
    """How the people of the plan years are worked out.

    Attributes
    ----------
    method
        `held`: today's people in every year. `trend`: all places change by the yearly rate between two censuses.
        `growth`: towns change by the rates of growth.csv. `table`: population.csv gives every place and year.
    towns
        Rates by town that count instead of those of growth.csv [% a year], such as those of a scenario.
    """

    model_config = STRICT

    method: Method
    towns: dict[str, Annotated[float, pydantic.Field(ge=-100, le=100)]] = {}
    basis: Basis
    source: str = pydantic.Field(min_length=2)

    @pydantic.model_validator(mode="after")
    def _grows(self) -> "Projection":
        if self.towns and self.method == "held":
            # (A scenario in which everybody stays keeps the table: nothing of it counts.)
            return self
        if self.towns and self.method != "growth":
            raise ValueError(say("reason.towns_grow"))
        return self


@dataclass(frozen=True)
class Population:
    """Who lives where in every plan year.

    Attributes
    ----------
    method
        How it was worked out.
    years
        Plan years.
    people
        Residents [persons], one row per place, one column per year.
    ages
        The same by age group, youngest first; the groups add up to the residents. Empty where a place lacks them all.
    bases
        The weakest basis of any number in each year.
    ages_held
        Figures of people by group, place and year that keep today's share of their place.
    """

    method: Method
    years: tuple[int, ...]
    people: Integers
    ages: Mapping[str, Integers] = field(default_factory=dict)
    bases: tuple[Basis, ...] = ()
    ages_held: int = 0

    def total(self, t: int) -> int:
        """Return the residents of the district in a year [persons]."""
        return int(self.people[:, t].sum())

    def in_group(self, group: str, t: int) -> int | None:
        """Return the residents of an age group in a year [persons]; None where they are not known."""
        return int(self.ages[group][:, t].sum()) if group in self.ages else None


def project(district: District, projection: Projection | None, years: Sequence[int]) -> Population:
    """Return the people of every place and plan year; `faults` has found nothing wrong with what it is made of."""
    method: Method = projection.method if projection else "held"
    today = np.array([place.people or 0 for place in district.places], dtype=np.int64)
    match method:
        case "held":
            people = np.repeat(today[:, None], len(years), axis=1)
        case "trend":
            totals = trend(district, years)
            people = _columns([spread(total, today.tolist()) for total in totals], len(today))
        case "growth":
            people = _grown(_with_rates(district, projection), today, years)
        case "table":
            told = {(row.place, row.year): row.people for row in district.people_by_year}
            people = _columns([[told[place.id, year] for place in district.places] for year in years], len(today))
    ages, held = _ages(district, people, years if method == "table" else ())
    bases = tuple(_basis(district, projection, year) for year in years)
    return Population(method, tuple(years), people, ages, bases, held)


def trend(district: District, years: Sequence[int]) -> list[int]:
    """Return the district's residents in every year by the compound rate between two censuses [persons].

    With P₀ and P₁ people at two censuses m years apart, P₁ · (P₁ / P₀)^(n / m) live there n years after the later one.
    """
    before, now = district.facts[tables.POPULATION_2010], district.facts[tables.POPULATION]
    span = _years_between(date.fromisoformat(before.date), date.fromisoformat(now.date))
    ratio, start = Fraction(now.value, before.value), date.fromisoformat(now.date).year
    return [_compound(now.value, ratio, (year - start) / span) for year in years]


def yearly_rate(district: District) -> float:
    """Return the yearly rate between two censuses as a fraction of the people of the year before.

    It is for people to read; no figure is worked out from it.
    """
    before, now = district.facts[tables.POPULATION_2010], district.facts[tables.POPULATION]
    span = _years_between(date.fromisoformat(before.date), date.fromisoformat(now.date))
    return float((now.value / before.value) ** (1 / float(span)) - 1)


def registered_share(district: District) -> Fraction | None:
    """Return the registered people for every resident, by the published totals; None where one of them is missing."""
    registered, residents = (district.facts.get(name) for name in (tables.REGISTERED, tables.POPULATION))
    return Fraction(registered.value, residents.value) if registered and residents and residents.value else None


def faults(district: District, projection: Projection | None, years: Sequence[int]) -> list[Problem]:
    """Return everything that keeps the people of the plan years from being worked out as the model says."""
    match projection.method if projection else "held":
        case "trend":
            return list(_wrong_censuses(district, years))
        case "growth":
            unknown = list(_unknown_towns(district, projection))
            return unknown or list(_wrong_growth(_with_rates(district, projection), years))
        case "table":
            return list(_wrong_table(district, years))
        case _:
            return []


def _columns(columns: Sequence[Sequence[int]], places: int) -> Integers:
    """Return whole numbers given year by year, as one row per place."""
    return np.array(columns, dtype=np.int64).reshape(len(columns), places).T.copy()


def _years_between(first: date, second: date) -> Fraction:
    """Return the years between two days; those of one day of the year are whole numbers."""
    months, days = second.month - first.month, second.day - first.day
    return second.year - first.year + Fraction(months, 12) + Fraction(days, 365)


def _half_up(number: Fraction) -> int:
    return floor(number + Fraction(1, 2))


def _compound(people: int, ratio: Fraction, periods: Fraction) -> int:
    """Return people after some periods in each of which they change by a ratio, as whole persons.

    >>> _compound(3, Fraction(3, 2), Fraction(1)), _compound(3, Fraction(1, 4), Fraction(1, 2))
    (5, 2)
    """
    if periods.denominator == 1:
        return _half_up(people * ratio**periods.numerator)
    with localcontext(prec=_DIGITS):
        power = (Decimal(ratio.numerator) / ratio.denominator).ln() * periods.numerator / periods.denominator
        number = people * power.exp()
        if number.adjusted() >= _DIGITS - _DECIMALS - 1:
            # (More than can live anywhere: `faults` refuses it.)
            return int(number)
        # (A half that the logarithm missed by its last digit is one again.)
        number = number.quantize(Decimal(10) ** -_DECIMALS)
        return int(number.quantize(Decimal(1), ROUND_HALF_UP))


def _start(district: District) -> int:
    """Return the year in which today's people were counted."""
    return date.fromisoformat(district.facts[tables.POPULATION].date).year


def _with_rates(district: District, projection: Projection | None) -> District:
    """Return a district whose towns change by the rates of the model, where it gives some."""
    if projection is None or not projection.towns:
        return district
    kept = tuple(row for row in district.growth if row.town not in projection.towns)
    told = (Growth(town, rate, projection.basis, projection.source) for town, rate in sorted(projection.towns.items()))
    return replace(district, growth=(*kept, *told))


def _grown(district: District, today: Integers, years: Sequence[int]) -> Integers:
    """Return the people of places whose towns change by their rates; one without a rate stays as it is."""
    members: dict[str, list[int]] = {}
    for i, place in enumerate(district.places):
        members.setdefault(place.town, []).append(i)
    people = np.repeat(today[:, None], len(years), axis=1)
    for town in sorted({row.town for row in district.growth} & members.keys()):
        inside = members[town]
        weights = today[inside].tolist()
        for t, year in enumerate(years):
            people[inside, t] = spread(_town_total(district, town, sum(weights), year), weights)
    return people


def _town_total(district: District, town: str, people: int, year: int) -> int:
    """Return the people of a town in a year [persons]."""
    factor = Fraction(1)
    for row in district.growth:
        if row.town == town:
            factor *= (1 + exact(row.percent) / 100) ** _years_in_force(row, _start(district), year)
    return _half_up(people * factor)


def _years_in_force(row: Growth, start: int, year: int) -> int:
    """Return for how many of the years between two a rate holds."""
    first = start if row.from_year is None else max(start, row.from_year)
    last = year if row.to_year is None else min(year, row.to_year)
    return max(0, last - first)


def _ages(district: District, people: Integers, told_years: Sequence[int]) -> tuple[dict[str, Integers], int]:
    """Return the people by age group, and how many of these figures keep today's share of their place."""
    today = np.array([place.people or 0 for place in district.places], dtype=np.int64)
    told = {group: _told(district, column, people.shape, told_years) for group, column in COLUMNS.items()}
    parts = {
        group: np.array(
            [-1 if getattr(place, column) is None else getattr(place, column) for place in district.places],
            dtype=np.int64,
        )
        for group, column in COLUMNS.items()
    }
    known = tuple(
        group for group in COLUMNS if bool(((told[group] >= 0) | (parts[group] >= 0)[:, None]).all()) and people.size
    )
    if not known:
        return {}, 0
    # The shares of a place are rounded together: what the groups leave is never less than nothing.
    found: dict[str, Integers] = {}
    below, sums = np.zeros_like(people), np.zeros_like(today)
    for group in known:
        sums = sums + parts[group].clip(0)
        running = _kept_share(people, sums, today)
        found[group], below = running - below, running
    for group in known:
        others = sum((told[other].clip(0) for other in known if other != group), np.zeros_like(people))
        found[group] = np.where(told[group] >= 0, told[group], np.minimum(found[group], people - others))
    name, order = _OTHERS[known]
    found[name] = people - sum(found.values(), np.zeros_like(people))
    held = sum(int((told[group] < 0).sum()) for group in known)
    return {group: found[group] for group in order}, held


def _told(district: District, column: str, shape: tuple[int, ...], years: Sequence[int]) -> Integers:
    """Return the people of an age group that the planner's table gives, by place and year; -1 where it gives none."""
    told = np.full(shape, -1, dtype=np.int64)
    index = {place.id: i for i, place in enumerate(district.places)}
    column_of = {year: t for t, year in enumerate(years)}
    for row in district.people_by_year:
        count = getattr(row, column)
        if count is not None and row.year in column_of:
            told[index[row.place], column_of[row.year]] = count
    return told


def _kept_share(people: Integers, part: Integers, whole: Integers) -> Integers:
    """Return the part of the people of every place and year that keeps today's share of it, rounded half up.

    A place where nobody lives today has the district's share.
    """
    nobody = whole == 0
    part = np.where(nobody, part.sum(), part)[:, None]
    whole = np.where(nobody, max(int(whole.sum()), 1), whole)[:, None]
    return np.asarray((2 * people * part + whole) // (2 * whole), dtype=np.int64)


def _basis(district: District, projection: Projection | None, year: int) -> Basis:
    """Return the weakest basis of the people of a year."""
    if projection is None:
        return Basis.ASSUMED
    bases = [projection.basis]
    if projection.method == "trend":
        bases += [district.facts[name].basis for name in (tables.POPULATION_2010, tables.POPULATION)]
    if projection.method == "growth":
        district = _with_rates(district, projection)
        bases += [row.basis for row in district.growth]
        if {place.town for place in district.places} - {row.town for row in district.growth}:
            # Nobody says that the others stay as they are.
            bases.append(Basis.ASSUMED)
    if projection.method == "table":
        bases = [row.basis for row in district.people_by_year if row.year == year]
    return weakest(bases, default=Basis.ASSUMED)


def _day(fact: Fact) -> date | None:
    try:
        return date.fromisoformat(fact.date)
    except ValueError:
        return None


def _dated(district: District, *names: str) -> Iterator[Problem]:
    """Yield the facts that a method needs and that are missing, nobody, or without a day."""
    file = tables.FACTS.file
    for name in names:
        fact = district.facts.get(name)
        details: dict[str, Value] = {"indicator": name}
        if fact is None:
            yield Problem("population.no_fact", file, column="indicator", value=name)
        elif _day(fact) is None:
            yield Problem("population.no_day", file, column="date", value=fact.date, details=details)
        elif fact.value == 0:
            yield Problem("population.no_people", file, column="value", value=fact.value, details=details)


def _wrong_censuses(district: District, years: Sequence[int]) -> Iterator[Problem]:
    found = list(_dated(district, tables.POPULATION_2010, tables.POPULATION))
    yield from found
    if found:
        return
    before, now = (district.facts[name] for name in (tables.POPULATION_2010, tables.POPULATION))
    if _years_between(date.fromisoformat(before.date), date.fromisoformat(now.date)) < 1:
        details: dict[str, Value] = {"earlier": tables.POPULATION_2010, "later": tables.POPULATION, "day": now.date}
        yield Problem("population.census_order", tables.FACTS.file, column="date", value=before.date, details=details)
        return
    for year, total in zip(years, trend(district, years), strict=True):
        if not 0 < total <= tables.MOST_PEOPLE * len(district.places):
            what = "population.trend_swells" if total else "population.trend_empties"
            rate = f"{100 * yearly_rate(district):.1f}"
            yield Problem(
                what, tables.FACTS.file, column="value", value=before.value, details={"rate": rate, "year": year}
            )
            return


def _unknown_towns(district: District, projection: Projection | None) -> Iterator[Problem]:
    """Yield the towns whose rates the model gives and that the district has not."""
    names = district.town_names()
    for town in projection.towns if projection else ():
        if town not in names:
            details: dict[str, Value] = {"choices": ", ".join(names)}
            yield Problem("problem.choice", "", column=f"population.towns.{town}", value=town, details=details)


def _wrong_growth(district: District, years: Sequence[int]) -> Iterator[Problem]:
    if not district.growth:
        yield Problem("population.no_rows", tables.GROWTH.file, details={"method": "growth"})
    found = list(_dated(district, tables.POPULATION))
    yield from found
    if found:
        return
    names, rows = district.town_names(), {row.town: row for row in reversed(district.growth)}
    # (Of several rates of a town the first is named.)
    for town, row in reversed(rows.items()):
        inside = [place.people or 0 for place in district.places if place.town == town]
        people, most = sum(inside), tables.MOST_PEOPLE * len(inside)
        totals = {year: _town_total(district, town, people, year) for year in years} if people else {}
        for year, total in totals.items():
            if not 0 < total <= most:
                what = "population.growth_swells" if total else "population.growth_empties"
                details: dict[str, Value] = {"town": names[town], "year": year, "people": people}
                yield Problem(what, tables.GROWTH.file, row.row, "percent", row.percent, details)
                break


def _wrong_table(district: District, years: Sequence[int]) -> Iterator[Problem]:
    file = tables.PEOPLE_BY_YEAR.file
    if not district.people_by_year:
        yield Problem("population.no_rows", file, details={"method": "table"})
        return
    told = {(row.place, row.year): row.people for row in district.people_by_year}
    for year in years:
        missing = [place for place in district.places if (place.id, year) not in told]
        if missing:
            details: dict[str, Value] = {
                "count": len(missing),
                "places": ", ".join(f"{place.name} {place.id}" for place in missing[:_NAMED]),
            }
            what = "population.no_year" if len(missing) <= _NAMED else "population.no_year_many"
            yield Problem(what, file, column="year", value=year, details=details)
        elif not any(told[place.id, year] for place in district.places):
            yield Problem("population.nobody", file, column="people", value=year)
