"""The table of sites: what to do where, when, and why."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from allocate.words import both, say_in


def headings(years: Sequence[int]) -> list[str]:
    """Return the headings in both languages."""
    fixed = ["year", "action", "id", "name", "kind", "town", "lon", "lat", "basis"]
    people = [both("sites.people", year=year) for year in years]
    return [both(f"sites.{name}") for name in fixed] + people + [both("sites.cost"), both("sites.reason")]


def site_rows(content: Mapping[str, Any]) -> Iterator[list[object]]:
    """Yield one row per site and action, by year, town and id."""
    towns = {town["id"]: town["name"] for town in content["district_data"]["towns"]}
    for site in sorted(content["sites"], key=lambda s: (s["year"], s["town"], s["id"])):
        yield [
            site["year"],
            both(f"action.{site['action']}"),
            site["id"],
            site["name"],
            both(f"kind.{site['kind']}"),
            towns[site["town"]],
            site["lon"],
            site["lat"],
            both(f"basis.{site['basis']}"),
            *(site["people"].get(str(year), 0) for year in content["years"]),
            site["cost"],
            reason(site, content["years"]),
        ]


def reason(site: Mapping[str, Any], years: Sequence[int]) -> str:
    """Say in both languages why a site is in the plan."""
    if site["action"] == "close":
        return both("sites.why_close")
    last = str(years[-1])
    people, alone = site["people"].get(last, 0), site["only_site_of"].get(last, 0)
    chinese = say_in("zh", "sites.why", year=last, people=people, alone=alone)
    english = say_in("en", "sites.why", year=last, people=people, alone=alone)
    return f"{chinese} · {english}"
