"""Which sites all near-best plans have: right against every plan of a small district, or undecided."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from conftest import Tiny, call_allocate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from villages import model, road

from allocate import decisions
from allocate.alternatives import Alternatives, alternatives, share_of_text
from allocate.candidates import make_case
from allocate.case import Case
from allocate.district import District
from allocate.errors import UsageError
from allocate.explain import model_in
from allocate.layout import Layout, send_nearest
from allocate.model import Model
from allocate.near_best import NearBest
from allocate.outputs import write_answer
from allocate.planning import plan
from allocate.plans import Plan, district_of, layout_of, to_json
from allocate.program import Options
from allocate.report.alternatives_page import lines, sheets
from allocate.verification import verify

WITHIN = (0.01, 0.1, 0.5)
QUICK = Options(seconds=60, threads=1)
EVERYBODY = {"rule": "reach", "share": 1.0, "scope": "place", "strength": "must"}
TRAVEL = {"goal": "travel", "unserved_minutes": 60, "source": "made up"}


def planned(district: District, asked: Model) -> dict[str, Any]:
    return dict(json.loads(to_json(plan(district, asked, Options(seconds=20, threads=1, quick=True)).content)))


def every_layout(case: Case) -> Iterator[Layout]:
    """Yield every choice of sites, with people at the nearest one: none has a limit, so nothing is better."""
    assert all(site.capacity is None and not site.per_staff for site in case.sites)
    free = [j for j, site in enumerate(case.sites) if not site.is_fixed]
    lives = list(product((False, True), repeat=len(case.years)))
    fixed = {(j, t) for j in range(len(case.sites)) if j not in free for t in case.periods}
    for chosen in product(lives, repeat=len(free)):
        is_open = {(j, t) for j, life in zip(free, chosen, strict=True) for t, there in enumerate(life) if there}
        layout = send_nearest(case, Layout(frozenset(fixed | is_open)), lambda j, t: None)
        if next(decisions.breaches(case, layout), None) is None:
            yield layout


def truth(content: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return what every site is within every share, from all plans that there are."""
    asked, district = model_in(content), district_of(content)
    case = make_case(district, asked)
    near = NearBest(case, asked, layout_of(content, case))
    found = [
        (distance, near.stand_in(one)) for one in every_layout(case) if (distance := near.distance(one)) is not None
    ]
    told: dict[str, dict[str, str]] = {}
    for j in near.decided:
        told[case.sites[j].id] = {}
        for share in WITHIN:
            states = {j in standing for distance, standing in found if distance <= Fraction(str(share))}
            is_one = "must" if states == {True} else "never"
            told[case.sites[j].id][f"{share:g}"] = "swappable" if len(states) == 2 else is_one
    return told


def statuses(made: Alternatives) -> dict[str, dict[str, str]]:
    return {site["id"]: site["status"] for site in made.answer.content["sites"]}


VILLAGES = {"V1": (0.0, 400), "V2": (1.0, 300), "V3": (2.0, 500), "V4": (5.0, 200)}


def test_a_village_that_one_spot_alone_reaches_must_have_it() -> None:
    # V4 lies by itself; V1 to V3 are reached from V2, or from two of the others.
    content = planned(road(VILLAGES), model({"everybody": EVERYBODY}))
    made = alternatives(content, QUICK, within=WITHIN, plans=2)
    found = statuses(made)
    assert found == truth(content)
    assert found["clinic-V4"] == dict.fromkeys(("0.01", "0.1", "0.5"), "must")
    lone = next(site for site in made.answer.content["sites"] if site["id"] == "clinic-V4")
    assert lone["impossible"]
    assert lone["proof"] == "rows"
    assert lone["proven_by"] == ["everybody"]
    assert (lone["unserved"], lone["clauses"]) == (200, ["everybody"])


