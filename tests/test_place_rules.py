"""Rules on places, sites and visits: numbers from the documents, worked by hand, and plans that meet or miss them."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from conftest import DATA, Tiny
from tiny import breached, leading, make, missed, pool, rule, site, way

from allocate.candidates import ADJOINING_METRES, make_case
from allocate.case import Case, Site
from allocate.decisions import outreach
from allocate.dispatch import post
from allocate.errors import ModelError
from allocate.greedy import greedy
from allocate.layout import Layout
from allocate.model import read_model
from allocate.planning import plan
from allocate.postings import Pool
from allocate.read import read_district
from allocate.rows import LEADS, served
from allocate.rules import RULES, Rule
from allocate.travel import metric
from allocate.travel.adjoining import adjoining
from allocate.verification import verify


def opening(*sites: int, years: int = 1) -> Layout:
    """Return the layout in which some sites are open in every year."""
    return Layout(frozenset((j, t) for j in sites for t in range(years)))


def having(layout: Layout, what: str, *amounts: int) -> Layout:
    """Return a layout with so much of something at the first site, place or town, at the second, and so on."""
    return Layout(layout.open, amounts={(what, n, 0): number for n, number in enumerate(amounts)})


def misses(this: Rule, case: Case, layout: Layout) -> list[tuple[object, int | Fraction, Fraction]]:
    """Return what every breach is about beside the year, the shortfall, and its share of the target."""
    return [
        (next((part for part in b.about if isinstance(part, str)), ""), b.shortfall, b.share)
        for b in this.breaches(case, layout)
    ]


def ten_villages(**changes: Any) -> Case:
    """Return ten villages in a row, with room for a clinic in each, and more people the farther they lie."""
    return make([[n + 1] for n in range(10)], [site(f"clinic {n}", place=n) for n in range(10)], {}, **changes)


# presence


def test_three_clinics_serve_nine_villages_in_a_row_and_leave_the_tenth_without() -> None:
    # ST-21: a clinic in every village, or one shared with a neighbour. Clinics in villages 2, 5 and 8 serve 1 to 3,
    # 4 to 6 and 7 to 9; village 10 has none beside it: 10 - 9 = 1 missing of 10.
    case, layout = ten_villages(), opening(1, 4, 7)
    this = rule("presence", kinds=("clinic",), places=("village",), within="adjoining", share=1.0)
    assert misses(this, case, layout) == [("", 1, Fraction(1, 10))]
    assert this.causes(case, layout, 0) == [(("P10",), 1)]
    assert this.measure(case, layout, 0) == (Fraction(9, 10), 1)
    # A fourth clinic in village 9 or 10 does.
    assert misses(this, case, opening(1, 4, 7, 8)) == misses(this, case, opening(1, 4, 7, 9)) == []


def test_a_neighbours_clinic_is_none_of_ones_own() -> None:
    # The same three clinics, when each village has to have its own: 10 - 3 = 7 missing of 10.
    this = rule("presence", kinds=("clinic",), places=("village",), within="own", share=1.0)
    assert misses(this, ten_villages(), opening(1, 4, 7)) == [("", 7, Fraction(7, 10))]
    # Villages with most people come first.
    assert [ids for ids, _ in this.causes(ten_villages(), opening(1, 4, 7), 0)][:3] == [("P10",), ("P9",), ("P7",)]


def test_a_village_with_the_township_hospital_may_do_without_a_clinic() -> None:
    # ST-22. The hospital stands in village 10 of the ten: with it, the three clinics are enough.
    clinics = [site(f"clinic {n}", place=n) for n in range(10)]
    case = make([[1]] * 10, [*clinics, site("hub", "township_hospital", place=9, exists=True)], {})
    layout = opening(1, 4, 7, 10)
    strict = rule("presence", kinds=("clinic",), places=("village",), within="adjoining")
    lenient = rule("presence", kinds=("clinic", "township_hospital"), places=("village",), within="adjoining")
    assert misses(strict, case, layout) == [("", 1, Fraction(1, 10))]
    assert misses(lenient, case, layout) == []


def test_a_share_of_places_is_rounded_up_to_whole_places() -> None:
    # 85 % of ten villages are 8.5: nine.
    this = rule("presence", kinds=("clinic",), places=("village",), share=0.85)
    assert [row.bound for row in this.rows(ten_villages())] == [9]
    assert misses(this, ten_villages(), opening(*range(8))) == [("", 1, Fraction(1, 9))]
    assert misses(this, ten_villages(), opening(*range(9))) == []
    assert this.causes(ten_villages(), opening(*range(9)), 0) == []


def test_only_places_of_the_kinds_named_count_but_any_place_may_lend_its_clinic() -> None:
    # Villages 1 to 4, communities 5 to 10. The clinic in community 5 serves village 4, which is beside it.
    case = ten_villages(place_kinds=["village"] * 4 + ["community"] * 6)
    this = rule("presence", kinds=("clinic",), places=("village",), within="adjoining")
    assert misses(this, case, opening(1, 4)) == []
    assert misses(this, case, opening(4)) == [("", 3, Fraction(3, 4))]


def test_a_district_without_such_places_lacks_nothing() -> None:
    this = rule("presence", kinds=("clinic",), places=("zone",))
    assert list(this.rows(ten_villages())) == []
    assert misses(this, ten_villages(), opening()) == []
    assert this.measure(ten_villages(), opening(), 0) == (1, 1)


def test_a_site_whose_place_is_unknown_is_nobodys_own() -> None:
    case = make([[1]], [site("somewhere", place=-1, exists=True)], {})
    this = rule("presence", kinds=("clinic",), places=("village",))
    assert misses(this, case, opening(0)) == [("", 1, Fraction(1))]


def test_no_more_than_one_clinic_counts_for_a_village() -> None:
    # Three clinics in one village do not make up for the other without one.
    case = make([[1], [1]], [site(name) for name in "XYZ"], {})
    this = rule("presence", kinds=("clinic",), places=("village",))
    layout = opening(0, 1, 2)
    assert missed(this.rows(case), layout, list(this.ties(case))) == breached(this.breaches(case, layout))
    assert misses(this, case, layout) == [("", 1, Fraction(1, 2))]


def test_adjoining_places_lie_as_far_apart_as_the_planned_circle_says_and_else_3000_m(tiny: Tiny) -> None:
    district = read_district(tiny.folder)
    spots = metric([(p.lon or 0.0, p.lat or 0.0) for p in district.places], district.datum, district.epsg)

    def beside(longest: int) -> set[tuple[int, int]]:
        return adjoining(spots, longest)

    def found() -> set[tuple[int, int]]:
        case = make_case(district, read_model(tiny.model))
        return {(i, k) for i, near in enumerate(case.neighbours) for k in near}

    assert found() == beside(ADJOINING_METRES)
    tiny.edit("tiny.toml", "minutes = 8\n", "minutes = 8\nadjoining_metres = 1200\n")
    assert found() == beside(1200) < beside(ADJOINING_METRES)


# people_per_site


def stations(people: int, count: int = 40) -> Case:
    """Return one town with so many people and candidates for so many stations."""
    return make([[people]], [site(f"station {n}", "station") for n in range(count)], {})


TIANJIN = {"kinds": ("station",), "at_least": 10_000, "at_most": 15_000}


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        # ST-16: a station per 10,000 to 15,000 people. 40,000 ÷ 15,000 = 2.67: three; 40,000 ÷ 10,000: four at most.
        (0, [("", 3, Fraction(1))]),
        (2, [("", 1, Fraction(1, 3))]),
        (3, []),
        (4, []),
        (5, [("", 1, Fraction(1, 4))]),
    ],
)
def test_forty_thousand_people_have_three_or_four_stations(number: int, expected: list[Any]) -> None:
    assert misses(rule("people_per_site", **TIANJIN), stations(40_000), opening(*range(number))) == expected


def test_exactly_15000_people_need_one_station_and_one_more_person_a_second() -> None:
    this = rule("people_per_site", **TIANJIN)
    assert misses(this, stations(15_000), opening(0)) == []
    assert misses(this, stations(15_001), opening(0)) == [("", 1, Fraction(1, 2))]


def test_where_no_number_of_stations_suits_both_limits_the_upper_one_decides() -> None:
    # 16,000 people: one station has 16,000, more than 15,000; two have 8,000 each, fewer than 10,000. Two it is.
    this = rule("people_per_site", **TIANJIN)
    assert misses(this, stations(16_000), opening(0)) == [("", 1, Fraction(1, 2))]
    assert misses(this, stations(16_000), opening(0, 1)) == []
    assert misses(this, stations(16_000), opening(0, 1, 2)) == [("", 1, Fraction(1, 2))]


def test_the_309040_urban_people_of_baodi_have_21_to_30_stations() -> None:
    # The census of 2020: 309,040 urban and 413,327 rural residents. ST-16 speaks of urban areas only:
    # 309,040 ÷ 15,000 = 20.6 and 309,040 ÷ 10,000 = 30.9.
    both = [site(f"station {n}", "station") for n in range(40)]
    case = make([[309_040], [413_327]], both, {}, place_settings=["urban", "rural"])
    urban = rule("people_per_site", setting="urban", **TIANJIN)
    numbers = [number for number in range(41) if not misses(urban, case, opening(*range(number)))]
    assert numbers == list(range(21, 31))
    assert urban.measure(case, opening(*range(20)), 0) == (20, 21)
    # All 722,367 people would need 49.
    assert [row.bound for row in rule("people_per_site", **TIANJIN).rows(case)] == [49, 72]


def test_every_town_has_a_centre_and_one_of_more_than_100000_people_a_second() -> None:
    # ST-14, town by town: 30,000 people need one centre; 110,000 ÷ 100,000 = 1.1 need two; nobody needs none.
    hubs = [
        site("A", "township_hospital", "T1"),
        site("B", "community_centre", "T2"),
        site("C", "community_centre", "T2"),
    ]
    case = make([[30_000], [110_000], [0]], hubs, {}, town_of=(0, 1, 2))
    this = rule("people_per_site", kinds=("community_centre", "township_hospital"), at_most=100_000, scope="town")
    assert misses(this, case, opening(0, 1, 2)) == []
    assert misses(this, case, opening(0, 1)) == [("T2", 1, Fraction(1, 2))]
    assert misses(this, case, opening(1, 2)) == [("T1", 1, Fraction(1))]
    # Of two towns, the one that lacks all of its centres is farther off than the one that lacks one of two.
    assert this.measure(case, opening(1), 0) == (0, 1)
    assert this.causes(case, opening(), 0) == [(("T2",), 2), (("T1",), 1)]


# change_limit


def nankai() -> Case:
    """Return Nankai's 77 stations of 2020 (NK-S05), which may be closed, and places for nine new ones."""
    old = [site(f"old {n}", "station", exists=True, closable=True) for n in range(77)]
    return make([[1, 1]], [*old, *(site(f"new {n}", "station") for n in range(9))], {}, years=(2025, 2030))


