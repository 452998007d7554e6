"""Every rule says one sentence three times: rows for the solver, a check of plain data, and a number to be seen."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from tiny import (
    GOLDEN,
    breached,
    called,
    contracts,
    every_point,
    grouped,
    layout_at,
    make,
    matches_golden,
    missed,
    render,
    rule,
    sending,
    site,
    valley,
)

from allocate.case import Case
from allocate.goals import GOALS
from allocate.layout import Layout
from allocate.rows import Strength, opened, serves
from allocate.rules import RULES
from allocate.words import catalogue

EVERY_KIND = ("clinic", "station", "township_hospital")
HUBS = ("township_hospital", "community_centre")
EXAMPLES: dict[str, list[dict[str, Any]]] = {
    "reach": [
        {"share": 0.9},
        {"share": 0.5, "scope": "town", "years": (2027,)},
        {"share": 1.0, "scope": "place", "years": (2025,)},
        # In 2027 one person lives in P3, whom station C serves, rounds from the hub, or whoever is posted there.
        {"share": 1.0, "scope": "place", "or_by": ("rounds", "posts"), "years": (2027,)},
    ],
    "capacity": [
        {"kinds": ("clinic",), "people": 2},
        {"kinds": ("station", "township_hospital"), "people": 1},
    ],
    "count": [
        {"kinds": ("clinic",), "at_most": 1},
        {"kinds": ("clinic", "station"), "at_least": 1, "at_most": 1, "scope": "town"},
        {"kinds": EVERY_KIND, "counts": "new", "at_least": 1, "at_most": 1, "years": (2027,)},
        {"kinds": EVERY_KIND, "counts": "new", "at_most": 0, "scope": "town"},
        {"kinds": ("clinic",), "at_least": 2},
    ],
    "spending": [
        {"at_most": 300},
        {"at_most": 0, "years": (2027,)},
        {"at_most": 150, "of": "capital"},
        {"at_most": 120, "of": "recurrent", "years": (2027,)},
        {"at_most": 100, "of": "recurrent", "years": (2025,)},
    ],
    "spending_share": [
        {"share": 0.3, "kinds": ("clinic",)},
        {"share": 1.0, "kinds": ("station", "township_hospital"), "years": (2027,)},
    ],
    "keep": [{"sites": ("A",)}, {"sites": ("B", "D"), "years": (2027,)}],
    "forbid": [{"sites": ("C",)}, {"sites": ("A", "B"), "years": (2025,)}],
    "named_sites": [
        {"sites": ("A", "B")},
        {"sites": ("C",), "stands": False, "years": (2025,)},
        {"sites": ("B", "D"), "year": 2026},
        {"sites": ("A",), "stands": False, "year": 2027},
    ],
    "spacing": [
        {"kinds": ("clinic", "station"), "metres": 500},
        {"kinds": EVERY_KIND, "metres": 900, "years": (2027,)},
    ],
    "rate": [
        # Five people live in the valley in 2025, four in 2027: 0.005 and 0.004 of 1,000.
        {"resource": "nurses", "per": 1000, "at_least": 300, "denominator": "unstated"},
        {"resource": "beds", "per": 10_000, "at_least": 2_600, "at_most": 9_000, "years": (2027,)},
        {"resource": "gps", "per": 1000, "at_most": 0, "years": (2025,)},
        # In 2027 three people live in T1, which has A and B, and one in T2, which has C and D.
        {"resource": "nurses", "per": 1000, "at_least": 400, "at_most": 1_500, "scope": "town", "years": (2027,)},
        {"resource": "beds", "per": 1000, "at_least": 300, "scope": "town", "setting": "rural", "years": (2027,)},
    ],
    "total": [
        {"resource": "nurses", "at_least": 5},
        {"resource": "key_specialties", "at_least": 1, "at_most": 2.5, "years": (2027,)},
        {"resource": "wards", "at_most": 0, "years": (2025,)},
    ],
    "ratio": [
        {"resource": "nurses", "to": "physicians", "at_least": 1.15, "years": (2027,)},
        {"resource": "community_gps", "to": "community_doctors", "at_least": 0.6666666666666666, "years": (2025,)},
    ],
    "site_minimum": [
        {"resource": "gps", "kinds": ("clinic",), "at_least": 2},
        {"resource": "floor_area", "kinds": EVERY_KIND, "at_least": 1.5, "years": (2027,)},
    ],
    "people_per_staff": [
        {"kinds": ("station",), "resource": "gps", "people": 2},
        # Five visits a year for one, two visits a year of each person: two people, and half a person is nobody.
        {"kinds": ("station", "township_hospital"), "resource": "nurses", "visits": 5, "visits_per_person": 2},
    ],
    "function": [
        {"functions": ("clinic_standard",), "kinds": ("clinic",), "share": 0.4},
        {"functions": ("tcm_corner", "ecg"), "kinds": ("clinic",), "share": 0.1, "years": (2025,)},
        {"functions": ("imaging", "ecg"), "kinds": ("clinic", "township_hospital"), "at_least": 2, "years": (2027,)},
        {"functions": ("imaging",), "kinds": HUBS, "share": 0.5, "scope": "consortium", "years": (2027,)},
        # (Of the hospitals only the general one is counted.)
        {"functions": ("ecg",), "kinds": ("hospital",), "types": ("general",), "share": 1.0},
        {
            "functions": ("ecg",),
            "kinds": ("hospital", "township_hospital"),
            "at_least": 2,
            "scope": "consortium",
            "years": (2025,),
        },
    ],
    "function_reach": [
        # In 2025 two people live in P1, one in P2 and two in P3; in 2027 two, one and one.
        {"function": "ems", "share": 0.6, "metres": {"urban": 400, "rural": 500}, "years": (2027,)},
        {"function": "ems", "share": 0.4, "scope": "town", "metres": {"urban": 400, "rural": 400}, "years": (2025,)},
        {"function": "ems", "share": 1.0, "scope": "place", "minutes": {"urban": 1, "rural": 1}, "mode": "car"},
        # (Of what a table lists, it alone counts, and whoever lives where a station stands.)
        {"function": "ems", "share": 0.5, "minutes": {"urban": 5, "rural": 10}, "mode": "listed", "years": (2025,)},
    ],
    "reserve": [
        {"of": ("beds",), "share": 0.2, "kinds": ("clinic",)},
        {"of": ("slots", "exams"), "share": 0.5, "kinds": ("clinic",), "years": (2025,)},
    ],
    "presence": [
        {"kinds": ("clinic", "station"), "places": ("village",), "within": "own", "share": 0.6},
        {"kinds": ("clinic",), "places": ("village", "zone"), "within": "adjoining", "years": (2027,)},
    ],
    "people_per_site": [
        # In 2025 three people live in T1 and two in T2, in 2027 three and one.
        {"kinds": ("clinic", "station"), "at_most": 2},
        {"kinds": ("clinic", "station"), "at_least": 3, "scope": "town", "years": (2025,)},
        {"kinds": EVERY_KIND, "at_least": 1, "at_most": 2, "scope": "town", "setting": "rural", "years": (2027,)},
    ],
    "change_limit": [
        {"kinds": ("clinic",), "at_most": 1},
        {"kinds": EVERY_KIND, "at_most": 0, "years": (2027,)},
    ],
    "posting": [
        {"to": ("township_hospital", "station"), "sent_by": "district", "years": (2025,)},
        {"to": ("township_hospital",), "sent_by": "lead_hospital", "scope": "town", "rank": "attending", "months": 6},
        {"to": ("township_hospital",), "sent_by": "tertiary_hospital", "scope": "district", "rank": "attending"},
        # (The nurse from the north is not there on four days.)
        {"to": ("hospital",), "sent_by": "tertiary_hospital", "at_least": 2, "days_per_week": 4, "months": 12},
        {"to": ("township_hospital",), "sent_by": "tertiary_hospital", "scope": "supporter"},
        # (There is one surgeon, and two are asked for: a screen may stand in for one of them.)
        {"to": ("township_hospital",), "sent_by": "district", "at_least": 2, "or_remote": "screens", "years": (2027,)},
    ],
    "rounds": [
        {"times": 2, "per": "week", "half_days": 1, "years": (2025,)},
        {"times": 1, "per": "week", "where": "every", "years": (2027,)},
        {"times": 2, "where": "without_own", "unless": ("clinic", "station"), "years": (2025,)},
        {"times": 3, "where": "listed", "listed": ("P3",), "half_days": 2},
        # Two people live in P3 in 2025, and one in 2027.
        {"times": 7, "where": "every", "from_people": 2, "years": (2025,)},
        {"times": 4, "per": "month", "unless": ("station",), "below_people": 2, "years": (2027,)},
        {"to": "town", "times": 1, "per": "month"},
    ],
    "membership": [
        {"kinds": HUBS, "share": 0.5, "years": (2025,)},
        {"kinds": ("hospital", "township_hospital"), "years": (2027,)},
    ],
    "consortium_size": [
        # In 2025 the hubs have 30, 20 and 10 people, in 2027 40, 20 and 10.
        {"of": "people", "at_least": 30, "years": (2027,)},
        {"of": "people", "at_most": 35, "years": (2025,)},
        {"of": "members", "at_least": 2, "at_most": 2, "years": (2025,)},
        {"of": "consortia", "at_least": 1, "at_most": 1, "years": (2025,)},
    ],
    "contracts": [
        # Of two homes with 3 and 1 beds, both may go to the hub D and the larger one to clinic A too.
        {"share": 0.5},
        {"share": 1.0, "years": (2027,)},
        {"share": 0.75, "of": "beds"},
    ],
}
# What a lead hospital sends, where the plan forms consortia: where no hospital leads a hub, nobody counts there.
BY_LEAD: list[dict[str, Any]] = [
    {"to": ("township_hospital",), "sent_by": "lead_hospital", "years": (2025,)},
    {"to": ("township_hospital",), "sent_by": "lead_hospital", "scope": "district", "months": 12, "years": (2027,)},
    {"to": ("township_hospital",), "sent_by": "lead_hospital", "scope": "supporter", "years": (2025,)},
]


def signing(**changes: Any) -> Case:
    """Return the valley with two care homes."""
    return valley(contracting=contracts([3, 1], {(0, 0): 300, (0, 3): 600, (1, 3): 60}), **changes)


# Sites that count because of what they can do, of whatever kind they are.
WITH_FUNCTION: list[dict[str, Any]] = [
    {"kinds": ("township_hospital", "ems_station"), "function": "ems", "at_most": 3, "years": (2025,)},
    {"kinds": ("clinic", "ems_station"), "function": "ems", "at_least": 5, "years": (2027,)},
]
Ground = Callable[..., Case]
# Those that speak of postings and visits need a case in which somebody goes, others one that has consortia.
GROUNDS: dict[str, Ground] = {
    **dict.fromkeys(("posting", "rounds", "reach"), sending),
    **dict.fromkeys(("function", "membership", "consortium_size"), grouped),
    "function_reach": called,
    "contracts": signing,
}
EVERY = [
    *((name, numbers, GROUNDS.get(name, valley)) for name, examples in EXAMPLES.items() for numbers in examples),
    *(("posting", numbers, grouped) for numbers in BY_LEAD),
    *(("people_per_site", numbers, called) for numbers in WITH_FUNCTION),
]
CASES = [pytest.param(*each, id=f"{each[0]}-{n}") for n, each in enumerate(EVERY)]


# Physics has no shortfall to be counted, and years in which a rule sees changes are never merged.
MERGED = [
    each
    for each in CASES
    if not (made := rule(each.values[0], **each.values[1])).sees_changes and made.strength is not Strength.PHYSICS
]


def test_every_rule_has_examples() -> None:
    assert set(EXAMPLES) == set(RULES)
    assert all(EXAMPLES.values())


@pytest.mark.parametrize(("name", "numbers", "ground"), CASES)
def test_rows_and_check_agree_on_every_plan_right_or_wrong(name: str, numbers: dict[str, Any], ground: Ground) -> None:
    case, this = ground(), rule(name, **numbers)
    rows, ties = list(this.rows(case)), list(this.ties(case))
    verdicts = set()
    for point in every_point(case, rows, ties=ties):
        layout = layout_at(point)
        found = breached(this.breaches(case, layout))
        assert missed(rows, layout, ties) == found, layout
        verdicts.add(not found)
    assert verdicts == {True, False}, "the example is never broken, or never obeyed"


@pytest.mark.parametrize(("name", "numbers", "ground"), CASES)
def test_what_the_scorecard_shows_is_off_its_target_exactly_when_there_is_a_breach(
    name: str, numbers: dict[str, Any], ground: Ground
) -> None:
    case, this = ground(), rule(name, **numbers)
    upper = {"capacity", "people_per_staff", "spending", "forbid", "spacing"}
    if "at_most" in numbers and (name == "count" or "at_least" not in numbers):
        upper |= {"count", "rate", "total", "change_limit", "consortium_size"}
    if "at_most" not in numbers:
        # So many people to a site at least are so many sites at most.
        upper |= {"people_per_site"}
    both = "at_least" in numbers and "at_most" in numbers
    for point in every_point(case, this.rows(case), ties=this.ties(case)):
        layout = layout_at(point)
        years = {part for breach in this.breaches(case, layout) for part in breach.about if isinstance(part, int)}
        for t in this.when(case):
            value, target = this.measure(case, layout, t)
            misses = value > target if name in upper else value < target
            # With two limits, one number can show only one of them.
            assert misses <= (case.years[t] in years)
            # What the closed, or those without staff, do in vain is physics, and on no scorecard.
            if not both and not this.is_physics:
                assert misses == (case.years[t] in years)


@pytest.mark.parametrize(
    ("name", "numbers", "ground"),
    # (What holds from a year on has no single years.)
    [each for each in CASES if not RULES[each.values[0]].is_physics and "year" not in each.values[1]],
)
def test_a_rule_speaks_of_its_own_years_only(name: str, numbers: dict[str, Any], ground: Ground) -> None:
    this = rule(name, **numbers | {"years": (2027,)})
    alone = [row.about for row in this.rows(ground())]
    always = [row.about for row in rule(name, **numbers | {"years": ()}).rows(ground())]
    assert alone
    assert alone == [about for about in always if 2027 in about]
    assert len(always) > len(alone)


@pytest.mark.parametrize(("name", "numbers", "ground"), MERGED)
def test_a_row_counts_once_for_every_year_that_was_merged_into_its_year(
    name: str, numbers: dict[str, Any], ground: Ground
) -> None:
    this = rule(name, **numbers | {"years": ()})
    times = {(row.about, row.times) for row in this.rows(ground(repeats=(1, 3)))}
    assert times == {(row.about, 3 if 2027 in row.about else 1) for row in this.rows(ground())}


@pytest.mark.parametrize(("name", "numbers", "ground"), CASES)
def test_a_breach_is_said_in_words_that_fill_in(name: str, numbers: dict[str, Any], ground: Ground) -> None:
    case, this = ground(), rule(name, **numbers)
    seen = set()
    for point in every_point(case, this.rows(case), ties=this.ties(case)):
        for breach in this.breaches(case, layout_at(point)):
            seen.add(breach.words)
            for text in catalogue()[breach.words].values():
                assert "{" not in text.format(**breach.details)
    assert seen
    assert set(catalogue()[this.indicator]) == {"zh", "en"}


@pytest.mark.parametrize("name", RULES)
def test_the_rows_of_a_rule_read_as_they_did(name: str) -> None:
    parts = []
    for numbers, ground in ((numbers, ground) for each, numbers, ground in EVERY if each == name):
        shown = ", ".join(f"{key} = {value!r}" for key, value in numbers.items())
        this = rule(name, **numbers)
        shown = f"\\ {shown}\n{render(name, this.rows(ground()), slack=True)}"
        ties = render(f"{name} tie", this.ties(ground()))
        parts.append(f"{shown}\n{ties}" if ties else shown)
    matches_golden(name, "\n\n".join(parts))


def test_no_golden_file_is_missing_or_left_over() -> None:
    names = [*RULES, *GOALS, "siting", "siting_life", "staffing", "ways_that_some_have"]
    assert sorted(path.name for path in GOLDEN.iterdir()) == sorted(f"{name}.txt" for name in names)


def shortfalls(name: str, case: Case, layout: Layout, **numbers: Any) -> list[tuple[int | Fraction, Fraction]]:
    """Return the shortfall and the share of every breach."""
    return [(breach.shortfall, breach.share) for breach in rule(name, **numbers).breaches(case, layout)]


def test_baodi_must_reach_650131_people() -> None:
    # The district's measures, clause 3(5) (BD-T13), ask for the 15-minute circle without a share; the model assumes
    # 90 %. The census of 2020 counts 309,040 urban and 413,327 rural residents: 722,367 people.
    # 722,367 × 0.9 = 650,130.3, and a part of a person cannot be served: 650,131 people.
    case = make([[309_040], [413_327]], [site("X")], {(0, 0): 60, (1, 0): 60})
    (row,) = rule("reach", share=0.9).rows(case)
    assert (row.bound, row.target) == (650_131, 650_131)
    open_ = frozenset({(0, 0)})
    # 309,040 + 341,090 = 650,130 people are one too few; 650,131 are enough.
    short = Layout(open_, {(0, 0, 0): 309_040, (1, 0, 0): 341_090})
    assert shortfalls("reach", case, short, share=0.9) == [(1, Fraction(1, 650_131))]
    enough = Layout(open_, {(0, 0, 0): 309_040, (1, 0, 0): 341_091})
    assert shortfalls("reach", case, enough, share=0.9) == []


def test_a_share_is_the_decimal_that_was_written_and_not_its_binary_neighbour() -> None:
    # 7 % of 100 people are 7 people; in binary numbers 0.07 × 100 is a hair above 7, which would round up to 8.
    case = make([[100]], [site("X")], {(0, 0): 60})
    assert [row.bound for row in rule("reach", share=0.07).rows(case)] == [7]


def test_a_part_of_the_district_where_nobody_lives_is_reached() -> None:
    case = make([[0], [2]], [site("X")], {(1, 0): 60}, town_of=(0, 1))
    this = rule("reach", share=1.0, scope="town")
    assert [row.about for row in this.rows(case)] == [("T2", 2025)]
    assert list(this.breaches(case, Layout(frozenset({(0, 0)}), {(1, 0, 0): 2}))) == []
    assert this.measure(case, Layout(frozenset({(0, 0)}), {(1, 0, 0): 1}), 0) == (Fraction(1, 2), 1)


def test_forty_thousand_people_need_three_stations() -> None:
    # Tianjin's layout plan (ST-16) gives a station 10,000 to 15,000 people. 40,000 ÷ 15,000 = 2.67: three stations.
    sites = [site(name, kind="station") for name in "XYZ"]
    case = make([[40_000]], sites, {(0, 0): 60, (0, 1): 60, (0, 2): 60})
    numbers = {"kinds": ("station",), "people": 15_000}
    two = Layout(frozenset({(0, 0), (1, 0)}), {(0, 0, 0): 20_000, (0, 1, 0): 20_000})
    # Each of two is 20,000 - 15,000 = 5,000 people too full: a third of its room.
    assert shortfalls("capacity", case, two, **numbers) == [(5_000, Fraction(1, 3))] * 2
    three = Layout(frozenset({(0, 0), (1, 0), (2, 0)}), {(0, 0, 0): 15_000, (0, 1, 0): 15_000, (0, 2, 0): 10_000})
    assert shortfalls("capacity", case, three, **numbers) == []
    # Two cannot do it at all: with two open, the rows leave room for 30,000 of the 40,000.
    rooms = [-row.terms[opened(j, 0)] for j, row in enumerate(rule("capacity", **numbers).rows(case))]
    assert rooms == [15_000] * 3


def test_a_closed_station_has_no_room() -> None:
    case = make([[40_000]], [site("X", kind="station")], {(0, 0): 60})
    nobody_home = Layout(frozenset(), {(0, 0, 0): 3_000})
    found = shortfalls("capacity", case, nobody_home, kinds=("station",), people=15_000)
    assert found == [(3_000, Fraction(1, 5))]


def test_nankai_may_build_eight_stations_in_five_years_beside_its_seventy_seven() -> None:
    # Nankai's plan (draft of 2021) counts 77 stations in 2020 (NK-S05) and 8 built or adjusted in the five years
    # before (NK-S08). Held to the same pace: at most 8 new ones by 2025.
    stations = [site(f"old {n}", kind="station", exists=True) for n in range(77)]
    stations += [site(f"new {n}", kind="station") for n in range(9)]
    case = make([[1]], stations, {(0, 0): 60})
    numbers = {"kinds": ("station",), "counts": "new", "at_most": 8}
    eight = Layout(frozenset((j, 0) for j in range(77 + 8)))
    assert shortfalls("count", case, eight, **numbers) == []
    # The ninth is one too many: 1 ÷ 8 of the limit.
    nine = Layout(frozenset((j, 0) for j in range(77 + 9)))
    assert shortfalls("count", case, nine, **numbers) == [(1, Fraction(1, 8))]
    # Old ones do not count as new, but do count as open: 77 + 8 = 85.
    (row,) = rule("count", **numbers).rows(case)
    assert set(row.terms) == {opened(j, 0) for j in range(77, 77 + 9)}
    assert shortfalls("count", case, eight, kinds=("station",), at_most=85) == []
    assert shortfalls("count", case, nine, kinds=("station",), at_most=85) == [(1, Fraction(1, 85))]
    assert shortfalls("count", case, Layout(frozenset()), kinds=("station",), at_least=77) == [(77, Fraction(1))]


def test_a_site_is_new_in_the_year_of_its_opening_only() -> None:
    case = valley()
    b_from_2025 = Layout(frozenset({(0, 0), (0, 1), (1, 0), (1, 1)}))
    this = rule("count", kinds=("clinic",), counts="new", at_most=9)
    assert [this.measure(case, b_from_2025, t)[0] for t in case.periods] == [1, 0]


def test_three_clinics_cost_630000_yuan_in_their_first_year_and_180000_in_the_next() -> None:
    # The model of Baodi assumes 150,000 yuan to open a clinic and 60,000 for each of its years.
    clinics = [site(name, opening=150_000, yearly=60_000) for name in "WXYZ"]
    case = make([[1, 1]], clinics, {(0, 0): 60}, years=(2025, 2026))
    three = Layout(frozenset((j, t) for j in range(3) for t in range(2)))
    this = rule("spending", at_most=600_000)
    # 2025: 3 × (150,000 + 60,000) = 630,000. 2026: 3 × 60,000 = 180,000.
    assert [this.measure(case, three, t)[0] for t in case.periods] == [630_000, 180_000]
    # 630,000 - 600,000 = 30,000 yuan too much: 30,000 ÷ 600,000 = 1/20.
    assert shortfalls("spending", case, three, at_most=600_000) == [(30_000, Fraction(1, 20))]
    assert shortfalls("spending", case, three, at_most=630_000) == []
    # A fourth one in 2026: 4 × 60,000 + 150,000 = 390,000.
    four = Layout(three.open | {(3, 1)})
    assert [this.measure(case, four, t)[0] for t in case.periods] == [630_000, 390_000]


def test_what_stands_already_is_not_paid_for_again() -> None:
    case = make([[1]], [site("X", exists=True, opening=150_000, yearly=60_000)], {(0, 0): 60})
    this = rule("spending", at_most=0)
    assert this.measure(case, Layout(frozenset({(0, 0)})), 0) == (60_000, 0)
    assert [dict(row.terms) for row in this.rows(case)] == [{opened(0, 0): 60_000}]


def lanxueyayuan() -> Case:
    """Return the station that Dongli's text of 2025 names as built, beside another one."""
    stations = [site(name, kind="station", exists=True, closable=True) for name in ("兰雪雅苑社区卫生服务站", "X")]
    return make([[1]], stations, {(0, 0): 60})


