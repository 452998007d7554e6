"""Says what is odd in a district's roads: in pieces, crossed without a junction, or far from where people live."""

from collections.abc import Mapping
from itertools import compress
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from allocate import tables
from allocate.errors import Value
from allocate.fault_kinds import FaultKind
from allocate.folder import Folder
from allocate.road_reading import Around, Roads
from allocate.synonyms import BARRIERS, ROADS
from allocate.table_reading import Rows
from allocate.travel.joining import TooManyPieces, join
from allocate.travel.network import RoadNetwork
from allocate.words import few

# Of a network that holds together this share of its length is one piece; the rest are yards and paths.
WHOLE = 0.95
# A place farther from any road [m] is off the network: a quarter of an hour on foot, before any road is reached.
FAR_M = 1_000.0


def warn_of_roads(folder: Folder, rows: Mapping[str, Rows], roads: Roads, place: Around | None) -> None:
    """Warn of a network that lies in pieces, and of places far from it."""
    network = roads.network
    if network is None or place is None:
        if BARRIERS in folder.origins and not {ROADS} & {*folder.origins, *folder.shelf.said}:
            folder.warn(FaultKind.BARRIERS_IDLE, folder.origins[BARRIERS].file)
        return
    file = folder.origins[ROADS].file
    # (Of what lies outside of the district that is said already.)
    spots = [
        (str(row["name"] or row["id"]), float(row["lon"]), float(row["lat"]))
        for _, row in rows.get(tables.PLACES.name, ())
        if row["lon"] is not None and row["lat"] is not None
    ]
    degrees = np.array([(lon, lat) for _, lon, lat in spots]).reshape(-1, 2)
    there: Any = shapely.covers(place.boundary, shapely.points(degrees))
    names = list(compress((name for name, _, _ in spots), there))
    positions = place.metres(degrees[there])
    piece, far = _nearest(network, positions)
    part, lengths = network.parts()
    share = float(lengths.max() / lengths.sum())
    if share < WHOLE:
        # (Which end of a piece is asked makes no difference: both lie in one part.)
        off = [name for name, n in zip(names, piece, strict=True) if part[network.starts[n]] != lengths.argmax()]
        details: dict[str, Value] = {
            "pieces": len(lengths),
            "percent": f"{100 * share:.0f}",
            "count": len(off),
            "names": few(off) or "—",
        }
        folder.put(FaultKind.ROADS_APART, file, None, "", None, details, fault=False)
        joined = _if_they_met(roads)
        if joined is not None and joined >= (1 + share) / 2:
            folder.warn(FaultKind.ROADS_CROSSING, file, percent=f"{100 * joined:.0f}")
    lost = [name for name, metres in zip(names, far, strict=True) if metres > FAR_M]
    if lost:
        details = {"count": len(lost), "metres": f"{FAR_M:,.0f}", "names": few(lost)}
        folder.put(FaultKind.ROADS_FAR, file, None, "", None, details, fault=False)


def _nearest(network: RoadNetwork, positions: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the nearest piece of road of every position, and how far it is [m]."""
    tree = shapely.STRtree(shapely.get_parts(network.lines()))
    (_, piece), metres = tree.query_nearest(shapely.points(positions), return_distance=True, all_matches=False)
    return piece.astype(np.int64), metres


def _if_they_met(roads: Roads) -> float | None:
    """Return the share of the largest part if roads met wherever they cross; None where nobody can ask."""
    if roads.drawn is None:
        return None
    try:
        _, lengths = join(roads.drawn, meet=True).network.parts()
    except TooManyPieces:
        return None
    return float(lengths.max() / lengths.sum())
