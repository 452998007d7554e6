"""The sites of a case: what stands, and where more may: in places, on the planner's list, where nobody is reached."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from allocate import generating
from allocate.case import Dropped, Generated, Reason, Site, Upgrade
from allocate.district import District, Place
from allocate.errors import ModelError, Problem
from allocate.ground import Ground
from allocate.model import ORIGINS, Candidates, Enlarging, Generating, Model
from allocate.road_times import off_roads
from allocate.rules import Capacity, NamedSites, PeoplePerStaff
from allocate.tables import BELOW_HUBS
from allocate.travel import Links, metric
from allocate.travel.points import Integers, Metric, degrees, metric_shape
from allocate.units import Basis
from allocate.words import say_in

# Kinds that a plan may close: hubs and hospitals are not for siting to take away.
CLOSABLE = BELOW_HUBS
# Of a degree: about a centimetre.
_DECIMALS = 7
# More spots than this are no candidates but a picture of the ground.
_MOST_SPOTS, _MOST_MADE = 50_000, 5_000
_GENERATED = "generated"
# Reasons that only the areas of layers give.
_OF_LAYERS = ("inside", "clear")
# What keeps a candidate out though a rule wants it to stand: nothing is known of who would get there.
FIRM = ("outside_district", "off_roads")
_NAMED = "named"


@dataclass(frozen=True)
class Sited:
    """The sites of a case, with what did not become one.

    Attributes
    ----------
    sites
        What exists, then candidates by kind: of places, of the list, generated.
    dropped
        Candidates that may not stand where they would.
    generated
        What came of generating some.
    """

    sites: tuple[Site, ...]
    dropped: tuple[Dropped, ...]
    generated: tuple[Generated, ...]


def sited(
    district: District,
    model: Model,
    places: Metric,
    people: Integers,
    reach: Callable[[Sequence[Site]], Links],
) -> Sited:
    """Return the sites that exist and the candidates of every kind.

    What would be dropped is kept where a rule on named sites wants it to stand, and says so: somebody has decided on
    it, or asks what then would be. Which other candidates there are does not depend on that.

    Parameters
    ----------
    places
        Position of every place in the district's metric reference system [m].
    people
        Residents of every place in the first plan year [persons].
    reach
        Returns which places have which of some sites within the planned circle.

    Raises
    ------
    ModelError
        When a grid has more spots than anybody could look at.
    """
    making = _Making(district, model, places, people, reach, district.made or {})
    for kind, told in sorted(model.siting.items()):
        making.add_places(kind, told)
        making.add_listed(kind, told)
    # (Whom the others leave is known only now.)
    for kind, told in sorted(model.siting.items()):
        if told.generate is not None and _GENERATED in told.candidates:
            if district.made is None:
                making.generate(kind, told, told.generate)
            else:
                making.take_over(kind, told)
    order = {origin: n for n, origin in enumerate(ORIGINS)}
    candidates = sorted([*making.candidates, *making.insisted], key=lambda site: (site.kind, order[site.origin]))
    return Sited((*making.existing, *candidates), tuple(making.dropped), tuple(making.generated))


class _Making:
    """Candidates while they are made, one kind after the other."""

    def __init__(
        self,
        district: District,
        model: Model,
        places: Metric,
        people: Integers,
        reach: Callable[[Sequence[Site]], Links],
        made: Mapping[str, Any],
    ) -> None:
        self.district, self.model, self.places, self.people, self.reach = district, model, places, people, reach
        self.made, self.carried = made, {row["id"]: row for row in made.get("candidates", ())}
        self.out = {(row["id"], row["kind"]): row for row in made.get("dropped", ())}
        self.index = {place.id: i for i, place in enumerate(district.places)}
        self.numbers = _Numbers(model)
        self.existing = [self.numbers.existing(one, self.index) for one in district.institutions]
        named = (rule for rule in model.rules.values() if isinstance(rule, NamedSites) and rule.stands)
        self.wanted = {site for rule in named for site in rule.sites}
        self.candidates: list[Site] = []
        # (Apart, so that none is generated elsewhere, or dropped, for one that only a rule wants.)
        self.insisted: list[Site] = []
        self.dropped: list[Dropped] = []
        self.generated: list[Generated] = []

    @cached_property
    def boundary(self) -> BaseGeometry:
        """Return the district's boundary [m]."""
        district = self.district
        turned: BaseGeometry = metric_shape(shape(dict(district.boundary)), district.datum, district.epsg)
        shapely.prepare(turned)
        return turned

    def ground(self, kind: str) -> Ground:
        """Return where sites of a kind may be opened."""
        return Ground(self.boundary, tuple(layer for layer in self.district.layers if layer.speaks_of(kind)))

    def add_places(self, kind: str, told: Candidates) -> None:
        """Add a candidate in the middle of every place of the kinds told that has no such site, and none listed."""
        if "places" not in told.candidates:
            return
        standing = {site.place for site in self.existing if site.kind == kind}
        listed: dict[str, str] = {}
        for one in self.district.candidates if "list" in told.candidates else ():
            if one.kind == kind and one.place:
                listed.setdefault(one.place, one.id)
        found = []
        for i, place in enumerate(self.district.places):
            if place.kind not in told.stands_in or i in standing:
                continue
            # A facility is named in the language of its district, whoever reads the plan.
            name = say_in("zh", f"site.{kind}", place=place.short_name or place.name)
            site = self.numbers.candidate(
                kind,
                told,
                id=f"{kind}-{place.id}",
                name=name,
                town=place.town,
                place=i,
                lon=place.lon or 0.0,
                lat=place.lat or 0.0,
                basis=place.position_basis or Basis.ASSUMED,
                origin="places",
                kept=({"code": "place", "place": place.id},),
            )
            if place.id in listed:
                self._drop(site, {"code": "replaced", "id": listed[place.id]})
            else:
                found.append(site)
        self._add(kind, found)

    def add_listed(self, kind: str, told: Candidates) -> None:
        """Add the candidates of the planner's own list."""
        if "list" not in told.candidates:
            return
        found = [
            self.numbers.candidate(
                kind,
                told,
                id=one.id,
                name=one.name,
                town=one.town,
                place=self.index.get(one.place, -1),
                lon=one.lon,
                lat=one.lat,
                basis=one.basis,
                origin="list",
                kept=({"code": "listed", "row": one.row, "reason": one.reason},),
                opening=one.opening,
                yearly=one.yearly,
            )
            for one in self.district.candidates
            if one.kind == kind
        ]
        self._add(kind, found)

    def generate(self, kind: str, told: Candidates, how: Generating) -> None:
        """Add candidates where nobody is reached."""
        ground = self.ground(kind)
        others = self.existing if how.beyond == "existing" else [*self.existing, *self.candidates]
        left = self.people.copy()
        left[np.unique(self.reach(others).places)] = 0
        lon_lat, spots, shifts = self._spots(kind, how, ground, left)
        allowed = ground.allows(spots)
        same = [site for site in (*self.existing, *self.candidates) if site.kind == kind]
        free = generating.apart(spots, self._metres(same), how.spacing_metres)
        # (Straight lines would take whoever is off the roads over rivers, and so nearer to people than on any road.)
        off = off_roads(self.district, self.model, spots)
        kept = np.flatnonzero(allowed & free & ~off)
        probes = [self._site(kind, told, n, lon_lat[at].tolist()) for n, at in enumerate(kept.tolist())]
        near = self.reach(probes)
        picks, reached = self._picks(how, left, near, spots[kept])
        if how.how == "clusters":
            # (Centres are few, and each was meant: of a grid nobody asks why a spot was not taken.)
            against = ground.against(spots)
            taken = {int(kept[n]) for n, _ in picks}
            for at in (at for at in range(len(spots)) if at not in taken):
                why: Reason = {"code": "reaches_nobody"}
                if not allowed[at]:
                    why = against[at] or {"code": "outside_district"}
                elif not free[at]:
                    why = {"code": "too_near_site"}
                elif off[at]:
                    why = {"code": "off_roads"}
                self._drop(self._generated(kind, told, at + 1, lon_lat[at].tolist(), spots[at]), why)
        made = []
        for rank, (n, people) in enumerate(picks, start=1):
            at = int(kept[n])
            number = at + 1 if how.how == "clusters" else rank
            reasons: list[Reason] = [{"code": how.how, "rank": rank, "people": people}]
            if shifts[at]:
                reasons.append({"code": "moved", "metres": int(shifts[at])})
            site = self._generated(kind, told, number, lon_lat[at].tolist(), spots[at])
            made.append(replace(site, kept=tuple(reasons)))
        if len(made) > _MOST_MADE:
            details = {"count": len(made), "most": _MOST_MADE}
            column = f"siting.{kind}.generate.number"
            raise ModelError([Problem("problem.generate_many", f"{self.model.id}.toml", None, column, None, details)])
        self._add(kind, made)
        self.generated.append(
            Generated(
                kind=kind,
                how=how.how,
                asked=how.number or 0,
                spots=len(spots),
                allowed=int((allowed & ~off).sum()),
                made=len(made),
                people=int(left.sum()),
                reached=reached,
            )
        )

    def _spots(
        self, kind: str, how: Generating, ground: Ground, left: Integers
    ) -> tuple[NDArray[np.float64], Metric, Integers]:
        """Return where candidates may come to stand, in degrees and metres, and how far each was moved [m]."""
        if how.how == "clusters":
            spots = generating.clusters(left, self.places, how.number or 0)
        else:
            count = generating.grid_size(self.boundary, how.grid_metres)
            if count > _MOST_SPOTS:
                details = {"count": f"{count:,}", "most": f"{_MOST_SPOTS:,}"}
                column = f"siting.{kind}.generate.grid_metres"
                told = Problem("problem.generate_grid", f"{self.model.id}.toml", None, column, how.grid_metres, details)
                raise ModelError([told])
            spots = generating.grid(self.boundary, how.grid_metres)
        shifts = np.zeros(len(spots), dtype=np.int64)
        if how.move_metres and len(spots):
            banned = np.flatnonzero(~ground.allows(spots))
            there = ground.moved(spots[banned], how.move_metres)
            can = ~np.isnan(there[:, 0])
            banned, there = banned[can], there[can]
            shifts[banned] = np.rint(np.hypot(*(there - spots[banned]).T)).astype(np.int64)
            spots[banned] = there
            # (Several may be moved to one spot: the first of them is enough.)
            _, first = np.unique(spots, axis=0, return_index=True)
            first.sort()
            spots, shifts = spots[first], shifts[first]
        lon_lat = np.round(degrees(spots, self.district.datum, self.district.epsg), _DECIMALS)
        # (What is asked of a spot is asked of where its degrees say that it lies.)
        return lon_lat, metric(lon_lat, self.district.datum, self.district.epsg), shifts

    def _picks(self, how: Generating, left: Integers, near: Links, spots: Metric) -> tuple[list[tuple[int, int]], int]:
        """Return which spots are taken, with the people whom each reaches, and how many they reach together."""
        if how.how == "greedy":
            number = how.number or 0
            picks = list(
                generating.greedy(left, near.places, near.sites, spots, number=number, spacing=how.spacing_metres)
            )
            return picks, sum(people for _, people in picks)
        gain = np.bincount(near.sites, weights=left[near.places], minlength=len(spots)).astype(np.int64)
        order = np.argsort(-gain, kind="stable")
        chosen: list[int] = []
        for n in order[gain[order] > 0].tolist():
            if how.number is not None and len(chosen) == how.number:
                break
            if not how.spacing_metres or generating.apart(spots[[n]], spots[chosen], how.spacing_metres)[0]:
                chosen.append(n)
        reached = np.unique(near.places[np.isin(near.sites, chosen)])
        return [(n, int(gain[n])) for n in chosen], int(left[reached].sum())

    def _generated(self, kind: str, told: Candidates, number: int, lon_lat: Sequence[float], spot: Metric) -> Site:
        """Return a generated candidate, named after the nearest place."""
        nearest: Place = self.district.places[int(np.hypot(*(self.places - spot).T).argmin())]
        name = f"{kind}-new-{number}"
        while name in self._taken:
            name += "x"
        beside = say_in("zh", "ground.beside", place=nearest.short_name or nearest.name, number=number)
        called = say_in("zh", f"site.{kind}", place=beside)
        return replace(self._site(kind, told, number, lon_lat), id=name, name=called, town=nearest.town)

    @cached_property
    def _taken(self) -> frozenset[str]:
        """Return the ids that a generated candidate may not have."""
        own = {one.id for one in self.district.candidates} | {one.id for one in self.district.institutions}
        return frozenset(own | {f"{kind}-{place}" for kind in self.model.siting for place in self.index})

    def _site(self, kind: str, told: Candidates, number: int, lon_lat: Sequence[float]) -> Site:
        """Return a candidate somewhere, without a name."""
        return self.numbers.candidate(
            kind,
            told,
            id=f"{kind}-{number}",
            name="",
            town="",
            place=-1,
            lon=lon_lat[0],
            lat=lon_lat[1],
            basis=told.generate.basis if told.generate else Basis.ASSUMED,
            origin=_GENERATED,
        )

    def _add(self, kind: str, found: Sequence[Site]) -> None:
        """Take candidates on, but for those that a layer keeps out."""
        ground = self.ground(kind)
        if not ground.layers or not found:
            self.candidates += found
            return
        if self.district.made is not None:
            self._add_as_told(found)
            return
        points = self._metres(found)
        against = ground.against(points)
        kept = [n for n, why in enumerate(against) if why is None]
        for n, reasons in zip(kept, ground.grounds(points[kept]), strict=True):
            self.candidates.append(replace(found[n], kept=(*found[n].kept, *reasons)))
        for n, why in enumerate(against):
            if why is not None:
                self._drop(found[n], why)

    def _add_as_told(self, found: Sequence[Site]) -> None:
        """Take on the candidates that a finished plan kept, for the reasons that it gives."""
        for site in found:
            out, row = self.out.get((site.id, site.kind)), self.carried.get(site.id, {})
            insisted = [{**reason, "code": reason["why"]} for reason in row.get("kept", ()) if reason["code"] == _NAMED]
            if out is not None or insisted:
                why = out["why"] if out is not None else insisted[0]
                self._drop(site, {key: value for key, value in why.items() if key != "why"})
            else:
                told = tuple(reason for reason in row.get("kept", ()) if reason["code"] in _OF_LAYERS)
                self.candidates.append(replace(site, kept=(*site.kept, *told)))

    def take_over(self, kind: str, told: Candidates) -> None:
        """Take on the generated candidates of a finished plan."""

        def site(row: Mapping[str, Any]) -> Site:
            at = self._site(kind, told, 0, (row["lon"], row["lat"]))
            kept = tuple(row.get("kept", ()))
            return replace(at, id=row["id"], name=row["name"], town=row["town"], kept=kept)

        def mine(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
            return [row for row in rows if row["kind"] == kind and row["from"] == _GENERATED]

        for row in mine(self.made.get("dropped", ())):
            self._drop(site(row), row["why"])
        self.candidates += [site(row) for row in mine(self.made.get("candidates", ()))]
        self.generated += [Generated(**row) for row in self.made.get("generated", ()) if row["kind"] == kind]

    def _metres(self, sites: Sequence[Site]) -> Metric:
        return metric([(site.lon, site.lat) for site in sites], self.district.datum, self.district.epsg)

    def _drop(self, site: Site, why: Reason) -> None:
        """Drop a candidate, or keep it where a rule names it to stand."""
        if site.id in self.wanted and why["code"] not in FIRM:
            self.insisted.append(replace(site, kept=(*site.kept, {**why, "code": _NAMED, "why": why["code"]})))
            return
        self.dropped.append(Dropped(site.id, site.name, site.kind, site.town, site.lon, site.lat, site.origin, why))


class _Numbers:
    """What sites of each kind cost, and how many people they can serve."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.room, self.per_staff, self.upgrades = _rooms(model), _rooms_of_staff(model), _upgrades(model)

    def existing(self, institution: Any, index: Mapping[str, int]) -> Site:
        """Return an institution as a site."""
        costs = self.model.siting.get(institution.kind)
        return Site(
            id=institution.id,
            name=institution.name,
            kind=institution.kind,
            town=institution.town,
            place=index.get(institution.place, -1),
            lon=institution.lon,
            lat=institution.lat,
            basis=institution.position_basis,
            exists=True,
            closable=institution.kind in CLOSABLE,
            yearly=costs.yearly if costs else 0,
            type=institution.type,
            **self._of(institution.kind),
        )

    def candidate(
        self, kind: str, told: Candidates, *, opening: int | None = None, yearly: int | None = None, **about: Any
    ) -> Site:
        """Return a candidate; what its own row does not say it costs, the model says."""
        moving = told.move.opening if told.move else None
        if opening is not None and moving is not None and moving >= opening:
            # (Moving is never dearer than opening.)
            moving = None
        return Site(
            kind=kind,
            opening=told.opening if opening is None else opening,
            yearly=told.yearly if yearly is None else yearly,
            closable=told.may_close,
            moving=moving,
            **about,
            **self._of(kind),
        )

    def _of(self, kind: str) -> dict[str, Any]:
        return {
            "capacity": self.room.get(kind),
            "per_staff": self.per_staff.get(kind, ()),
            "upgrade": self.upgrades.get(kind),
        }


def _rooms(model: Model, upgrades: Mapping[str, Enlarging] = MappingProxyType({})) -> dict[str, int]:
    """Return the room of each kind of site [persons], fully staffed, as far as rules limit it; or enlarged."""
    rooms: dict[str, int] = {}
    for kind, limits in _rooms_of_staff(model).items():
        more = upgrades[kind].posts if kind in upgrades else {}
        rooms[kind] = min(people * (model.resources[name].at[kind] + more.get(name, 0)) for name, people in limits)
    for rule in model.rules.values():
        if isinstance(rule, Capacity) and not rule.years:
            for kind in rule.kinds:
                people = rule.people + (upgrades[kind].people if kind in upgrades else 0)
                rooms[kind] = min(people, rooms.get(kind, people))
    return rooms


def _upgrades(model: Model) -> dict[str, Upgrade]:
    """Return how sites of each kind may be enlarged, where they may."""
    told = {str(kind): one.upgrade for kind, one in model.siting.items() if one.upgrade is not None}
    rooms = _rooms(model, told)
    return {
        kind: Upgrade(one.opening, one.yearly, one.posts, one.people, rooms.get(kind)) for kind, one in told.items()
    }


def _rooms_of_staff(model: Model) -> dict[str, tuple[tuple[str, int], ...]]:
    """Return how many people [persons] one of a resource can serve at each kind of site, as the rules say."""
    limits: dict[str, dict[str, int]] = {}
    for rule in model.rules.values():
        if isinstance(rule, PeoplePerStaff) and model.settles(rule):
            for kind in rule.kinds:
                inside = limits.setdefault(kind, {})
                inside[rule.resource] = min(rule.most, inside.get(rule.resource, rule.most))
    return {kind: tuple(sorted(inside.items())) for kind, inside in limits.items()}
