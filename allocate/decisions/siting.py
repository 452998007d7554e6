"""Which sites are open in which year, and whom each serves."""

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.spatial import cKDTree

from allocate.case import Case
from allocate.layout import Layout
from allocate.life import opening_terms
from allocate.rows import (
    UPGRADED,
    Breach,
    Column,
    Key,
    Number,
    Row,
    amount,
    moves,
    opened,
    opens,
    possibly,
    served,
    serves,
)


def columns(case: Case) -> Iterator[Column]:
    """Yield the variables: open sites (0 or 1), people served per place, and people served per pair [persons]."""
    for t in case.periods:
        yield from _columns_of_reach(case, t)
        for i, j in zip(case.links.places.tolist(), case.links.sites.tolist(), strict=True):
            yield Column(serves(i, j, t), high=case.most(i, j, t))


def columns_of_reach(case: Case) -> Iterator[Column]:
    """Yield the variables that are left where nobody says who goes where."""
    for t in case.periods:
        yield from _columns_of_reach(case, t)


def _columns_of_reach(case: Case, t: int) -> Iterator[Column]:
    for j, site in enumerate(case.sites):
        yield Column(opened(j, t), low=int(site.is_fixed), high=1, whole=True)
        if site.upgrade is not None:
            yield Column(amount(UPGRADED, j, t), whole=True)
        if site.closable and not site.exists:
            # (Whole of itself, as soon as what is open is whole.)
            yield Column(opens(j, t))
    for old, new in case.moves:
        # (A matching: whole of itself at a corner, Birkhoff 1946.)
        yield Column(moves(old, new, t))
    for i in range(len(case.places)):
        yield Column(served(i, t), high=int(case.people[i, t]))


def rows(case: Case, *, implied: bool = True) -> Iterator[Row]:
    """Yield the physics: nothing reopens, people are served by open sites within reach, and counted once.

    Where they are not wanted, rows that the others imply are left out: for a district they are most of all rows.
    """
    yield from _life(case)
    for t in case.periods:
        year = case.years[t]
        for i, place in enumerate(case.places):
            parts: dict[Key, Number] = {serves(i, j, t): 1 for j in case.sites_of[i]}
            parts[served(i, t)] = -1
            yield Row(("counted once", place, year), parts, "==", 0)
            # Implied by the pair rows below, and nearly as strong as all of them: always worth its one row.
            yield _covered(case, i, t)
        yield from _able(case, t)
        for j, site in enumerate(case.sites):
            if site.capacity is None and case.places_of[j]:
                load: dict[Key, Number] = {serves(i, j, t): 1 for i in case.places_of[j]}
                load[opened(j, t)] = -sum(case.most(i, j, t) for i in case.places_of[j])
                yield Row(("open", site.id, year), load, "<=", 0)
            for i in case.places_of[j] if implied else ():
                pair = {serves(i, j, t): 1, opened(j, t): -case.most(i, j, t)}
                yield Row(("pair", case.places[i], site.id, year), pair, "<=", 0, implied=True)


def rows_of_reach(case: Case) -> Iterator[Row]:
    """Yield the physics that is left where nobody says who goes where: whoever is served has an open site in reach."""
    yield from _life(case)
    yield from (_covered(case, i, t) for t in case.periods for i in range(len(case.places)) if case.people[i, t])


def _covered(case: Case, i: int, t: int) -> Row:
    cover: dict[Key, Number] = {opened(j, t): case.most(i, j, t) for j in case.sites_of[i]}
    cover[served(i, t)] = -1
    return Row(("covered", case.places[i], case.years[t]), cover, ">=", 0)


def _able(case: Case, t: int) -> Iterator[Row]:
    """Yield: no more people go to sites that only some can go to than there are such people."""
    for i, groups in case.rare_sites_of.items():
        for n, sites in groups.items():
            terms: dict[Key, Number] = {serves(i, j, t): 1 for j in sites}
            yield Row(("able", case.places[i], n, case.years[t]), terms, "<=", int(case.able[n, i, t]))


