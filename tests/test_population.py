"""People of the plan years: totals by hand, sums to the person, and one message for every table that cannot be used."""

import copy
import dataclasses
import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from conftest import Tiny
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tiny import cases, lawful_layouts, make, rule, site

from allocate import tables
from allocate.candidates import make_case
from allocate.case import Case
from allocate.checking import check_all
from allocate.district import District, Fact, Growth, Place, PlaceYear, Town
from allocate.errors import AllocateError, InputError
from allocate.merging import merge_places, merge_years
from allocate.model import read_model
from allocate.planning import plan
from allocate.plans import Plan, assumptions, district_data, district_of, ledger_by_age
from allocate.population import AGES, COLUMNS, Projection, faults, project, registered_share, trend, yearly_rate
from allocate.read import read_district
from allocate.rules import Rate
from allocate.shares import in_proportion, spread
from allocate.units import Basis
from allocate.verification import verify
from allocate.words import LANGUAGES, speaking

YEARS = (2025, 2027, 2030, 2035)
STATUSES = ("served", "no_capacity", "rounds", "posted", "out_of_range")
QUICKLY = settings(max_examples=80, deadline=None)


def by(method: str, basis: Basis = Basis.ASSUMED) -> Projection:
    return Projection(method=method, basis=basis, source="a toy")


def fact(indicator: str, value: int, day: str = "2020-11-01") -> Fact:
    return Fact(indicator, value, "persons", day, Basis.OFFICIAL, "a toy")


def toy(people: Mapping[str, Sequence[int]], **more: Any) -> District:
    """Return a district of towns with the people of their places: T1P1, T1P2, …; counted on 2020-11-01."""
    places = [
        Place(f"{town}P{n}", f"{town}P{n}", "village", town, people=count, people_basis=Basis.OFFICIAL)
        for town, counts in people.items()
        for n, count in enumerate(counts, start=1)
    ]
    total = sum(place.people or 0 for place in places)
    facts = {"population": fact("population", total)} | {one.indicator: one for one in more.pop("facts", ())}
    return District(
        id="toy",
        name={"zh": "某区", "en": "Toy"},
        code="1",
        datum="wgs84",
        epsg=4548,
        places=tuple(more.pop("places", places)),
        towns=tuple(Town(town, f"town {town}", "town") for town in people),
        institutions=(),
        facts=facts,
        boundary={},
        **more,
    )


def aged(district: District, **groups: Sequence[int]) -> District:
    """Return a district whose places have people of some ages, such as people_65=[3, 4]."""
    rows = zip(*groups.values(), strict=True)
    places = [
        dataclasses.replace(place, **dict(zip(groups, row, strict=True)))
        for place, row in zip(district.places, rows, strict=True)
    ]
    return dataclasses.replace(district, places=tuple(places))


# ---- the trend ----


def test_the_trend_of_baodi_is_what_a_calculator_says() -> None:
    baodi = read_district("baodi")
    found = project(baodi, by("trend"), YEARS)
    # 722,367 ÷ 799,157 = 0.903911 in ten years: −1.005 % a year (its tenth root is 0.989948).
    assert round(100 * yearly_rate(baodi), 3) == -1.005
    # 2025, 5 years on:  722,367 × 0.903911^0.5 = 722,367 × 0.950742 = 686,785.
    # 2027, 7 years on:  722,367 × 0.903911^0.7 = 722,367 × 0.931726 = 673,048.
    # 2030, 10 years on: 722,367² ÷ 799,157 = 521,814,082,689 ÷ 799,157 = 652,955.7.
    # 2035, 15 years on: 652,955.7 × 0.950742 = 620,792.5 and some: 620,793.
    assert [found.total(t) for t in range(4)] == [686_785, 673_048, 652_956, 620_793]
    assert found.bases == (Basis.ASSUMED,) * 4
    # Every place differs from its own exact share by less than a person.
    for t in range(4):
        shares = [Fraction((place.people or 0) * found.total(t), 722_367) for place in baodi.places]
        assert all(abs(int(n) - share) < 1 for n, share in zip(found.people[:, t], shares, strict=True))


def test_the_aged_of_later_years_keep_their_share_of_every_place() -> None:
    baodi = read_district("baodi")
    found = project(baodi, by("trend"), YEARS)
    # 114,316 of 722,367 are 15.825 %, of 620,793: 98,242; 106,903 are 14.799 %, of 620,793: 91,871. Places are rounded
    # one by one, 822 of them: the sums are off by some √(822 ÷ 12), about 8, and seldom by three times that.
    assert abs((found.in_group("aged_65", 3) or 0) - 98_242) <= 25
    assert abs((found.in_group("aged_0_14", 3) or 0) - 91_871) <= 25
    assert tuple(found.ages) == ("aged_0_14", "aged_15_64", "aged_65")
    assert found.ages_held == 2 * 4 * 822


def test_a_district_that_grows_by_a_half_in_ten_years_grows_by_a_half_in_the_next_ten() -> None:
    district = toy({"T1": [60, 30]}, facts=[fact("population_2010", 60, "2010-11-01")])
    # 90 × 90 ÷ 60 = 135; the places have two thirds and one third: 90 and 45.
    assert project(district, by("trend"), (2030,)).people.tolist() == [[90], [45]]


