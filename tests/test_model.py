"""Every fault of a model file is named with its key and its cure, all of them at once."""

import re
import shutil
from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from pathlib import Path

import pytest
from conftest import Tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from allocate.bundle import bundled
from allocate.candidates import make_case
from allocate.errors import ModelError, Problem, UsageError
from allocate.goals import GOALS
from allocate.model import PRESETS, find_model, model_of, read_model
from allocate.read import find_district, read_district
from allocate.rules import RULES
from allocate.units import Basis
from allocate.words import LANGUAGES, say, speaking

LONG = "9" * 5000

# A text of the model, what takes its place, and the problem that must be named: sentence, key, word of the message.
FAULTS: dict[str, tuple[str, str, str, str, str]] = {
    "an unknown key": ("draws = 3", "draws = 3\ncolour = 1", "problem.key_unknown", "colour", "years"),
    "an unknown key in a rule": (
        "share = 0.70",
        "share = 0.70\nshere = 1",
        "problem.key_unknown",
        "rules.most_people.shere",
        "share",
    ),
    "an unknown key in a goal": (
        "unserved_minutes = 60",
        "unserved_minutes = 60\nminutes = 1",
        "problem.key_unknown",
        "goals.3.minutes",
        "unserved_minutes",
    ),
    "an unknown key of candidates": (
        "opening = 150_000",
        "opening = 150_000\nprice = 1",
        "problem.key_unknown",
        "siting.clinic.price",
        "opening",
    ),
    "an unknown key of a circle": (
        "minutes = 8",
        "minutes = 8\nspeed = 1",
        "problem.key_unknown",
        "circles.eight_minutes.speed",
        "adjoining_metres",
    ),
    "an unknown key of travel": (
        "draws = 3",
        "draws = 3\ntravel = { doupt = 0.1 }",
        "problem.key_unknown",
        "travel.doupt",
        "speed_factor",
    ),
    "a missing key": ("share = 0.70\n", "", "problem.key_missing", "rules.most_people.share", ""),
    "no district": ("district = ", "# ", "problem.key_missing", "district", ""),
    "a number of a rule without source": (
        'source = "made up, page 1"\n',
        "",
        "problem.source_missing",
        "rules.most_people.source",
        "source",
    ),
    "a number of a rule without basis": (
        'basis = "official"\nsource = "made up, page 1"',
        'source = "made up, page 1"',
        "problem.source_missing",
        "rules.most_people.basis",
        "basis",
    ),
    "a number of a rule with a blank source": (
        '"made up, page 1"',
        '""',
        "problem.key_value",
        "rules.most_people.source",
        "",
    ),
    "a cost without source": (
        'yearly = 60_000\nbasis = "assumed"\nsource = "made up"',
        'yearly = 60_000\nbasis = "assumed"',
        "problem.source_missing",
        "siting.clinic.source",
        "source",
    ),
    "a circle without source": (
        'source = "made up"\n\n[rules.most_people]',
        "\n[rules.most_people]",
        "problem.source_missing",
        "circles.eight_minutes.source",
        "source",
    ),
    "a goal's number without source": (
        'unserved_minutes = 60\nsource = "made up"',
        "unserved_minutes = 60",
        "problem.source_missing",
        "goals.3.source",
        "source",
    ),
    "a basis that is none": (
        'basis = "official"\nsource = "made up, page 1"',
        'basis = "guess"\nsource = "made up, page 1"',
        "problem.key_value",
        "rules.most_people.basis",
        "guess",
    ),
    "a share that is NaN": ("share = 0.70", "share = nan", "problem.key_value", "rules.most_people.share", "nan"),
    "a share that is infinite": ("share = 0.70", "share = inf", "problem.key_value", "rules.most_people.share", "inf"),
    "a share above 1": ("share = 0.70", "share = 1.5", "problem.key_value", "rules.most_people.share", "1.5"),
    "a share of 0": ("share = 0.70", "share = 0", "problem.key_value", "rules.most_people.share", "0"),
    "a share that is a word": (
        "share = 0.70",
        'share = "most"',
        "problem.key_value",
        "rules.most_people.share",
        "most",
    ),
    "a capacity that is half a person": (
        "people = 2500",
        "people = 0.5",
        "problem.key_value",
        "rules.clinic_room.people",
        "0.5",
    ),
    "a capacity of a kind that there is not": (
        'kinds = ["clinic"]\npeople',
        'kinds = ["clinik"]\npeople',
        "problem.choice",
        "rules.clinic_room.kinds",
        "clinic",
    ),
    "a negative cost": ("opening = 150_000", "opening = -1", "problem.key_value", "siting.clinic.opening", "-1"),
    "a count without limits": ("at_most = 5\n", "", "problem.key_value", "rules.few_new", "at_least"),
    "a capacity that is policy": (
        'strength = "physics"',
        'strength = "must"',
        "problem.key_value",
        "rules.clinic_room.strength",
        "must",
    ),
    "an unknown strength": (
        'strength = "must"',
        'strength = "perhaps"',
        "problem.key_value",
        "rules.most_people.strength",
        "perhaps",
    ),
    "an unknown rule": ('rule = "reach"', 'rule = "reech"', "problem.choice", "rules.most_people.rule", "reach"),
    "a rule that does not say which": ('rule = "reach"\n', "", "problem.choice", "rules.most_people.rule", "reach"),
    "an unknown goal": ('goal = "cost"', 'goal = "beauty"', "problem.choice", "goals.1.goal", "people_reached"),
    "a goal that stands twice": ('goal = "cost"', 'goal = "worst_town"', "problem.goal_twice", "goals", "worst_town"),
    "an unknown circle": (
        'circle = "eight_minutes"',
        'circle = "nine_minutes"',
        "problem.choice",
        "circle",
        "eight_minutes",
    ),
    "an unknown circle to compare": ('"walk_15"]', '"walk_99"]', "problem.choice", "compare_circles", "walk_15"),
    "an unknown mode": (
        'modes = ["e_bike"]',
        'modes = ["horse"]',
        "problem.choice",
        "circles.eight_minutes.modes",
        "e_bike",
    ),
    "a circle without a limit": ("minutes = 8\n", "", "problem.key_value", "circles.eight_minutes", "metres"),
    "a circle of unknown kinds": (
        'kinds = ["clinic", "station", "town',
        'kinds = ["clinik", "station", "town',
        "problem.key_value",
        "circles.eight_minutes",
        "clinik",
    ),
    "an unknown kind of place": (
        'stands_in = ["village"]',
        'stands_in = ["hamlet"]',
        "problem.key_value",
        "siting.clinic.stands_in.0",
        "hamlet",
    ),
    "a year outside the plan": (
        "years = [2025]",
        "years = [2026]",
        "problem.year_outside",
        "rules.most_people.years",
        "2025, 2027",
    ),
    "years in the wrong order": (
        "years = [2025, 2027]",
        "years = [2027, 2025]",
        "problem.key_value",
        "years",
        "2200",
    ),
    "a year twice": ("years = [2025, 2027]", "years = [2025, 2025]", "problem.key_value", "years", "2200"),
    "a year of another age": (
        "years = [2025, 2027]",
        "years = [25, 27]",
        "problem.key_value",
        "years",
        "2200",
    ),
    "only years that are past": ("as_of = 2024-12-26", "as_of = 2034-12-26", "problem.past_year", "years", "2034"),
    "no years": ("years = [2025, 2027]", "years = []", "problem.key_value", "years", ""),
    "no goals": ("[[goals]]", "[[gaols]]", "problem.key_missing", "goals", ""),
    "a rule that is no table": (
        "[rules.most_people]",
        "[rules]\nstrange = 5\n[rules.most_people]",
        "problem.not_table",
        "rules.strange",
        "",
    ),
    "modes that are no table": ("draws = 3", "draws = 3\nmodes = 5", "problem.key_value", "modes", ""),
    "broken TOML": ("draws = 3", "draws = ", "problem.not_toml", "", "Invalid value"),
    "a deep well of brackets": ("draws = 3", "draws = " + "[" * 10_000, "problem.not_toml", "", ""),
    "people without service who count less than those at the edge of the circle": (
        'goal = "cost"',
        'goal = "worst_tenth"\nunserved_minutes = 8\nsource = "made up"',
        "problem.unserved_short",
        "goals.worst_tenth.unserved_minutes",
        "8.0",
    ),
    "a target of fairness above everybody": (
        'goal = "cost"',
        'goal = "deviation"\nshare = 1.2\nsource = "made up"',
        "problem.key_value",
        "goals.1.share",
        "1",
    ),
    "a number of five thousand digits": ("draws = 3", f"draws = {LONG}", "problem.not_toml", "", ""),
}


