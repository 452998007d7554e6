"""What sets finished plans of one district apart: settings, proof, clauses, money, sites, staff, towns and people."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from fractions import Fraction
from typing import Any

from allocate.compared import (
    Amount,
    Comparison,
    Doubt,
    Faring,
    Line,
    Pair,
    Part,
    People,
    Setting,
    SiteChange,
    SiteDifference,
    Stage,
    Standing,
    Summary,
    Town,
    Verdict,
)
from allocate.counting import holds, resources_of, totals
from allocate.errors import Problem, UsageError
from allocate.gaps import OPTIMAL_GAP, apart
from allocate.rows import POLICY

Content = Mapping[str, Any]
FEWEST, MOST = 2, 12  # plans
# What of a budget's row is no sum of money.
_NO_MONEY = ("year", "calendar_years", "unit", "basis")
# Settings of tables in a list go by what each of them is about.
_NAMES_OF_TABLES = ("goal", "id", "name", "clause")
# Settings that say what a plan is called, and not what it is to do.
_NAMING = ("title", "scenario", "scenarios", "scenario_sets")
_BETTER: Mapping[str, Verdict] = {"less": "better", "more": "worse", "same": "same", "unknown": "unknown"}


def check_number(plans: int) -> None:
    """Refuse to compare too few or too many plans, before any of them is read.

    Raises
    ------
    UsageError
        When there are fewer than `FEWEST`, or more than `MOST`.
    """
    if not FEWEST <= plans <= MOST:
        problem = "compare.too_few" if plans < FEWEST else "compare.too_many"
        raise UsageError([Problem(problem, details={"count": plans, "most": MOST})])


def compare(contents: Sequence[Content], names: Sequence[str]) -> Comparison:
    """Return what sets plans apart from the first one; each has passed its recheck.

    Raises
    ------
    UsageError
        When there are too few or too many, or a plan is of another district or has no year with the first in common.
    """
    check_number(len(contents))
    first, *others = contents
    problems = [
        problem
        for other, name in zip(others, names[1:], strict=True)
        for problem in _unlike(first, other, names[0], name)
    ]
    if problems:
        raise UsageError(problems)
    return Comparison(
        tuple(map(_summary, contents, names)),
        tuple(_pair(first, other, names[0], name) for other, name in zip(others, names[1:], strict=True)),
    )


def distinct_names(wanted: Sequence[Sequence[str]]) -> list[str]:
    """Return a name for each of some folders, given by the parts of its path, the last of which names it.

    Those of one name are told apart by the folders above, and those that are one folder by a number.

    >>> distinct_names([("out", "a"), ("out", "b")]), distinct_names([("x", "a"), ("y", "a"), ("y", "a")])
    (['a', 'b'], ['x/a', 'y/a', 'y/a (2)'])
    """
    names = []
    for parts in wanted:
        others = [other for other in wanted if tuple(other) != tuple(parts)]
        depth = next(
            (n for n in range(1, len(parts)) if all(tuple(parts[-n:]) != tuple(other[-n:]) for other in others)),
            len(parts),
        )
        names.append("/".join(parts[-depth:]))
    taken: set[str] = set()
    for at, name in enumerate(names):
        number, told = 1, name
        while told in taken:
            number += 1
            told = f"{name} ({number})"
        names[at] = told
        taken.add(told)
    return names


def _unlike(first: Content, other: Content, name: str, its: str) -> Iterator[Problem]:
    """Yield why a plan cannot be compared with the first one."""
    if first["district"] != other["district"]:
        details = {"first": name, "district": first["district"], "other": other["district"]}
        yield Problem("compare.other_district", file=its, details=details)
    elif not set(first["years"]) & set(other["years"]):
        years = {key: ", ".join(map(str, content["years"])) for key, content in (("years", first), ("others", other))}
        yield Problem("compare.no_year", file=its, details={"first": name, **years})


def _summary(content: Content, name: str) -> Summary:
    statuses = [row["status"] for row in content["scorecard"]]
    last = next(row for row in reversed(content["ledger"]) if row["scope"] == "district")
    return Summary(
        plan=name,
        model=content["model"],
        as_of=content["as_of"],
        years=tuple(content["years"]),
        outcome=content["outcome"],
        gap=content["gap"],
        version=content["versions"].get("allocate", ""),
        cost=sum(row["total"] for row in content["budget"]),
        met=statuses.count("met"),
        missed=statuses.count("missed"),
        people=last["people"],
        served=last["served"],
    )


def _pair(first: Content, other: Content, name: str, its: str) -> Pair:
    years = tuple(year for year in first["years"] if year in other["years"])
    parts = list(_parts(first, other, years))
    people = tuple(_people(first, other, parts, year) for year in years)
    return Pair(
        first=name,
        other=its,
        is_same=first == other,
        years=years,
        first_years=tuple(year for year in first["years"] if year not in years),
        other_years=tuple(year for year in other["years"] if year not in years),
        settings=tuple(_settings(first, other)),
        stages=tuple(
            _stages(first, other, are_same_people=not any(y.first_unknown or y.other_unknown for y in people))
        ),
        scorecard=tuple(_scorecard(first, other, years)),
        counts={status: _count(first, other, years, status) for status in ("met", "missed")},
        money=tuple(_money(first, other, years)),
        sites=tuple(_sites(first, other, years)),
        amounts=tuple(_amounts(first, other, years)),
        towns=tuple(_towns(first, other, years)),
        people=people,
        parts=tuple(part for part in parts if part.verdict != "same"),
    )


# ---- what the plans were made with ----


def _settings(first: Content, other: Content) -> Iterator[Setting]:
    before, after = (dict(_leaves(content["settings"])) for content in (first, other))
    rules = {**(first["settings"].get("rules") or {}), **(other["settings"].get("rules") or {})}
    for key in dict.fromkeys((*before, *after)):
        if before.get(key) != after.get(key) and key[0] not in _NAMING:
            rule = rules.get(key[1]) if key[0] == "rules" and len(key) > 1 else None
            clause = str((rule or {}).get("clause") or "")
            yield Setting("setting", ".".join(key), clause, before.get(key), after.get(key))
    tables = [{(row["of"], row["path"]): row["sha256"] for row in content["inputs"]} for content in (first, other)]
    for of, path in dict.fromkeys((*tables[0], *tables[1])):
        sums = [table.get((of, path)) for table in tables]
        if sums[0] != sums[1]:
            yield Setting("input", f"{of} · {path}", "", *sums)
    for program in dict.fromkeys((*first["versions"], *other["versions"])):
        numbers = [content["versions"].get(program) for content in (first, other)]
        if numbers[0] != numbers[1]:
            yield Setting("version", program, "", *numbers)


def _leaves(value: Any, key: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield every number and text of a model with the keys that lead to it."""
    if isinstance(value, Mapping) and value:
        for name, part in value.items():
            yield from _leaves(part, (*key, str(name)))
    elif isinstance(value, list) and any(isinstance(part, Mapping) for part in value):
        seen: dict[str, int] = {}
        for at, part in enumerate(value):
            told = next((str(part[name]) for name in _NAMES_OF_TABLES if name in part), str(at + 1))
            seen[told] = seen.get(told, 0) + 1
            yield from _leaves(part, (*key, told if seen[told] == 1 else f"{told} {seen[told]}"))
    elif value not in (None, [], {}):
        yield key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# ---- what is proven ----


