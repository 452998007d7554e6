"""Cases and districts of a few hubs and hospitals: every way to form consortia can be looked at."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from tiny import make, site

from allocate.case import Case
from allocate.consortia import Consortia, Leading
from allocate.layout import Layout
from allocate.rows import LEADS, Number

NO_WAY = 0


def consorting(
    minutes: Sequence[Sequence[int]],
    people: Sequence[int],
    *,
    existing: Mapping[int, int] | None = None,
    given: Sequence[int] = (),
    borders: Sequence[tuple[int, int]] = (),
    years: Sequence[int] = (2025,),
    repeats: Sequence[int] | None = None,
    later: Sequence[int] = (),
    **plan: Any,
) -> Case:
    """Return hubs H1, H2, … and hospitals S1, S2, …: `minutes` has a row per hub and a column per hospital.

    `NO_WAY` stands for no way; `existing`, `given` and `borders` count hubs from 0, and hospitals on from them. All
    hubs and hospitals exist; `people` are those of the first year, `later` those of the others.
    """
    count, leads = len(minutes), len(minutes[0])
    sites = [
        site(f"H{j + 1}", kind="township_hospital", town=f"T{j + 1}", place=j, exists=True) for j in range(count)
    ] + [site(f"S{k + 1}", kind="hospital", exists=True) for k in range(leads)]
    columns = [people, *([later or people] * (len(years) - 1))]
    rows = [[column[j] for column in columns] for j in range(count)]
    told = Consortia.model_validate({"mode": "car", "basis": "assumed", "source": "a toy", **plan})
    leading = Leading(
        told,
        {(j, count + k): 60 * way for j, row in enumerate(minutes) for k, way in enumerate(row) if way != NO_WAY},
        frozenset(given),
        existing or {},
        frozenset({(a, b) for pair in borders for a, b in (pair, pair[::-1])}),
    )
    case = make(rows, sites, {}, years=years, repeats=repeats, town_of=range(count))
    return replace(case, leading=leading, hub_people={j: tuple(row) for j, row in enumerate(rows)})


def grouped(case: Case, leads: Sequence[Mapping[int, int]]) -> Layout:
    """Return the layout in which hubs have these leads, a mapping for each year; who has a member leads."""
    is_open = frozenset((j, t) for j in range(len(case.sites)) for t in case.periods)
    members = frozenset((j, k, t) for t, led in enumerate(leads) for j, k in led.items())
    amounts: dict[tuple[str, int, int], Number] = {(LEADS, k, t): 1 for _, k, t in members}
    return Layout(is_open, amounts=amounts, members=members)


def groupings(case: Case) -> Iterator[Layout]:
    """Yield every way to give each hub one of its leads, or none, in every year."""
    assert case.leading is not None
    hubs = case.leading.joiners
    choices = [[None, *case.leading.leads_of(j)] for j in hubs] * len(case.years)
    for chosen in product(*choices):
        years = [chosen[t * len(hubs) : (t + 1) * len(hubs)] for t in case.periods]
        yield grouped(case, [{j: k for j, k in zip(hubs, led, strict=True) if k is not None} for led in years])
