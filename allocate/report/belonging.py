"""What a plan says of consortia, functions and reserves, for every output: who has what when, and what that costs."""

from collections.abc import Iterator, Mapping
from typing import Any

from allocate.counting import described
from allocate.counting import holds as holds
from allocate.words import Language, term

Content = Mapping[str, Any]


def forms_consortia(content: Content) -> bool:
    """Tell whether a plan decides who is in which consortium."""
    return described(content, "consortia", "consortia") or bool(content.get("consortia"))


def sets_up_functions(content: Content) -> bool:
    """Tell whether a plan decides who has which functions."""
    return described(content, "functions", "functions") or bool(content.get("functions"))


def holds_back(content: Content) -> bool:
    """Tell whether a plan decides what is held back."""
    return bool(content.get("reserves"))


def ability_of(content: Content, code: str) -> Content:
    """Return the settings of a function; nothing where the plan does not know it."""
    found: Content = (content["settings"].get("functions") or {}).get(code, {})
    return found


def function_name(content: Content, code: str, language: Language) -> str:
    """Return what a function is called: the model's name, else the word for its code, else the code."""
    name = ability_of(content, code).get("name")
    return str(name[language]) if name else term(code, language)


def functions_in_order(content: Content) -> list[str]:
    """Return the codes of all functions in the order of the model, then those that only the plan knows."""
    had = (row["function"] for row in content.get("functions", ()))
    return list(dict.fromkeys((*(content["settings"].get("functions") or ()), *had)))


def fresh(content: Content) -> list[Content]:
    """Return the lines of the plan's functions with which a site has something that it had not the year before.

    Who only changes the centre that it is linked to has what it had.
    """
    years, rows = content["years"], content.get("functions", ())
    ends = {(row["function"], row["id"], row["until"]) for row in rows}
    before = dict(zip(years[1:], years, strict=False))
    return [
        row
        for row in rows
        if row["since"] is not None and (row["function"], row["id"], before.get(row["since"], 0)) not in ends
    ]


def price(content: Content, row: Content) -> tuple[int, int]:
    """Return what a line of the plan's functions costs where it begins afresh, and in a calendar year [yuan]."""
    ability = ability_of(content, row["function"])
    once, yearly = ("opening", "yearly") if row["centre"] is None else ("linking", "linked_yearly")
    return ability.get(once, 0), ability.get(yearly, 0)


def members_of(content: Content) -> dict[tuple[int, str], list[Content]]:
    """Return the members of every consortium without its lead, by year and id of the lead."""
    found: dict[tuple[int, str], list[Content]] = {}
    for row in content.get("consortia", ()):
        members = found.setdefault((row["year"], row["lead"]), [])
        if row["id"] != row["lead"]:
            members.append(row)
    return found


def planned_rules(content: Content) -> Iterator[tuple[str, Content]]:
    """Yield every rule that the plan was made for by its name: what it asks, and in which years.

    A rule has the numbers of the clause that it cites where it gives none of its own. `when` holds its years.
    """
    settings = content["settings"]
    clauses = {
        clause["id"]: clause
        for document in (settings.get("documents") or {}).values()
        for clause in document.get("clauses", ())
    }
    changes = settings.get("clauses") or {}
    tables = {
        **{code: {**(one.get("rule") or {}), **changes.get(code, {}), "clause": code} for code, one in clauses.items()},
        **{
            name: {**(clauses.get(rule.get("clause"), {}).get("rule") or {}), **rule}
            for name, rule in (settings.get("rules") or {}).items()
        },
    }
    when: dict[str, list[int]] = {}
    for row in content["scorecard"]:
        if row["status"] in ("met", "missed") and row["year"] is not None:
            when.setdefault(row["rule"], []).append(row["year"])
    for name, table in tables.items():
        if name in when:
            yield name, {**table, "when": when[name]}


def function_rules(content: Content) -> Iterator[tuple[str, Content]]:
    """Yield every rule on functions that the plan was made for by its name: what it asks, and in which years."""
    return ((name, table) for name, table in planned_rules(content) if table.get("rule") == "function")