EIGHT = {"kinds": ("station",), "at_most": 8}


def test_nankai_moves_four_of_its_77_stations_in_five_years_or_builds_eight() -> None:
    # NK-S08: 8 stations were built or rearranged in five years. Four moved are four closed and four opened.
    case, this = nankai(), rule("change_limit", **EIGHT)
    assert misses(this, case, opening(*range(4, 77 + 4), years=2)) == []
    assert misses(this, case, opening(*range(77 + 8), years=2)) == []
    # Five moved are ten changes, two too many: 2 ÷ 8.
    five = opening(*range(5, 77 + 5), years=2)
    assert misses(this, case, five) == [("", 2, Fraction(1, 4))]
    assert [this.measure(case, five, t) for t in case.periods] == [(10, 8), (0, 8)]
    assert {ids[0] for ids, _ in this.causes(case, five, 0)} == {
        f"{age} {n}" for age in ("old", "new") for n in range(5)
    }
    assert this.causes(case, five, 1) == []


def test_changes_count_in_the_plan_year_in_which_they_are_made() -> None:
    # Eight new ones by 2025, and the ninth in 2030.
    case, this = nankai(), rule("change_limit", **EIGHT)
    layout = Layout(opening(*range(77 + 8), years=2).open | {(85, 1)})
    assert [this.measure(case, layout, t)[0] for t in case.periods] == [8, 1]
    assert misses(this, case, layout) == []


