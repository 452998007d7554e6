"""Dongli: worked examples from its document, and what its data and model asked of the tool in general."""

import copy
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from tiny import ability, able, make, rule, site

from allocate.bundle import bundled
from allocate.candidates import make_case
from allocate.case import Case
from allocate.district import District
from allocate.equip import equip
from allocate.errors import InputError, ModelError
from allocate.layout import Layout
from allocate.model import Model, read_model
from allocate.plans import Plan, district_data, district_of, standing_today, stock_is_known, unlisted_kinds
from allocate.population import Projection, project
from allocate.read import read_district
from allocate.report.known_today import is_listed, unlisted
from allocate.report.reasons import reason
from allocate.report.sheets import Source
from allocate.report.site_cards import site_cards
from allocate.rules import Rule
from allocate.scorecard import scorecard
from allocate.travel import Mode
from allocate.units import Basis

DATA = bundled() / "data" / "dongli"
TOLD = {"basis": "assumed", "source": "made up"}


@pytest.fixture(scope="module")
def dongli() -> District:
    return read_district(DATA)


@pytest.fixture(scope="module")
def model() -> Model:
    return read_model("dongli")


@pytest.fixture(scope="module")
def lines(dongli: District, model: Model) -> list[dict[str, Any]]:
    """Return the scorecard of what stands today, as if it were the plan: nothing is solved."""
    case = make_case(dongli, model)
    standing = standing_today(case)
    return scorecard(dongli, model, case, standing, standing, unlisted_kinds(dongli, model))


def test_the_teams_that_the_document_counts_are_92_and_those_signed_need_166(
    dongli: District, model: Model, lines: list[dict[str, Any]]
) -> None:
    # 332,000 people ÷ 2,000 for a team = 166; 166 − 92 = 74 are lacking, as 332,000 ÷ 92 = 3,609 people share a team.
    signed, teams = dongli.facts["residents_signed"].value, dongli.facts["family_doctor_teams"].value
    assert (signed / 2000, teams, round(signed / teams)) == (166, 92, 3609)
    assert sum(row.number for row in dongli.staff if row.resource == "teams") == 92
    told = sorted((line for line in lines if line["clause"] == "ST-39"), key=lambda line: int(line["year"]))
    assert [(line["year"], line["today"], line["target"], line["shortfall"]) for line in told] == [
        (year, 92, 166, 74) for year in (2026, 2028, 2030)
    ]


def test_the_growth_is_that_from_the_bulletin_to_the_people_whom_the_nursery_places_imply(dongli: District) -> None:
    # 3,799 places ÷ 4.53 for every 1,000 people = 838,631 at the end of 2025, 857,027 on 1 November 2020.
    people = Decimal(dongli.facts["nursery_places"].value) / Decimal("4.53") * 1000
    assert round(people) == 838_631
    years = Decimal(5) + Decimal(60) / 365
    rate = (people / dongli.facts["population_bulletin"].value) ** (1 / years) - 1
    assert {row.percent for row in dongli.growth} == {float(round(100 * rate, 2))} == {-0.42}
    assert {row.town for row in dongli.growth} == {town.id for town in dongli.towns}


def test_the_people_of_the_plan_years_follow_the_rate(dongli: District, model: Model) -> None:
    found = project(dongli, model.population, model.years)
    for t, year in enumerate(model.years):
        # (Each of the 11 streets is rounded by itself.)
        assert abs(found.total(t) - 936_322 * 0.9958 ** (year - 2020)) <= 5.5
    assert set(found.bases) == {Basis.ASSUMED}


def test_a_street_that_grows_by_a_rate_of_the_model_has_more_people_and_the_others_stay(dongli: District) -> None:
    street = dongli.towns[6]
    told = Projection.model_validate({"method": "growth", "towns": {street.id: 1.5}} | TOLD)
    before = project(dongli, Projection.model_validate({"method": "growth"} | TOLD), (2030,)).people[:, 0]
    after = project(dongli, told, (2030,)).people[:, 0]
    inside = np.array([place.town == street.id for place in dongli.places])
    assert (before[~inside] == after[~inside]).all()
    now = sum(place.people or 0 for place in dongli.places if place.town == street.id)
    assert after[inside].sum() == round(now * 1.015**10)


def test_rates_of_the_model_name_towns_that_are_there(dongli: District, model: Model) -> None:
    with pytest.raises(InputError) as refused:
        make_case(dongli, read_model("dongli", {"population.towns": {"990": 1.0}}))
    (problem,) = refused.value.problems
    assert (problem.column, problem.value) == ("population.towns.990", "990")
    with pytest.raises(ModelError):
        read_model("dongli", {"population.method": "trend", "population.towns": {dongli.towns[0].id: 1.0}})


def test_zones_that_binhai_runs_have_about_as_many_people_as_the_two_censuses_differ_by(dongli: District) -> None:
    run = {"天津空港经济区", "天津经济技术开发区西区", "天津航空物流区", "综合保税区"}
    inside = [place for place in dongli.places if place.zone in run]
    assert len(inside) == 20
    people, difference = sum(place.people or 0 for place in inside), 936_322 - 857_027
    assert (people, difference) == (84_100, 79_295)
    page = (DATA / "SOURCES.md").read_text(encoding="utf-8")
    assert page.count("84,100") == page.count("79,295") / 2 == 2


