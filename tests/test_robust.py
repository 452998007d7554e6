"""Whether a plan survives other districts, speeds, growth, closures and too few staff: a road worked out by hand."""

import html
import json
import os
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import call_allocate
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import make, resource, site, way
from villages import lon, model, road

from allocate import robust as asking
from allocate.answer import Answer
from allocate.candidates import make_case
from allocate.crews import Failure, Processes
from allocate.district import District
from allocate.errors import UsageError
from allocate.estimate import redraw
from allocate.layout import Layout
from allocate.model import Model
from allocate.outputs import write_answer
from allocate.planning import plan
from allocate.plans import to_json
from allocate.report.hedged_blocks import HEDGED_SHEETS
from allocate.report.robust_page import ROBUST_SHEETS, Told, headline, sheets
from allocate.report.summary import percent
from allocate.robust import (
    CHECKED,
    Asked,
    Change,
    Closed,
    Draw,
    Kept,
    carried_over,
    grown,
    jobs_of,
    kept_plan,
    luck,
    nearest_rank,
    possible,
    robust,
    with_less,
    work_out,
)
from allocate.serving import serve_most
from allocate.surveying import each_alone, ranked
from allocate.units import Basis
from allocate.words import LANGUAGES

TWO = {"zh": "示例", "en": "example"}
# Walking 15 minutes at 4 km/h: one kilometre.
CIRCLE = {
    "near": {
        "name": TWO, "modes": ["walk"], "minutes": 15, "kinds": ["clinic"], "basis": "assumed", "source": "made up",
    }
}  # fmt: skip
EVERYBODY = {"all": {"rule": "reach", "share": 1.0, "scope": "place", "strength": "must"}}
FIRM = Asked(draws=4, again=0, speeds=0.2, growth=0.005)


def by_the_road(changes: Mapping[str, Any] | None = None, **people: int) -> tuple[District, Model]:
    """Return a district and a model: A at kilometre 0, B and D 900 m on either side, C at kilometre 5.

    A clinic in A reaches A, B and D, one in C reaches C alone: the cheapest plan that serves all has these two.
    """
    villages = {"A": (0.0, 500), "B": (0.9, 300), "C": (5.0, 200), "D": (-0.9, 100)}
    told = {name: (at, people.get(name, number)) for name, (at, number) in villages.items()}
    return road(told), model(EVERYBODY, years=(2025, 2030), circles=CIRCLE, **(changes or {}))


def estimated(district: District, *names: str) -> District:
    places = tuple(
        replace(place, position_basis=Basis.ESTIMATED) if place.id in names else place for place in district.places
    )
    return replace(district, places=places)


def kept_of(district: District, chosen: Model, asked: Asked = FIRM) -> Kept:
    """Return a plan made by hand: clinics in A and C in all years."""
    case = make_case(district, chosen)
    is_open = {j for j, one in enumerate(case.sites) if one.is_fixed or one.id in ("clinic-A", "clinic-C")}
    layout = serve_most(case, Layout(frozenset((j, t) for j in is_open for t in case.periods)))
    return Kept(district, chosen, case, layout, layout, asked)


def at(kept: Kept, code: str) -> int:
    return kept.case.site_index[code]


@pytest.fixture(scope="module")
def road_content() -> dict[str, Any]:
    """Return the plan of the road, in which nothing is estimated."""
    found: dict[str, Any] = json.loads(to_json(plan(*by_the_road()).content))
    return found


# ---- speeds and growth ----


def test_people_900_metres_away_are_out_of_reach_at_four_fifths_of_the_speed() -> None:
    kept = kept_of(*by_the_road())
    assert work_out(kept, Change())["served"] == {"2025": 1100, "2030": 1100}
    slower = work_out(kept, Change(speed=0.8))
    assert slower["served"] == {"2025": 700, "2030": 700}
    assert slower["towns"] == {"T1": {"2025": [700, 1100], "2030": [700, 1100]}}
    assert slower["missed"] == {"all": [2025, 2030]}
    assert work_out(kept, Change(speed=0.9))["missed"] == {"all": []}


def test_people_grow_by_a_share_a_year_since_the_day_of_the_model_and_add_up() -> None:
    # 1100 · 1.01 = 1111 after one year, 1100 · 1.01⁶ = 1167.67 after six.
    kept = kept_of(*by_the_road())
    more = work_out(kept, Change(growth=0.01))
    assert more["people"] == {"2025": 1111, "2030": 1168}
    assert more["served"] == more["people"]
    assert work_out(kept, Change(growth=-0.01))["people"] == {"2025": 1089, "2030": 1036}


