"""Worked examples of years: which clinic opens when, for how many people and how much money, all by hand."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from villages import model, road

from allocate.card import card
from allocate.district import District
from allocate.errors import ModelError
from allocate.explain import explain
from allocate.model import Model
from allocate.planning import plan
from allocate.program import Options
from allocate.report.sheets import reason, sheets
from allocate.report.summary import summary
from allocate.verification import verify
from allocate.words import speaking

Content = Mapping[str, Any]

TOLD = {"basis": "assumed", "source": "made up"}
EVERYBODY = {"rule": "reach", "share": 1.0, "scope": "district", "strength": "strive"}


def plan_of(district: District, wanted: Model) -> Content:
    return plan(district, wanted, Options(seconds=60.0)).content


def actions(content: Content) -> list[tuple[str, int, str]]:
    return [(row["id"], row["year"], row["action"]) for row in content["sites"] if row["kind"] == "clinic"]


def row_of(content: Content, site: str, action: str) -> Mapping[str, Any]:
    (found,) = [row for row in content["sites"] if (row["id"], row["action"]) == (site, action)]
    return found


def served(content: Content) -> list[int]:
    return [row["served"] for row in content["ledger"] if row["scope"] == "district"]


def money(content: Content) -> list[tuple[int, int, int]]:
    """Return what is paid once, what is paid in a calendar year, and the total of every plan year [yuan]."""
    return [(row["opening"], row["yearly"], row["total"]) for row in content["budget"]]


# ---- three villages, three years ----

# Three villages 10 km apart: each can only be served by a clinic of its own.
THREE = {"A": (0.0, 1000), "B": (10.0, 800), "C": (20.0, 600)}
YEARS = (2025, 2027, 2030)
ONE_A_YEAR = {"rule": "change_limit", "kinds": ["clinic"], "at_most": 1, "strength": "must"}


@pytest.fixture(scope="module")
def phased() -> Content:
    return plan_of(road(THREE), model({"everybody": EVERYBODY, "slowly": ONE_A_YEAR}, years=YEARS))


def test_of_three_villages_one_a_year_the_largest_come_first(phased: Content) -> None:
    # 2025 stands for two calendar years, 2027 for three, 2030 for one. Missing are first 1,400 of 2,400 people, then
    # 600, then nobody: any other order misses more in some year.
    assert actions(phased) == [("clinic-A", 2025, "open"), ("clinic-B", 2027, "open"), ("clinic-C", 2030, "open")]
    assert served(phased) == [1000, 1800, 2400]
    assert money(phased) == [
        (100_000, 20_000, 100_000 + 2 * 20_000),
        (100_000, 40_000, 100_000 + 3 * 40_000),
        (100_000, 60_000, 100_000 + 60_000),
    ]
    # What each costs in all: A for 2 + 3 + 1 years, B for 3 + 1, C for one.
    assert [row_of(phased, f"clinic-{name}", "open")["cost"] for name in "ABC"] == [220_000, 180_000, 120_000]
    assert sum(row["total"] for row in phased["budget"]) == 220_000 + 180_000 + 120_000


def test_a_year_without_money_is_passed_over(phased: Content) -> None:
    # A year pays for what opens in it and for one calendar year of what is open. In 2027 a second clinic would cost
    # 100,000 + 40,000 = 140,000 of 130,000 yuan: it waits until 2030, and C is never reached.
    budget = {"rule": "spending", "at_most": 130_000, "years": [2027], "strength": "must"}
    rules = {"everybody": EVERYBODY, "slowly": ONE_A_YEAR, "budget": budget}
    content = plan_of(road(THREE), model(rules, years=YEARS))
    assert actions(content) == [("clinic-A", 2025, "open"), ("clinic-B", 2030, "open")]
    assert served(content) == [1000, 1000, 1800]
    assert money(content) == [(100_000, 20_000, 140_000), (0, 20_000, 60_000), (100_000, 40_000, 140_000)]
    # The clause is missed by 1,400, 1,400 and 600 people of 2,400.
    missed = [row["shortfall"] for row in content["scorecard"] if row["rule"] == "everybody"]
    assert missed == [1400, 1400, 600]
    assert served(phased)[1] == 1800, "the money is what it waits for"


def test_a_year_planned_by_itself_knows_no_limit_on_changes(phased: Content) -> None:
    # In each year by itself all three may open at once: 3 × 20,000 yuan a year.
    rows = phased["nesting"]
    assert [(row["year"], row["sites"], row["sites_alone"]) for row in rows] == [
        (2025, 1, 3),
        (2027, 2, 3),
        (2030, 3, 3),
    ]
    assert [(row["yearly_cost"], row["yearly_cost_alone"]) for row in rows] == [
        (20_000, 60_000),
        (40_000, 60_000),
        (60_000, 60_000),
    ]
    # 3 × 100,000, and 60,000 for each of 2, 3 and 1 calendar years; in the last year both networks are the same.
    assert [row["value_alone"] for row in rows] == [420_000, 480_000, 360_000]
    assert [row["value"] for row in rows] == [140_000, 320_000, 360_000]
    assert rows[-1]["most"] == rows[-1]["gap"] == 0


# ---- what nesting costs ----

# A clinic at A serves A alone; one at M, in the middle, would serve all three.
MIDDLE = {"A": (0.0, 500), "M": (1.2, 500), "B": (2.4, 500)}
# In 2025 the clinic at A is promised; from 2030 on everybody is to be served.
PROMISED = {
    "promise": {"rule": "keep", "sites": ["clinic-A"], "years": [2025], "strength": "must"},
    "everybody": EVERYBODY | {"years": [2030], "strength": "must"},
}


def test_what_was_opened_early_is_still_paid_for_later_and_the_plan_says_how_much() -> None:
    content = plan_of(road(MIDDLE), model(PROMISED, years=(2025, 2030)))
    assert actions(content) == [("clinic-A", 2025, "open"), ("clinic-M", 2030, "open")]
    # 2030 by itself: M alone, 100,000 + 20,000. Nested: A as well, twice as much; half of it is what nesting costs.
    last = content["nesting"][-1]
    assert (last["sites"], last["sites_alone"], last["value"], last["value_alone"]) == (2, 1, 240_000, 120_000)
    assert (last["bound_alone"], last["most"]) == (120_000, 0.5)
    with speaking("en"):
        assert "planned by itself, 2030 could be lower by at most 50 % (cost)" in summary(content)[8]
    table = sheets(content, "en")["nesting"]
    assert (table.column("sited"), table.column("sited_alone")) == ([1, 2], [1, 1])


def test_what_was_opened_may_close_again_only_where_the_model_says_so() -> None:
    content = plan_of(road(MIDDLE), model(PROMISED, years=(2025, 2030), clinic={"may_close": True}))
    # A has no more people of its own once M is open: all 500 go to M.
    assert actions(content) == [("clinic-A", 2025, "open"), ("clinic-A", 2030, "merge"), ("clinic-M", 2030, "open")]
    assert row_of(content, "clinic-A", "merge")["into"] == "clinic-M"
    # A opens once and runs for five years; M opens once and runs for one.
    assert money(content) == [(100_000, 20_000, 200_000), (100_000, 20_000, 120_000)]
    assert content["nesting"][-1]["most"] == 0


def test_a_plan_of_one_year_is_compared_with_nothing() -> None:
    content = plan_of(road(THREE), model({"everybody": EVERYBODY}))
    assert content["nesting"] == []
    with speaking("en"):
        assert "nested" not in summary(content)[8]


# ---- moving, merging, enlarging ----

MOVING = {"move": {"metres": 2000, "opening": 30_000, **TOLD}}


@pytest.fixture(scope="module")
def moving() -> Content:
    # The old clinic at kilometre −0.5 reaches A only, and must go by 2027; at A (0 km) and at M (1.2 km) a clinic would
    # reach both villages.
    rules = {
        "gone": {"rule": "forbid", "sites": ["old"], "years": [2027], "strength": "must"},
        "before": {"rule": "keep", "sites": ["old"], "years": [2025], "strength": "must"},
        "everybody": EVERYBODY | {"years": [2027], "strength": "must"},
    }
    district = road({"A": (0.0, 500), "M": (1.2, 700)}, {"old": -0.5})
    return plan_of(district, model(rules, years=(2025, 2027), clinic=MOVING))


def test_a_clinic_that_closes_where_another_opens_nearby_moves_and_costs_less(moving: Content) -> None:
    # From kilometre −0.5 to A it is 0.5 km, to M 1.7 km: both are within 2 km, and one of them serves everybody.
    (move,) = [row for row in moving["sites"] if row["action"] == "move"]
    (new,) = [row for row in moving["sites"] if row["action"] == "open"]
    assert (move["id"], move["year"], move["into"], new["from"]) == ("old", 2027, new["id"], "old")
    assert new["year"] == 2027
    # Moving costs 30,000 in place of 100,000, and 20,000 for the one calendar year.
    assert (new["cost"], money(moving)) == (50_000, [(0, 20_000, 40_000), (30_000, 20_000, 50_000)])


def test_the_tables_say_what_moved_where(moving: Content) -> None:
    table = sheets(moving, "en")["sites"]
    rows = {
        (action, name): other
        for action, name, other in zip(
            table.column("action"), table.column("id"), table.column("other_site"), strict=True
        )
    }
    new = next(row for row in moving["sites"] if row["action"] == "open")
    assert rows["move", "old"] == new["name"]
    assert rows["open", new["id"]] == "old"
    assert rows["keep", "old"] is None
    assert table.column("until").count(2027) == 2, "the old clinic ends, whatever the row"


def test_of_two_clinics_side_by_side_one_is_merged_into_the_other() -> None:
    # Both reach all 900 people; the left one is nearer, so they are its people, and it is not to stay. Opening another
    # one at A in its place would cost 120,000 yuan, sending everybody to the right one costs nothing more.
    rules = {
        "everybody": EVERYBODY | {"strength": "must"},
        "gone": {"rule": "forbid", "sites": ["left"], "strength": "must"},
    }
    content = plan_of(road({"A": (0.0, 900)}, {"left": -0.4, "right": 0.6}), model(rules))
    assert set(actions(content)) == {("left", 2025, "merge"), ("right", 2025, "keep")}
    assert row_of(content, "left", "merge")["into"] == "right"
    assert money(content) == [(0, 20_000, 20_000)]


ROOM = {"rule": "capacity", "kinds": ["clinic"], "people": 1000}
LARGER = {"upgrade": {"opening": 40_000, "yearly": 5_000, "people": 1000, **TOLD}}


@pytest.fixture(scope="module")
def enlarged() -> Content:
    # One village of 1,500, and a clinic with room for 1,000 or, enlarged, for 2,000. From 2027 on all must be served.
    rules = {
        "room": ROOM,
        "most": EVERYBODY | {"share": 0.6, "years": [2025], "strength": "must"},
        "everybody": EVERYBODY | {"years": [2027], "strength": "must"},
    }
    return plan_of(road({"A": (0.0, 1500)}), model(rules, years=(2025, 2027), clinic=LARGER))


def test_a_clinic_is_enlarged_when_it_gets_too_small(enlarged: Content) -> None:
    assert actions(enlarged) == [("clinic-A", 2025, "open"), ("clinic-A", 2027, "upgrade")]
    assert served(enlarged) == [1000, 1500]
    # 2025: opening, and two years. 2027: enlarging, and one year of 20,000 + 5,000.
    assert money(enlarged) == [(100_000, 20_000, 140_000), (40_000, 25_000, 65_000)]
    assert row_of(enlarged, "clinic-A", "upgrade")["cost"] == 45_000
    assert row_of(enlarged, "clinic-A", "upgrade")["people"] == {}
    assert row_of(enlarged, "clinic-A", "open")["people"] == {"2025": 1000, "2027": 1500}
    assert "enlarged" in reason(row_of(enlarged, "clinic-A", "upgrade"), [2025, 2027], "en")
    assert enlarged["nesting"][-1]["yearly_cost"] == 25_000


def test_a_second_doctor_needs_a_second_post_and_so_a_larger_clinic() -> None:
    # One doctor serves 1,000 people, and a clinic has one post. From 2027 on all 1,500 must be served: a second post.
    doctors = {"at": {"clinic": 1}, "yearly": 60_000, "adding": 10_000, **TOLD}
    larger = {"upgrade": {"opening": 40_000, "yearly": 5_000, "posts": {"doctors": 1}, **TOLD}}
    rules = {
        "each": {"rule": "people_per_staff", "kinds": ["clinic"], "resource": "doctors", "people": 1000},
        "most": EVERYBODY | {"share": 0.6, "years": [2025], "strength": "must"},
        "everybody": EVERYBODY | {"years": [2027], "strength": "must"},
    }
    wanted = model(rules, years=(2025, 2027), clinic=larger, resources={"doctors": doctors})
    content = plan_of(road({"A": (0.0, 1500)}), wanted)
    assert actions(content) == [("clinic-A", 2025, "open"), ("clinic-A", 2027, "upgrade")]
    assert served(content) == [1000, 1500]
    assert row_of(content, "clinic-A", "open")["staff"] == {"2025": {"doctors": 1}, "2027": {"doctors": 2}}
    # Sites as before; one doctor joins in each year, and 60,000 are paid for one, then for two.
    assert [(row["opening"], row["yearly"], row["adding"], row["pay"]) for row in content["budget"]] == [
        (100_000, 20_000, 10_000, 60_000),
        (40_000, 25_000, 10_000, 120_000),
    ]
    assert [row["yearly_cost"] for row in content["nesting"]] == [80_000, 145_000]


def test_a_year_can_pay_for_a_doctor_only_because_the_clinic_moves() -> None:
    # 2027: 30,000 for moving, 20,000 for the clinic, 60,000 for the doctor: 110,000 yuan and not one more. A clinic
    # that is not said to move would cost 100,000 in place of 30,000.
    rules = {
        "each": {"rule": "people_per_staff", "kinds": ["clinic"], "resource": "doctors", "people": 2000},
        "gone": {"rule": "forbid", "sites": ["old"], "years": [2027], "strength": "must"},
        "before": {"rule": "keep", "sites": ["old"], "years": [2025], "strength": "must"},
        "everybody": EVERYBODY | {"years": [2027], "strength": "must"},
        "budget": {"rule": "spending", "at_most": 110_000, "years": [2027], "strength": "must"},
    }
    doctors = {"at": {"clinic": 1}, "yearly": 60_000, **TOLD}
    wanted = model(rules, years=(2025, 2027), clinic=MOVING | {"may_close": True}, resources={"doctors": doctors})
    content = plan_of(road({"A": (0.0, 500), "M": (1.2, 700)}, {"old": -0.5}), wanted)
    assert {action for _, _, action in actions(content)} == {"keep", "move", "open"}
    assert served(content)[1] == 1200
    assert (content["budget"][1]["capital"], content["budget"][1]["recurrent"]) == (30_000, 80_000)
    assert not [row for row in content["scorecard"] if row["status"] == "missed"]


def test_every_site_names_its_hub_and_its_hospital(enlarged: Content) -> None:
    chain = {row["id"]: (row["parent"], row["hospital"], row["parent_basis"]) for row in enlarged["sites"]}
    assert chain == {
        "clinic-A": ("hub", "hospital", "assumed"),
        "hub": ("hospital", "hospital", "assumed"),
        "hospital": (None, None, None),
    }


# ---- a plan that says otherwise is rejected ----


def _close_in_place_of_moving(content: dict[str, Any]) -> None:
    row = next(row for row in content["sites"] if row["action"] == "move")
    row["action"] = "close"
    del row["into"]


def _pay_in_full(content: dict[str, Any]) -> None:
    next(row for row in content["sites"] if "from" in row)["cost"] += 70_000


def _move_elsewhere(content: dict[str, Any]) -> None:
    next(row for row in content["sites"] if row["action"] == "move")["into"] = "hub"


def _forget_the_hospital(content: dict[str, Any]) -> None:
    content["sites"][0]["hospital"] = "hub"


def _call_it_listed(content: dict[str, Any]) -> None:
    next(row for row in content["sites"] if row["parent"])["parent_basis"] = "official"


def _earlier_upgrade(content: dict[str, Any]) -> None:
    next(row for row in content["sites"] if row["action"] == "upgrade")["year"] = 2025


def _no_upgrade(content: dict[str, Any]) -> None:
    content["sites"] = [row for row in content["sites"] if row["action"] != "upgrade"]


def _upgrade_a_hub(content: dict[str, Any]) -> None:
    row = next(row for row in content["sites"] if row["id"] == "hub")
    content["sites"].append(copy.deepcopy(row) | {"action": "upgrade", "cost": 0, "people": {}})


def _another_year_alone(content: dict[str, Any]) -> None:
    content["nesting"][0]["year"] = 2030


def _no_years_alone(content: dict[str, Any]) -> None:
    content["nesting"] = []


def _a_bound_above_its_value(content: dict[str, Any]) -> None:
    content["nesting"][0]["bound_alone"] = content["nesting"][0]["value_alone"] + 1


def _cheaper_nesting(content: dict[str, Any]) -> None:
    content["nesting"][-1]["value"] -= 1


def _fewer_sites(content: dict[str, Any]) -> None:
    content["nesting"][-1]["sites"] += 1


def _half_a_site(content: dict[str, Any]) -> None:
    content["nesting"][-1]["sites_alone"] = 1.5


@pytest.mark.parametrize("change", [_close_in_place_of_moving, _pay_in_full, _move_elsewhere, _call_it_listed])
def test_a_plan_that_moves_otherwise_than_it_says_is_rejected(moving: Content, change: Callable[..., None]) -> None:
    _rejects(moving, change)


@pytest.mark.parametrize(
    "change", [_earlier_upgrade, _no_upgrade, _upgrade_a_hub, _forget_the_hospital, _call_it_listed]
)
def test_a_plan_that_enlarges_otherwise_than_it_says_is_rejected(
    enlarged: Content, change: Callable[..., None]
) -> None:
    _rejects(enlarged, change)


@pytest.mark.parametrize(
    "change",
    [_another_year_alone, _no_years_alone, _a_bound_above_its_value, _cheaper_nesting, _fewer_sites, _half_a_site],
)
def test_years_by_themselves_that_contradict_the_plan_are_rejected(
    phased: Content, change: Callable[..., None]
) -> None:
    _rejects(phased, change)


def _rejects(content: Content, change: Callable[..., None]) -> None:
    assert verify(content).sound
    spoilt = copy.deepcopy(dict(content))
    change(spoilt)
    assert not verify(spoilt).sound


# ---- models that cannot be ----


@pytest.mark.parametrize(
    ("clinic", "column", "words"),
    [
        ({"move": {"metres": 2000, "opening": 100_001, **TOLD}}, "siting.clinic", "must not be above opening"),
        ({"upgrade": {"opening": 1, **TOLD}}, "siting.clinic.upgrade", "give posts or people"),
        ({"upgrade": {"opening": 1, "people": 5, **TOLD}}, "siting.clinic.upgrade.people", "No rule limits the room"),
        ({"upgrade": {"opening": 1, "posts": {"nurses": 1}, **TOLD}}, "siting.clinic.upgrade.posts", "nurses"),
        ({"upgrade": {"opening": 1, "posts": {"nurses": -1}, **TOLD}}, "siting.clinic.upgrade.posts.nurses", "-1"),
        ({"move": {"metre": 1, "metres": 1, "opening": 1, **TOLD}}, "siting.clinic.move.metre", "metres, opening"),
        ({"may_close": "perhaps"}, "siting.clinic.may_close", "perhaps"),
    ],
)
def test_what_cannot_become_of_a_site_is_refused_in_one_line(
    clinic: Mapping[str, Any], column: str, words: str
) -> None:
    with speaking("en"), pytest.raises(ModelError) as caught:
        model({"everybody": EVERYBODY}, clinic=clinic)
    (problem,) = caught.value.problems
    assert problem.column == column
    assert words in str(caught.value)


def test_no_resource_may_be_called_upgraded() -> None:
    resources = {"upgraded": {"at": {"clinic": 1}, **TOLD}}
    with pytest.raises(ModelError) as caught:
        model({"everybody": EVERYBODY}, resources=resources)
    assert [problem.what for problem in caught.value.problems] == ["problem.resource_name"]


# ---- what cannot hold together ----


def test_what_a_larger_clinic_lets_hold_is_no_conflict() -> None:
    # All 1,500 served by one clinic with room for 1,000: impossible, unless it may be enlarged.
    rules = {"room": ROOM, "everybody": EVERYBODY | {"strength": "must"}}
    district = road({"A": (0.0, 1500)})
    options = Options(seconds=30.0)
    (conflict,) = explain(district, model(rules), options).conflicts
    assert conflict.core.names == {"everybody"}
    larger = explain(district, model(rules, clinic=LARGER), options)
    assert (larger.holds, larger.conflicts) == (True, ())


def test_the_card_says_what_may_become_of_a_site() -> None:
    text = card(model({"room": ROOM}, clinic={"may_close": True} | MOVING | LARGER))
    assert "  - 新开的可在规划期内再关 · what is opened may close again" in text
    assert "within 2,000 m in the same town are a move, opening 30,000 yuan (assumed: made up)" in text
    assert "enlarged once: 40,000 yuan once, 5,000 yuan more a year; room for 1,000 more people" in text