def spoil(tiny: Tiny, name: str) -> None:
    old, new, *_ = FAULTS[name]
    tiny.edit("tiny.toml", old, new, count=-1 if name == "no goals" else 1)


def faults_of(tiny: Tiny, changes: Mapping[str, str] | None = None) -> tuple[Problem, ...]:
    with pytest.raises(ModelError) as caught:
        read_model(tiny.model, changes)
    return caught.value.problems


def test_a_sound_model_is_read_whole(tiny: Tiny) -> None:
    model = read_model(tiny.model)
    assert model.years == (2025, 2027)
    assert model.as_of == date(2024, 12, 26)
    kinds = ("reach", "capacity", "count", "spending", "keep", "forbid", "spacing")
    assert {type(rule) for rule in model.rules.values()} == {RULES[kind] for kind in kinds}
    assert list(model.goals) == ["people_reached", "cost", "worst_town", "travel"]
    assert set(model.goals) <= set(GOALS)
    assert model.rules["most_people"].basis is Basis.OFFICIAL
    assert set(model.circles) >= {"eight_minutes", "rural_village", "walk_15"}
    assert sorted(model.inputs) == ["presets/circles.toml", "tiny.toml"]


def test_the_settings_hold_the_whole_model(tiny: Tiny) -> None:
    model = read_model(tiny.model)
    again = model_of(model.settings, model.id, "settings", model.inputs)
    assert again == model


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_is_named_with_its_key_and_its_cure_in_both_languages(name: str, tiny: Tiny) -> None:
    spoil(tiny, name)
    _, _, what, column, word = FAULTS[name]
    for language in LANGUAGES:
        with speaking(language):
            with pytest.raises(ModelError) as caught:
                read_model(tiny.model)
            found = [p for p in caught.value.problems if (p.what, p.column) == (what, column)]
            assert found, [(p.what, p.column) for p in caught.value.problems]
            line = next(line for line in str(caught.value).splitlines() if found[0].sentence() in line)
            assert line.startswith("  * tiny.toml")
            assert column in line
            assert word in line
            assert line.endswith(say(what, **found[0].details))