def _stages(first: Content, other: Content, *, are_same_people: bool) -> Iterator[Stage]:
    tables = [{row["name"]: row for row in content["stages"]} for content in (first, other)]
    shaken = False
    for name in dict.fromkeys((*tables[0], *tables[1])):
        one, two = (table.get(name) for table in tables)
        stage = _stage(name, one, two)
        # (Equal figures may yet mean different things; only where nothing is missed in either is that the same.)
        if stage.verdict != "same" or stage.first:
            doubt = _doubt(first, other, stage, are_same_people=are_same_people)
            if doubt:
                stage = replace(stage, verdict="unknown", why=doubt)
        yield replace(stage, given=shaken and stage.verdict in ("better", "worse"))
        # (What is held for the later stages is only what was found, where nobody knows whether it is the best.)
        is_proven = one is not None and two is not None and max(one["gap"], two["gap"]) <= OPTIMAL_GAP
        shaken = shaken or not (is_proven or stage.verdict == "same")


def _stage(name: str, one: Content | None, two: Content | None) -> Stage:
    """Return a stage of two plans, compared by its figures alone.

    What the best plan of a model is worth lies between the bound and the value that was found. Only where the two
    spans do not meet is one better than the other, whatever plans were not found.
    """
    some = one or two or {}
    found: dict[str, Any] = {
        f"{side}{key}": None if row is None else row[name_of]
        for side, row in (("first", one), ("other", two))
        for key, name_of in (("", "value"), ("_bound", "bound"), ("_gap", "gap"))
    }
    blank: dict[str, Any] = dict.fromkeys(("difference", "low", "high"))
    told = Stage(stage=name, unit=some["unit"], **found, **blank, verdict="unknown", why="absent", given=False)
    if one is None or two is None:
        return told
    lies = apart(one["value"], one["bound"], two["value"], two["bound"])
    verdict = _BETTER[lies.verdict]
    return replace(
        told,
        difference=_plain(lies.difference),
        low=_plain(lies.low),
        high=_plain(lies.high),
        verdict=verdict,
        why="gap" if verdict == "unknown" else "",
    )


