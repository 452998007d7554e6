"""Budget, staffing and the reach of functions by year, as the page reads them: the figures of the tables."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from allocate.draw.cells import Index, Row, as_number, as_text, as_whole, by_text, in_words, rows_of
from allocate.report.table import DISTRICT, Source
from allocate.words import LANGUAGES, say_in

# What is paid once, and its sum; what is paid in every calendar year, and its sum; and both over the calendar years.
ONCE = ("opening", "adding", "functions", "consortia")
EACH = ("yearly", "pay", "postings", "outreach", "functions_yearly", "consortia_yearly", "contracts_yearly")
SUMS = ("capital", "recurrent", "total")
# The page says the unit above the table.
_UNIT = "map.budget_unit"


def figures(plan: Row, years: Sequence[int], towns: Index) -> dict[str, Any]:
    """Return what the panel says by year."""
    return {"budget": _budget(plan, years), "staffing": _staffing(plan, years), "near": _near(plan, years, towns)}


def _budget(plan: Row, years: Sequence[int]) -> list[dict[str, Any]]:
    """Return the lines of the budget that are anything in some year: their names, yuan by year, and which are sums."""
    rows = {as_whole(row.get("year")): row for row in rows_of(plan.get("budget"))}
    lines = []
    for name in (*ONCE, "capital", *EACH, "recurrent", "total"):
        yuan = [as_number(rows.get(year, {}).get(name)) for year in years]
        if any(yuan):
            named = in_words("field", name)
            words = {language: named[language].replace(say_in(language, _UNIT), "") for language in LANGUAGES}
            lines.append({"name": words, "yuan": yuan, "sum": name in SUMS})
    return lines


def _staffing(plan: Row, years: Sequence[int]) -> list[dict[str, Any]]:
    """Return how many of each resource the district has by year, and how many today: None where nobody knows."""
    lines: list[dict[str, Any]] = []
    # (A plan that somebody wrote may lack what the totals follow from.)
    with suppress(LookupError, TypeError, AttributeError, ValueError):
        source = Source(plan, "zh")
        for row in rows_of(plan["stock"]):
            name = as_text(row["resource"])
            line = {
                "name": in_words("term", name),
                "assumed": row.get("basis") == "assumed",
                "today": as_number(row.get("number")),
                "numbers": [source.total(name, year) for year in years],
            }
            lines.append(line)
    return lines if any(any(line["numbers"]) for line in lines) else []


def _near(plan: Row, years: Sequence[int], towns: Index) -> list[dict[str, Any]]:
    """Return for every rule on the reach of a function who lives near enough, by year and by position of the town."""
    names = by_text(by_text(plan.get("settings")).get("functions"))
    found: dict[str, dict[str, Any]] = {}
    for row in rows_of(plan.get("function_reach")):
        rule, year, function = as_text(row.get("rule")), as_whole(row.get("year")), as_text(row.get("function"))
        at = "" if row.get("scope") == DISTRICT else str(towns.known(row.get("scope")))
        if year not in years or at == "-1":
            continue
        own = by_text(names.get(function)).get("name")
        told = found.setdefault(rule, {"rule": rule, "name": own or in_words("term", function), "by": {}})
        told["by"].setdefault(str(year), {})[at] = [as_whole(row.get("people")) or 0, as_whole(row.get("covered")) or 0]
    return list(found.values())