@pytest.mark.parametrize("language", LANGUAGES)
def test_faults_of_every_table_come_in_one_message(language: str, tiny: Tiny) -> None:
    names = (
        "an unknown key",
        "an unknown key in a rule",
        "a share above 1",
        "a negative cost",
        "an unknown goal",
        "a goal's number without source",
        "a circle without a limit",
        "a count without limits",
    )
    for name in names:
        spoil(tiny, name)
    with speaking(language):  # type: ignore[arg-type]
        with pytest.raises(ModelError) as caught:
            read_model(tiny.model)
        found = {(p.what, p.column) for p in caught.value.problems}
        assert found == {FAULTS[name][2:4] for name in names}
        lines = str(caught.value).splitlines()
        assert len(lines) == 1 + len(names)
        assert str(len(names)) in lines[0]


def test_contradictions_between_tables_come_in_one_message(tiny: Tiny) -> None:
    names = ("an unknown circle", "an unknown circle to compare", "an unknown mode", "a year outside the plan")
    for name in names:
        spoil(tiny, name)
    assert {(p.what, p.column) for p in faults_of(tiny)} == {FAULTS[name][2:4] for name in names}


def test_an_unknown_key_is_answered_with_the_nearest_and_with_all(tiny: Tiny) -> None:
    spoil(tiny, "an unknown key in a rule")
    (problem,) = faults_of(tiny)
    assert problem.details["near"] == "share"
    for key in ("scope", "years", "strength", "source", "basis", "weight"):
        assert key in str(problem.details["keys"]).split(", ")


