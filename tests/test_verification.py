"""A plan that is not what it says it is gets rejected, whatever was changed in it; verifying needs no solver."""

import copy
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from conftest import Tiny
from forgery import Content, Mutation, collect
from hypothesis import given
from hypothesis import strategies as st

from allocate.errors import AllocateError, InputError
from allocate.gaps import shown_bound
from allocate.outputs import write_plan
from allocate.plans import Plan, to_json
from allocate.report.sheets import sheets
from allocate.verification import insist, verify
from allocate.words import LANGUAGES, speaking

ROOT = Path(__file__).resolve().parents[1]
MUTATIONS: dict[str, Mutation] = {}
mutation = collect(MUTATIONS)


def served(content: Content) -> list[dict[str, Any]]:
    return [row for row in content["places"] if row["status"] == "served" and row["people"]]


def opened(content: Content) -> list[dict[str, Any]]:
    return [row for row in content["sites"] if row["action"] == "open"]


def people_of(content: Content) -> dict[str, int]:
    return {place["id"]: place["people"] for place in content["district_data"]["places"]}


def other[T](chance: random.Random, choices: list[T], value: T) -> T:
    return chance.choice([choice for choice in choices if choice != value])


# ---- sites ----


@mutation
def open_a_site_that_is_closed(content: Content, chance: random.Random) -> None:
    known = {row["id"] for row in content["sites"]}
    villages = [
        p for p in content["district_data"]["places"] if p["kind"] == "village" and f"clinic-{p['id']}" not in known
    ]
    village = chance.choice(villages)
    row = copy.deepcopy(chance.choice(opened(content)))
    row |= {"id": f"clinic-{village['id']}", "name": f"{village['short_name']}村卫生室", "town": village["town"]}
    content["sites"].append(
        row | {"lon": village["lon"], "lat": village["lat"], "people": dict.fromkeys(row["people"], 0)}
    )


@mutation
def close_a_site_that_is_open(content: Content, chance: random.Random) -> None:
    content["sites"].remove(chance.choice(opened(content)))


@mutation
def close_a_hub(content: Content, chance: random.Random) -> None:
    chance.choice([row for row in content["sites"] if row["id"].startswith("hub-")])["action"] = "close"


@mutation
def keep_what_is_closed(content: Content, chance: random.Random) -> None:
    chance.choice([row for row in content["sites"] if row["action"] == "close"])["action"] = "keep"


@mutation
def open_a_site_twice(content: Content, chance: random.Random) -> None:
    content["sites"].append(copy.deepcopy(chance.choice(opened(content))))


@mutation
def open_a_site_in_another_year(content: Content, chance: random.Random) -> None:
    row = chance.choice(opened(content))
    row["year"] = other(chance, content["years"], row["year"])


@mutation
def open_a_site_in_a_year_that_is_not_planned(content: Content, chance: random.Random) -> None:
    chance.choice(opened(content))["year"] = chance.choice([2024, 2026, 2028])


@mutation
def open_a_site_that_there_is_not(content: Content, chance: random.Random) -> None:
    chance.choice(opened(content))["id"] = "clinic-T9999"


@mutation
def rename_a_site(content: Content, chance: random.Random) -> None:
    chance.choice(content["sites"])["name"] += "（新）"


@mutation
def change_the_kind_of_a_site(content: Content, chance: random.Random) -> None:
    row = chance.choice(content["sites"])
    row["kind"] = other(chance, ["station", "clinic", "township_hospital"], row["kind"])


@mutation
def move_a_site_to_another_town(content: Content, chance: random.Random) -> None:
    row = chance.choice(content["sites"])
    row["town"] = other(chance, ["T1", "T2", "T3"], row["town"])


@mutation
def move_a_site_on_the_map(content: Content, chance: random.Random) -> None:
    chance.choice(content["sites"])[chance.choice(["lon", "lat"])] += 0.01


@mutation
def call_a_guessed_position_surveyed(content: Content, chance: random.Random) -> None:
    row = chance.choice(content["sites"])
    row["basis"] = other(chance, ["official", "surveyed", "assumed"], row["basis"])


