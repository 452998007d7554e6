"""What cannot be carried out goes back into the plan: there is always a plan, and it claims no more than its roster."""

from dataclasses import replace
from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from villages import model, road

from allocate.candidates import make_case
from allocate.decisions.posting import FEWER
from allocate.details import in_detail
from allocate.district import Staffing, Standing
from allocate.layout import Layout
from allocate.model import Model
from allocate.planning import plan
from allocate.program import Options
from allocate.units import Basis

TOLD = {"basis": "assumed", "source": "made up"}
WINTER, YEAR = [1, 2, 3, 4, 5, 6], list(range(1, 13))


SPEEDS = {"walk": 4.0, "car": 40.0}
DOCTORS = {"at": {"hospital": 2}, "per_year": 0, **TOLD}


def posting(*pools: dict[str, Any], cyclic: bool = True, **more: Any) -> Model:
    """Return a model in which somebody should be at the township hospital all the year round."""
    named = {f"p{n}": {"specialty": f"s{n}", "hospitals": ["hospital"], **TOLD, **one} for n, one in enumerate(pools)}
    asked = {"rule": "posting", "to": ["township_hospital"], "sent_by": "district", "strength": "must"}
    asked |= {key: more.pop(key) for key in ("at_least", "strength") if key in more}
    rules = {"expert": asked} | {name: more.pop(name) for name in ("town",) if name in more}
    days = {"months": [6, 12], "cyclic": cyclic, "monthly": 1000, **TOLD}
    return model(rules, postings=days, pools=named, **more)


def missed(content: Any) -> dict[str, Any]:
    return {row["rule"]: row["shortfall"] for row in content["scorecard"] if row["status"] == "missed"}


def test_experts_who_can_come_in_the_same_half_year_only_leave_a_clause_missed_and_not_a_planner_without_a_plan() -> (
    None
):
    # Two of them from January to June are twelve post-months, as one person takes, and nobody is there in July. What
    # that teaches is no reason to find no plan: half a person can be had, and half a person is missing.
    made = plan(road({"v": (0, 100)}), posting({"away": 2, "months": WINTER}), Options(seconds=60))
    assert sum(row["tours"] for row in made.content["postings"]) == 1
    assert missed(made.content) == {"expert": 0.5}


def test_another_pool_takes_over_where_the_first_cannot_stay() -> None:
    # The second costs as much and may come in any month, so somebody is there all the year.
    pools = {"away": 2, "months": WINTER}, {"away": 1, "months": YEAR, "tours": 1}
    made = plan(road({"v": (0, 100)}), posting(*pools), Options(seconds=60))
    assert missed(made.content) == {}
    months = {(row["first_month"] + n - 1) % 12 + 1 for row in made.content["roster"] for n in range(row["months"])}
    assert months == set(YEAR)


def test_one_doctor_is_never_away_twice_in_the_same_months() -> None:
    # Two posts, but the hospital has one doctor, who may leave from January to June: one tour, and half a person.
    villages = replace(road({"v": (0, 100)}), staff=(Staffing("hospital", "doctors", 1, Basis.SURVEYED, "made up", 2),))
    told = posting({"away": 2, "months": WINTER, "resource": "doctors"}, resources={"doctors": DOCTORS})
    made = plan(villages, told, Options(seconds=60))
    assert [(row["months"], row["tours"]) for row in made.content["postings"]] == [(6, 1)]
    assert missed(made.content) == {"expert": 0.5}


def test_a_doctor_who_goes_round_the_towns_is_not_away_at_a_hub() -> None:
    # Of two doctors one is in the team that visits the town: two posts, but one person can be sent for the year.
    villages = replace(road({"v": (0, 100)}), staff=(Staffing("hospital", "doctors", 2, Basis.SURVEYED, "made up", 2),))
    team = {"at": {"hospital": 1}, "needs": {"doctors": 1}, **TOLD}
    way = {"name": {"zh": "镇", "en": "town"}, "by": ["hospital"], "to": "town", "times": 1, "per": "month", **TOLD}
    town = {"rule": "rounds", "to": "town", "times": 1, "per": "month", "strength": "must", **TOLD}
    told = posting(
        {"away": 2, "resource": "doctors"},
        at_least=2,
        strength="strive",
        town=town,
        resources={"doctors": DOCTORS, "teams": team},
        outreach={"town": {**way, "resource": "teams", "mode": "car", "minutes": 60}},
        modes={name: {"name": way["name"], "speed_kmh": kmh, "detour": 1.0, **TOLD} for name, kmh in SPEEDS.items()},
    )
    made = plan(villages, told, Options(seconds=60))
    assert [row["to"] for row in made.content["rounds"]] == ["T1"]
    assert missed(made.content) == {"expert": 1}
    assert sum(row["months"] * row["tours"] for row in made.content["postings"]) == 12


def test_who_is_away_already_stands_in_the_roster_even_if_nobody_else_goes() -> None:
    villages = replace(
        road({"v": (0, 100)}),
        tours=(Standing("hospital", "s0", "attending", "hub", 4, Basis.SURVEYED, "made up", 2),),
    )
    made = plan(villages, posting({"away": 1, "tours": 0}, cyclic=False), Options(seconds=60))
    rows = [(row["to"], row["first_month"], row["months"], row["carried"]) for row in made.content["roster"]]
    assert rows == [("hub", 1, 4, True)]


@settings(max_examples=20, deadline=None)
@given(
    sent=st.lists(st.integers(0, 2), min_size=4, max_size=4), other=st.lists(st.integers(0, 2), min_size=4, max_size=4)
)
def test_what_a_roster_teaches_forbids_nothing_that_can_be_carried_out(sent: list[int], other: list[int]) -> None:
    told = posting({"away": 2, "months": WINTER}, {"away": 2, "months": YEAR})
    case = make_case(road({"v": (0, 100)}), told)
    hub = case.site_index["hub"]
    rules = told.planned()

    def sending(numbers: list[int]) -> Layout:
        kinds = [(0, 6), (0, 12), (1, 6), (1, 12)]
        tours = {(*kind, hub, 0): n for kind, n in zip(kinds, numbers, strict=True) if n}
        return Layout(frozenset((j, 0) for j, site in enumerate(case.sites) if site.exists), tours=tours)

    learnt = in_detail(case, rules, sending(sent)).cuts
    there = in_detail(case, rules, sending(other)).layout
    helpers = {key for row in learnt for key in row.terms if key[0] == FEWER}
    for values in product((0, 1), repeat=len(helpers)):
        chosen = dict(zip(helpers, values, strict=True))
        found = {("tours", *about): n for about, n in there.tours.items()} | chosen
        if all(sum(times * found.get(key, 0) for key, times in row.terms.items()) <= row.bound for row in learnt):
            return
    raise AssertionError(learnt)
