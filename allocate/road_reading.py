"""Reads the roads of a district, and what bars the way: from lines with what they say of themselves, or an extract."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pydantic
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from allocate import synonyms, tables
from allocate.datum import DEGREE_M, Datum
from allocate.drawn import changed, open_drawn
from allocate.fault_kinds import FaultKind
from allocate.files.finding import Found, is_extract
from allocate.files.layers import LayerShapes, lines, lines_and_areas
from allocate.files.osm import Extract, open_osm
from allocate.files.sheet import Raw
from allocate.folder import Folder
from allocate.headings import label
from allocate.synonyms import BARRIERS, ROADS
from allocate.travel.joining import MOST, RoadLines, TooManyPieces, join
from allocate.travel.network import ROAD_CLASSES, RoadNetwork, Shapes
from allocate.travel.points import metric
from allocate.words import few

# How far beyond the boundary's box roads are kept [m]: the quickest way between two villages of a district may lead
# through its neighbours, and a way that leaves by more than an hour's walk or a quarter of an hour by car seldom is.
MARGIN_M = 15_000.0
# No road: planned, being built, given up.
NO_ROAD = "none"
# Of values that nobody knows, as many are named.
_NAMED = 8
_RESIDENTIAL, _MOTORWAY = (ROAD_CLASSES.index(name) for name in ("residential", "motorway"))
_WAYS = {"forward": 1, "backward": -1, "both": 0}
# A column of the key of OpenStreetMap: what has no value in it is no road, but a river or a wall.
_KEY = "highway"
type Box = tuple[float, float, float, float]
type _Ints = NDArray[np.int64]


class RoadsSaid(pydantic.BaseModel):
    """What [roads] of district.toml says."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    crossings: Literal["bridge", "meet"] = "bridge"
    classes: dict[str, Literal[(*ROAD_CLASSES, NO_ROAD)]] = {}  # type: ignore[valid-type]


@dataclass(frozen=True)
class Roads:
    """The roads that a file has.

    Attributes
    ----------
    degrees
        Their lines, in degrees of the district's datum.
    network
        They, joined; None where boundary or metric system are not known.
    drawn
        The lines as they were joined; None of an extract, whose junctions are known.
    """

    degrees: BaseGeometry | None = None
    network: RoadNetwork | None = None
    drawn: RoadLines | None = None


