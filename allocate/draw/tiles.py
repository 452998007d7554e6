"""Base map tiles, where a planner asks for them: whose, from which hosts, with whose key, and in which datum."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from allocate.datum import convert
from allocate.draw.cells import Columns
from allocate.errors import Problem, UsageError

TIANDITU, AMAP = "tianditu", "amap"
PROVIDERS: Final = (TIANDITU, AMAP)
# Where a planner keeps the key.
KEY_VARIABLE = "ALLOCATE_TIANDITU_KEY"

# Layers of roads and ground, and of names; levels 1 to 18 of web Mercator.
_TIANDITU = (
    "https://t{{s}}.tianditu.gov.cn/{layer}_w/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&LAYER={layer}"
    "&STYLE=default&TILEMATRIXSET=w&FORMAT=tiles&TILEMATRIX={{z}}&TILEROW={{y}}&TILECOL={{x}}&tk={{key}}"
)
_AMAP = "https://webrd0{s}.is.autonavi.com/appmaptile?lang=zh_cn&size=1&scale=1&style=8&x={x}&y={y}&z={z}"
_KEY = re.compile(r"[0-9A-Za-z_-]{8,100}")
_LONGEST_NAME = 20
_DIGITS = 5


@dataclass(frozen=True)
class Tiles:
    """Base map tiles of a page.

    Attributes
    ----------
    addresses
        Where tiles are, as Leaflet fills them in: `{s}` is one of `subdomains`.
    hosts
        All that the page may fetch pictures from.
    datum
        What the tiles' positions mean: `wgs84` or `gcj02`.
    asks_key
        Whether the provider wants a key.
    key
        The key, only where it is to stand in the page; else its reader is asked for one.
    """

    name: str
    addresses: tuple[str, ...]
    subdomains: str
    hosts: tuple[str, ...]
    datum: str
    asks_key: bool
    key: str = ""

    def plain(self) -> dict[str, Any]:
        """Return what the page needs of it."""
        return {
            "name": self.name,
            "addresses": list(self.addresses),
            "subdomains": self.subdomains,
            "asks_key": self.asks_key,
            "key": self.key,
            "shifted": self.datum != "wgs84",
        }


def tiles_of(name: str, key: str = "") -> Tiles:
    """Return the tiles of a provider, one of `PROVIDERS`; a key that is given stands in the page."""
    if name == TIANDITU:
        addresses = tuple(_TIANDITU.format(layer=layer) for layer in ("vec", "cva"))
        hosts = tuple(f"https://t{at}.tianditu.gov.cn" for at in range(8))
        return Tiles(name, addresses, "01234567", hosts, "wgs84", asks_key=True, key=key)
    hosts = tuple(f"https://webrd0{at}.is.autonavi.com" for at in range(1, 5))
    return Tiles(name, (_AMAP,), "1234", hosts, "gcj02", asks_key=False)


def tiles_asked(name: str | None, key: str | None, environment: str, *, in_file: bool) -> Tiles | None:
    """Return the tiles that options ask for; None where they ask for none.

    Parameters
    ----------
    key, environment
        The key of an option, and that of the environment, which stands in where the option is not there.
    in_file
        Whether the key is to be written into the page.

    Raises
    ------
    UsageError
        When the options do not fit together. No message holds a key.
    """
    if name is not None and name not in PROVIDERS:
        # (What is as long as a key may be one, put in the wrong place.)
        told = name if len(name) <= _LONGEST_NAME else None
        details = {"choices": ", ".join(PROVIDERS)}
        raise UsageError([Problem("problem.choice", column="--tiles", value=told, details=details)])
    given = (("--tiles-key", key is not None), ("--tiles-key-in-file", in_file))
    if name != TIANDITU:
        wrong = "problem.tiles_no_tiles" if name is None else "problem.tiles_no_key"
        problems = [Problem(wrong, column=option) for option, is_given in given if is_given]
        if problems:
            raise UsageError(problems)
        return None if name is None else tiles_of(name)
    chosen = environment if key is None else key
    if in_file and not chosen:
        raise UsageError([Problem("problem.tiles_key_missing", column="--tiles-key-in-file")])
    if (in_file or key is not None) and not _KEY.fullmatch(chosen):
        raise UsageError([Problem("problem.tiles_key_form", column="--tiles-key")])
    return tiles_of(name, chosen if in_file else "")


def shifted(content: Mapping[str, Any], tiles: Tiles) -> dict[str, Any]:
    """Return what a page draws at the positions that tiles have it; places and sites keep what they are told at.

    `told_lon` and `told_lat` hold that [°]; WGS-84 and CGCS2000 count as one.
    """
    if tiles.datum == "wgs84":
        return dict(content)
    moved = dict(content)
    for name in ("towns", "places", "marks", "homes", "dropped", "worth_spots"):
        table = content[name]
        told = (
            {} if name in ("towns", "dropped", "worth_spots") else {"told_lon": table["lon"], "told_lat": table["lat"]}
        )
        moved[name] = {**_moved(table, tiles.datum), **told}
    moved["marks"]["actions"] = [
        None if steps is None else [_moved_step(step, tiles.datum) for step in steps]
        for steps in content["marks"]["actions"]
    ]
    moved["areas"] = {
        kind: {key: _moved(area, tiles.datum) for key, area in areas.items()}
        for kind, areas in content["areas"].items()
    }
    if content["boundary"]:
        polygons = content["boundary"]["coordinates"]
        rings = [[_positions(ring, tiles.datum) for ring in polygon] for polygon in polygons]
        moved["boundary"] = {**content["boundary"], "coordinates": rings}
    return moved


def _moved(table: Columns, datum: str) -> Columns:
    spots = _positions(list(zip(table["lon"], table["lat"], strict=True)), datum)
    return {**table, "lon": [spot[0] for spot in spots], "lat": [spot[1] for spot in spots]}


def _moved_step(step: Mapping[str, Any], datum: str) -> dict[str, Any]:
    ((lon, lat),) = _positions([(step["lon"], step["lat"])], datum)
    return {**step, "lon": lon, "lat": lat}


def _positions(spots: list[Any], datum: str) -> list[list[float | None]]:
    """Return positions of WGS-84 in another datum, to about a metre; what has none stays without."""
    if not spots:
        return []
    given = np.array([[np.nan if value is None else value for value in spot] for spot in spots], dtype=np.float64)
    return [
        [None if np.isnan(value) else round(value, _DIGITS) for value in row]
        for row in convert(given, "wgs84", datum).tolist()
    ]
