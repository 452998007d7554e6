"""The tables of who is posted where and who visits whom: for hubs, for hospitals, for villages and for teams."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from allocate.postings import MONTHS
from allocate.report.away import (
    months_there,
    posts_away,
    say_months,
    sender_name,
    supported,
    tours_made,
    visits_made,
    way_name,
    way_of,
)
from allocate.report.table import DISTRICT, Field, Sheet, Source, make_sheet
from allocate.tables import DAY_NAMES, HALF_NAMES
from allocate.tours import YEAR
from allocate.words import catalogue

# All of them, in the order in which a planner reads them.
SENDING_SHEETS = (
    "care", "postings_by_hub", "postings_by_hospital", "roster", "fits", "rounds", "timetable", "timetable_by_team",
    "readings",
)  # fmt: skip
# A month in which somebody is there; and one of those who were there before the year began.
_THERE, _CARRIED = "●", "○"
_TOUR = ("sender", "specialty", "rank", "post", "months", "month_count", "carried", "basis", "sender_id")


def sending_sheets(source: Source) -> Iterator[Sheet]:
    """Yield the tables of postings and rounds that a plan has: one that decides neither has none."""
    posts, visits = posts_away(source.content), visits_made(source.content)
    makers: tuple[tuple[Callable[[Source], Sheet], bool], ...] = (
        (_care, (posts or visits) and "care" in source.content),
        (_by_hub, posts),
        (_by_hospital, posts),
        (_roster, posts),
        (_fits, bool(source.content.get("fits"))),
        (_rounds, visits),
        (_timetable, visits),
        (_by_team, visits),
        (_readings, bool(source.content.get("readings"))),
    )
    return (make(source) for make, is_there in makers if is_there)


def _at(source: Source, code: str, name: str) -> dict[str, Any]:
    """Return the cells that say where a site stands, the site under a name of its own."""
    town = source.standing_at[code]["town"]
    return {name: source.site(code), f"{name}_id": code, "town": source.towns[town], "town_id": town}


def _tours(source: Source) -> list[dict[str, Any]]:
    """Return a record per tour: first those of the roster, then those that it has no months for."""
    content = source.content
    pools = {row["pool"]: row for row in content.get("postings", ())}
    found = []
    for tour in tours_made(content):
        said, marks = None, {}
        if tour["first_month"] is not None:
            said = say_months(tour["first_month"], tour["months"], source.language)
            marks = dict.fromkeys(months_there(content, tour), _CARRIED if tour["carried"] else _THERE)
        found.append({**tour, "said": said, "marks": marks})
    return [_tour(source, tour, pools.get(tour["pool"], {})) for tour in found]


def _tour(source: Source, tour: Mapping[str, Any], pool: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{f"month_{month}": tour["marks"].get(month) for month in YEAR},
        **_at(source, tour["to"], "hub"),
        "year": tour["year"],
        "sender": sender_name(source.content, tour["from"], source.language),
        "sender_id": tour["from"],
        "specialty": tour["specialty"],
        "rank": pool.get("rank"),
        "post": tour["post"],
        "months": tour["said"],
        "month_count": tour["months"],
        "carried": "yes" if tour["carried"] else "no",
        "basis": pool.get("basis"),
        "first": tour["first_month"] or MONTHS + 1,
    }


def _tour_order(tour: Mapping[str, Any]) -> tuple[Any, ...]:
    post = tour["post"]
    return tour["sender_id"], tour["specialty"], post is None, post or 0, tour["first"], tour["hub_id"]


_TOUR_FIELDS = {
    field.name: field
    for field in (
        Field("sender", "text"), Field("specialty", "code", "term"), Field("rank", "code", "rank"),
        Field("post", "whole"), Field("months", "text"), Field("month_count", "whole"),
        Field("carried", "code", "proven"), Field("basis", "code", "basis"), Field("sender_id", "id"),
    )
}  # fmt: skip


def _by_hub(source: Source) -> Sheet:
    """Return, by year and hub, who is posted there and when; a hub where nobody is has a line that says so."""
    fields = [
        Field("year", "year"), Field("hub", "text"), Field("town", "text"), Field("support", "code", "support"),
        *(_TOUR_FIELDS[name] for name in _TOUR[:-2]), Field("remote_for", "text"), _TOUR_FIELDS["basis"],
        Field("hub_id", "id"), Field("town_id", "id"), Field("sender_id", "id"),
    ]  # fmt: skip
    remote: dict[tuple[str, int], list[str]] = {}
    for row in source.content.get("remote", ()):
        said = source.word("roster.remote", rule=row["rule"], what=source.term(row["with"]))
        remote.setdefault((row["id"], row["year"]), []).append(said)
    tours: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for tour in sorted(_tours(source), key=_tour_order):
        tours.setdefault((tour["hub_id"], tour["year"]), []).append(tour)
    support = supported(source.content)

    def records() -> Iterator[dict[str, Any]]:
        for hub, year in sorted(support, key=lambda key: (key[1], source.standing_at[key[0]]["town"], key[0])):
            about = {
                "year": year,
                "support": support[hub, year],
                "remote_for": source.word("summary.semicolon").join(remote.get((hub, year), ())) or None,
            }
            nobody = dict.fromkeys(_TOUR) | _at(source, hub, "hub")
            yield from (tour | about for tour in tours.get((hub, year), [nobody]))

    return make_sheet("postings_by_hub", fields, records())


def _by_hospital(source: Source) -> Sheet:
    """Return the same tours by who sends, specialty and post: what every hospital must let go."""
    fields = [
        Field("year", "year"), Field("sender", "text"), *(_TOUR_FIELDS[name] for name in _TOUR[1:-2]),
        Field("hub", "text"), Field("town", "text"), _TOUR_FIELDS["basis"], Field("sender_id", "id"),
        Field("hub_id", "id"), Field("town_id", "id"),
    ]  # fmt: skip
    tours = sorted(_tours(source), key=lambda tour: (tour["year"], *_tour_order(tour)))
    return make_sheet("postings_by_hospital", fields, tours)


def _roster(source: Source) -> Sheet:
    """Return who is at which hub in which months, a column for each: to be printed."""
    fields = [
        Field("year", "year"), Field("hub", "text"), Field("town", "text"),
        *(_TOUR_FIELDS[name] for name in ("sender", "specialty", "post")),
        *(Field(f"month_{month}", "mark") for month in YEAR), _TOUR_FIELDS["basis"],
        Field("hub_id", "id"), Field("town_id", "id"), Field("sender_id", "id"),
    ]  # fmt: skip
    tours = [tour for tour in _tours(source) if tour["months"] is not None]
    tours.sort(key=lambda tour: (tour["year"], tour["town_id"], tour["hub_id"], *_tour_order(tour)))
    return make_sheet("roster", fields, tours)


def _fits(source: Source) -> Sheet:
    """Return what every hub needs by specialty, and how much of it is posted there."""
    fields = [
        Field("year", "year"), Field("hub", "text"), Field("town", "text"), Field("specialty", "code", "term"),
        Field("need", "share"), Field("month_count", "whole"), Field("hub_id", "id"), Field("town_id", "id"),
    ]  # fmt: skip

    def record(row: Mapping[str, Any]) -> dict[str, Any]:
        return {**row, **_at(source, row["hub"], "hub"), "month_count": row["months"]}

    lines = sorted(source.content["fits"], key=lambda row: (row["year"], row["hub"], -row["need"], row["specialty"]))
    return make_sheet("fits", fields, map(record, lines))


def _base(source: Source, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the cells that say who goes, and in which way."""
    return {
        "way": way_name(source.content, row["way"], source.language),
        "way_id": row["way"],
        "base": source.site(row["by"]),
        "base_id": row["by"],
    }