def test_growth_keeps_each_place_its_part_and_zero_changes_nothing() -> None:
    district, chosen = by_the_road()
    assert grown(district, chosen, 0.0) == (district, chosen)
    people = {(row.place, row.year): row.people for row in grown(district, chosen, 0.01)[0].people_by_year}
    assert [people[name, 2025] for name in "ABCD"] == [505, 303, 202, 101]


@given(st.floats(0.3, 2), st.floats(0.3, 2), st.lists(st.integers(0, 400), min_size=4, max_size=4))
@settings(max_examples=25, deadline=None)
def test_more_speed_never_serves_fewer(one: float, other: float, people: list[int]) -> None:
    district, chosen = by_the_road(**dict(zip("ABCD", people, strict=True)))
    kept = kept_of(district, chosen)
    slow, fast = (
        work_out(kept, Change(speed=round(speed, 3)))["served"] for speed in sorted((round(one, 3), round(other, 3)))
    )
    assert all(slow[year] <= fast[year] for year in slow)


def test_luck_is_seeded_within_its_range_and_of_two_kinds() -> None:
    asked = Asked(speeds=0.2, growth=0.01)
    found = [luck(asked, seed) for seed in range(200)]
    assert found == [luck(asked, seed) for seed in range(200)]
    speeds, growths = zip(*found, strict=True)
    assert 0.8 <= min(speeds) < 0.82
    assert 1.18 < max(speeds) <= 1.2
    assert -0.01 <= min(growths) < -0.009
    assert 0.009 < max(growths) <= 0.01
    assert abs(float(np.corrcoef(speeds, growths)[0, 1])) < 0.2


# ---- closures ----


def test_whoever_has_no_other_clinic_is_not_served_when_theirs_closes() -> None:
    kept = kept_of(*by_the_road())
    a, c = work_out(kept, Closed((at(kept, "clinic-A"), at(kept, "clinic-C"))))
    assert a["fewer"] == {"2025": 900, "2030": 900}
    assert c["fewer"] == {"2025": 200, "2030": 200}
    assert a["missed"] == c["missed"] == {"all": [2025, 2030]}


def test_people_go_elsewhere_as_far_as_there_is_room() -> None:
    room = {"room": {"rule": "capacity", "kinds": ["clinic"], "people": 1000, "strength": "physics"}}
    district, _ = by_the_road()
    chosen = model({**EVERYBODY, **room}, circles=CIRCLE)
    case = make_case(district, chosen)
    is_open = {case.site_index["clinic-A"], case.site_index["clinic-B"]}
    layout = serve_most(case, Layout(frozenset((j, 0) for j in is_open)))
    kept = Kept(district, chosen, case, layout, layout, FIRM)
    (closed,) = work_out(kept, Closed((case.site_index["clinic-A"],)))
    # B takes A's 500 and its own 300; D, 1.8 km away, has nobody.
    assert closed["fewer"] == {"2025": 100}


def test_closing_a_site_that_serves_nobody_changes_nothing() -> None:
    kept = kept_of(*by_the_road())
    (closed,) = work_out(kept, Closed((at(kept, "clinic-B"),)))
    assert closed["fewer"] == {"2025": 0, "2030": 0}
    assert closed["missed"] == {}
    assert closed["visits_lost"] == 0


# ---- too few staff ----


def test_what_is_missing_lies_evenly_over_the_sites_in_whole_numbers() -> None:
    sites = [site(f"S{j}", per_staff=(("doctors", 100),)) for j in range(4)]
    doctors = {"doctors": resource(at={"clinic": 9})}
    case = make([[1000]], sites, {(0, j): j for j in range(4)}, resources=doctors)
    layout = Layout(
        frozenset((j, 0) for j in range(4)),
        amounts={("doctors", j, 0): number for j, number in enumerate((1, 1, 2, 6))},
    )
    # Half of 1, 2, 4, 10 is 0, 1, 2, 5 in whole numbers: each site has what is added.
    assert with_less(case, layout, "doctors", 0.5).amounts == {
        ("doctors", 1, 0): 1, ("doctors", 2, 0): 1, ("doctors", 3, 0): 3
    }  # fmt: skip
    assert serve_most(case, with_less(case, layout, "doctors", 0.5)).served_in(0) == 500
    assert with_less(case, layout, "doctors", 0.0).amounts == layout.amounts