@mutation
def understate_the_cost_of_a_site(content: Content, chance: random.Random) -> None:
    chance.choice(opened(content))["cost"] -= chance.choice([1, 1000, 60_000])


@mutation
def overstate_the_people_of_a_site(content: Content, chance: random.Random) -> None:
    people = chance.choice([row for row in content["sites"] if row["people"]])["people"]
    people[chance.choice(list(people))] += 1


@mutation
def overstate_who_depends_on_a_site(content: Content, chance: random.Random) -> None:
    alone = chance.choice(opened(content))["only_site_of"]
    alone[chance.choice(list(alone))] += 1


@mutation
def give_a_site_another_parent(content: Content, chance: random.Random) -> None:
    row = chance.choice(opened(content))
    row["parent"] = other(chance, ["hub-1", "hub-2", "hub-3", None], row["parent"])


# ---- places ----


@mutation
def drop_the_row_of_a_village_that_is_served(content: Content, chance: random.Random) -> None:
    content["places"].remove(chance.choice(served(content)))


@mutation
def serve_a_village_in_another_year(content: Content, chance: random.Random) -> None:
    row = chance.choice(served(content))
    row["year"] = other(chance, content["years"], row["year"])


@mutation
def move_a_person_to_another_village(content: Content, chance: random.Random) -> None:
    row = chance.choice(served(content))
    peers = [peer for peer in served(content) if (peer["served_by"], peer["year"]) == (row["served_by"], row["year"])]
    peers = peers if len(peers) > 1 else served(content)
    row["people"] -= 1
    chance.choice([peer for peer in peers if peer is not row])["people"] += 1


@mutation
def lose_a_person(content: Content, chance: random.Random) -> None:
    chance.choice([row for row in content["places"] if row["people"]])["people"] -= 1


@mutation
def serve_a_village_from_a_site_too_far_away(content: Content, chance: random.Random) -> None:
    town = {place["id"]: place["town"] for place in content["district_data"]["places"]}
    row = chance.choice([row for row in served(content) if town[row["id"]] == "T2"])
    row["served_by"] = "hub-3"


@mutation
def serve_the_village_that_nobody_can_reach(content: Content, chance: random.Random) -> None:
    row = chance.choice([row for row in content["places"] if row["id"] == "T3040"])
    row |= {"status": "served", "served_by": "hub-3", "minutes": 1}


@mutation
def serve_a_village_from_a_site_that_is_not_open(content: Content, chance: random.Random) -> None:
    chance.choice(served(content))["served_by"] = "old-clinic"


@mutation
def serve_a_village_twice(content: Content, chance: random.Random) -> None:
    content["places"].append(copy.deepcopy(chance.choice(served(content))))


@mutation
def serve_fewer_than_no_people(content: Content, chance: random.Random) -> None:
    row = chance.choice(served(content))
    extra = copy.deepcopy(row)
    extra["people"] = -row["people"]
    content["places"].append(extra)


@mutation
def fill_a_site_beyond_its_room(content: Content, chance: random.Random) -> None:
    waiting = chance.choice([row for row in content["places"] if row["status"] == "no_capacity"])
    near = chance.choice([row for row in served(content) if row["served_by"] in ("hub-1", "old-station")])
    waiting |= {"status": "served", "served_by": near["served_by"], "minutes": near["minutes"]}


@mutation
def call_people_served_who_wait(content: Content, chance: random.Random) -> None:
    chance.choice([row for row in content["places"] if row["status"] != "served"])["status"] = "served"


@mutation
def call_people_visited_by_rounds(content: Content, chance: random.Random) -> None:
    chance.choice([row for row in content["places"] if row["status"] == "out_of_range"])["status"] = "rounds"


@mutation
def shorten_the_way(content: Content, chance: random.Random) -> None:
    chance.choice([row for row in served(content) if row["minutes"]])["minutes"] -= 0.1


@mutation
def improve_the_basis_of_a_place(content: Content, chance: random.Random) -> None:
    row = chance.choice(content["places"])
    row["basis"] = other(chance, ["official", "surveyed", "estimated"], row["basis"])


