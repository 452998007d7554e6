"""Calendars: an iCalendar library reads every tour and every half-day of the plan back, none more and none less."""

import copy
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from conftest import ROOT, call_allocate, start_python
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar, Event

from allocate.errors import UsageError
from allocate.outputs import CALENDARS, TIMETABLE_FILE, check_target, export, write_plan
from allocate.plans import Plan, to_json
from allocate.report.calendars import calendars, is_calendar
from allocate.report.outings import Outings
from allocate.sessions import HALVES
from allocate.words import LANGUAGES, Language, say_in, speaking

Content = dict[str, Any]

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAYS = ("MO", "TU", "WE", "TH", "FR")


@pytest.fixture
def content(sent_plan: Plan) -> Content:
    return copy.deepcopy(dict(sent_plan.content))


def events(made: dict[str, bytes], kind: str = "") -> Iterator[tuple[str, Event]]:
    """Yield the events of some calendars, as a library reads them, with the name of their file."""
    for name, data in made.items():
        if name.startswith(kind):
            yield from ((name, event) for event in Calendar.from_ical(data).walk("VEVENT"))


def days(event: Event) -> list[date]:
    """Return the days on which an event begins, by a library that expands its rule."""
    begin = event["DTSTART"].dt
    rule = rrulestr(event["RRULE"].to_ical().decode(), dtstart=begin)
    return [at.date() for at in rule]


def in_words(content: Content, row: Content, language: Language) -> str:
    """Return the name of a row of the timetable that no other row of the plan's period has."""
    outings = Outings(content, language)
    return outings.word("outing.visit", way=outings.way(row["way"]), team=outings.team(row), stop=outings.stop(row))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_half_day_of_the_timetable_is_read_back(language: Language, content: Content) -> None:
    found: Counter[tuple[object, ...]] = Counter()
    for name, event in events(calendars(content, language), "rounds-"):
        (weekday,) = event["RRULE"]["BYDAY"]
        frequency = event["RRULE"]["FREQ"][0]
        week = int(weekday[:-2] or 1)
        begin, end = event["DTSTART"].dt, event["DTEND"].dt
        half = {(time(8, 30), time(11, 30)): "am", (time(13, 30), time(16, 30)): "pm"}[begin.time(), end.time()]
        about = (begin.year, frequency, week, 1 + DAYS.index(weekday[-2:]), half)
        found[(name.split("-")[1], str(event["SUMMARY"]), *about)] += 1
    per = {way: table.get("per", "week") for way, table in content["settings"]["outreach"].items()}
    wanted = Counter(
        (
            str(row["year"]),
            in_words(content, row, language),
            row["year"],
            {"week": "WEEKLY", "month": "MONTHLY"}[per[row["way"]]],
            row["week"],
            row["day"],
            row["half"],
        )
        for row in content["timetable"]
    )
    assert found == wanted
    assert {frequency for _, _, _, frequency, *_ in wanted} == {"WEEKLY", "MONTHLY"}


def test_every_tour_is_read_back_at_its_hub_and_at_its_hospital(content: Content) -> None:
    made = calendars(content, "zh")
    sides = {}
    for kind in ("postings-to", "postings-from"):
        sides[kind] = Counter(
            (str(event["SUMMARY"]), event["DTSTART"].dt, event["DTEND"].dt, str(event["UID"]))
            for _, event in events(made, kind)
        )
    assert sides["postings-to"] == sides["postings-from"]
    outings = Outings(content, "zh")
    # The plan years 2025, 2027 and 2030 stand for two years, three and one.
    years = {2025: (2025, 2026), 2027: (2027, 2028, 2029), 2030: (2030,)}
    wanted: Counter[tuple[str, int, int]] = Counter()
    for row in content["roster"]:
        for year in years[row["year"]]:
            for month in range(row["first_month"], row["first_month"] + row["months"]):
                name = outings.word("outing.tour", post=outings.post(row), hub=outings.site(row["to"]))
                wanted[name, year, (month - 1) % 12 + 1] += 1
    assert months(sides["postings-to"].elements()) == wanted


def months(stays: Any) -> Counter[tuple[str, int, int]]:
    """Return the months in which stays are, each counted once, by name, year and month."""
    found: Counter[tuple[str, int, int]] = Counter()
    for name, begin, end, *_ in stays:
        assert begin.day == end.day == 1
        assert begin < end
        at = begin
        while at < end:
            found[name, at.year, at.month] += 1
            at = (at.replace(day=28) + timedelta(days=4)).replace(day=1)
    return found