def test_eleven_centres_stand_one_in_every_street_and_stations_only_where_the_document_says_so(
    dongli: District,
) -> None:
    kinds = Counter(one.kind for one in dongli.institutions)
    assert kinds == {"hospital": 3, "community_centre": 11, "station": 4}
    assert {one.town for one in dongli.institutions if one.kind == "community_centre"} == {t.id for t in dongli.towns}
    assert dongli.partial == ("station",)
    assert district_of({"district_data": district_data(dongli), "inputs": {}}).partial == ("station",)


def test_what_stands_today_is_unknown_where_only_some_stations_are_listed_and_the_rest_is_told(
    dongli: District, model: Model, lines: list[dict[str, Any]]
) -> None:
    assert not stock_is_known(dongli, model)
    assert unlisted_kinds(dongli, model) == ("station",)
    today = {(line["clause"] or line["rule"], line["year"]): line["today"] for line in lines}
    assert today["DL-U11", 2030] is None
    # (TCM halls and chest-pain units are at all 11 centres; of stroke units and dental centres nobody says.)
    assert (today["DL-T05", 2030], today["DL-T06", 2030]) == (None, None)
    # Three of 11 centres are community hospitals. Who has a vaccination clinic rests on stations that nobody lists.
    assert today["DL-U12", 2030] == 3
    assert today["DL-U30", 2030] is None


def test_a_list_that_holds_only_some_of_a_kind_says_so_wherever_today_is_told(tiny_plan: Plan) -> None:
    content = copy.deepcopy(tiny_plan.content)
    assert is_listed(Source(content, "zh"), "station")
    content["district_data"]["partial"] = ["station"]
    source = Source(content, "zh")
    assert not is_listed(source, "station")
    assert "station" in unlisted(source)


def new_hospitals() -> tuple[Case, Rule]:
    """Return three spots along a road where a hospital may be built, and that all people are to be near it.

    There are 100 people at 0 km, 500 at 10 km and 100 at 24 km; 14 km are 28 minutes at 30 km/h. The last is cheapest.
    """
    at = [0.0, 10_000.0, 24_000.0]
    sites = [site(f"S{j}", kind="hospital_site", place=j, opening=10 - j) for j in range(3)]
    case = make([[100], [500], [100]], sites, {}, spots=[(x, 0.0) for x in at])
    built = ability("psychiatry", at=["hospital_site"])
    car = Mode.model_validate({"name": {"zh": "车", "en": "car"}, "speed_kmh": 30, "detour": 1.0} | TOLD)
    case = able(case, {"psychiatry": built}, place_spots=np.array([(x, 0.0) for x in at]), modes={"car": car})
    minutes = {"urban": 30, "rural": 30}
    return case, rule("function_reach", function="psychiatry", share=1.0, minutes=minutes, mode="car")


def test_a_new_hospital_is_near_those_who_drive_no_longer_than_asked() -> None:
    case, near = new_hospitals()

    def having(j: int) -> Layout:
        return Layout(frozenset({(j, 0)}), amounts={("psychiatry", j, 0): 1})

    assert [near.measure(case, having(j), 0)[0] for j in range(3)] == [Fraction(6, 7), 1, Fraction(6, 7)]
    assert [len(list(near.breaches(case, having(j)))) for j in range(3)] == [1, 0, 1]


def test_why_a_new_hospital_is_in_a_plan_is_not_that_people_go_there_within_the_circle() -> None:
    told = {"kind": "hospital_site", "people": {}, "only_site_of": {}, "action": "open", "year": 2030}
    assert "不计入15分钟圈" in reason(told, [2030], "zh")
    assert "no 15-minute circle" in reason(told, [2030], "en")


def changes(content: dict[str, Any]) -> list[str]:
    """Return what the cards of a plan say of the residents of the places that sites serve."""
    gains = (card.part("gain") for card in site_cards(content, "zh").values())
    return [line.text for part in gains if part is not None for line in part.lines if line.name == "change"]


def test_the_card_of_a_site_says_what_becomes_of_the_people_of_the_places_it_serves(tiny_plan: Plan) -> None:
    content = copy.deepcopy(tiny_plan.content)
    years = content["years"]
    for row in content["district_data"]["places"]:
        row["people"] = 2 * sum(
            other["people"] for other in content["places"] if (other["id"], other["year"]) == (row["id"], years[-1])
        )
    told = changes(content)
    assert told
    assert all(f"人（{years[-1]}年），−50.0 %" in text for text in told)
    # Where nobody comes or goes there is nothing to say.
    for row in content["district_data"]["places"]:
        row["people"] //= 2
    assert changes(content) == []


def test_a_first_plan_opens_a_hospital_where_people_are_near_it_and_not_the_first_on_the_list() -> None:
    # Only the one in the middle is near everybody: it is opened, and no second one.
    case, near = new_hospitals()
    built = rule("function", functions=["psychiatry"], kinds=["hospital_site"], at_least=1)
    for rules in ([built, near], [near, built]):
        layout = equip(case, rules, Layout(frozenset()))
        assert (layout.open, layout.amounts) == ({(1, 0)}, {("psychiatry", 1, 0): 1})
    # Where nobody says where, the cheapest opens.
    assert equip(case, [built], Layout(frozenset())).open == {(2, 0)}
