"""A plan whose consortia, functions, links or reserves are not what they say is rejected, however well the lie fits."""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from conftest import Tiny
from forgery import (
    Content,
    Forgery,
    Mutation,
    assert_found,
    change,
    collect,
    leave_all_out,
    leave_out,
    other,
    say_twice,
)

from allocate.belonging import function_rows
from allocate.candidates import make_case
from allocate.layout import Layout
from allocate.model import read_model
from allocate.plans import Plan, layout_of, to_json
from allocate.read import read_district
from allocate.rows import LEADS, Number
from allocate.verification import verify
from allocate.words import LANGUAGES, Language, speaking

pytestmark = pytest.mark.usefixtures("read_once")
MUTATIONS: dict[str, Mutation] = {}
mutation = collect(MUTATIONS)
HUBS = ["hub-1", "hub-2", "hub-3"]
HOSPITALS = ["hospital-1", "hospital-2"]


@pytest.fixture(scope="module")
def text(hubs_plan: Plan) -> str:
    return to_json(hubs_plan.content)


def test_the_plan_with_consortia_is_sound_and_has_everything_that_can_be_changed(text: str, hubs_home: Tiny) -> None:
    content = json.loads(text)
    verdict = verify(content, hubs_home.folder)
    assert (verdict.findings, verdict.notes) == ((), ())
    assert {row["id"] for row in content["consortia"]} >= {"hospital-1", *HUBS}
    functions = content["functions"]
    assert {row["function"] for row in functions} == set(content["settings"]["functions"])
    # What is there today, and what comes later; one's own, and a centre's.
    assert {row["since"] for row in functions} > {None, 2025}
    assert {row["centre"] for row in functions} >= {None, "hospital-1"}
    assert {row["until"] for row in functions} >= {None}
    assert all(row["number"] > row["reserved"] > 0 for row in content["reserves"])
    money = ("functions", "functions_yearly", "consortia", "consortia_yearly")
    assert all(any(row[key] for row in content["budget"]) for key in money)


def test_a_function_that_goes_with_an_expert_and_comes_again_is_two_spells(hubs_home: Tiny, hubs_plan: Plan) -> None:
    case = make_case(read_district(hubs_home.folder), read_model(hubs_home.model))
    layout = layout_of(hubs_plan.content, case)
    hub = case.site_index["hub-2"]
    amounts = {about: number for about, number in layout.amounts.items() if about[:2] != ("expert", hub)}
    shown = replace(layout, amounts=amounts | {("expert", hub, 0): 1, ("expert", hub, 2): 1})
    rows = [row for row in function_rows(case, shown) if (row["function"], row["id"]) == ("expert", "hub-2")]
    assert [(row["since"], row["until"]) for row in rows] == [(2025, 2025), (2030, None)]
    again = layout_of({**hubs_plan.content, "functions": function_rows(case, shown)}, case)
    assert [again.has("expert", hub, t) for t in case.periods] == [True, False, True]


# ---- one figure, and nothing else ----


def _members(content: Content) -> list[dict[str, Any]]:
    return [row for row in content["consortia"] if row["id"] != row["lead"]]


def _forget(table: str) -> Mutation:
    def changed(content: Content, chance: random.Random) -> None:
        del chance
        del content[table]

    return changed


def _exchange(table: str) -> Mutation:
    def changed(content: Content, chance: random.Random) -> None:
        one, two = chance.sample(range(len(content[table])), 2)
        content[table][one], content[table][two] = content[table][two], content[table][one]

    return changed


def _write_nonsense(table: str, key: str) -> Mutation:
    nonsense = ["", "hub-9", True, [], {}, -1, 1.5, float("nan"), 10**400, "2025"]

    def changed(content: Content, chance: random.Random) -> None:
        chance.choice(content[table])[key] = chance.choice(nonsense)

    return changed


for _table in ("consortia", "functions", "reserves"):
    MUTATIONS |= {
        f"leave a row of {_table} out": leave_out(_table),
        f"say a row of {_table} twice": say_twice(_table),
        f"leave all {_table} out": leave_all_out(_table),
        f"forget that there are {_table}": _forget(_table),
        f"exchange two rows of {_table}": _exchange(_table),
    }