def test_the_trend_counts_the_years_between_the_days_of_the_two_censuses() -> None:
    district = toy({"T1": [81]}, facts=[fact("population_2010", 100, "2018-11-01")])
    # 100 → 81 in two years is −10 % a year: 72.9, then 65.61.
    assert trend(district, [2020, 2021, 2022]) == [81, 73, 66]


def test_what_is_just_a_half_is_rounded_up_whichever_way_it_was_worked_out() -> None:
    half = toy({"T1": [3]}, facts=[fact("population_2010", 2, "2019-11-01")])
    # 3 × 3 ÷ 2 = 4.5.
    assert trend(half, [2021]) == [5]
    root = toy({"T1": [1]}, facts=[fact("population_2010", 4, "2018-11-01")])
    # 1 × (1 ÷ 4)^(1 ÷ 2) = 0.5.
    assert trend(root, [2021]) == [1]


@given(
    people=st.lists(st.integers(0, 3000), min_size=1, max_size=12).filter(any),
    before=st.integers(1, 30_000),
    gap=st.integers(1, 15),
    years=st.lists(st.integers(2020, 2040), min_size=1, max_size=4, unique=True).map(sorted),
)
@QUICKLY
def test_places_add_up_to_the_trend_of_the_district_to_the_person(
    people: list[int], before: int, gap: int, years: list[int]
) -> None:
    district = toy({"T1": people}, facts=[fact("population_2010", before, f"{2020 - gap}-11-01")])
    # (What empties a district, or fills the world, is refused.)
    assume(not faults(district, by("trend"), years))
    found, totals = project(district, by("trend"), years), trend(district, years)
    assert [found.total(t) for t in range(len(years))] == totals
    whole = sum(people)
    for t, (year, total) in enumerate(zip(years, totals, strict=True)):
        near = whole * (whole / before) ** ((year - 2020) / gap)
        assert abs(total - near) <= 0.5 + 1e-9 * near
        for i, count in enumerate(people):
            assert abs(int(found.people[i, t]) - Fraction(count * total, whole)) < 1


# ---- growth ----


def test_one_town_grows_by_a_tenth_a_year_and_another_loses_a_fifth() -> None:
    rates = (
        Growth("T1", 10.0, Basis.OFFICIAL, "a toy"),
        Growth("T2", -20.0, Basis.SURVEYED, "a toy"),
    )
    district = toy({"T1": [60, 40], "T2": [50], "T3": [7]}, growth=rates)
    found = project(district, by("growth", Basis.OFFICIAL), (2021, 2022))
    # T1: 100 → 110 → 121. 121 × 0.6 = 72.6 and 121 × 0.4 = 48.4: the greater remainder gets the person left.
    # T2: 50 → 40 → 32. T3 has no rate and stays.
    assert found.people.tolist() == [[66, 73], [44, 48], [40, 32], [7, 7]]
    # Nobody says that T3 stays as it is: that is assumed.
    assert found.bases == (Basis.ASSUMED, Basis.ASSUMED)


def test_the_basis_of_growth_is_the_weakest_of_its_rates_and_of_the_method() -> None:
    rate = Growth("T1", 1.0, Basis.SURVEYED, "a toy")
    district = toy({"T1": [100]}, growth=(rate,))
    assert project(district, by("growth", Basis.OFFICIAL), (2025,)).bases == (Basis.SURVEYED,)
    assert project(district, by("growth", Basis.ESTIMATED), (2025,)).bases == (Basis.ESTIMATED,)


def test_a_rate_holds_between_its_years_only() -> None:
    rates = (
        Growth("T1", 100.0, Basis.ASSUMED, "a toy", to_year=2021),
        Growth("T1", -50.0, Basis.ASSUMED, "a toy", from_year=2023, to_year=2025),
    )
    district = toy({"T1": [40]}, growth=rates)
    # Twice as many in 2021, then still, then half of the year before in 2024 and in 2025, then still.
    found = project(district, by("growth"), (2020, 2021, 2022, 2023, 2024, 2025, 2030))
    assert found.people.tolist() == [[40, 80, 80, 80, 40, 20, 20]]


@given(
    towns=st.lists(st.lists(st.integers(0, 500), min_size=1, max_size=5), min_size=1, max_size=4),
    percent=st.lists(st.integers(-300, 300), min_size=4, max_size=4),
    year=st.integers(2020, 2035),
)
@QUICKLY
def test_every_town_adds_up_to_its_own_growth_to_the_person(
    towns: list[list[int]], percent: list[int], year: int
) -> None:
    people = {f"T{n}": counts for n, counts in enumerate(towns)}
    rates = tuple(Growth(town, percent[n] / 10, Basis.ASSUMED, "a toy") for n, town in enumerate(people))
    district = toy(people, growth=rates)
    found = project(district, by("growth"), (year,))
    for n, (town, counts) in enumerate(people.items()):
        exact = sum(counts) * (1 + Fraction(percent[n], 1000)) ** (year - 2020)
        inside = [i for i, place in enumerate(district.places) if place.town == town]
        total = int(found.people[inside, 0].sum())
        assert abs(total - exact) <= Fraction(1, 2)
        assert all(abs(int(found.people[i, 0]) * sum(counts) - total * counts[k]) < max(1, sum(counts))
                   for k, i in enumerate(inside))  # fmt: skip


