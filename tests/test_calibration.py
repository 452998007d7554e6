"""Observed travel times correct speeds, and doubt about speeds is carried to coverage; by hand, and end to end."""

from copy import deepcopy
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from conftest import Tiny, copy_tiny, one_year
from hypothesis import given
from hypothesis import strategies as st
from test_roads import network

from allocate.calibration import calibrations, corrected
from allocate.candidates import make_case, seen_in
from allocate.card import card
from allocate.checking import check_all
from allocate.data_problems import data_problems
from allocate.district import District, Observed
from allocate.draw.compact import compact
from allocate.isochrones import isochrones
from allocate.model import Model, read_model
from allocate.plans import assemble, standing_today
from allocate.read import read_district
from allocate.report.sheets import sheets
from allocate.report.summary import summary
from allocate.travel import Journeys, metric
from allocate.travel.fit import Trip, fit
from allocate.units import Basis
from allocate.verification import verify
from allocate.words import LANGUAGES, Language, catalogue, speaking


def trip(observed: Fraction | int, modelled: int, name: str = "b") -> Trip:
    return Trip("a", name, Fraction(observed), 1, modelled, "line")


def test_five_pairs_by_hand() -> None:
    # Minutes: observed 12, 18, 22, 36, 90; modelled 10, 15, 20, 30, 15. Their ratios: 1.2, 1.2, 1.1, 1.2, 6.
    found = fit([trip(60 * a, 60 * b) for a, b in ((12, 10), (18, 15), (22, 20), (36, 30), (90, 15))])
    assert found.factor == Fraction(6, 5)
    # Errors before: 2, 3, 2, 6, 75 minutes; of what was observed 1/6, 1/6, 1/11, 1/6, 5/6.
    assert found.before.median_error == 180
    assert found.before.mape == (Fraction(3, 6) + Fraction(1, 11) + Fraction(5, 6)) / 5
    # Of those in line, which leave the last one out: 1/6, 1/6, 1/11, 1/6.
    assert found.before.mape_in_line == (Fraction(3, 6) + Fraction(1, 11)) / 4
    # After: 0, 0, 2, 0, 72 minutes.
    assert found.after.median_error == 0
    assert found.after.mape == (Fraction(2, 22) + Fraction(72, 90)) / 5
    assert found.after.mape_in_line == Fraction(2, 22) / 4
    # Without one of 1.2, the middle ones of the other four are 1.2 and 1.2; without 1.1, 1.2 and 1.2; without 6, 1.2.
    assert found.left_out == found.after
    assert found.outliers == (False, False, False, False, True)


def test_each_pair_is_left_out_in_turn() -> None:
    # Ratios 1, 1.5 and 2: without each, the median of the others is 1.75, 1.5 and 1.25.
    found = fit([trip(100, 100), trip(150, 100), trip(200, 100)])
    assert found.left_out is not None
    assert found.left_out.mape == (Fraction(75, 100) + 0 + Fraction(75, 200)) / 3
    assert fit([trip(100, 100)]).left_out is None


@given(
    st.integers(500, 2000),
    st.lists(st.tuples(st.integers(120, 4000), st.integers(-80, 80)), min_size=15, max_size=40),
    st.floats(0.05, 40),
)
def test_a_known_factor_comes_back_through_noise_and_wrong_pairs(
    thousandths: int, ways: list[tuple[int, int]], nonsense: float
) -> None:
    factor, wrong = Fraction(thousandths, 1000), len(ways) // 5
    trips = [
        trip(modelled * (Fraction(nonsense) if n < wrong else factor * (1 + Fraction(noise, 1000))), modelled)
        for n, (modelled, noise) in enumerate(ways)
    ]
    found = fit(trips)
    assert abs(found.factor / factor - 1) <= Fraction(81, 1000) + Fraction(1, 2 * thousandths)
    # What is half as long again as anything in line, or less than half, is named.
    if not 0.45 < nonsense / float(factor) < 1.6:
        assert all(found.outliers[:wrong])
        assert not any(found.outliers[wrong:])


def observed(mode: str, *rows: tuple[str, str, float]) -> tuple[Observed, ...]:
    return tuple(Observed(start, end, mode, minutes, Basis.SURVEYED, "a ride") for start, end, minutes in rows)


def as_it_stands(district: District, model: Model) -> dict[str, Any]:
    """Return the plan that changes nothing: it takes no search."""
    case = make_case(district, model)
    layout = standing_today(case)
    reached = isochrones(district, model, case, layout)
    content = assemble(district, model, case, layout, {}, [], reached=reached)
    assert verify(content).sound
    return content