def test_a_clause_whose_deadline_has_passed_may_name_a_year_before_the_plan(tiny: Tiny) -> None:
    model = read_model(tiny.model, {"rules.most_people.years": "[2023]"})
    assert "most_people" in model.rules
    assert "most_people" not in model.planned()


def test_a_change_is_read_as_in_toml_and_stands_in_the_settings(tiny: Tiny) -> None:
    changes = {
        "rules.most_people.share": "0.9",
        "goals.3.unserved_minutes": "45",
        "years": "[2025, 2027, 2030]",
        "title.en": "Another title",
        "circles.rural_village.minutes": "10",
        "rules.most_people.weight": "2.5",
    }
    model = read_model(tiny.model, changes)
    assert model.rules["most_people"].share == 0.9  # type: ignore[attr-defined]
    assert model.rules["most_people"].weight == 2.5
    assert model.goals["travel"].unserved_minutes == 45  # type: ignore[attr-defined]
    assert model.years == (2025, 2027, 2030)
    assert model.title["en"] == "Another title"
    assert model.circles["rural_village"].minutes == 10
    assert model.settings["rules"]["most_people"]["share"] == 0.9
    assert model.settings["title"]["en"] == "Another title"


def test_a_key_that_the_file_leaves_at_its_default_can_be_changed(tiny: Tiny) -> None:
    tiny.edit("tiny.toml", "seed = 5\n", "")
    assert read_model(tiny.model).seed == 1
    assert read_model(tiny.model, {"seed": "9"}).seed == 9


@pytest.mark.parametrize(
    ("key", "part", "answer"),
    [
        ("rules.most_peple.share", "most_peple", "most_people"),
        ("colour", "colour", "years"),
        ("rulez.most_people.share", "rulez", "rules"),
        ("goals.9.gap", "9", "0, 1, 2, 3"),
        ("goals.0.0.0", "0", ""),
        ("years.x", "x", "0, 1"),
        ("seed.x", "x", ""),
        ("", "", "title"),
    ],
)
def test_a_change_of_an_unknown_key_is_answered_with_the_known_ones(
    key: str, part: str, answer: str, tiny: Tiny
) -> None:
    with pytest.raises(UsageError) as caught:
        read_model(tiny.model, {key: "1"})
    (problem,) = caught.value.problems
    assert (problem.what, problem.value, problem.details["part"]) == ("problem.set_key", key, part)
    assert answer in str(problem.details["choices"])


@pytest.mark.parametrize(
    ("key", "value", "column"),
    [
        ("rules.most_people.share", "1.5", "rules.most_people.share"),
        ("rules.most_people.shere", "0.5", "rules.most_people.shere"),
        ("rules.most_people.share", "most", "rules.most_people.share"),
        ("years", "2025", "years"),
        ("rules", "5", "rules"),
        ("goals", "{}", "goals"),
        ("goals.0", "5", "goals.0"),
        ("circles", "5", "circles"),
        ("seed", LONG, "seed"),
        ("seed", "[" * 10_000, "seed"),
    ],
)
def test_a_change_to_a_wrong_value_is_a_fault_of_that_key(key: str, value: str, column: str, tiny: Tiny) -> None:
    assert column in {problem.column for problem in faults_of(tiny, {key: value})}