def _doubt(first: Content, other: Content, stage: Stage, *, are_same_people: bool) -> Doubt:
    """Return why values of a stage do not mean the same in both plans; nothing where they do."""
    if stage.why == "absent":
        return "absent"
    if first["years"] != other["years"]:
        return "years"
    if stage.stage != "cost" and not are_same_people:
        return "people"
    if _asked(first, stage.stage) != _asked(other, stage.stage):
        return "asked"
    return stage.why


def _asked(content: Content, stage: str) -> Any:
    """Return what a stage measures in a model: the rules of its strength with their targets, or its goal.

    Everything but money is measured by who is within the circle.
    """
    name, settings = stage.split(".")[0], content["settings"]
    if name == "cost":
        return None
    circle = settings["circles"][settings["circle"]], settings.get("modes")
    if name not in POLICY:
        goals = [_asking(goal) for goal in settings.get("goals") or () if goal.get("goal") == name]
        return _asking(circle[0]), circle[1], goals
    rows = [row for row in content["scorecard"] if row["strength"] == name and row["status"] in ("met", "missed")]
    rules, clauses = (settings.get(table) or {} for table in ("rules", "clauses"))
    targets = [(row["rule"], row["year"], row["target"]) for row in rows]
    tables = {row["rule"]: (_asking(rules.get(row["rule"])), _asking(clauses.get(row["clause"]))) for row in rows}
    return _asking(circle[0]), circle[1], targets, tables


def _asking(table: Any) -> Any:
    """Return what a table of a model asks for, without where that comes from and how long to search."""
    if not isinstance(table, Mapping):
        return table
    return {key: value for key, value in table.items() if key not in ("source", "quote", "basis", "gap", "nodes")}


def _plain(number: Fraction) -> int | float:
    return int(number) if number.denominator == 1 else float(number)


# ---- clauses ----


def _in_years(content: Content, years: Sequence[int]) -> dict[tuple[str, int | None], Content]:
    """Return the lines of a scorecard that are of no year of the plan, or of one that is compared."""
    left_out = set(content["years"]) - set(years)
    return {(row["rule"], row["year"]): row for row in content["scorecard"] if row["year"] not in left_out}


def _count(first: Content, other: Content, years: Sequence[int], status: str) -> tuple[int, int]:
    one, two = (
        sum(row["status"] == status for row in _in_years(content, years).values()) for content in (first, other)
    )
    return one, two