# ---- totals ----


@mutation
def move_people_within_the_ledger(content: Content, chance: random.Random) -> None:
    row = chance.choice([row for row in content["ledger"] if row["out_of_range"]])
    row["served"] += 1
    row["out_of_range"] -= 1


@mutation
def lose_people_of_the_ledger(content: Content, chance: random.Random) -> None:
    chance.choice(content["ledger"])["people"] -= 1


@mutation
def leave_a_town_out_of_the_ledger(content: Content, chance: random.Random) -> None:
    content["ledger"].remove(chance.choice([row for row in content["ledger"] if row["scope"] != "district"]))


@mutation
def overstate_the_coverage(content: Content, chance: random.Random) -> None:
    row = chance.choice(content["coverage"])
    row["covered"] += 1


@mutation
def overstate_the_share_covered(content: Content, chance: random.Random) -> None:
    chance.choice(content["coverage"])["share"] += 0.001


@mutation
def understate_the_budget(content: Content, chance: random.Random) -> None:
    chance.choice(content["budget"])[chance.choice(["opening", "yearly", "total"])] -= 1


@mutation
def understate_the_assumptions(content: Content, chance: random.Random) -> None:
    chance.choice(content["assumptions"])["rows"] -= 1


@mutation
def hide_an_assumption(content: Content, chance: random.Random) -> None:
    content["assumptions"].remove(chance.choice(content["assumptions"]))


@mutation
def add_a_draw(content: Content, chance: random.Random) -> None:
    years = {str(year): chance.randrange(100) for year in content["years"]}
    content["draws"].append(
        {
            "seed": 5,
            "sites": years,
            "sites_by_town": {"T1": years},
            "served": years,
            "coverage": years,
            "goal": "cost",
            "value": 1,
            "bound": 1,
            "gap": 0.0,
        }
    )


# ---- clauses ----


@mutation
def hide_a_shortfall(content: Content, chance: random.Random) -> None:
    chance.choice([row for row in content["scorecard"] if row["shortfall"]])["shortfall"] = 0


@mutation
def call_a_missed_clause_met(content: Content, chance: random.Random) -> None:
    chance.choice([row for row in content["scorecard"] if row["status"] == "missed"])["status"] = "met"


@mutation
def hide_a_cause(content: Content, chance: random.Random) -> None:
    causes = chance.choice([row for row in content["scorecard"] if row["causes"]])["causes"]
    causes.remove(chance.choice(causes))


@mutation
def overstate_a_value_of_the_scorecard(content: Content, chance: random.Random) -> None:
    chance.choice(content["scorecard"])["value"] += 1


@mutation
def lower_a_target_of_the_scorecard(content: Content, chance: random.Random) -> None:
    chance.choice([row for row in content["scorecard"] if row["target"]])["target"] *= 0.5


@mutation
def weaken_a_clause_of_the_scorecard(content: Content, chance: random.Random) -> None:
    row = chance.choice(content["scorecard"])
    row["strength"] = other(chance, ["must", "in_principle", "strive", "encourage"], row["strength"])


@mutation
def leave_a_clause_out(content: Content, chance: random.Random) -> None:
    content["scorecard"].remove(chance.choice(content["scorecard"]))


@mutation
def misquote_a_clause(content: Content, chance: random.Random) -> None:
    chance.choice(content["scorecard"])[chance.choice(["quote", "source", "clause", "document"])] += "?"


# ---- stages ----


@mutation
def improve_the_value_of_a_stage(content: Content, chance: random.Random) -> None:
    row = chance.choice([row for row in content["stages"] if row["value"]])
    row["value"] = row["value"] * 0.9


@mutation
def prove_more_than_the_value(content: Content, chance: random.Random) -> None:
    row = chance.choice(content["stages"])
    row["bound"] = row["value"] + 1


@mutation
def understate_a_gap(content: Content, chance: random.Random) -> None:
    chance.choice([row for row in content["stages"] if row["gap"]])["gap"] /= 2


@mutation
def understate_the_largest_gap(content: Content, chance: random.Random) -> None:
    content["gap"] *= chance.random()


