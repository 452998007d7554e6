"""What a classic model may be asked with: arrays, sparse matrices, coordinates or GeoDataFrames; all faults at once."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from allocate.covers import Covers, covers_of, covers_of_times, covers_within
from allocate.errors import Problem, UsageError, Value
from allocate.words import say

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Pairs = sparse.csr_array[Any, tuple[int, int]]
Blocks = Iterable[tuple[NDArray[Any], NDArray[Any]]]

# The largest share of the free memory that a table of distances may take.
_MEMORY_SHARE = 0.7
# What the largest of a kind of numbers has to lie between.
_LEAST, _MOST = 1e-3, 1e12
# By what share lengths on a plane may be wrong.
_MOST_DISTORTED = 0.01


class Faults:
    """Everything that is wrong with a question, to be said at once."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []

    def blame(self, what: str, argument: str, value: Value = None, **details: Value) -> None:
        """Note a fault."""
        self._problems.append(Problem(what, column=argument, value=value, details=details))

    def end(self) -> None:
        """Say what was noted.

        Raises
        ------
        UsageError
            When anything was.
        """
        if self._problems:
            raise UsageError(self._problems)


class Checked:
    """Blocks of points as they come, each looked at first; afterwards, how many people they brought."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self._are_read = False
        self.people = 0.0

    def __iter__(self) -> Iterator[tuple[Floats, Floats]]:
        """Yield coordinates [m] and people."""
        faults = Faults()
        if self._are_read and iter(self._blocks) is self._blocks:
            faults.blame("classics.blocks_twice", "points")
            faults.end()
        self._are_read = True
        self.people, points = 0.0, 0
        for place, block in enumerate(self._blocks):
            if not (isinstance(block, tuple | list) and len(block) == 2):
                faults.blame("classics.block", f"points[{place}]")
                faults.end()
            at = _coordinates(block[0], f"points[{place}]", faults, may_be_empty=True)
            weight = numbers(block[1], f"people[{place}]", len(at), faults)
            faults.end()
            points += len(at)
            self.people += float(weight.sum())
            yield at, weight
        if not points:
            faults.blame("classics.none", "points")
            faults.end()


@dataclass(frozen=True, repr=False, eq=False)
class Plane:
    """Points and sites by their coordinates, to be measured along straight lines.

    Attributes
    ----------
    points
        Coordinates, points x 2 [m]; None where they come in blocks.
    sites
        Coordinates, sites x 2 [m].
    blocks
        Pairs of coordinates and people, for more points than fit in memory; read once.
    columns_of_points, columns_of_sites
        Numbers that a GeoDataFrame brought along, by name.
    labels_of_points, labels_of_sites
        The index of that GeoDataFrame.
    """

    points: Floats | None
    sites: Floats
    blocks: Checked | None = None
    columns_of_points: Mapping[str, Any] = field(default_factory=dict)
    columns_of_sites: Mapping[str, Any] = field(default_factory=dict)
    labels_of_points: Any = None
    labels_of_sites: Any = None

    def __repr__(self) -> str:
        """Return how many points and sites there are."""
        points = "blocks of" if self.points is None else f"{len(self.points):,}"
        return f"Plane({points} points, {len(self.sites):,} sites)"


Travel = NDArray[Any] | Pairs | Plane


@dataclass(frozen=True)
class Sites:
    """What is known of the sites before anything is decided.

    Attributes
    ----------
    existing, mandatory, forbidden
        For every site: stands already, at no cost and beside the count; has to be opened; may not be opened.
    cost
        What opening costs, for every site; 1 where no cost was given.
    """

    existing: Bools
    mandatory: Bools
    forbidden: Bools
    cost: Floats

    @property
    def fixed(self) -> Bools:
        """Return which sites are open whatever is decided: those that stand, that must, or that cost nothing."""
        return np.asarray((self.existing | self.mandatory | (self.cost == 0)) & ~self.forbidden)

    @property
    def spent(self) -> float:
        """Return what the mandatory sites cost."""
        return float(self.cost[self.mandatory & ~self.existing].sum())


def between(points: Any, sites: Any) -> Plane:
    """Return points and sites for a model that measures along straight lines.

    Each is an array (n x 2, metres) or a GeoDataFrame of points with a coordinate system; in degrees, both are
    projected to the UTM zone of the sites. `points` may also be an iterable of pairs (coordinates, people): the
    blocks are read once and never stand in memory together, and `people` is then left out of the model's question.

    Raises
    ------
    UsageError
        When coordinates are missing, not finite or not comparable.
    """
    faults = Faults()
    if hasattr(points, "geometry") or hasattr(sites, "geometry"):
        return _plane_of_frames(points, sites, faults)
    at = _coordinates(sites, "sites", faults)
    plane = Plane(np.zeros((0, 2)), at)
    if isinstance(points, np.ndarray | list | tuple) or hasattr(points, "to_numpy"):
        points = list(points) if _is_blocks(points) else np.asarray(points)
    if isinstance(points, np.ndarray):
        plane = Plane(_coordinates(points, "points", faults), at)
    elif isinstance(points, Iterable) and not isinstance(points, str | bytes | Mapping):
        plane = Plane(None, at, Checked(points))
    else:
        faults.blame("classics.coordinates", "points")
    faults.end()
    return plane


def _is_blocks(points: Any) -> bool:
    """Tell a list of blocks from a list of coordinates: a block is a pair of arrays, its coordinates in two columns."""
    return (
        isinstance(points, list | tuple)
        and len(points) > 0
        and all(isinstance(block, tuple) and len(block) == 2 and np.ndim(block[0]) == 2 for block in points)
    )


def _coordinates(given: Any, argument: str, faults: Faults, *, may_be_empty: bool = False) -> Floats:
    try:
        at = _filled(given, np.nan)
    except (TypeError, ValueError):
        faults.blame("classics.coordinates", argument)
        return np.zeros((0, 2))
    if at.ndim != 2 or at.shape[1] != 2:
        faults.blame("classics.coordinates", argument)
        return np.zeros((0, 2))
    if not len(at) and not may_be_empty:
        faults.blame("classics.none", argument)
    wrong = np.flatnonzero(~np.isfinite(at).all(axis=1))
    if len(wrong):
        faults.blame("classics.not_finite", argument, first=int(wrong[0]), count=len(wrong))
    return at


def _filled(given: Any, missing: float) -> Floats:
    """Return numbers; what a mask hides is missing, whatever lies below it."""
    if isinstance(given, np.ma.MaskedArray):
        hidden: Any = given
        return np.asarray(hidden.astype(float).filled(missing))
    return np.asarray(given, dtype=float)


def _plane_of_frames(points: Any, sites: Any, faults: Faults) -> Plane:
    given = {"points": points, "sites": sites}
    for argument, frame in given.items():
        if not hasattr(frame, "geometry"):
            faults.blame("classics.both_frames", argument)
        elif not len(frame):
            faults.blame("classics.none", argument)
        elif frame.crs is None:
            faults.blame("classics.no_crs", argument)
        else:
            shapes = frame.geometry
            wrong = np.flatnonzero((shapes.isna() | shapes.is_empty | (shapes.geom_type != "Point")).to_numpy())
            if len(wrong):
                faults.blame("classics.no_point", argument, first=int(wrong[0]), count=len(wrong))
    faults.end()
    system = sites.crs
    corners = _corners(points, sites)
    if system.is_geographic or _distortion(system, corners) > _MOST_DISTORTED:
        # (What lies outside of the earth has no zone.)
        try:
            system = sites.estimate_utm_crs()
        except (RuntimeError, ValueError):
            faults.blame("classics.not_finite", "sites", first=0, count=len(sites))
            faults.end()
        if (distortion := _distortion(system, corners)) > _MOST_DISTORTED:
            faults.blame("classics.too_wide", "points", percent=round(100 * distortion, 1))
    at = []
    for argument, frame in given.items():
        shapes = frame.geometry.to_crs(system)
        at.append(_coordinates(np.column_stack([shapes.x, shapes.y]), argument, faults))
    faults.end()
    columns = [
        {str(name): frame[name] for name in getattr(frame, "columns", ()) if name != frame.geometry.name}
        for frame in given.values()
    ]
    return Plane(at[0], at[1], None, columns[0], columns[1], points.index, sites.index)


def _corners(points: Any, sites: Any) -> Floats:
    """Return places all over the rectangle in which points and sites lie, in degrees."""
    bounds = np.array([frame.geometry.to_crs(4326).total_bounds for frame in (points, sites)])
    low, high = bounds[:, :2].min(axis=0), bounds[:, 2:].max(axis=0)
    steps = np.linspace(0.0, 1.0, 3)
    return np.array([low + (high - low) * np.array([x, y]) for x in steps for y in steps])


def _distortion(system: Any, places: Floats) -> float:
    """Return by what share lengths on a map are wrong at most."""
    from pyproj import Proj

    if any(axis.unit_name not in {"metre", "meter"} for axis in system.axis_info):
        return np.inf
    factors = Proj(system).get_factors(places[:, 0], places[:, 1])
    scales = np.concatenate([factors.meridional_scale, factors.parallel_scale])
    return float(np.nan_to_num(np.abs(scales - 1), nan=np.inf).max())


def numbers(
    given: Any,
    argument: str,
    count: int,
    faults: Faults,
    columns: Mapping[str, Any] | None = None,
    labels: Any = None,
) -> Floats:
    """Return one number per point or site, 0 or more; a name means a column of the GeoDataFrame."""
    name = None
    if isinstance(given, str):
        name = given
        if not columns or given not in columns:
            what = "classics.no_column" if columns else "classics.no_frame"
            faults.blame(what, argument, given, **({"columns": ", ".join(columns)} if columns else {}))
            return np.ones(count)
        given = columns[given]
    try:
        values = _filled(given, np.nan)
    except (TypeError, ValueError, OverflowError):
        faults.blame("classics.not_numbers", argument, name)
        return np.ones(count)
    if values.shape != (count,):
        found = " x ".join(map(str, values.shape)) or say("classics.single")
        whose = "classics.per_point" if argument.startswith("people") else "classics.per_site"
        faults.blame("classics.length", argument, found=found, wanted=count, each=say(whose))
        return np.ones(count)
    if labels is not None and hasattr(given, "index") and _is_shuffled(given.index, labels):
        faults.blame("classics.order", argument)
        return np.ones(count)
    with np.errstate(invalid="ignore"):
        wrong = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if len(wrong):
        first = int(wrong[0])
        faults.blame("classics.range", argument, float(values[first]), first=first, count=len(wrong))
        return np.ones(count)
    in_good_units(values, argument, faults)
    return values


def in_good_units(values: Floats, argument: str, faults: Faults) -> None:
    """Refuse numbers so small or large that what is nothing beside them cannot be told from rounding."""
    largest = float(values.max(initial=0.0))
    if 0 < largest < _LEAST or largest > _MOST:
        faults.blame("classics.unit", argument, largest, least=f"{_LEAST:g}", most=f"{_MOST:g}")


def _is_shuffled(labels: Any, others: Any) -> bool:
    """Tell whether two indices hold the same labels in another order."""
    return not labels.equals(others) and labels.sort_values().equals(others.sort_values())


def number(given: Any, argument: str, faults: Faults, *, least: float = 0.0, most: float = float("inf")) -> float:
    """Return one number within limits; infinity only where it is the upper one."""
    value = float(given) if isinstance(given, int | float | np.number) and not isinstance(given, bool) else float("nan")
    if not least <= value <= most:
        shown = given if isinstance(given, str | int | float) else str(given)
        if np.isfinite(most):
            faults.blame("classics.number", argument, shown, least=f"{least:g}", most=f"{most:g}")
        else:
            faults.blame("classics.number_from", argument, shown, least=f"{least:g}")
        return least
    return value


def amount(given: Any, argument: str, most: int, faults: Faults, *, least: int = 1) -> int:
    """Return a number of sites."""
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or given < least:
        faults.blame("classics.whole", argument, str(given), least=least)
    elif given > most:
        faults.blame("classics.too_many", argument, int(given), most=most)
    else:
        return int(given)
    return least


def sites_of(
    count: int,
    faults: Faults,
    existing: Any,
    mandatory: Any,
    forbidden: Any,
    *,
    cost: Any,
    columns: Mapping[str, Any] | None = None,
    labels: Any = None,
) -> Sites:
    """Return what is known of the sites."""
    masks = {
        name: _mask(chosen, name, count, faults, labels)
        for name, chosen in (("existing", existing), ("mandatory", mandatory), ("forbidden", forbidden))
    }
    for name in ("existing", "mandatory"):
        both = np.flatnonzero(masks[name] & masks["forbidden"])
        if len(both):
            faults.blame("classics.both", "forbidden", int(both[0]), other=name)
    return Sites(**masks, cost=numbers(cost, "cost", count, faults, columns, labels))


def new_sites(p: Any, sites: Sites, faults: Faults) -> int:
    """Return how many of at most `p` new sites are left to choose once the mandatory ones are taken off."""
    free = int((~sites.forbidden & ~sites.existing).sum())
    most = amount(p, "p", free, faults, least=0 if sites.existing.any() else 1) if free else 0
    must = int((sites.mandatory & ~sites.existing).sum())
    if must > most:
        faults.blame("classics.more_mandatory", "p", most, mandatory=must)
    return most - must


def _mask(chosen: Any, argument: str, count: int, faults: Faults, labels: Any) -> Bools:
    mask = np.zeros(count, dtype=bool)
    try:
        index = np.asarray(chosen)
        index = index.astype(np.int64) if not index.size else index
    except (TypeError, ValueError):
        index = np.array(["?"])
    if index.dtype == bool and index.shape == (count,):
        if labels is not None and hasattr(chosen, "index") and _is_shuffled(chosen.index, labels):
            faults.blame("classics.order", argument)
        return index
    # Labels of a table look like positions, and are others as soon as a row was left out.
    if type(chosen).__module__.startswith("pandas") and index.size:
        faults.blame("classics.labels", argument)
    elif index.ndim != 1 or index.dtype.kind not in "iu":
        faults.blame("classics.index", argument, str(chosen), most=count - 1)
    elif len(wrong := index[(index < 0) | (index >= count)]):
        faults.blame("classics.index", argument, int(wrong[0]), most=count - 1)
    else:
        mask[index] = True
    return mask


def tidied(travel: Any, faults: Faults) -> Travel:
    """Return what was given as one of the three kinds of travel.

    Raises
    ------
    UsageError
        When it is none of them.
    """
    if isinstance(travel, Plane):
        return travel
    given: Any = travel
    table: Any
    try:
        if isinstance(given, np.ma.MaskedArray):
            hidden: Any = given
            table = hidden.filled(False) if hidden.dtype.kind == "b" else _filled(hidden, np.inf)
        else:
            table = _pairs(given, faults) if sparse.issparse(travel) else np.asarray(given)
    except (TypeError, ValueError):
        table = np.zeros(0)
    if table.ndim != 2 or table.dtype.kind not in "biuf":
        faults.blame("classics.travel", "travel")
    elif 0 in table.shape:
        faults.blame("classics.none", "travel")
    else:
        return table  # type: ignore[no-any-return]
    faults.end()
    raise AssertionError


def _pairs(given: Any, faults: Faults) -> Pairs:
    """Return a sparse table by rows; no pair stands in it twice, and what only fills up a format is no pair."""
    pairs = sparse.csr_array(given)
    if given.format in {"bsr", "dia"}:
        # (Neither shares anything with what was given.)
        pairs.eliminate_zeros()
    elif given.format in {"coo", "csr"} and not getattr(given, "has_canonical_format", False):
        alone = given.copy()
        alone.sum_duplicates()
        if alone.nnz < given.nnz:
            faults.blame("classics.pair_twice", "travel", count=int(given.nnz - alone.nnz))
    return pairs


def shape_of(travel: Travel, faults: Faults) -> tuple[int | None, int]:
    """Return the numbers of points (None where they come in blocks) and sites, having looked at the times."""
    if isinstance(travel, Plane):
        return (None if travel.points is None else len(travel.points)), len(travel.sites)
    if travel.dtype.kind != "b":
        _look(travel, faults)
    return int(travel.shape[0]), int(travel.shape[1])


def _look(travel: NDArray[Any] | Pairs, faults: Faults) -> None:
    """Look at times for what is no time, in blocks."""
    longest = 0.0
    rows = max(1, 10_000_000 // travel.shape[1])
    for begin in range(0, travel.shape[0], rows):
        block: Any = travel[begin : begin + rows]
        values = block.data if isinstance(block, sparse.csr_array) else block.ravel()
        with np.errstate(invalid="ignore"):
            wrong = np.flatnonzero(~(values >= 0))
        if len(wrong):
            first = int(wrong[0])
            if isinstance(block, sparse.csr_array):
                point, site = int(np.searchsorted(block.indptr, first, side="right")) - 1, int(block.indices[first])
            else:
                point, site = divmod(first, block.shape[1])
            value = float(values[first])
            faults.blame("classics.time", "travel", value, point=begin + point, site=site, count=len(wrong))
            return
        longest = max(longest, float(values.max(initial=0.0, where=values < np.inf)))
    in_good_units(np.array([longest]), "travel", faults)


def covers_from(travel: Travel, limit: float | None, people: Floats | None, faults: Faults) -> Covers:
    """Return which sites reach which points, points with the same sites merged."""
    if limit is not None:
        number(limit, "limit", faults)
    elif isinstance(travel, Plane) or (isinstance(travel, np.ndarray) and travel.dtype.kind != "b"):
        faults.blame("classics.no_limit", "limit")
    if limit is not None and not isinstance(travel, Plane) and travel.dtype.kind == "b":
        faults.blame("classics.limit_of_bool", "limit", limit)
    faults.end()
    if isinstance(travel, Plane):
        assert limit is not None
        points: Any = travel.points if travel.blocks is None else travel.blocks
        return covers_within(points, travel.sites, limit, people)
    if isinstance(travel, np.ndarray):
        return covers_of(travel, people) if limit is None else covers_of_times(travel, limit, people)
    within = travel.data if limit is None or travel.dtype.kind == "b" else travel.data <= limit
    # (A stored pair covers however near it is; a stored False does not.)
    kept = (within if within.dtype.kind == "b" else np.ones(travel.nnz, dtype=bool)).astype(np.uint8)
    # (Taking pairs out happens in place, and the table is the caller's.)
    reach = sparse.csr_array((kept, travel.indices.copy(), travel.indptr.copy()), shape=travel.shape)
    reach.eliminate_zeros()
    return covers_of(reach, people)


def distances_of(travel: Travel, faults: Faults) -> Floats:
    """Return the distance of every pair, points x sites; infinity where a site may not serve a point."""
    if isinstance(travel, Plane) and travel.points is None:
        faults.blame("classics.blocks", "travel")
    faults.end()
    if isinstance(travel, Plane):
        assert travel.points is not None
        enough_memory(8 * len(travel.points) * len(travel.sites), faults)
        return _straight(travel.points, travel.sites)
    if isinstance(travel, np.ndarray):
        return np.where(travel, 0.0, np.inf) if travel.dtype.kind == "b" else np.ascontiguousarray(travel, dtype=float)
    enough_memory(8 * travel.shape[0] * travel.shape[1], faults)
    distance = np.full(travel.shape, np.inf)
    point = np.repeat(np.arange(travel.shape[0]), np.diff(travel.indptr))
    if travel.dtype.kind == "b":
        distance[point[travel.data], travel.indices[travel.data]] = 0.0
    else:
        distance[point, travel.indices] = travel.data
    return distance


def _straight(points: Floats, sites: Floats) -> Floats:
    distance = np.empty((len(points), len(sites)))
    for j, (x, y) in enumerate(sites):
        np.hypot(points[:, 0] - x, points[:, 1] - y, out=distance[:, j])
    return distance


def enough_memory(wanted: int, faults: Faults) -> None:
    """Refuse what does not fit in memory, before it is tried.

    Raises
    ------
    UsageError
        When it does not fit.
    """
    free = free_memory()
    if free is not None and wanted > _MEMORY_SHARE * free:
        faults.blame("classics.memory", "travel", wanted=f"{wanted / 1e9:.1f}", free=f"{free / 1e9:.1f}")
    faults.end()


def free_memory() -> int | None:
    """Return how much memory is free [B]; None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [line.split() for line in lines if line.startswith("MemAvailable:")]
    return int(found[0][1]) * 1024 if found else None


