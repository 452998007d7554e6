"""Reads the layers that keep candidates off some ground, or within some: water, farmland, public buildings."""

import math
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pydantic
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon
from shapely.geometry.base import BaseGeometry

from allocate import datum, synonyms
from allocate.datum import DatumError
from allocate.district import Layer
from allocate.drawn import changed
from allocate.errors import Value
from allocate.fault_kinds import FaultKind
from allocate.files.layers import LAYER_SUFFIXES, areas, open_layers
from allocate.files.sheet import Unreadable
from allocate.folder import Folder
from allocate.names import CARD
from allocate.table_reading import Rows
from allocate.tables import BELOW_HUBS, NOT_GONE_TO
from allocate.thiessen import array, polygons
from allocate.travel import metric
from allocate.travel.circles import Text
from allocate.travel.points import Integers, Metric, metric_shape
from allocate.words import LANGUAGES, few, say, say_in

# From how far around the district areas are kept [m]: no distance to a layer beyond it is ever told or asked for.
AROUND_METRES = 10_000
# Corners are kept to the centimetre: plan.json carries them, and reads back what was used.
_DECIMALS = 2


class LayerSource(pydantic.BaseModel):
    """What [layers.<id>] of district.toml says of one layer.

    Attributes
    ----------
    file, part, datum
        Where its areas are, and in which datum; without a file, the one whose name tells this layer.
    keeps
        "out" keeps candidates off it, "in" within; without it the name of the file tells.
    kinds
        Kinds of site that it speaks of; without it all.
    buffer_metres
        How far beyond its areas no candidate may stand [m].
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    file: str = ""
    part: str = ""
    datum: str = ""
    keeps: Literal["", "out", "in"] = ""
    name: Text | None = None
    kinds: tuple[Literal[(*BELOW_HUBS, *NOT_GONE_TO)], ...] = ()  # type: ignore[valid-type]
    buffer_metres: Annotated[int, pydantic.Field(ge=0, lt=AROUND_METRES)] = 0


@dataclass(frozen=True)
class _Told:
    """A layer before it is read: where it is, and what is known of it."""

    id: str
    path: Path
    part: str
    keeps: str
    name: Mapping[str, str]
    said: LayerSource


def read_layers(
    folder: Folder, said: Mapping[str, LayerSource], boundary: BaseGeometry | None, epsg: int | None
) -> tuple[Layer, ...]:
    """Return the layers of a district's folder; whatever is wrong with one is noted, and it is left out.

    Parameters
    ----------
    said
        What district.toml says of layers, by their ids.
    boundary
        In degrees of the district's datum; without it, or without a metric system, nothing can be measured.
    """
    found: dict[str, Layer] = {}
    for told in _told(folder, said):
        drawn = _drawn(folder, told)
        if drawn is None or boundary is None or epsg is None:
            continue
        name, around = _called(folder, told), _metres(array([boundary]), folder.planned, epsg)
        area = _near(folder, name, _metres(drawn, folder.planned, epsg), around)
        if area is not None:
            found[told.id] = Layer(
                id=told.id,
                name=told.said.name or told.name,
                keeps=told.keeps,
                file=name,
                kinds=tuple(told.said.kinds),
                buffer_metres=told.said.buffer_metres,
                areas=len(area.geoms),
                hectares=round(area.area / 10_000),
                area=area,
            )
    return tuple(found[key] for key in sorted(found))


def _told(folder: Folder, said: Mapping[str, LayerSource]) -> Iterator[_Told]:
    """Yield every layer that the card or the name of a file tells; those told twice, or by nothing, are blamed."""
    found: dict[str, list[_Told]] = {}
    named: set[Path] = set()
    for key, source in said.items():
        if source.keeps == "in" and source.buffer_metres:
            folder.blame(FaultKind.CARD, CARD, column=f"layers.{key}.buffer_metres", reason=say("reason.layer_buffer"))
        if not source.file:
            continue
        try:
            path = folder.shelf.named(source.file)
        except Unreadable as error:
            folder.refuse(error, CARD)
            continue
        named.add(path)
        folder.shelf.use(path, source.part)
        keeps, _ = synonyms.layer_called(path.stem)
        keeps = source.keeps or keeps
        if not keeps:
            folder.blame(FaultKind.CARD, CARD, column=f"layers.{key}.keeps", reason=say("reason.layer_keeps"))
            continue
        found.setdefault(key, []).append(_Told(key, path, source.part, keeps, _name(key, keeps), source))
    for told in _by_name(folder, said):
        if told.path not in named:
            found.setdefault(told.id, []).append(told)
    for key in said.keys() - found.keys():
        if not said[key].file:
            folder.blame(FaultKind.CARD_NO_FILE, CARD, column=f"layers.{key}")
    for key, several in found.items():
        if len(several) > 1:
            files = ", ".join(folder.shelf.called(one.path) for one in several)
            folder.blame(FaultKind.LAYER_TWICE, files, value=key)
        yield several[0]


def _by_name(folder: Folder, said: Mapping[str, LayerSource]) -> Iterator[_Told]:
    """Yield the layers that names of files tell; of a file with several layers that have areas, each by itself."""
    for path in folder.shelf.files:
        keeps, rest = synonyms.layer_called(path.stem)
        if not keeps or path.suffix.lower() not in LAYER_SUFFIXES:
            continue
        folder.shelf.use(path, "")
        parts = [""]
        if path.suffix.lower() == ".gpkg":
            try:
                folder.shelf.check(path)
                listed = [part for part in open_layers(path).parts if not synonyms.is_no_table(part)]
                parts = listed if len(listed) > 1 else [""]
            except Unreadable:
                # (It is said where the file is read.)
                parts = [""]
        for part in parts:
            key = rest or {"out": "exclude", "in": "include"}[keeps]
            key = f"{key}_{unicodedata.normalize('NFKC', part)}" if part else key
            source = said.get(key, LayerSource())
            yield _Told(key, path, part or source.part, source.keeps or keeps, _name(key, keeps), source)


def _name(key: str, keeps: str) -> Mapping[str, str]:
    """Return what a layer is called where nobody says it, by language."""
    if key in ("exclude", "include"):
        return {language: say_in(language, f"ground.{keeps}") for language in LANGUAGES}
    return {language: synonyms.layer_title(key, language) for language in LANGUAGES}


def _called(folder: Folder, told: _Told) -> str:
    name = folder.shelf.called(told.path)
    return f"{name} · {told.part}" if told.part else name


def _drawn(folder: Folder, told: _Told) -> NDArray[np.object_] | None:
    """Return the areas of a layer in degrees of the district's datum, one by one; None and a fault where that fails."""
    name = _called(folder, told)
    try:
        folder.shelf.check(told.path)
        found = areas(told.path, told.part)
        folder.sign(told.path)
        system = datum.parse(folder.declared(told.said.datum, found.crs))
    except Unreadable as error:
        folder.refuse(error, name)
        return None
    except DatumError as error:
        folder.put(error.what, CARD, None, f"layers.{told.id}.datum", error.value, error.details, fault=True)
        return None
    if not len(found.shapes):
        folder.blame(FaultKind.LAYER_AREAS, name, points=found.points, lines=found.lines)
        return None
    if found.broken:
        folder.blame(FaultKind.LAYER_BROKEN, name, row=found.broken[0], count=len(found.broken))
        return None
    if found.points + found.lines:
        folder.warn(FaultKind.LAYER_MIXED, name, count=found.points + found.lines)
    if not told.said.datum and folder.given in datum.SHIFTING and system.name == folder.given:
        details: dict[str, Value] = {"datum": folder.given, "crs": found.crs or "—", "layer": told.id}
        folder.put(FaultKind.LAYER_DATUM, name, None, "", None, details, fault=False)
    if system.plain:
        return found.shapes
    turned: NDArray[np.object_] = shapely.transform(found.shapes, changed(system, folder.planned))
    return turned


