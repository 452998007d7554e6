"""Which care home has a contract with whom: what can be, what is asked for, what it costs, and that lies come out."""

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import product

import pytest
from conftest import Tiny
from forgery import Forgery
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import contracts, every_point, layout_at, make, missed, rule, site

from allocate import decisions
from allocate.candidates import make_case
from allocate.case import Case
from allocate.consistency import findings
from allocate.costs import charges, new_charges, newly_spent, spent, whole_cost
from allocate.data_problems import data_problems
from allocate.decisions import contracts as physics
from allocate.equip import equip
from allocate.errors import InputError, ModelError, Problem
from allocate.layout import Layout
from allocate.model import read_model
from allocate.planning import plan
from allocate.plans import Plan, to_json
from allocate.program import Options
from allocate.read import read_district
from allocate.verification import verify

YEARS = (2025, 2027)
EVERY_HOME = rule("contracts", share=1.0)


def hubs(number: int, **of_first: bool) -> list:  # type: ignore[type-arg]
    """Return so many hubs that stand today."""
    first = site("A", "township_hospital", place=-1, exists=True, **of_first)
    return [first, *(site("BCDE"[n], "township_hospital", place=-1, exists=True) for n in range(number - 1))]


def small(most: int = 3) -> Case:
    """Return homes of 2 and 2 beds: the first has a contract with hub A, which may close; both may go to B."""
    signed = contracts(
        [2, 2],
        {(0, 0): 60, (0, 1): 120, (1, 0): 120, (1, 1): 60},
        {0: 0},
        most_beds={"township_hospital": most},
        yearly=100,
        yearly_per_bed=10,
    )
    return make([[1, 1]], hubs(2, closable=True), {}, years=YEARS, contracting=signed)


def test_rows_and_check_agree_on_every_contract_right_or_wrong() -> None:
    case = small()
    rows = list(physics.rows(case))
    verdicts = set()
    for point in every_point(case, rows):
        layout = layout_at(point)
        # (Hub B always stands, so its rows do not speak of it.)
        layout = replace(layout, open=layout.open | {(1, t) for t in case.periods})
        is_sound = not missed(rows, layout)
        assert is_sound == (not list(physics.breaches(case, layout))), layout
        verdicts.add(is_sound)
    assert verdicts == {True, False}


def test_a_contract_of_today_stays_until_the_site_closes() -> None:
    case = small()
    both = frozenset((j, t) for j in (0, 1) for t in (0, 1))
    kept = Layout(both, contracts=frozenset({(0, 0, 0), (0, 0, 1)}))
    assert list(physics.breaches(case, kept)) == []
    # Home H1 may not go to B in 2027 while A is open …
    left = replace(kept, contracts=frozenset({(0, 0, 0), (0, 1, 1)}))
    assert [one.words for one in physics.breaches(case, left)] == ["breach.contract_ended"]
    # … and may once A is closed.
    assert list(physics.breaches(case, replace(left, open=both - {(0, 1)}))) == []


def test_two_homes_of_two_beds_are_too_many_for_an_institution_with_room_for_three() -> None:
    case = small(most=3)
    both = frozenset((j, t) for j in (0, 1) for t in (0, 1))
    layout = Layout(both, contracts=frozenset({(h, 0, t) for h in (0, 1) for t in (0, 1)}))
    (first, second) = physics.breaches(case, layout)
    # 2 + 2 = 4 beds, and 3 are the most: one bed too many in each of both years, a third of the limit.
    assert [(one.shortfall, one.share) for one in (first, second)] == [(1, Fraction(1, 3))] * 2
    assert list(physics.breaches(small(most=4), layout)) == []


def test_who_is_too_far_has_no_contract() -> None:
    case = make([[1]], hubs(1), {}, contracting=contracts([2], {}))
    layout = Layout(frozenset({(0, 0)}), contracts=frozenset({(0, 0, 0)}))
    assert [one.words for one in physics.breaches(case, layout)] == ["breach.contract_far"]
    # A plan of a model without contracts has none either.
    none = make([[1]], hubs(1), {})
    assert [one.words for one in physics.breaches(none, layout)] == ["breach.contracts_none"]
    assert list(physics.breaches(none, Layout(frozenset()))) == []


