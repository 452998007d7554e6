"""A plan whose staff, money or years are not what they say is rejected, however well the lie fits the rest."""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from conftest import Tiny
from forgery import Content, Forgery, Mutation, collect

from allocate.layout import Layout
from allocate.plans import Plan, to_json
from allocate.resources import FLOWS
from allocate.rows import Number
from allocate.verification import verify
from allocate.words import LANGUAGES, speaking

pytestmark = pytest.mark.usefixtures("read_once")
Amounts = dict[tuple[str, int, int], Number]
MUTATIONS: dict[str, Mutation] = {}
mutation = collect(MUTATIONS)


@pytest.fixture(scope="module")
def text(staffed_plan: Plan) -> str:
    return to_json(staffed_plan.content)


def test_the_plan_with_staff_is_sound_and_has_everything_that_can_be_changed(text: str, staffed_home: Tiny) -> None:
    content = json.loads(text)
    verdict = verify(content, staffed_home.folder)
    assert (verdict.findings, verdict.notes) == ((), ())
    assert len(content["years"]) == 3
    flows = content["staff_flows"]
    assert len({row["id"] for row in flows}) >= 2
    assert all(any(row[which] for row in flows) for which in (*FLOWS, "here", "elsewhere"))
    money = {key for row in content["budget"] for key, value in row.items() if value}
    assert {"opening", "yearly", "adding", "pay", "standing_pay", "capital", "recurrent", "total"} <= money


# ---- one figure, and nothing else ----


def working(content: Content) -> list[dict[str, Any]]:
    return [row for row in content["staff"] if row["number"]]


def flowing(content: Content, which: str) -> list[dict[str, Any]]:
    return [row for row in content["staff_flows"] if row[which]]


@mutation
def put_one_more_to_work(content: Content, chance: random.Random) -> None:
    chance.choice(working(content))["number"] += 1


@mutation
def put_one_less_to_work(content: Content, chance: random.Random) -> None:
    chance.choice(working(content))["number"] -= 1


@mutation
def put_half_a_person_to_work(content: Content, chance: random.Random) -> None:
    chance.choice(working(content))["number"] += 0.5


@mutation
def put_fewer_than_nobody_to_work(content: Content, chance: random.Random) -> None:
    row = chance.choice(working(content))
    row["number"] = -row["number"]


@mutation
def move_staff_to_another_site(content: Content, chance: random.Random) -> None:
    row = chance.choice(working(content))
    row["id"] = chance.choice([site["id"] for site in content["sites"] if site["id"] != row["id"]])


@mutation
def move_staff_to_another_year(content: Content, chance: random.Random) -> None:
    row = chance.choice(working(content))
    row["year"] = chance.choice([year for year in content["years"] if year != row["year"]])


@mutation
def call_staff_by_another_name(content: Content, chance: random.Random) -> None:
    row = chance.choice(working(content))
    names = [name for name in content["settings"]["resources"] if name != row["resource"]]
    row["resource"] = chance.choice([*names, "surgeons", "nurses.joined", ""])


@mutation
def write_numbers_as_something_else(content: Content, chance: random.Random) -> None:
    row = chance.choice(working(content))
    row["number"] = chance.choice([str(row["number"]), None, True, [], float("nan"), float("inf"), 10**400])


@mutation
def leave_staff_out(content: Content, chance: random.Random) -> None:
    content["staff"].remove(chance.choice(working(content)))


@mutation
def count_staff_twice(content: Content, chance: random.Random) -> None:
    content["staff"].append(dict(chance.choice(working(content))))


@mutation
def put_staff_at_a_site_that_is_not_there(content: Content, chance: random.Random) -> None:
    content["staff"].append(dict(chance.choice(working(content))) | {"id": "clinic-T9999"})


@mutation
def change_the_staff_that_a_site_shows(content: Content, chance: random.Random) -> None:
    staff = chance.choice([site["staff"] for site in content["sites"] if site["staff"]])
    year = staff[chance.choice(list(staff))]
    year[chance.choice(list(year))] += chance.choice([-1, 1])


