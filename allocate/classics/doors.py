"""The classic models as questions: what is asked is checked, made small, solved, checked again and answered in full."""

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Unpack

import numpy as np

from allocate.classics import center, covering, median
from allocate.classics.answers import Answer
from allocate.classics.asked import SUM_NOISE, AskedCover, AskedNear, AskedRoom
from allocate.classics.capacitated import locate_capacitated
from allocate.classics.how import How, Search
from allocate.classics.inputs import (
    Faults,
    Floats,
    Ints,
    Sites,
    Travel,
    are_whole,
    new_sites,
    number,
    within_memory,
)
from allocate.classics.record import Proof, Record
from allocate.classics.setcover import locate_set_cover
from allocate.errors import NoPlanError
from allocate.words import say

logger = logging.getLogger(__name__)


@contextmanager
def _keeping(record: Record, bound: float) -> Iterator[None]:
    """Begin with what is plain to see, and keep the best answer when a person ends the search."""
    record.bounded(bound, Proof.NONE)
    try:
        yield
    except KeyboardInterrupt:
        record.is_interrupted = True
        logger.warning(say("classics.stopped"))


def _nothing_left(record: Record) -> None:
    """Say that the reductions decided everything."""
    record.better(0.0, [])
    record.bounded(0.0, Proof.REDUCTION)


def _price(sites: Sites, chosen: Ints) -> float:
    """Return what the chosen sites cost; what stands costs nothing."""
    return float(sites.cost[chosen][~sites.existing[chosen]].sum())


def _reachable_people(asked: AskedCover) -> float:
    return float(asked.covers.weight[asked.reachable()].sum()) * (1 - SUM_NOISE)


def _budget(p: int | None, cost: Any, budget: float | None, faults: Faults) -> Callable[[Sites], float]:
    """Return what says how much is left to spend beside the mandatory sites: sites, or money."""
    if (p is None) == (budget is None) or (p is not None and cost is not None):
        faults.blame("classics.p_or_budget", "p")
    elif budget is not None and cost is None:
        faults.blame("classics.budget_without_cost", "budget")

    def left(sites: Sites) -> float:
        if budget is None:
            # (Without either, a fault was noted.)
            return 0.0 if p is None else float(new_sites(p, sites, faults))
        given = number(budget, "budget", faults, most=1e15)
        if sites.spent > given:
            faults.blame("classics.more_mandatory", "budget", given, mandatory=f"{sites.spent:g}")
        return given - sites.spent

    return left


def lscp(
    travel: Travel,
    limit: float | None = None,
    *,
    cost: Any = None,
    **how: Unpack[How],
) -> Answer:
    """Cover every point at the least cost: the location set covering problem.

    Toregas, Swain, ReVelle & Bergman 1971, Operations Research 19(6). Points that no site reaches are listed in the
    answer and left out of the question.

    Parameters
    ----------
    travel
        Time or distance of every pair, points x sites: an array (infinity: out of reach), a sparse array (pairs that
        are not stored are out of reach), a boolean one (who reaches whom), or `between(points, sites)` [m].
    limit
        The longest time or distance at which a site covers a point, in the unit of `travel`.
    cost
        What opening costs, for every site; without it sites are counted.
    how
        `existing`, `mandatory` and `forbidden` sites, `seconds`, `gap`, `threads`, `seed`, `listen`: see `How`.

    Raises
    ------
    UsageError
        When something that was given cannot be used; it names every fault.
    """
    faults = Faults()
    search = Search.read(faults, how)
    with within_memory():
        asked = AskedCover.read("lscp", travel, limit, None, faults, cost, search)
        record = search.record("min", whole=are_whole(asked.sites.cost), offset=asked.sites.spent)
        core = asked.core(afford=math.inf)
        if core.needs_nothing:
            _nothing_left(record)
        else:
            with _keeping(record, 0.0):
                locate_set_cover(core.covers, core.cost, record, **search.effort)
        return asked.answer(
            core, record, lambda rows, sites: _price(asked.sites, sites), wanted=_reachable_people(asked)
        )