def test_teams_go_with_their_people_and_visits_with_their_teams() -> None:
    kinds = {
        "nurses": resource(at={"township_hospital": 9}),
        "teams": resource(at={"township_hospital": 9}, needs={"nurses": 2}),
    }
    hub = site("H", "township_hospital", exists=True)
    pairs = {(i, 0): 600 for i in range(4)}
    case = make([[10]] * 4, [hub], {}, resources=kinds, ways={"rounds": way(pairs)})
    visits = frozenset(("rounds", i, 0, 0) for i in range(4))
    layout = Layout(frozenset({(0, 0)}), amounts={("nurses", 0, 0): 4, ("teams", 0, 0): 2}, visits=visits)
    less = with_less(case, layout, "nurses", 0.2)
    assert less.amounts == {("nurses", 0, 0): 3, ("teams", 0, 0): 1}
    assert less.visits == {("rounds", 0, 0, 0), ("rounds", 1, 0, 0)}


# ---- draws ----


def test_a_visit_that_nobody_can_make_any_more_is_lost() -> None:
    kinds = {"teams": resource(at={"township_hospital": 9})}
    hub = site("H", "township_hospital", exists=True)

    def case_of(pairs: Mapping[tuple[int, int], int]) -> Any:
        return make([[10]] * 2, [hub], {}, resources=kinds, ways={"rounds": way(pairs)})

    layout = Layout(frozenset({(0, 0)}), visits=frozenset({("rounds", 0, 0, 0), ("rounds", 1, 0, 0)}))
    found = carried_over(case_of({(0, 0): 600, (1, 0): 600}), layout, case_of({(1, 0): 600}))
    assert found.visits == {("rounds", 1, 0, 0)}


def test_decisions_follow_the_ids_of_sites_and_what_is_not_there_is_left_out() -> None:
    old = make([[10]], [site("A"), site("B"), site("C")], {})
    new = make([[10]], [site("C"), site("A")], {})
    layout = Layout(frozenset({(0, 0), (1, 0), (2, 0)}), amounts={("doctors", 2, 0): 3, ("doctors", 1, 0): 1})
    found = carried_over(old, layout, new)
    assert found.open == {(0, 0), (1, 0)}
    assert found.amounts == {("doctors", 0, 0): 3}


def test_a_draw_is_the_district_drawn_anew_at_its_speed_and_growth() -> None:
    district, chosen = by_the_road()
    district = estimated(district, "A", "B", "C", "D")
    kept = kept_of(district, chosen)
    row = work_out(kept, Draw(7))
    drawn, its_model, speed, growth = possible(district, chosen, 7, FIRM)
    assert (speed, growth) == luck(FIRM, 7) == (row["speed"], row["growth"])
    assert [(p.lon, p.lat) for p in drawn.places] == [(p.lon, p.lat) for p in redraw(district, 7).places]
    case = make_case(drawn, its_model)
    layout = serve_most(case, carried_over(kept.case, kept.layout, case))
    assert row["served"]["2030"] == layout.served_in(1)
    assert row["people"]["2030"] == case.total(1)
    assert sum(pair[0] for pair in (row["towns"]["T1"]["2030"],)) == row["served"]["2030"]


def test_a_site_is_idle_where_it_serves_less_than_a_tenth_of_its_people() -> None:
    kept = kept_of(*by_the_road(A=10))
    # (Nobody comes to A any more at half the speed but its own 10 of 410: less than a tenth.)
    assert not asking._is_idle(kept, at(kept, "clinic-A"), 41)
    assert asking._is_idle(kept, at(kept, "clinic-A"), 40)
    assert work_out(replace(kept, asked=replace(FIRM, speeds=0.0)), Draw(1))["idle"] == []


# ---- what knowing is worth ----


def moved(district: District, **kilometres: float) -> District:
    places = tuple(
        replace(place, lon=lon(kilometres[place.id])) if place.id in kilometres else place for place in district.places
    )
    return replace(district, places=places)


