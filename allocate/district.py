"""A district as its files say it: frozen, plain, with units."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from shapely import STRtree
from shapely.geometry import MultiPolygon

from allocate.errors import Problem
from allocate.travel import Times
from allocate.travel.network import RoadNetwork
from allocate.units import Basis


@dataclass(frozen=True)
class Place:
    """A village or community: a demand point with people.

    Attributes
    ----------
    people, people_65, people_0_14
        Residents, those aged 65 and over and those aged 0 to 14 [persons]; None where they are still to be estimated.
    lon, lat
        Position [°, in the district's datum]; None where it is still to be estimated.
    households, buildings, built_up
        What people may be spread by: built-up area in m²; None where it is not known.
    people_source, position_source
        Where they come from, or how they were estimated. An estimate that says so was worked out from something and
        not drawn: draws keep it.
    """

    id: str
    name: str
    kind: str
    town: str
    people: int | None = None
    people_basis: Basis | None = None
    people_65: int | None = None
    people_65_basis: Basis | None = None
    people_0_14: int | None = None
    people_0_14_basis: Basis | None = None
    lon: float | None = None
    lat: float | None = None
    position_basis: Basis | None = None
    short_name: str = ""
    zone: str = ""
    setting: str = ""
    households: int | None = None
    buildings: int | None = None
    built_up: float | None = None
    people_source: str = ""
    position_source: str = ""

    @property
    def stands_by_chance(self) -> bool:
        """Tell whether its position is an estimate that does not say what it was worked out from."""
        return self.position_basis == Basis.ESTIMATED and not self.position_source

    @property
    def is_drawn(self) -> bool:
        """Tell whether its position or its people are an estimate that does not say what it was worked out from."""
        people = (self.people_basis, self.people_65_basis, self.people_0_14_basis)
        return self.stands_by_chance or (Basis.ESTIMATED in people and not self.people_source)


@dataclass(frozen=True)
class Town:
    """A street or town, with the position of its centre [°].

    Attributes
    ----------
    people, people_65, people_0_14
        Its published residents, and age groups [persons]; None where nothing is published.
    """

    id: str
    name: str
    kind: str
    lon: float | None = None
    lat: float | None = None
    position_basis: Basis | None = None
    hosts: str = ""
    near: str = ""
    people: int | None = None
    people_basis: Basis | None = None
    people_65: int | None = None
    people_65_basis: Basis | None = None
    people_0_14: int | None = None
    people_0_14_basis: Basis | None = None


@dataclass(frozen=True)
class Institution:
    """An institution that exists: a hospital, a hub, a station, a clinic or an ambulance station.

    Attributes
    ----------
    town, lon, lat, position_basis
        Empty or None only where they are still to be estimated; positions in °, in the district's datum.
    town_basis, place_basis
        Where an estimate chose the town, or the spot: `estimated`; None where they are as given.
    parent
        Id of the institution above: the hub of a station or clinic, the hospital of a hub; empty where unknown.
    level, type, ownership
        Of a hospital: its level (1 to 3), what kind of hospital it is, who runs it; None or empty where unknown.
    """

    id: str
    name: str
    kind: str
    town: str
    name_basis: Basis
    lon: float | None
    lat: float | None
    position_basis: Basis | None
    source: str
    place: str = ""
    parent: str = ""
    parent_basis: Basis | None = None
    level: int | None = None
    type: str = ""
    ownership: str = ""
    profile_basis: Basis | None = None
    town_basis: Basis | None = None
    place_basis: Basis | None = None


@dataclass(frozen=True)
class FunctionThere:
    """A function that an institution has today, and in which row of functions.csv that stands.

    Attributes
    ----------
    centre
        Id of the centre that provides it; empty where it is its own.
    """

    institution: str
    function: str
    basis: Basis
    source: str
    centre: str = ""
    row: int = 0


@dataclass(frozen=True)
class CareHome:
    """A care home, and in which row of care_homes.csv it stands.

    Attributes
    ----------
    institution
        Id of the institution with which it has a contract today; empty where it has none.
    """

    id: str
    name: str
    town: str
    beds: int
    lon: float
    lat: float
    position_basis: Basis
    basis: Basis
    source: str
    institution: str = ""
    row: int = 0


@dataclass(frozen=True)
class Observed:
    """A travel time that somebody observed, and in which row of observed.csv it stands.

    Attributes
    ----------
    start, end
        Ids of the place, institution or care home of departure and of arrival.
    minutes
        Time one way [min].
    """

    start: str
    end: str
    mode: str
    minutes: float
    basis: Basis
    source: str
    date: str = ""
    remark: str = ""
    row: int = 0

    def cells(self) -> dict[str, str | float]:
        """Return what its table says, by column."""
        told = {"date": self.date, "remark": self.remark, "basis": self.basis, "source": self.source}
        return {"from": self.start, "to": self.end, "mode": self.mode, "minutes": self.minutes, **told}


@dataclass(frozen=True)
class Staffing:
    """How many of a resource an institution has today, and in which row of staff.csv that stands."""

    institution: str
    resource: str
    number: int
    basis: Basis
    source: str
    row: int = 0


@dataclass(frozen=True)
class Department:
    """Whom a department of a hospital can let go, as a row of pools.csv says it.

    Attributes
    ----------
    hospital
        Id of the hospital, or name of a supporter outside in the model.
    away
        How many can be away at once [persons].
    tours
        Most tours that begin in a year; None: as many as fit.
    months
        Months in which they may be away; none named: all of them.
    days_per_week
        Days a week on which they are at the hub.
    resource
        Staff of the model that they are part of; empty: not asked.
    row
        Where it stands in its file, the heading being row 1.
    """

    hospital: str
    specialty: str
    rank: str
    away: int
    basis: Basis
    source: str
    tours: int | None = None
    months: tuple[int, ...] = ()
    days_per_week: float = 5
    resource: str = ""
    row: int = 0


@dataclass(frozen=True)
class Standing:
    """A person who is posted to a hub already when the first plan year begins, as a row of tours.csv says it.

    Attributes
    ----------
    hub
        Id of the hub.
    until
        Month of the first plan year at whose end the tour ends.
    row
        Where it stands in its file, the heading being row 1.
    """

    hospital: str
    specialty: str
    rank: str
    hub: str
    until: int
    basis: Basis
    source: str
    row: int = 0


@dataclass(frozen=True)
class FieldThere:
    """Whether an institution has a specialty ("yes" or "no"), and in which row of fields.csv that stands."""

    hub: str
    specialty: str
    has: str
    basis: Basis
    source: str
    row: int = 0


@dataclass(frozen=True)
class NoRounds:
    """Half-days in which nobody visits a place or leaves an institution, as a row of sessions.csv says it.

    Attributes
    ----------
    where
        Id of a village, a town (for all its villages too) or an institution that sends.
    day, half
        Day and half of it; empty: every day, both halves.
    row
        Where it stands in its file, the heading being row 1.
    """

    where: str
    reason: str
    basis: Basis
    source: str
    day: str = ""
    half: str = ""
    row: int = 0


@dataclass(frozen=True)
class Fact:
    """A published total."""

    indicator: str
    value: int
    unit: str
    date: str
    basis: Basis
    source: str


@dataclass(frozen=True)
class Growth:
    """How fast the people of a town grow or dwindle.

    Attributes
    ----------
    percent
        Of the people of the year before [% a year]; negative where they become fewer.
    from_year, to_year
        Years between which it holds; None: from the census on, and without end.
    row
        Where it stands in its file, the heading being row 1.
    """

    town: str
    percent: float
    basis: Basis
    source: str
    from_year: int | None = None
    to_year: int | None = None
    row: int = 0


@dataclass(frozen=True)
class PlaceYear:
    """The people of a place in one year, as the planner's table has them [persons]; None where it does not say."""

    place: str
    year: int
    people: int
    basis: Basis
    source: str
    people_65: int | None = None
    people_0_14: int | None = None


@dataclass(frozen=True)
class Origin:
    """Where a table was read from.

    Attributes
    ----------
    file
        Its file, with the sheet or layer in it.
    headings
        What the file calls its columns, where that is not their names.
    datum
        The datum that its positions were given in; empty where it has none, several by ", ".
    rows
        How many rows it has.
    unread
        Headings that no column is called after.
    """

    file: str
    headings: Mapping[str, str] = field(default_factory=dict)
    datum: str = ""
    rows: int = 0
    unread: tuple[str, ...] = ()


@dataclass(frozen=True)
class Listed:
    """A candidate of the planner's own list, and in which row of candidates.csv it stands.

    Attributes
    ----------
    lon, lat
        Position [°, in the district's datum].
    place
        Id of the place where it stands; empty where it stands in none.
    opening, yearly
        One-off cost and cost of a year [yuan]; None where the model says them.
    reason
        Why it may stand here, in the planner's words.
    """

    id: str
    kind: str
    name: str
    town: str
    lon: float
    lat: float
    reason: str
    basis: Basis
    source: str
    place: str = ""
    opening: int | None = None
    yearly: int | None = None
    row: int = 0


@dataclass(frozen=True)
class Layer:
    """Ground on which no candidate may stand, or on which alone candidates may.

    Attributes
    ----------
    id
        What files and messages call it.
    name
        Name by language.
    keeps
        "out" keeps candidates off its areas, "in" within them; where several keep candidates in, one is enough.
    file
        Where it was read from.
    kinds
        Kinds of site that it speaks of; none: all.
    buffer_metres
        How far beyond its areas it keeps candidates out [m].
    areas, hectares
        How many areas it has in the district and around it, and how large they are together.
    area
        These areas in the district's metric reference system [m]; empty in the district that a finished plan carries.
    """

    id: str
    name: Mapping[str, str]
    keeps: str
    file: str
    kinds: tuple[str, ...] = ()
    buffer_metres: int = 0
    areas: int = 0
    hectares: int = 0
    area: MultiPolygon = field(default_factory=MultiPolygon, compare=False, repr=False)

    @cached_property
    def parts(self) -> STRtree:
        """Return its areas in a tree, so that those near a spot are found quickly."""
        return STRtree(list(self.area.geoms))

    def speaks_of(self, kind: str) -> bool:
        """Tell whether it speaks of a kind of site."""
        return not self.kinds or kind in self.kinds


@dataclass(frozen=True)
class District:
    """Inputs after reading and checking; never changed afterwards.

    Attributes
    ----------
    id
        Name of the folder.
    name
        Name by language.
    epsg
        Metric coordinate reference system in which distances are measured.
    boundary
        GeoJSON geometry (Polygon or MultiPolygon) in degrees.
    partial
        Kinds of institution of which the planner lists some only: how many there are today is unknown.
    travel
        One-way minutes by (from, to, mode), where the planner brings them.
    growth
        Yearly rates of towns, where the planner brings them.
    people_by_year
        People by place and year, where the planner brings them.
    inputs
        SHA-256 of every file read, by its name in the folder.
    institution_rows
        In which row of its file every institution stands, by its id.
    origins
        Where every table was read from, by the table's name.
    warnings
        What is odd but no error.
    staff
        Staff and beds of today, where the planner lists them.
    pools, tours, sessions
        Whom hospitals can let go, who is away already, and half-days without rounds, where the planner lists them.
    fields
        Specialties that institutions have or lack, where the planner lists them.
    functions
        Functions that institutions have today, where the planner lists them.
    care_homes
        Care homes, where the planner lists them.
    candidates
        Where new sites may stand, where the planner lists it.
    layers
        Ground that candidates must stay off, or within.
    observed
        Travel times that somebody observed, where the planner lists them.
    roads
        The roads, where a file has them.
    times
        The times by road that a finished plan carries, which need no roads any more.
    made
        The candidates that a finished plan carries, as it says them, which need no areas of layers any more.
    """

    id: str
    name: Mapping[str, str]
    code: str
    datum: str
    epsg: int
    places: tuple[Place, ...]
    towns: tuple[Town, ...]
    institutions: tuple[Institution, ...]
    facts: Mapping[str, Fact]
    boundary: Mapping[str, Any]
    partial: tuple[str, ...] = ()
    travel: Mapping[tuple[str, str, str], float] = field(default_factory=dict)
    growth: tuple[Growth, ...] = ()
    people_by_year: tuple[PlaceYear, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    institution_rows: Mapping[str, int] = field(default_factory=dict, compare=False)
    origins: Mapping[str, Origin] = field(default_factory=dict)
    warnings: tuple[Problem, ...] = ()
    staff: tuple[Staffing, ...] = ()
    pools: tuple[Department, ...] = ()
    tours: tuple[Standing, ...] = ()
    sessions: tuple[NoRounds, ...] = ()
    fields: tuple[FieldThere, ...] = ()
    functions: tuple[FunctionThere, ...] = ()
    care_homes: tuple[CareHome, ...] = ()
    candidates: tuple[Listed, ...] = ()
    layers: tuple[Layer, ...] = ()
    observed: tuple[Observed, ...] = ()
    roads: RoadNetwork | None = field(default=None, compare=False)
    times: Times | None = field(default=None, compare=False)
    made: Mapping[str, Any] | None = field(default=None, compare=False)

    @property
    def people(self) -> int:
        """Return the residents of all places [persons]."""
        return sum(place.people or 0 for place in self.places)

    @property
    def has_estimates(self) -> bool:
        """Tell whether any position or number of people of a place is an estimate that another draw may change."""
        return any(place.is_drawn for place in self.places)

    @cached_property
    def listed_modes(self) -> frozenset[str]:
        """Return the ways to travel that the planner's own table of times lists: it alone says their times."""
        return frozenset(mode for _, _, mode in self.travel)

    def in_its_words(self, problem: Problem) -> Problem:
        """Return a problem with the file and heading that the planner's own table has."""
        origin = self.origins.get(problem.file.rpartition(".")[0])
        if origin is None:
            return problem
        return replace(problem, file=origin.file, heading=origin.headings.get(problem.column, ""))

    def town_names(self) -> Mapping[str, str]:
        """Return the name of every town by its code."""
        return {town.id: town.name for town in self.towns}
