"""Several districts in one run: experts shared out, every district planned, and what all of them come to."""

import copy
import json
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joined import Both, make_both
from typer.testing import CliRunner, Result

from allocate.bundle import bundled
from allocate.cli import app
from allocate.crews import Processes
from allocate.errors import AllocateError, InputError, ModelError, UsageError
from allocate.joint import is_joint, read_joint
from allocate.jointly import Joint, clause_rows, findings, plan_jointly, shares_of
from allocate.model import read_model
from allocate.outputs import plan_files, write_answer
from allocate.program import Options
from allocate.sharing import Wanting, share_out

pytestmark = pytest.mark.xdist_group("joint")


@pytest.fixture
def both(tmp_path: Path) -> Both:
    return make_both(tmp_path)


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Joint:
    made = make_both(tmp_path_factory.mktemp("both"))
    return plan_jointly(read_joint(made.file), Options(seconds=60, threads=1), Processes(2))


@pytest.fixture(scope="module")
def written(planned: Joint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written") / "both"
    plans = {f"{name}/{file}": text for name, plan in planned.plans.items() for file, text in plan_files(plan).items()}
    write_answer(planned.answer, folder, plans)
    return folder


def contents(made: Joint) -> dict[str, Any]:
    return {name: plan.content for name, plan in made.plans.items()}


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["--language", "en", *map(str, arguments)])


# ---- sharing ----


def ways(experts: Mapping[str, int], districts: list[str]) -> Iterator[dict[str, dict[str, int]]]:
    """Yield every way to give all experts of all pools away."""
    parts = {
        pool: [one for one in product(range(number + 1), repeat=len(districts)) if sum(one) == number]
        for pool, number in experts.items()
    }
    for chosen in product(*parts.values()):
        yield {
            name: {pool: way[at] for pool, way in zip(parts, chosen, strict=True)} for at, name in enumerate(districts)
        }


def worth(way: dict[str, dict[str, int]], pools: dict[str, tuple[str, int]], wanting: dict[str, Wanting]) -> Any:
    """Return what sharing looks at, in its order: persons missing, the most of one, squares by people."""
    missing = [
        max(0, asked - sum(number for pool, number in way[name].items() if pools[pool][0] == sender))
        for name, one in wanting.items()
        for sender, asked in one.asks.items()
    ]
    squares = sum(number**2 / wanting[name].people for name, given in way.items() for number in given.values())
    return sum(missing), max(missing, default=0), squares


def test_experts_go_first_to_where_clauses_ask_for_them_then_to_where_people_are() -> None:
    # By hand: three are asked of the city in each district, eight are there. Each pool of one expert can only go to one
    # district; A, with most people, gets what is left: 3 for B, whom clauses ask for, and 5 for A.
    pools = {"medicine": ("city", 4), "nursing": ("city", 2), "pharmacy": ("city", 1), "management": ("city", 1)}
    districts = {name: Wanting(people, {"city": 3}, frozenset(pools)) for name, people in (("a", 900), ("b", 700))}
    given = share_out(pools, districts)
    assert given["a"] == {"medicine": 2, "nursing": 1, "pharmacy": 1, "management": 1}
    assert given["b"] == {"medicine": 2, "nursing": 1, "pharmacy": 0, "management": 0}


def test_where_experts_do_not_suffice_no_district_misses_more_than_it_must() -> None:
    pools = {"medicine": ("city", 3)}
    districts = {
        name: Wanting(people, {"city": 3}, frozenset(pools)) for name, people in (("a", 9), ("b", 1), ("c", 1))
    }
    assert share_out(pools, districts) == {"a": {"medicine": 1}, "b": {"medicine": 1}, "c": {"medicine": 1}}


def test_where_clauses_ask_for_nothing_experts_follow_people() -> None:
    pools = {"medicine": ("city", 10)}
    districts = {name: Wanting(people, {}, frozenset(pools)) for name, people in (("a", 100), ("b", 200), ("c", 700))}
    assert share_out(pools, districts) == {"a": {"medicine": 1}, "b": {"medicine": 2}, "c": {"medicine": 7}}


def test_a_pool_that_a_district_does_not_have_gives_it_nobody() -> None:
    pools = {"medicine": ("city", 2), "nursing": ("other", 1)}
    districts = {"a": Wanting(10, {}, frozenset({"medicine"})), "b": Wanting(10, {}, frozenset(pools))}
    given = share_out(pools, districts)
    assert given == {"a": {"medicine": 1}, "b": {"medicine": 1, "nursing": 1}}