# posting


def hubs(count: int, *pools: Pool, **changes: Any) -> Case:
    """Return so many hubs below the first of two hospitals, which come after them, and the pools that may send."""
    sites = [site(f"hub {n}", "township_hospital", exists=True) for n in range(count)]
    sites += [site(name, "hospital", exists=True) for name in ("people's hospital", "other hospital")]
    parents = (*[count] * count, -1, -1)
    return make([[1]], sites, {}, **{"parents": parents, "pools": pools} | changes)


def sent(layout: Layout, *tours: tuple[int, int, int, int]) -> Layout:
    """Return a layout with tours: pool, months, site, how many."""
    return replace(layout, tours={(p, months, j, 0): number for p, months, j, number in tours})


def posted(case: Case, this: Rule, layout: Layout) -> Layout:
    """Return the layout with experts from the pools, as far as they go; no staff is asked for."""
    return post(case, [this], layout, 0, lambda _what, _j: 0, lambda _what, _j: False)


def test_each_of_baodis_24_township_hospitals_has_an_attending_physician() -> None:
    # BD-T02 and BD-T07: one at each. 23 of 24 hubs have one; two at the first do not make up for none at the last.
    this = rule("posting", to=("township_hospital",), sent_by="district", at_least=1, rank="attending")
    # From the district: the hospital above the hubs (24) and the other one (25), and young doctors who do not count.
    pools = (pool("people's", 24, away=24), pool("other", 25, away=24), pool("young", 24, away=24, rank="resident"))
    case, all_open = hubs(24, *pools), opening(*range(26))
    everywhere = [(n % 2, 12, n, 1) for n in range(24)]
    assert misses(this, case, sent(all_open, *everywhere)) == []
    lopsided = sent(all_open, (0, 12, 0, 2), *everywhere[1:23])
    assert misses(this, case, lopsided) == [("hub 23", 1, Fraction(1))]
    assert this.measure(case, lopsided, 0) == (0, 1)
    # A resident is no attending physician, and a closed hub needs nobody.
    assert len(misses(this, case, sent(all_open, *[(2, 12, n, 1) for n in range(24)]))) == 24
    assert misses(this, case, sent(opening(*range(23)), *everywhere[:23])) == []