@mutation
def hide_the_staff_that_a_site_shows(content: Content, chance: random.Random) -> None:
    chance.choice([site for site in content["sites"] if site["staff"]])["staff"] = {}


def _change_a_flow(which: str) -> Mutation:
    def change(content: Content, chance: random.Random) -> None:
        chance.choice(flowing(content, which))[which] += chance.choice([-1, 1])

    return change


for _which in (*FLOWS, "today", "staying", "here", "elsewhere"):
    MUTATIONS[f"change who are {_which}"] = _change_a_flow(_which)


@mutation
def leave_an_employer_out(content: Content, chance: random.Random) -> None:
    content["staff_flows"].remove(chance.choice(content["staff_flows"]))


@mutation
def leave_all_flows_out(content: Content, chance: random.Random) -> None:
    del chance
    content["staff_flows"] = []


@mutation
def exchange_two_years_of_staff(content: Content, chance: random.Random) -> None:
    first, second = chance.sample(content["years"], 2)
    swap = {first: second, second: first}
    for row in content["staff"]:
        row["year"] = swap.get(row["year"], row["year"])


@mutation
def exchange_two_years_of_flows(content: Content, chance: random.Random) -> None:
    first, second = chance.sample(content["years"], 2)
    swap = {first: second, second: first}
    for row in content["staff_flows"]:
        row["year"] = swap.get(row["year"], row["year"])


def _change_money(key: str) -> Mutation:
    def change(content: Content, chance: random.Random) -> None:
        chance.choice([row for row in content["budget"] if row[key]])[key] -= chance.choice([1, 1000])

    return change


for _key in ("opening", "yearly", "adding", "pay", "standing_pay", "capital", "recurrent", "total", "calendar_years"):
    MUTATIONS[f"understate {_key.replace('_', ' ')} in the budget"] = _change_money(_key)


@mutation
def move_pay_to_what_is_paid_once(content: Content, chance: random.Random) -> None:
    row = chance.choice(content["budget"])
    row["capital"] += 1000
    row["recurrent"] -= 1000


@mutation
def exchange_two_years_of_the_budget(content: Content, chance: random.Random) -> None:
    first, second = chance.sample(content["budget"], 2)
    first["year"], second["year"] = second["year"], first["year"]


@mutation
def call_a_guessed_cost_official(content: Content, chance: random.Random) -> None:
    chance.choice(content["budget"])["basis"] = "official"


@mutation
def change_the_staff_of_today(content: Content, chance: random.Random) -> None:
    chance.choice(content["district_data"]["staff"])["number"] += chance.choice([-1, 1])


@mutation
def forget_the_staff_of_today(content: Content, chance: random.Random) -> None:
    rows = content["district_data"]["staff"]
    rows.remove(chance.choice(rows))


def _change_a_resource(key: str, change: Callable[[Any], Any]) -> Mutation:
    def changed(content: Content, chance: random.Random) -> None:
        resources = [one for one in content["settings"]["resources"].values() if one.get(key)]
        one = chance.choice(resources)
        one[key] = change(one[key])

    return changed


MUTATIONS |= {
    "empty the labour market in the settings": _change_a_resource("per_year", lambda number: 0),
    "keep those who leave in the settings": _change_a_resource("leaves", lambda share: 0.0),
    "lower a pay in the settings": _change_a_resource("yearly", lambda yuan: yuan - 1000),
    "lower what one more costs in the settings": _change_a_resource("adding", lambda yuan: yuan - 1000),
    "assume more of today in the settings": _change_a_resource("today", lambda rate: rate + 0.5),
    "forbid lending in the settings": _change_a_resource("lent", lambda _: False),
}


@mutation
def let_each_serve_fewer_in_the_settings(content: Content, chance: random.Random) -> None:
    content["settings"]["rules"]["doctors_serve"]["people"] -= chance.choice([500, 700])


