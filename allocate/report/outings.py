"""Who goes where and when, with dates and the names that people know: what calendars and printed timetables share."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, time, timedelta
from functools import cached_property
from typing import Any

from allocate.candidates import spans
from allocate.postings import MONTHS
from allocate.report.away import is_cyclic, months_there, sender_name, way_name, way_of
from allocate.report.table import clean
from allocate.words import Language, catalogue, say_in, term

Row = Mapping[str, Any]

# When a half-day begins and ends: assumed, for no document says it.
HOURS = {"am": (time(8, 30), time(11, 30)), "pm": (time(13, 30), time(16, 30))}
_WEEK = 7


class Outings:
    """A plan's tours and visits, with what people call those who go and those they go to.

    Attributes
    ----------
    tours
        Rows of the roster, in the order of the plan.
    visits
        Rows of the timetable, in the order of the plan.
    """

    def __init__(self, content: Row, language: Language) -> None:
        self.content = content
        self.language = language
        self.tours: list[Row] = content.get("roster", [])
        self.visits: list[Row] = content.get("timetable", [])

    def word(self, key: str, **values: object) -> str:
        """Return a text of the catalogue in the language of what is written."""
        return say_in(self.language, key, **values)

    @cached_property
    def until(self) -> dict[int, int]:
        """Return the last calendar year that every plan year stands for."""
        years: list[int] = self.content["years"]
        return {year: year + span - 1 for year, span in zip(years, spans(years), strict=True)}

    def says_years(self, year: int) -> str:
        """Return the calendar years that a plan year stands for, as people write them."""
        last = self.until[year]
        return str(year) if last == year else f"{year}–{last}"

    # Names: whatever has none is called by its id. Each is one line that every file can hold.

    @cached_property
    def _names(self) -> dict[str, str]:
        """Return what those who go, and the hubs and hospitals that they go to, are called, by id."""
        codes = [tour[side] for tour in self.tours for side in ("from", "to")] + [row["by"] for row in self.visits]
        return {code: sender_name(self.content, code, self.language) for code in dict.fromkeys(codes)}

    def site(self, code: str) -> str:
        """Return what a hub, a hospital or a supporter is called."""
        return _called(self._names[code] if code in self._names else self._site_names.get(code), code)

    @cached_property
    def _site_names(self) -> dict[str, str]:
        return {site["id"]: site["name"] for site in self.content["sites"]}

    def way(self, name: str) -> str:
        """Return what a way of outreach is called."""
        return _called(way_name(self.content, name, self.language), name)

    def is_monthly(self, name: str) -> bool:
        """Tell whether the timetable of a way is one of four weeks, once a month."""
        return bool(way_of(self.content, name).get("per") == "month")

    @cached_property
    def _places(self) -> dict[str, Row]:
        return {place["id"]: place for place in self.content["district_data"]["places"]}

    @cached_property
    def _towns(self) -> dict[str, Row]:
        return {town["id"]: town for town in self.content["district_data"]["towns"]}

    def place(self, visit: Row) -> Row | None:
        """Return the village that a visit goes to; nothing where it goes to a town."""
        return None if way_of(self.content, visit["way"]).get("to") == "town" else self._places.get(visit["to"])

    def stop(self, visit: Row) -> str:
        """Return what the village or town that a visit goes to is called."""
        to = self.place(visit) or self._towns.get(visit["to"]) or {}
        return _called(to.get("name"), visit["to"])

    def town(self, visit: Row) -> str:
        """Return the town of the village that a visit goes to; empty where it goes to a town."""
        place = self.place(visit)
        return _called(self._towns[place["town"]]["name"], place["town"]) if place else ""

    def team(self, visit: Row) -> str:
        """Return who goes: a team, or a post that is filled in villages, never a person."""
        key = "outing.villager" if way_of(self.content, visit["way"]).get("is_post") else "outing.team"
        return self.word(key, base=self.site(visit["by"]), team=visit["team"])

    def post(self, tour: Row) -> str:
        """Return what a post is called: its hospital, its specialty and its number, never a person."""
        rank = self._ranks.get((tour["from"], tour["pool"]))
        same = {pool for sender, specialty, pool in self._pools if (sender, specialty) == _field(tour)}
        # Posts of two pools of a field are told apart by their rank.
        specialty = _line(term(tour["specialty"], self.language))
        if rank and len(same) > 1:
            called = self.word(f"rank.{rank}") if f"rank.{rank}" in catalogue() else _line(rank)
            specialty = self.word("outing.of_rank", specialty=specialty, rank=called)
        return self.word("outing.post", sender=self.site(tour["from"]), specialty=specialty, post=tour["post"])

    @cached_property
    def _pools(self) -> set[tuple[str, str, int]]:
        return {(*_field(tour), tour["pool"]) for tour in self.tours}

    @cached_property
    def _ranks(self) -> dict[tuple[str, int], str]:
        return {(row["from"], row["pool"]): row["rank"] for row in self.content.get("postings", [])}

    @cached_property
    def _rounds(self) -> dict[tuple[Any, ...], Row]:
        return {(row["year"], row["way"], row["by"], row["to"]): row for row in self.content.get("rounds", [])}

    def round_of(self, visit: Row) -> Row:
        """Return the row of the plan's rounds that a visit belongs to: how often, how long, how far [min]."""
        return self._rounds[visit["year"], visit["way"], visit["by"], visit["to"]]

    # Dates.

    def months(self, tour: Row) -> tuple[int, ...]:
        """Return the months of its year in which a tour stands."""
        return months_there(self.content, tour)

    def stays(self, tour: Row) -> Iterator[tuple[date, date]]:
        """Yield the first day of a tour and the day after its last, in all years that its plan year stands for.

        Where the roster repeats, a tour that runs over December is one stay into the next year; before the first year
        and after the last it is cut off, for other years have rosters of their own.
        """
        year, length = tour["year"], tour["months"]
        last = self.until[year]
        if is_cyclic(self.content, year):
            begun = ((_first_of(one, tour["first_month"]), length) for one in range(year - 1, last + 1))
        else:
            begun = ((_first_of(one, tour["first_month"]), len(self.months(tour))) for one in range(year, last + 1))
        for first, months in begun:
            end = _first_of(first.year, first.month + months)
            stay = max(first, date(year, 1, 1)), min(end, date(last + 1, 1, 1))
            if stay[0] < stay[1]:
                yield stay

    def first_day(self, visit: Row) -> date:
        """Return the first day of a visit.

        Week 1 of a timetable that repeats every week begins on the first Monday of the year. A timetable of four weeks
        means the first, second, third and fourth Monday (Tuesday, ...) of every month, so that no month lacks a visit.
        """
        new_year = date(visit["year"], 1, 1)
        if self.is_monthly(visit["way"]):
            return first_weekday(new_year, visit["day"]) + timedelta(days=_WEEK * (visit["week"] - 1))
        return first_weekday(new_year, 1) + timedelta(days=visit["day"] - 1)


def group(rows: Sequence[Row], *names: str) -> dict[tuple[Any, ...], list[Row]]:
    """Return rows by some of their values, groups in the order in which they come.

    >>> group([{"a": 1, "b": 2}, {"a": 1, "b": 3}], "a")
    {(1,): [{'a': 1, 'b': 2}, {'a': 1, 'b': 3}]}
    """
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in names)].append(row)
    return dict(groups)


def first_weekday(day: date, weekday: int) -> date:
    """Return the first Monday (1) to Sunday (7) on a day or after it.

    >>> first_weekday(date(2025, 1, 1), 1)
    datetime.date(2025, 1, 6)
    """
    return day + timedelta(days=(weekday - day.isoweekday()) % _WEEK)


def _first_of(year: int, month: int) -> date:
    """Return the first day of a month; month 13 is January of the next year."""
    return date(year + (month - 1) // MONTHS, (month - 1) % MONTHS + 1, 1)


def _field(tour: Row) -> tuple[str, str]:
    return tour["from"], tour["specialty"]


def _called(name: str | None, code: str) -> str:
    """Return a name, or the id of what has none, on one line that every file format can hold."""
    return _line(name or "") or _line(code)


def _line(text: str) -> str:
    return " ".join(clean(text).split())
