"""Postings and rounds written by hand into the small district's plan: every figure of their tables can be counted."""

import copy
from collections.abc import Mapping
from typing import Any

Content = dict[str, Any]

# The hospital, the centre hub-1 in T1, and the township hospitals hub-2 in T2 and hub-3 in T3. One supporter is outside
# the district. In 2025 hub-1 has somebody all the year, hub-2 two of half a year one after the other, hub-3 nobody from
# October to March. In 2027 hub-2 has one who stays over the New Year and one who is there from the year before, until
# March; hub-3 has nobody, and remote consultation stands in; one tour has no months yet.
POOLS = (("hospital-1", "internal_medicine", "attending"), ("city", "tcm", "associate_senior"))
TOURS = ((2025, 0, "hub-1", 12, 1), (2025, 0, "hub-2", 6, 2), (2025, 1, "hub-3", 6, 1))
TOURS += ((2027, 0, "hub-1", 12, 1), (2027, 0, "hub-2", 6, 1), (2027, 1, "hub-2", 6, 1))
# Year, pool, post, hub, first month, months, and of how many where it began in the year before.
ROSTER = (
    (2025, 0, 1, "hub-1", 1, 12, None), (2025, 0, 2, "hub-2", 1, 6, None), (2025, 0, 2, "hub-2", 7, 6, None),
    (2025, 1, 1, "hub-3", 4, 6, None),
    (2027, 0, 1, "hub-1", 1, 12, None), (2027, 0, 2, "hub-2", 10, 6, None), (2027, 1, 1, "hub-2", 1, 3, 6),
)  # fmt: skip
# Visits: way, who goes, where to, times, per, half-days, minutes.
VILLAGE, POST, TOWN = ("village_rounds", 2, "week", 1), ("village_posts", 5, "week", 2), ("town_rounds", 1, "month", 1)
WAYS: Mapping[str, Mapping[str, Any]] = {
    "village_rounds": {"name": {"zh": "村级巡诊", "en": "village rounds"}, "per": "week"},
    "village_posts": {"name": {"zh": "派人驻村", "en": "staff posted in villages"}, "per": "week", "is_post": True},
    "town_rounds": {"name": {"zh": "镇级巡回", "en": "town rounds"}, "per": "month", "to": "town"},
}
POSTINGS_COST, OUTREACH_COST = 61_000, 8_230  # a calendar year [yuan]


def with_sending(plain: Mapping[str, Any]) -> Content:
    """Return the small district's plan with postings and rounds: one village is visited, another has staff posted."""
    content: Content = copy.deepcopy(dict(plain))
    settings = content["settings"]
    settings["postings"] = {"months": [6, 12], "cyclic": True, "basis": "assumed", "source": "made up"}
    settings["supporters"] = {"city": {"name": {"zh": "市级三级医院", "en": "a tertiary hospital"}}}
    settings["outreach"] = copy.deepcopy(dict(WAYS))
    settings["rules"]["visits"] = {"rule": "rounds", "where": "every"}
    content["postings"] = [
        {"year": year, **_pool(pool), "to": to, "months": months, "tours": number, "basis": "assumed"}
        for year, pool, to, months, number in TOURS
    ]
    content["roster"] = [
        {
            "year": year, **_pool(pool), "post": post, "to": to, "first_month": first, "months": months,
            "carried": of is not None, "of": of,
        }
        for year, pool, post, to, first, months, of in ROSTER
    ]  # fmt: skip
    for row in content["roster"]:
        del row["rank"]
    content["remote"] = [{"year": 2027, "rule": "an_expert", "id": "hub-3", "with": "nurses"}]
    homes = {place["id"]: place["town"] for place in content["district_data"]["places"]}
    content["rounds"], content["timetable"] = [], []
    for year in content["years"]:
        outside = [row for row in content["places"] if row["year"] == year and row["status"] == "out_of_range"][:2]
        for row, status, way in zip(outside, ("rounds", "posted"), (VILLAGE, POST), strict=True):
            move(content, row, status)
            _visit(content, year, way, homes[row["id"]].replace("T", "hub-"), row["id"], 7)
        _visit(content, year, TOWN, "hospital-1", "T2", 24)
    content["readings"] = [
        {
            "year": 2025, "rule": "visits", "reading": reading, "villages": villages, "visited": min(villages, 2),
            "half_days": 2 * villages, "teams_needed": -(-villages // 5), "teams": 1,
        }
        for reading, villages in (("out_of_reach", 3), ("without_own", 41), ("every", 60), ("listed", 0))
    ]  # fmt: skip
    content["fits"] = [
        {"year": 2025, "hub": "hub-3", "specialty": "tcm", "need": 0.4, "months": 6},
        {"year": 2025, "hub": "hub-3", "specialty": "paediatrics", "need": 1.0, "months": 0},
    ]
    content["care"] = list(_care(content))
    for row in content["budget"]:
        yearly = POSTINGS_COST + OUTREACH_COST
        row |= {"postings": POSTINGS_COST, "outreach": OUTREACH_COST, "capital": row["opening"]}
        row |= {"recurrent": row["yearly"] + yearly, "total": row["total"] + yearly * row["calendar_years"]}
    return content


def _pool(number: int) -> dict[str, Any]:
    sender, specialty, rank = POOLS[number]
    return {"from": sender, "specialty": specialty, "rank": rank, "pool": number}


def move(content: Content, row: dict[str, Any], status: str) -> None:
    """Put the people of a row of places into another status, wherever they are counted."""
    town = next(place["town"] for place in content["district_data"]["places"] if place["id"] == row["id"])
    for line in (*content["ledger"], *content["ledger_by_age"]):
        # (Whichever of them are old: they are counted with the largest group.)
        if (
            line["year"] == row["year"]
            and line["scope"] in ("district", town)
            and line.get("group", "aged_0_64") == "aged_0_64"
        ):
            line[row["status"]] -= row["people"]
            line[status] += row["people"]
    row |= {"status": status, "served_by": None}


def _visit(content: Content, year: int, way: tuple[str, int, str, int], by: str, to: str, minutes: int) -> None:
    """Write down a visit and its half-days: by the week from Monday on every other day, or the third week's Friday."""
    name, times, per, half_days = way
    content["rounds"].append(
        {
            "year": year, "way": name, "by": by, "to": to, "times": times, "per": per, "half_days": half_days,
            "minutes": minutes, "basis": "assumed",
        }
    )  # fmt: skip
    days = {2: (1, 3), 5: (1, 2, 3, 4, 5), 1: (5,)}[times]
    for day in days:
        for half in ("am", "pm")[:half_days]:
            out = {"week": 3 if per == "month" else 1, "day": day, "half": half}
            content["timetable"].append({"year": year, "way": name, "by": by, "team": 1, **out, "to": to})


def _care(content: Content) -> Any:
    seen = set()
    for at, row in enumerate(content["places"]):
        if (row["id"], row["year"]) in seen:
            continue
        seen.add((row["id"], row["year"]))
        by = {visit["to"]: visit["by"] for visit in content["rounds"] if visit["year"] == row["year"]}
        how = {"served": "neighbour", "out_of_range": "none"}.get(row["status"], row["status"])
        yield {
            "id": row["id"], "year": row["year"], "how": how, "by": row["served_by"] or by.get(row["id"]),
            "why": "sites.upgraded" if at == 0 else "nobody knows", "details": {"year": 2031},
            "next": "rounds" if at % 2 else None, "next_by": "hub-2" if at % 2 else None,
            "next_cost": 1_000 * at - 7 if at % 2 else None, "basis": "assumed",
        }  # fmt: skip