def test_two_tours_of_six_months_are_one_person_all_the_year_round() -> None:
    # TJ-T13: tours of half a year count, but one hub with a single one has nobody for the other half: 1/2 missing.
    this = rule("posting", to=("township_hospital",), sent_by="district", months=6)
    case, both = hubs(2, pool("people's", 2, away=2)), opening(0, 1)
    assert misses(this, case, sent(both, (0, 6, 0, 2), (0, 12, 1, 1))) == []
    assert misses(this, case, sent(both, (0, 6, 0, 1), (0, 12, 1, 1))) == [("hub 0", Fraction(1, 2), Fraction(1, 2))]
    # Where a clause wants a year, half a year is no part of it.
    yearly = replace(this, months=12)
    assert [part for part, _, _ in misses(yearly, case, sent(both, (0, 6, 0, 2), (0, 12, 1, 1)))] == ["hub 0"]


def test_the_lead_hospital_is_the_one_above_the_hub_and_the_district_any_of_it() -> None:
    # The second hub is below the other hospital (3): the people's hospital (2) leads the first one only.
    case = hubs(2, pool("people's", 2, away=2), pool("north", away=2), parents=(2, 3, -1, -1))
    both = opening(0, 1)
    from_the_first = sent(both, (0, 12, 0, 1), (0, 12, 1, 1))
    lead = rule("posting", to=("township_hospital",), sent_by="lead_hospital")
    anybody = rule("posting", to=("township_hospital",), sent_by="district")
    assert misses(lead, case, from_the_first) == [("hub 1", 1, Fraction(1))]
    assert misses(anybody, case, from_the_first) == []
    # Whoever comes from outside is from neither.
    from_outside = sent(both, (1, 12, 0, 1), (1, 12, 1, 1))
    assert len(misses(lead, case, from_outside)) == len(misses(anybody, case, from_outside)) == 2
    assert misses(rule("posting", to=("township_hospital",), sent_by="tertiary_hospital"), case, from_outside) == []


def test_only_those_who_come_on_enough_days_a_week_count() -> None:
    # ST-38: staff of a hospital of the city group, on three working days a week.
    at = {"sends_as": "city_group", "away": 3}
    two, three = pool("two days", days_per_week=Fraction(2), **at), pool("three days", days_per_week=Fraction(3), **at)
    case, this = hubs(1, two, three), rule("posting", to=("township_hospital",), sent_by="city_group", days_per_week=3)
    assert misses(this, case, sent(opening(0), (0, 12, 0, 1))) == [("hub 0", 1, Fraction(1))]
    assert misses(this, case, sent(opening(0), (1, 12, 0, 1))) == []


def test_a_town_with_two_hubs_needs_two_persons_wherever_they_sit() -> None:
    this = rule("posting", to=("township_hospital",), sent_by="district", scope="town")
    case, both = hubs(2, pool("people's", 2, away=2)), opening(0, 1)
    assert misses(this, case, sent(both, (0, 12, 0, 2))) == []
    assert misses(this, case, sent(both, (0, 12, 1, 1))) == [("T1", 1, Fraction(1, 2))]


def test_each_tertiary_hospital_keeps_three_experts_in_the_consortium() -> None:
    # TJ-T12: three experts at least from each supporter, in whatever member, the lead hospital among them.
    this = rule(
        "posting", to=("township_hospital", "hospital"), sent_by="tertiary_hospital", at_least=3, scope="supporter"
    )
    north, south, group = (pool("north", away=6), pool("south", away=6), pool("group", away=6, sends_as="city_group"))
    case, all_open = hubs(5, north, south, group), opening(*range(7))
    three_each = [(0, 12, 1, 2), (0, 12, 5, 1), (1, 12, 3, 3)]
    assert misses(this, case, sent(all_open, *three_each)) == []
    # Six of one do not make up for two of the other, who are one too few: 1 ÷ 3. The city group is no supporter.
    lopsided = sent(all_open, (0, 12, 1, 6), (1, 12, 3, 2), (2, 12, 0, 3))
    assert misses(this, case, lopsided) == [("south", 1, Fraction(1, 3))]
    assert this.measure(case, lopsided, 0) == (2, 3)


def test_where_nobody_supports_the_district_all_its_experts_are_missing() -> None:
    this = rule("posting", to=("township_hospital",), sent_by="tertiary_hospital", at_least=3, scope="supporter")
    assert misses(this, hubs(5), opening(*range(5))) == [("tertiary_hospital", 3, Fraction(1))]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_n_hubs_need_n_experts_at_all_times_and_2n_tours_of_six_months_or_n_of_twelve(count: int) -> None:
    # One expert at each of n hubs at all times: n experts. Of tours of six months, two follow each other at each hub,
    # 2n in a year; of twelve months, n. Each tour costs its handover, so the cheapest plan takes the longest.
    this = rule("posting", to=("township_hospital",), sent_by="lead_hospital")
    for months, tours in ((6, 2 * count), (12, count)):
        case = hubs(count, pool("people's", count, away=count), months=(months,), handover=100)
        layout = posted(case, this, opening(*range(count)))
        assert sum(layout.tours.values()) == tours
        assert misses(this, case, layout) == []
        # One person fewer who can be away at once is one hub without, or two halves of one.
        fewer = hubs(count, pool("people's", count, away=count - 1), months=(months,), handover=100)
        assert sum(short for _, short, _ in misses(this, fewer, posted(fewer, this, opening(*range(count))))) == 1


