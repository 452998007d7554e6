"""The verb `estimate`, from the planner's folder to the one written, by chance or by something known."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import shapely

from allocate.demand_cells import to_cells
from allocate.district import District
from allocate.errors import Problem, UsageError
from allocate.estimate import estimate, forget_people, lacks, write_estimate
from allocate.files.finding import SEVERAL
from allocate.files.raster import Raster, RasterError, Says, read_raster
from allocate.files.shapefile import COMPANIONS
from allocate.files.sheet import Unreadable
from allocate.files.text import decode
from allocate.names import CARD
from allocate.read import is_plain, read_list
from allocate.spreading import Weights, by_measure, by_raster, measure_of
from allocate.synonyms import BOUNDARY as BOUNDARY_TABLE
from allocate.tables import TABLES
from allocate.units import Basis


@dataclass(frozen=True)
class Asked:
    """How a planner wants gaps to be filled.

    Attributes
    ----------
    by
        Column by which people are spread; `auto` for the best that the list has, chance where it has none.
    raster, raster_65, raster_0_14
        Files with people and age groups.
    says
        Whether the cells of rasters count people or people per km².
    band
        Which band of the rasters; the first where none is said.
    cells
        Side of the cells that become demand points [m]; None for the places themselves.
    """

    seed: int = 1
    by: str = "auto"
    raster: Path | None = None
    raster_65: Path | None = None
    raster_0_14: Path | None = None
    says: Says = "counts"
    band: int | None = None
    cells: int | None = None


@dataclass(frozen=True)
class Estimated:
    """What an estimate made.

    Attributes
    ----------
    district
        As it was written; its warnings are what a planner should be told.
    places
        How many places were listed.
    positions, people
        How many of their positions and numbers of people are estimates now.
    institutions
        How many institutions stand where an estimate put them.
    written
        Whether anything was; not where nothing is lacking.
    """

    district: District
    places: int
    positions: int
    people: int
    institutions: int = 0
    written: bool = True


def estimate_folder(source: Path, folder: Path, asked: Asked) -> Estimated:
    """Estimate what a folder lacks and write it to another; where nothing is lacking nothing is written.

    People who were estimated before are estimated anew where a raster or a column is asked for by name.

    Raises
    ------
    InputError, UsageError
        When folder, raster or what was asked for cannot be used.
    """
    given = read_list(source)
    named = asked.raster is not None or asked.by != "auto"
    rasters = _rasters(given, asked)
    if named:
        given = forget_people(given)
    if not lacks(given) and not _ages_lack(given, rasters) and asked.cells is None:
        return Estimated(given, len(given.places), 0, 0, written=False)
    measure = "" if rasters else measure_of(given, asked.by)
    weighed: list[Weights] = []

    def weigh(district: District) -> Weights:
        weighed.append(_weights(district, rasters, measure, told_band=asked.band is not None))
        return weighed[-1]

    filled = estimate(given, asked.seed, weigh if rasters or measure else None)
    remarks = [remark for weights in weighed for remark in weights.remarks]
    positions = sum(place.position_basis == Basis.ESTIMATED for place in filled.places)
    people = sum(place.people_basis == Basis.ESTIMATED for place in filled.places)
    institutions = sum(before.lon is None for before in given.institutions)
    if asked.cells is not None:
        ages = {name: each for name, each in rasters.items() if name != "people"}
        made = to_cells(filled, asked.cells, rasters.get("people"), ages)
        filled = replace(made.district, warnings=(*made.district.warnings, *made.notes))
        remarks += made.remarks
    copied, left = _drawn_files(given, source)
    if left:
        note = Problem("estimate.not_copied", left[0], details={"names": ", ".join(left), "folder": str(folder)})
        filled = replace(filled, warnings=(*filled.warnings, note))
    write_estimate(filled, folder, source=source, remarks=remarks, copied=copied)
    return Estimated(filled, len(given.places), positions, people, institutions)


def _drawn_files(district: District, source: Path) -> tuple[list[Path], list[str]]:
    """Return the files of roads, barriers and layers that can come along as they are, and the names of the others.

    A file of one layer, called so that it is found by its name, can; not what the card must speak of.
    """
    written = {BOUNDARY_TABLE, *(table.name for table in TABLES)}
    drawn = {origin.file for table, origin in district.origins.items() if table not in written}
    drawn |= {layer.file for layer in district.layers}
    plain = is_plain(decode((source / CARD).read_bytes()))
    kept = sorted(name for name in drawn if plain and (source / name).is_file() and not name.lower().endswith(SEVERAL))
    beside = [(source / name).with_suffix(end) for name in kept if name.lower().endswith(".shp") for end in COMPANIONS]
    there = [path for path in beside if path.is_file() and not path.is_symlink()]
    return [*(source / name for name in kept), *there], sorted(drawn.difference(kept))


def _ages_lack(district: District, rasters: Mapping[str, Raster]) -> bool:
    return any(getattr(place, name) is None for name in rasters for place in district.places)


def _weights(district: District, rasters: Mapping[str, Raster], measure: str, *, told_band: bool) -> Weights:
    if not rasters:
        return by_measure(district, measure)
    ages = {name: each for name, each in rasters.items() if name != "people"}
    return by_raster(district, rasters["people"], ages, told_band=told_band)


def _rasters(district: District, asked: Asked) -> dict[str, Raster]:
    """Return the rasters that were asked for, by the column that they are of."""
    files = {"people": asked.raster, "people_65": asked.raster_65, "people_0_14": asked.raster_0_14}
    options = {"people": "--raster", "people_65": "--raster-65", "people_0_14": "--raster-0-14"}
    named = {name: path for name, path in files.items() if path is not None}
    problems: list[Problem] = []
    if named and asked.by != "auto":
        problems.append(Problem("estimate.measure_and_raster", column="--by", value=asked.by))
    if named and asked.raster is None:
        first = next(iter(named))
        problems.append(Problem("estimate.ages_alone", column=options[first], value=str(named[first])))
    if problems:
        raise UsageError(problems)
    ground = shapely.geometry.shape(dict(district.boundary))
    found: dict[str, Raster] = {}
    for name, path in named.items():
        try:
            found[name] = read_raster(path, ground, band=asked.band, says=asked.says)
        except Unreadable as error:
            problems.append(Problem(error.what, column=options[name], value=str(path), details=error.details))
        except RasterError as error:
            problems.append(Problem(error.what, column=options[name], value=str(path), details=error.details))
    if problems:
        raise UsageError(problems)
    return found
