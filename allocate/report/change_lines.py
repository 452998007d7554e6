"""What the lines of the change log have in common: where something changes, and which clauses are on it."""

from collections.abc import Callable, Mapping
from typing import Any

from allocate.report.belonging import planned_rules
from allocate.report.table import Source

Line = dict[str, Any]
Rule = Mapping[str, Any]


class Log:
    """What the lines of a change log ask of a plan.

    Attributes
    ----------
    before
        The plan year before each but the first.
    standing
        Ids of the institutions that stand today.
    serves
        Whom each site serves, by its id and the year [persons].
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.content = source.content
        self.settings = source.content["settings"]
        self.before = dict(zip(source.years[1:], source.years, strict=False))
        self.standing = {one["id"] for one in source.district["institutions"]}
        self._rules = list(planned_rules(source.content))
        self.serves = {
            (site["id"], int(year)): people for site in self.content["sites"] for year, people in site["people"].items()
        }

    def at(self, code: str) -> Line:
        """Return the cells that say which site it is, and where."""
        site = self.source.standing_at[code]
        town = site["town"]
        return {
            "id": code,
            "name": site["name"],
            "kind": site["kind"],
            "town": self.source.towns[town],
            "town_id": town,
        }

    def is_first(self, year: int) -> bool:
        """Tell whether a year is the plan's first: what was before is today."""
        return year == self.source.years[0]

    def clauses(self, year: int, wanted: Callable[[Rule], bool]) -> str | None:
        """Return the clauses, or else the rules, on a matter that hold in a year."""
        names = (rule.get("clause") or name for name, rule in self._rules if year in rule["when"] and wanted(rule))
        return self.source.word("summary.comma").join(dict.fromkeys(names)) or None

    def joined(self, *parts: str | None) -> str | None:
        """Return remarks as one; None where there is none."""
        return self.source.word("summary.semicolon").join(part for part in parts if part) or None

    def counted(self, number: int, unit: str) -> str:
        """Return a number with its unit."""
        return self.source.word("change.counted", number=number, unit=self.source.word(f"unit.{unit}"))


def contract_price(prices: Mapping[str, Any], row: Mapping[str, Any]) -> int:
    """Return what a contract with a care home costs in a calendar year [yuan]."""
    return int(prices.get("yearly", 0) + prices.get("yearly_per_bed", 0) * row["beds"])