def test_the_station_that_dongli_has_just_built_stays() -> None:
    # “兰雪雅苑社区卫生服务站均已顺利建成并投入使用”: a plan that keeps only the other one misses one site of one.
    case, kept = lanxueyayuan(), ("兰雪雅苑社区卫生服务站",)
    only_the_other = Layout(frozenset({(1, 0)}))
    assert shortfalls("keep", case, only_the_other, sites=kept) == [(1, Fraction(1))]
    assert shortfalls("keep", case, Layout(frozenset({(0, 0)})), sites=kept) == []
    assert rule("keep", sites=kept).measure(case, only_the_other, 0) == (0, 1)


def test_a_station_that_is_forbidden_closes() -> None:
    case, closed = lanxueyayuan(), ("兰雪雅苑社区卫生服务站",)
    both = Layout(frozenset({(0, 0), (1, 0)}))
    assert shortfalls("forbid", case, both, sites=closed) == [(1, Fraction(1))]
    assert shortfalls("forbid", case, Layout(frozenset({(1, 0)})), sites=closed) == []
    assert rule("forbid", sites=closed).measure(case, both, 0) == (1, 0)


def test_stations_with_a_radius_of_300_metres_stand_600_metres_apart() -> None:
    # GB 50180-2018, appendix B, gives a station a radius of 300 m (ST-06). Two circles of 300 m overlap when their
    # centres are nearer than 2 × 300 = 600 m.
    stations = [site(name, kind="station") for name in "XYZ"]
    case = make([[1]], stations, {(0, 0): 60}, spots=[(0, 0), (450, 0), (1050, 0)])
    all_open = Layout(frozenset((j, 0) for j in range(3)))
    # X and Y are 450 m apart: (600 - 450) ÷ 600 = 1/4. Y and Z are exactly 600 m apart, X and Z 1,050 m.
    assert shortfalls("spacing", case, all_open, kinds=("station",), metres=600) == [(1, Fraction(1, 4))]
    # A metre more, and Y and Z are too near as well: 1 ÷ 601.
    found = shortfalls("spacing", case, all_open, kinds=("station",), metres=601)
    assert found == [(1, Fraction(151, 601)), (1, Fraction(1, 601))]
    without_y = Layout(frozenset({(0, 0), (2, 0)}))
    assert shortfalls("spacing", case, without_y, kinds=("station",), metres=600) == []


