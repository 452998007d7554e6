"""Conflicts that were planted are named, nothing else is, and every way out really is one."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import chain, combinations
from math import inf
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import DATA
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import cases, lives, make, nearest, resource, rule, site
from typer.testing import CliRunner

from allocate.candidates import make_case
from allocate.case import Case
from allocate.cli import app
from allocate.conflicts import NOISE, Clock, Names, Question
from allocate.district import Department
from allocate.errors import UsageError
from allocate.explain import Explained, Explanation, Price, Prices, explain, explain_plan, is_plan
from allocate.layout import Layout
from allocate.model import Model, changed, read_model
from allocate.outputs import write_plan
from allocate.plans import Plan
from allocate.program import Objective, Options, Program
from allocate.read import read_district
from allocate.report.explanation import explanation_lines, price_lines
from allocate.rows import Column, Row, Strength
from allocate.rules import Rule
from allocate.search import lay_out
from allocate.units import Basis
from allocate.words import LANGUAGES, Language, speaking

QUICK = Options(seconds=60, threads=1, quick=True)
SITES = 'kinds = ["clinic", "station"]'
ROOMS = {
    "clinic_room": 'rule = "capacity", kinds = ["clinic"], people = 2500, strength = "physics"',
    "station_room": 'rule = "capacity", kinds = ["station"], people = 6000, strength = "physics"',
    "hub_room": 'rule = "capacity", kinds = ["township_hospital", "community_centre"], people = 5000, '
    'strength = "physics"',
}
MOST = 'rule = "reach", share = 0.9, years = [2025]'
KEEP = 'rule = "keep", sites = ["clinic-T2018"]'
BAN = 'rule = "forbid", sites = ["clinic-T2016", "clinic-T2018"]'
CHEAP = 'rule = "spending", at_most = 1500000'
# Each clause once, with what is planted in it: the sets of clauses that conflict, none of which can be smaller.
PLANTED: dict[str, tuple[dict[str, str], list[set[str]]]] = {
    "money is short of coverage": ({"most": MOST, "budget": CHEAP}, [{"most", "budget"}]),
    "few sites are short of coverage": (
        {"most": MOST, "few": f'rule = "count", {SITES}, counts = "new", at_most = 4', "keep": KEEP},
        [{"most", "few"}],
    ),
    "so many sites cannot stand so far apart": (
        {
            "many": 'rule = "count", kinds = ["clinic"], at_least = 20',
            "apart": 'rule = "spacing", kinds = ["clinic"], metres = 3000',
        },
        [{"many", "apart"}],
    ),
    "coverage needs forbidden sites": (
        {
            "town": 'rule = "reach", scope = "town", share = 0.6, years = [2027]',
            "ban": f'rule = "forbid", sites = {[f"clinic-T20{n}" for n in range(15, 27)]}'.replace("'", '"'),
            "few": f'rule = "count", {SITES}, at_most = 30',
        },
        [{"town", "ban"}],
    ),
    "what must stay must close": ({"keep": KEEP, "ban": BAN, "most": MOST}, [{"keep", "ban"}]),
    "money is short of the worst-off town": (
        {"towns": 'rule = "reach", scope = "town", share = 0.9', "budget": CHEAP},
        [{"towns", "budget"}],
    ),
    "what opens in one year may not stand in the next": (
        {"keep": f"{KEEP}, years = [2025]", "ban": f"{BAN}, years = [2027]", "most": MOST},
        [{"keep", "ban"}],
    ),
    "only halves of sites would do": (
        {
            "most": 'rule = "reach", share = 0.83, years = [2025]',
            "few": f'rule = "count", {SITES}, counts = "new", at_most = 5',
        },
        [{"most", "few"}],
    ),
    "three clauses, of which any two hold": (
        {
            "here": KEEP,
            "there": 'rule = "keep", sites = ["clinic-T3030"]',
            "one": f'rule = "count", {SITES}, counts = "new", at_most = 1',
        },
        [{"here", "there", "one"}],
    ),
    "two conflicts that share nothing": (
        {"keep": KEEP, "ban": BAN, "most": MOST, "budget": CHEAP},
        [{"keep", "ban"}, {"most", "budget"}],
    ),
    "two conflicts that share a clause": (
        {"most": MOST, "keep": KEEP, "ban": BAN, "there": 'rule = "keep", sites = ["clinic-T2016"]'},
        [{"keep", "ban"}, {"there", "ban"}],
    ),
    "a place that no site can reach": (
        {"all": 'rule = "reach", scope = "place", share = 1.0, years = [2027]', "keep": KEEP},
        [{"all"}],
    ),
    "nothing is wrong": (
        {"most": MOST, "few": f'rule = "count", {SITES}, at_most = 30', "keep": KEEP},
        [],
    ),
}
# What is looked at in all plan years; the others in one, where every question takes half as long.
SEVERAL_YEARS = {
    "few sites are short of coverage",
    "coverage needs forbidden sites",
    "what must stay must close",
    "what opens in one year may not stand in the next",
    "a place that no site can reach",
}


def planted(rules: dict[str, str], **more: str) -> Model:
    """Return the small district's model with these rules only."""
    common = 'source = "made up", basis = "assumed"'
    must = {name: f'{text}, strength = "must"' for name, text in rules.items()}
    tables = ", ".join(f"{name} = {{ {text}, {common} }}" for name, text in (must | ROOMS).items())
    return read_model(DATA / "tiny.toml", {"rules": f"{{ {tables} }}", **more})