# rounds


def villages(count: int, *sites: Site, reach: Mapping[tuple[int, int], int] | None = None, **ways: Any) -> Case:
    """Return villages, a hub ten minutes off that can go to each in any of these ways, and sites that reach their own.

    `reach` gives the seconds of other pairs in the circle.
    """
    pairs = {(i, 0): 600 for i in range(count)}
    hub = site("hub", "township_hospital", place=-1, exists=True)
    made = {name: way(pairs, **numbers) for name, numbers in ways.items()}
    seconds = {(at.place, n + 1): 60 for n, at in enumerate(sites)} | dict(reach or {})
    return make([[1]] * count, [hub, *sites], seconds, ways=made)


def visiting(layout: Layout, name: str, *stops: int, j: int = 0) -> Layout:
    return replace(layout, visits=layout.visits | {(name, stop, j, 0) for stop in stops})


def test_ten_half_days_a_week_serve_five_villages_twice() -> None:
    # BD-T09 and BD-T10: twice a week, half a day each. One team has ten half-days: 10 ÷ 2 = 5 villages; a sixth gets
    # nothing and lacks 2 of 2.
    this = rule("rounds", to="village", times=2, per="week", half_days=1)
    six = villages(6, rounds={"times": 2, "half_days": 1})
    five = visiting(opening(0), "rounds", *range(5))
    assert misses(this, six, five) == [("P6", 2, Fraction(1))]
    assert this.measure(six, five, 0) == (0, 2)
    # The sixth is a half-day too many for one team, and just right for two.
    all_six = visiting(opening(0), "rounds", *range(6))
    for layout, teams, excess in ((five, 1, []), (all_six, 1, [2]), (all_six, 2, [])):
        staffed = replace(layout, amounts={("teams", 0, 0): teams})
        assert [breach.shortfall for breach in outreach.breaches(six, staffed)] == excess
    # Rounds once a week are one too few, and an hour's visit where half a day is asked for is none.
    rare = villages(1, rounds={"times": 1, "half_days": 1})
    assert misses(this, rare, visiting(opening(0), "rounds", 0)) == [("P1", 1, Fraction(1, 2))]
    longer = rule("rounds", to="village", times=2, per="week", half_days=2)
    assert misses(longer, six, all_six)[0] == ("P1", 2, Fraction(1))


def test_which_villages_need_rounds_is_read_in_four_ways() -> None:
    # Village 1 has a clinic. It is within the circle of village 2, and of nobody else. Village 3 has a station; a
    # doctor sits there, but it is no clinic. Village 4 has nothing.
    sites = [site("clinic", place=0), site("station", "station", place=2)]
    clinic, station = 1, 2
    case = villages(4, *sites, reach={(1, clinic): 300}, rounds={"times": 2})
    layout = opening(0, clinic, station)

    def need(**numbers: Any) -> list[object]:
        return [part for part, _, _ in misses(rule("rounds", times=2, **numbers), case, layout)]

    assert need() == ["P4"]
    # Where only clinics count, the station's village needs them too, though it is in reach of a station.
    assert need(unless=("clinic",)) == ["P3", "P4"]
    assert need(where="without_own") == ["P2", "P3", "P4"]
    assert need(where="without_own", unless=("clinic", "station")) == ["P2", "P4"]
    assert need(where="every") == ["P1", "P2", "P3", "P4"]
    assert need(where="listed", listed=("P1", "P4")) == ["P1", "P4"]
    # A closed clinic spares nobody.
    assert [part for part, _, _ in misses(rule("rounds", times=2), case, opening(0, station))] == ["P1", "P2", "P4"]
    # What is visited needs nothing more, whichever reading.
    seen = visiting(layout, "rounds", 0, 1, 2, 3)
    assert misses(rule("rounds", times=2, where="every"), case, seen) == []


def test_somebody_posted_in_a_village_counts_as_rounds_do() -> None:
    # ST-35: in a large village somebody from the town is there on five days, from morning to evening. That is more
    # than two half-days; rounds of half a day, however often, are not what the large village should have.
    case = villages(2, rounds={"times": 2}, posts={"times": 5, "half_days": 2, "is_post": True})
    twice = rule("rounds", times=2, half_days=1)
    large = rule("rounds", times=5, half_days=2)
    layout = visiting(visiting(opening(0), "rounds", 0), "posts", 1)
    assert misses(twice, case, layout) == []
    assert misses(large, case, layout) == [("P1", 5, Fraction(1))]


