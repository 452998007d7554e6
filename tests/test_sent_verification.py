"""A plan whose postings, rounds, rosters or timetables are not what they say is rejected, however well the lie fits."""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from conftest import ROOT, Tiny
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

from allocate.layout import Layout
from allocate.plans import Plan, to_json
from allocate.sessions import Slot, Visit
from allocate.tours import Tour
from allocate.verification import verify

pytestmark = pytest.mark.usefixtures("read_once")
MUTATIONS: dict[str, Mutation] = {}
mutation = collect(MUTATIONS)


@pytest.fixture(scope="module")
def text(sent_plan: Plan) -> str:
    return to_json(sent_plan.content)


def test_the_plan_that_sends_people_out_is_sound_and_has_everything_that_can_be_changed(
    text: str, sent_home: Tiny
) -> None:
    content = json.loads(text)
    verdict = verify(content, sent_home.folder)
    assert (verdict.findings, verdict.notes) == ((), ())
    assert {row["way"] for row in content["rounds"]} == {"rounds", "posts", "town"}
    assert {row["from"] for row in content["postings"]} == {"hospital-1", "city"}
    assert len(content["remote"]) == 3, "two can be away at once, and there are three hubs"
    assert all(row["postings"] and row["outreach"] for row in content["budget"])
    ledger = [row for row in content["ledger"] if row["scope"] == "district"]
    assert any(row["rounds"] for row in ledger)
    assert any(row["posted"] for row in ledger)
    for row in content["ledger"]:
        statuses = ("served", "no_capacity", "rounds", "posted", "out_of_range")
        assert sum(row[status] for status in statuses) == row["people"]


# ---- one figure, and nothing else ----


for _table in ("postings", "roster", "remote", "rounds", "timetable"):
    MUTATIONS[f"leave a row of {_table} out"] = leave_out(_table)
    MUTATIONS[f"say a row of {_table} twice"] = say_twice(_table)
    MUTATIONS[f"leave all {_table} out"] = leave_all_out(_table)
    MUTATIONS[f"move a row of {_table} to another year"] = change(
        _table, "year", lambda year, chance: other(chance, [2025, 2027, 2030, 2031], year)
    )

_HUBS = ["hub-1", "hub-2", "hub-3", "hub-4", "old-clinic"]
MUTATIONS |= {
    "send one more tour": change("postings", "tours", lambda n, _: n + 1),
    "send fewer tours than none": change("postings", "tours", lambda n, _: -n),
    "send half a tour": change("postings", "tours", lambda n, _: n + 0.5),
    "shorten a tour": change("postings", "months", lambda n, chance: other(chance, [1, 3, 6, 12], n)),
    "send a tour to another site": change("postings", "to", lambda to, chance: other(chance, _HUBS, to)),
    "take a tour from another pool": change("postings", "pool", lambda p, chance: other(chance, [-1, 0, 1, 2, 9], p)),
    "call a tour another specialty": change("postings", "specialty", lambda *_: "dentistry"),
    "promote an expert": change("postings", "rank", lambda rank, _: "senior" if rank != "senior" else "attending"),
    "say that another hospital sends": change("postings", "from", lambda *_: "hospital-9"),
    "call a guessed pool official": change(
        "postings", "basis", lambda basis, _: "official" if basis == "assumed" else "assumed"
    ),
    # (A tour of a whole year may begin in any month, and a free half-day is as good as another: only what cannot be.)
    "begin a tour in no month": change("roster", "first_month", lambda m, chance: other(chance, [0, 13, -1], m)),
    "shorten a tour in the roster": change("roster", "months", lambda m, chance: other(chance, [0, 5, 6, 12], m)),
    "give a tour to another post": change("roster", "post", lambda p, chance: other(chance, [0, 1, 2, 3], p)),
    "put a post somewhere else": change("roster", "to", lambda to, chance: other(chance, _HUBS, to)),
    "call a tour carried over": change("roster", "carried", lambda told, _: not told),
    "say that a site is visited more often": change("rounds", "times", lambda n, _: n + 1),
    "shorten a visit": change("rounds", "half_days", lambda n, _: n + 1),
    "shorten the way": change("rounds", "minutes", lambda n, _: n - 1),
    "let another site visit": change("rounds", "by", lambda by, chance: other(chance, [*_HUBS, "hospital-1"], by)),
    "visit another village": change("rounds", "to", lambda to, chance: other(chance, ["T1012", "T3033", "T9"], to)),
    "call rounds by another way": change(
        "rounds", "way", lambda way, chance: other(chance, ["rounds", "posts", "town", "x"], way)
    ),
    "go on a day off": change("timetable", "day", lambda day, chance: other(chance, [0, 6, 7], day)),
    "go at night": change("timetable", "half", lambda *_: "night"),
    "go in another week": change("timetable", "week", lambda week, chance: other(chance, [0, 1, 5], week)),
    "let another team go": change("timetable", "team", lambda team, _: team + 3),
    "go elsewhere on a half-day": change(
        "timetable", "to", lambda to, chance: other(chance, ["T1012", "T3033", "T2", "T9"], to)
    ),
    "support another site from afar": change("remote", "id", lambda site, chance: other(chance, _HUBS[:3], site)),
    "understate postings in the budget": change("budget", "postings", lambda yuan, _: yuan - 1000),
    "understate outreach in the budget": change("budget", "outreach", lambda yuan, _: yuan - 1000),
}


