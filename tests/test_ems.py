"""Ambulance stations: how far they reach, how many there should be, and stations that stand by themselves."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import ability, able, called, make, rule, site
from villages import model, road

from allocate import decisions
from allocate.candidates import make_case
from allocate.card import sentence
from allocate.case import Case
from allocate.consistency import findings
from allocate.costs import whole_cost
from allocate.district import District, FunctionThere, Institution
from allocate.equip import equip
from allocate.errors import ModelError
from allocate.goals import Cost
from allocate.layout import Layout
from allocate.merging import merge_places
from allocate.model import Model
from allocate.planning import plan
from allocate.plans import Plan
from allocate.posts import staff
from allocate.program import Options
from allocate.report.sheets import reason, sheets
from allocate.rules import Rule
from allocate.search import lay_out
from allocate.travel import Mode
from allocate.units import Basis
from allocate.verification import verify

QUICK = Options(seconds=20, gap=0.0, threads=1, quick=True)
CITY = {"urban": 4_000, "rural": 15_000}
TOLD = {"basis": "assumed", "source": "made up"}
NAME = {"zh": "急救站点", "en": "ambulance station"}
KINDS = ("hospital", "township_hospital", "ems_station")
STATION: dict[str, Any] = {"stands_in": ["village"], "opening": 1, "yearly": 1} | TOLD


def along(places: Mapping[float, tuple[str, int]], stations: Mapping[float, str], **changes: Any) -> Case:
    """Return places at a metre of a road, each with its setting and people, and sites at a metre, each of a kind.

    Stations of their own are candidates for 700 yuan; all else stands. All may have the function, for 100 yuan.
    """
    sites = [
        site(f"S{j}", kind=kind, exists=kind != "ems_station", opening=700 if kind == "ems_station" else 0)
        for j, kind in enumerate(stations.values())
    ]
    people = [[number] for _, number in places.values()]
    case = make(
        people,
        sites,
        {},
        spots=[(at, 0.0) for at in stations],
        place_settings=[setting for setting, _ in places.values()],
    )
    ems = ability("ems", at=KINDS, always_at=["ems_station"], opening=100)
    return able(case, {"ems": ems}, place_spots=np.array([(at, 0.0) for at in places]), **changes)


def having(case: Case, *sites: int) -> Layout:
    """Return the layout in which what stands is open, and these sites, which have the function."""
    is_open = {(j, 0) for j, at in enumerate(case.sites) if at.exists} | {(j, 0) for j in sites}
    return Layout(frozenset(is_open), amounts={("ems", j, 0): 1 for j in sites})


def reach(share: float = 0.95, **numbers: Any) -> Rule:
    return rule("function_reach", **({"function": "ems", "share": share, "metres": CITY} | numbers))


def test_a_station_reaches_four_kilometres_in_town_and_fifteen_in_the_country() -> None:
    places = {0: ("urban", 1_000), 3_900: ("urban", 500), 4_200: ("urban", 300)}
    places |= {14_900: ("rural", 200), 15_200: ("rural", 100)}
    case = along(places, {0: "township_hospital"})
    # Near enough: 1,000 + 500 + 200 = 1,700 of 2,100 people. 95 % of 2,100 are 1,995: 295 are missing.
    (breach,) = reach().breaches(case, having(case, 0))
    assert (breach.shortfall, breach.target) == (295, 1_995)
    assert breach.details == {"people": 1_700, "target": 1_995}
    assert reach().measure(case, having(case, 0), 0) == (Fraction(17, 21), Fraction(19, 20))
    assert reach().causes(case, having(case, 0), 0) == [(("P3",), 300), (("P5",), 100)]
    assert list(reach(0.8).breaches(case, having(case, 0))) == []
    # Without a station nobody is reached, and all 1,995 are missing.
    assert [breach.shortfall for breach in reach().breaches(case, having(case))] == [1_995]


def test_a_straight_line_counts_in_whole_metres() -> None:
    case = along({4_000.4: ("urban", 1), 4_000.6: ("urban", 1)}, {0: "hospital"})
    assert case.near("ems", CITY) == ((0,), ())


def test_a_place_of_which_nobody_knows_whether_it_is_urban_counts_by_the_shorter_way() -> None:
    case = along({4_001: ("", 1), 3_999: ("", 1), -4_001: ("rural", 1)}, {0: "hospital"})
    assert case.near("ems", CITY) == ((), (0,), (0,))
    assert case.near("ems", {"urban": 15_000, "rural": 4_000}) == ((), (0,), ())


@given(
    speed=st.integers(5, 120),
    detour=st.sampled_from((1.0, 1.2, 1.35)),
    limit=st.integers(1, 30),
    where=st.lists(st.integers(0, 40_000), min_size=1, max_size=5),
)
@settings(max_examples=30, deadline=None)
def test_minutes_reach_what_takes_no_longer(speed: int, detour: float, limit: int, where: list[int]) -> None:
    told = {"name": {"zh": "车", "en": "car"}, "speed_kmh": speed, "detour": detour}
    car = Mode.model_validate(told | TOLD)
    case = along(dict.fromkeys(dict.fromkeys(where), ("urban", 1)), {0: "hospital"}, modes={"car": car})
    near = case.near("ems", {"urban": limit * 60, "rural": limit * 60}, "car")
    assert [bool(sites) for sites in near] == [car.seconds(at) <= limit * 60 for at in dict.fromkeys(where)]


def test_what_the_planners_own_table_says_of_a_way_to_travel_counts_alone() -> None:
    district = road({"a": (0, 10), "b": (1, 10), "c": (99, 10)})
    # By the straight line the hub, at kilometre 100, is near to c only; the table has it near to a.
    district = replace(district, travel={("a", "hub", "car"): 7.5, ("b", "hub", "car"): 8.5})
    numbers = {"rule": "function_reach", "function": "ems", "share": 0.5, "strength": "must", "mode": "car"}
    own = modelled({"ems": numbers | {"minutes": {"urban": 8, "rural": 8}}})
    case = make_case(district, own)
    near = case.near("ems", {"urban": 480, "rural": 480}, "car")
    assert [[case.sites[j].id for j in sites] for sites in near] == [
        ["hub", "ems_station-a"],
        ["ems_station-b"],
        ["ems_station-c"],
    ]


def test_baodis_people_need_nine_stations_and_twenty_three_ambulances() -> None:
    # 686,785 people in 2025: 686,785 / 80,000 = 8.58, so nine stations; 686,785 / 30,000 = 22.89, so 23 vehicles.
    case = along({0: ("urban", 309_040), 1: ("rural", 377_745)}, dict.fromkeys(range(12), "township_hospital"))
    stations = rule("people_per_site", kinds=KINDS, function="ems", at_most=80_000)
    assert [row.bound for row in stations.rows(case)] == [9]
    assert [breach.shortfall for breach in stations.breaches(case, having(case, *range(8)))] == [1]
    assert list(stations.breaches(case, having(case, *range(9)))) == []
    assert stations.measure(case, having(case, *range(8)), 0) == (8, 9)
    vehicles = rule("rate", resource="ambulances", per=30_000, at_least=1)
    assert [row.bound for row in vehicles.rows(case)] == [23]
    assert (vehicles.unit, vehicles.measured_in) == ("vehicles", "per_30000")


def test_sites_that_are_open_without_the_function_do_not_count() -> None:
    case = along({0: ("urban", 100)}, {0: "hospital", 1: "township_hospital"})
    two = rule("people_per_site", kinds=KINDS, function="ems", at_most=50)
    assert [breach.shortfall for breach in two.breaches(case, having(case, 0))] == [1]
    plain = rule("people_per_site", kinds=KINDS, at_most=50)
    assert list(plain.breaches(case, having(case, 0))) == []


def test_a_rule_reads_as_a_sentence_with_both_settings() -> None:
    assert sentence(reach(), "en") == (
        "At least 95 % of the people of the district live near enough to this: an ambulance station "
        "(urban: 4,000 m as the crow flies, rural: 15,000 m as the crow flies)"
    )
    assert "城镇直线 4,000 米" in sentence(reach(), "zh")
    timed = reach(metres=None, minutes={"urban": 8, "rural": 15}, mode="car")
    assert "urban: 8 min, rural: 15 min" in sentence(timed, "en")


# What an open station is.


def test_an_ambulance_station_is_nothing_else() -> None:
    case = called()
    at = len(case.sites) - 1
    is_open = {(j, t) for j, one in enumerate(case.sites) if one.exists for t in case.periods}
    bare = Layout(frozenset(is_open | {(at, 1)}))
    assert [breach.about for breach in decisions.breaches(case, bare)] == [("always", "ems", "E", 2027)]
    whole = replace(bare, amounts={("ems", at, 1): 1})
    assert list(decisions.breaches(case, whole)) == []
    said = {row.about: row for row in decisions.rows_beside_sites(case)}
    assert said["always", "ems", "E", 2027].terms == {("amount", "ems", at, 1): 1, ("open", at, 1): -1}


def test_a_station_of_today_has_its_function_whether_a_table_says_so_or_not() -> None:
    old = Institution("old", "old", "ems_station", "T1", Basis.SURVEYED, 117.0, 39.7, Basis.SURVEYED, "made up")
    district = road({"a": (0, 10)})
    district = replace(district, institutions=(*district.institutions, old))
    case = make_case(district, modelled({}))
    assert case.had == {("ems", site_of(case, "old")): -1}
    listed = replace(
        district,
        functions=(
            FunctionThere("old", "ems", Basis.SURVEYED, "made up"),
            FunctionThere("hub", "ems", Basis.SURVEYED, "made up"),
        ),
    )
    assert set(make_case(listed, modelled({})).had) == {("ems", site_of(case, "old")), ("ems", site_of(case, "hub"))}


def test_a_new_station_is_a_candidate_that_serves_nobody() -> None:
    case = make_case(road({"a": (0, 10), "b": (1, 10)}), modelled({}))
    j = site_of(case, "ems_station-b")
    assert (case.sites[j].name, case.sites[j].place, case.places_of[j]) == ("b急救站点", 1, ())
    assert (case.employer_of[j], case.above(j), case.sites[j].closable) == (j, -1, False)


# From tables to a plan.


def modelled(rules: Mapping[str, Mapping[str, Any]], **more: Any) -> Model:
    """Return a model with ambulances at hubs and at stations of their own: 600,000 yuan, and 900,000 a year.

    The building of one of its own costs 2,000,000, and 100,000 a year; a vehicle 500,000, and 350,000 a year.
    """
    ambulances = {"at": {"township_hospital": 3, "ems_station": 3}, "yearly": 350_000, "adding": 500_000}
    ems = {"name": NAME, "at": ["township_hospital", "ems_station"], "always_at": ["ems_station"]}
    ems |= {"staff": {"ambulances": 1}, "brings": {"ambulances": 2}, "opening": 600_000, "yearly": 900_000}
    station = {"stands_in": ["village"], "opening": 2_000_000, "yearly": 100_000}
    tables: dict[str, Any] = {
        "siting": {"ems_station": station | TOLD},
        "resources": {"ambulances": ambulances | TOLD},
        "functions": {"ems": ems | TOLD},
        "modes": {
            "walk": {"name": NAME, "speed_kmh": 4.0, "detour": 1.0} | TOLD,
            "car": {"name": NAME, "speed_kmh": 30.0, "detour": 1.0} | TOLD,
        },
    }
    return model(rules, **(tables | more))


def site_of(case: Case, name: str) -> int:
    return case.site_index[name]


def district() -> District:
    """Return two urban villages, three kilometres apart, and a rural one nine further on; the hub is far away."""
    plain = road({"a": (0, 1_000), "b": (3, 800), "c": (12, 500)})
    settings_ = ("urban", "urban", "rural")
    return replace(
        plain,
        places=tuple(replace(place, setting=setting) for place, setting in zip(plain.places, settings_, strict=True)),
    )


REACH = {"rule": "function_reach", "function": "ems", "metres": CITY, "strength": "must"}


@pytest.fixture(scope="module")
def finished() -> Plan:
    people = {"rule": "people_per_site", "kinds": list(KINDS), "function": "ems", "at_most": 2_300, "strength": "must"}
    rate = {"rule": "rate", "resource": "ambulances", "per": 1000, "at_least": 0.8, "strength": "must"}
    rules = {"near": REACH | {"share": 1.0}, "enough": people, "vehicles": rate}
    return plan(district(), modelled(rules, draws=0), QUICK, gap=0.0, processes=1)


def test_the_plan_opens_one_station_where_everybody_is_near(finished: Plan) -> None:
    # At a or at b a station is near everybody: c lies 12 or 9 km away, in the country. At c it is too far for a and b.
    opened = [row["id"] for row in finished.content["sites"] if row["kind"] == "ems_station"]
    assert opened in (["ems_station-a"], ["ems_station-b"])
    assert [(row["function"], row["id"], row["since"]) for row in finished.content["functions"]] == [
        ("ems", opened[0], 2025)
    ]
    # 0.8 for 1,000 people, 2,300 of them: 1.84, so two vehicles, which is as many as a station takes.
    assert [(row["id"], row["number"]) for row in finished.content["staff"]] == [(opened[0], 2)]
    # Building 2.1, function 1.5, two vehicles 2 × 0.85 million yuan, in one plan year of one calendar year.
    (cost,) = [stage for stage in finished.content["stages"] if stage["name"] == "cost"]
    assert (cost["value"], cost["gap"]) == (2_100_000 + 1_500_000 + 2 * 850_000, 0)
    assert {line["status"] for line in finished.content["scorecard"]} == {"met"}


def test_who_lives_near_stands_in_the_plan_by_town(finished: Plan) -> None:
    row = {"rule": "near", "function": "ems", "year": 2025, "people": 2_300, "covered": 2_300, "share": 1.0}
    assert finished.content["function_reach"] == [row | {"scope": "district"}, row | {"scope": "T1"}]


def test_the_recheck_finds_a_station_without_its_function_and_wrong_figures(finished: Plan) -> None:
    assert verify(finished.content).findings == ()
    wrong = dict(finished.content) | {"functions": []}
    assert any("always" in one.where for one in verify(wrong).findings)
    rows = [row | {"covered": 2_299} for row in finished.content["function_reach"]]
    assert [one.where for one in verify(dict(finished.content) | {"function_reach": rows}).findings] == [
        "function_reach[0].covered",
        "function_reach[1].covered",
    ]


def test_a_station_is_in_the_plan_for_its_ambulances_and_not_for_those_who_would_go_there(finished: Plan) -> None:
    (row,) = (row for row in finished.content["sites"] if row["kind"] == "ems_station")
    assert reason(row, (2025,), "en") == "an ambulance station: ambulances leave from it, and nobody goes there"


def test_today_is_known_where_a_table_says_who_has_the_function() -> None:
    clinic = Institution("old", "old", "clinic", "T1", Basis.SURVEYED, 117.0, 39.7, Basis.SURVEYED, "made up")
    numbers = {"rule": "function_reach", "function": "ems", "share": 0.5, "strength": "must", "metres": CITY}
    told = modelled({"near": numbers}, siting={"clinic": STATION}, draws=0)
    # The hub at kilometre 100 has ambulances today, and one of two people lives near it.
    plain = road({"a": (99, 1), "b": (0, 1)})
    unknown = replace(plain, institutions=(*plain.institutions, clinic))
    known = replace(unknown, functions=(FunctionThere("hub", "ems", Basis.SURVEYED, "made up"),))
    lines = [plan(one, told, QUICK, processes=1).content["scorecard"] for one in (known, unknown)]
    assert [(line["today"], line["value"]) for (line,) in lines] == [(0.5, 0.5), (None, 0.5)]


def test_a_share_that_nothing_could_reach_is_said_before_planning() -> None:
    far = modelled({"near": REACH | {"share": 1.0}}, siting={"clinic": STATION})
    found = [one for one in findings(far, district(), make_case(district(), far)) if one.kind == "unmeetable"]
    assert [one.words for one in found] == ["finding.no_function_near"]
    assert "2,300" in found[0].sentence()


@pytest.mark.parametrize(
    ("change", "column", "what"),
    [
        ({"siting": {"ems_station": STATION | {"serves": ["village"]}}}, "serves", "problem.siting_ambulances"),
        ({"siting": {"ems_station": STATION | {"may_close": True}}}, "may_close", "problem.siting_ambulances"),
        ({"functions": {}}, "siting.ems_station", "problem.siting_function_ems_station"),
    ],
)
def test_what_makes_no_sense_of_a_station_is_refused(change: dict[str, Any], column: str, what: str) -> None:
    with pytest.raises(ModelError) as refused:
        modelled({}, **change)
    (problem,) = refused.value.problems
    assert problem.column.endswith(column)
    assert problem.what == what


@pytest.mark.parametrize(
    ("numbers", "column"),
    [
        ({"metres": {"urban": 4_000}}, "rules.near.metres"),
        ({"metres": None}, "rules.near"),
        ({"minutes": {"urban": 8, "rural": 8}, "mode": "car"}, "rules.near"),
        ({"metres": None, "minutes": {"urban": 8, "rural": 8}}, "rules.near"),
        ({"metres": None, "minutes": {"urban": 8, "rural": 8}, "mode": "sledge"}, "rules.near.mode"),
        ({"metres": {"urban": 0, "rural": 8}}, "rules.near.metres.urban"),
    ],
)
def test_how_far_is_said_once_and_for_urban_and_rural_places(numbers: dict[str, Any], column: str) -> None:
    told = {key: value for key, value in (REACH | {"share": 1.0} | numbers).items() if value is not None}
    with pytest.raises(ModelError) as refused:
        modelled({"near": told})
    assert [problem.column for problem in refused.value.problems] == [column]


# Against every choice that there is.


@st.composite
def roads(draw: st.DrawFn) -> Case:
    """Draw places on a road, hubs, and ambulance stations that may open."""
    spots = st.integers(0, 30_000)
    where = draw(st.lists(spots, min_size=1, max_size=5, unique=True))
    places = {float(at): (draw(st.sampled_from(("urban", "rural", ""))), draw(st.integers(0, 3))) for at in where}
    kinds = st.sampled_from(("township_hospital", "ems_station"))
    stations = draw(st.lists(spots, min_size=1, max_size=4, unique=True))
    return along(places, {float(at): draw(kinds) for at in stations})


def cheapest(case: Case, rules: list[Rule]) -> int | None:
    """Return what the cheapest plan costs that keeps the rules, of all there are [yuan]; None where none does."""
    costs = []
    for chosen in product((0, 1), repeat=len(case.sites)):
        layout = having(case, *(j for j, on in enumerate(chosen) if on))
        if not any(breach for one in rules for breach in one.breaches(case, layout)):
            costs.append(whole_cost(case, layout))
    return min(costs, default=None)


@given(case=roads(), share=st.sampled_from((0.5, 0.8, 1.0)), most=st.sampled_from((None, 2)))
@settings(max_examples=25, deadline=None)
def test_the_plan_is_the_cheapest_of_all_and_the_start_keeps_what_can_be_kept(
    case: Case, share: float, most: int | None
) -> None:
    rules: dict[str, Rule] = {"near": reach(share)}
    if most:
        rules["enough"] = rule("people_per_site", kinds=KINDS, function="ems", at_most=most)
    best = cheapest(case, list(rules.values()))
    begun = staff(case, rules.values(), Layout(having(case).open))
    assert list(decisions.breaches(case, begun)) == []
    short = [breach for one in rules.values() for breach in one.breaches(case, begun)]
    assert bool(short) == (best is None)
    told = replace(modelled({}), rules=rules, goals={"cost": replace(Cost(), gap=0.0)}, years=case.years)
    found = lay_out(case, told, QUICK, gap=0.0).layout
    assert list(decisions.breaches(case, found)) == []
    if best is not None:
        assert whole_cost(case, found) == best


@given(case=roads())
@settings(max_examples=25, deadline=None)
def test_places_are_merged_only_where_the_same_stations_are_near(case: Case) -> None:
    # (Everybody goes to one clinic, so that nothing else tells places apart.)
    sites = (*case.sites, site("C", exists=True))
    seconds = {(i, len(case.sites)): 60 for i in range(len(case.places))}
    links = make(case.people.tolist(), sites, seconds).links
    case = replace(case, sites=sites, links=links, spots=np.vstack([case.spots, [0.0, 0.0]]))
    this = reach(1.0)
    merged = merge_places(case, [this], []).case
    for chosen in product((0, 1), repeat=len(case.sites) - 1):
        layout = having(case, *(j for j, on in enumerate(chosen) if on))
        assert this.measure(merged, layout, 0) == this.measure(case, layout, 0)


def test_the_start_sets_up_at_open_sites_before_it_opens_new_ones() -> None:
    # The hub reaches both places; a station of its own beside the first would reach it as well.
    case = along({0: ("urban", 9), 3_000: ("urban", 1)}, {0: "ems_station", 2_000: "township_hospital"})
    begun = equip(case, [reach(1.0)], having(case))
    assert {(name, j) for (name, j, _), number in begun.amounts.items() if number} == {("ems", 1)}
    assert begun.open == having(case).open
    # Where the hub is too far for one of them, a station opens there.
    far = along({0: ("urban", 9), 5_000: ("urban", 1)}, {0: "ems_station", 4_500: "township_hospital"})
    begun = equip(far, [reach(1.0)], having(far))
    assert begun.open == having(far, 0).open
    assert {j for (_, j, _) in begun.amounts} == {0, 1}


def test_a_station_that_a_clause_forbids_stays_shut() -> None:
    case = along({0: ("urban", 9)}, {0: "ems_station"})
    forbidden = rule("forbid", sites=("S0",))
    assert equip(case, [forbidden, reach(1.0)], having(case)).open == frozenset()
    assert equip(case, [reach(1.0)], having(case)).open == {(0, 0)}


def test_a_table_shows_by_town_who_lives_near_a_station(finished: Plan) -> None:
    table = sheets(finished.content, "en")["function_reach"]
    names = [field.name for field in table.fields]
    lines = [dict(zip(names, row, strict=True)) for row in table.rows]
    assert [(line["town"], line["people"], line["near_people"], line["near_share"]) for line in lines] == [
        ("whole district", 2_300, 2_300, 1.0),
        ("一镇", 2_300, 2_300, 1.0),
    ]
    assert {(line["function"], line["asked_by"]) for line in lines} == {("ambulance station", "set by the model")}
