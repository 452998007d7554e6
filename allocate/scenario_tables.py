"""What a model says of its scenarios: small sets of changes, each by itself or on top of another one."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from copy import deepcopy
from typing import Any

import pydantic

from allocate.errors import Problem, UsageError
from allocate.settings import entries, looked_up, put, ways
from allocate.tables import BASES
from allocate.travel.circles import STRICT, Text
from allocate.units import Basis
from allocate.words import both, say

# The model as it is, and what stands today: they are always there.
BASE, TODAY = "base", "today"
# Names that a folder of scenarios needs for itself.
RESERVED = (BASE, TODAY, "scenarios", "compare", "runs")
MOST = 200
# Values longer than this are cut when they are said [signs].
_LONGEST = 80
_NAME = re.compile(r"\w[\w-]{0,39}")


class Scenario(pydantic.BaseModel):
    """One scenario.

    Attributes
    ----------
    parent
        The scenario whose changes come before its own (`from` in the file); empty: the model as it is.
    set
        The keys that it changes, as nested tables or with dots, and their values.
    source, basis
        Where the numbers come from, and what they rest on.
    """

    model_config = STRICT

    title: Text
    parent: str = pydantic.Field(default="", alias="from")
    set: dict[str, Any] = pydantic.Field(min_length=1)
    note: str = ""
    source: str = ""
    basis: Basis = Basis.ASSUMED


Scenarios = Mapping[str, Scenario]
Changes = dict[tuple[str, ...], Any]


def faults(content: Mapping[str, Any], file: str) -> Iterator[Problem]:
    """Yield what contradicts itself among the scenarios of a model: names, parents, circles of parents, sets."""
    scenarios, known = read_tables(content), list(entries(content.get("scenarios")))
    told = entries(content.get("scenario_sets"))
    sets = {
        name: [one for one in members if isinstance(one, str)]
        for name, members in told.items()
        if isinstance(members, list | tuple)
    }
    if len(scenarios) > MOST:
        yield Problem("scenarios.too_many", file, column="scenarios", value=len(scenarios), details={"most": MOST})
    seen: dict[str, str] = {}
    for table, names in (("scenarios", known), ("scenario_sets", sets)):
        for name in names:
            column = f"{table}.{name}"
            if name.lower() in RESERVED:
                reserved = {"names": ", ".join(RESERVED)}
                yield Problem("scenarios.reserved", file, column=column, value=name, details=reserved)
            elif not _NAME.fullmatch(name):
                yield Problem("scenarios.name", file, column=column, value=name)
            # (Folders are called after them, and some disks do not tell large letters from small ones.)
            if name.lower() in seen:
                yield Problem("scenarios.twice", file, column=column, value=name, details={"other": seen[name.lower()]})
            seen.setdefault(name.lower(), column)
    for name, scenario in scenarios.items():
        column = f"scenarios.{name}.from"
        if scenario.parent and scenario.parent not in (BASE, *known):
            choices = {"choices": ", ".join((BASE, *(one for one in scenarios if one != name)))}
            yield Problem("problem.choice", file, column=column, value=scenario.parent, details=choices)
        elif name in (line := chain(scenarios, name))[:-1] or len(line) > len(set(line)):
            yield Problem("scenarios.circle", file, column=column, details={"way": " → ".join(reversed(line))})
    for name, members in sets.items():
        column = f"scenario_sets.{name}"
        if not members:
            yield Problem("scenarios.empty_set", file, column=column)
        for member in dict.fromkeys(members):
            if member not in (BASE, TODAY, *known):
                choices = {"choices": ", ".join((BASE, TODAY, *known))}
                yield Problem("problem.choice", file, column=column, value=member, details=choices)
            elif members.count(member) > 1:
                yield Problem("scenarios.member_twice", file, column=column, value=member)


def chain(scenarios: Scenarios, name: str) -> list[str]:
    """Return a scenario and those below it, the first one first; one of them twice where they go round in a circle."""
    line: list[str] = []
    while name in scenarios:
        line.append(name)
        if line.count(name) > 1:
            break
        name = scenarios[name].parent
    return line[::-1]


def changes_in(scenarios: Scenarios, name: str, content: Mapping[str, Any]) -> Changes:
    """Return all keys that a scenario and those below it change in a content; where several do, the last one counts."""
    found: Changes = {}
    for one in chain(scenarios, name):
        found |= dict(ways(scenarios[one].set, content))
    return found


def apply(content: dict[str, Any], scenarios: Scenarios, name: str, heads: Collection[str]) -> None:
    """Change a content as a scenario and those below it say, and the sources of what they change with it.

    Raises
    ------
    UsageError
        When a key is not there.
    """
    for one in chain(scenarios, name):
        changes = dict(ways(scenarios[one].set, content))
        for way, value in changes.items():
            put(content, way, deepcopy(value), heads)
        for table in dict.fromkeys(filter(None, (_sourced(content, way) for way in changes))):
            # (A scenario may name source and basis of its own in what it changes.)
            if (*table, "source") not in changes and (*table, "basis") not in changes:
                _say_source(looked_up(content, table), one, scenarios[one])


def _sourced(content: dict[str, Any], way: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the way to the innermost table around a key that says its source; rules say theirs in any case."""
    for length in range(len(way) - 1, 0, -1):
        table = looked_up(content, way[:length])
        if isinstance(table, dict) and ("source" in table or (length == len(("rules", "")) and way[0] == "rules")):
            return way[:length]
    return None


