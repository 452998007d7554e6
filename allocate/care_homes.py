"""Makes the contracts of a case: which care home may have one with which site, and which has one today."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from allocate.case import Site
from allocate.contracts import Contracting
from allocate.district import District
from allocate.errors import Problem, Value
from allocate.model import Model
from allocate.tables import CARE_HOMES
from allocate.travel import Journeys, metric
from allocate.units import whole_minutes


def contracting(
    district: District, model: Model, sites: Sequence[Site], spots: NDArray[np.float64], journeys: Journeys
) -> Contracting | None:
    """Return which contracts there may be; None where the model decides none.

    Whoever has a contract today may keep it, however far it is.
    """
    plan = model.contracts
    if plan is None:
        return None
    homes = district.care_homes
    at = metric([(home.lon, home.lat) for home in homes], district.datum, district.epsg)
    index = {site.id: j for j, site in enumerate(sites) if site.exists}
    existing = {h: index[home.institution] for h, home in enumerate(homes) if home.institution}
    able = [j for j, site in enumerate(sites) if site.kind in plan.by]
    h_of, j_of = np.repeat(np.arange(len(homes)), len(able)), np.tile(np.array(able, dtype=np.int64), len(homes))
    times = journeys.seconds(plan.mode, spots[j_of], at[h_of])
    ways = dict(zip(zip(h_of.tolist(), j_of.tolist(), strict=True), times.tolist(), strict=True))
    pairs = {
        (h, j): seconds
        for (h, j), seconds in ways.items()
        if whole_minutes(seconds) <= plan.minutes or existing.get(h) == j
    }
    by_road = journeys.by_road(plan.mode)
    how = {(h, j): journeys.how(plan.mode, spots[j], at[h]) for h, j in pairs} if by_road else {}
    return Contracting(plan, homes, pairs, existing, how)


def faults(district: District, model: Model) -> Iterator[Problem]:
    """Yield what district and model say of contracts that does not fit together; rows as in the file."""
    plan, file = model.contracts, CARE_HOMES.file
    if plan is None:
        return
    if not district.care_homes:
        yield Problem("problem.contracts_nobody", f"{model.id}.toml", column="contracts", details={"table": file})
    kinds = {one.id: one.kind for one in district.institutions}
    beds: dict[str, int] = {}
    for home in district.care_homes:
        kind = kinds.get(home.institution)
        if kind is None:
            continue
        if kind not in plan.by:
            details: dict[str, Value] = {"kind": kind, "kinds": ", ".join(plan.by)}
            yield Problem("problem.contract_kind", file, home.row, "institution", home.institution, details)
            continue
        before = beds.get(home.institution, 0)
        beds[home.institution] = before + home.beds
        most = plan.most_beds.get(kind)
        # (Said once for each institution: at the first home that is too many.)
        if most is not None and before <= most < before + home.beds:
            details = {"beds": before + home.beds, "most": most, "kind": kind}
            yield Problem("problem.contract_full", file, home.row, "institution", home.institution, details)