for _table, _keys in {
    "consortia": ("year", "lead", "id", "people", "minutes", "before"),
    "functions": ("function", "id", "since", "until", "centre"),
    "reserves": ("year", "id", "resource", "number", "reserved"),
}.items():
    MUTATIONS |= {f"write nonsense for {_key} of {_table}": _write_nonsense(_table, _key) for _key in _keys}
MUTATIONS |= {
    "put a member in another year": change("consortia", "year", lambda y, chance: other(chance, [2025, 2027, 2030], y)),
    "put somebody under another lead": change(
        "consortia", "lead", lambda lead, chance: other(chance, [*HOSPITALS, *HUBS], lead)
    ),
    "count more people in a consortium": change("consortia", "people", lambda people, _: people + 1),
    "shorten the way to a lead": change("consortia", "minutes", lambda n, _: n - 1),
    "say that it was another hospital's before": change("consortia", "before", lambda *_: "hospital-2"),
    "say that somebody else has a function": change(
        "functions", "id", lambda site, chance: other(chance, [*HUBS, *HOSPITALS, "old-station"], site)
    ),
    "call a function by another name": change(
        "functions",
        "function",
        lambda name, chance: other(chance, ["imaging", "laboratory", "tcm_hall", "nurses", "leads", "upgraded"], name),
    ),
    "date a function otherwise": change(
        "functions", "since", lambda year, chance: other(chance, [None, 2025, 2027, 2030], year)
    ),
    "let a function end": change("functions", "until", lambda year, chance: other(chance, [2025, 2027], year)),
    "say that another centre provides it": change(
        "functions", "centre", lambda centre, chance: other(chance, ["hospital-1", "hospital-2", "hub-2"], centre)
    ),
    "hold back one more": change("reserves", "reserved", lambda n, _: n + 1),
    "hold back one less": change("reserves", "reserved", lambda n, _: n - 1),
    "understate of how many": change("reserves", "number", lambda n, _: n - 1),
    "call the beds something else": change("reserves", "resource", lambda *_: "nurses"),
}


@mutation
def put_a_hub_in_two_consortia(content: Content, chance: random.Random) -> None:
    row = chance.choice(_members(content))
    content["consortia"].append(row | {"lead": other(chance, HOSPITALS, row["lead"])})


@mutation
def say_that_a_hospital_leads_that_has_no_members(content: Content, chance: random.Random) -> None:
    led = {(row["year"], row["lead"]) for row in content["consortia"]}
    free = [(year, one) for year in content["years"] for one in HOSPITALS if (year, one) not in led]
    year, lead = chance.choice(free)
    content["consortia"].append(chance.choice(content["consortia"]) | {"year": year, "lead": lead, "id": lead})


@mutation
def let_a_hub_lead(content: Content, chance: random.Random) -> None:
    row = chance.choice(_members(content))
    row["lead"] = row["id"]


@mutation
def let_a_member_leave(content: Content, chance: random.Random) -> None:
    last = [row for row in _members(content) if row["year"] == content["years"][-1]]
    content["consortia"].remove(chance.choice(last))


@mutation
def say_of_a_function_that_it_is_not_from_today(content: Content, chance: random.Random) -> None:
    chance.choice([row for row in content["functions"] if row["since"] is None])["since"] = 2025


@mutation
def say_of_a_function_that_it_is_from_today(content: Content, chance: random.Random) -> None:
    chance.choice([row for row in content["functions"] if row["since"] is not None])["since"] = None


@mutation
def say_that_it_is_its_own(content: Content, chance: random.Random) -> None:
    chance.choice([row for row in content["functions"] if row["centre"]])["centre"] = None


@mutation
def send_an_expert_away_in_words(content: Content, chance: random.Random) -> None:
    # (A tour goes there all the same; no clause asks for it in later years.)
    rows = [row for row in content["functions"] if row["function"] == "expert" and row["until"] is None]
    chance.choice(rows)["until"] = chance.choice([2025, 2027])