# ---- the planner's own table ----


def rows(*cells: tuple[Any, ...], basis: Basis = Basis.OFFICIAL) -> tuple[PlaceYear, ...]:
    return tuple(PlaceYear(place, year, people, basis, "a toy", *ages) for place, year, people, *ages in cells)


def test_a_table_says_who_lives_where_and_nothing_is_worked_out() -> None:
    told = rows(("T1P1", 2025, 11), ("T1P2", 2025, 0), ("T1P1", 2027, 5), ("T1P2", 2027, 8), ("T1P1", 2031, 1))
    district = toy({"T1": [10, 10]}, people_by_year=told)
    found = project(district, by("table"), (2025, 2027))
    assert found.people.tolist() == [[11, 5], [0, 8]]
    assert found.bases == (Basis.OFFICIAL, Basis.OFFICIAL)
    assert faults(district, by("table"), (2025, 2027)) == []


def test_a_table_may_say_how_many_are_old_and_what_it_leaves_open_keeps_its_share() -> None:
    told = rows(("T1P1", 2025, 20, 9, None), ("T1P2", 2025, 30, None, 20))
    district = aged(toy({"T1": [10, 10]}, people_by_year=told), people_65=[2, 4], people_0_14=[3, 1])
    found = project(district, by("table"), (2025,))
    # T1P1: 9 old as told, young 3 ÷ 10 of 20 = 6.
    # T1P2: 20 young as told, old 4 ÷ 10 of 30 would be 12, but 10 are left.
    assert {group: people[:, 0].tolist() for group, people in found.ages.items()} == {
        "aged_0_14": [6, 20],
        "aged_15_64": [5, 0],
        "aged_65": [9, 10],
    }
    assert found.ages_held == 2


def test_where_nobody_lives_today_later_people_have_the_ages_of_the_district() -> None:
    told = rows(("T1P1", 2025, 10), ("T1P2", 2025, 8))
    district = aged(toy({"T1": [20, 0]}, people_by_year=told), people_65=[5, 0])
    # A quarter of the district is old.
    found = project(district, by("table"), (2025,))
    assert found.ages["aged_65"].tolist() == [[3], [2]]


# ---- age groups ----


@pytest.mark.parametrize(
    ("known", "groups"),
    [
        ({"people_65": [1, 2], "people_0_14": [3, 4]}, ("aged_0_14", "aged_15_64", "aged_65")),
        ({"people_65": [1, 2]}, ("aged_0_64", "aged_65")),
        ({"people_0_14": [3, 4]}, ("aged_0_14", "aged_15_and_over")),
        ({"people_65": [1, None], "people_0_14": [3, 4]}, ("aged_0_14", "aged_15_and_over")),
        ({"people_65": [1, None]}, ()),
        ({}, ()),
    ],
)
def test_the_groups_are_those_that_every_place_knows(known: Mapping[str, Any], groups: tuple[str, ...]) -> None:
    district = aged(toy({"T1": [10, 10]}), **known) if known else toy({"T1": [10, 10]})
    found = project(district, None, YEARS)
    assert tuple(found.ages) == groups
    assert set(groups) <= set(AGES)
    assert found.people.tolist() == [[10] * 4] * 2
    if "aged_65" in groups:
        assert found.ages["aged_65"].tolist() == [[1] * 4, [2] * 4]


@st.composite
def aged_districts(draw: st.DrawFn) -> District:
    people = draw(st.lists(st.integers(0, 400), min_size=1, max_size=6).filter(any))
    old = [draw(st.integers(0, count)) for count in people]
    young = [draw(st.integers(0, count - some)) for count, some in zip(people, old, strict=True)]
    told = [
        PlaceYear(f"T1P{n}", 2030, total, Basis.ASSUMED, "a toy", *draw(ages_within(total)))
        for n, total in enumerate(draw(st.lists(st.integers(0, 400), min_size=len(people), max_size=len(people))), 1)
    ]
    before = fact("population_2010", draw(st.integers(1, 3000)), "2010-11-01")
    rate = Growth("T1", draw(st.integers(-50, 50)) / 10, Basis.ASSUMED, "a toy")
    district = toy({"T1": people}, facts=[before], growth=(rate,), people_by_year=tuple(told))
    return aged(district, people_65=old, people_0_14=young)


def ages_within(total: int) -> st.SearchStrategy[tuple[int | None, int | None]]:
    return st.integers(0, total).flatmap(
        lambda old: st.tuples(st.none() | st.just(old), st.none() | st.integers(0, total - old))
    )