@mutation
def call_the_plan_optimal(content: Content, chance: random.Random) -> None:
    del chance
    content["outcome"] = "optimal" if content["outcome"] == "feasible" else "feasible"


@mutation
def leave_a_stage_out(content: Content, chance: random.Random) -> None:
    content["stages"].remove(chance.choice(content["stages"]))


@mutation
def exchange_two_stages(content: Content, chance: random.Random) -> None:
    at = chance.randrange(len(content["stages"]) - 1)
    content["stages"].insert(at, content["stages"].pop(at + 1))


# ---- what the plan was made of ----


@mutation
def lower_a_cost_in_the_settings(content: Content, chance: random.Random) -> None:
    content["settings"]["siting"]["clinic"][chance.choice(["opening", "yearly"])] -= 1000


@mutation
def raise_the_spending_limit_in_the_settings(content: Content, chance: random.Random) -> None:
    content["settings"]["rules"]["budget"]["at_most"] += chance.randrange(1, 10**6)


@mutation
def lower_a_target_in_the_settings(content: Content, chance: random.Random) -> None:
    content["settings"]["rules"][chance.choice(["most_people", "every_place"])]["share"] = chance.choice(
        [0.1, 0.5, 0.69]
    )


@mutation
def enlarge_the_room_of_sites_in_the_settings(content: Content, chance: random.Random) -> None:
    content["settings"]["rules"]["hub_room"]["people"] += chance.randrange(1, 100)


@mutation
def weaken_a_clause_in_the_settings(content: Content, chance: random.Random) -> None:
    rule = chance.choice([rule for rule in content["settings"]["rules"].values() if rule["strength"] != "physics"])
    rule["strength"] = other(chance, ["must", "in_principle", "strive", "encourage"], rule["strength"])


@mutation
def leave_a_rule_out_of_the_settings(content: Content, chance: random.Random) -> None:
    names = [name for name, rule in content["settings"]["rules"].items() if rule["strength"] != "physics"]
    del content["settings"]["rules"][chance.choice(names)]


@mutation
def widen_the_circle_in_the_settings(content: Content, chance: random.Random) -> None:
    content["settings"]["circles"]["eight_minutes"]["minutes"] = chance.choice([9, 10, 15, 60])


@mutation
def exchange_goals_in_the_settings(content: Content, chance: random.Random) -> None:
    at = chance.randrange(3)
    content["settings"]["goals"].insert(at, content["settings"]["goals"].pop(at + 1))


@mutation
def take_a_year_out_of_the_plan(content: Content, chance: random.Random) -> None:
    content["years"].remove(chance.choice(content["years"]))


@mutation
def speak_from_another_day(content: Content, chance: random.Random) -> None:
    content["as_of"] = f"2024-12-{chance.randrange(10, 26)}"


@mutation
def change_the_people_of_a_place(content: Content, chance: random.Random) -> None:
    chance.choice(content["district_data"]["places"])["people"] += chance.choice([-1, 1, 100])


@mutation
def move_people_between_places(content: Content, chance: random.Random) -> None:
    first, second = chance.sample(content["district_data"]["places"], 2)
    first["people"] -= 1
    second["people"] += 1


@mutation
def move_a_place_on_the_map(content: Content, chance: random.Random) -> None:
    place = chance.choice([place for place in content["district_data"]["places"] if place["kind"] == "village"])
    place["lon"] = round(place["lon"] + chance.choice([-0.02, 0.02]), 6)


@mutation
def leave_a_place_out(content: Content, chance: random.Random) -> None:
    places = content["district_data"]["places"]
    places.remove(chance.choice(places))


@mutation
def change_a_published_total(content: Content, chance: random.Random) -> None:
    facts = content["district_data"]["facts"]
    chance.choice([fact for fact in facts if fact["indicator"] in ("population", "population_65_and_over")])[
        "value"
    ] += 1


@mutation
def hide_an_institution(content: Content, chance: random.Random) -> None:
    institutions = content["district_data"]["institutions"]
    institutions.remove(chance.choice([i for i in institutions if i["kind"] != "hospital"]))