def test_a_village_with_a_clinic_that_lies_elsewhere_leaves_those_who_went_there() -> None:
    district, chosen = by_the_road()
    district = estimated(district, "A", "C")
    kept = kept_of(district, chosen)
    found = each_alone(district, chosen, kept.case, kept.base, moved(district, A=20.0, C=5.5))
    assert set(found) == {"A", "C"}
    # A keeps its clinic; B's 300 and D's 100 lose it. C and its clinic move together: nothing changes.
    assert {name: found["A"][name] for name in ("own", "others", "unserved")} == {
        "own": 0, "others": 400, "unserved": 400
    }  # fmt: skip
    assert {name: found["C"][name] for name in ("own", "others", "unserved")} == dict.fromkeys(
        ("own", "others", "unserved"), 0
    )
    # Whom each spot would serve, once A lies at kilometre 20: itself 500, B 300, D 100.
    assert found["A"]["spots"] == {"clinic-A": {"clinic-A": 500, "clinic-B": 300, "clinic-D": 100}}


def test_a_village_without_a_clinic_concerns_itself() -> None:
    district, chosen = by_the_road()
    district = estimated(district, "B")
    kept = kept_of(district, chosen)
    found = each_alone(district, chosen, kept.case, kept.base, moved(district, B=20.0))
    assert found == {"B": {"own": 300, "others": 0, "unserved": 300, "spots": {}}}


def test_what_is_won_by_knowing_is_the_best_of_each_draw_against_the_best_for_all() -> None:
    district, chosen = by_the_road(A=50)
    district = estimated(district, "A")
    kept = kept_of(district, chosen)
    surveys = [each_alone(district, chosen, kept.case, kept.base, moved(district, A=place)) for place in (0.0, 20.0)]
    told = ranked(district, kept.case, kept.base, surveys)
    # In A: 450 at kilometre 0, 50 at 20; in B: 350 and 300. Without knowing B is best, 325 on average; with, 375.
    assert told["places"][0] | {"won": 50.0, "changes": 200.0, "others": 200.0, "own": 0.0} == told["places"][0]
    assert (told["whole"], told["places"][0]["cumulated"], told["places"][0]["rank"]) == (200.0, 1.0, 1)


def test_a_village_that_lies_where_it_was_thought_to_lie_changes_nothing() -> None:
    district, chosen = by_the_road()
    district = estimated(district, "A", "B", "C", "D")
    kept = kept_of(district, chosen)
    for told in each_alone(district, chosen, kept.case, kept.base, district).values():
        assert (told["own"], told["others"], told["unserved"]) == (0, 0, 0)


# ---- all of it ----


def test_a_plan_without_estimates_says_so_and_still_looks_at_speeds_closures_and_growth(
    road_content: dict[str, Any],
) -> None:
    kept = kept_plan(road_content, FIRM)
    content = robust(road_content, kept, Processes(2)).content
    assert not content["terms"]["estimates"]
    assert content["surveying"] == {"draws": 0, "places": [], "whole": 0.0, "check": []}
    assert content["nominal"]["served"] == content["planned"] == {"2025": 1100, "2030": 1100}
    assert [row["speed"] for row in content["changes"]] == [0.8, 0.9, 1.1, 1.2, 1.0, 1.0]
    assert [(row["id"], row["fewer"]["2030"]) for row in content["closures"]] == [("clinic-A", 900), ("clinic-C", 200)]
    assert content["rests_on"]["sites"] == [0, 2]
    assert content["rests_on"]["people"] == [0, 1100]
    assert content["rests_on"]["yuan"] == [0, 2 * (100_000 + 6 * 20_000)]
    assert [row["class"] for row in content["sites"]] == ["firm", "firm"]
    assert content["regret"] is None
    # Whoever lives 900 m away is out of reach below nine tenths of the speed.
    slow = sum(row["speed"] < 0.9 for row in content["draws"])
    (clause,) = [row for row in content["clauses"] if row["year"] == 2030]
    assert (clause["kept"], clause["draws"]) == (4 - slow, 4)
    json.dumps(content, allow_nan=False)


def test_one_and_four_processes_say_the_same_to_the_byte(road_content: dict[str, Any]) -> None:
    kept = kept_plan(road_content, replace(FIRM, again=2))
    one, four = (to_json(robust(road_content, kept, Processes(most)).content) for most in (1, 4))
    assert one == four