def partial_cover(
    travel: Travel,
    limit: float | None = None,
    *,
    people: Any = None,
    share: float | None = None,
    amount: float | None = None,
    cost: Any = None,
    **how: Unpack[How],
) -> Answer:
    """Cover a share of the people at the least cost: the partial set covering problem.

    Daskin & Owen 1999, Geographical Analysis 31(3). Either `share` (of all people, those that nobody can reach
    included) or `amount` [people] is given; all else as in `lscp`.

    Raises
    ------
    UsageError
        When something that was given cannot be used.
    NoPlanError
        When so many cannot be covered whatever is opened; it says how many can.
    """
    faults = Faults()
    search = Search.read(faults, how)
    if (share is None) == (amount is None):
        faults.blame("classics.share_or_amount", "share")
    if share is not None:
        number(share, "share", faults, most=1.0)
    if amount is not None:
        number(amount, "amount", faults)
    with within_memory():
        asked = AskedCover.read("partial_cover", travel, limit, people, faults, cost, search)
        everybody = float(asked.people_sum)
        wanted = float(amount) if amount is not None else float(share or 0.0) * everybody
        core = asked.core(afford=math.inf)
        most = core.base + float(core.covers.weight.sum())
        # (What a share of a sum is, floats may miss by a hair.)
        wanted -= SUM_NOISE * everybody
        if wanted > most:
            raise NoPlanError(say("classics.out_of_reach", wanted=f"{wanted:,.0f}", most=f"{most:,.0f}"))
        record = search.record("min", whole=are_whole(asked.sites.cost), offset=asked.sites.spent)
        if core.needs_nothing or wanted <= core.base:
            _nothing_left(record)
        else:
            with _keeping(record, 0.0):
                covering.locate_partial_cover(core.covers, core.cost, wanted - core.base, record, **search.effort)
        return asked.answer(core, record, lambda rows, sites: _price(asked.sites, sites), wanted=wanted)


def mclp(
    travel: Travel,
    limit: float | None = None,
    *,
    people: Any = None,
    p: int | None = None,
    cost: Any = None,
    budget: float | None = None,
    **how: Unpack[How],
) -> Answer:
    """Cover as many people as p sites, or a budget, allow: the maximal covering location problem.

    Church & ReVelle 1974, Papers of the Regional Science Association 32(1). `people` per point, 1 if not given;
    either `p` (at most so many sites besides the existing ones, mandatory ones included) or `cost` and `budget`; all
    else as in `lscp`.

    Raises
    ------
    UsageError
        When something that was given cannot be used.
    """
    faults = Faults()
    search = Search.read(faults, how)
    spend = _budget(p, cost, budget, faults)
    with within_memory():
        asked = AskedCover.read("mclp", travel, limit, people, faults, cost, search, spend)
        left = asked.left
        core = asked.core(afford=left)
        record = search.record("max", whole=are_whole(asked.covers.weight), offset=core.base)
        if core.needs_nothing:
            _nothing_left(record)
        else:
            with _keeping(record, float(core.covers.weight.sum())):
                covering.locate_max_cover(core.covers, core.cost, left, record, **search.effort)
        return asked.answer(core, record, lambda rows, sites: float(asked.covers.weight[rows > 0].sum()))


def backup_cover(
    travel: Travel,
    limit: float | None = None,
    *,
    people: Any = None,
    p: int | None = None,
    cost: Any = None,
    budget: float | None = None,
    first: float = 0.5,
    every: bool = False,
    **how: Unpack[How],
) -> Answer:
    """Cover people, and cover them a second time in case a site is busy: the backup coverage problem.

    Hogan & ReVelle 1986, Management Science 32(11). The value is `first` times the people covered at least once plus
    (1 - `first`) times those covered at least twice. With `every`, all points that some site reaches have to be
    covered once. All else as in `mclp`.

    Raises
    ------
    UsageError
        When something that was given cannot be used.
    NoPlanError
        When `every` point cannot be covered with so few sites.
    """
    faults = Faults()
    search = Search.read(faults, how)
    number(first, "first", faults, most=1.0)
    spend = _budget(p, cost, budget, faults)
    with within_memory():
        asked = AskedCover.read("backup_cover", travel, limit, people, faults, cost, search, spend)
        left = asked.left
        core = asked.core(afford=left, twice=True)
        weight = asked.covers.weight

        def worth(rows: Ints, sites: Ints) -> float:
            return float(first * weight[rows > 0].sum() + (1 - first) * weight[rows > 1].sum())

        if every and core.stranded:
            raise NoPlanError(say("classics.stranded"))
        base = float(first * core.base + (1 - first) * core.twice)
        record = search.record("max", whole=are_whole(weight) and first in {0.0, 1.0}, offset=base)
        if core.needs_nothing:
            _nothing_left(record)
        else:
            weight_left, once = core.covers.weight, core.have > 0
            with _keeping(record, float(weight_left.sum() - first * weight_left[once].sum())):
                possible = covering.locate_backup(
                    core.covers,
                    core.have,
                    core.cost,
                    left,
                    first,
                    every,
                    record,
                    **search.effort,
                )
                if not possible:
                    raise NoPlanError(say("classics.stranded"))
        return asked.answer(core, record, worth)