@pytest.fixture(scope="module")
def explained() -> Callable[[str], tuple[Model, Explanation]]:
    """Return a function that explains a planted model, each once."""
    known: dict[str, tuple[Model, Explanation]] = {}

    def look(name: str) -> tuple[Model, Explanation]:
        if name not in known:
            model = planted(PLANTED[name][0], **({} if name in SEVERAL_YEARS else {"years": "[2025]"}))
            known[name] = model, explain(read_district(model.district_folder()), model, QUICK)
        return known[name]

    return look


Look = Callable[[str], tuple[Model, Explanation]]


def plan_of(model: Model, names: Names) -> tuple[Case, Layout]:
    """Plan for these clauses and physics alone, as `allocate plan` does it."""
    kept = {name: one for name, one in model.rules.items() if name in names or one.strength is Strength.PHYSICS}
    case = make_case(read_district(model.district_folder()), model)
    return case, lay_out(case, replace(model, rules=kept), QUICK, first_goals=0).layout


@pytest.mark.parametrize("name", PLANTED)
def test_exactly_the_planted_conflicts_are_named(name: str, explained: Look) -> None:
    _, found = explained(name)
    wanted = PLANTED[name][1]
    assert {one.core.names for one in found.conflicts} == {frozenset(names) for names in wanted}
    assert (found.holds, found.is_complete, found.undecided) == (not wanted, True, ())
    assert all(one.core.irreducible for one in found.conflicts)


@pytest.mark.parametrize("name", [name for name, (_, wanted) in PLANTED.items() if wanted])
def test_every_way_out_lets_a_plan_keep_the_clauses(name: str, explained: Look) -> None:
    model, found = explained(name)
    for conflict in found.conflicts:
        assert conflict.repairs
        for repair in conflict.repairs:
            again = changed(model, repair.changes)
            others = conflict.core.names - ({repair.rule} if repair.kind == "weaker" else set())
            case, layout = plan_of(again, conflict.core.names)
            assert not [b for other in sorted(others) for b in again.rules[other].breaches(case, layout)], repair