@given(st.data())
@settings(max_examples=12, deadline=None)
def test_no_way_of_sharing_is_better_than_the_one_found(data: st.DataObject) -> None:
    names = ["a", "b", "c"][: data.draw(st.integers(2, 3))]
    pools = {f"p{n}": (data.draw(st.sampled_from(["city", "other"])), data.draw(st.integers(0, 3))) for n in range(2)}
    senders = sorted({sender for sender, _ in pools.values()})
    wanting = {
        name: Wanting(
            data.draw(st.integers(1, 50)),
            {sender: data.draw(st.integers(0, 3)) for sender in senders},
            frozenset(pools),
        )
        for name in names
    }
    best = min(worth(way, pools, wanting) for way in ways({pool: n for pool, (_, n) in pools.items()}, names))
    found = worth(share_out(pools, wanting), pools, wanting)
    assert found[:2] == best[:2]
    assert found[2] == pytest.approx(best[2])


# ---- reading ----


def test_a_file_with_districts_is_a_joint_model_and_one_without_is_not(both: Both) -> None:
    assert is_joint(both.file)
    assert not is_joint(both.one.model)


def test_every_district_has_its_own_model_and_one_without_is_missing(both: Both) -> None:
    joint = read_joint(both.file)
    assert {name: member.model.id for name, member in joint.members.items()} == {"one": "one", "other": "second"}
    assert {name: lacks for name, (_, lacks) in joint.missing.items()} == {"third": "model"}


def test_a_district_is_taken_in_as_soon_as_model_and_data_are_there(both: Both) -> None:
    model = both.file.parent / "third.toml"
    text = both.one.model.read_text(encoding="utf-8")
    model.write_text(text.replace(str(both.one.folder), "nowhere"), encoding="utf-8")
    assert read_joint(both.file).missing["third"][1] == "data"
    model.write_text(text, encoding="utf-8")
    joint = read_joint(both.file)
    assert list(joint.members) == ["one", "other", "third"]
    assert joint.missing == {}
    # Three districts ask for two experts each, and there are four: nobody misses more than one.
    given = shares_of(joint)
    assert sorted(sum(one.values()) for one in given.values()) == [1, 1, 2]


def test_a_document_of_all_districts_is_taken_by_models_that_do_not_name_it(both: Both) -> None:
    both.edit("as_of = 2025-01-01", 'as_of = 2025-01-01\npolicies = ["tianjin"]')
    for member in read_joint(both.file).members.values():
        assert "TJ-T12" in member.model.clauses


def test_keys_of_the_file_and_of_districts_can_be_changed(both: Both) -> None:
    joint = read_joint(both.file, {"shared.city_medicine.away": "7", "other.rules.most_people.share": "0.8"})
    assert joint.shared["city_medicine"].away == 7
    shares = {name: member.model.settings["rules"]["most_people"]["share"] for name, member in joint.members.items()}
    assert shares == {"one": 0.70, "other": 0.8}


def test_what_the_file_changes_in_a_model_is_changed(both: Both) -> None:
    both.edit('model = "second"', 'model = "second"\nset = { "rules.most_people.share" = 0.75 }')
    assert read_joint(both.file).members["other"].model.settings["rules"]["most_people"]["share"] == 0.75


def test_a_fault_in_any_model_is_said_with_the_district_and_all_of_them_at_once(both: Both) -> None:
    both.one.edit("one.toml", "share = 0.70", "share = 7.0")
    both.other.edit("second.toml", "at_least = 2", "at_least = -2")
    with pytest.raises(ModelError) as caught:
        read_joint(both.file)
    assert [problem.file for problem in caught.value.problems] == ["one · one.toml", "other · second.toml"]


def test_a_fault_in_the_data_is_said_with_the_district(both: Both) -> None:
    (both.other.folder / "towns.csv").write_text("id,name\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"other · towns\.csv"):
        read_joint(both.file)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("away = 3", "away = -3", "shared.city_medicine.away"),
        ("[shared.city_nursing]", "[shared.city_nurses]", "city_nurses"),
        ("as_of = 2025-01-01", 'as_of = 2025-01-01\npolicies = ["nowhere"]', "nowhere"),
        ("as_of = 2025-01-01", "as_of = 2025-01-01\nyears = [2025]", "years"),
        ('model = "second"', 'model = "second"\nset = { "rules.nobody.share" = 1 }', "districts.other.set"),
        ('name = { zh = "甲区", en = "One" }', 'nam = { zh = "甲区", en = "One" }', "nam"),
        ("[districts.one]", '[districts."../one"]', "../one"),
    ],
)
def test_what_cannot_be_planned_is_one_message(both: Both, old: str, new: str, said: str) -> None:
    both.edit(old, new)
    made = run("check", both.file)
    assert made.exit_code != 0
    assert said in str(made.exception)
    assert isinstance(made.exception, AllocateError)