@mutation
def break_a_checksum(content: Content, chance: random.Random) -> None:
    row = chance.choice(content["inputs"])
    row["sha256"] = chance.choice([None, "", row["sha256"][1:], row["sha256"].replace(row["sha256"][0], "z")])


@mutation
def forget_what_the_plan_was_made_from(content: Content, chance: random.Random) -> None:
    content["inputs"] = chance.choice(
        [[], *([row for row in content["inputs"] if row["of"] == part] for part in ("district", "model"))]
    )


@mutation
def leave_an_input_out(content: Content, chance: random.Random) -> None:
    needed = ("district.toml", "boundary.geojson", "places.csv", "towns.csv")
    content["inputs"].remove(chance.choice([row for row in content["inputs"] if row["path"] in needed]))


@mutation
def leave_the_version_of_a_library_blank(content: Content, chance: random.Random) -> None:
    content["versions"][chance.choice(list(content["versions"]))] = chance.choice(["", None, 3])


@mutation
def leave_a_whole_part_out(content: Content, chance: random.Random) -> None:
    del content[chance.choice([key for key in content if key != "schema"])]


@mutation
def add_a_part(content: Content, chance: random.Random) -> None:
    content[f"extra_{chance.randrange(10)}"] = []


@mutation
def put_the_wrong_kind_of_thing_somewhere(content: Content, chance: random.Random) -> None:
    part = content[
        chance.choice(["places", "sites", "ledger", "scorecard", "stages", "budget", "coverage", "fairness"])
    ]
    row = chance.choice(part)
    row[chance.choice(list(row))] = chance.choice([None, [], {}, float("nan"), float("inf"), "x", True, 10**400])


@mutation
def call_the_plan_fairer(content: Content, chance: random.Random) -> None:
    row = chance.choice(content["fairness"])
    key = chance.choice(["worst_town_share", "deviation", "worst_tenth_unserved", "gini_minutes", "share_all"])
    row[key] = 0.5 if row[key] != 0.5 else 0.25


@mutation
def improve_the_basis_of_its_fairness(content: Content, chance: random.Random) -> None:
    row = chance.choice(content["fairness"])
    row["basis"] = other(chance, ["official", "surveyed", "estimated"], row["basis"])


# Everything that a person could wish away is tried twice, from two seeds.
CASES = [(name, seed) for name in MUTATIONS for seed in (1, 2)]


@pytest.fixture(scope="module")
def text(tiny_plan: Plan) -> str:
    return to_json(tiny_plan.content)


def mutate(text: str, name: str, seed: int) -> Content:
    content: Content = json.loads(text)
    MUTATIONS[name](content, random.Random(f"{name} {seed}"))
    assert json.dumps(content) != json.dumps(json.loads(text)), "the mutation changes something"
    return content


def test_the_plan_as_it_was_made_is_sound(text: str, tiny_home: Tiny) -> None:
    verdict = verify(json.loads(text), tiny_home.folder)
    assert (verdict.findings, verdict.notes) == ((), ())
    assert verdict.checked > 1000


def test_there_are_a_hundred_mutations_and_more() -> None:
    assert len(MUTATIONS) >= 20
    assert len(CASES) >= 100


@pytest.mark.parametrize(("name", "seed"), CASES, ids=[f"{name}, {seed}" for name, seed in CASES])
def test_a_plan_that_was_changed_is_rejected(name: str, seed: int, text: str, tiny_home: Tiny) -> None:
    verdict = verify(mutate(text, name, seed), tiny_home.folder)
    assert verdict.findings
    assert all(finding.where and finding.words for finding in verdict.findings)


@pytest.mark.parametrize("name", MUTATIONS)
def test_it_is_rejected_without_its_data_too(name: str, text: str) -> None:
    assert not verify(mutate(text, name, 3)).sound