def p_median(
    travel: Travel,
    p: int,
    *,
    people: Any = None,
    **how: Unpack[How],
) -> Answer:
    """Open p sites so that people travel least in all: the p-median problem.

    Hakimi 1964, Operations Research 12(3). The value is the sum of people times distance to the nearest open site.
    Pairs at infinity, or not stored in a sparse array, may not be used; points that no site may serve are listed in the
    answer and left out. At most `p` sites are opened besides the existing ones.

    Raises
    ------
    UsageError
        When something that was given cannot be used.
    NoPlanError
        When p sites cannot serve every point that some site could.
    """
    faults = Faults()
    search = Search.read(faults, how)
    with within_memory():
        asked = AskedNear.read("p_median", travel, p, people, faults, search)

        def worth(nearest: Floats) -> float:
            return float(asked.people @ nearest)

        whole = are_whole(asked.people) and are_whole(asked.distance[np.isfinite(asked.distance)])
        record = search.record("min", whole=whole)
        if not asked.is_decided(record, worth):
            with _keeping(record, worth(asked.nearest(np.arange(len(asked.columns))))):
                median.locate_medians(
                    asked.distance,
                    asked.people,
                    asked.left,
                    record,
                    standing=asked.standing,
                    **search.effort,
                )
        return asked.answer(record, worth)


def p_center(
    travel: Travel,
    p: int,
    *,
    people: Any = None,
    **how: Unpack[How],
) -> Answer:
    """Open p sites so that the farthest point is as near as can be: the p-center problem.

    Hakimi 1965, Operations Research 13(3); by coverings, Minieka 1970, SIAM Review 12(1). With `people`, distances are
    multiplied by them. All else as in `p_median`.

    Raises
    ------
    UsageError
        When something that was given cannot be used.
    NoPlanError
        When p sites cannot serve every point that some site could.
    """
    faults = Faults()
    search = Search.read(faults, how)
    with within_memory():
        asked = AskedNear.read("p_center", travel, p, people, faults, search)

        def worth(nearest: Floats) -> float:
            return float((nearest if people is None else nearest * asked.people).max())

        record = search.record("min", whole=False)
        if not asked.is_decided(record, worth):
            weight = None if people is None else asked.people
            with _keeping(record, worth(asked.nearest(np.arange(len(asked.columns))))):
                center.locate_centers(
                    asked.distance,
                    asked.left,
                    record,
                    standing=asked.standing,
                    weight=weight,
                    **search.effort,
                )
        return asked.answer(record, worth)


def capacitated(
    travel: Travel,
    capacity: Any,
    *,
    people: Any = None,
    cost: Any = None,
    p: int | None = None,
    single: bool = False,
    **how: Unpack[How],
) -> Answer:
    """Open sites with limited room at the least cost: capacitated warehouse location, and the capacitated p-median.

    Beasley 1988, European Journal of Operational Research 33(3). The value is what opening costs (`cost` per site, 0 if
    not given) plus people times `travel`; no site serves more people than its `capacity`. People of a point may be
    shared between sites unless `single`. All else as in `p_median`; `p` may be left out.

    Raises
    ------
    UsageError
        When something that was given cannot be used.
    NoPlanError
        When no set of sites has room for everybody.
    """
    faults = Faults()
    search = Search.read(faults, how)
    with within_memory():
        asked = AskedRoom.read(travel, capacity, p, people, faults, cost, search)
        whole = are_whole(asked.cost) and are_whole(asked.assign[np.isfinite(asked.assign)]) and single
        record = search.record("min", whole=whole, offset=asked.sites.spent)
        with _keeping(record, float(asked.assign.min(axis=1, initial=np.inf).sum())):
            possible = locate_capacitated(
                asked.assign, asked.people, asked.capacity, asked.cost, record,
                p=asked.left, standing=asked.standing, single=single, **search.effort,
            )  # fmt: skip
            if not possible:
                raise NoPlanError(say("classics.no_room"))
        return asked.answer(record)
