"""Consortia, functions and reserves written by hand into the small district's plan: every figure can be counted."""

import copy
from collections.abc import Mapping
from typing import Any

Content = dict[str, Any]

CONSORTIA = {"mode": "car", "opening": 100_000, "yearly": 20_000, "basis": "assumed", "source": "made up"}
FUNCTIONS: Mapping[str, Mapping[str, Any]] = {
    "imaging": {
        "name": {"zh": "影像中心", "en": "imaging centre"}, "at": ["hospital"], "within": "consortium",
        "serves": ["community_centre", "township_hospital"], "opening": 900_000, "yearly": 100_000,
        "linking": 30_000, "linked_yearly": 5_000, "basis": "assumed", "source": "made up",
    },
    "chest_pain_unit": {
        "name": {"zh": "胸痛救治单元", "en": "chest-pain unit"}, "at": ["community_centre", "township_hospital"],
        "opening": 80_000, "yearly": 10_000, "basis": "estimated", "source": "made up",
    },
    "tcm_corner": {
        "name": {"zh": "中医阁", "en": "TCM corner"}, "at": ["station", "clinic"], "opening": 9_000, "yearly": 1_000,
        "basis": "assumed", "source": "made up",
    },
    "gp_department": {
        "name": {"zh": "全科医学科", "en": "department of general practice"}, "at": ["hospital"], "types": ["general"],
        "basis": "assumed", "source": "made up",
    },
    "expert": {
        "name": {"zh": "有专家派驻", "en": "expert posted"}, "at": ["community_centre", "township_hospital"],
        "posted_by": "district", "basis": "assumed", "source": "made up",
    },
}  # fmt: skip
RULES: Mapping[str, Mapping[str, Any]] = {
    "imaging_by_half": {
        "rule": "function", "functions": ["imaging"], "kinds": ["township_hospital"], "share": 0.5,
        "scope": "consortium",
    },
    "units": {
        "rule": "function", "functions": ["chest_pain_unit"], "at_least": 1,
        "kinds": ["community_centre", "township_hospital"],
    },
}  # fmt: skip
# In 2025 hospital-1 leads hub-1 and hub-2, and hub-3 is in none; in 2027 hospital-2 leads hub-3. Year, lead, member,
# people, minutes, and the hospital above it today.
JOINED = (
    (2025, "hospital-1", "hub-1", 16_480, 1, "hospital-1"), (2025, "hospital-1", "hub-2", 9_333, 19, "hospital-2"),
    (2027, "hospital-1", "hub-1", 16_480, 1, "hospital-1"), (2027, "hospital-1", "hub-2", 9_333, 19, "hospital-2"),
    (2027, "hospital-2", "hub-3", 8_968, 2, None),
)  # fmt: skip
# Function, site, since, until, centre. The link of hub-1 goes over to hospital-2 in 2027, which costs nothing.
HAD = (
    ("imaging", "hospital-1", None, None, None), ("imaging", "hospital-2", 2027, None, None),
    ("imaging", "hub-1", None, 2025, "hospital-1"), ("imaging", "hub-1", 2027, None, "hospital-2"),
    ("imaging", "hub-2", 2025, None, "hospital-1"), ("chest_pain_unit", "hub-2", 2027, None, None),
    ("tcm_corner", "old-station", 2025, None, None), ("gp_department", "hospital-1", None, None, None),
    ("expert", "hub-1", 2025, 2025, None),
)  # fmt: skip
# Once: a link of 30,000 and a corner of 9,000; then a centre of 900,000 and a unit of 80,000. Each year: one centre,
# two links and the corner; then one more centre and the unit. A consortium is formed in each of the two years.
MONEY = {
    2025: {"functions": 39_000, "functions_yearly": 111_000, "consortia": 100_000, "consortia_yearly": 20_000},
    2027: {"functions": 980_000, "functions_yearly": 221_000, "consortia": 100_000, "consortia_yearly": 40_000},
}


def with_belonging(plan: Mapping[str, Any]) -> Content:
    """Return a copy of the small district's plan with a second hospital, two consortia, functions and reserves."""
    content: Content = copy.deepcopy(dict(plan))
    district = content["district_data"]
    for rows in (district["institutions"], content["sites"]):
        (hospital,) = [row for row in rows if row["id"] == "hospital-1"]
        rows.append(
            hospital | {"id": "hospital-2", "name": "石桥中医医院", "town": "T3", "lon": 117.4462, "type": "tcm"}
        )
    for row in district["institutions"]:
        row["type"] = {"hospital-1": "general", "hospital-2": "tcm"}.get(row["id"])
    district["functions"] = [
        {
            "institution": "hospital-1",
            "function": "imaging",
            "basis": "official",
            "source": "x",
            "centre": "",
            "row": 2,
        },
    ]
    content["settings"] |= {"consortia": dict(CONSORTIA), "functions": copy.deepcopy(dict(FUNCTIONS))}
    content["settings"]["rules"] |= {
        name: {**rule, "strength": "must", "basis": "assumed", "source": "made up"} for name, rule in RULES.items()
    }
    line = content["scorecard"][0]
    content["scorecard"] += [
        line | {"rule": name, "year": year, "status": "met", "indicator": "indicator.function"}
        for name, year in (("imaging_by_half", 2025), ("imaging_by_half", 2027), ("units", 2027))
    ]
    content["consortia"] = []
    for year, lead in dict.fromkeys(row[:2] for row in JOINED):
        about = {"year": year, "lead": lead}
        content["consortia"].append({**about, "id": lead, "people": 0, "minutes": 0, "before": None})
        content["consortia"] += [
            {**about, "id": code, "people": people, "minutes": minutes, "before": before}
            for of, its, code, people, minutes, before in JOINED
            if (of, its) == (year, lead)
        ]
    content["functions"] = [dict(zip(("function", "id", "since", "until", "centre"), row, strict=True)) for row in HAD]
    content["reserves"] = [
        {"year": year, "id": code, "resource": "beds", "number": number, "reserved": reserved}
        for year in content["years"]
        for code, number, reserved in (("hospital-1", 35, 7), ("hospital-2", 20, 3))
    ]
    for row in content["budget"]:
        money = MONEY[row["year"]]
        capital, recurrent = (money[f"functions{end}"] + money[f"consortia{end}"] for end in ("", "_yearly"))
        row |= {**money, "capital": row.get("capital", row["opening"]) + capital}
        row["recurrent"] = row.get("recurrent", row["yearly"]) + recurrent
        row["total"] += capital + recurrent * row["calendar_years"]
    return content
