"""Which care home has a contract with which health institution."""

from collections.abc import Iterator

from allocate.case import Case
from allocate.contracts import Contracting
from allocate.layout import Layout
from allocate.rows import Breach, Column, Key, Number, Row, contract, opened


def columns(case: Case) -> Iterator[Column]:
    """Yield the variables: who has a contract with whom."""
    if case.contracting is not None:
        for t in case.periods:
            yield from (Column(contract(h, j, t), whole=True) for h, j in sorted(case.contracting.pairs))


def rows(case: Case) -> Iterator[Row]:
    """Yield the physics: one contract at most, with an open site that has room; a contract once made stays.

    It ends only where the site closes. Beds in homes that have no choice but one site are an assignment with unequal
    loads (Ross & Soland 1975, Mathematical Programming 8).
    """
    contracting = case.contracting
    if contracting is None:
        return
    for t in case.periods:
        year = case.years[t]
        for h, sites in sorted(contracting.sites_of.items()):
            home = contracting.homes[h].id
            yield Row(("contract", home, year), {contract(h, j, t): 1 for j in sites}, "<=", 1)
            for j in sites:
                yield from _of_pair(case, contracting, h, j, t)
        for j, homes in sorted(contracting.homes_of.items()):
            most = contracting.most_beds(case.sites[j].kind)
            beds: dict[Key, Number] = {contract(h, j, t): contracting.homes[h].beds for h in homes}
            if most is not None and sum(beds.values()) > most:
                yield Row(("contract beds", case.sites[j].id, year), beds, "<=", most)


def _of_pair(case: Case, contracting: Contracting, h: int, j: int, t: int) -> Iterator[Row]:
    """Yield: a contract with an open site only, and what was one the year before, or is one today, stays one."""
    site, now = case.sites[j], contract(h, j, t)
    about = (contracting.homes[h].id, site.id, case.years[t])
    if not site.is_fixed:
        yield Row(("contract open", *about), {now: 1, opened(j, t): -1}, "<=", 0)
    is_old = not t and contracting.existing.get(h) == j
    if t or is_old:
        kept: dict[Key, Number] = {now: 1} if is_old else {now: 1, contract(h, j, t - 1): -1}
        if not site.is_fixed:
            kept[opened(j, t)] = -1
        yield Row(("contract stays", *about), kept, ">=", int(is_old) - (not site.is_fixed))


def breaches(case: Case, layout: Layout) -> Iterator[Breach]:
    """Yield everything about contracts in a finished plan that cannot be: the same sentences as `rows`."""
    contracting = case.contracting
    if contracting is None:
        if layout.contracts:
            yield Breach(("contracts",), len(layout.contracts), 1, "breach.contracts_none", {})
        return
    seen: dict[tuple[int, int], int] = {}
    beds: dict[tuple[int, int], int] = {}
    for h, j, t in sorted(layout.contracts):
        home, site, year = contracting.homes[h], case.sites[j], case.years[t]
        details = {"home": home.name, "site": site.name, "year": year}
        about = (home.id, site.id, year)
        beds[j, t] = beds.get((j, t), 0) + home.beds
        if (h, j) not in contracting.pairs:
            yield Breach(("contract far", *about), 1, 1, "breach.contract_far", details)
        if (j, t) not in layout.open:
            yield Breach(("contract open", *about), 1, 1, "breach.contract_closed", details)
        if (h, t) in seen:
            more = {"other": case.sites[seen[h, t]].name}
            yield Breach(("contract", *about), 1, 1, "breach.contract_twice", details | more)
        seen.setdefault((h, t), j)
    for h, j, t in sorted(_kept(case, contracting, layout)):
        if (h, j, t) not in layout.contracts and (j, t) in layout.open:
            details = {"home": contracting.homes[h].name, "site": case.sites[j].name, "year": case.years[t]}
            about = (contracting.homes[h].id, case.sites[j].id, case.years[t])
            yield Breach(("contract stays", *about), 1, 1, "breach.contract_ended", details)
    for (j, t), number in sorted(beds.items()):
        site = case.sites[j]
        most = contracting.most_beds(site.kind)
        if most is not None and number > most:
            about_site = ("contract beds", site.id, case.years[t])
            details = {"site": site.name, "year": case.years[t], "beds": number, "most": most}
            yield Breach(about_site, number - most, most, "breach.contract_beds", details)


def _kept(case: Case, contracting: Contracting, layout: Layout) -> Iterator[tuple[int, int, int]]:
    """Yield the contracts that there must still be while their sites are open: of today, and of the year before."""
    yield from ((h, j, 0) for h, j in contracting.existing.items())
    yield from ((h, j, t + 1) for h, j, t in layout.contracts if t + 1 in case.periods)
