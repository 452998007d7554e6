"""Wrong postings and rounds: one message for each fault, with file, row or key, value and cure, in both languages."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import DATA, Tiny, call_allocate, copy_tiny
from sent import FILES, with_postings

from allocate import decisions
from allocate.candidates import make_case
from allocate.case import Case
from allocate.errors import AllocateError, InputError, ModelError, Problem
from allocate.estimate import write_estimate
from allocate.layout import Layout
from allocate.model import Model, changed, read_model
from allocate.outreach import half_days_of
from allocate.plans import assumptions, district_data, district_of
from allocate.postings import Carried
from allocate.read import read_district
from allocate.tables import HUB_KINDS, TABLES
from allocate.words import LANGUAGES, say, speaking


@pytest.fixture
def sending(tiny: Tiny) -> Tiny:
    return with_postings(tiny)


@pytest.fixture
def listing(tiny: Tiny) -> Tiny:
    return with_postings(tiny, *FILES)


def case_of(tiny: Tiny) -> Case:
    return make_case(read_district(tiny.folder), read_model(tiny.model))


def faults_of(tiny: Tiny) -> tuple[Problem, ...]:
    with pytest.raises((InputError, ModelError)) as caught:
        case_of(tiny)
    return caught.value.problems


def is_said_whole(problem: Problem, message: str) -> bool:
    """Tell whether a message has one line with file, row, column, value and cure of a fault."""
    (line,) = [line for line in message.splitlines() if problem.sentence() in line]
    row = "" if problem.row is None else say("problem.row", row=problem.row)
    value = "" if problem.value is None else str(problem.value)
    parts = (problem.file, row, problem.column, value)
    return all(part in line for part in parts) and line.endswith(say(problem.what, **problem.details))


# ---- what is right ----


def test_the_tables_as_they_stand_are_read(listing: Tiny) -> None:
    district = read_district(listing.folder)
    assert set(FILES) <= set(district.inputs)
    case = case_of(listing)
    (first, second, third) = case.pools
    hospital = case.site_index["hospital-1"]
    # What is blank: as many tours as fit (3 posts × 12 months in tours of 6), all months, five days, no staff asked.
    assert (first.sender, first.hospital, first.away, first.tours) == ("hospital-1", hospital, 3, 6)
    assert (first.months, first.days_per_week, first.resource) == (frozenset(range(1, 13)), 5, "doctors")
    assert (second.tours, second.months, second.resource) == (1, frozenset({1, 2, 3, 4, 5, 6, 9, 10, 11, 12}), "")
    assert (second.rank, float(second.days_per_week)) == ("senior", 3.5)
    assert (third.sender, third.hospital, third.sends_as) == ("city", -1, "tertiary_hospital")
    hub = case.site_index["hub-2"]
    assert case.carried == (Carried(0, hub, 5), Carried(0, hub, 5), Carried(2, hospital, 2))


def test_pools_of_the_table_count_instead_of_those_of_the_model(sending: Tiny) -> None:
    assert [pool.name for pool in case_of(sending).pools] == [
        ("hospital-1", "internal_medicine", "attending"),
        ("city", "nursing", "senior"),
    ]
    (sending.folder / "pools.csv").write_text(FILES["pools.csv"], encoding="utf-8")
    assert len(case_of(sending).pools) == 3
    # The model's pools are not looked at: a hospital there that there is not is no fault any more.
    sending.edit("tiny.toml", 'hospitals = ["hospital-1"]', 'hospitals = ["hospital-9"]')
    assert len(case_of(sending).pools) == 3


def test_half_days_are_closed_where_the_table_says_and_everywhere_where_the_model_says(listing: Tiny) -> None:
    district, case = read_district(listing.folder), case_of(listing)
    way = case.ways["village_rounds"]
    friday = half_days_of("fri", "pm")
    market = case.places.index("T2014")
    assert way.closed["stop", market] == friday | {(3, 0)}
    # A town's row is one for all its villages: every afternoon in T3, and Friday's is closed anyway.
    in_t3 = [i for i, place in enumerate(district.places) if place.town == "T3" and i in way.bases_of]
    assert in_t3
    assert all(way.closed["stop", i] == half_days_of("", "pm") for i in in_t3)
    base = case.site_index["hub-2"]
    assert way.closed["base", base] == friday | half_days_of("mon", "")
    assert way.closed["base", case.site_index["hub-3"]] == friday
    # The other way is closed nowhere by the model: only where the table says so.
    posts = case.ways["village_posts"]
    assert set(posts.closed) == {("base", base), ("stop", market), *(("stop", i) for i in in_t3)}


def test_a_town_that_is_visited_is_closed_as_its_row_says(listing: Tiny) -> None:
    text = (
        '[outreach.town_rounds]\nname = { zh = "镇级巡诊", en = "town rounds" }\nby = ["hospital"]\nto = "town"\n'
        'times = 1\nper = "month"\nresource = "doctors"\nmode = "car"\nminutes = 90\nbasis = "assumed"\nsource = "x."\n'
    )
    with listing.model.open("a", encoding="utf-8") as file:
        file.write(text)
    case = case_of(listing)
    assert case.ways["town_rounds"].closed == {("stop", case.towns.index("T3")): half_days_of("", "pm")}


def test_half_days_that_are_closed_are_none_that_a_team_has(sending: Tiny) -> None:
    # Nine of ten are open, and a team is out on eight of them.
    assert read_model(sending.model).outreach["village_rounds"].room == 8
    # Closed all Thursday and Friday, and Wednesday afternoon: five are left.
    sending.edit("tiny.toml", 'closed = ["fri pm"]', 'closed = ["fri", "fri am", "thu", "wed pm"]')
    assert read_model(sending.model).outreach["village_rounds"].room == 5


def test_rounds_may_be_kept_to_small_villages(sending: Tiny) -> None:
    every = case_of(sending).ways["village_rounds"]
    sending.edit("tiny.toml", "half_days_each = 8", "below_people = 426\nhalf_days_each = 8")
    case = case_of(sending)
    people = {case.places[stop]: int(case.people[stop, 0]) for stop in case.ways["village_rounds"].bases_of}
    # (T2016 and T3037 have 426 people, T2019 has 393.)
    assert "T2019" in people
    assert not people.keys() & {"T2016", "T3037"}
    assert max(people.values()) < 426
    assert len(people) < len(every.bases_of)


def test_who_comes_from_outside_goes_to_hubs_and_to_the_hospitals_that_lead_them(sending: Tiny) -> None:
    table = sending.folder / "institutions.csv"
    another = "hospital-2,北山专科医院,hospital,T2,,official,117.41,39.70,surveyed,示例\n"
    table.write_text(table.read_text(encoding="utf-8") + another, encoding="utf-8")
    case = case_of(sending)
    leading = {case.hospital_of(j) for j, site in enumerate(case.sites) if site.kind in HUB_KINDS}
    for p, pool in enumerate(case.pools):
        hospitals = {j for j in case.receivers[p] if case.sites[j].kind == "hospital"}
        assert hospitals == (leading if pool.sends_as else set())
    assert case.site_index["hospital-1"] in leading


def test_a_plan_carries_the_tables_and_gives_them_back(listing: Tiny) -> None:
    district = read_district(listing.folder)
    again = district_of({"district_data": district_data(district), "inputs": []})
    assert (again.pools, again.tours, again.sessions) == (district.pools, district.tours, district.sessions)
    assert again.pools[1].months == (1, 2, 3, 4, 5, 6, 9, 10, 11, 12)


def test_what_is_assumed_of_postings_and_rounds_is_counted(listing: Tiny) -> None:
    district, model = read_district(listing.folder), read_model(listing.model)
    counts = {(row["table"], row["basis"]): row["rows"] for row in assumptions(district, model)}
    assert counts["model.postings", "assumed"] == 1
    assert counts["model.supporters", "assumed"] == 1
    assert counts["model.outreach", "assumed"] == 2
    # The table counts, not the model's two pools; what is surveyed or official is no assumption.
    assert counts["pools", "assumed"] == 2
    assert counts["sessions", "estimated"] == counts["sessions", "assumed"] == 1
    assert not {"model.pools", "tours"} & {table for table, _ in counts}
    (listing.folder / "pools.csv").unlink()
    counts = {(row["table"], row["basis"]): row["rows"] for row in assumptions(read_district(listing.folder), model)}
    assert counts["model.pools", "assumed"] == 2


def test_postings_and_rounds_can_be_changed_on_the_command_line(sending: Tiny) -> None:
    def told(model: Model) -> tuple[int, int, int]:
        return model.pools["medicine"].away, model.outreach["village_rounds"].times, model.postings.monthly  # type: ignore[union-attr]

    changes = {"pools.medicine.away": "20", "outreach.village_rounds.times": "1", "postings.monthly": "0"}
    assert told(read_model(sending.model)) == (3, 2, 2000)
    assert told(read_model(sending.model, changes)) == (20, 1, 0)
    assert told(changed(read_model(sending.model), changes)) == (20, 1, 0)


def test_baodis_pools_and_rounds_can_be_changed_on_the_command_line() -> None:
    changes = {"pools.internal_medicine.away": "20", "outreach.village_rounds.times": "1"}
    before, after = read_model("baodi"), read_model("baodi", changes)
    assert (before.pools["internal_medicine"].away, after.pools["internal_medicine"].away) == (14, 20)
    assert (before.outreach["village_rounds"].times, after.outreach["village_rounds"].times) == (2, 1)


@pytest.mark.parametrize(
    ("key", "keys"),
    [
        ("pools.medicine.awy", "away"),
        ("postings.monthy", "monthly"),
        ("supporters.city.send_as", "sends_as"),
        ("outreach.village_rounds.timess", "times"),
    ],
)
def test_a_key_misspelt_is_told_with_the_nearest(key: str, keys: str, sending: Tiny) -> None:
    with pytest.raises(ModelError) as caught:
        read_model(sending.model, {key: "5"})
    (fault,) = caught.value.problems
    assert (fault.what, fault.column, fault.details["near"]) == ("problem.key_unknown", key, keys)


def test_a_list_that_is_estimated_keeps_the_tables_that_it_has(listing: Tiny, tmp_path: Path) -> None:
    shutil.copy(DATA / "tiny-staff" / "staff.csv", listing.folder)
    district = read_district(listing.folder)
    write_estimate(district, tmp_path / "again")
    again = read_district(tmp_path / "again")
    assert (again.pools, again.tours, again.sessions) == (district.pools, district.tours, district.sessions)
    assert again.staff == district.staff


def test_what_cannot_be_is_said_by_the_names_that_people_give(sending: Tiny) -> None:
    sending.edit("tiny.toml", "half_days_each = 8", "half_days_each = 8\nday_minutes = 60")
    case = case_of(sending)
    rounds = case.ways["village_rounds"]
    hospital, hub, closed = (case.site_index[name] for name in ("hospital-1", "hub-2", "hub-3"))
    village = rounds.stops_of[hub][0]
    # (Two hubs may visit that village, so that both can.)
    ways = {**case.ways, "village_rounds": replace(rounds, pairs={**rounds.pairs, (village, closed): 60})}
    case = replace(case, ways=ways)
    layout = Layout(
        frozenset((j, t) for j, site in enumerate(case.sites) if site.exists and j != closed for t in case.periods),
        {},
        # Tours of seven months, to a hub that is closed, more months than three posts have, and more tours than fit.
        tours={(0, 7, hub, 0): 1, (0, 6, closed, 0): 1, (0, 12, hub, 0): 4, (1, 6, hub, 0): 3},
        # From a hospital, from a hub that is closed and from another one too; without teams, cars and time.
        visits=frozenset(("village_rounds", village, j, 0) for j in (hospital, closed, hub))
        | {("village_walks", village, hub, 0)},
    )
    said: dict[str, dict[str, str]] = {}
    for language in LANGUAGES:
        with speaking(language):
            for breach in decisions.breaches(case, layout):
                said.setdefault(breach.words, {})[language] = breach.sentence()
    kinds = ("none", "closed", "away", "tours", "staff")
    assert {f"breach.posting_{kind}" for kind in kinds} <= said.keys()
    assert {f"breach.visit_{kind}" for kind in ("none", "closed", "twice", "half_days", "road")} <= said.keys()
    # Of 3 posts, 36 months: 7 + 6 + 48 are away. Of the city's, 12 months: 18.
    assert "村级巡诊" in said["breach.visit_twice"]["zh"]
    assert case.places[village] in said["breach.visit_twice"]["zh"]
    assert "village rounds" in said["breach.visit_half_days"]["en"]
    assert "柳河医院" in said["breach.posting_staff"]["zh"]
    assert "61 months" in said["breach.posting_staff"]["en"]
    assert "city (nursing)" in said["breach.posting_away"]["en"]
    assert "city（护理）" in said["breach.posting_tours"]["zh"]


# ---- tables ----

FIRST = "hospital-1,internal_medicine,attending,3,,,,doctors,assumed,a list\n"
AWAY = "hospital-1,internal_medicine,attending,hub-2,5,surveyed,a roster\n"
MARKET = "T2014,wed,am,market day,surveyed,a visit\n"
# In a file, what stands instead of which line, and the fault: its sentence, its row, its column, its value.
TABLE: dict[str, tuple[str, str, str, str, int | None, str, object]] = {
    "a pool below zero": ("pools.csv", FIRST, FIRST.replace(",3,", ",-3,"), "range", 2, "away", "-3"),
    "half an expert": ("pools.csv", FIRST, FIRST.replace(",3,", ",2.5,"), "not_whole", 2, "away", "2.5"),
    "no number of experts": ("pools.csv", FIRST, FIRST.replace(",3,", ",,"), "blank", 2, "away", None),
    "fewer tours than none": ("pools.csv", FIRST, FIRST.replace(",3,,", ",3,-1,"), "range", 2, "tours", "-1"),
    "month zero": ("pools.csv", FIRST, FIRST.replace(",3,,,", ",3,,0,"), "months", 2, "months", "0"),
    "month thirteen": ("pools.csv", FIRST, FIRST.replace(",3,,,", ",3,,1-13,"), "months", 2, "months", "1-13"),
    "months backwards": ("pools.csv", FIRST, FIRST.replace(",3,,,", ",3,,13-2,"), "months", 2, "months", "13-2"),
    "a span that a spreadsheet made a date": (
        "pools.csv", FIRST, FIRST.replace(",3,,,", ",3,,3月1日,"), "months", 2, "months", "3月1日",
    ),
    "months too few for a tour": (
        "pools.csv", FIRST, FIRST.replace(",3,,,", ',3,,"1-3,10-12",'), "pool_months", 2, "months",
        "1, 2, 3, 10, 11, 12",
    ),
    "eight days a week": (
        "pools.csv", FIRST, FIRST.replace(",,doctors", ",8,doctors"), "range", 2, "days_per_week", "8",
    ),
    "an unknown rank": ("pools.csv", FIRST, FIRST.replace("attending", "chief"), "choice", 2, "rank", "chief"),
    "a specialty that nobody knows, in Chinese": (
        "pools.csv", FIRST, FIRST.replace("internal_medicine", "内儿科"), "key_value", 2, "specialty", "内儿科",
    ),
    "a hospital that is not there": (
        "pools.csv", "hospital-1,surgery", "hospital-9,surgery", "no_sender", 3, "hospital", "hospital-9",
    ),
    "a hub that would send experts": (
        "pools.csv", "hospital-1,surgery", "hub-2,surgery", "no_hospital", 3, "hospital", "hub-2",
    ),
    "the same experts twice": (
        "pools.csv", "hospital-1,surgery,senior", "hospital-1,internal_medicine,attending", "pool_twice", 3, "",
        "hospital-1 · internal_medicine · attending",
    ),
    "staff that the model does not know": ("pools.csv", "doctors", "docters", "choice", 2, "resource", "docters"),
    "staff of which hospitals have none": ("pools.csv", "doctors", "gps", "resource_posts", 2, "resource", "gps"),
    "staff of somebody outside": (
        "pools.csv", "city,nursing,senior,1,,,,", "city,nursing,senior,1,,,,doctors", "pool_outside", 4, "resource",
        "doctors",
    ),
    "experts who are away and of whom nobody knows": (
        "tours.csv", "city,nursing", "city,surgery", "tour_pool", 4, "hospital", "city · surgery · senior",
    ),
    "more away than can be": (
        "tours.csv", "city,nursing,senior,hospital-1,2",
        "city,nursing,senior,hub-2,2,surveyed,x\ncity,nursing,senior,hub-2,2",
        "tour_away", 5, "", "city · nursing · senior",
    ),
    "a hub that is not there": ("tours.csv", AWAY, AWAY.replace("hub-2", "hub-9"), "unknown_code", 2, "hub", "hub-9"),
    "a hub that is a clinic": (
        "tours.csv", AWAY, AWAY.replace("hub-2", "old-clinic"), "no_hub", 2, "hub", "old-clinic",
    ),
    "a district's expert at a hospital": (
        "tours.csv", AWAY, AWAY.replace("hub-2", "hospital-1"), "no_hub", 2, "hub", "hospital-1",
    ),
    "until month zero": ("tours.csv", AWAY, AWAY.replace(",5,", ",0,"), "range", 2, "until", "0"),
    "until month thirteen": ("tours.csv", AWAY, AWAY.replace(",5,", ",13,"), "range", 2, "until", "13"),
    "an unknown day": ("sessions.csv", MARKET, MARKET.replace("wed", "sun"), "choice", 2, "day", "sun"),
    "an unknown half": ("sessions.csv", MARKET, MARKET.replace(",am", ",noon"), "choice", 2, "half", "noon"),
    "somewhere that is nowhere": (
        "sessions.csv", MARKET, MARKET.replace("T2014", "T9"), "unknown_code", 2, "where", "T9",
    ),
    "a hub that may never leave": (
        "sessions.csv", "hub-2,mon,", "hub-2,,", "sessions_none_left", 4, "where", "hub-2",
    ),
    "a village closed by itself in the morning and with its town in the afternoon": (
        "sessions.csv", "T2014,wed,am", "T3027,,am", "sessions_none_left", 2, "where", "T3027",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_every_fault_of_the_tables_is_named_with_its_row_its_value_and_its_cure(name: str, listing: Tiny) -> None:
    file, old, new, what, row, column, value = TABLE[name]
    if what not in ("tour_away", "tour_pool", "no_hub") and file == "pools.csv":
        # (Those who are away are looked up among the pools.)
        (listing.folder / "tours.csv").unlink()
    listing.edit(file, old, new)
    for language in LANGUAGES:
        with speaking(language):
            (fault,) = faults_of(listing)
            assert (fault.what, fault.file, fault.row) == (f"problem.{what}", file, row)
            assert (fault.column, fault.value) == (column, value)
            assert is_said_whole(fault, str(InputError([fault])))


def test_a_tour_that_began_before_does_not_last_longer_than_a_tour(listing: Tiny) -> None:
    listing.edit("tiny.toml", "months = [6, 12]", "months = [3, 6]")
    listing.edit("tours.csv", AWAY, AWAY.replace(",5,", ",7,"))
    (fault,) = faults_of(listing)
    assert (fault.what, fault.row, fault.column, fault.value) == ("problem.tour_long", 2, "until", 7)
    assert fault.details["months"] == 6


def test_nobody_is_still_away_in_a_month_in_which_the_pool_may_not_be(listing: Tiny) -> None:
    # The nurse is away until the end of February, and her pool may have nobody away in January.
    listing.edit("pools.csv", "city,nursing,senior,1,,,", 'city,nursing,senior,1,,"2-12",')
    for language in LANGUAGES:
        with speaking(language):
            (fault,) = faults_of(listing)
            assert (fault.what, fault.file, fault.row) == ("problem.tour_closed", "tours.csv", 4)
            assert (fault.column, fault.value) == ("until", 2)
            assert fault.details == {"pool": "city · nursing · senior", "months": "1"}
            assert is_said_whole(fault, str(InputError([fault])))


def test_tours_that_a_cyclic_roster_would_pass_over_are_refused(listing: Tiny) -> None:
    listing.edit("tiny.toml", "cyclic = false", "cyclic = true")
    (fault,) = faults_of(listing)
    assert (fault.what, fault.file, fault.details["file"]) == ("problem.tours_cyclic", "tours.csv", "tiny.toml")


def test_a_tour_may_run_over_the_new_year_only_where_years_repeat(listing: Tiny) -> None:
    (listing.folder / "tours.csv").unlink()
    listing.edit("pools.csv", FIRST, FIRST.replace(",3,,,", ',3,,"1-3,10-12",'))
    (fault,) = faults_of(listing)
    assert fault.what == "problem.pool_months"
    listing.edit("tiny.toml", "cyclic = false", "cyclic = true")
    assert len(case_of(listing).pools) == 3


def test_tables_that_the_model_does_not_look_at_are_told_and_refuse_nothing(tiny: Tiny) -> None:
    for name, text in FILES.items():
        (tiny.folder / name).write_text(text.replace("\nhospital-1,", "\nhospital-9,"), encoding="utf-8")
    case = case_of(tiny)
    assert (case.pools, case.carried, case.ways) == ((), (), {})
    done = call_allocate(tiny.folder.parent, "--language", "en", "check", tiny.model)
    assert done.returncode == 0
    for name in FILES:
        assert [name in line and "is not used" in line for line in done.stdout.splitlines()].count(True) == 1


def test_everything_wrong_in_model_and_tables_together_is_one_message(listing: Tiny) -> None:
    listing.edit("pools.csv", "hospital-1,surgery", "hub-2,surgery")
    listing.edit("tours.csv", AWAY, AWAY.replace("hub-2", "old-clinic"))
    listing.edit("sessions.csv", "hub-2,mon,", "hub-2,,")
    listing.edit("tiny.toml", 'listed = ["T2014"]', 'listed = ["T2014", "T1001", "T9"]')
    assert [(fault.what, fault.file) for fault in faults_of(listing)] == [
        ("problem.no_hospital", "pools.csv"),
        ("problem.no_hub", "tours.csv"),
        ("problem.sessions_none_left", "sessions.csv"),
        ("problem.no_village", "tiny.toml"),
        ("problem.no_village", "tiny.toml"),
    ]


def test_wrong_postings_are_one_message_without_a_traceback_and_nothing_is_written(tmp_path: Path) -> None:
    tiny = with_postings(copy_tiny(tmp_path), *FILES)
    tiny.edit("pools.csv", FIRST, FIRST.replace(",3,", ",-3,"))
    for verb in ("check", "plan"):
        for language, words in (("en", "row 2 · column away"), ("zh", "第 2 行 · 列 away")):
            done = call_allocate(tmp_path, "--language", language, verb, tiny.model)
            assert (done.returncode, done.stdout) == (2, "")
            assert words in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny", "tiny.toml"]


# ---- the model ----

MEDICINE = 'hospitals = ["hospital-1"]'
ROUNDS = 'resource = "round_teams"'
CARS = 'vehicles = "cars"'
BY = 'by = ["township_hospital"]'
OR_BY = 'or_by = ["village_rounds", "village_posts"]'
POSTINGS = '[postings]\nmonths = [6, 12]\ncyclic = false\nmonthly = 2_000\nbasis = "assumed"\nsource = "made up"\n'
SUPPORTER = 'name = { zh = "市里的医院", en = "a hospital of the city" }'
# What stands in the model instead of what, and the fault: its sentence, its key, its value and a word of the cure.
MODEL: dict[str, tuple[str, str, str, str, object, str]] = {
    "a pool below zero": ("away = 3", "away = -3", "key_value", "pools.medicine.away", -3, "the least is 0"),
    "fewer tours than none": (
        "away = 3", "away = 3\ntours = -1", "key_value", "pools.medicine.tours", -1, "least is 0",
    ),
    "a pool of nobody's": (MEDICINE, "hospitals = []", "key_value", "pools.medicine.hospitals", None, "empty"),
    "a hospital that is not there": (
        MEDICINE, 'hospitals = ["hospital-9"]', "no_sender", "pools.medicine.hospitals", "hospital-9",
        "hospital-1, city",
    ),
    "a hub that would send experts": (
        MEDICINE, 'hospitals = ["hospital-1", "hub-1"]', "no_hospital", "pools.medicine.hospitals", "hub-1",
        "hospital-1, city",
    ),
    "the same hospital twice": (
        MEDICINE, 'hospitals = ["hospital-1", "hospital-1"]', "pool_again", "pools.medicine",
        "hospital-1 · internal_medicine · attending", "make one",
    ),
    "month zero": ("away = 3", "away = 3\nmonths = [0, 1]", "key_value", "pools.medicine.months.0", 0, "least is 1"),
    "month thirteen": (
        "away = 3", "away = 3\nmonths = [1, 13]", "key_value", "pools.medicine.months.1", 13, "limit is 12",
    ),
    "no month": ("away = 3", "away = 3\nmonths = []", "key_value", "pools.medicine.months", None, "empty"),
    "a month twice": ("away = 3", "away = 3\nmonths = [5, 5]", "key_value", "pools.medicine.months", None, "once"),
    "months too few for a tour": (
        "away = 3", "away = 3\nmonths = [1, 2]", "pool_months", "pools.medicine.months", "1, 2", "shorter tours",
    ),
    "a tour of thirteen months": (
        "months = [6, 12]", "months = [13]", "key_value", "postings.months.0", 13, "limit is 12",
    ),
    "a rank that there is not": (
        'rank = "senior"', 'rank = "chief"', "key_value", "pools.city_nursing.rank", "chief", "attending",
    ),
    "a specialty that is no name": (
        'specialty = "nursing"', 'specialty = "护理"', "key_value", "pools.city_nursing.specialty", "护理",
        "small letters",
    ),
    "a sender that there is not": (
        'sends_as = "tertiary_hospital"', 'sends_as = "clinic"', "key_value", "supporters.city.sends_as", "clinic",
        "city_group",
    ),
    "staff that there is not": (
        'resource = "doctors"', 'resource = "docters"', "choice", "pools.medicine.resource", "docters", "doctors",
    ),
    "staff of which hospitals have none": (
        'resource = "doctors"', 'resource = "gps"', "resource_posts", "pools.medicine.resource", "gps", "hospital",
    ),
    "staff of somebody outside": (
        'specialty = "nursing"', 'specialty = "nursing"\nresource = "doctors"', "pool_outside",
        "pools.city_nursing.resource", "doctors", "leave out",
    ),
    "a supporter that sends nobody": (
        "[pools.medicine]", '[supporters.idle]\n' + SUPPORTER + '\nsends_as = "city_group"\nbasis = "assumed"\n'
        'source = "made up"\n\n[pools.medicine]', "supporter_idle", "supporters.idle", "idle", "take it away",
    ),
    "a supporter with the id of an institution": (
        "[supporters.city]", '[supporters.hub-1]\n' + SUPPORTER + '\nsends_as = "city_group"\nbasis = "assumed"\n'
        'source = "made up"\n\n[supporters.city]', "supporter_id", "supporters.hub-1", "hub-1", "another name",
    ),
    "a base that is none of the kinds that send": (
        BY, f'{BY}\nonly = ["hospital-1"]', "choice", "outreach.village_rounds.only", "hospital-1", "hub-",
    ),
    "a team without half-days": (
        "half_days_each = 8", "half_days_each = 0", "key_value", "outreach.village_rounds.half_days_each", 0,
        "more than 0",
    ),
    "a team that may never go": (
        'closed = ["fri pm"]', 'closed = ["mon", "tue", "wed", "thu", "fri am", "fri pm"]', "key_value",
        "outreach.village_rounds", None, "leave one",
    ),
    "more visits than half-days": (
        "times = 2\nhalf_days_each", "times = 9\nhalf_days_each", "key_value", "outreach.village_rounds", None,
        "fewer visits",
    ),
    "a half-day that there is not": (
        'closed = ["fri pm"]', 'closed = ["sun am"]', "key_value", "outreach.village_rounds.closed.0", "sun am",
        "mon, tue, wed",
    ),
    "rounds of nobody": (
        ROUNDS, 'resource = "teams"', "choice", "outreach.village_rounds.resource", "teams", "round_teams",
    ),
    "rounds of a sum": (
        ROUNDS, 'resource = "all_doctors"', "choice", "outreach.village_rounds.resource", "all_doctors", "round_teams",
    ),
    "rounds from where the teams have no posts": (
        BY, 'by = ["township_hospital", "community_centre"]', "resource_posts", "outreach.village_rounds.resource",
        "round_teams", "community_centre",
    ),
    "vehicles that there are not": (
        CARS, 'vehicles = "bikes"', "choice", "outreach.village_rounds.vehicles", "bikes", "cars",
    ),
    "a team that is its own vehicle": (
        CARS, 'vehicles = "round_teams"', "outreach_twice", "outreach.village_rounds.vehicles", "round_teams",
        "outreach.village_rounds.resource",
    ),
    "a team that is in two ways": (
        'resource = "sitters"', 'resource = "round_teams"', "outreach_twice", "outreach.village_posts.resource",
        "round_teams", "outreach.village_rounds.resource",
    ),
    "a vehicle that is in two ways": (
        'resource = "sitters"', 'resource = "sitters"\nvehicles = "cars"', "outreach_twice",
        "outreach.village_posts.vehicles", "cars", "outreach.village_rounds.vehicles",
    ),
    "a way to travel that there is not": (
        'mode = "car"\nminutes = 40\nclosed', 'mode = "boat"\nminutes = 40\nclosed', "choice",
        "outreach.village_rounds.mode", "boat", "car",
    ),
    "a visit that there is not": (
        OR_BY, 'or_by = ["village_round"]', "choice", "rules.every_village.or_by", "village_round", "village_rounds",
    ),
    "visits that count for more than a place": (
        'scope = "place"\nor_by', 'scope = "town"\nor_by', "key_value", "rules.every_village", None, "place by place",
    ),
    "a village that is not there": (
        'listed = ["T2014"]', 'listed = ["T9"]', "no_village", "rules.listed_rounds.listed", "T9", "T1009",
    ),
    "a community where only villages have rounds": (
        'listed = ["T2014"]', 'listed = ["T1001"]', "no_village", "rules.listed_rounds.listed", "T1001", "kind village",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MODEL)
def test_every_fault_of_the_model_is_named_with_its_key_its_value_and_its_cure(name: str, sending: Tiny) -> None:
    old, new, what, key, value, cure = MODEL[name]
    sending.edit("tiny.toml", old, new)
    for language in LANGUAGES:
        with speaking(language):
            (fault,) = faults_of(sending)
            assert (fault.what, fault.file, fault.column, fault.value) == (
                f"problem.{what}", "tiny.toml", key, value,
            )  # fmt: skip
            assert is_said_whole(fault, str(ModelError([fault])))
            assert language != "en" or cure in fault.sentence()


def test_a_part_of_staff_that_another_way_uses_is_no_other_staff(sending: Tiny) -> None:
    sending.edit("tiny.toml", 'resource = "sitters"', 'resource = "doctors"')
    sending.edit("tiny.toml", ROUNDS, 'resource = "gps"')
    (fault,) = faults_of(sending)
    assert (fault.what, fault.column, fault.value) == (
        "problem.outreach_twice", "outreach.village_posts.resource", "doctors",
    )  # fmt: skip


def test_a_team_and_those_it_is_made_of_do_not_go_in_two_ways(sending: Tiny) -> None:
    # A team takes a general practitioner, who is a doctor: nobody sits in a village and makes rounds in one half-day.
    sending.edit("tiny.toml", "at = { township_hospital = 2, hospital = 2 }", "at = { township_hospital = 2 }")
    sending.edit("tiny.toml", "[resources.cars]", "needs = { gps = 1 }\n\n[resources.cars]")
    for resource in ("gps", "doctors"):
        sending.edit("tiny.toml", 'resource = "sitters"', f'resource = "{resource}"')
        (fault,) = faults_of(sending)
        assert (fault.what, fault.column, fault.value) == (
            "problem.outreach_twice", "outreach.village_posts.resource", resource,
        )  # fmt: skip
        assert fault.details["other"] == "outreach.village_rounds.resource"
        sending.edit("tiny.toml", f'half_days = 2\nresource = "{resource}"', 'half_days = 2\nresource = "sitters"')


def test_two_teams_of_the_same_staff_are_two_teams(sending: Tiny) -> None:
    # Whoever is in one team is in no other: the plan sees to it.
    teams = "needs = { doctors = 1 }\n\n[resources.cars]"
    sending.edit("tiny.toml", "[resources.cars]", teams)
    sending.edit("tiny.toml", "[resources.all_doctors]", "needs = { doctors = 1 }\n\n[resources.all_doctors]")
    assert case_of(sending).claims("doctors", case_of(sending).site_index["hub-2"]) == {"round_teams": 1, "sitters": 1}


def test_a_model_in_which_nobody_can_be_sent_and_nobody_be_reached_says_so(sending: Tiny) -> None:
    sending.edit("tiny.toml", "away = 3", "away = 0")
    sending.edit("tiny.toml", "away = 1", "away = 0")
    # No village lies within a minute's walk of a community centre.
    sending.edit("tiny.toml", 'by = ["township_hospital"]\nis_post', 'by = ["community_centre"]\nis_post')
    sending.edit("tiny.toml", 'mode = "car"\nminutes = 40\nbasis', 'mode = "walk"\nminutes = 1\nbasis')
    sending.edit("tiny.toml", "at = { township_hospital = 9 }", "at = { township_hospital = 9, community_centre = 9 }")
    for language, words in (("en", ("nobody can be sent", "reaches nobody")), ("zh", ("没有人可派", "一处也到不了"))):
        done = call_allocate(sending.folder.parent, "--language", language, "check", sending.model)
        assert done.returncode == 0
        for key, word in zip(("postings", "outreach.village_posts"), words, strict=True):
            (line,) = [line for line in done.stdout.splitlines() if word in line]
            assert key in line


def test_pools_and_supporters_of_a_model_that_posts_nobody_are_refused(sending: Tiny) -> None:
    sending.edit("tiny.toml", POSTINGS, "")
    for language in LANGUAGES:
        with speaking(language):
            faults = faults_of(sending)
            assert [(fault.what, fault.column) for fault in faults] == [
                ("problem.no_postings", "pools"),
                ("problem.no_postings", "supporters"),
            ]
            assert all(is_said_whole(fault, str(ModelError([fault]))) for fault in faults)


def test_the_village_posts_of_a_town_do_not_count_as_a_place_served(sending: Tiny) -> None:
    # A way to towns counts towns: as a place its index would be another one.
    sending.edit("tiny.toml", "is_post = true", 'is_post = true\nto = "town"')
    (fault,) = faults_of(sending)
    assert (fault.what, fault.value, fault.details["choices"]) == ("problem.choice", "village_posts", "village_rounds")


def test_the_tables_are_among_those_that_a_folder_may_have() -> None:
    assert set(FILES) <= {table.file for table in TABLES if not table.needed}


def test_a_model_without_faults_has_none(listing: Tiny) -> None:
    try:
        case_of(listing)
    except AllocateError as error:
        pytest.fail(str(error))