@mutation
def take_posts_away_in_the_settings(content: Content, chance: random.Random) -> None:
    nurses = content["settings"]["resources"]["nurses"]["at"]
    nurses["hospital"] = chance.choice([1, 2])


@mutation
def leave_the_resources_out_of_the_settings(content: Content, chance: random.Random) -> None:
    del chance
    content["settings"]["resources"] = {}


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", MUTATIONS)
def test_a_plan_with_one_figure_changed_is_rejected(name: str, seed: int, text: str, staffed_home: Tiny) -> None:
    content: Content = json.loads(text)
    MUTATIONS[name](content, random.Random(f"{name} {seed}"))
    assert json.dumps(content) != json.dumps(json.loads(text)), "the mutation changes something"
    # (Without the files it was made of there is less to compare it with.)
    for folder in (None, staffed_home.folder)[: 2 if seed == 1 else 1]:
        verdict = verify(content, folder)
        assert verdict.findings
        assert all(finding.where and finding.words for finding in verdict.findings)


# ---- a lie that fits: everything else in the plan is worked out from it ----


class Staffing(Forgery):
    """A plan whose decisions on staff are forged."""

    def at(self, name: str) -> int:
        return self.case.site_index[name]

    def has(self, what: str, j: int, t: int) -> Number:
        return self.layout.amounts.get((what, j, t), 0)

    def adding(self, *changes: tuple[str, int, int, int]) -> Layout:
        """Return the layout with more, or less, of something."""
        amounts: Amounts = dict(self.layout.amounts)
        for what, j, t, more in changes:
            amounts[what, j, t] = amounts.get((what, j, t), 0) + more
        return replace(self.layout, amounts=amounts)

    def site_with(self, what: str, t: int, *, room: bool) -> int:
        """Return an open site that has a resource, with a post to spare or none."""
        return next(
            j
            for j in self.case.holders(what)[1]
            if self.has(what, j, t) and (self.has(what, j, t) < self.case.posts(what, j)) == room
        )


@pytest.fixture(scope="module")
def forgery(text: str) -> Staffing:
    return Staffing.of(text)


def test_what_is_put_together_again_unchanged_is_sound(forgery: Staffing) -> None:
    assert verify(forgery.put_together(forgery.layout)).sound


def works_at_a_closed_site(of: Staffing) -> Layout:
    closed = next(j for j in of.case.holders("doctors")[1] if (j, 0) not in of.layout.open)
    return of.adding(("doctors", closed, 0, 1), ("doctors.joined", of.case.employer_of[closed], 0, 1))


def works_beyond_the_posts(of: Staffing) -> Layout:
    full = of.at("hospital-1")
    more = 1 + of.case.posts("beds", full) - int(of.has("beds", full, 0))
    return of.adding(("beds", full, 0, more), ("beds.spare", full, 0, -more))


def works_twice(of: Staffing) -> Layout:
    return of.adding(("nurses", of.site_with("nurses", 1, room=True), 1, 1))


def vanishes(of: Staffing) -> Layout:
    return of.adding(("beds.spare", of.at("hospital-1"), 1, -5))


def joins_beyond_the_market(of: Staffing) -> Layout:
    j = of.site_with("nurses", 2, room=True)
    return of.adding(("nurses", j, 2, 1), ("nurses.joined", of.case.employer_of[j], 2, 1))


def joins_and_is_gone(of: Staffing) -> Layout:
    j = next(j for (what, j, t), n in sorted(of.layout.amounts.items()) if what == "doctors.joined" and t == 1 and n)
    more = 1 + int(of.has("doctors.joined", j, 2)) - int(of.has("doctors.joined", j, 1))
    return of.adding(("doctors.joined", j, 1, more), ("doctors.spare", j, 1, more))


def lent_to_nobody(of: Staffing) -> Layout:
    j = of.at("hospital-1")
    return of.adding(("paediatricians.lent", j, 0, -1), ("paediatricians", j, 0, 1))