def _life(case: Case) -> Iterator[Row]:
    """Yield: what was closed stays closed; what was opened stays open, or opens once; enlarged once; moved once."""
    for j, site in enumerate(case.sites):
        if site.closable and not site.exists:
            yield from _opens_once(case, j)
        else:
            for t in case.periods[1:]:
                change = {opened(j, t): 1, opened(j, t - 1): -1}
                sense = "<=" if site.exists else ">="
                yield Row(("stays", site.id, case.years[t]), change, sense, 0)  # type: ignore[arg-type]
        if site.upgrade is not None:
            for t in case.periods:
                now, year = amount(UPGRADED, j, t), case.years[t]
                yield Row(("upgraded", site.id, year), {now: 1, opened(j, t): -1}, "<=", 0)
                if t:
                    yield Row(("stays upgraded", site.id, year), {now: 1, amount(UPGRADED, j, t - 1): -1}, ">=", 0)
    for t in case.periods:
        yield from _moves(case, t)


def _opens_once(case: Case, j: int) -> Iterator[Row]:
    """Yield what ties the openings of a site that may close again: it opens where it was not open, and only once."""
    site = case.sites[j]
    for t in case.periods:
        now, year = opens(j, t), case.years[t]
        change: dict[Key, Number] = {now: 1, opened(j, t): -1}
        yield Row(("opens", site.id, year, "most"), change, "<=", 0)
        yield Row(("opens", site.id, year, "least"), change | ({opened(j, t - 1): 1} if t else {}), ">=", 0)
    yield Row(("opens once", site.id), {opens(j, t): 1 for t in case.periods}, "<=", 1)


def _moves(case: Case, t: int) -> Iterator[Row]:
    """Yield: every closing goes to one opening at most, and every opening comes from one closing at most."""
    leaving: dict[int, dict[Key, Number]] = {}
    coming: dict[int, dict[Key, Number]] = {}
    for old, new in case.moves:
        leaving.setdefault(old, {})[moves(old, new, t)] = 1
        coming.setdefault(new, {})[moves(old, new, t)] = 1
    for old, terms in leaving.items():
        terms[opened(old, t)] = 1
        if t:
            terms[opened(old, t - 1)] = -1
        yield Row(("moves from", case.sites[old].id, case.years[t]), terms, "<=", 0 if t else 1)
    for new, terms in coming.items():
        terms |= {key: -times for key, times in opening_terms(case, new, t).items()}
        yield Row(("moves to", case.sites[new].id, case.years[t]), terms, "<=", 0)


def breaches(case: Case, layout: Layout) -> Iterator[Breach]:
    """Yield everything in a finished plan that cannot be: the same sentences as `rows`, from plain data."""
    for j, site in enumerate(case.sites):
        for t in case.periods:
            is_open = (j, t) in layout.open
            before = (j, t - 1) in layout.open if t else is_open or site.exists
            details = {"site": site.name, "year": case.years[t]}
            if site.is_fixed and not is_open:
                yield Breach(("stands", site.id, case.years[t]), 1, 1, "breach.closed_hub", details)
            if site.closable and not site.exists:
                earlier = any((j, u) in layout.open for u in range(t - 1))
                wavers = is_open and not before and earlier
            else:
                wavers = bool(t) and (is_open < before if not site.exists else is_open > before)
            if wavers:
                yield Breach(("stays", site.id, case.years[t]), 1, 1, "breach.wavers", details)
    yield from _wrong_upgrades(case, layout)
    yield from _beyond_able(case, layout)
    for (i, j, t), people in sorted(layout.serve.items()):
        place, site, year = case.places[i], case.sites[j], case.years[t]
        about = (place, site.id, year)
        details = {"place": place, "site": site.name, "year": year}
        if people < 0:
            yield Breach(("negative", *about), -people, 1, "breach.negative", details)
        if (i, j) not in case.seconds:
            yield Breach(("reach", *about), 1, 1, "breach.too_far", details)
        if people > 0 and (j, t) not in layout.open:
            yield Breach(("open", *about), people, 1, "breach.not_open", details)
    for (i, t), people in sorted(layout.served.items()):
        residents = int(case.people[i, t])
        if people > residents:
            details = {
                "place": case.places[i],
                "year": case.years[t],
                "people": people,
                "residents": residents,
            }
            yield Breach(
                ("once", case.places[i], case.years[t]),
                people - residents,
                1,
                "breach.counted_twice",
                details,
            )


