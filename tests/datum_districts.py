"""Made-up districts of which the truth is known, with tables whose declared datum is right or wrong."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import shapely
from scipy.spatial import cKDTree

from allocate import datum
from allocate.datum import Array
from allocate.datum_fit import Ground, Link, Misfit, Points, misfits

DATUMS = ("wgs84", "gcj02", "bd09")
WRONG = tuple(permutations(DATUMS, 2))
VILLAGES, CLINICS, TOWNS, POSTS = "places.csv", "institutions.csv", "towns.csv", "ems.csv"
DEGREE_M = 111_320.0


@dataclass(frozen=True)
class Truth:
    """A district as it is.

    Attributes
    ----------
    spots
        The true positions by table [° of WGS-84].
    links
        By what stands in the tables: a clinic's place, a village's town.
    """

    spots: Mapping[str, Array]
    links: tuple[Link, ...]
    ground: Ground


def near(spots: Array, most: float, random: np.random.Generator) -> Array:
    """Return points that lie 0 to `most` metres from others, in any direction [m]."""
    far, way = random.uniform(0, most, len(spots)), random.uniform(0, 2 * np.pi, len(spots))
    return spots + far[:, None] * np.column_stack((np.cos(way), np.sin(way)))


def district(seed: int) -> Truth:
    """Return a rural district as Baodi, or with odd seeds an urban one as Nankai."""
    random = np.random.default_rng(seed)
    urban = bool(seed % 2)
    if urban:
        middle, size, count = (117.16, 39.11), (6_200.0, 6_300.0), 100
        homes = random.integers(0, count, 90)
    else:
        middle, size, count = (117.35, 39.65), (40_000.0, 37_500.0), int(random.integers(60, 801))
        homes = random.permutation(count)[: max(25, int(count * random.uniform(0.3, 0.8)))]
    # Villages keep apart from each other: a grid whose points are shifted about at random.
    across = int(np.ceil(np.sqrt(count)))
    grid = np.array(np.meshgrid(np.arange(across), np.arange(across))).reshape(2, -1).T[random.permutation(across**2)]
    villages = (grid[:count] + random.uniform(0, 0.9, (count, 2))) / across * size
    clinics = near(villages[homes], 300, random)
    seats = random.permutation(count)[: max(12, count // 30)]
    towns = near(villages[seats], 400, random)
    belong = cKDTree(towns).query(villages)[1]
    posts = random.uniform(0, 1, (20, 2)) * size
    # Roads pass most villages, and some at a distance.
    passing = near(villages, 60, random)
    aside = random.random(count) < 0.2
    passing[aside] = near(villages[aside], 400, random)
    neighbours = cKDTree(passing).query(passing, k=4)[1][:, 1:]
    roads = shapely.multilinestrings([[passing[i], passing[j]] for i in range(count) for j in neighbours[i]])
    edge = shapely.convex_hull(shapely.multipoints(villages)).buffer(150)
    scale = np.array([DEGREE_M * np.cos(np.radians(middle[1])), DEGREE_M])
    start = np.array(middle) - np.array(size) / 2 / scale

    def degrees(metres: Array) -> Array:
        return metres / scale + start

    links = (
        Link(CLINICS, VILLAGES, np.column_stack((np.arange(len(homes)), homes))),
        Link(VILLAGES, TOWNS, np.column_stack((np.arange(count), belong))),
    )
    tables = {VILLAGES: villages, CLINICS: clinics, TOWNS: towns, POSTS: posts}
    ground = Ground(shapely.transform(edge, degrees), shapely.transform(roads, degrees))
    return Truth({name: degrees(metres) for name, metres in tables.items()}, links, ground)


def table(truth: Truth, name: str, *, written: str, declared: str) -> Points:
    """Return a table as the program reads it: written in one datum, declared as another."""
    file = datum.convert(truth.spots[name], "wgs84", written).round(6)
    meant = datum.parse(declared)
    degrees = datum.to_degrees(file, meant, "wgs84")
    return Points(name, meant, degrees, np.ones(len(file), dtype=bool))


def found(tables: list[Points], links: tuple[Link, ...] = (), ground: Ground | None = None) -> list[Misfit]:
    return list(misfits(tables, links, ground, kmh=4.8, detour=1.3))


def blames(seen: list[Misfit], name: str, written: str, *, alone: bool) -> bool:
    """Whether the one misfit names the table and its true datum, alone or as one of two possibilities."""
    if len(seen) != 1:
        return False
    readings = [(suspect.table, suspect.fits) for suspect in seen[0].suspects]
    return readings == [(name, written)] if alone else (name, written) in readings and len(readings) <= 2


def cases(seeds: range) -> Iterator[tuple[int, Truth, str, str, str]]:
    """Yield districts, each with a written and another declared datum, and the datum of the right table beside it."""
    for seed in seeds:
        written, declared = WRONG[seed // 2 % len(WRONG)]
        yield seed, district(seed), written, declared, DATUMS[seed // 12 % 3]