WHERE = {
    "open a site in a year that is not planned": "plan",
    "close a hub": "stands·hub-",
    "serve a village from a site too far away": "reach·T2",
    "serve a village from a site that is not open": "open·",
    "serve a village twice": "once·",
    "fill a site beyond its room": "_room·",
    "move people within the ledger": "ledger[",
    "overstate the coverage": "coverage[",
    "hide a shortfall": "scorecard[",
    "call the plan optimal": "outcome",
    "understate a gap": "stages[",
    "call the plan fairer": "fairness[",
    "understate the budget": "budget[",
    "rename a site": "sites[",
    "shorten the way": "places[",
    "improve the basis of a place": "places[",
    "understate the assumptions": "assumptions[",
    "add a draw": "draws",
    "forget what the plan was made from": "inputs",
    "leave an input out": "inputs",
    "change the people of a place": "district_data.population",
    "change a published total": "district_data.",
}


@pytest.mark.parametrize("name", WHERE)
def test_what_is_wrong_is_named_with_its_place(name: str, text: str, tiny_home: Tiny) -> None:
    for language in LANGUAGES:
        with speaking(language):
            verdict = verify(mutate(text, name, 1), tiny_home.folder)
        assert [finding for finding in verdict.findings if WHERE[name] in finding.where], verdict.findings


def test_data_that_are_not_there_are_a_note(text: str) -> None:
    verdict = verify(json.loads(text))
    assert verdict.sound
    assert len(verdict.notes) == 1