@dataclass(frozen=True)
class Around:
    """The surroundings of a district whose roads are kept.

    Attributes
    ----------
    boundary
        The district's own, in degrees of its datum.
    degrees
        West, south, east and north [°].
    """

    boundary: BaseGeometry
    degrees: Box
    datum: str
    epsg: int

    def near(self, shapes: Shapes) -> NDArray[np.bool_]:
        """Return which shapes, in degrees, reach into it."""
        bounds = shapely.bounds(shapes)
        west, south, east, north = self.degrees
        with np.errstate(invalid="ignore"):
            inside: NDArray[np.bool_] = (
                (bounds[:, 0] <= east) & (bounds[:, 2] >= west) & (bounds[:, 1] <= north) & (bounds[:, 3] >= south)
            )
        return inside

    def metres(self, degrees: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return positions in the district's metric reference system [m]."""
        return metric(degrees, self.datum, self.epsg)


def around(boundary: BaseGeometry, planned: str, epsg: int) -> Around:
    """Return the surroundings of a boundary in degrees."""
    west, south, east, north = boundary.bounds
    up = MARGIN_M / DEGREE_M
    side = up / math.cos(math.radians(max(abs(south), abs(north))))
    return Around(boundary, (west - side, south - up, east + side, north + up), planned, epsg)


def read_roads(folder: Folder, said: RoadsSaid, place: Around | None) -> Roads:
    """Return the roads that a file has, whatever its form; none where no file has them."""

    def opened(found: Found, path: Path) -> tuple[LayerShapes | Extract, str]:
        if is_extract(path):
            return open_osm(path, place.degrees if place else None), ""
        layer = lines(path, found.part, found.said.encoding)
        return layer, layer.crs

    drawn = open_drawn(folder, ROADS, "", opened)
    if drawn is None:
        return Roads()
    given, found, system = drawn
    if isinstance(given, Extract):
        return _of_extract(folder, given, found, system, place)
    return _of_layer(folder, given, found, system, said, place)


def _of_extract(folder: Folder, extract: Extract, found: Found, system: Datum, place: Around | None) -> Roads:
    network = extract.roads
    for spotted in extract.spotted:
        folder.note(spotted, found.name)
    if not system.plain:
        network = network.moved(changed(system, folder.planned))
    folder.origins[ROADS] = replace(folder.origins[ROADS], rows=len(network))
    lines = network.lines()
    if place is None:
        return Roads(lines)
    return Roads(lines, network.moved(place.metres))


def _of_layer(
    folder: Folder, layer: LayerShapes, found: Found, system: Datum, said: RoadsSaid, place: Around | None
) -> Roads:
    degrees = layer.shapes if system.plain else shapely.transform(layer.shapes, changed(system, folder.planned))
    folder.origins[ROADS] = replace(folder.origins[ROADS], rows=len(degrees))
    if layer.others:
        folder.warn(FaultKind.ROADS_SHAPES, found.name, count=layer.others)
    told = _told(folder, found, layer, said)
    used = told.classes >= 0
    near = np.ones(len(degrees), dtype=bool) if place is None else place.near(degrees)
    kept = used & near
    if not kept.any():
        folder.blame(FaultKind.ROADS_NONE, found.name, lines=len(degrees), margin=round(MARGIN_M / 1000))
        return Roads()
    if not kept.all():
        far, none = int((~near).sum()), int((near & ~used).sum())
        margin = round(MARGIN_M / 1000)
        folder.warn(
            FaultKind.ROADS_LEFT, found.name, lines=len(kept), count=far + none, far=far, none=none, margin=margin
        )
    degrees = degrees[kept]
    whole = Roads(shapely.MultiLineString(list(degrees)))
    if place is None:
        return whole
    drawn = RoadLines(
        shapely.transform(degrees, place.metres),
        told.classes[kept].astype(np.uint8),
        told.one_way[kept].astype(np.int8),
        told.levels[kept].astype(np.int16),
    )
    try:
        joined = join(drawn, meet=said.crossings == "meet")
    except TooManyPieces:
        folder.blame(FaultKind.ROADS_MANY, found.name, most=MOST)
        return whole
    if joined.empty:
        folder.warn(FaultKind.ROADS_EMPTY, found.name, count=joined.empty)
    if joined.twice:
        folder.warn(FaultKind.ROADS_TWICE, found.name, km=f"{joined.twice / 1000:.1f}")
    if not len(joined.network):
        folder.blame(FaultKind.ROADS_NONE, found.name, lines=len(degrees), margin=round(MARGIN_M / 1000))
        return whole
    barring = drawn.lines[(drawn.classes == _MOTORWAY) & (drawn.levels == 0)]
    return replace(whole, network=replace(joined.network, barriers=barring), drawn=drawn)


def read_barriers(folder: Folder, place: Around | None) -> Shapes:
    """Return the lines and areas that bar the way around a district [m]."""
    drawn = open_drawn(folder, BARRIERS, "", lambda found, path: lines_and_areas(path, found.part))
    if drawn is None or place is None:
        return np.zeros(0, dtype=object)
    shapes, _, system = drawn
    degrees = shapes if system.plain else shapely.transform(shapes, changed(system, folder.planned))
    folder.origins[BARRIERS] = replace(folder.origins[BARRIERS], rows=len(degrees))
    near: Shapes = shapely.transform(degrees[place.near(degrees)], place.metres)
    return near


@dataclass
class _Told:
    """What a layer says of its lines, one entry for each; a class of -1 is no road, one way as in `RoadLines`."""

    classes: _Ints
    one_way: _Ints
    levels: _Ints
    headings: dict[str, str] = field(default_factory=dict)


def _told(folder: Folder, found: Found, layer: LayerShapes, said: RoadsSaid) -> _Told:
    """Return what a layer says of its lines, and note what nobody knows."""
    columns = _columns(folder, found, layer)
    cells = {name: _cells(layer, n) for name, n in columns.items()}
    headings = {name: layer.heading[n] for name, n in columns.items()}
    count = len(layer.shapes)
    told = _Told(np.full(count, _RESIDENTIAL), np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64))
    told.headings = {name: heading for name, heading in headings.items() if heading != name}
    folder.origins[ROADS] = replace(folder.origins[ROADS], headings=told.headings)
    if "class" in cells:
        _tell_classes(folder, found, told, cells["class"], headings["class"], said)
    else:
        listed = ", ".join(filter(None, layer.heading[:_NAMED])) or "—"
        folder.warn(FaultKind.ROAD_CLASS_NONE, found.name, count=count, headings=listed)
    if "oneway" in cells:
        _tell_ways(folder, found, told, cells["oneway"], headings["oneway"])
    if "layer" in cells:
        _tell_levels(folder, found, told, cells["layer"], headings["layer"])
    no = {synonyms.fold(word) for word in ("", *synonyms.written("no"))}
    for name, level in (("bridge", 1), ("tunnel", -1)):
        if name in cells:
            there = cells[name].each(lambda text: synonyms.fold(text) not in no)
            told.levels[there & (told.levels == 0)] = level
    return told


