"""What sites are worth, as the page reads it: figures in columns, of which its script makes the lines of the card."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from allocate.draw.cells import Columns, Row, append_row, in_words, rows_of
from allocate.draw.sending import Known
from allocate.report.site_cards import Cards, goal_words, is_spare, no_others
from allocate.report.summary import stage_key
from allocate.report.table import Source, clean

# One row for each decided site, and what hangs on it, by the position of that row.
_TABLES: Mapping[str, tuple[str, ...]] = {
    "worth": ("mark", "hindrance", "cost", "spare", "tried", "why_none", "draws", "longer", "others"),
    "worth_years": ("row", "year", "nearest", "fewer"),
    "worth_clauses": ("row", "rule"),
    "worth_goals": ("row", "spot", "goal", "how", "shown"),
    "worth_spots": ("row", "name", "ending", "town", "lon", "lat", "cost", "fewer", "year"),
    "worth_ways": ("row", "how", "people"),
    "worth_visits": ("row", "point", "place", "minutes", "how"),
}
WORTH_TABLES = tuple(_TABLES)
_DEGREE_DIGITS = 5
_PENALTY = "+"  # after a figure of travel that counts people whom nobody serves


def empty_worth() -> dict[str, Any]:
    """Return what a page holds of a plan that says nothing of what its sites are worth."""
    return {name: {key: [] for key in keys} for name, keys in _TABLES.items()} | {"goals": []}


def worth(plan: Row, known: Known) -> dict[str, Any]:
    """Return what every decided site is worth, in tables by the names of `WORTH_TABLES`, and the `goals` in them."""
    made = empty_worth()
    # (A plan that somebody wrote may lack what the lines follow from: then the cards go without them.)
    with suppress(LookupError, TypeError, ValueError, AttributeError):
        if rows_of(plan.get("worth")):
            return _worth(Cards(Source(plan, "zh")), known)
    return made


def _worth(cards: Cards, known: Known) -> dict[str, Any]:
    made, goals = empty_worth(), dict[str, int]()
    for at, row in enumerate(row for row in cards.content["worth"] if row["id"] in cards.rows):
        code, dropped = row["id"], row["dropped"]
        farther = cards.farther(code)
        site = {
            "mark": known.marks.known(code),
            "hindrance": dropped.get("hindrance", ""),
            "cost": dropped.get("cost"),
            "spare": int("hindrance" not in dropped and is_spare(dropped)),
            "tried": row["tried"],
            "why_none": no_others(row["tried"]),
            "draws": cards.in_draws(code),
            "longer": None if farther is None else round(farther.minutes, 1),
            "others": None if farther is None else farther.people,
        }
        append_row(made["worth"], site)
        for year, people in row["nearest"].items():
            fewer = dropped.get("unserved", {}).get(year)
            append_row(made["worth_years"], {"row": at, "year": int(year), "nearest": people, "fewer": fewer})
        for rule in dropped.get("clauses", ()):
            append_row(made["worth_clauses"], {"row": at, "rule": str(rule)})
        _add_goals(cards, made["worth_goals"], goals, dropped, (at, -1))
        for other in row["others"]:
            _add_goals(cards, made["worth_goals"], goals, other, (at, len(made["worth_spots"]["row"])))
            append_row(made["worth_spots"], _spot(cards, other) | {"row": at})
        for how, people in cards.ways(code).items():
            append_row(made["worth_ways"], {"row": at, "how": how, "people": people})
        far = cards.far(code)
        for line in cards.visit(code):
            way = far if line.name == "visit_way" else None
            point = {
                "row": at,
                "point": line.name,
                "place": -1 if way is None else known.places.known(way["id"]),
                "minutes": None if way is None else round(way["minutes"], 1),
                "how": "" if way is None else way.get("how") or "",
            }
            append_row(made["worth_visits"], point)
    return made | {"goals": [[in_words("", stage_key(name)), _unit(cards, name)] for name in goals]}


def _unit(cards: Cards, goal: str) -> dict[str, str]:
    unit = cards.goal_units.get(goal, "")
    key = cards.unit_key(unit)
    return in_words("unit", unit) if key.startswith("unit.") else in_words("", key)


def _add_goals(
    cards: Cards, table: Columns, goals: dict[str, int], told: Mapping[str, Any], about: tuple[int, int]
) -> None:
    for name, more in told.get("goals", {}).items():
        unit = cards.goal_units.get(name, "")
        if unit != "yuan":
            how, shown = goal_words(more, unit)
            goal = goals.setdefault(name, len(goals))
            if more and unit == "person-seconds" and any(told["unserved"].values()):
                shown += _PENALTY
            row, spot = about
            append_row(table, {"row": row, "spot": spot, "goal": goal, "how": how, "shown": shown})


def _spot(cards: Cards, other: Mapping[str, Any]) -> dict[str, Any]:
    """Return where another spot lies, and what would be different with it."""
    spot = cards.candidates.get(other["id"]) or cards.source.standing_at.get(other["id"]) or {}
    lon, lat = spot.get("lon"), spot.get("lat")
    year, fewer = max(other["unserved"].items(), key=lambda one: (abs(one[1]), one[0]))
    town = cards.source.towns.get(spot.get("town", ""), "")
    name = clean(str(spot.get("name", other["id"])))
    # (Most names end with the kind, which is told once for all.)
    kind = in_words("kind", str(spot.get("kind")))["zh"]
    ending = kind if name.endswith(kind) else ""
    return {
        "name": name.removesuffix(ending),
        "ending": ending,
        "town": clean(town),
        "lon": None if lon is None else round(lon, _DEGREE_DIGITS),
        "lat": None if lat is None else round(lat, _DEGREE_DIGITS),
        "cost": other["cost"],
        "fewer": fewer,
        "year": int(year),
    }