def test_all_of_31_care_homes_are_31_and_nine_tenths_are_28() -> None:
    # Jinnan (JN-T11) asks that contracts of health institutions with care homes reach 100 %. Of Nankai's 44 homes,
    # 13 have medical care of their own and 31 have a contract (NK-S13): 100 % of 31 is 31. Nine tenths of 31 are
    # 27.9, and a part of a home signs nothing: 28 homes are enough, 27 are not.
    case = make([[1]], hubs(1), {}, contracting=contracts([10] * 31, {(h, 0): 60 for h in range(31)}))

    def signed(number: int) -> Layout:
        return Layout(frozenset({(0, 0)}), contracts=frozenset((h, 0, 0) for h in range(number)))

    assert list(EVERY_HOME.breaches(case, signed(31))) == []
    (short,) = EVERY_HOME.breaches(case, signed(30))
    assert (short.shortfall, short.target, short.share) == (1, 31, Fraction(1, 31))
    nine_tenths = rule("contracts", share=0.9)
    assert list(nine_tenths.breaches(case, signed(28))) == []
    (short,) = nine_tenths.breaches(case, signed(27))
    assert short.shortfall == Fraction(9, 10)
    assert nine_tenths.measure(case, signed(27), 0) == (Fraction(27, 31), Fraction(9, 10))
    assert EVERY_HOME.causes(case, signed(30), 0) == [(("H31",), 1)]


def test_of_beds_a_large_home_counts_more_than_two_small_ones() -> None:
    # 100 of 160 beds are 62.5 %; the two small homes, of 30 beds each, are two thirds of the homes and 37.5 % of beds.
    case = make([[1]], hubs(1), {}, contracting=contracts([100, 30, 30], {(h, 0): 60 for h in range(3)}))
    large = Layout(frozenset({(0, 0)}), contracts=frozenset({(0, 0, 0)}))
    two_small = replace(large, contracts=frozenset({(1, 0, 0), (2, 0, 0)}))
    by_beds, by_homes = rule("contracts", share=0.6, of="beds"), rule("contracts", share=0.6)
    assert list(by_beds.breaches(case, large)) == []
    (short,) = by_beds.breaches(case, two_small)
    assert (short.shortfall, short.target) == (96 - 60, 160)
    assert by_beds.causes(case, two_small, 0) == [(("H1",), 100)]
    assert list(by_homes.breaches(case, two_small)) == []
    assert len(list(by_homes.breaches(case, large))) == 1


def test_a_district_without_care_homes_asks_for_no_contract() -> None:
    case = make([[1]], hubs(1), {})
    assert list(EVERY_HOME.rows(case)) == []
    assert list(EVERY_HOME.breaches(case, Layout(frozenset()))) == []
    assert EVERY_HOME.measure(case, Layout(frozenset()), 0) == (1, 1)


def test_a_contract_costs_what_its_home_and_its_beds_cost() -> None:
    case = small(most=4)
    both = frozenset((j, t) for j in (0, 1) for t in (0, 1))
    today = Layout(both, contracts=frozenset({(0, 0, 0), (0, 0, 1)}))
    # 100 yuan for the home and 10 for each of its 2 beds: 120 yuan a year, which today costs already.
    assert spent(case, today, 0) == {"capital": 0, "recurrent": 120}
    assert newly_spent(case, today, 0) == 0
    two = replace(today, contracts=today.contracts | {(1, 1, 0), (1, 1, 1)})
    assert spent(case, two, 1) == {"capital": 0, "recurrent": 240}
    assert newly_spent(case, two, 1) == 120
    # 2025 stands for two calendar years and 2027 for one.
    assert whole_cost(case, two) == 240 * 3
    for t in case.periods:
        value = {("contract", *about): 1 for about in two.contracts}
        for made, money in ((charges, 240), (new_charges, 120)):
            terms = [(one.constant, one.terms) for one in made(case, t)]
            assert sum(c + sum(n * value.get(key, 0) for key, n in of.items()) for c, of in terms) == money


def test_a_home_makes_room_for_one_that_has_nowhere_else_to_go() -> None:
    # H1 lies nearer to A and could go to B as well; H2 can go to A only, which has room for one of them.
    near = contracts([5, 4], {(0, 0): 60, (0, 1): 600, (1, 0): 120}, most_beds={"township_hospital": 5})
    case = make([[1]], hubs(2), {}, contracting=near)
    layout = Layout(frozenset({(0, 0), (1, 0)}))
    assert equip(case, [EVERY_HOME], layout).contracts == {(0, 1, 0), (1, 0, 0)}
    # H1 and H2 have three sites each and H3 has two; the largest of those with as many takes the nearest first, and
    # H3, whom that leaves without room, gets it where another one can move on.
    pairs = {(0, 0): 1, (0, 1): 2, (0, 2): 3, (1, 0): 2, (1, 1): 1, (1, 2): 3, (2, 0): 1, (2, 1): 2, (2, 2): 700}
    full = contracts([3, 3, 3], pairs, most_beds={"township_hospital": 3})
    case = make([[1]], hubs(3), {}, contracting=full)
    layout = Layout(frozenset((j, 0) for j in range(3)))
    assert len({j for _, j, _ in equip(case, [EVERY_HOME], layout).contracts}) == 3