def _metres(shapes: NDArray[np.object_], planned: str, epsg: int) -> NDArray[np.object_]:
    """Return shapes given in degrees in the district's metric reference system, to the centimetre."""
    with np.errstate(all="ignore"):
        turned = metric_shape(shapes, planned, epsg)
        rounded: NDArray[np.object_] = shapely.transform(turned, lambda spots: np.round(spots, _DECIMALS))
    return rounded


def _near(folder: Folder, name: str, shapes: NDArray[np.object_], boundary: NDArray[np.object_]) -> MultiPolygon | None:
    """Return the areas in the district or not far from it; None and a fault where there is none."""
    usable = np.isfinite(shapely.bounds(shapes)).all(axis=1)
    bent = usable & ~shapely.is_valid(shapes)
    shapes = shapes.copy()
    # (Rounding may make a sliver touch itself.)
    shapes[bent] = polygons(shapes[bent])
    box = shapely.box(*shapely.buffer(shapely.box(*shapely.total_bounds(boundary)), AROUND_METRES).bounds)
    kept = usable & ~shapely.is_empty(shapes)
    kept[kept] = shapely.intersects(shapes[kept], box)
    if not kept.any():
        away = shapely.distance(shapes[usable], boundary[0]) if usable.any() else np.array([])
        shown: Any = f"{np.nanmin(away) / 1000:,.0f}" if len(away) else "—"
        folder.blame(FaultKind.LAYER_ELSEWHERE, name, km=shown)
        return None
    return MultiPolygon(list(shapely.get_parts(shapes[kept])))