def test_planning_anew_finds_what_keeping_the_plan_costs(road_content: dict[str, Any]) -> None:
    kept = kept_plan(road_content, Asked(draws=1, again=1, seed=3, speeds=0.0, growth=0.0))
    content = robust(road_content, kept, Processes(1)).content
    (row,) = content["anew"]
    assert row["found"]["standing"] == ["clinic-A", "clinic-C"]
    assert content["regret"]["people"] == {"median": 0, "worst": 0}
    assert content["regret"]["yuan"] == {"median": 0, "worst": 0}
    assert content["regret"]["comparable"] == 1
    assert [(site["stands"], site["anew"]) for site in content["sites"]] == [(1, 1), (1, 1)]


def test_a_job_that_fails_is_told_with_its_reason_and_the_others_stand(road_content: dict[str, Any]) -> None:
    class OneFails:
        def work(self, do: Any, shared: Any, jobs: Mapping[str, Any]) -> Any:
            for name, job in reversed(jobs.items()):
                yield name, Failure("no room") if name == "draw 1002" else do(shared, job)

    content = robust(road_content, kept_plan(road_content, FIRM), OneFails()).content
    assert content["failed"] == [{"job": "draw 1002", "reason": "no room"}]
    assert [row["seed"] for row in content["draws"]] == [1001, 1003, 1004]
    assert {row["draws"] for row in content["coverage"]} == {3}


def suicidal(shared: tuple[str, Kept], job: Any) -> Any:
    folder, kept = shared
    mark = Path(folder) / "died"
    if isinstance(job, Draw) and job.seed == 1002 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return work_out(kept, job)


def test_a_worker_that_is_killed_costs_no_draw(road_content: dict[str, Any], tmp_path: Path) -> None:
    kept = kept_plan(road_content, FIRM)
    draws = {name: job for name, job in jobs_of(kept).items() if isinstance(job, Draw)}
    found = dict(Processes(2).work(suicidal, (str(tmp_path), kept), draws))
    assert (tmp_path / "died").exists()
    assert {found[name]["seed"] for name in draws} == {1001, 1002, 1003, 1004}


def test_numbers_that_mean_nothing_are_refused_in_one_message() -> None:
    with pytest.raises(UsageError) as caught:
        Asked(draws=0, again=-1, seed=-5, speeds=1.5, growth=0.5).check()
    told = str(caught.value)
    assert all(f"--{name}" in told for name in ("draws", "again", "seed", "speeds", "growth"))


def test_the_nearest_rank_is_a_number_that_was_found() -> None:
    assert nearest_rank([], 0.5) is None
    assert nearest_rank([7], 0.05) == 7
    numbers = list(range(1, 101))
    assert [nearest_rank(numbers, share) for share in (0.05, 0.5, 0.95)] == [5, 50, 95]


def test_an_answer_is_of_its_kind(road_content: dict[str, Any]) -> None:
    answer = robust(road_content, kept_plan(road_content, replace(FIRM, draws=1)), Processes(1))
    assert isinstance(answer, Answer)
    assert answer.kind == "robust"
    assert set(answer.content["method"]) == {"zh", "en"}
    assert answer.content["seeds"] == [1001]


# ---- the page and the tables ----

HOSTILE = "<img src=x onerror=alert(1)>{{7*191}}"


@pytest.fixture(scope="module")
def drawn_answer() -> Answer:
    """Return the answer of a plan whose villages are all estimated, and one of which has a hostile name."""
    district, chosen = by_the_road()
    district = estimated(district, "A", "B", "C", "D")
    places = tuple(
        replace(place, name=HOSTILE, short_name=HOSTILE) if place.id == "A" else place for place in district.places
    )
    content = json.loads(to_json(plan(replace(district, places=places), chosen).content))
    return robust(content, kept_plan(content, replace(FIRM, draws=6, again=1)), Processes(2))


def test_the_spread_of_coverage_is_that_of_the_draws(drawn_answer: Answer) -> None:
    content = drawn_answer.content
    shares = sorted(row["served"]["2030"] / row["people"]["2030"] for row in content["draws"])
    (row,) = [row for row in content["coverage"] if (row["scope"], row["year"]) == ("district", 2030)]
    assert (row["low"], row["worst"], row["high"]) == (
        pytest.approx(shares[0]),
        pytest.approx(shares[0]),
        pytest.approx(shares[-1]),
    )
    assert row["median"] == pytest.approx(shares[2])
    seeds = {draw["seed"]: draw for draw in content["draws"]}
    worst = seeds[row["worst_seed"]]
    assert worst["served"]["2030"] / worst["people"]["2030"] == pytest.approx(row["worst"])


