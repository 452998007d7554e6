"""Whether primary care could take the share of visits that should be made there: staff against visits, by town."""

from collections.abc import Mapping
from fractions import Fraction
from math import ceil
from typing import Any

from allocate.case import Case
from allocate.gaps import shown_number
from allocate.layout import Layout
from allocate.rows import Number
from allocate.shares import spread
from allocate.units import exact
from allocate.visits import Visits


def primary_capacity(visits: Visits | None, case: Case, layout: Layout) -> list[dict[str, Any]]:
    """Return a row for the district and every town of every year; nothing where the model has no visits.

    `visits` are those of the `people`, `expected` the share of them that should be made at primary care, both rounded
    up for the district, whose towns add up to it. `capacity` is what the `staff` there can take, `share` that of all
    visits (None where nobody lives), `short` what is missing, and `more` how many of each kind of staff would make up
    for it alone. Experts posted there and rounds are left out.
    """
    rows: list[dict[str, Any]] = []
    if visits is None:
        return rows
    for t, year in enumerate(case.years):
        people = [0] * len(case.towns)
        for i, k in enumerate(case.town_of):
            people[k] += int(case.people[i, t])
        every = ceil(sum(people) * exact(visits.per_resident))
        wanted = ceil(sum(people) * exact(visits.per_resident) * exact(visits.share))
        there = [_staff(visits, case, layout, t, town) for town in case.towns]
        whole = {name: sum(staff[name] for staff in there) for name in visits.per_staff}
        rows.append(_row(visits, year, "district", sum(people), every, wanted, whole))
        parts = zip(case.towns, people, spread(every, people), spread(wanted, people), there, strict=True)
        rows += [_row(visits, year, *part) for part in parts]
    return rows


def _row(
    visits: Visits, year: int, scope: str, people: int, every: int, wanted: int, staff: Mapping[str, int]
) -> dict[str, Any]:
    capacity = sum(number * visits.per_staff[name] for name, number in staff.items())
    short = max(0, wanted - capacity)
    return {
        "year": year,
        "scope": scope,
        "people": people,
        "visits": every,
        "expected": wanted,
        "capacity": capacity,
        "share": shown_number(Fraction(capacity, every)) if every else None,
        "short": short,
        "staff": dict(staff),
        "more": {name: -(-short // per_year) for name, per_year in visits.per_staff.items()} if short else {},
    }


def _staff(visits: Visits, case: Case, layout: Layout, t: int, town: str) -> dict[str, int]:
    """Return how many of each kind of staff work at the primary care of a town in a year."""
    sites = [j for j, site in enumerate(case.sites) if site.town == town and site.kind in visits.at]
    return {name: sum(int(layout.amounts.get((name, j, t), 0)) for j in sites) for name in visits.per_staff}


def answer(visits: Visits, case: Case, layout: Layout, t: int) -> tuple[Number | None, Number]:
    """Return what share of all visits the primary care of the district could take in a year, and the share wanted."""
    rows = primary_capacity(visits, case, layout)
    row = next(row for row in rows if (row["year"], row["scope"]) == (case.years[t], "district"))
    return (Fraction(row["capacity"], row["visits"]) if row["visits"] else None), exact(visits.share)
