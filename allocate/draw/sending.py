"""Who is posted where, and who visits whom on which half-days, as the page reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from allocate.draw.cells import (
    Columns,
    Index,
    Row,
    append_row,
    as_basis,
    as_number,
    as_text,
    as_whole,
    by_text,
    in_both,
    in_words,
    rows_of,
)
from allocate.outreach import DAYS, HALVES, WEEKS
from allocate.report.away import months_there, posts_away, supported, tours_made
from allocate.tables import HALF_NAMES

# Reasons that the page gives anyway: the site in reach, and what the next best way would cost more.
_GIVEN = ("why_near", "why_cheaper")
# How else a place could be served.
_CHOICES = ("own", "neighbour", "posted", "rounds", "none")
# Of more places and years than these, the page says so only where no site serves most people.
_MANY_CHOICES = 20_000
_AT_SITES = ("own", "neighbour")
_TOUR_NUMBERS = ("year", "pool", "months")


@dataclass(frozen=True)
class Known:
    """What the page knows by its position already; stops that nobody has listed become places."""

    places: Index
    towns: Index
    marks: Index
    resources: Index

    def stop(self, code: object) -> int:
        """Return the position of a village, or, below 0, -1 less that of a town."""
        town = self.towns.known(code)
        return -1 - town if town >= 0 and self.places.known(code) < 0 else self.places.of(code)


def called(plan: Row) -> list[Any]:
    """Return the ids of the sites between which somebody goes: some may stand in no other table."""
    visits = [row.get("by") for name in ("rounds", "timetable") for row in rows_of(plan.get(name))]
    tours = [row.get("to") for name in ("postings", "roster") for row in rows_of(plan.get(name))]
    care = [row.get("next_by") for row in rows_of(plan.get("care"))]
    return [code for code in (*visits, *tours, *care) if code is not None]


def sending(plan: Row, years: Sequence[int], known: Known) -> dict[str, Any]:
    """Return postings and rounds: tables in columns, and lists of what their positions stand for."""
    sound = _sound(plan, years)
    ways, senders, specialties, ranks = Index(), Index(), Index(), Index()
    settings: Row = sound["settings"]
    for code in sorted(by_text(settings.get("outreach"))):
        ways.of(code)
    rounds, visits = _rounds(plan, years, ways, known)
    tours = _tours(sound, senders, specialties, ranks, known)
    reasons = Index()
    care = _care(plan, years, known, reasons)
    return {
        "ways": [_way(by_text(settings.get("outreach")).get(code), code, known) for code in ways.position],
        "rounds": rounds,
        "visits": visits,
        # What those are called who are no site of the plan, else nothing, and the site.
        "senders": [_sender(code, settings, known) for code in senders.position],
        "specialties": [in_words("term", code) for code in specialties.position],
        "ranks": [in_words("rank", code) for code in ranks.position],
        "tours": tours,
        "support": _support(sound, known) if posts_away(sound) else {},
        "remote": [[row["year"], known.marks.known(row["id"]), *_stands_in(row)] for row in sound["remote"]],
        "choices": list(_CHOICES),
        # The sentences that say why, filled in from the columns of `care`.
        "care": care,
        "reasons": [in_words("", code) for code in reasons.position],
    }


def _sound(plan: Row, years: Sequence[int]) -> dict[str, Any]:
    """Return the postings of a plan without the rows that lack what they are about."""

    def numbered(name: str, numbers: Sequence[str], *others: str) -> list[Row]:
        rows = [row for row in rows_of(plan.get(name)) if all(row.get(key) is not None for key in others)]
        return [row for row in rows if row.get("year") in years and all(type(row.get(key)) is int for key in numbers)]

    return {
        "years": list(years),
        "settings": plan.get("settings") or {},
        "postings": numbered("postings", (*_TOUR_NUMBERS, "tours"), "from", "to"),
        "roster": numbered("roster", (*_TOUR_NUMBERS, "first_month"), "from", "to"),
        "remote": numbered("remote", ("year",), "id", "with"),
        "sites": [
            {**site, "people": [year for year in by_text(site.get("people")) if as_whole(year) in years]}
            for site in rows_of(plan.get("sites"))
            if site.get("id") is not None and site.get("kind") is not None
        ],
    }


def _way(way: Any, code: str, known: Known) -> dict[str, Any]:
    """Return what a way of outreach is called, and the half-days that one of those who go has in its period."""
    settings: Row = way if isinstance(way, Mapping) else {}
    weeks, each = WEEKS.get(as_text(settings.get("per")), 1), as_whole(settings.get("half_days_each", DAYS * HALVES))
    return {
        "name": in_both(settings.get("name") or code),
        "post": settings.get("is_post") is True,
        "weeks": weeks,
        "room": each * weeks if settings and each is not None else None,
        "resource": known.resources.known(settings.get("resource")),
    }


def _rounds(plan: Row, years: Sequence[int], ways: Index, known: Known) -> tuple[Columns, Columns]:
    """Return who visits whom, and of each of these the half-days on which a team is out.

    Slots count the halves of a week: 0 is Monday morning, 9 Friday afternoon. Half-days of which nobody can say the day
    are left out; one of a visit that stands nowhere else makes it known.
    """
    rounds: Columns = {key: [] for key in ("year", "way", "mark", "stop", "times", "half_days", "minutes", "basis")}
    visits: Columns = {key: [] for key in ("round", "team", "week", "slot")}
    at: dict[tuple[Any, ...], int] = {}

    def position(row: Row) -> int:
        about = tuple(row.get(key) for key in ("year", "way", "by", "to"))
        if about not in at:
            at[about] = len(at)
            numbers = {key: as_whole(row.get(key)) for key in ("year", "times", "half_days")}
            ends = {"mark": known.marks.known(row.get("by")), "stop": known.stop(row["to"])}
            more = {"minutes": as_number(row.get("minutes")), "basis": as_basis(row.get("basis"))}
            append_row(rounds, numbers | ends | more | {"way": ways.of(row.get("way"))})
        return at[about]

    for row in _going(plan, "rounds", years):
        position(row)
    for row in _going(plan, "timetable", years):
        team, week, day = (as_whole(row.get(key)) for key in ("team", "week", "day"))
        if None not in (team, week) and day is not None and row.get("half") in HALF_NAMES:
            slot = HALVES * (day - 1) + HALF_NAMES.index(row["half"])
            append_row(visits, {"round": position(row), "team": team, "week": week, "slot": slot})
    return rounds, visits


def _going(plan: Row, table: str, years: Sequence[int]) -> list[Row]:
    return [row for row in rows_of(plan.get(table)) if row.get("year") in years and row.get("to") is not None]


def _tours(sound: Row, senders: Index, specialties: Index, ranks: Index, known: Known) -> Columns:
    """Return every tour; of those that the roster has no months for, `first` is empty and they are never there."""
    keys = ("year", "sender", "specialty", "rank", "post", "mark", "first", "months", "there", "carried")
    columns: Columns = {key: [] for key in keys}
    rank_of = {row["pool"]: as_text(row.get("rank")) for row in sound["postings"]}
    for tour in tours_made(sound):
        first = tour["first_month"]
        months = () if first is None else months_there(sound, tour)
        row = {
            "year": tour["year"],
            "sender": senders.of(tour["from"]),
            "specialty": specialties.of(tour.get("specialty")),
            "rank": ranks.of(rank_of.get(tour["pool"])),
            "post": as_whole(tour.get("post")),
            "mark": known.marks.known(tour["to"]),
            "first": first,
            "months": tour["months"],
            # A bit for each month: 1 for January, 2 for February, 4 for March, ...
            "there": sum(1 << (month - 1) for month in months),
            "carried": int(bool(tour.get("carried"))),
        }
        append_row(columns, row)
    return columns


def _sender(code: str, settings: Row, known: Known) -> list[Any]:
    supporter = by_text(settings.get("supporters")).get(code)
    at = known.marks.known(code)
    name = supporter.get("name") if isinstance(supporter, Mapping) else None
    return [in_both(name or ("" if at >= 0 else code)), at]


def _support(sound: Row, known: Known) -> dict[str, dict[str, str]]:
    """Return by year and by position of the hub how it is supported."""
    found: dict[str, dict[str, str]] = {}
    for (hub, year), support in supported(sound).items():
        at = known.marks.known(hub)
        if at >= 0:
            found.setdefault(str(year), {})[str(at)] = support
    return found


def _stands_in(row: Row) -> list[Any]:
    """Return the rule for which remote consultation stands in, and what it is done with."""
    return [as_text(row.get("rule")), in_words("term", as_text(row["with"]))]


def _care(plan: Row, years: Sequence[int], known: Known, reasons: Index) -> Columns:
    """Return why every place is served as it is, and the next best way: -1 where there is no other.

    What fills in the reason stands in columns of its own, `say.` and its name.
    """
    rows = [row for row in rows_of(plan.get("care")) if row.get("year") in years]
    rows = [row for row in rows if known.places.known(row.get("id")) >= 0]
    if len(rows) > _MANY_CHOICES:
        rows = [row for row in rows if row.get("how") not in _AT_SITES]
    given = [as_text(row.get("why")).removeprefix("care.").startswith(_GIVEN) for row in rows]
    details = [{} if is_given else by_text(row.get("details")) for row, is_given in zip(rows, given, strict=True)]
    columns: Columns = {key: [] for key in ("year", "place", "why", "next", "mark", "cost")}
    for row, is_given in zip(rows, given, strict=True):
        choice = row.get("next")
        told = {
            "year": row["year"],
            "place": known.places.known(row["id"]),
            "why": -1 if is_given else reasons.of(row.get("why")),
            "next": _CHOICES.index(choice) if choice in _CHOICES else -1,
            "mark": known.marks.known(row.get("next_by")),
            "cost": as_whole(row.get("next_cost")),
        }
        append_row(columns, told)
    for name in sorted({name for figures in details for name in figures}):
        cells = [figures.get(name) for figures in details]
        numbers = [as_number(cell) for cell in cells]
        is_text = any(number is None and cell is not None for number, cell in zip(numbers, cells, strict=True))
        columns[f"say.{name}"] = [as_text(cell) for cell in cells] if is_text else numbers
    return columns
