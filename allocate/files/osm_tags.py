"""What the tags of a way in OpenStreetMap mean to a traveller: its class, who may use it, and whether it bars the way.

After wiki.openstreetmap.org: Key:highway, Key:access, Computing access restrictions, Key:oneway, Key:waterway.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from allocate.travel.network import CLOSED_TO, TRAVELLERS

# A class for every value of highway=… on which somebody can travel today.
CLASS_OF: Mapping[str, str] = {
    "motorway": "motorway",
    "motorway_link": "motorway",
    "trunk": "trunk",
    "trunk_link": "trunk",
    "primary": "primary",
    "primary_link": "primary",
    "secondary": "secondary",
    "secondary_link": "secondary",
    "tertiary": "tertiary",
    "tertiary_link": "tertiary",
    "unclassified": "residential",
    "residential": "residential",
    "living_street": "residential",
    "road": "residential",
    "service": "service",
    "track": "track",
    "cycleway": "cycleway",
    "footway": "path",
    "path": "path",
    "pedestrian": "path",
    "steps": "path",
    "bridleway": "path",
    "corridor": "path",
}
# Not built, gone, for races or buses alone, or furniture of a road: left out without a word.
NO_ROADS = frozenset(
    {
        *("construction", "proposed", "planned", "abandoned", "razed", "demolished", "disused", "no"),
        *("raceway", "busway", "bus_guideway", "via_ferrata", "escape", "emergency_bay"),
        *("platform", "elevator", "bus_stop", "rest_area", "services", "crossing", "street_lamp", "traffic_island"),
    }
)
WATER: Mapping[str, Sequence[str]] = {
    "natural": ("water",),
    "landuse": ("reservoir",),
    "waterway": ("riverbank",),
}
# The first key is that of roads; where no values are given, every one is looked at.
WAYS: Mapping[str, Sequence[str]] = {
    "highway": (),
    "route": ("ferry",),
    "waterway": ("river", "canal", "riverbank"),
    "natural": ("water", "coastline"),
    "landuse": ("reservoir",),
    "railway": ("rail",),
}
# From what is said of a traveller alone to what is said of all.
_SAID: Mapping[str, Sequence[str]] = {
    "foot": ("foot",),
    "bicycle": ("bicycle", "vehicle"),
    "car": ("motorcar", "motor_vehicle", "vehicle"),
}
KEYS = (
    *WAYS,
    *("access", "foot", "bicycle", "vehicle", "motor_vehicle", "motorcar", "motorroad"),
    *("oneway", "junction", "bridge", "tunnel", "covered"),
)
_NOBODY = frozenset({"no", "private", "permit", "military", "emergency", "agricultural", "forestry"})
_ANYBODY = frozenset(
    {"yes", "designated", "permissive", "official", "public", "destination", "customers", "residents", "delivery"}
)
_ROUND = frozenset({"roundabout", "circular"})
_ALONG, _AGAINST, _BOTH = frozenset({"yes", "true", "1"}), frozenset({"-1", "reverse"}), frozenset({"no", "false", "0"})


@dataclass(frozen=True)
class Road:
    """What a way is to those who travel on it.

    Attributes
    ----------
    kind
        One of `ROAD_CLASSES`.
    closed
        Travellers who may not use it.
    way
        1 where cars go along it only as it is drawn, -1 where only against that, 0 where both ways.
    sealed
        Whether nobody gets on or off between its ends.
    """

    kind: str
    closed: frozenset[str] = frozenset()
    way: int = 0
    sealed: bool = False


def road_of(tags: Mapping[str, str]) -> Road | None:
    """Return what a way is as a road; None where it is none, or none that can be used.

    - Links are of the class of the road that they lead to. A road of unknown class (highway=road) is taken for the
      commonest kind. Squares that are drawn as areas are walked round, along their edge.
    - Closed is what the sign says (access=no, private and the like), what is said of one traveller before what is said
      of all: access=no with foot=yes is open to those on foot. Where nothing is said: motorways and motor roads are
      closed to feet and bicycles; paths and cycleways to cars; steps and corridors of buildings to bicycles as well;
      ferries to cars, because a boat that takes cars is worth a tag and a plan must not invent one.
    - access=yes on a path means that the public may walk there: it opens nothing to cars.
    - One-way holds for cars: on foot one walks both ways, and bicycles mostly do. Roundabouts and motorways are one-way
      unless they say otherwise. A lane that changes its direction with the hour counts for both.
    - Nobody gets on or off a motorway, a motor road, a bridge, a tunnel or a ferry but where it ends, or meets another.
    - Gates, bollards and fords are not looked at, nor what holds at some hours only.

    >>> road_of({"highway": "steps"}).closed == {"bicycle", "car"}
    True
    """
    highway = tags.get("highway", "")
    kind = CLASS_OF.get(highway, "")
    if not kind and not highway and tags.get("route") == "ferry":
        kind = "ferry"
    if not kind:
        return None
    closed = frozenset(one for one in TRAVELLERS if _is_closed(tags, one, closed_by_class=one in _closed(tags, kind)))
    oneway = tags.get("oneway", "")
    along = oneway in _ALONG or tags.get("junction") in _ROUND or highway == "motorway"
    return Road(kind, closed, -1 if oneway in _AGAINST else int(along and oneway not in _BOTH), _is_sealed(tags, kind))


def _is_sealed(tags: Mapping[str, str], kind: str) -> bool:
    return (
        kind in ("motorway", "ferry")
        or tags.get("motorroad") == "yes"
        or tags.get("bridge", "no") != "no"
        # (A passage through a house has doors to the yard.)
        or tags.get("tunnel", "no") not in ("no", "building_passage")
    )


def _closed(tags: Mapping[str, str], kind: str) -> tuple[str, ...]:
    """Return who does not use a road of a class unless something else is said."""
    if tags.get("motorroad") == "yes":
        return CLOSED_TO["motorway"]
    if tags.get("highway") in ("steps", "corridor"):
        return ("bicycle", "car")
    return ("car",) if kind == "ferry" else CLOSED_TO.get(kind, ())


def _is_closed(tags: Mapping[str, str], traveller: str, *, closed_by_class: bool) -> bool:
    for key in _SAID[traveller]:
        said = {value.strip() for value in tags.get(key, "").split(";")}
        if said & _ANYBODY:
            return False
        if said <= _NOBODY:
            return True
    return closed_by_class or {value.strip() for value in tags.get("access", "").split(";")} <= _NOBODY


def bars_as_line(tags: Mapping[str, str]) -> bool:
    """Return whether nobody crosses a way but on a road.

    Rivers, canals and the coast, but no streams, ditches and drains: those can mostly be stepped or driven over, and on
    a plain of fields there is one along every field. Railways (fenced on main lines), motorways and motor roads. What
    runs in a tunnel or a culvert, or on a bridge, bars nobody: one walks above, or below.
    """
    if _aside(tags):
        return False
    kind = CLASS_OF.get(tags.get("highway", ""), "")
    return (
        tags.get("waterway") in ("river", "canal")
        or tags.get("natural") == "coastline"
        or tags.get("railway") == "rail"
        or kind == "motorway"
        or (kind != "" and tags.get("motorroad") == "yes")
    )


def bars_as_area(tags: Mapping[str, str]) -> bool:
    """Return whether the area that a closed way or a relation draws is water that nobody crosses."""
    return not _aside(tags) and any(tags.get(key) in values for key, values in WATER.items())


def _aside(tags: Mapping[str, str]) -> bool:
    """Return whether something lies below or above the ground."""
    return any(tags.get(key, "no") != "no" for key in ("bridge", "tunnel", "covered"))
