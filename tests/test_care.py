"""Build, share, post or visit: what every village has, and what the next best choice would cost, checked by hand."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import ability, lives, make, resource, rule, site, staffed

from allocate import decisions
from allocate.care import HOWS, Care, Choices, _why, care_of
from allocate.case import Case, Upgrade
from allocate.changes import AsPlanned, Change
from allocate.costs import whole_cost
from allocate.layout import Layout, send_nearest
from allocate.outreach import Outreach, Way
from allocate.plans import Plan, _ledger
from allocate.posts import staff
from allocate.rows import UPGRADED, Number
from allocate.rules import Rule
from allocate.verification import verify
from allocate.words import LANGUAGES, say_in

STATUS = {"none": "out_of_range"}


def way(pairs: Mapping[tuple[int, int], int], **numbers: Any) -> Way:
    """Return a way of outreach from hubs to villages, by half-days of a week."""
    plan = {
        "name": {"zh": "巡诊", "en": "rounds"},
        "by": ("township_hospital",),
        "times": 2,
        "mode": "car",
        "minutes": 40,
        "basis": "assumed",
        "source": "a toy",
    }
    return Way(Outreach.model_validate(plan | numbers), pairs)


# ---- three villages ----

# One plan year that stands for 2 calendar years. P1 (900 people) has clinic A, which serves P2 (300 people), too: two
# village doctors, of whom each can serve 1,000. P3 (200 people) lies in reach of no clinic but C, which could open,
# and is visited from the hub: twice a week by its only team, with its only van.
YEAR = 2
CLINIC = {"opening": 150_000, "yearly": 60_000, "capacity": 2_000, "per_staff": (("village_doctors", 1_000),)}
# What a clinic costs, and a village doctor who joins.
BUILDING, DOCTOR = 150_000 + YEAR * 60_000, 5_000 + YEAR * 6_000
# A van, and visits: 20 minutes each way at 60 yuan an hour make 40 yuan, and 60 for every visit; twice a week.
VAN, VISITS = 120_000 + YEAR * 25_000, YEAR * 52 * 2 * (40 + 60)
# Somebody posted there, who joins, and whose way costs 40 yuan, five times a week.
POSTED = 5_000 + YEAR * 72_000 + YEAR * 52 * 5 * 40


def three_villages() -> tuple[Case, Layout]:
    sites = [
        site("A", place=0, **CLINIC),
        site("B", place=1, **CLINIC),
        site("C", place=2, **CLINIC),
        site("HUB", kind="township_hospital", place=-1, exists=True),
    ]
    resources = {
        "village_doctors": resource(at={"clinic": 4}, yearly=6_000, adding=5_000),
        "nurses": resource(at={"township_hospital": 9}, yearly=130_000, adding=10_000),
        "teams": resource(at={"township_hospital": 9}, needs={"nurses": 1}),
        "vans": resource(at={"township_hospital": 9}, yearly=25_000, adding=120_000),
        "posted": resource(at={"township_hospital": 9}, yearly=72_000, adding=5_000),
    }
    case = make(
        [[900], [300], [200]],
        sites,
        {(0, 0): 60, (1, 0): 420, (1, 1): 60, (2, 2): 60, (0, 1): 420},
        spans=[YEAR],
        parents=[3, 3, 3, -1],
        resources=resources,
        stock={("nurses", 3): 2},
    )
    everywhere = {(i, 3): 1_200 for i in range(3)}
    case = replace(
        case,
        ways={
            "rounds": way(everywhere, resource="teams", vehicles="vans", per_visit=60, per_hour=60, half_days_each=2),
            "posts": way(everywhere, resource="posted", times=5, half_days=2, is_post=True, per_hour=60),
        },
    )
    layout = Layout(
        frozenset({(0, 0), (3, 0)}),
        {(0, 0, 0): 900, (1, 0, 0): 300},
        {
            ("village_doctors", 0, 0): 2,
            ("village_doctors.joined", 3, 0): 2,
            ("nurses", 3, 0): 2,
            ("teams", 3, 0): 1,
            ("vans", 3, 0): 1,
            ("vans.joined", 3, 0): 1,
        },
        visits=frozenset({("rounds", 2, 3, 0)}),
    )
    assert list(decisions.breaches(case, layout)) == []
    return case, layout


EVERYBODY = {"everybody": rule("reach", share=1.0, scope="place", or_by=("rounds", "posts"))}


def of(case: Case, layout: Layout, rules: Mapping[str, Rule], i: int) -> dict[str, int]:
    """Return what each other choice of a place costs, the cheapest site or base of each."""
    found: dict[str, int] = {}
    for choice in Choices(AsPlanned(case, layout, rules)).of(i, 0):
        found.setdefault(choice.care.how, choice.cost)
    return found


def test_one_village_builds_one_shares_and_one_is_visited() -> None:
    case, layout = three_villages()
    found = [care_of(case, layout, i, 0) for i in range(3)]
    assert found == [Care("own", 0), Care("neighbour", 0), Care("rounds", 3)]


def test_what_the_next_best_choice_of_three_villages_costs_to_the_yuan() -> None:
    case, layout = three_villages()
    # P1 leaves its clinic A, which stays for P2 with one doctor instead of two. The one team is busy with P3: a second
    # one takes the other nurse, who is there and free; the van has time for both. No other clinic is open.
    assert of(case, layout, EVERYBODY, 0) == {"rounds": VISITS - DOCTOR, "posted": POSTED - DOCTOR}
    # P2 leaves A with 900 people and one doctor; its own clinic needs one.
    assert of(case, layout, EVERYBODY, 1) == {
        "rounds": VISITS - DOCTOR,
        "posted": POSTED - DOCTOR,
        "own": BUILDING,
    }
    # P3 gives up its visits, and the van, which nobody else needs; the nurse of its team is paid anyway.
    assert of(case, layout, EVERYBODY, 2) == {
        "posted": POSTED - VISITS - VAN,
        "own": BUILDING + DOCTOR - VISITS - VAN,
    }
    # So rounds to P1 or P2 cost 3,800 yuan more; and posted staff in P3 costs less than its rounds, which take 190,800.
    assert (VISITS, VAN, POSTED, DOCTOR) == (20_800, 170_000, 169_800, 17_000)


def test_a_team_that_still_has_time_takes_one_more_village_for_the_visits_alone() -> None:
    case, layout = three_villages()
    ways = {**case.ways, "rounds": way(case.ways["rounds"].pairs, resource="teams", vehicles="vans", per_visit=60)}
    # (No road to pay for: 60 yuan, 104 times a year.)
    assert of(replace(case, ways=ways), layout, EVERYBODY, 1)["rounds"] == YEAR * 104 * 60 - DOCTOR
    # And as nobody gives up a team that others need, P3 saves its visits alone when P2 is visited as well.
    both = replace(layout, visits=layout.visits | {("rounds", 1, 3, 0)})
    assert of(replace(case, ways=ways), both, {}, 2)["none"] == -YEAR * 104 * 60


def test_doing_nothing_is_a_choice_only_where_no_clause_asks() -> None:
    case, layout = three_villages()
    assert "none" not in of(case, layout, EVERYBODY, 2)
    assert of(case, layout, {}, 2)["none"] == -VISITS - VAN
    # 1,200 of 1,400 people are served, without P2 900: of 980 that is too few, of 840 enough.
    assert "none" not in of(case, layout, {"most": rule("reach", share=0.7)}, 1)
    assert of(case, layout, {"most": rule("reach", share=0.6)}, 1)["none"] == -DOCTOR


def test_rounds_that_come_to_every_village_go_on_where_a_clinic_opens() -> None:
    case, layout = three_villages()
    every = {"every": rule("rounds", times=2, where="every")}
    assert of(case, layout, every, 2)["own"] == BUILDING + DOCTOR


def test_a_full_clinic_is_nobody_elses_choice() -> None:
    # A has room for 900 people, and those are P1's: P2 can build, or be visited.
    case, layout = three_villages()
    small = [replace(case.sites[0], capacity=900), *case.sites[1:]]
    case = replace(case, sites=tuple(small))
    layout = replace(layout, serve={(0, 0, 0): 900})
    assert care_of(case, layout, 1, 0) == Care("no_capacity")
    assert of(case, layout, {}, 1) == {"own": BUILDING + DOCTOR, "rounds": VISITS, "posted": POSTED}


def test_staff_that_a_clause_needs_is_not_saved() -> None:
    case, layout = three_villages()
    two = {"two": rule("total", resource="village_doctors", at_least=2)}
    assert of(case, layout, two, 1)["none"] == 0
    # Nor is the clinic itself, where it serves P1 alone and a clause counts clinics.
    alone = replace(layout, serve={(0, 0, 0): 900})
    one = {"one": rule("count", kinds=("clinic",), at_least=1), **two}
    assert of(case, alone, one, 0)["none"] == 0
    # Without the clauses, the clinic and the doctor whom its people needed go; so does the other one, who works there.
    assert of(case, alone, {}, 0)["none"] == -(BUILDING + 2 * DOCTOR)


CORNER = 9_000 + YEAR * 1_000


def with_a_corner(case: Case, layout: Layout, **numbers: Any) -> tuple[Case, Layout]:
    """Return the three villages with a corner at clinic A, which serves P1 alone."""
    clinics = (0, 1, 2)
    corner = ability("corner", at=["clinic"], opening=9_000, yearly=1_000, **numbers)
    case = replace(case, abilities={"corner": corner}, makers={"corner": clinics})
    amounts = {**layout.amounts, ("corner", 0, 0): 1}
    layout = replace(layout, serve={(0, 0, 0): 900}, amounts=amounts)
    assert list(decisions.breaches(case, layout)) == []
    return case, layout


def test_what_a_clinic_can_do_goes_with_it_where_no_clause_asks() -> None:
    case, layout = with_a_corner(*three_villages())
    assert of(case, layout, {}, 0)["none"] == -(BUILDING + 2 * DOCTOR + CORNER)
    # One clinic is to have a corner: then A stays, and the one doctor goes whom 900 people need.
    one = {"one": rule("function", functions=("corner",), kinds=("clinic",), at_least=1)}
    assert of(case, layout, one, 0)["none"] == -DOCTOR
    # Half of all clinics are: of none, none need have one.
    half = {"half": rule("function", functions=("corner",), kinds=("clinic",), share=0.5)}
    assert of(case, layout, half, 0)["none"] == -(BUILDING + 2 * DOCTOR + CORNER)


def test_a_corner_of_today_was_paid_for_once_and_costs_its_years() -> None:
    case, layout = with_a_corner(*three_villages())
    stands = replace(case.sites[0], exists=True, closable=True)
    case = replace(case, sites=(stands, *case.sites[1:]), had={("corner", 0): -1})
    assert of(case, layout, {}, 0)["none"] == -(YEAR * (60_000 + 1_000) + 2 * DOCTOR)


def test_a_doctor_whom_a_corner_needs_stays() -> None:
    case, layout = with_a_corner(*three_villages(), staff={"village_doctors": 1})
    one = {"one": rule("function", functions=("corner",), kinds=("clinic",), at_least=1)}
    # (Without it, 900 people need one of the two; so does the corner.)
    assert of(case, layout, one, 0)["none"] == 0


def test_a_clinic_that_stays_open_after_all_keeps_its_corner_and_its_centre() -> None:
    # A stands today, has a corner of its own and imaging from the hub; the plan closes it. Open, it has both.
    case, layout = three_villages()
    stands = replace(case.sites[0], exists=True, closable=True)
    corner = ability("corner", at=["clinic"], opening=9_000, yearly=1_000)
    imaging = ability("imaging", serves=["clinic"], linking=500, linked_yearly=50, members=1)
    case = replace(
        case,
        sites=(stands, *case.sites[1:]),
        abilities={"corner": corner, "imaging": imaging},
        makers={"corner": (0, 1, 2), "imaging": (3,)},
        centres={"imaging": {(0, 3): 600, (1, 3): 600}},
        had={("corner", 0): -1, ("imaging", 0): 3, ("imaging", 3): -1},
    )
    layout = Layout(
        frozenset({(3, 0)}),
        amounts={("nurses", 3, 0): 2, ("imaging", 3, 0): 1},
        contracts=layout.contracts,
    )
    assert list(decisions.breaches(case, layout)) == []
    # Its building stands; its 60,000 yuan a year, one doctor, 1,000 for the corner and 50 for the link do not.
    (own,) = [one for one in Choices(AsPlanned(case, layout, {})).of(0, 0) if one.care.how == "own"]
    assert own.cost == YEAR * (60_000 + 1_000 + 50) + DOCTOR
    assert own.change.layout().links == {("imaging", 0, 3, 0)}
    assert list(decisions.breaches(case, own.change.layout())) == []


def test_who_joined_before_the_change_stays_and_is_not_saved() -> None:
    # Two years of one calendar year each. From the second on, P1 is not served: its clinic, which the plan may not
    # close again, and its doctor stay.
    sites = [site("A", place=0, **CLINIC), site("HUB", kind="township_hospital", place=-1, exists=True)]
    doctors = resource(at={"clinic": 4}, yearly=70_000, adding=5_000)
    case = make(
        [[900, 900]],
        sites,
        {(0, 0): 60},
        years=(2025, 2026),
        parents=[1, -1],
        resources={"village_doctors": doctors},
    )
    there: dict[tuple[str, int, int], Number] = {
        (what, j, t): 1 for t in (0, 1) for what, j in (("village_doctors", 0), ("village_doctors.joined", 1))
    }
    layout = Layout(frozenset({(0, 0), (0, 1), (1, 0), (1, 1)}), {(0, 0, 0): 900, (0, 0, 1): 900}, there)
    first, second = (Choices(AsPlanned(case, layout, {})).of(0, t) for t in (0, 1))
    assert [(one.care.how, one.cost) for one in first] == [("none", -(150_000 + 2 * 60_000 + 5_000 + 2 * 70_000))]
    assert [(one.care.how, one.cost) for one in second] == [("none", 0)]


def test_who_moved_there_is_given_up_for_what_the_move_cost() -> None:
    # A stands today and closes; B opens in its place for 30 instead of 100 yuan. Without P1, B would not have opened.
    sites = [
        site("A", exists=True, closable=True, yearly=7),
        site("B", opening=100, moving=30, yearly=7),
        site("HUB", kind="township_hospital", place=-1, exists=True),
    ]
    case = replace(make([[9]], sites, {(0, 0): 60, (0, 1): 30}, spots=[(0, 0), (400, 0), (0, 0)]), moves=((0, 1),))
    layout = Layout(frozenset({(1, 0), (2, 0)}), {(0, 1, 0): 9})
    (nothing,) = Choices(AsPlanned(case, layout, {})).of(0, 0)
    assert (nothing.care, nothing.cost) == (Care("none"), -30 - 7)
    assert whole_cost(case, layout) == 30 + 7


# ---- any small case ----


@st.composite
def with_functions(draw: st.DrawFn, case: Case, hub: int) -> Case:
    """Draw functions of clinics and stations: some set up there, some from the hub, some of today."""
    few, yes = st.integers(0, 3), st.booleans()
    small = [j for j, at in enumerate(case.sites) if at.kind in ("clinic", "station")]
    had: dict[tuple[str, int], int] = {}
    for j in small if draw(yes) else ():
        if case.sites[j].exists and draw(yes):
            had |= {("corner", j): -1, ("image", j): hub, ("image", hub): -1}
    abilities = {
        "corner": ability(at=["clinic", "station"], opening=draw(few), yearly=draw(few)),
        "unit": ability(at=["clinic", "station"], needs={"corner": 1}, staff={"doctors": 1}, opening=1, yearly=1),
        "image": ability(
            at=["township_hospital"],
            serves=["clinic", "station"],
            opening=3,
            linking=draw(few),
            linked_yearly=draw(few),
            members=draw(st.none() | st.integers(1, 2)),
        ),
    }
    pairs = {(j, hub): 60 for j in small}
    makers = {"corner": tuple(small), "unit": tuple(small), "image": (hub,)}
    return replace(case, abilities=abilities, makers=makers, centres={"image": pairs}, had=had)


@st.composite
def plans(draw: st.DrawFn) -> tuple[Case, list[Rule], dict[str, Rule], Layout]:
    """Draw a case with staff and rounds, its laws, clauses, and a plan of it that can be."""
    case, laws = draw(staffed())
    hub, few, yes = len(case.sites) - 2, st.integers(0, 3), st.booleans()
    bigger = Upgrade(opening=2, yearly=1, people=2, capacity=9)
    sites = tuple(
        replace(
            at, closable=True, moving=draw(st.none() | st.integers(0, 2)), upgrade=draw(st.none() | st.just(bigger))
        )
        if not at.exists and draw(yes)
        else at
        for at in case.sites
    )
    resources = {
        **case.resources,
        "round_teams": resource(at={"township_hospital": draw(st.integers(1, 3))}, needs={"doctors": 1}),
        "vans": resource(
            at={"township_hospital": 3}, yearly=draw(few), adding=draw(few), per_year=draw(st.none() | few)
        ),
        "posted": resource(at={"township_hospital": 2}, yearly=draw(few), adding=draw(few)),
    }
    reached = sorted(draw(st.sets(st.sampled_from(range(len(case.places))))))
    pairs = {(i, hub): 600 for i in reached}
    road = draw(st.none() | st.just(20))
    ways = {
        "rounds": way(pairs, resource="round_teams", vehicles="vans", per_visit=1, half_days_each=2, day_minutes=road),
        "posts": way(pairs, resource="posted", times=5, half_days=2, is_post=True, per_hour=1),
    }
    existing = [j for j, at in enumerate(sites) if at.exists and at.closable]
    new = [j for j, at in enumerate(sites) if not at.exists]
    moves = tuple((old, one) for old in existing for one in new if sites[old].kind == sites[one].kind)
    case = replace(case, sites=sites, resources=resources, ways=ways, moves=moves)
    case = draw(with_functions(case, hub))
    clauses = {
        "corners": rule("function", functions=("corner",), kinds=("clinic", "station"), share=0.5),
        "units": rule("function", functions=("unit",), kinds=("clinic", "station"), at_least=1, years=(2027,)),
        "images": rule("function", functions=("image",), kinds=("clinic", "station"), share=1.0),
        "rounds": rule("rounds", times=2, where=draw(st.sampled_from(("out_of_reach", "without_own", "every")))),
        "all": rule("reach", share=draw(st.sampled_from((0.5, 1.0)))),
        "places": rule("reach", share=1.0, scope="place", or_by=("rounds", "posts"), years=(2027,)),
        "next door": rule("presence", kinds=("clinic",), places=("village",), within="adjoining", share=0.5),
        "changes": rule("change_limit", kinds=("clinic", "station"), at_most=2),
        "doctors": rule("total", resource="doctors", at_least=2),
        "money": rule("spending", at_most=9),
        # (At how many sites nobody can be had, is one number for all of them.)
        "remote": rule("posting", to=("clinic", "station"), sent_by="district", or_remote="doctors"),
    }
    chosen = {name: clause for name, clause in clauses.items() if draw(yes)}
    is_open = draw(st.sampled_from(list(lives(case))))
    amounts: dict[tuple[str, int, int], Number] = {
        (UPGRADED, j, t): 1 for j, t in is_open if sites[j].upgrade is not None and t == 1
    }
    bare = send_nearest(case, Layout(is_open), lambda j, _: sites[j].capacity)
    layout = staff(case, [*laws, *chosen.values()], bare)
    layout = replace(layout, amounts={**layout.amounts, **amounts})
    # (Some villages are served in another way, whatever it costs.)
    for i in sorted(draw(st.sets(st.sampled_from(range(len(case.places)))))):
        others = Choices(AsPlanned(case, layout, {})).of(i, draw(st.integers(0, 1)))
        layout = draw(st.sampled_from(others)).change.layout() if others else layout
    assert list(decisions.breaches(case, layout)) == []
    return case, laws, chosen, layout


def missed(case: Case, rules: Mapping[str, Rule], layout: Layout) -> dict[tuple[Any, ...], Fraction]:
    return {
        (name, *breach.about): Fraction(breach.shortfall)
        for name, one in rules.items()
        for breach in one.breaches(case, layout)
    }


@given(drawn=plans())
@settings(max_examples=60, deadline=None)
def test_every_choice_can_be_and_costs_what_the_changed_plan_costs(
    drawn: tuple[Case, list[Rule], dict[str, Rule], Layout],
) -> None:
    case, laws, rules, layout = drawn
    choices, cost, before = (
        Choices(AsPlanned(case, layout, rules)),
        whole_cost(case, layout),
        missed(case, rules, layout),
    )
    for t in case.periods:
        for i in range(len(case.places)):
            for choice in choices.of(i, t):
                changed = choice.change.layout()
                assert list(decisions.breaches(case, changed)) == []
                assert [breach for law in laws for breach in law.breaches(case, changed)] == []
                assert choice.cost == whole_cost(case, changed) - cost
                # What was asked of it, it does, in its year and later ones; nobody else is touched.
                now = care_of(case, changed, i, t)
                unserved = ("none", "no_capacity")
                assert now.how == choice.care.how or {now.how, choice.care.how} <= set(unserved)
                others = [
                    (
                        {about: n for about, n in one.serve.items() if about[0] != i or about[2] < t},
                        {about for about in one.visits if about[1] != i or about[3] < t},
                    )
                    for one in (layout, changed)
                ]
                assert others[0] == others[1]
                after = missed(case, rules, changed)
                access = choices.plan.on_access
                others_ask = {"doctors", "money", "remote", "corners", "units", "images"}
                assert access == rules.keys() - others_ask
                assert all(more <= before.get(about, 0) for about, more in after.items() if about[0] in access)
                worse: dict[str, Fraction] = {}
                for about, more in after.items():
                    if more > before.get(about, 0):
                        worse[about[0]] = worse.get(about[0], Fraction(0)) + more - before.get(about, 0)
                assert choice.change.misses() == worse


@given(drawn=plans())
@settings(max_examples=60, deadline=None)
def test_how_each_place_is_served_adds_up_to_the_ledger(
    drawn: tuple[Case, list[Rule], dict[str, Rule], Layout],
) -> None:
    case, _, _, layout = drawn
    statuses = {"no_capacity", "rounds", "posted", "out_of_range"}
    for t in case.periods:
        (ledger,) = [
            row for row in _ledger(case, layout) if row["scope"] == "district" and row["year"] == case.years[t]
        ]
        sums: Counter[str] = Counter()
        for i in range(len(case.places)):
            parts: Counter[str] = Counter()
            for j, at in enumerate(case.sites):
                parts["own" if at.place == i else "neighbour"] += layout.serve.get((i, j, t), 0)
            now, people = care_of(case, layout, i, t), int(case.people[i, t])
            left = people - parts.total()
            sums["served"] += parts.total()
            otherwise = now.how if now.how not in parts else care_of(case, replace(layout, serve={}), i, t).how
            sums[STATUS.get(otherwise, otherwise)] += left
            parts[otherwise] = left
            assert not people or parts[now.how] == max(parts.values())
        assert all(sums[status] == ledger[status] for status in ("served", *statuses))


# ---- a plan ----


def test_a_plan_says_it_of_every_place_and_year(tiny_plan: Plan) -> None:
    content = tiny_plan.content
    rows: Sequence[Mapping[str, Any]] = content["care"]
    places = [place["id"] for place in content["district_data"]["places"]]
    assert [(row["year"], row["id"]) for row in rows] == [(year, id_) for year in content["years"] for id_ in places]
    assert {row["how"] for row in rows} <= set(HOWS)
    assert all((row["by"] is None) == (row["how"] in ("no_capacity", "none")) for row in rows)
    assert all((row["next"] is None) == (row["next_cost"] is None) for row in rows)
    assert all(row["next"] != row["how"] for row in rows)
    for chosen in LANGUAGES:
        assert all(say_in(chosen, row["why"], **row["details"]) for row in rows)


def test_another_next_cost_is_found_by_the_recheck(tiny_plan: Plan) -> None:
    content = dict(tiny_plan.content)
    n = next(n for n, row in enumerate(content["care"]) if row["next_cost"] is not None)
    content["care"] = [dict(row) for row in content["care"]]
    content["care"][n]["next_cost"] -= 1
    verdict = verify(content)
    assert [finding.where for finding in verdict.findings] == [f"care[{n}].next_cost"]


@pytest.mark.parametrize(
    ("n", "why", "details"),
    [
        (0, "care.why_cheaper_rounds", {"cost": 3_800}),
        (1, "care.why_near", {"site": "A", "minutes": 7.0}),
        (2, "care.why_whole", {"cost": 21_000}),
    ],
)
def test_why_says_what_the_next_best_choice_costs(n: int, why: str, details: Mapping[str, Any]) -> None:
    case, layout = three_villages()
    choices = Choices(AsPlanned(case, layout, EVERYBODY))
    assert why_of(choices, n, 0) == (why, details)


def test_why_names_the_clause_that_asks_or_is_missed() -> None:
    case, layout = three_villages()
    # Nobody can be sent: nothing but its clinic meets the clause for P1, and P3 has nothing.
    case, layout = replace(case, ways={}), replace(layout, visits=frozenset())
    asked, free = (Choices(AsPlanned(case, layout, rules)) for rules in (EVERYBODY, {}))
    assert why_of(asked, 0, 0) == ("care.why_clause", {"clause": "everybody"})
    assert why_of(asked, 2, 0) == ("care.why_missed", {"clause": "everybody", "cost": BUILDING + DOCTOR})
    assert why_of(free, 2, 0) == ("care.why_free", {"cost": BUILDING + DOCTOR})


def why_of(choices: Choices, i: int, t: int) -> tuple[str, dict[str, Any]]:
    return _why(choices, i, t, next(iter(choices.of(i, t)), None))


def test_a_clinic_is_not_closed_for_its_first_year_alone_where_a_later_function_needs_that_year() -> None:
    # Nobody lives in P1 from 2027 on. Its clinic has a corner, and from 2027 on a unit, which needs one for a year.
    sites = [site("A", place=0, **CLINIC), site("HUB", kind="township_hospital", place=-1, exists=True)]
    case = make([[900, 0]], sites, {(0, 0): 60}, years=(2025, 2027), parents=[1, -1], spans=[2, 1])
    corner = ability("corner", at=["clinic"], opening=9_000)
    unit = ability("unit", at=["clinic"], needs={"corner": 1}, opening=1_000)
    case = replace(case, abilities={"corner": corner, "unit": unit}, makers={"corner": (0,), "unit": (0,)})
    case = replace(case, intervals=(1, 2), resources={"village_doctors": resource(at={"clinic": 4})})
    is_open = frozenset({(0, 0), (0, 1), (1, 0), (1, 1)})
    doctors = {("village_doctors", 0, t): 1 for t in (0, 1)}
    functions = {("corner", 0, 0): 1, ("corner", 0, 1): 1, ("unit", 0, 1): 1}
    layout = Layout(is_open, {(0, 0, 0): 900}, {**doctors, **functions})
    change = Change(AsPlanned(case, layout, {}))
    change.close(0, [0])
    assert not change.can_be
    change = Change(AsPlanned(case, layout, {}))
    change.close(0, [0, 1])
    assert change.can_be
    change = Change(AsPlanned(case, replace(layout, amounts=doctors), {}))
    change.close(0, [0])
    assert change.can_be