def _say_source(table: dict[str, Any], name: str, scenario: Scenario) -> None:
    """Say in a table that a scenario changed it, and by what: no source stands beside a number that is not its own."""
    told = scenario.source or both(f"basis.{scenario.basis}")
    before = str(table.get("source") or "")
    table["source"] = both("scenarios.of_source", name=name, source=told) + (f" ({before})" if before else "")
    was = table.get("basis")
    table["basis"] = max((str(scenario.basis), *([was] if was in BASES else [])), key=BASES.index)


def unknown_keys(content: dict[str, Any], scenarios: Scenarios, file: str, heads: Collection[str]) -> Iterator[Problem]:
    """Yield the keys that scenarios change and the model has not, and those that one changes twice."""
    for name, scenario in scenarios.items():
        column, tried = f"scenarios.{name}.set", deepcopy(content)
        line = chain(scenarios, name)
        for one in line[:-1]:
            _try(tried, scenarios[one], heads)
        seen = set()
        for way, value in ways(scenario.set, content):
            key = ".".join(way)
            if key in seen:
                yield Problem("scenarios.key_twice", file, column=column, value=key)
            seen.add(key)
            if way[0] in ("scenarios", "scenario_sets", "scenario"):
                yield Problem("scenarios.of_scenarios", file, column=column, value=key)
                continue
            try:
                put(tried, way, deepcopy(value), heads)
            except UsageError as error:
                (problem,) = error.problems
                yield Problem(problem.what, file, column=column, value=key, details=problem.details)


def _try(content: dict[str, Any], scenario: Scenario, heads: Collection[str]) -> None:
    for way, value in ways(scenario.set, content):
        try:
            put(content, way, deepcopy(value), heads)
        except UsageError:
            # (What is wrong in it is said of the scenario that says it.)
            continue


def read_tables(content: Mapping[str, Any]) -> dict[str, Scenario]:
    """Return the scenarios of a content that can be read; the faults of the others are said with the model."""
    found = {}
    for name, table in entries(content.get("scenarios")).items():
        try:
            found[name] = Scenario.model_validate(table)
        except pydantic.ValidationError:
            continue
    return found


def say_value(value: Any) -> str:
    """Say a value of a model file on one line, as it is written there."""
    if value is None:
        return say("scenarios.not_said")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