def _understate(key: str) -> Mutation:
    def changed(content: Content, chance: random.Random) -> None:
        chance.choice([row for row in content["budget"] if row[key]])[key] -= chance.choice([1, 1000])

    return changed


for _key in ("functions", "functions_yearly", "consortia", "consortia_yearly"):
    MUTATIONS[f"understate {_key} in the budget"] = _understate(_key)


@mutation
def move_what_functions_cost_to_consortia(content: Content, chance: random.Random) -> None:
    row = chance.choice(content["budget"])
    row["functions_yearly"] -= 1000
    row["consortia_yearly"] += 1000


def _say_today(key: str, value: Any) -> Mutation:
    def changed(content: Content, chance: random.Random) -> None:
        del chance
        row = next(row for row in content["district_data"]["institutions"] if row["id"] == "hospital-2")
        assert row[key] != value
        row[key] = value

    return changed


MUTATIONS |= {
    "raise the level of a hospital": _say_today("level", 3),
    "lower the level of a hospital": _say_today("level", 1),
    "call a hospital general": _say_today("type", "general"),
    "call a hospital mental": _say_today("type", "mental"),
    "sell a hospital": _say_today("ownership", "for_profit"),
    "call what is assumed of a hospital official": _say_today("profile_basis", "official"),
    "leave out what there is today": lambda content, chance: content["district_data"]["functions"].remove(
        chance.choice(content["district_data"]["functions"])
    ),
    "say that nothing is there today": lambda content, _: content["district_data"].update(functions=[]),
    "change the basis of what is there today": lambda content, chance: chance.choice(
        content["district_data"]["functions"]
    ).update(basis="assumed"),
    "let somebody else have it today": lambda content, chance: chance.choice(
        content["district_data"]["functions"]
    ).update(institution="hub-3"),
}


def _settle(path: str, change: Callable[[Any], Any]) -> Mutation:
    def changed(content: Content, chance: random.Random) -> None:
        del chance
        *way, key = path.split(".")
        table = content["settings"]
        for step in way:
            table = table[step]
        table[key] = change(table.get(key))

    return changed