def test_a_clause_may_speak_of_large_villages_or_of_small_ones_only() -> None:
    # Villages of 799 and 800 people, of which the first grows by one: “800 or more” includes 800 itself.
    hub = site("hub", "township_hospital", place=-1, exists=True)
    case = make([[799, 800], [800, 800]], [hub], {}, years=(2025, 2027))
    large, small = rule("rounds", times=5, from_people=800), rule("rounds", times=2, below_people=800)
    nobody = opening(0, years=2)
    assert [b.about for b in large.breaches(case, nobody)] == [("P2", 2025), ("P1", 2027), ("P2", 2027)]
    assert [b.about for b in small.breaches(case, nobody)] == [("P1", 2025)]


def test_a_village_without_people_needs_no_rounds() -> None:
    case = make([[0], [1]], [], {})
    assert misses(rule("rounds", times=1, where="every"), case, opening()) == [("P2", 1, Fraction(1))]


def test_rounds_every_week_are_four_in_a_month_and_monthly_ones_none_in_a_week() -> None:
    case = villages(1, weekly={"times": 1}, monthly={"times": 3, "per": "month"})
    weekly, monthly = visiting(opening(0), "weekly", 0), visiting(opening(0), "monthly", 0)
    four = rule("rounds", times=4, per="month")
    assert misses(four, case, weekly) == []
    assert misses(four, case, monthly) == [("P1", 1, Fraction(1, 4))]
    assert misses(rule("rounds", times=1, per="week"), case, monthly) == [("P1", 1, Fraction(1))]


def test_rounds_come_to_every_town_once_a_month() -> None:
    # BD-T08. Of two towns one has a round a month; rounds of its villages do not count for the other one.
    hospital = site("hospital", "hospital", place=-1, exists=True)
    ways = {
        "towns": way({(0, 0): 600, (1, 0): 900}, by=["hospital"], to="town", times=1, per="month"),
        "villages": way({(0, 0): 600, (1, 0): 900}, by=["hospital"]),
    }
    case = make([[1], [1]], [hospital], {}, town_of=(0, 1), ways=ways)
    this = rule("rounds", to="town", times=1, per="month")
    layout = visiting(visiting(opening(0), "towns", 0), "villages", 0, 1)
    assert misses(this, case, layout) == [("T2", 1, Fraction(1))]
    assert misses(this, case, visiting(layout, "towns", 1)) == []


# reach, or visited


def test_a_village_that_is_visited_counts_as_served_place_by_place() -> None:
    # ST-40: every village has basic care. Village 1 (3 people) has a clinic with room for two; village 2 is visited;
    # village 3 has somebody only now and then, in a way that does not count; village 4 nothing.
    clinic = site("clinic", place=0)
    case = villages(4, clinic, rounds={"times": 2}, fairs={"times": 1, "per": "month"})
    case = replace(case, people=case.people * 3)
    layout = visiting(visiting(opening(0, 1), "rounds", 1), "fairs", 2)
    layout = replace(layout, serve={(0, 1, 0): 2})
    this = rule("reach", share=1.0, scope="place", or_by=("rounds",))
    third = Fraction(1, 3)
    assert misses(this, case, layout) == [("P1", 1, third), ("P3", 3, Fraction(1)), ("P4", 3, Fraction(1))]
    assert this.measure(case, layout, 0) == (0, 1)
    both = replace(this, or_by=("rounds", "fairs"))
    assert [part for part, _, _ in misses(both, case, layout)] == ["P1", "P4"]
    # Without the visits, only the clinic is left.
    assert [part for part, _, _ in misses(replace(this, or_by=()), case, layout)] == ["P1", "P2", "P3", "P4"]


def test_visits_count_place_by_place_only() -> None:
    with pytest.raises(ValueError, match="validation error"):
        rule("reach", share=0.9, scope="town", or_by=("rounds",))


def test_rounds_of_the_town_are_no_visit_to_its_village() -> None:
    # (Town 1 and village 1 have the same number.)
    hospital = site("hospital", "hospital", place=-1, exists=True)
    towns = way({(0, 0): 600}, by=["hospital"], to="town", times=1, per="month")
    case = make([[2]], [hospital], {}, ways={"towns": towns})
    this = rule("reach", share=1.0, scope="place", or_by=("towns",))
    assert misses(this, case, visiting(opening(0), "towns", 0)) == [("P1", 2, Fraction(1))]
    assert [dict(row.terms) for row in this.rows(case)] == [{served(0, 0): 1}]


# membership


def member_hubs(*joined: int) -> Layout:
    """Return the layout of 24 hubs and two hospitals in which some hubs are in the consortium of the first one."""
    return replace(opening(*range(26)), members=frozenset((j, 24, 0) for j in joined), amounts={(LEADS, 24, 0): 1})


