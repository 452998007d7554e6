"""What plan.json says of consortia, functions, reserves and contracts, and how that is read back."""

from collections.abc import Iterator, Mapping
from typing import Any

from allocate.case import Case
from allocate.gaps import DIGITS, shown_number
from allocate.layout import Layout
from allocate.rows import LEADS, Number
from allocate.rules import FunctionReach, Reserve, Rule
from allocate.rules.amounts import has
from allocate.rules.reserve import reserved
from allocate.rules.scopes import parts
from allocate.units import whole_minutes

Has = dict[tuple[str, int, int], Number]
Members = frozenset[tuple[int, int, int]]
Links = frozenset[tuple[str, int, int, int]]
Pairs = frozenset[tuple[int, int, int]]


def consortia_rows(case: Case, layout: Layout) -> list[dict[str, Any]]:
    """Return a row for every member of every consortium and year, the lead first; nothing where none are formed.

    `minutes` is the way to the lead, rounded up; `people` are those of the hub, of whom each place's belong to the
    nearest hub of its town; `before` is the hospital above it today, where a table says so.
    """
    leading = case.leading
    if leading is None:
        return []
    rows = []
    for t, year in enumerate(case.years):
        for k in layout.leads_in(t):
            lead = case.sites[k].id
            rows.append(
                {"year": year, "lead": lead, "id": lead, "people": 0, "minutes": 0, "how": None, "before": None}
            )
            for j in layout.members_of(k, t):
                before = leading.existing.get(j)
                rows.append(
                    {
                        "year": year,
                        "lead": lead,
                        "id": case.sites[j].id,
                        "people": case.people_of_hub(j, t),
                        "minutes": whole_minutes(leading.pairs.get((j, k), 0)),
                        "how": case.journeys.how(leading.plan.mode, case.spots[j], case.spots[k]),
                        "before": None if before is None else case.sites[before].id,
                    }
                )
    return rows


def function_rows(case: Case, layout: Layout) -> list[dict[str, Any]]:
    """Return a row for every function that a site has, from the year on in which it has it.

    `since` is None for what it has today; `centre` is the site that provides it, None where it is its own; `until` is
    the last year in which it has it, None where it keeps it: what closes takes its functions with it, and an expert
    may go again.
    """
    rows = []
    for name in case.abilities:
        for j in case.havers[name]:
            for first, last in _spells(case, layout, name, j):
                centre = layout.centre_of.get((name, j, first))
                is_old = first == 0 and (name, j) in case.had
                rows.append(
                    {
                        "function": name,
                        "id": case.sites[j].id,
                        "since": None if is_old else case.years[first],
                        "until": None if last == len(case.years) - 1 else case.years[last],
                        "centre": None if centre is None else case.sites[centre].id,
                    }
                )
    return rows


def _spells(case: Case, layout: Layout, name: str, j: int) -> Iterator[tuple[int, int]]:
    """Yield the first and last year of every spell in which a site has a function from one and the same centre."""
    first: int | None = None
    for t in case.periods:
        here = layout.has(name, j, t)
        same = first is not None and layout.centre_of.get((name, j, first)) == layout.centre_of.get((name, j, t))
        if first is not None and not (here and same):
            yield first, t - 1
            first = None
        if here and first is None:
            first = t
    if first is not None:
        yield first, len(case.years) - 1


def reach_rows(rules: Mapping[str, Rule], case: Case, layout: Layout) -> list[dict[str, Any]]:
    """Return how many people live near enough to a function, by rule, year, and district or town.

    `scope` is the id of the town, or `district`, as in `coverage`.
    """
    rows = []
    for name, rule in ((name, rule) for name, rule in rules.items() if isinstance(rule, FunctionReach)):
        for t in rule.when(case):
            reached = rule.reaches(case, layout, t)
            for part, members in (*parts(case, "district"), *parts(case, "town")):
                people = sum(int(case.people[i, t]) for i in members)
                covered = sum(int(case.people[i, t]) for i in members if reached[i])
                rows.append(
                    {
                        "rule": name,
                        "function": rule.function,
                        "year": case.years[t],
                        "scope": part or "district",
                        "people": people,
                        "covered": covered,
                        "share": round(covered / people, DIGITS) if people else None,
                    }
                )
    return rows


def reserve_rows(rules: Mapping[str, Rule], case: Case, layout: Layout) -> list[dict[str, Any]]:
    """Return what every site holds back of what rules want held back, and of how much, by year."""
    kinds: dict[str, set[str]] = {}
    for rule in rules.values():
        if isinstance(rule, Reserve):
            for what in rule.of:
                kinds.setdefault(what, set()).update(rule.kinds)
    return [
        {
            "year": year,
            "id": site.id,
            "resource": what,
            "number": shown_number(number),
            "reserved": shown_number(has(case, layout, reserved(what), j, t)),
        }
        for t, year in enumerate(case.years)
        for what, those in kinds.items()
        for j, site in enumerate(case.sites)
        if site.kind in those and (number := has(case, layout, what, j, t))
    ]


def contract_rows(case: Case, layout: Layout) -> list[dict[str, Any]]:
    """Return a row for every care home and year: with whom it has a contract, and how far that is.

    `id` and `minutes` (the way from the institution, rounded up) are None for a home without a contract; `before` is
    the institution with which it has one today, None where it has none.
    """
    contracting = case.contracting
    if contracting is None:
        return []
    rows = []
    for t, year in enumerate(case.years):
        for h, home in enumerate(contracting.homes):
            here: list[int | None] = [*sorted(j for one, j, u in layout.contracts if (one, u) == (h, t))]
            before = contracting.existing.get(h)
            rows += [
                {
                    "year": year,
                    "home": home.id,
                    "id": None if j is None else case.sites[j].id,
                    "beds": home.beds,
                    "minutes": None if j is None else whole_minutes(contracting.pairs.get((h, j), 0)),
                    "how": None if j is None else contracting.how.get((h, j), "line"),
                    "before": None if before is None else case.sites[before].id,
                }
                for j in (here or (None,))
            ]
    return rows


def contracts_of(content: Mapping[str, Any], case: Case) -> Pairs:
    """Return which care homes a plan says have a contract with whom, by year."""
    homes = {} if case.contracting is None else {home.id: h for h, home in enumerate(case.contracting.homes)}
    year_index = {year: t for t, year in enumerate(case.years)}
    return frozenset(
        (homes[row["home"]], case.site_index[row["id"]], year_index[row["year"]])
        for row in content.get("contracts", ())
        if row["id"] is not None
    )


def belonging_of(content: Mapping[str, Any], case: Case) -> tuple[Has, Members, Links]:
    """Return which functions a plan says sites have, who leads, who is in which consortium, and who is linked where."""
    has: Has = {}
    members: set[tuple[int, int, int]] = set()
    links: set[tuple[str, int, int, int]] = set()
    year_index = {year: t for t, year in enumerate(case.years)}
    for row in content.get("consortia", ()):
        j, k, t = case.site_index[row["id"]], case.site_index[row["lead"]], year_index[row["year"]]
        if j == k:
            has[LEADS, k, t] = 1
        else:
            members.add((j, k, t))
    for row in content.get("functions", ()):
        j = case.site_index[row["id"]]
        first = 0 if row["since"] is None else year_index[row["since"]]
        last = len(case.years) - 1 if row["until"] is None else year_index[row["until"]]
        for t in range(first, last + 1):
            has[str(row["function"]), j, t] = 1
            if row["centre"] is not None:
                links.add((str(row["function"]), j, case.site_index[row["centre"]], t))
    return has, frozenset(members), frozenset(links)