@dataclass(frozen=True)
class _Column:
    """The different texts of a column, and which of them each line has."""

    texts: tuple[str, ...]
    which: _Ints

    def each[T](self, meaning: Callable[[str], T]) -> NDArray[np.generic]:
        """Return what each line's text means."""
        found: NDArray[np.generic] = np.array([meaning(text) for text in self.texts])[self.which]
        return found

    def counted(self, texts: Sequence[str]) -> str:
        """Return some texts, each with how many lines have it, the most frequent first."""
        counts = Counter({text: int((self.which == self.texts.index(text)).sum()) for text in texts})
        return few([f"{text} ({count})" for text, count in counts.most_common()], _NAMED)


def _cells(layer: LayerShapes, n: int) -> _Column:
    known: dict[Raw, int] = {}
    every = np.array([known.setdefault(cell, len(known)) for cell in layer.columns[n]], dtype=np.int64)
    return _Column(tuple(label(cell) for cell in known), every[layer.rows])


def _columns(folder: Folder, found: Found, layer: LayerShapes) -> dict[str, int]:
    """Return which heading is which column: as district.toml names it, else the first by which it may be called."""
    columns: dict[str, int] = {}
    known = [column.name for column in tables.ROADS.columns]
    for name, wanted in found.said.columns.items():
        if name not in known or wanted not in layer.heading:
            listed = ", ".join(filter(None, layer.heading))
            folder.blame(FaultKind.COLUMN_NAMED, found.name, value=wanted, name=name, heading=listed)
        else:
            columns[name] = layer.heading.index(wanted)
    folded = [synonyms.fold(synonyms.split_unit(heading)[0]) for heading in layer.heading]
    for name in known:
        words = (name, *synonyms.heading_words(tables.ROADS, name))
        there = [folded.index(word) for word in map(synonyms.fold, words) if word in folded]
        if there and name not in columns:
            columns[name] = there[0]
    return columns


def _tell_classes(folder: Folder, found: Found, told: _Told, column: _Column, heading: str, said: RoadsSaid) -> None:
    numbers = {name: n for n, name in enumerate(ROAD_CLASSES)} | {NO_ROAD: -1}
    own = {synonyms.fold(text): name for text, name in said.classes.items()}
    blank = -1 if synonyms.fold(heading) == _KEY else _RESIDENTIAL
    known = synonyms.choices_of("class")

    def number(text: str) -> int | None:
        folded = synonyms.fold(text)
        if not folded:
            return blank
        name = own.get(folded) or next(iter(known.get(folded, ())), "")
        return numbers.get(name)

    unknown = [text for text in column.texts if number(text) is None]
    if unknown:
        values, known_ = column.counted(unknown), ", ".join(numbers)
        folder.blame(FaultKind.ROAD_CLASS, found.name, column=heading, values=values, first=unknown[0], known=known_)
    # (What nobody knows is a road for all that else is said of the layer.)
    told.classes = column.each(lambda text: _RESIDENTIAL if number(text) is None else number(text)).astype(np.int64)
    blanks = int(column.each(lambda text: not text).sum())
    if blanks and blank == _RESIDENTIAL:
        folder.warn(FaultKind.ROAD_CLASS_BLANK, found.name, column=heading, count=blanks)


def _tell_ways(folder: Folder, found: Found, told: _Told, column: _Column, heading: str) -> None:
    known = synonyms.choices_of("oneway")
    folded = {synonyms.fold(text) for text in column.texts}
    # (T and F are true and false, unless there is a B: then they say against and along the line, as extracts cut from
    # OpenStreetMap for shapefiles have it.)
    own: Mapping[str, str] = {"t": "backward", "f": "forward"} if "b" in folded else {"t": "forward", "f": "both"}

    def way(text: str) -> str:
        word = synonyms.fold(text)
        return own.get(word) or next(iter(known.get(word, ())), "") or ("" if word else "both")

    _say_unread(folder, found, column, heading, [text for text in column.texts if not way(text)])
    told.one_way = column.each(lambda text: _WAYS.get(way(text), 0)).astype(np.int64)


def _tell_levels(folder: Folder, found: Found, told: _Told, column: _Column, heading: str) -> None:
    most = tables.ROADS.column("layer").high

    def level(text: str) -> int | None:
        try:
            number = float(text or 0)
        except ValueError:
            return None
        return int(number) if number.is_integer() and abs(number) <= most else None

    _say_unread(folder, found, column, heading, [text for text in column.texts if level(text) is None])
    told.levels = column.each(lambda text: level(text) or 0).astype(np.int64)


def _say_unread(folder: Folder, found: Found, column: _Column, heading: str, unknown: Sequence[str]) -> None:
    if unknown:
        folder.warn(FaultKind.ROAD_VALUE, found.name, column=heading, values=column.counted(unknown))
