"""What it is worth to know where a village lies and how many live there: whom a plan serves otherwise if it is off."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from allocate.candidates import links_after_move, sites_that_move
from allocate.case import Case
from allocate.district import District
from allocate.gaps import DIGITS
from allocate.layout import Layout
from allocate.model import Model
from allocate.population import project
from allocate.serving import Crowd, crowd_of, rooms_of, send
from allocate.shares import Integers
from allocate.travel import Links, metric

# Of the empty spots that could serve most of a site's people, so many are looked at.
LOOKED_AT = 8

# What drawing a village by itself does: its own people and others who gain or lose service, how many more are not
# served, and how many of them the sites in it, and the spots that could stand instead, would serve [persons].
Alone = dict[str, Any]


class Village:
    """The last year of a plan, in which one village after the other may lie elsewhere and have other people."""

    def __init__(self, district: District, model: Model, case: Case, base: Layout) -> None:
        self.district, self.model, self.case = district, model, case
        self.t = len(case.years) - 1
        self.layout = base
        self.room = rooms_of(case, base, self.t)
        # (Nobody goes where nobody works.)
        self.links = case.links.only(self.room[case.links.sites] > 0)
        self.crowd = crowd_of(case, self.t, self.links)
        self.flow = send(self.crowd, self.room)
        self.unserved = self._unserved(self.crowd, self.flow)
        self.decided = {j for j, u in base.open if u == self.t and case.sites[j].kind in model.siting}

    def _unserved(self, crowd: Crowd, flow: Integers) -> Integers:
        """Return the people of every place whom nobody serves [persons]."""
        count = len(self.case.places)
        people = np.bincount(crowd.places, weights=crowd.people, minlength=count)
        served = np.bincount(crowd.places[crowd.groups], weights=flow, minlength=count)
        found: Integers = (people - served).astype(np.int64)
        return found

    def alone(self, i: int, to: np.ndarray[Any, Any], people: int) -> Alone:
        """Return what follows where a place lies elsewhere [m] and has other people, and all else is as planned.

        Who is served where stays as it is, as far as it can; then as many more as possible are served.
        """
        case, inside = self.case, sites_that_move(self.case, i)
        fresh = links_after_move(self.district, self.model, case, i, to)
        stays = (self.links.places != i) & ~np.isin(self.links.sites, inside)
        parts = zip(_parts(self.links.only(stays)), _parts(fresh.only(self.room[fresh.sites] > 0)), strict=True)
        numbers = case.people[:, self.t :].copy()
        numbers[i] = people
        moved = replace(case, years=case.years[self.t :], people=numbers)
        crowd = crowd_of(moved, 0, Links(*(np.concatenate(pair) for pair in parts)))
        # (Whoever does not live there, and is not served there, goes where they went.)
        start = self._as_before(crowd, i, inside)
        spots = {}
        for j in inside:
            if j in self.decided and self.room[j]:
                closed = self.room.copy()
                closed[j] = 0
                left = self._unserved(crowd, send(crowd, closed, start))
                spots[j] = self._could_serve(j, i, fresh, left)
        flow = send(crowd, self.room, start)
        unserved = self._unserved(crowd, flow)
        return {
            "own": abs(int(unserved[i] - self.unserved[i])),
            "others": int(np.abs(np.delete(unserved - self.unserved, i)).sum()),
            "unserved": int(unserved.sum() - self.unserved.sum()),
            "spots": {case.sites[j].id: told for j, told in spots.items()},
        }

    def _as_before(self, crowd: Crowd, i: int, inside: Sequence[int]) -> Integers:
        """Return along each link of a changed crowd how many went there, but for those whom the change concerns."""
        wanted, (keys, flow) = self._key(crowd), self._known
        at = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
        found = np.where(keys[at] == wanted, flow[at], 0) if len(keys) else np.zeros_like(wanted)
        found[(crowd.places[crowd.groups] == i) | np.isin(crowd.sites, inside)] = 0
        return found

    def _key(self, crowd: Crowd) -> Integers:
        return crowd.groups * len(self.case.sites) + crowd.sites

    @cached_property
    def _known(self) -> tuple[Integers, Integers]:
        """Return the links of the plan by one number each, in ascending order, and how many go along them."""
        keys = self._key(self.crowd)
        order = np.argsort(keys, kind="stable")
        return keys[order], self.flow[order]

    def _could_serve(self, j: int, i: int, fresh: Links, left: Integers) -> dict[str, int]:
        """Return how many of those left a site would serve where it stands, and at each spot near its people."""
        room, case = int(self.room[j]), self.case

        def at(k: int) -> int:
            reached = set(fresh.places[fresh.sites == k].tolist())
            if k != j:
                # (A site in the village goes with it; another one is reached by all others as before.)
                reached |= set(case.places_of[k]) - {i}
            return min(room, int(left[sorted(reached)].sum()))

        return {case.sites[k].id: at(k) for k in (j, *self.spots_near(j))}

    def spots_near(self, j: int) -> tuple[int, ...]:
        """Return the empty spots of the same kind that reach most of the people whom a site serves, the most first."""
        if j not in self._near:
            case, link = self.case, self.case.links
            standing = {k for k, _ in self.layout.open}
            mine = np.bincount(
                self.crowd.places[self.crowd.groups],
                weights=np.where(self.crowd.sites == j, self.flow, 0),
                minlength=len(case.places),
            )
            reached = np.bincount(link.sites, weights=mine[link.places], minlength=len(case.sites)).astype(np.int64)
            able = [
                k
                for k in np.flatnonzero(reached).tolist()
                if k not in standing and case.sites[k].kind == case.sites[j].kind and not case.sites[k].is_fixed
            ]
            self._near[j] = tuple(sorted(able, key=lambda k: (-reached[k], case.sites[k].id))[:LOOKED_AT])
        return self._near[j]

    @cached_property
    def _near(self) -> dict[int, tuple[int, ...]]:
        return {}


def _parts(links: Links) -> tuple[Integers, ...]:
    return links.places, links.sites, links.seconds, links.how, links.levels


def each_alone(district: District, model: Model, case: Case, base: Layout, drawn: District) -> dict[str, Alone]:
    """Return what follows where each place that is drawn lies, and is peopled, as in a drawn district; by its id.

    Its people in the last plan year are those of the drawn district at the rate of the plan.
    """
    village = Village(district, model, case, base)
    spots = metric([(p.lon or 0.0, p.lat or 0.0) for p in drawn.places], drawn.datum, drawn.epsg)
    people = project(drawn, model.population, model.years).people[:, village.t]
    drawn_alone = [(i, place.id) for i, place in enumerate(district.places) if place.is_drawn]
    return {code: village.alone(i, spots[i], int(people[i])) for i, code in drawn_alone}


def ranked(district: District, case: Case, base: Layout, surveys: Sequence[Mapping[str, Alone]]) -> dict[str, Any]:
    """Return the places in the order in which it is worth surveying them, with what each stands for.

    `changes` is the mean, over the draws, of the people who would gain or lose service; `unserved` of how many
    more are not served, `won` how many more could be served if the site in it were put where it serves most once the
    place is known, against the best that one spot can do without knowing (the expected value of perfect information:
    mean of the best, less best of the means; Howard 1966, IEEE Transactions on Systems Science and Cybernetics 2(1)).
    """
    if not surveys:
        return {"draws": 0, "places": [], "whole": 0.0, "check": []}
    count, last = len(surveys), len(case.years) - 1
    rows = []
    for i, place in enumerate(district.places):
        if not place.is_drawn:
            continue
        found = [survey[place.id] for survey in surveys]
        own, others = (sum(one[name] for one in found) / count for name in ("own", "others"))
        sites = list(found[0]["spots"])
        rows.append(
            {
                "id": place.id,
                "name": place.name,
                "town": place.town,
                "people": int(case.people[i, last]),
                "position_basis": str(place.position_basis),
                "people_basis": str(place.people_basis),
                "sites": sites,
                "site_people": sum(base.load.get((case.site_index[site], last), 0) for site in sites),
                "changes": round(own + others, 3),
                "own": round(own, 3),
                "others": round(others, 3),
                "unserved": round(sum(one["unserved"] for one in found) / count, 3),
                "won": round(sum(_won([one["spots"][site] for one in found]) for site in sites), 3),
            }
        )
    rows.sort(key=lambda row: (-row["changes"], -row["won"], row["id"]))
    whole, so_far = sum(row["changes"] for row in rows), 0.0
    for n, row in enumerate(rows, 1):
        so_far += row["changes"]
        row |= {"rank": n, "cumulated": round(so_far / whole, DIGITS) if whole else None}
    return {"draws": count, "places": rows, "whole": round(whole, 3), "check": []}


def _won(draws: Sequence[Mapping[str, int]]) -> float:
    """Return the mean of the best spot of every draw, less the mean of the spot that is best on the whole [persons].

    >>> _won([{"here": 10, "there": 0}, {"here": 0, "there": 8}])
    4.0
    """
    best = sum(max(draw.values()) for draw in draws)
    return (best - max(sum(draw[spot] for draw in draws) for spot in draws[0])) / len(draws)