@given(district=aged_districts(), method=st.sampled_from(["held", "trend", "growth", "table"]))
@QUICKLY
def test_age_groups_add_up_to_the_people_of_every_place_whatever_the_method(district: District, method: str) -> None:
    found = project(district, by(method), (2030,))
    assert tuple(found.ages) == ("aged_0_14", "aged_15_64", "aged_65")
    assert all((people >= 0).all() for people in found.ages.values())
    assert np.array_equal(sum(found.ages.values()), found.people)
    if method == "held":
        assert found.ages["aged_65"][:, 0].tolist() == [place.people_65 for place in district.places]
    for row, i in zip(district.people_by_year, range(len(district.places)), strict=True):
        for group, column in COLUMNS.items():
            if method == "table" and getattr(row, column) is not None:
                assert found.ages[group][i, 0] == getattr(row, column)


@given(total=st.integers(0, 1000), weights=st.lists(st.integers(0, 50), min_size=1, max_size=8).filter(any))
@QUICKLY
def test_people_spread_by_weight_add_up_and_none_is_a_person_off(total: int, weights: list[int]) -> None:
    found = spread(total, weights)
    assert sum(found) == total
    assert all(abs(n * sum(weights) - total * weight) < sum(weights) for n, weight in zip(found, weights, strict=True))


@given(groups=st.lists(st.integers(0, 50), min_size=1, max_size=5), data=st.data())
@QUICKLY
def test_a_part_of_the_people_belongs_to_the_groups_in_proportion_and_to_none_beyond_its_number(
    groups: list[int], data: st.DataObject
) -> None:
    whole = sum(groups)
    part = data.draw(st.integers(0, whole))
    found = in_proportion(np.array([part]), np.array(groups)[:, None])[:, 0].tolist()
    assert sum(found) == part
    assert all(0 <= n <= group for n, group in zip(found, groups, strict=True))
    assert all(abs(n * whole - part * group) <= whole for n, group in zip(found, groups, strict=True))


# ---- the ledger by age ----


def with_ages(case: Case, old: Sequence[Sequence[int]]) -> Case:
    people = np.array(old, dtype=np.int64).reshape(case.people.shape)
    return dataclasses.replace(case, ages={"aged_0_64": case.people - people, "aged_65": people})


def test_five_of_ten_served_are_half_of_the_old_and_half_of_the_young() -> None:
    # P1: 10 people, 4 of them old, and room for 5 at the clinic: 3 of 6 and 2 of 4 are served.
    # P2: 3 people out of range, 1 of them old.
    case = with_ages(make([[10], [3]], [site("A", capacity=5, exists=True)], {(0, 0): 60}), [[4], [1]])
    layout = next_layout(case, {(0, 0, 0): 5})
    found = {(row["scope"], row["group"]): row for row in ledger_by_age(case, layout)}
    assert found["district", "aged_65"] == {
        "scope": "district", "year": 2025, "group": "aged_65",
        "people": 5, "served": 2, "no_capacity": 2, "rounds": 0, "posted": 0, "out_of_range": 1,
    }  # fmt: skip
    assert [found["T1", "aged_0_64"][status] for status in STATUSES] == [3, 3, 0, 0, 2]


def next_layout(case: Case, serve: Mapping[tuple[int, int, int], int]) -> Any:
    from allocate.layout import Layout

    return Layout(frozenset((j, t) for j in range(len(case.sites)) for t in case.periods), dict(serve))


@given(data=st.data())
@QUICKLY
def test_groups_add_up_to_the_ledger_and_statuses_to_the_people_of_the_group(data: st.DataObject) -> None:
    case = data.draw(cases())
    old = [[data.draw(st.integers(0, int(n))) for n in line] for line in case.people]
    case = with_ages(case, old)
    layout = data.draw(lawful_layouts(case))
    lines = ledger_by_age(case, layout)
    assert len(lines) == len(case.years) * (1 + len(case.towns)) * 2
    for row in lines:
        assert all(row[status] >= 0 for status in STATUSES)
        assert sum(row[status] for status in STATUSES) == row["people"]
    for t, year in enumerate(case.years):
        whole = [row for row in lines if (row["scope"], row["year"]) == ("district", year)]
        served = sum(n for (_, u), n in layout.served.items() if u == t)
        assert sum(row["served"] for row in whole) == served
        assert {row["group"]: row["people"] for row in whole} == {
            group: int(people[:, t].sum()) for group, people in case.ages.items()
        }
        for status in STATUSES:
            towns = sum(row[status] for row in lines if row["scope"] != "district" and row["year"] == year)
            assert towns == sum(row[status] for row in whole)


# ---- smaller cases ----


def test_years_of_the_same_people_but_other_ages_are_not_merged() -> None:
    case = make([[10, 10, 10]], [site("A")], {(0, 0): 60}, years=(2025, 2027, 2030))
    assert merge_years(case, []).year_of == (0, 0, 0)
    merged = merge_years(with_ages(case, [[3, 3, 4]]), [])
    assert merged.year_of == (0, 0, 1)
    assert merged.case.ages["aged_65"].tolist() == [[3, 4]]