def rides(district: District, model: Model, factor: float, count: int = 6) -> list[tuple[str, str, float]]:
    """Return the ways from the first places to a hub, and how long they take where all times are a factor longer."""
    hub = next(one for one in district.institutions if one.id == "hub-1")
    found = []
    for place in [one for one in district.places if one.position_basis == Basis.SURVEYED][:count]:
        ends = metric([(place.lon or 0, place.lat or 0), (hub.lon, hub.lat)], district.datum, district.epsg)
        found.append((place.id, "hub-1", factor * Journeys(model.modes).way("e_bike", *ends) / 60))
    return found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """Return a small district in which six rides took a quarter longer, and one that somebody wrote down wrong."""
    tiny = one_year(copy_tiny(tmp_path_factory.mktemp("observed")))
    rows = rides(read_district(tiny.folder), read_model(tiny.model), 1.25)
    lines = [f"{start},{end},e_bike,{minutes:.2f},2024-05-20,sunny" for start, end, minutes in rows]
    lines += ["T1007,hub-1,e_bike,60,2024-05-20,", "T1002,hub-1,walk,40,,"]
    text = "from,to,mode,minutes,date,remark,basis,source\n" + "".join(f"{line},surveyed,a ride\n" for line in lines)
    (tiny.folder / "observed.csv").write_text(text, encoding="utf-8")
    return tiny


@pytest.fixture
def content(home: Tiny) -> dict[str, Any]:
    return as_it_stands(read_district(home.folder), read_model(home.model))


@pytest.fixture
def small(tiny: Tiny) -> tuple[District, Model]:
    return read_district(tiny.folder), read_model(tiny.model)


def test_observed_times_make_every_time_of_the_plan_longer(content: dict[str, Any], home: Tiny) -> None:
    walk, ride = sorted(content["calibration"], key=lambda row: str(row["mode"]), reverse=True)
    assert (ride["mode"], ride["status"], ride["pairs"], ride["outliers"]) == ("e_bike", "applied", 7, 1)
    assert ride["factor"] == ride["applied"] == pytest.approx(1.25, abs=0.002)
    assert ride["trips"][0]["from"] == "T1007"
    assert ride["after"]["mape"] < ride["before"]["mape"]
    # One pair on foot is reported, and corrects nothing.
    assert (walk["mode"], walk["status"], walk["applied"]) == ("walk", "few", 1)
    district, model = read_district(home.folder), read_model(home.model)
    case, before = make_case(district, model), make_case(replace(district, observed=()), model)
    assert case.modes["walk"] == before.modes["walk"]
    both = case.seconds.keys() & before.seconds.keys()
    assert len(case.seconds) < len(before.seconds)
    assert {(case.seconds[pair] > before.seconds[pair]) for pair in both if before.seconds[pair]} == {True}
    sooner = [row["minutes"] for row in content["places"] if row["minutes"]]
    assert max(sooner) <= 8
    assert verify(content).sound


def test_a_plan_by_other_times_than_observed_is_found_out(content: dict[str, Any]) -> None:
    for spoil in (
        lambda plan: plan["calibration"][0].update(factor=1.3),
        lambda plan: plan["calibration"][0]["trips"][0].update(observed=6.0),
        lambda plan: plan["district_data"]["observed"].pop(0),
        lambda plan: plan["settings"].update(travel={"calibrate": False}),
        lambda plan: plan["settings"].update(travel={"speed_factor": 1.1}),
        lambda plan: plan["coverage"][0]["slower"].update(covered=plan["coverage"][0]["people"]),
        lambda plan: plan["coverage"][0].update(faster=None),
        lambda plan: plan.pop("calibration"),
    ):
        wrong = deepcopy(content)
        spoil(wrong)
        assert not verify(wrong).sound


def test_a_plan_of_a_version_that_knew_none_of_it_still_verifies(tiny: Tiny) -> None:
    old = as_it_stands(read_district(one_year(tiny).folder), read_model(tiny.model))
    old["versions"] = {**old["versions"], "allocate": "0.0.1"}
    del old["calibration"], old["district_data"]["observed"]
    for row in old["coverage"]:
        for part in filter(None, (row, row["today"])):
            del part["slower"], part["faster"]
    assert verify(old).sound
    assert "[" not in "".join(line for line in summary(old) if "circle" in line)
    assert set(sheets(old, "en")["coverage"].column("covered_slower")) == {None}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_fit_and_the_range_stand_in_every_output(content: dict[str, Any], home: Tiny, language: Language) -> None:
    mode, out = {"zh": ("电动自行车", "明显不符 1 对"), "en": ("by e-bike", "1 out of line")}[language]
    with speaking(language):
        lines = summary(content)
        checked = list(check_all(str(home.model), {}))
    told = [line for line in lines if mode in line and out in line]
    assert len(told) == 1
    assert sum(mode in line and out in line for line in checked) == 1
    assert sum("T1007 → hub-1" in line for line in checked) == 1
    row = next(one for one in content["coverage"] if one["preset"] == "eight_minutes" and one["year"] == 2027)
    low, high = (f"{100 * row[how]['covered'] / row['people']:.1f}" for how in ("slower", "faster"))
    assert any(low in line and high in line for line in lines)
    made = sheets(content, language)
    for sheet in (made["calibration"], made["observed"], made["coverage"]):
        for field in sheet.fields:
            assert "{" not in field.heading(language) + field.note(language)
            codes = set(sheet.column(field.name)) - {None} if field.kind == "code" else set()
            assert {f"{field.group}.{code}" for code in codes} <= set(catalogue())
    assert made["observed"].column("fits_in").count("outlier") == 1
    assert made["calibration"].column("applied") == [row["applied"] for row in content["calibration"]]