def test_every_hub_joins_a_consortium() -> None:
    # TJ-T02: all of them. 23 of 24 leave one out: 1 ÷ 24.
    this = rule("membership", kinds=("township_hospital",), share=1.0)
    case = replace(hubs(24), leading=leading({(j, 24): 600 for j in range(24)}))
    assert misses(this, case, member_hubs(*range(24))) == []
    but_one = member_hubs(*range(23))
    assert misses(this, case, but_one) == [("", 1, Fraction(1, 24))]
    assert this.causes(case, but_one, 0) == [(("hub 23",), 1)]
    assert this.measure(case, but_one, 0) == (Fraction(23, 24), 1)
    assert this.measure(case, opening(), 0) == (1, 1)


def test_a_hospital_that_leads_a_consortium_is_in_it_and_a_hub_that_is_closed_in_none() -> None:
    # Of the two hospitals one leads: 1 of 2. With the hubs, 23 + 1 of 26 are members, and of the hubs that are open
    # it is the first 23 of 23 where the last one is closed.
    case = replace(hubs(24), leading=leading({(j, 24): 600 for j in range(24)}))
    but_one = member_hubs(*range(23))
    assert rule("membership", kinds=("hospital",)).measure(case, but_one, 0) == (Fraction(1, 2), 1)
    both = rule("membership", kinds=("hospital", "township_hospital"))
    assert misses(both, case, but_one) == [("", 2, Fraction(2, 26))]
    closed = replace(member_hubs(*range(24)), open=but_one.open - {(23, 0)})
    assert rule("membership", kinds=("township_hospital",)).members(case, closed, 0) == (23, 23)


# what all of them have in common


@pytest.mark.parametrize(
    ("name", "numbers", "asked"),
    [
        ("posting", {"to": ("hospital",), "sent_by": "district", "at_least": 3}, 3),
        ("rounds", {"times": 2}, 2),
        ("membership", {"kinds": ("clinic",), "share": 0.7}, Fraction(7, 10)),
    ],
)
def test_what_no_plan_decides_yet_is_said_and_not_planned(name: str, numbers: dict[str, Any], asked: object) -> None:
    this = rule(name, **numbers)
    assert not this.is_decided({"siting", "staff"})
    assert this.asks() == asked


@pytest.mark.parametrize("name", ["presence", "change_limit"])
def test_where_sites_stand_is_decided(name: str) -> None:
    assert RULES[name].needs == {"siting"}


