"""Which sites are open in which year, and whom each serves."""

from collections.abc import Iterator

from allocate.case import Case
from allocate.rows import Column, Key, Number, Row, opened, served, serves


def columns(case: Case) -> Iterator[Column]:
    """Yield the variables: open sites (0 or 1), people served per place, and people served per pair [persons]."""
    for t in case.periods:
        for j, site in enumerate(case.sites):
            stands = site.exists and not site.closable
            yield Column(opened(j, t), low=int(stands), high=1, whole=True)
        for i in range(len(case.places)):
            yield Column(served(i, t), high=int(case.people[i, t]))
        for i, j in zip(case.links.places.tolist(), case.links.sites.tolist(), strict=True):
            yield Column(serves(i, j, t), high=case.most(i, j, t))


def rows(case: Case) -> Iterator[Row]:
    """Yield the physics: nothing reopens, people are served by open sites within reach, and counted once."""
    yield from _life(case)
    for t in case.periods:
        year = case.years[t]
        for i, place in enumerate(case.places):
            parts: dict[Key, Number] = {serves(i, j, t): 1 for j in case.sites_of[i]}
            parts[served(i, t)] = -1
            yield Row(("counted once", place, year), parts, "==", 0)
            cover: dict[Key, Number] = {opened(j, t): case.most(i, j, t) for j in case.sites_of[i]}
            cover[served(i, t)] = -1
            # Implied by the pair rows below, and nearly as strong as all of them: always worth its one row.
            yield Row(("covered", place, year), cover, ">=", 0)
        for j, site in enumerate(case.sites):
            if site.capacity is None and case.places_of[j]:
                load: dict[Key, Number] = {serves(i, j, t): 1 for i in case.places_of[j]}
                load[opened(j, t)] = -sum(case.most(i, j, t) for i in case.places_of[j])
                yield Row(("open", site.id, year), load, "<=", 0)
            for i in case.places_of[j]:
                pair = {serves(i, j, t): 1, opened(j, t): -case.most(i, j, t)}
                yield Row(("pair", case.places[i], site.id, year), pair, "<=", 0, implied=True)


def _life(case: Case) -> Iterator[Row]:
    """Yield: what was opened stays open, and what was closed stays closed."""
    for j, site in enumerate(case.sites):
        for t in case.periods[1:]:
            change = {opened(j, t): 1, opened(j, t - 1): -1}
            sense = "<=" if site.exists else ">="
            yield Row(("stays", site.id, case.years[t]), change, sense, 0)  # type: ignore[arg-type]

