"""What a plan says of postings and rounds, for every output: who is there when, and what everybody is called."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from allocate.counting import described
from allocate.postings import MONTHS
from allocate.tables import HUB_KINDS
from allocate.tours import months_of
from allocate.words import Language, say_in

Content = Mapping[str, Any]


def posts_away(content: Content) -> bool:
    """Tell whether a plan decides who is posted where."""
    return described(content, "postings", "postings") or bool(content.get("postings"))


def visits_made(content: Content) -> bool:
    """Tell whether a plan decides who visits whom."""
    return described(content, "rounds", "outreach") or bool(content.get("rounds"))


def say_months(first: int, months: int, language: Language) -> str:
    """Return the months of a tour as people write them.

    >>> say_months(1, 12, "en"), say_months(10, 6, "en"), say_months(3, 1, "en")
    ('Jan–Dec', 'Oct–Mar of the next year', 'Mar')
    """
    last = first + months - 1
    begins, ends = (say_in(language, f"field.month_{(month - 1) % MONTHS + 1}") for month in (first, last))
    if months == 1:
        return begins
    return say_in(language, "roster.span" if last <= MONTHS else "roster.over", first=begins, last=ends)


def is_cyclic(content: Content, year: int) -> bool:
    """Tell whether the roster of a year repeats: all but the first where those who are away already come first."""
    return bool(year != content["years"][0] or (content["settings"].get("postings") or {}).get("cyclic", True))


def months_there(content: Content, tour: Content) -> tuple[int, ...]:
    """Return the months of its year in which a tour of the roster stands."""
    return months_of(tour["first_month"], tour["months"], cyclic=is_cyclic(content, tour["year"]))


def tours_made(content: Content) -> list[dict[str, Any]]:
    """Return every tour: first those of the roster, then those that it has no months for: `first_month` is None."""
    left: Counter[tuple[int, int, str, int]] = Counter()
    pools = {row["pool"]: row for row in content.get("postings", ())}
    for row in content.get("postings", ()):
        left[row["year"], row["pool"], row["to"], row["months"]] += row["tours"]
    for tour in content.get("roster", ()):
        if not tour.get("carried"):
            left[tour["year"], tour["pool"], tour["to"], tour["months"]] -= 1
    found = [dict(tour) for tour in content.get("roster", ())]
    for (year, pool, to, months), number in left.items():
        if number > 0:
            sent = {"from": pools[pool]["from"], "specialty": pools[pool].get("specialty"), "pool": pool, "to": to}
            none = {"post": None, "first_month": None, "carried": False}
            found += [{"year": year, "months": months, **sent, **none}] * number
    return found


def supported(content: Content) -> dict[tuple[str, int], str]:
    """Return how every hub that is open is supported, by its id and the year.

    `resident`: an expert is there in every month; `remote`: not so, and remote consultation stands in; `part`: in some
    months; `none`: never.
    """
    there: dict[tuple[str, int], set[int]] = {}
    for tour in content.get("roster", ()):
        there.setdefault((tour["to"], tour["year"]), set()).update(months_there(content, tour))
    remote = {(row["id"], row["year"]) for row in content.get("remote", ())}
    kinds = {site["id"]: site["kind"] for site in content["sites"]}
    hubs = [
        (site["id"], int(year))
        for site in content["sites"]
        if kinds[site["id"]] in HUB_KINDS
        for year in site["people"]
    ]
    found = {}
    for key in dict.fromkeys((*hubs, *there, *remote)):
        months = len(there.get(key, ()))
        found[key] = "resident" if months == MONTHS else "remote" if key in remote else "part" if months else "none"
    return found


def sender_name(content: Content, code: str, language: Language) -> str:
    """Return what a hospital, or a supporter outside the district, is called; one that is unknown keeps its id."""
    supporter = (content["settings"].get("supporters") or {}).get(code)
    if supporter:
        return str(supporter["name"][language])
    return next((str(site["name"]) for site in content["sites"] if site["id"] == code), code)


def way_of(content: Content, code: str) -> Content:
    """Return the settings of a way of outreach; nothing where the plan does not know it."""
    found: Content = (content["settings"].get("outreach") or {}).get(code, {})
    return found


def way_name(content: Content, code: str, language: Language) -> str:
    """Return what a way of outreach is called; one that is unknown keeps its code."""
    way = way_of(content, code)
    return str(way["name"][language]) if way else code