def test_two_sites_on_one_spot_count_in_full() -> None:
    case = make([[1]], [site("X"), site("Y")], {(0, 0): 60}, spots=[(5, 5), (5, 5)])
    both = Layout(frozenset({(0, 0), (1, 0)}))
    assert shortfalls("spacing", case, both, kinds=("clinic",), metres=600) == [(1, Fraction(1))]


def test_two_sites_that_stand_already_may_stand_as_near_as_they_do() -> None:
    old = [site("X", exists=True), site("Y", exists=True), site("Z")]
    case = make([[1]], old, {(0, 0): 60}, spots=[(0, 0), (100, 0), (200, 0)])
    this = rule("spacing", kinds=("clinic",), metres=600)
    assert [row.about[:2] for row in this.rows(case)] == [("X", "Z"), ("Y", "Z")]


def test_sites_of_other_kinds_may_stand_near() -> None:
    sites = [site("X"), site("Y", kind="station")]
    case = make([[1]], sites, {(0, 0): 60}, spots=[(0, 0), (100, 0)])
    assert list(rule("spacing", kinds=("station",), metres=600).rows(case)) == []


def test_people_beyond_the_circle_take_up_room_too() -> None:
    # A wrong plan: P1 lies beyond the circle of X. The rows cannot say so; the check counts them all the same.
    case = make([[3], [3]], [site("X")], {(1, 0): 60})
    layout = Layout(frozenset({(0, 0)}), {(0, 0, 0): 2, (1, 0, 0): 2})
    assert shortfalls("capacity", case, layout, kinds=("clinic",), people=3) == [(1, Fraction(1, 3))]
    (row,) = rule("capacity", kinds=("clinic",), people=3).rows(case)
    assert set(row.terms) == {serves(1, 0, 0), opened(0, 0)}