def test_places_that_are_merged_add_up_their_ages() -> None:
    case = make([[10], [6], [5]], [site("A"), site("B")], {(0, 0): 60, (1, 0): 60, (2, 1): 60})
    gathered = merge_places(with_ages(case, [[4], [2], [1]]), [rule("capacity", kinds=("clinic",), people=9)], [])
    assert gathered.case.people[:, 0].tolist() == [16, 0, 5]
    assert gathered.case.ages["aged_65"][:, 0].tolist() == [6, 0, 1]
    assert gathered.case.ages["aged_0_64"][:, 0].tolist() == [10, 0, 4]


# ---- registered people ----


def test_a_rate_for_registered_people_counts_them_where_their_total_is_published() -> None:
    district = toy({"T1": [1_000]}, facts=[fact(tables.REGISTERED, 1_250)])
    assert registered_share(district) == Fraction(5, 4)
    assert registered_share(toy({"T1": [1_000]})) is None
    case = make([[1_000, 800]], [site("A")], {(0, 0): 60}, years=(2025, 2030))
    known = dataclasses.replace(case, registered_share=Fraction(5, 4))
    numbers = {
        "resource": "nurses",
        "per": 1000,
        "at_least": 4.0,
        "strength": "must",
        "source": "a toy",
        "basis": "assumed",
    }
    registered, resident = Rate(**numbers, denominator="registered"), Rate(**numbers)

    def least(rule: Rate, these: Case) -> list[int | None]:
        return [low for t in (0, 1) for _, _, _, low, _ in rule.limits(these, t)]

    # 4 for every 1,000 of 1,250 registered people are 5; in 2030 of 800 residents, 1,000 registered people, 4.
    assert least(registered, known) == [5, 4]
    assert least(resident, known) == [4, 4]
    assert least(registered, case) == [4, 4]


# ---- a whole plan ----


def projected(tiny: Tiny, method: str) -> None:
    """Make the small district's model work out its people by a method, and give it what that takes."""
    table = f'[population]\nmethod = "{method}"\nbasis = "assumed"\nsource = "made up"\n\n[siting.clinic]'
    tiny.edit("tiny.toml", "[siting.clinic]", table)
    match method:
        case "trend":
            # 34,781 people lose a fifth in ten years. How many are young is known of the whole district only.
            with (tiny.folder / "facts.csv").open("a", encoding="utf-8") as file:
                file.write("population_2010,43476,persons,2010-11-01,official,made up\n")
                file.write("population_0_14,5000,persons,2020-11-01,official,made up\n")
        case "growth":
            text = "town,percent,from_year,to_year,basis,source\nT1,2.5,,,official,made up\nT2,-1,2022,2026,assumed,x\n"
            (tiny.folder / "growth.csv").write_text(text, encoding="utf-8")
        case "table":
            places = read_district(tiny.folder).places
            lines = [
                f"{place.id},{year},{(place.people or 0) + 10 * (year - 2025)},,,official,made up"
                for year in (2025, 2027)
                for place in places
            ]
            heading = "place,year,people,people_65,people_0_14,basis,source"
            (tiny.folder / "population.csv").write_text("\n".join([heading, *lines, ""]), encoding="utf-8")


@pytest.mark.parametrize("method", ["trend", "growth", "table"])
def test_a_plan_for_people_that_change_is_sound_and_says_how_they_were_worked_out(method: str, tiny: Tiny) -> None:
    projected(tiny, method)
    district, model = read_district(tiny.folder), read_model(tiny.model, {"goals": '[{ goal = "cost" }]'})
    content: dict[str, Any] = json.loads(json.dumps(dict(plan(district, model).content)))
    assert verify(content, tiny.folder).findings == ()
    case = make_case(district, model)
    people = [case.total(t) for t in case.periods]
    assert people[0] != people[1]
    assert [(row["year"], row["people"], row["method"]) for row in content["population"]] == [
        (2025, people[0], method),
        (2027, people[1], method),
    ]
    assert [row["people"] for row in content["ledger"] if row["scope"] == "district"] == people
    counted = {row["table"]: row["rows"] for row in content["assumptions"]}
    # 40 places and two years; a table that is official rests on nothing but today's ages.
    assert counted.get(f"people.later_years_{method}") == (None if method == "table" else 80)
    assert counted["people.ages_held"] == 80
    assert district_of(content).growth == district.growth
    assert district_of(content).people_by_year == district.people_by_year
    for draw, year in ((draw, year) for draw in content["draws"] for year in ("2025", "2027")):
        changed = copy.deepcopy(content)
        wrong = next(one for one in changed["draws"] if one["seed"] == draw["seed"])
        wrong["coverage"][year] = round(draw["served"][year] / district.people, 9)
        assert wrong["coverage"][year] == draw["coverage"][year] or verify(changed).findings


def test_a_plan_that_holds_people_still_says_so_and_lists_no_ages_of_later_years(tiny_plan: Plan) -> None:
    assert {row["method"] for row in tiny_plan.content["population"]} == {"held"}
    assert {row["people"] for row in tiny_plan.content["population"]} == {34_781}
    assert {row["aged_65"] for row in tiny_plan.content["population"]} == {5_777}
    assert {row["aged_0_14"] for row in tiny_plan.content["population"]} == {None}
    tables_ = {row["table"] for row in tiny_plan.content["assumptions"]}
    assert "people.later_years" in tables_
    assert not [table for table in tables_ if table.startswith(("people.later_years_", "people.ages"))]