def test_lower_speeds_cover_no_more_and_higher_ones_no_less(content: dict[str, Any]) -> None:
    moved = 0
    for row in content["coverage"]:
        for part in filter(None, (row, row["today"])):
            assert part["slower"]["covered"] <= part["covered"] <= part["faster"]["covered"] <= row["people"]
            moved += part["slower"]["covered"] < part["faster"]["covered"]
    assert moved


def test_a_fifth_slower_is_a_limit_a_fifth_shorter(small: tuple[District, Model]) -> None:
    district, model = small
    case = make_case(district, model)
    slower = seen_in(district, model, case, "eight_minutes", Fraction(4, 5))
    # 480 s at four fifths of the speed are 384 s at the speed of the model; whoever lives there is within reach.
    home = {(case.sites[j].place, j) for j in range(len(case.sites))}
    per_metre = case.modes["e_bike"].seconds_per_metre
    near = set()
    for i, j in case.seconds:
        line = round(float(((case.place_spots[i] - case.spots[j]) ** 2).sum() ** 0.5))
        if line * per_metre / Fraction(4, 5) <= 480 or (i, j) in home:
            near.add((i, j))
    assert slower.seconds.keys() == near
    assert 0 < len(near) < len(case.seconds)


def test_a_speed_factor_plans_for_slower_speeds(small: tuple[District, Model], tiny: Tiny) -> None:
    district, model = small
    slow = make_case(district, read_model(tiny.model, {"travel.speed_factor": "0.8"}))
    case = make_case(district, model)
    assert slow.modes["e_bike"].seconds_per_metre == case.modes["e_bike"].seconds_per_metre / Fraction(4, 5)
    assert slow.seconds == seen_in(district, model, case, "eight_minutes", Fraction(4, 5)).seconds


def test_times_of_travel_csv_stay_at_any_speed(tiny: Tiny) -> None:
    (tiny.folder / "travel.csv").write_text(
        "from,to,mode,minutes\nT1001,hub-1,e_bike,7.9\nT1002,hub-1,e_bike,8.1\n", encoding="utf-8"
    )
    district, model = read_district(tiny.folder), read_model(tiny.model)
    case = make_case(district, model)
    for speed in (Fraction(1, 2), Fraction(2)):
        assert seen_in(district, model, case, "eight_minutes", speed).seconds == case.seconds


def test_what_cannot_be_compared_is_named_and_corrects_nothing(small: tuple[District, Model]) -> None:
    district, model = small
    rows = rides(district, model, 1.25)
    estimated = next(place.id for place in district.places if place.position_basis == Basis.SURVEYED)
    blurred = replace(
        district,
        places=tuple(
            replace(place, position_basis=Basis.ESTIMATED) if place.id == estimated else place
            for place in district.places
        ),
        travel={(rows[1][0], "hub-1", "e_bike"): 9.0},
        observed=observed("e_bike", *rows),
    )
    (one,) = calibrations(blurred, model, None)
    assert [(pair.start, pair.why) for pair in one.skipped] == [(rows[0][0], "estimated"), (rows[1][0], "table")]
    assert one.status == "few"
    assert one.fit is not None
    assert len(one.fit.trips) == 4
    assert corrected(model, (one,)).modes == model.modes


def test_several_observations_of_one_way_count_once_by_their_median(small: tuple[District, Model]) -> None:
    district, model = small
    ((start, end, minutes), *_) = rides(district, model, 1.25)
    rows = [(start, end, minutes), (start, end, 5 * minutes), (start, end, 1.1 * minutes)]
    (one,) = calibrations(replace(district, observed=observed("e_bike", *rows)), model, None)
    assert one.fit is not None
    assert [(trip.times, float(trip.observed)) for trip in one.fit.trips] == [(3, pytest.approx(66 * minutes))]