def test_a_pool_of_the_district_itself_is_not_shared(both: Both) -> None:
    both.one.edit(
        "one.toml", 'hospitals = ["city"]\nspecialty = "nursing"', 'hospitals = ["hospital-1"]\nspecialty = "nursing"'
    )
    with pytest.raises(ModelError, match="city_nursing"):
        read_joint(both.file)


def test_a_key_that_is_not_there_is_refused_with_what_there_is(both: Both) -> None:
    for key in ("rules.most_people.share", "elsewhere.draws", "shared.nothing.away", "one.nothing"):
        with pytest.raises(UsageError):
            read_joint(both.file, {key: "1"})


def test_where_no_district_is_there_nothing_is_planned(both: Both) -> None:
    both.one.model.unlink()
    both.other.model.unlink()
    with pytest.raises(UsageError, match=r"Third|丙区"):
        read_joint(both.file)


# ---- planning ----


def test_experts_and_sums_are_those_of_the_plans(planned: Joint) -> None:
    content, plans = planned.answer.content, contents(planned)
    given = {(row["district"], row["pool"]): row["share"] for row in content["shares"]}
    # Three and one are shared out: both districts ask for two.
    assert sum(given.values()) == 4
    assert all(given[name, "city_medicine"] + given[name, "city_nursing"] == 2 for name in plans)
    for (name, pool), number in given.items():
        assert plans[name]["settings"]["pools"][pool]["away"] == number
    year = "2027"
    ledgers = [row for one in plans.values() for row in one["ledger"] if row["scope"] == "district"]
    assert content["totals"]["people"][year] == sum(row["people"] for row in ledgers)
    assert content["totals"]["served"][year] == sum(row["served"] for row in ledgers)
    (cost,) = (goal for goal in content["totals"]["goals"] if goal["name"] == "cost")
    assert cost["value"] == sum(
        stage["value"] for one in plans.values() for stage in one["stages"] if stage["name"] == "cost"
    )
    assert cost["bound"] <= cost["value"]
    assert findings(content, plans) == []


def test_two_processes_plan_what_one_does(both: Both, planned: Joint) -> None:
    # (The folders of data differ, and nothing else.)
    alone = plan_jointly(read_joint(both.file), Options(seconds=60, threads=1), Processes(1))
    for part in ("totals", "shares", "clauses"):
        assert alone.answer.content[part] == planned.answer.content[part]
    for name, plan in alone.plans.items():
        assert plan.content["sites"] == planned.plans[name].content["sites"]
        assert plan.content["roster"] == planned.plans[name].content["roster"]


def test_a_district_that_cannot_be_planned_is_a_row_with_its_reason_and_the_others_finish(both: Both) -> None:
    both.one.edit("one.toml", 'sites = ["old-station"]', 'sites = ["old-station", "no-such-site"]')
    made = plan_jointly(read_joint(both.file), Options(seconds=60, threads=1), Processes(1))
    rows = {row["name"]: row for row in made.answer.content["districts"]}
    assert rows["one"]["status"] == "failed"
    assert "no-such-site" in rows["one"]["reason"]
    assert rows["other"]["status"] == "planned"
    assert made.answer.content["totals"] is None
    assert list(made.plans) == ["other"]


def test_a_clause_that_one_district_misses_is_missed_in_all() -> None:
    def line(status: str) -> dict[str, Any]:
        about = {
            "clause": "TJ-T12",
            "year": 2025,
            "strength": "must",
            "says": None,
            "unit": "persons",
            "rule": "TJ-T12",
        }
        return {**about, "status": status, "target": 3, "value": 3, "shortfall": 0, "shortfall_unit": "persons"}

    for statuses, due in ((("met", "missed"), "missed"), (("met", "undecided"), "undecided"), (("met", "met"), "met")):
        plans = {str(n): {"scorecard": [line(status)]} for n, status in enumerate(statuses)}
        (row,) = clause_rows(plans, ["TJ"])
        assert row["status"] == due


# ---- recheck ----


def test_what_was_written_is_sound(written: Path) -> None:
    made = run("verify", written)
    assert made.exit_code == 0, made.output
    assert "sums and shares: sound" in made.output


def _more_people(content: dict[str, Any]) -> None:
    content["totals"]["people"]["2027"] += 1


def _more_served(content: dict[str, Any]) -> None:
    content["districts"][0]["served"]["2027"] += 1


def _more_given(content: dict[str, Any]) -> None:
    for row in content["shares"]:
        row["experts"] = 0


def _fewer_away(content: dict[str, Any]) -> None:
    content["shares"][0]["away"]["2027"] = 99