@pytest.mark.parametrize("key", ["people", "aged_65", "method", "basis"])
def test_a_plan_that_misstates_its_population_is_wrong(key: str, tiny_plan: Plan) -> None:
    content = copy.deepcopy(dict(tiny_plan.content))
    row = content["population"][1]
    row[key] = row[key] + 1 if isinstance(row[key], int) else "official" if key == "basis" else "trend"
    assert [finding.where for finding in verify(content).findings] == [f"population[1].{key}"]


def test_a_plan_that_moves_an_old_person_from_waiting_to_served_is_wrong(tiny_plan: Plan) -> None:
    content = copy.deepcopy(dict(tiny_plan.content))
    at, row = next(
        (n, r) for n, r in enumerate(content["ledger_by_age"]) if r["group"] == "aged_65" and r["no_capacity"]
    )
    row["served"] += 1
    row["no_capacity"] -= 1
    wrong = {finding.where for finding in verify(content).findings}
    assert wrong == {f"ledger_by_age[{at}].served", f"ledger_by_age[{at}].no_capacity"}


def test_a_plan_of_an_earlier_version_need_not_know_who_is_old(tiny_plan: Plan) -> None:
    content = copy.deepcopy(dict(tiny_plan.content))
    content["versions"]["allocate"] = "0.3.0"
    for key in ("population", "ledger_by_age"):
        del content[key]
    for key in ("growth", "people_by_year"):
        del content["district_data"][key]
    for place in content["district_data"]["places"]:
        del place["people_0_14"], place["people_0_14_basis"]
    assert verify(content).findings == ()


def test_what_a_table_rests_on_is_counted_row_by_row_and_only_for_plan_years(tiny: Tiny) -> None:
    projected(tiny, "table")
    tiny.edit("population.csv", "official", "estimated", count=3)
    with (tiny.folder / "population.csv").open("a", encoding="utf-8") as file:
        file.write("T1001,2040,5,,,assumed,another year\n")
    counted = assumptions(read_district(tiny.folder), read_model(tiny.model))
    found = [(row["basis"], row["rows"]) for row in counted if row["table"] == "people.later_years_table"]
    assert found == [("estimated", 3)]


@pytest.mark.parametrize(
    ("method", "says"),
    [
        (None, "residents of the plan years (today's people, held still): 2025 34,781, of them 29,004 under 65"),
        ("trend", "the same everywhere, -2.207 % a year): 2025 31,109, of them"),
        ("growth", "yearly rates of the towns; a town without one keeps its people): 2025 "),
        ("table", "(the planner's own table by place and year): 2025 34,781, of them"),
    ],
)
def test_check_says_how_people_were_worked_out_and_how_many_there_are(
    method: str | None, says: str, tiny: Tiny
) -> None:
    # 34,781 ÷ 43,476 = 0.800005; its tenth root is 0.977934, and its square root 0.894430: 34,781 × it = 31,109.
    if method:
        projected(tiny, method)
    with speaking("en"):
        lines = list(check_all(str(tiny.model), {}))
    assert says in lines[1]


def test_check_says_what_a_resident_is_in_registered_people(tiny: Tiny) -> None:
    with (tiny.folder / "facts.csv").open("a", encoding="utf-8") as file:
        file.write("population_registered,30000,persons,2020-11-01,official,made up\n")
    with speaking("en"):
        # 30,000 ÷ 34,781
        assert any("registered people: 0.863 for every resident" in line for line in check_all(str(tiny.model), {}))


def test_a_district_reads_back_from_its_plan_as_it_was(tiny: Tiny) -> None:
    projected(tiny, "growth")
    district = read_district(tiny.folder)
    assert [(row.town, row.percent, row.from_year, row.to_year, row.row) for row in district.growth] == [
        ("T1", 2.5, None, None, 2),
        ("T2", -1.0, 2022, 2026, 3),
    ]
    again = district_of({"district_data": district_data(district), "inputs": []})
    assert again == dataclasses.replace(district, inputs={}, boundary=again.boundary)


@pytest.mark.parametrize(("method", "file"), [("growth", "growth.csv"), ("table", "population.csv")])
def test_a_table_of_people_that_the_model_does_not_ask_for_is_named(method: str, file: str, tiny: Tiny) -> None:
    projected(tiny, method)
    assert not [line for line in check_all(str(tiny.model), {}) if file in line]
    with speaking("en"):
        lines = list(check_all(str(tiny.model), {"population.method": "held"}))
    (said,) = [line for line in lines if file in line]
    assert said.startswith(f"note {file}: is not used")
    assert f'write method = "{method}"' in said


# ---- bad input ----


def add_fact(line: str) -> Any:
    def change(tiny: Tiny) -> None:
        with (tiny.folder / "facts.csv").open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    return change


def growth_file(*lines: str) -> Any:
    def change(tiny: Tiny) -> None:
        text = "\n".join(["town,percent,from_year,to_year,basis,source", *lines, ""])
        (tiny.folder / "growth.csv").write_text(text, encoding="utf-8")

    return change