def test_sites_that_stand_for_each_other_are_shown_with_whom_they_swap() -> None:
    # Two villages beside each other: either may have the clinic.
    content = planned(road({"A": (0.0, 300), "B": (0.5, 300)}), model({"everybody": EVERYBODY}))
    made = alternatives(content, QUICK, within=WITHIN, plans=3)
    assert {one for site in statuses(made).values() for one in site.values()} == {"swappable"}
    open_one, other = sorted(made.answer.content["sites"], key=lambda site: not site["open"])
    assert open_one["partners"] == [other["id"]]
    assert open_one["moved"] == 600
    assert open_one["distance"] == 0
    # Just one other plan has as few clinics.
    assert len(made.plans) == 1
    assert made.answer.content["no_more_plans"]
    assert made.answer.content["plans"][0]["opened"] == [other["id"]]


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_what_is_said_of_a_site_is_true_of_all_plans_that_there_are(data: st.DataObject) -> None:
    number = data.draw(st.integers(2, 4))
    spots = data.draw(st.lists(st.integers(0, 12), min_size=number, max_size=number, unique=True))
    people = data.draw(st.lists(st.integers(1, 9), min_size=number, max_size=number))
    places = {f"V{n}": (0.5 * at, 100 * many) for n, (at, many) in enumerate(zip(spots, people, strict=True))}
    years = data.draw(st.sampled_from([(2025,), (2025, 2027)]))
    rule = (
        EVERYBODY
        if data.draw(st.booleans())
        else {"rule": "reach", "share": 0.6, "scope": "district", "strength": "must"}
    )
    clinic = {"opening": data.draw(st.sampled_from([100_000, 5_000_000]))}
    asked = model({"some": rule}, years=years, clinic=clinic, goals=[{"goal": "cost"}, TRAVEL])
    content = planned(road(places), asked)
    found, right = statuses(alternatives(content, QUICK, within=WITHIN, plans=1)), truth(content)
    for site, told in found.items():
        for share, one in told.items():
            assert one == right[site][share], (site, share, one, right[site][share])


def test_a_site_that_all_plans_within_more_have_all_plans_within_less_have(tiny_plan: Plan) -> None:
    content = json.loads(to_json(tiny_plan.content))
    made = alternatives(content, QUICK, within=(0.05, 0.01, 0.02), plans=1)
    assert made.answer.content["settings"]["within"] == [0.01, 0.02, 0.05]
    for site in made.answer.content["sites"]:
        at_one, at_two, at_five = site["status"].values()
        for less, more in ((at_one, at_two), (at_two, at_five)):
            assert more not in ("must", "never") or less == more
            assert less != "swappable" or more == "swappable"
    counts = made.answer.content["counts"]
    assert all(sum(row[one] for one in row if one != "within") == len(made.answer.content["sites"]) for row in counts)


def test_plans_that_differ_are_plans_of_their_own(tiny_plan: Plan, tmp_path: Path) -> None:
    content = json.loads(to_json(tiny_plan.content))
    made = alternatives(content, QUICK, plans=2)
    standing = [tuple(row["standing"]) for row in (made.answer.content["plan"], *made.answer.content["plans"])]
    assert len(set(standing)) == len(standing) == 3
    for row, one in zip(made.answer.content["plans"], made.plans, strict=True):
        assert verify(one).sound
        values = {stage["name"]: stage["value"] for stage in one["stages"]}
        before = {stage["name"]: stage["value"] for stage in content["stages"]}
        # No clause is missed by more, and no goal is worse than it says; what is proven lies below.
        worst = max((values[name] - before[name]) / before[name] for name in row["worse"])
        assert worst == pytest.approx(row["distance"], abs=1e-9)
        assert all(values[name] <= before[name] for name in before if name.endswith((".worst", ".sum")))
        assert all(stage["bound"] <= stage["value"] for stage in one["stages"])
        assert row["sites"] <= made.answer.content["plan"]["sites"]
    write_answer(made.answer, tmp_path / "out", {"plan-1/plan.json": to_json(made.plans[0]).encode()})
    assert verify(tmp_path / "out" / "plan-1").sound
    written = json.loads((tmp_path / "out" / "alternatives.json").read_text(encoding="utf-8"))
    assert written["counts"] == made.answer.content["counts"]


def test_the_same_question_has_the_same_answer_to_the_byte(tiny_plan: Plan) -> None:
    content = json.loads(to_json(tiny_plan.content))
    first, second = (alternatives(content, QUICK, plans=1) for _ in range(2))
    assert json.dumps(first.answer.content) == json.dumps(second.answer.content)
    assert to_json(first.plans[0]) == to_json(second.plans[0])