def _other_share(content: dict[str, Any]) -> None:
    content["shares"][0]["share"] += 5


def _lower_bound(content: dict[str, Any]) -> None:
    content["totals"]["goals"][0]["gap"] = 0.0
    content["totals"]["goals"][0]["bound"] = content["totals"]["goals"][0]["value"]


def _no_districts(content: dict[str, Any]) -> None:
    del content["districts"][0]["goals"]


@pytest.mark.parametrize(
    "forge", [_more_people, _more_served, _more_given, _fewer_away, _other_share, _lower_bound, _no_districts]
)
def test_a_forged_sum_or_share_is_found(planned: Joint, forge: Any) -> None:
    content = copy.deepcopy(dict(planned.answer.content))
    forge(content)
    assert findings(content, contents(planned))


def test_a_plan_with_more_experts_than_its_district_was_given_is_found(planned: Joint) -> None:
    plans = copy.deepcopy(contents(planned))
    tour = next(row for row in plans["one"]["roster"] if row["from"] == "city")
    plans["one"]["roster"] += [{**tour, "post": tour["post"] + 1}, {**tour, "post": tour["post"] + 2}]
    assert findings(planned.answer.content, plans)


@pytest.mark.parametrize("text", ["{", "[]", '{"kind": "joint"}', '{"kind": "prices", "districts": []}'])
def test_a_damaged_answer_is_one_message(tmp_path: Path, text: str) -> None:
    (tmp_path / "joint.json").write_text(text, encoding="utf-8")
    made = run("verify", tmp_path)
    assert made.exit_code != 0
    assert isinstance(made.exception, AllocateError)


# ---- the verbs ----


def test_check_says_every_district_who_is_missing_and_how_experts_are_shared(both: Both) -> None:
    made = run("check", both.file)
    assert made.exit_code == 0, made.output
    assert "One (one), model one" in made.output
    assert "Left out: Third, it has no model yet" in made.output
    assert "Shared experts city_medicine: 3" in made.output


@pytest.mark.parametrize("options", [("--front", "5"), ("--scenario", "more"), ("--from", "plan"), ("--solver", "cbc")])
def test_options_that_mean_one_district_are_refused(both: Both, options: tuple[str, str]) -> None:
    made = run("plan", both.file, *options)
    assert isinstance(made.exception, UsageError)
    assert options[0] in str(made.exception)


def test_verbs_for_one_district_name_the_models_of_the_districts(both: Both) -> None:
    with pytest.raises(UsageError, match="one, second"):
        read_model(both.file)
    for verb in ("explain", "scenarios", "prices"):
        assert "one, second" in str(run(verb, both.file).exception)


def test_a_folder_of_others_is_not_replaced(both: Both, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "letter.txt").write_text("mine", encoding="utf-8")
    made = run("plan", both.file, "--out", mine)
    assert isinstance(made.exception, UsageError)
    assert [path.name for path in mine.iterdir()] == ["letter.txt"]


def test_answer_and_plans_are_written_together(written: Path) -> None:
    assert {"joint.json", "joint.html", "joint.xlsx", "one", "other"} <= {path.name for path in written.iterdir()}
    assert {"plan.json", "map.html", "plan.xlsx"} <= {path.name for path in (written / "one").iterdir()}
    assert json.loads((written / "joint.json").read_text(encoding="utf-8"))["missing"][0]["name"] == "third"


# ---- the guide ----


def test_the_example_of_the_guide_is_a_joint_model(tmp_path: Path) -> None:
    guide = (bundled() / "models" / "README.md").read_text(encoding="utf-8")
    section = guide.split("## Several districts", 1)[1]
    file = tmp_path / "joint.toml"
    file.write_text(section.split("```toml\n", 1)[1].split("```", 1)[0], encoding="utf-8")
    joint = read_joint(file)
    assert list(joint.members) == ["baodi", "jinnan"]
    assert all("TJ-T12" in member.model.clauses for member in joint.members.values())
    assert joint.sharing("city_medicine") == ["baodi", "jinnan"]


def test_the_city_shares_its_experts_so_that_no_district_misses_whom_the_document_asks_for() -> None:
    # Three from each supporting hospital, 三（一）3: eight experts are assumed, and two districts are there.
    joint = read_joint(bundled() / "models" / "tianjin.toml")
    assert {"baodi", "jinnan"} <= set(joint.members)
    assert set(joint.members) | set(joint.missing) == set(joint.settings["districts"])
    for name, shares in shares_of(joint).items():
        assert joint.members[name].asks("tertiary_hospital") == 3
        assert sum(shares.values()) >= 3, name