def _stop(source: Source, code: str) -> dict[str, Any]:
    """Return the cells that say where they go: a village, or a town."""
    place = source.places.get(code)
    town = place["town"] if place else code
    name = place["name"] if place else source.towns[town]
    return {"name": name, "id": code if place else None, "town": source.towns[town], "town_id": town}


def _people(source: Source) -> Counter[tuple[str, int]]:
    """Return the people of every place and town, by id and year."""
    people: Counter[tuple[str, int]] = Counter()
    for row in source.content["places"]:
        people[row["id"], row["year"]] += row["people"]
    for row in source.content["ledger"]:
        if row["scope"] != DISTRICT:
            people[row["scope"], row["year"]] += row["people"]
    return people


def _rounds(source: Source) -> Sheet:
    """Return who visits which village or town, how often, and how long the way is."""
    fields = [
        Field("year", "year"), Field("way", "text"), Field("base", "text"), Field("name", "text"),
        Field("town", "text"), Field("people", "whole"), Field("times", "whole"), Field("per", "code", "term"),
        Field("half_days", "whole"), Field("one_way", "minutes"), Field("way_by", "code", "way_by"),
        Field("basis", "code", "basis"), Field("way_id", "id"), Field("base_id", "id"), Field("id", "id"),
        Field("town_id", "id"),
    ]  # fmt: skip
    people = _people(source)

    def record(row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **row,
            **_base(source, row),
            **_stop(source, row["to"]),
            "people": people[row["to"], row["year"]],
            "one_way": row["minutes"],
            "way_by": row.get("how"),
        }

    return make_sheet("rounds", fields, map(record, source.content.get("rounds", ())))