@mutation
def say_that_a_visited_village_is_served(content: Content, chance: random.Random) -> None:
    row = chance.choice([row for row in content["places"] if row["status"] in ("rounds", "posted")])
    row["status"] = "served"


@mutation
def say_that_an_unreached_village_is_visited(content: Content, chance: random.Random) -> None:
    row = chance.choice([row for row in content["places"] if row["status"] in ("no_capacity", "out_of_range")])
    row["status"] = "rounds"


@mutation
def count_visited_people_as_served(content: Content, chance: random.Random) -> None:
    row = chance.choice([row for row in content["ledger"] if row["rounds"]])
    row["served"] += row["rounds"]
    row["rounds"] = 0


@mutation
def let_more_go_in_the_settings(content: Content, chance: random.Random) -> None:
    del chance
    content["settings"]["pools"]["medicine"]["away"] = 1


@mutation
def close_months_in_the_settings(content: Content, chance: random.Random) -> None:
    content["settings"]["pools"]["medicine"]["months"] = [chance.choice([1, 5, 12])]


@mutation
def close_every_morning_in_the_settings(content: Content, chance: random.Random) -> None:
    del chance
    content["settings"]["outreach"]["rounds"]["closed"] = ["mon am", "tue am", "wed am", "thu am", "fri am"]


@mutation
def ask_for_more_days_apart_in_the_settings(content: Content, chance: random.Random) -> None:
    del chance
    content["settings"]["outreach"]["rounds"]["apart"] = 4


@mutation
def lower_a_price_in_the_settings(content: Content, chance: random.Random) -> None:
    del chance
    content["settings"]["postings"]["monthly"] -= 100


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", MUTATIONS)
def test_a_plan_with_one_figure_changed_is_rejected(name: str, seed: int, text: str, sent_home: Tiny) -> None:
    content: Content = json.loads(text)
    MUTATIONS[name](content, random.Random(f"{name} {seed}"))
    assert json.dumps(content) != json.dumps(json.loads(text)), "the mutation changes something"
    verdict = verify(content, sent_home.folder)
    assert verdict.findings
    assert all(finding.where and finding.words for finding in verdict.findings)


# ---- a lie that fits: everything else in the plan is worked out from it ----


class Sending(Forgery):
    """A plan whose decisions on who goes where are forged."""

    def base_of(self, name: str, least: int = 1) -> tuple[str, int, int]:
        """Return a site and year with so many visits in a timetable."""
        found = (key for key, visits in sorted(self.layout.timetable.items()) if key[0] == name)
        return next(key for key in found if len(self.layout.timetable[key]) >= least)

    def with_visits(self, key: tuple[str, int, int], visits: tuple[Visit, ...]) -> Layout:
        return replace(self.layout, timetable={**self.layout.timetable, key: visits})

    def with_tours(self, t: int, tours: tuple[Tour, ...]) -> Layout:
        return replace(self.layout, roster={**self.layout.roster, t: tours})


@pytest.fixture(scope="module")
def forgery(text: str) -> Sending:
    return Sending.of(text)


def test_what_is_put_together_again_unchanged_is_sound(forgery: Sending) -> None:
    assert verify(forgery.put_together(forgery.layout)).sound


def one_post_in_two_places(of: Sending) -> Layout:
    first, *rest = of.layout.roster[0]
    same = next(tour for tour in rest if tour.pool == first.pool)
    moved = tuple(replace(tour, post=first.post) if tour is same else tour for tour in rest)
    return of.with_tours(0, (first, *moved))


def nobody_for_half_a_year(of: Sending) -> Layout:
    # (Said in the numbers too: half a year is half a person, and the clause is missed by half. But no roster may say
    # that somebody is there whom the numbers do not send.)
    first, *rest = of.layout.roster[0]
    return of.with_tours(0, (replace(first, months=6), *rest))