def test_where_no_time_is_left_nothing_is_guessed(tiny_plan: Plan) -> None:
    content = json.loads(to_json(tiny_plan.content))
    made = alternatives(content, replace(QUICK, seconds=1e-6), plans=2)
    assert {one for site in made.answer.content["sites"] for one in site["status"].values()} == {"undecided"}
    assert made.plans == ()
    assert not made.answer.content["no_more_plans"]
    told = list(lines(made.answer, "en"))
    assert any("whether more lie within" in line for line in told)


def test_staff_that_is_planned_too_keeps_its_clauses_in_every_plan_that_is_shown(staffed_plan: Plan) -> None:
    content = json.loads(to_json(staffed_plan.content))
    made = alternatives(content, replace(QUICK, seconds=6), plans=1)
    told = {site["id"]: set(site["status"].values()) for site in made.answer.content["sites"]}
    assert "must" in set().union(*told.values())
    for one in made.plans:
        assert verify(one).sound


def test_tables_and_terminal_say_what_was_found(tiny_plan: Plan) -> None:
    content = json.loads(to_json(tiny_plan.content))
    made = alternatives(content, QUICK, plans=1)
    for language in ("zh", "en"):
        tables = {sheet.name: sheet for sheet in sheets(made.answer, language)}
        assert len(tables["alternatives_sites"].rows) == len(made.answer.content["sites"])
        assert tables["alternatives_counts"].column("near_must") == [
            row["must"] for row in made.answer.content["counts"]
        ]
        told = "\n".join(lines(made.answer, language))
        assert str(made.answer.content["counts"][0]["never"]) in told
    columns = tables["alternatives_sites"]
    for distance, status in zip(columns.column("near_distance"), columns.column("stands_0.01"), strict=True):
        assert status != "swappable" or (distance is not None and float(distance) <= 0.01)


def test_a_plan_of_another_version_is_refused(tiny_plan: Plan) -> None:
    content = json.loads(to_json(tiny_plan.content))
    content["versions"]["allocate"] = "0.1.0"
    with pytest.raises(UsageError, match=r"0\.1\.0"):
        alternatives(content, QUICK)


@pytest.mark.parametrize("asked", [("--within", "0%"), ("--within", "200%"), ("--within", "much"), ("--plans", "-1")])
def test_shares_and_numbers_that_make_no_sense_are_refused(
    tiny_home: Tiny, tiny_plan: Plan, tmp_path: Path, asked: tuple[str, str]
) -> None:
    (tmp_path / "plan").mkdir()
    (tmp_path / "plan" / "plan.json").write_text(to_json(tiny_plan.content), encoding="utf-8")
    done = call_allocate(tmp_path, "alternatives", "plan", *asked)
    assert done.returncode == 2
    assert asked[0] in done.stderr
    assert not (tmp_path / "plan-alternatives").exists()


def test_an_unsound_plan_is_refused(tiny_plan: Plan, tmp_path: Path) -> None:
    content = json.loads(to_json(tiny_plan.content))
    content["stages"][0]["value"] = -5
    (tmp_path / "plan").mkdir()
    (tmp_path / "plan" / "plan.json").write_text(to_json(content), encoding="utf-8")
    done = call_allocate(tmp_path, "alternatives", "plan")
    assert done.returncode == 2
    assert not (tmp_path / "plan-alternatives").exists()


def test_the_command_writes_its_folder_beside_the_plan(tiny_plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "plan").mkdir()
    (tmp_path / "plan" / "plan.json").write_text(to_json(tiny_plan.content), encoding="utf-8")
    done = call_allocate(tmp_path, "alternatives", "plan", "--plans", "1", "--within", "２%", "--within", "0.01")
    assert done.returncode == 0, done.stderr
    out = tmp_path / "plan-alternatives"
    names = {one.name for one in out.iterdir()}
    assert {"alternatives.html", "alternatives.json", "alternatives.xlsx", "plan-1"} <= names
    assert verify(out / "plan-1").sound


@pytest.mark.parametrize(("text", "share"), [("1%", 0.01), ("0.05", 0.05), (" 2.5 % ", 0.025), ("1/50", 0.02)])
def test_a_share_may_be_written_as_people_write_it(text: str, share: float) -> None:
    assert share_of_text(text) == share