def _week(source: Source, row: Mapping[str, Any]) -> str:
    """Return in which week of the month a team is out; in every one where the way counts by the week."""
    return str(row["week"]) if way_of(source.content, row["way"]).get("per") == "month" else "every"


def _timetable(source: Source) -> Sheet:
    """Return a line for every half-day on which a team is out."""
    fields = [
        Field("year", "year"), Field("way", "text"), Field("base", "text"), Field("team", "whole"),
        Field("week", "code", "week"), Field("day", "code", "field"), Field("half", "code", "half"),
        Field("name", "text"), Field("town", "text"), Field("way_id", "id"), Field("base_id", "id"), Field("id", "id"),
        Field("town_id", "id"),
    ]  # fmt: skip

    def record(row: Mapping[str, Any]) -> dict[str, Any]:
        week, day = _week(source, row), DAY_NAMES[row["day"] - 1]
        return {**row, **_base(source, row), **_stop(source, row["to"]), "week": week, "day": day}

    return make_sheet("timetable", fields, map(record, sorted(source.content.get("timetable", ()), key=_when)))


def _when(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return *_team(row), row["day"], HALF_NAMES.index(row["half"])


def _team(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["year"], row["way"], row["by"], row["team"], row["week"]


def _by_team(source: Source) -> Sheet:
    """Return the week of every team: a line for the mornings, one for the afternoons, and a column for every day."""
    fields = [
        Field("year", "year"), Field("way", "text"), Field("base", "text"), Field("team", "whole"),
        Field("week", "code", "week"), Field("half", "code", "half"), *(Field(day, "text") for day in DAY_NAMES),
        Field("way_id", "id"), Field("base_id", "id"),
    ]  # fmt: skip
    stops: dict[tuple[Any, ...], dict[tuple[str, str], list[str]]] = {}
    heads: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for row in sorted(source.content.get("timetable", ()), key=_when):
        at = DAY_NAMES[row["day"] - 1], row["half"]
        heads.setdefault(_team(row), row)
        stops.setdefault(_team(row), {}).setdefault(at, []).append(_stop(source, row["to"])["name"])
    comma = source.word("summary.comma")
    lines = (
        {
            **row,
            **_base(source, row),
            "week": _week(source, row),
            "half": half,
            # (Two in one half-day are wrong, and are shown as they are.)
            **{day: comma.join(stops[team].get((day, half), ())) or None for day in DAY_NAMES},
        }
        for team, row in heads.items()
        for half in HALF_NAMES
    )
    return make_sheet("timetable_by_team", fields, lines)


def _readings(source: Source) -> Sheet:
    """Return how many villages every reading of a clause on rounds asks to visit, and what that takes."""
    fields = [
        Field("year", "year"), Field("rule", "id"), Field("reading", "code", "which"),
        Field("planned", "code", "proven"), Field("villages", "whole"), Field("visited", "whole"),
        Field("half_days_week", "measure"), Field("teams_needed", "whole"), Field("teams", "whole"),
    ]  # fmt: skip

    def record(row: Mapping[str, Any]) -> dict[str, Any]:
        return {**row, "planned": "yes" if row["is_rule"] else "no", "half_days_week": row["half_days"]}

    return make_sheet("readings", fields, map(record, source.content["readings"]))


def _care(source: Source) -> Sheet:
    """Return how every place is served, why, and what the next best way would cost."""
    fields = [
        Field("year", "year"), Field("name", "text"), Field("kind", "code", "kind"), Field("town", "text"),
        Field("people", "whole"), Field("how", "code", "how"), Field("by_name", "text"), Field("why_so", "text"),
        Field("next", "code", "how"), Field("next_by_name", "text"), Field("next_cost", "yuan"),
        Field("basis", "code", "basis"), Field("id", "id"), Field("town_id", "id"), Field("by_id", "id"),
        Field("next_by_id", "id"),
    ]  # fmt: skip
    people = _people(source)
    # (Where no site is planned, the spot at which one could stand has a name as well.)
    spots = {one["id"]: one["name"] for one in source.content.get("candidates", ())}

    def record(row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **row,
            **_stop(source, row["id"]),
            "kind": source.places[row["id"]]["kind"],
            "people": people[row["id"], row["year"]],
            "by_name": source.site(row["by"]),
            "by_id": row["by"],
            "why_so": _why(source, row),
            "next_by_name": spots.get(row["next_by"]) or source.site(row["next_by"]),
            "next_by_id": row["next_by"],
        }

    return make_sheet("care", fields, map(record, source.content["care"]))


def _why(source: Source, row: Mapping[str, Any]) -> str | None:
    """Return why a place is served as it is, in words; a reason that the catalogue does not know stands as it is."""
    why = row["why"]
    return source.word(why, **row.get("details", {})) if why in catalogue() else why