def _beyond_able(case: Case, layout: Layout) -> Iterator[Breach]:
    """Yield where more people go to sites that only some can go to than there are such people."""
    for i, groups in case.rare_sites_of.items():
        for n, sites in groups.items():
            for t in case.periods:
                people = sum(layout.serve.get((i, j, t), 0) for j in sites)
                able = int(case.able[n, i, t])
                if people > able:
                    details = {"place": case.places[i], "year": case.years[t], "people": people, "able": able}
                    details["share"] = f"{float(100 * case.levels[n].share):g}"
                    about = ("able", case.places[i], n, case.years[t])
                    yield Breach(about, people - able, 1, "breach.beyond_able", details)


def _wrong_upgrades(case: Case, layout: Layout) -> Iterator[Breach]:
    """Yield what is enlarged without being open, or more or less than once."""
    found = {(j, t): number for (what, j, t), number in layout.amounts.items() if what == UPGRADED}
    for (j, t), number in sorted(found.items()):
        site, year = case.sites[j], case.years[t]
        details = {"site": site.name, "year": year}
        if site.upgrade is None or number not in (0, 1):
            yield Breach(("upgrade", site.id, year), 1, 1, "breach.upgrade_none", details)
        elif number and (j, t) not in layout.open:
            yield Breach(("upgraded", site.id, year), 1, 1, "breach.upgrade_closed", details)
    for (j, t), number in sorted(found.items()):
        if number and t + 1 < len(case.years) and not found.get((j, t + 1)):
            details = {"site": case.sites[j].name, "year": case.years[t + 1]}
            about = ("stays upgraded", case.sites[j].id, case.years[t + 1])
            yield Breach(about, 1, 1, "breach.upgrade_undone", details)


# Sites that are worth laying out together while the rest is held: few enough to be solved in a second, enough for a
# chain of exchanges. There is one centre for every so many sites.
_NEIGHBOURHOOD, _STEP = 32, 20


def neighbourhoods(case: Case) -> list[list[Key]]:
    """Return sets of variables that are worth deciding together: round centres that lie far from each other."""
    count = len(case.sites)
    if count <= _NEIGHBOURHOOD:
        return []
    tree = cKDTree(case.spots)
    found = []
    for centre in _spread(case.spots, count // _STEP):
        members = sorted(tree.query(case.spots[centre], _NEIGHBOURHOOD)[1].tolist())
        inside = sorted({i for j in members for i in case.places_of[j]})
        keys: list[Key] = []
        for t in case.periods:
            keys += [opened(j, t) for j in members]
            keys += [amount(UPGRADED, j, t) for j in members if case.sites[j].upgrade is not None]
            keys += [opens(j, t) for j in members if case.sites[j].closable and not case.sites[j].exists]
            keys += [moves(*pair, t) for pair in case.moves if set(pair) <= set(members)]
            keys += [served(i, t) for i in inside]
            keys += [serves(i, j, t) for i in inside for j in case.sites_of[i]]
        keys += _possibly(case, members)
        found.append(keys)
    return found


def _possibly(case: Case, members: Sequence[int]) -> Iterator[Key]:
    """Yield who goes where in possible districts, of the groups that could go to some of these sites."""
    for d, district in enumerate(case.possible):
        touched = np.isin(district.groups, district.groups[np.isin(district.sites, members)])
        pairs = zip(district.groups[touched].tolist(), district.sites[touched].tolist(), strict=True)
        yield from (possibly(d, g, j, t) for g, j in pairs for t in case.periods)


def _spread(points: np.ndarray[tuple[int, ...], np.dtype[np.float64]], count: int) -> list[int]:
    """Return points that lie far from each other: each the farthest from all before it (Gonzalez 1985)."""
    chosen = [0]
    nearest = np.hypot(*(points - points[0]).T)
    while len(chosen) < count:
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, np.hypot(*(points - points[chosen[-1]]).T))
    return chosen
