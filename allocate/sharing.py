"""Shares pools of experts out among districts: first what their clauses ask for, then by people."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from allocate.program import Objective, Options, Program
from allocate.rows import Column, Key, Row


@dataclass(frozen=True)
class Wanting:
    """A district among those that share.

    Attributes
    ----------
    people
        Its residents: what experts beyond those asked for are shared out by.
    asks
        How many persons its clauses ask of each sender [persons].
    pools
        The pools from which it can have experts.
    """

    people: int
    asks: Mapping[str, int]
    pools: frozenset[str]


def share_out(pools: Mapping[str, tuple[str, int]], districts: Mapping[str, Wanting]) -> dict[str, dict[str, int]]:
    """Return how many experts of each pool every district gets, by district and pool [persons].

    `pools` gives each one's sender and its experts; every expert is given to somebody. Of all ways to do so: those in
    which fewest persons are missing of those whom clauses ask of a sender, over all districts; of these, those in which
    the one who misses most misses least; of these, one with the least sum of share² ÷ people over all pools. Where
    clauses ask for nothing that is the rule of Sainte-Laguë. All steps are solved to the end.
    """
    program = Program("shares")
    give: dict[tuple[str, str], list[Key]] = {}
    for pool, (_, experts) in pools.items():
        for name, district in districts.items():
            if pool in district.pools:
                give[name, pool] = [("share", name, pool, n) for n in range(1, experts + 1)]
                program.add_columns(Column(key, whole=True) for key in give[name, pool])
        steps = [key for (_, other), keys in give.items() if other == pool for key in keys]
        if steps:
            program.add_rows("pool", [Row((pool,), dict.fromkeys(steps, 1), "==", experts)])
    lacks: dict[Key, int] = {}
    senders = dict.fromkeys(sender for sender, _ in pools.values())
    for name, district in districts.items():
        for sender in senders:
            asked = district.asks.get(sender, 0)
            if not asked:
                continue
            key: Key = ("lack", name, sender)
            given = [one for pool in district.pools if pools[pool][0] == sender for one in give[name, pool]]
            program.add_columns([Column(key, high=asked)])
            program.add_rows("asked", [Row((name, sender), {**dict.fromkeys(given, 1), key: 1}, ">=", asked)])
            lacks[key] = asked
    options = Options(gap=0.0, threads=1)
    if lacks:
        missing = Objective("missing", dict.fromkeys(lacks, 1))
        program.hold(missing, round(program.solve(missing, options).objective))
        most: Key = ("most",)
        program.add_columns([Column(most, high=max(lacks.values()))])
        program.add_rows("most", [Row(key, {most: 1, key: -1}, ">=", 0) for key in lacks])
        worst = Objective("worst", {most: 1})
        program.hold(worst, round(program.solve(worst, options).objective))
    # (The n-th expert adds n² − (n − 1)² = 2n − 1 to the square of a share. A district of nobody comes last.)
    largest = max((one.people for one in districts.values()), default=0) or 1
    prices = {
        key: Fraction((2 * n - 1) * largest, max(1, districts[name].people))
        for (name, _), keys in give.items()
        for n, key in enumerate(keys, 1)
    }
    if not prices:
        return {name: {} for name in districts}
    fair = Objective("fair", prices)
    values = program.solve(fair, options).values
    shares: dict[str, dict[str, int]] = {name: {} for name in districts}
    for (name, pool), keys in give.items():
        shares[name][pool] = round(sum(float(values[program.keys[key]]) for key in keys))
    return shares
