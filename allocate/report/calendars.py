"""Rosters and timetables as iCalendar (RFC 5545): what calendars on telephones and in offices open."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from json import dumps
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, Timezone, TimezoneStandard, vRecur

from allocate.report.file_names import id_mark, name_part
from allocate.report.outings import HOURS, Outings, Row, group
from allocate.words import Language

# (All of China has the time of Shanghai, without summer time since 1991.)
ZONE = ZoneInfo("Asia/Shanghai")
_OFFSET = timedelta(hours=8)
_SINCE = datetime(1991, 9, 15)
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR")
_PRODUCT = "-//allocate//calendars//{}"
# How every file is called: what it is, a name for people, the id; what files cannot be called is left out.
_FILE = re.compile(r"(rounds-\d+|postings-from|postings-to)-[\w-]+\.ics")


def is_calendar(name: str) -> bool:
    """Tell whether a file bears the name of a calendar of ours."""
    return _FILE.fullmatch(name) is not None


def calendars(content: Mapping[str, Any], language: Language) -> dict[str, bytes]:
    """Return the calendars of a plan by the name of their file; none where it sends nobody anywhere.

    One for each base of rounds and plan year, one for each hub that experts are posted to, one for each hospital that
    posts them. A tour has the same UID in both of its files, so that whoever opens both sees it once. The same plan
    gives the same bytes.
    """
    outings = Outings(content, language)
    made: dict[str, bytes] = {}
    for (year, base), visits in sorted(group(outings.visits, "year", "by").items()):
        title = outings.word("outing.rounds_of", base=outings.site(base), years=outings.says_years(year))
        made[_file(f"rounds-{year}", outings.site(base), base)] = _calendar(
            outings, title, (_visit(outings, visit) for visit in visits), has_hours=True
        )
    for side, way in (("to", "postings-to"), ("from", "postings-from")):
        for (site,), tours in sorted(group(outings.tours, side).items()):
            title = outings.word(f"outing.tours_{side}", site=outings.site(site))
            events = chain.from_iterable(_stays(outings, tour) for tour in tours)
            made[_file(way, outings.site(site), site)] = _calendar(outings, title, events)
    return made


def _calendar(outings: Outings, title: str, events: Iterable[Event], *, has_hours: bool = False) -> bytes:
    calendar = Calendar()
    calendar.add("prodid", _PRODUCT.format(outings.language.upper()))
    calendar.add("version", "2.0")
    # (The one of RFC 7986, and the older one that programs still read.)
    calendar.add("name", title)
    calendar.add("x-wr-calname", title)
    if has_hours:
        calendar.add_component(_zone())
    for event in events:
        calendar.add_component(event)
    made: bytes = calendar.to_ical()
    return made


def _zone() -> Timezone:
    """Return the time zone: written out, so that its bytes do not depend on the tables of the computer."""
    zone, standard = Timezone(), TimezoneStandard()
    zone.add("tzid", str(ZONE))
    standard.add("dtstart", _SINCE)
    standard.add("tzoffsetfrom", _OFFSET)
    standard.add("tzoffsetto", _OFFSET)
    zone.add_component(standard)
    return zone


def _visit(outings: Outings, visit: Row) -> Event:
    """Return a half-day of a team as an event that repeats every week, or every month, as long as its plan year stands.

    Public holidays are not left out.
    """
    first = outings.first_day(visit)
    begin, end = (datetime.combine(first, hour, ZONE) for hour in HOURS[visit["half"]])
    # (The end of repeats is in UTC where the event names a zone.)
    over = datetime.combine(date(outings.until[visit["year"]] + 1, 1, 1), begin.min.time(), ZONE).astimezone(UTC)
    until = over - timedelta(seconds=1)
    weekday = _WEEKDAYS[visit["day"] - 1]
    if outings.is_monthly(visit["way"]):
        rule = vRecur(freq="MONTHLY", byday=f"{visit['week']}{weekday}", until=until)
    else:
        rule = vRecur(freq="WEEKLY", byday=weekday, until=until)
    way, stop, team = outings.way(visit["way"]), outings.stop(visit), outings.team(visit)
    key = ("visit", *(visit[name] for name in ("year", "way", "by", "team", "week", "day", "half")))
    event = _event(outings, key, outings.word("outing.visit", way=way, team=team, stop=stop))
    event.add("dtstart", begin)
    event.add("dtend", end)
    event.add("rrule", rule)
    event.add("location", " ".join(filter(None, (outings.town(visit), stop))))
    monthly = "outing.month_note" if outings.is_monthly(visit["way"]) else "outing.week_note"
    event.add("description", f"{outings.word(monthly)}\n{outings.word('outing.hours_note')}")
    return event


def _stays(outings: Outings, tour: Row) -> Iterator[Event]:
    """Yield the stays of a tour as events of whole days, which leave those who see them free."""
    key = ("tour", *(tour[name] for name in ("year", "from", "pool", "post", "first_month")))
    for begin, end in outings.stays(tour):
        name = outings.word("outing.tour", post=outings.post(tour), hub=outings.site(tour["to"]))
        event = _event(outings, (*key, begin.isoformat()), name)
        event.add("dtstart", begin)
        event.add("dtend", end)
        event.add("transp", "TRANSPARENT")
        event.add("location", outings.site(tour["to"]))
        event.add("description", outings.word("outing.tour_note", years=outings.says_years(tour["year"])))
        yield event


def _event(outings: Outings, key: tuple[object, ...], name: str) -> Event:
    """Return an event whose UID names what it is about, and so stays the same when the plan is made again."""
    about = (outings.content["district"], outings.content["model"], *key)
    event = Event()
    event.add("uid", str(uuid5(NAMESPACE_URL, dumps(about))))
    event.add("dtstamp", datetime.fromisoformat(outings.content["as_of"]).replace(tzinfo=UTC))
    event.add("summary", name)
    return event


def _file(kind: str, name: str, code: str) -> str:
    """Return the name of a file, which no two ids share: neither where letters are lost nor where case is not told."""
    parts = (kind, name_part(name) if name != code else "", name_part(code), id_mark(code))
    return "-".join(filter(None, parts)) + ".ics"