@pytest.mark.parametrize("rule", ["keep_station", "not_here"])
def test_a_rule_about_a_site_that_there_is_not_shows_how_sites_are_written(rule: str, tiny: Tiny) -> None:
    model = read_model(tiny.model, {f"rules.{rule}.sites": '["clinic-T9", "old-clinic"]'})
    with pytest.raises(ModelError) as caught:
        make_case(read_district(tiny.folder), model)
    (problem,) = caught.value.problems
    assert (problem.what, problem.column, problem.value) == ("problem.site_near", f"rules.{rule}.sites", "clinic-T9")
    assert "clinic-T1009" in problem.sentence()


def test_villages_of_a_list_that_there_are_not_come_all_at_once(tiny: Tiny) -> None:
    district = read_district(tiny.folder)
    village, other = (next(one.id for one in district.places if one.kind == kind) for kind in ("village", "community"))
    lists = f'listed = ["{village}", "{other}", "T9999"]'
    rules = f'{{ rounds = {{ rule = "rounds", times = 2, where = "listed", {lists}, strength = "must", '
    model = read_model(tiny.model, {"rules": rules + 'source = "made up", basis = "assumed" } }'})
    with pytest.raises(ModelError) as caught:
        make_case(district, model)
    assert [(one.what, one.column, one.value) for one in caught.value.problems] == [
        ("problem.no_village", "rules.rounds.listed", other),
        ("problem.no_village", "rules.rounds.listed", "T9999"),
    ]
    assert village in caught.value.problems[0].sentence()


def test_a_model_that_is_nowhere_is_answered_with_the_bundled_ones() -> None:
    with pytest.raises(UsageError) as caught:
        find_model("nowhere")
    assert "baodi" in str(caught.value)


def test_a_model_that_is_not_utf_8_is_refused(tiny: Tiny) -> None:
    tiny.model.write_bytes(tiny.model.read_text(encoding="utf-8").encode("gb18030"))
    assert [p.what for p in faults_of(tiny)] == ["problem.model_encoding"]


def test_a_model_with_a_byte_order_mark_is_read(tiny: Tiny) -> None:
    before = read_model(tiny.model)
    tiny.model.write_bytes(b"\xef\xbb\xbf" + tiny.model.read_bytes())
    assert read_model(tiny.model).settings == before.settings


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(value=VALUES, chance=st.randoms(use_true_random=False))
def test_whatever_stands_at_a_key_no_other_error_comes_out(value: object, chance: object) -> None:
    content = read_model(Path(__file__).parent / "data" / "tiny.toml").settings
    plain: dict[str, object] = {**content}
    table, key = plain, ""
    while True:
        key = chance.choice(list(table))  # type: ignore[attr-defined]
        inner = table[key]
        if not isinstance(inner, dict) or not inner or chance.random() < 0.3:  # type: ignore[attr-defined]
            break
        table[key] = table = {**inner}
    table[key] = value
    try:
        assert model_of(plain, "tiny", "tiny.toml", {}).years
    except ModelError as error:
        message = str(error)
        assert message.count("tiny.toml") >= len(error.problems) > 0  # noqa: PT017


def test_a_model_finds_its_district_beside_itself_wherever_one_stands(tiny: Tiny, tmp_path: Path) -> None:
    home = tmp_path / "mine"
    (home / "models").mkdir(parents=True)
    shutil.copytree(tiny.folder, home / "data" / "valley")
    text = tiny.model.read_text(encoding="utf-8")
    (home / "models" / "valley.toml").write_text(
        re.sub(r"(?m)^district = .*$", 'district = "valley"', text), encoding="utf-8"
    )
    model = read_model(home / "models" / "valley.toml")
    assert find_district(model.district, model.home) == home / "data" / "valley"


def test_every_rule_and_goal_stands_in_the_guide_with_its_own_keys() -> None:
    guide = (bundled() / "models" / "README.md").read_text(encoding="utf-8")
    common = {one.name for one in fields(RULES["keep"])} - {"sites"}
    for name, kind in [*RULES.items(), *GOALS.items()]:
        assert f"| `{name}` |" in guide
        for one in fields(kind):
            assert one.name in common or f"`{one.name}`" in guide, f"{name}.{one.name}"


