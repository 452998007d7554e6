"""Opens what a map draws of a district: its boundary, its roads, and what bars the way."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from allocate import datum
from allocate.datum import Datum, DatumError
from allocate.district import Origin
from allocate.fault_kinds import FaultKind
from allocate.files.finding import Found, is_extract
from allocate.files.sheet import Unreadable
from allocate.folder import Folder
from allocate.names import CARD
from allocate.synonyms import title_of

# What opens a file, or its layer, and says which coordinates it has by itself.
type Opener[T] = Callable[[Found, Path], tuple[T, str]]


def open_drawn[T](folder: Folder, table: str, needed: str, opened: Opener[T]) -> tuple[T, Found, Datum] | None:
    """Return what a file draws, where it was found, and its datum; None and a fault where that fails.

    `needed` is the file that must be there; nothing is said of one that need not be, and is not.
    """
    try:
        found = folder.shelf.find(table)
        if found is None or found.path is None:
            if needed:
                titles = title_of(table, "zh"), title_of(table, "en")
                folder.blame(FaultKind.TABLE_MISSING, needed, key=table, zh=titles[0], en=titles[1])
            return None
        folder.origins[table] = Origin(found.name)
        folder.shelf.check(found.path)
        drawn, crs = opened(found, found.path)
        folder.sign(found.path)
        # (OpenStreetMap is WGS-84, whatever the district's own lists are in.)
        extract = is_extract(found.path)
        system = datum.parse(found.said.datum or "wgs84" if extract else folder.declared(found.said.datum, crs))
    except Unreadable as error:
        folder.refuse(error, folder.origins[table].file if table in folder.origins else needed or table)
        return None
    except DatumError as error:
        folder.put(error.what, CARD, None, f"tables.{table}.datum", error.value, error.details, fault=True)
        return None
    folder.origins[table] = replace(folder.origins[table], datum=system.name)
    if not extract:
        folder.doubt_label(table, found.name, found.said.datum, crs)
    return drawn, found, system


def changed(system: Datum, planned: str) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Return what turns coordinates of a datum into degrees of the one that is planned in."""
    return lambda points: points if system.plain else datum.to_degrees(points, system, planned)


def shape_of(
    folder: Folder, table: str, needed: str, opened: Callable[[Path, str], tuple[BaseGeometry, str]]
) -> BaseGeometry | None:
    """Return the one shape that a file draws, in degrees of the district's datum."""
    drawn = open_drawn(folder, table, needed, lambda found, path: opened(path, found.part))
    if drawn is None:
        return None
    shape, _, system = drawn
    turned: BaseGeometry = shape if system.plain else shapely.transform(shape, changed(system, folder.planned))
    return turned