def near(points: Metric, layer: Layer, metres: int) -> Integers:
    """Return the indices of the points in the areas of a layer, or nearer to them than some metres."""
    if not len(points):
        return np.zeros(0, dtype=np.int64)
    # (The points are in the tree: whatever asks a tree is prepared, and areas have many corners.)
    spots: Any = shapely.points(points)
    tree = shapely.STRtree(spots)
    areas = np.array(layer.area.geoms, dtype=object)
    if metres:
        found: Any = tree.query(areas, predicate="dwithin", distance=math.nextafter(metres, 0))
    else:
        found = tree.query(areas, predicate="intersects")
    hit: Integers = np.unique(found[1])
    return hit


def metres_from(points: Metric, layer: Layer) -> list[int]:
    """Return how far points lie from a layer, rounded down [m]; farther than all that is told where it is far away."""
    found = np.full(len(points), AROUND_METRES, dtype=np.int64)
    spots: Any = shapely.points(points)
    nearest: Any = layer.parts.query_nearest(
        spots, max_distance=float(AROUND_METRES), return_distance=True, all_matches=False
    )
    (who, _), away = nearest
    found[who] = np.floor(away).astype(np.int64)
    values: list[int] = found.tolist()
    return values


def warn_of_sites(folder: Folder, layers: Sequence[Layer], institutions: Rows, epsg: int | None) -> None:
    """Say which institutions stand where no new site may: they stay, but the file or their position may be wrong."""
    for layer in layers if epsg is not None else ():
        there = [
            row for _, row in institutions if layer.speaks_of(str(row["kind"])) and None not in (row["lon"], row["lat"])
        ]
        degrees = np.array([(row["lon"], row["lat"]) for row in there], dtype=np.float64).reshape(-1, 2)
        inside = near(metric(degrees, folder.planned, epsg or 0), layer, layer.buffer_metres).tolist()
        if layer.keeps == "out" and inside:
            names = few([str(there[n]["name"]) for n in inside])
            details: dict[str, Value] = {"layer": layer.id, "count": len(inside), "names": names}
            folder.put(FaultKind.LAYER_SITES, layer.file, None, "", None, details, fault=False)