def cell_of_table(row: int, column: int, value: str) -> Any:
    """Change a cell of a table of people; the heading is row 1, the first column 0."""

    def change(tiny: Tiny) -> None:
        path = tiny.folder / "population.csv"
        lines = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()]
        lines[row - 1][column] = value
        path.write_text("\n".join(map(",".join, lines)) + "\n", encoding="utf-8")

    return change


def without_rows(year: int, keep: int) -> Any:
    """Take all rows of a year but the first few out of the table of people."""

    def change(tiny: Tiny) -> None:
        path = tiny.folder / "population.csv"
        heading, *lines = path.read_text(encoding="utf-8").splitlines()
        of_year = [line for line in lines if line.split(",")[1] == str(year)]
        gone = set(of_year[keep:])
        path.write_text("\n".join([heading, *(line for line in lines if line not in gone), ""]), encoding="utf-8")

    return change


def nothing(tiny: Tiny) -> None:
    """Leave the files as they are."""


def without(file: str) -> Any:
    return lambda tiny: (tiny.folder / file).unlink()


def people_14(tiny: Tiny) -> None:
    """Give the first place more young and old people than it has."""
    path = tiny.folder / "places.csv"
    heading, first, *rest = path.read_text(encoding="utf-8-sig").splitlines()
    lines = [f"{heading},people_0_14,people_0_14_basis", f"{first},1400,official", *(f"{line},," for line in rest)]
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")