@pytest.mark.parametrize(("factor", "status", "odd"), [(1.9, "applied", 0), (2.2, "applied", 1), (60.0, "absurd", 1)])
def test_a_factor_that_is_odd_is_a_warning_and_an_impossible_one_corrects_nothing(
    small: tuple[District, Model], factor: float, status: str, odd: int
) -> None:
    district, model = small
    told = replace(district, observed=observed("e_bike", *rides(district, model, factor)))
    (one,) = calibrations(told, model, None)
    assert one.status == status
    case = make_case(told, model)
    assert case.modes["e_bike"].slowness == (one.factor if status == "applied" else 1)
    assert one.is_odd == bool(odd)


def test_a_factor_that_brings_times_no_nearer_is_a_warning(small: tuple[District, Model]) -> None:
    district, model = small
    # Half of the rides took 0.8 of the time of the model and half 1.2: any one says the opposite of the others.
    ways = rides(district, model, 1, 8)
    rows = [(start, end, minutes * (0.8 + 0.4 * (n % 2))) for n, (start, end, minutes) in enumerate(ways)]
    told = replace(district, observed=observed("e_bike", *rows))
    said = [problem.what for problem in data_problems(told, model, make_case(told, model))]
    assert said.count("check.observed_no_help") == 1
    told = replace(district, observed=observed("e_bike", *rides(district, model, 1.25)))
    assert not [one for one in data_problems(told, model, make_case(told, model)) if "observed" in one.what]


def test_a_model_may_leave_speeds_as_they_are(small: tuple[District, Model], tiny: Tiny) -> None:
    district, model = small
    told = replace(district, observed=observed("e_bike", *rides(district, model, 1.25)))
    off = read_model(tiny.model, {"travel.calibrate": "false"})
    assert make_case(told, off).modes == model.modes
    assert make_case(told, model).modes != model.modes


def streets(district: District) -> Any:
    """Return a street from the place of every first town's community straight to the hub, and on to the next."""
    hub = next(one for one in district.institutions if one.id == "hub-1")
    ends = [(place.lon or 0, place.lat or 0) for place in district.places[:12]] + [(hub.lon, hub.lat)]
    *spots, middle = [(round(float(x), 1), round(float(y), 1)) for x, y in metric(ends, district.datum, district.epsg)]
    return network([(middle, spot) for spot in spots])


def test_rides_by_road_correct_what_roads_say_and_the_plan_verifies_without_the_roads(tiny: Tiny) -> None:
    model = read_model(one_year(tiny).model)
    district = read_district(tiny.folder)
    district = replace(district, roads=streets(district))
    before = make_case(district, model)
    assert before.roads is not None
    rows = []
    hub = before.site_index["hub-1"]
    for place in range(6):
        seconds = before.journeys.seconds("e_bike", before.place_spots[[place]], before.spots[[hub]])[0]
        rows.append((before.places[place], "hub-1", 1.4 * int(seconds) / 60))
    told = replace(district, observed=observed("e_bike", *rows))
    case = make_case(told, model)
    (one,) = calibrations(told, model, case.roads)
    assert one.fit is not None
    assert {trip.how for trip in one.fit.trips} == {"network"}
    assert one.factor == pytest.approx(1.4, abs=0.002)
    by_road = {pair: seconds for pair, seconds in case.seconds.items() if case.how[pair] == "network" and seconds}
    assert by_road
    for pair, seconds in by_road.items():
        # (Where more positions get on the roads, times may differ by a second.)
        assert seconds == pytest.approx(-(-before.seconds[pair] * one.factor // 1), abs=2)
    found = as_it_stands(told, model)
    assert found["calibration"][0]["by_road"] == 6
    wrong = deepcopy(found)
    for way in wrong["road_times"]["modes"]["e_bike"]["ways"]:
        way[2] = [2 * seconds for seconds in way[2]]
    assert not verify(wrong).sound


def test_the_card_says_that_speeds_are_taken_slower(tiny: Tiny) -> None:
    says = [card(read_model(tiny.model, {"travel.speed_factor": factor})) for factor in ("0.85", "1.0")]
    assert ["0.85" in one for one in says] == [True, False]


def test_the_map_shows_the_range_where_speeds_matter(content: dict[str, Any]) -> None:
    shown = compact(content)
    assert shown["doubt"] == 0.2
    rows = [row for row in content["coverage"] if row["scope"] == "district"]
    for row, (*_, today, ends) in zip(rows, shown["coverage"]["2027"], strict=True):
        assert ends == [row["slower"]["covered"], row["faster"]["covered"]]
        assert today[2] == [row["today"]["slower"]["covered"], row["today"]["faster"]["covered"]]
    for row in content["coverage"]:
        row["slower"] = row["faster"]
    assert [ends for *_, ends in compact(content)["coverage"]["2027"]] == [None] * len(rows)