MUTATIONS |= {
    "lower what a centre costs in the settings": _settle("functions.laboratory.opening", lambda yuan: yuan - 1000),
    "lower what a link costs in the settings": _settle("functions.imaging.linked_yearly", lambda yuan: yuan - 1000),
    "lower what a consortium costs in the settings": _settle("consortia.yearly", lambda yuan: yuan - 1000),
    "ask for more years before in the settings": _settle("functions.chest_pain_unit.needs", lambda _: {"imaging": 4}),
    "ask for another function before in the settings": _settle(
        "functions.chest_pain_unit.needs", lambda _: {"tcm_hall": 0}
    ),
    "ask for more staff in the settings": _settle("functions.chest_pain_unit.staff", lambda _: {"nurses": 5}),
    "let a centre serve fewer in the settings": _settle("functions.imaging.members", lambda _: 1),
    "shorten the way to a centre in the settings": _settle("functions.laboratory.minutes", lambda _: 1),
    "let nobody have it in the settings": _settle("functions.tcm_corner.at", lambda _: ["hospital"]),
    "shorten the way to a lead in the settings": _settle("consortia.minutes", lambda _: 5),
    "let another hospital lead in the settings": _settle("consortia.leads", lambda _: ["hospital-2"]),
    "let nobody be qualified in the settings": _settle("consortia.types", lambda _: ["tcm"]),
    "let fewer kinds join in the settings": _settle("consortia.members", lambda _: ["township_hospital"]),
    "forget the functions in the settings": _settle("functions", lambda _: {}),
    "forget the consortia in the settings": _settle("consortia", lambda _: None),
    "lower a share in the settings": _settle("rules.tcm.share", lambda share: share - 0.1),
    "ask for a circle in the settings": _settle("functions.imaging.needs", lambda _: {"chest_pain_unit": 0}),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", MUTATIONS)
def test_a_plan_with_one_figure_changed_is_rejected(name: str, language: Language, text: str, hubs_home: Tiny) -> None:
    content: Content = json.loads(text)
    MUTATIONS[name](content, random.Random(f"{name} {language}"))
    assert json.dumps(content) != json.dumps(json.loads(text)), "the mutation changes something"
    with speaking(language):
        verdict = verify(content, hubs_home.folder)
    assert verdict.findings
    assert all(finding.where and finding.words for finding in verdict.findings)


# ---- a lie that fits: everything else in the plan is worked out from it ----


class Belonging(Forgery):
    """A plan whose decisions on who belongs where, and who has what, are forged."""

    def site(self, name: str) -> int:
        return self.case.site_index[name]

    def has(self, *more: tuple[str, str, int], without: tuple[tuple[str, str, int], ...] = ()) -> Layout:
        """Return the layout in which sites have more functions, or lack some, in a year."""
        amounts: dict[tuple[str, int, int], Number] = dict(self.layout.amounts)
        for name, site, t in without:
            del amounts[name, self.site(site), t]
        return replace(self.layout, amounts=amounts | {(name, self.site(site), t): 1 for name, site, t in more})

    def linked(self, name: str, site: str, centre: str, years: tuple[int, ...]) -> Layout:
        """Return the layout in which a site has a function from this centre, and no other, in some years."""
        j, k = self.site(site), self.site(centre)
        rest = {one for one in self.layout.links if not (one[:2] == (name, j) and one[3] in years)}
        layout = self.has(*((name, site, t) for t in years))
        return replace(layout, links=frozenset(rest | {(name, j, k, t) for t in years}))

    def under(self, *pairs: tuple[str, str], years: tuple[int, ...] = (0, 1, 2)) -> Layout:
        """Return the layout in which these sites are in the consortia of these hospitals, and of no other."""
        moved = {self.site(site) for site, _ in pairs}
        rest = {one for one in self.layout.members if not (one[0] in moved and one[2] in years)}
        added = {(self.site(site), self.site(lead), t) for site, lead in pairs for t in years}
        leads = {(LEADS, k, t): 1 for _, k, t in added}
        return replace(self.layout, members=frozenset(rest | added), amounts={**self.layout.amounts, **leads})


@pytest.fixture(scope="module")
def forgery(text: str) -> Belonging:
    return Belonging.of(text)


def test_what_is_put_together_again_unchanged_is_sound(forgery: Belonging) -> None:
    assert verify(forgery.put_together(forgery.layout)).sound


def a_hub_in_two_consortia(of: Belonging) -> Layout:
    twice = {(of.site("hub-3"), of.site("hospital-2"), t) for t in (0, 1, 2)}
    leads: dict[tuple[str, int, int], Number] = {(LEADS, of.site("hospital-2"), t): 1 for t in (0, 1, 2)}
    return replace(of.layout, members=of.layout.members | twice, amounts={**of.layout.amounts, **leads})


def a_lead_that_is_none(of: Belonging) -> Layout:
    return of.under(("hub-3", "hub-2"))


def a_lead_without_members(of: Belonging) -> Layout:
    return of.has((LEADS, "hospital-2", 0), (LEADS, "hospital-2", 1), (LEADS, "hospital-2", 2))


def no_lead_that_the_model_names(of: Belonging) -> Layout:
    layout = of.under(*((hub, "hospital-2") for hub in HUBS))
    return replace(layout, amounts={about: n for about, n in layout.amounts.items() if about[:2] != (LEADS, 0)})


def a_member_that_leaves(of: Belonging) -> Layout:
    return of.under(("hub-3", "hospital-2"), years=(2,))


def a_member_that_is_closed(of: Belonging) -> Layout:
    return replace(of.layout, open=of.layout.open - {(of.site("hub-3"), 2)})


def a_consortium_in_two_parts(of: Belonging) -> Layout:
    # hub-2's town lies between the other two: with hub-2 under hospital-2, hub-3 is cut off from hospital-1.
    return of.under(("hub-2", "hospital-2"))


def a_clinic_in_a_consortium(of: Belonging) -> Layout:
    return of.under(("old-station", "hospital-1"))


def a_corner_where_nothing_is_open(of: Belonging) -> Layout:
    closed = next(j for j in of.case.makers["tcm_corner"] if (j, 2) not in of.layout.open)
    return of.has(("tcm_corner", of.case.sites[closed].id, 2))


def a_unit_before_its_imaging(of: Belonging) -> Layout:
    # hub-2 is linked from 2025 on: in 2025 it had no imaging in the year before.
    return of.has(("chest_pain_unit", "hub-2", 0))


def a_unit_without_a_nurse(of: Belonging) -> Layout:
    nurse = ("nurses", of.site("hub-2"), 1)
    employer = of.case.employer_of[of.site("hub-2")]
    amounts = dict(of.layout.amounts)
    spare = ("nurses.spare", employer, 1)
    amounts[spare] = amounts.get(spare, 0) + amounts.pop(nurse)
    return replace(of.layout, amounts=amounts)


def a_function_that_is_lost(of: Belonging) -> Layout:
    return of.has(without=(("chest_pain_unit", "hub-1", 2),))


def a_function_of_today_that_is_missing(of: Belonging) -> Layout:
    return of.has(without=tuple(("tcm_hall", "hub-1", t) for t in (0, 1, 2)))


def an_expert_whom_nobody_sends(of: Belonging) -> Layout:
    lacking = next(hub for hub in HUBS if not of.layout.has("expert", of.site(hub), 2))
    return of.has(("expert", lacking, 2))


def an_expert_whom_nobody_mentions(of: Belonging) -> Layout:
    there = next(hub for hub in HUBS if of.layout.has("expert", of.site(hub), 2))
    return of.has(without=(("expert", there, 2),))


def imaging_of_its_own_that_only_centres_have(of: Belonging) -> Layout:
    layout = of.linked("imaging", "hub-3", "hospital-1", (0, 1, 2))
    return replace(layout, links=frozenset(one for one in layout.links if one[:2] != ("imaging", of.site("hub-3"))))


def a_link_to_a_hospital_without_the_centre(of: Belonging) -> Layout:
    # (No hospital has one in 2027; which of them has it later, is a matter of cost.)
    return of.linked("laboratory", "hub-3", "hospital-2", (1,))


def a_link_to_what_is_no_centre(of: Belonging) -> Layout:
    return of.linked("laboratory", "hub-3", "hub-2", (2,))


def a_link_that_is_too_far(of: Belonging) -> Layout:
    return of.linked("tcm_hall", "hub-3", "hub-1", (0, 1, 2))


def a_link_that_changes(of: Belonging) -> Layout:
    layout = of.linked("imaging", "hub-2", "hospital-2", (2,))
    return replace(layout, amounts={**layout.amounts, ("imaging", of.site("hospital-2"), 2): 1})


def a_link_of_today_that_changes(of: Belonging) -> Layout:
    layout = of.linked("imaging", "hub-1", "hospital-2", (0, 1, 2))
    return replace(layout, amounts={**layout.amounts, **{("imaging", of.site("hospital-2"), t): 1 for t in (0, 1, 2)}})


def a_link_to_another_consortium(of: Belonging) -> Layout:
    moved = of.under(("hub-2", "hospital-2"), ("hub-3", "hospital-2"))
    return replace(moved, links=frozenset(one for one in moved.links if one[:2] != ("imaging", of.site("hub-3"))))


def more_reserved_than_there_is(of: Belonging) -> Layout:
    amounts = dict(of.layout.amounts)
    amounts["reserved_beds", 0, 0] = amounts["beds", 0, 0] + 1
    return replace(of.layout, amounts=amounts)


FORGERIES: Mapping[Callable[[Belonging], Layout], str] = {
    a_hub_in_two_consortia: "one·hub-3·",
    a_lead_that_is_none: "leads·hub-2·",
    a_lead_without_members: "empty·hospital-2·",
    no_lead_that_the_model_names: "given·hospital-1·",
    a_member_that_leaves: "stays·hub-3·hospital-1·2027",
    a_member_that_is_closed: "member·hub-3·",
    a_consortium_in_two_parts: "passes·hub-3·hospital-1·",
    a_clinic_in_a_consortium: "joins·old-station·",
    a_corner_where_nothing_is_open: "at·tcm_corner·",
    a_unit_before_its_imaging: "after·chest_pain_unit·imaging·hub-2·2025",
    a_unit_without_a_nurse: "staffed·chest_pain_unit·nurses·hub-2·2027",
    a_function_that_is_lost: "kept·chest_pain_unit·hub-1·2030",
    a_function_of_today_that_is_missing: "kept·tcm_hall·hub-1·2025",
    an_expert_whom_nobody_sends: "posted·expert·",
    an_expert_whom_nobody_mentions: "unsaid·expert·",
    imaging_of_its_own_that_only_centres_have: "linked·imaging·hub-3·",
    a_link_to_a_hospital_without_the_centre: "centre·laboratory·hub-3·hospital-2·",
    a_link_to_what_is_no_centre: "link·laboratory·hub-3·hub-2·",
    a_link_that_is_too_far: "link·tcm_hall·hub-3·hub-1·",
    a_link_that_changes: "link stays·imaging·hub-2·hospital-1·2027",
    a_link_of_today_that_changes: "link today·imaging·hub-1·hospital-1·2025",
    a_link_to_another_consortium: "within·imaging·hub-2·hospital-1·",
    more_reserved_than_there_is: "part·reserved_beds·hospital-1·2025",
}


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__.replace("_", " "))
def test_a_lie_that_all_figures_fit_is_found_by_what_it_says_of_who_belongs_where(
    forge: Callable[[Belonging], Layout], forgery: Belonging, hubs_home: Tiny
) -> None:
    assert_found(forgery.put_together(forge(forgery)), FORGERIES[forge], hubs_home.folder)


