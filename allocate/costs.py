"""What a plan costs: once and in every year, for places and for people, at hospitals and in primary care."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from allocate.case import Case, Site
from allocate.decisions.functions import begun
from allocate.decisions.posting import pairs
from allocate.layout import Layout
from allocate.life import moved, opening_terms
from allocate.resources import JOINED, flow
from allocate.rows import LEADS, UPGRADED, Key, Number, amount, contract, moves, opened, tours, visits

Nature = Literal["capital", "recurrent"]
NATURES: tuple[Nature, ...] = ("capital", "recurrent")
# What something is paid for, beside the resources: the site itself, experts posted there, visits from there, what it
# can do, the consortium that it leads, its contracts with care homes.
SITES, POSTINGS, OUTREACH, FUNCTIONS, CONSORTIA = "sites", "postings", "outreach", "functions", "consortia"
CONTRACTS = "contracts"


@dataclass(frozen=True)
class Charge:
    """What one site or employer costs in a plan year for one thing.

    Attributes
    ----------
    nature
        Capital: once, in that plan year. Recurrent: in each calendar year that the plan year stands for.
    what
        `sites` for the site itself, `postings` for experts posted there, `outreach` for visits from there, `functions`
        for what it can do, `consortia` for the one that it leads, `contracts` for those with care homes, else the
        resource.
    at
        Index of the site, or of the employer.
    terms, constant
        The cost by variable, and what is there whatever is decided [yuan].
    """

    nature: Nature
    what: str
    at: int
    terms: Mapping[Key, Number]
    constant: Number = 0


def charges(case: Case, t: int) -> Iterator[Charge]:
    """Yield what can cost something in a plan year.

    An existing site never opens: only candidates pay for opening, and less where one of their kind closes nearby and
    moves there. Enlarging costs once and in every year. Whoever is employed is paid, with or without a post.
    """
    sources: dict[int, list[int]] = {}
    for old, new in case.moves:
        sources.setdefault(new, []).append(old)
    for j, site in enumerate(case.sites):
        if site.yearly:
            yield Charge("recurrent", SITES, j, {opened(j, t): site.yearly})
        if not site.exists:
            change: dict[Key, Number] = {key: site.opening * n for key, n in opening_terms(case, j, t).items()}
            change |= {moves(old, j, t): -saved for old in sources.get(j, ()) if (saved := _saved(site))}
            if any(change.values()):
                yield Charge("capital", SITES, j, change)
        if site.upgrade is not None:
            now, before = amount(UPGRADED, j, t), amount(UPGRADED, j, t - 1)
            if site.upgrade.yearly:
                yield Charge("recurrent", SITES, j, {now: site.upgrade.yearly})
            if site.upgrade.opening:
                fresh: dict[Key, Number] = {now: site.upgrade.opening}
                yield Charge("capital", SITES, j, fresh | ({before: -site.upgrade.opening} if t else {}))
    yield from _going_out(case, t)
    yield from _of_hubs(case, t)
    yield from _of_contracts(case, t)
    for name, resource in case.resources.items():
        if name in case.employed:
            yield from _of_employed(case, name, t)
        elif resource.yearly and not resource.sum_of:
            for j in case.holders(name)[1]:
                yield Charge("recurrent", name, j, {amount(name, j, t): resource.yearly})


def _of_employed(case: Case, name: str, t: int) -> Iterator[Charge]:
    """Yield what employed staff costs: who stays is paid whatever is decided, who joins is recruited first."""
    resource = case.resources[name]
    for employer, team in case.teams_of.items():
        posts, staying = sum(case.most_posts(name, j) for j in team), case.staying(name, employer, t)
        joined = amount(flow(name, JOINED), employer, t)
        if not (posts or staying):
            continue
        if resource.yearly:
            yield Charge("recurrent", name, employer, {joined: resource.yearly}, staying * resource.yearly)
        if resource.adding:
            recruited: dict[Key, Number] = {joined: resource.adding}
            if t:
                recruited[amount(flow(name, JOINED), employer, t - 1)] = -resource.adding
            yield Charge("capital", name, employer, recruited)


def _going_out(case: Case, t: int) -> Iterator[Charge]:
    """Yield what postings cost at the hub that receives them, and visits at the site that sends."""
    posted: dict[int, dict[Key, Number]] = {}
    for p, months, j in pairs(case):
        posted.setdefault(j, {})[tours(p, months, j, t)] = tour_cost(case, months)
    for j, terms in posted.items():
        if any(terms.values()):
            yield Charge("recurrent", POSTINGS, j, terms)
    for name, way in case.ways.items():
        for j, stops in way.stops_of.items():
            terms = {visits(name, stop, j, t): way.plan.yearly(way.pairs[stop, j]) for stop in stops}
            if any(terms.values()):
                yield Charge("recurrent", OUTREACH, j, terms)


def _of_hubs(case: Case, t: int) -> Iterator[Charge]:
    """Yield what functions cost where they are set up and where they are provided, and consortia at their leads."""
    once: dict[int, dict[Key, Number]] = {}
    yearly: dict[int, dict[Key, Number]] = {}
    for name in case.abilities:
        for j in case.havers[name]:
            opening, running = function_cost(case, name, j)
            if opening:
                whole = once.setdefault(j, {})
                for key, times in begun(case, name, j, t).items():
                    whole[key] = whole.get(key, 0) + times * opening
            if running:
                yearly.setdefault(j, {})[amount(name, j, t)] = running
    for j, terms in once.items():
        yield Charge("capital", FUNCTIONS, j, terms)
    for j, terms in yearly.items():
        yield Charge("recurrent", FUNCTIONS, j, terms)
    if case.leading is None:
        return
    plan = case.leading.plan
    for k in case.leading.leads:
        if plan.opening:
            before: dict[Key, Number] = {amount(LEADS, k, t - 1): -plan.opening} if t else {}
            yield Charge("capital", CONSORTIA, k, {amount(LEADS, k, t): plan.opening} | before)
        if plan.yearly:
            yield Charge("recurrent", CONSORTIA, k, {amount(LEADS, k, t): plan.yearly})


def _of_contracts(case: Case, t: int) -> Iterator[Charge]:
    """Yield what contracts with care homes cost at the sites that have them."""
    if case.contracting is not None:
        for j, homes in case.contracting.homes_of.items():
            terms: dict[Key, Number] = {contract(h, j, t): case.contracting.yearly(h) for h in homes}
            if any(terms.values()):
                yield Charge("recurrent", CONTRACTS, j, terms)


def function_cost(case: Case, name: str, j: int) -> tuple[int, int]:
    """Return what a function costs once and in a calendar year at a site: set up there, or linked [yuan]."""
    ability = case.abilities[name]
    if case.makes(name, j):
        return ability.opening, ability.yearly
    return ability.linking, ability.linked_yearly


def tour_cost(case: Case, months: int) -> int:
    """Return what one tour costs [yuan]."""
    return 0 if case.postings is None else case.postings.handover + months * case.postings.monthly


def had_yearly(case: Case, j: int) -> int:
    """Return what the functions that a site has today cost in a calendar year [yuan]."""
    return sum(function_cost(case, name, j)[1] for name, k in case.had if k == j)


def contracted_yearly(case: Case, j: int) -> int:
    """Return what the contracts that a site has today cost in a calendar year [yuan]."""
    if case.contracting is None:
        return 0
    return sum(case.contracting.yearly(h) for h, site in case.contracting.existing.items() if site == j)


def _saved(site: Site) -> int:
    """Return what opening a site costs less where another one moves there [yuan]."""
    return 0 if site.moving is None else site.opening - site.moving


def new_charges(case: Case, t: int) -> Iterator[Charge]:
    """Yield what can cost something in a plan year that today does not cost.

    That is: opening, enlarging and running new sites, what enlarging those of today costs once and in every year,
    adding and paying those who join, teams beyond today's, and all postings and visits. Sites as they stand today, and
    the pay of those of today's staff who stay, are left out.
    """
    for charge in charges(case, t):
        if charge.what == SITES:
            is_larger = amount(UPGRADED, charge.at, t) in charge.terms
            if charge.nature == "capital" or is_larger or not case.sites[charge.at].exists:
                yield charge
        elif charge.what == FUNCTIONS and charge.nature == "recurrent":
            yield replace(charge, constant=-had_yearly(case, charge.at))
        elif charge.what == CONTRACTS:
            yield replace(charge, constant=-contracted_yearly(case, charge.at))
        elif charge.what in (POSTINGS, OUTREACH, FUNCTIONS, CONSORTIA):
            yield charge
        elif charge.what in case.employed:
            yield replace(charge, constant=0)
        else:
            today = case.stock.get((charge.what, charge.at), 0)
            yield replace(charge, constant=-today * case.resources[charge.what].yearly)


Wanted = Callable[[Nature, str, int], bool]


def _everything(nature: Nature, what: str, at: int) -> bool:
    del nature, what, at
    return True


def spent(case: Case, layout: Layout, t: int, wanted: Wanted = _everything) -> dict[Nature, int]:
    """Return what a plan year costs, of all that is `wanted`: once, and in one calendar year [yuan].

    Worked out from what is open and who is employed, and not from `charges`.
    """
    money: dict[Nature, int] = dict.fromkeys(NATURES, 0)
    for j, site in enumerate(case.sites):
        if (j, t) in layout.open and wanted("recurrent", SITES, j):
            money["recurrent"] += site.yearly
        if not site.exists and wanted("capital", SITES, j):
            money["capital"] += site.opening * layout.opens(case, j, t)
        if site.upgrade is not None:
            now, before = (int(layout.is_upgraded(j, u)) if u >= 0 else 0 for u in (t, t - 1))
            if wanted("recurrent", SITES, j):
                money["recurrent"] += site.upgrade.yearly * now
            if wanted("capital", SITES, j):
                money["capital"] += site.upgrade.opening * (now - before)
    for (_, months, j, u), number in layout.tours.items():
        if u == t and wanted("recurrent", POSTINGS, j):
            money["recurrent"] += number * tour_cost(case, months)
    for name, stop, j, u in layout.visits:
        way = case.ways[name]
        # (Where nobody can get to, no visit has a price.)
        if u == t and wanted("recurrent", OUTREACH, j) and (stop, j) in way.pairs:
            money["recurrent"] += way.plan.yearly(way.pairs[stop, j])
    for j in moved(case, layout, t).values():
        if wanted("capital", SITES, j):
            money["capital"] -= _saved(case.sites[j])
    for name in case.abilities:
        for j in case.havers[name]:
            has = layout.has(name, j, t)
            before = layout.has(name, j, t - 1) if t else (name, j) in case.had
            opening, running = function_cost(case, name, j)
            if has and not before and wanted("capital", FUNCTIONS, j):
                money["capital"] += opening
            if has and wanted("recurrent", FUNCTIONS, j):
                money["recurrent"] += running
    if case.leading is not None:
        plan = case.leading.plan
        for k in case.leading.leads:
            leads, led = (int(layout.amounts.get((LEADS, k, u), 0)) if u >= 0 else 0 for u in (t, t - 1))
            if wanted("capital", CONSORTIA, k):
                money["capital"] += plan.opening * (leads - led)
            if wanted("recurrent", CONSORTIA, k):
                money["recurrent"] += plan.yearly * leads
    if case.contracting is not None:
        signed = (h for h, j, u in layout.contracts if u == t and wanted("recurrent", CONTRACTS, j))
        money["recurrent"] += sum(map(case.contracting.yearly, signed))
    for name, resource in case.resources.items():
        if name in case.employed:
            for employer in case.teams_of:
                joined, before = (
                    int(layout.amounts.get((flow(name, JOINED), employer, u), 0)) if u >= 0 else 0 for u in (t, t - 1)
                )
                if wanted("recurrent", name, employer):
                    money["recurrent"] += resource.yearly * (case.staying(name, employer, t) + joined)
                if wanted("capital", name, employer):
                    money["capital"] += resource.adding * (joined - before)
        elif not resource.sum_of:
            for j in case.holders(name)[1]:
                if wanted("recurrent", name, j):
                    money["recurrent"] += resource.yearly * int(layout.amounts.get((name, j, t), 0))
    return money


def newly_spent(
    case: Case, layout: Layout, t: int, wanted: Callable[[str, int], bool] = lambda _what, _at: True
) -> int:
    """Return what a plan year costs, once and in one calendar year, that today does not cost [yuan].

    `wanted` tells of a resource (or `sites`) and a site or employer whether it counts. Worked out from what is open
    and who is employed, and not from `new_charges`.
    """

    def is_new(nature: Nature, what: str, at: int) -> bool:
        return wanted(what, at) and (what != SITES or nature == "capital" or not case.sites[at].exists)

    money = sum(spent(case, layout, t, is_new).values())
    money -= sum(had_yearly(case, j) for j in {k for _, k in case.had} if wanted(FUNCTIONS, j))
    if case.contracting is not None:
        money -= sum(
            contracted_yearly(case, j) for j in set(case.contracting.existing.values()) if wanted(CONTRACTS, j)
        )
    money += sum(
        site.upgrade.yearly
        for j, site in enumerate(case.sites)
        if site.exists and site.upgrade is not None and layout.is_upgraded(j, t) and wanted(SITES, j)
    )
    for name, resource in case.resources.items():
        if name in case.employed:
            staying = (case.staying(name, employer, t) for employer in case.teams_of if wanted(name, employer))
            money -= resource.yearly * sum(staying)
        elif not resource.sum_of:
            there = (case.stock.get((name, j), 0) for j in case.holders(name)[1] if wanted(name, j))
            money -= resource.yearly * sum(there)
    return money


def whole_cost(case: Case, layout: Layout) -> int:
    """Return the cost of the whole plan [yuan]: each plan year once, and all calendar years that it stands for."""
    years = ((t, spent(case, layout, t)) for t in case.periods)
    return sum(money["capital"] + case.spans[t] * money["recurrent"] for t, money in years)


def standing_pay(case: Case) -> int:
    """Return the pay of those of today's staff who stay, over all calendar years, whatever is decided [yuan]."""
    return int(
        sum(
            charge.constant * case.spans[t]
            for t in case.periods
            for name in case.employed
            for charge in _of_employed(case, name, t)
        )
    )