def borrowed_from_nobody(of: Staffing) -> Layout:
    j = next(of.at(f"hub-{n}") for n in (1, 2, 3) if not of.has("paediatricians", of.at(f"hub-{n}"), 0))
    return of.adding(("paediatricians.borrowed", j, 0, 1), ("paediatricians", j, 0, 1))


def lent_though_nobody_may(of: Staffing) -> Layout:
    hub = next(
        of.at(f"hub-{n}")
        for n in (1, 2, 3)
        if of.has("nurses", of.at(f"hub-{n}"), 0) < of.case.posts("nurses", of.at(f"hub-{n}"))
    )
    hospital = of.at("hospital-1")
    moves = [("nurses", hospital, -1), ("nurses.lent", hospital, 1), ("nurses.borrowed", hub, 1), ("nurses", hub, 1)]
    return of.adding(*((what, j, 0, more) for what, j, more in moves))


def is_a_gp_and_no_doctor(of: Staffing) -> Layout:
    j = next(
        j
        for j in of.case.holders("gps")[1]
        if of.has("gps", j, 0) and of.has("doctors", j, 0) < of.case.posts("gps", j)
    )
    more = 1 + int(of.has("doctors", j, 0)) - int(of.has("gps", j, 0))
    return of.adding(("gps", j, 0, more), *(("gps.joined", of.case.employer_of[j], t, more) for t in of.case.periods),
                     *(("gps.spare", of.case.employer_of[j], t, more) for t in (1, 2)))  # fmt: skip


def is_a_team_of_nobody(of: Staffing) -> Layout:
    j = next(of.at(f"hub-{n}") for n in (1, 2, 3) if of.has("teams", of.at(f"hub-{n}"), 2) < 4)
    return of.adding(("teams", j, 2, 4 - int(of.has("teams", j, 2))))


def serves_more_than_its_staff_can(of: Staffing) -> Layout:
    site = next(
        j
        for j, at in enumerate(of.case.sites)
        if at.per_staff and of.layout.load.get((j, 2), 0) > 1500 * (of.has("doctors", j, 2) - 1)
    )
    return of.adding(("doctors", site, 2, -1), ("doctors.spare", of.case.employer_of[site], 2, 1))


def years_exchanged(of: Staffing) -> Layout:
    swap = {0: 2, 1: 1, 2: 0}
    return replace(of.layout, amounts={(what, j, swap[t]): n for (what, j, t), n in of.layout.amounts.items()})


FORGERIES: Mapping[Callable[[Staffing], Layout], str] = {
    works_at_a_closed_site: "posts·doctors·",
    works_beyond_the_posts: "posts·beds·hospital-1·2025",
    works_twice: "conserved·nurses·",
    vanishes: "conserved·beds·hospital-1·2027",
    joins_beyond_the_market: "market·nurses·2030",
    joins_and_is_gone: "joined stay·doctors·",
    lent_to_nobody: "lent·paediatricians·2025",
    borrowed_from_nobody: "lent·paediatricians·2025",
    lent_though_nobody_may: "flow·nurses.",
    is_a_gp_and_no_doctor: "part·gps·",
    is_a_team_of_nobody: "needs·public_health_staff·",
    serves_more_than_its_staff_can: "doctors_serve·",
    years_exchanged: "joined stay·",
}


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__.replace("_", " "))
def test_a_lie_that_all_figures_fit_is_found_by_what_it_says_of_the_staff(
    forge: Callable[[Staffing], Layout], forgery: Staffing, staffed_home: Tiny
) -> None:
    content = forgery.put_together(forge(forgery))
    for language in LANGUAGES:
        with speaking(language):
            findings = verify(content, staffed_home.folder).findings
        # Nothing but what cannot be is amiss: every figure follows from the decisions.
        assert findings
        assert [finding.where for finding in findings if finding.where.startswith(FORGERIES[forge])], findings
        assert not [finding.where for finding in findings if finding.where.startswith(("staff[", "sites[", "budget["))]