def own_circles(tiny: Tiny, text: str) -> None:
    """Put circles of the planner's own beside the model."""
    file = tiny.model.parent / PRESETS
    file.parent.mkdir()
    file.write_text(text, encoding="utf-8")


def test_circles_beside_the_model_take_the_place_of_the_bundled_ones(tiny: Tiny) -> None:
    text = (bundled() / "models" / PRESETS).read_text(encoding="utf-8")
    before = read_model(tiny.model)
    own_circles(tiny, text.replace("speed_kmh = 15.0", "speed_kmh = 12.5").split("[circles.car_15]")[0])
    after = read_model(tiny.model)
    assert (before.modes["e_bike"].speed_kmh, after.modes["e_bike"].speed_kmh) == (15.0, 12.5)
    assert set(before.circles) - set(after.circles) == {"car_15"}
    assert before.inputs["tiny.toml"] == after.inputs["tiny.toml"]
    assert before.inputs[PRESETS] != after.inputs[PRESETS]


@pytest.mark.parametrize(
    ("old", "new", "what", "column"),
    [
        ("speed_kmh = 15.0", "speed_kmh = -1", "problem.key_value", "modes.e_bike.speed_kmh"),
        ("speed_kmh = 15.0", "sped_kmh = 15.0", "problem.key_unknown", "modes.e_bike.sped_kmh"),
        ("[modes.walk]", "[mode.walk]", "problem.key_unknown", "mode"),
        ("[modes.car]", "[modes]\nlift = 3\n[modes.car]", "problem.key_value", "modes.lift"),
    ],
)
def test_a_fault_of_the_planners_own_circles_is_named_with_their_file_and_once(
    old: str, new: str, what: str, column: str, tiny: Tiny
) -> None:
    text = (bundled() / "models" / PRESETS).read_text(encoding="utf-8")
    assert old in text
    own_circles(tiny, text.replace(old, new, 1))
    tiny.edit("tiny.toml", "share = 0.70", "share = 1.5")
    found = [(p.what, p.file, p.column) for p in faults_of(tiny)]
    assert (what, PRESETS, column) in found
    assert ("problem.key_value", "tiny.toml", "rules.most_people.share") in found
    columns = [column for _, _, column in found]
    assert len(columns) == len(set(columns))


@pytest.mark.parametrize("text", ["circles = 3", "modes = [1]", "circles = 3\nmodes = 4"])
def test_circles_that_are_no_tables_are_refused(text: str, tiny: Tiny) -> None:
    own_circles(tiny, text)
    assert {p.column for p in faults_of(tiny) if p.file == PRESETS} == {line.split()[0] for line in text.splitlines()}


def test_circles_that_are_no_toml_are_refused_by_their_name(tiny: Tiny) -> None:
    own_circles(tiny, "[circles")
    assert [(p.what, p.file) for p in faults_of(tiny)] == [("problem.not_toml", PRESETS)]


def test_a_text_that_is_no_toml_is_blamed_by_line_and_character_in_the_language_of_the_session(tiny: Tiny) -> None:
    tiny.edit("tiny.toml", 'circle = "eight_minutes"', "circle = “eight_minutes”")
    lines = tiny.model.read_text(encoding="utf-8").splitlines()
    line = next(number for number, text in enumerate(lines, 1) if "“" in text)
    for language, said in (
        ("zh", f"第 {line} 行第 10 个字符附近看不懂（Invalid value）。请检查引号"),
        ("en", f"line {line}, near character 10: Invalid value. Check quotes"),
    ):
        with speaking(language), pytest.raises(ModelError) as caught:  # type: ignore[arg-type]
            read_model(tiny.model)
        assert said in str(caught.value)


def test_a_name_that_no_model_has_is_answered_with_those_of_this_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        find_model("mien")
    assert "当前文件夹" not in str(caught.value)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine.toml").write_text("", encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        find_model("mien")
    assert "当前文件夹的模型：mine；自带的模型：" in str(caught.value)