def _scorecard(first: Content, other: Content, years: Sequence[int]) -> Iterator[Line]:
    one, two = (_in_years(content, years) for content in (first, other))
    for key in dict.fromkeys((*one, *two)):
        before, after = one.get(key), two.get(key)
        told: dict[str, Any] = {
            f"{side}_{name}": None if row is None else row[name]
            for side, row in (("first", before), ("other", after))
            for name in ("status", "target", "value", "shortfall")
        }
        if all(told[f"first_{name}"] == told[f"other_{name}"] for name in ("status", "target", "value", "shortfall")):
            continue
        some = after or before or {}
        shared: dict[str, Any] = {name: some[name] for name in ("strength", "indicator", "unit", "shortfall_unit")}
        yield Line(key[0], some["clause"], key[1], **shared, **told, verdict=_clause_verdict(before, after))


def _clause_verdict(before: Content | None, after: Content | None) -> Verdict:
    """Return whether a clause is met better; what is asked must be the same."""
    if before is None or after is None or before["target"] != after["target"]:
        return "unknown"
    statuses = before["status"], after["status"]
    if statuses == ("missed", "met"):
        return "better"
    if statuses == ("met", "missed"):
        return "worse"
    if statuses == ("missed", "missed") and before["shortfall"] != after["shortfall"]:
        return "better" if after["shortfall"] < before["shortfall"] else "worse"
    return "same" if statuses[0] == statuses[1] else "unknown"


# ---- money, and what there is how much of ----


def _money(first: Content, other: Content, years: Sequence[int]) -> Iterator[Amount]:
    """Yield every column of the budget by year, and what all years cost together.

    A total counts the calendar years that its year stands for: of plans in which it stands for more, there is none.
    """
    one, two = ({row["year"]: row for row in content["budget"]} for content in (first, other))
    columns = [
        name
        for name in dict.fromkeys(key for table in (one, two) for row in table.values() for key in row)
        if name not in _NO_MONEY and any(table[year].get(name) for table in (one, two) for year in years)
    ]
    spanning = [year for year in years if one[year]["calendar_years"] == two[year]["calendar_years"]]
    for year in years:
        for name in columns:
            if name != "total" or year in spanning:
                yield Amount("money", name, year, one[year].get(name, 0), two[year].get(name, 0))
    if list(years) == spanning:
        yield Amount("money", "total", None, *(sum(table[year]["total"] for year in years) for table in (one, two)))


def _amounts(first: Content, other: Content, years: Sequence[int]) -> Iterator[Amount]:
    """Yield how much each plan has of what any of them decides, by group, then item, then year."""
    one, two = (dict(_counted(content)) for content in (first, other))
    groups = [{group for group, _, _ in counted} for counted in (one, two)]
    items = dict.fromkeys((group, item) for group, item, _ in (*one, *two))
    for group, item in sorted(items, key=lambda pair: _GROUPS.index(pair[0])):
        for year in years:
            # (A plan that decides nothing of the kind does not say that there is none.)
            numbers = [
                counted.get((group, item, year), 0) if group in decided else None
                for counted, decided in zip((one, two), groups, strict=True)
            ]
            yield Amount(group, item, year, *numbers)


_GROUPS = ("open", "staff", "postings", "rounds", "consortia", "functions")


def _counted(content: Content) -> Iterator[tuple[tuple[str, str, int], int]]:
    """Yield how many sites, staff and beds, postings, villages on rounds, consortia and functions there are by year."""
    counts: dict[tuple[str, str, int], int] = {}

    def add(group: str, item: str, year: int, number: int = 1) -> None:
        counts[group, item, year] = counts.get((group, item, year), 0) + number

    for site in content["sites"]:
        for year in site["people"]:
            add("open", site["kind"], int(year))
    resources = resources_of(content)
    sums = totals(content, resources) if resources else {}
    for name in resources:
        for year in content["years"]:
            add("staff", name, year, sums.get((name, year, None), 0))
    for row in content.get("postings", ()):
        add("postings", row.get("specialty") or "", row["year"], row["tours"])
    for row in content.get("rounds", ()):
        add("rounds", row["way"], row["year"])
    for year, _ in sorted({(row["year"], row["lead"]) for row in content.get("consortia", ())}):
        add("consortia", "", year)
    for row in content.get("functions", ()):
        for year in content["years"]:
            add("functions", row["function"], year, int(holds(row, year)))
    yield from counts.items()