@st.composite
def crowded(draw: st.DrawFn) -> tuple[Case, Layout]:
    """Draw homes and hubs of which some may be closed, too far, or full."""
    homes, number = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    pairs = {(h, j): draw(st.integers(1, 3)) for h, j in product(range(homes), range(number)) if draw(st.booleans())}
    existing = {0: pairs and min(j for h, j in pairs if h == 0)} if any(h == 0 for h, _ in pairs) else {}
    signed = contracts(
        [draw(st.integers(1, 4)) for _ in range(homes)],
        pairs,
        existing if draw(st.booleans()) else {},
        most_beds={"township_hospital": draw(st.integers(4, 6))},
    )
    sites = [site("ABC"[j], "township_hospital", place=-1, exists=True, closable=True) for j in range(number)]
    case = make([[1, 1]], sites, {}, years=YEARS, contracting=signed)
    ends = {j: draw(st.integers(0, 2)) for j in range(number)}
    return case, Layout(frozenset((j, t) for j, end in ends.items() for t in range(end)))


@given(crowded(), st.sampled_from(("homes", "beds")), st.sampled_from((0.5, 1.0)))
@settings(max_examples=40, deadline=None)
def test_the_first_contracts_can_always_be(drawn: tuple[Case, Layout], of: str, share: float) -> None:
    case, layout = drawn
    asked = rule("contracts", share=share, of=of)
    layout = equip(case, [asked], layout)
    assert list(physics.breaches(case, layout)) == []
    assert not missed(physics.rows(case), layout)
    for t in case.periods:
        # Whoever is left without one has no open site in reach, or none with room; and no more sign than are asked.
        have, whole = asked.counted(case, layout, t)  # type: ignore[attr-defined]
        if have < Fraction(str(share)) * whole:
            left = {h for h, _ in enumerate(case.contracting.homes) if (h, t) not in layout.contract_of}  # type: ignore[union-attr]
            assert all(full_or_closed(case, layout, h, t) for h in left)


def full_or_closed(case: Case, layout: Layout, h: int, t: int) -> bool:
    signed = case.contracting
    assert signed is not None

    def room(j: int) -> int:
        taken = sum(signed.homes[g].beds for g, k, u in layout.contracts if (k, u) == (j, t))
        return (signed.most_beds("township_hospital") or 0) - taken

    near = [j for j in signed.sites_of.get(h, ()) if (j, t) in layout.open]
    return all(room(j) < signed.homes[h].beds for j in near)


# ---- the small district ----


def test_every_home_of_the_small_district_has_a_contract_from_the_first_year_on(hubs_plan: Plan) -> None:
    content = hubs_plan.content
    rows = content["contracts"]
    assert [(row["year"], row["home"]) for row in rows] == [
        (year, f"home-{n}") for year in content["years"] for n in (1, 2, 3, 4)
    ]
    assert all(row["id"] is not None and 0 <= row["minutes"] <= 20 for row in rows)
    first = {row["home"]: row for row in rows if row["year"] == 2025}
    # What is signed today stays; hub-1 can look after 100 beds, and 60 + 80 are more, so home-2 goes elsewhere.
    assert (first["home-1"]["id"], first["home-1"]["before"]) == ("hub-1", "hub-1")
    assert (first["home-2"]["id"] in ("hub-2", "hub-3"), first["home-2"]["before"]) == (True, None)
    lines = [line for line in content["scorecard"] if line["rule"] == "homes_contracted"]
    assert [(line["year"], line["status"], line["value"], line["target"]) for line in lines] == [
        (year, "met", 1, 1) for year in content["years"]
    ]
    # Four homes and 230 beds: 4 × 2,000 + 230 × 100 = 31,000 yuan in each calendar year.
    assert {row["contracts_yearly"] for row in content["budget"]} == {31_000}
    counted = {(row["table"], row["basis"]): row["rows"] for row in content["assumptions"]}
    assert counted["care_homes", "assumed"] == counted["care_homes.position", "assumed"] == 2
    assert counted["model.contracts", "assumed"] == 1