# What is wrong: the method, what spoils its files, and the problem: what, file, row, column, value.
BAD: dict[str, tuple[str, Any, tuple[str, str, int | None, str, Any]]] = {
    "a trend without an earlier census": (
        "held",
        lambda tiny: tiny.edit("tiny.toml", '"held"', '"trend"'),
        ("population.no_fact", "facts.csv", None, "indicator", "population_2010"),
    ),
    "a census without a day": (
        "trend",
        lambda tiny: tiny.edit("facts.csv", "2010-11-01", "about 2010"),
        ("population.no_day", "facts.csv", None, "date", "about 2010"),
    ),
    "a census at which nobody lived": (
        "trend",
        lambda tiny: tiny.edit("facts.csv", "43476", "0"),
        ("population.no_people", "facts.csv", None, "value", 0),
    ),
    "two censuses half a year apart": (
        "trend",
        lambda tiny: tiny.edit("facts.csv", "2010-11-01", "2020-05-01"),
        ("population.census_order", "facts.csv", None, "date", "2020-05-01"),
    ),
    "a trend of an odd number of days without end": (
        "trend",
        lambda tiny: (
            tiny.edit("facts.csv", "43476,persons,2010-11-01", "1,persons,2019-10-07"),
            tiny.edit("tiny.toml", "years = [2025, 2027]", "years = [2025, 2027, 2200]"),
        ),
        ("population.trend_swells", "facts.csv", None, "value", 1),
    ),
    "an earlier census on the day of the later one": (
        "trend",
        lambda tiny: tiny.edit("facts.csv", "2010-11-01", "2020-11-01"),
        ("population.census_order", "facts.csv", None, "date", "2020-11-01"),
    ),
    "a trend that leaves nobody": (
        "trend",
        lambda tiny: tiny.edit("facts.csv", "43476,persons,2010", "2000000000,persons,2019"),
        ("population.trend_empties", "facts.csv", None, "value", 2_000_000_000),
    ),
    "a trend without end": (
        "trend",
        lambda tiny: tiny.edit("facts.csv", "43476,persons,2010", "1,persons,2019"),
        ("population.trend_swells", "facts.csv", None, "value", 1),
    ),
    "growth without its table": (
        "growth",
        without("growth.csv"),
        ("population.no_rows", "growth.csv", None, "", None),
    ),
    "growth of people who were counted on no day": (
        "growth",
        lambda tiny: tiny.edit("facts.csv", "34781,persons,2020-11-01", "34781,persons,lately"),
        ("population.no_day", "facts.csv", None, "date", "lately"),
    ),
    "a rate of minus a hundred": (
        "growth",
        growth_file("T1,-100,,,assumed,x"),
        ("problem.growth_all_leave", "growth.csv", 2, "percent", -100.0),
    ),
    "a rate below minus a hundred": (
        "growth",
        growth_file("T1,-130,,,assumed,x"),
        ("problem.range", "growth.csv", 2, "percent", "-130"),
    ),
    "a rate that empties a town before the plan ends": (
        "growth",
        growth_file("T2,1,,,assumed,x", "T1,-90,,,assumed,x"),
        ("population.growth_empties", "growth.csv", 3, "percent", -90.0),
    ),
    "a rate that fills the world": (
        "growth",
        lambda tiny: (
            growth_file("T1,100,,,assumed,x")(tiny),
            tiny.edit("tiny.toml", "years = [2025, 2027]", "years = [2025, 2027, 2100]"),
        ),
        ("population.growth_swells", "growth.csv", 2, "percent", 100.0),
    ),
    "a rate of a town that there is not": (
        "growth",
        growth_file("T9,1,,,assumed,x"),
        ("problem.unknown_code", "growth.csv", 2, "town", "T9"),
    ),
    "a rate that ends before it begins": (
        "growth",
        growth_file("T1,1,2026,2026,assumed,x"),
        ("problem.growth_years", "growth.csv", 2, "to_year", 2026),
    ),
    "two rates of a town for one year": (
        "growth",
        growth_file("T1,1,,2026,assumed,x", "T1,2,2025,,assumed,x"),
        ("problem.growth_overlap", "growth.csv", 3, "town", "T1"),
    ),
    "a rate in words": (
        "growth",
        growth_file("T1,fast,,,assumed,x"),
        ("problem.not_number", "growth.csv", 2, "percent", "fast"),
    ),
    "a table that is not there": (
        "table",
        without("population.csv"),
        ("population.no_rows", "population.csv", None, "", None),
    ),
    "a year without people": (
        "table",
        without_rows(2027, keep=0),
        ("population.no_year_many", "population.csv", None, "year", 2027),
    ),
    "a year without the people of two places": (
        "table",
        without_rows(2025, keep=38),
        ("population.no_year", "population.csv", None, "year", 2025),
    ),
    "a year in which nobody lives anywhere": (
        "table",
        lambda tiny: [cell_of_table(row, 2, "0")(tiny) for row in range(2, 42)],
        ("population.nobody", "population.csv", None, "people", 2025),
    ),
    "half a person": (
        "table",
        cell_of_table(5, 2, "12.5"),
        ("problem.not_whole", "population.csv", 5, "people", "12.5"),
    ),
    "fewer people than none": (
        "table",
        cell_of_table(5, 2, "-3"),
        ("problem.range", "population.csv", 5, "people", "-3"),
    ),
    "more old people than people": (
        "table",
        cell_of_table(6, 3, "1999999"),
        ("problem.old_exceed", "population.csv", 6, "people_65", 1_999_999),
    ),
    "a row for a place that there is not": (
        "table",
        cell_of_table(7, 0, "T9"),
        ("problem.unknown_code", "population.csv", 7, "place", "T9"),
    ),
    "two rows for one place and year": (
        "table",
        cell_of_table(3, 0, "T1001"),
        ("problem.place_year_twice", "population.csv", 3, "", "T1001 · 2025"),
    ),
    "old and young people who together are more than all": (
        "held",
        people_14,
        ("problem.ages_exceed", "places.csv", 2, "people_65, people_0_14", 1660),
    ),
    "a method that there is not": (
        "held",
        lambda tiny: tiny.edit("tiny.toml", '"held"', '"hope"'),
        ("problem.key_value", "tiny.toml", None, "population.method", "hope"),
    ),
    "a method without a source": (
        "held",
        lambda tiny: tiny.edit("tiny.toml", 'basis = "assumed"\nsource = "made up"\n\n[siting', "\n[siting"),
        ("problem.source_missing", "tiny.toml", None, "population.source", None),
    ),
    "a method with a key that there is not": (
        "held",
        lambda tiny: tiny.edit("tiny.toml", 'method = "held"', 'method = "held"\nmethode = "held"'),
        ("problem.key_unknown", "tiny.toml", None, "population.methode", None),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named_with_its_file_row_column_and_value(name: str, tiny: Tiny) -> None:
    method, spoil, wanted = BAD[name]
    projected(tiny, method)
    spoil(tiny)
    with pytest.raises(AllocateError) as caught:
        make_case(read_district(tiny.folder), read_model(tiny.model))
    problems = getattr(caught.value, "problems", ())
    assert wanted in [(p.what, p.file, p.row, p.column, p.value) for p in problems]
    for language in LANGUAGES:
        with speaking(language):
            (said,) = [
                p.sentence() for p in problems if (p.what, p.column, p.value) == (wanted[0], wanted[3], wanted[4])
            ]
        assert said.startswith(wanted[1])
        assert "{" not in said


def test_all_that_keeps_people_from_being_worked_out_comes_in_one_message(tiny: Tiny) -> None:
    projected(tiny, "growth")
    growth_file("T1,-90,,,assumed,x", "T2,-95,,,assumed,x")(tiny)
    (tiny.folder / "travel.csv").write_text("from,to,mode,minutes\nT1001,T1002,boat,5\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        make_case(read_district(tiny.folder), read_model(tiny.model))
    assert [(p.file, p.row, p.value) for p in caught.value.problems] == [
        ("travel.csv", None, "boat"),
        ("growth.csv", 2, -90.0),
        ("growth.csv", 3, -95.0),
    ]


def test_a_year_without_people_names_a_few_places_and_counts_them(tiny: Tiny) -> None:
    projected(tiny, "table")
    without_rows(2027, keep=0)(tiny)
    with pytest.raises(InputError) as caught, speaking("en"):
        make_case(read_district(tiny.folder), read_model(tiny.model))
    (problem,) = caught.value.problems
    with speaking("en"):
        said = problem.sentence()
    assert "no people in it for 40 places, such as 张园社区居委会 T1001" in said
    assert said.count("T1") == 5