# ---- sites ----


def _sites(first: Content, other: Content, years: Sequence[int]) -> Iterator[SiteDifference]:
    one, two = (standings(content, years) for content in (first, other))
    changes = [(_site_change(one.get(key), two.get(key)), one.get(key), two.get(key)) for key in sorted({*one, *two})]
    gone = [site for change, site, _ in changes if change == "only_first" and site is not None]
    fresh = [site for change, _, site in changes if change == "only_other" and site is not None]
    moved = dict(_same_spots(gone, fresh))
    taken = set(moved.values())
    for change, before, after in changes:
        if change == "only_first" and before is not None and before.id in moved:
            yield SiteDifference("same_spot", before, two[moved[before.id]])
        elif change is not None and not (change == "only_other" and after is not None and after.id in taken):
            yield SiteDifference(change, before, after)


def _same_spots(gone: Iterable[Standing], fresh: Iterable[Standing]) -> Iterator[tuple[str, str]]:
    """Yield the ids of two sites at the same spot, each site once: those of one kind first."""
    left = {site.id: site for site in fresh if site.spot is not None}
    rest = list(gone)
    for is_like in (True, False):
        for site in list(rest):
            for its in sorted(left.values(), key=lambda one: one.id):
                if its.spot == site.spot and (its.kind == site.kind or not is_like):
                    yield site.id, its.id
                    rest.remove(site)
                    del left[its.id]
                    break


def _site_change(before: Standing | None, after: Standing | None) -> SiteChange | None:
    """Return what differs most about a site: whether it stands, as what, when, how it got there, where."""
    is_open = [bool(site and site.years) for site in (before, after)]
    if is_open[0] != is_open[1]:
        return "only_first" if is_open[0] else "only_other"
    if before is None or after is None:
        # (A site that stands in neither may yet end in one of them, and be unknown to the other.)
        return "other_action"
    if before.kind != after.kind:
        return "other_kind"
    if before.years != after.years:
        return "other_year"
    if before.actions != after.actions:
        return "other_action"
    return "other_spot" if before.spot != after.spot else None


def standings(content: Content, years: Sequence[int]) -> dict[str, Standing]:
    """Return what becomes of every site of a plan in some of its years, by id."""
    rows: dict[str, list[Content]] = {}
    for row in content["sites"]:
        rows.setdefault(row["id"], []).append(row)
    found = {}
    for code, steps in rows.items():
        site = steps[-1]
        people = {int(year): number for step in steps for year, number in step["people"].items()}
        is_open = tuple(year for year in years if year in people)
        # What happens in a year that is not compared shows in the next one that is.
        actions = tuple(
            (later[0], step["action"]) for step in steps if (later := [year for year in years if year >= step["year"]])
        )
        found[code] = Standing(
            id=code,
            **{name: site[name] for name in ("name", "kind", "town", "lon", "lat", "basis")},
            years=is_open,
            actions=actions,
            people=people[is_open[-1]] if is_open else 0,
        )
    return found


# ---- towns and people ----


def _towns(first: Content, other: Content, years: Sequence[int]) -> Iterator[Town]:
    """Yield the district, then its towns, those that win most first, year by year."""
    ledgers = [{(row["year"], row["scope"]): row for row in content["ledger"]} for content in (first, other)]
    circles = [content["settings"]["circle"] for content in (first, other)]
    named = [content["settings"]["circles"][circle] for content, circle in zip((first, other), circles, strict=True)]
    inside = [
        {(row["year"], row["scope"]): row["covered"] for row in content["coverage"] if row["preset"] == circle}
        for content, circle in zip((first, other), circles, strict=True)
    ]
    is_one_circle = circles[0] == circles[1] and named[0] == named[1]
    for year in years:
        scopes = dict.fromkeys(scope for ledger in ledgers for one, scope in ledger if one == year)
        lines = []
        for scope in scopes:
            one, two = (ledger.get((year, scope), {"people": 0, "served": 0}) for ledger in ledgers)
            covered = [table.get((year, scope)) if is_one_circle else None for table in inside]
            lines.append(Town(year, scope, one["people"], two["people"], one["served"], two["served"], *covered))
        yield from sorted(lines, key=lambda line: (line.scope != "district", -line.more, line.scope))