def a_tour_that_nobody_sends(of: Sending) -> Layout:
    tours = of.layout.roster[1]
    return of.with_tours(1, (*tours, replace(tours[0], pool=1, post=1, months=6)))


def more_away_than_can_be_let_go(of: Sending) -> Layout:
    (p, months, j, t), number = next((about, n) for about, n in sorted(of.layout.tours.items()) if about[0] == 0)
    return replace(of.layout, tours={**of.layout.tours, (p, months, j, t): number + 1})


def a_team_in_two_places(of: Sending) -> Layout:
    key = of.base_of("rounds", 2)
    first, *rest = of.layout.timetable[key]
    second = next(visit for visit in rest if visit.stop != first.stop)
    return of.with_visits(
        key,
        (first, *(replace(visit, team=first.team, slots=first.slots) if visit is second else visit for visit in rest)),
    )


def a_village_visited_twice_on_a_day(of: Sending) -> Layout:
    key = of.base_of("rounds", 2)
    first, *rest = of.layout.timetable[key]
    again = next(visit for visit in rest if visit.stop == first.stop)
    slot = first.slots[0]
    same_day = replace(again, slots=(Slot(slot.week, slot.day, 1 - slot.half),))
    return of.with_visits(key, (first, *(same_day if visit is again else visit for visit in rest)))


def out_on_a_closed_morning(of: Sending) -> Layout:
    key = of.base_of("rounds")
    first, *rest = of.layout.timetable[key]
    return of.with_visits(key, (replace(first, slots=(Slot(1, 1, 0),)), *rest))


def a_visit_that_nobody_makes(of: Sending) -> Layout:
    key = of.base_of("rounds")
    return of.with_visits(key, of.layout.timetable[key][1:])


def a_village_visited_without_a_timetable(of: Sending) -> Layout:
    key = of.base_of("rounds")
    return replace(of.layout, timetable={one: visits for one, visits in of.layout.timetable.items() if one != key})


def more_villages_than_the_teams_can_visit(of: Sending) -> Layout:
    _, j, t = of.base_of("rounds")
    return replace(of.layout, amounts={**of.layout.amounts, ("round_teams", j, t): 0})


def a_village_too_far_away(of: Sending) -> Layout:
    name, j, t = of.base_of("rounds")
    far = next(i for i in range(len(of.case.places)) if (i, j) not in of.case.ways[name].pairs)
    return replace(of.layout, visits=of.layout.visits | {(name, far, j, t)})


def a_team_of_nobody(of: Sending) -> Layout:
    _, j, t = of.base_of("rounds")
    amounts = dict(of.layout.amounts)
    amounts["round_teams", j, t] = 1 + int(amounts["doctors", j, t])
    return replace(of.layout, amounts=amounts)


FORGERIES: Mapping[Callable[[Sending], Layout], str] = {
    one_post_in_two_places: "roster·twice·",
    nobody_for_half_a_year: "roster·",
    a_tour_that_nobody_sends: "roster·sent·",
    more_away_than_can_be_let_go: "away·",
    a_team_in_two_places: "timetable·rounds·",
    a_village_visited_twice_on_a_day: "timetable·rounds·",
    out_on_a_closed_morning: "timetable·rounds·",
    a_visit_that_nobody_makes: "timetable·rounds·",
    a_village_visited_without_a_timetable: "timetable·rounds·",
    more_villages_than_the_teams_can_visit: "half days·round_teams·",
    a_village_too_far_away: "visit·rounds·",
    a_team_of_nobody: "needs·doctors·",
}


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__.replace("_", " "))
def test_a_lie_that_all_figures_fit_is_found_by_what_it_says_of_who_goes_where(
    forge: Callable[[Sending], Layout], forgery: Sending, sent_home: Tiny
) -> None:
    assert_found(forgery.put_together(forge(forgery)), FORGERIES[forge], sent_home.folder)


def test_every_key_of_the_plan_about_who_goes_where_stands_in_its_guide(sent_plan: Plan) -> None:
    guide = (ROOT / "maps" / "README.md").read_text(encoding="utf-8")
    for key in ("postings", "roster", "rounds", "timetable", "readings", "care", "remote"):
        (row,) = [text for text in guide.splitlines() if text.startswith(f"| `{key}` | ") and "xlsx" not in text]
        for column in sent_plan.content[key][0]:
            assert f"`{column}`" in row, f"{key}.{column}"