@contextmanager
def within_memory() -> Iterator[None]:
    """Turn memory that ran out into one clear error.

    Raises
    ------
    UsageError
        When memory runs out.
    """
    try:
        yield
    except MemoryError:
        free = free_memory()
        shown = "?" if free is None else f"{free / 1e9:.1f}"
        raise UsageError([Problem("classics.memory_short", column="travel", details={"free": shown})]) from None


def of_sites(travel: Travel) -> tuple[Mapping[str, Any] | None, Any]:
    """Return the columns and the labels that the sites' table brought along."""
    return (travel.columns_of_sites, travel.labels_of_sites) if isinstance(travel, Plane) else (None, None)


def people_of(
    people: Any, count: int | None, travel: Travel, faults: Faults, otherwise: Callable[[int], Floats] = np.ones
) -> Floats | None:
    """Return the people of every point; None where they come with the points, in blocks."""
    if count is None:
        if people is not None:
            faults.blame("classics.people_in_blocks", "people")
        return None
    if people is None:
        return otherwise(count)
    columns = travel.columns_of_points if isinstance(travel, Plane) else None
    labels = travel.labels_of_points if isinstance(travel, Plane) else None
    return numbers(people, "people", count, faults, columns, labels)


def are_whole(values: ArrayLike) -> bool:
    """Tell whether all numbers are whole, and small enough to be added without loss."""
    given = np.asarray(values, dtype=float)
    return bool((given == np.floor(given)).all() and np.abs(given).sum() < 2.0**53)