def _fares(content: Content, years: Sequence[int]) -> dict[tuple[int, str], dict[Faring, int]]:
    """Return how many people of every place fare how in every year, from best to worst."""
    found: dict[tuple[int, str], dict[Faring, int]] = {}
    for row in content["places"]:
        if row["year"] in years:
            there = found.setdefault((row["year"], row["id"]), {})
            if row["people"]:
                faring = Faring(row["status"], row["served_by"], row["minutes"])
                there[faring] = there.get(faring, 0) + row["people"]
    return {key: dict(sorted(there.items(), key=lambda part: part[0].rank)) for key, there in found.items()}


def _parts(first: Content, other: Content, years: Sequence[int]) -> Iterator[Part]:
    one, two = (_fares(content, years) for content in (first, other))
    for key in sorted({*one, *two}):
        yield from _of_place(key, one.get(key), two.get(key))


def _of_place(
    key: tuple[int, str], before: dict[Faring, int] | None, after: dict[Faring, int] | None
) -> Iterator[Part]:
    """Yield the people of a place by how they fare in both plans, each person once.

    Where a plan serves only some of them, nobody knows which: see `_beside`.
    """
    totals_there = [sum((rows or {}).values()) for rows in (before, after)]
    if before is None or after is None or not all(totals_there):
        known, total = (before, totals_there[0]) if totals_there[0] else (after, totals_there[1])
        for faring, people in (known or {}).items():
            share = Fraction(people, total)
            yield Part(*key, share, None, *((faring, None) if known is before else (None, faring)))
        return
    whole = totals_there[0] * totals_there[1]
    found = _beside(
        {faring: people * totals_there[1] for faring, people in before.items()},
        {faring: people * totals_there[0] for faring, people in after.items()},
    )
    are_same = totals_there[0] == totals_there[1]
    for (one, two), weight in found.items():
        share = Fraction(weight, whole)
        yield Part(*key, share, int(share * totals_there[0]) if are_same else None, one, two)


def _beside(before: dict[Faring, int], after: dict[Faring, int]) -> dict[tuple[Faring, Faring], int]:
    """Return how many go from each way to fare to each other one.

    Whoever can stay at a site, or as they are, does; of the others those who are best off in one plan are so in the
    other. (Both plans have as many people, and their ways to fare come from best to worst.)
    """
    found: dict[tuple[Faring, Faring], int] = {}
    left, right = dict(before), dict(after)
    likes: tuple[Callable[[Faring], object], ...] = (
        lambda one: one,
        lambda one: (one.status, one.site),
        lambda _: None,
    )
    for like in likes:
        for one in before:
            for two in after:
                if like(one) == like(two) and (number := min(left[one], right[two])):
                    found[one, two] = found.get((one, two), 0) + number
                    left[one] -= number
                    right[two] -= number
    return found


def _people(first: Content, other: Content, parts: Iterable[Part], year: int) -> People:
    sums = dict.fromkeys((field.name for field in fields(People) if field.name != "year"), 0)
    for part in parts:
        if part.year == year and part.people is not None and part.verdict != "unknown":
            sums[part.verdict] += part.people
            sums["elsewhere"] += part.people if part.verdict == "same" and part.is_elsewhere else 0
    compared = sums["better"] + sums["worse"] + sums["same"]
    for side, content in (("first", first), ("other", other)):
        people = sum(row["people"] for row in content["places"] if row["year"] == year)
        sums |= {f"{side}_people": people, f"{side}_unknown": people - compared}
    return People(year, **sums)