def _row(**changes: Any) -> dict[str, Any]:
    return {"function": "imaging", "id": "hub-1", "since": 2027, "until": None, "centre": None} | changes


@pytest.mark.parametrize(
    ("row", "where"),
    [
        (_row(function="tcm_hall", id="old-station"), "has·tcm_hall·old-station·2027"),
        (_row(function="gp_department", id="hospital-2"), "has·gp_department·hospital-2·2027"),
        (_row(id="hub-2", centre="hospital-2"), "linked·imaging·hub-2·hospital-2·2027"),
        (_row(function="laboratory", id="hub-2", centre="hospital-2"), "centre·laboratory·hub-2·hospital-2·2027"),
        (_row(function="tcm_hall", id="hub-2", centre="hub-1"), "link·tcm_hall·hub-2·hub-1·2027"),
    ],
)
def test_a_row_more_is_found_by_what_cannot_be_there(row: dict[str, Any], where: str, text: str) -> None:
    content: Content = json.loads(text)
    content["functions"].append(row)
    for language in LANGUAGES:
        with speaking(language):
            findings = verify(content).findings
        assert any(finding.where == where for finding in findings), findings
        assert not any("{" in finding.words for finding in findings)


def test_members_whose_lead_is_left_out_are_found(text: str) -> None:
    content: Content = json.loads(text)
    content["consortia"] = _members(content)
    findings = verify(content).findings
    assert any(finding.where == "led·hub-1·hospital-1·2025" for finding in findings), findings


def test_a_centre_serves_no_more_than_it_can_however_well_that_fits(forgery: Belonging) -> None:
    # The settings say that the centre serves one; of three links, one is today's.
    content = forgery.put_together(forgery.layout)
    content["settings"]["functions"]["imaging"]["members"] = 1
    again = Belonging.of(json.dumps(content))
    findings = verify(again.put_together(again.layout)).findings
    assert any(finding.where.startswith("members·imaging·hospital-1·") for finding in findings)


def test_a_plan_that_holds_back_too_little_says_so(forgery: Belonging, hubs_home: Tiny) -> None:
    # Of 35 beds at each of two hospitals 14 are asked for, a fifth of 70; with none at one of them 7 are missing.
    amounts = {about: n for about, n in forgery.layout.amounts.items() if about[:2] != ("reserved_beds", 1)}
    content = forgery.put_together(replace(forgery.layout, amounts=amounts))
    assert verify(content, hubs_home.folder).sound
    lines = [row for row in content["scorecard"] if row["rule"] == "held_back"]
    assert {row["status"] for row in lines} == {"missed"}