@pytest.mark.parametrize("name", [name for name, (_, wanted) in PLANTED.items() if wanted])
def test_a_change_that_is_called_least_cannot_be_smaller(name: str, explained: Look) -> None:
    model, found = explained(name)
    for conflict in found.conflicts:
        for repair in conflict.repairs:
            if repair.kind != "number" or not repair.is_least:
                continue
            ((key, after),) = repair.changes.items()
            before, after = Fraction(repair.before), Fraction(after)
            step = (before - after) / 1000 if "." in repair.after else Fraction(1 if before > after else -1)
            nearer = after + step if "." in repair.after else after + step * max(1, abs(after - before) // 20)
            text = f"{float(nearer):.6f}" if "." in repair.after else str(int(nearer))
            again = changed(model, {key: text})
            case, layout = plan_of(again, conflict.core.names)
            names = sorted(conflict.core.names)
            assert [b for one in names for b in again.rules[one].breaches(case, layout)], (repair, text)


@pytest.mark.parametrize("name", PLANTED)
def test_ways_out_come_with_the_smallest_change_first(name: str, explained: Look) -> None:
    for conflict in explained(name)[1].conflicts:
        sizes = [repair.change for repair in conflict.repairs]
        assert sizes == sorted(sizes)
        assert {repair.kind == "weaker" for repair in conflict.repairs if repair.change == inf} <= {True}


def test_what_only_whole_sites_make_impossible_is_said_to_be_the_solvers_word(explained: Look) -> None:
    assert explained("only halves of sites would do")[1].conflicts[0].core.verdict.proof == "search"
    assert explained("money is short of coverage")[1].conflicts[0].core.verdict.proof == "relaxation"


def test_a_conflict_names_its_places_sites_and_years(explained: Look) -> None:
    (alone,) = explained("a place that no site can reach")[1].conflicts
    assert [(part.ids, part.year) for part in alone.core.verdict.parts] == [(("T3040",), 2027)]
    (closed,) = explained("what opens in one year may not stand in the next")[1].conflicts
    parts = {(part.rule, part.ids, part.year) for part in closed.core.verdict.parts}
    assert parts == {("keep", ("clinic-T2018",), 2025), ("ban", ("clinic-T2018",), 2027)}


def test_each_kind_of_way_out_is_offered_where_it_is_one(explained: Look) -> None:
    def kinds(name: str) -> set[tuple[str, str]]:
        return {(one.kind, one.rule) for conflict in explained(name)[1].conflicts for one in conflict.repairs}

    assert {("number", "most"), ("number", "budget"), ("circle", "")} <= kinds("money is short of coverage")
    assert {("sites", "ban"), ("weaker", "keep")} <= kinds("what must stay must close")
    assert ("number", "apart") in kinds("so many sites cannot stand so far apart")
    assert {kind for kind, _ in kinds("a place that no site can reach")} == {"weaker"}
    later = {"most": MOST, "few": f'rule = "count", {SITES}, at_most = 6, years = [2025]'}
    model = planted(
        {
            name: text.replace("years = [2025]", "years = [2025, 2027]" if name == "most" else "years = [2025]")
            for name, text in later.items()
        }
    )
    (conflict,) = explain(read_district(model.district_folder()), model, QUICK).conflicts
    assert {"rules.most.years": "[2027]"} in [dict(one.changes) for one in conflict.repairs if one.kind == "later"]


def test_a_weaker_clause_is_asked_only_where_that_is_wanted() -> None:
    model = planted({"keep": KEEP, "ban": BAN}, years="[2025, 2027]")
    model = changed(model, {"rules.ban.strength": "in_principle"})
    district = read_district(model.district_folder())
    assert explain(district, model, QUICK).holds is True
    found = explain(district, model, QUICK, strength=Strength.IN_PRINCIPLE)
    assert [set(one.core.names) for one in found.conflicts] == [{"keep", "ban"}]
    assert {"rules.keep.strength": "strive"} in [dict(one.changes) for one in found.conflicts[0].repairs]


def test_a_known_plan_that_keeps_all_clauses_settles_it(tiny_plan: Plan) -> None:
    found, prices = explain_plan(tiny_plan.content, replace(QUICK, seconds=1))
    assert (found.holds, found.conflicts) == (True, ())
    assert (prices.prices, len(prices.unreached)) == ((), 7), "seven clauses in a second: none is begun"


def test_out_of_time_nothing_is_claimed() -> None:
    model = planted(PLANTED["only halves of sites would do"][0])
    case = make_case(read_district(model.district_folder()), model)
    laws = {name: one for name, one in model.rules.items() if one.strength is Strength.PHYSICS}
    rules = {name: one for name, one in model.rules.items() if name not in laws}
    found = Question(case, rules, laws, QUICK).conflicts(Clock.of(0), 10)
    assert (found.cores, found.complete) == ((), False)


def test_the_weights_of_rows_prove_a_bound_whatever_they_are() -> None:
    program = Program("bound")
    program.add_columns([Column(("x",), high=4), Column(("y",), high=4)])
    program.add_rows("sum", [Row((1,), {("x",): 1, ("y",): 1}, ">=", 6), Row((2,), {("x",): 1}, "<=", 3)])
    objective = Objective("both", {("x",): 1, ("y",): 2})
    # The best point is x = 3, y = 3: by hand, 9.
    weights = program.weigh_rows(objective, QUICK)
    assert weights is not None
    assert program.bound_by(objective, weights) == pytest.approx(9, abs=1e-9)
    for wild in ([5.0, 5.0], [-1.0, -3.0], [0.0, 0.0], [2.0, -1.0]):
        assert program.bound_by(objective, np.array(wild)) <= 9


def subsets(names: Names) -> Iterator[Names]:
    every = chain.from_iterable(combinations(sorted(names), n) for n in range(len(names) + 1))
    return map(frozenset, every)


@st.composite
def questions(draw: st.DrawFn) -> tuple[Case, dict[str, Rule]]:
    case = draw(cases(capacities=False, most_places=3, most_sites=3))
    ids = [site.id for site in case.sites]
    kinds = {"kinds": ("clinic", "station")}
    years = draw(st.sampled_from([(), (2025,), (2027,)]))
    pool: dict[str, dict[str, Any]] = {
        "reach": {
            "share": draw(st.sampled_from([0.3, 0.6, 1.0])),
            "scope": draw(st.sampled_from(["district", "place"])),
        },
        "count": {**kinds, "at_most": draw(st.integers(0, 2)), "counts": draw(st.sampled_from(["open", "new"]))},
        "spending": {"at_most": draw(st.integers(0, 8))},
        "keep": {"sites": (draw(st.sampled_from(ids)),), "years": years},
        "forbid": {"sites": (draw(st.sampled_from(ids)),)},
    }
    chosen = draw(st.sets(st.sampled_from(sorted(pool)), min_size=1, max_size=4))
    return case, {name: rule(name, **pool[name]) for name in sorted(chosen)}


@settings(max_examples=40, deadline=None)
@given(questions())
def test_on_small_cases_the_conflicts_are_those_that_every_layout_shows(asked: tuple[Case, dict[str, Rule]]) -> None:
    case, rules = asked
    question = Question(case, rules, {}, QUICK)
    found = question.conflicts(Clock.of(60), 100)
    layouts = [nearest(case, is_open) for is_open in lives(case)]
    missed = {frozenset(n for n, one in rules.items() if any(one.breaches(case, layout))) for layout in layouts}
    bad = [names for names in subsets(frozenset(rules)) if all(names & one for one in missed)]
    least = {names for names in bad if not any(other < names for other in bad)}
    assert found.complete
    assert {core.names for core in found.cores} == least
    assert all(core.verdict.bound > NOISE and core.irreducible for core in found.cores)


BAODI = {
    "years": "[2025]",
    "policies": "[]",
    "adopt": "[]",
    # (The pay of today's staff alone exceeds the budget: here nobody is paid.)
    "resources": '{ physicians = { at = { township_hospital = 1 }, source = "made up", basis = "assumed" } }',
    "visits.per_staff": "{ physicians = 1 }",
    "visits.clauses": "[]",
    "functions": "{}",
    "supporters": "{}",
    "pools": "{}",
    "outreach": "{}",
    "rules": "{ "
    + ", ".join(
        f'{name} = {{ {text}, source = "made up", basis = "assumed" }}'
        for name, text in (
            {
                "most": f'{MOST}, strength = "must"',
                "towns": 'rule = "reach", scope = "town", share = 0.8, years = [2025], strength = "must"',
                "budget": 'rule = "spending", at_most = 10000000, strength = "must"',
                "few": f'rule = "count", {SITES}, at_most = 300, strength = "must"',
            }
            | ROOMS
        ).items()
    )
    + " }",
}


def test_conflicts_in_a_whole_district_are_found_and_proven() -> None:
    model = read_model("baodi", BAODI)
    case = make_case(read_district(model.district_folder()), model)
    laws = {name: one for name, one in model.rules.items() if one.strength is Strength.PHYSICS}
    rules = {name: one for name, one in model.rules.items() if name not in laws}
    found = Question(case, rules, laws, Options(threads=2)).conflicts(Clock.of(120), 10)
    assert {core.names for core in found.cores} == {frozenset({"most", "budget"}), frozenset({"towns", "budget"})}
    assert all(core.irreducible and core.verdict.proof == "relaxation" for core in found.cores)


def test_a_clause_of_a_document_is_changed_by_its_id() -> None:
    adopted = {"policies": "[]", "adopt": '["ST-16"]', "visits.clauses": "[]"}
    model = read_model("baodi", adopted | {"clauses.ST-16.strength": "encourage"})
    assert model.rules["ST-16"].strength is Strength.ENCOURAGE
    assert changed(model, {"clauses.ST-16.on": "false"}).silent == {"ST-16": "clause.off"}


def test_what_each_clause_of_a_plan_costs_is_a_range_that_holds_what_was_found(tiny_plan: Plan) -> None:
    content = tiny_plan.content
    _, prices = explain_plan(content, replace(QUICK, seconds=120))
    assert (prices.goal, prices.unit, prices.unreached) == ("people_reached", "persons", ())
    known = {price.rule: price for price in prices.prices}
    assert set(known) == {"most_people", "every_place", "few_new", "keep_station", "not_here", "apart", "budget"}
    for price in known.values():
        assert price.bound <= price.value
        if price.least is not None and price.most is not None:
            assert 0 <= price.least <= price.most
            assert price.effect != "costs" or price.least > 0
    dear = known["every_place"]
    assert dear.effect == "costs"
    assert dear.least == pytest.approx(prices.bound - dear.value)
    assert known["apart"].effect == "free"


@pytest.mark.parametrize("spoken", LANGUAGES)
def test_an_explanation_speaks_the_planners_language(spoken: Language, explained: Look) -> None:
    with speaking(spoken):
        lines = [line for name in PLANTED for line in explanation_lines(explained(name)[1], explained(name)[0])]
        reached = (2025, 0.75, 0.7)
        prices = [
            Price("most_people", 9.0, 8.0, 0.2, 1.0, 2.0, "costs", reached),
            Price("few_new", 10.0, 9.5, 0.05, 0.0, 0.5, "free", None),
            Price("apart", 9.5, 8.0, 0.2, 0.0, 2.0, "open", None),
            Price("budget", 12.0, 12.0, 0.0, None, None, "open", None),
        ]
        found = Prices("people_reached", "persons", 10.0, 10.0, 0.0, tuple(prices), ("keep_station",))
        lines += price_lines(found, read_model(DATA / "tiny.toml"))
    text = "\n".join(lines)
    assert "--set rules.budget.at_most=" in text
    assert "--set 'rules.ban.sites=[\"clinic-T2016\"]'" in text
    assert "苇荡区" in text, "places by name"
    assert {"en": "1 to 2 people", "zh": "1 至 2 人"}[spoken] in text
    assert "keep_station" in lines[-1]
    assert ("出路" in text) == (spoken == "zh")
    assert ("ways out" in text) == (spoken == "en")


def test_the_command_prints_conflicts_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    change = 'rules.not_here.sites=["old-station"]'
    done = CliRunner().invoke(app, ["--language", "en", "explain", str(DATA / "tiny.toml"), "--set", change])
    assert done.exit_code == 0, done.output
    assert "Conflict 1: these 2 clauses cannot all hold" in done.output
    assert "keep_station" in done.output
    assert list(tmp_path.iterdir()) == []


def test_the_command_takes_a_plans_folder_and_no_changes_with_it(
    tmp_path: Path, tiny_plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_plan(tiny_plan, tmp_path / "out")
    assert is_plan("out")
    assert is_plan("out/plan.json")
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    done = CliRunner().invoke(app, ["--language", "en", "explain", "out", "--seconds", "1"])
    assert (done.exit_code, "What each clause costs" in done.output) == (0, True), done.output
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()} == before
    refused = CliRunner().invoke(app, ["explain", "out", "--set", "draws=0"])
    assert isinstance(refused.exception, UsageError)


def test_an_unknown_strength_is_refused_with_those_that_there_are() -> None:
    done = CliRunner().invoke(app, ["explain", str(DATA / "tiny.toml"), "--strength", "maybe"])
    assert isinstance(done.exception, UsageError)
    assert "in_principle" in str(done.exception)


GOING_OUT = {
    "postings": '{ source = "made up", basis = "assumed" }',
    "pools": '{ surgery = { hospitals = ["hospital-1"], specialty = "surgery", away = 1, source = "made up", '
    'basis = "assumed" } }',
    "resources": '{ teams = { at = { township_hospital = 1 }, source = "made up", basis = "assumed" } }',
    # (A team has two half-days: one village.)
    "outreach": '{ rounds = { name = { zh = "巡诊", en = "rounds" }, by = ["township_hospital"], times = 2, '
    'half_days_each = 2, resource = "teams", mode = "e_bike", minutes = 240, source = "made up", basis = "assumed" } }',
}


def going_out(rules: dict[str, str]) -> tuple[Model, Explanation]:
    model = planted(rules, **GOING_OUT)
    return model, explain(read_district(model.district_folder()), model, replace(QUICK, seconds=60))


def test_a_pool_that_is_too_small_is_enlarged_by_the_fewest_who_will_do() -> None:
    # Two township hospitals want somebody at all times, and one surgeon may be away: one more is the least that does.
    _, found = going_out({"expert": 'rule = "posting", to = ["township_hospital"], sent_by = "district"'})
    (conflict,) = found.conflicts
    assert conflict.core.names == {"expert"}
    (more,) = [one for one in conflict.repairs if one.kind == "pool"]
    assert (more.changes, more.before, more.is_least) == ({"pools.surgery.away": "2"}, "1", True)


def test_where_pools_csv_counts_its_row_is_enlarged_and_no_key_of_the_model() -> None:
    # The model's surgeons do not count any more: of the two rows, only the second is asked for, with one person. Its
    # hospital must let two go; the supporter's row, which comes first, is of no help.
    model = planted(
        {"expert": 'rule = "posting", to = ["township_hospital"], sent_by = "district"'},
        **GOING_OUT,
        supporters='{ city = { name = { zh = "市医院", en = "City" }, sends_as = "tertiary_hospital", '
        'source = "made up", basis = "assumed" } }',
    )
    rows = [
        Department(sender, "surgery", "attending", 1, Basis.OFFICIAL, "made up", row=2 + n)
        for n, sender in enumerate(("city", "hospital-1"))
    ]
    district = replace(read_district(model.district_folder()), pools=tuple(rows))
    found = explain(district, model, replace(QUICK, seconds=60))
    (conflict,) = found.conflicts
    assert not [one for one in conflict.repairs if one.kind == "pool"]
    (more,) = [one for one in conflict.repairs if one.kind == "row"]
    assert (more.row, more.changes, more.before, more.after, more.is_least) == (3, {}, "1", "2", True)
    with speaking("en"):
        said = list(explanation_lines(found, model))
    assert any("2 instead of 1 may be away at once (away in row 3 of pools.csv)" in line for line in said)
    # With it, nothing is missing any more.
    enough = replace(district, pools=(rows[0], replace(rows[1], away=2)))
    assert explain(enough, model, replace(QUICK, seconds=60)).holds


def test_tours_that_are_asked_to_be_too_long_become_as_long_as_there_are() -> None:
    # Nobody goes for longer than a year: a clause that wants 13 months at both township hospitals holds
    # once it wants 12, with the two surgeons there are. On six days a week nobody is there; on five, they are.
    for key, asked, after in (("months", 13, "12"), ("days_per_week", 6, "5.0")):
        text = f'rule = "posting", to = ["township_hospital"], sent_by = "district", scope = "site", {key} = {asked}'
        model = planted({"expert": text}, **GOING_OUT, **{"pools.surgery.away": "2"})
        found = explain(read_district(model.district_folder()), model, replace(QUICK, seconds=60))
        (conflict,) = found.conflicts
        (less,) = [one for one in conflict.repairs if one.kind == "number"]
        assert (less.changes, less.is_least) == ({f"rules.expert.{key}": after}, True)


def test_no_pool_is_large_enough_where_none_may_send() -> None:
    # Nobody of the district is posted to its hospitals, however many may go.
    _, found = going_out({"expert": 'rule = "posting", to = ["hospital"], sent_by = "district"'})
    (conflict,) = found.conflicts
    assert conflict.core.names == {"expert"}
    assert not [one for one in conflict.repairs if one.kind == "pool"]


def test_where_teams_are_too_few_for_a_clause_on_rounds_more_posts_are_named() -> None:
    # Two villages of one town, and a team with time for one.
    known = read_district(read_model(DATA / "tiny.toml").district_folder())
    here = [place.id for place in known.places if place.kind == "village" and place.town == "T2"][:2]
    model, found = going_out({"rounds": f'rule = "rounds", times = 2, where = "listed", listed = {toml_list(here)}'})
    (conflict,) = found.conflicts
    (more,) = [one for one in conflict.repairs if one.kind == "posts"]
    assert (more.changes, more.before, more.is_least) == ({"resources.teams.at.township_hospital": "2"}, "1", True)
    with speaking("en"):
        assert any("2 posts instead of 1" in line for line in explanation_lines(found, model))


def test_visits_that_are_asked_to_be_too_long_become_as_long_as_there_are() -> None:
    known = read_district(read_model(DATA / "tiny.toml").district_folder())
    here = [place.id for place in known.places if place.kind == "village" and place.town == "T2"][:1]
    text = f'rule = "rounds", times = 2, half_days = 2, where = "listed", listed = {toml_list(here)}'
    _, found = going_out({"rounds": text})
    (conflict,) = found.conflicts
    assert {"rules.rounds.half_days": "1"} in [one.changes for one in conflict.repairs if one.is_least]


def toml_list(names: list[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


def test_wishes_for_staff_conflict_with_the_money_and_with_the_labour_market() -> None:
    # Five nurses at 100 yuan a year are 500; the money is 300, for three of them. At most four can join at all.
    nurses = resource(at={"hospital": 9}, yearly=100, per_year=4)
    case = make([[1]], [site("H", kind="hospital", exists=True)], {}, resources={"nurses": nurses})
    wishes = {
        "four": rule("total", resource="nurses", at_least=4),
        "five": rule("total", resource="nurses", at_least=5),
        "money": rule("spending", at_most=300),
        "room": rule("spending", at_most=400),
    }
    found = Question(case, wishes, {}, QUICK).conflicts(Clock.of(60), 10)
    # Five can never be; four can be for 400 and not for 300.
    assert {core.names for core in found.cores} == {frozenset({"five"}), frozenset({"four", "money"})}
    assert all(core.irreducible for core in found.cores)
    (layout,) = [core.without["money"] for core in found.cores if "money" in core.names]
    assert layout.amounts["nurses", 0, 0] == 4


@pytest.mark.parametrize(
    ("spoken", "words"), [("zh", "护士每年最多新增 4；"), ("en", "at most 4 of these join in a year: nurses;")]
)
def test_a_conflict_over_staff_says_how_many_may_join(spoken: Language, words: str) -> None:
    # A sum of nurses rests on nurses, of whom four may join in a year; of beds any number may.
    resources = {
        "beds": resource(at={"hospital": 9}),
        "nurses": resource(at={"hospital": 9}, per_year=4),
        "their_nurses": resource(sum_of="nurses", kinds=["hospital"]),
    }
    case = make([[1]], [site("H", kind="hospital", exists=True)], {}, resources=resources)
    rules = {
        "many": rule("total", resource="their_nurses", at_least=5),
        "beds": rule("total", resource="beds", at_least=10),
    }
    found = Question(case, rules, {}, QUICK).conflicts(Clock.of(60), 10)
    model: Any = SimpleNamespace(rules=rules, resources=resources)
    conflicts = tuple(Explained(core, ()) for core in found.cores)
    explanation = Explanation(tuple(rules), (), holds=False, conflicts=conflicts)
    with speaking(spoken):
        lines = list(explanation_lines(explanation, model))
    assert len(found.cores) == 2
    (line,) = [line for line in lines if "per_year" in line]
    assert words in line
    assert "--set resources.nurses.per_year=" in line


UNIT = 'name = { zh = "室", en = "unit" }, at = ["township_hospital"], source = "made up", basis = "assumed"'
CENTRE = 'name = { zh = "中心", en = "centre" }, at = ["hospital"], serves = ["township_hospital"]'
FUNCTIONS = {
    "functions": f"{{ unit = {{ {UNIT}, needs = {{ ward = 1 }} }}, ward = {{ {UNIT} }}, "
    f'laboratory = {{ {CENTRE}, source = "made up", basis = "assumed", members = 1, mode = "car", minutes = 1 }} }}',
}
EVERY_HUB = 'rule = "function", kinds = ["township_hospital"], share = 1.0'


@pytest.mark.parametrize(
    ("clause", "repairs"),
    [
        # There is no ward today, so that a unit can open a year after the first plan year at the earliest.
        (
            f'{EVERY_HUB}, functions = ["unit"]',
            {("setting", "functions.unit.needs.ward", "1", "0"), ("later", "rules.units.years", "2025", "2027")},
        ),
        # Both township hospitals want to be linked to the one hospital; one is 1,106 s away by car, the other 1,307 s:
        # no change by itself is enough, but where one is enough, the way alone is.
        (
            'rule = "function", kinds = ["township_hospital"], at_least = 1, functions = ["laboratory"]',
            {("setting", "functions.laboratory.minutes", "1", "19")},
        ),
    ],
)
def test_a_function_that_too_few_can_have_is_let_in_by_the_least_that_does(
    clause: str, repairs: set[tuple[str, str, str, str]]
) -> None:
    model = planted({"units": clause}, **FUNCTIONS)
    found = explain(read_district(model.district_folder()), model, replace(QUICK, seconds=60))
    (conflict,) = found.conflicts
    assert conflict.core.names == {"units"}
    told = {(one.kind, next(iter(one.changes)), one.before, one.after): one for one in conflict.repairs}
    assert repairs <= told.keys(), told.keys()
    for kind, key, before, after in repairs:
        one = told[kind, key, before, after]
        assert one.is_least
        # With it, nothing is missing any more.
        mended = changed(model, one.changes)
        assert explain(read_district(model.district_folder()), mended, replace(QUICK, seconds=60)).holds
    with speaking("en"):
        said = list(explanation_lines(found, model))
    for kind, key, before, after in repairs:
        assert kind != "setting" or any(f"{after} instead of {before} in {key}" in line for line in said)