def test_a_count_without_a_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="at_least"):
        rule("count", kinds=("clinic",))


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("capacity", {"kinds": ("clinic",), "people": 2, "years": (2025,)}),
        ("count", {"kinds": ("clinic",)}),
        ("count", {"kinds": ("clinic",), "at_least": 3, "at_most": 2}),
        ("keep", {"sites": ("A", "A")}),
        ("forbid", {"sites": ("A", "A")}),
        ("named_sites", {"sites": ("A", "A")}),
        ("named_sites", {"sites": ("A",), "year": 2025, "years": (2027,)}),
        ("reach", {"share": 1.01}),
        ("reach", {"share": float("nan")}),
    ],
)
def test_a_rule_refuses_numbers_that_contradict_it(name: str, numbers: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        rule(name, **numbers)


def test_a_missed_share_of_the_district_names_the_places_with_most_people_unserved() -> None:
    # Of 2 + 5 + 1 people only P3's one is served: P2 lacks five, P1 two.
    case = make([[2], [5], [1]], [site("X")], {(0, 0): 60, (1, 0): 60, (2, 0): 60})
    layout = Layout(frozenset({(0, 0)}), {(2, 0, 0): 1})
    assert rule("reach", share=1.0).causes(case, layout, 0) == [(("P2",), 5), (("P1",), 2)]


def test_a_share_that_is_met_has_no_cause() -> None:
    case = make([[2]], [site("X")], {(0, 0): 60})
    assert rule("reach", share=0.5).causes(case, Layout(frozenset({(0, 0)}), {(0, 0, 0): 1}), 0) == []


def test_a_pair_that_stands_too_near_names_both() -> None:
    case = make([[1]], [site("X"), site("Y")], {(0, 0): 60}, spots=[(0, 0), (100, 0)])
    layout = Layout(frozenset({(0, 0), (1, 0)}))
    assert rule("spacing", kinds=("clinic",), metres=300).causes(case, layout, 0) == [(("X", "Y"), 1)]


@pytest.mark.parametrize("name", sorted(RULES))
def test_only_room_is_physics(name: str) -> None:
    wrong = "must" if RULES[name].is_physics else "physics"
    numbers = EXAMPLES[name][0]
    with pytest.raises(ValueError, match=r"physics|must"):
        rule(name, **numbers | {"strength": wrong})