def roster_of(content: Content, *tours: tuple[int, int, int]) -> None:
    """Let the roster be tours of one post: year, first month, months."""
    shared = {"from": "hospital-1", "specialty": "surgery", "pool": 0, "post": 1, "to": "hub-2"}
    content["roster"] = [
        shared | {"year": year, "first_month": first, "months": length, "carried": False, "of": None}
        for year, first, length in tours
    ]


def test_a_tour_over_december_is_one_stay_that_ends_where_another_plan_year_begins(content: Content) -> None:
    # October to March, for 2025 and 2026; 2027 has a roster of its own, and before 2025 nobody was there by this plan.
    roster_of(content, (2025, 10, 6))
    found = sorted(
        (event["DTSTART"].dt, event["DTEND"].dt) for _, event in events(calendars(content, "zh"), "postings-to")
    )
    assert found == [
        (date(2025, 1, 1), date(2025, 4, 1)),
        (date(2025, 10, 1), date(2026, 4, 1)),
        (date(2026, 10, 1), date(2027, 1, 1)),
    ]


def test_in_a_year_that_does_not_repeat_a_tour_ends_in_december(content: Content) -> None:
    content["settings"]["postings"]["cyclic"] = False
    roster_of(content, (2025, 10, 6), (2030, 10, 6))
    found = sorted(
        (event["DTSTART"].dt, event["DTEND"].dt) for _, event in events(calendars(content, "zh"), "postings-to")
    )
    # Only the first plan year takes over who is away already: 2030 repeats.
    assert found == [
        (date(2025, 10, 1), date(2026, 1, 1)),
        (date(2026, 10, 1), date(2027, 1, 1)),
        (date(2030, 1, 1), date(2030, 4, 1)),
        (date(2030, 10, 1), date(2031, 1, 1)),
    ]


@settings(max_examples=30, deadline=None)
@given(first=st.integers(1, 12), length=st.integers(1, 12), cyclic=st.booleans())
def test_the_stays_of_a_tour_are_its_months_in_every_year_that_its_plan_year_stands_for(
    first: int, length: int, cyclic: bool
) -> None:
    content = {"years": [2025, 2028], "settings": {"postings": {"cyclic": cyclic}}}
    outings = Outings(content, "en")
    tour = {"year": 2025, "first_month": first, "months": length}
    found = months(("tour", *stay) for stay in outings.stays(tour))
    in_year = {(m - 1) % 12 + 1 for m in range(first, first + length) if cyclic or m <= 12}
    assert found == {("tour", year, month): 1 for year in (2025, 2026, 2027) for month in in_year}


def a_visit(content: Content, **about: object) -> Event:
    """Return the one event of a timetable with one row."""
    row = next(row for row in content["timetable"] if row["way"] == about["way"])
    content["timetable"], content["roster"] = [row | about], []
    ((_, event),) = events(calendars(content, "en"))
    return event


def test_week_one_begins_on_the_first_monday_of_january_and_weeks_end_with_the_plan_year(content: Content) -> None:
    # 2025 begins on a Wednesday: the first Monday is the 6th, the Thursday of that week the 9th. 2025 stands for 2026
    # too, which has a Thursday more than weeks: its first and its last day.
    event = a_visit(content, year=2025, way="rounds", week=1, day=4, half="pm")
    assert event["DTSTART"].dt == datetime(2025, 1, 9, 13, 30, tzinfo=SHANGHAI)
    assert event["DTEND"].dt == datetime(2025, 1, 9, 16, 30, tzinfo=SHANGHAI)
    assert event["DTSTART"].params["TZID"] == "Asia/Shanghai"
    assert event["RRULE"]["UNTIL"] == [datetime(2026, 12, 31, 15, 59, 59, tzinfo=UTC)]
    found = days(event)
    assert (found[0], found[-1], len(found)) == (date(2025, 1, 9), date(2026, 12, 31), 51 + 53)
    assert {day.isoweekday() for day in found} == {4}