LIES: dict[str, Callable[[Layout], frozenset[tuple[int, int, int]]]] = {
    "a contract is lost": lambda layout: layout.contracts - {max(layout.contracts)},
    "a contract ends after the first year": lambda layout: frozenset(c for c in layout.contracts if c[2] == 0),
    "a home has two": lambda layout: layout.contracts | {(0, max(j for _, j, _ in layout.contracts), 0)},
    "somebody who makes none has one": lambda layout: layout.contracts | {(0, 0, 0)},
    "all go to one": lambda layout: frozenset((h, min(layout.contracts)[1], t) for h, _, t in layout.contracts),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_plan_whose_contracts_cannot_be_is_wrong_however_well_all_else_fits(lie: str, hubs_plan: Plan) -> None:
    forgery = Forgery.of(to_json(hubs_plan.content))
    changed = replace(forgery.layout, contracts=LIES[lie](forgery.layout))
    assert changed.contracts != forgery.layout.contracts
    assert list(decisions.breaches(forgery.case, changed))
    assert not verify(forgery.put_together(changed)).sound


def test_a_figure_of_a_contract_that_is_not_what_it_was_is_found(hubs_plan: Plan) -> None:
    text = to_json(hubs_plan.content)
    assert verify(json.loads(text)).sound
    for key, value in (("beds", 61), ("minutes", 99), ("before", None), ("id", "hub-2")):
        content = json.loads(text)
        assert content["contracts"][0][key] != value
        content["contracts"][0][key] = value
        found = verify(content).findings
        assert any("contracts" in one.where for one in found), key
    content = json.loads(text)
    content["budget"][0]["contracts_yearly"] += 1
    assert not verify(content).sound


def test_what_cannot_be_signed_is_missed_and_the_homes_are_named(hubs_tiny: Tiny) -> None:
    # 100 + 120 + 120 beds hold all; with 50 beds at each of the three hubs, home-2 (80 beds) finds nobody.
    hubs_tiny.edit("care_homes.csv", "117.348,39.646,surveyed,hub-1", "117.348,39.646,surveyed,")
    hubs_tiny.edit(
        "tiny.toml",
        "{ community_centre = 100, township_hospital = 120 }",
        "{ community_centre = 60, township_hospital = 60 }",
    )
    in_a_hurry = Options(seconds=200, quick=True)
    content = plan(read_district(hubs_tiny.folder), read_model(hubs_tiny.model), in_a_hurry).content
    (line, *_) = [line for line in content["scorecard"] if line["rule"] == "homes_contracted"]
    assert (line["status"], line["value"], line["shortfall"], line["shortfall_unit"]) == (
        "missed",
        0.75,
        1,
        "care_homes",
    )
    assert [(cause["id"], cause["name"]) for cause in line["causes"]] == [("home-2", "园东颐养中心")]
    assert [row["minutes"] for row in content["contracts"] if row["id"] is None] == [None] * len(content["years"])


# ---- bad input ----


def faults_of(tiny: Tiny) -> tuple[Problem, ...]:
    with pytest.raises((InputError, ModelError)) as caught:
        make_case(read_district(tiny.folder), read_model(tiny.model))
    return caught.value.problems


HOMES = "care_homes.csv"
FAULTS: dict[str, tuple[str, str, str, tuple[str, str, int | None, str]]] = {
    "an unknown institution": (HOMES, "surveyed,hub-1", "surveyed,hub-9", ("unknown_code", HOMES, 2, "institution")),
    "an unknown town": (HOMES, "柳河养老院,T1", "柳河养老院,T9", ("unknown_code", HOMES, 2, "town")),
    "a home twice": (HOMES, "home-2", "home-1", ("twice", HOMES, 3, "id")),
    "no beds": (HOMES, "T1,60", "T1,0", ("range", HOMES, 2, "beds")),
    "half a bed": (HOMES, "T1,60", "T1,60.5", ("not_whole", HOMES, 2, "beds")),
    "outside the district": (HOMES, "117.348,39.646", "118.348,39.646", ("outside", HOMES, 2, "lon, lat")),
    "a hospital makes no contracts": (
        HOMES, "surveyed,hub-1", "surveyed,hospital-1", ("contract_kind", HOMES, 2, "institution"),
    ),
    "more beds than one can look after": (HOMES, "T1,60", "T1,101", ("contract_full", HOMES, 2, "institution")),
    "an unknown way to travel": (
        "tiny.toml", 'mode = "car"\nminutes = 20', 'mode = "boat"\nminutes = 20',
        ("choice", "tiny.toml", None, "contracts.mode"),
    ),
    "an ambulance station": (
        "tiny.toml", 'by = ["community_centre", "township_hospital"]\nmode = "car"\nminutes = 20',
        'by = ["community_centre", "township_hospital", "ems_station"]\nmode = "car"\nminutes = 20',
        ("key_value", "tiny.toml", None, "contracts.by.2"),
    ),
    "beds of a kind that makes no contracts": (
        "tiny.toml", "most_beds = { community_centre = 100,", "most_beds = { clinic = 3, community_centre = 100,",
        ("key_value", "tiny.toml", None, "contracts"),
    ),
    "a key that there is not": (
        "tiny.toml", "yearly_per_bed = 100", "yearly_for_bed = 100",
        ("key_unknown", "tiny.toml", None, "contracts.yearly_for_bed"),
    ),
    "no source": (
        "tiny.toml", 'yearly_per_bed = 100\nbasis = "assumed"\nsource = "made up"',
        'yearly_per_bed = 100\nbasis = "assumed"',
        ("source_missing", "tiny.toml", None, "contracts.source"),
    ),
    "a share above all": (
        "tiny.toml", 'rule = "contracts"', 'rule = "contracts"\nshare = 1.1',
        ("key_value", "tiny.toml", None, "rules.homes_contracted.share"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_with_its_place_once(name: str, hubs_tiny: Tiny) -> None:
    file, old, new, (what, where, row, column) = FAULTS[name]
    hubs_tiny.edit(file, old, new)
    found = [(one.what, one.file, one.row, one.column) for one in faults_of(hubs_tiny)]
    assert found == [(f"problem.{what}", where, row, column)]


def test_contracts_without_care_homes_are_refused_with_the_table_that_is_missing(hubs_tiny: Tiny) -> None:
    (hubs_tiny.folder / HOMES).unlink()
    (fault,) = faults_of(hubs_tiny)
    assert (fault.what, fault.file, fault.column) == ("problem.contracts_nobody", "tiny.toml", "contracts")
    assert HOMES in fault.sentence()


def test_without_contracts_in_the_model_the_clause_is_undecided_and_the_homes_are_kept(hubs_tiny: Tiny) -> None:
    text = hubs_tiny.model.read_text(encoding="utf-8")
    first, last = text.index("[contracts]"), text.index("[resources.reserved_beds]")
    hubs_tiny.model.write_text(text[:first] + text[last:], encoding="utf-8")
    model, district = read_model(hubs_tiny.model), read_district(hubs_tiny.folder)
    assert not model.settles(model.rules["homes_contracted"])
    case = make_case(district, model)
    assert case.contracting is None
    # A table that nothing looks at is told.
    assert HOMES in {one.file for one in data_problems(district, model, case) if one.what == "check.unused_table"}
    assert len(district.care_homes) == 4


@pytest.mark.parametrize(
    ("old", "new", "words", "named"),
    [
        # A minute by car is 60 s × 30 km/h ÷ 1.3 = 385 m: the home of T3 lies 124 m from its hub, that of T2 296 m;
        # home-2 is 612 m from hub-1, too far.
        ("minutes = 20\nmost_beds", "minutes = 1\nmost_beds", "finding.homes_far", "园东颐养中心"),
        # 60 + 80 + 40 + 50 = 230 beds, and 60 + 2 × 50 = 160 that can be looked after.
        ("community_centre = 100, township_hospital = 120", "community_centre = 60, township_hospital = 50",
         "finding.homes_room", "160"),
    ],
)  # fmt: skip
def test_homes_that_nobody_can_sign_with_are_said_before_planning(
    old: str, new: str, words: str, named: str, hubs_tiny: Tiny
) -> None:
    district = read_district(hubs_tiny.folder)
    before = read_model(hubs_tiny.model)
    assert not [one for one in findings(before, district, make_case(district, before)) if "homes_" in one.words]
    hubs_tiny.edit("tiny.toml", old, new)
    model = read_model(hubs_tiny.model)
    (found,) = [one for one in findings(model, district, make_case(district, model)) if "homes_" in one.words]
    assert (found.words, found.clauses) == (words, ("homes_contracted",))
    assert named in found.sentence()