def test_a_named_folder_that_cannot_be_read_is_an_error(text: str, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        verify(json.loads(text), tmp_path / "gone")


def test_data_that_changed_since_are_a_note_unless_a_person_names_them(
    text: str, tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.edit("places.csv", "社区居委会", "居委会")
    monkeypatch.chdir(tiny.folder.parent)
    verdict = verify(json.loads(text))
    assert verdict.sound
    assert len(verdict.notes) == 1
    assert not verify(json.loads(text), tiny.folder).sound


def test_a_place_renamed_in_the_plan_alone_is_seen_in_the_data(text: str, tiny_home: Tiny) -> None:
    content = json.loads(text)
    content["district_data"]["places"][0]["name"] += "?"
    assert [finding.where for finding in verify(content, tiny_home.folder).findings] == ["district_data.places[0].name"]


def test_the_district_that_a_plan_was_made_from_is_found_above_it_and_compared(
    tiny_plan: Plan, tiny_home: Tiny, text: str, tmp_path: Path
) -> None:
    shutil.copytree(tiny_home.folder, tmp_path / "mine" / "data" / "tiny")
    files = write_plan(tiny_plan, tmp_path / "mine" / "maps" / "out" / "tiny")
    for plan in (files["plan.json"], files["plan.json"].parent, str(files["plan.json"].parent)):
        assert (verify(plan).findings, verify(plan).notes) == ((), ())
    content = json.loads(text)
    content["district_data"]["places"][0]["name"] += "?"
    files["plan.json"].write_text(to_json(content), encoding="utf-8")
    assert [finding.where for finding in verify(files["plan.json"]).findings] == ["district_data.places[0].name"]


def test_a_district_of_the_same_name_that_changed_does_not_hide_the_one_that_the_plan_was_made_from(
    tiny_plan: Plan, tiny: Tiny, tiny_home: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.edit("places.csv", "社区居委会", "居委会")
    shutil.copytree(tiny.folder, tmp_path / "mine" / "data" / "tiny")
    write_plan(tiny_plan, tmp_path / "mine" / "maps" / "out" / "tiny")
    assert len(verify(tmp_path / "mine" / "maps" / "out" / "tiny").notes) == 1
    monkeypatch.chdir(tiny_home.folder.parent)
    assert verify(tmp_path / "mine" / "maps" / "out" / "tiny").notes == ()


def test_a_plan_is_rechecked_from_its_folder_and_from_its_file(
    tiny_plan: Plan, tiny_home: Tiny, tmp_path: Path
) -> None:
    files = write_plan(tiny_plan, tmp_path / "plan")
    assert verify(tmp_path / "plan", tiny_home.folder).sound
    assert verify(files["plan.json"], tiny_home.folder).sound
    assert verify(str(tmp_path / "plan"), str(tiny_home.folder)).sound
    shutil.rmtree(tmp_path / "plan")
    with pytest.raises(InputError):
        verify(tmp_path / "plan", tiny_home.folder)


def test_a_plan_that_is_wrong_is_never_shown(text: str) -> None:
    insist(json.loads(text))
    with pytest.raises(AllocateError, match=r"ledger\["):
        insist(mutate(text, "move people within the ledger", 1))


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(leaf for key, part in inner for leaf in leaves(part, (*path, key)))]


@pytest.mark.parametrize("seed", range(60))
def test_whatever_stands_anywhere_in_a_plan_the_recheck_ends_with_a_verdict(
    seed: int, text: str, tiny_home: Tiny
) -> None:
    content = json.loads(text)
    chance = random.Random(seed)
    # The outer parts of the file first, so that its few long tables do not take all the turns.
    key = chance.choice(list(content))
    path = chance.choice(leaves(content[key]))
    value = chance.choice([None, True, -1, 5, 10**400, float("nan"), float("inf"), "", "x", [], {}, [None], {"x": {}}])
    if path:
        table = content[key]
        for step in path[:-1]:
            table = table[step]
        table[path[-1]] = value
    else:
        content[key] = value
    assert verify(content, tiny_home.folder).checked >= 0


def test_verifying_leaves_the_solvers_out(tiny_plan: Plan, tiny_home: Tiny, tmp_path: Path) -> None:
    write_plan(tiny_plan, tmp_path / "plan")
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from allocate.verification import verify\n"
        f"assert verify(Path({str(tmp_path / 'plan')!r}), Path({str(tiny_home.folder)!r})).sound\n"
        "print(sorted({'pulp', 'highspy', 'allocate.program'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_an_approval_number_that_a_person_adds_is_no_fault(tiny_plan: Plan) -> None:
    content = {**tiny_plan.content, "map_approval_number": "津S（2026）001"}
    assert verify(content).sound
    assert not verify({**content, "map_approval_number": ["not", "a", "text"]}).sound
    assert not verify({**content, "approval": "津S（2026）001"}).sound


@given(bound=st.floats(0, 1e9), above=st.floats(0, 1))
def test_a_bound_that_was_shown_is_shown_again_as_it_is_and_never_lifted(bound: float, above: float) -> None:
    value = bound + above
    shown = shown_bound(bound, value)
    assert shown_bound(shown, value) == shown <= bound
    assert bound - shown <= 1e-9 + 1e-15 * bound


# ---- plans of an earlier version ----


def before_staff() -> Content:
    """Return a plan that version 0.4.0 made, which knew hospitals as no sites, and neither staff nor their pay."""
    content: Content = json.loads((ROOT / "tests/data/tiny-before-staff/plan.json").read_text(encoding="utf-8"))
    assert content["versions"]["allocate"] == "0.4.0"
    return content


def test_a_plan_that_an_earlier_version_made_before_staff_were_decided_is_still_sound() -> None:
    verdict = verify(before_staff())
    assert verdict.findings == ()
    assert verdict.checked > 2000


@pytest.mark.parametrize("language", LANGUAGES)
def test_such_a_plan_still_fills_every_sheet(language: Any) -> None:
    content = before_staff()
    found = sheets(content, language)
    assert len(found["sites"].rows) == len(content["sites"])
    assert len(found["budget"].rows) == len(content["years"])


def a_hub_is_left_out(content: Content) -> None:
    content["sites"] = [row for row in content["sites"] if row["id"] != "hub-1"]


def a_hospital_serves(content: Content) -> None:
    next(row for row in content["places"] if row["status"] == "served")["served_by"] = "hospital-1"


def a_total_is_raised(content: Content) -> None:
    content["budget"][0]["total"] += 1


def an_assumption_is_left_out(content: Content) -> None:
    content["assumptions"] = [row for row in content["assumptions"] if row["table"] != "model.rules"]


@pytest.mark.parametrize("change", [a_hub_is_left_out, a_hospital_serves, a_total_is_raised, an_assumption_is_left_out])
def test_such_a_plan_is_still_rejected_once_it_is_changed(change: Callable[[Content], None]) -> None:
    content = before_staff()
    change(content)
    assert not verify(content).sound