def test_surveying_is_checked_in_draws_that_nobody_looked_at_before(drawn_answer: Answer) -> None:
    found = drawn_answer.content["surveying"]
    assert [(row["known"], row["places"], row["draws"]) for row in found["check"]] == [
        ("none", 0, CHECKED), ("first", 2, CHECKED), ("last", 2, CHECKED)
    ]  # fmt: skip
    # A and B as the plan has them: D's 100 are lost in every draw. C and D: B's 300 and D's 100, as with nothing known.
    assert [row["off"] for row in found["check"]] == [400, 100, 400]
    assert found["places"][-1]["cumulated"] == 1.0
    assert [row["rank"] for row in found["places"]] == [1, 2, 3, 4]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_tables_say_what_the_content_says(drawn_answer: Answer, language: Any) -> None:
    content, tables = drawn_answer.content, {sheet.name: sheet for sheet in sheets(drawn_answer, language)}
    assert set(tables) == set(ROBUST_SHEETS) - {"robust_shortages", *HEDGED_SHEETS}
    assert tables["robust_coverage"].column("share_worst") == [row["worst"] for row in content["coverage"]]
    assert tables["robust_clauses"].column("draws_kept") == [row["kept"] for row in content["clauses"]]
    assert tables["robust_sites"].column("stability") == [row["class"] for row in content["sites"]]
    assert tables["robust_survey"].column("changes_expected") == [
        round(row["changes"]) for row in content["surveying"]["places"]
    ]
    assert tables["robust_closures"].column("fewer_served_2030") == [
        row["fewer"]["2030"] for row in content["closures"]
    ]
    assert len(tables["robust_draws"].rows) == 6
    (anew,) = tables["robust_anew"].records()
    assert anew["kept_served"] == content["anew"][0]["kept"]["served"]["2030"]


def test_the_first_paragraph_says_the_range_the_classes_the_villages_and_the_closure(drawn_answer: Answer) -> None:
    content = drawn_answer.content
    (row,) = [row for row in content["coverage"] if (row["scope"], row["year"]) == ("district", 2030)]
    for language in LANGUAGES:
        told = headline(Told(drawn_answer, language))
        assert f"{percent(row['low'], 1)} %" in told
        assert f"{percent(row['worst'], 1)} %" in told
        assert f"{max(one['fewer']['2030'] for one in content['closures']):,}" in told


def test_a_hostile_name_is_shown_as_text_in_every_file(drawn_answer: Answer, tmp_path: Path) -> None:
    files = write_answer(drawn_answer, tmp_path / "out")
    page = files["robust.html"].read_text(encoding="utf-8")
    assert "<img" not in page
    assert html.escape(HOSTILE, quote=False) in page
    assert HOSTILE in files["robust-survey.csv"].read_text(encoding="utf-8-sig")
    assert json.loads(files["robust.json"].read_text(encoding="utf-8"))["seeds"] == drawn_answer.content["seeds"]
    # (The same answer is the same bytes.)
    again = write_answer(drawn_answer, tmp_path / "again")
    assert all(again[name].read_bytes() == path.read_bytes() for name, path in files.items())


def test_the_command_looks_at_a_plan_and_writes_the_answer_beside_it(
    road_content: dict[str, Any], tmp_path: Path
) -> None:
    folder = tmp_path / "plan"
    folder.mkdir()
    (folder / "plan.json").write_text(to_json(road_content), encoding="utf-8")
    done = call_allocate(tmp_path, "robust", "plan", "--draws", 2, "--again", 0, "--growth", 0)
    assert done.returncode == 0, done.stderr
    assert str(Path("plan-robust")) in done.stdout
    content = json.loads((tmp_path / "plan-robust" / "robust.json").read_text(encoding="utf-8"))
    assert content["asked"] == {"draws": 2, "again": 0, "seed": 1001, "speeds": 0.2, "growth": 0.0}


def test_bad_options_are_one_message_and_nothing_is_written(road_content: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(to_json(road_content), encoding="utf-8")
    done = call_allocate(tmp_path, "robust", "plan.json", "--draws", 0, "--growth", 3, "--out", "out")
    assert done.returncode == 2
    assert "--draws" in done.stderr
    assert "--growth" in done.stderr
    assert not (tmp_path / "out").exists()
    done = call_allocate(tmp_path, "robust", "nowhere")
    assert done.returncode == 2
    assert "nowhere" in done.stderr