def test_a_timetable_of_four_weeks_means_the_nth_weekday_of_every_month(content: Content) -> None:
    # The fourth Tuesdays of 2025 begin with 28 January, 25 February, 25 March; each of 24 months has one.
    event = a_visit(content, year=2025, way="town", week=4, day=2, half="am")
    found = days(event)
    assert found[:3] == [date(2025, 1, 28), date(2025, 2, 25), date(2025, 3, 25)]
    assert [(day.year, day.month) for day in found] == [(y, m) for y in (2025, 2026) for m in range(1, 13)]
    assert {(day.isoweekday(), (day.day - 1) // 7 + 1) for day in found} == {(2, 4)}


@settings(max_examples=30, deadline=None)
@given(
    year=st.integers(2024, 2060),
    week=st.integers(1, 4),
    day=st.integers(1, 5),
    monthly=st.booleans(),
)
def test_the_first_day_is_one_of_the_days_of_its_rule(year: int, week: int, day: int, monthly: bool) -> None:
    per = "month" if monthly else "week"
    outings = Outings({"years": [year], "settings": {"outreach": {"w": {"per": per}}}}, "zh")
    first = outings.first_day({"year": year, "way": "w", "week": week if monthly else 1, "day": day})
    assert (first.year, first.isoweekday()) == (year, day)
    assert first.month == 1
    if monthly:
        assert (first.day - 1) // 7 + 1 == week
    else:
        monday = first - timedelta(days=day - 1)
        assert (monday.month, (monday.day - 1) // 7) == (1, 0)


def test_a_file_for_every_base_and_year_every_hub_and_every_hospital(content: Content) -> None:
    made = calendars(content, "zh")
    assert all(map(is_calendar, made))
    wanted = {("rounds", str(row["year"]), row["by"]) for row in content["timetable"]}
    wanted |= {("postings", side, row[side]) for row in content["roster"] for side in ("to", "from")}
    ids = {code for _, _, code in wanted}
    found = set()
    for name in made:
        kind, which, *rest = name.removesuffix(".ics").split("-")
        found.add((kind, which, next(code for code in ids if "-".join(rest).endswith(code))))
    assert found == wanted
    assert len(made) == len(wanted)


def test_a_calendar_says_whose_it_is_and_carries_its_time_zone(content: Content) -> None:
    for name, data in calendars(content, "en").items():
        read = Calendar.from_ical(data)
        assert (read["VERSION"], read["X-WR-CALNAME"]) == ("2.0", read["NAME"])
        zones = read.walk("VTIMEZONE")
        assert [str(zone["TZID"]) for zone in zones] == ["Asia/Shanghai"] * name.startswith("rounds-")
        assert [zone.walk("STANDARD")[0]["TZOFFSETTO"].td for zone in zones] == [timedelta(hours=8)] * len(zones)
        assert all(len(line) <= 75 for line in data.split(b"\r\n")), "lines are folded by octets"


def test_uids_are_of_one_event_and_stay_when_the_plan_changes_its_mind(content: Content) -> None:
    made = calendars(content, "zh")
    for kind in ("rounds-", "postings-to", "postings-from"):
        uids = [str(event["UID"]) for _, event in events(made, kind)]
        assert len(uids) == len(set(uids)) > 0
    stamps = {event["DTSTAMP"].dt for _, event in events(made)}
    assert stamps == {datetime.fromisoformat(content["as_of"]).replace(tzinfo=UTC)}
    # Another village on the same half-day of the same team is the same entry, changed.
    before = {str(event["UID"]): str(event["SUMMARY"]) for _, event in events(made)}
    row = content["timetable"][0]
    others = {other["to"] for other in content["timetable"] if other["way"] == row["way"]} - {row["to"]}
    row["to"] = min(others)
    after = {str(event["UID"]): str(event["SUMMARY"]) for _, event in events(calendars(content, "zh"))}
    assert after.keys() == before.keys()
    assert sum(after[uid] != before[uid] for uid in before) == 1


def test_the_same_plan_gives_the_same_bytes_in_every_process(content: Content, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(to_json(content), encoding="utf-8")
    code = (
        "import hashlib, json\n"
        "from pathlib import Path\n"
        "from allocate.draw import timetable_page\n"
        "from allocate.report.calendars import calendars\n"
        f"content = json.loads(Path({str(plan)!r}).read_text(encoding='utf-8'))\n"
        "made = calendars(content, 'zh') | {'page': timetable_page(content, 'zh').encode()}\n"
        "print(hashlib.sha256(repr(made).encode()).hexdigest())\n"
    )
    found = set()
    for seed, zone in (("0", "UTC"), ("4242", "America/New_York")):
        done = start_python(ROOT, "-c", code, PYTHONHASHSEED=seed, TZ=zone)
        assert done.returncode == 0, done.stderr
        found.add(done.stdout.strip())
    from allocate.draw import timetable_page

    made = calendars(content, "zh") | {"page": timetable_page(content, "zh").encode()}
    assert found == {hashlib.sha256(repr(made).encode()).hexdigest()}


@pytest.mark.parametrize(
    "codes", [("A", "a"), ("x/y", "x:y"), ("长" * 300 + "a", "长" * 300 + "b"), ("..", "."), ("", "-")]
)
def test_files_of_different_hubs_have_different_names_on_every_disk(codes: tuple[str, str], content: Content) -> None:
    row = content["roster"][0]
    content["roster"], content["timetable"] = [row | {"to": code} for code in codes], []
    made = calendars(content, "zh")
    assert len({name.lower() for name in made}) == len(codes) + 1
    assert all(is_calendar(name) and len(name.encode()) < 200 for name in made)


def test_names_with_signs_that_mean_something_in_a_calendar_are_read_back_as_they_are(content: Content) -> None:
    name = "卫生院,一;二\\三:四\"五'六 BEGIN:VEVENT " + "很长的名字" * 30
    for row in (*content["sites"], *content["district_data"]["institutions"]):
        row["name"] = name
    for _, event in events(calendars(content, "zh"), "postings-to"):
        assert str(event["LOCATION"]) == name
        assert str(event["SUMMARY"]).endswith(f"→ {name}")


def test_posts_of_two_ranks_of_a_field_are_told_apart(content: Content) -> None:
    roster_of(content, (2025, 1, 12))
    (row,) = content["roster"]
    content["roster"].append(row | {"pool": 1})
    content["postings"] = [row | {"pool": pool, "rank": rank} for pool, rank in enumerate(("attending", "senior"))]
    with speaking("en"):
        outings = Outings(content, "en")
    names = {outings.post(tour) for tour in content["roster"]}
    assert len(names) == 2
    assert all(say_in("en", f"rank.{rank}") in "".join(names) for rank in ("attending", "senior"))


def test_a_plan_that_sends_nobody_has_no_calendar_and_says_so(tiny_plan: Plan, tmp_path: Path) -> None:
    assert calendars(tiny_plan.content, "zh") == {}
    for language in LANGUAGES:
        for form in ("ics", "timetable"):
            with speaking(language), pytest.raises(UsageError) as caught:
                export(tiny_plan.content, form, tmp_path / "new", language)
            (line,) = str(caught.value).splitlines()[1:]
            assert form in line
            assert say_in(language, "problem.export_nobody") in line
    assert not list(tmp_path.iterdir())
    assert not {TIMETABLE_FILE, CALENDARS} & {name.split("/")[0] for name in write_plan(tiny_plan, tmp_path / "plan")}


def test_a_plan_that_sends_people_has_its_calendars_in_its_folder(sent_plan: Plan, tmp_path: Path) -> None:
    with speaking("en"):
        write_plan(sent_plan, tmp_path / "plan")
    folder = tmp_path / "plan" / CALENDARS
    found = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert found == calendars(sent_plan.content, "en") != {}
    check_target(tmp_path / "plan")
    (folder / "mine.ics").write_text("mine")
    with pytest.raises(UsageError):
        check_target(tmp_path / "plan")


def test_calendars_and_timetables_are_exported_by_the_command(sent_plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(to_json(sent_plan.content), encoding="utf-8")
    for form, name in (("ics", CALENDARS), ("timetable", TIMETABLE_FILE)):
        done = call_allocate(tmp_path, "export", ".", "--to", form, "--language", "en")
        assert (done.returncode, done.stdout.strip()) == (0, name), done.stderr
    assert {path.name for path in (tmp_path / CALENDARS).iterdir()} == set(calendars(sent_plan.content, "en"))
    assert "Monday" in (tmp_path / TIMETABLE_FILE).read_text(encoding="utf-8")
    helped = call_allocate(tmp_path, "export", "--help").stdout
    assert "ics" in helped
    assert "timetable" in helped


def test_every_half_day_has_its_hours(content: Content) -> None:
    from allocate.report.outings import HOURS

    assert tuple(HOURS) == HALVES
    assert json.dumps(content["timetable"]).count('"half"') == len(content["timetable"]) > 0