def test_sites_are_counted_by_themselves_and_with_what_they_can_do() -> None:
    assert rule("people_per_site", kinds=("clinic",), at_most=9).needs == {"siting"}
    assert rule("people_per_site", kinds=("clinic",), at_most=9, function="corner").needs == {"siting", "functions"}


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("presence", {"kinds": ("clinic",), "places": ("town",)}),
        ("presence", {"kinds": ("clinic",), "places": ()}),
        ("presence", {"kinds": ("clinic",), "places": ("village",), "share": 1.01}),
        ("presence", {"kinds": ("clinic",), "places": ("village",), "within": "anywhere"}),
        ("people_per_site", {"kinds": ("clinic",)}),
        ("people_per_site", {"kinds": ("clinic",), "at_least": 3, "at_most": 2}),
        ("people_per_site", {"kinds": ("clinic",), "at_most": 0}),
        ("people_per_site", {"kinds": ("clinic",), "at_most": 9, "setting": "seaside"}),
        ("change_limit", {"kinds": ("clinic",), "at_most": -1}),
        ("posting", {"to": ("school",), "sent_by": "district"}),
        ("posting", {"to": ("hospital",), "sent_by": "nobody"}),
        ("posting", {"to": ("hospital",), "sent_by": "district", "days_per_week": 8}),
        ("rounds", {"times": 0}),
        ("rounds", {"times": 1, "unless": ("school",)}),
        ("rounds", {"times": 1, "where": "nearby"}),
        ("rounds", {"times": 1, "where": "listed"}),
        ("rounds", {"times": 1, "from_people": 800, "below_people": 800}),
        ("membership", {"kinds": ("clinic",), "share": 0}),
    ],
)
def test_a_rule_refuses_numbers_that_make_no_sense(name: str, numbers: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        rule(name, **numbers)


# the first plan


def test_a_first_plan_gives_the_row_of_villages_the_fewest_clinics() -> None:
    # Ten villages in a row, all clinics for one price: each of four has three, three, three and one village.
    this = rule("presence", kinds=("clinic",), places=("village",), within="adjoining")
    layout = greedy(ten_villages(), [this])
    assert misses(this, ten_villages(), layout) == []
    assert len(layout.open) == 4


def test_a_first_plan_opens_the_stations_that_its_people_need_and_no_more_than_they_may_have() -> None:
    this = rule("people_per_site", **TIANJIN)
    assert len(greedy(stations(40_000), [this]).open) == 3
    # Everybody wants to be served where there is room for 5,000 only: eight would be needed, four are allowed.
    small = make(
        [[40_000]], [site(f"{n}", "station", capacity=5_000) for n in range(9)], {(0, n): 60 for n in range(9)}
    )
    assert len(greedy(small, [rule("reach", share=1.0)]).open) == 8
    assert len(greedy(small, [rule("reach", share=1.0), this]).open) == 4


def test_a_first_plan_changes_no_more_than_it_may() -> None:
    wanted = rule("presence", kinds=("clinic",), places=("village",))
    assert len(greedy(ten_villages(), [wanted]).open) == 10
    assert len(greedy(ten_villages(), [wanted, rule("change_limit", kinds=("clinic",), at_most=3)]).open) == 3
    stations_only = rule("change_limit", kinds=("station",), at_most=0)
    assert len(greedy(ten_villages(), [wanted, stations_only]).open) == 10


# whole plans

HEAD = """
title = { zh = "示例", en = "Example" }
district = "FOLDER"
as_of = 2024-12-26
years = [2025, 2027]
circle = "eight_minutes"
draws = 0
"""
WANTED = """
[rules.next_door]
rule = "presence"
kinds = ["clinic"]
places = ["village"]
within = "adjoining"
strength = "in_principle"
source = "ST-21"
basis = "assumed"

[rules.next_door_once_more]
rule = "presence"
kinds = ["clinic"]
places = ["village"]
within = "adjoining"
share = 0.5
years = [2027]
strength = "must"
source = "another document"
basis = "assumed"
"""


def model_file(where: Path, rules: str) -> Path:
    """Write a model of the small district with these rules, whose only goal is cost."""
    text = (DATA / "tiny.toml").read_text(encoding="utf-8")
    siting = text[text.index("[siting.clinic]") : text.index("[rules.")]
    file = where / "mine.toml"
    goal = '\n[[goals]]\ngoal = "cost"\n'
    file.write_text(HEAD.replace("FOLDER", str(DATA / "tiny")) + siting + rules + goal, encoding="utf-8")
    return file


def planned(where: Path, rules: str) -> dict[tuple[str, int], dict[str, Any]]:
    """Plan the small district under these rules, recheck the plan, and return its scorecard by rule and year."""
    content = plan(read_district(DATA / "tiny"), read_model(model_file(where, rules))).content
    assert verify(content).sound
    return {(row["rule"], row["year"]): row for row in content["scorecard"]}


def test_a_plan_gives_every_village_a_clinic_next_door_and_the_towns_their_stations(tmp_path: Path) -> None:
    # 16,480 of the 34,781 people live in urban places, at 6,000 to a station: three of them; one stands already.
    rules = """
[rules.stations]
rule = "people_per_site"
kinds = ["station"]
at_most = 6000
setting = "urban"
strength = "must"
source = "ST-16, scaled to a small district"
basis = "assumed"
"""
    found = planned(tmp_path, WANTED + rules)
    assert {row["status"] for row in found.values()} == {"met"}
    assert found["stations", 2025]["value"] == found["stations", 2025]["target"] == 3
    assert found["stations", 2025]["today"] == 1
    assert found["next_door", 2025]["value"] == 1


def test_a_plan_that_may_change_little_says_how_many_villages_lack_a_clinic_and_which(tmp_path: Path) -> None:
    rules = """
[rules.own]
rule = "presence"
kinds = ["clinic"]
places = ["village"]
strength = "in_principle"
source = "ST-21, read strictly"
basis = "assumed"

[rules.still]
rule = "change_limit"
kinds = ["clinic", "station"]
at_most = 2
strength = "must"
source = "what can be built in a year"
basis = "assumed"
"""
    found = planned(tmp_path, rules)
    # Of 30 villages one has a clinic today. Two more in 2025 make three, and two more in 2027 five.
    assert [(found["still", year]["status"], found["still", year]["value"]) for year in (2025, 2027)] == [
        ("met", 2)
    ] * 2
    assert [found["own", year]["shortfall"] for year in (2025, 2027)] == [27, 25]
    assert [found["own", year]["status"] for year in (2025, 2027)] == ["missed", "missed"]
    causes = found["own", 2025]["causes"]
    assert len(causes) == 10
    assert all(cause["shortfall"] == 1 and cause["name"].endswith("村委会") for cause in causes)


def test_a_model_file_names_the_kinds_of_place_and_of_institution_that_there_are(tmp_path: Path) -> None:
    wrong = WANTED.replace('places = ["village"]', 'places = ["hamlet"]', 1)
    wrong += (
        WANTED.replace("next_door", "posted")
        .replace('rule = "presence"', 'rule = "posting"')
        .split("\n[rules.posted_")[0]
    )
    with pytest.raises(ModelError) as error:
        read_model(model_file(tmp_path, wrong))
    columns = {problem.column for problem in error.value.problems}
    assert {"rules.next_door.places.0", "rules.posted.to", "rules.posted.sent_by", "rules.posted.kinds"} <= columns
