"""How fairly a plan serves people and towns, year by year: figures from plain data, worked out exactly."""

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from allocate.case import Case
from allocate.district import District
from allocate.gaps import shown_number
from allocate.goals.worst_tenth import mean_of_worst, times_of_people
from allocate.layout import Layout
from allocate.population import AGED_65
from allocate.rows import Number
from allocate.rules.scopes import parts
from allocate.tables import BELOW_HUBS, HUB_KINDS
from allocate.units import SECONDS_PER_MINUTE, Basis, weakest

# The share of people who are the worst off.
TENTH = Fraction(1, 10)
# Where nurses look after the people around them; a hospital's look after the whole district.
PRIMARY_KINDS = (*BELOW_HUBS, *HUB_KINDS)


def fairness(district: District, case: Case, layout: Layout) -> list[dict[str, Any]]:
    """Return the figures of every plan year, each rounded once, at the end; what nobody can know is None.

    `worst_town` is the town with the least share of people served, `deviation` the mean absolute deviation of the
    towns' shares from the district's, a town counting by its people (Marsh & Schilling 1994, European Journal of
    Operational Research 74(1)). Of the worst-off tenth of people, `worst_tenth_unserved` is the share whom nobody
    serves, who are the worst off, and `worst_tenth_minutes` the mean one-way time of the others, those who travel
    longest; so no time has to be made up for people without service. `gini_minutes` is over the people served, and
    `gini_nurses` over the towns' nurses per 1,000, hospitals left out. `basis` is the weakest of those of the people
    and positions of places.
    """
    return [_year(district, case, layout, t) for t in case.periods]


def _year(district: District, case: Case, layout: Layout, t: int) -> dict[str, Any]:
    town, share = worst_town(case, layout, t)
    unserved, seconds = worst_tenth(case, layout, t)
    elderly = elderly_share(case, layout, t)
    times = times_of_people(case, layout, t)
    return {
        "year": case.years[t],
        "worst_town": town,
        "worst_town_share": _shown(share),
        "deviation": _shown(deviation(case, layout, t)),
        "worst_tenth_minutes": _shown(None if seconds is None else seconds / SECONDS_PER_MINUTE),
        "worst_tenth_unserved": _shown(unserved),
        "gini_minutes": _shown(gini(times.items())),
        "gini_nurses": _shown(gini_of_nurses(case, layout, t)),
        "share_65": _shown(elderly),
        "share_all": _shown(_share(*_reached(case, layout, t, range(len(case.places))))),
        "basis": str(_basis(district, with_elderly=elderly is not None)),
    }


def worst_town(case: Case, layout: Layout, t: int) -> tuple[str | None, Fraction | None]:
    """Return the town with the least share of people served, and the share; of several, the first by id."""
    shares = [(share, town) for town, _, share in _towns(case, layout, t)]
    share, town = min(shares, default=(None, None))
    return town, share


def deviation(case: Case, layout: Layout, t: int) -> Fraction | None:
    """Return the mean absolute deviation of the towns' shares of people served from the district's.

    Twice what the goal `deviation` is for the district's own share as its target: the mean deviations above and below
    a mean are the same.
    """
    district = _share(*_reached(case, layout, t, range(len(case.places))))
    if district is None:
        return None
    away = sum((people * abs(share - district) for _, people, share in _towns(case, layout, t)), Fraction(0))
    return away / case.total(t)


def worst_tenth(case: Case, layout: Layout, t: int) -> tuple[Fraction | None, Fraction | None]:
    """Return the share of the worst-off tenth whom nobody serves, and the mean time of its others [s].

    The tenth is exact: the last person counts in part. A tenth that is not served at all has no time.
    """
    times, worst = times_of_people(case, layout, t), TENTH * case.total(t)
    if not worst:
        return None, None
    unserved = min(worst, Fraction(max(0, case.total(t) - sum(times.values()))))
    left = worst - unserved
    return unserved / worst, mean_of_worst(times, left) if left else None


def gini(people_by_value: Iterable[tuple[Number, Number]]) -> Fraction | None:
    """Return the Gini coefficient of values, each with how many people have it; None where there is nobody.

    Half the mean difference of two people, divided by the mean: 0 where all have the same, near 1 where one has all
    (Gini 1912; Ceriani & Verme 2012, Journal of Economic Inequality 10(3)). Where all have nothing it is 0.

    >>> gini([(0, 1), (10, 1)]), gini([(5, 2)])
    (Fraction(1, 2), Fraction(0, 1))
    """
    people = value = differences = Fraction(0)
    for amount, count in sorted(people_by_value):
        # Everybody before has less: by (amount − theirs) each.
        differences += count * (amount * people - value)
        people += count
        value += count * amount
    if not people:
        return None
    return differences / (people * value) if value else Fraction(0)


def gini_of_nurses(case: Case, layout: Layout, t: int) -> Fraction | None:
    """Return the Gini coefficient of nurses per 1,000 people over the towns, a town counting by its people.

    Nurses of hospitals are left out, and so are those of a town where nobody lives. None where no plan decides staff.
    """
    nurses: dict[str, Number] = {}
    for (what, j, year), number in layout.amounts.items():
        if (what, year) == ("nurses", t) and case.sites[j].kind in PRIMARY_KINDS:
            nurses[case.sites[j].town] = nurses.get(case.sites[j].town, 0) + number
    if not nurses:
        return None
    towns = _towns(case, layout, t)
    return gini((1000 * Fraction(nurses.get(town, 0)) / people, people) for town, people, _ in towns)


def elderly_share(case: Case, layout: Layout, t: int) -> Fraction | None:
    """Return the share of people aged 65 and over who are served; None where no case says where they live.

    Nobody says which people of a place a full site turns away: the elderly are taken to be served as all of the place.
    """
    if AGED_65 not in case.ages:
        return None
    reached, people = Fraction(0), 0
    for i in range(len(case.places)):
        elderly, residents = int(case.ages[AGED_65][i, t]), int(case.people[i, t])
        people += elderly
        if residents:
            reached += elderly * Fraction(layout.served.get((i, t), 0), residents)
    return reached / people if people else None


def _towns(case: Case, layout: Layout, t: int) -> list[tuple[str, int, Fraction]]:
    """Return every town in which anybody lives, its people, and the share of them who are served."""
    counted = [(town, *_reached(case, layout, t, members)) for town, members in parts(case, "town")]
    return [(town, people, Fraction(reached, people)) for town, reached, people in counted if people]


def _reached(case: Case, layout: Layout, t: int, members: Iterable[int]) -> tuple[int, int]:
    """Return the people of some places who are served, and all their people."""
    members = list(members)
    reached = sum(layout.served.get((i, t), 0) for i in members)
    return reached, sum(int(case.people[i, t]) for i in members)


def _share(part: int, whole: int) -> Fraction | None:
    return Fraction(part, whole) if whole else None


def _basis(district: District, *, with_elderly: bool) -> Basis:
    """Return the weakest basis of what is counted and where it is."""
    bases = [basis for place in district.places for basis in (place.people_basis, place.position_basis)]
    bases += [place.people_65_basis for place in district.places if with_elderly]
    # (What says nothing of its basis is no better than assumed.)
    return weakest((basis or Basis.ASSUMED for basis in bases), default=Basis.ASSUMED)


def _shown(number: Fraction | None) -> int | float | None:
    return None if number is None else shown_number(number)
